"""Reader of published alerting rules, each with the severity that its author chose."""

import csv
import hashlib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from firstline.errors import ConfigurationError

type Level = Literal["critical", "warning", "info"]
LEVELS: tuple[Level, ...] = ("critical", "warning", "info")
"""The levels of published rules, the gravest first."""

_AUTHORS: dict[str, Level] = {
    **dict.fromkeys(("critical", "page", "sev0", "sev1"), "critical"),
    **dict.fromkeys(("warning", "ticket", "notify", "medium", "p3", "sev2"), "warning"),
    **dict.fromkeys(("info", "none", "task", "sev3", "sev4"), "info"),
}
"""The level of each severity that authors write. sev0 to sev4 are Azure's: critical, error, warning, informational,
verbose. Datadog's `thresholds:…` are left out, because such a monitor has several severities."""

_TEMPLATE = re.compile(r"\{\{.*?\}\}|<%.*?%>|\{%.*?%\}")
_WORD_BREAK = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])|[\W_]+")
_COLUMNS = {"name", "severity", "summary_description", "source_repo"}


@dataclass(frozen=True, slots=True)
class PublicRule:
    """A published alerting rule. `tuned_on` is true if the classifier's lexicon was tuned with its repository."""

    name: str
    description: str
    repository: str
    level: Level
    path: str = ""

    @property
    def tuned_on(self) -> bool:
        return hashlib.sha256(self.repository.encode()).digest()[0] % 2 == 0

    @property
    def words(self) -> tuple[str, ...]:
        """The words of the name in lower case, which are the same for `KubeAPIDown` and `kube-api_down`."""
        return tuple(_WORD_BREAK.sub(" ", self.name).lower().split())

    @property
    def message(self) -> str:
        """The description without its template expressions."""
        return _TEMPLATE.sub(" ", self.description)


def read(path: Path) -> list[PublicRule]:
    """Read a tab-separated file of rules; leave out those whose severity means no level (critical, warning, info).

    Raises
    ------
    ConfigurationError
        The file cannot be read or lacks a column.
    """
    try:
        with path.open(encoding="utf-8", newline="") as file:
            reader = csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
            if missing := _COLUMNS - set(reader.fieldnames or ()):
                raise ConfigurationError(
                    f"{path}: add the missing columns {', '.join(sorted(missing))} (TSV with a header)"
                )
            return [
                PublicRule(
                    row["name"], row["summary_description"] or "", row["source_repo"], level, row.get("path") or ""
                )
                for row in reader
                if (level := _AUTHORS.get((row["severity"] or "").lower())) and row["name"]
            ]
    except OSError as error:
        raise ConfigurationError(f"{path}: cannot be read ({error.strerror})") from None
