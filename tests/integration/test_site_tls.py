"""Sites over TLS on Apache and nginx side by side: certificates, redirects, closed sites, and an authority that is asked."""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest
from cryptography import x509

from aegir_components import certificates, layout
from aegir_components.applications.base import Answer
from aegir_components.health import probe
from lab import Host, HostSpec, Lab
from tests.integration import pebble
from tests.integration.farm import Config, Farm, fetch, hub_settings

pytestmark = [pytest.mark.long, pytest.mark.lab, pytest.mark.slow, pytest.mark.timeout(600)]

LabFactory = Callable[[str, Iterable[HostSpec]], Lab]
STRICT, ALIAS = "www.example.com", "example.com"
BOTH, OTHER = "both.example.com", "second.example.com"
PLAIN = "plain.example.com"
WEBS = ("web1", "web2")
TYPES = {"web1": "apache_ssl", "web2": "nginx_ssl"}


@pytest.fixture(scope="module")
def lab(lab_factory: LabFactory) -> Lab:
    return lab_factory(
        "tls", [*(HostSpec(name, image="web") for name in WEBS), HostSpec("db1", image="db"), HostSpec("ca")]
    )


@pytest.fixture(scope="module")
def farm(lab: Lab, wordpress: Path, tmp_path_factory: pytest.TempPathFactory) -> Farm:
    webs = {name: lab.host(name) for name in WEBS}
    database = lab.host("db1")
    settings: Config = {
        "hub": hub_settings(lab),
        "servers": {
            **{h.spec.fqdn: {"address": h.address, "services": {"web": TYPES[name]}} for name, h in webs.items()},
            database.spec.fqdn: {"address": database.address, "services": {"database": "mysql"}},
        },
        "clusters": {"web": {"servers": [host.spec.fqdn for host in webs.values()], "uploads": "separate"}},
        "platforms": {"code": {"server": "web", "source": str(wordpress)}},
        "sites": {
            STRICT: {"platform": "code", "https": "required", "aliases": [ALIAS], "redirect_aliases": True},
            BOTH: {"platform": "code", "https": "enabled", "aliases": [OTHER]},
            PLAIN: {"platform": "code"},
        },
    }
    made = Farm(tmp_path_factory.mktemp("tls"), settings)
    made.up()
    return made


@pytest.fixture(params=WEBS)
def web(request: pytest.FixtureRequest, lab: Lab, farm: Farm) -> Host:
    del farm
    return lab.host(request.param)


def secure(host: Host, name: str, path: str = "/") -> Answer:
    """Ask a host for a page of a name over TLS."""
    return probe.get(host.address, 80, name, path, tls=True)


def test_fact_29_aliases_redirect_with_path_and_query_or_are_answered(web: Host) -> None:
    path = "/a%20b/%C3%BC?x=1&y=a%2Fb&z=%7B%7B"
    answer = secure(web, ALIAS, path)
    assert (301, f"https://{STRICT}{path}") == (answer.status, answer.headers["location"])
    assert [200, 200] == [secure(web, name).status for name in (BOTH, OTHER)]
    assert [200, 200] == [fetch(web, name).status for name in (BOTH, OTHER)]


def test_fact_30_plain_http_is_sent_to_https_where_that_is_required_challenges_excepted(web: Host) -> None:
    for name in (STRICT, ALIAS):
        answer = fetch(web, name, "/a/b?c=d")
        assert (301, f"https://{STRICT}/a/b?c=d") == (answer.status, answer.headers["location"])
    where = f"{layout.ACME_ROOT}/.well-known/acme-challenge"
    web.run(f"mkdir -p {where} && printf proof >{where}/token && chmod 644 {where}/token")
    for name in (STRICT, ALIAS, BOTH, PLAIN, "nobody.example.com"):
        assert (200, "proof") == (
            (answer := fetch(web, name, "/.well-known/acme-challenge/token")).status,
            answer.body,
        ), name
    web.run(f"rm {where}/token")


def test_hsts_is_for_sites_that_require_https(web: Host) -> None:
    assert "max-age=63072000" == secure(web, STRICT).headers["strict-transport-security"]
    assert "strict-transport-security" not in secure(web, BOTH).headers
    assert 200 == fetch(web, PLAIN).status
    assert "http://plain.example.com" in fetch(web, PLAIN).body


def test_another_name_over_tls_is_nobodys_site(web: Host) -> None:
    assert 404 == secure(web, "nobody.example.com").status
    # A site without TLS is not served over it.
    assert 404 == secure(web, PLAIN).status


def handshake(host: Host, version: ssl.TLSVersion, ciphers: str = "DEFAULT:@SECLEVEL=0") -> tuple[str, str]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.minimum_version = context.maximum_version = version
    context.set_ciphers(ciphers)
    context.set_alpn_protocols(["h2", "http/1.1"])
    with (
        socket.create_connection((host.address, 443), timeout=60) as plain,
        context.wrap_socket(plain, server_hostname=STRICT) as made,
    ):
        return made.version() or "", made.selected_alpn_protocol() or ""


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
def test_tls_is_mozillas_intermediate_with_http2(web: Host) -> None:
    assert ("TLSv1.3", "h2") == handshake(web, ssl.TLSVersion.TLSv1_3)
    assert ("TLSv1.2", "h2") == handshake(web, ssl.TLSVersion.TLSv1_2)
    for ciphers in ("AES128-SHA:@SECLEVEL=0", "ECDHE-ECDSA-AES128-SHA:@SECLEVEL=0"):
        with pytest.raises(ssl.SSLError):
            handshake(web, ssl.TLSVersion.TLSv1_2, ciphers)
    with pytest.raises((ssl.SSLError, OSError)):
        handshake(web, ssl.TLSVersion.TLSv1_1)


def test_all_servers_show_the_declared_certificate_and_a_second_run_has_nothing_to_do(farm: Farm, lab: Lab) -> None:
    shown = {secure(lab.host(name), STRICT).fingerprint for name in WEBS}
    made = next(r for r in farm.resources() if r["type"].endswith("aegir:Certificate") and STRICT in r["urn"])
    assert {made["outputs"]["fingerprint"]} == shown
    farm.unchanged("--refresh")


def test_a_certificate_that_somebody_swapped_is_named_and_put_back(farm: Farm, web: Host) -> None:
    before = secure(web, STRICT).fingerprint
    other = certificates.self_signed([STRICT])
    where = layout.certificate_directory(STRICT)
    web.run(f"cat >{where}/openssl.crt", input=other.chain)
    web.run(f"cat >{where}/openssl.key", input=other.key)
    web.run("systemctl reload apache2 nginx 2>/dev/null || true")
    deadline = time.monotonic() + 60
    while before == secure(web, STRICT).fingerprint:
        assert time.monotonic() < deadline, "the web server goes on with the former certificate"
        time.sleep(0.05)

    drift = "\n".join(farm.drift().drift)
    assert f"{web.spec.fqdn}: file {where}/openssl.crt: content differs" in drift
    assert f"{web.spec.fqdn}: {STRICT} is answered with another certificate than the declared one" in drift
    farm.up("--refresh")

    assert before == secure(web, STRICT).fingerprint
    farm.unchanged("--refresh")


def test_the_key_is_roots_and_in_no_process_list_or_plain_state(farm: Farm, web: Host) -> None:
    key = f"{layout.certificate_directory(STRICT)}/openssl.key"
    assert "600 root root" == web.run(f"stat -c '%a %U %G' {key}").stdout.strip()
    middle = web.run(f"sed -n 2p {key}").stdout.strip()
    assert len(middle) > 40
    assert middle not in str(farm.export())


def test_fact_32_disabled_and_enabled_again_with_its_data_on_all_servers(farm: Farm, lab: Lab) -> None:
    hosts = [lab.host(name) for name in WEBS]
    upload = layout.site_files("/var/aegir/platforms", BOTH)
    hosts[0].run(f"echo kept >{upload}/kept.txt && chmod 644 {upload}/kept.txt")
    # Not of all options: WordPress's cron removes transients that have expired.
    counted = f"mysql -Ne 'SELECT COUNT(*) FROM {layout.database_name(BOTH)}.wp_posts'"
    rows = lab.host("db1").run(counted).stdout
    timers = "systemctl list-timers --all --no-legend 'aegir-cron@site-both*' | wc -l"
    assert 1 == sum(int(host.run(timers).stdout) for host in hosts)
    farm.settings["sites"][BOTH]["state"] = "disabled"

    farm.up()

    for host in hosts:
        for name in (BOTH, OTHER):
            for answer in (secure(host, name, "/wp-login.php?x=1"), fetch(host, name, f"/sites/{BOTH}/files/kept.txt")):
                assert (503, "3600") == (answer.status, answer.headers.get("retry-after")), (host.name, name)
                assert "closed for maintenance" in answer.body
        assert 200 == fetch(host, PLAIN).status
    assert 0 == sum(int(host.run(timers).stdout) for host in hosts)
    farm.unchanged("--refresh")
    farm.settings["sites"][BOTH]["state"] = "enabled"
    farm.up()

    assert [200, 200] == [secure(host, BOTH).status for host in hosts]
    assert "kept\n" == secure(hosts[0], BOTH, f"/sites/{BOTH}/files/kept.txt").body
    assert int(rows) > 0
    assert rows == lab.host("db1").run(counted).stdout
    assert 1 == sum(int(host.run(timers).stdout) for host in hosts)
    farm.unchanged("--refresh")


def test_a_given_certificate_is_served_and_a_wrong_one_refused_before_any_login(
    farm: Farm, lab: Lab, tmp_path: Path
) -> None:
    good, wrong = certificates.self_signed([BOTH, OTHER]), certificates.self_signed([BOTH])
    chain, key = tmp_path / "chain.pem", tmp_path / "key.pem"
    chain.write_text(wrong.chain)
    key.write_text(wrong.key)
    farm.settings["sites"][BOTH]["certificate"] = {"chain": str(chain), "key": str(key)}
    said = farm.preview(ok=False).sentence
    assert f'aegir:sites["{BOTH}"].certificate: {chain} is not for {OTHER}; it has: {BOTH}' in said
    key.write_text(good.key)
    assert f"the key in {key} is not that of the first certificate in {chain}" in farm.preview(ok=False).sentence
    chain.write_text(good.chain)

    farm.up()

    expected = certificates.facts(good.chain).fingerprint
    assert [expected, expected] == [secure(lab.host(name), BOTH).fingerprint for name in WEBS]
    newer = certificates.self_signed([BOTH, OTHER])
    chain.write_text(newer.chain)
    key.write_text(newer.key)
    farm.up()
    assert {certificates.facts(newer.chain).fingerprint} == {secure(lab.host(name), BOTH).fingerprint for name in WEBS}
    farm.unchanged("--refresh")


def test_logs_are_rotated_and_the_site_goes_on_with_new_ones(web: Host) -> None:
    log = f"{layout.site_log(PLAIN)}.access.log"
    fetch(web, PLAIN, "/?before")
    web.run("logrotate -f /etc/logrotate.d/aegir")
    deadline = time.monotonic() + 60
    while "?after" not in web.run(f"cat {log}", check=False).stdout:
        assert time.monotonic() < deadline
        assert 200 == fetch(web, PLAIN, "/?after").status
        time.sleep(0.5)
    assert "?before" in web.run(f"cat {log}.1").stdout
    assert "750 root adm" == web.run(f"stat -c '%a %U %G' {layout.LOG_ROOT}").stdout.strip()


@pytest.fixture(scope="module")
def authority(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Config:
    """Run an authority on a host of its own, which asks the second web server for all names."""
    asked = dict.fromkeys(("acme.example.com", "alias.example.com"), lab.host("web2").address)
    return pebble.serve(lab.host("ca"), asked, tmp_path_factory.mktemp("authority"))


def test_an_authority_is_asked_over_acme_and_its_refusal_is_told(farm: Farm, lab: Lab, authority: Config) -> None:
    farm.settings["acme"] = authority
    farm.settings["sites"]["acme.example.com"] = {
        "platform": "code", "https": "required", "certificate": "acme", "aliases": ["alias.example.com"],
    }  # fmt: skip

    farm.up()

    shown = {secure(lab.host(name), "acme.example.com").fingerprint for name in WEBS}
    assert 1 == len(shown)
    chain = lab.host("web1").run(f"cat {layout.certificate_directory('acme.example.com')}/openssl.crt").stdout
    read = x509.load_pem_x509_certificates(chain.encode())
    assert "Pebble" in read[0].issuer.rfc4514_string()
    assert {"acme.example.com", "alias.example.com"} == certificates.facts(chain).names
    challenges = f"{layout.ACME_ROOT}/.well-known/acme-challenge"
    assert ["", ""] == [lab.host(name).run(f"ls {challenges}").stdout for name in WEBS]
    farm.unchanged("--refresh")

    farm.settings["sites"]["lost.example.com"] = {"platform": "code", "https": "enabled", "certificate": "acme"}
    said = farm.up(ok=False).sentence
    assert "the certificate of lost.example.com: the authority could not prove lost.example.com" in said
    assert "Each name has to lead to one of the site's web servers, on port 80" in said
    del farm.settings["sites"]["lost.example.com"]
    farm.up()


def test_a_site_without_tls_again_leaves_no_key_behind(farm: Farm, lab: Lab) -> None:
    farm.settings["sites"][STRICT] = {"platform": "code", "aliases": [ALIAS]}

    farm.up()

    for name in WEBS:
        host = lab.host(name)
        assert 200 == fetch(host, STRICT).status
        assert 404 == secure(host, STRICT).status
        assert 1 == host.run(f"test -e {layout.certificate_directory(STRICT)}", check=False).returncode
    farm.unchanged("--refresh")
