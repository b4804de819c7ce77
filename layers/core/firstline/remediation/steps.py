"""The commands of a plan: a runbook's steps, each pinned to a version of its document and to its parameters."""

from typing import Any, NamedTuple, Protocol

from firstline.errors import DocumentUnreadable, NoPlan
from firstline.models import Frozen, PlannedStep, StepKind
from firstline.runbooks import documents
from firstline.runbooks.commands import VERIFY, DocumentStep, RollbackStep, Step, Verify
from firstline.runbooks.model import Runbook
from firstline.runbooks.release_steps import ReleaseStep


class Document(Frozen):
    """One version of a document in Systems Manager: its content, and Systems Manager's SHA-256 of it in hexadecimal."""

    version: str
    content: Any
    hash: str


class Documents(Protocol):
    """The reader of documents in Systems Manager. Both methods raise `DocumentUnreadable`."""

    def read(self, name: str, version: str | None = None) -> Document | None:
        """Return a version of a document, by default the current one; None if it does not exist."""

    def script(self, step: PlannedStep) -> str:
        """Return the script of a planned step, from the version of its document that would run."""


class PinnedSteps(NamedTuple):
    """The commands of a runbook for steps, verification and rollback, each pinned to one version of its document."""

    steps: list[PlannedStep]
    verify: PlannedStep | None
    rollback: list[PlannedStep]


def pin_steps(runbook: Runbook, values: dict[str, str], deployed: Documents, prefix: str) -> PinnedSteps:
    """Return a runbook's commands, each pinned to a version of its document that `deployed` reads.

    `values` are the parameters' values, and `prefix` begins the documents' names. Steps that take a release back are
    left out.

    Raises
    ------
    NoPlan
        A document is missing, cannot be read, or differs from the runbook.
    """

    def pin(step_id: str, kind: StepKind, command: Step | Verify | RollbackStep) -> PlannedStep:
        name = documents.document_name(prefix, runbook, step_id, command)
        document = deployed.read(name)
        if document is None:
            raise NoPlan(f"the document {name} is not in Systems Manager; deploy the stack")
        if document.content != documents.content(runbook, step_id, command):
            raise NoPlan(f"the document {name} in Systems Manager differs from its runbook; deploy the stack")
        return PlannedStep(
            step_id=step_id,
            kind=kind,
            document=name,
            document_version=document.version,
            document_hash=document.hash,
            parameters={parameter: [values[parameter]] for parameter in runbook.parameters_of(command)},
            timeout_seconds=int(runbook.timeout_of(command).total_seconds()),
            on_failure="stop" if isinstance(command, Verify) else command.on_failure,
        )

    try:
        return PinnedSteps(
            [
                pin(step.id, step.kind, step) if isinstance(step, Step) else _pin_document(step, values, deployed)
                for step in runbook.steps
                if not isinstance(step, ReleaseStep)
            ],
            pin(VERIFY, "verify", runbook.verify) if runbook.verify else None,
            [pin(undo.id, "rollback", undo) for undo in runbook.rollback],
        )
    except DocumentUnreadable as error:
        raise NoPlan(str(error)) from None


def _pin_document(step: DocumentStep, values: dict[str, str], deployed: Documents) -> PlannedStep:
    """Pin a step to a document that the stack's owner wrote, in the version that the runbook names.

    `values` are the values of the runbook's parameters by name, and `deployed` reads the document.
    """
    document = deployed.read(step.document, step.version)
    if document is None:
        raise NoPlan(
            f"version {step.version} of the document {step.document} is not in Systems Manager: correct the runbook's "
            f"step {step.id}"
        )
    unknown = sorted(set(step.parameters) - set(document.content.get("parameters") or {}))
    if unknown:
        raise NoPlan(
            f"version {step.version} of the document {step.document} takes no parameter {', '.join(unknown)}: correct "
            f"the runbook's step {step.id}"
        )
    return PlannedStep(
        step_id=step.id,
        kind="act",
        document=step.document,
        document_version=step.version,
        document_hash=document.hash,
        parameters={theirs: [values[ours]] for theirs, ours in step.parameters.items()},
        timeout_seconds=int(step.timeout.total_seconds()),
        on_failure=step.on_failure,
    )
