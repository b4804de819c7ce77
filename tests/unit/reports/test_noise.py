"""The noisiest groups, and the rules that would have helped with them."""

from datetime import UTC, timedelta
from typing import Any

import pytest

from firstline.models import Feedback, IncidentRecord
from firstline.policy.rules import Rules
from firstline.reports.noise import Noisy, noisiest
from tests.support.builders import NOW, OPENED, a_classification, a_record, an_alert, an_incident


def lasted(minutes: float, number: int = 0, **changes: Any) -> IncidentRecord:
    """An incident that resolved by itself after so many minutes."""
    alert: dict[str, Any] = {"severity": "medium", "alert_name": "Flaky*"}
    alert |= {name: changes.pop(name) for name in ("severity", "alert_name", "group_key", "host") if name in changes}
    opened = OPENED + timedelta(hours=2 * number)
    incident = an_incident(an_alert(**alert), opened_at=opened, incident_id=f"inc-{number}", **changes.pop("what", {}))
    over = opened + timedelta(minutes=minutes)
    fields: dict[str, Any] = {"status": "CLOSED", "closed_at": over, "resolved_at": over, "outcome": "self_cleared"}
    fields |= {"classification": a_classification(severity=alert["severity"]), "last_alert_at": opened}
    return a_record(incident, **fields | changes)


def first(*records: IncidentRecord) -> Noisy:
    return noisiest(records, UTC)[0]


FLAKY = [lasted(4, number) for number in range(6)]


TAKEN = lasted(3, 6, outcome="resolved", acknowledged_by="ada", acknowledged_at=OPENED, paged_at=OPENED)
LONG = lasted(20, 7)
CRITICAL = lasted(4, 8, severity="critical")


def test_a_group_that_ends_by_itself_gets_a_rule_that_waits_five_minutes_for_it_alone() -> None:
    found = first(*FLAKY, TAKEN, LONG, CRITICAL, lasted(4, 9, alert_name="Other", group_key="g2"))

    assert (found.incidents, found.paged, found.by_themselves) == (9, 1, 8)
    assert found.advice.rule is not None
    assert found.advice.rule["hold"] == "5m"
    (rule,) = Rules.model_validate({"rules": [found.advice.rule]}).rules
    assert rule.match.fits(FLAKY[0].incident.alert)
    assert not rule.match.fits(an_alert(alert_name="Flaky")), "the star of `Flaky*` is a part of its name"


def test_what_a_rule_that_waits_five_minutes_would_have_hidden_is_counted() -> None:
    hides = first(*FLAKY, TAKEN, LONG, CRITICAL).advice.hides

    assert hides is not None
    assert hides.hidden == len([*FLAKY, TAKEN]), "they ended within the five minutes"
    assert (hides.real, hides.pages) == (1, 1), "`TAKEN`"
    assert hides.later == 1, "`LONG` outlasts the five minutes"
    assert (hides.critical, hides.spared) == (0, 1), "a rule that waits leaves critical alerts alone"


def test_a_rule_of_noise_names_the_criticals_that_it_would_have_hidden() -> None:
    said = [Feedback(person=who, by=who, said="noise", at=NOW) for who in ("ana", "bo")]
    critical = lasted(3, 6, classification=a_classification(severity="critical"), outcome="resolved", paged_at=OPENED)

    found = first(*[lasted(4, number, feedback=said) for number in range(3)], critical)

    assert found.advice.rule is not None
    assert found.advice.rule["severity"] == "noise"
    hides = found.advice.hides
    assert hides is not None
    assert (hides.hidden, hides.critical, hides.real, hides.pages) == (4, 1, 0, 1)


@pytest.mark.parametrize(
    ("says", "records"),
    [
        ("too few", FLAKY[:4]),
        ("needed somebody", [*FLAKY[:3], *[lasted(4, n, acknowledged_by="ada") for n in range(3, 6)]]),
        ("calls it critical", [lasted(4, number, severity="critical") for number in range(6)]),
        ("more than an hour", [lasted(90, number) for number in range(6)]),
        ("storm", [lasted(4, number, what={"storm": True}) for number in range(6)]),
    ],
)
def test_where_no_rule_would_help_the_reason_is_given(says: str, records: list[IncidentRecord]) -> None:
    advice = first(*records).advice
    assert advice.rule is None
    assert says in advice.why


def test_a_group_of_suppressed_incidents_is_not_noisy() -> None:
    assert noisiest([*[lasted(4, number, outcome="suppressed") for number in range(6)], lasted(4, 7)], UTC) == []
