"""The form of an entry in the tables of tools: which messages it fits, and where each field stands in them.

A place is a path of keys such as `data.issue.title`. Of several places the first with a value counts; places joined by
`+` give one value together. The first key of a path is compared by its letters and digits alone.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from firstline.models import SourceSeverity


def words(**meanings: str) -> dict[str, str]:
    """Return the meaning of each word: `words(firing="open new")` is `{"open": "firing", "new": "firing"}`."""
    return {word: meaning for meaning, listed in meanings.items() for word in listed.split()}


@dataclass(frozen=True, slots=True)
class ToolShape:
    """One kind of message of a tool: how to recognize it, and where each field of the alert stands in it.

    A place is a path of keys such as `data.issue.title`.

    Parameters
    ----------
    marks
        The places at which a message must have a value to be of this kind, separated by spaces.
    fields
        The places of each field; the first that has a value counts. The field `fingerprint` tells the alert from
        others of the tool, the field `group` the incident.
    statuses
        The tool's own words for a status, beyond those of `firstline.sources.statuses`.
    other
        The status of a word that neither `statuses` nor `firstline.sources.statuses` knows. `muted` makes the message
        no alert, for a tool that sends mostly messages that are no alerts.
    severities
        The tool's own words for a severity, beyond those of `firstline.sources.severity`. A word with an empty text
        states no severity.
    scale
        The numeric scale of its severities, by its name in `firstline.sources.severity.SCALES`.
    usual
        The severity that is presumed of a message that states none.
    apart
        The tool's words for a status that is an alert of its own, such as a certificate that expires. A message with
        another status, such as that the site is up, does not end that alert.
    title
        A regular expression for the tool's titles; its first group is the alert's name.
    by_title
        True if a message must also have a title that `title` fits, because other tools use the same marks.
    """

    tool: str
    marks: str
    fields: Mapping[str, str]
    statuses: Mapping[str, str] = field(default_factory=dict)
    other: str = "firing"
    severities: Mapping[str, str] = field(default_factory=dict)
    scale: str | None = None
    usual: SourceSeverity | None = None
    apart: frozenset[str] = frozenset()
    title: str = ""
    by_title: bool = False
