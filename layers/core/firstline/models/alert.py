"""One alert, in the same shape from every source."""

from typing import Any, Literal

from pydantic import AwareDatetime

from firstline.models.frozen import Frozen, Name, Text, Url
from firstline.models.severity import SourceSeverity


class Location(Frozen):
    """The machine or pod that an alert names, with its accounts, regions and networks as the sender wrote them.

    `hosts` are names, ids and addresses of the same machine; for an alert about a pod, of the node that it runs on.
    `regions` may hold availability zones, `networks` are VPCs.
    """

    hosts: list[Name] = []
    accounts: list[Name] = []
    regions: list[Name] = []
    networks: list[Name] = []
    pod: Name | None = None

    @property
    def named(self) -> bool:
        """True if the location names a machine or a pod."""
        return bool(self.hosts) or self.pod is not None


type Direction = Literal["above", "below", "absent"]
"""The direction in which a metric alarms: it is too high, too low, or sends no data."""


class Measured(Frozen):
    """A metric that an alert's rule compares with a threshold, as the sender states it.

    `namespace` is CloudWatch's. `where` maps each label that the rule selects by to the value it wants or, after
    `!`, excludes: `{"job": "shop", "env": "!dev"}`. `direction` is None if the sender names the metric only.
    """

    metric: Name
    namespace: Name | None = None
    statistic: Name | None = None
    direction: Direction | None = None
    where: dict[str, str] = {}


class AlertLink(Frozen):
    """An address that an alert's sender supplies, and its kind: `runbook`, `dashboard`, `silence` and so on.

    Any name may be a kind, so that an older release can read the links that a newer release has stored.
    """

    kind: Name
    url: Url


class NormalizedAlert(Frozen):
    """One alert, in the same shape from every source. Everything in it is untrusted text, within bounds.

    `timestamp` is when this state began (fired, or was resolved) by the sender's clock. `fingerprint` names the alert
    and is the same for its firing and its resolved; `group_key` names the incident that it belongs to.
    `severity_stated` is false when the sender stated no severity: then `severity` is only a default, or presumed from
    the sender's state, which `presumed_from` names (`triggered`, `no data`). A presumed severity is the least that the
    alert gets until a person's word or a rule says otherwise.

    `timestamp_orders` is true if the source sends the time of each change of state: of two messages about the same
    alert, the one with the later `timestamp` is then the newer. `began_at` is when the alert began to fire, also for a
    resolved alert; None if the sender does not say.

    `nothing_known` is the sender's reason why an alert ended without a recovery (its data is missing, its rule is
    paused); None for every other alert.

    `measured` holds the metrics that the alert's rule compares with thresholds; empty if the sender does not name them.

    `links` are further addresses beside `url`, each https. `annotations` are the sender's further texts by their names.
    Both are for people, and part of no identity.

    `host` is the best hint for people; a command goes only to a host on which everything in `location` agrees.
    """

    source: Name
    alert_name: Name
    severity: SourceSeverity
    message: Text
    labels: dict[str, str]
    timestamp: AwareDatetime
    raw_payload: Any
    status: Literal["firing", "resolved"]
    fingerprint: Name
    group_key: Name
    host: Name | None = None
    ends_at: AwareDatetime | None = None
    url: Url | None = None
    account: Name | None = None
    region: Name | None = None
    environment: Name | None = None
    service: Name | None = None
    severity_stated: bool = True
    presumed_from: Name | None = None
    timestamp_orders: bool = False
    began_at: AwareDatetime | None = None
    nothing_known: Name | None = None
    location: Location | None = None
    measured: list[Measured] = []
    links: list[AlertLink] = []
    annotations: dict[str, str] = {}

    @property
    def whereabouts(self) -> Location:
        """The alert's `location`; if an older release stored none, a location made of host, account and region."""
        if self.location is not None:
            return self.location
        hosts, accounts, regions = ([said] if said else [] for said in (self.host, self.account, self.region))
        return Location(hosts=hosts, accounts=accounts, regions=regions)

    def without_raw(self) -> "NormalizedAlert":
        """Return the alert without the sender's body, small enough to travel through a state machine."""
        return self.model_copy(update={"raw_payload": None})
