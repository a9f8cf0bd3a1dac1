"""Edits of what exists, on real hosts with content: applied with nothing lost, or rejected with a sentence."""

from __future__ import annotations

import copy
import re
import shutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import pytest

from aegir_components import layout
from aegir_components.facts.site_content import forbidden
from lab import Host, HostSpec, Lab
from tests.integration import switching
from tests.integration.farm import Config, Farm, fetch, web_and_database

pytestmark = [pytest.mark.long, pytest.mark.lab, pytest.mark.slow, pytest.mark.timeout(900)]

LabFactory = Callable[[str, Iterable[HostSpec]], Lab]
ONE, TWO = "one.example.com", "two.example.com"
HOSTS = [
    HostSpec("web1", image="web"),
    HostSpec("web2", image="web"),
    HostSpec("db1", image="db"),
    HostSpec("db2", image="db"),
]


@dataclass
class Estate:
    """A farm with two sites that have an upload and a row of their own."""

    lab: Lab
    farm: Farm

    @property
    def web(self) -> Host:
        return self.lab.host("web1")

    def fill(self) -> None:
        for name in (ONE, TWO):
            user, files = layout.system_user(name), layout.site_files(layout.PLATFORMS_ROOT, name)
            self.web.run(f"runuser -u {user} -- sh -c 'echo upload of {name} >{files}/own.txt'")
            self.sql("CREATE TABLE content (word TEXT)", name)
            self.sql(f"INSERT INTO content VALUES ('row of {name}')", name)

    def sql(self, statement: str, name: str) -> str:
        return self.lab.host("db1").run(f'mysql -Ne "{statement}" {layout.database_name(name)}').stdout.strip()

    def content(self, name: str, *, called: str = "") -> list[str]:
        """Give what a site has: its row, and its upload as a visitor gets it; the latter by its name of now."""
        shown = fetch(self.web, called or name, f"/sites/{name}/files/own.txt").body.strip()
        return [self.sql("SELECT word FROM content", name), shown, str(fetch(self.web, called or name).status)]

    def is_whole(self) -> bool:
        return all(self.content(name) == [f"row of {name}", f"upload of {name}", "200"] for name in (ONE, TWO))

    def declare_others(self) -> None:
        """Declare two more platforms of the same code, one of them below another publish root."""
        platforms = self.farm.settings["platforms"]
        platforms["next"] = dict(platforms["code"])
        platforms["beside"] = {**platforms["code"], "publish_path": "/srv/www/beside"}

    def rejected(self, edit: Callable[[Config], None]) -> str:
        """Make an edit that a preview and a run reject; it is taken back, and nothing has happened."""
        before = copy.deepcopy(self.farm.settings)
        edit(self.farm.settings)
        said = self.farm.preview(ok=False).sentence
        assert "Nothing was changed" in said
        # Also without a preview, which does what does not depend on the edit.
        self.farm.up(ok=False)
        assert self.is_whole()
        self.farm.settings = before
        self.farm.up()
        assert self.is_whole()
        return said


@pytest.fixture(scope="module")
def estate(lab_factory: LabFactory, wordpress: Path, tmp_path_factory: pytest.TempPathFactory) -> Estate:
    lab = lab_factory("changes", HOSTS)
    source = tmp_path_factory.mktemp("source") / "code"
    shutil.copytree(wordpress, source, symlinks=True)
    settings = web_and_database(lab, source=source, sites={ONE: {}, TWO: {}})
    for name, service in (("web2", {"web": "nginx"}), ("db2", {"database": "mysql"})):
        host = lab.host(name)
        settings["servers"][host.spec.fqdn] = {"address": host.address, "services": service}
    settings["platforms"]["other"] = {"server": lab.host("web2").spec.fqdn, "source": str(wordpress)}
    for site in settings["sites"].values():
        site["database"] = lab.host("db1").spec.fqdn
    made = Estate(lab, Farm(tmp_path_factory.mktemp("changes"), settings))
    made.declare_others()
    made.farm.up()
    made.fill()
    assert made.is_whole()
    return made


def test_a_release_that_breaks_the_sites_goes_back_by_itself(estate: Estate) -> None:
    code = Path(estate.farm.settings["platforms"]["code"]["source"])
    # Both platforms of this code.
    del estate.farm.settings["platforms"]["next"], estate.farm.settings["platforms"]["beside"]
    live = estate.web.run("readlink /var/aegir/platforms/code").stdout
    kept = (code / "wp-settings.php").read_text()
    (code / "wp-settings.php").write_text(f"{kept}\nthis is no PHP(")

    for _ in range(2):
        said = estate.farm.up(ok=False).sentence
        assert "2 of 2 sites that answered before do not answer with the new release" in said
        assert f"{ONE} on {estate.web.spec.fqdn}: answers 500" in said
        assert live == estate.web.run("readlink /var/aegir/platforms/code").stdout
        assert estate.is_whole()

    (code / "wp-settings.php").write_text(f"{kept}\n// better")
    estate.farm.up()
    assert live != estate.web.run("readlink /var/aegir/platforms/code").stdout
    assert estate.is_whole()
    estate.declare_others()
    estate.farm.up()
    estate.farm.unchanged("--refresh")


def test_a_platform_below_another_publish_root_is_rejected(estate: Estate) -> None:
    said = estate.rejected(lambda settings: settings["sites"][ONE].update(platform="beside"))
    assert f"the files of {ONE} are below" in said


def rename(estate: Estate, kind: str, former: str, name: str) -> None:
    settings = estate.farm.settings
    settings["servers"][name] = settings["servers"].pop(former)
    for platform in settings["platforms"].values():
        if platform["server"] == former:
            platform["server"] = name
    for site in settings["sites"].values():
        if kind == "db" and site["database"] == former:
            site["database"] = name


@pytest.mark.parametrize("kind", ["db", "web"])
def test_an_entry_of_the_same_machine_may_get_another_name(estate: Estate, kind: str) -> None:
    former, name = estate.lab.host(f"{kind}1").spec.fqdn, f"{kind}-renamed.example.com"
    # The key of the machine is known by its address as well as by its name.
    estate.farm.settings["servers"][former]["ssh"] = {"host_key": estate.lab.host(f"{kind}1").host_key}
    estate.farm.up()

    rename(estate, kind, former, name)
    estate.farm.up()
    assert estate.is_whole()
    estate.farm.unchanged("--refresh")

    rename(estate, kind, name, former)
    estate.farm.up()
    assert estate.is_whole()
    estate.farm.unchanged("--refresh")


def test_a_site_that_was_renamed_gets_its_first_name_back(estate: Estate) -> None:
    sites = estate.farm.settings["sites"]
    sites["new.example.com"] = {**sites.pop(ONE), "formerly": ONE}
    estate.farm.up()
    assert "upload of " + ONE == estate.content(ONE, called="new.example.com")[1]

    sites[ONE] = {key: value for key, value in sites.pop("new.example.com").items() if key != "formerly"}
    estate.farm.up()
    assert estate.is_whole()
    assert 404 == fetch(estate.web, "new.example.com").status
    estate.farm.unchanged("--refresh")


def test_a_site_that_moved_between_platforms_of_a_server_leaves_nothing_in_the_former_one(estate: Estate) -> None:
    for platform in ("next", "code", "next"):
        estate.farm.settings["sites"][ONE]["platform"] = platform
        estate.farm.up()
        assert estate.is_whole()
    listed = estate.web.run(
        "ls /var/lib/aegir/platforms/code 2>/dev/null || ls /var/aegir/config/*/platforms/code || true"
    ).stdout
    assert ONE not in listed
    estate.farm.settings["sites"][TWO]["platform"] = "next"
    estate.farm.up()

    code = estate.farm.settings["platforms"].pop("code")
    estate.farm.up()
    assert estate.is_whole()
    estate.farm.settings["platforms"]["code"] = code
    for name in (ONE, TWO):
        estate.farm.settings["sites"][name]["platform"] = "code"
    estate.farm.up()
    assert estate.is_whole()
    estate.farm.unchanged("--refresh")


def test_tls_that_is_no_longer_required_is_not_demanded(estate: Estate) -> None:
    service = estate.farm.settings["servers"][estate.lab.host("db1").spec.fqdn]["services"]
    service["database"] = {"type": "mysql", "tls": "required"}
    estate.farm.up()
    assert estate.is_whole()

    service["database"] = "mysql"
    estate.farm.up()
    assert estate.is_whole()
    estate.farm.unchanged("--refresh")


@pytest.mark.parametrize("as_alias", [False, True])
def test_a_name_that_another_site_gets_in_the_same_edit_is_that_sites(estate: Estate, as_alias: bool) -> None:
    sites, short = estate.farm.settings["sites"], "short.example.com"
    sites[short] = {"platform": "code", "database": estate.lab.host("db1").spec.fqdn}
    estate.farm.up()
    assert "upload of" not in estate.content(ONE, called=short)[1]

    del sites[short]
    name = "heir.example.com" if as_alias else short
    sites[name] = {**sites.pop(ONE), "formerly": ONE, **({"aliases": [short]} if as_alias else {})}
    estate.farm.up()
    assert f"upload of {ONE}" == estate.content(ONE, called=short)[1]
    estate.farm.unchanged("--refresh")

    declared = sites.pop(name)
    sites[ONE] = {key: value for key, value in declared.items() if key not in {"formerly", "aliases"}}
    estate.farm.up()
    assert estate.is_whole()
    assert 404 == fetch(estate.web, short).status


@pytest.mark.parametrize("refresh", [False, True])
def test_a_database_that_is_gone_or_empty_is_an_error_and_no_installation(estate: Estate, refresh: bool) -> None:
    database, base = estate.lab.host("db1"), layout.database_name(ONE)
    kept = database.run(f"mysqldump {base}").stdout
    database.run(f"mysql -e 'DROP DATABASE {base}'")
    if refresh:
        said = estate.farm.up("--refresh", ok=False).sentence
        assert f"the database {base} of {ONE} is not on {database.address}" in said
        assert "" == database.run(f"mysql -Ne \"SHOW DATABASES LIKE '{base}'\"").stdout
    database.run(f"mysql -e 'CREATE DATABASE {base}'")
    estate.farm.settings["sites"][ONE]["title"] = f"Another title {refresh}"
    said = estate.farm.up(ok=False).sentence
    assert "Nothing was installed" in said
    assert "" == database.run(f"mysql -Ne 'SHOW TABLES FROM {base}'").stdout

    # As the message says.
    database.run(f"mysql {base}", input=kept)
    estate.farm.up("--refresh")
    assert estate.is_whole()
    estate.farm.unchanged("--refresh")


@pytest.mark.parametrize("taken_back", [False, True])
def test_a_run_that_is_killed_between_a_switch_and_its_proof_is_put_right_by_a_plain_up(
    estate: Estate, taken_back: bool
) -> None:
    code = Path(estate.farm.settings["platforms"]["code"]["source"])
    del estate.farm.settings["platforms"]["next"], estate.farm.settings["platforms"]["beside"]
    estate.farm.up()
    live = estate.web.run("readlink /var/aegir/platforms/code").stdout
    kept = (code / "wp-settings.php").read_text()
    # Slow, so that the run can be killed while it waits for the first answer.
    estate.web.run("touch /srv/slow")
    waits = "for ($n = 0; $n < 200 && file_exists('/srv/slow'); $n++) { usleep(100000); clearstatcache(); }"
    (code / "wp-settings.php").write_text(f"<?php {waits} http_response_code(500); exit('broken {taken_back}');")
    running = estate.farm.start("up", "--yes", "--skip-preview")
    assert switching.wait_for(estate.web, f"[ $(readlink /var/aegir/platforms/code) != {live.strip()} ]")
    running.kill()
    estate.web.run("rm /srv/slow")
    estate.farm.cancel()
    assert 500 == fetch(estate.web, ONE).status, "the broken release is live, and the run is gone"

    if not taken_back:
        said = estate.farm.up(ok=False).sentence
        assert "2 of 2 sites that answered before do not answer with the new release" in said
        assert estate.is_whole()
    (code / "wp-settings.php").write_text(kept)
    estate.farm.up()
    assert live == estate.web.run("readlink /var/aegir/platforms/code").stdout
    assert estate.is_whole()
    estate.declare_others()
    estate.farm.up()
    estate.farm.unchanged("--refresh")


@pytest.mark.parametrize("what", ["the directory", "all files in it"])
def test_uploads_that_are_gone_stop_the_run_with_how_many_there_were(estate: Estate, what: str) -> None:
    files = layout.site_files(layout.PLATFORMS_ROOT, ONE)
    user = layout.system_user(ONE)
    estate.web.run(f'for n in 1 2 3 4 5 6 7 8 9 10 11; do runuser -u {user} -- sh -c "echo $n >{files}/$n.txt"; done')
    estate.farm.unchanged("--refresh")
    estate.web.run(f"cp -a {files} /root/kept && rm -rf {files}{'' if what == 'the directory' else '/*'}")

    estate.farm.settings["sites"][ONE]["aliases"] = ["alias.example.com"]
    said = estate.farm.up(ok=False).sentence
    assert f"the files of {ONE} are not in" in said
    assert "any more, and they were 12 files" in said
    assert "Nothing was changed" in said
    assert "the site had 12 files" in estate.farm.drift().output

    estate.web.run(f"rm -rf {files} && mv /root/kept {files} && rm {files}/[0-9]*.txt")
    estate.farm.up("--refresh")
    del estate.farm.settings["sites"][ONE]["aliases"]
    estate.farm.up()
    assert estate.is_whole()
    estate.farm.unchanged("--refresh")


def test_a_database_that_was_emptied_is_no_fresh_site_also_with_install_false(estate: Estate) -> None:
    database, base = estate.lab.host("db1"), layout.database_name(ONE)
    kept = database.run(f"mysqldump {base}").stdout
    database.run(f"mysql -e 'DROP DATABASE {base}; CREATE DATABASE {base}'")
    site = estate.farm.settings["sites"][ONE]
    for change in ({"install": False}, {"install": True}, {"title": "Another"}):
        site |= change
        assert "Nothing was installed" in estate.farm.up(ok=False).sentence
    assert "" == database.run(f"mysql -Ne 'SHOW TABLES FROM {base}'").stdout

    database.run(f"mysql {base}", input=kept)
    estate.farm.up("--refresh")
    assert estate.is_whole()
    del site["install"]
    estate.farm.up()
    estate.farm.unchanged("--refresh")


def test_addresses_that_are_exchanged_are_rejected_before_a_machine_is_touched(estate: Estate) -> None:
    one, other = (estate.lab.host(name).spec.fqdn for name in ("web1", "web2"))

    def exchange(settings: Config) -> None:
        servers = settings["servers"]
        servers[one]["address"], servers[other]["address"] = servers[other]["address"], servers[one]["address"]

    said = estate.rejected(exchange)
    assert f"the files of {ONE} are on {one}, whose entry is to lead to {other}" in said


def test_a_site_that_moves_to_broken_code_goes_back_and_stays_up(estate: Estate, tmp_path: Path) -> None:
    code = estate.farm.settings["platforms"]["code"]
    shutil.copytree(code["source"], tmp_path / "broken", symlinks=True)
    (tmp_path / "broken" / "wp-settings.php").write_text("<?php this is no PHP(")
    estate.farm.settings["platforms"]["broken"] = {**code, "source": str(tmp_path / "broken")}
    estate.farm.up()
    estate.farm.settings["sites"][ONE]["platform"] = "broken"
    for _ in range(2):
        said = estate.farm.up(ok=False).sentence
        assert "a site that answered before does not answer after its move from the platform code to broken" in said
        assert f"It is on code again on {estate.web.spec.fqdn}" in said
        assert estate.is_whole()

    estate.farm.settings["sites"][ONE]["platform"] = "code"
    del estate.farm.settings["platforms"]["broken"]
    estate.farm.up()
    assert estate.is_whole()
    estate.farm.unchanged("--refresh")


def test_an_account_gets_other_numbers_by_the_commands_of_the_message(estate: Estate) -> None:
    web, server = estate.web, estate.farm.settings["servers"][estate.web.spec.fqdn]
    uid, gid = web.run("id -u aegir; id -g aegir").stdout.split()
    server["aegir_user"] = {"uid": 4321, "gid": 4322}
    said = estate.farm.up(ok=False).sentence
    advised = re.search(
        r"give the account the other numbers: (groupmod[^;]*; usermod[^;]*; )then chown its files", said
    )
    assert advised, said
    web.run(advised[1].rstrip("; "))
    for kind, former in (("uid", uid), ("gid", gid)):
        owner = "-h aegir" if kind == "uid" else "-h :aegir"
        web.run(f"find / -xdev -{kind} {former} -exec chown {owner} {{}} +", timeout=120)
    estate.farm.up()
    estate.farm.unchanged("--refresh")
    assert ["4321", "4322"] == web.run("stat -c '%u %g' /var/aegir/platforms/.releases/code").stdout.split()
    assert estate.is_whole()


@pytest.mark.parametrize("way", ["setfacl", "chmod"])
def test_uploads_on_a_share_are_opened_by_the_commands_of_the_message(estate: Estate, way: str) -> None:
    """As on a filer, the files are the site's account's alone until then."""
    account, other, share = layout.system_user(ONE), layout.system_user(TWO), "/srv/filer"
    web = estate.web
    web.run(f"rm -rf {share}; install -d -m 750 -o {account} -g {account} {share} {share}/2026")
    web.run(f"runuser -u {account} -- sh -c 'umask 077; echo old >{share}/2026/old.jpg'")

    def reads(user: str, name: str) -> bool:
        return web.run(f"runuser -u {user} -- cat {share}/2026/{name}", check=False).returncode == 0

    assert not reads("www-data", "old.jpg")
    message = forbidden(ONE, share)
    advised = re.search(r"(setfacl .* \.)  Without" if way == "setfacl" else r"(runuser .*)$", message)
    assert advised, message
    web.run(f"cd {share} && {advised[1]}")
    web.run(f"runuser -u {account} -- sh -c 'umask 022; echo new >{share}/2026/new.jpg'")
    assert reads("www-data", "old.jpg")
    assert reads("www-data", "new.jpg")
    assert reads(account, "new.jpg")
    assert reads(other, "old.jpg") is (way == "chmod"), "as the message says of each way"
    web.run(f"rm -r {share}")
