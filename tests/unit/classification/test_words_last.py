"""People's lasting words on an alert: they outlive everything else that the table keeps."""

from datetime import timedelta
from typing import Any, cast

import pytest

from firstline.adapters.dynamodb.groups import TableGroups
from firstline.adapters.dynamodb.incidents import TableIncidents
from firstline.adapters.dynamodb.table import Table
from firstline.classification import feedback_store, lasting_words
from firstline.classification.classify import assess
from firstline.classification.hold import Declared
from firstline.models import Classification, Feedback, Incident, NormalizedAlert
from firstline.policy.rules import NO_RULES
from tests.support.builders import NOON, alert, open_for
from tests.support.memory import MemoryStore

CRITICAL_BY_ITS_WORDS = {"alert_name": "LedgerDown", "message": "The ledger is down"}
NOTHING_BY_ITS_WORDS = {"alert_name": "WeeklyReport", "message": "fyi: the report is in progress"}
UNSTATED: dict[str, Any] = {"severity_stated": False}
PRESUMED: dict[str, Any] = {"severity_stated": False, "severity": "high", "presumed_from": "triggered"}


class Years:
    """A stack whose table forgets what is older than its HistoryDays, as DynamoDB does."""

    def __init__(self, history_days: int) -> None:
        self.client = MemoryStore().client
        table = Table(cast("Any", self.client), "memory", keep_days=history_days)
        self.groups, self.incidents = TableGroups(table), TableIncidents(table)

    def comes(self, day: int, what: NormalizedAlert) -> tuple[Incident, Classification]:
        """Let an alert come on a day, and judge its incident."""
        now = NOON + timedelta(days=day)
        self.client.expire(now.timestamp())
        # The alerts of earlier incidents never resolved, so each has a fingerprint of its own.
        opened = open_for(self.groups, what.model_copy(update={"timestamp": now, "fingerprint": f"day {day}"}), now=now)
        quiet = Declared(NO_RULES, silences=list, inhibitors=lambda keys: dict.fromkeys(keys, 0))
        verdict = assess(
            opened,
            incidents=self.incidents,
            declared=quiet,
            offered=lambda _: (),
            model=None,
            time_zone="UTC",
            now=now,
        ).classification
        return opened, verdict

    def says(self, opened: Incident, verdict: Classification, severity: Any, said: Any = "word") -> None:
        """Let a person say how bad an alert is each time that it comes; with another `said`, how bad it was now."""
        by = {"person": "slack:U1", "by": "Ann", "at": opened.opened_at + timedelta(minutes=1)}
        answer = Feedback(said=said, severity=severity, **by)
        if said == "word":
            assert verdict.subject is not None
            assert self.incidents.save_word(lasting_words.word_of(answer, verdict.subject, approver=False))
        feedback_store.save_feedback(opened.incident_id, answer, incidents=self.incidents)

    def ends(self, opened: Incident, outcome: Any = "resolved") -> None:
        now = opened.opened_at + timedelta(minutes=5)
        assert self.incidents.close(opened, None, outcome, "because", [], now, joined=1)


@pytest.mark.parametrize("history_days", [1, 90])
@pytest.mark.parametrize("stated", [UNSTATED, PRESUMED], ids=["nothing stated", "a state stated"])
@pytest.mark.parametrize(
    ("words", "said", "then"),
    [
        (CRITICAL_BY_ITS_WORDS, "low", [("noise", None, "self_cleared"), ("real", None, "resolved")]),
        (CRITICAL_BY_ITS_WORDS, "low", [("wrong_cause", None, "resolved")] * 4),
        (NOTHING_BY_ITS_WORDS, "critical", [("noise", None, "self_cleared")] * 4),
        (NOTHING_BY_ITS_WORDS, "critical", []),
        (CRITICAL_BY_ITS_WORDS, "low", []),
    ],
)
def test_a_word_holds_on_day_1_and_on_day_100_whatever_people_say_of_others_in_between(
    history_days: int, stated: Any, words: Any, said: str, then: list[tuple[Any, Any, Any]]
) -> None:
    stack = Years(history_days)
    this = alert(**words, **stated, environment="prod")
    opened, first = stack.comes(0, this)
    assert first.asks
    stack.says(opened, first, said)
    stack.ends(opened)
    next_day, verdict = stack.comes(1, this)
    assert (verdict.severity, verdict.decided_by) == (said, "people")
    stack.ends(next_day)

    # Answers on other incidents of the same alert ...
    opposite = "critical" if said == "low" else "low"
    for number, (answer, severity, outcome) in enumerate(then):
        again, verdict = stack.comes(20 + number, this.model_copy(update={"group_key": f"group-{number % 2 + 1}"}))
        assert verdict.severity == said
        stack.says(again, verdict, severity, answer)
        stack.ends(again, outcome)
    # ... and the opposite word on an alert of another environment, source or name.
    for number, other in enumerate(({"environment": "dev"}, {"source": "other"}, {"alert_name": "LedgerDownAgain"})):
        kind = this.model_copy(update={**other, "group_key": f"other-{number}"})
        elsewhere, verdict = stack.comes(30 + number, kind)
        stack.says(elsewhere, verdict, opposite)
        stack.ends(elsewhere)

    _, last = stack.comes(100, this)

    assert (last.severity, last.decided_by, last.asks) == (said, "people", False)
    assert last.word is not None
    assert last.word.at == NOON + timedelta(minutes=1)
