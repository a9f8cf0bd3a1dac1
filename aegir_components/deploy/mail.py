"""Where a site's mail goes: out, nowhere, or all of it to one address; for its pages, its cron and its commands alike.

PHP hands mail to the program that its ``sendmail_path`` names. A pool has that value itself. Programs on a command line read it
in a directory of the site's own, which their environment names beside PHP's.
"""

from __future__ import annotations

import posixpath
import shlex
from collections.abc import Mapping
from importlib import resources
from typing import Final

from aegir_components import layout, templates
from aegir_components.scripts import script

ON, OFF = "on", "off"
KEY: Final = "sendmail_path"
_NOWHERE: Final = "/bin/true -t -i"
"""Symfony's mailer takes no program without one of sendmail's modes."""


def values(mail: str, declared: Mapping[str, str]) -> dict[str, str]:
    """Give the values of php.ini that bring a site's mail where it is to go.

    Args:
        mail: ``on``, ``off``, or the address that gets all of it.
        declared: the site's values; a program that it names itself goes on to take its mail.
    """
    if mail == ON:
        return dict(declared)
    program = str(declared.get(KEY, ""))
    if mail == OFF:
        return {**declared, KEY: _NOWHERE}
    by = [program.encode().hex()] if program else []
    return {**declared, KEY: shlex.join([layout.MAIL_REDIRECT, mail, *by, "-t", "-i"])}


def environment(site: str) -> dict[str, str]:
    """Give what lets programs on a command line take the site's values; a directory that is not there says nothing."""
    return {"PHP_INI_SCAN_DIR": f":{layout.site_php_ini(site)}"}


def items(site: str, declared: Mapping[str, str]) -> list[str]:
    """List what a site's mail needs on a web server.

    Args:
        site: what it is known by.
        declared: its values of php.ini, as ``values`` gives them.
    """
    program, place = declared.get(KEY, ""), layout.site_php_ini(site)
    if not program:
        return removal_items(site)
    redirects = program.startswith(f"{layout.MAIL_REDIRECT} ")
    text = resources.files(__package__).joinpath("tools", "redirect-mail").read_text(encoding="utf-8")
    return [
        *([script.file(layout.MAIL_REDIRECT, text, mode=0o755)] if redirects else []),
        script.directory(posixpath.dirname(place)),
        script.directory(place),
        script.file(f"{place}/mail.ini", f"; Written by aegir.\n{KEY} = {templates.ini(program)}\n"),
    ]


def removal_items(site: str) -> list[str]:
    """List what leaves nothing of it; with the last such site goes what all of them share."""
    return [script.call("want_no_mail", layout.site_php_ini(site), layout.MAIL_REDIRECT)]
