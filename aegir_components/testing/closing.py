"""Sites that are closed for a while, and mail that goes elsewhere, on a fake machine."""

from __future__ import annotations

import posixpath
import re

from .tree import Tree


class Closing(Tree):
    """The part of ``FakeHost`` that has files which close sites, and which tell where their mail goes."""

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

    def _sh_want_no_mail(self, place: str, program: str) -> None:
        if not self.exists(place) or not self._deviates(f"directory {place}: still there"):
            return
        self._sh_rm("-rf", place)
        root = posixpath.dirname(place)
        self._sh_rmdir(root)
        if not any(program in self.content(f"{root}/{user}/mail.ini") for user in self.listed(root)):
            self._sh_rm("-f", program)
