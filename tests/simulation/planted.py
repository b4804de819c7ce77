"""Planted bugs: small edits of the product that the simulation must find. They prove that it can find anything.

Each edit replaces a text in one function, or in the state machine's definition. `planted` applies one for a block; a
text that is no longer there is an error, so that no planted bug turns into none.
"""

import importlib
import inspect
import textwrap
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from types import FunctionType
from typing import Any, NamedTuple

from tests.simulation import drawing, scenario, world
from tests.simulation.oracle import Violation
from tests.simulation.stack import ROOT
from tests.simulation.stories import STORIES

MACHINE = "statemachine/incident.asl.yaml"


@dataclass(frozen=True)
class Planted:
    """A bug: what is wrong, where (`module:function`, or the machine's file), and the text before and after."""

    name: str
    where: str
    before: str
    after: str


BUGS = (
    Planted(
        "a close that asks nobody whether something joined",
        "firstline.adapters.dynamodb.closing:Closing.close",
        "live.firing <= 0 if joined is None else live.joined == joined",
        "True",
    ),
    Planted(
        "a close that is not pinned to the counts that were read",
        "firstline.adapters.dynamodb.closing:Closing._closing",
        "**_counted_as(live.own),",
        "",
    ),
    Planted(
        "a close that leaves the shared state of the group open",
        "firstline.adapters.dynamodb.closing:Closing._closing",
        'sets={"status": CLOSED, "closed_at": stamp(now), "expires_at": expiry, **gone},',
        'sets={"closed_at": stamp(now)},',
    ),
    Planted("waits that ignore what changed", MACHINE, "AND changes = :changes", "AND changes >= :changes"),
    Planted(
        "an execution that does not ask whether it was succeeded",
        "firstline.incidents.what_now:what_now",
        "if look.live.generation != request.generation:",
        "if False:",
    ),
    Planted(
        "a page that is sent without a claim",
        "firstline.people.page:page_on_call",
        "if not pager.claim(job, live, must_claim=must_claim):",
        "if False:",
    ),
    Planted(
        "a resolve that is not subtracted",
        "firstline.ingest.changes:end",
        "Counts(firing=-1, changes=1)",
        "Counts(firing=0, changes=1)",
    ),
    Planted(
        "a resolve that waits do not see, and that wakes nobody",
        "firstline.incidents.waking:must_wake",
        'return live.awaiting == "recovery" or is_over(live) or _must_page(live)',
        "return False",
    ),
    Planted(
        "an acknowledgement that answers later pages, too",
        "firstline.models.live:Live.answered",
        "self.acked_at is not None and self.acked_seq >= self.paged_seq",
        "self.acked_at is not None",
    ),
    Planted(
        "no page for something worse",
        "firstline.incidents.pages:next_due",
        "if (live.paged_seq or live.acked_at) and loudest_since(live, live.paged_loud) > known:",
        "if False:",
    ),
    Planted(
        "a firing with an old start that counts as late",
        "firstline.ingest.fold:_is_late",
        "return not known.firing and arrival.received_at < known.received_at",
        "return not known.firing and arrival.at <= (known.ended_at or known.began_at)",
    ),
    Planted(
        "a group that points to a closed incident for good",
        "firstline.ingest.fold:fold",
        "known = covered(before, live, now, reopen_after=REOPEN_AFTER)",
        "known = True",
    ),
    Planted(
        "a dead execution that nobody succeeds",
        "firstline.incidents.reconcile:Reconciler._succeed",
        "if not self.restarts.allows(look.incident_id, look.now):",
        "if True:",
    ),
    Planted(
        "an expiry on what still fires",
        "firstline.adapters.dynamodb.live:alert_item",
        "None if alert.firing else expires_at",
        "expires_at",
    ),
    Planted(
        "a step that runs although nothing fires any more",
        MACHINE,
        "(firing > :none OR attribute_exists(shards)) AND",
        "(firing >= :none OR attribute_exists(shards)) AND",
    ),
    Planted(
        "a command that is sent again whatever went wrong",
        MACHINE,
        "ErrorEquals: [Ssm.ThrottlingException], IntervalSeconds: 2, MaxAttempts: 4",
        "ErrorEquals: [States.ALL], IntervalSeconds: 2, MaxAttempts: 4",
    ),
    Planted(
        "a hold that a person cannot end",
        "firstline.incidents.pages:on_hold",
        " and live.hold_ended_at is None",
        "",
    ),
    Planted(
        "an alert that joins without waking anybody",
        "firstline.ingest.changes:join",
        "changes=int(news)",
        "changes=0",
    ),
    Planted(
        "alerts that are written whatever they are by now",
        "firstline.adapters.dynamodb.live:unchanged",
        "return Edit(when={name: fields[name] for name in names})",
        "return Edit()",
    ),
    Planted(
        "alerts that join an incident that is over",
        "firstline.adapters.dynamodb.live:joining",
        '"status": OPEN, "shards": None',
        '"shards": None',
    ),
    Planted(
        "a new incident in the place of one that others opened meanwhile",
        "firstline.adapters.dynamodb.groups:TableGroups.open",
        '{"incident_id": before.incident_id, "status": CLOSED}',
        "{}",
    ),
    Planted(
        "a claim that does not ask which page is the newest",
        "firstline.adapters.dynamodb.live_writes:LiveMarks.claim_page",
        """
                "paged_seq": seen.paged_seq,
                "page_done": seen.page_done,
                "page_lease": _stamp(seen.page_lease),
""",
        "",
    ),
    Planted(
        "a page that is claimed after it went out",
        "firstline.people.page:page_on_call",
        """
    if not pager.claim(job, live, must_claim=must_claim):
        return PageOnCallOutput(page=_newest(incidents.record(event.incident.incident_id) or known))
    return PageOnCallOutput(page=pager.send(job))
""",
        """
    page = pager.send(job)
    pager.claim(job, live, must_claim=must_claim)
    return PageOnCallOutput(page=page)
""",
    ),
    Planted(
        "a successor of the same generation",
        "firstline.adapters.dynamodb.live_writes:LiveMarks.begin_generation",
        '"generation": live.generation + 1',
        '"generation": live.generation',
    ),
    Planted(
        "a successor with the input of the first execution",
        "firstline.adapters.aws.executions:StepFunctions.start",
        "input=execution_input(incident, generation)",
        "input=execution_input(incident, 1)",
    ),
    Planted(
        "a member of a storm whose end the storm does not count",
        "firstline.ingest.changes:end",
        "Counts(firing=-1, changes=1)",
        'Counts(firing=-int("storm:" not in str(folded.before and folded.before.live_key)), changes=1)',
    ),
    Planted(
        "a silenced alert that calls nobody in an incident that nothing holds",
        "firstline.ingest.changes:join",
        "held = waits and each.hold is not None",
        "held = each.hold is not None",
    ),
    Planted(
        "a quiet incident that is closed although something fires again",
        "firstline.incidents.what_now:_Look.over",
        "if not is_over(self.live):",
        "if not is_over(self.live) and self.live.last_end_at is None:",
    ),
    Planted(
        "an overdue page that reconcile leaves alone",
        "firstline.incidents.pages:page_overdue",
        "return overdue_at is not None and now >= overdue_at and not on_hold(live, now)",
        "return False",
    ),
    Planted(
        "a message that counts as shown before it is",
        "firstline.people.message_updates:show_again",
        "    told = tell_all(",
        "    mark_shown(record, incidents)\n    told = tell_all(",
    ),
    Planted(
        "an incident that reconcile does not look at soon after something joined",
        "firstline.adapters.dynamodb.live:joining",
        'sets = {**edit.sets, "due_sk": stamp(change.at + LOOK_AGAIN)}',
        "sets = edit.sets",
    ),
    Planted(
        "an execution that nobody starts again",
        "firstline.adapters.aws.executions:StepFunctions.start",
        "        with failed, suppress",
        "        if incident.incident_id in vars(self).setdefault('began', []):\n            return\n"
        "        vars(self)['began'].append(incident.incident_id)\n        with failed, suppress",
    ),
    Planted(
        "a suppression that does not ask what joined since the verdict",
        "firstline.people.announce:_Announcer._suppress",
        "joined=event.joined",
        "joined=self.record.live.joined if self.record.live else None",
    ),
)


FOUND_BY = {
    "a close that asks nobody whether something joined": 46,
    "a close that is not pinned to the counts that were read": 104,
    "a close that leaves the shared state of the group open": 1,
    "an execution that does not ask whether it was succeeded": 2,
    "a page that is sent without a claim": 11,
    "a resolve that is not subtracted": 1,
    "a resolve that waits do not see, and that wakes nobody": 1,
    "an acknowledgement that answers later pages, too": 1,
    "no page for something worse": 1,
    "a firing with an old start that counts as late": 6,
    "a group that points to a closed incident for good": 10,
    "a dead execution that nobody succeeds": 1,
    "an expiry on what still fires": 1,
    "a step that runs although nothing fires any more": 77,
    "alerts that are written whatever they are by now": 117,
    "a page that is claimed after it went out": 11,
    "a successor of the same generation": 1,
    "a successor with the input of the first execution": 1,
    "a member of a storm whose end the storm does not count": 1,
    "a quiet incident that is closed although something fires again": 1,
    "an overdue page that reconcile leaves alone": 41,
    "an incident that reconcile does not look at soon after something joined": 10,
    "a hold that a person cannot end": 306,
    "alerts that join an incident that is over": 167,
    "a new incident in the place of one that others opened meanwhile": 267,
    "a claim that does not ask which page is the newest": 145,
    "a silenced alert that calls nobody in an incident that nothing holds": 101,
    "a message that counts as shown before it is": 481,
    "an execution that nobody starts again": 2,
    "a suppression that does not ask what joined since the verdict": 406,
}
"""The seed that is known to find a bug.

None up to 300 finds "waits that ignore what changed" or "an alert that joins without waking anybody": reconcile wakes
the execution within a minute, so people hear of the alert in time."""


def broken_by(bug: Planted) -> Sequence[Violation]:
    """Plant a bug, run the seed that is known to find it, and return the broken rules."""
    with planted(bug):
        return scenario.run(drawing.drawn(FOUND_BY[bug.name])).violations


class Found(NamedTuple):
    """A bug's finder: the number of runs, the story or the seed, and the broken rule; empty if nothing did."""

    runs: int
    by: str
    rule: str


def find(number: int, first: int = 1, most: int = 500) -> Found:
    """Plant a bug, and run the stories, which are short, and then seeds from `first` on until a rule is broken."""
    with planted(BUGS[number]):
        for runs in range(1, most + 1):
            if runs <= len(STORIES):
                by = list(STORIES)[runs - 1]
                given = STORIES[by].scenario()
            else:
                seed = first + runs - len(STORIES) - 1
                by, given = str(seed), drawing.drawn(seed)
            if violations := scenario.run(given).violations:
                return Found(runs, by, violations[0].rule)
    return Found(most, "", "")


@contextmanager
def planted(bug: Planted) -> Iterator[None]:
    """Apply a bug for a block.

    Raises
    ------
    ValueError
        The product has changed, and the text is not there.
    """
    if bug.where == MACHINE:
        with _edited_machine(bug):
            yield
        return
    function = _function(bug.where)
    code = function.__code__
    function.__code__ = _edited(function, bug).__code__
    try:
        yield
    finally:
        function.__code__ = code


def _function(where: str) -> FunctionType:
    module_name, _, path = where.partition(":")
    found: Any = importlib.import_module(module_name)
    for name in path.split("."):
        found = inspect.getattr_static(found, name)
    found = found.fget if isinstance(found, property) else inspect.unwrap(found)
    assert isinstance(found, FunctionType)
    return found


def _edited(function: FunctionType, bug: Planted) -> FunctionType:
    source = inspect.getsource(function)
    if source.count(bug.before) != 1:
        raise ValueError(f"{bug.where} does not have this once: {bug.before}")
    source = textwrap.dedent(source.replace(bug.before, bug.after))
    start = source.index(f"def {function.__name__}")
    made: dict[str, Any] = {}
    # Annotations are read lazily or not at all: only the code of the function is used.
    exec(
        compile("from __future__ import annotations\n" + source[start:], bug.where, "exec"),
        function.__globals__ | {},
        made,
    )
    edited: Callable[..., Any] = made[function.__name__]
    assert isinstance(edited, FunctionType)
    return edited


@contextmanager
def _edited_machine(bug: Planted) -> Iterator[None]:
    text = (ROOT / MACHINE).read_text()
    if bug.before not in text:
        raise ValueError(f"{MACHINE} does not have this: {bug.before}")
    world.EDITS.append((bug.before, bug.after))
    world.machine.cache_clear()
    try:
        yield
    finally:
        world.EDITS.clear()
        world.machine.cache_clear()
