"""Certificates of sites, made, read and asked for on the hub. No Pulumi and no machine in it."""

from __future__ import annotations

from .authority import AuthorityError, obtain
from .given import GivenError, read
from .pem import RENEW_DAYS, Facts, Pair, facts, self_signed

__all__ = ["RENEW_DAYS", "AuthorityError", "Facts", "GivenError", "Pair", "facts", "obtain", "read", "self_signed"]
