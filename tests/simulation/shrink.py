"""Shrinking of a failing seed: drop happenings, then faults, for as long as the same rule is broken; then its story."""

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from itertools import count
from math import inf
from typing import Any

from tests.simulation.drawing import drawn
from tests.simulation.faults import Fault, exactly
from tests.simulation.scenario import Ran, Scenario, describe, run

MOST_SECONDS = 90.0


def shrunk(scenario: Scenario, rule: str, *, runs: float = inf) -> Scenario:
    """Return a smaller scenario that breaks the same rule, after at most `MOST_SECONDS` and so many runs."""
    until, ran = time.monotonic() + MOST_SECONDS, count(1)

    def fails(candidate: Scenario) -> bool:
        if next(ran) > runs or time.monotonic() > until:
            return False
        try:
            return any(violation.rule == rule for violation in run(candidate).violations)
        except Exception:  # noqa: BLE001 (another failure than the one that is looked for)
            return False

    first = run(scenario)
    fixed = replace(scenario, only=exactly(fault for _, fault in first.world.faults.happened))
    if fails(fixed):
        scenario = fixed
    kept = list(scenario.happenings)
    kept = _smaller(kept, lambda some: fails(replace(scenario, happenings=tuple(some))))
    scenario = replace(scenario, happenings=tuple(kept))
    if scenario.only:
        faults = [Fault(label, number, kind) for (label, number), kind in scenario.only.items()]
        faults = _smaller(faults, lambda some: fails(replace(scenario, only=exactly(some))))
        scenario = replace(scenario, only=exactly(faults))
    return scenario


def _smaller[T](items: Sequence[T], fails: Callable[[Sequence[T]], bool]) -> list[T]:
    """Return a smaller list that still fails: leave out halves, quarters, … and single items."""
    kept = list(items)
    size = max(1, len(kept) // 2)
    while kept:
        position = 0
        while position < len(kept):
            candidate = kept[:position] + kept[position + size :]
            if len(candidate) < len(kept) and fails(candidate):
                kept = candidate
            else:
                position += size
        if size == 1:
            return kept
        size //= 2
    return kept


def tell(seed: int, events: int = 40, *, forced: Sequence[str] = (), shrinks: bool = True) -> int:
    """Run a seed, shrink it if it fails, and print its story. Return the exit code."""
    scenario = drawn(seed, events, forced)
    ran = run(scenario)
    if not ran.violations:
        print(f"Seed {seed}: nothing is wrong.")
        return 0
    rule = ran.violations[0].rule
    print(f"Seed {seed} breaks {rule!r}: {ran.violations[0].about}")
    if shrinks:
        scenario = shrunk(scenario, rule)
    print("\n".join(story(run(scenario, remember=100_000))))
    return 1


def story(ran: Ran, last: int = 150) -> list[str]:
    """Return what happened, in order: the world's happenings, writes, messages, faults and states."""
    scenario, world = ran.scenario, ran.world
    lines = [f"--- {len(scenario.happenings)} happenings", *describe(scenario.happenings)]
    lines += [f"--- {len(world.faults.happened)} faults"]
    lines += [
        f"{at:%d %H:%M:%S} {fault.label} number {fault.number}: {fault.kind}" for at, fault in world.faults.happened
    ]
    told = [
        (call.at, 1, f"{call.actor}: {call.service}.{call.operation} {_short(call.arguments)} -> {call.outcome}")
        for call in world.calls.log
        if not call.operation.startswith(("get", "query", "batch", "describe", "list"))
    ]
    told += [
        (message.at, 2, f"PEOPLE GET {message.channel} {message.kind} {message.incident_id}")
        for message in world.messages
    ]
    told += [
        (press.at, 3, f"SOMEBODY PRESSES {press.button} {press.incident_id}: {press.status}")
        for press in world.people.pressed
    ]
    for execution in world.step_functions.executions.values():
        told += [
            (at, 0, f"{execution.name}: {event} {state}")
            for at, state, event in execution.history
            if event.endswith("Entered") or event.startswith("Execution") or "Timed" in event or "Failed" in event
        ]
    lines += [
        "--- the story",
        *(f"{at:%d %H:%M:%S.%f} {text}"[:240] for at, _, text in sorted(told, key=lambda each: each[0])[-last:]),
    ]
    lines += ["--- wrong", *(f"{each.at:%d %H:%M:%S} {each.rule}: {each.about}" for each in ran.violations)]
    return lines


def _short(arguments: Mapping[str, Any]) -> str:
    """Say what a request writes: where, what, and under which condition."""
    said = []
    for part in arguments.get("TransactItems") or [arguments]:
        inner = next(iter(part.values())) if len(part) == 1 else part
        if isinstance(inner, dict):
            key = inner.get("Key") or {name: inner.get("Item", {}).get(name) for name in ("pk", "sk")}
            place = "/".join(str(next(iter(value.values()))) for value in key.values() if value)
            given = inner.get("ExpressionAttributeValues", {})
            values = {name: next(iter(value.values())) for name, value in given.items()}
            update, condition = inner.get("UpdateExpression", "")[:60], inner.get("ConditionExpression", "")[:60]
            said.append(f"{place} {update} IF {condition} {values}" if place else "")
    return " | ".join(said) or json.dumps(arguments, default=str)[:200]
