"""The next state of a remediation: a pure function of the plan, the position in it and what was observed.

A remediation has three queues: its steps, its verification and its rollback. Each command is sent, and read until it
has ended on every host. The function names only the next state. The state machine takes documents, hosts and parameters
from the plan that it holds.
"""

import re
from collections.abc import Sequence
from datetime import datetime
from math import ceil
from typing import Any

from pydantic import BaseModel

from firstline.contracts import (
    ErrorOutput,
    NextMoveInput,
    NextMoveOutput,
    Observed,
)
from firstline.incidents.reasons import sentence
from firstline.models import MOST_OUTPUT, AnyPlannedStep, PlannedRelease, StepResult
from firstline.models.plan import RUN_SUCCEEDED
from firstline.remediation.progress import LONGEST_WAIT, Progress
from firstline.remediation.release_end import ReleaseRead, end_of_release
from firstline.remediation.targets import OwnAccount

RUNNING = {"Pending", "InProgress", "Delayed", "Cancelling"}
UNREACHABLE = {"Undeliverable", "DeliveryTimedOut", "Terminated"}
"""The final statuses of a command whose host did not answer."""

UNANSWERED = {"Ssm.SdkClientException", "Ssm.InternalServerErrorException"}
"""The errors after which Systems Manager may have accepted the request all the same."""

MOST_SENDS = 5
"""The most times that a request is sent if Systems Manager throttles it."""

MOST_ROWS = 10
"""The most hosts for which outputs are read and all results kept. For more hosts, this many failures are kept."""

_UNCHANGED = re.compile(r"\bnothing was done\.?\s*$", re.IGNORECASE | re.MULTILINE)
"""The end of the line that the script of an act prints if it found nothing to do and changed nothing."""

_NO_DATA = re.compile("no datapoints were received", re.IGNORECASE)
"""The words of CloudWatch's reason for a state that it chose by TreatMissingData alone."""

_FRAGMENT = re.compile(r"[^\n]*\n?(---Output truncated---)")
"""The mark that Systems Manager puts where it cuts an output off, with the part of a line before it."""

_NAME_AND_VALUE = 100
"""The number of characters to drop after the cut of an output without line breaks: they may be part of a secret."""

_CANCELLED = re.compile(r"\[([A-Za-z]+), ?([A-Za-z]+)(?:, ?([A-Za-z]+))?\]")
"""The reasons in DynamoDB's message about a cancelled transaction: of two writes and a check, in this order."""


class Invocation(BaseModel):
    """A command on one host, with the field names of `ListCommandInvocations`."""

    InstanceId: str
    Status: str
    StatusDetails: str | None = None
    Output: str = ""


class CommandRead(BaseModel):
    """The result of the state `Read Step`. `overdue` is true if the command's time is over."""

    command_id: str
    overdue: bool = False
    invocations: list[Invocation]


def next_move(request: NextMoveInput, here: OwnAccount) -> NextMoveOutput:
    """Choose the next state of a remediation from its plan, its results, and how its last state ended (`observed`).

    CloudWatch is asked whether an alarm has recovered only if the alarm is of the account and region `here`.
    """
    run = Progress(request.plan, request.cursor, tuple(request.results), request.reason)
    error, result = request.observed.error, request.observed.result
    match request.observed.state:
        case "Claim Step":
            return _unclaimed(run, error)
        case "Read Switch":
            return _stopped(run, error)
        case "Run Step" if error is not None:
            return _not_sent(run, error)
        case "Take Release Back" if isinstance(run.step, PlannedRelease):
            return _released(run, run.step, error, result)
        case "Read Step" if error is None:
            return _read(run, CommandRead.model_validate(result))
        case "Cancel Step":
            return _after_step(run, [], lost=error is not None and run.step.kind == "act")
        case "Await Recovery" if error is None or error.name == "DynamoDb.ConditionalCheckFailedException":
            return run.end("resolved", f"{run.plan.title} ran, and the alert resolved.")
        case "Await Recovery" if error is not None and error.name == "States.Timeout":
            asked = request.origin.source == "cloudwatch" and here == (request.origin.account, request.origin.region)
            return run.move("Ask CloudWatch") if asked else _not_recovered(run)
        case "Ask CloudWatch":
            # Machines of the release before send the state alone.
            said = [str(each).partition(" ") for each in (result if error is None else [])]
            # An alarm may take missing data for good: then it is OK when its host is gone.
            well = any(state == "OK" and not _NO_DATA.search(reason) for state, _, reason in said)
            why = f"{run.plan.title} ran, and CloudWatch says that the alarm is OK."
            alarming = any(state == "ALARM" for state, *_ in said)
            return run.end("verified", why) if well else _not_recovered(run.alarming(alarming))
        case _:
            return run.end("page", sentence(request.observed, run.plan))


def with_times(move: NextMoveOutput, now: datetime) -> NextMoveOutput:
    """Return the move with `now` as the time of each result that has no time yet."""
    results = [row if row.at is not None else row.model_copy(update={"at": now}) for row in move.results]
    return move.model_copy(update={"results": results})


def stop(request: NextMoveInput, move: NextMoveOutput, why: str) -> NextMoveOutput:
    """Return the move that calls a human instead of the act in `move`, which may no longer run because of `why`."""
    return _stop(Progress(request.plan, move.cursor, tuple(move.results), move.reason), why)


# --- a request that was not sent, or must not be ----------------------------------------------------------------------


def _unclaimed(run: Progress, error: ErrorOutput | None) -> NextMoveOutput:
    """Return the move that calls a human, because the step could not be marked in the table as begun (claimed).

    The reason for people comes from `error`, which is None if the state machine reports none. DynamoDB's error says for
    each part of the transaction whether it failed: the write on the incident, the claim, and the check that the step is
    approved or its runbook may run by itself.
    """
    name, cause = (error.name, error.cause) if error else ("no error", "")
    step = run.step.step_id
    reasons = _CANCELLED.search(cause) if name == "DynamoDb.TransactionCanceledException" else None
    incident, claim, permission = (reasons[1], reasons[2], reasons[3] or "") if reasons else ("", "", "")
    if "ConditionalCheckFailed" in claim:
        return run.human(f"Step {step} was claimed before by an execution that ended: nobody knows whether it ran.")
    if "ConditionalCheckFailed" in incident:
        return run.human(f"Step {step} was not sent: the alert resolved, or another execution has the incident.")
    if "ConditionalCheckFailed" in permission:
        return run.human(
            f"Step {step} was not sent: no approval of exactly this step is on record, and the record of "
            f"{run.plan.runbook_id} does not let it run by itself."
        )
    return run.human(f"Step {step} was not sent: it could not be claimed ({name}).")


def _stopped(run: Progress, error: ErrorOutput | None) -> NextMoveOutput:
    """Return the move that stops the remediation without rollback: the kill switch is not "on" or cannot be read.

    `error` is the reason why it cannot be read, and None if it was read.
    """
    why = f"the remediation switch could not be read ({error.name})" if error else "remediation has been switched off"
    return _stop(run, why)


def _stop(run: Progress, why: str) -> NextMoveOutput:
    return run.human(f"{run.plan.title} was stopped before step {run.step.step_id}: {why}.")


def _not_sent(run: Progress, error: ErrorOutput) -> NextMoveOutput:
    """Return the move after a request to Systems Manager that failed with `error`.

    A throttled request, which did not act, is sent again, unless it was sent often enough already. Otherwise the result
    says that the step was not sent, and the remediation goes on as after a step that failed.
    """
    is_ssm = error.name == "Ssm.SsmException"
    throttled = error.name == "Ssm.ThrottlingException" or (is_ssm and "Rate exceeded" in error.cause)
    acts = run.step.kind == "act"
    run = run.touch(acts and not throttled)
    if throttled and is_ssm and (again := _again(run)):
        return again
    # Systems Manager answered, and said no: then the act did not begin. An answer of its own failure says nothing.
    answered = error.name.startswith("Ssm.") and error.name not in UNANSWERED
    refused = throttled or (answered and "Status Code: 5" not in error.cause)
    row = run.row(f"Not sent: {error.name}", error.cause[:MOST_OUTPUT], changed=not refused)
    return _after_step(run.keep([row]), [row], lost=acts and not refused)


def _again(run: Progress) -> NextMoveOutput | None:
    """Return the move that sends a throttled request again after a growing wait; None after `MOST_SENDS` attempts.

    The state machine's own Retry cannot do this, as throttling often comes without an error name of its own.
    """
    run = run.with_cursor(throttles=run.cursor.throttles + 1)
    if run.cursor.throttles >= MOST_SENDS:
        return None
    return run.send(through_the_switch=run.step.kind in ("act", "rollback"), seconds=2**run.cursor.throttles)


def _released(run: Progress, step: PlannedRelease, error: ErrorOutput | None, result: Any) -> NextMoveOutput:
    if error is not None:
        # The end of the child machine is not known. It may still be at work, so a human has to look.
        lost = run.row(f"Unknown: {error.name}", error.cause[:MOST_OUTPUT], command_id="unknown")
        reason = sentence(Observed(state="Take Release Back", error=error))
        return run.touch(True).keep([lost]).end("page", reason)
    release = ReleaseRead.model_validate(result)
    run = run.touch(release.touched)
    if release.is_throttled and (again := _again(run)):
        return again
    status, output, deployment = end_of_release(step, release)
    row = run.row(status, output[:MOST_OUTPUT], command_id=deployment, changed=release.touched)
    run = run.keep([row])
    if release.unread is not None:
        return run.end("page", sentence(release.unread))
    return _after_step(run, [row])


# --- a command that is read -------------------------------------------------------------------------------------------


def _read(run: Progress, command: CommandRead) -> NextMoveOutput:
    run = run.touch(run.step.kind == "act").with_cursor(polls=run.cursor.polls + 1)
    rows = _rows(run, command)
    running = any(invocation.Status in RUNNING for invocation in command.invocations)
    if not running and (len(rows) >= run.places or _gave_up(run, rows)):
        return _after_step(run.forget_verifications().keep(_summary(run, rows, command.command_id)), rows)
    # The command still runs: its end was reported too early, or could not be waited for. The waits double up to the
    # longest one; after that, the step's time-out decides how many more follow.
    most = 3 + run.longest_wait.bit_length() + ceil(run.step.timeout_seconds / LONGEST_WAIT)
    if command.overdue or run.cursor.polls >= most:
        return run.keep(_cut_short(run, rows, command.command_id)).move("Cancel Step")
    return run.move("Read Step", min(run.longest_wait, 2**run.cursor.polls))


def _rows(run: Progress, command: CommandRead) -> list[StepResult]:
    kept = run.plan.most_output
    read = len(run.plan.targets) <= MOST_ROWS
    return [
        run.row(
            invocation.StatusDetails or invocation.Status,
            end_of(invocation.Output)[-kept:],
            place=invocation.InstanceId,
            command_id=command.command_id,
            changed=read and _UNCHANGED.search(invocation.Output) is None,
        )
        for invocation in command.invocations
    ]


def end_of(output: str) -> str:
    """Return a command's output without secrets, and without lines that were cut in the middle.

    Systems Manager keeps only the beginning of a long output, and the state machine only the last part of that. A
    secret at a cut may have lost the name by which it is recognised, so the whole line is dropped.
    """
    from firstline.privacy import redact_secrets  # imported late: few moves read outputs

    safe = redact_secrets(_FRAGMENT.sub(r"\1", output))
    if len(output) < MOST_OUTPUT:
        return safe
    _, newline, rest = safe.partition("\n")
    return rest if newline else safe[_NAME_AND_VALUE:].partition(" ")[2] or "(one long line: see the command's log)"


def _gave_up(run: Progress, rows: Sequence[StepResult]) -> bool:
    """Return True if a host failed and the plan allows no failure, so that Systems Manager skips the other hosts.

    `rows` are the results of the present step on its hosts.
    """
    strict = run.step.kind == "act" and run.step.on_failure == "stop" and run.plan.max_errors == "0"
    return strict and any(row.status.replace(" ", "") in ("Failed", "ExecutionTimedOut") for row in rows)


def _summary(run: Progress, rows: Sequence[StepResult], command_id: str) -> Sequence[StepResult]:
    if len(rows) <= MOST_ROWS:
        return rows
    failed = [row for row in rows if row.status != RUN_SUCCEEDED]
    succeeded = len(rows) - len(failed)
    changed = any(row.changed for row in rows if row.status == RUN_SUCCEEDED)
    well = run.row(RUN_SUCCEEDED, place=f"{succeeded} hosts", command_id=command_id, changed=changed)
    all_well = [well] if succeeded else []
    return [*all_well, *failed[:MOST_ROWS]]


def _cut_short(run: Progress, rows: Sequence[StepResult], command_id: str) -> list[StepResult]:
    few = len(run.plan.targets) <= MOST_ROWS
    told = [row for row in rows if few or row.status != RUN_SUCCEEDED][:MOST_ROWS]
    seen = {row.instance_id for row in rows}
    unseen = [target.instance_id for target in run.plan.targets if target.instance_id not in seen]
    late = [
        row.model_copy(update={"status": "Cancelled: did not end in time"})
        if row.status.replace(" ", "") in RUNNING
        else row
        for row in told
    ]
    never = run.row("Cancelled: never seen on the host", place=", ".join(unseen), command_id=command_id)
    return [*late, never] if unseen else late


# --- a step that is over ----------------------------------------------------------------------------------------------


def _after_step(run: Progress, rows: Sequence[StepResult], *, lost: bool = False) -> NextMoveOutput:
    """Return the move after a step, from the step's results on each host.

    `lost` is True if the step's command may still run: then even a step with `on_failure: continue` has failed.
    """
    succeeded = sum(row.status == RUN_SUCCEEDED for row in rows) == run.places
    passes = succeeded or (run.step.on_failure == "continue" and not lost)
    match run.cursor.queue:
        case "verify":
            return _verified(run, succeeded)
        case "rollback":
            reached = any(row.status.replace(" ", "") not in UNREACHABLE for row in rows)
            if run.following and (succeeded or (passes and reached)):
                return _go_on(run, run.following)
            return run.human(f"{run.reason} {_undone(run)}")
        case "steps" if passes and run.following:
            return _go_on(run, run.following)
        case "steps" if passes:
            return run.move("Await Recovery")
        case _:
            return _roll_back(run, f"{run.plan.title} failed at step {run.step.step_id}.")


def _go_on(run: Progress, following: AnyPlannedStep) -> NextMoveOutput:
    run = run.with_cursor(index=run.cursor.index + 1, polls=0, throttles=0)
    return run.send(through_the_switch=following.kind != "diagnose")


def _verified(run: Progress, holds: bool) -> NextMoveOutput:
    again = run.cursor.attempt < run.plan.verify_attempts
    if holds and run.cursor.alarming:
        # The host may be well and the alarm may measure another path, another host, or an old value.
        still = f"{run.plan.title} ran, and its verification holds, but CloudWatch still says ALARM."
        return run.move("Await Recovery") if again else run.end("human", still)
    if holds and any(row.changed for row in run.results if row.kind == "act"):
        return run.end("verified", f"{run.plan.title} ran, and its verification holds.")
    if holds:
        # Acts that changed nothing have cured nothing, and the alert still fires.
        unread = len(run.plan.targets) > MOST_ROWS
        changed = f"ran (of more than {MOST_ROWS} hosts, no output is read)" if unread else "changed nothing"
        return run.end("human", f"{run.plan.title} {changed}: its verification holds, and the alert still fires.")
    if again:
        return run.move("Await Recovery")
    return _roll_back(run, f"{run.plan.title} ran, but its verification does not hold.")


def _not_recovered(run: Progress) -> NextMoveOutput:
    if run.plan.verify is not None and run.cursor.attempt < run.plan.verify_attempts:
        verifying = run.with_cursor(queue="verify", index=0, polls=0, throttles=0, attempt=run.cursor.attempt + 1)
        return verifying.send(through_the_switch=False)
    return _roll_back(run, f"{run.plan.title} ran, but the alert did not resolve.")


def _roll_back(run: Progress, reason: str) -> NextMoveOutput:
    if not run.plan.rollback:
        return run.human(reason)
    undoing = run.because(reason).with_cursor(queue="rollback", index=0, polls=0, throttles=0)
    return undoing.send(through_the_switch=True)


def _undone(run: Progress) -> str:
    undoing = [row for row in run.results if row.kind == "rollback"]
    failed = list(dict.fromkeys(row.step_id for row in undoing if row.status != RUN_SUCCEEDED))
    if not failed:
        return "It was rolled back."
    ids = [step.step_id for step in run.queue]
    tried, untried = ids[: run.cursor.index + 1], ids[run.cursor.index + 1 :]
    undone = [step_id for step_id in tried if step_id not in failed]
    rest = f"; not tried: {', '.join(untried)}" if untried else ""
    return f"It was not all rolled back. Failed: {', '.join(failed)}; undone: {', '.join(undone) or 'nothing'}{rest}."
