"""One failure stops only what depends on it, and the run ends with all failures named (docs/explanation/failures.md)."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from aegir_components import layout
from lab import HostSpec, Lab
from tests.integration.farm import Config, Farm, fetch, hub_settings

pytestmark = [pytest.mark.lab, pytest.mark.slow, pytest.mark.timeout(900)]

LabFactory = Callable[[str, Iterable[HostSpec]], Lab]
BREAK = "/tmp/break-"
PLUGIN = (
    f"<?php if (file_exists('{BREAK}' . DB_NAME)) {{ add_action('populate_options', function () {{ exit(1); }}); }}\n"
)
"""Ends WordPress's installer for one database."""
HALF, BAD, GOOD, STAYS, GONE, OTHER, HELD, DEAD = (
    f"{name}.example.com" for name in ("half", "bad", "good", "stays", "gone", "other", "held", "dead")
)


@pytest.fixture(scope="module")
def lab(lab_factory: LabFactory) -> Lab:
    webs = [HostSpec(name, image="web") for name in ("web1", "web2")]
    return lab_factory("failures", [*webs, *(HostSpec(name, image="db") for name in ("db1", "db2"))])


@pytest.fixture(scope="module")
def farm(lab: Lab, wordpress: Path, tmp_path_factory: pytest.TempPathFactory) -> Farm:
    directory = tmp_path_factory.mktemp("failures")
    for name in ("code", "held"):
        shutil.copytree(wordpress, directory / name, symlinks=True)
        (directory / name / "wp-content" / "mu-plugins").mkdir()
        (directory / name / "wp-content" / "mu-plugins" / "break.php").write_text(PLUGIN)
    hosts = {name: lab.host(name) for name in ("web1", "web2", "db1", "db2")}
    services: dict[str, Config] = {
        "web1": {"web": "apache"},
        "web2": {"web": "nginx"},
        "db1": {"database": "mysql"},
        "db2": {"database": "mysql"},
    }
    web1, web2, db1 = (hosts[name].spec.fqdn for name in ("web1", "web2", "db1"))
    settings: Config = {
        "hub": hub_settings(lab),
        "servers": {
            host.spec.fqdn: {"address": host.address, "services": services[name]} for name, host in hosts.items()
        },
        "platforms": {
            "code": {"server": web1, "source": str(directory / "code")},
            "other": {"server": web2, "source": str(directory / "code")},
            "held": {"server": web1, "source": str(directory / "held")},
        },
        "sites": {
            STAYS: {"platform": "code", "database": db1},
            GONE: {"platform": "code", "database": db1},
            HELD: {"platform": "held", "database": db1},
            OTHER: {"platform": "other", "database": db1},
        },
    }
    made = Farm(directory / "farm", settings)
    made.up()
    return made


def test_six_failures_at_once_are_all_named_and_stop_nothing_else(farm: Farm, lab: Lab) -> None:
    web1, web2, db2 = (lab.host(name) for name in ("web1", "web2", "db2"))
    sites, held = farm.settings["sites"], Path(farm.settings["platforms"]["held"]["source"])
    db1 = lab.host("db1").spec.fqdn
    # One web server of several single ones, a database server, a source, a site's configuration, an installation.
    farm.disconnect()
    web2.stop()
    db2.run("systemctl stop mariadb")
    held.rename(held.with_name("away"))
    vhost = layout.vhost_path("apache", BAD)
    web1.run(f"mkdir {vhost}; touch {BREAK}{layout.database_name(HALF)}")
    sites |= {name: {"platform": "code", "database": db1} for name in (HALF, BAD, GOOD)}
    sites[DEAD] = {"platform": "code", "database": db2.spec.fqdn}
    for name in (STAYS, HELD, OTHER):
        sites[name]["aliases"] = [f"also.{name}"]
    del sites[GONE]
    farm.settings["confirm_removals"] = [GONE]

    said = farm.up(ok=False)

    assert "Traceback" not in said.output
    for reason in (
        f"{web2.spec.fqdn}: ssh root@{web2.address} port 22",
        f"{db2.spec.fqdn}",
        "The platform stays at the release that is live",
        f"{vhost} is a directory; it was left as it is",
        f"{HALF}",
    ):
        assert reason in said.sentence, said.output
    for name in (STAYS, f"also.{STAYS}", HELD, f"also.{HELD}", GOOD):
        assert 200 == fetch(web1, name).status, name
    assert GONE not in web1.run("ls /var/aegir/config/apache/vhost.d").stdout
    assert list((farm.hub / "backups").glob(f"{GONE}-*.sql.gz"))
    assert {STAYS, HELD, OTHER, GOOD} <= set(farm.outputs()["sites"])

    del farm.settings["confirm_removals"]
    # A look at everything first does not stop at what cannot be looked at.
    sites[STAYS]["aliases"] = ["once-more.example.com"]
    said = farm.up("--refresh", ok=False)
    assert "Traceback" not in said.output
    assert f"{web2.spec.fqdn}: ssh root@{web2.address} port 22" in said.sentence
    assert 200 == fetch(web1, "once-more.example.com").status

    web2.start()
    db2.run("systemctl start mariadb")
    held.with_name("away").rename(held)
    web1.run(f"rmdir {vhost}; rm {BREAK}*")
    # What is half installed is not installed over: it begins again when it was taken out.
    del sites[HALF]
    farm.settings["confirm_removals"] = [HALF]
    farm.up("--refresh")
    del farm.settings["confirm_removals"]
    assert [200, 200] == [fetch(web1, name).status for name in (BAD, DEAD)]
    assert 200 == fetch(web2, f"also.{OTHER}").status
    farm.unchanged("--refresh")


def test_a_destroy_goes_past_a_dead_machine_and_ends_when_it_is_given_up(farm: Farm, lab: Lab) -> None:
    web1, web2 = lab.host("web1"), lab.host("web2")
    farm.disconnect()
    web2.stop()
    try:
        said = farm.destroy(ok=False)
        assert "Traceback" not in said.output
        assert web2.spec.fqdn in said.sentence
        assert "" == web1.run("ls /var/aegir/platforms").stdout
        left = {entry["urn"].rpartition("::")[2] for entry in farm.resources()}
        assert OTHER in left, "what was not removed is not forgotten"
        assert not left & {STAYS, HELD, GOOD}
    finally:
        web2.start()
    farm.destroy()
    assert [] == [entry["urn"] for entry in farm.resources() if "pulumi-python" in entry["type"]]
