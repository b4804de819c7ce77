"""Who is woken, how, and how long they have to say 'mine': the file `runbooks/policy/paging.yaml`."""

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from firstline.models import Frozen, Incident, RouteName, Severity
from firstline.policy.durations import Duration, between
from firstline.policy.files import load_policy

type ChannelName = Literal["pagerduty", "slack", "sns"]

type Patience = Annotated[Duration, between(timedelta(seconds=10), timedelta(days=1))]
"""`90s`, `5m` or `1h`."""

type LevelName = Annotated[str, StringConstraints(min_length=1, max_length=60)]


class Level(Frozen):
    """One rung of the ladder: who, through which channels, and for how long before the next rung is tried.

    `on_call` is what a message says about who was called. With a PagerDuty API token and the id of an escalation policy
    in `pagerduty_escalation_policy`, the name of the person on call stands there instead.
    """

    name: LevelName
    channels: Annotated[list[ChannelName], Field(min_length=1)]
    on_call: Annotated[str, StringConstraints(min_length=1, max_length=200)]
    acknowledge_within: Patience
    pagerduty_escalation_policy: Annotated[str, StringConstraints(pattern=r"^[A-Z0-9]{5,20}$")] | None = None


class Route(Frozen):
    """Which levels, in which order, for which incidents. What is left out matches everything."""

    severity: tuple[Severity, ...] = ()
    service: tuple[str, ...] = ()
    environment: tuple[str, ...] = ()
    route: tuple[RouteName, ...] = ()
    levels: Annotated[list[LevelName], Field(min_length=1)]

    def matches(self, incident: Incident, severity: Severity, route: RouteName | None) -> bool:
        """Whether every condition that is written down holds."""
        return (
            (not self.severity or severity in self.severity)
            and (not self.service or incident.alert.service in self.service)
            and (not self.environment or incident.alert.environment in self.environment)
            and (not self.route or route in self.route)
        )


class PagingPolicy(Frozen):
    """The whole file: levels in the order in which they are tried, and routes that choose among them by name."""

    levels: Annotated[list[Level], Field(min_length=1, max_length=10)]
    routes: tuple[Route, ...] = ()

    @model_validator(mode="after")
    def _names_fit(self) -> Self:
        names = [level.name for level in self.levels]
        if twice := {name for name in names if names.count(name) > 1}:
            raise ValueError(f"two levels are called {', '.join(sorted(twice))}; give each its own name")
        for number, route in enumerate(self.routes):
            if unknown := [name for name in route.levels if name not in names]:
                raise ValueError(f"routes.{number}.levels names {unknown[0]!r}; the levels are {', '.join(names)}")
        return self

    def levels_for(self, incident: Incident, severity: Severity, route: RouteName | None = None) -> Sequence[Level]:
        """The ladder for one incident: the first route that matches, else every level.

        Parameters
        ----------
        route
            What a declared rule has said (`route` in rules.yaml).
        """
        for way in self.routes:
            if way.matches(incident, severity, route):
                by_name = {level.name: level for level in self.levels}
                return [by_name[name] for name in way.levels]
        return self.levels


def load_paging_policy(path: Path) -> PagingPolicy:
    """Read and check the file. Raises `ConfigurationError`, which names the key and what to write."""
    return load_policy(path, PagingPolicy, missing="every stack needs a paging policy")
