"""Where a site's mail goes: what PHP is told, and the program that sends all of it to one address."""

from __future__ import annotations

import shlex
import subprocess
from pathlib import Path

import pytest

from aegir_components import layout
from aegir_components.deploy import mail

PROGRAM = Path(mail.__file__).parent / "tools" / "redirect-mail"
TEAM = "team@example.com"


def redirected(tmp_path: Path, message: str, *options: str, status: int = 0) -> tuple[str, list[str]]:
    """Send a message; give what the program that takes mail got, and its options."""
    taker = tmp_path / "taker"
    taker.write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" >{tmp_path}/options\ncat >{tmp_path}/got\nexit {status}\n')
    taker.chmod(0o755)
    by = f"{taker} -t".encode().hex()
    done = subprocess.run(
        ["/usr/bin/perl", "-T", PROGRAM, TEAM, by, "-t", "-i", *options], input=message.encode(), check=False
    )
    assert status == done.returncode
    return (tmp_path / "got").read_text(), (tmp_path / "options").read_text().split()


@pytest.mark.parametrize(
    ("header", "meant"),
    [
        ("To: a@example.org\n", "a@example.org"),
        ("to: A <a@example.org>,\n\tB <b@example.org>\nCC: c@x.org\n", "A <a@example.org>, B <b@example.org>, c@x.org"),
        ("To: a@example.org\r\nBcc: hidden@example.org\r\n", "a@example.org"),
        ("Resent-To: r@example.org\nResent-Bcc:\n hidden@example.org\nTo:\n", "r@example.org"),
        ("Bcc: hidden@example.org\n", ""),
        (f"To: {TEAM}\n", ""),
    ],
)  # fmt: skip
def test_a_mail_goes_to_one_address_whoever_it_was_for(tmp_path: Path, header: str, meant: str) -> None:
    end = "\r\n" if "\r" in header else "\n"
    body = "To: x@example.org\n.\nA line\n"
    got, options = redirected(tmp_path, f"{header}Subject: Hello{end}{end}{body}", "-fweb@example.org", "a@example.org")
    head, _, text = got.partition("\n\n")
    assert body == text
    lines = [line for line in head.replace("\r", "").splitlines() if not line.startswith("Subject")]
    assert [f"To: {TEAM}", *([f"X-Original-To: {meant}"] if meant else [])] == lines
    assert "Subject: Hello" in head
    assert ["-t", "-fweb@example.org"] == options


def test_the_status_of_the_program_that_takes_mail_is_its_own(tmp_path: Path) -> None:
    redirected(tmp_path, "To: a@example.org\n\nx\n", status=75)


@pytest.mark.parametrize("options", [(), ("no address",), ("-t",)])
def test_without_an_address_nothing_is_sent(options: tuple[str, ...]) -> None:
    done = subprocess.run(
        ["/usr/bin/perl", "-T", PROGRAM, *options], input=b"To: a@b\n\n", capture_output=True, check=False
    )
    assert done.returncode != 0
    assert b"no address" in done.stderr


def test_php_is_told_where_mail_goes() -> None:
    own = {"sendmail_path": "/usr/local/bin/relay -t", "precision": "14"}
    assert own == mail.values("on", own)
    assert "/bin/true -t -i" == mail.values("off", own)["sendmail_path"]
    program, address, by, *rest = shlex.split(mail.values("o'hara@example.com", own)["sendmail_path"])
    assert (layout.MAIL_REDIRECT, "o'hara@example.com", ["-t", "-i"]) == (program, address, rest)
    assert own["sendmail_path"] == bytes.fromhex(by).decode()
    assert "14" == mail.values("off", own)["precision"]


def test_programs_on_a_command_line_are_told_the_same() -> None:
    lines = "\n".join(mail.items("www.example.com", mail.values(TEAM, {})))
    assert f"{layout.site_php_ini('www.example.com')}/mail.ini" in lines
    assert layout.MAIL_REDIRECT in lines
    assert f":{layout.site_php_ini('www.example.com')}" == mail.environment("www.example.com")["PHP_INI_SCAN_DIR"]
    assert mail.removal_items("www.example.com") == mail.items("www.example.com", {})
