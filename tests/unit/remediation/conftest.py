"""The fixtures of runbooks and of the alerts that they meet."""

from tests.support.runbook_fixtures import *  # noqa: F403
