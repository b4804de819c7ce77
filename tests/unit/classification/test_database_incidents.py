"""Recordings of databases: whether the right cause is found, and whether the incident pages.

Each recording is a quarter of an hour of a quiet database in which some metrics differ, with RDS's own events. Many
hold a false trail beside the fault: a metric that follows, an old event, a backup, a peak that is over.
"""

from collections.abc import Mapping
from datetime import timedelta
from types import MappingProxyType
from typing import Any, NamedTuple

import pytest

from firstline.classification import cause
from firstline.classification.classify import classify
from firstline.models import (
    PAGING_RANK,
    SEVERITY_RANK,
    Evidence,
    Incident,
    MetricReading,
    NormalizedAlert,
    Resource,
    ResourceChange,
)
from firstline.policy.rules import NO_RULES
from tests.support.classification_fixtures import NOW

GIB, MIB = 2**30, 2**20
type Series = tuple[float, ...]
QUIET: dict[str, Series] = {
    "CPUUtilization": (17, 19, 16, 18),
    "DatabaseConnections": (93, 97, 90, 95),
    "FreeStorageSpace": (200 * GIB,) * 4,
    "FreeableMemory": (38 * GIB, 37 * GIB, 38 * GIB, 38 * GIB),
    "SwapUsage": (80 * MIB, 83 * MIB, 78 * MIB, 81 * MIB),
    "ReplicaLag": (1.2, 1.4, 0.9, 1.1),
    "DiskQueueDepth": (0.1, 0.2, 0.1, 0.1),
    "ReadIOPS": (1_880, 1_950, 1_800, 1_900),
    "WriteIOPS": (930, 1_010, 880, 950),
}


class Recorded(NamedTuple):
    """A recording: what it shows, its cause, the metrics that differ from a quiet database, the events with their age.

    `truth` is the category of the cause, `well` for a healthy database, or None where nobody could tell. Ages are in
    minutes.
    """

    says: str
    truth: str | None
    differs: Mapping[str, Series | None] = MappingProxyType({})
    events: tuple[tuple[str, int], ...] = ()

    @property
    def evidence(self) -> Evidence:
        """Return the recording as evidence; a metric whose series is None was not read."""
        known = {name: series for name, series in {**QUIET, **self.differs}.items() if series is not None}
        readings = [
            MetricReading(name=name, now=series[-1], hour_ago=series[0], lowest=min(series), highest=max(series))
            for name, series in known.items()
        ]
        changes = [
            ResourceChange(at=NOW - timedelta(minutes=age), what="RDS event", categories=category.split(", "))
            for category, age in self.events
        ]
        known_else: dict[str, Any] = {"same_name_last_hour": 1, "earlier": [], "deployments": []}
        return Evidence(
            **known_else,
            local_time=NOW,
            business_hours=False,
            readings=readings,
            changes=sorted(changes, key=lambda change: change.at, reverse=True),
            resource=Resource(kind="RDS", namespace="AWS/RDS", id="orders-db", state=None),
        )


BROKEN = [
    Recorded("Storage is low", "storage full", {"FreeStorageSpace": (40 * GIB, 20 * GIB, 9 * GIB, 3 * GIB)}),
    Recorded(
        "Storage and CPU", "storage full",
        {"FreeStorageSpace": (14 * GIB, 6 * GIB, 2 * GIB, 0.3 * GIB), "CPUUtilization": (40, 88, 95, 93)},
    ),
    Recorded(
        "Storage is low, its metric is missing", "storage full", {"FreeStorageSpace": None}, (("low storage", 6),)
    ),
    Recorded("Connections", "connections exhausted", {"DatabaseConnections": (210, 330, 440, 489)}),
    Recorded(
        "Connections, with a CPU that follows", "connections exhausted",
        {"DatabaseConnections": (180, 300, 460, 495), "CPUUtilization": (18, 31, 44, 52)},
    ),
    Recorded("Replica is late", "replication lag", {"ReplicaLag": (2, 90, 380, 700), "WriteIOPS": (9e2, 9e3, 9e3)}),
    Recorded(
        "Replica is late, with a busy CPU", "replication lag",
        {"ReplicaLag": (9, 400, 900, 1_300), "CPUUtilization": (28, 91, 95, 92)},
    ),
    Recorded(
        "Replica is late, long after a failover", "replication lag",
        {"ReplicaLag": (1, 200, 600, 980), "WriteIOPS": (900, 9e3, 1e4, 1e4)}, (("failover", 48),),
    ),
    Recorded(
        "Replica is late, its own metric is missing", "replication lag",
        {"ReplicaLag": None, "OldestReplicationSlotLag": (0.1 * GIB, 4 * GIB, 14 * GIB, 25 * GIB)},
    ),
    Recorded("Aurora's reader is late", "replication lag", {"AuroraReplicaLag": (21, 900, 14_000, 31_000)}),
    Recorded(
        "CPU credits", "burst credits used up",
        {"CPUCreditBalance": (61, 30, 9, 0), "CPUUtilization": (96, 90, 41, 20)},
    ),
    Recorded(
        "Burst balance", "burst credits used up",
        {"BurstBalance": (70, 31, 8, 1), "DiskQueueDepth": (1, 9, 30, 44)},
    ),
    Recorded(
        "Failover", "failover",
        {"DatabaseConnections": (312, 0, 40, 310), "CPUUtilization": (24, 1, 9, 24)},
        (("failover", 9), ("failover", 8), ("availability", 8)),
    ),
    Recorded("Failover, told late", "failover", {"DatabaseConnections": (312, 0, 290, 310)}, (("failover", 31),)),
    Recorded(
        "Memory", "memory short", {"FreeableMemory": (6 * GIB, 2 * GIB, 0.6 * GIB, 0.2 * GIB)}
    ),
    Recorded(
        "Memory that runs into swap", "memory short",
        {
            "FreeableMemory": (8 * GIB, 4 * GIB, 2 * GIB, 1.4 * GIB),
            "SwapUsage": (80 * MIB, 200 * MIB, 500 * MIB, 800 * MIB),
        },
    ),
    Recorded("CPU from the first point on", "CPU saturated", {"CPUUtilization": (88, 95, 92, 89)}),
    Recorded("CPU of a query", "CPU saturated", {"CPUUtilization": (18, 93, 97, 91), "ReadIOPS": (1e3, 1e4, 2e4, 2e4)}),
    Recorded("Disk", "disk saturated", {"DiskQueueDepth": (0.2, 30, 71, 64), "WriteIOPS": (9e2, 3e3, 3e3, 3e3)}),
    Recorded("Deadlocks", "lock contention", {"Deadlocks": (0, 0.2, 0.9, 1.3)}),
]  # fmt: skip
WELL = [
    Recorded("The check passed", "well"),
    Recorded("Connections swing within what is usual", "well", {"DatabaseConnections": (1_984, 2_247, 1_990, 2_087)}),
    Recorded("A backup, and some reads", "well", {"ReadIOPS": (900, 4e3, 5e3, 2e3)}, (("backup", 12), ("backup", 4))),
    Recorded(
        "Storage was low, and has grown", "well",
        {"FreeStorageSpace": (4 * GIB, 2 * GIB, 90 * GIB, 190 * GIB)},
        (("low storage", 14), ("configuration change", 9)),
    ),
    Recorded("A CPU peak that is over", "well", {"CPUUtilization": (22, 96, 71, 25)}),
    Recorded("A replica that caught up", "well", {"ReplicaLag": (1, 340, 90, 2)}, (("read replica", 9),)),
    Recorded("A deadlock now and then", "well", {"Deadlocks": (0.02, 0, 0.03, 0.02)}),
    Recorded("Free memory of a warm cache", "well", {"FreeableMemory": (3 * GIB, 2.4 * GIB, 2.2 * GIB, 2.3 * GIB)}),
]  # fmt: skip
UNKNOWN = [
    Recorded("All connections are gone, nobody knows why", None, {"DatabaseConnections": (310, 120, 3, 0)}),
    Recorded("The database restarted, and more", None, {"DatabaseConnections": (310, 0, 2, 4)}, (("availability", 7),)),
    Recorded("Much is written", None, {"WriteIOPS": (900, 6e3, 9e3, 9e3), "ReplicaLag": None}),
    Recorded("Slow reads", None, {"ReadLatency": (0.8, 9, 20, 22), "CPUUtilization": (20, 33, 38, 36)}),
]


@pytest.mark.parametrize("recorded", BROKEN, ids=lambda recorded: recorded.says)
def test_the_fault_in_a_recording_is_named_as_the_cause(recorded: Recorded) -> None:
    found = cause.find(recorded.evidence, NOW)

    assert (found.category if found else None) == recorded.truth
    assert not cause.is_well(recorded.evidence, NOW)


@pytest.mark.parametrize("recorded", [*WELL, *UNKNOWN], ids=lambda recorded: recorded.says)
def test_a_recording_without_a_clear_fault_names_no_cause_and_a_well_one_is_called_well(recorded: Recorded) -> None:
    assert cause.find(recorded.evidence, NOW) is None
    assert cause.is_well(recorded.evidence, NOW) or recorded.truth is None


@pytest.mark.parametrize("recorded", [*BROKEN, *WELL], ids=lambda recorded: recorded.says)
def test_without_a_stated_severity_a_broken_database_pages_and_a_well_one_does_not(recorded: Recorded) -> None:
    words = {"source": "cloudwatch", "alert_name": "RDSCheck", "message": "See the console.", "severity": "medium"}
    alert = NormalizedAlert.model_validate(
        words
        | {"severity_stated": False, "labels": {}, "timestamp": NOW, "raw_payload": None, "status": "firing"}
        | {"fingerprint": "f", "group_key": "g"}
    )
    incident = Incident(incident_id="i", group_key="g", opened_at=NOW, alert=alert, alert_count=1, hosts=[])
    verdict = classify(incident, evidence=recorded.evidence, rules=NO_RULES, offered=[], model=None, now=NOW)

    assert (SEVERITY_RANK[verdict.severity] >= PAGING_RANK) == (recorded.truth != "well"), verdict.reasons
