"""The rules in `runbooks/policy/rules.yaml`. The first matching rule sets an alert's severity or bounds for it."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import BaseModel, Field, ValidationError, model_validator

from firstline.errors import ConfigurationError
from firstline.models import SEVERITY_RANK, Frozen, Incident, Maintenance, NormalizedAlert, RouteName, Severity
from firstline.policy.durations import Duration, between
from firstline.policy.files import read_yaml
from firstline.policy.heartbeats import Heartbeat
from firstline.policy.holds import Window
from firstline.policy.inhibition import Inhibition
from firstline.policy.match import AlertMatch, Bound, Id, Reason, RuleMatch
from firstline.policy.schedule import Schedule

MAX_HOLD = timedelta(hours=2)
"""The longest `hold` of a rule: people should hear of trouble that lasts longer."""


class Rule(Frozen):
    """A rule for matching alerts: their final severity, or bounds for the severity that history or a model gives.

    `hold` is the time that the incident waits before people are told; if its alerts resolve meanwhile, nobody is told.
    `route` is a name by which routes in paging.yaml choose whom to page.
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
        bounds = any((self.at_most, self.at_least))
        if bounds and self.severity:
            raise ValueError("`severity` excludes `at_most` and `at_least`; remove the one or the others")
        if not any((bounds, self.severity, self.hold, self.route)):
            raise ValueError("the rule has no effect; give `severity`, `at_most`, `at_least`, `hold` or `route`")
        if self.at_most and self.at_least and SEVERITY_RANK[self.at_least] > SEVERITY_RANK[self.at_most]:
            raise ValueError(f"`at_least: {self.at_least}` is above `at_most: {self.at_most}`; swap them")
        if self.severity == "noise" and (self.hold or self.route):
            raise ValueError("a `noise` rule cannot have `hold` or `route`; remove them or change the severity")
        if self.even_critical and self.severity != "noise" and self.hold is None:
            raise ValueError("`even_critical` needs `severity: noise` or `hold`; add one, or take `even_critical` out")
        return self

    def holds(self, incident: Incident, local_time: datetime) -> bool:
        """Return True if the rule matches an incident's alert at a local time and may decide on it.

        The rule's hours and weekdays are compared with `local_time`. A rule that says `noise` may decide on an alert
        that its source calls critical only with `even_critical`.
        """
        return self.applies(incident.alert, local_time, flapping=incident.flapping)

    def applies(self, alert: NormalizedAlert, local_time: datetime, *, flapping: bool) -> bool:
        """Return True if the rule matches an alert at a local time and may decide on it.

        The rule's hours and weekdays are compared with `local_time`, and its key `flapping` with `flapping`, which is
        True if the alert's group opens incidents again and again. A rule that says `noise` may decide on an alert that
        its source calls critical only with `even_critical`.
        """
        spared = self._spares_critical and alert.severity == "critical"
        return self.match.holds(alert, local_time=local_time, flapping=flapping) and not spared

    def passes_over(self, incident: Incident) -> bool:
        """Return True if the rule says `noise` without `even_critical`, and the source calls the alert critical."""
        return self._spares_critical and incident.alert.severity == "critical"

    def covers(self, later: "Rule") -> bool:
        """Return True if this rule applies to every alert to which the rule `later` applies."""
        asked = later.match.severity
        never_critical = later._spares_critical or (bool(asked) and "critical" not in asked)
        return (never_critical or not self._spares_critical) and self.match.covers(later.match)

    @property
    def _spares_critical(self) -> bool:
        return self.severity == "noise" and not self.even_critical


class Rules(Frozen):
    """The content of a rules file, in the order of the file."""

    rules: tuple[Rule, ...] = Field(max_length=500)
    maintenance: tuple[Window, ...] = Field(default=(), max_length=200)
    heartbeats: tuple[Heartbeat, ...] = Field(default=(), max_length=200)
    inhibit: tuple[Inhibition, ...] = Field(default=(), max_length=200)

    @model_validator(mode="after")
    def _ids_are_unique(self) -> Self:
        ids = [entry.id for section in self._sections for entry in section]
        if twice := sorted({name for name in ids if ids.count(name) > 1}):
            raise ValueError(f"the id {', '.join(map(repr, twice))} is used twice; give each entry its own id")
        return self

    @property
    def _sections(self) -> tuple[tuple[Rule | Window | Heartbeat | Inhibition, ...], ...]:
        return (self.rules, self.maintenance, self.heartbeats, self.inhibit)

    def first(self, incident: Incident, local_time: datetime) -> Rule | None:
        """Return the first rule that applies to an incident at a local time, or None."""
        return next((rule for rule in self.rules if rule.holds(incident, local_time)), None)

    def rank(self, alert: NormalizedAlert, now: datetime, local_time: datetime, *, flapping: bool = False) -> int:
        """Return the rank (0 to 4) of an alert: that of its sender's severity, within the bounds of rules and windows.

        The first rule that applies at `local_time` sets the severity or bounds for it; rules may ask whether the
        alert's group opens incidents again and again (`flapping`). Windows that are active at `now` and have `at_most`
        limit the rank, unless a rule sets the severity.
        """
        rule = self._applying(alert, local_time, flapping=flapping)
        if rule is not None and rule.severity is not None:
            return SEVERITY_RANK[rule.severity]
        rank = SEVERITY_RANK[alert.severity]
        bounds = [window.at_most for window in self.maintained(alert, now)]
        if rule is not None:
            rank = max(rank, SEVERITY_RANK[rule.at_least] if rule.at_least else 0)
            bounds.append(rule.at_most)
        return min(rank, *(SEVERITY_RANK[bound] for bound in bounds if bound), SEVERITY_RANK["critical"])

    def route(self, alert: NormalizedAlert, local_time: datetime) -> RouteName | None:
        """Return the `route` of the first rule that applies to an alert whose group does not flap, or None.

        A route is the name by which paging.yaml chooses whom to page.
        """
        rule = self._applying(alert, local_time, flapping=False)
        return rule.route if rule is not None else None

    def _applying(self, alert: NormalizedAlert, local_time: datetime, *, flapping: bool) -> Rule | None:
        return next((rule for rule in self.rules if rule.applies(alert, local_time, flapping=flapping)), None)

    def maintained(self, alert: NormalizedAlert, now: datetime) -> list[Maintenance]:
        """Return the active windows that match an alert, as evidence for its classification."""
        return [
            Maintenance(window=window.id, reason=window.reason, owner=window.owner, at_most=window.at_most)
            for window in self.maintenance
            if window.holds(alert, now)
        ]

    def is_heartbeat(self, alert: NormalizedAlert) -> bool:
        """Return True if an alert is declared as a heartbeat, so that it opens no incident."""
        return any(heartbeat.fits(alert) for heartbeat in self.heartbeats)

    def covered(self) -> list[tuple[Rule, Rule]]:
        """Return the rules that can never decide, each with the first earlier rule that applies to all its alerts."""
        found: list[tuple[Rule, Rule]] = []
        for number, later in enumerate(self.rules):
            found += [(later, earlier) for earlier in self.rules[:number] if earlier.covers(later)][:1]
        return found


NO_RULES = Rules(rules=())

_NOUNS: dict[str, tuple[str, type[BaseModel]]] = {
    "rules": ("rule", Rule),
    "maintenance": ("window", Window),
    "heartbeats": ("heartbeat", Heartbeat),
    "inhibit": ("inhibition", Inhibition),
}
"""The noun for an entry of each section in messages, and the entry's model."""


def load(path: Path) -> Rules:
    """Read and check a rules file.

    Raises
    ------
    ConfigurationError
        The file is missing or invalid; the message names the file, the rule, the key and the fix.
    """
    content = read_yaml(path, missing="to have no rules, create it with `rules: []`")
    try:
        return Rules.model_validate(content)
    except ValidationError as error:
        lines = (_explained(found["loc"], found["type"], found["msg"], content) for found in error.errors())
        raise ConfigurationError(f"{path}:\n" + "\n".join(f"  {line}" for line in lines)) from None


def _explained(where: Sequence[int | str], kind: str, message: str, content: Any) -> str:
    """Return the message about one mistake in a rules file: the rule, the key, what is wrong, and the fix.

    `where`, `kind` and `message` are the path, the type and the text of pydantic's error; `content` is the whole file.
    """
    if len(where) < 2 or where[0] not in _NOUNS:
        sections = ", ".join(f"`{name}:`" for name in list(_NOUNS)[1:])
        return (
            f"{'.'.join(map(str, where)) or 'the file'}: {message.removeprefix('Value error, ')}. "
            f"Write `rules:` with a list of rules; {sections} are optional sections beside it."
        )
    noun, model = _NOUNS[str(where[0])]
    entry = content[where[0]][where[1]]
    name = entry.get("id") if isinstance(entry, dict) else None
    place = f"{noun} {int(where[1]) + 1} ({name or 'without id'})"
    # Where a value may be one of several types, pydantic puts the type's name into the path; people don't know it.
    key = ".".join(str(part) for part in where[2:] if not str(part).startswith("function-"))
    if kind == "extra_forbidden":
        if where[2:3] in (("match",), ("source",), ("target",)):
            model = RuleMatch if noun == "rule" else AlertMatch
        elif where[2:3] == ("when",):
            model = Schedule
        return f"{place}: unknown key `{key}`; write one of {', '.join(model.model_fields)}"
    return f"{place}: {f'`{key}`: ' if key else ''}{message.removeprefix('Value error, ')}"
