"""What production forbids, and rules of a team's own."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest

from aegir_components import settings
from aegir_components.settings import rules
from tests.unit.test_settings_faults import BASE

COMMIT = "0123456789abcdef" * 2 + "01234567"


def production(**changes: Any) -> dict[str, Any]:
    """Declare the base as production wants it, with values changed."""
    config: dict[str, Any] = copy.deepcopy(BASE)
    config["environment"] = "production"
    config["servers"]["web1"]["services"]["web"] = "apache_ssl"
    config["servers"]["db1"]["services"]["database"]["tls"] = "required"
    config["sites"]["www.example.com"]["https"] = "required"
    for path, value in changes.items():
        *steps, last = path.split("__")
        place = config
        for step in steps:
            place = place[{"site": "sites"}.get(step, step)]
        place[last] = value
    return config


def load(config: dict[str, Any]) -> settings.Settings:
    return settings.load(config, lambda _path: False)


def test_what_production_wants_is_accepted_and_sites_are_protected() -> None:
    declared = load(production())
    assert declared.sites["www.example.com"].protect
    assert not load(copy.deepcopy(BASE)).sites["www.example.com"].protect


def git(ref: str) -> dict[str, str]:
    return {"git": "https://git.example.com/x.git", "ref": ref}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"servers__web1__ssh": {"trust": "first-use"}},
            'aegir:servers["web1"].ssh.trust: must be "pinned", with the server\'s host_key '
            "(production's rule pinned_host_keys)",
        ),
        (
            {"sites": {"www.example.com": {"platform": "d10"}}},
            'aegir:sites["www.example.com"].https: must be "enabled" or "required" (production\'s rule tls)',
        ),
        (
            {"servers__db1__services": {"database": "mysql"}},
            'aegir:servers["db1"].services.database.tls: must be "required" (production\'s rule tls)',
        ),
        (
            {"platforms__d10__source": git("main")},
            'aegir:platforms["d10"].source.ref: must be a commit with all its digits, not "main", which may move '
            "(production's rule fixed_sources)",
        ),
        (
            {"platforms__d10__source": {"archive": "/srv/x.tar.gz"}},
            'aegir:platforms["d10"].source.checksum: missing; an archive may be another one tomorrow '
            "(production's rule fixed_sources)",
        ),
        (
            {"platforms__d10__source": {**git(COMMIT), "composer": {"unlocked": True}}},
            'aegir:platforms["d10"].source.composer.unlocked: must be false; without composer.lock each build brings the '
            "newest of everything (production's rule fixed_sources)",
        ),
    ],
)
def test_what_production_forbids_is_refused_with_the_rules_name(changes: dict[str, Any], message: str) -> None:
    config = production(**changes)
    with pytest.raises(settings.SettingsError) as caught:
        load(config)
    assert (message,) == caught.value.faults
    # In another environment it is the operator's choice.
    load({**config, "environment": "testing"})


def test_a_commit_is_fixed() -> None:
    load(production(platforms__d10__source=git(COMMIT)))


OWN = """
from aegir_components.settings import Settings

def names_end_in_example_com(settings: Settings):
    for site in settings.sites.values():
        if not _ours(site.name):
            yield f"site {site.name} is not ours"

def nothing_to_say(settings: Settings):
    return None

def _ours(name):
    return name.endswith(".example.org")
"""


def test_a_teams_own_rules_are_the_functions_of_their_file(tmp_path: Path) -> None:
    path = tmp_path / "rules.py"
    path.write_text(OWN)
    assert ["site www.example.com is not ours (rule names_end_in_example_com of rules.py)"] == rules.broken(
        load(copy.deepcopy(BASE)), path
    )


@pytest.mark.parametrize(
    ("text", "words"),
    [("def x(settings):\n    return 1 / 0\n", "ZeroDivisionError"), ("def x(:", "SyntaxError"), (None, "No such file")],
)
def test_rules_that_cannot_be_run_stop_the_run(tmp_path: Path, text: str | None, words: str) -> None:
    path = tmp_path / "rules.py"
    if text is not None:
        path.write_text(text)
    (fault,) = rules.broken(load(copy.deepcopy(BASE)), path)
    assert fault.startswith(f"aegir:rules: {path} cannot be run: ")
    assert words in fault


def test_what_production_forbids_comes_with_the_other_faults_and_says_nothing_of_their_values() -> None:
    config = production(servers__web1__ssh={"trust": "first-use"})
    config["sites"]["www.example.com"] |= {"https": "always", "cron": "never", "platform": "d11"}
    config["sites"]["plain.example.com"] = {"platform": "d10"}

    with pytest.raises(settings.SettingsError) as caught:
        load(config)

    said = [fault.partition(": ")[0] for fault in caught.value.faults]
    where = 'aegir:sites["www.example.com"]'
    assert sorted(
        [f"{where}.platform", f"{where}.https", f"{where}.cron", 'aegir:servers["web1"].ssh.trust',
         'aegir:sites["plain.example.com"].https']
    ) == sorted(said)  # fmt: skip
