"""Pages: each goes out once, whoever pages, answers or joins at the same moment."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from firstline.incidents.groups import Groups
from firstline.incidents.pages import LEASE, page_due
from firstline.incidents.store import Incidents
from firstline.models import PAGING_RANK, SEVERITY_RANK, Incident, Loud, Page
from tests.integration.ports.conftest import Open, Wait, close, live_of, record_of
from tests.support.builders import a_classification, a_page, alert, at
from tests.support.changes import ending, joining


@pytest.fixture
def incident(opened: Open) -> Incident:
    """Open an incident of paging severity."""
    return opened(alert(severity="high"))


def page(seq: int = 1, level: int = 0) -> Page:
    return a_page(seq=seq, level=level, delivered_to=[], at=None)


def claim(incidents: Incidents, incident: Incident, minutes: float, seq: int = 1) -> bool:
    live = live_of(incidents, incident)
    return incidents.claim_page(incident, page(seq), at(minutes) + LEASE, at(minutes), seen=live)


def send(incidents: Incidents, incident: Incident, minutes: float, seq: int = 1) -> None:
    assert claim(incidents, incident, minutes, seq)
    sent = page(seq).model_copy(update={"delivered_to": ["sns"], "at": at(minutes)})
    incidents.finish_page(incident, sent, at(minutes + 5), at(minutes))


def test_a_page_is_claimed_then_sent(incidents: Incidents, incident: Incident) -> None:
    assert claim(incidents, incident, 1)
    claimed = live_of(incidents, incident)
    assert (claimed.paged_seq, claimed.page_done, claimed.paged_rank, claimed.paged_loud) == (
        1,
        0,
        SEVERITY_RANK["high"],
        Loud(high=1),
    )
    assert claimed.due_at == at(1) + LEASE
    assert record_of(incidents, incident).pages == [page()]
    assert record_of(incidents, incident).paged_at is None

    sent = page().model_copy(update={"delivered_to": ["sns"], "at": at(1)})
    incidents.finish_page(incident, sent, at(6), at(1))

    live, record = live_of(incidents, incident), record_of(incidents, incident)
    assert (live.page_done, live.page_again_at, live.loud_since) == (1, at(6), None)
    assert (record.pages, record.paged_at) == ([sent], at(1))


def test_lists_of_incidents_leave_pages_out_and_with_pages_brings_the_newest_twenty(
    incidents: Incidents, opened: Open, incident: Incident
) -> None:
    quiet = opened(alert(group_key="quiet", timestamp=at(0.5)))
    for number in range(1, 23):
        send(incidents, incident, number, seq=number)
    for each in (incident, quiet):
        close(incidents, each, 30)

    listed = list(incidents.closed_since(at(0)))
    pages = {record.incident.group_key: record.pages for record in incidents.with_pages(listed)}

    assert [record.pages for record in listed] == [[], []]
    assert [sent.seq for sent in pages[incident.group_key]] == list(range(3, 23))
    assert pages[incident.group_key][0].at == at(3)
    assert pages["quiet"] == []


def test_a_page_that_went_out_unclaimed_counts_for_what_its_incident_opened_with(
    incidents: Incidents, incident: Incident
) -> None:
    sent = page().model_copy(update={"delivered_to": ["sns"], "at": at(1)})
    incidents.finish_page(incident, sent, at(6), at(1))

    live, record = live_of(incidents, incident), record_of(incidents, incident)
    assert (live.paged_seq, live.page_done, live.page_again_at) == (1, 1, at(6))
    assert live.paged_rank == SEVERITY_RANK[incident.alert.severity]
    assert (record.pages, record.paged_at) == ([sent], at(1))


def test_a_page_that_went_out_unclaimed_counts_for_what_it_told_of(
    incidents: Incidents, groups: Groups, incident: Incident
) -> None:
    groups.apply(joining(incident, alert(fingerprint="fp-2", severity="critical"), now=at(1)))
    sent = page().model_copy(update={"delivered_to": ["sns"], "at": at(1)})
    incidents.finish_page(incident, sent, at(6), at(1), seen=live_of(incidents, incident))

    live = live_of(incidents, incident)
    assert (live.paged_rank, live.paged_loud) == (SEVERITY_RANK["critical"], Loud(high=1, critical=1))
    assert page_due(live, at(2)) is None


@pytest.mark.parametrize("newer", [False, True], ids=["as the page had it", "newer meanwhile"])
def test_a_page_that_people_were_shown_is_stored_as_shown_unless_they_were_shown_more(
    incidents: Incidents, incident: Incident, newer: bool
) -> None:
    seen = live_of(incidents, incident)
    assert incidents.claim_page(incident, page(), at(1) + LEASE, at(1), seen=seen)
    if newer:
        incidents.mark_shown(incident, seen.version + 1)
    incidents.finish_page(incident, page(), at(6), at(1), seen=seen, shown=True)

    live = live_of(incidents, incident)
    assert (live.shown, live.page_done) == (seen.version + 1 if newer else seen.version, 1)


def test_of_many_who_page_at_once_one_does(incidents: Incidents, incident: Incident, crowd: int) -> None:
    live = live_of(incidents, incident)

    def page_now(number: int) -> bool:
        now = at(1) + timedelta(milliseconds=number)
        return incidents.claim_page(incident, page(), now + LEASE, now, seen=live)

    with ThreadPoolExecutor(crowd) as pool:
        assert sum(pool.map(page_now, range(crowd))) == 1


def test_a_claim_lasts_for_its_lease_of_a_minute(incidents: Incidents, incident: Incident) -> None:
    assert claim(incidents, incident, 1)
    assert not claim(incidents, incident, 1.9)
    assert page_due(live_of(incidents, incident), at(2)) == "resume"
    assert claim(incidents, incident, 2)


def test_a_claim_that_was_given_back_may_be_taken_at_once(incidents: Incidents, incident: Incident) -> None:
    assert claim(incidents, incident, 1)
    incidents.release_page(incident, page(), at(1.1))
    assert page_due(live_of(incidents, incident), at(1.1)) == "resume"
    assert claim(incidents, incident, 1.1)


def test_a_page_that_went_out_is_not_given_back(incidents: Incidents, incident: Incident) -> None:
    send(incidents, incident, 1)
    lease = live_of(incidents, incident).page_lease
    incidents.release_page(incident, page(), at(1.1))
    assert live_of(incidents, incident).page_lease == lease


def test_the_next_page_goes_out_after_the_one_before(incidents: Incidents, incident: Incident) -> None:
    send(incidents, incident, 1)
    send(incidents, incident, 6, seq=2)
    record, live = record_of(incidents, incident), live_of(incidents, incident)
    assert [sent.seq for sent in record.pages] == [1, 2]
    assert (record.paged_at, live.last_paged_at, live.page_done) == (at(1), at(6), 2)


def test_nobody_is_paged_for_what_was_answered_meanwhile(incidents: Incidents, incident: Incident) -> None:
    live = live_of(incidents, incident)
    incidents.acknowledge(incident.incident_id, "ada", at(1))
    assert not incidents.claim_page(incident, page(), at(3), at(2), seen=live)


def test_nobody_is_paged_for_what_is_over(incidents: Incidents, incident: Incident) -> None:
    live = live_of(incidents, incident)
    incidents.resolve(incident.incident_id, "ada", at(1))
    assert not incidents.claim_page(incident, page(), at(3), at(2), seen=live)
    close(incidents, incident, 2)
    assert not incidents.claim_page(incident, page(), at(4), at(3), seen=live)
    assert record_of(incidents, incident).pages == []


def test_when_many_answer_and_page_at_once_an_answer_stops_the_next_page_or_comes_after_it(
    incidents: Incidents, incident: Incident, crowd: int
) -> None:
    send(incidents, incident, 1)
    live = live_of(incidents, incident)

    def page_or_answer(number: int) -> str | None:
        now = at(2) + timedelta(milliseconds=number)
        if number % 2:
            claimed = incidents.claim_page(incident, page(2), now + LEASE, now, seen=live)
            return "paged" if claimed else None
        return "answered" if incidents.acknowledge(incident.incident_id, f"person-{number}", now) else None

    with ThreadPoolExecutor(crowd) as pool:
        done = [what for what in pool.map(page_or_answer, range(crowd)) if what]

    after = live_of(incidents, incident)
    assert done.count("paged") == after.paged_seq - 1
    if "paged" in done:
        assert done.count("answered") in (0, 1), "at most one, after the page"
    else:
        assert done == ["answered"]
    assert after.answered == ("answered" in done)


def test_an_alert_that_joins_while_a_page_goes_out_still_waits_for_one(
    incidents: Incidents, groups: Groups, incident: Incident
) -> None:
    assert claim(incidents, incident, 1)
    groups.apply(joining(incident, alert(fingerprint="fp-2", severity="critical"), now=at(1)))
    incidents.finish_page(incident, page(), at(6), at(1.5))

    live = live_of(incidents, incident)
    assert live.loud_since is not None
    assert page_due(live, at(2)) == "worse"


def test_an_alert_after_a_quiet_is_paged_whatever_was_paged_before(
    incidents: Incidents, groups: Groups, incident: Incident
) -> None:
    send(incidents, incident, 1)
    (member,) = incidents.members(incident.incident_id)
    groups.apply(ending(incident, member, now=at(2)))
    incidents.begin_quiet(incident, at(2))
    groups.apply(joining(incident, alert(fingerprint="fp-2", severity="high"), now=at(3)))

    live = live_of(incidents, incident)
    assert (live.voided_seq, live.loud_since) == (1, at(3)), "page 1 is void"
    assert page_due(live, at(3)) == "again"


def test_an_answer_knows_of_the_pages_before_it_only(incidents: Incidents, incident: Incident) -> None:
    send(incidents, incident, 1)
    assert incidents.acknowledge(incident.incident_id, "ada", at(2)) is not None
    send(incidents, incident, 3, seq=2)
    assert not live_of(incidents, incident).answered
    assert incidents.acknowledge(incident.incident_id, "bob", at(4)) is not None
    assert live_of(incidents, incident).answered


def test_what_is_done_once_for_the_whole_stack_has_one_holder_until_the_claim_ends(incidents: Incidents) -> None:
    assert incidents.claim_once("slack-is-down", "incident-1", at(0), until=at(10))
    assert incidents.claim_once("slack-is-down", "incident-1", at(1), until=at(11)), "its holder may extend it"
    assert not incidents.claim_once("slack-is-down", "incident-2", at(10.9), until=at(20))
    assert incidents.claim_once("slack-is-down", "incident-2", at(11), until=at(20))
    assert incidents.claim_once("other", "incident-3", at(0), until=at(10)), "another claim is free"


def test_many_claims_are_read_and_taken_together(incidents: Incidents) -> None:
    keys = [f"stopped execution-{number}" for number in range(130)]
    assert incidents.claim_once(keys[0], "process-1", at(0), until=at(5))

    incidents.claim_all(keys[:120], "process-2", until=at(10))

    assert incidents.claimed(keys, at(9)) == set(keys[:120])
    assert not incidents.claim_once(keys[0], "process-1", at(6), until=at(20)), "it was taken over"
    assert incidents.claimed(keys, at(10)) == set()


# --- a person asks for the next page ----------------------------------------------------------------------------------


@pytest.mark.parametrize("taken", [False, True])
def test_an_escalation_makes_the_next_page_due_whether_or_not_somebody_has_it(
    incidents: Incidents, incident: Incident, wait: Wait, taken: bool
) -> None:
    send(incidents, incident, 1)
    if taken:
        assert incidents.acknowledge(incident.incident_id, "bob", at(2)) is not None
    wait(incident, "resolution" if taken else "acknowledgement")
    before = live_of(incidents, incident)
    assert page_due(before, at(3)) is None

    escalated = incidents.escalate(incident.incident_id, "ada", at(3))

    assert escalated is not None
    live = live_of(incidents, incident)
    assert (page_due(live, at(3)), live.acked_by, escalated.acknowledged_by) == ("again", None, None)
    assert live.own.changes == before.own.changes + 1, "no wait misses it"


def test_an_escalation_of_what_paged_nobody_is_its_first_page(incidents: Incidents, opened: Open, wait: Wait) -> None:
    incident = opened(alert(severity="low"))
    incidents.judge(incident, 1, a_classification(severity="low"), at(1), seen=live_of(incidents, incident))
    wait(incident, "resolution")

    assert incidents.escalate(incident.incident_id, "ada", at(3)) is not None

    live = live_of(incidents, incident)
    assert (page_due(live, at(3)), live.rank, live.loud_since) == ("first", PAGING_RANK, at(3))


def test_nothing_is_escalated_that_is_not_with_people_or_is_being_paged(
    incidents: Incidents, incident: Incident, wait: Wait
) -> None:
    assert incidents.escalate("nobody", "ada", at(1)) is None
    wait(incident, "recovery")
    assert incidents.escalate(incident.incident_id, "ada", at(1)) is None, "a runbook works on it"
    wait(incident, "acknowledgement")
    assert claim(incidents, incident, 1)
    assert incidents.escalate(incident.incident_id, "ada", at(1)) is None, "a page goes out at this moment"
    assert incidents.resolve(incident.incident_id, "ada", at(2)) is not None
    assert incidents.escalate(incident.incident_id, "ada", at(3)) is None, "it is over"


def test_many_escalations_at_once_are_one_page(
    incidents: Incidents, incident: Incident, wait: Wait, crowd: int
) -> None:
    send(incidents, incident, 1)
    assert incidents.acknowledge(incident.incident_id, "bob", at(2)) is not None
    wait(incident, "resolution")
    with ThreadPoolExecutor(crowd) as people:
        presses = [f"person {number}" for number in range(crowd)]
        done = list(people.map(lambda by: incidents.escalate(incident.incident_id, by, at(3)), presses))
    live = live_of(incidents, incident)
    assert [by for by, record in zip(presses, done, strict=True) if record] == [live.escalated_by]
    assert (live.acked_at, live.paged_seq) == (None, 1), "nobody has it, and the page is still to come"
    assert claim(incidents, incident, 3, seq=2)


def test_a_second_escalation_waits_for_the_page_of_the_first_and_a_minute(
    incidents: Incidents, incident: Incident, wait: Wait
) -> None:
    send(incidents, incident, 1)
    wait(incident, "acknowledgement")
    assert incidents.escalate(incident.incident_id, "ada", at(3)) is not None
    assert incidents.escalate(incident.incident_id, "bob", at(9)) is None, "ada's page has not gone out yet"
    assert live_of(incidents, incident).page_again_at == at(3), "the page that is due is not put off"
    send(incidents, incident, 9, seq=2)
    wait(incident, "acknowledgement")
    assert incidents.escalate(incident.incident_id, "bob", at(9.5)) is not None
    send(incidents, incident, 9.6, seq=3)
    assert incidents.escalate(incident.incident_id, "eve", at(9.9)) is None, "bob pressed less than a minute ago"
    assert incidents.escalate(incident.incident_id, "eve", at(10.5)) is not None


@pytest.mark.parametrize(
    ("seen", "counts"),
    [(0, False), (1, True), (None, True)],
    ids=["saw no page", "saw the newest page", "nobody knows what was seen"],
)
def test_an_escalation_counts_unless_the_person_did_not_see_the_newest_page(
    incidents: Incidents, incident: Incident, wait: Wait, seen: int | None, counts: bool
) -> None:
    send(incidents, incident, 1)
    wait(incident, "acknowledgement")
    assert (incidents.escalate(incident.incident_id, "ada", at(3), seen=seen) is not None) == counts
