"""The stack's documents in Systems Manager, which hold the scripts that steps of a plan run on hosts.

A plan names the version and the hash of each document, and people read the script before they approve the plan.
"""

import json
from typing import TYPE_CHECKING, Any

from firstline.adapters.aws.clients import raising
from firstline.errors import DocumentUnreadable
from firstline.models import PlannedStep
from firstline.remediation.steps import Document

if TYPE_CHECKING:
    from mypy_boto3_ssm import SSMClient


class SsmDocuments:
    """The stack's SSM documents, always read from Systems Manager, where Run Command reads them too.

    A version never changes its content, but a document that is deleted and made again begins with version 1. So a
    command names the version and its hash, and Systems Manager refuses the command if the version has another hash:
    https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_SendCommand.html
    """

    def __init__(self, client: "SSMClient") -> None:
        self._client = client

    def read(self, name: str, version: str | None = None) -> Document | None:
        """Return a document in `version` (by default its default version), or None if it does not exist.

        Raises
        ------
        DocumentUnreadable
            Systems Manager fails, or the document is no JSON.
        """
        with raising(DocumentUnreadable, f"document {name}"):
            found = self._content(name, version)
            if found is None:
                return None
            version, content = found
            described = self._client.describe_document(Name=name, DocumentVersion=version)["Document"]
            return Document(version=version, content=content, hash=described["Hash"])

    def script(self, step: PlannedStep) -> str:
        """Return the shell script that a planned step would run: that of its document's pinned version.

        Raises
        ------
        DocumentUnreadable
            The document or the version does not exist or holds no script, or Systems Manager fails.
        """
        with raising(DocumentUnreadable, f"document {step.document}"):
            found = self._content(step.document, step.document_version)
        if found is None:
            missing = f"document {step.document}: version {step.document_version} does not exist"
            raise DocumentUnreadable(f"{missing}; it was deleted after the step was planned")
        try:
            (main,) = found[1]["mainSteps"]
            return "\n".join(main["inputs"]["runCommand"])
        except (ValueError, KeyError, TypeError) as error:
            expected = "one step with inputs.runCommand is expected in mainSteps"
            raise DocumentUnreadable(f"document {step.document} holds no shell script: {expected}") from error

    def _content(self, name: str, version: str | None) -> tuple[str, Any] | None:
        """Return a document's version and content (by default its default version), or None if it does not exist."""
        wanted = {"Name": name, "DocumentVersion": version} if version else {"Name": name}
        try:
            answer = self._client.get_document(**wanted, DocumentFormat="JSON")
            return answer["DocumentVersion"], json.loads(answer["Content"])
        except (self._client.exceptions.InvalidDocument, self._client.exceptions.InvalidDocumentVersion):
            return None
        except ValueError as error:
            raise DocumentUnreadable(f"document {name} is no JSON: {error}") from error
