"""Inputs of a provider that has no types of its own yet."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any

from .props import Props

if TYPE_CHECKING:

    class Untyped(Props):
        """Inputs of a provider that reads them by strings."""
else:

    class Untyped(dict):
        """Inputs of a provider that reads them by strings."""

        @classmethod
        def from_props(cls, props: Mapping[str, Any]) -> Untyped:
            """Take them as they are."""
            return cls(props)

        @classmethod
        def partly(cls, props: Mapping[str, Any], unknown: Collection[str]) -> Untyped:
            """Take those that are known."""
            del unknown
            return cls(props)
