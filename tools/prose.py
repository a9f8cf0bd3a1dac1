"""What `make lint` checks of words: long sentences and words outside of the glossary in README and docs/, and readability.

Docstrings, comments and messages of the program are checked as well, but for the rules whose file's name ends in ``OfPages``:
their words have a second meaning there.

The rules are in the format of Vale (https://vale.sh), so an editor with Vale shows them while somebody writes. They are read here
because Vale itself needs a C compiler wherever its releases cannot be downloaded.
"""

from __future__ import annotations

import ast
import inspect
import io
import itertools
import re
import statistics
import sys
import tokenize
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tools.paths import ROOT

RULES = ROOT / "tools" / "prose_rules" / "Aegir"
LONGEST, MEDIAN, NINE_OF_TEN = 25, 13, 24
"""Words in a sentence: at most, in the middle, and in nine of ten sentences."""

OF_PAGES = "OfPages"
"""The end of the name of a file with rules for README and docs alone."""

_CODE = re.compile(r"`+[^`]*`+")
_LINK = re.compile(r"!?\[([^\]]*)\]\([^)]*\)")
_ITEM = re.compile(r"^ {0,3}(?:[-*]|\d+\.) ")
_SECTION = re.compile(r"\n\s*(?:Args|Returns|Raises|Yields|Attributes):")
_SENTENCE = re.compile(r"[A-Za-z]+ [a-z]+ [a-z]+ \S+")
_PATTERN = re.compile(r"\w\*(?=\s|$)")
_SHELL_COMMENT = re.compile(r"(?:^|\s)# ?(.*)")
_SHELL_FUNCTION = re.compile(r"[a-z_]+\(\) [({]")
_SHELL_TEXT = re.compile(r"(?:fail \d+|deviates|not_ours \S+) \"((?:[^\"\\]|\\.)*)\"")
_SHELL_VALUE = re.compile(r"\$\{[^}]*\}|\$\([^)]*\)|\$\w+")
_END = re.compile(r"(?<=[.!?])[*_)\"”]*\s+")


@dataclass(frozen=True, slots=True)
class Text:
    """A paragraph, an item of a list, or a cell of a table."""

    place: str
    """File and line, as compilers write them."""
    words: str
    """Without code, addresses of links and emphasis."""
    is_cell: bool = False


@dataclass(frozen=True, slots=True)
class Rule:
    """A pattern that prose does not have."""

    pattern: re.Pattern[str]
    message: str


def read_rules(directory: Path = RULES, *, of_pages: bool = True) -> list[Rule]:
    """Read rules of the kinds ``substitution`` and ``existence``.

    Args:
        directory: where they are.
        of_pages: whether those for pages alone are read too.
    """
    found: list[Rule] = []
    for path in sorted(directory.glob("*.yml")):
        if path.stem.endswith(OF_PAGES) and not of_pages:
            continue
        rule: Mapping[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
        if rule["extends"] == "substitution":
            for word, instead in rule["swap"].items():
                found.append(Rule(_whole(word), rule["message"] % (instead, word)))
        elif rule["extends"] == "existence":
            found += [Rule(_whole(word), rule["message"]) for word in rule["tokens"]]
    return found


def _whole(word: str) -> re.Pattern[str]:
    return re.compile(rf"(?<![\w.-])(?:{word})(?![\w-])", re.IGNORECASE)


def read_markdown(text: str, name: str) -> Iterator[Text]:
    """Read the prose of a page; code and headings are left out."""
    block: list[str] = []
    begin = 0
    fenced = False
    for number, line in enumerate([*text.splitlines(), ""], 1):
        is_fence = line.lstrip().startswith("```")
        fenced ^= is_fence
        ends = not line.strip() or line.startswith(("#", "|", "<!--")) or _ITEM.match(line)
        is_code = is_fence or fenced or (line.startswith("    ") and not block and not _ITEM.match(line))
        if block and (ends or is_code):
            yield Text(f"{name}:{begin}", _plain(" ".join(block)))
            block = []
        if is_code or not line.strip() or line.startswith(("#", "<!--")):
            continue
        if line.startswith("|"):
            cells = re.split(r"(?<!\\)\|", line)[1:-1]
            yield from (Text(f"{name}:{number}", _plain(cell), is_cell=True) for cell in cells)
            continue
        if not block:
            begin = number
        block.append(_ITEM.sub("", line).strip())


def _plain(text: str) -> str:
    """Leave out marks; a piece of code is one word."""
    return _LINK.sub(r"\1", _CODE.sub("CODE", text)).replace("**", "").strip()


def read_docstrings(text: str, name: str) -> Iterator[Text]:
    """Read the docstrings of a module; sections such as ``Args:`` and indented blocks are left out.

    A string after an assignment is the docstring of what is assigned.
    """
    for node in ast.walk(ast.parse(text)):
        if not isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        words = _SECTION.split(ast.get_docstring(node) or "")[0]
        yield from _paragraphs(words, f"{name}:{getattr(node, 'lineno', 1)}")
        for assigned, said in itertools.pairwise(node.body):
            if isinstance(assigned, ast.Assign | ast.AnnAssign) and (of_it := _string(said)):
                yield from _paragraphs(inspect.cleandoc(of_it), f"{name}:{said.lineno}")


def _paragraphs(text: str, place: str) -> Iterator[Text]:
    for block in re.split(r"\n\s*\n", text):
        if block.strip() and not block.startswith((" ", "\b")):
            yield Text(place, _plain(" ".join(block.split())))


def _string(node: ast.stmt) -> str:
    value = node.value if isinstance(node, ast.Expr) else None
    return value.value if isinstance(value, ast.Constant) and isinstance(value.value, str) else ""


def read_comments(text: str, name: str) -> Iterator[Text]:
    """Read the comments of a module; lines below each other are one text."""
    block: list[str] = []
    begin = last = 0
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type != tokenize.COMMENT:
            continue
        alone = token.line.lstrip().startswith("#")
        if block and not (alone and token.start[0] == last + 1):
            yield Text(f"{name}:{begin}", _plain(" ".join(block)))
            block = []
        begin, last = begin if block else token.start[0], token.start[0]
        block.append(token.string.lstrip("#").strip())
    if block:
        yield Text(f"{name}:{begin}", _plain(" ".join(block)))


def read_messages(text: str, name: str) -> Iterator[Text]:
    """Read the sentences of a module's texts for people; what is put into a message is one word.

    A text with three patterns such as ``cache*`` is a list of names.
    """
    tree = ast.parse(text)
    inside = {
        id(part)
        for node in ast.walk(tree)
        if isinstance(node, ast.JoinedStr)
        for part in ast.walk(node)
        if part is not node
    }
    told = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if id(node) in inside | told:
            continue
        if isinstance(node, ast.JoinedStr):
            words = "".join(str(part.value) if isinstance(part, ast.Constant) else "X" for part in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            words = node.value
        else:
            continue
        if _SENTENCE.search(words) and "\n" not in words.strip() and len(_PATTERN.findall(words)) < 3:
            yield Text(f"{name}:{node.lineno}", _plain(words))


def read_shell(text: str, name: str) -> Iterator[Text]:
    """Read the comments of a library of shell functions, and the texts in which it says what is wrong.

    Beside the name of a function stand its arguments, and after a colon what it does.
    """
    for number, line in enumerate(text.splitlines(), 1):
        comment = _SHELL_COMMENT.search(line)
        code = line[: comment.start()] if comment else line
        said = comment[1] if comment and "shellcheck " not in comment[1] else ""
        if _SHELL_FUNCTION.match(code):
            said = said.partition(": ")[2]
        for words in filter(None, [said, *_SHELL_TEXT.findall(code)]):
            yield Text(f"{name}:{number}", _plain(_SHELL_VALUE.sub("X", words.replace('\\"', '"'))))


READERS: Mapping[str, Callable[[str, str], Iterable[Text]]] = {".md": read_markdown}
"""By the ending of a file's name: what finds prose in it."""


def split_sentences(text: str) -> list[str]:
    """Split a text into sentences."""
    return [sentence for sentence in _END.split(text) if re.search(r"\w", sentence)]


def count_words(sentence: str) -> int:
    """Count what has a letter or a digit."""
    return sum(1 for word in sentence.split() if re.search(r"\w", word))


def find_problems(texts: Iterable[Text], rules: Iterable[Rule], longest: int | None = LONGEST) -> Iterator[str]:
    """Name each long sentence, and each pattern of the rules.

    Args:
        texts: the prose.
        rules: what it must not have.
        longest: the words that a sentence may have; ``None`` counts none.
    """
    rules = list(rules)
    for text in texts:
        for sentence in split_sentences(text.words):
            if longest and count_words(sentence) > longest:
                yield f"{text.place}: {count_words(sentence)} words in a sentence, at most {longest}: {sentence[:60]}…"
        for rule in rules:
            if match := rule.pattern.search(text.words):
                yield f'{text.place}: "{match[0]}": {rule.message}'


def measure(texts: Iterable[Text]) -> tuple[int, float, int]:
    """Measure sentences outside of tables: their number, the median of their words, and what nine of ten have at most."""
    counts = sorted(
        count_words(sentence) for text in texts if not text.is_cell for sentence in split_sentences(text.words)
    )
    return len(counts), statistics.median(counts), counts[int(0.9 * len(counts))]


def read_pages() -> list[Text]:
    """Read README and docs/."""
    paths = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
    return [
        text
        for path in paths
        for text in READERS[path.suffix](path.read_text(encoding="utf-8"), str(path.relative_to(ROOT)))
    ]


def read_program(read: Callable[[str, str], Iterable[Text]], ending: str = ".py") -> list[Text]:
    """Read the words of the program: its docstrings, its comments, its messages, or those of its shell functions."""
    paths = sorted((ROOT / "aegir_components").rglob(f"*{ending}"))
    return [text for path in paths for text in read(path.read_text(encoding="utf-8"), str(path.relative_to(ROOT)))]


def main() -> int:
    """Print what is against the rules, and the figures; return the exit status."""
    pages, docstrings, messages = read_pages(), read_program(read_docstrings), read_program(read_messages)
    comments = [*read_program(read_comments), *read_program(read_shell, ".sh")]
    problems = [
        *find_problems(pages, read_rules()),
        *find_problems([*docstrings, *messages], read_rules(of_pages=False)),
        # A comment may be of many words; the right word it has as well.
        *find_problems(comments, read_rules(of_pages=False), longest=None),
    ]
    print(*problems, sep="\n", end="\n" if problems else "")
    is_well = not problems
    for what, texts in {"README and docs": pages, "docstrings": docstrings, "messages": messages}.items():
        number, median, most = measure(texts)
        print(f"{what}: {number} sentences; median {median:g} words, nine of ten at most {most}")
        is_well &= median <= MEDIAN and most <= NINE_OF_TEN
    return 0 if is_well else 1


if __name__ == "__main__":
    sys.exit(main())
