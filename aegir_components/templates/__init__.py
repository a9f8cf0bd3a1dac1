"""Configuration files from templates: Jinja2, strict, each value quoted for the language it stands in."""

from __future__ import annotations

import functools
import hashlib
import re
from collections.abc import Mapping
from importlib import resources
from typing import Any

import jinja2

_APPLICATIONS = "aegir_components.applications"
_PLAIN = re.compile(r"[A-Za-z0-9_./:@${}+-]+")


def php(value: object) -> str:
    """Quote a value as a PHP literal."""
    if value is None:
        return "NULL"
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, int):
        # What PHP's integers do not hold becomes a float there, which has fewer digits.
        return str(value) if -(2**63) < value < 2**63 else php(str(value))
    if isinstance(value, float):
        return repr(value)
    if isinstance(value, Mapping):
        return "[" + ", ".join(f"{php(key)} => {php(each)}" for key, each in value.items()) + "]"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(php(each) for each in value) + "]"
    text = str(value)
    if "\0" in text:
        raise ValueError("a setting holds a NUL byte")
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def word(value: object) -> str:
    """Let only what needs no quoting in Apache's, nginx's and PHP-FPM's files through.

    Raises:
        ValueError: the value has another character; names and paths are checked long before, so this is a problem of ours.
    """
    text = str(value)
    if not _PLAIN.fullmatch(text):
        raise ValueError(f"{text!r} cannot stand in a configuration file")
    return text


def ini(value: object) -> str:
    """Quote a value for PHP-FPM's files, so that ``ini_get`` gives it as it is.

    Raises:
        ValueError: the value has what FPM would read otherwise whatever the quoting; settings check it long before, so this is
            a problem of ours.
    """
    text = str(value)
    if "$pool" in text or any(ord(letter) < ord(" ") for letter in text):
        raise ValueError(f"{text!r} cannot stand in a configuration file")
    # Two quoted texts side by side are one; a dollar sign before a brace would begin a variable, and nothing escapes it.
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("${", '$""{') + '"'


@functools.cache
def _environment() -> jinja2.Environment:
    # Nothing is HTML here: each template names the quoting of its language.
    environment = jinja2.Environment(
        loader=jinja2.FunctionLoader(source),
        undefined=jinja2.StrictUndefined,
        keep_trailing_newline=True,
        trim_blocks=True,
        lstrip_blocks=True,
        autoescape=False,  # noqa: S701 - nothing is HTML here: each template names the quoting of its language
    )
    environment.filters |= {"php": php, "word": word, "ini": ini, "regex": re.escape}
    return environment


def source(name: str) -> str:
    """Read a template's text.

    Args:
        name: of a file here, or of an application's: ``<application>/<file>``.
    """
    package = _APPLICATIONS if "/" in name else __package__
    return resources.files(package).joinpath(name).read_text(encoding="utf-8")


def render(name: str, /, **values: Any) -> str:
    """Render a template; a value that it names and does not get is an error."""
    return _environment().get_template(name).render(**values)


def digest(*names: str, rules: str = "") -> str:
    """Give a short digest of templates: an input of the resources they make, so that our change shows in a preview.

    Args:
        names: the templates.
        rules: what the program itself puts into them, beside what is declared.
    """
    texts = [*(source(name) for name in names), *([rules] if rules else [])]
    return hashlib.sha256("\0".join(texts).encode()).hexdigest()[:16]
