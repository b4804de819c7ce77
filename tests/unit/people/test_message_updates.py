"""Updates of messages: alerts that joined are told, and a message that did not arrive is sent again."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from firstline.channels import slack
from firstline.errors import HistoryUnavailable
from firstline.incidents.reconcile_look import out_of_date
from firstline.models import Counts, Live, NormalizedAlert
from firstline.people.message_updates import NEWS, mark_shown, show_again
from tests.support.builders import NOW, a_classification, a_page, a_record, a_waiting_record, an_alert
from tests.support.changes import joining
from tests.support.memory import MemoryChannel, MemoryStore, lasting
from tests.unit.people.stage import critical

IN_SLACK: dict[str, Any] = {"slack_channel": "alerts:C1", "slack_ts": "1.2", "shown": 1}
ACKNOWLEDGED: dict[str, Any] = {"pages": [a_page()], "acknowledged_at": NOW, "acknowledged_by": "ada"}


class Shown:
    """An incident, its message, and the channels that wake."""

    def __init__(self, record: Any) -> None:
        self.store = MemoryStore(record)
        self.slack = MemoryChannel()
        self.pagerduty, self.sns = MemoryChannel(wakes="once"), MemoryChannel(wakes="again")

    @property
    def live(self) -> Live:
        live = self.store.only.live
        assert live is not None
        return live

    def joins(self, *alerts: NormalizedAlert, at: datetime = NOW) -> None:
        self.store.groups.apply(joining(self.live, *alerts, now=at))

    def show(self, now: datetime = NOW + timedelta(seconds=40)) -> bool:
        channels = {"slack": self.slack, "pagerduty": self.pagerduty, "sns": self.sns}
        return show_again(self.store.only, channels=channels, incidents=self.store.incidents, now=now)


def test_a_new_host_in_an_acknowledged_incident_is_told() -> None:
    incident = Shown(a_record(**IN_SLACK, **ACKNOWLEDGED))
    incident.joins(an_alert(host="web-2", fingerprint="f2"))

    assert incident.show()

    (told,) = incident.slack.told
    assert (told.kind, told.reason) == ("changed", "Joined: high DiskFull on web-2.")
    assert incident.live.shown == incident.live.version
    assert (incident.pagerduty.attempts, incident.sns.attempts) == (0, 0), "a change wakes nobody"


def test_an_acknowledgement_in_pagerduty_is_shown_in_slack() -> None:
    incident = Shown(a_record(**IN_SLACK, pages=[a_page()]))
    assert incident.store.incidents.acknowledge(incident.store.only.incident.incident_id, "grace (PagerDuty)", NOW)

    assert out_of_date(incident.live)
    assert incident.show()

    (told,) = incident.slack.told
    message = str(slack.render(told)["blocks"])
    assert "grace (PagerDuty) has it since" in message
    assert "'action_id': 'acknowledge'" not in message
    assert not out_of_date(incident.live)


def test_of_many_alerts_that_joined_the_worst_are_named_and_the_rest_counted() -> None:
    incident = Shown(a_record(**IN_SLACK, **ACKNOWLEDGED))
    incident.joins(*(an_alert(host=f"web-{n}", fingerprint=f"f{n}") for n in range(7)), critical(1))
    incident.show()
    reason = incident.slack.told[0].reason
    assert reason.startswith("Joined: critical DbDown on db-1, high DiskFull on web-")
    assert reason.endswith("and 3 more.")


def test_an_alert_that_joined_more_than_two_minutes_ago_is_not_named_as_new() -> None:
    incident = Shown(a_record(**IN_SLACK, **ACKNOWLEDGED))
    incident.joins(critical(), at=NOW)
    assert incident.show(NOW + NEWS + timedelta(seconds=1))
    assert incident.slack.told[0].reason == ""


def test_a_first_message_that_was_lost_is_sent_with_its_own_kind() -> None:
    unpaged: dict[str, Any] = {"pages": [], "paged_at": None, "classification": a_classification(severity="low")}
    asks_for_approval = a_waiting_record(**unpaged, awaiting="resolution")
    assert asks_for_approval.slack_ts is None, "its first message did not arrive"
    incident = Shown(asks_for_approval)

    assert incident.show()

    (told,) = incident.slack.told
    assert told.kind == "approval"
    assert "did not arrive" in told.reason


@pytest.mark.parametrize("awaiting", ["hold", "recovery", None])
def test_an_incident_that_waits_for_no_person_is_not_shown(awaiting: str | None) -> None:
    incident = Shown(a_record(awaiting=awaiting))
    assert not incident.show()
    assert incident.slack.attempts == 0


def test_an_update_that_slack_does_not_take_is_not_marked_as_shown() -> None:
    incident = Shown(a_record(**IN_SLACK, **ACKNOWLEDGED))
    incident.slack.failures = [lasting()]
    assert not incident.show()
    assert incident.live.shown == IN_SLACK["shown"]


def test_an_update_counts_as_shown_even_if_that_cannot_be_stored() -> None:
    incident = Shown(a_record(**IN_SLACK, **ACKNOWLEDGED))
    incident.store.faults["mark_shown"] = HistoryUnavailable("no table")
    assert incident.show()


@pytest.mark.parametrize(
    "changes", [{"status": "CLOSED", "closed_at": NOW}, {"resolved_at": NOW}], ids=["closed", "quiet"]
)
def test_a_closed_or_quiet_incident_is_not_shown_as_changed(changes: dict[str, Any]) -> None:
    incident = Shown(a_record(**IN_SLACK, **ACKNOWLEDGED, **changes))
    assert not incident.show()


@pytest.mark.parametrize(
    ("firing", "shown", "is_stored"),
    [(1, 1, True), (0, 1, False), (0, 0, True)],
    ids=["it goes on", "it is over", "it is over, and this is the first message"],
)
def test_what_people_were_shown_is_stored_unless_nobody_will_show_it_again(
    firing: int, shown: int, is_stored: bool
) -> None:
    counts = Counts(joined=1, firing=firing, changes=1)
    incident = Shown(a_record(own=counts, last_end_at=NOW, shown=shown))

    version = incident.live.version
    assert version > shown

    mark_shown(incident.store.only, incident.store.incidents)

    assert incident.live.shown == (version if is_stored else shown)


def test_a_version_that_is_stored_as_shown_is_not_written_again() -> None:
    incident = Shown(a_record(own=Counts(joined=1, firing=1, changes=1), shown=2))
    assert incident.live.version == incident.live.shown
    incident.store.faults["mark_shown"] = AssertionError("nothing has to be written")

    mark_shown(incident.store.only, incident.store.incidents)
