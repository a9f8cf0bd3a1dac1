"""Addresses of sites, what core's own ``.htaccess`` answers for them, and why ours answers otherwise where it does.

Each row is asked of a scratch host, Apache with ``AllowOverride All`` on the bare code base, and of both web servers of a
farm. PHP does not run its program there: it says which file it was given (``PROBE``). ``{files}`` is the uploads' directory.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

PROBE = """<?php
if (isset($_SERVER['HTTP_X_AEGIR_PROBE'])) {
  header('X-Aegir-Ran: ' . substr($_SERVER['SCRIPT_FILENAME'], strlen(rtrim(realpath($_SERVER['DOCUMENT_ROOT']), '/'))));
  exit;
}
"""
PLANTED = (
    "dump.sql", "dump.sql.gz", "dump.mysql.bz2", "site.sqlite", "backup.dump", "error_log", "debug.log", "php_errors.log",
    "server.key", "server.pem", "id_rsa", "id_ed25519.pub", "php.ini", "my.cnf.old", "app.conf", ".env", ".git/config",
    ".git/HEAD", ".htpasswd", ".user.ini", ".gitignore", ".well-known/security.txt", "doc/.hidden/x.txt", "index.php~",
    "index.php.bak", "index.php.swp", "index.php.orig", "index.php.save", "index.php.old", "index.php.1", "index.php.txt",
    "index.php_old", "notes.txt", "notes.txt~", "notes.txt.bak", "notes.txt.old", "doc/index.html", "doc/page.htm",
    "empty/nothing.here/x.txt", "Makefile", "Dockerfile", "docker-compose.yml", "app.yaml", "phpunit.xml.dist", "fix.patch",
    "fix.diff", "x.phtml", "x.phar", "x.php5", "tool.php", "sub/tool.php", "sub/index.php", "vendor/x.txt",
    "vendor/autoload.php", "node_modules/a/a.js", "private/x.txt", "a.png", "a.svg", "a.svgz", "a.woff2", "a.json", "a.xml",
    "package.json", "yarn.lock", "package-lock.json", "composer.json", "composer.lock", "composer.phar", "auth.json",
    "web.config", "Entries.Log", "Repository", "Root", "Tag", "Template", "#x#", "a.make", "a.inc", "a.install", "a.module",
    "a.profile", "a.po", "a.sh", "a.theme", "a.twig", "a.tpl", "a.tpl.php", "a.xtmpl", "a.yml", "a.engine", "a.info",
    "a.test", "a.YML", "a.yml~", "a.module.bak", "a.sql.orig", "scripts/a.txt", "my file.txt", "settings.local.php.swo",
    "Template.d/x.js", "google0123.html", "a.md", "INSTALL.txt", "CHANGELOG.txt", "README.md", "LICENSE.txt",
    "wp-content/themes/x/style.css", "cache.txt",
)  # fmt: skip
"""Files that the code bases get, on the scratch host as on the farm, where they have not got them."""
UPLOADED = (
    "a.txt", "a.png", "my file.txt", "a.key", "a.yml", "a.sql.gz", "a.sql", "a.info", "a.inc", "a.module", "error_log",
    "evil.php", "evil.PHP", "evil.phtml", "evil.phar", "evil.php5", "evil.php.txt", "evil.php.jpg", "sub/b.txt", "a.html",
    "doc/index.html", "a.pdf", "a.zip", "a.svg", ".hidden", ".dir/x.txt", "a.log", "a.conf", "php.ini", "css/css_abc.css",
    "js/js_abc.js", "a.txt~", "a.php.bak", "vendor/x.txt", "private/x.txt",
)  # fmt: skip
"""The same for the uploads of the site, and of its neighbour."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """An address, and the reason why it is not answered as core does."""

    address: str
    ours: str = ""
    """Our answer where it is another one: `denied`, `file`, `missing`, `moved`, or the file that runs."""
    nginx: str = ""
    """That of nginx where it differs from Apache's; empty otherwise."""
    why: str = ""


APP = "/index.php"
DENIED, FILE = "denied", "file"

_LEFTOVER = "a leftover: core does not know the name, and no visitor needs the file"
_INSTALLER = "installing and rebuilding are the farm's work"
_PROGRAM = "only the application's own programs run"
_RELEASE = "the text names the exact release to whoever looks for one with a hole"
_NO_PHP = "uploads have no file with a name that some PHP runs, whether it is there or not"
_SITES = "below sites/ there are the site's own files and no others"
_STATIC = "core sends the text of the program"
_HARDENING = "as WordPress's page on hardening has it"
_OF_APACHE = ("/.git/", "/.htaccess", "/.htpasswd", "/{files}/.htaccess")
_HIDDEN_FILES = "what begins with a dot is nobody's page"
_CLOSED = "libraries, tools and what is private are nobody's pages"
_BELOW = "what follows a file's name makes it a page's address"
_LONG_WHY = "no file has so long a name, so that it is a page's address"
_LEFTOVERS = (
    "dump.sql.gz", "dump.mysql.bz2", "site.sqlite", "backup.dump", "error_log", "debug.log", "php_errors.log", "server.key",
    "server.pem", "id_rsa", "id_ed25519.pub", "php.ini", "my.cnf.old", "app.conf", "index.php.old", "index.php.1",
    "index.php.txt", "index.php_old", "notes.txt~", "notes.txt.bak", "notes.txt.old", "Makefile", "Dockerfile", "app.yaml",
    "phpunit.xml.dist", "fix.patch", "fix.diff", "package-lock.json", "composer.phar", "auth.json", "settings.local.php.swo",
    "a.YML", "server.key.bak", "no-such.sql.gz", "doc/dump.sql.gz", "doc/error_log",
)  # fmt: skip
"""In each application's code base."""


def _rows(addresses: str, ours: str = "", why: str = "", nginx: str = "") -> Iterator[Row]:
    for address in addresses.split():
        yield Row(address=address, ours=ours, why=why, nginx=nginx)


def _leftovers(*known: str) -> Iterator[Row]:
    """List the leftovers; of some of them core has the names."""
    for name in _LEFTOVERS:
        yield Row(address=f"/{name}") if name in known else Row(address=f"/{name}", ours=DENIED, why=_LEFTOVER)


_EVERYWHERE = """
    / /index.php /index.php/node /node/1 /a/b/c /no-such /no-such.html /no/such.png /?q=node /notes.txt /my%20file.txt
    /doc/ /doc/index.html /doc/page.htm /empty/ /empty/nothing.here/x.txt /a.png /a.svg /a.svgz /a.woff2 /a.json /a.xml
    /robots.txt /favicon.ico /.well-known/security.txt /.well-known/acme-challenge/none /.well-known/none
    /a.md /google0123.html /Template.d/x.js /a%2Fb /a%20b /%C3%BC /a+b /a'b /a;b /a:b /a=b /a@b /a~b /a,b
    /vendors /node_modulesx /privately /private-lessons /scripts-of-plays /sitesmap /sites-of-interest /updates /corex
    /no-such.php /old/page.php /old/page.php/x /shop/index.php /shop/index.php5 /x/y.phtml
    /system/files/x.yml /system/files/x.sql /system/files/x.key /system/files/x.inc /system/files/sub/x.module
    /system/files/x.php /no/dir/dump.sql.gz /page/error_log /files/x.txt /sites/b.example.com/files/a.txt
    /sites/b.example.com/files/evil.php /sites/b.example.com/x /{files}/a.txt /{files}/a.png /{files}/my%20file.txt
    /{files}/a.key /{files}/a.sql.gz /{files}/error_log /{files}/sub/b.txt /{files}/a.html /{files}/doc/ /{files}/a.pdf
    /{files}/a.zip /{files}/a.svg /{files}/a.log /{files}/a.conf /{files}/php.ini /{files}/vendor/x.txt
    /{files}/private/x.txt /{files}/css/css_abc.css /{files}/js/js_abc.js /{files}/a.txt~ /{files}/no-such.txt
    /{files}/styles/large/public/2026-11/a.png /{files}/css/css_none.css /{files}/ /{files}/sub/ /doc /{files}/sub
"""
_HIDDEN = """
    /.env /.git/config /.git/HEAD /.git/ /.git /.htaccess /.htpasswd /.user.ini /.gitignore /.none /doc/.hidden/x.txt
    /a/.b /a/.b/c /.well-known/.x /a/.well-known/x /{files}/.hidden /{files}/.dir/x.txt /{files}/.htaccess
    /{files}/.none
"""
_CORE_NAMES = """
    /dump.sql /a.make /a.inc /a.install /a.module /a.profile /a.po /a.sh /a.theme /a.tpl /a.tpl.php /a.xtmpl /a.engine
    /index.php~ /index.php.bak /index.php.swp /index.php.orig /index.php.save /a.module.bak /a.sql.orig /Entries.Log
    /Repository /Root /Tag /Template /%23x%23 /composer.json /composer.lock /web.config /no-such.module /no-such.sql
    /doc/Root /doc/no-such.inc /{files}/a.sql /{files}/a.inc /{files}/a.module /{files}/none.module /{files}/a.php.bak
    /{files}/Root
"""


_SLASH = "an encoded slash is part of the application's own address"
_NGINX = "nginx rejects such an address before it belongs to a site"
_ODD = """
    // //node /node//1 //wp-admin/ /doc//index.html ///index.php //a.png /a//b//c /a.png. /index.php. /a.. /. /.. /a/. /a/..
    /./a.png /doc/../a.png /%2e%2e/a /../a.png /doc/%2e%2e/a.png /doc/. /x. /x./ /? /?? /index.php? /a.png?x /node?a=b?c
    /a%3Fb /a.png%3Fx /doc?x /doc/?x /?q=a%00b /a%5Cb /a%20.png /% /%zz /%u0041 /~user /a%0Ab /a%0D%0Ab /a%09b /index.php/
    /index.php/a.png /a.png;x /A.PNG /a%FFb /a%C0%AFb /a%7Fb /a%22b /a%3Cb%3E /a%7Cb /a%25b /a%2525b /a%26b /a%2Bb /a%23b
    /%2F /a%2F..%2Fb /index.php/a%2Fb /a%2Fb.php /x~/ /a.key/
"""
_LONG = (
    *("/" + "a" * length for length in (256, 1000, 4096, 8000)), "/" + "ab/" * 1400, "/{files}/" + "a" * 300,
    "/{files}/" + "a" * 5000, "/index.php/" + "a" * 5000, "/" + "%C3%BC" * 128, "/sites/other/" + "a" * 5000,
)  # fmt: skip
"""Names of more than 255 bytes, and addresses of more than 4096: Apache denies what it cannot look for."""


def _odd(denied: Collection[str]) -> Iterator[Row]:
    """List addresses as nobody types them: of odd characters, long ones, and denied ones with something behind them."""
    yield from _rows(_ODD)
    yield from _rows(" ".join(denied))
    yield from _rows(" ".join(_LONG), APP, _LONG_WHY)
    yield from _rows("/" + "a" * 255 + " /" + "a" * 9000 + " /?" + "q" * 5000 + " /{files}/" + "a" * 200)
    yield from _rows("/a%00b /%00 /index.php%00 /a.png%00.php", nginx="400", why=_NGINX)
    yield from _rows("/doc%2Findex.html", nginx=FILE, why="nginx decodes a slash before it looks for a file")


def _everywhere(others: Mapping[str, tuple[str, str]]) -> Iterator[Row]:
    """List what each application is asked for; `others` has our answers and reasons by address."""
    for address in (*_EVERYWHERE.split(), "/" + "a" * 200, "/a" * 40):
        ours, why = _ALWAYS.get(address, ("", ""))
        ours, why = others.get(address, (ours, why))
        yield Row(address=address, ours=ours, why=why)


_ALWAYS = {
    "/.well-known/acme-challenge/none": ("missing", "certificate authorities are answered by the farm"),
}
_LISTS = {
    "/{files}/": (APP, "a directory without an index is the application's missing page"),
    "/{files}/sub/": (APP, "a directory without an index is the application's missing page"),
}
"""Drupal 7 does this itself."""

DRUPAL = (
    *_everywhere(_LISTS),
    *_rows(_HIDDEN + _CORE_NAMES),
    *_rows("/docker-compose.yml /a.yml /a.yml~ /a.twig /package.json /yarn.lock /{files}/a.yml"),
    *_rows("/a.info /a.test /{files}/a.info /update.php /update.php/selection /core/modules/statistics/statistics.php"),
    *_leftovers("settings.local.php.swo"),
    *_rows(
        "/core/misc/drupal.js /core/themes/claro/logo.svg /core/assets/vendor/jquery/jquery.min.js /core/ /core/lib/"
    ),
    *_rows("/core/core.services.yml /core/modules/node/node.module /core/modules/node/node.info.yml /autoload.php"),
    *_rows(
        "/core/modules/node/src/Entity/Node.php /core/includes/bootstrap.inc /core/lib/Drupal.php /sub/tool.php /sub/"
    ),
    *_rows("/core/CHANGELOG.txt /core/none /core/none.php /core/modules/none/none.yml /{files}/evil.php"),
    *_rows("/core/install.php /core/rebuild.php /core/authorize.php", DENIED, _INSTALLER),
    *_rows("/install.php /rebuild.php", APP, _INSTALLER),
    *_rows("/core/modules/system/tests/http.php /tool.php /x.phar", DENIED, _PROGRAM),
    *_rows("/x.php5 /{files}/evil.PHP /{files}/evil.phtml /{files}/evil.phar /{files}/evil.php5", DENIED, _STATIC),
    *_rows("/{files}/none.php /{files}/none.php/x /{files}/none.phtml", DENIED, _NO_PHP),
    *_rows("/{files}/evil.php.txt /{files}/evil.php.jpg"),
    *_rows("/x.phtml /vendor/autoload.php /vendor/ /private/ /sites/README.txt /sites/none /sites/none/files/x.txt"),
    *_rows("/vendor/x.txt /private/x.txt /node_modules/a/a.js", DENIED, _CLOSED),
    *_rows("/sites/default/none.txt /sites/development.services.yml"),
    *_rows("/core/core.services.yml/x", APP, _BELOW),
    *_odd({"/.env/", "/a/..."}),
    *_rows(
        "/page.yml/ /page.yml/feed/ /page.yml/2/ /x.twig/ /talk.sql/ /about.inc/ /x.module/ /Root/ /Tag/ /Root/x",
        APP,
        _BELOW,
    ),
    *_rows(
        "/web.config/ /a.inc/ /dump.sql/ /php.ini/ /error_log/ /dump.sql.gz/ /a.png/ /doc/index.html/ /a.yml/",
        APP,
        _BELOW,
    ),
    *_rows("/a.yml/x /robots.txt/x /doc/page.htm/x", APP, _BELOW),
    *_rows("/readme.html/ /report.key/ /x.log/ /page.yml /sub/index.php/x /..."),
    *_rows("/a%2Fb.yml", APP, _SLASH),
    *_rows("/..%2f", nginx="400", why=_NGINX),
    *_rows("/sites/default/files/" + "a" * 300, "moved", _LONG_WHY),
)
DRUPAL7 = (
    *_everywhere({}),
    *_rows(_HIDDEN + _CORE_NAMES),
    *_rows("/a.info /a.test /{files}/a.info /{files}/a.yml /a.twig"),
    *_rows("/docker-compose.yml /a.yml /yarn.lock /package.json", DENIED, _LEFTOVER),
    *_odd({"/.env/"}),
    *_rows("/talk.sql/ /about.inc/ /x.module/ /Root/ /Tag/ /Root/x /web.config/ /a.inc/ /dump.sql/", APP, _BELOW),
    *_rows(
        "/page.yml/ /page.yml/feed/ /x.twig/ /readme.html/ /php.ini/ /error_log/ /a.png/ /a.yml/ /robots.txt/x /..."
    ),
    *_rows("/page.yml", DENIED, _LEFTOVER),
    *_rows("/sub/index.php/x", DENIED, _PROGRAM),
    *_rows("/..%2f", nginx="400", why=_NGINX),
    *_rows("/sites/default/files/" + "a" * 300, "moved", _LONG_WHY),
    *_leftovers("settings.local.php.swo"),
    *_rows("/misc/drupal.js /misc/jquery.js /themes/bartik/logo.png /modules/node/node.css /modules/ /misc/"),
    *_rows("/modules/node/node.module /modules/node/node.info /modules/node/node.tpl.php /includes/bootstrap.inc"),
    *_rows("/cron.php /xmlrpc.php /update.php /modules/statistics/statistics.php /modules/none.php"),
    *_rows("/install.php /authorize.php", DENIED, _INSTALLER),
    *_rows("/tool.php /sub/tool.php /sub/ /sub/index.php", DENIED, _PROGRAM),
    *_rows("/CHANGELOG.txt /INSTALL.txt /LICENSE.txt /MAINTAINERS.txt /UPGRADE.txt /README.txt", DENIED, _RELEASE),
    *_rows("/vendor/x.txt /node_modules/a/a.js /private/x.txt /scripts/a.txt", DENIED, _CLOSED),
    *_rows("/{files}/evil.php /{files}/evil.PHP /{files}/evil.phtml /{files}/none.php", DENIED, _NO_PHP),
    *_rows("/sites/all/README.txt /sites/all/modules/README.txt /sites/all/ /sites/all/modules/none.css"),
    *_rows("/scripts/ /sites/none /modules/system/tests/http.php"),
    *_rows("/sites/README.txt", APP, _SITES),
)
_LEFT_BY_PLUGINS = {
    "/{files}/a.sql.gz": (DENIED, "plugins leave dumps and logs in uploads, and nobody uploads such files"),
    "/{files}/a.log": (DENIED, "plugins leave dumps and logs in uploads, and nobody uploads such files"),
}
WORDPRESS = (
    *_everywhere(_LISTS | _LEFT_BY_PLUGINS),
    *_rows("/{files}/a.sql /{files}/a.inc", DENIED, _LEFT_BY_PLUGINS["/{files}/a.log"][1]),
    *_rows("/wp-login.php /wp-cron.php /xmlrpc.php /wp-trackback.php /wp-comments-post.php /wp-activate.php"),
    *_rows(
        "/wp-admin/ /wp-admin /wp-admin/index.php /wp-admin/admin-ajax.php /wp-admin/admin-post.php /wp-admin/users.php"
    ),
    *_rows("/wp-admin/network/index.php /wp-admin/css/login.css /wp-admin/load-styles.php /wp-admin/load-scripts.php"),
    *_rows("/wp-includes/js/jquery/jquery.js /wp-includes/css/dashicons.css /wp-json/ /wp-json/wp/v2/posts /feed/"),
    *_rows("/wp-content/themes/x/style.css /wp-content/plugins/none/none.php /2026/11/hello-world/ /none.php"),
    *_rows("/wp-content/", DENIED, _PROGRAM),
    *_rows("/wp-content/themes/ /wp-sitemap.xml /author/admin /?p=1 /wp-admin/none /wp-admin/none.php"),
    *_rows("/wp-config.php /wp-config-sample.php /wp-admin/install.php /wp-admin/setup-config.php", DENIED, _HARDENING),
    *_rows("/wp-includes/version.php /wp-includes/load.php /wp-admin/includes/file.php", DENIED, _HARDENING),
    *_rows("/readme.html /license.txt", DENIED, _RELEASE),
    *_odd(set()),
    *_rows(
        "/Root/ /Tag/ /Root/x /web.config/ /a.inc/ /dump.sql/ /readme.html/ /php.ini/ /error_log/ /dump.sql.gz/",
        APP,
        _BELOW,
    ),
    *_rows("/a.png/ /doc/index.html/ /doc/page.htm/x /a.yml/ /a.yml/x", APP, _BELOW),
    *_rows(
        "/page.yml/ /page.yml/feed/ /page.yml/2/ /talk.sql/ /about.inc/ /report.key/ /x.log/ /a%2Fb.yml /robots.txt/x"
    ),
    *_rows("/.env/ /... /a/...", DENIED, _HIDDEN_FILES),
    *_rows("/page.yml", DENIED, _LEFTOVER),
    *_rows("/sub/index.php/x", DENIED, _PROGRAM),
    *_rows("/..%2f", DENIED, _HIDDEN_FILES, nginx="400"),
    *_rows("/wp-config.php/x", DENIED, _HARDENING),
    *_rows("/wp-content/uploads/" + "a" * 300, "moved", _LONG_WHY),
    *(row for row in _rows(_HIDDEN, DENIED, _HIDDEN_FILES) if row.address not in _OF_APACHE),
    *_rows(" ".join(_OF_APACHE)),
    *_leftovers(),
)
TABLES = {"drupal": DRUPAL, "drupal7": DRUPAL7, "wordpress": WORDPRESS}
