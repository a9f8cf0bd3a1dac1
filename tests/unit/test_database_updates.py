"""Database updates that another release brings: read from code and tables, compared, and put into words."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import phpserialize
import pytest

from aegir_components import layout, settings
from aegir_components.applications import APPLICATIONS
from aegir_components.applications.updates import Available, Extension, Had, Pending
from aegir_components.messages.printable import first_of
from aegir_components.preview import going_back
from aegir_components.recorded import Recorded
from aegir_components.rollout import database_updates
from aegir_components.sources.resolve import Resolved

DRUPAL, DRUPAL7, WORDPRESS, BACKDROP = (
    APPLICATIONS[name].updates for name in ("drupal", "drupal7", "wordpress", "backdrop")
)


def write(root: Path, files: Mapping[str, str]) -> Path:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


def php(value: object) -> bytes:
    packed: bytes = phpserialize.dumps(value)
    return packed


def rows(
    numbers: Mapping[str, int], posts: list[str], themes: tuple[str, ...] = (), modules: tuple[str, ...] = ()
) -> list[tuple[object, ...]]:
    core = {"module": dict.fromkeys([*numbers, *modules], 0), "theme": dict.fromkeys(themes, 0), "profile": "minimal"}
    return [
        ("config", "core.extension", php(core)),
        ("post_update", "existing_updates", php(posts)),
        *(("system.schema", name, php(number)) for name, number in numbers.items()),
    ]


@pytest.fixture
def drupal(tmp_path: Path) -> Path:
    return write(
        tmp_path,
        {
            "web/core/lib/Drupal.php": "<?php class Drupal { const VERSION = '10.6.12'; }",
            "web/core/lib/Drupal/Core/Update/UpdateRegistry.php": "<?php // reads the theme_handler\n",
            "web/core/modules/system/system.info.yml": "",
            "web/core/modules/system/system.install": "<?php\n/**\n * function system_update_9999()\n */\n"
            "function system_update_10600(&$sandbox) {\n}\nfunction system_update_10400() {\n}\n"
            "function system_update_last_removed(): int {\n  // As of 9.0.\n  return 8901;\n}\nfunction system_install() {\n}\n",
            "web/core/modules/system/tests/system.info.yml": "",
            "web/core/modules/views/views.info.yml": "",
            "web/core/modules/views/views.post_update.php": "<?php\n"
            "function views_removed_post_updates(): array {\n  return [\n    'views_post_update_old' => '9.0.0',\n  ];\n}\n"
            "function views_post_update_new(): void {\n}\nfunction views_post_update_known(): void {\n}\n",
            "web/core/themes/stark/stark.info.yml": "",
            "web/core/themes/stark/stark.post_update.php": "<?php\nfunction stark_post_update_colour() {\n}\n",
            "web/modules/contrib/form/form.info.yml": "",
            "web/modules/contrib/form/form.install": "<?php\nmodule_load_include('inc', 'form', "
            "'includes/form.install.update');\nfunction form_extra_update_8001() {\n}\n",
            "web/modules/contrib/form/includes/form.install.update.inc": "<?php\nfunction form_update_8002() {\n}\n"
            "  function &form_update_8010() {\n}\n",
            "web/modules/contrib/form/includes/other.inc": "<?php\nfunction form_update_8500() {\n}\n",
            "web/modules/contrib/form/modules/form_extra/form_extra.info.yml": "",
        },
    )


def test_updates_of_drupal_are_those_that_its_registries_find(drupal: Path) -> None:
    code = DRUPAL.available(drupal, "web")
    had = DRUPAL.had(
        rows(
            {"system": 10100, "views": 8000, "form": 8001, "form_extra": 8000, "gone": -1},
            ["views_post_update_old", "views_post_update_known"],
            themes=("stark",),
        )
    )
    assert "10.6.12" == code.version
    assert DRUPAL.compare(code, had) == Pending(
        names=(
            "system_update_10400", "system_update_10600", "form_update_8002", "form_update_8010", "form_extra_update_8001",
            "stark_post_update_colour", "views_post_update_new",
        ),
        missing=("gone",),
    )  # fmt: skip


def test_a_database_with_all_of_them_lacks_nothing(drupal: Path) -> None:
    had = DRUPAL.had(rows({"system": 10600, "form": 8010}, ["views_post_update_new"]))
    assert not DRUPAL.compare(DRUPAL.available(drupal, "web"), had)


def test_themes_have_no_updates_where_the_registry_does_not_look_at_them(drupal: Path) -> None:
    (drupal / "web/core/lib/Drupal/Core/Update/UpdateRegistry.php").write_text("<?php\n")
    had = DRUPAL.had(rows({"system": 10600}, [], themes=("stark",)))
    assert () == DRUPAL.compare(DRUPAL.available(drupal, "web"), had).names


def test_a_database_that_is_too_old_or_too_new_is_named_as_such(drupal: Path) -> None:
    code = DRUPAL.available(drupal, "web")
    old = DRUPAL.compare(code, DRUPAL.had(rows({"system": 8805}, [], modules=("views",))))
    assert (
        "system is at 8805, and updates up to 8901 are not there any more",
        "views has not had views_post_update_old, which its version 9.0.0 does not bring any more",
    ) == old.too_old
    new = DRUPAL.compare(code, DRUPAL.had(rows({"system": 11001}, [])))
    assert ("system is at 11001, and this code knows updates up to 10600",) == new.newer


def test_updates_of_drupal_7_are_found_in_disabled_modules_too(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "includes/bootstrap.inc": "<?php\ndefine('VERSION', '7.105');\n",
            "modules/system/system.info": "",
            "modules/system/system.install": "<?php\nfunction system_update_last_removed() {\n  return 6055;\n}\n"
            "function system_update_7088() {\n}\nfunction system_update_7087() {\n}\n",
            "modules/system/tests/none.info": "",
            "sites/all/modules/contrib/views/views.info": "",
            "sites/all/modules/contrib/views/views.install": "<?php\nfunction views_update_7301() {\n}\n",
        },
    )
    code = DRUPAL7.available(tmp_path, ".")
    had = DRUPAL7.had([("system", "7087"), ("views", 7300), ("lost", 0), (b"never", -1)])
    assert Pending(names=("system_update_7088", "views_update_7301"), missing=("lost",)) == DRUPAL7.compare(code, had)
    assert ("system is at 6000, and updates up to 6055 are not there any more",) == DRUPAL7.compare(
        code, DRUPAL7.had([("system", 6000)])
    ).too_old


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        ("58975", Pending(names=("from database version 58975 to 60717",))),
        ("60717", Pending()),
        ("60718", Pending(newer=("its tables are of version 60718, and this code knows version 60717",))),
        ("broken", Pending()),
    ],
)
def test_updates_of_wordpress_are_one_number(tmp_path: Path, number: str, expected: Pending) -> None:
    write(tmp_path, {"wp-includes/version.php": "<?php\n$wp_version = '6.9.1';\n$wp_db_version = 60717;\n"})
    code = WORDPRESS.available(tmp_path, ".")
    assert expected == WORDPRESS.compare(code, WORDPRESS.had([(number,)]))


def test_each_site_of_a_wordpress_network_has_its_number(tmp_path: Path) -> None:
    write(tmp_path, {"wp-includes/version.php": "<?php\n$wp_version = '6.9.1';\n$wp_db_version = 60717;\n"})
    code = WORDPRESS.available(tmp_path, ".")
    query = WORDPRESS.query(["wp_options", "wp_2_options", "wp_posts", "wp_my_options", "wp_2_postmeta"])
    assert ["wp_2_options", "wp_options"] == [part.split()[3] for part in query.split(" UNION ALL ")]
    had = WORDPRESS.had([("60717",), (b"58975",), ("57155",)])
    assert ("from database version 57155 to 60717, 2 sites of the network",) == WORDPRESS.compare(code, had).names
    assert not WORDPRESS.compare(code, WORDPRESS.had([("60717",), ("60717",)]))


def declared(**platform: Any) -> settings.Settings:
    return settings.load(
        {
            "hub": {"address": "192.0.2.1", "ssh": {"known_hosts": "/srv/known_hosts"}},
            "servers": {
                "web1": {"address": "192.0.2.2", "services": {"web": "apache"}},
                "db1": {"address": "192.0.2.3", "services": {"database": "mysql"}},
            },
            "platforms": {"shop": {"server": "web1", "source": "/srv/shop", **platform}},
            "sites": {"one.example.com": {"platform": "shop"}, "two.example.com": {"platform": "shop"}},
        },
        lambda _path: False,
    )


def database_of(site: str) -> dict[str, Any]:
    return {
        "site": site, "database": site, "server": "db1", "connection": {"host": "db1", "address": "10.0.0.3"},
        "address": "10.0.0.3", "port": 3306, "user": "aegir_root", "password": "x", "account": site, "site_password": "y",
        "clients": ["10.0.0.2"], "owner": f"aegir/test/{site}",
    }  # fmt: skip


def recorded(*sites: str, digest: str = "a" * 64, application: str = "drupal") -> Recorded:
    return Recorded(
        {
            "aegir:Release": {"shop": {"digest": digest, "facts": {"version": "10.1.6"}}},
            "aegir:SiteConfiguration": {name: {"platform": "shop", "application": application} for name in sites},
            "aegir:SiteDatabase": {name: database_of(name) for name in sites},
        }
    )


def source(application: str = "drupal") -> dict[str, Resolved]:
    found = SimpleNamespace(code=SimpleNamespace(application=application), tree=SimpleNamespace(digest="b" * 64))
    return {"shop": cast("Resolved", found)}


CODE = Available(
    version="10.6.12", extensions={"system": Extension(numbered=("system_update_10400", "system_update_10600"))}
)


def judged(
    answers: dict[str, Had | str | None], before: Recorded | None = None, **platform: Any
) -> database_updates.Found:
    asked: list[str] = []

    def ask(sites: Any) -> dict[str, Had | str | None]:
        asked.extend(site.site.name for site in sites)
        return answers

    stack = declared(**platform)
    found = database_updates.judge(
        before or recorded("one.example.com", "two.example.com"), stack, source(), {"shop": CODE}, ask
    )
    assert set(asked) == set(answers)
    return found


def test_sites_that_lack_the_same_are_told_in_one_sentence() -> None:
    had = Had(numbers={"system": 10100})
    found = judged({"one.example.com": had, "two.example.com": had})
    assert [
        'aegir:platforms["shop"]: its sites go from Drupal 10.1.6 to 10.6.12, and their databases are updated with it. '
        "Pending updates of one.example.com, two.example.com: 2 (system_update_10400, system_update_10600)"
    ] == found.warnings
    assert [] == found.problems


def test_other_code_of_the_same_version_goes_from_nowhere_to_nowhere() -> None:
    assert "its sites get other code of WordPress 6.1.9" == database_updates._step("WordPress", "6.1.9", "6.1.9")
    assert "its sites go from WordPress 6.1.9 to 6.2" == database_updates._step("WordPress", "6.1.9", "6.2")


@pytest.mark.parametrize(
    ("number", "said"),
    [(1, "1 update of its database comes first"), (2, "2 updates of its database come first")],
)
def test_one_update_is_told_in_the_singular(number: int, said: str) -> None:
    assert said == database_updates._come_first(number)


def test_a_database_that_does_not_answer_is_a_warning() -> None:
    found = judged({"one.example.com": "db1 does not answer", "two.example.com": None})
    assert [
        'aegir:platforms["shop"]: pending updates with the other code are not known of one.example.com: db1 does not answer'
    ] == found.warnings


@pytest.mark.parametrize("keep", [False, True])
def test_older_code_stops_the_run_unless_it_is_vouched_for(keep: bool) -> None:
    had = Had(numbers={"system": 11000})
    found = judged({"one.example.com": had, "two.example.com": None}, database="keep" if keep else "check")
    assert keep is not any("has a database of newer code (system is at 11000" in text for text in found.problems)


def test_what_holds_for_many_sites_is_said_once() -> None:
    names = [f"s{number}.example.com" for number in range(9)]
    assert "s0.example.com, s1.example.com, s2.example.com and 6 more" == first_of(names, database_updates.NAMED)
    assert "s0.example.com" == first_of(names[:1], database_updates.NAMED)
    found = judged({"one.example.com": "db1 does not answer", "two.example.com": "db1 does not answer"})
    assert 1 == len(found.warnings)
    assert "of one.example.com, two.example.com: db1 does not answer" in found.warnings[0]


def test_nobody_is_asked_for_a_site_that_is_new_or_of_another_application() -> None:
    assert database_updates.Found() == judged({}, recorded())
    assert database_updates.Found() == judged({}, recorded("one.example.com", application="wordpress"))
    assert database_updates.Found() == judged({}, recorded("one.example.com", digest="b" * 64))


def test_what_a_release_brings_is_known_when_its_code_is_gone(drupal: Path, tmp_path: Path) -> None:
    stack = declared()
    before = recorded("one.example.com")
    found = SimpleNamespace(
        code=SimpleNamespace(application="drupal", docroot="web"),
        tree=SimpleNamespace(digest="b" * 64),
        directory=drupal,
    )
    hub = SimpleNamespace(root=str(tmp_path / "hub"))
    asked = cast("settings.Settings", SimpleNamespace(hub=hub, platforms=stack.platforms, sites_on=stack.sites_on))
    sources = {"shop": cast("Resolved", found)}
    read = database_updates.of_sources(before, asked, sources, keep=True)
    back = cast(
        "settings.Settings",
        SimpleNamespace(hub=hub, platforms=declared(rollback="b" * 16).platforms, sites_on=stack.sites_on),
    )
    found.directory = tmp_path / "nothing"
    assert read == database_updates.of_sources(before, back, sources, keep=False)
    assert {} == database_updates.of_sources(recorded("one.example.com", digest="b" * 64), asked, sources, keep=False)


def test_backdrop_counts_updates_of_drupal_7_below_its_own(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "core/includes/bootstrap.inc": "<?php\ndefine('BACKDROP_VERSION', '1.28.0');\n",
            "core/modules/system/system.info": "",
            "core/modules/system/system.install": "<?php\nfunction system_update_last_removed() {\n  return 7078;\n}\n"
            "function system_update_1001() {\n}\nfunction system_update_1002() {\n}\n",
            "modules/webform/webform.info": "",
            "modules/webform/webform.install": "<?php\nfunction webform_update_7410() {\n}\n"
            "function webform_update_1000() {\n}\n",
        },
    )
    code = BACKDROP.available(tmp_path, ".")

    def pending(**numbers: int) -> Pending:
        return BACKDROP.compare(code, BACKDROP.had([(name.encode(), number) for name, number in numbers.items()]))

    assert "1.28.0" == code.version
    assert ("system_update_1002", "webform_update_7410", "webform_update_1000") == pending(
        system=1001, webform=7400
    ).names
    assert not pending(system=1002, webform=1000)
    assert ("webform_update_1000",) == pending(system=1002, webform=7410).names
    assert not pending(system=7083).too_old
    assert pending(system=7070).too_old
    assert ("flag",) == pending(system=1002, flag=0).missing
    assert pending(system=1003).newer
    assert {"system", "state"} == set(BACKDROP.tables)


def gone_back(kept: going_back.Kept, *, waits: bool = True, live: str = "a" * 64, **rollout: Any) -> going_back.Told:
    """Say what is told of two sites whose platform goes to a former release with their databases."""
    before = recorded("one.example.com", "two.example.com", digest=live)
    sites: dict[str, Any] = {"one.example.com": {}, "two.example.com": {}}
    state = Recorded({**before.resources, "aegir:Rollout": {"shop": {"digest": live, "sites": sites} | rollout}})
    stack = declared(rollback="b" * 16, database="restore")
    waiting = {"shop": {"one.example.com": "first", "two.example.com": "first"}} if waits else {}
    return going_back.judge(state, stack, source(), waiting, lambda _sites: kept)


def test_what_going_back_with_the_database_loses_is_said_in_words() -> None:
    stack = declared()
    former = {"release": layout.release_path(stack.platforms["shop"].publish_path, "b" * 64), "made": 1_795_658_400}
    told = gone_back({"one.example.com": former, "two.example.com": None})
    assert [
        'aegir:platforms["shop"].database: one.example.com (of 2026-11-26 02:00 UTC) gets back the database of before its '
        "update. What was written since then is lost to the site; a proven dump of it lies on the hub before that. "
        "It answers 503 meanwhile"
    ] == told.losses
    assert [
        "two.example.com: its database is not restored, since no database of before an update is kept of it; "
        "`aegir restore two.example.com` brings back a backup"
    ] == told.undone
    both = gone_back({"one.example.com": former, "two.example.com": former}).losses
    assert "get back the database of before their update" in both[0]
    kept = gone_back({"one.example.com": former, "two.example.com": None}, waits=False)
    assert [] == kept.losses
    assert "no newer than the code of this release" in kept.undone[0]


def test_a_restore_of_which_nothing_is_known_is_announced_all_the_same() -> None:
    told = gone_back({"one.example.com": "db1 does not answer", "two.example.com": None})
    assert "one.example.com: nobody knows whether its database of before its update is kept: db1 does" in told.losses[0]


def test_a_restore_that_was_asked_for_before_is_not_announced_again() -> None:
    told = gone_back({}, live="b" * 64, restore=True)
    assert going_back.Told() == told


def test_after_a_run_that_did_not_end_only_what_may_be_lost_is_announced() -> None:
    stack = declared()
    former = {"release": layout.release_path(stack.platforms["shop"].publish_path, "b" * 64), "made": 1_795_658_400}
    told = gone_back({"one.example.com": former, "two.example.com": None}, waits=False, live="b" * 64, digest="a" * 64)
    assert (1, []) == (len(told.losses), told.undone)
