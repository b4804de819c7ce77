"""Secrets that are known by their shape: the prefixes and lengths that their issuers document.

 is compiled and searched for only if one of its `near` words is in the text: an honest alert costs a few dozen
substring searches, and no pattern is compiled at the start of a function. Every pattern has a bounded look-ahead and no
nested repetition, so its time is proportional to the text.
"""

import re
from collections.abc import Iterator
from functools import cache
from typing import NamedTuple


class Shape(NamedTuple):
    """A kind of secret: its pattern, and words of which one always occurs near it.

    Where the pattern has a group `secret`, only that is the secret.
    """

    what: str
    near: tuple[str, ...]
    pattern: str


_B = r"(?<![A-Za-z0-9_])"
"""Not inside of a longer word. (`\\b` sees no border between a hyphen and a letter.)"""

_PREFIXED: tuple[tuple[str, str, str], ...] = (
    # The kind, its beginning, the rest.
    ("GitHub token", r"gh[opsur]_", r"[A-Za-z0-9]{20,255}"),
    ("GitHub token", r"github_pat_", r"\w{20,255}"),
    ("GitLab token", r"gl(?:pat|dt|rt|ptt|cbt|soat|ft|imt|agent)-", r"[\w.-]{15,300}"),
    ("GitLab token", r"GR1348941", r"[\w-]{20}"),
    ("Slack token", r"xox[a-z](?:\.xox[a-z])?-", r"[A-Za-z0-9-]{8,255}"),
    ("Slack token", r"xapp-", r"[A-Za-z0-9-]{10,255}"),
    ("Stripe key", r"[srp]k_(?:live|test)_", r"[A-Za-z0-9]{10,255}"),
    ("Stripe key", r"whsec_", r"[A-Za-z0-9+/=]{16,100}"),
    ("SendGrid key", r"SG\.", r"[\w-]{16,64}\.[\w-]{16,64}"),
    ("Mailgun key", r"key-", r"[0-9a-f]{32}(?![0-9a-f])"),
    ("npm token", r"npm_", r"[A-Za-z0-9]{30,64}"),
    ("PyPI token", r"pypi-", r"AgE[\w-]{30,500}"),
    ("RubyGems key", r"rubygems_", r"[0-9a-f]{40,64}"),
    ("Docker token", r"dckr_(?:pat|oat)_", r"[\w-]{20,64}"),
    ("Google API key", r"AIza", r"[\w-]{30,64}"),
    ("Google OAuth token", r"ya29\.", r"[\w-]{20,1000}"),
    ("Google OAuth token", r"GOCSPX-", r"[\w-]{20,64}"),
    ("Google OAuth token", r"1//0", r"[\w-]{30,200}"),
    ("OpenAI or Anthropic key", r"sk-", r"(?:(?:proj|ant|svcacct|admin|or|lf)-[\w-]{16,255}|[A-Za-z0-9]{20,255})"),
    ("Hugging Face token", r"hf_", r"[A-Za-z0-9]{30,64}"),
    ("model API key", r"(?:gsk_|r8_|fw_|xai-)", r"[A-Za-z0-9]{24,128}"),
    ("model API key", r"(?:pplx-|nvapi-)", r"[A-Za-z0-9_-]{30,128}"),
    ("New Relic key", r"NR(?:AK|II|IQ|RA|JS|SP|BR)-", r"[A-Za-z0-9_-]{16,64}"),
    ("Grafana token", r"glsa_", r"[A-Za-z0-9]{32}_[0-9A-Fa-f]{8}"),
    ("Grafana token", r"glc_", r"[A-Za-z0-9+/_-]{20,500}={0,2}"),
    ("Grafana token", r"eyJrIjoi", r"[A-Za-z0-9+/_-]{20,500}={0,2}"),
    ("Vault token", r"hv[sbr]\.", r"[\w-]{20,400}"),
    ("DigitalOcean token", r"do[opr]_v1_", r"[0-9a-f]{40,64}"),
    ("Heroku key", r"HRKU-", r"[\w-]{30,80}"),
    ("Databricks token", r"dapi", r"[0-9a-f]{32}(?:-\d)?(?![0-9a-f])"),
    ("Atlassian token", r"AT(?:ATT3|CTT3|BB)", r"[\w=-]{20,300}"),
    ("Shopify token", r"shp(?:at|ss|ca|pa|ua)_", r"[0-9a-fA-F]{32}"),
    ("Square token", r"sq0[a-z]{3}-", r"[\w-]{20,64}"),
    ("PlanetScale token", r"pscale_(?:tkn|pw|oauth)_", r"[\w.-]{20,80}"),
    ("Postman key", r"PMAK-", r"[0-9a-f]{24}-[0-9a-f]{34}"),
    ("Sentry token", r"sntry[su]_", r"[A-Za-z0-9+/=_-]{30,400}"),
    ("API key", r"(?:lin_api_|figd_|nfp_|tskey-|pul-|CCIPAT_|dp\.(?:pt|st|sa|ct)\.|fo1_)", r"[\w-]{30,120}"),
    ("API key", r"(?:secret_|ntn_)", r"[A-Za-z0-9]{40,64}"),
    ("SonarQube token", r"sq[pua]_", r"[0-9a-f]{40}"),
    ("Artifactory key", r"(?:AKCp|cmVmdGtuO)", r"[A-Za-z0-9]{50,80}"),
    ("Dynatrace token", r"dt0[a-z]\d\d\.", r"[A-Z0-9]{20,30}\.[A-Z0-9]{40,80}"),
    ("age key", r"AGE-SECRET-KEY-1", r"[A-Z0-9]{50,64}"),
    ("Fly token", r"fm[12]_", r"[A-Za-z0-9+/=_,-]{40,800}"),
    ("PagerDuty key", r"u\+", r"[\w-]{18}(?![\w-])"),
    ("Datadog client token", r"pub", r"[0-9a-f]{32}(?![0-9a-f])"),
    ("Twilio key", r"SK", r"[0-9a-f]{32}(?![0-9a-f])"),
)

SHAPES: tuple[Shape, ...] = (
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
    Shape("JWT", ("eyJ",), rf"{_B}eyJ[\w-]{{8,}}\.[\w-]{{8,}}(?:\.[\w-]*)?"),
    Shape(
        "AWS access key", ("AKIA", "ASIA", "ABIA", "ACCA"), rf"{_B}(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{{16}}(?![A-Za-z0-9])"
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
    Shape("Mailchimp key", ("-us",), rf"{_B}[0-9a-f]{{32}}-us\d{{1,2}}(?!\w)"),
    Shape("Mailgun key", ("-",), rf"{_B}[0-9a-f]{{32}}-[0-9a-f]{{8}}-[0-9a-f]{{8}}(?![0-9a-f-])"),
    Shape("New Relic key", ("NRAL", "01xx"), r"(?<![0-9a-f])(?:[0-9a-f]{36}NRAL|[a-z]{2}01xx[0-9a-f]{32,36})(?!\w)"),
    Shape("Azure storage key", ("==",), r"(?<![A-Za-z0-9+/])[A-Za-z0-9+/]{86}==(?![A-Za-z0-9+/=])"),
    Shape("Azure client secret", ("Q~",), r"(?<![\w~.-])[\w~.-]{3}\dQ~[\w~.-]{31,34}(?![\w~.-])"),
    Shape("Vault token", ("s.",), r"(?<![\w.])s\.(?=[A-Za-z]{0,23}\d)(?=[a-z0-9]{0,23}[A-Z])[A-Za-z0-9]{24}(?![\w.])"),
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
        ("curl", "wget", "mysql", "mariadb", "sshpass", "redis-cli", "ldap", "snmp"),
        r"\b(?:curl|wget)\s[^\n|;]{0,300}?(?:-u|--user)[\s=]{1,3}[\"']?[^\s:\"'\[]{1,100}:(?P<secret>[^\s\"']{1,200})"
        r"|\b(?:mysql\w*|mariadb\w*)\s[^\n|;]{0,300}?\s-p(?P<secret2>[^\s\-\[][^\s]{2,200})"
        r"|\bsshpass\s{1,5}-p\s{0,3}[\"']?(?P<secret3>[^\s\"'\[]{1,200})"
        r"|\bredis-cli\s[^\n|;]{0,300}?\s(?:-a|--pass)\s{1,3}[\"']?(?P<secret4>[^\s\"'\[]{1,200})"
        r"|\bldap\w{2,10}\s[^\n|;]{0,300}?\s-w\s{0,3}[\"']?(?P<secret5>[^\s\"'\[]{1,200})",
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
"""An AWS secret access key has nothing but its length and its mixture."""


@cache
def _prefixed() -> tuple[re.Pattern[str], dict[str, str]]:
    """Compile all prefixes to one pattern; return it with the kind for each of its groups."""
    names = {f"p{number}": what for number, (what, _, _) in enumerate(_PREFIXED)}
    alternatives = (f"(?P<p{number}>{begin}{rest})" for number, (_, begin, rest) in enumerate(_PREFIXED))
    return re.compile(f"{_B}(?:{'|'.join(alternatives)})", re.ASCII), names


_MARKS = (
    *("ghp_", "gho_", "ghs_", "ghu_", "ghr_", "github_pat_", "gl", "GR1348941", "xox", "xapp-", "k_live_"),
    *("k_test_", "whsec_", "SG.", "key-", "npm_", "pypi-", "rubygems_", "dckr_", "AIza", "ya29.", "GOCSPX-"),
    *("1//0", "sk-", "hf_", "gsk_", "r8_", "pplx-", "xai-", "fw_", "nvapi-", "NRAK-", "NRII-", "NRIQ-", "NRRA-"),
    *("NRJS-", "NRSP-", "NRBR-", "eyJrIjoi", "hvs.", "hvb.", "hvr.", "_v1_", "HRKU-", "dapi", "ATATT3", "ATCTT3"),
    *("ATBB", "shp", "sq0", "pscale_", "PMAK-", "sntrys_", "sntryu_", "lin_api_", "figd_", "nfp_", "tskey-"),
    *("pul-", "CCIPAT_", "dp.", "fo1_", "secret_", "ntn_", "sqp_", "squ_", "sqa_", "AKCp", "cmVmdGtuO", "dt0"),
    *("AGE-SECRET-KEY-1", "fm1_", "fm2_", "u+", "pub", "SK"),
)
"""Substrings of which every prefixed secret contains one; a test compares the two lists."""


def found(text: str) -> Iterator[tuple[int, int, str]]:
    """Find secrets by their shape. The places found may overlap."""
    if len(text) >= 18 and any(mark in text for mark in _MARKS):
        pattern, names = _prefixed()
        for match in pattern.finditer(text):
            yield *match.span(), names[match.lastgroup or ""]
    for shape in SHAPES:
        if any(word in text for word in shape.near):
            for match in re.compile(shape.pattern, re.DOTALL | re.ASCII).finditer(text):
                yield *match.span(match.lastgroup or 0), shape.what
    if len(text) >= 40 and any(len(word) >= 40 for word in text.split()):
        for match in re.compile(_LONG_KEY).finditer(text):
            yield *match.span(), "AWS secret key"
