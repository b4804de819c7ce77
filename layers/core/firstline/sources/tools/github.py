"""The shapes (`ToolShape`: where each field stands) of the webhooks that GitHub posts to the generic source."""

from firstline.sources.tools.shape import ToolShape, words

_FAILED = "failure timed_out startup_failure"

SHAPES = (
    # https://docs.github.com/webhooks/webhook-events-and-payloads: a workflow ends its last failure on the same branch.
    # Its jobs and checks tell the same once more.
    ToolShape(
        "GitHub",
        "workflow_run.id repository.full_name",
        {
            "name": "workflow_run.name workflow_run.path",
            "status": "workflow_run.conclusion action",
            "message": "workflow_run.display_title",
            "service": "repository.full_name",
            "labels": "workflow_run.labels",
            "time": "workflow_run.updated_at",
            "url": "workflow_run.html_url",
            "fingerprint": "repository.full_name+workflow_run.workflow_id+workflow_run.head_branch",
        },
        words(firing=_FAILED, resolved="success"),
        other="muted",
    ),
    # The same page: Dependabot's, code scanning's and secret scanning's alerts
    ToolShape(
        "GitHub",
        "alert.number alert.html_url repository.full_name",
        {
            "name": "alert.security_advisory.summary alert.rule.description alert.secret_type_display_name",
            "status": "action",
            "severity": "alert.security_advisory.severity alert.rule.security_severity_level alert.rule.severity",
            "service": "repository.full_name",
            "time": "alert.updated_at alert.created_at",
            "url": "alert.html_url",
            "fingerprint": "alert.html_url",
            "group": "alert.html_url",
        },
        words(
            firing="created reopened reintroduced reopened_by_user publicly_leaked appeared_in_branch auto_reopened",
            resolved="fixed dismissed resolved auto_dismissed closed_by_user",
        ),
        other="muted",
    ),
    # Whatever else it tells: a push, a comment, a check, and that the webhook was made.
    ToolShape(
        "GitHub",
        "repository.full_name sender.login",
        {"name": "repository.full_name", "status": "sender.login"},
        other="muted",
    ),
    ToolShape("GitHub", "zen hook_id", {"name": "zen", "status": "hook_id"}, other="muted"),
)
