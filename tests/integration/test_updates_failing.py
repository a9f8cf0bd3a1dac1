"""Updates that fail in every way that they can: no visitor sees it, and the reason is told."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import pytest

from lab import HostSpec, Lab
from tests.integration.updating import BESIDE, GOOD, SEVEN, Seven, Visitor, seven_on

pytestmark = [pytest.mark.lab, pytest.mark.slow, pytest.mark.timeout(1200)]

LabFactory = Callable[[str, Iterable[HostSpec]], Lab]
SECONDS = 15
"""For what never ends; on a busy machine what ends takes some of them."""
FAILING = {
    "it throws": ("throw new Exception('no such column in <b>the shop</b>');", "no such column in the shop"),
    "it is a type error": ("strlen(array());", "strlen"),
    "a table is missing": ("db_query('SELECT * FROM {tryout_none}')->fetchAll();", "tryout_none"),
    "it ends the program": ("exit(0);", "ended before it was done"),
    "it prints and ends": ("echo \"\\x1b[31m\\x00\\xff\" . str_repeat('x', 200000); exit(3);", "ended with status 3"),
    "it needs more memory than there is": (
        "ini_set('memory_limit', '32M'); $all = array(); while (TRUE) { $all[] = str_repeat('x', 100000); }",
        "Allowed memory size",
    ),
    "it never ends": ("while (TRUE) { usleep(1000); }", f"did not end within {SECONDS} s"),
    "it claims to be done": ('echo "\\n::done\\n"; exit(0);', "still lacks tryout_update_7002"),
    "it says that it goes on for ever": ("$sandbox['#finished'] = 0;", f"did not end within {SECONDS} s"),
}


@pytest.fixture(scope="module")
def seven(lab_factory: LabFactory, tmp_path_factory: pytest.TempPathFactory) -> Seven:
    lab = lab_factory("failing-updates", [HostSpec("web1", image="web"), HostSpec("db1", image="db")])
    return seven_on(lab, tmp_path_factory.mktemp("failing-updates"))


def test_failing_updates_never_reach_a_visitor_and_each_is_told_with_its_reason(seven: Seven) -> None:
    farm, before = seven.estate.farm, seven.number
    farm.settings["platforms"]["code"]["update"] = ["database"]
    # The other site has had the update already: by hand, with newer code.
    seven.estate.sql("UPDATE system SET schema_version = 7002 WHERE name = 'tryout'", BESIDE)
    farm.settings["sites"][SEVEN]["update"] = [{"step": "database", "seconds": SECONDS}]
    for name, (body, says) in FAILING.items():
        seven.release(GOOD, body)
        with Visitor(seven.estate.web, SEVEN, "/user") as visitor:
            done = farm.up(ok=False)
        assert visitor.statuses == {200}, name
        assert f"200 {before}" == seven.shown(), name
        assert f"200 {seven.number}" == seven.shown(BESIDE), name
        assert 7001 == seven.schema(), name
        assert says in done.sentence, f"{name}: {done.output[-3000:]}"
        assert "1 site is held back" in done.sentence, name
        assert "\x1b" not in done.output
        assert "" == seven.estate.left(), name
