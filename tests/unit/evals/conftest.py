"""Verdicts on small made-up cases."""

from collections.abc import Callable
from typing import Any, cast

import pytest

from evals.cases import CASES, Case, Truth, load
from evals.classifiers import Verdict
from firstline.models import Classification, EarlierIncident, Evidence
from tests.support.builders import NOON, alert, at, incident

type MakeVerdict = Callable[..., Verdict]


@pytest.fixture(scope="session")
def cases() -> list[Case]:
    """The project's own cases, which take a second to read."""
    return load(CASES)


@pytest.fixture
def verdict() -> MakeVerdict:
    """A maker of verdicts on made-up cases: from the right severity, the severity that was said, and more if needed."""

    def make(
        truth: str,
        said: str,
        *,
        cause: str = "unknown",
        text: str = "Unknown.",
        source: str = "medium",
        stated: bool = True,
        confidence: float = 0.5,
        runbook: str | None = None,
        right_runbook: str | None = None,
        never: tuple[str, ...] = (),
        offered: tuple[str, ...] = ("low-disk",),
        deployment: bool = False,
        decided_by: str = "rules",
        cleared: int = 0,
        storm: bool = False,
        **how: Any,
    ) -> Verdict:
        earlier = [
            EarlierIncident(
                incident_id=f"e{number}",
                opened_at=at(-60 * (number + 1)),
                closed_at=at(-60 * number - 50),
                severity="high",
                outcome="self_cleared",
            )
            for number in range(cleared)
        ]
        return Verdict(
            case=Case(
                name=f"real/{truth}-{said}-{cause}",
                kind="real",
                incident=incident(alert=alert(severity=source, severity_stated=stated).without_raw(), storm=storm),
                evidence=Evidence(
                    same_name_last_hour=1, earlier=earlier, deployments=[], local_time=NOON, business_hours=True
                ),
                truth=Truth.model_validate(
                    {
                        "severity": truth,
                        "cause": cause,
                        "runbook": right_runbook,
                        "never": never,
                        "why": "<b>because</b> it is so",
                    }
                ),
                now=NOON,
            ),
            classification=Classification.model_validate(
                {
                    "severity": said,
                    "cause": text,
                    "is_deployment_related": deployment,
                    "can_be_remediated": runbook is not None,
                    "runbook_id": runbook,
                    "confidence": confidence,
                    "summary": "s",
                    "first_steps": [],
                    "decided_by": decided_by,
                    "reasons": ["<script>alert(1)</script>"],
                    "usage": {"prompt_tokens": how.pop("tokens", 0)},
                }
            ),
            offered=offered,
            **cast(
                dict[str, Any],
                {
                    "by_rule": False,
                    "acts_by_itself": False,
                    "without_model": said,
                    "asked_model": False,
                    "no_verdict": False,
                }
                | how,
            ),
        )

    return make
