"""Severities: as a source states them, and as Firstline decides them."""

from typing import Literal

type SourceSeverity = Literal["critical", "high", "medium", "low", "info"]
"""A source's statement, mapped to Firstline's words."""

type Severity = Literal["critical", "high", "medium", "low", "noise"]
"""Firstline's decision."""

SEVERITY_RANK: dict[str, int] = {"noise": 0, "info": 0, "low": 1, "medium": 2, "high": 3, "critical": 4}
"""Both scales on one ruler: `info` is the lowest that a source can state, `noise` the lowest that Firstline decides."""

PAGING_RANK = SEVERITY_RANK["high"]
"""An incident of this rank or above pages the on-call."""

_BY_RANK: tuple[Severity, ...] = ("noise", "low", "medium", "high", "critical")


def severity_of(rank: int) -> Severity:
    """Return Firstline's word for a rank."""
    return _BY_RANK[rank]
