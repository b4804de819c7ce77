"""The opinion of history: five outcomes in, an opinion out."""

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest

from firstline.classification.history import MEMORY, opinion
from firstline.models import EarlierIncident, Evidence, Feedback, Outcome, Severity, SourceSeverity


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
def test_what_usually_comes_of_it(
    outcomes: tuple[Outcome, ...],
    usually_nothing: bool,
    clears_itself: bool,
    ended: Callable[..., list[EarlierIncident]],
    evidence: Callable[..., Evidence],
    now: datetime,
) -> None:
    past = opinion(evidence(earlier=ended(*outcomes)), "medium", now)
    assert (past.usually_nothing is not None) is usually_nothing
    assert (past.clears_itself is not None) is clears_itself


@pytest.mark.parametrize(("decided", "usually_nothing"), [("low", True), ("medium", False), ("high", False)])
def test_what_nobody_heeded_comes_to_nothing_only_if_it_was_low(
    decided: Severity,
    usually_nothing: bool,
    ended: Callable[..., list[EarlierIncident]],
    evidence: Callable[..., Evidence],
    now: datetime,
) -> None:
    past = opinion(evidence(earlier=ended("expired", "expired", "expired", severity=decided)), "info", now)
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
def test_what_needed_people_twice_is_for_a_person_by_day(
    source: SourceSeverity,
    decided: Severity,
    at_least: Severity | None,
    ended: Callable[..., list[EarlierIncident]],
    evidence: Callable[..., Evidence],
    now: datetime,
) -> None:
    twice = ("resolved", "self_cleared", "resolved", "self_cleared")

    past = opinion(evidence(earlier=ended(*twice, severity=decided)), source, now)

    assert past.at_least == at_least
    assert (past.because == "2 of the last 4 incidents of this group needed a human") is (at_least is not None)
    once = opinion(evidence(earlier=ended(*twice[1:], severity=decided)), source, now)
    assert once.at_least is None


@pytest.mark.parametrize(
    ("source", "decided", "at_least"),
    [("medium", "high", "high"), ("high", "high", None), ("critical", "high", None), ("info", "low", "low")],
)
def test_people_had_to_act(
    source: SourceSeverity,
    decided: Severity,
    at_least: Severity | None,
    ended: Callable[..., list[EarlierIncident]],
    evidence: Callable[..., Evidence],
    now: datetime,
) -> None:
    earlier = ended("resolved", "resolved", "self_cleared", "resolved", severity=decided)
    assert opinion(evidence(earlier=earlier), source, now).at_least == at_least


def test_the_lowest_of_the_severities_that_people_acted_on_counts(
    ended: Callable[..., list[EarlierIncident]], evidence: Callable[..., Evidence], now: datetime
) -> None:
    severities: tuple[Severity, ...] = ("critical", "medium", "high")
    earlier = [
        incident.model_copy(update={"severity": severity})
        for incident, severity in zip(ended("resolved", "resolved", "resolved"), severities, strict=True)
    ]
    assert opinion(evidence(earlier=earlier), "low", now).at_least == "medium"


def test_what_is_older_than_a_month_is_no_evidence(
    ended: Callable[..., list[EarlierIncident]], evidence: Callable[..., Evidence], now: datetime
) -> None:
    past = opinion(evidence(earlier=ended(*["self_cleared"] * 5, days=31)), "info", now)
    assert past.usually_nothing is None


def test_cures_are_counted(
    ended: Callable[..., list[EarlierIncident]], evidence: Callable[..., Evidence], now: datetime
) -> None:
    earlier = ended("auto_resolved", "resolved", "auto_resolved", runbook_id="low-disk")
    assert opinion(evidence(earlier=earlier), "high", now).cures == {"low-disk": 2}


def test_the_reason_counts_in_words(
    ended: Callable[..., list[EarlierIncident]], evidence: Callable[..., Evidence], now: datetime
) -> None:
    past = opinion(evidence(earlier=ended("self_cleared", "resolved", "self_cleared", "self_cleared")), "low", now)
    assert past.clears_itself == "3 of the last 4 incidents of this group cleared by themselves"


# --- what people say of it ---


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


def test_one_real_among_the_suppressed_counts_at_once_and_is_not_outvoted(
    ended: Callable[..., list[EarlierIncident]], evidence: Callable[..., Evidence], now: datetime
) -> None:
    earlier = ended(*["suppressed"] * 20)
    earlier = [heard(incident, "noise", "noise") for incident in earlier]
    earlier[17] = heard(earlier[17], "noise", "real")

    past = opinion(evidence(earlier=earlier), "info", now)

    assert past.usually_nothing is None
    assert past.not_noise == "ana1 said that the one suppressed 18 days ago was real"


def test_only_time_takes_a_real_back(
    ended: Callable[..., list[EarlierIncident]], evidence: Callable[..., Evidence], now: datetime
) -> None:
    earlier = ended(*["suppressed"] * 4)
    earlier[3] = heard(earlier[3].model_copy(update={"opened_at": now - MEMORY - timedelta(days=1)}), "real")
    past = opinion(evidence(earlier=earlier), "info", now)
    assert past.not_noise is None
    assert past.usually_nothing is not None


def test_what_was_real_did_not_come_to_nothing(
    ended: Callable[..., list[EarlierIncident]], evidence: Callable[..., Evidence], now: datetime
) -> None:
    earlier = [heard(incident, "real") for incident in ended(*["self_cleared"] * 5)]
    past = opinion(evidence(earlier=earlier), "info", now)
    assert (past.usually_nothing, past.clears_itself, past.not_noise) == (None, None, None)


def test_what_people_call_noise_came_to_nothing_and_needed_nobody(
    ended: Callable[..., list[EarlierIncident]], evidence: Callable[..., Evidence], now: datetime
) -> None:
    earlier = [heard(incident, "noise") for incident in ended(*["resolved"] * 3)]
    past = opinion(evidence(earlier=earlier), "info", now)
    assert past.usually_nothing == "3 of the last 3 incidents of this group came to nothing"
    assert past.at_least is None
    assert past.clears_itself is None, "an opinion, and no fact: it keeps no page from going out"


@pytest.mark.parametrize(
    ("source", "said", "at_least"),
    [("low", "critical", "critical"), ("medium", "high", "high"), ("high", "low", None), ("high", "high", None)],
)
def test_one_person_who_says_that_it_should_have_been_more_is_enough(
    source: SourceSeverity,
    said: str,
    at_least: Severity | None,
    ended: Callable[..., list[EarlierIncident]],
    evidence: Callable[..., Evidence],
    now: datetime,
) -> None:
    earlier = ended("self_cleared", "resolved", severity="medium")
    earlier[1] = heard(earlier[1], said)
    past = opinion(evidence(earlier=earlier), source, now)
    assert past.at_least == at_least
    assert past.because == (f"ana0 said of the one 2 days ago that it should have been {said}" if at_least else None)


def test_people_take_back_what_history_raised(
    ended: Callable[..., list[EarlierIncident]], evidence: Callable[..., Evidence], now: datetime
) -> None:
    earlier = [heard(incident, "medium") for incident in ended(*["resolved"] * 3, severity="high")]
    assert opinion(evidence(earlier=earlier), "medium", now).at_least is None


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
        # Silence takes nothing back; somebody who agrees does.
        ([(), ("wrong_cause",)], True),
        ([("real",), ("wrong_cause",)], False),
        ([("wrong_cause",), ("real",)], True),
    ],
)
def test_the_last_word_about_a_blamed_deployment_counts(
    newest_first: list[tuple[str, ...]],
    doubted: bool,
    ended: Callable[..., list[EarlierIncident]],
    evidence: Callable[..., Evidence],
    now: datetime,
) -> None:
    outcomes = ["resolved"] * len(newest_first)
    earlier = [blamed(incident, *said) for incident, said in zip(ended(*outcomes), newest_first, strict=True)]
    past = opinion(evidence(earlier=earlier), "high", now)
    assert (past.not_the_deployment is not None) is doubted


def test_who_acquitted_the_deployment_and_what_it_was_is_told(
    ended: Callable[..., list[EarlierIncident]], evidence: Callable[..., Evidence], now: datetime
) -> None:
    incident = blamed(ended("resolved")[0], "real", "wrong_cause").model_copy(
        update={"note": "the backup of the index"}
    )
    past = opinion(evidence(earlier=[incident]), "high", now)
    assert past.not_the_deployment == "ana1 said of the one yesterday that a deployment was blamed wrongly"
    assert past.cause_instead == "the backup of the index"


def test_a_wrong_cause_that_was_no_deployment_acquits_none(
    ended: Callable[..., list[EarlierIncident]], evidence: Callable[..., Evidence], now: datetime
) -> None:
    other = heard(ended("resolved")[0], "wrong_cause")
    assert opinion(evidence(earlier=[other]), "high", now).not_the_deployment is None


def test_an_acquittal_is_forgotten_after_a_month(
    ended: Callable[..., list[EarlierIncident]], evidence: Callable[..., Evidence], now: datetime
) -> None:
    old = blamed(ended("resolved", days=31)[0], "wrong_cause")
    assert opinion(evidence(earlier=[old]), "high", now).not_the_deployment is None
