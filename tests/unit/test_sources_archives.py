"""Archives: every format gives the same tree, and nothing in one reaches outside of its directory."""

from __future__ import annotations

import hashlib
import io
import os
import shutil
import stat
import subprocess
import tarfile
import threading
import zipfile
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from aegir_components.sources import address, archives, downloads, target
from aegir_components.sources.faults import SourceError, Unreachable

Member = tuple[str, int, bytes | str]
"""Name, mode with the kind of file, and content or the link's target."""
HOSTILE = ["a b", "new\nline", "quo'te\"", "-dash", "ü", "u\u0308", "x" * 255, "\udcff"]


def tar(path: Path, *members: tarfile.TarInfo | Member, form: str = "gz") -> Path:
    with tarfile.open(path, f"w:{form}") as packed:  # type: ignore[call-overload]  # a mode of several
        for member in members:
            if isinstance(member, tarfile.TarInfo):
                packed.addfile(member)
                continue
            name, mode, content = member
            info = tarfile.TarInfo(name)
            info.mode = stat.S_IMODE(mode)
            if stat.S_ISLNK(mode):
                info.type, info.linkname = tarfile.SYMTYPE, str(content)
                packed.addfile(info)
            elif stat.S_ISDIR(mode):
                info.type = tarfile.DIRTYPE
                packed.addfile(info)
            else:
                assert isinstance(content, bytes)
                info.size = len(content)
                packed.addfile(info, io.BytesIO(content))
    return path


def zipped(path: Path, *members: Member) -> Path:
    with zipfile.ZipFile(path, "w") as packed:
        for name, mode, content in members:
            info = zipfile.ZipInfo(name)
            info.create_system, info.external_attr = 3, mode << 16
            packed.writestr(info, content)
    return path


def special(name: str, kind: bytes, target: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info


def unpack(archive: Path) -> Path:
    scratch = archive.parent / "scratch"
    scratch.mkdir()
    archives.unpack(archive, scratch, scratch / "code")
    return scratch / "code"


def listing(root: Path) -> dict[str, str]:
    found = {}
    for path in sorted(root.rglob("*")):
        name = str(path.relative_to(root))
        if path.is_symlink():
            found[name] = f"-> {path.readlink()}"
        elif path.is_file():
            found[name] = f"{stat.S_IMODE(path.stat().st_mode):o} {path.read_text()}"
        else:
            found[name] = "directory"
    return found


FILE, PROGRAM, LINK = stat.S_IFREG | 0o644, stat.S_IFREG | 0o755, stat.S_IFLNK | 0o777
CODE: tuple[Member, ...] = (("d/index.php", FILE, b"one"), ("d/run", PROGRAM, b"two"), ("d/link", LINK, "index.php"))
UNPACKED = {"index.php": "644 one", "run": "755 two", "link": "-> index.php"}


class TestFormats:
    @pytest.mark.parametrize("form", ["", "gz", "bz2", "xz"])
    def test_tar_by_its_content_not_its_name(self, form: str, tmp_path: Path) -> None:
        assert UNPACKED == listing(unpack(tar(tmp_path / "download", *CODE, form=form)))

    def test_tar_by_zstd(self, tmp_path: Path) -> None:
        if shutil.which("zstd") is None:
            pytest.skip("zstd is not installed")
        plain = tar(tmp_path / "plain", *CODE, form="")
        subprocess.run(["zstd", "-q", str(plain), "-o", str(tmp_path / "x")], check=True, timeout=20)
        assert UNPACKED == listing(unpack(tmp_path / "x"))

    def test_tar_by_zstd_that_is_cut_off(self, tmp_path: Path) -> None:
        if shutil.which("zstd") is None:
            pytest.skip("zstd is not installed")
        plain = tar(tmp_path / "plain", ("x", FILE, os.urandom(300_000)), form="")
        subprocess.run(["zstd", "-q", str(plain), "-o", str(tmp_path / "x")], check=True, timeout=20)
        (tmp_path / "x").write_bytes((tmp_path / "x").read_bytes()[:150_000])
        with pytest.raises(SourceError, match="cannot be unpacked"):
            unpack(tmp_path / "x")

    def test_zip_with_modes_and_links(self, tmp_path: Path) -> None:
        assert UNPACKED == listing(unpack(zipped(tmp_path / "x", *CODE)))

    def test_names_of_all_kinds(self, tmp_path: Path) -> None:
        members = [(name, FILE, b"") for name in HOSTILE]
        assert set(HOSTILE) == {path.name for path in unpack(tar(tmp_path / "x", *members)).iterdir()}

    def test_a_zip_of_unix_has_utf8_names_even_without_the_flag(self, tmp_path: Path) -> None:
        zipped(tmp_path / "x", ("uu", FILE, b""), ("vv", FILE, b""))
        (tmp_path / "x").write_bytes((tmp_path / "x").read_bytes().replace(b"uu", "ü".encode()))
        assert {"ü", "vv"} == {path.name for path in unpack(tmp_path / "x").iterdir()}

    @pytest.mark.parametrize(
        ("names", "kept"),
        [
            (["d/a", "d/b"], ["a", "b"]),
            (["./d/a", "./d/b"], ["a", "b"]),
            (["a"], ["a"]),
            (["d/a", "b"], ["b", "d"]),
            (["d/e/a"], ["e"]),
        ],
    )
    def test_a_single_directory_at_the_top_is_not_kept(self, names: list[str], kept: list[str], tmp_path: Path) -> None:
        code = unpack(tar(tmp_path / "x", *((name, FILE, b"") for name in names)))
        assert kept == sorted(path.name for path in code.iterdir())

    def test_a_hard_link_becomes_a_file(self, tmp_path: Path) -> None:
        code = unpack(tar(tmp_path / "x", ("a", PROGRAM, b"two"), special("b", tarfile.LNKTYPE, "a")))
        assert {"a": "755 two", "b": "755 two"} == listing(code)
        assert 1 == (code / "a").stat().st_nlink

    @pytest.mark.parametrize(
        "content", [b"", b"no archive", b"\x1f\x8b\x08\x00 broken", b"PK\x03\x04 broken", b"BZh9 broken"]
    )
    def test_what_is_none_says_so(self, content: bytes, tmp_path: Path) -> None:
        (tmp_path / "x").write_bytes(content)
        with pytest.raises(SourceError, match=r"cannot be unpacked .*tar\.gz.*zip can"):
            unpack(tmp_path / "x")

    def test_one_that_is_cut_off_says_so(self, tmp_path: Path) -> None:
        tar(tmp_path / "x", ("a", FILE, os.urandom(100_000)))
        (tmp_path / "x").write_bytes((tmp_path / "x").read_bytes()[:50_000])
        with pytest.raises(SourceError, match="cannot be unpacked"):
            unpack(tmp_path / "x")


REFUSED: list[tuple[list[Member], str]] = [
    ([("/etc/x", FILE, b"")], "outside of its directory"),
    ([("../x", FILE, b"")], "outside of its directory"),
    ([("d/../../x", FILE, b"")], "outside of its directory"),
    ([("l", LINK, "/etc/passwd")], "a link to '/etc/passwd', outside"),
    ([("d/l", LINK, "../../x")], "a link to .*outside"),
    ([("l", LINK, "d"), ("l/x", FILE, b"")], "'l' is in the archive twice"),
    ([("l", LINK, "."), ("l", FILE, b"")], "'l' is in the archive twice"),
    ([("a", FILE, b""), ("a", FILE, b"")], "'a' is in the archive twice"),
    ([("a", FILE, b""), ("a/b", FILE, b"")], "a file or a link where its directory is to be"),
    ([("a", stat.S_IFREG | 0o4755, b"")], "'a' in the archive is set-user-id"),
    ([("a", stat.S_IFREG | 0o2755, b"")], "'a' in the archive is set-user-id"),
]


class TestRefused:
    @pytest.mark.parametrize("make", [tar, zipped])
    @pytest.mark.parametrize(("members", "why"), REFUSED)
    @pytest.mark.filterwarnings("ignore:Duplicate name")
    def test_what_reaches_outside_or_is_no_code(
        self, make: Callable[..., Path], members: list[Member], why: str, tmp_path: Path
    ) -> None:
        before = set(tmp_path.parent.iterdir())
        with pytest.raises(SourceError, match=why):
            unpack(make(tmp_path / "x", *members))
        assert not (tmp_path / "scratch" / "code").exists()
        assert before == set(tmp_path.parent.iterdir())

    @pytest.mark.parametrize("kind", [tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE])
    def test_a_device_in_a_tar(self, kind: bytes, tmp_path: Path) -> None:
        with pytest.raises(SourceError, match="'it' in the archive is a device or pipe"):
            unpack(tar(tmp_path / "x", special("it", kind)))

    def test_a_device_in_a_zip(self, tmp_path: Path) -> None:
        with pytest.raises(SourceError, match="'it' in the archive is a device or pipe"):
            unpack(zipped(tmp_path / "x", ("it", stat.S_IFCHR | 0o644, b"")))

    @pytest.mark.parametrize("target", ["/etc/passwd", "../x", "none", "l"])
    def test_a_hard_link_to_anything_but_a_file_in_it(self, target: str, tmp_path: Path) -> None:
        with pytest.raises(SourceError, match=r"hard link to|outside of its directory"):
            unpack(tar(tmp_path / "x", ("l", LINK, "a"), special("b", tarfile.LNKTYPE, target), ("a", FILE, b"")))

    def test_an_encrypted_zip(self, tmp_path: Path) -> None:
        path = zipped(tmp_path / "x", ("it", FILE, b"content"))
        content = bytearray(path.read_bytes())
        content[content.index(b"PK\x01\x02") + 8] |= 1
        path.write_bytes(content)
        with pytest.raises(SourceError, match="'it' in the archive is encrypted"):
            unpack(path)

    def test_a_bomb(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(target, "MOST_BYTES", 1 << 30)
        monkeypatch.setattr(target, "MOST_NAMES", 3)
        with pytest.raises(SourceError, match="holds more than 3 names"):
            unpack(tar(tmp_path / "x", *((name, FILE, b"") for name in "abcd")))
        shutil.rmtree(tmp_path / "scratch")
        monkeypatch.setattr(target, "MOST_BYTES", 1000)
        with pytest.raises(SourceError, match="holds more than 0 GiB"):
            unpack(tar(tmp_path / "x", ("a", FILE, b"0" * 1001)))


CONTENT = b"an archive"
SUM = hashlib.sha256(CONTENT).hexdigest()


class Web(BaseHTTPRequestHandler):
    asked: list[tuple[str, str | None]]

    def do_GET(self) -> None:
        self.asked.append((self.path, self.headers.get("Authorization")))
        places = {"/file": "file:///etc/passwd", "/ftp": "ftp://127.0.0.1/x", "/again": "/archive"}
        if self.path in places:
            self.send_response(302)
            self.send_header("Location", places[self.path])
            self.end_headers()
            return
        self.send_response(200 if self.path.startswith("/archive") else 404)
        self.end_headers()
        self.wfile.write(CONTENT)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the name is the base class's
        """Say nothing."""


@pytest.fixture
def web() -> Iterator[ThreadingHTTPServer]:
    handler = type("Handler", (Web,), {"asked": []})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()


def at(web: ThreadingHTTPServer, path: str, who: str = "") -> address.Address:
    return address.parse(f"http://{who}127.0.0.1:{web.server_port}{path}")


class TestDownloads:
    def test_one_is_got_once(self, web: ThreadingHTTPServer, tmp_path: Path) -> None:
        for _ in range(2):
            assert CONTENT == downloads.download(at(web, "/archive?token=t"), SUM, tmp_path / "cache").read_bytes()
        assert 1 == len(web.RequestHandlerClass.asked)  # type: ignore[attr-defined]

    def test_a_damaged_one_is_got_again(self, web: ThreadingHTTPServer, tmp_path: Path) -> None:
        downloads.download(at(web, "/archive"), SUM, tmp_path).write_bytes(b"damaged")
        assert CONTENT == downloads.download(at(web, "/archive"), SUM, tmp_path).read_bytes()

    def test_another_checksum_is_refused_with_both(self, web: ThreadingHTTPServer, tmp_path: Path) -> None:
        with pytest.raises(
            SourceError, match=f"has the checksum sha256:{SUM}, not sha256:{'0' * 64}; it was not unpacked"
        ):
            downloads.download(at(web, "/archive?token=secret"), "0" * 64, tmp_path)
        assert [] == list(tmp_path.iterdir())

    def test_a_password_goes_to_its_own_host_in_a_header(self, web: ThreadingHTTPServer, tmp_path: Path) -> None:
        downloads.download(at(web, "/again", "me:p%40ss@"), SUM, tmp_path)
        assert [("/again", "Basic bWU6cEBzcw=="), ("/archive", None)] == web.RequestHandlerClass.asked  # type: ignore[attr-defined]

    @pytest.mark.parametrize(
        ("path", "why"), [("/none", "answers 404"), ("/file", "answers 302"), ("/ftp", "redirects from http to ftp")]
    )
    def test_what_cannot_be_got_says_why_without_a_secret(
        self, path: str, why: str, web: ThreadingHTTPServer, tmp_path: Path
    ) -> None:
        with pytest.raises(Unreachable, match=why) as caught:
            downloads.download(at(web, f"{path}", "me:hunter22@"), SUM, tmp_path)
        assert "hunter22" not in str(caught.value)

    def test_nobody_there(self, web: ThreadingHTTPServer, tmp_path: Path) -> None:
        with pytest.raises(Unreachable, match=r"http://127\.0\.0\.1:1/x cannot be got \(.*refused"):
            downloads.download(address.parse("http://127.0.0.1:1/x?token=t"), SUM, tmp_path)

    def test_too_much_is_too_much(
        self, web: ThreadingHTTPServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(downloads, "MOST_BYTES", 5)
        with pytest.raises(SourceError, match="gives more than 0 GiB"):
            downloads.download(at(web, "/archive"), SUM, tmp_path)
        assert [] == list(tmp_path.iterdir())

    def test_the_oldest_go(self, web: ThreadingHTTPServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(downloads, "KEPT", 2)
        for index in range(3):
            (tmp_path / f"old{index}").touch()
            os.utime(tmp_path / f"old{index}", (index, index))
        downloads.download(at(web, "/archive"), SUM, tmp_path)
        assert {SUM, "old2"} == {path.name for path in tmp_path.iterdir()}
