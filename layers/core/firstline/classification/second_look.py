"""A second look: the model did not know, a host has been asked meanwhile, and a human is called next.

The model is asked once more, with what the steps printed. It can raise the severity and explain; it lowers nothing and
runs nothing, because its new evidence is text from a host that may be somebody else's by now.
"""

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from firstline.classification import guardrails, prompt
from firstline.classification.case import Case
from firstline.classification.evidence import gather
from firstline.classification.keeping import keep
from firstline.classification.model import Model
from firstline.classification.prompt import Prompt
from firstline.classification.redaction import safe_line, safe_text
from firstline.classification.rules import Rules
from firstline.errors import ModelGaveNoVerdict
from firstline.incidents.store import Incidents
from firstline.models import Classification, Evidence, Incident, StepResult, Usage

MAX_OUTPUTS = 10
MAX_OUTPUT_CHARS, MAX_CHARS_OF_A_STEP = 500, 1_000
"""What the machine keeps of an output, and of a step's outputs on all hosts together."""

MAX_NAME_CHARS = 128
MAX_WORDS_CHARS = 500


def look_again(
    incident: Incident,
    first: Classification,
    observations: Sequence[StepResult],
    *,
    history: Incidents,
    rules: Rules,
    model: Model | None,
    time_zone: str,
    now: datetime,
) -> Classification:
    """Gather anew, ask, remember."""
    evidence = gather(incident, history, rules=rules, time_zone=time_zone, now=now)
    verdict = reconsider(incident, first, observations, evidence=evidence, rules=rules, model=model, now=now)
    verdict = verdict.model_copy(update={"route": first.route, "hold": first.hold})
    keep(verdict, incident, history)
    return verdict


def reconsider(
    incident: Incident,
    first: Classification,
    observations: Sequence[StepResult],
    *,
    evidence: Evidence,
    rules: Rules,
    model: Model | None,
    now: datetime,
) -> Classification:
    """The first verdict, raised or explained by what the hosts said. Pure but for `model`.

    Returns
    -------
    Classification
        Never below the first one, and with its runbook. Without an answer it is the first one, and the reasons say why.
    """
    if model is None:
        return first.because("No second look: the LLM is off.")
    asked = question(incident, first, observations, evidence=evidence, now=now)
    try:
        verdict = model.verdict(asked)
    except ModelGaveNoVerdict as error:
        told = first.because(f"The second look gave no verdict ({error}): the first one stands.")
        return told.model_copy(update={"usage": first.usage + (error.usage or Usage())})
    judged = verdict.judgement
    name = safe_line(verdict.model, guardrails.MAX_MODEL_NAME_CHARS)
    said = (
        f"Second look, with what {_steps(observations)} printed: the model {name} (prompt {asked.version}) says "
        f"{judged.severity}, confidence {judged.confidence:.2g}."
    )
    changes = guardrails.Changes(first.severity)
    changes.at_least(judged.severity, "the second look says so")
    bounded = guardrails.within_bounds(changes.severity, Case.of(incident, evidence, rules, now))
    bounded.at_least(first.severity, "a second look lowers nothing")
    told = first.because(*verdict.notes, said, *changes.reasons, *bounded.reasons)
    return told.model_copy(
        update={
            **guardrails.words_of(judged, first),
            "severity": bounded.severity,
            "model": name,
            "usage": first.usage + verdict.usage,
        }
    )


def question(
    incident: Incident,
    first: Classification,
    observations: Sequence[StepResult],
    *,
    evidence: Evidence,
    now: datetime,
) -> Prompt:
    """The first look's question without runbooks, and with what is new since."""
    before = prompt.build(incident, evidence=evidence, offered=(), now=now)
    version, instructions = prompt.instructions(prompt.PROMPTS / "second_look.md")
    document = json.loads(before.data) | {
        "first_verdict": {
            "severity": first.severity,
            "cause": safe_line(first.cause, MAX_WORDS_CHARS),
            "confidence": first.confidence,
        },
        "what_the_hosts_said": [_observation(one, observations) for one in observations[-MAX_OUTPUTS:]],
    }
    return replace(
        before,
        version=f"{before.version}, second look {version}",
        system=f"{before.system}\n\n{instructions}",
        data=json.dumps(document, ensure_ascii=False),
    )


def _observation(one: StepResult, observations: Sequence[StepResult]) -> dict[str, Any]:
    return {
        "step": safe_line(one.step_id, MAX_NAME_CHARS),
        "host": safe_line(one.instance_id, MAX_NAME_CHARS),
        "ended": safe_line(one.status, MAX_NAME_CHARS),
        "output": _end_of(one, hosts=sum(other.step_id == one.step_id for other in observations)),
    }


def _end_of(one: StepResult, *, hosts: int) -> str:
    """The end of an output. The machine cut it there (state `Read Step`), so its first line may lack its beginning, and
    with it the word by which a secret is known: it is left out."""
    output = one.output[-2 * MAX_OUTPUT_CHARS :]
    if len(output) >= min(MAX_OUTPUT_CHARS, MAX_CHARS_OF_A_STEP // hosts) and "\n" in output:
        output = output.partition("\n")[2]
    return safe_text(output, max(1, len(output)))[-MAX_OUTPUT_CHARS:]


def _steps(observations: Sequence[StepResult]) -> str:
    names = list(dict.fromkeys(safe_line(one.step_id, MAX_NAME_CHARS) for one in observations[-MAX_OUTPUTS:]))
    return ", ".join(names) or "no step"
