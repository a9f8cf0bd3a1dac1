"""The handbook's convention for a platform's name: which server it is on, and what it is."""

from __future__ import annotations

import re
from pathlib import Path

from aegir_components.applications import APPLICATIONS, detect


def conventional_name(server: str, source: str) -> str | None:
    """Name a platform ``<server>-drupal-<version>``; ``None`` when the source is no code base that is known.

    Args:
        server: the server or cluster that it is on; of a host name, the first label.
        source: the directory with the code.
    """
    code = detect(Path(source)) if source.startswith("/") else None
    if code is None:
        return None
    kind = APPLICATIONS[code.application].called
    name = re.sub(r"[^a-z0-9._-]+", "-", f"{server.split('.', maxsplit=1)[0]}-{kind}-{code.version}".lower())
    return name[:64].strip("-._")
