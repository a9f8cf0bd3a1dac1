"""Certificates on the hub: made, read, and refused before any machine is touched."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from aegir_components import certificates
from aegir_components.certificates import Pair, building, pem
from aegir_components.providers import certificate

NAMES = ("www.example.com", "example.com")
Signed = tuple[x509.Certificate, ec.EllipticCurvePrivateKey]
NOW = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)


def written(directory: Path, chain: str, key: str) -> tuple[str, str]:
    paths = directory / "chain.pem", directory / "key.pem"
    for path, text in zip(paths, (chain, key), strict=True):
        path.write_text(text)
    return str(paths[0]), str(paths[1])


@pytest.fixture(scope="module")
def pair() -> Pair:
    return certificates.self_signed(NAMES)


def test_a_self_signed_one_says_its_names_and_shows_no_key(pair: Pair) -> None:
    said = certificates.facts(pair.chain)
    assert frozenset(NAMES) == said.names
    assert 396 <= said.days_left() <= 397
    assert "PRIVATE" not in repr(pair)


def test_a_wildcard_covers_one_label() -> None:
    said = certificates.facts(certificates.self_signed(["*.example.com"]).chain)
    assert said.covers("www.example.com")
    assert not said.covers("example.com")
    assert not said.covers("a.www.example.com")


def test_a_given_one_is_read_and_another_content_has_another_digest(pair: Pair, tmp_path: Path) -> None:
    first = certificates.read(*written(tmp_path, pair.chain, pair.key), NAMES)
    other = certificates.self_signed(NAMES)
    second = certificates.read(*written(tmp_path, other.chain, other.key), NAMES)
    assert (pair, ()) == (first.pair, first.warnings)
    assert first.digest != second.digest


def test_one_that_ends_soon_is_warned_of(tmp_path: Path) -> None:
    short = certificates.self_signed(NAMES, days=20)
    found = certificates.read(*written(tmp_path, short.chain, short.key), NAMES)
    assert "ends in 19 days" in found.warnings[0] or "ends in 20 days" in found.warnings[0]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda pair: (pair.chain, pem.new_key()), "is not that of the first certificate"),
        (lambda pair: ("nothing", pair.key), "chain.pem has no certificate in PEM"),
        (lambda pair: (pair.chain, "nothing"), "key.pem has no private key in PEM"),
        (lambda pair: (pair.chain + certificates.self_signed(["x.example"]).chain, pair.key), "is not signed by"),
        (lambda pair: (pair.chain, "\u00fc"), "is not in PEM, which is text"),
    ],
)
def test_what_cannot_be_used_is_refused_with_its_file(change: object, words: str, pair: Pair, tmp_path: Path) -> None:
    assert callable(change)
    with pytest.raises(certificates.GivenError, match=words) as caught:
        certificates.read(*written(tmp_path, *change(pair)), NAMES)
    assert "PRIVATE" not in str(caught.value)


def test_a_missing_name_a_missing_file_and_a_wrong_time_are_refused(pair: Pair, tmp_path: Path) -> None:
    paths = written(tmp_path, pair.chain, pair.key)
    with pytest.raises(
        certificates.GivenError, match=r"is not for shop\.example; it has: example\.com, www\.example\.com"
    ):
        certificates.read(*paths, (*NAMES, "shop.example"))
    with pytest.raises(certificates.GivenError, match="cannot be read: No such file"):
        certificates.read(str(tmp_path / "gone"), paths[1], NAMES)
    with pytest.raises(certificates.GivenError, match="has ended on"):
        certificates.read(*paths, NAMES, now=dt.datetime.now(dt.UTC) + dt.timedelta(days=500))
    with pytest.raises(certificates.GivenError, match="is valid from"):
        certificates.read(*paths, NAMES, now=NOW - dt.timedelta(days=5000))


def signed(subject: str, by: Signed | None, *, ca: bool, days: int = 90, own: Signed | None = None) -> Signed:
    """Make a certificate that another one, or itself, has signed."""
    key = own[1] if own else building.new_key()
    names = x509.SubjectAlternativeName([x509.DNSName(each) for each in NAMES])
    signer = (by[0].subject, by[1]) if by else None
    return building.sign(subject, key, days=days, names=names, ca=ca, by=signer, since=60), key


def in_pem(*certificates: x509.Certificate) -> str:
    return "".join(each.public_bytes(serialization.Encoding.PEM).decode() for each in certificates)


def test_a_leaf_without_its_intermediate_is_rejected(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = signed("a root", None, ca=True)
    middle = signed("an intermediate", root, ca=True)
    leaf = signed(NAMES[0], middle, ca=False)
    key = building.key_text(leaf[1])
    bundle = tmp_path / "roots.pem"
    monkeypatch.setenv("SSL_CERT_FILE", str(bundle))

    def read(*chain: x509.Certificate) -> str:
        try:
            certificates.read(*written(tmp_path, in_pem(*chain), key), NAMES)
        except certificates.GivenError as problem:
            return str(problem)
        return ""

    bundle.write_text(in_pem(root[0], signed("another root", None, ca=True)[0]))
    missing = read(leaf[0])
    assert f'chain.pem ends with "CN={NAMES[0]}", whose issuer "CN=an intermediate" is missing' in missing
    assert "Append the CA's intermediate certificate to the file" in missing
    assert "" == read(leaf[0], middle[0])
    assert "" == read(leaf[0], middle[0], root[0])
    # Another root of the same name has not signed it, and a CA of one's own need not be the machine's.
    bundle.write_text(in_pem(signed("a root", None, ca=True)[0]))
    assert 'whose issuer "CN=a root" is missing' in read(leaf[0], middle[0])
    assert "" == read(leaf[0], middle[0], root[0])
    bundle.write_text(in_pem(middle[0]))
    assert "" == read(leaf[0])
    # An intermediate that has ended is rejected, and what follows a trusted one is not looked at: a cross-signed root
    # of an authority that machines have dropped, or one that has ended.
    bundle.write_text(in_pem(root[0]))
    ended = signed("an intermediate", root, ca=True, days=-1, own=middle)
    assert 'chain.pem: "CN=an intermediate" has ended on ' in read(leaf[0], ended[0])
    dropped = signed("a dropped root", None, ca=True)
    assert "" == read(leaf[0], middle[0], signed("a root", dropped, ca=True, own=root)[0])
    assert "" == read(leaf[0], middle[0], signed("a root", dropped, ca=True, days=-1, own=root)[0])


def test_one_near_its_end_is_renewed_by_any_run_and_a_given_one_by_its_owner() -> None:
    provider = certificate.CertificateProvider()
    old = certificates.self_signed(NAMES, days=certificates.RENEW_DAYS - 1)
    inputs = {"site": NAMES[0], "names": list(NAMES), "kind": "self-signed", "holder": "aegir/test"}
    outs = {**inputs, "revision": 1, "drift": [], "chain": old.chain, "key": old.key, "ends": "", "fingerprint": ""}
    news = {**inputs, "revision": 1, "drift": []}

    assert provider.diff("", outs, news).changes
    renewed = provider.update("", outs, news).outs or {}
    assert renewed["chain"] != old.chain
    assert not provider.diff("", renewed, news).changes
    kept = provider.update("", renewed, {**news, "holder": "another"}).outs or {}
    assert renewed["chain"] == kept["chain"]
    assert not provider.diff("", {**outs, "kind": "given"}, {**news, "kind": "given"}).changes
