"""What a stack file tells a site's settings file: which names there are, how PHP reads the values, and that none is shown."""

from __future__ import annotations

import dataclasses
import json
import shutil
import subprocess
from typing import Any

import pytest

from aegir_components import settings, templates
from aegir_components.applications import APPLICATIONS, CodeBase
from aegir_components.deploy import site
from aegir_components.settings import groups
from aegir_components.sources.resolve import sharing_faults, value_faults, value_warnings
from tests.unit import stacks
from tests.unit.test_templates import HOSTILE, plan, with_inputs

OF_PLUGINS = (
    *(
        "WP_CACHE_KEY_SALT",
        "WP_REDIS_HOST",
        "WP_REDIS_DISABLED",
        "WPCACHEHOME",
        "WPLANG",
        "WP_ROCKET_KEY",
        "WPMS_ON",
        "JETPACK_DEV_DEBUG",
    ),
    *(
        "WP_CLI",
        "WPCF7_AUTOP",
        "GF_LICENSE_KEY",
        "EMPTY_CACHE_DAYS",
        "WP_SENTRY_DSN",
        "DISABLE_NAG_NOTICES",
        "WP_STAGE",
        "CONCAT_JS",
    ),
)
WHERE = 'aegir:sites["www.example.com"]'
HARD: dict[str, Any] = {
    "text": HOSTILE, "none": None, "yes": True, "whole": -3, "large": 2**70, "part": 1.5, "small": 1e-7,
    "list": [1, "1", [False]], "named": {"a": {"b": HOSTILE}, "it's": 0},
}  # fmt: skip


def faults(application: str, *, warnings: bool = False, **given: object) -> list[str]:
    declared = stacks.declared(**{f"sites__site__{key}": value for key, value in given.items()})
    platform = declared.sites[stacks.SITE].platform
    return (value_warnings if warnings else value_faults)(
        declared, {platform: CodeBase(application=application, version="1", docroot=".")}
    )


@pytest.mark.parametrize(
    ("application", "given", "says"),
    [
        ("wordpress", {"settings": {"WP_DEBUG": True}}, []),
        ("wordpress", {"settings": {"DB_NAME": "x"}}, ['settings["DB_NAME"]: follows from the stack file']),
        ("wordpress", {"settings": {"a.b": 1}}, ['settings["a.b"]: is no name of a constant of PHP']),
        ("wordpress", {"config": {"system.site": {"name": "x"}}}, ["config: WordPress has no configuration objects"]),
        ("drupal", {"settings": {"hash_salt": "x"}}, ['settings["hash_salt"]: follows from the stack file']),
        ("drupal", {"settings": {"WP_DEBUG": True}}, ["settings[\"WP_DEBUG\"]: is no name of one of Drupal's $settings"]),
        ("drupal", {"config": {"system.site": {"name": "x"}, "x": {"a": 1}, "a.b": 1}},
         ['config["a.b"]: must be a mapping', 'config["x"]: is no name of a configuration object']),
        ("drupal7", {"config": {"system.site": {"name": "x"}}}, ["config: Drupal 7 has no configuration objects"]),
        ("drupal7", {"settings": {"reverse_proxy": True, "cache": 1}}, ['settings["reverse_proxy"]: follows from']),
        ("wordpress", {"settings": {"table_prefix": "x_"}}, ['settings["table_prefix"]: is a variable and no constant']),
        ("wordpress", {"settings": {"wp_debug": True}},
         ['settings["wp_debug"]: is no name of a constant of PHP; did you mean "WP_DEBUG"?']),
        ("wordpress", {"settings": {"WP_DEBUG": "false"}}, ['settings["WP_DEBUG"]: must be true or false, without quotes']),
        ("wordpress", {"settings": {"WP_DEBUG": False, "MULTISITE": 1, "WP_MEMORY_LIMIT": "512M", "WP_REDIS_HOST": "x"}}, []),
        ("wordpress", {"settings": {"WP_MEMORY_LIMIT": 512}}, ['settings["WP_MEMORY_LIMIT"]: must be a size such as 256M']),
        ("wordpress", {"settings": {"WP_MAX_MEMORY_LIMIT": "512MB"}}, ['settings["WP_MAX_MEMORY_LIMIT"]: must be a size']),
        ("drupal", {"settings": {"databases": {}}}, ['settings["databases"]: the database follows from']),
        ("drupal", {"settings": {"base_url": "x", "config": {}}},
         ['settings["base_url"]: Drupal 8 and later have none', 'settings["config"]: write config of the site instead']),
        ("drupal", {"config": {"automated_cron.settings": {"interval": 3600}}},
         ['config["automated_cron.settings"]["interval"]: the machine\'s timer runs cron; write cron of the site']),
        ("backdrop", {"settings": {"hash_salt": "x"}}, ['settings["hash_salt"]: follows from the stack file']),
        ("backdrop", {"settings": {"config_directories": {}}}, ['settings["config_directories"]: the configuration is in']),
        ("backdrop", {"config": {"system.core": {"file_public_path": "x"}}},
         ['config["system.core"]["file_public_path"]: follows from the stack file']),
        ("backdrop", {"config": {"system.core": {"site_name": "x"}}}, []),
        ("drupal7", {"settings": {"databases": {}}}, ['settings["databases"]: the database follows from']),
        ("drupal7", {"settings": {"update_free_access": True}}, ['settings["update_free_access"]: is a variable of']),
    ],
)  # fmt: skip
def test_names_are_those_of_the_application(application: str, given: dict[str, Any], says: list[str]) -> None:
    found = faults(application, **given)
    assert len(says) == len(found), found
    assert all(text.startswith(f"{WHERE}.{say}") for text, say in zip(found, says, strict=True)), found


@pytest.mark.parametrize(
    ("application", "name", "near"),
    [
        ("wordpress", "WP_DEBGU", "WP_DEBUG"),
        ("wordpress", "WP_AUTO_UPDATES_CORE", "WP_AUTO_UPDATE_CORE"),
        ("wordpress", "WP_DEBUG", ""),
        *(("wordpress", name, "") for name in OF_PLUGINS),
        ("drupal", "config_sync_dir", "config_sync_directory"),
        ("drupal", "trusted_hosts_patterns", "trusted_host_patterns"),
        ("drupal", "redis.connection", ""),
        ("drupal", "state_cache", ""),
        ("backdrop", "trusted_hosts_patterns", "trusted_host_patterns"),
        ("backdrop", "omit_vary_cookie", ""),
        ("drupal7", "any_module_has_variables", ""),
    ],
)
def test_a_name_that_is_almost_the_applications_own_is_warned_of(application: str, name: str, near: str) -> None:
    found = faults(application, warnings=True, settings={name: 1})
    assert [f'{WHERE}.settings["{name}"]: ' in text and f'did you mean "{near}"?' in text for text in found] == (
        [True] if near else []
    )


def test_what_follows_from_tls_is_rejected_only_there() -> None:
    values = APPLICATIONS["wordpress"].values
    given = {"MYSQL_CLIENT_FLAGS": 2048}
    assert [1, 0] == [len(list(values.faults("WordPress", given, {}, tls=tls))) for tls in (True, False)]


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"a b": 1}, "is no name of a setting"),
        ({"a": "x\0y"}, "must be a text of up to 100000 characters, without NUL"),
        ({"a": [[[[[[[[[1]]]]]]]]]}, "has more than 8 levels of lists and mappings"),
        ({"a": float("inf")}, "must be a number that PHP can write"),
    ],
)
def test_what_no_php_file_can_hold_is_a_fault_that_shows_no_value(given: dict[str, Any], says: str) -> None:
    with pytest.raises(settings.SettingsError) as caught:
        stacks.declared(sites__site__settings=given)
    assert says in str(caught.value)
    assert "x\0y" not in str(caught.value)


@pytest.mark.skipif(shutil.which("php") is None, reason="PHP is not installed")
def test_php_reads_every_value_with_its_type() -> None:
    php = f"echo json_encode({templates.php(HARD)}, JSON_PRESERVE_ZERO_FRACTION | JSON_UNESCAPED_UNICODE);"
    said = subprocess.run(["php", "-r", php], check=True, capture_output=True, text=True).stdout
    assert HARD | {"large": str(2**70)} == json.loads(said)


@pytest.mark.parametrize("application", sorted(APPLICATIONS))
def test_own_values_stand_after_ours_where_a_later_one_counts_and_before_where_the_first_does(application: str) -> None:
    values: dict[str, dict[str, Any]] = {"settings": {"OWN": HOSTILE}, "config": {"a.b": {"c": 1}}}
    text = site.settings_text(with_inputs(plan("full", application), values=json.dumps(values)), 80)
    assert text.count(templates.php(HOSTILE)) >= 1
    own, local = text.index("'OWN'"), text.index("is_readable(__DIR__")
    assert own > local if application == "wordpress" else own < local
    assert (
        own < text.index("DISALLOW_FILE_MODS")
        if application == "wordpress"
        else own > text.index("'hash_salt'" if application == "drupal" else "hash_salt")
    )
    assert "OWN" not in repr(with_inputs(plan("full", application), values=json.dumps(values)))


@pytest.mark.parametrize(("application", "given", "says"), [
    ("backdrop", {}, 1),
    ("backdrop", {"separate": True}, 1),
    ("backdrop", {"path": "/srv/shared"}, 0),
    ("drupal", {"separate": True}, 0),
])  # fmt: skip
def test_web_servers_of_a_cluster_share_what_belongs_with_their_one_database(
    application: str, given: dict[str, Any], says: int
) -> None:
    declared = stacks.declared()
    platform = next(iter(declared.platforms))
    on = declared.platforms[platform].server
    uploads = groups.Uploads(**given) if given else None
    cluster = groups.WebCluster(name=on, servers=("web1", "web2"), uploads=uploads)
    declared = dataclasses.replace(declared, clusters={on: cluster})
    found = sharing_faults(declared, {platform: CodeBase(application=application, version="1", docroot=".")})
    assert says == len(found)
    assert all(text.startswith(f'aegir:clusters["{on}"].uploads: Backdrop CMS') for text in found)
