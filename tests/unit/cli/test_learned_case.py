"""An eval case that `firstline learn` drafts is judged as the incident was: it has every field that judging reads."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from evals.cases import read
from evals.classifiers import Policy, history_only
from firstline.classification import prompt
from firstline.classification.classify import classify
from firstline.models import Evidence, Incident, Measured, NormalizedAlert
from firstline.policy.rules import Rule, Rules
from firstline.runbooks import match
from firstline_cli.learn.case import write
from firstline_cli.learn.story import Story
from tests.support.builders import a_classification, a_record, an_alert, an_incident

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
NO_EVIDENCE = Evidence(same_name_last_hour=1, earlier=[], deployments=[], local_time=NOW, business_hours=True)

JUDGED: dict[str, Any] = {
    "source": "datadog",
    "alert_name": "[P2] Mail queue is long",
    "severity": "high",
    "message": f"The queue grows.\n{'The consumer is slow. ' * 150}The mailer is off.",
    "labels": {f"label_{number:02}": f"value {number}" + " more" * number for number in range(60)},
    "host": "host-1",
    "region": "eu-central-1",
    "environment": "prod",
    "service": "mail",
    "measured": [Measured(metric="queue_depth", direction="above", where={"job": "mail"})],
}
"""The fields of an alert that judging reads, each with a value that a case may keep as it is."""

STATED: dict[str, dict[str, Any]] = {
    "stated": {},
    "not stated": {"severity": "medium", "severity_stated": False},
    "presumed": {"severity_stated": False, "presumed_from": "no data"},
}


def learned(incident: Incident, folder: Path) -> NormalizedAlert:
    record = a_record(incident, status="CLOSED", outcome="resolved", closed_at=NOW, classification=a_classification())
    return read(write(Story(record, [], None, NO_EVIDENCE), folder)).incident.alert


def opened(**changes: Any) -> Incident:
    return an_incident(an_alert(**JUDGED | changes), opened_at=NOW, hosts=["host-1"])


@pytest.mark.parametrize("severity", STATED.values(), ids=STATED)
def test_a_case_has_every_field_of_the_alert_that_judging_reads(severity: dict[str, Any], tmp_path: Path) -> None:
    incident = opened(**severity)
    fields = {*JUDGED, "severity_stated", "presumed_from"}

    assert learned(incident, tmp_path).model_dump(include=fields) == incident.alert.model_dump(include=fields)


def test_a_case_whose_severity_was_presumed_is_judged_as_the_incident_was(tmp_path: Path) -> None:
    incident = opened(**STATED["presumed"], message="The mail queue", alert_name="Mail queue", labels={})
    record = a_record(incident, status="CLOSED", outcome="resolved", closed_at=NOW)
    case = read(write(Story(record, [], None, NO_EVIDENCE), tmp_path))

    assert history_only(Policy.of()).judge(case).classification.severity == "high"


def test_judging_reads_no_other_field_of_an_alert() -> None:
    read_fields: set[str] = set()

    class Watched(NormalizedAlert):
        def __getattribute__(self, name: str) -> Any:
            if name in NormalizedAlert.model_fields:
                read_fields.add(name)
            return super().__getattribute__(name)

    policy = Policy.of()
    every_key: Any = dict.fromkeys(("alert_name", "source", "service", "environment", "host"), "*")
    rule = Rule.model_validate(
        {
            "id": "all",
            "match": every_key | {"severity": ["high"], "labels": {"label_01": "*"}, "message": "mailer"},
            "at_least": "low",
            "reason": "it is a test",
        }
    )
    for severity in STATED.values():
        incident = opened(**severity)
        watched = incident.model_copy(update={"alert": Watched.model_construct(**dict(incident.alert))})
        offered = match.offered(policy.runbooks, watched.alert)
        classify(watched, evidence=NO_EVIDENCE, rules=Rules(rules=(rule,)), offered=offered, model=None, now=NOW)
        prompt.build(watched, evidence=NO_EVIDENCE, offered=offered, now=NOW)

    assert read_fields == {*JUDGED, "severity_stated", "presumed_from"}
