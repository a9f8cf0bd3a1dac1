"""Certificates of sites, made, read and asked for on the hub. No Pulumi and no machine in it.

``authority``, which requests them, is imported where that is done. Importing acme, requests and OpenSSL takes a tenth
of a second, and every ``pulumi`` command would pay it twice.
"""

from __future__ import annotations

from .faults import AuthorityError, GivenError
from .given import read
from .pem import LAST_DAYS, RENEW_DAYS, Facts, Pair, facts, self_signed

__all__ = ["LAST_DAYS", "RENEW_DAYS", "AuthorityError", "Facts", "GivenError", "Pair", "facts", "read", "self_signed"]
