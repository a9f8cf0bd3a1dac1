"""Passwords: where they may be, and that they are nowhere else."""

from __future__ import annotations

import contextlib
import json
import os
import re
import threading
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from aegir_components import layout
from lab import Host, HostSpec, Lab
from tests.integration.farm import Done, Farm, fetch, web_and_database

pytestmark = [pytest.mark.cold, pytest.mark.lab, pytest.mark.slow, pytest.mark.timeout(900)]

LabFactory = Callable[[str, Iterable[HostSpec]], Lab]
Figure = Callable[[str, object], None]

SITE = "www.example.com"
GIVEN = ("givenByTheOwner1234567890", "givenByTheOwnerLater98765")
"""The administrator's passwords that the stack file gives, one after the other."""
ADMIN = f'sites["{SITE}"].admin.password'
SIGNATURE = "4dabf18193072939515e22adb298388d"
"""The key by which Pulumi marks a secret in an exported state."""
PASSWORD = re.compile(r"[A-Za-z0-9]{20,}")
SETTINGS = layout.site_linked(layout.PLATFORMS_ROOT, SITE) + "/wp-config.php"

SAMPLE = r"""
rm -f /run/sampling-ends
while [ ! -e /run/sampling-ends ]; do
    cat /proc/[0-9]*/cmdline /proc/[0-9]*/environ 2>/dev/null | tr '\0' '\n'
    echo
    echo '::round'
    sleep 0.03
done | awk '/^::round/ { print; next } !seen[$0]++'
"""

READABLE = r"""
find / /run /tmp /dev/shm -xdev \( -path /proc -o -path /sys -o -path /usr/share -o -path /usr/lib \) -prune \
    -o -type f -perm -o=r -size -20M -print0 | sort -zu >/root/readable
xargs -0 -a /root/readable grep -lFf /root/needles || :
tr '\0' '\n' </root/readable | wc -l
rm -f /root/readable /root/needles
"""


class Sampler:
    """Everything that stands in the command lines and environments of a host's processes, while it looks."""

    def __init__(self, host: Host) -> None:
        self.host, self.seen = host, ""
        self._thread = threading.Thread(target=self._look)
        self._thread.start()

    def _look(self) -> None:
        self.seen = self.host.run(SAMPLE, timeout=800).stdout

    def end(self) -> str:
        self.host.run("touch /run/sampling-ends")
        self._thread.join()
        return self.seen


class OnTheHub:
    """The programs on the hub that had Pulumi's passphrase in their environment while it looked."""

    def __init__(self, farm: Farm) -> None:
        self.programs: set[str] = set()
        self.looked = 0
        self._mark, self._ends = str(farm.directory).encode(), threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()

    def _look(self) -> None:
        own = str(os.getpid())
        while not self._ends.wait(0.05):
            for path in Path("/proc").glob("[0-9]*"):
                with contextlib.suppress(OSError):
                    told = (path / "environ").read_bytes()
                    if path.name == own or self._mark not in told:
                        continue
                    self.looked += 1
                    if b"PULUMI_CONFIG_PASSPHRASE=" in told:
                        name = (path / "exe").readlink().name
                        parent = (path / "stat").read_text().rpartition(")")[2].split()[1]
                        if name == "git" and Path(f"/proc/{parent}/exe").readlink().name == "pulumi":
                            # The engine's own: it asks whether the project has changes that are not committed.
                            continue
                        words = (path / "cmdline").read_bytes().decode().split("\0")
                        # Pulumi starts its plugins by scripts of a shell.
                        self.programs.add(Path(words[1]).name if name in ("dash", "bash", "sh") and words[1:] else name)

    def end(self) -> None:
        self._ends.set()
        self._thread.join()


class Estate:
    """A farm whose ups were looked at."""

    def __init__(self, lab: Lab, farm: Farm, ups: list[Done], processes: dict[str, str], on_the_hub: OnTheHub) -> None:
        self.on_the_hub = on_the_hub
        self.lab, self.farm, self.ups, self.processes = lab, farm, ups, processes
        self.hosts = [lab.host("web1"), lab.host("db1")]
        self.passwords = set(GIVEN) | set(secrets_of(farm.export("--show-secrets"))) | {
            site["admin_password"] for site in farm.outputs()["sites"].values()
        }  # fmt: skip

    def found_in(self, text: str) -> list[str]:
        return sorted(password for password in self.passwords if password in text)


def secrets_of(node: Any) -> Iterator[str]:
    """Give the passwords among the secrets of a state that was exported with them in clear."""
    if isinstance(node, dict):
        if SIGNATURE in node:
            yield from PASSWORD.findall(json.dumps(json.loads(node["plaintext"])))
        for value in node.values():
            yield from secrets_of(value)
    elif isinstance(node, list):
        for value in node:
            yield from secrets_of(value)


@pytest.fixture(scope="module")
def estate(lab_factory: LabFactory, wordpress: Path, tmp_path_factory: pytest.TempPathFactory) -> Estate:
    lab = lab_factory("secrets", [HostSpec("web1", image="web"), HostSpec("db1", image="db")])
    settings = web_and_database(lab, source=wordpress, sites={SITE: {}, "two.example.com": {}})
    farm = Farm(tmp_path_factory.mktemp("secrets"), settings, secrets={ADMIN: GIVEN[0]})
    on_the_hub = OnTheHub(farm)
    samplers = [Sampler(lab.host(name)) for name in ("web1", "db1")]
    try:
        ups = [farm.up("--diff")]
        farm.secrets[ADMIN] = GIVEN[1]
        farm.settings["sites"]["two.example.com"]["aliases"] = ["zwei.example.com"]
        ups += [
            farm.preview("--diff"),
            farm.up("--diff"),
            farm.preview("--refresh", "--diff"),
            farm.up("--refresh", "--diff"),
        ]
    finally:
        on_the_hub.end()
        processes = {sampler.host.name: sampler.end() for sampler in samplers}
    return Estate(lab, farm, ups, processes, on_the_hub)


def test_the_passwords_of_a_farm_are_known_here(estate: Estate) -> None:
    """Or all that follows would look for nothing: two administrators', two databases', two salts, the hub's account's."""
    configured = estate.lab.host("web1").run(f"cat {SETTINGS}").stdout

    assert len(estate.passwords) >= 8
    assert len(estate.found_in(configured)) >= 2
    assert GIVEN[1] == estate.farm.outputs()["sites"][SITE]["admin_password"]


def test_fact_13_the_exported_state_has_no_password_in_clear(estate: Estate) -> None:
    assert [] == estate.found_in(json.dumps(estate.farm.export()))


def test_fact_13_no_file_of_the_hub_has_a_password_in_clear(estate: Estate) -> None:
    files = [path for path in estate.farm.directory.rglob("*") if path.is_file()]
    found = {str(path): estate.found_in(path.read_bytes().decode("latin-1")) for path in files}

    assert [path for path in files if "state" in path.parts]
    assert {} == {path: passwords for path, passwords in found.items() if passwords}


def test_fact_13_no_output_of_pulumi_has_a_password_in_clear(estate: Estate) -> None:
    assert 5 == len(estate.ups)
    assert [] == [done.command for done in estate.ups if estate.found_in(done.output)]


@pytest.mark.parametrize("name", ["web1", "db1"])
def test_fact_13_no_process_on_a_host_shows_a_password(estate: Estate, name: str, record_property: Figure) -> None:
    seen = estate.processes[name]

    record_property(f"looks at the processes of {name}", seen.count("::round"))
    assert seen.count("::round") >= 50
    assert "sshd" in seen
    assert [] == [line for line in seen.splitlines() if estate.found_in(line)]


def test_no_program_but_pulumis_own_has_its_passphrase(estate: Estate, record_property: Figure) -> None:
    found = {re.sub(r"[0-9.]+$", "", name) for name in estate.on_the_hub.programs}
    assert "pulumi" in found, "it looked"
    assert {"python", "pulumi", "pulumi-language-python", "pulumi-resource-pulumi-python"} >= found
    record_property("looks at processes of the hub", estate.on_the_hub.looked)


@pytest.mark.parametrize("name", ["web1", "db1"])
def test_fact_13_no_file_that_everybody_may_read_has_a_password(estate: Estate, name: str) -> None:
    host = estate.lab.host(name)
    host.run("umask 077; cat >/root/needles", input="\n".join(sorted(estate.passwords)) + "\n")

    *found, looked_at = host.run(READABLE, timeout=180).stdout.splitlines()

    assert int(looked_at) > 500
    assert [] == found


def test_fact_31_what_php_tells_of_itself_has_no_password(estate: Estate) -> None:
    web = estate.lab.host("web1")
    page = f"{layout.PLATFORMS_ROOT}/code/told.php"
    web.run(f"echo '<?php phpinfo();' >{page} && chmod 644 {page}")

    told = fetch(web, SITE, "/told.php")
    web.run(f"rm {page}")

    assert 200 == told.status
    assert "DOCUMENT_ROOT" in told.body
    assert [] == estate.found_in(told.body)


def test_fact_27_the_settings_file_is_roots_and_for_the_sites_group_to_read(estate: Estate) -> None:
    web = estate.lab.host("web1")

    facts = web.run(f"stat -c '%a %U:%G' {SETTINGS}").stdout.strip()
    other = web.run(f"runuser -u {layout.system_user('two.example.com')} -- cat {SETTINGS}", check=False)
    own = web.run(f"runuser -u {layout.system_user(SITE)} -- sh -c ': >>{SETTINGS}'", check=False)

    assert f"440 root:{layout.system_user(SITE)}" == facts
    assert (1, "") == (other.returncode, other.stdout)
    assert own.returncode != 0


def test_the_state_names_its_providers_in_under_a_hundred_characters(estate: Estate, record_property: Figure) -> None:
    sizes = {
        entry["urn"]: len(str(entry["inputs"]["__provider"]))
        for entry in estate.farm.resources()
        if "__provider" in entry.get("inputs", {})
    }

    record_property("longest __provider in the state", max(sizes.values()))
    assert len(sizes) >= 10
    assert [] == [urn for urn, size in sizes.items() if size >= 100]


def test_a_site_has_at_most_six_resources(estate: Estate, record_property: Figure) -> None:
    urns = [entry["urn"] for entry in estate.farm.resources()]
    of_sites = [urn for urn in urns if "aegir:index:Site$" in urn or "::aegir:index:Site::" in urn]

    record_property("resources of two sites", len(of_sites))
    assert len(of_sites) <= 2 * 6
