"""The stack files of the repository, one for each environment: each previews as it is, and comes up on hosts of the lab."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from aegir_components import settings as aegir_settings
from aegir_components.health import probe
from lab import HostSpec, Lab
from tests.integration import packs, pebble
from tests.integration.farm import ROOT, Config, Farm, hub_settings

pytestmark = [pytest.mark.machines, pytest.mark.long, pytest.mark.slow, pytest.mark.timeout(1500)]

LabFactory = Callable[[str, Iterable[HostSpec]], Lab]
ENVIRONMENTS = aegir_settings.model.ENVIRONMENTS
REPOSITORIES = "/srv/git/"
"""Where farm.yaml says that the repositories are."""
LONG = 900.0
"""Seconds for one command: production's has virtual machines, which take 26 ms for each process."""


def stack_file(environment: str) -> Config:
    """Read a stack file of the repository; give its `aegir:` keys without that prefix."""
    document = yaml.safe_load((ROOT / "stacks" / f"Pulumi.{environment}.yaml").read_text())
    return {key.removeprefix("aegir:"): value for key, value in document["config"].items()}


def declared(config: Config) -> aegir_settings.Settings:
    whole = aegir_settings.include(config, ROOT / "stacks")
    return aegir_settings.load(whole.config, lambda _path: False)


def git(*words: str, where: Path) -> str:
    # With these, a commit of the same files is the same commit wherever it is made.
    person = {"NAME": "The agency", "EMAIL": "code@example.com", "DATE": "2026-01-01T00:00:00Z"}
    environment = {f"GIT_{who}_{what}": value for who in ("AUTHOR", "COMMITTER") for what, value in person.items()}
    own = {**os.environ, **environment, "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_SYSTEM": "/dev/null"}
    done = subprocess.run(["git", *words], cwd=where, env=own, capture_output=True, text=True, check=True, timeout=120)
    return done.stdout.strip()


class Repositories:
    """Repositories that stand at the addresses of the stack files, as far as git is asked."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self.commits: dict[str, str] = {}
        # Builds on the hub have git's own configuration, and not its variables.
        (place / "config" / "git").mkdir(parents=True)
        (place / "config" / "git" / "config").write_text(f'[url "{place}/"]\n\tinsteadOf = {REPOSITORIES}\n')

    def add(self, name: str, code: Path) -> None:
        """Make a repository of a code base, with the branches that developers have."""
        made = self.place / f"{name}.git"
        git("init", "-q", "--template=", "-b", "main", str(made), where=self.place)
        git(f"--work-tree={code}", "add", "--force", "--all", ".", where=made)
        git("commit", "-q", "-m", "A release", where=made)
        git("branch", "develop", where=made)
        self.commits[name] = git("rev-parse", "HEAD", where=made)

    def stand_in(self, patch: pytest.MonkeyPatch) -> None:
        patch.setenv("XDG_CONFIG_HOME", str(self.place / "config"))


def sample(root: Path, files: Mapping[str, str]) -> Path:
    """Write what is enough of a code base to be recognised."""
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory) -> Repositories:
    """Give Drupal and WordPress by their marks only: a preview reads code and runs none."""
    place = tmp_path_factory.mktemp("samples")
    made = Repositories(place)
    drupal = {
        "web/core/lib/Drupal.php": "<?php class Drupal { const VERSION = '10.3.6'; }\n",
        "web/core/profiles/standard/standard.info.yml": "name: Standard\ntype: profile\n",
    }
    made.add("magazine", sample(place / "drupal", drupal))
    wordpress = {"wp-includes/version.php": "<?php $wp_version = '6.1';\n"}
    made.add("brochures", sample(place / "wordpress", wordpress))
    return made


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_a_stack_file_previews_as_it_is_in_the_repository(
    environment: str, samples: Repositories, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    samples.stand_in(monkeypatch)
    config = stack_file(environment)
    for platform in declared(config).platforms.values():
        pinned = platform.source.ref not in {"develop", "main"}
        assert not pinned or samples.commits[platform.name] == platform.source.ref, "what the sample's commit is"
    # Its own place for keys and builds, and nothing else of it is the test's.
    config["hub"]["root"] = str(tmp_path / "hub")
    farm = Farm(tmp_path, config)

    done = farm.preview()

    assert "warning" not in done.output
    assert {"create"} == set(done.counts)


def test_each_environment_is_named_by_its_stack_file() -> None:
    assert list(ENVIRONMENTS) == [stack_file(environment)["environment"] for environment in ENVIRONMENTS]


# What comes up.


@pytest.fixture(scope="module")
def repositories(wordpress: Path, tmp_path_factory: pytest.TempPathFactory) -> Repositories:
    made = Repositories(tmp_path_factory.mktemp("repositories"))
    for name in ("magazine", "brochures"):
        made.add(name, wordpress)
    return made


def hosts_for(config: Config) -> list[HostSpec]:
    """Make a host for each server, with its name; those of a pack need a kernel of their own."""
    found = []
    stack = declared(config)
    in_packs = {name for pack in stack.packs.values() for name in pack.servers}
    in_clusters = {name for cluster in stack.clusters.values() for name in cluster.servers if cluster.uploads}
    for server in stack.servers.values():
        name, _, domain = server.name.partition(".")
        more: dict[str, Any] = {"kind": "vm", "memory": "512m"} if server.name in in_packs else {}
        if server.name in in_clusters:
            more["shared"] = "/srv/uploads"
        found.append(HostSpec(name, domain=domain, image="web" if server.web else "db", **more))
    return found


def on_the_lab(config: Config, lab: Lab, repositories: Repositories, acme: Config | None) -> Config:
    """Put the lab's addresses, keys and code in the place of the example's, and change nothing else."""
    own = hub_settings(lab)
    config["hub"] = {"address": own["address"], "ssh": own["ssh"]}
    for name, server in config["servers"].items():
        server["address"] = lab.host(name.partition(".")[0]).address
    for name, platform in config["platforms"].items():
        if platform["source"]["ref"] not in {"develop", "main"}:
            platform["source"]["ref"] = repositories.commits[name]
    if acme:
        config["acme"] = acme
    return config


def pages(lab: Lab, stack: aegir_settings.Settings) -> dict[str, int]:
    """Ask each web server for each of its sites, over TLS where the stack file has it."""
    found = {}
    for site in stack.sites.values():
        for server in stack.site_servers(site.name):
            address = lab.host(server.name.partition(".")[0]).address
            page = probe.get(address, 80, site.name, tls=site.https != "none")
            assert site.name in page.body, "the page is that site's own"
            found[f"{site.name} on {server.name}"] = page.status
    return found


@pytest.mark.lab
@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_a_stack_file_comes_up_in_the_lab_and_all_its_sites_answer(
    environment: str,
    lab_factory: LabFactory,
    repositories: Repositories,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    record_property: Callable[[str, object], None],
) -> None:
    repositories.stand_in(monkeypatch)
    config, acme = stack_file(environment), None
    lab = lab_factory(environment[:5], [*hosts_for(config), *([HostSpec("ca")] if "acme" in config else [])])
    try:
        if "acme" in config:
            stack = declared(config)
            asked = {
                name: lab.host(stack.site_servers(site.name)[0].name.partition(".")[0]).address
                for site in stack.sites.values()
                for name in (site.name, *site.aliases)
            }
            acme = pebble.serve(lab.host("ca"), asked, tmp_path)
        for pack in declared(config).packs.values():
            packs.short_grace(lab.host(pack.exporter.partition(".")[0]))
        farm = Farm(tmp_path, on_the_lab(config, lab, repositories, acme))

        done = farm.up(timeout=LONG)

        record_property(f"{environment}: up, s", round(done.seconds, 1))
        stack = farm.declared()
        assert stack.sites
        assert {200} == set(pages(lab, stack).values())
        assert {"revision": repositories.commits["magazine"]}.items() <= farm.outputs()["platforms"]["magazine"].items()
        farm.unchanged()
        farm.disconnect()
    finally:
        lab.down()
        shutil.rmtree(tmp_path / "hub" / "builds", ignore_errors=True)
