"""Web server, PHP and sites of a fake machine, with the reports of the items in ``web.sh``, ``site.sh`` and others for them."""

from __future__ import annotations

import hashlib
import posixpath
import re

from .accounts import RUNS, Accounts
from .tree import Refusal, encoded

PHP_RECORD = "/var/lib/aegir/php"
DATABASE_CA = "/var/lib/aegir/database-ca"
MODULES_RECORD = "/var/lib/aegir/apache-modules"
POOLS = "/var/aegir/config/php-fpm"
ENABLED = "/etc/apache2/mods-enabled"
DEFAULT_SITE = "/etc/nginx/sites-enabled/default"
FORMER = "/var/lib/aegir/former"
DEFAULT_NOTE = "/var/lib/aegir/nginx-default-site"


class Web(Accounts):
    """The part of ``FakeHost`` that has a web server with PHP, and what sites have on it."""

    reloads: list[str]
    waiting: list[str]
    broken_test: str
    _waited: list[str]
    _variables: dict[str, str]

    def _run_as_user(self, packed: str) -> None:
        raise NotImplementedError

    @property
    def php_version(self) -> str:
        """The declared version of PHP, or the newest that is installed."""
        return self.content(PHP_RECORD) or next(iter(self.php_versions()[-1:]), "")

    def later(self, reload: str) -> None:
        """Leave a reload to the one that comes after all sites."""
        if reload not in self.waiting:
            self.waiting.append(reload)

    def reload(self, name: str) -> None:
        """Make a program read its configuration."""
        self.reloads.append(name)
        self.waiting[:] = [each for each in self.waiting if each != _later(name)]

    def _sh_reloads_that_wait(self) -> None:
        self._waited = list(self.waiting)

    def _sh_activate(self, _test: str, reload: str, unit: str) -> None:
        if _later(reload) in self.waiting and self._deviates(f"{unit}: a change waits for its reload", "reload", unit):
            if self.broken_test:
                raise Refusal(f"the configuration does not pass the server's own test; no reload: {self.broken_test}")
            self.reload(reload)

    def _sh_activate_php_beside(self, activate: str) -> None:
        work = self._sh_activate if activate == "activate" else self._sh_activate_new
        for version in sorted(each.removeprefix("fpm_later_of ") for each in self.waiting if " " in each):
            work(f"fpm_test_of {version}", f"fpm_reload_of {version}", f"php{version}-fpm")

    def _sh_activate_new(self, test: str, reload: str, unit: str) -> None:
        if self._mode != "apply" or _later(reload) not in self._waited:
            self._sh_activate(test, reload, unit)

    def _sh_sites_active_before(self, path: str, test: str, reload: str, unit: str) -> None:
        if self._mode == "apply" and self.exists(path) and self.waiting:
            self._sh_activate("fpm_test", "fpm_reload", f"php{self.php_version}-fpm")
            self._sh_activate_php_beside("activate")
            self._sh_activate(test, reload, unit)

    # PHP.

    def _follow_php(self) -> None:
        """Let the cron of sites, and masters of their own, take the usual version."""
        for directory, pattern in (
            ("/var/aegir/config/cron", r"(.*)\.env"),
            ("/etc/systemd/system", r"aegir-php@(.*)\.service"),
        ):
            for name in self.listed(directory):
                user, path = re.fullmatch(pattern, name), f"{directory}/{name}"
                if user and not self.exists(f"/var/lib/aegir/php-of/{user[1]}"):
                    text = re.sub(r"(?m)^AEGIR_PHP=.*", f"AEGIR_PHP=php{self.php_version}", self.content(path))
                    start = f"ExecStart=/usr/sbin/php-fpm{self.php_version} "
                    self.write(path, re.sub(r"(?m)^ExecStart=/usr/sbin/php-fpm[0-9.]* ", start, text))

    def _sh_want_php(self, version: str, *packages: str) -> None:
        changed = False
        if self.content(PHP_RECORD) != version and self._deviates(
            f"PHP version: not {version or 'that of the distribution'}"
        ):
            self.make_directories(posixpath.dirname(PHP_RECORD))
            self.write(PHP_RECORD, version)
            changed = True
        missing = self._sh_want_packages(*packages)
        if changed:
            self._follow_php()
        if missing and self._mode == "apply" and "running" in self.unit(f"php{self.php_version}-fpm"):
            self.later("fpm_later")

    def _sh_want_php_only(self, *versions: str) -> None:
        usual = f"include={POOLS}/pool.d/"
        for version in self.php_versions():
            include, ini = f"/etc/php/{version}/fpm/pool.d/zz-aegir.conf", f"/etc/php/{version}/fpm/conf.d/99-aegir.ini"
            if not self.exists(include) or version == self.php_version:
                continue
            kept = version in versions or any(
                name.endswith(".conf") for name in self.listed(f"{POOLS}/pool-{version}.d")
            )
            text = self.content(include)
            if kept and usual in text and self._deviates(f"PHP {version}: has the usual pools"):
                lines = [line for line in text.splitlines(keepends=True) if not line.startswith(usual)]
                self.write(include, "".join(lines))
            elif not kept and self._deviates(f"PHP {version}: our pools are still in it"):
                part = f"/etc/systemd/system/php{version}-fpm.service.d"
                self._sh_rm(include, ini, f"{part}/aegir.conf")
                self._sh_rmdir(part)

    def _sh_want_unit_part(self, path: str, content: str) -> None:
        if self._mode == "apply":
            self.make_directories(posixpath.dirname(path))
        self._sh_want_file(path, "root", "root", "644", content)

    def _sh_want_declared_limits(self, unit: str) -> None:
        for root in ("/etc", "/run"):
            path = f"{root}/systemd/system.control/{unit}.d"
            if self.is_directory(path) and self._deviates(
                f"limits of {unit}: changed by systemctl set-property, in {path}"
            ):
                self.remove(path)

    def _sh_want_fpm_limits(self, version: str, content: str, _tasks: str) -> None:
        unit = f"php{version or self.php_version}-fpm.service"
        self._sh_want_unit_part(f"/etc/systemd/system/{unit}.d/aegir.conf", content)
        self._sh_want_declared_limits(unit)

    def _sh_want_no_fpm_limits(self, of_all: str) -> None:
        units = "/etc/systemd/system"
        parts = [
            f"{units}/{name}/aegir.conf" for name in self.listed(units) if re.fullmatch(r"php.*-fpm\.service\.d", name)
        ]
        for path in (*parts, of_all):
            if self.exists(path) and self._deviates(f"file {path}: still there"):
                self._sh_rm(path)
                self._sh_rmdir(posixpath.dirname(path))

    def _sh_want_only_pool(self, name: str, kept: str, *serving: str) -> None:
        for directory in self.listed(POOLS):
            path = f"{POOLS}/{directory}/{name}"
            version = re.fullmatch(r"pool(?:-(.*))?\.d", directory)
            if version is None or path == kept or not self.exists(path):
                continue
            if serving:
                self._sh_sites_active_before(path, *serving)
            if self._deviates(f"file {path}: still there"):
                self._sh_rm(path)
                other = version[1] if version[1] != self.php_version else None
                self.later(f"fpm_later_of {other}" if other else "fpm_later")

    def _sh_want_fpm_process(
        self, user: str, configuration: str, content: str, unit: str, limits: str, version: str = ""
    ) -> None:
        self._sh_want_file(configuration, "root", "root", "644", content)
        text = _master(user, configuration, version or self.php_version, limits)
        self._sh_want_file(unit, "root", "root", "644", encoded(text))
        self._sh_want_service(f"aegir-php@{user}.service")

    def _sh_want_no_fpm_process(self, user: str, configuration: str, unit: str) -> None:
        if (self.exists(configuration) or self.exists(unit)) and self._deviates(
            f"PHP of {user}: a master of its own is still there"
        ):
            self._sh_rm(configuration, unit)
            self.items.pop(("service", f"aegir-php@{user}.service"), None)

    # How sites were configured before a change.

    def _sh_keep_former(self, user: str, keys: str, *paths: str) -> None:
        if self._mode != "apply":
            return
        place = f"{FORMER}/{user}"
        if not self.exists(place):
            self.make_directories(place)
            for directory in (FORMER, place):
                self.items["directory", directory] = ("root", "root", "700")
            names = {path: str(number) if self.exists(path) else "-" for number, path in enumerate(paths, start=1)}
            for path, name in names.items():
                if name != "-":
                    self.items["file", f"{place}/{name}"] = self.items["file", self.followed(path)]
            self.write(f"{place}/list", "".join(f"{name} {path}\n" for path, name in names.items()))
        known = {*self.content(f"{place}/keys").split(), *keys.split()}
        self.write(f"{place}/keys", "\n".join(sorted(known)) + "\n")

    def _sh_drop_former(self, *users: str) -> None:
        if self._mode == "apply":
            for user in users:
                self.remove(f"{FORMER}/{user}")
            self._sh_rmdir(FORMER)

    def _sh_restore_former(self, user: str, later: str) -> None:
        place = f"{FORMER}/{user}"
        if self._mode != "apply" or not self.exists(f"{place}/list"):
            return
        for line in self.content(f"{place}/list").splitlines():
            name, path = line.split(" ", 1)
            here = self.items.get(("file", self.followed(path)))
            kept = self.items.get(("file", f"{place}/{name}"))
            if here == kept:
                continue
            if kept is None:
                if path.endswith(".service"):
                    self.items.pop(("service", posixpath.basename(path)), None)
                self._sh_rm(path)
            else:
                self.items["file", self.followed(path)] = kept
            self._restored(user, path, later)
        self._say("fact", self.content(f"{place}/keys").rstrip("\n"), f"former.{user}")

    def _restored(self, user: str, path: str, later: str) -> None:
        """Ask for the reload that a restored file needs."""
        if pool := re.fullmatch(rf"{POOLS}/pool(?:-(.*))?\.d/.*", path):
            other = pool[1] if pool[1] != self.php_version else None
            self.later(f"fpm_later_of {other}" if other else "fpm_later")
        elif path.endswith(".service") and self.exists(path):
            self.items["service", f"aegir-php@{user}.service"] = ("enabled", "running")
        elif "/vhost.d/" in path:
            self.later(later)

    # The web servers.

    def _sh_refuse_vhosts(self, directory: str) -> None:
        here = "".join(f"{name} " for name in self.listed(directory))
        if here:
            raise Refusal(f"sites are still on this server: {here}. Remove or move them first")

    def _sh_want_database_clients(self, _content: str) -> None:
        """Its clients are of a MariaDB before 11.4."""

    def _sh_want_mail_agent(self) -> None:
        if not self.has_package("exim4-daemon-light") and self._deviates("packages missing: a mail transfer agent"):
            self.items["package", "exim4-daemon-light"] = ()

    def _sh_want_web_server_gone(self, unit: str, link: str, main: str, root: str) -> None:
        ours = self.target(link) == main or self.exists(main)
        if not ours and self.unit(unit) != RUNS:
            return
        if not self._deviates(f"web server {unit}: still there"):
            return
        self.items.pop(("service", unit), None)
        if ours:
            parts = (f"{root}/{part}" for part in ("vhost.d", "platform.d"))
            confs = [f"{part}/{name}" for part in parts for name in self.listed(part) if name.endswith(".conf")]
            self._sh_rm(link, main, *confs)

    def _sh_want_default_certificate(self, directory: str) -> None:
        if self.content(f"{directory}/openssl.crt") and self.content(f"{directory}/openssl.key"):
            return
        if self._deviates(f"certificate {directory}: missing or expiring"):
            if not self.is_directory(directory):
                raise Refusal(f"no self-signed certificate could be made in {directory}")
            self.write(f"{directory}/openssl.key", "made here", mode="600")
            self.write(f"{directory}/openssl.crt", "made here")

    def _sh_want_apache_modules(self, *names: str) -> None:
        recorded = self.content(MODULES_RECORD).split()
        for old in [name for name in recorded if name not in names]:
            self._sh_want_no_file(f"{ENABLED}/{old}.load")
            self._sh_want_no_file(f"{ENABLED}/{old}.conf")
            if self._mode == "apply":
                recorded.remove(old)
                self._record(recorded)
        for name in names:
            if self._mode == "apply" and not self.exists(f"{ENABLED}/{name}.load"):
                self._record([*recorded, name])
                recorded = self.content(MODULES_RECORD).split()
            self._sh_want_link(f"{ENABLED}/{name}.load", f"../mods-available/{name}.load")
            if self.exists(f"/etc/apache2/mods-available/{name}.conf"):
                self._sh_want_link(f"{ENABLED}/{name}.conf", f"../mods-available/{name}.conf")

    def _record(self, modules: list[str]) -> None:
        """Keep which modules we enabled."""
        if modules != self.content(MODULES_RECORD).split():
            self.write(MODULES_RECORD, "".join(f"{name}\n" for name in dict.fromkeys(modules)))

    def _sh_want_no_empty_records(self) -> None:
        if self._mode != "apply":
            return
        if not self.content(MODULES_RECORD):
            self._sh_rm(MODULES_RECORD)
        for _, path in [key for key in self.items if key[1].startswith(f"{DATABASE_CA}/")]:
            self._sh_rm(path)
        self._sh_rmdir(DATABASE_CA)

    def _sh_want_no_default_site(self) -> None:
        if self.target(DEFAULT_SITE) == "/etc/nginx/sites-available/default":
            if self._mode == "apply":
                self.write(DEFAULT_NOTE, "")
            self._sh_want_no_file(DEFAULT_SITE)

    def _sh_want_default_site_back(self) -> None:
        if self.exists(DEFAULT_NOTE):
            self._sh_want_link(DEFAULT_SITE, "/etc/nginx/sites-available/default")
            self._sh_want_no_file(DEFAULT_NOTE)

    # Sites.

    def _sh_want_site_links(self, path: str, below: str, target: str, *names: str) -> None:
        docroot = f"{self.target(path)}{below}"
        wrong = "".join(f" {name}" for name in names if not self._is_linked(f"{docroot}/sites/{name}", target))
        if wrong and self._deviates(f"links in the release:{wrong} missing"):
            self._run_as_user(self._variables.get("LINKING", ""))

    def _is_linked(self, place: str, target: str) -> bool:
        inner = all(self.target(f"{place}/{name}") == f"{target}/{name}" for name in ("settings.php", "files"))
        return self.target(place) == target or inner

    def _sh_want_no_vhost(self, path: str, site: str) -> None:
        if self.content(path).startswith(f"# Written by aegir for {site}. "):
            self._sh_want_no_file(path)

    def _sh_want_one_vhost(self, path: str, site: str) -> None:
        for other in self.below(posixpath.dirname(path)):
            if other != path and self.kind(other) == "file":
                self._sh_want_no_vhost(other, site)

    def _sh_site_last_error(self, _log: str) -> None:
        """No PHP has ever said anything here."""

    def _sh_want_no_certificate(self, directory: str) -> None:
        if self.is_directory(directory) and self._deviates(f"directory {directory}: still there"):
            self.remove(directory)

    def _sh_want_own_directives(self, file: str, record: str, _test: str, later: str) -> None:
        now = ""
        if self.kind(self.followed(file)) == "file":
            now = f"{hashlib.sha256(self.content(file).encode()).hexdigest()}  -"
        if now == self.content(record).rstrip("\n"):
            return
        if self._deviates(f"file {file}: your own directives have changed and are not live yet"):
            if self.broken_test:
                raise Refusal(
                    f"your own directives in {file} do not pass the server's own test; no reload: {self.broken_test}"
                )
            self.later(later)
            self.make_directories(posixpath.dirname(record))
            self.write(record, now)

    def _sh_remove_site_data(self, directory: str, user: str) -> None:
        if self.is_directory(f"{directory}/site"):
            self.remove(directory)
        self._sh_remove_site_user(user)

    def _sh_want_no_processes(self, user: str) -> None:
        """Nothing runs on a fake machine."""

    def _sh_end_processes(self, user: str) -> None:
        """Nothing runs on a fake machine."""

    def _sh_interrupt_processes(self, user: str) -> None:
        """Nothing runs on a fake machine."""

    def _sh_open_account(self, user: str) -> None:
        """Accounts of a fake machine have no end."""

    def _sh_want_cron_environment(self, path: str, text: str, version: str = "") -> None:
        php = version or self.php_version
        self._sh_want_file(path, "root", "root", "644", encoded(f"AEGIR_PHP=php{php}\n{text}\n"))

    def _sh_want_no_cron(
        self, user: str, environment: str, timer: str, limits: str, record: str, keep: str = ""
    ) -> None:
        part = posixpath.dirname(limits)
        if not any(self.exists(path) for path in (environment, timer, part, *(() if keep else (record,)))):
            return
        if not self._deviates(f"cron of {user}: still there"):
            return
        if not keep:
            self._sh_rm(record)
        self.items.pop(("service", f"aegir-cron@{user}.timer"), None)
        self._sh_rm(environment, timer, limits)
        self._sh_rmdir(part)
        units = "/etc/systemd/system"
        if not any(re.fullmatch(r"aegir-cron@.*\.timer", name) for name in self.listed(units)):
            place = posixpath.dirname(environment)
            programs = [f"{place}/{name}" for name in self.listed(place) if name.endswith(".php")]
            self._sh_rm(f"{units}/aegir-cron@.service", *programs)
            self._sh_rmdir(place)


def _master(user: str, configuration: str, php: str, limits: str) -> str:
    return (
        f"# Written by aegir.\n[Unit]\nDescription=PHP of the site {user}\nAfter=network.target\n\n[Service]\nType=notify\n"
        f"ExecStart=/usr/sbin/php-fpm{php} --nodaemonize -d apc.enabled=1 --fpm-config {configuration}\n"
        f"ExecReload=/bin/kill -USR2 $MAINPID\nKillSignal=SIGQUIT\nTimeoutStopSec=70\nRestart=on-failure\nPrivateTmp=yes\n"
        f"{limits}\n\n[Install]\nWantedBy=multi-user.target\n"
    )


def _later(reload: str) -> str:
    return reload.replace("_reload", "_later")
