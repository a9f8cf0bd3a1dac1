"""What every provider promises Pulumi, held by every provider there is and will be.

A provider is found by itself; what it needs is an example of its inputs in ``EXAMPLES``.
"""

from __future__ import annotations

import importlib
import inspect
import json
import logging
import pkgutil
import shutil
import types
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

import pulumi
import pymysql
import pytest
from cryptography import x509
from pulumi.dynamic.dynamic import serialize_provider

import aegir_components.providers as package
from aegir_components import certificates, process
from aegir_components.archives import keeping
from aegir_components.hub.records import hub_root
from aegir_components.mysql import careful, tls
from aegir_components.providers import (
    credentials,
    database,
    lifecycle,
    machine,
    release,
    site_database,
    web_service,
)
from aegir_components.providers.lifecycle import Lifecycle
from aegir_components.remote.connection import Connection
from aegir_components.testing import FakeFarm
from aegir_components.testing.wire import wire

GOLDEN = {
    "activation": "aegir_components.providers.activation.Provider",
    "backup_keys": "aegir_components.providers.backup_keys.Provider",
    "certificate": "aegir_components.providers.certificate.Provider",
    "access": "aegir_components.providers.access.Provider",
    "authority": "aegir_components.providers.authority.Provider",
    "credentials": "aegir_components.providers.credentials.Provider",
    "database": "aegir_components.providers.database.Provider",
    "declaration": "aegir_components.providers.declaration.Provider",
    "environment": "aegir_components.providers.environment.Provider",
    "installation": "aegir_components.providers.installation.Provider",
    "machine": "aegir_components.providers.machine.Provider",
    "managed": "aegir_components.providers.managed.Provider",
    "names": "aegir_components.providers.names.Provider",
    "pack_export": "aegir_components.providers.pack_export.Provider",
    "pack_mount": "aegir_components.providers.pack_mount.Provider",
    "pack_standby": "aegir_components.providers.pack_standby.Provider",
    "placement": "aegir_components.providers.placement.Provider",
    "release": "aegir_components.providers.release.Provider",
    "rollout": "aegir_components.providers.rollout.Provider",
    "site_config": "aegir_components.providers.site_config.Provider",
    "site_database": "aegir_components.providers.site_database.Provider",
    "uploads": "aegir_components.providers.uploads.Provider",
    "web_service": "aegir_components.providers.web_service.Provider",
}
"""Paths stand in every state file that was ever written: a line is added, never changed (notes, B.0, 2)."""

SENTINEL = "5entinel-Of-%s"
DIGEST, NEWER = "a1" * 32, "b2" * 32
SITE = "www.example.com"


def secret(key: str) -> str:
    return SENTINEL % key


# A world for the examples: a web server, a database server, a hub.


@dataclass
class World:
    farm: FakeFarm
    hub_root: Path

    def connection(self, name: str) -> dict[str, Any]:
        return Connection(host=name, address=self.farm.hosts[name].address, hub_root=str(self.hub_root)).to_props()

    @property
    def members(self) -> dict[str, Any]:
        return {"web1": {"connection": self.connection("web1"), "type": "apache", "port": 80}}

    @property
    def account(self) -> dict[str, Any]:
        """The hub's account on the database server."""
        return {"address": "10.0.0.3", "port": 3306, "user": "aegir_root", "password": secret("password")}


Inputs = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Example:
    inputs: Callable[[World], Inputs]
    another: dict[str, Any]
    """Inputs that an update may change."""
    before: tuple[str, ...] = ()
    """Examples whose things must be there already."""
    ready: Callable[[World], None] = lambda _: None
    """Prepares what else must be there."""
    drift: Callable[[World], None] | None = None
    """Somebody changes it by hand; ``None`` where nothing of it can be changed."""
    vanish: Callable[[World], None] | None = None
    """Somebody removes it, so that a read says that it is gone; ``None`` where a read then names what is missing."""
    hosts: tuple[str, ...] = ("web1",)
    """What it must reach."""
    reads: bool = True
    """Whether a read raises when a machine is unreachable; otherwise that may be drift by name, but never "gone"."""
    removes: bool = True
    """Whether there is anything to take away on a machine."""
    variants: dict[str, Callable[[World], Inputs]] = field(default_factory=dict)
    """Further inputs that go through create, read and delete."""


def _machine(world: World) -> Inputs:
    return {
        "host": "web1",
        "connection": world.connection("web1"),
        "public_key": "ssh-ed25519 AAAA",
        "uid": None,
        "gid": 950,
        "holder": "aegir/test",
    }


def _web_service(world: World) -> Inputs:
    return {
        "host": "web1",
        "connection": world.connection("web1"),
        "type": "apache",
        "port": 80,
        "php_version": "",
        "holder": "aegir/test",
    }


def _names(world: World) -> Inputs:
    return {
        "host": "web1",
        "address": "10.0.0.2",
        "connection": world.connection("web1"),
        "mode": "manage",
        "entries": {"10.0.0.2": "web1", "10.0.0.3": "db1"},
        "holder": "aegir/test",
    }


def _database(world: World) -> Inputs:
    return {
        "host": "db1",
        "connection": world.connection("db1"),
        **world.account,
        "hub_address": world.farm.hub,
        "reach": "direct",
        "holder": "aegir/test",
    }


def _database_tls(world: World) -> Inputs:
    by = tls.authority(str(world.hub_root))
    certified = {"authority": by.certificate, "authority_key": by.key, "names": ["10.0.0.3", "db1"]}
    return {**_database(world), **certified}


def _database_ssh(world: World) -> Inputs:
    return {**_database(world), "reach": "ssh", "hub_address": "127.0.0.1"}


def _managed(world: World) -> Inputs:
    return {"host": "db1", "connection": world.connection("db1"), **world.account}


def _access(world: World) -> Inputs:
    clients = {"web1": {"connection": world.connection("web1"), "address": "10.0.0.2"}}
    return {"server": "db1", "connection": world.connection("db1"), **world.account, "clients": clients}


def _release(world: World) -> Inputs:
    return {
        "platform": "drupal-10",
        "publish_path": "/var/aegir/platforms/drupal-10",
        "digest": DIGEST,
        "files": 25180,
        "source": "/srv/drupal-10",
        "application": "drupal",
        "docroot": "web",
        "keep": 3,
        "allow_shrink": False,
        "members": {"web1": {"connection": world.connection("web1"), "type": "apache"}},
        "templates": "0" * 16,
        "holder": "aegir/test",
    }


def _activation(world: World) -> Inputs:
    return {
        "host": "web1",
        "connection": world.connection("web1"),
        "type": "apache",
        "sites": {SITE: "0a0b0c0d"},
        "forwards": {"left.example.com": {"names": ["left.example.com"], "address": "10.0.0.9", "port": 80}},
        "port": 80,
        "forward_keys": json.dumps({"left.example.com": {"chain": "a chain", "key": "5entinel-key"}}),
        "holder": "aegir/test",
    }


def _placement(world: World) -> Inputs:
    return {
        "platform": "drupal-10",
        "publish_path": "/var/aegir/platforms/drupal-10",
        "docroot": "web",
        "members": {"web1": {"connection": world.connection("web1"), "type": "apache"}},
        "holder": "aegir/test",
    }


def _rollout(world: World) -> Inputs:
    accounts = {key: value for key, value in world.account.items() if key != "password"}
    return {
        **_placement(world),
        "digest": DIGEST,
        "application": "drupal",
        "members": {"web1": {"connection": world.connection("web1"), "type": "apache", "port": 80}},
        "sites": {
            SITE: {
                "name": SITE,
                "url": f"http://{SITE}",
                "enabled": True,
                "steps": [{"kind": "database", "command": "", "seconds": 3600}],
                "accounts": {
                    "server": "db1",
                    "connection": world.connection("db1"),
                    **accounts,
                    "database": "www_example_com",
                    "account": "www_example_com",
                    "clients": ["10.0.0.1", "10.0.0.2"],
                    "owner": f"aegir/test/{SITE}",
                },
            }
        },
        "secrets": json.dumps({SITE: {"account": secret("site_password"), "hub": world.account["password"]}}),
        "keep_before": 7,
    }


def _uploads(world: World) -> Inputs:
    return {
        "cluster": "web",
        "path": "/var/aegir/uploads/web",
        "nfs": "10.0.0.9:/srv/uploads",
        "members": {"web1": {"connection": world.connection("web1")}, "db1": {"connection": world.connection("db1")}},
        "holder": "aegir/test",
    }


def _pack_export(world: World) -> Inputs:
    return {
        "pack": "farm",
        "server": "web1",
        "connection": world.connection("web1"),
        "path": "/var/aegir/platforms",
        "clients": {"10.0.0.3": "rw,root_squash"},
        "members": {"web1": {"connection": world.connection("web1")}, "db1": {"connection": world.connection("db1")}},
        "holder": "aegir/test",
    }


def _pack_mount(world: World) -> Inputs:
    return {
        "pack": "farm",
        "path": "/var/aegir/platforms",
        "source": "10.0.0.2:/var/aegir/platforms",
        "writer": "web1",
        "members": {
            "web1": {"connection": world.connection("web1"), "own": True},
            "db1": {"connection": world.connection("db1")},
        },
        "holder": "aegir/test",
    }


def _pack_standby(world: World) -> Inputs:
    return {
        "pack": "farm",
        "server": "web1",
        "connection": world.connection("web1"),
        "path": "/var/aegir/nfs/farm",
        "source": "10.0.0.3:/var/aegir/nfs/farm",
        "serves": False,
        "holder": "aegir/test",
    }


def _with_slave(members: Inputs, world: World) -> Inputs:
    return {**members, "db1": {**members["web1"], "connection": world.connection("db1"), "role": "slave"}}


def _site_database(world: World) -> Inputs:
    return {
        "site": SITE,
        "server": "db1",
        "connection": world.connection("db1"),
        **world.account,
        "database": "www_example_com",
        "account": "www_example_com",
        "site_password": secret("site_password"),
        "clients": ["10.0.0.1", "10.0.0.2"],
        "owner": f"aegir/test/{SITE}",
    }


def _site_config(world: World) -> Inputs:
    return {
        "site": SITE,
        "aliases": ["example.com"],
        "platform": "drupal-10",
        "publish_path": "/var/aegir/platforms/drupal-10",
        "publish_root": "/var/aegir/platforms",
        "docroot": "web",
        "application": "drupal",
        "database": _where(),
        "password": secret("site_password"),
        "salt": secret("salt"),
        "templates": "0" * 16,
        "members": world.members,
        "holder": "aegir/test",
    }


def _certificate(_world: World) -> Inputs:
    return {"site": SITE, "names": [SITE, "example.com"], "kind": "self-signed", "holder": "aegir/test"}


def _given(world: World) -> Inputs:
    """A certificate of somebody's, in files on the hub."""
    pair = certificates.self_signed([SITE, "example.com"])
    paths = {"chain_file": pair.chain, "key_file": pair.key}
    for name, text in paths.items():
        (world.hub_root / name).write_text(text)
    files = {name: str(world.hub_root / name) for name in paths}
    return {**_certificate(world), **files, "kind": "given", "digest": "0" * 16}


def _secured(world: World) -> Inputs:
    pair = certificates.self_signed([SITE, "example.com"])
    return {**_site_config(world), "https": "required", "chain": pair.chain, "key": pair.key}


def _accounts(world: World) -> Inputs:
    """What a site's resources know of its database."""
    known = _site_database(world)
    left_out = ("site", "password", "site_password")
    return {
        "accounts": {
            **{key: value for key, value in known.items() if key not in left_out},
            "other": "www_example_com_b",
        },
        "hub_password": secret("password"),
    }


def _where() -> dict[str, Any]:
    return {"name": "www_example_com", "user": "www_example_com", "host": "10.0.0.3", "port": 3306}


def _installation(world: World) -> Inputs:
    return {
        "site": SITE,
        "platform": "drupal-10",
        "publish_path": "/var/aegir/platforms/drupal-10",
        "docroot": "web",
        "application": "drupal",
        "profile": "standard",
        "title": "A title with 'quotes' and a\nnew line",
        "language": "en",
        "admin": "admin",
        "mail": "admin@example.com",
        "admin_password": secret("admin_password"),
        "database": _where(),
        "password": secret("site_password"),
        "members": world.members,
        "holder": "aegir/test",
    }


def _server_of(world: World) -> Any:
    server = world.farm.hosts["db1"].mysql
    assert server is not None
    return server


def _create(name: str, world: World, **changes: Any) -> None:
    Driver(PROVIDERS[name](), {**EXAMPLES[name].inputs(world), **changes}).create()


def _machines(world: World) -> None:
    """Prepare both machines, and what somebody else has mounted on them."""
    for name, host in world.farm.hosts.items():
        _create("machine", world, host=name, connection=world.connection(name))
        host.items["mount", "/srv/shared"] = ("10.0.0.9:/srv", "")


def _pack_members(world: World) -> None:
    """Prepare both as web servers, the second of which sees the first one's code."""
    _machines(world)
    for name in world.farm.hosts:
        _create("web_service", world, host=name, connection=world.connection(name))
    slave = world.farm.hosts["db1"]
    slave.items["mount", "/var/aegir/platforms"] = ("10.0.0.2:/var/aegir/platforms", "")
    slave.make_directories("/var/aegir/config/sites.d/drupal-10")


def _prepared(prepare: Callable[[World], None], inputs: Callable[[World], Inputs]) -> Callable[[World], Inputs]:
    def both(world: World) -> Inputs:
        prepare(world)
        return inputs(world)

    return both


def _with_tls(world: World) -> None:
    for name in ("machine", "web_service"):
        _create(name, world, **({"type": "apache_ssl"} if name == "web_service" else {}))


def _copied(world: World) -> None:
    """Let the machine have a copy of what it takes over."""
    world.farm.hosts["web1"].write("/var/lib/aegir/standby/farm", "1764316800\n")


def _with_shared_uploads(world: World) -> None:
    world.farm.hosts["web1"].make_directories("/srv/shared")


def _take_a_right(world: World) -> None:
    account = _server_of(world).accounts["www_example_com", "10.0.0.2"]
    account.grants["www_example_com"].discard("DELETE")


def _drop(host: str, item: str) -> Callable[[World], None]:
    return lambda world: (world.farm.hosts[host].drop(item), None)[1]


VHOST = f"/var/aegir/config/apache/vhost.d/{SITE}.conf"
EXAMPLES = {
    "machine": Example(
        inputs=_machine,
        another={"public_key": "ssh-ed25519 BBBB"},
        drift=_drop("web1", "/etc/sudoers.d/aegir"),
    ),
    "names": Example(
        inputs=_names,
        another={"entries": {"10.0.0.2": "web1"}},
        drift=_drop("web1", "/etc/hosts aegir/test web1"),
        variants={"warn": lambda world: {**_names(world), "mode": "warn", "entries": None}},
    ),
    "web_service": Example(
        inputs=_web_service,
        another={"php_version": "8.3"},
        before=("machine",),
        drift=_drop("web1", "/var/aegir/config/apache.conf"),
        variants={"nginx": lambda world: {**_web_service(world), "type": "nginx_ssl"}},
    ),
    "database": Example(
        inputs=_database,
        another={"password": secret("password") + "2"},
        drift=_drop("db1", "/etc/mysql/mariadb.conf.d/99-aegir.cnf"),
        hosts=("db1",),
        variants={"tls": _database_tls, "through ssh": _database_ssh},
    ),
    "managed": Example(
        inputs=_managed,
        another={"address": "10.0.0.3", "port": 3307},
        before=("database",),
        hosts=("db1",),
        removes=False,
    ),
    "access": Example(
        inputs=_access, another={"port": 3307}, before=("database",), hosts=("db1", "web1"), reads=False, removes=False
    ),
    "authority": Example(
        inputs=lambda world: {"hub_root": str(world.hub_root), "holder": "aegir/test"},
        another={"hub_root": "/var/aegir"},
        hosts=(),
        removes=False,
    ),
    "credentials": Example(
        inputs=lambda world: {"owner": SITE},
        another={},
        hosts=(),
        removes=False,
        variants={"of a site": lambda world: {"owner": SITE, "numbers": f"{world.hub_root}/numbers.json"}},
    ),
    "backup_keys": Example(
        inputs=lambda world: {"hub_root": str(world.hub_root), "holder": "aegir/test", "sites": [SITE]},
        another={"sites": [SITE, "two.example.com"]},
        hosts=(),
        removes=False,
    ),
    "declaration": Example(
        inputs=lambda world: {"shown": "{}", "whole": '{"config": {}}'},
        another={"shown": '{"config": {}}'},
        hosts=(),
        removes=False,
    ),
    "environment": Example(
        inputs=lambda world: {"environment": "testing"},
        another={"environment": "acceptance"},
        hosts=(),
        removes=False,
    ),
    "release": Example(
        inputs=_release,
        another={"digest": NEWER, "source": "/srv/drupal-10.1"},
        before=("machine", "web_service"),
        drift=lambda world: world.farm.hosts["web1"].damage(f"/var/aegir/platforms/.releases/drupal-10/{DIGEST[:16]}"),
        variants={
            "wordpress": lambda world: {**_release(world), "application": "wordpress", "docroot": "."},
            "pack": _prepared(
                _pack_members,
                lambda world: {**_release(world), "members": _with_slave(_release(world)["members"], world)},
            ),
        },
    ),
    "activation": Example(
        inputs=_activation,
        another={"sites": {SITE: "0a0b0c0d", "www.example.org": "01020304"}},
        before=("machine", "web_service"),
        removes=False,
    ),
    "placement": Example(
        inputs=_placement, another={"docroot": "html"}, before=("machine", "web_service"), hosts=(), removes=False
    ),
    "rollout": Example(
        inputs=_rollout,
        another={"keep_before": 1},
        before=("machine", "web_service", "database", "release", "site_database", "site_config"),
        hosts=("web1", "db1"),
        removes=False,
    ),
    "uploads": Example(
        inputs=_uploads,
        ready=_machines,
        another={"nfs": "10.0.0.9:/srv/others"},
        drift=_drop("web1", "/var/aegir/uploads/web"),
        hosts=("web1", "db1"),
        variants={"shared already": lambda world: {**_uploads(world), "path": "/srv/shared", "nfs": ""}},
    ),
    "pack_export": Example(
        inputs=_pack_export,
        ready=_machines,
        another={"clients": {"10.0.0.3": "rw,root_squash", "10.0.0.4": "rw,root_squash"}},
        drift=_drop("web1", "/etc/exports.d/aegir-farm.exports"),
        hosts=("web1", "db1"),
    ),
    "pack_mount": Example(
        inputs=_pack_mount,
        ready=_machines,
        before=("pack_export",),
        another={"source": "10.0.0.9:/var/aegir/nfs/farm"},
        drift=_drop("db1", "/var/aegir/platforms"),
        hosts=("web1", "db1"),
        variants={"shared already": lambda world: {**_pack_mount(world), "path": "/srv/shared", "source": ""}},
    ),
    "pack_standby": Example(
        inputs=_pack_standby,
        ready=_machines,
        another={"source": "10.0.0.4:/var/aegir/nfs/farm"},
        drift=_drop("web1", "/etc/systemd/system/aegir-standby-farm.timer"),
        variants={
            "takes over": _prepared(
                _copied,
                lambda world: {**_pack_standby(world), "serves": True, "source": ""},
            )
        },
    ),
    "site_database": Example(
        inputs=_site_database,
        another={"clients": ["10.0.0.1", "10.0.0.2", "10.0.0.4"]},
        before=("database",),
        drift=_take_a_right,
        hosts=("db1",),
        reads=False,
    ),
    "site_config": Example(
        inputs=_site_config,
        another={"aliases": ["example.com", "example.org"]},
        before=("machine", "web_service", "release", "database", "site_database"),
        drift=_drop("web1", VHOST),
        variants={
            "wordpress": lambda world: {**_site_config(world), "application": "wordpress"},
            "all options": lambda world: {**_site_config(world), "isolation": "process", "cron": "daily"},
            "with a certificate": _prepared(_with_tls, _secured),
            "renamed": lambda world: {**_site_config(world), "name": "new.example.com"},
            "closed": lambda world: {**_site_config(world), "enabled": False},
            "with its database": lambda world: {**_site_config(world), **_accounts(world)},
            "shared uploads": _prepared(
                _with_shared_uploads,
                lambda world: {**_site_config(world), "uploads": "/srv/shared", "number": 31000},
            ),
            "pack": _prepared(
                _pack_members,
                lambda world: {
                    **_site_config(world),
                    "members": _with_slave(world.members, world),
                    "master": "web1",
                },
            ),
        },
    ),
    "certificate": Example(
        inputs=_certificate,
        another={"names": [SITE]},
        hosts=(),
        removes=False,
        variants={"given": _given},
    ),
    "installation": Example(
        inputs=_installation,
        another={"title": "Another title"},
        before=("machine", "web_service", "release", "database", "site_database", "site_config"),
        reads=False,
        removes=False,
        variants={
            "wordpress": lambda world: {**_installation(world), "application": "wordpress"},
            "with accounts": lambda world: {**_installation(world), **_accounts(world)},
            "without health": lambda world: {**_installation(world), "health": False},
        },
    ),
}


def _found() -> dict[str, type[Lifecycle[Any, Any]]]:
    """List every provider class by its module's last name."""
    classes: dict[str, type[Lifecycle[Any, Any]]] = {}
    for entry in pkgutil.iter_modules(package.__path__):
        module = importlib.import_module(f"{package.__name__}.{entry.name}")
        for name, thing in inspect.getmembers(module, inspect.isclass):
            if issubclass(thing, Lifecycle) and thing is not Lifecycle and thing.__module__ == module.__name__:
                classes[entry.name if thing is getattr(module, "Provider", None) else f"{entry.name}.{name}"] = thing
    return classes


PROVIDERS = _found()
DRIFTING = [name for name in EXAMPLES if EXAMPLES[name].drift]
VARIANTS = [(name, variant) for name, example in EXAMPLES.items() for variant in example.variants]


@pytest.mark.parametrize("name", sorted(PROVIDERS))
def test_every_provider_has_an_example_here(name: str) -> None:
    assert name in EXAMPLES, f"give EXAMPLES in {__file__} an entry {name!r} with inputs of {PROVIDERS[name]}"


def test_no_class_path_that_a_state_may_hold_has_changed() -> None:
    assert {name: f"{thing.__module__}.{thing.__qualname__}" for name, thing in PROVIDERS.items()} == GOLDEN


def test_every_identity_secret_and_computed_key_is_a_name() -> None:
    for name in EXAMPLES:
        thing = PROVIDERS[name]
        assert thing.revision >= 1, name
        assert not set(thing.identity_keys) & set(thing.computed_keys), name
        assert lifecycle.DRIFT not in thing.identity_keys, name


# Calls as the engine makes them: every value goes through Pulumi's own serialisation.


@dataclass
class Driver:
    """One resource and its state, as the engine has them."""

    provider: Lifecycle[Any, Any]
    inputs: Inputs
    id: str = ""
    outs: Inputs = field(default_factory=dict)

    def check(self, news: Inputs) -> Inputs:
        result = self.provider.check({}, wire(news, unknowns=True))
        assert [] == result.failures
        return wire(result.inputs, unknowns=True)

    def diff(self, news: Inputs) -> Any:
        return self.provider.diff(self.id, wire(self.outs), self.check(news))

    def create(self) -> None:
        result = self.provider.create(wire(self.check(self.inputs)))
        self.id, self.outs = result.id, wire(result.outs)

    def update(self, news: Inputs) -> None:
        result = self.provider.update(self.id, wire(self.outs), wire(self.check(news)))
        self.outs = wire(result.outs)

    def read(self) -> str:
        result = self.provider.read(self.id, wire(self.outs))
        if result.id:
            self.outs = wire(result.outs)
            assert not set(result.inputs or {}) & set(type(self.provider).computed_keys)
        return str(result.id)

    def delete(self) -> None:
        self.provider.delete(self.id, wire(self.outs))


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    farm = FakeFarm(hub="10.0.0.1", sources={"/srv/drupal-10": (DIGEST, 25180), "/srv/drupal-10.1": (NEWER, 25300)})
    farm.host("web1", "10.0.0.2")
    farm.host("db1", "10.0.0.3")
    # Not by monkeypatch: what a test changes with that has to be put back before the farm goes.
    with farm.installed():
        yield World(farm, tmp_path)


def driver(name: str, world: World, inputs: Inputs | None = None) -> Driver:
    EXAMPLES[name].ready(world)
    for earlier in EXAMPLES[name].before:
        # Straight, without the wire: each of them goes over it in tests of its own.
        made = PROVIDERS[earlier]()
        made.create(made.check({}, EXAMPLES[earlier].inputs(world)).inputs)
    return Driver(PROVIDERS[name](), EXAMPLES[name].inputs(world) if inputs is None else inputs)


def created(name: str, world: World, inputs: Inputs | None = None) -> Driver:
    made = driver(name, world, inputs)
    made.create()
    return made


every = pytest.mark.parametrize("name", sorted(EXAMPLES))


@every
def test_it_pickles_as_a_reference(name: str) -> None:
    packed = serialize_provider(PROVIDERS[name]())
    assert len(packed) < 100
    assert serialize_provider(PROVIDERS[name]()) == packed
    assert not PROVIDERS[name].serialize_as_secret_always


@every
def test_it_has_no_data_of_its_own(name: str) -> None:
    assert {} == vars(PROVIDERS[name]())


@every
def test_a_check_adds_revision_and_drift_and_changes_nothing_else(name: str, world: World) -> None:
    inputs = EXAMPLES[name].inputs(world)
    checked = Driver(PROVIDERS[name](), inputs).check(inputs)
    assert {**wire(inputs), "revision": PROVIDERS[name].revision, "drift": []} == checked
    assert checked == Driver(PROVIDERS[name](), inputs).check(checked)


@every
def test_a_check_touches_no_machine(name: str, world: World) -> None:
    inputs = EXAMPLES[name].inputs(world)
    Driver(PROVIDERS[name](), inputs).check(inputs)
    assert [] == [host.scripts for host in world.farm.hosts.values() if host.scripts]


@every
def test_after_a_create_there_is_nothing_to_do(name: str, world: World) -> None:
    made = created(name, world)
    assert made.id
    difference = made.diff(made.inputs)
    assert difference.changes is False
    assert [] == difference.replaces


@every
def test_what_a_run_did_not_end_is_made_again_though_the_edit_was_taken_back(
    name: str, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = created(name, world)
    if hub_root(made.inputs) is None:
        pytest.skip("it is on no machine")

    def killed(*_given: object) -> NoReturn:
        raise KeyboardInterrupt

    works: dict[str, Callable[[], None]] = {"converge": lambda: made.update(made.inputs), "remove": made.delete}
    for method, begin in works.items():
        with monkeypatch.context() as patch:
            patch.setattr(PROVIDERS[name], method, killed)
            with pytest.raises(KeyboardInterrupt):
                begin()
        assert (True, []) == (made.diff(made.inputs).changes, made.diff(made.inputs).replaces)
        # A look that finds all as recorded ends it as well; not every provider looks.
        made.read()
        made.update(made.inputs)
        assert made.diff(made.inputs).changes is False


@every
def test_a_second_create_adopts_what_the_first_one_made(name: str, world: World) -> None:
    made = created(name, world)
    first_id, first = made.id, made.outs
    machines = {host.name: (dict(host.items), list(host.reloads)) for host in world.farm.hosts.values()}
    made.create()
    # What is made by chance is in the state only, so another creation makes another.
    generated = {
        "credentials": set(credentials.LENGTHS), "certificate": {"chain", "key", "fingerprint"}, "backup_keys": {"keys"},
    }  # fmt: skip
    volatile = generated.get(name, set())
    assert first_id == made.id
    assert {key: value for key, value in first.items() if key not in volatile} == {
        key: value for key, value in made.outs.items() if key not in volatile
    }
    for host in world.farm.hosts.values():
        items = {key: value for key, value in host.items.items() if "MyRsyncTest" not in key[1]}
        before = {key: value for key, value in machines[host.name][0].items() if "MyRsyncTest" not in key[1]}
        assert before == items
        assert machines[host.name][1] == host.reloads


@every
def test_outputs_repeat_every_input(name: str, world: World) -> None:
    made = created(name, world)
    checked = made.check(made.inputs)
    assert checked == {key: made.outs.get(key) for key in checked}


@every
def test_outputs_are_inputs_and_what_is_declared_as_computed(name: str, world: World) -> None:
    made = created(name, world)
    assert set(made.outs) <= set(made.check(made.inputs)) | set(PROVIDERS[name].computed_keys)


@every
def test_a_read_after_a_create_shows_no_difference(name: str, world: World) -> None:
    made = created(name, world)
    assert made.id == made.read()
    assert [] == made.outs["drift"]
    assert made.diff(made.inputs).changes is False


@every
def test_a_read_changes_nothing(name: str, world: World) -> None:
    made = created(name, world)
    before = {host.name: (dict(host.items), list(host.reloads)) for host in world.farm.hosts.values()}
    made.read()
    assert before == {host.name: (host.items, host.reloads) for host in world.farm.hosts.values()}


@every
def test_a_read_of_what_somebody_removed_says_gone_or_names_it(name: str, world: World) -> None:
    example = EXAMPLES[name]
    made = created(name, world)
    if example.vanish:
        example.vanish(world)
        assert "" == made.read()
    elif example.drift:
        for host in world.farm.hosts.values():
            host.items.clear()
            host.releases.clear()
            host.mysql = None
        assert made.id == made.read()
        assert made.outs["drift"]
        assert all(isinstance(text, str) and text for text in made.outs["drift"])


@pytest.mark.parametrize("call", ["create", "read", "update", "delete"])
@every
def test_an_unreachable_machine_is_named_and_never_gone(name: str, call: str, world: World) -> None:
    example = EXAMPLES[name]
    if not example.hosts or (call == "delete" and not example.removes):
        pytest.skip("it reaches no machine for this")
    made = created(name, world)
    for host in example.hosts:
        world.farm.hosts[host].unreachable = True
    before = dict(made.outs)
    if call == "read":
        # An error would end a refresh of all other machines.
        assert made.id == made.read()
        assert made.outs["drift"] or not example.reads
        if example.reads:
            assert any(host in text for host in example.hosts for text in made.outs["drift"])
            assert made.diff(made.inputs).changes, "the next run tries it"
        assert {**before, "drift": made.outs["drift"]} == made.outs
        return
    with pytest.raises(RuntimeError) as caught:
        {"create": made.create, "read": made.read, "update": lambda: made.update(made.inputs), "delete": made.delete}[
            call
        ]()
    assert any(host in str(caught.value) for host in example.hosts)
    assert before == made.outs


@every
def test_what_is_on_a_machine_that_is_given_up_goes_without_asking_it(name: str, world: World) -> None:
    made = created(name, world)
    for host in world.farm.hosts.values():
        host.unreachable = True
    process.current().abandoned = frozenset(world.farm.hosts)
    made.delete()


@pytest.mark.parametrize(("key", "what"), [("forget", "abandoned"), ("replaced", "replaced")])
@pytest.mark.parametrize("given", ['["web1"]', ["web1"], None, "[]"])
def test_machines_are_given_up_or_replaced_by_the_stacks_configuration(given: Any, key: str, what: str) -> None:
    request = types.SimpleNamespace(config=types.SimpleNamespace(get={f"aegir:{key}": given}.get))
    machine.MachineProvider().configure(request)  # type: ignore[arg-type]
    assert ({"web1"} if given and "web1" in given else set()) == getattr(process.current(), what)


@every
def test_a_second_delete_passes(name: str, world: World) -> None:
    made = created(name, world)
    made.delete()
    made.delete()


@every
def test_a_delete_before_anything_is_there_passes(name: str, world: World) -> None:
    if name in {"database", "site_database", "managed", "access"}:
        pytest.skip("a database server that is not there does not answer")
    made = driver(name, world)
    made.outs = made.check(made.inputs)
    made.delete()


@pytest.mark.parametrize(
    ("name", "key"), [(name, key) for name in sorted(EXAMPLES) for key in PROVIDERS[name].identity_keys]
)
def test_another_identity_is_another_resource(name: str, key: str, world: World) -> None:
    made = created(name, world)
    assert key in made.inputs, f"the example of {name} lacks its identity key {key}"
    difference = made.diff({**made.inputs, key: "another"})
    assert difference.changes is True
    assert [key] == difference.replaces


@every
def test_the_id_depends_on_the_identity_alone(name: str, world: World) -> None:
    provider, inputs = PROVIDERS[name](), EXAMPLES[name].inputs(world)
    changed = {key: inputs[key] for key in provider.identity_keys}
    changed |= {key: value for key, value in wire(inputs).items() if key not in changed}
    assert provider.identity_of(inputs) == provider.identity_of(changed)
    for secret_key in provider.secret_keys:
        assert secret(secret_key) not in provider.identity_of(inputs)


@every
def test_an_update_that_changes_no_identity_replaces_nothing(name: str, world: World) -> None:
    made = created(name, world)
    difference = made.diff({**made.inputs, **EXAMPLES[name].another})
    assert bool(EXAMPLES[name].another) == difference.changes
    assert [] == difference.replaces


@every
def test_an_update_makes_the_new_inputs_the_recorded_ones(name: str, world: World) -> None:
    made = created(name, world)
    news = {**made.inputs, **EXAMPLES[name].another}
    if name in {"managed", "access"}:
        news = made.inputs  # nothing listens on the other port
    made.update(news)
    assert made.diff(news).changes is False
    assert made.id == made.read()
    assert [] == made.outs["drift"]


@pytest.mark.parametrize("kind", ["whole", "part"])
@every
def test_an_unknown_in_any_input_neither_raises_nor_hides(name: str, kind: str, world: World) -> None:
    made = created(name, world)
    for key, value in made.inputs.items():
        if kind == "part" and not (isinstance(value, dict | list) and value):
            continue
        unknown: Any = pulumi.UNKNOWN
        if kind == "part" and isinstance(value, dict):
            unknown = {**value, next(iter(value)): pulumi.UNKNOWN}
        elif kind == "part":
            unknown = [*value, pulumi.UNKNOWN]
        news = {**made.inputs, key: unknown}
        result = made.provider.check({}, wire(news, unknowns=True))
        assert [] == result.failures, key
        difference = made.provider.diff(made.id, made.outs, result.inputs)
        assert difference.changes is True, key
        assert ([key] if key in made.provider.identity_keys else []) == difference.replaces


@every
def test_all_inputs_unknown_is_no_fault(name: str, world: World) -> None:
    news = dict.fromkeys(EXAMPLES[name].inputs(world), pulumi.UNKNOWN)
    assert [] == PROVIDERS[name]().check({}, news).failures


@every
def test_numbers_as_floats_and_missing_nothings_make_no_difference(name: str, world: World) -> None:
    made = created(name, world)
    assert made.provider.diff(made.id, made.outs, {**made.inputs, "revision": made.provider.revision}).changes is False
    with_nothing = {**made.inputs, "not declared": None, "drift": []}
    assert made.provider.diff(made.id, made.outs, with_nothing).changes is False
    assert made.provider.diff(made.id, {**made.outs, "public": None}, made.inputs).changes is False


@every
def test_a_new_revision_rewrites_what_the_state_holds(name: str, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    made = created(name, world)
    monkeypatch.setattr(type(made.provider), "revision", made.provider.revision + 1)
    difference = made.diff(made.inputs)
    assert difference.changes is True
    assert [] == difference.replaces


@pytest.mark.parametrize("looked", [True, False])
def test_a_reload_that_waits_is_seen_in_the_web_services_look_and_mended_after_the_sites(
    world: World, looked: bool
) -> None:
    service, reload = created("web_service", world), created("activation", world)
    machine = world.farm.hosts["web1"]
    machine.waiting.append("apache_later")
    if looked:
        service.read()
        assert [] == service.outs["drift"]
    reload.read()

    assert ["apache2: a change waits for its reload"] == reload.outs["drift"]
    reload.update(EXAMPLES["activation"].inputs(world))
    assert [] == machine.waiting
    reload.read()
    assert [] == reload.outs["drift"]


@pytest.mark.parametrize("name", DRIFTING)
def test_drift_is_seen_named_and_repaired(name: str, world: World) -> None:
    made = created(name, world)
    change = EXAMPLES[name].drift
    assert change is not None
    change(world)
    assert made.id == made.read()
    assert made.outs["drift"], "the read saw nothing"
    difference = made.diff(made.inputs)
    assert difference.changes is True
    assert [] == difference.replaces
    made.update(made.inputs)
    assert made.id == made.read()
    assert [] == made.outs["drift"]
    assert made.diff(made.inputs).changes is False


@pytest.mark.parametrize(("name", "variant"), VARIANTS)
def test_other_inputs_go_through_the_same_life(name: str, variant: str, world: World) -> None:
    made = created(name, world, EXAMPLES[name].variants[variant](world))
    assert made.diff(made.inputs).changes is False
    assert made.id == made.read()
    assert [] == made.outs["drift"]
    made.update(made.inputs)
    made.delete()
    made.delete()


# Secrets.

SECRETIVE = [name for name in sorted(EXAMPLES) if PROVIDERS[name].secret_keys]


def sentinels(name: str, inputs: Inputs) -> list[str]:
    found = [inputs[key] for key in PROVIDERS[name].secret_keys if key in inputs]
    return [str(value) for value in found]


@pytest.mark.parametrize("name", SECRETIVE)
def test_every_input_that_is_called_a_password_is_declared_a_secret(name: str, world: World) -> None:
    inputs = EXAMPLES[name].inputs(world)
    assert {key for key in inputs if "password" in key or key == "salt"} <= set(PROVIDERS[name].secret_keys)


def test_no_provider_without_secrets_has_an_input_that_looks_like_one(world: World) -> None:
    for name in set(EXAMPLES) - set(SECRETIVE):
        assert "5entinel" not in repr(EXAMPLES[name].inputs(world)), name


@pytest.mark.parametrize("name", SECRETIVE)
def test_no_secret_is_put_out_under_another_name(name: str, world: World) -> None:
    made = created(name, world)
    made.read()
    elsewhere = {key: value for key, value in made.outs.items() if key not in made.provider.secret_keys}
    texts = repr(elsewhere)
    for value in sentinels(name, made.inputs) or [
        made.outs[key] for key in made.provider.secret_keys if key in made.outs
    ]:
        assert value not in texts
    assert made.id not in sentinels(name, made.inputs)


def _break_with_echo(world: World, text: str) -> None:
    """Let every machine and database fail with a text that quotes what it was sent."""
    for host in world.farm.hosts.values():
        host.stderr = f"sh: 1: syntax error near {text}"
        if host.mysql is not None:
            host.mysql.fail_with = pymysql.err.ProgrammingError(1064, f"You have an error near '{text}' at line 1")


@pytest.mark.parametrize("call", ["create", "read", "update", "delete"])
@pytest.mark.parametrize("name", SECRETIVE)
def test_no_secret_is_in_an_error_or_on_a_terminal(
    name: str, call: str, world: World, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    made = created(name, world)
    values = sentinels(name, made.inputs)
    _break_with_echo(world, " ".join(values))
    said = ""
    try:
        {"create": made.create, "read": made.read, "update": lambda: made.update(made.inputs), "delete": made.delete}[
            call
        ]()
    except RuntimeError as fault:
        said = f"{fault} {fault!r} {fault.args} {fault.__cause__!r}"
        said += "" if fault.__suppress_context__ else repr(fault.__context__)
    out, err = capfd.readouterr()
    drift = " ".join(made.outs["drift"])
    for value in values:
        assert value not in f"{said} {out} {err} {caplog.text} {drift}"


@pytest.mark.parametrize("name", SECRETIVE)
def test_no_secret_is_in_the_reason_of_a_failed_check(name: str, world: World) -> None:
    inputs = EXAMPLES[name].inputs(world)
    for key in PROVIDERS[name].secret_keys:
        if key not in inputs:
            continue
        result = PROVIDERS[name]().check({}, {**inputs, key: "5ecret"})
        for failure in result.failures:
            assert failure.property != key, "Pulumi prints the value of the property that it names"
            assert "5ecret" not in f"{failure.property} {failure.reason}"


# Promises of single providers that the doubles can show.


def test_a_database_that_is_not_ours_is_refused_and_left_alone(world: World) -> None:
    made = driver("site_database", world)
    _server_of(world).databases["www_example_com"] = {"theirs": 7}
    with pytest.raises(RuntimeError, match="not of our making"):
        made.create()
    assert {"theirs": 7} == _server_of(world).databases["www_example_com"]
    assert ("www_example_com", "10.0.0.2") not in _server_of(world).accounts


def test_an_account_for_everybody_is_refused_before_anything_is_touched(world: World) -> None:
    inputs = {**EXAMPLES["site_database"].inputs(world), "clients": ["%"]}
    assert ["clients"] == [each.property for each in site_database.SiteDatabaseProvider().check({}, inputs).failures]


def test_two_backups_of_one_second_are_two_files(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    moments = iter(["20260101T000000Z", "20260101T000000Z", "20260101T000001Z"])
    monkeypatch.setattr(keeping, "_now", lambda: next(moments))
    conn = Connection.from_props(world.connection("web1"))
    names = []
    for _ in range(2):
        target = keeping._free_name(conn, SITE, "-web1-files.tar.gz")
        target.write_text("kept")
        names.append(target.name)
    assert [f"{SITE}-20260101T000000Z-web1-files.tar.gz", f"{SITE}-20260101T000001Z-web1-files.tar.gz"] == names


def test_a_database_is_removed_after_its_dump_only(world: World) -> None:
    made = created("site_database", world)
    _server_of(world).databases["www_example_com"] |= {"users": 3}
    made.delete()
    assert "www_example_com" not in _server_of(world).databases
    kept = list((world.hub_root / "backups").glob("*.sql.gz"))
    assert 1 == len(kept)
    assert kept[0].name.startswith(SITE)
    assert 0o600 == kept[0].stat().st_mode & 0o777


def test_a_dump_that_fails_keeps_the_database(world: World) -> None:
    made = created("site_database", world)
    world.farm.hosts["db1"].unreachable = False
    original = world.farm.stream

    def short(conn: Connection, argv: list[str], *, stdin: Any, stdout: Any) -> None:
        if "mysqldump" in " ".join(argv):
            stdout.write(b"")
        else:
            original(conn, argv, stdin=stdin, stdout=stdout)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("aegir_components.archives.keeping._run", short)
        with pytest.raises(RuntimeError):
            made.delete()
    assert "www_example_com" in _server_of(world).databases


def test_a_site_leaves_its_files_on_the_hub(world: World) -> None:
    made = created("site_config", world)
    made.delete()
    web = world.farm.hosts["web1"]
    assert [] == web.below(f"/var/aegir/platforms/.sites/{SITE}")
    assert VHOST not in web.files
    assert any(path.name.endswith("files.tar.gz") for path in (world.hub_root / "backups").iterdir())


def test_a_site_configuration_that_the_server_refuses_does_not_stay(world: World) -> None:
    made = driver("site_config", world)
    web = world.farm.hosts["web1"]
    web.broken_test = "Syntax error on line 7"
    reloads = list(web.reloads)
    with pytest.raises(RuntimeError, match="Syntax error on line 7"):
        made.create()
    assert VHOST not in web.files
    assert reloads == web.reloads


def test_a_source_that_shrank_stops_the_run(world: World) -> None:
    made = created("release", world)
    world.farm.sources["/srv/half"] = (NEWER, 100)
    half = {**made.inputs, "digest": NEWER, "files": 100, "source": "/srv/half"}
    with pytest.raises(RuntimeError, match="allow_shrink"):
        made.update(half)
    assert made.id == made.read()
    assert [] == made.outs["drift"]
    made.update({**half, "allow_shrink": True})


def test_a_release_that_arrived_otherwise_than_it_was_read_is_not_switched_on(world: World) -> None:
    made = created("release", world)
    world.farm.sources["/srv/drupal-10.1"] = ("c3" * 32, 25300)
    with pytest.raises(RuntimeError, match="not what the hub read"):
        made.update({**made.inputs, **EXAMPLES["release"].another})
    link = world.farm.hosts["web1"].items["link", "/var/aegir/platforms/drupal-10"]
    assert link[0].endswith(DIGEST[:16])


def test_a_switch_that_one_server_is_not_ready_for_is_made_on_none(world: World) -> None:
    second = world.farm.host("web2", "10.0.0.5")
    for name in ("machine", "web_service"):
        inputs = {**EXAMPLES[name].inputs(world), "host": "web2", "connection": world.connection("web2")}
        Driver(PROVIDERS[name](), inputs).create()
    members = {name: {"connection": world.connection(name), "type": "apache"} for name in ("web1", "web2")}
    made = created("release", world, {**_release(world), "members": members})
    second.broken_test = "no"
    with pytest.raises(RuntimeError) as caught:
        made.update({**made.inputs, **EXAMPLES["release"].another})
    assert "web2 was not switched" in str(caught.value)
    assert "web1 was ready, and was not switched" in str(caught.value)
    live = [host.items["link", "/var/aegir/platforms/drupal-10"][0] for host in (world.farm.hosts["web1"], second)]
    assert all(path.endswith(DIGEST[:16]) for path in live)


def test_a_platform_with_a_site_stays(world: World) -> None:
    created("site_config", world)
    left = Driver(
        release.ReleaseProvider(), _release(world), outs=Driver(release.ReleaseProvider(), {}).check(_release(world))
    )
    with pytest.raises(RuntimeError, match=SITE):
        left.delete()


def test_a_web_server_with_a_site_stays(world: World) -> None:
    created("site_config", world)
    left = Driver(
        web_service.WebServiceProvider(),
        {},
        outs=Driver(web_service.WebServiceProvider(), {}).check(_web_service(world)),
    )
    with pytest.raises(RuntimeError, match=SITE):
        left.delete()


def test_a_half_installed_site_is_refused_and_kept(world: World) -> None:
    made = driver("installation", world)
    _server_of(world).databases["www_example_com"] |= {"cache": 0, "users": 1}
    with pytest.raises(RuntimeError, match="2 tables"):
        made.create()
    assert {"cache": 0, "users": 1} == _server_of(world).databases["www_example_com"]


@pytest.mark.parametrize(
    "change", [{"title": "Another title"}, {"admin_password": "another password"}, {"install": False}]
)
def test_a_database_server_that_does_not_answer_is_named_before_the_web_server_waits_for_it(
    world: World, change: dict[str, Any]
) -> None:
    made = driver("installation", world, {**_installation(world), **_accounts(world)})
    made.create()
    before = len(world.farm.hosts["web1"].scripts)
    world.farm.hosts["db1"].unreachable = True
    with pytest.raises(RuntimeError, match="db1"):
        made.update({**made.inputs, **change})
    assert not [text for _, text in world.farm.hosts["web1"].scripts[before:] if "site_php" in text]


def test_an_installed_site_is_adopted(world: World) -> None:
    made = created("installation", world)
    tables = dict(_server_of(world).databases["www_example_com"])
    made.create()
    assert tables == _server_of(world).databases["www_example_com"]


def test_a_machine_that_is_not_debian_is_refused_with_its_name(world: World) -> None:
    world.farm.hosts["web1"].distribution = "Alpine Linux v3.20"
    for name, provider in {"machine": machine, "web_service": web_service}.items():
        with pytest.raises(RuntimeError, match=r"Alpine Linux v3\.20.*Debian 11 to 13"):
            Driver(provider.Provider(), EXAMPLES[name].inputs(world)).create()


def test_a_database_that_only_listens_to_itself_is_told_with_address_port_bind_address_and_firewall(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def closed(**given: Any) -> None:
        raise pymysql.err.OperationalError(2003, f"Can't connect to MySQL server on '{given['host']}' (111)")

    monkeypatch.setattr(careful, "CarefulConnection", closed)
    with pytest.raises(RuntimeError) as caught:
        Driver(database.DatabaseServiceProvider(), _database(world)).create()
    for word in ("10.0.0.3", "3306", "bind-address", "firewall"):
        assert word in str(caught.value)


def test_a_new_hub_gets_its_account_on_a_database_and_the_former_one_loses_its_own(world: World) -> None:
    made = created("database", world)
    record = ("file", "/var/lib/aegir/database-accounts/aegir_root@{}")
    files = dict(world.farm.hosts["db1"].items)
    files[record[0], record[1].format("10.0.0.9")] = files.pop((record[0], record[1].format(world.farm.hub)))
    world.farm.hub = "10.0.0.9"

    news = {**made.inputs, "hub_address": "10.0.0.9"}
    assert [] == made.diff(news).replaces
    made.update(news)

    assert {"10.0.0.9"} == {address for user, address in _server_of(world).accounts if user == "aegir_root"}
    assert files == world.farm.hosts["db1"].items
    assert made.read()
    assert [] == made.outs["drift"]


def test_a_wrong_address_of_the_hub_takes_no_account_away(world: World) -> None:
    made = created("database", world)
    with pytest.raises(RuntimeError, match=r"the hub comes from 10.0.0.1, and aegir:hub.address says 10.0.0.9"):
        made.update({**made.inputs, "hub_address": "10.0.0.9"})
    assert ("aegir_root", "10.0.0.1") in _server_of(world).accounts
    made.update(made.inputs)


def test_the_databases_authority_is_kept_when_the_hubs_files_are_gone_and_when_its_root_is_another(
    world: World,
) -> None:
    made = created("authority", world)
    before = (made.outs["certificate"], made.outs["key"])
    assert before[1] == (world.hub_root / "tls" / "database-ca.key").read_text()
    shutil.rmtree(world.hub_root / "tls")

    made.update({**made.inputs, "hub_root": str(world.hub_root / "other")})
    assert before == (made.outs["certificate"], made.outs["key"])
    assert not (world.hub_root / "other").exists()

    issued = tls.issue(tls.Issued(certificate=before[0], key=before[1]), ["db1"])
    x509.load_pem_x509_certificate(issued.certificate.encode()).verify_directly_issued_by(
        x509.load_pem_x509_certificate(before[0].encode())
    )


def test_generated_secrets_are_kept_by_an_update_and_differ_between_owners() -> None:
    made = Driver(credentials.CredentialsProvider(), {"owner": SITE})
    made.create()
    first = dict(made.outs)
    made.update(made.inputs)
    assert first == made.outs
    other = Driver(credentials.CredentialsProvider(), {"owner": "other"})
    other.create()
    for key, length in credentials.LENGTHS.items():
        assert length == len(made.outs[key])
        assert made.outs[key] != other.outs[key]


def test_generated_secrets_survive_a_refresh() -> None:
    made = Driver(credentials.CredentialsProvider(), {"owner": SITE})
    made.create()
    first = dict(made.outs)
    made.read()
    assert first == made.outs


def test_what_came_back_over_rsync_must_be_what_was_sent(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("aegir_components.remote.rsync.copy", lambda *given, **options: None)
    with pytest.raises(RuntimeError, match="did not arrive"):
        Driver(machine.MachineProvider(), _machine(world)).create()


def test_a_removed_installation_leaves_site_and_database_alone(world: World) -> None:
    made = created("installation", world)
    made.delete()
    assert _server_of(world).databases["www_example_com"]
    assert VHOST in world.farm.hosts["web1"].files


def test_a_site_configuration_never_holds_its_secrets_in_clear_items(world: World) -> None:
    created("site_config", world)
    for user, text in world.farm.hosts["web1"].scripts:
        assert user in {"root", "aegir"}
        # Base64 inside: the prelude decodes it; nothing of it is ever an argument in clear.
        assert secret("site_password") not in text
