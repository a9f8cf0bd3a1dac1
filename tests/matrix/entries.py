"""The rows of the matrix for whole entries of the stack file: added, removed, renamed, led elsewhere, moved."""

# ruff: noqa: E501 - a table

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

from tests.matrix import verdicts
from tests.matrix.cells import APPLIED, Edit, Entry
from tests.matrix.world import BLANK, NEW, ONE, TWO, World


def entry(world: World, kind: str, name: str, value: Any = None) -> None:
    """Declare an entry, or take one away."""
    group = world.config.setdefault(kind, {})
    if value is None:
        group.pop(name, None)
        if not group and kind in {"clusters", "packs"}:
            del world.config[kind]
    else:
        group[name] = value


def rename(world: World, kind: str, former: str, name: str) -> None:
    """Give an entry another name, wherever it is named."""
    group = world.config[kind]
    group[name] = group.pop(former)
    for platform in world.config["platforms"].values():
        if kind != "platforms" and platform["server"] == former:
            platform["server"] = name
    for site in world.config["sites"].values():
        for key in ("database",) if kind == "servers" else ("platform",) if kind == "platforms" else ():
            if site[key] == former:
                site[key] = name
    for cluster in world.config.get("clusters", {}).values():
        cluster["servers"] = [name if each == former else each for each in cluster["servers"]]
    for pack in world.config.get("packs", {}).values():
        pack["slaves"] = [name if each == former else each for each in pack["slaves"]]
        pack["master"] = name if pack["master"] == former else pack["master"]


def renamed(kind: str, former: str, name: str) -> Edit:
    """Make the edit of ``rename``."""
    return lambda world: rename(world, kind, former, name)


def address(server: str, leads_to: str) -> Edit:
    """Let a server's entry lead to another machine."""
    return lambda world: world.config["servers"][server].update(address=leads_to)


def exchanged(one: str, other: str) -> Edit:
    """Exchange the addresses of two servers."""

    def edit(world: World) -> None:
        servers = world.config["servers"]
        servers[one]["address"], servers[other]["address"] = servers[other]["address"], servers[one]["address"]

    return edit


def exchange_names(kind: str, one: str, other: str) -> Edit:
    """Exchange the names of two entries everywhere."""

    def edit(world: World) -> None:
        rename(world, kind, one, "between")
        rename(world, kind, other, one)
        rename(world, kind, "between", other)

    return edit


def target(name: str) -> Edit:
    """Put both platforms on something else."""
    return lambda world: [platform.update(server=name) for platform in world.config["platforms"].values()]


def both(*edits: Edit) -> Edit:
    """Make several edits at once."""
    return lambda world: [edit(world) for edit in edits]


def added(kind: str, name: str, value: Any) -> Edit:
    """Declare an entry."""
    return lambda world: entry(world, kind, name, value(world) if callable(value) else dict(value))


def gone(kind: str, name: str) -> Edit:
    """Take an entry away; a site with its content, which the hub keeps."""

    def edit(world: World) -> None:
        entry(world, kind, name)
        if kind == "sites":
            world.sites.pop(name)

    return edit


def kept_on_hub(name: str) -> Edit:
    """Hold that the hub has the dump and the files of a site that went."""

    def check(world: World) -> None:
        kept = world.kept(name)
        assert any(each.endswith(".sql.gz") for each in kept), kept
        assert any(each.endswith("files.tar.gz") for each in kept), kept

    return check


def site_renamed(name: str, new: str, **more: Any) -> Edit:
    """Give a site another name, with ``formerly``."""

    def edit(world: World) -> None:
        site, key = world.config["sites"].pop(name), world.sites.pop(name)
        site.pop("formerly", None)
        world.config["sites"][new] = {**site, **({"formerly": key} if key != new else {}), **more}
        world.sites[new] = key

    return edit


def confirm(*names: str) -> Edit:
    """Say that removals are meant."""
    return lambda world: world.config.update(confirm_removals=list(names))


def named(name: str, new: str) -> Edit:
    """Give a site another name without ``formerly``."""
    return lambda world: world.config["sites"].update({new: world.config["sites"].pop(name)})


def _exchange_sites(world: World) -> None:
    """Let two sites exchange their names."""
    sites = world.config["sites"]
    one, two = sites.pop(ONE), sites.pop(TWO)
    sites[ONE], sites[TWO] = {**two, "formerly": TWO}, {**one, "formerly": ONE}
    world.sites = {ONE: TWO, TWO: ONE}


WEB9: Final = {"address": "10.0.0.99", "services": {"web": "apache"}}
CLUSTER: Final = {"servers": ["web1", "web2"], "uploads": "separate"}
SITE: Final = {"platform": "code", "database": "db1"}
SERVERS = (
    Entry(kind="web server", operation="added", edits=(added("servers", "web9", WEB9),)),
    Entry(kind="web server", operation="removed", edits=(gone("servers", "web2"),)),
    Entry(kind="web server with sites", operation="removed", edits=(gone("servers", "web1"),)),
    Entry(kind="web server", operation="renamed", edits=(renamed("servers", "web1", "www1"),)),
    Entry(kind="web server", operation="renamed and back",
          edits=(renamed("servers", "web1", "www1"), renamed("servers", "www1", "web1"))),
    Entry(kind="web server", operation="removed and back", edits=(
        gone("servers", "web2"), added("servers", "web2", {"address": "10.0.0.12", "services": {"web": "apache"}}))),
    Entry(kind="web server", operation="led to another machine", edits=(both(gone("servers", "web2"), address("web1", "10.0.0.12")),)),
    Entry(kind="web server", operation="led to a blank machine", edits=(address("web1", BLANK),)),
    Entry(kind="web server", operation="addresses of two exchanged", edits=(exchanged("web1", "web2"),)),
    Entry(kind="web server", operation="names of two exchanged", edits=(exchange_names("servers", "web1", "web2"),)),
    Entry(kind="web server", operation="moved into a cluster", edits=(both(added("clusters", "farm", CLUSTER), target("farm")),)),
    Entry(kind="web server", operation="moved into a cluster and back", edits=(
        both(added("clusters", "farm", CLUSTER), target("farm")), both(gone("clusters", "farm"), target("web1")))),
    Entry(kind="web server", operation="moved into a pack", edits=(
        both(added("packs", "flock", {"master": "web1", "slaves": ["web2"]}), target("flock")),)),
    Entry(kind="database server", operation="added", edits=(
        added("servers", "db9", {"address": BLANK, "services": {"database": "mysql"}}),)),
    Entry(kind="database server", operation="removed", edits=(gone("servers", "db2"),)),
    Entry(kind="database server with sites", operation="removed", edits=(gone("servers", "db1"),)),
    Entry(kind="database server", operation="renamed", edits=(renamed("servers", "db1", "mysql1"),)),
    Entry(kind="database server", operation="renamed and back",
          edits=(renamed("servers", "db1", "mysql1"), renamed("servers", "mysql1", "db1"))),
    Entry(kind="database server", operation="removed and back", edits=(
        gone("servers", "db2"), added("servers", "db2", {"address": "10.0.0.22", "services": {"database": "mysql"}}))),
    Entry(kind="database server", operation="led to another machine", edits=(both(gone("servers", "db2"), address("db1", "10.0.0.22")),)),
    Entry(kind="database server", operation="led to a blank machine", edits=(address("db1", BLANK),)),
    Entry(kind="database server", operation="addresses of two exchanged", edits=(exchanged("db1", "db2"),)),
    Entry(kind="database server", operation="names of two exchanged", edits=(exchange_names("servers", "db1", "db2"),)),
    Entry(kind="external database", operation="renamed", edits=(renamed("servers", "ext", "lent"),), world="external"),
    Entry(kind="external database", operation="renamed and back", edits=(
        renamed("servers", "ext", "lent"), renamed("servers", "lent", "ext")), world="external"),
    Entry(kind="external database", operation="removed", edits=(gone("servers", "ext"),), world="external"),
    Entry(kind="external database", operation="led to another machine", edits=(address("ext", "10.0.0.21"),), world="external"),
    Entry(kind="external database", operation="led to a blank machine", edits=(address("ext", BLANK),), world="external"),
    Entry(kind="external database", operation="becomes one of our servers", world="external", edits=(
        lambda world: world.config["servers"]["ext"].update(connection="ssh", services={"database": "mysql"}),)),
    Entry(kind="web and database service", operation="on one server", edits=(
        lambda world: world.config["servers"]["db1"]["services"].update(web="apache"),)),
    Entry(kind="web and database service", operation="on one server and back", edits=(
        lambda world: world.config["servers"]["db1"]["services"].update(web="apache"),
        lambda world: world.config["servers"]["db1"]["services"].pop("web"))),
)  # fmt: skip
GROUPS = (
    Entry(kind="cluster", operation="added", edits=(added("clusters", "second", {"servers": ["web3"]}),), world="cluster"),
    Entry(kind="cluster", operation="removed", edits=(gone("clusters", "farm"),), world="cluster"),
    Entry(kind="cluster", operation="renamed", edits=(renamed("clusters", "farm", "herd"),), world="cluster"),
    Entry(kind="cluster", operation="renamed and back", world="cluster",
          edits=(renamed("clusters", "farm", "herd"), renamed("clusters", "herd", "farm"))),
    Entry(kind="cluster", operation="becomes one of its servers", world="cluster",
          edits=(both(gone("clusters", "farm"), target("web2")),)),
    Entry(kind="cluster", operation="becomes one of its servers and back", world="cluster", edits=(
        both(gone("clusters", "farm"), target("web2")), both(added("clusters", "farm", CLUSTER), target("farm")))),
    Entry(kind="cluster", operation="becomes a pack", world="cluster", edits=(
        both(gone("clusters", "farm"), added("packs", "flock", {"master": "web1", "slaves": ["web2"]}), target("flock")),)),
    Entry(kind="cluster", operation="becomes another server", world="cluster",
          edits=(both(gone("clusters", "farm"), target("web3")),)),
    Entry(kind="member of a cluster", operation="added", world="cluster", edits=(
        lambda world: world.config["clusters"]["farm"].update(servers=["web1", "web2", "web3"]),)),
    Entry(kind="member of a cluster", operation="removed", world="cluster", edits=(
        lambda world: world.config["clusters"]["farm"].update(servers=["web2"]),)),
    Entry(kind="member of a cluster", operation="removed and back", world="cluster", edits=(
        lambda world: world.config["clusters"]["farm"].update(servers=["web2"]),
        lambda world: world.config["clusters"]["farm"].update(servers=["web1", "web2"]))),
    Entry(kind="member of a cluster", operation="exchanged for another one", world="cluster", edits=(
        lambda world: world.config["clusters"]["farm"].update(servers=["web2", "web3"]),)),
    Entry(kind="member of a cluster", operation="all exchanged", world="cluster", edits=(
        lambda world: world.config["clusters"]["farm"].update(servers=["web3"]),)),
    Entry(kind="member of a cluster", operation="renamed", world="cluster", edits=(renamed("servers", "web1", "www1"),)),
    Entry(kind="member of a cluster", operation="renamed and back", world="cluster",
          edits=(renamed("servers", "web1", "www1"), renamed("servers", "www1", "web1"))),
    Entry(kind="member of a cluster", operation="led to another machine", world="cluster",
          edits=(both(gone("servers", "web3"), address("web1", "10.0.0.13")),)),
    Entry(kind="member of a cluster", operation="led to a blank machine", world="cluster", edits=(address("web1", BLANK),)),
    Entry(kind="member of a cluster", operation="addresses of two exchanged", world="cluster", edits=(exchanged("web1", "web2"),)),
    Entry(kind="pack", operation="added", world="pack", edits=(added("packs", "second", {"master": "web3"}),)),
    Entry(kind="pack", operation="removed", world="pack", edits=(gone("packs", "flock"),)),
    Entry(kind="pack", operation="renamed", world="pack", edits=(renamed("packs", "flock", "herd"),)),
    Entry(kind="pack", operation="becomes its master", world="pack", edits=(both(gone("packs", "flock"), target("web1")),)),
    Entry(kind="pack", operation="becomes its slave", world="pack", edits=(both(gone("packs", "flock"), target("web2")),)),
    Entry(kind="pack", operation="becomes a cluster", world="pack",
          edits=(both(gone("packs", "flock"), added("clusters", "farm", CLUSTER), target("farm")),)),
    Entry(kind="slave of a pack", operation="added", world="pack", edits=(
        lambda world: world.config["packs"]["flock"].update(slaves=["web2", "web3"]),)),
    Entry(kind="slave of a pack", operation="removed", world="pack", edits=(
        lambda world: world.config["packs"]["flock"].update(slaves=[]),)),
    Entry(kind="slave of a pack", operation="removed and back", world="pack", edits=(
        lambda world: world.config["packs"]["flock"].update(slaves=[]),
        lambda world: world.config["packs"]["flock"].update(slaves=["web2"]))),
    Entry(kind="slave of a pack", operation="renamed", world="pack", edits=(renamed("servers", "web2", "www2"),)),
    Entry(kind="master of a pack", operation="renamed", world="pack", edits=(renamed("servers", "web1", "www1"),)),
    Entry(kind="master of a pack", operation="exchanged with its slave", world="pack", edits=(
        lambda world: world.config["packs"]["flock"].update(master="web2", slaves=["web1"]),)),
    Entry(kind="master of a pack", operation="led to a blank machine", world="pack", edits=(address("web1", BLANK),)),
    Entry(kind="slave of a pack", operation="led to a blank machine", world="pack", edits=(address("web2", BLANK),)),
)  # fmt: skip
PLATFORMS = (
    Entry(kind="platform", operation="added", edits=(
        added("platforms", "next", lambda world: {"server": "web1", "source": str(world.hub / "eleven")}),)),
    Entry(kind="site", operation="moved to another platform and closed", edits=(
        added("platforms", "next", lambda world: {"server": "web1", "source": world.config["platforms"]["code"]["source"]}),
        lambda world: world.config["sites"][ONE].update(platform="next", state="disabled"))),
    Entry(kind="site", operation="moved to another platform and bound to TLS", edits=(
        added("platforms", "next", lambda world: {"server": "web1", "source": world.config["platforms"]["code"]["source"]}),
        lambda world: world.config["sites"][ONE].update(platform="next", https="required", certificate="self-signed"))),
    Entry(kind="platform with sites", operation="removed", edits=(gone("platforms", "code"),)),
    Entry(kind="platform", operation="renamed", edits=(renamed("platforms", "code", "core"),)),
    Entry(kind="platform", operation="renamed and back", edits=(
        renamed("platforms", "code", "core"), renamed("platforms", "core", "code"))),
    Entry(kind="platform", operation="added, its sites moved, the former one removed", edits=(
        both(added("platforms", "next", lambda world: {"server": "web1", "source": str(world.hub / "eleven")}),
             lambda world: world.config["sites"][ONE].update(platform="next")),
        gone("platforms", "code"))),
    Entry(kind="platform", operation="of an older major version", edits=(
        lambda world: world.config["platforms"]["code"].update(source=str(world.hub / "nine")),)),
    Entry(kind="platform", operation="of another application", edits=(
        lambda world: world.config["platforms"]["code"].update(source=str(world.hub / "press")),)),
)  # fmt: skip


def elsewhere(server: str, **site: Any) -> Edit:
    """Put the first site on a platform of the same code on another server, cluster or pack."""

    def edit(world: World) -> None:
        source = world.config["platforms"]["code"]["source"]
        world.config["platforms"]["away"] = {"server": server, "source": source}
        world.config["sites"][ONE].update(platform="away", **site)

    return edit


def home(**site: Any) -> Edit:
    """Put it back on its first platform."""
    return lambda world: world.config["sites"][ONE].update(**{"platform": "code", **site})


MOVED = (
    Entry(kind="site", operation="moved to other web servers", edits=(elsewhere("web2"),)),
    Entry(kind="site", operation="moved to other web servers and back", edits=(elsewhere("web2"), home())),
    Entry(kind="site", operation="moved to another database server and back", edits=(home(database="db2"), home(database="db1"))),
    Entry(kind="site", operation="moved to other web servers and another database server", edits=(elsewhere("web2", database="db2"),)),
    Entry(kind="site", operation="moved out of a cluster", edits=(elsewhere("web3"),), world="cluster"),
    Entry(kind="site", operation="moved into a pack", edits=(elsewhere("web3"), home()), world="pack"),
    Entry(kind="site", operation="moved out of a pack", edits=(elsewhere("web3"),), world="pack"),
    Entry(kind="site", operation="moved to other web servers, and its visitors forwarded no more",
          edits=(elsewhere("web2"), home(platform="away", forward="off"))),
    Entry(kind="site", operation="moved and closed", edits=(elsewhere("web2", database="db2", state="disabled"),)),
)  # fmt: skip
SITES = (
    Entry(kind="site", operation="added", edits=(added("sites", NEW, SITE),)),
    Entry(kind="site", operation="removed", edits=(gone("sites", ONE), kept_on_hub(ONE))),
    Entry(kind="site", operation="removed and back", edits=(gone("sites", ONE), kept_on_hub(ONE), added("sites", ONE, SITE))),
    Entry(kind="site", operation="renamed with formerly", edits=(site_renamed(ONE, NEW),)),
    Entry(kind="site", operation="renamed with formerly and back", edits=(site_renamed(ONE, NEW), site_renamed(NEW, ONE))),
    Entry(kind="site", operation="renamed without formerly", edits=(named(ONE, "onee.example.com"),)),
    Entry(kind="site", operation="its formerly lost", edits=(
        site_renamed(ONE, NEW), lambda world: world.config["sites"][NEW].pop("formerly"))),
    Entry(kind="all sites", operation="removed", edits=(lambda world: world.config["sites"].clear(),)),
    Entry(kind="all sites", operation="removed, confirmed", edits=(
        both(gone("sites", ONE), gone("sites", TWO), confirm(ONE, TWO)), both(kept_on_hub(ONE), kept_on_hub(TWO)))),
    Entry(kind="site", operation="removed and its name given to another one", edits=(
        both(gone("sites", ONE), site_renamed(TWO, ONE)), kept_on_hub(ONE))),
    Entry(kind="site", operation="removed and its name an alias of another one", edits=(
        both(gone("sites", ONE), lambda world: world.config["sites"][TWO].update(aliases=[ONE])), kept_on_hub(ONE))),
    Entry(kind="site", operation="names of two exchanged", edits=(
        _exchange_sites,)),
    Entry(kind="site", operation="alias given to another site", edits=(
        lambda world: world.config["sites"][ONE].update(aliases=["www.example.com"]),
        lambda world: (world.config["sites"][ONE].pop("aliases"), world.config["sites"][TWO].update(aliases=["www.example.com"])))),
    Entry(kind="site", operation="aliases of two exchanged", edits=(
        lambda world: (world.config["sites"][ONE].update(aliases=["a.example.com"]), world.config["sites"][TWO].update(aliases=["b.example.com"])),
        lambda world: (world.config["sites"][ONE].update(aliases=["b.example.com"]), world.config["sites"][TWO].update(aliases=["a.example.com"])))),
    Entry(kind="site", operation="name and alias exchanged", edits=(
        lambda world: world.config["sites"][ONE].update(aliases=[NEW]),
        site_renamed(ONE, NEW, aliases=[ONE]))),
    Entry(kind="protected site", operation="removed", edits=(
        lambda world: world.config["sites"][ONE].update(protect=True), lambda world: entry(world, "sites", ONE))),
)  # fmt: skip
TOGETHER = (
    Entry(kind="https of all sites and of the server", operation="dropped at once", edits=(
        lambda world: [site.update(https="enabled") for site in world.config["sites"].values()],
        lambda world: ([site.pop("https") for site in world.config["sites"].values()],
                       world.config["servers"]["web1"]["services"].update(web="apache")))),
    Entry(kind="https of all sites and of the server", operation="dropped at once, nginx", edits=(
        lambda world: ([site.update(https="enabled") for site in world.config["sites"].values()],
                       world.config["servers"]["web1"]["services"].update(web="nginx_ssl")),
        lambda world: ([site.pop("https") for site in world.config["sites"].values()],
                       world.config["servers"]["web1"]["services"].update(web="nginx")))),
    Entry(kind="https of all sites and of the server", operation="added at once", edits=(
        lambda world: world.config["servers"]["web1"]["services"].update(web="nginx"),
        lambda world: ([site.update(https="required") for site in world.config["sites"].values()],
                       world.config["servers"]["web1"]["services"].update(web="nginx_ssl")))),
    Entry(kind="https of a site", operation="dropped, and the server apache to nginx", edits=(
        lambda world: world.config["sites"][ONE].update(https="required"),
        lambda world: (world.config["sites"][ONE].pop("https"), world.config["servers"]["web1"]["services"].update(web="nginx")))),
    Entry(kind="database rights and TLS", operation="changed at once", edits=(
        lambda world: (world.config["sites"][ONE].update(database={"server": "db1", "rights": ["EVENT"]}),
                       world.config["servers"]["db1"]["services"].update(database={"type": "mysql", "tls": "required"})),
        lambda world: (world.config["sites"][ONE].update(database="db1"),
                       world.config["servers"]["db1"]["services"].update(database="mysql")))),
)  # fmt: skip


WAYS = (
    Entry(kind="way: two sites exchange their names", operation="in three runs", edits=(
        site_renamed(ONE, NEW), site_renamed(TWO, ONE), site_renamed(NEW, TWO))),
    Entry(kind="way: a server loses TLS", operation="in two runs", edits=(
        lambda world: [site.update(https="enabled") for site in world.config["sites"].values()],
        lambda world: [site.pop("https") for site in world.config["sites"].values()],
        lambda world: world.config["servers"]["web1"]["services"].update(web="apache"))),
    Entry(kind="way: a cluster becomes a pack", operation="in two runs", world="cluster", edits=(
        both(gone("clusters", "farm"), target("web1")),
        both(added("packs", "flock", {"master": "web1", "slaves": ["web2"]}), target("flock")))),
    Entry(kind="way: a pack becomes a cluster", operation="in two runs", world="pack", edits=(
        both(gone("packs", "flock"), target("web1")),
        both(added("clusters", "farm", CLUSTER), target("farm")))),
    Entry(kind="way: a cluster's servers are all exchanged", operation="in two runs", world="cluster", edits=(
        lambda world: world.config["clusters"]["farm"].update(servers=["web1", "web2", "web3"]),
        lambda world: world.config["clusters"]["farm"].update(servers=["web3"]))),
    Entry(kind="way: a protected site is removed", operation="in two runs", edits=(
        lambda world: world.config["sites"][ONE].update(protect=True),
        lambda world: world.config["sites"][ONE].update(protect=False),
        gone("sites", ONE), kept_on_hub(ONE))),
    Entry(kind="way: a stack becomes another environment", operation="in one run", edits=(
        lambda world: world.config.update(environment="testing", environment_formerly="development"),
        lambda world: world.config.pop("environment_formerly"))),
    Entry(kind="way: code at another publish path", operation="in two runs", edits=(
        both(added("platforms", "next", lambda world: {"server": "web1", "source": str(world.hub / "ten"),
                                                       "publish_path": "/var/aegir/platforms/elsewhere"}),
             lambda world: world.config["sites"][ONE].update(platform="next")),
        gone("platforms", "code"))),
)  # fmt: skip
"""What messages say to do instead of an edit that is rejected, done."""


ENTRIES: tuple[Entry, ...] = tuple(
    replace(row, outcome=verdicts.ENTRIES.get((row.kind, row.operation), APPLIED))
    for row in (*SERVERS, *GROUPS, *PLATFORMS, *MOVED, *SITES, *TOGETHER, *WAYS)
)
