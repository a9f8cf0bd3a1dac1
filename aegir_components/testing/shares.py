"""What a fake machine shares with others: uploads of a cluster, and what a pack's members see over NFS."""

from __future__ import annotations

from typing import Final

KNOWN: Final = {
    "find_token": "find_token",
    "want_no_mount": "no_mount",
    "nfs_numbers": "nfs_numbers",
    "find_proof": "find_proof",
}
"""Shell functions, and the methods that stand in for them."""


class Shares:
    """The part of ``FakeHost`` that stands in for mounts; an item that is there is one that all see."""

    numbers: str
    items: dict[tuple[str, str], tuple[str, ...]]

    def _say(self, kind: str, text: str, name: str = "") -> None:
        raise NotImplementedError

    def _deviates(self, text: str) -> bool:
        raise NotImplementedError

    def _find_token(self, path: str, _token: str) -> None:
        self._say("fact", "found" if ("shared", path) in self.items else "missing", "token")

    def _no_mount(self, path: str) -> None:
        if ("mount", path) in self.items and self._deviates(f"mount {path}: still there"):
            del self.items["mount", path]

    def _nfs_numbers(self) -> None:
        self._say("fact", self.numbers, "aegir")
        self._say("fact", "33:33", "www-data")

    def _find_proof(self, path: str, token: str) -> None:
        seen = {kind for kind, name in self.items if name == path} & {"mount", "proof_place", "shared_place"}
        self._say("fact", self.numbers if seen else "missing", f"proof-{token}")
