"""The pages of a period: how many each person got, and how many of them at night in the person's own time zone."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, time, tzinfo
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from firstline.models import Frozen, IncidentRecord, Page

if TYPE_CHECKING:
    from firstline.policy.oncall import Roster

NIGHT_BEGINS, NIGHT_ENDS = time(22), time(8)
"""The hours of sleep, as PagerDuty's analytics count them."""


class PagesOf(Frozen):
    """The number of pages that one person got.

    `person` is the name of the person on call, or the text of a paging level that names nobody, such as `whoever reads
    the page topic`. `zone` is the time zone by which `at_night` was counted.
    """

    person: str
    pages: int
    at_night: int
    zone: str


@dataclass(frozen=True)
class Clocks:
    """The time zones of people.

    Parameters
    ----------
    zone
        The stack's time zone, for everybody who is in no schedule.
    schedules
        Schedules by name. A person has the time zone of the first schedule that names them.
    """

    zone: tzinfo
    schedules: "Mapping[str, Roster]"

    def zone_of(self, person: str) -> tzinfo:
        """Return the time zone of a person on call."""
        names = (roster.time_zone for roster in self.schedules.values() if person in roster.members)
        return next((ZoneInfo(name) for name in names), self.zone)

    def is_night(self, page: Page) -> bool:
        """Return True if a page went out between 22:00 and 08:00 in the time zone of the person who was paged."""
        return page.at is not None and at_night(page.at, self.zone_of(page.on_call))


def at_night(moment: datetime, zone: tzinfo) -> bool:
    """Return True if a moment is between 22:00 and 08:00 in a time zone."""
    clock = moment.astimezone(zone).time()
    return clock >= NIGHT_BEGINS or clock < NIGHT_ENDS


def pages_of_people(records: Iterable[IncidentRecord], clocks: Clocks) -> list[PagesOf]:
    """Count the pages of each person, most pages first."""
    found: dict[str, list[Page]] = {}
    for record in records:
        for page in record.sent_pages:
            found.setdefault(page.on_call, []).append(page)
    counted = [
        PagesOf(
            person=person,
            pages=len(pages),
            at_night=sum(map(clocks.is_night, pages)),
            zone=str(clocks.zone_of(person)),
        )
        for person, pages in found.items()
    ]
    return sorted(counted, key=lambda person: (-person.pages, person.person))
