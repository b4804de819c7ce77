"""The meanings of labels: in any spelling, in any order, among any number of other labels."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firstline.models import NormalizedAlert
from firstline.sources import meanings, normalize
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
]


@pytest.mark.parametrize(("name", "meaning"), SPELLINGS)
def test_a_name_in_another_spelling(name: str, meaning: str) -> None:
    assert meanings.of({"team": "ledger", name: "the value"}) == {meaning: ["the value"]}


def test_the_table_decides_which_of_two_labels_counts() -> None:
    labels = {"job": "exporter", "App": "ledger", "level": "P4", "Severity": "P2", "severity": "P1", "stage": "prod"}

    for sent in (labels, dict(reversed(labels.items()))):
        meant = meanings.of(sent)
        assert (meant.first("service"), meant.first("severity"), meant.first("environment")) == ("ledger", "P1", "prod")


def test_the_labels_of_the_thing_go_before_those_of_its_scrape() -> None:
    labels = {"service": "kube-state-metrics", "namespace": "monitoring", "job": "ksm"}
    own = {"exported_service": "ledger", "exported_namespace": "bank"}

    meant = meanings.of(labels | own)

    assert [meant.first(name) for name in ("service", "namespace")] == ["ledger", "bank"]


def test_a_workload_stands_in_for_a_service() -> None:
    workload = {"job": "otel-collector", "k8s.job.name": "sweep", "k8s.deployment.name": "ledger"}

    assert meanings.find(workload, "service") == "ledger"
    assert meanings.find(workload | {"service.name": "payments"}, "service") == "payments"


def test_the_exporter_of_a_workload_is_no_service() -> None:
    assert meanings.find({"job": "kube-state-metrics", "deployment": "ledger"}, "service") == "ledger"


def test_a_label_without_a_value_means_nothing() -> None:
    labels: dict[str, Any] = {"severity": "", "priority": "\u200b", "level": "P1", "service": None, "app": ["ledger"]}

    assert meanings.of(labels) == {"severity": ["P1"]}


def test_no_name_has_two_meanings() -> None:
    names = [name for row in meanings._NAMES.values() for name in row.split()]

    assert len(names) == len(set(names))
    assert names == [meanings.letters(name) for name in names]


def test_labels_with_a_meaning_are_not_cut_off() -> None:
    labels = {f"label_{number}": "x" for number in range(80)} | {"zone.severity": "x", "service.name": "ledger"}

    kept = meanings.kept(labels)

    assert len(kept) == 50
    assert kept["service.name"] == "ledger"
    assert "label_0" in kept


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
    """What one alert says, without the labels and the body themselves."""
    (one,) = normalize(source, BODIES[source](labels), received_at=RECEIVED_AT)
    assert NormalizedAlert.model_validate(one.model_dump()) == one
    return one.model_dump(exclude={"labels", "raw_payload"})


@pytest.mark.parametrize("source", BODIES)
def test_every_source_reads_opentelemetrys_names(source: str) -> None:
    one = alert(source, MEANT)

    assert (one["service"], one["environment"], one["host"]) == ("ledger", "production", "ledger-1")
    assert (one["region"], one["account"]) == ("eu-west-1", "210987654321")
    # A dimension says which metric an alarm is about, not how bad it is.
    assert one["severity"] == ("medium" if source == "cloudwatch" else "critical")


others = st.dictionaries(
    st.text("abcdefghijklmnopqrstuvwxyzABCXYZ_./-0123456789", min_size=1, max_size=20).filter(
        lambda name: meanings.letters(name) not in meanings._PLACES
    ),
    st.text("abcdefghijklmnop0123456789. -", min_size=1, max_size=20).map(lambda value: f"v{value}v"),
    max_size=90,
)


@pytest.mark.parametrize("source", BODIES)
@given(others=others, seed=st.randoms(use_true_random=False))
@settings(max_examples=tries(60), deadline=None)
def test_labels_of_other_meanings_change_no_field(source: str, others: dict[str, str], seed: Any) -> None:
    mixed = [*MEANT.items(), *others.items()]
    seed.shuffle(mixed)

    assert alert(source, dict(mixed)) == alert(source, MEANT)


@pytest.mark.parametrize("label", ["severity", "Severity", "priority", "level"])
def test_a_severity_in_the_annotations(label: str) -> None:
    body = alertmanager({"alertname": "Lag"})
    body["alerts"][0]["annotations"] = {label: "P2 - High", "summary": "It lags"}

    assert normalize("prometheus", body)[0].severity == "high"
    body["alerts"][0]["labels"]["severity"] = "low"
    assert normalize("prometheus", body)[0].severity == "low"


def test_names_of_alerts_that_differ_beyond_what_is_kept_are_two_incidents() -> None:
    first, second = (normalize("prometheus", alertmanager({"alertname": "x" * 600 + end}))[0] for end in "ab")

    assert first.alert_name == second.alert_name
    assert first.group_key != second.group_key


def test_a_host_too_long_to_be_one_is_none() -> None:
    assert normalize("prometheus", alertmanager({"alertname": "Lag", "host": "h" * 400}))[0].host is None
