"""States that only the words of a text tell: in brackets, in a sentence, with a sign before them."""

import json

import pytest

from firstline.sources import normalize
from firstline.sources.notices.unknown import says_end, stateless

PAIRS = [
    ("[shop] [\U0001f534 Down] timeout of 48000ms", "[shop] [\u2705 Up] 200 - OK"),
    ("\u274c Your service shop went down. \u274c", "\u2705 Your service shop is up! \u2705"),
    (
        "Monitor is DOWN: shop (https://s.example). Reason: timeout",
        "Monitor is UP: shop (https://s.example). It was down",
    ),
    ("shop is down", "shop is back up"),
    ("shop is down", "shop has recovered"),
    ("https://s.example is unreachable", "https://s.example is reachable"),
    ("shop is unhealthy", "shop is now healthy"),
    ("[prod] [FIRING:3] Disk full", "[prod] [RESOLVED] Disk full"),
    ("Ops: [Firing] Disk full", "Ops: [Resolved] Disk full"),
    ("Disk full [down]", "Disk full [up]"),
    ("Disk of shop (firing)", "Disk of shop (resolved)"),
    ("Backup of shop (pve-1): backup failed", "Backup of shop (pve-1): backup successful"),
    ("[prod] FIRING: Disk full", "[prod] RESOLVED: Disk full"),
    ("[Monitor Alert] Triggered: CPU", "[Monitor Alert] Recovered: CPU"),
    ("[Triggered on {host:web-1}] CPU", "[Recovered on {host:web-1}] CPU"),
    ("[eu] [No Data on {host:web-1}] CPU", "[eu] [No Data Recovered on {host:web-1}] CPU"),
    ("** PROBLEM Service Alert: web-1/HTTP is CRITICAL **", "** RECOVERY Service Alert: web-1/HTTP is OK **"),
    ("** PROBLEM Host Alert: web-1 is DOWN **", "** RECOVERY Host Alert: web-1 is UP **"),
    ("[PROBLEM] HTTP on web-1 is CRITICAL!", "[RECOVERY] HTTP on web-1 is OK!"),
    ("Incident #12 opened: shop is slow", "Incident #12 resolved: shop is slow"),
    ("Alert triggered: disk", "Alert resolved: disk"),
    ("Monitor DOWN: shop", "Monitor UP: shop"),
    ("shop - DOWN", "shop - UP"),
    ("Error rate of shop: CRITICAL", "Error rate of shop: OK"),
    ("[CRITICAL] Disk full", "[OK] Disk full"),
    ("WARNING: load of web-1", "OK: load of web-1"),
    ("CRITICAL - backup failed", "RECOVERY - backup failed"),
    ("DOWN alert: shop (https://s.example) is DOWN", "UP alert: shop (https://s.example) is UP"),
]


@pytest.mark.parametrize(("begins", "ends"), PAIRS)
@pytest.mark.parametrize("field", ["title", "text"])
def test_a_text_that_says_it_begins_and_the_one_that_says_it_is_over_are_one_alert(
    field: str, begins: str, ends: str
) -> None:
    (began,), (ended,) = (normalize("generic", {field: text}) for text in (begins, ends))

    assert (began.status, ended.status) == ("firing", "resolved")
    assert (ended.fingerprint, ended.group_key) == (began.fingerprint, began.group_key)


@pytest.mark.parametrize(
    "text",
    [
        "CPU is up to 95 %",
        "Recovery: nightly restore failed",
        "Recovery - 3 errors",
        "Restored: snapshot of db-1, integrity check failed",
        "2 of 3 nodes - up",
        "Error rate: UP",
        "Queue depth - up",
        "[Monitor Alert] Triggered: nothing is recovered",
        "[Re-Triggered on {host:web-1}] shop is up!",
        "CPU is up 40 % against yesterday",
        "Queue depth is up",
        "db-2 is up but replication is broken",
        "db-2 is back up, not ready",
        "db-2 is reachable, its disk failed",
        "shop has not recovered",
        "Replica has recovered with data loss",
        "The primary has recovered, the replica lags",
        "shop is available on one node",
        "Root login was successful",
        "Brute force on ssh succeeded",
        "2 of 3 jobs failed, 1 succeeded",
        "No backup was successful",
        "nobody has been resolved: DNS is down",
        "Number of pods (up) is low",
        "[shop] [Upload] slow",
        "Only 1 of 3 nodes is healthy",
        "0 targets are healthy",
        "None of the replicas is available",
        "2 of 3 pods are available",
        "Latency of shop: 5xx rate is UP",
        "A security update is available",
        "Audit log has been cleared",
        "Replica has recovered: data loss possible",
        "SQL injection scan successful",
        "Suspicious login to backup successful",
        "Too many [closed] connections",
        "Interface eth0 [UP] has bit errors",
        "Tickets (resolved) above the limit",
    ],
)
def test_a_text_that_only_sounds_like_an_end_is_no_end(text: str) -> None:
    assert not says_end(text)


@pytest.mark.parametrize(("severity", "status"), [("critical", "firing"), ("high", "firing"), ("low", "resolved")])
def test_a_title_that_sounds_like_an_end_ends_no_alert_of_high_severity(severity: str, status: str) -> None:
    (alert,) = normalize("generic", {"title": "The debug port is reachable", "labels": {"severity": severity}})

    assert alert.status == status


@pytest.mark.parametrize(("severity", "status"), [("critical", "firing"), ("low", "resolved")])
def test_a_subject_that_sounds_like_an_end_ends_no_sns_message_of_high_severity(severity: str, status: str) -> None:
    body = json.dumps({"severity": severity, "port": 9229})
    envelope = {"Type": "Notification", "TopicArn": "arn:aws:sns:eu-west-1:111122223333:ops", "Message": body}

    (alert,) = normalize("cloudwatch", envelope | {"Subject": "The debug port is reachable"})

    assert alert.status == status


def test_titles_of_a_monitor_about_two_hosts_or_two_stages_are_two_alerts() -> None:
    for titles in (
        ("[Triggered on {host:web-1}] CPU", "[Triggered on {host:web-2}] CPU"),
        ("[prod] FIRING: disk", "[stage] FIRING: disk"),
    ):
        one, other = (normalize("generic", {"title": title})[0] for title in titles)
        assert one.fingerprint != other.fingerprint


def test_a_grade_in_a_name_tells_alerts_apart_if_another_field_tells_their_state() -> None:
    said = [
        normalize("generic", {"alert_name": name, "status": "firing"})[0].fingerprint
        for name in ("[CRITICAL] disk", "[WARNING] disk", "disk: CRITICAL", "disk")
    ]

    assert len(set(said)) == len(said)


def test_n_of_m_available_is_an_end_only_if_all_are() -> None:
    assert says_end("5 of 5 pods are available")
    assert not says_end("4 of 5 pods are available")


def test_texts_about_two_things_or_two_kinds_of_trouble_stay_apart_without_their_state() -> None:
    texts = ("shop is down", "tickets is down", "shop is unhealthy", "[prod] [FIRING] Disk", "[prod] [FIRING] Lag")

    assert len(set(map(stateless, texts))) == len(texts)


def test_the_state_is_read_from_the_body_if_the_title_is_always_the_same() -> None:
    title = {"title": "Alert of Kuma", "host": "shop"}
    began, ended = (
        normalize("generic", title | {"body": f"[shop] [{state}] x"})[0] for state in ("\U0001f534 Down", "\u2705 Up")
    )

    assert (began.status, ended.status, began.fingerprint) == ("firing", "resolved", ended.fingerprint)


@pytest.mark.parametrize(
    "message",
    ["[eth0] [up] then [down] many times", "The primary has recovered.", "Server is back up!", "Resolved: nothing"],
)
def test_a_message_that_mentions_a_recovery_ends_no_alert_with_a_name(message: str) -> None:
    (alert,) = normalize("generic", {"alert_name": "Replica lag", "severity": "critical", "message": message})

    assert alert.status == "firing"


def test_the_alert_name_of_a_chat_message_is_its_title_and_not_a_name_of_its_fields() -> None:
    (alert,) = normalize("generic", {"embeds": [{"title": "Disk full", "fields": [{"name": "Error", "value": "x"}]}]})

    assert alert.alert_name == "Disk full"
