"""The fixtures of incidents and of the evidence around them."""

from collections.abc import Callable
from typing import Any

import pytest

from firstline.models import Incident
from tests.support.classification_fixtures import *  # noqa: F403
from tests.support.classification_fixtures import FakeModel
from tests.unit.classification.desk import Desk


@pytest.fixture
def desk(incident: Callable[..., Incident]) -> Desk:
    return Desk(incident)


@pytest.fixture
def asking(desk: Desk, judged: Any) -> FakeModel:
    desk.model = FakeModel(judged(severity="medium", confidence=0.9))
    return desk.model
