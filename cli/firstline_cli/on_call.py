"""The commands `firstline oncall`: who is on call, who comes next, overrides, checks and imports of schedules."""

import json
import sys
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from zoneinfo import ZoneInfo

import typer

from firstline.policy.followed_schedules import everything, person_of, problems_of, with_copies
from firstline.policy.oncall import FILE, HALF_A_YEAR, Roster, Shift, load_oncall
from firstline.policy.people import NOBODY as NO_PEOPLE
from firstline.policy.people import load_people
from firstline.text import count, one_line, short_duration
from firstline_cli import overlay
from firstline_cli.actions import OutputOption
from firstline_cli.checkout import CHECKOUT, read_policy, runbooks_folder
from firstline_cli.console import UNKNOWN, refusal
from firstline_cli.requests import post
from firstline_cli.stacks import CHOSEN, NamedStackOption, StackOption, stack_of

if TYPE_CHECKING:
    from firstline.people.on_call import OverridesOf

oncall = typer.Typer(help="Who is on call, who comes next, and who takes over.", no_args_is_help=True)

ScheduleOption = Annotated[str, typer.Option("--schedule", "-s", help="The schedule; not needed if there is only one.")]
ReasonOption = Annotated[str, typer.Option(help="Why; everybody is told.")]
UntilOption = Annotated[str, typer.Option(help="18:00, or 2026-12-24T18:00, local time of the schedule.")]


@oncall.command()
def who(schedule: ScheduleOption = "", output: OutputOption = "text", stack: StackOption = CHOSEN) -> None:
    """Say who is on call now, until when, and why, for one schedule or for all."""
    schedules = _schedules()
    chosen = {schedule: _named(schedules, schedule)[1]} if schedule else schedules
    overrides = _overrides(stack)
    now = datetime.now(UTC)
    shifts = {name: each.shift(overrides(name, now), now) for name, each in chosen.items()}
    if output == "json":
        print(json.dumps({name: _as_json(shift) for name, shift in shifts.items()}))
        return
    for name, shift in shifts.items():
        print(f"{name:<20} {_line(chosen[name], shift, now)}")


@oncall.command("next")
def next_(
    schedule: ScheduleOption = "",
    days: Annotated[int, typer.Option(help="How far to look ahead.", min=1, max=366)] = 14,
    output: OutputOption = "text",
    stack: StackOption = CHOSEN,
) -> None:
    """List the shifts of the coming days."""
    name, chosen = _named(_schedules(), schedule)
    now = datetime.now(UTC)
    overrides = _overrides(stack)(name, now)
    shifts = list(chosen.shifts(overrides, now, now + timedelta(days=days)))
    if output == "json":
        print(json.dumps([_as_json(shift) for shift in shifts]))
        return
    for shift in shifts:
        print(_line(chosen, shift, now))


@oncall.command("import")
def import_(
    tool: Annotated[str, typer.Argument(help="pagerduty, or ical.")],
    file: Annotated[
        Path,
        typer.Argument(help="PagerDuty's answer as JSON, or a calendar; - reads stdin.", exists=True, allow_dash=True),
    ],
    name: Annotated[str, typer.Option(help="The schedule's name in oncall.yaml.")] = "",
    time_zone: Annotated[str, typer.Option(help="The schedule's time zone, for a calendar.")] = "UTC",
) -> None:
    """Draft a schedule for oncall.yaml from another tool's; say in how many hours both put the same person on call."""
    from firstline_cli.oncall_drafts import NoDraft, of_file

    if tool not in ("pagerduty", "ical"):
        raise refusal(f"A schedule of {tool!r} cannot be imported: write pagerduty or ical.")
    body = sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes()
    path = runbooks_folder() / "policy" / "people.yaml"
    people = read_policy(load_people, path) if path.exists() else NO_PEOPLE
    called = name or ("" if tool == "pagerduty" else file.stem)
    try:
        draft = of_file(tool, body, called, time_zone, partial(person_of, people=people), datetime.now(UTC))
    except NoDraft as error:
        raise refusal(f"{file}: {one_line(str(error), 300)}.", 1) from None
    unknown = [person for person in draft.roster().members if person not in people.people]
    if unknown:
        draft.remarks.append(f"Not in people.yaml: {', '.join(unknown)}. Add them, or their names there to known_as.")
    print(draft.text(), end="")


@oncall.command()
def check(stack: NamedStackOption = "") -> None:
    """Report problems of the schedules in the next half year: unknown names, people whom no page reaches, long shifts.

    With --stack, also report problems of its copies of other tools' schedules: gaps, age, unknown names.
    """
    from firstline.policy.paging import load_paging_policy
    from firstline_cli import policies

    folder = runbooks_folder() / "policy"
    on_call = read_policy(load_oncall, folder / "oncall.yaml")
    people = read_policy(load_people, folder / "people.yaml")
    levels = folder / "paging.yaml"
    paging = read_policy(load_paging_policy, levels) if levels.exists() else None
    problems = [*map(str, policies.of_on_call(folder, paging, people, on_call))]
    if stack:
        from firstline.adapters.dynamodb.schedule_copies import TableCopies

        copies, now = TableCopies(stack_of(stack).table), datetime.now(UTC)
        for name, followed in on_call.followed.items():
            said = problems_of(copies.of(name), people, now, followed.time_zone)
            problems += [f"followed.{name}: {problem}" for problem in said]
    for problem in problems:
        print(overlay.named(problem, CHECKOUT), file=sys.stderr)
    if problems:
        print(count(len(problems), "problem"))
        raise typer.Exit(1)
    if everything(on_call):
        print(f"{count(len(everything(on_call)), 'schedule')} without a problem within half a year.")
    else:
        print(_NO_TURNS)


@oncall.command()
def override(
    person: Annotated[str, typer.Argument(help="Who takes the time.")],
    until: UntilOption = "",
    begin: Annotated[str, typer.Option("--from", help="As --until; by default now.")] = "",
    reason: ReasonOption = "",
    schedule: ScheduleOption = "",
    output: OutputOption = "text",
    stack: StackOption = CHOSEN,
) -> None:
    """Put a person on call for a span of time; by default from now to the end of the present shift."""
    name, chosen = _named(_schedules(), schedule)
    now = datetime.now(UTC)
    begins_at = _moment(chosen, begin, now) if begin else None
    asked = {
        "person": person or None,
        "begins_at": begins_at and begins_at.isoformat(),
        "ends_at": _moment(chosen, until, begins_at or now).isoformat() if until else None,
        "reason": reason,
    }
    answer = post(stack_of(stack), f"oncall/{name}", asked)
    print(json.dumps(answer) if output == "json" else answer["said"])


@oncall.command()
def take(
    until: UntilOption = "",
    reason: ReasonOption = "",
    schedule: ScheduleOption = "",
    output: OutputOption = "text",
    stack: StackOption = CHOSEN,
) -> None:
    """Go on call yourself, from now to the end of the present shift or to --until."""
    override("", until, "", reason, schedule, output, stack)


@oncall.command()
def handover(schedule: ScheduleOption = "", stack: StackOption = CHOSEN) -> None:
    """Print the hand-over message of the last change of shift, as it would be sent now."""
    from firstline.adapters.dynamodb.incidents import TableIncidents
    from firstline.adapters.dynamodb.silences import TableSilences
    from firstline.people.hand_over import Holding, gather, in_words

    name, chosen = _named(_schedules(), schedule)
    now = datetime.now(UTC)
    table = stack_of(stack).table
    known = _overrides(stack)(name, now - HALF_A_YEAR)
    comes = chosen.shift(known, now)
    before = None if comes.since is None else chosen.shift(known, comes.since - timedelta(microseconds=1))
    leaves = Holding(before.person, before.since or now - timedelta(days=7)) if before else None
    given = gather(name, leaves, comes, now, incidents=TableIncidents(table), silences=TableSilences(table).since)
    print(in_words(given, ZoneInfo(chosen.time_zone), now, most=len(given.open) + len(given.silences)))


@oncall.command()
def calendar(
    schedule: ScheduleOption = "",
    everybody: Annotated[bool, typer.Option("--all", help="Everybody's shifts, not yours alone.")] = False,
    output: OutputOption = "text",
    stack: StackOption = CHOSEN,
) -> None:
    """Print the address of a calendar feed with your shifts, for a calendar program."""
    name, _ = _named(_schedules(), schedule)
    answer = post(stack_of(stack), f"oncall/{name}/calendar", {"all": everybody})
    print(json.dumps(answer) if output == "json" else f"{answer['said']}\n{answer['url']}")


@oncall.command()
def overrides(
    schedule: ScheduleOption = "",
    withdrawn: Annotated[bool, typer.Option("--withdrawn", help="Also withdrawn overrides.")] = False,
    output: OutputOption = "text",
    stack: StackOption = CHOSEN,
) -> None:
    """List the present and future overrides, with the ids that `withdraw` takes."""
    from firstline.adapters.dynamodb.overrides import TableOverrides

    name, chosen = _named(_schedules(), schedule)
    now = datetime.now(UTC)
    made = TableOverrides(stack_of(stack).table).made(name, now)
    shown = [each for each in made if withdrawn or not each.is_over(now)]
    if output == "json":
        print(json.dumps([{"id": each.id, **each.model_dump(mode="json")} for each in shown]))
        return
    if not shown:
        print(f"The schedule {name} has no override.")
    for each in sorted(shown, key=lambda each: each.begins_at):
        begin, end = (f"{at:%a %d %b %H:%M}" for at in chosen.local(each.begins_at, each.ends_at))
        ended = f", withdrawn by {each.ended_by}" if each.ended_at else ""
        why = f": {one_line(each.reason, 200)}" if each.reason else ""
        print(f"{each.id}  {each.person:<16} {begin} to {end} ({chosen.time_zone})  by {each.by}{ended}{why}")


@oncall.command()
def withdraw(
    override_id: Annotated[str, typer.Argument(metavar="ID", help="As `firstline oncall overrides` shows it.")],
    schedule: ScheduleOption = "",
    output: OutputOption = "text",
    stack: StackOption = CHOSEN,
) -> None:
    """End an override, so that whoever the schedule names is on call again."""
    name, _ = _named(_schedules(), schedule)
    answer = post(stack_of(stack), f"oncall/{name}/withdraw", {"id": override_id})
    print(json.dumps(answer) if output == "json" else answer["said"])


_NO_TURNS = f"Nobody takes turns: {FILE} has no schedule. Write one there; it has an example."


def _schedules() -> Mapping[str, Roster]:
    schedules = everything(read_policy(load_oncall, runbooks_folder() / "policy" / "oncall.yaml"))
    if not schedules:
        raise refusal(_NO_TURNS, UNKNOWN)
    return schedules


def _named(schedules: Mapping[str, Roster], name: str) -> tuple[str, Roster]:
    if not name and len(schedules) == 1:
        return next(iter(schedules.items()))
    if name not in schedules:
        said = f"There is no schedule {name!r}" if name else "There are several schedules"
        raise refusal(f"{said}: give --schedule with one of {', '.join(schedules)}.", UNKNOWN)
    return name, schedules[name]


def _overrides(stack: str) -> "OverridesOf":
    from firstline.adapters.dynamodb.overrides import TableOverrides
    from firstline.adapters.dynamodb.schedule_copies import TableCopies
    from firstline.people.on_call import of_listed

    folder, table = runbooks_folder() / "policy", stack_of(stack).table
    people = read_policy(load_people, folder / "people.yaml")
    followed = read_policy(load_oncall, folder / "oncall.yaml").followed
    listed = of_listed(TableOverrides(table).of, people)
    return with_copies(listed, followed, TableCopies(table).of, people, lambda: datetime.now(UTC))


def _moment(schedule: Roster, written: str, after: datetime) -> datetime:
    """Read a time as a person types it: `2026-12-24T18:00`, or `18:00` for the first one after `after`.

    A time without an offset is in the schedule's time zone.
    """
    (local,) = schedule.local(after)
    try:
        if len(written) > 5:
            moment = datetime.fromisoformat(written)
            return (moment if moment.tzinfo else moment.replace(tzinfo=local.tzinfo)).astimezone(UTC)
        clock = datetime.strptime(written, "%H:%M").time()  # noqa: DTZ007 (a time of the schedule's zone)
    except (ValueError, OverflowError):
        raise refusal(f"{written!r} is no time: write one like 18:00, or 2026-12-24T18:00.") from None
    days = [local.date() + timedelta(days=number) for number in (0, 1)]
    # When the clocks are set back, one hour of the day comes twice.
    coming = (datetime.combine(day, clock, local.tzinfo).replace(fold=fold) for day in days for fold in (0, 1))
    return min(at for moment in coming if (at := moment.astimezone(UTC)) > after)


def _line(schedule: Roster, shift: Shift, now: datetime) -> str:
    since = f"{schedule.local(shift.since)[0]:%a %d %b %H:%M}" if shift.since else "always"
    until = f"{schedule.local(shift.until)[0]:%a %d %b %H:%M}" if shift.until else "further notice"
    left = f", {short_duration(shift.until - now)} left" if shift.until and (shift.since or now) <= now else ""
    return f"{shift.person:<16} {since} to {until} ({schedule.time_zone}{left})  {shift.because}"


def _as_json(shift: Shift) -> dict[str, str | None]:
    times = {"since": shift.since, "until": shift.until}
    return {
        "person": shift.person,
        "because": shift.because,
        **{name: at.isoformat() if at else None for name, at in times.items()},
    }
