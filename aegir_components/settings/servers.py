"""The hub and the servers, as declared."""

from __future__ import annotations

import ipaddress
import shlex
from collections.abc import Mapping
from typing import Final, TypeVar

from aegir_components.messages import numbered

from . import jumps, model, names, php, resource_limits
from .names import Wrong
from .reader import Node
from .wording import known, listed, quoted

Kind = TypeVar("Kind", bound=str)

_PORTS: Final = (1, 65535)
_IDS: Final = (1, 2**31 - 1)
_USER = names.matching(
    r"[A-Za-z_][A-Za-z0-9_.-]*", 32, "the name of a Linux user (ASCII letters, digits and _ . -), such as root"
)
_PHP = php.VERSION
_ACCOUNT = names.matching(
    r"[A-Za-z0-9_][A-Za-z0-9_.@-]*",
    32,
    "an account name of ASCII letters (a-z, A-Z), digits and _ . @ -, such as aegir_root",
)


def read_hub(node: Node) -> model.Hub:
    """Read ``aegir:hub``."""
    address, root = "", "/var/aegir"
    if not node.check_keys():
        return model.Hub(address=address)
    if node.child("address").given:
        address = node.child("address").text("", names.ip_address)
    else:
        node.child("address").fault(
            numbered(1013, "missing; write the hub's IP address as database servers see it, such as 10.0.0.1")
        )
    root = node.child("root").text(root, names.plain_path)
    ssh = node.child("ssh")
    ssh.check_keys()
    identity = ssh.child("identity").text(f"{root}/.ssh/id_ed25519", names.absolute_path)
    known_hosts = ssh.child("known_hosts").text(None, names.absolute_path)
    return model.Hub(
        address=address,
        root=root,
        ssh=model.HubSsh(
            identity=identity,
            known_hosts=known_hosts,
            jump=jumps.read(ssh.child("jump"), identity=identity, known_hosts=known_hosts),
        ),
    )


def read_servers(node: Node, hub: model.Hub) -> dict[str, model.Server]:
    """Read ``aegir:servers``; one with problems is there too, so that what names it is not called wrong."""
    servers: dict[str, model.Server] = {}
    for key, entry in node.entries():
        try:
            names.server_name(key)
        except Wrong as wrong:
            entry.fault(wrong.text)
        servers[key] = _server(key, entry, hub)
    jumps.settle(node, servers)
    _check_machines(node, servers)
    _check_databases(node, servers)
    return servers


def read_forget(node: Node, servers: Mapping[str, model.Server]) -> tuple[str, ...]:
    """Read ``aegir:forget``: servers that are abandoned, and so are no longer declared."""
    found = []
    for item in node.items():
        name = item.text("", names.server_name)
        if name in servers:
            item.fault(
                numbered(
                    1105,
                    f"{item.show(quoted(name))} is declared under aegir:servers still; remove it there to give it up",
                )
            )
        found.append(name)
    return tuple(sorted(set(found)))


def read_replaced(node: Node, servers: Mapping[str, model.Server]) -> tuple[str, ...]:
    """Read ``aegir:replaced``: declared servers whose machine is an empty replacement of the former one."""
    found = []
    for item in node.items():
        name = item.text("", names.server_name)
        if name and name not in servers:
            item.fault(numbered(1015, f"no server named {item.describe()}; {known(name, servers)}"))
        found.append(name)
    return tuple(sorted(set(found)))


def check_reach(node: Node, hub: Node, settings: model.Settings) -> None:
    """Refuse addresses that mean another machine on each machine that uses them (handbook, 1.6)."""
    users: dict[str, set[str]] = {}
    for site in settings.sites.values():
        if site.database in settings.servers and site.platform in settings.platforms:
            target = settings.platforms[site.platform].server
            known = target in settings.servers or target in settings.clusters or target in settings.packs
            machines = settings.web_servers(site.platform) if known else ()
            users.setdefault(site.database, set()).update(m.name for m in machines if m.name != site.database)
    _refuse_ipv6(node, settings, {name for names in users.values() for name in names})
    far = [s.name for s in settings.servers.values() if s.database and s.connection == "ssh"]
    for server in settings.servers.values():
        if not server.database or not is_loopback(server.database.address):
            continue
        by = listed(users.get(server.name, ())) if users.get(server.name) else "the hub"
        if by == "the hub" and server.connection == "local":
            continue
        address = server.database.address
        if address == "localhost":
            how = f"is reached through a local socket by {by} and not over the network"
        else:
            how = f"is taken by {by} for its own address"
        path = _database_address(node, server)
        own = path.show(server.address) if _is_far_ip(server.address) else "10.0.0.5"
        path.fault(numbered(1102, f"{path.show(quoted(address))} {how}; write the server's own address, such as {own}"))
    if far and is_loopback(settings.hub.address):
        path = hub.child("address")
        address = path.show(quoted(settings.hub.address))
        advice = f"write the address that {listed(far)} sees the hub connect from"
        path.fault(numbered(1102, f"{address} is every machine's own; {advice}"))


def _refuse_ipv6(node: Node, settings: model.Settings, clients: set[str]) -> None:
    """Refuse IPv6 between web servers and databases: servers listen on IPv4, and accounts are for the address they see."""
    for server in settings.servers.values():
        if server.database and _is_ipv6(server.database.address) and not is_loopback(server.database.address):
            path = _database_address(node, server)
            path.fault(numbered(1103, f"{path.show(server.database.address)} is an IPv6 address, and databases "
                                      f"are reached over IPv4; "
                       f"write the server's IPv4 address, or a name that has one"))  # fmt: skip
        if server.name in clients and _is_ipv6(server.address):
            path = node.named(server.name).child("address")
            path.fault(numbered(1103, f"{path.show(server.address)} is an IPv6 address, and its sites reach "
                                      f"their databases over IPv4; "
                       f"write the server's IPv4 address, or a name that has one"))  # fmt: skip


def _is_ipv6(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).version == 6
    except ValueError:
        return False


def is_loopback(address: str) -> bool:
    """Tell whether each machine takes this address for itself."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address == "localhost"
    mapped = getattr(parsed, "ipv4_mapped", None)
    return bool((mapped or parsed).is_loopback)


def _server(name: str, node: Node, hub: model.Hub) -> model.Server:
    if not node.check_keys():
        # What names it should not be told that it lacks a service as well.
        unread = model.DatabaseService(address="")
        return model.Server(name=name, address="", web=model.WebService(), database=unread)
    connection = node.child("connection").choice("ssh", model.CONNECTIONS)
    address = node.child("address").text(hub.address if connection == "local" else name, names.ip_address)
    services = node.child("services")
    services.check_keys()
    web = _web(services.child("web"))
    database = _database(services.child("database"), address)
    if connection == "none":
        _check_managed(node, web, database)
    if web is None and database is None:
        node.warn(numbered(1106, "has no service; nothing runs on it"))
    if web is None and node.child("php").given:
        node.child("php").fault(numbered(1016, 'is for servers with a web service ("web" in services)'))
    resource_limits.check_server(node.child("limits"), web=web is not None, database=database is not None)
    if node.child("php").child("version").given:
        node.child("php").child("version").fault(
            numbered(1016, "is for sites; at a server, services.web.php has its versions, the usual one first")
        )
    user = node.child("aegir_user")
    user.check_keys()
    return model.Server(
        name=name,
        address=address,
        connection=connection,
        ssh=_ssh(node.child("ssh"), hub, connection, address),
        dns=node.child("dns").choice("warn", model.DNS),
        commands=_commands(node.child("commands"), connection),
        web=web,
        database=database,
        php=php.read_php(node.child("php")),
        limits=resource_limits.read_limits(node.child("limits")),
        aegir_user=model.AegirUser(uid=_id(user.child("uid")), gid=_id(user.child("gid"))),
    )


def _ssh(node: Node, hub: model.Hub, connection: str, address: str) -> model.ServerSsh | None:
    if connection != "ssh":
        if node.given:
            node.fault(numbered(1016, f'has no use where "connection" is {connection}; remove it'))
        return None
    if not node.check_keys():
        return model.ServerSsh(identity=hub.ssh.identity)
    jump = node.child("jump")
    key = node.child("host_key")
    ssh = model.ServerSsh(
        identity=node.child("identity").text(hub.ssh.identity, names.absolute_path),
        known_hosts=hub.ssh.known_hosts,
        user=node.child("user").text("root", _USER),
        port=node.child("port").number(22, *_PORTS),
        host_key=key.text(None, names.host_key),
        trust=node.child("trust").choice("pinned", model.TRUSTS),
        jump=jumps.read(jump, identity=hub.ssh.identity, known_hosts=hub.ssh.known_hosts)
        if jump.given
        else hub.ssh.jump,
    )
    if ssh.trust == "pinned" and not key.given and not ssh.known_hosts:
        port = f" -p {ssh.port}" if ssh.port != 22 else ""
        scan = f"ssh-keyscan{port} {key.show(shlex.quote(address))}"
        key.fault(
            numbered(
                1109,
                "missing; write the server's public key or its fingerprint (on the server: ssh-keygen -lf "
                f"/etc/ssh/ssh_host_ed25519_key.pub; from here, to compare: {scan}). Or set aegir:hub.ssh.known_hosts, "
                "or set trust to first-use",
            )
        )
    return ssh


def _web(node: Node) -> model.WebService | None:
    kind = _type_of(node, model.WEB_TYPES)
    if kind is None:
        return None
    port = node.child("port").number(80, *_PORTS)
    usual, *more = _php_versions(node.child("php")) or [""]
    return model.WebService(type=kind, port=port, php=usual, php_more=tuple(more))


def _php_versions(node: Node) -> list[str]:
    """Read one version of PHP, or several of which the first is the usual one."""
    if not isinstance(node.value, list):
        return [node.text("", _PHP)]
    found = [version for item in node.items() if (version := item.text("", _PHP))]
    if len(set(found)) < len(found):
        node.fault(numbered(1014, "names a version twice"))
    if not node.value:
        node.fault(
            numbered(1004, 'is empty; write a version such as "8.2", or remove the key for the distribution\'s own')
        )
    return list(dict.fromkeys(found))


def _database(node: Node, address: str) -> model.DatabaseService | None:
    kind = _type_of(node, model.DATABASE_TYPES)
    if kind is None:
        return None
    admin = node.child("admin")
    admin.check_keys()
    return model.DatabaseService(
        type=kind,
        port=node.child("port").number(3306, *_PORTS),
        address=node.child("address").text(address, names.address_or_name),
        tls=node.child("tls").choice("offered", model.DATABASE_TLS),
        authority=node.child("authority").text(None, names.absolute_path),
        reach=node.child("reach").choice("direct", model.REACHES),
        admin=model.DatabaseAdmin(
            name=admin.child("name").text("aegir_root", _ACCOUNT), password=admin.child("password").password()
        ),
    )


def _check_managed(node: Node, web: model.WebService | None, database: model.DatabaseService | None) -> None:
    services = node.child("services")
    if web is not None:
        services.child("web").fault(
            numbered(1108, 'a web server needs "connection" to be ssh or local; none is for databases only')
        )
    if database is None:
        services.child("database").fault(
            numbered(1108, 'missing; "connection" is none only where somebody else runs a database')
        )
        return
    path = services.child("database")
    if database.admin.password is None and not path.child("admin").child("password").given:
        path.child("admin").child("password").fault(
            numbered(1013, 'missing; where "connection" is none the account exists already and nothing is generated')
        )
    if database.reach == "ssh":
        path.child("reach").fault(numbered(1016, 'has no way where "connection" is none; remove it'))
    if database.tls == "required" and database.authority is None:
        path.child("authority").fault(
            numbered(
                1013,
                "missing; where somebody else runs the database, TLS can be required with their authority only: name a "
                "file with it, in PEM",
            )
        )


def _commands(node: Node, connection: str) -> tuple[model.OwnCommand, ...]:
    found = []
    for key, entry in node.entries():
        if connection != "ssh":
            entry.fault(numbered(1016, 'runs over ssh only; "connection" is not ssh'))
        entry.check_keys()
        create = entry.child("create")
        if not create.given:
            create.fault(numbered(1013, "missing; write the command that is run on the server"))
        found.append(
            model.OwnCommand(
                name=key,
                create=create.text("", names.command),
                update=entry.child("update").text(None, names.command),
                delete=entry.child("delete").text(None, names.command),
                triggers=tuple(item.text("", names.command) for item in entry.child("triggers").items()),
                before=entry.child("before").choice("server", model.MOMENTS),
            )
        )
    return tuple(found)


def _type_of(node: Node, known: tuple[Kind, ...]) -> Kind | None:
    """Read the type of a service from its short or its long form; ``None`` where there is no such service."""
    node.also("none", *known)
    if not node.given or node.value == "none":
        return None
    kind = node
    if isinstance(node.value, Mapping):
        node.check_keys()
        kind = node.child("type")
        if not kind.given:
            kind.fault(numbered(1013, f"missing; known: {', '.join(known)}"))
    if not isinstance(kind.value, str) and kind is node:
        one_of = f"one of none, {', '.join(known)}"
        node.fault(
            numbered(1005, f"must be {one_of}, or a mapping such as {{type: {known[0]}}}, not {node.describe()}")
        )
        return known[0]
    if kind is node and node.value not in known:
        node.fault(numbered(1005, f"must be one of none, {', '.join(known)}, not {node.describe()}"))
        return known[0]
    return kind.choice(known[0], known)


def _id(node: Node) -> int | None:
    return None if node.value is None else node.number(None, *_IDS)


def _check_machines(node: Node, servers: Mapping[str, model.Server]) -> None:
    seen: dict[tuple[str, int], str] = {}
    for server in servers.values():
        port = server.ssh.port if server.ssh else 0
        first = seen.setdefault((server.address, port), server.name) if server.address else server.name
        if first == server.name:
            continue
        if server.ssh:
            path = node.named(server.name).child("address")
            path.fault(numbered(1104, f"{path.show(server.address)} port {port} is server {quoted(first)} already"))
        else:
            path = node.named(server.name).child("connection")
            path.fault(numbered(1104, f"the hub is server {quoted(first)} already; give both services to one server"))


def _check_databases(node: Node, servers: Mapping[str, model.Server]) -> None:
    seen: dict[tuple[str, int], str] = {}
    for server in servers.values():
        database = server.database
        if database is None or not database.address or is_loopback(database.address):
            continue
        first = seen.setdefault((database.address, database.port), server.name)
        if first != server.name:
            path = _database_address(node, server)
            where = f"{path.show(database.address)} port {database.port}"
            path.fault(numbered(1104, f"{where} is the database of server {quoted(first)} already"))


def _database_address(node: Node, server: model.Server) -> Node:
    return node.named(server.name).child("services").child("database").child("address")


def _is_far_ip(address: str) -> bool:
    try:
        ipaddress.ip_address(address)
    except ValueError:
        return False
    return not is_loopback(address)
