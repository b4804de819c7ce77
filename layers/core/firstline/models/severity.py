"""How bad something is: in a source's words, and as Firstline decided."""

from typing import Literal

type SourceSeverity = Literal["critical", "high", "medium", "low", "info"]
"""What a source said, in our words."""

type Severity = Literal["critical", "high", "medium", "low", "noise"]
"""What Firstline decided."""

SEVERITY_RANK: dict[str, int] = {"noise": 0, "info": 0, "low": 1, "medium": 2, "high": 3, "critical": 4}
"""Both scales on one ruler: `info` is the lowest a source can say, `noise` the lowest that Firstline can decide."""

PAGING_RANK = SEVERITY_RANK["high"]
"""From this rank on an incident wakes somebody."""
