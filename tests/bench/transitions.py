"""The number of states that an execution enters, read from the definition; Step Functions charges for each.

Planning, the grouping window and every command count, however long it takes. A command of whose end EventBridge is
silent costs nothing more. tests/statemachine compares the first two remediations with executions.
"""

from pathlib import Path

from tests.template.machine import Machine

FOLDER = Path(__file__).parents[2] / "statemachine"
INCIDENT, RELEASE = FOLDER / "incident.asl.yaml", FOLDER / "release.asl.yaml"
LOOK = ("Run Step", "Await Step", "Read Step", "Next Move", "Go")
"""The states of a step that only looks, which needs no claim."""
ACT = ("Claim Step", *LOOK)
NO_RECOVERY = ("Await Recovery", "Next Move", "Go")
APPROVED = ("What Now?", "Announce Remediation")
"""The states between an approval and the first step: it is asked whether the plan may still act."""
PAGE = ("Page On-Call", "Await Acknowledgement", "Await Resolution")
OVER = ("Await Quiet", "Close Incident")
END = ("Close Incident",)
RUN = ("Announce Remediation", *LOOK, *ACT)
PATHS: dict[str, tuple[tuple[str, ...], int]] = {
    "noise": (("Record Suppression",), 3),
    "told and resolved": (("Notify Ops", "Await Resolution", *OVER), 7),
    "page, resolved before somebody answers": ((*PAGE[:2], *OVER), 8),
    "page, acknowledged and resolved": ((*PAGE, *OVER), 9),
    "a look and an act, the alert resolves": (("Plan Remediation", *RUN, "Await Recovery", *OVER), 22),
    "a look and an act, the verification holds": (("Plan Remediation", *RUN, *NO_RECOVERY, *LOOK, *END), 28),
    "the same, approved by a person who was paged first": (
        ("Plan Remediation", *PAGE, "Await Quiet", *APPROVED, *RUN[1:], *NO_RECOVERY, *LOOK, *END),
        36,
    ),
    "a look and an act, no recovery, one step undone, paged and resolved": (
        ("Plan Remediation", *RUN, *NO_RECOVERY, *LOOK, *ACT, *PAGE, *OVER),
        42,
    ),
    "a release is taken back after approval, the alert resolves": (
        ("Plan Remediation", *PAGE[:2], "Go", *APPROVED, "Take Release Back", "Next Move", "Await Recovery", *OVER),
        21,
    ),
}


def rows() -> list[tuple[str, str, str]]:
    """Count the states of each path, and return the rows of a table."""
    incident, release = Machine.load(INCIDENT), Machine.load(RELEASE)
    found = [(path, incident.fewest_transitions(*through), limit) for path, (through, limit) in PATHS.items()]
    child = release.fewest_transitions("Roll Back Release", "Wait", "Read Release", "Report")
    return [
        (path, str(states), f"≤ {limit}")
        for path, states, limit in [*found, ("the same, in the machine that takes it back", child, 12)]
    ]
