"""Where a site is: its web servers, which of them have its files, and which changes of that would lose content. Pure."""

from __future__ import annotations

from aegir_components.host.connection import Connection
from aegir_components.moving.decision import change, is_elsewhere, leaves_all

from .lifecycle import State, forgotten


def members_of(props: State) -> dict[str, Connection]:
    """Give a site's web servers."""
    return Connection.of_members(props["members"])


def owners_of(props: State) -> dict[str, Connection]:
    """Give the web servers that have the site's files themselves."""
    return {name: conn for name, conn in members_of(props).items() if not sees(props, name)}


def sees(props: State, name: str) -> bool:
    """Tell whether a member has the site's data over NFS."""
    return bool(props["members"][name].get("role") == "slave")


def rejected(have: State, want: State) -> dict[str, str]:
    """Say which changes of recorded inputs would leave uploads, private files and configuration behind.

    Args:
        have: the recorded inputs.
        want: the new ones, as far as they are known.
    """
    site = want.get("site", have.get("site"))
    advice = "Nothing was changed. Undo this edit; docs/howto/move-a-site.md shows how the files get there"
    if leaves_all(have, want):
        gone = sorted(set(have["members"]) & forgotten())
        return {"members": _given_up(str(site), gone)} if len(gone) == len(have["members"]) else {}
    if have.get("publish_root") and want.get("publish_root", have["publish_root"]) != have["publish_root"]:
        return {
            "publish_root": f"the files of {site} are below {have['publish_root']}, and its platform is to be published "
            f"below {want['publish_root']}. {advice}"
        }
    if "members" not in want:
        return {}
    # Slaves of a pack as well: where the files are on a filer, another member may become the master.
    had, now = members_of(have), members_of(want)
    if is_elsewhere(have, want) and change(have, want).database:
        return {
            "members": f"{site} is to get another database server and to keep a part of its web servers. Nothing was "
            f"changed. Change one of them with one pulumi up, and the other with another"
        }
    owners = {name: conn for name, conn in had.items() if not sees(have, name)}
    keeping = {name: conn for name, conn in now.items() if not sees(want, name)}
    in_a_pack = bool(want.get("master")) or len(keeping) < len(now)
    if owners and not in_a_pack and not any(conn.twin(keeping) for conn in owners.values()):
        return {
            "members": f"the files of {site} are on {', '.join(owners)}, and its platform is to be on {', '.join(now)}. "
            f"{advice}"
        }
    hidden = [name for name, conn in owners.items() if (twin := conn.twin(now)) and sees(want, twin)]
    if hidden and want.get("master") and not have.get("master") and len(owners) == len(had):
        return {"members": _hidden(str(site), hidden, str(want["master"]))}
    if have.get("uploads") and not want.get("uploads"):
        return {
            "uploads": f"the uploads of {site} are in {have['uploads']}, and its web servers are to have their own. {advice}"
        }
    return {}


def _hidden(site: str, servers: list[str], master: str) -> str:
    where = ", ".join(servers)
    return (
        f"{where} has files of {site} itself, and is to see those of {master} over NFS: its own would lie below the mount. "
        f"Nothing was changed. Put the platform on {master} alone with one pulumi up, which keeps an archive of what {where} "
        f"has on the hub. Make {where} a slave with another"
    )


def _given_up(site: str, servers: list[str]) -> str:
    where = ", ".join(servers)
    return (
        f"the files of {site} are on {where}, which is given up (aegir:forget): nobody can bring them from there. Nothing was "
        f"changed. Take {where} out of aegir:forget, or write the former platform at {site} again"
    )
