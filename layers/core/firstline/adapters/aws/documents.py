"""Systems Manager's documents: plans are pinned to them, and people read them before they approve a plan."""

import json
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from firstline.errors import DocumentUnreadable
from firstline.models import PlannedStep
from firstline.remediation.steps import Document

if TYPE_CHECKING:
    from mypy_boto3_ssm import SSMClient


class SsmDocuments:
    """The stack's documents, read from where Run Command takes them: no copy that could differ.

    A version never changes its content, so a command that names the version runs what was read. `DocumentHash` would
    say the same, but AWS does not say what exactly it is a hash of ("created by the system when the document was
    created"), so it cannot be reckoned here.
    """

    def __init__(self, client: "SSMClient") -> None:
        self._client = client

    def read(self, name: str, version: str | None = None) -> Document | None:
        """Return this version, or the default version, or None if there is no such document.

        Raises
        ------
        DocumentUnreadable
            SSM does not hand it out, or it is no JSON.
        """
        try:
            answer = (
                self._client.get_document(Name=name, DocumentVersion=version, DocumentFormat="JSON")
                if version
                else self._client.get_document(Name=name, DocumentFormat="JSON")
            )
            return Document(version=answer["DocumentVersion"], content=json.loads(answer["Content"]))
        except (self._client.exceptions.InvalidDocument, self._client.exceptions.InvalidDocumentVersion):
            return None
        except (ClientError, BotoCoreError, ValueError) as error:
            raise DocumentUnreadable(f"document {name}: {error}") from error

    def script(self, step: PlannedStep) -> str:
        """Return the script in the version of the step's document that would run.

        Raises
        ------
        DocumentUnreadable
            SSM does not hand it out, or it holds no script.
        """
        try:
            answer = self._client.get_document(
                Name=step.document, DocumentVersion=step.document_version, DocumentFormat="JSON"
            )
        except (ClientError, BotoCoreError) as error:
            raise DocumentUnreadable(f"document {step.document}: {error}") from error
        try:
            (main,) = json.loads(answer["Content"])["mainSteps"]
            return "\n".join(main["inputs"]["runCommand"])
        except (ValueError, KeyError, TypeError) as error:
            raise DocumentUnreadable(f"document {step.document} holds no shell script: {error!r}") from error
