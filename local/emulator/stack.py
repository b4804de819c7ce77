"""A whole Firstline on one machine: the composition root of `local/`.

All servers listen on loopback, and all processes end with this one.
"""

import base64
import gc
import json
import logging
import os
import secrets as randomness
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache, partial
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

from firstline.adapters.dynamodb.sessions import TableSessions
from firstline.adapters.dynamodb.table import Table
from firstline.console.sessions import Pass
from firstline.sources import SOURCES
from local.emulator import aws_data, engine, events, more_runbooks  # noqa: F401 - aws_data before moto
from local.emulator.cloud import Cloud
from local.emulator.commands import CommandEnded, Commands
from local.emulator.front import Front
from local.emulator.hosts import Host, Hosts, Sandbox
from local.emulator.iam import ACCOUNT
from local.emulator.inbox import Inbox, Message
from local.emulator.lapse import Lapse
from local.emulator.registry import own_folder, sweep
from local.emulator.releases import release_arns, sample_releases
from local.emulator.resources import Created, Resources
from local.emulator.roles import SECRET_KEY, Roles
from local.emulator.runtime import Functions
from local.emulator.server import Server
from local.emulator.signing import user_arn

ROOT = Path(__file__).parents[2]
REGION = "eu-west-1"
STACK_NAME = "firstline-local"
TARGET_TAG = ("Firstline", STACK_NAME)
SENDERS = (*SOURCES, "deployments")
"""The senders that have a secret of their own."""

PACKAGES, LATE_PACKAGES = ("firstline",), ("firstline.adapters.llm",)
"""The packages that are imported once for all functions, but for the model's client, which takes a second."""

HOSTS = ("web-1", "web-2", "db-1", "worker-1")
APPROVER = "ada"
CONSOLE_TICKET_LASTS = timedelta(hours=12)
PEOPLE = Path(__file__).with_name("people.yaml")
"""The policy file people.yaml of a stack on this machine, unless an option gives another one."""


@dataclass(frozen=True)
class Options:
    """The options of a stack.

    `time_lapse` makes long waits (for recovery, acknowledgement, quiet) pass this many times faster. `parameters` are
    for the template in the folder `root`. `secrets`, such as `llm/api-key`, are added to the generated ones. `runbooks`
    is a folder of further runbooks. `promoted` has ids of shipped runbooks that need no approval here. `policies` are
    files that replace the shipped policies of the same names.
    """

    port: int = 0
    time_lapse: float = 1.0
    parameters: dict[str, str] = field(default_factory=dict)
    secrets: dict[str, str] = field(default_factory=dict, repr=False)
    root: Path = ROOT
    runbooks: Path | None = None
    promoted: tuple[str, ...] = ()
    policies: tuple[Path, ...] = ()
    reconcile_seconds: int | None = None
    folder: Path = field(default_factory=own_folder)
    on_command: Callable[[CommandEnded], None] = lambda _: None
    on_message: Callable[[Message], None] = lambda _: None


WEBHOOK_KEY = f"whsec_{base64.b64encode(randomness.token_bytes(32)).decode()}"
"""The value for the secret `webhook/signing-key` with which the inbox checks signed webhooks."""


class Stack:
    """A Firstline on this machine: call `start`, and `close` at the end.

    Attributes
    ----------
    created
        The resources of the template.
    hosts
        The throw-away hosts by name.
    secrets
        The secrets of the senders by source; that of `slack` signs the requests of buttons.
    """

    def __init__(self, options: Options | None = None) -> None:
        self.options = options or Options()
        self.cloud = Cloud()
        self.front = Front()
        self.inbox = Inbox(self.options.on_message)
        api = Server(self.front, self.options.port)
        self._servers = {"api": api, "aws": Server(self.cloud), "inbox": Server(self.inbox)}
        self.cloud.on_event = self._tell
        self.inbox.events = self.cloud.bus
        self._hosts = Hosts()
        self.hosts: dict[str, Host] = {}
        self.secrets = {source: randomness.token_urlsafe(24) for source in (*SENDERS, "slack")}
        self.created = Created()
        self._lapse = Lapse(self.options.time_lapse)
        self._stopping = threading.Event()
        self._session = boto3.session.Session(region_name=REGION)
        self._new = threading.Lock()
        self.client: Callable[[str], Any] = cache(self._new_client)

    @property
    def sandbox(self) -> Sandbox:
        """The kind of isolation between the hosts' commands and this machine."""
        return self._hosts.sandbox

    @property
    def sandbox_problems(self) -> list[str]:
        """The reasons why better kinds of isolation do not work on this machine."""
        return self._hosts.problems

    def url(self, name: str) -> str:
        """Return the URL of `api`, `aws` or `inbox`."""
        return self._servers[name].url

    def start(self) -> None:
        """Create all resources, and start the hosts, the servers and the functions.

        Raises
        ------
        TemplateError
            The template does not exist or uses a feature that is not supported here.
        ConfigurationError
            A runbook or policy file of the options is wrong.
        """
        for name in ("moto", "werkzeug", "botocore"):
            logging.getLogger(name).setLevel(logging.CRITICAL)
        sweep()
        engine.install(self.url("aws"), lapse=self._lapse, on_end=self._tell_of_end)
        for server in self._servers.values():
            server.start()
        # No request may leave this machine, such as one for the credentials of an EC2 instance.
        os.environ["AWS_EC2_METADATA_DISABLED"] = "true"
        # moto's catalogue of Amazon's images takes two seconds to load and is not needed.
        os.environ["MOTO_EC2_LOAD_DEFAULT_AMIS"] = "false"
        key, value = TARGET_TAG
        for name in HOSTS:
            self.hosts[name] = self._hosts.start(name, {"Name": name, key: value})
        self._register_instances()
        self._create_resources()
        self._put_secrets()
        for topic in self.created.topic_arns:
            self.client("sns").subscribe(TopicArn=topic, Protocol="http", Endpoint=f"{self.url('inbox')}/sns")
        self.cloud.on_text = self.inbox.text
        hosts = list(self.hosts.values())
        self.cloud.commands = Commands(
            hosts, self._read_document, TARGET_TAG, self.options.on_command, self._read_hash, self._tell_of_command
        )
        self.cloud.releases = sample_releases()
        tags = {host.instance_id: host.tags for host in hosts}
        self.cloud.roles = Roles(self.created.statements, account=ACCOUNT, tags=lambda node: tags.get(node, {}))
        self._start_functions()
        # What was made so far lives as long as the stack: the collector need not look through it again and again.
        gc.freeze()

    def executions(self) -> list[engine.Execution]:
        """Return a snapshot of the executions of all incidents."""
        return engine.executions(self.created.state_machine_arn)

    def console(self) -> str:
        """Return a link with which the approver can enter the console once, within twelve hours."""
        now = datetime.now(UTC)
        given = Pass(key=APPROVER, name=APPROVER, role="approver", expires_at=now + CONSOLE_TICKET_LASTS)
        ticket = TableSessions(Table(self.client("dynamodb"), self.created.table_name)).mint(given, now)
        return f"{self.url('api')}/console/enter?ticket={ticket}"

    def line(self) -> dict[str, Any]:
        """Return the line that `up` prints when the stack is ready: its addresses, names, secrets and parameters."""
        return {
            **{name: server.url for name, server in self._servers.items()},
            "state_machine": self.created.state_machine_arn,
            "table": self.created.table_name,
            "secrets": dict(self.secrets),
            "stack": STACK_NAME,
            "outputs": self.created.outputs,
            "parameters": self.created.parameters,
        }

    def close(self) -> None:
        """End the servers, the functions and the hosts."""
        self._stopping.set()
        for server in self._servers.values():
            server.close()
        if self.cloud.functions is not None:
            self.cloud.functions.close()
        self._hosts.close()

    def _new_client(self, service: str) -> Any:
        with self._new:  # a session is not for several threads; its clients are
            return self._session.client(
                service,  # type: ignore[call-overload]
                endpoint_url=self.url("aws"),
                aws_access_key_id=ACCOUNT,
                aws_secret_access_key=SECRET_KEY,
                config=Config(retries={"total_max_attempts": 1}, read_timeout=300, max_pool_connections=20),
            )

    def _create_resources(self) -> None:
        inbox, opt_folder = self.url("inbox"), self.options.folder / "opt"
        parameters = {
            "EnvironmentName": "dev",
            "RemediationMode": "auto",
            "SlackApiUrl": f"{inbox}/slack/api/",
            "PagerDutyEventsUrl": f"{inbox}/pagerduty",
            "PagerDutyApiUrl": f"{inbox}/pagerduty",
            "ReleaseArns": ",".join(release_arns(REGION, ACCOUNT)),
            **self.options.parameters,
        }
        self.created = Resources(
            self.options.root / "template.yaml",
            stack_name=STACK_NAME,
            region=REGION,
            parameters=parameters,
            client=self.client,
            opt_folder=opt_folder,
            api_url=self.url("api"),
        ).create()
        if runbooks := self.options.runbooks:
            more_runbooks.link_runbooks(runbooks, opt_folder)
            self.created.documents += [name for name, _ in more_runbooks.deploy(runbooks, STACK_NAME, self.client)]
        if promoted := self.options.promoted:
            table = Table(self.client("dynamodb"), self.created.table_name)
            more_runbooks.promote(promoted, self.options.root / "runbooks", table, datetime.now(UTC))
        policies = (PEOPLE, *self.options.policies)
        shipped = self.options.root / "runbooks" / "policy"
        more_runbooks.replace_policies(policies, shipped, self.options.folder / "policy", opt_folder)

    def _register_instances(self) -> None:
        """Register the hosts as EC2 instances in moto, and set their ids to those of moto."""
        ec2 = self.client("ec2")
        image = ec2.register_image(Name="local")["ImageId"]
        for host in self.hosts.values():
            tags = [{"Key": key, "Value": value} for key, value in host.tags.items()]
            reservation = ec2.run_instances(
                ImageId=image,
                MinCount=1,
                MaxCount=1,
                PrivateIpAddress=host.private_ip,
                TagSpecifications=[{"ResourceType": "instance", "Tags": tags}],
            )
            host.instance_id = reservation["Instances"][0]["InstanceId"]

    def _put_secrets(self) -> None:
        self.inbox.routing_key = randomness.token_hex(16)
        values = {
            **{f"sources/{source}": self.secrets[source] for source in SENDERS},
            "slack/bot-token": f"xoxb-{randomness.token_hex(12)}",
            "slack/signing-secret": self.secrets["slack"],
            "approvals/signing-key": randomness.token_urlsafe(32),
            "console/link-key": randomness.token_urlsafe(32),
            "console/calendar-key": randomness.token_urlsafe(32),
            "pagerduty/routing-key": self.inbox.routing_key,
            "pagerduty/api-token": randomness.token_hex(10),
            **self.options.secrets,
        }
        for name, value in values.items():
            self.client("ssm").put_parameter(
                Name=f"/firstline/{STACK_NAME}/{name}", Value=value, Type="SecureString", Overwrite=True
            )
        self.inbox.api, self.inbox.secrets = self.url("api"), self.secrets | {"webhook": WEBHOOK_KEY}

    def _read_document(self, name: str) -> dict[str, Any] | None:
        ssm = self.client("ssm")
        try:
            content: dict[str, Any] = json.loads(ssm.get_document(Name=name)["Content"])
        except (ssm.exceptions.InvalidDocument, ssm.exceptions.InvalidDocumentOperation):
            return None
        return content

    def _read_hash(self, name: str, version: str) -> str | None:
        ssm = self.client("ssm")
        try:
            found: str = ssm.describe_document(Name=name, DocumentVersion=version)["Document"]["Hash"]
        except (ssm.exceptions.InvalidDocument, ssm.exceptions.InvalidDocumentVersion):
            return None
        return found

    def _start_functions(self) -> None:
        service = {
            "AWS_ENDPOINT_URL": self.url("aws"),
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ACCESS_KEY_ID": ACCOUNT,
            "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
            "AWS_EC2_METADATA_DISABLED": "true",
            "NO_PROXY": "127.0.0.1",
        }
        logs = self.options.folder / "logs"
        functions = Functions(
            self.created.functions,
            service_environment=service,
            log_folder=logs,
            ahead=self._lapse.ahead,
            packages=PACKAGES,
            late_packages=LATE_PACKAGES,
        )
        self.cloud.functions = self.front.functions = functions
        self.front.routes = self.created.routes
        self.front.caller = partial(user_arn, account=ACCOUNT, secret=SECRET_KEY, roles=self.created.statements)
        for schedule in self.created.schedules:
            every = self.options.reconcile_seconds or schedule.every_seconds
            threading.Thread(target=self._repeat, args=(functions, schedule.function, every), daemon=True).start()
        for reader in self.created.queue_readers:
            reading = (reader, self.client("sqs"), functions, self._stopping)
            threading.Thread(target=events.read_queue, args=reading, daemon=True).start()
        for stream in self.created.stream_readers:
            following = (stream, self.client("dynamodbstreams"), functions, self._stopping)
            threading.Thread(target=events.read_stream, args=following, daemon=True).start()

    def _tell_of_end(self, detail: dict[str, Any]) -> None:
        """Send the functions EventBridge's event about an execution that ended."""
        self._tell(events.execution_ended(detail))

    def _tell_of_command(self, detail: dict[str, Any]) -> None:
        """Send EventBridge's event about a command that ended to the functions that listen for it."""
        self._tell(events.command_ended(detail, REGION, ACCOUNT))

    def _tell(self, event: dict[str, Any]) -> None:
        if self.cloud.functions is not None and not self._stopping.is_set():
            events.send(event, self.created.rules, self.cloud.functions)

    def _repeat(self, functions: Functions, name: str, every_seconds: float) -> None:
        """Invoke a function at regular intervals with EventBridge Scheduler's event, until the stack is closed."""
        while not self._stopping.wait(every_seconds):
            event = events.scheduled(REGION, ACCOUNT)
            functions.invoke_later(name, json.dumps(event).encode())
