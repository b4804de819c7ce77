"""Fixtures of the shipped runbooks, and of the builders in `tests.support.spool`."""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from firstline.models import Classification, Incident, NormalizedAlert
from firstline.runbooks import catalogue
from firstline.runbooks.catalogue import Catalogue
from firstline.runbooks.model import Runbook
from tests.support import spool

type Make[T] = Callable[..., T]


@pytest.fixture(scope="session")
def runbooks_dir() -> Path:
    return Path(__file__).parents[2] / "runbooks"


@pytest.fixture(scope="session")
def shipped(runbooks_dir: Path) -> Catalogue:
    return catalogue.load(runbooks_dir)


@pytest.fixture
def now() -> datetime:
    return spool.NOW


@pytest.fixture(scope="session")
def make_alert() -> Make[NormalizedAlert]:
    return spool.an_alert


@pytest.fixture(scope="session")
def make_incident() -> Make[Incident]:
    return spool.an_incident


@pytest.fixture(scope="session")
def make_classification() -> Make[Classification]:
    return spool.a_classification


@pytest.fixture(scope="session")
def runbook_fields() -> Make[dict[str, Any]]:
    return spool.runbook_fields


@pytest.fixture(scope="session")
def make_runbook() -> Make[Runbook]:
    return spool.a_runbook
