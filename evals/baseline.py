"""The numbers of earlier runs: the baseline that a person accepted, and the last run.

`evals/baseline.json` is in git and changes only with `--accept`; the last run is in the cache.
"""

import json
from collections.abc import Sequence
from pathlib import Path

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from evals.scoring import Score
from firstline.errors import ConfigurationError
from firstline.models import Severity

BASELINE = Path(__file__).parent / "baseline.json"
LAST_RUN = Path(__file__).parent.parent / ".cache" / "evals" / "last-run.json"

WATCHED = ("critical_recall", "page_recall", "macro_f1", "noise_precision", "unknown_recall", "deployment_f1")
"""The numbers of which CI allows none to fall below the baseline."""

ROUNDING = 0.0001


class Remembered(BaseModel):
    """One classifier's headline numbers, and the severity that it gave each case."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    numbers: dict[str, float | None]
    severities: dict[str, Severity]


type Baseline = dict[str, Remembered]
_FORMAT: TypeAdapter[Baseline] = TypeAdapter(dict[str, Remembered])


def load(path: Path = BASELINE) -> Baseline:
    """Return the stored numbers of each classifier by its name; none if the file does not exist.

    Raises
    ------
    ConfigurationError
        The file does not have the form of a baseline.
    """
    try:
        return _FORMAT.validate_json(path.read_bytes())
    except FileNotFoundError:
        return {}
    except ValidationError as error:
        why = error.errors(include_url=False)[0]
        place = ".".join(map(str, why["loc"]))
        said = f"{place}: {why['msg']}" if place else why["msg"]
        raise ConfigurationError(f"{path}: no valid baseline ({said}); delete it, and make one with --accept") from None


def save(scores: Sequence[Score], path: Path = BASELINE) -> None:
    """Store these scores in the file; it keeps its numbers of other classifiers."""
    path.parent.mkdir(parents=True, exist_ok=True)
    known = load(path) | {score.classifier: remembered(score) for score in scores}
    path.write_text(json.dumps(_FORMAT.dump_python(known), indent=1, sort_keys=True) + "\n", encoding="utf-8")


def remembered(score: Score) -> Remembered:
    """Return the part of a score that is stored, rounded so that a file changes only if a verdict does."""
    return Remembered(
        numbers={name: None if value is None else round(value, 4) for name, value in score.numbers.items()},
        severities={result.case.name: result.severity for result in score.results},
    )


def moved(score: Score, before: Baseline) -> tuple[list[str], list[str]]:
    """Return a line for each number watched by CI that fell since `before`, and one for each that rose.

    A number that the score no longer has counts as fallen.
    """
    fell, rose = [], []
    old = before[score.classifier].numbers if score.classifier in before else {}
    for name in WATCHED:
        was, now = old.get(name), score.numbers[name]
        if was is None:
            continue
        words = f"{score.classifier}: {name} {was:.4f} → {'–' if now is None else f'{now:.4f}'}"
        if now is None or now < was - ROUNDING:
            fell.append(words)
        elif now > was + ROUNDING:
            rose.append(words)
    return fell, rose
