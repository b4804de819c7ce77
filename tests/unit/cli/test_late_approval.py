"""`firstline approve` after the incident's last alert ended."""

import pytest

from firstline.incidents.message_facts import NOTHING_TO_RUN
from firstline.models import Counts
from tests.support.builders import INCIDENT_ID, a_plan, a_waiting_record
from tests.support.terminal import Terminal
from tests.unit.cli.test_incidents import Typed


def test_who_approves_after_the_last_alert_ended_is_told_before_the_yes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("firstline_cli.actions.at_terminal", lambda: True)
    over = Typed(Terminal(a_waiting_record(a_plan(decision="approve"), awaiting="quiet", own=Counts())), monkeypatch)

    approved = over("approve", INCIDENT_ID, input="y\n")

    assert (approved.exit_code, f"{NOTHING_TO_RUN} Approve it all the same?" in approved.stderr) == (0, True)
    assert f"Approved. {NOTHING_TO_RUN}" in approved.stdout
    assert NOTHING_TO_RUN in " ".join(over("show", INCIDENT_ID).stdout.split())
