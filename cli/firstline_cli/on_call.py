"""The commands `firstline oncall`: whose turn it is, who comes next, and overrides."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from firstline.policy.oncall import FILE, Roster, Shift, load_oncall
from firstline.text import short_duration
from firstline_cli.actions import OutputOption
from firstline_cli.checkout import read_policy, runbooks_folder
from firstline_cli.console import UNKNOWN, refusal
from firstline_cli.requests import post
from firstline_cli.stacks import CHOSEN, StackOption, stack_of

if TYPE_CHECKING:
    from firstline.people.on_call import OverridesOf

oncall = typer.Typer(help="Whose turn it is, who comes next, and who takes over.", no_args_is_help=True)

ScheduleOption = Annotated[str, typer.Option("--schedule", "-s", help="Which; not needed if there is one.")]
ReasonOption = Annotated[str, typer.Option(help="Why; everybody is told.")]
UntilOption = Annotated[str, typer.Option(help="18:00, or 2026-12-24T18:00, local time of the schedule.")]


@oncall.command()
def who(schedule: ScheduleOption = "", output: OutputOption = "text", stack: StackOption = CHOSEN) -> None:
    """Say who is on call now, until when, and why: of one schedule, or of all."""
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
    """Give a span to somebody, without a deployment. By default from now to the end of the present shift."""
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
    """Take the present shift yourself."""
    override("", until, "", reason, schedule, output, stack)


def _schedules() -> Mapping[str, Roster]:
    schedules = read_policy(load_oncall, runbooks_folder() / "policy" / "oncall.yaml").schedules
    if not schedules:
        raise refusal(f"Nobody takes turns: {FILE} has no schedule. Write one there; it has an example.", UNKNOWN)
    return schedules


def _named(schedules: Mapping[str, Roster], name: str) -> tuple[str, Roster]:
    if not name and len(schedules) == 1:
        return next(iter(schedules.items()))
    if name not in schedules:
        raise refusal(f"Say --schedule and one of {', '.join(schedules)}.", UNKNOWN)
    return name, schedules[name]


def _overrides(stack: str) -> "OverridesOf":
    from firstline.adapters.dynamodb.overrides import TableOverrides
    from firstline.people.on_call import of_listed
    from firstline.policy.people import load_people

    people = read_policy(load_people, runbooks_folder() / "policy" / "people.yaml")
    return of_listed(TableOverrides(stack_of(stack).table).of, people)


def _moment(schedule: Roster, written: str, after: datetime) -> datetime:
    """Read a time, local unless it says its offset; a time of day is the next one after `after`."""
    (local,) = schedule.local(after)
    try:
        if len(written) > 5:
            moment = datetime.fromisoformat(written)
            return (moment if moment.tzinfo else moment.replace(tzinfo=local.tzinfo)).astimezone(UTC)
        clock = datetime.strptime(written, "%H:%M").time()  # noqa: DTZ007 (a time of the schedule's zone)
    except (ValueError, OverflowError):
        raise refusal(f"{written!r} is no time: write 18:00, or 2026-12-24T18:00.") from None
    days = [local.date() + timedelta(days=number) for number in (0, 1)]
    # In the hour that the clocks show twice, a time comes twice.
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
