"""Projects whose code Composer brings together, by Debian's own composer."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from aegir_components.messages import numbered
from aegir_components.settings import Composer

from . import tree
from .builds import TAIL, Workshop
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
    # A patch that does not apply ends the build: as shipped, cweagans/composer-patches 1 leaves it out and goes on, and
    # vaimo/composer-patches can be told to.
    "COMPOSER_EXIT_ON_PATCH_FAILURE": "1",
    "COMPOSER_PATCHES_GRACEFUL": "",
}
_WANTS_KEYS: Final = re.compile(r"publickey|Host key verification|ssh: |ssh-askpass|No such identity", re.IGNORECASE)


def words(how: Composer | None) -> str:
    """Say how it is run, for the build's name."""
    return " ".join(arguments(how)) if how else ""


def arguments(how: Composer) -> list[str]:
    """Give Composer's command line."""
    return ["composer", "install", *([] if how.dev else ["--no-dev"]), *OPTIONS]


def install(
    shop: Workshop, how: Composer, directory: Path, cache: Path, php: str = "", readable: tuple[Path, ...] = ()
) -> None:
    """Install a project's dependencies.

    Args:
        shop: where the build is made.
        how: the options of the stack file.
        directory: the project.
        cache: where this platform's downloads are kept from build to build.
        php: the PHP of the web servers, such as ``8.2``, which the project has to fit; empty where it is not known.
        readable: what the project needs of the hub's beside itself.

    Raises:
        SourceError: there is no project, no lock file, no composer, composer failed, or left declared patches out.
    """
    if not (directory / "composer.json").is_file():
        raise SourceError(
            numbered(2028, "there is no composer.json; leave out composer, or name the directory that has it")
        )
    if not how.unlocked and not (directory / "composer.lock").is_file():
        # What is newest today is not what was tested, and another tomorrow: not even the same commit would be the same code.
        raise SourceError(
            numbered(
                2029,
                "there is no composer.lock, so that each build could bring other code. Run composer update in the "
                "project and add composer.lock to it, or write composer: {unlocked: true}",
            )
        )
    # Composer writes as the hub's own user, and through a link called vendor as well.
    tree.check(shop.code)
    if shutil.which("composer") is None:
        raise SourceError(numbered(2021, "composer is not installed on the hub: apt-get install composer"))
    project = _read(directory / "composer.json")
    inside, variables = None if how.trusted else shop.room(shop.code, cache, readable=readable), dict(VARIABLES)
    if inside:
        cache.mkdir(mode=0o700, parents=True, exist_ok=True)
        variables["COMPOSER_CACHE_DIR"] = str(cache)
    with _platform(shop.code, directory, project, php):
        try:
            shop.run(*arguments(how), cwd=directory, variables=variables, room=inside)
        except SourceError as fault:
            raise SourceError(f"{fault}{_hint(shop) if inside else ''}") from None
    _need_patches(directory, project)


def _hint(shop: Workshop) -> str:
    """Say what helps a build that wanted the keys of the hub's user."""
    with Path(shop.log.name).open("rb") as written:
        written.seek(max(0, shop.log.tell() - TAIL))
        said = written.read().decode(errors="replace")
    if not _WANTS_KEYS.search(said):
        return ""
    return (
        "; a build has none of the hub's ssh keys. Let the package come from an https address, with its token in "
        "Composer's auth.json. Or write composer: {trusted: true}, which runs Composer as the hub's user"
    )


@contextmanager
def _platform(code: Path, directory: Path, project: dict[str, Any], php: str) -> Iterator[None]:
    """Let Composer judge by the web servers' PHP and not the hub's; the project's own word on it comes first."""
    config = project.get("config") or {}
    if not php or not isinstance(config, dict) or "php" in (config.get("platform") or {}):
        yield
        return
    path = directory / "composer.json"
    before = path.read_bytes()
    platform = {**(config.get("platform") or {}), "php": f"{php}.99"}
    # Composer has no option for it; its lock file does not depend on the order of keys.
    path.write_text(json.dumps({**project, "config": {**config, "platform": platform}}), encoding="utf-8")
    yield
    # What ran may have put a link in its place, or in that of a directory on the way; the tree of a failed build goes anyway.
    tree.check(code)
    path.unlink(missing_ok=True)
    path.write_bytes(before)


def _need_patches(directory: Path, project: dict[str, Any]) -> None:
    """Reject a build in which nothing has applied the patches that the project declares.

    Raises:
        SourceError: the package that applies them is not installed, or may not run.
    """
    extra, config = project.get("extra") or {}, project.get("config") or {}
    declared = [key for key in ("patches", "patches-file") if isinstance(extra, dict) and extra.get(key)]
    if not declared:
        return
    vendor = directory / str(config.get("vendor-dir") or "vendor")
    installed = _read(vendor / "composer" / "installed.json").get("packages") or []
    plugins = [
        str(package.get("name")) for package in installed
        if package.get("type") == "composer-plugin" and "patch" in str(package.get("name"))
    ]  # fmt: skip
    allowed = config.get("allow-plugins")
    running = [name for name in plugins if not isinstance(allowed, dict) or allowed.get(name) is not False]
    if running and allowed is not False:
        return
    why = (
        f"config.allow-plugins does not let {plugins[0]} run"
        if plugins
        else "no package that applies them is installed; cweagans/composer-patches belongs in require, not require-dev"
    )
    raise SourceError(
        numbered(2030, f"composer.json declares patches (extra.{declared[0]}), and they were not applied: {why}")
    )


def _read(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        # Composer itself says it best.
        return {}
    return found if isinstance(found, dict) else {"packages": found}
