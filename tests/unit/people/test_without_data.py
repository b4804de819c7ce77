"""An alert whose data ended, so that nobody saw it recover: what people are told, and that its pages stay."""

from dataclasses import replace
from datetime import timedelta

import pytest

from firstline.channels import pagerduty, slack
from firstline.contracts import AwaitQuietInput, CloseIncidentInput
from firstline.models import Incident, NormalizedAlert
from firstline.people.announce import announce
from tests.support.builders import NOW, a_notification, a_page, a_record, an_alert, an_incident
from tests.support.changes import ending, joining
from tests.support.memory import MemoryChannel, MemoryStore
from tests.unit.incidents.looks import TIMES

LOST = an_alert(fingerprint="lost", severity="critical", alert_name="PumpsOff")


class Ended:
    """An incident of two alerts that ended: one without data for this reason, or (None) both by a recovery."""

    def __init__(self, without_data: str | None) -> None:
        self.incident: Incident = an_incident()
        # The first alert is not in the table: its part of the count has ended.
        self.store = MemoryStore(a_record(self.incident, pages=[a_page()], paged_at=NOW))
        live = self.store.only.live
        assert live is not None
        self.store.groups.apply(joining(live, LOST, now=NOW))
        self.end(LOST, without_data)
        self.channel = MemoryChannel()

    def end(self, alert: NormalizedAlert, why: str | None) -> None:
        views, _ = self.store.groups.read({alert.group_key: [alert.fingerprint]})
        known = views[alert.group_key].alerts[alert.fingerprint]
        change = ending(self.incident, known, now=NOW)
        (write,) = change.writes
        lost = write.after.model_copy(update={"alert": known.alert.model_copy(update={"nothing_known": why})})
        adds = change.adds.model_copy(update={"firing": -2}) + lost.lost
        self.store.groups.apply(replace(change, writes=(replace(write, after=lost),), adds=adds))

    def quiet(self) -> str:
        self.store.change(self.incident.incident_id, acked_seq=1, acked_at=NOW, acked_rank=4)  # else it is paged for
        event = AwaitQuietInput(state="Await Quiet", incident=self.incident, token="t")
        announce(
            event,
            channels={"slack": self.channel},
            incidents=self.store.incidents,
            now=NOW,
            end_silence=print,
            times=TIMES,
        )
        return f"{self.channel.told[-1].kind}: {self.channel.told[-1].reason}"

    def close(self) -> str:
        event = CloseIncidentInput(
            state="Close Incident", incident=self.incident, results=[], ended_by="resolved", joined=2, reason="Why."
        )
        at = NOW + timedelta(minutes=5)
        announce(
            event,
            channels={"slack": self.channel},
            incidents=self.store.incidents,
            now=at,
            end_silence=print,
            times=TIMES,
        )
        return self.channel.told[-1].reason


def test_a_quiet_incident_whose_data_ended_asks_people_to_look_and_goes_on_ringing() -> None:
    ended = Ended(without_data="MissingSeries")

    assert ended.quiet().startswith("changed: No data any more (MissingSeries): nobody saw it recover")
    live = ended.store.only.live
    assert live is not None
    assert live.voided_seq == 0, "no page is taken back"


def test_the_close_of_an_incident_whose_data_ended_tells_of_no_recovery() -> None:
    ended = Ended(without_data="MissingSeries")
    ended.quiet()

    last = ended.close()

    assert "PumpsOff" in last
    assert "(over)" not in last
    assert ended.store.only.outcome == "no_data"
    assert "resolved" not in (ended.store.only.outcome_reason or "").lower()


def test_after_an_end_without_data_people_are_asked_to_look_even_if_the_index_of_alerts_is_behind(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ended = Ended(without_data="MissingSeries")
    monkeypatch.setattr(ended.store.incidents, "members", lambda incident_id, limit=50: [])

    assert ended.quiet() == "changed: No data any more: nobody saw it recover, so please look."
    ended.close()
    assert ended.store.only.outcome == "no_data"


def test_an_incident_whose_alerts_recovered_is_announced_as_quiet_and_closed_as_resolved() -> None:
    ended = Ended(without_data=None)

    assert ended.quiet().startswith("quiet: ")
    ended.close()
    assert ended.store.only.outcome == "resolved"


@pytest.mark.parametrize(("outcome", "resolves"), [("no_data", False), ("resolved", True)])
def test_the_close_of_an_incident_without_data_does_not_resolve_it_in_pagerduty(outcome: str, resolves: bool) -> None:
    record = a_record(status="CLOSED", outcome=outcome, closed_at=NOW, pages=[a_page()], live=None)

    assert (pagerduty.render(a_notification("closed", record)) is not None) is resolves


def test_slack_shows_a_question_mark_and_no_tick_for_an_end_without_data() -> None:
    record = a_record(status="CLOSED", outcome="no_data", closed_at=NOW)
    header = slack.render(a_notification("closed", record))["blocks"][0]["text"]["text"]

    assert header.startswith("❓ No data any more: DiskFull")
