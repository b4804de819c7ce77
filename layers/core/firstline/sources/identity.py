"""The fingerprint of an alert, the group key of an incident and the name of a host, built alike for all sources.

Fingerprint and group key are made of values that the sender does not change between firing and resolved. The values
are not shortened before, as texts for people are.
"""

import re
from collections.abc import Iterable, Mapping
from hashlib import sha256
from typing import Any

from firstline.sources import meanings
from firstline.sources.meanings import Meant, Subject
from firstline.sources.values import exact

INSTANCE_ID = re.compile(r"m?i-[0-9a-f]{8,17}")
"""The id of an EC2 instance (`i-…`) or of a managed node of Systems Manager (`mi-…`)."""

_PRIVATE_DNS = re.compile(r"ip-\d{1,3}-\d{1,3}-\d{1,3}-\d{1,3}(\..*)?")
_SHORT_FINGERPRINT = re.compile(r"[0-9a-f]{16}")
_LOOPBACK = ("localhost", "127.", "0.0.0.0", "::1")  # noqa: S104 - compared with, never bound


def digest(*parts: str | None) -> str:
    """Return a short hash of the texts in this order: 20 hexadecimal digits. None counts as an empty text."""
    text = "\0".join([part or "" for part in parts])
    return sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:20]


def group_key(source: str, alert_name: str, subject: Subject, scope: str | None = None) -> str:
    """Return the group key of an alert; all hosts of a service with the same problem have the same group key.

    `scope` tells apart alerts of one name in different clusters, namespaces or organisations; None without one. The
    group key begins with `source`.
    """
    account, region, service, environment = subject
    return f"{source}:{digest(account, region, scope, alert_name, service, environment)}"


def alertmanager_fingerprint(labels: Mapping[str, Any], given: Any = None) -> str:
    """Return `given` if it is a fingerprint of 16 hexadecimal digits; otherwise compute Prometheus' from the labels.

    `given` is what the sender states as the fingerprint; None if it states none. Prometheus' fingerprint is FNV-1a 64
    over the sorted labels, each as `name 0xFF value 0xFF` (`LabelSet.Fingerprint` in prometheus/common).
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
    """Return the most specific name of the alert's host among its labels, or None.

    An instance id is preferred, then a private DNS name, an IP address, and any other host name. The result is shown
    to people; commands are sent to the host that the alert's `location` names.

    Parameters
    ----------
    meant
        The meanings of the labels, if the caller has looked them up already.
    """
    meant = meant if meant is not None else meanings.of(labels)
    ids = [value for value in meant.get("instance_id", ()) if INSTANCE_ID.fullmatch(value)]
    return _best_host([*ids, *meant.get("host", ()), *meant.get("node", ())])


def _best_host(candidates: Iterable[str]) -> str | None:
    """Return the most specific of several names of a host, or None if none of them names a host.

    An instance id is preferred, then a private DNS name, an IP address, and any other name; of equals, the first.
    """
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
    """Return the host in `host:port`, `[v6]:port`, a URL or a bare name; None for a loopback address or no host."""
    host = host_part(text)
    return None if is_loopback(host) else exact(host)


def is_loopback(host: str) -> bool:
    """Return True for a name or address by which each machine means itself."""
    return host.startswith(_LOOPBACK)


def host_part(text: str) -> str:
    """Return the part of `host:port`, `[v6]:port`, a URL or a bare name that names the host, as it was sent."""
    host = text
    if ":" in host:
        if "://" in host:
            host = host.split("://", 1)[1].split("/", 1)[0].rsplit("@", 1)[-1]
        if host.startswith("["):
            host = host[1:].split("]", 1)[0]
        elif host.count(":") == 1:
            host = host.split(":", 1)[0]
    return host.strip()
