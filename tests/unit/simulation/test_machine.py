"""Simulated state machines: each feature of the Amazon States Language, with a machine of a few states."""

from typing import Any

import pytest

from tests.simulation.machine import Delayed, Takes, TaskError
from tests.unit.simulation.bench import ARN, END, Bench, machine, output, task

# --- states without effects -------------------------------------------------------------------------------------------


def test_assign_and_output_see_the_variables_as_they_were() -> None:
    tiny = machine(
        Begin={"Type": "Pass", "Assign": {"a": 1, "b": {"c": ["{% $states.input.x %}", None]}}, "Next": "Swap"},
        Swap={"Type": "Pass", "Assign": {"a": "{% $b %}", "b": "{% $a %}"}, "Output": "{% $a %}", "Next": "Tell"},
        Tell={"Type": "Succeed", "Output": {"a": "{% $a %}", "b": "{% $b %}", "input": "{% $states.input %}"}},
    )

    execution = Bench(tiny).run({"x": 2})

    assert output(execution) == {"a": {"c": [2, None]}, "b": 1, "input": 1}
    assert execution.path == ["Begin", "Swap", "Tell"]


def test_an_execution_keeps_its_input_as_it_was_written_and_reads_whole_numbers_as_integers() -> None:
    execution = Bench(machine(Tell={"Type": "Succeed", "Output": "{% $states.input %}"})).run(2.0)

    assert (execution.input, repr(output(execution))) == ("2.0", "2")


@pytest.mark.parametrize(("given", "told"), [(1, "first 0"), (2, "second 1"), (3, "default 2")])
def test_a_choice_goes_the_first_way_that_holds_with_that_ways_assign(given: int, told: str) -> None:
    rules = [
        {"Condition": "{% $states.input = 1 %}", "Output": "first", "Next": "Tell"},
        {"Condition": "{% $states.input <= 2 %}", "Assign": {"n": "{% $n + 1 %}"}, "Output": "second", "Next": "Tell"},
        {"Condition": "{% $states.input < 0 %}", "Next": "Begin"},
    ]
    tiny = machine(
        Begin={"Type": "Pass", "Assign": {"n": 0}, "Next": "Which"},
        Which={"Type": "Choice", "Choices": rules, "Default": "Tell", "Assign": {"n": 2}, "Output": "default"},
        Tell={"Type": "Succeed", "Output": '{% $states.input & " " & $n %}'},
    )

    assert output(Bench(tiny).run(given)) == told


@pytest.mark.parametrize(
    ("condition", "error"),
    [("{% false %}", "States.NoChoiceMatched"), ("true", "States.QueryEvaluationError")],
    ids=["no way holds", "a text and no boolean"],
)
def test_a_choice_without_a_way_or_with_a_condition_that_is_no_boolean_fails(condition: str, error: str) -> None:
    tiny = machine(Which={"Type": "Choice", "Choices": [{"Condition": condition, "Next": "End"}]}, End=END)

    assert Bench(tiny).run().error == error


def test_a_wait_takes_virtual_time() -> None:
    bench = Bench(machine(Wait={"Type": "Wait", "Seconds": "{% $states.input %}", "Next": "End"}, End=END))

    assert output(bench.run(3_600)) == 3_600
    assert bench.seconds == 3_600


def test_a_wait_of_a_part_of_a_second_fails() -> None:
    assert Bench(machine(Wait={"Type": "Wait", "Seconds": "{% 0.5 %}", "End": True})).run().status == "FAILED"


def test_a_fail_state_names_error_and_cause() -> None:
    execution = Bench(machine(Over={"Type": "Fail", "Error": "Lost", "Cause": "{% $states.input %}"})).run("why")

    assert (execution.status, execution.error, execution.cause) == ("FAILED", "Lost", "why")
    assert execution.output is None


# --- tasks ------------------------------------------------------------------------------------------------------------


def test_a_task_gets_its_arguments_and_its_result_is_its_output() -> None:
    arguments = {"FunctionName": "f", "Payload": {"x": ["{% $states.input.x %}"]}}
    tiny = machine(
        Do=task(Arguments=arguments, Assign={"y": "{% $states.result.Payload %}"}, Next="Tell"),
        Tell={"Type": "Succeed", "Output": ["{% $y %}", "{% $states.input %}"]},
    )
    bench = Bench(tiny, {"Payload": 7})

    assert output(bench.run({"x": 1})) == [7, {"Payload": 7}]
    assert bench.calls == [{"FunctionName": "f", "Payload": {"x": [1]}}]


def test_what_a_function_does_to_its_arguments_stays_with_it() -> None:
    def changes(arguments: Any) -> Any:
        arguments["x"].append("changed")
        return arguments

    tiny = machine(
        Begin={"Type": "Pass", "Assign": {"x": []}, "Next": "Do"},
        Do=task(Arguments={"x": "{% $x %}"}, Next="Tell"),
        Tell={"Type": "Succeed", "Output": "{% $x %}"},
    )

    assert output(Bench(tiny, changes).run()) == []


def test_the_context_says_where_the_execution_stands() -> None:
    bench = Bench(machine(Wait={"Type": "Wait", "Seconds": 90, "Next": "Do"}, Do=task()))

    bench.run({"x": 1})

    arn = "arn:aws:states:eu-central-1:123456789012:execution:tiny:one"
    execution = {"Id": arn, "Name": "one", "Input": {"x": 1}, "StartTime": "2026-01-05T08:00:00.000Z"}
    assert bench.contexts == [
        {
            "Execution": execution,
            "State": {"Name": "Do", "EnteredTime": "2026-01-05T08:01:30.000Z", "RetryCount": 0},
            "StateMachine": {"Id": ARN, "Name": "tiny"},
        }
    ]


RETRY = {"ErrorEquals": ["Busy"], "IntervalSeconds": 2, "MaxAttempts": 3, "BackoffRate": 3, "MaxDelaySeconds": 10}


def test_a_retry_waits_longer_each_time_and_then_the_error_is_caught() -> None:
    catch = {"ErrorEquals": ["States.ALL"], "Assign": {"e": "{% $states.errorOutput.Error %}"}, "Next": "Tell"}
    tiny = machine(
        Do=task(Retry=[RETRY], Catch=[catch]),
        Tell={"Type": "Succeed", "Output": ["{% $e %}", "{% $states.input %}"]},
    )
    bench = Bench(tiny, TaskError("Busy", "all day"))

    assert output(bench.run()) == ["Busy", {"Error": "Busy", "Cause": "all day"}]
    assert bench.seconds == 2 + 2 * 3 + 10, "the third wait, 2 * 3 * 3, is cut to the longest that RETRY allows"
    assert [context["State"]["RetryCount"] for context in bench.contexts] == [0, 1, 2, 3]


def test_a_retry_that_succeeds_goes_on_and_the_next_visit_counts_afresh() -> None:
    tiny = machine(
        Do=task(Retry=[{"ErrorEquals": ["States.ALL"], "MaxAttempts": 1}], Next="More"),
        More={"Type": "Choice", "Choices": [{"Condition": "{% $states.input = 1 %}", "Next": "Do"}], "Default": "End"},
        End=END,
    )
    bench = Bench(tiny, TaskError("A"), 1, TaskError("B"), 2)

    assert output(bench.run()) == 2
    assert bench.seconds == 1 + 1, "one retry of each visit"


def test_full_jitter_is_drawn_from_the_seed() -> None:
    jitter = RETRY | {"JitterStrategy": "FULL"}

    def seconds(seed: int) -> float:
        bench = Bench(machine(Do=task(Retry=[jitter])), TaskError("Busy"), TaskError("Busy"), 1, seed=seed)
        bench.run()
        return bench.seconds

    assert seconds(1) == seconds(1)
    assert len({seconds(seed) for seed in range(5)}) == 5
    assert all(seconds(seed) <= 2 + 2 * 3 for seed in range(50)), "never longer than without jitter"


@pytest.mark.parametrize(
    ("errors", "name", "caught"),
    [
        (["States.ALL"], "Anything", True),
        (["States.ALL"], "States.Timeout", True),
        (["States.ALL"], "States.DataLimitExceeded", False),
        (["States.DataLimitExceeded"], "States.DataLimitExceeded", True),
        (["States.TaskFailed"], "Anything", True),
        (["States.TaskFailed"], "States.Timeout", False),
        (["States.Timeout"], "Anything", False),
        (["Other", "Anything"], "Anything", True),
        (["Other"], "Anything", False),
    ],
)
def test_a_catcher_and_a_retrier_take_only_the_errors_that_they_name(
    errors: list[str], name: str, caught: bool
) -> None:
    catching = Bench(machine(Do=task(Catch=[{"ErrorEquals": errors, "Next": "End"}]), End=END), TaskError(name))
    retrying = Bench(machine(Do=task(Retry=[{"ErrorEquals": errors}])), TaskError(name), None)

    assert catching.run().status == ("SUCCEEDED" if caught else "FAILED")
    assert retrying.run().status == ("SUCCEEDED" if caught else "FAILED")


def test_the_first_retrier_that_fits_counts_even_if_it_never_retries() -> None:
    retriers = [{"ErrorEquals": ["Absent"], "MaxAttempts": 0}, {"ErrorEquals": ["States.ALL"], "MaxAttempts": 5}]
    bench = Bench(machine(Do=task(Retry=retriers)), TaskError("Absent"))

    assert bench.run().error == "Absent"
    assert len(bench.calls) == 1


def test_an_expression_that_fails_is_an_error_of_its_task() -> None:
    catch = [{"ErrorEquals": ["States.QueryEvaluationError"], "Output": "caught", "Next": "End"}]
    before = machine(Do=task(Arguments="{% $nothing %}", Catch=catch), End=END)
    after = machine(Do=task(Assign={"x": 1, "y": "{% $states.result.absent %}"}, Catch=catch), End=END)

    assert output(Bench(before).run()) == "caught"
    bench = Bench(after, {"present": 1})
    execution = bench.run()
    assert output(execution) == "caught"
    assert execution.variables == {}, "no part of a failed Assign is kept"


def test_an_expression_that_fails_in_a_state_that_catches_nothing_fails_the_execution() -> None:
    elsewhere = machine(Do={"Type": "Pass", "Output": "{% $nothing %}", "End": True})

    assert Bench(elsewhere).run().error == "States.QueryEvaluationError"


def test_data_that_is_too_large_fails_the_execution() -> None:
    catch = [{"ErrorEquals": ["States.ALL"], "Next": "End"}]

    assert Bench(machine(Do=task(Catch=catch), End=END), "ä" * 131_071).run().status == "SUCCEEDED"
    assert Bench(machine(Do=task(Catch=catch), End=END), "ä" * 131_072).run().error == "States.DataLimitExceeded"


# --- time -------------------------------------------------------------------------------------------------------------


# A task that waits for its answer only as many seconds as the input says.
TIMES_OUT_AFTER_ITS_INPUT = {
    "TimeoutSeconds": "{% $states.input %}",
    "Catch": [{"ErrorEquals": ["States.Timeout"], "Next": "End"}],
}


def test_a_result_that_arrives_in_time_is_the_output() -> None:
    bench = Bench(machine(Do=task(**TIMES_OUT_AFTER_ITS_INPUT), End=END), Delayed(20, "result"))

    assert output(bench.run(21)) == "result"


def test_a_result_that_arrives_too_late_is_a_time_out_and_leads_nowhere() -> None:
    bench = Bench(machine(Do=task(**TIMES_OUT_AFTER_ITS_INPUT), End=END), Delayed(20, "result"))

    execution = bench.start(19)
    bench.clock.run_for(19)

    assert output(execution) == {"Error": "States.Timeout", "Cause": ""}
    bench.clock.run()
    assert execution.path == ["Do", "End"]


def test_an_answer_that_comes_too_late_does_not_disturb_the_next_state() -> None:
    wait = {"Type": "Wait", "Seconds": 60, "Next": "End"}
    catch = [{"ErrorEquals": ["States.Timeout"], "Next": "Wait"}]
    for answer in (Delayed(20, "late"), Delayed(20, TaskError("Late")), Takes(20, lambda: "late")):
        bench = Bench(machine(Do=task(TimeoutSeconds=5, Catch=catch), Wait=wait, End=END), answer)

        execution = bench.run()

        assert output(execution) == {"Error": "States.Timeout", "Cause": ""}
        assert execution.path == ["Do", "Wait", "End"]
        assert bench.seconds == 65


def test_work_has_its_effect_at_its_end_even_if_nobody_waits_any_more() -> None:
    effects: list[float] = []
    bench = Bench(
        machine(Do=task(**TIMES_OUT_AFTER_ITS_INPUT), End=END), Takes(20, lambda: effects.append(bench.seconds))
    )

    execution = bench.start(5)
    bench.clock.run_for(10)

    assert (execution.status, effects) == ("SUCCEEDED", [])
    bench.clock.run()
    assert effects == [20]


def test_an_error_in_late_work_or_in_a_late_answer_fails_the_execution() -> None:
    def fails() -> None:
        raise TaskError("Broken")

    for answer in (Takes(1, fails), Delayed(1, TaskError("Broken")), Takes(1, lambda: Delayed(1, TaskError("Broken")))):
        assert Bench(machine(Do=task()), answer).run().error == "Broken"
