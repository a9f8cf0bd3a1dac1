"""A one-machine Aegir: hub, web server and database server are the same host, reached without ssh."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest
import yaml

from lab import Host, HostSpec, Lab
from tests.integration.farm import ROOT, fetch

pytestmark = [pytest.mark.lab, pytest.mark.slow]

LabFactory = Callable[[str, Iterable[HostSpec]], Lab]
NAME = "www.example.com"
HUB = "hub1.lab.test"
ENVIRONMENT = (
    "export PATH=/opt/engine:$PATH PYTHONPATH=/opt/packages PULUMI_BACKEND_URL=file:///opt/state "
    "PULUMI_CONFIG_PASSPHRASE=x PULUMI_HOME=/opt/home PULUMI_SKIP_UPDATE_CHECK=true "
    "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION=true; cd /opt/aegir; "
)


def send(lab: Lab, host: Host, source: Path, target: str, *only: str) -> None:
    """Copy a tree into a host, past ssh."""
    pack = subprocess.Popen(["tar", "-C", str(source), "-chf", "-", *(only or (".",))], stdout=subprocess.PIPE)
    argv = [lab.engine.program, *lab.engine.runtime, "exec", "-i", host.container]
    command = [*argv, "sh", "-c", f"mkdir -p {target} && tar -C {target} -xf -"]
    subprocess.run(command, stdin=pack.stdout, check=True, timeout=120)
    assert pack.wait(20) == 0


@pytest.mark.timeout(600)
def test_the_hub_is_a_server_as_well(lab_factory: LabFactory, wordpress: Path) -> None:
    if sys.version_info[:2] != (3, 11):
        pytest.skip("the packages of this checkout are for another Python than Debian 12's")
    lab = lab_factory("local", [HostSpec("hub1", image="web")])
    host = lab.host("hub1")
    host.run("apt-get -q update && apt-get -q -y install --no-install-recommends python3 openssh-client", timeout=200)
    host.run("ln -sf python3 /usr/local/bin/python")
    packages = next(Path(ROOT, ".venv", "lib").glob("python3*")) / "site-packages"
    send(lab, host, packages, "/opt/packages")
    send(lab, host, ROOT / ".venv" / "engine", "/opt/engine")
    send(lab, host, ROOT, "/opt/aegir", "aegir_components", "__main__.py", "Pulumi.yaml")
    host.run("mkdir /opt/aegir/stacks")
    send(lab, host, wordpress, "/opt/wordpress")
    # The virtual environment that Pulumi.yaml names is the host's own Python here.
    host.run("sed -i '/virtualenv:/d; /toolchain:/d; /options:/d' /opt/aegir/Pulumi.yaml; mkdir -p /opt/state")
    services = {"web": "apache", "database": "mysql"}
    declared = {
        "aegir:hub": {"address": host.address},
        "aegir:servers": {HUB: {"connection": "local", "services": services}},
        "aegir:platforms": {"code": {"server": HUB, "source": "/opt/wordpress"}},
        "aegir:sites": {NAME: {"platform": "code"}},
    }
    # Beside the salt of its secrets, which the engine writes when it makes the stack.
    host.run(f"{ENVIRONMENT} pulumi stack init one")
    host.run("cat >>/opt/aegir/stacks/Pulumi.one.yaml", input=yaml.safe_dump({"config": declared}))
    up = "pulumi up --yes --skip-preview --non-interactive --color never --stack one"
    since = host.run("date '+%Y-%m-%d %H:%M:%S'").stdout.strip()

    done = host.run(f"{ENVIRONMENT} {up}", timeout=400, check=False)
    assert done.returncode == 0, done.stdout + done.stderr

    assert fetch(host, NAME).status == 200
    accounts = host.run("mysql -N -e \"SELECT CONCAT(user, '@', host) FROM mysql.user\"").stdout.split()
    ours = {account.partition("@")[2] for account in accounts if account.startswith(("aegir_root", "www_example"))}
    assert {host.address} == ours
    again = host.run(f"{ENVIRONMENT} {up} --refresh --expect-no-changes", timeout=200, check=False)
    assert again.returncode == 0, again.stdout + again.stderr
    logins = host.run(f"journalctl -q -u ssh --since '{since}' -o cat --no-pager | grep -c Accepted", check=False)
    assert logins.stdout.strip() == "0"
    destroyed = host.run(
        f"{ENVIRONMENT} pulumi destroy --yes --skip-preview --non-interactive --stack one",
        timeout=200,
        check=False,
    )
    assert destroyed.returncode == 0, destroyed.stdout + destroyed.stderr
    assert "1" == host.run("ls /var/aegir/backups/*.sql.gz | wc -l").stdout.strip()
