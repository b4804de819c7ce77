"""The search for secrets by their shapes: the prefixes and lengths that their issuers document.

Most shapes are in `issuers.json`, which `evals/redaction/issuers.py` makes from a public set of rules. This module adds
shapes that the set lacks or defines too narrowly. A pattern is compiled and used only if the text has one of the words
that belong to it (`near`, such as `ghp_`), so an ordinary alert costs a few dozen substring searches. All repetitions
in a pattern are bounded and not nested, so that its time is proportional to the length of the text.
"""

import json
import re
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple


class Shape(NamedTuple):
    """A kind of secret: its name for people (`what`), its pattern, and words such as `ghp_` that go with it (`near`).

    At least one of the words, in upper or lower case, is in every text that the pattern matches. A `^` at the pattern's
    beginning stands for the beginning of a word, or for nothing if no ordinary word ends in one of the `near` words. If
    the pattern has one group, or named groups, only the group is the secret.
    """

    what: str
    near: tuple[str, ...]
    pattern: str


_BORDER = r"(?:(?<![A-Za-z0-9])|(?<=\\[nrtbfv0])|(?<=\[\dm)|(?<=\[\d\dm)|(?<=\[\d;\d\dm))"
"""The beginning of a word, also after an underscore (`aws_AKIA…`), where `\\b` does not match, and after an escape
sequence that a log wrote out (`\\n`, `\\u001b[31m`)."""

_UNMISTAKABLE = frozenset(
    (
        *("ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_", "glpat-", "gldt-", "glsa_", "glc_", "npm_"),
        *("dop_v1_", "doo_v1_", "dor_v1_", "dckr_pat_", "dckr_oat_", "shpat_", "shpca_", "shppa_", "shpss_"),
        *("sk_live_", "rk_live_", "whsec_", "sk-ant-api", "sk-ant-admin", "sk-ant-oat01-", "sk-proj-"),
        *("sk-svcacct-", "sk-none-", "lin_api_", "sntrys_", "sntryu_", "rubygems_", "figd_", "nvapi-"),
        *("atatt3xffgf0", "aiza", "hvs.", "hvb.", "pypi-ageichlwas5vcmc", "xkeysib-", "tskey-", "lsv2_pt_"),
        *("lsv2_sk_", "packagist_ack_"),
    )
)
"""Prefixes of tokens that occur at the end of no ordinary word, so that the token is found in the middle of a word."""

SHAPES: tuple[Shape, ...] = (
    Shape("GitHub token", ("github_pat_",), r"^github_pat_\w{20,255}"),
    Shape("Slack token", ("xox",), r"xox[a-z](?:\.xox[a-z])?-[A-Za-z0-9-]{8,255}"),
    Shape("Slack token", ("xapp-",), r"xapp-[A-Za-z0-9-]{10,255}"),
    Shape("Mailgun key", ("key-",), r"^key-[0-9a-f]{32}(?![0-9a-f])"),
    Shape("PyPI token", ("pypi-",), r"^pypi-AgE[\w-]{30,500}"),
    Shape(
        "OpenAI or Anthropic key",
        ("sk-",),
        r"^sk-(?:(?:proj|ant|svcacct|admin|or|lf)-[\w-]{16,255}|[A-Za-z0-9]{20,255})",
    ),
    Shape(
        "New Relic key",
        ("nrak-", "nrbr-", "nrii-", "nriq-", "nrjs-", "nrra-", "nrsp-"),
        r"^(?:NR(?:AK|II|IQ|RA|JS|SP|BR)-)[A-Za-z0-9_-]{16,64}",
    ),
    Shape("Atlassian token", ("atatt3", "atbb", "atctt3"), r"^(?:AT(?:ATT3|CTT3|BB))[\w=-]{20,300}"),
    Shape("PagerDuty key", ("u+",), r"^u\+[\w-]{18}(?![\w-])"),
    Shape("Twilio key", ("sk",), r"^SK[0-9a-f]{32}(?![0-9a-f])"),
    Shape(
        "private key",
        ("PRIVATE KEY",),
        r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----"
        r".*?(?:-----END [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----|\Z)",
    ),
    # The tail of an output may begin in the middle of a key.
    Shape(
        "private key",
        ("PRIVATE KEY",),
        r"\A(?:[A-Za-z0-9+/=\\\s]{0,40000})-----END [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----",
    ),
    Shape("private key", ("PuTTY-User-Key-File",), r"PuTTY-User-Key-File-.*?(?:Private-MAC: ?[0-9a-f]{0,64}|\Z)"),
    Shape("JWT", ("eyJ",), rf"{_BORDER}eyJ[\w-]{{8,}}\.[\w-]{{8,}}(?:\.[\w-]*)?"),
    Shape("JWT", ("eyJ",), r"eyJ[\w-]{12,}\.eyJ[\w-]{8,}(?:\.[\w-]*)?"),
    Shape(
        "AWS access key",
        ("AKIA", "ASIA", "ABIA", "ACCA"),
        r"(?:(?<![A-Z0-9])|(?<=\[\dm)|(?<=\[\d\dm))(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}(?![A-Z0-9])",
    ),
    Shape("AWS session token", ("IQoJb3JpZ2lu", "FwoGZXIvYXdz"), r"(?:IQoJb3JpZ2lu|FwoGZXIvYXdz)[A-Za-z0-9/+=_-]{16,}"),
    Shape(
        "webhook address",
        ("hooks.slack.com", "webhook", "bot"),
        r"https?://(?:hooks\.slack(?:-gov)?\.com/(?:services|workflows|triggers)/"
        r"|[\w.-]{0,60}discord(?:app)?\.com/api/(?:v\d+/)?webhooks/|[\w.-]{0,80}webhook\.office\.com/"
        r"|api\.telegram\.org/bot|events\.pagerduty\.com/integration/)[^\s\"'<>]+",
    ),
    Shape("Discord token", (".",), r"(?<![\w.-])[MNO][\w-]{23,27}\.[\w-]{6}\.[\w-]{27,40}(?![\w-])"),
    Shape("Telegram token", (":AA",), r"(?<!\d)\d{8,10}:AA[\w-]{30,36}(?![\w-])"),
    Shape("Mailchimp key", ("-us",), rf"{_BORDER}[0-9a-f]{{32}}-us\d{{1,2}}(?!\w)"),
    Shape("Mailgun key", ("-",), rf"{_BORDER}[0-9a-f]{{32}}-[0-9a-f]{{8}}-[0-9a-f]{{8}}(?![0-9a-f-])"),
    Shape("New Relic key", ("NRAL", "01xx"), r"(?<![0-9a-f])(?:[0-9a-f]{36}NRAL|[a-z]{2}01xx[0-9a-f]{32,36})(?!\w)"),
    Shape("Azure storage key", ("==",), r"(?<![A-Za-z0-9+/])[A-Za-z0-9+/]{86}==(?![A-Za-z0-9+/=])"),
    Shape("Azure client secret", ("Q~",), r"(?<![\w~.-])[\w~.-]{3}\dQ~[\w~.-]{31,34}(?![\w~.-])"),
    Shape("Vault token", ("s.",), r"(?<![\w.])s\.(?=[A-Za-z]{0,23}\d)(?=[a-z0-9]{0,23}[A-Z])[A-Za-z0-9]{24}(?![\w.])"),
    Shape("model API key", (".",), r"(?<![0-9A-Za-z])[0-9a-f]{32}\.[A-Za-z0-9]{16}(?![\w.])"),
    Shape("Terraform token", (".atlasv1.",), r"[A-Za-z0-9]{14}\.atlasv1\.[\w=-]{40,100}"),
    Shape("password hash", ("$2",), r"\$2[abxy]?\$\d\d\$[./A-Za-z0-9]{53}"),
    Shape(
        "password hash",
        ("$",),
        r"\$(?:1|5|6|7|y|gy|apr1|argon2(?:i|d|id)|scrypt|pbkdf2(?:-sha\d+)?)\$[^\s:\"',;]{20,300}",
    ),
    Shape("password hash", ("{SHA", "{SSHA"), r"\{S?SHA(?:256|384|512)?\}[A-Za-z0-9+/]{20,120}={0,2}"),
    Shape(
        "password in a URL",
        ("://",),
        # The last @ before the path ends it, since people do not always encode the one in a password; nor the slash,
        # which is one when no port stands before it. A long name with a digit and no colon is a key.
        r"(?<=://)(?:[^\s/@:\"'<>]{0,100}:(?:[^\s/\"'<>]{1,200}|(?!\d{1,5}[/?#])[^\s@\"'<>]{1,200})"
        r"|(?=[^\s/@]{0,200}\d)[A-Za-z0-9_.~-]{16,200})(?=@)",
    ),
    Shape("password in a URL", ("jdbc:oracle",), r"(?<=jdbc:oracle:thin:)[^\s/@]{1,100}/[^\s@]{1,200}(?=@)"),
    Shape(
        "password in an address",
        ("@",),
        r"(?<![\w.:@-])(?<!//)[\w.-]{1,60}:[^\s:@/\"'<>]{3,200}(?=@[\w.-]{1,200}:\d{2,5}(?!\w))",
    ),
    Shape("password in a URL", ("@tcp(", "@unix("), r"(?<![\w:/])(?:[\w.-]{1,100}:)?[^\s@/]{1,200}(?=@(?:tcp|unix)\()"),
    Shape(
        "credentials",
        ("earer ", "asic ", "EARER ", "ASIC "),
        r"\b(?i:bearer|basic)\s{1,5}(?P<secret>(?=[A-Za-z._~+/-]{0,200}[0-9=]|[A-Za-z]{0,200}[a-z][A-Z])[\w.~+/=-]{8,})",
    ),
    Shape(
        "cookies",
        ("ookie", "OOKIE"),
        r"\b(?i:(?:set-)?cookie)[\"']?\s{0,3}[:=]\s{0,3}[\"']?(?P<secret>[\w.$-]{1,60}=[^\n\"']{4,4000})",
    ),
    Shape(
        "password",
        ("password",),
        r"\blogin\s{1,5}\S{1,100}\s{1,5}password\s{1,5}(?P<secret>[^\s\[]\S{0,200})",  # .netrc
    ),
    Shape(
        "password",
        ("curl", "wget", "psexec", "mysql", "mariadb", "sshpass", "redis-cli", "ldap", "snmp"),
        r"\b(?:curl|wget)\s[^\n|;]{0,300}?(?:-u|--user)[\s=]{1,3}[\"']?[^\s:\"'\[]{1,100}:(?P<secret>[^\s\"']{1,200})"
        r"|\b(?:mysql\w*|mariadb\w*)(?=\s)[^\n|;]{0,300}?\s-p(?P<secret2>[^\s\-\[][^\s]{2,200})"
        r"|\b(?i:psexec)\w{0,2}(?=\s)[^\n]{0,300}?\s-p\s{1,3}(?P<secret6>[^\s\"'\[]{1,200})"
        r"|\bsshpass\s{1,5}-p\s{0,3}[\"']?(?P<secret3>[^\s\"'\[]{1,200})"
        r"|\bredis-cli(?=\s)[^\n|;]{0,300}?\s(?:-a|--pass)\s{1,3}[\"']?(?P<secret4>[^\s\"'\[]{1,200})"
        r"|\bldap\w{2,10}(?=\s)[^\n|;]{0,300}?\s-w\s{0,3}[\"']?(?P<secret5>[^\s\"'\[]{1,200})",
    ),
    Shape(
        "password",
        ("identified by", "IDENTIFIED BY", "Identified by"),
        r"(?i:identified\s{1,3}(?:with\s\w{1,40}\s{1,3})?by)\s{1,3}(?:password\s{1,3})?[\"'](?P<secret>[^\"'\[]{1,200})[\"']",
    ),
)


_LONG_KEY = (
    # Two digits apart, or one and a slash or plus: a long CamelCase name with a number in it is no key.
    r"(?<![A-Za-z0-9/+_.-])(?=[A-Za-z/+]{0,39}[0-9])(?=[a-z0-9/+]{0,39}[A-Z])(?=[A-Z0-9/+]{0,39}[a-z])"
    r"(?=[A-Za-z]{0,39}[/+]|[A-Za-z0-9]{0,39}[0-9][A-Za-z]{1,39}[0-9/+])"
    r"[A-Za-z0-9/+]{40}(?![A-Za-z0-9/+=_.-])"
)
"""An AWS secret access key, which has no prefix: 40 characters that mix digits and letters of both cases."""


_ISSUERS = Path(__file__).parent / "issuers.json"
"""The file of shapes from Kingfisher's rules (Apache License 2.0), written by `evals/redaction/issuers.py`."""


@cache
def _by_near() -> dict[str, list[Shape]]:
    """Return the shapes by the words that go with them (`Shape.near`, such as `ghp_`), in lower case.

    A shape with several words is listed under each.
    """
    near = defaultdict(list)
    issued = (Shape(what, tuple(words), pattern) for what, words, pattern in json.loads(_ISSUERS.read_text()))
    for shape in (*SHAPES, *issued):
        for word in shape.near:
            near[word.lower()].append(shape)
    return near


@cache
def _by_beginning() -> dict[str, list[tuple[int, str]]]:
    """Return the words that go with shapes (`Shape.near`) by their first three characters, as (position, word).

    The position is that of the word in `_by_near`: `ghp_` at position 7 gives `{"ghp": [(7, "ghp_")]}`. Words of fewer
    than three characters are listed under the empty text.
    """
    beginnings: dict[str, list[tuple[int, str]]] = {"": []}
    for place, word in enumerate(_by_near()):
        beginnings.setdefault(word[:3] if len(word) >= 3 else "", []).append((place, word))
    return beginnings


def _near_in(folded: str) -> list[str]:
    """Return the words that go with shapes (`Shape.near`) and occur in `folded`, a text in lower case.

    They are in the order of the shapes. Only words whose first and last three characters occur in the text are searched
    for, which is quicker than a search for every word.
    """
    beginnings = _by_beginning()
    threes = set(map("".join, zip(folded, folded[1:], folded[2:], strict=False)))
    words = [known for beginning in beginnings.keys() & threes for known in beginnings[beginning]]
    likely = [known for known in words if known[1][-3:] in threes]
    return [word for _, word in sorted(known for known in likely + beginnings[""] if known[1] in folded)]


@cache
def _compiled(pattern: str, *, anywhere: bool = False) -> re.Pattern[str]:
    if anywhere:
        pattern = pattern.removeprefix("^")
    return re.compile(_BORDER + pattern[1:] if pattern.startswith("^") else pattern, re.DOTALL | re.ASCII)


def found(text: str) -> Iterator[tuple[int, int, str]]:
    """Yield the places (start, end, kind) of secrets in a text, known by their shape. The places may overlap."""
    near = _by_near()
    for shape in dict.fromkeys(shape for word in _near_in(text.lower()) for shape in near[word]):
        pattern = _compiled(shape.pattern, anywhere=_UNMISTAKABLE.issuperset(shape.near))
        for match in pattern.finditer(text):
            begin, end = match.span(match.lastgroup or (1 if pattern.groups == 1 else 0))
            if begin >= 0:
                yield begin, end, shape.what
    if len(text) >= 40 and any(len(word) >= 40 for word in text.split()):
        for match in _compiled(_LONG_KEY).finditer(text):
            yield *match.span(), "AWS secret key"
