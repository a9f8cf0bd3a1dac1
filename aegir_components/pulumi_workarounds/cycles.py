"""A resource on which the SDK's search for cycles ends.

Upstream: not reported.
Versions: pulumi 3.259, ``pulumi.runtime.resource_cycle_breaker``.
Switch: none; the search finds nothing that is not there.
Test: tests/unit/test_estate.py
"""

from __future__ import annotations

import pulumi


class EndsSearch:
    """A resource that is declared after all that it waits for, so it is in no cycle.

    The SDK walks all that a resource depends on whenever another one is made to depend on it. Each site depends on the
    reloads of its web servers, and these on all sites. The walk takes a million steps for 140 sites on four servers, and
    twelve million for 500. What depends on what is registered all the same.
    """

    @property
    def _direct_computed_dependencies(self) -> set[pulumi.Resource]:
        return set()

    @_direct_computed_dependencies.setter
    def _direct_computed_dependencies(self, found: set[pulumi.Resource]) -> None:
        del found
