"""Drafts of words from alarms, rules and monitors, and what a person makes of them."""

from collections import Counter
from dataclasses import replace
from typing import Any

import pytest

from firstline.errors import ConfigurationError
from firstline.models import AlertKind, Feedback, IncidentRecord
from firstline.sources import normalize
from firstline_cli import drafts
from firstline_cli.drafts import LeftOut
from firstline_cli.words_file import Draft
from tests.support.builders import NOW, a_classification, a_record, an_alert, an_incident

CLEAR = Draft("prometheus", "Clear", "*", "tell", "")
TOPIC = "arn:aws:sns:eu-central-1:123456789012:"


def alarm(name: str, *actions: str, **fields: Any) -> dict[str, Any]:
    return {"AlarmName": name, "AlarmActions": list(actions), **fields}


def words(*alarms: tuple[dict[str, Any], dict[str, str]]) -> dict[str, tuple[str, str]]:
    return {draft.name: (draft.word, draft.why) for draft in drafts.of_alarms(alarms)}


def test_an_alarm_is_drafted_from_its_tags_then_its_actions_then_its_words() -> None:
    found = words(
        (alarm("orders-lag", TOPIC + "pagerduty-orders"), {"Severity": "P3"}),
        (alarm("orders-slow", TOPIC + "pagerduty-orders"), {"team": "orders"}),
        (alarm("orders-down", TOPIC + "team-orders"), {}),
    )

    assert found["orders-lag"] == ("medium", "its tag says P3")
    assert found["orders-slow"] == ("high", "it goes to pagerduty-orders")
    assert found["orders-down"][0] == "critical"
    assert found["orders-down"][1].endswith("goes to team-orders")


def test_an_alarm_that_states_its_severity_needs_no_word() -> None:
    assert not words((alarm("[critical] orders"), {}), (alarm("orders", TOPIC + "alerts-critical"), {}))


def test_an_alarm_that_only_scales_is_to_be_dropped() -> None:
    policy = "arn:aws:autoscaling:eu-central-1:123456789012:scalingPolicy:1"
    assert words((alarm("scale-out", policy), {}))["scale-out"] == ("noise", "it only scales or repairs")


ACCOUNT = "eu-central-1:123456789012"


@pytest.mark.parametrize(
    ("action", "fields", "word", "why"),
    [
        ("arn:aws:ssm-incidents::123456789012:response-plan/orders", {}, "high", "it goes to response-plan/orders"),
        (f"arn:aws:ssm:{ACCOUNT}:opsitem:3#CATEGORY=Cost", {}, "medium", "it opens an OpsItem of severity 3"),
        (f"arn:aws:ssm:{ACCOUNT}:opsitem:1", {}, "critical", "it opens an OpsItem of severity 1"),
        (TOPIC + "pagerduty", {"ActionsEnabled": False}, "medium", "its actions are disabled"),
        (f"arn:aws:ssm:{ACCOUNT}:opsitem:1", {"ActionsEnabled": False}, "medium", "its actions are disabled"),
        (TOPIC + "homepage-team", {}, "medium", "goes to homepage-team"),
        (TOPIC + "OrdersPager", {}, "high", "it goes to OrdersPager"),
    ],
)
def test_an_alarm_is_drafted_by_what_its_actions_do(action: str, fields: dict[str, Any], word: str, why: str) -> None:
    drafted, reason = words((alarm("orders", action, **fields), {}))["orders"]
    assert drafted == word
    assert reason.endswith(why)


def test_an_alarm_that_a_composite_alarm_speaks_for_is_drafted_low() -> None:
    arn = f"arn:aws:cloudwatch:{ACCOUNT}:alarm:deploying"
    composite = alarm("all", TOPIC + "pagerduty", AlarmRule='ALARM("db-down") OR ALARM(own)', ActionsSuppressor=arn)
    found = words(
        (composite, {}),
        (alarm("db-down"), {}),
        (alarm("own", TOPIC + "pagerduty"), {}),
        (alarm("deploying"), {}),
        (alarm("other-down"), {}),
    )

    assert found["all"] == found["own"] == ("high", "it goes to pagerduty")
    assert found["db-down"] == ("low", "no action; the composite alarm all speaks for it")
    assert found["deploying"] == ("low", "no action; it suppresses the composite alarm all")
    assert found["other-down"][0] == "critical"


def test_an_alarm_that_only_informs_is_drafted_low_and_never_dropped() -> None:
    assert (
        words((alarm("backup-completed", AlarmDescription="For information only"), {}))["backup-completed"][0] == "low"
    )


def test_rules_without_a_severity_are_drafted_with_what_helps_to_judge() -> None:
    rules = [
        {"record": "job:up:sum", "expr": "sum(up)"},
        {"alert": "Stated", "expr": "up == 0", "labels": {"severity": "page"}},
        {
            "alert": "OrdersDown",
            "expr": "up{job='orders'}\n== 0",
            "for": "5m",
            "annotations": {"summary": "Orders is down", "runbook_url": "https://runbooks.example/orders"},
        },
    ]
    document = {"groups": [{"name": "orders", "rules": rules}]}

    for given in (document, {"kind": "PrometheusRule", "spec": document}):
        (draft,) = drafts.of_rules(given)
        assert (draft.name, draft.word, draft.environment, draft.text) == (
            "OrdersDown",
            "critical",
            "*",
            "Orders is down",
        )
        assert draft.why.endswith("for 5m; has a runbook; expr up{job='orders'} == 0")


def rules(*given: dict[str, Any], **group: Any) -> dict[str, Any]:
    return {"groups": [{"name": "g", "rules": list(given), **group}]}


def test_a_rule_has_the_labels_of_its_group_unless_its_own_say_otherwise() -> None:
    own: list[dict[str, Any]] = [{"alert": "Of group"}, {"alert": "Of its own", "labels": {"severity": "-"}}]
    left_out: LeftOut = Counter()
    found = list(drafts.of_rules(rules(*own, labels={"severity": "critical"}), left_out=left_out))

    assert [draft.name for draft in found] == ["Of its own"]
    assert left_out == {"they state their severity": 1}


@pytest.mark.parametrize("word", ["n/a", "-", "", None, "unknown", "{{ $labels.severity }}", "3"])
def test_a_placeholder_is_no_severity_as_when_the_alert_comes(word: str | None) -> None:
    given = rules({"alert": "A", "labels": {"severity": word}})
    assert [draft.name for draft in drafts.of_rules(given)] == ["A"]

    firing = {"status": "firing", "labels": {"alertname": "A", "severity": word}}
    (alert,) = normalize("prometheus", {"alerts": [firing]})
    assert not alert.severity_stated


@pytest.mark.parametrize(
    ("rule", "why"),
    [
        ({"record": "job:up:sum"}, "they record a metric"),
        ({"title": "Ratio", "record": {"metric": "ratio"}}, "they record a metric"),
        ({"alert": "A", "labels": {"severity": "page"}}, "they state their severity"),
        ({"alert": "A", "annotations": {"severity": "page"}}, "they state their severity"),
        ({"alert": "A", "labels": {"severity": "none"}}, "their severity is `none`, which counts as info"),
        ({"title": "A", "isPaused": True}, "they are paused"),
        ({"alert": "{{ .Name }}Down"}, "the name is a template: {{ .Name }}Down"),
        ({"expr": "up"}, "they have no name"),
    ],
)
def test_a_rule_without_a_draft_is_counted_with_the_reason(rule: dict[str, Any], why: str) -> None:
    left_out: LeftOut = Counter()
    assert list(drafts.of_rules(rules(rule, rule), left_out=left_out)) == []
    assert left_out == {why: 2}


def test_rules_of_kubernetes_grafana_and_prometheus_api_are_read_in_their_own_forms() -> None:
    custom = {"kind": "PrometheusRule", "spec": rules({"alert": "A"})}
    listed = {"kind": "List", "items": [custom, {"kind": "ConfigMap", "data": {}}, custom]}
    assert [draft.name for draft in drafts.of_rules(listed)] == ["A", "A"]

    answer = {"type": "alerting", "name": "Api", "query": "up == 0"}
    (api,) = drafts.of_rules({"status": "success", "data": rules(answer, {"type": "recording", "name": "job:up"})})
    assert (api.name, api.why.endswith("expr up == 0")) == ("Api", True)

    (grafana,) = drafts.of_rules(rules({"title": "Errors", "condition": "C"}), "grafana")
    assert (grafana.source, grafana.name) == ("grafana", "Errors")


@pytest.mark.parametrize(
    ("rule", "wrong"),
    [({"alert": "A", "labels": ["a"]}, "A: `labels` is no map"), ("up", "group 'g': `rules` is no list of rules")],
)
def test_a_rule_of_a_wrong_form_is_refused_with_its_name(rule: Any, wrong: str) -> None:
    with pytest.raises(ConfigurationError, match=wrong):
        list(drafts.of_rules(rules(rule)))


TEMPLATE = (
    "{{ if gt $value 90.0 }}critical{{ else }}warning{{ end }}: disk {{ $labels.device }} is at "
    '{{ printf "%.1f" $value }}%{{ with $labels.job }} of job {{ . }}{{ end }}{{/* down */}}{{ $x := "dead" }}'
)


def test_the_code_of_a_template_is_no_word_of_the_alert() -> None:
    (draft,) = drafts.of_rules(rules({"alert": "DiskSpace", "annotations": {"summary": TEMPLATE}}))

    assert draft.text == ": disk ... is at ...% of job ..."
    assert draft.kind.template == "disk space: disk is at of job"
    assert draft.word == "medium"


PAGES = "@pagerduty-shop"
"""The message of a monitor that pages."""


def monitor(**fields: Any) -> tuple[str, str]:
    (draft,) = drafts.of_monitors([{"name": "M", "message": PAGES, **fields}], now=NOW)
    return draft.word, draft.why


def test_a_monitor_is_drafted_by_its_priority_or_tag_before_whom_it_reaches() -> None:
    assert monitor(message=PAGES, priority="P3") == ("medium", "its tag says P3")
    assert monitor(message=PAGES, tags="team:shop,severity:low") == ("low", "its tag says low")


def test_a_monitor_with_a_priority_keeps_it_while_it_is_muted() -> None:
    assert monitor(priority=2, options={"silenced": {"*": None}}) == ("high", "its tag says P2; it is muted")


def test_a_monitor_without_a_message_is_drafted_by_the_handles_that_it_notifies() -> None:
    assert monitor(message=None, notifications=[{"handle": "opsgenie-x"}]) == ("high", "it goes to opsgenie-x")


@pytest.mark.parametrize(
    ("message", "routes"),
    [
        ("@pagerduty-orders please look", "pagerduty-orders"),
        ("{{#is_alert}}@pagerduty-orders{{/is_alert}}", "pagerduty-orders"),
        ("{{^is_recovery}}Look, @slack-shop, @oncall-shop.{{/is_recovery}}", "oncall-shop"),
        ('{{#is_match "env" "prod"}}@opsgenie-x{{else}}@slack-y{{/is_match}}', "opsgenie-x"),
    ],
)
def test_a_monitor_pages_whom_any_condition_of_its_message_names(message: str, routes: str) -> None:
    assert monitor(message=message) == ("high", f"it goes to {routes}")


@pytest.mark.parametrize(
    ("message", "why"),
    [
        ("{{#is_recovery}}@pagerduty-orders{{/is_recovery}} @slack-shop", "goes to slack-shop"),
        ("ann@pagerduty.com knows", "notifies nobody"),
        ("@ann@example.com @slack-homepage", "goes to ann@example.com, slack-homepage"),
    ],
)
def test_a_monitor_that_wakes_nobody_is_not_drafted_as_a_page(message: str, why: str) -> None:
    word, reason = monitor(message=message)
    assert (word, reason.endswith(why)) == ("medium", True)


PAST, FUTURE = NOW.timestamp() - 3600, NOW.timestamp() + 3600


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"options": {"silenced": {"*": None}}}, "; it is muted"),
        ({"matching_downtimes": [{"scope": ["*"], "start": PAST, "end": None}]}, "; it is muted"),
        ({"draft_status": "draft"}, "; it is a draft"),
    ],
)
def test_a_muted_monitor_or_a_draft_is_not_drafted_as_a_page(fields: dict[str, Any], why: str) -> None:
    word, reason = monitor(message=PAGES, **fields)
    assert (word, reason.endswith(why)) == ("medium", True)


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"options": {"silenced": {"*": FUTURE}}}, "; muted for a time"),
        ({"options": {"silenced": {"env:test": None}}}, "; muted for env:test"),
        ({"options": {"silenced": {"*": PAST}}}, "it goes to pagerduty-shop"),
        ({"matching_downtimes": [{"scope": ["*"], "start": FUTURE, "end": None}]}, "it goes to pagerduty-shop"),
    ],
)
def test_a_monitor_that_is_muted_for_a_time_or_in_part_is_drafted_as_a_page(fields: dict[str, Any], why: str) -> None:
    word, reason = monitor(message=PAGES, **fields)
    assert (word, reason.endswith(why)) == ("high", True)


def test_a_monitor_that_pages_only_in_its_escalation_is_drafted_as_a_page() -> None:
    found = monitor(message="", options={"escalation_message": "@pagerduty-late"})
    assert found == ("high", "it goes to pagerduty-late")


def test_a_monitor_that_is_deleted_or_has_a_template_as_name_is_left_out_and_counted() -> None:
    left_out: LeftOut = Counter()
    monitors = [{"name": "{{host.name}} is full"}, {"name": "Old", "deleted": "2026-01-01"}]
    assert list(drafts.of_monitors(monitors, left_out)) == []
    assert left_out == {"the name is a template: {{host.name}} is full": 1, "they are deleted": 1}


@pytest.mark.parametrize("document", [[], {"rules": []}, None, {"groups": 3}])
def test_a_file_without_rules_is_refused(document: Any) -> None:
    with pytest.raises(ConfigurationError, match="no `groups`"):
        list(drafts.of_rules(document))


def test_alerts_of_one_name_have_one_draft_the_worst() -> None:
    low, high, other = Draft("prometheus", "A", "*", "low", ""), Draft("prometheus", "a", "*", "page", "long"), CLEAR
    found = drafts.one_for_each([low, high, other])
    assert found == [replace(high, why="the worst of 2 of this name; long"), other]


def test_past_incidents_that_nobody_judged_are_drafted_the_most_frequent_first() -> None:
    def past(name: str, **changes: Any) -> IncidentRecord:
        kind = AlertKind(source="cloudwatch", alert_name=name, environment="prod")
        verdict = a_classification(severity="medium", subject=kind, reasons=["cloudwatch gives no severity."])
        alert = an_alert(alert_name=name, message=f"{name} is late", severity_stated=False)
        return a_record(an_incident(alert), **{"classification": verdict} | changes)

    judged = [Feedback(person="slack:U1", by="Ann", said="word", severity="low", at=NOW)]
    records = [past("rare"), past("often"), past("judged", feedback=judged), past("often"), a_record()]
    often, rare = drafts.of_incidents(records)

    assert (often.name, often.word, often.environment, often.text) == ("often", "medium", "prod", "often is late")
    assert often.why == "2 incidents; cloudwatch gives no severity."
    assert rare.name == "rare"
    assert often.kind.key == AlertKind(source="cloudwatch", alert_name="often", environment="prod").key
