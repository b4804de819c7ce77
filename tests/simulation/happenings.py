"""The happenings of the world: the names that a scenario uses, and what each of them does."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from random import Random
from typing import Any, NamedTuple

from tests.simulation.conditions import forget_after, lag, redrive
from tests.simulation.world import World


class Happening(NamedTuple):
    """Something that happens in the world: seconds after the start, the world's method, and its arguments."""

    after: float
    what: str
    arguments: tuple[Any, ...]


def happen(world: World, happening: Happening) -> None:
    """Let something happen now."""
    _ACTIONS[happening.what](world, *happening.arguments)


_ACTIONS: Mapping[str, Callable[..., object]] = {
    "fire": World.fire,
    "end": World.end,
    "silence": lambda world, name, seconds, even, until_resolved=False: world.silence(
        name, seconds, even_critical=even, until_resolved=until_resolved
    ),
    "end_silence": World.end_silence,
    "stop_execution": World.stop_execution,
    "start_again": lambda world, lot: _start_again(world, lot),
    "slow_acts": lambda world, seconds: setattr(world.fleet, "acts_take", seconds),
    "press": World.press,
    "switch": lambda world, value: setattr(world.fleet, "switch", value),
    "reconcile": World.reconcile,
    "restart_functions": lambda world: world.functions.restart(),
    "people": lambda world, slow: setattr(world.people, "habits", replace(world.people.habits, slow=slow)),
    "gap": lambda world, name, host, seconds: _gap(world, name, host, seconds),
    "crowd": lambda world, *arguments: _crowd(world, *arguments),
    "declare": World.declare,
    "heartbeats": World.heartbeats,
    "beats": lambda world, running: vars(world.beats).update(running=running),
    "unreadable": lambda world, source: world.unreadable.add(source),
    "readable": lambda world, source: world.unreadable.discard(source),
    "redrive": redrive,
    "forget_after": forget_after,
    "by_itself": lambda world, *arguments: world.people.by_itself(*arguments),
    "by_hand": lambda world, *arguments: world.people.by_hand(*arguments),
    "lag": lag,
    "unset": World.unset,
    "set": World.set,
    "storm": lambda world, size, number: _storm(world, size, number),
}


def _start_again(world: World, lot: float) -> None:
    """Start an execution once more that has a successor, as an operator in the console could."""
    service, newest = world.step_functions, dict[str, int]()
    for execution in service.executions.values():
        if incident := execution._input.get("incident", {}).get("incident_id"):
            newest[incident] = max(newest.get(incident, 1), execution._input.get("generation", 1))
    old = [
        execution
        for execution in service.executions.values()
        if execution.status != "RUNNING"
        and (incident := execution._input.get("incident", {}).get("incident_id"))
        and execution._input.get("generation", 1) < newest[incident]
    ]
    if old:
        chosen = old[int(lot * len(old))]
        name = f"{chosen.name[:70]}-again-{len(service.executions)}"
        service.start_execution(stateMachineArn=chosen.machine_arn, name=name, input=chosen.input)


def _gap(world: World, name: str, host: str, seconds: float) -> None:
    for sender in ("prometheus", "prometheus-pair"):
        if (sender, name, host) in world.true:
            world.senders[sender].gap(name, host, seconds)  # type: ignore[attr-defined]


def _crowd(world: World, sender: str, name: str, size: int, severity: str, begins: bool) -> None:
    """Let many hosts' alerts of one group begin, or end, within ten minutes."""
    random = Random(size)
    for each in range(size):
        place = (sender, name, f"host-{each}")
        action = partial(world.fire, *place, severity) if begins else partial(world.end, *place)
        world.clock.after(random.uniform(0, 600), action, f"{name} on host-{each}")


def _storm(world: World, size: int, number: int) -> None:
    """Let alerts of many groups begin within a few seconds, and end after some minutes.

    A few of one name reach the limit of that name; many names reach the source's.
    """
    random = Random(number)
    severity = random.choice(("low", "medium", "medium", "critical"))
    for each in range(size):
        name = f"Storm{number}" if size < 20 else f"Storm{number}x{each}"
        place = ("generic", name, f"zone-{each}")
        begins, ends = random.uniform(0, 20), random.uniform(300, 1500)
        world.clock.after(begins, partial(world.fire, *place, severity, f"zone-{each}"), f"{name} begins")
        world.clock.after(ends, partial(world.end, *place), f"{name} ends")
