"""The shell of services, run by real shells with stand-ins for the programs of a machine."""

from __future__ import annotations

from pathlib import PurePosixPath

import pytest

from aegir_components.services import functions

from .conftest import Shell

OTHERS = {"mariadb": "50-server.cnf", "mysql": "mysqld.cnf"}
"""The files of Debian's MariaDB and Ubuntu's MySQL that set the address to listen on."""


@pytest.mark.parametrize("unit", ["mariadb", "mysql"])
def test_our_settings_of_a_database_are_read_after_the_distributions_own(shell: Shell, unit: str) -> None:
    ran = shell.check(functions("mysql"), f"mysql_unit() {{ echo {unit}; }}", 'fact file "$(mysql_file)"')

    ours = PurePosixPath(ran.report.facts["file"])
    assert OTHERS[unit] < ours.name
    assert unit == ours.parent.name.removesuffix(".conf.d")


class TestReloadOfNginx:
    """A worker that accepts until somebody waits for it, and a clock that goes on by a minute with each look."""

    def stand_ins(self, shell: Shell, *more: str) -> list[str]:
        return [
            functions("web"),
            f"WAITED={shell.root}/waited CLOCK={shell.root}/clock",
            "systemctl() { :; }; tail() { echo 'bind() to 0.0.0.0:80 failed'; }; rm() { echo \"::removed\"; }",
            "nginx_children() { echo 4711; }; nginx_accepts() { [ ! -e $WAITED ]; }; sleep() { : >$WAITED; }",
            *more,
        ]

    def test_it_waits_until_old_workers_take_no_more_connections(self, shell: Shell) -> None:
        ran = shell.apply(*self.stand_ins(shell, "nginx_reload && fact waited yes"))

        assert {"waited": "yes"} == ran.report.facts
        assert (shell.root / "waited").exists()
        assert "::removed" in ran.stdout

    def test_a_worker_that_stays_is_a_reload_that_failed_and_still_waits(self, shell: Shell) -> None:
        clock = 'date() { echo 60 >>$CLOCK; echo $(($(wc -l <"$CLOCK") * 60)); }; sleep() { :; }'

        ran = shell.apply(*self.stand_ins(shell, clock, 'fact said "$(nginx_reload || echo failed)"'))

        assert "nginx keeps its old configuration: bind() to 0.0.0.0:80 failed\nfailed" == ran.report.facts["said"]
