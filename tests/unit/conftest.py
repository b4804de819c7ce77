"""Unit tests are pure: a socket opened by one is a bug."""

import pytest
from hypothesis import find
from hypothesis import strategies as st
from pytest_socket import disable_socket

from firstline.observability import metrics


@pytest.fixture(scope="session", autouse=True)
def _characters_are_known() -> None:
    """Draw one text before the tests: for the first one of a checkout, Hypothesis needs seconds to list all of Unicode.

    Otherwise the test that draws it would fail as too slow. Hypothesis keeps the list in `.hypothesis`.
    """
    find(st.from_regex("a"), lambda _: True)


@pytest.fixture(autouse=True)
def _no_sockets() -> None:
    disable_socket(allow_unix_socket=True)


@pytest.fixture(autouse=True)
def _no_metric_of_another_test() -> None:
    """Clear the collected metrics, because all tests of a process share one `metrics`."""
    metrics.clear_metrics()
