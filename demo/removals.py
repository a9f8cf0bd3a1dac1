"""Which sites `pulumi up` would remove: the demo runs it without asking, so it must not remove what a person has made."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from typing import Any, Final

from aegir_components import settings
from lab.errors import LabError
from tools.paths import ROOT

from . import stack as demo_stack

MADE: Final = ("SiteConfiguration", "SiteDatabase")
"""Resources that each site with content has; their names are the one that the site was made with."""


def made_sites(deployment: Mapping[str, Any]) -> dict[str, str]:
    """Return the sites of a state: by the name that each was made with, its present one."""
    found: dict[str, str] = {}
    for resource in (deployment.get("deployment") or {}).get("resources") or ():
        kind, _, name = str(resource.get("urn", "")).rpartition("::")
        # The kinds above a resource's own are in its URN too, before "$".
        if kind.rpartition("::")[2].rpartition("$")[2].rpartition(":")[2].rpartition("/")[2] in MADE:
            found[name] = str((resource.get("outputs") or {}).get("name") or found.get(name) or name)
    return found


def undeclared(made: Mapping[str, str], config: Mapping[str, Any]) -> list[str]:
    """List the sites that are made and not declared, by their present names.

    A removal that the stack file confirms is left out. Of a file with errors only the names of sites are read:
    `pulumi up` rejects it, and says why.
    """
    bare = {key.removeprefix("aegir:"): value for key, value in config.items()}
    try:
        declared = settings.load(bare, lambda _: False)
        kept = {site.identity for site in declared.sites.values()} | set(declared.confirm_removals)
    except settings.SettingsError:
        sites = bare.get("sites")
        entries = sites.items() if isinstance(sites, dict) else ()
        kept = {str(each.get("formerly") or name) if isinstance(each, dict) else str(name) for name, each in entries}
    return sorted(name for key, name in made.items() if not {key, name} & kept)


def check() -> None:
    """Check that `pulumi up` would remove no site.

    Raises:
        LabError: it would, or the state cannot be read.
    """
    command = ["pulumi", "stack", "export", "--stack", demo_stack.STACK]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise LabError(f"`{' '.join(command)}` failed: {done.stderr.strip() or done.stdout.strip()}")
    if gone := undeclared(made_sites(json.loads(done.stdout)), demo_stack.read()):
        raise LabError(removal(gone))


def removal(gone: list[str]) -> str:
    """Say which sites `pulumi up` would remove, and what a person can do."""
    stack = demo_stack.STACK
    return (
        f"`pulumi up` was not run, because it would remove {', '.join(gone)} with all content: the stack file does not "
        f"declare {'it' if len(gone) == 1 else 'them'} any more. Declare what is to stay, with `formerly` where you "
        f"renamed it, and run `make demo`. `tools/env pulumi preview --stack {stack}` shows what would be removed"
    )
