"""``timers``: a systemd timer on the hub that runs ``backup --due``."""

from __future__ import annotations

import getpass
import os
import shlex
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Final

import click

from aegir_components.hub.environment import PULUMIS, without_pulumis
from aegir_components.messages import numbered

from .ends import UNHEALTHY, Refusal, tell
from .stack import here

_KEEPS: Final = "KillMode=process"
"""Shared connections that a run opens stay open: other commands on the hub use them as well. They end by themselves."""
UNITS: Final = Path("/etc/systemd/system")
LIMIT: Final = 30.0
"""Seconds for one command of systemd's."""
KEPT: Final = ("PULUMI_BACKEND_URL", "PULUMI_CONFIG_PASSPHRASE_FILE", "PULUMI_HOME", "XDG_STATE_HOME", "HOME")
"""What the timer's runs need of the environment; none of it is a secret."""
_BY_HAND: Final = (
    f"Only root can write to {UNITS}: let this user use sudo, or let root install what aegir timers show prints"
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Timer:
    """The timer of one project."""

    project: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    user: str = ""
    """Whose runs they are; empty for root's."""

    @property
    def name(self) -> str:
        """What its units are called, without their endings."""
        return f"aegir-backup-{sha256(str(self.project.resolve()).encode()).hexdigest()[:8]}"

    def texts(self) -> dict[str, str]:
        """Give its units, by file name."""
        program = shlex.join([str(_checkout() / "tools" / "aegir"), "--cwd", str(self.project.resolve())])
        settings = "".join(
            f"Environment={_quoted(f'{name}={value}')}\n" for name, value in sorted(self.environment.items())
        )
        user = f"User={self.user}\n" if self.user else ""
        place = str(_checkout()).replace("%", "%%")
        return {
            f"{self.name}.service": (
                f"[Unit]\nDescription=Backups of the stacks in {self.project.resolve()} that are due\n"
                f"Documentation=file://{_checkout()}/docs/howto/back-up-sites.md\n"
                f"After=network-online.target\nWants=network-online.target\n\n"
                f"[Service]\nType=oneshot\n{user}WorkingDirectory={place}\n{settings}"
                f"ExecStart={program.replace('%', '%%')} backup --due\n"
                f"Nice=10\nIOSchedulingClass=idle\nTimeoutStartSec=12h\n{_KEEPS}\n"
            ),
            f"{self.name}.timer": (
                f"[Unit]\nDescription=Backups of the stacks in {self.project.resolve()}\n\n"
                f"[Timer]\nOnCalendar=*:0/10\nRandomizedDelaySec=60\nPersistent=true\n\n[Install]\nWantedBy=timers.target\n"
            ),
        }

    def fault(self) -> str:
        """Say why its last run failed; empty where it did not, or where no timer is installed."""
        if not (UNITS / f"{self.name}.timer").exists() or shutil.which("systemctl") is None:
            return ""
        shown = _systemctl("show", f"{self.name}.service", "--property=Result", "--value").stdout.strip()
        active = _systemctl("show", f"{self.name}.timer", "--property=ActiveState", "--value").stdout.strip()
        if active != "active":
            return numbered(9145, f"the timer {self.name} does not run ({active}); aegir timers install starts it")
        if shown == "timeout" and _KEEPS not in (UNITS / f"{self.name}.service").read_text():
            return numbered(
                9145,
                f"the last run of the timer {self.name} failed (timeout): its unit is of an earlier version and waits for "
                f"connections that stay open. aegir timers install writes it again",
            )
        if shown not in {"success", ""}:
            return numbered(
                9146, f"the last run of the timer {self.name} failed ({shown}); journalctl -u {self.name} says why"
            )
        return ""


@click.group()
def timers() -> None:
    """Run the backups that are due by a systemd timer on this hub."""


@timers.command(short_help="Install the timer for all stacks of the project.")
def install() -> None:
    """Install the timer for all stacks of the project, or bring it up to date. It looks every ten minutes for what is due.

    Its runs are those of the user who installs it. Another one than root needs sudo for that, without a password.

    \b
    aegir timers install
    """  # noqa: D301  click keeps such lines as they are
    timer = Timer(project=here().project, environment=_environment(), user=_user())
    _need_systemd(timer.project)
    for name, text in timer.texts().items():
        _as_root("install", "-m", "0644", "/dev/stdin", str(UNITS / name), text=text)
    _checked("daemon-reload")
    _checked("enable", "--now", f"{timer.name}.timer")
    tell(f"{timer.name}.timer is installed; journalctl -u {timer.name} has what its runs say")


@timers.command(short_help="Remove the timer.")
def remove() -> None:
    """Remove the timer. No backup is removed.

    \b
    aegir timers remove
    """  # noqa: D301  click keeps such lines as they are
    timer = Timer(project=here().project)
    _need_systemd(timer.project)
    if (UNITS / f"{timer.name}.timer").exists():
        _checked("disable", "--now", f"{timer.name}.timer")
        _as_root("rm", "-f", *(str(UNITS / name) for name in timer.texts()))
        _checked("daemon-reload")
    tell(f"{timer.name}.timer is not installed any more")


@timers.command(short_help="Print the units, without installing them.")
def show() -> None:
    """Print the units, for those who install them otherwise. The exit status is 3 when the last run failed.

    \b
    aegir timers show
    """  # noqa: D301  click keeps such lines as they are
    timer = Timer(project=here().project, environment=_environment(), user=_user())
    for name, text in timer.texts().items():
        click.echo(f"# {UNITS / name}\n{text}")
    if why := timer.fault():
        tell(why)
        raise click.exceptions.Exit(UNHEALTHY)


def _environment() -> dict[str, str]:
    """Give what the runs need.

    Raises:
        Refusal: the passphrase is in no file, so that no run could read it.
    """
    if os.environ.get(f"{PULUMIS}CONFIG_PASSPHRASE") and not os.environ.get(f"{PULUMIS}CONFIG_PASSPHRASE_FILE"):
        raise Refusal(
            numbered(
                9140,
                "the passphrase is only in PULUMI_CONFIG_PASSPHRASE, which a timer does not have. Write it into a file "
                "that only this user can read, and set PULUMI_CONFIG_PASSPHRASE_FILE to that file instead",
            )
        )
    return {name: os.environ[name] for name in KEPT if os.environ.get(name)}


def _user() -> str:
    return "" if os.geteuid() == 0 else getpass.getuser()


def _need_systemd(project: Path) -> None:
    if shutil.which("systemctl") is None or not UNITS.is_dir():
        raise Refusal(
            numbered(
                9141,
                "this machine has no systemd; run `aegir backup --due` every ten minutes by what it has instead. "
                "aegir timers show prints the command",
            )
        )
    if os.geteuid() == 0 and os.environ.get("SUDO_USER", "root") != "root" and project.stat().st_uid != 0:
        raise Refusal(
            numbered(
                9142,
                f"{project} is {project.owner()}'s, and a timer of root's has another state. Run the same command as "
                f"{project.owner()}, without sudo: it uses sudo where it needs that",
            )
        )


def _checked(*words: str) -> None:
    _as_root("systemctl", *words)


def _as_root(*words: str, text: str = "") -> None:
    """Run a program as root, if need be by sudo.

    Raises:
        Refusal: it failed, or this user has no sudo without a password.
    """
    by = [] if os.geteuid() == 0 else ["sudo", "-n"]
    try:
        done = subprocess.run(
            [*by, *words], input=text, capture_output=True, text=True, timeout=LIMIT, check=False, env=without_pulumis()
        )
    except FileNotFoundError as fault:
        raise Refusal(numbered(9143, f"{fault.filename} is not on PATH: {_BY_HAND}")) from None
    except subprocess.TimeoutExpired:
        raise Refusal(numbered(9144, f"{words[0]} did not end within {LIMIT:.0f} s")) from None
    if done.returncode:
        said = " ".join(done.stderr.split())
        raise Refusal(numbered(9147, f"{' '.join(words)} failed: {said}" + (f". {_BY_HAND}" if by else "")))


def _systemctl(*words: str) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(
            ["systemctl", *words], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=LIMIT, check=False,
            env=without_pulumis(),
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise Refusal(numbered(9144, f"systemctl {' '.join(words)} did not end within {LIMIT:.0f} s")) from None


def _checkout() -> Path:
    return Path(__file__).resolve().parents[2]


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%") + '"'
