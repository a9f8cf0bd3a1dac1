"""``keys rotate``: another ssh key for the hub, on all machines, without a moment at which one of them lets nobody in."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import click

from aegir_components import layout
from aegir_components.hub.keypair import KeyPair, public_of
from aegir_components.messages import around, numbered, shown
from aegir_components.remote.connection import Connection
from aegir_components.remote.errors import HostError
from aegir_components.remote.parallel import attempt
from aegir_components.services import keys as on_machine

from . import audit, completion, journal, machines, site_lock
from .ends import UNHEALTHY, Refusal, tell
from .engine import Engine
from .stack import Stack, here, names
from .stack_lock import refuse_locked

Machines = Mapping[str, Connection]


@click.group()
def keys() -> None:
    """Change the keys that a hub has."""


@keys.command()
@click.option(
    "--stack", default="", metavar="STACK", shell_complete=completion.stacks, help="Only the machines of this stack."
)
@click.option("--dry-run", is_flag=True, help="Only name the keys and the machines.")
def rotate(stack: str, *, dry_run: bool) -> None:
    """Give the hub another ssh key on all machines of all its stacks.

    The new key is added everywhere and proved by a login. Then the hub takes it, and the old one is removed. A machine that does
    not answer keeps the old key, which stays on the hub until the same command has been run again. The exit status is 3 then.

    \b
    aegir keys rotate
    aegir keys rotate --stack prod
    """  # noqa: D301  click keeps such lines as they are
    engine = here()
    known = names(engine.project)
    if stack and stack not in known:
        raise Refusal(
            numbered(9010, f"no stack file of {stack} is in {engine.project}; there are: {', '.join(known) or 'none'}")
        )
    found = {name: _machines(engine, name) for name in known}
    chosen = [stack] if stack else known
    for name in () if dry_run else chosen:
        # A run logs in with the key that it read when it began.
        if found[name]:
            refuse_locked(Stack(name=name, engine=engine))
    unfinished = 0
    for identity in sorted({identity for name in chosen for identity, _ in found[name]}):
        mine = _of(found, chosen, identity)
        _refuse_others(identity, mine, _of(found, [name for name in known if name not in chosen], identity))
        if dry_run:
            click.echo(f"{identity}: {', '.join(sorted(mine))}")
            continue
        with ExitStack() as lines:
            for name in chosen:
                if there := [conn for key, conn in found[name] if key == identity]:
                    root, servers = Path(there[0].hub_root), [conn.host for conn in there]
                    lines.enter_context(
                        site_lock.held(root, Stack(name=name, engine=engine), "keys rotate", alone=True)
                    )
                    write = journal.of_machines({conn.host: conn for conn in there})
                    lines.enter_context(audit.noted(root, name, "keys rotate", servers=servers, journal=write))
            unfinished += len(rotate_key(KeyPair(Path(identity).resolve()), mine, _strangers(mine, found)))
    if dry_run:
        tell("nothing was changed")
        return
    tell("run pulumi up in each stack, which notes the new key; on the machines nothing changes by that")
    if unfinished:
        raise click.exceptions.Exit(UNHEALTHY)


def rotate_key(pair: KeyPair, machines: Machines, strangers: list[str]) -> list[str]:
    """Rotate one key, or end what a former run has begun; give the machines that keep the old key.

    Args:
        pair: the key on the hub.
        machines: those that let it in, by name.
        strangers: machines that the hub knows and no stack has: whether they let it in is not known.

    Raises:
        Refusal: no machine could be given the new key; the old one stays in use.
        HostError: the hub's own files cannot be changed.
    """
    with pair.held():
        if not pair.is_switched:
            pair.make_new()
            old, new = public_of(pair.identity), public_of(pair.new)
            tell(f"adding a new key on {len(machines)} machines, beside {pair.identity}")
            failed = _failures(attempt(machines, lambda conn: _give(conn, pair.identity, pair.new, old, new)))
            for name, why in failed.items():
                tell(around(why, f"{name}: {why}"))
            if machines and len(failed) == len(machines):
                raise Refusal(
                    numbered(
                        4412,
                        f"no machine has proved the new key, so the hub goes on with {pair.identity}. Correct what is "
                        f"named above, and run the same command again",
                    )
                )
            pair.switch()
            tell(f"the hub logs in with the new key; the old one is {pair.former}")
        else:
            pair.write_public()
            tell(f"ending what a former run began: the hub has its new key, and the old one is {pair.former}")
        left = _failures(attempt(machines, _finish(pair)))
        for name, why in left.items():
            tell(
                numbered(
                    4413,
                    f"{name}: {shown(why)}. The old key stays valid there, and on the hub as {pair.former}. When the machine "
                    f"answers, run the same command again; pulumi up does not reach it until then",
                )
            )
        if not left and strangers:
            tell(
                numbered(
                    4414,
                    f"the hub also knows {', '.join(strangers)}, which no stack here has. The old key is kept as {pair.former}; "
                    f"remove it when nothing needs it",
                )
            )
        elif not left:
            pair.forget_former()
        return sorted(left)


def _finish(pair: KeyPair) -> Callable[[Connection], None]:
    old, new = public_of(pair.former), public_of(pair.identity)

    def finish(conn: Connection) -> None:
        now = replace(conn, identity=str(pair.identity))
        try:
            on_machine.prove(conn, pair.identity)
        except HostError:
            # It did not answer when the others got the new key.
            _give(conn, pair.former, pair.identity, old, new)
        on_machine.drop(now, _accounts(conn), old=old, new=new)

    return finish


def _give(conn: Connection, old_file: Path, new_file: Path, old: str, new: str) -> None:
    on_machine.add(replace(conn, identity=str(old_file)), _accounts(conn), old=old, new=new)
    on_machine.prove(conn, new_file)


def _accounts(conn: Connection) -> list[str]:
    return list(dict.fromkeys((conn.user, layout.AEGIR_USER)))


def _failures(results: Mapping[str, HostError | None]) -> dict[str, str]:
    return {name: fault.text for name, fault in results.items() if fault is not None}


def _machines(engine: Engine, stack: str) -> list[tuple[str, Connection]]:
    """List the machines that a stack has prepared, each with the key that opens it."""
    try:
        state = Stack(name=stack, engine=engine).state()
    except Refusal as why:
        # A stack file that was never run.
        if "no stack named" in why.message:
            return []
        raise
    reached = machines.of_servers(state.servers)
    return [(conn.identity, conn) for conn in reached.values() if conn.kind == "ssh" and conn.identity]


def _of(found: Mapping[str, list[tuple[str, Connection]]], stacks: list[str], identity: str) -> dict[str, Connection]:
    """Give the machines of some stacks that a key opens; one that several stacks share is there once for each account."""
    every = [conn for name in stacks for key, conn in found[name] if key == identity]
    seen = {(conn.place, conn.user): conn for conn in every}
    by_name: dict[str, Connection] = {}
    for conn in seen.values():
        name = conn.host if conn.host not in by_name else f"{conn.host} ({conn.user}@{conn.address})"
        by_name[name] = conn
    return by_name


def _refuse_others(identity: str, mine: Machines, others: Machines) -> None:
    """Refuse to change a key for some machines that opens others as well."""
    here_too = {conn.place for conn in mine.values()}
    left = sorted(name for name, conn in others.items() if conn.place not in here_too)
    if left:
        raise Refusal(
            numbered(
                4415,
                f"{identity} opens {', '.join(left)} of other stacks as well, which would be locked out. Leave --stack out: all "
                f"stacks get the new key together. Nothing was changed",
            )
        )


def _strangers(mine: Machines, found: Mapping[str, list[tuple[str, Connection]]]) -> list[str]:
    """List the machines whose host keys the hub has pinned, and that no stack of this project has."""
    ours = {conn.host for machines in found.values() for _, conn in machines}
    roots = {Path(conn.hub_root) for conn in mine.values()}
    pinned = {path.name for root in roots for path in (root / ".ssh" / "hosts").glob("*")}
    return sorted(name for name in pinned - ours if not name.startswith("."))
