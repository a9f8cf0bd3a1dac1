"""What a web server does with an application's addresses: one source, from which the vhosts of both web servers are written.

The reference is the ``.htaccess`` that the application's core brings. ``tests/integration/addresses.py`` has the table
of addresses that both are compared by, and the reason beside each row where they differ.

All patterns are PCRE, as Apache and nginx read them, without anchors at their ends where the field says so.
"""

from __future__ import annotations

from dataclasses import dataclass

HIDDEN = r"^/\.(?!well-known/)|./\."
"""Addresses with a part that begins with a dot, which core denies whether the file exists or not."""

PHP = r"\.(?:php\d?|phtml|phar|phps|pht)"
"""File name extensions that some PHP runs."""

_BACKUP = r"~|\.sw[op]|\.bak|\.orig|\.save"

LEFTOVERS = (
    # Dumps, whatever they are packed with.
    r"[^/]*\.(?:[^./]*sql|dump|sqlite3?)(?:\.[a-z0-9]{1,4}){0,2}"
    # Keys and credentials.
    r"|[^/]*\.(?:key|pem|p12|pfx|ppk|jks|kdbx|htpasswd)|id_(?:rsa|dsa|ecdsa|ed25519)(?:\.pub)?"
    # Logs and settings of programs.
    r"|error_log|[^/]*\.log(?:\.\d+)?(?:\.gz)?|[^/]*\.(?:ini|cfg|conf|env|ya?ml|neon|toml|lock|dist)"
    r"|(?:auth|composer|package|package-lock)\.json|composer\.phar|web\.config|phpunit\.xml|dockerfile|makefile|vagrantfile"
    # Copies that editors and people leave, of PHP files above all.
    r"|[^/]*(?:~|\.sw[a-z]|\.bak|\.back(?:up)?|\.old|\.orig|\.rej|\.save|\.patch|\.diff)"
    r"|[^/]*\.php\d?(?:[-_][^/]*|\.(?:\d+|txt|dist|sample|tmp|gz|zip))"
)
"""Names of files that are left over in code bases, in any case. Uploads may have such names: a talk in ``.key``, say."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Addresses:
    """What is served, what runs and what is denied."""

    names: str
    """Names of files that core denies, in uploads too, as the whole name; where the directory exists, the file need not."""
    closed: str
    """Addresses of files and directories that are denied where they exist; otherwise they are the application's pages."""
    runs: str
    """Addresses of the PHP that runs; other PHP that exists is denied."""
    former: str
    """Where the application has uploads when it is alone in its code base; there a site's own are served, too."""
    years: bool = False
    """Whether browsers may keep a static file for a year; see ``weeks``."""
    weeks: int = 0
    """For how many weeks browsers may keep a static file; 0 says nothing about it."""
    network: str = ""
    """What each directory of a network has as the document root has it, from its second part on; empty without networks."""
    icon: bool = False
    """Whether a missing ``/favicon.ico`` is a plain 404, and not the application's page."""

    @property
    def expires(self) -> int:
        """Seconds for which browsers may keep a static file; 0 says nothing about it."""
        return 365 * 86400 if self.years else self.weeks * 7 * 86400

    @property
    def text(self) -> str:
        """All of it that vhosts hold, for a digest."""
        # Without what most have not, so that a state of before is the same.
        return repr(self).replace("network='', ", "") + f" {HIDDEN} {PHP} {LEFTOVERS}"


LISTED = r"Entries[^/]*|Repository|Root|Tag|Template"
"""Whole names that the core of each Drupal denies, and of what came of it."""


def core_names(extensions: str, names: str = r"|composer\.(?:json|lock)|web\.config") -> str:
    """Write Drupal's ``FilesMatch`` as a pattern of the whole name.

    Args:
        extensions: what core lists, separated by ``|``.
        names: what core lists beside these names.
    """
    return rf"[^/]*\.(?:{extensions})(?:{_BACKUP})?|{LISTED}{names}|#[^/]*#|[^/]*\.php(?:{_BACKUP})"
