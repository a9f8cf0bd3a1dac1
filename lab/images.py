"""Building the images: once, under a lock, with a word about what takes how long."""

from __future__ import annotations

import pathlib
import shutil
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping

from . import aptconf, engine, recipes, state
from .engine import Engine
from .errors import LabError

Say = Callable[[str], None]
KINDS = ("web", "db", "hub", *(f"{kind}{recipes.VM}" for kind in ("bare", "web", "db", "hub")))
"""Images that no other stands on."""


def ensure(found: Engine, kinds: Iterable[str], say: Say) -> tuple[Engine, dict[str, str]]:
    """Make sure that the images of these kinds are there: `web`, or `web@trixie` for another release than this machine's.

    Returns the engine with the runtime that was picked, and each kind's image.
    """
    archives, wanted = {}, {}
    for kind in sorted(set(kinds)):
        image, _, release = kind.partition("@")
        archives[kind] = aptconf.of_release(release)
        wanted[kind] = recipes.recipe(image, *archives[kind])
    memory = state.engine_memory()
    picked = found
    if not found.proven or not all(found.has_image(recipe.tag) for recipe in wanted.values()):
        with state.locked("images"):
            for kind, recipe in wanted.items():
                # A step that is there already was made from the same text: its own base need not be there.
                for step in _missing(picked, recipe):
                    picked = _build(picked, step, *archives[kind], say)
                base = recipes.chain(recipe)[0]
                probe = base.tag if picked.has_image(base.tag) else recipe.tag
                picked = engine.pick_runtime(picked, probe, memory, say)
    return picked, {kind: recipe.tag for kind, recipe in wanted.items()}


def prune(found: Engine, say: Say) -> None:
    """Remove images of the lab that no recipe of this version makes any more."""
    suite = aptconf.debian_suite()
    files = aptconf.collect(suite)
    current = {step.tag for kind in KINDS for step in recipes.chain(recipes.recipe(kind, suite, files))}
    with state.locked("images"):
        listed = found.call("images", "--format", "{{.Repository}}:{{.Tag}}").split()
        for tag in sorted(set(listed)):
            # One that a container still uses stays: the engine says no, and that is right.
            if tag.startswith(recipes.REPOSITORY + "-") and tag not in current:
                say(f"removing {tag}")
                found.call("rmi", tag, check=False)


def _missing(found: Engine, recipe: recipes.Recipe) -> list[recipes.Recipe]:
    steps: list[recipes.Recipe] = []
    current: recipes.Recipe | None = recipe
    while current is not None and not found.has_image(current.tag):
        steps.insert(0, current)
        current = current.parent
    return steps


def _build(found: Engine, recipe: recipes.Recipe, suite: str | None, files: Mapping[str, bytes], say: Say) -> Engine:
    say(f"building image {recipe.tag} (about {recipe.seconds} s)")
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="aegir-lab-") as name:
        folder = pathlib.Path(name)
        # mmdebstrap drops to another user for parts of its work, which has to get at the files here.
        folder.chmod(0o755)
        _lay(folder / "seed", files)
        if recipe.containerfile:
            if recipe.parent is not None:
                found = engine.pick_runtime(found, recipe.parent.tag, state.engine_memory(), say)
            _build_file(found, recipe, folder)
        else:
            _bootstrap(found, recipe, suite, folder, say)
    say(f"built {recipe.tag} in {time.monotonic() - started:.0f} s")
    return found


def _build_file(found: Engine, recipe: recipes.Recipe, folder: pathlib.Path) -> None:
    (folder / "Containerfile").write_text(recipe.containerfile)
    # The build uses the machine's own network, where a proxy on its loopback address works as well.
    options = ["--network", "host", "-t", recipe.tag, "-f", str(folder / "Containerfile"), *found.limits]
    found.call("build", *options, str(folder), timeout=1800)


def _bootstrap(found: Engine, recipe: recipes.Recipe, suite: str | None, folder: pathlib.Path, say: Say) -> None:
    if suite is None:
        raise LabError("a base without a Containerfile can be made on Debian only")
    if not shutil.which("mmdebstrap"):
        engine.install_packages(say)
    seed, root = folder / "seed", folder / "root.tar"
    settings = str(seed / "etc/apt/apt.conf.d/90lab")
    sources = (seed / aptconf.SOURCES).read_text()
    # Ubuntu's minimum is without apt.
    how = ["--quiet", "--variant=minbase", "--include=apt", f"--aptopt={settings}"]
    command = ["mmdebstrap", *how, suite, str(root), "-"]
    engine.run(command, stdin=sources, timeout=900)
    found.call("import", str(root), recipe.tag, timeout=300)


def _lay(seed: pathlib.Path, files: Mapping[str, bytes]) -> None:
    seed.mkdir(mode=0o755)
    for path, content in files.items():
        target = seed / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
        # Credentials for an archive are root's alone, as on the machine they come from.
        target.chmod(0o600 if "auth.conf" in path else 0o644)
