"""Releases on a fake machine: known by their digests, not by their bytes. ``test_release_stream`` sends real ones."""

from __future__ import annotations

import posixpath
import re

from .stacks import Ended
from .tree import Refusal, Tree

OWN = ("settings.php", "local.settings.php", "files")
"""What a site has in a directory of its name in the code, as links."""
DAMAGED = "damaged"


class Releases(Tree):
    """The part of ``FakeHost`` that has releases, and the links and marks of platforms."""

    _variables: dict[str, str]

    def mounted(self, path: str) -> bool:
        """Tell whether a path is a mount or lies in one."""
        raise NotImplementedError

    def _sh_want_publishable(
        self, publish_path: str, registry: str, holder: str, releases: str, former: str = ""
    ) -> None:
        path = publish_path
        if self.kind(path) not in {"link", ""}:
            self._not_ours(path, "something else is there")
        elif not self._is_settled(path, registry, {holder, former}):
            target = self.target(path)
            if target and not target.startswith(f"{releases}/"):
                self._not_ours(path, "a link to elsewhere is there")

    def _not_ours(self, path: str, what: str) -> None:
        if self._deviates(f"publish path {path}: {what}"):
            raise Refusal(
                f"{path} exists and is not of our making; it was left as it is. Move it away, or give the platform another "
                f"publish_path"
            )

    def _is_settled(self, path: str, registry: str, holders: set[str]) -> bool:
        """Return whether a mark says whose the path is: this platform's own, or another one's, which is reported."""
        for name in self.listed(posixpath.dirname(registry)):
            mark = f"{posixpath.dirname(registry)}/{name}/.published"
            its_holder, its_path = (*self.content(mark).splitlines(), "", "")[:2]
            own = name == posixpath.basename(registry)
            if not its_path:
                continue
            if own and its_holder not in holders:
                sentence = f"the stack {its_holder} has a platform {name} on this machine; give yours another name"
                self._taken(f"platform {name}: is the stack {its_holder}'s", sentence, mark)
                return True
            if own and its_path == path:
                return True
            if not own and (f"{path}/".startswith(f"{its_path}/") or f"{its_path}/".startswith(f"{path}/")):
                sentence = (
                    f"{path} and {its_path}, where the platform {name} of the stack {its_holder} is published, must be apart; "
                    f"give yours another publish_path"
                )
                self._taken(f"publish path {path}: meets {its_path} of the platform {name}", sentence, mark)
                return True
        return False

    def _taken(self, deviation: str, sentence: str, mark: str) -> None:
        if self._deviates(deviation):
            raise Refusal(f"{sentence}. If that one is gone for good, remove {mark}")

    def _sh_want_published(self, path: str, target: str) -> None:
        if self._mode != "apply":
            self._sh_want_link(path, target)

    def switch(self) -> None:
        """Do what ``release_go`` does with the hub's word."""
        if "PUBLISHED" in self._variables:
            self.items["link", self.real(self._variables["PUBLISHED"])] = (self._variables["RELEASE"],)

    def _sh_release_facts(self, publish_path: str, release: str, **_rest: str) -> None:
        live = self.target(publish_path)
        self._say("fact", live, "live")
        if live in self.counts:
            self._say("fact", str(self.counts[live]), "files")
        if release in self.releases:
            self._say("fact", "yes", "staged")
            self._say("fact", "index.php" if self.releases[release] == DAMAGED else "", "faults")

    def _sh_only_proven(self, staging: str, digest: str) -> None:
        got = self.releases.get(staging, "")
        self._say("fact", got, "digest")
        if got != digest:
            raise Ended

    def _sh_release_place(self, staging: str, docroot: str, **_rest: str) -> None:
        self._variables["place"] = docroot.removeprefix(staging)

    def _sh_release_repair(self, staging: str, release: str, **_rest: str) -> None:
        self._sh_release_name(staging, release)

    def _sh_release_name(self, staging: str, release: str) -> None:
        self.releases[release] = self.releases.pop(staging, "")
        self.counts[release] = self.counts.pop(staging, 0)
        self.make_directories(f"{release}{self._variables.get('place', '')}/sites", "aegir")

    def _sh_want_staged(self, release: str) -> None:
        if self._mode == "apply" and not self.is_directory(release):
            raise Refusal(f"the release {release} is not there")

    def _sh_release_state(self, release: str, **_rest: str) -> None:
        if self._mode != "check":
            return
        self._say("fact", "there" if self.is_directory(release) else "missing", "release")
        if self.is_directory(release):
            self._say("fact", "index.php" if self.releases.get(release) == DAMAGED else "", "faults")

    def _sh_want_seen(self, release: str, root: str) -> None:
        seen = self.is_directory(release) or self.mounted(release)
        if not seen and self._deviates(f"release {release}: not seen over NFS"):
            raise Refusal(
                f"the release {release} is not seen here, which the master has: is {root} mounted and answering? pulumi up "
                f"--refresh mounts it again, and says what is wrong"
            )

    def _sh_link_sites(self, docroot: str, registry: str, sites: str) -> None:
        if not self.is_directory(docroot):
            return
        self.make_directories(f"{docroot}/sites", "aegir")
        lines = [line for name in self.listed(registry) for line in self.content(f"{registry}/{name}").splitlines()]
        wanted = dict(line.split(" ", 1) for line in [*lines, *self._guests(docroot, posixpath.dirname(registry))])
        for name in self.listed(f"{docroot}/sites"):
            if self.target(f"{docroot}/sites/{name}").startswith(f"{sites}/") and name not in wanted:
                del self.items["link", self.real(f"{docroot}/sites/{name}")]
        for name in self.listed(f"{docroot}/sites"):
            for inner in OWN:
                target = self.target(f"{docroot}/sites/{name}/{inner}")
                if target.startswith(f"{sites}/") and wanted.get(name) != posixpath.dirname(target):
                    del self.items["link", self.real(f"{docroot}/sites/{name}/{inner}")]
        for name, target in wanted.items():
            place = f"{docroot}/sites/{name}"
            if self.kind(place) == "directory":
                for inner in OWN:
                    self.items["link", self.real(f"{place}/{inner}")] = (f"{target}/{inner}",)
            else:
                self.items["link", self.real(place)] = (target,)

    def _guests(self, docroot: str, registries: str) -> list[str]:
        """List the names of sites that are held back on a release, as the registries have them."""
        held = [line.split(" ") for name in self.listed(registries)
                for line in self.content(f"{registries}/{name}/.held").splitlines()]  # fmt: skip
        sites = [word[0] for word in held if (word[1] if word[2] == "." else f"{word[1]}/{word[2]}") == docroot]
        return [
            line
            for site in sites
            for name in self.listed(registries)
            for line in self.content(f"{registries}/{name}/{site}").splitlines()
        ]

    def _registry_of(self, release: str, registry: str) -> str:
        """Name the registry of the platform whose release it is."""
        registries = posixpath.dirname(registry)
        for name in self.listed(registries):
            _, path = (*self.content(f"{registries}/{name}/.published").splitlines(), "", "")[:2]
            if path and release.startswith(f"{posixpath.dirname(path)}/.releases/{posixpath.basename(path)}/"):
                return f"{registries}/{name}"
        return registry

    def _sh_link_held(self, registry: str, sites: str) -> None:
        for line in self.content(f"{registry}/.held").splitlines():
            _, release, docroot, *_ = line.split(" ")
            root = release if docroot == "." else f"{release}/{docroot}"
            self._sh_link_sites(root, self._registry_of(release, registry), sites)

    def _sh_held_facts(self, registry: str) -> None:
        if self.kind(f"{registry}/.held") == "file":
            self._say("fact", self.content(f"{registry}/.held").rstrip("\n"), "held")

    def _sh_forget_held(self, registry: str, site: str, file: str) -> None:
        if self._mode != "apply":
            return
        left = [line for line in self.content(f"{registry}/.held").splitlines() if line.split(" ")[0] != site]
        if left:
            self.write(f"{registry}/.held", "".join(f"{line}\n" for line in left))
        else:
            self._sh_rm(f"{registry}/.held")
        place = posixpath.dirname(registry)
        held = [line for name in self.listed(place) for line in self.content(f"{place}/{name}/.held").splitlines()]
        if all(line.split(" ")[0] != site for line in held):
            self._sh_rm(file)

    def _sh_link_shared(self, docroot: str, link: str, target: str) -> None:
        self.items["link", self.real(f"{docroot}/{link}")] = (target,)

    def _sh_last_shared(self, releases: str, file: str) -> None:
        if not self.entries(releases):
            self._sh_rm(file)
            self._sh_rmdir(posixpath.dirname(file))

    def _sh_release_sites(self, registry: str, root: str) -> None:
        listen = re.search(r"(?m)^listen ([0-9]+)", self.content(f"{root}/listen.conf"))
        confs = [
            self.content(f"{root}/vhost.d/{name}") for name in self.listed(f"{root}/vhost.d") if name.endswith(".conf")
        ]
        ports = re.findall(r"(?m)^<VirtualHost \*:([0-9]+)>$", "\n".join(confs))
        plain = [port for port in ports if port != "443"]
        self._say("fact", listen[1] if listen else next(iter(plain), "80"), "port")
        firsts = {name: self.content(f"{registry}/{name}").partition("\n")[0] for name in self.listed(registry)}
        known = [f"{name} {line.partition(' ')[0]}" for name, line in firsts.items() if " " in line]
        self._say("fact", "\n".join(known), "known")
        self._say("fact", " ".join(line.partition(" ")[2] for line in known), "sites")
        ready = [
            name.removesuffix(".conf")
            for name in self.listed(f"{root}/vhost.d")
            if re.search("AEGIR_HELD_|[$]aegir_site ", self.content(f"{root}/vhost.d/{name}"))
        ]
        self._say("fact", "\n".join(ready), "ready")
        if self.kind(f"{registry}/.unproven") == "file":
            self._say("fact", self.content(f"{registry}/.unproven").rstrip("\n"), "unproven")

    def _sh_live_facts(self, *paths: str) -> None:
        for number, path in enumerate(paths, 1):
            self._say("fact", self.target(path), f"live{number}")

    def _sh_release_has(self, docroot: str, *files: str) -> None:
        for name in files:
            if self.kind(f"{docroot}/{name}") == "file":
                self._say("fact", name, "has")

    def _sh_release_names(self, releases: str) -> None:
        there = [name for name in self.listed(releases) if re.fullmatch("[0-9a-f]{16}", name)]
        self._say("fact", "".join(f"{name} " for name in there), "releases")

    def _sh_want_proven(self, registry: str) -> None:
        if self.kind(f"{registry}/.unproven") == "file":
            self._deviates("release: a run ended after switching to it, before its sites were asked")

    def _sh_release_stock(self, releases: str, registry: str) -> None:
        self._sh_release_names(releases)
        held = [words[1] for words in self._held(registry) if words[1].startswith(f"{releases}/")]
        self._say("fact", "".join(f"{path.removeprefix(f'{releases}/')} " for path in held), "held-on")

    def _sh_only_without_sites(self, registry: str, releases: str = "") -> None:
        here = "".join(f"{name} " for name in self.listed(registry))
        held = self._held(registry)
        guests = "".join(f"{words[0]} " for words in held if releases and words[1].startswith(f"{releases}/"))
        self._say("fact", here, "sites-here")
        self._say("fact", guests, "guests")
        if here or guests:
            raise Ended

    def _held(self, registry: str) -> list[list[str]]:
        """List the records of the sites of all platforms that are held back."""
        registries = posixpath.dirname(registry)
        return [
            line.split(" ")
            for name in self.listed(registries)
            for line in self.content(f"{registries}/{name}/.held").splitlines()
        ]
