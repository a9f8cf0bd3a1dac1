"""Sources that were read before and cannot be read now: their platforms stay at what is live, and everything else goes on."""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass, field

from aegir_components import settings
from aegir_components.hub.records import Records
from aegir_components.messages import numbered
from aegir_components.recorded import Recorded
from aegir_components.sources import records
from aegir_components.sources.resolve import Resolved, recorded

KIND = "sources"


@dataclass(frozen=True, slots=True)
class Unread:
    """The sources of a stack that cannot be read, though the stack file names them as in the last run."""

    declared: settings.Settings
    before: Recorded
    stack: str
    """``<project>/<stack>``."""
    found: dict[str, str] = field(default_factory=dict)
    """By platform, the reason."""

    def instead(self, platform: str, why: str) -> Resolved | None:
        """Give a platform's live release in place of its source.

        Args:
            platform: its name.
            why: the reason, with the path in the stack file.

        Returns:
            ``None`` where nothing is live, or where the stack file names another source than before: that is an error in it.
        """
        live = self.before.of("aegir:Release").get(platform, {}).get("digest")
        known = self._records.get(self.stack, platform)
        if not live or known is None or known.get("source") != self._declared(platform):
            return None
        record = records.load(self.declared.hub.root, platform, records.name_of(str(live)))
        if record is None:
            return None
        self.found[platform] = numbered(
            2751,
            f"{why}. The platform stays at the release that is live ({record.name}), and nothing of it is deleted. All "
            "that does not need the source is done. Bring the source back, then run pulumi up",
        )
        return recorded(record)

    def note(self) -> None:
        """Write down which sources were read."""
        for platform in self.declared.platforms:
            read, known = self._declared(platform), self._records.get(self.stack, platform)
            if platform not in self.found and (known is None or known.get("source") != read):
                self._records.put({"source": read}, self.stack, platform)

    @property
    def _records(self) -> Records:
        return Records(self.declared.hub.root, KIND)

    def _declared(self, platform: str) -> str:
        # An address may have a token in it.
        return hashlib.sha256(repr(asdict(self.declared.platforms[platform].source)).encode()).hexdigest()
