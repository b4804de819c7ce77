"""Evidence for later incidents, in the table.

| what | pk | sk |
|---|---|---|
| how many new alerts of one name came in one write | `ALERT#<alert name>` | `<received at>#<incident id>#<version>` |
| how many new alerts of one service | `SERVICE#<service>` | `ALERT#<received at>#<incident id>#<version>` |
| a service's last deployment, for each environment | `SERVICE#<service>` | `DEPLOYED#<environment>` |
| a deployment | `DEPLOYMENTS` | `<deployed at>#<service>#<version>` |
| how an incident of a group ended | `GROUP#<group key>` | `CLOSED#<closed at>#<incident id>` |
| the same again, if a person called a suppressed one real | `GROUP#<group key>` | `CLOSED#~<closed at>#<incident id>` |
| how it ended, shortened, by the words of the alert's name | `LIKE#NAME#<words>` | `<day of closing>#<group key>` |
| the same, by the alert's service | `LIKE#SERVICE#<service>` | `<day of closing>#<group key>` |
| a person's newest word: how bad alerts of one kind are | `WORDS` | `<hash of source, name and environment>` |

Under `LIKE#` a group has one item a day, its newest: a group with a hundred incidents a day must not hide all others
from a read that ends after some dozens. An incident that Firstline suppressed comes there once a person spoke of it:
by itself it proves nothing, and it would take its group's place from one that does.
Services are in lower case in keys.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from datetime import datetime, timedelta
from hashlib import sha256
from typing import TYPE_CHECKING

from firstline import models
from firstline.adapters.dynamodb.records import incident_key
from firstline.adapters.dynamodb.table import TableStore, WriteRefused, stamp
from firstline.errors import HistoryUnavailable

if TYPE_CHECKING:
    from firstline.adapters.dynamodb.table import Item
    from firstline.models import (
        AlertCount,
        AlertKind,
        Change,
        Deployment,
        EarlierIncident,
        IncidentRecord,
        NormalizedAlert,
        ServiceActivity,
        Word,
    )

MAX_COUNTED = 1_000
"""The most writes of new alerts that are counted; more of one name or service in a day are a storm anyway."""

CANDIDATES = 60
"""The most incidents of a name, and of a service, from which similar ones are chosen: about 50 KiB a read."""

MAX_WORDS = 1_000
"""The most of people's words on alerts that are read, about 300 KiB; which ones, if there are more, is by chance."""

MAX_NOTE_CHARS = 300

RAW_PAYLOADS_BYTES = 32_768
"""The most characters of the senders' bodies that are stored beside a write of new alerts."""

MOST_NAMES = 2
"""The most alert names, and the most services, that one write counts: a group hardly ever has more."""

HOUR, DAY = timedelta(hours=1), timedelta(days=1)

CLOCKS_DIFFER = timedelta(minutes=1)
"""The most that a writer's clock may be ahead; alerts with later times are not counted."""


class TableEvidence(TableStore):
    """The evidence for later incidents in the table: alerts, deployments, ended incidents, people's statements.

    Every method raises `HistoryUnavailable` when DynamoDB fails.
    """

    # --- the present --------------------------------------------------------------------------------------------------

    def alerts_named(self, alert_name: str, now: datetime) -> AlertCount:
        """Count the new alerts of this name in the last hour and the last day. One request."""
        items = self._table.query(f"ALERT#{alert_name}", since=stamp(now - DAY), newest_first=True, limit=MAX_COUNTED)
        return _counted(((item["sk"], int(item["count"])) for item in items), now)

    def service_activity(self, service: str, now: datetime) -> ServiceActivity:
        """Count a service's new alerts of the last hour and day, with its last deployment in each environment.

        One request.
        """
        since = f"ALERT#{stamp(now - DAY)}"
        items = self._table.query(
            _service_key(service), since=since, until="DEPLOYED$", newest_first=True, limit=MAX_COUNTED
        )
        alerts, deployments = [], []
        for item in items:
            if "deployment" in item:
                deployments.append(models.Deployment.from_stored(item["deployment"]))
            else:
                alerts.append((item["sk"].removeprefix("ALERT#"), int(item["count"])))
        return models.ServiceActivity(alerts=_counted(alerts, now), deployments=deployments)

    def save_deployment(self, deployment: Deployment) -> None:
        """Store a deployment, also as its service's last one if it is the newest. Storing it again changes nothing."""
        at, expiry = stamp(deployment.deployed_at), self._table.expiry(deployment.deployed_at)
        stored = {"deployment": deployment.model_dump_json(), "deployed_at": at, "expires_at": expiry}
        item = stored | {"pk": "DEPLOYMENTS", "sk": f"{at}#{deployment.service}#{deployment.version}"}
        last = stored | {"pk": _service_key(deployment.service), "sk": f"DEPLOYED#{deployment.environment or ''}"}
        unless_later = "attribute_not_exists(deployed_at) OR deployed_at <= :at"
        try:
            self._table.transact(
                self._table.put_request(item),
                self._table.put_request(last, condition=unless_later, values={":at": at}),
            )
        except WriteRefused as error:
            if not error.refused:
                raise HistoryUnavailable(f"table {self._table.name}: {error}") from error
            self._table.put(item)

    def last_deployments(self, service: str) -> list[Deployment]:
        """Return the last deployment of a service in each environment. One request."""
        items = self._table.query(_service_key(service), since="DEPLOYED#", until="DEPLOYED$")
        return [models.Deployment.from_stored(item["deployment"]) for item in items]

    def deployments_since(self, since: datetime) -> list[Deployment]:
        """Return the deployments since a time, newest first."""
        items = self._table.query("DEPLOYMENTS", since=stamp(since), newest_first=True, limit=1_000)
        return [models.Deployment.from_stored(item["deployment"]) for item in items]

    def word_on(self, subject: AlertKind) -> Word | None:
        """Return what a person said last on how bad alerts of this kind are, or None.

        What was said for every environment is returned only if nothing was said for the environment of this kind.
        """
        keys = [("WORDS", subject.key), ("WORDS", subject.everywhere().key)]
        found = self._table.get_all(keys)
        return next((models.Word.from_stored(found[key]["word"]) for key in keys if key in found), None)

    def words(self) -> list[Word]:
        """Return what people said last on how bad each kind of alert is, at most 1,000 kinds. One request."""
        return [models.Word.from_stored(item["word"]) for item in self._table.query("WORDS", limit=MAX_WORDS)]

    def save_word(self, word: Word) -> bool:
        """Store a person's word on how bad a kind of alert is, for ever; return False if a newer word is stored.

        Of two words of the same moment, the one stays whose person's identifier (`Word.person`) sorts last.
        """
        at = f"{stamp(word.at)}#{word.person}"
        item = {"pk": "WORDS", "sk": word.subject.key, "word": word.model_dump_json(), "said_at": at}
        return self._table.put(item, "attribute_not_exists(said_at) OR said_at <= :at", {":at": at})

    # --- the past -----------------------------------------------------------------------------------------------------

    def earlier_incidents(self, group_key: str, limit: int = 20) -> list[EarlierIncident]:
        """Return the group's last closed incidents, at most `limit`, newest first.

        If the group has more, suppressed incidents that a person called real are kept in place of newer ones.
        """
        query, pk = self._table.query, f"GROUP#{group_key}"
        return _newest_first(query(pk, since="CLOSED#", until="CLOSED$", newest_first=True, limit=limit))

    def incidents_like(self, alert: NormalizedAlert) -> list[EarlierIncident]:
        """Return the newest incidents with the alert's name or service, one per group and day. At most two requests.

        Suppressed incidents of which no person spoke are left out.
        """
        return _newest_first(
            item for key in _like_keys(alert) for item in self._table.query(key, newest_first=True, limit=CANDIDATES)
        )

    def remember_the_end(self, record: IncidentRecord) -> None:
        """Store a closed incident's outcome and people's feedback, as evidence for later incidents.

        It may be stored more than once: the version with more feedback and notes stays. A suppressed incident that a
        person called real gets a second item, which readers of the newest incidents find before all others.
        """
        from firstline.classification.feedback import calls_real
        from firstline.classification.history import ended

        earlier = ended(record)
        if earlier is None:
            return
        words, at, group_key = (
            len(record.feedback) + len(record.notes),
            stamp(earlier.closed_at),
            record.incident.group_key,
        )
        closed = f"{at}#{earlier.incident_id}"
        was_hidden = earlier.outcome == "suppressed" and any(map(calls_real, record.feedback))
        item = {"words": words, "closed_at": at, "expires_at": self._table.expiry(earlier.closed_at)}
        whole = item | {"pk": f"GROUP#{group_key}", "earlier": earlier.to_stored()}
        for key in [closed, f"~{closed}"] if was_hidden else [closed]:
            unless_fuller = "attribute_not_exists(words) OR words <= :words"
            self._table.put(whole | {"sk": f"CLOSED#{key}"}, unless_fuller, {":words": words})
        if record.incident.storm:
            return  # only a storm resembles a storm
        if earlier.outcome == "suppressed" and not words:
            return  # Firstline's own opinion is no evidence for other groups
        short = item | {
            "sk": f"{at[:10]}#{group_key}",
            "earlier": _short(earlier).to_stored(),
        }
        unless_newer = "attribute_not_exists(pk) OR closed_at < :at OR (closed_at = :at AND words <= :words)"
        for pk in _like_keys(record.incident.alert):
            self._table.put(short | {"pk": pk}, unless_newer, {":at": at, ":words": words})


def _counted(writes: Iterable[tuple[str, int]], now: datetime) -> AlertCount:
    hour_ago, until = stamp(now - HOUR), stamp(now + CLOCKS_DIFFER)
    counts = [(received_at, count) for received_at, count in writes if received_at <= until]
    last_hour = sum(count for received_at, count in counts if received_at >= hour_ago)
    return models.AlertCount(last_hour=last_hour, last_day=sum(count for _, count in counts))


def _newest_first(items: Iterable[Item]) -> list[EarlierIncident]:
    found = (models.EarlierIncident.from_stored(item["earlier"]) for item in items)
    each = {earlier.incident_id: earlier for earlier in found}.values()
    return sorted(each, key=lambda earlier: earlier.closed_at, reverse=True)


def _short(earlier: EarlierIncident) -> EarlierIncident:
    """Return the incident with its texts cut and only its last three feedbacks, as evidence for other groups."""
    from firstline.text import shorten

    texts = {name: getattr(earlier, name) for name in ("outcome_reason", "cause", "note")}
    short = {name: shorten(text, MAX_NOTE_CHARS) if text else None for name, text in texts.items()}
    return earlier.model_copy(update={**short, "feedback": earlier.feedback[-3:]})


def evidence_of(change: Change) -> list[Item]:
    """Return the items that new alerts leave as evidence: their number by name and by service, and their payloads.

    The payloads, as the senders sent them, are an item of their own: who counts a day's alerts must not read them all.
    """
    if not change.new:
        return []
    received_at, mark = stamp(change.at), _mark(change)
    written = f"{received_at}#{change.incident_id}#{mark}"
    pk, _ = incident_key(change.incident_id)
    names = Counter(alert.alert_name for alert in change.new).most_common(MOST_NAMES)
    services = Counter(alert.service for alert in change.new if alert.service).most_common(MOST_NAMES)
    raw = json.dumps([alert.raw_payload for alert in change.new], default=str)[:RAW_PAYLOADS_BYTES]
    return [
        *({"pk": f"ALERT#{name}", "sk": written, "count": count} for name, count in names),
        *({"pk": _service_key(name), "sk": f"ALERT#{written}", "count": count} for name, count in services),
        {"pk": pk, "sk": f"RAW#{received_at}#{mark}", "raw": raw},
    ]


def _mark(change: Change) -> str:
    """Return a hash of the alerts in a change, which tells changes of one incident at the same moment apart."""
    names = "\n".join(write.after.fingerprint for write in change.writes)
    return sha256(f"{change.group_key}\n{names}".encode()).hexdigest()[:12]


def _service_key(service: str) -> str:
    """Return the partition key of a service's alerts and deployments."""
    return f"SERVICE#{service.casefold()}"


def _like_keys(alert: NormalizedAlert) -> list[str]:
    # Ingest imports this module and has no use for templates, which take their time to import.
    from firstline.classification.templates import family_of

    by_name = f"LIKE#NAME#{family_of(alert)}"
    return [by_name, f"LIKE#SERVICE#{alert.service.casefold()}"] if alert.service else [by_name]
