"""Projects whose code Composer brings together, by Debian's own composer."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Final

from aegir_components.settings import Composer

from . import tree
from .builds import Workshop
from .faults import SourceError

OPTIONS: Final = (
    *("--no-interaction", "--no-progress", "--no-ansi", "--prefer-dist", "--optimize-autoloader"),
    # PHP's extensions are those of the web servers, where the code runs; the hub need not have them.
    "--ignore-platform-req=ext-*",
)
VARIABLES: Final = {
    # Without it composer runs no plugin for root, and Drupal's scaffold is one.
    "COMPOSER_ALLOW_SUPERUSER": "1",
    # Packages from a directory are copied; a link out of the build would be refused.
    "COMPOSER_MIRROR_PATH_REPOS": "1",
}


def words(how: Composer | None) -> str:
    """Say how it is run, for the build's name."""
    return " ".join(arguments(how)) if how else ""


def arguments(how: Composer) -> list[str]:
    """Give Composer's command line."""
    return ["composer", "install", *([] if how.dev else ["--no-dev"]), *OPTIONS]


def install(shop: Workshop, how: Composer, directory: Path) -> None:
    """Install a project's dependencies.

    Raises:
        SourceError: there is no project, no lock file, no composer, or composer failed.
    """
    if not (directory / "composer.json").is_file():
        raise SourceError("there is no composer.json; leave out composer, or name the directory that has it")
    if not how.unlocked and not (directory / "composer.lock").is_file():
        # What is newest today is not what was tested, and another tomorrow: not even the same commit would be the same code.
        raise SourceError(
            "there is no composer.lock, so that each build could bring other code; run composer update in the project and "
            "add composer.lock to it, or write composer: {unlocked: true}"
        )
    # Composer writes as the hub's own user, and through a link called vendor as well.
    tree.check(shop.code)
    if shutil.which("composer") is None:
        raise SourceError("composer is not installed on the hub: apt-get install composer")
    shop.run(*arguments(how), cwd=directory, variables=VARIABLES)
