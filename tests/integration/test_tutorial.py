"""The tutorial on two fresh machines: each block is written or run as it stands, from the first key to the removal."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pytest

from lab import HostSpec, Lab
from tests.integration import pages
from tests.integration.farm import fetch
from tests.integration.readers import Reader, merge
from tools.paths import ROOT

pytestmark = [pytest.mark.long, pytest.mark.lab, pytest.mark.slow, pytest.mark.timeout(900)]

LabFactory = Callable[[str, Iterable[HostSpec]], Lab]
PAGE = ROOT / "docs" / "tutorial" / "first-site.md"
SITE = "www.example.com"
TITLE = "<title>My first site</title>"


@pytest.fixture(scope="module")
def lab(lab_factory: LabFactory) -> Lab:
    return lab_factory("tutorial", [HostSpec(name, domain="example.com") for name in ("web1", "db1")])


@pytest.fixture(scope="module")
def reader(lab: Lab, wordpress: Path, tmp_path_factory: pytest.TempPathFactory) -> Reader:
    """Somebody at the beginning of the page, with WordPress unpacked; ``/var/aegir`` of the hub is elsewhere here."""
    place = tmp_path_factory.mktemp("tutorial")
    hub = place / "hub"
    made = Reader(
        lab, place,
        {
            "192.0.2.1": lab.hub_address,
            "192.0.2.11": lab.host("web1").address,
            "192.0.2.12": lab.host("db1").address,
            "/var/aegir": str(hub),
            "/srv/src": str(place / "src"),
        },
    )  # fmt: skip
    made.run(f"mkdir -p /srv/src && cp -a {wordpress} /srv/src/wordpress")
    made.edit(functools.partial(merge, part={"aegir:hub": {"root": str(hub)}}))
    return made


@pytest.fixture(scope="module")
def printed(reader: Reader) -> Iterator[str]:
    """What the blocks of commands print, one after the other."""
    return reader.follow(pages.read_steps(PAGE))


def test_the_hub_gets_a_key_and_the_servers_let_it_in(reader: Reader, printed: Iterator[str]) -> None:
    reader.words["THE KEY OF THE HUB"] = next(printed).strip()
    fingerprints = [line.split()[1] for line in next(printed).splitlines()]
    for name, fingerprint in zip(("WEB1", "DB1"), fingerprints, strict=True):
        assert fingerprint.startswith("SHA256:")
        reader.words[f"SHA256:FINGERPRINT-OF-{name}"] = fingerprint


def test_one_up_makes_a_site_that_answers_over_tls(printed: Iterator[str]) -> None:
    next(printed)
    assert TITLE in next(printed)
    assert f"https://{SITE}" == json.loads(next(printed))["sites"][SITE]["url"]


def test_new_code_goes_live(printed: Iterator[str]) -> None:
    assert "source" in next(printed)
    assert "second release\n" == next(printed)


def test_the_site_is_backed_up_and_comes_back_after_an_accident(printed: Iterator[str]) -> None:
    assert SITE in next(printed)
    assert "<title>Broken</title>" in next(printed)
    assert TITLE in next(printed)


def test_the_site_and_all_else_are_removed_with_a_backup_on_the_hub(lab: Lab, printed: Iterator[str]) -> None:
    assert f"{SITE}-" in next(printed)
    assert 404 == fetch(lab.host("web1"), SITE).status

    next(printed)
    assert [] == list(printed), "there is no further block"
    left = lab.host("web1").run("ls -A /var/aegir/platforms /var/aegir/config/*/vhost.d 2>/dev/null || true").stdout
    assert not any(name in left for name in (SITE, "wordpress"))
