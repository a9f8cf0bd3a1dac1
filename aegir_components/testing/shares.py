"""What a fake machine shares with others: uploads of a cluster, and what a pack's members see over NFS.

Two fakes share no files, so that whatever is a mount or declared as shared has what another one left in it.
"""

from __future__ import annotations

import posixpath

from .accounts import Accounts
from .tree import Refusal

STANDBY = "/var/lib/aegir/standby"


class Shares(Accounts):
    """The part of ``FakeHost`` that stands in for mounts and exports."""

    def mounted(self, path: str) -> bool:
        """Tell whether a path is a mount or lies in one."""
        while path != "/":
            if ("mount", path) in self.items:
                return True
            path = posixpath.dirname(path)
        return False

    # The server.

    def _sh_nfs_numbers(self) -> None:
        self._say("fact", self.numbers if ("user", "aegir") in self.items else ":", "aegir")
        self._say("fact", "33:33", "www-data")

    def _sh_want_not_mounted(self, path: str) -> None:
        if ("mount", path) in self.items and self._deviates(f"export {path}: is a mount itself"):
            raise Refusal(
                f"{path} is mounted from another machine here, and cannot be exported. Take the mount out of /etc/fstab and "
                f"unmount it first"
            )

    def _sh_want_marked(self, path: str, pack: str, moved_from: str = "") -> None:
        mark = f"{path}/.aegir-export"
        is_now = self.content(mark).rstrip("\n")
        if moved_from and not self.content(f"{STANDBY}/{pack}"):
            if self._deviates(f"export {path}: the files are still at {moved_from}"):
                raise Refusal(
                    f"the pack {pack} has its files at {moved_from}, and no copy of them was made here for it to move. Make "
                    f"one with all owners (rsync -aH --numeric-ids {moved_from}/ {path}/), then say so: mkdir -p {STANDBY}; "
                    f"date +%s >{STANDBY}/{pack}"
                )
            return
        if is_now == pack or not self._deviates(f"export {path}: its mark is {is_now or 'missing'}, not {pack}"):
            return
        if is_now:
            raise Refusal(f"{path} holds what the pack {is_now} shares; it was left as it is")
        if not self.is_directory(path):
            raise Refusal(f"{mark} could not be written")
        self.write(mark, f"{pack}\n")

    def _sh_nfs_moved(self, pack: str) -> None:
        if self._mode == "apply":
            self._sh_rm(f"{STANDBY}/{pack}")

    def _sh_nfs_unmark(self, path: str, pack: str) -> None:
        if self._mode == "apply" and self.content(f"{path}/.aegir-export").rstrip("\n") == pack:
            self._sh_rm(f"{path}/.aegir-export")

    def _sh_want_exported(self, path: str, *clients: str) -> None:
        wanted, have = tuple(sorted(clients)), self.items.get(("export", path), ())
        if have != wanted and self._deviates(
            f"export {path}: is to {_listed(have) or 'nobody'}, not to {_listed(wanted)}"
        ):
            self.items["export", path] = wanted

    def _sh_nfs_leave(self, drop_in: str) -> None:
        names = self.listed("/etc/exports.d")
        if not any(name.startswith("aegir-") and name.endswith(".exports") for name in names):
            self._sh_want_no_file(drop_in)

    # A client.

    def _sh_mount_facts(self, path: str, mark: str = "", patience: str = "") -> None:
        del mark, patience
        there = self.is_directory(path) or ("mount", path) in self.items
        self._say("fact", "0" if there else "1", "mount-status")
        self._say("fact", "", "mount-said")
        source, options = (*self.items.get(("mount", path), ()), "", "")[:2]
        has = f"rw,{options},vers=4.2,lookupcache=pos"
        is_off = ("unmounted", path) in self.items
        self._say("fact", f"nfs4 {source} {has}" if source and not is_off else "", "mount-table")
        self._say("fact", f"{source} {path} nfs4 {options} 0 0" if source else "", "mount-line")
        self._say("fact", "" if source else f"/etc/systemd/system/{_unit(path)}.d/aegir.conf", "mount-endless")

    def _sh_mount_bare(self, path: str) -> None:
        if not self.is_directory(posixpath.dirname(path)):
            raise Refusal(f"the directory {path} could not be made")
        for name in (".releases", ".sites"):
            self._sh_rmdir(f"{path}/{name}")
        self.items.setdefault(("directory", path), ("root", "root", "755"))
        there = () if self.mounted(path) else self.entries(path)[:5]
        self._say("fact", "".join(f"{name} " for name in there), "mount-there")

    def _sh_mount_close(self, path: str) -> None:
        self.items["directory", path] = ("root", "root", "555")

    def _sh_mount_open(self, path: str) -> None:
        self.items["directory", path] = ("root", "root", "755")

    def _sh_mount_off(self, path: str, _force: str = "") -> None:
        if ("mount", path) in self.items:
            self.items["unmounted", path] = ()

    def _sh_mount_start(self, path: str) -> None:
        self.items.pop(("unmounted", path), None)

    def _sh_mount_line(self, path: str, line: str = "") -> None:
        self.items.pop(("mount", path), None)
        self.items.pop(("unmounted", path), None)
        if line:
            source, _, _, options, *_ = line.split(" ")
            self.items["mount", path] = (source, options)

    def _sh_mount_keep(self, _path: str) -> None:
        self._say("fact", "none", "keeper")

    # The machine that stands by.

    def _sh_want_fresh_copy(self, pack: str, **_rest: str) -> None:
        done = self.content(f"{STANDBY}/{pack}")
        if done:
            self._say("fact", "0", "age")
        elif self._deviates(f"copy of {pack}: never made"):
            self.make_directories(STANDBY)
            self.write(f"{STANDBY}/{pack}", "just now\n")

    def _sh_standby_last(self, pack: str, _unit: str) -> None:
        if not self.content(f"{STANDBY}/{pack}"):
            raise Refusal(
                f"there is no complete copy of what the pack {pack} shares on this machine: nothing was moved to it"
            )
        self._say("fact", "0", "age")

    # The proof.

    def _sh_want_shared_place(self, path: str) -> None:
        if not self.is_directory(path) and self._deviates(f"share {path}: no directory"):
            raise Refusal(
                f"{path} is no directory here, or does not answer within 10 s. With share: external it has to be mounted "
                f"before, on every member"
            )

    def _sh_want_proof_place(self, path: str) -> None:
        place = f"{path}/.aegir-proof"
        have = self.owned(place) if self.kind(place) == "directory" else ()
        if have[:1] + have[2:] == ("aegir", "755") or not self._deviates(f"share {path}: no place for proofs"):
            return
        self.make_directories(place)
        if not self.is_directory(place):
            raise Refusal(
                f"root cannot write into {path} on this machine; on a share of somebody else's, the pack's master needs that "
                f"(no_root_squash for it alone)"
            )
        self.items["directory", self.real(place)] = ("aegir", "aegir", "755")

    def _sh_leave_proof(self, path: str, token: str) -> None:
        if not self.is_directory(f"{path}/.aegir-proof") and not self.mounted(path):
            raise Refusal(
                f"{path}/.aegir-proof is not there, which the pack's master has made: this is another directory, or not "
                f"mounted. Every member has to see the same one"
            )
        self.write(f"{path}/.aegir-proof/{token}", f"{token}\n")

    def _sh_find_proof(self, path: str, token: str) -> None:
        seen = self.is_directory(f"{path}/.aegir-proof") or self.mounted(path) or self.is_directory(path)
        self._say("fact", self.numbers if seen else "missing", f"proof-{token}")

    def _sh_remove_proof(self, path: str, token: str) -> None:
        self._sh_rm(f"{path}/.aegir-proof/{token}")

    # Uploads of a cluster.

    def _sh_want_shared(self, path: str) -> None:
        if not self.is_directory(path) and self._deviates(f"uploads {path}: no directory"):
            raise Refusal(
                f"{path} is no directory here, or does not answer within 10 s. It has to be the directory that all members "
                f"share: mount it first, or declare uploads.nfs"
            )

    def _sh_leave_token(self, path: str, token: str) -> None:
        if not self.is_directory(path):
            raise Refusal(
                f"no file can be written into {path} as root. If it is an export that squashes root, make its top directory "
                f"writable for all (mode 1777)"
            )
        self.write(f"{path}/.aegir-proof-{token}", token)

    def _sh_find_token(self, path: str, _token: str) -> None:
        self._say("fact", "found" if self.is_directory(path) else "missing", "token")

    def _sh_want_shared_dir(self, path: str, owner: str, group: str, mode: str, user: str) -> None:
        there = self.kind(path)
        have, wanted = ":".join(self.owned(path)) if there else "", f"{owner}:{group}:{mode}"
        said = f"is {have}, not {wanted}" if have else "missing"
        if have == wanted or not self._deviates(f"directory {path}: {said}"):
            return
        if not there and not self.is_directory(posixpath.dirname(path)):
            raise Refusal(
                f"the directory {path} could not be made, by root or by {user}: the share does not let them write"
            )
        self.items["directory", self.real(path)] = (owner, group, mode)

    def _sh_want_served_dir(self, path: str, user: str) -> None:
        self._sh_want_shared_dir(path, user, "www-data", "2770", user)
        self._sh_want_served(path)

    def _sh_want_served(self, path: str) -> None:
        place = self.real(path)
        if ("access list", place) not in self.items and self._deviates(
            f"directory {path}: no access list for the web server"
        ):
            self.items["access list", place] = ("www-data",)

    def _sh_want_upload_link(self, link: str, target: str) -> None:
        if self.kind(link) == "directory":
            if self.entries(link):
                if self._deviates(f"uploads {link}: a directory with files, not a link to {target}"):
                    raise Refusal(
                        f"{link} has uploads, and is declared as shared in {target}: copy them there (cp -au "
                        f"{link}/. {target}/), move the former ones away (mv {link} {link}.before), and run pulumi up again"
                    )
                return
            if self._mode == "apply":
                self._sh_rmdir(link)
        self._sh_want_link(link, target)


def _unit(path: str) -> str:
    return f"{path.strip('/').replace('/', '-')}.mount"


def _listed(clients: tuple[str, ...]) -> str:
    return "".join(f"{client} " for client in clients)
