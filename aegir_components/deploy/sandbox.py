"""What systemd keeps a site's processes from: nothing that PHP needs, all that a hostile site would use next."""

from __future__ import annotations

from typing import Final

LIMITS: Final = """\
ProtectSystem=full
PrivateDevices=yes
ProtectKernelTunables=yes
ProtectKernelModules=yes
ProtectKernelLogs=yes
ProtectControlGroups=yes
ProtectClock=yes
ProtectHostname=yes
ProtectProc=invisible
RestrictNamespaces=yes
RestrictRealtime=yes
LockPersonality=yes
SystemCallArchitectures=native
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK"""
"""For units of systemd 247 and later; older ones pass over what they do not know."""

MASTER: Final = f"""\
{LIMITS}
CapabilityBoundingSet=CAP_CHOWN CAP_SETUID CAP_SETGID CAP_KILL CAP_DAC_OVERRIDE CAP_FOWNER CAP_SYS_RESOURCE"""
"""For an FPM master, which is root's and starts its site's PHP. Without NoNewPrivileges: Debian's exim sends mail set-user-id."""
