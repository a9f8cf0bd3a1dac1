"""Every kind of source of a platform: built on the hub, live on a web server, and refused without a trace there."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import shlex
import shutil
import subprocess
import tarfile
import threading
import zipfile
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from lab import HostSpec, Lab
from tests.integration.farm import Farm, hub_settings

pytestmark = [pytest.mark.long, pytest.mark.lab, pytest.mark.slow]

LabFactory = Callable[[str, Iterable[HostSpec]], Lab]
PUBLISHED = "/var/aegir/platforms/code"


def write_code(root: Path, text: str) -> Path:
    """Make a code base that is recognised as WordPress, and is none."""
    (root / "wp-includes").mkdir(parents=True, exist_ok=True)
    (root / "wp-includes" / "version.php").write_text("<?php $wp_version = '6.1';\n")
    (root / "index.php").write_text("<?php\n")
    (root / "release.txt").write_text(text)
    (root / "run").write_text("#!/bin/sh\n")
    (root / "run").chmod(0o755)
    return root


def pack(form: str, code: Path, archive: Path) -> str:
    """Pack a code base in a directory of its own, as projects publish theirs; give the checksum."""
    if form == "zip":
        with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as packed:
            for path in sorted(code.rglob("*")):
                packed.write(path, f"project-1.0/{path.relative_to(code)}")
    elif form == "zst":
        subprocess.run(
            ["tar", "--zstd", "-cf", str(archive), "-C", str(code.parent), code.name], check=True, timeout=60
        )
    else:
        with tarfile.open(archive, "w:gz" if form == "gz" else "w:xz") as packed:
            packed.add(code, "project-1.0")
    return f"sha256:{hashlib.sha256(archive.read_bytes()).hexdigest()}"


class Estate:
    """A web server and a platform whose source changes its kind."""

    def __init__(self, lab: Lab, directory: Path) -> None:
        self.lab, self.web, self.directory = lab, lab.host("web1"), directory
        # Composer's own files are many beside those of a code base that is none.
        self.platform: dict[str, object] = {"server": self.web.spec.fqdn, "source": "", "allow_shrink": True}
        server = {"address": self.web.address, "services": {"web": "apache"}}
        self.farm = Farm(
            directory / "farm", {"hub": hub_settings(lab), "servers": {self.web.spec.fqdn: server}, "platforms": {}}
        )
        self.farm.settings["platforms"]["code"] = self.platform

    def build(self, text: str, **source: object) -> None:
        """Bring a source live, and see that a second run has nothing to build and nothing to do."""
        self.platform["source"] = source
        self.farm.up()
        assert text == self.web.run(f"cat {PUBLISHED}/release.txt").stdout
        assert "755" == self.web.run(f"stat -c %a {PUBLISHED}/run").stdout.strip()
        builds = self.builds()
        self.farm.unchanged()
        assert builds == self.builds(), "built once per content"

    def builds(self) -> set[tuple[str, int]]:
        root = self.farm.hub / "builds" / "code"
        return {(path.name, path.stat().st_ino) for path in root.iterdir()} if root.is_dir() else set()

    def refuse(self, live: str, **source: object) -> str:
        """Give what a run says of a source that it refuses; the live release stays."""
        before, self.platform["source"] = self.web.run(f"readlink {PUBLISHED}").stdout, source
        refused = self.farm.up(ok=False)
        assert before == self.web.run(f"readlink {PUBLISHED}").stdout
        assert live == self.web.run(f"cat {PUBLISHED}/release.txt").stdout
        return refused.sentence


@pytest.fixture(scope="module")
def estate(lab_factory: LabFactory, tmp_path_factory: pytest.TempPathFactory) -> Estate:
    lab = lab_factory("kinds", [HostSpec("web1", image="web"), HostSpec("git1", image="hub")])
    return Estate(lab, tmp_path_factory.mktemp("kinds"))


@pytest.fixture
def served(tmp_path: Path) -> Iterator[str]:
    """Serve a directory; give its address."""
    handler = partial(SimpleHTTPRequestHandler, directory=str(tmp_path))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.mark.parametrize("form", ["gz", "xz", "zst", "zip"])
def test_an_archive_on_the_hub_goes_live(estate: Estate, form: str, tmp_path: Path) -> None:
    if form == "zst" and shutil.which("zstd") is None:
        pytest.skip("zstd is not installed")
    archive = tmp_path / f"code.{form}"
    checksum = pack(form, write_code(tmp_path / "code", form), archive)

    estate.build(form, archive=str(archive), checksum=checksum)

    assert checksum == estate.farm.outputs()["platforms"]["code"]["revision"]


def test_an_archive_by_its_address_goes_live_and_another_checksum_does_not(
    estate: Estate, tmp_path: Path, served: str
) -> None:
    checksum = pack("gz", write_code(tmp_path / "code", "by address"), tmp_path / "code.tar.gz")
    estate.build("by address", archive=f"{served}/code.tar.gz", checksum=checksum)

    other = f"sha256:{'0' * 64}"
    said = estate.refuse("by address", archive=f"{served}/code.tar.gz", checksum=other)

    assert f"has the checksum {checksum}, not {other}" in said


def test_a_composer_project_goes_live_without_its_packages_for_development(estate: Estate, tmp_path: Path) -> None:
    if shutil.which("composer") is None:
        pytest.skip("composer is not installed: apt-get install composer")
    project = write_code(tmp_path / "project", "composer")
    for name in ("lib", "tester"):
        (project / "packages" / name).mkdir(parents=True)
        (project / "packages" / name / "composer.json").write_text(
            json.dumps({"name": f"a/{name}", "version": "1.0.0"})
        )
    declared = {
        "repositories": [{"type": "path", "url": "packages/*"}, {"packagist.org": False}],
        "require": {"a/lib": "1.0.0"}, "require-dev": {"a/tester": "1.0.0"},
    }  # fmt: skip
    (project / "composer.json").write_text(json.dumps(declared))
    environment = {**os.environ, "COMPOSER_ALLOW_SUPERUSER": "1"}
    subprocess.run(["composer", "update", "-q", "--no-interaction", "--no-install"], cwd=project, env=environment,
                   check=True, timeout=120)  # fmt: skip

    estate.build("composer", path=str(project), composer=True)

    estate.web.run(f"cd {PUBLISHED} && test -s vendor/autoload.php && test -s vendor/a/lib/composer.json")
    assert estate.web.run(f"test -e {PUBLISHED}/vendor/a/tester", check=False).returncode != 0
    (project / "composer.json").write_text(json.dumps({**declared, "require": {"a/gone": "1.0.0"}}))
    said = estate.refuse("composer", path=str(project), composer=True)
    assert "failed: composer exited " in said
    assert "The live release is untouched. The log is " in said
    log = Path(said.partition("The log is ")[2].split(".log")[0] + ".log")
    assert "a/gone" in log.read_text()


DRUSH = """#!/bin/sh
# Does what `drush make` does with a project that is copied from a directory; Debian has no drush of its own.
[ "$1 $2" = "make --yes" ] || exit 9
from=$(sed -n 's/^projects\\[code\\]\\[download\\]\\[url\\] = //p' "$3")
cp -a "$from" "$4" || { echo "no such project: $from"; exit 1; }
"""


def test_a_repository_that_only_the_hubs_key_opens_goes_live(
    estate: Estate, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    host = estate.lab.host("git1")
    text = "by ssh\n"
    with tarfile.open(tmp_path / "code.tar", "w") as packed:
        packed.add(write_code(tmp_path / "code", text), "site")
    host.run(
        "mkdir -p /srv && base64 -d | tar -C /srv -xf - && cd /srv/site && git init -q -b main . && git add -A && "
        "git -c user.name=t -c user.email=t@example.com commit -qm code",
        input=base64.b64encode((tmp_path / "code.tar").read_bytes()).decode(),
    )
    key = [
        "-i",
        str(estate.lab.identity),
        "-o",
        "IdentitiesOnly=yes",
        "-o",
        f"UserKnownHostsFile={estate.lab.known_hosts}",
    ]
    monkeypatch.setenv("GIT_SSH_COMMAND", shlex.join(["ssh", *key]))
    estate.build(text, git=f"ssh://root@{host.address}/srv/site", ref="main")
    estate.build(text, git=f"root@{host.address}:/srv/site", ref="main")
    assert "warning" not in estate.farm.up().sentence


def test_a_makefile_goes_live_by_the_drush_that_is_on_the_hubs_path(
    estate: Estate, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "drush").write_text(DRUSH)
    (tmp_path / "bin" / "drush").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    code, makefile = write_code(tmp_path / "code", "made"), tmp_path / "site.make"
    makefile.write_text(f"core = 7.x\napi = 2\nprojects[code][download][url] = {code}\n")

    estate.build("made", makefile=str(makefile))

    makefile.write_text("core = 7.x\napi = 2\nprojects[code][download][url] = /no/such\n")
    said = estate.refuse("made", makefile=str(makefile))
    assert "failed: drush exited 1. The live release is untouched. The log is " in said
    assert "no such project: /no/such" in said


@pytest.mark.parametrize("what", ["link", "set-user-id", "set-group-id", "device", "pipe"])
def test_a_source_with_what_is_no_code_is_refused_by_name(estate: Estate, what: str, tmp_path: Path) -> None:
    code = write_code(tmp_path / "code", "good")
    estate.build("good", path=str(code))
    odd = code / "wp-includes" / "odd thing"
    if what == "link":
        odd.symlink_to("../../outside.php")
    elif what == "device":
        try:
            os.mknod(odd, 0o020644, os.makedev(1, 3))
        except PermissionError:
            pytest.skip("this account may not make device nodes")
    elif what == "pipe":
        os.mkfifo(odd)
    else:
        odd.write_text("#!/bin/sh\n")
        odd.chmod(0o4755 if what == "set-user-id" else 0o2755)

    said = estate.refuse("good", path=str(code))

    assert 'aegir:platforms["code"].source: ' in said
    assert "wp-includes/odd thing' is " in said
    reasons = {"link": "a link to '../../outside.php', outside of the source", "device": "a device, pipe or socket",
               "pipe": "a device, pipe or socket"}  # fmt: skip
    assert reasons.get(what, "set-user-id") in said
