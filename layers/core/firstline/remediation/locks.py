"""Locks that allow one remediation at a time per host, per service and per release.

A lock is a lease. The remediation releases it at its end; after a crash, the lock ends once the plan's longest possible
time is over. So a crash never blocks a host for ever, and no running remediation loses its lock.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta

from firstline.models import Frozen, Name, PlannedRelease, Target
from firstline.runbooks.model import Runbook

HOST = "host:"
SERVICE = "service:"
RELEASE = "release:"

_PER_COMMAND = timedelta(minutes=10)
"""The time that each command may take beyond its own time-out: delivery, throttling, cancellation, the last wait before
it is read."""

_MARGIN = timedelta(minutes=10)
_LONGEST_NAME = 200


class Lease(Frozen):
    """The locks that one incident's remediation holds, and the time when they end by themselves."""

    incident_id: Name
    runbook_id: Name
    locks: list[Name]
    until: datetime

    @property
    def hosts(self) -> set[str]:
        """The ids of the instances among the locks."""
        return {name.removeprefix(HOST) for name in self.locks if name.startswith(HOST)}


def lock_names(targets: Iterable[Target], service: str | None, releases: Iterable[PlannedRelease]) -> list[str]:
    """Return the names of the locks that a remediation needs: for its hosts or releases, and the alert's service.

    `service` is None if the alert names none; then there is no lock for a service.
    """
    hosts = sorted({f"{HOST}{target.instance_id}" for target in targets})
    released = sorted({f"{RELEASE}{release.lock}" for release in releases})
    return [*hosts, *released, *([f"{SERVICE}{service[:_LONGEST_NAME]}"] if service else [])]


def longest(runbook: Runbook, waves: int) -> timedelta:
    """Return the longest time of a remediation, rollback included, whose steps reach the hosts in `waves` rounds."""
    total = _MARGIN
    for step in runbook.steps:
        total += (runbook.timeout_of(step) + _PER_COMMAND) * waves
    for undo in runbook.rollback:
        total += runbook.timeout_of(undo) + _PER_COMMAND
    if runbook.verify:
        total += (runbook.verify.every + runbook.timeout_of(runbook.verify) + _PER_COMMAND) * runbook.verify.attempts
        total += runbook.verify.every
    return total + (runbook.resolves_within or timedelta())


def waves(max_concurrency: str, hosts: int) -> int:
    """Return the number of rounds in which Run Command reaches all hosts: 4 for 8 hosts, `25%` or `2` at a time."""
    if max_concurrency.endswith("%"):
        at_a_time = max(1, hosts * int(max_concurrency[:-1]) // 100)
    else:
        at_a_time = int(max_concurrency)
    return -(-hosts // at_a_time)
