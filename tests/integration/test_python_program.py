"""A Pulumi program of one's own, in a project of another name: the example, on hosts that had nothing but systemd and sshd."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest
import yaml

from aegir_components import layout
from lab import Host, HostSpec, Lab
from tests.integration.farm import ROOT, fetch
from tests.integration.project import Project

pytestmark = [pytest.mark.lab, pytest.mark.slow, pytest.mark.timeout(1200)]

LabFactory = Callable[[str, Iterable[HostSpec]], Lab]
EXAMPLE = ROOT / "examples" / "python-program"
STACK = "test"


@pytest.fixture(scope="module")
def lab(lab_factory: LabFactory) -> Lab:
    return lab_factory("program", [HostSpec("web1"), HostSpec("db1")])


@pytest.fixture(scope="module")
def work(lab: Lab, wordpress: Path, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Give the example as a project, with its stack's configuration."""
    work = Project(tmp_path_factory.mktemp("program"))
    (work.project / "__main__.py").unlink()
    shutil.copy2(EXAMPLE / "__main__.py", work.project)
    declared = yaml.safe_load((work.project / "Pulumi.yaml").read_text())
    (work.project / "Pulumi.yaml").write_text(yaml.safe_dump({**declared, "name": "example-farm"}))
    web, database = lab.host("web1"), lab.host("db1")
    words = {
        "identity": lab.identity,
        "hub": lab.hub_address,
        "root": work.hub,
        "source": wordpress,
        "web": web.address,
        "web_host_key": host_key(web),
        "database": database.address,
        "database_host_key": host_key(database),
    }
    work.add(STACK, yaml.safe_dump({"config": {f"example-farm:{key}": str(value) for key, value in words.items()}}))
    return work


def host_key(host: Host) -> str:
    return " ".join(host.run("cat /etc/ssh/ssh_host_ed25519_key.pub").stdout.split()[:2])


def test_a_program_makes_a_farm_of_two_servers_and_a_second_up_changes_nothing(work: Project, lab: Lab) -> None:
    work.up(STACK)

    assert fetch(lab.host("web1"), "www.example.com").status == 200
    assert "http://www.example.com" in work.pulumi("stack", "output", "url", "--stack", STACK).output
    work.pulumi("up", "--yes", "--skip-preview", "--expect-no-changes", "--stack", STACK)
    work.pulumi("up", "--yes", "--skip-preview", "--refresh", "--expect-no-changes", "--stack", STACK)


def test_commands_know_what_the_program_declares(work: Project) -> None:
    program = work.project / "__main__.py"
    whole = program.read_text()
    program.write_text(
        whole.replace("    Farm,\n", "    BackupsArgs,\n    Farm,\n", 1)
        .replace("ssh=ssh)))", 'ssh=ssh), backups=BackupsArgs(every="hour", to=["hub"])))', 1)
        .replace("admin=admin)", 'admin=admin, client="Acme")', 1)
    )
    work.up(STACK)

    said = work.aegir("backup", "--due", "--stack", STACK).output

    assert "www.example.com" in said
    listed = json.loads(work.printed("backups", "--stack", STACK, "--site", "www.example.com", "--json"))
    assert [True] == [each["proven"] for each in listed]
    assert "nothing is due" in work.aegir("backup", "--due", "--dry-run", "--stack", STACK).output
    assert "www.example.com" in work.printed("status", STACK, "--json")
    ran = work.aegir("run", "--client", "Acme", "--stack", STACK, "--", "sh", "-c", "echo ran as $(id -un)")
    assert f"ran as {layout.system_user('www.example.com')}" in ran.output
    assert "web1.example.com" in work.printed("graph", STACK, "--json")
    program.write_text(whole)
    work.up(STACK)


def test_the_key_aegir_forget_works_in_a_project_of_any_name(work: Project, lab: Lab) -> None:
    """What is on a machine that is given up is dropped from the state, and stays on the machine."""
    program, file = work.project / "__main__.py", work.file(STACK)
    whole, declared = program.read_text(), yaml.safe_load(file.read_text())
    program.write_text(whole[: whole.index("web_key, database_key")])
    declared["config"] |= {"aegir:forget": ["web1.example.com"]}
    file.write_text(yaml.safe_dump(declared))

    done = work.up(STACK)

    assert "the machine is abandoned (aegir:forget)" in done.output
    assert fetch(lab.host("web1"), "www.example.com").status == 500, (
        "its virtual host is there still, and its database is not"
    )
    assert "www_example_com" not in lab.host("db1").run("ls /var/lib/mysql").stdout
