"""The history of the demo's alerts, which went through the whole machine, replayed against changed files."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from firstline_cli import checkout, history, stacks
from firstline_cli.main import app
from local.demo import alerts
from tests.statemachine.world import World

BAD = "rules: [{id: shop-is-noisy, match: {service: shop}, severity: noise, reason: It always recovers.}]"


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


def test_replay_names_the_page_that_a_bad_rule_would_have_hidden(world: World, replayed: Any) -> None:
    # Given the shop's errors, which ada took, and another service's alert that nobody was paged for
    shop = alerts.failing_shop()
    name, fields = shop.pop("alert_name"), shop
    real = world.fires(name, **fields)
    real.stands_in("Await Acknowledgement")
    world.presses("acknowledge", real.id)
    real.stands_in("Await Resolution")
    world.resolves(name, **fields)
    real.ends()
    told = world.fires("QueueLong", severity="low", service="mail")
    told.stands_in("Await Resolution")
    world.resolves("QueueLong", severity="low", service="mail")
    told.ends()
    assert real.record.paged_at is not None

    # When a rule that calls the shop noise is replayed
    found = replayed(BAD, "-o", "json")
    told_so = replayed(BAD)

    # Then the page is named, with what shows that it was real, and the command does not end well
    assert (found.exit_code, told_so.exit_code) == (1, 1), found.output
    plain = json.loads(found.stdout)
    assert (plain["incidents"], plain["paged"], plain["missed"]) == (2, 1, 1)
    (gone,) = plain["goes"]
    assert (gone["id"], gone["proof"]) == (real.id, "ada (Slack) took it")
    assert gone["why"] == "rule shop-is-noisy says noise"
    last = told_so.stdout.splitlines()[-2:]
    assert last[0] == "1 PAGE WOULD GO ALTHOUGH THE INCIDENT WAS REAL:"
    assert last[1].strip() == f"{real.id}: rule shop-is-noisy says noise; ada (Slack) took it"

    # And the rules as they are hide nothing, while one that raises brings a page
    assert replayed(checkout.RULES.read_text()).exit_code == 0
    raised = replayed("rules: [{id: up, match: {service: mail}, at_least: high, reason: Mail matters.}]", "-o", "json")
    assert [change["id"] for change in json.loads(raised.stdout)["comes"]] == [told.id]
