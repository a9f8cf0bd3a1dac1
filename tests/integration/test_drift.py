"""What somebody changes by hand: a preview names it, an up with refresh mends it, and nothing else is touched."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import pytest

from aegir_components import layout
from aegir_components.deploy import cron
from aegir_components.mysql import statements
from lab import HostSpec, Lab
from tests.integration.farm import Done, Farm, fetch, web_and_database

pytestmark = [pytest.mark.long, pytest.mark.lab, pytest.mark.slow, pytest.mark.timeout(600)]

LabFactory = Callable[[str, Iterable[HostSpec]], Lab]

SITE = "www.example.com"
USER = layout.system_user(SITE)
DATABASE = layout.database_name(SITE)
ACCOUNT = layout.account_name(SITE)
CODE = layout.PLATFORMS_ROOT + "/code"
HOME = layout.site_directory(layout.PLATFORMS_ROOT, SITE)
VHOST = layout.vhost_path("apache", SITE)
SETTINGS = f"{HOME}/site/wp-config.php"


@dataclass(frozen=True, kw_only=True, slots=True)
class Drift:
    """A change by hand."""

    id: str
    host: str = "web1"
    by: str
    """The shell that makes it; WEB and HUB are addresses."""
    named: str
    """What the preview says of it."""
    mended: str
    """The shell that fails while it is there."""


def sql(statement: str) -> str:
    return f"mysql -N <<'SQL'\n{statement}\nSQL\n"


WEB = (
    Drift(
        id="sudo rule edited",
        by="echo 'aegir ALL=(ALL) NOPASSWD: ALL' >>/etc/sudoers.d/aegir",
        named="file /etc/sudoers.d/aegir: content differs",
        mended="! grep -q '(ALL) NOPASSWD' /etc/sudoers.d/aegir && visudo -c",
    ),
    Drift(
        id="shell of aegir changed",
        by="usermod -s /usr/sbin/nologin aegir",
        named="user aegir: shell is /usr/sbin/nologin, not /bin/sh",
        mended="getent passwd aegir | grep -q :/bin/sh$",
    ),
    Drift(
        id="aegir out of its group",
        by="gpasswd -d aegir www-data",
        named="user aegir: not in group www-data",
        mended="id -nG aegir | grep -qw www-data",
    ),
    Drift(
        id="authorized keys edited",
        by="echo 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHN0cmFuZ2Vy' >>/var/aegir/.ssh/authorized_keys",
        named="file /var/aegir/.ssh/authorized_keys: content differs",
        mended="! grep -q AAAAIHN0cmFuZ2Vy /var/aegir/.ssh/authorized_keys",
    ),
    Drift(
        id="mode of the helper opened",
        by="chmod 777 /usr/local/sbin/aegir-webserver",
        named="file /usr/local/sbin/aegir-webserver: is root:root:777, not root:root:755",
        mended="[ $(stat -c %a /usr/local/sbin/aegir-webserver) = 755 ]",
    ),
    Drift(
        id="configuration directory given away",
        by="chown aegir /var/aegir/config",
        named="directory /var/aegir/config: is aegir:root:711, not root:root:711",
        mended="[ $(stat -c %U /var/aegir/config) = root ]",
    ),
    Drift(
        id="configuration link removed",
        by="rm /etc/apache2/conf-enabled/aegir.conf",
        named="link /etc/apache2/conf-enabled/aegir.conf: missing",
        mended="[ $(readlink /etc/apache2/conf-enabled/aegir.conf) = /var/aegir/config/apache.conf ]",
    ),
    Drift(
        id="module link removed",
        by="rm /etc/apache2/mods-enabled/expires.load",
        named="link /etc/apache2/mods-enabled/expires.load: missing",
        mended="[ -e /etc/apache2/mods-enabled/expires.load ]",
    ),
    Drift(
        id="apache disabled",
        by="systemctl disable apache2",
        named="service apache2: not enabled",
        mended="systemctl is-enabled apache2",
    ),
    Drift(
        id="apache stopped",
        by="systemctl stop apache2",
        named="service apache2: not running",
        mended="systemctl is-active apache2",
    ),
    Drift(
        id="package removed",
        by="apt-get -q -y remove php8.2-gd",
        named="packages missing: php-gd",
        # In the PHP that runs, too: nothing restarts while packages are installed.
        mended="dpkg-query -W -f '${db:Status-Status}' php8.2-gd | grep -qx installed &&"
        " grep -q /gd.so /proc/$(systemctl show -p MainPID --value php8.2-fpm)/maps",
    ),
    Drift(
        id="php's own file edited",
        by="sed -i s/validate_permission/nothing/ /etc/php/8.2/fpm/conf.d/99-aegir.ini",
        named="file /etc/php/8.2/fpm/conf.d/99-aegir.ini: content differs",
        mended="grep -q '^opcache.validate_permission = 1' /etc/php/8.2/fpm/conf.d/99-aegir.ini",
    ),
    Drift(
        id="vhost edited",
        by=f"sed -i 's/ServerName .*/ServerName other.example.com/' {VHOST}",
        named=f"file {VHOST}: content differs",
        mended=f"grep -q 'ServerName {SITE}' {VHOST}",
    ),
    Drift(
        id="settings edited and opened",
        by=f"echo '// mine' >>{SETTINGS}; chmod 666 {SETTINGS}",
        named=f"file {SETTINGS}: content differs",
        mended=f"! grep -q mine {SETTINGS} && [ $(stat -c %U:%G:%a {SETTINGS}) = root:{USER}:440 ]",
    ),
    Drift(
        id="files of the site given away",
        by=f"chmod 00755 {HOME}/site/files",
        named=f"directory {HOME}/site/files: is {USER}:www-data:755",
        mended=f"[ $(stat -c %a {HOME}/site/files) = 2770 ]",
    ),
    Drift(
        id="pool removed",
        by=f"rm {layout.pool_path(SITE)}",
        named=f"file {layout.pool_path(SITE)}: missing",
        mended=f"test -s {layout.pool_path(SITE)} && test -S {layout.pool_socket(SITE)}",
    ),
    Drift(
        id="cron removed",
        by=f"systemctl disable --now aegir-cron@{USER}.timer; rm {cron.timer_path(USER)}; systemctl daemon-reload",
        named=f"file {cron.timer_path(USER)}: missing",
        mended=f"systemctl is-active aegir-cron@{USER}.timer && systemctl is-enabled aegir-cron@{USER}.timer",
    ),
    Drift(
        id="directives of the owner's own changed",
        by=f"echo '# mine' >>/var/aegir/config/apache/custom.d/{SITE}.conf",
        named=f"file /var/aegir/config/apache/custom.d/{SITE}.conf: your own directives have changed and are not live yet",
        mended=f'[ "$(sha256sum </var/aegir/config/apache/custom.d/{SITE}.conf)" = "$(cat /var/lib/aegir/own-apache/{SITE})" ]',
    ),
    Drift(
        id="registry entry removed",
        by=f"rm {layout.platform_registry('code')}/{SITE}",
        named=f"file {layout.platform_registry('code')}/{SITE}: missing",
        mended=f"test -s {layout.platform_registry('code')}/{SITE}",
    ),
    Drift(
        id="link of the site removed",
        by=f"rm {CODE}/sites/{SITE}",
        named=f"links in the release: {SITE} missing",
        mended=f"[ $(readlink {CODE}/sites/{SITE}) = {HOME}/site ]",
    ),
    Drift(
        id="file of the release changed",
        by=f"echo '<?php // changed' >>{CODE}/wp-login.php",
        named="release: wp-login.php",
        mended=f"! grep -q changed {CODE}/wp-login.php",
    ),
    Drift(
        id="file of the release added",
        by=f"echo '<?php // added' >{CODE}/wp-includes/shell.php",
        named="release: wp-includes/shell.php",
        mended=f"! test -e {CODE}/wp-includes/shell.php",
    ),
    Drift(
        id="file of the release removed",
        by=f"rm {CODE}/wp-includes/rss.php",
        named="release: wp-includes/rss.php",
        mended=f"test -s {CODE}/wp-includes/rss.php",
    ),
    Drift(
        id="mode of a file of the release changed",
        by=f"chmod 777 {CODE}/wp-cron.php",
        named="release: wp-cron.php",
        mended=f"[ $(stat -c %a {CODE}/wp-cron.php) = 644 ]",
    ),
    Drift(
        id="file of the release replaced by a link",
        by=f"ln -sf /etc/passwd {CODE}/wp-includes/class-feed.php",
        named="release: wp-includes/class-feed.php",
        mended=f"test ! -L {CODE}/wp-includes/class-feed.php",
    ),
)  # fmt: skip

DATABASES = (
    Drift(
        id="account dropped",
        host="db1",
        by=sql(f"DROP USER '{ACCOUNT}'@'WEB'"),
        named=f"account {ACCOUNT}@WEB: missing",
        mended=f"mysql -Ne \"SELECT 1 FROM mysql.user WHERE user = '{ACCOUNT}' AND host = 'WEB'\" | grep -q 1",
    ),
    Drift(
        id="password changed",
        host="db1",
        by=sql(f"ALTER USER '{ACCOUNT}'@'HUB' IDENTIFIED BY 'of somebody else'"),
        named=f"account {ACCOUNT}: has another password",
        mended=(
            '[ $(mysql -Ne "SELECT CONCAT(COUNT(*), COUNT(DISTINCT authentication_string)) FROM mysql.user '
            f"WHERE user = '{ACCOUNT}' AND host IN ('HUB', 'WEB')\") = 21 ]"
        ),
    ),
    Drift(
        id="privilege revoked",
        host="db1",
        by=sql(f"REVOKE DELETE ON {statements.pattern(DATABASE)}.* FROM '{ACCOUNT}'@'HUB'"),
        named=f"account {ACCOUNT}@HUB: lacks DELETE",
        mended=f"mysql -Ne \"SHOW GRANTS FOR '{ACCOUNT}'@'HUB'\" | grep -q DELETE",
    ),
    Drift(
        id="privilege added",
        host="db1",
        by=sql(f"GRANT SELECT ON mysql.* TO '{ACCOUNT}'@'HUB'"),
        named=f"account {ACCOUNT}@HUB: has rights on mysql",
        mended=f"! mysql -Ne \"SHOW GRANTS FOR '{ACCOUNT}'@'HUB'\" | grep -qF '`mysql`.*'",
    ),
    Drift(
        id="privilege on the database added",
        host="db1",
        by=sql(f"GRANT CREATE VIEW, TRIGGER ON {statements.pattern(DATABASE)}.* TO '{ACCOUNT}'@'HUB'"),
        named=f"account {ACCOUNT}@HUB: has CREATE VIEW, which is not declared",
        mended=f"! mysql -Ne \"SHOW GRANTS FOR '{ACCOUNT}'@'HUB'\" | grep -qE 'CREATE VIEW|TRIGGER'",
    ),
    Drift(
        id="privilege on a wildcard added",
        host="db1",
        by=sql(f"GRANT SELECT ON `{DATABASE}`.* TO '{ACCOUNT}'@'HUB'"),
        named=f"account {ACCOUNT}@HUB: has rights on `{DATABASE}`.*",
        mended=f"mysql -Ne \"SELECT COUNT(*) FROM mysql.db WHERE db = '{DATABASE}'\" | grep -qx 0",
    ),
    Drift(
        id="privilege on all databases added",
        host="db1",
        by=sql(f"GRANT FILE ON *.* TO '{ACCOUNT}'@'HUB'"),
        named=f"account {ACCOUNT}@HUB: has rights on *.*",
        mended=f"! mysql -Ne \"SHOW GRANTS FOR '{ACCOUNT}'@'HUB'\" | grep -q FILE",
    ),
    Drift(
        id="privilege on a table added",
        host="db1",
        by=sql(f"GRANT TRIGGER ON `{DATABASE}`.wp_users TO '{ACCOUNT}'@'HUB'"),
        named=f"account {ACCOUNT}@HUB: has rights on `{DATABASE}`.`wp_users`",
        mended=f"! mysql -Ne \"SHOW GRANTS FOR '{ACCOUNT}'@'HUB'\" | grep -q wp_users",
    ),
    Drift(
        id="role granted",
        host="db1",
        by=sql(f"CREATE ROLE IF NOT EXISTS drifter; GRANT drifter TO '{ACCOUNT}'@'HUB'"),
        named=f"account {ACCOUNT}@HUB: has the role `drifter`",
        mended=f"! mysql -Ne \"SHOW GRANTS FOR '{ACCOUNT}'@'HUB'\" | grep -q drifter",
    ),
    Drift(
        id="account for everybody added",
        host="db1",
        by=sql(f"CREATE USER '{ACCOUNT}'@'%'"),
        named=f"account {ACCOUNT}@%: not declared",
        mended=f"! mysql -Ne \"SELECT 1 FROM mysql.user WHERE user = '{ACCOUNT}' AND host = '%'\" | grep -q 1",
    ),
    Drift(
        id="publish path moved",
        by=f"mkdir -p /srv/elsewhere && ln -sfnT /srv/elsewhere {CODE}",
        named=f"link {CODE}: points to /srv/elsewhere",
        mended=f"readlink {CODE} | grep -q /.releases/code/",
    ),
    Drift(
        id="module that vhosts need removed",
        by="rm /etc/apache2/mods-enabled/headers.load",
        named="link /etc/apache2/mods-enabled/headers.load: missing",
        mended="test -e /etc/apache2/mods-enabled/headers.load",
    ),
)  # fmt: skip

NETWORK = (
    Drift(
        id="bind-address changed",
        host="db1",
        by="sed -i 's/bind-address = .*/bind-address = 127.0.0.1/' /etc/mysql/mariadb.conf.d/99-aegir.cnf;"
        " systemctl restart mariadb",
        named="file /etc/mysql/mariadb.conf.d/99-aegir.cnf: content differs",
        mended="mysql -Ne 'SELECT @@bind_address' | grep -qx 0.0.0.0",
    ),
)  # fmt: skip

ADMINISTRATOR = (
    Drift(
        id="rights of the hub's account cut",
        host="db1",
        by=sql("REVOKE ALL PRIVILEGES, GRANT OPTION FROM 'aegir_root'@'HUB'"),
        named="account aegir_root@HUB: lacks CREATE",
        mended="mysql -Ne \"SHOW GRANTS FOR 'aegir_root'@'HUB'\" | grep -q 'CREATE USER.*WITH GRANT OPTION'",
    ),
)  # fmt: skip

STOPPED = (
    Drift(
        id="database stopped and disabled",
        host="db1",
        by="systemctl disable --now mariadb",
        named="service mariadb: not running",
        mended="systemctl is-active mariadb && systemctl is-enabled mariadb",
    ),
)  # fmt: skip


class Estate:
    """A farm that works."""

    def __init__(self, lab: Lab, farm: Farm) -> None:
        self.lab, self.farm = lab, farm

    def text(self, text: str) -> str:
        return text.replace("WEB", self.lab.host("web1").address).replace("HUB", self.lab.hub_address)


class Round:
    """Changes made by hand, all at once, looked at by a preview and mended by an up."""

    def __init__(self, estate: Estate, drifts: Iterable[Drift]) -> None:
        self.estate = estate
        for drift in drifts:
            estate.lab.host(drift.host).run(estate.text(drift.by))
        self.preview: Done = estate.farm.drift()
        self.still = {
            drift.id
            for drift in drifts
            if estate.lab.host(drift.host).run(estate.text(drift.mended), check=False).returncode != 0
        }
        estate.farm.up("--refresh")

    def check(self, drift: Drift) -> None:
        assert drift.id in self.still, "a preview mends nothing"
        named = self.estate.text(drift.named)
        assert [line for line in self.preview.drift if named in line], "\n".join([named, *self.preview.drift])
        self.estate.lab.host(drift.host).run(self.estate.text(drift.mended))

    def check_quiet(self) -> None:
        self.estate.farm.unchanged("--refresh")
        assert 200 == fetch(self.estate.lab.host("web1"), SITE).status


@pytest.fixture(scope="module")
def estate(lab_factory: LabFactory, wordpress: Path, tmp_path_factory: pytest.TempPathFactory) -> Estate:
    lab = lab_factory("drift", [HostSpec("web1", image="web"), HostSpec("db1", image="db")])
    farm = Farm(tmp_path_factory.mktemp("drift"), web_and_database(lab, source=wordpress))
    farm.up()
    return Estate(lab, farm)


@pytest.fixture(scope="module")
def web_round(estate: Estate) -> Round:
    return Round(estate, WEB)


@pytest.fixture(scope="module")
def database_round(estate: Estate, web_round: Round) -> Round:
    return Round(estate, DATABASES)


@pytest.mark.parametrize("drift", WEB, ids=lambda drift: drift.id)
def test_on_the_web_server_is_named_and_mended(web_round: Round, drift: Drift) -> None:
    web_round.check(drift)


def test_after_mending_the_web_server_nothing_is_left_to_do(web_round: Round) -> None:
    web_round.check_quiet()


@pytest.mark.parametrize("drift", DATABASES, ids=lambda drift: drift.id)
def test_of_accounts_and_links_is_named_and_mended(database_round: Round, drift: Drift) -> None:
    database_round.check(drift)


def test_after_mending_the_database_nothing_is_left_to_do(database_round: Round) -> None:
    database_round.check_quiet()


@pytest.mark.parametrize("drift", [*NETWORK, *ADMINISTRATOR, *STOPPED], ids=lambda drift: drift.id)
def test_that_keeps_the_hub_out_of_the_database_is_named_and_mended(estate: Estate, drift: Drift) -> None:
    alone = Round(estate, [drift])

    alone.check(drift)
    alone.check_quiet()


def test_a_mended_release_is_made_anew_and_the_others_are_not(estate: Estate) -> None:
    web = estate.lab.host("web1")
    before = web.run(f"cd {CODE}/ && find . -type f -name 'wp-*' -printf '%p %i\\n' | sort").stdout
    web.run(f"echo '<?php // changed' >>{CODE}/index.php")

    estate.farm.up("--refresh")

    web.run(f"! grep -q changed {CODE}/index.php")
    after = web.run(f"cd {CODE}/ && find . -type f -name 'wp-*' -printf '%p %i\\n' | sort").stdout
    assert before == after, "files that nobody changed are the same ones, not copies"


def test_a_sites_further_rights_on_its_database_are_declared_used_and_taken_back(estate: Estate) -> None:
    farm, web, database = estate.farm, estate.lab.host("web1"), estate.lab.host("db1")
    rights = sorted(statements.FURTHER_PRIVILEGES)
    client = (
        f"eval $(sed -n \"s/^define('DB_\\(USER\\|PASSWORD\\)', '\\(.*\\)');/\\1='\\2'/p\" {SETTINGS});"
        f' login="-h {database.address} -u $USER -p$PASSWORD {DATABASE}";'
    )
    use = (
        "CREATE VIEW names AS SELECT user_login FROM wp_users; CREATE PROCEDURE p() SELECT 1; CALL p();"
        " CREATE TRIGGER t BEFORE INSERT ON wp_links FOR EACH ROW SET NEW.link_url = 'x'; LOCK TABLES wp_users READ"
    )
    before = web.run(f"{client} mysql $login -e '{use}'", check=False)
    assert "command denied" in before.stderr

    farm.settings["sites"][SITE]["database"] = {"server": database.spec.fqdn, "rights": rights}
    farm.up()
    web.run(f"{client} mysql $login -e '{use}'; mysqldump --no-tablespaces $login | grep -q names")
    farm.unchanged("--refresh")

    # With what the site has made by them its dump is proven all the same, and the hub's account can give no more than before.
    farm.settings["sites"]["other.example.com"] = {"platform": "code", "health": False}
    del farm.settings["sites"][SITE]
    farm.settings["confirm_removals"] = [SITE]
    farm.up()
    assert [path.name for path in (farm.hub / "backups").glob(f"{SITE}-*.sql.gz")]
    farm.unchanged("--refresh")
