"""Where a site is: its web servers, which of them have its files, and which changes of that would lose content. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Self

from aegir_components.inputs.database import DatabaseServer
from aegir_components.inputs.members import PlacedMember, connections
from aegir_components.inputs.props import Known, Props
from aegir_components.inputs.site import SiteConfigurationInputs
from aegir_components.messages import numbered
from aegir_components.moving.decision import is_elsewhere, is_other_server, leaves_all
from aegir_components.remote.connection import Connection


@dataclass(frozen=True, kw_only=True, slots=True)
class Where(Props):
    """Where a site is or is to be, as far as that is known; keys are those of ``SiteConfiguration``."""

    site: str = ""
    publish_root: str = ""
    members: Mapping[str, PlacedMember] | None = None
    master: str = ""
    uploads: str = ""
    accounts: DatabaseServer | None = None

    @classmethod
    def of(cls, want: Known[SiteConfigurationInputs]) -> Self:
        """Read it from inputs of which some may not be known."""
        accounts = want.ask(lambda inputs: inputs.accounts, None)
        return cls(
            site=want.ask(lambda inputs: inputs.site, ""),
            publish_root=want.ask(lambda inputs: inputs.publish_root, ""),
            members=want.ask(lambda inputs: inputs.members, None),
            master=want.ask(lambda inputs: inputs.master, ""),
            uploads=want.ask(lambda inputs: inputs.uploads, ""),
            accounts=accounts.machine if accounts else None,
        )

    @property
    def connections(self) -> dict[str, Connection]:
        """How its web servers are reached."""
        return connections(self.members or {})

    @property
    def owners(self) -> dict[str, Connection]:
        """The web servers that have its files themselves."""
        return {name: conn for name, conn in self.connections.items() if not self.sees(name)}

    def sees(self, name: str) -> bool:
        """Tell whether a web server has the site's data over NFS."""
        return bool(self.members and self.members[name].is_slave)


def rejected(have: Where, want: Where, abandoned: Collection[str]) -> dict[str, str]:
    """Say which changes of recorded inputs would leave uploads, private files and configuration behind.

    Args:
        have: the recorded inputs.
        want: the new ones, as far as they are known.
        abandoned: servers whose content nobody can get.
    """
    site = want.site or have.site
    advice = "Nothing was changed. Undo this edit; docs/howto/move-a-site.md shows how the files get there"
    had, now = have.connections, want.connections
    if leaves_all(had, now):
        gone = sorted(had.keys() & set(abandoned))
        return {"members": _given_up(site, gone)} if len(gone) == len(had) else {}
    if have.publish_root and want.publish_root and want.publish_root != have.publish_root:
        return {
            "publish_root": numbered(
                8558,
                f"the files of {site} are below {have.publish_root}, and its platform is to be published "
                f"below {want.publish_root}. {advice}",
            )
        }
    if want.members is None:
        return {}
    # Slaves of a pack as well: where the files are on a filer, another member may become the master.
    if is_elsewhere(had, now) and have.accounts and want.accounts and is_other_server(have.accounts, want.accounts):
        return {
            "members": numbered(
                8559,
                f"{site} is to get another database server and to keep a part of its web servers. Nothing was "
                f"changed. Change one of them with one pulumi up, and the other with another",
            )
        }
    owners, keeping = have.owners, want.owners
    in_a_pack = bool(want.master) or len(keeping) < len(now)
    if owners and not in_a_pack and not any(conn.twin(keeping) for conn in owners.values()):
        return {
            "members": numbered(
                8561,
                f"the files of {site} are on {', '.join(owners)}, and its platform is to be on {', '.join(now)}. "
                f"{advice}",
            )
        }
    hidden = [name for name, conn in owners.items() if (twin := conn.twin(now)) and want.sees(twin)]
    if hidden and want.master and not have.master and len(owners) == len(had):
        return {"members": _hidden(site, hidden, want.master)}
    if have.uploads and not want.uploads:
        return {
            "uploads": numbered(
                8557,
                f"the uploads of {site} are in {have.uploads}, and its web servers get their own. {advice}",
            )
        }
    return {}


def _hidden(site: str, servers: list[str], master: str) -> str:
    where = ", ".join(servers)
    return numbered(
        8555,
        f"{where} has files of {site} itself, and is to see those of {master} over NFS: its own would lie below the mount. "
        f"Nothing was changed. Put the platform on {master} alone with one pulumi up, which keeps an archive of what {where} "
        f"has on the hub. Make {where} a slave with another",
    )


def _given_up(site: str, servers: list[str]) -> str:
    where = ", ".join(servers)
    return numbered(
        8556,
        f"the files of {site} are on {where}, which is abandoned (aegir:forget): nobody can bring them from there. Nothing was "
        f"changed. Take {where} out of aegir:forget, or write the former platform at {site} again",
    )
