"""What vhosts serve, run and deny: on Apache and nginx, with real applications, compared with core's own `.htaccess`."""

from __future__ import annotations

import base64
import gzip
import json
import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

from aegir_components import applications, layout
from aegir_components.applications import explaining
from aegir_components.applications.base import program
from aegir_components.facts import addresses as on_machine
from aegir_components.scripts import script
from aegir_components.scripts.libraries import functions
from lab import Host, HostSpec, Lab
from tests import codebases
from tests.integration import addresses, reports, scratch, switching
from tests.integration.farm import Config, Farm, hub_settings
from tests.integration.scratch import ask

pytestmark = [pytest.mark.long, pytest.mark.lab, pytest.mark.slow, pytest.mark.timeout(600)]

LabFactory = Callable[[str, Iterable[HostSpec]], Lab]
WEBS = {"web1": "apache_ssl", "web2": "nginx_ssl"}
CODES = {"drupal": "drupal10-next", "drupal7": "drupal7", "wordpress": "wordpress"}
PORTS = {"drupal": 8010, "drupal7": 8007, "wordpress": 8006}
STRICT = "strict.example.com"
"""A WordPress that requires https."""
PROBING = {"X-Aegir-Probe": "yes"}
SECRET = "what a neighbour keeps"


def site(application: str) -> str:
    return f"{application}.example.com"


def neighbour(application: str) -> str:
    return f"{application}-b.example.com"


def alias(application: str) -> str:
    return f"{application}-alias.example.com"


def files(name: str) -> str:
    return layout.site_files(layout.PLATFORMS_ROOT, name)


@pytest.fixture(scope="module")
def lab(lab_factory: LabFactory) -> Lab:
    webs = [HostSpec(name, image="web") for name in (*WEBS, "scratch")]
    return lab_factory("addresses", [*webs, HostSpec("db1", image="db")])


@pytest.fixture(scope="module")
def codes(wordpress: Path) -> dict[str, Path]:
    """Give the code bases that there are; Debian's WordPress, where there is no other."""
    found = {name: codebases.locate(code) for name, code in CODES.items()}
    found["wordpress"] = found["wordpress"] or wordpress
    return {name: path for name, path in found.items() if path}


@pytest.fixture(scope="module")
def farm(lab: Lab, codes: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Farm:
    webs = {name: lab.host(name) for name in WEBS}
    database = lab.host("db1")
    sites: Config = {STRICT: {"platform": "wordpress", "https": "required", "aliases": ["strict-alias.example.com"]}}
    for name in codes:
        sites[site(name)] = {"platform": name, "aliases": [alias(name)]}
        sites[neighbour(name)] = {"platform": name, "install": False, "health": False}
        if name != "wordpress":
            sites[site(name)]["profile"] = "minimal"
    settings: Config = {
        "hub": hub_settings(lab),
        "reverse_proxies": [lab.host("scratch").address],
        "servers": {
            **{h.spec.fqdn: {"address": h.address, "services": {"web": WEBS[name]}} for name, h in webs.items()},
            database.spec.fqdn: {"address": database.address, "services": {"database": "mysql"}},
        },
        "clusters": {"web": {"servers": [host.spec.fqdn for host in webs.values()], "uploads": "separate"}},
        "platforms": {name: {"server": "web", "source": str(path)} for name, path in codes.items()},
        "sites": sites,
    }
    made = Farm(tmp_path_factory.mktemp("addresses"), settings)
    made.up(timeout=400)
    for host in webs.values():
        scratch.probe(host)
        for name in codes:
            scratch.plant(host, document_root(host, name), addresses.PLANTED)
            scratch.plant(host, files(site(name)), addresses.UPLOADED, "www-data")
            scratch.plant(host, files(neighbour(name)), addresses.UPLOADED, "www-data")
            host.run(f"echo '{SECRET}' >{files(neighbour(name))}/secret.txt")
    return made


@pytest.fixture(scope="module")
def core(lab: Lab, farm: Farm, codes: dict[str, Path]) -> Host:
    """Give the scratch host, on which core's own rules are in force."""
    del farm
    host = lab.host("scratch")
    for name, path in codes.items():
        code = applications.detect(path)
        assert code is not None
        scratch.serve(host, path, name, code.docroot, PORTS[name])
    scratch.probe(host)
    scratch.begin(host)
    return host


@pytest.fixture(params=WEBS)
def web(request: pytest.FixtureRequest, lab: Lab, farm: Farm) -> Host:
    del farm
    return lab.host(request.param)


def document_root(host: Host, application: str) -> str:
    """Find the document root of the live release."""
    found = host.run(
        f"readlink -e {layout.PLATFORMS_ROOT}/{application}/web || readlink -e {layout.PLATFORMS_ROOT}/{application}"
    )
    return found.stdout.split()[0] if found.stdout.split() else ""


@pytest.mark.parametrize("application", list(CODES))
def test_an_address_is_answered_as_by_core_or_there_is_a_reason(
    lab: Lab, core: Host, codes: dict[str, Path], application: str
) -> None:
    if application not in codes:
        codebases.ask(CODES[application])
    theirs = "wp-content/uploads" if application == "wordpress" else "sites/default/files"
    name = site(application)
    wrong = []
    for row in addresses.TABLES[application]:
        path = row.address.replace("{files}", theirs)
        right = ask(core, "core.example.com", path, port=PORTS[application], headers=PROBING).kind
        path = row.address.replace("{files}", f"sites/{name}/files")
        said = [ask(lab.host(host), name, path, headers=PROBING).kind for host in WEBS]
        if said != [row.ours or right, row.nginx or row.ours or right]:
            wrong.append(f"{row.address}: core {right}, Apache and nginx {said}, {row}")
        if bool(row.ours or row.nginx) != bool(row.why) or (row.ours == right and not row.nginx):
            wrong.append(f"{row.address}: the reason is missing or superfluous, core {right}, {row}")
    assert [] == wrong
    assert 180 < len(addresses.TABLES[application])


def there(host: Host, application: str, name: str, paths: list[str]) -> dict[str, explaining.Kind]:
    """Ask a machine what is at paths of a site, some at a time."""
    found: dict[str, explaining.Kind] = {}
    docroot = "web" if document_root(host, application).endswith("/web") else "."
    for start in range(0, len(paths), 200):
        part = paths[start : start + 200]
        place = f"{layout.PLATFORMS_ROOT}/{application}"
        lines = on_machine.items(name, name, web="apache", publish_path=place, docroot=docroot, paths=part)
        found |= on_machine.kinds(
            script.parse(host.run(script.render("check", lines, holder="a test")).stdout).facts, part
        )
    return found


OUTCOMES = {"denied": "denied", "served": "file", "redirect": "moved", "missing": "missing", "challenge": "missing"}
"""What `aegir explain` says, in the table's words."""


@pytest.mark.parametrize("application", list(CODES))
def test_what_is_explained_of_an_address_is_what_both_web_servers_do(
    lab: Lab, farm: Farm, codes: dict[str, Path], application: str
) -> None:
    del farm
    if application not in codes:
        codebases.ask(CODES[application])
    name, rules = site(application), applications.APPLICATIONS[application].addresses
    former = "|".join([re.escape(rules.former), re.escape(f"sites/{alias(application)}/files")])
    wrong, compared, rows = [], 0, []
    for row in addresses.TABLES[application]:
        address = row.address.replace("{files}", f"sites/{name}/files")
        # What has no path that a file could have, or is another one to each web server, needs no explanation of rules.
        if (
            row.nginx
            or len(address) > 255
            or re.search(r"%(?![0-9a-f]{2})|%(?:00|2f|[89a-f])|^//|#", address, re.IGNORECASE)
        ):
            continue
        if explaining.leads_out(address):
            assert {"400"} == {ask(lab.host(host), name, address, headers=PROBING).kind for host in WEBS}
            continue
        rows.append((row, address, explaining.path_of(address)))
    for host in (lab.host(each) for each in WEBS):
        asked = {each for _, _, path in rows for each in explaining.candidates(path, name, former)}
        kinds = there(host, application, name, sorted(asked))
        for row, address, path in rows:
            found = explaining.explain(path, rules, name, former, kinds.__getitem__)
            said = ask(host, name, address, headers=PROBING).kind
            compared += 1
            if OUTCOMES.get(found.outcome, found.file) != said:
                wrong.append(f"{host.name} {row.address}: {said}, and not {found}")
    assert not wrong, "\n".join(wrong)
    assert compared > 300


@pytest.mark.parametrize("application", list(CODES))
def test_a_site_serves_its_own_uploads_under_every_address_that_they_have_and_no_neighbours(
    web: Host, codes: dict[str, Path], application: str
) -> None:
    if application not in codes:
        codebases.ask(CODES[application])
    name, former = site(application), "wp-content/uploads" if application == "wordpress" else "sites/default/files"
    for where in (f"sites/{name}/files", former, f"sites/{alias(application)}/files"):
        assert b"planted" in ask(web, name, f"/{where}/a.txt").body, where
        assert ask(web, name, f"/{where}/a.yml" if application == "drupal" else f"/{where}/a.php.bak").status != 500
        assert ask(web, name, f"/{where}/evil.php", headers=PROBING).kind in ("denied", addresses.APP), where
    assert b"planted" in ask(web, alias(application), f"/sites/{name}/files/a.txt").body
    moved = ask(web, name, f"/{former}/none%20b/x.png?itok=1")
    assert 301 == moved.status
    assert moved.headers["location"].endswith(f"/sites/{name}/files/none%20b/x.png?itok=1")
    injected = ask(web, name, f"/{former}/none%0d%0aX-Injected:%201/x.png")
    assert "x-injected" not in injected.headers
    # A neighbour's own vhost serves them, and nobody else's.
    other = neighbour(application)
    assert SECRET.encode() in ask(web, other, f"/sites/{other}/files/secret.txt").body
    for path in (f"/sites/{other}/files/secret.txt", f"/sites/{other}/files/evil.php", f"//sites//{other}/files/secret.txt",
                 f"/sites/%{ord(other[0]):x}{other[1:]}/files/secret.txt", f"/sites/./{other}/files/secret.txt",
                 f"/sites/{name}/../{other}/files/secret.txt", f"/x/../sites/{other}/files/secret.txt",
                 f"/sites/{other}/files/", f"/sites/{other}/files/%0a", f"/sites/{other}/"):  # fmt: skip
        said = ask(web, name, path, headers=PROBING)
        assert addresses.APP == said.kind, path
        assert SECRET.encode() not in said.body, path


def test_no_link_in_uploads_is_followed(web: Host, codes: dict[str, Path]) -> None:
    for application in codes:
        name, user = site(application), layout.system_user(site(application))
        other = files(neighbour(application))
        links = {
            "passwd.txt": "/etc/passwd", "neighbour.txt": f"{other}/secret.txt", "neighbour": other, "root": "/",
            "private": layout.site_private(layout.PLATFORMS_ROOT, name), "own.txt": f"{files(name)}/a.txt",
            "source.txt": f"{document_root(web, application)}/index.php", "sites": f"{layout.PLATFORMS_ROOT}/.sites",
        }  # fmt: skip
        made = "".join(f"ln -sfn {target} {link}; " for link, target in links.items())
        web.run(
            f"mkdir -p {files(name)}/l; chown {user}:www-data {files(name)}/l; chmod 2770 {files(name)}/l\n"
            f"runuser -u {user} -- sh -c 'cd {files(name)}/l; {made}'"
        )
        former = "wp-content/uploads" if application == "wordpress" else "sites/default/files"
        for where in (f"sites/{name}/files", former, f"sites/{alias(application)}/files"):
            for path in ("passwd.txt", "neighbour.txt", "neighbour/secret.txt", "root/etc/passwd", "private/x.txt", "source.txt",
                         "sites/x", "neighbour/", "neighbour", "own.txt"):  # fmt: skip
                said = ask(web, name, f"/{where}/l/{path}", headers=PROBING)
                if said.status == 301:
                    said = ask(web, name, f"/sites/{name}/files/l/{path}", headers=PROBING)
                assert said.kind in ("denied", addresses.APP), (application, where, path, said)
                assert not {b"root:x:", SECRET.encode(), b"<?php"} & {part for part in (b"root:x:", SECRET.encode(), b"<?php")
                                                                     if part in said.body}, path  # fmt: skip
        web.run(f"rm -r {files(name)}/l")


def test_apaches_second_lock_on_php_in_uploads_holds_alone(lab: Lab, farm: Farm, codes: dict[str, Path]) -> None:
    """The rules that choose what runs are taken out, and the lock on the directory is left."""
    del farm
    host = lab.host("web1")
    for application in codes:
        name = site(application)
        host.run(f"echo '<?php echo 6 * 7;' >{files(name)}/evil.php; chmod 644 {files(name)}/evil.php")
    host.run(
        "cp -a /var/aegir/config/apache/vhost.d /srv/kept; cd /var/aegir/config/apache/vhost.d\n"
        "sed -i '/Rewrite/d; /FallbackResource/d' *.conf; apache2ctl -t"
    )
    try:
        switching.reload(host, "apache", "apachectl graceful")
        for application in codes:
            name = site(application)
            # Without the rules any other program runs: the first lock is out.
            assert "/sub/tool.php" == ask(host, name, "/sub/tool.php", headers=PROBING).kind
            for path in ("evil.php", "evil.php/x", "evil.phtml", "evil.PHP"):
                said = ask(host, name, f"/sites/{name}/files/{path}", headers=PROBING)
                assert ("denied", False) == (said.kind, b"42" in said.body), (application, path)
    finally:
        host.run("cp -a /srv/kept/. /var/aegir/config/apache/vhost.d/; rm -r /srv/kept; apache2ctl -t")
        switching.reload(host, "apache", "apachectl graceful")


def test_a_client_proves_who_it_is_to_the_application(web: Host, lab: Lab, codes: dict[str, Path]) -> None:
    made = run_program(
        lab.host("web1"), "wordpress", STRICT, "wordpress/boot.php",
        "ob_end_clean(); list($made) = WP_Application_Passwords::create_new_application_password(1, ['name' => uniqid()]);"
        " echo '::', $made;",
    )  # fmt: skip
    right = {"Authorization": "Basic " + base64.b64encode(f"admin:{made}".encode()).decode()}
    wrong = {"Authorization": "Basic " + base64.b64encode(b"admin:another").decode()}
    me = "/index.php?rest_route=/wp/v2/users/me"
    assert 200 == ask(web, STRICT, me, tls=True, headers=right).status
    assert 401 == ask(web, STRICT, me, tls=True, headers=wrong).status
    assert 401 == ask(web, STRICT, me, tls=True).status

    if "drupal" not in codes:
        codebases.ask(CODES["drupal"])
    run_program(
        lab.host("web1"), "drupal", site("drupal"), "drupal/boot.php",
        "\\Drupal::service('module_installer')->install(['basic_auth', 'jsonapi']);"
        " $u = \\Drupal\\user\\Entity\\User::load(1); $u->setPassword('a password'); $u->save(); echo '::done';",
    )  # fmt: skip
    right = {"Authorization": "Basic " + base64.b64encode(b"admin:a password").decode()}
    answers = [ask(web, site("drupal"), "/jsonapi", headers=headers) for headers in (right, wrong, {})]
    assert [True, False, False] == ["me" in json.loads(said.body).get("meta", {}).get("links", {}) for said in answers]


DRUPAL_STATUS = """
Drupal::service('module_handler')->loadAll();
require_once $in['docroot'] . '/core/includes/install.inc';
foreach (Drupal::service('system.manager')->listRequirements() as $name => $found) {
  if (($found['severity'] ?? 0) > 0) $said[$name] = $found['severity'];
}
echo '::', json_encode($said ?? []);
"""
DRUPAL7_STATUS = """
ob_end_clean();
include_once DRUPAL_ROOT . '/includes/install.inc';
drupal_load_updates();
foreach (module_invoke_all('requirements', 'runtime') as $name => $found) {
  if (($found['severity'] ?? 0) > 0) $said[$name] = $found['severity'];
}
echo '::', json_encode($said ?? []);
"""
WORDPRESS_STATUS = """
ob_end_clean();
require_once ABSPATH . 'wp-admin/includes/admin.php';
require_once ABSPATH . 'wp-admin/includes/class-wp-site-health.php';
wp_set_current_user(1);
$health = WP_Site_Health::get_instance();
foreach (WP_Site_Health::get_tests() as $tests) {
  foreach ($tests as $name => $test) {
    $method = 'get_test_' . str_replace('-', '_', $name);
    if (!method_exists($health, $method)) continue;
    $found = $health->$method();
    if ($found['status'] === 'critical') $said[$name] = 2;
  }
}
echo '::', json_encode($said ?? []);
"""


def test_the_status_report_of_a_fresh_site_has_no_error_and_few_warnings(
    lab: Lab, codes: dict[str, Path], farm: Farm
) -> None:
    del farm
    web = lab.host("web1")
    # No network leads out of the lab, and no name of a site into it.
    network = {"http requests", "dotorg_communication", "loopback_requests", "rest_availability", "system_advisories"}
    # docs/reference/status-reports.md names each of the rest.
    known = {"drupal": {"update status"}, "drupal7": {"update status"}, "wordpress": set[str]()}
    programs = {
        "drupal": ("drupal/boot.php", DRUPAL_STATUS),
        "drupal7": ("drupal7/boot.php", DRUPAL7_STATUS),
        "wordpress": ("wordpress/boot.php", WORDPRESS_STATUS),
    }
    for application in codes:
        said = json.loads(run_program(web, application, site(application), *programs[application]))
        said = {name: severity for name, severity in dict(said).items() if name not in network}
        assert [] == [name for name, severity in said.items() if severity > 1], application
        assert known[application] == set(said), application


def run_program(host: Host, application: str, name: str, boot: str, code: str) -> str:
    """Run PHP in a site as its own user, as the program does; give its last word."""
    text = program({"host": name}, boot) + code
    user, tmp = layout.system_user(name), layout.site_temporary(layout.PLATFORMS_ROOT, name)
    lines = [
        functions("site"),
        f"site_php {user} {name} {document_root(host, application)} {tmp} {script.encoded(text)}",
    ]
    return host.run(reports.PRELUDE + "\n".join(lines)).stdout.strip().removeprefix("::")


def test_https_that_is_required_ends_at_a_declared_proxy_and_at_no_other(web: Host, core: Host) -> None:
    def through(proxy: bool, path: str, said: str) -> tuple[int, str, str]:
        """Ask as the declared proxy does, or as anybody does."""
        headers = {"X-Forwarded-Proto": said, "X-Forwarded-For": "203.0.113.7"}
        if not proxy:
            answer = ask(web, STRICT, path, headers=headers)
            return answer.status, answer.headers.get("location", ""), answer.headers.get(HSTS, "")
        lines = "".join(f"{key}: {value}\\r\\n" for key, value in {"Host": STRICT, **headers}.items())
        text = core.run(
            f'php -r \'$s = stream_socket_client("tcp://{web.address}:80"); fwrite($s, "GET {path} HTTP/1.0\\r\\n{lines}\\r\\n");'
            ' echo strtok(stream_get_contents($s) . "\\r\\n\\r\\n", "\\0");\''
        ).stdout
        head = text.partition("\n\n")[0].partition("\r\n\r\n")[0]
        found = {line.partition(": ")[0].lower(): line.partition(": ")[2].strip() for line in head.splitlines()}
        return int(head.split()[1]), found.get("location", ""), found.get(HSTS, "")

    assert (200, "", "max-age=63072000") == through(True, "/", "https")
    assert (200, "", "max-age=63072000") == through(True, "/wp-login.php", "HTTPS")
    status, location, _ = through(True, "/wp-admin", "https")
    assert 301 == status
    assert location in ("/wp-admin/", f"https://{STRICT}/wp-admin/")
    for proxy, said in ((True, "http"), (True, "https, http"), (True, ""), (False, "https"), (False, "HTTPS")):
        assert (301, f"https://{STRICT}/a?b=c", "") == through(proxy, "/a?b=c", said), (proxy, said)
    challenge = "/.well-known/acme-challenge/none"
    assert 404 == ask(web, STRICT, challenge).status


HSTS = "strict-transport-security"


def test_static_files_are_compressed_and_kept_as_core_says(web: Host, core: Host, codes: dict[str, Path]) -> None:
    packed = {"Accept-Encoding": "gzip"}
    for application in codes:
        name = site(application)
        host, root = web, document_root(web, application)
        text = "a { color: red }\n" * 500
        for where in (host, core):
            place = root if where is host else f"/srv/{application}" + ("/web" if root.endswith("/web") else "")
            where.run(
                f"cd {place}; cat >long.css; for end in js svg json xml txt png; do cp long.css long.$end; done",
                input=text,
            )
        for end in ("css", "js", "svg", "json", "xml", "txt", "png"):
            said = ask(web, name, f"/long.{end}", headers=packed)
            right = ask(core, "core.example.com", f"/long.{end}", port=PORTS[application], headers=packed)
            assert right.headers.get("cache-control") == said.headers.get("cache-control"), (application, end)
            assert (end == "png") is ("content-encoding" not in said.headers), (application, end)
            assert text == (said.body if end == "png" else gzip.decompress(said.body)).decode()
            if end != "png":
                assert "Accept-Encoding" in said.headers["vary"]
            assert "content-encoding" not in ask(web, name, f"/long.{end}").headers
        # Aggregates that Drupal has compressed itself, too.
        place = f"{files(name)}/css/css_x.css"
        web.run(f"cat >{place}; gzip -k {place}; chgrp www-data {place}*; chmod 640 {place}*", input=text)
        said = ask(web, name, f"/sites/{name}/files/css/css_x.css", headers=packed)
        assert ("gzip", "text/css") == (
            said.headers["content-encoding"],
            said.headers["content-type"].partition(";")[0],
        )
        assert text == gzip.decompress(said.body).decode()
        assert text == ask(web, name, f"/sites/{name}/files/css/css_x.css").body.decode()
        # The page of the application says for itself how long it is kept.
        page = ask(web, name, "/", headers=packed)
        assert "max-age=31536000" not in page.headers.get("cache-control", "")
        assert "gzip" == page.headers["content-encoding"]


TYPES = {
    "ttf": "font/ttf", "otf": "font/otf", "csv": "text/csv", "ics": "text/calendar", "vtt": "text/vtt", "vcf": "text/vcard",
    "map": "application/json", "rss": "application/rss+xml", "gpx": "application/gpx+xml", "ts": "video/mp2t",
    "webmanifest": "application/manifest+json", "avif": "image/avif", "epub": "application/epub+zip",
}  # fmt: skip


def test_files_have_their_types_and_a_younger_copy_is_good(web: Host, core: Host) -> None:
    del core
    root = document_root(web, "wordpress")
    web.run(f"mkdir -p {root}/types; cd {root}/types; for end in {' '.join(TYPES)}; do echo x >x.$end; done")
    said = {end: ask(web, site("wordpress"), f"/types/x.{end}").headers.get("content-type", "") for end in TYPES}
    assert TYPES == {end: kind.partition(";")[0] for end, kind in said.items()}
    web.run(f"touch -d 2026-01-01 {root}/types/x.csv")
    younger = {"If-Modified-Since": "Thu, 01 Oct 2026 00:00:00 GMT"}
    assert 304 == ask(web, site("wordpress"), "/types/x.csv", headers=younger).status


OWNER = {"apache_ssl": "Header always set X-Owner yes", "nginx_ssl": "add_header X-Owner yes always;"}
PLACES = {
    "a page": "/",
    "a static file": "/a.png",
    "an svgz": "/a.svgz",
    "an upload": f"/sites/{STRICT}/files/a.txt",
    "an svgz in uploads": f"/sites/{STRICT}/files/a.svgz",
    "a denied file": "/wp-config.php",
    "a hidden one": "/.git/config",
    "a program in uploads": f"/sites/{STRICT}/files/evil.php",
    "a missing page": "/no-such",
    "a missing challenge": "/.well-known/acme-challenge/none",
    "a directory": "/wp-admin",
    "an upload elsewhere": "/wp-content/uploads/none.png",
    "an exception": "/wp-content/plugins/boom.php",
    "what says nosniff itself": "/wp-content/plugins/sniff.php",
}


def test_every_answer_has_its_headers_on_both_web_servers(lab: Lab, core: Host) -> None:
    """On nginx a place with a header of its own lost all others: HSTS, and the owner's."""
    del core
    wanted = ("max-age=63072000", "nosniff", "yes")
    answers: dict[str, dict[str, tuple[int, str]]] = {}
    for name, kind in WEBS.items():
        host, root = lab.host(name), document_root(lab.host(name), "wordpress")
        scratch.plant(host, files(STRICT), ("a.txt", "a.svgz", "evil.php"), "www-data")
        host.run(f"cd {root}/wp-content/plugins; echo '<?php throw new Exception(1);' >boom.php; "
                 "echo '<?php header(\"X-Content-Type-Options: nosniff\"); echo 1;' >sniff.php")  # fmt: skip
        web = kind.removesuffix("_ssl")
        custom = f"/var/aegir/config/{web}/custom.d/{STRICT}.conf"
        host.run(f"echo '{OWNER[kind]}' >{custom}")
        try:
            switching.reload(host, web)
            said = {place: ask(host, STRICT, path, tls=True) for place, path in PLACES.items()}
            large = {"Content-Length": str(200 * 1024 * 1024)}
            said["a form that is too large"] = ask(
                host, STRICT, "/wp-login.php", tls=True, headers=large, method="POST"
            )
            host.run("systemctl stop php8.2-fpm")
            silent = ask(host, STRICT, "/", tls=True)
        finally:
            host.run(f"rm {custom}; systemctl start php8.2-fpm")
            switching.reload(host, web)
        for place, each in {**said, "PHP that does not run": silent}.items():
            found = tuple(each.headers.get(key, "") for key in (HSTS, "x-content-type-options", "x-owner"))
            assert wanted == found, (name, place, each.status)
        answers[name] = {place: (each.status, each.headers.get("content-encoding", "")) for place, each in said.items()}
        assert silent.status in (502, 503)
    assert answers["web1"] == answers["web2"]
    assert (200, "gzip") == answers["web1"]["an svgz"] == answers["web1"]["an svgz in uploads"]
    assert 413 == answers["web1"]["a form that is too large"][0]


METHODS = ("GET", "HEAD", "POST", "OPTIONS", "PUT", "PATCH", "DELETE", "PROPFIND", "PURGE")


@pytest.mark.parametrize("application", list(CODES))
def test_a_method_reaches_the_application_as_by_core(
    lab: Lab, core: Host, codes: dict[str, Path], application: str
) -> None:
    """A front page is a directory, and nginx's own index gives it only what browsers send."""
    if application not in codes:
        codebases.ask(CODES[application])
    paths = ("/", "/?x=1", "/nowhere", "/wp-admin/" if application == "wordpress" else "/node")
    wrong = []
    for method in METHODS:
        for path in paths:
            right = ask(core, "core.example.com", path, port=PORTS[application], headers=PROBING, method=method)
            said = [ask(lab.host(host), site(application), path, headers=PROBING, method=method) for host in WEBS]
            if {right.kind} != {answer.kind for answer in said}:
                wrong.append(f"{method} {path}: core {right.kind}, Apache and nginx {[answer.kind for answer in said]}")
    assert [] == wrong


def test_cache_tags_fit(web: Host, codes: dict[str, Path]) -> None:
    long: dict[str, Any] = {}
    name = site("wordpress")
    web.run(
        f"cat >{document_root(web, 'wordpress')}/wp-content/plugins/tags.php",
        input="<?php for ($i = 0; $i < 7; $i++) header(\"X-Tags-$i: \" . str_repeat('node:1 ', 1140)); echo 'served';",
    )
    said = ask(web, name, "/wp-content/plugins/tags.php")
    long = {key: len(value) for key, value in said.headers.items() if key.startswith("x-tags")}
    assert (200, b"served", 7) == (said.status, said.body, len(long))
    assert 55_000 < sum(long.values())
