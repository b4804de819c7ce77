"""The state of a deployment, from the senders' words for it. Only the letters of a word are compared.

| state | meaning |
|---|---|
| `in_progress` | the deployment is running: some hosts have the new version |
| `succeeded` | all hosts have the new version |
| `failed` | the deployment failed or was stopped: some hosts may have the new version |
| `rolled_back` | the hosts have the previous version again |

Sources: https://docs.github.com/webhooks/webhook-events-and-payloads (GitHub: `deployment_status`, `workflow_run`),
https://docs.gitlab.com/user/project/integrations/webhook_events (GitLab),
https://docs.aws.amazon.com/codedeploy/latest/userguide/monitoring-cloudwatch-events.html (CodeDeploy),
https://docs.aws.amazon.com/codepipeline/latest/userguide/detect-state-changes-cloudwatch-events.html (CodePipeline),
https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs_service_deployment_events.html (ECS),
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/view-stack-events.html (CloudFormation),
https://argo-cd.readthedocs.io/en/stable/operator-manual/notifications (Argo CD: the operation's phase).
"""

import re
from typing import Literal

from firstline.models import DeploymentState

type NothingHappened = Literal["nothing"]

NOTHING: NothingHappened = "nothing"
"""The result for a deployment that changes nothing: it has not begun, was superseded, or only cleans up."""

_WORDS: dict[DeploymentState | NothingHappened, str] = {
    "in_progress": """
        in_progress running start started starting resumed deploying progressing syncing rolling_out
        create_in_progress update_in_progress import_in_progress
    """,
    "succeeded": """
        success succeeded successful complete completed done ok passed deployed finished healthy synced live
        create_complete update_complete import_complete
    """,
    "failed": """
        failed fail failure error errored unhealthy degraded broken timed_out startup_failure
        stop stopped stopping canceled cancelled canceling aborted terminated terminating
        create_failed update_failed rollback_failed update_rollback_failed import_rollback_failed
        rollback_requested rollback_in_progress update_rollback_in_progress import_rollback_in_progress
    """,
    "rolled_back": """
        rolled_back rollback rolling_back reverted reverting undone
        rollback_complete update_rollback_complete import_rollback_complete rollback_successful rollback_succeeded
    """,
    NOTHING: """
        pending queued waiting created requested scheduled blocked manual preparing ready
        skipped neutral stale action_required inactive superseded
        review_in_progress delete_in_progress delete_complete delete_failed
        update_complete_cleanup_in_progress update_rollback_complete_cleanup_in_progress
    """,
}
_ROLLBACK = re.compile(r"roll(?:ed|ing|s)?[ _-]?back|\brevert", re.IGNORECASE)


def _letters(word: str) -> str:
    return re.sub("[^a-z]", "", word.lower())


STATES: dict[str, DeploymentState | NothingHappened] = {
    _letters(word): state for state, words in _WORDS.items() for word in words.split()
}


def state_of(word: object, *told: object) -> DeploymentState | NothingHappened | None:
    """Return the state that a sender's word means, `nothing` for a word such as `queued`, or None if it is unknown.

    `told` are texts about the deployment (its task, name or reason). If one mentions a rollback, a running or
    succeeded deployment counts as rolled back.
    """
    state = STATES.get(_letters(word)) if isinstance(word, str) else None
    is_rollback = any(_ROLLBACK.search(text[:1_000]) for text in told if isinstance(text, str))
    return "rolled_back" if is_rollback and state in ("in_progress", "succeeded") else state
