"""The paging policy in `runbooks/policy/paging.yaml`: who is paged, how, and how long they have to acknowledge."""

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, StringConstraints, model_validator

from firstline.models import Frozen, Incident, NormalizedAlert, RouteName, Severity
from firstline.policy import pattern
from firstline.policy.durations import Duration, between
from firstline.policy.files import load_policy
from firstline.policy.match import Patterns, covered, subset
from firstline.policy.oncall import ScheduleName
from firstline.policy.schedule import one_or_many

type ChannelName = Literal["pagerduty", "slack", "sms", "sns", "teams", "webhook"]
"""The channels of pages. `sms` texts the person on call; `sns` publishes to all subscribers of the page topic."""

type Patience = Annotated[Duration, between(timedelta(seconds=10), timedelta(days=1))]
"""The time that a level has to acknowledge: ten seconds to one day, such as `90s`, `5m` or `1h`."""

type LevelName = Annotated[str, StringConstraints(min_length=1, max_length=60)]


class Level(Frozen):
    """One level of escalation: whom to page, through which channels, and how long before the next level is paged.

    In messages, the text `on_call` ("the platform team") stands for the people who were paged. The person on call is
    named instead if the level has a `schedule` of oncall.yaml, or a `pagerduty_escalation_policy` in a stack with a
    PagerDuty API token.
    """

    name: LevelName
    channels: Annotated[list[ChannelName], Field(min_length=1)]
    on_call: Annotated[str, StringConstraints(min_length=1, max_length=200)]
    acknowledge_within: Patience
    schedule: ScheduleName | None = None
    pagerduty_escalation_policy: Annotated[str, StringConstraints(pattern=r"^[A-Z0-9]{5,20}$")] | None = None

    @model_validator(mode="after")
    def _knows_whom_to_text(self) -> Self:
        if "sms" in self.channels and self.schedule is None:
            raise ValueError("sms has nobody to text; name a `schedule` of oncall.yaml")
        return self


class Route(Frozen):
    """A rule that chooses the levels for matching incidents. A condition that is left out matches every incident.

    `service`, `environment` and `team` are patterns, as in rules.yaml. The team of an alert is its label `team`.
    `route` lists names that rules in rules.yaml give to incidents.
    """

    severity: Annotated[tuple[Severity, ...], BeforeValidator(one_or_many)] = ()
    service: Patterns = ()
    environment: Patterns = ()
    team: Patterns = ()
    route: Annotated[tuple[RouteName, ...], BeforeValidator(one_or_many)] = ()
    levels: Annotated[list[LevelName], Field(min_length=1)]

    def matches(self, alert: NormalizedAlert | None, severity: Severity, route: RouteName | None) -> bool:
        """Return True if every given condition holds. Without an alert, conditions on an alert's values fail.

        `route` is the name that a rule of rules.yaml gives the incident; None if no rule gives one.
        """
        return (
            (not self.severity or severity in self.severity)
            and (not self.route or route in self.route)
            and _fits(self.service, alert.service if alert else None)
            and _fits(self.environment, alert.environment if alert else None)
            and _fits(self.team, alert.labels.get("team") if alert else None)
        )

    @property
    def takes_all(self) -> bool:
        """True if the route has no condition, so that it matches every incident."""
        return not (self.severity or self.service or self.environment or self.team or self.route)

    def covers(self, later: "Route") -> bool:
        """Return True if this route matches every incident that the route `later` matches."""
        return (
            subset(later.severity, self.severity)
            and subset(later.route, self.route)
            and covered(later.service, self.service)
            and covered(later.environment, self.environment)
            and covered(later.team, self.team)
        )


class PagingPolicy(Frozen):
    """The whole file paging.yaml: the levels in the order of escalation, and routes that choose levels by name."""

    levels: Annotated[list[Level], Field(min_length=1, max_length=10)]
    routes: tuple[Route, ...] = ()

    @model_validator(mode="after")
    def _names_fit(self) -> Self:
        names = [level.name for level in self.levels]
        if twice := {name for name in names if names.count(name) > 1}:
            raise ValueError(f"two levels are called {', '.join(sorted(twice))}; give each level its own name")
        for number, route in enumerate(self.routes):
            if unknown := [name for name in route.levels if name not in names]:
                raise ValueError(
                    f"routes.{number}.levels names the unknown level {unknown[0]!r}; write one of {', '.join(names)}"
                )
        return self

    def levels_for(self, incident: Incident, severity: Severity, route: RouteName | None = None) -> Sequence[Level]:
        """Return the levels for one incident: those of the first route that matches, or all levels if none does.

        A storm pages the levels that it was opened for, if they still exist. Otherwise it counts as an incident without
        service, environment and team.

        Parameters
        ----------
        route
            The name that a rule gives the incident (`route` in rules.yaml), or None.
        """
        by_name = {level.name: level for level in self.levels}
        names = [name for name in incident.levels if name in by_name]
        names = names or self.names_for(None if incident.storm else incident.alert, severity, route)
        return [by_name[name] for name in names]

    def names_for(
        self, alert: NormalizedAlert | None, severity: Severity, route: RouteName | None = None
    ) -> list[LevelName]:
        """Return the names of the levels for an alert: those of the first route that matches, or all if none does.

        `alert` is None for a storm, which has no values of one alert; `route` is as in `levels_for`.
        """
        matching = (known.levels for known in self.routes if known.matches(alert, severity, route))
        return next(matching, [level.name for level in self.levels])

    def levels_in_storm(self, alert: NormalizedAlert, severity: Severity, route: RouteName | None) -> list[LevelName]:
        """Return the names of the levels that an alert in a storm pages; empty if its source's storm pages the same.

        `route` is the name that a rule gives the alert's incident, or None.
        """
        own = self.names_for(alert, severity, route)
        return [] if own == self.names_for(None, severity) else own


def _fits(patterns: tuple[str, ...], value: str | None) -> bool:
    return not patterns or (value is not None and pattern.fits(patterns, value))


ONLY_THE_TOPIC = PagingPolicy(
    levels=[
        Level(
            name="page topic",
            channels=["sns"],
            on_call="whoever reads the page topic",
            acknowledge_within=timedelta(minutes=15),
        )
    ]
)
"""The policy to use while the owner's cannot be read: one level that publishes to the page topic."""


def load_paging_policy(path: Path) -> PagingPolicy:
    """Read and check the paging policy.

    Raises
    ------
    ConfigurationError
        The file is missing or invalid; the message names the key, its line and the fix.
    """
    return load_policy(path, PagingPolicy, missing="every stack needs a paging policy; docs/oncall.md has one")
