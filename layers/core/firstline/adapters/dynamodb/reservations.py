"""The writes with which a remediation begins: its entry on the ledger of remediations in progress, its run, its locks.

They are in one transaction with the write that permits the remediation: the plan, or the deciding approval of it.
"""

from datetime import datetime
from typing import TYPE_CHECKING

from firstline.adapters.dynamodb.table import Item, Table, stamp
from firstline.models import RunbookRun

if TYPE_CHECKING:
    # Every function imports this module, and few of them reserve anything.
    from firstline.remediation.store import Beginning

LEDGER = ("REMEDIATION", "LEDGER")


def begin_requests(table: Table, reservation: "Beginning", now: datetime) -> list[Item]:
    """Return the writes that begin a remediation, in order: the ledger, the run, the locks.

    The ledger is the item with all remediations in progress; its write fails if it changed since it was read.
    """
    plan, run, state = reservation.plan, reservation.run, reservation.state
    me = run.incident_id
    ledger = {
        "pk": LEDGER[0],
        "sk": LEDGER[1],
        "version": state.version + 1,
        "held": {lease.incident_id: lease.model_dump_json() for lease in reservation.leases(now)},
        "expires_at": max(table.expiry(now), int(run.until.timestamp()) + 86_400),
    }
    unchanged = "version = :read" if state.version else "attribute_not_exists(pk)"
    read = {":read": state.version} if state.version else None
    locks = [_lock_request(table, name, me, run.until, now) for name in plan.locks]
    return [table.put_request(ledger, condition=unchanged, values=read), run_request(table, run, ""), *locks]


def run_request(table: Table, run: RunbookRun, suffix: str) -> Item:
    """Return the write that stores a run and fails if it is stored already.

    `suffix` ends the run's key: `#shadow` in shadow mode, else empty.
    """
    return table.put_request(run_item(table, run, suffix), condition="attribute_not_exists(pk)")


def run_item(table: Table, run: RunbookRun, suffix: str) -> Item:
    """Return the item of a run that has no outcome yet.

    `suffix` ends the run's key: `#shadow` in shadow mode, else empty.
    """
    item: Item = {"pk": f"RUNS#{run.runbook_id}", "sk": f"{stamp(run.at)}#{run.incident_id}{suffix}"}
    item |= {"run": run.model_dump_json(exclude={"outcome", "ended_at", "accepted"})}
    # A short history must not forget a run within its cooldown, nor while its incident is open.
    return item | {"expires_at": table.late_expiry(run.at)}


def _lock_request(table: Table, name: str, incident_id: str, until: datetime, now: datetime) -> Item:
    item: Item = {"pk": f"LOCK#{name}", "sk": "LOCK", "held_by": incident_id, "lease_until": stamp(until)}
    item |= {"expires_at": int(until.timestamp()) + 86_400}
    # The time is compared here: DynamoDB deletes expired items within days, not at once.
    free = "attribute_not_exists(pk) OR lease_until <= :now OR held_by = :me"
    return table.put_request(item, condition=free, values={":now": stamp(now), ":me": incident_id})
