"""Tests of the links and annotations that senders supply: which are kept, and that they change no identity."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firstline.models import NormalizedAlert
from firstline.privacy.alert_redaction import without_personal_data, without_secrets
from firstline.sources import normalize
from firstline.sources.links import MAX_LINK, MOST_ANNOTATIONS, MOST_LINKS, link_to, links_in_text
from firstline.text import https_host
from tests.support.depth import tries
from tests.unit.sources.events import RECEIVED_AT, alert, event


def links(alert: NormalizedAlert) -> list[tuple[str, str]]:
    return [(link.kind, link.url) for link in alert.links]


def from_alertmanager(source: str = "prometheus", annotations: Any = None, **fields: Any) -> NormalizedAlert:
    """Return the alert of a notification whose only alert has these annotations and fields."""
    payload = event(f"{source}/firing")
    payload["alerts"] = payload["alerts"][:1]
    payload["alerts"][0] |= {"annotations": annotations or {}} | fields
    (found,) = normalize(source, payload, received_at=RECEIVED_AT)
    return found


def test_all_addresses_of_a_grafana_alert_are_kept() -> None:
    found = alert("grafana/firing")
    assert found.url == "https://grafana.example.com/d/abc?orgId=1&viewPanel=2"
    assert links(found) == [
        ("dashboard", "https://grafana.example.com/d/abc?orgId=1"),
        ("rule", "https://grafana.example.com/alerting/grafana/bdx7k2m9qp41rs/view?orgId=1"),
        ("silence", "https://grafana.example.com/alerting/silence/new?alertmanager=grafana"),
    ]


def test_alertmanager_s_annotations_are_links_and_texts() -> None:
    found = from_alertmanager(
        annotations={
            "summary": "Disk full",
            "description": "/var is full",
            "runbook_url": "https://wiki.example/disk",
            "dashboard_url": "https://grafana.example/d/1",
            "impact": "no orders",
            "action": "Disk full",  # the summary says it already
            "__value_string__": "x",  # Grafana's, for machines
        }
    )
    assert links(found) == [("runbook", "https://wiki.example/disk"), ("dashboard", "https://grafana.example/d/1")]
    assert found.message == "Disk full\n/var is full"
    assert found.annotations == {"impact": "no orders"}


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Queue is long. Runbook: https://wiki.example/q.", [("runbook", "https://wiki.example/q")]),
        ("[Runbook](https://wiki.example/q) @ops", [("runbook", "https://wiki.example/q")]),
        ("runbook_url = https://wiki.example/q", [("runbook", "https://wiki.example/q")]),
        ("Dashboard <https://d.example/1|here>, playbook https://p.example", [
            ("dashboard", "https://d.example/1"), ("runbook", "https://p.example")
        ]),
        ("see https://shop.example for more", []),
        ("Runbook: http://wiki.example/q", []),
        ("Runbook: https://ada:pw@wiki.example/q", []),
        ("Runbook is in the wiki\nhttps://x.example", []),
    ],
)  # fmt: skip
def test_a_link_in_a_text_is_found_after_a_word_for_its_kind_if_it_is_safe(
    text: str, found: list[tuple[str, str]]
) -> None:
    assert [(link.kind, link.url) for link in links_in_text(text)] == found


@pytest.mark.parametrize(
    ("source", "payload", "link"),
    [
        (
            "cloudwatch",
            {"AlarmName": "cpu", "NewStateValue": "ALARM", "AlarmDescription": "Runbook: https://wiki.example/cpu"},
            ("runbook", "https://wiki.example/cpu"),
        ),
        (
            "datadog",
            {"title": "cpu", "body": "%%% [Runbook](https://wiki.example/cpu) %%%"},
            ("runbook", "https://wiki.example/cpu"),
        ),
        (
            "datadog",
            {"title": "cpu", "snapshot": "https://p.datadoghq.eu/s/1.png"},
            ("graph", "https://p.datadoghq.eu/s/1.png"),
        ),
        ("generic", {"alert_name": "cpu", "runbookUrl": "https://w.example/1"}, ("runbook", "https://w.example/1")),
        (
            "generic",
            {"alert_name": "cpu", "labels": {"dashboard": "https://d.example"}},
            ("dashboard", "https://d.example"),
        ),
        (
            "grafana",
            {"ruleName": "cpu", "state": "alerting", "imageUrl": "https://g.example/1.png"},
            ("graph", "https://g.example/1.png"),
        ),
    ],
)
def test_the_links_of_other_sources_are_found_where_they_put_them(
    source: str, payload: dict[str, Any], link: tuple[str, str]
) -> None:
    (found,) = normalize(source, payload, received_at=RECEIVED_AT)
    assert links(found) == [link]


def test_links_and_annotations_change_neither_fingerprint_nor_group_key() -> None:
    plain, linked = from_alertmanager(), from_alertmanager(annotations={"runbook": "https://w.example", "impact": "x"})
    assert linked.links
    assert (plain.fingerprint, plain.group_key) == (linked.fingerprint, linked.group_key)


def test_links_and_annotations_are_limited_in_number_and_a_long_link_is_left_out() -> None:
    many = {f"runbook{'-' * number}url": f"https://w.example/{number}" for number in range(20)}
    texts = {f"note {number}": f"text {number}" for number in range(20)}
    found = from_alertmanager(annotations=many | texts)
    assert (len(found.links), len(found.annotations)) == (MOST_LINKS, MOST_ANNOTATIONS)
    assert link_to("runbook", "https://w.example/" + "x" * MAX_LINK) is None


def test_links_lose_secrets_when_they_are_stored_and_personal_data_when_they_are_shown() -> None:
    found = without_secrets(
        from_alertmanager(
            annotations={
                "runbook": "https://w.example/x?api_key=a1b2c3d4e5f6",
                "logs": "https://logs.example/?user=ada.l" + "@example.com",
                "contact": "ada.l" + "@example.com, password=hunter22x",
            }
        )
    )
    assert ("runbook", "https://w.example/x") in links(found)
    assert "hunter22x" not in found.annotations["contact"]
    shown = without_personal_data(found)
    assert ("logs", "https://logs.example/") in links(shown)
    assert "ada.l" not in shown.annotations["contact"]


@given(st.text(max_size=60), st.sampled_from(["https://", "http://", "HTTPS://a.example/", "javascript:", "//"]))
@settings(max_examples=tries(200))
def test_a_link_that_is_kept_is_https_and_shows_its_host(rest: str, begin: str) -> None:
    link = link_to("runbook", begin + rest)
    if link is not None:
        assert link.url[:8].lower() == "https://"
        assert not set(link.url) & set(' <>|"`\\\n')
        host = https_host(link.url)
        assert host is not None
        assert host.isascii()
