"""The check of the policy files against each other: names and patterns that match nothing, each with line and fix."""

import difflib
import re
import shlex
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import available_timezones

from firstline.errors import ConfigurationError
from firstline.policy import pattern
from firstline.policy.files import line_of
from firstline.policy.heartbeats import Heartbeat
from firstline.policy.match import AlertMatch, RuleMatch
from firstline.policy.model import load_model_policy
from firstline.policy.oncall import OnCall, load_oncall
from firstline.policy.oncall import problems as in_schedules
from firstline.policy.paging import PagingPolicy, load_paging_policy
from firstline.policy.people import FILE as PEOPLE_FILE
from firstline.policy.people import NOBODY, People, load_people
from firstline.policy.remediation import RemediationPolicy, load_remediation_policy
from firstline.policy.rules import Rules
from firstline.policy.rules import load as load_rules
from firstline.policy.schedule import Schedule
from firstline.runbooks.catalogue import Problem
from firstline.sources import SOURCES
from firstline_cli.checkout import read_policy
from firstline_cli.overlay import SAMCONFIG, read_toml

type Location = tuple[int | str, ...]
type Found = tuple[Location, str]
"""The place of a mistake in a file, and the message with the fix."""

FIRING_SOURCES = (*SOURCES, "firstline", "person")
"""The values that an alert's `source` may have. Firstline's own alerts are about absent heartbeats, a person's are
reports."""

_CHANNEL = re.compile(r"#?[^\WA-Z][^\s#A-Z]{0,79}|[CG][A-Z0-9]{2,30}")
_CHANNELS = ("SlackAutomatedChannel", "SlackAlertsChannel")

_LOADERS: dict[str, Callable[[Path], Any]] = {
    "paging": load_paging_policy,
    "remediation": load_remediation_policy,
    "model": load_model_policy,
    "people": load_people,
    "oncall": load_oncall,
}
"""The reader of each policy file beside the rules."""


@dataclass(frozen=True)
class Policies:
    """The files of a policy folder; None for a file that does not exist."""

    rules: Rules
    paging: PagingPolicy | None = None
    remediation: RemediationPolicy | None = None
    people: People | None = None
    on_call: OnCall | None = None


def read_folder(rules_file: Path) -> tuple[Policies, list[str]]:
    """Return the rules with the policy files beside them, and these files' names; end the command if one is wrong."""
    read: dict[str, Any] = {"rules": read_policy(load_rules, rules_file)}
    for name, load in _LOADERS.items():
        if (file := rules_file.with_name(f"{name}.yaml")).exists():
            read[name] = read_policy(load, file)
    beside = (read.get(name) for name in ("paging", "remediation", "people", "oncall"))
    return Policies(read["rules"], *beside), [*read][1:]


def crossed(rules_file: Path, policies: Policies) -> Iterator[Problem]:
    """Yield what each file accepts but no other knows: routes, schedules, sources and people, and what is never used.

    Those of the rules (`rules_file`) come first, then those of paging.yaml, oncall.yaml and remediation.yaml in its
    folder. `policies` is what these files hold; they are read again only for the line numbers.
    """
    yield from _problems(rules_file, _in_rules(policies))
    if policies.paging is not None:
        yield from _problems(rules_file.with_name("paging.yaml"), _in_paging(policies.rules, policies.paging))
    yield from of_on_call(rules_file.parent, policies.paging, policies.people, policies.on_call)
    if policies.remediation is not None:
        yield from _problems(
            rules_file.with_name("remediation.yaml"), _in_remediation(policies.remediation, policies.people)
        )


def of_on_call(
    folder: Path, paging: PagingPolicy | None, people: People | None, on_call: OnCall | None
) -> Iterator[Problem]:
    """Yield the problems of oncall.yaml's schedules, and of the levels in paging.yaml that page by a schedule.

    `folder` has the files from which the other parameters were read; None means that it has no such file.
    """
    if paging is not None:
        yield from _problems(folder / "paging.yaml", _without_schedule(paging, on_call))
    if on_call is not None:
        levels = paging.levels if paging else ()
        texted = {level.schedule for level in levels if level.schedule and "sms" in level.channels}
        found = in_schedules(on_call, people or NOBODY, datetime.now(UTC), texted)
        yield from _problems(folder / "oncall.yaml", found)


def in_parameters(samconfig: Path) -> Iterator[Problem]:
    """Yield what is wrong with parameters in samconfig.toml: Slack channels, the time zone, the removed `Approvers`."""
    environments = read_toml(samconfig, str(samconfig))
    lines = samconfig.read_text(encoding="utf-8-sig").splitlines()
    for environment, tables in environments.items():
        for table in tables.values() if isinstance(tables, dict) else ():
            for name, message in _in_parameters(_parameters(table)):
                section = next((at for at, line in enumerate(lines) if line.startswith(f"[{environment}.")), 0)
                line = next((at for at in range(section, len(lines)) if f"{name}=" in lines[at]), section)
                yield Problem(str(samconfig), message, line + 1, f"{environment} {name}")


def of_no_source(given: str) -> str:
    """Return what is wrong with a pattern for sources that fits none, with the fix; "" if it fits a source."""
    return "" if any(pattern.fits([given], source) for source in FIRING_SOURCES) else unknown_source(given)


def unknown_source(given: str) -> str:
    """Return the message that no source has this name: `'datadg' fits no source; did you mean 'datadog'?`."""
    near = difflib.get_close_matches(given.lower(), FIRING_SOURCES, n=1)
    hint = f"did you mean {near[0]!r}?" if near else f"known are {', '.join(FIRING_SOURCES)}"
    return f"{given!r} fits no source; {hint}"


def _problems(file: Path, found: Iterable[Found]) -> Iterator[Problem]:
    text = file.read_text(encoding="utf-8")
    for location, message in found:
        yield Problem(str(file), message, line_of(text, location), ".".join(map(str, location)))


def _in_rules(policies: Policies) -> Iterator[Found]:
    rules = policies.rules
    if policies.paging is not None:
        yield from _without_taker(rules, policies.paging)
    yield from _of_no_source(rules)
    yield from _taken_before(rules.heartbeats)
    yield from _never_on(
        (("maintenance", number, "when", place), schedule)
        for number, window in enumerate(rules.maintenance)
        for place, schedule in enumerate(window.when)
    )


def _without_schedule(paging: PagingPolicy, on_call: OnCall | None) -> Iterator[Found]:
    known = {*on_call.schedules, *on_call.followed} if on_call else set()
    for number, level in enumerate(paging.levels):
        if level.schedule is not None and level.schedule not in known:
            wanted = _meant(level.schedule, known, "write it there, or take the schedule out")
            yield ("levels", number, "schedule"), f"oncall.yaml has no schedule {level.schedule!r}; {wanted}"


def _without_taker(rules: Rules, paging: PagingPolicy) -> Iterator[Found]:
    taken = {name for route in paging.routes for name in route.route}
    for number, rule in enumerate(rules.rules):
        if rule.route and rule.route not in taken:
            wanted = _meant(rule.route, taken, f"add `- route: [{rule.route}]` with its levels there")
            yield ("rules", number, "route"), f"no route of paging.yaml takes {rule.route!r}; {wanted}"


def _of_no_source(rules: Rules) -> Iterator[Found]:
    for location, match in _matches(rules):
        for given in match.source:
            if mistake := of_no_source(given):
                yield (*location, "source"), mistake


def _taken_before(heartbeats: Sequence[Heartbeat]) -> Iterator[Found]:
    asked = [RuleMatch.model_validate(beat.match.model_dump()) for beat in heartbeats]
    for number, beat in enumerate(heartbeats):
        earlier = next((before for before in range(number) if asked[before].covers(asked[number])), None)
        if earlier is not None and not beat.required:
            message = (
                f"heartbeat {beat.id} never sees an alert: {heartbeats[earlier].id} stands before it and takes all of "
                "them; move it up"
            )
            yield ("heartbeats", number), message


def _matches(rules: Rules) -> Iterator[tuple[Location, AlertMatch]]:
    for section in ("rules", "maintenance", "heartbeats"):
        for number, entry in enumerate(getattr(rules, section)):
            yield (section, number, "match"), entry.match
    for number, inhibition in enumerate(rules.inhibit):
        yield ("inhibit", number, "source"), inhibition.source
        yield ("inhibit", number, "target"), inhibition.target


def _never_on(schedules: Iterable[tuple[Location, Schedule]]) -> Iterator[Found]:
    for location, schedule in schedules:
        if not schedule.is_ever_on:
            days = ", ".join(schedule.weekdays)
            yield location, f"this is never on: none of its dates is a {days}; correct the dates, or take weekdays out"


def _in_paging(rules: Rules, paging: PagingPolicy) -> Iterator[Found]:
    given = {rule.route for rule in rules.rules if rule.route}
    for number, route in enumerate(paging.routes):
        for place, name in enumerate(route.route):
            if name not in given:
                wanted = _meant(name, given, f"give a rule `route: {name}`, or take it out")
                yield ("routes", number, "route", place), f"no rule of rules.yaml gives the route {name!r}; {wanted}"
        earlier = next((before for before in range(number) if paging.routes[before].covers(route)), None)
        if earlier is not None:
            message = (
                f"this route never decides: routes.{earlier} stands before it and takes every incident that it fits; "
                "move it up"
            )
            yield ("routes", number), message
    last = next((number for number, route in enumerate(paging.routes) if route.takes_all), None)
    if last is not None:
        paged = {name for route in paging.routes[: last + 1] for name in route.levels}
        for number, level in enumerate(paging.levels):
            if level.name not in paged:
                message = (
                    f"nobody is paged by {level.name!r}: routes.{last} takes every incident, and no route lists it"
                )
                yield ("levels", number), f"{message}; list it there, or take it out"


def _in_remediation(remediation: RemediationPolicy, people: People | None) -> Iterator[Found]:
    yield from _never_on((("freezes", number), freeze) for number, freeze in enumerate(remediation.freezes))
    approvers = len(people.approvers) if people else 0
    for risk, asked in remediation.approvals.items():
        if 0 < approvers < asked:
            message = f"{asked} must approve, and {PEOPLE_FILE} has one approver, so no {risk} plan can be approved"
            yield ("approvals", risk), f"{message}; give another person the role approver"
        elif asked > 1 and people and people.shared_approvers:
            shared = people.shared_approvers[0]
            message = (
                f"{asked} must approve, and {shared} in {PEOPLE_FILE} is a whole role: one person could do so twice"
            )
            yield ("approvals", risk), f"{message}; name its people, or take the role approver from {shared}"


def _meant(name: str, known: Iterable[str], otherwise: str) -> str:
    near = difflib.get_close_matches(name, sorted(known), n=1)
    return f"write {near[0]!r}, or {otherwise}" if near else otherwise


def _parameters(table: Any) -> dict[str, str]:
    """Return the values in the `parameter_overrides` of a table of samconfig.toml, by the parameters' names.

    `Name=value` pairs stand there in one string or a list. Return an empty dictionary if the table is no table.
    """
    table = table.get("parameters", table) if isinstance(table, dict) else None
    given = table.get("parameter_overrides", "") if isinstance(table, dict) else ""
    try:
        words = given if isinstance(given, list) else shlex.split(str(given))
    except ValueError:
        raise ConfigurationError(f"{SAMCONFIG}: {given!r}: a quote is not closed: close it, or take it out.") from None
    return dict(word.split("=", 1) for word in map(str, words) if "=" in word)


def _in_parameters(given: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    if "Approvers" in given:
        fix = f"give these people the role approver in {PEOPLE_FILE}"
        yield "Approvers", f"template.yaml has no parameter Approvers any more; {fix}"
    for name in _CHANNELS:
        if (channel := given.get(name)) is not None and not _CHANNEL.fullmatch(channel):
            yield name, f"{channel!r} is no Slack channel; write a name such as #ops-alerts, or an id"
    zone = given.get("TimeZone")
    if zone is not None and zone not in available_timezones():
        yield "TimeZone", f"{zone!r} is no time zone; write an IANA name such as Europe/Berlin"
