"""A decision that ends an incident holds only for what it knew of: a critical that joins meanwhile is paged."""

import json
from collections.abc import Collection

import pytest

from tests.simulation.timeline import THE_MACHINE_ITSELF, Alert, Timeline

MEDIUM = Alert("QueueStuck", "web-1", "medium")
CRITICAL = Alert("QueueStuck", "web-2", "critical")


WHILE_REPAIRING = [
    ("machine/Classify", "lambda", "", 1),
    ("machine/Plan Remediation", "lambda", "", 1),
    (THE_MACHINE_ITSELF, "ssm", "send_command", 1),
    (THE_MACHINE_ITSELF, "ssm", "send_command", 3),
    (THE_MACHINE_ITSELF, "ssm", "send_command", 4),
    ("machine/Next Move", "lambda", "", 4),
    ("machine/Close Incident", "lambda", "", 1),
    ("notify/Close Incident", "dynamodb", "transact_write_items", 1),
]


@pytest.mark.parametrize(("who", "service", "operation", "nth"), WHILE_REPAIRING)
def test_a_critical_that_joins_before_the_verification_is_not_closed_with_it(
    who: str, service: str, operation: str, nth: int
) -> None:
    with Timeline().running() as line:
        line.cure("web-1")
        line.at(0).before(who, service, operation, line.pushes(CRITICAL), nth)
        line.at(1).push(MEDIUM)
        line.run_until(700)

        stored = line.alert(CRITICAL)
        assert stored is not None, "the race did not happen"
        assert line.answers == [202, 202]
        line.between(0, 690).expect_page("web-2")
        assert stored.firing
        assert line.is_open(stored.incident_id)


@pytest.mark.parametrize(
    ("who", "service", "operation"),
    [
        ("machine/What Now?", "lambda", ""),
        ("machine/Close Incident", "lambda", ""),
        ("notify/Close Incident", "dynamodb", "transact_write_items"),
    ],
)
def test_a_critical_accepted_before_a_pressed_resolve_closed_keeps_the_incident_open(
    who: str, service: str, operation: str
) -> None:
    first, second = Alert("DbDown", "db-1", "high"), Alert("DbDown", "db-2", "critical")
    with Timeline().running() as line:
        line.at(1).push(first)
        line.at(299).before(who, service, operation, line.pushes(second))
        line.at(300).press("resolve")
        line.run_until(700)

        stored = line.alert(second)
        assert stored is not None, "the race did not happen"
        line.between(300, 690).expect_page("db-2")
        assert line.is_open(stored.incident_id)


def test_a_critical_that_a_resolve_in_pagerduty_did_not_know_of_is_paged_there_anew() -> None:
    first, second = Alert("DbDown", "db-1", "critical"), Alert("DbDown", "db-2", "critical")
    with Timeline().running() as line:
        line.at(1).push(first)
        line.at(60).press("acknowledge")
        line.at(299).before("machine/Close Incident", "lambda", "", line.pushes(second))
        line.at(300).do(lambda: line.world.people._in_pagerduty("resolve", line.incidents()[0]))
        line.run_until(700)

        stored = line.alert(second)
        assert stored is not None, "the race did not happen"
        assert line.is_open(stored.incident_id)
        line.between(300, 360).expect_page("db-2")
        assert line.world.pagerduty.incidents[f"firstline:{stored.incident_id}"] == "triggered"


def test_who_resolves_under_a_message_that_did_not_show_the_critical_is_told_and_it_stays_open() -> None:
    first, second = Alert("DbDown", "db-1", "high"), Alert("DbDown", "db-2", "critical")
    with Timeline().running() as line:
        line.at(1).push(first)
        line.run_until(200)
        incident = line.incidents()[0]
        old = line.world.slack.button(incident, "resolve")
        line.at(300).push(second)
        line.run_until(360)
        assert old is not None
        with_old_button = line.world.people._in_slack("resolve", old, "ada")
        line.run_until(700)

        assert with_old_button == 200
        assert line.is_open(incident)
        told = [message for message in line.between(360, 365).messages() if message.kind == "chat.postEphemeral"]
        assert told, "the presser hears that something joined"


@pytest.mark.parametrize(
    ("who", "service", "operation"),
    [
        ("machine/Record Suppression", "lambda", ""),
        ("notify/Record Suppression", "dynamodb", "transact_write_items"),
    ],
)
def test_a_critical_that_joins_noise_is_not_suppressed_with_it(who: str, service: str, operation: str) -> None:
    noise, critical = Alert("OddNoise", "web-1", "low"), Alert("OddNoise", "web-2", "critical")
    with Timeline().running() as line:
        line.at(0).before(who, service, operation, line.pushes(critical))
        line.at(1).push(noise)
        line.run_until(500)

        stored = line.alert(critical)
        assert stored is not None, "the race did not happen"
        line.between(0, 390).expect_page("web-2")
        assert line.is_open(stored.incident_id)


def test_a_critical_that_resolves_while_it_is_judged_pages_nobody() -> None:
    critical = Alert("DbDown", "db-1", "critical", began=1)
    with Timeline().running() as line:
        line.at(0).before("classify", "", "", line.pushes(critical.resolved(1.5)))
        line.at(1).push(critical)
        line.run_until(900)

        assert line.answers == [202, 202]
        line.between(0, 900).expect_no_page()
        assert line.open_incidents() == []


def acts(sent: Collection[tuple[str, str]]) -> list[tuple[str, str]]:
    """Return the steps that change something."""
    return [(step, host) for step, host in sent if step in ("drain", "restart", "refill", "warm")]


@pytest.mark.parametrize(
    ("who", "service", "operation"),
    [
        ("classify", "", ""),
        ("machine/Plan Remediation", "lambda", ""),
        (THE_MACHINE_ITSELF, "dynamodb", "transact_write_items"),
    ],
)
def test_nothing_is_changed_on_a_host_whose_alert_resolved_before_the_first_act(
    who: str, service: str, operation: str
) -> None:
    medium = Alert("QueueStuck", "web-1", "medium", began=1)
    with Timeline().running() as line:
        line.at(0).before(who, service, operation, line.pushes(medium.resolved(1.5)))
        line.at(1).push(medium)
        line.run_until(900)

        assert line.answers == [202, 202]
        assert acts(line.commands()) == []
        assert line.head(line.incidents()[0])["outcome"] != "auto_resolved"
        assert line.open_incidents() == []


TEST_HOSTS_ARE_LOW = """
rules:
  - id: test-hosts
    match: {host: "test-*"}
    at_most: low
    reason: Nobody is woken for a test host.
"""


def test_worse_is_measured_against_what_was_decided_and_not_against_the_first_alert() -> None:
    lowered, loud = Alert("DbDown", "test-1", "critical"), Alert("DbDown", "db-1", "critical")
    with Timeline().running() as line:
        line.declare(TEST_HOSTS_ARE_LOW)
        line.at(1).push(lowered)
        line.at(600).push(loud)
        line.run_until(1000)

        line.between(0, 599).expect_no_page()
        line.between(600, 990).expect_page("db-1")
        assert len(line.incidents()) == 1


@pytest.mark.parametrize(("began", "times"), [(1, 0), (590, 1)], ids=["the same episode", "a new one"])
def test_only_what_began_after_a_persons_resolve_is_paged_though_no_end_was_told(began: float, times: int) -> None:
    with Timeline().running() as line:
        line.at(1).push(Alert("DbDown", "db-1", "critical", began=1))
        line.at(60).press("resolve")
        line.at(600).push(Alert("DbDown", "db-1", "critical", began=began))
        line.at(660).push(Alert("DbDown", "db-1", "critical", began=began))
        line.run_until(800)

        assert line.answers == [202, 200, 202, 202]
        line.between(600, 800).expect_page("DbDown", channel="pagerduty", times=times)


def test_a_clock_that_is_ahead_makes_no_new_episode() -> None:
    ahead = Alert("DbDown", "db-1", "critical", began=300)
    with Timeline().running() as line:
        line.at(1).push(ahead)
        line.at(60).press("resolve")
        line.at(400).push(ahead)
        line.run_until(800)

        line.between(60, 800).expect_no_page()


@pytest.mark.parametrize("first", [Alert("OddNoise", "web-1", "low"), Alert("DbDown", "web-1", "low")])
def test_a_critical_is_paged_as_one_although_the_next_attempt_to_classify_knows_less(first: Alert) -> None:
    critical = Alert(first.name, "web-2", "critical")
    with Timeline().running() as line:
        line.at(0).before("machine/Classify", "lambda", "", line.pushes(critical))
        # The first attempt dies after its verdict on both alerts, and the next cannot read that there are two.
        line.at(0).fault("classify", "dynamodb", "update_item", "kill after", nth=2)
        line.at(0).fault("classify", "dynamodb", "get_item", "refuse", nth=3)
        line.at(1).push(first)
        line.run_until(60)

        assert [fault.kind for _, fault in line.faults.happened] == ["kill after", "refuse"]
        (page,) = line.between(0, 60).pages(channel="pagerduty")
        assert json.loads(page.content["text"])["severity"] == "critical"
