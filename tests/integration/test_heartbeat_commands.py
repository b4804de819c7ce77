"""`heartbeat`, as somebody runs it against a table on AWS."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from firstline.adapters.dynamodb.heartbeats import TableHeartbeats
from firstline.adapters.dynamodb.table import Table
from firstline_cli.main import app
from tests.integration.conftest import STACK_ON_AWS
from tests.support.builders import alert

HEARTBEATS = """
rules: []
heartbeats:
  - id: watchdog
    match: {alert_name: Watchdog}
    every: 5m
    reason: Look at Prometheus.
  - id: backup
    match: {alert_name: BackupAlive}
    every: 1d
    required: true
    reason: Look at its log.
"""


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    file = tmp_path / "rules.yaml"
    file.write_text(HEARTBEATS)
    return file


@pytest.fixture
def heartbeats(table_on_aws: Table) -> TableHeartbeats:
    """Two clusters' watchdogs, one of them absent; the backup's, and one that nobody declared."""
    now = datetime.now(UTC)
    found = TableHeartbeats(table_on_aws)
    for cluster, minutes_ago in (("eu", 2), ("us", 40)):
        labels = {"cluster": cluster}
        found.beat(
            alert(alert_name="Watchdog", labels=labels, fingerprint=f"fp-{cluster}"),
            now - timedelta(minutes=minutes_ago),
        )
    absent = next(pulse for pulse in found.pulses()[0] if pulse.key == "generic:fp-us")
    found.mark(absent, now - timedelta(minutes=30), now)
    found.beat(alert(alert_name="BackupAlive", fingerprint="fp-backup"), now - timedelta(hours=3))
    found.beat(alert(alert_name="Undeclared", fingerprint="fp-other"), now - timedelta(hours=5))
    return found


def heartbeat(*arguments: str | Path) -> Result:
    """The last one is the rules file."""
    *words, rules = map(str, arguments)
    return CliRunner().invoke(app, ["heartbeat", *words, "--stack", STACK_ON_AWS, "--rules", rules])


def rows(result: Result) -> dict[str, list[str]]:
    cells = [[cell.strip() for cell in line.split("│")] for line in result.output.splitlines() if "│" in line]
    return {row[0]: row[1:] for row in cells}


def test_heartbeats_are_listed_with_what_is_expected_of_them(heartbeats: TableHeartbeats, rules: Path) -> None:
    listed = heartbeat("list", rules)

    assert listed.exit_code == 0, listed.output
    found = rows(listed)
    name, declared, _, state, *_ = found["generic:fp-eu"]
    assert (name, declared, state) == ("Watchdog of cluster eu", "watchdog, every 5 minutes", "there")
    _, _, last_beat, state, *_ = found["generic:fp-us"]
    assert last_beat == "40 minutes ago"
    assert state.startswith("absent since ")
    _, _, _, state, *_ = found["generic:fp-other"]
    assert state == "not watched"
    plain = {row["id"]: row for row in json.loads(heartbeat("list", "-o", "json", rules).stdout)}
    assert (plain["generic:fp-eu"]["declared_as"], plain["generic:fp-eu"]["every_seconds"]) == ("watchdog", 300)


def test_a_heartbeat_whose_sender_is_gone_is_forgotten(heartbeats: TableHeartbeats, rules: Path) -> None:
    forgotten = heartbeat("forget", "generic:fp-us", "--by", "ana", rules)
    again = heartbeat("forget", "generic:fp-us", rules)

    assert forgotten.exit_code == 0, forgotten.output
    assert "The heartbeat Watchdog of cluster us is forgotten" in forgotten.output
    assert "resolves within a minute" in forgotten.output
    assert (again.exit_code, "heartbeat list" in again.output) == (3, True)
    assert "generic:fp-us" not in rows(heartbeat("list", rules))
    assert rows(heartbeat("list", "--all", rules))["generic:fp-us"][3].endswith("by ana")


def test_the_last_one_of_a_required_heartbeat_is_not_forgotten(heartbeats: TableHeartbeats, rules: Path) -> None:
    refused = heartbeat("forget", "generic:fp-backup", rules)
    assert refused.exit_code == 2
    assert "`required: true`" in refused.output
    heartbeats.beat(alert(alert_name="BackupAlive", fingerprint="fp-second"), datetime.now(UTC))

    assert heartbeat("forget", "generic:fp-backup", rules).exit_code == 0


def test_without_any_heartbeat_it_says_so(table_on_aws: Table, rules: Path) -> None:
    assert "No heartbeat is known" in heartbeat("list", rules).output
