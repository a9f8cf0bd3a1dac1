"""From the stack's configuration to :class:`Settings`, or to one error that names every problem."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from aegir_components.messages import numbered

from . import backups, clusters, model, names, origins, packs, platforms, rules, servers, site_options, sites
from .reader import NAMESPACE, IsSecret, Node, Origin, Report, SettingsError, of_the_stack


def load(
    config: Mapping[str, Any],
    is_secret: IsSecret,
    name_of: platforms.NameOf = platforms.no_name,
    origin: Origin = of_the_stack,
) -> model.Settings:
    """Read a stack's settings.

    Args:
        config: The ``aegir:`` keys without that prefix, with their values decoded and decrypted.
        is_secret: Tells whether the value at a path, such as
            ``aegir:sites["www.example.com"].admin.password``, is a secret; ``None`` where nobody can tell.
            What may be a secret is never quoted.
        name_of: Gives a platform of a list its conventional name, from its server and its source.
        origin: Names the file that a value is from where that is not the stack file.

    Raises:
        SettingsError: Something is wrong; the error lists all of it.
    """
    report = Report(is_secret, origin)
    settings = read(config, report, name_of)
    faults = report.every_fault(lambda other: read(config, other, name_of))
    if faults := [*faults, *rules.broken_in_production(settings, faults)]:
        raise SettingsError(faults, settings)
    return settings


def read(config: Mapping[str, Any], report: Report, name_of: platforms.NameOf = platforms.no_name) -> model.Settings:
    """Read settings whether they have problems or not.

    Args:
        config: as :func:`load` takes it.
        report: gets the problems, the warnings and what is asked for.
        name_of: as :func:`load` takes it.
    """
    root = Node(NAMESPACE, config, report)
    root.check_keys()
    environment = root.child("environment").choice("development", model.ENVIRONMENTS)
    hub = servers.read_hub(root.child("hub"))
    machines = servers.read_servers(root.child("servers"), hub)
    webs = clusters.read_clusters(root.child("clusters"), machines)
    shared = packs.read_packs(root.child("packs"), machines, webs)
    estate = platforms.Estate(hub=hub, servers=machines, clusters=webs, packs=shared)
    code = platforms.read_platforms(root.child("platforms"), estate, name_of)
    acme = site_options.read_acme(root.child("acme"))
    kept = backups.read_backups(root.child("backups"), hub.root, production=environment == "production")
    known = sites.Estate(
        environment=environment, platforms=code, servers=machines, clusters=webs, acme=acme, packs=shared, backups=kept
    )  # fmt: skip
    declared = sites.read_sites(root.child("sites"), known)
    clusters.check_uploads(root.child("sites"), webs, code, declared)
    settings = model.Settings(
        environment=environment,
        environment_formerly=_formerly(root.child("environment_formerly"), environment),
        hub=hub,
        servers=MappingProxyType(machines),
        clusters=MappingProxyType(webs),
        packs=MappingProxyType(shared),
        platforms=MappingProxyType(code),
        sites=MappingProxyType(declared),
        backups=kept,
        sanitise=MappingProxyType(origins.read_rules(root.child("sanitise"))),
        acme=acme,
        certificate_error_days=site_options.read_error_days(root.child("certificates")),
        translations=root.child("translations").text("", names.absolute_path),
        reverse_proxies=site_options.read_proxies(root.child("reverse_proxies")),
        forget=servers.read_forget(root.child("forget"), machines),
        replaced=servers.read_replaced(root.child("replaced"), machines),
        confirm_removals=sites.read_confirmed(root.child("confirm_removals"), declared),
        rules=root.child("rules").text("", names.absolute_path),
        warnings=tuple(report.warnings),
    )
    packs.check_packs(root, settings)
    servers.check_reach(root.child("servers"), root.child("hub"), settings)
    return settings


def _formerly(node: Node, environment: model.Environment) -> model.Environment | None:
    """Read the environment that a stack was until now."""
    if not node.given:
        return None
    former = node.choice(environment, model.ENVIRONMENTS)
    if former == environment and node.value == environment:
        node.fault(
            numbered(
                1070, f"is what aegir:environment says already; write what the stack was before it became {environment}"
            )
        )
    return former
