"""How one command ended on one host."""

from typing import Annotated

from pydantic import AfterValidator

from firstline.models.frozen import Frozen, Name
from firstline.models.plan import StepKind


def _without_secrets(text: str) -> str:
    # Imported when there is something to read: whoever takes alerts in has no outputs.
    from firstline.privacy import redact_secrets

    return redact_secrets(text)


class StepResult(Frozen):
    """How one command ended on one host.

    `output` is the trimmed tail, without secrets; all of it is in CloudWatch Logs.
    Of a release that was taken back, `instance_id` is its place and `command_id` the deployment.
    """

    step_id: Name
    kind: StepKind
    instance_id: str
    command_id: str
    status: str
    output: Annotated[str, AfterValidator(_without_secrets)]
