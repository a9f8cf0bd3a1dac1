"""Releases on a machine: staged beside the live one, proven by digest, switched in one graceful reload.

Code belongs to ``aegir``. The link at the publish path, and what the web server reads, are root's.
"""

from __future__ import annotations

import posixpath
import re
import shlex
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from aegir_components import applications, layout, templates
from aegir_components.messages import Message, numbered
from aegir_components.messages.printable import printable
from aegir_components.scripts import named, script
from aegir_components.scripts.libraries import functions
from aegir_components.services import web

from . import holding
from . import release_operations as operations


def is_release(path: str) -> bool:
    """Return whether a path that a machine says is one of a release."""
    return re.fullmatch(r"/[^\n]{1,2000}/\.releases/[^/\n]{1,255}/[0-9a-f]{16}", path) is not None


class Layout:
    """The paths of one platform on a machine."""

    def __init__(self, platform: str, publish_path: str, docroot: str, holder: str, former: str = "") -> None:
        """Derive them.

        Args:
            platform: its name.
            publish_path: where it is published.
            docroot: the document root in the code base, ``.`` for the code base itself.
            holder: the stack that declares it.
            former: what that stack was called before, where it has got another name.
        """
        self.holder, self.former = holder, former
        self.platform = platform
        self.publish_path = publish_path
        self.docroot = docroot
        self.root = layout.publish_root(publish_path)
        self.releases = layout.releases_directory(publish_path)
        self.sites = f"{self.root}/{layout.SITES}"
        self.registry = layout.platform_registry(platform)
        self.mark = f"{self.registry}/.published"

    def release(self, digest: str) -> str:
        """Name a release's directory."""
        return layout.release_path(self.publish_path, digest)

    def manifest(self, digest: str) -> str:
        """Name the record of a release, beside its directory."""
        return f"{self.release(digest)}.manifest"

    def sums(self, digest: str) -> str:
        """Name the record of the checksums of a release's files, beside its directory."""
        return f"{self.release(digest)}.sums"

    def staging(self, digest: str) -> str:
        """Name the directory in which a release is put together."""
        return f"{self.releases}/.staging-{posixpath.basename(self.release(digest))}"

    def publishable(self) -> str:
        """Item: the publish path is free or this platform's own, and so is its name on the machine."""
        return operations.WantPublishable(
            publish_path=self.publish_path, registry=self.registry, holder=self.holder, releases=self.releases,
            former=self.former,
        ).line  # fmt: skip

    def marked(self) -> str:
        """Item: the note on the machine of whose platform this is and where it is published."""
        return script.file(self.mark, f"{self.holder}\n{self.publish_path}\n")

    def document_root(self, release: str) -> str:
        """Name the document root in a release."""
        return release if self.docroot == "." else f"{release}/{self.docroot}"


def guard(path: str) -> list[str]:
    """List what sees to it that nobody but root can put something else on the way to the publish root."""
    own = path == layout.AEGIR_ROOT or path.startswith(f"{layout.AEGIR_ROOT}/")
    return [] if own else [script.call("guard_way", path)]


def publish_root(path: str) -> str:
    """Item: the directory that a publish path is in; one that is not Aegir's own keeps its owner and its mode."""
    if path == layout.AEGIR_ROOT or path.startswith(f"{layout.AEGIR_ROOT}/"):
        return script.directory(path)
    return script.Item(script.call("want_publish_root", path), ("know_paths", shlex.quote(path)))


def prepare(paths: Layout, digest: str, *, full: bool = False) -> list[str]:
    """List what root makes before anything is copied, and what it finds: is the release there, what is live.

    Args:
        paths: the platform's.
        digest: of the release.
        full: whether a release that is there is read byte by byte.
    """
    target, user = paths.release(digest), layout.AEGIR_USER
    return [
        functions("release"),
        paths.publishable(),
        *guard(paths.root),
        publish_root(paths.root),
        script.directory(posixpath.dirname(paths.releases), owner=user, group=user),
        # As aegir: root makes nothing in a directory that is not its own.
        script.call("as_user", user, script.encoded(script.call("mkdir", "-p", paths.releases))),
        script.directory(paths.sites),
        script.directory(layout.REGISTRY_ROOT),
        script.directory(paths.registry),
        paths.marked(),
        operations.ReleaseFacts(
            publish_path=paths.publish_path,
            release=target,
            manifest=paths.manifest(digest),
            sites=paths.sites,
            digest=digest if full else "",
        ).line,
    ]


def definition(paths: Layout, digest: str, server: web.WebServer, behind: Mapping[str, holding.Held]) -> str:
    """Render the one file by which a web server knows the live release, and those of sites that are held back."""
    root = paths.document_root(paths.release(digest))
    return server.definition(layout.platform_variable(paths.platform), root, holding.roots(behind))


@dataclass(frozen=True, kw_only=True, slots=True)
class Behind:
    """Which sites are not on the live release."""

    now: Mapping[str, holding.Held] = field(default_factory=dict)
    before: Collection[str] = ()
    """Those that were held back until this change."""


ALL_LIVE: Final = Behind()


def switch_items(
    paths: Layout,
    digest: str,
    *,
    server: web.WebServer,
    application: applications.Application,
    held: bool = False,
    full: bool = False,
    behind: Behind = ALL_LIVE,
) -> list[str]:
    """List what makes a release the live one; in check mode, whether it is.

    Args:
        paths: the platform's.
        digest: of the release.
        server: the program.
        application: what the code is.
        held: whether the last step waits for the hub's word, for which all members get it at once.
        full: whether every byte is inspected.
        behind: the sites that are not on it.
    """
    target = paths.release(digest)
    docroot = paths.document_root(target)
    section = [
        *holding.section(paths.registry, behind.now, behind.before),
        script.file(f"{server.root}/platform.d/{paths.platform}.conf", definition(paths, digest, server, behind.now)),
        script.call("want_published", paths.publish_path, target) if held else script.link(paths.publish_path, target),
    ]
    linking = [
        named.reader(),
        functions("release"),
        operations.LinkSites(docroot=docroot, registry=paths.registry, sites=paths.sites).line,
        *(
            operations.LinkShared(docroot=docroot, link=file.link, target=f"{paths.sites}/{file.path}").line
            for file in application.shared
        ),
    ]
    link = script.call("as_user", layout.AEGIR_USER, script.encoded("\n".join(linking)))
    return [
        functions("release"),
        functions("web"),
        *_shared(paths, application),
        paths.publishable(),
        paths.marked(),
        script.call("want_staged", target),
        operations.ReleaseState(
            release=target, manifest=paths.manifest(digest), sites=paths.sites, digest=digest if full else ""
        ).line,
        f'[ "$MODE" != apply ] || {link} || fail 6510 "the sites could not be linked into {target}"',
        *((f"PUBLISHED={paths.publish_path} RELEASE={target}", "exec 3>&1") if held else ()),
        *holding.directories(behind.now),
        script.transaction(
            "platform", section, test=server.test, reload=f"release_go {server.reload}" if held else server.reload
        ),
        # Known now, so that pruning needs no round trip to ask.
        *([script.call("release_stock", paths.releases, paths.registry)] if held else []),
    ]


def slave_items(
    paths: Layout, digest: str, *, server: web.WebServer, held: bool = False, behind: Behind = ALL_LIVE
) -> list[str]:
    """List what makes a release the live one on a machine that sees the code over NFS: its web server's definition.

    Args:
        paths: the platform's.
        digest: of the release.
        server: the program.
        held: whether the last step waits for the hub's word, as on the machine that has the code.
        behind: the sites that are not on it.
    """
    target = paths.release(digest)
    path = f"{server.root}/platform.d/{paths.platform}.conf"
    # The link is the master's to move.
    go = "release_go_slave" if held else ""
    return [
        functions("release"),
        functions("web"),
        script.directory(layout.REGISTRY_ROOT),
        script.directory(paths.registry),
        script.call("want_seen", target, paths.root),
        *(("exec 3>&1",) if held else ()),
        *holding.directories(behind.now),
        script.transaction(
            "platform",
            [
                *holding.section(paths.registry, behind.now, behind.before),
                script.file(path, definition(paths, digest, server, behind.now)),
            ],
            test=server.test,
            reload=f"{go} {server.reload}".strip(),
        ),
    ]


def slave_removal_items(paths: Layout, *, server: web.WebServer) -> list[str]:
    """List what takes a platform off a machine that sees it over NFS: nothing of the code."""
    section = [script.no_file(f"{server.root}/platform.d/{paths.platform}.conf")]
    return [
        functions("release"),
        functions("web"),
        script.call("only_without_sites", paths.registry),
        script.transaction("platform", section, test=server.test, reload=server.reload),
        script.no_file(holding.path(paths.registry)),
        script.no_file(_unproven(paths.registry)),
        f"{script.call('rmdir', paths.registry)} 2>/dev/null || :",
    ]


def _shared(paths: Layout, application: applications.Application) -> list[str]:
    lines = []
    for shared in application.shared:
        path = f"{paths.sites}/{shared.path}"
        text = templates.render(shared.template, sites=paths.sites)
        lines += [script.directory(posixpath.dirname(path)), script.file(path, text)]
    return lines


def spare(facts: Mapping[str, str], live: str, keep: int) -> list[str]:
    """List the releases that nobody needs: those beyond the newest ``keep``, without any that a site is on. Pure.

    Args:
        facts: what the switch told of the releases.
        live: the digest of the live release.
        keep: how many stay, with the live one.
    """
    needed = {live[: layout.RELEASE_DIGEST_LENGTH], *facts.get("held-on", "").split()}
    there = [name for name in facts.get("releases", "").split() if re.fullmatch("[0-9a-f]{16}", name)]
    return [name for name in there if name not in needed][max(keep - 1, 0) :]


def prune(paths: Layout, digest: str, gone: Iterable[str]) -> list[str]:
    """List what ``aegir`` removes: releases, by name, and broken stages; never one that a site is on."""
    live = posixpath.basename(paths.release(digest))
    names = " ".join(gone)
    pruning = operations.ReleasePrune(releases=paths.releases, live=live, gone=names, registry=paths.registry)
    return [functions("release"), pruning.line]


def drift(facts: Mapping[str, str], target: str) -> list[str]:
    """List what differs in a release. Pure.

    Args:
        facts: what a look told.
        target: the directory of the release.
    """
    if facts.get("release") == "missing":
        return [f"release {target}: missing"]
    return [printable(f"release: {name}", keep="") for name in facts.get("faults", "").splitlines()[:20]]


def refusal(facts: Mapping[str, str], platform: str) -> Message | None:
    """Say why a platform does not go from a machine; nothing where no site is in the way. Pure.

    Args:
        facts: what ``only_without_sites`` told.
        platform: its name.
    """
    if here := facts.get("sites-here", ""):
        return numbered(
            6040,
            f"the platform {platform} has sites with their files here: {here}. Remove them first, or leave the platform where "
            f"it is. For those that no stack file has, run aegir check-stack",
        )
    if guests := facts.get("guests", ""):
        return numbered(
            6041,
            f"sites of other platforms are on a release of {platform} still: {guests}. Let pulumi up bring them to their own "
            f"platform first",
        )
    return None


def unproven_items(registry: str, former: str, answering: Collection[str]) -> list[str]:
    """List what notes a switch on a machine until its sites were asked, also when the run is killed in between.

    Args:
        registry: the platform's directory with a file for each site.
        former: the directory of the release that is live before the switch.
        answering: the host names of sites that answer with it on this machine.
    """
    return [script.file(_unproven(registry), "".join(f"{line}\n" for line in (former, *sorted(answering))))]


def proven_items(registry: str) -> list[str]:
    """List what ends that: the sites answer, or the former release is live again."""
    return [script.no_file(_unproven(registry))]


def want_proven(registry: str) -> str:
    """Item, for a look: no switch is left over whose sites nobody has asked."""
    return script.call("want_proven", registry)


def _unproven(registry: str) -> str:
    return f"{registry}/.unproven"


def sites_items(registry: str, server: web.WebServer) -> list[str]:
    """List what finds the sites of a platform.

    The facts:

    - ``sites`` has their host names.
    - ``known`` has what each site is known by before its host name.
    - ``port`` is the port of plain HTTP.
    - ``held`` is the record of the sites that are held back.
    - ``ready`` has the sites whose vhosts know of that.
    - ``unproven`` is what ``unproven_items`` wrote.
    """
    return [
        functions("release"),
        script.call("release_sites", registry, server.root),
        *holding.look_items(registry),
    ]


def listing_items(releases: str) -> list[str]:
    """List what tells which releases of a platform are on a machine, newest first, as the fact ``releases``."""
    return [functions("release"), script.call("release_names", releases)]


def refuse_items(paths: Layout) -> list[str]:
    """List what tells whether a run would leave sites' files behind on a machine."""
    return [functions("release"), script.call("only_without_sites", paths.registry)]


def removal_items(paths: Layout, *, server: web.WebServer, shared: Collection[str] = ()) -> list[str]:
    """List what takes a platform off a machine; refused while a site is on it.

    Args:
        paths: the platform's.
        server: the program.
        shared: files that platforms have in common, below the directory of the sites; they go with the last platform.
    """
    section = [
        script.no_file(f"{server.root}/platform.d/{paths.platform}.conf"),
        script.no_file(paths.publish_path),
    ]
    return [
        functions("release"),
        functions("web"),
        script.call("only_without_sites", paths.registry, paths.releases),
        paths.publishable(),
        script.transaction("platform", section, test=server.test, reload=server.reload),
        script.call("as_user", layout.AEGIR_USER, script.encoded(script.call("rm", "-rf", paths.releases))),
        script.no_file(paths.mark),
        script.no_file(holding.path(paths.registry)),
        script.no_file(_unproven(paths.registry)),
        f"{script.call('rmdir', paths.registry)} 2>/dev/null || :",
        *(script.call("last_shared", posixpath.dirname(paths.releases), f"{paths.sites}/{path}") for path in shared),
    ]
