"""GitHub's webhooks at the generic source: a workflow that fails, and everything else that GitHub tells."""

from typing import Any

import pytest

from firstline.models import NormalizedAlert
from firstline.sources import normalize, normalize_batch

FROM = {"repository": {"full_name": "shop/cart", "name": "cart"}, "sender": {"login": "ada"}}


def workflow(conclusion: str | None, action: str = "completed", **about: Any) -> dict[str, Any]:
    run = {"id": 1, "workflow_id": 7, "name": "Nightly", "head_branch": "main", "conclusion": conclusion}
    run |= {"html_url": "https://github.com/shop/cart/actions/runs/1", "updated_at": "2026-04-02T06:07:08Z"}
    return {"action": action, "workflow_run": run | about, **FROM}


def leak(action: str, **about: Any) -> dict[str, Any]:
    page = "https://github.com/shop/cart/security/secret-scanning/3"
    return {"action": action, "alert": {"number": 3, "html_url": page, **about}, **FROM}


def one(body: dict[str, Any]) -> NormalizedAlert:
    (alert,) = normalize("generic", body)
    return alert


def test_a_workflow_that_fails_fires_and_its_next_success_on_the_branch_ends_it() -> None:
    failed, passed = one(workflow("failure")), one(workflow("success", id=2))

    assert (failed.alert_name, failed.status, failed.service) == ("Nightly", "firing", "shop/cart")
    assert failed.url == "https://github.com/shop/cart/actions/runs/1"
    assert (passed.status, passed.fingerprint, passed.group_key) == ("resolved", failed.fingerprint, failed.group_key)
    assert one(workflow("success", head_branch="next")).fingerprint != failed.fingerprint


@pytest.mark.parametrize("field", ["security_advisory", "rule"])
def test_an_alert_about_security_fires_with_its_severity_until_it_is_fixed(field: str) -> None:
    about = {"severity": "critical", "summary": "SQL injection", "description": "SQL injection"}
    began, ended = (one(leak(action, **{field: about})) for action in ("created", "fixed"))

    assert (began.alert_name, began.severity, began.status) == ("SQL injection", "critical", "firing")
    assert (ended.status, ended.fingerprint, ended.group_key) == ("resolved", began.fingerprint, began.group_key)


@pytest.mark.parametrize(
    "body",
    [
        workflow(None, "requested"),
        workflow(None, "in_progress"),
        workflow("cancelled"),
        workflow("skipped"),
        leak("assigned", secret_type_display_name="A key"),
        {"zen": "Design for failure.", "hook_id": 7, "hook": {"type": "Organization"}},
        {"zen": "Design for failure.", "hook_id": 7, **FROM},
        {"ref": "refs/heads/main", "pusher": {"name": "ada"}, "head_commit": {"message": "it failed"}, **FROM},
        {"action": "completed", "check_run": {"name": "build", "conclusion": "failure"}, **FROM},
        {"action": "created", "comment": {"body": "critical"}, "issue": {"title": "Down", "state": "open"}, **FROM},
    ],
)
def test_whatever_else_github_tells_is_ignored_with_a_reason(body: dict[str, Any]) -> None:
    batch = normalize_batch("generic", body)

    assert (batch.alerts, len(batch.ignored)) == ([], 1)
