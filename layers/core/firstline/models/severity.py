"""Severities: as a source states them, and as Firstline decides them."""

from typing import Literal

type SourceSeverity = Literal["critical", "high", "medium", "low", "info"]
"""A severity as a source states it, mapped to Firstline's words."""

type Severity = Literal["critical", "high", "medium", "low", "noise"]
"""A severity as Firstline decides it."""

SEVERITY_RANK: dict[str, int] = {"noise": 0, "info": 0, "low": 1, "medium": 2, "high": 3, "critical": 4}
"""The rank of each severity, to compare what a source states with what Firstline decides; `info` equals `noise`."""

PAGING_RANK = SEVERITY_RANK["high"]
"""An incident of this rank or above pages the on-call."""

SEVERITIES: tuple[Severity, ...] = ("critical", "high", "medium", "low", "noise")
"""The severities that Firstline decides, the worst first."""


def severity_of(rank: int) -> Severity:
    """Return the severity of a rank, from 0 (`noise`) to 4 (`critical`)."""
    return SEVERITIES[4 - rank]
