"""Tests of the composition root: which clients its parts get, and how a test replaces a part."""

import gc
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import boto3
import pytest

from firstline import GARBAGE_THRESHOLDS
from firstline.adapters.aws import clients
from firstline.adapters.aws.clients import CLIENT_CONFIG, EVIDENCE, ONE_SECOND, SENDER_WAITS
from firstline.adapters.dynamodb.spending import Spending
from firstline.errors import CeilingReached, ConfigurationError, HistoryUnavailable
from firstline.models import Usage
from firstline.policy.holds import Silence
from firstline.policy.match import AlertMatch
from firstline.policy.model import Ceiling
from firstline.policy.people import NOBODY
from firstline.policy.rules import NO_RULES
from firstline.settings import ClassifySettings, IngestSettings, ReconcileSettings, RespondSettings
from firstline.wiring import ON_LAMBDA, Wiring
from tests.support.builders import NOW, a_record, an_alert
from tests.support.memory import MemoryChannel, MemoryStore

FUNCTION_SECONDS = 30
"""The shortest time-out of a function in template.yaml."""

type Made = list[tuple[str, Any]]


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> Made:
    """Record the boto3 clients that are made, each with its config."""
    made: Made = []

    def client(service: str, *, config: Any) -> Any:
        made.append((service, config))
        return SimpleNamespace(meta=SimpleNamespace(region_name="eu-west-1", partition="aws"))

    monkeypatch.setattr(boto3, "client", client)
    return made


def wired(model: Any, config: Any = CLIENT_CONFIG, **settings: Any) -> Any:
    wiring: Any = Wiring(model, config)
    wiring.settings = SimpleNamespace(
        **{"table_name": "table", "secrets_prefix": "/firstline", "history_days": 90, "stack_name": "firstline"}
        | {"state_machine_arn": "arn", "incidents_per_minute": 60, "incidents_per_minute_and_alert": 20}
        | {"quarantine_queue_url": "https://queue", "runbooks_dir": "nowhere"}
        | {"backlog_queue_url": "https://backlog", "time_zone": "Europe/Berlin"}
        | settings
    )
    return wiring


def test_ingest_makes_its_two_clients_once_with_the_short_timeouts_of_a_waiting_sender(made: Made) -> None:
    wiring = wired(IngestSettings, SENDER_WAITS)
    assert wiring.front_door is wiring.front_door
    assert made == [("dynamodb", SENDER_WAITS), ("stepfunctions", SENDER_WAITS)]


def test_the_table_client_of_the_model_gives_up_after_one_second(made: Made, tmp_path: Path) -> None:
    (tmp_path / "policy").mkdir()
    (tmp_path / "policy" / "model.yaml").write_text("model: any\n")
    assert wired(ClassifySettings, EVIDENCE, runbooks_dir=str(tmp_path)).model is not None
    assert made == [("dynamodb", ONE_SECOND)]


def test_a_look_at_alarms_is_of_the_region_whose_cloudwatch_it_asks(
    made: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    covered = []

    def alarms(_clients: Any, *, account: str, region: str, **_more: Any) -> Any:
        covered.append((account, region))
        return SimpleNamespace(recovered=None)

    monkeypatch.setattr("firstline.adapters.aws.alarm_metric.OwnAlarms", alarms)
    wiring = wired(ReconcileSettings)
    looks = {wiring.look(f"arn:aws:lambda:{region}:123456789012:function:f") for region in ("us-east-1", "eu-west-1")}

    assert (covered, len(looks)) == ([("123456789012", "eu-west-1")], 1), "each look has a number of reads a minute"


@pytest.mark.parametrize("host", ["web-1", "web-2"])
def test_the_alert_that_a_person_raises_is_held_by_the_silences_that_ingest_reads(made: Made, host: str) -> None:
    wiring = wired(RespondSettings)
    silence = Silence(
        id="s-1",
        match=AlertMatch(host=("web-1",)),
        owner="ada",
        reason="It moves.",
        created_at=NOW,
        expires_at=NOW + timedelta(hours=1),
    )
    wiring.silences, wiring.rules_or_none = SimpleNamespace(since=lambda now: [silence]), NO_RULES

    hold = wiring.people_front.held(an_alert(host=host), NOW)

    assert (hold and hold.id) == ("s-1" if host == "web-1" else None)


def test_a_part_that_a_test_sets_is_handed_to_the_other_parts(made: Made) -> None:
    wiring = wired(IngestSettings)
    wiring.incidents, wiring.executions = object(), object()
    assert wiring.front_door.incidents is wiring.incidents
    assert wiring.front_door.signals.executions is wiring.executions
    assert [service for service, _ in made] == ["dynamodb"], "no client of Step Functions: its part was set"


def reconcile() -> tuple[Any, MemoryStore]:
    """Return the wiring of Reconcile over a store with one open incident, whose page reaches the topic only."""
    wiring, store = wired(ReconcileSettings), MemoryStore(a_record())
    wiring.incidents, wiring.trail, wiring.page_topic = store.incidents, store.trail, MemoryChannel(wakes="again")
    wiring.channels, wiring.on_call = dict, lambda level: None
    return wiring, store


def test_a_page_of_reconcile_is_on_the_trail_at_once() -> None:
    wiring, store = reconcile()

    wiring._page_overdue(store.only, "Nobody was paged in time.", NOW)

    assert [(what, facts["paged_at"]) for what, facts in store.told(store.only.incident.incident_id)] == [
        ("paged", NOW.isoformat())
    ]


def test_a_trail_that_cannot_be_written_stops_no_page_of_reconcile() -> None:
    wiring, store = reconcile()
    store.faults["append"] = HistoryUnavailable("throttled")
    wiring._page_overdue(store.only, "Nobody was paged in time.", NOW)

    assert len(wiring.page_topic.told) == 1


@pytest.mark.parametrize(("connected", "claimed"), [(True, True), (False, False)])
def test_slack_hears_of_a_page_topic_without_subscribers_as_soon_as_it_is_connected(
    connected: bool, claimed: bool
) -> None:
    wiring, store = reconcile()
    wiring.page_topic.heard = False
    posted = list[str]()
    wiring.channels = lambda: {"slack": SimpleNamespace(say=posted.append)} if connected else {}

    wiring.unheard_watch.look(NOW)

    assert len(posted) == connected
    assert store.incidents.claimed(["unheard"], NOW + timedelta(hours=23)) == ({"unheard"} if claimed else set())


def test_operators_are_told_of_the_ceiling_only_where_a_model_is_named(tmp_path: Path) -> None:
    said = list[tuple[str, str]]()
    (tmp_path / "policy").mkdir()
    for model in ("null", "any"):
        (tmp_path / "policy" / "model.yaml").write_text(f"model: {model}\ndaily_ceiling: {{tokens: 100}}\n")
        wiring, store = reconcile()
        wiring.settings.runbooks_dir, wiring.table = str(tmp_path), store.table
        wiring.page_topic = SimpleNamespace(say=lambda subject, text: said.append((subject, text)))
        account = Spending(store.table, Ceiling(tokens=100), clock=lambda: NOW)
        account.settle(account.hold(Usage(prompt_tokens=90)), Usage(prompt_tokens=90))
        with pytest.raises(CeilingReached):
            account.hold(Usage(prompt_tokens=90))

        wiring._look_at_ceiling(NOW)

    ((_, text),) = said
    assert "With 1 question and 90 tokens the model of firstline reached the ceiling" in text


def test_a_missing_people_yaml_lets_nobody_approve_and_raises_nothing(made: Made) -> None:
    assert wired(RespondSettings).people == NOBODY


def test_without_rules_yaml_alerts_have_no_rules_but_the_watch_of_heartbeats_raises(made: Made) -> None:
    wiring = wired(ReconcileSettings)
    assert list(wiring.rules_or_none.rules) == []
    with pytest.raises(ConfigurationError, match="nowhere"):
        wiring.watch.declared()


@pytest.mark.parametrize("name", ["CLIENT_CONFIG", "SENDER_WAITS", "EVIDENCE", "ONE_SECOND", "INVENTORY"])
def test_a_client_gives_up_on_all_its_tries_before_the_function_times_out(name: str) -> None:
    config: Any = getattr(clients, name)
    worst = (config.connect_timeout + config.read_timeout) * config.retries["total_max_attempts"]
    assert worst < FUNCTION_SECONDS


def test_no_client_of_cloudwatch_is_made_for_the_alert_of_another_monitor(made: Made) -> None:
    reader = wired(ClassifySettings, EVIDENCE, error_log_group_arns="", time_zone="UTC").alarms("123456789012")

    assert not reader.covers(an_alert(source="prometheus"))
    assert [service for service, _ in made] == ["dynamodb"]


def test_on_lambda_gc_freezes_what_was_imported_and_gets_the_thresholds_of_lambda(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    kept: list[bool] = []
    monkeypatch.setattr(gc, "freeze", lambda: kept.append(True))
    before = gc.get_threshold()
    monkeypatch.setenv(ON_LAMBDA, "ingest")
    try:
        Wiring(IngestSettings)
        assert (len(kept), gc.get_threshold()) == (1, GARBAGE_THRESHOLDS)
    finally:
        gc.set_threshold(*before)


def test_outside_lambda_gc_freezes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(ON_LAMBDA, raising=False)
    monkeypatch.setattr(gc, "freeze", lambda: pytest.fail("a process with many wirings keeps their garbage"))
    Wiring(IngestSettings)
