"""The search for personal data: mail addresses, phone, card, bank account and US social security numbers.

Names and addresses of hosts, system users and account ids do not count as personal data, because operators need them. A
number counts only if it has a valid check digit or an unmistakable form.
"""

import re
from collections.abc import Callable, Iterator

_EMAIL = re.compile(
    r"(?<![\w.+/-])(?P<user>[\w.+%-]{1,64})@(?P<domain>(?:[A-Za-z0-9-]{1,63}\.){1,8}[A-Za-z]{2,24})(?![\w-]|\.\w|@)"
)
_MACHINES = (
    "root git admin ubuntu ec2-user core postgres mysql redis nobody www-data system deploy jenkins noreply no-reply "
    "mailer-daemon postmaster prometheus grafana alertmanager"
)
_OF_MACHINES = frozenset(_MACHINES.split())
_MACHINE_DOMAINS = re.compile(
    r"(?:^|\.)(?:internal|local|localdomain|localhost|lan|intra|intranet|corp|home|svc|cluster|gserviceaccount\.com"
    r"|amazonaws\.com|compute|invalid|test|service|jpg|png|sh|py|yaml|yml|json|log|conf)$",
    re.IGNORECASE,
)
_PHONE = re.compile(
    r"(?<![\w+./-])(?:\+[1-9]\d{0,2}[ \-/]?(?:\(0?\d{1,4}\)[ \-/]?)?\d{1,4}(?:[ \-/]?\d{2,6}){1,5}"
    r"|\(\d{3}\) ?\d{3}-\d{4}|\d{3}-\d{3}-\d{4})(?![\w+%]|[./:-]\w)"
)
_PHONE_LABEL = re.compile(
    r"(?i:\b(?:tel|phone|telephone|mobile|cell|fax)\b\.?(?: (?:no|number))?[\"']?\s{0,2}[:=]?\s{0,2}[\"']?)"
    r"(?P<number>\(?0\d[\d ()/.-]{5,18}\d)"
)
_CARD = re.compile(r"(?<![\w./:-])(?:\d[ -]?){13,15}\d(?![\w]|[./:-]\w)")
_CARD_RANGES = re.compile(
    r"4\d{15}|5[1-5]\d{14}|2(?:22[1-9]|2[3-9]\d|[3-6]\d\d|7[01]\d|720)\d{12}|3[47]\d{13}|6(?:011|5\d\d|4[4-9]\d)\d{12}"
    r"|3(?:0[0-5]|[68]\d)\d{11}|35(?:2[89]|[3-8]\d)\d{12}"
)
_IBAN = re.compile(r"(?<![A-Za-z0-9])[A-Z]{2}\d{2}(?:[ ]?[A-Z0-9]{4}){2,7}(?:[ ]?[A-Z0-9]{1,3})?(?![A-Za-z0-9])")
_SSN = re.compile(r"(?<![\w.-])(?!000|666|9)\d{3}-(?!00)\d{2}-(?!0000)\d{4}(?![\w]|[.-]\w)")


def found(text: str) -> Iterator[tuple[int, int, str]]:
    """Yield the places (start, end, kind) of personal data in a text."""
    if "@" in text:
        for match in _EMAIL.finditer(text):
            if match["user"].lower() not in _OF_MACHINES and not _MACHINE_DOMAINS.search(match["domain"]):
                yield *match.span(), "e-mail address"
    if any(character.isdigit() for character in text):
        for kind, pattern, group, proof in _NUMBERS:
            yield from ((*match.span(group), kind) for match in pattern.finditer(text) if proof(match[group]))


def _has_luhn_digit(digits: str) -> bool:
    """Return True if the last digit is a valid check digit of a card number (the Luhn algorithm of ISO/IEC 7812)."""
    doubled = (sum(divmod(2 * int(digit), 10)) for digit in digits[-2::-2])
    return (sum(map(int, digits[-1::-2])) + sum(doubled)) % 10 == 0


def _has_iban_digits(account: str) -> bool:
    """Return True if an account without spaces has the length and the check digits of an IBAN (ISO 13616)."""
    number = "".join(str(int(character, 36)) for character in account[4:] + account[:4])
    return 15 <= len(account) <= 34 and int(number) % 97 == 1


def _is_card(number: str) -> bool:
    """Return True for a valid card number, written in one piece or in groups with one kind of separator."""
    digits = re.sub(r"[ -]", "", number)
    grouped = len(set(re.findall(r"[ -]", number))) <= 1 and re.search(r"\d[ -]\d[ -]\d[ -]", number) is None
    return grouped and _CARD_RANGES.fullmatch(digits) is not None and _has_luhn_digit(digits)


def _is_phone(number: str) -> bool:
    if not number.startswith("+"):
        return True
    digits = re.sub(r"\D", "", number)
    # In one piece it must be long: "+12000000" is a change of some metric more often than a phone.
    return 8 <= len(digits) <= 15 and (len(digits) >= 11 or re.search(r"\d[ .\-/()]", number) is not None)


_NUMBERS: tuple[tuple[str, re.Pattern[str], str | int, Callable[[str], bool]], ...] = (
    ("phone number", _PHONE, 0, _is_phone),
    ("phone number", _PHONE_LABEL, "number", bool),
    ("card number", _CARD, 0, _is_card),
    ("bank account", _IBAN, 0, lambda account: _has_iban_digits(account.replace(" ", ""))),
    ("social security number", _SSN, 0, bool),
)
"""Each kind of number: its pattern, the pattern's group that holds the number, and the check of the number."""
