"""The database service: TLS, another way to reach it, passwords of all kinds, somebody else's server, and what fails."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from aegir_components.deploy import access
from aegir_components.mysql import tls
from aegir_components.mysql.client import Endpoint
from aegir_components.remote.errors import Refused
from lab import Host, HostSpec, Lab
from tests.integration import farm as farms
from tests.integration.farm import Config, Farm, fetch, hub_settings, logins, now
from tests.integration.firewall import filtered
from tests.integration.waiting import journal

pytestmark = [pytest.mark.long, pytest.mark.lab, pytest.mark.slow, pytest.mark.timeout(600)]

LabFactory = Callable[[str, Iterable[HostSpec]], Lab]
Maker = Callable[[Config], Farm]
Figure = Callable[[str, object], None]
PASSWORD = 'servers["{name}"].services.database.admin.password'


@pytest.fixture(scope="module")
def lab(lab_factory: LabFactory) -> Lab:
    return lab_factory("database", [HostSpec("web1", image="web"), HostSpec("db1", image="db")])


@pytest.fixture(scope="module")
def farm(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Farm:
    made = Farm(tmp_path_factory.mktemp("farm"), declared(lab, {"type": "mysql"}))
    made.up()
    return made


def declared(lab: Lab, service: Config) -> Config:
    web, database = lab.host("web1"), lab.host("db1")
    return {
        "hub": hub_settings(lab),
        "servers": {
            web.spec.fqdn: {"address": web.address, "services": {"web": "apache"}},
            database.spec.fqdn: {"address": database.address, "services": {"database": service}},
        },
    }


def service(farm: Farm, lab: Lab) -> Config:
    found: Config = farm.settings["servers"][lab.host("db1").spec.fqdn]["services"]["database"]
    return found


def sql(host: Host, statement: str) -> str:
    return host.run(f"mysql -N -e {statement!r}").stdout


def test_the_administrator_has_what_it_needs_from_the_hub_only(farm: Farm, lab: Lab) -> None:
    database = lab.host("db1")

    accounts = sql(database, "SELECT CONCAT(user, '@', host) FROM mysql.user WHERE user LIKE 'aegir%'").split()
    grants = sql(database, f"SHOW GRANTS FOR 'aegir_root'@'{lab.hub_address}'")

    assert [f"aegir_root@{lab.hub_address}"] == accounts
    assert "WITH GRANT OPTION" in grants
    for more in ("ALL PRIVILEGES", "SUPER", "FILE", "SHUTDOWN", "REPLICATION"):
        assert more not in grants


def test_the_proof_from_the_web_server_leaves_nothing(farm: Farm, lab: Lab) -> None:
    database = lab.host("db1")
    before = sql(database, "SHOW DATABASES") + sql(database, "SELECT user, host FROM mysql.user")

    farm.up("--refresh")

    assert before == sql(database, "SHOW DATABASES") + sql(database, "SELECT user, host FROM mysql.user")
    assert "proof" not in before


def commands(host: Host, since: str) -> int:
    """Count what sshd was asked to run after the place in the journal that `now` gave; with LogLevel VERBOSE it says so."""
    said = journal(host, f"-u ssh --after-cursor='{since}'")
    return said.count("Starting session: command") + said.count("Starting session: subsystem")


def test_a_look_at_prepared_servers_is_one_login_and_at_most_six_commands_each(
    farm: Farm, lab: Lab, record_property: Figure
) -> None:
    """A web server, and a database server with the proof from the web server."""
    hosts = [lab.host("web1"), lab.host("db1")]
    for host in hosts:
        host.run("echo 'LogLevel VERBOSE' >/etc/ssh/sshd_config.d/verbose.conf; systemctl reload ssh")
    farm.disconnect()
    since = {host.name: now(host) for host in hosts}

    farm.unchanged("--refresh")

    for host in hosts:
        asked = commands(host, since[host.name])
        record_property(f"commands of an up --refresh on {host.name}", asked)
        assert 1 == logins(host, since[host.name])
        assert 1 <= asked <= 6


def test_a_port_that_is_filtered_is_named_with_address_bind_address_and_firewall(farm: Farm, lab: Lab) -> None:
    """Nothing comes back: from the hub, and then from the web server alone, where another machine's port is at fault."""
    database, web = lab.host("db1"), lab.host("web1")
    with filtered(database, 3306, lab.hub_address):
        from_hub = farm.up("--refresh", ok=False)
    with filtered(database, 3306, web.address):
        from_web = farm.up("--refresh", ok=False)

    assert f"the database at {database.address} port 3306 does not answer" in from_hub.sentence
    assert "bind-address = 0.0.0.0 under [mysqld]" in from_hub.sentence
    assert f"a firewall block port 3306 between the hub and {database.address}" in from_hub.sentence
    assert (
        f"{web.spec.fqdn}: cannot connect to the database {database.spec.fqdn} at {database.address} port 3306"
        in from_web.sentence
    )
    assert "Check bind-address under [mysqld] there" in from_web.sentence
    assert f"no firewall blocks port 3306 between {web.address} and {database.address}" in from_web.sentence
    farm.up("--refresh")
    farm.unchanged("--refresh")


@pytest.mark.parametrize(
    "password",
    [
        pytest.param('it\'s "quoted" `here`', id="quotes"),
        pytest.param("back\\slash\\n\\0 and \\' more", id="backslash"),
        pytest.param("100% %s %d $HOME $(id) ${x}", id="percent-and-dollar"),
        pytest.param("pässwörd → 密码 \U0001f511", id="unicode"),
        pytest.param("-- # /* ; DROP USER root", id="sql"),
        pytest.param("p" * 200, id="200-characters"),
    ],
)
def test_a_given_password_of_any_characters_works(farm: Farm, lab: Lab, password: str) -> None:
    path = PASSWORD.format(name=lab.host("db1").spec.fqdn)
    farm.secrets[path] = password

    done = farm.up()

    assert password not in done.output
    farm.unchanged("--refresh")


def test_a_password_changed_on_the_server_is_found_and_set_again(farm: Farm, lab: Lab) -> None:
    sql(lab.host("db1"), f"ALTER USER 'aegir_root'@'{lab.hub_address}' IDENTIFIED BY 'somebody elses'")

    seen = farm.drift()
    assert "refuses aegir_root" in seen.sentence

    farm.up("--refresh")
    farm.unchanged("--refresh")


def test_a_cut_grant_option_is_found_by_name_and_given_back(farm: Farm, lab: Lab) -> None:
    sql(lab.host("db1"), f"REVOKE GRANT OPTION, EVENT ON *.* FROM 'aegir_root'@'{lab.hub_address}'")

    seen = farm.drift()

    assert "lacks GRANT OPTION" in seen.sentence
    assert "lacks EVENT" in seen.sentence
    farm.up("--refresh")
    farm.unchanged("--refresh")


def test_a_second_stack_leaves_the_first_ones_account_and_configuration(
    farm: Farm, lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = lab.host("db1")
    look = (
        f"sha256sum /etc/mysql/mariadb.conf.d/99-aegir.cnf; mysql -Ne 'SHOW GRANTS FOR aegir_root@`{lab.hub_address}`'"
    )
    before = database.run("sh", input=look).stdout
    with monkeypatch.context() as patched:
        patched.setattr(farms, "STACK", "second")
        server: Config = {"address": database.address, "services": {"database": {"type": "mysql"}}}
        second = Farm(tmp_path, {"hub": hub_settings(lab), "servers": {database.spec.fqdn: server}})
        refused = second.up(ok=False)
        assert "is the one that the hub of the stack aegir/test has on this database server" in refused.sentence
        second.settings["servers"][database.spec.fqdn]["services"]["database"]["admin"] = {"name": "second_root"}
        second.up()
        second.destroy()
    assert before == database.run("sh", input=look).stdout
    assert "second_root" not in sql(database, "SELECT user FROM mysql.user")
    farm.unchanged("--refresh")


def test_tls_required_is_demanded_of_every_account_and_verified_by_every_client(
    farm: Farm, lab: Lab, wordpress: Path, tmp_path: Path
) -> None:
    database, web = lab.host("db1"), lab.host("web1")
    service(farm, lab)["tls"] = "required"
    farm.settings["platforms"] = {"code": {"server": web.spec.fqdn, "source": str(wordpress)}}
    farm.settings["sites"] = {"tls.example.com": {"platform": "code"}}
    farm.up()
    assert 200 == fetch(web, "tls.example.com").status

    assert "ANY" == sql(database, "SELECT ssl_type FROM mysql.user WHERE user = 'aegir_root'").strip()
    assert "/etc/mysql/aegir-tls/server.crt" == sql(database, "SELECT @@ssl_cert").strip()
    assert "400" == database.run("stat -c %a /etc/mysql/aegir-tls/server.key").stdout.strip()
    farm.unchanged("--refresh")

    # Another server in its place: for the same address, and of an authority that nobody here knows.
    database.run(
        "cd /etc/mysql/aegir-tls && openssl req -x509 -newkey rsa:2048 -nodes -days 9 -subj /CN=db1 "
        f"-addext subjectAltName=IP:{database.address} -keyout /root/key -out /root/crt 2>/dev/null && "
        "cat /root/key >server.key && cat /root/crt >server.crt && systemctl restart mariadb"
    )
    web.run("systemctl restart php8.2-fpm")
    answer = fetch(web, "tls.example.com")
    assert (500, True) == (answer.status, "Error establishing a database connection" in answer.body)
    seen = farm.drift().sentence
    assert "certificate of the database: not from the hub's authority" in seen
    assert "shows another certificate than it should" in seen
    foreign = tls.authority(str(tmp_path)).certificate
    where = Endpoint(server="db1", address=database.address, port=3306, user="x", password="x", authority=foreign)
    with pytest.raises(Refused, match="does not show a certificate of its authority"):
        access.log_in(
            farm.connections()[web.spec.fqdn], where, database="x", user="x", password="x", address=web.address
        )

    database.run("rm /etc/mysql/aegir-tls/server.crt")
    assert "certificate of the database" in farm.drift().sentence
    farm.up("--refresh")
    farm.unchanged("--refresh")
    assert 200 == fetch(web, "tls.example.com").status


def test_the_hub_reaches_the_database_through_ssh_where_its_port_is_closed_to_it(farm: Farm, lab: Lab) -> None:
    service(farm, lab)["reach"] = "ssh"
    database = lab.host("db1")

    with filtered(database, 3306, lab.hub_address):
        farm.up()
        farm.unchanged("--refresh")

    accounts = sql(database, "SELECT CONCAT(user, '@', host) FROM mysql.user WHERE user LIKE 'aegir%'").split()
    assert ["aegir_root@127.0.0.1"] == accounts


def test_a_database_that_somebody_else_runs_is_used_without_ssh(
    farm: Farm, lab: Lab, wordpress: Path, tmp_path: Path
) -> None:
    """Its own credentials, no ssh at all; a site works on it, and goes again with a verified dump."""
    database, web = lab.host("db1"), lab.host("web1")
    sql(database, f"CREATE OR REPLACE USER 'them'@'{lab.hub_address}' IDENTIFIED BY 'their password'")
    sql(database, f"GRANT ALL PRIVILEGES ON *.* TO 'them'@'{lab.hub_address}' WITH GRANT OPTION")
    name = "managed.lab.test"
    settings: Config = {
        "hub": hub_settings(lab),
        "servers": {
            web.spec.fqdn: {"address": web.address, "services": {"web": "apache"}},
            name: {
                "address": database.address,
                "connection": "none",
                "services": {"database": {"type": "mysql", "admin": {"name": "them"}}},
            },
        },
        "platforms": {"code": {"server": web.spec.fqdn, "source": str(wordpress)}},
        "sites": {"managed.example.com": {"platform": "code"}},
    }
    other = Farm(tmp_path, settings, secrets={PASSWORD.format(name=name): "their password"})
    before = journal(database, "-u ssh").count("Accepted")

    other.up()
    other.unchanged("--refresh")

    assert before == journal(database, "-u ssh").count("Accepted")
    sql(database, f"REVOKE CREATE USER ON *.* FROM 'them'@'{lab.hub_address}'")
    assert "lacks CREATE USER" in other.drift().sentence
    sql(database, f"GRANT CREATE USER ON *.* TO 'them'@'{lab.hub_address}'")

    del other.settings["sites"]["managed.example.com"]
    if shutil.which("mysqldump") is None:
        # Without the client that makes the dump nothing is dropped.
        assert "apt-get install default-mysql-client" in other.up(ok=False).sentence
        assert "managed_example_com" in sql(database, "SHOW DATABASES")
        return
    other.up()
    assert "managed_example_com" not in sql(database, "SHOW DATABASES")
    assert list((other.hub / "backups").glob("managed.example.com-*.sql.gz"))
