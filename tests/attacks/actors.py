"""Who attacks, and by which tests: those of this folder, and scenarios of others that need their estates of hosts."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

ACTORS: Final[dict[str, tuple[str, ...]]] = {
    "a visitor": (
        "integration/test_site_addresses.py::",
        "integration/test_applications_visitors.py::",
    ),
    "a site's owner": (
        "integration/test_server_survival.py::TestTwoAtOnce::test_no_local_user_holds_up_a_run",
        "integration/test_site_owner.py::",
        "integration/test_site_life.py::test_nothing_of_a_disabled_or_removed_site_goes_on_running",
        "integration/test_site_life.py::test_no_site_takes_the_machine_or_the_database_from_its_neighbours",
        "integration/test_site_life.py::test_a_site_gets_a_php_master_of_its_own_and_back_without_a_failed_request",
        "integration/test_server_rights.py::test_no_way_leads_to_root",
        "integration/test_platform_places.py::test_no_way_that_another_account_can_turn_is_taken_by_root",
    ),
    "a web server": (
        "attacks/test_web_server.py::",
        "attacks/test_facts.py::",
        "unit/test_hostile_archives.py::test_no_copy_of_uploads_changes_anything_outside_of_the_site",
    ),
    "a database server": (
        "attacks/test_database_server.py::",
        "integration/test_server_database.py::test_tls_required_is_demanded_of_every_account_and_verified_by_every_client",
    ),
    "a source": (
        "attacks/test_source.py::",
        "attacks/test_build.py::",
        "attacks/test_git.py::",
        "unit/test_hostile_archives.py::",
        "unit/test_hostile_git.py::",
    ),
    "another operator": (
        "integration/test_platform_places.py::test_another_stack_cannot_take_a_platforms_name_or_place",
        "integration/test_server_database.py::test_a_second_stack_leaves_the_first_ones_account_and_configuration",
        "integration/test_site_hostile.py::",
    ),
}
"""By actor of docs/explanation/security.md: beginnings of what pytest calls tests, below ``tests/``."""


def counted(passed: Iterable[str], failed: Iterable[str]) -> list[str]:
    """Give a line for each actor with the attacks of this run: how many were tried, and how many succeeded."""
    lines = []
    gone, done = list(passed), list(failed)
    for actor, tests in ACTORS.items():
        beginnings = tuple(f"tests/{test}" for test in tests)
        held, broken = (len({node for node in nodes if node.startswith(beginnings)}) for nodes in (gone, done))
        if held + broken:
            lines.append(f"{actor}: {held + broken} tried, {broken} succeeded")
    return lines
