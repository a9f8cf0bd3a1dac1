"""Changes of a stack file: the value and nothing else, in every form in which a person may have written it."""

from __future__ import annotations

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from aegir_components.cli.edit import MISSING, EditError, StackText

AT = ("config", "aegir:platforms", "code")
SOURCE = (*AT, "source")


def platform(body: str) -> str:
    return f"# first\nconfig:\n  aegir:platforms:\n{body}  # between\n  aegir:sites: {{}}\n# last\n"


@pytest.mark.parametrize(
    ("body", "path", "value", "after"),
    [
        pytest.param(
            "    code:\n      source:\n        ref: main   # why\n",
            (*SOURCE, "ref"), "abc",
            '    code:\n      source:\n        ref: "abc"   # why\n', id="a value in a block",
        ),
        pytest.param(
            "    code: {source: {git: x, ref: 'v1' } }   # why\n",
            (*SOURCE, "ref"), "abc",
            '    code: {source: {git: x, ref: "abc" } }   # why\n', id="a value in braces",
        ),
        pytest.param(
            "    code: {server: web, source: /a}   # why\n",
            (*AT, "release"), "1234567890123456",
            '    code: {server: web, source: /a, release: "1234567890123456"}   # why\n', id="another key in braces",
        ),
        pytest.param(
            "    code:\n      source: /a   # why\n      # of the server\n      server: web\n",
            (*AT, "release"), "0123",
            '    code:\n      source: /a   # why\n      release: "0123"\n      # of the server\n      server: web\n',
            id="another key after the one that it belongs to",
        ),
        pytest.param(
            "    code:\n      server: web\n      source:\n        git: x\n        ref: main\n",
            (*AT, "release"), "0123",
            '    code:\n      server: web\n      source:\n        git: x\n        ref: main\n      release: "0123"\n',
            id="another key after a block",
        ),
        pytest.param(
            "    code:\n      source: /a   # why\n",
            SOURCE, {"git": "x", "composer": True},
            '    code:\n      source: {git: "x", composer: true}   # why\n', id="a mapping instead of a text",
        ),
        pytest.param(
            "    code:\n      source:\n      server: web\n",
            SOURCE, "x",
            '    code:\n      source: "x"\n      server: web\n', id="a key without a value",
        ),
        pytest.param(
            "    code: {}\n", (*AT, "release"), "0123", '    code: {release: "0123"}\n', id="empty braces",
        ),
        pytest.param(
            "    code: {source: {\n      git: x,   # where\n      ref: y,\n      }}\n",
            (*SOURCE, "ref"), "z",
            '    code: {source: {\n      git: x,   # where\n      ref: "z",\n      }}\n', id="braces over several lines",
        ),
    ],
)  # fmt: skip
def test_a_value_is_set_and_all_else_stays(body: str, path: tuple[str, ...], value: object, after: str) -> None:
    text = StackText(platform(body))
    text.set(path, value, after="source")  # type: ignore[arg-type]
    assert platform(after) == text.text
    assert value == text.get(path)


@pytest.mark.parametrize(
    ("body", "after"),
    [
        pytest.param("    code: {release: a, server: web}\n", "    code: {server: web}\n", id="the first in braces"),
        pytest.param("    code: {server: web, release: a}  # x\n", "    code: {server: web}  # x\n", id="the last in braces"),
        pytest.param(
            "    code:\n      server: web\n      release: a   # of then\n      # stays\n",
            "    code:\n      server: web\n      # stays\n", id="the last in a block",
        ),
        pytest.param(
            "    code:\n      release: a\n      server: web\n", "    code:\n      server: web\n", id="the first in a block",
        ),
        pytest.param(
            "    code:\n      release:\n        of: several\n        lines: 1\n      server: web\n",
            "    code:\n      server: web\n", id="a block",
        ),
    ],
)  # fmt: skip
def test_a_key_is_taken_out_and_all_else_stays(body: str, after: str) -> None:
    text = StackText(platform(body))
    text.drop((*AT, "release"))
    assert platform(after) == text.text


def test_entries_of_a_list_are_changed_too() -> None:
    text = StackText(platform("    - rollback: x\n      name: code\n    - name: other\n"))
    text.set(("config", "aegir:platforms", 0, "release"), "a", after="name")
    text.drop(("config", "aegir:platforms", 0, "rollback"))
    assert platform('    - name: code\n      release: "a"\n    - name: other\n') == text.text


def test_what_is_there_already_is_left_as_it_is_written() -> None:
    before = platform("    code: {source: {ref: 'main'}}\n")
    text = StackText(before)
    text.set((*SOURCE, "ref"), "main")
    text.drop((*AT, "release"))
    assert before == text.text
    assert MISSING is text.get((*AT, "release"))


def test_a_last_line_without_its_end_is_no_obstacle() -> None:
    text = StackText("config:\n  a:\n    b: 1")
    text.set(("config", "a", "c"), "2")
    assert 'config:\n  a:\n    b: 1\n    "c": "2"' == text.text


def test_a_change_that_would_reach_further_is_refused() -> None:
    shared = "config:\n  one: &source\n    ref: main\n  two: *source\n"
    with pytest.raises(EditError, match="an anchor, say"):
        StackText(shared).set(("config", "two", "ref"), "abc")


@pytest.mark.parametrize("text", ["- a list\n", "config: {", "\x00"])
def test_what_is_no_stack_file_is_refused(text: str) -> None:
    with pytest.raises(EditError):
        StackText(text)


words = st.text(st.characters(codec="utf-8", exclude_characters="\x7f", exclude_categories=("Cc", "Cs")), max_size=12)
# No key of a stack file is empty or of several lines; YAML writes such ones in a form that an edit refuses.
keys = st.text(
    st.characters(codec="utf-8", exclude_characters="\x7f", exclude_categories=("Cc", "Cs", "Zl", "Zp")),
    min_size=1, max_size=12,
)  # fmt: skip
entries = st.dictionaries(keys, st.one_of(words, st.booleans(), st.integers(), st.lists(words, max_size=2)), max_size=4)


@settings(max_examples=60, deadline=None)
@given(st.dictionaries(keys, entries, max_size=3), keys, keys, words, st.booleans())
def test_whatever_is_set_reads_back_and_nothing_else_changes(
    data: dict[str, dict[str, object]], part: str, key: str, value: str, flow: bool
) -> None:
    data = {**data, part: data.get(part, {})}
    text = StackText(yaml.safe_dump({"config": data}, default_flow_style=flow, allow_unicode=True))
    text.set(("config", part, key), value)
    assert {"config": {**data, part: {**data[part], key: value}}} == yaml.safe_load(text.text)
