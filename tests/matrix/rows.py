"""The rows of the matrix: each key of the stack file, with values that it may have."""

from __future__ import annotations

import copy
import subprocess
import tarfile
from dataclasses import replace
from typing import Any, Final

from aegir_components import certificates, layout
from tests.matrix.cells import Row, put
from tests.matrix.verdicts import AT, KEYS
from tests.matrix.world import BLANK, ONE, UPLOAD, World

HOST_KEY: Final = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ8sB0sW0kSmXr2xKfPz0Zr7x0Yh6Yw1o9bqS2m8nq3d"
PASSWORDS: Final = ("a password of the tests", "another password of the tests")


def on_hub(name: str) -> Any:
    """Name a path below the hub's directory."""
    return lambda world: str(world.hub / name)


def also(path: str, value: Any, at: str = "") -> Any:
    """Give another key a value in the same edit."""
    return lambda world: put(world, path, value, at)


def _key(name: str) -> Any:
    return also("sites.*.certificate.key", on_hub(name))


def _chain(name: str) -> Any:
    return also("sites.*.certificate.chain", on_hub(name))


def _no_certificate(world: World) -> None:
    del world.config["sites"][ONE]["certificate"]


def live_release(world: World) -> str:
    """Name the release that the first site's web server has live."""
    return world.machine("web1").target(f"{layout.PLATFORMS_ROOT}/code").rpartition("/")[2]


def _repository(world: World) -> None:
    """Put the code into a repository, with a branch and a tag, and into another one."""
    for name in ("repository", "repository2"):
        git = ["git", "-C", str(world.hub / name), "-c", "user.name=test", "-c", "user.email=test@example.com"]
        subprocess.run(["cp", "-r", str(world.hub / "ten"), str(world.hub / name)], check=True)
        for words in (["init", "-q", "-b", "main"], ["add", "-A"], ["commit", "-q", "-m", "code"], ["tag", "v2"]):
            subprocess.run([*git, *words], check=True, capture_output=True)


def _from_git(world: World) -> None:
    _repository(world)
    world.config["platforms"]["code"]["source"] = {"git": str(world.hub / "repository"), "ref": "main"}


def _from_archive(world: World) -> None:
    with tarfile.open(world.hub / "ten.tar.gz", "w:gz") as archive:
        archive.add(world.hub / "ten", arcname="ten")
    world.config["platforms"]["code"]["source"] = {"archive": str(world.hub / "ten.tar.gz")}


def _shared(world: World) -> None:
    """Let the members share a directory, with all files in it."""
    for name in ("web1", "web2", "web3"):
        for place in ("/srv/shared", "/srv/other"):
            world.machine(name).make_directories(place)


def _copied(place: str) -> Any:
    """Copy the files of all sites to a shared directory, as an operator has to."""

    def copy(world: World) -> None:
        for key in world.sites.values():
            for host in (world.machine("web1"), world.machine("web2")):
                home = layout.uploads_directory(place, key)
                host.make_directories(f"{home}/files")
                host.make_directories(f"{home}/private")
                host.write(f"{home}/files/{UPLOAD}", f"upload of {key}\n")
                # What the link takes the place of.
                host.remove(f"{layout.site_files(layout.PLATFORMS_ROOT, key)}/{UPLOAD}")

    return copy


def _key_pair(world: World) -> None:
    world.config["sites"][ONE]["https"] = "enabled"
    for number in ("", "2"):
        pair = certificates.self_signed([ONE])
        (world.hub / f"chain{number}.pem").write_text(pair.chain)
        (world.hub / f"key{number}.pem").write_text(pair.key)


OWN: Final = {"sites.*.isolation": "process"}
SITES = (
    Row(key="sites.*.platform", values=("press",)),
    Row(key="sites.*.database", values=("db2",)),
    Row(key="sites.*.database.server", values=("db2",)),
    Row(key="sites.*.database.rights", values=(["EVENT"], ["EVENT", "TRIGGER"])),
    Row(key="sites.*.profile", values=("standard", "minimal")),
    Row(key="sites.*.title", values=("A title", "Another title")),
    Row(key="sites.*.language", values=("de", "fr")),
    Row(key="sites.*.aliases", values=(["www.one.example.com"], ["www2.one.example.com"])),
    Row(key="sites.*.redirect_aliases", values=(True, False), given={"sites.*.aliases": ["www.one.example.com"]}),
    Row(key="sites.*.admin.name", values=("first", "second")),
    Row(key="sites.*.admin.mail", values=("first@example.com", "second@example.com")),
    Row(key="sites.*.admin.password", values=PASSWORDS),
    Row(key="sites.*.state", values=("disabled", "enabled")),
    Row(key="sites.*.client", values=("Jane", "Joe")),
    Row(key="sites.*.formerly", values=("first.example.com", "second.example.com")),
    Row(key="sites.*.https", values=("enabled", "required")),
    Row(key="sites.*.certificate", values=("self-signed", "acme"), given={"sites.*.https": "enabled"}),
    Row(
        key="sites.*.certificate.chain",
        values=(on_hub("chain.pem"), on_hub("chain2.pem")),
        before=_key_pair,
        with_it={"added": _key("key.pem"), "changed": _key("key2.pem"), "removed": _no_certificate},
    ),
    Row(
        key="sites.*.certificate.key",
        values=(on_hub("key.pem"), on_hub("key2.pem")),
        before=_key_pair,
        with_it={"added": _chain("chain.pem"), "changed": _chain("chain2.pem"), "removed": _no_certificate},
    ),
    Row(key="sites.*.isolation", values=("process", "pool")),
    Row(key="sites.*.cron", values=("daily", "off")),
    Row(key="sites.*.php.memory", values=("64M", "128M")),
    Row(key="sites.*.php.uploads", values=("20M", "30M")),
    Row(key="sites.*.php.time", values=(20, 30)),
    Row(key="sites.*.php.children", values=(4, 6)),
    Row(key="sites.*.php.values.*", values=("1", "0")),
    Row(key="sites.*.php.version", values=("8.3",)),
    Row(key="sites.*.limits.cpu", values=("50%", "150%"), given=OWN),
    Row(key="sites.*.limits.memory", values=("512M", "1G"), given=OWN),
    Row(key="sites.*.limits.tasks", values=(64, 128), given=OWN),
    Row(key="sites.*.limits.connections", values=(16, 24)),
    Row(key="sites.*.settings.*", values=("one", "two")),
    Row(key="sites.*.config.*", values=({"name": "One"}, {"name": "Two"})),
    Row(key="sites.*.forward", values=("30d", "off")),
    Row(key="sites.*.update", values=([], ["database"])),
    Row(key="sites.*.uncounted_tables", values=(["stats_*"], [])),
    Row(key="sites.*.release", values=(live_release, "0" * 16)),
    Row(key="sites.*.health", values=(False, True)),
    Row(key="sites.*.install", values=(False, True)),
    Row(key="sites.*.password_version", values=(2, 3)),
    Row(key="sites.*.protect", values=(True, False)),
)
PLATFORMS = (
    Row(key="platforms.*.server", values=("web2",)),
    Row(key="platforms.*.source", values=(on_hub("eleven"),)),
    Row(key="platforms.*.source.path", values=(on_hub("eleven"),)),
    Row(key="platforms.*.source.git", values=(on_hub("repository2"),), before=_from_git),
    Row(key="platforms.*.source.ref", values=("v2",), before=_from_git),
    Row(key="platforms.*.source.directory", values=("web",), before=_from_git),
    Row(key="platforms.*.source.archive", values=(on_hub("none.tar.gz"),), before=_from_archive),
    Row(key="platforms.*.source.checksum", values=("sha256:" + "0" * 64,), before=_from_archive),
    Row(
        key="platforms.*.source.makefile",
        values=(on_hub("none.make"),),
        with_it={
            "added": lambda world: world.config["platforms"]["code"]["source"].pop("path"),
            "removed": also("platforms.*.source.path", on_hub("ten")),
        },
    ),
    Row(key="platforms.*.source.composer", values=(True,)),
    Row(key="platforms.*.source.composer.dev", values=(True,)),
    Row(key="platforms.*.source.composer.unlocked", values=(True,)),
    Row(key="platforms.*.source.composer.trusted", values=(True,)),
    Row(key="platforms.*.rollback", values=("0" * 16,)),
    Row(key="platforms.*.release", values=("0" * 16,)),
    Row(key="platforms.*.database", values=("keep", "check")),
    Row(key="platforms.*.keep_before", values=("14d", "0d")),
    Row(key="platforms.*.update", values=(["database", {"command": "true"}], [])),
    Row(key="platforms.*.rollout.canary", values=(["two.example.com"], [])),
    Row(key="platforms.*.rollout.batch", values=("20%", "5")),
    Row(key="platforms.*.rollout.stop_on", values=(1, 2)),
    Row(key="platforms.*.publish_path", values=("/srv/www/code", "/srv/www/other")),
    Row(key="platforms.*.keep_releases", values=(5, 1)),
    Row(key="platforms.*.allow_shrink", values=(True, False)),
    Row(key="platforms.*.verify", values=("full", "quick")),
    Row(key="platforms.*.health", values=(False, True)),
)
KEY: Final = {"servers.*.ssh.host_key": lambda world: " ".join((world.hub / "id.pub").read_text().split()[:2])}
COMMAND: Final = {**KEY, "servers.*.commands.*.create": "echo hello"}
SERVERS = (
    Row(key="servers.*.address", values=(BLANK,)),
    Row(key="servers.*.address", values=(BLANK,), at="db1"),
    Row(key="servers.*.connection", values=("local", "ssh")),
    Row(key="servers.*.dns", values=("manage", "warn")),
    Row(key="servers.*.aegir_user.uid", values=(950, 951)),
    Row(key="servers.*.aegir_user.gid", values=(950, 951)),
    Row(key="servers.*.php.memory", values=("64M", "128M")),
    Row(key="servers.*.php.uploads", values=("20M", "30M")),
    Row(key="servers.*.php.time", values=(20, 30)),
    Row(key="servers.*.php.children", values=(4, 6)),
    Row(key="servers.*.php.values.*", values=("1", "0")),
    Row(key="servers.*.limits.cpu", values=("50%", "150%")),
    Row(key="servers.*.limits.memory", values=("512M", "1G")),
    Row(key="servers.*.limits.tasks", values=(64, 128)),
    Row(key="servers.*.limits.connections", values=(16, 24), at="db1"),
    Row(key="servers.*.php.version", values=("8.2",)),
    Row(key="servers.*.services.web", values=("nginx_ssl",)),
    Row(key="servers.*.services.web.type", values=("apache",)),
    Row(key="servers.*.services.web.port", values=(8080, 8081)),
    Row(key="servers.*.services.web.php", values=("8.3", "8.2")),
    Row(key="servers.*.services.database", at="db1", values=("none",)),
    Row(key="servers.*.services.database.type", at="db1", values=()),
    Row(key="servers.*.services.database.address", at="db1", values=("10.0.0.21", BLANK)),
    Row(key="servers.*.services.database.port", at="db1", values=(3307, 3306)),
    Row(key="servers.*.services.database.tls", at="db1", values=("required", "offered")),
    Row(key="servers.*.services.database.reach", at="db1", values=("ssh", "direct")),
    Row(key="servers.*.services.database.admin.name", at="db1", values=("hub_root", "hub_root2")),
    Row(key="servers.*.services.database.admin.password", at="db1", values=PASSWORDS),
    Row(
        key="servers.*.services.database.authority",
        at="ext",
        values=(on_hub("none.pem"),),
        world="external",
        with_it={"added": also("servers.*.services.database.tls", "required", "ext")},
    ),
    Row(key="servers.*.commands.*.create", values=("echo hello", "echo again"), given=KEY),
    Row(key="servers.*.commands.*.update", values=("echo hello", "echo again"), given=COMMAND),
    Row(key="servers.*.commands.*.delete", values=("echo hello", "echo again"), given=COMMAND),
    Row(key="servers.*.commands.*.triggers", values=(["1"], ["2"]), given=COMMAND),
    Row(key="servers.*.commands.*.before", values=("sites", "server"), given=COMMAND),
    Row(key="servers.*.ssh.user", values=("root", "operator")),
    Row(key="servers.*.ssh.port", values=(2222, 22)),
    Row(key="servers.*.ssh.identity", values=(on_hub("id"),)),
    Row(key="servers.*.ssh.host_key", values=tuple(KEY.values())),
    Row(key="servers.*.ssh.jump", values=("root@10.0.0.98:22", "web2")),
    Row(key="servers.*.ssh.trust", values=("first-use", "pinned")),
)
CLUSTERS = (
    Row(key="clusters.*.servers", values=(["web1", "web2", "web3"],), world="cluster"),
    Row(key="clusters.*.uploads", values=(), world="cluster"),
    Row(
        key="clusters.*.uploads.path",
        values=("/srv/shared", "/srv/other"),
        world="cluster",
        before=_shared,
        with_it={"added": _copied("/srv/shared")},
    ),
    Row(
        key="clusters.*.uploads.nfs",
        values=("10.0.0.9:/srv/uploads",),
        world="cluster",
        # The edit before was not applied: there is no key to remove.
        with_it={"removed": also("clusters.*.uploads", {})},
    ),
)
PACKS = (
    Row(key="packs.*.master", values=("web3",), world="pack"),
    Row(key="packs.*.slaves", values=(["web2", "web3"],), world="pack"),
    Row(key="packs.*.nfs", values=("nas1",), world="pack"),
    Row(key="packs.*.share", values=("uploads", "code"), world="pack"),
    Row(key="packs.*.standby", values=("web3",), world="pack"),
    Row(key="packs.*.failover", values=("web3",), world="pack"),
    Row(key="packs.*.path", values=("/srv/shared",), world="pack"),
)
ACME: Final = {"acme.directory": "https://acme.example/one"}
STACK = (
    Row(key="environment", values=("testing", "acceptance")),
    Row(key="environment_formerly", values=("development",), with_it={"added": also("environment", "testing")}),
    Row(key="hub.address", values=("10.0.0.5",)),
    Row(key="hub.root", values=(on_hub("elsewhere"),)),
    Row(key="hub.ssh.identity", values=(on_hub("id2"),)),
    Row(key="hub.ssh.jump", values=("root@10.0.0.98:22", "web2")),
    Row(key="hub.ssh.known_hosts", values=("/srv/known2",)),
    Row(key="reverse_proxies", values=(["10.0.0.0/24"], ["10.0.1.0/24"])),
    Row(key="translations", values=("/srv/translations", "/srv/other")),
    Row(key="include", values=("none.yaml",)),
    Row(key="rules", values=(on_hub("none.py"),)),
    Row(key="acme.directory", values=("https://acme.example/one", "https://acme.example/two")),
    Row(key="acme.mail", values=("a@example.com", "b@example.com"), given=ACME),
    Row(key="acme.authority", values=(on_hub("ca.pem"), on_hub("ca2.pem")), given=ACME),
    Row(key="certificates.error_days", values=(3, 10)),
    Row(key="forget", values=(["web9"],)),
    Row(key="replaced", values=(["web1"], ["web2"])),
    Row(key="confirm_removals", values=(["gone.example.com"],)),
)


def _kept_in(**attic: str) -> Any:
    """Declare backups, anew for each row: in the repository on the hub, and in one that is called attic."""
    repositories = {"repositories": {"attic": attic}} if attic else {}
    return {"backups": lambda _world: {"to": ["hub"], **copy.deepcopy(repositories)}}


KEPT: Final = _kept_in()
SFTP: Final = _kept_in(sftp="a@10.0.0.30/srv", identity="/root/.ssh/id", host_key=HOST_KEY)
S3: Final = _kept_in(s3="https://s3.example/bucket", access_key="hub", secret_key=PASSWORDS[0])
_KEEP: Final = tuple(f"keep.{name}" for name in ("hourly", "daily", "weekly", "monthly"))
_PLAN: Final = {
    "to": (["hub"],),
    "every": ("hour", "week"),
    "at": ("01:00-02:00", "23:00-01:00"),
    **dict.fromkeys(_KEEP, (2, 3)),
    "prove": ("each", "boot", "off"),
    "exclude": (["*/cache/*"], ["*.log"]),
    "bandwidth": (10, 20),
}
BACKUPS = (
    Row(key="backups", values=("off", {"to": ["hub"]})),
    *(Row(key=f"backups.{key}", values=values, given=KEPT) for key, values in _PLAN.items()),
    Row(key="backups.recipients", values=([f"age1{'q' * 58}"], [f"age1{'p' * 58}"]), given=KEPT),
    Row(key="backups.repositories.*.directory", values=("/mnt/attic", "/mnt/other"), given=KEPT),
    Row(key="backups.repositories.*.sftp", values=("a@10.0.0.31/srv",), given=SFTP),
    Row(key="backups.repositories.*.identity", values=("/root/.ssh/other",), given=SFTP),
    Row(key="backups.repositories.*.host_key", values=(HOST_KEY,), given=SFTP),
    Row(key="backups.repositories.*.s3", values=("https://s3.example/other",), given=S3),
    Row(key="backups.repositories.*.append_only", values=(True, False), given=SFTP),
    Row(key="backups.repositories.*.access_key", values=("other",), given=S3),
    Row(key="backups.repositories.*.secret_key", values=PASSWORDS, given=S3),
    Row(key="sites.*.backups", values=("off", {"every": "hour"}), given=KEPT),
    *(Row(key=f"sites.*.backups.{key}", values=values, given=KEPT) for key, values in _PLAN.items()),
)
LIVE: Final = {"sites.*.origin.site": "two.example.com"}
DUMP: Final = {"sites.*.origin.database": "/srv/moves/site.sql"}
ORIGINS = (
    Row(key="sites.*.mail", values=("off", "on")),
    Row(key="sites.*.robots", values=("off", "on")),
    Row(key="sites.*.origin.backup", values=("latest", "0123456789abcdef"), given=KEPT),
    Row(key="sites.*.origin.site", values=("two.example.com",), given={**KEPT, "sites.*.origin.backup": "latest"}),
    Row(key="sites.*.origin.stack", values=("other", "another"), given=LIVE),
    Row(key="sites.*.origin.sanitise", values=("standard", "none"), given=LIVE),
    Row(key="sanitise.*", values=("text", "blank")),
    Row(key="sites.*.origin.database", values=("/srv/moves/site.sql", "/srv/moves/other.sql.gz")),
    *(
        Row(key=f"sites.*.origin.{key}", values=(f"/srv/moves/{key}", f"/srv/moves/{key}.tar.gz"), given=DUMP)
        for key in ("files", "private", "config")
    ),
    Row(key="sites.*.origin.files.exclude", values=(["*.mp4"], ["videos"]), given=LIVE),
    Row(key="sites.*.origin.files.largest", values=(20, 30), given=LIVE),
    Row(key="sites.*.origin.files.proxy", values=(True, False), given=LIVE),
    Row(key="sites.*.origin.prefix", values=("old_", "older_"), given=DUMP),
    Row(key="sites.*.origin.hash_salt", values=PASSWORDS, given=DUMP),
    Row(key="sites.*.origin.former", values=(["old.example.com"], ["old.example.com", "older"]), given=DUMP),
)
_ALL = (*SITES, *PLATFORMS, *SERVERS, *CLUSTERS, *PACKS, *BACKUPS, *ORIGINS, *STACK)
ROWS: tuple[Row, ...] = tuple(replace(row, outcomes=AT.get((row.key, row.at), KEYS.get(row.key, {}))) for row in _ALL)
