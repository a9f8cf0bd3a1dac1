"""Accounts, packages and units of a fake machine, with the reports of the prelude's items for them."""

from __future__ import annotations

from .plan import Call
from .tree import Refusal, Tree

RUNS = ("enabled", "running")
"""What a unit is that is enabled for the next start of the machine and runs."""


class Accounts(Tree):
    """The part of ``FakeHost`` that has accounts, packages and units."""

    distribution: str
    numbers: str

    def ids(self, user: str) -> str:
        """Give the UID and GID of an account; nothing where there is none."""
        have = self.items.get(("user", user))
        if have is None:
            return ""
        return self.numbers if user == "aegir" else ":".join(have[2:])

    def unit(self, name: str) -> Call:
        """Give what a unit is, of ``RUNS``."""
        return self.items.get(("service", name), ())

    def _sh_debian_only(self) -> None:
        if "Debian" not in self.distribution and "Ubuntu" not in self.distribution:
            raise Refusal(
                f"this machine runs {self.distribution}; Debian 11 to 13 or Ubuntu 22.04 or 24.04 with systemd is needed"
            )

    def _sh_want_user(self, name: str, home: str, shell: str, uid: str = "", gid: str = "") -> None:
        have, ids = self.items.get(("user", name)), self.ids(name)
        if have is None:
            if self._deviates(f"user {name}: missing"):
                self._make_user(name, home, shell, uid, gid)
            return
        if (uid and ids.split(":")[0] != uid) or (gid and ids.split(":")[1] != gid):
            if self._deviates(f"user {name}: has uid:gid {ids}, not {uid or 'any'}:{gid or 'any'}"):
                other = (f"groupmod -g {gid} {name}; " if gid else "") + (f"usermod -u {uid} {name}; " if uid else "")
                raise Refusal(
                    f"the user {name} exists with uid:gid {ids} and not {uid or 'any'}:{gid or 'any'}; its files belong to "
                    f"these numbers. Declare aegir_user with {ids} (on all machines of a pack), or give the account the "
                    f"other numbers: {other}then chown its files"
                )
            return
        if have[0] != home:
            if self._deviates(f"user {name}: home is {have[0]}, not {home}"):
                raise Refusal(
                    f"the user {name} exists with the home {have[0]} and not {home}; it may be somebody else's. Rename it, "
                    f"or: usermod -d {home} {name}"
                )
            return
        if have[1] != shell and self._deviates(f"user {name}: shell is {have[1] or 'empty'}, not {shell}"):
            self.items["user", name] = (have[0], shell, *have[2:])

    def _make_user(self, name: str, home: str, shell: str, uid: str, gid: str) -> None:
        others = {user: self.ids(user).split(":") for kind, user in self.items if kind == "user"}
        for number, place, what in ((uid, 0, "uid"), (gid, 1, "gid")):
            other = next((user for user, ids in others.items() if number and ids[place] == number), "")
            if other:
                raise Refusal(
                    f"the {what} {number} wanted for {name} is taken by {other}; choose another number in the stack file or "
                    f"free it"
                )
        free = self.numbers.split(":") if name == "aegir" else [str(951 + len(others))] * 2
        ids = (uid or free[0], gid or free[1])
        self.items["user", name] = (home, shell, *ids)
        if name == "aegir":
            self.numbers = ":".join(ids)

    def _sh_want_member(self, user: str, group: str) -> None:
        if ("member", f"{user} {group}") in self.items or not self._deviates(f"user {user}: not in group {group}"):
            return
        if ("user", user) not in self.items:
            raise Refusal(f"{user} could not be put into the group {group}")
        self.items["member", f"{user} {group}"] = ()

    def _sh_want_sudoers(self, name: str, content: str, _sum: str = "") -> None:
        self._sh_want_file(f"/etc/sudoers.d/{name}", "root", "root", "440", content)

    def _sh_want_packages(self, *names: str) -> list[str]:
        missing = [name for name in names if not self.has_package(name)]
        if missing and self._deviates(f"packages missing: {' '.join(missing)}"):
            self.items |= {("package", name): () for name in missing}
        return missing

    def _sh_want_service(self, unit: str) -> None:
        for state, fault in zip(RUNS, ("not enabled", "not running"), strict=True):
            if state not in self.unit(unit) and self._deviates(f"service {unit}: {fault}"):
                self.items["service", unit] = tuple(each for each in RUNS if each in {*self.unit(unit), state})

    def _sh_systemctl(self, *words: str) -> None:
        if words[:3] == ("-q", "disable", "--now"):
            self.items.pop(("service", words[3]), None)

    def _sh_remove_site_user(self, user: str) -> None:
        self.items.pop(("user", user), None)
