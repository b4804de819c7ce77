"""The rules that name a cause from the evidence about an RDS database, and from used-up burst credits. Pure."""

from collections.abc import Iterator, Mapping
from datetime import timedelta

from firstline.classification.resource_evidence import GROWN, Category, Cause, Seen
from firstline.classification.vital_signs import told_change

_GIB, _MIB = 2**30, 2**20
_FREE_SHARE, _MOST_FREE = 0.05, 20 * _GIB
_SATURATED_PERCENT, _STILL_BUSY_PERCENT = 90, 80
_CREDITS_LEFT = 5
_LAG_SECONDS = 300
_LAG_BEGUN_SECONDS, _LAG_GROWN = 60, 10
_LAG_BYTES, _LAG_MILLISECONDS = 5 * _GIB, 10_000
_FAILS_OVER_WITHIN = timedelta(minutes=15)
"""The time for which a failover is the likely cause of what fires. Later it is the cause only if no other is found."""

_QUEUE = 20
_DEADLOCKS_A_SECOND = 0.1
_QUARTER, _SWAPPED = 0.25, 256 * _MIB
_MIN_CONNECTIONS = 50
_NEAR_ITS_LIMIT, _FAR_FROM_ITS_LIMIT = 0.9, 0.5
_AT_ITS_PEAK = 0.95

_AT_WORK = frozenset({"maintenance", "upgrading", "rebooting", "modifying", "storage-config-upgrade"})
"""The states that RDS reports while AWS works on a database."""

_UNUSABLE: Mapping[str, tuple[Category, str]] = {
    "stopped": ("stopped", "The database is stopped"),
    "stopping": ("stopped", "The database is stopping"),
    "failed": ("hardware", "The database has failed, and RDS cannot recover it"),
    "incompatible-network": ("misconfigured", "RDS cannot use the network that the database is to be in"),
    "incompatible-option-group": ("misconfigured", "The options of the database do not fit it"),
    "incompatible-parameters": ("misconfigured", "The parameters of the database do not fit it"),
    "inaccessible-encryption-credentials": ("misconfigured", "RDS cannot use the key of the database"),
    "inaccessible-encryption-credentials-recoverable": ("misconfigured", "RDS cannot use the key of the database"),
}
"""The states in which a database cannot be used, each with the category and the sentence of its cause."""


def causes(seen: Seen) -> Iterator[Cause]:
    """Yield the causes that hold for a database, root causes before their symptoms."""
    state = seen.resource.state or ""
    if state in _UNUSABLE:
        yield seen.cause(*_UNUSABLE[state])
    yield from _storage(seen)
    failover = seen.event("failover")
    if failover is not None and seen.opened_at - failover.at <= _FAILS_OVER_WITHIN:
        yield seen.cause("failover", f"The database failed over ({told_change(failover)})")
    maintained = seen.event("maintenance")
    if maintained is not None and state in _AT_WORK:
        yield seen.cause("maintenance", f"AWS works on the database ({told_change(maintained)})")
    yield from _replication(seen)
    yield from credits_used_up(seen)
    if _cpu_saturated(seen):
        yield seen.cause("CPU saturated", "The CPU of the database is saturated", "CPUUtilization")
    yield from _memory(seen)
    yield from _connections(seen)
    if seen.above("DiskQueueDepth", _QUEUE) and seen.grew("DiskQueueDepth", 3):
        words = "The disk cannot keep up with its reads and writes"
        yield seen.cause("disk saturated", words, "DiskQueueDepth", "ReadIOPS", "WriteIOPS")
    if seen.above("Deadlocks", _DEADLOCKS_A_SECOND) and seen.grew("Deadlocks", 3):
        yield seen.cause("lock contention", "Transactions of the database block each other", "Deadlocks")
    if failover is not None:
        yield seen.cause("failover", f"The database failed over ({told_change(failover)})")
    if maintained is not None:  # it explains only what no metric does: AWS tells of plans under this category, too
        yield seen.cause("maintenance", f"AWS works on the database ({told_change(maintained)})")


def _storage(seen: Seen) -> Iterator[Cause]:
    """Yield the cause `storage full`, once for each sign of it.

    The signs are: the database's state says so, or little storage is free; nine tenths of the free storage were lost
    within the hour; or the free storage is unknown, and AWS reported low storage.
    """
    resource, free = seen.resource, seen.now("FreeStorageSpace")
    allocated = resource.number("allocated_storage_gib")
    bound = min(max(_GIB, _FREE_SHARE * allocated * _GIB), _MOST_FREE) if allocated else _GIB
    if resource.state == "storage-full" or (free is not None and free < bound):
        yield seen.cause("storage full", "The storage of the database is full", "FreeStorageSpace")
    if seen.fell("FreeStorageSpace"):
        words = "The storage of the database has nearly filled up within the hour"
        yield seen.cause("storage full", words, "FreeStorageSpace", "WriteIOPS")
    if free is None and (event := seen.event("low storage")) is not None:
        yield seen.cause("storage full", f"The storage of the database is nearly full ({told_change(event)})")


def _replication(seen: Seen) -> Iterator[Cause]:
    """Yield the cause `replication lag` if replication stopped, or the replica is far behind its primary.

    How far is measured by time or by the data that the primary has not sent yet.
    """
    if (replication := seen.resource.fact("replication")) in ("stopped", "error", "terminated"):
        yield seen.cause("replication lag", f"The replication of the database is {replication}", "ReplicaLag")
    words = "The replica is behind its primary"
    begun = seen.above("ReplicaLag", _LAG_BEGUN_SECONDS) and seen.grew("ReplicaLag", _LAG_GROWN)
    if begun or seen.above("ReplicaLag", _LAG_SECONDS):
        yield seen.cause("replication lag", words, "ReplicaLag", "WriteIOPS")
    for name, bound in (("OldestReplicationSlotLag", _LAG_BYTES), ("AuroraReplicaLag", _LAG_MILLISECONDS)):
        if seen.above(name, bound) and seen.grew(name, _LAG_GROWN):
            yield seen.cause("replication lag", words, name, "WriteIOPS")


def _cpu_saturated(seen: Seen) -> bool:
    """Return True if the CPU's use is at 90 % or above now, and was below that at this hour a week ago, if known.

    80 % is enough if the use reached 90 % within the hour, and grew by half in it or never fell below 80 %.
    """
    reading = seen.readings.get("CPUUtilization")
    if reading is None:
        return False
    all_the_time = (reading.lowest or 0) >= _STILL_BUSY_PERCENT
    peaked = (reading.highest or 0) >= _SATURATED_PERCENT and (all_the_time or seen.grew("CPUUtilization", GROWN))
    return seen.above("CPUUtilization", _STILL_BUSY_PERCENT if peaked else _SATURATED_PERCENT)


def _memory(seen: Seen) -> Iterator[Cause]:
    swaps = seen.above("SwapUsage", _GIB) and seen.grew("SwapUsage", 2)
    shrank = seen.fell("FreeableMemory", _QUARTER) and seen.above("SwapUsage", _SWAPPED) and seen.grew("SwapUsage", 2)
    if seen.below("FreeableMemory", 100 * _MIB) or seen.fell("FreeableMemory") or swaps or shrank:
        yield seen.cause("memory short", "The database is short of memory", "FreeableMemory", "SwapUsage")


def _connections(seen: Seen) -> Iterator[Cause]:
    """Yield the cause `connections exhausted` if the connections are near their limit, or grew fast within the hour.

    They grew fast if they are up by half and still near their highest value; below half of a known limit that does
    not count.
    """
    limit = seen.resource.number("max_connections")
    share = (seen.now("DatabaseConnections") or 0.0) / limit if limit else None
    if limit and share is not None and seen.above("DatabaseConnections", _NEAR_ITS_LIMIT * limit):
        words = f"The connections are near the limit of about {limit:,.0f}"
        yield seen.cause("connections exhausted", words, "DatabaseConnections")
    if _connections_rose(seen) and (share is None or share >= _FAR_FROM_ITS_LIMIT):
        words = "The connections grew by half or more within the hour, and stay there"
        yield seen.cause("connections exhausted", words, "DatabaseConnections")


def _connections_rose(seen: Seen) -> bool:
    """Return True if the connections grew by half within the hour and are still near their highest value."""
    reading = seen.readings.get("DatabaseConnections")
    if reading is None or reading.now < _MIN_CONNECTIONS:
        return False
    stays = reading.highest is None or reading.now >= _AT_ITS_PEAK * reading.highest
    return stays and seen.grew("DatabaseConnections", GROWN)


def connections_fell(seen: Seen) -> bool:
    """Return True if nine in ten connections or more were lost within the hour."""
    before = seen.readings.get("DatabaseConnections")
    return before is not None and (before.hour_ago or 0) >= _MIN_CONNECTIONS and seen.fell("DatabaseConnections")


def credits_used_up(seen: Seen) -> Iterator[Cause]:
    """Yield the cause `burst credits used up` for each credit metric that is low now but was higher before."""
    for name in ("BurstBalance", "EBSIOBalance%", "EBSByteBalance%", "CPUCreditBalance"):
        reading = seen.readings.get(name)
        if reading is None or not seen.below(name, _CREDITS_LEFT):
            continue
        if (reading.hour_ago or 0) > reading.now or reading.week_ago is not None:
            yield seen.cause("burst credits used up", "The burst credits are used up", name, "CPUUtilization")
