"""Farms that Pulumi programs declare: the same resources as of a stack file, with outputs for what is not known yet."""

from __future__ import annotations

import asyncio
import dataclasses
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pulumi
import pytest

import aegir_components
from aegir_components import (
    DatabaseServiceArgs,
    Farm,
    FarmArgs,
    HubArgs,
    HubSshArgs,
    Platform,
    PlatformArgs,
    Server,
    ServerArgs,
    Site,
    SiteAdminArgs,
    SiteArgs,
    SshArgs,
    WebCluster,
    WebClusterArgs,
    arguments,
    settings,
    testing,
)
from aegir_components.arguments.stack_file import StackFile
from aegir_components.cli.state import State
from aegir_components.estate import rollouts, wiring
from aegir_components.preview import php_fit
from aegir_components.settings import schema
from aegir_components.settings.added import Added
from aegir_components.settings.paths import KINDS, canonical
from aegir_components.testing.mocks import Recorded
from tests.programs import Ran, run
from tests.unit.test_estate import COMPUTED, hub

__all__ = ["hub"]

SITE = "www.example.com"
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEB"
EXAMPLES = Path(__file__).resolve().parents[2] / "examples" / "python-program"
UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"


def farm_of(hub: Path, **more: Any) -> Farm:
    return Farm(
        FarmArgs(hub=HubArgs(address="10.0.0.1", root=str(hub), ssh=HubSshArgs(identity=str(hub / "id"))), **more)
    )


def two_servers(hub: Path, **more: Any) -> Site:
    """Declare what `stack_file` declares."""
    farm = farm_of(hub, **more)
    key = SshArgs(host_key=KEY)
    web = Server("web1", ServerArgs(farm=farm, address="10.0.0.2", ssh=key, web="apache"))
    database = Server("db1", ServerArgs(farm=farm, address="10.0.0.3", ssh=key, database="mysql"))
    platform = Platform("drupal-10", PlatformArgs(server=web, source=str(hub / "drupal")))
    return Site(SITE, SiteArgs(platform=platform, database=database, admin=SiteAdminArgs(mail="admin@example.com")))


def stack_file(hub: Path) -> dict[str, str]:
    """Give the configuration of a stack file with a web server, a database server and a site."""
    ssh = f'"ssh": {{"host_key": "{KEY}"}}'
    return {
        "aegir:hub": f'{{"address": "10.0.0.1", "root": "{hub}", "ssh": {{"identity": "{hub / "id"}"}}}}',
        "aegir:servers": f'{{"web1": {{"address": "10.0.0.2", {ssh}, "services": {{"web": "apache"}}}}, '
        f'"db1": {{"address": "10.0.0.3", {ssh}, "services": {{"database": "mysql"}}}}}}',
        "aegir:platforms": f'{{"drupal-10": {{"server": "web1", "source": "{hub / "drupal"}"}}}}',
        "aegir:sites": f'{{"{SITE}": {{"platform": "drupal-10", "admin": {{"mail": "admin@example.com"}}}}}}',
    }


async def from_stack_file() -> None:
    await Farm().declare()


def declared(ran: Ran) -> list[tuple[str, str, Mapping[str, Any]]]:
    found = [(each.type, each.name, _plain(each.inputs)) for each in ran.mocks.resources]
    return sorted(found, key=lambda each: each[:2])


def _plain(value: Any) -> Any:
    """Give unknown values as equal ones."""
    if isinstance(value, Mapping):
        return {key: _plain(inner) for key, inner in value.items()}
    return "unknown" if isinstance(value, pulumi.output.Unknown) else value


@pytest.mark.parametrize("preview", [False, True])
def test_a_program_declares_the_same_resources_as_a_stack_file(hub: Path, preview: bool) -> None:
    by_file = run(from_stack_file, config=stack_file(hub), computed=COMPUTED, preview=preview)
    by_program = run(lambda: two_servers(hub), computed=COMPUTED, preview=preview)

    assert len(by_file.mocks.resources) > 15
    assert declared(by_file) == [row for row in declared(by_program) if row[1] != "declaration"]
    assert by_file.needs == {name: each for name, each in by_program.needs.items() if name != "Declaration declaration"}


def test_outputs_are_there_for_other_resources_which_come_after_all_of_a_site(hub: Path) -> None:
    seen: list[Any] = []

    def program() -> None:
        site = two_servers(hub)
        pulumi.Output.all(site.url, site.admin_name, site.admin_password).apply(seen.append)
        Record("www", site.url)
        Record("later", "x", pulumi.ResourceOptions(depends_on=site.done))

    ran = run(program, computed=COMPUTED)

    assert [[f"http://{SITE}", "admin", "generated-administrator"]] == seen
    after = {f"{kind} {SITE}" for kind in ("Credentials", "SiteDatabase", "SiteConfiguration", "Installation")}
    assert after <= ran.needs["Record www"]
    assert after <= ran.needs["Record later"]


class Record(pulumi.CustomResource):
    def __init__(self, name: str, value: pulumi.Input[str], opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("your-cloud:index:Record", name, {"value": value}, opts)


def test_a_component_in_depends_on_is_an_error_that_says_what_to_write(hub: Path) -> None:
    def program() -> None:
        Record("www", "x", pulumi.ResourceOptions(depends_on=[two_servers(hub)]))

    with pytest.raises(pulumi.RunError, match=r"Site\(\"www.example.com\"\).* depends_on=NAME.done"):
        run(program, computed=COMPUTED)


def cloud(hub: Path, *, preview: bool, fails: str = "", before: Mapping[str, Any] | None = None) -> Ran:
    words = {"identity": str(hub / "id"), "hub": "10.0.0.1", "root": str(hub), "source": str(hub / "drupal")}
    config = {f"example-cloud:{key}": value for key, value in words.items()}
    program = EXAMPLES / "cloud" / "__main__.py"
    return run(
        program, config=config, computed=COMPUTED, preview=preview, project="example-cloud", fails=fails, before=before
    )


def test_servers_of_the_same_program_are_unknown_in_a_preview_and_nobody_is_asked_for_them(
    hub: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def facts(connections: Mapping[str, Any], *_given: Any, **_named: Any) -> dict[str, Any]:
        asked.extend(connections)
        return {}

    monkeypatch.setattr(php_fit, "facts", facts)

    ran = cloud(hub, preview=True)

    machines = ran.mocks.of("aegir:Machine")
    assert {"web1.example.com", "web2.example.com", "db1.example.com"} == set(machines)
    # As the engine gets them: what the mocks make of an unknown value depends on programs that ran before in this process.
    sent = [row["inputs"]["connection"] for urn, row in ran.rows.items() if "aegir:Machine::" in urn]
    assert 3 == len(sent)
    assert all(UNKNOWN == connection[key] for connection in sent for key in ("address", "host_key"))
    assert [] == asked
    assert [] == [each for each in ran.mocks.resources if "240.0." in str(each) or "unknown-until" in str(each)]


def test_servers_of_the_same_program_are_plain_values_in_an_up_and_are_removed_after_the_farm(hub: Path) -> None:
    ran = cloud(hub, preview=False)

    machines = ran.mocks.of("aegir:Machine")
    assert "10.0.1.1" == machines["web1.example.com"]["connection"]["address"]
    assert "Machine web1" in ran.needs["Server web1.example.com"]
    assert f"Installation {SITE}" in ran.needs["Record www"]
    assert "10.0.1.1" == ran.mocks.of("your-cloud:index:Record")["www"]["value"]


def test_machines_that_are_replaced_are_no_edit_that_a_preview_rejects(
    hub: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Their new addresses are not known in the preview, and the state has the former ones."""
    made = cloud(hub, preview=False)
    before = {
        urn: {
            "type": each.type if "index" in each.type else f"pulumi-python:dynamic/{each.type}",
            "outputs": opened(each),
        }
        for each in made.mocks.resources
        for urn in [next(urn for urn in made.rows if urn.endswith(f"{each.type}::{each.name}"))]
    }

    said: list[str] = []
    monkeypatch.setattr(pulumi.log, "warn", said.append)

    ran = cloud(hub, preview=True, before=before)

    # What would be lost is said all the same.
    lost = {text.partition('"')[2].partition('"')[0]: text for text in said if "may be another one" in text}
    assert f"10.0.1.3 has the databases of {SITE}" in lost["db1.example.com"]
    assert f"10.0.1.1 has the files of {SITE}" in lost["web1.example.com"]
    assert {each.name for each in made.mocks.resources} == {each.name for each in ran.mocks.resources}


class Team(pulumi.ComponentResource):
    def __init__(self, name: str) -> None:
        super().__init__("team:index:Team", name)


def test_a_site_with_another_parent_is_rejected_since_pulumi_would_remove_it_as_it_was(hub: Path) -> None:
    """Its URN is another one: the site of before would be removed last of all, with the database that both have."""

    def program(opts: Callable[[], pulumi.ResourceOptions | None]) -> Callable[[], None]:
        def body() -> None:
            farm = farm_of(hub)
            key = SshArgs(host_key=KEY)
            web = Server("web1", ServerArgs(farm=farm, address="10.0.0.2", ssh=key, web="apache"))
            database = Server("db1", ServerArgs(farm=farm, address="10.0.0.3", ssh=key, database="mysql"))
            platform = Platform("drupal-10", PlatformArgs(server=web, source=str(hub / "drupal")))
            admin = SiteAdminArgs(mail="admin@example.com")
            Site(SITE, SiteArgs(platform=platform, database=database, admin=admin), opts())

        return body

    def below() -> pulumi.ResourceOptions:
        return pulumi.ResourceOptions(parent=Team("ours"))

    def known_as() -> pulumi.ResourceOptions:
        return pulumi.ResourceOptions(parent=Team("ours"), aliases=[pulumi.Alias(parent=pulumi.ROOT_STACK_RESOURCE)])

    def state_of(ran: Ran) -> dict[str, Any]:
        return {
            urn: {"type": urn.split("::")[2].rpartition("$")[2], "outputs": {}}
            for urn in ran.rows
            if "aegir:index" in urn
        }

    plain = state_of(run(program(lambda: None), computed=COMPUTED))
    nested = state_of(run(program(below), computed=COMPUTED))
    with pytest.raises(
        pulumi.RunError, match=r'Site\("www.example.com"\): its parent was the stack, .*team:index:Team'
    ):
        run(program(below), computed=COMPUTED, before=plain)
    with pytest.raises(pulumi.RunError, match=r"its parent was team:index:Team, and is now the stack"):
        run(program(lambda: None), computed=COMPUTED, before=nested)
    run(program(below), computed=COMPUTED, before=nested)
    run(program(known_as), computed=COMPUTED, before=plain)


def opened(resource: Recorded) -> dict[str, Any]:
    """Give what the engine answers about a resource."""
    return {key: testing.opened(value) for key, value in resource.inputs.items()} | COMPUTED.get(resource.type, {})


def test_a_machine_that_cannot_be_made_holds_up_what_is_on_it_alone(hub: Path) -> None:
    """With --continue-on-error, as `tools/env` has it; its address stays unknown in an `up` as well."""
    ran = cloud(hub, preview=False, fails="web2")

    assert {"web1.example.com", "db1.example.com"} == set(ran.mocks.of("aegir:Machine"))
    assert "10.0.1.1" == ran.mocks.of("aegir:Machine")["web1.example.com"]["connection"]["address"]
    assert {} == ran.mocks.of("aegir:Release"), "a release is on all web servers of a cluster, or on none"
    assert "Machine web2" in ran.needs["Server web2.example.com"]
    assert "Installation www.example.com" in ran.needs, "it is declared, and not removed if it is there"
    assert [] == [each for each in ran.mocks.resources if "240.0." in str(each)]


def test_commands_know_what_a_program_declares_and_the_state_has_no_secret_of_it_in_clear(hub: Path) -> None:
    ran = run(lambda: two_servers(hub, backups=aegir_components.BackupsArgs(every="day")), computed=COMPUTED)

    kept = ran.mocks.of("aegir:Declaration")["declaration"]
    shown, whole = Added.read(kept["shown"]), kept.get("whole")
    assert {"every": "day"} == shown.config["backups"]
    assert {SITE} == set(shown.config["sites"])
    assert whole is None or whole != kept["shown"]

    again = run(from_stack_file, config={**stack_file(hub), "aegir:backups": '{"every": "day"}'}, computed=COMPUTED)
    assert {} == again.mocks.of("aegir:Declaration"), "a stack file says it all"


def test_what_is_secret_is_kept_apart() -> None:
    secret = 'aegir:sites["a.example.com"].settings.key'
    config = {
        "sites": {"a.example.com": {"settings": {"key": "s3cret", "x": ["y"]}, "admin": {"password": "from-a-file"}}},
        "backups": {"every": "day"},
    }
    added = Added(config=config, secrets=frozenset({canonical(secret)}))

    assert added == Added.read(added.text())
    hidden = added.hidden()
    assert "s3cret" not in hidden.text()
    assert "from-a-file" not in hidden.text()
    assert ["y"] == hidden.config["sites"]["a.example.com"]["settings"]["x"]
    assert added.config["backups"] == hidden.config["backups"]
    urn = "urn:pulumi:test::x::pulumi-python:dynamic/aegir:Declaration::declaration"
    row = {"urn": urn, "type": "pulumi-python:dynamic/aegir:Declaration"}
    sealed = {"4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270", "ciphertext": "…"}
    for whole, expected in ((added.text(), added), (sealed, hidden), (None, hidden)):
        outputs = {"shown": hidden.text(), "whole": whole}
        state = State.read("test", {"deployment": {"resources": [{**row, "outputs": outputs}]}})
        assert expected == state.added
    assert State.read("test", {}).added is None


def test_what_is_wrong_is_listed_at_once_and_nothing_is_declared(hub: Path) -> None:
    def program() -> None:
        farm = farm_of(hub)
        key = SshArgs(host_key="nonsense")
        web = Server("web1", ServerArgs(farm=farm, address="10.0.0.300", ssh=key, web="apache"))
        platform = Platform("drupal-10", PlatformArgs(server=web, source=str(hub / "drupal")))
        site = Site(SITE, SiteArgs(platform=platform))
        pulumi.export("url", site.url)

    with pytest.raises(pulumi.RunError) as caught:
        run(program)

    text = str(caught.value)
    assert "The farm has 3 problems; nothing was touched:" in text
    assert 'aegir:servers["web1"].address' in text
    assert 'aegir:servers["web1"].ssh.host_key' in text
    assert f'aegir:sites["{SITE}"].database' in text


def test_what_is_wrong_with_an_output_is_said_when_it_is_known(hub: Path) -> None:
    def program() -> None:
        farm = farm_of(hub)
        address = pulumi.Output.from_input("10.0.0.300")
        Server("web1", ServerArgs(farm=farm, address=address, ssh=SshArgs(host_key=KEY), web="apache"))

    with pytest.raises(pulumi.RunError, match=r'aegir:servers\["web1"\].address'):
        run(program)


def test_secrets_of_a_program_stay_secret_and_no_message_shows_them(hub: Path) -> None:
    def program(password: str) -> None:
        farm = farm_of(hub)
        admin = aegir_components.DatabaseAdminArgs(password=pulumi.Output.secret(password))
        service = DatabaseServiceArgs(admin=admin)
        Server("db1", ServerArgs(farm=farm, address="10.0.0.3", ssh=SshArgs(host_key=KEY), database=service))

    ran = run(lambda: program("correct horse battery"), computed=COMPUTED)
    assert "correct horse battery" == ran.mocks.of("aegir:DatabaseService")["db1"]["password"]["value"]
    with pytest.raises(pulumi.RunError) as caught:
        run(lambda: program("hun\nter2 and more"), computed=COMPUTED)
    assert "hun" not in str(caught.value)


def test_a_secret_that_nothing_would_keep_secret_is_rejected_without_a_word_of_it(hub: Path) -> None:
    def program(more: Callable[[], dict[str, Any]]) -> None:
        farm = farm_of(hub)
        key = SshArgs(host_key=KEY)
        web = Server("web1", ServerArgs(farm=farm, address="10.0.0.2", ssh=key, web="apache"))
        database = Server("db1", ServerArgs(farm=farm, address="10.0.0.3", ssh=key, database="mysql"))
        platform = Platform("drupal-10", PlatformArgs(server=web, source=str(hub / "drupal")))
        admin = SiteAdminArgs(mail="admin@example.com")
        Site(SITE, SiteArgs(platform=platform, database=database, admin=admin, **more()))

    with pytest.raises(pulumi.RunError, match=r"title: is a secret.*unsecret") as caught:
        run(lambda: program(lambda: {"title": pulumi.Output.secret("zq-title")}), computed=COMPUTED)
    assert "zq-title" not in str(caught.value)
    kept = {"api": {"key": "zq-key"}}
    ran = run(lambda: program(lambda: {"settings": pulumi.Output.secret(kept)}), computed=COMPUTED)
    kept_as = {"values", "whole"}
    values = [row["inputs"][key] for row in ran.rows.values() for key in kept_as & row["inputs"].keys()]
    assert 2 == len(values)
    assert all(isinstance(value, dict) and len(value) == 2 and "zq-key" in str(value) for value in values)
    rest = [{**row, "inputs": {**row["inputs"], "values": "", "whole": ""}} for row in ran.rows.values()]
    assert "zq-key" not in str(rest)


def test_a_machine_behind_one_that_is_not_made_yet_is_not_asked(hub: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def facts(connections: Mapping[str, Any], *_given: Any, **_named: Any) -> dict[str, Any]:
        asked.extend(connections)
        return {}

    monkeypatch.setattr(php_fit, "facts", facts)

    def program() -> None:
        gate: pulumi.Output[str] = pulumi.Output(set(), future(None), future(False))
        through = aegir_components.JumpArgs(address=gate, host_key=KEY)
        ssh = SshArgs(host_key=KEY, jump=through)
        farm = farm_of(hub)
        service = aegir_components.WebServiceArgs(type="apache", php=["8.3"])
        web = Server("web1", ServerArgs(farm=farm, address="10.0.0.2", ssh=ssh, web=service))
        Server("db1", ServerArgs(farm=farm, address="10.0.0.3", ssh=ssh, database="mysql"))
        Platform("drupal-10", PlatformArgs(server=web, source=str(hub / "drupal")))

    ran = run(program, computed=COMPUTED, preview=True)
    assert [] == asked
    assert [] == [each for each in ran.mocks.resources if "240.0." in str(each)]


def future(value: Any) -> asyncio.Future[Any]:
    found: asyncio.Future[Any] = asyncio.get_event_loop().create_future()
    found.set_result(value)
    return found


def test_a_program_may_add_to_what_a_stack_file_declares(hub: Path) -> None:
    def program() -> None:
        Site("two.example.com", SiteArgs(farm=Farm(), platform="drupal-10"))

    ran = run(program, config=stack_file(hub), computed=COMPUTED)

    assert {SITE, "two.example.com"} == set(ran.mocks.of("aegir:Installation"))


def test_a_stack_file_and_a_program_do_not_declare_the_same_thing(hub: Path) -> None:
    def program() -> None:
        farm = farm_of(hub)
        Server("web1", ServerArgs(farm=farm, web="apache"))

    with pytest.raises(pulumi.RunError) as caught:
        run(program, config=stack_file(hub))
    assert "aegir:hub: the stack file and the program declare it" in str(caught.value)
    assert 'aegir:servers["web1"]: the stack file and the program declare it' in str(caught.value)


def test_an_asynchronous_program_that_forgets_to_declare_its_farm_fails(hub: Path) -> None:
    async def main() -> None:
        two_servers(hub)

    with pytest.raises(pulumi.RunError, match=r"await farm.declare\(\)"):
        run(lambda: pulumi.run(main))


def test_an_error_of_a_program_ends_it_as_ever(hub: Path) -> None:
    def program() -> None:
        site = two_servers(hub)
        pulumi.export("url", site.url)
        raise LookupError("mine")

    with pytest.raises(LookupError, match="mine") as caught:
        run(program)
    assert "program" in {each.name for each in caught.traceback}


@pytest.mark.parametrize("name", ["resolve", "rollouts"])
def test_an_unexpected_error_ends_a_program_too(hub: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Before anything is declared, and after everything is."""

    def fails(*_given: Any, **_named: Any) -> None:
        raise LookupError("unexpected")

    monkeypatch.setattr(*((wiring, "resolve") if name == "resolve" else (rollouts, "come")), fails)

    def program() -> None:
        pulumi.export("url", two_servers(hub).url)

    with pytest.raises(LookupError, match="unexpected"):
        run(program, computed=COMPUTED)


def test_an_asynchronous_program_declares_its_farm_itself(hub: Path) -> None:
    async def main() -> None:
        site = two_servers(hub)
        assert site.farm is not None
        await site.farm.declare()
        with pytest.raises(pulumi.RunError, match="comes too late"):
            Server("web2", ServerArgs(farm=site.farm, web="apache"))

    ran = run(lambda: pulumi.run(main), computed=COMPUTED)
    assert [SITE] == list(ran.mocks.of("aegir:Installation"))


def test_two_components_of_a_kind_have_two_names_and_each_has_a_farm(hub: Path) -> None:
    def twice() -> None:
        farm = farm_of(hub)
        for _ in range(2):
            Server("web1", ServerArgs(farm=farm, web="apache"))

    with pytest.raises(pulumi.RunError, match="of this name already"):
        run(twice)
    with pytest.raises(pulumi.RunError, match=r"farm=Farm\(...\)"):
        run(lambda: Server("web1", ServerArgs(web="apache")))


def test_removals_are_confirmed_in_the_stacks_configuration(hub: Path) -> None:
    """The keys that are for one run are read where providers read them, whatever the project is called."""
    made = run(lambda: two_servers(hub), computed=COMPUTED)
    prefix = "urn:pulumi:test::other::pulumi-python:dynamic/"
    before = {
        f"{prefix}{each.type}::{name}": {
            "type": f"pulumi-python:dynamic/{each.type}",
            "outputs": {**each.inputs, "site": name, "content": "present"},
        }
        for each in made.mocks.resources
        if each.name == SITE and each.type.startswith("aegir:") and "index" not in each.type
        for name in ("one.example.com", "two.example.com")
    }

    def program() -> None:
        site = two_servers(hub)
        del site

    confirmed = {"aegir:confirm_removals": '["one.example.com", "two.example.com"]'}
    with pytest.raises(pulumi.RunError, match="aegir:confirm_removals"):
        run(program, computed=COMPUTED, before=before)
    run(program, computed=COMPUTED, before=before, config=confirmed)


MAPPINGS: dict[type[arguments.Arguments], tuple[str, ...]] = {
    arguments.FarmArgs: ("",),
    StackFile: ("",),
    arguments.HubArgs: ("hub",),
    arguments.HubSshArgs: ("hub.ssh",),
    arguments.JumpArgs: ("hub.ssh.jump", "servers.*.ssh.jump"),
    arguments.ServerArgs: ("servers.*",),
    arguments.SshArgs: ("servers.*.ssh",),
    arguments.WebServiceArgs: ("servers.*.services.web",),
    arguments.DatabaseServiceArgs: ("servers.*.services.database",),
    arguments.DatabaseAdminArgs: ("servers.*.services.database.admin",),
    arguments.AegirUserArgs: ("servers.*.aegir_user",),
    arguments.CommandArgs: ("servers.*.commands.*",),
    arguments.PhpArgs: ("servers.*.php", "sites.*.php"),
    arguments.LimitsArgs: ("servers.*.limits", "sites.*.limits"),
    arguments.WebClusterArgs: ("clusters.*",),
    arguments.UploadsArgs: ("clusters.*.uploads",),
    arguments.PackArgs: ("packs.*",),
    arguments.PlatformArgs: ("platforms.*",),
    arguments.SourceArgs: ("platforms.*.source",),
    arguments.ComposerArgs: ("platforms.*.source.composer",),
    arguments.UpdateStepArgs: ("platforms.*.update.*", "sites.*.update.*"),
    arguments.RolloutArgs: ("platforms.*.rollout",),
    arguments.SiteArgs: ("sites.*",),
    arguments.SiteAdminArgs: ("sites.*.admin",),
    arguments.SiteDatabaseArgs: ("sites.*.database",),
    arguments.CertificateArgs: ("sites.*.certificate",),
    arguments.MailArgs: ("sites.*.mail",),
    arguments.OriginArgs: ("sites.*.origin",),
    arguments.OriginFilesArgs: ("sites.*.origin.files",),
    arguments.BackupPlanArgs: ("sites.*.backups",),
    arguments.KeepArgs: ("backups.keep", "sites.*.backups.keep"),
    arguments.BackupsArgs: ("backups",),
    arguments.RepositoryArgs: ("backups.repositories.*",),
    arguments.AcmeArgs: ("acme",),
    arguments.CertificatesArgs: ("certificates",),
}
ELSEWHERE = {
    "": {*settings.added.EACH_RUN, *KINDS},
    "servers.*": {"services"},
    "platforms.*": {"name"},
}
"""Keys that are no fields: components have names, services are fields of a server, and some keys are for one run."""


def test_each_dataclass_has_the_keys_of_its_mapping_in_a_stack_file() -> None:
    notes = schema.asked()
    for kind, paths in MAPPINGS.items():
        fields = {each.name for each in dataclasses.fields(kind)} - {"farm"}
        if kind is arguments.ServerArgs:
            fields -= {"web", "database"}
        if kind is StackFile:
            assert ELSEWHERE[""] | {schema.FROM_OUTSIDE} == fields - {
                each.name for each in dataclasses.fields(arguments.FarmArgs)
            }
            continue
        for path in paths:
            known = {word for each in notes[path] if each.kind == "mapping" for word in each.words}
            assert fields == known - ELSEWHERE.get(path, set()), path


def test_every_mapping_of_a_stack_file_has_a_dataclass() -> None:
    mapped = {path for path, asked in schema.asked().items() if any(each.kind == "mapping" for each in asked)}
    assert set() == mapped - {path for paths in MAPPINGS.values() for path in paths} - {"servers.*.services"}
    listed = {getattr(arguments, name) for name in arguments.__all__ if name.endswith("Args")}
    assert set() == listed - MAPPINGS.keys() - {arguments.ComponentArgs}


def test_a_public_name_is_imported_when_it_is_used() -> None:
    text = (
        "import sys, aegir_components\n"
        "loaded = [name for name in sys.modules if name.startswith('aegir_components.')]\n"
        "assert not [name for name in loaded if 'pulumi_workarounds' not in name], loaded\n"
        "assert 'pulumi' not in sys.modules\n"
        "for name in aegir_components.__all__:\n"
        "    assert name in dir(aegir_components) and getattr(aegir_components, name).__name__ == name\n"
    )
    subprocess.run([sys.executable, "-c", text], check=True, timeout=60)


def test_components_are_pulumis_and_have_the_types_that_states_have(hub: Path) -> None:
    for kind in (Server, WebCluster, Platform, Site, aegir_components.Pack):
        assert issubclass(kind, pulumi.ComponentResource)

    ran = cloud(hub, preview=False)
    kinds = {each.type for each in ran.mocks.resources if ":index:" in each.type and each.type.startswith("aegir:")}
    assert {f"aegir:index:{kind}" for kind in ("Server", "WebCluster", "Platform", "Site")} == kinds
    assert WebClusterArgs(servers=["web1"]).servers == ["web1"]
