"""Documents of Systems Manager: plans are pinned to them, and people read them before they approve a plan."""

import json
from typing import TYPE_CHECKING

from firstline.adapters.aws.clients import raising
from firstline.errors import DocumentUnreadable
from firstline.models import PlannedStep
from firstline.remediation.steps import Document

if TYPE_CHECKING:
    from mypy_boto3_ssm import SSMClient


class SsmDocuments:
    """The stack's SSM documents, always read from Systems Manager, as Run Command does: no copy can differ.

    A version never changes its content, so a command that names the version runs what was read. `DocumentHash` cannot
    be computed here: AWS does not say of what it is a hash ("created by the system when the document was created").
    """

    def __init__(self, client: "SSMClient") -> None:
        self._client = client

    def read(self, name: str, version: str | None = None) -> Document | None:
        """Return this version, or the default version, or None if there is no such document.

        Raises
        ------
        DocumentUnreadable
            SSM does not return it, or it is no JSON.
        """
        wanted = {"Name": name, "DocumentVersion": version} if version else {"Name": name}
        with raising(DocumentUnreadable, f"document {name}"):
            try:
                answer = self._client.get_document(**wanted, DocumentFormat="JSON")
                return Document(version=answer["DocumentVersion"], content=json.loads(answer["Content"]))
            except (self._client.exceptions.InvalidDocument, self._client.exceptions.InvalidDocumentVersion):
                return None
            except ValueError as error:
                raise DocumentUnreadable(f"document {name}: {error}") from error

    def script(self, step: PlannedStep) -> str:
        """Return the script in the version of the step's document that would run.

        Raises
        ------
        DocumentUnreadable
            There is no such document, SSM does not return it, or it holds no script.
        """
        document = self.read(step.document, step.document_version)
        if document is None:
            raise DocumentUnreadable(f"document {step.document}: version {step.document_version} does not exist")
        try:
            (main,) = document.content["mainSteps"]
            return "\n".join(main["inputs"]["runCommand"])
        except (ValueError, KeyError, TypeError) as error:
            raise DocumentUnreadable(f"document {step.document} holds no shell script: {error!r}") from error
