"""A dump is cut into a member a table, its rows are counted, and it is loaded in longer statements."""

from __future__ import annotations

import random
import re
from collections.abc import Iterable

import pytest

from aegir_components.backups import sql

HEAD = b"-- MariaDB dump\n/*!40101 SET NAMES utf8mb4 */;\n"
TAIL = b"/*!40101 SET SQL_MODE=@OLD */;\n-- Dump completed\n"


def table(name: bytes, rows: Iterable[bytes], trigger: bytes = b"") -> bytes:
    inserts = b"".join(b"INSERT INTO `%s` VALUES (%s);\n" % (name, row) for row in rows)
    return (
        b"\n--\n-- Table structure for table `%s`\n--\n\nCREATE TABLE `%s` (a int);\n\n--\n-- Dumping data for table `%s`\n--\n\n"
        b"LOCK TABLES `%s` WRITE;\n%sUNLOCK TABLES;\ncommit;\n%s" % (name, name, name, name, inserts, trigger)
    )


def split(dump: bytes, piece: int) -> tuple[sql.Splitter, list[tuple[str, bytes]]]:
    members: list[tuple[str, bytes]] = []
    splitter = sql.Splitter(lambda name, data: members.append((name, data)))
    for at in range(0, len(dump), piece):
        splitter.feed(dump[at : at + piece])
    splitter.finish()
    return splitter, members


def load(members: list[tuple[str, bytes]], piece: int = 1 << 20, definer: sql.Definer | None = None) -> bytes:
    pieces = ((name, [data[at : at + piece] for at in range(0, len(data), piece)]) for name, data in members)
    return b"".join(sql.loadable(pieces, definer))


TRIGGER = (
    b"/*!50003 CREATE*/ /*!50017 DEFINER=`root`@`localhost`*/ /*!50003 TRIGGER x AFTER INSERT ON `posts` FOR EACH ROW BEGIN\n"
    b"INSERT INTO log VALUES (1);\nEND */;;\n"
)
ROUTINES = b"\n--\n-- Dumping routines for database 'site'\n--\nCREATE DEFINER=`a`@`%` PROCEDURE `p`()\nSELECT 1;;\n"
ROWS = [b"%d,'text; -- Table structure for table `x`\\n'" % number for number in range(50)]
DUMP = HEAD + table(b"posts", ROWS, TRIGGER) + table(b"od``d name", [b"1"]) + table(b"empty", []) + ROUTINES + TAIL


@pytest.mark.parametrize("piece", [1, 7, 64, 1 << 20])
def test_each_table_is_a_member_and_its_rows_are_counted(piece: int) -> None:
    splitter, members = split(DUMP, piece)
    assert {"posts": 50, "od`d name": 1, "empty": 0} == splitter.rows
    assert splitter.whole
    assert DUMP == b"".join(data for _, data in members)
    names = [name for name, _ in members]
    assert ["database/+begin.sql", "database/posts.sql", "database/od%60d%20name.sql", "database/empty.sql"] == names[
        :4
    ]
    assert "database/+end.sql" == names[4]


def test_a_dump_that_was_cut_off_is_not_whole() -> None:
    assert not split(DUMP[:-20], 64)[0].whole


@pytest.mark.parametrize("piece", [1, 7, 64, 1 << 20])
def test_rows_are_loaded_together_and_nothing_else_changes(piece: int) -> None:
    text = load(split(DUMP, 100)[1], piece)
    apart = text.replace(b",(", b";\nINSERT INTO `posts` VALUES (").replace(b"DEFINER=", b"")
    assert DUMP.replace(b"DEFINER=`root`@`localhost`", b"").replace(b"DEFINER=`a`@`%`", b"") == apart
    if piece > 64:
        assert 1 == text.count(b"INSERT INTO `posts`")


VIEW = b"\n--\n-- Temporary table structure for view `v`\n--\n\n/*!50001 CREATE VIEW `v` AS SELECT 1 AS `a`*/;\n"
FINAL = b"\n--\n-- Final view structure for view `v`\n--\n\n/*!50001 VIEW `v` AS select 1 */;\n"
WITH_TRIGGER = b"/*!50003 SET @saved = @@sql_mode */ ;\nDELIMITER ;;\n" + TRIGGER + b"DELIMITER ;\n"


@pytest.mark.parametrize("piece", [1, 7, 64, 1 << 20])
@pytest.mark.parametrize("long_rows", [False, True])
def test_what_cannot_move_with_its_table_is_taken_out(piece: int, long_rows: bool) -> None:
    rows = [b"%d,'%s'" % (number, b"x" * 3_000_000) for number in range(4)] if long_rows else ROWS
    if long_rows and piece < 1 << 20:
        return
    first, second = table(b"posts", rows, WITH_TRIGGER), table(b"other", [b"1"], WITH_TRIGGER)
    dump = HEAD + first + VIEW + second + table(b"empty", []) + ROUTINES + FINAL + TAIL
    members = split(dump, 1 << 16)[1]
    pieces = ((name, [data[at : at + piece] for at in range(0, len(data), piece)]) for name, data in members)
    apart = sql.Apart()

    tables = b"".join(data for _, content in apart.tables(pieces) for data in content)

    later = b"".join(data for _, content in apart.later for data in content)
    assert [b"posts", b"other", b"empty"] == re.findall(rb"CREATE TABLE `(\w+)`", tables)
    assert len(rows) + 1 == len(re.findall(rb"(?m)^INSERT INTO `(?:posts|other)`", tables))
    assert 3 == tables.count(b"UNLOCK TABLES;\ncommit;\n")
    assert [] == [word for word in (b"TRIGGER", b"VIEW", b"PROCEDURE", b"DELIMITER") if word in tables]
    assert [2, 2, 1] == [later.count(word) for word in (b"TRIGGER x", b"VIEW `v`", b"PROCEDURE `p`")]
    assert b"CREATE TABLE" not in later
    assert tables.startswith(HEAD)
    assert later.startswith(HEAD), "both are read with the same settings"
    assert later.endswith(TAIL)
    assert sorted((HEAD + b"\n--\n" + dump).splitlines()) == sorted((tables + later).splitlines()), "nothing is lost"


def test_views_and_routines_get_the_account_of_the_site() -> None:
    text = load(split(DUMP, 100)[1], definer=lambda former: former if b"`a`" in former else b"`site`@`10.0.0.1`")
    assert 1 == text.count(b"DEFINER=`site`@`10.0.0.1`"), "of an account that is not there any more"
    assert 1 == text.count(b"DEFINER=`a`@`%`")
    assert b"root" not in text


def test_data_that_looks_like_a_routine_is_not_changed() -> None:
    row = b"'" + b"x" * (5 << 20) + b" CREATE DEFINER=`root`@`localhost` '"
    members = split(HEAD + table(b"big", [row]) + TAIL, 1 << 20)[1]
    assert row in load(members)


def test_a_row_of_many_megabytes_is_counted_and_never_kept_whole() -> None:
    dump = HEAD + table(b"big", [b"0x" + b"A" * (30 << 20), b"1"]) + TAIL
    splitter, members = split(dump, 1 << 20)
    assert {"big": 2} == splitter.rows
    assert 30 << 20 < splitter.longest < 31 << 20
    assert max(len(data) for _, data in members) <= 8 << 20
    assert dump == b"".join(data for _, data in members)
    assert load(members) == dump


def test_a_new_row_changes_few_members() -> None:
    chance = random.Random(7)
    rows = [b"%d,'%s'" % (number, chance.randbytes(100).hex().encode()) for number in range(150_000)]
    before = {data for _, data in split(HEAD + table(b"t", rows) + TAIL, 1 << 20)[1]}
    rows.insert(1000, b"7,'new'")
    after = [data for _, data in split(HEAD + table(b"t", rows) + TAIL, 1 << 20)[1]]
    assert len(after) >= 4
    assert len([data for data in after if data not in before]) <= 2


def test_a_view_without_its_definer_is_of_the_schema_that_it_is_loaded_into() -> None:
    view = b"\n--\n-- Final view structure for view `v`\n--\n/*!50001 VIEW `v` AS select `site`.`t`.`id` AS `id` from `t` */;\n"
    text = b"".join(sql.loadable([("database/v.sql", [view])], database=b"site"))
    assert b"select `t`.`id` AS `id`" in text
