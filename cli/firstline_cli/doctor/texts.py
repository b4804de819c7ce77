"""Checks of text messages to the people on call: the sandbox, the spending limit, the sender, and each number.

https://docs.aws.amazon.com/sns/latest/dg/channels-sms.html. The checks print names of people, and no number.
"""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from firstline.console import page_links
from firstline_cli.doctor import files
from firstline_cli.doctor.findings import Finding, client, secret

if TYPE_CHECKING:
    from firstline_cli.stacks import Stack

FIRST_LIMIT = 1.0
"""The dollars a month that a new account may spend on texts: enough for about ten, in some countries for fewer."""

MOST_NUMBERS = 20
_CANADIAN = (
    "204 226 236 249 250 257 263 289 306 343 354 365 367 368 382 387 403 416 418 428 431 437 438 450 460 468 474 506 "
    "514 519 537 548 568 579 581 584 587 604 613 639 647 672 683 705 709 742 753 778 780 782 807 819 825 867 873 879 "
    "902 905 942"
)
_CARIBBEAN = "242 246 264 268 284 345 441 473 649 658 664 721 758 767 784 809 829 849 868 869 876"
_NOT_OF_THE_STATES = frozenset(f"{_CANADIAN} {_CARIBBEAN}".split())
"""The area codes of +1 outside of the United States, where carriers ask for no registered number
(https://www.nanpa.com)."""

_LIMIT_FIX = "raise “Account spend threshold” of Amazon SNS in Service Quotas, then: "
_LIMIT_FIX += "aws sns set-sms-attributes --attributes MonthlySpendLimit=<dollars>"


def texts(stack: "Stack") -> Iterator[Finding]:
    """Check that a text message can reach each person in the schedules of the paging levels with the channel `sms`."""
    if stack.is_local or not (levels := files.levels_with("sms")):
        return
    numbers: dict[str, str] = {}
    for name, number in _numbers(stack, {level.schedule for level in levels}):
        if number:
            numbers[name] = number
        else:
            fix = f"give {name} a phone in mine/runbooks/policy/people.yaml, or firstline secret set oncall/{name}"
            yield Finding("wrong", "sms", f"{name} takes turns and has no phone number, so no text reaches them", fix)
    sns = client(stack, "sns")
    yield from _sandbox(sns, numbers)
    yield from _limit(stack, sns)
    yield from _sender(sns, numbers)
    for name, number in numbers.items():
        if sns.check_if_phone_number_is_opted_out(phoneNumber=number)["isOptedOut"]:
            fix = "aws sns opt-in-phone-number --phone-number <the number>, which AWS allows once in 30 days"
            yield Finding("wrong", "sms", f"{name}'s phone answered STOP once, so AWS sends it no texts", fix)
    if secret(stack, page_links.SECRET) is None:
        fix = f"firstline secret set {page_links.SECRET} --make"
        said = f"texts have no link to the incident: the secret {page_links.SECRET} is not set"
        yield Finding("note", "sms", said, fix)


def _numbers(stack: "Stack", schedules: set[str | None]) -> Iterator[tuple[str, str]]:
    """Yield the names of people who take turns in the schedules, each with the phone number, or "" without one.

    The checkout does not say who takes turns in a schedule that another tool keeps: then yield everybody with a phone.
    In `schedules`, None stands for a level without a schedule, and adds nobody. At most `MOST_NUMBERS` are yielded.
    """
    known, people = files.schedules(), files.everybody().people
    names = {
        name for schedule in schedules if schedule in known.schedules for name in known.schedules[schedule].members
    }
    if schedules & known.followed.keys():
        names |= {name for name, entry in people.items() if entry.phone}
    for name in sorted(names & people.keys())[:MOST_NUMBERS]:
        parameter = people[name].phone_parameter
        number = secret(stack, parameter) if parameter else people[name].phone
        yield name, (number or "").replace(" ", "")


def _sandbox(sns: Any, numbers: Mapping[str, str]) -> Iterator[Finding]:
    if not sns.get_sms_sandbox_account_status()["IsInSandbox"]:
        yield Finding("ok", "sms", "the account is out of SNS's SMS sandbox")
        return
    pages = sns.get_paginator("list_sms_sandbox_phone_numbers").paginate()
    verified = {
        phone["PhoneNumber"] for page in pages for phone in page["PhoneNumbers"] if phone["Status"] == "Verified"
    }
    left_out = [name for name, number in numbers.items() if number not in verified]
    fix = "verify the numbers in SNS's console (Text messaging), or ask AWS there to exit the sandbox"
    if left_out:
        said = f"the account is in SNS's SMS sandbox, and these numbers are not verified: {', '.join(left_out)}"
        yield Finding("wrong", "sms", said, fix)
    else:
        yield Finding("note", "sms", "the account is in SNS's SMS sandbox: ten verified numbers at most", fix)


def _limit(stack: "Stack", sns: Any) -> Iterator[Finding]:
    set_to = sns.get_sms_attributes(attributes=["MonthlySpendLimit"])["attributes"].get("MonthlySpendLimit")
    limit, spent = float(set_to or FIRST_LIMIT), _spent(stack, datetime.now(UTC))
    said = f"${spent:.2f} of ${limit:g} are spent on texts this month"
    if spent >= limit:
        yield Finding("wrong", "sms", f"{said}, so AWS sends no more texts", _LIMIT_FIX)
    elif limit <= FIRST_LIMIT or spent > 0.8 * limit:
        yield Finding("note", "sms", f"{said}; at the limit, AWS sends no more texts", _LIMIT_FIX)
    else:
        yield Finding("ok", "sms", said)


def _spent(stack: "Stack", now: datetime) -> float:
    """Return the dollars spent on texts this month (UTC), as CloudWatch counts them; 0 before the first text."""
    first = now.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    found = client(stack, "cloudwatch").get_metric_statistics(
        Namespace="AWS/SNS",
        MetricName="SMSMonthToDateSpentUSD",
        StartTime=first,
        EndTime=now,
        Period=86_400,
        Statistics=["Maximum"],
    )
    return max((point["Maximum"] for point in found["Datapoints"]), default=0.0)


def _sender(sns: Any, numbers: Mapping[str, str]) -> Iterator[Finding]:
    """Check that the account has a registered number to send from, if a person has a number of the United States.

    `numbers` has people's phone numbers by the people's names.
    """
    american = [name for name, number in numbers.items() if _is_of_the_states(number)]
    if american and not sns.list_origination_numbers()["PhoneNumbers"]:
        said = "carriers of the United States take texts only from a registered number, and the account has none: "
        said += ", ".join(american)
        yield Finding("wrong", "sms", said, "request a toll-free number or 10DLC in AWS End User Messaging")


def _is_of_the_states(number: str) -> bool:
    """Return True for a number of the United States and their territories, False for +1 in Canada and the Caribbean."""
    return number.startswith("+1") and number[2:5] not in _NOT_OF_THE_STATES
