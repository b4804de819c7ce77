"""The work of DynamoDB, Step Functions and Lambda for an incident, by its path through the whole of Firstline.

A path runs in the simulation without a fault: the shipped template, functions and state machine. What it asks of the
table is then repeated in DynamoDB Local, which says how many units each request takes.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import ClientError

from firstline.adapters.dynamodb.table import Table
from tests.simulation.calls import Call
from tests.simulation.timeline import Alert, Timeline

QUIET = 300
"""The seconds of the grouping window, after which a quiet incident is closed."""

READS = ("get_item", "batch_get_item", "query", "transact_get_items")
IDLE = ("reconcile",)
"""The functions that ask the table for work even if there is no incident."""

CRITICAL = Alert("DbDown", "db-1", "critical", began=1)
MEDIUM = Alert("DbSlow", "db-1", "medium", began=1)
NOISE = Alert("OddNoise", "db-1", "low", began=1)
CURABLE = Alert("QueueStuck", "web-1", "medium", began=1)


@dataclass
class Work:
    """The work of a path. `documented` counts write units as DynamoDB's documentation does."""

    requests: Counter[str] = field(default_factory=Counter)
    write_units: float = 0
    read_units: float = 0
    documented: float = 0
    invocations: Counter[str] = field(default_factory=Counter)
    transitions: int = 0
    posts: int = 0
    messages: int = 0


@dataclass(frozen=True)
class Path:
    """A path through the stack: what happens on it, and the second from which its work counts."""

    play: Callable[[Timeline], object]
    since: float = 0
    until: float = 2_000


def _duplicate(line: Timeline) -> None:
    line.at(1).push(MEDIUM)
    line.at(60).push(MEDIUM)


def _joins(line: Timeline) -> None:
    line.at(1).push(MEDIUM)
    line.at(60).push(Alert("DbSlow", "db-2", "medium", began=55))


def _noise(line: Timeline) -> None:
    line.at(1).push(NOISE)


def _told(line: Timeline) -> None:
    line.at(1).push(MEDIUM)
    line.at(900).push(MEDIUM.resolved())


def _paged(line: Timeline) -> None:
    line.at(1).push(CRITICAL)
    line.at(60).press("acknowledge")
    line.at(900).push(CRITICAL.resolved())


def _clears_first(line: Timeline) -> None:
    line.at(1).push(CRITICAL)
    line.at(40).push(CRITICAL.resolved())


def _recovers(line: Timeline) -> None:
    """Let the alert resolve while the machine waits for that, which it does for ten seconds."""
    line.at(1).push(CURABLE)
    line.at(55).push(CURABLE.resolved())


def _verified(line: Timeline) -> None:
    """Let the alert fire on through that wait, so that the verification says that the host is well."""
    line.cure("web-1")
    line.at(1).push(CURABLE)
    line.at(100).push(CURABLE.resolved())


PATHS: dict[str, Path] = {
    "duplicate": Path(_duplicate, since=59, until=70),
    "joins an open incident": Path(_joins, since=59, until=70),
    "noise": Path(_noise),
    "told, resolved": Path(_told),
    "paged, acknowledged, resolved": Path(_paged),
    "paged, resolved before anybody answered": Path(_clears_first),
    "remediated (a look, two acts), the alert resolves": Path(_recovers),
    "remediated (a look, two acts), the verification holds": Path(_verified),
}


PAGE_IS_OUT = Path(lambda line: line.at(1).push(CRITICAL), until=30)
"""The beginning of a path with a page: until everybody is paged, and nobody answered yet."""


@dataclass(frozen=True)
class Played:
    """A path that was played: all its calls to the table, and how many of the first do not count."""

    work: Work
    calls: tuple[Call, ...]
    before: int


def play(path: Path) -> Played:
    """Play a path in the simulation."""
    line = Timeline()
    with line.running():
        path.play(line)
        line.run_until(path.since)
        before, log = len(line.world.calls.log), line.world.calls.log
        units, written = line.world.memory.write_units, line.world.memory.write_units.total()
        invoked, entered = Counter(line.world.functions.invocations), _entered(line)
        line.run_until(path.until)
        work = Work(invocations=Counter(line.world.functions.invocations) - invoked)
        work.documented = units.total() - written
        work.transitions = _entered(line) - entered
        del work.invocations["reconcile"]
        counted = list(log)[before:]
        work.posts = work.invocations["ingest"] + work.invocations["respond"]
        work.messages = sum(call.service == "sns" for call in counted)
        number = sum(call.service == "dynamodb" for call in list(log)[:before])
        return Played(work, tuple(call for call in log if call.service == "dynamodb"), number)


def weigh(client: Any, table: Table, played: Played) -> Work:
    """Repeat a path's calls to the table in an empty one, and return its work with the units."""
    work = played.work
    for number, call in enumerate(played.calls):
        request = _of_table(call.arguments, table.name)
        try:
            answer = getattr(client, call.operation)(**request, ReturnConsumedCapacity="TOTAL")
        except ClientError as error:
            if call.outcome == "done":
                raise
            answer = error.response
        if number < played.before or (call.operation in READS and call.actor in IDLE):
            continue
        work.requests[call.operation] += 1
        if call.operation in READS:
            work.read_units += _units(answer)
        else:
            work.write_units += _units(answer)
    return work


def measure(client: Any, make: Callable[[], Table]) -> Mapping[str, Work]:
    """Return the work of each path; `make` returns an empty table."""
    return {name: weigh(client, make(), play(path)) for name, path in PATHS.items()}


def _entered(line: Timeline) -> int:
    return sum(len(execution.path) for execution in line.world.step_functions.executions.values())


def _of_table(value: Any, name: str) -> Any:
    """Return a request's arguments with another name of the table."""
    if isinstance(value, Mapping):
        renamed = {key: _of_table(item, name) for key, item in value.items()}
        if "RequestItems" in renamed:
            renamed["RequestItems"] = {name: next(iter(renamed["RequestItems"].values()))}
        return renamed | ({"TableName": name} if "TableName" in renamed else {})
    return [_of_table(item, name) for item in value] if isinstance(value, list | tuple) else value


def _units(answer: Mapping[str, Any]) -> float:
    consumed = answer.get("ConsumedCapacity", {})
    parts = consumed if isinstance(consumed, list) else [consumed]
    return float(sum(part.get("CapacityUnits", 0) for part in parts))
