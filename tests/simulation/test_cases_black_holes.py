"""No incident that is open without an execution, and no alert that points to a closed incident for good."""

import pytest
import yaml

from tests.simulation.clients import Published
from tests.simulation.faults import Kind
from tests.simulation.stack import ROOT
from tests.simulation.timeline import THE_MACHINE_ITSELF, Alert, Timeline

CRITICAL = Alert("DbDown", "db-1", "critical")
LOW = Alert("DbDown", "db-1", "low")
HOURS = 3600.0


@pytest.mark.parametrize("kind", ["refuse", "lost", "kill after", "conflict"])
def test_a_close_that_fails_for_the_length_of_all_retries_hides_no_later_critical(kind: Kind) -> None:
    with Timeline().running() as line:
        line.at(1).push(Alert("DbDown", "db-1", "low", began=1))
        line.at(299).fault("notify/Close Incident", "dynamodb", "transact_write_items", kind, times=1000)
        line.at(300).push(Alert("DbDown", "db-1", "low", began=1).resolved())
        line.at(1100).stop_faults()
        for number in range(3):
            line.at(1101 + number).push(Alert("DbDown", f"db-{number + 2}", "critical"))
        # Successors that fail again and again are started less and less often, up to each ten minutes.
        line.run_until(1800)

        assert line.faults.happened
        # Reconcile pages what nobody paged for five minutes; it looks each minute.
        line.between(1101, 1101 + 390).expect_page("DbDown")
        firing = line.alert(Alert("DbDown", "db-2"))
        assert firing is not None
        assert line.is_open(firing.incident_id)
        assert line.running_executions(firing.incident_id) == 1


def test_while_the_wait_for_quiet_cannot_be_written_people_are_told_of_it_a_few_times_at_most() -> None:
    medium = Alert("DbDown", "db-1", "medium", began=1)
    with Timeline().running() as line:
        line.at(1).push(medium)
        line.at(59).fault("notify/Await Quiet", "dynamodb", "update_item", "refuse", times=1000)
        line.at(60).push(medium.resolved())
        line.run_until(900)

        assert line.faults.happened
        assert line.open_incidents() == []
        assert len(line.between(60, 350).messages(channel="slack")) <= 6


def test_an_incident_whose_wait_could_not_be_written_goes_on_within_two_minutes() -> None:
    later = [Alert("DbDown", f"db-{number}", "critical") for number in range(2, 7)]
    with Timeline().running() as line:
        line.at(0).fault(THE_MACHINE_ITSELF, "dynamodb", "update_item", "refuse", times=1000)
        line.at(1).push(CRITICAL)
        line.at(150).stop_faults()
        line.run_until(150 + 130)
        incident = line.incidents()[0]
        line.between(1, 60).expect_page(channel="pagerduty", times=1)
        assert line.running_executions(incident) == 1

        # It takes what joins, and goes on to page.
        line.at(290).push(*later)
        line.run_until(800)
        line.between(280, 800).expect_page(channel="sns")
        assert line.live(incident).firing == 6


@pytest.mark.parametrize("told", [True, False], ids=["EventBridge tells", "EventBridge does not tell"])
def test_a_stopped_execution_is_succeeded_and_what_joins_later_is_paged(told: bool) -> None:
    with Timeline().running() as line:
        line.at(1).push(LOW)
        if not told:
            line.at(50).fault("eventbridge", "", "status", "refuse", times=10)
        line.at(60).do(lambda: line.world.stop_execution(0))
        line.run_until(60.5)
        incident = line.incidents()[0]
        assert line.running_executions(incident) == 0
        line.run_until(190)
        assert line.running_executions(incident) == 1
        assert line.live(incident).generation == 2
        assert len(news(line, f"({incident}): open, its successor runs")) == 1

        for number in range(8):
            line.at(200 + 240 * number).push(Alert("DbDown", f"db-{number + 2}", "critical"))
        line.run_until(600)
        line.between(200, 590).expect_page("DbDown")
        assert len(news(line)) == 1


@pytest.mark.parametrize(
    ("call", "kind", "times", "told"),
    [
        (("sns", "publish"), "refuse", 60, 1),
        (("dynamodb", "batch_get_item"), "refuse", 60, 1),
        (("sns", "publish"), "kill before", 1, 1),
        (("sns", "publish"), "kill after", 1, 2),
        (("sns", "publish"), "lost", 1, 2),
        (("dynamodb", "transact_write_items"), "kill before", 1, 2),
        (("dynamodb", "transact_write_items"), "kill after", 1, 1),
    ],
)
def test_operators_hear_of_a_stopped_execution_whatever_fails(
    call: tuple[str, str], kind: Kind, times: int, told: int
) -> None:
    with Timeline().running() as line:
        line.at(1).push(LOW)
        line.at(65).do(lambda: line.world.stop_execution(0))
        line.at(64).fault("reconcile", call[0], call[1], kind, times=times)
        line.at(240).stop_faults()
        line.run_until(900)

        assert line.running_executions(line.incidents()[0]) == 1
        assert len(news(line, line.incidents()[0])) == told


def test_many_executions_that_are_stopped_at_once_are_one_message() -> None:
    with Timeline().running() as line:
        line.at(1).push(*(Alert(f"Slow{number}", f"web-{number}", "low") for number in range(12)))
        for _ in range(12):
            line.at(70).do(lambda: line.world.stop_execution(0))
        line.run_until(400)

        (told,) = news(line)
        assert "12 executions were stopped" in str(told.content)


def news(line: Timeline, naming: str = "") -> list[Published]:
    """Return what operators were told of Firstline itself, by a text that it names."""
    return [each for each in line.world.messages if each.kind == "news" and naming in each.content["text"]]


def test_the_time_until_a_page_begins_with_the_first_critical_and_not_with_the_last() -> None:
    with Timeline().running() as line:
        line.at(1).push(LOW)
        # Nobody but reconcile can page: escalate is never invoked, and the machine reaches neither topic nor table.
        line.at(100).fault("machine/Page On-Call", "lambda", "escalate", "busy", times=10_000)
        line.at(100).fault(THE_MACHINE_ITSELF, "sns", "publish", "refuse", times=10_000)
        for number in range(8):
            line.at(200 + 120 * number).push(Alert("DbDown", f"db-{number + 2}", "critical"))
        line.run_until(200 + 300 + 120)

        line.between(200, 620).expect_page("DbDown")


def test_two_runs_of_reconcile_at_the_same_moment_page_once() -> None:
    with Timeline().running() as line:
        line.at(0).fault("machine/Page On-Call", "lambda", "escalate", "busy", times=10_000)
        line.at(0).fault(THE_MACHINE_ITSELF, "sns", "publish", "refuse", times=10_000)
        line.at(0).before("reconcile", "dynamodb", "transact_write_items", line.world.reconcile)
        line.at(0).before("reconcile", "pagerduty", "trigger", line.world.reconcile)
        line.at(1).push(CRITICAL)
        line.run_until(480)

        assert not any(rule.action and rule.seen == 0 for rule in line.faults.rules), "the runs did not overlap"
        line.between(0, 480).expect_page(channel="pagerduty", times=1)


@pytest.mark.parametrize("nth", range(1, 9))
def test_a_conflict_with_another_transaction_ends_no_execution(nth: int) -> None:
    with Timeline().running() as line:
        line.at(0).fault(THE_MACHINE_ITSELF, "dynamodb", "update_item", "conflict", nth, times=2)
        line.at(1).push(Alert("DbDown", "db-1", "high", began=1))
        line.at(120).push(Alert("DbDown", "db-2", "high", began=120))
        line.at(200).press("acknowledge")
        line.at(600).push(
            Alert("DbDown", "db-1", "high", began=1).resolved(), Alert("DbDown", "db-2", "high", began=120).resolved()
        )
        line.run_until(1300)

        ended = [execution.status for execution in line.world.step_functions.executions.values()]
        assert ended == ["SUCCEEDED"]
        assert line.open_incidents() == []
        assert line.head(line.incidents()[0])["outcome"] == "resolved"
        line.between(0, 1300).expect_page(channel="pagerduty", times=1)


def test_every_write_of_the_machine_is_tried_again_after_a_conflict() -> None:
    definition = yaml.safe_load((ROOT / "statemachine" / "incident.asl.yaml").read_text())
    writes = {name: state for name, state in definition["States"].items() if "dynamodb" in state.get("Resource", "")}

    assert writes
    for name, state in writes.items():
        retried = {error for retry in state["Retry"] for error in retry["ErrorEquals"]}
        assert "DynamoDb.TransactionConflictException" in retried, name
        if "transact" in state["Resource"]:
            assert "DynamoDb.TransactionCanceledException" in retried, name


def test_a_page_whose_record_cannot_be_written_is_not_sent_in_a_loop() -> None:
    with Timeline().running() as line:
        line.at(1).push(LOW)
        line.at(60).press("acknowledge")
        # The first request reads; from then on neither the function nor the machine can write that it paged.
        line.at(599).fault("escalate/Page On-Call", "dynamodb", "", "refuse", nth=2, times=1000)
        line.at(599).fault("escalate", "dynamodb", "update_item", "refuse", times=1000)
        line.at(599).fault(THE_MACHINE_ITSELF, "dynamodb", "update_item", "refuse", times=1000)
        line.at(600).push(Alert("DbDown", "db-2", "critical"))
        line.run_until(1200)

        assert line.faults.happened
        triggers = line.between(600, 1200).pages()
        assert 1 <= len(triggers) <= 3
        assert all(len(run.history) < 1_000 for run in line.world.step_functions.executions.values())


def test_what_stays_open_never_expires_and_can_be_acknowledged_and_resolved_after_a_year() -> None:
    year = 365 * 24 * HOURS
    known = Alert("DbDown", "db-1", "critical", began=1)
    with Timeline().running() as line:
        line.reconcile_every(60 * 24)
        line.at(1).push(known)
        line.at(30).press("acknowledge")
        line.run_until(100)
        incident = line.incidents()[0]
        vars(line.world)["_minute"] = lambda: None  # reconcile rests: a year has too many minutes to play
        line.at(year).do(lambda: line.world.memory.expire(line.world.clock.now().timestamp()))
        line.run_until(year + 1)

        assert line.is_open(incident)
        assert line.live(incident).firing == 1
        assert line.alert(known) is not None
        line.at(year + 5).push(Alert("DbDown", "db-2", "critical"))
        line.run_until(year + 60)
        assert len(line.incidents()) == 1
        # The first press is under a message that does not show what joined.
        line.at(year + 65).press("resolve")
        line.at(year + 90).press("resolve")
        line.run_until(year + 200)
        assert not line.is_open(incident)


def test_an_execution_hands_over_long_before_its_limit_and_its_incident_goes_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("firstline.incidents.what_now.MOST_ROUNDS", 3)
    with Timeline().running() as line:
        line.at(1).push(CRITICAL)
        line.run_until(2 * HOURS)

        runs = list(line.world.step_functions.executions.values())
        incident = line.incidents()[0]
        assert len(line.incidents()) == 1
        assert len(runs) >= 3
        assert len({run.name for run in runs}) == len(runs)
        assert [run.status for run in runs].count("RUNNING") == 1
        assert line.live(incident).generation == len(runs)
        # Somebody is woken as often as without a successor: every five and fifteen minutes.
        assert len(line.between(0, 2 * HOURS).pages()) >= 10
