"""What WordPress sites begin with in place of an installation: a backup, or a dump and files from elsewhere."""

from __future__ import annotations

import base64
import gzip
import io
import json
import tarfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

from aegir_components import layout
from lab import HostSpec, Lab
from tests.integration.backing import ROOT, STACK, Backed, made
from tests.integration.farm import fetch

pytestmark = [pytest.mark.long, pytest.mark.lab, pytest.mark.slow, pytest.mark.timeout(600)]

LabFactory = Callable[[str, Iterable[HostSpec]], Lab]
KILLED = "killed.example.com"
SITE, CLONE, BROUGHT, HOSTILE = "www.example.com", "copy.example.com", "brought.example.com", "hostile.example.com"
LENT = "lent.example.com"
SAID = "the words that came along"
PASSWORD = "a password of before"


@pytest.fixture(scope="module")
def farm(lab_factory: LabFactory, wordpress: Path, tmp_path_factory: pytest.TempPathFactory) -> Backed:
    lab = lab_factory("origin", [HostSpec("web1", image="web"), HostSpec("db1", image="db")])
    farm = made(lab, tmp_path_factory.mktemp("origin"), wordpress, {SITE: {}})
    farm.sql(
        SITE,
        f"CREATE TABLE extra (id int PRIMARY KEY, t text); INSERT INTO extra VALUES (1, '{SAID}');"
        "CREATE VIEW shown AS SELECT t FROM extra;"
        f"UPDATE wp_users SET user_pass = MD5('{PASSWORD}') WHERE ID = 1",
    )
    user, files, private = layout.system_user(SITE), farm.files(SITE), layout.site_private(ROOT, SITE)
    farm.web.run(
        f"mkdir -p {files}/2026 && echo '{SAID}' >{files}/2026/photo.txt && chown -R {user}: {files}/2026 && "
        f"echo private >{private}/own.txt && chown {user}: {private}/own.txt"
    )
    return farm


def unchanged(farm: Backed) -> None:
    farm.write()
    farm.work.pulumi("up", "--yes", "--skip-preview", "--refresh", "--expect-no-changes", "--stack", STACK)


def failed(farm: Backed) -> str:
    farm.write()
    return farm.work.up(STACK, ok=False).sentence


def declare(farm: Backed, name: str, origin: dict[str, Any] | None, **more: Any) -> None:
    farm.settings["sites"][name] = {"platform": "code", **more, **({"origin": origin} if origin else {})}


def sums(farm: Backed, name: str) -> list[str]:
    """Give the tables of a site with their checksums."""
    return [line.partition(".")[2] for line in farm.rows(name).splitlines()]


def without_addresses(lines: list[str]) -> list[str]:
    """Leave out the tables in which a clone has its own address."""
    return [line for line in lines if line.split()[0] not in {"wp_posts", "wp_users"}]


def administrator(farm: Backed, name: str) -> tuple[str, str]:
    """Give the administrator's name and password, as the stack's output has them."""
    said = farm.work.pulumi("stack", "output", "sites", "--json", "--show-secrets", "--stack", STACK).output
    site = json.loads(said)[name]
    return site["admin_name"], site["admin_password"]


def test_a_wrong_origin_is_named_before_anything_is_done(farm: Backed, tmp_path: Path) -> None:
    declare(farm, CLONE, {"backup": "latest"})
    declare(farm, BROUGHT, {"database": str(tmp_path / "none.sql")})
    farm.write()
    said = farm.work.pulumi("preview", "--stack", STACK, ok=False).sentence
    del farm.settings["sites"][CLONE], farm.settings["sites"][BROUGHT]
    farm.write()
    assert f"this stack has no proven backup of {CLONE}" in said
    assert f"{tmp_path}/none.sql is not on the hub" in said


def test_a_removed_site_comes_back_with_one_up(farm: Backed) -> None:
    farm.aegir("backup", SITE)
    tree, rows = farm.tree(SITE), farm.rows(SITE)
    before = dict(farm.settings["sites"][SITE])
    del farm.settings["sites"][SITE]
    farm.up()
    assert 200 != farm.status(SITE)
    declare(farm, SITE, {"backup": "latest"})
    farm.write()
    assert f"the site {SITE} begins with backup" in farm.work.pulumi("preview", "--stack", STACK).sentence

    farm.up()

    assert tree == farm.tree(SITE)
    assert rows == farm.rows(SITE)
    assert 200 == farm.status(SITE)
    assert SAID == farm.sql(SITE, "SELECT t FROM shown")
    assert administrator(farm, SITE) == ("", ""), "the accounts have the names and passwords that they had"
    # At a site that is there, an origin is without effect, whatever it says; so is taking it away.
    farm.sql(SITE, "INSERT INTO extra VALUES (2, 'written since')")
    rows = farm.rows(SITE)
    declare(farm, SITE, {"backup": farm.backups(SITE)[0]["id"]})
    unchanged(farm)
    farm.settings["sites"][SITE] = before
    unchanged(farm)
    assert rows == farm.rows(SITE)


def test_a_load_that_fails_leaves_an_empty_database_and_a_closed_site_and_the_next_up_begins_again(
    farm: Backed,
) -> None:
    farm.aegir("backup", SITE)
    declare(farm, CLONE, {"backup": "latest", "site": SITE})
    name = layout.database_name(CLONE)
    farm.database.run(
        'mv /usr/bin/mysql /usr/bin/mysql.kept; printf \'#!/bin/sh\\ncase "$*" in *" '
        f'{name}") head -c 20000 | /usr/bin/mysql.kept "$@"; echo broken >&2; exit 1;; esac\\n'
        'exec /usr/bin/mysql.kept "$@"\\n\' >/usr/bin/mysql; chmod 755 /usr/bin/mysql'
    )
    try:
        said = failed(farm)
    finally:
        farm.database.run("mv /usr/bin/mysql.kept /usr/bin/mysql")

    assert f"the content of {CLONE} could not be loaded" in said
    assert "Its database is empty again, and the site answers 503" in said
    assert farm.sql(CLONE, "SHOW TABLES") == ""
    home = layout.site_directory(ROOT, CLONE)
    assert farm.web.run(f"find {farm.files(CLONE)} -type f; ls -A {home} | grep '^.aegir' || :").stdout == ""
    assert 503 == farm.status(CLONE)

    farm.up()

    assert 200 == farm.status(CLONE)
    assert without_addresses(sums(farm, SITE)) == without_addresses(sums(farm, CLONE))
    photo = f"{farm.files(CLONE)}/2026/photo.txt"
    assert SAID == farm.web.run(f"cat {photo}").stdout.strip()
    assert layout.system_user(CLONE) == farm.web.run(f"stat -c %U {photo}").stdout.strip()
    unchanged(farm)


def test_a_run_that_is_killed_while_it_loads_begins_again(farm: Backed) -> None:
    name = layout.database_name(KILLED)
    declare(farm, KILLED, {"backup": "latest", "site": SITE})
    farm.write()
    farm.database.run(
        'mv /usr/bin/mysql /usr/bin/mysql.kept; printf \'#!/bin/sh\\ncase "$*" in *" '
        f'{name}") head -c 20000 | /usr/bin/mysql.kept "$@"; touch /tmp/half; exec sleep 300;; esac\\n'
        'exec /usr/bin/mysql.kept "$@"\\n\' >/usr/bin/mysql; chmod 755 /usr/bin/mysql'
    )
    running = farm.work.start("up", "--yes", "--skip-preview", "--stack", STACK)
    try:
        farm.database.run("until [ -e /tmp/half ]; do sleep 0.1; done", timeout=200)
    finally:
        running.kill()
        farm.database.run("mv /usr/bin/mysql.kept /usr/bin/mysql")
    assert farm.sql(KILLED, "SHOW TABLES") != "", "half of it is there"
    assert 503 == farm.status(KILLED)
    farm.work.pulumi("cancel", "--yes", "--stack", STACK)

    said = farm.work.up(STACK).sentence

    assert "a load of its content had not come to its end; what there is of it is removed" in said
    assert without_addresses(sums(farm, SITE)) == without_addresses(sums(farm, KILLED))
    assert 200 == farm.status(KILLED)
    del farm.settings["sites"][KILLED]
    farm.up()


def test_nothing_leaves_a_clone_unless_that_is_declared(farm: Backed) -> None:
    program = "/usr/sbin/sendmail"
    farm.web.run(
        f"printf '#!/bin/sh\\ncat >>/tmp/mail\\n' >{program}; chmod 755 {program}; : >/tmp/mail; chmod 666 /tmp/mail"
    )
    timers = farm.web.run("systemctl list-timers --all --no-legend 'aegir-cron@*'").stdout
    assert layout.system_user(CLONE) not in timers
    assert "noindex, nofollow" == fetch(farm.web, CLONE).headers["x-robots-tag"]
    assert "x-robots-tag" not in fetch(farm.web, SITE).headers
    sent(farm, CLONE)
    assert "" == farm.web.run("cat /tmp/mail").stdout

    declare(farm, CLONE, None, mail={"redirect": "team@example.com"})
    rights = {"server": "db1.lab.test", "rights": ["CREATE VIEW"]}
    declare(farm, LENT, {"site": SITE, "sanitise": "none", "files": "proxy"}, database=rights)
    farm.up()
    assert "" == farm.web.run(f"find {farm.files(LENT)} -type f").stdout
    photo = fetch(farm.web, LENT, f"/sites/{LENT}/files/2026/photo.txt")
    assert (302, f"http://{SITE}/sites/{SITE}/files/2026/photo.txt") == (photo.status, photo.headers.get("location"))
    assert 200 == fetch(farm.web, SITE, f"/sites/{SITE}/files/2026/photo.txt").status
    for path in ("css/none.css", "x.php", ".htaccess"):
        assert 302 != fetch(farm.web, LENT, f"/sites/{LENT}/files/{path}").status, path
    sent(farm, CLONE)
    # Commands and cron run outside of the pool.
    said = "mail('a@example.com', 'by a command', 'x', ['Cc' => 'b@example.com']);"
    farm.aegir("run", CLONE, "--", "php", "-r", said)
    mails = farm.web.run("cat /tmp/mail").stdout
    assert 2 == mails.count("Subject: a mail of the tests")
    assert 1 == mails.count("Subject: by a command")
    assert 3 == mails.count("\nTo: team@example.com\n")
    assert "X-Original-To: a@example.com, b@example.com" in mails
    assert "\nTo: a@example.com" not in mails

    declare(farm, CLONE, None, mail="off")
    declare(farm, LENT, None, database=rights)
    farm.up()
    assert 404 == fetch(farm.web, LENT, f"/sites/{LENT}/files/2026/photo.txt").status
    farm.web.run(": >/tmp/mail")
    farm.aegir("run", CLONE, "--", "php", "-r", said)
    assert "" == farm.web.run("cat /tmp/mail").stdout

    declare(farm, CLONE, None, cron="hourly", mail="on", robots="on")
    farm.up()

    sent(farm, CLONE)
    assert "a mail of the tests" in farm.web.run("cat /tmp/mail").stdout
    assert "x-robots-tag" not in fetch(farm.web, CLONE).headers
    timers = farm.web.run("systemctl list-timers --all --no-legend 'aegir-cron@*'").stdout
    assert layout.system_user(CLONE) in timers
    left = f"/var/lib/aegir/redirect-mail {layout.site_php_ini(CLONE)}"
    assert "" == farm.web.run(f"ls {left} 2>/dev/null", check=False).stdout


def sent(farm: Backed, name: str) -> None:
    """Let a page of the site send a mail by WordPress's own function, and by PHP's."""
    docroot = farm.web.run("readlink /var/aegir/platforms/code").stdout.strip()
    program = (
        "<?php require __DIR__ . '/wp-load.php'; wp_mail('a@example.com', 'a mail of the tests', 'x');"
        "mail('a@example.com', 'a mail of the tests', 'x');"
    )
    farm.web.run(f"cp -p {docroot}/wp-mail.php /root/kept.php; cat >{docroot}/wp-mail.php", input=program)
    status = fetch(farm.web, name, "/wp-mail.php").status
    farm.web.run(f"cp -p /root/kept.php {docroot}/wp-mail.php")
    assert 200 == status


def test_a_site_from_elsewhere_is_brought_in_and_what_is_hostile_stays_out(farm: Backed, tmp_path: Path) -> None:
    dump, uploads = foreign_dump(farm, tmp_path), foreign_uploads(tmp_path)
    rights = {"server": "db1.lab.test", "rights": ["CREATE VIEW"]}
    declare(farm, BROUGHT, {"database": str(dump), "files": str(uploads)}, database=rights)

    farm.write()
    said = farm.work.up(STACK).sentence

    assert 200 == farm.status(BROUGHT)
    assert SAID == farm.sql(BROUGHT, "SELECT t FROM wp_extra WHERE id = 1")
    assert "4DC3BC6C6C6572" == farm.sql(BROUGHT, "SELECT HEX(CONVERT(t USING utf8mb4)) FROM wp_old")
    listed = f"FROM information_schema.tables WHERE table_schema = '{layout.database_name(BROUGHT)}'"
    assert {"InnoDB"} == set(farm.sql(BROUGHT, f"SELECT DISTINCT engine {listed}").split())
    assert "wp_capabilities" in farm.sql(BROUGHT, "SELECT meta_key FROM wp_usermeta")
    assert "wp_user_roles" in farm.sql(BROUGHT, "SELECT option_name FROM wp_options")
    assert "stranger" not in farm.sql(BROUGHT, "SHOW TABLES")
    files = farm.files(BROUGHT)
    assert SAID == farm.web.run(f"cat {files}/2026/photo.txt").stdout.strip()
    assert 200 == fetch(farm.web, BROUGHT, "/wp-content/uploads/2026/photo.txt").status
    left = farm.web.run(f"cd {files} && find . -mindepth 1 | sort").stdout.split()
    assert ["./2026", "./2026/down", "./2026/photo.txt", "./shell.php"] == left
    assert "660" == farm.web.run(f"stat -c %a {files}/shell.php").stdout.strip()
    assert 200 != fetch(farm.web, BROUGHT, "/wp-content/uploads/shell.php").status
    for word in (
        "tables of somebody else's, by their names: stranger", "tables that began with x7_ begin with wp_", "shell.php",
        "not in utf8mb4", "view x7_seen", "a link that leads elsewhere", "became InnoDB",
    ):  # fmt: skip
        assert word in said, word
    hashed = "SELECT user_pass FROM wp_users WHERE ID = 1"
    assert farm.sql(SITE, hashed) == farm.sql(BROUGHT, hashed), "accounts keep their passwords"
    assert administrator(farm, BROUGHT) == ("", "")
    accounts = farm.database.run("mysql -N -e 'SELECT user FROM mysql.user'").stdout.split()
    assert layout.update_account(BROUGHT) not in accounts
    unchanged(farm)


@pytest.mark.parametrize(
    ("statement", "why"),
    [
        ("GRANT ALL ON *.* TO x@'%';", "is GRANT ALL"),
        (
            "/*!50003 CREATE */ /*!50020 DEFINER=root@localhost */ /*!50003 VIEW wp_v AS SELECT user FROM mysql.user */;",
            "which the site's account may not make",
        ),
    ],
)
def test_a_hostile_dump_reaches_nothing(farm: Backed, tmp_path: Path, statement: str, why: str) -> None:
    name, dump = HOSTILE, tmp_path / "hostile.sql"
    with gzip.open(foreign_dump(farm, tmp_path, view=False)) as packed:
        text = packed.read().decode().replace("x7_", "wp_")
    dump.write_text(text.replace("-- Dump completed", f"{statement}\n-- Dump completed"))
    declare(farm, name, {"database": str(dump)})

    said = failed(farm)

    assert why in said, said
    assert f"the content of {name} could not be loaded" in said
    assert farm.sql(name, "SHOW TABLES") == ""
    assert 503 == farm.status(name)


def test_without_its_origin_a_site_whose_load_failed_is_installed_and_opens(farm: Backed) -> None:
    declare(farm, HOSTILE, None)
    farm.up()
    assert 200 == farm.status(HOSTILE)
    assert all(administrator(farm, HOSTILE))


def foreign_dump(farm: Backed, place: Path, *, view: bool = True) -> Path:
    """Make a dump as another host's panel does: of a database with two applications, another prefix, and old tables."""
    own = layout.database_name(SITE)
    farm.database.run(
        "mysql -e 'DROP DATABASE IF EXISTS panel; CREATE DATABASE panel'; "
        f"mysqldump --ignore-table={own}.shown {own} | sed -e 's/`wp_/`x7_/g' -e 's/`extra`/`x7_extra`/g' | mysql panel"
    )
    farm.database.run(
        "mysql panel",
        input="UPDATE x7_usermeta SET meta_key = CONCAT('x7_', SUBSTRING(meta_key, 4)) WHERE meta_key LIKE 'wp\\_%';"
        "UPDATE x7_options SET option_name = 'x7_user_roles' WHERE option_name = 'wp_user_roles';"
        "CREATE TABLE x7_old (t varchar(20)) ENGINE=MyISAM CHARACTER SET latin1;"
        "INSERT INTO x7_old VALUES (CONVERT(x'4dc3bc6c6c6572' USING utf8mb4));"
        "CREATE TABLE stranger (id int); INSERT INTO stranger VALUES (1); ALTER TABLE x7_extra ENGINE=MyISAM;"
        + ("CREATE VIEW x7_seen AS SELECT t FROM x7_extra;" if view else ""),
    )
    farm.database.run(
        "mysqldump --databases panel --routines --events | gzip >/root/panel.sql.gz; mysql -e 'DROP DATABASE panel'"
    )
    target = place / "panel.sql.gz"
    target.write_bytes(base64.b64decode(farm.database.run("base64 /root/panel.sql.gz").stdout))
    return target


def foreign_uploads(place: Path) -> Path:
    """Make an archive as another host's panel does, with what an attacker would add."""
    target, base = place / "uploads.tar.gz", "htdocs/wp-content/uploads"

    def member(name: str, kind: bytes, *, link: str = "") -> tarfile.TarInfo:
        made = tarfile.TarInfo(f"{base}/{name}")
        made.type, made.linkname, made.mode, made.uid, made.gid = kind, link, 0o6755, 33, 33
        return made

    with tarfile.open(target, "w:gz") as packed:
        packed.addfile(member("2026", tarfile.DIRTYPE))
        content = {
            "2026/photo.txt": f"{SAID}\n",
            "shell.php": "<?php system($_GET[0]);",
            "../../../evil": "x",
            "a\nb": "x",
        }
        for name, text in content.items():
            one = member(name, tarfile.REGTYPE)
            one.size = len(text)
            packed.addfile(one, io.BytesIO(text.encode()))
        packed.addfile(member("out", tarfile.SYMTYPE, link="/etc"))
        packed.addfile(member("2026/up", tarfile.SYMTYPE, link="../.."))
        packed.addfile(member("2026/down", tarfile.SYMTYPE, link="photo.txt"))
        packed.addfile(member("dev", tarfile.CHRTYPE))
    return target
