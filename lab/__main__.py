"""The lab from the command line: `python -m lab setup|up|down|status|ssh|hosts`."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

from . import engine, images, specs, state
from .errors import LabError, SpecError
from .laboratory import Lab, say_to_stderr

DEFAULT_LAB = "demo"


def parser() -> argparse.ArgumentParser:
    """Describe the commands."""
    top = argparse.ArgumentParser(prog="python -m lab", description="Debian hosts in containers, for demo and tests.")
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")

    setup = commands.add_parser("setup", help="make the engine and the images ready")
    setup.add_argument("images", nargs="*", metavar="IMAGE", help=f"of {', '.join(specs.IMAGES)} (all)")
    setup.add_argument("--prune", action="store_true", help="remove images of older recipes afterwards")

    up = commands.add_parser("up", help="make hosts, or start those that are down")
    up.add_argument("hosts", nargs="+", metavar="HOST", help="NAME[:IMAGE][:admin=USER][:kind=vm], as in web1:web")

    down = commands.add_parser("down", help="remove a lab with all that is in it")
    down.add_argument("--tests", action="store_true", help="remove the labs that tests have left (test-...)")
    down.add_argument("--all", action="store_true", help="remove every lab of this machine")

    status = commands.add_parser("status", help="show the hosts of one lab, or of all")
    hosts = commands.add_parser("hosts", help="print lines for an /etc/hosts")
    ssh = commands.add_parser("ssh", help="log in to a host, or run a command there")
    ssh.add_argument("host", metavar="NAME")
    ssh.add_argument("words", nargs=argparse.REMAINDER, metavar="CMD")

    for each in (up, down, hosts, ssh):
        each.add_argument("--name", default=DEFAULT_LAB, help=f"the lab ({DEFAULT_LAB})")
    status.add_argument("--name", help="the lab (all)")
    return top


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return the process's exit status."""
    options = parser().parse_args(arguments)
    try:
        return _COMMANDS[options.command](options)
    except LabError as error:
        print(f"lab: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("lab: interrupted; the same command again completes what was begun", file=sys.stderr)
        return 130


def _setup(options: argparse.Namespace) -> int:
    unknown = sorted(set(options.images) - set(specs.IMAGES))
    if unknown:
        raise SpecError(f"no image is called {', '.join(unknown)}: there are {', '.join(specs.IMAGES)}")
    found = engine.find(state.engine_memory(), say_to_stderr)
    found, tags = images.ensure(found, options.images or specs.IMAGES, say_to_stderr)
    if options.prune:
        images.prune(found, say_to_stderr)
    print(f"engine  {found}")
    for kind, tag in tags.items():
        print(f"{kind:<7} {tag}")
    return 0


def _up(options: argparse.Namespace) -> int:
    lab = Lab(options.name)
    lab.up([specs.parse_host(text) for text in options.hosts])
    print("\n".join(lab.hosts_lines()))
    return 0


def _down(options: argparse.Namespace) -> int:
    names = [options.name]
    if options.all or options.tests:
        names = [name for name in Lab.all() if options.all or name.startswith("test-")]
    for name in names:
        Lab(name).down()
    return 0


def _status(options: argparse.Namespace) -> int:
    row = "{:<12} {:<12} {:<15} {:<6} {:<8} {}"
    print(row.format("LAB", "HOST", "ADDRESS", "IMAGE", "LOGIN", "STATE"))
    for name in [options.name] if options.name else Lab.all():
        lab = Lab(name)
        states = lab.states()
        for host in lab.hosts().values():
            cells = (name, host.name, host.address, host.spec.image, host.spec.login, states[host.name])
            print(row.format(*cells))
    return 0


def _hosts(options: argparse.Namespace) -> int:
    print("\n".join(Lab(options.name).hosts_lines()))
    return 0


def _ssh(options: argparse.Namespace) -> int:
    argv = [*Lab(options.name).host(options.host).ssh_command(), *options.words]
    sys.stdout.flush()
    os.execvp(argv[0], argv)  # noqa: S606  # there is no shell between here and ssh


_COMMANDS = {"setup": _setup, "up": _up, "down": _down, "status": _status, "hosts": _hosts, "ssh": _ssh}

if __name__ == "__main__":
    sys.exit(main())
