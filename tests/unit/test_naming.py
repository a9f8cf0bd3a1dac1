"""Platforms in a list, which get the handbook's conventional names."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from aegir_components import settings
from aegir_components.sources.naming import conventional_name

SERVERS = {"web1.example.com": {"address": "10.0.0.2", "ssh": {"trust": "first-use"}, "services": {"web": "apache"}}}


@pytest.fixture
def source(tmp_path: Path) -> str:
    marker = tmp_path / "web" / "core" / "lib" / "Drupal.php"
    marker.parent.mkdir(parents=True)
    marker.write_text("<?php class Drupal { const VERSION = '10.1.6'; }")
    return str(tmp_path)


def load(*platforms: dict[str, Any]) -> settings.Settings:
    entries = [{"server": "web1.example.com", **platform} for platform in platforms]
    config = {"hub": {"address": "10.0.0.1"}, "servers": SERVERS, "platforms": entries}
    return settings.load(config, lambda _path: False, conventional_name)


def test_a_platform_of_a_list_is_called_after_server_and_version(source: str) -> None:
    declared = load({"source": source})
    assert ["web1-drupal-10.1.6"] == list(declared.platforms)
    assert "/var/aegir/platforms/web1-drupal-10.1.6" == declared.platforms["web1-drupal-10.1.6"].publish_path


def test_its_own_name_stands(source: str) -> None:
    assert ["mine"] == list(load({"name": "mine", "source": {"path": source}}).platforms)


def test_a_source_that_has_to_be_built_needs_a_name() -> None:
    with pytest.raises(settings.SettingsError) as caught:
        load({"source": {"git": "https://git.example.com/x.git", "ref": "main"}})
    assert caught.value.faults[0].startswith("aegir:platforms[0].name: missing; only a source that is a directory")


def test_two_of_the_same_name_are_told_apart(source: str) -> None:
    with pytest.raises(settings.SettingsError, match="as another platform in this list; give it a name of its own"):
        load({"source": source}, {"source": source})


def test_a_name_among_names_is_an_unknown_key(source: str) -> None:
    config = {"hub": {"address": "10.0.0.1"}, "servers": SERVERS,
              "platforms": {"d10": {"name": "x", "server": "web1.example.com", "source": source}}}  # fmt: skip
    with pytest.raises(settings.SettingsError, match=r"platforms.*name: unknown key"):
        settings.load(config, lambda _path: False)
