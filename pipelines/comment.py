"""A preview as a comment: Markdown of bounded length from `pulumi preview --json`, with names and no values.

    python -m pipelines.comment STACK preview.json preview.log >comment.md

What stands in it: what happens to which thing, which of its settings change, what drifted, and Pulumi's errors. No input, no
output and no secret of the state is ever copied. Pure but for `main`.
"""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

LONGEST: Final = 30_000
"""Characters of a comment: GitHub takes 65,536, and a person reads less."""
ROWS: Final = 60
LINES: Final = 40
LINE: Final = 300
NO_NEWS: Final = ("no changes were expected", "an unhandled error occurred: program exited")
"""Beginnings of what Pulumi says of a preview that has told all already."""
QUIET: Final = frozenset({"same", "refresh", "read", "read-discard"})
OWN: Final = frozenset({"__provider", "drift", "revision"})
"""Inputs of every resource that no person has declared."""
WORDS: Final = {
    "create": "create",
    "update": "change",
    "delete": "**delete**",
    "replace": "**replace**",
    "create-replacement": "**replace**",
    "delete-replaced": "**delete the old one**",
    "discard-replaced": "**delete the old one**",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """What happens to one thing."""

    verb: str
    kind: str
    name: str
    settings: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Summary:
    """What a preview found."""

    rows: tuple[Row, ...] = ()
    unchanged: int = 0
    drift: tuple[str, ...] = ()
    errors: tuple[str, ...] = ()
    failed: bool = False
    secrets: tuple[str, ...] = field(default=(), repr=False)
    """Values of the environment that no text may contain."""


def read(preview: str, log: str = "", *, secrets: Iterable[str] = ()) -> Summary:
    """Read what `pulumi preview --json` wrote, and its standard error; a preview that failed may have written only the latter."""
    try:
        found = json.loads(preview)
    except ValueError:
        found = None
    digest: Mapping[str, Any] = found if isinstance(found, dict) else {}
    steps = [step for step in digest.get("steps") or () if isinstance(step, dict)]
    said = [entry for entry in digest.get("diagnostics") or () if isinstance(entry, dict)]
    errors = [str(entry.get("message", "")) for entry in said if entry.get("severity") == "error"]
    errors += [line for line in log.splitlines() if line.startswith("error:")]
    told = tuple(dict.fromkeys(text for each in errors if (text := _plain(each)) and not text.startswith(NO_NEWS)))
    return Summary(
        rows=tuple(row for step in steps if (row := _row(step)) is not None),
        unchanged=int((digest.get("changeSummary") or {}).get("same", 0)),
        drift=tuple(dict.fromkeys(line for step in steps for line in _drift(step))),
        errors=told,
        # A preview that was stopped by `--expect-no-changes` is whole.
        failed=bool(told) or not steps,
        secrets=tuple(secret for secret in secrets if len(secret) > 3),
    )


def markdown(stack: str, summary: Summary, *, commit: str = "", mark: str = "") -> str:
    """Write the comment.

    Args:
        stack: the stack's name.
        summary: what the preview found.
        commit: what was looked at.
        mark: the line by which the comment is found again.
    """
    parts = [mark] if mark else []
    parts.append(f"### Preview of `{stack}`: {_headline(summary)}")
    if commit:
        parts.append(f"Commit `{commit[:12]}`.")
    if summary.errors:
        parts.append(_block(summary.errors, "errors", summary.secrets))
    if summary.rows:
        parts.append(_table(summary.rows))
    if summary.drift:
        parts.append("On the machines, somebody changed:")
        parts.append(_block(summary.drift, "deviations", summary.secrets))
    text = "\n\n".join(parts)
    for secret in sorted(summary.secrets, key=len, reverse=True):
        text = text.replace(secret, "[secret]")
    if len(text) > LONGEST:
        # Cut at a line's end; a fence that stays open is closed, or what follows on the page would be in it.
        text = text[: LONGEST - 200].rpartition("\n")[0]
        text += ("\n```" if text.count("\n```") % 2 else "") + "\n\nThe rest is in the job's log."
    return text + "\n"


def mark_of(stack: str) -> str:
    """Give the invisible line by which the comment of a stack is found again."""
    return f"<!-- aegir preview: {re.sub(r'[^A-Za-z0-9._-]', '', stack)} -->"


def _headline(summary: Summary) -> str:
    if summary.failed:
        return "failed"
    if not summary.rows and not summary.drift:
        return "nothing to do"
    counts: dict[str, int] = {}
    for row in summary.rows:
        verb = row.verb.strip("*")
        counts[verb] = counts.get(verb, 0) + 1
    told = [f"{number} to {verb}" for verb, number in counts.items() if verb != "delete the old one"]
    return ", ".join([*told, f"{summary.unchanged} unchanged"])


def _row(step: Mapping[str, Any]) -> Row | None:
    op, urn = str(step.get("op", "")), str(step.get("urn", ""))
    if op in QUIET or urn.count("::") < 3:
        return None
    _, _, types, name = urn.split("::", 3)
    kind = types.rpartition("$")[2].rpartition(":")[2]
    return Row(verb=WORDS.get(op, op), kind=kind, name=name, settings=_changed(step) if op != "create" else ())


def _changed(step: Mapping[str, Any]) -> tuple[str, ...]:
    before, after = ((step.get(key) or {}).get("inputs") or {} for key in ("oldState", "newState"))
    if not before or not after:
        return ()
    # A secret is other ciphertext each time, so that it can be neither compared nor named as changed.
    changed = {
        key for key in {*before, *after} - OWN if before.get(key) != after.get(key) and not _secret(after.get(key))
    }
    return tuple(sorted(changed))


def _secret(value: object) -> bool:
    return value == "[secret]" or (isinstance(value, dict) and "ciphertext" in value)


def _drift(step: Mapping[str, Any]) -> list[str]:
    """List the deviations that a refresh saw: the resource's input `drift`, which is declared empty."""
    if step.get("op") != "update":
        return []
    found = ((step.get("oldState") or {}).get("inputs") or {}).get("drift")
    return [str(line) for line in found] if isinstance(found, list) else []


def _table(rows: Sequence[Row]) -> str:
    lines = ["| | what | name | settings |", "|---|---|---|---|"]
    # What is taken away stands first: it is what a reader must not miss.
    for row in sorted(rows, key=lambda row: "**" not in row.verb)[:ROWS]:
        listed = ", ".join(f"`{_cell(key)}`" for key in row.settings[:8])
        lines.append(f"| {row.verb} | {_cell(row.kind)} | `{_cell(row.name)}` | {listed} |")
    if len(rows) > ROWS:
        lines.append(f"| | | and {len(rows) - ROWS} more | |")
    return "\n".join(lines)


def _block(lines: Sequence[str], what: str, secrets: Sequence[str]) -> str:
    shown = []
    for line in [part for text in lines for part in text.splitlines() if part.strip()][:LINES]:
        # Before it is cut: half a secret would be found by nobody.
        for secret in sorted(secrets, key=len, reverse=True):
            line = line.replace(secret, "[secret]")  # noqa: PLW2901
        shown.append(line[:LINE].replace("```", "'''"))
    rest = len(lines) - LINES
    return "\n".join(["```text", *shown, *([f"and {rest} {what} more"] if rest > 0 else []), "```"])


def _cell(text: str) -> str:
    return re.sub(r"[`|<>\n\r\[\]@]", "", text)[:80]


def _plain(text: str) -> str:
    return re.sub(r"\x1b\[[0-9;]*m|<\{%[^%]*%\}>", "", text).strip().removeprefix("error: ")


def environment_secrets(environment: Mapping[str, str]) -> list[str]:
    """List the secrets that a job's environment has, and that an error could quote."""
    names = re.compile(r"PASSPHRASE$|PASSWORD$|TOKEN$|SECRET|_KEY$")
    found = [value for name, value in environment.items() if names.search(name) and len(value) > 3]
    password = urlsplit(environment.get("PULUMI_BACKEND_URL", "")).password
    return [*found, *([password] if password else [])]


def main(arguments: Sequence[str]) -> int:
    """Write the comment of a preview to standard output."""
    stack, preview, log = arguments
    texts = [path.read_text(errors="replace") if path.exists() else "" for path in (Path(preview), Path(log))]
    summary = read(*texts, secrets=environment_secrets(os.environ))
    commit = os.environ.get("GITHUB_SHA") or os.environ.get("CI_COMMIT_SHA") or ""
    sys.stdout.write(markdown(stack, summary, commit=commit, mark=mark_of(stack)))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
