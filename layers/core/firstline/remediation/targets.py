"""The choice of the machine that an alert is about, or the reason why there is none. Pure.

A command on the wrong machine is worse than no command. So everything that an alert says about its machine must agree,
and only whole names count: `web-1.example.org` is `web-1` only if the stack's HostDomains list `example.org`.
"""

import ipaddress
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, NamedTuple

from pydantic import AwareDatetime

from firstline.models import Frozen, Location
from firstline.sources.identity import INSTANCE_ID

_HOST = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,254}")
_DASHED_ADDRESS = re.compile(r"ip-([0-9]{1,3})-([0-9]{1,3})-([0-9]{1,3})-([0-9]{1,3})")
_ZONE_ID = re.compile(r"[a-z]{3,6}[0-9]-az[0-9]")
_EC2_DOMAIN = re.compile(r"ec2\.internal|([a-z0-9-]+)\.compute\.internal")
"""The domains of EC2's own host names: https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/ec2-instance-naming.html"""


class OwnAccount(NamedTuple):
    """The account and region that Firstline runs in."""

    account: str
    region: str


class Instance(Frozen):
    """A machine of this account and region. `name` is its Name tag, `network` its VPC, `started` its last start.

    `tagged` is true if the machine carries the stack's tag; only then are commands sent to it.
    """

    instance_id: str
    name: str = ""
    address: str | None = None
    network: str | None = None
    state: str = "running"
    started: AwareDatetime | None = None
    tagged: bool = True

    @property
    def shown(self) -> str:
        """The machine's name with its id, for people: `web-1 (i-0a1b2c3d)`."""
        return f"{self.name} ({self.instance_id})" if self.name else self.instance_id


class Hint(NamedTuple):
    """A host name in an alert (`said`) and what it may mean.

    `kind` says what `values` are: instance ids, addresses, or names (values of the tag Name). `region` is the
    region within EC2's own host names, such as `ip-10-0-0-1.eu-west-1.compute.internal`.
    """

    said: str
    kind: Literal["id", "address", "name", "ipv6", "unreadable"]
    values: tuple[str, ...] = ()
    region: str | None = None

    def fits(self, instance: Instance) -> bool:
        """Return True if the host name may mean this instance."""
        having = {"id": instance.instance_id, "address": instance.address, "name": instance.name}
        return having.get(self.kind) in self.values


def hints(location: Location, domains: Sequence[str]) -> list[Hint]:
    """Return a hint for each host name in an alert; with the domain `example.org`, `db.example.org` also fits `db`."""
    return [_hint(host, domains) for host in location.hosts]


def why_elsewhere(location: Location, here: OwnAccount) -> str | None:
    """Return the reason if an alert is about another account or region than the stack's; else None."""
    case = _Case(location, hints(location, ()), [], here)
    return _another_account(case) or _another_region(case)


def which(location: Location, found: Iterable[Instance], here: OwnAccount, domains: Sequence[str]) -> Instance | str:
    """Return the instance that an alert is about, or the reason (a text) why none can be chosen.

    Parameters
    ----------
    found
        All instances of the account and region that any of the alert's names may fit, with or without the stack's tag.
    domains
        The domains in which hosts of this account have their names (the stack's HostDomains).
    """
    case = _Case(location, hints(location, domains), list(found), here)
    refusal = next((reason for refuses in _REASONS if (reason := refuses(case))), None)
    return refusal or case.identified[0]


def _hint(said: str, domains: Sequence[str]) -> Hint:
    host = said.strip().removesuffix(".")
    if address := _address(host):
        return Hint(host, "ipv6" if address.version == 6 else "address", (str(address),))
    if not _HOST.fullmatch(host):
        return Hint(said, "unreadable")
    label, _, domain = host.partition(".")
    ec2 = _EC2_DOMAIN.fullmatch(domain.lower())
    region = ec2 and (ec2[1] or "us-east-1")
    # The longest domain counts: `eu.example.org` before `example.org`.
    mine = max((each for each in domains if host.lower().endswith(f".{each.lower()}")), key=len, default=None)
    short = label if ec2 else host[: -len(mine) - 1] if mine else host
    if INSTANCE_ID.fullmatch(short):
        return Hint(host, "id", (short,), region)
    if (dashed := _DASHED_ADDRESS.fullmatch(short)) and (address := _address(".".join(dashed.groups()))):
        return Hint(host, "address", (str(address),), region)
    return Hint(host, "name", (host, short) if mine else (host,), region)


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None


@dataclass(frozen=True)
class _Case:
    location: Location
    hints: list[Hint]
    found: list[Instance]
    here: OwnAccount

    def fitting(self, hint: Hint) -> list[Instance]:
        """Return the instances that a hint fits. If the alert names a VPC, an address fits only within that VPC."""
        networks = self.location.networks if hint.kind == "address" else []
        return [each for each in self.found if hint.fits(each) and (not networks or each.network in networks)]

    def proves(self, hint: Hint) -> bool:
        """Return True if a hint can identify a machine; a private address needs an account or VPC in the alert."""
        return hint.kind != "address" or bool(self.location.accounts or self.location.networks)

    @cached_property
    def identified(self) -> list[Instance]:
        """The instances that at least one hint identifies by itself, without duplicates."""
        alone = [fitting for hint in self.hints if self.proves(hint) and len(fitting := self.fitting(hint)) == 1]
        return list({only.instance_id: only for (only,) in alone}.values())


def _another_account(case: _Case) -> str | None:
    other = next((said for said in case.location.accounts if _digits(said) != case.here.account), None)
    return other and f"the alert is about account {other}, and this stack acts in account {case.here.account} only"


def _another_region(case: _Case) -> str | None:
    said = [*case.location.regions, *(hint.region for hint in case.hints if hint.region)]
    other = next((each for each in said if not _is_in(each, case.here.region)), None)
    return other and f"the alert is about region {other}, and this stack acts in region {case.here.region} only"


def _no_host(case: _Case) -> str | None:
    if case.hints:
        return None
    pod = case.location.pod
    return f"the alert is about the pod {pod} and does not name its node" if pod else "the alert names no host"


def _unreadable(case: _Case) -> str | None:
    for hint in case.hints:
        if hint.kind == "unreadable":
            return f"{hint.said[:100]!r} is not the name of a host"
        if hint.kind == "ipv6":
            return f"{hint.said} is an IPv6 address; instances are found by their private IPv4 address, id or name"
    return None


def _unknown(case: _Case) -> str | None:
    unknown = next((hint for hint in case.hints if not case.fitting(hint)), None)
    if unknown is None:
        return None
    if unknown.kind == "name" and len(unknown.values) == 1 and "." in unknown.said:
        return f"no instance has the Name tag {unknown.said!r}, and its domain is not among the stack's HostDomains"
    network = f" in {case.location.networks[0]}" if unknown.kind == "address" and case.location.networks else ""
    return f"{unknown.said!r} fits no instance of account {case.here.account} in {case.here.region}{network}"


def _shared(case: _Case) -> str | None:
    if case.identified:
        return None
    several = next((hint for hint in case.hints if len(case.fitting(hint)) > 1), None)
    return several and f"{several.said!r} fits several instances: {_names(case.fitting(several))}"


def _unproven(case: _Case) -> str | None:
    if case.identified:
        return None
    return (
        f"{case.hints[0].said!r} is a private address, and other networks have the same: the alert has to name its "
        "account, its VPC or the instance's id"
    )


def _disagreeing(case: _Case) -> str | None:
    instance = case.identified[0]
    other = next((hint for hint in case.hints if instance not in case.fitting(hint)), None)
    if other is None:
        return None
    first = next(hint for hint in case.hints if case.proves(hint) and case.fitting(hint) == [instance])
    fitting = _names(case.fitting(other))
    return f"the alert names two hosts: {first.said!r} is {instance.shown}, and {other.said!r} is {fitting}"


def _another_network(case: _Case) -> str | None:
    instance = case.identified[0]
    other = next((said for said in case.location.networks if said != instance.network), None)
    return other and f"the alert is about {other}, and {instance.shown} is in {instance.network or 'no VPC'}"


def _out_of_reach(case: _Case) -> str | None:
    instance = case.identified[0]
    if instance.state != "running":
        return f"{instance.shown} is {instance.state}"
    return None if instance.tagged else f"{instance.shown} does not carry the stack's tag, so it is left alone"


_REASONS: tuple[Callable[[_Case], str | None], ...] = (
    *(_another_account, _another_region, _no_host, _unreadable, _unknown, _shared, _unproven, _disagreeing),
    *(_another_network, _out_of_reach),
)
"""The checks that refuse a target, in the order in which they are tried."""


def _short_word(word: str) -> str:
    """Return the letters that stand for a region's word in the id of an availability zone.

    `southeast` gives `se`, as in `apse1-az2`; `central` gives `c`.
    """
    two = re.fullmatch("(north|south)(east|west)", word)
    return two[1][0] + two[2][0] if two else word[0]


def _names(instances: Sequence[Instance]) -> str:
    shown = ", ".join(instance.shown for instance in instances[:3])
    return f"{shown} and {len(instances) - 3} more" if len(instances) > 3 else shown


def _digits(account: str) -> str:
    """Return an account as twelve digits, without dashes (`1234-5678-9012`) and with leading zeros."""
    digits = account.replace("-", "")
    return digits.zfill(12) if digits.isdecimal() else account


def _is_in(said: str, region: str) -> bool:
    """Return True if a name is the region itself or one of its zones (`eu-west-1a`, `us-west-2-lax-1a`, `euw1-az3`)."""
    text = said.lower()
    if _ZONE_ID.fullmatch(text):
        # AWS shortens each word of the region: https://docs.aws.amazon.com/ram/latest/userguide/working-with-az-ids.html
        first, *words, number = region.split("-")
        return text.partition("-")[0] == first + "".join(map(_short_word, words)) + number
    rest = text.removeprefix(region)
    return text.startswith(region) and (rest == "" or rest.startswith("-") or (len(rest) == 1 and rest.isalpha()))
