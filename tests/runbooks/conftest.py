"""The runbooks under test, and throw-away hosts to run them on.

They are the shipped runbooks or, under `make rehearse`, those with the owner's from `mine/` over them.
"""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from firstline.errors import ConfigurationError
from firstline.runbooks import catalogue
from firstline.runbooks.catalogue import Catalogue
from firstline_cli import overlay
from local.emulator.hosts import Host, Hosts
from local.rehearsal.rehearse import SCENARIOS
from tests.support import needs

CHECKOUT = Path(__file__).parents[2]
REHEARSED = os.environ.get("FIRSTLINE_REHEARSE", "")
"""The id of the runbook that `make rehearse` asks for; empty in a run of the tests."""

RELEASE_REHEARSALS = "tests/statemachine/test_release_rehearsals.py"


def folders_of(checkout: Path, rehearsed: str) -> tuple[Path, tuple[Path, ...]]:
    """Return the folder of the runbooks under test and the folders of their scenarios; the owner's only to rehearse.

    Raises
    ------
    ConfigurationError
        The runbook that is to be rehearsed does not exist or runs on no host, or a runbook is wrong.
    """
    if not rehearsed:
        return checkout / "runbooks", (SCENARIOS,)
    folder = overlay.together(checkout)
    known = catalogue.load(folder)
    if rehearsed not in known:
        raise ConfigurationError(f"There is no runbook {rehearsed!r}; known are {', '.join(sorted(known))}.")
    if known[rehearsed].releases:
        raise ConfigurationError(
            f"Runbook {rehearsed} runs on no host. Releases are rehearsed elsewhere: the shipped ones by "
            f"`pytest {RELEASE_REHEARSALS}`. `python -m local try {rehearsed} --dry-run` shows what it would look up."
        )
    return folder, (SCENARIOS, checkout / "mine" / "scenarios")


try:
    RUNBOOKS, SCENARIO_FOLDERS = folders_of(CHECKOUT, REHEARSED)
except ConfigurationError as wrong:
    pytest.exit(str(wrong), returncode=pytest.ExitCode.USAGE_ERROR)
SHIPPED = catalogue.load(RUNBOOKS)
ON_HOSTS = [runbook.id for runbook in SHIPPED.values() if not runbook.releases]
"""The runbooks that run on hosts. Those for releases are rehearsed in `RELEASE_REHEARSALS`."""

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
