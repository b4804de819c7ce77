"""A word: the severity that a person sets once for all later alerts of a kind."""

from datetime import datetime, timedelta
from hashlib import sha256
from typing import Annotated

from pydantic import AwareDatetime, StringConstraints

from firstline.models.alert import NormalizedAlert
from firstline.models.frozen import Frozen, Lenient, Name
from firstline.models.severity import Severity

EVERYWHERE = "*"
"""The environment of a word that holds in every environment without a word of its own."""

DROPS_FOR = timedelta(days=90)
"""The time for which a word may drop alerts. After it people are asked again, because nobody sees a dropped alert."""

NO_DATA = "no data"
"""The state (`NormalizedAlert.presumed_from`) of an alert that says only that its monitor has no data."""

_SHORT_NAMES = {"production": "prod", "prd": "prod", "staging": "stage", "stg": "stage", "development": "dev"}


def short_environment(environment: str) -> str:
    """Return an environment's name in its short form and lower case: `Production` and `prd` both become `prod`."""
    name = environment.casefold()
    return _SHORT_NAMES.get(name, name)


class AlertKind(Lenient):
    """All alerts of one name, from one source, in one environment: a person may set their severity (`Word`).

    `template` has the words of one of them (`classification.templates`), to find other alerts that read like it.
    """

    source: Name
    alert_name: Name
    environment: Name | None = None
    template: Annotated[str, StringConstraints(max_length=1_000)] = ""

    @property
    def key(self) -> str:
        """The key under which a person's severity for this kind of alert is stored: 20 hexadecimal digits."""
        name = " ".join(self.alert_name.casefold().split())
        parts = (self.source, name, short_environment(self.environment or ""))
        return sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()[:20]

    def everywhere(self) -> "AlertKind":
        """Return this kind of alert for every environment instead of one."""
        return self.model_copy(update={"environment": EVERYWHERE})


def kind_of(alert: NormalizedAlert) -> AlertKind:
    """Return the kind of an alert: its source, name and environment; its `template` stays empty.

    An alert that says only that data is missing is of another kind than the same monitor's alert about a value. So a
    person who sets a low severity for the first kind still gets the pages of the second.
    """
    name = f"{alert.alert_name[:240]} ({NO_DATA})" if alert.presumed_from == NO_DATA else alert.alert_name
    return AlertKind(source=alert.source, alert_name=name, environment=alert.environment)


class Word(Lenient):
    """The severity that a person set for all later alerts of a kind. `by` is the person's name in messages."""

    subject: AlertKind
    severity: Severity
    person: Name
    by: Name
    at: AwareDatetime

    def holds(self, now: datetime) -> bool:
        """Return True if this severity still holds: `noise`, which drops alerts, for `DROPS_FOR`; others for ever."""
        return self.severity != "noise" or now - self.at < DROPS_FOR


class NearWord(Frozen):
    """The severity that a person set for another kind of alert (`word`), lent to an alert for which none is known.

    `score` is the likeness of the two alerts from 0 to 1. `habit` is None if `word` was chosen by likeness. Otherwise
    `word` stands for how people usually judge: with `habit` (3, 4), they judged 4 kinds of alerts whose text suggests
    the same severity as this alert's text, and 3 of them as `word` does.
    """

    word: Word
    score: float
    habit: tuple[int, int] | None = None
