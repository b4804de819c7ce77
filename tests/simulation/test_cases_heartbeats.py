"""A heartbeat is as old as its delivery, however late it is read."""

from tests.simulation.conditions import redrive
from tests.simulation.door import Key
from tests.simulation.timeline import Timeline

RULES = """
rules: []
heartbeats:
  - {id: alerting, match: {alert_name: [Watchdog]}, every: 2m, reason: Without it no alert arrives.}
"""
ABSENT = Key("firstline", "Watchdog is absent", "")


def test_a_beat_that_is_redriven_does_not_hide_that_none_came_since() -> None:
    labels = {"alertname": "Watchdog", "severity": "none"}
    alert = {"status": "firing", "labels": labels, "annotations": {}, "startsAt": "2026-01-05T08:00:00Z"}
    beat = {"version": "4", "status": "firing", "receiver": "firstline", "alerts": [alert]}
    with Timeline().running() as line:
        line.declare(RULES)
        world = line.world
        line.at(1).do(lambda: world.door.post("prometheus", beat))
        line.at(2).do(lambda: world.unreadable.add("prometheus"))
        line.at(60).do(lambda: world.door.post("prometheus", beat))
        line.at(61).do(lambda: world.unreadable.discard("prometheus"))
        # The second beat is read ten minutes late; none has come since, and one is due every two minutes.
        line.at(600).do(lambda: redrive(world))
        line.run_until(700)

        absent = line.stored.alert(ABSENT)
        assert absent is not None
        assert absent.firing
        line.between(1, 700).expect_page("Watchdog is absent")
