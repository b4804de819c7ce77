"""The noisiest groups of a period, each with the rule that would have helped, and what the rule would have hidden."""

import re
from collections.abc import Sequence
from datetime import timedelta, tzinfo
from typing import Any

from firstline.classification.feedback import called_noise, called_real, calls_noise, last_words
from firstline.incidents.hold_at_end import waited_for
from firstline.models import Frozen, IncidentRecord, NormalizedAlert
from firstline.reports.preview import preview_rule
from firstline.reports.proof import is_critical, proof_of
from firstline.reports.spread import percentile

MOST_NOISY = 10

ENOUGH = 3
"""The fewest incidents of a group that people called noise for which a rule of noise is suggested."""

PEOPLE = 2
"""The fewest different people who called them noise. None of the group may have been called real."""

ENOUGH_SHORT = 5
"""The fewest incidents of a group for which a rule that waits is suggested."""

SHORT_SHARE = 0.8
"""The least share of a group's incidents that must have ended by themselves for a rule that waits."""

_WAITS = {timedelta(minutes=minutes): name for minutes, name in ((2, "2m"), (5, "5m"), (10, "10m"), (15, "15m"))} | {
    timedelta(minutes=30): "30m",
    timedelta(hours=1): "1h",
}

_ENDED = ("self_cleared", "resolved")


class Hides(Frozen):
    """The numbers of a period's incidents, of all groups, on which a suggested rule would have had an effect.

    Of `hidden` incidents people would not have heard: `real` of them proved to be real, `critical` were critical, and
    `pages` had paged. Of further `later` incidents people would have heard only after the rule's `hold`. `spared`
    counts the noisy group's critical incidents, which a rule with `hold` does not delay.
    """

    hidden: int
    pages: int
    real: int
    critical: int
    later: int
    spared: int


class Advice(Frozen):
    """The rule that would have helped with a noisy group, and what the rule would have hidden.

    `why` is the reason for the rule, or the reason why no rule is suggested; then `rule` and `hides` are None.
    """

    why: str
    rule: dict[str, Any] | None = None
    hides: Hides | None = None


class Noisy(Frozen):
    """A noisy group: the numbers of its incidents, alerts, paged incidents and incidents that ended by themselves."""

    group_key: str
    alert_name: str
    incidents: int
    alerts: int
    paged: int
    by_themselves: int
    advice: Advice


def noisiest(records: Sequence[IncidentRecord], zone: tzinfo, most: int = MOST_NOISY) -> list[Noisy]:
    """Return the groups with at least two incidents that people heard of: most incidents first, then most alerts.

    A group is the incidents of one group key. At most `most` groups are returned. `zone` is the time zone of the hours
    in rules, for the advice on each group.
    """
    groups: dict[str, list[IncidentRecord]] = {}
    for record in filter(_disturbed, records):
        groups.setdefault(record.incident.group_key, []).append(record)
    noisy = sorted(
        (group for group in groups.values() if len(group) > 1),
        key=lambda group: (-len(group), -_alerts(group), group[0].incident.group_key),
    )
    return [
        Noisy(
            group_key=group[0].incident.group_key,
            alert_name=group[-1].incident.first_alert,
            incidents=len(group),
            alerts=_alerts(group),
            paged=sum(record.paged_at is not None for record in group),
            by_themselves=len(_by_themselves(group)),
            advice=advice(group, records, zone),
        )
        for group in noisy[:most]
    ]


def advice(group: Sequence[IncidentRecord], every: Sequence[IncidentRecord], zone: tzinfo) -> Advice:
    """Return the rule that would have helped with a group of incidents, tried on `every` incident of the period.

    `zone` is the time zone of the hours in rules.
    """
    if any(record.incident.storm for record in group):
        return Advice(why="a storm of different alerts: no rule fits it")
    if (noise := called_noise_by_people(group)) is not None:
        rule, why = noise_rule(group), f"people called {noise} of them noise"
    else:
        rule, why = _hold_rule(group)
    if rule is None:
        return Advice(why=why)
    from firstline.policy.rules import Rules  # imported late: most reports suggest no rule

    rules = Rules.model_validate({"rules": [rule]})
    found = preview_rule((record for record in every if record.status == "CLOSED"), rules.rules[0], rules, zone)
    hidden = found.every_hidden
    return Advice(
        why=why,
        rule=rule,
        hides=Hides(
            hidden=len(hidden),
            pages=sum(record.paged_at is not None for record in hidden),
            real=sum(proof_of(record) is not None for record in hidden),
            critical=sum(map(is_critical, hidden)),
            later=len(found.late),
            spared=sum(map(is_critical, group)) if "hold" in rule else 0,
        ),
    )


def called_noise_by_people(group: Sequence[IncidentRecord]) -> int | None:
    """Return the number of incidents that people called noise.

    None if that is fewer than `ENOUGH` incidents or `PEOPLE` different people, or if one incident was called real.
    """
    words = [last_words(record.feedback) for record in group]
    noise = list(filter(called_noise, words))
    calling = {word.person for said in noise for word in said if calls_noise(word)}
    if len(noise) < ENOUGH or len(calling) < PEOPLE or any(map(called_real, words)):
        return None
    return len(noise)


def noise_rule(group: Sequence[IncidentRecord]) -> dict[str, Any] | None:
    """Draft a rule that gives a group's alerts the severity noise; None if the sender called one of them critical."""
    if any(map(_source_says_critical, group)):
        return None
    noise = [said for record in group if called_noise(said := last_words(record.feedback))]
    people = sorted({word.by for said in noise for word in said if calls_noise(word)})
    reason = f"{', '.join(people)[:300]} called {len(noise)} incidents of it noise."
    return _rule("noise", group, {"severity": "noise"}, reason)


def _hold_rule(group: Sequence[IncidentRecord]) -> tuple[dict[str, Any] | None, str]:
    """Draft a rule whose `hold` outlasts most of a group's incidents.

    Return the rule and its reason, or None and the reason why no such rule would help.
    """
    if all(map(_source_says_critical, group)):
        return None, "its source calls it critical: lower it there, or mend the cause"
    short = sorted(_by_themselves(group))
    if len(group) < ENOUGH_SHORT:
        return None, f"fewer than {ENOUGH_SHORT} incidents: too few to say"
    if len(short) < SHORT_SHARE * len(group):
        return None, "most of them needed somebody, or did not end by themselves: mend the cause, or write a runbook"
    needed = percentile(short, SHORT_SHARE)
    wait = next((wait for wait in _WAITS if wait > needed), None)
    if wait is None:
        return None, "they last for more than an hour: raise the alert's own threshold or duration"
    within = sum(span < wait for span in short)
    reason = f"{within} of {len(group)} incidents ended by themselves within {_WAITS[wait]}."
    return _rule("wait", group, {"hold": _WAITS[wait]}, reason), reason.removesuffix(".")


def _by_themselves(group: Sequence[IncidentRecord]) -> list[timedelta]:
    """Return the durations of those of a group's incidents that ended, and that nothing proves to be real (`proof_of`).

    Only the outcomes `self_cleared` and `resolved` count as ended.
    """
    return [
        record.resolved_at - record.incident.opened_at
        for record in group
        if record.resolved_at is not None and record.outcome in _ENDED and proof_of(record) is None
    ]


def _disturbed(record: IncidentRecord) -> bool:
    """Return True if people heard of an incident: it was not suppressed, and did not resolve during its hold."""
    return record.outcome != "suppressed" and waited_for(record) is None


def _source_says_critical(record: IncidentRecord) -> bool:
    return record.incident.alert.severity == "critical"


def _alerts(group: Sequence[IncidentRecord]) -> int:
    return sum(record.alert_count for record in group)


def _rule(kind: str, group: Sequence[IncidentRecord], does: dict[str, Any], reason: str) -> dict[str, Any]:
    alerts = [record.incident.alert for record in group]
    slug = re.sub(r"[^a-z0-9]+", "-", alerts[-1].alert_name.lower()).strip("-")[:50] or "alert"
    return {"id": f"{kind}-{slug}", "match": _common_match(alerts), **does, "reason": reason}


def _common_match(alerts: Sequence[NormalizedAlert]) -> dict[str, str]:
    """Return the fields whose values are the same in all alerts, as the `match` of a rule: `{"service": "shop"}`."""
    match: dict[str, str] = {}
    for name in ("alert_name", "source", "service", "environment", "host"):
        value, *others = {getattr(alert, name) for alert in alerts}
        if not others and value is not None:
            match[name] = value.replace("*", "?")  # a star in a name would fit anything in a rule
    return match
