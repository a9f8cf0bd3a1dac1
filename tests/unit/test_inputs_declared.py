"""What the stack file declares of a site reaches its vhost on a short way: settings, inputs, and what reads them."""

from __future__ import annotations

import ast
import dataclasses
import functools
from pathlib import Path
from typing import Any, get_args, get_origin, get_type_hints

import pytest

import aegir_components
from aegir_components.components import site as component
from aegir_components.deploy.site import vhost_text
from aegir_components.inputs import site as inputs
from aegir_components.inputs.props import names
from aegir_components.services.apache import APACHE
from aegir_components.services.nginx import NGINX
from aegir_components.settings import Site, SiteAdmin
from tests.unit.test_templates import plan, with_inputs

ROOT = Path(aegir_components.__file__).parent
BOOLEAN = "redirect_aliases"
BESIDE = {"providers/restoring.py", "providers/caches.py", "cli/explain.py", "aegir3/farm.py", "arguments/sites.py"}
"""Modules that are not on the way: they tell of the boolean, or declare it from elsewhere."""
SITE = Site(
    name="www.example.com",
    display_name="www.example.com",
    platform="code",
    database="db1",
    title="A title",
    admin=SiteAdmin(mail="a@example.com"),
)


@functools.cache
def places() -> list[str]:
    """List the modules that say the boolean's name, in whatever way, once for each function, class or method that does."""
    found = []
    for path in sorted(ROOT.rglob("*.py")):
        text = path.read_text(encoding="utf-8")
        if BOOLEAN not in text or str(path.relative_to(ROOT)) in BESIDE:
            continue
        tops = [node for node in ast.parse(text).body if any(map(_says, ast.walk(node)))]
        found += [f"{path.relative_to(ROOT)}: {getattr(node, 'name', '')}" for node in tops]
    return found


def _says(node: ast.AST) -> bool:
    match node:
        case ast.Attribute(attr=name) | ast.Name(id=name) | ast.arg(arg=name) | ast.keyword(arg=name):
            return name == BOOLEAN
        case ast.Constant(value=text):
            return text == BOOLEAN
    return False


def test_a_boolean_of_a_site_passes_four_places_from_the_stack_file_to_the_vhost() -> None:
    assert [
        "inputs/site.py: SiteConfigurationInputs",
        "services/vhosts.py: virtuals",
        "settings/model.py: Site",
        "settings/sites.py: _site",
    ] == places()
    assert BOOLEAN not in "".join(path.read_text(encoding="utf-8") for path in ROOT.rglob("*.j2"))


@pytest.mark.parametrize("server", [APACHE, NGINX], ids=lambda server: server.name)
def test_it_gets_there(server: Any) -> None:
    texts = [vhost_text(with_inputs(plan("full", "drupal"), **{BOOLEAN: value}), server, 80) for value in (True, False)]
    assert texts[0] != texts[1]


@pytest.mark.parametrize(
    "kind", [inputs.SiteConfigurationInputs, inputs.InstallationInputs], ids=lambda kind: kind.__name__
)
def test_inputs_that_are_as_declared_have_the_type_of_the_setting(kind: Any) -> None:
    declared = kind.declared_by(SITE)
    assert {"https", "health"} <= declared.keys()
    ours, theirs = get_type_hints(kind), get_type_hints(Site)
    for name, value in declared.items():
        assert value == getattr(SITE, name)
        words = get_args(theirs[name]) if get_origin(theirs[name]) is not tuple else ()
        assert ours[name] == theirs[name] or (ours[name] is str and all(isinstance(word, str) for word in words)), name


def test_the_component_says_none_of_them_again() -> None:
    tree = ast.parse(Path(component.__file__).read_text(encoding="utf-8"))
    said: dict[str, set[str]] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            said.setdefault(node.func.id, set()).update(each.arg for each in node.keywords if each.arg)
    for kind in (inputs.SiteConfigurationInputs, inputs.InstallationInputs):
        declared = kind.declared_by(SITE).keys()
        assert said[kind.__name__].isdisjoint(declared)
        needed = {
            each.name
            for each in dataclasses.fields(kind)
            if each.default is dataclasses.MISSING is each.default_factory
        }
        assert needed <= said[kind.__name__] <= names(kind)
