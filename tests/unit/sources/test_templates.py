"""Templates that the sender did not expand: they state nothing, and the message names those fields."""

from typing import Any

import pytest

from firstline.sources import normalize, values
from tests.unit.sources.events import RECEIVED_AT

TEMPLATES = [
    "{{ $labels.severity }}",
    "{{host.name}}",
    "{{ host.name }}/{{ port }}",
    "${severity}",
    "${{ inputs.severity }}",
    "$labels.severity",
    "$HOSTNAME$",
    "$result.host$",
    "{HOST.NAME}",
    "{EVENT.SEVERITY}",
    "{$SEVERITY.DEFAULT}",
    "%{host}",
    "#{severity}",
    "@{triggerBody()?['severity']}",
    "<%= @host %>",
    "{% if critical %}",
]
FILLED = ["critical", "web-1", "$5 a day", "/users/{id}/orders", "{}", "100%", "a{b", "f(x) { return }", "US$", "{A}"]


@pytest.mark.parametrize("text", TEMPLATES)
def test_an_unexpanded_template_is_recognised(text: str) -> None:
    assert values.has_template(text)
    assert values.is_template(text)


@pytest.mark.parametrize("text", [*FILLED, None, 5, {}])
def test_a_filled_text_is_no_template_even_with_braces_or_dollar_or_percent_signs(text: Any) -> None:
    assert not values.has_template(text)


def test_a_template_between_words_is_found_but_the_whole_text_is_no_template() -> None:
    assert values.has_template("{{ host.name }} is down")
    assert not values.is_template("{{ host.name }} is down")


def prometheus(severity: str, instance: str, service: str) -> Any:
    labels = {"alertname": "Lag", "severity": severity, "instance": instance, "service": service}
    return {"alerts": [{"status": "firing", "labels": labels, "annotations": {"summary": "It lags."}}]}


def generic(severity: str, instance: str, service: str) -> Any:
    return {"title": "Lag", "severity": severity, "host": instance, "service": service, "message": "It lags."}


def datadog(severity: str, instance: str, service: str) -> Any:
    return {
        "title": "Lag",
        "body": "It lags.",
        "alert_priority": severity,
        "hostname": instance,
        "tags": f"service:{service}",
    }


BODIES = {"prometheus": prometheus, "grafana": prometheus, "generic": generic, "datadog": datadog}


@pytest.mark.parametrize("template", TEMPLATES)
@pytest.mark.parametrize("source", BODIES)
def test_a_template_gives_no_severity_host_or_service_and_the_message_says_so(source: str, template: str) -> None:
    (alert,) = normalize(source, BODIES[source](template, template, template), received_at=RECEIVED_AT)

    assert (alert.alert_name, alert.severity, alert.severity_stated) == ("Lag", "medium", False)
    assert (alert.host, alert.service) == (None, None)
    assert "It lags." in alert.message
    assert "not filled in" in alert.message
    assert "severity is" in alert.message or "priority is" in alert.message


def test_a_host_that_is_partly_a_template_is_no_host() -> None:
    (alert,) = normalize("generic", generic("P1", "{{ host.name }}.prod.example.org", "ledger"))

    assert (alert.host, alert.service, alert.severity) == (None, "ledger", "critical")


def test_a_message_that_holds_a_placeholder_itself_gets_no_remark_about_it() -> None:
    (alert,) = normalize("generic", {"title": "Lag", "message": "Disk at {{ value }} %"})

    assert alert.message == "Disk at {{ value }} %"


def test_a_status_that_is_a_template_ends_no_alert() -> None:
    (alert,) = normalize("generic", {"title": "Lag", "status": "{{ status }}"})

    assert alert.status == "firing"


def test_an_alert_that_fires_and_resolves_with_a_template_is_one_alert() -> None:
    body = prometheus("{{ $labels.severity }}", "web-1", "ledger")
    over = {"alerts": [body["alerts"][0] | {"status": "resolved"}]}

    assert normalize("prometheus", body)[0].fingerprint == normalize("prometheus", over)[0].fingerprint


NO_VALUES = ["<no value>", "[no value]", "undefined", "null", "None", "N/A", "unknown", "*UNKNOWN*", "-", "(null)"]


@pytest.mark.parametrize("word", NO_VALUES)
@pytest.mark.parametrize("source", BODIES)
def test_a_placeholder_for_no_value_names_no_host_and_no_service(source: str, word: str) -> None:
    (alert,) = normalize(source, BODIES[source]("P1", word, word), received_at=RECEIVED_AT)

    assert (alert.severity, alert.host, alert.service) == ("critical", None, None)


def test_the_placeholder_service_name_of_opentelemetry_is_passed_over() -> None:
    body = {"alert_name": "Lag", "labels": {"service.name": "unknown_service:java", "k8s.deployment.name": "ledger"}}

    assert normalize("generic", body)[0].service == "ledger"
