"""The preview of a rule, a silence or a window: the closed incidents that it would have hidden, and which were real.

`firstline rules preview`, the rules that reports suggest, and `firstline replay` use it.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import timedelta, tzinfo
from typing import TYPE_CHECKING

from firstline.models import Incident, IncidentRecord
from firstline.reports.proof import is_critical, proof_of

if TYPE_CHECKING:
    from firstline.policy.holds import Silence, Window
    from firstline.policy.rules import Rule, Rules


@dataclass(slots=True)
class Preview:
    """Closed incidents, sorted by whether the rule, silence or window would have hidden them.

    Attributes
    ----------
    seen
        The number of incidents that were checked.
    hidden
        Incidents that no person would have heard of, and that nothing shows to be real.
    real
        Incidents that no person would have heard of although they were real, as pairs of the incident and the reason
        to call it real: `ada took it`.
    late
        Incidents that lasted at least as long as the rule's `hold`, so that people would have heard of them later.
    """

    seen: int = 0
    hidden: list[IncidentRecord] = field(default_factory=list)
    real: list[tuple[IncidentRecord, str]] = field(default_factory=list)
    late: list[IncidentRecord] = field(default_factory=list)

    @property
    def every_hidden(self) -> list[IncidentRecord]:
        """All incidents that no person would have heard of, the real ones too."""
        return [*self.hidden, *(record for record, _ in self.real)]


def preview(
    records: Iterable[IncidentRecord], applies: Callable[[IncidentRecord], bool], *, wait: timedelta | None = None
) -> Preview:
    """Sort closed incidents by whether a rule, silence or maintenance window would have hidden them from people.

    Parameters
    ----------
    applies
        A function that returns True if the rule, silence or window would have hidden the incident.
    wait
        The time for which the incident would have been hidden; None hides it for good.
    """
    found = Preview()
    for record in records:
        found.seen += 1
        if not applies(record):
            continue
        if wait is not None and outlasts(record, wait):
            found.late.append(record)
        elif (why := _became_real(record)) is not None:
            found.real.append((record, why))
        else:
            found.hidden.append(record)
    return found


def preview_rule(records: Iterable[IncidentRecord], rule: "Rule", rules: "Rules", zone: tzinfo) -> Preview:
    """Sort closed incidents by whether `rule`, one of `rules`, would have hidden them from people.

    `rule` hides no incident to which an earlier one of `rules` applies. `zone` is the time zone of the hours in rules.
    """
    # A rule without `hold` and `noise` hides nothing: a hold of zero length covers no incident.
    wait = None if rule.severity == "noise" else rule.hold or timedelta(0)
    return preview(records, lambda record: hides(rule, rules, record, zone), wait=wait)


def preview_window(records: Iterable[IncidentRecord], window: "Window") -> Preview:
    """Sort closed incidents by whether a maintenance window would have hidden them from people."""
    return preview(records, lambda record: hides_in(window, record.incident))


def preview_silence(records: Iterable[IncidentRecord], silence: "Silence") -> Preview:
    """Sort closed incidents by whether a silence would have hidden them, had it been active all the time."""

    def would_hold(record: IncidentRecord) -> bool:
        incident = record.incident
        allowed = not incident.storm and (silence.even_critical or incident.alert.severity != "critical")
        return allowed and silence.match.fits(incident.alert)

    return preview(records, would_hold)


def hides(rule: "Rule", rules: "Rules", record: IncidentRecord, zone: tzinfo) -> bool:
    """Return True if `rule` hides an incident for good (noise) or for a time (`hold`).

    `rule` hides no incident to which an earlier one of `rules` applies, and no storm. `zone` is the time zone of the
    hours in rules.
    """
    incident = record.incident
    if rules.first(incident, incident.opened_at.astimezone(zone)) is not rule or incident.storm:
        return False
    waits = rule.hold is not None and (rule.even_critical or not is_critical(record))
    return rule.severity == "noise" or waits


def hides_in(window: "Window", incident: Incident) -> bool:
    """Return True if a maintenance window with `suppress` would have held an incident when it opened; never a storm."""
    alert = incident.alert
    allowed = window.suppress and not incident.storm and window.allows(alert.severity)
    return allowed and window.holds(alert, incident.opened_at)


def outlasts(record: IncidentRecord, wait: timedelta) -> bool:
    """Return True if an incident lasted at least as long as a wait, or is not over."""
    ended = record.resolved_at or record.closed_at
    return ended is None or ended - record.incident.opened_at >= wait


def _became_real(record: IncidentRecord) -> str | None:
    """Return why an incident must not be hidden; None if nothing speaks against hiding it.

    The reason is the proof that it was real (`proof_of`), or else, if nobody gave feedback on the incident, that
    somebody was paged or ended it.
    """
    if record.feedback and proof_of(record) is None:
        return None
    weak = "somebody was paged" if record.paged_at else None
    helped = "it ended with a human's help" if record.outcome == "resolved" else None
    return proof_of(record) or weak or helped
