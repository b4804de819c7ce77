"""The form of an entry in the tables of tools.

A place is a path such as `data.issue.title`; of several the first with a value counts, and those with a `+` between
them are one value together. Its first name is compared by letters and digits alone.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field


def words(**meanings: str) -> dict[str, str]:
    """Return the meaning of each word."""
    return {word: meaning for meaning, listed in meanings.items() for word in listed.split()}


@dataclass(frozen=True, slots=True)
class ToolShape:
    """One kind of message of a tool.

    Parameters
    ----------
    marks
        The places that must be there.
    fields
        Where each field stands. `fingerprint` names the alert and `group` its incident among those of the tool.
    statuses
        The tool's own words for a status, beyond those of `firstline.sources.statuses`.
    other
        What any other word stands for: some tools tell of much that is no alert.
    severities
        The tool's own words for a severity, beyond those of `firstline.sources.severity`; an empty one states none.
    scale
        The numeric scale of its severities, by its name in `firstline.sources.severity.SCALES`.
    usual
        The severity of a message that states none.
    apart
        The statuses that tell of another alert of the same thing.
    title
        The form of its titles; the first group is the alert's name in it.
    by_title
        Only a message with such a title has this shape: its marks are anybody's.
    """

    tool: str
    marks: str
    fields: Mapping[str, str]
    statuses: Mapping[str, str] = field(default_factory=dict)
    other: str = "firing"
    severities: Mapping[str, str] = field(default_factory=dict)
    scale: str | None = None
    usual: str | None = None
    apart: frozenset[str] = frozenset()
    title: str = ""
    by_title: bool = False
