"""The simulated Step Functions: task tokens, children of executions, and requests about executions."""

import json
from collections.abc import Mapping
from datetime import timedelta
from random import Random
from typing import Any, cast

import pytest

from firstline.adapters.aws.executions import StepFunctions as Adapter
from tests.simulation.clock import START, VirtualClock
from tests.simulation.definition import Machine
from tests.simulation.machine import MOST_EVENTS, Delayed, Takes, TaskError, to_json
from tests.simulation.step_functions import StepFunctions
from tests.support.builders import an_incident
from tests.unit.simulation.bench import ARN, ASK, CHILD, CHILD_ARN, END, FAIL, Bench, asking, machine, output, task

# --- tokens -----------------------------------------------------------------------------------------------------------


def test_a_wait_ends_with_the_answer_and_its_token_is_closed() -> None:
    bench = Bench(asking(), {"ignored": True})
    execution = bench.start()
    bench.clock.run_for(30)
    token = bench.calls[0]["Key"]["token"]
    assert (execution.status, execution.token) == ("RUNNING", token)

    bench.client.send_task_success(taskToken=token, output='{"signal": "resolved"}')

    with pytest.raises(bench.client.exceptions.TaskTimedOut):  # before the execution goes on
        bench.client.send_task_failure(taskToken=token, error="Late", cause="")
    bench.clock.run()
    assert output(execution) == {"signal": "resolved"}
    assert bench.seconds == 30
    # and after its end
    with pytest.raises(bench.client.exceptions.TaskTimedOut):
        bench.client.send_task_success(taskToken=token, output="{}")


def test_an_error_for_a_token_ends_the_wait_with_that_error() -> None:
    bench = Bench(asking(Catch=[{"ErrorEquals": ["Worsened"], "Next": "End"}]))
    execution = bench.start()
    bench.clock.run_for(30)

    bench.client.send_task_failure(taskToken=bench.calls[0]["Key"]["token"], error="Worsened", cause="much")

    bench.clock.run()
    assert output(execution) == {"Error": "Worsened", "Cause": "much"}


def test_a_wait_times_out_and_then_the_token_is_closed() -> None:
    bench = Bench(asking(Retry=[{"ErrorEquals": ["States.Timeout"], "MaxAttempts": 1, "IntervalSeconds": 1}]))

    assert bench.run().error == "States.Timeout"
    assert bench.seconds == 60 + 1 + 60
    first, second = (call["Key"]["token"] for call in bench.calls)
    assert first != second
    for token in (first, second):
        with pytest.raises(bench.client.exceptions.TaskTimedOut):
            bench.client.send_task_success(taskToken=token, output="{}")


def test_a_token_works_before_the_request_that_carries_it_is_answered() -> None:
    def answered_meanwhile(arguments: Any) -> Any:
        bench.client.send_task_success(taskToken=arguments["Key"]["token"], output='"early"')
        return Delayed(10, TaskError("Late"))

    bench = Bench(asking(), answered_meanwhile)

    execution = bench.run()

    assert output(execution) == "early"
    events = [event for _, state, event in execution.history if state == "Ask"]
    assert events == ["TaskStateEntered", "TaskScheduled", "TaskStarted", "TaskSucceeded", "TaskStateExited"]


def test_an_acceptance_that_comes_after_the_answer_does_not_disturb_the_next_state() -> None:
    def answered_meanwhile(arguments: Any) -> Any:
        bench.client.send_task_success(taskToken=arguments["Token"], output='"early"')
        return Delayed(10, None)

    ask = task(Resource=ASK, Arguments={"Token": "{% $states.context.Task.Token %}"}, Next="Wait")
    bench = Bench(machine(Ask=ask, Wait={"Type": "Wait", "Seconds": 60, "End": True}), answered_meanwhile)

    events = [event for _, state, event in bench.run().history if state == "Wait"]

    assert events == ["WaitStateEntered", "WaitStateExited"]


def test_the_token_of_an_attempt_that_failed_is_closed() -> None:
    bench = Bench(asking(Retry=[{"ErrorEquals": ["Lost"], "IntervalSeconds": 10}]), TaskError("Lost"), None)
    execution = bench.start()
    bench.clock.run_for(5)
    with pytest.raises(bench.client.exceptions.TaskTimedOut):
        bench.client.send_task_success(taskToken=bench.calls[0]["Key"]["token"], output="{}")
    bench.clock.run_for(10)

    bench.client.send_task_success(taskToken=bench.calls[1]["Key"]["token"], output="{}")

    bench.clock.run_for(1)
    assert execution.status == "SUCCEEDED"


def test_unknown_tokens_and_bad_answers_are_refused() -> None:
    bench = Bench(asking())
    bench.start()
    bench.clock.run_for(1)

    with pytest.raises(bench.client.exceptions.InvalidToken):
        bench.client.send_task_success(taskToken="no token", output="{}")
    with pytest.raises(bench.client.exceptions.InvalidOutput):
        bench.client.send_task_success(taskToken=bench.calls[0]["Key"]["token"], output="no JSON")


def test_the_packages_adapter_starts_describes_and_signals_an_execution_by_the_simulated_client() -> None:
    bench = Bench(asking())
    adapter = Adapter(cast(Any, bench.client), ARN)
    incident = an_incident()
    for _ in ("the first", "the same again"):
        adapter.start(incident, 1)
    bench.clock.run_for(1)
    token = bench.calls[0]["Key"]["token"]
    assert adapter.describe(incident.incident_id, 1) == "RUNNING"

    assert adapter.signal(token, "resolved", "ada")
    assert not adapter.signal(token, "resolved", "bob")

    bench.clock.run()
    adapter.start(incident, 1)
    (execution,) = bench.client.executions.values()
    assert output(execution) == {"signal": "resolved", "by": "ada"}
    assert len(bench.calls) == 1


# --- children ---------------------------------------------------------------------------------------------------------


RUN_CHILD = task(
    Resource=CHILD, Arguments={"StateMachineArn": CHILD_ARN, "Name": "child-1", "Input": {"x": "{% $states.input %}"}}
)


def parent(**fields: Any) -> Machine:
    """Build a machine that runs a child machine and returns the result of that task."""
    return machine(Run=RUN_CHILD | fields, End=END)


def test_a_parent_waits_for_its_child_and_gets_its_output() -> None:
    child = machine(Wait={"Type": "Wait", "Seconds": 50, "Output": {"y": "{% $states.input.x %}"}, "End": True})
    bench = Bench(parent(Output="{% $states.result.Output %}"), child=child)

    assert output(bench.run(5)) == {"y": 5}
    assert bench.seconds == 50
    assert bench.changes == [
        ("one", "RUNNING"),
        ("child-1", "RUNNING"),
        ("child-1", "SUCCEEDED"),
        ("one", "SUCCEEDED"),
    ]


def test_a_child_that_fails_fails_the_task() -> None:
    bench = Bench(parent(Catch=[{"ErrorEquals": ["States.TaskFailed"], "Next": "End"}]), child=machine(Over=FAIL))

    caught = output(bench.run())

    assert caught["Error"] == "States.TaskFailed"
    cause = json.loads(caught["Cause"])
    assert (cause["Status"], cause["Error"]) == ("FAILED", "Reached")


def test_a_child_goes_on_when_its_parent_does_not_wait_any_more() -> None:
    child = machine(Wait={"Type": "Wait", "Seconds": 50, "End": True})
    bench = Bench(parent(TimeoutSeconds=10), child=child)

    execution = bench.run()

    assert execution.error == "States.Timeout"
    assert bench.changes[-1] == ("child-1", "SUCCEEDED")


def test_a_child_that_ends_too_late_does_not_disturb_the_next_state() -> None:
    child = machine(Wait={"Type": "Wait", "Seconds": 50, "End": True})
    wait = {"Type": "Wait", "Seconds": 100, "End": True}
    catch = [{"ErrorEquals": ["States.Timeout"], "Next": "Wait"}]
    tiny = machine(Run=RUN_CHILD | {"TimeoutSeconds": 10, "Catch": catch}, Wait=wait)
    bench = Bench(tiny, child=child)

    execution = bench.run()

    assert execution.path == ["Run", "Wait"]
    assert (execution.status, execution.ended) == ("SUCCEEDED", START + timedelta(seconds=110))


def test_a_child_whose_name_was_used_is_not_started_again() -> None:
    bench = Bench(parent(), child=machine(Begin=END))
    bench.run()
    second = bench.start(name="two")
    bench.clock.run()

    assert second.error == "StepFunctions.ExecutionAlreadyExistsException"


CHILD_OF_50_SECONDS = machine(Wait={"Type": "Wait", "Seconds": 50, "Output": 1, "End": True})


def test_a_child_whose_start_takes_longer_than_its_parent_waits_still_runs() -> None:
    slow = Bench(parent(TimeoutSeconds=20), Takes(30, lambda: None), child=CHILD_OF_50_SECONDS)

    assert slow.run().error == "States.Timeout"
    assert (slow.seconds, slow.changes[-1]) == (30 + 50, ("child-1", "SUCCEEDED"))


def test_a_child_whose_start_was_refused_is_started_by_the_next_attempt() -> None:
    retry = [{"ErrorEquals": ["Busy"], "IntervalSeconds": 1}]
    refused = Bench(parent(Retry=retry), TaskError("Busy"), None, child=CHILD_OF_50_SECONDS)

    assert output(refused.run())["Output"] == 1
    assert refused.seconds == 1 + 50


def test_a_child_whose_start_was_not_answered_is_found_by_the_next_attempt() -> None:
    def loses_the_answer(arguments: Any) -> None:
        text = to_json(arguments["Input"])
        bench.client.start_execution(stateMachineArn=CHILD_ARN, name=arguments["Name"], input=text)
        raise TaskError("StepFunctions.SdkClientException")

    child = machine(Wait={"Type": "Wait", "Seconds": 50, "Output": 1, "End": True})
    retry = [{"ErrorEquals": ["StepFunctions.SdkClientException"]}]
    bench = Bench(parent(Retry=retry), loses_the_answer, None, child=child)

    assert output(bench.run())["Output"] == 1
    assert [name for name, status in bench.changes if status == "RUNNING"] == ["one", "child-1"]


# --- executions -------------------------------------------------------------------------------------------------------


def test_a_name_is_reserved_while_its_execution_runs_and_90_days_after() -> None:
    bench = Bench(machine(Wait={"Type": "Wait", "Seconds": 10, "End": True}))
    first = bench.start(1)
    assert bench.start(1) is first
    with pytest.raises(bench.client.exceptions.ExecutionAlreadyExists):
        bench.start(2)

    bench.clock.run()
    with pytest.raises(bench.client.exceptions.ExecutionAlreadyExists):
        bench.start(1)

    bench.clock.run_for(timedelta(days=90).total_seconds())
    assert bench.start(1) is not first


@pytest.mark.parametrize("name", ["a b", "a/b", "a#b", "x" * 81])
def test_a_name_that_step_functions_refuses_is_refused(name: str) -> None:
    bench = Bench(machine(End=END))
    with pytest.raises(bench.client.exceptions.InvalidName):
        bench.start(name=name)


def test_executions_are_described_and_listed_by_status() -> None:
    bench = Bench(machine(Wait={"Type": "Wait", "Seconds": "{% $states.input %}", "End": True}))
    first, _ = bench.start(10, "first"), bench.start(100, "second")
    bench.clock.run_for(50)

    described = bench.client.describe_execution(executionArn=first.arn)
    assert (described["status"], described["input"], described["output"]) == ("SUCCEEDED", "10", "10")
    assert described["stopDate"] - described["startDate"] == timedelta(seconds=10)

    def listed(**given: str) -> list[str]:
        answer = bench.client.list_executions(stateMachineArn=ARN, statusFilter=given.get("status", ""))
        return [found["name"] for found in answer["executions"]]

    assert listed() == ["second", "first"]
    assert listed(status="RUNNING") == ["second"]


def test_executions_are_listed_in_pages() -> None:
    bench = Bench(machine(End=END))
    for name in ("first", "second"):
        bench.start(name=name)
        bench.clock.run_for(1)

    page = bench.client.list_executions(stateMachineArn=ARN, maxResults=1)
    page = bench.client.list_executions(stateMachineArn=ARN, maxResults=1, nextToken=page["nextToken"])
    assert [found["name"] for found in page["executions"]] == ["first"]
    assert "nextToken" not in page


def test_an_execution_that_does_not_exist_cannot_be_described() -> None:
    bench = Bench(machine(End=END))

    with pytest.raises(bench.client.exceptions.ExecutionDoesNotExist):
        bench.client.describe_execution(executionArn=bench.start().arn + "x")


def test_a_stopped_execution_does_nothing_more() -> None:
    bench = Bench(asking())
    execution = bench.start()
    bench.clock.run_for(10)

    bench.client.stop_execution(executionArn=execution.arn, error="Stopped", cause="by hand")

    with pytest.raises(bench.client.exceptions.TaskTimedOut):
        bench.client.send_task_success(taskToken=bench.calls[0]["Key"]["token"], output="{}")
    bench.clock.run()
    assert (execution.status, execution.error, execution.cause) == ("ABORTED", "Stopped", "by hand")
    assert bench.changes == [("one", "RUNNING"), ("one", "ABORTED")]


def test_a_second_stop_changes_nothing() -> None:
    bench = Bench(asking())
    execution = bench.start()
    bench.client.stop_execution(executionArn=execution.arn, error="Stopped", cause="by hand")

    bench.client.stop_execution(executionArn=execution.arn)

    assert execution.error == "Stopped"


def test_a_stopped_execution_neither_goes_on_nor_tries_again() -> None:
    waiting = Bench(machine(Wait={"Type": "Wait", "Seconds": 60, "Next": "End"}, End=END))
    trying = Bench(machine(Do=task(Retry=[{"ErrorEquals": ["Busy"], "IntervalSeconds": 60}])), TaskError("Busy"))
    for bench in (waiting, trying):
        execution = bench.start()
        bench.clock.run_for(10)
        bench.client.stop_execution(executionArn=execution.arn)
        events = list(execution.history)

        bench.clock.run()

        assert execution.history == events
        assert execution.status == "ABORTED"
    assert len(trying.calls) == 1


def test_only_a_task_that_waits_for_a_token_has_one() -> None:
    bench = Bench(machine(Ask=task(Resource=ASK, Next="Do"), Do=task()))
    bench.start()
    bench.clock.run_for(1)

    bench.client.send_task_success(taskToken=bench.contexts[0]["Task"]["Token"], output="1")

    bench.clock.run()
    assert ["Task" in context for context in bench.contexts] == [True, False]


def test_events_are_counted_as_step_functions_does() -> None:
    choice = {"Type": "Choice", "Choices": [{"Condition": "{% false %}", "Next": "Do"}], "Default": "Wait"}
    wait = {"Type": "Wait", "Seconds": 1, "Next": "Pass"}
    tiny = machine(
        Do=task(Retry=[{"ErrorEquals": ["Busy"], "IntervalSeconds": 2}], Next="Which"),
        Which=choice,
        Wait=wait,
        Pass={"Type": "Pass", "End": True},
    )

    execution = Bench(tiny, TaskError("Busy"), None).run()

    assert [event for _, state, event in execution.history if state == "Do"] == [
        "TaskStateEntered",
        *("TaskScheduled", "TaskStarted", "TaskFailed"),
        *("TaskScheduled", "TaskStarted", "TaskSucceeded"),
        "TaskStateExited",
    ]
    entered_and_left = 2
    assert len(execution.history) == 1 + 8 + 3 * entered_and_left + 1, "start, `Do`, Which and Wait and Pass, end"
    assert execution.history[-1] == (START + timedelta(seconds=3), "", "ExecutionSucceeded")


def test_an_execution_with_too_many_events_fails() -> None:
    loop = {"Type": "Pass", "Next": "Loop"}

    execution = Bench(machine(Loop=loop)).run()

    assert (execution.status, execution.error) == ("FAILED", "States.Runtime")
    assert len(execution.history) == MOST_EVENTS


def test_an_execution_ends_after_a_year() -> None:
    bench = Bench(machine(Ask=task(Resource=ASK, Retry=[{"ErrorEquals": ["States.ALL"]}])))

    execution = bench.run()

    assert (execution.status, execution.error) == ("TIMED_OUT", "States.Timeout")
    assert execution.ended == START + timedelta(days=365)


def test_two_executions_mix_and_a_seed_replays_their_order() -> None:
    def order(seed: int) -> list[str]:
        tiny = machine(A=task(Next="B"), B=task(Next="C"), C=task())
        bench = Bench(tiny, seed=seed)
        for name in ("one", "two"):
            bench.start(name=name)
        bench.clock.run()
        return [f"{context['Execution']['Name']} {context['State']['Name']}" for context in bench.contexts]

    assert order(3) == order(3)
    assert len({tuple(order(seed)) for seed in range(20)}) > 5


def test_each_transition_takes_the_latency() -> None:
    clock = VirtualClock(Random(1))
    client = StepFunctions(
        clock, {ARN: machine(A=task(Next="B"), B=END)}, {"*": _nothing}, random=Random(1), latency=_two_seconds
    )
    client.start_execution(stateMachineArn=ARN)
    clock.run()

    transitions = 3
    assert clock.now() == START + transitions * timedelta(seconds=_two_seconds())


def _nothing(arguments: Any, context: Mapping[str, Any]) -> None:
    return None


def _two_seconds() -> float:
    return 2
