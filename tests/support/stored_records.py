"""The incidents of a table in memory as a mapping, through which tests store any record."""

from collections.abc import Iterator, MutableMapping
from typing import cast

from firstline.adapters.dynamodb.incidents import TableIncidents
from firstline.adapters.dynamodb.live import CLOSED, live_item
from firstline.adapters.dynamodb.records import decision_key, head_item, page_key, snapshot
from firstline.adapters.dynamodb.remediations import plan_item
from firstline.adapters.dynamodb.table import Item, Key, Table, stamp
from firstline.models import IncidentRecord
from tests.simulation.table import MemoryDynamoDB
from tests.support.builders import live_half


class Records(MutableMapping[str, IncidentRecord]):
    """The records of a table in memory by incident id. Using the mapping is no call of the store."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self._incidents = TableIncidents(table)

    def __getitem__(self, incident_id: str) -> IncidentRecord:
        record = self._incidents.record(incident_id)
        if record is None:
            raise KeyError(incident_id)
        return record

    def __setitem__(self, incident_id: str, record: IncidentRecord) -> None:
        self.pop(incident_id, None)
        for item in _items(record):
            self._table.put(item)

    def __delitem__(self, incident_id: str) -> None:
        group_key = self[incident_id].incident.group_key
        gone = {f"INCIDENT#{incident_id}", f"PLAN#{incident_id}", f"DECISION#{incident_id}"}
        for pk, sk in keys(self._table):
            if pk in gone or (pk, sk) == (f"GROUP#{group_key}", "LIVE"):
                delete(self._table, pk, sk)

    def __iter__(self) -> Iterator[str]:
        heads = [pk for pk, sk in keys(self._table) if sk == "INCIDENT" and pk.startswith("INCIDENT#")]
        return iter([pk.removeprefix("INCIDENT#") for pk in heads])

    def __len__(self) -> int:
        return sum(1 for _ in self)


def _items(record: IncidentRecord) -> list[Item]:
    """Return the items that the functions would write for a record."""
    incident_id, live = record.incident.incident_id, record.live or live_half(record)
    head = head_item(record.incident) | {"status": record.status}
    head |= {name: getattr(record, name) for name in ("outcome", "outcome_reason", "slack_channel", "slack_ts")}
    head |= {"classification": record.classification.model_dump_json() if record.classification else None}
    head |= {"feedback": [word.model_dump_json() for word in record.feedback] or None}
    head |= {"notes": [note.model_dump_json() for note in record.notes] or None}
    head |= {"results": f"[{','.join(result.model_dump_json() for result in record.results)}]"}
    if record.closed_at is not None:
        closed = {"status_pk": CLOSED, "status_sk": f"{stamp(record.closed_at)}#{incident_id}"}
        head |= closed | {"closed_at": stamp(record.closed_at), "live": snapshot(live)}
    items = [head, live_item(live)]
    for page in record.pages:
        pk, sk = page_key(incident_id, page.seq)
        items.append({"pk": pk, "sk": sk, "page": page.model_dump_json()})
    if record.plan is not None:
        digest = {"digest": record.plan_digest} if record.plan_digest is not None else {}
        items.append(plan_item(incident_id, record.plan) | digest)
    if record.approvals or record.decision is not None:
        pk, sk = decision_key(incident_id)
        said: Item = {"pk": pk, "sk": sk, "decision": record.decision, "decided_by": record.decided_by}
        said |= {"approvals": [word.model_dump_json() for word in record.approvals] or None}
        items.append(said | {"decided_at": None if record.decided_at is None else stamp(record.decided_at)})
    return items


def keys(table: Table) -> list[Key]:
    """Return the keys of all items of a table in memory."""
    client = cast("MemoryDynamoDB", table._client)
    return [(item["pk"]["S"], item["sk"]["S"]) for item in client.snapshot()]


def delete(table: Table, pk: str, sk: str) -> None:
    """Delete an item, whatever is in it."""
    table._client.delete_item(TableName=table.name, Key={"pk": {"S": pk}, "sk": {"S": sk}})
