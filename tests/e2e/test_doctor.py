"""`firstline doctor` on the local stack."""

import json

from typer.testing import CliRunner

from firstline_cli.main import app
from tests.e2e.running import LocalStack


def test_the_local_stack_is_well(stack: LocalStack) -> None:
    done = CliRunner().invoke(app, ["doctor", "--stack", json.dumps(stack.line)])

    assert done.exit_code == 0, done.output
    assert "✓ pages        the page topic wakes http://127.0.0.1:" in done.stdout
    assert "✓ slack        the bot token is good" in done.stdout
    assert "✓ pagerduty    PagerDuty takes the routing key" in done.stdout
    assert "✓ hosts        4 tagged Firstline=firstline-local" in done.stdout
    assert "✗" not in done.stdout
