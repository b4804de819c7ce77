"""The console under test."""

import pytest

from tests.unit.console.shelf import Shelf


@pytest.fixture
def shelf() -> Shelf:
    return Shelf()
