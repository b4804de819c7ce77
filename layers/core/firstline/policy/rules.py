"""Declared rules: the owner's word. The first rule that matches decides, or sets bounds for what decides after it."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import BaseModel, Field, ValidationError, model_validator

from firstline.errors import ConfigurationError
from firstline.models import (
    SEVERITY_RANK,
    Evidence,
    Frozen,
    Incident,
    Maintenance,
    NormalizedAlert,
    RouteName,
    Severity,
)
from firstline.policy.durations import Duration, between
from firstline.policy.files import read_yaml
from firstline.policy.heartbeats import Heartbeat
from firstline.policy.maintenance import Bound, Id, Reason, Window
from firstline.policy.match import AlertMatch, RuleMatch
from firstline.policy.schedule import Schedule

MAX_HOLD = timedelta(hours=2)
"""What waits longer is no short trouble, and its owner should hear of it."""


class Rule(Frozen):
    """match -> severity (final; `noise` suppresses), or bounds within which history and the model decide.

    `hold` waits before anything is done, and does nothing when the alert resolves meanwhile. `route` is a name that the
    paging policy's routes can ask for.
    """

    id: Id
    reason: Reason
    match: RuleMatch
    severity: Severity | None = None
    at_most: Bound | None = None
    at_least: Bound | None = None
    hold: Annotated[Duration, between(timedelta(seconds=30), MAX_HOLD)] | None = None
    route: RouteName | None = None
    even_critical: bool = False

    @model_validator(mode="after")
    def _decides_one_thing(self) -> Self:
        bounds = self.at_most is not None or self.at_least is not None
        if bounds and self.severity is not None:
            raise ValueError("say what follows: either `severity`, or `at_most` and/or `at_least`, not both")
        if not (bounds or self.severity or self.hold or self.route):
            raise ValueError("say what follows: either `severity`, or `at_most` and/or `at_least`; `hold`; `route`")
        if self.at_most and self.at_least and SEVERITY_RANK[self.at_least] > SEVERITY_RANK[self.at_most]:
            raise ValueError(f"`at_least: {self.at_least}` is above `at_most: {self.at_most}`; swap them")
        if self.severity == "noise" and (self.hold or self.route):
            raise ValueError("noise reaches nobody, now or later: take out `hold` and `route`, or the severity")
        if self.even_critical and self.severity != "noise" and self.hold is None:
            raise ValueError("`even_critical` belongs to rules with `severity: noise` or `hold` only; take it out")
        return self

    def holds(self, incident: Incident, local_time: datetime) -> bool:
        """Does the rule apply? One that suppresses passes over what the source called critical, unless it says so."""
        if self.passes_over(incident):
            return False
        return self.match.holds(incident.alert, local_time=local_time, flapping=incident.flapping)

    def passes_over(self, incident: Incident) -> bool:
        """Whether it would suppress what its source calls critical, and must not."""
        return self.severity == "noise" and incident.alert.severity == "critical" and not self.even_critical

    def covers(self, later: "Rule") -> bool:
        """Whether a rule that stands behind this one can never apply."""
        passes_over_critical = self.severity == "noise" and not self.even_critical
        never_critical = (later.severity == "noise" and not later.even_critical) or (
            later.match.severity and "critical" not in later.match.severity
        )
        return (not passes_over_critical or bool(never_critical)) and self.match.covers(later.match)


class Rules(Frozen):
    """A rules file, in its own order."""

    rules: tuple[Rule, ...] = Field(max_length=500)
    maintenance: tuple[Window, ...] = Field(default=(), max_length=200)
    heartbeats: tuple[Heartbeat, ...] = Field(default=(), max_length=200)

    @model_validator(mode="after")
    def _ids_are_unique(self) -> Self:
        ids = [one.id for section in (self.rules, self.maintenance, self.heartbeats) for one in section]
        twice = sorted({one for one in ids if ids.count(one) > 1})
        if twice:
            raise ValueError(f"the id {', '.join(map(repr, twice))} is used twice; give each rule its own")
        return self

    def first(self, incident: Incident, evidence: Evidence) -> Rule | None:
        """The first rule that holds, or None."""
        return self.first_at(incident, evidence.local_time)

    def first_at(self, incident: Incident, local_time: datetime) -> Rule | None:
        """The first rule that holds at a local time, or None."""
        return next((rule for rule in self.rules if rule.holds(incident, local_time)), None)

    @property
    def may_hold(self) -> bool:
        """Whether any rule makes alerts wait."""
        return any(rule.hold for rule in self.rules)

    def maintained(self, alert: NormalizedAlert, now: datetime) -> list[Maintenance]:
        """The windows that are on and about an alert, as evidence."""
        return [
            Maintenance(window=one.id, reason=one.reason, owner=one.owner, at_most=one.at_most)
            for one in self.maintenance
            if one.holds(alert, now)
        ]

    def is_heartbeat(self, alert: NormalizedAlert) -> bool:
        """Whether an alert is declared as a heartbeat, and therefore no incident."""
        return any(one.match.fits(alert) for one in self.heartbeats)

    def covered(self) -> list[tuple[Rule, Rule]]:
        """The rules that can never apply, each with the earlier one that takes everything from it."""
        found = []
        for number, later in enumerate(self.rules):
            earlier = next((rule for rule in self.rules[:number] if rule.covers(later)), None)
            if earlier is not None:
                found.append((later, earlier))
        return found


NO_RULES = Rules(rules=())

_NOUNS: dict[str, tuple[str, type[BaseModel]]] = {
    "rules": ("rule", Rule),
    "maintenance": ("window", Window),
    "heartbeats": ("heartbeat", Heartbeat),
}
"""What the entries of each section are called, and what they are."""


def load(path: Path) -> Rules:
    """Read a rules file.

    Raises
    ------
    ConfigurationError
        The file is missing or says something that is no rule; the message names file, rule, key and the fix.
    """
    content = read_yaml(path, missing="without rules, write `rules: []`")
    try:
        return Rules.model_validate(content)
    except ValidationError as error:
        wrong = "\n".join(f"  {_explained(one['loc'], one['type'], one['msg'], content)}" for one in error.errors())
        raise ConfigurationError(f"{path}:\n{wrong}") from None


def _explained(where: Sequence[int | str], kind: str, message: str, content: Any) -> str:
    """One mistake in words: which rule, which key, what is wrong and what to write instead."""
    if len(where) < 2 or where[0] not in _NOUNS:
        sections = ", ".join(f"`{name}:`" for name in list(_NOUNS)[1:])
        return (
            f"{'.'.join(map(str, where)) or 'the file'}: {message.removeprefix('Value error, ')}. "
            f"A rules file is `rules:` and a list of rules; {sections} may stand beside it."
        )
    noun, model = _NOUNS[str(where[0])]
    entry = content[where[0]][where[1]]
    name = entry.get("id") if isinstance(entry, dict) else None
    place = f"{noun} {int(where[1]) + 1} ({name or 'without id'})"
    # Where a value may be one of several types, pydantic puts the type's name into the path; people don't know it.
    key = ".".join(str(part) for part in where[2:] if not str(part).startswith("function-"))
    if kind == "extra_forbidden":
        if where[2:3] == ("match",):
            model = RuleMatch if noun == "rule" else AlertMatch
        elif where[2:3] == ("when",):
            model = Schedule
        return f"{place}: unknown key `{key}`; known keys are {', '.join(model.model_fields)}"
    return f"{place}: {f'`{key}`: ' if key else ''}{message.removeprefix('Value error, ')}"
