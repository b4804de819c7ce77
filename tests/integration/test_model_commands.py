"""`firstline model try`, as somebody runs it against a table on AWS, with scripted models."""

import json
from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from firstline.adapters.dynamodb.groups import TableGroups
from firstline.adapters.dynamodb.incidents import TableIncidents
from firstline.adapters.dynamodb.table import Table
from firstline.adapters.llm.server_error import server_error
from firstline.classification import feedback_store
from firstline.classification.model import CircuitBreaker, Judgement, ModelVerdict
from firstline.classification.prompt import Prompt
from firstline.errors import ModelGaveNoVerdict
from firstline.models import TEST, Feedback, OwnerTags, Severity, Usage
from firstline_cli import models
from firstline_cli.main import app
from tests.integration.conftest import STACK_ON_AWS
from tests.support.builders import a_classification, alert, open_for

OPENED = datetime.now(UTC) - timedelta(days=5)
JUDGED = 8
UNTAGGED = OwnerTags()


class Scripted:
    """A model that says one severity and names no runbook, and whose server fails after `answers` questions."""

    def __init__(self, name: str, severity: Severity, answers: int = 99, error: Exception | None = None) -> None:
        self.name, self.severity = name, severity
        self.answers, self.error = answers, error
        self.asked: list[Prompt] = []

    def verdict(self, prompt: Prompt) -> ModelVerdict:
        self.asked.append(prompt)
        if self.error and len(self.asked) > self.answers:
            raise self.error
        judgement = Judgement(
            severity=self.severity,
            cause="A full pool.",
            is_deployment_related=False,
            can_be_remediated=False,
            runbook_id=None,
            confidence=0.9,
            summary="Pool full.",
            first_steps=[],
        )
        return ModelVerdict(judgement=judgement, model=self.name, usage=Usage(prompt_tokens=100, completion_tokens=10))


@pytest.fixture
def scripted(monkeypatch: pytest.MonkeyPatch) -> dict[str, Scripted]:
    known = {
        "sees": Scripted("sees", "high"),
        "sleeps": Scripted("sleeps", "medium"),
        "dies": Scripted("dies", "high", 3, server_error(503, "no worker", explained=True)),
        "babbles": Scripted("babbles", "high", 0, ModelGaveNoVerdict("the answer is not of the schema")),
    }
    monkeypatch.setattr(models, "connect", lambda name, _: known[name])
    return known


@pytest.fixture
def judged(table_on_aws: Table) -> Table:
    """Hold incidents that Firstline called medium and people called high; one that nobody judged; and a test."""
    for number in range(JUDGED + 1):
        incident = _ended(table_on_aws, number, labels={TEST: "1a2b"} if number == JUDGED else {})
        _judge(table_on_aws, incident)
    _ended(table_on_aws, JUDGED + 1, "expired")
    return table_on_aws


def _judge(table: Table, incident: str) -> None:
    word = Feedback(person="shell:ann", by="ann", said="wrong_severity", severity="high", at=datetime.now(UTC))
    feedback_store.save_feedback(incident, word, incidents=TableIncidents(table))


def _ended(table: Table, number: int, outcome: Any = "resolved", tags: OwnerTags = UNTAGGED, **changes: Any) -> str:
    at, history = OPENED + timedelta(hours=number), TableIncidents(table)
    given = alert(
        **{"alert_name": f"Pool{number}", "group_key": f"g{number}", "fingerprint": f"f{number}", "severity": "medium"}
        | changes
    )
    incident = open_for(TableGroups(table), given, now=at)
    history.judge(incident, 1, a_classification(severity="medium", tags=tags), at, seen=history.live(given.group_key))
    assert history.close(incident, 1, outcome, "Over.", [], at + timedelta(minutes=9), joined=1)
    return incident.incident_id


def run(*arguments: str, said: str = "") -> Result:
    return CliRunner().invoke(app, ["model", "try", *arguments, "--stack", STACK_ON_AWS], input=said)


def test_models_are_compared_and_what_they_earn_is_kept(judged: Table, scripted: dict[str, Scripted]) -> None:
    tried = run("--model", "sees", "--model", "sleeps", "--yes")

    assert tried.exit_code == 0, tried.output
    # Columns: answered, no verdict, not asked, would differ, tokens; then the costs per 100 without the model, with it.
    assert _of(scripted, tried) == [
        ["sees", "8", "0", "0", "8", "880"],
        ["sleeps", "8", "0", "0", "8", "880"],  # it names no runbook
        ["sees", "500.0", "0.0"],
        ["sleeps", "500.0", "500.0"],
    ]
    assert "over the 8 incidents that all of these models answered" in tried.output
    found = TableIncidents(judged).disagreements()
    assert {each.group for each in found} == {f"g{number}" for number in range(JUDGED)}
    (raising,) = [cells for cells in _rows(tried.output) if "tell to page" in cells]
    assert (raising[0], raising[-1]) == ("llm:sees:8", "yes")


def test_a_model_whose_server_dies_is_asked_no_more_and_compared_on_what_both_answered(
    judged: Table, scripted: dict[str, Scripted]
) -> None:
    tried = run("--model", "sees", "--model", "dies", "--yes")

    assert tried.exit_code == 1
    assert len(scripted["dies"].asked) == 3 + CircuitBreaker.FAILURES_IN_A_ROW
    assert (
        "dies: it is not asked any more after 3 failures in a row: the server answered 503: no worker. " in tried.output
    )
    # Columns: answered, no verdict, not asked, would differ, tokens; then the costs per 100 without the model, with it.
    assert _of(scripted, tried) == [
        ["sees", "8", "0", "0", "8", "880"],
        ["dies", "3", "3", "2", "3", "330"],
        *(["sees", "500.0", "0.0"], ["dies", "500.0", "0.0"]),  # over what both answered
        ["sees", "500.0", "0.0"],  # over all that it answered
    ]
    assert "over the 3 incidents that all of these models answered" in tried.output
    assert "over the 8 incidents that this model answered" in tried.output


def test_a_model_without_any_verdict_is_not_compared(judged: Table, scripted: dict[str, Scripted]) -> None:
    tried = run("--model", "babbles", "--model", "sees", "--yes")

    assert tried.exit_code == 1
    assert len(scripted["babbles"].asked) == JUDGED, (
        "an incident's text may cause a wrong answer: a few give no model up"
    )
    assert "8 questions got no verdict: the answer is not of the schema. See `When it gives no verdict`" in tried.output
    assert "babbles could not be compared: it gave no verdict." in tried.output
    assert _of(scripted, tried)[2:] == [["sees", "500.0", "0.0"]]


def test_without_a_key_no_model_is_asked(judged: Table, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(models.KEY, raising=False)
    refused = run("--model", "sees", "--yes")
    assert (refused.exit_code, "FIRSTLINE_MODEL_KEY is not set" in refused.output) == (2, True)


def test_a_model_sees_what_was_known_when_the_incident_opened(judged: Table, scripted: dict[str, Scripted]) -> None:
    assert run("--model", "sees", "--last", "2", "--yes").exit_code == 0
    first, second = scripted["sees"].asked  # about the last two incidents, of the alerts Pool6 and Pool7
    assert ("Pool6" in first.data, "Pool7" in second.data) == (True, True)
    assert "Pool7" not in first.data, "it came later"


def test_a_model_sees_the_tags_that_the_verdict_rested_on(table_on_aws: Table, scripted: dict[str, Scripted]) -> None:
    tags = OwnerTags(service="checkout", environment="prod", team="payments", severity="low")
    said = _ended(table_on_aws, 1, tags=tags, service=None, environment=None, severity_stated=False)
    _judge(table_on_aws, said)
    tried = run("--model", "sees", "--yes")

    assert tried.exit_code == 0, tried.output
    (asked,) = scripted["sees"].asked
    alert_seen = json.loads(asked.data)["alert"]
    assert (alert_seen["service"], alert_seen["environment"], alert_seen["labels"]["team"]) == (
        ("checkout", "prod", "payments")
    )
    (found,) = TableIncidents(table_on_aws).disagreements()
    assert found.plain.severity == "low", "the tag's, as when the alert came"


def test_nobody_is_asked_before_the_price_is_accepted(judged: Table, scripted: dict[str, Scripted]) -> None:
    refused = run("--model", "sees", said="n\n")
    assert refused.exit_code == 1
    assert "8 judged incidents. Each of 1 model needs" in refused.output
    assert "tokens in and 9,600 out at most; the price is not set" in refused.output
    assert scripted["sees"].asked == []


def test_without_a_model_or_a_judged_incident_it_says_what_to_do(table_on_aws: Table, scripted: Any) -> None:
    assert "give --model" in run().output
    assert "`firstline judge`" in run("--model", "sees").output


def _of(names: Collection[str], tried: Result) -> list[list[str]]:
    """Return the rows about these models, without what they were paid."""
    return [cells[:6] for cells in _rows(tried.output) if cells[0] in names]


def _rows(output: str) -> list[list[str]]:
    return [
        [cell.strip() for cell in line.strip("│").split("│")] for line in output.splitlines() if line.startswith("│")
    ]
