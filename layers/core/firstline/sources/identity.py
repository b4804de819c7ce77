"""The identities of an alert, an incident and a host, which every source builds in the same way.

A fingerprint names an alert and a group key an incident. Both are made of values that the sender does not change
between firing and resolved, as they were sent (the texts for people may be cut short, identities are not).
"""

import re
from collections.abc import Iterable, Mapping
from hashlib import sha256
from typing import Any

from firstline.sources import meanings
from firstline.sources.meanings import Meant, Subject
from firstline.sources.values import exact

INSTANCE_ID = re.compile(r"m?i-[0-9a-f]{8,17}")
"""An EC2 instance or a managed node, to be matched as a whole."""

_PRIVATE_DNS = re.compile(r"ip-\d{1,3}-\d{1,3}-\d{1,3}-\d{1,3}(\..*)?")
_SHORT_FINGERPRINT = re.compile(r"[0-9a-f]{16}")
_LOOPBACK = ("localhost", "127.", "0.0.0.0", "::1")  # noqa: S104 - compared with, never bound


def digest(*parts: str | None) -> str:
    """Return a short stable name for a tuple of texts: 20 hexadecimal digits."""
    text = "\0".join([part or "" for part in parts])
    return sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:20]


def group_key(source: str, alert_name: str, subject: Subject, scope: str | None = None) -> str:
    """Name the incident that an alert belongs to: the same problem of the same service, on however many hosts.

    `scope` keeps two problems of one name in this source apart: a cluster, a namespace, an organisation.
    """
    account, region, service, environment = subject
    return f"{source}:{digest(account, region, scope, alert_name, service, environment)}"


def alertmanager_fingerprint(labels: Mapping[str, Any], given: Any = None) -> str:
    """Return the sender's fingerprint, or compute it as Prometheus does: FNV-1a 64 over the sorted labels.

    Source: `LabelSet.Fingerprint` of prometheus/common; each label adds `name 0xFF value 0xFF`.
    """
    if type(given) is str and _SHORT_FINGERPRINT.fullmatch(given):
        return given
    value = 14695981039346656037
    for name in sorted(labels):
        for text in (name, str(labels[name])):
            for byte in text.encode("utf-8", "surrogatepass"):
                value = (value ^ byte) * 1099511628211 & 0xFFFFFFFFFFFFFFFF
            value = (value ^ 0xFF) * 1099511628211 & 0xFFFFFFFFFFFFFFFF
    return f"{value:016x}"


def host_hint(labels: Mapping[str, Any], meant: Meant | None = None) -> str | None:
    """Return the best hint in the labels for the machine that the alert is about, or None.

    In this order: an instance id · a private DNS name · an address · a host name, each from a label that means the
    host. It is for people: where a command goes is decided by everything in the alert's `location`.

    Parameters
    ----------
    meant
        What the labels mean, if the caller knows it already.
    """
    meant = meant if meant is not None else meanings.of(labels)
    ids = [value for value in meant.get("instance_id", ()) if INSTANCE_ID.fullmatch(value)]
    return best_host([*ids, *meant.get("host", ()), *meant.get("node", ())])


def best_host(candidates: Iterable[str]) -> str | None:
    """Return the most specific of several names of a host; the earlier one where two are equal."""
    best, best_rank = None, 4
    for candidate in candidates:
        host = bare_host(candidate)
        if host is None:
            continue
        if host.startswith(("i-", "mi-")) and INSTANCE_ID.fullmatch(host):
            return host
        if host.startswith("ip-") and _PRIVATE_DNS.fullmatch(host):
            rank = 1
        elif host[0].isdigit() and host.replace(".", "").isdecimal():
            rank = 2
        else:
            rank = 3
        if rank < best_rank:
            best, best_rank = host, rank
    return best


def bare_host(text: str) -> str | None:
    """Return the host of `host:port`, `[v6]:port`, a URL or a bare name; None if it has none or it is the loopback."""
    host = text
    if ":" in host:
        if "://" in host:
            host = host.split("://", 1)[1].split("/", 1)[0].rsplit("@", 1)[-1]
        if host.startswith("["):
            host = host[1:].split("]", 1)[0]
        elif host.count(":") == 1:
            host = host.split(":", 1)[0]
    host = host.strip()
    if host.startswith(_LOOPBACK):
        return None
    return exact(host)
