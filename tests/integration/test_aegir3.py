"""A site of an Aegir 3 farm is taken over as the plan says: contexts, code, dump and files come over ssh from its hub."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest
import yaml

from aegir_components import layout
from lab import HostSpec, Lab
from tests import aegir3, codebases
from tests.integration.farm import Farm, fetch, web_and_database

pytestmark = [pytest.mark.lab, pytest.mark.slow, pytest.mark.timeout(900)]

LabFactory = Callable[[str, Iterable[HostSpec]], Lab]
FIRST, SITE, ROOT = "first.example.com", "www.example.com", "/var/aegir/platforms/drupal7"


@pytest.fixture(scope="module")
def lab(lab_factory: LabFactory) -> Lab:
    return lab_factory("aegir3", [HostSpec("web1", image="web"), HostSpec("db1", image="db"), HostSpec("hub")])


@pytest.fixture(scope="module")
def farm(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Farm:
    settings = web_and_database(lab, source=codebases.ask("drupal7"), sites={FIRST: {"platform": "code"}})
    made = Farm(tmp_path_factory.mktemp("aegir3"), settings)
    made.up(timeout=300)
    _former_hub(lab, codebases.ask("drupal7"))
    return made


def _former_hub(lab: Lab, source: Path) -> None:
    """Lay a hub out as Aegir 3 does, with a site whose database is a real one, under another name."""
    hub, database = lab.host("hub"), lab.host("db1")
    name = layout.database_name(FIRST)
    title = "UPDATE variable SET value = 's:12:\"Once Aegir 3\";' WHERE name = 'site_name'; DELETE FROM cache_bootstrap"
    database.run(f"mariadb {name}", input=title)
    dump = database.run(f"mariadb-dump --single-transaction {name}", timeout=120).stdout
    site = f"{ROOT}/sites/{SITE}"
    hub.run(
        "useradd --system --create-home --home-dir /var/aegir --shell /bin/bash aegir; mkdir -p /var/aegir/.drush "
        f"{site}/files/pictures {site}/private/files; echo mine >{site}/files/pictures/own.txt; "
        f"mkdir -p {site}/modules/own; echo 'name = Own' >{site}/modules/own/own.info; "
        f"echo secret >{site}/settings.php; echo private >{site}/private/files/letter.txt"
    )
    hub.run("cat >/var/aegir/dump.sql", input=dump)
    # Drush does here what the plan asks of it, and nothing else: it prints the dump of a site.
    drush = f"#!/bin/sh\n[ \"$*\" = '@{SITE} sql-dump' ] && exec cat /var/aegir/dump.sql\nexit 1\n"
    hub.run("cat >/usr/local/bin/drush; chmod 755 /usr/local/bin/drush", input=drush)
    contexts = dict(
        [
            aegir3.server("server_master", hub.spec.fqdn, http_service_type="apache", http_port="80"),
            aegir3.server("server_localhost", "localhost", db_service_type="mysql", master_db=f"mysql://root:{aegir3.SECRET}@localhost"),
            aegir3.platform("platform_drupal7", "server_master", ROOT),
            aegir3.site(SITE, "platform_drupal7", "server_localhost", aliases=["example.com"], redirection=True),
        ]
    )  # fmt: skip
    for file, text in contexts.items():
        hub.run(f"cat >/var/aegir/.drush/{file}; chmod 440 /var/aegir/.drush/{file}", input=text)
    packed = subprocess.run(["tar", "-C", str(source), "-cf", "-", "."], capture_output=True, check=True).stdout
    argv = [*hub.ssh_command(), f"tar -C {ROOT} -xf - --no-same-owner && chown -R aegir: /var/aegir"]
    subprocess.run(argv, input=packed, check=True, timeout=120)


def test_a_site_is_taken_over_with_its_content(farm: Farm, lab: Lab, tmp_path: Path) -> None:
    hub, web = lab.host("hub"), lab.host("web1")
    place, tools = tmp_path / "place", tmp_path / "bin"
    tools.mkdir()
    # The person's own ssh, which knows the former hub.
    program, *options, _ = hub.ssh_command()
    (tools / "ssh").write_text(f'#!/bin/sh\nexec {shutil.which(program)} {" ".join(options)} "$@"\n')
    (tools / "ssh").chmod(0o755)
    environment = {**os.environ, "PATH": f"{tools}:{os.environ['PATH']}"}
    origin = f"root@{hub.address}"

    farm.write()
    project = farm.directory / "project"
    maps = ["--map", f"{hub.spec.fqdn}={web.spec.fqdn}", "--map", f"localhost={lab.host('db1').spec.fqdn}"]
    words = ["import-aegir", origin, "--stack", "old", "--place", str(place), "--hub", lab.hub_address, *maps]
    argv = ["python", "-m", "aegir_components", "--cwd", str(project), *words]
    done = subprocess.run(argv, env=environment, capture_output=True, text=True, timeout=240, check=False)
    assert 0 == done.returncode, done.stderr
    assert "1 sites in 1 waves" in done.stderr
    argv = ["sh", str(place / "fetch.sh"), "--code", SITE]
    done = subprocess.run(argv, env=environment, capture_output=True, text=True, timeout=240, check=False)
    assert 0 == done.returncode, done.stderr
    written = (project / "stacks" / "Pulumi.old.yaml").read_text()
    assert aegir3.SECRET not in written

    config = yaml.safe_load(written)["config"]
    for key in ("platforms", "sites"):
        farm.settings[key] |= config[f"aegir:{key}"]
    said = farm.up(timeout=300).sentence
    assert f"{SITE}: loading " in said
    answer = fetch(web, SITE, "/")
    assert (200, True) == (answer.status, "Once Aegir 3" in answer.body)
    assert "mine" == fetch(web, SITE, f"/sites/{SITE}/files/pictures/own.txt").body.strip()
    assert 301 == fetch(web, "example.com", "/").status
    # Modules of the site alone are in the code, where they were.
    live = f"/var/aegir/platforms/drupal7/sites/{SITE}"
    assert "name = Own\n" == web.run(f"cat {live}/modules/own/own.info").stdout
    private = layout.site_directory(layout.PLATFORMS_ROOT, SITE)
    assert "private\n" == web.run(f"cat {private}/private/letter.txt || find {private} -name letter.txt").stdout
    assert "no updates are pending" in farm.aegir("update", SITE, "--stack", "test", "--dry-run")
    drifted = farm.drift()
    assert [] == drifted.drift, drifted.output
    farm.unchanged("--refresh")
