"""Shipped runbooks and the alerts of rule sets that people really use: which alert finds which runbook, or none."""

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
"""Names of the mixins, of the collections and of CloudWatch's agent, by the runbook that is for them."""

NOT_A_HOST = re.compile(
    r"Kube|Pod(?!man)|Elastic|OpenSearch|Redis|Rabbit|Kafka|Mongo|Postgres|MySQL|Maria|Cassandra|Couch|Oracle|MSSQL"
    r"|ClickHouse|Azure|Openstack|Cinder|Neutron|Ironic|Windows|SNMP|Esxi|vCenter|Cilium|Linkerd|Istio|CertManager|Puppet"
    r"|Underutilized|PersistentVolume|GPU|JVM|Prometheus|Loki|Thanos|Cortex|Mimir|Grafana|Gluster|Hadoop|Hdfs|Spark|Flink",
    re.IGNORECASE,
)
"""Words in an alert's name that say that no command on a host would help, or that nothing is wrong."""


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
    """The runbooks that each public rule finds by its name alone."""
    return {name: ids(shipped, name) for name in {name for name, _ in rules}}


@pytest.fixture(scope="module")
def by_both(shipped: Catalogue, rules: list[tuple[str, str]]) -> list[tuple[str, list[str]]]:
    """The name of each public rule, and the runbooks that it finds by its name and its message."""
    return [(name, ids(shipped, name, text)) for name, text in rules]


@pytest.mark.parametrize(
    ("runbook_id", "name"), [(key, name) for key, names in FOUND.items() for name in names.split()]
)
def test_a_well_known_alert_finds_its_runbook_and_no_other(shipped: Catalogue, runbook_id: str, name: str) -> None:
    assert ids(shipped, name) == [runbook_id]


def test_there_are_twenty_and_more(shipped: Catalogue) -> None:
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
    """Phrases are for log lines. In a description "high memory usage" is said of brokers, caches and routers too."""
    assert {name: runbooks for name, runbooks in by_both if runbooks and not by_name[name]} == {}


def test_of_the_public_rules_few_are_claimed_and_each_runbook_has_some(by_both: list[tuple[str, list[str]]]) -> None:
    claimed = {name: runbooks for name, runbooks in dict(by_both).items() if runbooks}

    assert {"low-disk", "high-memory", "dead-service", "clock-drift"} <= {first for first, *_ in claimed.values()}
    assert len(claimed) < len(dict(by_both)) * 0.05
    assert sum(1 for runbooks in claimed.values() if len(runbooks) > 1) < 10
