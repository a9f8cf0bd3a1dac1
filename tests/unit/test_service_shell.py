"""The shell of services, run by real shells with stand-ins for the programs of a machine."""

from __future__ import annotations

from pathlib import PurePosixPath

import pytest

from aegir_components.scripts import script
from aegir_components.scripts.libraries import functions

from .conftest import Shell

OTHERS = {"mariadb": "50-server.cnf", "mysql": "mysqld.cnf"}
"""The files of Debian's MariaDB and Ubuntu's MySQL that set the address to listen on."""


@pytest.mark.parametrize("unit", ["mariadb", "mysql"])
def test_our_settings_of_a_database_are_read_after_the_distributions_own(shell: Shell, unit: str) -> None:
    ran = shell.check(functions("mysql"), f"mysql_unit() {{ echo {unit}; }}", 'fact file "$(mysql_file)"')

    ours = PurePosixPath(ran.report.facts["file"])
    assert OTHERS[unit] < ours.name
    assert unit == ours.parent.name.removesuffix(".conf.d")


class TestReloadOfNginx:
    """A worker that accepts until somebody waits for it, and a clock that goes on by a minute with each look."""

    def stand_ins(self, shell: Shell, *more: str) -> list[str]:
        return [
            functions("web"),
            f"WAITED={shell.root}/waited CLOCK={shell.root}/clock",
            "systemctl() { :; }; tail() { echo 'bind() to 0.0.0.0:80 failed'; }; rm() { echo \"::removed\"; }",
            "children_of() { echo 4711; }; nginx_accepts() { [ ! -e $WAITED ]; }; sleep() { : >$WAITED; }",
            *more,
        ]

    def test_it_waits_until_old_workers_take_no_more_connections(self, shell: Shell) -> None:
        ran = shell.apply(*self.stand_ins(shell, "nginx_reload && fact waited yes"))

        assert {"waited": "yes"} == ran.report.facts
        assert (shell.root / "waited").exists()
        assert "::removed" in ran.stdout

    def test_a_worker_that_stays_is_a_reload_that_failed_and_still_waits(self, shell: Shell) -> None:
        clock = 'date() { echo 60 >>$CLOCK; echo $(($(wc -l <"$CLOCK") * 60)); }; sleep() { :; }'

        ran = shell.apply(*self.stand_ins(shell, clock, 'fact said "$(nginx_reload || echo failed)"'))

        assert "nginx keeps its old configuration: bind() to 0.0.0.0:80 failed\nfailed" == ran.report.facts["said"]


class TestPhpReload:
    """PHP-FPM starts again in the same process: a reload that never comes is no success."""

    @pytest.mark.parametrize(
        ("again", "said"), [("yes", "well"), ("no", "has not started again 90 seconds after its reload")]
    )
    def test_a_master_that_goes_on_as_before_is_a_reload_that_failed(self, shell: Shell, again: str, said: str) -> None:
        ran = shell.apply(
            functions("web"),
            f"CLOCK={shell.root}/clock AGAIN={again}",
            "systemctl() { echo 4711; }; sleep() { :; }",
            'date() { echo 40 >>$CLOCK; echo $(($(wc -l <"$CLOCK") * 40)); }',
            'fpm_start_of() { if [ $AGAIN = no ]; then echo same; else wc -l <"$CLOCK"; fi; }; : >"$CLOCK"',
            'fact said "$(fpm_renewed php8.2-fpm true && echo well)"',
        )

        assert said in ran.report.facts["said"]


APACHECTL = "ExecReload={ path=/usr/sbin/apachectl ; argv[]=/usr/sbin/apachectl graceful ; ignore_errors=no ; pid=7 }"
OWN = "ExecReload={ path=/usr/local/bin/mine ; argv[]=/usr/local/bin/mine ; ignore_errors=no ; pid=7 }"


class TestReloadOfAUnit:
    """The distribution's own command is nothing but a test and a signal: the test was ours, and the signal is sent."""

    def reload(self, shell: Shell, *shown: str, stale: str = "") -> list[str]:
        ran = shell.apply(
            functions("web"),
            f"LOG={shell.root}/log",
            "kill() { echo kill $* >>$LOG; }; rm() { :; }",
            f"SHOWN='{chr(10).join(shown)}'",
            'systemctl() { if [ "$1" = show ]; then echo "$SHOWN"; else echo systemctl $* >>$LOG; fi; }',
            f"STALE_TEST={stale} apache_reload && fact done yes",
        )
        assert {"done": "yes"} == ran.report.facts
        log = shell.root / "log"
        return log.read_text().splitlines() if log.exists() else []

    def test_the_distributions_own_command_is_its_signal(self, shell: Shell) -> None:
        assert ["kill -s USR1 497"] == self.reload(shell, "MainPID=497", APACHECTL, "ActiveState=active")

    @pytest.mark.parametrize(
        "shown",
        [
            ("MainPID=497", OWN, "ActiveState=active"),
            ("MainPID=497", APACHECTL, OWN, "ActiveState=active"),
            ("MainPID=497", APACHECTL.replace("graceful", "graceful -k"), "ActiveState=active"),
            ("MainPID=497", "ActiveState=active"),
            ("MainPID=0", APACHECTL, "ActiveState=active"),
            ("MainPID=497", OWN, "ActiveState=reloading"),
        ],
    )
    def test_any_other_is_run(self, shell: Shell, shown: tuple[str, ...]) -> None:
        assert ["systemctl reload apache2"] == self.reload(shell, *shown)

    def test_a_test_of_some_time_ago_counts_for_nothing(self, shell: Shell) -> None:
        """Apache that reads something wrong after a signal ends; its own command tests once more."""
        shown = ("MainPID=497", APACHECTL, "ActiveState=active")

        assert ["systemctl reload apache2"] == self.reload(shell, *shown, stale="1")

    @pytest.mark.parametrize("state", ["inactive", "failed", "activating"])
    def test_one_that_does_not_run_reads_it_when_it_starts(self, shell: Shell, state: str) -> None:
        assert [] == self.reload(shell, "MainPID=0", APACHECTL, f"ActiveState={state}")


@pytest.mark.parametrize(
    ("waited", "left"),
    [
        ("", ["apache2", "php8.2-fpm"]),
        ("apache2", ["php8.2-fpm"]),
        ("php8.2-fpm apache2", []),
        ("apache", ["apache2", "php8.2-fpm"]),
    ],
)
def test_a_web_service_leaves_a_reload_that_waited_already_to_the_one_after_the_sites(
    shell: Shell, waited: str, left: list[str]
) -> None:
    """What stops it may be a site's vhost that somebody broke, and the site comes later."""
    lines = [
        functions("web"),
        f"ls() {{ printf '%s\\n' {waited}; }}",
        "reloads_that_wait",
        'activate() { deviates "$3: a change waits for its reload" || return 0; }',
        "activate_new test reload apache2; activate_new test reload php8.2-fpm",
    ]

    assert [f"{unit}: a change waits for its reload" for unit in left] == list(shell.apply(*lines).report.changed)
    assert 2 == len(shell.check(*lines).report.drift)


class TestUploadsWithoutAccessLists:
    """A file system that keeps none, as over NFS 4: uploads are opened by their mode, and what is there already once."""

    def stand_ins(self, shell: Shell, *more: str) -> list[str]:
        return [
            functions("uploads"),
            f"LOG={shell.root}/log; : >>$LOG",
            'setfacl() { return 1; }; getfacl() { :; }; touching() { "$@"; }; chown() { :; }',
            'runuser() { shift 3; echo "$*" >>$LOG; "$@"; }',
            'stat() { command stat "$@" | sed "s/^[^:]*:[^:]*:/me:www-data:/"; }',
            *more,
            f'want_served_dir {shell.root}/files me; fact log "$(cat $LOG)"',
        ]

    def test_they_are_open_to_all_and_somebody_is_told(self, shell: Shell) -> None:
        upload = shell.root / "files" / "2026" / "a.png"
        upload.parent.mkdir(parents=True)
        upload.write_text("x")
        upload.chmod(0o660)
        upload.parent.chmod(0o770)
        ran = shell.apply(*self.stand_ins(shell))

        assert str(shell.root / "files") == ran.report.facts["open"]
        assert "-mindepth 1 -exec chmod o+rX {} +" in ran.report.facts["log"]
        modes = [path.stat().st_mode & 0o7777 for path in (shell.root / "files", upload.parent, upload)]
        assert [0o2775, 0o775, 0o664] == [*modes[:1], modes[1] & 0o777, modes[2]]
        upload.chmod(0o660)
        again = shell.apply(*self.stand_ins(shell))
        assert 0o660 == upload.stat().st_mode & 0o777
        assert "chmod" not in again.report.facts["log"].splitlines()[1:]
        assert () == shell.check(*self.stand_ins(shell)).report.drift
        assert not list(shell.root.glob(".aegir-acl*"))

    def test_a_share_that_squashes_root_and_shows_no_list_is_tried_as_the_web_server(self, shell: Shell) -> None:
        """The directory stays as its exporter made it; what the site's user makes there is read, or somebody is told."""
        files = shell.root / "files"
        files.mkdir()
        files.chmod(0o2770)
        squash = 'mktemp() { case "$*" in *.aegir-root*|*.aegir-acl*) return 1 ;; *) command mktemp "$@" ;; esac; }'
        allowed = 'runuser() { shift 3; echo "$*" >>$LOG; "$@"; }'
        denied = 'runuser() { who=$2; shift 3; [ "$who" != www-data ] || return 1; "$@"; }'
        for runuser, told in ((allowed, None), (denied, str(files))):
            for run in (shell.check, shell.apply):
                report = run(*self.stand_ins(shell, squash, runuser)).report
                assert told == report.facts.get("forbidden")
                assert () == report.drift
                assert () == report.changed
        assert [] == list(files.iterdir())


class TestNamesOfASite:
    """A block in /etc/hosts, in which no name stands that somebody has led elsewhere."""

    def own(self, shell: Shell, *names: str, site: str = "www.example.com") -> str:
        hosts = shell.root / "hosts"
        ran = shell.apply(functions("names"), f"want_own_names {hosts} 'site {site}' {' '.join(names)}")
        assert "::fail" not in ran.stdout
        return hosts.read_text()

    def test_names_of_others_lines_stay_what_they_are(self, shell: Shell) -> None:
        (shell.root / "hosts").write_text(
            "127.0.0.1 localhost\n10.0.0.9 db1 www.example.org # example.net\n# www.example.com\n"
        )
        text = self.own(shell, "www.example.com", "www.example.org")
        assert (
            "# BEGIN aegir site www.example.com\n127.0.0.1 www.example.com\n# END aegir site www.example.com\n" in text
        )
        assert "127.0.0.1 www.example.org" not in text
        assert text == self.own(shell, "www.example.com", "www.example.org")

    def test_an_alias_that_moves_to_another_site_is_there_at_once(self, shell: Shell) -> None:
        (shell.root / "hosts").write_text("")
        self.own(shell, "a.example", "moves.example", site="a.example")
        text = self.own(shell, "b.example", "moves.example", site="b.example")
        assert 2 == text.count("127.0.0.1 moves.example")
        assert 1 == self.own(shell, "a.example", site="a.example").count("moves.example")


class TestTimerOfCron:
    """A systemd that takes one expression only, as the machine's own may take fewer than the hub's."""

    def said(self, shell: Shell, *timer: str) -> str:
        unit, program = shell.root / "www-1.timer", shell.root / "bin" / "systemd-analyze"
        program.parent.mkdir(parents=True, exist_ok=True)
        program.write_text('#!/bin/sh\n[ "$2" = "Mon UTC" ] || { echo "Failed to parse it"; exit 1; }\n')
        program.chmod(0o755)
        unit.write_text("\n".join([*timer, ""])) if timer else unit.unlink(missing_ok=True)
        ran = shell.apply(
            functions("cron"),
            f"PATH={program.parent}:$PATH; systemctl() {{ echo 'systemd 257 (257.13-1)'; echo +PAM; }}",
            f'fact said "$(timer_test {unit} www.example.com || echo failed)"',
        )
        return ran.report.facts["said"]

    def test_one_that_is_taken_passes_and_so_does_none(self, shell: Shell) -> None:
        assert ["", ""] == [self.said(shell, "[Timer]", "OnCalendar=Mon UTC"), self.said(shell)]

    def test_one_that_is_not_taken_is_named_with_its_key(self, shell: Shell) -> None:
        said = self.said(shell, "[Timer]", "OnCalendar=Mon US/Eastern")

        assert (
            'aegir:sites["www.example.com"].cron: systemd 257 of this machine does not take it (Failed to parse it). Write '
            'another expression; here this tells what is taken: systemd-analyze calendar "Mon US/Eastern"\nfailed'
        ) == said


class TestLastRunOfCron:
    """A systemd that forgets the times of a unit that is gone, as it does."""

    RAN = "Sat 2026-01-31 02:13:07 UTC"

    def end(self, shell: Shell, ran: str, *keep: str) -> str:
        """End the cron of a site, and give what is recorded of its last run."""
        place = shell.root / "cron"
        place.mkdir(exist_ok=True)
        (place / "www-1.env").touch()
        paths = (place / "www-1.env", shell.root / "www-1.timer", shell.root / "www-1.service.d/limits.conf")
        shell.apply(
            functions("cron"),
            f'systemctl() {{ [ "$1" != show ] || case $2 in *.timer) echo LastTriggerUSec=;; '
            f'*) echo "ExecMainStartTimestamp={ran}";; esac; }}',
            script.call("want_no_cron", "www-1", *map(str, paths), str(place / "www-1.last"), *keep),
        )
        record = place / "www-1.last"
        return record.read_text() if record.exists() else ""

    def test_it_is_kept_while_the_site_stays_and_goes_with_the_site(self, shell: Shell) -> None:
        kept = f"ExecMainStartTimestamp={self.RAN}\nLastTriggerUSec=\n"
        assert kept == self.end(shell, self.RAN, "keep")
        assert kept == self.end(shell, "", "keep"), "enabled and disabled again before cron ran"
        assert not self.end(shell, "")
        assert not self.end(shell, "", "keep"), "it never ran"
