"""The console over a store in memory: its pages, its forms, and people with sessions."""

from datetime import timedelta
from typing import Any

from firstline.adapters.dynamodb.overrides import TableOverrides
from firstline.adapters.dynamodb.sessions import TableSessions
from firstline.adapters.dynamodb.silences import TableSilences
from firstline.console.forms import ConsoleForms
from firstline.console.sessions import Pass
from firstline.models import IncidentRecord
from firstline.people.on_call import OnCallOverrides
from firstline.policy.people import ListedPerson, People
from tests.support.browsing import get, post, site_of
from tests.support.builders import INCIDENT_ID, NOW, a_waiting_record
from tests.support.memory import MemoryChannel, MemoryExecutions, MemoryStore
from tests.support.operating import operations_of
from tests.support.terminal import SCHEDULES

PAGE = f"/console/incidents/{INCIDENT_ID}"
KEYS = ("k" * 40,)
PEOPLE = People(
    people={
        "ada": ListedPerson(iam=("arn:aws:iam::123456789012:user/ada",), role="approver"),
        "bob": ListedPerson(slack="U0BOB", role="operator"),
        "eve": ListedPerson(iam=("arn:aws:iam::123456789012:user/eve",), role="reader"),
    }
)


class Shelf:
    """A console over a store with one incident, whose plan waits for an approval."""

    def __init__(self, *records: IncidentRecord) -> None:
        self.store = MemoryStore(*(records or (a_waiting_record(),)))
        self.sessions, self.silences = TableSessions(self.store.table), TableSilences(self.store.table)
        self.overrides = TableOverrides(self.store.table)
        self.incidents, self.trail = self.store.incidents, self.store.trail
        self.executions, self.slack = MemoryExecutions(), MemoryChannel()
        self.people = PEOPLE
        self.site = site_of(self)
        operations = operations_of(self.store, self.executions, {"slack": self.slack}, PEOPLE)
        self.forms = ConsoleForms(self.sessions, lambda: self.people, lambda: operations, lambda: KEYS, self._desk)

    def _desk(self) -> OnCallOverrides:
        overrides = self.overrides
        return OnCallOverrides(SCHEDULES, self.people, overrides.of, overrides.save, self.slack.say, self.trail)

    def session(self, name: str, incident_id: str | None = None, minutes: float = 60) -> str:
        """Begin a session of a person on the list, and return its cookie."""
        person = PEOPLE.named(name)
        assert person is not None
        over = NOW + timedelta(minutes=minutes)
        given = Pass(key=person.key, name=name, role=person.role, incident_id=incident_id, expires_at=over)
        return self.sessions.begin(given, NOW)

    def see(self, address: str, session: str = "", minutes: float = 0) -> dict[str, Any]:
        """Look at a page."""
        return self.site.handle(get(address, session), NOW + timedelta(minutes=minutes))

    def send(self, address: str, form: dict[str, str], session: str = "", **headers: str) -> dict[str, Any]:
        """Send a form."""
        return self.forms.handle(post(address, form, session, **headers), NOW)
