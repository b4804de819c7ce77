"""The stack in one process: template.yaml in moto, the real functions, scripted hosts, an inbox for what people get.

The table is the one of the simulation, which `tests/integration/test_simulated_table.py` compares with DynamoDB Local.

Time does not pass by itself. Wait states and the pauses between retries are skipped (and written down), and a wait for
people ends when a test signals, or says that it timed out: each time the functions' clock goes ahead.
"""

import json
import shutil
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import cache, partial
from pathlib import Path
from types import ModuleType
from typing import Any
from urllib.parse import urlencode

import boto3
import yaml
from botocore import xform_name
from botocore.config import Config
from botocore.exceptions import ClientError
from moto.stepfunctions.parser.api import ExecutionStatus
from moto.stepfunctions.parser.backend.execution import Execution
from moto.stepfunctions.parser.models import stepfunctions_parser_backends
from samtranslator.yaml_helper import yaml_parse
from werkzeug.wrappers import Request, Response

from firstline.adapters.aws.executions import StepFunctions
from firstline.adapters.dynamodb.incidents import TableIncidents
from firstline.adapters.dynamodb.remediations import TableRemediations
from firstline.adapters.dynamodb.table import Table
from firstline.adapters.dynamodb.trail import TableTrail
from firstline.incidents import lifecycle
from firstline.incidents.audit_trail import Entry, first_break
from firstline.models import IncidentRecord
from firstline.runbooks import catalogue, documents
from local.demo import senders
from local.emulator import engine, more_runbooks
from local.emulator.cloud import Cloud
from local.emulator.events import fits
from local.emulator.inbox import Inbox, Message
from local.emulator.releases import Releases
from local.emulator.resources import ACCOUNT, Created, Resources
from local.emulator.server import Server, aws_response
from local.emulator.stack import PEOPLE
from tests.simulation.table import MemoryDynamoDB
from tests.statemachine.functions import Functions
from tests.statemachine.run_command import RunCommand
from tests.support.streams import Stream

ROOT = Path(__file__).parent.parent.parent
RUNBOOKS = Path(__file__).parent / "runbooks"
PROMOTED = ("high-memory", "conntrack-full", "bad-flag", "bad-release", "stuck-spooler")
STACK_NAME = "firstline-test"
REGION = "eu-central-1"
HOSTS = ("web-1", "web-2", "web-3", "web-4")
RELEASE_ARNS = (
    f"arn:aws:codedeploy:{REGION}:{ACCOUNT}:application:shop",
    f"arn:aws:codedeploy:{REGION}:{ACCOUNT}:deploymentgroup:shop/live",
    f"arn:aws:appconfig:{REGION}:{ACCOUNT}:application/app1234",
    f"arn:aws:appconfig:{REGION}:{ACCOUNT}:application/app1234/environment/env1234",
    f"arn:aws:appconfig:{REGION}:{ACCOUNT}:application/app1234/configurationprofile/flags12",
)
"""The releases that the stack's owner lists; the tests release them."""

PATIENCE_SECONDS = 90.0
"""The time for the machine to get somewhere; only a broken machine needs it all."""

ROUTING = {"What Now?", "Go"}
"""States between two states that do something."""

OVER = ("Announce Quiet", "Await Quiet", "Close Incident")
"""The states through which an incident goes when nothing fires any more."""

SECRETS = {
    "sources/generic": "t0ken-of-the-generic-source",
    "slack/bot-token": "xoxb-1",
    "slack/signing-secret": "s1gning-secret",
    "pagerduty/routing-key": "r0uting-key",
}


class World:
    """One stack. `begin` empties it for the next test, `end` stops what that test left running.

    Attributes
    ----------
    down
        The services of AWS that answer nothing but 503, as their requests are signed: `sns`, `dynamodb`.
    """

    def __init__(self, folder: Path) -> None:
        self.cloud: Any = Cloud()  # its functions and commands are replaced by scripted ones
        self.cloud.on_event = self.tells
        self.inbox = Inbox()
        self.down: set[str] = set()
        self._conflicts: dict[str, int] = {}
        self._servers = {"aws": Server(self.answer), "inbox": Server(self.inbox)}
        self.client: Callable[[str], Any] = cache(self._new_client)
        self._folder = folder
        self.created = Created()
        self.instance_ids: dict[str, str] = {}
        self.commands = RunCommand({})
        self.releases = Releases()
        self.functions = Functions([], {}, overrides={}, warm={})
        self._warm: dict[str, ModuleType] = {}
        self._changed_secrets = set(SECRETS)
        self._unsubscribed = False
        self._added_secrets: set[str] = set()
        self._ahead = timedelta()
        self._table = _empty_table()
        self._documents: dict[str, str] = {}

    def start(self) -> None:
        """Create the template's resources, three hosts, and the secrets of Slack and PagerDuty."""
        engine.install(self._servers["aws"].url)
        for server in self._servers.values():
            server.start()
        inbox = self._servers["inbox"].url
        self.created = Resources(
            ROOT / "template.yaml",
            stack_name=STACK_NAME,
            region=REGION,
            parameters={
                "EnvironmentName": "prod",
                "RemediationMode": "auto",
                "SlackApiUrl": f"{inbox}/slack/api/",
                "PagerDutyEventsUrl": f"{inbox}/pagerduty",
                "PagerDutyApiUrl": f"{inbox}/pagerduty",
                "ReleaseArns": ",".join(RELEASE_ARNS),
                "EventBusName": "default",
            },
            client=self.client,
            opt_folder=self._folder,
            api_url=self._servers["aws"].url,
        ).create()
        more_runbooks.link_runbooks(RUNBOOKS, self._folder)
        shipped = ROOT / "runbooks" / "policy"
        more_runbooks.replace_policies([PEOPLE], shipped, self._folder.with_name("policy"), self._folder)
        self._documents = {
            documents.document_name(f"{STACK_NAME}_runbook", runbook, step_id, command): step_id
            for runbook in catalogue.load(ROOT / "runbooks").values()
            for step_id, command in runbook.commands()
        } | dict(more_runbooks.deploy(RUNBOOKS, STACK_NAME, self.client))
        self._run_instances()
        self.subscribe()

    def subscribe(self) -> None:
        """Subscribe the inbox to the page topic."""
        for topic in self.created.topic_arns:
            self.client("sns").subscribe(TopicArn=topic, Protocol="http", Endpoint=f"{self._servers['inbox'].url}/sns")

    def unsubscribe(self) -> None:
        """Let nobody be subscribed to the page topic, until the next test."""
        for subscription in self.client("sns").list_subscriptions()["Subscriptions"]:
            self.client("sns").unsubscribe(SubscriptionArn=subscription["SubscriptionArn"])
        self._unsubscribed = True

    @property
    def aws_url(self) -> str:
        """Return the address at which AWS answers."""
        return self._servers["aws"].url

    def close(self) -> None:
        """Stop serving."""
        for server in self._servers.values():
            server.close()

    def now(self) -> datetime:
        """Return the time in this world."""
        return datetime.now(UTC) + self._ahead

    def passes(self, seconds: float) -> None:
        """Let time pass."""
        self._ahead += timedelta(seconds=seconds)

    def begin(self) -> None:
        """Empty the table and the inbox, and start hosts and functions afresh."""
        self._ahead = timedelta()
        self._work_again()
        self._table = _empty_table()
        # As an owner would: nothing that acts ships in auto, and what may interrupt a service needs a person's word.
        table = Table(self.client("dynamodb"), self.created.table_name)
        for runbook in PROMOTED:
            TableRemediations(table).promote(runbook, "the owner", self.now())
        self.inbox._messages.clear()
        self.cloud.bus.clear()
        for name in self._changed_secrets:
            self.client("ssm").put_parameter(
                Name=_secret(name), Value=SECRETS[name], Type="SecureString", Overwrite=True
            )
        self._changed_secrets.clear()
        if self._unsubscribed:
            self.subscribe()
            self._unsubscribed = False
        for name in self._added_secrets:
            self.client("ssm").delete_parameter(Name=_secret(name))
            self._warm.clear()  # they know the secret
        self._added_secrets.clear()
        # Ingest remembers storms. The others remember what is the same for every test, and start slowly.
        for name in [name for name in self._warm if "Ingest" in name]:
            del self._warm[name]
        self._start_functions({}, self._warm)
        self.cloud.commands = self.commands = RunCommand(self._documents)
        self.commands.tell = self.tells
        self.cloud.releases = self.releases = Releases()

    def end(self) -> None:
        """Stop every execution, so that none meets the next test's world."""
        self._work_again()
        self.commands.over.set()
        self.releases.over.set()
        machines = self.created.state_machines.values()
        running = [
            execution
            for arn in machines
            for execution in self._executions(arn)
            if execution.exec_status == ExecutionStatus.RUNNING
        ]
        for execution in running:
            _stop(execution)
        for execution in running:
            eventually(partial(_is_over, execution), f"{execution.name} to stop")
        for arn in machines:
            self._backend.describe_state_machine(arn).executions.clear()

    def conflicts(self, part: str, times: int) -> None:
        """Let DynamoDB refuse the next writes with this text: a transaction of an alert has their item just then."""
        self._conflicts[part] = times

    def restart_functions(self, **environment: str) -> None:
        """Cold functions, with some variables of their environments changed."""
        self._start_functions(environment, {})

    def put_secrets(self, **secrets: str) -> None:
        """Switch channels on by their secrets (`teams__workflow_url`); the functions start cold, to see them."""
        for name, value in secrets.items():
            named = name.replace("__", "/").replace("_", "-")
            self.client("ssm").put_parameter(Name=_secret(named), Value=value, Type="SecureString", Overwrite=True)
            self._added_secrets.add(named)
        self.restart_functions()

    def remove_secret(self, name: str) -> None:
        """Switch a channel off by deleting its secret; the functions start cold, so that they see it."""
        self.client("ssm").delete_parameter(Name=_secret(name))
        self._changed_secrets.add(name)
        self.restart_functions()

    def restart_with_policy(self, name: str, content: dict[str, Any], folder: Path) -> None:
        """Cold functions that read this policy file, in a copy of the shipped runbooks in `folder`."""
        shutil.copytree(ROOT / "runbooks", folder)
        (folder / "policy" / name).write_text(yaml.safe_dump(content))
        self.restart_functions(RUNBOOKS_DIR=str(folder))

    # --- what senders and people do ---------------------------------------------------------------------------------

    def send(self, *alerts: dict[str, Any]) -> list[str]:
        """POST alerts to the generic source; the ids of their incidents."""
        said = self.send_anyway(*alerts)
        assert said["status"] == "accepted", said
        incidents: list[str] = said["incidents"]
        return incidents

    def send_anyway(self, *alerts: dict[str, Any]) -> dict[str, Any]:
        """POST what may be no alerts to the generic source; the answer."""
        body = json.dumps({"alerts": alerts})
        headers = {"content-type": "application/json", "authorization": f"Bearer {SECRETS['sources/generic']}"}
        answer = self.functions.call("ingest", _post("/alerts/generic", headers, body))
        assert answer["statusCode"] == 202, answer
        said: dict[str, Any] = json.loads(answer["body"])
        return said

    def fires(self, alert_name: str, **fields: Any) -> "Incident":
        """Fire an alert and return the incident that it belongs to."""
        (incident_id,) = self.send(alert(alert_name, **fields))
        return Incident(self, incident_id)

    def send_many(self, alert_name: str, *, hosts: list[str], **fields: Any) -> "Incident":
        """Fire the alert on several hosts in one message and return their incident."""
        (incident_id,) = self.send(*(alert(alert_name, host=host, **fields) for host in hosts))
        return Incident(self, incident_id)

    def reconciles(self) -> None:
        """Call reconcile as the schedule does."""
        self.functions.call("reconcile", {})

    def listens(self) -> Stream:
        """Follow the table's stream from now on."""
        return Stream(self._table)

    def publishes(self, stream: Stream) -> list[dict[str, Any]]:
        """Let `publish` read what came through the stream; return every event that is on the bus."""
        if records := stream.take():
            assert self.functions.call("publish", {"Records": records}) == {"batchItemFailures": []}
        return list(self.cloud.bus)

    @property
    def inbox_url(self) -> str:
        """Return the address at which the stand-ins of channels answer."""
        return self._servers["inbox"].url

    def tells(self, event: dict[str, Any]) -> None:
        """Give an event to the functions of the rules that it fits, as EventBridge does."""
        for rule in self.created.rules:
            if fits(rule.pattern, event):
                self.functions.invoke(rule.function, json.dumps(event).encode())

    def resolves(self, alert_name: str, **fields: Any) -> None:
        """Resolve the alert with these fields."""
        self.send(alert(alert_name, **fields) | {"status": "resolved"})

    def presses(self, button: str, incident_id: str, user: str = "ada") -> None:
        """Press a button under the incident's message in Slack."""
        self._interacts(user, {"type": "button", "action_id": button, "value": self.inbox.value(incident_id, button)})

    def judges(self, incident_id: str, answer: str, user: str = "ada") -> None:
        """Answer "was this right?" in the menu under the message."""
        chosen = {"type": "static_select", "action_id": "judge"}
        self._interacts(user, chosen | {"selected_option": {"value": f"{incident_id}#{answer}"}})

    def writes(self, incident_id: str, text: str, user: str = "ada") -> None:
        """Open the form for what fixed the incident, fill it in, and send it."""
        self.presses("note", incident_id, user)
        form = self.inbox.form(incident_id) | {"state": {"values": {"note": {"note": {"value": text}}}}}
        self._interacts(user, None, type="view_submission", view=form)

    def _interacts(self, user: str, action: dict[str, Any] | None, **more: Any) -> None:
        interaction = {
            "type": "block_actions",
            "user": {"id": f"U0{user.upper()}", "name": user},
            "channel": {"id": "C0OPS"},
            "trigger_id": "1.2",
            "actions": [action] if action else [],
        }
        body = urlencode({"payload": json.dumps(interaction | more)})
        headers = senders.proof("slack", body.encode(), SECRETS["slack/signing-secret"], now=self.now().timestamp())
        headers = {name.lower(): value for name, value in headers.items()}
        answer = self.functions.call("respond", _post("/respond/slack", headers, body))
        assert answer["statusCode"] == 200, answer

    def items(self) -> list[dict[str, Any]]:
        """Return every item in the table, as DynamoDB writes them."""
        return self._table.snapshot()

    @property
    def history(self) -> TableIncidents:
        """The table, as the package reads it."""
        return TableIncidents(Table(self.client("dynamodb"), self.created.table_name))

    @property
    def remediations(self) -> TableRemediations:
        """Return the reservations in the table."""
        return TableRemediations(Table(self.client("dynamodb"), self.created.table_name))

    def trail(self, incident_id: str) -> list[Entry]:
        """Return an incident's trail, which must be whole."""
        entries = TableTrail(Table(self.client("dynamodb"), self.created.table_name)).entries(incident_id)
        assert first_break(incident_id, entries) is None
        return entries

    @property
    def executions(self) -> StepFunctions:
        """Step Functions, as the package calls it."""
        return StepFunctions(self.client("stepfunctions"))

    # --- what people got ----------------------------------------------------------------------------------------------

    def told(self, channel: str) -> list[Message]:
        """Return the messages through `slack`, `pagerduty` or `sns`, without Slack's threads."""
        return [message for message in self.inbox.messages() if message.channel == channel and not message.thread]

    def woken(self) -> list[Message]:
        """Return the messages that wake people: PagerDuty's triggers and the page topic's mails."""
        return [message for message in self.inbox.messages() if message.kind in ("trigger", "page")]

    # --- pieces -----------------------------------------------------------------------------------------------------

    def _start_functions(self, environment: dict[str, str], warm: dict[str, ModuleType]) -> None:
        service = {"AWS_ENDPOINT_URL": self._servers["aws"].url}
        self.cloud.functions = self.functions = Functions(
            self.created.functions, service, overrides=environment, warm=warm, now=self.now
        )

    def _work_again(self) -> None:
        self.down.clear()
        self._conflicts.clear()

    def answer(self, request: Request) -> Response:
        """Answer a request to AWS. The table is the simulation's: moto takes ten times as long."""
        signed = request.headers.get("Authorization", "")
        if any(f"/{service}/aws4_request" in signed for service in self.down):
            return Response(b"", 503, {"x-amzn-RequestId": "1"})
        service, _, operation = request.headers.get("X-Amz-Target", "").partition(".")
        asked = getattr(self._table, xform_name(operation), None) if service == "DynamoDB_20120810" else None
        if asked is None:
            return self.cloud(request)
        body = request.get_data(as_text=True)
        for part, times in self._conflicts.items():
            if times > 0 and part in body:
                self._conflicts[part] -= 1
                return _conflict(json.loads(body))
        try:
            answer = aws_response(asked(**json.loads(body)))
            if operation == "UpdateItem" and '"COMMAND#' in body and '":token"' in body:
                self.commands.awaited(json.loads(body)["Key"]["pk"]["S"].removeprefix("COMMAND#"))
            return answer
        except ClientError as error:
            response: dict[str, Any] = {**error.response}
            said = response.pop("Error")
            return aws_response(response | {"__type": said["Code"], "message": said["Message"]}, 400)

    @property
    def _backend(self) -> Any:
        return stepfunctions_parser_backends[ACCOUNT][REGION]

    def _executions(self, machine_arn: str) -> list[Execution]:
        executions: list[Execution] = self._backend.describe_state_machine(machine_arn).executions
        return list(executions)

    def execution(self, name: str) -> Execution:
        """Return the execution with this name, once it has begun."""
        running = self._executions(self.created.state_machine_arn)
        (found,) = [execution for execution in running if execution.name == name]
        eventually(lambda: found.exec_worker is not None and found.exec_worker.env is not None, f"{name} to begin")
        return found

    def _run_instances(self) -> None:
        ec2 = self.client("ec2")
        image = ec2.describe_images(Filters=[{"Name": "name", "Values": ["amzn-ami-hvm-2017.09.1.*-x86_64-gp2"]}])
        for host in HOSTS:
            tags = [{"Key": "Name", "Value": host}, {"Key": "Firstline", "Value": STACK_NAME}]
            answer = ec2.run_instances(
                ImageId=image["Images"][0]["ImageId"],
                MinCount=1,
                MaxCount=1,
                TagSpecifications=[{"ResourceType": "instance", "Tags": tags}],
            )
            self.instance_ids[host] = answer["Instances"][0]["InstanceId"]

    def _new_client(self, service: str) -> Any:
        client: Callable[..., Any] = boto3.session.Session().client
        return client(
            service,
            region_name=REGION,
            endpoint_url=self._servers["aws"].url,
            config=Config(retries={"total_max_attempts": 1}, max_pool_connections=20),
        )


@cache
def _table_properties() -> Any:
    return yaml_parse((ROOT / "template.yaml").read_text())["Resources"]["Table"]["Properties"]


def _empty_table() -> MemoryDynamoDB:
    """Return the table that template.yaml declares."""
    return MemoryDynamoDB.from_template(_table_properties())


def _environment(execution: Execution) -> Any:
    """Return what moto knows of a running execution."""
    assert execution.exec_worker is not None
    return execution.exec_worker.env


def _stop(execution: Execution) -> None:
    execution.stop(datetime.now(UTC), None, None)
    for endpoint in list(_environment(execution).callback_pool_manager._pool.values()):
        endpoint.interrupt_all()


def _conflict(request: dict[str, Any]) -> Response:
    """Return DynamoDB's answer to a write, or to a transaction's first write, whose item is in a transaction."""
    codes = ["TransactionConflict", *["None"] * (len(request.get("TransactItems", [])) - 1)]
    answer: dict[str, Any] = {"message": "Transaction is ongoing for the item"}
    error = "TransactionConflictException"
    if "TransactItems" in request:
        message = "Transaction cancelled, please refer cancellation reasons for specific reasons"
        error = "TransactionCanceledException"
        answer = {
            "Message": f"{message} [{', '.join(codes)}]",
            "CancellationReasons": [{"Code": code} for code in codes],
        }
    answer["__type"] = f"com.amazonaws.dynamodb.v20120810#{error}"
    return Response(json.dumps(answer), 400, {"x-amzn-RequestId": "1"}, content_type="application/x-amz-json-1.0")


def _is_over(execution: Execution) -> bool:
    return bool(execution.exec_status != ExecutionStatus.RUNNING)


class Incident:
    """One execution, and what is known of its incident."""

    def __init__(self, world: World, incident_id: str, generation: int = 1) -> None:
        self.id = incident_id
        self._world = world
        self._generation = generation
        self._execution = world.execution(lifecycle.execution_name(incident_id, generation))
        self._waits_seen = 0

    # --- where it stands ----------------------------------------------------------------------------------------------

    @property
    def history(self) -> list[dict[str, Any]]:
        """The execution's events so far."""
        # Not get_event_history(), which copies it all: it is asked for hundreds of times.
        return list(_environment(self._execution).event_manager._history_event_list)

    @property
    def transitions(self) -> list[str]:
        """All states that it entered: what AWS bills."""
        return [
            event["stateEnteredEventDetails"]["name"] for event in self.history if "stateEnteredEventDetails" in event
        ]

    @property
    def path(self) -> list[str]:
        """The states that it entered, without those that only lead to the next one."""
        return [state for state in self.transitions if state not in ROUTING]

    @property
    def record(self) -> IncidentRecord:
        """The incident in the table."""
        record = self._world.history.record(self.id)
        assert record is not None
        return record

    @property
    def release_path(self) -> list[str]:
        """The states that the machine which takes releases back entered for it, attempt after attempt."""
        children = self._world._executions(self._world.created.state_machines["ReleaseStateMachine"])
        events = [
            event
            for child in children
            if child.name.startswith(self.id)
            for event in _environment(child).event_manager._history_event_list
        ]
        return [event["stateEnteredEventDetails"]["name"] for event in events if "stateEnteredEventDetails" in event]

    def stands_in(self, state: str) -> "Incident":
        """Wait until it has entered this wait (again, if it was there before) and its token is in the table.

        `Await Step` counts only for a command whose end nobody tells: any other wait for a command is over in a moment.
        """

        def waits() -> bool:
            ends_soon = self.path[-1:] == ["Await Step"] and not self._world.commands.newest_is_silent
            waiting = self._waits() and not ends_soon
            if not waiting and self._execution.exec_status != ExecutionStatus.RUNNING:
                raise AssertionError(f"ended {self._execution.exec_status} without standing in {state}: {self.path}")
            return waiting

        eventually(waits, lambda: f"a wait in {state!r}; it went {self.path}")
        assert self.path[-1] == state, self.path
        self._waits_seen = self.history[-1]["id"]
        return self

    def passes_through(self, state: str) -> "Incident":
        """Wait until it has entered this state."""
        eventually(lambda: state in self.transitions, lambda: f"{state!r}; it went {self.path}")
        return self

    def ends(self, status: str = "SUCCEEDED") -> list[str]:
        """Let the grouping window pass, wait for its end with this status, and return its path."""

        def over() -> bool:
            if self._waits_in("Await Quiet"):
                self._waits_seen = self.history[-1]["id"]
                self.times_out()
            return bool(self._execution.exec_status != ExecutionStatus.RUNNING)

        eventually(over, lambda: f"an end; {self.path}")
        assert self._execution.exec_status == status, (self._execution.error, self._execution.cause, self.path)
        return self.path

    def _waits_in(self, state: str) -> bool:
        return self._waits() and self.path[-1] == state

    def _waits(self) -> bool:
        events = self.history
        return bool(events) and _is_wait(events[-1]) and events[-1]["id"] > self._waits_seen

    @property
    def failure(self) -> tuple[str | None, str | None]:
        """Error and cause of a failed execution."""
        return self._execution.error, self._execution.cause

    @property
    def time_out_seconds(self) -> int:
        """After how long the task that it stands in would time out."""
        scheduled = [event for event in self.history if event["type"] == "TaskScheduled"]
        seconds: int = scheduled[-1]["taskScheduledEventDetails"]["timeoutInSeconds"]
        return seconds

    @property
    def largest_data(self) -> int:
        """The bytes of the largest text in any event: an input, an output, arguments, a variable."""
        return max(len(text.encode()) for event in self.history for text in _texts(event))

    # --- what happens to it -------------------------------------------------------------------------------------------

    def times_out(self) -> None:
        """Let the current wait time out."""
        self._world.passes(self.time_out_seconds + 1)
        _environment(self._execution).callback_pool_manager.get(self.token).interrupt_all()

    @property
    def token(self) -> str | None:
        """The token of the wait that it stands in."""
        if self.path[-1] == "Await Step":
            pk = f"COMMAND#{self._world.commands.newest}"
            (token,) = [item["task_token"]["S"] for item in self._world.items() if item["pk"]["S"] == pk]
            return str(token)
        live = self.record.live
        assert live is not None
        return live.task_token

    def is_stopped(self) -> None:
        """Stop the execution, as somebody might in the console."""
        _stop(self._execution)
        self.ends("ABORTED")

    def is_succeeded(self) -> "Incident":
        """Let reconcile run after two minutes; return the execution that it started."""
        self._world.passes(120)
        self._world.reconciles()
        return Incident(self._world, self.id, self._generation + 1)

    def is_acknowledged(self, by: str = "ada") -> IncidentRecord | None:
        """Acknowledge the incident."""
        return lifecycle.acknowledge(
            self.id, by, self._world.now(), incidents=self._world.history, executions=self._world.executions
        )

    def is_resolved(self, by: str = "ada") -> IncidentRecord | None:
        """Resolve the incident."""
        return lifecycle.resolve_by_hand(
            self.id, by, self._world.now(), incidents=self._world.history, executions=self._world.executions
        )

    def is_approved(self, by: str = "ada") -> None:
        """Press Approve."""
        self._world.presses("approve", self.id, by)

    def is_refused(self, by: str = "ada") -> None:
        """Press Refuse."""
        self._world.presses("refuse", self.id, by)


def alert(alert_name: str, *, severity: str = "critical", **fields: Any) -> dict[str, Any]:
    """Build a firing alert in the generic source's shape."""
    return {"alert_name": alert_name, "severity": severity, "status": "firing", "message": "It burns.", **fields}


def _secret(name: str) -> str:
    return f"/firstline/{STACK_NAME}/{name}"


def _post(path: str, headers: dict[str, str], body: str) -> dict[str, Any]:
    """Build a request as an HTTP API hands it to a function."""
    return {
        "version": "2.0",
        "routeKey": f"POST {path}",
        "rawPath": path,
        "rawQueryString": "",
        "headers": headers,
        "requestContext": {"domainName": "api.example", "http": {"method": "POST", "path": path}, "stage": "$default"},
        "body": body,
        "isBase64Encoded": False,
    }


def _is_wait(event: dict[str, Any]) -> bool:
    """Tell whether a token is in the table or a child's execution was submitted."""
    submitted = event.get("taskSubmittedEventDetails", {})
    return bool(submitted.get("resource", "").endswith(".waitForTaskToken"))


def _texts(value: Any) -> Iterator[str]:
    """Yield every text in an event; JSON as Step Functions counts it, without escapes."""
    match value:
        case str():
            try:
                yield json.dumps(json.loads(value), ensure_ascii=False)
            except ValueError:
                yield value
        case dict():
            for item in value.values():
                yield from _texts(item)


def eventually(holds: Callable[[], bool], what: str | Callable[[], str]) -> None:
    """Wait until something holds, for as long as a busy machine may take."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not holds():
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {PATIENCE_SECONDS:.0f} s for {what if isinstance(what, str) else what()}")
        time.sleep(0.01)
