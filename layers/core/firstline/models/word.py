"""A word: how bad an alert is, as a person of the organisation said once and for good."""

from datetime import datetime, timedelta
from hashlib import sha256
from typing import Annotated

from pydantic import AwareDatetime, StringConstraints

from firstline.models.alert import NormalizedAlert
from firstline.models.frozen import Frozen, Lenient, Name
from firstline.models.severity import Severity

EVERYWHERE = "*"
"""The environment of a word that holds wherever no other word does: a monitor's rule does not say where it fires."""

DROPS_FOR = timedelta(days=90)
"""A word that drops an alert holds so long: then it is asked again, because nobody sees what is dropped."""

_SHORT_NAMES = {"production": "prod", "prd": "prod", "staging": "stage", "stg": "stage", "development": "dev"}


def short_environment(environment: str) -> str:
    """Return the name that CI, which writes environments out, and labels, which cut them short, have in common."""
    name = environment.casefold()
    return _SHORT_NAMES.get(name, name)


class AlertKind(Lenient):
    """All alerts of one name, from one source, in one environment: the subject of a word.

    `template` has the words of an alert of that name (`classification.templates`), so that others can be compared.
    """

    source: Name
    alert_name: Name
    environment: Name | None = None
    template: Annotated[str, StringConstraints(max_length=1_000)] = ""

    @property
    def key(self) -> str:
        """Return the name under which a person's word on this kind of alert is stored: 20 hexadecimal digits."""
        name = " ".join(self.alert_name.casefold().split())
        parts = (self.source, name, short_environment(self.environment or ""))
        return sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()[:20]

    def everywhere(self) -> "AlertKind":
        """Return the same subject in every environment."""
        return self.model_copy(update={"environment": EVERYWHERE})


def kind_of(alert: NormalizedAlert) -> AlertKind:
    """Return what a word on this alert would be about, without a template."""
    return AlertKind(source=alert.source, alert_name=alert.alert_name, environment=alert.environment)


class Word(Lenient):
    """A person's word on a subject. `by` is the person's name in messages; `person` identifies the person."""

    subject: AlertKind
    severity: Severity
    person: Name
    by: Name
    at: AwareDatetime

    def holds(self, now: datetime) -> bool:
        """Return True unless the word drops the alert and is older than `DROPS_FOR`."""
        return self.severity != "noise" or now - self.at < DROPS_FOR


class NearWord(Frozen):
    """A word on another alert of the organisation that reads like this one, scored from 0 to 1."""

    word: Word
    score: float
