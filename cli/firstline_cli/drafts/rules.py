"""Drafts from the alerting rules of Prometheus or Grafana, in rule files or Kubernetes' manifests."""

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from firstline.errors import ConfigurationError
from firstline.sources import meanings, severity, values
from firstline.text import one_line
from firstline_cli.drafts.suggestions import LeftOut, drafted, suggestion
from firstline_cli.template_texts import spoken
from firstline_cli.words_file import Draft

_KINDS_WITH_RULES = ("PrometheusRule", "PrometheusRuleList", "List")


def of_rules(document: Any, source: str = "prometheus", left_out: LeftOut | None = None) -> Iterator[Draft]:
    """Suggest a severity for each alerting rule that has none.

    The rules stand in a rule file of Prometheus or Grafana, in the answer of Prometheus' `GET /api/v1/rules`, in a
    PrometheusRule of Kubernetes, or in a list of these (`kubectl get prometheusrule -o yaml`). Rules without a draft
    are counted in `left_out`, by the reason, if it is given. `source` is the source from which Firstline gets the
    rules' alerts.

    Raises
    ------
    ConfigurationError
        The document has no groups of rules, or they are not of the form that Prometheus takes.
    """
    left_out = Counter() if left_out is None else left_out
    for group in _groups(document):
        rules = group.get("rules") or []
        where = f"group {one_line(str(group.get('name', '')), 100)!r}"
        if not isinstance(rules, list) or not all(isinstance(rule, dict) for rule in rules):
            raise ConfigurationError(f"{where}: `rules` is no list of rules; write each as `- alert: <name>`")
        common = _map(group, "labels", where)
        for rule in rules:
            records = bool(rule.get("record")) or rule.get("type") == "recording"
            name = "" if records else str(next(filter(None, map(rule.get, ("alert", "title", "name"))), ""))
            if not name:
                left_out["they record a metric" if records else "they have no name"] += 1
                continue
            labels, notes = common | _map(rule, "labels", name), _map(rule, "annotations", name)
            graded = _graded(labels) or _graded(notes)
            if graded == "none":
                left_out["their severity is `none`, which counts as info"] += 1
            elif graded:
                left_out["they state their severity"] += 1
            elif rule.get("isPaused"):
                left_out["they are paused"] += 1
            elif "{{" in name:
                left_out[f"the name is a template: {one_line(name, 100)}"] += 1
            else:
                yield _of_rule(rule, name, labels, notes, source)


def _of_rule(
    rule: Mapping[str, Any], name: str, labels: Mapping[str, Any], notes: Mapping[str, Any], source: str
) -> Draft:
    text = " ".join(spoken(str(notes[name])) for name in ("summary", "description", "message") if notes.get(name))
    facts = [f"for {rule['for']}"] if rule.get("for") else []
    facts += ["has a runbook"] if notes.get("runbook_url") else []
    word, why = suggestion(name, text, labels)
    # The expression tells a person most, but it is no text from which a severity could be guessed.
    expression = rule.get("expr") or rule.get("query")
    facts += [f"expr {one_line(str(expression), 120)}"] if expression else []
    return drafted(source, name, text, word, "; ".join([why, *facts]))


def _groups(document: Any) -> list[Mapping[str, Any]]:
    """Return the groups of rules in a document. Of a list of Kubernetes' objects, what holds no rules is skipped."""
    if isinstance(document, dict) and isinstance(document.get("items"), list):
        objects = [each for each in document["items"] if isinstance(each, dict) and holds_rules(each)]
        return [group for each in objects for group in _groups(each)]
    content = document.get("spec", document.get("data", document)) if isinstance(document, dict) else None
    groups = content.get("groups") if isinstance(content, dict) else None
    if not isinstance(groups, list) or not all(isinstance(group, dict) for group in groups):
        raise ConfigurationError("it has no `groups`: give a rule file of Prometheus, or Kubernetes' PrometheusRule")
    return groups


def holds_rules(document: Any) -> bool:
    """Return False for an empty YAML document and for an object of Kubernetes that holds no rules."""
    kind = document.get("kind", "PrometheusRule") if isinstance(document, dict) else document
    return document is not None and (not isinstance(kind, str) or kind in _KINDS_WITH_RULES)


def _map(given: Mapping[str, Any], name: str, where: str) -> dict[str, Any]:
    found = given.get(name) or {}
    if not isinstance(found, dict):
        raise ConfigurationError(f"{where}: `{name}` is no map; write `{name}: {{<name>: <value>}}`")
    return found


def _graded(labels: Mapping[str, Any]) -> str | None:
    """Return the severity that a rule's labels or annotations state, as written; None if they state none.

    A template, a placeholder such as `n/a` and a bare number state none.
    """
    graded = meanings.find(labels, "severity")
    states = graded is not None and not values.has_template(graded) and severity.states_any(graded)
    return graded if states and graded is not None and not severity.is_number(graded) else None
