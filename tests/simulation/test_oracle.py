"""The oracle's allowances and the rivals of a rush: neither excuses, nor spends, more than it says."""

import pytest

from tests.simulation.clock import START
from tests.simulation.faults import Fault, Faults
from tests.simulation.rivals import Rivals
from tests.simulation.timeline import Alert, Timeline
from tests.simulation.watch import Watch
from tests.simulation.world import World

LOW = Alert("DbDown", "db-1", "low")


def test_the_oracle_grants_reconcile_a_pause_only_after_a_successor_died() -> None:
    with Timeline().running() as line:
        watch = Watch(line.world, pace=60)
        line.at(1).push(LOW)
        line.at(60).do(lambda: line.world.stop_execution(0))
        line.run_until(61)
        incident = line.incidents()[0]
        assert watch.paused_until(incident) == START, "no pause"

        line.run_until(190)
        assert line.live(incident).generation == 2
        line.at(191).do(lambda: line.world.stop_execution(0))
        line.run_until(192)
        successor = next(each for each in line.world.step_functions.executions.values() if each.name.endswith("-2"))
        assert (watch.paused_until(incident) - successor.started).total_seconds() == 60


def test_a_person_has_pressed_a_button_before_the_stack_has_answered() -> None:
    seen: list[bool] = []
    with Timeline().running() as line:
        line.at(1).push(Alert("DbDown", "db-1", "critical"))
        line.at(60).before("", "states", "send_task_success", lambda: seen.append(bool(line.world.people.begun)))
        line.at(60).do(lambda: line.world.press("resolve", 0))
        line.run_until(90)

    assert seen == [True]


@pytest.mark.parametrize(
    ("label", "goes"),
    [
        ("notify/Close Incident:dynamodb.transact_write_items", 1),
        ("notify/Await Quiet:dynamodb.transact_write_items", 0),
    ],
    ids=["at the place", "elsewhere"],
)
def test_only_a_call_at_the_place_of_a_rush_lets_a_rival_go(label: str, goes: int) -> None:
    world = World(1, Faults(1))
    rivals = Rivals(world, rush="/Close Incident")
    world.faults.happened.append((START, Fault(label, 1, "others first")))
    with world.running():
        rivals()

    assert rivals.gone == goes
