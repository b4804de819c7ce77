"""Telemetry is text that an attacker may have written and that may carry secrets: make it fit for a model and a page.

Order matters: invisible characters go first (one inside a secret would hide it), secrets next, and the cut comes last
(a secret cut in half matches no pattern).
"""

import re
import unicodedata

MAX_RAW_CHARS = 20_000
"""More than this of any one text is not even looked at."""

_INVISIBLE_LETTERS = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")
"""Drawn as nothing, although Unicode counts them among letters, marks and symbols."""

_DROPPED_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Co", "Cn"})
"""Control, format (zero-width, bidi, tags), surrogates, private use, unassigned."""

_KEYWORDS = (
    r"pass(?:word|wd|phrase)|pwd|secret|token|api[_-]?key|access[_-]?key|secret[_-]?key|account[_-]?key"
    r"|private[_-]?key|client[_-]?secret|credentials?|authorization|sig(?:nature)?"
)

_SECRET_LABEL = re.compile(_KEYWORDS, re.IGNORECASE)

_SECRETS: tuple[tuple[str, re.Pattern[str]], ...] = (
    (
        "private key",
        re.compile(
            r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----"
            r".*?(?:-----END [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----|\Z)",
            re.DOTALL,
        ),
    ),
    ("JWT", re.compile(r"\beyJ[\w-]{8,}\.[\w-]{8,}(?:\.[\w-]*)?", re.ASCII)),
    ("AWS access key", re.compile(r"\b(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}\b")),
    (
        "AWS secret key",
        re.compile(
            # Two digits, or one and a slash or plus: a long CamelCase name with one digit is no key.
            r"(?<![A-Za-z0-9/+=])(?=[A-Za-z/+]{0,39}[0-9])(?=[a-z0-9/+]{0,39}[A-Z])(?=[A-Z0-9/+]{0,39}[a-z])"
            r"(?=[A-Za-z]{0,39}[/+]|[A-Za-z]{0,39}[0-9][A-Za-z]{0,39}[0-9/+])"
            r"[A-Za-z0-9/+]{40}(?![A-Za-z0-9/+=])"
        ),
    ),
    ("GitHub token", re.compile(r"\b(?:gh[opsur]_[A-Za-z0-9]{20,}|github_pat_\w{20,})", re.ASCII)),
    ("Slack token", re.compile(r"\b(?:xox[a-z]|xapp)-[A-Za-z0-9-]{10,}")),
    ("webhook address", re.compile(r"https://hooks\.slack\.com/[^\s\"'<>]+")),
    (
        "API key",
        re.compile(
            r"\b(?:[sprw]k[-_][\w-]{16,}|AIza[\w-]{30,}|SG\.[\w-]{16,}\.[\w-]{16,}|glpat-[\w-]{15,}|npm_\w{30,}"
            r"|pypi-[\w-]{20,}|hv[sb]\.[\w-]{20,}|dop_v1_\w{40,})",
            re.ASCII,
        ),
    ),
    ("password in a URL", re.compile(r"(?<=://)[^\s/@:]{0,100}:[^\s/@]{1,200}(?=@)")),
    (
        "credentials",
        re.compile(
            r"\b(?i:bearer|basic)\s{1,5}(?=[A-Za-z._~+/-]{0,200}[0-9=]|[A-Za-z]{0,200}[a-z][A-Z])[\w.~+/=-]{8,}",
            re.ASCII,
        ),
    ),
)

_NAMED_SECRET = re.compile(
    rf"(?P<name>{_KEYWORDS})(?P<is>[\"']?\s{{0,3}}[:=]\s{{0,3}})"
    r"(?P<value>\"[^\"\n]{4,500}\"|'[^'\n]{4,500}'"
    r"|(?:(?:bearer|basic|token)\s{1,5})?[^\s\"',;&]{6,})",
    re.IGNORECASE,
)


def clean(text: str) -> str:
    """Drop what cannot be seen: control, zero-width, bidi and tag characters. Line breaks and tabs stay.

    Example
    -------
    >>> clean("pass\\u200bword\\u202e")
    'password'
    """
    text = text[:MAX_RAW_CHARS]
    if text.isascii() and text.isprintable():
        return text
    return "".join(_visible(character) for character in text)


def _visible(character: str) -> str:
    if character in "\n\t":
        return character
    if character in _INVISIBLE_LETTERS or unicodedata.category(character) in _DROPPED_CATEGORIES:
        return ""
    if "\ufe00" <= character <= "\ufe0f" or "\U000e0100" <= character <= "\U000e01ef":
        return ""  # variation selectors: a known way to smuggle text
    return "\n" if character in "\u2028\u2029" else character


def redact(text: str) -> str:
    """Put `[redacted <what>]` in place of everything that looks like a secret.

    Example
    -------
    >>> redact("redis://app:hunter22@cache:6379 refused")
    'redis://[redacted password in a URL]@cache:6379 refused'
    """
    for what, pattern in _SECRETS:
        text = pattern.sub(f"[redacted {what}]", text)
    return _NAMED_SECRET.sub(_keep_the_name, text)


def _keep_the_name(found: re.Match[str]) -> str:
    if found["value"].startswith("[redacted"):
        return found[0]
    return f"{found['name']}{found['is']}[redacted secret]"


def clip(text: str, limit: int) -> str:
    """At most `limit` characters, with an ellipsis where something was cut."""
    return text if len(text) <= limit else text[: limit - 1].rstrip() + "…"


def safe_text(text: str, limit: int) -> str:
    """A text of many lines as a model or a person may read it: visible, without secrets, at most `limit` characters."""
    return clip(redact(clean(text)).strip(), limit)


def safe_line(text: str, limit: int) -> str:
    """The same on one line."""
    return clip(" ".join(redact(clean(text)).split()), limit)


def safe_label(name: str, value: str, limit: int) -> str:
    """A label's value; one whose name says that it is a secret is not shown at all."""
    return "[redacted secret]" if _SECRET_LABEL.search(name) else safe_line(value, limit)
