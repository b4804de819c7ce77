"""The oracle's allowances none excuses more than it says."""

from tests.simulation.clock import START
from tests.simulation.timeline import Alert, Timeline
from tests.simulation.watch import Watch

LOW = Alert("DbDown", "db-1", "low")


def test_only_from_a_successor_on_may_reconcile_wait_with_the_next_one() -> None:
    with Timeline().running() as line:
        watch = Watch(line.world, pace=60)
        line.at(1).push(LOW)
        line.at(60).do(lambda: line.world.stop_execution(0))
        line.run_until(61)
        incident = line.incidents()[0]
        assert watch.paused_until(incident) == START

        line.run_until(190)
        assert line.live(incident).generation == 2
        line.at(191).do(lambda: line.world.stop_execution(0))
        line.run_until(192)
        successor = next(each for each in line.world.step_functions.executions.values() if each.name.endswith("-2"))
        assert (watch.paused_until(incident) - successor.started).total_seconds() == 60
