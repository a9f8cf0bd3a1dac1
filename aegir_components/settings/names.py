"""Checks of single names, paths and texts. Each returns what machines use, or raises :class:`Wrong`."""

from __future__ import annotations

import base64
import binascii
import ipaddress
import posixpath
import re
import struct
import unicodedata
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

import idna

from aegir_components.messages import AegirError, around, numbered

from .wording import listed, quoted, visible

LONGEST_HOST_NAME: Final = 253
LONGEST_LABEL: Final = 63
LONGEST_PLATFORM_NAME: Final = 64
LONGEST_PATH: Final = 1024
LONGEST_MAIL: Final = 254
LONGEST_TEXT: Final = 255
KEY_TYPES: Final = (
    "ssh-ed25519",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
    "ssh-rsa",
    "sk-ssh-ed25519@openssh.com",
    "sk-ecdsa-sha2-nistp256@openssh.com",
)


class Wrong(AegirError, ValueError):
    """A value is refused: ``reason`` quotes nothing of it, ``detail`` may."""

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(around(reason, reason + detail))
        self.reason, self.detail = reason, detail

    @property
    def text(self) -> str:
        """The reason with the detail, and with its number."""
        return around(self.reason, self.reason + self.detail)


class WrongForm(Wrong):
    """A value has another form than it has to have: ``reason`` says which ("must be …")."""


@dataclass(frozen=True, slots=True)
class Check:
    """A check of a text, with the accepted form for messages about values that are no text at all."""

    run: Callable[[str], str]
    wanted: str
    """The accepted form, with an example: after "must be"."""

    def __call__(self, text: str) -> str:
        """Return the text as machines use it, or raise :class:`Wrong`."""
        return self.run(text)


def wanted(form: str) -> Callable[[Callable[[str], str]], Check]:
    """Make a check of a function.

    Args:
        form: the accepted form, with an example.
    """
    return lambda run: Check(run, form)


def reference(kind: str, words: Iterable[str]) -> Check:
    """Make a check of a name that has to be declared elsewhere; for values that are no text at all."""
    every = set(words)
    form = f"the name of a {kind} (known: {listed(every)})"

    def run(text: str) -> str:
        if text not in every:
            raise WrongForm(numbered(1015, f"must be {form}"), f", not {quoted(text)}")
        return text

    return Check(run, form)


@dataclass(frozen=True, kw_only=True, slots=True)
class HostName:
    """One host name for machines and for people."""

    ascii: str
    display: str


def host_name(text: str, *, dotted: bool = True) -> HostName:
    """Check a host name, internationalised ones too.

    Args:
        text: The name as declared.
        dotted: Whether a name of a single label is refused.
    """
    _refuse_what_is_more_than_a_name(text)
    # UTS 46 maps compatibility characters (full-width letters, the ideographic full stop) as browsers do.
    try:
        mapped = text if text.isascii() else idna.uts46_remap(text, std3_rules=True, transitional=False)
        labels = [_ascii_label(label) for label in mapped.split(".")]
    except idna.IDNAError as error:
        raise Wrong(numbered(1040, "is no valid internationalised host name"), f": {visible(str(error))}") from None
    name = ".".join(labels)
    if len(name) > LONGEST_HOST_NAME:
        raise Wrong(numbered(1040, f"must have at most {LONGEST_HOST_NAME} characters, not {len(name)}"))
    if name == "localhost":
        raise Wrong(numbered(1040, 'must not be "localhost", which each machine takes for itself'))
    if labels[-1].isdigit():
        raise Wrong(numbered(1040, "must not end with a number as its last label"))
    if dotted and len(labels) == 1:
        raise Wrong(
            numbered(1040, "must have a dot"), f"; write the full name, such as {quoted(name + '.example.com')}"
        )
    return HostName(ascii=name, display=".".join(_display_label(label) for label in labels))


@wanted("a host name, such as www.example.com")
def site_name(text: str) -> str:
    """Check the host name of a site, and give it as machines use it."""
    return host_name(text).ascii


@wanted("a server's host name, such as web1.example.com")
def server_name(text: str) -> str:
    """Check a server's host name, which has to be in ASCII already and may be of one label."""
    name = host_name(text, dotted=False).ascii
    if name != text:
        raise WrongForm(numbered(1040, "must be in ASCII"), f"; write {quoted(name)}")
    return name


@wanted("a name of lower-case letters, digits, ., _ and -, such as drupal-10")
def platform_name(text: str) -> str:
    """Check a platform's name, which becomes a directory."""
    if len(text) > LONGEST_PLATFORM_NAME:
        raise Wrong(numbered(1033, f"must have at most {LONGEST_PLATFORM_NAME} characters, not {len(text)}"))
    if "/" in text or ".." in text:
        raise Wrong(numbered(1033, 'must not contain "/" or ".."'))
    if not re.fullmatch(r"[a-z0-9][a-z0-9._-]*", text):
        raise WrongForm(
            numbered(1033, 'must be lower-case letters, digits, ".", "_" and "-", and begin with a letter or digit')
        )
    return text


@wanted("an absolute path, such as /srv/src/drupal-10")
def absolute_path(text: str) -> str:
    """Check a path of any file or directory but the root directory."""
    if any(unicodedata.category(character) in ("Cc", "Cs") for character in text):
        raise Wrong(numbered(1010, "must not contain line breaks or other control characters"))
    if not text.startswith("/"):
        raise WrongForm(numbered(1030, "must be an absolute path"), f", not {quoted(text)}")
    parts = text.split("/")
    if ".." in parts:
        raise Wrong(numbered(1030, 'must not contain ".."'))
    plain = "/" + posixpath.normpath(text).lstrip("/")
    if plain == "/":
        raise Wrong(numbered(1030, "must not be the root directory"))
    if plain != text:
        raise WrongForm(numbered(1030, "must be normalised"), f"; write {quoted(plain)}")
    size = len(text.encode())
    if size > LONGEST_PATH:
        raise Wrong(numbered(1030, f"must have at most {LONGEST_PATH} bytes, not {size}"))
    if max(len(part.encode()) for part in parts) > 255:
        raise Wrong(numbered(1030, "must not have a file or directory name of more than 255 bytes"))
    return text


@wanted("an absolute path, such as /var/aegir")
def plain_path(text: str) -> str:
    """Check a path that configuration files quote: no character that any of them could take for its own."""
    path = absolute_path(text)
    if not re.fullmatch(r"[A-Za-z0-9._/+-]+", path):
        raise WrongForm(numbered(1030, 'must be of ASCII letters, digits, "/", ".", "_", "+" and "-" only'))
    return path


@wanted("an IP address, such as 10.0.0.5")
def ip_address(text: str) -> str:
    """Check the address of one machine."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        raise WrongForm(numbered(1041, "must be an IP address"), f", not {quoted(text)}") from None
    if address.is_unspecified or address.is_multicast or "%" in text or text == "255.255.255.255":
        raise WrongForm(numbered(1041, "must be the address of one machine"), f", not {quoted(text)}")
    return str(address)


@wanted("an IP address or a host name, such as 10.0.0.5")
def address_or_name(text: str) -> str:
    """Check what a client connects to: an address, a host name, or ``localhost``, which only some may use."""
    if text == "localhost":
        return text
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return host_name(text, dotted=False).ascii
    return ip_address(text)


@wanted("a public key (ssh-ed25519 AAAA…) or its SHA-256 fingerprint (SHA256:…)")
def host_key(text: str) -> str:
    """Check a public key or the SHA-256 fingerprint of one; a comment at its end is dropped."""
    if re.fullmatch(r"SHA256:[A-Za-z0-9+/]{43}=?", text):
        return text.rstrip("=")
    words = text.split()
    if len(words) > 2 and words[1] in KEY_TYPES:
        raise Wrong(numbered(1044, "must begin with the type of the key; leave the host name in front of it out"))
    if len(words) < 2 or words[0] not in KEY_TYPES or "\n" in text.strip():
        raise WrongForm(
            numbered(1044, 'must be a public key ("ssh-ed25519 AAAA…") or its SHA-256 fingerprint ("SHA256:…")')
        )
    try:
        blob = base64.b64decode(words[1], validate=True)
    except binascii.Error:
        blob = b""
    if not blob.startswith(struct.pack(">I", len(words[0])) + words[0].encode()) or len(blob) < 40:
        raise Wrong(numbered(1044, "is cut off or damaged; copy the whole line of the key"))
    return f"{words[0]} {words[1]}"


def matching(pattern: str, longest: int, wanted: str) -> Checker:
    """Make a check by regular expression."""
    return Checker(re.compile(pattern), longest, wanted)


@dataclass(frozen=True, slots=True)
class Checker:
    """A check of a short text, by regular expression and length."""

    pattern: re.Pattern[str]
    longest: int
    wanted: str

    def __call__(self, text: str) -> str:
        """Return the text, or say what is wrong with it."""
        if len(text) > self.longest:
            raise Wrong(numbered(1011, f"must have at most {self.longest} characters, not {len(text)}"))
        if not self.pattern.fullmatch(text):
            raise WrongForm(numbered(1012, f"must be {self.wanted}"), f", not {quoted(text)}")
        return text


@wanted("a text of one line")
def free_text(text: str) -> str:
    """Check a text for people: any character but those that control."""
    if any(unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp") for character in text):
        raise Wrong(numbered(1010, "must not contain line breaks or other control characters"))
    if not text.strip():
        raise Wrong(numbered(1004, "must not be blank"))
    if len(text) > LONGEST_TEXT:
        raise Wrong(numbered(1011, f"must have at most {LONGEST_TEXT} characters, not {len(text)}"))
    return text


def in_ascii(name: str) -> str:
    """Give a host name as machines and the state have it; what is no host name stays."""
    try:
        return host_name(name).ascii
    except Wrong:
        return name


@wanted("a mail address, such as admin@example.com")
def mail_address(text: str) -> str:
    """Check a mail address as far as a mistake can be told from it."""
    local, at, domain = text.rpartition("@")
    if not at or not re.fullmatch(r"[A-Za-z0-9_%+'-]+(\.[A-Za-z0-9_%+'-]+)*", local):
        raise WrongForm(numbered(1043, "must be a mail address, such as admin@example.com"), f"; not {quoted(text)}")
    if len(local) > 64 or len(text) > LONGEST_MAIL:
        raise Wrong(numbered(1043, f"must have at most {LONGEST_MAIL} characters, and 64 before the @"))
    try:
        name = host_name(domain.lower()).ascii
    except Wrong as wrong:
        raise Wrong(numbered(1043, f"the part after the @ {wrong.reason}"), wrong.detail) from None
    if not domain.isascii():
        raise WrongForm(numbered(1040, "must be in ASCII"), f"; write {quoted(f'{local}@{name}')}")
    return text


def _refuse_what_is_more_than_a_name(text: str) -> None:
    if any(character.isspace() or unicodedata.category(character)[0] == "C" for character in text):
        raise Wrong(numbered(1040, "must not contain spaces or control characters"))
    if not text:
        raise Wrong(numbered(1004, "must not be empty"))
    if "://" in text:
        scheme = quoted(text.partition("://")[0] + "://")
        raise WrongForm(numbered(1040, "must be a host name without a scheme"), f"; leave {scheme} out")
    if "/" in text:
        raise WrongForm(
            numbered(1040, "must be a host name without a path"), f"; write {quoted(text.partition('/')[0])}"
        )
    if "*" in text:
        raise Wrong(numbered(1040, "must not be a wildcard; write each name"))
    try:
        ipaddress.ip_address(text.strip("[]"))
    except ValueError:
        pass
    else:
        raise WrongForm(numbered(1040, "must be a host name, not an IP address"))
    if ":" in text:
        raise WrongForm(
            numbered(1040, "must be a host name without a port"), f"; write {quoted(text.partition(':')[0])}"
        )
    if text.endswith("."):
        raise Wrong(numbered(1040, "must not end with a dot"), f"; write {quoted(text.rstrip('.'))}")
    if "_" in text:
        raise Wrong(numbered(1040, "must not contain an underscore, which host names cannot have"))
    if text != text.lower():
        raise WrongForm(numbered(1040, "must be in lower case"), f"; write {quoted(text.lower())}")


def _ascii_label(label: str) -> str:
    if not label:
        raise Wrong(numbered(1040, "must not have an empty label (a dot in front, or two dots together)"))
    if label[0] == "-" or label[-1] == "-":
        raise Wrong(
            numbered(1040, "must not have a label that begins or ends with a hyphen"), f", such as {quoted(label)}"
        )
    size = len(label) if label.isascii() else len(label.encode("punycode")) + len("xn--")
    if size > LONGEST_LABEL:
        reason = numbered(1040, f"must not have a label of more than {LONGEST_LABEL} characters")
        raise Wrong(reason, f"; {quoted(label)} has {size}")
    if not label.isascii():
        return idna.alabel(label).decode("ascii")
    if not re.fullmatch(r"[a-z0-9-]+", label):
        raise WrongForm(numbered(1040, 'must be of letters, digits, "-" and "."'), f"; {quoted(label)} is not")
    _display_label(label)
    return label


def _display_label(label: str) -> str:
    return idna.ulabel(label) if label.startswith("xn--") else label


@wanted("a shell command")
def command(text: str) -> str:
    """Check a shell command of the operator's: any text but an empty one or one with a NUL."""
    if not text.strip():
        raise Wrong(numbered(1004, "must not be empty"))
    if "\0" in text:
        raise Wrong(numbered(1010, "must not have a NUL byte"))
    return text
