"""Sites that move with their content: to other web servers, to another database server, and back."""

from __future__ import annotations

import json
import re
import shutil
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from aegir_components import layout
from aegir_components.health import probe
from lab import Host, HostSpec, Lab
from tests import codebases
from tests.integration import switching
from tests.integration.farm import Farm, fetch, web_and_database

pytestmark = [pytest.mark.lab, pytest.mark.slow, pytest.mark.timeout(900)]

LabFactory = Callable[[str, Iterable[HostSpec]], Lab]
PRESS, TEN = "press.example.com", "ten.example.com"
NOTES = """<?php
// Writes down what a visitor brings: a row and a file, confirmed when both are there.
add_action('init', function () {
  if (!isset($_GET['note'])) { return; }
  global $wpdb;
  $note = preg_replace('/[^0-9]/', '', $_GET['note']);
  file_put_contents(wp_upload_dir()['basedir'] . "/note-$note.txt", $note);
  if ($wpdb->query("INSERT INTO notes (note) VALUES ($note)") !== 1) { status_header(500); exit('not noted'); }
  header('Cache-Control: no-store');
  exit("noted $note");
});
"""
BROKEN = "<?php throw new Exception('this code is broken');\n"


@dataclass
class Writer:
    """Somebody who writes all the time, to whichever web server takes it."""

    hosts: list[Host]
    confirmed: list[int] = field(default_factory=list)
    tried: int = 0
    _over: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def __enter__(self) -> Writer:
        self._thread = threading.Thread(target=self._write)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        assert self._thread is not None
        self._thread.join(60)

    def _write(self) -> None:
        while not self._over.wait(0.02):
            self.tried += 1
            for host in self.hosts:
                try:
                    answer = fetch(host, PRESS, f"/?note={self.tried}")
                except probe.NoAnswer:
                    continue
                if answer.status == 200 and answer.body == f"noted {self.tried}":
                    self.confirmed.append(self.tried)
                    break


@dataclass
class Estate:
    farm: Farm
    lab: Lab
    press: Path

    def host(self, name: str) -> Host:
        return self.lab.host(name)

    def place(self, site: str, web: str, database: str) -> None:
        """Declare where a site is to be."""
        self.farm.settings["sites"][site]["platform"] = f"{site.partition('.')[0]}-{web}"
        self.farm.settings["sites"][site]["database"]["server"] = self.host(database).spec.fqdn

    def sql(self, site: str, database: str, statement: str) -> str:
        return self.host(database).run(f"mariadb -N {layout.database_name(site)}", input=statement).stdout.strip()

    def databases(self, name: str) -> str:
        return self.host(name).run("mariadb -N", input="SHOW DATABASES").stdout

    def has_site(self, site: str, web: str) -> bool:
        """Return whether anything of a site is on a web server."""
        home = layout.site_directory(layout.PLATFORMS_ROOT, site)
        look = f"ls -d {home} 2>/dev/null; getent passwd {layout.system_user(site)}; ls /var/aegir/config/*/vhost.d | grep {site}"
        return bool(self.host(web).run(f"{look} || :").stdout.strip())

    def put(self, site: str, web: str) -> None:
        """Give a site an upload and a private file, as its editors do."""
        home = layout.site_directory(layout.PLATFORMS_ROOT, site)
        user = layout.system_user(site)
        text = (
            "mkdir -p site/files/deep && echo dear >site/files/deep/one.txt && echo secret >private/two.txt && "
            "ln -s one.txt site/files/deep/link.txt && printf x >\"site/files/with space and 'quote'.txt\""
        )
        self.host(web).run(f"cd {home} && runuser -u {user} -- sh -c {_quoted(text)}")

    def has(self, site: str, web: str) -> str:
        home = layout.site_directory(layout.PLATFORMS_ROOT, site)
        text = (
            f"cd {home} && cat site/files/deep/link.txt private/two.txt && stat -c '%U:%G:%a' site/files private && "
            "cat \"site/files/with space and 'quote'.txt\""
        )
        return self.host(web).run(text).stdout.replace(layout.system_user(site), "site")

    def page(self, site: str, web: str) -> int:
        return fetch(self.host(web), site, f"/?{time.monotonic_ns()}").status

    def secure(self, site: str, web: str) -> int:
        return probe.get(self.host(web).address, 80, site, f"/?{time.monotonic_ns()}", tls=True).status

    def triggers(self, database: str) -> str:
        """Give with whose rights the trigger and the view of the site run."""
        name = layout.database_name(PRESS)
        asked = (
            f"SELECT definer FROM information_schema.triggers WHERE trigger_schema = '{name}' UNION "
            f"SELECT definer FROM information_schema.views WHERE table_schema = '{name}'"
        )
        return self.host(database).run("mariadb -N", input=asked).stdout.strip()


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"


HAS = "dear\nsecret\nsite:www-data:2770\nsite:site:2770\nx"


@pytest.fixture(scope="module")
def estate(lab_factory: LabFactory, wordpress: Path, tmp_path_factory: pytest.TempPathFactory) -> Estate:
    names = [HostSpec(f"web{number}", image="web") for number in (1, 2)]
    lab = lab_factory("moving", [*names, *(HostSpec(f"db{number}", image="db") for number in (1, 2))])
    work = tmp_path_factory.mktemp("moving")
    press = work / "press"
    shutil.copytree(wordpress, press, symlinks=True)
    (press / "wp-content/mu-plugins").mkdir(parents=True, exist_ok=True)
    (press / "wp-content/mu-plugins/notes.php").write_text(NOTES)
    ten = codebases.locate("drupal10")
    farm = Farm(work / "farm", web_and_database(lab, source=press, sites={}))
    two, db2 = lab.host("web2"), lab.host("db2")
    farm.settings["servers"][two.spec.fqdn] = {"address": two.address, "services": {"web": "nginx_ssl"}}
    farm.settings["servers"][lab.host("web1").spec.fqdn]["services"] = {"web": "apache_ssl"}
    farm.settings["servers"][db2.spec.fqdn] = {"address": db2.address, "services": {"database": "mysql"}}
    sources = {"press": press, **({"ten": ten} if ten else {})}
    farm.settings["platforms"] = {
        f"{name}-{web}": {"server": lab.host(web).spec.fqdn, "source": str(source)}
        for name, source in sources.items()
        for web in ("web1", "web2")
    }
    first = {"server": lab.host("db1").spec.fqdn, "rights": ["EVENT", "TRIGGER", "CREATE VIEW", "SHOW VIEW"]}
    farm.settings["sites"] = {PRESS: {"platform": "press-web1", "database": dict(first)}}
    farm.settings["backups"] = {"to": ["hub"], "prove": "off"}
    if ten:
        farm.settings["sites"][TEN] = {
            "platform": "ten-web1",
            "profile": "minimal",
            "database": dict(first),
            "https": "required",
        }
    farm.up(timeout=400)
    found = Estate(farm, lab, press)
    for site in farm.settings["sites"]:
        found.put(site, "web1")
    for name in ("db1", "db2"):
        lab.host(name).run("mariadb", input="SET GLOBAL event_scheduler = ON")
    account = layout.account_name(PRESS)
    hub = lab.hub_address
    found.sql(PRESS, "db1", (
        "CREATE TABLE notes (id INT AUTO_INCREMENT PRIMARY KEY, note INT NOT NULL, copied INT) ENGINE=InnoDB; "
        f"CREATE DEFINER=`{account}`@`{min(hub, lab.host('web1').address)}` TRIGGER copies BEFORE INSERT ON notes "
        "FOR EACH ROW SET NEW.copied = NEW.note; "
        f"CREATE DEFINER=`{account}`@`{min(hub, lab.host('web1').address)}` VIEW noted AS SELECT note FROM notes; "
        "CREATE TABLE ticks (id INT AUTO_INCREMENT PRIMARY KEY) ENGINE=InnoDB; "
        f"CREATE DEFINER=`{account}`@`{min(hub, lab.host('web1').address)}` EVENT ticking ON SCHEDULE EVERY 1 SECOND "
        "DO INSERT INTO ticks VALUES ();"
    ))  # fmt: skip
    return found


def test_a_site_that_is_written_to_moves_with_every_row_and_file(estate: Estate) -> None:
    with Writer([estate.host("web1"), estate.host("web2")]) as writer:
        _wait(lambda: len(writer.confirmed) > 5)
        estate.place(PRESS, "web2", "db2")
        preview = estate.farm.preview()
        done = estate.farm.up()
        after = len(writer.confirmed)
        _wait(lambda: len(writer.confirmed) > after + 5)

    web1, web2 = (estate.host(name).spec.fqdn for name in ("web1", "web2"))
    assert f"the site {PRESS} moves from {web1} to {web2} and from the database server" in preview.sentence
    assert re.search(rf"{PRESS} has moved from .*It was closed for \d+\.\d s", done.sentence)
    saved = re.search(rf"{PRESS}: it is backed up as (\w+), in hub; it is not proven", done.sentence)
    assert saved, done.sentence
    kept = [one for record in (estate.farm.hub / "records/backups").glob("*.json") for one in _backups(record)]
    assert [(saved[1], "before a move", True)] == [
        (one["id"], one["why"], one["release"].startswith("press-web1 ")) for one in kept
    ]
    rows = estate.sql(PRESS, "db2", "SELECT note FROM notes ORDER BY note").split()
    assert sorted({*writer.confirmed} - {int(row) for row in rows}) == []
    assert len(rows) == len(set(rows))
    files = estate.host("web2").run(f"ls {layout.site_files(layout.PLATFORMS_ROOT, PRESS)}").stdout
    assert [note for note in writer.confirmed if f"note-{note}.txt\n" not in files] == []
    assert estate.sql(PRESS, "db2", "SELECT COUNT(*) FROM noted WHERE note IN (SELECT copied FROM notes)") == str(
        len(rows)
    )
    assert layout.account_name(PRESS) in estate.triggers("db2")
    ticks = int(estate.sql(PRESS, "db2", "SELECT COUNT(*) FROM ticks"))
    _wait(lambda: int(estate.sql(PRESS, "db2", "SELECT COUNT(*) FROM ticks")) > ticks)
    assert estate.has(PRESS, "web2") == HAS
    assert (estate.page(PRESS, "web2"), estate.has_site(PRESS, "web1")) == (200, False)
    assert layout.database_name(PRESS) not in estate.databases("db1")
    estate.farm.unchanged("--refresh")
    # Who still comes to the former web server is served from there, until the time is over.
    assert fetch(estate.host("web1"), PRESS, f"/sites/{PRESS}/files/deep/one.txt").body == "dear\n"
    estate.farm.settings["sites"][PRESS]["forward"] = "off"
    estate.farm.up()
    assert estate.page(PRESS, "web1") == 404
    del estate.farm.settings["sites"][PRESS]["forward"]
    estate.farm.up()
    assert estate.page(PRESS, "web1") == 200


def test_it_moves_back_one_server_at_a_time(estate: Estate) -> None:
    before = estate.sql(PRESS, "db2", "SELECT COUNT(*) FROM notes")
    estate.place(PRESS, "web1", "db2")
    estate.farm.up()
    assert estate.has(PRESS, "web1") == HAS
    assert (estate.page(PRESS, "web1"), estate.has_site(PRESS, "web2")) == (200, False)

    estate.place(PRESS, "web1", "db1")
    estate.farm.up()
    assert estate.page(PRESS, "web1") == 200
    assert estate.sql(PRESS, "db1", "SELECT COUNT(*) FROM notes") == before
    assert layout.database_name(PRESS) not in estate.databases("db2")
    estate.farm.unchanged("--refresh")


def test_a_server_with_too_little_room_gets_nothing_and_the_site_stays(estate: Estate) -> None:
    """It is known before the site is closed, and the machine is named; with room, the same edit moves it."""
    sites = f"{layout.PLATFORMS_ROOT}/{layout.SITES}"
    files = layout.site_files(layout.PLATFORMS_ROOT, PRESS)
    estate.host("web1").run(f"head -c 20000000 /dev/zero >{files}/film.mp4; chown --reference={files} {files}/film.mp4")
    estate.place(PRESS, "web2", "db1")
    # Its deployment account lists what is there, so it is nobody else's.
    estate.host("web2").run(f"mkdir -p {sites}")
    with switching.small_disk(estate.host("web2"), sites, "8m,mode=755"):
        refused = estate.farm.up(ok=False)
        assert estate.host("web2").spec.fqdn in refused.sentence
        assert "Nothing was changed. Make room there, and run pulumi up again" in refused.sentence
        assert estate.page(PRESS, "web1") == 200
        assert estate.has(PRESS, "web1") == HAS
        assert estate.host("web2").run(f"ls -A {sites}").stdout == ""
    estate.farm.up()
    assert (estate.page(PRESS, "web2"), estate.has_site(PRESS, "web1")) == (200, False)
    assert estate.has(PRESS, "web2") == HAS
    estate.host("web2").run(f"rm {files}/film.mp4")
    estate.place(PRESS, "web1", "db1")
    estate.farm.up()
    assert (estate.page(PRESS, "web1"), estate.has_site(PRESS, "web2")) == (200, False)
    estate.farm.unchanged("--refresh")


def test_drupal_moves_with_all_its_tables(estate: Estate) -> None:
    if TEN not in estate.farm.settings["sites"]:
        codebases.ask("drupal10")
    users = "SELECT uid, name, pass FROM users_field_data"
    tables, known = estate.sql(TEN, "db1", "SHOW TABLES").split(), estate.sql(TEN, "db1", users)
    estate.place(TEN, "web2", "db2")
    estate.farm.up()
    # The first page makes tables of caches that were not there.
    assert set(tables) <= set(estate.sql(TEN, "db2", "SHOW TABLES").split())
    assert estate.sql(TEN, "db2", users) == known
    assert estate.has(TEN, "web2") == HAS
    assert (estate.secure(TEN, "web2"), estate.has_site(TEN, "web1")) == (200, False)
    # From Apache, and afterwards from nginx: the former web server shows the site's certificate, and asks the new one.
    assert estate.secure(TEN, "web1") == 200
    estate.farm.unchanged("--refresh")
    estate.place(TEN, "web1", "db2")
    estate.farm.up()
    assert (estate.secure(TEN, "web1"), estate.secure(TEN, "web2")) == (200, 200)
    assert estate.has(TEN, "web1") == HAS
    estate.farm.unchanged("--refresh")


def test_a_site_whose_code_is_broken_there_stays_where_it_is(estate: Estate) -> None:
    plugin = estate.press / "wp-content/mu-plugins/broken.php"
    estate.farm.settings["platforms"]["press-web2"]["source"] = str(_broken(estate))
    estate.place(PRESS, "web2", "db2")
    refused = estate.farm.up(ok=False)
    assert f"moving {PRESS} from" in refused.sentence
    assert "asking it in its new place" in refused.sentence
    assert "as before, and nothing of it is left in its new place" in refused.sentence
    assert (estate.page(PRESS, "web1"), estate.has_site(PRESS, "web2")) == (200, False)
    assert estate.has(PRESS, "web1") == HAS
    assert estate.sql(PRESS, "db2", "SHOW TABLES") == ""

    estate.farm.settings["platforms"]["press-web2"]["source"] = str(estate.press)
    estate.place(PRESS, "web1", "db1")
    estate.farm.up()
    assert estate.page(PRESS, "web1") == 200
    assert layout.database_name(PRESS) not in estate.databases("db2")
    assert not plugin.exists()
    estate.farm.unchanged("--refresh")


def test_a_killed_move_is_taken_back_or_goes_on(estate: Estate) -> None:
    notes = "SELECT COUNT(*) FROM notes"
    before = estate.sql(PRESS, "db1", notes)
    estate.place(PRESS, "web2", "db2")
    vhost = f"test -e {layout.site_directory(layout.PLATFORMS_ROOT, PRESS)}/.aegir-restore"
    # Looked for on the machine, where a look takes a few milliseconds.
    _killed(estate, lambda: switching.wait_for(estate.host("web2"), vhost))
    assert estate.page(PRESS, "web1") == 200
    estate.place(PRESS, "web1", "db1")
    estate.farm.up()
    assert (estate.page(PRESS, "web1"), estate.has_site(PRESS, "web2")) == (200, False)
    assert layout.database_name(PRESS) not in estate.databases("db2")

    estate.place(PRESS, "web2", "db2")
    _killed(estate, lambda: estate.page(PRESS, "web1") == 503)
    estate.farm.up()
    assert (estate.page(PRESS, "web2"), estate.has_site(PRESS, "web1")) == (200, False)
    assert estate.sql(PRESS, "db2", notes) == before
    assert estate.has(PRESS, "web2") == HAS
    estate.farm.unchanged("--refresh")


def test_a_move_that_was_killed_after_its_switch_and_taken_back_brings_the_newer_content(estate: Estate) -> None:
    estate.place(PRESS, "web1", "db1")
    _killed(estate, lambda: _is_switched(estate) and estate.page(PRESS, "web1") == 200)
    _wait(lambda: fetch(estate.host("web1"), PRESS, "/?note=987654").body == "noted 987654")
    estate.place(PRESS, "web2", "db2")
    estate.farm.up()
    assert (estate.page(PRESS, "web2"), estate.has_site(PRESS, "web1")) == (200, False)
    assert estate.sql(PRESS, "db2", "SELECT COUNT(*) FROM notes WHERE note = 987654") == "1"
    assert estate.has(PRESS, "web2") == HAS
    estate.farm.unchanged("--refresh")


def test_a_site_moves_into_a_cluster_with_shared_uploads_and_out_of_it(estate: Estate) -> None:
    estate.host("web1").run("mkdir -p /srv/uploads")
    estate.farm.settings["clusters"] = {
        "shared": {"servers": [estate.host("web1").spec.fqdn], "uploads": {"path": "/srv/uploads"}}
    }
    estate.farm.settings["platforms"]["press-shared"] = {"server": "shared", "source": str(estate.press)}
    estate.place(PRESS, "shared", "db2")
    estate.farm.up()
    assert (estate.page(PRESS, "web1"), estate.has_site(PRESS, "web2")) == (200, False)
    shared = layout.uploads_directory("/srv/uploads", PRESS)
    assert (
        estate.host("web1").run(f"cat {shared}/files/deep/one.txt {shared}/private/two.txt").stdout == "dear\nsecret\n"
    )
    assert fetch(estate.host("web1"), PRESS, f"/sites/{PRESS}/files/deep/one.txt").body == "dear\n"

    estate.place(PRESS, "web2", "db2")
    estate.farm.up()
    assert (estate.page(PRESS, "web2"), estate.has_site(PRESS, "web1")) == (200, False)
    assert estate.has(PRESS, "web2") == HAS
    assert estate.host("web1").run(f"test -e {shared}", check=False).returncode
    estate.farm.unchanged("--refresh")


def _backups(record: Path) -> list[dict[str, str]]:
    found: list[dict[str, str]] = json.loads(record.read_text())["backups"]
    return found


def _is_switched(estate: Estate) -> bool:
    records = (estate.farm.hub / "records/moves").glob("*.json")
    return any('"switched": true' in record.read_text() for record in records)


def _killed(estate: Estate, until: Callable[[], bool]) -> None:
    """Kill a run at a moment."""
    running = estate.farm.start("up", "--yes", "--skip-preview")
    try:
        _wait(until)
    finally:
        running.kill()
    estate.farm.cancel()


def _broken(estate: Estate) -> Path:
    source = estate.press.parent / "broken"
    shutil.copytree(estate.press, source, symlinks=True)
    (source / "wp-content/mu-plugins/broken.php").write_text(BROKEN)
    return source


def _wait(until: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 200
    while not until():
        assert time.monotonic() < deadline
        time.sleep(0.02)
