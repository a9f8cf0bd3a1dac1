"""What a site's owner tries from his own PHP, on both web servers and with both kinds of masters, and by what root reads."""

# ruff: noqa: E501 - a line of PHP or SQL each

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote_plus

import pytest

from aegir_components import layout
from lab import Host, HostSpec, Lab
from tests.integration.farm import Farm, fetch, web_and_database
from tests.integration.scratch import ask

pytestmark = [pytest.mark.lab, pytest.mark.slow, pytest.mark.timeout(600)]

LabFactory = Callable[[str, Iterable[HostSpec]], Lab]
ROOT = layout.PLATFORMS_ROOT
MINE, OWN, OTHER = "mine.example.com", "own.example.com", "other.example.com"
THERE, THEIRS = "there.example.com", "theirs.example.com"
HOSTILE = r"""<?php
function row(string $sql): mixed {
  mysqli_report(MYSQLI_REPORT_OFF);
  static $link = null;
  $link ??= mysqli_connect(DB_HOST, DB_USER, DB_PASSWORD, DB_NAME);
  $found = mysqli_query($link, $sql);
  return $found instanceof mysqli_result ? mysqli_fetch_all($found) : $found;
}
function said(string $command): bool {
  exec("$command >/dev/null 2>&1 </dev/null", $lines, $status);
  return $status === 0;
}
function processes(string $user): array {
  return array_filter(array_map('intval', explode("\n", (string) shell_exec("pgrep -u $user"))));
}
function page(string $address, string $host): string {
  $context = stream_context_create(['http' => ['header' => "Host: $host", 'ignore_errors' => true, 'timeout' => 3]]);
  return (string) @file_get_contents($address, false, $context);
}
$attack = function (array $in): array {
  extract($in);
  $tried = [
    'settings of a neighbour' => fn() => @file_get_contents("$other/site/wp-config.php"),
    'names of a neighbour\'s files' => fn() => @scandir("$other/site/files"),
    'an upload of a neighbour' => fn() => @file_get_contents("$other/site/files/own.txt"),
    'private files of a neighbour' => fn() => @scandir("$other/private"),
    'temporary files of a neighbour' => fn() => @scandir("$other/tmp"),
    'a file among a neighbour\'s uploads' => fn() => @file_put_contents("$other/site/files/x.txt", 'x'),
    'a neighbour\'s access log' => fn() => @file_get_contents("/var/log/aegir/$neighbour.access.log"),
    'a neighbour\'s error log' => fn() => @file_get_contents("/var/log/aegir/$neighbour.error.log"),
    'a neighbour\'s PHP' => fn() => @stream_socket_client("unix://$socket", $number, $text, 2),
    'memory of a neighbour\'s process' => fn() => array_filter(processes($user), fn($pid) => @fopen("/proc/$pid/mem", 'r')),
    'environment of a neighbour\'s process' => fn() => array_filter(processes($user), fn($pid) => @file_get_contents("/proc/$pid/environ")),
    'files that a neighbour has open' => fn() => array_filter(processes($user), fn($pid) => @scandir("/proc/$pid/fd")),
    'root of a neighbour\'s process' => fn() => array_filter(processes($user), fn($pid) => @scandir("/proc/$pid/root/")),
    'an end of a neighbour\'s processes' => fn() => array_filter(processes($user), fn($pid) => said("kill -9 $pid")),
    'a signal for a master of PHP' => fn() => array_filter(processes('root'), fn($pid) => said("kill -USR2 $pid")),
    'scripts of a neighbour in OPcache' => fn() => array_filter(array_keys((@opcache_get_status(true) ?: [])['scripts'] ?? []), fn($path) => str_contains($path, $neighbour)),
    'a reset of OPcache' => fn() => @opcache_reset(),
    'an invalidation in OPcache' => fn() => @opcache_invalidate("$other/site/wp-config.php", true),
    'what a neighbour keeps in APCu' => fn() => function_exists('apcu_fetch') ? apcu_fetch('secret') : false,
    'shared memory of a neighbour' => fn() => @shmop_open(0x5ec, 'a', 0, 0),
    'names of sessions' => fn() => array_filter((array) @scandir('/var/lib/php/sessions'), fn($name) => str_starts_with((string) $name, 'sess_')),
    'a key of a certificate' => fn() => @file_get_contents("/var/aegir/config/ssl.d/$neighbour/openssl.key"),
    'former configurations' => fn() => @scandir('/var/lib/aegir/former'),
    'the lock of our runs' => fn() => @fopen('/run/aegir/private/lock', 'c'),
    'a reload that nobody asked for' => fn() => @file_put_contents('/run/aegir/reload/apache2', ''),
    'a challenge for a certificate' => fn() => @file_put_contents('/var/lib/aegir/acme/.well-known/acme-challenge/x', 'x'),
    'a page of the web server\'s' => fn() => @file_put_contents('/var/lib/aegir/pages/x.html', 'x'),
    'a file in the live release' => fn() => @file_put_contents("$code/x.php", '<?php'),
    'a file among releases' => fn() => @mkdir('/var/aegir/platforms/.releases/x'),
    'a vhost' => fn() => @file_put_contents('/var/aegir/config/apache/vhost.d/x.conf', ''),
    'a pool' => fn() => @file_put_contents('/var/aegir/config/php-fpm/pool.d/x.conf', ''),
    'requests of neighbours by the server\'s status' => fn() => str_contains(page('http://127.0.0.1/server-status?auto', $mine), 'ServerVersion'),
    'the same as localhost' => fn() => str_contains(page('http://localhost/server-status', 'localhost'), 'Server Version'),
    'the same by another name' => fn() => str_contains(page('http://127.0.0.1/server-status', 'none.example.net'), 'Server Version'),
    'the server\'s information' => fn() => str_contains(page('http://127.0.0.1/server-info', 'localhost'), 'Server Settings'),
    'a status of PHP-FPM' => fn() => str_contains(page('http://127.0.0.1/status', $mine), 'process manager'),
    'sudo' => fn() => said('sudo -n true'),
    'su to aegir' => fn() => said('su aegir -c true'),
    'pkexec' => fn() => said('pkexec --disable-internal-agent true'),
    'a restart of the web server' => fn() => said('systemctl restart apache2 nginx'),
    'a unit of systemd\'s' => fn() => said('systemd-run --no-ask-password true'),
    'a manager of its own' => fn() => said('loginctl --no-ask-password enable-linger'),
    'a call over D-Bus' => fn() => said('busctl call org.freedesktop.systemd1 /org/freedesktop/systemd1 org.freedesktop.systemd1.Manager StartUnit ss apache2.service restart'),
    'another name for the machine' => fn() => said('hostnamectl --no-ask-password set-hostname x'),
    'a crontab' => fn() => said('echo "* * * * * true" | crontab -'),
    'a job for at' => fn() => said('echo true | at now'),
    'a link to a neighbour\'s settings' => fn() => @link("$other/site/wp-config.php", "$home/site/files/x.php"),
    'a hard link to a file of root\'s' => fn() => @link('/etc/shadow', "$home/site/files/shadow"),
    'a hard link to its own settings' => fn() => @link("$home/site/wp-config.php", "$home/site/files/settings"),
    'other settings for itself' => fn() => @rename("$home/site/wp-config.php", "$home/site/x.php"),
    'a mount' => fn() => said('mount -t tmpfs none /mnt'),
    'a port of a service' => fn() => @stream_socket_server('tcp://127.0.0.1:81'),
    'packets of others' => fn() => function_exists('socket_create') && @socket_create(AF_INET, SOCK_RAW, 1),
    'keys of ssh' => fn() => @scandir('/root/.ssh') ?: @scandir('/var/aegir/.ssh'),
    'a neighbour\'s database' => fn() => row("SELECT option_value FROM `$database`.wp_options LIMIT 1"),
    'names of databases' => fn() => array_filter(array_column(row('SHOW DATABASES') ?: [], 0), fn($name) => str_contains($name, 'other') || str_contains($name, 'theirs')),
    'accounts of the database' => fn() => row('SELECT user FROM mysql.user'),
    'owners of databases' => fn() => row('SELECT * FROM aegir.ownership'),
    'a file that the database writes' => fn() => row("SELECT 1 INTO OUTFILE '/tmp/aegir-attack'"),
    'a file that the database reads' => fn() => (row("SELECT LOAD_FILE('/etc/passwd')") ?: [[null]])[0][0],
    'a file of the client\'s' => fn() => row('CREATE TABLE IF NOT EXISTS a (b TEXT)') && row("LOAD DATA INFILE '/etc/passwd' INTO TABLE a"),
    'a setting of the database server' => fn() => row('SET GLOBAL max_connections = 1'),
    'an account on the database server' => fn() => row("CREATE USER x@'%' IDENTIFIED BY 'x'"),
    'another password for a neighbour' => fn() => row("SET PASSWORD FOR '$account'@'localhost' = PASSWORD('x')"),
    'rights for others' => fn() => row("GRANT SELECT ON `" . DB_NAME . "`.* TO '$account'@'%'"),
    'statements of neighbours' => fn() => array_filter(array_column(row('SHOW FULL PROCESSLIST') ?: [], 1), fn($name) => $name !== DB_USER),
    'more connections than it may have' => fn() => row('SET SESSION max_user_connections = 0'),
    'an event that goes on' => fn() => row('CREATE EVENT e ON SCHEDULE EVERY 1 SECOND DO SELECT 1'),
    'a function with others\' rights' => fn() => row('CREATE DEFINER=`aegir_root`@`%` FUNCTION f() RETURNS INT RETURN 1'),
    'a view with others\' rights' => fn() => row('CREATE DEFINER=`aegir_root`@`%` VIEW v AS SELECT user FROM mysql.user'),
  ];
  $got = [];
  foreach ($tried as $name => $try) {
    if ($mine === $neighbour && str_starts_with($name, 'an end of')) {
      continue;
    }
    $result = $try();
    if ($result !== false && $result !== null && $result !== [] && $result !== '') {
      $got[] = $name . ': ' . substr(json_encode($result, JSON_PARTIAL_OUTPUT_ON_ERROR) ?: 'yes', 0, 120);
    }
  }
  return ['tried' => count($tried), 'got' => $got];
};
if (isset($_GET['aegir-keep'])) {
  if (function_exists('apcu_store')) apcu_store('secret', 'of another');
  $id = @shmop_open(0x5ec, 'c', 0600, 8);
  exit('kept');
}
if (isset($_GET['aegir-answer'])) {
  header($_GET['aegir-answer'], true, (int) ($_GET['status'] ?? 200));
  exit('');
}
if (isset($_POST['attack'])) {
  header('Content-Type: application/json');
  exit(json_encode($attack(json_decode($_POST['attack'], true))));
}
"""


@dataclass
class Estate:
    """An Apache and an nginx, each with a hostile site and a neighbour; one hostile site has a PHP master of its own."""

    farm: Farm
    lab: Lab

    def web(self, site: str) -> Host:
        return self.lab.host("web2" if site in {THERE, THEIRS} else "web1")

    def neighbour(self, site: str) -> str:
        return THEIRS if site == THERE else OTHER

    def unharmed(self) -> bool:
        return all(
            fetch(self.web(name), name).status == 200
            and fetch(self.web(name), name, f"/sites/{name}/files/own.txt").body == f"upload of {name}"
            for name in (OTHER, THEIRS)
        )


@pytest.fixture(scope="module")
def estate(lab_factory: LabFactory, wordpress: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Estate]:
    lab = lab_factory(
        "owner", [HostSpec("web1", image="web"), HostSpec("web2", image="web"), HostSpec("db1", image="db")]
    )
    source = tmp_path_factory.mktemp("hostile") / "code"
    shutil.copytree(wordpress, source, symlinks=True)
    (source / "wp-content" / "mu-plugins").mkdir(exist_ok=True)
    (source / "wp-content" / "mu-plugins" / "hostile.php").write_text(HOSTILE)
    settings = web_and_database(lab, source=source, sites={})
    second = lab.host("web2")
    settings["servers"][second.spec.fqdn] = {"address": second.address, "services": {"web": "nginx"}}
    settings["platforms"]["there"] = {"server": second.spec.fqdn, "source": str(source)}
    settings["sites"] = {
        MINE: {"platform": "code"}, OWN: {"platform": "code", "isolation": "process"}, OTHER: {"platform": "code"},
        THERE: {"platform": "there"}, THEIRS: {"platform": "there"},
    }  # fmt: skip
    made = Estate(Farm(tmp_path_factory.mktemp("owner"), settings), lab)
    made.farm.up()
    for name in (MINE, OWN, OTHER, THERE, THEIRS):
        user, files = layout.system_user(name), layout.site_files(ROOT, name)
        made.web(name).run(f"runuser -u {user} -- sh -c 'printf \"upload of {name}\" >{files}/own.txt'")
    yield made
    assert made.unharmed()


def attacked(estate: Estate, site: str, other: str) -> dict[str, Any]:
    """Have a site's PHP try everything on another site."""
    given = {
        "mine": site,
        "home": layout.site_directory(ROOT, site),
        "neighbour": other,
        "other": layout.site_directory(ROOT, other),
        "user": layout.system_user(other),
        "socket": layout.pool_socket(other),
        "database": layout.database_name(other),
        "account": layout.account_name(other),
        "code": f"{ROOT}/{'there' if site == THERE else 'code'}",
    }
    body = f"attack={quote_plus(json.dumps(given))}".encode()
    form = {"content-type": "application/x-www-form-urlencoded"}
    found: dict[str, Any] = json.loads(ask(estate.web(site), site, "/", method="POST", headers=form, body=body).body)
    return found


@pytest.mark.parametrize("site", [MINE, OWN, THERE], ids=["Apache", "a master of its own", "nginx"])
def test_no_way_leads_from_a_sites_php_to_anything_of_others(estate: Estate, site: str) -> None:
    other = estate.neighbour(site)
    assert "kept" == fetch(estate.web(site), other, "/?aegir-keep").body
    found = attacked(estate, site, other)
    assert [] == found["got"]
    assert found["tried"] > 60
    assert estate.unharmed()


def test_these_ways_lead_somewhere_where_nothing_is_in_between(estate: Estate) -> None:
    """A site that tries the same on itself gets to most of it: what held above was no fault of the tries."""
    found = attacked(estate, MINE, MINE)
    got = {text.partition(":")[0] for text in found["got"]}
    assert {
        "settings of a neighbour", "names of a neighbour's files", "a file among a neighbour's uploads",
        "private files of a neighbour", "a neighbour's database",
    } <= got  # fmt: skip


@pytest.mark.parametrize("site", [MINE, THERE], ids=["Apache", "nginx"])
@pytest.mark.parametrize("status", [200, 302], ids=str)
def test_no_answer_of_phps_has_the_web_server_send_what_is_not_the_sites(
    estate: Estate, site: str, status: int
) -> None:
    """X-Accel-Redirect and a Location without a host are for the web server itself, which may read every site's uploads."""
    web, other = estate.web(site), estate.neighbour(site)
    home = layout.site_directory(ROOT, other)
    aims = [
        f"/sites/{other}/files/own.txt", f"/sites/{other}/wp-config.php", f"/../../.sites/{other}/site/files/own.txt",
        f"{home}/site/files/own.txt", f"/.sites/{other}/site/files/own.txt", "/etc/passwd", "/wp-config.php",
        f"/sites/{site}/wp-config.php", f"/sites/{site}/%2e%2e/{other}/site/files/own.txt", "/wp-config-sample.php%00.txt",
    ]  # fmt: skip
    for header in ("X-Accel-Redirect", "X-Sendfile", "X-LIGHTTPD-send-file", "Location", "X-Reproxy-URL"):
        for aim in aims:
            given = quote_plus(f"{header}: {aim}")
            body = ask(web, site, f"/?aegir-answer={given}&status={status}").body.decode(errors="replace")
            assert f"upload of {other}" not in body, (header, aim)
            assert "root:" not in body, (header, aim)
            assert "DB_PASSWORD" not in body, (header, aim)


HANDLERS = """\
SetHandler "proxy:unix:{socket}|fcgi://localhost"
AddType application/x-httpd-php .txt
Options +FollowSymLinks +ExecCGI +Indexes +Includes
RewriteEngine On
RewriteRule ^x$ /etc/passwd [L]
Require all granted
"""


def test_no_file_among_uploads_changes_how_the_web_server_answers(estate: Estate) -> None:
    for site in (MINE, THERE):
        web, user, files = estate.web(site), layout.system_user(site), layout.site_files(ROOT, site)
        for place in (files, layout.site_linked(ROOT, site)):
            text = HANDLERS.format(socket=layout.pool_socket(estate.neighbour(site)))
            written = web.run(f"runuser -u {user} -- tee {place}/.htaccess", input=text, check=False).returncode
            assert (place == files) is (written == 0), "the directory above is not the site's to write"
        web.run(f"runuser -u {user} -- sh -c 'echo auto_prepend_file=/etc/passwd >{files}/.user.ini'")
        web.run(
            f"runuser -u {user} -- sh -c 'echo \"<?php echo 6 * 7;\" >{files}/run.txt; cp {files}/run.txt {files}/run.php'"
        )
        web.run(f"runuser -u {user} -- ln -s /etc {files}/etc")
        for path in ("own.txt", "run.txt", "run.php", "x", "etc/passwd", "", ".htaccess", ".user.ini"):
            said = ask(web, site, f"/sites/{site}/files/{path}")
            assert b"root:" not in said.body, path
            assert b"42" != said.body.strip(), path
            assert (said.status == 200) is (path in {"own.txt", "run.txt"}), path
        web.run(f"cd {files} && rm .htaccess .user.ini run.txt run.php etc")


def test_no_link_that_a_site_makes_leads_a_run_of_roots_elsewhere(estate: Estate, tmp_path: Path) -> None:
    """Each of its directories and logs becomes a link to root's; a look and a run that repairs everything follow none."""
    target = "/srv/roots"
    for site in (MINE, THERE):
        web, user, home = estate.web(site), layout.system_user(site), layout.site_directory(ROOT, site)
        web.run(
            f"rm -rf {target}; install -d -m 700 {target} && echo secret >{target}/secret && chmod 600 {target}/secret"
        )
        seen = f"find {target} -printf '%p %U:%G %m %s\\n'; getfacl -R {target} 2>/dev/null; cat {target}/secret"
        before = web.run(seen).stdout
        places = [
            f"{home}/site/files",
            f"{home}/private",
            f"{home}/tmp",
            f"{home}/config",
            f"/var/log/aegir/{site}.php.log",
        ]
        for place in places:
            for aim in (target, f"{target}/secret"):
                swap = f"rm -rf {place}.away; mv {place} {place}.away && ln -s {aim} {place}"
                if web.run(f"runuser -u {user} -- sh -c '{swap}'", check=False).returncode:
                    continue
                for words in (("--refresh",), ()):
                    estate.farm.start("up", "--yes", "--skip-preview", *words).wait(200)
                assert before == web.run(seen).stdout, place
                web.run(f"rm -f {place}; [ ! -e {place}.away ] || mv {place}.away {place}")
        inside = layout.site_files(ROOT, site)
        for name, aim in (("css", target), ("js", f"{target}/secret"), ("2026", "/etc"), ("php", target)):
            web.run(f"runuser -u {user} -- ln -sfn {aim} {inside}/{name}")
        web.run(f"runuser -u {user} -- mkfifo {inside}/pipe")
        estate.farm.up("--refresh")
        estate.farm.unchanged("--refresh")
        assert before == web.run(seen).stdout
        web.run(f"cd {inside} && rm css js 2026 php pipe")


MARK = "/tmp/aegir-attack-from-a-database"
NAMES = (f"a\\n\\\\! touch {MARK}\\n-- ", f"b*/;\\n\\\\! touch {MARK}\\n/*", f"c\\nsystem touch {MARK}\\n")


def test_nothing_in_a_database_runs_where_a_dump_of_it_is_made_or_loaded(estate: Estate) -> None:
    """The client that loads a dump has commands of its own, and a dump has names, comments and bodies of the site's."""
    site, user = "last.example.com", layout.account_name("last.example.com")
    estate.farm.settings["sites"][site] = {
        "platform": "code",
        "database": {"rights": ["TRIGGER", "CREATE VIEW", "CREATE ROUTINE", "EVENT"]},
    }
    estate.farm.up()
    name, database = layout.database_name(site), estate.lab.host("db1")
    settings = f"{layout.site_linked(ROOT, site)}/wp-config.php"
    words = (
        estate.lab.host("web1")
        .run(f"sed -n \"s/^define('DB_PASSWORD', '\\(.*\\)');.*/\\1/p\" {settings}")
        .stdout.strip()
    )
    statements = [
        *(f"CREATE TABLE `{text}` (a INT COMMENT '{text}') COMMENT '{text}'" for text in NAMES),
        f"CREATE TABLE t (a TEXT DEFAULT '\\n\\\\! touch {MARK}\\n')",
        f"INSERT INTO t VALUES ('\\n\\\\! touch {MARK}\\n'), ('\\';\\n\\\\! touch {MARK}\\n--')",
        f"CREATE VIEW v AS SELECT '\\n\\\\! touch {MARK}\\n' AS `x\\n\\\\! touch {MARK}\\n`",
        f"CREATE TRIGGER r BEFORE INSERT ON t FOR EACH ROW BEGIN\n/*\n\\! touch {MARK}\nsystem touch {MARK}\n*/ END",
        f"CREATE EVENT e ON SCHEDULE EVERY 1 DAY COMMENT '\\n\\\\! touch {MARK}\\n' DO BEGIN\n/*\n\\! touch {MARK}\n*/ END",
        f"CREATE PROCEDURE p() COMMENT '\\n\\\\! touch {MARK}\\n' BEGIN\n/*\nDELIMITER x\n\\! touch {MARK}\n*/ END",
    ]
    code = "<?php $l = mysqli_connect('{0}', '{1}', '{2}', '{3}'); mysqli_report(0); foreach (json_decode('{4}') as $s) {{ echo mysqli_query($l, $s) ? 'y' : 'n[' . mysqli_error($l) . ']'; }}"
    packed = json.dumps(statements).replace("\\", "\\\\").replace("'", "\\'")
    made = estate.lab.host("web1").run("php", input=code.format(database.address, user, words, name, packed)).stdout
    assert made.count("y") >= 8, made
    del estate.farm.settings["sites"][site]
    estate.farm.settings["confirm_removals"] = [site]
    said = estate.farm.start("up", "--yes", "--skip-preview").wait(250)
    estate.farm.settings.pop("confirm_removals")
    for host in (database, estate.lab.host("web1")):
        assert "" == host.run(f"ls {MARK} 2>/dev/null || :").stdout
    assert not Path(MARK).exists()
    assert said.status == 0, said.output[-3000:]
