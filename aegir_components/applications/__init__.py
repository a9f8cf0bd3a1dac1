"""The applications that a platform can be, and which one a source is."""

from __future__ import annotations

from pathlib import Path

from .base import Answer, Application, CodeBase
from .drupal import DRUPAL
from .drupal7 import DRUPAL7
from .wordpress import WORDPRESS

APPLICATIONS = {application.name: application for application in (DRUPAL, DRUPAL7, WORDPRESS)}

STANDARD = "standard"
"""The install profile of a site that names none."""

__all__ = ["APPLICATIONS", "STANDARD", "Answer", "Application", "CodeBase", "detect"]


def detect(source: Path) -> CodeBase | None:
    """Tell what a source directory holds; ``None`` when it is none of the applications."""
    found = (application.detect(source) for application in APPLICATIONS.values())
    return next((code for code in found if code is not None), None)
