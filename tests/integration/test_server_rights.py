"""What the aegir account may do on a server: what the handbook asks, and no way from there to root."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from lab import Host, HostSpec, Lab
from tests.integration.farm import Farm, hub_settings

pytestmark = [pytest.mark.lab, pytest.mark.slow]

LabFactory = Callable[[str, Iterable[HostSpec]], Lab]
PROOF = "/root/aegir-was-here"
ROOTS = "sha256sum /etc/sudoers.d/* /root/.ssh/authorized_keys /usr/local/sbin/*; ls -laR /var/aegir/config"
"""What is root's, and a root process reads."""
HELPER = "/usr/local/sbin/aegir-webserver"


@pytest.fixture(scope="module")
def lab(lab_factory: LabFactory) -> Lab:
    return lab_factory("rights", [HostSpec("web1", image="web")])


@pytest.fixture(scope="module")
def web(lab: Lab) -> Host:
    return lab.host("web1")


@pytest.fixture(scope="module", autouse=True)
def farm(lab: Lab, web: Host, tmp_path_factory: pytest.TempPathFactory) -> Farm:
    host = web
    farm = Farm(
        tmp_path_factory.mktemp("farm"),
        {
            "hub": hub_settings(lab),
            "servers": {host.spec.fqdn: {"address": host.address, "services": {"web": "apache"}}},
        },
    )
    farm.up()
    return farm


def as_aegir(host: Host, script: str) -> subprocess.CompletedProcess[str]:
    """Run a script over ssh as the aegir account, with the hub's key."""
    argv = host.ssh_command()
    place = next(index for index, word in enumerate(argv) if word.startswith("root@"))
    argv[place] = argv[place].replace("root@", "aegir@")
    return subprocess.run([*argv, script], capture_output=True, text=True, timeout=60, check=False)


def became_root(host: Host) -> bool:
    return host.run(f"test -e {PROOF}", check=False).returncode == 0


def test_the_account_logs_in_with_the_hubs_key_and_has_a_shell(web: Host) -> None:
    said = as_aegir(web, "id -un; id -Gn; echo $HOME; pwd")

    assert said.returncode == 0, said.stderr
    name, groups, home, _ = said.stdout.splitlines()
    assert ("aegir", "/var/aegir") == (name, home)
    assert {"aegir", "www-data"} <= set(groups.split())


def test_the_account_tests_and_reloads_the_web_server(web: Host) -> None:
    tested = as_aegir(web, f"sudo -n {HELPER} test")
    reloaded = as_aegir(web, f"sudo -n {HELPER} reload")

    assert (0, 0) == (tested.returncode, reloaded.returncode), tested.stderr + reloaded.stderr
    assert "0440" == "0" + web.run("stat -c %a /etc/sudoers.d/aegir").stdout.strip()
    assert web.run("visudo -c").returncode == 0
    assert "!requiretty" in web.run("cat /etc/sudoers.d/aegir").stdout


WAYS = [
    pytest.param("sudo -n -l; sudo -n sh -c 'touch {proof}'", id="sudo-a-shell"),
    pytest.param("sudo -n /usr/sbin/apache2ctl -c 'Include /etc/shadow'", id="handbooks-apache2ctl"),
    pytest.param("sudo -n /usr/sbin/apache2ctl -f /tmp/evil.conf", id="apache2ctl-other-configuration"),
    pytest.param(
        "sudo -n {helper} test -f /tmp/evil.conf; sudo -n {helper} 'reload; touch {proof}'", id="other-arguments"
    ),
    pytest.param("sudo -n {helper}; sudo -n {helper} '' ; sudo -n {helper} reload reload", id="no-or-more-arguments"),
    pytest.param(
        "mkdir -p /tmp/way; printf '#!/bin/sh\\ntouch {proof}\\n' >/tmp/way/systemctl; cp /tmp/way/systemctl /tmp/way/apache2ctl;"
        " chmod 755 /tmp/way/*; PATH=/tmp/way:$PATH sudo -n {helper} reload; sudo -n PATH=/tmp/way {helper} reload",
        id="writable-path",
    ),
    pytest.param(
        "printf 'touch {proof}\\n' >/tmp/way.sh; ENV=/tmp/way.sh BASH_ENV=/tmp/way.sh sudo -n {helper} test;"
        " sudo -n ENV=/tmp/way.sh {helper} test; sudo -n -E {helper} test",
        id="environment",
    ),
    pytest.param(
        "printf 'ErrorLog \"|/bin/touch {proof}\"\\n' >/tmp/evil.conf;"
        " for d in pre.d post.d vhost.d platform.d custom.d; do cp /tmp/evil.conf /var/aegir/config/apache/$d/evil.conf; done;"
        " cp /tmp/evil.conf /var/aegir/config/apache.conf; sudo -n {helper} reload",
        id="piped-log-in-configuration",
    ),
    pytest.param(
        "mv /var/aegir/config /var/aegir/config.old; mkdir -p /var/aegir/config;"
        " printf 'ErrorLog \"|/bin/touch {proof}\"\\n' >/var/aegir/config/apache.conf; sudo -n {helper} reload",
        id="renamed-directory",
    ),
    pytest.param(
        "rm -f /var/aegir/config/apache.conf; ln -s /tmp/evil.conf /var/aegir/config/apache.conf;"
        " ln -sf /tmp/evil.conf /var/aegir/config/apache/vhost.d/evil.conf; sudo -n {helper} reload",
        id="links-in-configuration",
    ),
    pytest.param(
        "cp /bin/sh /usr/local/sbin/aegir-webserver; mv /usr/local/sbin/aegir-webserver /tmp/x; echo >>{helper};"
        " sudo -n {helper} reload",
        id="replaced-helper",
    ),
    pytest.param(
        "echo '* * * * * root touch {proof}' >/etc/cron.d/evil; echo '* * * * * touch {proof}' | crontab -u root - ;"
        " mkdir -p /etc/systemd/system/evil.service.d",
        id="cron-of-root",
    ),
    pytest.param(
        "cat ~/.ssh/authorized_keys >>/root/.ssh/authorized_keys; rm -rf ~/.ssh; ln -s /root/.ssh ~/.ssh;"
        " mv ~/.ssh ~/.ssh.old; ln -sf /root/.ssh/authorized_keys ~/.ssh/authorized_keys",
        id="authorized-keys-of-root",
    ),
    pytest.param(
        "for f in aegir zz; do echo 'aegir ALL=NOPASSWD: ALL' >/etc/sudoers.d/$f; done; sudo -n touch {proof}",
        id="sudoers",
    ),
    pytest.param(
        "printf '[evil]\\nuser=root\\nlisten=/run/php/evil.sock\\n' >/var/aegir/config/php-fpm/pool.d/evil.conf;"
        " mv /var/aegir/config/php-fpm /var/aegir/config/x; sudo -n {helper} reload",
        id="pool-of-root",
    ),
    pytest.param(
        "cd /var/aegir/platforms; rm -rf .sites drupal; ln -s /etc evil; mv .sites .s; mv .releases .r",
        id="publish-root",
    ),
]


@pytest.mark.parametrize("way", WAYS)
def test_no_way_leads_to_root(web: Host, way: str) -> None:
    before = web.run(
        "sha256sum /etc/sudoers.d/* /root/.ssh/authorized_keys /usr/local/sbin/*; ls -laR /var/aegir/config"
    ).stdout

    as_aegir(web, way.format(proof=PROOF, helper=HELPER))
    # As root would do it next: a run of ours, or the operator.
    web.run("apache2ctl -t && systemctl reload apache2", check=False)

    assert not became_root(web)
    after = web.run(
        "sha256sum /etc/sudoers.d/* /root/.ssh/authorized_keys /usr/local/sbin/*; ls -laR /var/aegir/config"
    ).stdout
    assert before == after


def test_a_run_of_ours_is_not_led_astray_by_what_aegir_left(web: Host, farm: Farm, wordpress: Path) -> None:
    """A link in aegir's own directory points at root's home while a platform is staged."""
    as_aegir(web, "ln -s /root /var/aegir/platforms/.releases/code; ln -s /etc/shadow /var/aegir/platforms/.releases/x")
    before = web.run("ls -la /root; stat -c '%U:%G %a %y' /etc/shadow /root").stdout
    farm.settings["platforms"] = {"code": {"server": web.spec.fqdn, "source": str(wordpress)}}

    refused = farm.up(ok=False)

    assert "Permission denied" in refused.sentence, refused.output
    assert before == web.run("ls -la /root; stat -c '%U:%G %a %y' /etc/shadow /root").stdout
