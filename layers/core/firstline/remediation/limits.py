"""The limits of a remediation: locks, hosts at once, cool-downs, and runs an hour and a day.

The limits are checked when a remediation takes its locks: for a plan that needs no approval when it is made, for every
other plan at the approval that decides. A plan that waits for approval holds no lock and counts against no limit.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Self

from firstline.models import PlanLimits, PlannedRelease, RemediationPlan, RunbookRun, Target
from firstline.policy.remediation import RemediationPolicy, share_of
from firstline.remediation.locks import HOST, RELEASE, Lease
from firstline.remediation.store import Beginning, RemediationState
from firstline.runbooks.model import RunbookLimits
from firstline.text import in_words

_HOUR, _DAY = timedelta(hours=1), timedelta(days=1)


@dataclass(frozen=True)
class Footprint:
    """The hosts or releases that a remediation would act on, with the locks and the limits for them."""

    incident_id: str
    runbook_id: str
    targets: Sequence[Target]
    releases: Sequence[PlannedRelease]
    locks: Sequence[str]
    limits: PlanLimits

    @classmethod
    def of(cls, plan: RemediationPlan, incident_id: str) -> Self:
        """Return the footprint of an incident's plan: its hosts or releases, with their locks and limits."""
        return cls(incident_id, plan.runbook_id, plan.targets, plan.releases, plan.locks, plan.limits)

    @property
    def places(self) -> dict[str, str]:
        """The names of the hosts to act on, by instance id, and of the places whose releases are taken back.

        The name of such a place, for example a deployment group, is its key as well.
        """
        hosts = {target.instance_id: target.name for target in self.targets}
        return hosts | {release.place: release.place for release in self.releases}


@dataclass(frozen=True)
class _View:
    """A footprint, with the leases that other incidents hold now, and the runs that count against its limits."""

    footprint: Footprint
    others: Sequence[Lease]
    counted: Sequence[RunbookRun]
    now: datetime


def why_not_now(footprint: Footprint, held: Sequence[Lease], runs: Sequence[RunbookRun], now: datetime) -> str | None:
    """Return why a remediation may not begin now, or None if it may.

    Parameters
    ----------
    held
        The locks that remediations of any runbook hold.
    runs
        The runbook's runs on any host, as far back as `look_back` says; some may be in shadow (only planned).
    """
    view = _View(
        footprint,
        [lease for lease in held if lease.incident_id != footprint.incident_id and lease.until > now],
        [run for run in runs if _counts(run, footprint)],
        now,
    )
    checks = (_busy, _too_wide, _cooling_down, _too_often)
    return next((reason for check in checks if (reason := check(view))), None)


def beginning_of(plan: RemediationPlan, incident_id: str, state: RemediationState, now: datetime) -> Beginning:
    """Return the run and the locks to reserve for a plan that begins now, valid only while `state` is unchanged."""
    run = RunbookRun(
        runbook_id=plan.runbook_id,
        incident_id=incident_id,
        instance_ids=list(plan.places),
        decision=plan.decision,
        at=now,
        until=now + timedelta(seconds=plan.longest_seconds),
    )
    return Beginning(plan=plan, run=run, state=state)


def limits_of(limits: RunbookLimits, policy: RemediationPolicy, fleet: int | None) -> PlanLimits:
    """Return a runbook's limits, with the policy's limit for the whole fleet, in the form that a plan stores.

    `fleet` is the number of hosts in the fleet; None if not counted, and then the plan has no limit for the fleet.
    """
    return PlanLimits(
        cooldown_seconds=int(limits.cooldown.total_seconds()),
        per_hour=limits.per_hour,
        per_day=limits.per_day,
        max_hosts=limits.max_hosts,
        max_percent=limits.max_percent,
        fleet=fleet,
        fleet_hosts=None if fleet is None else policy.fleet.allows(fleet),
    )


def look_back(limits: PlanLimits, longest: timedelta) -> timedelta:
    """Return how far back to read runs: a day, or the cool-down if that is longer, plus the `longest` time of a run."""
    return max(timedelta(seconds=limits.cooldown_seconds), _DAY) + longest


def hosts_at_once(targets: Sequence[Target], held: Sequence[Lease]) -> int:
    """Return the number of different hosts that are targets or locked by one of the leases in `held`."""
    return len({target.instance_id for target in targets}.union(*(lease.hosts for lease in held)))


def too_wide_alone(runbook_id: str, targets: Sequence[Target], limits: PlanLimits) -> str | None:
    """Return why these targets exceed the limits even if no other remediation runs, or None if they do not."""
    count = len(targets)
    if count > limits.max_hosts:
        return f"{count} hosts are affected and {runbook_id} may touch {limits.max_hosts} at once"
    return None if count <= 1 else _too_wide_for_fleet(runbook_id, limits, count, count)


def _too_wide_for_fleet(runbook_id: str, limits: PlanLimits, of_runbook: int, of_all: int) -> str | None:
    if limits.fleet is None or limits.fleet_hosts is None:
        return f"{of_all} hosts would be touched at once, and the hosts of the fleet were not counted"
    if of_runbook > share_of(limits.max_percent, limits.fleet):
        return (
            f"{runbook_id} may touch {limits.max_percent}% of {limits.fleet} hosts at once, {of_runbook} are affected"
        )
    if of_all > limits.fleet_hosts:
        return f"runbooks would touch {of_all} of {limits.fleet} hosts at once; {limits.fleet_hosts} are allowed"
    return None


def _busy(view: _View) -> str | None:
    footprint = view.footprint
    names = {f"{HOST}{target.instance_id}": target.name for target in footprint.targets}
    names |= {f"{RELEASE}{release.lock}": release.place for release in footprint.releases}
    for lock in footprint.locks:
        for other in view.others:
            if lock in other.locks:
                what = names.get(lock, lock.replace(":", " "))
                return f"{what} is locked by {other.runbook_id} of incident {other.incident_id}, which runs there now"
    return None


def _too_wide(view: _View) -> str | None:
    footprint, limits, count = view.footprint, view.footprint.limits, len(view.footprint.targets)
    if not footprint.targets:
        return None
    if alone := too_wide_alone(footprint.runbook_id, footprint.targets, limits):
        return alone
    same = [other for other in view.others if other.runbook_id == footprint.runbook_id]
    of_runbook, of_all = hosts_at_once(footprint.targets, same), hosts_at_once(footprint.targets, view.others)
    if of_runbook > limits.max_hosts:
        elsewhere = of_runbook - count
        return f"{footprint.runbook_id} is on {elsewhere} hosts already and may touch {limits.max_hosts} at once"
    return None if of_all == 1 else _too_wide_for_fleet(footprint.runbook_id, limits, of_runbook, of_all)


def _counts(run: RunbookRun, footprint: Footprint) -> bool:
    """Return True if a run counts against the footprint's limits: one of the same runbook for another incident.

    Runs in shadow (only planned), and runs that ended without a command that ran (`not_run`), do not count.
    """
    real = run.decision != "shadow" and run.outcome != "not_run"
    return real and run.incident_id != footprint.incident_id and run.runbook_id == footprint.runbook_id


def _last_moment(run: RunbookRun) -> datetime:
    """Return when a run ended, or the latest time at which it may still act."""
    return run.ended_at or run.until


def _cooling_down(view: _View) -> str | None:
    runbook_id, now = view.footprint.runbook_id, view.now
    cooldown = timedelta(seconds=view.footprint.limits.cooldown_seconds)
    for place, name in view.footprint.places.items():
        last = max((_last_moment(run) for run in view.counted if place in run.instance_ids), default=None)
        if last and now - last < cooldown:
            rest = in_words(cooldown)
            if last > now:
                return f"{runbook_id} may still be running on {name}, and cools down for {rest} after it"
            return f"{runbook_id} ran on {name} {in_words(now - last)} ago and cools down for {rest}"
    return None


def _too_often(view: _View) -> str | None:
    runbook_id, limits = view.footprint.runbook_id, view.footprint.limits
    for span, words, limit in ((_HOUR, "hour", limits.per_hour), (_DAY, "day", limits.per_day)):
        ran = sum(len(run.instance_ids) for run in view.counted if view.now - _last_moment(run) < span)
        if ran + len(view.footprint.places) > limit:
            if view.footprint.releases:
                return f"{runbook_id} took {ran} releases back in the last {words} and may take back {limit}"
            return f"{runbook_id} ran on {ran} hosts in the last {words} and may run on {limit}"
    return None
