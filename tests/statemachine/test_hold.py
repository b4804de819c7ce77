"""Holds by silences, maintenance and rules with `hold`, and everything that ends them."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from firstline.adapters.dynamodb.silences import TableSilences
from firstline.adapters.dynamodb.table import Table
from firstline.incidents.status import status_of
from firstline.policy.holds import Silence
from firstline.policy.match import AlertMatch
from tests.statemachine.functions import meanwhile
from tests.statemachine.world import OVER, World

WAITS = ["Classify", "Hold"]
REFUSED = [*WAITS, "Pause"]
"""The end of a path on which the hold is refused, because what overtook the verdict is on the record."""

TO_A_PAGE = ["Page On-Call", "Await Acknowledgement"]
FLAKY = {"id": "give-it-time", "reason": "It restarts by itself.", "match": {"alert_name": "Flaky"}, "hold": "5m"}

type Silencing = Callable[..., Silence]


@pytest.fixture
def silence(world: World) -> Silencing:
    """Write a silence into the table, as somebody would at night. The functions start cold, so that they see it now."""

    def make(hours: float = 4, **what: Any) -> Silence:
        now = datetime.now(UTC)
        match = AlertMatch.model_validate(what.pop("match"))
        made = Silence(
            id="s-1",
            match=match,
            owner="ada",
            reason="We change its disk.",
            created_at=now - timedelta(seconds=5),
            expires_at=now + timedelta(hours=hours),
            **what,
        )
        silences(world).save(made)
        world.restart_functions()
        return made

    return make


def silences(world: World) -> TableSilences:
    return TableSilences(Table(world.client("dynamodb"), world.created.table_name))


@pytest.fixture
def declare(world: World, tmp_path: Path) -> Callable[..., None]:
    """Let the functions read these rules and windows instead of the shipped ones."""

    def write(**sections: Any) -> None:
        world.restart_with_policy("rules.yaml", {"rules": []} | sections, tmp_path / "opt")

    return write


@pytest.fixture
def flaky_waits_5_minutes(declare: Callable[..., None]) -> None:
    declare(rules=[FLAKY])


# --- a rule waits ----------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("flaky_waits_5_minutes")
def test_an_alert_that_clears_while_its_rule_waits_disturbs_nobody(world: World) -> None:
    incident = world.fires("Flaky", severity="high")
    incident.stands_in("Hold")
    assert 290 < incident.time_out_seconds <= 300  # what is left of the 5 minutes
    world.resolves("Flaky", severity="high")

    assert incident.ends() == [*WAITS, *OVER]
    record = incident.record
    assert record.outcome == "self_cleared"
    assert record.outcome_reason == (
        "Rule give-it-time waits 5 minutes before it is real: It restarts by itself. The alert resolved."
    )
    assert world.inbox.messages() == []


@pytest.mark.usefixtures("flaky_waits_5_minutes")
def test_an_alert_that_still_fires_after_the_wait_pages(world: World) -> None:
    incident = world.fires("Flaky", severity="high")
    incident.stands_in("Hold").times_out()
    incident.stands_in("Await Acknowledgement")

    assert incident.path == [*WAITS, *TO_A_PAGE]
    assert "Flaky" in world.told("pagerduty")[0].text


@pytest.mark.usefixtures("flaky_waits_5_minutes")
def test_an_alert_that_resolves_before_the_wait_begins_disturbs_nobody(world: World) -> None:
    world.functions.plan("classify", meanwhile(lambda: world.resolves("Flaky", severity="high")))

    incident = world.fires("Flaky", severity="high")

    assert incident.ends() == [*REFUSED, *OVER]
    assert incident.record.outcome == "self_cleared"
    assert world.inbox.messages() == []


@pytest.mark.usefixtures("flaky_waits_5_minutes")
def test_a_critical_alert_does_not_wait(world: World) -> None:
    incident = world.fires("Flaky", severity="critical")
    incident.stands_in("Await Acknowledgement")

    assert "Hold" not in incident.path


@pytest.mark.usefixtures("flaky_waits_5_minutes")
def test_a_critical_alert_that_joins_during_the_wait_pages_at_once(world: World) -> None:
    incident = world.fires("Flaky", severity="medium", host="web-1")
    incident.stands_in("Hold")
    world.fires("Flaky", severity="critical", host="web-2")
    incident.stands_in("Await Acknowledgement")

    assert incident.path == [*WAITS, "Classify Again", *TO_A_PAGE]
    assert "critical" in world.told("pagerduty")[0].text


@pytest.mark.usefixtures("flaky_waits_5_minutes")
def test_a_worse_alert_that_joins_before_the_wait_begins_pages_at_once(world: World) -> None:
    worsen = meanwhile(lambda: world.fires("Flaky", severity="high", host="web-2"))
    world.functions.plan("classify", worsen)
    incident = world.fires("Flaky", severity="medium", host="web-1")
    incident.stands_in("Await Acknowledgement")

    assert incident.path == [*REFUSED, *TO_A_PAGE]


@pytest.mark.usefixtures("flaky_waits_5_minutes")
@pytest.mark.parametrize("early", [True, False], ids=["before the wait", "during the wait"])
def test_a_second_alert_that_would_page_ends_the_wait(world: World, early: bool) -> None:
    second = {"severity": "high", "host": "web-2"}
    if early:
        world.functions.plan("classify", meanwhile(lambda: world.fires("Flaky", **second)))
    incident = world.fires("Flaky", severity="high", host="web-1")
    if not early:
        incident.stands_in("Hold")
        world.fires("Flaky", **second)
    incident.stands_in("Await Acknowledgement")

    assert incident.path == ([*REFUSED, *TO_A_PAGE] if early else [*WAITS, "Classify Again", *TO_A_PAGE])


# --- silences --------------------------------------------------------------------------------------------------------


def test_a_silenced_alert_that_resolves_is_suppressed_with_the_reason(world: World, silence: Silencing) -> None:
    silence(match={"alert_name": "DiskFull"})
    incident = world.fires("DiskFull", severity="high")
    incident.stands_in("Hold")
    assert 4 * 3_600 - 60 < incident.time_out_seconds <= 4 * 3_600
    world.resolves("DiskFull", severity="high")

    assert incident.ends() == [*WAITS, *OVER]
    record = incident.record
    assert record.outcome == "suppressed"
    assert (record.outcome_reason or "").startswith("Silenced by ada (silence ")
    assert "(silence s-1): We change its disk. The alert resolved" in (record.outcome_reason or "")
    (classified, *_) = world.trail(incident.id)
    assert "s-1" in str(classified.facts)
    assert world.inbox.messages() == []


def test_a_silenced_alert_that_outlives_its_silence_pages(world: World, silence: Silencing) -> None:
    silence(match={"alert_name": "DiskFull"})
    incident = world.fires("DiskFull", severity="high")
    incident.stands_in("Hold").times_out()
    incident.stands_in("Await Acknowledgement")

    assert incident.path == [*WAITS, "Classify Again", "Plan Remediation", *TO_A_PAGE]


def test_ending_a_silence_ends_what_waits_for_it(world: World, silence: Silencing) -> None:
    made = silence(match={"alert_name": "DiskFull"})
    incident = world.fires("DiskFull", severity="high")
    incident.stands_in("Hold")
    silences(world).end(made, "ada", world.now())
    world.reconciles()
    incident.stands_in("Await Acknowledgement")

    assert incident.path == [*WAITS, "Classify Again", "Plan Remediation", *TO_A_PAGE]
    assert incident.record.hold_ended_because == "nothing holds DiskFull any more"


def test_reconcile_ends_no_hold_whose_silence_still_counts(world: World, silence: Silencing) -> None:
    silence(match={"alert_name": "DiskFull"})
    incident = world.fires("DiskFull", severity="high")
    incident.stands_in("Hold")
    world.reconciles()

    assert incident.record.hold_ended_at is None
    assert world.inbox.messages() == []


def test_critical_is_not_silenced_unless_the_silence_says_so(world: World, silence: Silencing) -> None:
    silence(match={"alert_name": "*"})
    loud = world.fires("SearchDown", severity="critical")
    loud.stands_in("Await Acknowledgement")
    silence(match={"alert_name": "*"}, even_critical=True)
    world.fires("PowerLost", severity="critical").stands_in("Hold")

    assert "Hold" not in loud.path


def test_another_hosts_alert_is_not_hidden_by_a_silence_for_one_host(world: World, silence: Silencing) -> None:
    silence(match={"host": "web-1"})
    both = world.send_many("DiskFull", severity="high", hosts=["web-1", "web-2"])
    both.stands_in("Await Acknowledgement")

    assert "Hold" not in both.path


def test_an_alert_of_another_host_that_joins_ends_the_hold_by_a_silence_for_one_host(
    world: World, silence: Silencing
) -> None:
    silence(match={"host": "web-1"})
    alert = world.fires("InodesGone", severity="high", host="web-1")
    alert.stands_in("Hold")
    world.fires("InodesGone", severity="high", host="web-2")

    alert.stands_in("Await Acknowledgement")


def test_a_silenced_alert_that_joins_waits_too_and_counts_once_the_silence_ends(
    world: World, silence: Silencing
) -> None:
    made = silence(match={"alert_name": "DiskFull"})
    incident = world.fires("DiskFull", severity="medium", host="web-1")
    incident.stands_in("Hold")
    world.fires("DiskFull", severity="high", host="web-2")
    world.reconciles()
    assert incident.path == WAITS
    silences(world).end(made, "ada", world.now())
    world.passes(120)  # reconcile has just looked at the incident, and looks again only when it is due
    world.reconciles()
    incident.stands_in("Await Acknowledgement")

    verdict = incident.record.classification
    assert verdict is not None
    assert verdict.severity == "high", "of the alert that joined"


def test_a_silence_until_resolved_ends_with_its_incident(world: World, silence: Silencing) -> None:
    silence(match={"alert_name": "DiskFull"}, until_resolved=True)
    first = world.fires("DiskFull", severity="high")
    first.stands_in("Hold")
    world.resolves("DiskFull", severity="high")
    first.ends()
    world.restart_functions()

    second = world.fires("DiskFull", severity="high")
    second.stands_in("Await Acknowledgement")
    (ended,) = silences(world).since(world.now())
    assert ended.ended_by == "the alert resolved"


def test_a_silence_that_cannot_be_read_silences_nothing_and_nothing_is_lost(world: World, silence: Silencing) -> None:
    silence(match={"alert_name": "DiskFull"})
    table = world.client("dynamodb")
    for item in world.items():
        if item["pk"]["S"] == "SILENCES":
            table.put_item(TableName=world.created.table_name, Item=item | {"silence": {"S": "{}"}})

    world.fires("DiskFull", severity="high").stands_in("Await Acknowledgement")


# --- maintenance -----------------------------------------------------------------------------------------------------


def test_of_two_silences_the_one_that_is_left_is_shown_once_one_is_ended(world: World, silence: Silencing) -> None:
    made = silence(match={"alert_name": "DiskFull"})
    left = made.model_copy(update={"id": "s-2", "owner": "bob", "expires_at": made.expires_at - timedelta(hours=1)})
    silences(world).save(left)
    world.restart_functions()
    incident = world.fires("DiskFull", severity="high")
    incident.stands_in("Hold")
    silences(world).end(made, "ada", world.now())
    world.restart_functions()

    world.reconciles()

    status = status_of(incident.record, world.now())
    assert status.words == "Held: Silenced by bob (silence s-2): We change its disk"
    assert status.until == left.expires_at
    assert incident.path == WAITS


def test_only_what_a_maintenance_window_matches_waits_for_its_end(world: World, declare: Callable[..., None]) -> None:
    tomorrow = datetime.now(UTC).date() + timedelta(days=1)
    when = [{"dates": f"{tomorrow - timedelta(days=1)}..{tomorrow}"}]
    upgrade = {"id": "upgrade", "reason": "Upgrade.", "owner": "platform", "when": when, "suppress": True}
    declare(maintenance=[upgrade | {"match": {"labels": {"cluster": "eu"}}}])

    incident = world.fires("NodeDown", severity="high", labels={"cluster": "eu"})
    incident.stands_in("Hold")
    elsewhere = world.fires("NodeDown", severity="high", labels={"cluster": "us"}, service="other")
    elsewhere.stands_in("Await Acknowledgement")

    assert 86_400 < incident.time_out_seconds <= 2 * 86_400
    world.resolves("NodeDown", severity="high", labels={"cluster": "eu"})
    incident.ends()
    assert "Maintenance by platform (window " in (incident.record.outcome_reason or "")


def test_a_maintenance_window_may_lower_the_severity_instead_of_suppressing(
    world: World, declare: Callable[..., None]
) -> None:
    always = [{"hours": ["00:00-12:00", "12:00-24:00"]}]
    declare(
        maintenance=[
            {"id": "load-test", "reason": "Load.", "owner": "qa", "when": always}
            | {"match": {"service": "shop"}, "at_most": "medium"}
        ]
    )
    incident = world.fires("Slow", severity="critical", service="shop")
    incident.stands_in("Await Resolution")

    verdict = incident.record.classification
    assert verdict is not None
    assert "Lowered from critical to medium: qa declared maintenance load-test (Load.)." in verdict.reasons
