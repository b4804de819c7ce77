"""The shipped runbooks, and throw-away hosts to run them on."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from firstline.runbooks import catalogue
from firstline.runbooks.catalogue import Catalogue
from local.emulator.hosts import Host, Hosts
from tests.support import needs

RUNBOOKS = Path(__file__).parents[2] / "runbooks"
SHIPPED = catalogue.load(RUNBOOKS)
ON_HOSTS = [runbook.id for runbook in SHIPPED.values() if not runbook.releases]
"""The runbooks that run on hosts. Those for releases are rehearsed in tests/statemachine/test_release_rehearsals.py."""

type StartHost = Callable[[], Host]


@pytest.fixture(scope="session")
def shipped() -> Catalogue:
    return SHIPPED


@pytest.fixture(scope="module")
def start_host() -> Iterator[StartHost]:
    """Return a function that starts a host. All hosts end with the module."""
    needs.require("host")
    hosts = Hosts()
    yield lambda: hosts.start("web-1")
    hosts.close()


def wanted_of[T](request: pytest.FixtureRequest, parameter: str, everything: list[T]) -> list[T]:
    """Return the values of a parameter that the selected tests ask a fixture for, so that it prepares no others."""
    asking = [item for item in request.session.items if request.fixturename in getattr(item, "fixturenames", ())]
    chosen = [item.callspec.params.get(parameter) for item in asking if hasattr(item, "callspec")]
    return everything if len(chosen) < len(asking) else [item for item in everything if item in chosen]
