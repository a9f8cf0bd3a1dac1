"""Every command that a message or a page advises is in a table with the test that runs it; those that no test runs are named."""

# ruff: noqa: E501 - a table

from __future__ import annotations

import re
from typing import Final

import pytest

from tests import advice

ANYWHERE: Final = {
    "pulumi up": "tests/provider/test_matrix.py::test_an_entry_is_edited",
    "pulumi up --refresh": "tests/provider/test_random.py::test_no_step_on_doubles_loses_anything",
    "pulumi preview": "tests/provider/test_matrix.py::test_an_entry_is_edited",
    "pulumi cancel": "tests/integration/test_command_line.py::test_nothing_is_promoted_to_a_stack_whose_up_was_killed_until_it_is_through",
    "pulumi destroy": "tests/integration/test_site_facts.py::test_fact_27_drupal_10_is_installed_and_answers_with_its_settings_closed",
    "pulumi config set": "tests/unit/test_settings_faults.py::test_the_command_that_sets_a_password_is_safe_to_paste_whatever_the_name",
}
"""Commands that are one thing wherever they are advised; sites' content is compared after them."""
DONE_BY: Final = {
    "tests/integration/test_shared_machines.py::test_a_stack_gets_another_name": (
        ("scripts/prelude.sh", "pulumi stack rename"), ("docs/howto/rename-a-stack.md", "pulumi stack rename"),
    ),
    "tests/provider/test_check_stack_advice.py::test_an_entry_in_a_former_platform_is_removed_by_hand": (
        ("cli/leftovers.py", "rm"),
    ),
    "tests/provider/test_pack_master.py::test_the_page_s_steps_give_a_pack_another_master_and_lose_nothing": (
        ("services/nfs.sh", "rsync -aH"), ("services/nfs.sh", "mkdir -p"),
        ("services/nfs.sh", "date +%s"), ("docs/howto/give-a-pack-another-master.md", "rsync -aH"), ("docs/howto/give-a-pack-another-master.md", "mkdir -p"),
        ("docs/howto/give-a-pack-another-master.md", "date +%s"), ("docs/howto/give-a-pack-another-master.md", "find"), ("docs/howto/give-a-pack-another-master.md", "mv -t"), ("docs/howto/give-a-pack-another-master.md", "mv"),
    ),
    "tests/provider/test_advice.py::test_uploads_that_are_to_be_shared_are_copied_and_moved_away_as_the_message_says": (
        ("deploy/uploads.sh", "cp -au"), ("deploy/uploads.sh", "mv"),
        ("facts/site_content.py", "rsync -aHu"),
    ),
    "tests/integration/test_command_line.py::test_status_has_servers_platforms_and_sites_with_release_health_and_last_cron": (
        ("docs/howto/check-a-sites-cron.md", "systemctl start"),
    ),
    "tests/integration/test_teams.py::test_a_passphrase_is_changed_and_no_machine_is_touched": (
        ("docs/howto/change-the-passphrase.md", "pulumi stack change-secrets-provider"), ("docs/howto/change-the-passphrase.md", "mv"),
    ),
    "tests/integration/test_pack_failover.py::test_a_standby_takes_over_in_one_up_and_says_what_is_lost": (
        ("providers/pack_export.py", "rm"), ("providers/pack_export.py", "exportfs"),
    ),
    "tests/integration/test_changes.py::test_an_account_gets_other_numbers_by_the_commands_of_the_message": (
        ("scripts/prelude.sh", "groupmod"), ("scripts/prelude.sh", "usermod"), ("scripts/prelude.sh", "chown"),
        ("providers/pack_export.py", "groupmod"), ("providers/pack_export.py", "usermod"), ("providers/pack_export.py", "chown"),
    ),
    "tests/integration/test_changes.py::test_uploads_on_a_share_are_opened_by_the_commands_of_the_message": (
        ("facts/site_content.py", "setfacl"), ("facts/site_content.py", "chmod"),
    ),
    "tests/integration/test_pipelines.py::test_a_killed_runner_holds_nobody_up": (
        ("docs/explanation/pipelines.md", "pulumi refresh"),
    ),
    "tests/integration/test_teams.py::test_a_state_moves_to_another_backend_and_nothing_changes": (
        ("docs/howto/move-the-state.md", "pulumi stack export"), ("docs/howto/move-the-state.md", "pulumi stack import"),
        ("docs/howto/rename-a-stack.md", "pulumi stack export"), ("docs/howto/rename-a-stack.md", "pulumi stack import"),
    ),
    "tests/integration/test_backups.py::test_a_backup_is_read_without_this_program": (
        ("docs/howto/restore-a-site.md", "tar"),
    ),
    "tests/integration/test_backups_away.py::test_a_server_that_only_lets_add_keeps_what_the_hub_would_delete": (
        ("docs/howto/protect-backups-from-deletion.md", "find"), ("docs/howto/protect-backups-from-deletion.md", "chown"), ("docs/howto/protect-backups-from-deletion.md", "chmod"),
    ),
    "tests/integration/test_backups_refused.py::test_the_archives_in_clear_of_an_earlier_version_come_back_as_well": (
        ("cli/decrypt.py", "gzip -dc"), ("docs/howto/restore-the-archives-of-a-removal.md", "gzip -dc"),
        ("docs/howto/rename-a-site.md", "gzip -dc"),
    ),
    "tests/integration/test_removal.py::test_a_removed_site_gets_its_backup_back_by_the_steps_of_the_page": (
        ("docs/howto/restore-a-backup-by-hand.md", "gzip -dc"), ("docs/howto/restore-a-backup-by-hand.md", "tar"),
    ),
    "tests/integration/test_removal.py::test_a_site_moves_to_another_publish_root_by_the_steps_of_the_page": (
        ("docs/howto/move-a-site-to-another-publish-root.md", "mysqldump"),
    ),
    "tests/integration/test_origin.py::test_a_site_from_elsewhere_is_brought_in_and_what_is_hostile_stays_out": (
        ("docs/howto/bring-in-a-site.md", "mysqldump"), ("origins/dumps.py", "mysqldump"), ("docs/reference/stack-file.md", "mysqldump"),
    ),
    "tests/provider/test_advice.py::test_empty_attributes_beside_a_state_are_deleted_and_nothing_else": (
        ("docs/reference/messages.md", "find"),
    ),
    "tests/unit/test_sources.py::test_a_program_with_anothers_rights": (
        ("sources/tree.py", "chmod"),
    ),
}  # fmt: skip
"""By test: the files, and the commands that they advise."""
BY_PLACE: Final = {place: test for test, places in DONE_BY.items() for place in places}
INSTALLS: Final = ("apt-get install", "update-ca-certificates", "git lfs", "ssh-keygen", "hostnamectl set-hostname")
"""What adds a program, or says what a machine is called: it touches no site."""
NO_PROGRAM: Final = {
    ("docs/reference/stack-file.md", "tar"), ("settings/backups.py", "tar"), ("backups/archive.py", "tar"), ("backups/produce.py", "tar"),
    ("archives/keeping.py", "mysqldump"), ("providers/staging.py", "tar"), ("sources/archives.py", "tar"), ("docs/howto/recover-a-killed-run.md", "kill -9"),
    ("cli/engine.py", "pulumi stack ls`"), ("docs/tutorial/first-site.md", "tar"),
    ("docs/reference/outputs.md", "pulumi stack output"), ("docs/explanation/design.md", "systemctl reload"), ("docs/tutorial/first-site.md", "mkdir -p"),
    ("docs/howto/keep-the-state-in-postgresql.md", "pulumi stack init"), ("docs/howto/move-the-state.md", "pulumi stack init"), ("aegir3/render.py", "pulumi stack init"), ("cli/import_aegir.py", "tar"), ("inspecting/judging.py", "mysqldump"), ("docs/reference/messages.md", "exportfs"), ("services/mounts.py", "exportfs"), ("services/nfs.sh", "exportfs"), ("docs/reference/messages.md", "chmod"),
    ("docs/tutorial/demo.md", "cp -a"),
}  # fmt: skip
"""Words about a program that failed, and commands that only show something or begin where nothing is yet."""


def _known(where: str, command: str) -> str:
    return BY_PLACE.get((where, command)) or ANYWHERE.get(command, "")


def test_every_advised_command_is_in_the_table() -> None:
    every = advice.of_messages() | advice.of_pages()
    left = {(where, command) for where, command in every if command not in INSTALLS and not _known(where, command)}
    assert NO_PROGRAM == left


def test_the_table_has_no_command_that_nothing_advises() -> None:
    every = advice.of_messages() | advice.of_pages()
    assert set(BY_PLACE) <= every
    assert set(ANYWHERE) <= {command for _, command in every}


@pytest.mark.parametrize("test", sorted({*ANYWHERE.values(), *BY_PLACE.values()}))
def test_the_tests_of_the_table_are_there(test: str) -> None:
    path, _, name = test.partition("::")
    assert re.search(rf"^ *def {name}\(", (advice.ROOT / path).read_text(encoding="utf-8"), re.MULTILINE)


def test_commands_are_found_in_sentences_and_not_in_scripts() -> None:
    assert ("cli/leftovers.py", "rm") in advice.of_messages()
    assert ("deploy/uploads.sh", "cp -au") in advice.of_messages()
    assert ("docs/howto/recover-a-killed-run.md", "pulumi cancel") in advice.of_pages()
    assert ("mysql/databases.py", "rm") not in advice.of_messages()
