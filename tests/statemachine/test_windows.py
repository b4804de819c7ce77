"""A host on Windows: left alone, unless the runbook sends a document that its owner has for it."""

import json

import pytest

from tests.statemachine.incident import Incident
from tests.statemachine.run_command import Run
from tests.statemachine.test_remediation import FAILED, full_disk
from tests.statemachine.world import World

DOCUMENT = {
    "schemaVersion": "2.2",
    "mainSteps": [
        {"action": "aws:runPowerShellScript", "name": "restart", "inputs": {"runCommand": ["Restart-Service Spooler"]}}
    ],
}


@pytest.fixture(autouse=True)
def windows(world: World) -> None:
    """web-1 runs Windows, and its owner has a document for it."""
    world.commands.windows = {world.instance_ids["web-1"]}
    ssm = world.client("ssm")
    if not ssm.list_documents(Filters=[{"Key": "Name", "Values": ["team-restart-spooler"]}])["DocumentIdentifiers"]:
        ssm.create_document(
            Name="team-restart-spooler", Content=json.dumps(DOCUMENT), DocumentType="Command", DocumentFormat="JSON"
        )
    world.commands.script("spooler", Run())


def spooler(world: World) -> Incident:
    return world.fires("SpoolerStuck", severity="medium", host="web-1")


def test_a_runbook_of_shell_scripts_sends_nothing_to_windows_and_a_human_reads_why(world: World) -> None:
    full_disk(world).stands_in("Await Acknowledgement")

    assert world.commands.attempts == []
    assert "web-1 runs Windows, and full-scratch has no steps for that" in world.told("pagerduty")[0].text


def test_the_owners_document_is_sent_to_windows_and_the_alerts_resolve_is_the_recovery(world: World) -> None:
    incident = spooler(world)
    incident.stands_in("Await Recovery")
    assert incident.time_out_seconds == 600, "the runbook's own time for the recovery"
    world.resolves("SpoolerStuck", severity="medium", host="web-1")

    assert incident.ends()[-1] == "Close Incident"
    (sent,) = world.commands.sent
    assert (sent.document, sent.version, sent.parameters) == ("team-restart-spooler", "1", {})
    assert incident.record.outcome == "auto_resolved"


@pytest.mark.parametrize("fails", [True, False], ids=["it fails", "it does not help"])
def test_an_alert_that_the_owners_document_does_not_cure_goes_to_a_human(world: World, fails: bool) -> None:
    if fails:
        world.commands.script("spooler", FAILED)
    incident = spooler(world)
    if not fails:
        incident.stands_in("Await Recovery").times_out()
    incident.stands_in("Await Acknowledgement")

    assert world.commands.steps() == ["spooler"]
    words = "failed at step spooler" if fails else "ran, but the alert did not resolve"
    assert words in world.told("pagerduty")[0].text
