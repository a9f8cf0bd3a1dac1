"""The survey as Prometheus reads it: text for node_exporter's textfile collector."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from .finding import Kind, is_of
from .needs import LEVELS, Need
from .survey import ServerFacts, SiteFacts, Survey

HELP = {
    "aegir_survey_timestamp_seconds": "When the machines were asked.",
    "aegir_survey_duration_seconds": "How long that took.",
    "aegir_advisories_timestamp_seconds": "When the oldest list of the mirror was fetched; 0 for never.",
    "aegir_needs": "What needs a person, by how much.",
    "aegir_site_up": "Whether a site is well.",
    "aegir_site_closed": "Whether a site is closed by an event.",
    "aegir_site_held": "Whether a site is not on the release of its platform.",
    "aegir_site_security_updates": "Security updates pending for the site's release.",
    "aegir_site_certificate_days": "Days until the site's certificate ends.",
    "aegir_site_backup_ok": "Whether the site's last proven backup is as its plan wants; nothing of sites without a plan.",
    "aegir_site_database_updates": "Updates that the site's database lacks, with --database-updates.",
    "aegir_site_drift": "What the last refresh has found changed by hand.",
    "aegir_site_bytes": "What the site takes, of the last sample.",
    "aegir_platform_findings": "What is pending for a platform's release.",
    "aegir_server_up": "Whether a server answered and its services run.",
    "aegir_server_load": "Load of the last five minutes.",
    "aegir_server_memory_free_bytes": "Memory that programs may have.",
    "aegir_server_disk_free_bytes": "Room in a file system.",
    "aegir_server_security_packages": "Packages with updates for security.",
    "aegir_server_reboot_required": "Whether an installed update waits for a restart.",
}
Labels = Mapping[str, str]
Sample = tuple[str, Labels, float]


def text(found: Survey, needs: list[Need]) -> str:
    """Write all samples, those of a name together."""
    samples: dict[str, list[str]] = {name: [] for name in HELP}
    for name, labels, value in _samples(found, needs):
        inner = ",".join(f'{key}="{_escaped(each)}"' for key, each in labels.items())
        samples[name].append(f"{name}{{{inner}}} {value:.15g}")
    lines = []
    for name, listed in samples.items():
        if listed:
            lines += [f"# HELP {name} {HELP[name]}", f"# TYPE {name} gauge", *listed]
    return "\n".join(lines) + "\n"


def _samples(found: Survey, needs: list[Need]) -> Iterator[Sample]:
    stack = {"stack": found.stack}
    yield "aegir_survey_timestamp_seconds", stack, found.at
    yield "aegir_survey_duration_seconds", stack, found.seconds
    yield "aegir_advisories_timestamp_seconds", stack, found.mirror_at or 0
    for level in LEVELS:
        yield "aegir_needs", {**stack, "level": level}, sum(need.level == level for need in needs)
    for site in found.sites:
        yield from _site(site, {**stack, "site": site.name, "client": site.client, "platform": site.platform})
    for platform in found.platforms:
        for kind in ("security", "unsupported", "update"):
            number = sum(finding.level == kind for finding in platform.findings)
            yield "aegir_platform_findings", {**stack, "platform": platform.name, "kind": kind}, number
    for server in found.servers:
        yield from _server(server, {**stack, "server": server.name})


def _site(site: SiteFacts, labels: Labels) -> Iterator[Sample]:
    yield "aegir_site_up", labels, not site.health
    yield "aegir_site_closed", labels, any(is_of(each, Kind.CLOSED) for each in site.health)
    yield "aegir_site_held", labels, bool(site.held)
    yield "aegir_site_security_updates", labels, site.security
    if site.certificate_days is not None:
        yield "aegir_site_certificate_days", labels, site.certificate_days
    if site.backup or site.backup_fault:
        yield "aegir_site_backup_ok", labels, not site.backup_fault
    if site.updates is not None:
        yield "aegir_site_database_updates", labels, len(site.updates)
    yield "aegir_site_drift", labels, len(site.drift)
    if site.size is not None:
        yield "aegir_site_bytes", labels, site.size


def _server(server: ServerFacts, labels: Labels) -> Iterator[Sample]:
    yield "aegir_server_up", labels, not server.faults
    known = server.facts
    if known is None:
        return
    yield "aegir_server_load", labels, known.load
    yield "aegir_server_memory_free_bytes", labels, known.memory_free
    for room in known.rooms:
        yield "aegir_server_disk_free_bytes", {**labels, "mount": room.mount}, room.free
    yield "aegir_server_security_packages", labels, known.security_packages
    yield "aegir_server_reboot_required", labels, known.reboot


def _escaped(value: str) -> str:
    return value.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")
