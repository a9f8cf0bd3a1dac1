"""Two stacks on shared machines: whatever one does, the other stays whole, and what they share goes with the last one."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from lab import Host, HostSpec, Lab
from tests.integration import farm as farms
from tests.integration.farm import EMPTY, Config, Farm, fetch, hub_settings
from tests.integration.processes import wait_for

pytestmark = [pytest.mark.lab, pytest.mark.slow, pytest.mark.timeout(1200)]

LabFactory = Callable[[str, Iterable[HostSpec]], Lab]
OURS = (
    "find /var/lib/aegir /etc/sudoers.d/aegir /etc/apache2/conf-enabled/aegir.conf /etc/mysql/mariadb.conf.d/99-aegir.cnf "
    "/etc/mysql/aegir-tls /var/aegir/.ssh/authorized_keys ! -type d 2>/dev/null | sort || :"
)
"""What stacks share on a machine, and their records."""


class Two:
    """Two stacks, each with a site, whose machines are chosen anew for each round."""

    def __init__(self, lab: Lab, code: Path, directory: Path) -> None:
        self.lab, self.code = lab, code
        self.farms = {name: Farm(directory / name, {"hub": hub_settings(lab)}) for name in ("one", "two")}
        self.servers: dict[str, tuple[Host, Host]] = {}
        # The second stack is another hub's, with a key of its own.
        key = directory / "key-of-two"
        command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "two", "-f", str(key)]
        subprocess.run(command, check=True, capture_output=True, timeout=20)
        self.farms["two"].settings["hub"]["ssh"]["identity"] = str(key)
        for host in map(lab.host, ("web1", "web2", "db1", "db2")):
            host.run("cat >>/root/.ssh/authorized_keys", input=key.with_suffix(".pub").read_text())

    def place(self, name: str, web: str, database: str, **service: Any) -> None:
        """Declare a stack on machines."""
        hosts = self.lab.host(web), self.lab.host(database)
        self.servers[name] = hosts
        kind: Config = {"type": "mysql", "admin": {"name": f"root_of_{name}"}, **service}
        self.farms[name].settings |= {
            "servers": {
                hosts[0].spec.fqdn: {"address": hosts[0].address, "services": {"web": "apache"}},
                hosts[1].spec.fqdn: {"address": hosts[1].address, "services": {"database": kind}},
            },
            "platforms": {f"code-{name}": {"server": hosts[0].spec.fqdn, "source": str(self.code)}},
            "sites": {f"{name}.example.com": {"platform": f"code-{name}"}},
        }

    @contextmanager
    def stack(self, name: str, called: str = "") -> Iterator[Farm]:
        """Work on a stack by its own name."""
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(farms, "STACK", called or name)
            yield self.farms[name]

    def up(self, name: str) -> None:
        with self.stack(name) as farm:
            farm.up()

    def destroy(self, name: str, *, killed: bool = False) -> None:
        with self.stack(name) as farm:
            if killed:
                had = resources(farm)
                running = farm.start("destroy", "--yes", "--skip-preview")
                wait_for(lambda: 0 < resources(farm) < had, 200)
                running.kill()
                farm.cancel()
            farm.destroy()

    def whole(self, name: str) -> None:
        """See that a stack's site answers, also after its services start anew, and that nothing has to be done."""
        web, database = self.servers[name]
        for host, unit in ((web, "apache2 php8.2-fpm"), (database, "mariadb")):
            host.run(f"systemctl restart {unit}")
        assert 200 == fetch(web, f"{name}.example.com").status
        with self.stack(name) as farm:
            farm.preview("--refresh", EMPTY)


def resources(farm: Farm) -> int:
    """Count the resources of a state that a run may be writing just now; it is 0 then."""
    try:
        kept = json.loads(farm.state_file.read_text())
    except (OSError, ValueError):
        return 0
    return len((kept["checkpoint"]["latest"] or {}).get("resources") or [])


@pytest.fixture(scope="module")
def two(lab_factory: LabFactory, wordpress: Path, tmp_path_factory: pytest.TempPathFactory) -> Two:
    webs = [HostSpec(name, image="web") for name in ("web1", "web2")]
    lab = lab_factory("shared", [*webs, *(HostSpec(name, image="db") for name in ("db1", "db2"))])
    return Two(lab, wordpress, tmp_path_factory.mktemp("shared"))


def test_a_stack_comes_and_goes_beside_another_in_every_combination(two: Two) -> None:
    # Both machines in common. The first one goes first, and its removal is killed on the way.
    two.place("one", "web1", "db1")
    two.place("two", "web1", "db1", tls="required")
    two.up("one")
    two.up("two")
    two.whole("one")
    two.whole("two")
    keys = two.lab.host("web1").run("cut -d' ' -f3 /var/aegir/.ssh/authorized_keys").stdout.split()
    assert 2 == len(set(keys)), "each hub is let in by its own key"

    # What is shared is declared alike, or rejected by the other stack's name before anything changes.
    one = two.farms["one"].settings["servers"]
    web1, db1 = two.servers["one"]
    one[web1.spec.fqdn]["services"]["web"] = {"type": "apache", "port": 8081}
    one[db1.spec.fqdn]["services"]["database"]["tls"] = "required"
    with two.stack("one") as farm:
        said = farm.up(ok=False).sentence
    assert "the stack aegir/two shares this machine and declares its web-service as" in said
    assert "is of the authority of the stack aegir/two, whose sites verify it" in said
    two.place("one", "web1", "db1")
    with two.stack("one") as farm:
        farm.up("--refresh")
    two.whole("two")

    two.destroy("one", killed=True)
    two.whole("two")

    # The database server in common; the second one goes first.
    two.place("one", "web2", "db1")
    two.up("one")
    two.destroy("two")
    two.whole("one")
    assert "" == two.lab.host("web1").run(OURS).stdout

    # The web server in common.
    two.place("two", "web2", "db2")
    two.up("two")
    two.whole("one")
    two.destroy("one")
    two.whole("two")
    assert "" == two.lab.host("db1").run(OURS).stdout

    # Another hub has a stack of the same name: nothing of the first one is touched.
    two.place("one", "web2", "db2")
    two.farms["one"].reset()
    with two.stack("one", "two") as other:
        said = other.up(ok=False).sentence
        assert "another stack that is called aegir/two, of another hub or state, has this machine already" in said
        other.destroy()
    two.whole("two")

    two.destroy("two")
    assert ["", ""] == [two.lab.host(name).run(OURS).stdout for name in ("web2", "db2")]


def test_a_stack_gets_another_name(two: Two) -> None:
    """`pulumi stack rename`, as docs/howto/rename-a-stack.md has it: the machines are the same stack's under its new name."""
    two.place("one", "web1", "db1")
    two.farms["one"].reset()
    two.up("one")
    with two.stack("one") as farm:
        farm.rename("renamed")
    with two.stack("one", "renamed") as farm:
        farm.up()
        farm.unchanged("--refresh")
        web, database = two.servers["one"]
        assert 200 == fetch(web, "one.example.com").status
        for host in (web, database):
            assert "aegir%renamed\n" == host.run("ls /var/lib/aegir/entries").stdout
        farm.destroy()
    assert ["", ""] == [host.run(OURS).stdout for host in (web, database)]
