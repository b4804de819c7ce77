"""The fixtures of runbooks and their alerts, and the desk on which they are planned."""

import pytest

from tests.support.runbook_fixtures import *  # noqa: F403
from tests.unit.remediation.desk import Desk, a_desk


@pytest.fixture
def desk() -> Desk:
    return a_desk()
