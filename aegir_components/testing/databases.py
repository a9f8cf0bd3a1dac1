"""The database server of a fake machine, and what our programs ask it and others, with the reports of their items."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

import pymysql

from aegir_components import layout

from .accounts import Accounts
from .database import FakeMySQL
from .stacks import ENTRIES
from .tree import Refusal, decoded

Connect = Callable[[str, int, str, str, str], FakeMySQL]
"""Log in to the database at an address and port, from an address, as a user with a password."""
NO_ANSWER = "ERROR 2002 (HY000): Can't connect to local server"


ACCOUNTS = "/var/lib/aegir/database-accounts"


class Databases(Accounts):
    """The part of ``FakeHost`` that has a database server and talks to others."""

    address: str
    connect: Connect
    mysql: FakeMySQL | None
    installed: dict[str, tuple[str, str, int, str]]
    broken_caches: str
    rebuilt: list[str]

    @property
    def mysql_unit(self) -> str:
        """The server's unit."""
        return "mariadb" if self.has_package("mariadb-server") else "mysql"

    @property
    def mysql_file(self) -> str:
        """Our file among the server's own."""
        mariadb = self.mysql_unit == "mariadb"
        return "/etc/mysql/mariadb.conf.d/99-aegir.cnf" if mariadb else "/etc/mysql/mysql.conf.d/zz-aegir.cnf"

    def _sh_mysql_server(self) -> None:
        if not self.has_package("mysql-server", "mysql-community-server"):
            self._sh_want_packages("mariadb-server")
        if self._mode == "apply" and self.mysql is None:
            self.mysql = FakeMySQL()

    def _sh_mysql_statements(self, sql: str, what: str) -> None:
        if self.mysql is None:
            raise Refusal(f"the administrator's account could not be {what}: {NO_ANSWER}")
        for statement in decoded(sql).splitlines():
            self.mysql.execute(statement)

    def _sh_want_own_account(self, account: str, holder: str) -> None:
        record = f"{ACCOUNTS}/{account}"
        now = self.content(record).rstrip("\n")
        if now == holder:
            return
        if now and self.exists(f"{ENTRIES}/{now.replace('/', '%')}"):
            if self._deviates(f"account {account}: is the stack {now}'s"):
                raise Refusal(
                    f"the account {account} is the one that the hub of the stack {now} has on this database server; it keeps its "
                    f"password. Give this stack one of its own, with another admin: {{name: …}} at its database service. If "
                    f"{now} is gone for good, or was renamed, remove {record}"
                )
            return
        if self._mode == "apply":
            self.make_directories(ACCOUNTS)
            self.write(record, f"{holder}\n")

    def _sh_want_own_authority(self, directory: str, holder: str) -> None:
        now = self.content(f"{directory}/stack").rstrip("\n")
        if now == holder:
            return
        if now and self.exists(f"{ENTRIES}/{now.replace('/', '%')}"):
            if self._deviates(f"certificate of the database: is of the stack {now}'s authority"):
                raise Refusal(
                    f"the certificate of this database server is of the authority of the stack {now}, whose sites verify it. "
                    f"Nothing was changed. Write tls: offered here, or reach the server as somebody else's: connection: none, "
                    f"with an admin and that authority's file ({directory}/ca.crt here)"
                )
            return
        if self._mode == "apply":
            self.make_directories(directory)
            self.write(f"{directory}/stack", f"{holder}\n")

    def _sh_want_mysql_file(self, directory: str, holder: str, plain: str, certified: str) -> None:
        now = self.content(f"{directory}/stack").rstrip("\n")
        text = plain if now in {"", holder} else certified
        self._sh_want_file(self.mysql_file, "root", "root", "644", text)

    def _sh_leave_database(self, account: str, holder: str, sql: str, directory: str) -> None:
        record = f"{ACCOUNTS}/{account}"
        if self.content(record).rstrip("\n") not in {"", holder}:
            return
        if "running" in self.unit(self.mysql_unit):
            self._sh_mysql_statements(sql, "removed")
        self._sh_rm(record)
        self._sh_rmdir(ACCOUNTS)
        self._sh_rm(f"/var/lib/aegir/services/database/{holder.replace('/', '%')}")
        self._sh_rmdir("/var/lib/aegir/services/database")
        self._sh_rmdir("/var/lib/aegir/services")
        own = f"{ENTRIES}/{holder.replace('/', '%')}"
        if any(kind == "file" and path.startswith(f"{ENTRIES}/") and path != own for kind, path in self.items):
            return
        for path in (
            self.mysql_file,
            *(f"{directory}/{name}" for name in ("server.key", "server.crt", "ca.crt", "stack")),
        ):
            self._sh_want_no_file(path)
        self._sh_rmdir(directory)

    def _sh_want_mysql_listening(self, port: str) -> None:
        if "running" not in self.unit(self.mysql_unit):
            if self._deviates("database: root cannot log in through the local socket"):
                raise Refusal(
                    f"root cannot log in through the database's local socket: {NO_ANSWER}. Give root the plugin unix_socket "
                    f"(MariaDB) or auth_socket (MySQL), as Debian ships it"
                )
            return
        have = self.items.get(("database", "listening"), ("127.0.0.1 3306 0",))[0]
        wanted = f"0.0.0.0 {port} 0"
        if have != wanted and self._deviates(f"database: bind-address, port, skip-networking are {have}, not {wanted}"):
            self.items["database", "listening"] = (wanted,)

    def _sh_want_mysql_certificate(self, directory: str, *_names: str) -> None:
        why = ""
        if not self.exists(f"{directory}/server.crt"):
            why = "not from the hub's authority"
        key = f"{directory}/server.key"
        if not self.exists(key) or self.owned(key)[::2] != ("mysql", "400"):
            why = "its key is missing or open"
        if not why:
            return
        if self._mode != "apply":
            self._deviates(f"certificate of the database: {why}")
        self._say("fact", "wanted", "certificate")

    def _sh_mysql_take_certificate(self, _directory: str) -> None:
        """Read it at once, where there was one before; a fake has no certificate of its own to show."""

    def _sh_want_mysql_tls(self, directory: str) -> None:
        if self.items.get(("database", "tls")) == (directory,):
            return
        if self._deviates("database: does not offer TLS with the hub's certificate"):
            if not self.exists(f"{directory}/server.crt"):
                raise Refusal(
                    f"the database server does not offer TLS after its restart; look into its log (journalctl -u "
                    f"{self.mysql_unit})"
                )
            self.items["database", "tls"] = (directory,)

    def grants(self, expression: str) -> str:
        """Give what the server says to statements that a script sends it."""
        packed = re.search(r"printf %s '?([A-Za-z0-9+/=]+)", expression)
        if self.mysql is None or packed is None:
            return ""
        try:
            return "\n".join(str(row[0]) for row in self.mysql.execute(decoded(packed[1])))
        except pymysql.MySQLError:
            return ""

    def _sh_mysql_login(self, options: str, database: str, _authority: str = "") -> None:
        given = dict(line.split("=", 1) for line in decoded(options).splitlines() if "=" in line)
        password = given["password"].strip('"')
        try:
            server = self.connect(given["host"], int(given["port"]), self.address, given["user"], password)
            said = "ok" if database in server.databases else f"ERROR 1049 (42000): Unknown database '{database}'"
        except pymysql.MySQLError as fault:
            said = f"ERROR {fault.args[0]} (HY000): {fault.args[1]}"
        self._say("fact", said, "login")

    # What runs for a site, as PHP.

    def _sh_site_lock(self, _user: str, _seconds: str, _site: str) -> None:
        """Nobody else is at work on a fake machine."""

    def _sh_site_php(self, _user: str, site: str, _docroot: str, _tmp: str, packed: str, _seconds: str = "") -> None:
        program = decoded(packed)
        if "::rebuilt" in program:
            self.rebuilt.append(site)
            if self.broken_caches:
                raise Refusal(f"the program for {site} ended with status 255: {self.broken_caches}")
            self._say("fact", "::rebuilt", "result")
            return
        given = re.search(r"base64_decode\('([^']+)'\)", program)
        if given is None:
            raise Refusal("FakeHost knows our installers only")
        values = json.loads(decoded(given[1]))
        database = values["database"]
        try:
            server = self.connect(
                database["host"], database["port"], self.address, database["user"], database["password"]
            )
            tables = server.databases[database["name"]]
        except (pymysql.MySQLError, KeyError) as fault:
            raise Refusal(f"the database does not let the site in from this machine: {fault}") from None
        only_looks = '$tables ? "::present' in program
        if only_looks or (values.get("known") and not tables):
            self._say("fact", "::present" if tables else "::empty", "result")
            return
        done = "::present" if "done" in tables else f"::half {len(tables)}"
        result = done if tables else "::installed"
        if not tables:
            tables |= {"users": 1, "done": 1}
        marks = {"wp_install(": "wordpress", "install_backdrop(": "backdrop", "MAINTENANCE_MODE": "drupal7"}
        known = self.installed.get(site, ("drupal",))[0]
        name = next((name for mark, name in marks.items() if mark in program), known)
        self.installed[site] = (name, database["host"], database["port"], database["name"])
        self._say("fact", result, "result")

    def _sh_remove_site_user(self, user: str) -> None:
        super()._sh_remove_site_user(user)
        for site in [site for site in self.installed if layout.system_user(site) == user]:
            del self.installed[site]
