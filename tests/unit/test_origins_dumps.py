"""Dumps from elsewhere: what is a statement, what a dump may do, and whether it is whole."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from aegir_components.applications import APPLICATIONS
from aegir_components.origins import dumps, reading, scanner

END = "-- Dump completed on 2026-01-01\n"
TABLES = {
    "drupal": "".join(f"CREATE TABLE `d_{name}` (a int);\n" for name in APPLICATIONS["drupal"].tables),
    "wordpress": "".join(f"CREATE TABLE `x_{name}` (a int);\n" for name in APPLICATIONS["wordpress"].tables),
}
STREAM = rb"""/*!999999\- enable the sandbox mode */
-- a comment; with 'a quote
/*!40101 SET NAMES utf8mb4 */;
CREATE TABLE `a;b` (x int) /* ; */;
INSERT INTO `t` VALUES (1,'it''s; \' -- x',"a;b");
DELIMITER ;;
/*!50003 CREATE*/ /*!50017 DEFINER=`r`@`l`*/ /*!50003 TRIGGER x BEFORE INSERT ON t FOR EACH ROW BEGIN SET NEW.a=1; END */;;
DELIMITER ;
INSERT INTO t VALUES ('after')"""


@pytest.mark.parametrize("size", [1, 7, 64, 10_000])
def test_statements_are_the_same_however_a_dump_is_cut_into_blocks(size: int) -> None:
    found = _statements(STREAM + b";", size)
    assert [3, 4, 5, 7, 9] == [one.line for one in found]
    assert b"INSERT INTO `t` VALUES (1,'it''s; \\' -- x',\"a;b\")" == found[2].text
    assert found[3].text.endswith(b"END */")


def _statements(data: bytes, size: int) -> list[scanner.Statement]:
    return list(scanner.statements(data[at : at + size] for at in range(0, len(data), size)))


@pytest.mark.parametrize("cut", [b"INSERT INTO t VALUES ('a', 'b", b"INSERT INTO t VALUES (1)", b"CREATE TABLE `t"])
def test_a_dump_that_ends_inside_of_a_statement_is_cut_short(cut: bytes) -> None:
    with pytest.raises(scanner.CutShortError, match="line 3"):
        _statements(b"SELECT 1;\n\n" + cut, 8)


def test_a_statement_of_many_megabytes_is_one() -> None:
    data = b"INSERT INTO t VALUES ('" + b"x;\\'" * 2_000_000 + b"');"
    assert [len(data) - 1] == [len(one.text) for one in _statements(data, 1 << 20)]


@pytest.mark.parametrize(
    ("statement", "why"),
    [
        ("GRANT ALL ON *.* TO x", "GRANT ALL"),
        ("/*!50001 GRANT ALL ON *.* TO x */", "GRANT ALL"),
        ("CREATE USER x", "CREATE USER"),
        ("SET GLOBAL general_log = 1", "whole server"),
        ("SET @a = 1, @@global.x = 2", "whole server"),
        ("SET PASSWORD = 'x'", "whole server"),
        ("LOAD DATA INFILE '/etc/passwd' INTO TABLE x", "LOAD DATA"),
        ("SELECT 1 INTO OUTFILE '/tmp/x'", "INTO OUTFILE"),
        ("CREATE TABLE x (a int) DATA DIRECTORY='/tmp'", "DATA DIRECTORY"),
        ("CREATE TABLE x (a int) ENGINE=FEDERATED", "engine FEDERATED"),
        ("CREATE TABLE x (a int) ENGINE FEDERATED", "engine FEDERATED"),
        ("ALTER TABLE x ENGINE=CONNECT", "engine CONNECT"),
        ("CREATE FUNCTION x RETURNS STRING SONAME 'x.so'", "SONAME"),
        ("CREATE TABLE mysql.x (a int)", "another database"),
        ("INSERT INTO mysql.user VALUES (1)", "another database"),
        ("CREATE TRIGGER mysql.x BEFORE INSERT ON y FOR EACH ROW SET @a=1", "another database"),
        ("INSERT INTO x SELECT * FROM mysql.user", "takes from elsewhere"),
        ("\\! id", "no part of a dump"),
        ("system id\nCREATE TABLE x (a int)", "SYSTEM ID"),
        ("source /etc/passwd", "SOURCE"),
        ("CALL x()", "CALL X"),
        ("DO SLEEP(100)", "DO SLEEP"),
        ("INSTALL PLUGIN x SONAME 'y'", "SONAME"),
    ],
)
def test_what_no_dump_of_one_database_does_is_rejected(statement: str, why: str) -> None:
    with pytest.raises(reading.RejectedError, match=why.replace("*", r"\*")):
        reading.read(statement.encode())


def test_words_in_content_reject_nothing() -> None:
    for text in ("INTO OUTFILE '/x'; GRANT", "ENGINE=FEDERATED", "DEFINER=`a`@`b`"):
        quoted = text.replace("'", "''")
        assert "rows" == reading.read(f"INSERT INTO `t` (`a`,`b`) VALUES (1,'{quoted}')".encode()).kind
        assert "table" == reading.read(f"CREATE TABLE t (a int COMMENT '{quoted}') ENGINE=InnoDB".encode()).kind


@pytest.mark.parametrize(
    ("statement", "what", "name"),
    [
        ("/*!50001 CREATE ALGORITHM=UNDEFINED */\n/*!50013 DEFINER=`r`@`%` SQL SECURITY DEFINER */\n"
         "/*!50001 VIEW `v` AS select 1 */", "VIEW", "v"),
        ("CREATE DEFINER='root'@'localhost' PROCEDURE `p`()\nSELECT 1", "PROCEDURE", "p"),
        ("CREATE DEFINER=root@localhost FUNCTION f() RETURNS int RETURN 1", "FUNCTION", "f"),
        ("/*!50106 CREATE*/ /*!50117 DEFINER=`r`@`l`*/ /*!50106 EVENT `e` ON SCHEDULE EVERY 1 DAY DO DELETE FROM x */",
         "EVENT", "e"),
    ],
)  # fmt: skip
def test_the_definer_is_taken_out(statement: str, what: str, name: str) -> None:
    read = reading.read(statement.encode())
    assert ("object", what, name) == (read.kind, read.what, read.name)
    assert b"DEFINER=" not in read.text


def test_a_column_list_of_an_attacker_takes_no_time() -> None:
    with pytest.raises(reading.RejectedError):
        reading.read(b"INSERT INTO t (" + b"a" * 100_000 + b"!")


def judged(tmp_path: Path, text: str, name: str = "x.sql") -> dumps.Judged:
    path = tmp_path / name
    path.write_bytes(gzip.compress(text.encode()) if name.endswith("gz") else text.encode())
    return dumps.judge(path)


def test_a_whole_dump_is_judged(tmp_path: Path) -> None:
    head = "-- MySQL dump 10.13\n/*!40101 SET NAMES latin1 */;\n/*!40103 SET TIME_ZONE='+00:00' */;\nUSE `old`;\n"
    more = "CREATE TABLE `x_m` (a int) ENGINE=MyISAM COLLATE=utf8mb4_0900_ai_ci;\n"
    found = judged(tmp_path, head + TABLES["wordpress"] + more + END, "x.sql.gz")
    assert ("latin1", "+00:00", {"old"}) == (found.charset, found.time_zone, found.databases)
    assert ({"utf8mb4_0900_ai_ci"}, {"x_m": "MyISAM"}) == (found.collations, found.engines)
    assert "x_" == dumps.prefix_of(found, "wordpress")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (TABLES["drupal"], "has no end"),
        (TABLES["drupal"] + "INSERT INTO `d_config` VALUES ('a", "ends inside of the statement that begins in line 4"),
        ("-- nothing\n" + END, "has no tables"),
        ("USE `a`;\n" + TABLES["drupal"] + "USE `b`;\n" + END, "has several databases"),
        (TABLES["drupal"] + "GRANT ALL ON *.* TO x;\n" + END, "line 4: is GRANT ALL"),
    ],
)
def test_a_dump_that_is_not_whole_or_does_more_is_rejected(tmp_path: Path, text: str, why: str) -> None:
    with pytest.raises(dumps.DumpError, match=why):
        judged(tmp_path, text)


def test_a_packed_dump_that_is_cut_short_is_rejected(tmp_path: Path) -> None:
    path = tmp_path / "x.sql.gz"
    path.write_bytes(gzip.compress((TABLES["drupal"] + END).encode())[:-20])
    with pytest.raises(dumps.DumpError, match="cut short or damaged"):
        dumps.judge(path)


def test_a_dump_of_another_application_or_of_several_sites_is_rejected(tmp_path: Path) -> None:
    found = judged(tmp_path, TABLES["wordpress"] + END)
    with pytest.raises(
        dumps.DumpError, match="the dump is of wordpress, and the code of the site's platform is drupal"
    ):
        dumps.prefix_of(found, "drupal")
    several = judged(tmp_path, TABLES["wordpress"] + TABLES["wordpress"].replace("x_", "y_") + END)
    with pytest.raises(dumps.DumpError, match="several sites, whose tables begin with x_, y_"):
        dumps.prefix_of(several, "wordpress")
    assert "y_" == dumps.prefix_of(several, "wordpress", "y_")
    with pytest.raises(dumps.DumpError, match="begin with z_; it has x_, y_"):
        dumps.prefix_of(several, "wordpress", "z_")
