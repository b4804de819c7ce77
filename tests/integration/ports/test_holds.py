"""The hold that an incident's verdict names, as reconcile stores it."""

from typing import Any

import pytest

from firstline.incidents.store import Incidents
from firstline.models import Hold, Incident
from tests.integration.ports.conftest import Open, record_of
from tests.support.builders import a_classification, alert, at


@pytest.fixture
def incident(opened: Open) -> Incident:
    return opened(alert(severity="high"))


def test_the_hold_that_is_left_of_several_is_named_in_the_verdict(incidents: Incidents, incident: Incident) -> None:
    first, left = (
        Hold(by="silence", id=f"s-{n}", reason=f"Silence {n}.", until=at(60 - n), seconds=60) for n in (1, 2)
    )
    incidents.name_hold(incident.incident_id, left)
    assert record_of(incidents, incident).classification is None, "nothing is named before the verdict"
    incidents.judge(incident, 1, a_classification(hold=first, reasons=["Because.", first.reason]), at(1), seen=None)

    incidents.name_hold(incident.incident_id, left)

    verdict = record_of(incidents, incident).classification
    assert verdict is not None
    assert (verdict.hold, verdict.reasons) == (left, ["Because.", left.reason])


def test_a_hold_that_is_named_ends_no_later_than_the_one_before_so_that_it_is_judged_anew(
    incidents: Incidents, incident: Incident
) -> None:
    first, longer = (Hold(by="silence", id=f"s-{n}", reason="So.", until=at(60 * n), seconds=60) for n in (1, 8))
    incidents.judge(incident, 1, a_classification(hold=first), at(1), seen=None)

    incidents.name_hold(incident.incident_id, longer)

    verdict = record_of(incidents, incident).classification
    assert verdict is not None
    assert verdict.hold is not None
    assert (verdict.hold.id, verdict.hold.until) == ("s-8", first.until)


@pytest.mark.parametrize(
    "named",
    [
        pytest.param({"by": "rule"}, id="a rule"),
        pytest.param({"by": "silence", "until_resolved": True}, id="a silence that the close must find, to end it"),
        pytest.param(None, id="nothing"),
    ],
)
def test_what_else_holds_is_not_named_in_a_verdict_that_is_held_by(
    incidents: Incidents, incident: Incident, named: dict[str, Any] | None
) -> None:
    hold = named and Hold(id="r-1", reason="It waits.", until=at(9), seconds=60, **named)
    incidents.judge(incident, 1, a_classification(hold=hold), at(1), seen=None)
    incidents.name_hold(incident.incident_id, Hold(by="silence", id="s-1", reason="So.", until=at(60), seconds=60))
    verdict = record_of(incidents, incident).classification
    assert verdict is not None
    assert verdict.hold == hold
