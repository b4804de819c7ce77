"""The fixtures of runbooks and of the alerts that they meet, and what plans them."""

import pytest

from tests.support.runbook_fixtures import *  # noqa: F403
from tests.unit.remediation.desk import Desk, a_desk


@pytest.fixture
def desk() -> Desk:
    return a_desk()
