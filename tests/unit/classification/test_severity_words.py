"""People's lasting words: a word on an alert is its severity, unless the alert's source or a rule states one."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from firstline.classification import severity_words
from firstline.classification.classify import classify
from firstline.classification.model import ModelVerdict
from firstline.models import (
    AlertKind,
    Classification,
    EarlierIncident,
    Evidence,
    Feedback,
    Incident,
    NearWord,
    NormalizedAlert,
    Word,
)
from firstline.policy.rules import NO_RULES, Rules
from tests.support.classification_fixtures import NOW, FakeModel

DATA_LOSS = {
    "alert_name": "DataLoss",
    "message": "Data loss: no quorum",
    "severity": "medium",
    "severity_stated": False,
}
QUIET = {"alert_name": "ReportLate", "message": "The report is late", "severity": "medium", "severity_stated": False}

type Judge = Callable[..., Classification]


def a_word(severity: Any, name: str = "DataLoss", text: str = "", **changes: Any) -> Word:
    subject = severity_words.kind_named("prometheus", name, "prod", text)
    return Word(
        subject=subject, **{"severity": severity, "person": "slack:U1", "by": "Ann (Slack)", "at": NOW} | changes
    )


@pytest.fixture
def judge(incident: Callable[..., Incident], evidence: Callable[..., Evidence]) -> Judge:
    def make(
        alert: dict[str, Any],
        *,
        model: FakeModel | None = None,
        rules: Rules = NO_RULES,
        now: datetime = NOW,
        **known: Any,
    ) -> Classification:
        return classify(incident(**alert), evidence=evidence(**known), rules=rules, offered=(), model=model, now=now)

    return make


@pytest.mark.parametrize("days", [1, 100])
@pytest.mark.parametrize(("alert", "said"), [(DATA_LOSS, "low"), (QUIET, "critical"), (QUIET, "high")])
def test_a_word_is_the_severity_of_its_alert_for_good(
    judge: Judge, alert: dict[str, Any], said: str, days: int
) -> None:
    verdict = judge(alert, word=a_word(said), now=NOW + timedelta(days=days))

    assert (verdict.severity, verdict.decided_by) == (said, "people")
    assert verdict.reasons[0] == f"Ann (Slack) said on 2026-03-04 that this alert is {said}."
    assert verdict.word is not None
    assert not verdict.asks


def test_a_dropped_alert_is_asked_about_again_after_90_days(judge: Judge) -> None:
    word = a_word("noise")
    before, after = (judge(DATA_LOSS, word=word, now=NOW + timedelta(days=days)) for days in (89, 90))

    assert (before.severity, before.asks) == ("noise", False)
    assert (after.severity, after.asks) == ("low", True)


def test_a_word_does_not_override_what_the_source_states(judge: Judge) -> None:
    verdict = judge({**DATA_LOSS, "severity": "high", "severity_stated": True}, word=a_word("low"))

    assert (verdict.severity, verdict.word, verdict.subject) == ("high", None, None)


def test_a_rule_counts_before_a_word(judge: Judge) -> None:
    rule = {"id": "r", "match": {"alert_name": "DataLoss"}, "severity": "high", "reason": "agreed"}
    verdict = judge(DATA_LOSS, word=a_word("low"), rules=Rules.model_validate({"rules": [rule]}))

    assert (verdict.severity, verdict.asks) == ("high", False)


@pytest.mark.parametrize("claimed", ["critical", "noise"])
@pytest.mark.parametrize("confidence", [0.2, 1.0])
def test_a_model_does_not_change_what_a_person_said(
    judge: Judge, judged: Callable[..., ModelVerdict], claimed: str, confidence: float
) -> None:
    model = FakeModel(judged(severity=claimed, confidence=confidence))
    verdict = judge(DATA_LOSS, word=a_word("medium"), model=model)

    assert verdict.severity == "medium"
    assert verdict.cause == "A leak in the new version."


def test_history_does_not_change_what_a_person_said(judge: Judge, ended: Callable[..., list[EarlierIncident]]) -> None:
    earlier = ended("resolved", "resolved", "resolved", severity="critical")

    assert judge(QUIET, earlier=earlier).severity == "critical"
    assert judge(QUIET, earlier=earlier, word=a_word("low")).severity == "low"


def test_peoples_answers_outweigh_a_guess(judge: Judge, ended: Callable[..., list[EarlierIncident]]) -> None:
    """Use answers on an earlier incident, which are no lasting word, for the same words and circumstances."""
    first = judge(DATA_LOSS)
    said = [
        Feedback(person=f"slack:U{number}", by=f"U{number}", said="wrong_severity", severity="low", at=NOW)
        for number in range(4)
    ]
    template = first.subject.template if first.subject else ""
    known = {"template": template, "evidence_class": first.evidence_class, "feedback": said, "alert_name": "DataLoss"}
    (earlier,) = ended("resolved", severity="critical")

    assert first.severity == "critical"
    assert judge(DATA_LOSS, earlier=[earlier.model_copy(update=known)]).severity == "low"


def test_the_answer_noise_alone_does_not_drop_an_alert(
    judge: Judge, ended: Callable[..., list[EarlierIncident]]
) -> None:
    first = judge(DATA_LOSS)
    said = [Feedback(person="slack:U1", by="Ann", said="noise", at=NOW)]
    template = first.subject.template if first.subject else ""
    known = {"template": template, "evidence_class": first.evidence_class, "feedback": said, "severity": "noise"}
    (earlier,) = ended("suppressed", severity="noise")

    assert judge(DATA_LOSS, earlier=[earlier.model_copy(update=known)]).severity == "critical"


@pytest.mark.parametrize(("known", "before"), [({}, 0), ({"same_name_last_day": 4}, 3)], ids=["first", "fourth"])
def test_a_question_says_how_often_the_alert_came_before(judge: Judge, known: dict[str, Any], before: int) -> None:
    verdict = judge(DATA_LOSS, **known)

    assert (verdict.asks, verdict.came_before) == (True, before)
    assert judge({**DATA_LOSS, "severity_stated": True}, **known).came_before == 0


def test_earlier_incidents_of_the_group_count_as_earlier_alerts(
    judge: Judge, ended: Callable[..., list[EarlierIncident]]
) -> None:
    assert judge(DATA_LOSS, earlier=ended("resolved", "resolved", severity="critical")).came_before == 2


def test_people_are_asked_only_about_an_unstated_severity_outside_a_storm(judge: Judge) -> None:
    assert judge(DATA_LOSS).asks
    assert not judge({**DATA_LOSS, "severity_stated": True}).asks
    assert not judge({**DATA_LOSS, "storm": True}).asks


class TestSubjects:
    def test_kinds_that_differ_in_case_spaces_or_long_environment_are_the_same(self) -> None:
        one = AlertKind(source="prometheus", alert_name="Data  Loss", environment="production")
        other = AlertKind(source="prometheus", alert_name="data loss", environment="prod")

        assert one.key == other.key

    @pytest.mark.parametrize("change", [{"source": "datadog"}, {"environment": "dev"}, {"alert_name": "DataLost"}])
    def test_another_source_name_or_environment_is_another_kind(self, change: dict[str, str]) -> None:
        one = AlertKind(source="prometheus", alert_name="DataLoss", environment="prod")

        assert one.key != one.model_copy(update=change).key


class TestNearest:
    @pytest.fixture
    def alert(self, incident: Callable[..., Incident]) -> NormalizedAlert:
        text = "PostgreSQL replication lag on db-1 is 40 s"
        return incident(alert_name="PostgresReplicationLag", message=text, severity_stated=False).alert

    def test_a_like_alert_lends_its_word(self, judge: Judge, alert: NormalizedAlert) -> None:
        like = a_word("critical", "MySQLReplicationLag", "MySQL replication lag is high")
        other = a_word("low", "ReportLate", "The monthly report is late")
        near = severity_words.nearest(alert, [other, like])

        assert near is not None
        assert near.word == like
        verdict = judge(
            {"alert_name": alert.alert_name, "message": alert.message, "severity": "medium", "severity_stated": False},
            near=near,
        )
        assert (verdict.severity, verdict.decided_by, verdict.asks) == ("critical", "history", True)
        assert "that the nearest alert that people judged, MySQLReplicationLag, is critical" in verdict.reasons[0]

    def test_an_unlike_alert_lends_nothing(self, alert: NormalizedAlert) -> None:
        assert severity_words.nearest(alert, [a_word("critical", "CertificateExpiry", "A certificate expires")]) is None

    def test_a_near_alert_that_people_dropped_lends_low_and_drops_nothing(
        self, judge: Judge, alert: NormalizedAlert
    ) -> None:
        near = severity_words.nearest(alert, [a_word("noise", alert.alert_name, alert.message)])

        assert near is not None
        assert judge(DATA_LOSS, near=near).severity == "low"

    def test_without_words_nothing_is_near(self, alert: NormalizedAlert) -> None:
        assert severity_words.nearest(alert, []) is None

    def test_a_word_on_nearly_the_same_alert_outvotes_several_that_share_a_few_words(
        self, alert: NormalizedAlert
    ) -> None:
        like = a_word("critical", "PostgresReplicationLag", alert.message)
        others = [a_word("low", f"ReplicationSlot{letter}", "PostgreSQL slot is unused") for letter in "ABCDE"]
        scores = [near.score for other in others if (near := severity_words.nearest(alert, [other])) is not None]
        near = severity_words.nearest(alert, [*others, like])

        assert max(scores) > severity_words.NEAR_FROM, "each of the others votes"
        assert sum(score**2 for score in scores) > 1, "votes by the square of the likeness would outvote it"
        assert near is not None
        assert near.word == like

    def test_of_two_equally_near_words_the_one_that_pages_counts(self, alert: NormalizedAlert) -> None:
        for name in ("ReplicationLag", "LagOfReplicas"):
            text = "Replication lag of the database"
            near = severity_words.nearest(alert, [a_word("high", name, text), a_word("low", name, text)])
            assert near is not None
            assert near.word.severity == "high"

    def test_the_majority_of_the_nearest_words_decides(self, alert: NormalizedAlert) -> None:
        text = "Replication lag of the database"
        others = [a_word("low", f"ReplicationLag{letter}", text) for letter in "AB"]
        near = severity_words.nearest(alert, [a_word("critical", "ReplicationLagC", text), *others])

        assert near is not None
        assert near.word.severity == "low"

    @pytest.mark.parametrize(("number", "severity"), [(6, None), (12, "medium")])
    def test_a_habit_counts_once_it_rests_on_enough_words(
        self, judge: Judge, incident: Callable[..., Incident], number: int, severity: str | None
    ) -> None:
        """Let people judge every alert of a unit that is down as medium; then an alert with other words halts."""
        others = [a_word("medium", f"Unit{chr(65 + n)}Down", "It is down") for n in range(number)]
        alert = {"alert_name": "TurbineHalted", "message": "", "severity": "medium", "severity_stated": False}
        near = severity_words.nearest(incident(**alert).alert, others)

        assert (near and near.word.severity) == severity
        if near is not None:
            verdict = judge(alert, near=near)
            assert (verdict.severity, verdict.asks) == ("medium", True)
            assert "Of 12 alerts whose words usually mean as much, people judged 12 so. Ann" in verdict.reasons[0]

    def test_the_habit_of_judging_alarming_words_as_medium_does_not_count_for_a_stated_loss_of_data(
        self, incident: Callable[..., Incident]
    ) -> None:
        others = [a_word("medium", f"Unit{chr(65 + n)}Down", "It is down") for n in range(30)]
        lost = incident(**DATA_LOSS | {"message": "Data was lost", "alert_name": "Ledger"}).alert
        assert severity_words.nearest(lost, others) is None


TRIGGERED = {
    "source": "datadog",
    "alert_name": "Weekly report",
    "message": "fyi: report in progress",
    "severity": "high",
    "severity_stated": False,
    "presumed_from": "triggered",
}
"""An alert whose words mean little and whose state pages."""


def near(severity: Any) -> NearWord:
    return NearWord(word=a_word(severity, "Monthly report"), score=0.9)


@pytest.mark.parametrize("known", [{}, {"near": near("low")}, {"near": near("noise")}])
def test_what_a_state_pages_goes_on_paging_until_somebody_says_otherwise(judge: Judge, known: dict[str, Any]) -> None:
    verdict = judge(TRIGGERED, **known)

    assert (verdict.severity, verdict.asks) == ("high", True)
    assert verdict.reasons[0] == (
        "datadog gives no severity, and its state (triggered) counts as high until somebody says how bad it is."
    )


def test_a_word_on_an_alert_like_it_raises_what_a_state_presumes(judge: Judge) -> None:
    assert judge(TRIGGERED, near=near("critical")).severity == "critical"


@pytest.mark.parametrize("said", ["critical", "medium", "low", "noise"])
def test_a_word_is_the_severity_of_what_only_states_a_state(judge: Judge, said: str) -> None:
    verdict = judge(TRIGGERED, word=a_word(said))

    assert (verdict.severity, verdict.decided_by, verdict.asks) == (said, "people", False)


def test_a_presumed_low_that_states_a_loss_pages(judge: Judge) -> None:
    assert judge({**TRIGGERED, "message": "Data loss on volume 3.", "severity": "low"}).severity == "high"


def test_no_model_lowers_what_a_state_pages(judge: Judge, judged: Callable[..., ModelVerdict]) -> None:
    assert judge(TRIGGERED, model=FakeModel(judged(severity="low", confidence=0.99))).severity == "high"
