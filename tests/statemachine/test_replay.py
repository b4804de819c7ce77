"""The history of the demo's alerts, which went through the whole machine, replayed against changed files."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from firstline_cli import checkout, history, stacks
from firstline_cli.main import app
from local.demo import alerts
from tests.statemachine.incident import Incident
from tests.statemachine.world import World

SHOP_IS_NOISE = "rules: [{id: shop-is-noisy, match: {service: shop}, severity: noise, reason: It always recovers.}]"
MAIL_PAGES = "rules: [{id: up, match: {service: mail}, at_least: high, reason: Mail matters.}]"


@pytest.fixture
def replayed(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Replay what the world has seen against rules, as somebody types it."""
    table = world.history._table
    found = stacks.Stack(table, "arn:aws:states:eu-central-1:123456789012:stateMachine:incident", world.client)
    monkeypatch.setattr(history, "stack_of", lambda name: found)
    file = tmp_path / "rules.yaml"

    def run(rules: str, *arguments: str) -> Result:
        file.write_text(rules)
        return CliRunner().invoke(app, ["replay", "--days", "400", "--rules", str(file), *arguments])

    return run


@pytest.fixture
def paged(world: World) -> Incident:
    """Let the shop's errors page somebody: ada takes the incident, and it ends."""
    fields = alerts.failing_shop()
    name = fields.pop("alert_name")
    incident = world.fires(name, **fields)
    incident.stands_in("Await Acknowledgement")
    world.presses("acknowledge", incident.id)
    incident.stands_in("Await Resolution")
    world.resolves(name, **fields)
    incident.ends()
    assert incident.record.paged_at is not None
    return incident


@pytest.fixture
def unpaged(world: World) -> Incident:
    """Let an alert of the mail service be told without a page, and end."""
    incident = world.fires("QueueLong", severity="low", service="mail")
    incident.stands_in("Await Resolution")
    world.resolves("QueueLong", severity="low", service="mail")
    incident.ends()
    return incident


@pytest.mark.usefixtures("unpaged")
def test_replay_names_the_page_that_a_bad_rule_would_have_hidden_with_its_proof_and_fails(
    paged: Incident, replayed: Any
) -> None:
    found = replayed(SHOP_IS_NOISE, "-o", "json")
    told_so = replayed(SHOP_IS_NOISE)

    assert (found.exit_code, told_so.exit_code) == (1, 1), found.output
    plain = json.loads(found.stdout)
    assert (plain["incidents"], plain["paged"], plain["missed"]) == (2, 1, 1)
    (gone,) = plain["goes"]
    assert (gone["id"], gone["proof"]) == (paged.id, "ada (Slack) took it")
    assert gone["why"] == "rule shop-is-noisy says noise"
    last = told_so.stdout.splitlines()[-2:]
    assert last[0] == "1 PAGE WOULD GO ALTHOUGH THE INCIDENT WAS REAL:"
    assert last[1].strip() == f"{paged.id}: rule shop-is-noisy says noise; ada (Slack) took it"


@pytest.mark.usefixtures("paged")
def test_replay_of_the_rules_as_they_are_succeeds(replayed: Any) -> None:
    assert replayed(checkout.RULES.read_text()).exit_code == 0


def test_replay_names_the_page_that_a_raising_rule_would_bring(unpaged: Incident, replayed: Any) -> None:
    raised = replayed(MAIL_PAGES, "-o", "json")

    assert [change["id"] for change in json.loads(raised.stdout)["comes"]] == [unpaged.id]
