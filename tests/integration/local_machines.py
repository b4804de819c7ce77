"""State machines on the emulator's engine: scripted functions, and a server that runs one machine to its end."""

import itertools
import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import boto3

from local.emulator import engine
from local.emulator.cloud import Cloud
from local.emulator.runtime import Invocation
from local.emulator.server import Server

REGION = "eu-west-1"
_NUMBERS = itertools.count(1)
HOSTILE = 'a "quoted" \\ text\nwith $states.input and ${x} and ")"'


class ScriptedFunctions:
    """Answers each invocation with the next of its answers; an exception's name is an error.

    What happens `meanwhile` happens while the function works, with its event.
    """

    def __init__(self) -> None:
        self.answers: list[dict[str, Any] | str] = []
        self.events: list[dict[str, Any]] = []
        self.meanwhile: Callable[[dict[str, Any]], object] = lambda event: None

    def named(self, which: str) -> str | None:
        return which.split(":")[-1]

    def invoke(self, name: str, payload: bytes) -> Invocation:
        self.events.append(json.loads(payload))
        self.meanwhile(self.events[-1])
        answer = self.answers.pop(0)
        if isinstance(answer, str):
            return Invocation(json.dumps({"errorType": answer, "errorMessage": "as told"}).encode(), True)
        return Invocation(json.dumps(answer).encode(), False)


class World:
    """A server and a way to run one machine to its end."""

    def __init__(self, url: str, cloud: Cloud, functions: ScriptedFunctions) -> None:
        self.url, self.cloud, self.functions = url, cloud, functions

    def client(self, service: str) -> Any:
        client: Callable[..., Any] = boto3.client
        return client(service, endpoint_url=self.url, region_name=REGION)

    def start(self, states: dict[str, Any], **machine: Any) -> str:
        sfn = self.client("stepfunctions")
        definition = {"QueryLanguage": "JSONata", "StartAt": next(iter(states)), "States": states, **machine}
        arn = sfn.create_state_machine(
            name=f"machine-{next(_NUMBERS)}",
            definition=json.dumps(definition),
            roleArn="arn:aws:iam::123456789012:role/r",
        )["stateMachineArn"]
        execution: str = sfn.start_execution(
            stateMachineArn=arn, name="one", input=json.dumps({"message": HOSTILE, "nothing": None})
        )["executionArn"]
        return execution

    def end(self, execution: str) -> dict[str, Any]:
        for _ in range(300):
            found: dict[str, Any] = self.client("stepfunctions").describe_execution(executionArn=execution)
            if found["status"] != "RUNNING":
                return found
            time.sleep(0.02)
        raise AssertionError("still running")

    def run(self, states: dict[str, Any]) -> dict[str, Any]:
        return self.end(self.start(states))


@contextmanager
def running() -> Iterator[World]:
    """Run a server whose engine works on its machines."""
    cloud = Cloud()
    functions = ScriptedFunctions()
    cloud.functions = functions  # type: ignore[assignment]
    server = Server(cloud)
    engine.install(server.url)
    server.start()
    try:
        yield World(server.url, cloud, functions)
    finally:
        server.close()


def machine_of(execution: str) -> str:
    """Return the ARN of an execution's machine."""
    return execution.replace(":execution:", ":stateMachine:").rsplit(":", 1)[0]


def wait_for(happened: Callable[[], Any]) -> None:
    """Wait until a condition holds; fail after six seconds."""
    for _ in range(300):
        if happened():
            return
        time.sleep(0.02)
    raise AssertionError("it did not happen")
