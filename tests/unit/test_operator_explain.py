"""Why an address is answered as it is: the rules in words. That they are those of the web servers is tested on hosts."""

from __future__ import annotations

from unittest import mock

import pytest

from aegir_components.applications import APPLICATIONS, explaining
from aegir_components.applications.explaining import Kind
from aegir_components.cli import explain as command
from aegir_components.cli.ends import Refusal
from aegir_components.cli.made import Site
from aegir_components.health import probe
from tests.unit.made import outputs

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


@pytest.mark.parametrize(
    ("address", "read"),
    [
        ("bücher.example.com/a", ("http", "xn--bcher-kva.example.com")),
        ("https://BÜCHER.example.com.:443/", ("https", "xn--bcher-kva.example.com")),
    ],
)
def test_an_international_name_is_read_as_web_servers_have_it(address: str, read: tuple[str, str]) -> None:
    assert read == command._read(address)


@pytest.mark.parametrize("address", ["", "http://", "http://[::1/", "ftp://www.example.com/", "http://a/" + "x" * 9000])
def test_what_is_no_address_of_a_site_is_rejected_in_a_sentence(address: str) -> None:
    with pytest.raises(Refusal, match="is no address of a site; write one such as"):
        command._read(address)


def test_an_address_is_asked_for_as_a_browser_does() -> None:
    with mock.patch.object(probe, "get", side_effect=probe.NoAnswer("it is off")) as get:
        command._asked("192.0.2.1", 80, "www.example.com", "www.example.com/ä b%20c?q=\n&x[]=%3F", secure=False)
    assert "/%C3%A4%20b%20c?q=&x[]=%3F" == get.call_args.args[3]


def test_a_former_name_is_no_alias_and_answers_nobody() -> None:
    made = {"name": "new.example.com", "aliases": ["also.example.com"], "https": "none"}
    site = Site(identity="old.example.com", configuration=outputs(made))
    assert "" == command._before(site, "new.example.com", "/", secure=False)
    assert "" == command._before(site, "also.example.com", "/", secure=False)
    said = command._before(site, "old.example.com", "/", secure=False)
    assert "old.example.com is a former name of new.example.com, and each web server answers 404" in said


@pytest.mark.parametrize(
    ("answers", "differ", "verbs"),
    [
        (((200, "200, to x"), (200, "200")), False, ["answers", "answers"]),
        (((200, "200"), (503, "503")), True, ["answers", "answers"]),
        (((200, "200"), (0, "the connection was refused")), True, ["answers", "gives"]),
        (((0, "no answer: a"), (0, "no answer: b")), False, ["gives", "gives"]),
    ],
)
def test_what_web_servers_answer_is_compared_by_status(
    answers: tuple[tuple[int, str], ...], differ: bool, verbs: list[str]
) -> None:
    found = command.Explained(
        address="/", stack="test", site=SITE, alias=False, path="/", platform="code", dns=(), before="",
        answerers=tuple(
            command.Answerer(
                server="web1", address="192.0.2.1", docroot="", vhost="", custom="", closed="", explanation=command.OUTSIDE,
                answer=answer, status=status,
            )
            for status, answer in answers
        ),
    )  # fmt: skip
    assert differ is command._differ(found)
    lines = [line.split() for line in command._text(found) if line.startswith("server ")]
    assert verbs == [words[3] for words in lines]
