"""Why there is no certificate."""

from __future__ import annotations

from aegir_components.messages import AegirError


class AuthorityError(AegirError):
    """The authority gave no certificate; the text says why, in its own words."""


class GivenError(AegirError):
    """A given certificate cannot be used; the text says which file and why, and never what a key is."""
