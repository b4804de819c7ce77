"""Tests of the match of shipped runbooks with public alert rules: which alert finds which runbook, and which none."""

import csv
import re

import pytest

from firstline.runbooks.catalogue import Catalogue
from firstline.runbooks.examples import ExampleAlert
from firstline.runbooks.match import offered
from tests.support import needs

FOUND = {
    "low-disk": "NodeFilesystemAlmostOutOfSpace NodeFilesystemSpaceFillingUp HostOutOfDiskSpace DiskSpaceLow"
    " LowDiskSpace",
    "low-inodes": "NodeFilesystemFilesFillingUp NodeFilesystemAlmostOutOfFiles HostOutOfInodes"
    " HostInodesMayFillIn24Hours",
    "high-memory": "HostOutOfMemory HostMemoryUnderMemoryPressure NodeMemoryHighUtilization HighMemoryUsage",
    "high-swap": "HostSwapIsFillingUp HighSwapUsage ProcessExporterHighSwapUsage",
    "oom-victims": "HostOomKillDetected NodeOOMKillDetected",
    "runaway-process": "HostHighCpuLoad NodeCPUHighUsage NodeSystemSaturation HighCPUUsage",
    "zombie-processes": "ProcessExporterZombieProcesses TooManyZombieProcesses",
    "dead-service": "NodeSystemdServiceFailed HostSystemdServiceCrashed SystemdUnitFailed ProcessExporterGroupDown",
    "crash-loop": "NodeSystemdServiceCrashlooping SystemdUnitCrashLoop ProcessExporterProcessRestarting",
    "clock-drift": "NodeClockSkewDetected NodeClockNotSynchronising HostClockSkew HostClockNotSynchronising"
    " ClockOutOfSync",
    "read-only-filesystem": "HostFilesystemDeviceError NodeFilesystemReadOnly FilesystemReadOnly",
    "certificate-renewal": "BlackboxSslCertificateWillExpireSoon BlackboxSslCertificateExpired CertAlmostExpired"
    " ProbeSSLCertExpiryCritical SSLCertExpiringSoon",
    "conntrack-full": "NodeHighNumberConntrackEntriesUsed HostConntrackLimit MaxConntrack NodeConnTrackAlmostExhausted",
    "file-descriptors": "NodeFileDescriptorLimit HostFileDescriptorsLimitWarning TooManyOpenFiles",
    "interface-errors": "NodeNetworkReceiveErrs NodeNetworkTransmitErrs HostNetworkReceiveErrors NodeBondingDegraded"
    " HostNetworkBondDegraded NodeNetworkInterfaceFlapping",
    "container-images": "ContainerdVolumeSpaceTooLow DockerDiskUsage KubeletImagefsUsageHigh",
}
"""The alert names of public rule sets that each runbook is for, by the runbook's id."""

NOT_A_HOST = re.compile(
    r"Kube|Pod(?!man)|Elastic|OpenSearch|Redis|Rabbit|Kafka|Mongo|Postgres|MySQL|Maria|Cassandra|Couch|Oracle|MSSQL"
    r"|ClickHouse|Azure|Openstack|Cinder|Neutron|Ironic|Windows|SNMP|Esxi|vCenter|Cilium|Linkerd|Istio|CertManager|Puppet"
    r"|Underutilized|PersistentVolume|GPU|JVM|Prometheus|Loki|Thanos|Cortex|Mimir|Grafana|Gluster|Hadoop|Hdfs|Spark|Flink",
    re.IGNORECASE,
)
"""Words in the name of an alert that no command on a host would help, or that reports no fault."""


def ids(shipped: Catalogue, name: str, message: str = "") -> list[str]:
    return [
        runbook.id for runbook in offered(shipped, ExampleAlert(alert=name[:256], message=message[:4_000]).as_alert())
    ]


@pytest.fixture(scope="module")
def rules() -> list[tuple[str, str]]:
    needs.require("published")
    with (needs.PUBLISHED / "alert_rules.tsv").open(newline="") as file:
        return [
            (row["name"], row["summary_description"]) for row in csv.DictReader(file, delimiter="\t") if row["name"]
        ]


@pytest.fixture(scope="module")
def by_name(shipped: Catalogue, rules: list[tuple[str, str]]) -> dict[str, list[str]]:
    """The ids of the runbooks that each public rule finds by its name alone, by the rule's name."""
    return {name: ids(shipped, name) for name in {name for name, _ in rules}}


@pytest.fixture(scope="module")
def by_both(shipped: Catalogue, rules: list[tuple[str, str]]) -> list[tuple[str, list[str]]]:
    """The name of each public rule, and the ids of the runbooks that the rule finds by its name and its message."""
    return [(name, ids(shipped, name, text)) for name, text in rules]


@pytest.mark.parametrize(
    ("runbook_id", "name"), [(key, name) for key, names in FOUND.items() for name in names.split()]
)
def test_a_well_known_alert_finds_its_runbook_and_no_other(shipped: Catalogue, runbook_id: str, name: str) -> None:
    assert ids(shipped, name) == [runbook_id]


def test_at_least_twenty_runbooks_are_shipped(shipped: Catalogue) -> None:
    assert len(shipped) >= 20
    assert set(FOUND) <= set(shipped)


def test_of_the_public_rules_only_those_about_a_host_find_a_runbook(by_name: dict[str, list[str]]) -> None:
    claimed = {name: runbooks for name, runbooks in by_name.items() if runbooks}
    assert len(claimed) >= 60
    assert {name: runbooks for name, runbooks in claimed.items() if NOT_A_HOST.search(name)} == {}
    assert {name: runbooks for name, runbooks in claimed.items() if len(runbooks) > 1} == {}


def test_no_phrase_of_a_message_claims_a_public_rule_that_its_name_does_not(
    by_name: dict[str, list[str]], by_both: list[tuple[str, list[str]]]
) -> None:
    """No words of a runbook may fit a rule's description: `high memory usage` also describes brokers and routers."""
    assert {name: runbooks for name, runbooks in by_both if runbooks and not by_name[name]} == {}


def test_few_public_rules_find_a_runbook_hardly_any_find_two_and_the_main_runbooks_are_found(
    by_both: list[tuple[str, list[str]]],
) -> None:
    claimed = {name: runbooks for name, runbooks in dict(by_both).items() if runbooks}

    assert {"low-disk", "high-memory", "dead-service", "clock-drift"} <= {first for first, *_ in claimed.values()}
    assert len(claimed) < len(dict(by_both)) * 0.05
    assert sum(1 for runbooks in claimed.values() if len(runbooks) > 1) < 10
