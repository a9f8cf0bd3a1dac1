"""aegir:Rollout: the sites of a platform on its live release, with their databases updated; a platform's last step in a run.

``Release`` makes the code live and leaves sites that need more on their former release. This resource comes after all
others of these sites, so that a site that cannot go on stops nothing. Such a site stays as it was, and this resource
alone fails.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pulumi

from aegir_components import layout, summary
from aegir_components.backups import packed
from aegir_components.hub import at_work
from aegir_components.hub.records import Records
from aegir_components.inputs.platform import RolloutInputs
from aegir_components.messages import numbered
from aegir_components.remote.errors import Refused
from aegir_components.rollout import asked_back, safety, waves
from aegir_components.rollout import platform as rollout_platform

from . import holds, warned
from .lifecycle import DRIFT, AegirResource, Lifecycle


class RolloutProvider(Lifecycle[RolloutInputs, RolloutInputs]):
    """Brings sites that are held back to the live release, site by site."""

    identity_keys = ("platform", "publish_path")
    secret_keys = ("secrets", "backups")
    once_keys = ("backups",)

    def identity(self, want: RolloutInputs) -> str:
        """A platform is known by the path that it is published at."""
        return want.publish_path

    def observe(self, have: RolloutInputs) -> dict[str, Any]:
        """Name the sites that are held back and not pinned, with the reason."""
        return {DRIFT: sorted(text for texts in self.by_site(have).values() for text in texts)}

    def by_site(self, have: RolloutInputs) -> dict[str, list[str]]:
        """Say why sites are not on the release, by what each is known by.

        Raises:
            HostError: a web server is not reached.
        """
        members = have.connections
        found: dict[str, set[str]] = {}
        for entries in holds.look(members, layout.platform_registry(have.platform)).values():
            for site, held in entries.items():
                if held.kind != "pinned" and site in have.sites and have.sites[site].enabled:
                    release = held.release.rpartition("/")[2]
                    text = numbered(6150, f"site {site} is held back on release {release}: {held.reason}")
                    found.setdefault(site, set()).add(text)
        waiting = holds.unfinished(members)
        for site in have.sites:
            if layout.file_name(site) in waiting:
                found.setdefault(site, set()).add(numbered(6151, f"site {site}: an update of it was not ended"))
        return {site: sorted(texts) for site, texts in found.items()}

    def converge(self, want: RolloutInputs, was: RolloutInputs | None) -> dict[str, Any]:
        """Update and switch the sites that are held back, in the declared order.

        Raises:
            Refused: sites stay where they are, each with its reason; or a site that was down does not answer now either.
        """
        jobs = safety.jobs(want, pulumi.log.info)
        platform = rollout_platform.Platform.of(want, was, jobs)
        # Whoever works on a site now has left the same marks as a run that was killed in the middle of an update.
        if concerned := {*platform.unfinished(), *platform.waiting()}:
            busy = at_work.wait_for(want.hub_root, want.holder, concerned, pulumi.log.info)
            platform = replace(rollout_platform.Platform.of(want, was, jobs), busy=busy)
        platform.recover(pulumi.log.info)
        platform.forget_old()
        waiting = platform.waiting()
        asked = platform.asked_for(waiting)
        found = waves.run(waiting, platform.order, platform.work(pulumi.log.info))
        platform.rebuild(pulumi.log.warn)
        for done in found:
            pulumi.log.info(f"{want.platform}: {done.line}")
        for done in found:
            if done.outcome.restored:
                Records(want.hub_root, summary.KIND).put({}, want.holder, summary.RESTORED, done.site)
        for site, why in platform.unrestored(asked, found).items():
            warned.warn(
                self.process, platform.sites[site].name, *asked_back.not_restored(platform.sites[site].name, why)
            )
        staying = [done.site for done in found if done.result in {"failed", "stopped"}]
        for site in staying:
            # For the summary at the end of the run.
            Records(want.hub_root, summary.KIND).put({}, want.holder, summary.HELD, site)
        if staying:
            raise Refused(", ".join(sorted(want.members)), waves.table(found, want.digest[:16]))
        if down := platform.still_down():
            raise Refused(", ".join(sorted(want.members)), "; ".join(down))
        platform.forget_restored()
        return {}

    def remove(self, have: RolloutInputs) -> None:
        """What is kept of databases goes with their sites' own."""

    def _secrets(self, props: Any) -> list[str]:
        inputs = RolloutInputs.from_props(props)
        passwords = json.loads(inputs.secrets or "{}")
        keys = packed.Packed.read(inputs.backups).secrets if inputs.backups else []
        return [*super()._secrets(props), *keys, *(word for site in passwords.values() for word in site.values())]


class Rollout(AegirResource, module="aegir", name="Rollout"):
    """The sites of a platform on its live release."""

    def __init__(self, name: str, inputs: RolloutInputs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Declare it by the platform's name."""
        super().__init__(RolloutProvider(), name, inputs, opts)


Provider = RolloutProvider
"""Its name in states."""
