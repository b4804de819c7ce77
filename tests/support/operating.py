"""The list of people, and the handler of Slack's presses over a store in memory, for tests."""

from collections.abc import Callable, Mapping
from typing import Any

from firstline.channels.delivery import Channel
from firstline.models import NormalizedAlert
from firstline.people.links import Link
from firstline.people.operate import Operations
from firstline.people.press_handler import PressHandler
from firstline.policy.people import People, Person
from tests.support.memory import MemoryExecutions, MemoryStore

NAMES = {"U1": "ana"}
"""The names of Slack users in tests; others are called by their ids, in lower case."""


def people_of(*approvers: str, **others: dict[str, Any]) -> People:
    """Return a list with these Slack users as approvers, and others by their names."""
    listed = {NAMES.get(user, user.lower()): {"slack": user, "role": "approver"} for user in approvers}
    return People.model_validate({"people": listed | others})


def operations_of(
    store: MemoryStore,
    executions: MemoryExecutions,
    channels: Mapping[str, Channel],
    people: People,
    submit: Callable[[NormalizedAlert], None] = lambda alert: None,
) -> Operations:
    """Return what people can do to the incidents of a store in memory."""
    return Operations(
        incidents=store.incidents,
        remediations=store.remediations,
        executions=executions,
        trail=store.trail,
        channels=channels,
        approvers=people.approvers,
        submit=submit,
    )


def press_handler(
    store: MemoryStore,
    executions: MemoryExecutions,
    channels: Mapping[str, Channel],
    *approvers: str,
    address: Callable[[Link], str] = lambda link: "",
    whisper: Any = None,
    open_form: Any = None,
) -> PressHandler:
    """Return the handler of Slack's presses over a store in memory."""
    people = people_of(*approvers)
    operations = operations_of(store, executions, channels, people)
    return PressHandler(operations, people, address=address, ticket=_ticket, whisper=whisper, open_form=open_form)


def _ticket(person: Person, incident_id: str) -> str:
    return f"https://api.example/console/enter?ticket=of-{person.key}&to={incident_id}"
