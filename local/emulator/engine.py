"""Patches that make moto's Step Functions interpreter behave as AWS does.

moto 5.2.5 executes state machines but ships no JSONata evaluator (getmoto/moto#10105), and it writes the values of
variables as text into each expression, unescaped: a quote in an alert's message would end the expression. Here the
evaluator looks variables up, expressions are parsed once, and "undefined" (an error on AWS) is not null (a value).
"""

import json
import threading
from collections import ChainMap
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from typing import Any

import boto3
from botocore.client import BaseClient
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from moto.core.config import default_user_config
from moto.core.responses import ActionResult, EmptyResult
from moto.sns.models import Topic
from moto.stepfunctions.parser.api import EvaluationFailedEventDetails, ExecutionStatus, HistoryEventType
from moto.stepfunctions.parser.asl.component.common.error_name.failure_event import FailureEvent, FailureEventException
from moto.stepfunctions.parser.asl.component.common.error_name.states_error_name import StatesErrorName
from moto.stepfunctions.parser.asl.component.common.error_name.states_error_name_type import StatesErrorNameType
from moto.stepfunctions.parser.asl.component.common.string.string_expression import StringJSONata
from moto.stepfunctions.parser.asl.component.common.timeouts.timeout import EvalTimeoutError, TimeoutSecondsJSONata
from moto.stepfunctions.parser.asl.component.state.choice.state_choice import StateChoice
from moto.stepfunctions.parser.asl.component.state.exec.execute_state import ExecutionState
from moto.stepfunctions.parser.asl.component.state.exec.state_task import lambda_eval_utils
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service import (
    state_task_service_aws_sdk,
    state_task_service_sfn,
)
from moto.stepfunctions.parser.asl.eval.callback.callback import CallbackTimeoutError
from moto.stepfunctions.parser.asl.eval.environment import Environment
from moto.stepfunctions.parser.asl.eval.program_state import ProgramStopped
from moto.stepfunctions.parser.backend.execution import BaseExecutionWorkerCommunication
from moto.stepfunctions.parser.backend.execution_worker import ExecutionWorker
from moto.stepfunctions.parser.models import StepFunctionsParserBackend, stepfunctions_parser_backends
from moto.stepfunctions.responses import StepFunctionResponse

from local.emulator import savings, tokens, transactions, values
from local.emulator.events import end_of
from local.emulator.jsonata_expressions import QueryFailed, evaluate
from local.emulator.lapse import Lapse
from local.emulator.roles import SECRET_KEY

MOTO_VERSION = "5.2.5"

_ERROR_PREFIXES = {"ssm": "Ssm", "sns": "Sns", "codedeploy": "CodeDeploy", "appconfig": "AppConfig"}


def _lookup_in(env: Any) -> Callable[[str], Any]:
    def lookup(name: str) -> Any:
        if name == "states":
            data = dict(env.states._states_data)
            if data.get("errorOutput") is None:
                data.pop("errorOutput", None)
            return data
        return ChainMap(env.variable_store._inner_scope, env.variable_store._outer_scope)[name]

    return lookup


def _failure(env: Any, name: StatesErrorNameType, event_type: HistoryEventType, details: Any) -> FailureEventException:
    """Return the exception that fails a state with Step Functions' error `name`, and an event with `details`."""
    return FailureEventException(
        FailureEvent(env=env, error_name=StatesErrorName(typ=name), event_type=event_type, event_details=details)
    )


def _evaluate_in_state(self: Any, env: Any) -> None:
    try:
        env.stack.append(evaluate(self.expression, _lookup_in(env)))
    except QueryFailed as failed:
        name, event_type = StatesErrorNameType.StatesQueryEvaluationError, HistoryEventType.EvaluationFailed
        error = StatesErrorName(typ=name).error_name
        details: Any = {"evaluationFailedEventDetails": EvaluationFailedEventDetails(cause=str(failed), error=error)}
        env.event_manager.add_event(context=env.event_history_context, event_type=event_type, event_details=details)
        raise _failure(env, name, event_type, details) from failed


def _choose(self: Any, env: Any) -> None:
    """Evaluate a Choice state; push a pair onto moto's stack: the next state's name, and True if Default chose it.

    On AWS the state's own Assign runs only if Default chose. moto alone also runs it for a rule that leads to the same
    state as Default; `_leave_choice` reads the pair to do as AWS does.
    """
    for rule in self.choices_decl.rules:
        rule.eval(env)
        if env.stack.pop() is True:
            env.stack.append((rule.next_stmt.name, False))
            return
    if self.default_state is None:
        raise RuntimeError(f"No rule of the Choice state '{self.name}' holds, and it has no Default.")
    env.stack.append((self.default_state.state_name, True))


def _leave_choice(self: Any, env: Any) -> None:
    next_state, by_default = env.stack.pop()
    if by_default and self.assign_decl:
        self.assign_decl.eval(env=env)
    if by_default and self.output:
        self.output.eval(env=env)
    env.next_state_name = next_state


def _computed_seconds(timeout: Any, env: Any) -> float:
    timeout.string_jsonata.eval(env=env)
    return float(env.stack.pop())


def _timeout_in(lapse: Lapse) -> Callable[[Any, Any], int]:
    def seconds(self: Any, env: Any) -> int:
        return lapse.shortened(_computed_seconds(self, env))

    return seconds


def _putting_clocks_forward(lapse: Lapse) -> Callable[[Any, Any], None]:
    """Return a replacement for moto's method that runs a state with a time-out.

    If the state times out, the replacement puts the clock of the state's incident forward by the time that was not
    waited because of the time lapse. If it fails otherwise, its task token is over.
    """

    def evaluate_with_timeout(self: Any, env: Any) -> None:
        try:
            _moto_evaluate_with_timeout(self, env)
        except (EvalTimeoutError, CallbackTimeoutError):
            if isinstance(self.timeout, TimeoutSecondsJSONata) and env.is_running():
                with suppress(KeyError):  # an execution that is no incident
                    incident_id = _lookup_in(env)("incident")["incident_id"]
                    lapse.timed_out(incident_id, _computed_seconds(self.timeout, env))
            raise
        except Exception:
            tokens.renew(env)
            raise

    return evaluate_with_timeout


def _running_executions(self: Any, status: ExecutionStatus | None = None) -> list[Any]:
    """Return the executions with this status (None: any) that can take a signal.

    moto alone also takes those that have only just been started, and then fails.
    """
    return [
        execution
        for machine in self.state_machines
        for execution in machine.executions
        if (status is None or execution.exec_status == status) and getattr(execution.exec_worker, "env", None)
    ]


def _confirmed_subscriptions(self: Any) -> int:
    """Return the number of a topic's subscriptions; moto's is always 0, which means to Firstline that nobody reads."""
    return len(self.sns_backend.list_subscriptions_by_topic(topic_arn=self.arn)[0])


def _send_task_failure(self: Any) -> ActionResult:
    """Fail a task with its error and its cause; moto does not hand the cause to the state that catches the error."""
    token, error, cause = (self._get_param(name) for name in ("taskToken", "error", "cause"))
    self.stepfunction_backend.send_task_failure(token, error=error, cause=cause)
    return EmptyResult()


def _sdk_error(self: Any, env: Any, ex: Exception) -> FailureEvent:
    """Return the event for a failed call to a service.

    A call without an answer fails with `<Service>.SdkClientException`; moto alone would crash.
    """
    if isinstance(ex, BotoCoreError):
        service = self._normalise_service_error_name(self.resource.api_name)
        failed: FailureEvent = self._get_task_failure_event(
            env=env, error=f"{service}.SdkClientException", cause=f"Unable to execute HTTP request: {ex}"
        )
        return failed
    if isinstance(ex, ClientError):
        # moto insists on an id, which a load balancer's 503 has not.
        ex.response["ResponseMetadata"].setdefault("RequestId", "none")
    original: FailureEvent = _moto_sdk_error(self, env=env, ex=ex)
    return original


def _call_service(self: Any, env: Any, resource_runtime_part: Any, normalised_parameters: Any, **rest: Any) -> None:
    """Call a service with its parameters spelled as in its API; spell the answer as Step Functions does.

    For example, Step Functions writes `DeploymentId` for CodeDeploy's `deploymentId`.
    """
    client_for = getattr(state_task_service_aws_sdk, "boto_client_for")  # noqa: B009 (`install` puts ours there)
    client = client_for(resource_runtime_part.region, self._get_boto_service_name())
    name = client.meta.method_to_api_mapping[self._get_boto_service_action()]
    operation = client.meta.service_model.operation_model(name)
    request = spelled(normalised_parameters, operation.input_shape, as_step_functions=False)
    _moto_call_service(self, env, resource_runtime_part, request, **rest)
    env.stack.append(spelled(env.stack.pop(), operation.output_shape, as_step_functions=True))


def spelled(value: Any, shape: Any, *, as_step_functions: bool) -> Any:
    """Return a service's request or answer with its fields renamed: `DeploymentId` for `deploymentId`, or the reverse.

    Names are in PascalCase if `as_step_functions`, otherwise as the service's API spells them. Keys of maps are kept.
    `shape` is the description of the value in the service's model.
    """
    spell = partial(spelled, as_step_functions=as_step_functions)
    kind = shape.type_name if shape is not None else ""
    if kind == "structure" and isinstance(value, dict):
        names = {_pascal(name): name for name in shape.members}
        return {
            _pascal(key) if as_step_functions else names.get(key, key): spell(
                item, shape.members.get(names.get(_pascal(key), ""))
            )
            for key, item in value.items()
        }
    if kind == "list" and isinstance(value, list):
        return [spell(item, shape.member) for item in value]
    if kind == "map" and isinstance(value, dict):
        return {key: spell(item, shape.value) for key, item in value.items()}
    return value


def _pascal(name: str) -> str:
    return name[:1].upper() + name[1:]


def _sfn_client(resource_runtime_part: Any, state_credentials: Any) -> Any:
    client_for = getattr(state_task_service_sfn, "boto_client_for")  # noqa: B009 (`install` puts ours there)
    return client_for(resource_runtime_part.region, "stepfunctions", state_credentials)


def _start_child(
    _: Any,
    env: Any,
    resource_runtime_part: Any,
    normalised_parameters: Any,
    state_credentials: Any,
    **rest: Any,  # noqa: ARG001
) -> None:
    """Start another machine's execution with camelCase parameters; moto's are in PascalCase, which boto3 refuses."""
    client = _sfn_client(resource_runtime_part, state_credentials)
    given = {name[:1].lower() + name[1:]: value for name, value in normalised_parameters.items()}
    env.stack.append({"ExecutionArn": client.start_execution(**given)["executionArn"]})


def _end_of_child(
    self: Any, env: Any, resource_runtime_part: Any, state_credentials: Any, **_: Any
) -> Callable[[], dict[str, Any] | None]:
    """Return a function that looks at the started execution, as `startExecution.sync:2` does.

    It returns None while that execution runs, then a dictionary with its parsed output; it raises if it failed.
    """
    client = _sfn_client(resource_runtime_part, state_credentials)
    arn = env.stack.pop()["ExecutionArn"]

    def look() -> dict[str, Any] | None:
        if savings.runs(arn):
            return None
        child = client.describe_execution(executionArn=arn)
        if child["status"] == ExecutionStatus.RUNNING:
            return None
        if child["status"] == ExecutionStatus.SUCCEEDED:
            return {"ExecutionArn": arn, "Status": child["status"], "Output": json.loads(child["output"])}
        name, event_type = StatesErrorNameType.StatesTaskFailed, HistoryEventType.TaskFailed
        details: Any = {
            "resource": self._get_sfn_resource(),
            "resourceType": self._get_sfn_resource_type(),
            "error": StatesErrorName(typ=name).error_name,
            "cause": json.dumps({"ExecutionArn": arn, "Status": child["status"], "Error": child.get("error")}),
        }
        raise _failure(env, name, event_type, {"taskFailedEventDetails": details})

    return look


def _telling(on_end: Callable[[dict[str, Any]], None]) -> Callable[[Any], None]:
    def terminated(self: Any) -> None:
        if self.execution.exec_status == ExecutionStatus.RUNNING:  # one that was stopped has ended already
            _moto_terminated(self)
            on_end(end_of(self.execution))

    return terminated


def _stop(self: Any, stop_date: Any, error: str | None, cause: str | None) -> None:
    """End an execution at once; moto ends it only after its present wait."""
    self.env.set_stop(stop_date=stop_date, cause=cause, error=error)
    self._execution_communication.terminated()


def _set_error(self: Any, error: Any) -> None:
    """Record that an execution failed, unless it has been stopped."""
    if not isinstance(self._program_state, ProgramStopped):
        _moto_set_error(self, error)


_moto_evaluate_with_timeout = ExecutionState._evaluate_with_timeout
_moto_set_error = Environment.set_error
_moto_terminated = BaseExecutionWorkerCommunication.terminated
_moto_call_service = state_task_service_aws_sdk.StateTaskServiceAwsSdk._eval_service_task
_moto_sdk_error = state_task_service_aws_sdk.StateTaskServiceAwsSdk._from_error


def _client_factory(endpoint_url: str) -> Callable[..., BaseClient]:
    creating = threading.Lock()
    clients: dict[tuple[str, str, str], BaseClient] = {}
    retries: Any = {"total_max_attempts": 1}
    config = Config(
        parameter_validation=False, retries=retries, connect_timeout=10, read_timeout=900, max_pool_connections=50
    )

    def boto_client_for(region: str, service: str, state_credentials: Any = None) -> BaseClient:
        role = state_credentials.role_arn.rpartition("/")[2] if state_credentials else "local"
        with creating:
            if (service, region, role) not in clients:
                session = boto3.session.Session(aws_access_key_id=role, aws_secret_access_key=SECRET_KEY)
                clients[service, region, role] = session.client(  # type: ignore[call-overload]
                    service, region_name=region, endpoint_url=endpoint_url, config=config
                )
            return clients[service, region, role]

    return boto_client_for


@dataclass(frozen=True)
class Execution:
    """A snapshot of an execution: its name, its status, and the states that it entered so far."""

    name: str
    status: str
    states: tuple[str, ...]


def executions(state_machine_arn: str) -> list[Execution]:
    """Return a state machine's executions, faster than GetExecutionHistory, which copies every input and output."""
    region, account = state_machine_arn.split(":")[3:5]
    backend: Any = stepfunctions_parser_backends[account][region]
    found = []
    for execution in list(backend.describe_state_machine(state_machine_arn).executions):
        env: Any = getattr(getattr(execution, "exec_worker", None), "env", None)
        events = list(env.event_manager._history_event_list) if env else []
        entered = (event.get("stateEnteredEventDetails") for event in events)
        states = tuple(details["name"] for details in entered if details)
        found.append(Execution(execution.name, str(execution.status), states))
    return found


def install(
    endpoint_url: str,
    *,
    lapse: Lapse | None = None,
    on_end: Callable[[dict[str, Any]], None] = lambda _: None,
) -> None:
    """Patch moto in this process, so that its state machines run and call the services at `endpoint_url`.

    With a `lapse` of 10, time-outs that a state computes (the waits for people, recovery and quiet) pass ten times as
    fast; Wait states and fixed time-outs do not. `on_end` is called with the detail of EventBridge's event for each
    execution that ended.

    Raises
    ------
    RuntimeError
        The installed version of moto is not `MOTO_VERSION`, for which these patches were written.
    """
    installed = version("moto")
    if installed != MOTO_VERSION:
        raise RuntimeError(
            f"local/emulator/engine.py patches moto {MOTO_VERSION}, but {installed} is installed: run `make setup`, or "
            "check the patches against the installed version and set MOTO_VERSION to it."
        )
    default_user_config["stepfunctions"] = {"execute_state_machine": True}
    client_for, lapse = _client_factory(endpoint_url), lapse or Lapse()
    for owner, name, replacement in (
        (StringJSONata, "_eval_body", _evaluate_in_state),
        (StateChoice, "_eval_state", _choose),
        (StateChoice, "_eval_state_output", _leave_choice),
        (StepFunctionsParserBackend, "_get_executions", _running_executions),
        (StepFunctionResponse, "send_task_failure", _send_task_failure),
        (BaseExecutionWorkerCommunication, "terminated", _telling(on_end)),
        (ExecutionWorker, "stop", _stop),
        (Environment, "set_error", _set_error),
        (state_task_service_aws_sdk.StateTaskServiceAwsSdk, "_from_error", _sdk_error),
        (state_task_service_aws_sdk.StateTaskServiceAwsSdk, "_eval_service_task", _call_service),
        (TimeoutSecondsJSONata, "_eval_seconds", _timeout_in(lapse)),
        (ExecutionState, "_evaluate_with_timeout", _putting_clocks_forward(lapse)),
        (Topic, "subscriptions_confimed", property(_confirmed_subscriptions, lambda *_: None)),
        (state_task_service_aws_sdk, "boto_client_for", client_for),
        (lambda_eval_utils, "boto_client_for", client_for),
        (state_task_service_sfn, "boto_client_for", client_for),
        (state_task_service_sfn.StateTaskServiceSfn, "_eval_service_task", _start_child),
        (state_task_service_sfn.StateTaskServiceSfn, "_build_sync2_resolver", _end_of_child),
    ):
        setattr(owner, name, replacement)
    tokens.install()
    transactions.install()
    values.install()
    savings.install()
    state_task_service_aws_sdk._SERVICE_ERROR_NAMES.update(_ERROR_PREFIXES)
