"""`report --runbooks`, `audit` and `runbooks reset`, as somebody runs them against a table on AWS."""

from datetime import UTC, datetime, timedelta

import pytest
from typer.testing import CliRunner, Result

from firstline.adapters.dynamodb.groups import TableGroups
from firstline.adapters.dynamodb.incidents import TableIncidents
from firstline.adapters.dynamodb.remediations import TableRemediations
from firstline.adapters.dynamodb.spending import Spending
from firstline.adapters.dynamodb.table import Table
from firstline.adapters.dynamodb.trail import TableTrail
from firstline.errors import CeilingReached
from firstline.incidents.audit_trail import Fact
from firstline.models import RunbookRun, Usage
from firstline.policy.model import Ceiling
from firstline.remediation.store import Standing
from firstline_cli.main import app
from tests.integration.conftest import STACK_ON_AWS
from tests.support.builders import INCIDENT_ID, a_classification, a_plan, a_record, an_alert, open_for
from tests.support.stored_records import Records

NOW = datetime.now(UTC)


@pytest.fixture
def table(table_on_aws: Table) -> Table:
    return table_on_aws


def local(*arguments: str) -> Result:
    return CliRunner().invoke(app, [*arguments, "--stack", STACK_ON_AWS])


def shadow(number: int) -> RunbookRun:
    at = NOW - timedelta(hours=number)
    return RunbookRun(
        runbook_id="package-cache",
        incident_id=f"inc-{number}",
        instance_ids=["i-1"],
        decision="shadow",
        at=at,
        until=at,
    )


def demoted(table: Table) -> None:
    """Somewhere a plan of package-cache ended without having helped."""
    table.put(
        {"pk": "RUNS#package-cache", "sk": f"{NOW:%Y-%m-%dT%H:%M:%S.%fZ}#inc-9", "run": shadow(0).model_dump_json()}
    )
    plan = a_plan(planned_at=NOW, runbook_id="package-cache")
    TableRemediations(table).settle(plan, "inc-9", "failed", began=NOW, accepted=None, demote="it did not help", at=NOW)


def test_the_report_says_what_the_model_took_by_day_and_by_incident(table: Table) -> None:
    account = Spending(table, Ceiling(tokens=1_000), clock=lambda: NOW)
    took = Usage(prompt_tokens=600, completion_tokens=80, cost=0.0125)
    account.settle(account.hold(took), took)
    with pytest.raises(CeilingReached):
        account.hold(took)
    opened = open_for(TableGroups(table), an_alert(timestamp=NOW), now=NOW, incident_id="Disk-1")
    TableIncidents(table).judge(opened, 1, a_classification(usage=took, model="gpt-x"), NOW, seen=None)

    said = local("report", "--model")

    assert said.exit_code == 0, said.output
    (day,) = [line for line in said.output.splitlines() if f"{NOW:%Y-%m-%d}" in line]
    cells = [cell.strip() for cell in day.strip("│").split("│")]
    # day, questions, unmetered, tokens in, tokens out, cost, ceiling reached
    assert cells == [f"{NOW:%Y-%m-%d}", "1", "0", "600", "80", "0.0125", f"{NOW:%H:%M}"]
    (incident,) = [line for line in said.output.splitlines() if "Disk-1" in line]
    assert "0.0125" in incident
    assert "gpt-x" in incident


def test_the_report_says_how_runbooks_did_and_what_comes_next(table: Table) -> None:
    for number in range(5):
        TableRemediations(table).keep_shadow(shadow(number))

    result = local("report", "--runbooks", "--environment", "prod")

    assert result.exit_code == 0, result.output
    (row,) = [line for line in result.output.splitlines() if "package-cache" in line]
    _, _, in_shadow, planned, *_, comes_next = (cell.strip() for cell in row.strip("│").split("│"))
    assert (in_shadow, planned) == ("5", "0")
    assert comes_next.startswith("10 more runs"), "of the ten that it takes: a shadow is no run"


def test_a_runbook_that_did_not_help_is_shown_and_promoted(table: Table) -> None:
    demoted(table)
    assert TableRemediations(table).standing("package-cache").demoted == "it did not help"
    assert "demoted to approval: " in local("report", "--runbooks").output

    assert "may run by itself" in local("runbooks", "promote", "package-cache", "--by", "ada").output

    assert TableRemediations(table).standing("package-cache") == Standing(promoted_by="ada")


def test_a_runbook_that_is_promoted_in_shadow_is_not_said_to_run(table: Table) -> None:
    result = local("runbooks", "promote", "certificate-renewal", "--by", "ada")
    assert result.stdout.endswith("once its mode here is approve or auto. Until then it is shadow.\n")
    assert TableRemediations(table).standing("certificate-renewal") == Standing(promoted_by="ada")


def test_a_person_demotes_a_runbook(table: Table) -> None:
    assert "asks for approval" in local("runbooks", "demote", "package-cache", "--by", "bo").output
    assert TableRemediations(table).standing("package-cache").demoted == "bo demoted it"


@pytest.mark.usefixtures("table")
def test_an_unknown_runbook_is_told_the_known_ones() -> None:
    result = local("runbooks", "promote", "low-dsk")
    assert (result.exit_code, result.stdout) == (3, "")
    assert "There is no runbook 'low-dsk'; known are certificate-renewal, " in result.stderr


def test_a_whole_trail_is_told_and_a_broken_one_says_where(table: Table) -> None:
    for number, status in enumerate(["Success", "Failed", "Success"]):
        facts = {"command_id": f"c-{number}", "status": status, "text": "[bold]not markup[/]"}
        TableTrail(table).append(INCIDENT_ID, [Fact(what="ran", who="state machine", facts={**facts})], NOW)

    whole = local("audit", INCIDENT_ID)

    assert whole.exit_code == 0
    assert "command_id c-1, status Failed" in whole.output
    assert "[bold]not markup[/]" in whole.output
    assert "3 entries, each in its place" in whole.output

    item = table.get(f"TRAIL#{INCIDENT_ID}", "000002")
    assert item is not None
    table.put({**item, "entry": item["entry"].replace("Failed", "Success")})
    broken = local("audit", INCIDENT_ID)

    assert broken.exit_code == 1
    lines = broken.output.splitlines()
    assert "c-0" in lines[0]
    assert "broken here: entry 2 was changed after it was written" in lines[1]


def test_a_trail_whose_end_was_cut_off_is_not_whole(table: Table) -> None:
    Records(table)[INCIDENT_ID] = a_record(status="CLOSED", closed_at=NOW, outcome="resolved")
    TableTrail(table).append(INCIDENT_ID, [Fact(what="paged", who="state machine", facts={"level": 1})], NOW)
    cut = local("audit", INCIDENT_ID)
    TableTrail(table).append(INCIDENT_ID, [Fact(what="closed", who="ada", facts={"outcome": "resolved"})], NOW)
    whole = local("audit", INCIDENT_ID)

    assert (cut.exit_code, whole.exit_code) == (1, 0)
    assert "Its end was cut off, or never written" in " ".join(cut.output.split())


def test_no_trail_is_no_proof(table: Table) -> None:
    result = local("audit", "an-incident-that-nobody-knows")

    assert result.exit_code == 1
    assert "The audit trail of an-incident-that-nobody-knows" in result.output
