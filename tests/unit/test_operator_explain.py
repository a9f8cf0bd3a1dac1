"""Why an address is answered as it is: the rules in words. That they are those of the web servers is tested on hosts."""

from __future__ import annotations

import pytest

from aegir_components.applications import APPLICATIONS, explaining
from aegir_components.applications.explaining import Kind

SITE = "www.example.com"
FILES: dict[str, Kind] = {
    "/": "directory", "/index.php": "file", "/robots.txt": "file", "/dump.sql": "file", "/core": "directory",
    "/core/x.php": "file", "/doc": "directory", "/doc/index.html": "file", "/vendor": "directory", "/vendor/x.txt": "file",
    "/sub": "directory", f"/sites/{SITE}/files/a.pdf": "file",
}  # fmt: skip


def explained(address: str, application: str = "drupal") -> explaining.Explanation:
    rules = APPLICATIONS[application].addresses
    path = explaining.path_of(address)
    asked = explaining.candidates(path, SITE, rules.former)

    def files(each: str) -> Kind:
        assert each in asked, "a machine is asked once, for all that may be needed"
        return FILES.get(each, "")

    return explaining.explain(path, rules, SITE, rules.former, files)


@pytest.mark.parametrize(
    ("address", "outcome", "word"),
    [
        ("/", "runs", "program"),
        ("/node/1", "application", "no file"),
        ("/robots.txt", "served", "a file of the release"),
        ("/robots.txt/x", "application", "no file"),
        ("/.env", "denied", "begins with a dot"),
        ("/dump.sql", "denied", "core denies"),
        ("/server.key", "denied", "leftover"),
        ("/none/dump.sql", "application", "not there"),
        ("/core/x.php", "denied", "runs from nowhere"),
        ("/none.php", "application", "no program"),
        ("/vendor/x.txt", "denied", "no pages"),
        ("/doc/", "served", "page of the directory"),
        ("/doc", "redirect", "slash"),
        ("/sub/", "denied", "lists"),
        (f"/sites/{SITE}/files/a.pdf", "served", "upload"),
        (f"/sites/{SITE}/files/styles/a.png", "application", "image styles"),
        (f"/sites/{SITE}/files/evil.php", "denied", "never run"),
        ("/sites/default/files/a.pdf", "served", "alone"),
        ("/sites/default/files/none.pdf", "redirect", "uploads are at"),
        ("/sites/other.example.com/files/a.pdf", "application", "nothing of others"),
        ("/.well-known/acme-challenge/x", "challenge", "ACME"),
        ("/doc/../robots.txt?x=1", "served", "release"),
        ("/robots.txt/.", "application", "no file"),
        ("/doc/.", "served", "page of the directory"),
    ],
)
def test_an_address_is_explained(address: str, outcome: str, word: str) -> None:
    found = explained(address)
    assert outcome == found.outcome, found
    assert word in found.why


def test_no_address_leads_above_the_document_root() -> None:
    for address in ("/../../etc/passwd", "/%2e%2e/%2e%2e/etc/passwd", "/a/../../etc/passwd"):
        assert "/etc/passwd" == explaining.path_of(address)
        assert explaining.leads_out(address)
    assert not explaining.leads_out("http://www.example.com/a/../b/./c")
