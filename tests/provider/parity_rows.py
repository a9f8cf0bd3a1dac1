"""The situations in which each operation of the script language is run on both machines."""

from __future__ import annotations

from aegir_components.deploy.release_operations import LinkSites
from aegir_components.scripts import script
from aegir_components.scripts.libraries import functions
from aegir_components.scripts.named import Operation, Word, reader
from tests.provider.parity import (
    Given,
    Row,
    broken,
    broken_new,
    directory,
    distribution,
    file,
    link,
    package,
    unit,
    user,
    waiting,
)

TEXT = "a text\n"
PLACE = "/srv/x"
CONF = "/var/aegir/config"
PUBLISHED, RELEASES = "/srv/p/code", "/srv/p/.releases/code"
REGISTRY = f"{CONF}/sites.d/code"
DATA = "/srv/p/.sites"
SITE = "www.example.com"
UNITS = "/etc/systemd/system"
LINKING = script.encoded(
    reader()
    + functions("release")
    + f'docroot="$(readlink {PUBLISHED})"/web\n[ ! -d "$docroot" ] || '
    + LinkSites(docroot=Word('"$docroot"'), registry=REGISTRY, sites=DATA).line
)
AEGIR = user("aegir", "/var/aegir")
PHP = (package("php-fpm"), directory("/etc/php/8.2/fpm/pool.d"), directory("/etc/php/8.2/fpm/conf.d"))
RELEASE = f"{RELEASES}/a1a1a1a1a1a1a1a1"

ROWS: list[Row] = []


def row(
    operation: str, situation: str, lines: str | tuple[str, ...], *given: Given, compared: str = "everything"
) -> None:
    ROWS.append(
        Row(
            operation=operation,
            situation=situation,
            lines=(lines,) if isinstance(lines, str) else lines,
            given=given,
            compared=compared,
        )
    )


def call(
    operation: str, situation: str, arguments: tuple[str, ...], *given: Given, compared: str = "everything"
) -> None:
    row(operation, situation, script.call(operation, *arguments), *given, compared=compared)


def named_call(each: Operation, situation: str, *given: Given, compared: str = "everything") -> None:
    row(each.function, situation, each.line, *given, compared=compared)


# What may be at a path already, for each item of the prelude that makes or removes something there.
THERE: dict[str, tuple[Given, ...]] = {
    "nothing is there": (directory("/srv/d"),),
    "its directory is missing": (),
    "its directory is a file": (file("/srv/d"),),
    "its directory is a link": (directory("/srv/real"), link("/srv/d", "real")),
    "a directory is there": (directory("/srv/d/x"),),
    "a directory with another owner and mode is there": (directory("/srv/d/x", "aegir", "www-data", "750"),),
    "a directory that is not empty is there": (file("/srv/d/x/below"),),
    "another file is there": (file("/srv/d/x", "another text\n"),),
    "a file with the right content and another mode is there": (file("/srv/d/x", TEXT, mode="600"),),
    "a file with the right content and another owner is there": (file("/srv/d/x", TEXT, "aegir", "www-data"),),
    "the right file is there": (file("/srv/d/x", TEXT),),
    "an empty file is there": (file("/srv/d/x", ""),),
    "a link to a file is there": (file("/srv/d/y", TEXT), link("/srv/d/x", "y")),
    "a link to a directory is there": (directory("/srv/d/y"), link("/srv/d/x", "y")),
    "a link to nothing is there": (directory("/srv/d"), link("/srv/d/x", "nowhere")),
    "the right link is there": (directory("/srv/d"), link("/srv/d/x", "/srv/target")),
}
for named, already in THERE.items():
    row("want_dir", named, script.directory("/srv/d/x"), *already)
    row("want_file", named, script.file("/srv/d/x", TEXT), *already)
    row("want_link", named, script.link("/srv/d/x", "/srv/target"), *already)
    row("want_no_file", named, script.no_file("/srv/d/x"), *already)
row("want_dir", "with an odd mode", script.directory("/srv/x", owner="aegir", group="www-data", mode=0o2770))
row("want_dir", "in one that comes before", (script.directory("/srv/a"), script.directory("/srv/a/b")))
row("want_dir", "in one that comes after", (script.directory("/srv/a/b"), script.directory("/srv/a")))
row("want_file", "an empty one", script.file("/srv/x", ""))
row("want_file", "an empty one is right already", script.file("/srv/x", ""), file("/srv/x", ""))
row("want_file", "with a quote and a space in its name", script.file("/srv/it's a name", TEXT))

for named, given in {
    "it is missing": (package("sudo"),),
    "sudo is not installed": (),
    "it differs": (file("/etc/sudoers.d/aegir", TEXT, mode="440"),),
    "it is right": (file("/etc/sudoers.d/aegir", "rule\n", mode="440"),),
    "somebody may write it": (file("/etc/sudoers.d/aegir", "rule\n", mode="664"),),
}.items():
    row("want_sudoers", named, script.sudoers("aegir", "rule\n"), *given)
row("want_sudoers", "visudo refuses it", script.sudoers("aegir", "REFUSED\n"), package("sudo"))

# Accounts, packages, units.

WANTED_USER = ("aegir", "/var/aegir", "/bin/sh", "", "")
call("want_user", "it is missing", WANTED_USER)
call("want_user", "it is missing and has numbers", ("aegir", "/var/aegir", "/bin/sh", "960", "961"))
call("want_user", "it is right", WANTED_USER, AEGIR)
call("want_user", "its home is another", WANTED_USER, user("aegir", "/home/aegir"))
call("want_user", "its shell is another", WANTED_USER, user("aegir", "/var/aegir", "/bin/false"))
call("want_user", "its UID is another", ("aegir", "/var/aegir", "/bin/sh", "960", ""), AEGIR)
call("want_user", "its GID is another", ("aegir", "/var/aegir", "/bin/sh", "", "961"), AEGIR)
call("want_user", "both are others", ("aegir", "/var/aegir", "/bin/sh", "960", "961"), AEGIR)
call("want_user", "its UID is taken", ("site-a", "/srv", "/bin/sh", "950", "951"), AEGIR)
call("want_user", "its GID is taken", ("site-a", "/srv", "/bin/sh", "951", "950"), AEGIR)
call("want_member", "it is missing", ("aegir", "www-data"), AEGIR)
call("want_member", "there is no such account", ("aegir", "www-data"))
row("want_packages", "all are missing", script.packages(["apache2", "logrotate"]))
row("want_packages", "some are missing", script.packages(["sudo", "rsync"]), package("sudo"))
row("want_packages", "they are there", script.packages(["sudo"]), package("sudo"))
row("want_service", "it does not run", script.service("apache2"))
row("want_service", "it is enabled only", script.service("apache2"), unit("apache2", "enabled"))
row("want_service", "it runs only", script.service("apache2"), unit("apache2", "running"))
row("want_service", "it is right", script.service("apache2"), unit("apache2", "enabled", "running"))
row("want_service", "by PHP's version", script.service_at('"php$(php_version)-fpm"'), *PHP)
row("debian_only", "it is Debian", "debian_only")
row("debian_only", "it is another", "debian_only", distribution("Alpine Linux v3.20", "alpine"))
row("fact", "a text", "fact word 'a text with: signs & more'")
row("fact", "PHP's version", 'fact php "$(php_version)"', *PHP)
row("fact", "PHP's version without PHP", 'fact php "$(php_version)"')
row("fact", "an account's numbers", 'fact numbers "$(id -u aegir 2>/dev/null):$(id -g aegir 2>/dev/null)"', AEGIR)
row("fact", "without the account", 'fact numbers "$(id -u aegir 2>/dev/null):$(id -g aegir 2>/dev/null)"')
row("fact", "what is in a file", f'fact came "$(cat {PLACE})"', file(PLACE))
MAKE = script.encoded(script.call("mkdir", "-p", "/srv/a/b"))
row("as_user", "a directory is made", f"as_user aegir {MAKE}", compared="kinds")
row("as_user", "in apply mode only", f'[ "$MODE" != apply ] || as_user aegir {MAKE}', compared="kinds")
row("as_user", "a tree is removed", f"as_user aegir {script.encoded('rm -rf /srv/a')}", file("/srv/a/b/c"))
row(
    "as_user",
    "sites are linked",
    f"as_user aegir {LINKING}",
    directory(f"{RELEASE}/web"),
    link(PUBLISHED, RELEASE),
    compared="kinds",
)


def section(*lines: str, test: str = "true", reload: str = "true") -> str:
    return script.transaction("part", lines, test=test, reload=reload)


TWO = (script.file("/srv/a", TEXT), script.link("/srv/b", "/srv/a"))
row("transaction", "nothing is there", section(*TWO))
row("transaction", "half is there", section(*TWO), file("/srv/a", TEXT))
row("transaction", "all is right", section(*TWO), file("/srv/a", TEXT), link("/srv/b", "/srv/a"))
row("transaction", "an item fails", section(TWO[0], script.file("/srv/none/c", TEXT)))
row(
    "transaction",
    "an item fails and something else was there",
    section(TWO[0], script.directory("/srv/c")),
    file("/srv/a"),
    file("/srv/c"),
)
row("transaction", "its test fails of old", section(*TWO, test="apache_test"), broken("line 7"))
row(
    "transaction",
    "its test fails of the new",
    section(*TWO, test="new_test"),
    file("/srv/a", "old\n"),
    broken_new("line 7"),
)
row("transaction", "its reload fails", section(*TWO, reload="false"))
row("transaction", "a later reload", section(*TWO, reload="apache_later"))

# Web servers and PHP.

for operation in ("activate", "activate_new"):
    given = (unit("apache2", "enabled", "running"),)
    arguments = ("apache_test", "apache_reload", "apache2")
    call(operation, "nothing waits", arguments, *given)
    call(operation, "a reload waits", arguments, *given, waiting("apache_later", "apache2"))
    call(operation, "the test fails", arguments, *given, waiting("apache_later", "apache2"), broken("line 7"))
    row(
        operation,
        "for PHP",
        f'{operation} fpm_test fpm_reload "php$(php_version)-fpm"',
        *PHP,
        waiting("fpm_later", "php8.2-fpm"),
    )
    row(
        operation,
        "it waited before",
        ("reloads_that_wait", script.call(operation, *arguments)),
        waiting("apache_later", "apache2"),
    )
row(
    "reloads_that_wait",
    "one waits",
    ("reloads_that_wait", script.call("activate", "apache_test", "apache_reload", "apache2")),
    waiting("apache_later", "apache2"),
)
call("refuse_vhosts", "none are there", (f"{CONF}/apache/vhost.d",), directory(f"{CONF}/apache/vhost.d"))
call(
    "refuse_vhosts",
    "two are there",
    (f"{CONF}/apache/vhost.d",),
    file(f"{CONF}/apache/vhost.d/b"),
    file(f"{CONF}/apache/vhost.d/a"),
    file(f"{CONF}/apache/vhost.d/.c"),
)
STATE = directory("/var/lib/aegir")
MODULES = (package("apache2"), STATE)
call("want_apache_modules", "none is enabled", ("rewrite", "headers"), *MODULES)
call(
    "want_apache_modules",
    "one has a configuration",
    ("rewrite", "ssl"),
    *MODULES,
    file("/etc/apache2/mods-available/ssl.conf"),
)
ENABLED = (
    link("/etc/apache2/mods-enabled/rewrite.load", "../mods-available/rewrite.load"),
    file("/etc/apache2/mods-available/rewrite.load"),
)
call("want_apache_modules", "the owner has enabled it", ("rewrite",), *MODULES, *ENABLED)
call(
    "want_apache_modules",
    "ours is not wanted any more",
    (),
    *MODULES,
    *ENABLED,
    file("/var/lib/aegir/apache-modules", "rewrite\n"),
)
call("want_apache_modules", "Apache is not installed", ("rewrite",), STATE)
call("want_no_empty_records", "it is empty", (), file("/var/lib/aegir/apache-modules", ""))
call("want_no_empty_records", "it is not empty", (), file("/var/lib/aegir/apache-modules", "ssl\n"))
SSL = f"{CONF}/ssl.d/default"
call("want_default_certificate", "it is missing", (SSL,), directory(SSL), compared="reports")
call("want_default_certificate", "its directory is missing", (SSL,))
DEFAULT = link("/etc/nginx/sites-enabled/default", "/etc/nginx/sites-available/default")
call("want_no_default_site", "it is there", (), package("nginx"), STATE, DEFAULT)
call(
    "want_no_default_site",
    "the owner has another",
    (),
    package("nginx"),
    link("/etc/nginx/sites-enabled/default", "/srv/own"),
)
call("want_no_default_site", "it is gone", (), package("nginx"))
call("want_default_site_back", "we took it", (), package("nginx"), file("/var/lib/aegir/nginx-default-site", ""))
call("want_default_site_back", "we did not", (), package("nginx"))
call("want_mail_agent", "none is there", ())
GONE = ("nginx", "/etc/nginx/conf.d/aegir.conf", f"{CONF}/nginx.conf", f"{CONF}/nginx")
call("want_web_server_gone", "it was never there", GONE)
call(
    "want_web_server_gone",
    "it was ours",
    GONE,
    link(GONE[1], GONE[2]),
    file(GONE[2]),
    file(f"{GONE[3]}/vhost.d/a.conf"),
    file(f"{GONE[3]}/vhost.d/note"),
    unit("nginx", "enabled", "running"),
)
call("want_web_server_gone", "the owner runs one", GONE, unit("nginx", "enabled", "running"), link(GONE[1], "/srv/own"))
call("want_web_server_gone", "the owner has one that does not run", GONE, unit("nginx", "enabled"))
call("want_php", "the distribution's own", ("", "php-fpm", "php-cli"), STATE)
call("want_php", "another version", ("8.3", "php8.3-fpm"), *PHP, STATE)
call(
    "want_php",
    "another version, with sites",
    ("8.3", "php8.3-fpm"),
    *PHP,
    STATE,
    file(f"{CONF}/cron/site-a.env", "AEGIR_PHP=php8.2\nA=b\n"),
    file(f"{CONF}/cron/site-b.env", "AEGIR_PHP=php8.1\n"),
    file("/var/lib/aegir/php-of/site-b", "8.1"),
    file("/etc/systemd/system/aegir-php@site-a.service", "ExecStart=/usr/sbin/php-fpm8.2 --x\n"),
)
call("want_php", "the right version", ("8.3", "php8.3-fpm"), package("php8.3-fpm"), file("/var/lib/aegir/php", "8.3"))
call(
    "want_php",
    "a new extension for one that runs",
    ("", "php-fpm", "php-gd"),
    *PHP,
    STATE,
    unit("php8.2-fpm", "enabled", "running"),
)

# Versions of PHP side by side; the newest that is installed is the usual one where none is declared.

POOLS, USUAL = f"{CONF}/php-fpm", f"[global]\ninclude={CONF}/php-fpm/pool.d/*.conf\n"
OLD = (package("php8.1-fpm"), file("/etc/php/8.1/fpm/pool.d/zz-aegir.conf", USUAL))
call("want_database_clients", "they are old", (script.encoded(TEXT),), directory("/etc/mysql/mariadb.conf.d"))
call("want_php_only", "there is no other", (), *PHP)
call("want_php_only", "another one had the usual pools", (), *PHP, *OLD, file("/etc/php/8.1/fpm/conf.d/99-aegir.ini"))
call("want_php_only", "another one still has a site's", (), *PHP, *OLD, file(f"{POOLS}/pool-8.1.d/a.conf"))
call("want_php_only", "another one stays beside it", ("8.1",), *PHP, *OLD)
call("activate_php_beside", "nothing waits", ("activate",), *PHP)
call("activate_php_beside", "one waits", ("activate",), *PHP, waiting("fpm_later_of 8.1", "php8.1-fpm"))
call("activate_php_beside", "it waited before", ("activate_new",), *PHP, waiting("fpm_later_of 8.1", "php8.1-fpm"))
PART = f"{UNITS}/php8.2-fpm.service.d/aegir.conf"
SLICE = f"{UNITS}/aegir.slice"
call("want_unit_part", "it is missing", (SLICE, script.encoded(TEXT)))
call("want_unit_part", "it differs", (PART, script.encoded(TEXT)), file(PART, "[Service]\n"))
call("want_declared_limits", "nobody changed them", ("php8.2-fpm.service",))
CHANGED = "/etc/systemd/system.control/php8.2-fpm.service.d"
call("want_declared_limits", "somebody changed them", ("php8.2-fpm.service",), directory(CHANGED))
call("want_fpm_limits", "there are none", ("", script.encoded(TEXT), "288"), *PHP)
call("want_fpm_limits", "of a version", ("8.1", script.encoded(TEXT), "288"), *PHP, directory(CHANGED))
call("want_no_fpm_limits", "there are none", (SLICE,), *PHP)
call("want_no_fpm_limits", "there are some", (SLICE,), *PHP, file(PART, "[Service]\n"), file(SLICE, "[Slice]\n"))
SERVING = ("apache_test", "apache_reload", "apache2")
call("want_only_pool", "there is none", ("a.conf", "", *SERVING), *PHP)
call(
    "want_only_pool", "it is the right one", ("a.conf", f"{POOLS}/pool.d/a.conf"), *PHP, file(f"{POOLS}/pool.d/a.conf")
)
call(
    "want_only_pool",
    "two others have one",
    ("a.conf", f"{POOLS}/pool-8.3.d/a.conf", *SERVING),
    *PHP,
    *(file(f"{POOLS}/{name}.d/a.conf") for name in ("pool", "pool-8.1", "pool-8.3")),
    waiting("apache_later", "apache2"),
)

call("want_only_pool", "the site goes", ("a.conf", ""), *PHP, file(f"{POOLS}/pool-8.1.d/a.conf"))

# Sites.

TARGET = f"{DATA}/{SITE}/site"
NAMES = file(f"{REGISTRY}/{SITE}", f"{SITE} {TARGET}\nexample.com {TARGET}\n")
LINKS = (f"LINKING={LINKING}", script.call("want_site_links", PUBLISHED, "/web", TARGET, SITE, "example.com"))
LIVE = (directory(f"{RELEASE}/web/sites"), link(PUBLISHED, RELEASE))
row("want_site_links", "none is there", LINKS, NAMES, *LIVE)
row("want_site_links", "one is there", LINKS, NAMES, *LIVE, link(f"{RELEASE}/web/sites/{SITE}", TARGET))
row(
    "want_site_links",
    "one points elsewhere",
    LINKS,
    NAMES,
    *LIVE,
    link(f"{RELEASE}/web/sites/{SITE}", f"{DATA}/other/site"),
)
row(
    "want_site_links",
    "the code has a directory of its name, with its links",
    LINKS,
    NAMES,
    *LIVE,
    directory(f"{RELEASE}/web/sites/{SITE}"),
    *(
        link(f"{RELEASE}/web/sites/{SITE}/{name}", f"{TARGET}/{name}")
        for name in ("settings.php", "local.settings.php", "files")
    ),
)
row(
    "want_site_links",
    "the code has a directory of its name",
    LINKS,
    NAMES,
    *LIVE,
    directory(f"{RELEASE}/web/sites/{SITE}"),
)
row("want_site_links", "nothing is published", LINKS, NAMES)
call("want_no_certificate", "it is there", (SSL,), file(f"{SSL}/openssl.key"))
call("want_no_certificate", "it is gone", (SSL,))
OWN = (f"{CONF}/own.conf", "/var/lib/aegir/own-apache/own.conf", "apache_test", "apache_later")
call("want_own_directives", "there are none", OWN)
call("want_own_directives", "they are new", OWN, file(OWN[0]), STATE)
call("want_own_directives", "they do not pass", OWN, file(OWN[0]), STATE, broken("line 7"))
call("want_own_directives", "they are gone", OWN, file(OWN[1], "0123  -"), STATE)
USER = user("site-a", "/srv", "/usr/sbin/nologin", "951", "951")
for gone in ("remove_site_data", "remove_site_user"):
    whose = (f"{DATA}/{SITE}", "site-a") if gone == "remove_site_data" else ("site-a",)
    again = script.call("want_user", "site-a", "/srv", "/usr/sbin/nologin", "", "")
    row(gone, "all is there", (script.call(gone, *whose), again), USER, file(f"{DATA}/{SITE}/site/files/x"))
    row(gone, "nothing is there", script.call(gone, *whose))
row(
    "remove_site_data",
    "the directory is not ours",
    script.call("remove_site_data", f"{DATA}/{SITE}", "site-a"),
    file(f"{DATA}/{SITE}/x"),
)
call("want_no_processes", "nothing runs", ("site-a",), USER)
call("site_lock", "nobody is at work", ("site-a", "5", SITE))
ENVIRONMENT, TIMER = f"{CONF}/cron/site-a.env", f"{UNITS}/aegir-cron@site-a.timer"
call("want_cron_environment", "it is missing", (ENVIRONMENT, "A=b\n"), directory(f"{CONF}/cron"), *PHP)
call("want_cron_environment", "its directory is missing", (ENVIRONMENT, "A=b\n"), *PHP)
LAST = f"{CONF}/cron/site-a.last"
LIMITED = f"{UNITS}/aegir-cron@site-a.service.d/limits.conf"
INI, REDIRECT = "/var/lib/aegir/php-ini/site-a", "/var/lib/aegir/redirect-mail"
MAIL = (file(f"{INI}/mail.ini", f'sendmail_path = "{REDIRECT} a@example.com"'), file(REDIRECT))
call("want_no_mail", "there is none", (INI, REDIRECT))
call("want_no_mail", "the last one", (INI, REDIRECT), *MAIL)
call(
    "want_no_mail",
    "another one redirects its mail as well",
    (INI, REDIRECT),
    *MAIL,
    file("/var/lib/aegir/php-ini/site-b/mail.ini", f'sendmail_path = "{REDIRECT} b@example.com"'),
)
call(
    "want_no_mail",
    "another one keeps its mail",
    (INI, REDIRECT),
    *MAIL,
    file("/var/lib/aegir/php-ini/site-b/mail.ini", 'sendmail_path = "/bin/true"'),
)
call("want_no_cron", "there is none", ("site-a", ENVIRONMENT, TIMER, LIMITED, LAST))
CRON = (file(ENVIRONMENT), file(TIMER), file(f"{UNITS}/aegir-cron@.service"), file(f"{CONF}/cron/drupal.php"))
call("want_no_cron", "the last one", ("site-a", ENVIRONMENT, TIMER, LIMITED, LAST), *CRON)
call("want_no_cron", "it has limits", ("site-a", ENVIRONMENT, TIMER, LIMITED, LAST), *CRON, file(LIMITED))
call(
    "want_no_cron",
    "one of two",
    ("site-a", ENVIRONMENT, TIMER, LIMITED, LAST),
    *CRON,
    file(f"{UNITS}/aegir-cron@site-b.timer"),
)
call("want_no_cron", "its last run is recorded", ("site-a", ENVIRONMENT, TIMER, LIMITED, LAST), file(LAST))
call("want_no_cron", "the site stays", ("site-a", ENVIRONMENT, TIMER, LIMITED, LAST, "keep"), *CRON, file(LAST))
call("want_no_cron", "the site stays without cron", ("site-a", ENVIRONMENT, TIMER, LIMITED, LAST, "keep"), file(LAST))
MASTER = ("site-a", f"{CONF}/php-fpm/process.d/site-a.conf", f"{UNITS}/aegir-php@site-a.service")
PROCESS = (*MASTER[:2], script.encoded(TEXT), MASTER[2], "PrivateDevices=yes")
call("want_fpm_process", "it is missing", PROCESS, directory(f"{CONF}/php-fpm/process.d"), *PHP)
call("want_fpm_process", "its directory is missing", PROCESS, *PHP)
call(
    "want_fpm_process",
    "it differs",
    PROCESS,
    file(MASTER[1]),
    unit("aegir-php@site-a.service", "enabled", "running"),
    *PHP,
)
call("want_no_fpm_process", "there is none", MASTER)
call("want_no_fpm_process", "there is one", MASTER, file(MASTER[1]), file(MASTER[2]))
BEFORE = (MASTER[2], "apache_test", "apache_reload", "apache2")
call("sites_active_before", "nothing is there", BEFORE, waiting("apache_later", "apache2"))
call("sites_active_before", "it is there", BEFORE, *PHP, file(MASTER[2]), waiting("apache_later", "apache2"))
call("sites_active_before", "nothing waits", BEFORE, *PHP, file(MASTER[2]))
