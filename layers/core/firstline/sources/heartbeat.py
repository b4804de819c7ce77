"""Recognition of dead man's switches: alerts that fire all the time to show that alerting works.

Known names are kube-prometheus' `Watchdog`, `DeadMansSwitch`, `DeadMansSnitch`, and those of collections of rules, such
as `PrometheusAlertmanagerE2eDeadManSwitch`:
https://runbooks.prometheus-operator.dev/runbooks/general/watchdog/
https://samber.github.io/awesome-prometheus-alerts/
"""

import re
from functools import lru_cache
from typing import Any

CALLED = "Watchdog"
"""The alert name that stands for every dead man's switch when rules.yaml declares heartbeats."""

# Names are compared by their letters. A watchdog is one of alerting only if nothing else is in its name: a kernel and
# a board have watchdogs, too. An alert that a switch is missing is a real one.
_OF_ALERTING = (
    r"(?:prometheus|alertmanager|alerting|alerts?|monitoring|observability|pipeline|kube|cluster|ee|endtoend|"
    r"thanos|mimir|cortex|loki|ruler|grafana|victoriametrics|vmalert)*"
)
# A switch of one place is a switch: `DeadMansSwitchProd`, `Watchdog (eu-west-1)`.
_PLACE = (
    r"(?:prod|production|live|staging|stage|stg|preprod|nonprod|dev|development|test|testing|qa|uat|"
    r"us|eu|ap|sa|ca|me|af|il|mx|gov|north|south|east|west|central)*"
)
_HEARTBEAT = (
    r"(?:prometheus|alertmanager|alerting|alerts?|monitoring|observability|pipeline|vmalert|ee|endtoend)+heartbeats?"
)
_NAME = re.compile(
    rf".*deadmans?(?:switch|snitch|alert|alarm)?(?:alert)?{_PLACE}"
    rf"|{_PLACE}(?:{_OF_ALERTING}watchdog(?:alert)?|{_HEARTBEAT}|{_OF_ALERTING}always(?:firing|fires)){_PLACE}"
)
_MISSING = re.compile(r"^no|missing|absent|lost|fail|broken|silent|stopped|dead(?!man)|down$")
_ALWAYS = re.compile(
    r"\balways[- ](?:fir(?:ing|es)|be firing)\b|\b(?:should|must) always fire\b"
    r"|\bmeant to ensure that the entire alerting pipeline is functional\b",
    re.IGNORECASE,
)

_CONSTANT = re.compile(r"[?&](?:g0\.)?expr=\s*vector(?:%28|\()1(?:%29|\))\s*(?:&|$)", re.IGNORECASE)
_TRIAL = re.compile(r"test|drill|trial|demo|fake|dummy|sample|example|simulat|hello", re.IGNORECASE)


@lru_cache(maxsize=512)
def is_dead_mans_switch(name: str) -> bool:
    """Return True if the name of an alert is that of a dead man's switch: `Watchdog`, `DeadMansSwitchProd`."""
    letters = "".join(char for char in name.lower() if char.isalpha())
    return _NAME.fullmatch(letters.removesuffix("alert")) is not None and _MISSING.search(letters) is None


def says_that_it_always_fires(text: str) -> bool:
    """Return True if the text of an alert says that it always fires: "This alert is always firing"."""
    return _ALWAYS.search(text) is not None


def has_constant_rule(name: str | None, link: Any) -> bool:
    """Return True if the link to an alert's rule holds the constant `vector(1)`, so that the rule always fires.

    People who test a pager write such a rule too, so a name with a word such as `test` or `drill` does not count.
    """
    return type(link) is str and _CONSTANT.search(link[:2_000]) is not None and not _TRIAL.search(name or "")
