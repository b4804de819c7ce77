"""The fixtures of runbooks and of the alerts that runbooks fit."""

from tests.support.runbook_fixtures import *  # noqa: F403
