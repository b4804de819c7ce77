"""Tests of the match by name and words: which runbooks are offered for an alert, and in which order."""

import time
from typing import Any

import pytest

from firstline.models import NormalizedAlert
from firstline.runbooks.catalogue import Catalogue
from firstline.runbooks.match import offered
from tests.support.spool import a_runbook, an_alert


def names(catalogue: Catalogue, alert: NormalizedAlert) -> list[str]:
    return [runbook.id for runbook in offered(catalogue, alert)]


@pytest.mark.parametrize(
    ("match", "alert", "fits"),
    [
        ({"alerts": ["SpoolFull"]}, {}, True),
        ({"alerts": ["spool-full"]}, {"alert_name": "Spool Full"}, True),
        ({"alerts": ["spool_full"]}, {"alert_name": "SpoolFullness"}, False),
        ({"alerts": ["*SpoolFull*"]}, {"alert_name": "prod: spool full (mail)"}, True),
        ({"alerts": ["SpoolFull"]}, {"alert_name": "*"}, False),
        ({"alerts": ["*Spool*"]}, {"alert_name": "***"}, False),
        ({"alerts": ["[web] spool?"]}, {"alert_name": "[WEB] Spool?"}, True),
        ({"alerts": ["disk sd?"]}, {"alert_name": "Disk sdb"}, True),
        ({"alerts": ["disk sd?"]}, {"alert_name": "Disk sdbc"}, False),
        ({"alerts": ["5 * * * * late"]}, {"alert_name": "5 * * * * late"}, True),
        ({"alerts": ["U\u0308berlauf"]}, {"alert_name": "\u00dcBERLAUF"}, True),
        ({"alerts": ["Пул*"]}, {"alert_name": "пул переполнен"}, True),
        ({"alerts": ["Пул"]}, {"alert_name": "磁盘"}, False),
        ({"words": ["is filling up"]}, {"alert_name": "X"}, True),
        ({"words": ["filling u"]}, {"alert_name": "X"}, False),
        ({"words": ["is FILLING, up"]}, {"alert_name": "X"}, True),
        ({"alerts": ["SpoolFull"], "sources": ["prometheus"]}, {}, True),
        ({"alerts": ["SpoolFull"], "sources": ["datadog"]}, {}, False),
        ({"alerts": ["SpoolFull"], "labels": {"spool": "ma*"}}, {}, True),
        ({"alerts": ["SpoolFull"], "labels": {"spool": "ma"}}, {}, False),
        ({"alerts": ["SpoolFull"], "labels": {"spool": "M[a]*"}}, {}, False),
        ({"alerts": ["SpoolFull"], "labels": {"spool": "MA?L"}}, {}, True),
        ({"alerts": ["SpoolFull"], "labels": {"team": "*"}}, {}, False),
    ],
)
def test_a_runbook_fits_an_alert_by_name_or_words_and_every_condition(
    match: dict[str, Any], alert: dict[str, Any], fits: bool
) -> None:
    catalogue = Catalogue([a_runbook(match=match)])
    usual = {"alert_name": "SpoolFull", "message": "The spool is filling up", "labels": {"spool": "mail"}}

    assert bool(offered(catalogue, an_alert(**usual | alert))) is fits


def test_runbooks_are_offered_by_label_then_exact_name_then_longer_pattern_then_words() -> None:
    matches = {
        "e-words": {"words": ["filling up"]},
        "d-wide": {"alerts": ["*Full"]},
        "c-narrow": {"alerts": ["Spool*"]},
        "b-exact": {"alerts": ["SpoolFull"]},
        "a-exact-and-label": {"alerts": ["SpoolFull"], "labels": {"spool": "mail"}},
        "other": {"alerts": ["QueueFull"]},
    }
    catalogue = Catalogue([a_runbook(id=runbook_id, match=match) for runbook_id, match in matches.items()])

    alert = an_alert(alert_name="SpoolFull", message="The spool is filling up", labels={"spool": "mail"})

    assert names(catalogue, alert) == ["a-exact-and-label", "b-exact", "c-narrow", "d-wide", "e-words"]


def test_a_runbook_that_is_off_is_not_offered() -> None:
    assert not offered(Catalogue([a_runbook(mode="off")]), an_alert())


@pytest.mark.parametrize(
    ("alert_name", "message", "best"),
    [
        ("NodeFilesystemAlmostOutOfSpace", "", "low-disk"),
        ("HostOutOfDiskSpace", "", "low-disk"),
        ("Disk space is low on web-1", "", "low-disk"),
        ("web-1-alarm", "write failed: No space left on device", "low-disk"),
        ("NodeMemoryHighUtilization", "", "high-memory"),
        ("HighMemoryUsage", "", "high-memory"),
        ("NodeSystemdServiceFailed", "", "dead-service"),
        ("ProcessNotResponding", "", "hung-process"),
        ("NodeClockNotSynchronising", "", "clock-drift"),
        ("HostClockSkew", "", "clock-drift"),
        ("AptCacheTooLarge", "", "package-cache"),
        ("DockerDiskUsage", "", "container-images"),
        ("NodeFilesystemAlmostOutOfFiles", "", "low-inodes"),
        ("NodeSystemdServiceCrashlooping", "", "crash-loop"),
        ("HostOomKillDetected", "", "oom-victims"),
        ("HostHighCpuLoad", "", "runaway-process"),
        ("KubePodCrashLooping", "", None),
        ("CassandraHighMemoryUsageOfHeap", "", None),
    ],
)
def test_the_shipped_runbooks_are_offered_for_what_they_cure(
    shipped: Catalogue, alert_name: str, message: str, best: str | None
) -> None:
    found = names(shipped, an_alert(alert_name=alert_name, message=message))

    assert (found[0] if found else None) == best


def test_five_hundred_runbooks_are_matched_in_a_tenth_of_a_second_of_cpu_time() -> None:
    catalogue = Catalogue(
        [
            a_runbook(id=f"book-{n}", match={"alerts": [f"Alert{n}", f"*Thing{n}*"], "words": [f"thing number {n}"]})
            for n in range(500)
        ]
    )
    alert = an_alert(alert_name="SomeAlert499", message="thing number 499 " + "lorem ipsum " * 300)
    offered(catalogue, alert)

    started = time.process_time()
    found = names(catalogue, alert)

    assert found == ["book-499"]
    assert time.process_time() - started < 0.1
