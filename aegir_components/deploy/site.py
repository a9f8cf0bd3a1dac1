"""A site on one web server: its user, directories, settings, pool and vhost, as items."""

from __future__ import annotations

import dataclasses
import json
import posixpath
import re
from dataclasses import dataclass
from typing import Any

from aegir_components import layout, templates
from aegir_components.applications import APPLICATIONS, Application, addresses
from aegir_components.inputs import limits, quotas
from aegir_components.inputs.site import SiteConfigurationInputs
from aegir_components.scripts import named, script
from aegir_components.scripts.libraries import functions
from aegir_components.services import vhosts
from aegir_components.services.web import WebServer

from . import certificate, closing, cron, directives, holding, isolation, loopback, mail, uploads
from .release_operations import LinkSites


@dataclass(frozen=True, kw_only=True, slots=True)
class SitePlan:
    """A site as it is on one web server."""

    inputs: SiteConfigurationInputs
    """What is the same on every web server that has it."""
    php: limits.Limits = limits.USUAL
    quotas: quotas.Quotas = quotas.USUAL
    """What it may take of the machine."""

    @property
    def site(self) -> str:
        """What it is known by on the machines: the name that it had when it was made."""
        return self.inputs.site

    @property
    def name(self) -> str:
        """Its host name."""
        return self.inputs.host

    @property
    def application(self) -> Application:
        """The application of its code."""
        return APPLICATIONS[self.inputs.application]

    @property
    def process(self) -> bool:
        """Whether it has a PHP-FPM master of its own."""
        return self.inputs.isolation == "process"

    @property
    def values(self) -> dict[str, dict[str, Any]]:
        """``settings`` and ``config``, which its settings file is told; they may hold secrets."""
        return {"settings": {}, "config": {}, **json.loads(self.inputs.values or "{}")}

    @property
    def names(self) -> tuple[str, ...]:
        """All names that code may know it by: the one that it was made with stays in what is stored."""
        return tuple(dict.fromkeys((self.name, *self.inputs.aliases, self.site)))

    @property
    def network(self) -> str:
        """The pattern of what each site of a WordPress network has whose sites are directories; empty for all others."""
        told = self.values["settings"]
        return self.application.addresses.network if told.get("MULTISITE") and not told.get("SUBDOMAIN_INSTALL") else ""

    @property
    def socket(self) -> str:
        """Where its PHP listens."""
        return layout.process_socket(self.site) if self.process else layout.pool_socket(self.site, self.php.version)

    @property
    def root(self) -> str:
        """The publish root that has the site's data."""
        return layout.publish_root(self.inputs.publish_path)

    def url(self, port: int) -> str:
        """The address of the site."""
        return vhosts.address(self.name, port, tls=self.inputs.https != "none")


def settings_text(plan: SitePlan, port: int) -> str:
    """Render the application's settings file."""
    return templates.render(
        plan.application.settings_template,
        site=plan.site,
        names=plan.names,
        database={**plan.inputs.database.to_props(), "password": plan.inputs.password},
        hash_salt=plan.inputs.salt,
        private=layout.site_private(plan.root, plan.site),
        tmp=layout.site_temporary(plan.root, plan.site),
        config=layout.site_configuration(plan.root, plan.site),
        url=plan.url(port),
        authority=layout.database_authority(plan.inputs.database.host) if plan.inputs.authority else "",
        proxies=plan.inputs.proxies,
        values=plan.values,
        mail=plan.inputs.mail,
        closed=layout.closed_file(plan.site),
        updating=layout.updating_file(plan.site),
    )


def settings_path(plan: SitePlan) -> str:
    """Name the application's settings file."""
    return f"{layout.site_linked(plan.root, plan.site)}/{plan.application.settings_name}"


def vhost_text(plan: SitePlan, server: WebServer, port: int) -> str:
    """Render the site's vhost for a web server."""
    others = vhosts.other_uploads(plan.site, (*plan.names, *plan.inputs.former))
    return templates.render(
        server.template,
        site=plan.site,
        **plan.inputs.declared_by(plan.inputs),
        hosts=vhosts.virtuals(plan.inputs, port),
        certificate=layout.certificate_directory(plan.site),
        tls=f"{server.root}/tls.conf",
        listen_tls=f"{server.root}/listen-tls.conf",
        pages=layout.PAGES_ROOT,
        maintenance=vhosts.MAINTENANCE,
        retry_after=vhosts.RETRY_AFTER,
        port=port,
        define=layout.platform_variable(plan.inputs.platform),
        held=layout.held_variable(plan.site),
        robots=plan.inputs.robots == "on",
        fallback=plan.inputs.fallback,
        root=layout.root_variable(plan.site),
        closed=layout.closed_file(plan.site),
        log=layout.site_log(plan.site),
        addresses=plan.application.addresses,
        hidden=addresses.HIDDEN,
        leftovers=addresses.LEFTOVERS,
        php=addresses.PHP,
        uploads=f"sites/{plan.site}/files",
        own=re.escape(plan.site),
        former="|".join([re.escape(plan.application.addresses.former), *others]),
        proxies=plan.inputs.proxies,
        variable=re.sub(r"[^a-z0-9]", "_", layout.system_user(plan.site)),
        socket=plan.socket,
        pool=layout.system_user(plan.site),
        acme=layout.ACME_ROOT,
        custom=directives.path(server, plan.site),
        listen=f"{server.root}/listen.conf",
        limits=plan.php,
        network=plan.network,
    )


def pool_text(plan: SitePlan) -> str:
    """Render the PHP-FPM pool."""
    php = dataclasses.replace(plan.php, values={**plan.application.ini, **plan.php.values})
    if plan.inputs.https == "required":
        # No page is shown over plain HTTP, so that no session begins there.
        php = dataclasses.replace(php, values={"session.cookie_secure": "1", **php.values})
    return templates.render(
        "php-pool.conf.j2",
        site=plan.site,
        pool=layout.system_user(plan.site),
        socket=plan.socket,
        limits=php,
        slow=f"{layout.site_log(plan.site)}.slow.log",
        tmp=layout.site_temporary(plan.root, plan.site),
    )


def registry_text(plan: SitePlan) -> str:
    """List the site's names with what they link to, for ``link_sites``."""
    return "".join(f"{name} {layout.site_linked(plan.root, plan.site)}\n" for name in plan.names)


def items(plan: SitePlan, server: WebServer, port: int, *, keeps_cron: bool = False, slave: bool = False) -> list[str]:
    """List all of a site on one web server; one of them keeps its cron, and slaves have its data over NFS."""
    site, user = plan.site, layout.system_user(plan.site)
    home = layout.site_directory(plan.root, site)
    number = "" if plan.inputs.number is None else str(plan.inputs.number)
    lines = [
        *map(functions, ("web", "site")),
        script.call("want_user", user, home, "/usr/sbin/nologin", number, number),
        *_authority(plan),
        *([] if slave else _data(plan, port)),
        script.directory(layout.LOG_ROOT, group="adm", mode=0o750),
    ]
    lines += [
        script.file(f"{layout.platform_registry(plan.inputs.platform)}/{layout.file_name(site)}", registry_text(plan)),
        *([] if slave else _links(plan)),
        *mail.items(site, plan.php.values),
        *(_php(plan) if plan.inputs.enabled else []),
        *certificate.directory_items(plan.inputs.chain, site),
        script.transaction(
            "vhost",
            [
                *certificate.items(plan.inputs.chain, plan.inputs.key, site),
                script.file(vhost_path(server, plan.name), vhost_text(plan, server, port)),
                script.call("want_one_vhost", vhost_path(server, plan.name), site),
            ],
            test=f"{server.vhost_test} {vhost_path(server, plan.name)}",
            reload=server.later,
        ),
        *(
            isolation.after_vhost(site, server, process=plan.process, version=plan.php.version)
            if plan.inputs.enabled
            else isolation.ended_items(site, server, version=plan.php.version)
        ),
        *([] if plan.inputs.chain else certificate.removal_items(site)),
        directives.item(server, site),
        *loopback.items(site, (plan.name, *plan.inputs.aliases)),
        *_cron(plan, keeps_cron, port),
    ]
    return lines


def _php(plan: SitePlan) -> list[str]:
    opened = script.call("open_account", layout.system_user(plan.site))
    own = isolation.pool_items(plan.site, pool_text(plan), plan.php.version)
    own = isolation.process_items(plan.site, pool_text(plan), plan.php, plan.quotas) if plan.process else own
    return [f'[ "$MODE" != apply ] || {opened}', *own]


def _data(plan: SitePlan, port: int) -> list[str]:
    """List a site's directories and settings, which a pack's slaves see and do not have."""
    site, root, user = plan.site, plan.root, layout.system_user(plan.site)
    # That which is shared is among the uploads.
    config = () if plan.inputs.uploads and plan.application.shares_config else (layout.site_configuration(root, site),)
    return [
        script.directory(layout.site_directory(root, site)),
        script.directory(layout.site_linked(root, site)),
        *_uploads(plan),
        *(
            script.directory(path, owner=user, group=user, mode=0o2770)
            for path in (layout.site_temporary(root, site), *config)
        ),
        # The web server reads an upload that waited among the temporary files before it was moved.
        *(uploads.waiting_items(layout.site_temporary(root, site)) if plan.application.copies_modes else []),
        # root owns it: the site's own PHP reads it and cannot change it.
        script.file(settings_path(plan), settings_text(plan, port), group=user, mode=0o440),
    ]


def _cron(plan: SitePlan, here: bool, port: int) -> list[str]:
    if not here or not plan.inputs.enabled or plan.inputs.cron == "off" or not plan.application.cron:
        return cron.end_items(plan.site)
    below = "" if plan.inputs.docroot == "." else f"/{plan.inputs.docroot}"
    return cron.items(
        plan.site,
        host=plan.name,
        url=plan.url(port),
        application=plan.application.name,
        program=plan.application.cron,
        document_root=f"{plan.inputs.publish_path}{below}",
        tmp=layout.site_temporary(plan.root, plan.site),
        often=plan.inputs.cron,
        version=plan.php.version,
        declared=plan.quotas,
        also=mail.environment(plan.site) if mail.KEY in plan.php.values else {},
    )


def _uploads(plan: SitePlan) -> list[str]:
    site, root, user = plan.site, plan.root, layout.system_user(plan.site)
    if plan.inputs.uploads:
        kind = plan.application
        return uploads.site_items(
            plan.inputs.uploads, root, site, user, served=kind.copies_modes, config=kind.shares_config
        )
    return [
        *uploads.files_items(layout.site_files(root, site), user, served=plan.application.copies_modes),
        script.directory(layout.site_private(root, site), owner=user, group=user, mode=0o2770),
    ]


def _authority(plan: SitePlan) -> list[str]:
    if not plan.inputs.authority:
        return []
    path = layout.database_authority(plan.inputs.database.host)
    return [script.directory(posixpath.dirname(path)), script.file(path, plan.inputs.authority)]


def _no_vhost(server: WebServer, name: str, site: str) -> str:
    """Item: no vhost of a site is there under a name; another site that has the name now keeps its own."""
    return script.call("want_no_vhost", vhost_path(server, name), site)


def vhost_path(server: WebServer, site: str) -> str:
    """Name the file with a site's vhost.

    Args:
        server: its web server.
        site: its host name.
    """
    return f"{server.root}/vhost.d/{layout.file_name(site)}.conf"


def _links(plan: SitePlan) -> list[str]:
    """Link the site's names into the live release; a new release is linked when it is staged."""
    below = "" if plan.inputs.docroot == "." else f"/{plan.inputs.docroot}"
    target = layout.site_linked(plan.root, plan.site)
    linking = _linking(plan.inputs.platform, plan.inputs.publish_path, below)
    return [
        f"LINKING={script.encoded(linking)}",
        script.call("want_site_links", plan.inputs.publish_path, below, target, *plan.names),
    ]


def _linking(platform: str, publish_path: str, below: str) -> str:
    sites = f"{layout.publish_root(publish_path)}/{layout.SITES}"
    linked = LinkSites(docroot=named.Word('"$docroot"'), registry=layout.platform_registry(platform), sites=sites)
    return "\n".join(
        [
            named.reader(),
            functions("release"),
            f'docroot="$(readlink {publish_path})"{below}',
            f'[ ! -d "$docroot" ] || {linked.line}',
            # Sites that are held back are on releases of before, which get new names as well.
            script.call("link_held", layout.platform_registry(platform), sites),
        ]
    )


def removal_items(
    site: str, server: WebServer, platform: str, publish_path: str, docroot: str, *, host: str = ""
) -> list[str]:
    """List what takes a site's configuration off a server; its data go in ``data_removal``, after their backup."""
    vhosts_of = [_no_vhost(server, name, site) for name in dict.fromkeys((site, host or site))]
    return [
        functions("web"),
        functions("site"),
        *cron.removal_items(site),
        *mail.removal_items(site),
        *loopback.removal_items(site),
        script.transaction("vhost", vhosts_of, test=server.test, reload=server.reload),
        *isolation.removal_items(site),
        script.call("end_processes", layout.system_user(site)),
        *certificate.removal_items(site),
        script.no_file(directives.record(server, site)),
        *closing.open_items(site),
        *closing.go_items(site),
        *holding.removal_items(site, layout.platform_registry(platform)),
        *registry_removal(site, platform, publish_path, docroot),
    ]


def registry_removal(site: str, platform: str, publish_path: str, docroot: str) -> list[str]:
    """List what takes a site out of a platform: its entry in the registry, and its links in the live release."""
    linking = _linking(platform, publish_path, "" if docroot == "." else f"/{docroot}")
    return [
        script.no_file(f"{layout.platform_registry(platform)}/{layout.file_name(site)}"),
        script.call("as_user", layout.AEGIR_USER, script.encoded(linking)),
    ]


def data_removal(site: str, root: str) -> list[str]:
    """List what removes a site's data and user, when their backup lies verified on the hub."""
    home, user = layout.site_directory(root, site), layout.system_user(site)
    return [functions("site"), script.call("remove_site_data", home, user)]


def user_removal(site: str) -> list[str]:
    """List what removes a site's user where its data are only seen."""
    return [functions("site"), script.call("remove_site_user", layout.system_user(site))]


def shared_removal(path: str) -> list[str]:
    """List what removes a site's directory from the uploads that its web servers share, after its backup."""
    return [script.call("rm", "-rf", "--one-file-system", path)]
