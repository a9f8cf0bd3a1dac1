"""Each message has a number, each number has an entry, and each entry says what happened, why it matters and what to do."""

from __future__ import annotations

import ast
import copy
import importlib
import json
import pickle
from functools import cache
from pathlib import Path

import pytest
from click.testing import CliRunner

import aegir_components
from aegir_components.cli import message
from aegir_components.cli.ends import Refusal
from aegir_components.cli.explain import explain
from aegir_components.messages import (
    AegirError,
    around,
    catalogue,
    joined,
    marked,
    number_of,
    numbered,
    patterns,
    read_back,
    shown,
    text_of,
)
from aegir_components.remote.errors import Refused
from aegir_components.settings.reader import SettingsError
from tests.parsed import nodes
from tools import messages_page

ROOT = Path(aegir_components.__file__).parent
MODULES = sorted(ROOT.rglob("*.py"))
PLAIN = {"RunError", "RuntimeError", "UsageError", "ClickException"}
"""Errors of others whose text a person reads."""
SPOKEN = {"fault", "warn"}
"""Methods that take a message: of a reader of settings, and of Pulumi's log."""
WITHOUT = {
    # Fakes of machines say what a machine would.
    "testing",
}
"""Parts of the program whose texts need no number."""


def test_a_message_is_its_text_and_keeps_its_number_on_all_ways() -> None:
    message = numbered(1042, "no such key")
    assert message == "no such key"
    for again in (pickle.loads(pickle.dumps(message)), copy.deepcopy(message)):
        assert (again, number_of(again)) == ("no such key", 1042)
    assert shown(message) == "no such key [AEGIR-1042]"
    assert shown(around(message, f"web1: {message}")) == "web1: no such key [AEGIR-1042]"
    assert shown(around(Refused("web1", message), "it failed")) == "it failed [AEGIR-1042]"
    assert shown("no number") == marked(0, "no number") == "no number"
    assert marked(1042, shown(message)) == shown(message), "once is enough"
    for text in (message, "no number"):
        assert (read_back(shown(text)), number_of(read_back(shown(text)))) == (text, number_of(text))


def test_joined_messages_have_one_number_or_each_its_own() -> None:
    one, same, other = numbered(1042, "a"), numbered(1042, "b"), numbered(1043, "c")
    assert shown(joined([one, same])) == "a; b [AEGIR-1042]"
    assert shown(joined([one, other], ", ")) == "a [AEGIR-1042], c [AEGIR-1043]"
    assert joined([]) == ""


def test_an_error_has_the_number_of_its_message_or_of_the_error_that_it_quotes() -> None:
    refused = Refused("web1", numbered(4001, "no room"))
    assert shown(refused) == "web1: no room [AEGIR-4001]"
    assert number_of(pickle.loads(pickle.dumps(refused))) == 4001
    with pytest.raises(Refusal) as quoting:
        _fail_after(refused, f"nothing was backed up: {refused}")
    assert shown(quoting.value) == "nothing was backed up: web1: no room [AEGIR-4001]"
    with pytest.raises(Refusal) as other:
        _fail_after(refused, "something else")
    assert shown(other.value) == "something else", "its own text quotes nothing of what happened before"
    assert number_of(text_of(refused)) == 4001
    assert text_of(refused) == "web1: no room"
    assert "\na: b [AEGIR-1001]\nc" in str(SettingsError([numbered(1001, "a: b"), "c"]))


def _fail_after(first: Exception, text: str) -> None:
    try:
        raise first
    except type(first):
        raise Refusal(text) from None


def test_each_number_of_the_program_has_an_entry_and_each_entry_a_message() -> None:
    used = {each.number for each in patterns.patterns()}
    assert sorted(used - set(catalogue.entries())) == [], "numbers without an entry"
    assert sorted(set(catalogue.entries()) - used) == [], "entries that no message leads to"


def test_entries_say_something() -> None:
    for entry in catalogue.entries().values():
        assert 1000 <= entry.number <= 9999
        for words in (entry.happened, entry.matters, entry.do):
            assert len(words.split()) >= 3, entry.name
            assert words[0].isupper() or words[0] in "`'\"…", (entry.name, words)
            assert words.endswith((".", "`", "?", ")")), (entry.name, words)
        assert len({entry.happened, entry.matters, entry.do}) == 3, entry.name


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_each_text_for_people_has_a_number(path: Path) -> None:
    if path.relative_to(ROOT).parts[0] in WITHOUT:
        return
    assert [] == [f"{path.name}:{call.lineno}" for node in nodes(path) for call in unnumbered(node)]


def modules() -> list[Path]:
    """List the modules whose texts people read."""
    return [path for path in MODULES if path.relative_to(ROOT).parts[0] not in WITHOUT]


@cache
def errors() -> set[str]:
    """Name all errors of the program whose text a person reads."""
    for path in modules():
        if not path.stem.startswith("__"):
            importlib.import_module(".".join(("aegir_components", *path.relative_to(ROOT).with_suffix("").parts)))
    found, left = set[str](), [AegirError]
    while left:
        kind = left.pop()
        found.add(kind.__name__)
        left += kind.__subclasses__()
    return found


def test_all_errors_have_one_root() -> None:
    """But for those that tell our own code something, and come to nobody's eyes."""
    ours = {
        node.name
        for path in modules()
        for node in nodes(path)
        if isinstance(node, ast.ClassDef)
        and any(_name(base) == "Exception" or _name(base).endswith("Error") for base in node.bases)
    }
    assert UNSEEN == ours - errors()


UNSEEN = {"HeldError", "_TakerEnded", "_BrokenError", "NotKnown", "Stopped", "CatalogueError", "PasswordAskedError"}


def unnumbered(node: ast.AST) -> list[ast.Call]:
    """List raised errors and warnings whose text is written there without a number."""
    call: ast.expr | None = None
    if isinstance(node, ast.Raise):
        call = node.exc
        named = isinstance(call, ast.Call) and _name(call.func) in errors() | PLAIN
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        call, named = node, node.func.attr in SPOKEN
    else:
        return []
    if not named or not isinstance(call, ast.Call) or not (call.args or call.keywords):
        return []
    words = [*call.args, *(each.value for each in call.keywords)]
    # Behind a numbered reason there may be a detail, which is a part of the same message.
    if isinstance(words[0], ast.Call) and _name(words[0].func) == "numbered":
        return []
    return [call] if any(_is_sentence(word) for word in words) else []


def _name(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def _is_sentence(node: ast.expr) -> bool:
    """Return whether a text of several words stands here."""
    if isinstance(node, ast.JoinedStr):
        text = "".join(str(each.value) for each in node.values if isinstance(each, ast.Constant))
    elif isinstance(node, ast.Constant) and isinstance(node.value, str):
        text = node.value
    elif isinstance(node, ast.List | ast.Tuple):
        return any(map(_is_sentence, node.elts))
    else:
        return False
    # "{host}: {text}" and the like only put texts together.
    return sum(word.strip(".,:;()").isalpha() for word in text.split()) >= 2


def test_explain_says_what_the_catalogue_has() -> None:
    entry = catalogue.entries()[9001]
    for word in ("AEGIR-9001", "aegir-9001", "[AEGIR-9001]"):
        done = CliRunner().invoke(explain, [word])
        said = " ".join(done.output.split())
        assert (done.exit_code, entry.happened in said, entry.do in said) == (0, True, True)
        assert said.startswith("AEGIR-9001: no message has the number")
    read = json.loads(CliRunner().invoke(explain, ["AEGIR-9001", "--json"]).output)
    assert read["matters"] == entry.matters
    unknown = CliRunner().invoke(explain, ["AEGIR-9002"])
    assert unknown.exit_code == 1
    assert "no message has the number AEGIR-9002" in unknown.output
    assert unknown.output.rstrip().endswith("[AEGIR-9001]")


def test_pages_that_the_catalogue_links_to_are_named_by_their_paths(monkeypatch: pytest.MonkeyPatch) -> None:
    said = " ".join(CliRunner().invoke(explain, ["AEGIR-8508"]).output.split())
    assert "write `aegir:environment_formerly` (docs/reference/stack-file.md) for one run" in said
    # How each reads is found in the whole program, and is not what is looked at here.
    monkeypatch.setattr(patterns, "patterns", lambda _number: [])
    assert "](" not in "".join(message.text(number) for number in catalogue.entries())


def test_the_page_of_the_reference_is_made_of_the_catalogue() -> None:
    assert messages_page.page() == messages_page.PAGE.read_text(encoding="utf-8"), (
        "tools/env python -m tools.messages_page"
    )


def test_patterns_are_found_in_programs_and_scripts(tmp_path: Path) -> None:
    (tmp_path / "one.py").write_text(
        'raise X(numbered(1001, f"{a}: no {b}{c} here" + f"; {d}"))\nnumbered(1002, text)\n'
        "SHELL = f'work || fail 4004 \"{a} is gone\"'\n"
    )
    (tmp_path / "two.sh").write_text(
        'fail 4001 "no room on $host: ${left}, \\`df\\`"\nfail 4002 \'as it is\'\nfail "none"\n'
        'fail 4003 "$1 ($(room "$(dirname "$1")")). Run it again"\n'
    )
    assert [(each.number, each.text, each.place) for each in patterns.patterns(root=tmp_path)] == [
        (1001, "…: no … here; …", "one.py:1"), (1002, "…", "one.py:2"), (4001, "no room on …: …, `df`", "two.sh:1"),
        (4002, "as it is", "two.sh:2"), (4003, "… (…). Run it again", "two.sh:4"), (4004, "… is gone", "one.py:3"),
    ]  # fmt: skip
    assert [each.number for each in patterns.patterns(4002, tmp_path)] == [4002]
