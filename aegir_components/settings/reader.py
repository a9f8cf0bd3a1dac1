"""A reader of the stack file that collects every problem with its path, and shows no secret."""

from __future__ import annotations

import re
import shlex
import unicodedata
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, Literal, TypeVar

from aegir_components.messages import AegirError, around, numbered, shown

from .names import Wrong, WrongForm, reference
from .paths import below
from .wording import listed, one_line, quoted, shortened, shown_path, suggestion

T = TypeVar("T")
Choice = TypeVar("Choice", bound=str)

IsSecret = Callable[[str], bool | None]
"""Tells whether the value at a path is a secret; ``None`` means that nobody can tell."""

Origin = Callable[[str], str]
"""Names the file that the value at a path is from; empty for the stack file itself."""

SHORTEST_PASSWORD: Final = 8
SAFE_PASSWORD: Final = 12
MISSING: Final = object()
NAMESPACE: Final = "aegir"

_PLAIN_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")


class SettingsError(AegirError, ValueError):
    """The stack file is wrong. The text names every problem; nothing has been touched."""

    def __init__(self, faults: Sequence[str], read: Any = None) -> None:
        """Name the problems.

        Args:
            faults: each with its path.
            read: the settings as far as they could be read; what they say elsewhere may be wrong as well.
        """
        count = "1 problem" if len(faults) == 1 else f"{len(faults)} problems"
        super().__init__("\n".join((f"The stack file has {count}; nothing was touched:", *map(shown, faults))))
        self.faults: tuple[str, ...] = tuple(faults)
        self.read = read

    def __reduce__(self) -> tuple[type[SettingsError], tuple[tuple[str, ...]]]:
        # The default would call the constructor with the finished text when the error crosses a process.
        return type(self), (self.faults,)


def of_the_stack(_path: str) -> str:
    """Take all values for the stack file's own."""
    return ""


@dataclass(frozen=True, slots=True)
class Asked:
    """What a reader asks of a value: the schema of the stack file is made of these."""

    kind: Literal["mapping", "entries", "list", "text", "choice", "number", "flag", "password", "scalar"]
    words: tuple[Any, ...] = ()
    """The keys of a mapping, or the options of a choice."""
    low: int = 0
    """The least number."""
    high: int = 0
    """The highest one, or the most characters of a password; 0 for any."""
    form: str = ""
    """How a text looks, where its check tells."""
    default: Any = None
    """What holds without the key, where it is one value."""


@dataclass(slots=True)
class Report:
    """What was found so far."""

    is_secret: IsSecret
    origin: Origin = of_the_stack
    faults: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    note: Callable[[str, Asked], None] | None = None
    """Is told what is asked of the value at a path, whether that is given or not."""
    blank: frozenset[str] = frozenset()
    """Paths whose values are read as empty mappings, to learn which keys are asked for there."""
    asked: dict[str, dict[str, None]] = field(default_factory=dict)
    """The keys that are asked for of each mapping, by its path, in the order in which they are."""
    checked: list[tuple[int, Node]] = field(default_factory=list)
    """Mappings whose keys are ours, each with the number of problems that were found before it."""

    def mappings(self) -> Iterator[tuple[str, tuple[str, ...]]]:
        """List the mappings whose keys are ours, each by its path with the keys that it may have."""
        for _, node in self.checked:
            if node.is_mapping:
                yield node.path, tuple(self.asked.get(node.path, ()))

    def every_fault(self, read_again: Callable[[Report], object]) -> list[str]:
        """List the problems, with those of unknown keys in the place where their mapping was read.

        Args:
            read_again: reads the same settings into another report. What stands in the place of a mapping was not read
                further, so that its keys are learned by this.
        """
        asked = self.asked
        if wrong := frozenset(node.path for _, node in self.checked if not node.is_mapping):
            learned = Report(self.is_secret, blank=wrong)
            read_again(learned)
            asked = {**asked, **{path: learned.asked.get(path, {}) for path in wrong}}
        found: list[str] = []
        begin = 0
        for end, node in self.checked:
            found += [*self.faults[begin:end], *node.wrong_keys(asked.get(node.path, ()))]
            begin = end
        return found + self.faults[begin:]


@dataclass(frozen=True, slots=True)
class Node:
    """One value of the stack file and the path to it.

    A method that reads returns its default where the value is missing. It also does so where the value is wrong and the
    error has been noted, so that reading goes on to the next error.
    """

    path: str
    value: Any
    report: Report

    @property
    def given(self) -> bool:
        """Whether the stack file has this key at all."""
        return self.value is not MISSING

    def fault(self, text: str) -> None:
        """Note that something is wrong here."""
        self.report.faults.append(self._told(text))

    def warn(self, text: str) -> None:
        """Note that something here is allowed but likely not meant."""
        self.report.warnings.append(around(text, one_line(f"{self._place}: {text}")))

    def reject(self, wrong: Wrong) -> None:
        """Note what a check said, without the part that quotes if the value may be a secret."""
        self.fault(wrong.reason if self._hidden else around(wrong.reason, wrong.reason + wrong.detail))

    def describe(self) -> str:
        """Show the value for a message."""
        if isinstance(self.value, str) and not self._hidden:
            return quoted(self.value)
        return _kind(self.value, hidden=self._hidden)

    def show(self, text: str) -> str:
        """Show what was made of the value, unless that may be a secret."""
        return "a value that is not shown" if self._hidden else text

    def child(self, key: str) -> Node:
        """Go to a key of a mapping whose keys are ours: it is a known one."""
        self.report.asked.setdefault(self.path, {})[key] = None
        return self.peek(key)

    def peek(self, key: str) -> Node:
        """Go to a key that is not a known one by that: whether it is depends on what is there."""
        if not _PLAIN_KEY.fullmatch(key):
            return self.named(key)
        # The stack's own keys hang on Pulumi's colon, all others on a dot.
        separator = ":" if self.path == NAMESPACE else "."
        return self._below(f"{self.path}{separator}{key}", self._get(key))

    def named(self, key: str) -> Node:
        """Go to a key of a mapping whose keys are the operator's."""
        return self._below(below(self.path, key), self._get(key))

    @property
    def is_mapping(self) -> bool:
        """Whether it is a mapping; a missing one counts as empty."""
        return not self.given or isinstance(self.value, Mapping)

    def check_keys(self) -> bool:
        """Return whether this is a mapping; when all is read, its keys that nobody has asked for are problems."""
        self.report.checked.append((len(self.report.faults), self))
        return self.is_mapping

    def learn_keys(self, readers: Iterable[Callable[[Node], object]]) -> None:
        """Let readers ask for their keys, which are known ones by that; what they say of the values is dropped."""
        report = replace(self.report, faults=[], warnings=[], checked=[])
        for read in readers:
            read(replace(self, report=report))

    def wrong_keys(self, known: Collection[str]) -> Iterator[str]:
        """Say that this is no mapping, or which of its keys are unknown.

        Args:
            known: the keys that it may have.
        """
        if not self.is_mapping:
            yield self._told(self._no_mapping(known))
        elif self.given:
            for key in sorted(set(self.value) - set(known)):
                yield self.peek(key)._told(numbered(1001, f"unknown key; {suggestion(key, known)}"))  # noqa: SLF001  a node's

    def entries(self) -> Iterator[tuple[str, Node]]:
        """List what an operator has named, in the order of the names."""
        self._ask(Asked("entries"))
        if not self.is_mapping:
            self.fault(self._no_mapping())
        elif self.given:
            for key in sorted(self.value):
                yield key, self.named(key)

    def items(self) -> Iterator[Node]:
        """List the elements of a list."""
        self._ask(Asked("list"))
        if not self.given:
            return
        if not isinstance(self.value, list):
            one = ", even for one value" if isinstance(self.value, str) else ""
            write = (
                f"; write [{self.describe()}]"
                if self.value and isinstance(self.value, str) and not self._hidden
                else ""
            )
            self.fault(numbered(1003, f"must be a list{one}, not {_kind(self.value)}{write}"))
            return
        for index, value in enumerate(self.value):
            yield self._below(f"{self.path}[{index}]", value)

    def text(self, default: T, check: Callable[[str], str]) -> str | T:
        """Read a string that passes a check; a message about another value has the accepted form, where the check tells it."""
        self._ask(Asked("text", form=getattr(check, "wanted", ""), default=default))
        if not self.given or not self._is_text(check):
            return default
        try:
            return check(self.value)
        except Wrong as wrong:
            self.reject(wrong)
            return default

    def reference(self, kind: str, words: Iterable[str]) -> str:
        """Read a name that is declared elsewhere: any text, so that whoever knows more says what is wrong with one."""
        return self.text("", str if isinstance(self.value, str) and self.value else reference(kind, words))

    def choice(self, default: Choice, options: Sequence[Choice]) -> Choice:
        """Read one of a few words."""
        self._ask(Asked("choice", words=tuple(options), default=default))
        if not self.given:
            return default
        for option in options:
            if self.value == option:
                return option
        one_of = "one of " if len(options) > 1 else ""
        if self.value is None:
            self.fault(numbered(1004, f"is empty; write {one_of}{', '.join(options)}, or remove the key"))
        else:
            self.fault(numbered(1005, f"must be {one_of}{', '.join(options)}, not {self.describe()}"))
        return default

    def number(self, default: T, low: int, high: int) -> int | T:
        """Read a whole number within bounds."""
        self._ask(Asked("number", low=low, high=high, default=default))
        value = self.value
        if value is MISSING:
            return default
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, int):
            quotes = "; write it without quotes" if isinstance(value, str) and value.isdecimal() else ""
            self.fault(numbered(1006, f"must be a whole number from {low} to {high}, not {self.describe()}{quotes}"))
        elif not low <= value <= high:
            self.fault(numbered(1006, f"must be between {low} and {high}, not {self.describe()}"))
        else:
            return value
        return default

    def flag(self, default: bool) -> bool:
        """Read true or false."""
        self._ask(Asked("flag", default=default))
        if not self.given or isinstance(self.value, bool):
            return self.value if self.given else default
        quotes = "; write it without quotes" if self.value in ("true", "false") else ""
        self.fault(numbered(1008, f"must be true or false, not {self.describe()}{quotes}"))
        return default

    def password(self, longest: int | None = None) -> str | None:
        """Read a secret; no message shows any part of it."""
        self._ask(Asked("password", low=SHORTEST_PASSWORD, high=longest or 0))
        value = self.value
        if value is MISSING:
            return None
        if value is None:
            self.fault(numbered(1004, "is empty; write a value or remove the key, and one is generated"))
        elif self.report.is_secret(self.path) is False:
            command = f"pulumi config set --secret --path {shlex.quote(self.path)}"
            self.fault(numbered(1020, f"must be a secret; set it with: {command}"))
        elif not isinstance(value, str):
            quotes = "" if isinstance(value, list | dict) else "; put it in quotes"
            self.fault(numbered(1009, f"must be a string, not {_kind(value, hidden=True)}{quotes}"))
        elif any(unicodedata.category(character) in ("Cc", "Cs") for character in value):
            self.fault(numbered(1010, "must not contain line breaks or other control characters"))
        elif len(value) < SHORTEST_PASSWORD:
            self.fault(numbered(1021, f"must have at least {SHORTEST_PASSWORD} characters"))
        elif longest is not None and len(value) > longest:
            self.fault(numbered(1021, f"must have at most {longest} characters"))
        else:
            if len(value) < SAFE_PASSWORD:
                self.warn(numbered(1022, f"has fewer than {SAFE_PASSWORD} characters; a longer one is safer"))
            return value
        return None

    def also(self, *words: Any) -> None:
        """Note words that the caller itself compares the value with; without any it may be a text, a number, true or false."""
        self._ask(Asked("choice", words=words) if words else Asked("scalar"))

    def _ask(self, asked: Asked) -> None:
        if self.report.note:
            self.report.note(self.path, asked)

    @property
    def _place(self) -> str:
        file = self.report.origin(self.path)
        return f"{shown_path(self.path)} (in {file})" if file else shown_path(self.path)

    @property
    def _hidden(self) -> bool:
        return self.report.is_secret(self.path) is not False

    def _get(self, key: str) -> Any:
        return self.value.get(key, MISSING) if isinstance(self.value, Mapping) else MISSING

    def _below(self, path: str, value: Any) -> Node:
        return Node(path, {} if path in self.report.blank else value, self.report)

    def _told(self, text: str) -> str:
        return around(text, one_line(f"{self._place}: {text}"))

    def _no_mapping(self, known: Collection[str] = ()) -> str:
        keys = f" with {listed(known)}" if known else ""
        advice = "; write {} for none" if self.value is None else ""
        return numbered(1002, f"must be a mapping{keys}, not {_kind(self.value)}{advice}")

    def _is_text(self, check: Callable[[str], str] = str) -> bool:
        value, form = self.value, getattr(check, "wanted", "")
        if isinstance(value, str):
            if value:
                return True
            self.fault(f"must not be empty; write {form}" if form else "must not be empty")
        elif value is None:
            self.fault(numbered(1004, f"is empty; write {form or 'a value'}{',' if form else ''} or remove the key"))
        elif isinstance(value, bool):
            words = ("yes", "on", "true") if value else ("no", "off", "false")
            found = _kind(value, hidden=self._hidden)
            if form and all(_in_quotes(word, check) for word in words):
                self.fault(numbered(1009, f"must be {form}, not {found}"))
            else:
                why = "" if self._hidden else f" (YAML may read an unquoted {words[0]}, {words[1]} or {words[2]} so)"
                self.fault(numbered(1009, f"must be a string, not {found}; put it in quotes{why}"))
        elif isinstance(value, int | float):
            wrong = _in_quotes(str(value), check)
            if isinstance(wrong, WrongForm):
                self.reject(wrong)
            else:
                advice = wrong.reason if wrong else "put it in quotes"
                self.fault(numbered(1009, f"must be a string, not {_kind(value, hidden=self._hidden)}; {advice}"))
        else:
            self.fault(numbered(1009, f"must be {form or 'a string'}, not {_kind(value)}"))
        return False


def _in_quotes(text: str, check: Callable[[str], str]) -> Wrong | None:
    """Say what would be wrong with a value if it stood in quotes: then quotes are no advice."""
    try:
        check(text)
    except Wrong as wrong:
        return wrong
    return None


def _kind(value: Any, *, hidden: bool = False) -> str:
    match value:
        case None:
            return "empty"
        case bool():
            return "true or false" if hidden else str(value).lower()
        case int() | float():
            return "a number" if hidden else f"the number {shortened(str(value))}"
        case str():
            return "a value that is not shown" if hidden else "a string"
        case list():
            return "a list"
        case Mapping():
            return "a mapping"
        case _:
            return type(value).__name__
