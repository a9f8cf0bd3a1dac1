"""Where everything is: paths, and the names of databases, accounts and users.

Pure functions of declared names. The paths are the handbook's, the same on the hub and on every server. A name that is
derived from a site's has two parts. The first part is for people: readable, and cut to length. The second part is a
digest of the whole name, which tells sites apart. The digest is always there, so that no name depends on which other
sites exist.
"""

from __future__ import annotations

import base64
import hashlib
import posixpath
import re
from typing import Final

AEGIR_ROOT: Final = "/var/aegir"
CONFIG_ROOT: Final = "/var/aegir/config"
PLATFORMS_ROOT: Final = "/var/aegir/platforms"
RELEASES: Final = ".releases"
SITES: Final = ".sites"
SOCKET_ROOT: Final = "/run/php"
WEB_APPLICATIONS: Final = {"apache": "apache", "apache_ssl": "apache", "nginx": "nginx", "nginx_ssl": "nginx"}
"""The name that Aegir's files use for each type of web service: TLS or not, it is the same program."""

RELEASE_DIGEST_LENGTH: Final = 16
"""How many characters of a release's digest its directory bears."""
LONGEST_DATABASE_NAME: Final = 42
"""MySQL has room for 64 characters, and in a GRANT each underscore, a wildcard otherwise, is two (error 1102)."""
LONGEST_ACCOUNT_NAME: Final = 32
LONGEST_SYSTEM_USER: Final = 32
LONGEST_FILE_NAME: Final = 200
"""Linux allows 255 bytes; what is written beside a file (temporary, rotated) has a longer name."""

_HASH_LENGTH: Final = 10
"""Of base 32, so 50 bits: two of 10,000 sites with equal readable parts share a name once in 20 million."""


def publish_root(publish_path: str) -> str:
    """Name the directory that a publish path is in, which also holds releases and site data."""
    return posixpath.dirname(publish_path)


def releases_directory(publish_path: str) -> str:
    """Name the directory with all releases of a platform."""
    return f"{publish_root(publish_path)}/{RELEASES}/{posixpath.basename(publish_path)}"


def release_path(publish_path: str, digest: str) -> str:
    """Name the directory of one release, which the publish path links to while it is live."""
    if not re.fullmatch(rf"[0-9a-f]{{{RELEASE_DIGEST_LENGTH},}}", digest):
        raise ValueError(f"a release digest has at least {RELEASE_DIGEST_LENGTH} hexadecimal digits")
    return f"{releases_directory(publish_path)}/{digest[:RELEASE_DIGEST_LENGTH]}"


def site_directory(root: str, site: str) -> str:
    """Name the directory with all data of a site, outside of the releases.

    Args:
        root: The publish root of the site's platform.
        site: The site's name, in ASCII.
    """
    return f"{root}/{SITES}/{file_name(site)}"


def site_linked(root: str, site: str) -> str:
    """Name the directory that each release links to as its own ``sites/<site>``."""
    return f"{site_directory(root, site)}/site"


def site_files(root: str, site: str) -> str:
    """Name the directory of uploads that visitors may fetch."""
    return f"{site_linked(root, site)}/files"


def site_private(root: str, site: str) -> str:
    """Name the directory of uploads that only the application hands out."""
    return f"{site_directory(root, site)}/private"


def site_temporary(root: str, site: str) -> str:
    """Name the directory of a site's temporary files."""
    return f"{site_directory(root, site)}/tmp"  # noqa: S108  a directory of the site's own


def web_main(web: str) -> str:
    """Name the file that a web server includes and that includes all the rest."""
    return f"{CONFIG_ROOT}/{WEB_APPLICATIONS[web]}.conf"


def web_directory(web: str, part: str) -> str:
    """Name one of Aegir's directories of a web server: ``pre``, ``platform``, ``vhost``, ``post``."""
    return f"{CONFIG_ROOT}/{WEB_APPLICATIONS[web]}/{part}.d"


def vhost_path(web: str, site: str) -> str:
    """Name the file with a site's vhost.

    Args:
        web: The type of the web service; the ones with TLS share the directory of those without.
        site: The site's name, in ASCII.
    """
    return f"{web_directory(web, 'vhost')}/{file_name(site)}.conf"


def platform_path(web: str, platform: str) -> str:
    """Name the file that tells a web server which release of a platform is live."""
    return f"{web_directory(web, 'platform')}/{platform}.conf"


def database_name(site: str) -> str:
    """Name a site's database, of ``[a-z0-9_]``.

    >>> database_name("www.example.com")
    'www_example_com_qd6a7ojgnw'
    """
    return _derived(site, LONGEST_DATABASE_NAME, "_")


def account_name(site: str) -> str:
    """Name a site's database account: 32 characters at most, which is MySQL's limit."""
    return _derived(site, LONGEST_ACCOUNT_NAME, "_")


def account_names(site: str) -> tuple[str, str]:
    """Name the two accounts that a site's database has by turns: while its password changes, both let in.

    The second one's ending is shorter than a digest, so that it is no other site's first one.
    """
    return account_name(site), f"{_derived(site, LONGEST_ACCOUNT_NAME - 2, '_')}_b"


def copy_name(site: str) -> str:
    """Name the copy of a site's database on which an update is tried. Short: GRANT doubles each underscore of a name."""
    return f"aegirnew_{_digest(site)}"


def before_name(site: str) -> str:
    """Name the database that a site had before its last update."""
    return f"aegirold_{_digest(site)}"


def update_account(site: str) -> str:
    """Name the account of an update's programs, which is let into the copy alone."""
    return f"aegirnew_{_digest(site)}"


def system_user(site: str) -> str:
    """Name the Linux user that a site's PHP runs as."""
    return "site-" + _derived(site, LONGEST_SYSTEM_USER - len("site-"), "-")


def pool_socket(site: str, version: str = "") -> str:
    """Name the socket of a site's PHP-FPM pool: another one for each version, so that both serve while it changes."""
    return f"{SOCKET_ROOT}/{system_user(site)}{f'.{version}' if version else ''}.sock"


def process_socket(site: str) -> str:
    """Name the socket of a site's own PHP-FPM master: another one than its pool's, so that both serve while it changes."""
    return f"{SOCKET_ROOT}/{system_user(site)}.own.sock"


def file_name(site: str) -> str:
    """Name a file or directory after a site: its own name, unless that leaves no room for a suffix."""
    if len(site) <= LONGEST_FILE_NAME:
        return site
    # A plus sign is in no host name, so that no other site can be named like this; a tilde has a meaning in PHP's ini files.
    end = "+" + _digest(site)
    return site[: LONGEST_FILE_NAME - len(end)] + end


def _derived(site: str, longest: int, separator: str) -> str:
    digest = _digest(site)
    readable = re.sub(r"[^a-z0-9]+", separator, site.lower()).strip(separator)
    readable = readable[: longest - len(digest) - 1].rstrip(separator)
    return f"{readable}{separator}{digest}" if readable else digest


def _digest(text: str) -> str:
    sha = hashlib.sha256(text.encode()).digest()
    return base64.b32encode(sha).decode("ascii").lower()[:_HASH_LENGTH]


AEGIR_USER: Final = "aegir"
"""The handbook's account, on every server."""
POOL_DIRECTORY: Final = f"{CONFIG_ROOT}/php-fpm/pool.d"
REGISTRY_ROOT: Final = f"{CONFIG_ROOT}/sites.d"
"""Which sites are on which platform, so that a new release gets links to all of them."""
STATE_ROOT: Final = "/var/lib/aegir"
"""What the machine itself keeps: what an interrupted change has to undo, certificate challenges."""
PHP_RECORDS: Final = f"{STATE_ROOT}/php-of"
MAIL_REDIRECT: Final = f"{STATE_ROOT}/redirect-mail"
ACME_ROOT: Final = f"{STATE_ROOT}/acme"
"""What is answered below ``/.well-known/acme-challenge/``, for every name."""
PAGES_ROOT: Final = f"{STATE_ROOT}/pages"
"""Pages that the web server shows by itself."""
LOG_ROOT: Final = "/var/log/aegir"


def certificate_directory(site: str) -> str:
    """Name the directory on a web server with a site's certificate and key."""
    return f"{CONFIG_ROOT}/ssl.d/{file_name(site)}"


def platform_registry(platform: str) -> str:
    """Name the directory with a file for each site of a platform."""
    return f"{REGISTRY_ROOT}/{platform}"


def platform_variable(platform: str) -> str:
    """Name the variable of Apache and nginx that holds the live document root of a platform.

    Platform names may differ in punctuation only, hence the digest.
    """
    return f"AEGIR_{re.sub(r'[^a-z0-9]', '_', platform.lower())}_{_digest(platform)[:6]}"


def held_variable(site: str) -> str:
    """Name the variable of Apache that holds the document root of a site that is held back."""
    return f"AEGIR_HELD_{re.sub(r'[^a-z0-9]', '_', system_user(site))}"


def root_variable(site: str) -> str:
    """Name the variable of Apache that holds the document root of a site."""
    return f"AEGIR_ROOT_{re.sub(r'[^a-z0-9]', '_', system_user(site))}"


def held_file(site: str) -> str:
    """Name the file on a web server that tells programs the document root of a site that is held back."""
    return f"{STATE_ROOT}/held/{system_user(site)}.env"


def site_php_ini(site: str) -> str:
    """Name the directory with values of php.ini for a site's programs on a command line; its pool has them itself."""
    return f"{STATE_ROOT}/php-ini/{system_user(site)}"


def closed_file(site: str) -> str:
    """Name the file on a web server that makes its site answer 503 for as long as the file exists.

    The name with a key at its end is the door for whoever has the key.
    """
    return f"{STATE_ROOT}/closed/{file_name(site)}"


def updating_file(site: str) -> str:
    """Name the file on a web server while which is there the site's visitors wait and its programs rest."""
    return f"{STATE_ROOT}/updating/{file_name(site)}"


def pool_directory(version: str = "") -> str:
    """Name the directory of the pools that take a version of PHP, or of those that take the machine's usual one."""
    return f"{CONFIG_ROOT}/php-fpm/pool-{version}.d" if version else POOL_DIRECTORY


def pool_path(site: str, version: str = "") -> str:
    """Name the file with a site's PHP-FPM pool."""
    return f"{pool_directory(version)}/{file_name(site)}.conf"


def php_record(site: str) -> str:
    """Name the file on a web server with the version of PHP that a site takes, where it is not the usual one."""
    return f"{PHP_RECORDS}/{system_user(site)}"


def site_log(site: str) -> str:
    """Name a site's logs, without ``.access.log`` and ``.error.log``."""
    return f"{LOG_ROOT}/{file_name(site)}"


def site_configuration(root: str, site: str) -> str:
    """Name the directory that Drupal exports a site's configuration to."""
    return f"{site_directory(root, site)}/config"


def database_authority(address: str) -> str:
    """Name the file on a web server with the authority of a database's certificate."""
    return f"{STATE_ROOT}/database-ca/{address}.crt"


def uploads_mount(cluster: str) -> str:
    """Name the directory that a cluster's export of uploads is mounted on."""
    return f"{AEGIR_ROOT}/uploads/{cluster}"


def uploads_directory(base: str, site: str) -> str:
    """Name a site's directory below the shared one."""
    return f"{base}/{file_name(site)}"


NFS_ROOT: Final = "/var/aegir/nfs"
"""Where a machine beside a pack has what it exports."""


def pack_mount(pack: str, *, code: bool) -> str:
    """Name the directory that a pack's members share: with the code, or with the uploads only."""
    return PLATFORMS_ROOT if code else uploads_mount(pack)


def pack_export(pack: str, *, code: bool, member: bool) -> str:
    """Name the directory that is exported: by the master, whose own it is, or by a machine beside the pack."""
    return pack_mount(pack, code=code) if member else f"{NFS_ROOT}/{pack}"
