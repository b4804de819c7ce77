"""Special scenarios: an incident that lasts a year, and a group of many thousand alerts."""

from tests.simulation.people import Habits
from tests.simulation.scenario import Happening, Scenario

DAY = 86_400.0


def year(days: int = 370) -> Scenario:
    """Return an incident that somebody has, and that goes on for more than a year, with a flapping second host."""
    happenings = [Happening(5, "fire", ("generic", "DbDown", "web-1", "critical"))]
    for week in range(days // 7):
        begins = week * 7 * DAY + 3_600
        happenings += [
            Happening(begins, "fire", ("generic", "DbDown", "web-2", "high")),
            Happening(begins + 3 * 3_600, "end", ("generic", "DbDown", "web-2")),
        ]
    happenings.append(Happening(days * DAY, "end", ("generic", "DbDown", "web-1")))
    return Scenario(1, tuple(happenings), habits=Habits(acknowledge=1.0, resolve=0.0), settles=4 * 3_600, pace=3_600)


def crowd(alerts: int = 20_000) -> Scenario:
    """Return a group of many alerts that begin within ten minutes and end within ten minutes, with faults."""
    happenings = (
        Happening(5, "crowd", ("generic", "DiskFull", alerts, "high", True)),
        Happening(1_500, "crowd", ("generic", "DiskFull", alerts, "high", False)),
    )
    return Scenario(
        1, happenings, habits=Habits(acknowledge=1.0, resolve=0.0), share=0.0003, orders=0.02, settles=2_400
    )
