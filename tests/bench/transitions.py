"""How many states an execution enters, which is what Step Functions charges for, read from the definition.

A further poll (`Wait For Step`, `Read Step`, `Step Finished?`, and their like for a release) is not counted: their
number is the command's.
"""

from pathlib import Path

from tests.template.machine import Machine

DEFINITION = Path(__file__).parents[2] / "statemachine" / "incident.asl.yaml"
STEP = ("Run Step", "Read Step", "Step Succeeded?")
TWO_STEPS = ("Announce Remediation", *STEP, *STEP, "Await Recovery", "Recovered?")
PATHS: dict[str, tuple[tuple[str, ...], int]] = {
    "noise": (("Record Suppression",), 4),
    "page, acknowledged and resolved": (
        ("Needs A Human?", "Page On-Call", "Await Acknowledgement", "Await Resolution", "Close Incident"),
        9,
    ),
    "runbook of two steps, the alert resolves": ((*TWO_STEPS, "Close Incident"), 25),
    "runbook of two steps, its verification holds": ((*TWO_STEPS, *STEP, "Close Incident"), 25),
    "the same, approved by a person first": (
        ("Request Approval", "Ask For Approval", *TWO_STEPS, *STEP, "Close Incident"),
        30,
    ),
    "two steps, no recovery, one step undone, paged and resolved": (
        (*TWO_STEPS, *STEP, *STEP, "Page On-Call", "Await Acknowledgement", "Await Resolution", "Close Incident"),
        40,
    ),
    "a release is taken back after approval, the alert resolves": (
        (
            "Ask For Approval",
            "Announce Remediation",
            "Roll Back Release",
            "Await Recovery",
            "Recovered?",
            "Close Incident",
        ),
        25,
    ),
}


def rows() -> list[tuple[str, str, str]]:
    """Each path's number of states."""
    machine = Machine.load(DEFINITION)
    return [(path, str(machine.fewest_transitions(*through)), f"≤ {limit}") for path, (through, limit) in PATHS.items()]
