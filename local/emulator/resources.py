"""Creator of the template's resources on this machine.

Tables, queues, topics, documents and state machines are created in moto; functions, routes, schedules and roles are
described for the modules of `local/` that run them. All other resources, such as alarms, only get names.
"""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from local.emulator.events import QueueReader, Rule, StreamReader
from local.emulator.front import Route
from local.emulator.iam import ACCOUNT, Statement
from local.emulator.runtime import FunctionSpec
from local.emulator.template import LOCAL_BUCKET, Template, TemplateError, expand, state_machine_definition

_RATE = re.compile(r"rate\((\d+) (minute|hour|day)s?\)")
_SECONDS = {"minute": 60, "hour": 3_600, "day": 86_400}
_NAME_PROPERTIES = {
    "AWS::DynamoDB::Table": "TableName",
    "AWS::SQS::Queue": "QueueName",
    "AWS::SNS::Topic": "TopicName",
    "AWS::Lambda::Function": "FunctionName",
    "AWS::StepFunctions::StateMachine": "StateMachineName",
    "AWS::Logs::LogGroup": "LogGroupName",
    "AWS::SSM::Parameter": "Name",
}
_INTEGRATION_ARN = re.compile(r"functions/(.+)/invocations$")


@dataclass(frozen=True)
class Schedule:
    """A function that is invoked at regular intervals."""

    function: str
    every_seconds: int


@dataclass
class Created:
    """The resources of a stack that other modules of `local/` run or refer to."""

    functions: list[FunctionSpec] = field(default_factory=list)
    routes: list[Route] = field(default_factory=list)
    schedules: list[Schedule] = field(default_factory=list)
    rules: list[Rule] = field(default_factory=list)
    queue_readers: list[QueueReader] = field(default_factory=list)
    stream_readers: list[StreamReader] = field(default_factory=list)
    state_machines: dict[str, str] = field(default_factory=dict)
    table_name: str = ""
    topic_arns: list[str] = field(default_factory=list)
    documents: list[str] = field(default_factory=list)
    statements: dict[str, list[Statement]] = field(default_factory=dict)
    """The statements of each role, by the role's logical id."""
    outputs: dict[str, Any] = field(default_factory=dict)
    parameters: dict[str, str] = field(default_factory=dict)

    @property
    def state_machine_arn(self) -> str:
        """The ARN of the state machine that handles incidents."""
        return self.state_machines["IncidentStateMachine"]


@dataclass(frozen=True)
class _Named:
    ref: str
    attributes: Mapping[str, str] = field(default_factory=dict)


class Resources:
    """The resources of one stack, including those of its nested stacks.

    Parameters
    ----------
    client
        Returns the boto3 client for a service by its name; the client calls the emulator on this machine.
    opt_folder
        The folder with an `/opt` for each function: links to the files of those of its layers that hold no packages.
    """

    def __init__(
        self,
        template: Path,
        *,
        stack_name: str,
        region: str,
        parameters: Mapping[str, Any],
        client: Callable[[str], Any],
        opt_folder: Path,
        api_url: str,
    ) -> None:
        self._path = template.resolve()
        self._stack_name = stack_name
        self._region = region
        self._client = client
        self._opt_folder = opt_folder
        self._api_url = api_url
        self._named: dict[str, _Named] = {}
        self._template = Template(
            expand(template, parameters, region),
            parameters,
            pseudo={
                "AWS::Region": region,
                "AWS::AccountId": ACCOUNT,
                "AWS::Partition": "aws",
                "AWS::StackName": stack_name,
                "AWS::StackId": f"arn:aws:cloudformation:{region}:{ACCOUNT}:stack/{stack_name}/local",
                "AWS::URLSuffix": "amazonaws.com",
            },
            attribute=self._attribute,
        )
        self._resources = self._template.resources()
        self._created = Created()

    def create(self) -> Created:
        """Create the stack's resources and return their descriptions.

        Raises
        ------
        TemplateError
            The template uses a feature that this module does not support.
        """
        create: dict[str, Callable[[str, dict[str, Any]], None]] = {
            "AWS::Lambda::Function": self._function,
            "AWS::ApiGatewayV2::Api": self._routes,
            "AWS::Scheduler::Schedule": self._schedule,
            "AWS::Events::Rule": self._rule,
            "AWS::Lambda::EventSourceMapping": self._reader,
            "AWS::StepFunctions::StateMachine": self._state_machine,
            "AWS::SSM::Document": self._document,
            "AWS::SSM::Parameter": self._parameter,
            "AWS::CloudFormation::Stack": self._nested,
            "AWS::IAM::Role": self._role,
            "AWS::IAM::Policy": self._policy,
        }
        for logical_id, (kind, properties) in self._resources.items():
            self._of(logical_id)
            if kind in create:
                create[kind](logical_id, self._template.resolve(properties))
        self._created.outputs = self._template.outputs()
        self._created.parameters = self._template.parameters
        return self._created

    # --- names, and what must exist before anything else can name it ----------------------------------------------

    def _attribute(self, logical_id: str, attribute: str | None) -> str:
        if logical_id not in self._resources:
            missing = f"the resource {logical_id} does not exist, or its condition is false"
            raise TemplateError(f"{self._path.name}: {missing}; correct the reference to it.")
        named = self._of(logical_id)
        if attribute is None:
            return named.ref
        if attribute not in named.attributes:
            unknown = f"the attribute {attribute} of {logical_id} is not known"
            raise TemplateError(f"{self._path.name}: {unknown}; add it to local/emulator/resources.py.")
        return named.attributes[attribute]

    def _of(self, logical_id: str) -> _Named:
        if logical_id not in self._named:
            self._named[logical_id] = self._name(logical_id, *self._resources[logical_id])
        return self._named[logical_id]

    def _name(self, logical_id: str, kind: str, properties: dict[str, Any]) -> _Named:
        default = f"{self._stack_name}-{logical_id}"
        name: str = self._template.resolve(properties.get(_NAME_PROPERTIES.get(kind, ""), default))
        match kind:
            case "AWS::DynamoDB::Table":
                return self._table(name, self._template.resolve(properties))
            case "AWS::SQS::Queue":
                url = self._client("sqs").create_queue(QueueName=name)["QueueUrl"]
                return _Named(url, {"Arn": self._arn("sqs", name), "QueueName": name, "QueueUrl": url})
            case "AWS::SNS::Topic":
                arn = self._client("sns").create_topic(Name=name)["TopicArn"]
                self._created.topic_arns.append(arn)
                return _Named(arn, {"TopicArn": arn, "TopicName": name})
            case "AWS::Lambda::Function":
                return _Named(name, {"Arn": self._arn("lambda", f"function:{name}")})
            case "AWS::StepFunctions::StateMachine":
                arn = self._arn("states", f"stateMachine:{name}")
                return _Named(arn, {"Arn": arn, "Name": name})
            case "AWS::ApiGatewayV2::Api":
                return _Named("local", {"ApiEndpoint": self._api_url, "ApiId": "local"})
            case "AWS::Lambda::LayerVersion":
                return _Named(str(self._path.parent / properties["Content"]["S3Key"]))
            case "AWS::IAM::Role":
                return _Named(logical_id, {"Arn": role_arn(logical_id)})
            case "AWS::Logs::LogGroup":
                return _Named(name, {"Arn": self._arn("logs", f"log-group:{name}:*")})
        return _Named(name, {"Arn": self._arn(kind.split("::")[1].lower(), name)})

    def _arn(self, service: str, rest: str) -> str:
        return f"arn:aws:{service}:{self._region}:{ACCOUNT}:{rest}"

    def _table(self, name: str, properties: dict[str, Any]) -> _Named:
        wanted = ("AttributeDefinitions", "KeySchema", "GlobalSecondaryIndexes", "BillingMode", "StreamSpecification")
        given = {key: properties[key] for key in wanted if key in properties}
        if "StreamSpecification" in given:
            given["StreamSpecification"] |= {"StreamEnabled": True}  # which CloudFormation adds
        dynamodb = self._client("dynamodb")
        description = dynamodb.create_table(TableName=name, **given)["TableDescription"]
        if ttl := properties.get("TimeToLiveSpecification"):
            dynamodb.update_time_to_live(TableName=name, TimeToLiveSpecification=ttl)
        self._created.table_name = name
        stream = {"StreamArn": description["LatestStreamArn"]} if "LatestStreamArn" in description else {}
        return _Named(name, {"Arn": description["TableArn"], **stream})

    # --- what refers to the rest --------------------------------------------------------------------------------------

    def _local_path(self, bucket: str, key: str) -> Path:
        if bucket != LOCAL_BUCKET:
            raise TemplateError(f"{self._path.name}: s3://{bucket}/{key} is not on this machine; name a local path.")
        path = self._path.parent / key
        if not path.exists():
            raise TemplateError(f"{self._path.name} names {key}, but there is no {path}.")
        return path

    def _function(self, logical_id: str, properties: dict[str, Any]) -> None:
        named = self._of(logical_id)
        code = properties["Code"]
        layers = [Path(layer) for layer in properties.get("Layers", [])]
        packages = [layer for layer in layers if (layer / "requirements.txt").exists()]
        opt = self._opt(named.ref, [layer for layer in layers if layer not in packages])
        variables = properties.get("Environment", {}).get("Variables", {})
        spec = FunctionSpec(
            name=named.ref,
            arn=named.attributes["Arn"],
            folder=self._local_path(code["S3Bucket"], code["S3Key"]),
            handler=properties["Handler"],
            timeout_seconds=float(properties.get("Timeout", 3)),
            memory_mb=int(properties.get("MemorySize", 128)),
            environment={name: re.sub(r"^/opt(?=/|$)", str(opt), str(value)) for name, value in variables.items()},
            python_path=tuple(packages),
            role=properties["Role"].rpartition("/")[2],
        )
        self._created.functions.append(spec)

    def _opt(self, function: str, layers: list[Path]) -> Path:
        folder = self._opt_folder / function
        folder.mkdir(parents=True, exist_ok=True)
        for old in folder.iterdir():
            old.unlink()
        for layer in layers:
            for entry in layer.iterdir():
                (folder / entry.name).symlink_to(entry)
        return folder

    def _routes(self, _: str, properties: dict[str, Any]) -> None:
        for path, methods in properties["Body"]["paths"].items():
            for method, operation in methods.items():
                uri = operation["x-amazon-apigateway-integration"]["uri"]
                arn = _INTEGRATION_ARN.search(uri)
                if arn is None:
                    raise TemplateError(
                        f"{self._path.name}: the route {method} {path} leads to {uri}, which is no Lambda function; "
                        "correct the uri of its x-amazon-apigateway-integration."
                    )
                name = "ANY" if method == "x-amazon-apigateway-any-method" else method.upper()
                signed = any("AWS_IAM" in asked for asked in operation.get("security", []))
                self._created.routes.append(Route(name, path, arn[1].rsplit(":", 1)[-1], signed=signed))

    def _schedule(self, logical_id: str, properties: dict[str, Any]) -> None:
        expression = properties["ScheduleExpression"]
        rate = _RATE.fullmatch(expression)
        if rate is None:
            raise TemplateError(
                f"{self._path.name}: {logical_id}: the schedule {expression} is not understood here; "
                "write rate(<number> minutes), hours or days."
            )
        function = properties["Target"]["Arn"].rsplit(":", 1)[-1]
        self._created.schedules.append(Schedule(function, int(rate[1]) * _SECONDS[rate[2]]))

    def _rule(self, _: str, properties: dict[str, Any]) -> None:
        for target in properties["Targets"]:
            self._created.rules.append(Rule(properties["EventPattern"], target["Arn"].rsplit(":", 1)[-1]))

    def _reader(self, _: str, properties: dict[str, Any]) -> None:
        if not properties.get("Enabled", True):
            return
        source, function = properties["EventSourceArn"], properties["FunctionName"].rsplit(":", 1)[-1]
        if ":dynamodb:" in source:
            filters = tuple(json.loads(given["Pattern"]) for given in properties["FilterCriteria"]["Filters"])
            self._created.stream_readers.append(StreamReader(source, function, filters))
        else:
            self._created.queue_readers.append(QueueReader(source, function))

    def _state_machine(self, logical_id: str, properties: dict[str, Any]) -> None:
        location = properties["DefinitionS3Location"]
        named = self._of(logical_id)
        path = self._local_path(location["Bucket"], location["Key"])
        # By API: a state machine that moto's CloudFormation makes is invisible to the backend that executes.
        self._client("stepfunctions").create_state_machine(
            name=named.attributes["Name"],
            definition=state_machine_definition(path, properties.get("DefinitionSubstitutions", {})),
            roleArn=properties["RoleArn"],
        )
        self._created.state_machines[logical_id] = named.ref

    def _role(self, logical_id: str, properties: dict[str, Any]) -> None:
        for policy in properties.get("Policies", []):
            self._allow(logical_id, policy["PolicyDocument"])

    def _policy(self, _: str, properties: dict[str, Any]) -> None:
        for role in properties["Roles"]:
            self._allow(role, properties["PolicyDocument"])

    def _allow(self, role: str, policy: dict[str, Any]) -> None:
        self._created.statements.setdefault(role, []).extend(policy["Statement"])

    def _document(self, logical_id: str, properties: dict[str, Any]) -> None:
        name = properties.get("Name", f"{self._stack_name}-{logical_id}")
        create_document(self._region, name, properties["Content"])
        self._created.documents.append(name)

    def _parameter(self, _: str, properties: dict[str, Any]) -> None:
        given = {key: properties[key] for key in ("Name", "Type", "Value")}
        self._client("ssm").put_parameter(**given, Overwrite=True)

    def _nested(self, logical_id: str, properties: dict[str, Any]) -> None:
        nested = Resources(
            self._path.parent / properties["TemplateURL"],
            stack_name=f"{self._stack_name}-{logical_id}",
            region=self._region,
            parameters=properties.get("Parameters", {}),
            client=self._client,
            opt_folder=self._opt_folder,
            api_url=self._api_url,
        ).create()
        self._created.documents += nested.documents
        outputs = {f"Outputs.{name}": str(value) for name, value in nested.outputs.items()}
        self._named[logical_id] = _Named(self._named[logical_id].ref, outputs)


def role_arn(name: str) -> str:
    """Return the ARN of a role of the local account by its name."""
    return f"arn:aws:iam::{ACCOUNT}:role/{name}"


def create_document(region: str, name: str, content: dict[str, Any]) -> None:
    """Create an SSM document for Run Command from its content.

    It goes into moto without a request, as a stack has nearly a hundred documents, and each request takes 7 ms.
    """
    from moto.ssm.models import ssm_backends  # late: the tests of templates need no moto

    ssm_backends[ACCOUNT][region].create_document(
        name=name,
        content=json.dumps(content),
        document_type="Command",
        document_format="JSON",
        version_name="",
        target_type="",
        requires=[],
        attachments=[],
        tags=[],
    )
