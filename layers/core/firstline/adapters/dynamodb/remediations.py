"""Remediations in the table: reservations, locks, outcomes, and runbooks that may no longer run by themselves.

| what | pk | sk |
|---|---|---|
| an incident's plan, which is written once | `PLAN#<incident id>` | `PLAN` |
| the remediations in progress in the whole stack | `REMEDIATION` | `LEDGER` |
| a locked host, service or release | `LOCK#<name>` | `LOCK` |
| a runbook planned for an incident | `RUNS#<runbook id>` | `<planned at>#<incident id>`, with `#shadow` in shadow |
| whether a runbook may still run by itself | `RUNBOOK#<runbook id>` | `STANDING` |

The limits are checked against the ledger as it was read, so it may not change before the reservation. Every beginning
and every end increases the ledger's version, and a reservation is one transaction on the condition that the version is
the same: of two incidents that are planned at the same moment, the second reads again. The locks in the same
transaction hold even if the ledger were lost.
"""

from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime

from firstline.adapters.dynamodb.incidents import TableIncidents
from firstline.adapters.dynamodb.records import plan_key
from firstline.adapters.dynamodb.table import Item, Table, TableStore, WriteRefused, stamp
from firstline.errors import AlreadyPlanned, LockHeld, RemediationContended
from firstline.models import RemediationPlan, RunbookRun, RunOutcome
from firstline.models.live import LAYOUT
from firstline.remediation.locks import Lease
from firstline.remediation.plan import RemediationState

_LEDGER = ("REMEDIATION", "LEDGER")


class TableRemediations(TableStore):
    """The remediations in the table. Every method raises `HistoryUnavailable` when DynamoDB fails."""

    def __init__(self, table: Table) -> None:
        super().__init__(table)
        self._incidents = TableIncidents(table)

    # --- planning ---------------------------------------------------------------------------------------------------

    def plan_of(self, incident_id: str) -> RemediationPlan | None:
        """Return the plan that an incident has already, or None."""
        item = self._table.get(*plan_key(incident_id))
        return None if item is None else RemediationPlan.model_validate_json(item["plan"])

    def state(self, runbook_id: str, since: datetime) -> RemediationState:
        """Read the remediations in progress, with one runbook's runs that were planned since a time. Three requests."""
        # The ledger first: a run that begins after this read changes the version, so the reservation fails.
        ledger = self._table.get(*_LEDGER) or {"version": 0, "held": {}}
        standing = self._table.get(*_standing_key(runbook_id)) or {}
        return RemediationState(
            version=int(ledger["version"]),
            held=[Lease.from_stored(text) for text in ledger["held"].values()],
            runs=self._incidents.runs_since(runbook_id, since),
            demoted=_why_demoted(standing),
        )

    def reserve(self, plan: RemediationPlan, run: RunbookRun, *, state: RemediationState, now: datetime) -> None:
        """Store the plan of an incident, count its run and take its locks: one transaction, all or nothing.

        Raises
        ------
        RemediationContended
            A remediation began or ended since the state was read.
        AlreadyPlanned
            The incident has a plan.
        LockHeld
            Another incident holds one of the locks.
        """
        me = run.incident_id
        mine = Lease(incident_id=me, runbook_id=run.runbook_id, locks=plan.locks, until=run.until)
        held = {lease.incident_id: lease for lease in state.held if lease.until > now} | {me: mine}
        leases = {incident_id: lease.model_dump_json() for incident_id, lease in held.items()}
        expiry = max(self._table.expiry(now), int(run.until.timestamp()) + 86_400)
        ledger = {
            "pk": _LEDGER[0],
            "sk": _LEDGER[1],
            "version": state.version + 1,
            "held": leases,
            "expires_at": expiry,
        }
        unchanged = "version = :read" if state.version else "attribute_not_exists(pk)"
        read = {":read": state.version} if state.version else None
        stored_plan = plan_item(me, plan) | {"expires_at": max(self._table.late_expiry(now), expiry)}
        locks = [self._lock_request(name, me, run.until, now) for name in plan.locks]
        try:
            self._table.transact(
                self._table.put_request(ledger, condition=unchanged, values=read),
                self._table.put_request(stored_plan, condition="attribute_not_exists(pk)"),
                self._run_request(run, ""),
                *locks,
            )
        except WriteRefused as error:
            if 1 in error.refused:
                raise AlreadyPlanned(f"{me} has a plan") from error
            if 0 in error.refused or not error.refused:
                raise RemediationContended(str(error)) from error
            names = [plan.locks[number - 3] for number in sorted(error.refused) if number >= 3]
            raise LockHeld(f"{', '.join(names) or 'it'} is in the hands of another incident") from error

    def keep_shadow(self, run: RunbookRun) -> None:
        """Count a run in shadow; of one incident, only the first."""
        with suppress(WriteRefused):
            self._table.transact(self._run_request(run, "#shadow"))

    # --- the end ----------------------------------------------------------------------------------------------------

    def settle(
        self,
        plan: RemediationPlan,
        incident_id: str,
        outcome: RunOutcome,
        *,
        accepted: bool | None,
        demote: str | None,
        at: datetime,
    ) -> bool:
        """Write how the remediation ended and release its locks; only the first time counts.

        Parameters
        ----------
        demote
            Why the runbook may not run by itself any more; None if it may.

        Returns
        -------
        bool
            True the first time.
        """
        change = "SET outcome = :outcome, ended_at = :at"
        values: Item = {":outcome": outcome, ":at": stamp(at)}
        if accepted is not None:
            change, values = f"{change}, accepted = :accepted", values | {":accepted": accepted}
        once = "attribute_exists(pk) AND attribute_not_exists(outcome)"
        run = f"RUNS#{plan.runbook_id}", f"{stamp(plan.planned_at)}#{incident_id}"
        ended = self._table.update_request(*run, change, values, condition=once)
        off_the_ledger = self._table.update_request(
            *_LEDGER,
            "REMOVE held.#me SET version = version + :one",
            {":one": 1},
            condition="attribute_exists(held.#me)",
            names={"#me": incident_id},
        )
        demotion = []
        if demote is not None:
            change = "SET demoted_at = :at, demoted_because = :why, demoted_by = :incident"
            values = {":at": stamp(at), ":why": demote, ":incident": incident_id}
            demotion.append(self._table.update_request(*_standing_key(plan.runbook_id), change, values))
        # A lease that ended by itself is no longer on the ledger.
        first = self._write_first_possible([ended, off_the_ledger, *demotion], [ended, *demotion])
        held, values = "held_by = :me AND lease_until > :now", {":now": stamp(at), ":me": incident_id}
        for name in plan.locks:
            self._table.update(f"LOCK#{name}", "LOCK", "SET lease_until = :now", values, condition=held)
        return first

    def _write_first_possible(self, *ways: Sequence[Item]) -> bool:
        """Try these transactions in order until one succeeds; return False if the first write of one is refused."""
        for writes in ways:
            for _ in range(5):
                try:
                    self._table.transact(*writes)
                except WriteRefused as error:
                    if 0 in error.refused:
                        return False
                    if error.refused:
                        break
                else:
                    return True
        raise RemediationContended("too many remediations begin and end at this moment")

    # --- autonomy -----------------------------------------------------------------------------------------------------

    def demoted(self, runbook_id: str) -> str | None:
        """Return why a runbook may not run by itself, or None if it may."""
        return _why_demoted(self._table.get(*_standing_key(runbook_id)) or {})

    def reset(self, runbook_id: str, by: str, at: datetime) -> bool:
        """Allow a demoted runbook to run by itself again. Return False if it was not demoted."""
        change, values = "SET reset_at = :at, reset_by = :by REMOVE demoted_at", {":at": stamp(at), ":by": by}
        demoted = "attribute_exists(demoted_at)"
        return self._table.update(*_standing_key(runbook_id), change, values, condition=demoted) is not None

    # --- pieces of writes -------------------------------------------------------------------------------------------

    def _run_request(self, run: RunbookRun, suffix: str) -> Item:
        item: Item = {"pk": f"RUNS#{run.runbook_id}", "sk": f"{stamp(run.at)}#{run.incident_id}{suffix}"}
        item |= {"run": run.model_dump_json(exclude={"outcome", "ended_at", "accepted"})}
        item |= {"expires_at": self._table.expiry(run.at)}
        return self._table.put_request(item, condition="attribute_not_exists(pk)")

    def _lock_request(self, name: str, incident_id: str, until: datetime, now: datetime) -> Item:
        item: Item = {"pk": f"LOCK#{name}", "sk": "LOCK", "held_by": incident_id, "lease_until": stamp(until)}
        item |= {"expires_at": int(until.timestamp()) + 86_400}
        # The time is compared here: DynamoDB deletes expired items within days, not at once.
        free = "attribute_not_exists(pk) OR lease_until <= :now OR held_by = :me"
        return self._table.put_request(item, condition=free, values={":now": stamp(now), ":me": incident_id})


def plan_item(incident_id: str, plan: RemediationPlan) -> Item:
    """Return the item of an incident's plan."""
    pk, sk = plan_key(incident_id)
    stored = {"plan": plan.model_dump_json(), "digest": plan.digest(), "planned_at": stamp(plan.planned_at)}
    return {"pk": pk, "sk": sk, "layout": LAYOUT, **stored}


def _standing_key(runbook_id: str) -> tuple[str, str]:
    return f"RUNBOOK#{runbook_id}", "STANDING"


def _why_demoted(standing: Item) -> str | None:
    return str(standing["demoted_because"]) if "demoted_at" in standing else None
