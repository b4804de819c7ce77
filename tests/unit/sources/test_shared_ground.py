"""The parts that all sources read alike: severities, texts, times, identities, hosts."""

from datetime import UTC, datetime
from typing import Any

import pytest

from firstline.models import SEVERITY_RANK
from firstline.sources import values
from firstline.sources.identity import alertmanager_fingerprint, bare_host, group_key, host_hint
from firstline.sources.meanings import Subject
from firstline.sources.severity import WORDS, from_word


@pytest.mark.parametrize(
    ("word", "severity"),
    [
        ("CRITICAL", "critical"),
        ("Sev-1", "critical"),
        (" p1. ", "critical"),
        ("page", "critical"),
        ("Error", "high"),
        ("MAJOR", "high"),
        ("P 2", "high"),
        ("Warning", "medium"),
        ("average", "medium"),
        ("ticket", "medium"),
        ("task", "low"),
        ("SEV_4", "low"),
        ("None", "info"),
        ("debug", "info"),
        ("not classified", None),
        ("6", None),
        ("", None),
        ("x" * 100_000, None),
    ],
)
def test_a_severity_word_is_read_whatever_its_case_and_signs(word: str, severity: str | None) -> None:
    assert from_word(word) == severity


def test_every_severity_word_is_spelled_the_way_it_is_looked_up() -> None:
    assert all(word.isalnum() and word == word.lower() for word in WORDS)
    assert set(WORDS.values()) <= SEVERITY_RANK.keys()


@pytest.mark.parametrize(
    ("value", "moment"),
    [
        ("2019-02-15T23:53:45.093+0000", datetime(2019, 2, 15, 23, 53, 45, 93000, tzinfo=UTC)),
        ("2018-11-04T22:43:58.283995108+01:00", datetime(2018, 11, 4, 21, 43, 58, 283995, tzinfo=UTC)),
        ("2026-05-05T13:04:57.62281314Z", datetime(2026, 5, 5, 13, 4, 57, 622813, tzinfo=UTC)),
        ("2026-02-11T08:14:00", datetime(2026, 2, 11, 8, 14, tzinfo=UTC)),
        ("1770797667000", datetime(2026, 2, 11, 8, 14, 27, tzinfo=UTC)),
        ("1770797667", datetime(2026, 2, 11, 8, 14, 27, tzinfo=UTC)),
        (1770797667, datetime(2026, 2, 11, 8, 14, 27, tzinfo=UTC)),
        (1770797667000000, datetime(2026, 2, 11, 8, 14, 27, tzinfo=UTC)),
        (1770797667000000000, datetime(2026, 2, 11, 8, 14, 27, tzinfo=UTC)),
        (1770797667.5, datetime(2026, 2, 11, 8, 14, 27, 500000, tzinfo=UTC)),
        ("0001-01-01T00:00:00Z", None),
        ("0001-01-01T00:00:00+14:00", None),
        ("9999-12-31T23:59:59-12:00", None),
        ("date", None),
        ("", None),
        ("0", None),
        (0, None),
        (-5, None),
        (True, None),
        (float("nan"), None),
        (float("inf"), None),
        (10**400, None),
        ("9" * 5_000, None),
        ("²", None),
        (None, None),
        ({}, None),
    ],
)
def test_a_moment_is_read_from_iso_text_or_a_unix_time_and_from_nothing_else(
    value: Any, moment: datetime | None
) -> None:
    assert values.moment(value) == moment


@pytest.mark.parametrize(
    ("value", "name"),
    [
        ("  disk  ", "disk"),
        ("a\tb\nc", "a b c"),
        ("a\u200bb\u202ec\x00", "abc"),
        ("데이터베이스", "데이터베이스"),
        (57.0, "57"),
        (57.5, "57.5"),
        (True, "true"),
        (False, "false"),
        (" ", None),
        ("\u200b", None),
        (None, None),
        ([], None),
        ({}, None),
    ],
)
def test_a_name_is_one_line_of_visible_characters_or_none(value: Any, name: str | None) -> None:
    assert values.name(value) == name


def test_prose_joins_the_texts_and_says_each_once() -> None:
    assert values.prose(None, " a\tb\r ", "a\tb", 7, {}, "ㅎ\u009b") == "a\tb\n7\nㅎ"


@pytest.mark.parametrize(
    ("value", "url"),
    [
        ("https://a.example/b?c=d#e", "https://a.example/b?c=d#e"),
        ("http://localhost:9090/graph", "http://localhost:9090/graph"),
        ("?orgId=1", None),
        ("https://", None),
        ("javascript:alert(1)", None),
        ("https://a.example/ b", None),
        ("https://a.example/\nb", None),
        ("https://a.example/" + "b" * 2_000, None),
        (["https://a.example"], None),
    ],
)
def test_a_url_is_taken_only_if_it_is_http_with_a_host_and_not_too_long(value: Any, url: str | None) -> None:
    assert values.url(None, "", value) == url


@pytest.mark.parametrize(
    ("host", "bare"),
    [
        ("web-7:9100", "web-7"),
        ("10.0.3.17:9100", "10.0.3.17"),
        ("[2001:db8::7]:9100", "2001:db8::7"),
        ("2001:db8::7", "2001:db8::7"),
        ("https://user:pw@shop.example.com:8443/health?x=1", "shop.example.com"),
        ("i-0a1b2c3d4e5f60718", "i-0a1b2c3d4e5f60718"),
        ("localhost:9090", None),
        ("127.0.0.1:9090", None),
        ("[::1]:9090", None),
        ("", None),
        (":9100", None),
        ("h" * 300, None),
        ("web\x007", None),
    ],
)
def test_a_bare_host_has_no_port_no_path_and_is_not_this_machine(host: str, bare: str | None) -> None:
    assert bare_host(host) == bare


@pytest.mark.parametrize(
    ("labels", "host"),
    [
        ({"instance": "web-7:9100", "anything": "i-0a1b2c3d4e5f60718"}, "web-7"),
        ({"anything": "mi-0123456789abcdef0"}, None),
        ({"instance": "web-7:9100", "instance_id": "i-0a1b2c3d4e5f60718"}, "i-0a1b2c3d4e5f60718"),
        ({"instance_id": "i-0a1b2c3d4e5f60718x", "host": "web-7"}, "web-7"),
        ({"instance": "i-0a1b2c3d4e5f60718:9100", "host": "web-7"}, "i-0a1b2c3d4e5f60718"),
        ({"instance": "10.0.3.17:9100", "node": "ip-10-0-3-17.ec2.internal"}, "ip-10-0-3-17.ec2.internal"),
        ({"instance": "10.0.3.17:9100", "host": "web-7"}, "10.0.3.17"),
        ({"host": "web-7", "instance": "exporter:9100"}, "exporter"),
        ({"kube_node": "worker-1"}, "worker-1"),
        ({"pod": "checkout-5d7f", "job": "kube-state-metrics"}, None),
        ({"instance": "localhost:9100"}, None),
        ({}, None),
    ],
)
def test_the_host_is_an_instance_id_a_label_of_a_host_or_a_node_in_that_order(
    labels: dict[str, str], host: str | None
) -> None:
    assert host_hint(labels) == host


def test_the_fingerprint_of_labels_is_the_one_that_prometheus_computes() -> None:
    # The example of prometheus/common's own tests (model/signature_test.go).
    assert alertmanager_fingerprint({}) == f"{14695981039346656037:016x}"
    assert (
        alertmanager_fingerprint({"name": "garland, briggs", "fear": "love is not enough"})
        == f"{5799056148416392346:016x}"
    )
    assert alertmanager_fingerprint({"b": "2", "a": "1"}) == alertmanager_fingerprint({"a": "1", "b": "2"})


def test_a_senders_fingerprint_counts_if_it_has_the_form_of_one() -> None:
    assert alertmanager_fingerprint({"a": "1"}, "26066cf10f12a354") == "26066cf10f12a354"
    assert alertmanager_fingerprint({"a": "1"}, "unknown") == alertmanager_fingerprint({"a": "1"})


def test_a_group_key_is_short_stable_and_different_for_each_subject_and_source() -> None:
    subject = Subject(account="1", region="eu", service="shop", environment="prod")
    key = group_key("generic", "Disk", subject)

    assert key == "generic:" + key.split(":")[1]
    assert len(key) == len("generic:") + 20
    assert key == group_key("generic", "Disk", subject)
    assert key != group_key("generic", "Disk", Subject(account="1", region="eu", environment="shop", service="prod"))
    assert key != group_key("other", "Disk", subject)
