"""The pages of the reference have what the program has: its environment variables and its outputs."""

from __future__ import annotations

import re

from tools.paths import ROOT

REFERENCE = ROOT / "docs" / "reference"
READ_BY = ("aegir_components/cli/*.py", "aegir_components/pulumi_workarounds/declaring.py",
           "aegir_components/pulumi_workarounds/startup.py",
           "tools/*.py", "tools/env", "demo/*.py", "lab/*.py", "pipelines/*.py", "pipelines/steps/*", "Makefile")  # fmt: skip
VARIABLE = re.compile(r"""(?:["']|\$\{?|export )((?:AEGIR|PULUMI)_[A-Z0-9_]+)""")


def documented() -> set[str]:
    text = (REFERENCE / "environment-variables.md").read_text()
    return set(re.findall(r"`((?:AEGIR|PULUMI)_[A-Z0-9_]+)`", text))


def test_the_page_has_every_variable_that_a_person_may_set() -> None:
    read = {
        name
        for pattern in READ_BY
        for path in ROOT.glob(pattern)
        if path.is_file()
        for name in VARIABLE.findall(path.read_text(encoding="utf-8"))
    }
    assert "AEGIR_WP_CLI" in read
    assert read - documented() == set()


def test_the_page_has_no_variable_that_nothing_knows() -> None:
    sources = [
        path for top in ("aegir_components", "tools", "demo", "lab", "pipelines") for path in (ROOT / top).rglob("*")
    ]
    known = "".join(
        path.read_text(encoding="utf-8", errors="replace")
        for path in [*sources, ROOT / "Makefile"]
        if path.is_file() and path.suffix != ".pyc"
    )
    # The engine's own.
    assert {name for name in documented() if name not in known} <= {"PULUMI_PARALLEL"}


def test_the_page_has_every_output() -> None:
    page = (REFERENCE / "outputs.md").read_text()
    components = ROOT / "aegir_components" / "components"
    facts = re.search(r"self\.facts = \{(.*?)\n        \}", (components / "platform.py").read_text(), re.DOTALL)
    site = re.search(r"self\._outputs\b[^=]* = \{(.*?)\}", (components / "site.py").read_text(), re.DOTALL)
    assert facts
    assert site

    for section, keys in (("platforms", named(facts[1])), ("sites", named(site[1]))):
        table = page.split(f"## `{section}`")[1].split("## ")[0]
        assert keys == re.findall(r"(?m)^\| `(\w+)` \|", table)


def named(text: str) -> list[str]:
    """List the keys of a dictionary in the source."""
    return re.findall(r'"(\w+)":', text)
