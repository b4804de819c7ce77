"""The whole of Firstline in one process, one thread and virtual time, with the world around it.

The functions, the state machine's definition and the template are the shipped ones. The table, Step Functions, Run
Command, Slack, PagerDuty, senders and people are models.
"""

import json
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache, partial
from random import Random
from typing import Any

import yaml

from firstline.adapters.dynamodb.silences import TableSilences
from firstline.adapters.dynamodb.table import Table
from firstline.policy.holds import Silence
from firstline.policy.match import AlertMatch
from firstline.policy.rules import Rules
from tests.simulation import quick, stack, virtual
from tests.simulation.calls import Calls, Killed
from tests.simulation.channels import PagerDuty, Slack, connected
from tests.simulation.clients import (
    REMEMBERED,
    Alarms,
    Dynamo,
    Executions,
    Integrations,
    Inventory,
    Published,
    Queues,
    Secrets,
    Topic,
)
from tests.simulation.clock import START, VirtualClock
from tests.simulation.definition import Machine
from tests.simulation.door import SECRETS, Door, Witness
from tests.simulation.faults import Faults
from tests.simulation.functions import Functions
from tests.simulation.heartbeats import Beats
from tests.simulation.hosts import RULES, STACK, Fleet, Sent
from tests.simulation.machine import Execution
from tests.simulation.people import Habits, People
from tests.simulation.senders import Alertmanager, CloudWatch, Datadog, Generic, PagerDutyV3, Sender
from tests.simulation.step_functions import StepFunctions
from tests.simulation.table import MemoryDynamoDB

MACHINE = stack.attribute("IncidentStateMachine", None)
RELEASES = stack.attribute("ReleaseStateMachine", None)
NEVER = datetime.max.replace(tzinfo=UTC)

EDITS: list[tuple[str, str]] = []
"""Texts in the state machines' definitions that are replaced: planted bugs."""


@dataclass(frozen=True)
class Crash:
    """An error in a function that is none of Firstline's own, or of a service."""

    at: datetime
    function: str
    state: str
    error: str
    faults: tuple[str, ...]


@cache
def machine(name: str) -> Machine:
    """Return one of the shipped state machines, with the template's substitutions."""
    text = (stack.ROOT / "statemachine" / f"{name}.asl.yaml").read_text()
    for before, after in EDITS:
        text = text.replace(before, after)
    return with_substitutions(name, yaml.safe_load(text))


def with_substitutions(name: str, definition: Any) -> Machine:
    """Return a definition of one of the state machines with the template's substitutions."""
    resolver, body = stack.template()
    declared = {"incident": "IncidentStateMachine", "release": "ReleaseStateMachine"}[name]
    given = body["Resources"][declared]["Properties"].get("DefinitionSubstitutions", {})
    return Machine(definition, {key: str(value) for key, value in resolver.resolve(given).items()})


@cache
def _table_properties() -> Mapping[str, Any]:
    resolver, body = stack.template()
    properties: Mapping[str, Any] = resolver.resolve(body["Resources"]["Table"]["Properties"])
    return properties


class World:
    """One simulation.

    Parameters
    ----------
    seed
        Draws everything that is not given: the order of events, delays, people's and hosts' luck.
    faults
        What goes wrong.
    remember
        How many of the newest outward calls are kept for a story.
    pace
        The seconds between two runs of reconcile.
    """

    def __init__(
        self, seed: int, faults: Faults, *, habits: Habits | None = None, remember: int = 0, pace: float = 60
    ) -> None:
        self._pace = pace
        self.seed = seed
        self.random = Random(seed)
        self.clock = VirtualClock(Random(seed + 1), START)
        self.faults = faults
        self.calls = Calls(self.clock, faults, remember=remember)
        self.crashes: list[Crash] = []
        self.messages: list[Published] = []
        self.on_message: list[Callable[[Published], object]] = []
        self.memory = MemoryDynamoDB.from_template(_table_properties(), name=STACK)
        self.memory.shares = True
        self.true: set[tuple[str, str, str]] = set()
        self.known: dict[tuple[str, str, str], tuple[str, str]] = {}
        self.fleet = Fleet(Random(seed + 2), self._is_ill, self._cure, on_sent=self._command_sent)
        self.secrets = dict(SECRETS)
        self.without_slack_until = START
        self.functions = Functions(self.calls, self._client, lambda: Secrets(self.calls, self.secrets), self._crashed)
        self.slack = Slack(self.calls, self._publish)
        self.pagerduty = PagerDuty(self.calls, self._publish)
        topic, alarms = Topic(self.calls, self._publish), Alarms(self.calls, self._alarm_state)
        integrations = Integrations(self.calls, self.memory, self.fleet, topic, alarms)
        self.step_functions = StepFunctions(
            self.clock,
            {MACHINE: machine("incident"), RELEASES: machine("release")},
            {"arn:aws:states:::lambda:invoke*": self.functions.invoke, **integrations.resources(), "*": _unknown},
            random=Random(seed + 3),
            latency=partial(Random(seed + 4).uniform, 0.01, 0.2),
            on_status_change=self._status_changed,
        )
        self.queues = Queues(self.calls, self._work_off)
        inventory = Inventory(self.calls, self.fleet)
        self._clients: dict[str, Any] = {
            "dynamodb": Dynamo(self.calls, self.memory),
            "stepfunctions": Executions(self.calls, self.step_functions),
            "sns": topic,
            "sqs": self.queues,
            "ssm": inventory,
            "ec2": inventory,
            "cloudwatch": alarms,
        }
        self.witness = Witness()
        self.door = Door(self.calls, self.functions, self.witness)
        self.senders = self._senders()
        self.people = People(self.clock, Random(seed + 5), self.door, self.slack, self.pagerduty, habits or Habits())
        self.on_message.append(self.people.heard)
        self.reconciled: list[tuple[datetime, bool]] = []
        self._silences = TableSilences(Table(self.memory, STACK))  # type: ignore[arg-type]
        self.silenced: list[Silence] = []
        self.declared: dict[str, Any] = yaml.safe_load(RULES)
        self.rules: list[tuple[datetime, Rules]] = []
        self.beats: Beats | None = None
        self.unreadable: set[str] = set()
        self.clock.after(self.random.uniform(0, 60), self._minute, "reconcile")

    @contextmanager
    def running(self) -> Iterator["World"]:
        """Let the package run in this world for a block."""
        before = random.getstate()
        random.seed(self.seed)
        with (
            stack.surroundings(stack.environment()),
            virtual.virtual_time(self.clock, self.calls),
            quick.quick_values(),
            quick.remembered(),
            virtual.without_metrics(),
            virtual.logged_crashes(self.calls, self._crashed),
            connected(self.slack, self.pagerduty),
            virtual.unreadable(self.unreadable),
        ):
            try:
                yield self
            finally:
                random.setstate(before)

    # --- what happens in the world ------------------------------------------------------------------------------------

    def fire(self, sender: str, name: str, host: str, severity: str, environment: str = "prod") -> None:
        """Let a condition begin: its sender will say so."""
        self.true.add((sender, name, host))
        self.known[sender, name, host] = severity, environment
        self.senders[sender].change(name, host, True, severity, environment)

    def end(self, sender: str, name: str, host: str) -> None:
        """Let a condition end."""
        if (sender, name, host) in self.true:
            self.true.discard((sender, name, host))
            severity, environment = self.known[sender, name, host]
            self.senders[sender].change(name, host, False, severity, environment)

    def silence(self, name: str, seconds: float, *, even_critical: bool = False, until_resolved: bool = False) -> None:
        """Silence an alert, as the command line does."""
        now = self.clock.now()
        silence = Silence(
            id=f"silence-{len(self.silenced) + 1}",
            match=AlertMatch(alert_name=(name,)),
            owner="ada",
            reason="A test.",
            created_at=now,
            expires_at=now + timedelta(seconds=seconds),
            until_resolved=until_resolved,
            even_critical=even_critical,
        )
        self._silences.save(silence)
        self.silenced.append(silence)

    def end_silence(self) -> None:
        """End the newest silence."""
        now = self.clock.now()
        active = [silence for silence in self._silences.since(now) if silence.active(now)]
        if active:
            self._silences.end(active[-1], "ada", now)
            ended = active[-1].model_copy(update={"ended_at": now})
            self.silenced = [ended if each.id == ended.id else each for each in self.silenced]

    def declare(self, section: str, entries: str) -> None:
        """Deploy the rules anew: this section with these entries, as JSON, and the others as they are."""
        self.declared[section] = json.loads(entries)
        rules = Rules.model_validate(self.declared)
        self.rules.append((self.clock.now(), rules))
        self.functions.restart(rules)

    def heartbeats(self, every: float) -> None:
        """Let a heartbeat begin to beat."""
        self.beats = Beats(self, timedelta(seconds=every))
        self.beats.beat()

    def stop_execution(self, lot: float) -> None:
        """Stop a running execution, as an operator in the console could."""
        running = [each for each in self.step_functions.executions.values() if each.status == "RUNNING"]
        if running:
            running[int(lot * len(running))].end("ABORTED")

    def press(self, button: str, lot: float) -> None:
        """Let a person press a button of an incident that has it."""
        known = [incident for incident in self.slack.by_incident if self.slack.button(incident, button)]
        if known:
            self.people.press(button, known[int(lot * len(known))])

    def unset(self, *names: str) -> None:
        """Take secrets away, before any function has read them."""
        for name in names:
            del self.secrets[name]
        if "slack/bot-token" in names:
            self.without_slack_until = NEVER

    def set(self, *names: str) -> None:
        """Set secrets that were missing. A function that looked in vain does not look again for a time."""
        self.secrets |= {name: SECRETS[name] for name in names}
        if "slack/bot-token" in names:
            self.without_slack_until = self.clock.now() + REMEMBERED

    # --- pieces -----------------------------------------------------------------------------------------------------

    def _senders(self) -> dict[str, Sender]:
        clock, door, random = self.clock, self.door, self.random
        return {
            "prometheus": Alertmanager(clock, door, Random(self.seed + 6)),
            "prometheus-pair": Alertmanager(clock, door, Random(self.seed + 7), group_interval=300, twin=0.4),
            "cloudwatch": CloudWatch(clock, door, random),
            "datadog": Datadog(clock, door, random),
            "pagerduty": PagerDutyV3(clock, door, random),
            "generic": Generic(clock, door, random),
            "generic-repeating": Generic(clock, door, random, repeat=240),
            "generic-ahead": Generic(clock, door, random, skew=timedelta(minutes=10)),
            "generic-behind": Generic(clock, door, random, skew=timedelta(minutes=-10)),
        }

    def _client(self, service: str) -> Any:
        return self._clients[service]

    def _publish(self, channel: str, kind: str, incident_id: str, content: Mapping[str, Any]) -> None:
        message = Published(self.clock.now(), channel, kind, incident_id, self.calls.actor, content)
        self.messages.append(message)
        for listener in self.on_message:
            listener(message)

    def _crashed(self, name: str, event: Mapping[str, Any], error: BaseException, faults: Sequence[str]) -> None:
        state = str(event.get("state", event.get("rawPath", "")))
        text = f"{type(error).__name__}: {error}"[:600]
        self.crashes.append(Crash(self.clock.now(), name, state, text, tuple(faults)))

    def _is_ill(self, alert: str, host: str) -> bool:
        return any(name == alert and where == host for _, name, where in self.true)

    def _cure(self, alert: str, host: str) -> None:
        for sender, name, where in sorted(self.true):
            if name == alert and where == host:
                delay = self.random.uniform(1, 90)
                self.clock.after(delay, partial(self.end, sender, name, where), f"{alert} on {host} is cured")

    def _alarm_state(self, name: str) -> str | None:
        alarms = self.senders["cloudwatch"]
        assert isinstance(alarms, CloudWatch)
        return alarms.states.get(name)

    def _work_off(self, body: str) -> bool:
        """Give ingest a message of the backlog."""
        taken = self.take(body)
        if taken and len(self.queues.waiting) == 1:
            self.door.worked_off()
        return taken

    def take(self, body: str) -> bool:
        """Give ingest a message of a queue, as Lambda's event source mapping does."""
        record = {"messageId": "1", "eventSource": "aws:sqs", "body": body}
        try:
            answer = self.functions.call("ingest", {"Records": [record]})
        except (Killed, Exception):  # noqa: BLE001 (the message comes again)
            return False
        return not (answer or {}).get("batchItemFailures")

    def _minute(self) -> None:
        """The schedule: at least once a minute, sometimes twice, sometimes late."""
        self.clock.after(self._pace, self._minute, "reconcile")
        kind = self.faults.choose("schedule:reconcile", ("late", "twice"), self.clock.now())
        if kind == "late":
            self.clock.after(45, self.reconcile, "reconcile, late")
            return
        self.reconcile()
        if kind == "twice":
            self.clock.after(self.random.uniform(0, 2), self.reconcile, "reconcile, again")

    def reconcile(self, event: Mapping[str, Any] | None = None) -> None:
        """Invoke reconcile; nobody tries again if it fails."""
        before = len(self.faults.happened)
        with suppress(Killed, Exception):
            self.functions.call("reconcile", event or {"source": "schedule"})
        self.reconciled.append((self.clock.now(), len(self.faults.happened) > before))

    def _status_changed(self, execution: Execution) -> None:
        if execution.status == "RUNNING" or execution.machine_arn != MACHINE:
            return
        if self.faults.choose("eventbridge:status", ("refuse",), self.clock.now()):
            return
        event = {
            "version": "0",
            "detail-type": "Step Functions Execution Status Change",
            "source": "aws.states",
            "account": stack.ACCOUNT,
            "region": stack.REGION,
            "resources": [execution.arn],
            "detail": {
                "executionArn": execution.arn,
                "stateMachineArn": execution.machine_arn,
                "name": execution.name,
                "status": execution.status,
                "input": execution.input,
                "output": execution.output,
            },
        }
        self.clock.after(1, partial(self.reconcile, event), f"{execution} has ended, says EventBridge")

    def _command_sent(self, sent: Sent, ends: datetime) -> None:
        """Let EventBridge tell the end of a command: in a moment, late, twice or not at all."""
        kind = self.faults.choose("eventbridge:command", ("refuse", "late", "twice"), self.clock.now())
        if kind == "refuse":
            return
        event = {
            "version": "0",
            "detail-type": "EC2 Command Status-change Notification",
            "source": "aws.ssm",
            "account": stack.ACCOUNT,
            "region": stack.REGION,
            "resources": [],
            "detail": {"command-id": sent.id, "document-name": sent.step, "status": "Success"},
        }
        after = timedelta(seconds=120 if kind == "late" else 0.1)
        for again in range(2 if kind == "twice" else 1):
            at = ends + after + timedelta(seconds=again)
            self.clock.at(at, partial(self._tell_reconcile, event), f"{sent.id} has ended, says EventBridge")

    def _tell_reconcile(self, event: Mapping[str, Any]) -> None:
        """Invoke reconcile with an event that mends nothing; Lambda tries again twice if it fails."""
        for _ in range(3):
            with suppress(Killed, Exception):
                self.functions.call("reconcile", event)
                return


def _unknown(arguments: Mapping[str, Any], context: Mapping[str, Any]) -> Any:
    raise NotImplementedError(f"The simulation does not know what {context['State']['Name']} calls.")
