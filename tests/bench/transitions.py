"""The number of states that an execution enters, which Step Functions charges for, read from the definition.

A further poll (`What Next?`, `Wait`, `What Next?`, `Read Step`, `Next Move`, and their like for a release) is not
counted: their number is the command's. The last two rows count them, for commands that take ten seconds each.
"""

from pathlib import Path

from firstline.remediation.next_move import LONGEST_WAIT
from tests.template.machine import Machine

FOLDER = Path(__file__).parents[2] / "statemachine"
INCIDENT, RELEASE = FOLDER / "incident.asl.yaml", FOLDER / "release.asl.yaml"
STEP = ("Claim Step", "Run Step", "Wait", "Read Step", "Next Move", "What Next?")
CHECK = STEP[1:]
"""A step that changes nothing needs no claim."""
NO_RECOVERY = ("Await Recovery", "Next Move", "What Next?")
PAGE = ("Page On-Call", "Await Acknowledgement", "Await Resolution")
END = ("Close Incident", "Closed")
TWO_STEPS = ("Announce Remediation", *STEP, *STEP, *NO_RECOVERY)
PATHS: dict[str, tuple[tuple[str, ...], int]] = {
    "noise": (("Record Suppression", "Closed"), 7),
    "page, acknowledged and resolved": ((*PAGE, *END), 16),
    "runbook of two steps, the alert resolves": ((*TWO_STEPS, *END), 31),
    "runbook of two steps, its verification holds": ((*TWO_STEPS, *CHECK, *END), 37),
    "the same, approved by a person who was paged first": ((*PAGE, *TWO_STEPS, *CHECK, *END), 46),
    "two steps, no recovery, one step undone, paged and resolved": (
        (*TWO_STEPS, *CHECK, *STEP, *PAGE, *END),
        55,
    ),
    "a release is taken back after approval, the alert resolves": (
        (*PAGE[:2], "Announce Remediation", "Take Release Back", "Next Move", *NO_RECOVERY, *END),
        25,
    ),
}

POLL = ("Wait", "Read Step", "Next Move", "What Next?")
COMMAND_SECONDS = 10


def further_polls(seconds: int) -> int:
    """Return how many reads follow the first one until a command of this length is seen to have ended."""
    polls, read_at = 0, 1
    while read_at < seconds:
        polls += 1
        read_at += min(LONGEST_WAIT, 2**polls)
    return polls


def with_polls(check: tuple[str, ...] = ()) -> tuple[str, ...]:
    """Return the path of two steps whose commands take ten seconds each, and of a check after them."""
    more = POLL * further_polls(COMMAND_SECONDS)
    verified = (*check, *more) if check else ()
    return ("Announce Remediation", *STEP, *more, *STEP, *more, *NO_RECOVERY, *verified, *END)


def rows() -> list[tuple[str, str, str]]:
    """Count each path's states."""
    incident, release = Machine.load(INCIDENT), Machine.load(RELEASE)
    found = [(path, incident.fewest_transitions(*through), limit) for path, (through, limit) in PATHS.items()]
    whole = []
    polled = (("the alert resolves", (), 18), ("its verification holds", CHECK, 24))
    for end, check, limit in polled:
        path = f"two steps, commands of {COMMAND_SECONDS} s, everything included: {end}"
        whole.append((path, incident.fewest_transitions(*with_polls(check)), limit))
    child = release.fewest_transitions("Roll Back Release", "Wait", "Read Release", "Report")
    return [
        (path, str(states), f"≤ {limit}")
        for path, states, limit in [*found, ("the same, in the machine that takes it back", child, 12), *whole]
    ]
