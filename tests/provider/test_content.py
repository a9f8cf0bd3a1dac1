"""Edits of a stack file over a site with content, by the providers: applied with nothing lost, or rejected by name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from aegir_components import layout, process
from aegir_components.archives import keeping
from aegir_components.providers import content as content_records
from aegir_components.providers import entries
from aegir_components.remote.connection import Connection
from tests.provider import test_contract
from tests.provider.test_contract import SITE, Driver, Inputs, World, created

DATABASE = "www_example_com"
FILES = layout.site_files("/var/aegir/platforms", SITE)
VHOST = layout.vhost_path("apache", SITE)


world = test_contract.world
"""The machines of the contract."""


@pytest.fixture
def removed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Backups that would be made of what is about to be removed; none is expected where nothing is lost."""
    made: list[str] = []
    monkeypatch.setattr(keeping, "save_database", lambda *given: made.append(f"database {given[2]}"))
    monkeypatch.setattr(keeping, "save_files", lambda *given: made.append(f"files {given[1]}"))
    return made


def content(world: World) -> dict[str, Any]:
    """Put a table into the site's database, and give the tables."""
    server = world.farm.hosts["db1"].mysql
    assert server is not None
    server.databases[DATABASE]["node"] = 74
    tables: dict[str, Any] = server.databases[DATABASE]
    return tables


def rejections(made: Driver, news: Inputs) -> list[str]:
    return [failure.reason for failure in made.provider.check(made.outs, news).failures]


def named(connection: Inputs, name: str, **changed: Any) -> Inputs:
    """Give the connection of a machine under another name."""
    return {**connection, "host": name, **changed}


def test_a_database_server_may_get_another_name(world: World, removed: list[str]) -> None:
    made = created("site_database", world)
    tables = content(world)
    news = {**made.inputs, "server": "mysql1", "connection": named(made.inputs["connection"], "mysql1")}

    assert [] == rejections(made, news)
    difference = made.diff(news)
    assert (difference.changes, difference.replaces) == (True, [])
    made.update(news)
    assert tables["node"] == 74
    assert [] == removed


def test_a_database_does_not_move_from_a_server_that_is_given_up(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    made = created("site_database", world)
    news = {
        **made.inputs,
        "server": "db2",
        "address": "10.0.0.9",
        "connection": named(made.inputs["connection"], "db2"),
    }

    assert [] == rejections(made, news)
    process.current().abandoned = frozenset({"db1"})
    (why,) = rejections(made, news)
    assert f"the database of {SITE} is on db1 (10.0.0.3), which is abandoned (aegir:forget)" in why
    assert "or write `database: db1` at the site again" in why


@pytest.mark.parametrize("refreshed", [True, False])
def test_a_database_that_is_not_where_the_state_knows_it_is_never_made_empty(
    world: World, monkeypatch: pytest.MonkeyPatch, refreshed: bool
) -> None:
    made = created("site_database", world)
    content(world)
    server = world.farm.hosts["db1"].mysql
    assert server is not None
    del server.databases[DATABASE]
    if refreshed:
        assert made.id == made.read()
        assert f"the database {DATABASE} of {SITE} is not on 10.0.0.3" in made.outs["drift"][0]

    with pytest.raises(RuntimeError, match="Nothing was installed"):
        made.update({**made.inputs, "clients": ["10.0.0.1"]})
    assert DATABASE not in server.databases

    process.current().replaced = frozenset({"db1"})
    made.update(made.inputs)
    assert DATABASE in server.databases


def test_a_database_that_was_emptied_is_an_error_with_what_was_there(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = created("site_database", world)
    tables = content(world)
    assert made.read()
    assert [] == made.outs["drift"]
    tables.clear()

    assert made.read()
    assert ["has no tables any more; it had 1 tables (16.4 kB) on" in text for text in made.outs["drift"]] == [True]
    with pytest.raises(RuntimeError, match="Load the newest dump of"):
        made.update(made.inputs)
    tables["node"] = 74
    made.update(made.inputs)
    tables.clear()
    process.current().replaced = frozenset({"db1"})
    made.update({**made.inputs, "clients": ["10.0.0.1"]})


def test_a_site_that_was_removed_leaves_no_count_behind(world: World, removed: list[str]) -> None:
    made = created("site_database", world)
    content(world)
    made.update(made.inputs)
    made.delete()
    assert removed
    made.create()
    made.update({**made.inputs, "clients": ["10.0.0.1"]})


@pytest.mark.parametrize("install", [True, False])
def test_an_installation_that_is_gone_is_never_made_anew(world: World, install: bool) -> None:
    made = created("installation", world)
    server = world.farm.hosts["db1"].mysql
    assert server is not None
    server.databases[DATABASE].clear()
    with pytest.raises(RuntimeError, match="the state knows the site with its content"):
        made.update({**made.inputs, "install": install, "title": "Another"})
    assert {} == server.databases[DATABASE]


def test_what_is_left_of_a_known_site_is_not_to_be_removed(world: World) -> None:
    made = created("installation", world)
    server = world.farm.hosts["db1"].mysql
    assert server is not None
    server.databases[DATABASE].pop("done")
    server.databases[DATABASE]["node"] = 74
    with pytest.raises(RuntimeError, match="a part of it is missing") as failed:
        made.update({**made.inputs, "title": "Another"})
    assert "take" not in str(failed.value)


def test_a_renamed_stack_keeps_its_databases(world: World) -> None:
    made = created("site_database", world)
    tables = content(world)

    made.update({**made.inputs, "owner": f"aegir/renamed/{SITE}"})
    assert tables["node"] == 74
    assert [] == made.outs["drift"]
    with pytest.raises(RuntimeError, match="belongs to aegir/renamed"):
        created("site_database", world)


def _reached(name: str, address: str, world: World) -> Inputs:
    return Connection(host=name, address=address, hub_root=str(world.hub_root)).to_props()


def test_another_publish_root_on_the_same_web_servers_is_rejected(world: World) -> None:
    made = created("site_config", world)
    root = {"publish_root": "/srv/www", "publish_path": "/srv/www/drupal-10"}

    (why,) = rejections(made, {**made.inputs, **root})
    assert why.startswith(f"the files of {SITE} are below /var/aegir/platforms")
    assert "Nothing was changed" in why


def test_a_site_does_not_move_from_web_servers_that_are_given_up(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    made = created("site_config", world)
    there = {**made.inputs["members"]["web1"], "connection": _reached("web9", "10.0.0.9", world)}
    news = {**made.inputs, "members": {"web9": there}}

    assert [] == rejections(made, news)
    process.current().abandoned = frozenset({"web1"})
    (why,) = rejections(made, news)
    assert f"the files of {SITE} are on web1, which is abandoned (aegir:forget)" in why


def test_another_member_of_a_pack_may_become_the_master(world: World) -> None:
    """Where the files are is looked at on the machines: on a filer they are there, on the former master they are not."""
    made = created("site_config", world)
    members = made.inputs["members"]
    slave = {**members["web1"], "connection": world.connection("db1")}
    made.outs["members"] = {**members, "db1": {**slave, "role": "slave"}}

    assert [] == rejections(
        made, {**made.inputs, "members": {"web1": {**members["web1"], "role": "slave"}, "db1": slave}}
    )
    with pytest.raises(RuntimeError, match="any more, and the state knows them there"):
        made.update({**made.inputs, "master": "db1", "members": {"db1": slave}})


def test_storage_that_is_shared_is_not_given_up_silently(world: World) -> None:
    world.farm.hosts["web1"].make_directories("/srv/uploads")
    shared = {**created("site_config", world).inputs, "uploads": "/srv/uploads"}
    made = created("site_config", world, shared)

    alone = {key: value for key, value in shared.items() if key != "uploads"}
    (why,) = rejections(made, alone)
    assert f"the uploads of {SITE} are in /srv/uploads" in why


def test_a_web_server_may_get_another_name_and_keeps_the_files(world: World, removed: list[str]) -> None:
    made = created("site_config", world)
    web = world.farm.hosts["web1"]
    # The same machine, found under its new name as well.
    world.farm.hosts["www1"] = web
    news = {
        **made.inputs,
        "members": {"www1": {**made.inputs["members"]["web1"], "connection": _reached("www1", web.address, world)}},
    }

    assert [] == rejections(made, news)
    assert [] == made.diff(news).replaces
    made.update(news)
    assert ("directory", FILES) in web.items
    assert VHOST in web.files
    assert [] == removed


def test_files_that_are_not_where_the_state_knows_them_are_an_error(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = created("site_config", world)
    web = world.farm.hosts["web1"]
    for key in [key for key in web.items if key[1].startswith(layout.site_directory("/var/aegir/platforms", SITE))]:
        del web.items[key]
    news = {**made.inputs, "aliases": ["example.org"]}

    with pytest.raises(
        RuntimeError, match=f"the files of {SITE} are not in /var/aegir/platforms/.sites/{SITE} any more"
    ):
        made.update(news)
    assert ("directory", FILES) not in web.items

    process.current().replaced = frozenset({"web1"})
    made.update(news)
    assert ("directory", FILES) in web.items


@pytest.mark.parametrize("loss", ["the directory", "all files in it"])
def test_uploads_that_are_gone_are_an_error_with_what_was_there(world: World, loss: str) -> None:
    made = created("site_config", world)
    web = world.farm.hosts["web1"]
    for number in range(12):
        web.write(f"{FILES}/{number}.jpg", "a picture")
    assert made.read()
    assert [] == made.outs["drift"]
    for kind, path in list(web.items):
        if path.startswith(f"{FILES}/") or (loss == "the directory" and path == FILES):
            del web.items[kind, path]

    assert made.read()
    assert any("the site had 12 files (108 bytes) on" in text for text in made.outs["drift"])
    with pytest.raises(RuntimeError, match=r"any more, and they were 12 files \(108 bytes\)"):
        made.update({**made.inputs, "aliases": ["example.org"]})


def test_files_that_nobody_can_count_are_not_taken_for_none(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Root may not look into a share that squashes it."""
    assert content_records.counted({"known": "yes"}) is None
    assert content_records.counted({}) == content_records.Amount(number=0, size=0)
    made = created("site_config", world)
    for number in range(12):
        world.farm.hosts["web1"].write(f"{FILES}/{number}.jpg", "a picture")
    assert made.read()
    monkeypatch.setattr(
        type(world.farm.hosts["web1"]), "_sh_site_content", lambda host, *_d: host._say("fact", "yes", "known")
    )
    assert made.read()
    assert [] == made.outs["drift"]
    made.update({**made.inputs, "aliases": ["example.org"]})


def test_a_web_server_whose_copy_failed_is_tried_again_and_never_copied_from(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.farm.host("web0", "10.0.0.20")
    for kind in ("machine", "web_service"):
        inputs = test_contract.EXAMPLES[kind].inputs(world)
        Driver(
            test_contract.PROVIDERS[kind](), {**inputs, "host": "web0", "connection": world.connection("web0")}
        ).create()
    for directory in (layout.platform_registry("drupal-10"), "/var/aegir/platforms/.sites"):
        world.farm.hosts["web0"].make_directories(directory)
    alone = created("site_config", world)
    members = {
        **alone.inputs["members"],
        "web0": {**alone.inputs["members"]["web1"], "connection": world.connection("web0")},
    }
    copied: list[tuple[str, str]] = []
    monkeypatch.setattr(keeping, "copy_files", lambda source, target, *_rest: copied.append((source.host, target.host)))
    made = created("site_config", world, {**alone.inputs, "members": members})
    empty, full = world.farm.hosts["web0"], world.farm.hosts["web1"]
    for host in (empty, full):
        for number in range(12):
            host.write(f"{FILES}/{number}.jpg", "a picture")
    assert made.read()
    for number in range(12):
        del empty.items["file", f"{FILES}/{number}.jpg"]

    def fails(*_given: object) -> None:
        raise RuntimeError("the disk is full")

    copied.clear()
    with monkeypatch.context() as patch:
        patch.setattr(keeping, "copy_files", fails)
        with pytest.raises(RuntimeError, match="the disk is full"):
            made.update({**made.inputs, "aliases": ["example.org"]})
    made.update({**made.inputs, "aliases": ["example.org"]})
    assert [("web1", "web0")] == copied


def test_an_editor_may_remove_the_last_file(world: World) -> None:
    made = created("site_config", world)
    web = world.farm.hosts["web1"]
    web.write(f"{FILES}/a.jpg", "a picture")
    assert made.read()
    del web.items["file", f"{FILES}/a.jpg"]
    assert made.read()
    assert [] == made.outs["drift"]
    made.update({**made.inputs, "aliases": ["example.org"]})


def test_a_site_that_is_on_another_platform_leaves_the_registry_of_the_former_one(world: World) -> None:
    made = created("site_config", world)
    web = world.farm.hosts["web1"]
    web.make_directories(layout.platform_registry("drupal-11"))
    former = f"{layout.platform_registry('drupal-10')}/{SITE}"
    assert former in web.files

    made.update({**made.inputs, "platform": "drupal-11", "publish_path": "/var/aegir/platforms/drupal-11"})
    assert former not in web.files
    assert f"{layout.platform_registry('drupal-11')}/{SITE}" in web.files


def test_a_name_that_another_site_has_now_keeps_that_sites_vhost(world: World, removed: list[str]) -> None:
    """The site of this name was removed, and its name given to another one in the same run."""
    former = created("site_config", world)
    web = world.farm.hosts["web1"]
    other = {**former.inputs, "site": "new.example.com", "name": SITE, "aliases": []}
    created("site_config", world, other)
    assert "new.example.com" in web.files[VHOST].splitlines()[0]

    former.delete()
    assert VHOST in web.files
    assert removed, "the files of the site that is removed are kept on the hub"


def test_what_cannot_be_kept_leaves_the_site_serving_and_no_archive(
    world: World, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    made = created("site_config", world, {**test_contract._site_config(world), **test_contract._accounts(world)})
    web = world.farm.hosts["web1"]
    archives: list[Path] = []

    def save_files(*_given: Any) -> Path:
        archives.append(tmp_path / f"archive-{len(archives)}")
        archives[-1].write_text("files")
        return archives[-1]

    def save_database(*_given: Any) -> None:
        assert VHOST in web.files, "it is dumped while the site serves"
        raise RuntimeError("the hub's disk is full")

    monkeypatch.setattr(keeping, "save_files", save_files)
    monkeypatch.setattr(keeping, "has_database", lambda *_given: False)
    monkeypatch.setattr(keeping, "save_database", save_database)
    for _ in range(2):
        with pytest.raises(RuntimeError, match="disk is full"):
            made.delete()
        assert VHOST in web.files
        assert ("directory", FILES) in web.items
    assert [False, False] == [archive.exists() for archive in archives]

    monkeypatch.setattr(keeping, "save_database", lambda *_given: None)
    made.delete()
    assert VHOST not in web.files
    assert ("directory", FILES) not in web.items
    assert [True] == [archive.exists() for archive in archives[2:]]


@pytest.mark.parametrize("machine", ["blank", "another stack's", "its own", "of a version before"])
def test_an_address_that_leads_to_another_machine_is_found_before_anything_is_done_there(
    world: World, monkeypatch: pytest.MonkeyPatch, machine: str
) -> None:
    made = created("machine", world)
    there = world.farm.host("there", "10.0.0.77")
    if machine != "blank":
        holder = "aegir/test" if machine == "its own" else "aegir/other"
        made.provider.create({**made.inputs, "connection": _reached("there", "10.0.0.77", world), "holder": holder})
        there.scripts.clear()
    if machine == "of a version before":
        del made.outs["declared"]
        del there.items["file", "/var/lib/aegir/entries/aegir%other"]
    world.farm.hosts["web1"] = there
    news = {**made.inputs, "connection": _reached("web1", "10.0.0.77", world)}

    if machine in {"its own", "of a version before"}:
        made.update(news)
        return
    with pytest.raises(RuntimeError, match=r"the machine at 10.0.0.77 \(it was at 10.0.0.2 before\) was") as failed:
        made.update(news)
    assert "name web1 in aegir:replaced" in str(failed.value)
    assert len(there.scripts) == 1, "it was only looked at"
    process.current().replaced = frozenset({"web1"})
    made.update(news)


def test_a_machine_whose_record_was_removed_by_hand_gets_it_again(world: World) -> None:
    made = created("machine", world)
    web = world.farm.hosts["web1"]
    del web.items["file", "/var/lib/aegir/entries/aegir%test"]

    made.update({**made.inputs, "uid": 950})

    assert ("file", "/var/lib/aegir/entries/aegir%test") in web.items


def test_a_machine_that_only_another_stack_knows_by_now_is_left_alone(world: World) -> None:
    made = created("machine", world)
    items = world.farm.hosts["web1"].items
    items["file", "/var/lib/aegir/entries/aegir%other"] = items.pop(("file", "/var/lib/aegir/entries/aegir%test"))

    with pytest.raises(RuntimeError, match="was prepared for something else"):
        made.update({**made.inputs, "uid": 950})


def test_a_machine_that_was_installed_anew_where_it_was_is_prepared_again(world: World) -> None:
    made = created("machine", world)
    world.farm.hosts["web1"].items.clear()
    made.update({**made.inputs, "uid": 950})


RENAMED = ("machine", "web_service", "database")


@pytest.mark.parametrize("kind", RENAMED)
@pytest.mark.parametrize("goes", ["the former name", "the new name, since the edit was taken back"])
def test_a_machine_under_two_names_keeps_what_the_declared_one_needs(world: World, kind: str, goes: str) -> None:
    """A run was killed after the entry's new name was made, and before the former one was removed."""
    former = created(kind, world)
    host = former.inputs["host"]
    world.farm.hosts["new1"] = machine = world.farm.hosts[host]
    renamed = {**former.inputs, "host": "new1", "connection": _reached("new1", machine.address, world)}
    new = Driver(type(former.provider)(), renamed)
    new.create()
    stays, leaves = (new, former) if goes == "the former name" else (former, new)
    place = entries.Entry(machine.address, 22, ("web", "database"))
    entries.note(str(world.hub_root), "aegir/test", {stays.inputs["host"]: place})
    before = dict(machine.items)

    leaves.delete()
    gone = {key for key in before if key not in machine.items}
    assert not gone
    entries.note(str(world.hub_root), "aegir/test", {})
    stays.delete()
    assert {key for key in before if key not in machine.items}


def test_an_entry_that_lost_its_service_with_its_name_loses_it_on_the_machine(world: World) -> None:
    former = created("web_service", world)
    place = entries.Entry(world.farm.hosts["web1"].address, 22, ("database",))
    entries.note(str(world.hub_root), "aegir/test", {"new1": place})
    before = set(world.farm.hosts["web1"].items)
    former.delete()
    assert before - set(world.farm.hosts["web1"].items)
