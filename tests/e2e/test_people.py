"""People answer: with Slack's buttons, and in PagerDuty."""

import json
from typing import Any

import pytest
from typer.testing import CliRunner

from firstline_cli.main import app
from tests.e2e.running import LocalStack


def _critical(name: str) -> dict[str, Any]:
    return {"alert_name": name, "severity": "critical", "service": "checkout", "message": "Customers cannot pay."}


def test_slacks_buttons_acknowledge_and_resolve(stack: LocalStack) -> None:
    incident = stack.open("generic", _critical("E2eButtons"))
    stack.wait_for(incident, "acknowledgement")
    assert "[Acknowledge]" in stack.wait_told(incident, "slack")["text"]

    stack.press(incident, "acknowledge")

    record = stack.wait_for(incident, "resolution")
    assert record.acknowledged_by is not None
    assert "ada" in record.acknowledged_by
    stack.wait_told(incident, "pagerduty", "acknowledge")
    assert len(stack.messages(incident, "pagerduty", "trigger")) == 1, "whoever acknowledged in time is paged once"

    stack.press(incident, "resolve")

    record = stack.wait_closed(incident)
    assert record.outcome == "resolved"
    assert record.resolved_by is not None
    assert "ada" in record.resolved_by
    stack.wait_told(incident, "pagerduty", "resolve")
    message = stack.wait_told(incident, "slack", says="esolved")
    assert message["edits"] > 0, "one message for each incident, edited in place"


def test_a_terminal_lists_acknowledges_and_resolves(stack: LocalStack, monkeypatch: pytest.MonkeyPatch) -> None:
    def firstline(*arguments: str, code: int = 0) -> str:
        result = CliRunner().invoke(app, [*arguments, "--stack", json.dumps(stack.line)])
        assert result.exit_code == code, result.output
        return result.stdout or result.stderr

    incident = stack.open("generic", _critical("E2eTerminal"))
    stack.wait_for(incident, "acknowledgement")
    listed = json.loads(firstline("incidents", "--unowned", "-o", "json"))
    (row,) = [row for row in listed if row["id"] == incident]

    monkeypatch.setenv("FIRSTLINE_USER", "eve")
    assert "eve is a reader" in firstline("ack", row["short_id"], code=4)
    monkeypatch.setenv("FIRSTLINE_USER", "bob")
    firstline("ack", row["short_id"])

    record = stack.wait_for(incident, "resolution")
    assert record.acknowledged_by == "bob (command line)"
    stack.wait_told(incident, "pagerduty", "acknowledge")

    firstline("resolve", row["short_id"])

    assert stack.wait_closed(incident).resolved_by == "bob (command line)"
    assert "arn:aws:iam::123456789012:user/bob" in firstline("audit", row["short_id"])


def test_acknowledging_and_resolving_in_pagerduty_counts(stack: LocalStack) -> None:
    incident = stack.open("generic", _critical("E2ePagerDutyActs"))
    stack.wait_for(incident, "acknowledgement")

    stack.act_in_pagerduty(incident, "acknowledge")

    record = stack.wait_for(incident, "resolution")
    assert record.acknowledged_by == "Ada Okafor"
    shown = stack.wait_told(incident, "slack", says="Ada Okafor has it")
    assert shown["edits"] > 0, "whoever reads Slack sees it in the message that stands"
    assert "[Acknowledge]" not in shown["text"]
    assert "[Resolve]" in shown["text"]

    stack.act_in_pagerduty(incident, "resolve")

    record = stack.wait_closed(incident)
    assert record.outcome == "resolved"
    stack.wait_told(incident, "slack", says="esolved")


def test_what_people_say_decides_how_the_next_one_is_judged(stack: LocalStack) -> None:
    alert = {"alert_name": "E2eJudged", "severity": "low", "service": "mail", "message": "The queue is long."}
    first = stack.open("generic", alert)
    stack.wait_for(first, "resolution")
    assert "[Was this right? " not in stack.wait_told(first, "slack")["text"], "it still burns"

    stack.judge(first, "severity-high", "grace")
    stack.resolve_with_a_note(first, "The consumer hung.\n$ systemctl restart mail-consumer")

    record = stack.wait_closed(first)
    assert [(word.by, word.severity) for word in record.feedback] == [("grace (Slack)", "high")]
    assert record.notes[0].by == "ada (Slack)"
    assert (
        "grace (Slack): wrong severity, high would be right"
        in stack.wait_told(first, "slack", says="people say")["text"]
    )
    stack.send("generic", alert | {"status": "resolved"})

    second = stack.open("generic", alert)

    record = stack.wait_for(second, "acknowledgement")
    assert record.classification is not None
    assert record.classification.severity == "high"
    assert "The consumer hung." in record.classification.first_steps[0]
    stack.press(second, "resolve")
    stack.wait_closed(second)


def test_a_forged_press_decides_nothing(stack: LocalStack) -> None:
    incident = stack.open("generic", _critical("E2eForgedPress"))
    stack.wait_for(incident, "acknowledgement")
    body = (
        b"payload=%7B%22type%22%3A%22block_actions%22%2C%22user%22%3A%7B%22id%22%3A%22U0ADA%22%7D%2C%22actions%22%3A%5B"
        b"%7B%22action_id%22%3A%22resolve%22%2C%22value%22%3A%22" + incident.encode() + b"%22%7D%5D%7D"
    )

    answer = stack.post(
        "/respond/slack",
        body,
        {
            "Content-Type": "application/x-www-form-urlencoded",
            "X-Slack-Request-Timestamp": "1767225600",
            "X-Slack-Signature": "v0=" + "0" * 64,
        },
    )

    assert answer.status == 401
    assert stack.record(incident).resolved_at is None
    stack.press(incident, "resolve")
    stack.wait_closed(incident)
