"""`firstline report` and `replay`, as somebody runs them against a table on AWS."""

import csv
import io
import json
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from firstline.adapters.dynamodb.groups import TableGroups
from firstline.adapters.dynamodb.incidents import TableIncidents
from firstline.adapters.dynamodb.table import Table
from firstline_cli import history
from firstline_cli.checkout import RULES
from firstline_cli.main import app
from tests.integration.conftest import STACK_ON_AWS
from tests.support.builders import a_classification, a_page, alert, open_for

NOW = datetime.now(UTC)


@pytest.fixture
def table(table_on_aws: Table, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Table:
    monkeypatch.setattr(history, "CHECKOUT", tmp_path)
    return table_on_aws


def reported(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["report", *arguments, "--stack", STACK_ON_AWS])


def begun(table: Table, *, days_ago: float, ended: Any = None, minutes: float = 20, **what: Any) -> str:
    """An incident that was paged after a minute and, if it ended, taken three minutes later."""
    groups, incidents, at = TableGroups(table), TableIncidents(table), NOW - timedelta(days=days_ago)
    given = alert(
        **{
            "group_key": f"g-{days_ago}",
            "fingerprint": f"f-{days_ago}",
            "service": "shop",
            "severity": "high",
            "timestamp": at,
        }
        | what
    )
    incident, paged_at = open_for(groups, given, now=at), at + timedelta(minutes=1)
    live = incidents.live(given.group_key)
    assert live is not None
    page = a_page(on_call="dora", at=paged_at)
    assert incidents.claim_page(incident, page, paged_at + timedelta(minutes=1), paged_at, seen=live)
    incidents.finish_page(incident, page, paged_at + timedelta(minutes=15), paged_at)
    if ended:
        over = at + timedelta(minutes=minutes)
        incidents.acknowledge(incident.incident_id, "ada", paged_at + timedelta(minutes=3))
        incidents.resolve(incident.incident_id, "ada", over)
        assert incidents.close(incident, 1, ended, "Resolved by ada.", [], over, joined=1)
    return incident.incident_id


def test_a_tool_gets_the_figures_of_the_last_thirty_days_in_all_and_by_service_and_person(table: Table) -> None:
    # dora is on call; ada takes each one three minutes after its page; they end after 10 to 19 minutes.
    for number in range(10):
        begun(table, days_ago=1 + number / 100, ended="resolved", minutes=10 + number)
    begun(table, days_ago=2, service="mail")
    begun(table, days_ago=40, ended="resolved")

    result = reported("--by", "service", "-o", "json")

    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    total = found["total"]
    assert (total["incidents"], total["ends"]["people"], total["ends"]["open"]) == (11, 10, 1)
    assert total["acknowledge"] == {"n": 10, "p50_seconds": 180, "p90_seconds": 180}
    assert total["resolve"] == {"n": 10, "p50_seconds": 14 * 60, "p90_seconds": 18 * 60}
    assert [(row["name"], row["incidents"]) for row in found["rows"]] == [("shop", 10), ("mail", 1)]
    assert [(person["person"], person["pages"]) for person in found["people"]] == [("dora", 11)]


def test_a_spreadsheet_gets_a_line_for_each_name_and_one_for_all_and_no_formula(table: Table) -> None:
    begun(table, days_ago=1, ended="resolved", service="=HYPERLINK(1)")

    rows = list(csv.DictReader(io.StringIO(reported("--by", "service", "-o", "csv").stdout)))

    assert [(row["by"], row["name"], row["incidents"]) for row in rows] == [
        ("service", "'=HYPERLINK(1)", "1"),
        ("all", "all", "1"),
    ]
    assert rows[0]["acknowledge_p50_seconds"] == "180.0"
    assert rows[0]["acknowledge_p90_seconds"] == "", "one incident is too few"


def test_people_read_tables_with_the_number_beside_each_figure(table: Table) -> None:
    for number in range(3):
        begun(table, days_ago=1 + number / 100, ended="resolved", group_key="one")

    said = reported("--days", "7").stdout

    assert "3 min / – (3)" in said, "p50 / p90 (the number of incidents)"
    assert "ended by people" in said
    assert "3 (100%)" in said
    assert "p90 needs at least 10" in " ".join(said.split())
    assert "no rule: fewer than 5 incidents" in said.lower()
    assert f"{NOW - timedelta(days=1):%G-W%V}" in said


def test_before_and_after_a_change_are_equally_long_and_few_are_called_few(table: Table) -> None:
    begun(table, days_ago=2.5, ended="resolved")
    begun(table, days_ago=1.5, ended="resolved")
    change = NOW - timedelta(days=2)

    found = json.loads(reported("--days", "1", "--since-change", change.isoformat(), "-o", "json").stdout)
    told = reported("--days", "1", "--since-change", change.isoformat()).stdout

    compared = found["comparison"]
    assert compared["span_seconds"] == 86_400
    assert (compared["before"]["incidents"], compared["after"]["incidents"]) == (1, 1)
    assert "may well be chance" in told


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--since-change", "yesterday"], "is no day; write 2026-11-10"),
        (["--since-change", "2999-01-01"], "is in the future"),
        (["--time-zone", "Berlin"], "is no time zone; write a name such as Europe/Berlin"),
        (["--model", "--people"], "give one"),
        (["--model", "-o", "json"], "no --output"),
    ],
)
def test_what_makes_no_sense_is_refused_with_the_fix(table: Table, arguments: list[str], says: str) -> None:
    result = reported(*arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert says in result.stderr


# --- action items -----------------------------------------------------------------------------------------------------


def test_open_action_items_are_reported_until_they_are_done(table: Table, tmp_path: Path) -> None:
    folder = tmp_path / "postmortems"
    folder.mkdir()
    (folder / "queue.md").write_text(
        "---\nincident: q-1\naction_items:\n"
        "  - {what: Watch the lag, owner: ada, due: 2026-01-02}\n"
        "  - {what: Restart it, owner: bob, due: 2026-01-01, done: 2026-01-01}\n"
        "  - {what: Ask the vendor}\n---\n# Postmortem\n"
    )
    (folder / "disk.md").write_text("---\nincident: d-1\naction_items:\n  # none yet\n---\n")

    result = reported("-o", "json")

    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["action_items"] == [
        {"what": "Watch the lag", "owner": "ada", "due": "2026-01-02", "file": "queue.md"},
        {"what": "Ask the vendor", "owner": None, "due": None, "file": "queue.md"},
    ]
    assert "'Ask the vendor' has no owner and no due." in result.stderr
    told = reported().stdout
    assert "Open action items" in told
    assert "days late" in told
    assert "Restart it" not in told


def test_a_postmortem_whose_action_items_cannot_be_read_is_named_with_the_reason(table: Table, tmp_path: Path) -> None:
    folder = tmp_path / "postmortems"
    folder.mkdir()
    (folder / "wrong.md").write_text("---\nincident: w-1\naction_items: [{what: x, dew: 2026-01-01}]\n---\n")
    (folder / "bare.md").write_text("# Postmortem\n")

    result = reported("-o", "json")

    assert result.exit_code == 0, result.output
    assert "wrong.md: action_items.0.dew: Extra inputs are not permitted" in result.stderr
    assert "bare.md: no front matter" in result.stderr


# --- replay -----------------------------------------------------------------------------------------------------------


def replayed(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["replay", *map(str, arguments), "--stack", STACK_ON_AWS])


@pytest.fixture
def deployed_with_a_rule_for_the_shop(tmp_path: Path) -> Path:
    """A folder of runbooks whose rules call the shop noise."""
    policy = tmp_path / "runbooks" / "policy"
    policy.mkdir(parents=True)
    shutil.copy(RULES.with_name("paging.yaml"), policy)
    (policy / "rules.yaml").write_text("rules: [{id: n, match: {service: shop}, severity: noise, reason: r}]")
    return policy.parent


def test_where_a_rule_is_gone_rules_and_history_decide_on_what_was_known_then(
    table: Table, deployed_with_a_rule_for_the_shop: Path
) -> None:
    at = NOW - timedelta(hours=3)
    given = alert(severity="high", service="shop", timestamp=at)
    incident = open_for(TableGroups(table), given, now=at)
    history_of = TableIncidents(table)
    verdict = a_classification(severity="noise", decided_by="rules")
    history_of.judge(incident, 1, verdict, at, seen=history_of.live(given.group_key))
    assert history_of.close(incident, 1, "suppressed", "noise", [], at + timedelta(minutes=1), joined=1)

    found = replayed("--rules", RULES, "--before", deployed_with_a_rule_for_the_shop, "-o", "json")
    told = replayed("--rules", RULES, "--before", deployed_with_a_rule_for_the_shop)

    assert found.exit_code == 0, found.output
    assert [change["why"] for change in json.loads(found.stdout)["comes"]] == ["without rule n it is high"]
    assert "1 page would come:" in told.stdout
    assert "Not replayed: what a model would say now" in " ".join(told.stdout.split())


@pytest.mark.parametrize(
    ("content", "code", "says"),
    [(None, 2, "give --rules, --runbooks or --paging"), ("rules: [{id: A}]", 1, "rule 1 (A)"), ("[", 1, "as YAML")],
)
def test_what_cannot_be_replayed_says_why(
    table: Table, tmp_path: Path, content: str | None, code: int, says: str
) -> None:
    file = tmp_path / "rules.yaml"
    file.write_text(content or "")
    result = replayed(*(["--rules", file] if content else []))
    assert (result.exit_code, result.stdout) == (code, "")
    assert says in result.stderr
