"""Where the sites of a cluster have their uploads: a directory that every member sees, mounted by us or by others."""

from __future__ import annotations

from aegir_components import layout
from aegir_components.scripts import script
from aegir_components.scripts.libraries import functions


def items(path: str) -> list[str]:
    """List what tells whether a member sees the directory."""
    return [functions("uploads"), script.call("want_shared", path)]


def unmounted_items(path: str) -> list[str]:
    """List what takes the directory away where our mount was; one with files stays."""
    return [f"{script.call('rmdir', path)} 2>/dev/null || :"]


def leave_token(path: str, token: str) -> list[str]:
    """List what writes a proof into the directory."""
    return [functions("uploads"), script.call("leave_token", path, token)]


def find_token(path: str, token: str) -> list[str]:
    """List what reads it on another member."""
    return [functions("uploads"), script.call("find_token", path, token)]


def remove_token(path: str, token: str) -> list[str]:
    """List what removes it."""
    return [script.call("rm", "-f", f"{path}/.aegir-proof-{token}")]


def files_items(path: str, user: str, *, served: bool) -> list[str]:
    """List what a site's directory of uploads is on a machine of its own.

    Args:
        path: the directory.
        user: the site's user.
        served: whether uploads take the mode of the directory that they are in. The web server then needs an access list.
    """
    if not served:
        return [script.directory(path, owner=user, group="www-data", mode=0o2770)]
    return [script.packages(("acl",)), functions("uploads"), script.call("want_served_dir", path, user)]


def waiting_items(path: str) -> list[str]:
    """List what lets the web server read what is put into a directory of temporary files and moved later."""
    return [functions("uploads"), script.call("want_served", path)]


def site_items(base: str, root: str, site: str, user: str, *, served: bool = False, config: bool = False) -> list[str]:
    """List a site's own directories below the shared one, and the links to them where uploads are without it.

    Args:
        base: the shared directory.
        root: the publish root.
        site: what the site is known by.
        user: the site's user.
        served: whether uploads take the mode of the directory that they are in.
        config: whether the directory of its configuration is among them.
    """
    home = layout.uploads_directory(base, site)
    lines = [functions("uploads"), script.call("want_shared_dir", home, "root", "root", "755", user)]
    also = (("config", layout.site_configuration(root, site), user),) if config else ()
    for part, link, group in (
        ("files", layout.site_files(root, site), "www-data"),
        ("private", layout.site_private(root, site), user),
        *also,
    ):
        if served and part == "files":
            lines += files_items(f"{home}/{part}", user, served=True)
        else:
            lines.append(script.call("want_shared_dir", f"{home}/{part}", user, group, "2770", user))
        lines.append(script.call("want_upload_link", link, f"{home}/{part}"))
    return lines
