"""A certificate that cannot be renewed: a warning while the former one is valid, an error in its last days."""

from __future__ import annotations

from typing import Any

import pulumi
import pytest

from aegir_components import certificates
from aegir_components.certificates import AuthorityError
from aegir_components.inputs.certificate import CertificateInputs, CertificateState
from aegir_components.providers import certificate
from aegir_components.remote.errors import HostError, HostUnreachable, Refused

NAME = "www.example.com"


def want(**other: Any) -> CertificateInputs:
    props: dict[str, Any] = {
        "site": NAME, "names": [NAME], "kind": "acme", "directory": "https://acme.example/d", "accounts": "/a", "members": {},
    }  # fmt: skip
    return CertificateInputs.from_props({**props, **other})


def was(days: int) -> CertificateState:
    former = certificates.self_signed([NAME], days=days)
    return CertificateState.from_props({**want().to_props(), "chain": former.chain, "key": former.key})


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
    former = was(20)
    kept = certificate.CertificateProvider().converge(want(), former)
    assert former.chain == kept["chain"]
    assert former.key == kept["key"]
    (said,) = warned
    assert f"The former certificate of {NAME} goes on for 19 days; each run tries again" in said
    assert ("NXDOMAIN" in said) or ("no answer" in said)
    assert certificate.CertificateProvider().diff("id", {**want().to_props(), **kept}, want().to_props()).changes, (
        "the next run tries again"
    )

    with pytest.raises(HostError):
        certificate.CertificateProvider().converge(want(), was(5))


def test_a_first_one_and_one_of_other_names_have_no_former_one(
    monkeypatch: pytest.MonkeyPatch, warned: list[str]
) -> None:
    def fails(*_given: object) -> None:
        raise AuthorityError("no")

    monkeypatch.setattr(certificate, "_asked_for", fails)
    for wanted, former in ((want(), None), (want(names=[NAME, "new.example.com"]), was(20))):
        with pytest.raises(Refused):
            certificate.CertificateProvider().converge(wanted, former)
    assert [] == warned


def test_a_renewal_that_works_is_taken(monkeypatch: pytest.MonkeyPatch, warned: list[str]) -> None:
    new = certificates.self_signed([NAME])
    monkeypatch.setattr(certificate, "_asked_for", lambda *_given: new)
    assert new.chain == certificate.CertificateProvider().converge(want(), was(20))["chain"]
    assert [] == warned
