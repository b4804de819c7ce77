"""The approval page in a real browser: read the plan, approve it, see the result."""

import urllib.error
import urllib.request
from pathlib import Path
from urllib.parse import urlencode

from tests.e2e.browser import browser
from tests.e2e.hosts import LOGS, files, fill_disk, full_disk_alert, require_sandbox
from tests.e2e.running import LocalStack


def _asked(asking: LocalStack, host: str) -> tuple[str, str]:
    """An incident whose plan waits for people, and the link of the approver who asked for theirs."""
    require_sandbox(asking)
    fill_disk(asking, host)
    incident = asking.open("prometheus", full_disk_alert(host))
    asking.wait_for(incident, "approval")
    asking.wait_told(incident, "slack", says="[Read the plan]")
    asking.press(incident, "review")
    whisper = asking.wait_told(incident, "slack", "whisper", says="/approvals/")
    (link,) = [word for word in whisper["text"].split() if "/approvals/" in word]
    return incident, link


def _status(url: str, form: dict[str, str] | None = None) -> tuple[int, str]:
    data = None if form is None else urlencode(form).encode()
    try:
        with urllib.request.urlopen(urllib.request.Request(url, data=data), timeout=30) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def test_read_the_plan_approve_and_see_the_result(asking: LocalStack, tmp_path: Path) -> None:
    # Given a link, that a scanner has followed before anybody else does
    incident, link = _asked(asking, "db-1")
    for _ in range(5):
        assert _status(link)[0] == 200
    assert asking.record(incident).decision is None

    with browser(tmp_path / "profile") as window:
        # When the approver reads the plan
        window.open(link)
        said = window.text()
        for word in ("db-1", "will run", "find-biggest", "free-space", "As root", "minutes left", "You decide as ada"):
            assert word in said
        assert "#!/usr/bin/env bash" in window.text("ol.steps pre"), "the script, as the host will run it"
        assert window.sideways() <= 0
        with window.as_on_a_phone():
            assert window.sideways() <= 0
        assert files(asking, "db-1") == LOGS, "reading touches nothing"

        # and approves it
        window.click("button[value=approve]")

        # Then the page says so, and there is nothing left to decide.
        window.wait_text("[role=status]", "approved by ada (approval page)")
        assert not window.has("form")
        window.open(link)
        assert not window.has("form")

    record = asking.wait_closed(incident)
    assert (record.decision, record.decided_by) == ("approved", "ada (approval page)")
    assert record.outcome == "auto_resolved", record.outcome_reason
    assert files(asking, "db-1") == []
    ran = [visit.state for visit in asking.visits(incident)]
    assert ran.count("Announce Remediation") == 1
    asking.wait_told(incident, "slack", says="ada (approval page)")

    # A link is of no use to anybody after that, nor for any other incident.
    token = link.partition("token=")[2]
    status, page = _status(link.partition("?")[0], {"token": token, "decision": "approve"})
    assert (status, "approved by ada" in page) == (409, True)
    status, page = _status(link.replace(incident, "Other-20260301-0312-a1b2c3"))
    assert (status, "for another incident" in page) == (403, True)


def test_refuse_and_a_human_is_called(asking: LocalStack, tmp_path: Path) -> None:
    incident, link = _asked(asking, "worker-1")

    with browser(tmp_path / "profile") as window:
        window.open(link)
        assert "Free space" in window.text("h1")
        window.click("button[value=refuse]")
        window.wait_text("[role=status]", "refused by ada (approval page)")

    asking.wait_for(incident, "acknowledgement")
    asking.wait_told(incident, "pagerduty", "trigger")
    assert files(asking, "worker-1") == LOGS
    asking.press(incident, "resolve")
    asking.wait_closed(incident)
