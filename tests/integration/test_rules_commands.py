"""`rules` and `silence`, as somebody runs them, also against a table on AWS."""

import json
import re
import shlex
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from firstline.adapters.dynamodb.groups import TableGroups
from firstline.adapters.dynamodb.heartbeats import TableHeartbeats
from firstline.adapters.dynamodb.incidents import TableIncidents
from firstline.adapters.dynamodb.silences import TableSilences
from firstline.adapters.dynamodb.table import Table
from firstline_cli.console import here
from firstline_cli.main import app
from firstline_cli.stacks import Stack
from tests.integration.conftest import STACK_ON_AWS
from tests.support.builders import alert, open_for

NOW = datetime.now(UTC)
RULES = """
rules:
  - id: backup-load
    match: {alert_name: "HighCpu*", host: "db-*"}
    severity: noise
    reason: The backup does this.
  - id: give-it-time
    match: {alert_name: Flaky}
    hold: 5m
    reason: It restarts by itself.
  - id: anything-on-databases
    match: {host: "db-*"}
    at_least: high
    route: databases
    reason: Orders are in them.
maintenance:
  - id: patch-night
    match: {host: "web-*"}
    when: [{weekdays: tue, hours: "01:00-03:00"}]
    suppress: true
    owner: platform
    reason: Hosts are patched.
"""


@pytest.fixture
def table(table_on_aws: Table) -> Table:
    return table_on_aws


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    file = tmp_path / "rules.yaml"
    file.write_text(RULES)
    return file


def local(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def closed(
    table: Table,
    *,
    hours_ago: float,
    outcome: Any = "self_cleared",
    lasted: float = 10,
    taken: bool = False,
    **what: Any,
) -> str:
    """An incident that is over; it lasted so many minutes."""
    groups, history, began = TableGroups(table), TableIncidents(table), NOW - timedelta(hours=hours_ago)
    given = alert(**{"group_key": f"g-{hours_ago}", "timestamp": began, **what})
    incident = open_for(groups, given, now=began)
    ended = began + timedelta(minutes=lasted)
    if taken:
        history.acknowledge(incident.incident_id, "grace", ended)
    assert history.close(incident, None, outcome, "over", [], ended, joined=1)
    return incident.incident_id


# --- check -----------------------------------------------------------------------------------------------------------


def test_the_shipped_rules_are_sound() -> None:
    result = local("rules", "check")

    assert result.exit_code == 0
    assert "are sound" in result.stdout


def test_a_mistake_is_named_with_file_rule_key_and_fix(tmp_path: Path) -> None:
    file = tmp_path / "rules.yaml"
    file.write_text("rules: [{id: a, reason: r, match: {hots: x}, severity: low}]")

    result = local("rules", "check", "--rules", file)

    assert result.exit_code == 1
    assert str(file) in result.stderr
    assert "rule 1 (a): unknown key `match.hots`; write one of alert_name" in result.stderr


def test_a_rule_that_can_never_apply_is_a_mistake(tmp_path: Path) -> None:
    file = tmp_path / "rules.yaml"
    first = "{id: wide, reason: r, match: {host: 'web-*'}, severity: low}"
    file.write_text(f"rules: [{first}, {{id: narrow, reason: r, match: {{host: web-1}}, at_least: high}}]")

    result = local("rules", "check", "--rules", file)

    assert result.exit_code == 1
    assert "rule narrow can never apply, because wide stands before it" in result.stderr


def test_patterns_that_fitted_nothing_are_hints(table: Table, rules: Path) -> None:
    closed(table, hours_ago=2, alert_name="HighCpuLoad", host="db-1")

    result = local("rules", "check", "--rules", rules, "--stack", STACK_ON_AWS)

    assert result.exit_code == 0
    assert "rule give-it-time: alert_name Flaky fits none of the 1 incidents of 30 days" in result.stdout
    assert "HighCpu*" not in result.stdout


# --- explain ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def body(tmp_path: Path) -> Path:
    """An alert as its sender would send it."""
    file = tmp_path / "alert.json"
    file.write_text(json.dumps({"alert_name": "HighCpuLoad", "host": "db-1", "severity": "high", "message": "busy"}))
    return file


def test_each_rule_is_explained_and_what_follows(rules: Path, body: Path) -> None:
    result = local("rules", "explain", body, "--rules", rules)

    assert result.exit_code == 0
    lines = {row.split("│")[1].strip(): row for row in result.stdout.splitlines() if row.count("│") == 3}
    assert "wins" in lines["backup-load"]
    assert "alert_name is HighCpuLoad, not Flaky" in lines["give-it-time"]
    assert "later" in lines["anything-on-databases"]
    # It is a Tuesday night or it is not, when this runs: one of both is the reason.
    assert "not on at" in lines["patch-night"] or "host is db-1, not web-*" in lines["patch-night"]
    assert "What follows: severity noise, which rule backup-load sets for good." in result.stdout
    assert "Silences are not shown" in result.stdout


def test_windows_and_silences_are_explained_too(table: Table, rules: Path, tmp_path: Path) -> None:
    file = tmp_path / "alert.json"
    file.write_text(json.dumps({"alert_name": "NodeDown", "host": "web-1", "severity": "high", "message": "gone"}))
    local("silence", "add", "host=web-1", "--reason", "Disk", "--owner", "ada", "--for", "1h", "--stack", STACK_ON_AWS)
    at = (datetime.now(UTC) + timedelta(minutes=1)).isoformat()

    silenced = local("rules", "explain", file, "--rules", rules, "--stack", STACK_ON_AWS, "--at", at)
    patched = local("rules", "explain", file, "--rules", rules, "--at", "2026-12-01T01:30:00+00:00")

    assert ": Silenced by ada (silence" in silenced.stdout
    assert ": Maintenance by platform (window patch-night)" in patched.stdout


def test_hours_are_those_of_the_stacks_time_zone(
    table: Table, body: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rules = tmp_path / "rules.yaml"
    rules.write_text('rules: [{id: at-night, match: {hours: "01:00-02:00"}, severity: low, reason: "It waits."}]')
    night = ("rules", "explain", body, "--rules", rules, "--at", "2026-12-01T00:30:00+00:00")
    monkeypatch.setattr(Stack, "time_zone", "Europe/Berlin")

    assert "severity low" in local(*night, "--stack", STACK_ON_AWS).stdout
    assert "severity high" in local(*night).stdout


def test_what_rules_make_of_a_critical_is_explained_with_its_route(rules: Path, tmp_path: Path) -> None:
    file = tmp_path / "alert.json"
    file.write_text(json.dumps({"alert_name": "HighCpuLoad", "host": "db-1", "severity": "critical", "message": "x"}))

    result = local("rules", "explain", file, "--rules", rules)

    assert "source calls it critical" in result.stdout
    assert "The incident takes the route databases" in result.stdout


@pytest.mark.parametrize(
    ("content", "source", "code", "says"),
    [
        ("{}", "generic", 2, "the source generic cannot read this body"),
        ("{}", "nobody", 2, "there is no source 'nobody'"),
        ('{"alert_name": "A", "status": "resolved", "message": "m"}', "generic", 1, "No alert fires"),
    ],
)
def test_what_cannot_be_explained_says_why(
    content: str, source: str, code: int, says: str, rules: Path, tmp_path: Path
) -> None:
    file = tmp_path / "alert.json"
    file.write_text(content)

    result = local("rules", "explain", file, "--source", source, "--rules", rules)

    assert result.exit_code == code
    assert says in result.output


# --- preview ---------------------------------------------------------------------------------------------------------


def test_a_preview_lists_loudly_what_became_real(table: Table, rules: Path) -> None:
    quiet = closed(table, hours_ago=30, alert_name="HighCpuLoad", host="db-1", severity="medium")
    real = closed(table, hours_ago=20, alert_name="HighCpuLoad", host="db-2", outcome="resolved", taken=True)
    closed(table, hours_ago=10, alert_name="HighCpuLoad", host="db-3", severity="critical")
    closed(table, hours_ago=9, alert_name="Other", host="db-1")
    closed(table, hours_ago=31 * 24, alert_name="HighCpuLoad", host="db-1")

    result = local("rules", "preview", "backup-load", "--rules", rules, "--stack", STACK_ON_AWS)

    assert result.exit_code == 0
    assert "4 incidents closed. backup-load would have hidden 2 of them, and delayed 0." in result.stdout
    assert f"hidden: {quiet} (self_cleared)" in result.stdout
    assert f"1 OF THE HIDDEN INCIDENTS WAS REAL:\n  {real}: grace took it" in result.stdout


def test_a_wait_hides_what_cleared_within_it_and_delays_the_rest(table: Table, rules: Path) -> None:
    short = closed(table, hours_ago=5, alert_name="Flaky", lasted=3)
    long = closed(table, hours_ago=4, alert_name="Flaky", lasted=30, outcome="resolved", taken=True)

    result = local("rules", "preview", "give-it-time", "--rules", rules, "--stack", STACK_ON_AWS)

    assert "hidden 1 of them, and delayed 1." in result.stdout
    assert f"hidden: {short}" in result.stdout
    assert f"late: {long}" in result.stdout


def test_an_unknown_name_is_told_the_known_ones(table: Table, rules: Path) -> None:
    result = local("rules", "preview", "nothing", "--rules", rules, "--stack", STACK_ON_AWS)

    assert result.exit_code == 3
    assert "backup-load, give-it-time, anything-on-databases, patch-night" in result.stderr


# --- silences --------------------------------------------------------------------------------------------------------


def test_a_silence_is_made_listed_and_ended(table: Table) -> None:
    closed(table, hours_ago=3, host="web-1", outcome="resolved", taken=True)
    added = local(
        *("silence", "add", "host=web-*", "labels.mountpoint=/data", "host=db-1"),
        *("--reason", "New disks", "--owner", "ada", "--for", "90m", "--until-resolved", "--stack", STACK_ON_AWS),
    )
    listed = local("silence", "list", "--stack", STACK_ON_AWS)
    (made,) = TableSilences(table).since(NOW)
    ended = local("silence", "expire", made.id, "--by", "grace", "--stack", STACK_ON_AWS)
    after = local("silence", "list", "--stack", STACK_ON_AWS)
    again = local("silence", "expire", made.id, "--stack", STACK_ON_AWS)

    assert added.exit_code == 0, added.output
    assert made.match.host == ("web-*", "db-1")
    assert made.expires_at - made.created_at == timedelta(minutes=90)
    assert "1 OF THE HIDDEN INCIDENTS WAS REAL" in added.stdout
    assert made.id in listed.stdout
    assert "or when it resolves" in listed.stdout
    assert ended.exit_code == 0
    assert "Nothing is silenced." in after.stdout
    assert again.exit_code == 3
    (kept,) = TableSilences(table).since(NOW)
    assert kept.ended_by == "grace"


def test_what_a_list_says_of_a_silence_can_be_pasted_and_read_by_scripts(table: Table) -> None:
    given = ("host=web-*", "host=db-1", "message=disk is full")
    local("silence", "add", *given, "--reason", "r", "--owner", "ada", "--stack", STACK_ON_AWS)
    (first,) = json.loads(local("silence", "list", "-o", "json", "--stack", STACK_ON_AWS).stdout)
    local("silence", "expire", first["id"], "--stack", STACK_ON_AWS)
    local("silence", "add", *shlex.split(first["what"]), "--reason", "r", "--owner", "ada", "--stack", STACK_ON_AWS)

    heading, *lines = local("silence", "list", "-o", "csv", "--all", "--stack", STACK_ON_AWS).stdout.splitlines()
    one, other = TableSilences(table).since(NOW)
    assert one.match == other.match
    assert (heading.split(",")[:3], len(lines)) == (["id", "what", "owner"], 2)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["hots=web-1"], "no such key 'hots'; known are alert_name"),
        (["web-1"], "'web-1' is no matcher; write key=pattern"),
        (["severity=urgent"], "severity: Input should be 'critical', 'high'"),
        (["source=datadg"], "source: 'datadg' fits no source; did you mean 'datadog'?"),
        (
            ["severity=critical"],
            "A silence does not hold alerts that their source calls critical: give --even-critical",
        ),
        (["host=web-1", "--for", "40d"], "within 30 days after its start"),
        (["host=web-1", "--for", "soon"], "'soon' is not a duration"),
    ],
)
def test_a_silence_that_makes_no_sense_is_refused(table: Table, arguments: list[str], says: str) -> None:
    result = local("silence", "add", *arguments, "--reason", "r", "--stack", STACK_ON_AWS)

    assert result.exit_code == 2
    assert says in result.stderr
    assert TableSilences(table).since(NOW) == []


def test_a_silence_is_extended_by_one_that_takes_its_place(table: Table) -> None:
    local("silence", "add", "host=web-1", "--reason", "Disk", "--owner", "ada", "--stack", STACK_ON_AWS)
    (before,) = TableSilences(table).since(NOW)

    result = local("silence", "extend", before.id, "--for", "1d", "--by", "grace", "--stack", STACK_ON_AWS)

    assert result.exit_code == 0, result.output
    now = datetime.now(UTC)
    silences = {silence.id: silence for silence in TableSilences(table).since(NOW)}
    old = silences.pop(before.id)
    (new,) = silences.values()
    assert (old.active(now), old.ended_by, new.active(now)) == (False, "grace", True)
    assert (new.match, new.reason, new.owner) == (before.match, "Disk", "ada")
    assert new.expires_at - new.created_at == timedelta(days=1)


def test_a_silence_out_of_an_incident_holds_alerts_like_its_own_only(table: Table) -> None:
    given = alert(alert_name="Queue *long*", host="web-1", service="mail", environment="prod")
    incident = open_for(TableGroups(table), given, now=NOW)

    result = local("silence", "from", incident.incident_id[-8:], "--reason", "Known", "--stack", STACK_ON_AWS)

    assert result.exit_code == 0, result.output
    (made,) = TableSilences(table).since(NOW)
    assert made.match.fits(given)
    for other in ({"host": "web-2"}, {"alert_name": "Queue is long"}, {"environment": "dev"}):
        assert not made.match.fits(given.model_copy(update=other))


@pytest.mark.parametrize(
    ("severity", "storm", "says"),
    [
        ("critical", False, "calls this alert critical, and a silence does not hold it: give --even-critical"),
        ("high", True, "is a storm of alerts with many names: silence them with `firstline silence add`"),
    ],
    ids=["a critical", "a storm"],
)
def test_a_silence_out_of_an_incident_that_would_hold_nothing_is_refused(
    table: Table, severity: str, storm: bool, says: str
) -> None:
    incident = open_for(TableGroups(table), alert(severity=severity), now=NOW, storm=storm)

    refused = local("silence", "from", incident.incident_id[-8:], "--reason", "r", "--stack", STACK_ON_AWS)

    assert refused.exit_code == 2, refused.output
    assert says in refused.stderr
    assert TableSilences(table).since(NOW) == []


def test_a_silence_out_of_a_critical_incident_holds_it_if_it_may(table: Table) -> None:
    incident = open_for(TableGroups(table), alert(severity="critical"), now=NOW)
    arguments = (incident.incident_id[-8:], "--reason", "r", "--even-critical")

    result = local("silence", "from", *arguments, "--stack", STACK_ON_AWS)

    assert result.exit_code == 0, result.output
    (made,) = TableSilences(table).since(NOW)
    assert made.holds(incident.alert, made.created_at)


def test_a_silence_that_is_given_twice_is_made_once(table: Table) -> None:
    given = ("silence", "add", "host=web-1", "--reason", "Disk", "--for", "1h", "--stack", STACK_ON_AWS)
    assert local(*given, "--owner", "ada").exit_code == 0
    (made,) = TableSilences(table).since(NOW)

    again = local(*given, "--owner", "bob")

    assert again.exit_code == 4
    assert f"ada silences these alerts already, until {here(made.expires_at)}" in again.stderr
    assert f"`firstline silence extend {made.id}`" in again.stderr
    assert TableSilences(table).since(NOW) == [made]
    for other in (["--for", "2h"], ["--even-critical"], ["host=web-2"]):
        assert local(*given, *other).exit_code == 0


@pytest.mark.parametrize("matchers", [["alert_name=*"], ["source=**", "alert_name=a*", "labels.x=?*"]])
def test_a_broad_silence_asks_first(table: Table, matchers: list[str]) -> None:
    arguments = ("silence", "add", *matchers, "--even-critical", "--reason", "x", "--stack", STACK_ON_AWS)

    refused = local(*arguments)

    assert refused.exit_code == 2
    assert "This holds nearly every alert of firstline-prod" in refused.stderr
    assert TableSilences(table).since(NOW) == []
    assert local(*arguments, "--yes").exit_code == 0


# --- the guide -------------------------------------------------------------------------------------------------------

GUIDE = Path("docs/rules.md")


def test_the_commands_of_the_guide_do_what_it_says(table: Table, rules: Path, tmp_path: Path) -> None:
    closed(table, hours_ago=3, alert_name="DiskFull", host="web-1", labels={"cluster": "eu"})
    body = {"alert_name": "DiskFull", "host": "web-1", "severity": "high", "message": "m", "labels": {"cluster": "eu"}}
    (tmp_path / "alert.json").write_text(json.dumps(body))
    written = [
        shlex.split(line.removeprefix("firstline "), comments=True)
        for block in re.findall(r"```sh\n(.*?)```", GUIDE.read_text(), re.DOTALL)
        for line in block.splitlines()
    ]
    TableHeartbeats(table).beat(alert(alert_name="Watchdog", fingerprint="fp-gone"), NOW)
    ids = {"rules": "test-alert", "heartbeat": "generic:fp-gone"}
    for arguments in written:
        here = {"<stack>": STACK_ON_AWS, "<id>": ids.get(arguments[0], ""), "<file>": str(rules)}
        here |= {"alert.json": str(tmp_path / "alert.json")}
        # The example names Alertmanager, and the alert is of the generic source.
        given = [here.get(argument, argument).replace("prometheus", "generic") for argument in arguments]
        result = CliRunner().invoke(app, given)
        assert result.exit_code == 0, (given, result.output)
        if arguments[:2] == ["silence", "add"]:
            (made,) = TableSilences(table).since(datetime.now(UTC))
            ids["silence"] = made.id
            assert "would have hidden 1 of them" in result.stdout

    assert [arguments[:2] for arguments in written] == [
        *(["rules", "check"], ["rules", "check"], ["rules", "explain"], ["rules", "preview"]),
        ["replay", "--rules"],
        *(["silence", "add"], ["silence", "list"], ["silence", "expire"]),
        *(["heartbeat", "list"], ["heartbeat", "forget"]),
    ]
    assert TableHeartbeats(table).pulses()[0][0].forgotten_at is not None


def test_a_heartbeat_is_explained_as_one(tmp_path: Path) -> None:
    alerts = [{"labels": {"alertname": "Watchdog", "severity": "none"}, "status": "firing"}]
    (tmp_path / "alert.json").write_text(json.dumps({"version": "4", "status": "firing", "alerts": alerts}))

    result = local("rules", "explain", tmp_path / "alert.json", "--source", "prometheus")

    assert result.exit_code == 0
    assert (
        "Watchdog is heartbeat watchdog, which opens no incident. When no heartbeat has come for 8 hours"
        in result.stdout
    )


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    result = local("rules", "explain", tmp_path / "a.json")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "Invalid value for 'alert_file'" in result.stderr
