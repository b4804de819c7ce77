"""Remediations in the table: plans, runs, locks, outcomes, and whether a runbook may run without approval.

| what | pk | sk |
|---|---|---|
| an incident's plan, which is written once | `PLAN#<incident id>` | `PLAN` |
| the remediations in progress in the whole stack | `REMEDIATION` | `LEDGER` |
| a locked host, service or release | `LOCK#<name>` | `LOCK` |
| a runbook that began for an incident | `RUNS#<runbook id>` | `<began at>#<incident id>`, with `#shadow` in shadow |
| whether a runbook may still run by itself | `RUNBOOK#<runbook id>` | `STANDING` |

A plan that waits for approval holds no lock: its run and its locks are written with the approval. If nobody approves
it, its end is written as a run that never began. The limits are checked against the ledger as it was read, so the
ledger may not change before the reservation: every beginning and every end increases its version, and a reservation is
one transaction on the condition that the version is the same. Of two incidents that begin at the same moment, the
second must read again. The locks in the same transaction hold even if the ledger were lost.
"""

from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime

from firstline.adapters.dynamodb.incidents import TableIncidents
from firstline.adapters.dynamodb.records import plan_key
from firstline.adapters.dynamodb.reservations import LEDGER, begin_requests, run_item, run_request
from firstline.adapters.dynamodb.table import Item, Table, TableStore, WriteRefused, stamp
from firstline.errors import AlreadyPlanned, LockHeld, RemediationContended
from firstline.models import RemediationPlan, RunbookRun, RunOutcome
from firstline.models.live import LAYOUT
from firstline.remediation.limits import beginning_of
from firstline.remediation.locks import Lease
from firstline.remediation.store import NOTHING_RUNS, Beginning, RemediationState, Standing


class TableRemediations(TableStore):
    """The port `Remediations` over the table; the port documents the methods.

    Every method raises `HistoryUnavailable` when DynamoDB fails.
    """

    def __init__(self, table: Table) -> None:
        super().__init__(table)
        self._incidents = TableIncidents(table)

    # --- planning ---------------------------------------------------------------------------------------------------

    def plan_of(self, incident_id: str) -> RemediationPlan | None:
        """Return the stored plan of an incident, or None if it has none."""
        item = self._table.get(*plan_key(incident_id))
        return None if item is None else RemediationPlan.model_validate_json(item["plan"])

    def state(self, runbook_id: str, since: datetime) -> RemediationState:
        """Return the remediations in progress in the stack, and one runbook's runs since a time. Two requests."""
        # The ledger first: a run that begins after this read changes the version, so the reservation fails.
        ledger = self._table.get(*LEDGER) or {"version": 0, "held": {}}
        return RemediationState(
            version=int(ledger["version"]),
            held=[Lease.from_stored(text) for text in ledger["held"].values()],
            runs=self._incidents.runs_since(runbook_id, since),
        )

    def keep(self, plan: RemediationPlan, incident_id: str) -> None:
        """Store a plan that waits for approval; it takes no lock and counts against no limit.

        Raises
        ------
        AlreadyPlanned
            The incident has a plan.
        """
        try:
            self._table.transact(self._plan_request(plan, incident_id))
        except WriteRefused as error:
            raise _already_planned(incident_id) from error

    def reserve(self, reservation: Beginning, now: datetime) -> None:
        """Store an incident's plan, count its run and take its locks, in one transaction.

        Raises
        ------
        AlreadyPlanned
            The incident has a plan.
        LockHeld
            Another incident's remediation has one of the locks.
        RemediationContended
            Another remediation began or ended since the state was read.
        """
        plan, me = reservation.plan, reservation.run.incident_id
        try:
            self._table.transact(self._plan_request(plan, me), *begin_requests(self._table, reservation, now))
        except WriteRefused as error:
            if 0 in error.refused:
                raise _already_planned(me) from error
            if 1 in error.refused or not error.refused:
                why = f"incident {me}: another remediation began or ended meanwhile; read the ledger again ({error})"
                raise RemediationContended(why) from error
            names = [plan.locks[number - 3] for number in sorted(error.refused) if number >= 3]
            raise LockHeld(f"{', '.join(names) or plan.title} is being remediated by another incident") from error

    def holds_locks(self, incident_id: str, now: datetime) -> bool:
        """Return True if the incident's remediation took its locks, and their time is not over."""
        lease = (self._table.get(*LEDGER) or {"held": {}})["held"].get(incident_id)
        return lease is not None and Lease.from_stored(lease).until > now

    def keep_shadow(self, run: RunbookRun) -> None:
        """Store a run in shadow mode (planned, not executed); a second one of the same incident and time is ignored."""
        with suppress(WriteRefused):
            self._table.transact(run_request(self._table, run, "#shadow"))

    # --- the end ----------------------------------------------------------------------------------------------------

    def settle(
        self,
        plan: RemediationPlan,
        incident_id: str,
        outcome: RunOutcome,
        *,
        began: datetime | None,
        accepted: bool | None,
        demote: str | None,
        proven: bool = False,
        at: datetime,
    ) -> bool:
        """Store how and when (`at`) a remediation ended, and release its locks; return False if that was stored before.

        `began` is None if the remediation never took its locks. `accepted` is a person's decision on the plan, None if
        nobody decided. `demote` is the reason why the runbook needs approval from now on, None if it does not; then
        `proven` adds one to the runbook's successes in a row.
        """
        sets: Item = {"outcome": outcome, "ended_at": stamp(at)}
        sets |= {} if accepted is None else {"accepted": accepted}
        ended = self._end_request(plan, incident_id, began, sets)
        off_the_ledger = self._table.update_request(
            *LEDGER,
            "REMOVE held.#me SET version = version + :one",
            {":one": 1},
            condition="attribute_exists(held.#me)",
            names={"#me": incident_id},
        )
        key = _standing_key(plan.runbook_id)
        records: list[list[Item]] = [[]]
        if demote is not None:
            records = [[self._table.update_request(*key, *_demotion(demote, incident_id, at, by_person=False))]]
        elif proven:
            records = [[success] for success in self._successes(key, plan.scripts)]
        # A lease that ended by itself is no longer on the ledger.
        ledgers = [[]] if began is None else [[off_the_ledger], []]
        first = self._write_first_possible(*([ended, *ledger, *record] for ledger in ledgers for record in records))
        if began is None:
            return first
        held, values = "held_by = :me AND lease_until > :now", {":now": stamp(at), ":me": incident_id}
        for name in plan.locks:
            self._table.update(f"LOCK#{name}", "LOCK", "SET lease_until = :now", values, condition=held)
        return first

    def _successes(self, key: tuple[str, str], scripts: str | None) -> list[Item]:
        """Return the writes that count a runbook's success, of which the first whose condition holds is to be made.

        `key` is that of the runbook's record. `scripts` identifies the scripts that ran (None: unknown). If others ran
        in the successes before, the count of successes in a row begins again at 1.
        """
        if scripts is None:
            return [self._table.update_request(*key, "ADD in_a_row :one", {":one": 1})]
        values = {":one": 1, ":scripts": scripts}
        same = "attribute_not_exists(scripts) OR scripts = :scripts"
        return [
            self._table.update_request(*key, "ADD in_a_row :one SET scripts = :scripts", values, condition=same),
            self._table.update_request(*key, "SET in_a_row = :one, scripts = :scripts", values),
        ]

    def _write_first_possible(self, *ways: Sequence[Item]) -> bool:
        """Try these transactions in order until one succeeds, and return True.

        Return False if the condition of a transaction's first write does not hold. If that of another write does not
        hold, the next transaction is tried.

        Raises
        ------
        RemediationContended
            None succeeded: their conditions did not hold, or other writers had the items each time.
        """
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
        raise RemediationContended("the end was not stored: too many remediations begin and end now; try again")

    # --- autonomy -----------------------------------------------------------------------------------------------------

    def standing(self, runbook_id: str) -> Standing:
        """Return a runbook's record: its successes in a row, and who or what decided whether it needs approval."""
        item = self._table.get(*_standing_key(runbook_id)) or {}
        return Standing(
            in_a_row=int(item.get("in_a_row", 0)),
            demoted=str(item["demoted_because"]) if "demoted_at" in item else None,
            demoted_by_person=bool(item.get("demoted_by_person", False)),
            promoted_by=item.get("promoted_by"),
            scripts=item.get("scripts"),
        )

    def promote(self, runbook_id: str, by: str, at: datetime) -> None:
        """Store that a person lets a runbook run without approval."""
        change = "SET promoted_at = :at, promoted_by = :by REMOVE demoted_at, demoted_by_person"
        self._table.update(*_standing_key(runbook_id), change, {":at": stamp(at), ":by": by}, condition=None)

    def demote(self, runbook_id: str, by: str, at: datetime) -> None:
        """Store that a person makes a runbook ask for approval again."""
        demotion = _demotion(f"{by} demoted it", by, at, by_person=True)
        self._table.update(*_standing_key(runbook_id), *demotion, condition=None)

    # --- pieces of writes -------------------------------------------------------------------------------------------

    def _plan_request(self, plan: RemediationPlan, incident_id: str) -> Item:
        item = plan_item(incident_id, plan) | {"expires_at": self._table.late_expiry(plan.planned_at)}
        return self._table.put_request(item, condition="attribute_not_exists(pk)")

    def _end_request(self, plan: RemediationPlan, incident_id: str, began: datetime | None, end: Item) -> Item:
        """Return the write that ends a run, or creates one that never began as ended; it fails if the run has ended.

        `began` is None for a run that never began. `end` has the attributes to write, such as `outcome`.
        """
        once = "attribute_exists(pk) AND attribute_not_exists(outcome)"
        if began is None:
            run = beginning_of(plan, incident_id, NOTHING_RUNS, plan.planned_at).run
            whole = run_item(self._table, run, "")
            end = end | {name: value for name, value in whole.items() if name not in ("pk", "sk")}
            once = "attribute_not_exists(pk)"
        key = f"RUNS#{plan.runbook_id}", f"{stamp(began or plan.planned_at)}#{incident_id}"
        change = "SET " + ", ".join(f"#{name} = :{name}" for name in end)
        values, names = {f":{name}": value for name, value in end.items()}, {f"#{name}": name for name in end}
        return self._table.update_request(*key, change, values, condition=once, names=names)


def plan_item(incident_id: str, plan: RemediationPlan) -> Item:
    """Return the item of an incident's plan."""
    pk, sk = plan_key(incident_id)
    stored = {"plan": plan.model_dump_json(), "digest": plan.digest(), "planned_at": stamp(plan.planned_at)}
    return {"pk": pk, "sk": sk, "layout": LAYOUT, **stored}


def _already_planned(incident_id: str) -> AlreadyPlanned:
    return AlreadyPlanned(f"incident {incident_id} has a plan already; the second plan is dropped")


def _standing_key(runbook_id: str) -> tuple[str, str]:
    return f"RUNBOOK#{runbook_id}", "STANDING"


def _demotion(why: str, by: str, at: datetime, *, by_person: bool) -> tuple[str, Item]:
    """Return the update expression, and its values, by which a runbook needs approval from now on.

    Its successes in a row count from zero again. `why` and `by` are stored as the reason and who or what gave it: a
    person (`by_person`), or the incident in which the runbook did not help.
    """
    change = (
        "SET demoted_at = :at, demoted_because = :why, demoted_by = :by, demoted_by_person = :person, in_a_row = :none"
        " REMOVE promoted_by"
    )
    return change, {":at": stamp(at), ":why": why, ":by": by, ":person": by_person, ":none": 0}
