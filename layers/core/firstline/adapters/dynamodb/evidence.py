"""Evidence for the next incident, in the table.

| what | pk | sk |
|---|---|---|
| new alerts of a name, one item for each write | `ALERT#<alert name>` | `<received at>#<incident id>#<version>` |
| the same, of a service | `SERVICE#<service>` | `ALERT#<received at>#<incident id>#<version>` |
| a service's last deployment, for each environment | `SERVICE#<service>` | `DEPLOYED#<environment>` |
| a deployment | `DEPLOYMENTS` | `<deployed at>#<service>#<version>` |
| how an incident of a group ended | `GROUP#<group key>` | `CLOSED#<closed at>#<incident id>` |
| the same again, when somebody called noise real | `GROUP#<group key>` | `CLOSED#~<closed at>#<incident id>` |
| the same, by the words of its name, shortened | `LIKE#NAME#<words>` | `<day of closing>#<group key>` |
| the same, by service, shortened | `LIKE#SERVICE#<service>` | `<day of closing>#<group key>` |

Under `LIKE#` a group has one item a day, its newest: one that comes a hundred times a day must not hide all others from
a read that ends after some dozens. Services are in lower case in keys.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta

from firstline.adapters.dynamodb.table import Item, Table, WriteRefused, stamp
from firstline.errors import HistoryUnavailable
from firstline.models import AlertCount, Deployment, EarlierIncident, IncidentRecord, NormalizedAlert, ServiceActivity
from firstline.people.feedback import calls_real

MAX_COUNTED = 1_000
"""Writes of new alerts that are counted. More of one name or service in a day are a storm, whatever their number."""

CANDIDATES = 60
"""Of so many earlier incidents of a name, and as many of a service, similar ones are chosen: some 50 KiB a read."""

MAX_NOTE_CHARS = 300

HOUR, DAY = timedelta(hours=1), timedelta(days=1)

CLOCKS_DIFFER = timedelta(minutes=1)
"""What was written by a clock this much ahead still counts; what is later does not count."""


class TableEvidence:
    """The evidence in the table. Every method raises `HistoryUnavailable` when DynamoDB fails."""

    def __init__(self, table: Table) -> None:
        self._table = table

    # --- what is going on -------------------------------------------------------------------------------------------

    def alerts_named(self, alert_name: str, now: datetime) -> AlertCount:
        """Count the new alerts of this name in the last hour and the last day. One request."""
        items = self._table.query(f"ALERT#{alert_name}", since=stamp(now - DAY), newest_first=True, limit=MAX_COUNTED)
        return _counted(((item["sk"], int(item["count"])) for item in items), now)

    def service_activity(self, service: str, now: datetime) -> ServiceActivity:
        """Count the new alerts of a service, and return its last deployment in each environment. One request."""
        items = self._table.query(
            service_key(service),
            since=f"ALERT#{stamp(now - DAY)}",
            until="DEPLOYED$",
            newest_first=True,
            limit=MAX_COUNTED,
        )
        alerts, deployments = [], []
        for item in items:
            if "deployment" in item:
                deployments.append(Deployment.from_stored(item["deployment"]))
            else:
                alerts.append((item["sk"].removeprefix("ALERT#"), int(item["count"])))
        return ServiceActivity(alerts=_counted(alerts, now), deployments=deployments)

    def save_deployment(self, deployment: Deployment) -> None:
        """Store a deployment, also as its service's last one unless a later one is known; again changes nothing."""
        at = stamp(deployment.deployed_at)
        kept = {
            "deployment": deployment.model_dump_json(),
            "deployed_at": at,
            "expires_at": self._table.expiry(deployment.deployed_at),
        }
        item = kept | {"pk": "DEPLOYMENTS", "sk": f"{at}#{deployment.service}#{deployment.version}"}
        last = kept | {"pk": service_key(deployment.service), "sk": f"DEPLOYED#{deployment.environment or ''}"}
        try:
            self._table.transact(
                self._table.put_request(item),
                self._table.put_request(
                    last, condition="attribute_not_exists(deployed_at) OR deployed_at <= :at", values={":at": at}
                ),
            )
        except WriteRefused as error:
            if not error.refused:
                raise HistoryUnavailable(f"table {self._table.name}: {error}") from error
            self._table.put(item)

    def deployments_since(self, since: datetime) -> list[Deployment]:
        """Return the deployments since a time, newest first."""
        items = self._table.query("DEPLOYMENTS", since=stamp(since), newest_first=True, limit=1_000)
        return [Deployment.from_stored(item["deployment"]) for item in items]

    # --- what was -----------------------------------------------------------------------------------------------------

    def earlier_incidents(self, group_key: str, limit: int = 20) -> list[EarlierIncident]:
        """Return the group's last incidents that are over, newest first.

        Suppressed incidents that a person called real are among them, however many came since.
        """
        items = self._table.query(
            f"GROUP#{group_key}", since="CLOSED#", until="CLOSED$", newest_first=True, limit=limit
        )
        return _newest_first(items)

    def incidents_like(self, alert: NormalizedAlert) -> list[EarlierIncident]:
        """Return the newest incidents with the alert's name or service, one a day and group. Two requests at most."""
        return _newest_first(
            item for key in _like_keys(alert) for item in self._table.query(key, newest_first=True, limit=CANDIDATES)
        )

    def remember_the_end(self, record: IncidentRecord) -> None:
        """Keep a closed incident as evidence for the next: how it ended, and what people say of it.

        A late writer may know less: the write that knows more words stands. A suppressed incident that a person called
        real is also written where a reader of the newest incidents meets it first, however many came since.
        """
        from firstline.classification.history import ended

        earlier = ended(record)
        if earlier is None:
            return
        words = len(record.feedback) + len(record.notes)
        at = stamp(earlier.closed_at)
        closed = f"{at}#{earlier.incident_id}"
        was_hidden = earlier.outcome == "suppressed" and any(map(calls_real, record.feedback))
        kept = {"words": words, "closed_at": at, "expires_at": self._table.expiry(earlier.closed_at)}
        for key in [closed, f"~{closed}"] if was_hidden else [closed]:
            self._table.put_if(
                kept
                | {
                    "pk": f"GROUP#{record.incident.group_key}",
                    "sk": f"CLOSED#{key}",
                    "earlier": earlier.model_dump_json(),
                },
                "attribute_not_exists(words) OR words <= :words",
                {":words": words},
            )
        if record.incident.storm:
            return  # nothing reads like a storm but a storm
        short = _short(earlier).model_dump_json(exclude_defaults=True)
        for pk in _like_keys(record.incident.alert):
            self._table.put_if(
                kept | {"pk": pk, "sk": f"{at[:10]}#{record.incident.group_key}", "earlier": short},
                "attribute_not_exists(pk) OR closed_at < :at OR (closed_at = :at AND words <= :words)",
                {":at": at, ":words": words},
            )


def _counted(writes: Iterable[tuple[str, int]], now: datetime) -> AlertCount:
    hour_ago, until, last_hour, last_day = stamp(now - HOUR), stamp(now + CLOCKS_DIFFER), 0, 0
    for received_at, count in writes:
        if received_at > until:
            continue
        last_day += count
        last_hour += count if received_at >= hour_ago else 0
    return AlertCount(last_hour=last_hour, last_day=last_day)


def _newest_first(items: Iterable[Item]) -> list[EarlierIncident]:
    found = (EarlierIncident.from_stored(item["earlier"]) for item in items)
    each = {earlier.incident_id: earlier for earlier in found}.values()
    return sorted(each, key=lambda earlier: earlier.closed_at, reverse=True)


def _short(earlier: EarlierIncident) -> EarlierIncident:
    """Shorten it to what another group's incident can use."""
    from firstline.text import shorten

    return earlier.model_copy(
        update={
            "outcome_reason": shorten(earlier.outcome_reason, MAX_NOTE_CHARS) if earlier.outcome_reason else None,
            "cause": shorten(earlier.cause, MAX_NOTE_CHARS) if earlier.cause else None,
            "note": shorten(earlier.note, MAX_NOTE_CHARS) if earlier.note else None,
            "feedback": earlier.feedback[-3:],
        }
    )


def service_key(service: str) -> str:
    """Return the partition of a service's alerts and deployments."""
    return f"SERVICE#{service.casefold()}"


def _like_keys(alert: NormalizedAlert) -> list[str]:
    # Ingest imports this module and has no use for templates, which take their time to import.
    from firstline.classification.templates import family_of

    by_name = f"LIKE#NAME#{family_of(alert)}"
    return [by_name, f"LIKE#SERVICE#{alert.service.casefold()}"] if alert.service else [by_name]
