"""The lessons of a period: how well each decider did, what was hidden, and which rules are suggested."""

from typing import Any

import pytest

from firstline.models import AlertKind, Evidence, Feedback, IncidentRecord
from firstline.policy.rules import Rules
from firstline.reports.lessons import lessons
from tests.support.builders import NOW, a_classification, a_record, an_alert, an_incident

REASON = "3 of the last 5 came to nothing"


def closed(
    *said: str, number: int = 0, severity: str = "medium", outcome: Any = "resolved", **alert: Any
) -> IncidentRecord:
    """Make a closed incident; each of `said` is `<person> <word>`."""
    feedback = [
        Feedback.model_validate({"person": who, "by": f"{who} (Slack)", "said": what, "at": NOW})
        for who, what in (word.split() for word in said)
    ]
    return a_record(
        an_incident(an_alert(**{"severity": "medium"} | alert), incident_id=f"inc-{number}"),
        classification=a_classification(severity=severity, decided_by="history"),
        status="CLOSED",
        closed_at=NOW,
        outcome=outcome,
        outcome_reason=REASON,
        feedback=feedback,
    )


def test_a_deciders_verdicts_are_counted_by_what_people_said_and_by_how_the_incidents_ended() -> None:
    records = [closed("ana real"), closed("ana noise"), closed(), closed(outcome="expired")]
    (decided,) = lessons(records).deciders
    assert decided.decider == "history"
    assert (decided.verdicts, decided.judged, decided.right) == (4, 2, 1), "of the two that ana judged, one was right"
    assert (decided.proven, decided.proven_right) == (3, 2), "`resolved` proves the third right, `expired` nothing"


NAME = "Disk [full]* of 'db'"


def test_a_group_that_people_keep_calling_noise_suggests_a_rule_that_fits_it_and_nothing_else() -> None:
    group = [closed("ana noise", "bo noise", alert_name=NAME), *[closed("bo noise", alert_name=NAME)] * 2]

    (found,) = lessons([*group, closed(alert_name=NAME)]).suggestions

    assert (found.incidents, found.noise, found.people) == (4, 3, ["ana (Slack)", "bo (Slack)"])
    assert found.rule is not None
    rules = Rules.model_validate({"rules": [found.rule]})
    (rule,) = rules.rules
    evidence = Evidence(same_name_last_hour=1, earlier=[], deployments=[], local_time=NOW, business_hours=True)
    assert rule.severity == "noise"
    assert rules.first(group[0].incident, evidence.local_time) == rule
    others: tuple[dict[str, Any], ...] = (
        {"alert_name": "Disk full"},
        {"alert_name": NAME, "host": "web-2"},
        {"alert_name": NAME[:-1]},
    )
    for other in others:
        assert rules.first(closed(**other).incident, evidence.local_time) is None


def test_a_star_in_a_name_makes_no_rule_that_hides_everything() -> None:
    (found,) = lessons(
        [closed("ana noise", "bo noise", alert_name="*"), *[closed("bo noise", alert_name="*")] * 2]
    ).suggestions

    (rule,) = Rules.model_validate({"rules": [found.rule]}).rules
    assert rule.match.fits(an_alert(alert_name="*"))
    assert not rule.match.fits(an_alert(alert_name="DiskFull"))


@pytest.mark.parametrize(
    ("why", "records"),
    [
        ("too few", [closed("ana noise"), closed("bo noise")]),
        ("one person only", [closed("ana noise")] * 5),
        ("somebody called one real", [*[closed("ana noise", "bo noise")] * 5, closed("cy real")]),
        ("different groups", [closed("ana noise", "bo noise", group_key=f"g{number}") for number in range(5)]),
        ("they took it back", [closed("ana noise", "bo noise", "ana real", "bo wrong_cause")] * 5),
    ],
)
def test_without_enough_people_of_one_mind_nothing_is_suggested(why: str, records: list[IncidentRecord]) -> None:
    assert lessons(records).suggestions == []


def test_no_rule_is_suggested_for_a_group_that_its_source_calls_critical() -> None:
    critical = closed("ana noise", "bo noise").model_copy(
        update={"incident": an_incident(an_alert(severity="critical"))}
    )
    (found,) = lessons([critical] * 3).suggestions
    assert found.rule is None


def test_no_rule_is_suggested_for_a_storm() -> None:
    stormy = closed("ana noise", "bo noise").model_copy(update={"incident": an_incident(an_alert(), storm=True)})
    assert lessons([stormy] * 5).suggestions == []


def test_a_group_with_suppressed_incidents_is_listed_with_the_last_one_and_its_reason() -> None:
    records = [
        *[closed(number=number, severity="noise", outcome="suppressed") for number in range(3)],
        closed("ana real", number=3, severity="noise", outcome="suppressed", group_key="g2"),
        closed(number=4),
    ]
    first, second = lessons(records).hidden
    assert (first.incidents, first.last, first.real) == (3, "inc-2", False)
    assert first.reason == REASON
    assert (second.incidents, second.last, second.real) == (1, "inc-3", True)


def test_alerts_without_a_severity_that_nobody_judged_are_listed_the_most_frequent_first() -> None:
    def unstated(name: str, number: int, *said: str) -> IncidentRecord:
        kind = AlertKind(source="cloudwatch", alert_name=name, environment="prod")
        found = closed(number=number, alert_name=name)
        words = [Feedback(person=who, by=who, said="word", severity="low", at=NOW) for who in said]
        verdict = a_classification(severity="medium", subject=kind)
        return found.model_copy(update={"classification": verdict, "feedback": words})

    judged = [unstated("judged", 0, "ana"), unstated("judged", 1)]
    records = [unstated("rare", 2), unstated("often", 3), *judged, unstated("often", 4), closed(number=5)]
    often, rare = lessons(records).unjudged

    assert (often.alert_name, often.incidents, often.last) == ("often", 2, "inc-4")
    assert often.share == pytest.approx(2 / 6)
    assert rare.alert_name == "rare"
