"""The owner's tags in a verdict: they fill in only what the alert itself does not state."""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from firstline.classification import prompt
from firstline.classification.case import Case
from firstline.classification.classify import classify
from firstline.classification.evidence import gather
from firstline.classification.owner_tags import KnownTags, in_words
from firstline.models import AlarmEvidence, Classification, Deployment, Evidence, Incident, OwnerTags, Word, kind_of
from firstline.policy.rules import NO_RULES
from tests.support.classification_fixtures import NOW
from tests.support.memory import MemoryStore
from tests.unit.classification.test_evidence import FakeHistory

UNSTATED: dict[str, Any] = {"source": "cloudwatch", "severity": "medium", "severity_stated": False, "message": "CPU"}
SAYS_CRITICAL = OwnerTags(severity="critical")


def verdict_on(incident: Incident, evidence: Evidence) -> Classification:
    return classify(incident, evidence=evidence, rules=NO_RULES, offered=[], model=None, now=NOW)


def word_on(incident: Incident, severity: Any) -> Word:
    return Word(subject=kind_of(incident.alert), severity=severity, by="ada", person="ada", at=NOW)


@pytest.mark.parametrize(
    ("alert", "says", "severity"),
    [
        (UNSTATED, OwnerTags(severity="critical"), "critical"),
        (UNSTATED, OwnerTags(severity="low"), "low"),
        ({"severity": "high"}, OwnerTags(severity="low"), "high"),
        ({"severity": "low"}, OwnerTags(severity="critical"), "low"),
        (UNSTATED | {"storm": True}, OwnerTags(severity="critical"), "high"),
    ],
)
def test_a_tag_of_the_alarm_is_the_severity_only_of_an_alert_that_states_none(
    incident: Callable[..., Incident], evidence: Callable[..., Evidence], alert: Any, says: OwnerTags, severity: str
) -> None:
    assert verdict_on(incident(**alert), evidence(tags=says)).severity == severity


@pytest.mark.parametrize(
    ("alert", "word", "said", "presumed"),
    [
        (UNSTATED, None, "critical", None),
        (UNSTATED | {"severity": "high", "presumed_from": "triggered"}, None, "critical", None),
        (UNSTATED | {"severity": "high", "presumed_from": "triggered"}, "low", None, "high"),
        (UNSTATED, "low", None, None),
        ({"severity": "low"}, None, "low", None),
        (UNSTATED | {"storm": True}, None, None, None),
    ],
)
def test_a_model_hears_a_tags_severity_where_it_counts_as_the_sources_word(
    incident: Callable[..., Incident],
    evidence: Callable[..., Evidence],
    alert: Any,
    word: Any,
    said: Any,
    presumed: Any,
) -> None:
    opened = incident(**alert)
    known = evidence(tags=SAYS_CRITICAL, word=word and word_on(opened, word))
    told = json.loads(prompt.build(opened, evidence=known, offered=[], now=NOW).data)["alert"]
    assert told["severity_said_by_source"] == said
    assert (told["severity_presumed"] or {}).get("severity") == presumed
    case = Case.of(opened, known, NO_RULES, NOW)
    assert said in (None, case.base), "the rules begin with the same"


def test_a_persons_word_on_the_alert_wins_over_its_tag(
    incident: Callable[..., Incident], evidence: Callable[..., Evidence]
) -> None:
    opened = incident(**UNSTATED)
    verdict = verdict_on(opened, evidence(tags=SAYS_CRITICAL, word=word_on(opened, "low")))
    assert (verdict.severity, verdict.decided_by) == ("low", "people")
    assert verdict.word is not None
    assert "tagged" not in " ".join(verdict.reasons)


def test_a_word_on_an_alert_counts_the_next_time_whether_or_not_its_tags_can_be_read(
    incident: Callable[..., Incident],
) -> None:
    opened, store = incident(**UNSTATED, environment=None), MemoryStore()

    def judged(alarms: Any) -> Classification:
        return verdict_on(opened, gather(opened, store.incidents, time_zone="UTC", now=NOW, alarms=alarms))

    subject = judged(Alarms(environment="prod")).subject
    assert subject is not None
    store.incidents.save_word(Word(subject=subject, severity="critical", by="ada", person="ada", at=NOW))

    for alarms in (Alarms(environment="prod"), None):  # also when the tags cannot be read
        assert (judged(alarms).decided_by, judged(alarms).asks) == ("people", False)


def test_people_are_not_asked_about_a_tagged_severity_and_the_reason_says_so(
    incident: Callable[..., Incident], evidence: Callable[..., Evidence]
) -> None:
    tagged = verdict_on(incident(**UNSTATED), evidence(tags=SAYS_CRITICAL))
    assert not tagged.asks
    assert tagged.reasons[0] == "The alarm is tagged critical, which counts as its source's word."
    assert verdict_on(incident(**UNSTATED), evidence()).asks


class Alarms:
    """A reader of alarms that returns the given tags for every alert."""

    def __init__(self, **tags: Any) -> None:
        self.seen = AlarmEvidence(tags=OwnerTags(**tags))

    def covers(self, _alert: Any) -> bool:
        return True

    def around(self, *_: Any) -> AlarmEvidence:
        return self.seen


def deployed(service: str) -> Deployment:
    return Deployment(service=service, version="v7", deployed_at=NOW - timedelta(minutes=9))


@pytest.mark.parametrize("named", [None, "db-orders-1"])
def test_a_deployment_of_the_tagged_service_comes_first_and_is_a_suspect(
    incident: Callable[..., Incident], named: str | None
) -> None:
    """Let the alarm name at most the database (db-orders-1), and its tags name the service that was deployed."""
    opened = incident(source="cloudwatch", service=named, environment=None)
    history = FakeHistory(deployments=[deployed("other"), deployed("checkout")])

    found = gather(opened, history, time_zone="UTC", now=NOW, alarms=Alarms(service="checkout", team="payments"))
    verdict = verdict_on(opened, found)

    assert [known.service for known in found.deployments] == ["checkout", "other"]
    assert verdict.is_deployment_related
    assert found.topology["team"] == "payments", "the tagged team is evidence too"
    assert history.asked["service"] == (named or "checkout", NOW), "the alert's own service, if it names one"


def test_a_later_replay_has_the_tags_that_the_verdict_rested_on(incident: Callable[..., Incident]) -> None:
    opened, store = incident(**UNSTATED, service=None), MemoryStore()

    def judged(alarms: Any) -> Classification:
        return verdict_on(opened, gather(opened, store.incidents, time_zone="UTC", now=NOW, alarms=alarms))

    then = judged(Alarms(service="checkout", severity="critical"))
    stored = Classification.from_stored(then.model_dump_json())
    assert judged(KnownTags.of(stored)) == then
    assert judged(KnownTags.of(None)) == judged(None)


def test_a_storm_takes_no_service_from_tags(incident: Callable[..., Incident]) -> None:
    history = FakeHistory()
    gather(incident(storm=True, service=None), history, time_zone="UTC", now=NOW, alarms=Alarms(service="checkout"))
    assert "service" not in history.asked


def test_tags_are_told_in_one_line() -> None:
    assert in_words(OwnerTags(service="checkout", team="payments")) == "Tagged: service checkout, team payments"
    assert in_words(OwnerTags()) == ""
