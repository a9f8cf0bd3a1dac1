"""Changes of a site's configuration on two web servers: pages show them at once, and one that breaks a site is rolled back."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from aegir_components import layout
from lab import Host, HostSpec, Lab
from tests import codebases
from tests.integration.farm import Config, Farm, fetch, web_and_database
from tests.integration.scratch import ask

pytestmark = [pytest.mark.lab, pytest.mark.slow, pytest.mark.timeout(600)]

LabFactory = Callable[[str, Iterable[HostSpec]], Lab]
WORDPRESS, DRUPAL7, DRUPAL = (f"{name}.example.com" for name in ("wordpress", "drupal7", "drupal10"))
CODES = {DRUPAL: "drupal10", DRUPAL7: "drupal7", WORDPRESS: "wordpress"}
KEEPS = """<?php
// As plugins do that keep pages: one in memory, and one with a function of its own that empties it.
function rocket_clean_domain() {
  update_option('aegir_emptied', 1 + (int) get_option('aegir_emptied', 0));
}
add_action('init', function () {
  if (isset($_GET['kept'])) {
    $word = apcu_fetch('kept');
    if ($word === false) {
      apcu_store('kept', $word = defined('SHOWN') ? SHOWN : 'nothing');
    }
    exit('WordPress kept ' . $word . ', emptied ' . (int) get_option('aegir_emptied', 0));
  }
  if (isset($_GET['host'])) {
    exit($_SERVER['HTTP_HOST']);
  }
  if (isset($_GET['ini'])) {
    header('Content-Type: application/json');
    exit(json_encode(ini_get_all(null, false)));
  }
});
"""


@dataclass
class Estate:
    """A cluster of an Apache and an nginx, with a site of each application that there is."""

    farm: Farm
    webs: list[Host]

    def declare(self, site: str, **keys: Any) -> Config:
        """Change keys of a site; give what they were."""
        declared = self.farm.settings["sites"][site]
        before = {key: declared.get(key) for key in keys}
        for key, value in keys.items():
            declared.pop(key, None)
            if value is not None:
                declared[key] = value
        return before

    def bodies(self, site: str, path: str = "/") -> list[str]:
        """Ask both web servers."""
        return [fetch(web, site, path).body for web in self.webs]

    def statuses(self, site: str) -> list[int]:
        return [fetch(web, site, "/?asked").status for web in self.webs]


@pytest.fixture(scope="module")
def estate(lab_factory: LabFactory, wordpress: Path, tmp_path_factory: pytest.TempPathFactory) -> Estate:
    lab = lab_factory(
        "configuration", [HostSpec("web1", image="web"), HostSpec("web2", image="web"), HostSpec("db1", image="db")]
    )
    sources = {site: codebases.locate(code) for site, code in CODES.items()}
    code = tmp_path_factory.mktemp("wordpress") / "code"
    shutil.copytree(sources[WORDPRESS] or wordpress, code, symlinks=True)
    (code / "wp-content" / "mu-plugins").mkdir(exist_ok=True)
    (code / "wp-content" / "mu-plugins" / "keeps.php").write_text(KEEPS)
    sources[WORDPRESS] = code
    settings = web_and_database(lab, source=code, sites={})
    webs = [lab.host("web1"), lab.host("web2")]
    for host, kind in zip(webs, ("apache", "nginx"), strict=True):
        settings["servers"][host.spec.fqdn] = {"address": host.address, "services": {"web": kind}}
    settings["clusters"] = {"web": {"servers": [host.spec.fqdn for host in webs], "uploads": "separate"}}
    settings["platforms"] = {
        CODES[site]: {"server": "web", "source": str(source)} for site, source in sources.items() if source
    }
    settings["sites"] = {
        site: {"platform": CODES[site], **({} if site == WORDPRESS else {"profile": "minimal"})}
        for site, source in sources.items()
        if source
    }
    settings["sites"][WORDPRESS]["isolation"] = "process"
    if DRUPAL7 in settings["sites"]:
        settings["sites"][DRUPAL7]["settings"] = {"cache": True, "site_name": "The first name"}
    farm = Farm(tmp_path_factory.mktemp("configuration"), settings)
    farm.up(timeout=400)
    return Estate(farm, webs)


def test_pages_show_a_change_of_the_configuration_at_once_on_every_web_server(estate: Estate) -> None:
    """Anonymous visitors of Drupal saw the former values until its page cache came to an end."""
    sites = estate.farm.settings["sites"]
    for site in sites:
        estate.bodies(site)
    if DRUPAL in sites:
        hits = [fetch(web, DRUPAL).headers.get("x-drupal-cache") for web in estate.webs]
        assert ["HIT", "HIT"] == hits, "the page cache is on"
        estate.declare(DRUPAL, config={"system.site": {"name": "The second name"}})
    if DRUPAL7 in sites:
        assert all("The first name" in body for body in estate.bodies(DRUPAL7))
        assert "HIT" == fetch(estate.webs[0], DRUPAL7).headers.get("x-drupal-cache")
        estate.declare(DRUPAL7, settings={"cache": True, "site_name": "The second name"})
    assert ["WordPress kept nothing, emptied 0"] * 2 == estate.bodies(WORDPRESS, "/?kept")
    estate.declare(WORDPRESS, settings={"SHOWN": "a word"})
    done = estate.farm.up()
    assert "could not be emptied" not in done.output
    for site in {DRUPAL, DRUPAL7} & sites.keys():
        assert all("The second name" in body for body in estate.bodies(site)), site
    # Once a site, and the memory of PHP on each of its web servers.
    assert ["WordPress kept a word, emptied 1"] * 2 == estate.bodies(WORDPRESS, "/?kept")
    estate.farm.unchanged("--refresh")
    assert ["WordPress kept a word, emptied 1"] * 2 == estate.bodies(WORDPRESS, "/?kept")
    if DRUPAL in sites:
        assert "HIT" == fetch(estate.webs[0], DRUPAL).headers.get("x-drupal-cache"), "nothing changed, all is kept"


def test_caches_that_cannot_be_emptied_fail_no_run_and_are_tried_again(estate: Estate) -> None:
    plugin = f"{layout.PLATFORMS_ROOT}/wordpress/wp-content/mu-plugins/keeps.php"
    ends = 'exit(fwrite(STDERR, "the plugin has no room") * 0 + 3);'
    for web in estate.webs:
        web.run(f"sed -i 's/^function rocket_clean_domain.*/&\\n  {ends}/' {plugin}")
    estate.declare(WORDPRESS, settings={"SHOWN": "another word"})
    said = estate.farm.up().output
    assert (
        "the site wordpress.example.com has its new configuration and answers, and its caches could not be emptied"
        in said
    )
    assert "the plugin has no room" in said
    for web in estate.webs:
        web.run(f"sed -i '/the plugin has no room/d' {plugin}")
    # The release is repaired by the refresh, which had a file of it changed by hand here.
    assert "could not be emptied" not in estate.farm.up("--refresh").output
    assert ["WordPress kept another word, emptied 2"] * 2 == estate.bodies(WORDPRESS, "/?kept")
    estate.farm.unchanged("--refresh")


def test_an_application_hears_under_which_port_it_was_asked(estate: Estate) -> None:
    """Debian's nginx gives PHP the name without its port, and links made of it lead to port 80."""
    for host in (WORDPRESS, f"{WORDPRESS}:80", f"{WORDPRESS}:8081", f"{WORDPRESS.upper()}:8081"):
        heard = [ask(web, host, "/?host").body.decode().lower() for web in estate.webs]
        assert [host.lower()] * 2 == heard
    for web in estate.webs:
        asked = f"http://{WORDPRESS}/?host"
        assert WORDPRESS == ask(web, "evil.example.com", asked).body.decode(), (
            "the name of the request, not the header's"
        )
    answers = [ask(web, WORDPRESS, "/?rest_route=/wp/v2/posts/1", method=method).status for web in estate.webs
               for method in ("PUT", "DELETE", "PATCH", "OPTIONS")]  # fmt: skip
    assert answers[:4] == answers[4:]
    assert 405 not in answers


INI = {
    "user_agent": ' it\'s a "test"; # $HOME ${HOME} 100% \\ [x] {y} <?php é ',
    "arg_separator.output": ";",
    "error_append_string": "\\n\\\\",
    "error_prepend_string": "${PATH",
    "highlight.comment": "#ff8000; color: red",
    "sendmail_path": "/usr/sbin/sendmail -t -i -f 'web@example.com'",
    "session.cookie_path": "/shop",
    "disable_functions": "dl,pcntl_fork",
    "open_basedir": "/var/aegir:/tmp:/usr/share",
    "default_mimetype": "text/html",
    "auto_append_file": "",
    "session.gc_divisor": 50,
    "session.gc_probability": 3,
    "display_errors": "stderr",
    "short_open_tag": False,
    "max_input_vars": 5000,
    "session.name": "none",
    "date.timezone": "Europe/Berlin",
    "include_path": ".:/usr/share/php",
    "precision": 12,
}


def test_php_reads_every_value_as_it_was_declared(estate: Estate) -> None:
    """PHP-FPM writes /usr/ before some values, replaces others, and takes the first of two."""
    was = estate.declare(WORDPRESS, php={"values": INI})
    estate.farm.up()
    for web in estate.webs:
        read = json.loads(fetch(web, WORDPRESS, "/?ini").body)
        told = {key: str(int(value)) if isinstance(value, bool) else str(value) for key, value in INI.items()}
        assert told == {key: read[key] for key in INI}
        assert not read["error_log"], "errors go to the site's own log"
    estate.declare(WORDPRESS, **was)
    estate.farm.up()
    assert all("/usr/" != json.loads(fetch(web, WORDPRESS, "/?ini").body)["error_log"] for web in estate.webs)


BREAKING: dict[str, tuple[Config, str]] = {
    "a setting": (
        {"settings": {"WP_CONTENT_DIR": "/nonexistent", "SHOWN": "x"}},
        "settings.SHOWN, settings.WP_CONTENT_DIR",
    ),
    "too little memory": ({"php": {"memory": "3M"}}, "php.memory"),
    "a value of PHP": ({"php": {"values": {"auto_prepend_file": "/nonexistent.php"}}}, "php.values.auto_prepend_file"),
}


def test_a_configuration_that_breaks_a_site_is_rolled_back_on_all_web_servers(estate: Estate) -> None:
    before = [files(web) for web in estate.webs]
    for keys, named in BREAKING.values():
        was = estate.declare(WORDPRESS, **keys)
        said = estate.farm.up(ok=False).output
        for web in estate.webs:
            assert f"{WORDPRESS} on {web.spec.fqdn}: answers" in said, said
            assert (
                f"The former configuration of {WORDPRESS} is back on {web.spec.fqdn}, and the site answers again"
                in said
            )
        assert named in said.partition("Changed since it answered: ")[2].partition(". ")[0]
        assert [200, 200] == estate.statuses(WORDPRESS)
        assert before == [files(web) for web in estate.webs]
        # Without a repair the next run does the same, and the site goes on answering.
        if "memory" in named:
            assert "is back on" in estate.farm.up(ok=False).output
            assert [200, 200] == estate.statuses(WORDPRESS)
        estate.declare(WORDPRESS, **was)
    estate.farm.up()
    estate.farm.unchanged("--refresh")
    assert all("" == web.run("ls /var/lib/aegir/former 2>/dev/null || :").stdout for web in estate.webs)


def test_a_pool_of_all_sites_is_rolled_back_as_well_and_its_neighbours_are_not(estate: Estate) -> None:
    sites = estate.farm.settings["sites"]
    if DRUPAL not in sites or DRUPAL7 not in sites:
        pytest.skip("the two of one pool are not here")
    estate.declare(DRUPAL, settings={"bootstrap_container_definition": {}})
    estate.declare(DRUPAL7, settings={"cache": True, "site_name": "The third name"})
    said = estate.farm.up(ok=False).output
    assert "Changed since it answered: settings.bootstrap_container_definition." in said
    assert [200, 200] == estate.statuses(DRUPAL)
    assert all("The third name" in body for body in estate.bodies(DRUPAL7))
    estate.declare(DRUPAL, settings=None)
    estate.declare(DRUPAL7, php={"values": {"auto_prepend_file": "/nonexistent.php"}})
    said = estate.farm.up(ok=False).output
    assert "Changed since it answered: php.values.auto_prepend_file." in said
    assert [200, 200] == estate.statuses(DRUPAL7)
    estate.declare(DRUPAL7, php=None)
    estate.farm.up()
    estate.farm.unchanged("--refresh")


def test_a_master_that_is_slow_to_reload_is_waited_for(estate: Estate) -> None:
    """Until it hears of the reload its former workers answer as before, and the site looks well that is broken a moment later."""
    if DRUPAL7 not in estate.farm.settings["sites"]:
        pytest.skip("the one in the pool of all sites is not here")
    slow = (
        "pid=$(systemctl show --value -p MainPID php8.2-fpm); kill -STOP $pid; mark=/run/aegir/reload/php8.2-fpm; "
        'timeout 200 sh -c "until [ -e $mark ]; do sleep 0.05; done; while [ -e $mark ]; do sleep 0.05; done"; '
        "sleep 3; kill -CONT $pid"
    )
    assert [200, 200] == estate.statuses(DRUPAL7), "a worker of each is idle now"
    for web in estate.webs:
        web.run(f"nohup sh -c '{slow}' >/dev/null 2>&1 </dev/null &")
    estate.declare(DRUPAL7, php={"values": {"auto_prepend_file": "/nonexistent.php"}})
    said = estate.farm.up(ok=False).output
    for web in estate.webs:
        assert f"The former configuration of {DRUPAL7} is back on {web.spec.fqdn}, and the site answers again" in said
    assert [200, 200] == estate.statuses(DRUPAL7)
    estate.declare(DRUPAL7, php=None)
    estate.farm.up()


def test_an_apache_that_is_slow_to_reload_is_waited_for(estate: Estate) -> None:
    """It is told by a signal, and reads its configuration a moment later: until then nobody knows of a new name."""
    web, name = estate.webs[0], f"www.{WORDPRESS}"
    slow = (
        "pid=$(systemctl show --value -p MainPID apache2); kill -STOP $pid; "
        'timeout 200 sh -c "until grep -q ^ShdPnd:.*2..\\$ /proc/$pid/status; do sleep 0.05; done"; sleep 5; kill -CONT $pid'
    )
    web.run(f"nohup sh -c '{slow}' >/dev/null 2>&1 </dev/null &")
    was = estate.declare(WORDPRESS, aliases=[name])
    estate.farm.up()
    assert [301, 301] == [ask(each, name, "/").status for each in estate.webs], "to its first name"
    estate.declare(WORDPRESS, **was)
    estate.farm.up()


def test_a_run_that_is_killed_before_its_proof_leaves_the_rolling_back_to_the_next(estate: Estate) -> None:
    was = estate.declare(WORDPRESS, settings={"WP_CONTENT_DIR": "/nonexistent"})
    web, place = estate.webs[0], f"{layout.site_linked(layout.PLATFORMS_ROOT, WORDPRESS)}/wp-config.php"
    running = estate.farm.start("up", "--yes", "--skip-preview")
    web.run(f"until grep -q /nonexistent {place}; do sleep 0.05; done", timeout=200)
    running.kill()
    estate.farm.cancel()
    said = estate.farm.up(ok=False).output
    assert f"The former configuration of {WORDPRESS} is back on {web.spec.fqdn}, and the site answers again" in said
    assert [200, 200] == estate.statuses(WORDPRESS)
    estate.declare(WORDPRESS, **was)
    estate.farm.up()
    estate.farm.unchanged("--refresh")


def files(web: Host) -> dict[str, str]:
    """Read what a site is configured by on a web server, with owners and modes."""
    user = layout.system_user(WORDPRESS)
    places = (
        f"{layout.site_linked(layout.PLATFORMS_ROOT, WORDPRESS)}/wp-config.php /var/aegir/config/*/vhost.d/{WORDPRESS}.conf "
        f"/var/aegir/config/php-fpm/process.d/{user}.conf /etc/systemd/system/aegir-php@{user}.service"
    )
    told = web.run(f"for file in {places}; do stat -c '%n %U:%G:%a' $file; sha256sum <$file; done").stdout.split("\n")
    return dict(zip(told[::2], told[1::2], strict=False))
