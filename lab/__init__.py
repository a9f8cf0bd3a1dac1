"""Debian hosts with systemd, sshd and apt, in containers: for the demo and for the tests.

>>> lab = Lab("demo")
>>> lab.up([HostSpec("web1", image="web"), HostSpec("db1")])
>>> lab.host("web1").run("systemctl is-system-running").stdout
>>> lab.down()
"""

from .errors import EngineFailed, EngineMissing, HostFailed, LabError, ReleaseMissing, SpecError
from .hosts import Host
from .laboratory import Lab
from .specs import HostSpec

__all__ = [
    "EngineFailed",
    "EngineMissing",
    "Host",
    "HostFailed",
    "HostSpec",
    "Lab",
    "LabError",
    "ReleaseMissing",
    "SpecError",
]
