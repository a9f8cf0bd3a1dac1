"""Settings that load: defaults, everything at once, names, warnings, and secrets that stay secret."""

from __future__ import annotations

import copy
import dataclasses
import json
import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pulumi
import pytest
import yaml
from pulumi.runtime import config as runtime_config

import aegir_components.settings as package
from aegir_components.settings import (
    Server,
    Settings,
    SettingsError,
    load,
    names,
    stack,
)
from aegir_components.settings.pulumi_config import StackFileRefused, load_from_pulumi

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ8sB0sW0kSmXr2xKfPz0Zr7x0Yh6Yw1o9bqS2m8nq3d"
FINGERPRINT = "SHA256:" + "A" * 43
SECRET = "correct horse battery staple"

MINIMAL = yaml.safe_load(f"""
hub: {{address: 10.89.7.1}}
servers:
  web1.example.com: {{ssh: {{host_key: "{FINGERPRINT}"}}, services: {{web: apache}}}}
  db1.example.com: {{ssh: {{host_key: "{FINGERPRINT}"}}, services: {{database: mysql}}}}
platforms:
  drupal-10: {{server: web1.example.com, source: /srv/src/drupal-10}}
sites:
  www.example.com: {{platform: drupal-10}}
""")

FULL = yaml.safe_load(f"""
environment: acceptance
hub:
  address: 2001:DB8::0001
  root: /srv/aegir
  ssh: {{identity: /home/op/.ssh/id, known_hosts: /home/op/.ssh/known_hosts}}
servers:
  web1.example.com:
    address: 10.89.7.10
    ssh:
      {{user: admin, port: 2222, identity: /home/op/.ssh/web1, host_key: "{KEY} a comment", trust: first-use}}
    connection: ssh
    services: {{web: {{type: apache, port: 8080}}, database: none}}
    aegir_user: {{uid: 950, gid: null}}
  db1.example.com:
    address: 10.89.7.11
    services:
      web: none
      database:
        {{type: mysql, port: 3307, address: db1.internal, admin: {{name: hub, password: "{SECRET}"}}}}
  hub: {{connection: local, services: {{web: apache, database: {{type: mysql, address: 10.89.7.1}}}}}}
platforms:
  drupal-10:
    server: web1.example.com
    source: {{path: /srv/src/drupal-10}}
    publish_path: /var/aegir/drupal-10
    keep_releases: 5
    allow_shrink: true
sites:
  bücher.example:
    platform: drupal-10
    database: db1.example.com
    profile: minimal
    title: "Bücher & Co"
    language: de
    aliases: [www.bücher.example, buch.example]
    admin: {{name: chief editor, mail: chief@example.com, password: "{SECRET}"}}
    state: enabled
    client: Bücher GmbH
""")


def passwords_are_secret(path: str) -> bool:
    """Answer as Pulumi would for a stack file whose passwords, and nothing else, are encrypted."""
    return path.endswith(".password")


@pytest.fixture
def minimal() -> Settings:
    return load(MINIMAL, passwords_are_secret)


@pytest.fixture
def full() -> Settings:
    return load(FULL, passwords_are_secret)


def test_a_minimal_stack_gets_all_defaults(minimal: Settings) -> None:
    assert package.Settings(
        hub=package.Hub(
            address="10.89.7.1",
            root="/var/aegir",
            ssh=package.HubSsh(identity="/var/aegir/.ssh/id_ed25519"),
        ),
        environment="development",
        servers={
            "db1.example.com": Server(
                name="db1.example.com",
                address="db1.example.com",
                ssh=package.ServerSsh(
                    identity="/var/aegir/.ssh/id_ed25519",
                    user="root",
                    port=22,
                    host_key=FINGERPRINT,
                    trust="pinned",
                ),
                database=package.DatabaseService(
                    address="db1.example.com", port=3306, admin=package.DatabaseAdmin(name="aegir_root")
                ),
            ),
            "web1.example.com": Server(
                name="web1.example.com",
                address="web1.example.com",
                ssh=package.ServerSsh(identity="/var/aegir/.ssh/id_ed25519", host_key=FINGERPRINT),
                web=package.WebService(type="apache", port=80),
            ),
        },
        platforms={
            "drupal-10": package.Platform(
                name="drupal-10",
                server="web1.example.com",
                source=package.PlatformSource(path="/srv/src/drupal-10"),
                publish_path="/var/aegir/platforms/drupal-10",
                keep_releases=3,
                allow_shrink=False,
            )
        },
        sites={
            "www.example.com": package.Site(
                name="www.example.com",
                display_name="www.example.com",
                platform="drupal-10",
                database="db1.example.com",
                profile="",
                title="www.example.com",
                language="en",
                aliases=(),
                admin=package.SiteAdmin(name="admin", mail="admin@www.example.com"),
                state="enabled",
                client="",
            )
        },
    ) == dataclasses.replace(
        minimal,
        servers=dict(minimal.servers),
        platforms=dict(minimal.platforms),
        sites=dict(minimal.sites),
    )


def test_the_hub_of_a_full_stack_is_as_declared(full: Settings) -> None:
    ssh = package.HubSsh(identity="/home/op/.ssh/id", known_hosts="/home/op/.ssh/known_hosts")

    assert package.Hub(address="2001:db8::1", root="/srv/aegir", ssh=ssh) == full.hub
    assert "acceptance" == full.environment


def test_a_web_server_of_a_full_stack_is_as_declared(full: Settings) -> None:
    assert (
        Server(
            name="web1.example.com",
            address="10.89.7.10",
            connection="ssh",
            ssh=package.ServerSsh(
                identity="/home/op/.ssh/web1",
                known_hosts="/home/op/.ssh/known_hosts",
                user="admin",
                port=2222,
                host_key=KEY,
                trust="first-use",
            ),
            web=package.WebService(type="apache", port=8080),
            database=None,
            aegir_user=package.AegirUser(uid=950, gid=None),
        )
        == full.servers["web1.example.com"]
    )


def test_a_database_server_of_a_full_stack_is_as_declared(full: Settings) -> None:
    admin = package.DatabaseAdmin(name="hub", password=SECRET)
    service = package.DatabaseService(type="mysql", port=3307, address="db1.internal", admin=admin)

    assert service == full.servers["db1.example.com"].database
    assert None is full.servers["db1.example.com"].web


def test_a_site_of_a_full_stack_is_as_declared_under_its_ascii_name(full: Settings) -> None:
    assert {
        "xn--bcher-kva.example": package.Site(
            name="xn--bcher-kva.example",
            display_name="bücher.example",
            platform="drupal-10",
            database="db1.example.com",
            profile="minimal",
            title="Bücher & Co",
            language="de",
            aliases=("buch.example", "www.xn--bcher-kva.example"),
            admin=package.SiteAdmin(name="chief editor", mail="chief@example.com", password=SECRET),
            client="Bücher GmbH",
        )
    } == dict(full.sites)


def test_the_hub_as_a_server_has_the_hubs_address_and_no_ssh(full: Settings) -> None:
    """Its database is known to other web servers by an address, never as localhost."""
    hub = full.servers["hub"]

    assert None is hub.ssh
    assert "2001:db8::1" == hub.address
    assert hub.database is not None
    assert "10.89.7.1" == hub.database.address


def test_a_site_finds_its_machines(full: Settings) -> None:
    site = "xn--bcher-kva.example"

    assert ["web1.example.com"] == [server.name for server in full.site_servers(site)]
    assert "db1.example.com" == full.database_server(site).name
    assert [site] == [found.name for found in full.sites_on("drupal-10")]


def test_a_stack_of_a_hub_alone_is_a_stack() -> None:
    settings = load({"hub": {"address": "10.0.0.1"}}, passwords_are_secret)

    assert (0, 0, 0) == (len(settings.servers), len(settings.platforms), len(settings.sites))


def test_what_is_declared_comes_in_the_order_of_its_names() -> None:
    config = copy.deepcopy(MINIMAL)
    config["sites"] = {name: {"platform": "drupal-10"} for name in ("b.example", "c.example", "a.example")}

    assert ["a.example", "b.example", "c.example"] == list(load(config, passwords_are_secret).sites)


def test_settings_cannot_be_changed(full: Settings) -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        full.hub.address = "10.0.0.2"  # type: ignore[misc]
    with pytest.raises(TypeError):
        full.sites["new.example"] = full.sites["xn--bcher-kva.example"]  # type: ignore[index]


def test_no_secret_is_in_the_text_of_the_settings(full: Settings) -> None:
    assert SECRET not in repr(full)
    assert SECRET not in str(full)
    assert SECRET not in repr(full.sites["xn--bcher-kva.example"].admin)


def test_a_database_on_localhost_is_fine_where_all_its_web_servers_are_the_same_machine() -> None:
    config = {
        "hub": {"address": "127.0.0.1"},
        "servers": {
            "hub": {
                "connection": "local",
                "services": {"web": "apache", "database": {"type": "mysql", "address": "localhost"}},
            }
        },
        "platforms": {"d10": {"server": "hub", "source": "/srv/d10"}},
        "sites": {"a.example": {"platform": "d10"}},
    }

    assert () == load(config, passwords_are_secret).warnings


@pytest.mark.parametrize(
    ("declared", "machine", "display"),
    [
        ("www.example.com", "www.example.com", "www.example.com"),
        ("münchen.example", "xn--mnchen-3ya.example", "münchen.example"),
        ("xn--mnchen-3ya.example", "xn--mnchen-3ya.example", "münchen.example"),
        ("straße.example", "xn--strae-oqa.example", "straße.example"),
        ("例え。テスト", "xn--r8jz45g.xn--zckzah", "例え.テスト"),
        ("пример.испытание", "xn--e1afmkfd.xn--80akhbyknj4f", "пример.испытание"),
        ("a--b.example", "a--b.example", "a--b.example"),
        ("1.2.3.4.example", "1.2.3.4.example", "1.2.3.4.example"),
        (".".join(["a" * 63] * 3 + ["b" * 61]), ".".join(["a" * 63] * 3 + ["b" * 61]), None),
    ],
)
def test_host_names_are_understood_as_browsers_do(declared: str, machine: str, display: str | None) -> None:
    host = names.host_name(declared)

    assert machine == host.ascii
    assert (display or declared) == host.display


def test_a_server_without_a_service_is_a_warning() -> None:
    config = copy.deepcopy(MINIMAL)
    config["servers"]["idle"] = {"ssh": {"host_key": FINGERPRINT}}

    assert ('aegir:servers["idle"]: has no service; nothing runs on it',) == load(config, passwords_are_secret).warnings


def test_a_short_password_is_a_warning() -> None:
    config = copy.deepcopy(MINIMAL)
    config["sites"]["www.example.com"]["admin"] = {"password": "elevenchars"}

    assert (
        'aegir:sites["www.example.com"].admin.password: has fewer than 12 characters; a longer one is safer',
    ) == load(config, passwords_are_secret).warnings


@pytest.mark.parametrize("password", ["'\"\\%$`; ü", "x" * 512, "twelve chars"])
def test_any_printable_password_is_taken_as_it_is(password: str) -> None:
    config = copy.deepcopy(MINIMAL)
    config["sites"]["www.example.com"]["admin"] = {"password": password}

    assert password == load(config, passwords_are_secret).sites["www.example.com"].admin.password


def test_where_nobody_can_tell_a_password_is_taken_for_secret() -> None:
    config = copy.deepcopy(MINIMAL)
    config["sites"]["www.example.com"]["admin"] = {"password": SECRET}

    assert SECRET == load(config, lambda _: None).sites["www.example.com"].admin.password


def test_the_error_survives_a_process_boundary() -> None:
    error = pickle.loads(pickle.dumps(SettingsError(["one", "two"])))

    assert ("one", "two") == error.faults
    assert "The stack file has 2 problems; nothing was touched:\none\ntwo" == str(error)


def test_all_public_names_are_listed_in_order() -> None:
    assert sorted(package.__all__) == package.__all__
    assert all(hasattr(package, name) for name in package.__all__)


class TestFromPulumi:
    """Reading what the engine hands to a program."""

    STACK_FILE = """
config:
  aegir:hub: {address: 10.89.7.1}
  aegir:sites:
    www.example.com:
      platform: drupal-10
      admin:
        password: {secure: v1:abc}
"""

    @pytest.fixture(autouse=True)
    def runtime(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Path]:
        """A project directory with stack files in stacks/, as Pulumi sees it."""
        (tmp_path / "Pulumi.yaml").write_text("name: p\nruntime: python\nstackConfigDir: stacks\n")
        (tmp_path / "stacks").mkdir()
        monkeypatch.setattr(pulumi.runtime, "get_root_directory", lambda: str(tmp_path))
        monkeypatch.setattr(pulumi, "get_stack", lambda: "lab")
        token = runtime_config.CONFIG.set({})
        yield tmp_path
        runtime_config.CONFIG.reset(token)

    def configure(self, monkeypatch: pytest.MonkeyPatch, config: dict[str, Any], *secret: str) -> None:
        """Set configuration as the engine does."""
        texts = {f"aegir:{key}": v if isinstance(v, str) else json.dumps(v) for key, v in config.items()}
        monkeypatch.setenv("PULUMI_CONFIG", json.dumps({"other:key": "x", **texts}))
        monkeypatch.setenv("PULUMI_CONFIG_SECRET_KEYS", json.dumps(secret))

    def with_password(self) -> dict[str, Any]:
        config: dict[str, Any] = copy.deepcopy(MINIMAL)
        config["sites"]["www.example.com"]["admin"] = {"password": SECRET}
        return config

    def test_settings_come_from_the_engine(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.configure(monkeypatch, {**MINIMAL, "environment": "testing"})

        settings = load_from_pulumi()

        assert "testing" == settings.environment
        assert ["www.example.com"] == list(settings.sites)

    def test_settings_come_from_mocks(self) -> None:
        pulumi.runtime.set_all_config({f"aegir:{key}": json.dumps(value) for key, value in MINIMAL.items()})

        assert ["www.example.com"] == list(load_from_pulumi().sites)

    def test_an_encrypted_password_is_a_secret(self, monkeypatch: pytest.MonkeyPatch, runtime: Path) -> None:
        (runtime / "stacks" / "Pulumi.lab.yaml").write_text(self.STACK_FILE)
        self.configure(monkeypatch, self.with_password(), "aegir:sites")

        assert SECRET == load_from_pulumi().sites["www.example.com"].admin.password

    def test_a_plain_password_beside_an_encrypted_one_is_found(
        self, monkeypatch: pytest.MonkeyPatch, runtime: Path
    ) -> None:
        """Pulumi itself knows only that there is a secret somewhere in aegir:sites."""
        (runtime / "stacks" / "Pulumi.lab.yaml").write_text(self.STACK_FILE)
        config = self.with_password()
        config["sites"]["b.example"] = {"platform": "drupal-10", "admin": {"password": "plain-in-the-file"}}
        self.configure(monkeypatch, config, "aegir:sites")

        with pytest.raises(StackFileRefused) as caught:
            load_from_pulumi()

        assert (
            (
                'aegir:sites["b.example"].admin.password: must be a secret; set it with: '
                "pulumi config set --secret --path 'aegir:sites[\"b.example\"].admin.password'"
            ),
        ) == caught.value.faults
        assert "plain-in-the-file" not in str(caught.value)

    def test_a_plain_password_is_found_without_a_stack_file(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.configure(monkeypatch, self.with_password())

        with pytest.raises(StackFileRefused, match="must be a secret"):
            load_from_pulumi()

    def test_a_stack_file_that_is_not_the_one_in_use_is_not_asked(
        self, monkeypatch: pytest.MonkeyPatch, runtime: Path
    ) -> None:
        """The engine may read another file (--config-file); then it says secret where this one says plain."""
        (runtime / "stacks" / "Pulumi.lab.yaml").write_text(self.STACK_FILE.replace("{secure: v1:abc}", "plain"))
        self.configure(monkeypatch, self.with_password(), "aegir:sites")

        assert SECRET == load_from_pulumi().sites["www.example.com"].admin.password

    def test_a_value_beside_a_secret_is_not_quoted_where_nobody_can_tell(self, monkeypatch: pytest.MonkeyPatch) -> None:
        config = self.with_password()
        config["sites"]["www.example.com"]["profile"] = "May Be Secret"
        self.configure(monkeypatch, config, "aegir:sites")

        with pytest.raises(StackFileRefused) as caught:
            load_from_pulumi()

        assert (
            (
                'aegir:sites["www.example.com"].profile: '
                "must be an install profile's machine name (lower case, digits, _)"
            ),
        ) == caught.value.faults

    def test_a_whole_key_can_be_secret(self, runtime: Path) -> None:
        (runtime / "stacks" / "Pulumi.lab.yaml").write_text("config:\n  aegir:sites: {secure: v1:abc}\n")
        is_secret = stack.secrecy({"aegir:sites"}, stack.find_stack_file(runtime, "org/p/lab"))

        assert is_secret('aegir:sites["x"].admin.password')
        assert is_secret("aegir:sites")
        assert False is is_secret("aegir:servers")

    def test_a_key_with_nothing_after_it_is_called_empty(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Deleting all sites by a forgotten indent would be a surprise."""
        self.configure(monkeypatch, {**MINIMAL, "sites": ""})

        with pytest.raises(StackFileRefused) as caught:
            load_from_pulumi()

        assert ("aegir:sites: must be a mapping, not empty; write {} for none",) == caught.value.faults

    def test_a_fault_ends_the_program_without_a_traceback(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.configure(monkeypatch, {"hub": "nonsense"})

        with pytest.raises(pulumi.RunError, match="The stack file has 1 problem; nothing was touched:"):
            load_from_pulumi()

    @pytest.mark.parametrize("text", ["", ": : :", "- a list", "config: 5", "config: {1: 2, aegir:hub: {}}"])
    def test_a_stack_file_that_makes_no_sense_is_passed_over(self, runtime: Path, text: str) -> None:
        """The engine has read it before us, and it is the engine's to complain."""
        (runtime / "stacks" / "Pulumi.lab.yaml").write_text(text)

        assert None is stack.secrecy({"aegir:sites"}, runtime / "stacks" / "Pulumi.lab.yaml")("aegir:sites.x")
