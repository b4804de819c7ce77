"""The stack in one process: template.yaml in moto, the real functions, scripted hosts, an inbox for what people get.

Time does not pass by itself. Wait states and the pauses between retries are skipped (and written down), and a wait for
people ends when a test signals, or says that it timed out: each time the functions' clock goes ahead.
"""

import json
import shutil
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import cache, partial
from pathlib import Path
from types import ModuleType
from typing import Any, cast
from urllib.parse import urlencode

import boto3
import yaml
from botocore.config import Config
from moto.stepfunctions.parser.api import ExecutionStatus
from moto.stepfunctions.parser.backend.execution import Execution
from moto.stepfunctions.parser.models import stepfunctions_parser_backends

from firstline.adapters.aws.executions import StepFunctions
from firstline.adapters.dynamodb.incidents import TableIncidents
from firstline.adapters.dynamodb.remediations import TableRemediations
from firstline.adapters.dynamodb.table import Table
from firstline.adapters.dynamodb.trail import TableTrail
from firstline.incidents.audit_trail import Entry, first_break
from firstline.runbooks import catalogue, documents
from local.demo import senders
from local.emulator import engine, more_runbooks
from local.emulator.cloud import Cloud
from local.emulator.events import fits
from local.emulator.iam import ACCOUNT
from local.emulator.inbox import Inbox, Message
from local.emulator.releases import Releases
from local.emulator.resources import Created, Resources
from local.emulator.server import Server
from local.emulator.stack import PEOPLE
from tests.statemachine.faulty_aws import FaultyAws
from tests.statemachine.functions import Functions
from tests.statemachine.incident import Incident, eventually, is_over, stop
from tests.statemachine.requests import alert, post
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

OVER = ("Await Quiet", "Close Incident")
"""The states through which an incident goes when nothing fires any more."""

SECRETS = {
    "sources/generic": "t0ken-of-the-generic-source",
    "sources/datadog": "t0ken-of-datadog",
    "slack/bot-token": "xoxb-1",
    "slack/signing-secret": "s1gning-secret",
    "pagerduty/routing-key": "r0uting-key",
}


class World:
    """One stack. `begin` empties it for the next test, `end` stops what that test left running."""

    def __init__(self, folder: Path) -> None:
        self.cloud: Any = Cloud()  # its functions and commands are replaced by scripted ones
        self.cloud.on_event = self.tells
        self.inbox = Inbox()
        self.aws = FaultyAws(self.cloud, lambda: self.commands)
        self._servers = {"aws": Server(self.aws.answer), "inbox": Server(self.inbox)}
        self.client: Callable[[str], Any] = cache(self._new_client)
        self._folder = folder
        self.created = Created()
        self.instance_ids: dict[str, str] = {}
        self.commands = RunCommand({})
        self.releases = Releases()
        self.functions = Functions([], {}, overrides={}, warm={})
        self._warm: dict[str, ModuleType] = {}
        self._changed_secrets: set[str] = set(SECRETS)
        self._unsubscribed = False
        self._added_secrets: set[str] = set()
        self._ahead = timedelta()
        self._documents: dict[str, str] = {}

    def start(self) -> None:
        """Create the template's resources, three hosts, and the secrets of Slack and PagerDuty."""
        engine.install(self._servers["aws"].url)
        self.aws.serve_the_machine()
        for server in self._servers.values():
            server.start()
        self.created = Resources(
            ROOT / "template.yaml",
            stack_name=STACK_NAME,
            region=REGION,
            parameters={
                "EnvironmentName": "prod",
                "RemediationMode": "auto",
                "SlackApiUrl": f"{self.inbox_url}/slack/api/",
                "PagerDutyEventsUrl": f"{self.inbox_url}/pagerduty",
                "PagerDutyApiUrl": f"{self.inbox_url}/pagerduty",
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
            self.client("sns").subscribe(TopicArn=topic, Protocol="http", Endpoint=f"{self.inbox_url}/sns")

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
        self.aws.begin()
        # As an owner would: nothing that acts ships in auto, and what may interrupt a service needs a person's word.
        for runbook in PROMOTED:
            self.remediations.promote(runbook, "the owner", self.now())
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
        self.aws.work_again()
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
            stop(execution)
        for execution in running:
            eventually(partial(is_over, execution), f"{execution.name} to stop")
        for arn in machines:
            self._backend.describe_state_machine(arn).executions.clear()

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
        return self.posts("generic", {"alerts": alerts})

    def posts(self, source: str, payload: dict[str, Any]) -> dict[str, Any]:
        """POST a payload to a source; the answer."""
        headers = {"content-type": "application/json", "authorization": f"Bearer {SECRETS[f'sources/{source}']}"}
        answer = self.functions.call("ingest", post(f"/alerts/{source}", headers, json.dumps(payload)))
        assert answer["statusCode"] == 202, answer
        said: dict[str, Any] = json.loads(answer["body"])
        return said

    def fires(self, alert_name: str, **fields: Any) -> Incident:
        """Fire an alert and return the incident that it belongs to."""
        (incident_id,) = self.send(alert(alert_name, **fields))
        return Incident(self, incident_id)

    def send_many(self, alert_name: str, *, hosts: list[str], **fields: Any) -> Incident:
        """Fire the alert on several hosts in one message and return their incident."""
        (incident_id,) = self.send(*(alert(alert_name, host=host, **fields) for host in hosts))
        return Incident(self, incident_id)

    def reconciles(self) -> None:
        """Call reconcile as the schedule does."""
        self.functions.call("reconcile", {})

    def listens(self) -> Stream:
        """Follow the table's stream from now on."""
        return Stream(self.aws.table)

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

    def presses(self, button: str, incident_id: str, user: str = "ada", *, value: str = "") -> None:
        """Press a button under the incident's message in Slack; with `value`, that of a message that has changed."""
        value = value or self.inbox.value(incident_id, button)
        self._interacts(user, {"type": "button", "action_id": button, "value": value})

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
        answer = self.functions.call("respond", post("/respond/slack", headers, body))
        assert answer["statusCode"] == 200, answer

    def items(self) -> list[dict[str, Any]]:
        """Return every item in the table, as DynamoDB writes them."""
        return self.aws.table.snapshot()

    @property
    def store(self) -> Table:
        """The table, as adapters take it."""
        return Table(self.aws.near("dynamodb", self.client("dynamodb")), self.created.table_name)

    @property
    def history(self) -> TableIncidents:
        """The table, as the package reads it."""
        return TableIncidents(self.store)

    @property
    def remediations(self) -> TableRemediations:
        """Return the reservations in the table."""
        return TableRemediations(self.store)

    def trail(self, incident_id: str) -> list[Entry]:
        """Return an incident's trail, which must be whole."""
        entries = TableTrail(self.store).entries(incident_id)
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
            self.created.functions, service, overrides=environment, warm=warm, now=self.now, near=self.aws.near
        )

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
        wanted = [{"Name": "name", "Values": ["amzn-ami-hvm-2017.09.1.*-x86_64-gp2"]}]
        image_id = ec2.describe_images(Filters=wanted)["Images"][0]["ImageId"]
        for host in HOSTS:
            tags = [{"Key": "Name", "Value": host}, {"Key": "Firstline", "Value": STACK_NAME}]
            named = [{"ResourceType": "instance", "Tags": tags}]
            answer = ec2.run_instances(ImageId=image_id, MinCount=1, MaxCount=1, TagSpecifications=named)
            self.instance_ids[host] = answer["Instances"][0]["InstanceId"]

    def _new_client(self, service: str) -> Any:
        return boto3.session.Session().client(
            cast("Any", service),
            region_name=REGION,
            endpoint_url=self._servers["aws"].url,
            config=Config(retries={"total_max_attempts": 1}, max_pool_connections=20),
        )


def _secret(name: str) -> str:
    return f"/firstline/{STACK_NAME}/{name}"
