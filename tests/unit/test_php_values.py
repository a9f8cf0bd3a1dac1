"""Further values of php.ini: which names there are, how pools take the values, and what a mistyped one says."""

from __future__ import annotations

from typing import Any

import pytest

from aegir_components import settings
from aegir_components.settings import php_names, php_values
from tests.unit import stacks

WHERE = 'aegir:sites["www.example.com"].php'
NUMBER = "must be a whole number, with K, M or G where it counts bytes, such as 5000 or 16M, not "
LEVEL = (
    "must be a number, such as 32767 for E_ALL or 24575 for E_ALL & ~E_DEPRECATED, since PHP-FPM's pools know no names of "
    "levels, not "
)
SIZE = "must be a size such as 100M or 1G, up to 64G, not "
START = "is read when PHP-FPM starts, before it reads its sites' pools, so it would do nothing here. Remove it, or write it into "


@pytest.mark.parametrize(
    ("key", "value", "pool"),
    [
        ("max_input_vars", 5000, "5000"), ("max_input_vars", "5000", "5000"), ("realpath_cache_size", "16M", "16M"),
        ("short_open_tag", True, "1"), ("short_open_tag", "Off", "0"), ("short_open_tag", 0, "0"),
        ("error_reporting", 22527, "22527"),
        ("date.timezone", "Europe/Berlin", "Europe/Berlin"), ("display_errors", False, "0"),
        ("display_errors", "stderr", "stderr"),
        ("redis.session.locking_enabled", 1, "1"), ("output_buffering", 4096, "4096"), ("opcache.revalidate_freq", 60, "60"),
        ("date.default_latitude", "52.5", "52.5"), ("zlib.output_compression", True, "1"),
        ("SMTP", "mail.example.com", "mail.example.com"),
    ],
)  # fmt: skip
def test_a_value_stands_in_the_pool_as_php_reads_it(key: str, value: object, pool: str) -> None:
    declared = stacks.declared(sites__site__php={"values": {key: value}})
    assert ({key: pool}, ()) == (declared.sites[stacks.SITE].php.values, declared.warnings)


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"memory_limt": "512M"}, "PHP has no such value, and would ignore it; did you mean php.memory?"),
        ({"max_input_var": 1}, 'PHP has no such value, and would ignore it; did you mean "max_input_vars"?'),
        ({"Max_Input_Vars": 1}, 'PHP has no such value, and would ignore it; did you mean "max_input_vars"?'),
        ({"opcach.enable": 1}, 'PHP has no such value, and would ignore it; did you mean "opcache.enable"?'),
        ({"opcache.nonsense_of_mine": 1}, "PHP has no such value, and would ignore it; https://www.php.net/manual"),
        ({"max-input-vars": 1}, "is no name of a value of php.ini, such as max_input_vars"),
        ({"memory_limit": "1G"}, "write php.memory instead, which the web server follows as well"),
        ({"opcache.memory_consumption": 256}, START), ({"extension": "redis.so"}, START), ({"zend.assertions": 1}, START),
        ({"error_reporting": "E_ALL"}, LEVEL + '"E_ALL"; write 32767'),
        ({"error_reporting": "E_ALL & ~E_DEPRECATED & ~E_STRICT"}, LEVEL + '"E_ALL & ~E_DEPRECATED & ~E_STRICT"; write 22527'),
        ({"error_reporting": "E_ERROR | E_PARSE"}, LEVEL + '"E_ERROR | E_PARSE"; write 5'),
        ({"error_reporting": "all"}, LEVEL + '"all"'), ({"error_reporting": True}, LEVEL + "true"),
        ({"realpath_cache_size": "16MB"}, NUMBER + '"16MB"; write 16M'), ({"max_input_vars": "many"}, NUMBER + '"many"'),
        ({"max_input_vars": True}, NUMBER + "true"), ({"session.gc_maxlifetime": ["1"]}, NUMBER + "a list"),
        ({"short_open_tag": "maybe"}, 'must be true or false, not "maybe"'),
        ({"short_open_tag": 2}, 'must be true or false, not "2"'),
        ({"disable_functions": ["exec"]}, "must be one line of text"),
        ({"date.timezone": None}, "is empty; write a time zone"),
        ({"date.timezone": "Mars/X"}, 'must be a time zone, such as Europe/Berlin, not "Mars/X"'),
    ],
)  # fmt: skip
def test_a_wrong_value_says_what_to_write(values: dict[str, Any], says: str) -> None:
    with pytest.raises(settings.SettingsError) as caught:
        stacks.declared(sites__site__php={"values": values})
    (fault,) = caught.value.faults
    assert fault.startswith(f'{WHERE}.values["{next(iter(values))}"]: {says}')


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (512, "the number 512; write 512M"), (-1, "the number -1"), (0, "the number 0"), ("512", '"512"; write 512M'),
        ("512MB", '"512MB"; write 512M'), ("512m", '"512m"; write 512M'), ("2 GiB", '"2 GiB"; write 2G'), ("1T", '"1T"'),
        ("0M", '"0M"'), ("100G", '"100G"'), ([], "a list"), (True, "true"), (1.5, "the number 1.5"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("key", ["memory", "uploads"])
def test_a_wrong_size_is_told_in_one_message(key: str, given: object, says: str) -> None:
    with pytest.raises(settings.SettingsError) as caught:
        stacks.declared(sites__site__php={key: given})
    assert (f"{WHERE}.{key}: {SIZE}{says}",) == caught.value.faults


def test_a_value_of_an_extension_that_nobody_knows_is_warned_of() -> None:
    declared = stacks.declared(sites__site__php={"values": {"mine.level": 3}})
    says = "PHP ignores it unless the server has an extension called mine, which aegir installs nowhere"
    assert (f'{WHERE}.values["mine.level"]: {says}',) == declared.warnings


def test_the_tables_have_each_name_once() -> None:
    tables = (php_names.FLAGS, php_names.NUMBERS, php_names.TEXTS)
    assert sum(map(len, tables)) == len(frozenset().union(*tables))
    assert php_values.OURS <= frozenset().union(*tables)
