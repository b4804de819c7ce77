"""Drafts of severities for alerts that state none: a line for each alert that a tool can send, for a person to correct.

Drafts are made from CloudWatch alarms with their tags and actions, Prometheus' rule files, Datadog's monitors, or past
incidents. An alert that states its own severity is left out, because the stated one counts.
"""

from firstline_cli.drafts.alarms import of_alarms
from firstline_cli.drafts.incidents import of_incidents
from firstline_cli.drafts.monitors import of_monitors
from firstline_cli.drafts.rules import holds_rules, of_rules
from firstline_cli.drafts.suggestions import LeftOut, one_for_each

__all__ = ["LeftOut", "holds_rules", "of_alarms", "of_incidents", "of_monitors", "of_rules", "one_for_each"]
