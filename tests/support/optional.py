"""What a test needs but not every machine has: without it the test is skipped, in CI it fails."""

import os
from typing import NoReturn

import pytest

REQUIRE_ALL = "FIRSTLINE_REQUIRE_ALL"
"""Set in CI, where nothing may be skipped."""


def missing(what: str) -> NoReturn:
    """Say what is not there, and what brings it."""
    if os.environ.get(REQUIRE_ALL):
        pytest.fail(f"{what} ({REQUIRE_ALL} is set, so this is a failure)", pytrace=False)
    pytest.skip(what)
