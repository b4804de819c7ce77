"""One running stack for all of these tests, and a second one whose people want to be asked and whose model talks."""

from collections.abc import Iterator

import pytest

from tests.e2e.model import KEY, Model
from tests.e2e.running import LocalStack

MODEL_DEADLINE_SECONDS = 3
TIME_LAPSE = "5"
"""Nobody has to acknowledge within 5 minutes here, but within one; a recovery is looked for after 2 seconds, not 10."""


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    """A Firstline that remediates by itself and has no model."""
    running = LocalStack(tmp_path_factory.mktemp("stack"), "--time-lapse", TIME_LAPSE)
    yield running
    running.stop()


@pytest.fixture(scope="session")
def model() -> Model:
    """The model that `asking` asks. It refuses connections until a test lets it talk."""
    return Model()


@pytest.fixture(scope="session")
def asking(tmp_path_factory: pytest.TempPathFactory, model: Model) -> Iterator[LocalStack]:
    """A Firstline that asks: people before it remediates, a model how bad it is. Its audit runs every 2 seconds."""
    running = LocalStack(
        tmp_path_factory.mktemp("asking"),
        *("--time-lapse", TIME_LAPSE, "--audit-seconds", "2"),
        *("--parameter", "RemediationMode=approve"),
        *("--parameter", f"LlmBaseUrl={model.url}", "--parameter", "LlmModel=scripted"),
        *("--parameter", f"LlmDeadlineSeconds={MODEL_DEADLINE_SECONDS}"),
    )
    running.set_secret("llm/api-key", KEY)
    yield running
    running.stop()
