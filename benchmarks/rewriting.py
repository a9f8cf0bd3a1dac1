"""What it costs to give the content of a large WordPress site another address, beside wp-cli's search-replace.

Half of the rows are posts, half are serialised values of plugins. In turn ``aegir rewrite`` brings the site's address into them,
and ``wp search-replace`` puts the former one back. wp-cli is the file that ``AEGIR_WP_CLI`` names.
"""

from __future__ import annotations

import hashlib
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from demo import wordpress
from lab import HostSpec, Lab
from tests.integration.backing import STACK, Backed, made

SITE, FORMER = "www.example.com", "old.example.org"
MEGABYTES, TURNS = 1000, 3
ROW = 5_000
"""Bytes of a post, and of a serialised value; each has three addresses."""
DUMPED = "its database of before is in"


def main() -> None:
    """Measure, print, and take the hosts down; numbers as arguments: MB of rows, turns."""
    given = [int(word) for word in sys.argv[1:3]]
    size, turns = (*given, *(MEGABYTES, TURNS)[len(given) :])
    phar = Path(os.environ["AEGIR_WP_CLI"]) if "AEGIR_WP_CLI" in os.environ else None
    if phar is not None:
        os.environ["AEGIR_WP_CLI_SHA256"] = hashlib.sha256(phar.read_bytes()).hexdigest()
    lab = Lab("bench-rewriting")
    try:
        lab.up([HostSpec("web1", image="web"), HostSpec("db1", image="db")])
        with tempfile.TemporaryDirectory(prefix="aegir-bench-") as directory:
            farm = made(lab, Path(directory), wordpress.code_base(print), {SITE: {}}, to=["hub"])
            fill(farm, size)
            print(f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores; seconds for {size} MB", flush=True)
            ours, theirs = [], []
            for _ in range(turns):
                dumped, rewritten = rewrite(farm)
                ours.append(rewritten)
                print(f"aegir rewrite: {rewritten:.1f}, after the dump of before: {dumped:.1f}", flush=True)
                if phar is None:
                    break
                theirs.append(replace(farm))
                print(f"wp search-replace: {theirs[-1]:.1f}", flush=True)
            if theirs:
                ratio = statistics.median(ours) / statistics.median(theirs)
                print(f"median {statistics.median(ours):.1f} beside {statistics.median(theirs):.1f}: {ratio:.2f} times")
    finally:
        lab.down()


def fill(farm: Backed, size: int) -> None:
    """Give the site posts, and values as PHP serialises them."""
    number = size * 1_000_000 // ROW // 2
    link = f'<a href="http://{FORMER}/a/page">a page</a> '
    words = f"REPEAT(MD5(seq), {ROW // 96})"
    text = f"CONCAT('{link}', {words}, '{link}', {words}, 'http:\\\\/\\\\/{FORMER}\\\\/b', {words})"
    columns = "post_author, post_content, post_title, post_excerpt, to_ping, pinged, post_content_filtered, guid"
    farm.sql(
        SITE,
        f"INSERT INTO wp_posts ({columns}) SELECT 1, {text}, 't', '', '', '', '', CONCAT('http://{FORMER}/?p=', seq) "  # noqa: S608
        f"FROM seq_1_to_{number}",
    )
    packed = "CONCAT('a:2:{s:3:\"url\";s:', LENGTH(u), ':\"', u, '\";s:4:\"text\";s:', LENGTH(t), ':\"', t, '\";}')"
    farm.sql(
        SITE,
        f"INSERT INTO wp_postmeta (post_id, meta_key, meta_value) SELECT n, 'packed', {packed} FROM "  # noqa: S608
        f"(SELECT seq n, 'http://{FORMER}/c' u, {text} t FROM seq_1_to_{number}) rows_of_plugins",
    )


def rewrite(farm: Backed) -> tuple[float, float]:
    """Give the seconds for the dump of before, and for the rewriting itself."""
    argv = [sys.executable, "-m", "aegir_components", "--cwd", str(farm.work.project), "rewrite", SITE]
    begun = dumped = time.perf_counter()
    process = subprocess.Popen(
        [*argv, "--stack", STACK, "--from", FORMER], env=farm.work.environment(), stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stderr is not None
    for line in process.stderr:
        if DUMPED in line:
            dumped = time.perf_counter()
    assert process.wait() == 0
    ended = time.perf_counter()
    assert left(farm, FORMER) == 0
    return dumped - begun, ended - dumped


def replace(farm: Backed) -> float:
    """Give the seconds of wp-cli's way, which puts the former address back."""
    words = ["search-replace", SITE, FORMER, "wp_posts", "wp_postmeta", "--skip-columns=guid"]
    begun = time.perf_counter()
    farm.aegir("run", SITE, "--timeout", "3600", "--", "wp", *words, "--skip-plugins", "--skip-themes")
    took = time.perf_counter() - begun
    assert left(farm, SITE) == 0
    return took


def left(farm: Backed, address: str) -> int:
    """Count the rows that have an address."""
    counted = (
        f"SELECT COUNT(*) FROM wp_{table} WHERE {column} LIKE '%{address}%'"  # noqa: S608
        for table, column in (("posts", "post_content"), ("postmeta", "meta_value"))
    )
    return sum(int(farm.sql(SITE, each)) for each in counted)


if __name__ == "__main__":
    main()
