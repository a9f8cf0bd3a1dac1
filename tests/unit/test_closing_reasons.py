"""What closed a site is a kind; files that earlier versions left on machines are read by their words."""

from __future__ import annotations

import base64
import shlex

import pytest

from aegir_components.deploy import closing
from aegir_components.deploy.closing import WORDS, By, Reason
from aegir_components.facts import status

OURS = [by for by in By if by is not By.PERSON]
BEFORE = {
    "its update\n": By.UPDATE,
    "its update to /var/aegir/platforms/drupal-10/.releases/drupal-10/1111111111111111\n": By.UPDATE,
    "its update: it goes back to /var/aegir/platforms/drupal-10\n": By.UPDATE,
    "its move\n": By.MOVE,
    "its content is being loaded (origin)\n": By.ORIGIN,
    "it is being restored from backup 4f1c2a9b\n": By.RESTORE,
    "it gets the content of prod:www.example.com\n": By.SYNC,
    "jo@hub: the bank moves\n": By.PERSON,
    "jo@hub: its update is broken\n": By.PERSON,
    "it getsomehow slow\n": By.PERSON,
    "": By.PERSON,
}
"""Files of versions that wrote the words alone, or that a person made by hand."""


def test_each_of_our_own_runs_has_words() -> None:
    assert set(OURS) == WORDS.keys()


@pytest.mark.parametrize("by", OURS)
def test_a_reason_of_ours_reads_back(by: By) -> None:
    why = Reason.of(by, " to a release")
    assert why == Reason.read(why.text.rstrip("\n"))
    assert "" == why.of_a_person


@pytest.mark.parametrize(
    "words", ["jo@hub: hacked", "its update is broken", "it gets slow\nby: update", "by: update", ""]
)
def test_a_person_who_writes_as_we_do_is_a_person(words: str) -> None:
    why = Reason.read(Reason(By.PERSON, words).text)
    assert (By.PERSON, " ".join(words.split())) == (why.by, why.words)
    assert (why.words or "no reason given") == why.of_a_person


@pytest.mark.parametrize(("text", "by"), BEFORE.items(), ids=[text.strip() or "nothing" for text in BEFORE])
def test_a_file_of_an_earlier_version_is_read(text: str, by: By) -> None:
    assert (by, text.strip()) == (Reason.read(text).by, Reason.read(text).words)


@pytest.mark.parametrize("by", OURS)
def test_an_earlier_version_reads_our_file(by: By) -> None:
    written = base64.b64decode(shlex.split(closing.close_items("www", Reason.of(by, " it"))[-1])[5]).decode()
    assert written.startswith(f"{WORDS[by]} it\n")


def test_status_shows_the_words_alone() -> None:
    facts = {"closed.www.example.com": Reason(By.PERSON, "jo@hub: hacked").text}
    assert "jo@hub: hacked" == status.closed(facts, "www.example.com")
    assert "" == status.closed({}, "www.example.com")
