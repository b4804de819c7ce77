"""Two versions at once, as during a deployment: the machine of one invokes the functions of the other."""

from collections.abc import Mapping
from typing import Any

import yaml

from tests.simulation.definition import Machine
from tests.simulation.stack import ROOT
from tests.simulation.timeline import Alert, Timeline
from tests.simulation.world import MACHINE, with_substitutions


def newer(event: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return an event as a newer machine would send it: with a key more, at two depths."""
    if "incident" not in event:
        return event
    return {**event, "colour": "blue", "incident": {**event["incident"], "colour": "blue"}}


def test_the_machine_of_a_newer_version_is_understood_from_the_first_alert_to_the_close() -> None:
    alert = Alert("QueueStuck", "web-1", "high", began=1)
    with Timeline().running() as line:
        line.cure()
        functions, sent = line.world.functions, set[str]()
        called = functions._called

        def with_more(name: str, event: Mapping[str, Any]) -> Any:
            changed = newer(event)
            if changed is not event:
                sent.add(name)
            return called(name, changed)

        vars(functions)["_called"] = with_more  # `call` is not on the machine's way
        line.at(1).push(alert)
        line.at(400).push(Alert("QueueStuck", "web-2", "critical", began=400))
        line.at(460).press("acknowledge")
        line.at(600).push(alert.resolved(), Alert("QueueStuck", "web-2", "critical", began=400).resolved())
        line.run_until(1300)

        assert [run.status for run in line.world.step_functions.executions.values()] == ["SUCCEEDED"]
        assert line.open_incidents() == []
        assert line.commands()
        assert {"classify", "notify"} <= sent, "the machine's own events have the keys"
        line.between(0, 460).expect_page(channel="pagerduty")
        assert not line.world.crashes


def test_functions_that_are_replaced_in_the_middle_go_on_with_what_is_stored() -> None:
    with Timeline().running() as line:
        line.cure()
        for seconds in range(0, 900, 7):
            line.at(seconds).do(line.world.functions.restart)
        line.at(1).push(Alert("CacheCold", "web-1", "critical", began=1))
        line.at(120).press("approve")
        line.at(500).push(Alert("CacheCold", "web-1", "critical", began=1).resolved())
        line.run_until(900)

        assert ("warm", "web-1") in line.commands()
        assert line.open_incidents() == []
        line.between(0, 60).expect_page("CacheCold", channel="pagerduty", times=1)


def the_machine_before() -> Machine:
    """Return the machine of checkouts before 0.1.0, which announces the quiet in one state and waits in another."""
    definition = yaml.safe_load((ROOT / "statemachine" / "incident.asl.yaml").read_text())
    states = definition["States"]
    states |= yaml.safe_load((ROOT / "tests" / "events" / "machine" / "quiet-in-two-states.yaml").read_text())
    states["Await Resolution"]["Next"] = states["Await Recovery"]["Next"] = "Announce Quiet"
    two = [{"Condition": f'{{% $next.go = "{name}" %}}', "Next": name} for name in ("Announce Quiet", "Await Quiet")]
    kept = [rule for rule in states["Go"]["Choices"] if rule["Next"] != "Await Quiet"]
    states["Go"]["Choices"] = [*kept, *two]
    return with_substitutions("incident", definition)


def test_an_execution_with_the_states_of_the_release_before_goes_on_with_the_functions_of_this_one() -> None:
    alert = Alert("DbDown", "db-1", "critical", began=1)
    with Timeline().running() as line:
        services = line.world.step_functions
        vars(services)["_machines"] = {**services._machines, MACHINE: the_machine_before()}
        line.at(1).push(alert)
        line.at(60).push(alert.resolved())
        line.at(200).push(Alert("DbDown", "db-1", "critical", began=200))
        line.at(260).press("acknowledge")
        line.at(400).push(Alert("DbDown", "db-1", "critical", began=200).resolved())
        line.run_until(800)

        (run,) = services.executions.values()
        assert run.status == "SUCCEEDED"
        assert [state for state in run.path if state.endswith(" Quiet")] == ["Announce Quiet", "Await Quiet"] * 2
        assert line.open_incidents() == []
        line.between(0, 60).expect_page(channel="pagerduty", times=1)
        line.between(200, 260).expect_page(channel="pagerduty", times=1)
        assert [message.kind for message in line.between(60, 70).messages(channel="pagerduty")] == ["resolve"]
        assert not line.world.crashes
