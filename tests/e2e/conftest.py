"""One running stack for all of these tests, and a second one whose people want to be asked and whose model talks."""

from collections.abc import Iterator

import pytest

from tests.e2e.running import LocalStack

TIME_LAPSE = "5"
"""Nobody has to acknowledge within 5 minutes here, but within one; a recovery is looked for after 2 seconds, not 10."""


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    """A Firstline that remediates by itself and has no model."""
    running = LocalStack(tmp_path_factory.mktemp("stack"), "--time-lapse", TIME_LAPSE)
    yield running
    running.stop()
