"""The applications that a platform can be, and which one a source is.

Each has a package here with its own name: what it is (``APPLICATION``), its PHP programs, and the template of its settings file.
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

from .base import Answer, Application, CodeBase

_NAMES = (
    "drupal",
    "drupal7",
    "wordpress",
    "backdrop",
)
"""Of the packages, in the order in which a source is compared with them."""

APPLICATIONS: dict[str, Application] = {name: import_module(f"{__name__}.{name}").APPLICATION for name in _NAMES}

STANDARD = "standard"
"""The install profile of a site that names none."""

__all__ = ["APPLICATIONS", "STANDARD", "Answer", "Application", "CodeBase", "detect", "prefix_of", "shares_config"]


def detect(source: Path) -> CodeBase | None:
    """Tell what a source directory holds; ``None`` when it is none of the applications."""
    found = (application.detect(source) for application in APPLICATIONS.values())
    return next((code for code in found if code is not None), None)


def prefix_of(application: str) -> str:
    """Give what the names of a site's tables begin with; nothing where no application is known."""
    known = APPLICATIONS.get(application)
    return known.prefix if known else ""


def shares_config(application: str) -> bool:
    """Return whether the directory of a site's configuration is shared where uploads are; not where no application is known."""
    known = APPLICATIONS.get(application)
    return known is not None and known.shares_config
