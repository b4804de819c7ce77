"""The fixtures of runbooks and of incidents with their evidence."""

from tests.support.classification_fixtures import *  # noqa: F403
from tests.support.runbook_fixtures import make_runbook, runbook_fields, runbooks_dir, shipped  # noqa: F401
