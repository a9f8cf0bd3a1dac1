"""The package that `pip install .` makes: a program far from the checkout finds the components and every file that they need."""

from __future__ import annotations

import re
import subprocess
import sys
import sysconfig
import tomllib
from pathlib import Path

import pytest

import aegir_components
from tools import pins
from tools.paths import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build a wheel without a registry, and unpack it."""
    place = tmp_path_factory.mktemp("package")
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet"]
    offline = ["--no-index", "--no-deps"]
    subprocess.run([*pip, "wheel", *offline, "--no-build-isolation", "-w", place, ROOT], check=True, timeout=200)
    (wheel,) = place.glob("aegir_pulumi-0.2.0-*.whl")
    subprocess.run([*pip, "install", *offline, "--target", place / "site", wheel], check=True, timeout=200)
    return place / "site"


def outside(installed: Path, text: str) -> str:
    """Run a program that knows the package and what it needs, and not the checkout."""
    # Without the `.pth` files of site, of which one leads to the checkout.
    path = f"import sys; sys.path[:0] = [{str(installed)!r}, {sysconfig.get_path('purelib')!r}]"
    done = subprocess.run(
        [sys.executable, "-S", "-c", f"{path}\n{text}"], cwd=installed.parent, capture_output=True, text=True,
        timeout=100, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_components_are_imported_from_the_installed_package(installed: Path) -> None:
    text = (
        "import aegir_components\n"
        "from aegir_components import Farm, Server, WebCluster, Pack, Platform, Site\n"
        "print(aegir_components.__file__, Farm.__module__, aegir_components.__version__)\n"
        "from aegir_components.scripts import libraries, script\n"
        "from aegir_components import templates\n"
        "assert script.render('check', [], holder='x') and libraries.functions('web') and templates.source('php-pool.conf.j2')\n"
    )
    assert f"{installed}/aegir_components/__init__.py aegir_components.farm 0.2.0" in outside(installed, text)


def test_the_package_has_every_file_of_the_checkouts(installed: Path) -> None:
    listed = subprocess.run(
        ["git", "ls-files", "aegir_components"], cwd=ROOT, capture_output=True, text=True, timeout=20, check=True
    ).stdout.split()
    assert len(listed) > 400
    assert "aegir_components/py.typed" in listed
    for name in listed:
        assert (installed / name).read_bytes() == (ROOT / name).read_bytes(), name


def test_version_and_changes_are_the_packages() -> None:
    assert PROJECT["version"] == aegir_components.__version__
    assert f"\n## {PROJECT['version']}" in (ROOT / "CHANGELOG.md").read_text()


def test_what_the_package_needs_is_pinned_for_the_checkout() -> None:
    known = pins.read((ROOT / "requirements.txt").read_text()).pins()
    for line in PROJECT["dependencies"]:
        name, low = re.findall(r"^([A-Za-z0-9_]+)[^>]*>=([\d.]+)", line)[0]
        version = known[name.replace("_", "-").lower()].version
        assert [*map(int, low.split("."))] <= [*map(int, version.split("."))], line
