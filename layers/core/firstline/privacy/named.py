"""The search for secrets by their names: `password=…`, `"api_key": "…"`, `token is …`, a label called `db_password`.

There are two kinds of names. A value called a password or an API key is a secret, unless it is a word about the
password ("password: expired"). A value called a token, a secret or a session may be the name of an object, as in
Kubernetes, so it is a secret only if it looks random.
"""

import base64
import re
from collections.abc import Iterator
from functools import cache

_SURE = (
    r"pass[ _-]?(?:word|wd|phrase|code)|passwd|pwd|passwort|kennwort|contrase[nñ]a|mot[ _-]?de[ _-]?passe|senha"
    r"|wachtwoord|l[oö]senord|(?<![A-Za-z])(?:has[lł]o|heslo|parola|[sş]ifre)|rediscli_auth"
    r"|пароль|密码|密碼|パスワード|비밀번호"
    r"|mnemonic|(?:seed|recovery)[ _-]?phrase|secret[ _-]?id"
    r"|(?<=[_./-])p(?:ass|w)(?![A-Za-z0-9])|(?<![A-Za-z])pass(?=[\"']?\s{0,3}=)"
    r"|(?<![A-Za-z0-9])pw(?=[\"']?\s{0,3}=|[\"']\s{0,3}:)"
    r"|(?:secret|access|account|api|app|application|private|signing|encryption|master|license|subscription"
    r"|instrumentation|shared[ _-]?access|secret[ _-]?access)[ _-]?key"
    r"|(?:client|consumer|app|shared|webhook|signing|totp|otp|mfa)[ _-]?(?:secret|seed)"
    r"|(?:auth|access|refresh|api|bot|security|bearer|personal|deploy|registration|join|(?<![a-z])id|app|service)"
    r"[ _-]?token|client[ _-]?key[ _-]?data|private[ _-]?key[ _-]?id"
    r"|x-amz-signature|x-goog-signature|authorization|otpauth"
)
_MAYBE = (
    r"secret|token|credentials?|sig(?:nature)?|auth|session(?:[ _-]?(?:id|key))?|j?sess(?:ion)?id|phpsessid"
    r"|(?:connect\.)?sid|csrf(?:[ _-]?token)?|xsrf-token|seed|nonce|otp|pin"
    r"|(?:routing|integration|service|ingest|write|consumer|dd|datadog)[ _-]?key|pat|bearer"
)
_GLUED = r"[A-Za-z0-9][_.-]key|(?-i:[a-z0-9](?:Key|Token|Secret|TOKEN|SECRET))"
"""Names that end in a word for a secret: `STRIPE_KEY`, `gitterToken`."""
_NO_SECRET_KEY = re.compile(
    r"(?:group|cache|incident|dedup(?:lication)?|idempotency|partition|primary|foreign|sort|hash|range|object|row|shard"
    r"|public|host|map|lookup|index|correlation|alias|aggregation|alert|monitor|cycle|tag|label|metric|series|unique"
    r"|lock|message|hot|bucket|s3|translation|resource|problem)[_-]?key",
    re.IGNORECASE,
)
"""Names that end in `key` but stand for an identifier and no secret: `primary_key`."""
_SCHEMES = (
    *("bearer", "basic", "token", "apikey", "digest", "oauth", "sso-key", "ssws", "hmac", "key", "geniekey", "splunk"),
)
"""The schemes with which an `Authorization` header may begin."""
# In `…:381904772516:secret:prod/db`, an ARN, `secret` is followed by a name, not by a secret.
_NAMES = rf"(?P<sure>{_SURE})|(?<![A-Za-z])(?<!\d:)(?P<maybe>{_MAYBE})(?![A-Za-z])|(?P<glued>{_GLUED})(?![A-Za-z])"


@cache
def _named() -> re.Pattern[str]:
    """Return the pattern of a secret's name with its value, `password=…`, compiled at the first call."""
    return re.compile(
        rf"(?:{_NAMES})"
        # The name may go on: `passwordValue`, `token_data`.
        r"(?:[ _-]?(?:value|data|string|plain|text|base))?"
        r"(?P<is>\\{0,15}[\"']?\s{0,3}(?::=|=>|[:=：])\s{0,16}|\s{1,3}(?:is|was)\s{1,3}|(?<=\w)>\s{0,3}"
        # "the API key 4f1c…": only what is as long as a key.
        r"|\s{1,3}(?=[\w+/=.~-]{20}))"
        r"(?P<value>\\{1,15}\"[^\"\\\n]{1,500}\\{1,15}\"|\"(?:[^\"\\\n]|\\.){1,500}\"|'[^'\n]{1,500}'"
        rf"|(?:(?:{'|'.join(_SCHEMES)})\s{{1,5}})?[\"']?[^\s\"'&;<>\\]{{1,500}})",
        re.IGNORECASE | re.ASCII,
    )


@cache
def _option() -> re.Pattern[str]:
    """Return the pattern of a command-line option with a secret, as `--password …` or `-token=…`."""
    return re.compile(
        r"(?<![\w-])--?(?:\w{1,20}-){0,3}(?:password|passwd|passphrase|pass|secret|token|api-?key|access-?key"
        r"|secret-?key)"
        r"(?:\s{1,3}|=)(?P<value>\"[^\"\n]{1,500}\"|'[^'\n]{1,500}'|[^\s\"'\-][^\s\"']{3,500})",
        re.IGNORECASE | re.ASCII,
    )


_WORDS = (
    *("pass", "pwd", "pw", "secret", "token", "key", "credential", "sig", "auth", "sess", "sid", "csrf", "xsrf"),
    *("seed", "nonce", "otp", "pin", "passe", "kennwort", "contrase", "senha", "pat", "bearer", "mnemonic", "phrase"),
    *("wachtwoord", "senord", "hasło", "haslo", "heslo", "parola", "ifre"),
    *("пароль", "密码", "密碼", "パスワード", "비밀번호"),
)
"""Parts of names; every name that this module recognises contains one of them, so a text without any is skipped."""


@cache
def _label() -> re.Pattern[str]:
    """Return the pattern of a label's name that ends in the name of a secret, as `db_password` does."""
    return re.compile(rf"(?:^|[^A-Za-z0-9]|(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z]))(?:{_NAMES})$", re.IGNORECASE | re.ASCII)


_PLACEHOLDER = re.compile(
    r"[*x•.#?_-]+|\d{1,3}|\$[{(].*|\$[A-Z_][A-Z0-9_]*|%[sdv(].*|[{<(\[].*"
    r"|(?:arn|vault|ssm|env|secretsmanager|file|ref|op)[:/].*",
    re.DOTALL,
)
"""A placeholder for a secret that was left out, or a reference to where the secret is stored."""
_SAID = (
    "true false null none nil undefined missing invalid expired required changed rejected incorrect wrong empty unset "
    "set reset disabled enabled not is was has must and or for in the a an on of to from by with redacted masked "
    "hidden removed secret password token string unknown failed failure denied yes no ok error bad mismatch blank "
    "default optional prompt ask stdin bearer basic digest apikey negotiate present absent valid revoked rotated "
    "rotation leaked found unavailable unauthorized forbidden file env vault expiring authentication authorization"
)
_ABOUT = frozenset(_SAID.split())
"""Words that may follow a password's name and are no passwords: `password: expired`."""


def found(text: str) -> Iterator[tuple[int, int, str]]:
    """Yield the places (start, end, kind) of values that are secrets by the names before them, as `password=…`."""
    folded = text.casefold()
    if len(folded) != len(text) or not any(word in folded for word in _WORDS):
        folded = text.lower()
        if not any(word in folded for word in _WORDS):
            return
    for match in _named().finditer(text):
        begin, end = _within_quotes(match)
        value = _bare(match["value"])
        quoted = match["value"][:1] in "\"'\\"
        spoken = not quoted and match["is"].strip() not in ("=", ":=", "=>", ">")
        if spoken and _is_prose(value, text, end):
            continue
        if match["glued"] and _NO_SECRET_KEY.search(text, max(0, match.start() - 20), match.end("glued")):
            continue
        if is_secret(value, sure=match["sure"] is not None and match["is"].strip() not in ("", "is", "was")):
            yield begin, end, "secret"
    for match in _option().finditer(text):
        if is_secret(_bare(match["value"]), sure=True):
            yield *_within_quotes(match), "secret"


def is_secret_label(name: str, value: str) -> bool:
    """Return True if `value` is a secret according to the name of its label or of its key in an object."""
    folded = name.lower()
    if not any(word in folded for word in _WORDS):
        return False
    match = _label().search(name.strip("\\\"' "))
    if match is None or (match["glued"] and _NO_SECRET_KEY.search(name)):
        return False
    return is_secret(value.strip("\\\"' {}[]"), sure=match["sure"] is not None)


def is_secret(value: str, *, sure: bool) -> bool:
    """Return True if a value is a secret.

    `sure` is True if the value's name says that it is a secret, as `password` does, and False if the name is only a
    hint, as `token` is; then only a value that looks random counts.
    """
    if not value or value.lower().strip(".,:;!()[]{}") in _ABOUT or _PLACEHOLDER.fullmatch(value):
        return False
    if sure:
        return (len(value) >= 3 and not value.startswith(("/", "~/", "./"))) or _looks_random(value)
    return _looks_random(value)


_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_MIXED = re.compile(r"(?=\w{0,200}[0-9])(?=\w{0,200}[a-z])(?=\w{0,200}[A-Z])")


def _looks_random(value: str) -> bool:
    """Return True if a value looks generated, and not chosen by a person: it mixes letters and digits in one piece."""
    if len(value) < 8 or " " in value.strip():
        return False
    if _UUID.fullmatch(value):
        return True
    pieces = re.split(r"[-_./:@,+=~|]", value)
    if any(len(piece) >= 8 and _MIXED.match(piece) for piece in pieces):
        return True
    piece = max(pieces, key=len)
    digit, lower, upper = (re.search(kind, piece) is not None for kind in ("[0-9]", "[a-z]", "[A-Z]"))
    # A long piece with digits and letters is random; a short one only if the letters are of both cases.
    both_cases = lower and upper
    if digit and (lower or upper) and len(piece) >= (6 if both_cases else 10):
        return True
    if re.search(r"[!$%^&*?#]", value) and (digit or upper):
        return True
    return both_cases and len(piece) >= 12 and ":" in _decoded(piece)


def _decoded(piece: str) -> str:
    """Decode base64 to ASCII text, as Docker and HTTP encode `user:password`; return an empty text for other input."""
    try:
        return base64.b64decode(piece + "=" * (-len(piece) % 4), validate=True).decode("ascii")
    except ValueError:  # no base64, or no ASCII
        return ""


def _bare(value: str) -> str:
    value = value.strip("\\\"' ")
    head, _, rest = value.partition(" ")
    return rest.strip() if rest and head.lower() in _SCHEMES else value


def _within_quotes(match: re.Match[str]) -> tuple[int, int]:
    begin, end = match.span("value")
    value = match["value"]
    return begin + len(value) - len(value.lstrip("\\\"'")), end - len(value) + len(value.rstrip("\\\"'"))


_NEXT_WORD = re.compile(r"[ \t]+[A-Za-z]")


def _is_prose(value: str, text: str, end: int) -> bool:
    """Return True if a value is a plain word that another word follows, as in "password: authentication failed".

    The value ends at the position `end` of `text`.
    """
    if value.endswith(":"):
        return value[:-1].isalpha()
    return value.isalpha() and value[1:].islower() and _NEXT_WORD.match(text, end) is not None
