"""The limits of remediation under random operation: no run breaks a limit, no lock outlives its lease.

Incidents are planned alone or at the same moment, wait for approval or not, send commands as long as their lease
allows, and end or crash, while time passes and somebody turns the kill switch. Every command is checked against all
commands before it.
"""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    MultipleResults,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    multiple,
    rule,
)

from firstline.errors import NotNow
from firstline.models import Classification, Incident, NormalizedAlert, RemediationPlan, RunOutcome, Target
from firstline.people.approve import Answer, answer_plan
from firstline.policy.remediation import RemediationPolicy
from firstline.remediation.decide import Switch
from firstline.remediation.plan import Planning, RemediationRules, plan
from firstline.runbooks.catalogue import Catalogue
from firstline.runbooks.model import Runbook
from tests.support.builders import a_classification
from tests.support.depth import tries
from tests.support.machines import HERE
from tests.support.memory import MemoryDocuments, MemoryExecutions, MemoryReleases, MemoryStore, MemoryTargets

type Planned = MultipleResults[RemediationPlan]

BEGIN = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
HOSTS = {f"web-{n}": Target(instance_id=f"i-{n:08x}", name=f"web-{n}") for n in range(6)}
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
FREEZE = {"reason": "lunch", "hours": "12:00-13:00"}

limits = st.fixed_dictionaries(
    {
        "cooldown": st.sampled_from(["1m", "30m", "2h"]),
        "per_hour": st.integers(1, 4),
        "per_day": st.integers(1, 8),
        "max_hosts": st.integers(1, 4),
        "max_percent": st.sampled_from([100, 50, 20]),
        "max_concurrency": st.sampled_from(["1", "2", "50%"]),
    }
)
modes = st.sampled_from(["auto"] * 6 + ["approve", "approve", "shadow", "off"])
# Mostly one host, so that much of what is asked for may really run.
hosts = st.one_of(
    st.sampled_from(sorted(HOSTS)).map(lambda host: [host]),
    st.sampled_from(sorted(HOSTS)).map(lambda host: [host]),
    st.sets(st.sampled_from(sorted(HOSTS)), min_size=2, max_size=4).map(sorted),
)
services = st.sampled_from([None, "shop", "cart"])


@dataclass(frozen=True)
class Sent:
    """A command that was sent to the hosts of a plan."""

    incident_id: str
    plan: RemediationPlan
    at: datetime

    @property
    def hosts(self) -> set[str]:
        return {target.instance_id for target in self.plan.targets}


class Operations(RuleBasedStateMachine):
    """A fleet of six hosts with two runbooks, on which hypothesis lets incidents, approvals and ends happen."""

    plans: Bundle[RemediationPlan] = Bundle("plans")

    def __init__(self) -> None:
        super().__init__()
        self.now = BEGIN
        self.switch: Switch = "on"
        self.store = MemoryStore()
        self.planned: dict[str, RemediationPlan] = {}
        self.over: set[str] = set()
        self.sent: list[Sent] = []
        self.incidents = 0
        self.decided: set[str] = set()
        self.began: dict[str, datetime] = {}

    @initialize(first=limits, second=limits, one=modes, two=modes, percent=st.sampled_from([100, 50, 20]))
    def deploy(self, first: dict[str, object], second: dict[str, object], one: str, two: str, percent: int) -> None:
        self.runbooks = {
            "drain-spool": _runbook("drain-spool", first, one),
            "restart": _runbook("restart", second, two),
        }
        self.catalogue = Catalogue(list(self.runbooks.values()))
        self.documents = MemoryDocuments(self.runbooks.values(), "f")
        policy = {"fleet": {"max_hosts": 4, "max_percent": percent}, "freezes": [FREEZE]}
        self.conditions = RemediationRules(
            remediation_mode="auto",
            environment="staging",
            document_prefix="f",
            approvers=("U0ADA", "U0GRACE"),
            policy=RemediationPolicy.model_validate(policy),
        )

    @rule(target=plans, runbook_id=st.sampled_from(["drain-spool", "restart"]), affected=hosts, service=services)
    def an_incident(self, runbook_id: str, affected: list[str], service: str | None) -> Planned:
        made = self._plan(self._incident(affected, service), runbook_id)
        return multiple(*([made] if made else []))

    @rule(target=plans, runbook_id=st.sampled_from(["drain-spool", "restart"]), one=hosts, other=hosts)
    def two_incidents_at_the_same_moment(self, runbook_id: str, one: list[str], other: list[str]) -> Planned:
        made: list[RemediationPlan | None] = []
        rival = self._incident(other, None)
        self.store.meanwhile["reserve"] = lambda: made.append(self._plan(rival, runbook_id))
        made.append(self._plan(self._incident(one, None), runbook_id))
        self.store.meanwhile.clear()
        return multiple(*(plan for plan in made if plan))

    @rule(made=plans)
    def somebody_says_yes(self, made: RemediationPlan) -> None:
        """Let a person approve a waiting plan, which takes its locks, or is refused because of a limit."""
        incident_id = self._incident_of(made)
        if made.decision == "auto" or incident_id in self.began or incident_id in self.over:
            return
        with suppress(NotNow):
            answer_plan(
                incident_id,
                Answer(True, "U0ADA", "ada", made.digest()),
                self.now,
                approvers=self.conditions.approvers,
                incidents=self.store.incidents,
                remediations=self.store.remediations,
                executions=MemoryExecutions(),
                show=lambda record: None,
            )
            self.began[incident_id] = self.now

    @rule(made=plans)
    def it_sends(self, made: RemediationPlan) -> None:
        incident_id = self._incident_of(made)
        if incident_id in self.over or self.now >= self._until(incident_id):
            return
        sent = Sent(incident_id, made, self.now)
        self._breaks_nothing(sent)
        self.sent.append(sent)

    @rule(made=consumes(plans), outcome=st.sampled_from(["verified", "failed", "undone"]))
    def it_ends(self, made: RemediationPlan, outcome: RunOutcome) -> None:
        self._end(made, outcome)

    def _end(self, made: RemediationPlan, outcome: RunOutcome) -> None:
        incident_id = self._incident_of(made)
        acted = any(sent.incident_id == incident_id for sent in self.sent)
        self.store.remediations.settle(
            made,
            incident_id,
            outcome if acted else "not_run",
            began=self.began.get(incident_id),
            accepted=None,
            demote=None,
            at=self.now,
        )
        self.over.add(incident_id)

    @rule(minutes=st.sampled_from([1, 10, 29, 31, 59, 61, 120]))
    def time_passes(self, minutes: int) -> None:
        self.now += timedelta(minutes=minutes)

    @rule(switch=st.sampled_from(["off", "unreadable"]), affected=hosts)
    def somebody_has_turned_the_switch(self, switch: Switch, affected: list[str]) -> None:
        self.switch = switch
        assert self._plan(self._incident(affected, None), "drain-spool") is None
        self.switch = "on"

    @rule(runbook_id=st.sampled_from(["drain-spool", "restart"]), affected=hosts, minutes=st.integers(0, 40))
    def a_whole_one(self, runbook_id: str, affected: list[str], minutes: int) -> None:
        """Plan, send and end a remediation, as most of them go."""
        made = self._plan(self._incident(affected, None), runbook_id)
        if made:
            self.it_sends(made)
            self.now += timedelta(minutes=minutes)
            self._end(made, "verified")

    @invariant()
    def no_lock_is_held_past_its_lease_or_its_end(self) -> None:
        for owner, until in self.store.remediations.locks.values():
            assert until <= self._until(owner)
            assert owner not in self.over or until <= self.now

    @invariant()
    def not_more_hosts_in_hand_than_allowed(self) -> None:
        working = [
            made
            for incident_id, made in self.planned.items()
            if incident_id not in self.over and self._until(incident_id) > self.now
        ]
        for runbook_id in {made.runbook_id for made in working}:
            in_hand = {t.instance_id for made in working if made.runbook_id == runbook_id for t in made.targets}
            assert len(in_hand) <= self.runbooks[runbook_id].limits.max_hosts
        in_hand = {target.instance_id for made in working for target in made.targets}
        assert len(in_hand) <= max(1, self.conditions.policy.fleet.allows(len(HOSTS)))
        locks = [lock for made in working for lock in made.locks]
        assert len(locks) == len(set(locks)), "two remediations hold the same lock"

    @invariant()
    def every_decision_is_on_the_trail(self) -> None:
        assert all(self.store.trail.entries(incident_id) for incident_id in self.decided)

    # --- pieces -----------------------------------------------------------------------------------------------------

    def _breaks_nothing(self, sent: Sent) -> None:
        runbook = self.runbooks[sent.plan.runbook_id]
        assert runbook.mode in ("auto", "approve"), "a runbook in shadow or switched off was sent"
        before = [
            command
            for command in self.sent
            if command.plan.runbook_id == runbook.id
            and command.incident_id != sent.incident_id
            and command.at <= sent.at
        ]
        for span, limit in ((HOUR, runbook.limits.per_hour), (DAY, runbook.limits.per_day)):
            assert self._hosts_within(span, [*before, sent]) <= limit
        for command in before:
            assert not command.hosts & sent.hosts or sent.at - command.at >= runbook.limits.cooldown, (
                "it did not cool down"
            )

    def _hosts_within(self, span: timedelta, sent: Sequence[Sent]) -> int:
        """Count the hosts of the commands that were sent within a time; the commands of an incident count once."""
        recent = {command.incident_id: len(command.hosts) for command in sent if self.now - command.at < span}
        return sum(recent.values())

    def _plan(self, incident: Incident, runbook_id: str) -> RemediationPlan | None:
        self.store.admit(incident)
        output = plan(
            Planning(
                incident=incident,
                classification=_verdict(runbook_id),
                catalogue=self.catalogue,
                targets=MemoryTargets(HOSTS, fleet=len(HOSTS)),
                documents=self.documents,
                releases=MemoryReleases(),
                remediations=self.store.remediations,
                deployments=lambda service: [],
                switch=lambda: self.switch,
                rules=self.conditions,
                here=HERE,
                now=self.now,
            ),
            trail=self.store.trail,
        )
        self.decided.add(incident.incident_id)
        if output.plan:
            assert self.switch == "on"
            assert self.now.hour != 12, "in a freeze"
            self.planned[incident.incident_id] = output.plan
            if output.plan.decision == "auto":
                self.began[incident.incident_id] = self.now
        else:
            assert self.store.records[incident.incident_id].plan is None, "denied, and yet reserved"
        return output.plan

    def _incident(self, affected: list[str], service: str | None) -> Incident:
        self.incidents += 1
        alert = NormalizedAlert(
            source="generic",
            alert_name="Any",
            severity="high",
            message="",
            labels={},
            timestamp=self.now,
            raw_payload=None,
            status="firing",
            fingerprint="f",
            group_key=f"g-{self.incidents}",
            host=affected[0],
            service=service,
        )
        return Incident(
            incident_id=f"inc-{self.incidents}",
            group_key=f"g-{self.incidents}",
            opened_at=self.now,
            alert=alert,
            alert_count=len(affected),
            hosts=affected,
        )

    def _until(self, incident_id: str) -> datetime:
        """Return the end of the remediation's lease; a remediation that never began has none."""
        longest = timedelta(seconds=self.planned[incident_id].longest_seconds)
        return self.began[incident_id] + longest if incident_id in self.began else BEGIN

    def _incident_of(self, made: RemediationPlan) -> str:
        return next(incident_id for incident_id, plan in self.planned.items() if plan is made)


def _runbook(runbook_id: str, limits: dict[str, object], mode: str) -> Runbook:
    return Runbook.model_validate(
        {
            "id": runbook_id,
            "title": runbook_id,
            "match": {"alerts": ["Any"]},
            "mode": mode,
            "risk": "safe",
            "target": "hosts",
            "limits": limits,
            "steps": [{"id": "act", "kind": "act", "run": "act"}],
            "verify": {"run": "verify", "within": "1m", "every": "20s"},
        }
    )


def _verdict(runbook_id: str) -> Classification:
    return a_classification(runbook_id=runbook_id, confidence=1)


TestLimitsHold = Operations.TestCase
TestLimitsHold.settings = settings(
    max_examples=tries(60), stateful_step_count=40, suppress_health_check=list(HealthCheck)
)
