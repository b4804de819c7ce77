"""Every shipped runbook, run on a host that has the fault: it cures and verifies, or undoes and leaves it to a human.

Most of the time is waiting, as on a real host, so the scenarios run side by side; each has a host of its own.
"""

import subprocess
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from threading import Lock

import pytest

from firstline.remediation.plan import parameter_values
from firstline.runbooks.catalogue import Catalogue
from firstline.runbooks.documents import render_script
from firstline_cli.lint.scripts import SHELLCHECK
from local.emulator.commands import LIST_OUTPUT_CHARACTERS
from local.emulator.hosts import HOST_FILES, Host
from local.rehearsal.rehearse import SCENARIOS, Rehearsal, Scenario, rehearse, scenarios
from tests.runbooks.conftest import CHECKOUT, ON_HOSTS, SCENARIO_FOLDERS, SHIPPED, StartHost, wanted_of

AT_ONCE = 8
ALL = [scenario for runbook_id in SHIPPED for scenario in scenarios(runbook_id, *SCENARIO_FOLDERS)]


TREE = "find / /data -xdev -not -path '/tmp*' -printf '%p %s %T@ %m\\n' | sort"

NEEDED_ONCE = {
    "conntrack-full",
    "high-swap",
    "low-inodes",
    "low-disk",
    "journal-size",
    "file-descriptors",
    "oom-victims",
}
"""The runbooks that find nothing left to do in a second run."""


def named(scenario: Scenario) -> str:
    """Return the name of a scenario in reports."""
    return f"{scenario.runbook_id}/{scenario.name}"


@dataclass(frozen=True)
class Played:
    """A played scenario, with the second run on the cured host for runbooks in `NEEDED_ONCE`."""

    first: Rehearsal
    second: Rehearsal | None


def play(scenario: Scenario, host: Host) -> Played:
    """Play a scenario on a host, which it ends, and for some runbooks a second run."""
    runbook = SHIPPED[scenario.runbook_id]
    values, problem = parameter_values(runbook, runbook.examples.match[0].as_alert())
    assert problem is None
    # What cannot be cured need not be asked again and again.
    attempts = 1 if scenario.ending == "not cured" else 4
    first = rehearse(runbook, values, host, scenario=scenario, most_attempts=attempts)
    second = None
    if runbook.id in NEEDED_ONCE and scenario.ending == "cured":
        second = rehearse(runbook, values | dict(scenario.settings), host, most_attempts=1)
    host.close()
    return Played(first, second)


@pytest.fixture(scope="module")
def plays(request: pytest.FixtureRequest, start_host: StartHost) -> Iterator[dict[str, Future[Played]]]:
    """Start to play the selected scenarios side by side; yield their futures by name."""
    one_by_one = Lock()

    def start_and_play(scenario: Scenario) -> Played:
        with one_by_one:
            host = start_host()
        return play(scenario, host)

    with ThreadPoolExecutor(AT_ONCE) as pool:
        # The longest first: they would otherwise be waited for alone at the end.
        slow = ("runaway-process", "log-flood", "crash-loop", "dead-service")
        ordered = sorted(wanted_of(request, "scenario", ALL), key=lambda scenario: scenario.runbook_id not in slow)
        yield {named(scenario): pool.submit(start_and_play, scenario) for scenario in ordered}


@pytest.mark.parametrize("runbook_id", ON_HOSTS)
def test_every_runbook_has_a_scenario_for_each_of_its_ends(runbook_id: str) -> None:
    endings = {scenario.ending for scenario in ALL if scenario.runbook_id == runbook_id}
    only_looks = all(step.kind == "diagnose" for step in SHIPPED[runbook_id].steps)
    wanted = {"evidence"} if only_looks else {"cured", "not cured"}
    where = " and ".join(f"{folder.relative_to(CHECKOUT)}/{runbook_id}" for folder in SCENARIO_FOLDERS)
    assert wanted <= endings, f"no scenario in {where} ends {', '.join(wanted - endings)}"


def test_every_folder_of_scenarios_belongs_to_a_runbook(shipped: Catalogue) -> None:
    assert {folder.name for folder in SCENARIOS.iterdir()} <= set(shipped)


@pytest.mark.parametrize("scenario", ALL, ids=named)
def test_a_runbook_ends_as_its_scenario_says(scenario: Scenario, plays: dict[str, Future[Played]]) -> None:
    rehearsal = plays[named(scenario)].result().first
    story = "\n".join(
        f"{attempt.when} {attempt.step_id}: {attempt.ran.exit_code}\n{attempt.ran.stdout}{attempt.ran.stderr}"
        for attempt in rehearsal.tried
    )

    # The verify sees the fault, or its success would mean nothing.
    assert not any(attempt.succeeded for attempt in rehearsal.of("before")), story
    assert rehearsal.ending == scenario.ending, story
    assert rehearsal.after is not None
    assert rehearsal.after.exit_code == 0, f"{story}\nafter: {rehearsal.after}"
    # Whoever reads it later finds what every step did, and why.
    assert all(attempt.ran.stdout + attempt.ran.stderr for attempt in rehearsal.tried), story
    # Systems Manager shows the beginning of an output: only if that is all of it do people read its end.
    assert all(len(attempt.ran.stdout + attempt.ran.stderr) < LIST_OUTPUT_CHARACTERS for attempt in rehearsal.tried), (
        story
    )


def test_a_failed_runbook_is_undone_where_its_steps_can_be(
    plays: dict[str, Future[Played]], shipped: Catalogue
) -> None:
    for scenario in ALL:
        if scenario.ending != "not cured":
            continue
        undone = [play.step_id for play in plays[named(scenario)].result().first.of("rollback")]
        assert undone == [step.id for step in shipped[scenario.runbook_id].rollback], named(scenario)


def test_a_second_run_does_no_harm_to_what_the_first_cured(plays: dict[str, Future[Played]]) -> None:
    for runbook_id in NEEDED_ONCE:
        second = plays[f"{runbook_id}/cured"].result().second
        assert second is not None
        # It may find nothing to do and say so; nothing of the cure is taken back by it.
        assert all(attempt.succeeded for attempt in second.of("before") + second.of("verify")), runbook_id


def test_undoing_what_was_never_done_changes_nothing(start_host: StartHost) -> None:
    host = start_host()
    before = host.run(TREE).stdout

    codes = {step.id: host.run(render_script(step)).exit_code for book in SHIPPED.values() for step in book.rollback}

    assert codes
    assert set(codes.values()) == {0}
    assert host.run(TREE).stdout == before


def test_shellcheck_has_nothing_to_say_about_scenarios_and_stand_ins() -> None:
    files = [*SCENARIOS.rglob("*.sh"), *(HOST_FILES / "lib").iterdir(), *(HOST_FILES / "bin").iterdir()]
    # A scenario is a part of a script: what it sources is on the host, and what it reads comes from outside.
    excluded = "--exclude=SC1091,SC2154,SC2034,SC2016,SC1113,SC2096"
    done = subprocess.run(
        [SHELLCHECK, "--shell=bash", excluded, *map(str, files)], capture_output=True, text=True, check=False
    )
    assert done.stdout == ""
