"""The operator's daily work as docs/howto has it: the blocks of these pages are written and run on hosts of the lab."""

from __future__ import annotations

import functools
import subprocess
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pytest

from aegir_components import layout
from aegir_components.remote import multiplex
from aegir_components.remote.connection import Connection
from lab import Host, HostSpec, Lab
from tests.integration import pages
from tests.integration.farm import fetch, with_another_key
from tests.integration.readers import Reader, merge
from tools.paths import ROOT

pytestmark = [pytest.mark.long, pytest.mark.lab, pytest.mark.slow, pytest.mark.timeout(900)]

LabFactory = Callable[[str, Iterable[HostSpec]], Lab]
HOWTO = ROOT / "docs" / "howto"
ELSEWHERE = {"write-a-python-program"}
"""Pages whose blocks are of another farm, and are held to the program by tests of their own."""
PAGES = {page.stem: pages.read_steps(page) for page in sorted(HOWTO.glob("*.md")) if page.stem not in ELSEWHERE}
"""The steps of each page, by its name; README has the farm that the others change."""
SITE, SECOND = "www.example.com", "club.example.com"
HOSTS = {"web1": "192.0.2.11", "web2": "192.0.2.12", "db1": "192.0.2.21"}
EXAMPLES_RELEASE = "6e265918e234b359"
SHARED = "/srv/uploads"


class Operator(Reader):
    """Somebody who does what the how-to pages say, and a developer whose code is released."""

    def __init__(self, lab: Lab, place: Path) -> None:
        self.hub, self.code = place / "hub", place / "src" / "shop"
        self.upstream, self.known_hosts = place / "shop.git", place / "known_hosts"
        self.known_hosts.write_text(lab.known_hosts.read_text())
        super().__init__(
            lab, place,
            {
                "192.0.2.1": lab.hub_address,
                **{address: lab.host(name).address for name, address in HOSTS.items()},
                "/srv/farm/known_hosts": str(self.known_hosts),
                "/srv/src": str(place / "src"),
                "/var/aegir/backups": str(self.hub / "backups"),
            },
        )  # fmt: skip

    def doing(self, page: str) -> Iterator[str]:
        """Do the steps of a page; after each block of commands, yield what it printed."""
        return self.follow(PAGES[page])

    def do(self, page: str) -> list[str]:
        """Do the steps of a page; return what each block of commands printed."""
        return list(self.doing(page))

    def commit(self, text: str) -> None:
        """Let a developer publish a change of the code."""
        (self.upstream / "release.txt").write_text(text)
        git("add", "-A", where=self.upstream)
        git("commit", "-q", "-m", text, where=self.upstream)

    def host_is_gone(self, host: Host) -> None:
        """Close the hub's connection to a host that has just died."""
        multiplex.disconnect(Connection(host=host.spec.fqdn, address=host.address, hub_root=str(self.hub)))


def write_down(known_hosts: Path, former: str, key: str) -> None:
    """Put a host's new key in place of the former one."""
    text = known_hosts.read_text()
    assert former in text
    assert former != key
    known_hosts.write_text(text.replace(former, key))


def git(*words: str, where: Path) -> None:
    person = ("-c", "user.name=A developer", "-c", "user.email=code@example.com")
    subprocess.run(["git", *person, *words], cwd=where, check=True, capture_output=True, timeout=120)


@pytest.fixture(scope="module")
def lab(lab_factory: LabFactory) -> Lab:
    webs = [HostSpec(name, image="web", domain="example.com", shared=SHARED) for name in ("web1", "web2")]
    return lab_factory("daily", [*webs, HostSpec("db1", image="db", domain="example.com")])


@pytest.fixture(scope="module")
def operator(lab: Lab, wordpress: Path, tmp_path_factory: pytest.TempPathFactory) -> Operator:
    """The farm that the page begins with, up; its own words for where keys and backups are."""
    made = Operator(lab, tmp_path_factory.mktemp("daily"))
    subprocess.run(["cp", "-a", str(wordpress), str(made.upstream)], check=True, timeout=120)
    git("init", "-q", "-b", "main", where=made.upstream)
    made.commit("first")
    made.code.parent.mkdir()
    git("clone", "-q", str(made.upstream), str(made.code), where=made.upstream)
    own = {"root": str(made.hub), "ssh": {"identity": str(lab.identity)}}
    made.edit(functools.partial(merge, part={"aegir:hub": own}))
    (begins,) = (step for step in PAGES["README"] if isinstance(step, pages.Write))
    made.edit(functools.partial(merge, part=begins.config))
    made.run("tools/env pulumi stack init prod")
    for step in PAGES["README"]:
        if isinstance(step, pages.Run):
            made.run(step.script)
    return made


def unchanged(operator: Operator) -> None:
    """Run `up` once more: it must have nothing to do."""
    operator.run("tools/env pulumi up --stack prod --skip-preview --expect-no-changes")


def served(lab: Lab, *names: str, site: str = SITE) -> list[int]:
    return [fetch(lab.host(name), site).status for name in names]


def release(lab: Lab, name: str) -> str:
    return lab.host(name).run("readlink /var/aegir/platforms/shop").stdout.strip().rpartition("/")[2]


def configured(lab: Lab, name: str) -> str:
    return lab.host(name).run("ls /var/aegir/config/*/vhost.d 2>/dev/null || true").stdout


def upload(lab: Lab, name: str, text: str) -> None:
    files = layout.site_files("/var/aegir/platforms", SITE)
    user = layout.system_user(SITE)
    lab.host(name).run(f"runuser -u {user} -- sh -c 'echo {text} >{files}/{text}.txt'")


def uploaded(lab: Lab, name: str, text: str) -> str:
    return fetch(lab.host(name), SITE, f"/sites/{SITE}/files/{text}.txt").body.strip()


def test_a_server_is_added_and_then_joins_the_cluster(operator: Operator, lab: Lab) -> None:
    assert [200] == served(lab, "web1")

    operator.do("add-a-server")
    assert "nginx" in lab.host("web2").run("ls /etc").stdout.split()
    assert "" == configured(lab, "web2")

    upload(lab, "web1", "early")
    operator.do("add-a-server-to-a-cluster")
    assert [200, 200] == served(lab, "web1", "web2")
    assert "early" == uploaded(lab, "web2", "early")
    unchanged(operator)


def test_a_server_is_taken_out_for_maintenance_and_put_back(operator: Operator, lab: Lab) -> None:
    work = operator.doing("take-a-server-out-for-maintenance")

    next(work)
    assert [200] == served(lab, "web1")
    assert "" == configured(lab, "web2")
    # While it is down, runs for others go on.
    lab.host("web2").stop()
    operator.host_is_gone(lab.host("web2"))
    try:
        unchanged(operator)
    finally:
        lab.host("web2").start()

    next(work)
    assert [] == list(work)
    assert [200, 200] == served(lab, "web1", "web2")
    assert "early" == uploaded(lab, "web2", "early")
    unchanged(operator)


def test_a_site_is_added_and_answers(operator: Operator, lab: Lab) -> None:
    shown, page = operator.do("add-a-site")

    assert SECOND in shown
    assert "<title>The club</title>" in page
    assert [200, 200] == served(lab, "web1", "web2", site=SECOND)
    assert operator.outputs()["sites"][SECOND]["admin_password"] in shown
    unchanged(operator)


def test_a_platform_is_updated_and_goes_back_and_forth(operator: Operator, lab: Lab) -> None:
    first = release(lab, "web1")
    operator.commit("second")
    operator.do("update-a-platform")
    second = release(lab, "web1")
    assert first != second
    assert ["second", "second"] == [fetch(lab.host(name), SITE, "/release.txt").body for name in ("web1", "web2")]

    operator.words[EXAMPLES_RELEASE] = first
    work = operator.doing("go-back-to-a-former-release")
    assert second in next(work), "the outputs name the release that is live"
    next(work)
    assert first == release(lab, "web1") == release(lab, "web2")
    assert ["first", "first"] == [fetch(lab.host(name), SITE, "/release.txt").body for name in ("web1", "web2")]
    next(work)
    assert [] == list(work)
    assert second == release(lab, "web1") == release(lab, "web2"), "without the key the source is live again"
    unchanged(operator)


def test_passwords_are_changed(operator: Operator, lab: Lab) -> None:
    def accounts() -> str:
        query = (
            "SELECT user, host, authentication_string FROM mysql.user WHERE user LIKE 'aegir%' OR user LIKE 'www_ex%'"
        )
        return lab.host("db1").run(f'mysql -Ne "{query}"').stdout

    before, outputs = accounts(), operator.outputs()

    operator.do("change-a-password")

    typed = [step.typed for step in PAGES["change-a-password"] if isinstance(step, pages.Run) and step.typed]
    assert 2 == len(typed)
    after = accounts()
    assert not set(before.splitlines()) & set(after.splitlines()), "the hub's, and the site's on each web server"
    assert outputs["sites"][SITE]["admin_password"] != operator.outputs()["sites"][SITE]["admin_password"]
    assert typed[1] == operator.outputs()["sites"][SITE]["admin_password"]
    assert not [password for password in typed if password in operator.stack_file.read_text()]
    assert [200, 200] == served(lab, "web1", "web2")
    unchanged(operator)


def test_a_dead_server_is_replaced_and_another_time_given_up(operator: Operator, lab: Lab) -> None:
    def dies() -> None:
        lab.host("web2").kill()
        operator.host_is_gone(lab.host("web2"))

    dies()
    lab.host("web2").discard()
    lab.up([lab.host("web2").spec])
    assert "" == configured(lab, "web2"), "it is a bare one"
    web = lab.host("web2")
    write_down(operator.known_hosts, web.host_key, with_another_key(web))
    work = operator.doing("replace-a-dead-server")

    next(work)
    assert [200, 200] == served(lab, "web1", "web2"), "the new machine serves"
    assert "early" == uploaded(lab, "web2", "early")
    unchanged(operator)

    dies()
    next(work)
    assert [] == list(work)
    assert [200] == served(lab, "web1")
    hosts = lab.host("db1").run("mysql -Ne \"SELECT host FROM mysql.user WHERE user LIKE 'www_ex%'\"").stdout.split()
    assert lab.host("web2").address not in hosts
    unchanged(operator)


def test_a_site_is_removed_and_its_backups_are_on_the_hub(operator: Operator, lab: Lab) -> None:
    (listed,) = operator.do("remove-a-site")

    assert f"{SECOND}-" in listed
    assert ".sql.gz" in listed
    assert 404 == fetch(lab.host("web1"), SECOND).status
    assert [200] == served(lab, "web1")


def test_every_page_with_steps_is_done_here() -> None:
    done = {
        *("README", "add-a-server", "add-a-server-to-a-cluster", "take-a-server-out-for-maintenance"),
        *("add-a-site", "update-a-platform", "go-back-to-a-former-release", "change-a-password"),
        *("replace-a-dead-server", "remove-a-site"),
    }
    assert done == {name for name, steps in PAGES.items() if steps}
