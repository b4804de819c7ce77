"""Everything that an alert says of its machine and of where that is, so that planning can ask whether it agrees."""

import re
from collections.abc import Iterable

from firstline.models import Location
from firstline.sources import values
from firstline.sources.identity import INSTANCE_ID, bare_host
from firstline.sources.meanings import Meant, Subject

_INSTANCE_ARN = re.compile(
    rf"arn:aws[a-z-]*:(?:ec2|ssm):([a-z0-9-]+):(\d{{12}}):(?:managed-)?instance/({INSTANCE_ID.pattern})"
)
_SUBSCRIPTION = re.compile(r"/subscriptions/([0-9A-Fa-f-]{36})/.*", re.DOTALL)
"""A resource of Azure, whose account is the subscription."""

_ZONE = re.compile(r"[a-z]{2,}(-[a-z]+)+-?\d+[a-z0-9]*(-[a-z0-9]+)*")
"""A zone of AWS or of another cloud (`eu-west-1a`, `us-west-2-lax-1a`, `europe-west1-b`), but not `a` or `rack-7`."""


def locate(
    meant: Meant, subject: Subject, *, host: str | None = None, accounts: Iterable[str | None] = ()
) -> Location | None:
    """Return what an alert says of its machine, or None if it says nothing.

    In Kubernetes `instance` and `host` are the pod's that was scraped, so only the node and instance ids count there.

    Parameters
    ----------
    meant
        What all of the alert's labels mean, before any is left out.
    subject
        The alert's own account and region, which the sender may have said elsewhere.
    host
        A name that the sender gave elsewhere than in a label.
    accounts
        Further accounts that the alert is about.
    """
    hosts = _hosts(meant, host)
    arns = [arn for said in hosts if (arn := _INSTANCE_ARN.fullmatch(said))]
    azure = [said[1] for each in meant.get("instance_id", ()) if (said := _SUBSCRIPTION.fullmatch(each))]
    zones = [zone for zone in meant.get("zone", ()) if _ZONE.fullmatch(zone.strip().lower())]
    found = Location(
        hosts=_each_once([bare_host(_INSTANCE_ARN.sub(r"\3", said)) for said in hosts]),
        accounts=_each_once([subject.account, *meant.get("account", ()), *accounts, *(arn[2] for arn in arns), *azure]),
        regions=_each_once([subject.region, *meant.get("region", ()), *zones, *(arn[1] for arn in arns)]),
        networks=_each_once(meant.get("network", ())),
        pod=meant.first("pod"),
    )
    return found if found != _NOTHING else None


def _hosts(meant: Meant, host: str | None) -> list[str]:
    """Return the names, ids and ARNs of the machine, best first; in Kubernetes no name but the node's."""
    named = [host, *meant.get("host", ())]
    if meant.first("pod") or ("node" in meant and "namespace" in meant):
        named = [name for name in named if name and INSTANCE_ID.fullmatch(name)]
    ids = [
        said for said in meant.get("instance_id", ()) if INSTANCE_ID.fullmatch(said) or _INSTANCE_ARN.fullmatch(said)
    ]
    return [said for said in (*named, *meant.get("node", ()), *ids) if said]


def _each_once(said: Iterable[str | None]) -> list[str]:
    return list(dict.fromkeys(name for each in said if (name := values.name(each)) is not None))


_NOTHING = Location()
