"""The location of an alert's machine: every host, account, region and network that the alert names for it.

The planning of a remediation refuses an alert that names another account or region than the stack's.
"""

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
"""The id of an Azure resource; its subscription counts as the account."""

_ZONE = re.compile(r"[a-z]{2,}(-[a-z]+)+-?\d+[a-z0-9]*(-[a-z0-9]+)*")
"""A zone of a cloud (`eu-west-1a`, `us-west-2-lax-1a`, `europe-west1-b`), but not a name such as `a` or `rack-7`."""


def locate(
    meant: Meant, subject: Subject, *, host: str | None = None, accounts: Iterable[str | None] = ()
) -> Location | None:
    """Return everything that an alert says about the location of its machine, or None if it says nothing.

    In Kubernetes, `instance` and `host` name the pod that was scraped, so there only nodes and instance ids count.

    Parameters
    ----------
    meant
        The meanings of all labels of the alert, including those that are not stored.
    subject
        The alert's account and region, which need not come from labels.
    host
        A name of the host that does not come from a label.
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
    """Return the names, ids and ARNs of the machine, best first; in Kubernetes only ids and the node's names."""
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
