"""Where a site's content is on a machine: whether it is there, how much it is, and in whose registry the site stands."""

from __future__ import annotations

from aegir_components import layout
from aegir_components.deploy.site import SitePlan
from aegir_components.messages import numbered
from aegir_components.scripts import script
from aegir_components.scripts.libraries import functions


def registered_once(plan: SitePlan, holder: str) -> list[str]:
    """List what takes the site out of other platforms of the stack, as after a move that was killed and undone."""
    others = script.call(
        "leave_others",
        layout.platform_registry(plan.inputs.platform),
        layout.file_name(plan.site),
        holder,
        layout.site_linked(plan.root, plan.site),
        layout.AEGIR_USER,
        plan.site,
        layout.held_file(plan.site),
    )
    return [functions("holding"), others]


def content_directories(root: str, site: str, shared: str) -> tuple[str, ...]:
    """Name the directories with what visitors and editors have brought.

    Args:
        root: the publish root.
        site: what the site is known by.
        shared: the directory of shared uploads; empty where each web server has its own.
    """
    if shared:
        home = layout.uploads_directory(shared, site)
        return f"{home}/files", f"{home}/private"
    return layout.site_files(root, site), layout.site_private(root, site)


def content_items(directories: tuple[str, ...]) -> list[str]:
    """List what finds the data of a site: the fact ``known`` says that all are there, ``content`` has files and bytes."""
    return [functions("site"), script.call("site_content", *directories)]


def missing(site: str, where: str, servers: list[str], *, shared: bool, had: str) -> str:
    """Say that a site's data are not where the state knows them, and what to do.

    Args:
        site: its name.
        where: the directory.
        servers: the web servers that should have it.
        shared: whether it is on shared storage.
        had: how much was there, where the hub has counted it.
    """
    knows = f"they were {had}" if had else "the state knows them there"
    begin = f"the files of {site} are not in {where} any more, and {knows}. Nothing was changed."
    if shared:
        return numbered(
            6616,
            f"{begin} Copy them there with their owners (rsync -aHu) and run pulumi up, or declare the former path again",
        )
    return numbered(
        6615,
        f"{begin} If an address leads to the wrong machine, correct it. If the machine is right, unpack the newest files archive "
        f"of {site} from `backups` below the hub root into {where} and run pulumi up. If a new machine replaces the former one, "
        f"name it in aegir:replaced ({', '.join(servers)}) and run pulumi up before that. docs/howto/restore-a-backup-by-hand.md",
    )


def forbidden(site: str, path: str) -> str:
    """Say that a site's uploads are in a share where the web server cannot read what WordPress adds."""
    account = layout.system_user(site)
    return numbered(
        6610,
        f"the web server cannot read what WordPress uploads into {path}: it answers 403 for images of {site}. The share squashes "
        f"root and has no access list for www-data. On the file server, in the exported directory of the site's files, run: "
        f"setfacl -R -m g:www-data:rX,d:g::rX,d:g:www-data:rX,d:o::- .  Without access lists there, every account may read them "
        f"after: runuser -u {account} -- chmod -R o+rX {path}",
    )


def opened(site: str, path: str) -> str:
    """Say that a site's uploads are in a file system without access lists."""
    return numbered(
        6611,
        f"the uploads of {site} are in {path}, on a file system without access lists (ACLs). Every account of this machine can "
        f"read them. To keep other sites' PHP out, mount the file system with ACLs and run pulumi up --refresh",
    )
