"""The parts of a plan that come from the alert: the runbook, its parameters, the hosts, the account and region."""

from datetime import timedelta
from typing import Any

import pytest

from firstline.models import Deployment, Location, PlannedStep
from firstline.remediation.plan import affected
from tests.support.checked import checked
from tests.support.memory import MemoryStore, MemoryTargets
from tests.support.spool import WEB_1, WEB_2, a_classification, a_runbook, an_alert, an_incident
from tests.unit.remediation.desk import Desk


def test_without_a_chosen_runbook_there_is_no_plan(desk: Desk) -> None:
    desk.classification = a_classification(runbook_id=None)

    assert desk.refusal() == "no runbook chosen"


def test_a_chosen_runbook_that_does_not_fit_the_alert_gives_no_plan(desk: Desk) -> None:
    desk.runbooks.append(a_runbook(id="wipe-host", match={"alerts": ["Decommission"]}))

    for chosen in ("wipe-host", "no-such-runbook"):
        desk.classification = a_classification(runbook_id=chosen)
        assert desk.refusal() == f"runbook {chosen!r} does not fit this alert: see its `match`"
    assert not desk.inventory.asked


@pytest.mark.parametrize(
    ("labels", "reason"),
    [
        ({}, "the alert has no labels.spool for its parameter spool"),
        ({"spool": ""}, "the alert has no labels.spool for its parameter spool"),
        ({"spool": "mail; reboot"}, "'mail; reboot' does not fit ^[a-z]{1,20}$"),
        ({"spool": "mail\n"}, "does not fit"),
        ({"spool": "$(reboot)"}, "does not fit"),
    ],
)
def test_a_missing_or_unfit_parameter_gives_no_plan_and_looks_for_no_host(
    desk: Desk, labels: dict[str, str], reason: str
) -> None:
    desk.incident = an_incident(an_alert(labels=labels))

    assert reason in desk.refusal()
    assert not desk.inventory.asked


def test_a_parameter_takes_the_first_field_that_the_alert_has_or_else_its_default(desk: Desk) -> None:
    spool = {"from": ["labels.queue", "labels.spool", "service"], "pattern": "^[a-z]+$", "default": "news"}
    desk.runbooks = [a_runbook(parameters={"spool": spool})]

    def value(**alert: Any) -> str | None:
        desk.incident = an_incident(an_alert(**alert))
        desk.store = MemoryStore()
        made = desk.plan().plan
        return checked(PlannedStep, made.steps[0]).parameters["spool"][0] if made else None

    assert value(labels={"spool": "mail", "queue": "fax"}) == "fax"
    assert value(labels={"spool": "mail"}) == "mail"
    assert value(labels={}, service="print") == "print"
    assert value(labels={}) == "news"
    assert value(labels={"spool": "BAD"}) is None, "a bad value must not be replaced by the default"


def test_no_host_an_unknown_host_or_too_many_hosts_give_no_plan(desk: Desk) -> None:
    desk.incident = an_incident(an_alert(host=None))
    assert desk.refusal() == "the alert names no host"

    desk.incident = an_incident(an_alert(host="web-9"))
    assert desk.refusal() == "no target: web-9 is nobody's name"

    desk.incident = an_incident(hosts=["web-1", "web-2"])
    assert desk.refusal() == "2 hosts are affected (web-1, web-2) and drain-spool is for one"


def test_a_host_that_only_another_alert_of_the_incident_names_gives_no_plan(desk: Desk) -> None:
    # The parameters would have the values of an alert that says nothing of this host.
    desk.incident = an_incident(an_alert(host=None), hosts=["web-1"], locations=[Location(hosts=["web-1"])])

    assert desk.refusal() == "the alert that the incident is about names no host"


def test_a_runbook_for_hosts_runs_on_all_of_them(desk: Desk) -> None:
    desk.runbooks = [a_runbook(target="hosts")]
    desk.incident = an_incident(hosts=["web-1", "web-2"])

    output = desk.plan()

    assert output.plan is not None
    assert output.plan.targets == [WEB_1, WEB_2]
    (run,) = desk.remediations.runs
    assert run.instance_ids == [WEB_1.instance_id, WEB_2.instance_id]


def test_the_machines_of_all_alerts_that_opened_the_incident_are_affected() -> None:
    only_a_label = an_alert(
        host=None, labels={"InstanceId": "i-0123456789abcdef0"}
    )  # sources read labels, plans do not
    here, there = Location(hosts=["web-1"], accounts=["1"]), Location(hosts=["web-2"], accounts=["2"])

    assert affected(an_incident(only_a_label)) == []
    assert affected(an_incident(an_alert(location=here))) == [here]
    assert affected(an_incident(an_alert(location=here), locations=[here, there])) == [here, there]
    # An alert of an older release carries no location.
    old = an_alert(account="1", region="eu-west-1")
    assert affected(an_incident(old, hosts=["web-1", "web-2"])) == [
        Location(hosts=[host], accounts=["1"], regions=["eu-west-1"]) for host in ("web-1", "web-2")
    ]


def test_an_alert_about_another_account_gets_no_plan_and_looks_for_no_host(desk: Desk) -> None:
    desk.incident = an_incident(an_alert(account="999988887777"))

    assert desk.refusal() == (
        "no target: the alert is about account 999988887777, and this stack acts in account 111122223333 only"
    )
    assert not desk.inventory.asked


def test_one_alert_about_another_region_stops_the_plan_for_all(desk: Desk) -> None:
    desk.runbooks = [a_runbook(target="hosts")]
    away = Location(hosts=["web-2"], regions=["us-east-1"])
    desk.incident = an_incident(hosts=["web-1", "web-2"], locations=[Location(hosts=["web-1"]), away])

    assert desk.refusal() == (
        "no target: the alert is about region us-east-1, and this stack acts in region eu-central-1 only"
    )


def test_a_recent_deployment_of_the_unit_in_a_label_makes_the_plan_need_approval(desk: Desk) -> None:
    desk.incident = an_incident(an_alert(service="node-exporter", labels={"spool": "mail"}))
    # The deployment of `node` does not count: it is not `node-exporter`.
    for service in ("node", "mail"):
        desk.store.incidents.save_deployment(Deployment(service=service, version="7", deployed_at=desk.now))

    made = desk.plan().plan

    assert made is not None
    assert made.decision == "approve"
    assert made.decision_reason.startswith("mail 7 was deployed 0 seconds ago")


def test_a_machine_that_was_started_before_the_incident_gets_a_plan(desk: Desk) -> None:
    started = desk.incident.opened_at - timedelta(minutes=5)
    desk.inventory = MemoryTargets({"web-1": WEB_1}, started={WEB_1.instance_id: started})

    assert desk.plan().plan is not None


def test_a_machine_that_was_started_after_the_incident_gets_no_plan(desk: Desk) -> None:
    started = desk.incident.opened_at + timedelta(minutes=5)
    desk.inventory = MemoryTargets({"web-1": WEB_1}, started={WEB_1.instance_id: started})

    assert desk.refusal() == (
        f"no target: web-1 ({WEB_1.instance_id}) was started 5 minutes after the alert, which may be about the machine "
        "before it"
    )
