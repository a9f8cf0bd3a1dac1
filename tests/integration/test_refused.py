"""What a run refuses, with a sentence that says what to do, and what it survives: nothing of anybody else's is touched."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from aegir_components import layout
from lab import Host, HostSpec, Lab
from tests.integration.farm import Farm, fetch, hub_settings, logins, now, web_and_database

pytestmark = [pytest.mark.long, pytest.mark.lab, pytest.mark.slow, pytest.mark.timeout(600)]

LabFactory = Callable[[str, Iterable[HostSpec]], Lab]

SITE = "www.example.com"
ONE = "averylongsitename-one.example.com"
TWO = "averylongsitename-two.example.com"
"""Equal in sixteen letters and more, which is where Aegir cut the names of databases."""
CONF = layout.CONFIG_ROOT + "/apache"
SPARE = layout.PLATFORMS_ROOT + "/spare"
FEDORA = 'NAME="Fedora Linux"\nID=fedora\nVERSION_ID=40\nPRETTY_NAME="Fedora Linux 40 (Server Edition)"\n'
NEEDED = "this machine runs Fedora Linux 40 (Server Edition); Debian 11 to 13 or Ubuntu 22.04 or 24.04 with systemd is needed"

MACHINE = r"""
find /etc /var /usr/local /root /home /opt /srv -xdev \( -path /var/log -o -path /var/tmp \) -prune -o ! -type d \
    -printf '%p %y %m %u:%g %s %T@ %l\n' | sort
getent passwd; getent group; dpkg-query -W
"""
"""What a host has that somebody configured or installed."""

APACHE = r"""
find /etc/apache2 /var/aegir/config/apache /var/aegir/config/apache.conf \( -type d -printf '%p %y %m\n' \) \
    -o -printf '%p %y %m %s %T@ %l\n' | sort
systemctl show -p MainPID,NRestarts,ActiveEnterTimestampMonotonic apache2
grep -c 'SIGUSR1 received' /var/log/apache2/error.log || true
"""
"""Apache's configuration to the nanosecond, and how often it was read."""


class Estate:
    """A farm with two sites on its platform, and a small platform without any."""

    def __init__(self, lab: Lab, farm: Farm, spare: Path) -> None:
        self.lab, self.farm, self.spare = lab, farm, spare
        self.web, self.database = lab.host("web1"), lab.host("db1")

    def add(self, name: str) -> None:
        self.farm.settings["sites"][name] = {"platform": "code"}

    def drop(self, name: str) -> None:
        del self.farm.settings["sites"][name]

    def check_sites_answer(self) -> None:
        assert {SITE: 200, ONE: 200} == {name: fetch(self.web, name).status for name in (SITE, ONE)}


def sql(host: Host, statement: str) -> str:
    return host.run("mysql -N", input=statement).stdout.strip()


def small_source(path: Path, files: int) -> Path:
    """Make a code base that is recognised as WordPress, and is none."""
    shutil.rmtree(path, ignore_errors=True)
    (path / "wp-includes").mkdir(parents=True)
    (path / "wp-includes" / "version.php").write_text("<?php $wp_version = '6.1';\n")
    for number in range(files - 1):
        (path / f"part-{number}.php").write_text(f"<?php // {number}\n")
    return path


@pytest.fixture(scope="module")
def estate(lab_factory: LabFactory, wordpress: Path, tmp_path_factory: pytest.TempPathFactory) -> Estate:
    lab = lab_factory("refused", [HostSpec("web1", image="web"), HostSpec("db1", image="db"), HostSpec("other")])
    directory = tmp_path_factory.mktemp("refused")
    farm = Farm(directory, web_and_database(lab, source=wordpress, sites={SITE: {}, ONE: {}}))
    spare = small_source(directory / "spare", 100)
    farm.settings["platforms"]["spare"] = {"server": lab.host("web1").spec.fqdn, "source": str(spare)}
    lab.host("db1").run("systemctl start mariadb")
    sql(
        lab.host("db1"),
        "CREATE DATABASE site_test; CREATE TABLE site_test.t (word TEXT); INSERT INTO site_test.t VALUES ('dear')",
    )
    farm.up()
    return Estate(lab, farm, spare)


def test_fact_11_a_database_called_site_test_keeps_its_data(estate: Estate) -> None:
    estate.farm.unchanged("--refresh")

    assert "dear" == sql(estate.database, "SELECT word FROM site_test.t")


def test_a_machine_that_is_not_debian_like_is_named_and_left_as_it_is(estate: Estate, tmp_path: Path) -> None:
    other = estate.lab.host("other")
    other.run("rm /etc/os-release; cat >/etc/os-release", input=FEDORA)
    settings = {
        "hub": hub_settings(estate.lab),
        "servers": {other.spec.fqdn: {"address": other.address, "services": {"web": "apache"}}},
    }
    farm = Farm(tmp_path, settings)
    before = other.run(MACHINE).stdout

    done = farm.up(ok=False)

    assert NEEDED in done.sentence
    assert other.spec.fqdn in done.sentence
    assert before == other.run(MACHINE).stdout
    other.run("! getent passwd aegir && ! test -e /etc/sudoers.d/aegir")


def test_a_stopped_database_is_named_with_what_to_check_and_the_next_up_completes(estate: Estate) -> None:
    estate.database.run("systemctl stop mariadb")
    estate.add("later.example.com")

    done = estate.farm.up(ok=False)

    assert f"the database at {estate.database.address} port 3306 does not answer" in done.sentence
    for word in ("bind-address = 0.0.0.0", "firewall", f"port 3306 between the hub and {estate.database.address}"):
        assert word in done.sentence
    estate.database.run("systemctl start mariadb")
    estate.farm.up()
    assert 200 == fetch(estate.web, "later.example.com").status
    estate.drop("later.example.com")
    estate.farm.up()


def test_a_database_that_listens_on_loopback_only_is_named_and_mended_by_a_refresh(estate: Estate) -> None:
    estate.database.run(
        "sed -i 's/bind-address = .*/bind-address = 127.0.0.1/' /etc/mysql/mariadb.conf.d/99-aegir.cnf; "
        "systemctl restart mariadb"
    )
    estate.add("loopback.example.com")

    done = estate.farm.up(ok=False)
    assert "bind-address = 0.0.0.0 under [mysqld], not 127.0.0.1" in done.sentence

    estate.farm.up("--refresh")
    assert "0.0.0.0" == sql(estate.database, "SELECT @@bind_address")
    assert 200 == fetch(estate.web, "loopback.example.com").status
    estate.drop("loopback.example.com")
    estate.farm.up()


def test_fact_09_a_database_of_the_wanted_name_is_refused_and_keeps_its_data(estate: Estate) -> None:
    name = layout.database_name("foreign.example.com")
    sql(
        estate.database,
        f"CREATE DATABASE {name}; CREATE TABLE {name}.t (word TEXT); INSERT INTO {name}.t VALUES ('theirs')",
    )
    estate.add("foreign.example.com")

    done = estate.farm.up(ok=False)
    estate.drop("foreign.example.com")
    estate.farm.up()

    assert f"a database named {name} is there already and is not of our making; it was left as it is" in done.sentence
    assert "theirs" == sql(estate.database, f"SELECT word FROM {name}.t")
    assert "" == sql(estate.database, f"SELECT 1 FROM mysql.user WHERE user = '{name[:32]}'")
    assert "t" == sql(estate.database, f"SHOW TABLES FROM {name}")


def test_fact_09_an_account_of_the_wanted_name_is_refused_and_keeps_its_password(estate: Estate) -> None:
    site = "account.example.com"
    account = layout.account_name(site)
    sql(estate.database, f"CREATE USER '{account}'@'10.9.8.7' IDENTIFIED BY 'theirs'")
    shown = f"SHOW CREATE USER '{account}'@'10.9.8.7'; SHOW GRANTS FOR '{account}'@'10.9.8.7'"
    before = sql(estate.database, shown)
    estate.add(site)

    done = estate.farm.up(ok=False)
    estate.drop(site)
    estate.farm.up()

    assert f"an account named {account} is there already (for 10.9.8.7) and is not of our making" in done.sentence
    assert before == sql(estate.database, shown)
    assert "" == sql(estate.database, f"SHOW DATABASES LIKE '{layout.database_name(site)}'")


def test_a_directory_at_the_publish_path_is_refused_and_left_as_it_is(estate: Estate) -> None:
    theirs = layout.PLATFORMS_ROOT + "/theirs"
    estate.web.run(f"mkdir {theirs} && echo dear >{theirs}/index.php")
    estate.farm.settings["platforms"]["theirs"] = {**estate.farm.settings["platforms"]["spare"]}
    look = f"find {theirs} -printf '%p %y %m %u:%g %s %T@\\n'; cat {theirs}/index.php"
    before = estate.web.run(look).stdout

    done = estate.farm.up(ok=False)
    del estate.farm.settings["platforms"]["theirs"]
    estate.farm.up()

    assert f"{theirs} exists and is not of our making; it was left as it is." in done.sentence
    assert before == estate.web.run(look).stdout


@pytest.mark.parametrize("path", ["/etc/apache2/sites-enabled/owner.conf", f"{CONF}/pre.d/owner.conf"])
def test_fact_06_with_a_broken_configuration_of_the_owners_apache_keeps_its_old_one(estate: Estate, path: str) -> None:
    estate.web.run(f"echo '<VirtualHost' >{path}")
    before = estate.web.run(APACHE).stdout
    estate.add("broken.example.com")

    done = estate.farm.up(ok=False)

    told = "the configuration that is there already does not pass its own test; nothing was changed. Correct it first"
    assert told in done.sentence
    assert path in done.sentence
    assert before == estate.web.run(APACHE).stdout, "neither changed nor read again"
    estate.check_sites_answer()
    estate.web.run(f"rm {path}")
    estate.farm.up()
    assert 200 == fetch(estate.web, "broken.example.com").status
    estate.drop("broken.example.com")
    estate.farm.up()


def test_a_broken_addition_to_a_sites_vhost_takes_the_vhost_back(estate: Estate) -> None:
    site = "custom.example.com"
    custom = f"{CONF}/custom.d/{site}.conf"
    estate.web.run(f"echo 'NoSuchDirective on' >{custom}")
    before = estate.web.run(APACHE).stdout
    estate.add(site)

    done = estate.farm.up(ok=False)

    assert "the new configuration does not pass the server's own test and was rolled back; no reload" in done.sentence
    assert "NoSuchDirective" in done.sentence
    estate.web.run(f"! test -e {layout.vhost_path('apache', site)} && apache2ctl -t")
    assert before == estate.web.run(APACHE).stdout, "neither changed nor read again"
    estate.check_sites_answer()
    estate.web.run(f"echo 'Header set X-Owner yes' >{custom}")
    estate.farm.up()
    assert "yes" == fetch(estate.web, site).headers.get("x-owner")
    estate.drop(site)
    estate.farm.up()
    assert estate.web.run(f"rm {custom}").returncode == 0, "the owner's file outlives the site"


def test_a_database_on_localhost_of_another_machine_is_refused_before_any_login(estate: Estate) -> None:
    web, database, farm = estate.web.spec.fqdn, estate.database.spec.fqdn, estate.farm
    farm.disconnect()
    services = farm.settings["servers"][database]["services"]
    services["database"] = {"type": "mysql", "address": "localhost"}
    since = {host.name: now(host) for host in (estate.web, estate.database)}

    done = farm.preview(ok=False)
    services["database"] = "mysql"

    assert (
        f'aegir:servers["{database}"].services.database.address: "localhost" is reached through a local socket by {web} '
        f"and not over the network; write the server's own address, such as {estate.database.address}"
    ) in done.sentence
    assert {"web1": 0, "db1": 0} == {
        host.name: logins(host, since[host.name]) for host in (estate.web, estate.database)
    }


def test_fact_25_a_source_that_is_not_all_there_stops_the_run_and_deletes_nothing(estate: Estate) -> None:
    look = f"find {SPARE}/ {layout.PLATFORMS_ROOT}/code/ -printf '%p %y %i %s %T@ %l\\n' | sort; readlink {SPARE}"
    before = estate.web.run(look).stdout

    shutil.move(estate.spare, estate.spare.with_suffix(".away"))
    missing = estate.farm.up(ok=False)
    estate.spare.mkdir()
    empty = estate.farm.up(ok=False)
    small_source(estate.spare, 10)
    shrunk = estate.farm.up(ok=False)

    assert (
        f"'{estate.spare}' is no directory. If a disk is not mounted, mount it; nothing is deleted" in missing.sentence
    )
    assert f"'{estate.spare}' holds no file; nothing is deleted anywhere" in empty.sentence
    assert "has 10 files, and the live release about 100: it may be half there. Nothing was changed" in shrunk.sentence
    assert "set allow_shrink: true for this platform" in shrunk.sentence
    assert before == estate.web.run(look).stdout
    estate.farm.settings["platforms"]["spare"]["allow_shrink"] = True
    estate.farm.up()
    assert "10" == estate.web.run(f"find {SPARE}/ -name '*.php' -type f | wc -l").stdout.strip()
    estate.farm.unchanged("--refresh")


def test_fact_26_a_platform_with_sites_is_not_removed(estate: Estate) -> None:
    registered = f"{layout.platform_registry('spare')}/elsewhere.example.com"
    code = estate.farm.settings["platforms"].pop("code")
    declared = estate.farm.up(ok=False)
    estate.farm.settings["platforms"]["code"] = code
    estate.check_sites_answer()
    estate.web.run(f"echo 'elsewhere.example.com /srv/elsewhere' >{registered}")
    spare = estate.farm.settings["platforms"].pop("spare")

    found = estate.farm.up(ok=False)

    assert f'aegir:sites["{SITE}"].platform: no platform named "code"' in declared.sentence
    assert "the platform spare has sites with their files here: elsewhere.example.com" in found.sentence
    estate.web.run(f"test -s {SPARE}/wp-includes/version.php && test -s {CONF}/platform.d/spare.conf")
    estate.web.run(f"rm {registered}")
    estate.farm.up()
    estate.web.run(f"! test -e {SPARE} && ! test -e {CONF}/platform.d/spare.conf")
    estate.farm.settings["platforms"]["spare"] = spare
    estate.farm.up()


def test_fact_10_sites_equal_in_sixteen_letters_have_databases_that_the_other_cannot_read(estate: Estate) -> None:
    estate.add(TWO)
    estate.farm.up()

    def ask(site: str, of: str) -> tuple[int, str]:
        settings = layout.site_linked(layout.PLATFORMS_ROOT, site) + "/wp-config.php"
        done = estate.web.run(
            f"MYSQL_PWD=$(sed -n \"s/^define('DB_PASSWORD', '\\(.*\\)');/\\1/p\" {settings}) mysql -N -h "
            f"{estate.database.address} -u {layout.account_name(site)} -e "
            f"\"SELECT option_value FROM {layout.database_name(of)}.wp_options WHERE option_name = 'siteurl'\"",
            check=False,
        )
        return done.returncode, done.stdout.strip() + done.stderr

    assert layout.database_name(ONE)[:16] == layout.database_name(TWO)[:16]
    for site, of in ((ONE, TWO), (TWO, ONE)):
        status, said = ask(site, site)
        assert (0, 200) == (status, fetch(estate.web, site).status), said
        status, said = ask(site, of)
        assert status != 0
        assert "denied" in said
