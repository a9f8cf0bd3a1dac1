"""What operators do to a stack file, and what happens to machines behind their backs: one function each.

An edit changes the world's settings, or the machines, and says how the next ``up`` has to end.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Final

from tests.random.world import CLUSTER, World

Edit = Callable[[World, random.Random], None]
EXTRA: Final = "extra.example.org"
"""A site without content that is compared."""


def _any(world: World, chance: random.Random) -> str:
    return chance.choice(sorted(world.kept))


def alias(world: World, chance: random.Random) -> None:
    """A site gets another name beside its own, or loses it."""
    name = _any(world, chance)
    site = world.settings["sites"][name]
    if site.pop("aliases", None) is None:
        site["aliases"] = [f"alias-of-{name}"]


def title(world: World, chance: random.Random) -> None:
    """What only an installation would use changes."""
    world.settings["sites"][_any(world, chance)]["title"] = f"title {chance.randrange(1000)}"


def cron(world: World, chance: random.Random) -> None:
    """A site's cron changes."""
    world.settings["sites"][_any(world, chance)]["cron"] = chance.choice(["off", "hourly", "daily"])


def isolation(world: World, chance: random.Random) -> None:
    """A site gets a PHP master of its own, or a pool again."""
    site = world.settings["sites"][_any(world, chance)]
    site["isolation"] = "pool" if site.get("isolation") == "process" else "process"


def state(world: World, chance: random.Random) -> None:
    """A site is closed or opened."""
    site = world.settings["sites"][_any(world, chance)]
    site["state"] = "enabled" if site.get("state") == "disabled" else "disabled"


def rename(world: World, chance: random.Random) -> None:
    """A site gets another name, or its first one back."""
    name = _any(world, chance)
    key = world.kept.pop(name)
    site = world.settings["sites"].pop(name)
    new = key
    # A name that another site has would be no new name: the stack file has each once, and the other site would be gone.
    while name == key and (new == key or new in world.settings["sites"]):
        new = f"new-{chance.randrange(1000)}.example.org"
    site.pop("formerly", None)
    world.settings["sites"][new] = {**site, **({} if new == key else {"formerly": key})}
    world.kept[new] = key


def move(world: World, chance: random.Random) -> None:
    """A site moves to the other platform."""
    site = world.settings["sites"][_any(world, chance)]
    site["platform"] = "next" if site["platform"] == "code" else "code"


def release(world: World, chance: random.Random) -> None:
    """The code changes, on both platforms."""
    (world.code / "license.txt").write_text(f"release {chance.randrange(10**6)}\n")


def entry(world: World, chance: random.Random) -> None:
    """A server's entry gets another name."""
    kind = chance.choice(["web1", "web2", "db1"])
    address = world.address(kind)
    servers = world.settings["servers"]
    former = next(name for name, server in servers.items() if server["address"] == address)
    name = f"{kind}-{chance.randrange(1000)}.example.net"
    servers[name] = servers.pop(former)
    for platform in world.settings["platforms"].values():
        platform["server"] = name if platform["server"] == former else platform["server"]
    for site in world.settings["sites"].values():
        if site.get("database") == former:
            site["database"] = name
    for cluster in world.settings.get("clusters", {}).values():
        cluster["servers"] = [name if member == former else member for member in cluster["servers"]]


def cluster(world: World, _chance: random.Random) -> None:
    """The second web server joins, or leaves."""
    servers = world.settings["servers"]
    names = [
        next(name for name, server in servers.items() if server["address"] == world.address(host))
        for host in ("web1", "web2")
    ]
    if world.settings.pop("clusters", None):
        target = names[0]
    else:
        world.settings["clusters"] = {CLUSTER: {"servers": names, "uploads": "separate"}}
        target = CLUSTER
    for platform in world.settings["platforms"].values():
        platform["server"] = target


def tls(world: World, _chance: random.Random) -> None:
    """The database demands TLS, or does not any more."""
    address = world.address("db1")
    server = next(found for found in world.settings["servers"].values() if found["address"] == address)
    plain = server["services"]["database"] == "mysql"
    server["services"]["database"] = {"type": "mysql", "tls": "required"} if plain else "mysql"


def keep(world: World, chance: random.Random) -> None:
    """More or fewer releases are kept."""
    world.settings["platforms"]["code"]["keep_releases"] = chance.randrange(1, 5)


def extra(world: World, _chance: random.Random) -> None:
    """A further site is made, or removed."""
    if world.settings["sites"].pop(EXTRA, None) is None:
        beside: dict[str, object] = next(iter(world.settings["sites"].values()), {})
        known = {key: beside[key] for key in ("database",) if key in beside}
        world.settings["sites"][EXTRA] = {"platform": "code", **known}


APPLIED: Final[tuple[Edit, ...]] = (
    alias, title, cron, isolation, state, rename, move, release, entry, cluster, tls, keep, extra,
)  # fmt: skip
"""Every ``up`` after one of these ends well."""


def away(world: World, _chance: random.Random) -> None:
    """Both platforms get another web server, and their sites move there with their content."""
    if world.settings.get("clusters"):
        return
    names = {server["address"]: name for name, server in world.settings["servers"].items()}
    one, two = (names[world.address(host)] for host in ("web1", "web2"))
    for platform in world.settings["platforms"].values():
        platform["server"] = two if platform["server"] == one else one


def database(world: World, chance: random.Random) -> None:
    """A site gets another database server, and moves there with its content."""
    names = {server["address"]: name for name, server in world.settings["servers"].items()}
    one, two = (names[world.address(host)] for host in ("db1", "db2"))
    site = world.settings["sites"][_any(world, chance)]
    site["database"] = two if site.get("database", one) == one else one


MOVES: Final[tuple[Edit, ...]] = (away, database)
"""Likewise, of a world that can carry a site to another machine."""


def mistyped(world: World, chance: random.Random) -> None:
    """A name loses a letter."""
    # One that says what it was called before is a site with another name.
    plain = [name for name in sorted(world.kept) if "formerly" not in world.settings["sites"][name]]
    if not plain:
        lost_block(world, chance)
        return
    name = chance.choice(plain)
    world.settings["sites"][name[1:]] = world.settings["sites"].pop(name)


def lost_block(world: World, _chance: random.Random) -> None:
    """All sites are lost in a merge."""
    world.settings["sites"].clear()


def published_elsewhere(world: World, chance: random.Random) -> None:
    """A platform with sites gets another publish path."""
    platform = world.settings["sites"][_any(world, chance)]["platform"]
    world.settings["platforms"][platform]["publish_path"] = "/srv/www/elsewhere"


REJECTED: Final[tuple[Edit, ...]] = (mistyped, lost_block, published_elsewhere)
"""A preview and an ``up`` after one of these fail, and nothing has happened."""


def broken_release(world: World, _chance: random.Random) -> None:
    """The new code has a syntax error."""
    settings = world.code / "wp-settings.php"
    settings.write_text("<?php this is no PHP(\n" + settings.read_text())


def repair_release(world: World) -> None:
    """The code is as it was."""
    settings = world.code / "wp-settings.php"
    settings.write_text(settings.read_text().removeprefix("<?php this is no PHP(\n"))
