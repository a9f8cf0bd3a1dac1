"""Releases on a machine: staged beside the live one, proven by digest, switched in one graceful reload.

Code belongs to ``aegir``. The link at the publish path, and what the web server reads, are root's.
"""

from __future__ import annotations

import base64
import posixpath
import re
import shlex
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Final

from aegir_components import applications, layout, templates
from aegir_components.scripts import script
from aegir_components.scripts.libraries import functions
from aegir_components.services import web

from . import holding

NO_WORD = "the hub gave no word to switch"  # of a machine that was ready when another was not


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
        """Name the record of the sums of a release's files, beside its directory."""
        return f"{self.release(digest)}.sums"

    def staging(self, digest: str) -> str:
        """Name the directory in which a release is put together."""
        return f"{self.releases}/.staging-{posixpath.basename(self.release(digest))}"

    def publishable(self) -> str:
        """Item: the publish path is free or this platform's own, and so is its name on the machine."""
        former = [self.former] if self.former not in {"", self.holder} else []
        return script.call("want_publishable", self.publish_path, self.registry, self.holder, self.releases, *former)

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
        script.call(
            "release_facts", paths.publish_path, target, paths.manifest(digest), paths.sites, digest if full else ""
        ),
    ]


def unpack(paths: Layout, digest: str, *, compressed: bool) -> list[str]:
    """List what ``aegir`` does with a whole release that comes on standard input."""
    staging = paths.staging(digest)
    return [
        *begin(paths, digest),
        _unpack(staging, compressed),
        *accept(paths, digest)[1:],
    ]


def begin(paths: Layout, digest: str) -> list[str]:
    """List what ``aegir`` does before a release comes whole: an empty stage."""
    return [functions("release"), script.call("release_begin", paths.staging(digest))]


def unpack_difference(
    paths: Layout, digest: str, live: str, *, gone: bytes, within: bytes, read: bytes, dropped: bytes, compressed: bool
) -> list[str]:
    """List what ``aegir`` does with what differs from the live release, which comes on standard input.

    Args:
        paths: the platform's.
        digest: of the new release.
        live: the directory of the live one.
        gone: names to take away first, each with a NUL after it, as in the others.
        within: directories that something goes from or comes into, outer ones first.
        read: files that come.
        dropped: files that go.
        compressed: by zstd.
    """
    staging = paths.staging(digest)
    packed = [base64.b64encode(names).decode() for names in (gone, within, read, dropped)]
    arrival = accept(paths, digest)[1:]
    return [
        functions("release"),
        script.call("release_begin", staging, live, paths.document_root(staging), paths.sites),
        script.call("release_without", staging, *packed[:2]),
        _unpack(staging, compressed),
        f"{arrival[0]} {script.call('', live, *packed[2:]).strip()}",
    ]


def _unpack(staging: str, compressed: bool) -> str:
    return script.call("release_unpack", staging, *(("zstd", "-dcq") if compressed else ("cat",)))


def accept(paths: Layout, digest: str) -> list[str]:
    """List what ``aegir`` does after the copy: prove it, record it, give it its name."""
    staging = paths.staging(digest)
    return [
        functions("release"),
        script.call(
            "release_accept",
            staging,
            paths.release(digest),
            paths.manifest(digest),
            paths.sites,
            paths.document_root(staging),
            digest,
        ),
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
        full: whether every byte is looked at.
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
        functions("release"),
        script.call("link_sites", docroot, paths.registry, paths.sites),
        *(script.call("link_shared", docroot, file.link, f"{paths.sites}/{file.path}") for file in application.shared),
    ]
    link = script.call("as_user", layout.AEGIR_USER, script.encoded("\n".join(linking)))
    return [
        functions("release"),
        functions("web"),
        *_shared(paths, application),
        paths.publishable(),
        paths.marked(),
        script.call("want_staged", target)
        if held
        else script.call("want_release", target, paths.manifest(digest), paths.sites, *([digest] if full else [])),
        f'[ "$MODE" != apply ] || {link} || fail 6510 "the sites could not be linked into {target}"',
        *((f"PUBLISHED={paths.publish_path} RELEASE={target}", "exec 3>&1") if held else ()),
        *holding.directories(behind.now),
        script.transaction(
            "platform", section, test=server.test, reload=f"release_go {server.reload}" if held else server.reload
        ),
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
        script.call("refuse_sites", paths.registry, paths.platform),
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


def prune(paths: Layout, digest: str, keep: int) -> list[str]:
    """List what ``aegir`` removes: releases beyond the newest ``keep``, and broken stages; none that a site is on."""
    live = posixpath.basename(paths.release(digest))
    return [functions("release"), script.call("release_prune", paths.releases, live, str(keep), paths.registry)]


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
    """List what stops a run that would leave sites' files behind on a machine."""
    return [functions("release"), script.call("refuse_sites", paths.registry, paths.platform)]


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
        script.call("refuse_sites", paths.registry, paths.platform, paths.releases),
        paths.publishable(),
        script.transaction("platform", section, test=server.test, reload=server.reload),
        script.call("as_user", layout.AEGIR_USER, script.encoded(script.call("rm", "-rf", paths.releases))),
        script.no_file(paths.mark),
        script.no_file(holding.path(paths.registry)),
        script.no_file(_unproven(paths.registry)),
        f"{script.call('rmdir', paths.registry)} 2>/dev/null || :",
        *(script.call("last_shared", posixpath.dirname(paths.releases), f"{paths.sites}/{path}") for path in shared),
    ]
