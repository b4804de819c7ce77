"""The location of an alert's machine: every host, account, region and network that the alert names for it.

The planning of a remediation refuses an alert that names another account or region than the stack's.
"""

import re
from collections.abc import Iterable, Sequence

from firstline.models import Location
from firstline.sources import values
from firstline.sources.identity import INSTANCE_ID, host_part, is_loopback
from firstline.sources.meanings import Meant, Subject

_INSTANCE_ARN = re.compile(
    rf"arn:aws[a-z-]*:(?:ec2|ssm):([a-z0-9-]+):(\d{{12}}):(?:managed-)?instance/({INSTANCE_ID.pattern})"
)
_SUBSCRIPTION = re.compile(r"/subscriptions/([0-9A-Fa-f-]{36})/.*", re.DOTALL)
"""The id of an Azure resource; its subscription counts as the account."""

_ARN = re.compile(r"arn:aws[a-z-]*:([a-z0-9-]+):([a-z0-9-]*):(\d{12})?:.*", re.DOTALL)
_NOT_OF_THE_MACHINE = (
    "cloudwatch",
    "events",
    "iam",
    "kms",
    "logs",
    "s3",
    "secretsmanager",
    "sns",
    "sqs",
    "states",
    "sts",
)
"""Services whose ARN in a label says who watches, whom to ask or where to write to, but not where the machine is."""

_OTHER_CLOUDS = (
    "alibaba",
    "azure",
    "digitalocean",
    "gce",
    "gcp",
    "google",
    "hetzner",
    "ibm",
    "oci",
    "openstack",
    "oracle",
)

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
    clouds = [cloud for cloud in meant.get("provider", ()) if cloud.lower().startswith(_OTHER_CLOUDS)]
    zones = [zone for zone in meant.get("zone", ()) if _ZONE.fullmatch(zone.strip().lower())]
    place_accounts, place_regions = _of_places(meant.get("place", ()))
    found = Location(
        hosts=_each_once([_host(_INSTANCE_ARN.sub(r"\3", said)) for said in hosts]),
        accounts=_each_once(
            [
                *(subject.account, *meant.get("account", ()), *accounts, *(arn[2] for arn in arns), *azure),
                *(*place_accounts, *clouds),
            ]
        ),
        regions=_each_once(
            [subject.region, *meant.get("region", ()), *zones, *(arn[1] for arn in arns), *place_regions]
        ),
        networks=_each_once(meant.get("network", ())),
        pod=meant.first("pod"),
    )
    return found if found != _NOTHING else None


def _of_places(places: Sequence[str]) -> tuple[list[str | None], list[str]]:
    """Return the accounts and the regions in `places`: labels' values that are account numbers, regions or ARNs."""
    arns = [arn for place in places if (arn := _ARN.fullmatch(place)) and arn[1] not in _NOT_OF_THE_MACHINE]
    plain = [place for place in places if not place.startswith("arn:")]
    numbers = [place for place in plain if place[:1].isdecimal()]
    regions = [place for place in plain if place not in numbers]
    return [*(arn[3] for arn in arns), *numbers], [*(arn[2] for arn in arns), *regions]


def _hosts(meant: Meant, host: str | None) -> list[str]:
    """Return the names, ids and ARNs of the machine, best first; in Kubernetes only ids and the node's names.

    `host` is a name of the host that does not come from a label; None without one.
    """
    named = [host, *meant.get("host", ())]
    if meant.first("pod") or ("node" in meant and "namespace" in meant):
        named = [name for name in named if name and INSTANCE_ID.fullmatch(name)]
    ids = [
        said for said in meant.get("instance_id", ()) if INSTANCE_ID.fullmatch(said) or _INSTANCE_ARN.fullmatch(said)
    ]
    hosts = [said for said in (*named, *meant.get("node", ()), *ids) if said]
    # By itself, the other end of a probe is no host to act on; beside one it has to be the same.
    return [*hosts, *meant.get("target", ()), *meant.get("unread", ())] if any(map(_host, hosts)) else hosts


def _host(said: str) -> str | None:
    """Return the host in a name, address or URL; None for no host, a loopback address or a word such as `n/a`.

    A host that cannot be read is returned quoted and not left out, because it may mean another machine.
    """
    host = host_part(said)
    if not host or is_loopback(host) or values.names_nothing(host):
        return None
    return values.exact(host) or ascii(host)[:100]


def _each_once(said: Iterable[str | None]) -> list[str]:
    return list(dict.fromkeys(name for each in said if (name := values.name(each)) is not None))


_NOTHING = Location()
