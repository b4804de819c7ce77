"""The fixtures of runbooks."""

from tests.support.runbook_fixtures import *  # noqa: F403
