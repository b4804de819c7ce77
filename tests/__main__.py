"""`python -m tests`: every test in random order, several parts at a time. The last line counts all of them.

A part's tests run in one process: those of a folder, but for what `APART` makes parts of their own. The parts begin in
the order of `FOLDERS`, the longest and those that wait much first, so that they end at about the same time. Those of
e2e mostly wait, so all of them run beside three others: enough for two cores, and few enough for the tests that have
real time-outs.
"""

import argparse
import os
import random
import re
import subprocess
import sys
import tempfile
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor, as_completed
from itertools import chain
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree

from tests.support.needs import remedy_of

TESTS = Path(__file__).parent
FOLDERS = ("e2e", "statemachine", "integration", "unit", "runbooks", "simulation", "template")
APART = {
    "unit": (("channels", "injection", "policy", "privacy", "runbooks", "sources"),),
    "e2e": (
        ("test_quickstart.py", "test_remediation.py", "test_trouble.py"),
        ("test_approval_page.py", "test_asking.py", "test_model.py"),
        ("test_alertmanager_pair.py", "test_demo.py", "test_models_guide.py", "test_up.py"),
    ),
    "integration": (
        (
            *("ports", "test_chat_servers.py", "test_commands.py", "test_contention.py", "test_costs.py"),
            *("test_earned_say.py", "test_evidence.py", "test_heartbeats.py", "test_history.py"),
            *("test_ingestion.py", "test_model_circuit.py", "test_silences.py"),
            *("test_simulated_expressions.py", "test_simulated_table.py"),
            *("test_spending.py", "test_trail.py"),
        ),
    ),
}
"""The files that are parts of their own.

Those of unit would be the last to end. Those of e2e need not wait for each other: each part has stacks of its own.
Those of integration need DynamoDB Local, which so starts once: its start costs as much as a hundred tests."""

WAITING_AT_ONCE, COMPUTING_AT_ONCE = 4, 3
_NO_TESTS = 5


class Part(NamedTuple):
    """Tests that one process runs, as pytest is told."""

    name: str
    chosen: tuple[str, ...]

    @property
    def waits(self) -> bool:
        """Return True if the part mostly waits for a stack: then the parts that only compute make way for it."""
        return self.name.startswith("tests/e2e")


class Ran(NamedTuple):
    """A part's finished run: how many tests had each outcome, and how many each remedy would bring."""

    part: str
    seconds: float
    exit_code: int
    output: str
    outcomes: Counter[str]
    remedies: Counter[str]


def parts() -> list[Part]:
    """Return what runs in a process of its own, in the order in which it begins."""
    found = []
    for folder in FOLDERS:
        apart = [tuple(str(TESTS / folder / name) for name in names) for names in APART.get(folder, ())]
        found.append(Part(f"tests/{folder}", (str(TESTS / folder), *(f"--ignore={path}" for path in chain(*apart)))))
        found += [Part(f"tests/{folder}, {number}", paths) for number, paths in enumerate(apart, 2)]
    return found


def run(part: Part, seed: int, options: list[str]) -> Ran:
    """Run the tests of one part."""
    with tempfile.NamedTemporaryFile(suffix=".xml") as results:
        began = time.monotonic()
        given = [f"--randomly-seed={seed}", f"--junit-xml={results.name}", *options]
        polite = [] if part.waits else ["nice"]
        command = [*polite, sys.executable, "-m", "pytest", *part.chosen, *given]
        ran = subprocess.run(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, env=environment()
        )
        outcomes, remedies = counted(Path(results.name).read_text())
        code = 0 if ran.returncode == _NO_TESTS else ran.returncode
        return Ran(part.name, time.monotonic() - began, code, ran.stdout, outcomes, remedies)


def environment() -> dict[str, str]:
    """Return the parts' environment. Each keeps bytecode: without, it would compile everything anew for ten seconds."""
    return os.environ | {"PYTHONDONTWRITEBYTECODE": ""}


def counted(results: str) -> tuple[Counter[str], Counter[str]]:
    """Count the outcomes in pytest's results (JUnit's XML), and the remedies of what was skipped."""
    outcomes, remedies = Counter[str](), Counter[str]()
    for case in ElementTree.fromstring(results or "<none/>").iter("testcase"):
        skipped = case.find("skipped")
        failed = case.find("failure") is not None or case.find("error") is not None
        outcomes["failed" if failed else "passed" if skipped is None else "skipped"] += 1
        if skipped is not None and not failed:
            remedies[remedy_of(skipped.get("message", ""))] += 1
    return outcomes, remedies


def last_line(outcomes: Counter[str], remedies: Counter[str], seconds: float) -> str:
    """Say how many tests passed, failed and were skipped, and what would bring the skipped ones."""
    counts = ", ".join(f"{outcomes[outcome]} {outcome}" for outcome in ("passed", "failed", "skipped"))
    brought = ", ".join(f"{remedy} ({count})" for remedy, count in remedies.most_common())
    return f"{counts}{': ' if brought else ''}{brought} [{seconds:.0f} s]"


def main() -> int:
    """Run everything, print each part's output when it has ended, and return the exit code."""
    parser = argparse.ArgumentParser(prog="make test")
    parser.add_argument("--seed", type=int, default=random.randrange(2**32), help="of the order of the tests")
    given, options = parser.parse_known_args()
    began = time.monotonic()
    print(f"Tests run in random order. For the same order again: make test SEED={given.seed}", flush=True)
    outcomes, remedies = Counter[str](), Counter[str]()
    broken = []
    with ThreadPoolExecutor(WAITING_AT_ONCE) as waiting, ThreadPoolExecutor(COMPUTING_AT_ONCE) as computing:
        pools = [(part, waiting if part.waits else computing) for part in parts()]
        for done in as_completed([pool.submit(run, part, given.seed, options) for part, pool in pools]):
            ran = done.result()
            output = re.sub(r"^[.sFEx]+ +\[ *\d+%\]\n", "", ran.output, flags=re.MULTILINE)
            print(f"\n=== {ran.part}, {ran.seconds:.0f} s\n{output.strip()}", flush=True)
            outcomes += ran.outcomes
            remedies += ran.remedies
            if ran.exit_code:
                broken.append(ran.part)
    print()
    if broken:
        print(f"Red: {', '.join(broken)}. The same order again: make test SEED={given.seed}")
    print(last_line(outcomes, remedies, time.monotonic() - began))
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
