"""A farm of Aegir 3 becomes a stack file that is right, a script that fetches, and a plan; its passwords go nowhere."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from aegir_components import settings
from aegir_components.aegir3 import contexts, farm, php_export, render
from aegir_components.cli.main import aegir
from tests import aegir3

PLACE = "/srv/aegir3"
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
KEYS = st.text("abc'\\_", min_size=1)
VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**9), 10**9) | TEXTS,
    lambda inner: st.lists(inner, min_size=1, max_size=4) | st.dictionaries(KEYS, inner, min_size=1, max_size=4),
    max_leaves=12,
)


@given(VALUES)
def test_what_var_export_writes_is_read_as_it_was(value: Any) -> None:
    text = f"<?php \n$aliases['x'] = {aegir3.exported(value)};\n"
    assert {"x": value} == php_export.assigned(text, "aliases")


@pytest.mark.parametrize(
    "text",
    [
        "<?php system('id');",
        "<?php $aliases['x'] = array('a' => system('id'));",
        "<?php $aliases['x'] = \"$HOME\";",
        "<?php $aliases['x'] = array('a' => 'b'",
        "<?php $options['x'] = array();",
        "<?php $aliases[$name] = array();",
        "<html>",
        "<?php $aliases['x'] = " + "array(" * 60 + ")" * 60 + ";",
    ],
)
def test_a_program_is_no_data(text: str) -> None:
    with pytest.raises(php_export.ExportError, match=r"line 1|begin"):
        php_export.assigned(text, "aliases")


def taken() -> tuple[farm.Farm, contexts.Contexts]:
    found = contexts.read(aegir3.farm() | {"broken.alias.drushrc.php": "<?php exit(1);"})
    instead = {"web1.old.example.com": "web1.example.com", "web2.old.example.com": "web2.example.com"}
    return farm.made(found, PLACE, instead), found


def test_servers_clusters_packs_platforms_and_sites_come_along() -> None:
    made, _ = taken()
    packed = {"web3.old.example.com", "web4.old.example.com"}
    assert {"web1.example.com", "web2.example.com", "db.old.example.com", *packed} == set(made.servers)
    assert {"web": "apache_ssl"} == made.servers["web1.example.com"]["services"]
    assert {"database": "mysql"} == made.servers["db.old.example.com"]["services"]
    assert {"front": {"servers": ["web1.example.com", "web2.example.com"], "uploads": "separate"}} == made.clusters
    assert {"shared": {"master": "web3.old.example.com", "slaves": ["web4.old.example.com"]}} == made.packs
    assert {"drupal7", "drupal10", "packed"} == set(made.platforms), "the front end stays behind"
    sites = {name: block for wave in made.waves for name, block in wave.items()}
    assert {"www.example.com", "shop.example.com", "off.example.com"} == set(sites)
    www = sites["www.example.com"]
    assert (["example.com", "o-hara.example.com"], True) == (www["aliases"], www["redirect_aliases"])
    assert ("required", "O'Hara \\ sons") == (www["https"], www["client"])
    assert {key: f"{PLACE}/certificates/www/{key}.pem" for key in ("chain", "key")} == www["certificate"]
    assert "redirect_aliases" not in sites["shop.example.com"]
    assert "disabled" == sites["off.example.com"]["state"]
    assert ["off.example.com"] == list(made.waves[0]), "the one that nobody sees goes first"
    said = "\n".join(made.notes)
    assert "shop.example.com redirects to store.example.com" in said
    assert "broken.alias.drushrc.php: line 1" in said


def test_the_stack_file_is_right_with_every_wave() -> None:
    made, _ = taken()
    text = render.stack_file(made, "root@hub.old.example.com", PLACE, "192.0.2.1")
    first = yaml.safe_load(text)["config"]
    assert ["off.example.com"] == list(first["aegir:sites"])
    begin, mark, waves = text.partition("    # Wave")
    whole = yaml.safe_load(begin + re.sub(r"(?m)^    # (?!Wave)", "    ", mark + waves))["config"]
    assert {"www.example.com", "shop.example.com", "off.example.com"} == set(whole["aegir:sites"])
    ours = {key.removeprefix("aegir:"): value for key, value in whole.items()}
    for number, server in enumerate(ours["servers"].values(), 10):
        server |= {"address": f"192.0.2.{number}", "ssh": {"trust": "first-use"}}
    assert 3 == len(settings.load(ours, lambda _path: False).sites)


def test_no_password_of_the_former_farm_is_in_anything() -> None:
    made, found = taken()
    texts = [
        render.stack_file(made, "root@hub", PLACE, "192.0.2.1"),
        render.script(made, found, "root@hub", PLACE),
        render.plan(made, "farm", PLACE),
    ]
    assert aegir3.SECRET in "".join(aegir3.farm().values())
    assert not any(aegir3.SECRET in text for text in texts)
    assert aegir3.SECRET not in repr(found)


def test_the_script_fetches_code_certificates_dumps_and_files_and_sees_a_dump_that_is_cut_short(tmp_path: Path) -> None:
    old, place, tools = tmp_path / "old", tmp_path / "place", tmp_path / "bin"
    root = old / "platforms" / "it's seven"
    (root / "sites" / "www.example.com" / "files").mkdir(parents=True)
    (root / "index.php").write_text("code")
    (root / "sites" / "www.example.com" / "settings.php").write_text("not for us")
    (root / "sites" / "www.example.com" / "files" / "own.txt").write_text("mine")
    contexts_of = dict(
        [
            aegir3.server("server_master", "localhost", http_service_type="apache", db_service_type="mysql"),
            aegir3.platform("platform_seven", "server_master", str(root)),
            aegir3.site("www.example.com", "platform_seven", "server_master"),
        ]
    )
    found = contexts.read(contexts_of)
    made = farm.made(found, str(place), {"localhost": "web1.example.com"})
    (tmp_path / "fetch.sh").write_text(render.script(made, found, "root@hub", str(place)))
    if shutil.which("shellcheck"):
        checked = ["shellcheck", "--shell=sh", str(tmp_path / "fetch.sh")]
        assert "" == subprocess.run(checked, capture_output=True, text=True, timeout=60, check=False).stdout
    tools.mkdir()
    programs = {
        # The last word is the command, as sshd gives it to a shell.
        "ssh": 'for word; do :; done; exec sh -c "$word"',
        "su": 'while [ "$1" != -c ]; do shift; done; exec sh -c "$2"',
        "drush": 'echo "CREATE TABLE x (y INT);"; [ -e "$CUT" ] || echo "-- Dump completed"',
    }
    for name, text in programs.items():
        (tools / name).write_text(f"#!/bin/sh\n{text}\n")
        (tools / name).chmod(0o755)
    environment = {**os.environ, "PATH": f"{tools}:{os.environ['PATH']}", "CUT": str(tmp_path / "cut")}

    def fetch(*words: str) -> subprocess.CompletedProcess[str]:
        argv = ["sh", str(tmp_path / "fetch.sh"), *words]
        return subprocess.run(argv, env=environment, capture_output=True, text=True, timeout=60, check=False)

    done = fetch("--code", "www.example.com")
    assert 0 == done.returncode, done.stderr
    (name,) = made.platforms
    code = place / "platforms" / name
    assert "code" == (code / "index.php").read_text()
    assert not list(code.rglob("settings.php")) + list(code.rglob("own.txt"))
    site = place / "sites" / "www.example.com"
    listed = subprocess.run(
        ["tar", "-tzf", str(site / "files.tar.gz")], capture_output=True, text=True, check=True
    ).stdout
    assert "./own.txt" in listed.split()
    assert (
        ""
        == subprocess.run(
            ["tar", "-tzf", str(site / "private.tar.gz")], capture_output=True, text=True, check=True
        ).stdout
    )
    before = (site / "database.sql.gz").read_bytes()

    (tmp_path / "cut").touch()
    done = fetch("www.example.com")
    assert 1 == done.returncode
    assert "its dump has no end" in done.stderr
    assert before == (site / "database.sql.gz").read_bytes(), "what was fetched before stays"
    assert "no such site" in fetch("else.example.com").stderr


def test_the_command_writes_three_files_and_nothing_over_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project, drush, place = tmp_path / "project", tmp_path / "drush", tmp_path / "place"
    (project / "stacks").mkdir(parents=True)
    (project / "Pulumi.yaml").write_text("name: aegir\nruntime: python\nstackConfigDir: stacks\n")
    drush.mkdir()
    for name, text in aegir3.farm().items():
        (drush / name).write_text(text)
    monkeypatch.chdir(project)
    words = [
        "import-aegir",
        str(drush),
        "--stack",
        "old",
        "--place",
        str(place),
        "--map",
        "web1.old.example.com=web1.example.com",
    ]
    done = CliRunner().invoke(aegir, words)
    assert 0 == done.exit_code, done.output
    assert "3 sites in 3 waves" in done.output
    written = [project / "stacks/Pulumi.old.yaml", place / "fetch.sh", place / "PLAN.md"]
    assert all(path.stat().st_size for path in written)
    again = CliRunner().invoke(aegir, words)
    assert 1 == again.exit_code
    assert "is there already; nothing was written" in again.output
    none = CliRunner().invoke(aegir, ["import-aegir", str(project)])
    assert "has no site of Aegir's" in none.output
