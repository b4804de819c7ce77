"""What planning talks to, in memory: the ledger and its locks, the trail, the documents in SSM, an inventory."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from firstline.errors import AlreadyPlanned, HistoryUnavailable, LockHeld, ReleasesUnreadable, RemediationContended
from firstline.models import RemediationPlan, RunbookRun, RunOutcome, Target
from firstline.runbooks import documents
from firstline.runbooks.locks import Held
from firstline.runbooks.model import Runbook
from firstline.runbooks.plan import Board, Resolution
from firstline.runbooks.releases import ReleaseHistory
from firstline.runbooks.steps import Document, document_name
from firstline.trail import Entry, Fact, chained


@dataclass
class MemoryRemediations:
    """The table's promises without the table. `meanwhile` happens once, between the next board and what follows it."""

    version: int = 0
    held: dict[str, Held] = field(default_factory=dict)
    locks: dict[str, tuple[str, datetime]] = field(default_factory=dict)
    runs: list[RunbookRun] = field(default_factory=list)
    plans: dict[str, RemediationPlan] = field(default_factory=dict)
    demoted: dict[str, str] = field(default_factory=dict)
    meanwhile: Callable[[], object] | None = None

    def plan_of(self, incident_id: str) -> RemediationPlan | None:
        return self.plans.get(incident_id)

    def board(self, runbook_id: str, since: datetime) -> Board:
        runs = [run for run in self.runs if run.runbook_id == runbook_id and run.at >= since]
        board = Board(
            version=self.version, held=list(self.held.values()), runs=runs, demoted=self.demoted.get(runbook_id)
        )
        happens, self.meanwhile = self.meanwhile, None
        if happens:
            happens()
        return board

    def reserve(self, plan: RemediationPlan, run: RunbookRun, *, board: Board, now: datetime) -> None:
        me = run.incident_id
        if me in self.plans:
            raise AlreadyPlanned(me)
        if board.version != self.version:
            raise RemediationContended(me)
        for name in plan.locks:
            owner, until = self.locks.get(name, (me, now))
            if owner != me and until > now:
                raise LockHeld(f"{name} is in the hands of {owner}")
        self.version += 1
        self.locks |= dict.fromkeys(plan.locks, (me, run.until))
        self.held = {key: one for key, one in self.held.items() if one.until > now}
        self.held[me] = Held(incident_id=me, runbook_id=run.runbook_id, locks=plan.locks, until=run.until)
        self.runs.append(run)
        self.plans[me] = plan

    def keep_shadow(self, run: RunbookRun) -> None:
        if run not in self.runs:
            self.runs.append(run)

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
        for number, run in enumerate(self.runs):
            if run.incident_id == incident_id and run.outcome is None and run.decision != "shadow":
                ended = {"outcome": outcome, "ended_at": at, "accepted": accepted}
                self.runs[number] = run.model_copy(update=ended)
                break
        else:
            return False
        self.version += 1
        self.held.pop(incident_id, None)
        for name, (owner, until) in self.locks.items():
            if owner == incident_id:
                self.locks[name] = (owner, min(until, at))
        if demote:
            self.demoted[plan.runbook_id] = demote
        return True


@dataclass
class MemoryTrail:
    """Trails by incident."""

    entries: dict[str, list[Entry]] = field(default_factory=dict)
    broken: bool = False

    def append(self, incident_id: str, facts: Sequence[Fact], at: datetime) -> None:
        if self.broken:
            raise HistoryUnavailable("no table")
        known = self.entries.setdefault(incident_id, [])
        there = [Fact(what=entry.what, who=entry.who, facts=entry.facts) for entry in known]
        new = [fact for fact in facts if fact not in there]
        known += chained(incident_id, new, at, known[-1] if known else None)

    def told(self, incident_id: str) -> list[tuple[str, Mapping[str, Any]]]:
        """What happened, and the facts of it."""
        return [(entry.what, entry.facts) for entry in self.entries.get(incident_id, [])]


class DeployedDocuments:
    """Systems Manager after a deployment of these runbooks."""

    def __init__(self, runbooks: Iterable[Runbook], prefix: str) -> None:
        self.deployed = {
            document_name(prefix, runbook.id, step_id): Document(
                version="3", content=documents.content(runbook, step_id, command)
            )
            for runbook in runbooks
            for step_id, command in runbook.commands()
        }

    def read(self, name: str, version: str | None = None) -> Document | None:
        document = self.deployed.get(name)
        return document if document and version in (None, document.version) else None


@dataclass
class KnownReleases:
    """What was released, by place; what is not there cannot be read."""

    places: dict[str, ReleaseHistory] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def of_group(self, application: str, deployment_group: str) -> ReleaseHistory:
        return self._of(f"{application}/{deployment_group}")

    def of_configuration(self, application: str, environment: str, profile: str) -> ReleaseHistory:
        return self._of(f"{application}/{environment}/{profile}")

    def _of(self, place: str) -> ReleaseHistory:
        self.asked.append(place)
        if place not in self.places:
            raise ReleasesUnreadable(f"AccessDenied on {place}")
        return self.places[place]


@dataclass
class Inventory:
    """Hosts by name, in a fleet of some size."""

    hosts: dict[str, Target]
    fleet: int = 100
    windows: set[str] = field(default_factory=set)
    asked: list[list[str]] = field(default_factory=list)

    def resolve(self, hints: Sequence[str]) -> Resolution:
        self.asked.append(list(hints))
        unknown = [hint for hint in hints if hint not in self.hosts]
        if unknown:
            return Resolution(targets=[], problem=f"{unknown[0]} is nobody's name")
        windows = [self.hosts[hint].name for hint in hints if hint in self.windows]
        return Resolution(targets=[self.hosts[hint] for hint in hints], problem=None, windows=windows)

    def fleet_size(self) -> int:
        return self.fleet
