"""FakeHost against a real shell: every operation of the script language, in the situations that matter, on both.

What is compared is what an operation says in check mode, in apply mode and in check mode again, the sentence that it
stops with, and what is on the machine after that.
"""

from __future__ import annotations

import ast
import functools
import re
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

import aegir_components
from aegir_components.scripts import script
from aegir_components.scripts.libraries import functions
from aegir_components.testing import FakeHost
from aegir_components.testing.plan import read
from tests.parsed import nodes
from tests.provider import commands, parity
from tests.provider.parity import Row
from tests.provider.parity_rows_more import ROWS

PACKAGE = Path(aegir_components.__file__).parent

_BYTES = "FakeHost knows a release by its digest, not by its bytes; test_release_stream sends real ones to a real shell"
_APART = "two FakeHosts share no files, so that a directory that is there has whatever the other one left in it"
_STATUS = "only aegir status asks this, and its tests have answers of their own"
DIFFERENT = {
    "want_sudoers: visudo refuses it": "FakeHost reads no sudo rules",
    "transaction: its test fails of old": "FakeHost.broken_test speaks of the new configuration only",
    "transaction: its reload fails": "FakeHost has no daemon that could fail; tests/unit/test_prelude.py does this",
    "release_state: it is there without a record": _BYTES,
    "release_facts: nothing is there": _BYTES,
    "release_begin: nothing is there": _BYTES,
    "release_without: a file goes": _BYTES,
    "release_unpack: nothing comes": _BYTES,
    "release_walk: one file came": _BYTES,
    "release_sums: one file came": _BYTES,
    "release_sums_since: one file came": _BYTES,
    "only_proven: nothing came": _BYTES,
    "release_place: it is missing": _BYTES,
    "release_repair: nothing came": _BYTES,
    "release_record: nothing came": _BYTES,
    "release_name: nothing came": _BYTES,
    "release_prune: two are there and one goes": _BYTES,
    "want_fresh_copy: it is old": "FakeHost has no clock",
    "find_proof: nobody has left one": _APART,
    "find_token: nobody has left one": _APART,
    "want_hosts_block: its marks are broken": "a block is an item of FakeHost's, not lines of a file",
    "want_mysql_certificate: it is nobody's": "FakeHost reads no certificates; tests/unit/test_certificates.py does",
    "mysql_login: nothing listens": "FakeHost logs in to a FakeMySQL of the same farm",
    "site_php: PHP is not installed": "FakeHost runs no PHP, and knows what our installers do",
    "status_units: one runs": _STATUS,
    "status_cron: it never ran": _STATUS,
}
"""Rows in which the two do differ, on purpose, by ``Row.id``; a row that no longer does is taken out of here."""


def reasons(names: str, reason: str) -> dict[str, str]:
    return dict.fromkeys(names.split(), reason)


NO_ITEMS = {
    **reasons(
        "apache_test apache_vhost_test nginx_test fpm_test fpm_test_of fpm_pool_test timer_test",
        "a daemon's test of its configuration, which transactions are given; FakeHost.broken_test says what it says",
    ),
    **reasons(
        "apache_reload nginx_reload fpm_reload fpm_reload_of apache_later nginx_later fpm_later fpm_later_of "
        "nfs_restart nfs_export standby_reload timer_reload release_go release_go_slave",
        "a reload, which transactions are given; FakeHost.reloads and FakeHost.waiting name those that were made",
    ),
    **reasons(
        "know_packages know_paths know_php know_sums know_units",
        "asked ahead in check mode for all items, and so in every row whose item has such questions",
    ),
    **reasons(
        "deviates fail room say takes installed php_version mysql_unit mysql_root site_docroot",
        "a word that operations are made of",
    ),
    "inventory_databases": "it asks a real server's own records; tests/integration/test_check_stack.py does",
    **reasons(
        "end_processes interrupt_processes open_account",
        "no process runs on a fake machine, and no account ends; tests/integration/test_site_life.py has both",
    ),
    "forget_in_memory": "no PHP runs on a fake machine; tests/integration/test_configuration.py has one",
    **reasons(
        "add_key drop_key",
        "only `aegir keys rotate` calls them; tests/unit/test_keys_rotate.py runs them in real shells",
    ),
    **reasons(
        "command_status command_tool command_tools end_with_the_hub journal receive_file site_is_open site_log_lines site_turn "
        "site_turn_over traffic no_scratch scratch_file run_unit "
        "address_facts unit_status status_closed disk_facts disk_databases spare_releases code_facts status_machine",
        "only commands of `aegir` call them; tests/integration/test_operator.py runs them on hosts",
    ),
    **reasons(
        "rehearsal_begin rehearsal_put rehearsal_merge rehearsal_over",
        "an update mounts layers over a site's files; tests/integration/test_updates.py has it on hosts",
    ),
    **reasons(
        "paired_sum paired_copy paired_layers paired_clear",
        "directories that go with a site's database; tests/unit/test_pairing.py runs them in real shells",
    ),
    **reasons(
        "copies_facts held_everywhere",
        "only aegir status asks this; tests/integration/test_updates_survival.py has it on hosts",
    ),
    "look_site": "a program for machines of others; tests/integration/test_inspect.py has one",
    "mount_try": "it mounts for a moment, and asks a port; tests/integration/test_pack.py has a server that refuses",
    "guard_way": "no link and no other owner is on a fake machine's ways; tests/integration/test_platform_places.py has them",
    "machine_lock": "FakeHost runs one script at a time; tests/unit/test_prelude.py holds the lock",
}
"""Functions that our Python names and that are no operations, with the reason."""


@functools.cache
def libraries() -> dict[str, str]:
    """Give the shell functions there are, with the library of each; those of the prelude have none."""
    found = {}
    # The prelude last: the script for machines that are not ours has functions of the same names.
    for path in sorted(PACKAGE.rglob("*.sh"), key=lambda path: path.parent.name == "scripts"):
        for name in re.findall(r"^([a-z_]+)\(\) *[({]", path.read_text(), re.MULTILINE):
            found[name] = "" if path.parent.name == "scripts" else path.stem
    return found


def operations() -> set[str]:
    """List the items of the language: every ``want_…``, and every other function that our Python calls."""
    texts: set[str] = set()
    for path in PACKAGE.rglob("*.py"):
        if "testing" in path.parts:
            continue
        for node in nodes(path):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and len(node.value) < 400:
                texts.add(node.value)
    named = set(re.findall(r"[a-z_]+", "\n".join(texts)))
    return {name for name in libraries() if name.startswith("want_") or name in named}


def test_every_operation_has_a_row_or_is_none() -> None:
    rows = {each.operation for each in ROWS}
    assert operations() == rows | set(NO_ITEMS)
    assert not rows & set(NO_ITEMS)


def test_every_difference_is_a_row() -> None:
    assert set(DIFFERENT) <= {each.id for each in ROWS}
    assert len(ROWS) == len({each.id for each in ROWS})


def test_an_item_that_nobody_taught_it_is_an_error() -> None:
    host = FakeHost("web1", "10.0.0.2", lambda *_: pytest.fail("nobody logs in"))
    text = script.render("check", ["want_something new"], holder="a test")
    with pytest.raises(NotImplementedError, match="want_something"):
        host.run(read(text), user="root", text=text)


@pytest.fixture(scope="session")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("programs")
    commands.write(place)
    return place


def with_libraries(given: Row) -> Row:
    words = set(re.findall(r"[a-z_]+", " ".join(given.lines)))
    names = {libraries()[word] for word in words & set(libraries())} - {""}
    # What a library calls of another one.
    names |= {
        needed for name, needed in (("isolation", "web"), ("site", "holding"), ("arrival", "release")) if name in names
    }
    return replace(given, libraries=tuple(functions(name) for name in sorted(names)))


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("dash") is None, reason="dash is not installed")
@pytest.mark.parametrize("operation", sorted({each.operation for each in ROWS}))
def test_both_say_and_do_the_same(operation: str, tmp_path: Path, programs: Path) -> None:
    rows = [with_libraries(each) for each in ROWS if each.operation == operation]
    real = dict(zip((each.id for each in rows), parity.on_real(rows, tmp_path, programs), strict=True))
    fake = {each.id: parity.on_fake(each) for each in rows}
    alike = [name for name in DIFFERENT if name in real and real[name] == fake[name]]
    assert [] == alike, "take these out of DIFFERENT"
    assert {name: each for name, each in real.items() if name not in DIFFERENT} == {
        name: each for name, each in fake.items() if name not in DIFFERENT
    }
