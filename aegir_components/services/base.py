"""What every server has: the handbook's sections 1.1, 1.2, 1.4, 1.5 and 1.7, as items.

The ``aegir`` account is usable as the handbook asks: login with the hub's key, and a sudo rule to test and reload the
web server. The account owns nothing that a root process reads as configuration (docs/decisions, decision 3). Its home
and ``.ssh`` belong to root as well. sshd accepts that, and a root process that writes into a directory of another user
can be led astray.
"""

from __future__ import annotations

from aegir_components import layout
from aegir_components.scripts import script

PACKAGES = ("rsync", "sudo", "ca-certificates")
WEB_HELPER = "/usr/local/sbin/aegir-webserver"
"""The root-owned program that the sudo rule names, with its two exact arguments."""

SUDO_RULE = f"""\
# Written by aegir. The handbook allows apache2ctl with any arguments; that amounts to root (-c "Include FILE", -f FILE).
Defaults:aegir !requiretty
aegir ALL=(root) NOPASSWD: {WEB_HELPER} test, {WEB_HELPER} reload
"""

HELPER = """\
#!/bin/sh
# Written by aegir: what the aegir account may do as root, and nothing else.
PATH=/usr/sbin:/usr/bin:/sbin:/bin
export PATH
unset CDPATH IFS
test_all() {
    for server in apache2 nginx; do
        systemctl -q is-active "$server" || continue
        case $server in
            apache2) apache2ctl -t || exit 1 ;;
            nginx) nginx -t || exit 1 ;;
        esac
    done
}
case "$#:${1-}" in
    1:test) test_all ;;
    1:reload)
        test_all
        for server in apache2 nginx; do
            if systemctl -q is-active "$server"; then systemctl reload "$server" || exit 1; fi
        done
        ;;
    *)
        echo "usage: aegir-webserver test|reload" >&2
        exit 2
        ;;
esac
"""


KEYS = f"{layout.AEGIR_ROOT}/.ssh/authorized_keys"
"""Whom sshd lets in as ``aegir``."""


def leave_key(holder: str) -> str:
    """Item: the key of a stack's hub goes, and those of others stay."""
    return script.call("leave_hub_key", holder, KEYS, layout.AEGIR_USER)


def items(
    *, holder: str, public_key: str, hub_address: str = "", uid: int | None = None, gid: int | None = None
) -> list[str]:
    """List what every server has, whatever its services are.

    Args:
        holder: the stack that declares it.
        public_key: the hub's public key, a line for ``authorized_keys``; empty where the hub is the machine itself.
        hub_address: where the hub comes from; empty where a state of before does not say.
        uid: the number of the ``aegir`` account; ``None`` leaves the choice to the machine.
        gid: the number of its group.
    """
    home, user = layout.AEGIR_ROOT, layout.AEGIR_USER
    numbers = ["" if number is None else str(number) for number in (uid, gid)]
    lines = [
        "debian_only",
        # Before any package: an account that is somebody else's stops everything, and nothing was changed.
        script.call("want_user", user, home, "/bin/sh", *numbers),
        f'fact numbers "$(id -u {user} 2>/dev/null):$(id -g {user} 2>/dev/null)"',
        script.call("want_member", user, "www-data"),
        script.packages(PACKAGES),
        script.directory(home),
        script.directory(layout.CONFIG_ROOT, mode=0o711),
    ]
    if public_key:
        lines += [
            script.directory(f"{home}/.ssh", group=user, mode=0o750),
            script.hub_key(holder, KEYS, user, f"{_options(hub_address)} {public_key}"),
        ]
    lines += [
        script.file(WEB_HELPER, HELPER, mode=0o755),
        script.sudoers("aegir", SUDO_RULE),
    ]
    return lines


def _options(hub_address: str) -> str:
    """Give what the account's key is limited to: commands and copies, from the hub; no terminal and no forwarding."""
    return f'restrict,from="{hub_address}"' if hub_address else "restrict"
