"""Reconcile: pages that are sent in the minute in which they are overdue, whatever it looked at before."""

import pytest

from firstline.models import Page
from tests.support.builders import at
from tests.support.reconciling import CRITICAL, World


@pytest.fixture
def world() -> World:
    return World()


def test_an_alert_below_paging_severity_that_comes_back_to_a_paged_incident_is_paged_on_time(world: World) -> None:
    # Given a medium incident that was paged for another reason than its severity, and whose alert ended
    incident, incidents = world.opens(severity="medium"), world.store.incidents
    page = Page(level=0, on_call="primary", delivered_to=["sns"], acknowledge_within_seconds=300)
    assert incidents.claim_page(incident, page, at(1), at(0), seen=world.live(incident))
    incidents.finish_page(incident, page, at(15), at(0), seen=world.live(incident))
    world.ends(incident, 1)
    incidents.begin_quiet(incident, at(1))

    # When it fires again, and the execution does not page
    world.joins(incident, 2, severity="medium")
    world.minutes(2, 6)
    assert world.pages == 0
    world.minutes(7, 8)

    assert world.pages == 1


def test_a_claimed_page_that_never_goes_out_is_sent_when_its_time_is_over(world: World) -> None:
    incident, incidents = world.opens(**CRITICAL), world.store.incidents
    page = Page(level=0, on_call="primary", delivered_to=[], acknowledge_within_seconds=300)
    assert incidents.claim_page(incident, page, at(2), at(1), seen=world.live(incident))

    world.minutes(1, 4)
    assert world.pages == 0
    world.run(5)

    assert world.pages == 1
