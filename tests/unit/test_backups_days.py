"""Days with one percent changed on each: what did not change is stored once. The benchmark does thirty of a gigabyte."""

from __future__ import annotations

import io
import json
import random
import shutil
from pathlib import Path

import pytest

from aegir_components.backups import archive, sql
from aegir_components.backups.repository import ARCHIVE, Target, opened
from aegir_components.settings import Repository

DAYS, ROWS, FILES = 8, 60_000, 40
CHANGED = ROWS // 100


@pytest.mark.slow
def test_a_day_with_one_percent_changed_adds_little(tmp_path: Path) -> None:
    if shutil.which("restic") is None:
        pytest.skip("restic is not on PATH; make setup provides it, and tools/env finds it")
    chance = random.Random(11)
    rows = {number: chance.randbytes(200).hex() for number in range(ROWS)}
    files = [chance.randbytes(100_000) for _ in range(FILES)]
    target = Target(
        repository=Repository(name="hub", kind="directory", path=str(tmp_path)),
        owner="www.example.com",
        key="of the test",
    )
    with opened(target) as repository:
        repository.create()
        sizes = []
        for day in range(DAYS):
            stream = _backup(rows, files)
            done = repository.run("backup", "--json", "--stdin", "--stdin-filename", ARCHIVE, data=stream)
            sizes.append(int(json.loads(done.stdout.splitlines()[-1])["data_added_packed"]))
            # Those of a day lie together, and new ones come at the end.
            first = (day * 7919) % (ROWS - CHANGED)
            for number in range(first, first + CHANGED // 2):
                rows[number] = chance.randbytes(200).hex()
            for number in range(len(rows), len(rows) + CHANGED // 2):
                rows[number] = chance.randbytes(200).hex()
            files[day % FILES] = chance.randbytes(100_000)
    # restic stores pieces of half a megabyte to eight, and cuts each repository otherwise. A day takes four to six, also of a
    # larger site: those that its rows lie in, the end of the table and the header before it, a file, and the manifest.
    assert sum(sizes[1:]) / (DAYS - 1) < sizes[0] / 2, sizes


def _backup(rows: dict[int, str], files: list[bytes]) -> bytes:
    out = io.BytesIO()
    writer = archive.Writer(out)
    splitter = sql.Splitter(writer.add)
    splitter.feed(
        b"-- MariaDB dump\n\n--\n-- Table structure for table `many`\n--\n\n--\n-- Dumping data for table `many`\n--\n\n"
    )
    splitter.feed(
        "".join(f"INSERT INTO `many` VALUES ({number},'{text}');\n" for number, text in rows.items()).encode()
    )
    splitter.feed(b"UNLOCK TABLES;\n-- Dump completed\n")
    splitter.finish()
    for number, content in enumerate(files):
        writer.add(f"files/web1/site/files/{number}", content)
    writer.end()
    return out.getvalue()
