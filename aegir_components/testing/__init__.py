"""Test doubles for this project and for the stacks that use it."""

from .database import Account, FakeMySQL
from .farm import FakeFarm
from .host import FakeHost
from .mocks import Recorded, RecordingMocks, is_secret, opened

__all__ = ["Account", "FakeFarm", "FakeHost", "FakeMySQL", "Recorded", "RecordingMocks", "is_secret", "opened"]
