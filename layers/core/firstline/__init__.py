"""Firstline: the serverless first responder for monitoring alerts.

Read the rooms in the order in which an alert passes them. Each room's `__init__.py` says which file to read first.

1. `models`: the values that every other room exchanges.
2. `sources`: authenticate a sender and read its payload as alerts.
3. `ingest`: group the alerts, and open, join or resolve incidents.
4. `incidents`: what an open incident can go through, and the ports to the store.
5. `classification`: how bad the incident is, why, and whether a runbook can fix it.
6. `runbooks` and `remediation`: the declared fixes, and the plan that runs one of them.
7. `people` and `channels`: announcements, pages and approvals, and their form in each channel.
8. `reports`: how a period went.

`policy` (the owner's files) and `privacy` (redaction) serve all of them. `adapters` talk to AWS, to the channels and to
the model; `wiring` builds the parts of a function from its `settings`. `contracts` are the inputs and outputs of the
state machine's functions. Imports go one way: functions -> wiring -> adapters -> core.
"""

import gc
import sys
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any

__version__ = "0.1.0"
"""The version of everything in this repository; CHANGELOG.md has a section about it."""

GARBAGE_THRESHOLDS = gc.get_threshold()
"""Python's own thresholds for a look for garbage."""

_WHILE_STARTING = 200_000
"""The objects that a start makes at most: what is imported stays, and to look for garbage in it is for nothing."""

gc.set_threshold(_WHILE_STARTING)


def late_names(package: str, names: Mapping[str, str]) -> Callable[[str], Any]:
    """Return a `__getattr__` for a package, which imports a module of it when a name from the module is first used.

    A start imports only the modules that it needs, as each takes time. For type checkers and editors the package
    imports the same names under `TYPE_CHECKING`.

    Parameters
    ----------
    names
        The names that each module of the package gives to it, separated by spaces.
    """
    homes = {name: module for module, given in names.items() for name in given.split()}

    def named(name: str) -> Any:
        if name not in homes:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        value = getattr(import_module(f"{package}.{homes[name]}"), name)
        setattr(sys.modules[package], name, value)
        return value

    return named
