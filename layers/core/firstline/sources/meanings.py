"""The meanings of labels, tags and dimensions (severity, service, host, …): one table of names for all sources.

A name is looked up by its letters and digits alone: `service.name`, `service_name` and `ServiceName` are one name. If
several labels have one meaning, the name that comes first in the table wins, in whatever order the sender wrote them.
All labels are read, also those that are too many to be stored.

OpenTelemetry's names: https://opentelemetry.io/docs/specs/semconv/resource/ and, for what replaces a service's name,
https://opentelemetry.io/docs/specs/semconv/non-normative/k8s-attributes/. Prometheus puts `exported_` before a label of
the target if the scrape adds a label of that name: https://prometheus.io/docs/prometheus/latest/configuration/configuration/
"""

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from firstline.sources import values
from firstline.sources.values import letters

_NAMES: dict[str, str] = {
    "alert_name": "alertname",
    "severity": (
        "severity priority level alertseverity alertpriority sev prio severitylevel criticality importance "
        "importancelevel urgency alertlevel severitytext severityname severitylabel incidentseverity incidentpriority "
        "opsgeniepriority pagerdutyseverity"
    ),
    "account": "account accountid awsaccount awsaccountid cloudaccountid subscriptionid",
    "region": "region awsregion cloudregion ec2region regionname",
    "service": (
        "exportedservice service servicename ddservice tagsdatadoghqcomservice svc microservice app appname "
        "application applicationname appkubernetesioname "
        # kube_pod_labels adds `label_` to the labels of a pod.
        "labelappkubernetesioname labelapp "
        # OpenTelemetry's order of what stands in for a missing `service.name`, and Datadog's names of the same.
        "k8sdeploymentname k8sstatefulsetname k8sdaemonsetname k8scronjobname k8sjobname "
        "kubedeployment kubestatefulset kubedaemonset kubecronjob "
        # The same of Amazon ECS, by its agent, OpenTelemetry and Datadog; of a function and of Compose.
        "ecsservice ecsservicename comamazonawsecsservicename awsecsservicename comamazonawsecstaskdefinitionfamily "
        "awsecstaskfamily taskfamily faasname comdockercomposeservice dockercomposeservice "
        # kube-state-metrics' own: its job is the exporter and not the thing.
        "deployment statefulset daemonset cronjob horizontalpodautoscaler jobname persistentvolumeclaim "
        # Argo's, and a service mesh's.
        "rollout destinationservicename destinationcanonicalservice destinationworkload "
        # Of the recorded rules for Kubernetes, of agents, and what a part of the whole is called.
        "workload workloadname kubernetesservicename kubernetesdeploymentname kubeservice k8sapp "
        "appkubernetesioinstance nomadjob component exportedjob job "
        # CloudWatch's dimensions name the resource of a managed service.
        "functionname apiname dbinstanceidentifier dbclusteridentifier queuename tablename loadbalancer "
        "autoscalinggroupname cacheclusterid replicationgroupid clusteridentifier streamname deliverystreamname "
        "filesystemid bucketname canaryname"
    ),
    "environment": (
        "environment env environmentname deploymentenvironmentname deploymentenvironment serviceenvironment ddenv "
        "tagsdatadoghqcomenv stage envname appenv deployenv deploymentenv environmenttype"
    ),
    "team": "team teamname owningteam ownerteam squad owner",
    "cluster": (
        "cluster clustername k8sclustername kubeclustername kubernetesclustername kubernetescluster "
        "ecscluster ecsclustername comamazonawsecscluster awsecsclusterarn k8scluster ekscluster clusterid"
    ),
    "namespace": (
        "exportednamespace namespace namespacename k8snamespacename kubenamespace kubernetesnamespace k8snamespace"
    ),
    "host": (
        "exportedinstance exportedhost exportedhostname instance host hostname server servername hostip privateip "
        "privateipaddress privatednsname fqdn hosthostname agenthostname machine vmname vm computer instancename"
    ),
    "node": "exportednode node kubenode kubernetesnode nodename k8snodename kubernetesiohostname nodeip",
    # These count only if the value is an instance's id or ARN: OpenTelemetry's `host.id` may be anything.
    "instance_id": (
        "instanceid ec2instanceid awsinstanceid awsec2instanceid dimensioninstanceid hostid cloudinstanceid "
        "instancearn resourceid resourcearn cloudresourceid resource arn"
    ),
    # The other end of a probe or a connection: `instance` is then the machine that looks, and not the one that fails.
    "target": (
        "target exportedtarget paramtarget probetarget snmptarget targethost targethostname monitoredhost remotehost "
        "desthost destinationhost dbhost databasehost mysqlhost postgreshost redishost mongodbhost dockerhost sysname "
        "hostalias hostaliases"
    ),
    "provider": "cloudprovider",
    "zone": (
        "zone availabilityzone az awsavailabilityzone cloudavailabilityzone topologykubernetesiozone "
        "failuredomainbetakubernetesiozone"
    ),
    "network": "vpcid vpc awsvpcid",
    "pod": "exportedpod pod podname k8spodname kubepodname kubernetespodname",
    "container": "exportedcontainer container containername k8scontainername kubecontainername kubernetescontainername",
}
_PLACES: dict[str, tuple[int, str]] = {
    name: (place, meaning) for meaning, names in _NAMES.items() for place, name in enumerate(names.split())
}


_AWS_PLACE = re.compile(
    r"arn:aws[a-z-]*:.+|(?:af|ap|ca|cn|eu|il|me|mx|sa|us)(?:-(?:gov|iso[a-z]?))?-(?:north|south|central)?(?:east|west)?-\d"
    r"(?:[a-z]|-[a-z]{3}-\d[a-z])?|[a-z]{2}g?(?:c|n|s|e|w|ne|nw|se|sw)\d-az\d",
    re.IGNORECASE,
)
"""An ARN, a region, a zone or a zone's id, which say where something is whatever the label's name is."""

_AWS_ACCOUNT = re.compile(r"\d{4}-?\d{4}-?\d{4}")

_PREFIX = re.compile("resource(?:attributes?)?|label|dimension|(?:custom)?tag")
"""The prefixes that collectors put before labels that they copy, as OpenTelemetry does before a resource's."""

_NOT_BEHIND_A_PREFIX = ("severity", "alert_name")
"""The meanings that a label with a prefix cannot have: a pod's label `priority` says nothing about the alert."""

_SCRAPED = re.compile(
    r"(?:.*[-_./])?(?:kube[-_]?state[-_]?metrics|kubelet|cadvisor|kube-rbac-proxy|otelcol|otel-collector)(?:[-_.].*)?|(?:.*[-_./])?ksm"
    r"|kubernetes-(?:pods|nodes|services?|endpoints|service-endpoints|apiservers)",
    re.IGNORECASE,
)
"""The scrape jobs that measure other services, such as kube-state-metrics; such a job is not the service that fails."""

_PROBES = re.compile(r"(?:.*[-_./])?(?:blackbox|probes?|synthetics?)(?:[-_.].*)?", re.IGNORECASE)
"""The scrape jobs that probe sites from outside; the service that fails is the site and not the probe."""

_SITE = re.compile(r"https?://(?:[^/@\s]*@)?([^/:?#\s]+)", re.IGNORECASE)

_NUMBERED = ("0", "1", "2", "3", "4", "5")

_STATE_METRICS = re.compile(r"(?:.*[-_./])?(?:kube[-_]?state[-_]?metrics(?:[-_.].*)?|ksm)", re.IGNORECASE)
"""The names of kube-state-metrics, whose own address says nothing about the host that an alert is about."""

_RANDOM = "[bcdfghjklmnpqrstvwxz2456789]"
_OF_POD = re.compile(rf"(?:-{_RANDOM}{{6,10}})?-{_RANDOM}{{5}}|-\d{{1,4}}")
"""The random end of a pod's name after the workload's name. Kubernetes uses no vowels in it."""

_OF_RUN = re.compile(r"-[23]\d{7}")
"""The end of the name of a CronJob's run: the time in minutes since 1970."""


class Subject(NamedTuple):
    """The account, region, service and environment that an alert is about, as far as they are known."""

    account: str | None = None
    region: str | None = None
    service: str | None = None
    environment: str | None = None


class Meant(dict[str, list[str]]):
    """The values of an alert's labels as they were sent, in a list for each meaning: `{"host": ["web-1"]}`.

    In a list, the value whose label comes first in this module's table of names comes first.
    """

    def first(self, meaning: str) -> str | None:
        """Return the first value of a meaning such as `host`, as one short printable line, or None.

        If no label names the service, a pod or container may stand in for it.
        """
        if meaning == "service":
            return self._service()
        return values.name(self[meaning][0]) if meaning in self else None

    def and_also(self, *others: "Meant") -> "Meant":
        """Return a new `Meant` with the values of this one, followed by those of the others."""
        both = Meant({meaning: list(said) for meaning, said in self.items()})
        for other in others:
            for meaning, said in other.items():
                both.setdefault(meaning, []).extend(said)
        return both

    def _service(self) -> str | None:
        """Return the service, or the workload, pod or container that stands in for a missing service.

        A scrape job that measures other services, such as kube-state-metrics, counts only if the labels name nothing
        else.
        """
        pods, containers = self.get("pod", []), self.get("container", [])
        own = [_without(_OF_RUN, name) for name in self.get("service", ())] + [_without(_OF_POD, pod) for pod in pods]
        if not any(map(_SCRAPED.fullmatch, pods)):
            own += containers
        named = next((name for name in own if not _SCRAPED.fullmatch(name)), own[0] if "service" in self else None)
        if named is not None and _PROBES.fullmatch(named):
            sites = (_SITE.match(host) for host in self.get("host", ()))
            named = next((site[1] for site in sites if site), named)
        return values.name(named)

    @property
    def subject(self) -> Subject:
        """The account, region, service and environment that the labels name."""
        return Subject(*[self.first(meaning) for meaning in Subject._fields])

    @property
    def scope(self) -> str:
        """The text `cluster/namespace`, which tells apart alerts of one name; `/` without either."""
        return f"{self.first('cluster') or ''}/{self.first('namespace') or ''}"


def of(labels: Mapping[str, Any]) -> Meant:
    """Return the values of labels by meaning; skip empty values, placeholders, unfilled templates, lists, objects.

    Two meanings do not come from the labels' names alone. `place` has the values of all labels that look like an ARN, a
    region, a zone or an account's number. `unread` names each label for a host, region or the like whose value was
    skipped because it is a list or an object.
    """
    # Of two spellings with the same letters the one in lower case counts.
    found = [(place, key.swapcase(), key) for key in labels if (place := _place(key)) is not None]
    meant = Meant()
    for (_, meaning), _, key in sorted(found):
        if meaning in _WHERE and labels[key] and isinstance(labels[key], list | dict):
            meant.setdefault("unread", []).append(f"{key} without a text")
        # `none` and `unknown` are words for a severity.
        says_nothing = values.has_template if meaning == "severity" else values.names_nothing
        if values.name(labels[key]) is not None and not says_nothing(labels[key]):
            said = values.scalar(labels[key]) or ""
            # The name says which scale: `sev: 1` is a Sev-1, and a `severity: 1` may be the worst or the least.
            graded = letters(key) == "sev" and said.strip() in _NUMBERED
            meant.setdefault(meaning, []).append(f"sev{said.strip()}" if graded else said)
    if places := [value.strip() for key, value in labels.items() if type(value) is str and _is_place(key, value)]:
        meant["place"] = places
    if "host" in meant and any(map(_STATE_METRICS.fullmatch, (*meant.get("service", ()), *meant.get("pod", ())))):
        _leave_out_the_scrape(meant, labels)
    return meant


_WHERE = ("account", "region", "host", "instance_id", "node", "network", "zone")


def _is_place(key: str, value: str) -> bool:
    """Return True if a label's value is an ARN, a region, a zone, or an account's number under a name that says so."""
    said = value.strip()
    if "-" not in said and not said.isdecimal():
        return False
    if _AWS_ACCOUNT.fullmatch(said):
        name = letters(key)
        return "account" in name or "owner" in name
    return _AWS_PLACE.fullmatch(said) is not None


def _leave_out_the_scrape(meant: Meant, labels: Mapping[str, Any]) -> None:
    scraped = {values.scalar(value) for key, value in labels.items() if letters(key) == "instance"}
    meant["host"] = [host for host in meant["host"] if host not in scraped]
    if not meant["host"]:
        del meant["host"]


def _without(end: re.Pattern[str], name: str) -> str:
    """Return a name without the ending that the pattern matches; the whole name if nothing else would be left."""
    found = re.search(rf"(?:{end.pattern})$", name)
    return name[: found.start()] or name if found else name


def find(labels: Mapping[str, Any], meaning: str) -> str | None:
    """Return the value of the label that has a meaning such as `host`, as one short printable line, or None.

    If several labels have the meaning, the label that comes first in the table of names counts.
    """
    return of(labels).first(meaning)


def kept(labels: Any) -> dict[str, str]:
    """Return labels as printable texts of limited length and number; values that are lists or objects are left out.

    If there are too many, labels that have a meaning, such as `instance` (host), are kept before others.
    """
    if type(labels) is dict and len(labels) > values.LABEL_LIMIT:
        labels = dict(sorted(labels.items(), key=lambda label: _place(label[0]) is None))
    return values.labels(labels)


def meaning_of(name: str) -> str | None:
    """Return the meaning of a label's name (`host` for `instance`), or None if the name has no meaning."""
    place = _place(name)
    return place[1] if place is not None else None


def _place(name: str) -> tuple[int, str] | None:
    if len(name) > values.LABEL_NAME_LIMIT:
        return None
    own = letters(name)
    place = _PLACES.get(own)
    if place is None and (prefix := _PREFIX.match(own)) is not None:
        carried = _PLACES.get(own[prefix.end() :])
        if carried is not None and carried[1] not in _NOT_BEHIND_A_PREFIX:
            return carried[0] + len(_PLACES), carried[1]
    return place
