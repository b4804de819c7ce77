"""Templates of alerts: the words that are left when numbers, hosts and names are masked.

A template is words in lower case and placeholders, with one space between them. All else is dropped, so masking a
template again changes nothing, and another dash or quote makes no new template. The result is the same in every
process, unlike that of libraries that learn templates from the alerts they have seen (Drain3).
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator
from functools import lru_cache

from firstline.models import NormalizedAlert
from firstline.text import strip_invisible

MAX_CHARS = 4_000
"""The number of characters that are read of a text; the message of an alert is never longer."""

MAX_TEMPLATE_CHARS = 600
MAX_FAMILY_CHARS = 200

NUMBER, TIME, HOST, PATH, URL, VALUE = "<n>", "<time>", "<host>", "<path>", "<url>", "<value>"
"""The placeholders. `<n>` is anything with a digit that is none of the others: numbers with units, ids, versions. They
share one placeholder because they can look alike: a hexadecimal id may happen to have no letter."""

PLACEHOLDERS = frozenset({NUMBER, TIME, HOST, PATH, URL, VALUE})

_MONTH = r"(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]{0,6}"
_CLOCK = r"\d{1,2}:\d{2}(?::\d{2})?(?:[.,]\d{1,9})?(?:\s?[ap]m\b)?(?:\s?(?:z|utc|gmt)\b|[+-]\d{2}:?\d{2}\b)?"
_DATE = (
    r"(?:\d{4}-\d{2}-\d{2}|\d{4}/\d{2}/\d{2}|\d{1,2}[./]\d{1,2}[./]\d{4}|\d{1,2}/\d{1,2}/\d{2}"
    rf"|\d{{1,2}}\s{_MONTH}(?:\s\d{{4}})?\b|{_MONTH}\s\d{{1,2}}(?:,?\s\d{{4}})?\b)"
)
_UNIT = (
    r"(?:%|percent\b|per\s?cent\b|[kmgtp]i?b?(?:/s|ps)?\b|bytes?\b|bits?\b|°c\b|v\b|w\b|hz\b"
    r"|(?:ns|us|µs|ms|s|sec|secs|seconds?|m|min|mins|minutes?|h|hrs?|hours?|d|days?|w|weeks?|x)\b(?:\d[\w.]{0,20})?)"
)
_KINDS: tuple[tuple[str, str], ...] = (
    # Placeholders stay.
    ("", r"<(?:n|time|host|path|url|value)>"),
    # A quoted phrase is words like any others; a quoted word is a value that changes.
    (VALUE, r"\"[^\s\"<>]{1,200}\"|(?<!\w)'[^\s'<>]{1,200}'(?!\w)|`[^\s`<>]{1,200}`|“[^\s”<>]{1,200}”"),
    (URL, r"\b[a-z][a-z0-9+.-]{1,15}://[^\s\"'<>]{1,2000}"),
    (NUMBER, r"\barn:aws[\w-]{0,10}:[^\s\"',;<>]{1,500}"),
    (HOST, r"\b[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,5}"),
    (TIME, rf"\b{_DATE}(?:[t\s]\s?{_CLOCK})?|\b{_CLOCK}(?![\d:])"),
    # MAC addresses, then IPv6 (with a zone or a prefix), then IPv4 (with a port or a prefix).
    (NUMBER, r"\b[0-9a-f]{2}(?::[0-9a-f]{2}){5}\b"),
    (HOST, r"\[?(?<![\w:])(?:[0-9a-f]{0,4}:){2,7}(?:\d{1,3}(?:\.\d{1,3}){3}|[0-9a-f]{0,4})"
           r"(?:%\w{1,16}|/\d{1,3})?(?![\w:])\]?(?::\d{1,5}\b)?"),
    (HOST, r"\b\d{1,3}(?:\.\d{1,3}){3}(?:/\d{1,2}|:\d{1,5})?(?![\w.])"),
    (HOST, r"\b(?:ip-\d{1,3}(?:-\d{1,3}){3}|[a-z0-9-]{1,63})(?:\.[a-z0-9-]{1,63}){0,6}"
           r"\.(?:com|net|org|io|eu|de|dev|cloud|local|lan|internal|intra|corp|svc|consul|amazonaws|example)"
           r"(?:\.[a-z]{2,10}){0,3}(?::\d{1,5})?(?![\w.-])"),
    (PATH, r"\b[a-z]:\\[^\s\"'<>|]{0,300}|\\\\[^\s\"'<>|]{1,300}"),
    (PATH, r"(?<![\w<>/.])(?<!\d\s)(?:~|\.{1,2})?/(?:[\w.@+=:%,~-]{1,200}/?){0,30}"),
    ("word", r"\b(?:ec2|s3|k8s|[1-5]xx|x509|ipv[46]|route53|oauth2|http2)\b"),
    (NUMBER, rf"[-+]?(?<![\w.])\d[\d.,_]{{0,40}}\s?{_UNIT}"),
    # Any word that holds a digit, with what hangs on it: web-1, 7d9f8b6c5-x2x9z, v1.2.3-rc1, 0xdead01, 4:3.
    (NUMBER, r"[-+]?(?:\b[^\W\d]{1,200}[-_.:]{0,2}){0,8}\d(?:[\w.:+-]{0,200}\w)?"),
    ("word", r"[^\W\d_]{1,200}"),
)  # fmt: skip
_LEXEME = re.compile("|".join(f"(?P<k{number}>{pattern})" for number, (_, pattern) in enumerate(_KINDS)), re.IGNORECASE)
_CAMEL = re.compile(r"(?<=[^\W\d_A-Z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_IDENTITY_LABELS = (
    "instance", "host", "hostname", "node", "nodename", "server", "pod", "container", "device", "mountpoint",
    "volume", "job_name", "topic", "queue", "InstanceId", "DBInstanceIdentifier", "QueueName", "FunctionName",
)  # fmt: skip
"""The labels whose values tell an alert from others of its kind; these values are masked in its name and message."""

_IDS_IN_NAMES = re.compile(
    r"\b(?:[a-z]{1,8}-[0-9a-f]{8,17}|[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})\b", re.IGNORECASE
)
_PARTS_OF_NAMES = re.compile(
    r"[-_.:/|]+|(?<=[a-zA-Z])(?=[45][xX]{2})|(?<=[45][xX]{2})(?=[A-Z])|(?<=[a-z\d])(?=[A-Z][a-z])"
)


@lru_cache(maxsize=1_024)
def mask(text: str) -> str:
    """Return the template of a text.

    Example
    -------
    >>> mask("Disk /var on web-17.prod.example.com is 93.5 % full since 2026-03-04T10:30:00Z")
    'disk <path> on <host> is <n> full since <time>'
    """
    return _within(MAX_TEMPLATE_CHARS, _lexemes(text))


@lru_cache(maxsize=1_024)
def family(alert_name: str) -> str:
    """Return the words of an alert's name without ids and numbers.

    Example
    -------
    >>> family("HighCpu-i-0abc1234def567890"), family("high_cpu_2")
    ('high cpu', 'high cpu')
    """
    words = _PARTS_OF_NAMES.sub(" ", _IDS_IN_NAMES.sub(" ", alert_name[:MAX_CHARS]))
    return _within(MAX_FAMILY_CHARS, (word for word in _lexemes(words) if word not in PLACEHOLDERS)) or NUMBER


def family_of(alert: NormalizedAlert) -> str:
    """Return the words of an alert's name without its host: `DiskFull-web-1` on `web-1` gives `disk full`."""
    return family(_identity(alert).sub(" ", alert.alert_name))


def template_of(alert: NormalizedAlert) -> str:
    """Return an alert's template, `<words of the name>: <masked message>`, without its host and identifying labels."""
    return f"{family_of(alert)}: {mask(_identity(alert).sub(HOST, alert.message[:MAX_CHARS]))}"


def _identity(alert: NormalizedAlert) -> re.Pattern[str]:
    """Return a pattern that matches the alert's host and the values of its identifying labels, the longest first."""
    values = {alert.host, *(alert.labels.get(label) for label in _IDENTITY_LABELS)}
    known = sorted((value for value in values if value and len(value) > 2), key=lambda value: (-len(value), value))
    return re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, known))})(?!\w)" if known else r"(?!)", re.IGNORECASE)


def words_of(template: str) -> tuple[str, ...]:
    """Return the words of a template, without placeholders, in their order."""
    return tuple(word for word in template.replace(":", " ").split() if word not in PLACEHOLDERS)


def _lexemes(text: str) -> Iterator[str]:
    """Yield the words and placeholders of a text, with only one of several equal placeholders in a row."""
    last = ""
    for found in _LEXEME.finditer(_plain(text)):
        kind, lexeme = _KINDS[int(str(found.lastgroup)[1:])][0], found[0]
        for part in _CAMEL.split(lexeme) if kind == "word" else (kind or lexeme,):
            part = part.lower()
            if part != last or part not in PLACEHOLDERS:
                yield part
            last = part


def _plain(text: str) -> str:
    """Return a text cut to `MAX_CHARS`, without invisible characters and accents, its full-width letters made plain."""
    decomposed = unicodedata.normalize("NFKD", strip_invisible(text[:MAX_CHARS]))
    return "".join(char for char in decomposed if not unicodedata.combining(char))[:MAX_CHARS]


def _within(limit: int, lexemes: Iterable[str]) -> str:
    """Join as many whole lexemes, with a space between them, as fit into `limit` characters."""
    kept = ""
    for lexeme in lexemes:
        longer = f"{kept} {lexeme}" if kept else lexeme
        if len(longer) > limit:
            break
        kept = longer
    return kept
