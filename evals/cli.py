"""`make eval`: judge the cases, print the table, write the report; or compare with published rules' severities."""

import os
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from evals import (
    agreement,
    agreement_page,
    baseline,
    console,
    page,
    public_rules,
    similarity,
    similarity_table,
    traffic_table,
)
from evals.cases import CASES, Case, load
from evals.classifiers import (
    Classifier,
    HistoryOnly,
    ModelFor,
    Obedient,
    Policy,
    Recorder,
    Replay,
    RulesOnly,
    WithModel,
)
from evals.redaction import measure
from evals.scoring import Score, score
from firstline.adapters.llm import ChatModel, Endpoint
from firstline.classification.model import Model, Price
from firstline.errors import ConfigurationError

ROOT = Path(__file__).parent.parent
REPORT = ROOT / ".cache" / "evals" / "report.html"
AGREEMENT = REPORT.with_name("agreement.html")

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def evals(
    rules: Annotated[
        Path | None, typer.Option(help="Compare with the severities of these public rules (TSV) instead.")
    ] = None,
    similar: Annotated[
        bool, typer.Option("--similar", help="Measure the look-up of similar incidents instead.")
    ] = False,
    traffic: Annotated[
        bool,
        typer.Option("--traffic", help="Replay 30 days of recurring incidents instead: how often is a model needed?"),
    ] = False,
    base_url: Annotated[
        str, typer.Option(envvar="EVAL_BASE_URL", help="Address of an OpenAI-compatible server, up to /v1.")
    ] = "https://api.openai.com/v1",
    model: Annotated[str, typer.Option(envvar="EVAL_MODEL", help="Ask this model. The key is in EVAL_API_KEY.")] = "",
    deadline: Annotated[float, typer.Option(help="Seconds that one answer may take.")] = 30,
    max_output_tokens: Annotated[int, typer.Option(help="Models that reason need 4000.")] = 1_500,
    price: Annotated[float, typer.Option(envvar="EVAL_PRICE", min=0, help="What a million tokens in cost.")] = 0,
    price_out: Annotated[
        float | None, typer.Option(envvar="EVAL_PRICE_OUT", min=0, help="A million tokens out; by default the same.")
    ] = None,
    record: Annotated[Path | None, typer.Option(help="Keep the model's answers in this folder.")] = None,
    replay: Annotated[Path | None, typer.Option(help="Take the answers from this folder instead of a model.")] = None,
    obedient: Annotated[bool, typer.Option(help="Also try a model that obeys every attacker.")] = True,
    only: Annotated[str, typer.Option(help="Only cases whose name holds this text.")] = "",
    all_cases: Annotated[bool, typer.Option("--all", help="List every case, not only the wrong ones.")] = False,
    accept: Annotated[bool, typer.Option(help="Make these results the new baseline.")] = False,
    cases: Annotated[Path, typer.Option(help="The folder of cases.")] = CASES,
    report: Annotated[Path | None, typer.Option(help="Where the report page goes.")] = None,
    since_baseline: Annotated[
        bool, typer.Option(help="Show the change since the baseline, not since the last run.")
    ] = False,
    redaction: Annotated[
        bool, typer.Option("--redaction", help="Measure instead how many secrets are found, and what is taken for one.")
    ] = False,
    bodies: Annotated[Path | None, typer.Option(help="With --redaction: a folder of published bodies, too.")] = None,
) -> None:
    """How good are the verdicts? Without options: rules only, rules and history, and the worst model imaginable."""
    out = Console(width=None if os.isatty(1) else 140)
    if redaction:
        raise typer.Exit(_measure_redaction(out, bodies))
    try:
        if traffic:
            traffic_table.show(out)
            return
        if similar:
            similarity_table.show(out, similarity.read())
            return
        policy = Policy.of()
        if rules is not None:
            found = agreement.measure(public_rules.read(rules), policy)
            console.show_agreement(out, found)
            _write(out, report or AGREEMENT, agreement_page.render(found))
            return
        chosen = [one for one in load(cases) if only in one.name]
        if not chosen:
            raise ConfigurationError(f"{cases}: no case{f' with {only!r} in its name' if only else ''}")
        classifiers: list[Classifier] = [RulesOnly(policy), HistoryOnly(policy)]
        if model:
            classifiers.append(WithModel(model, policy, _asking(base_url, model, deadline, max_output_tokens, record)))
        recorded = Replay(replay) if replay else None
        if recorded is not None and replay is not None:
            classifiers.append(WithModel(f"replay:{replay.name}", policy, recorded))
        if obedient:
            classifiers.append(WithModel("obedient", policy, lambda _: Obedient()))
        scores = [_judge(out, one, chosen) for one in classifiers]
        accepted = baseline.load()
        last = {} if since_baseline else baseline.load(baseline.LAST_RUN)
        before, since = (last, "the last run") if last else (accepted, "the baseline")
        if only:  # numbers of some cases say nothing beside those of all; their severities do
            before = {name: one.model_copy(update={"numbers": {}}) for name, one in before.items()}
    except ConfigurationError as error:
        out.print(str(error), style="red", markup=False)
        raise typer.Exit(2) from None
    prices = Price(prompt=price, completion=price if price_out is None else price_out)
    console.show(out, scores, before, since=since, price=prices, every_case=all_cases)
    if not only:
        console.show_moved(out, scores, accepted)
    if recorded is not None and recorded.stale:
        out.print(
            f"{len(recorded.stale)} recorded answers are to another question than is asked now; record again.",
            style="yellow",
        )
    _write(out, report or REPORT, page.render(scores, before, since=since, price=prices))
    if not only and cases == CASES:
        baseline.save(scores, baseline.LAST_RUN)
    if accept:
        if only:
            out.print("A baseline is of all cases: leave --only out.", style="red")
            raise typer.Exit(2)
        baseline.save(scores)
        out.print(f"New baseline: {baseline.BASELINE}", markup=False, highlight=False, soft_wrap=True)
    if any(one.unsafe or one.below_floor for one in scores):
        raise typer.Exit(1)


def _write(out: Console, path: Path, content: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content, encoding="utf-8")
    out.print(f"Report: {path}", markup=False, highlight=False, soft_wrap=True)


def _measure_redaction(out: Console, bodies: Path | None) -> int:
    measured = {
        "secrets": measure.secrets(),
        "personal data": measure.personal_data(),
        "harmless alerts": measure.false_redactions(),
    }
    if bodies is not None:
        measured["published bodies"] = measure.false_redactions(bodies, own=False)
    measure.show(out, measured)
    wrong = any(one.missed or one.false_share > measure.MOST_FALSE for one in measured.values())
    return int(wrong)


def _judge(out: Console, classifier: Classifier, cases: list[Case]) -> Score:
    with out.status(f"{classifier.name}: {len(cases)} cases"):
        return score(classifier.name, [classifier.judge(one) for one in cases])


def _asking(base_url: str, model: str, deadline: float, max_output_tokens: int, record: Path | None) -> ModelFor:
    endpoint = Endpoint(
        base_url=base_url,
        model=model,
        api_key=lambda: os.environ.get("EVAL_API_KEY") or None,
        max_output_tokens=max_output_tokens,
        key_name="EVAL_API_KEY",
    )
    chat = ChatModel(endpoint, deadline_seconds=deadline)

    def model_for(case: Case) -> Model:
        return Recorder(chat, record, case) if record else chat

    return model_for
