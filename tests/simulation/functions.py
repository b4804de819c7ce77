"""Lambda in the simulation: the real handlers of functions/*/app.py, in this process and in virtual time.

Each invocation has a sandbox: the parts that the function built and remembers. Invocations within each other have
sandboxes of their own, as on Lambda. A sandbox dies with its invocation if that is killed.
"""

import importlib.util
import json
from collections import defaultdict
from collections.abc import Callable, Mapping
from functools import cache
from types import ModuleType, SimpleNamespace
from typing import Any

from firstline.policy.paging import PagingPolicy
from firstline.policy.rules import Rules
from firstline.wiring import Wiring
from tests.simulation import hosts
from tests.simulation.calls import Calls, Frame, Killed
from tests.simulation.machine import TaskError
from tests.simulation.stack import ACCOUNT, REGION, ROOT, environment, surroundings
from tests.simulation.virtual import KNOWN_ERRORS, Now, OnCrash, VirtualDatetime

type Event = Mapping[str, Any]


@cache
def app(name: str) -> ModuleType:
    """Return a function's module, under a name of its own."""
    location = importlib.util.spec_from_file_location(f"simulated_{name}", ROOT / "functions" / name / "app.py")
    assert location is not None
    assert location.loader is not None
    module = importlib.util.module_from_spec(location)
    with surroundings(environment()):
        location.loader.exec_module(module)
    vars(module)["datetime"] = VirtualDatetime
    return module


@cache
def _shared() -> Mapping[str, Any]:
    """Return parts that are the same for every sandbox and never change: they are slow to read."""
    from firstline.settings import RemediateSettings

    with surroundings(environment()):
        wiring = Wiring(RemediateSettings)
        parts = ("catalogue", "paging_policy", "remediation_rules", "rules", "model")
        return {name: getattr(wiring, name) for name in parts}


class _SimWiring(Wiring):
    """A function's parts, with clients of the simulation."""

    def __init__(self, model: Any, config: Any, client: Callable[[str], Any]) -> None:
        super().__init__(model, config)
        self._sim_client = client

    def _client(self, service: str, config: Any = None) -> Any:
        return self._sim_client(service)


class Functions:
    """Every function of the stack.

    Parameters
    ----------
    client
        Returns the simulation's client of a service.
    secrets
        Makes the secrets of a new sandbox.
    on_crash
        Told of an error that is none of Firstline's own: a function's name, its event, the error, the faults it met.
    """

    def __init__(
        self,
        calls: Calls,
        client: Callable[[str], Any],
        secrets: Callable[[], Any],
        on_crash: OnCrash,
    ) -> None:
        self._calls = calls
        self._client = client
        self._secrets = secrets
        self._on_crash = on_crash
        self._idle: dict[str, list[_SimWiring]] = defaultdict(list)
        self.invocations: dict[str, int] = defaultdict(int)
        self._declared: dict[str, Any] = {}

    def call(self, name: str, event: Event) -> Any:
        """Invoke a function and return its answer; both go as JSON, so that nobody changes another's values.

        Raises
        ------
        Killed
            The process ended.
        Exception
            The handler raised it.
        """
        return json.loads(json.dumps(self._called(name, json.loads(json.dumps(event)))))

    def _called(self, name: str, event: Event) -> Any:
        module = app(name)
        self.invocations[name] += 1
        sandbox = self._idle[name].pop() if self._idle[name] else self._cold(module)
        state = event.get("state")
        frame = Frame(f"{name}/{state}" if state else name, self._calls.clock.now(), 55 if name == "reconcile" else 30)
        frame.incident = str((event.get("incident") or {}).get("incident_id", ""))
        before, vars(module)["wiring"] = vars(module)["wiring"], sandbox
        self._calls.frames.append(frame)
        try:
            answer = module.handler(event, _context(name))
            self._idle[name].append(sandbox)
            return answer
        except Exception as error:
            self._idle[name].append(sandbox)
            if not isinstance(error, KNOWN_ERRORS):
                self._on_crash(name, event, error, frame.faults)
            raise
        finally:
            self._calls.frames.pop()
            vars(module)["wiring"] = before

    def restart(self, rules: Rules | None = None, paging: PagingPolicy | None = None) -> None:
        """Begin with cold functions, as after a deployment; with other rules or another policy, if some are given."""
        given = {"rules": rules, "paging_policy": paging}
        self._declared |= {name: value for name, value in given.items() if value is not None}
        self._idle.clear()

    def _cold(self, module: ModuleType) -> _SimWiring:
        made: Wiring = vars(module)["wiring"]
        sandbox = _SimWiring(made._model, made._config, self._client)
        sandbox.__dict__ |= _shared()
        sandbox.__dict__["secrets"] = self._secrets()
        sandbox.__dict__ |= self._declared
        return sandbox

    # --- as the state machine invokes -------------------------------------------------------------------------------

    def invoke(self, arguments: Mapping[str, Any], context: Mapping[str, Any]) -> Any:
        """Serve `lambda:invoke`: the payload of the answer, or the error as Step Functions names it."""
        name = arguments["FunctionName"].rsplit("-", 1)[-1]
        event = arguments["Payload"]
        state = context.get("State", {}).get("Name", "")
        kind = self._calls.faults.choose(f"machine/{state}:lambda.{name}", ("busy", "lost", "others first"), Now.now())
        if kind == "busy":
            raise TaskError("Lambda.TooManyRequestsException", "Simulated")
        if kind == "others first":
            self._calls.let_others_go(10)
        try:
            answer = self._called(name, event)  # the machine itself copies what it gives and gets
        except Killed as killed:
            raise TaskError(killed.error, "Simulated") from None
        except Exception as error:
            cause = json.dumps({"errorMessage": str(error)[:500], "errorType": type(error).__name__})
            raise TaskError(type(error).__name__, cause) from error
        if kind == "lost":
            raise TaskError("Lambda.SdkClientException", "Simulated: the answer is lost")
        return {"Payload": answer, "StatusCode": 200, "ExecutedVersion": "$LATEST"}


@cache
def _context(name: str) -> Any:
    arn = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{hosts.STACK}-{name}"
    return SimpleNamespace(
        function_name=f"{hosts.STACK}-{name}",
        function_version="$LATEST",
        memory_limit_in_mb=512,
        invoked_function_arn=arn,
        aws_request_id="00000000-0000-4000-8000-000000000000",
        get_remaining_time_in_millis=lambda: 30_000,
    )
