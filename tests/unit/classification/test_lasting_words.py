"""People's lasting words by a click in Slack: who is asked, who may drop an alert, and which word counts."""

from datetime import timedelta
from typing import Any

import pytest

from firstline.channels.slack import render
from firstline.classification.feedback_store import MAX_ANSWERS
from firstline.models import AlertKind, Feedback, IncidentRecord, Word
from firstline.people.buttons import Press
from tests.support.builders import INCIDENT_ID, NOW, a_classification, a_notification, a_record, an_alert, an_incident
from tests.support.memory import MemoryChannel, MemoryExecutions, MemoryStore
from tests.support.operating import press_handler

SUBJECT = AlertKind(source="cloudwatch", alert_name="orders-5xx", environment="prod", template="orders <n>: errors")
LATER = NOW + timedelta(minutes=9)
APPROVER = "U7"


def unjudged(severity: Any = "medium", **changes: Any) -> IncidentRecord:
    """Return an open incident with a message, whose alert has no stated severity and no word yet."""
    incident = an_incident(an_alert(severity="medium", severity_stated=False))
    classification = a_classification(severity=severity, subject=SUBJECT)
    return a_record(
        incident, **{"classification": classification, "slack_channel": "alerts:C1", "slack_ts": "1.2"} | changes
    )


class Channel:
    """A channel in Slack with the message of one incident, and the store behind it.

    `word` and `severity` are the word that the store keeps on the incident's alert; `whispers` are the private replies.
    """

    def __init__(self, record: IncidentRecord) -> None:
        self.store = MemoryStore(record)
        self.slack = MemoryChannel()
        self.whispers: list[str] = []

    def _whisper(self, channel: str, user: str, text: str, link: object = None) -> None:
        self.whispers.append(text)

    def press(
        self, answer: str, button: Any = "word", *, user: str = "U1", subject: str = SUBJECT.key, minutes: int = 9
    ) -> None:
        channels = {"slack": self.slack}
        press_handler(self.store, MemoryExecutions(), channels, APPROVER, whisper=self._whisper).handle(
            Press(button, INCIDENT_ID, user, f"user {user}", "C1", answer=answer, subject=subject),
            NOW + timedelta(minutes=minutes),
        )

    @property
    def word(self) -> Word | None:
        return self.store.incidents.word_on(SUBJECT)

    @property
    def severity(self) -> str | None:
        return self.word.severity if self.word else None


def buttons(record: IncidentRecord, kind: Any = "needs_human", **options: Any) -> dict[str, str]:
    blocks = render(a_notification(kind, record), **options)["blocks"]
    elements = [element for block in blocks if block["type"] == "actions" for element in block["elements"]]
    return {element["action_id"]: element["value"] for element in elements if element["action_id"].startswith("word-")}


@pytest.mark.parametrize(
    ("verdict", "page", "tell"),
    [("critical", "critical", "medium"), ("medium", "high", "medium"), ("low", "high", "medium")],
)
def test_the_first_message_asks_whether_to_page_tell_or_drop(verdict: str, page: str, tell: str) -> None:
    shown = buttons(unjudged(verdict))

    assert shown == {
        "word-page": f"{INCIDENT_ID}#{page}#{SUBJECT.key}",
        "word-tell": f"{INCIDENT_ID}#{tell}#{SUBJECT.key}",
        "word-drop": f"{INCIDENT_ID}#noise#{SUBJECT.key}",
    }


@pytest.mark.parametrize(
    "record",
    [
        unjudged(classification=a_classification()),
        unjudged(
            classification=a_classification(
                subject=SUBJECT, word=Word(subject=SUBJECT, severity="low", person="slack:U1", by="Ann", at=NOW)
            )
        ),
        unjudged(feedback=[Feedback(person="slack:U1", by="Ann", said="word", severity="low", at=NOW)]),
    ],
    ids=["stated", "judged before", "judged now"],
)
def test_no_buttons_ask_for_a_severity_that_is_known(record: IncidentRecord) -> None:
    assert not buttons(record)


def test_buttons_that_cannot_reach_firstline_are_left_out() -> None:
    assert not buttons(unjudged(), interactive=False)


def test_one_click_stores_the_word_and_shows_it_in_the_message() -> None:
    channel = Channel(unjudged())
    channel.press("high")

    assert channel.word == Word(subject=SUBJECT, severity="high", person="slack:U1", by="user U1 (Slack)", at=LATER)
    (message,) = channel.slack.told
    assert not buttons(message.record, message.kind)
    assert "user U1 (Slack): from now on, high" in str(render(message)["blocks"])
    assert channel.whispers == ["Noted. From the next time on, this alert is high: it pages."]
    assert [(what, facts["severity"]) for what, facts in channel.store.told(INCIDENT_ID) if what == "judged"] == [
        ("judged", "high")
    ]


def test_the_word_that_was_pressed_last_counts_in_whatever_order_presses_arrive() -> None:
    channel = Channel(unjudged())
    channel.press("high", minutes=9)
    channel.press("low", user="U2", minutes=10)
    channel.press("high", user="U3", minutes=8)

    assert channel.severity == "low"
    assert channel.whispers[-1] == "Somebody else said how bad this alert is a moment ago. Look at the message."


def last_on(channel: Channel) -> str | None:
    """Return the severity that the incident's own answers end with."""
    return channel.store.only.feedback[-1].severity


type Given = tuple[str, str, int]
"""An answer, who gives it, and at which minute."""


@pytest.mark.parametrize("button", ["word", "judge"])
@pytest.mark.parametrize(
    ("given", "counts"),
    [
        ([("medium", "U1", 9), ("high", "U2", 10), ("medium", "U1", 11)], "medium"),
        ([("high", "U1", 9), ("high", "U2", 10), ("medium", "U1", 11), ("high", "U2", 12)], "high"),
        ([("high", "U2", 10), ("medium", "U1", 8)], "high"),
        ([("medium", "U1", 8), ("high", "U2", 10), ("medium", "U1", 8)], "high"),
        ([("medium", "U1", 9), ("high", "U2", 9)], "high"),
        ([("high", "U2", 9), ("medium", "U1", 9)], "high"),
    ],
    ids=[
        *("the last of three", "the last of four", "an earlier answer comes late", "and comes twice"),
        *("two of one moment: the greater key's", "in whatever order they come"),
    ],
)
def test_the_incidents_answers_end_with_the_word_that_counts(button: str, given: list[Given], counts: str) -> None:
    channel = Channel(unjudged())
    for severity, user, minutes in given:
        answer = severity if button == "word" else f"severity-{severity}"
        channel.press(answer, button, user=user, minutes=minutes)

    assert (channel.severity, last_on(channel)) == (counts, counts)


@pytest.mark.parametrize("button", ["word", "judge"])
@pytest.mark.parametrize("between", ["save_word", "append_feedback"])
def test_answers_that_race_leave_the_same_last_word_in_both_places(button: str, between: str) -> None:
    channel = Channel(unjudged())
    first, second = ("low", "critical") if button == "word" else ("severity-low", "severity-critical")
    channel.store.meanwhile[between] = lambda: channel.press(second, button, user="U2", minutes=10)

    channel.press(first, button, user="U1", minutes=9)

    assert (channel.severity, last_on(channel)) == ("critical", "critical")
    # The menu stores its answer before its word, so the second press always comes before the first one's word.
    first_word_came_late = between == "save_word" or button == "judge"
    assert ("Somebody else" in channel.whispers[-1]) == first_word_came_late


def test_an_answer_that_is_repeated_at_once_is_stored_once() -> None:
    channel = Channel(unjudged())
    for minutes in (9, 10, 11):
        channel.press("low", minutes=minutes)

    assert len(channel.store.only.feedback) == 1


def test_a_word_for_which_the_incident_has_no_room_is_refused_in_both_places() -> None:
    many = [Feedback(person=f"slack:{number}", by="x", said="real", at=NOW) for number in range(MAX_ANSWERS)]
    channel = Channel(unjudged(feedback=many))
    channel.press("high")

    assert channel.word is None
    assert "already has 100 answers" in channel.whispers[-1]


def test_only_an_approver_drops_an_alert() -> None:
    channel = Channel(unjudged())
    channel.press("noise")
    assert channel.word is None
    assert channel.whispers == [
        "Only an approver (see runbooks/policy/people.yaml) can drop an alert. Ask one, or press Tell: then it pages "
        "nobody."
    ]

    channel.press("noise", user=APPROVER)
    assert channel.severity == "noise"
    assert "Firstline asks again after 90 days" in channel.whispers[-1]


def test_a_button_of_an_older_message_judges_no_other_alert() -> None:
    channel = Channel(unjudged())
    channel.press("high", subject="0" * 20)

    assert channel.word is None
    assert not channel.store.only.feedback
    assert "Another alert of this incident is the worst by now" in channel.whispers[0]


def test_a_word_on_an_alert_with_a_stated_severity_is_refused() -> None:
    channel = Channel(unjudged(classification=a_classification()))
    channel.press("low")
    channel.press("severity-low", "judge")

    assert channel.word is None
    assert "The source or a rule states the severity of this alert: change it there." in channel.whispers[0]


def test_the_right_severity_chosen_in_the_menu_is_a_word_too() -> None:
    channel = Channel(unjudged("critical"))
    channel.press("severity-low", "judge")

    assert channel.severity == "low"


@pytest.mark.parametrize("answer", ["severity-noise", "real"], ids=["noise, by no approver", "about one incident"])
def test_an_answer_in_the_menu_that_is_no_word_leaves_the_word_on_the_alert(answer: str) -> None:
    channel = Channel(unjudged("critical"))
    channel.press("severity-low", "judge")
    channel.press(answer, "judge", minutes=10)

    assert channel.severity == "low"


def test_the_message_says_whose_word_the_severity_is() -> None:
    word = Word(subject=SUBJECT, severity="low", person="slack:U1", by="Ann (Slack)", at=NOW)
    record = unjudged(classification=a_classification(severity="low", subject=SUBJECT, word=word))

    blocks = str(render(a_notification("needs_human", record))["blocks"])
    assert f"severity by Ann (Slack) on {NOW:%Y-%m-%d}: low" in blocks


class TestTheTable:
    def test_a_word_on_one_environment_counts_before_a_word_on_every_environment(self) -> None:
        incidents = MemoryStore().incidents
        said = {"person": "shell:ann", "by": "ann", "at": NOW}
        incidents.save_word(Word(subject=SUBJECT.everywhere(), severity="low", **said))
        assert [word.severity for word in (incidents.word_on(SUBJECT),) if word] == ["low"]

        incidents.save_word(Word(subject=SUBJECT, severity="critical", **said))
        elsewhere = SUBJECT.model_copy(update={"environment": "dev"})
        assert [word.severity for word in (incidents.word_on(SUBJECT), incidents.word_on(elsewhere)) if word] == [
            "critical",
            "low",
        ]
        assert {word.severity for word in incidents.words()} == {"low", "critical"}
