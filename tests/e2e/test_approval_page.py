"""The approval page in a real browser: read the plan, approve it, see the result."""

import urllib.error
import urllib.request
from urllib.parse import urlencode

import pytest

from local.demo import alerts
from tests.e2e.browser import Browsers
from tests.e2e.hosts import LOGS, files, fill_disk, full_disk_alert
from tests.e2e.running import LocalStack, until

pytestmark = pytest.mark.needs("host", "browser")


def _asked(asking: LocalStack, host: str) -> tuple[str, str]:
    """An incident whose plan waits for people, and the link of the approver who asked for theirs."""
    fill_disk(asking, host)
    incident = asking.open("prometheus", full_disk_alert(host))
    asking.wait_asked(incident)
    asking.wait_told(incident, "slack", says="[Read the plan]")
    return incident, _link_of(asking, incident, "ada")


def _link_of(asking: LocalStack, incident: str, user: str) -> str:
    """The link that somebody gets for themselves, and nobody else sees."""
    asking.press(incident, "review", user=user)

    def look() -> list[str]:
        told = asking.messages(incident, "slack", "whisper")
        mine = [message["text"] for message in told if message["raw"]["user"] == f"U0{user.upper()}"]
        return [word for text in mine for word in text.split() if "/approvals/" in word]

    return until(f"{user} gets a link", look)[0]


def _status(url: str, form: dict[str, str] | None = None) -> tuple[int, str]:
    data = None if form is None else urlencode(form).encode()
    try:
        with urllib.request.urlopen(urllib.request.Request(url, data=data), timeout=30) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def test_an_approver_reads_the_plan_approves_it_and_the_link_is_spent(asking: LocalStack, browsers: Browsers) -> None:
    # Given a link, that a scanner has followed before anybody else does
    incident, link = _asked(asking, "db-1")
    for _ in range(5):
        assert _status(link)[0] == 200
    assert asking.record(incident).decision is None

    with browsers.window() as window:
        # When the approver reads the plan
        window.open(link)
        said = window.text()
        for word in (
            "db-1",
            "will run",
            "find-biggest",
            "free-space",
            "As root",
            "This link is yours for",
            "You decide as ada",
        ):
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

    # The plan has run, so that the alert resolves.
    asking.wait_for(incident, "resolution")
    asking.send("prometheus", full_disk_alert("db-1", "resolved"))
    record = asking.wait_closed(incident)
    assert (record.decision, record.decided_by) == ("approved", "ada (approval page)")
    assert (record.outcome, record.acknowledged_by) == ("resolved", "ada (approval page)"), record.outcome_reason
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


def test_after_a_refusal_a_human_is_called_and_nothing_has_run(asking: LocalStack, browsers: Browsers) -> None:
    incident, link = _asked(asking, "worker-1")

    with browsers.window() as window:
        window.open(link)
        assert "Free space" in window.text("h1")
        window.click("button[value=refuse]")
        window.wait_text("[role=status]", "refused by ada (approval page)")

    asking.wait(incident, "is refused", lambda record: record.decision == "refused")
    asking.wait_for(incident, "acknowledgement")
    assert files(asking, "worker-1") == LOGS
    asking.press(incident, "resolve")
    asking.wait_closed(incident)


def test_a_plan_that_loses_data_takes_two_people(asking: LocalStack, browsers: Browsers) -> None:
    # Given a destructive plan, and two approvers with a link of their own each
    dumps = ["/data/dumps/a.dump", "/data/dumps/b.dump"]
    asking.on_host("web-2", "rm -rf /data/*; mkdir -p /data/dumps && touch " + " ".join(dumps))
    labels = {"alertname": "DumpsFillDisk", "instance": "web-2:9100", "severity": "critical", "env": "dev"}
    incident = asking.open("prometheus", alerts.alertmanager(alerts.prometheus_alert(labels, "Dumps everywhere.")))
    asking.wait_asked(incident, "resolution")
    asking.wait_told(incident, "slack", says="[Read the plan]")
    of_ada, of_bob = _link_of(asking, incident, "ada"), _link_of(asking, incident, "bob")
    assert of_ada != of_bob

    with browsers.window() as window:
        # When the first approves
        window.open(of_ada)
        assert "data is lost for good. 2 different people have to approve." in window.text()
        assert "it runs once somebody else has approved as well" in window.text()
        window.click("button[value=approve]")

        # Then the page says that it takes one more, and has no way to say it twice.
        window.wait_text("[role=status]", "Approved by ada (approval page); 1 more must agree.")
        assert "somebody else must too" in window.text()
        assert not window.has("button[value=approve]")
        window.open(of_ada)
        assert not window.has("button[value=approve]")
        assert window.has("button[value=refuse]")

    # Nor has who sends the form once more, in whatever way; and nothing has run.
    again = {"token": of_ada.partition("token=")[2], "decision": "approve"}
    status, page = _status(of_ada.partition("?")[0], again)
    assert (status, "You have approved this plan already" in page) == (409, True)
    asking.press(incident, "approve", user="ada")
    record = asking.record(incident)
    assert (record.decision, record.waits_for_approval, len(record.approvals)) == (None, True, 1)
    assert files(asking, "web-2") == dumps

    with browsers.window() as window:
        # When somebody else approves, who reads that the first did
        window.open(of_bob)
        assert "Approved by ada (approval page); 1 more must agree." in window.text("[role=status]")
        assert "Approve, and it runs at once; you then have the incident." in window.text()
        window.click("button[value=approve]")

        # Then it is decided, by both, and runs.
        window.wait_text("[role=status]", "bob (approval page)")
        assert "ada (approval page)" in window.text("[role=status]")
        assert not window.has("form")

    # Nobody was woken for it, so a verification that holds is its end; whoever approved had taken it.
    record = asking.wait_closed(incident)
    assert record.decision == "approved"
    assert [approval.approver for approval in record.approvals] == ["ada", "bob"]
    assert record.outcome == "resolved", record.outcome_reason
    assert files(asking, "web-2") == []
