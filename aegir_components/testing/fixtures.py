"""Fixtures for pytest; in a ``conftest.py``: ``pytest_plugins = ["aegir_components.testing.fixtures"]``."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from .farm import FakeFarm


@pytest.fixture
def farm() -> Iterator[FakeFarm]:
    """Give an empty farm that stands in for every machine while the test runs."""
    with FakeFarm().installed() as made:
        yield made
