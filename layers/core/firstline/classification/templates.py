"""Templates of alerts: the words that are left when numbers, hosts and names are masked.

A template is words in lower case and placeholders, one space between them. Everything else is dropped, so masking a
template again changes nothing, and another dash or quote makes no new template. Drain3 and its like learn templates
from the stream, so their result depends on what one process has seen before. This is a pure function.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator
from functools import lru_cache

from firstline.models import NormalizedAlert
from firstline.text import strip_invisible

MAX_CHARS = 4_000
"""The rest of a longer text is not read; a message is never longer."""

MAX_TEMPLATE_CHARS = 600
MAX_FAMILY_CHARS = 200

NUMBER, TIME, HOST, PATH, URL, VALUE = "<n>", "<time>", "<host>", "<path>", "<url>", "<value>"
"""`<n>` is anything else that holds a digit: numbers with their units, ids, versions, request ids. They are not told
apart, as that would change from one alert to the next: a hexadecimal id may happen to have no letter."""

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
"""Labels whose values identify one of many like alerts; in a message the values are masked."""

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
    """Return the words of an alert's name: `HighCpu-i-0abc1234def567890` and `high_cpu_2` belong together.

    Hyphens separate words here, as a name joins everything: the number of a host is its last part.
    """
    words = _PARTS_OF_NAMES.sub(" ", _IDS_IN_NAMES.sub(" ", alert_name[:MAX_CHARS]))
    return _within(MAX_FAMILY_CHARS, (word for word in _lexemes(words) if word not in PLACEHOLDERS)) or NUMBER


def family_of(alert: NormalizedAlert) -> str:
    """Return the family of an alert's name, which may hold its host's: `DiskFull-web-1` is `disk full`."""
    return family(_identity(alert).sub(" ", alert.alert_name))


def template_of(alert: NormalizedAlert) -> str:
    """Return an alert's template: its name's family, and its message with the host and its like masked."""
    return f"{family_of(alert)}: {mask(_identity(alert).sub(HOST, alert.message[:MAX_CHARS]))}"


def _identity(alert: NormalizedAlert) -> re.Pattern[str]:
    """Return a pattern of the names that identify the alert; the longest first, as one may be part of another."""
    values = {alert.host, *(alert.labels.get(label) for label in _IDENTITY_LABELS)}
    known = sorted((value for value in values if value and len(value) > 2), key=lambda value: (-len(value), value))
    return re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, known))})(?!\w)" if known else r"(?!)", re.IGNORECASE)


def words_of(template: str) -> tuple[str, ...]:
    """Return the words of a template, without placeholders, in their order."""
    return tuple(word for word in template.replace(":", " ").split() if word not in PLACEHOLDERS)


def _lexemes(text: str) -> Iterator[str]:
    """Yield words and placeholders. A placeholder right after the same one is left out, as lists vary in length."""
    last = ""
    for found in _LEXEME.finditer(_plain(text)):
        kind, lexeme = _KINDS[int(str(found.lastgroup)[1:])][0], found[0]
        for part in _CAMEL.split(lexeme) if kind == "word" else (kind or lexeme,):
            part = part.lower()
            if part != last or part not in PLACEHOLDERS:
                yield part
            last = part


def _plain(text: str) -> str:
    """Drop invisible characters and accents, make full-width letters plain ones, and cut at `MAX_CHARS`."""
    decomposed = unicodedata.normalize("NFKD", strip_invisible(text[:MAX_CHARS]))
    return "".join(char for char in decomposed if not unicodedata.combining(char))[:MAX_CHARS]


def _within(limit: int, lexemes: Iterable[str]) -> str:
    """Keep as many whole lexemes as fit."""
    kept = ""
    for lexeme in lexemes:
        longer = f"{kept} {lexeme}" if kept else lexeme
        if len(longer) > limit:
            break
        kept = longer
    return kept
