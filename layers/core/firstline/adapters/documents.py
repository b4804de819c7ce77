"""Systems Manager's documents, as people read them before they approve a plan."""

import json
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from firstline.errors import DocumentUnreadable
from firstline.models import PlannedStep

if TYPE_CHECKING:
    from mypy_boto3_ssm import SSMClient


class Documents:
    """The stack's documents, read from where Run Command takes them: no copy that could differ."""

    def __init__(self, client: "SSMClient") -> None:
        self._client = client

    def script(self, step: PlannedStep) -> str:
        """The script in the step's document.

        Raises
        ------
        DocumentUnreadable
            SSM does not hand it out, or it holds no script.
        """
        try:
            answer = self._client.get_document(Name=step.document, DocumentFormat="JSON")
        except (ClientError, BotoCoreError) as error:
            raise DocumentUnreadable(f"document {step.document}: {error}") from error
        try:
            (main,) = json.loads(answer["Content"])["mainSteps"]
            return "\n".join(main["inputs"]["runCommand"])
        except (ValueError, KeyError, TypeError) as error:
            raise DocumentUnreadable(f"document {step.document} holds no shell script: {error!r}") from error
