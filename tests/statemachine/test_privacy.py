"""Secrets in an alert, all the way: the execution's history, the table, the model, Slack, pages and logs hold none."""

import io
import json
from pathlib import Path
from typing import Any

import pytest

from evals.redaction.kinds import Seeded, seeded
from firstline.observability import logger
from tests.e2e.model import Model
from tests.statemachine.incident import eventually
from tests.statemachine.run_command import Run
from tests.statemachine.world import STACK_NAME, World

VERDICT = {
    "severity": "critical",
    "cause": "Somebody logged a password.",
    "is_deployment_related": False,
    "can_be_remediated": False,
    "runbook_id": None,
    "confidence": 0.9,
    "summary": "Logins fail.",
    "first_steps": ["Look at the logins."],
    "cites": ["alert"],
}
AT_ONCE = 12
SECRETS = seeded(4)
FIELDS = ("message", "service", "environment", "region", "account", "host", "url", "alert_name")


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    stream = io.StringIO()
    monkeypatch.setattr(logger.registered_handler, "stream", stream)
    return stream


@pytest.mark.parametrize("first", range(0, len(SECRETS), AT_ONCE))
def test_no_secret_of_an_alert_gets_further_than_ingest(
    world: World, lines: io.StringIO, capsys: pytest.CaptureFixture[str], tmp_path: Path, first: int
) -> None:
    secrets = SECRETS[first : first + AT_ONCE]
    model = Model()
    name = f"/firstline/{STACK_NAME}/llm/api-key"
    world.client("ssm").put_parameter(Name=name, Value="sk-local", Type="SecureString", Overwrite=True)
    policy = {"base_url": model.url, "model": "scripted", "deadline_seconds": 20}
    world.restart_with_policy("model.yaml", policy, tmp_path / "opt")
    with model.answering(VERDICT):
        incident = world.fires("Login failures", **alert_with(secrets))
        incident.stands_in("Await Acknowledgement")
        eventually(lambda: bool(model.asked), "the model's question")
    model.close()
    incident.is_acknowledged()
    incident.stands_in("Await Resolution").is_resolved()
    incident.ends()
    world.client("ssm").delete_parameter(Name=name)

    seen = {
        "the execution's history": json.dumps(incident.history, default=str, ensure_ascii=False),
        "the model": json.dumps(model.asked, ensure_ascii=False),
        "people": json.dumps([vars(message) for message in world.inbox.messages()], ensure_ascii=False),
        "the table": items_of(world),
        "the log": lines.getvalue() + capsys.readouterr().out,
        "the incident's id": incident.id,
    }
    assert model.asked
    assert "[redacted" in seen["the model"]
    assert {message.channel for message in world.inbox.messages()} >= {"slack", "pagerduty"}
    leaks = [(secret.kind, where) for secret in secrets for where, text in seen.items() if secret.leaks_into(text)]
    assert leaks == []


def test_no_secret_that_a_command_prints_reaches_people(world: World, lines: io.StringIO) -> None:
    """Keep Systems Manager's answer in the execution only, away from people, the table and the logs."""
    secret = next(known for known in SECRETS if known.kind == "password as an option")
    world.commands.script("drain", Run("Failed", output=f"queue is full\n{secret.text}"))
    incident = world.fires("QueueStuck", severity="medium", host="web-1")
    incident.stands_in("Await Acknowledgement")
    incident.is_acknowledged()
    incident.stands_in("Await Resolution").is_resolved()
    incident.ends()

    told = json.dumps([vars(message) for message in world.inbox.messages()], ensure_ascii=False)
    assert "queue is full" in told
    assert not secret.leaks_into(told)
    assert not secret.leaks_into(items_of(world))
    assert not secret.leaks_into(lines.getvalue())


def test_a_redacted_label_is_no_parameter_of_a_command(world: World) -> None:
    """Call a human, because the redaction of a secret fits no pattern."""
    secret = next(known for known in SECRETS if known.kind == "GitHub classic token")
    incident = world.fires("ScratchFull", severity="medium", host="web-1", labels={"mountpoint": f"/{secret.text}"})
    incident.stands_in("Await Resolution")
    assert world.commands.steps() == []
    assert not secret.leaks_into(json.dumps(incident.history, default=str))


def alert_with(secrets: list[Seeded]) -> dict[str, Any]:
    """Put each secret into a label of its own and into another field; some into a label's name."""
    fields: dict[str, Any] = {"labels": {f"label{number}": given.text for number, given in enumerate(secrets)}}
    for field, given in zip(FIELDS, secrets, strict=False):
        fields[field] = f"https://logs.example.com/?{given.text}" if field == "url" else given.text
    fields["message"] = "\n".join(secret.text for secret in secrets)[:3_900]
    fields["labels"] |= {secret.text[:100]: "a name" for secret in secrets[:3]}
    return {name: value for name, value in fields.items() if name != "alert_name"}


def items_of(world: World) -> str:
    """Everything in the table."""
    return json.dumps(world.items(), ensure_ascii=False)
