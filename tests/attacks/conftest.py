"""What the attacks share with other tests."""

from tests.unit.conftest import shell

__all__ = ["shell"]
