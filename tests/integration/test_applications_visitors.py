"""What visitors and editors do on real applications: forms with images, an exception, a login for nobody, on Apache and nginx."""

from __future__ import annotations

import base64
import json
import re
import shlex
import struct
import time
import urllib.error
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from aegir_components import layout, templates
from aegir_components.applications import APPLICATIONS
from aegir_components.cli import login
from aegir_components.cli.made import Site
from aegir_components.cli.state import State
from aegir_components.deploy import cron, installation
from aegir_components.providers.installation import LOOK
from aegir_components.remote.errors import Refused
from aegir_components.scripts import script
from lab import Host, HostSpec, Lab
from tests import codebases
from tests.integration import logins, reports
from tests.integration.editing import png, upload_to_drupal
from tests.integration.farm import Farm, fetch, web_and_database
from tests.integration.tables import calendars_read_differently, php_values_unknown
from tests.integration.waiting import UNCACHED, run_cron, wait_for_line

pytestmark = [pytest.mark.lab, pytest.mark.slow, pytest.mark.timeout(600)]

LabFactory = Callable[[str, Iterable[HostSpec]], Lab]
WORDPRESS, DRUPAL7, DRUPAL = (f"{name}.example.com" for name in ("wordpress", "drupal7", "drupal10"))
SITES = (WORDPRESS, DRUPAL7, DRUPAL)
SECOND = "second.example.com"
"""A further name of the WordPress site, which becomes the second site of a network."""
ROOT = layout.PLATFORMS_ROOT
LOCAL_TYPE = {"WP_ENVIRONMENT_TYPE": "local"}
LOCAL = {WORDPRESS: "local.wp-config.php", DRUPAL7: "local.settings.php", DRUPAL: "local.settings.php"}


@dataclass
class Estate:
    """A farm with a site of each application, and the web server's program."""

    farm: Farm
    web: Host
    passwords: dict[str, str]
    server: str = ""

    def browser(self, name: str) -> logins.Browser:
        """Give a visitor who has logged in as the administrator."""
        browser = logins.Browser(self.web, name)
        if name == WORDPRESS:
            assert logins.enter_wordpress(browser, self.passwords[name])
        else:
            path, form = ("/user", "user_login") if name == DRUPAL7 else ("/user/login", "user_login_form")
            assert logins.enter_drupal(browser, self.passwords[name], path=path, form_id=form)
        return browser

    def write_local(self, name: str, code: str) -> None:
        """Write the owner's own settings of a site, which each request reads again; no code takes them away."""
        path, user = f"{layout.site_linked(ROOT, name)}/{LOCAL[name]}", layout.system_user(name)
        if code:
            self.web.run(
                f"cat >{path} <<'END'\n<?php\n{code}\nEND\nchown root:{user} {path}; chmod 640 {path}; {UNCACHED} {path}"
            )
        else:
            self.web.run(f"rm {path}")


@pytest.fixture(scope="module")
def whole(lab_factory: LabFactory, tmp_path_factory: pytest.TempPathFactory) -> Estate:
    sources = {name: codebases.ask(name.partition(".")[0]) for name in SITES}
    lab = lab_factory("visitors", [HostSpec("web1", image="web"), HostSpec("db1", image="db")])
    farm = Farm(tmp_path_factory.mktemp("visitors"), web_and_database(lab, source=sources[WORDPRESS], sites={}))
    web = lab.host("web1")
    farm.settings["platforms"] = {
        name.partition(".")[0]: {"server": web.spec.fqdn, "source": str(source)} for name, source in sources.items()
    }
    farm.settings["sites"] = {name: {"platform": name.partition(".")[0]} for name in SITES}
    farm.settings["sites"][DRUPAL]["isolation"] = "process"
    farm.settings["sites"][WORDPRESS]["aliases"] = [SECOND]
    # WordPress takes passwords in headers over https only, or where it is told that it is at home.
    farm.settings["sites"][WORDPRESS]["settings"] = dict(LOCAL_TYPE)
    farm.up(timeout=400)
    passwords = {name: site["admin_password"] for name, site in farm.outputs()["sites"].items()}
    return Estate(farm=farm, web=web, passwords=passwords, server="apache")


@pytest.fixture(scope="module", params=["apache", "nginx"])
def estate(request: pytest.FixtureRequest, whole: Estate) -> Estate:
    """The farm with one web server, and then with the other in its place."""
    if whole.server != request.param:
        whole.farm.settings["servers"][whole.web.spec.fqdn]["services"]["web"] = request.param
        whole.farm.up()
        whole.server = request.param
    return whole


def upload_to_wordpress(estate: Estate, name: str) -> list[str]:
    """Upload an image by the form Media, Add New; give the paths of the image and of its sizes."""
    browser = estate.browser(WORDPRESS)
    nonce = re.search(r'name="_wpnonce" value="([^"]+)"', browser.get("/wp-admin/media-new.php")[1])
    assert nonce is not None
    form = {"post_id": "0", "_wpnonce": nonce[1], "html-upload": "Upload"}
    assert 302 == browser.send("/wp-admin/media-new.php", form, "async-upload", name, png(1300, 900))[0]
    newest = json.loads(browser.get("/?rest_route=/wp/v2/media")[1])[0]
    sizes = {newest["source_url"], *(size["source_url"] for size in newest["media_details"]["sizes"].values())}
    return sorted(address.partition(WORDPRESS)[2] for address in sizes)


def test_an_image_uploaded_to_wordpress_is_served_in_all_its_sizes(estate: Estate) -> None:
    paths = upload_to_wordpress(estate, f"one two {estate.server}.png")
    assert len(paths) >= 4, paths
    answers = {path: fetch(estate.web, WORDPRESS, path) for path in paths}
    assert dict.fromkeys(paths, (200, "image/png")) == {
        path: (answer.status, answer.headers["content-type"]) for path, answer in answers.items()
    }


@pytest.mark.parametrize(
    ("name", "field", "button", "title"),
    [
        (DRUPAL, "files[field_image_0]", "field_image_0_upload_button", "title[0][value]"),
        (DRUPAL7, "files[field_image_und_0]", "field_image_und_0_upload_button", "title"),
    ],
)
def test_an_image_uploaded_to_drupal_is_served_with_its_style(
    estate: Estate, name: str, field: str, button: str, title: str
) -> None:
    for each in upload_to_drupal(estate.browser(name), field, button, title):
        answer = fetch(estate.web, name, each)
        assert (200, "image/png") == (answer.status, answer.headers["content-type"]), each


def test_what_else_the_site_has_is_not_readable_because_of_it(estate: Estate) -> None:
    user, linked = layout.system_user(WORDPRESS), layout.site_linked(ROOT, WORDPRESS)
    files, tmp = layout.site_files(ROOT, WORDPRESS), layout.site_temporary(ROOT, WORDPRESS)
    private = layout.site_private(ROOT, WORDPRESS)
    own = f"runuser -u {user} -- sh -c"
    made = f"echo s >{private}/s; echo s >{tmp}/s; echo s >{files}/s; mkdir -p {files}/d; echo s >{files}/d/s"
    estate.web.run(f"{own} '{made}; chmod 600 {files}/s; chmod 700 {files}/d'")
    for path in (f"{linked}/wp-config.php", f"{private}/s", f"{tmp}/s", f"{files}/s", f"{files}/d/s"):
        assert estate.web.run(f"runuser -u www-data -- cat {path}", check=False).returncode != 0, path
    other = layout.system_user(DRUPAL)
    assert estate.web.run(f"runuser -u {other} -- ls {files}", check=False).returncode != 0
    estate.web.run(f"{own} 'mkdir -p {files}/e; echo \"<?php echo 6 * 7;\" >{files}/e/x.php'")
    answer = fetch(estate.web, WORDPRESS, f"/sites/{WORDPRESS}/files/e/x.php")
    assert answer.status in (403, 404)
    assert "42" not in answer.body


def test_uploads_of_before_are_opened_once(estate: Estate) -> None:
    """As they were left by a version that set no access list: made by WordPress, and forbidden."""
    path = upload_to_wordpress(estate, f"before {estate.server}.png")[0]
    files, tmp = layout.site_files(ROOT, WORDPRESS), layout.site_temporary(ROOT, WORDPRESS)
    user = layout.system_user(WORDPRESS)
    estate.web.run(
        f"setfacl -R -b -k {files} {tmp}; chmod -R g-s {files}; chgrp -R {user} {files}/20*; chmod 2770 {files}"
    )
    # nginx leaves what it cannot read to WordPress, which has no such page.
    assert {"apache": 403, "nginx": 404}[estate.server] == fetch(estate.web, WORDPRESS, path).status
    assert (
        f"{estate.web.spec.fqdn}: directory {files}: no access list for the web server" in estate.farm.drift().sentence
    )
    estate.farm.up("--refresh")
    assert 200 == fetch(estate.web, WORDPRESS, path).status
    estate.farm.unchanged("--refresh")


@pytest.mark.parametrize("name", SITES)
def test_an_exception_is_in_the_sites_own_error_log(estate: Estate, name: str) -> None:
    word = f"exception of {name} on {estate.server}"
    # Drupal 7 has its own handler by then, which needs what comes later.
    throw = f"{{ restore_exception_handler(); throw new RuntimeException('{word}'); }}"
    estate.write_local(name, f"if (isset($_GET['throw'])) {throw}")
    answer = fetch(estate.web, name, "/?throw=1")
    assert 500 == answer.status
    assert word not in answer.body
    log = f"{layout.site_log(name)}.error.log"
    wait_for_line(estate.web, log, word)
    estate.write_local(name, "")
    estate.web.run("logrotate -f /etc/logrotate.d/aegir; sleep 1")
    assert word in estate.web.run(f"cat {log}.1").stdout


@pytest.mark.parametrize("name", SITES)
def test_a_login_for_nobody_says_that_there_is_no_such_account(whole: Estate, name: str) -> None:
    with pytest.raises(Refused, match="the site has no account named nobody"):
        login.make(of_state(whole, name), "nobody")
    assert login.make(of_state(whole, name), "").startswith(f"http://{name}/")


@pytest.mark.parametrize("name", SITES)
def test_a_database_that_lets_nobody_in_is_named(whole: Estate, name: str) -> None:
    """What our own program says, and what the application says on a page that nobody sees."""
    site = of_state(whole, name)
    made: Any = site.installation
    database = {**made["database"], "port": int(made["database"]["port"]), "password": "another", "ca": ""}
    with pytest.raises(Refused, match=r"the database does not let the site in from this machine: .*Access denied"):
        run_program(whole, name, LOOK, {"database": database})
    settings = f"{layout.site_linked(ROOT, name)}/{APPLICATIONS[str(made['application'])].settings_name}"
    port = str(database["port"])
    whole.web.run(f"cp -p {settings} /root/kept; sed -i 's/{port}/1/' {settings}")
    try:
        with pytest.raises(Refused, match=r"(?i)refused|can.t connect|database connection"):
            login.make(site, "")
    finally:
        whole.web.run(f"cp -p /root/kept {settings}; sleep 2")


def test_wordpress_begins_with_readable_addresses(estate: Estate) -> None:
    found = fetch(estate.web, WORDPRESS, "/wp-json/")
    assert (200, "application/json") == (found.status, found.headers["content-type"].partition(";")[0])
    assert 404 == fetch(estate.web, WORDPRESS, "/there-is-no-such-page/").status
    assert "/hello-world/" in fetch(estate.web, WORDPRESS).body


@pytest.mark.parametrize("name", SITES)
def test_a_sites_names_lead_to_its_own_web_server_there(estate: Estate, name: str) -> None:
    """No name of the tests is in any DNS."""
    for each in (name, SECOND) if name == WORDPRESS else (name,):
        php = f"echo json_encode([gethostbyname('{each}'), $http_response_header[0] ?? '']);"
        code = f"file_get_contents('http://{each}/', FALSE, stream_context_create(['http' => ['ignore_errors' => TRUE]]));{php}"
        said = estate.web.run(f"runuser -u {layout.system_user(name)} -- php -r {shlex.quote(code)}").stdout
        assert ["127.0.0.1", "HTTP/1.1 200 OK"] == json.loads(said)


def test_wordpress_finds_itself_healthy_where_it_asks_itself(estate: Estate) -> None:
    health = "WP_Site_Health::get_instance()->can_perform_loopback()->status"
    loopback = f"require ABSPATH . 'wp-admin/includes/admin.php'; echo {health};"
    assert "good" == in_wordpress(estate, loopback)
    # What the page Tools, Site Health tests by itself is in it.
    page = estate.browser(WORDPRESS).get("/wp-admin/site-health.php")[1]
    found, _ = json.JSONDecoder().raw_decode(page[page.index("var SiteHealth = ") + len("var SiteHealth = ") :])
    status = {test["test"]: test["status"] for test in found["site_status"]["direct"]}
    assert "good" == status["rest_availability"], status
    assert "critical" not in status.values(), status


def in_wordpress(estate: Estate, code: str, before: str = "", site: str = WORDPRESS) -> str:
    """Run PHP in the WordPress site, as the site's own user."""
    docroot, user = f"{ROOT}/wordpress", layout.system_user(site)
    server = f"$_SERVER['HTTP_HOST'] = $_SERVER['SERVER_NAME'] = '{site}'; $_SERVER['REQUEST_URI'] = '/';"
    php = f"{server} {before} require '{docroot}/wp-load.php'; {code}"
    return estate.web.run(f"runuser -u {user} -- env AEGIR_SITE={site} php -r {shlex.quote(php)}").stdout


def test_a_form_of_a_hundred_megabytes_comes_in_where_php_allows_it(estate: Estate) -> None:
    limits = {"uploads": "100M", "memory": "320M", "values": {"max_input_vars": 5000}}
    for name in SITES:
        estate.farm.settings["sites"][name]["php"] = dict(limits)
    estate.farm.up()
    estate.farm.unchanged("--refresh")
    told = "[strlen($_POST['x'] ?? ''), $_FILES['f']['size'] ?? 0, ini_get('memory_limit'), ini_get('max_input_vars')]"
    megabyte = 1024 * 1024
    for name in SITES:
        estate.write_local(name, f"if (isset($_GET['form'])) exit(json_encode({told}));")
        browser = logins.Browser(estate.web, name)
        assert (200, [3, 100 * megabyte, "320M", "5000"]) == said(
            browser.send("/?form=1", {"x": "abc"}, "f", "a.bin", bytes(100 * megabyte))
        ), name
    too_much = {"x": "abc"}, "f", "a.bin", bytes(102 * megabyte)
    for name in SITES:
        browser = logins.Browser(estate.web, name)
        with pytest.raises(urllib.error.HTTPError, match="413"):
            browser.send("/?form=1", *too_much)
        estate.write_local(name, "")
        del estate.farm.settings["sites"][name]["php"]


@pytest.mark.parametrize("report", reports.REPORTS)
def test_what_people_report_of_other_hosts_holds_here(estate: Estate, report: str) -> None:
    reports.REPORTS[report](estate.web)


def test_an_editor_of_drupal_writes_finds_and_keeps_private(estate: Estate) -> None:
    reports.private_images_and_pages_named_like_them_are_answered(estate.web, png(300, 200))
    reports.writing_to_drupal_with_a_password_in_a_header_works(estate.web)
    # That gives the administrator another one.
    estate.passwords[DRUPAL] = "a password"
    run_cron(estate.web, layout.system_user(DRUPAL))
    browser = logins.Browser(estate.web, DRUPAL)
    assert logins.enter_drupal(browser, "a password", path="/user/login", form_id="user_login_form")
    assert "/private-lessons" in browser.get("/search/node?keys=zebra")[1]


def test_an_editor_of_drupal_7_writes_finds_and_keeps_private(estate: Estate) -> None:
    made = """
    $known = db_query("SELECT COUNT(*) FROM {node} WHERE title = 'Zebra seven'")->fetchField();
    if (!$known) {
      $file = file_save_data(base64_decode('IMAGE'), 'private://seven.png');
      file_save_data('x', 'private://none.txt');
      $node = (object) ['type' => 'article', 'title' => 'Zebra seven', 'language' => 'und', 'uid' => 1, 'status' => 1,
        'promote' => 1, 'field_image' => ['und' => [(array) $file]], 'body' => ['und' => [['value' => 'Zebra']]]];
      node_save($node);
    }
    echo '::', json_encode(image_style_url('thumbnail', 'private://seven.png'));
    """.replace("IMAGE", base64.b64encode(png(300, 200)).decode())
    style = str(reports.php_in(estate.web, DRUPAL7, made)).partition(DRUPAL7)[2]
    for path in (style, "/system/files/seven.png"):
        answer = fetch(estate.web, DRUPAL7, path)
        assert (200, "image/png") == (answer.status, answer.headers["content-type"]), path
    assert fetch(estate.web, DRUPAL7, "/system/files/none.txt").status in (403, 404)
    run_cron(estate.web, layout.system_user(DRUPAL7))
    assert "Zebra seven" in estate.browser(DRUPAL7).get("/search/node/zebra")[1]


NETWORK = "network.example.com"


def test_a_wordpress_network_has_sites_in_directories(estate: Estate) -> None:
    """Public reports by the dozen: no styles, and redirects for ever in wp-admin, of sites in directories."""
    settings = estate.farm.settings["sites"]
    if NETWORK not in settings:
        settings[NETWORK] = {"platform": "wordpress"}
        estate.farm.up()
        estate.passwords[NETWORK] = estate.farm.outputs()["sites"][NETWORK]["admin_password"]
        install = f"install_network(); populate_network(1, '{NETWORK}', 'a@example.com', 'Network', '/', FALSE);"
        upgrade = "require ABSPATH . 'wp-admin/includes/upgrade.php';"
        tables = "foreach ($wpdb->tables('ms_global') as $table => $prefixed) { $wpdb->$table = $prefixed; }"
        in_wordpress(estate, f"{upgrade} {tables} {install}", "define('WP_INSTALLING_NETWORK', TRUE);", NETWORK)
        settings[NETWORK]["settings"] = {
            "MULTISITE": True, "SUBDOMAIN_INSTALL": False, "DOMAIN_CURRENT_SITE": NETWORK, "PATH_CURRENT_SITE": "/",
            "SITE_ID_CURRENT_SITE": 1, "BLOG_ID_CURRENT_SITE": 1,
        }  # fmt: skip
        estate.farm.up()
        made = f"echo wpmu_create_blog('{NETWORK}', '/shop/', 'Shop', 1);"
        assert "2" == in_wordpress(estate, f"require ABSPATH . 'wp-admin/includes/admin.php'; {made}", "", NETWORK)
    page = fetch(estate.web, NETWORK, "/shop/")
    assert (200, True) == (page.status, "<title>Shop" in page.body), page.body[:300]
    for path, status, location in (
        ("/shop/wp-includes/css/dashicons.min.css", 200, ""),
        ("/shop/wp-login.php", 200, ""),
        ("/shop/wp-admin", 301, "/shop/wp-admin/"),
        ("/shop/wp-admin/", 302, "/shop/wp-login.php?"),
        ("/wp-admin/", 302, "/wp-login.php?"),
        ("/shop/wp-json/", 200, ""),
        ("/shop/wp-includes/version.php", 403, ""),
        ("/shop/wp-config.php", 403, ""),
        ("/shop/wp-none/", 404, ""),
    ):
        answer = fetch(estate.web, NETWORK, path)
        assert status == answer.status, path
        assert location in answer.headers.get("location", ""), path
    browser = logins.Browser(estate.web, NETWORK)
    assert logins.enter_wordpress(browser, estate.passwords[NETWORK])
    status, page_of_editor = browser.get("/shop/wp-admin/post-new.php")
    assert 200 == status
    assert "wp-block-editor" in page_of_editor


def test_sessions_of_php_are_cleaned(whole: Estate) -> None:
    """Debian's own timer knows nothing of the sites' directories."""
    tmp, user = layout.site_temporary(ROOT, WORDPRESS), layout.system_user(WORDPRESS)
    for name, age in (("old", "2 days ago"), ("new", "now")):
        whole.web.run(f"runuser -u {user} -- touch -d '{age}' {tmp}/sess_{name}")
    said = "exit(json_encode([$gone, $chance]));"
    # One session in so many is cleaned up after by its own start, which would leave nothing to count.
    begin = "$chance = ini_get('session.gc_probability'); ini_set('session.gc_probability', '0'); session_start();"
    asked = f"{begin} $gone = session_gc(); session_write_close(); {said}"
    whole.write_local(WORDPRESS, f"if (isset($_GET['gc'])) {{ {asked} }}")
    assert [1, "1"] == json.loads(fetch(whole.web, WORDPRESS, "/?gc=1").body)
    whole.write_local(WORDPRESS, "")
    assert whole.web.run(f"ls {tmp}/sess_old", check=False).returncode != 0
    assert whole.web.run(f"ls {tmp}/sess_new").returncode == 0


def test_settings_of_the_stack_file_reach_the_applications_with_their_types(whole: Estate) -> None:
    """A secret stands in no preview and in no state."""
    given: dict[str, dict[str, Any]] = {
        WORDPRESS: {"settings": {"WP_POST_REVISIONS": 3, "SHOP_KEY": "se'cret\\ $x <?php", "WP_DEBUG": True}},
        DRUPAL7: {"settings": {"site_slogan": "It's", "own_list": [1, {"a": None}]}},
        DRUPAL: {"settings": {"own": {"deep": [True, 1.5]}}, "config": {"system.site": {"slogan": "It's"}}},
    }
    for name, each in given.items():
        whole.farm.settings["sites"][name] |= each
    assert "se'cret" not in str(whole.farm.preview())
    assert "se'cret" not in whole.farm.up().sentence
    assert "se'cret" not in str(whole.farm.export())
    whole.farm.unchanged("--refresh")
    seen = {}
    for name, what in (
        (WORDPRESS, "[WP_POST_REVISIONS, SHOP_KEY, WP_DEBUG, apcu_enabled()]"),
        (DRUPAL7, "[variable_get('site_slogan'), variable_get('own_list')]"),
        (
            DRUPAL,
            "[\\Drupal::config('system.site')->get('slogan'), \\Drupal\\Core\\Site\\Settings::get('own'), apcu_enabled()]",
        ),
    ):
        # Drupal ends its answer before it, so the file may come a moment later; and whole, since it is a short one.
        path = f"{layout.site_temporary(ROOT, name)}/told"
        told = f"file_put_contents('{path}', json_encode({what}));"
        whole.write_local(name, f"if (isset($_GET['told'])) register_shutdown_function(function () {{ {told} }});")
        assert 200 == fetch(whole.web, name, "/?told=1").status
        seen[name] = json.loads(
            whole.web.run(f"timeout 60 sh -c 'until test -s {path}; do sleep 0.1; done'; cat {path}").stdout
        )
        whole.write_local(name, "")
    assert {
        WORDPRESS: [3, "se'cret\\ $x <?php", True, False],
        DRUPAL7: ["It's", [1, {"a": None}]],
        DRUPAL: ["It's", {"deep": [True, 1.5]}, True],
    } == seen, "APCu is one memory for all pools of a master"
    for name, each in given.items():
        for key in each:
            del whole.farm.settings["sites"][name][key]
    whole.farm.settings["sites"][WORDPRESS]["settings"] = dict(LOCAL_TYPE)


def said(answer: tuple[int, str]) -> tuple[int, object]:
    """Read an answer's JSON."""
    return answer[0], json.loads(answer[1])


def test_a_site_is_in_a_language_that_the_hub_has_and_a_warning_says_how_to_bring_one(
    whole: Estate, tmp_path: Path
) -> None:
    """No web server of the tests reaches Drupal's translation server."""
    head = 'msgid ""\nmsgstr ""\n"Content-Type: text/plain; charset=UTF-8\\n"\n"Plural-Forms: nplurals=2; plural=(n!=1);\\n"\n'
    for name in ("drupal-10.1.0.de.po", "drupal-7.100.de.po"):
        (tmp_path / name).write_text(f'{head}\nmsgid "Log in"\nmsgstr "Hinein"\n\nmsgid "Username"\nmsgstr "Wer da"\n')
    (tmp_path / "de_DE.mo").write_bytes(translation({"Hello world!": "Hallo Welt!"}))
    settings = whole.farm.settings
    settings["translations"] = str(tmp_path)
    for name, platform, language in (
        ("german.example.com", "wordpress", "de_DE"), ("french.example.com", "wordpress", "fr_FR"),
        ("german10.example.com", "drupal10", "de"), ("french10.example.com", "drupal10", "fr"),
        ("german7.example.com", "drupal7", "de"), ("french7.example.com", "drupal7", "fr"),
    ):  # fmt: skip
        profile = {} if platform == "wordpress" else {"profile": "minimal"}
        settings["sites"][name] = {"platform": platform, "language": language, **profile}
    begun = time.monotonic()
    warned = " ".join(whole.farm.up(timeout=400).sentence.split())
    assert time.monotonic() - begun < 300
    for place in (
        "wp-content/languages/fr_FR.mo",
        "translations/drupal-10.1.6.fr.po",
        "profiles/<profile>/translations/fr.po",
    ):
        assert f"on the hub, or into the source as {place}" in warned
    assert "translation de" not in warned
    assert "the site french10.example.com was installed in English" in warned
    pages = {name: fetch(whole.web, name).body for name in settings["sites"] if re.match("german|french", name)}
    languages = {name: re.findall(r'<html[^>]*lang="(..)', page)[0] for name, page in pages.items()}
    assert {name: "de" if name.startswith("german") else "en" for name in pages} == languages
    assert "Hallo Welt!" in pages["german.example.com"]
    assert "Hello world!" in pages["french.example.com"]
    for name, path in (("german10.example.com", "/user/login"), ("german7.example.com", "/user")):
        assert "Wer da" in fetch(whole.web, name, path).body
    whole.farm.unchanged("--refresh")
    assert "french" not in whole.farm.preview().sentence, "it was told as they were installed"
    settings["sites"]["german.example.com"]["language"] = "fr_FR"
    settings["sites"]["new.example.com"] = {"platform": "wordpress", "language": "fr"}
    told = whole.farm.preview(ok=False).sentence
    assert 'aegir:sites["new.example.com"].language: WordPress has no language "fr"; did you mean "fr_FR"?' in told
    assert 'aegir:sites["german.example.com"].language: the site is installed and does not switch by itself' in told
    assert "Its code no longer brings de_DE: until then it is in English" in told
    del settings["sites"]["new.example.com"]
    for name in pages:
        del settings["sites"][name]
    settings["confirm_removals"] = list(pages)
    del settings["translations"]
    whole.farm.up()
    del settings["confirm_removals"]


def translation(texts: dict[str, str]) -> bytes:
    """Make a file of gettext's, as `msgfmt` does."""
    pairs = sorted({"": "Content-Type: text/plain; charset=UTF-8\n", **texts}.items())
    begin = 28 + 16 * len(pairs)
    tables, data = [b"", b""], b""
    for column in (0, 1):
        for pair in pairs:
            text = pair[column].encode()
            tables[column] += struct.pack("<II", len(text), begin + len(data))
            data += text + b"\0"
    head = struct.pack("<7I", 0x950412DE, 0, len(pairs), 28, 28 + 8 * len(pairs), 0, 0)
    return head + b"".join(tables) + data


def test_cron_makes_links_to_the_sites_own_address(whole: Estate) -> None:
    """With TLS, and with another port than HTTP's."""
    whole.farm.settings["servers"][whole.web.spec.fqdn]["services"]["web"] = {"type": "nginx_ssl", "port": 8080}
    whole.farm.settings["sites"][DRUPAL]["https"] = "required"
    whole.farm.up()
    seen = {}
    for name, link in (
        (DRUPAL, "\\Drupal\\Core\\Url::fromRoute('<front>', [], ['absolute' => TRUE])->toString()"),
        (DRUPAL7, "url('<front>', ['absolute' => TRUE])"),
        (WORDPRESS, "home_url('/') . (is_ssl() ? ' over TLS' : '')"),
    ):
        path = f"{layout.site_temporary(ROOT, name)}/link"
        whole.write_local(name, f"register_shutdown_function(function () {{ file_put_contents('{path}', {link}); }});")
        run_cron(whole.web, layout.system_user(name))
        seen[name] = whole.web.run(f"cat {path}").stdout
        whole.write_local(name, "")
    assert {
        DRUPAL: f"https://{DRUPAL}/",
        DRUPAL7: f"http://{DRUPAL7}:8080/",
        WORDPRESS: f"http://{WORDPRESS}:8080/",
    } == seen


def test_wordpress_has_its_cron_every_five_minutes_at_a_small_load(whole: Estate) -> None:
    user = layout.system_user(WORDPRESS)
    assert re.search(r"OnCalendar=\*-\*-\* \*:\d\d/5:\d\d", whole.web.run(f"cat {cron.timer_path(user)}").stdout)
    assert "active" == whole.web.run(f"systemctl is-active aegir-cron@{user}.timer").stdout.strip()
    run_cron(whole.web, user)
    line = (
        f"set -a; . {cron.DIRECTORY}/{user}.env; time -p runuser -u {user} -- $AEGIR_PHP {cron.DIRECTORY}/wordpress.php"
    )
    spent = whole.web.run(f"bash -c {shlex.quote(line)}").stderr
    seconds = sum(float(word) for word in re.findall(r"(?:user|sys) ([0-9.]+)", spent))
    assert 0 < seconds < 3, spent


def test_a_calendar_expression_that_the_machine_does_not_take_is_named_with_its_key(whole: Estate) -> None:
    """Debian 13 has older names of time zones in a package of their own: the hub may know one that a machine does not."""
    assert [] == calendars_read_differently(whole.web, seed=7), "by this systemd and by us"
    assert [] == php_values_unknown(whole.web)
    zone, site, timer = (
        "Asia/Kolkata",
        whole.farm.settings["sites"][WORDPRESS],
        cron.timer_path(layout.system_user(WORDPRESS)),
    )
    before = whole.web.run(f"cat {timer}").stdout
    whole.web.run(f"mv /usr/share/zoneinfo/{zone} /usr/share/zoneinfo/away")
    site["cron"] = f"Mon..Fri 06:30 {zone}"

    said = whole.farm.up(ok=False).sentence

    whole.web.run(f"mv /usr/share/zoneinfo/away /usr/share/zoneinfo/{zone}")
    for part in (
        whole.web.spec.fqdn,
        f'aegir:sites["{WORDPRESS}"].cron: systemd 2',
        f'systemd-analyze calendar "{site["cron"]}"',
    ):
        assert part in said
    assert before == whole.web.run(f"cat {timer}").stdout
    whole.farm.up()
    assert f"OnCalendar={site.pop('cron')}\n" in whole.web.run(f"cat {timer}").stdout
    whole.farm.up()


def test_a_wordpress_network_has_cron_on_each_of_its_sites(whole: Estate) -> None:
    in_wordpress(
        whole,
        f"""
        require ABSPATH . 'wp-admin/includes/upgrade.php';
        foreach ($wpdb->tables('ms_global') as $table => $prefixed) {{ $wpdb->$table = $prefixed; }}
        install_network();
        populate_network(1, '{WORDPRESS}', 'a@example.com', 'Network', '/', TRUE);
        """,
        "define('WP_INSTALLING_NETWORK', TRUE);",
    )
    constants = {"MULTISITE": True, "SUBDOMAIN_INSTALL": True, "DOMAIN_CURRENT_SITE": WORDPRESS, "PATH_CURRENT_SITE": "/",
                 "SITE_ID_CURRENT_SITE": 1, "BLOG_ID_CURRENT_SITE": 1}  # fmt: skip
    whole.write_local(
        WORDPRESS, "".join(f"define('{key}', {templates.php(value)});" for key, value in constants.items())
    )
    code = f"""
    require ABSPATH . 'wp-admin/includes/admin.php';
    $second = wpmu_create_blog('{SECOND}', '/', 'Second', 1);
    if (is_wp_error($second)) exit($second->get_error_message());
    switch_to_blog($second);
    $post = wp_insert_post(['post_title' => 'x', 'post_status' => 'future', 'post_date' => wp_date('Y-m-d H:i:s', time() + 900)]);
    echo $second . ' ' . $post . ' ' . get_post_status($post);
    // The quarter of an hour has passed.
    $past = ['post_date' => wp_date('Y-m-d H:i:s', time() - 5), 'post_date_gmt' => gmdate('Y-m-d H:i:s', time() - 5)];
    $wpdb->update($wpdb->posts, $past, ['ID' => $post]);
    wp_clear_scheduled_hook('publish_future_post', [$post]);
    wp_schedule_single_event(time() - 5, 'publish_future_post', [$post]);
    """
    second, number, status = in_wordpress(whole, code).split()
    assert "future" == status
    run_cron(whole.web, layout.system_user(WORDPRESS))
    assert "publish" == in_wordpress(whole, f"switch_to_blog({second}); echo get_post_status({number});")


def of_state(estate: Estate, name: str) -> Site:
    """Read a site of the state."""
    return State.read("test", estate.farm.export()).sites[name]


def run_program(estate: Estate, name: str, names: tuple[str, ...], values: dict[str, object]) -> str:
    """Run our PHP programs for a site; give their last word."""
    site = of_state(estate, name)
    lines = installation.items(names, site=name, publish_path=site.publish_path, docroot=site.docroot, values=values)
    (conn,) = (estate.farm.connections()[estate.web.spec.fqdn],)
    return script.execute(conn, "apply", lines, what="trying a program", lock=False).facts["result"]
