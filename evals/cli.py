"""The command `make eval`: it judges the cases and prints tables; options measure clicks, models or redaction."""

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from evals import agreement, asking, baseline, console, earned, own_rules, public_rules, unstated
from evals.baseline import Baseline
from evals.cases import CASES, Case, load
from evals.classifiers import (
    RUNBOOKS,
    Classifier,
    ModelFor,
    Obedient,
    Policy,
    Recorder,
    Replay,
    history_only,
    rules_only,
)
from evals.costs import Costs
from evals.redaction import measure
from evals.scoring import Score, score
from firstline.adapters.llm.chat_model import ChatModel, Endpoint
from firstline.classification.model import CircuitBreaker, Model
from firstline.errors import ConfigurationError
from firstline.policy.costs import MISSED_PAGE_COST
from firstline.policy.model import Price

OPENAI = "https://api.openai.com/v1"
KEYS = ("EVAL_API_KEY", "FIRSTLINE_MODEL_KEY")
"""The environment variables that may hold the model's key; the first that is set counts."""

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def evals(
    rules: Annotated[
        Path | None, typer.Option(help="Compare with the severities of these public rules (TSV) instead.")
    ] = None,
    clicks: Annotated[
        bool, typer.Option("--clicks", help="Measure instead what people's clicks are worth; with --rules, on those.")
    ] = False,
    earned_say: Annotated[
        bool,
        typer.Option(
            "--earned", help="Measure instead what simulated models earn and spoil, or with --replay a recorded one."
        ),
    ] = False,
    base_url: Annotated[
        str, typer.Option(envvar="EVAL_BASE_URL", help="Address of an OpenAI-compatible server, up to /v1.")
    ] = OPENAI,
    models: Annotated[
        list[str] | None,
        typer.Option(
            "--model", envvar="EVAL_MODEL", help="Ask this model; may be given more than once. Key: EVAL_API_KEY."
        ),
    ] = None,
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
    accept: Annotated[bool, typer.Option(help="Make these results the new baseline of these cases.")] = False,
    cases: Annotated[Path, typer.Option(help="The folder of cases, such as your own; it keeps its baseline.")] = CASES,
    runbooks: Annotated[Path, typer.Option(help="The runbooks and rules to judge with.")] = RUNBOOKS,
    missed_page_cost: Annotated[
        float, typer.Option(min=0, help="A missed page costs as much as so many needless ones.")
    ] = MISSED_PAGE_COST,
    since_baseline: Annotated[
        bool, typer.Option(help="Show the change since the baseline, not since the last run.")
    ] = False,
    redaction: Annotated[
        bool, typer.Option("--redaction", help="Measure instead how many secrets are found, and what is taken for one.")
    ] = False,
    bodies: Annotated[Path | None, typer.Option(help="With --redaction: a folder of published bodies, too.")] = None,
) -> None:
    """Measure the verdicts. Without options: by rules only, by rules and history, and by the worst model imaginable."""
    out = Console(width=None if os.isatty(1) else 140)
    with _explaining(out):
        cases = CASES if cases.resolve() == CASES.resolve() else cases
        instead = _measure_instead(
            out, cases, rules, clicks=clicks, earned_say=earned_say, replay=replay, redaction=redaction, bodies=bodies
        )
        if instead is not None:
            raise typer.Exit(instead)
        if accept and only:
            raise ConfigurationError("--accept needs all cases for a baseline: leave --only out.")
        recorded = Replay(replay) if replay else None
        names = list(dict.fromkeys(models or ()))
        asked = {name: CircuitBreaker(_chat(base_url, name, deadline, max_output_tokens)) for name in names}
        answering = {name: _recording(model, _folder_of(name, names, record)) for name, model in asked.items()}
        classifiers = _classifiers(Policy.of(runbooks), answering, recorded, obedient)
        scores = _score(out, _chosen(cases, only), classifiers)
        before, since = _before(cases, only, since_baseline)
        prices = Price(prompt=price, completion=price if price_out is None else price_out)
        console.show(out, scores, before, since, price=prices, every_case=all_cases)
        second = _score(out, unstated.load(), _on_unstated(classifiers, names)) if cases == CASES and not only else []
        _show_costs(out, scores, second, missed_page_cost)
        _show_trouble(out, asked, base_url)
        if accept and any(breaker.gave_up for breaker in asked.values()):
            raise ConfigurationError("--accept needs a verdict of each model on each case: no baseline was written.")
        if not only:
            console.show_moved(out, scores, baseline.load(_baseline_of(cases)))
            _save(out, scores, cases, accept)
        _show_stale(out, recorded)
        raise typer.Exit(int(not all(found.is_safe for found in scores)))


def _classifiers(
    policy: Policy, asked: Mapping[str, ModelFor], recorded: Replay | None, obedient: bool
) -> list[Classifier]:
    models = dict(asked)
    if recorded is not None:
        models[recorded.name] = recorded
    if obedient:
        models["obedient"] = lambda _: Obedient()
    return [rules_only(policy), history_only(policy), *(Classifier(name, policy, models[name]) for name in models)]


def _on_unstated(classifiers: Sequence[Classifier], models: Sequence[str]) -> list[Classifier]:
    """Return those classifiers that can judge cases without history: the first, which has only rules, and the models.

    `models` has the names of the models. The cases are those of `unstated.py`.
    """
    return [classifiers[0], *(found for found in classifiers if found.name in models)]


def _measure_instead(
    out: Console,
    cases: Path,
    rules: Path | None,
    *,
    clicks: bool,
    earned_say: bool,
    replay: Path | None,
    redaction: bool,
    bodies: Path | None,
) -> int | None:
    """Measure what an option asks for instead of verdicts, and return the exit code; return None if no option does.

    The parameters are the options of `evals` with the same names.
    """
    if redaction:
        return _measure_redaction(out, bodies)
    if earned_say:
        _measure_earned(out, cases, replay)
    elif clicks:
        _measure_clicks(out, rules, cases)
    elif rules is not None:
        console.show_agreement(out, agreement.measure(public_rules.read(rules), Policy.of()))
    else:
        return None
    return 0


@contextmanager
def _explaining(out: Console) -> Iterator[None]:
    """Run the block of a `with`; if it raises ConfigurationError, print the error and exit with code 2."""
    try:
        yield
    except ConfigurationError as error:
        out.print(str(error), style="red", markup=False)
        raise typer.Exit(2) from None


def _measure_earned(out: Console, cases: Path, replay: Path | None) -> None:
    """Print what verdicts cost in needless pages without and with models whose changes count once they proved right.

    Simulated models judge the cases of the folder `cases`, then these together with the cases of `unstated.py`. With a
    folder of recorded answers (`replay`), the only model is the one that gave them, on the folder's cases alone.
    """
    judged, policy = load(cases), Policy.of()
    if replay is not None:
        recorded = Replay(replay)
        models = {recorded.name: earned.answering(judged, policy, recorded)}
        console.show_earned(out, earned.simulate(earned.judged_cases(judged, policy), models), "the cases")
        return
    for of, chosen in (("the cases", judged), ("both sets", [*judged, *unstated.load()])):
        with out.status(f"simulated models on {of}"):
            console.show_earned(out, earned.simulate(earned.judged_cases(chosen, policy)), of)


def _show_costs(out: Console, scores: list[Score], second: list[Score], missed_page_cost: float) -> None:
    """Print what each classifier's verdicts cost, counted in needless pages; a missed page costs `missed_page_cost`.

    `scores` are of the evals' cases, `second` of the alerts without a severity.
    """
    sets = {f"{len(scores[0].results)} cases": scores}
    if second:
        sets[f"{len(second[0].results)} alerts without a severity"] = second
    costs = [
        (name, found.classifier, Costs.of(found.results, missed_page_cost))
        for name, group in sets.items()
        for found in group
    ]
    console.show_costs(out, costs, missed_page_cost)


def _measure_clicks(out: Console, rules: Path | None, cases: Path) -> None:
    named = asking.of_rules(public_rules.read(rules)) if rules else asking.of_cases(load(cases))
    with out.status(f"{len(named)} alerts"):
        console.show_clicks(out, {order: asking.simulate(named, order) for order in asking.ORDERS})
        if rules:
            console.show_own_rules(out, own_rules.leave_file_out(named))


def _measure_redaction(out: Console, bodies: Path | None) -> int:
    measured = {"secrets": measure.secrets(), "personal data": measure.personal_data()}
    measured["public examples"] = measure.public_examples()
    measured["harmless alerts"] = measure.false_redactions()
    if bodies is not None:
        measured["published bodies"] = measure.false_redactions(bodies, own=False)
    measure.show(out, measured)
    public = measured["public examples"]
    missed = any(found.missed for found in measured.values() if found is not public)
    false = any(found.false_share > measure.MOST_FALSE for found in measured.values())
    return int(missed or false or public.recall < measure.LEAST_PUBLIC)


def _chosen(folder: Path, only: str) -> list[Case]:
    if not folder.is_dir():
        raise ConfigurationError(f"--cases {folder}: there is no such folder")
    chosen = [case for case in load(folder) if only in case.name]
    if not chosen:
        raise ConfigurationError(f"{folder} has no case{f' with {only!r} in its name; change --only' if only else ''}")
    return chosen


def _score(out: Console, cases: Sequence[Case], classifiers: Sequence[Classifier]) -> list[Score]:
    scores = []
    for classifier in classifiers:
        with out.status(f"{classifier.name}: {len(cases)} cases"):
            scores.append(score(classifier.name, [classifier.judge(case) for case in cases]))
    return scores


def _baseline_of(folder: Path) -> Path:
    """Return the baseline's file: that of the project for the project's cases, else `baseline.json` in `folder`."""
    return baseline.BASELINE if folder == CASES else folder / "baseline.json"


def _before(folder: Path, only: str, since_baseline: bool) -> tuple[Baseline, str]:
    """Return the earlier results with which to compare this run, and their name, `the last run` or `the baseline`.

    It is the stored last run, unless there is none, `since_baseline` is set, or the cases are not the project's own. If
    this run has `only` some of the cases, the numbers of the earlier one are left out.
    """
    last = {} if since_baseline or folder != CASES else baseline.load(baseline.LAST_RUN)
    before, since = (last, "the last run") if last else (baseline.load(_baseline_of(folder)), "the baseline")
    if only:  # numbers of some cases say nothing beside those of all; their severities do
        before = {name: known.model_copy(update={"numbers": {}}) for name, known in before.items()}
    return before, since


def _save(out: Console, scores: Sequence[Score], folder: Path, accept: bool) -> None:
    if folder == CASES:
        baseline.save(scores, baseline.LAST_RUN)
    if accept:
        baseline.save(scores, _baseline_of(folder))
        out.print(f"New baseline: {_baseline_of(folder)}", markup=False, highlight=False, soft_wrap=True)


def _chat(base_url: str, model: str, deadline: float, max_output_tokens: int) -> ChatModel:
    endpoint = Endpoint(
        base_url=base_url,
        model=model,
        api_key=lambda: next(filter(None, map(os.environ.get, KEYS)), None),
        max_output_tokens=max_output_tokens,
        key_name=KEYS[0],
    )
    return ChatModel(endpoint, deadline_seconds=deadline)


def _folder_of(model: str, models: Sequence[str], record: Path | None) -> Path | None:
    """Return the folder for a model's answers: `record` (also if None), or one in it if there are several `models`."""
    return record / model.replace("/", "-") if record and len(models) > 1 else record


def _recording(model: Model, folder: Path | None) -> ModelFor:
    return lambda case: Recorder(model, folder, case) if folder else model


def _show_trouble(out: Console, asked: Mapping[str, CircuitBreaker], base_url: str) -> None:
    """Print a line for each model that gave no verdict on some cases: why, and what to do about it.

    `asked` has the models by name, and `base_url` is the address of their server.
    """
    for name, breaker in asked.items():
        if trouble := breaker.trouble(key=" or ".join(KEYS), server=base_url):
            out.print(f"{name}: {trouble}", style="red", markup=False, highlight=False, soft_wrap=True)


def _show_stale(out: Console, recorded: Replay | None) -> None:
    """Print how many of the recorded answers were given to a question that has changed since; print nothing if none.

    `recorded` is None if no recorded answers were used.
    """
    if recorded is not None and recorded.stale:
        stale = f"--replay: {len(recorded.stale)} recorded answers are to an older question; record them again."
        out.print(stale, style="yellow")
