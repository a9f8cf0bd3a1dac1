"""Further values of php.ini at a site or a server, as PHP-FPM takes them in a pool: ``php_admin_value``."""

from __future__ import annotations

import difflib
import re
import unicodedata
from typing import Final

from aegir_components.messages import numbered

from . import calendars, names, php_names
from .names import Wrong, WrongForm, wanted
from .reader import Node
from .wording import quoted

OURS: Final = frozenset(
    {
        "apc.enabled", "error_log", "opcache.restrict_api", "opcache.validate_permission", "session.save_path", "sys_temp_dir",
        "upload_tmp_dir",
    }
)  # fmt: skip
"""Values that keep sites apart, or say where their files are."""
NAMED: Final = {
    "max_execution_time": "time",
    "memory_limit": "memory",
    "post_max_size": "uploads",
    "upload_max_filesize": "uploads",
}
"""Values for which the stack file has a key, since more than PHP follows it."""
KNOWN: Final = php_names.FLAGS | php_names.NUMBERS | php_names.TEXTS | php_names.AT_START | {"error_reporting"}
LEVELS: Final = {
    name: 1 << bit
    for bit, name in enumerate(
        (
            *("E_ERROR", "E_WARNING", "E_PARSE", "E_NOTICE", "E_CORE_ERROR", "E_CORE_WARNING", "E_COMPILE_ERROR"),
            *(
                "E_COMPILE_WARNING",
                "E_USER_ERROR",
                "E_USER_WARNING",
                "E_USER_NOTICE",
                "E_STRICT",
                "E_RECOVERABLE_ERROR",
            ),
            *("E_DEPRECATED", "E_USER_DEPRECATED"),
        )
    )
} | {"E_ALL": 32767}
"""https://www.php.net/manual/en/errorfunc.constants.php; a pool knows none of these names."""

ABSOLUTE: Final = frozenset(
    {
        "axis2.client_home", "blenc.key_file", "coin_acceptor.device", "mime_magic.magicfile", "sendmail_path",
        "session.cookie_path", "session_pgsql.sem_file_name", "soap.wsdl_cache_dir",
        "uploadprogress.file.filename_template", "xdebug.output_dir", "xdebug.profiler_output_dir", "xdebug.trace_output_dir",
        "xmms.path",
    }
)  # fmt: skip
"""Values before which PHP-FPM writes /usr/, unless they begin with a slash (``FPM_PHP_INI_TO_EXPAND`` in its fpm_php.h)."""
LONGEST: Final = 1000
"""Characters of a value: lists of functions are long."""


def read_values(node: Node) -> list[tuple[str, str]]:
    """Read ``php.values``, each as a pool has it."""
    found = []
    for key, entry in node.entries():
        if why := _not_taken(key):
            entry.fault(why)
            continue
        if _is_strange(key):
            entry.warn(
                numbered(
                    1206,
                    f"PHP ignores it unless the server has an extension called {key.partition('.')[0]}, which aegir "
                    "installs nowhere",
                )
            )
        found.append((key, _plain(key, entry)))
    return found


def _not_taken(key: str) -> str:
    """Say why a value cannot be set, and what to do; empty for one that can, or may."""
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*(\.[A-Za-z0-9_]+)*", key):
        return numbered(1202, "is no name of a value of php.ini, such as max_input_vars")
    if key in OURS:
        return numbered(1203, "keeps sites apart, and cannot be changed; remove it")
    if key in NAMED:
        return numbered(1204, f"write php.{NAMED[key]} instead, which the web server follows as well")
    if key in php_names.AT_START:
        return numbered(
            1205,
            "is read when PHP-FPM starts, before it reads its sites' pools, so it would do nothing here. Remove it, or "
            "write it into a file of your own below /etc/php/<version>/fpm/conf.d on the server",
        )
    if key in KNOWN:
        return ""
    prefix, dot, _ = key.partition(".")
    ours = {name.partition(".")[0] for name in KNOWN if "." in name}
    same = {each.lower(): each for each in KNOWN}.get(key.lower())
    near = [same] if same else difflib.get_close_matches(key.lower(), KNOWN, n=1, cutoff=0.8)
    if not dot or prefix in ours or (near and prefix not in php_names.OTHERS):
        advice = (
            f"; did you mean {_named(near[0])}?"
            if near
            else "; https://www.php.net/manual/en/ini.list.php has all names"
        )
        return numbered(1202, f"PHP has no such value, and would ignore it{advice}")
    return ""


def _named(key: str) -> str:
    return f"php.{NAMED[key]}" if key in NAMED else quoted(key)


def _is_strange(key: str) -> bool:
    return key not in KNOWN and key.partition(".")[0] not in php_names.OTHERS


def _plain(key: str, entry: Node) -> str:
    entry.also()
    value = entry.value
    if isinstance(value, bool) and key not in php_names.NUMBERS | {"error_reporting"}:
        return "1" if value else "0"
    if isinstance(value, int) and not isinstance(value, bool) and (key not in php_names.FLAGS or value in (0, 1)):
        return str(value)
    if isinstance(value, float) and key in php_names.TEXTS:
        return str(value)
    # An empty value switches some off, so that it is one.
    text = "" if value == "" else entry.text("", _check(key))
    if (text or value == "") and key in ABSOLUTE and not text.startswith("/"):
        entry.fault(
            numbered(1207, f"must begin with /, not be {quoted(text)}: PHP-FPM writes /usr/ before it otherwise")
        )
    return text


def _check(key: str) -> names.Check | names.Checker:
    if key == "error_reporting":
        return _level
    if key == "date.timezone":
        return _zone
    if key in php_names.FLAGS:
        return _flag
    return _number if key in php_names.NUMBERS else _text


@wanted("a time zone, such as Europe/Berlin")
def _zone(text: str) -> str:
    if not calendars.is_zone(text):
        raise WrongForm(
            numbered(1207, f"must be {_zone.wanted}"), f", not {quoted(text)}, which PHP would take for UTC"
        )
    return text


@wanted("one line of text, such as Europe/Berlin")
def _text(text: str) -> str:
    """Let through what a pool can be told so that PHP reads it as it was written."""
    if len(text) > LONGEST:
        raise Wrong(numbered(1011, f"must have at most {LONGEST} characters"))
    if any(unicodedata.category(letter) in {"Cc", "Cs", "Zl", "Zp"} for letter in text):
        raise WrongForm(numbered(1010, "must be one line without control characters"), f", not {quoted(text)}")
    if "$pool" in text:
        raise Wrong(
            numbered(1207, "must not contain $pool, in place of which PHP-FPM writes the name of the pool"),
            f"; it is {quoted(text)}",
        )
    return text


@wanted("true or false")
def _flag(text: str) -> str:
    if text.lower() not in ("on", "off", "yes", "no", "true", "false"):
        raise WrongForm(numbered(1207, "must be true or false"), f", not {quoted(text)}")
    return "1" if text.lower() in ("on", "yes", "true") else "0"


@wanted("a whole number, with K, M or G where it counts bytes, such as 5000 or 16M")
def _number(text: str) -> str:
    if re.fullmatch(r"-?[0-9]+[KMGkmg]?", text):
        return text
    bytes_ = re.fullmatch(r"([0-9]+) ?([KMG])i?B?", text, re.IGNORECASE)
    advice = f"; write {bytes_[1]}{bytes_[2].upper()}" if bytes_ else ""
    raise WrongForm(numbered(1207, f"must be {_number.wanted}"), f", not {quoted(text)}{advice}")


@wanted(
    "a number, such as 32767 for E_ALL or 24575 for E_ALL & ~E_DEPRECATED, since PHP-FPM's pools know no names of levels"
)
def _level(text: str) -> str:
    if re.fullmatch(r"-?[0-9]+", text):
        return text
    number = _sum_of(text)
    advice = f"; write {number}" if number is not None else ""
    raise WrongForm(numbered(1207, f"must be {_level.wanted}"), f", not {quoted(text)}{advice}")


def _sum_of(text: str) -> int | None:
    """Give the number of levels that php.ini would have; ``None`` for other forms than ``E_ALL & ~E_NOTICE | E_PARSE``."""
    total = 0
    for sign, without, name in re.findall(r"([&|^]|^)\s*(~?)\s*(\w+)\s*", text):
        if name not in LEVELS:
            return None
        level = ~LEVELS[name] if without else LEVELS[name]
        total = {"": level, "&": total & level, "|": total | level, "^": total ^ level}[sign]
    whole = re.fullmatch(r"\s*~?\s*E_\w+\s*([&|^]\s*~?\s*E_\w+\s*)*", text)
    return total if whole else None
