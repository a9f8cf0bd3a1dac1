"""SQL for databases, accounts and rights: quoting, what servers of several versions say, and planning."""

from __future__ import annotations

import pickle
import time
from typing import Any

import pymysql
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aegir_components.mysql import careful, client, databases, statements
from aegir_components.testing import Account, FakeFarm, FakeMySQL

few = settings(max_examples=60, deadline=None)
SITE = statements.SITE_PRIVILEGES
SITE_LIST = "SELECT, INSERT, UPDATE, DELETE, CREATE, DROP, INDEX, ALTER, CREATE TEMPORARY TABLES"
ADMIN_LIST = (
    "SELECT, INSERT, UPDATE, DELETE, CREATE, DROP, PROCESS, INDEX, ALTER, CREATE TEMPORARY TABLES, LOCK TABLES, "
    "SHOW VIEW, CREATE USER, EVENT, TRIGGER"
)

SITE_TEXTS = {
    "mysql 5.7": [
        "GRANT USAGE ON *.* TO 'www_example'@'10.0.0.2'",
        f"GRANT {SITE_LIST} ON `www\\_example`.* TO 'www_example'@'10.0.0.2'",
    ],
    "mysql 8.0": [
        "GRANT USAGE ON *.* TO `www_example`@`10.0.0.2`",
        f"GRANT {SITE_LIST} ON `www\\_example`.* TO `www_example`@`10.0.0.2`",
    ],
    "mysql 8.4": [
        "GRANT USAGE ON *.* TO `www_example`@`10.0.0.2`",
        f"GRANT {SITE_LIST} ON `www\\_example`.* TO `www_example`@`10.0.0.2`",
    ],
    "mariadb 10.3": [
        "GRANT USAGE ON *.* TO 'www_example'@'10.0.0.2' IDENTIFIED BY PASSWORD '*2470C0C06DEE42FD1618BB99005ADCA2EC9D1E19'",
        f"GRANT {SITE_LIST} ON `www\\_example`.* TO 'www_example'@'10.0.0.2'",
    ],
    "mariadb 10.11": [
        "GRANT USAGE ON *.* TO `www_example`@`10.0.0.2` IDENTIFIED BY PASSWORD '*2470C0C06DEE42FD1618BB99005ADCA2EC9D1E19'",
        f"GRANT {SITE_LIST} ON `www\\_example`.* TO `www_example`@`10.0.0.2`",
    ],
    "mariadb 11 with tls": [
        "GRANT USAGE ON *.* TO `www_example`@`10.0.0.2` IDENTIFIED BY PASSWORD '*2470' REQUIRE SSL",
        f"GRANT {SITE_LIST} ON `www\\_example`.* TO `www_example`@`10.0.0.2`",
    ],
}
ADMIN_TEXTS = {
    "mysql 5.7": [f"GRANT {ADMIN_LIST} ON *.* TO 'aegir_root'@'10.0.0.1' WITH GRANT OPTION"],
    "mysql 8.0": [f"GRANT {ADMIN_LIST} ON *.* TO `aegir_root`@`10.0.0.1` WITH GRANT OPTION"],
    "mariadb 10.3": [
        f"GRANT {ADMIN_LIST} ON *.* TO 'aegir_root'@'10.0.0.1' IDENTIFIED BY PASSWORD '*2470' WITH GRANT OPTION"
    ],
    "mariadb 10.11": [
        f"GRANT {ADMIN_LIST} ON *.* TO `aegir_root`@`10.0.0.1` IDENTIFIED BY PASSWORD '*2470' WITH GRANT OPTION"
    ],
    "mariadb 11": [
        f"GRANT {ADMIN_LIST} ON *.* TO `aegir_root`@`10.0.0.1` IDENTIFIED BY PASSWORD '*2470' REQUIRE SSL WITH GRANT OPTION"
    ],
}


class TestReadingGrants:
    @pytest.mark.parametrize("version", SITE_TEXTS)
    def test_a_sites_account(self, version: str) -> None:
        found = statements.parse_grants(SITE_TEXTS[version])
        assert SITE == found["www_example"]
        assert frozenset() == found.get("*.*", frozenset())

    @pytest.mark.parametrize("version", SITE_TEXTS)
    def test_a_sites_account_as_declared_needs_nothing(self, version: str) -> None:
        have = statements.parse_grants(SITE_TEXTS[version])["www_example"]
        assert [] == statements.site_grants("www_example", "www_example", "10.0.0.2", have)

    @pytest.mark.parametrize("version", ADMIN_TEXTS)
    def test_the_hubs_account(self, version: str) -> None:
        assert [] == statements.administrator_faults(ADMIN_TEXTS[version])

    @pytest.mark.parametrize("version", ADMIN_TEXTS)
    @pytest.mark.parametrize("privilege", ["CREATE USER", "SELECT", "EVENT"])
    def test_a_right_that_the_hubs_account_lacks_is_named(self, version: str, privilege: str) -> None:
        lines = [line.replace(f"{privilege}, ", "").replace(f", {privilege} ", " ") for line in ADMIN_TEXTS[version]]
        assert [f"lacks {privilege}"] == statements.administrator_faults(lines)

    @pytest.mark.parametrize("version", ADMIN_TEXTS)
    def test_the_right_to_hand_on_is_asked_for(self, version: str) -> None:
        lines = [line.replace(" WITH GRANT OPTION", "") for line in ADMIN_TEXTS[version]]
        assert ["lacks GRANT OPTION"] == statements.administrator_faults(lines)

    def test_too_much_is_named_as_well(self) -> None:
        lines = ["GRANT ALL PRIVILEGES ON *.* TO `aegir_root`@`10.0.0.1` WITH GRANT OPTION"]
        assert ["has ALL PRIVILEGES, which is more than declared"] == statements.administrator_faults(lines)
        lines = [ADMIN_TEXTS["mysql 8.0"][0].replace("SELECT,", "SELECT, FILE,")]
        assert ["has FILE, which is not declared"] == statements.administrator_faults(lines)

    def test_no_account_has_its_own_words(self) -> None:
        assert ["there is no such account"] == statements.administrator_faults([])

    @pytest.mark.parametrize(
        ("line", "place", "privileges"),
        [
            ("GRANT ALL PRIVILEGES ON `db`.* TO 'u'@'h'", "db", {"ALL PRIVILEGES"}),
            ("GRANT SELECT ON `my\\_db\\%x`.* TO `u`@`h`", "my_db%x", {"SELECT"}),
            ("GRANT SELECT ON `back``tick`.* TO `u`@`h`", "back`tick", {"SELECT"}),
            ("GRANT SELECT ON `dots.in.it`.* TO `u`@`h`", "dots.in.it", {"SELECT"}),
            ("GRANT SELECT ON `db`.* TO `u`@`2001:db8::1` WITH GRANT OPTION", "db", {"SELECT", "GRANT OPTION"}),
            ("GRANT USAGE ON *.* TO `u`@`%`", "*.*", set()),
            ("  GRANT SELECT ON *.* TO `u`@`h`;  ", "*.*", {"SELECT"}),
            ("GRANT ROLE_ADMIN,BACKUP_ADMIN ON *.* TO `root`@`h`", "*.*", {"ROLE_ADMIN", "BACKUP_ADMIN"}),
            ("GRANT SELECT ON `ends with```.* TO `u`@`h`", "ends with`", {"SELECT"}),
            ("GRANT SELECT ON `with space`.* TO `u`@`h`", "with space", {"SELECT"}),
            ("GRANT SELECT ON `db`.`users` TO `u`@`h`", "`db`.`users`", {"SELECT"}),
            ("GRANT EXECUTE ON PROCEDURE `db`.`p` TO `u`@`h`", "PROCEDURE `db`.`p`", {"EXECUTE"}),
        ],
    )
    def test_one_line(self, line: str, place: str, privileges: set[str]) -> None:
        assert {place: frozenset(privileges)} == statements.parse_grants([line])

    def test_a_right_on_one_table_is_no_right_on_the_database(self) -> None:
        found = statements.parse_grants(["GRANT SELECT ON `db`.`users` TO `u`@`h`"])
        assert "SELECT" not in found.get("db", frozenset())

    def test_a_right_on_one_table_is_seen(self) -> None:
        found = statements.parse_grants(["GRANT SELECT ON `other`.`users` TO `u`@`h`"])
        assert any(found.values())

    def test_roles_and_noise_are_passed_over(self) -> None:
        assert {} == statements.parse_grants(
            ["GRANT `app_read`@`%` TO `u`@`h`", "SET DEFAULT ROLE NONE", "", "Grants for u@h"]
        )

    @pytest.mark.parametrize(
        ("line", "roles"),
        [
            ("GRANT `app_read`@`%` TO `u`@`h`", ["`app_read`@`%`"]),
            ("GRANT `a` TO `u`@`h`", ["`a`"]),
            ("GRANT `a`@`%`,`b`@`%` TO `u`@`h`", ["`a`@`%`,`b`@`%`"]),
            ("GRANT 'a' TO 'u'@'h'", ["'a'"]),
            ("GRANT SELECT ON `TO`.* TO `u`@`h`", []),
            ("GRANT USAGE ON *.* TO `u`@`h`", []),
            ("SET DEFAULT ROLE NONE", []),
        ],
    )
    def test_roles_are_named(self, line: str, roles: list[str]) -> None:
        assert roles == statements.granted_roles([line])

    @pytest.mark.parametrize("written", ["`my_db`.*", "`my%`.*", "`my\\\\_db`.*"])
    def test_a_wildcard_is_a_place_of_its_own(self, written: str) -> None:
        lines = [f"GRANT SELECT ON {written} TO `u`@`h`", "GRANT DROP ON `my\\_db`.* TO `u`@`h`"]
        assert {written: frozenset({"SELECT"}), "my_db": frozenset({"DROP"})} == statements.parse_grants(lines)

    def test_what_sites_have_besides_is_asked_of_the_hubs_account_and_may_stay_with_it(self) -> None:
        (line,) = ADMIN_TEXTS["mysql 8.0"]
        assert ["lacks CREATE VIEW"] == statements.administrator_faults([line], ["CREATE VIEW", "TRIGGER"])
        more = line.replace("SELECT,", "SELECT, CREATE VIEW,")
        assert [] == statements.administrator_faults([more], ["CREATE VIEW", "TRIGGER"])
        assert [] == statements.administrator_faults([more])

    def test_lines_of_one_place_add_up(self) -> None:
        lines = ["GRANT SELECT ON *.* TO `u`@`h`", "GRANT BACKUP_ADMIN ON *.* TO `u`@`h`"]
        assert {"*.*": frozenset({"SELECT", "BACKUP_ADMIN"})} == statements.parse_grants(lines)


HAVE = st.frozensets(
    st.sampled_from(sorted(SITE | {"EXECUTE", "EVENT", "GRANT OPTION", "ALL PRIVILEGES", "LOCK TABLES"}))
)
NAME = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1, max_size=20)


def _server(database: str, have: frozenset[str]) -> FakeMySQL:
    return FakeMySQL(accounts={("u", "h"): Account("p", grants={database: set(have)})})


class TestPlanning:
    @few
    @given(have=HAVE)
    def test_the_plan_makes_any_rights_the_wanted_ones(self, have: frozenset[str]) -> None:
        server = _server("my_db", have)
        for sql in statements.site_grants("my_db", "u", "h", have):
            server.execute(sql)
        assert SITE == server.accounts["u", "h"].grants["my_db"]

    @few
    @given(have=HAVE)
    def test_after_the_plan_there_is_nothing_to_do(self, have: frozenset[str]) -> None:
        server = _server("my_db", have)
        for sql in statements.site_grants("my_db", "u", "h", have):
            server.execute(sql)
        again = statements.parse_grants(server.show_grants("u", "h"))
        assert [] == statements.site_grants("my_db", "u", "h", again["my_db"])

    def test_what_is_as_wanted_needs_nothing(self) -> None:
        assert [] == statements.site_grants("db", "u", "h", SITE)

    def test_an_account_without_rights_gets_one_statement(self) -> None:
        (sql,) = statements.site_grants("my_db", "u", "10.0.0.2", frozenset())
        assert sql.startswith("GRANT ALTER, CREATE, ")
        assert sql.endswith(" ON `my\\_db`.* TO 'u'@'10.0.0.2'")

    def test_nothing_is_revoked_that_is_wanted(self) -> None:
        (sql,) = statements.site_grants("db", "u", "h", SITE | {"EXECUTE"})
        assert "REVOKE EXECUTE ON `db`.* FROM 'u'@'h'" == sql


class TestQuoting:
    @few
    @given(value=NAME)
    def test_a_name_reads_back(self, value: str) -> None:
        quoted = statements.name(value)
        assert quoted[0] == quoted[-1] == "`"
        assert value == quoted[1:-1].replace("``", "`")
        assert "`" not in quoted[1:-1].replace("``", "")

    @few
    @given(value=NAME)
    def test_a_pattern_has_no_wildcard_left_and_reads_back(self, value: str) -> None:
        lines = [f"GRANT SELECT ON {statements.pattern(value)}.* TO `u`@`h`"]
        if not any(character.isspace() for character in value):
            assert {value: frozenset({"SELECT"})} == statements.parse_grants(lines)

    @few
    @given(user=NAME, host=NAME, password=NAME)
    def test_no_value_ends_its_quotes(self, user: str, host: str, password: str) -> None:
        server = FakeMySQL()
        for sql in statements.ensure_account(user, host, password, tls=False):
            server.execute(sql)
        assert {(user, host): password} == {key: found.password for key, found in server.accounts.items()}

    def test_two_databases_that_differ_by_a_wildcard_are_two(self) -> None:
        assert statements.pattern("a_b") != statements.pattern("aXb")
        assert "`a\\_b`" == statements.pattern("a_b")
        assert "`a\\%b`" == statements.pattern("a%b")

    def test_every_session_makes_backslashes_escape(self) -> None:
        assert "NO_BACKSLASH_ESCAPES" not in statements.PREAMBLE
        assert "sql_mode" in statements.PREAMBLE


class TestAdministrator:
    def test_it_is_made_and_has_exactly_what_is_declared(self) -> None:
        server = FakeMySQL(accounts={("a", "10.0.0.1"): Account("old", grants={"*.*": {"FILE", "SUPER"}})})
        for line in statements.administrator("a", "10.0.0.1", 'it\'s \\ "new"', tls=True):
            server.execute(line)
        account = server.accounts["a", "10.0.0.1"]
        assert statements.ADMINISTRATOR_PRIVILEGES | {"GRANT OPTION"} == account.grants["*.*"]
        assert ('it\'s \\ "new"', True) == (account.password, account.tls)

    def test_each_statement_is_one_line(self) -> None:
        assert all(
            "\n" not in line and line.endswith(";")
            for line in statements.administrator("a", "h", "new\nline", tls=False)
        )


OPERATIONAL, DOWN, DENIED = pymysql.err.OperationalError, client.DatabaseUnreachable, client.DatabaseDenied


class TestErrors:
    where = client.Endpoint(server="db1", address="10.0.0.3", port=3307, user="aegir_root", password="5ecret-pass")

    @pytest.mark.parametrize(
        ("fault", "kind", "words"),
        [
            (OPERATIONAL(2003, "Can't connect (timed out)"), DOWN, ["bind-address", "firewall", "10.0.0.3", "3307"]),
            (OPERATIONAL(2013, "Lost connection"), DOWN, ["bind-address"]),
            (OSError(113, "No route to host"), DOWN, ["No route to host"]),
            (OPERATIONAL(1045, "Access denied"), DENIED, ["aegir_root", "hub.address", "GRANT OPTION"]),
            (OPERATIONAL(1130, "Host is not allowed"), DENIED, ["hub"]),
            (OPERATIONAL(1044, "Access denied to database"), DENIED, ["GRANT OPTION"]),
            (pymysql.err.ProgrammingError(1064, "You have an error"), client.DatabaseError, ["1064"]),
            (pymysql.err.InternalError(), client.DatabaseError, ["InternalError"]),
        ],
    )  # fmt: skip
    def test_each_fault_says_where_and_what_to_do(
        self, fault: Exception, kind: type[Exception], words: list[str]
    ) -> None:
        said = client.explained(self.where, fault, verb="GRANT")
        assert kind is type(said)
        assert str(said).startswith("db1: ")
        for word in words:
            assert word in str(said)

    def test_a_statement_that_the_server_quotes_is_left_out(self) -> None:
        fault = pymysql.err.ProgrammingError(
            1064, "You have an error; check the right syntax to use near 'BY 'pass\\'word' REQUIRE\nNONE' at line 1"
        )
        assert "pass" not in str(client.explained(self.where, fault, verb="ALTER"))
        twice = pymysql.err.IntegrityError(1062, "Duplicate entry 'of a person' for key 'mail'")
        assert "person" not in str(client.explained(self.where, twice, verb="INSERT"))

    def test_no_repr_holds_a_password(self) -> None:
        assert "5ecret" not in repr(self.where)
        wanted = databases.SiteDatabase(name="d", user="u", password="5ecret-pass", clients=("h",), owner="o")
        assert "5ecret" not in repr(wanted)

    def test_a_server_that_restarts_is_waited_for_once_by_all_that_need_it(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        clock = [100.0]
        tries: list[float] = []
        monkeypatch.setattr(time, "monotonic", lambda: clock[0])
        monkeypatch.setattr(time, "sleep", lambda seconds: clock.__setitem__(0, clock[0] + seconds))

        def refuse(**_given: object) -> None:
            tries.append(clock[0])
            raise OPERATIONAL(2003, "refused") from None

        def connect(**given: object) -> None:
            try:
                refuse(**given)
            except OPERATIONAL as fault:
                fault.original_exception = ConnectionRefusedError(111, "Connection refused")  # type: ignore[attr-defined]
                raise

        monkeypatch.setattr(careful, "CarefulConnection", connect)
        for expected in (client.RESTART, 0.0):
            begun = clock[0]
            with pytest.raises(DOWN), client.connect(self.where):
                pass
            assert clock[0] - begun == pytest.approx(expected, abs=2 * client.PAUSE)
        assert len(tries) > 10

    def test_errors_cross_processes(self) -> None:
        fault = client.DatabaseDenied("db1: no")
        assert str(fault) == str(pickle.loads(pickle.dumps(fault)))


@pytest.fixture
def server() -> FakeMySQL:
    return FakeMySQL(accounts={("aegir_root", "10.0.0.1"): Account("p")})


@pytest.fixture
def endpoint(server: FakeMySQL) -> Any:
    farm = FakeFarm(hub="10.0.0.1")
    farm.host("db1", "10.0.0.3").mysql = server
    with farm.installed():
        yield client.Endpoint(server="db1", address="10.0.0.3", port=3306, user="aegir_root", password="p")


def wanted(**changes: Any) -> databases.SiteDatabase:
    values: dict[str, Any] = {"name": "d", "user": "u", "password": "x", "clients": ("10.0.0.2",), "owner": "p/s/site"}
    return databases.SiteDatabase(**(values | changes))


class TestDatabases:
    def test_one_that_is_not_there_is_gone(self, endpoint: client.Endpoint) -> None:
        assert databases.drift(endpoint, wanted()) is None

    def test_after_ensure_there_is_no_drift(self, endpoint: client.Endpoint) -> None:
        databases.ensure(endpoint, wanted())
        assert [] == databases.drift(endpoint, wanted())

    def test_a_client_more_and_a_client_less_are_accounts(self, endpoint: client.Endpoint, server: FakeMySQL) -> None:
        databases.ensure(endpoint, wanted(clients=("10.0.0.2", "10.0.0.4")))
        assert ["account u@10.0.0.4: not declared"] == databases.drift(endpoint, wanted())
        databases.ensure(endpoint, wanted())
        assert {("u", "10.0.0.2")} == {key for key in server.accounts if key[0] == "u"}

    def test_every_deviation_is_named(self, endpoint: client.Endpoint, server: FakeMySQL) -> None:
        databases.ensure(endpoint, wanted())
        account = server.accounts["u", "10.0.0.2"]
        account.grants["d"] = (account.grants["d"] - {"DELETE"}) | {"EXECUTE"}
        account.grants["other"] = {"SELECT"}
        del server.ownership["d"]
        assert [
            "database d: the record of whose it is is gone",
            "account u@10.0.0.2: lacks DELETE",
            "account u@10.0.0.2: has EXECUTE, which is not declared",
            "account u@10.0.0.2: has rights on other",
        ] == databases.drift(endpoint, wanted())

    def test_a_missing_account_is_named(self, endpoint: client.Endpoint, server: FakeMySQL) -> None:
        databases.ensure(endpoint, wanted())
        del server.accounts["u", "10.0.0.2"]
        assert ["account u@10.0.0.2: missing"] == databases.drift(endpoint, wanted())

    def test_another_password_is_named_where_the_hub_can_try_it(
        self, endpoint: client.Endpoint, server: FakeMySQL
    ) -> None:
        """As after an older state came back: its password is written into the settings, and must let the site in."""
        with_hub = ("10.0.0.1", "10.0.0.2")
        databases.ensure(endpoint, wanted(clients=with_hub))
        assert [] == databases.drift(endpoint, wanted(clients=with_hub))
        former = wanted(clients=with_hub, password="yesterday's")
        assert ["account u: has another password"] == databases.drift(endpoint, former)
        databases.ensure(endpoint, former)
        assert [] == databases.drift(endpoint, former)
        assert "yesterday's" == server.accounts["u", "10.0.0.2"].password

    def test_an_account_that_may_connect_without_tls_is_named(
        self, endpoint: client.Endpoint, server: FakeMySQL
    ) -> None:
        databases.ensure(endpoint, wanted())
        assert ["account u@10.0.0.2: may connect without TLS"] == databases.drift(endpoint, wanted(tls=True))
        databases.ensure(endpoint, wanted(tls=True))
        assert [] == databases.drift(endpoint, wanted(tls=True))

    def test_a_run_that_was_killed_after_the_record_is_adopted(
        self, endpoint: client.Endpoint, server: FakeMySQL
    ) -> None:
        databases.ensure(endpoint, wanted())
        del server.databases["d"]
        server.accounts.pop(("u", "10.0.0.2"))
        databases.ensure(endpoint, wanted())
        assert [] == databases.drift(endpoint, wanted())

    def test_a_new_password_is_set(self, endpoint: client.Endpoint, server: FakeMySQL) -> None:
        databases.ensure(endpoint, wanted())
        databases.ensure(endpoint, wanted(password="other"))
        assert "other" == server.accounts["u", "10.0.0.2"].password

    @pytest.mark.parametrize("there", ["database", "account", "other owner"])
    def test_what_is_somebody_elses_is_left_alone(
        self, there: str, endpoint: client.Endpoint, server: FakeMySQL
    ) -> None:
        if there == "database":
            server.databases["d"] = {"theirs": 1}
        elif there == "account":
            server.accounts["u", "elsewhere"] = Account("theirs")
        else:
            databases.ensure(endpoint, wanted(owner="p/other/site"))
        before = (dict(server.databases), set(server.accounts))
        with pytest.raises(client.DatabaseForeign):
            databases.ensure(endpoint, wanted())
        after = {name: tables for name, tables in server.databases.items() if name != "aegir" or "aegir" in before[0]}
        assert before == (after, set(server.accounts))
        if there == "other owner":
            with pytest.raises(client.DatabaseForeign):
                databases.drop(endpoint, wanted())
            assert "d" in server.databases

    def test_drop_takes_database_accounts_and_record(self, endpoint: client.Endpoint, server: FakeMySQL) -> None:
        databases.ensure(endpoint, wanted(clients=("10.0.0.2", "10.0.0.4")))
        databases.drop(endpoint, wanted())
        assert ["aegir"] == list(server.databases)
        assert {} == server.ownership
        assert {("aegir_root", "10.0.0.1")} == set(server.accounts)
        databases.drop(endpoint, wanted())

    def test_rows_are_counted_by_table(self, endpoint: client.Endpoint, server: FakeMySQL) -> None:
        server.databases["d"] = {"users": 3, "we`ird": 0}
        server.databases["d"].pop("we`ird")
        assert {"users": 3} == databases.tables(endpoint, "d")
