"""Sites that are closed for a while, on a fake machine."""

from __future__ import annotations

import posixpath
import re

from .tree import Tree


class Closing(Tree):
    """The part of ``FakeHost`` that has files which close sites."""

    def _sh_no_doors(self, path: str) -> None:
        if self._mode == "apply":
            for other in self.below(posixpath.dirname(path)):
                if re.fullmatch(re.escape(path) + r"\.[0-9a-f]{16}.*", other):
                    self._sh_rm(other)

    def _sh_updating_names(self, directory: str) -> None:
        self._say("fact", "\n".join(sorted(self.listed(directory))), "updating")

    def _sh_closing_facts(self, closed: str, updating: str) -> None:
        if self.kind(closed) == "file":
            self._say("fact", self.content(closed)[:500].rstrip("\n"), "closed")
        if self.kind(updating) == "file":
            self._say("fact", "yes", "updating")
