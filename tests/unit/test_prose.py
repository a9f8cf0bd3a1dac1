"""The checks of prose: what counts as prose, as a sentence and as a word, and that the documentation keeps the rules."""

from __future__ import annotations

from typing import Any

import pytest

from tools import prose

PAGE = """\
# Heading with many words

One is here. Two
goes on.

- three, `code. with: marks` and [a link](https://example.com)
- four

    code. code

```sh
more code
```

| **a** | `b` |
|---|---|
| c | d e |
"""


def words(text: str) -> list[str]:
    return [found.words for found in prose.read_markdown(text, "page.md")]


def test_code_and_headings_are_no_prose_and_a_piece_of_code_is_a_word() -> None:
    assert [
        "One is here. Two goes on.",
        "three, CODE and a link",
        "four",
        "a",
        "CODE",
        "---",
        "---",
        "c",
        "d e",
    ] == words(PAGE)


def test_a_text_knows_its_line() -> None:
    assert ["page.md:3", "page.md:6", "page.md:7"] == [found.place for found in prose.read_markdown(PAGE, "page.md")][
        :3
    ]


def test_sentences_are_told_apart() -> None:
    assert ["One (1.5 s).", "Two?", "Three"] == prose.split_sentences("One (1.5 s). Two? Three")
    assert 3 == prose.count_words("one - two: three")


@pytest.mark.parametrize(
    ("sentence", "instead"),
    [
        ("The run mends this.", "repair"),
        ("Refused settings are listed.", "reject"),
        ("It is made anew.", "as a colleague"),
        ("Rejected are other values.", "subject first"),
    ],
)
def test_a_word_outside_of_the_glossary_is_a_problem(sentence: str, instead: str) -> None:
    (problem,) = prose.find_problems([prose.Text("page.md:1", sentence)], prose.read_rules())
    assert problem.startswith("page.md:1: ")
    assert instead in problem


def test_the_program_keeps_the_rules_whose_words_mean_one_thing_there() -> None:
    rules = prose.read_rules(of_pages=False)
    code = '''def f():
    """This mends it."""
    # Two lines are
    # one text, made anew.
    g()  # of ours
    raise E(f"{x}: a site of ours is gone")
'''
    read = [
        *prose.read_docstrings(code, "m.py"),
        *prose.read_comments(code, "m.py"),
        *prose.read_messages(code, "m.py"),
    ]
    assert [(text.place, text.words) for text in prose.read_comments(code, "m.py")] == [
        ("m.py:3", "Two lines are one text, made anew."), ("m.py:5", "of ours"),
    ]  # fmt: skip
    assert [problem.split(": ")[1] for problem in prose.find_problems(read, rules)] == [
        '"mends"', '"anew"', '"of ours"', '"of ours"',
    ]  # fmt: skip
    refused = [prose.Text("m.py:1", "The server refuses this account.")]
    assert not list(prose.find_problems(refused, rules))
    assert list(prose.find_problems(refused, prose.read_rules()))


def test_a_string_after_an_assignment_is_a_docstring() -> None:
    code = '''LIMIT = 3
"""Two looks at it."""
class C:
    field: int
    """What was given up.

        an example

    More.
    """
'''
    assert [("m.py:2", "Two looks at it."), ("m.py:5", "What was given up."), ("m.py:5", "More.")] == [
        (text.place, text.words) for text in prose.read_docstrings(code, "m.py")
    ]


def test_comments_and_texts_of_shell_functions_are_prose_and_names_of_arguments_are_none() -> None:
    code = """# What is taken back.
want_it() { # holder path: it mends the path
    # shellcheck disable=SC2154
    [ -e "$1" ] || fail 4500 "$1 of ${2#x} is at fault: \\"$(id -u)\\""
}
"""
    texts = list(prose.read_shell(code, "a.sh"))
    assert [
        ("a.sh:1", "What is taken back."),
        ("a.sh:2", "it mends the path"),
        ("a.sh:4", 'X of X is at fault: "X"'),
    ] == [(text.place, text.words) for text in texts]
    assert ['"taken back"', '"mends"', '"fault"'] == [
        problem.split(": ")[1] for problem in prose.find_problems(texts, prose.read_rules(of_pages=False))
    ]


def test_a_long_sentence_is_a_problem_and_figures_leave_tables_out() -> None:
    long = prose.Text("page.md:1", "word " * 26)
    assert ["26 words in a sentence"] == [
        text.split(": ")[1].partition(",")[0] for text in prose.find_problems([long], [])
    ]
    assert (2, 2.0, 3) == prose.measure([prose.Text("", "a. b c d"), prose.Text("", "word " * 30, is_cell=True)])


def test_readme_and_docs_keep_the_rules() -> None:
    texts = prose.read_pages()
    _, median, most = prose.measure(texts)

    assert [] == list(prose.find_problems(texts, prose.read_rules()))
    assert median <= prose.MEDIAN
    assert most <= prose.NINE_OF_TEN


MODULE = '''
"""A module of two sentences.

Its second one.

    an example
"""

def told(name: str) -> None:
    """Tell it.

    Args:
        name: not prose.
    """
    raise ValueError(f"the site {name} is not declared; write it down" + "x-y")
'''


def test_docstrings_are_prose_without_their_sections_and_examples() -> None:
    found = list(prose.read_docstrings(MODULE, "m.py"))

    assert ["A module of two sentences.", "Its second one.", "Tell it."] == [text.words for text in found]
    assert ["m.py:1", "m.py:1", "m.py:9"] == [text.place for text in found]


def test_a_message_is_prose_and_what_is_put_into_it_is_a_word() -> None:
    (found,) = prose.read_messages(MODULE, "m.py")

    assert prose.Text("m.py:15", "the site X is not declared; write it down") == found


def test_a_list_of_patterns_is_no_message() -> None:
    assert [] == list(
        prose.read_messages('EMPTY = "cache* sessions flood watchdog history search_* comment_*"', "m.py")
    )
    (found,) = prose.read_messages('raise ValueError("no site is called www* in this stack")', "m.py")

    assert "no site is called www* in this stack" == found.words


@pytest.mark.parametrize("read", [prose.read_docstrings, prose.read_messages])
def test_sentences_of_the_program_are_as_short_as_those_of_the_pages(read: Any) -> None:
    texts = prose.read_program(read)
    number, median, most = prose.measure(texts)

    assert [] == list(prose.find_problems(texts, []))
    assert number > 1000
    assert median <= prose.MEDIAN
    assert most <= prose.NINE_OF_TEN
