"""`python -m local try`: what it shows and runs, and what it answers when a trial is impossible."""

import json
import shutil
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from typer.testing import CliRunner

from local.cli import app
from local.rehearsal import trial
from local.rehearsal.trial import CannotTry, try_runbook
from tests.runbooks.conftest import RUNBOOKS, StartHost


def tried(runbook_id: str, folder: Path = RUNBOOKS, **options: object) -> tuple[bool, str]:
    """Return whether a trial went well, and what it printed."""
    console = Console(file=StringIO(), width=160)
    well = try_runbook(console, folder, runbook_id, **options)  # type: ignore[arg-type]
    assert isinstance(console.file, StringIO)
    return well, console.file.getvalue()


@pytest.fixture
def sandbox(start_host: StartHost) -> None:
    """Skip the test where no host can be started."""
    start_host().close()


@pytest.mark.usefixtures("sandbox")
def test_without_a_file_the_first_example_is_tried_on_a_host_that_has_the_fault() -> None:
    well, shown = tried("low-disk")

    assert well
    assert "NodeFilesystemAlmostOutOfSpace on web-1" in shown
    assert "cured: A log that logrotate knows has filled /data" in shown
    assert shown.index("verify, before anything is done") < shown.index("find-biggest ─") < shown.index("Cured:")
    assert "rotated the logs of /etc/logrotate.d/app" in shown


@pytest.mark.usefixtures("sandbox")
def test_a_scenario_that_cannot_be_cured_is_undone_and_that_is_as_it_should_be() -> None:
    well, shown = tried("conntrack-full", scenario_name="not-cured")

    assert well
    assert "Not cured: a human is called, with all of the above. The steps were undone." in shown


@pytest.mark.usefixtures("sandbox")
def test_a_trial_on_a_sound_host_does_nothing_and_verify_holds() -> None:
    well, shown = tried("package-cache", scenario_name="none")

    assert well
    assert "verification holds already: nothing was done" in shown


@pytest.mark.usefixtures("sandbox")
def test_a_runbook_that_does_not_cure_its_scenario_is_not_well(tmp_path: Path) -> None:
    # Given a runbook whose act has lost its line
    text = (RUNBOOKS / "container-images.yaml").read_text()
    (tmp_path / "container-images.yaml").write_text(text.replace('"$engine" image prune', "echo would prune"))

    well, shown = tried("container-images", tmp_path)

    assert not well
    assert "By the scenario's name, this ending is expected: cured." in shown


@pytest.mark.parametrize(("scenario_name", "told"), [(None, True), ("none", False)])
def test_a_runbook_without_a_scenario_is_told_before_anything_runs(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, scenario_name: str | None, *, told: bool
) -> None:
    text = (RUNBOOKS / "look-cpu.yaml").read_text()
    (tmp_path / "look-new.yaml").write_text(text.replace("id: look-cpu", "id: look-new"))
    monkeypatch.setattr(trial, "_run", lambda console, *_: console.print("RUN") or True)

    _, shown = tried("look-new", tmp_path, scenario_name=scenario_name)

    assert shown.rstrip().endswith("RUN")
    assert ("look-new has no scenario, so nothing is broken on the host" in shown) == told


def test_a_dry_run_shows_plan_and_scripts_and_starts_no_host(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trial, "Hosts", None)

    well, shown = tried("crash-loop", dry_run=True)

    assert well
    assert "act as root, at most 300 s" in shown
    assert "shop.service" in shown
    assert 'systemctl stop -- "$unit"' in shown


@pytest.mark.parametrize("dry_run", [True, False])
def test_a_trial_of_a_release_shows_what_is_looked_up_and_says_that_this_is_all(
    monkeypatch: pytest.MonkeyPatch, dry_run: bool
) -> None:
    monkeypatch.setattr(trial, "Hosts", None)

    well, shown = tried("release-rollback", dry_run=dry_run)

    assert well == dry_run, "without a host only a dry run goes well"
    assert "what CodeDeploy released at most 120 minutes before: application shop" in shown
    assert "deployment_group production" in shown
    assert "There is no host to try it on" in shown


def test_an_alert_comes_from_a_file_with_the_keys_of_an_example(tmp_path: Path) -> None:
    file = tmp_path / "alert.yaml"
    file.write_text("alert: SystemdUnitFailed\nlabels: {name: billing.service}\nhost: '$(id)'\n")

    _, shown = tried("dead-service", alert_file=file, dry_run=True)

    assert "billing.service" in shown


def test_an_alert_comes_as_its_sender_sends_it(tmp_path: Path) -> None:
    file = tmp_path / "body.json"
    alert = {
        "status": "firing",
        "labels": {"alertname": "SystemdUnitFailed", "name": "billing.service", "instance": "web-7:9100"},
        "annotations": {},
        "startsAt": "2026-03-02T12:00:00Z",
        "endsAt": "0001-01-01T00:00:00Z",
        "generatorURL": "",
        "fingerprint": "0123456789abcdef",
    }
    body: dict[str, Any] = {"version": "4", "groupKey": "{}", "status": "firing", "receiver": "firstline"}
    body["alerts"] = [alert]
    body |= {"groupLabels": {}, "commonLabels": {}, "commonAnnotations": {}, "externalURL": "", "truncatedAlerts": 0}
    file.write_text(json.dumps(body))

    _, shown = tried("dead-service", alert_file=file, source="prometheus", dry_run=True)

    assert "SystemdUnitFailed on web-7" in shown
    assert "billing.service" in shown


@pytest.mark.parametrize(
    ("runbook_id", "alert", "options", "answer"),
    [
        ("low-dsk", None, {}, "There is no runbook 'low-dsk'; did you mean low-disk"),
        (
            "low-disk",
            None,
            {"scenario_name": "flood"},
            "low-disk has no scenario 'flood'; choose from cured, cured-owners-folder, cured-pattern, not-cured,",
        ),
        (
            "low-disk",
            "alert: HostOutOfInodes",
            {},
            "low-disk does not fit the alert 'HostOutOfInodes'; low-inodes does",
        ),
        (
            "low-disk",
            "alert: HostOutOfDiskSpace",
            {},
            "low-disk cannot be planned for the alert 'HostOutOfDiskSpace': the alert has no labels.mountpoint",
        ),
        (
            "low-disk",
            "alert: HostOutOfDiskSpace\nlabels: {mountpoint: /data;id}",
            {},
            "for the alert 'HostOutOfDiskSpace': the alert's labels.mountpoint '/data;id' does not fit",
        ),
        ("low-disk", "alrt: x", {}, "this is no YAML with the keys of a runbook's examples"),
        ("low-disk", "{}", {"source": "prometheus"}, "--alert is no body of --source prometheus"),
        ("low-disk", "[", {"source": "prometheus"}, "--alert is no body of --source prometheus"),
    ],
)
def test_a_trial_that_is_impossible_says_why(
    tmp_path: Path, runbook_id: str, alert: str | None, options: dict[str, Any], answer: str
) -> None:
    file = None
    if alert is not None:
        file = tmp_path / "alert"
        file.write_text(alert)

    with pytest.raises(CannotTry) as caught:
        tried(runbook_id, alert_file=file, **options)

    assert answer in str(caught.value)


def test_the_command_ends_with_2_and_the_reason() -> None:
    done = CliRunner().invoke(app, ["try", "low-dsk"])

    assert done.exit_code == 2
    assert "did you mean low-disk" in done.stderr


def test_a_wrong_runbook_is_told_with_its_line(tmp_path: Path) -> None:
    shutil.copy(RUNBOOKS / "low-disk.yaml", tmp_path)
    (tmp_path / "broken.yaml").write_text("id: broken\n")

    with pytest.raises(CannotTry, match=r"broken\.yaml:1: title: is missing; add it"):
        tried("low-disk", tmp_path)
