"""What is in an image, as text, and the tag that follows from it. Pure."""

from __future__ import annotations

import base64
import dataclasses
import hashlib
from collections.abc import Mapping

from .errors import SpecError

REPOSITORY = "localhost/aegir-lab"
# Where the machine is no Debian, this stands in for what mmdebstrap would make.
OFFICIAL_IMAGE = "docker.io/library/debian:12"

BARE_PACKAGES = (
    "systemd", "systemd-sysv", "dbus", "openssh-server", "sudo", "iproute2", "ca-certificates", "procps",
)  # fmt: skip
WEB_PACKAGES = (
    "apache2", "nginx", "php-fpm", "php-cli", "php-mysql", "php-gd", "php-xml", "php-mbstring", "php-curl",
    "php-zip", "php-intl", "php-bcmath", "php-apcu", "default-mysql-client", "rsync", "sudo", "msmtp-mta",
    "logrotate", "acl",
)  # fmt: skip  # opcache comes with php-cli
DB_PACKAGES = ("mariadb-server",)
HUB_PACKAGES = ("python3", "openssh-client", "rsync", "git", "postgresql")
"""A machine that Pulumi runs on, or the database that a team's state is in."""
VM_PACKAGES = ("kmod", "netbase", "nfs-common", "nfs-kernel-server")
"""What a machine with a kernel of its own has beside the packages of its image; mount.nfs4 needs netbase's names."""
VM = "-vm"
"""The end of the name of an image that a virtual machine's disk is made from."""

# An apt run of the timers' would hold the lock just when a test installs something.
_MASKED = (
    "apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer e2scrub_reap.service fstrim.timer"
)
# Generators that systemd runs at each reload of its units, for hardware and features that no host of the lab has. Those for
# fstab and for init scripts stay.
_GENERATORS = (
    "systemd-bless-boot systemd-cryptsetup systemd-debug systemd-getty systemd-gpt-auto systemd-hibernate-resume "
    "systemd-integritysetup systemd-rc-local systemd-run systemd-system-update systemd-veritysetup"
)

_INSTALL = """\
RUN set -eu; export DEBIAN_FRONTEND=noninteractive; \\
    printf '#!/bin/sh\\nexit 101\\n' >/usr/sbin/policy-rc.d; chmod 755 /usr/sbin/policy-rc.d; \\
    apt-get -q update; apt-get -q -y install --no-install-recommends {packages}; \\
    {then} \\
    rm -f /usr/sbin/policy-rc.d; apt-get clean; rm -rf /var/lib/apt/lists/*; : >/etc/machine-id
"""
_FINISH_BARE = f"""\
update-ca-certificates; rm -f /etc/ssh/ssh_host_* /etc/apt/apt.conf.d/99mmdebstrap; \\
    systemctl mask {_MASKED}; systemctl set-default multi-user.target; mkdir -p /etc/systemd/system-generators; \\
    for name in {_GENERATORS}; do ln -s /dev/null "/etc/systemd/system-generators/$name-generator"; done;"""
# Nothing runs before somebody prepares the host: what a test finds running, the code under test started.
_FINISH_SERVICES = """\
for unit in apache2 nginx mariadb $(cd /lib/systemd/system; ls -d php*-fpm.service 2>/dev/null || true); do \\
        if [ -e "/lib/systemd/system/${unit%.service}.service" ]; then systemctl disable "$unit"; fi; \\
    done;"""

# The virtual machine's kernel tells neither address nor keys: both come on its command line and on a second disk.
_VM_START = """\
[Unit]
DefaultDependencies=no
After=local-fs.target
Before=network-pre.target network.target network-online.target ssh.service sysinit.target
Wants=network-online.target network.target
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/sh -c '[ -e /etc/lab-seeded ] || { tar -xf /dev/ubdb -C / && : >/etc/lab-seeded; }'
ExecStart=/bin/sh -c 'set -- $(tr " " "\\n" </proc/cmdline | sed -n "s/^ip=//p" | tr ":" " "); ip link set lo up; \
ip link set vec0 up; ip addr add $1/24 dev vec0; ip route add default via $2'
[Install]
WantedBy=sysinit.target
"""
_VM_MASKED = (
    "nfs-blkmap.service getty@tty1.service console-getty.service "
    "systemd-networkd.service systemd-networkd-wait-online.service systemd-pstore.service systemd-binfmt.service"
)


@dataclasses.dataclass(frozen=True, slots=True)
class Recipe:
    """One image: a Containerfile on top of another image, or (`base`) what mmdebstrap makes."""

    kind: str
    containerfile: str
    """Empty for a base that mmdebstrap makes."""
    tag: str
    """The image's full name; its last part is a hash of everything that goes into the image."""
    parent: Recipe | None
    seconds: int
    """About how long the build takes on two cores."""


def base_recipe(suite: str | None, files: Mapping[str, bytes]) -> Recipe:
    """Describe the root that all images stand on: a minimal Debian of the machine's own release."""
    text = "" if suite else f"FROM {OFFICIAL_IMAGE}\n"
    return Recipe("base", text, _tag("base", suite or text, _digest(files)), None, 35 if suite else 20)


def bare_recipe(base: Recipe, files: Mapping[str, bytes]) -> Recipe:
    """Describe a host with systemd, sshd and the machine's way to its package archive."""
    # The base's own sources would be read beside the machine's, so they go where there are such.
    ours = "etc/apt/sources.list.d/lab.sources"
    drop = (
        "RUN find /etc/apt/sources.list /etc/apt/sources.list.d -type f ! -name lab.sources -delete || true\n"
        if ours in files
        else ""
    )
    text = (
        f"FROM {base.tag}\nCOPY seed/ /\n{drop}"
        + _INSTALL.format(packages=" ".join(BARE_PACKAGES), then=_FINISH_BARE)
        + 'STOPSIGNAL SIGRTMIN+3\nCMD ["/lib/systemd/systemd"]\n'
    )
    return Recipe("bare", text, _tag("bare", text, _digest(files)), base, 35)


def service_recipe(kind: str, bare: Recipe) -> Recipe:
    """Describe a bare host with the packages of its work, installed and stopped."""
    packages = {"web": WEB_PACKAGES, "db": DB_PACKAGES, "hub": HUB_PACKAGES}[kind]
    then = _FINISH_SERVICES + (" systemctl disable postgresql;" if kind == "hub" else "")
    text = f"FROM {bare.tag}\n" + _INSTALL.format(packages=" ".join(packages), then=then)
    return Recipe(kind, text, _tag(kind, text), bare, {"web": 60, "db": 40, "hub": 45}[kind])


def vm_recipe(host: Recipe) -> Recipe:
    """Describe the root of a virtual machine: a host's image with both sides of NFS, and how it gets its address."""
    packed = base64.b64encode(_VM_START.encode()).decode()
    then = (
        f"echo {packed} | base64 -d >/etc/systemd/system/lab-start.service; systemctl enable lab-start.service; "
        f"systemctl disable nfs-server.service; systemctl mask {_VM_MASKED}; "
        r"printf '/dev/ubda / ext4 defaults,noatime 0 0\n' >/etc/fstab;"
    )
    text = f"FROM {host.tag}\n" + _INSTALL.format(packages=" ".join(VM_PACKAGES), then=then)
    return Recipe(f"{host.kind}{VM}", text, _tag(f"{host.kind}{VM}", text), host, 30)


def recipe(kind: str, suite: str | None, files: Mapping[str, bytes]) -> Recipe:
    """Describe the image of a kind, with all that it stands on."""
    if kind.endswith(VM):
        return vm_recipe(recipe(kind.removesuffix(VM), suite, files))
    bare = bare_recipe(base_recipe(suite, files), files)
    if kind == "bare":
        return bare
    if kind in ("web", "db", "hub"):
        return service_recipe(kind, bare)
    raise SpecError(f"no image is called {kind!r}")


def chain(last: Recipe) -> list[Recipe]:
    """List an image and all below it, in the order in which they are built."""
    return [*chain(last.parent), last] if last.parent else [last]


def _digest(files: Mapping[str, bytes]) -> str:
    digest = hashlib.sha256()
    for path in sorted(files):
        digest.update(f"{path}\0{len(files[path])}\0".encode() + files[path])
    return digest.hexdigest()


def _tag(kind: str, *parts: str) -> str:
    return f"{REPOSITORY}-{kind}:{hashlib.sha256(chr(0).join(parts).encode()).hexdigest()[:16]}"
