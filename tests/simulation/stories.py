"""Short stories of incidents for the fault sweep: what happens, and what people get of it if nothing goes wrong."""

from dataclasses import dataclass

from tests.simulation.people import Habits
from tests.simulation.scenario import Happening, Scenario

NOBODY = Habits(acknowledge=0.0, resolve=0.0, approve=0.0, refuse=0.0)
"""People who do only what the story says."""

PROBE = "web-8"
"""The host of the critical alert that is sent when a story is over: whatever went wrong, it must reach a person."""

RIVAL = "web-7"
"""The host of an alert that joins in the middle of another's call."""

PROBE_AFTER, PROBE_FIRES, PROBE_SETTLES = 900.0, 600.0, 1_020.0


@dataclass(frozen=True)
class Story:
    """A story.

    Parameters
    ----------
    text
        What happens, in words.
    alert
        The name of the alert, whose group the probe belongs to.
    pages, commands
        How many pages go out (by PagerDuty or SNS), and how many commands, before the probe, if nothing goes wrong.
    last
        When the last alert ends, in seconds.
    most
        How many calls with the same label the sweep looks at.
    sender
        Who sends the alerts.
    """

    text: str
    alert: str
    happenings: tuple[Happening, ...]
    last: float
    pages: int = 0
    commands: int = 0
    most: int = 12
    sender: str = "generic"
    seed: int = 1

    def scenario(self) -> Scenario:
        """Return the story as a scenario without faults. Its end, and a critical alert after it, are added."""
        place, probe = (self.sender, self.alert, RIVAL), (self.sender, self.alert, PROBE)
        begins = self.last + PROBE_AFTER
        added = (
            Happening(self.last, "end", place),
            Happening(begins, "fire", (*probe, "critical")),
            Happening(begins + PROBE_FIRES, "end", probe),
        )
        return Scenario(self.seed, (*self.happenings, *added), habits=NOBODY, settles=PROBE_SETTLES, pace=60, only={})

    @property
    def probed(self) -> float:
        """Return when the probe is sent, in seconds: a fault later than that is another story's."""
        return self.last + PROBE_AFTER


def _fire(after: float, name: str, host: str, severity: str, sender: str = "generic") -> Happening:
    return Happening(after, "fire", (sender, name, host, severity))


def _end(after: float, name: str, host: str, sender: str = "generic") -> Happening:
    return Happening(after, "end", (sender, name, host))


def _press(after: float, button: str) -> Happening:
    return Happening(after, "press", (button, 0.0))


STORIES = {
    "noise": Story(
        "Noise is suppressed, and ends.",
        "OddNoise",
        (_fire(5, "OddNoise", "web-1", "high"), _end(200, "OddNoise", "web-1")),
        last=200,
    ),
    "low": Story(
        "A low alert is told, and resolves.",
        "DiskFull",
        (_fire(5, "DiskFull", "web-1", "low"), _end(400, "DiskFull", "web-1")),
        last=400,
    ),
    "answered": Story(
        "A critical alert is paged, acknowledged, and resolves.",
        "DbDown",
        (_fire(5, "DbDown", "web-1", "critical"), _press(120, "acknowledge"), _end(600, "DbDown", "web-1")),
        last=600,
        pages=1,
    ),
    "unanswered": Story(
        "Nobody answers a critical alert: the first level, everybody, and the first level once more.",
        "DbDown",
        (_fire(5, "DbDown", "web-1", "critical"), _end(1_400, "DbDown", "web-1")),
        last=1_400,
        pages=4,
    ),
    "joined": Story(
        "A critical alert of another host joins a low incident, and is acknowledged.",
        "DbDown",
        (
            _fire(5, "DbDown", "web-1", "low"),
            _fire(90, "DbDown", "web-2", "critical"),
            _press(200, "acknowledge"),
            _end(400, "DbDown", "web-1"),
            _end(500, "DbDown", "web-2"),
        ),
        last=500,
        pages=1,
    ),
    "worse": Story(
        "A critical alert joins a high incident that somebody has, and nobody answers.",
        "DbDown",
        (
            _fire(5, "DbDown", "web-1", "high"),
            _press(60, "acknowledge"),
            _fire(90, "DbDown", "web-2", "critical"),
            _end(1_500, "DbDown", "web-1"),
            _end(1_510, "DbDown", "web-2"),
        ),
        last=1_510,
        pages=6,
    ),
    "cured": Story(
        "A runbook runs by itself and cures a host.",
        "QueueStuck",
        (_fire(5, "QueueStuck", "web-1", "high"), _end(900, "QueueStuck", "web-1")),
        last=900,
        commands=4,
        seed=4,
    ),
    "approved": Story(
        "A critical alert is paged, its runbook is approved in Slack, and cures the host.",
        "CacheCold",
        (
            _fire(5, "CacheCold", "web-1", "critical"),
            _press(60, "approve"),
            _end(900, "CacheCold", "web-1"),
        ),
        last=900,
        pages=1,
        commands=2,
        seed=6,
    ),
    "silenced": Story(
        "A silence holds a critical alert, and ends.",
        "ShopErrors",
        (
            Happening(1, "silence", ("ShopErrors", 300, True)),
            _fire(20, "ShopErrors", "web-1", "critical"),
            _press(420, "acknowledge"),
            _end(600, "ShopErrors", "web-1"),
        ),
        last=600,
        pages=1,
    ),
    "storm": Story(
        "Alerts of 35 groups come within a minute, and a critical one among the last.",
        "DbDown",
        (
            *(_fire(5 + number, f"Low{number}", "web-1", "low") for number in range(35)),
            _fire(42.5, "DbDown", "web-1", "critical"),
            Happening(120, "press", ("acknowledge", 0.999)),
            *(_end(300 + number / 10, f"Low{number}", "web-1") for number in range(35)),
            _end(310, "DbDown", "web-1"),
        ),
        last=310,
        pages=2,
        most=2,
    ),
    "pressed": Story(
        "A person presses Resolve while an alert of another host joins, which pages anew, by SNS, too.",
        "DbDown",
        (
            _fire(5, "DbDown", "web-1", "critical"),
            _press(150, "resolve"),
            _fire(149.5, "DbDown", "web-2", "critical"),
            _press(300, "acknowledge"),
            _end(500, "DbDown", "web-1"),
            _end(500, "DbDown", "web-2"),
        ),
        last=500,
        pages=3,
    ),
    "flapping": Story(
        "A critical alert that somebody has ends and comes back within the window, twice.",
        "DbDown",
        (
            _fire(5, "DbDown", "web-1", "critical"),
            _press(60, "acknowledge"),
            _end(120, "DbDown", "web-1"),
            _fire(300, "DbDown", "web-1", "critical"),
            _end(400, "DbDown", "web-1"),
            _fire(699, "DbDown", "web-1", "critical"),
            _end(800, "DbDown", "web-1"),
        ),
        last=800,
        pages=1,
    ),
    "batch": Story(
        "A delivery has 120 alerts of one group.",
        "DbDown",
        (
            *(_fire(5, "DbDown", f"host-{number}", "high", "prometheus") for number in range(120)),
            _press(120, "acknowledge"),
            *(_end(300, "DbDown", f"host-{number}", "prometheus") for number in range(120)),
        ),
        last=360,
        pages=1,
        most=6,
        sender="prometheus",
    ),
    "said once": Story(
        "A critical alarm of CloudWatch, which says everything once.",
        "Checkout",
        (
            _fire(5, "Checkout", "", "critical", "cloudwatch"),
            _press(120, "acknowledge"),
            _end(500, "Checkout", "", "cloudwatch"),
        ),
        last=500,
        pages=1,
        sender="cloudwatch",
    ),
}
