"""Names and places of platforms: the handbook's, older ones, and those that somebody else has."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from aegir_components import layout
from lab import HostSpec, Lab
from tests.integration import farm as farms
from tests.integration.farm import Config, Farm, hub_settings, logins, now

pytestmark = [pytest.mark.lab, pytest.mark.slow, pytest.mark.timeout(600)]

LabFactory = Callable[[str, Iterable[HostSpec]], Lab]
OLDER = "/var/aegir/drupal-10"
ROOT = layout.PLATFORMS_ROOT
EVERYTHING = r"find /var/aegir /srv -printf '%p %y %m %u %s %T@ %l\n' | sort"


def write_drupal(root: Path, *profiles: str) -> Path:
    """Make a code base that is recognised as Drupal with these profiles of its own, and is none."""
    core = root / "web" / "core"
    (core / "lib").mkdir(parents=True)
    (core / "lib" / "Drupal.php").write_text("<?php class Drupal { const VERSION = '10.1.6'; }\n")
    for name in ("standard", *profiles):
        place = (core if name == "standard" else root / "web") / "profiles" / name
        place.mkdir(parents=True)
        (place / f"{name}.info.yml").write_text(f"name: The {name} one\ntype: profile\ncore_version_requirement: '*'\n")
    return root


class Estate:
    """A web server, and two code bases."""

    def __init__(self, lab: Lab, directory: Path) -> None:
        self.lab, self.web, self.directory = lab, lab.host("web1"), directory
        self.plain = write_drupal(directory / "plain")
        self.shop = write_drupal(directory / "shop", "commerce")
        self.farm = self.stack("farm")
        self.farm.up()

    def stack(self, name: str) -> Farm:
        servers = {self.web.spec.fqdn: {"address": self.web.address, "services": {"web": "apache"}}}
        settings: Config = {"hub": hub_settings(self.lab), "servers": servers, "platforms": {}}
        return Farm(self.directory / name, settings)

    def platform(self, source: Path, **more: object) -> Config:
        return {"server": self.web.spec.fqdn, "source": str(source), **more}

    @property
    def platforms(self) -> Config:
        found: Config = self.farm.settings["platforms"]
        return found


@pytest.fixture(scope="module")
def estate(lab_factory: LabFactory, tmp_path_factory: pytest.TempPathFactory) -> Estate:
    return Estate(lab_factory("places", [HostSpec("web1", image="web")]), tmp_path_factory.mktemp("places"))


def test_a_platform_without_a_name_gets_the_handbooks(estate: Estate) -> None:
    estate.farm.settings["platforms"] = [estate.platform(estate.plain)]
    estate.farm.up()

    outputs = estate.farm.outputs()["platforms"]["web1-drupal-10.1.6"]
    assert ("drupal", "10.1.6", "web") == (outputs["application"], outputs["version"], outputs["docroot"])
    assert {"standard": "The standard one"} == outputs["profiles"]
    published = f"{ROOT}/web1-drupal-10.1.6"
    assert outputs["release_path"] == estate.web.run(f"readlink {published}").stdout.strip()
    estate.farm.settings["platforms"] = {}
    estate.farm.up()
    estate.web.run(f"! test -L {published} && ! test -e {ROOT}/.releases/web1-drupal-10.1.6")


def test_an_older_place_can_be_declared_and_only_ours_leaves_it(estate: Estate) -> None:
    estate.web.run("mkdir /var/aegir/theirs && echo dear >/var/aegir/theirs/file")
    estate.platforms["drupal"] = estate.platform(estate.plain, publish_path=OLDER)
    estate.farm.up()

    estate.web.run(f"test -s {OLDER}/web/core/lib/Drupal.php && test ! -e {ROOT}/drupal")
    said = estate.web.run("cat /var/aegir/config/apache/platform.d/drupal.conf").stdout
    assert f"{estate.web.run(f'readlink {OLDER}').stdout.strip()}/web" in said
    estate.farm.unchanged("--refresh")

    del estate.platforms["drupal"]
    estate.farm.up()

    assert "dear" == estate.web.run("cat /var/aegir/theirs/file").stdout.strip()
    estate.web.run(f"! test -L {OLDER} && ! test -e /var/aegir/.releases/drupal-10")
    assert (
        ""
        == estate.web.run("ls -A /var/aegir/config/sites.d /var/aegir/config/apache/platform.d | grep drupal; :").stdout
    )


def test_a_directory_of_somebody_elses_keeps_its_owner_and_mode(estate: Estate) -> None:
    estate.web.run("useradd -m -d /home/deploy deploy && chmod 750 /home/deploy; install -d -m 2755 /srv/ours")
    before = estate.web.run("stat -c %U:%G:%a /home/deploy /srv/ours").stdout
    estate.platforms["foreign"] = estate.platform(estate.plain, publish_path="/home/deploy/code")
    refused = estate.farm.up(ok=False)
    assert "/home/deploy, where the platform's releases and its sites' data are to lie, is deploy's" in refused.sentence
    assert "" == estate.web.run("ls -A /home/deploy | grep -v '^.bash\\|^.profile'", check=False).stdout

    estate.platforms["foreign"] = estate.platform(estate.plain, publish_path="/srv/ours/code")
    estate.farm.up()
    assert before == estate.web.run("stat -c %U:%G:%a /home/deploy /srv/ours").stdout
    estate.farm.unchanged("--refresh")
    del estate.platforms["foreign"]
    estate.farm.up()


PLANTED = "mkdir -p /home/deploy/www && chown deploy: /home/deploy/www"
WAYS = {
    "below a home": (PLANTED, "/home/deploy/sites/all/code", "deploy could put something else in its place: deploy on the way"),
    "below a directory of root's in a home": (
        "install -d -o root -g root /home/deploy/roots", "/home/deploy/roots/all/code", "deploy could put something else"
    ),
    "by a link in a home, into the system": (
        f"{PLANTED}; runuser -u deploy -- ln -sfn /etc /home/deploy/www/etc",
        "/home/deploy/www/etc/aegir/code", "leads into the system, to /etc/aegir"
    ),
    "by a link of root's into the system": ("ln -sfn /usr/share /srv/share", "/srv/share/aegir/code", "to /usr/share/aegir"),
    "by two links, of which one is in a home": (
        f"{PLANTED}; mkdir -p /srv/real; ln -sfn /srv/real /home/deploy/www/a; chown -h deploy: /home/deploy/www/a; "
        "ln -sfn /home/deploy/www/a /srv/b",
        "/srv/b/all/code", "deploy could put something else in its place",
    ),
    "below what everybody writes": ("install -d -m 777 /srv/open", "/srv/open/all/code", "others could put something else"),
    "below what a group writes": ("install -d -m 775 -g www-data /srv/group", "/srv/group/all/code", "others could put"),
    "on a mount below a home": (
        "mkdir -p /home/deploy/mnt; mount -t tmpfs tmpfs /home/deploy/mnt 2>/dev/null || :",
        "/home/deploy/mnt/all/code", "deploy could put"
    ),
}  # fmt: skip
"""What is there before, a publish path, and what is said of it."""


@pytest.mark.parametrize("way", WAYS)
def test_no_way_that_another_account_can_turn_is_taken_by_root(estate: Estate, way: str) -> None:
    prepared, path, says = WAYS[way]
    estate.web.run(f"id deploy >/dev/null 2>&1 || useradd -m -d /home/deploy deploy; {prepared}")
    looked = "find /home/deploy /etc /usr/share /srv -xdev -newer /tmp/mark ! -type l ! -path '/srv/ours*' 2>/dev/null | head"
    estate.web.run("touch -d '+1 second' /tmp/mark; sleep 1.1")
    estate.platforms["foreign"] = estate.platform(estate.plain, publish_path=path)
    try:
        refused = estate.farm.up(ok=False)
        assert says in refused.sentence
        assert "Nothing was made there" in refused.sentence
        assert "" == estate.web.run(looked).stdout
    finally:
        del estate.platforms["foreign"]
        estate.web.run("umount /home/deploy/mnt 2>/dev/null; true")


def test_a_link_of_somebody_elses_at_the_publish_path_is_refused_and_left(estate: Estate) -> None:
    estate.web.run(f"mkdir /srv/theirs && ln -s /srv/theirs {ROOT}/drupal")
    estate.platforms["drupal"] = estate.platform(estate.plain)

    refused = estate.farm.up(ok=False)

    assert f"{ROOT}/drupal exists and is not of our making; it was left as it is. Move it away" in refused.sentence
    assert "/srv/theirs" == estate.web.run(f"readlink {ROOT}/drupal").stdout.strip()
    estate.web.run(f"rm {ROOT}/drupal")
    estate.farm.up()
    estate.web.run(f"test -s {ROOT}/drupal/web/core/lib/Drupal.php")


@pytest.mark.parametrize(
    ("name", "path", "told"),
    [
        ("drupal", "/srv/other/drupal", "the stack aegir/test has a platform drupal on this machine; give yours another name"),
        ("other", f"{ROOT}/drupal", f"{ROOT}/drupal and {ROOT}/drupal, where the platform drupal of the stack aegir/test"),
        ("other", f"{ROOT}/drupal/web/below", f"{ROOT}/drupal/web/below and {ROOT}/drupal, where the platform drupal"),
    ],
    ids=["name", "path", "inside"],
)  # fmt: skip
def test_another_stack_cannot_take_a_platforms_name_or_place(
    estate: Estate, name: str, path: str, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = estate.web.run(f"readlink {ROOT}/drupal; {EVERYTHING} | grep drupal").stdout
    assert "web/core/lib/Drupal.php" in before
    with monkeypatch.context() as patched:
        patched.setattr(farms, "STACK", "second")
        second = estate.stack(f"second-{name}-{path.count('/')}")
        second.settings["platforms"][name] = estate.platform(estate.shop, publish_path=path)
        refused = second.up(ok=False)

    assert told in refused.sentence
    assert "If that one is gone for good, remove /var/aegir/config/sites.d/drupal/.published" in refused.sentence
    assert before == estate.web.run(f"readlink {ROOT}/drupal; {EVERYTHING} | grep drupal").stdout
    estate.farm.unchanged("--refresh")


@pytest.mark.parametrize(
    ("one", "two", "how"),
    [(f"{ROOT}/a", f"{ROOT}/a", "is"), (f"{ROOT}/a", f"{ROOT}/a/b", "lies in"), (f"{ROOT}/a/b", f"{ROOT}/a", "contains")],
)  # fmt: skip
def test_platforms_that_meet_are_refused_before_any_login(estate: Estate, one: str, two: str, how: str) -> None:
    estate.farm.disconnect()
    since = now(estate.web)
    kept = dict(estate.platforms)
    estate.platforms.update(
        {
            "first": estate.platform(estate.plain, publish_path=one),
            "next": estate.platform(estate.shop, publish_path=two),
        }
    )
    refused = estate.farm.preview(ok=False)
    estate.farm.settings["platforms"] = kept

    assert 'aegir:platforms["next"].publish_path: ' in refused.sentence
    assert f'{how} the publish path of platform "first"' in refused.sentence
    assert 0 == logins(estate.web, since)


def test_two_platforms_of_one_name_are_refused_before_any_login(estate: Estate) -> None:
    estate.farm.disconnect()
    since, kept = now(estate.web), dict(estate.platforms)
    estate.farm.settings["platforms"] = [
        estate.platform(estate.plain, name="same"), estate.platform(estate.shop, name="same"),
    ]  # fmt: skip
    refused = estate.farm.preview(ok=False)
    estate.farm.settings["platforms"] = kept

    assert 'is called "same" as another platform in this list; give it a name of its own' in refused.sentence
    assert 0 == logins(estate.web, since)


def test_a_profile_that_a_platform_has_not_is_refused_with_those_that_have_it(estate: Estate) -> None:
    kept = dict(estate.platforms)
    servers = estate.farm.settings["servers"]
    servers[estate.web.spec.fqdn]["services"]["database"] = "mysql"
    estate.platforms.update({"drupal-10": estate.platform(estate.plain), "shop": estate.platform(estate.shop)})
    estate.farm.settings["sites"] = {"www.example.com": {"platform": "drupal-10", "profile": "commerce"}}
    since = now(estate.web)
    estate.farm.disconnect()
    refused = estate.farm.preview(ok=False)
    del estate.farm.settings["sites"], servers[estate.web.spec.fqdn]["services"]["database"]
    estate.farm.settings["platforms"] = kept

    told = "profile 'commerce' is not on platform drupal-10; these have it: shop"
    assert f'aegir:sites["www.example.com"].profile: {told}' in refused.sentence
    assert 0 == logins(estate.web, since)


def test_a_source_that_lies_where_a_platform_is_published_is_refused(estate: Estate) -> None:
    kept = dict(estate.platforms)
    estate.platforms["self"] = estate.platform(Path(f"{ROOT}/drupal/web"))
    refused = estate.farm.preview(ok=False)
    estate.farm.settings["platforms"] = kept

    assert 'and what platform "drupal" publishes at' in refused.sentence
    assert "must be apart" in refused.sentence
