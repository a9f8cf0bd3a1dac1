"""The files that a farm of Aegir 3 is taken over with: a stack file, a script that fetches content, and a plan. Pure."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from importlib import resources
from typing import Any, Final

import yaml

from aegir_components.messages import shown

from .contexts import Contexts
from .farm import Farm, holder_of_files

HEAD: Final = """\
# Made by `aegir import-aegir` of the farm on {origin}. Read PLAN.md beside the fetched content first: {place}/PLAN.md
#
# The servers are new machines: nothing here touches one that the former farm serves from. Correct their names, give them
# addresses, and pin their host keys.
config:
  aegir:hub:
    # This machine's address as the database servers see it.
    address: {hub}
"""
WAVE: Final = "    # Wave {number}. Take the # away at the beginning of its lines when its content is fetched.\n"


def stack_file(farm: Farm, origin: str, place: str, hub: str) -> str:
    """Write the stack file: the first wave is declared, the others stand in comments."""
    text = HEAD.format(origin=origin, place=place, hub=hub)
    for key, entries in (("servers", farm.servers), ("clusters", farm.clusters), ("packs", farm.packs)):
        if entries:
            text += f"  aegir:{key}:\n" + _entries(entries)
    text += "  aegir:platforms:\n" + _entries(farm.platforms) if farm.platforms else ""
    text += "  aegir:sites:\n" if farm.waves else ""
    for number, wave in enumerate(farm.waves, 1):
        if number == 1:
            text += _entries(wave)
        else:
            text += WAVE.format(number=number) + "".join(f"    # {line[4:]}\n" for line in _entries(wave).splitlines())
    return text


def _entries(entries: dict[str, dict[str, Any]]) -> str:
    lines = yaml.safe_dump(
        entries, sort_keys=False, default_flow_style=False, allow_unicode=True, width=120
    ).splitlines()
    return "".join(f"    {line}\n" for line in lines)


def script(farm: Farm, found: Contexts, origin: str, place: str) -> str:
    """Write the script that fetches code and content."""
    code = [
        f"code {shlex.quote(name)} {shlex.quote(found.platforms[context].root)}" for context, name in farm.code.items()
    ]
    keys = sorted({site.key for site in farm.former.values() if site.tls and site.key})
    code += [f"certificate {shlex.quote(key)}" for key in keys]
    given = {
        "        @CODE@": "\n".join(f"        {line}" for line in code) or "        :",
        "    @SITES@) ;;": "\n".join(_cases(farm, found)),
        "@ORIGIN@": shlex.quote(origin),
        "@PLACE@": shlex.quote(place),
    }
    text = resources.files(__package__).joinpath("fetch.sh.in").read_text(encoding="utf-8")
    for mark, value in given.items():
        text = text.replace(mark, value)
    return text


def _cases(farm: Farm, found: Contexts) -> Iterator[str]:
    for uri, site in sorted(farm.former.items()):
        platform = found.platforms[site.platform]
        words = shlex.join([uri, platform.root.rstrip("/"), holder_of_files(found, platform)])
        yield f"    {shlex.quote(uri)}) site {words} ;;"


def plan(farm: Farm, stack: str, place: str) -> str:
    """Write the plan for people."""
    lines = [
        "# Take over the farm", "",
        "The former farm serves until you switch each site. Nothing is changed there before step 5.", "",
        "## Before", "",
        f"1. Correct servers and hub in `stacks/Pulumi.{stack}.yaml`: names, addresses, host keys.",
        f"2. Fetch code and certificates: `sh {place}/fetch.sh --code`",
        f"3. `pulumi stack init {stack}`, then `pulumi preview --stack {stack}`. It names what does not fit, such as a code base "
        "that needs another PHP.", "",
    ]  # fmt: skip
    for number, wave in enumerate(farm.waves, 1):
        names = " ".join(wave)
        lines += [
            f"## Wave {number}: {len(wave)} {'site' if len(wave) == 1 else 'sites'}", "",
            *([] if number == 1 else [f"0. Take the `#` away before the sites of wave {number} in the stack file."]),
            f"1. `sh {place}/fetch.sh {names}`",
            f"2. `pulumi up --stack {stack}`: content is loaded and counted, and each site is asked.",
            "3. Check each site by its new web server: `curl --resolve NAME:80:ADDRESS http://NAME/`.",
            f"4. Pending database updates: `aegir update --all --stack {stack} --dry-run`.",
            "5. Switch: disable the site in Aegir. Take it out of the stack file and run `pulumi up`. Fetch it again, put it",
            "   back, and run `pulumi up`: so nothing is lost that was written meanwhile. Then change its address in the DNS.",
            "",
        ]  # fmt: skip
    if farm.notes:
        lines += ["## To decide", "", *(f"- {shown(note)}" for note in farm.notes), ""]
    lines += [
        "## What does not come along", "",
        "- Programs and settings of your own: `local.settings.php`, `local.drushrc.php`, files in `pre.d` and `post.d`.",
        "- Aegir's front end with its clients' logins. Clients are labels of sites here.",
        "- Backups. Keep the former hub's `/var/aegir/backups` as long as you may need them.", "",
    ]  # fmt: skip
    return "\n".join(lines)
