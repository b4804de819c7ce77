"""Made-up secrets and personal data of many kinds. Each is put together when it is needed, so that no file has one.

All kinds have been seen in monitoring alerts: in a log line, in a connection string in a label, in the query of a link.
"""

import base64
import json
import random
import string
from collections.abc import Callable
from typing import NamedTuple

from firstline.text import strip_invisible

LOWER = string.ascii_lowercase + string.digits
HEX = "0123456789abcdef"
MIXED = string.ascii_letters + string.digits
UPPER = string.ascii_uppercase + string.digits
BASE64 = MIXED + "+/"

WINDOW = 8
"""The number of a secret's characters in a row that count as a leak; a shorter secret counts as a whole."""


class Seeded(NamedTuple):
    """A secret in the text of an alert."""

    kind: str
    text: str
    secret: str

    def leaks_into(self, text: str) -> bool:
        """Return True if a text has `WINDOW` (8) of the secret's characters in a row, or all of a shorter secret."""
        seen = strip_invisible(text)
        width = min(WINDOW, len(self.secret))
        return any(self.secret[at : at + width] in seen for at in range(len(self.secret) - width + 1))

    def written(self, text: str) -> "Seeded":
        """Return the same secret in another text, such as one in which it is encoded."""
        return self._replace(text=text)


class Dice:
    """A maker of random texts, which are the same for the same seed."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)  # noqa: S311 - nothing of this protects anything

    def of(self, alphabet: str, length: int) -> str:
        """Return a random text of an alphabet's characters.

        If the alphabet has only letters and digits, the text has at least one of each.
        """
        while True:
            text = "".join(self._random.choices(alphabet, k=length))
            if (any(c.isdigit() for c in text) and any(c.isalpha() for c in text)) or not alphabet.isalnum():
                return text

    def mixed(self, length: int) -> str:
        while True:
            text = self.of(MIXED, length)
            if any(c.islower() for c in text) and any(c.isupper() for c in text):
                return text

    def password(self) -> str:
        word = self._random.choice(("Tr0ub", "Winter", "hunter", "S3cure", "blue"))
        return f"{word}{self.mixed(5)}!{self.of('0123456789a', 3)}"

    def uuid(self) -> str:
        return "-".join(self.of(HEX, length) for length in (8, 4, 4, 4, 12))

    def digits(self, length: int) -> str:
        return "".join(self._random.choices("0123456789", k=length))


def _b64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def _jwt(d: Dice, claims: dict[str, str]) -> str:
    head = _b64('{"alg":"HS256","typ":"JWT"}').rstrip("=")
    return ".".join((head, _b64(json.dumps(claims)).rstrip("="), d.mixed(43)))


def _pem(d: Dice, what: str, lines: int = 6) -> tuple[str, str]:
    body = "\n".join(d.of(BASE64, 64) for _ in range(lines))
    return f"-----BEGIN {what}-----\n{body}\n-----END {what}-----", body.split("\n")[1]


def _card(d: Dice) -> str:
    digits = "4" + d.digits(14)
    total = sum(sum(divmod(int(digit) * (2 - number % 2), 10)) for number, digit in enumerate(digits))
    return digits + str(-total % 10)


def _iban(d: Dice) -> str:
    account = d.digits(18)
    check = 98 - int(account + "131400") % 97
    return f"DE{check:02}{account}"


def _grouped(number: str) -> str:
    return " ".join(number[at : at + 4] for at in range(0, len(number), 4))


type Made = str | tuple[str, str]
"""A made-up secret, alone or as a pair: the text around it, and the secret."""


def _in(text: str, make: Callable[[Dice], str]) -> Callable[[Dice], Made]:
    """Return a function that makes a secret with `make`, and returns a text with it, and the secret.

    The text is `text`, such as `app:<secret>@db-1`, with the secret in place of `<secret>`.
    """

    def both(d: Dice) -> Made:
        secret = make(d)
        return text.replace("<secret>", secret), secret

    return both


def _hex32(d: Dice) -> str:
    return d.of(HEX, 32)


def _service_account(d: Dice) -> Made:
    pem, secret = _pem(d, "PRIVATE" + " KEY")
    return json.dumps({"type": "service_account", "project_id": "shop", "private_key": pem}), secret


def _kubernetes_secret(d: Dice) -> Made:
    encoded = _b64(f"postgres://app:{d.password()}@db-1/shop")
    return json.dumps({"kind": "Secret", "data": {"DATABASE_URL": encoded}}), encoded


KINDS: dict[str, Callable[[Dice], Made]] = {
    "AWS access key id": lambda d: "AK" + "IA" + d.of(UPPER, 16),
    "AWS temporary key id": lambda d: "AS" + "IA" + d.of(UPPER, 16),
    "AWS secret access key": lambda d: d.mixed(18) + "/" + d.mixed(15) + "+9" + d.mixed(4),
    "AWS session token": lambda d: "IQoJb3" + "JpZ2lu" + d.mixed(180),
    "GitHub classic token": lambda d: "gh" + "p_" + d.mixed(36),
    "GitHub fine-grained token": lambda d: "github" + "_pat_" + d.mixed(22) + "_" + d.mixed(59),
    "GitHub app token": lambda d: "gh" + "s_" + d.mixed(36),
    "GitLab token": lambda d: "gl" + "pat-" + d.mixed(20),
    "Slack bot token": lambda d: "xo" + "xb-" + d.digits(12) + "-" + d.digits(12) + "-" + d.mixed(24),
    "Slack app token": lambda d: "xa" + "pp-1-A" + d.of(UPPER, 10) + "-" + d.digits(13) + "-" + d.of(HEX, 64),
    "Stripe live key": lambda d: "sk" + "_live_" + d.mixed(24),
    "Stripe webhook secret": lambda d: "wh" + "sec_" + d.mixed(32),
    "Twilio API key": lambda d: "S" + "K" + d.of(HEX, 32),
    "SendGrid key": lambda d: "S" + "G." + d.mixed(22) + "." + d.mixed(43),
    "Mailgun key": lambda d: "key" + "-" + d.of(HEX, 32),
    "npm token": lambda d: "np" + "m_" + d.mixed(36),
    "PyPI token": lambda d: "pypi" + "-AgE" + d.mixed(120),
    "Google API key": lambda d: "AI" + "za" + d.mixed(35),
    "Google OAuth token": lambda d: "ya" + "29.a0" + d.mixed(120),
    "Google client secret": lambda d: "GOC" + "SPX-" + d.mixed(28),
    "Azure storage key": lambda d: d.mixed(86) + "==",
    "Azure client secret": lambda d: d.mixed(3) + "8" + "Q~" + d.mixed(34),
    "OpenAI key": lambda d: "sk" + "-proj-" + d.mixed(48),
    "Anthropic key": lambda d: "sk" + "-ant-api03-" + d.mixed(60),
    "Hugging Face token": lambda d: "h" + "f_" + d.mixed(34),
    "PagerDuty key": lambda d: "u" + "+" + d.mixed(18),
    "New Relic user key": lambda d: "NR" + "AK-" + d.of(UPPER, 27),
    "New Relic licence key": lambda d: d.of(HEX, 36) + "NR" + "AL",
    "Grafana service account token": lambda d: "gl" + "sa_" + d.mixed(32) + "_" + d.of(HEX, 8),
    "Grafana cloud token": lambda d: "gl" + "c_" + d.mixed(60),
    "Vault token": lambda d: "hv" + "s." + d.mixed(90),
    "DigitalOcean token": lambda d: "do" + "p_v1_" + d.of(HEX, 64),
    "Databricks token": lambda d: "da" + "pi" + d.of(HEX, 32),
    "Discord bot token": lambda d: "M" + d.mixed(25) + "." + d.mixed(6) + "." + d.mixed(38),
    "JWT": lambda d: _jwt(d, {"sub": "1234567890", "name": "service"}),
    "Kubernetes service account token": lambda d: _jwt(d, {"iss": "kubernetes/serviceaccount", "sub": "system:serviceaccount:default:app"}),
    "bcrypt hash": lambda d: "$2y" + "$10$" + d.mixed(53),
    "Shopify token": lambda d: "shp" + "at_" + d.of(HEX, 32),
    "Docker token": lambda d: "dckr" + "_pat_" + d.mixed(27),
    "Terraform token": lambda d: d.mixed(14) + ".atlas" + "v1." + d.mixed(67),
    "Atlassian token": lambda d: "AT" + "ATT3x" + d.mixed(60) + "=" + d.of(UPPER, 8),
    "Slack webhook": _in("https://hooks.slack.com/services/T01A2B3C4D/B05E6F7G8H/<secret>", lambda d: d.mixed(24)),
    "Discord webhook": _in("https://discord.com/api/webhooks/104857600123456789/<secret>", lambda d: d.mixed(68)),
    "Telegram bot token": _in("bot 7123456789:A" + "A<secret> answers 401", lambda d: d.mixed(33)),
    "address without a scheme": _in("app:<secret>@db-1:5432 refused", lambda d: d.mixed(14)),
    "Twilio auth token": _in("account AC0f0f, auth_token=<secret>", _hex32),
    "Azure connection string": _in("DefaultEndpointsProtocol=https;AccountName=logs;AccountKey=<secret>;EndpointSuffix=core.windows.net", lambda d: d.mixed(86) + "=="),
    "Azure shared access signature": _in("https://logs.blob.core.windows.net/c?sv=2024-11-04&se=2026-12-01&sp=rl&sig=<secret>%3D", lambda d: d.mixed(43)),
    "Datadog API key": _in("DD_API_KEY=<secret>", _hex32),
    "Datadog application key": _in("dd-application-key: <secret>", lambda d: d.of(HEX, 40)),
    "PagerDuty routing key": _in('"routing_key": "<secret>"', _hex32),
    "Heroku API key": _in("HEROKU_API_KEY=<secret>", lambda d: d.uuid()),
    "basic auth in a URL": _in("GET https://admin:<secret>@registry.example.com/v2/ failed", Dice.password),
    "bearer token": _in("Authorization: Bearer <secret>", lambda d: d.mixed(40)),
    "basic authorization": _in("authorization: Basic <secret>", lambda d: _b64(f"admin:{d.password()}")),
    "session cookie": _in("Cookie: theme=dark; sessionid=<secret>; lang=en", lambda d: d.of(LOWER, 32)),
    "password in an assignment": _in("password=<secret>", Dice.password),
    "password in a sentence": _in("login failed, the password is <secret>", Dice.password),
    "password in JSON": _in(json.dumps({"user": "app", "password": "<secret>"}), Dice.password),
    "password in escaped JSON": _in(json.dumps(json.dumps({"user": "app", "password": "<secret>"})), Dice.password),
    "password in XML": _in("<user>app</user><password><secret></password>", Dice.password),
    "password in YAML": _in("db:\n  user: app\n  password: <secret>\n  port: 5432", Dice.password),
    "password as an option": _in("/usr/bin/backup --user app --password <secret> --all", Dice.password),
    "password of mysql": _in("mysql -h db-1 -u root -p<secret> shop", Dice.password),
    "password of sshpass": _in("sshpass -p <secret> ssh deploy@10.0.0.7", Dice.password),
    "password of curl": _in("curl -s -u deploy:<secret> https://ci.example.com/job", Dice.password),
    "PostgreSQL address": _in("postgres://app:<secret>@db-1.internal:5432/shop", Dice.password),
    "MongoDB address": _in("mongodb+srv://app:<secret>@cluster0.ab12c.mongodb.net/shop", Dice.password),
    "Redis address": _in("redis://:<secret>@cache-1:6379/0", Dice.password),
    "AMQP address": _in("amqps://worker:<secret>@mq-1:5671/orders", Dice.password),
    "JDBC address": _in("jdbc:sqlserver://db-1:1433;databaseName=shop;user=sa;password=<secret>;encrypt=true", Dice.password),
    "JDBC address of Oracle": _in("jdbc:oracle:thin:scott/<secret>@//db-1:1521/XE", Dice.password),
    "ODBC string": _in("Driver={ODBC Driver 18};Server=db-1;Uid=sa;Pwd=<secret>;", Dice.password),
    "Go's MySQL address": _in("app:<secret>@tcp(db-1:3306)/shop", Dice.password),
    ".netrc": _in("machine git.example.com login deploy password <secret>", Dice.password),
    "LDAP bind": _in("ldapsearch -x -D cn=admin -w <secret> -b dc=example", Dice.password),
    "SQL": _in("CREATE USER app IDENTIFIED BY '<secret>'", Dice.password),
    "kubeconfig": _in("users:\n- name: admin\n  user:\n    client-key-data: <secret>", lambda d: _b64(_pem(d, "RSA PRIVATE" + " KEY", 4)[0])),
    "Docker registry": _in(json.dumps({"auths": {"registry.example.com": {"auth": "<secret>"}}}), lambda d: _b64(f"deploy:{d.password()}")),
    "SSH passphrase": _in('passphrase: "<secret>"', Dice.password),
    "TOTP seed": _in("otpauth://totp/Example:ada?secret=<secret>&issuer=Example", lambda d: d.of("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", 32)),
    "client secret": _in("grant_type=client_credentials&client_id=web&client_secret=<secret>", lambda d: d.mixed(40)),
    "API key in a query": _in("https://api.example.com/v1/items?api_key=<secret>&page=2", lambda d: d.of(LOWER, 24)),
    "X-Api-Key": _in("X-Api-Key: <secret>", lambda d: d.mixed(32)),
    "signed URL": _in("https://b.s3.amazonaws.com/k?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Signature=<secret>", lambda d: d.of(HEX, 64)),
    "WireGuard key": _in("[Interface]\nPrivateKey = <secret>", lambda d: d.mixed(43) + "="),
    "htpasswd": _in("admin:$apr1$r31.....$<secret>", lambda d: d.mixed(22)),
    "shadow": _in("root:$6$rounds5000$saltsalt$<secret>:19000:0:99999:7:::", lambda d: d.mixed(86)),
    "Sentry DSN": _in("https://<secret>@o123456.ingest.sentry.io/4501", _hex32),
    "RSA private key": lambda d: _pem(d, "RSA PRIVATE" + " KEY"),
    "OpenSSH private key": lambda d: _pem(d, "OPENSSH PRIVATE" + " KEY"),
    "PGP private key": lambda d: _pem(d, "PGP PRIVATE" + " KEY BLOCK"),
    "Google service account": _service_account,
    "Kubernetes Secret": _kubernetes_secret,
}  # fmt: skip


PERSONAL: dict[str, Callable[[Dice], str]] = {
    "e-mail address": lambda d: f"ada.{d.of(LOWER, 6)}@{d.of(LOWER, 9)}.org",
    "phone number": lambda d: f"+49 30 {d.digits(4)} {d.digits(4)}",
    "phone number in one piece": lambda d: f"+447{d.digits(9)}",
    "United States phone number": lambda d: f"(415) 555-{d.digits(4)}",
    "card number": _card,
    "card number in groups": lambda d: _grouped(_card(d)),
    "bank account": _iban,
    "bank account in groups": lambda d: _grouped(_iban(d)),
    "social security number": lambda d: f"536-1{d.digits(1)}-1{d.digits(3)}",
}


def seeded(seed: int = 1) -> list[Seeded]:
    """Return one secret of each kind; another seed makes other secrets."""
    d = Dice(seed)
    return [_seeded(name, make(d)) for name, make in KINDS.items()]


def personal(seed: int = 1) -> list[Seeded]:
    """Return one piece of personal data of each kind; another seed makes others."""
    d = Dice(seed)
    return [_seeded(name, make(d)) for name, make in PERSONAL.items()]


def _seeded(name: str, made: Made) -> Seeded:
    text, secret = (made, made) if isinstance(made, str) else made
    return Seeded(name, text, secret)
