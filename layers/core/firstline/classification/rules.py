"""Declared rules: the owner's word. The first rule that matches decides, or sets bounds for what decides after it."""

import fnmatch
import re
from datetime import time
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, ValidationError, model_validator

from firstline.errors import ConfigurationError
from firstline.models import SEVERITY_RANK, Evidence, Incident, Severity, SourceSeverity

type Bound = Literal["critical", "high", "medium", "low"]
type Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]

WEEKDAYS: tuple[Weekday, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_SPAN = re.compile(r"([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-3]):([0-5]\d)")


def _one_or_many(value: object) -> object:
    return (value,) if isinstance(value, str) else value


def _span(value: object) -> object:
    """`"22:00-06:00"` -> (22:00, 06:00). A span may reach over midnight; its end is outside it."""
    found = _SPAN.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        raise ValueError('write a span of local time as "22:00-06:00", in quotes')
    begin, end = time(int(found[1]), int(found[2])), time(int(found[3]), int(found[4]))
    if begin == end:
        raise ValueError("the span is empty; leave `hours` out to mean the whole day")
    return begin, end


type Text = Annotated[str, StringConstraints(min_length=1, max_length=200)]
type Patterns = Annotated[tuple[Text, ...], BeforeValidator(_one_or_many)]
"""One shell pattern or several; any may match. Case does not matter."""

type Span = Annotated[tuple[time, time], BeforeValidator(_span)]


class _Declared(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Match(_Declared):
    """Every key that is given must hold; of the values of one key, any one."""

    alert_name: Patterns = ()
    source: Patterns = ()
    severity: Annotated[tuple[SourceSeverity, ...], BeforeValidator(_one_or_many)] = ()
    service: Patterns = ()
    environment: Patterns = ()
    host: Patterns = ()
    labels: dict[str, Patterns] = {}
    message: Patterns = ()
    hours: Annotated[tuple[Span, ...], BeforeValidator(_one_or_many)] = ()
    weekdays: Annotated[tuple[Weekday, ...], BeforeValidator(_one_or_many)] = ()

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not self.model_fields_set or not any(getattr(self, name) for name in self.model_fields_set):
            raise ValueError("an empty match would hold for every alert; name at least one of " + _keys(Match))
        return self

    def holds(self, incident: Incident, evidence: Evidence) -> bool:
        alert, local = incident.alert, evidence.local_time
        return (
            _fits(self.alert_name, alert.alert_name)
            and _fits(self.source, alert.source)
            and (not self.severity or alert.severity in self.severity)
            and _fits(self.service, alert.service)
            and _fits(self.environment, alert.environment)
            and _fits(self.host, alert.host)
            and all(_fits(patterns, alert.labels.get(name)) for name, patterns in self.labels.items())
            and _mentions(self.message, alert.message)
            and (not self.hours or any(_within(span, local.time()) for span in self.hours))
            and (not self.weekdays or WEEKDAYS[local.weekday()] in self.weekdays)
        )


class Rule(_Declared):
    """match -> severity (final; `noise` suppresses), or bounds within which history and the model decide."""

    id: Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,63}$")]
    reason: Annotated[str, StringConstraints(min_length=1, max_length=500, strip_whitespace=True)]
    match: Match
    severity: Severity | None = None
    at_most: Bound | None = None
    at_least: Bound | None = None
    even_critical: bool = False

    @model_validator(mode="after")
    def _decides_one_thing(self) -> Self:
        bounds = self.at_most is not None or self.at_least is not None
        if bounds == (self.severity is not None):
            raise ValueError("say what follows: either `severity`, or `at_most` and/or `at_least`")
        if self.at_most and self.at_least and SEVERITY_RANK[self.at_least] > SEVERITY_RANK[self.at_most]:
            raise ValueError(f"`at_least: {self.at_least}` is above `at_most: {self.at_most}`; swap them")
        if self.even_critical and self.severity != "noise":
            raise ValueError("`even_critical` belongs to rules with `severity: noise` only; take it out")
        return self

    def holds(self, incident: Incident, evidence: Evidence) -> bool:
        """Does the rule apply? One that suppresses passes over what the source called critical, unless it says so."""
        if self.severity == "noise" and incident.alert.severity == "critical" and not self.even_critical:
            return False
        return self.match.holds(incident, evidence)


class Rules(_Declared):
    """A rules file, in its own order."""

    rules: tuple[Rule, ...] = Field(max_length=500)

    @model_validator(mode="after")
    def _ids_are_unique(self) -> Self:
        ids = [rule.id for rule in self.rules]
        twice = sorted({one for one in ids if ids.count(one) > 1})
        if twice:
            raise ValueError(f"the id {', '.join(map(repr, twice))} is used twice; give each rule its own")
        return self

    def first(self, incident: Incident, evidence: Evidence) -> Rule | None:
        """The first rule that holds, or None."""
        return next((rule for rule in self.rules if rule.holds(incident, evidence)), None)


NO_RULES = Rules(rules=())


def load(path: Path) -> Rules:
    """Read a rules file.

    Raises
    ------
    ConfigurationError
        The file is missing or says something that is no rule; the message names file, rule, key and the fix.
    """
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
        return Rules.model_validate(content)
    except OSError as error:
        raise ConfigurationError(
            f"{path}: cannot be read ({error.strerror}). Without rules, write `rules: []`."
        ) from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{path}: is not YAML: {error}") from None
    except ValidationError as error:
        wrong = "\n".join(f"  {_explained(one['loc'], one['type'], one['msg'], content)}" for one in error.errors())
        raise ConfigurationError(f"{path}:\n{wrong}") from None


def _explained(where: tuple[int | str, ...], kind: str, message: str, content: Any) -> str:
    """One mistake in words: which rule, which key, what is wrong and what to write instead."""
    if len(where) < 2 or where[0] != "rules":
        return f"{'.'.join(map(str, where)) or 'the file'}: {message}. A rules file is `rules:` and a list of rules."
    rule = content["rules"][where[1]]
    name = rule.get("id") if isinstance(rule, dict) else None
    place = f"rule {int(where[1]) + 1} ({name or 'without id'})"
    # Where a value may be one of several types, pydantic puts the type's name into the path; people don't know it.
    key = ".".join(str(part) for part in where[2:] if not str(part).startswith("function-"))
    if kind == "extra_forbidden":
        known = _keys(Match if where[2:3] == ("match",) else Rule)
        return f"{place}: unknown key `{key}`; known keys are {known}"
    return f"{place}: {f'`{key}`: ' if key else ''}{message.removeprefix('Value error, ')}"


def _keys(model: type[BaseModel]) -> str:
    return ", ".join(model.model_fields)


def _fits(patterns: tuple[str, ...], value: str | None) -> bool:
    if not patterns:
        return True
    return value is not None and any(fnmatch.fnmatchcase(value.casefold(), one.casefold()) for one in patterns)


def _mentions(phrases: tuple[str, ...], message: str) -> bool:
    """Does one of the phrases occur as whole words? `disk` is in "Disk full" and not in "diskette"."""
    return not phrases or any(
        re.search(rf"(?<!\w){re.escape(phrase)}(?!\w)", message, re.IGNORECASE) for phrase in phrases
    )


def _within(span: tuple[time, time], moment: time) -> bool:
    begin, end = span
    return begin <= moment < end if begin < end else moment >= begin or moment < end
