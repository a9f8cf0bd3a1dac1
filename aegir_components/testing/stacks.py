"""Whose a fake machine is: the stacks that have it, what they share, and what goes with the last of them."""

from __future__ import annotations

import posixpath

from .accounts import Accounts
from .tree import Refusal, decoded, encoded

ENTRIES = "/var/lib/aegir/entries"
STACKS = "/var/lib/aegir/stacks"
SERVICES = "/var/lib/aegir/services"


class Ended(Exception):
    """The script ends here, and ends well."""


def _entry(holder: str) -> str:
    return f"{ENTRIES}/{holder.replace('/', '%')}"


class Stacks(Accounts):
    """The part of ``FakeHost`` that knows stacks."""

    def _sh_declare_entry(self, holder: str, name: str) -> None:
        if self._mode == "apply":
            self.make_directories(ENTRIES)
            self.write(_entry(holder), f"{name}\n")

    def _sh_entry_facts(self, holder: str) -> None:
        self._say("fact", self.content(_entry(holder)).rstrip("\n"), "entry")
        others = sorted(
            posixpath.basename(path) for path in self.below(ENTRIES) if path not in {ENTRIES, _entry(holder)}
        )
        self._say("fact", "".join(f"{name} " for name in others), "others")
        if self.ids("aegir"):
            self._say("fact", "yes", "prepared")

    def _sh_only_entry(self, holder: str, name: str) -> None:
        now = self.content(_entry(holder)).rstrip("\n")
        if now not in {"", name}:
            self._say("fact", now, "entry")
            raise Ended

    def _sh_only_stack(self, holder: str) -> None:
        own = _entry(holder)
        if any(kind == "file" and path.startswith(f"{ENTRIES}/") and path != own for kind, path in self.items):
            self._sh_forget_entry(holder)
            raise Ended

    def _sh_forget_entry(self, holder: str) -> None:
        if self._mode == "apply":
            self._sh_rm(_entry(holder))
            self._sh_rm(_entry(holder).replace(ENTRIES, STACKS))
            own = posixpath.basename(_entry(holder))
            places = {posixpath.dirname(path) for path in self.below(SERVICES) if posixpath.basename(path) == own}
            for place in places:
                self._sh_rm(f"{place}/{own}")
                self._sh_rmdir(place)
            self._sh_rmdir(SERVICES)
            self._sh_rmdir(ENTRIES)
            self._sh_rmdir(STACKS)
            self._sh_rmdir(posixpath.dirname(ENTRIES))

    def _sh_want_own_stack(self, holder: str, identity: str, key: str) -> None:
        path = _entry(holder).replace(ENTRIES, STACKS)
        record = _entry(holder).replace(ENTRIES, f"{SERVICES}/key")
        now = self.content(path).rstrip("\n")
        if now == identity:
            return
        if now and not (key in self.content(record) if key else not self.exists(record)):
            if self._deviates(f"stack {holder}: another stack of this name has the machine"):
                raise Refusal(
                    f"another stack that is called {holder}, of another hub or state, has this machine already. Nothing "
                    f"was changed. Give this stack another name: pulumi stack rename NAME. If the other one is gone for good, "
                    f"remove {path} here"
                )
            return
        if self._deviates(f"file {path}: does not name this stack"):
            self.make_directories(STACKS)
            self.write(path, f"{identity}\n")

    def _hub_keys(self, own: str) -> list[str]:
        place = posixpath.dirname(own)
        others = [path for path in self.below(place) if path not in {place, own}]
        known = [path for path in others if self.exists(path.replace(place, ENTRIES))]
        return [line for path in known for line in self.content(path).splitlines()]

    def _sh_want_hub_key(self, holder: str, path: str, group: str, line: str) -> None:
        own = f"{SERVICES}/key/{holder.replace('/', '%')}"
        lines = {*decoded(line).splitlines(), *self._hub_keys(own)}
        written = self.content(own) if self.exists(own) else None
        if written != decoded(line) and self._deviates(f"file {own}: content differs"):
            self.make_directories(posixpath.dirname(own))
            self.write(own, decoded(line))
        self._sh_want_file(path, "root", group, "640", encoded("".join(f"{each}\n" for each in sorted(lines))))

    def _sh_leave_hub_key(self, holder: str, path: str, group: str) -> None:
        if self._mode != "apply":
            return
        own = f"{SERVICES}/key/{holder.replace('/', '%')}"
        rest = sorted(set(self._hub_keys(own)))
        self._sh_rm(own)
        self._sh_rmdir(posixpath.dirname(own))
        self._sh_rmdir(SERVICES)
        if rest:
            self._sh_want_file(path, "root", group, "640", encoded("".join(f"{each}\n" for each in rest)))

    def _sh_want_same_service(self, kind: str, holder: str, value: str) -> None:
        place = f"{SERVICES}/{kind}"
        own = f"{place}/{holder.replace('/', '%')}"
        for path in sorted(self.below(place)):
            entry = path.replace(place, ENTRIES)
            if path in {place, own} or not self.exists(entry) or self.content(path).rstrip("\n") == value:
                continue
            other, has = posixpath.basename(path).replace("%", "/"), self.content(path).rstrip("\n")
            if self._deviates(f"{kind}: is declared otherwise by the stack {other}"):
                raise Refusal(
                    f'the stack {other} shares this machine and declares its {kind} as "{has}", and this one as "{value}". '
                    f"Nothing was changed. Declare the same in both, or take another machine"
                )
            return
        if self._mode == "apply":
            self.make_directories(place)
            self.write(own, f"{value}\n")

    def _sh_leave_service(self, kind: str, holder: str) -> None:
        own = _entry(holder)
        if any(kind == "file" and path.startswith(f"{ENTRIES}/") and path != own for kind, path in self.items):
            self._sh_end_service(kind, holder)
            raise Ended

    def _sh_end_service(self, kind: str, holder: str) -> None:
        if self._mode == "apply":
            self._sh_rm(f"{SERVICES}/{kind}/{holder.replace('/', '%')}")
            self._sh_rmdir(f"{SERVICES}/{kind}")
            self._sh_rmdir(SERVICES)
