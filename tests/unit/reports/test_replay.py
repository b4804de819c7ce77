"""Past incidents against changed rules, routes and runbooks."""

from collections.abc import Sequence
from datetime import UTC, timedelta
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from firstline.models import SEVERITY_RANK, TEST, Feedback, Hold, IncidentRecord, Severity, StoredAlert
from firstline.policy.paging import PagingPolicy
from firstline.policy.rules import Rules
from firstline.reports.replay import PolicyFiles, Replay, replay
from firstline.runbooks.catalogue import Catalogue
from firstline.runbooks.model import Runbook
from tests.support.builders import NOW, OPENED, a_classification, a_plan, a_record, a_result, an_alert, an_incident
from tests.support.changes import counts_for
from tests.support.spool import a_runbook

PAGING = """
levels:
  - {name: first, channels: [pagerduty], on_call: PagerDuty, acknowledge_within: 5m}
  - {name: all, channels: [sns], on_call: everybody, acknowledge_within: 15m}
"""


def rules(text: str = "") -> Rules:
    return Rules.model_validate({"rules": yaml.safe_load(text) or []})


def windows(*given: dict[str, Any]) -> Rules:
    fields = {"id": "w", "match": {"host": "web-1"}, "owner": "ada", "reason": "r", "when": [{"weekdays": "sun"}]}
    return Rules.model_validate({"rules": [], "maintenance": [fields | window for window in given]})


def files(declared: Rules | None = None, *, routes: str = "", runbooks: Any = ()) -> PolicyFiles:
    paging = yaml.safe_load(PAGING) | {"routes": yaml.safe_load(routes) or []}
    return PolicyFiles(declared or rules(), PagingPolicy.model_validate(paging), Catalogue(list(runbooks)))


def closed(minutes: float = 4, *, severity: Any = "high", paged: bool = True, **changes: Any) -> IncidentRecord:
    """An incident of web-1 that paged somebody and was over after so many minutes."""
    ended = OPENED + timedelta(minutes=minutes)
    fields: dict[str, Any] = {"status": "CLOSED", "closed_at": ended, "resolved_at": ended, "outcome": "resolved"}
    fields |= {"paged_at": NOW} if paged else {}
    fields |= {"classification": a_classification(severity=severity)}
    incident = an_incident(an_alert(severity=severity), **changes.pop("what", {}))
    return a_record(incident, **fields | changes)


def replayed(
    record: IncidentRecord,
    after: PolicyFiles,
    before: PolicyFiles | None = None,
    judged: Severity = "high",
    members: Sequence[StoredAlert] = (),
) -> Replay:
    """Replay one incident that classification under the changed rules would judge to be of the severity `judged`."""
    given: dict[str, Any] = {"zone": UTC, "environment": "prod", "assess": lambda incident, declared: judged}
    return replay([record], before or files(), after, members=lambda incident_id: members, **given)


def touched(found: Replay) -> set[str]:
    return {name for name in ("goes", "comes", "later", "moves", "plans", "unsure") if getattr(found, name)}


NOISE = "[{id: bad, match: {alert_name: DiskFull}, severity: noise, reason: r}]"
LOW = "[{id: low, match: {alert_name: DiskFull}, at_most: low, reason: r}]"
HOLD = "[{id: wait, match: {alert_name: DiskFull}, hold: 10m, reason: r}]"
ROUTE = "[{id: to-all, match: {alert_name: DiskFull}, route: all, reason: r}]"
RAISE = "[{id: up, match: {alert_name: DiskFull}, at_least: high, reason: r}]"
TO_ALL = "[{route: [all], levels: [all]}]"


# --- pages that go ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("bad", [NOISE, LOW, HOLD])
def test_a_page_that_a_rule_would_have_hidden_is_named_with_what_shows_that_it_was_real(bad: str) -> None:
    found = replayed(closed(acknowledged_by="ada", acknowledged_at=NOW), files(rules(bad)))

    (gone,) = found.goes
    assert touched(found) == {"goes"}
    assert (gone.proof, found.missed) == ("ada took it", [gone])
    assert gone.why.startswith(f"rule {yaml.safe_load(bad)[0]['id']} says ")


def test_a_test_of_firstline_is_not_replayed() -> None:
    tried = closed(acknowledged_by="ada", acknowledged_at=NOW)
    alert = an_alert(labels={TEST: "1a2b"})
    found = replayed(tried.model_copy(update={"incident": an_incident(alert)}), files(rules(NOISE)))
    assert (found.seen, found.paged, touched(found)) == (0, 0, set())


@pytest.mark.parametrize(
    ("proof", "changes"),
    [
        (None, {}),
        (None, {"feedback": [Feedback(person="ada", by="ada", said="noise", at=NOW)], "acknowledged_by": "ada"}),
        ("ada called it critical", {"feedback": [
            Feedback(person="bob", by="bob", said="noise", at=NOW),
            Feedback(person="ada", by="ada", said="wrong_severity", severity="critical", at=NOW),
        ]}),
        ("bob resolved it", {"resolved_by": "bob"}),
        ("low-disk acted", {"plan": a_plan(), "results": [a_result()]}),
    ],
)  # fmt: skip
def test_a_page_that_would_go_is_real_by_what_people_or_runbooks_did(
    proof: str | None, changes: dict[str, Any]
) -> None:
    (gone,) = replayed(closed(**changes), files(rules(NOISE))).goes
    assert gone.proof == proof


def test_a_rule_of_noise_hides_a_critical_alert_only_if_it_says_even_critical() -> None:
    assert touched(replayed(closed(severity="critical"), files(rules(NOISE)))) == set()
    even = NOISE.replace("severity: noise", "severity: noise, even_critical: true")
    (gone,) = replayed(closed(severity="critical"), files(rules(even))).goes
    assert gone.critical


def test_a_hold_delays_the_page_of_an_incident_that_lasts_longer() -> None:
    found = replayed(closed(20), files(rules(HOLD)))
    assert touched(found) == {"later"}
    assert "it waits 10 minutes, it lasted 20 minutes" in found.later[0].why


def test_a_page_goes_in_a_window_that_suppresses_or_lowers_and_stays_outside_of_it() -> None:
    assert f"{OPENED:%A}" == "Sunday", "the day of the first two windows"
    assert touched(replayed(closed(), files(windows({"suppress": True})))) == {"goes"}
    assert touched(replayed(closed(), files(windows({"at_most": "low"})))) == {"goes"}
    assert touched(replayed(closed(), files(windows({"when": [{"weekdays": "mon"}], "suppress": True})))) == set()


def test_a_page_is_unsure_if_the_records_lack_the_alert_or_the_reason_that_paged() -> None:
    worse_joined = closed(own=counts_for(SEVERITY_RANK["high"], SEVERITY_RANK["critical"]))
    paged_on_request = closed(severity="medium")

    assert touched(replayed(worse_joined, files(rules(NOISE)))) == {"unsure"}
    assert touched(replayed(paged_on_request, files(rules(NOISE)))) == {"unsure"}


# --- pages that come --------------------------------------------------------------------------------------------------


def test_a_page_comes_if_a_rule_raises_the_severity() -> None:
    quiet = closed(severity="medium", paged=False, outcome="self_cleared")
    assert touched(replayed(quiet, files(rules(RAISE)))) == {"comes"}


@pytest.mark.parametrize(("judged", "lists"), [("high", {"comes"}), ("medium", set())])
def test_a_page_comes_if_the_rule_that_hid_is_gone_and_the_severity_without_it_pages(
    judged: Severity, lists: set[str]
) -> None:
    noise = closed(paged=False, outcome="suppressed", classification=a_classification(severity="noise"))
    assert touched(replayed(noise, files(), files(rules(NOISE)), judged=judged)) == lists


def test_a_page_comes_if_the_hold_that_covered_an_incident_is_gone() -> None:
    hold = Hold(by="rule", id="wait", reason="r", until=OPENED + timedelta(minutes=10), seconds=600)
    verdict = a_classification(hold=hold)
    waited = closed(paged=False, outcome="self_cleared", classification=verdict)
    assert touched(replayed(waited, files(), files(rules(HOLD)))) == {"comes"}
    longer = HOLD.replace("10m", "20m")
    assert touched(replayed(waited, files(rules(longer)), files(rules(HOLD)))) == set()


def test_an_incident_that_ended_before_its_page_needs_none_under_a_rule_that_raises() -> None:
    assert touched(replayed(closed(0.1, paged=False), files(rules(RAISE)))) == set()


def test_a_page_for_an_incident_that_a_runbook_cured_is_unsure() -> None:
    cured = closed(severity="medium", paged=False, outcome="auto_resolved", plan=a_plan())
    assert touched(replayed(cured, files(rules(RAISE)))) == {"unsure"}


def test_a_silence_that_held_the_incident_then_holds_it_under_changed_rules() -> None:
    hold = Hold(by="silence", id="s-1", reason="r", until=OPENED + timedelta(hours=1), seconds=3_600)
    silenced = closed(severity="medium", paged=False, outcome="suppressed", what={"hold": hold})
    assert touched(replayed(silenced, files(rules(RAISE)))) == set()


# --- routes and runbooks ----------------------------------------------------------------------------------------------


def test_a_page_that_other_people_would_get_names_both_levels() -> None:
    found = replayed(closed(), files(rules(ROUTE), routes=TO_ALL), files(routes=TO_ALL))
    assert touched(found) == {"moves"}
    assert found.moves[0].why == "first (pagerduty, PagerDuty), then all (sns, everybody) → all (sns, everybody)"


def test_a_new_route_that_does_not_match_the_incident_moves_no_page() -> None:
    assert touched(replayed(closed(), files(routes="[{severity: critical, levels: [all]}]"))) == set()


def low_disk(mode: str) -> Runbook:
    return a_runbook(id="low-disk", mode=mode, match={"alerts": ["DiskFull"]})


AUTO, ASKS = files(runbooks=[low_disk("auto")]), files(runbooks=[low_disk("approve")])


def test_a_page_comes_if_the_runbook_that_cured_would_now_ask_for_approval() -> None:
    cured = closed(paged=False, outcome="auto_resolved", plan=a_plan(), results=[a_result()])

    found = replayed(cured, ASKS, before=AUTO)

    assert touched(found) == {"plans", "comes"}
    assert found.plans[0].why == "low-disk (auto) → low-disk (approve)"


def test_a_page_is_unsure_if_a_runbook_would_now_run_before_it() -> None:
    assert touched(replayed(closed(), AUTO, before=ASKS)) == {"plans", "unsure"}


def test_a_runbook_that_is_gone_is_listed_and_leaves_the_page() -> None:
    assert touched(replayed(closed(), files(), before=AUTO)) == {"plans"}


# --- always -----------------------------------------------------------------------------------------------------------

RULES = st.sampled_from(["[]", NOISE, LOW, HOLD, ROUTE, RAISE])
RECORDS = st.builds(
    closed,
    st.floats(0.5, 90),
    severity=st.sampled_from(["critical", "high", "medium", "low"]),
    paged=st.booleans(),
    outcome=st.sampled_from(["resolved", "self_cleared", "suppressed", "auto_resolved", "expired"]),
    acknowledged_by=st.sampled_from([None, "ada"]),
)


@given(RECORDS, RULES, RULES)
def test_only_a_page_that_went_out_can_go_and_only_one_that_did_not_can_come(
    record: IncidentRecord, before: str, after: str
) -> None:
    found = replayed(record, files(rules(after)), files(rules(before)))
    assert (found.seen, found.paged) == (1, int(record.paged_at is not None))
    assert len(found.goes) + len(found.comes) + len(found.later) <= 1
    assert not found.goes or record.paged_at is not None
    assert not found.comes or record.paged_at is None
    assert not found.moves or not found.goes


@given(RECORDS, RULES)
def test_a_replay_under_the_same_files_finds_no_difference(record: IncidentRecord, declared: str) -> None:
    assert touched(replayed(record, files(rules(declared)), files(rules(declared)), judged="low")) == set()


# --- alerts that joined -----------------------------------------------------------------------------------------------


def stored(name: str = "DbDown", severity: Any = "critical", minutes: float = 0, **changes: Any) -> StoredAlert:
    """An alert of the incident, which began so many minutes after the first one."""
    alert = an_alert(alert_name=name, host="db-1", severity=severity, fingerprint=name)
    at = OPENED + timedelta(minutes=minutes)
    known = {"fingerprint": name, "firing": False, "began_at": at, "received_at": at, "alert": alert}
    return StoredAlert(**known | {"rank": SEVERITY_RANK[alert.severity]} | changes)


def of_several(
    alerts: int = 2, *, severity: Any = "high", worst: Severity = "critical", **changes: Any
) -> IncidentRecord:
    """An incident that counts so many alerts, of which the worst has the severity `worst`."""
    own = counts_for(*[0] * (alerts - 1), SEVERITY_RANK[worst])
    return closed(30, severity=severity, alert_count=alerts, own=own, **changes)


EVERY = "[{id: all, match: {alert_name: '*'}, severity: noise, even_critical: true, reason: r}]"
NO_DB = "[{id: db, match: {alert_name: DbDown}, severity: noise, even_critical: true, reason: r}]"
LOUD_DB = "[{id: db, match: {alert_name: DbDown}, at_least: high, reason: r}]"
DB_WINDOW = windows({"match": {"host": "db-1"}, "suppress": True, "even_critical": True})


@pytest.mark.parametrize(
    ("record", "declared", "joined", "lists", "why"),
    [
        pytest.param(of_several(), rules(NOISE), stored(), set(), "", id="the joined one pages at once"),
        pytest.param(
            of_several(),
            rules(NOISE),
            stored(minutes=5),
            {"later"},
            "it pages 5 minutes later, by an alert that joins",
            id="the joined one pages later",
        ),
        pytest.param(of_several(), rules(EVERY), stored(), {"goes"}, "rule all says noise", id="both are noise"),
        pytest.param(
            of_several(worst="high"),
            rules(NOISE),
            stored(severity="low"),
            {"goes"},
            "rule bad",
            id="the joined one is low",
        ),
        pytest.param(
            of_several(), rules(NOISE), stored(held=True), {"goes"}, "rule bad", id="a silence holds the joined one"
        ),
        pytest.param(
            of_several(severity="low"),
            rules(NO_DB),
            stored(),
            {"goes"},
            "DbDown on db-1, which joined, is noise",
            id="the joined one paged and is noise",
        ),
        pytest.param(
            of_several(severity="low"),
            DB_WINDOW,
            stored(),
            {"goes"},
            "is critical, held by a window",
            id="the joined one paged and a window holds it",
        ),
        pytest.param(
            of_several(severity="low"), rules(EVERY), stored(), {"goes"}, "rule all", id="low, and both are noise"
        ),
        pytest.param(of_several(severity="low"), rules(NOISE), stored(), set(), "", id="low, the joined one pages"),
        pytest.param(of_several(severity="high"), rules(NO_DB), stored(), set(), "", id="the first one pages"),
        pytest.param(
            of_several(severity="low", paged=False),
            rules(LOUD_DB),
            stored(severity="low"),
            {"comes"},
            "is high",
            id="the joined one is raised",
        ),
        pytest.param(
            of_several(severity="low", paged=False), rules(NO_DB), stored(severity="low"), set(), "", id="none pages"
        ),
    ],
)
def test_each_alert_that_joined_is_judged_alone_as_ingest_does(
    record: IncidentRecord, declared: Rules, joined: StoredAlert, lists: set[str], why: str
) -> None:
    opening = stored("DiskFull", record.incident.alert.severity, fingerprint=record.incident.alert.fingerprint)
    found = replayed(record, files(declared), members=[joined, opening])
    assert touched(found) == lists
    assert all(why in affected.why for name in lists for affected in getattr(found, name))
    assert found.incomplete == 0


@pytest.mark.parametrize(
    ("left", "lists"), [("low", {"unsure"}), ("critical", set())], ids=["does not page", "pages by itself"]
)
def test_an_incident_is_incomplete_and_unsure_if_too_few_of_its_alerts_are_left_to_page(
    left: Severity, lists: set[str]
) -> None:
    """An alert that fires again later is stored as a member of its new incident only."""
    found = replayed(of_several(alerts=3), files(rules(NOISE)), members=[stored(severity=left)])
    assert (touched(found), found.incomplete) == (lists, 1)


def test_an_alert_that_got_worse_is_judged_by_its_worse_severity() -> None:
    record = of_several(severity="high", worst="critical")
    worse = stored("DiskFull", "critical", minutes=9, fingerprint=record.incident.alert.fingerprint)
    members = [worse, stored(severity="low")]

    assert touched(replayed(record, files(rules(NOISE)), members=members)) == {"later"}, "noise until it is critical"
    assert touched(replayed(record, files(rules(EVERY)), members=members)) == {"goes"}, "noise even if it is critical"
