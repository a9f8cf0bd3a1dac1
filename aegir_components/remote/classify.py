"""From what ssh says to what went wrong. Pure; the wordings are OpenSSH 8.4 to 10.0's."""

from __future__ import annotations

import base64
import re

from aegir_components.messages import numbered

from .connection import Connection
from .errors import (
    CommandFailed,
    ConnectionRefused,
    HostError,
    HostKeyChanged,
    HostKeyUnknown,
    HostUnreachable,
    KeyNotAccepted,
    LoginClosed,
    Refused,
    SudoRefused,
)

BEGIN = "::begin"
"""The first line that each of our scripts prints: what comes before it is login noise."""
REFUSAL = 97
"""The status with which our scripts stop on purpose, after a ``::fail`` line that says why."""

_UNREACHABLE = (
    "Connection timed out",
    "Operation timed out",
    "No route to host",
    "Network is unreachable",
    "Host is down",
    "Connection to UNKNOWN",
    "Timeout, server",
)
_DROPPED = (
    "kex_exchange_identification",
    "banner exchange",
    "Connection reset by",
    "Connection closed by",
    "Not allowed at this time",
)


_SQL_ERROR = re.compile(r"^ERROR \d+ \(\w+\)", re.MULTILINE)
"""How the clients of MySQL and MariaDB begin what a server says of a statement."""
_DEBRIS = ("mux_client", "ControlSocket", "** ")
_LOCALES = ("warning: setlocale:", "perl: warning:", "locale: Cannot set LC_")
"""What shells and Perl say of a locale that the machine does not have, beside whatever they were asked for."""


def tail(text: str, limit: int = 600) -> str:
    """Give the end of ``text``, on as few lines as it has, without ssh's own debris and without rows of a database."""
    lines = [line.strip() for line in _without_rows(text).splitlines() if line.strip()]
    kept = [line for line in lines if not line.startswith(_DEBRIS) and not any(part in line for part in _LOCALES)]
    return "\n".join(kept)[-limit:]


def _without_rows(text: str) -> str:
    """Leave out what a client of MySQL prints or quotes of a statement that failed: it may be a row of a site's database."""
    if not _SQL_ERROR.search(text):
        return text
    # MariaDB's client prints the statement between two such lines. Of a long one only the end is here, with the second line.
    return without_values(re.sub(r"\A.*^-{14}\s+(?=^ERROR \d)", "", text, flags=re.DOTALL | re.MULTILINE))


def without_values(text: str) -> str:
    """Leave out what a database server quotes of a statement that failed: a row of a site's database, or a password."""
    text = re.sub(r"\b(entry|value:) '.*'(?= for (?:key|column))", r"\1 that is not shown", text, flags=re.DOTALL)
    return re.sub(r" near '.*", " near a row that is not shown", text, flags=re.DOTALL)


def login_failure(conn: Connection, stderr: str) -> HostError:
    """Say why no connection came about, from ssh's standard error."""
    where = f"ssh {conn.user}@{conn.address} port {conn.port}"
    said = tail(stderr, 300)
    if conn.jump is not None:
        where += f" through {conn.jump.host}"
        if (failure := _on_the_way(conn, conn.jump, where, stderr)) is not None:
            return failure
    if "REMOTE HOST IDENTIFICATION HAS CHANGED" in stderr or ("host key for" in stderr and "has changed" in stderr):
        return HostKeyChanged(conn.host, numbered(4020, f"{where}: the host key is not the pinned one ({said})"))
    if "Host key verification failed" in stderr or "host key is known for" in stderr:
        return HostKeyUnknown(
            conn.host,
            numbered(
                4022,
                f"{where}: no host key of this machine is pinned. Write its key into the stack file "
                f"(ssh.host_key), name a known_hosts file that has it (hub.ssh.known_hosts), or set "
                f"ssh.trust to first-use",
            ),
        )
    if "Permission denied" in stderr or "Too many authentication failures" in stderr:
        shown = conn.identity or "any key of the agent"
        return KeyNotAccepted(
            conn.host,
            numbered(
                4030,
                f"{where}: the machine does not accept the key {shown} for {conn.user}. Put the public key into "
                f"~{conn.user}/.ssh/authorized_keys there. sshd also rejects it when that file or its directory is "
                f"writable by others, when root logins are off, or the account's shell is missing",
            ),
        )
    why = _closed(conn.user, stderr)
    if why:
        return LoginClosed(
            conn.host, numbered(4040, f"{where}: the machine accepts the key and closes the login: {why}")
        )
    if "Connection refused" in stderr:
        return ConnectionRefused(
            conn.host,
            numbered(
                4002,
                f"{where}: connection refused for {conn.patience:g} s. The machine is up, but no sshd listens there: "
                f"start sshd, or correct the port",
            ),
        )
    if "Identity file" in stderr or "invalid format" in stderr or "UNPROTECTED PRIVATE KEY" in stderr:
        return KeyNotAccepted(
            conn.host, numbered(4031, f"{where}: the private key {conn.identity} cannot be used: {said}")
        )
    if "Could not resolve hostname" in stderr:
        temporary = "Temporary failure in name resolution" in stderr
        cause = "the hub's name servers do not answer (/etc/resolv.conf)" if temporary else "there is no such name"
        return HostUnreachable(
            conn.host,
            numbered(
                4005,
                f"{where}: the hub cannot resolve {conn.address}: {cause} ({said}). Nobody was asked. Correct that, or "
                f"write the machine's IP address into the stack file",
            ),
        )
    if any(text in stderr for text in _UNREACHABLE):
        return HostUnreachable(
            conn.host,
            numbered(
                4001,
                f"{where}: no answer ({said or 'time limit'}). Check that the machine is on, that the address is "
                f"right, and that no firewall drops port {conn.port}",
            ),
        )
    if any(text in stderr for text in _DROPPED):
        return HostUnreachable(
            conn.host,
            numbered(
                4003,
                f"{where}: the connection was closed before the login ({said}). sshd may be at its MaxStartups "
                f"limit, starting, or blocking this address",
            ),
        )
    return HostUnreachable(conn.host, numbered(4006, f"{where}: {said or 'no connection, and ssh gave no reason'}"))


def _on_the_way(conn: Connection, jump: Connection, where: str, stderr: str) -> HostError | None:
    """Say that the machine that ssh goes through leads nowhere; ``None`` where it does."""
    # Over a shared connection ssh does not hear why: the same for a machine that is off and for one that it may not go to.
    if not any(
        word in stderr for word in ("Connection closed by remote host", "open failed", "stdio forwarding failed")
    ):
        return None
    return HostUnreachable(
        conn.host,
        numbered(
            4007,
            f"{where}: {jump.host} leads to nobody at {conn.address} port {conn.port} ({tail(stderr, 300)}). Check "
            f"there that the machine is on, and check its address as seen from {jump.host} and its firewall. The sshd of "
            f"{jump.host} must have AllowTcpForwarding yes for {jump.user}",
        ),
    )


def worth_retrying(stderr: str) -> bool:
    """Tell whether another try a moment later may succeed: a booting machine, a full login queue."""
    final = ("REMOTE HOST IDENTIFICATION", "Host key verification failed", "Permission denied")
    if any(text in stderr for text in final):
        return False
    return "Connection refused" in stderr or any(text in stderr for text in _DROPPED)


def decoded(text: str) -> str:
    """Read a text that a script reported: as it is after a ``=``, or base64."""
    return text[1:] if text.startswith("=") else base64.b64decode(text).decode(errors="replace")


_CLOSED = (
    (
        ("password has expired", "Password change required", "password change required", "change your password"),
        "its password has expired. As root: chage -M -1 {user}, or passwd {user}",
    ),
    (
        ("account has expired", "Your account has expired", "account expired"),
        "the account has ended. As root: chage -E -1 {user}",
    ),
    (("No space left on device",), "a file system of the machine is full. Look there: df -h; df -i"),
    (("Disk quota exceeded",), "the quota of {user} is used up. Look there: quota -u {user}"),
    (("Read-only file system",), "a file system of the machine is read-only. Look there: findmnt -O ro; dmesg | tail"),
    (
        ("This account is currently not available",),
        "the account has no usable login shell. As root: chsh -s /bin/sh {user}",
    ),
)
"""What PAM, sshd and shells say when they end a session, and what helps (wordings of Debian 11 to 13)."""


def _closed(user: str, said: str) -> str:
    """Say why a session ended before our first line; empty when nothing of it is known."""
    return next((why.format(user=user) for words, why in _CLOSED if any(word in said for word in words)), "")


def command_failure(conn: Connection, what: str, status: int, stdout: str, stderr: str) -> HostError:
    """Say why a command failed, from its status and its output."""
    said = tail(stderr)
    begun = any(line.strip() == BEGIN for line in stdout.splitlines())
    if not begun:
        if "a password is required" in stderr or "a terminal is required" in stderr:
            return SudoRefused(
                conn.host,
                numbered(
                    4050,
                    f"sudo asks {conn.user} for a password. Log in as root, or allow it without one: "
                    f"echo '{conn.user} ALL=(ALL) NOPASSWD: ALL' > /etc/sudoers.d/{conn.user}",
                ),
            )
        if "must have a tty" in stderr:
            return SudoRefused(
                conn.host,
                numbered(
                    4051,
                    f"sudo gives {conn.user} nothing without a terminal (requiretty). As root: "
                    f"echo 'Defaults:{conn.user} !requiretty' > /etc/sudoers.d/aegir-tty",
                ),
            )
        if "sudo: not found" in stderr or "sudo: command not found" in stderr or "sudo: No such file" in stderr:
            return SudoRefused(
                conn.host,
                numbered(
                    4052, f"the login {conn.user} is not root and sudo is not installed. As root: apt-get install sudo"
                ),
            )
        if "is not in the sudoers" in stderr or "not allowed to execute" in stderr or "may not run sudo" in stderr:
            return SudoRefused(conn.host, numbered(4053, f"{conn.user} may not use sudo: {said}"))
        if status == 255:
            return login_failure(conn, stderr)
        why = _closed(conn.user, f"{stderr}\n{stdout}")
        if why:
            return LoginClosed(
                conn.host,
                numbered(
                    4040, f"the login as {conn.user} worked and was closed at once: {why} ({said or tail(stdout, 200)})"
                ),
            )
        noise = tail(stdout, 200)
        return LoginClosed(
            conn.host,
            numbered(
                4041,
                f"the login as {conn.user} worked and was closed at once with status {status}"
                f"{' (' + (said or noise) + ')' if said or noise else ''}: the account has no usable login shell. "
                f"As root: chsh -s /bin/sh {conn.user}",
            ),
        )
    if status == REFUSAL:
        told = [line.split(" ", 1)[1] for line in stdout.splitlines() if line.startswith("::fail ")]
        numbers = re.findall(r"^::number (\d{4})$", stdout, re.MULTILINE)
        why = decoded(told[-1]) if told else said
        return Refused(conn.host, numbered(int(numbers[-1]) if told and numbers else 0, f"{what}: {why}"))
    if status == 255:
        return HostUnreachable(
            conn.host,
            numbered(
                4008,
                f"the connection broke during {what} ({said or 'no reason given'}). Run the same command again: "
                f"it goes on from what it finds",
            ),
        )
    # Our own lines are for us: base64 tells nobody anything.
    printed = "\n".join(line for line in stdout.splitlines() if not line.startswith("::"))
    return CommandFailed(
        conn.host, numbered(4061, f"{what} exited {status}: {said or tail(printed, 300) or 'no output'}")
    )
