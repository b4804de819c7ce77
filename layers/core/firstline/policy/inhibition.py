"""Inhibitions, as in Alertmanager: while a source alert fires, target alerts that follow from it are held.

For each rule and each set of values of its `equal` labels, the table counts how many source alerts fire. Ingest holds a
target alert whose count is above zero. Held alerts are not dropped: when the last source alert has ended, or after
`AT_MOST`, the target's incident is judged as if it had just begun.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Annotated, Self

from pydantic import BeforeValidator, Field, StringConstraints, model_validator

from firstline.models import Frozen, Hold, NormalizedAlert
from firstline.policy.match import AlertMatch, Id, Reason, RuleMatch
from firstline.policy.pattern import fold
from firstline.policy.schedule import one_or_many

AT_MOST = timedelta(hours=4)
"""The time for which an inhibition holds an incident; then the incident is judged again, and may be held again."""

_FIELDS = ("source", "alert_name", "account", "region", "environment", "service", "host")
"""The fields of an alert that `equal` may name besides labels."""

type Label = Annotated[str, StringConstraints(min_length=1, max_length=128)]


class Inhibition(Frozen):
    """A rule that holds alerts that match `target` while an alert that matches `source` fires.

    Both alerts must have the same values of the labels in `equal`, case aside; a label that both lack counts as equal.
    An alert that matches both sides counts as a source only, so no alert inhibits itself.
    """

    id: Id
    source: AlertMatch
    target: AlertMatch
    equal: Annotated[tuple[Label, ...], BeforeValidator(one_or_many), Field(max_length=20)] = ()
    reason: Reason

    @model_validator(mode="after")
    def _can_hold_something(self) -> Self:
        source, target = (RuleMatch.model_validate(match.model_dump()) for match in (self.source, self.target))
        if source.covers(target):
            raise ValueError(
                "the rule holds nothing, because every alert that matches `target` also matches `source`; make "
                "`source` narrower, for example by its alert_name"
            )
        return self

    def inhibits(self, alert: NormalizedAlert) -> bool:
        """Return True if the alert is a source of this rule, so that it inhibits others while it fires."""
        return self.source.fits(alert)

    def may_hold(self, alert: NormalizedAlert) -> bool:
        """Return True if the alert is a target of this rule and not also a source."""
        return self.target.fits(alert) and not self.source.fits(alert)

    def key(self, alert: NormalizedAlert) -> str:
        """Return the key under which the table counts this rule's source alerts with the alert's values of `equal`.

        A rule that was changed has other keys, so its count begins anew.
        """
        said = (self.source.model_dump_json(exclude_defaults=True), *self.equal)
        values = (_value(alert, name) for name in self.equal)
        text = "\0".join((*said, *(f"={fold(value)}" if value is not None else "" for value in values)))
        return f"{self.id}#{sha256(text.encode('utf-8', 'surrogatepass')).hexdigest()[:20]}"

    def hold(self, now: datetime) -> Hold:
        """Return the hold of this rule on a target alert that is accepted now."""
        reason = f"Inhibited by rule {self.id} while the alert that explains it fires: {self.reason}"[:4_000]
        seconds = int(AT_MOST.total_seconds())
        return Hold(by="inhibition", id=self.id, reason=reason, until=now + AT_MOST, seconds=seconds)


def source_keys(inhibitions: Iterable[Inhibition], alert: NormalizedAlert) -> tuple[str, ...]:
    """Return the keys of the rules that count the alert as a source while it fires."""
    return tuple(rule.key(alert) for rule in inhibitions if rule.inhibits(alert))


def target_keys(inhibitions: Iterable[Inhibition], alert: NormalizedAlert) -> tuple[str, ...]:
    """Return the keys of the rules that hold the alert while their count is above zero."""
    return tuple(rule.key(alert) for rule in inhibitions if rule.may_hold(alert))


def inhibited(
    inhibitions: Iterable[Inhibition], alert: NormalizedAlert, counts: Mapping[str, int]
) -> Inhibition | None:
    """Return the first rule that holds the alert, or None.

    Parameters
    ----------
    counts
        The number of firing source alerts by key, for the keys that `target_keys` returns.
    """
    return next((rule for rule in inhibitions if rule.may_hold(alert) and counts.get(rule.key(alert), 0) > 0), None)


def _value(alert: NormalizedAlert, name: str) -> str | None:
    """Return the value of the alert's label `name`, or of its field `name` if it has no such label, or None."""
    if name in alert.labels:
        return alert.labels[name]
    value: str | None = getattr(alert, name) if name in _FIELDS else None
    return value
