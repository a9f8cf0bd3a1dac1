"""A certificate that cannot be renewed: a warning while the former one is valid, an error in its last days."""

from __future__ import annotations

from typing import Any

import pulumi
import pytest

from aegir_components import certificates
from aegir_components.certificates import AuthorityError
from aegir_components.host.errors import HostError, HostUnreachable, Refused
from aegir_components.providers import certificate

NAME = "www.example.com"


def want(days: int, **other: Any) -> dict[str, Any]:
    former = certificates.self_signed([NAME], days=days)
    props = {
        "site": NAME,
        "names": [NAME],
        "kind": "acme",
        "directory": "https://acme.example/d",
        "accounts": "/a",
        "members": {},
    }
    return {**props, "was": {**props, "chain": former.chain, "key": former.key}, **other}


@pytest.fixture
def warned(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    told: list[str] = []
    monkeypatch.setattr(pulumi.log, "warn", told.append)
    return told


@pytest.mark.parametrize(
    "fault",
    [AuthorityError("https://acme.example/d refuses: www.example.com: NXDOMAIN"), HostUnreachable("web1", "no answer")],
    ids=["refused", "unreachable"],
)
def test_the_former_one_goes_on_with_a_warning(
    monkeypatch: pytest.MonkeyPatch, warned: list[str], fault: Exception
) -> None:
    def fails(*_given: object) -> None:
        raise fault

    monkeypatch.setattr(certificate, "_asked_for", fails)
    wanted = want(20)
    kept = certificate.Provider().converge(wanted, None)
    assert wanted["was"]["chain"] == kept["chain"]
    assert wanted["was"]["key"] == kept["key"]
    (said,) = warned
    assert f"The former certificate of {NAME} goes on for 19 days; each run tries again" in said
    assert ("NXDOMAIN" in said) or ("no answer" in said)
    assert certificate.Provider().diff("id", {**wanted, **kept}, wanted).changes, "the next run tries again"

    with pytest.raises(HostError):
        certificate.Provider().converge(want(5), None)


def test_a_first_one_and_one_of_other_names_have_no_former_one(
    monkeypatch: pytest.MonkeyPatch, warned: list[str]
) -> None:
    def fails(*_given: object) -> None:
        raise AuthorityError("no")

    monkeypatch.setattr(certificate, "_asked_for", fails)
    changed: dict[str, Any]
    for changed in ({"was": {}}, {"names": [NAME, "new.example.com"]}):
        with pytest.raises(Refused):
            certificate.Provider().converge(want(20, **changed), None)
    assert [] == warned


def test_a_renewal_that_works_is_taken(monkeypatch: pytest.MonkeyPatch, warned: list[str]) -> None:
    new = certificates.self_signed([NAME])
    monkeypatch.setattr(certificate, "_asked_for", lambda *_given: new)
    assert new.chain == certificate.Provider().converge(want(20), None)["chain"]
    assert [] == warned
