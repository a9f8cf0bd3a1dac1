"""A platform: a code base, published at the same path on every web server that carries it."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pulumi

from aegir_components import layout, settings, templates
from aegir_components.applications import APPLICATIONS, CodeBase
from aegir_components.inputs.members import CodeMember, SiteMember
from aegir_components.inputs.platform import CodeFacts, ReleaseInputs, RolloutInputs, RolloutOrder
from aegir_components.providers.placement import Placement, PlacementInputs
from aegir_components.providers.release import Release
from aegir_components.providers.rollout import Rollout
from aegir_components.pulumi_workarounds import failures
from aegir_components.remote.connection import Connection
from aegir_components.sources.tree import Tree
from aegir_components.unknowns import later

from .base import AegirComponent, Parts

if TYPE_CHECKING:
    from aegir_components.arguments import PlatformArgs

    from .site import Site


@dataclass(frozen=True, kw_only=True, slots=True)
class Member:
    """A web server that carries a platform."""

    connection: Connection
    type: str
    port: int
    php: settings.Php = field(default_factory=settings.Php)
    """What is declared of its sites' PHP."""
    limits: settings.ResourceLimits = field(default_factory=settings.ResourceLimits)
    """What is declared of what its sites may take."""
    slave: bool = False
    """Whether it sees the code and the data of its sites over NFS, and has none itself."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PlatformParts(Parts):
    """What a platform needs to know."""

    platform: settings.Platform
    code: CodeBase
    tree: Tree
    directory: Path
    """Where the code lies on the hub."""
    revision: str
    """Of the source; empty for a directory."""
    members: Mapping[str, Member]
    holder: str
    pins: Mapping[str, str] = field(default_factory=dict)
    """The sites that stay on a release by name, by what they are known by."""
    master: str = ""
    """The web server of a pack on which work is done."""
    uploads: str = ""
    """The directory of uploads that its web servers share."""
    unread: str = ""
    """Why the source cannot be read; the code is that of the live release then."""


class Platform(AegirComponent):
    """A code base on its web servers."""

    release: Release
    facts: dict[str, object]
    """What the code base is and where it is live, for the stack's outputs."""

    def __init__(
        self, name: str, args: PlatformArgs | PlatformParts, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        """Declare a platform."""
        super().__init__("aegir:index:Platform", name, args, opts)

    def declare(self, args: PlatformParts) -> None:
        """Declare the release on its web servers."""
        name = args.platform.name
        self._args = args
        platform, application = args.platform, APPLICATIONS[args.code.application]
        self.release = Release(
            name,
            ReleaseInputs(
                platform=platform.name,
                publish_path=platform.publish_path,
                digest=args.tree.digest,
                files=args.tree.files,
                source=str(args.directory),
                source_revision=args.revision,
                application=args.code.application,
                docroot=args.code.docroot,
                keep=platform.keep_releases,
                allow_shrink=platform.allow_shrink,
                verify="full" if platform.verify == "full" else "",
                health=platform.health,
                # Either way a source that holds something else by now is not copied from.
                rollback=bool(platform.rollback or platform.release),
                unread=args.unread,
                facts=CodeFacts(version=args.code.version, profiles=titled(args.code)),
                members=code_members(args.members),
                templates=templates.digest(*(shared.template for shared in application.shared)),
                holder=args.holder,
                pins=dict(args.pins),
            ),
            self.child(),
        )
        self.facts = {
            "application": args.code.application,
            "version": args.code.version,
            "docroot": args.code.docroot,
            "profiles": titled(args.code),
            "revision": args.revision,
            "publish_path": platform.publish_path,
            "release_path": layout.release_path(platform.publish_path, args.tree.digest),
        }

    @property
    def release_path(self) -> pulumi.Output[str]:
        """The directory of the live release on the web servers."""
        return self.output("release_path")

    @property
    def version(self) -> pulumi.Output[str]:
        """The version of the application."""
        return self.output("version")

    def end(self) -> None:
        """Register what the platform is, after all that is done with it."""
        self.finish(self.facts)

    def leave(self, done: list[pulumi.Resource]) -> None:
        """Declare that the platform goes from web servers that it leaves once the sites have left them.

        Args:
            done: the release and the sites that this run has come to; a web server keeps a platform with a site on it.
        """
        args = self._args
        Placement(
            args.platform.name,
            PlacementInputs(
                platform=args.platform.name,
                publish_path=args.platform.publish_path,
                docroot=args.code.docroot,
                members=code_members(args.members),
                holder=args.holder,
            ),
            self.child(depends_on=done),
        )

    def roll_out(self, sites: Mapping[str, Site], backups: pulumi.Output[str] | None = None) -> None:
        """Declare that its sites go to the live release, with their databases.

        Args:
            sites: its sites that this run has come to and is done with, by what each is known by.
            backups: how they are backed up before that, packed; ``None`` where they are not.
        """
        args = self._args
        platform, order = args.platform, args.platform.rollout
        passwords = pulumi.Output.all(**{name: site.passwords for name, site in sites.items()})
        known = pulumi.Output.all(**{name: site.rollout.to_props() for name, site in sites.items()})
        packed = passwords.apply(lambda found: json.dumps(found, sort_keys=True))
        Rollout(
            platform.name,
            RolloutInputs(
                platform=platform.name,
                publish_path=platform.publish_path,
                digest=args.tree.digest,
                docroot=args.code.docroot,
                application=args.code.application,
                members=site_members(args.members),
                master=args.master,
                uploads=args.uploads,
                holder=args.holder,
                # A site that goes is removed whatever becomes of the others of its platform.
                sites=later(failures.detached(known)),
                secrets=later(failures.detached(pulumi.Output.secret(packed))),
                rollout=RolloutOrder(**dataclasses.asdict(order)) if order.declared else None,
                keep_before=platform.keep_before,
                restore=platform.database == "restore",
                backups=later(backups) if backups else "",
            ),
            self.child(depends_on=[self.release]),
        )


def titled(code: CodeBase) -> dict[str, str]:
    """Give the install profiles with their titles."""
    return {profile: code.titles.get(profile, profile) for profile in code.profiles}


def code_members(members: Mapping[str, Member]) -> dict[str, CodeMember]:
    """Give the members as inputs of a resource that has to do with their code."""
    return {
        name: CodeMember(connection=member.connection, type=member.type, role="slave" if member.slave else "")
        for name, member in sorted(members.items())
    }


def site_members(members: Mapping[str, Member]) -> dict[str, SiteMember]:
    """Give the members as inputs of a resource that has to do with their sites."""
    return {
        name: SiteMember(
            connection=member.connection, type=member.type, port=member.port, role="slave" if member.slave else ""
        )
        for name, member in sorted(members.items())
    }
