"""Any command for a site, on one of its web servers: as the site's user, in its document root, with its PHP and address.

The command runs as a unit of systemd. What it leaves running ends with it, and it may take of the machine what the
site's cron may. ``remote/stream.py`` hands its output on; ``lines`` serve every other caller that wants a status and no
stream.
"""

from __future__ import annotations

import base64
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib import resources
from typing import Final

from aegir_components import applications, layout
from aegir_components.inputs import quotas
from aegir_components.scripts import script
from aegir_components.scripts.libraries import functions

from . import mail, sandbox

TIME_LIMIT: Final = 900
"""Seconds for a command, when nothing else is said."""
TURN: Final = 60
"""Seconds to wait for an installer or an update that works on the site."""

UNIT: Final = (
    "UMask=0022",
    "NoNewPrivileges=yes",
    "PrivateTmp=yes",
    "CapabilityBoundingSet=",
    "TimeoutStopSec=5",
    # What a command leaves running is killed at once: it had its time.
    "KillMode=mixed",
    # For systemd a service that SIGTERM, SIGHUP, SIGINT or SIGPIPE ended has done well (systemd.service, SuccessExitStatus=).
    # A command that a stopping machine or somebody's kill has ended has not. Without a "$", which a daemon-reload spoils.
    "ExecStopPost=/bin/grep -qzx EXIT_CODE=exited /proc/self/environ",
)
"""Further properties of a command's unit, as the site's cron has them."""

TOOLS: Final = ("drush", "wp", "site-db")
"""Our programs that a command finds before all others."""
FILES: Final = ("database-client.php", "wp-cli.yml")
"""What these programs read."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """A site, as commands find it on a web server."""

    site: str
    """What it is known by on the machines."""
    name: str
    """Its host name."""
    url: str
    application: str
    publish_path: str
    docroot: str
    """Its platform's document root, below the release."""
    quotas: quotas.Quotas = quotas.USUAL
    """What it may take of the machine."""
    root: str = ""
    """The document root, where that is not the one of the site's release: of code that is staged."""

    @property
    def user(self) -> str:
        """The site's Linux user."""
        return layout.system_user(self.site)

    @property
    def tmp(self) -> str:
        """The directory that is its home and has its temporary files."""
        return layout.site_temporary(layout.publish_root(self.publish_path), self.site)

    @property
    def settings(self) -> str:
        """The settings file that names its database."""
        linked = layout.site_linked(layout.publish_root(self.publish_path), self.site)
        return f"{linked}/{applications.APPLICATIONS[self.application].settings_name}"

    @property
    def docroot_word(self) -> str:
        """The shell word for the document root of its release: the live one, or the one that it is held back on."""
        if self.root:
            return shlex.quote(self.root)
        below = [] if self.docroot == "." else [f"/{self.docroot}"]
        return f'"$({script.call("site_docroot", self.user, self.publish_path, *below)})"'


@dataclass(frozen=True, kw_only=True, slots=True)
class Command:
    """A command."""

    argv: Sequence[str]
    """The program, which is searched for, and its arguments."""
    seconds: int = TIME_LIMIT
    """After which it is ended."""
    who: str = "aegir"
    """Who runs what, for the journal and for others that wait."""
    stdin: bytes = field(default=b"", repr=False)
    """Its input."""
    turn: str = "-s"
    """``-s``: beside other commands; ``-x``: alone."""
    also: Mapping[str, str] = field(default_factory=dict)
    """Further variables of its environment; no secrets."""
    layered: bool = False
    """Whether it sees layers over the site's directories (``deploy/rehearsal.sh``), which the variable ``layers`` has."""
    kept: int = 4000
    """Bytes of its output that ``lines`` gives."""

    def with_environment(self, also: Mapping[str, str]) -> Command:
        """Give it with further variables, and with the layers."""
        return replace(self, also={**self.also, **also}, layered=True)


def environment(place: Place) -> dict[str, str]:
    """Give what a command of a site finds in its environment, beside PATH and the document root."""
    return {
        "AEGIR_SITE": place.site,
        "AEGIR_HOST": place.name,
        "AEGIR_URL": place.url,
        "AEGIR_APPLICATION": place.application,
        "AEGIR_SETTINGS": place.settings,
        "DRUSH_OPTIONS_URI": place.url,
        "HOME": place.tmp,
        "TMPDIR": place.tmp,
        "USER": place.user,
        "LOGNAME": place.user,
        "LANG": "C.UTF-8",
        "PAGER": "cat",
        **mail.environment(place.site),
    }


def streamed(place: Place, command: Command) -> str:
    """Render the script that ``remote.stream.run`` takes."""
    return script.render("apply", [*_begin(place, command), *_run(place, command)], holder=command.who, lock=False)


def lines(place: Place, command: Command) -> list[str]:
    """List what runs a command within another script; the facts ``status`` and ``said`` have its result.

    ``said`` is the end of its output and of its standard error together, at most ``kept`` bytes.
    """
    return [
        *_begin(place, command),
        "said=$(scratch_file) || no_scratch",
        f'{_fed(command)}{_unit(place, command)}{"" if command.stdin else " </dev/null"} >"$said" 2>&1 8>&- 9>&-',
        "status=$?",
        _settled("aegir-command-${NONCE:-$$}"),
        'fact status "$status"',
        f'fact said "$(tail -c {command.kept} "$said")"',
        'rm -f "$said"',
        script.call("site_turn_over", place.user),
    ]


def prepare(place: Place, command: Command) -> list[str]:
    """List what has to be there before ``interactive``, which gets the facts."""
    return [*_begin(place, command, turn=False), 'fact bin "$bin"', 'fact docroot "$docroot"']


def interactive(place: Place, command: Command, facts: Mapping[str, str]) -> list[str]:
    """Give the words of a command for a terminal.

    Args:
        place: the site.
        command: the command; its words are arguments of processes, so they hold no secrets.
        facts: of ``prepare``.
    """
    known = [f"{name}={shlex.quote(facts[name])}" for name in ("bin", "docroot")]
    return ["sh", "-c", "\n".join([*known, "exec " + _unit(place, command, terminal=True)])]


def _begin(place: Place, command: Command, *, turn: bool = True) -> list[str]:
    taking = script.call("site_turn", command.turn, place.user, str(TURN), place.name, command.who)
    return [
        functions("site"),
        functions("command"),
        script.call("site_is_open", place.user, place.name),
        *([taking] if turn else []),
        f"docroot={place.docroot_word}",
        f'[ -d "$docroot" ] || fail 6543 "the platform of {place.name} has no live release here; run pulumi up"',
        script.call("command_tools", place.user),
        *(script.call("command_tool", name, script.encoded(_tool(name))) for name in TOOLS),
        *(script.call("command_tool", f"../{name}", script.encoded(_tool(name))) for name in FILES),
    ]


def _tool(name: str) -> str:
    return resources.files(__package__).joinpath("tools", name).read_text(encoding="utf-8")


def _run(place: Place, command: Command) -> list[str]:
    unit = _unit(place, command)
    return [
        'end_with_the_hub "aegir-command-$NONCE"',
        "printf '::started %s\\n' \"$NONCE\"",
        f"{_fed(command)}{unit}{'' if command.stdin else ' </dev/null'} 7<&- 8>&-",
        "status=$?",
        _settled("aegir-command-$NONCE"),
        script.call("site_turn_over", place.user),
        f'journal {shlex.quote(command.who)}" on {place.name}: status $status"',
        'command_status "$status"',
    ]


def _settled(unit: str) -> str:
    """Render what finds out the status of a command whose unit did not end well; one that did is gone from systemd's memory."""
    return f'[ "$status" = 0 ] || status=$(unit_status "{unit}" "$status")'


def _fed(command: Command) -> str:
    """Give the shell text that feeds the command; printf is the shell's own, so no process has the input as an argument."""
    if not command.stdin:
        return ""
    return f"printf %s {base64.b64encode(command.stdin).decode()} | base64 -d | "


def _unit(place: Place, command: Command, *, terminal: bool = False) -> str:
    """Render the call of systemd-run."""
    variables = {**environment(place), **command.also}
    limit = [f"RuntimeMaxSec={command.seconds + 30}"] if command.seconds else []
    properties = [*quotas.cron_lines(place.quotas).splitlines(), *sandbox.LIMITS.splitlines(), *UNIT, *limit]
    layers = "$layers" if command.layered else ""
    words = [
        "systemd-run", "--quiet", *(("--pty", "--collect") if terminal else ("--pipe",)), "--wait",
        f"--description=aegir: {command.who} on {place.name}", f"--uid={place.user}", f"--gid={place.user}",
        *(word for each in properties for word in ("-p", each)),
        *(f"--setenv={name}={value}" for name, value in variables.items()),
    ]  # fmt: skip
    # Either looks for the program where the site does; systemd-run would do so where root does.
    timed = ["timeout", "-k", "5", str(command.seconds)] if command.seconds and not terminal else ["env"]
    # systemd would put the values of variables in.
    literal = [word.replace("$", "$$") for word in (*timed, *command.argv)]
    here = [
        '"--unit=aegir-command-${NONCE:-$$}"',
        '"--working-directory=$docroot"',
        '"--setenv=AEGIR_DOCROOT=$docroot"',
        '"--setenv=PATH=$bin:$docroot/../vendor/bin:$docroot/vendor/bin:/usr/local/bin:/usr/bin:/bin"',
    ]
    return f"{shlex.join(words)} {layers} {' '.join(here)} -- {shlex.join(literal)}"
