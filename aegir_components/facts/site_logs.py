"""What sites have logged on a web server: lines to show, and requests to count. It only looks."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone
from typing import Final

from aegir_components import layout
from aegir_components.scripts import script
from aegir_components.scripts.libraries import functions

KINDS: Final = ("access", "error", "php", "cron")
"""Of lines; ``slow`` is one more, which has several lines for a request."""
MONTHS: Final = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()

_ACCESS = re.compile(r"\[(\d\d)/([A-Z][a-z]{2})/(\d{4}):(\d\d):(\d\d):(\d\d) ([+-]\d\d)(\d\d)\]")
_APACHE = re.compile(r"^\[[A-Z][a-z]{2} ([A-Z][a-z]{2}) (\d\d) (\d\d):(\d\d):(\d\d)(?:\.(\d+))? (\d{4})\]")
_NGINX = re.compile(r"^(\d{4})/(\d\d)/(\d\d) (\d\d):(\d\d):(\d\d) ")
_FPM = re.compile(r"^\[(\d\d)-([A-Z][a-z]{2})-(\d{4}) (\d\d):(\d\d):(\d\d)(?:\.(\d+))?\]")
_UNIX = re.compile(r"^(\d{9,11})\.(\d{1,6}) ")
_SLOW = re.compile(
    r"\[pool (\S+)\] child \d+, script '([^']*)' \(request: \"([^\"]*)\"\) executing too slow \(([\d.]+) sec\)"
)


@dataclass(frozen=True, kw_only=True, slots=True, order=True)
class Line:
    """A line of a log."""

    at: float
    """Seconds since 1970; 0 where it says no time."""
    server: str
    kind: str
    text: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Traffic:
    """The requests to a site on one web server."""

    site: str
    """The name of its files."""
    requests: int
    seconds: float
    """All answers together."""
    longest: float
    client_errors: int
    server_errors: int
    bytes: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Slow:
    """A request that PHP took long for."""

    at: float
    server: str
    request: str
    script: str
    seconds: float = 0.0
    """How long it had taken when FPM noticed."""
    stack: tuple[str, ...] = field(default=())
    """Innermost first; empty where FPM may not look into its processes."""


def wanted(sites: Sequence[str], kinds: Sequence[str], *, count: int, since: float = 0.0, follow: bool = False) -> str:
    """Render the script that ``remote.stream.run`` takes, and that prints lines with site and kind before each.

    The first line that it prints is the machine's offset from UTC. One script is for all sites, since a connection has few
    sessions and following takes one for long.

    Args:
        sites: what they are known by; a line has the place of its site in this list.
        kinds: of lines.
        count: lines of each kind, at most.
        since: seconds since 1970, for the journal; files are cut by the hub.
        follow: go on with what comes.
    """
    moment, going = f"{since:.0f}" if since else "", "yes" if follow else ""
    calls = [
        script.call(
            "site_log_lines",
            str(number),
            kind,
            str(count),
            layout.system_user(site),
            layout.file_name(site),
            moment,
            going,
        )
        for number, site in enumerate(sites)
        for kind in kinds
    ]
    body = "\n".join(["date +%z", *calls])
    head = [functions("command"), functions("logs"), 'end_with_the_hub "aegir-command-$NONCE"']
    if follow:
        # In a unit of its own, which ends with all that it has started.
        whole = script.encoded("\n".join([functions("logs"), body, "wait"]))
        unit = (
            'systemd-run --quiet --pipe --wait --collect -p KillMode=mixed -p TimeoutStopSec=5 "--unit=aegir-command-$NONCE" '
            '"--description=aegir: following logs" sh -c \'eval "$$(cat)"\''
        )
        body = f"printf %s {whole} | base64 -d | {unit} 7<&-"
    lines = [*head, "printf '::started %s\\n' \"$NONCE\"", f"{{ {body}\n}} </dev/null", 'command_status "$?"']
    return script.render("check", lines, holder="logs", lock=False)


def read(server: str, text: str, zone: timezone, before: float = 0.0) -> Line:
    """Read a line that ``wanted`` prints.

    Args:
        server: where it is from.
        text: the line from its kind on.
        zone: the machine's offset from UTC, for logs that do not say theirs.
        before: the time of the line before, for one that goes on from there.
    """
    kind, _, rest = text.partition(" ")
    at = time_of(rest, zone)
    if kind == "error" and "PHP message: " in rest:
        kind = "php"
    if kind in {"cron", "php"} and (found := _UNIX.match(rest)):
        rest = rest[found.end() :]
    return Line(at=before if at is None else at, server=server, kind=kind, text=rest)


def offset(text: str) -> timezone:
    """Read an offset as ``date +%z`` prints it; UTC for anything else."""
    found = re.fullmatch(r"([+-])(\d\d)(\d\d)", text.strip())
    if not found:
        return UTC
    minutes = int(found[2]) * 60 + int(found[3])
    return timezone(timedelta(minutes=-minutes if found[1] == "-" else minutes))


def time_of(text: str, zone: timezone) -> float | None:
    """Read the time of a line, as Apache, nginx, PHP-FPM and the journal write it; ``None`` for a line without one."""
    try:
        if found := _UNIX.match(text):
            return float(f"{found[1]}.{found[2]}")
        if found := _NGINX.match(text):
            return datetime(*map(int, found.groups()), tzinfo=zone).timestamp()  # type: ignore[arg-type, misc]
        if found := _FPM.match(text):
            day, month, year, hour, minute, second, part = found.groups()
            return _moment(year, month, day, hour, minute, second, part, zone)
        if found := _APACHE.match(text):
            month, day, hour, minute, second, part, year = found.groups()
            return _moment(year, month, day, hour, minute, second, part, zone)
        if found := _ACCESS.search(text):
            day, month, year, hour, minute, second, hours, minutes = found.groups()
            return _moment(year, month, day, hour, minute, second, None, offset(f"{hours}{minutes}"))
    except (ValueError, OverflowError):
        # A client may have written it.
        return None
    return None


def _moment(
    year: str, month: str, day: str, hour: str, minute: str, second: str, part: str | None, zone: timezone
) -> float:
    at = datetime(int(year), MONTHS.index(month) + 1, int(day), int(hour), int(minute), int(second), tzinfo=zone)
    return at.timestamp() + (float(f"0.{part}") if part else 0.0)


def traffic_items(sites: Iterable[str], minutes: int) -> list[str]:
    """List what counts the requests to sites in the last minutes, for ``traffic``."""
    return [functions("logs"), script.call("traffic", str(minutes), *map(layout.file_name, sites))]


def traffic(facts: Mapping[str, str]) -> list[Traffic]:
    """Read what was counted."""
    found = []
    for line in facts.get("traffic", "").splitlines():
        name, *numbers = line.split(" ")
        if len(numbers) != 6 or not all(number.isdigit() for number in numbers):
            continue
        requests, time, longest, bad, worse, size = map(int, numbers)
        found.append(
            Traffic(site=name, requests=requests, seconds=time / 1e6, longest=longest / 1e6, client_errors=bad,
                    server_errors=worse, bytes=size)
        )  # fmt: skip
    return found


def slow(lines: Iterable[Line]) -> list[Slow]:
    """Put slow requests together, from lines of FPM's own log (``php``) and of its log of slow requests (``slow``)."""
    known = list(lines)
    found = [
        Slow(at=line.at, server=line.server, request=match[3], script=match[2], seconds=float(match[4]))
        for line in known
        if line.kind == "php" and (match := _SLOW.search(line.text))
    ]
    stacks = list(_stacks(line for line in known if line.kind == "slow"))
    made = [_with_stack(each, stacks) for each in found]
    return sorted(made, key=lambda each: each.at)


def _stacks(lines: Iterable[Line]) -> Iterable[tuple[float, str, str, tuple[str, ...]]]:
    """Read FPM's log of slow requests: time, server, script and stack of each."""
    head: Line | None = None
    path, frames = "", list[str]()
    for line in lines:
        if _FPM.match(line.text):
            if head:
                yield head.at, head.server, path, tuple(frames)
            head, path, frames = line, "", []
        elif line.text.startswith("script_filename = "):
            path = line.text.removeprefix("script_filename = ")
        elif line.text.startswith("[0x"):
            frames.append(line.text.partition("] ")[2])
    if head:
        yield head.at, head.server, path, tuple(frames)


def _with_stack(request: Slow, stacks: Sequence[tuple[float, str, str, tuple[str, ...]]]) -> Slow:
    for at, server, path, frames in stacks:
        if server == request.server and path == request.script and abs(at - request.at) <= 2:
            return Slow(
                at=request.at,
                server=server,
                request=request.request,
                script=path,
                seconds=request.seconds,
                stack=frames,
            )
    return request


def shown(line: Line) -> str:
    """Give the time of a line as people read it, in UTC."""
    return f"{datetime.fromtimestamp(line.at, UTC):%Y-%m-%d %H:%M:%S}" if line.at else "-" * 19
