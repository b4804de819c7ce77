"""From a runbook's steps to those of a plan: each pinned to what exactly would be sent."""

from typing import Any, Protocol

from firstline.errors import DocumentUnreadable, NoPlan
from firstline.models import Frozen, PlannedStep, StepKind
from firstline.runbooks import documents
from firstline.runbooks.model import DocumentStep, RollbackStep, Runbook, Step, Verify


class Document(Frozen):
    """A document as Systems Manager has it: the version that counts now, and what is in it."""

    version: str
    content: Any


class Documents(Protocol):
    """Documents in Systems Manager. Both methods raise `DocumentUnreadable`."""

    def read(self, name: str, version: str | None = None) -> Document | None:
        """Return this version, or the default version, or None if there is no such document."""

    def script(self, step: PlannedStep) -> str:
        """Return the script in the version of the step's document that would run."""


class Pins:
    """Pins steps to the versions of their documents. Everything raises NoPlan when one is not what it should be."""

    def __init__(self, runbook: Runbook, values: dict[str, str], deployed: Documents, prefix: str) -> None:
        self._runbook, self._values, self._documents, self._prefix = runbook, values, deployed, prefix

    def of_command(self, step_id: str, kind: StepKind, command: Step | Verify | RollbackStep) -> PlannedStep:
        """A step with a document of the stack's own: its content is the runbook's."""
        name = document_name(self._prefix, self._runbook.id, step_id)
        version, content_hash = self._pin(name, documents.content(self._runbook, step_id, command))
        return PlannedStep(
            step_id=step_id,
            kind=kind,
            document=name,
            document_version=version,
            document_hash=content_hash,
            parameters={name: [self._values[name]] for name in self._runbook.parameters_of(command)},
            timeout_seconds=int(self._runbook.timeout_of(command).total_seconds()),
            on_failure="stop" if isinstance(command, Verify) else command.on_failure,
        )

    def of_document(self, step: DocumentStep) -> PlannedStep:
        """A step with a document of the stack's owner: its content is theirs, its version the runbook's."""
        document = self._read(step.document, step.version)
        if document is None:
            raise NoPlan(f"version {step.version} of the document {step.document} is not in Systems Manager")
        unknown = sorted(set(step.parameters) - set(document.content.get("parameters") or {}))
        if unknown:
            raise NoPlan(f"version {step.version} of {step.document} takes no parameter {', '.join(unknown)}")
        return PlannedStep(
            step_id=step.id,
            kind="act",
            document=step.document,
            document_version=step.version,
            document_hash=documents.content_hash(document.content),
            parameters={theirs: [self._values[ours]] for theirs, ours in step.parameters.items()},
            timeout_seconds=int(step.timeout.total_seconds()),
            on_failure=step.on_failure,
        )

    def _read(self, name: str, version: str | None = None) -> Document | None:
        try:
            return self._documents.read(name, version)
        except DocumentUnreadable as error:
            raise NoPlan(str(error)) from None

    def _pin(self, name: str, expected: Any) -> tuple[str, str]:
        """The document's version, once it was seen to hold exactly what the runbook says."""
        document = self._read(name)
        if document is None:
            raise NoPlan(f"the document {name} is not in Systems Manager; deploy the stack")
        wanted = documents.content_hash(expected)
        if documents.content_hash(document.content) != wanted:
            raise NoPlan(f"the document {name} in Systems Manager is not what its runbook says; deploy the stack")
        return document.version, wanted


def document_name(prefix: str, runbook_id: str, step_id: str) -> str:
    """The SSM document of a step. The generated template and the plan must agree on it."""
    return f"{prefix}-{runbook_id}-{step_id}"
