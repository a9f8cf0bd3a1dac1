"""What follows from the facts of a mount: its state, the next step, and the message where there is none."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest

from aegir_components.messages import Message, number_of
from aegir_components.services import mounts
from aegir_components.services.mounts import Mounted, Seen, State, Step, Wanted

PATH = "/var/aegir/platforms"
WANT = Wanted(path=PATH, source="10.0.0.9:/export", options="hard,nosuid", mark=".aegir-export")
OPTIONS = "rw,nosuid,nodev,noatime,vers=4.2,hard,lookupcache=pos,proto=tcp"
AUTO = Mounted(kind="autofs", source="systemd-1", options="rw,direct")
NFS = Mounted(kind="nfs4", source=WANT.source, options=OPTIONS)
FINE = Seen(status="0", line=WANT.line, table=(AUTO, NFS))
OTHER = replace(NFS, source="10.0.0.8:/export")
LIMIT = "/etc/systemd/system/var-aegir-platforms.mount.d/aegir.conf"
HUNG = replace(FINE, status="137")
ANOTHER = replace(FINE, line=f"10.0.0.8:/export {PATH} nfs4 hard 0 0", table=(AUTO, OTHER))
STATES = [
    (FINE, State("fine")),
    (HUNG, State("hung", "10.0.0.9:/export does not answer")),
    (replace(FINE, status="124", table=(AUTO,)), State("hung", "10.0.0.9:/export does not answer")),
    (replace(FINE, table=(AUTO,)), State("missing", "10.0.0.9:/export is not mounted")),
    (replace(FINE, status="1", table=()), State("missing", "10.0.0.9:/export is not mounted")),
    (replace(FINE, table=(AUTO, OTHER)), State("other", "10.0.0.8:/export is mounted, not 10.0.0.9:/export")),
    (replace(FINE, table=(OTHER, NFS)), State("fine")),
    (
        replace(FINE, status="1", said="cat: .aegir-export: Stale file handle"),
        State("stale", "it cannot be read: cat: .aegir-export: Stale file handle"),
    ),
    *(
        (
            replace(FINE, table=(replace(NFS, options=OPTIONS.replace(option, "")),)),
            State("options", f"is mounted without {option}"),
        )
        for option in mounts.NEEDED
    ),
]


@pytest.mark.parametrize(("seen", "state"), STATES, ids=[f"{state.kind} {n}" for n, (_, state) in enumerate(STATES)])
def test_the_state_follows_from_the_facts(seen: Seen, state: State) -> None:
    assert state == mounts.state_of(WANT, seen)


def test_facts_are_read_as_findmnt_and_fstab_write_them() -> None:
    facts = {
        "mount-status": "0",
        "mount-line": WANT.line,
        "mount-table": f"autofs systemd-1 rw,direct\nnfs4 10.0.0.9:/ex\\x20port {OPTIONS}",
    }
    seen = Seen.of(facts)

    assert (AUTO, replace(NFS, source="10.0.0.9:/ex port")) == seen.table
    assert ("0", WANT.line) == (seen.status, seen.line)
    assert Seen() == Seen.of({})


@pytest.mark.parametrize(
    ("seen", "drift"),
    [
        (FINE, []),
        (replace(FINE, line=""), ["its line in /etc/fstab is missing or differs"]),
        (replace(FINE, endless=LIMIT), [f"may end for good after some failures, since {LIMIT} is missing"]),
        (replace(FINE, line="", endless=LIMIT), ["its line in /etc/fstab is missing or differs"]),
        (HUNG, ["10.0.0.9:/export does not answer"]),
        (
            replace(ANOTHER, status="1"),
            [
                "its line in /etc/fstab is missing or differs",
                "10.0.0.8:/export is mounted, not 10.0.0.9:/export",
            ],
        ),
    ],
)
def test_drift_names_the_path_and_all_that_differs(seen: Seen, drift: list[str]) -> None:
    assert [f"mount {PATH}: {text}" for text in drift] == mounts.drift(WANT, seen)


def test_where_all_is_right_nothing_is_done() -> None:
    assert mounts.next_step(WANT, FINE, []) is None


NEXT = [
    # The first time, or another source or options.
    ("new", replace(FINE, line="", table=()), [], Step.CLEAR),
    ("another", ANOTHER, [], Step.CLEAR),
    ("cleared", ANOTHER, [Step.CLEAR], Step.WRITE),
    ("written", FINE, [Step.CLEAR, Step.WRITE], None),
    ("written and not read back", ANOTHER, [Step.CLEAR, Step.WRITE], Step.AGAIN),
    (
        "something else is mounted",
        replace(FINE, line="", table=(replace(NFS, kind="ext4", source="/dev/sdb1"),)),
        [],
        4611,
    ),
    ("files are below", replace(ANOTHER, there="upload "), [Step.CLEAR], 4612),
    ("the automount does not start", replace(FINE, automount="failed: no unit"), [Step.CLEAR, Step.WRITE], 4610),
    # It may end after some failures.
    ("endless", replace(FINE, endless=LIMIT), [], Step.LIMIT),
    ("limited", FINE, [Step.LIMIT], None),
    # The server does not answer: it gets time once.
    ("hung", HUNG, [], Step.WAIT),
    ("hung for good", HUNG, [Step.WAIT], 4613),
    ("back", FINE, [Step.WAIT], None),
    ("back without a mount", replace(FINE, table=(AUTO,)), [Step.WAIT], Step.AGAIN),
    ("hung once it is mounted again", HUNG, [Step.AGAIN], 4613),
    ("hung once it is written", HUNG, [Step.CLEAR, Step.WRITE], Step.WAIT),
    # Everything else is mounted again once, and then tried for its reason.
    *((kind, STATES[n][0], [], Step.AGAIN) for n, kind in ((3, "missing"), (5, "other"), (7, "stale"), (8, "options"))),
    ("again in vain", STATES[3][0], [Step.AGAIN], Step.TRY),
    ("tried", STATES[3][0], [Step.AGAIN, Step.TRY], 4614),
    # What waits for a server that is gone is freed, once there is another.
    ("kept", replace(FINE, keeper="4711"), [Step.CLEAR, Step.WRITE], Step.FREE),
    ("kept by nobody", replace(FINE, keeper="none"), [Step.CLEAR, Step.WRITE], Step.FREE),
    ("freed", replace(FINE, keeper="4711"), [Step.CLEAR, Step.WRITE, Step.FREE], None),
    ("stuck", replace(FINE, keeper="4711", stuck="php8.2-fpm.service"), [Step.CLEAR, Step.WRITE, Step.FREE], 4616),
]


@pytest.mark.parametrize(("seen", "done", "then"), [row[1:] for row in NEXT], ids=[row[0] for row in NEXT])
def test_the_next_step_follows_from_the_facts(seen: Seen, done: list[Step], then: Step | int | None) -> None:
    decided = mounts.next_step(WANT, seen, done)

    assert then == (number_of(decided) if isinstance(decided, Message) else decided)


REMOVAL = [
    ("it is not ours", replace(FINE, line=""), [], None),
    ("it is there", FINE, [], Step.OFF),
    ("it is off", replace(FINE, table=()), [Step.OFF], Step.FORGET),
    ("it stays", FINE, [Step.OFF], 4615),
    ("its automount stays", replace(FINE, table=(AUTO,)), [Step.OFF], 4615),
    ("it is forgotten", replace(FINE, table=()), [Step.OFF, Step.FORGET], None),
    ("it hung", replace(FINE, table=(), keeper="4711"), [Step.OFF, Step.FORGET], Step.FREE),
    ("all is free", replace(FINE, table=(), keeper="4711"), [Step.OFF, Step.FORGET, Step.FREE], None),
    ("one is stuck", replace(FINE, stuck="nginx.service"), [Step.OFF, Step.FORGET, Step.FREE], 4616),
]


@pytest.mark.parametrize(("seen", "done", "then"), [row[1:] for row in REMOVAL], ids=[row[0] for row in REMOVAL])
def test_the_next_step_of_a_removal(seen: Seen, done: list[Step], then: Step | int | None) -> None:
    decided = mounts.next_removal(PATH, seen, done)

    assert then == (number_of(decided) if isinstance(decided, Message) else decided)


def test_steps_end_whatever_the_machine_tells() -> None:
    facts = [
        replace(seen, line=line, endless=endless, keeper=keeper)
        for seen, _ in STATES[:9]
        for line, endless, keeper in itertools.product((WANT.line, ""), (LIMIT, ""), ("4711", ""))
    ]
    for told in itertools.product(facts[::5], repeat=2):
        done: list[Step] = []
        for seen in itertools.cycle(told):
            decided = mounts.next_step(WANT, seen, done)
            if not isinstance(decided, Step):
                break
            assert decided not in done
            done.append(decided)


MESSAGES = [
    (
        replace(FINE, automount="failed: Job failed."),
        [Step.AGAIN],
        f"the automount of {PATH} does not start: Job failed.",
    ),
    (
        replace(FINE, line="", table=(replace(NFS, kind="ext4", source="/dev/sdb1"),)),
        [],
        f"something else is mounted on {PATH}: /dev/sdb1 ext4. Unmount it first",
    ),
    (
        replace(ANOTHER, there="own "),
        [Step.CLEAR],
        f"{PATH} is not empty: a mount would hide what is in it (own ). Move that away first",
    ),
    (
        HUNG,
        [Step.WAIT],
        f"{PATH} does not answer: the NFS server 10.0.0.9 is down or cannot be reached. What waits for it goes on by itself when "
        "it is back, and nothing is lost. If it is up, check its port 2049 from here. If it is gone for good, declare where "
        "its files are now (a pack's failover) and run pulumi up, which frees what waits here",
    ),
    (
        replace(FINE, table=(), tried="mount.nfs4: access denied by server while mounting 10.0.0.9:/export"),
        [Step.AGAIN, Step.TRY],
        f"10.0.0.9:/export could not be mounted on {PATH} (10.0.0.9:/export is not mounted): mount.nfs4: access denied by server "
        "while mounting 10.0.0.9:/export On the NFS server, exportfs -v shows to whom it exports",
    ),
    (
        replace(FINE, table=(), tried="timed out", port="closed"),
        [Step.AGAIN, Step.TRY],
        f"10.0.0.9:/export could not be mounted on {PATH} (10.0.0.9:/export is not mounted): port 2049 of 10.0.0.9 does not "
        "answer from here: is nfs-server running there, and does a firewall let this machine in? timed out On the NFS server, "
        "exportfs -v shows to whom it exports",
    ),
    (
        replace(FINE, table=(), words="Mounting failed."),
        [Step.AGAIN, Step.TRY],
        f"10.0.0.9:/export could not be mounted on {PATH} (10.0.0.9:/export is not mounted): Mounting failed. On the NFS server, "
        "exportfs -v shows to whom it exports",
    ),
    (
        replace(FINE, stuck="nginx.service", stuck_said="no socket"),
        [Step.FREE],
        "nginx.service does not start again after a mount that hung: no socket. If a process of the former one is in its way, it "
        "waits for the NFS server that is gone: restart this machine",
    ),
]


@pytest.mark.parametrize(("seen", "done", "text"), MESSAGES, ids=[row[2][:30] for row in MESSAGES])
def test_messages_keep_their_words(seen: Seen, done: list[Step], text: str) -> None:
    assert text == mounts.next_step(WANT, seen, done)


def test_only_a_mount_that_hangs_is_kept_and_taken_off_by_force() -> None:
    hung = mounts.lines(Step.CLEAR, WANT, HUNG)
    assert [f"mount_keep {PATH}", f"mount_off {PATH} -f", f"mount_bare {PATH}"] == hung[1:]
    for seen in (FINE, replace(HUNG, table=(AUTO,)), replace(FINE, status="1")):
        assert [f"mount_off {PATH}", f"mount_bare {PATH}"] == mounts.lines(Step.CLEAR, WANT, seen)[1:]
    assert f"mount_off {PATH}" in mounts.lines(Step.AGAIN, WANT, HUNG)
    assert f"mount_off {PATH} -f" in mounts.removal_lines(Step.OFF, PATH, HUNG)


def test_the_process_that_holds_on_to_a_mount_is_named_when_it_is_freed() -> None:
    assert f"mount_free {PATH} 4711" == mounts.lines(Step.FREE, WANT, replace(FINE, keeper="4711"))[-1]
    assert f"mount_free {PATH} ''" == mounts.lines(Step.FREE, WANT, replace(FINE, keeper="none"))[-1]


@pytest.mark.parametrize("source", ["[2001:db8::1]:/export", "2001:db8::1:/export"])
def test_the_server_of_an_export_is_its_address(source: str) -> None:
    assert "2001:db8::1" == replace(WANT, source=source).server


@pytest.mark.parametrize("step", [Step.WRITE, Step.LIMIT, Step.WAIT, Step.AGAIN])
def test_a_step_that_may_have_been_enough_asks_the_server_again_in_the_same_script(step: Step) -> None:
    assert mounts.lines(step, WANT, FINE)[-1].startswith(f"mount_facts path={PATH} mark=.aegir-export patience=35")
