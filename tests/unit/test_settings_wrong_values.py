"""Plausible wrong values of every key: none is accepted in silence, and each message has the path and what to write."""

from __future__ import annotations

import copy
import itertools
from typing import Any

import pytest

from aegir_components import settings

WEB, SITE = "web1.example.com", "www.example.com"
BASE: dict[str, Any] = {
    "hub": {"address": "10.0.0.1", "ssh": {"known_hosts": "/x"}},
    "servers": {
        WEB: {"address": "10.0.0.2", "services": {"web": {"type": "apache_ssl"}, "database": {"type": "mysql"}}}
    },
    "platforms": {"code": {"server": WEB, "source": "/srv/code"}},
    "sites": {SITE: {"platform": "code", "https": "enabled"}},
    "acme": {"directory": "https://acme.example/directory"},
}
SERVER, PLATFORM, ONE = f"servers/{WEB}", "platforms/code", f"sites/{SITE}"
ANY: tuple[Any, ...] = (None, "", [], {}, ["x"], {"a": 1}, True, -1, 1.5)
"""What no key of one value takes, but for those of ``TAKEN``."""
TAKEN: dict[str, tuple[Any, ...]] = {
    f"{ONE}/client": ("",), f"{ONE}/database": ({},), f"{SERVER}/aegir_user/uid": (None,),
    **dict.fromkeys([f"{PLATFORM}/allow_shrink", f"{PLATFORM}/health"], (True,)),
    **dict.fromkeys([f"{ONE}/{key}" for key in ("redirect_aliases", "install", "health", "protect")], (True,)),
}  # fmt: skip
WRONG: dict[str, tuple[Any, ...]] = {
    "environment": ("prod", "Production"),
    "translations": ("translations",),
    "rules": ("~/rules.py",),
    "hub/address": ("hub.example.com", "10.0.0.256"),
    "hub/root": ("var/aegir", "/var/aegir/"),
    "hub/ssh/identity": ("~/.ssh/id",),
    "acme/directory": ("http://x", "acme.example/dir"),
    "acme/mail": ("x", "a@b"),
    "acme/authority": ("ca.pem",),
    f"{SERVER}/address": ("web1", "10.0.0.2/24"),
    f"{SERVER}/connection": ("SSH", "ssh "),
    f"{SERVER}/dns": ("Warn", "off"),
    f"{SERVER}/ssh/user": ("root;", "räger"),
    f"{SERVER}/ssh/port": ("22", 0, 65536),
    f"{SERVER}/ssh/identity": ("id_ed25519",),
    f"{SERVER}/ssh/host_key": ("ssh-ed25519", "SHA256:x"),
    f"{SERVER}/ssh/trust": ("first_use", "Pinned"),
    f"{SERVER}/services/web/type": ("apache2", "Apache", "httpd"),
    f"{SERVER}/services/web/port": ("80", 0),
    f"{SERVER}/services/web/php": (8.2, "8", "php8.2"),
    f"{SERVER}/services/database/type": ("mariadb", "MySQL"),
    f"{SERVER}/services/database/address": ("x y",),
    f"{SERVER}/services/database/admin/name": ("jürgen",),
    f"{SERVER}/services/database/tls": ("require", "on"),
    f"{SERVER}/services/database/reach": ("SSH",),
    f"{SERVER}/aegir_user/uid": ("1001", 0),
    f"{PLATFORM}/server": ("web2", WEB.upper()),
    f"{PLATFORM}/source": ("srv/x", "~/x"),
    f"{PLATFORM}/publish_path": ("x", "/x"),
    f"{PLATFORM}/keep_releases": ("3", 0, 101),
    f"{PLATFORM}/allow_shrink": ("true", "yes", 1),
    f"{PLATFORM}/verify": ("Full", "all"),
    f"{PLATFORM}/health": ("no", 0),
    f"{PLATFORM}/rollback": ("abc", 1234567890123456),
    f"{PLATFORM}/release": ("abc",),
    f"{ONE}/platform": ("cod", "Code"),
    f"{ONE}/database": ("db1",),
    f"{ONE}/profile": ("Standard", "standard.info.yml"),
    f"{ONE}/title": (2024, " "),
    f"{ONE}/language": ("German", "EN"),
    f"{ONE}/admin/name": ("jürgen", "<admin>"),
    f"{ONE}/admin/mail": ("x", "a@b"),
    f"{ONE}/formerly": ("X", "a b"),
    f"{ONE}/state": ("disable", "Enabled", False),
    f"{ONE}/redirect_aliases": ("true", 1),
    f"{ONE}/https": ("require", "on"),
    f"{ONE}/certificate": ("letsencrypt", "self_signed"),
    f"{ONE}/install": ("no", 0),
    f"{ONE}/health": ("off", 0),
    f"{ONE}/password_version": ("2", 0),
    f"{ONE}/protect": ("yes",),
    f"{ONE}/client": (5,),
    f"{ONE}/isolation": ("Pool", "fpm"),
    f"{ONE}/cron": ("hourly ", "5", 5),
    f"{ONE}/php/time": ("30s", "30"),
    f"{ONE}/php/children": (0, "8"),
    f"{ONE}/php/memory": (512, "512MB", 0),
    f"{ONE}/php/version": (8.2, "8"),
    f"{ONE}/limits/cpu": (50, "50", "half", "0%"),
    f"{ONE}/limits/memory": (512, "512MB", "32M"),
    f"{ONE}/limits/tasks": (8, "64"),
    f"{ONE}/limits/connections": (0, 1, "10"),
    f"{SERVER}/limits/cpu": (1.5, "150 %"),
    f"{SERVER}/limits/memory": ("2T",),
    f"{SERVER}/limits/tasks": (15,),
    f"{SERVER}/limits/connections": (1,),
}
HELP = (
    "must be ",
    "must have ",
    "must not ",
    "is empty; write ",
    "write ",
    "; known: ",
    "did you mean ",
    "missing; ",
    "no server",
    "unknown key",
    "has no ",
    "needs ",
    "is no valid",
    "is cut off",
    "no platform",
    "is for ",
    "declares no versions",
)
"""How a message says what is taken."""


def faults(path: str, value: object) -> tuple[str, ...]:
    config = copy.deepcopy(BASE)
    *steps, last = path.split("/")
    place = config
    for step in steps:
        place = place.setdefault(step, {}) if isinstance(place.get(step, {}), dict) else place
    place[last] = value
    with pytest.raises(settings.SettingsError) as caught:
        settings.load(config, lambda _path: False)
    return caught.value.faults


@pytest.mark.parametrize("path", WRONG)
def test_no_wrong_value_is_taken_and_each_message_helps(path: str) -> None:
    taken = TAKEN.get(path, ())
    values = [value for value in ANY if not any(value == each and type(value) is type(each) for each in taken)]
    for value in itertools.chain(values, WRONG[path]):
        found = faults(path, value)
        last = path.rpartition("/")[2]
        assert any(last in fault.partition(": ")[0] for fault in found), (value, found)
        assert all(any(word in fault for word in HELP) for fault in found), (value, found)
        assert not any("a string, not a" in fault for fault in found), (value, found)
