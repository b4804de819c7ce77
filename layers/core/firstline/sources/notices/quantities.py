"""The words for quantities: `Queue length UP` says that more jobs wait, and not that a problem is over."""

import re

_WORDS = (
    # of machines and networks
    "cpu gpu ram vram mem memory heap swap disk inode iowait io iops bandwidth traffic throughput egress rtt ping "
    "temperature humidity pressure moisture power voltage current frequency speed rpm "
    # of time and rate
    "time duration age wait pause delay latency lag jitter drift skew offset interval staleness downtime "
    "qps rps tps fps rate ratio percentage percent pct total average avg mean median max min sec ms s mb gb "
    # of work that waits or fails
    "length depth queue backlog size volume level load usage used utilization utilisation consumption saturation "
    "contention congestion backpressure fragmentation concurrency parallelism occupancy capacity gap count number "
    "amount steal throttling bloat cardinality loss drop dropout miss retry retries error failure exception fault "
    "crash panic oom restart reboot eviction rejection timeout deadlock request complaint ticket call "
    "pending waiting stuck "
    # of reliability and money
    "burn budget quota score anomaly deviation variance probability severity apdex mttr ttfb noise risk exposure "
    "price cost spend bill revenue debt demand churn abandonment bounce refund chargeback unpaid overdue "
    # of attackers
    "attack fraud abuse spam phishing malware ddos intrusion injection"
)
_QUANTITIES = frozenset(_WORDS.split())
_MEASURED = re.compile(
    r"(?:\bp\d{2,4}(?:\.\d{1,3})?|\b[1-5]xx|(?:^|\s)(?:4[0-3]\d|451|499|5[0-3]\d))\W{0,4}$", re.IGNORECASE
)
"""A percentile, or a status code of HTTP, at the end of a text: `p99`, `5xx`, `HTTP 500`."""
_LAST_WORD = re.compile(r"([^\W_]{1,40})\W{0,4}$")
_JOINT = re.compile(r"(?<=[a-z])(?=[A-Z])|_")
"""The joints of a word that consists of two, such as `queueLength` and `queue_length`."""

_MAY_COUNT = re.compile(
    r"\b(?:[a-z]{2,}s|back(?:ed|ing)?|set|start|sign|log|scaled?|ramp|build|clean|spin|roll|slow|shut|warm|wind"
    r"|pil(?:ed|ing)|catch|hang|hung|lock(?:ed)?|fill(?:ed|ing)?|blow|wake|hold|follow|give|speed|line|in|out|byte)$",
    re.IGNORECASE,
)
"""A last word that ` UP` or ` DOWN` may only say more of: a plural (`errors`), a verb (`Warm`), or `bytes-in`."""
_OBJECT = re.compile(
    r"(?i:host|service|site|monitor|node|endpoint)[ \t][\w./:-]{0,99}\w/?"
    r"|https?://[^\W\d]+(?:[./-][^\W\d]+)*/?|[^\W\d]+(?:[.-][^\W\d]+)*"
)
"""The names of what is up or down: a word without a digit (`shop`), an address, a word after its kind (`Host a-1`)."""


def is_quantity(text: str) -> bool:
    """Return True if a text ends with the name of something that is counted or measured.

    Such are `Queue length`, `queueLength`, percentiles (`p99`), and status codes of HTTP (`HTTP 500`), of which
    there may be many.
    """
    last = _LAST_WORD.search(_JOINT.sub(" ", text.strip()))
    word = last[1].lower() if last else ""
    return not _QUANTITIES.isdisjoint((word, word.removesuffix("s"))) or _MEASURED.search(text) is not None


def may_count(text: str) -> bool:
    """Return True if the last word of a text is a quantity, a plural, a verb or the like: ` UP` may tell no state."""
    return is_quantity(text) or _MAY_COUNT.search(text) is not None


def can_be_up(text: str) -> bool:
    """Return True if a text names an object that is up or down, and cannot mean a quantity: `shop`, `Host web-1`.

    When in doubt, it is a quantity: an end that is missed leaves an incident open, and an alert that is missed pages
    nobody.
    """
    return _OBJECT.fullmatch(text) is not None and not may_count(text)
