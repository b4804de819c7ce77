"""Patches that spare moto's Step Functions interpreter work which it does again and again."""

import copy
import marshal
from functools import cache
from types import SimpleNamespace
from typing import Any

import moto.backends
from antlr4 import PredictionMode
from moto.stepfunctions.parser.api import ExecutionStatus
from moto.stepfunctions.parser.asl.antlr.runtime.ASLParser import ASLParser
from moto.stepfunctions.parser.asl.component.state.exec import execute_state
from moto.stepfunctions.parser.asl.eval import states
from moto.stepfunctions.parser.asl.parse.asl_parser import AmazonStateLanguageParser
from moto.stepfunctions.parser.models import stepfunctions_parser_backends

_init = ASLParser.__init__


def install() -> None:
    """Make moto's interpreter in this process use the functions of this module."""
    # The server lists moto's folder for every request, to learn which services there are.
    modules = tuple(moto.backends.list_of_moto_modules())
    setattr(moto.backends, "list_of_moto_modules", lambda: modules)  # noqa: B010
    if not hasattr(AmazonStateLanguageParser.parse, "cache_info"):
        # Parsing a definition of 30 states takes a fifth of a second, and moto does it again for each execution.
        setattr(AmazonStateLanguageParser, "parse", staticmethod(cache(AmazonStateLanguageParser.parse)))  # noqa: B010
    setattr(ASLParser, "__init__", _init_faster)  # noqa: B010
    for module in (states, execute_state):
        setattr(module, "copy", SimpleNamespace(deepcopy=copied))  # noqa: B010


def _init_faster(self: ASLParser, *arguments: Any) -> None:
    """Let ANTLR predict without the full context, in half of the time: what it can read so, it reads the same."""
    _init(self, *arguments)
    self._interp.predictionMode = PredictionMode.SLL


def copied(value: Any) -> Any:
    """Return a deep copy. Of JSON it is made in C: moto copies an execution's whole input five times in each state."""
    try:
        return marshal.loads(marshal.dumps(value))  # noqa: S302 - bytes of our own
    except ValueError:  # an object of moto's
        return copy.deepcopy(value)


def runs(execution_arn: str) -> bool:
    """Return True while an execution runs. Many looks find it running: each by a request would slow it down."""
    region, account = execution_arn.split(":")[3:5]
    backend: Any = stepfunctions_parser_backends[account][region]
    return any(running.execution_arn == execution_arn for running in backend._get_executions(ExecutionStatus.RUNNING))
