"""A stack in memory that people reach from their terminals, through `/operate`."""

import json
from collections.abc import Callable
from typing import Any

from firstline.adapters.dynamodb.overrides import TableOverrides
from firstline.adapters.dynamodb.sessions import TableSessions
from firstline.console.front import PeopleFront
from firstline.models import Hold
from firstline.people.on_call import OnCallOverrides
from firstline.policy.oncall import OnCall
from firstline.policy.people import People
from tests.support.builders import INCIDENT_ID, NOW, a_waiting_record
from tests.support.memory import MemoryChannel, MemoryDocuments, MemoryExecutions, MemoryStore

ACCOUNT = "123456789012"
SESSION = f"arn:aws:sts::{ACCOUNT}:assumed-role/AWSReservedSSO_Operators_0123456789abcdef/ada@example.com"
PEOPLE = People.model_validate(
    {
        "people": {
            "ada": {"iam": [SESSION.replace("0123456789abcdef", "*")], "role": "approver", "slack": "U1"},
            "bob": {"iam": [f"arn:aws:iam::{ACCOUNT}:user/bob"]},
            "eve": {"iam": [f"arn:aws:iam::{ACCOUNT}:user/eve"], "role": "reader"},
            "crew": {"iam": [f"arn:aws:sts::{ACCOUNT}:assumed-role/OnCall/*"], "role": "approver"},
        }
    }
)
SCHEDULES = OnCall.model_validate(
    {
        "schedules": {
            "platform": {"starts": NOW.date(), "handover": {"every": "1w", "at": "00:00"}, "rotation": ["ada", "bob"]}
        }
    }
).schedules
ARNS = {
    "ada": SESSION,
    "bob": f"arn:aws:iam::{ACCOUNT}:user/bob",
    "eve": f"arn:aws:iam::{ACCOUNT}:user/eve",
    "crew": f"arn:aws:sts::{ACCOUNT}:assumed-role/OnCall/ada",
}


class Terminal:
    """A stack in memory with one incident, and the answers of `/operate` to the people in `PEOPLE`."""

    def __init__(self, record: Any = None) -> None:
        self.store = MemoryStore(record or a_waiting_record(awaiting="acknowledgement", paged_at=NOW))
        self.executions = MemoryExecutions()
        self.slack, self.pagerduty = MemoryChannel(), MemoryChannel(wakes="once")
        self.submitted: list[Any] = []
        self.hold: Hold | None = None
        self.now = NOW
        self.secrets: dict[str, tuple[str, ...]] = {}
        self._front = PeopleFront(
            incidents=self.store.incidents,
            remediations=self.store.remediations,
            executions=self.executions,
            trail=self.store.trail,
            documents=MemoryDocuments(),
            people=lambda: PEOPLE,
            secrets=lambda name: self.secrets.get(name, ()),
            channels=lambda: {"slack": self.slack, "pagerduty": self.pagerduty},
            submit=self.submitted.append,
            held=lambda alert, now: self.hold,
            sessions=TableSessions(self.store.table),
            on_call=self._on_call,
        )

    def _on_call(self, people: People, tell: Callable[[str], object]) -> OnCallOverrides:
        overrides = TableOverrides(self.store.table)
        return OnCallOverrides(SCHEDULES, people, overrides.of, overrides.save, tell, self.store.trail)

    def post(self, path: str, body: Any = None, *, by: str | None = "ada", arn: str | None = None) -> tuple[int, Any]:
        """Return the status and the body of the answer to a signed request; `by` None signs nothing."""
        arn = arn or (ARNS[by] if by else None)
        event: dict[str, Any] = {
            "rawPath": f"/operate/{path}",
            "body": json.dumps(body) if isinstance(body, dict) else body,
            "isBase64Encoded": False,
            "requestContext": {"http": {"method": "POST"}, "domainName": "api.example"},
        }
        if arn:
            event["requestContext"]["authorizer"] = {"iam": {"userArn": arn}}
        answer = self._front.handle(event, self.now)
        return int(answer["statusCode"]), json.loads(answer["body"])

    def act(self, does: str, by: str = "ada", **fields: Any) -> tuple[int, Any]:
        """Return the status and the body of the answer to somebody's act on the incident."""
        return self.post(f"incidents/{INCIDENT_ID}/{does}", fields, by=by)

    @property
    def trail(self) -> list[tuple[str, str, Any]]:
        """Return the entries of the incident's trail: what happened, who did it, and its facts."""
        return [(entry.what, entry.who, entry.facts) for entry in self.store.trail.entries(INCIDENT_ID)]
