"""wp-cli on a web server: one pinned file, brought there when a command needs it."""

from __future__ import annotations

from typing import Final

from aegir_components.scripts import script
from aegir_components.scripts.libraries import functions

VERSION: Final = "2.10.0"
SHA256: Final = "4c6a93cecae7f499ca481fa7a6d6d4299c8b93214e5e5308e26770dbfd3631df"
"""Of the published phar; its publisher keeps it beside the phar, in wp-cli/builds."""
ADDRESS: Final = f"https://github.com/wp-cli/wp-cli/releases/download/v{VERSION}/wp-cli-{VERSION}.phar"
PATH: Final = "/var/lib/aegir/commands/wp-cli.phar"


def look(checksum: str) -> list[str]:
    """List what tells whether the file is there: the fact ``there`` is ``yes`` then."""
    return [f'[ "$(sha256sum <{PATH} 2>/dev/null)" != "{checksum}  -" ] || fact there yes']


def receive(checksum: str) -> str:
    """Render the script that takes the file from its standard input, and keeps it only when it is the right one."""
    lines = [functions("command"), script.call("receive_file", PATH, checksum)]
    return script.render("apply", lines, holder="wp-cli", lock=False)
