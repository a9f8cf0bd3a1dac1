"""``inspect``: what a site is that runs elsewhere, whether it fits here, and how it is brought."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Final

import click

from aegir_components.applications import APPLICATIONS
from aegir_components.inspecting import judging, rendering
from aegir_components.inspecting.found import Site, Unread
from aegir_components.inspecting.remote import Remote
from aegir_components.messages import numbered
from aegir_components.messages.printable import printable, size

from .ends import UNHEALTHY, Refusal, WrongUsage, tell

_WHERE: Final = re.compile(
    r"(?P<login>[A-Za-z0-9._-]+@[A-Za-z0-9.:_-]+|[A-Za-z0-9._-]+@\[[0-9a-fA-F:]+\]):(?P<path>/.*)"
)
PLACE: Final = "/srv/moves/SITE"
DUMPS: Final = ("*.sql", "*.sql.gz")
"""Files that are no code and may hold passwords, at any depth."""
MARK: Final = ".aegir-inspect"
"""Says in a directory whose site is in it."""


@click.command("inspect")
@click.argument("where", metavar="USER@HOST:/DIRECTORY")
@click.option(
    "--site", "directory", default="", metavar="DIRECTORY", help="Of Drupal with several sites: below sites/."
)
@click.option(
    "--name", "own", default="", metavar="NAME", help="The host name, where none is found or another one is meant."
)
@click.option("--fetch", "place", metavar="DIRECTORY", type=click.Path(path_type=Path, file_okay=False),
              help="Bring code, dump and files there, on this machine; again: what is new.")  # fmt: skip
@click.option("--port", type=click.IntRange(1, 65535), metavar="PORT", help="Of ssh, if not your configuration's.")
@click.option("--identity", default="", metavar="FILE", help="The private key, if not your configuration's.")
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")
def inspect_site(
    where: str, directory: str, own: str, place: Path | None, port: int | None, identity: str, *, as_json: bool
) -> None:
    """Inspect a site that runs elsewhere, and write the part of the stack file that brings it here.

    It is inspected over your own ssh. The site's settings are read by PHP there, as its user; nothing is changed, and no password
    is shown. --fetch brings a dump, its code and its files into a DIRECTORY. Run it again shortly before the switch: files that
    are there already are not sent again.

    \b
    aegir inspect deploy@old.example.com:/var/www/site
    aegir inspect deploy@old.example.com:/var/www/site --fetch /srv/moves/site

    Exit status: 3 when something does not fit.
    """  # noqa: D301  click keeps such lines as they are
    found = _WHERE.fullmatch(where)
    if found is None:
        raise WrongUsage(
            numbered(9005, f"{where}: write USER@HOST:/DIRECTORY, such as deploy@old.example.com:/var/www/site")
        )
    remote = Remote(login=found["login"], port=port or 0, identity=identity)
    try:
        site = remote.look(found["path"], directory)
        if own:
            site = dataclasses.replace(site, names=tuple(dict.fromkeys((own, *site.names))))
        verdict = judging.judge(site)
        if place is not None and not verdict.misfits:
            _fetch(remote, site, place.absolute())
    except Unread as fault:
        raise Refusal(f"{found['login']}: {fault}") from None
    except OSError as fault:
        raise Refusal(
            numbered(
                9111,
                f"{place} cannot be written: {fault.strerror}. Give the hub's disk room, or name another directory by --fetch",
            )
        ) from None
    part = rendering.stack_part(site, str(place.absolute()) if place else PLACE)
    if as_json:
        click.echo(
            json.dumps({**_plain(site), "misfits": verdict.misfits, "notes": verdict.notes, "stack": part}, indent=2)
        )
    else:
        click.echo("\n".join(printable(line) for line in rendering.words(site, verdict)))
        if not verdict.misfits:
            click.echo(f"\nFor the stack file, with names of your servers:\n\n{part}", nl=False)
    if verdict.misfits:
        raise click.exceptions.Exit(UNHEALTHY)


def _fetch(remote: Remote, site: Site, place: Path) -> None:
    _take(place, f"{remote.login}:{site.docroot}:{site.site}\n")
    # First: an upload that arrives later may lack its row. The other way round, a row would lack its file.
    tell(f"dumping the database, {size(site.database.size)}")
    tell(f"{place / 'database.sql.gz'} is written, {size(remote.dump(site, place / 'database.sql.gz'))}")
    tell(f"copying the code in {site.root}")
    remote.copy(site.root, place / "code", _left_out(site))
    for kind, name in rendering.KINDS.items():
        if kind in site.directories:
            one = site.directories[kind]
            tell(f"copying {one.path}, {size(one.size)}")
            remote.copy(one.path, place / name, _other_kinds(site, kind))


def _take(place: Path, origin: str) -> None:
    """Take a directory for a site: what is in it goes where it is not at the site, so it has to be ours."""
    place.mkdir(mode=0o700, parents=True, exist_ok=True)
    mark = place / MARK
    if not mark.exists():
        if any(place.iterdir()):
            raise Refusal(
                numbered(
                    9110, f"{place} has files of others; nothing was copied. Name a directory that is not there yet"
                )
            )
        mark.write_text(origin)
    elif mark.read_text() != origin:
        raise Refusal(
            numbered(
                9110, f"{place} has the site {mark.read_text().strip()}; nothing was copied. Name another directory"
            )
        )


def _left_out(site: Site) -> list[str]:
    """List rsync's patterns of what is no code: settings, uploads, and whatever directory of the site's lies in the code."""
    head = f"/{site.below}" if site.below else ""
    patterns = [
        f"{head}{pattern}" if pattern.startswith("/") else pattern
        for pattern in APPLICATIONS[site.application].exclusions
    ]
    if head and site.application == "wordpress":
        # WordPress also reads its settings from beside its document root.
        patterns.append("/wp-config.php")
    secrets = [f"{each}{name}" for each in dict.fromkeys(("", head)) for name in ("/.env", "/.env.*")]
    inside = [one.path for kind, one in site.directories.items() if kind != "config"]
    return ["/.git", *patterns, *secrets, *DUMPS, *_below(site.root, inside)]


def _other_kinds(site: Site, kind: str) -> list[str]:
    """List rsync's patterns of the site's other directories inside of one, so that no private file becomes public."""
    others = [one.path for each, one in site.directories.items() if each != kind]
    unread = [path for each, path in site.unread.items() if each != kind]
    return _below(site.directories[kind].path, [*others, *unread])


def _below(base: str, paths: Iterable[str]) -> list[str]:
    """Give rsync's patterns of those paths that are below a directory."""
    found = [path.removeprefix(base) for path in paths if path.startswith(f"{base}/")]
    # A backslash is one of the name's own unless the pattern has a wildcard.
    return [re.sub(r"([*?\[\\])", r"\\\1", path) if re.search(r"[*?\[]", path) else path for path in found]


def _plain(site: Site) -> dict[str, object]:
    plain = dataclasses.asdict(site)
    return {**plain, "programs": sorted(site.programs)}
