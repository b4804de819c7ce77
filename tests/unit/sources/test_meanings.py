"""Tests of the meanings of labels: in any spelling, in any order, and among any number of other labels."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firstline.models import NormalizedAlert
from firstline.sources import meanings, normalize, values
from tests.support.depth import tries
from tests.unit.sources.events import RECEIVED_AT

SPELLINGS = [
    ("service.name", "service"),
    ("service_name", "service"),
    ("ServiceName", "service"),
    ("SERVICE", "service"),
    ("app.kubernetes.io-name", "service"),
    ("label_app_kubernetes_io_name", "service"),
    ("deployment.environment", "environment"),
    ("deployment.environment.name", "environment"),
    ("Environment", "environment"),
    ("cloud.region", "region"),
    ("aws-region", "region"),
    ("cloud.account.id", "account"),
    ("aws:account", "account"),
    ("k8s.cluster.name", "cluster"),
    ("kube_cluster_name", "cluster"),
    ("k8s.namespace.name", "namespace"),
    ("host.name", "host"),
    ("k8s.node.name", "node"),
    ("InstanceId", "instance_id"),
    ("host.id", "instance_id"),
    ("exported_instance", "host"),
    ("PrivateIpAddress", "host"),
    ("resource", "instance_id"),
    ("cloud.availability_zone", "zone"),
    ("vpc-id", "network"),
    ("k8s.pod.name", "pod"),
    ("Severity", "severity"),
    ("priority", "severity"),
    ("Level", "severity"),
    ("sev", "severity"),
    ("Importance.Level", "severity"),
    ("k8s.deployment.name", "service"),
    ("com.amazonaws.ecs.task-definition-family", "service"),
    ("aws.ecs.task.family", "service"),
    ("ecs_service", "service"),
    ("tags.datadoghq.com/service", "service"),
    ("dd.env", "environment"),
    ("ecs_cluster_name", "cluster"),
    ("CacheClusterId", "service"),
    ("alert_level", "severity"),
    ("kube_stateful_set", "service"),
    ("service.environment", "environment"),
    ("kubernetes.io/hostname", "node"),
    ("k8s-app", "service"),
    ("workload", "service"),
    ("app_env", "environment"),
    ("k8s_cluster", "cluster"),
    ("vm_name", "host"),
    ("opsgenie_priority", "severity"),
    ("resource.service.name", "service"),
    ("resource_attributes_deployment_environment", "environment"),
    ("label_team", "team"),
    ("dimension_QueueName", "service"),
    ("tag_Environment", "environment"),
    ("custom_tag_Team", "team"),
]


@pytest.mark.parametrize(("name", "meaning"), SPELLINGS)
def test_a_label_has_its_meaning_in_every_spelling(name: str, meaning: str) -> None:
    assert meanings.of({"colour": "ledger", name: "the value"}) == {meaning: ["the value"]}


@pytest.mark.parametrize("name", ["label_priority", "tag_severity", "label_alertname", "label", "resource", "tags"])
def test_a_label_with_a_prefix_is_neither_a_severity_nor_an_alert_name(name: str) -> None:
    # `resource` alone may name an instance.
    assert set(meanings.of({name: "high"})) <= {"instance_id"}


def test_a_label_with_a_prefix_comes_last_unless_the_table_lists_it_with_the_prefix() -> None:
    # The table lists `label_app` and not `tag_service`.
    meant = meanings.of({"label_app": "of the pod", "tag_service": "of the tag", "job": "of the scrape"})

    assert meant["service"] == ["of the pod", "of the scrape", "of the tag"]


def test_of_several_labels_with_one_meaning_the_table_decides_whatever_their_order() -> None:
    labels = {"job": "exporter", "App": "ledger", "level": "P4", "Severity": "P2", "severity": "P1", "stage": "prod"}

    for sent in (labels, dict(reversed(labels.items()))):
        meant = meanings.of(sent)
        assert (meant.first("service"), meant.first("severity"), meant.first("environment")) == ("ledger", "P1", "prod")


def test_exported_labels_of_the_target_count_before_those_of_the_scrape() -> None:
    labels = {"service": "kube-state-metrics", "namespace": "monitoring", "job": "ksm"}
    own = {"exported_service": "ledger", "exported_namespace": "bank"}

    meant = meanings.of(labels | own)

    assert [meant.first(name) for name in ("service", "namespace")] == ["ledger", "bank"]


def test_a_workload_is_the_service_if_no_label_names_a_service() -> None:
    workload = {"job": "otel-collector", "k8s.job.name": "sweep", "k8s.deployment.name": "ledger"}

    assert meanings.find(workload, "service") == "ledger"
    assert meanings.find(workload | {"service.name": "payments"}, "service") == "payments"


def test_the_job_of_an_exporter_is_no_service_beside_a_workload() -> None:
    assert meanings.find({"job": "kube-state-metrics", "deployment": "ledger"}, "service") == "ledger"


KSM = {
    "job": "kube-state-metrics",
    "service": "kps-kube-state-metrics",
    "instance": "10.244.1.7:8080",
    "pod": "kps-kube-state-metrics-5d9c8b7f4-x2k9q",
    "container": "kube-rbac-proxy-main",
}
KUBELET = {
    "job": "kubelet",
    "service": "kps-kubelet",
    "instance": "10.0.3.17:10250",
    "metrics_path": "/metrics/cadvisor",
}


@pytest.mark.parametrize(
    ("scrape", "own", "service"),
    [
        (KSM, {"deployment": "ledger", "namespace": "bank"}, "ledger"),
        (KSM, {"statefulset": "db"}, "db"),
        (KSM, {"daemonset": "agent"}, "agent"),
        (KSM, {"horizontalpodautoscaler": "ledger"}, "ledger"),
        (KSM, {"job_name": "sweep-28391040"}, "sweep"),
        (KSM, {"job_name": "sweep-once"}, "sweep-once"),
        (KSM, {"exported_pod": "ledger-6f7d4b9c8d-q2w5x", "exported_container": "main"}, "ledger"),
        (KSM, {"pod": "ledger-6f7d4b9c8d-q2w5x", "container": "main"}, "ledger"),
        (KSM, {"exported_service": "ledger", "deployment": "ledger-worker"}, "ledger"),
        (KSM, {"node": "ip-10-0-3-17"}, "kps-kube-state-metrics"),
        (KUBELET, {"pod": "db-0", "container": "postgres"}, "db"),
        (KUBELET, {"container": "postgres"}, "postgres"),
        (KUBELET, {"persistentvolumeclaim": "data-db-0"}, "data-db-0"),
        (KUBELET, {}, "kps-kubelet"),
        ({"job": "kubernetes-pods"}, {"pod": "fluent-bit-zx4wl"}, "fluent-bit"),
        ({"job": "integrations/kubernetes/kube-state-metrics"}, {"deployment": "ledger"}, "ledger"),
        ({"job": "otel-collector", "service_name": "otelcol-contrib"}, {"k8s_deployment_name": "ledger"}, "ledger"),
        ({"job": "envoy-stats"}, {"destination_service_name": "ledger", "reporter": "source"}, "ledger"),
        ({"job": "argo"}, {"rollout": "ledger"}, "ledger"),
        ({"job": "kubernetes-service-endpoints", "app": "kube-state-metrics"}, {"deployment": "ledger"}, "ledger"),
        (
            {"job": "monitoring/ledger", "service": "ledger"},
            {"deployment": "ledger-v2", "pod": "ledger-v2-0"},
            "ledger",
        ),
        ({"job": "invoice-exporter"}, {"pod": "invoice-exporter-0", "container": "app"}, "invoice-exporter"),
    ],
)
def test_a_job_that_measures_others_is_the_service_only_if_nothing_else_is_named(
    scrape: dict[str, str], own: dict[str, str], service: str
) -> None:
    assert meanings.find(scrape | own, "service") == service


@pytest.mark.parametrize(
    ("labels", "host"),
    [
        (KSM | {"deployment": "ledger"}, None),
        (KSM | {"exported_instance": "db-1"}, "db-1"),
        (KSM | {"node": "worker-7"}, "worker-7"),
        (KSM | {"node": "worker-1", "exported_node": "worker-7"}, "worker-7"),
        (KUBELET | {"pod": "db-0"}, "10.0.3.17"),
    ],
)
def test_the_address_of_kube_state_metrics_is_never_the_host(labels: dict[str, str], host: str | None) -> None:
    (alert,) = normalize("prometheus", alertmanager({"alertname": "Lag", **labels}))

    assert alert.host == host
    address_of_the_scrape = KSM["instance"].split(":")[0]
    assert address_of_the_scrape not in (alert.location.hosts if alert.location else [])


def test_alerts_of_pods_belong_to_one_incident_for_each_workload() -> None:
    pods = ("ledger-6f7d4b9c8d-q2w5x", "ledger-6f7d4b9c8d-zz4tl", "search-5c4d8f9b7-bq7lm")
    alerts = [
        normalize("prometheus", alertmanager({"alertname": "CrashLooping", **KSM, "namespace": "bank", "pod": pod}))[0]
        for pod in pods
    ]

    assert alerts[0].group_key == alerts[1].group_key != alerts[2].group_key


@pytest.mark.parametrize(
    ("label", "severity"),
    [
        ({"sev": 1}, "critical"),
        ({"SEV": "2"}, "high"),
        ({"sev": "7"}, "medium"),
        ({"severity": "1"}, "medium"),
        ({"sev": "P4"}, "low"),
    ],
)
def test_a_number_in_a_label_sev_is_a_severity_and_in_other_labels_it_is_not(
    label: dict[str, Any], severity: str
) -> None:
    (of_prometheus,) = normalize("prometheus", alertmanager({"alertname": "Lag"} | label))
    (of_another,) = normalize("generic", {"alert_name": "Lag", **label})

    assert (of_prometheus.severity, of_another.severity) == (severity, severity)


def test_a_label_without_a_value_means_nothing() -> None:
    labels: dict[str, Any] = {"severity": "", "priority": "\u200b", "level": "P1", "service": None, "app": ["ledger"]}

    assert meanings.of(labels) == {"severity": ["P1"]}


def test_no_name_in_the_table_has_two_meanings_and_all_are_written_in_letters() -> None:
    names = [name for row in meanings._NAMES.values() for name in row.split()]

    assert len(names) == len(set(names))
    assert names == [values.letters(name) for name in names]


def test_labels_with_a_meaning_are_kept_before_others_if_there_are_too_many() -> None:
    labels = {f"label_{number}": "x" for number in range(80)} | {"zone.severity": "x", "service.name": "ledger"}

    kept = meanings.kept(labels)

    assert len(kept) == 50
    assert kept["service.name"] == "ledger"
    assert "label_0" in kept
    assert "zone.severity" not in kept, "it only ends in a name with a meaning"


def alertmanager(labels: dict[str, str]) -> dict[str, Any]:
    return {"alerts": [{"status": "firing", "labels": labels, "fingerprint": "00000000c0ffee00"}]}


def datadog(labels: dict[str, str]) -> dict[str, Any]:
    tags = ",".join(f"{key}:{value}" for key, value in labels.items() if key != "alertname")
    return {"title": labels["alertname"], "alert_cycle_key": "42", "tags": tags}


def cloudwatch(labels: dict[str, str]) -> dict[str, Any]:
    dimensions = [{"name": key, "value": value} for key, value in labels.items()]
    arn = "arn:aws:cloudwatch:eu-west-1:210987654321:alarm:Lag"
    return {"AlarmName": "Lag", "AlarmArn": arn, "NewStateValue": "ALARM", "Trigger": {"Dimensions": dimensions}}


BODIES: dict[str, Callable[[dict[str, str]], dict[str, Any]]] = {
    "prometheus": alertmanager,
    "grafana": alertmanager,
    "datadog": datadog,
    "cloudwatch": cloudwatch,
    "generic": lambda labels: {"alert_name": labels["alertname"], "labels": labels, "fingerprint": "42"},
}
MEANT = {
    "alertname": "Lag",
    "priority": "P1",
    "cloud.account.id": "210987654321",
    "cloud.region": "eu-west-1",
    "service.name": "ledger",
    "deployment.environment.name": "production",
    "k8s.cluster.name": "blue",
    "k8s.namespace.name": "money",
    "host.name": "ledger-1",
}


def alert(source: str, labels: dict[str, str]) -> dict[str, Any]:
    """Return the fields of the alert with these labels, without the labels and the raw payload."""
    (read,) = normalize(source, BODIES[source](labels), received_at=RECEIVED_AT)
    assert NormalizedAlert.model_validate(read.model_dump()) == read
    return read.model_dump(exclude={"labels", "raw_payload"})


@pytest.mark.parametrize("source", BODIES)
def test_every_source_understands_the_label_names_of_opentelemetry(source: str) -> None:
    read = alert(source, MEANT)

    assert (read["service"], read["environment"], read["host"]) == ("ledger", "production", "ledger-1")
    assert (read["region"], read["account"]) == ("eu-west-1", "210987654321")
    # A dimension says which metric an alarm is about, not how bad it is.
    assert read["severity"] == ("medium" if source == "cloudwatch" else "critical")


others = st.dictionaries(
    st.text("abcdefghijklmnopqrstuvwxyzABCXYZ_./-0123456789", min_size=1, max_size=20).filter(
        lambda name: values.letters(name) not in meanings._PLACES and name != "__name__"
    ),
    st.text("abcdefghijklmnop0123456789. -", min_size=1, max_size=20).map(lambda value: f"v{value}v"),
    max_size=90,
)


@pytest.mark.parametrize("source", BODIES)
@given(others=others, seed=st.randoms(use_true_random=False))
@settings(max_examples=tries(60))
def test_labels_without_a_meaning_change_no_field_of_an_alert(source: str, others: dict[str, str], seed: Any) -> None:
    mixed = [*MEANT.items(), *others.items()]
    seed.shuffle(mixed)

    assert alert(source, dict(mixed)) == alert(source, MEANT)


@pytest.mark.parametrize("label", ["severity", "Severity", "priority", "level"])
def test_a_severity_in_the_annotations_counts_unless_a_label_states_one(label: str) -> None:
    body = alertmanager({"alertname": "Lag"})
    body["alerts"][0]["annotations"] = {label: "P2 - High", "summary": "It lags"}

    assert normalize("prometheus", body)[0].severity == "high"
    body["alerts"][0]["labels"]["severity"] = "low"
    assert normalize("prometheus", body)[0].severity == "low"


def test_alert_names_that_differ_after_the_stored_length_belong_to_two_incidents() -> None:
    first, second = (normalize("prometheus", alertmanager({"alertname": "x" * 600 + end}))[0] for end in "ab")

    assert first.alert_name == second.alert_name
    assert first.group_key != second.group_key


def test_a_host_that_is_too_long_is_left_out() -> None:
    assert normalize("prometheus", alertmanager({"alertname": "Lag", "host": "h" * 400}))[0].host is None


@pytest.mark.parametrize(
    ("labels", "service"),
    [
        ({"job": "blackbox", "instance": "https://shop.example.com/health"}, "shop.example.com"),
        ({"job": "prod/probe-http", "instance": "https://u:p@shop.example.com:8443"}, "shop.example.com"),
        ({"job": "blackbox", "instance": "https://shop.example.com", "service": "shop"}, "shop"),
        ({"job": "blackbox", "instance": "10.0.0.7:9115"}, "blackbox"),
        ({"job": "shop", "instance": "https://shop.example.com"}, "shop"),
    ],
)
def test_the_service_of_a_probe_is_the_site_that_it_looks_at(labels: dict[str, str], service: str) -> None:
    assert meanings.of(labels).first("service") == service
