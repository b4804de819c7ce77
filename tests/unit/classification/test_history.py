"""The opinion of history on an alert, by the outcomes of its group's earlier incidents and people's answers."""

from collections.abc import Callable
from datetime import datetime

import pytest

from firstline.classification.history import MEMORY, Opinion, opinion
from firstline.models import EarlierIncident, Evidence, Feedback, Outcome, Severity, SourceSeverity

type Ended = Callable[..., list[EarlierIncident]]
type LookBack = Callable[[list[EarlierIncident], SourceSeverity], Opinion]


@pytest.fixture
def look_back(evidence: Callable[..., Evidence], now: datetime) -> LookBack:
    """Form the opinion of history on an alert, from its group's earlier incidents and its source's severity."""
    return lambda earlier, source: opinion(evidence(earlier=earlier), source, now)


@pytest.mark.parametrize(
    ("outcomes", "usually_nothing", "clears_itself"),
    [
        ((), False, False),
        (("self_cleared", "self_cleared"), False, False),
        (("self_cleared", "self_cleared", "self_cleared"), True, True),
        (("suppressed", "suppressed", "self_cleared"), True, False),
        (("suppressed",) * 5, True, False),
        (("resolved", "self_cleared", "resolved", "self_cleared", "self_cleared"), True, True),
        # Only the last five count: the pattern has ended.
        (("resolved", "resolved", "resolved", "self_cleared", "self_cleared", "self_cleared"), False, False),
        (("expired", "auto_resolved", "auto_resolved"), False, False),
    ],
)
def test_three_of_the_last_five_incidents_make_a_pattern(
    outcomes: tuple[Outcome, ...],
    usually_nothing: bool,
    clears_itself: bool,
    ended: Ended,
    look_back: LookBack,
) -> None:
    past = look_back(ended(*outcomes), "medium")
    assert (past.usually_nothing is not None) is usually_nothing
    assert (past.clears_itself is not None) is clears_itself


@pytest.mark.parametrize(("decided", "usually_nothing"), [("low", True), ("medium", False), ("high", False)])
def test_expired_incidents_came_to_nothing_only_if_they_were_low(
    decided: Severity,
    usually_nothing: bool,
    ended: Ended,
    look_back: LookBack,
) -> None:
    past = look_back(ended("expired", "expired", "expired", severity=decided), "info")
    assert (past.usually_nothing is not None) is usually_nothing
    assert past.clears_itself is None


@pytest.mark.parametrize(
    ("source", "decided", "at_least"),
    [
        ("info", "high", "medium"),
        ("low", "medium", "medium"),
        ("info", "low", None),
        ("medium", "high", None),
        ("high", "critical", None),
    ],
)
def test_a_group_that_needed_people_twice_is_at_least_medium(
    source: SourceSeverity,
    decided: Severity,
    at_least: Severity | None,
    ended: Ended,
    look_back: LookBack,
) -> None:
    twice = ("resolved", "self_cleared", "resolved", "self_cleared")

    past = look_back(ended(*twice, severity=decided), source)

    assert past.at_least == at_least
    assert (past.because == "2 of the last 4 incidents of this group needed a human") is (at_least is not None)
    once = look_back(ended(*twice[1:], severity=decided), source)
    assert once.at_least is None


@pytest.mark.parametrize(
    ("source", "decided", "at_least"),
    [("medium", "high", "high"), ("high", "high", None), ("critical", "high", None), ("info", "low", "low")],
)
def test_a_group_that_needed_people_three_times_gets_the_severity_at_which_they_acted(
    source: SourceSeverity,
    decided: Severity,
    at_least: Severity | None,
    ended: Ended,
    look_back: LookBack,
) -> None:
    earlier = ended("resolved", "resolved", "self_cleared", "resolved", severity=decided)
    assert look_back(earlier, source).at_least == at_least


def test_the_lowest_of_the_severities_that_people_acted_on_counts(ended: Ended, look_back: LookBack) -> None:
    severities: tuple[Severity, ...] = ("critical", "medium", "high")
    earlier = [
        incident.model_copy(update={"severity": severity})
        for incident, severity in zip(ended("resolved", "resolved", "resolved"), severities, strict=True)
    ]
    assert look_back(earlier, "low").at_least == "medium"


def test_incidents_older_than_a_month_are_no_evidence(ended: Ended, look_back: LookBack) -> None:
    past = look_back(ended(*["self_cleared"] * 5, days=31), "info")
    assert past.usually_nothing is None


def test_cures_are_counted(ended: Ended, look_back: LookBack) -> None:
    earlier = ended("auto_resolved", "resolved", "auto_resolved", runbook_id="low-disk")
    assert look_back(earlier, "high").cures == {"low-disk": 2}


def test_the_reason_says_how_many_of_the_last_incidents_make_the_pattern(ended: Ended, look_back: LookBack) -> None:
    past = look_back(ended("self_cleared", "resolved", "self_cleared", "self_cleared"), "low")
    assert past.clears_itself == "3 of the last 4 incidents of this group cleared by themselves"


# --- people's answers ---


def heard(incident: EarlierIncident, *said: str, person: str = "slack:U") -> EarlierIncident:
    """Return the incident with people's answers: `real`, `noise`, `wrong_cause`, or a severity."""
    words = [
        Feedback.model_validate(
            {
                "person": f"{person}{number}",
                "by": f"ana{number}",
                "said": what if what in ("real", "noise", "wrong_cause") else "wrong_severity",
                "severity": None if what in ("real", "noise", "wrong_cause") else what,
                "at": incident.closed_at,
            }
        )
        for number, what in enumerate(said)
    ]
    return incident.model_copy(update={"feedback": words})


def test_one_person_who_calls_a_suppressed_incident_real_outweighs_all_who_call_it_noise(
    ended: Ended, look_back: LookBack
) -> None:
    earlier = [heard(incident, "noise", "noise") for incident in ended(*["suppressed"] * 20)]
    earlier[17] = heard(earlier[17], "noise", "real")

    past = look_back(earlier, "info")

    assert past.usually_nothing is None
    assert past.not_noise == "ana1 said that the incident suppressed 18 days ago was real"


def test_an_answer_real_of_more_than_a_month_ago_no_longer_counts(ended: Ended, look_back: LookBack) -> None:
    earlier = ended(*["suppressed"] * 4)
    earlier[3] = heard(earlier[3].model_copy(update={"opened_at": earlier[3].opened_at - MEMORY}), "real")
    past = look_back(earlier, "info")
    assert past.not_noise is None
    assert past.usually_nothing is not None


def test_incidents_that_people_called_real_did_not_come_to_nothing(ended: Ended, look_back: LookBack) -> None:
    earlier = [heard(incident, "real") for incident in ended(*["self_cleared"] * 5)]
    past = look_back(earlier, "info")
    assert (past.usually_nothing, past.clears_itself, past.not_noise) == (None, None, None)


def test_incidents_that_people_called_noise_came_to_nothing_and_needed_nobody(
    ended: Ended, look_back: LookBack
) -> None:
    earlier = [heard(incident, "noise") for incident in ended(*["resolved"] * 3)]
    past = look_back(earlier, "info")
    assert past.usually_nothing == "3 of the last 3 incidents of this group came to nothing"
    assert past.at_least is None
    assert past.clears_itself is None, "answers do not prove that incidents clear by themselves"


@pytest.mark.parametrize(
    ("source", "said", "at_least"),
    [("low", "critical", "critical"), ("medium", "high", "high"), ("high", "low", None), ("high", "high", None)],
)
def test_one_person_who_names_a_higher_severity_is_enough(
    source: SourceSeverity,
    said: str,
    at_least: Severity | None,
    ended: Ended,
    look_back: LookBack,
) -> None:
    earlier = ended("self_cleared", "resolved", severity="medium")
    earlier[1] = heard(earlier[1], said)
    past = look_back(earlier, source)
    assert past.at_least == at_least
    assert past.because == (f"ana0 said that the incident 2 days ago should have been {said}" if at_least else None)


def test_people_who_name_a_lower_severity_undo_what_history_raised(ended: Ended, look_back: LookBack) -> None:
    earlier = [heard(incident, "medium") for incident in ended(*["resolved"] * 3, severity="high")]
    assert look_back(earlier, "medium").at_least is None


def blamed(incident: EarlierIncident, *said: str) -> EarlierIncident:
    """Return the incident with a blamed deployment and these answers of people."""
    return heard(incident, *said).model_copy(update={"blamed_deployment": True})


@pytest.mark.parametrize(
    ("newest_first", "doubted"),
    [
        ([("wrong_cause",)], True),
        ([("real", "wrong_cause")], True),
        ([("real",)], False),
        ([()], False),
        # An incident without answers takes nothing back; an answer `real` does.
        ([(), ("wrong_cause",)], True),
        ([("real",), ("wrong_cause",)], False),
        ([("wrong_cause",), ("real",)], True),
    ],
)
def test_the_newest_answers_on_a_blamed_deployment_count(
    newest_first: list[tuple[str, ...]],
    doubted: bool,
    ended: Ended,
    look_back: LookBack,
) -> None:
    outcomes = ["resolved"] * len(newest_first)
    earlier = [blamed(incident, *said) for incident, said in zip(ended(*outcomes), newest_first, strict=True)]
    past = look_back(earlier, "high")
    assert (past.not_the_deployment is not None) is doubted


def test_the_opinion_says_who_acquitted_the_deployment_and_what_the_cause_was(
    ended: Ended, look_back: LookBack
) -> None:
    incident = blamed(ended("resolved")[0], "real", "wrong_cause").model_copy(
        update={"note": "the backup of the index"}
    )
    past = look_back([incident], "high")
    assert past.not_the_deployment == "ana1 said that the incident yesterday was not caused by a deployment"
    assert past.cause_instead == "the backup of the index"


def test_a_wrong_cause_of_an_incident_that_blamed_no_deployment_acquits_none(ended: Ended, look_back: LookBack) -> None:
    other = heard(ended("resolved")[0], "wrong_cause")
    assert look_back([other], "high").not_the_deployment is None


def test_an_acquittal_is_forgotten_after_a_month(ended: Ended, look_back: LookBack) -> None:
    old = blamed(ended("resolved", days=31)[0], "wrong_cause")
    assert look_back([old], "high").not_the_deployment is None
