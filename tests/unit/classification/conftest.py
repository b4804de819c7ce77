"""The fixtures of incidents and of the evidence around them."""

from tests.support.classification_fixtures import *  # noqa: F403
