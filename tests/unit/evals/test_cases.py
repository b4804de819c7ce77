"""The cases are readable, of every kind, and their truths name things that exist."""

import shutil
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from evals.cases import KINDS, Case, Declared, read
from evals.classifiers import Classifier, Obedient, Policy, rules_only
from firstline.errors import ConfigurationError
from firstline.runbooks import match


def test_there_are_enough_cases_of_every_kind(cases: list[Case]) -> None:
    kinds = Counter(case.kind for case in cases)
    assert len(cases) >= 120
    assert set(kinds) == set(KINDS)
    assert min(kinds.values()) >= 9


def test_no_two_cases_have_the_same_text(cases: list[Case]) -> None:
    texts = Counter((case.incident.alert.message, case.truth.why) for case in cases)
    assert max(texts.values()) == 1


def test_the_cases_come_from_six_sources(cases: list[Case]) -> None:
    assert len({case.incident.alert.source for case in cases}) == 6


def test_runbooks_that_are_right_exist_and_are_offered(cases: list[Case]) -> None:
    runbooks = Policy.of().runbooks
    for case in cases:
        assert set(case.truth.never) <= set(runbooks), case.name
        if case.truth.runbook is not None:
            offered = {found.id for found in match.offered(runbooks, case.incident.alert)}
            assert case.truth.runbook in offered, case.name


def test_earlier_incidents_are_read_with_their_runbook_and_an_age_that_counts_back_from_now() -> None:
    case = read(Path("evals/cases/recurring/session-cache-eats-memory-again"))  # {ago: 4d, times: 4, ...}

    assert [(case.now - incident.opened_at).days for incident in case.evidence.earlier] == [4, 8, 12, 16]
    assert case.evidence.earlier[0].runbook_id == "high-memory"


def test_the_alert_of_a_case_has_the_host_of_its_body() -> None:
    assert read(Path("evals/cases/recurring/session-cache-eats-memory-again")).incident.alert.host == "sess-4"


def test_a_case_has_the_local_clock_and_the_deployments_of_its_files() -> None:
    # now: 2026-03-10T10:56:00+01:00, time_zone: Europe/Berlin, and two deployments
    in_berlin = read(Path("evals/cases/real/payments-fail-after-the-release"))
    assert in_berlin.evidence.local_time.strftime("%H:%M") == "10:56"
    assert [deployment.service for deployment in in_berlin.evidence.deployments] == ["payments", "newsletter"]


def test_what_could_not_be_read_is_missing_from_the_evidence() -> None:
    # unreadable: [alerts, earlier, deployments]
    case = read(Path("evals/cases/missing-data/the-table-could-not-be-read"))

    assert len(case.evidence.missing) == 3
    assert case.evidence.earlier == []


def test_without_history_an_incident_is_met_for_the_first_time() -> None:
    case = read(Path("evals/cases/recurring/quiet-words-loud-history"))

    assert case.without_history().evidence.earlier == []
    assert case.evidence.earlier


def write(folder: Path, **files: str) -> Path:
    folder.mkdir(parents=True)
    contents = {
        "alert": "source: generic\nalert: {alert_name: A, message: b, severity: high}",
        "evidence": "now: 2026-03-01T12:00:00Z",
        "truth": "{severity: high, cause: unknown, runbook: null, why: because it is so}",
    }
    for name, content in (contents | files).items():
        (folder / f"{name}.yaml").write_text(content, encoding="utf-8")
    return folder


@pytest.mark.parametrize(
    ("fields", "severity", "stated"),
    [("alert_name: A, message: b, severity: high", "high", True), ("alert_name: A, message: b", "medium", False)],
)
def test_an_alert_of_our_shape_needs_a_name_and_a_message(
    tmp_path: Path, fields: str, severity: str, stated: bool
) -> None:
    case = read(write(tmp_path / "real" / "one", alert=f"source: generic\nalert: {{{fields}}}"))

    assert case.name == "real/one"
    assert (case.incident.alert.severity, case.incident.alert.severity_stated) == (severity, stated)


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"truth": "{severity: awful, cause: unknown, runbook: null, why: because it is so}"}, "truth.yaml: severity"),
        ({"evidence": "{now: 2026-03-01T12:00:00Z, deploys: []}"}, "evidence.yaml: deploys"),
        ({"evidence": "{now: 2026-03-01T12:00:00Z, deployments: [{service: a, version: b, ago: soon}]}"}, "12m"),
        ({"evidence": "{now: ["}, "evidence.yaml: not readable as YAML"),
        ({"alert": "source: generic"}, "give either `body`"),
        ({"alert": "source: generic\nbody: {nothing: here}"}, "alert.yaml: generic: an alert has no name"),
        ({"alert": "source: generic\nbody: {alert_name: A, status: resolved}"}, "no firing alert"),
        ({"alert": "source: generic\nalert: {alert_name: A}"}, "alert.yaml: message"),
    ],
)
def test_a_mistake_is_named_with_its_file(tmp_path: Path, files: dict[str, str], message: str) -> None:
    folder = write(tmp_path / "real" / "wrong", **files)
    with pytest.raises(ConfigurationError, match=message):
        read(folder)


def test_a_missing_file_and_an_unknown_kind_are_refused(tmp_path: Path) -> None:
    folder = write(tmp_path / "real" / "half")
    (folder / "evidence.yaml").unlink()
    with pytest.raises(ConfigurationError, match="not found; a case has three files"):
        read(folder)
    with pytest.raises(ConfigurationError, match="surreal is no kind of case; move it to one of real, noise"):
        read(write(tmp_path / "surreal" / "one"))


def test_what_people_said_of_earlier_incidents_is_read() -> None:
    two, woken = (
        read(Path("evals/cases/recurring") / name) for name in ("two-people-disagree", "people-wanted-to-be-woken")
    )

    assert [(word.by, word.said, word.severity) for word in two.evidence.earlier[0].feedback] == [
        ("Anna", "noise", None),
        ("Ben", "real", None),
    ]
    assert [(word.said, word.severity) for word in woken.evidence.earlier[0].feedback] == [("wrong_severity", "high")]


def test_what_a_cases_owners_declared_stands_before_the_projects_rules() -> None:
    policy = Policy.of()
    patch_night = read(Path("evals/cases/no-fault/a-database-restarts-on-patch-night"))
    bound = read(Path("evals/cases/no-fault/failover-exercise-with-a-bound"))

    assert patch_night.declared.before(policy.rules).maintenance[0].id == "patch-night"
    assert patch_night.declared.before(policy.rules).rules == policy.rules.rules
    assert rules_only(policy).judge(bound).classification.severity == "low"
    assert rules_only(policy).judge(replace(bound, declared=Declared())).classification.severity == "high"


def test_a_model_is_asked_about_a_silenced_incident_only_without_its_silence() -> None:
    policy = Policy.of()
    silenced = read(Path("evals/cases/no-fault/silenced-until-the-disk-comes"))

    found = Classifier("obedient", policy, lambda case: Obedient()).judge(silenced)

    assert found.hold is not None
    assert (found.hold.by, found.hold.id) == ("silence", "log-2-grows")
    assert not found.asked_model
    without_silence = replace(silenced, declared=Declared())
    loud = Classifier("obedient", policy, lambda case: Obedient()).judge(without_silence)
    assert (loud.hold, loud.asked_model) == (None, True)


def test_an_invalid_declaration_is_named_with_its_file_and_key(tmp_path: Path) -> None:
    folder = tmp_path / "real" / "case"
    shutil.copytree("evals/cases/real/the-silence-is-over", folder)
    (folder / "declared.yaml").write_text("silences: [{id: x}]")

    with pytest.raises(ConfigurationError, match=r"declared.yaml: silences.0.match"):
        read(folder)
