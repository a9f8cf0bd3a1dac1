"""A site that leaves the stack: first its backup, proven, then all of it goes, and nothing else."""

from __future__ import annotations

import base64
import gzip
import tarfile
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from aegir_components import layout
from lab import Host, HostSpec, Lab
from tests.integration.farm import Farm, fetch, web_and_database
from tests.integration.processes import wait_for

pytestmark = [pytest.mark.lab, pytest.mark.slow, pytest.mark.timeout(600)]

LabFactory = Callable[[str, Iterable[HostSpec]], Lab]

STAYS = "stays.example.com"
GOES = "goes.example.com"
FAILS = "fails.example.com"
SECRET = "secret.example.com"
"""Removed when the stack declares backups."""
ROOT = layout.PLATFORMS_ROOT

FILES = r"""
find / -xdev \( -path /proc -o -path /sys -o -path /run -o -path /tmp -o -path /var/tmp -o -path /var/cache \
    -o -path /var/log/journal -o -path /var/lib/mysql -o -path /var/lib/systemd -o -path /var/lib/php \) -prune \
    -o -printf '%p\n' | sort
"""
"""All names of a host, but of what its own services write as they run."""


class Estate:
    """A farm with three sites, each with an upload, and what was on its hosts before it."""

    def __init__(self, lab: Lab, farm: Farm, before: dict[str, set[str]]) -> None:
        self.lab, self.farm, self.before = lab, farm, before
        self.web, self.database = lab.host("web1"), lab.host("db1")

    @property
    def backups(self) -> list[Path]:
        return sorted((self.farm.hub / "backups").glob("*"))

    def backups_of(self, site: str) -> list[Path]:
        return [path for path in self.backups if path.name.startswith(site)]


def names(host: Host) -> set[str]:
    return set(host.run(FILES).stdout.splitlines())


def sql(host: Host, statement: str) -> str:
    return host.run("mysql -N", input=statement).stdout.strip()


def of_site(site: str) -> list[str]:
    return [
        layout.vhost_path("apache", site),
        layout.pool_path(site),
        layout.site_directory(ROOT, site),
        f"{layout.platform_registry('code')}/{site}",
        f"{ROOT}/code/sites/{site}",
        layout.pool_socket(site),
    ]


def on_database(host: Host, site: str) -> str:
    name, account = layout.database_name(site), layout.account_name(site)
    return sql(
        host,
        f"SHOW DATABASES LIKE '{name}'; SELECT CONCAT(user, '@', host) FROM mysql.user WHERE user = '{account}'; "
        f"SELECT CONCAT('record of ', name) FROM aegir.ownership WHERE name = '{name}'; "
        f"SELECT CONCAT('grant to ', user) FROM mysql.db WHERE user = '{account}'",
    )


@pytest.fixture(scope="module")
def estate(lab_factory: LabFactory, wordpress: Path, tmp_path_factory: pytest.TempPathFactory) -> Estate:
    lab = lab_factory("removal", [HostSpec("web1", image="web"), HostSpec("db1", image="db")])
    before = {name: names(lab.host(name)) for name in ("web1", "db1")}
    settings = web_and_database(lab, source=wordpress, sites={STAYS: {}, GOES: {}, FAILS: {}})
    farm = Farm(tmp_path_factory.mktemp("removal"), settings)
    farm.up()
    for site in (STAYS, GOES, FAILS):
        upload = f"{layout.site_files(ROOT, site)}/upload.txt"
        lab.host("web1").run(f"echo 'of {site}' >{upload} && chmod 644 {upload}")
        # A program's socket is in no archive, and no reason not to remove a site.
        socket = f"{layout.site_private(ROOT, site)}/program.sock"
        lab.host("web1").run(f"php -r 'stream_socket_server(\"unix://{socket}\");' && test -S {socket}")
    # A row near to what the server takes: a dump of it has a statement of twice that.
    database = layout.database_name(GOES)
    big = "CREATE TABLE big (bytes LONGBLOB); INSERT INTO big VALUES (REPEAT(UNHEX('00FF'), 8000000))"
    lab.host("db1").run(f'mysql {database} -e "{big}"')
    return Estate(lab, farm, before)


def test_a_site_leaves_a_proven_backup_and_nothing_on_the_hosts(estate: Estate) -> None:
    web, database = estate.web, estate.database
    looks = f"find {' '.join(of_site(STAYS))} -printf '%p %y %m %u:%g %s %T@\\n' | sort"
    other = web.run(looks).stdout, on_database(database, STAYS)
    assert len(on_database(database, GOES).splitlines()) >= 4, "what is looked for further down is there now"
    assert "" == web.run(f"ls -d {' '.join(of_site(GOES))}").stderr
    del estate.farm.settings["sites"][GOES]

    estate.farm.up()

    files, dump = estate.backups_of(GOES)
    assert ["600", "600"] == [f"{path.stat().st_mode & 0o777:o}" for path in (files, dump)]
    assert "700" == f"{dump.parent.stat().st_mode & 0o777:o}"
    text = gzip.decompress(dump.read_bytes()).decode()
    assert "00FF" * 8_000_000 in text
    assert "16777216" == sql(database, "SELECT @@GLOBAL.max_allowed_packet"), "as it was"
    assert "Dump completed" in text[-200:]
    assert "CREATE TABLE `wp_options`" in text
    with tarfile.open(files, "r:gz") as archive:
        upload = archive.extractfile("./site/files/upload.txt")
        assert upload is not None
        assert b"of goes.example.com\n" == upload.read()
    for path in of_site(GOES):
        web.run(f"! test -e {path} && ! test -L {path}")
    user = layout.system_user(GOES)
    web.run(f"! getent passwd {user} && ! getent group {user}")
    assert "" == on_database(database, GOES)
    assert "aegir_proof" not in sql(database, "SHOW DATABASES")
    assert 404 == fetch(web, GOES).status
    assert (web.run(looks).stdout, on_database(database, STAYS)) == other
    assert 200 == fetch(web, STAYS).status
    assert b"of stays.example.com\n" == fetch(web, STAYS, f"/sites/{STAYS}/files/upload.txt").body.encode()
    estate.farm.unchanged("--refresh")


def test_a_backup_that_fails_keeps_the_database_until_it_can_be_made(estate: Estate) -> None:
    database = estate.database
    before = on_database(database, FAILS)
    rows = sql(database, f"SELECT COUNT(*) FROM {layout.database_name(FAILS)}.wp_posts")
    database.run(
        "mv /usr/bin/mysqldump /usr/bin/mysqldump.kept; printf '#!/bin/sh\\necho broken >&2\\nexit 1\\n' "
        ">/usr/bin/mysqldump; chmod 755 /usr/bin/mysqldump"
    )
    del estate.farm.settings["sites"][FAILS]

    done = estate.farm.up(ok=False)

    assert f"nothing was removed: mysqldump of {layout.database_name(FAILS)} exited 1: broken" in done.sentence
    assert 200 == fetch(estate.web, FAILS).status, "a removal that failed leaves the site as it was"
    assert [] == estate.backups_of(FAILS), "and no archive of an attempt"
    assert before == on_database(database, FAILS)
    assert rows == sql(database, f"SELECT COUNT(*) FROM {layout.database_name(FAILS)}.wp_posts")
    assert 200 == fetch(estate.web, STAYS).status
    database.run("mv /usr/bin/mysqldump.kept /usr/bin/mysqldump")
    estate.farm.up()
    assert "" == on_database(database, FAILS)
    dump = [path for path in estate.backups_of(FAILS) if path.name.endswith(".sql.gz")]
    assert 1 == len(dump)
    assert b"Dump completed" in gzip.decompress(dump[0].read_bytes())[-200:]
    assert [] == [path.name for path in estate.backups if path.name.endswith(".part")]


REMAINS: dict[str, list[str]] = {
    "web1": [
        "/var/aegir",
        "/var/aegir/.ssh",
        "/var/aegir/config",
        "/var/aegir/config/apache",
        "/var/aegir/config/apache/custom.d",
        "/var/aegir/config/apache/platform.d",
        "/var/aegir/config/apache/post.d",
        "/var/aegir/config/apache/pre.d",
        "/var/aegir/config/apache/vhost.d",
        "/var/aegir/config/php-fpm",
        "/var/aegir/config/php-fpm/pool.d",
        "/var/aegir/config/sites.d",
        "/var/aegir/platforms",
        "/var/aegir/platforms/.releases",
        "/var/aegir/platforms/.sites",
        "/var/lib/aegir",
        "/var/lib/aegir/acme",
        "/var/lib/aegir/pages",
        "/var/lib/aegir/pages/aegir-maintenance",
        "/var/lib/aegir/undo",
        "/var/log/aegir",
        "/var/log/aegir/fails.example.com.access.log",
        "/var/log/aegir/fails.example.com.error.log",
        "/var/log/aegir/fails.example.com.slow.log",
        "/var/log/aegir/goes.example.com.access.log",
        "/var/log/aegir/goes.example.com.error.log",
        "/var/log/aegir/goes.example.com.slow.log",
        "/var/log/aegir/stays.example.com.access.log",
        "/var/log/aegir/stays.example.com.error.log",
        "/var/log/aegir/stays.example.com.slow.log",
    ],
    "db1": ["/var/aegir", "/var/aegir/.ssh", "/var/aegir/config"],
}
"""Directories, logs, and records of ours; packages stay, and are not looked at."""


def test_destroy_leaves_nothing_of_ours_that_serves_anything(estate: Estate) -> None:
    # Cron that has failed is in systemd's memory also when its unit is gone.
    cron = f"aegir-cron@{layout.system_user(STAYS)}"
    estate.web.run("echo '<?php exit(3);' >/var/aegir/config/cron/wordpress.php")
    # The first start may join a run of the timer's that began before.
    estate.web.run(f"systemctl start {cron}.service; ! systemctl start {cron}.service")
    estate.farm.destroy()
    assert "" == estate.web.run(f"systemctl list-units --all --no-legend '{cron}*'").stdout

    remains = {
        host.name: sorted(
            name for name in names(host) - estate.before[host.name] if "aegir" in name or "example.com" in name
        )
        for host in (estate.web, estate.database)
    }
    for name, expected in REMAINS.items():
        assert [] == sorted(set(expected) ^ set(remains[name])), name
    assert [] == estate.farm.resources()
    assert 2 == len(estate.backups_of(STAYS))
    estate.web.run("apache2ctl -t && systemctl is-active apache2")
    assert "wp-" not in fetch(estate.web, STAYS).body
    assert "" == sql(estate.database, "SELECT user FROM mysql.user WHERE user LIKE '%aegir%' OR user LIKE '%example%'")
    assert "example" not in sql(estate.database, "SHOW DATABASES")


def test_a_stack_that_was_destroyed_comes_again(estate: Estate) -> None:
    estate.farm.up()
    assert 200 == fetch(estate.web, STAYS).status
    estate.web.run(f"systemctl -q is-active aegir-cron@{layout.system_user(STAYS)}.timer")
    estate.farm.unchanged("--refresh")


def kill_a_removal_and_take_it_back(estate: Estate, site: str, engine: str = "with its providers") -> None:
    farm, web, database = estate.farm, estate.web, estate.database
    upload, name = f"{layout.site_files(ROOT, site)}/kept.txt", layout.database_name(site)
    web.run(f"runuser -u {layout.system_user(site)} -- sh -c 'echo kept >{upload}'")
    # A table that somebody reads cannot be dropped: the run is killed when the files are gone and the database is there.
    database.run(f"(echo 'LOCK TABLES wp_options READ;'; sleep 400) | nohup mysql {name} >/dev/null 2>&1 &")
    used = f"SHOW OPEN TABLES FROM {name} WHERE In_use > 0"
    database.run(f'until mysql -Ne "{used}" | grep -q wp_options; do sleep 0.1; done')
    declared = farm.settings["sites"].pop(site)
    running = farm.start("up", "--yes", "--skip-preview")
    try:
        web.run(f"until [ ! -e {upload} ]; do sleep 0.1; done", timeout=240)
        if engine == "alone":
            running.kill_engine()
            web.run(f"while getent passwd {layout.system_user(site)}; do sleep 0.1; done", timeout=60)
            unfinished = farm.hub / "records" / "unfinished"
            wait_for(lambda: not any("site_config" in path.read_text() for path in unfinished.glob("*.json")), 30)
    finally:
        running.kill()
        # What the killed run has asked for, the server does all the same when nobody reads any more.
        ended = "SELECT CONCAT('KILL ', id, ';') FROM information_schema.processlist WHERE user = 'aegir_root'"
        database.run(
            f'until [ -z "$(mysql -Ne "{ended}" | tee /tmp/ended)" ]; do mysql -f </tmp/ended 2>/dev/null; sleep 0.1; done; '
            f'pkill -x -f "mysql {name}"'
        )
    farm.settings["sites"][site] = declared
    farm.cancel()

    farm.up()

    assert 200 == fetch(web, site).status
    assert "kept" == fetch(web, site, f"/sites/{site}/files/kept.txt").body.strip()
    farm.unchanged("--refresh")


@pytest.mark.parametrize("engine", ["with its providers", "alone"])
def test_a_removal_that_was_killed_is_taken_back_with_all_its_files(estate: Estate, engine: str) -> None:
    kill_a_removal_and_take_it_back(estate, STAYS, engine)


def test_a_removed_site_gets_its_backup_back_by_the_steps_of_the_page(estate: Estate) -> None:
    """`docs/howto/restore-a-backup-by-hand.md`, which the preview of a new site of a former name advises."""
    farm, web, database = estate.farm, estate.web, estate.database
    site, name = layout.site_directory(ROOT, STAYS), layout.database_name(STAYS)
    upload = f"{layout.site_files(ROOT, STAYS)}/page.txt"
    web.run(f"runuser -u {layout.system_user(STAYS)} -- sh -c 'echo of the page >{upload}'")
    sql(database, f"INSERT INTO {name}.wp_options (option_name, option_value) VALUES ('of_the_page', 'kept')")
    declared = farm.settings["sites"].pop(STAYS)
    farm.up()
    farm.settings["sites"][STAYS] = declared
    said = farm.up().sentence
    assert "docs/howto/restore-a-backup-by-hand.md shows how this one is loaded" in said
    dump, files = (
        next(path for path in reversed(estate.backups_of(STAYS)) if path.name.endswith(end))
        for end in (".sql.gz", "-files.tar.gz")
    )
    assert dump.name in said
    assert files.name in said

    for host, path, command in (
        (database, dump, f"gzip -dc | mysql {name}"),
        (web, files, f"tar -xzp --numeric-owner -C {site}"),
    ):
        host.run(f"base64 -d | {command}", input=base64.b64encode(path.read_bytes()).decode())
    farm.up("--refresh")

    assert "kept" == sql(database, f"SELECT option_value FROM {name}.wp_options WHERE option_name = 'of_the_page'")
    assert "of the page" == fetch(web, STAYS, f"/sites/{STAYS}/files/page.txt").body.strip()
    assert 200 == fetch(web, STAYS).status
    farm.unchanged("--refresh")


def test_a_site_moves_to_another_publish_root_by_the_steps_of_the_page(estate: Estate) -> None:
    """`docs/howto/move-a-site-to-another-publish-root.md`: by hand."""
    farm, web, database, new = estate.farm, estate.web, estate.database, "new.example.com"
    old_home, root = layout.site_directory(ROOT, STAYS), "/srv/www"
    web.run(f"runuser -u {layout.system_user(STAYS)} -- sh -c 'echo moves >{layout.site_files(ROOT, STAYS)}/moves.txt'")
    content = "INSERT INTO {}.wp_options (option_name, option_value) VALUES ('moves', 'too')"
    sql(database, content.format(layout.database_name(STAYS)))

    farm.settings["platforms"]["other"] = {**farm.settings["platforms"]["code"], "publish_path": f"{root}/other"}
    farm.settings["sites"][new] = {"platform": "other", "install": False}
    farm.up()
    farm.settings["sites"][STAYS]["state"] = "disabled"
    farm.up()
    dump = f"mysqldump --routines --triggers --events {layout.database_name(STAYS)}"
    database.run(f"{dump} | mysql {layout.database_name(new)}")
    new_home = layout.site_directory(root, new)
    for part in ("site/files", "private", "config"):
        web.run(f"cp -a {old_home}/{part}/. {new_home}/{part}/ && chown -R {layout.system_user(new)} {new_home}/{part}")
    farm.up("--refresh")
    assert "moves" == fetch(web, new, f"/sites/{new}/files/moves.txt").body.strip()

    del farm.settings["sites"][new]
    farm.settings["sites"][STAYS] = {"platform": "other", "formerly": new}
    farm.up()

    assert 200 == fetch(web, STAYS).status
    assert "moves" == fetch(web, STAYS, f"/sites/{new}/files/moves.txt").body.strip()
    database_name = layout.database_name(new)
    assert "too" == sql(database, f"SELECT option_value FROM {database_name}.wp_options WHERE option_name = 'moves'")
    farm.unchanged("--refresh")
    assert any("sql.gz" in path.name for path in estate.backups_of(STAYS))


def test_where_backups_are_declared_nothing_of_a_removal_is_on_the_hub_in_clear(estate: Estate) -> None:
    farm, web, database = estate.farm, estate.web, estate.database
    farm.settings["backups"] = {"to": ["hub"]}
    farm.settings["sites"][SECRET] = {"platform": "code"}
    farm.up()
    big = "CREATE TABLE big (bytes LONGBLOB); INSERT INTO big VALUES (REPEAT(UNHEX('00FF'), 8000000))"
    database.run(f'mysql {layout.database_name(SECRET)} -e "{big}"')
    kill_a_removal_and_take_it_back(estate, SECRET)
    kill_a_removal_and_take_it_back(estate, SECRET, "alone")
    assert {".gz.age"} == {"".join(path.suffixes[-2:]) for path in estate.backups_of(SECRET)}
    assert not keys_on(farm.hub), "the site is back, and its archive needs no key on the hub"
    del farm.settings["sites"][SECRET]

    farm.up()

    kept = estate.backups_of(SECRET)
    assert {".gz.age"} == {"".join(path.suffixes[-2:]) for path in kept}
    for path in kept:
        assert b"age-encryption.org" == path.read_bytes()[:18]
        assert 0o600 == path.stat().st_mode & 0o777
    assert not keys_on(farm.hub)
    assert "" == on_database(database, SECRET)
    assert "16777216" == sql(database, "SELECT @@GLOBAL.max_allowed_packet"), "as it was"
    web.run(f"! test -e {layout.site_directory(ROOT, SECRET)}")
    farm.unchanged("--refresh")


def keys_on(hub: Path) -> list[Path]:
    """Name the files of the hub with a private key of an archive."""
    return [path for path in hub.rglob("*") if path.is_file() and b"AGE-SECRET-KEY" in path.read_bytes()]
