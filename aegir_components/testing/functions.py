"""Which functions of a plan the fake machine knows, and by which of its methods."""

from __future__ import annotations

from . import shares

KINDS = {"dir": "directory"}
KNOWN = {
    "debian_only": "debian_only",
    "want_packages": "packages",
    "want_no_file": "no_file",
    "want_no_vhost": "no_vhost",
    "want_file": "file",
    "want_sudoers": "sudoers",
    "want_member": "member",
    "want_php": "php",
    "want_site_links": "site_links",
    "want_web_server_gone": "web_server_gone",
    "activate": "activate",
    "activate_new": "activate",
    **shares.KNOWN,
    "want_publishable": "publishable",
    "want_published": "published",
    "want_release": "release",
    "want_staged": "release",
    "want_mysql_certificate": "mysql_certificate",
    "refuse_vhosts": "refuse_below",
    "refuse_sites": "refuse_below",
    "fact": "fact",
    "mysql_server": "mysql_server",
    "mysql_statements": "mysql_statements",
    "mysql_login": "mysql_login",
    "names_facts": "names_facts",
    "want_hosts_block": "hosts_block",
    "release_facts": "release_facts",
    "release_accept": "release_accept",
    "as_user": "as_user",
    "site_php": "site_php",
    "want_no_certificate": "no_certificate",
    "want_own_directives": "own_directives",
    "remove_site_data": "remove_site_data",
    "remove_site_user": "remove_site_user",
}
"""Shell functions, and the methods that stand in for them; every other ``want_...`` is kept under its first argument."""
