"""What a stack declares: which resources, with which inputs, and nothing done while it declares them."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pulumi
import pytest
from pulumi.runtime import resource as sdk
from pulumi.runtime import resource_cycle_breaker

from aegir_components import layout, settings
from aegir_components.components.site import Site
from aegir_components.estate import wiring
from aegir_components.hub import at_work
from aegir_components.hub.at_work import Claim
from aegir_components.pulumi_workarounds import declaring
from aegir_components.sources.resolve import resolve
from aegir_components.testing import FakeFarm, RecordingMocks, is_secret, opened

SITE = "www.example.com"
KINDS = {"aegir:Credentials", "aegir:SiteDatabase", "aegir:SiteConfiguration", "aegir:Installation", "aegir:index:Site"}
COMPUTED: dict[str, dict[str, Any]] = {
    "aegir:Machine": {"numbers": {"uid": 998, "gid": 997}},
    "aegir:Credentials": {name: f"generated-{name}" for name in ("administrator", "database", "salt")},
    "aegir:WebService": {"php": "8.2"},
    "aegir:DatabaseService": {"version": "10.11.6-MariaDB"},
}


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a hub with a key pair and a source of each application."""
    root = tmp_path_factory.mktemp("hub")
    subprocess.run(
        ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(root / "id")], check=True, capture_output=True
    )
    core = root / "drupal" / "web" / "core"
    (core / "lib").mkdir(parents=True)
    (core / "lib" / "Drupal.php").write_text("<?php class Drupal { const VERSION = '10.3.6'; }")
    for name in ("standard", "minimal"):
        (core / "profiles" / name).mkdir(parents=True)
        (core / "profiles" / name / f"{name}.info.yml").write_text("type: profile\n")
    return root


def server(name: str, address: str, hub: Path, **services: Any) -> settings.Server:
    ssh = settings.ServerSsh(identity=str(hub / "id"), host_key="ssh-ed25519 AAAA")
    return settings.Server(name=name, address=address, ssh=ssh, **services)


def site(name: str, **changes: Any) -> settings.Site:
    values: dict[str, Any] = {
        "name": name,
        "display_name": name,
        "platform": "drupal-10",
        "database": "db1",
        "title": name,
        "admin": settings.SiteAdmin(mail=f"admin@{name}"),
    }
    return settings.Site(**(values | changes))


def stack(hub: Path, **changes: Any) -> settings.Settings:
    """One web server, one database server, one platform, one site."""
    servers = [
        server("db1", "10.0.0.3", hub, database=settings.DatabaseService(address="10.0.0.3")),
        server("web1", "10.0.0.2", hub, web=settings.WebService()),
    ]
    platform = settings.Platform(
        name="drupal-10",
        server="web1",
        source=settings.PlatformSource(path=str(hub / "drupal")),
        publish_path="/var/aegir/platforms/drupal-10",
    )
    made = settings.Settings(
        hub=settings.Hub(address="10.0.0.1", root=str(hub), ssh=settings.HubSsh(identity=str(hub / "id"))),
        servers={each.name: each for each in servers},
        platforms={platform.name: platform},
        sites={SITE: site(SITE)},
    )
    return dataclasses.replace(made, **changes)


def declare(declared: settings.Settings, *, preview: bool = False) -> RecordingMocks:
    mocks = RecordingMocks(computed={} if preview else COMPUTED)
    pulumi.runtime.set_mocks(mocks, project="aegir", stack="test", preview=preview)

    @pulumi.runtime.test  # type: ignore[untyped-decorator]
    async def program() -> None:
        await wiring.build(declared)

    program()
    return mocks


@pytest.fixture
def recorded(hub: Path) -> RecordingMocks:
    return declare(stack(hub))


def names(recorded: RecordingMocks) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for each in recorded.resources:
        found.setdefault(each.type, []).append(each.name)
    return {kind: sorted(listed) for kind, listed in found.items()}


def test_what_is_wrong_on_the_hub_comes_in_one_message(hub: Path) -> None:
    """A certificate, a profile, a value and another platform's source."""
    source = settings.PlatformSource(path=str(hub / "gone"))
    lacking = settings.Platform(name="gone", server="web1", source=source, publish_path="/var/aegir/platforms/gone")
    base = stack(hub)
    certificate = settings.Certificate(kind="given", chain=str(hub / "chain.pem"), key=str(hub / "key.pem"))
    wrong = site(SITE, https="enabled", certificate=certificate, profile="none", settings={"databases": {}})
    declared = dataclasses.replace(base, platforms={**base.platforms, "gone": lacking}, sites={SITE: wrong})

    with pytest.raises(settings.SettingsError) as caught:
        declare(declared)

    said = [fault.partition(": ")[0] for fault in caught.value.faults]
    where = f'aegir:sites["{SITE}"]'
    assert [
        f"{where}.certificate", 'aegir:platforms["gone"].source', f"{where}.profile", f'{where}.settings["databases"]',
    ] == said  # fmt: skip


def test_the_engine_hears_of_the_environment_while_the_sources_are_read(
    hub: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[list[str]] = []
    mocks = RecordingMocks(computed=COMPUTED)
    pulumi.runtime.set_mocks(mocks, project="aegir", stack="test", preview=False)

    def slowly(*given: Any, **named: Any) -> Any:
        until = time.monotonic() + 10
        while not mocks.resources and time.monotonic() < until:
            time.sleep(0.01)
        seen.append([each.name for each in mocks.resources])
        return resolve(*given, **named)

    monkeypatch.setattr(wiring, "resolve", slowly)

    @pulumi.runtime.test  # type: ignore[untyped-decorator]
    async def program() -> None:
        await wiring.build(stack(hub))

    program()
    assert [["environment"]] == seen


@pytest.mark.parametrize("preview", [True, False])
def test_a_run_warns_once_of_a_command_that_works_on_a_site(
    hub: Path, monkeypatch: pytest.MonkeyPatch, *, preview: bool
) -> None:
    said: list[str] = []
    monkeypatch.setattr(pulumi.log, "warn", lambda text, *_given, **_named: said.append(text))
    claim = Claim(stack="aegir/test", command="restore", sites={SITE: SITE}, alone=True, who="ann@hub", process=4711)
    with at_work.claimed(hub, claim):
        declare(stack(hub), preview=preview)
    [line] = [text for text in said if "4711" in text]
    assert line.startswith(f"ann@hub runs aegir restore on {SITE} (process 4711, since ")


@pytest.mark.slow
def test_the_sdks_search_for_cycles_grows_with_the_sites_and_not_with_their_square(
    hub: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each site waits for the reloads of its web servers, and these wait for all sites."""
    looked: list[int] = []
    original = resource_cycle_breaker._deps

    def look(resource: pulumi.Resource) -> set[pulumi.Resource]:
        looked.append(1)
        return original(resource)

    monkeypatch.setattr(resource_cycle_breaker, "_deps", look)

    def steps(number: int) -> int:
        looked.clear()
        recorded = declare(
            stack(hub, sites={name: site(name) for name in (f"s{each}.example" for each in range(number))})
        )
        assert number == len(names(recorded)["aegir:Installation"])
        return len(looked)

    few, many = steps(10), steps(80)
    assert 0 < few
    assert many < 12 * few, "eight times the sites"


def test_pulumi_notes_the_line_that_declares_a_resource_and_not_all_calls_above_it(
    hub: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    noted: list[list[str]] = []
    original = sdk._get_source_position

    def position(stack: Any) -> Any:
        noted.append([frame.pc.uri.rpartition("/")[2] for frame in stack.frames])
        return original(stack)

    monkeypatch.setattr(sdk, "_get_source_position", position)
    recorded = declare(stack(hub))

    assert len(recorded.resources) == len(noted)
    assert {1} == {len(frames) for frames in noted}
    assert {"lifecycle.py", "site.py", "server.py", "platform.py"} == {frames[0] for frames in noted}
    assert not hasattr(sys, "tracebacklimit"), "tracebacks of faults are whole"


def test_the_sdks_own_messages_are_said_only_to_those_who_ask_for_them(monkeypatch: pytest.MonkeyPatch) -> None:
    original = pulumi.log.debug
    monkeypatch.setattr(pulumi.log, "debug", original)

    monkeypatch.setenv(declaring.LOGS, "1")
    declaring.say_less()
    assert pulumi.log.debug is original

    monkeypatch.delenv(declaring.LOGS)
    declaring.say_less()
    monkeypatch.setattr(pulumi.log, "get_engine", lambda: pytest.fail("the engine was asked"))
    pulumi.log.debug("registering resource", stream_id=1)


def test_new_sites_go_first(hub: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the order of declaration: Pulumi's SDK registers each resource in a thread, and threads overtake each other."""
    declared = stack(hub, sites={name: site(name) for name in ("a.example", "b.example", "new.example", "c.example")})
    declared = dataclasses.replace(declared, hub=dataclasses.replace(declared.hub, root=str(tmp_path)))
    (tmp_path / "numbers.json").write_text(json.dumps({f"{name}.example": 30_000 for name in ("a", "b", "c", "gone")}))
    listed: list[str] = []

    def list_site(name: str, *arguments: Any) -> Site:
        listed.append(name)
        return Site(name, *arguments)

    monkeypatch.setattr(wiring, "Site", list_site)
    recorded = declare(declared).of("aegir:index:Site")

    assert ["new.example", "a.example", "b.example", "c.example"] == listed
    assert set(listed) == set(recorded)


def test_every_resource_that_a_small_stack_has(recorded: RecordingMocks) -> None:
    found = names(recorded)
    assert {
        "aegir:index:Server": ["db1", "web1"],
        "aegir:index:Platform": ["drupal-10"],
        "aegir:index:Site": [SITE],
        "aegir:Machine": ["db1", "web1"],
        "aegir:WebService": ["web1"],
        "aegir:DatabaseService": ["db1"],
        "aegir:Release": ["drupal-10"],
        "aegir:SiteDatabase": [SITE],
        "aegir:SiteConfiguration": [SITE],
        "aegir:Installation": [SITE],
    }.items() <= found.items()
    assert sorted([SITE, "db1"]) == found["aegir:Credentials"]


def test_a_site_costs_six_resources_at_most(hub: Path) -> None:
    sites = {name: site(name) for name in (SITE, "b.example", "c.example")}
    one, three = declare(stack(hub)), declare(stack(hub, sites=sites))
    assert (len(three.resources) - len(one.resources)) / 2 <= 6
    assert sum(SITE == each.name for each in one.resources) <= 6


def test_a_thousandth_site_renames_no_other(hub: Path) -> None:
    sites = {name: site(name) for name in ("a.example", SITE, "z.example")}
    one, three = declare(stack(hub)), declare(stack(hub, sites=sites))
    for kind in KINDS - {"aegir:index:Site"}:
        assert {SITE: one.of(kind)[SITE]} == {SITE: three.of(kind)[SITE]}, kind


def test_names_and_types_are_no_two_alike(hub: Path) -> None:
    recorded = declare(stack(hub, sites={name: site(name) for name in (SITE, "web1.example", "db1.example")}))
    pairs = [(each.type, each.name) for each in recorded.resources]
    assert len(pairs) == len(set(pairs))


class TestSite:
    def test_its_database_lets_the_web_server_and_the_hub_in_and_nobody_else(self, recorded: RecordingMocks) -> None:
        assert ["10.0.0.1", "10.0.0.2"] == recorded.only("aegir:SiteDatabase")["clients"]

    def test_its_names_are_layouts(self, recorded: RecordingMocks) -> None:
        inputs = recorded.only("aegir:SiteDatabase")
        assert layout.database_name(SITE) == inputs["database"]
        assert layout.account_name(SITE) == inputs["account"]
        assert f"aegir/test/{SITE}" == inputs["owner"]

    def test_all_its_parts_name_the_same_database(self, recorded: RecordingMocks) -> None:
        inputs = recorded.only("aegir:SiteDatabase")
        for kind in ("aegir:SiteConfiguration", "aegir:Installation"):
            where = recorded.only(kind)["database"]
            assert (inputs["database"], inputs["account"], inputs["address"], inputs["port"]) == (
                where["name"],
                where["user"],
                where["host"],
                where["port"],
            )

    def test_all_its_parts_have_the_same_password(self, recorded: RecordingMocks) -> None:
        words = {
            opened(recorded.only("aegir:SiteDatabase")["site_password"]),
            opened(recorded.only("aegir:SiteConfiguration")["password"]),
            opened(recorded.only("aegir:Installation")["password"]),
        }
        assert {"generated-database"} == words

    def test_its_members_are_the_platforms_servers(self, recorded: RecordingMocks) -> None:
        members = recorded.only("aegir:SiteConfiguration")["members"]
        assert {"web1"} == set(members)
        assert ("10.0.0.2", "apache", 80) == (
            members["web1"]["connection"]["address"],
            members["web1"]["type"],
            members["web1"]["port"],
        )

    def test_what_a_person_declared_is_there(self, hub: Path) -> None:
        declared = site(SITE, aliases=("example.com",), profile="minimal", language="de", title="Ein Titel")
        recorded = declare(stack(hub, sites={SITE: declared}))
        inputs = recorded.only("aegir:Installation")
        assert ("minimal", "de", "Ein Titel") == (inputs["profile"], inputs["language"], inputs["title"])
        assert ["example.com"] == recorded.only("aegir:SiteConfiguration")["aliases"]

    def test_a_profile_that_the_source_has_not_is_refused_with_those_that_it_has(self, hub: Path) -> None:
        with pytest.raises(
            settings.SettingsError, match=r"profile 'none' is not on platform drupal-10; it has: minimal, standard"
        ):
            declare(stack(hub, sites={SITE: site(SITE, profile="none")}))


class TestServer:
    def test_ssh_is_told_what_was_declared(self, recorded: RecordingMocks, hub: Path) -> None:
        connection = recorded.of("aegir:Machine")["web1"]["connection"]
        assert {
            "host": "web1",
            "address": "10.0.0.2",
            "identity": str(hub / "id"),
            "host_key": "ssh-ed25519 AAAA",
            "hub_root": str(hub),
        } == connection

    def test_the_hubs_public_key_goes_to_every_machine(self, recorded: RecordingMocks, hub: Path) -> None:
        wanted = " ".join((hub / "id.pub").read_text().split()[:2])
        assert {wanted} == {inputs["public_key"] for inputs in recorded.of("aegir:Machine").values()}

    def test_the_hub_is_known_by_its_address_on_the_database(self, recorded: RecordingMocks) -> None:
        inputs = recorded.only("aegir:DatabaseService")
        assert ("10.0.0.1", "aegir_root", 3306) == (inputs["hub_address"], inputs["user"], inputs["port"])

    def test_a_declared_password_is_used_and_none_is_generated(self, hub: Path) -> None:
        database = settings.DatabaseService(address="10.0.0.3", admin=settings.DatabaseAdmin(password="declared-word"))
        servers = {**stack(hub).servers, "db1": server("db1", "10.0.0.3", hub, database=database)}
        recorded = declare(stack(hub, servers=servers))
        assert "declared-word" == opened(recorded.only("aegir:DatabaseService")["password"])
        assert [SITE] == sorted(recorded.of("aegir:Credentials"))

    @pytest.mark.parametrize(("loaded", "login"), [("", ("admin", "declared-word")), ("own", ("", ""))])
    def test_the_outputs_name_no_login_where_accounts_came_with_the_content_whatever_is_declared(
        self, hub: Path, loaded: str, login: tuple[str, str]
    ) -> None:
        admin = settings.SiteAdmin(mail="a@example.com", password="declared-word")
        mocks = RecordingMocks(computed=COMPUTED)
        urn = f"urn:pulumi:test::aegir::pulumi-python:dynamic/aegir:Installation::{SITE}"
        mocks.before[urn] = {
            "type": "pulumi-python:dynamic/aegir:Installation", "outputs": {"content": "present", "loaded": loaded},
        }  # fmt: skip
        pulumi.runtime.set_mocks(mocks, project="aegir", stack="test")
        seen: list[Any] = []

        @pulumi.runtime.test  # type: ignore[untyped-decorator]
        async def program() -> None:
            built = await wiring.build(stack(hub, sites={SITE: site(SITE, admin=admin)}))
            access = built.sites[SITE].access
            pulumi.Output.all(access["admin_name"], access["admin_password"]).apply(seen.append)

        program()
        assert [list(login)] == seen

    def test_through_ssh_the_hub_comes_from_the_machine_itself(self, hub: Path) -> None:
        database = settings.DatabaseService(address="10.0.0.3", reach="ssh")
        servers = {**stack(hub).servers, "db1": server("db1", "10.0.0.3", hub, database=database)}
        recorded = declare(stack(hub, servers=servers))
        assert "127.0.0.1" == recorded.only("aegir:DatabaseService")["hub_address"]
        assert ["10.0.0.2", "127.0.0.1"] == recorded.only("aegir:SiteDatabase")["clients"]

    def test_a_name_that_does_not_resolve_says_where_it_stands(
        self, hub: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        servers = {
            **stack(hub).servers,
            "web1": server("web1", "web1.invalid", hub, web=settings.WebService()),
        }

        def unknown(*_given: object, **_named: object) -> None:
            raise OSError(-2, "Name or service not known")

        monkeypatch.setattr("socket.getaddrinfo", unknown)
        with pytest.raises(settings.SettingsError, match=r'aegir:servers\["web1"\]\.address.*write the server'):
            declare(stack(hub, servers=servers))


class TestPlatform:
    def test_a_release_is_known_by_the_digest_of_its_source(self, recorded: RecordingMocks, hub: Path) -> None:
        inputs = recorded.only("aegir:Release")
        assert 64 == len(inputs["digest"])
        assert (3, "web", "drupal", str(hub / "drupal")) == (
            inputs["files"],
            inputs["docroot"],
            inputs["application"],
            inputs["source"],
        )

    def test_a_source_that_is_not_there_stops_everything_with_its_path(self, hub: Path) -> None:
        platform = dataclasses.replace(
            stack(hub).platforms["drupal-10"], source=settings.PlatformSource(path=str(hub / "none"))
        )
        with pytest.raises(settings.SettingsError, match=r'aegir:platforms\["drupal-10"\]\.source.*nothing is deleted'):
            declare(stack(hub, platforms={"drupal-10": platform}))


def _values(value: Any, path: str = "") -> list[tuple[str, Any]]:
    if isinstance(value, Mapping) and not is_secret(value):
        return [pair for key, item in value.items() for pair in _values(item, f"{path}.{key}")]
    if isinstance(value, list):
        return [pair for item in value for pair in _values(item, path)]
    return [(path, value)]


class TestSecrets:
    def test_every_password_is_handed_over_as_a_secret(self, hub: Path) -> None:
        database = settings.DatabaseService(address="10.0.0.3", admin=settings.DatabaseAdmin(password="declared-word"))
        servers = {**stack(hub).servers, "db1": server("db1", "10.0.0.3", hub, database=database)}
        admin = settings.SiteAdmin(mail="a@b.example", password="declared-too")
        recorded = declare(stack(hub, servers=servers, sites={SITE: site(SITE, admin=admin)}))
        for each in recorded.resources:
            for path, value in _values(each.inputs):
                if not is_secret(value):
                    assert "declared-" not in str(value), f"{each.type} {path}"
        assert is_secret(recorded.only("aegir:DatabaseService")["password"])
        assert is_secret(recorded.only("aegir:SiteDatabase")["password"])
        assert is_secret(recorded.only("aegir:Installation")["admin_password"])
        assert "declared-too" == opened(recorded.only("aegir:Installation")["admin_password"])


class TestPreview:
    def test_a_preview_declares_the_same_resources(self, hub: Path) -> None:
        assert names(declare(stack(hub))) == names(declare(stack(hub), preview=True))

    @pytest.mark.parametrize("preview", [True, False])
    def test_declaring_reaches_no_machine(self, preview: bool, hub: Path) -> None:
        farm = FakeFarm()
        hosts = [farm.host("web1", "10.0.0.2"), farm.host("db1", "10.0.0.3")]
        with farm.installed():
            declare(stack(hub), preview=preview)
        assert [[], []] == [host.scripts for host in hosts]

    def test_declaring_calls_no_provider(self, hub: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        from aegir_components.providers.lifecycle import Lifecycle

        for call in ("create", "update", "read", "delete"):
            monkeypatch.setattr(Lifecycle, call, lambda *given: pytest.fail("a provider was called"))
        declare(stack(hub), preview=True)


@pytest.mark.slow
def test_an_estate_of_twenty_servers_and_two_hundred_sites_is_declared_quickly(hub: Path) -> None:
    base = stack(hub)
    servers = {
        f"web{number}": server(f"web{number}", f"10.0.1.{number}", hub, web=settings.WebService())
        for number in range(19)
    }
    platforms = {
        f"platform-{number}": dataclasses.replace(
            base.platforms["drupal-10"], name=f"platform-{number}", server=f"web{number}",
            publish_path=f"/var/aegir/platforms/platform-{number}",
        )
        for number in range(19)
    }  # fmt: skip
    sites = {
        f"s{number}.example": site(f"s{number}.example", platform=f"platform-{number % 19}") for number in range(200)
    }
    recorded = declare(stack(hub, servers={"db1": base.servers["db1"], **servers}, platforms=platforms, sites=sites))
    assert 200 == len(recorded.of("aegir:Installation"))
