"""Unit tests are pure: a socket opened by one is a bug."""

import pytest
from hypothesis import find
from hypothesis import strategies as st
from pytest_socket import disable_socket

from firstline.observability import metrics


@pytest.fixture(scope="session", autouse=True)
def _characters_are_known() -> None:
    """Hypothesis tries all of Unicode with the first text of a checkout that has to fit a pattern: that takes seconds.

    Whichever test drew it was called too slow. What it then knows it keeps in `.hypothesis`.
    """
    find(st.from_regex("a"), lambda _: True)


@pytest.fixture(autouse=True)
def _no_sockets() -> None:
    disable_socket(allow_unix_socket=True)


@pytest.fixture(autouse=True)
def _no_metric_of_another_test() -> None:
    """Forget the metrics that were counted: all tests of a process share the one Metrics."""
    metrics.clear_metrics()
