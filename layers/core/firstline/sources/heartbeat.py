"""Dead man's switches: rules that always fire to show that alerting works, so that their absence is the signal.

The one definition of what they are called. Known names: kube-prometheus' `Watchdog`, `DeadMansSwitch`,
`DeadMansSnitch`, and those of rule collections, such as `PrometheusAlertmanagerE2eDeadManSwitch`:
https://runbooks.prometheus-operator.dev/runbooks/general/watchdog/
https://samber.github.io/awesome-prometheus-alerts/
"""

import re
from functools import lru_cache
from typing import Any

CALLED = "Watchdog"
"""The name that a declaration of heartbeats may use for every dead man's switch."""

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
    """Return True if an alert of this name fires to show that alerting works."""
    letters = "".join(char for char in name.lower() if char.isalpha())
    return _NAME.fullmatch(letters.removesuffix("alert")) is not None and _MISSING.search(letters) is None


def says_that_it_always_fires(text: str) -> bool:
    """Return True if the text of a rule says so: "This alert is always firing"."""
    return _ALWAYS.search(text) is not None


def has_constant_rule(name: str | None, link: Any) -> bool:
    """Return True if the link to an alert's rule shows that it always fires: `…/graph?g0.expr=vector%281%29`.

    Who tests a pager writes such a rule, too; it has a name that says so.
    """
    return type(link) is str and _CONSTANT.search(link[:2_000]) is not None and not _TRIAL.search(name or "")
