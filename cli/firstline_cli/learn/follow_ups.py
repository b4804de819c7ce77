"""Action items of postmortems: kept in the front matter of the files in `postmortems/`, where a team edits them.

Example
-------
    ---
    incident: QueueLong-mail-1-20261118T031200Z-e1fbd129
    action_items:
      - {what: Alert on the consumer's lag, owner: ada, due: 2026-12-15}
      - {what: Restart the consumer when it hangs, owner: bob, due: 2026-12-01, done: 2026-11-28}
    ---
"""

from collections.abc import Iterable, Mapping
from datetime import date
from pathlib import Path
from typing import Annotated

from pydantic import Field, StringConstraints, ValidationError

from firstline.errors import ConfigurationError
from firstline.models import Frozen

FOLDER = "postmortems"
_FENCE = "---"

type _Words = Annotated[str, StringConstraints(min_length=1, max_length=1_000, strip_whitespace=True)]


class ActionItem(Frozen):
    """One action so that an incident does not come again. It is open until `done` has the date on which it was done."""

    what: _Words
    owner: _Words | None = None
    due: date | None = None
    done: date | None = None


class FollowUp(Frozen):
    """An open action item, and the file of its postmortem."""

    what: str
    owner: str | None
    due: date | None
    file: str


class FrontMatter(Frozen):
    """The front matter of a postmortem: its incident and its action items."""

    incident: _Words
    action_items: Annotated[tuple[ActionItem, ...], Field(max_length=100)] = ()


def open_items(folder: Path) -> tuple[list[FollowUp], list[str]]:
    """Return a folder's open action items, the earliest due first, and a sentence on each wrong file or item."""
    found: list[FollowUp] = []
    problems: list[str] = []
    for path in sorted(folder.glob("*.md")) if folder.is_dir() else ():
        try:
            items = read(path).action_items
        except ConfigurationError as error:
            problems.append(str(error))
            continue
        still_open = [item for item in items if item.done is None]
        found += [FollowUp(what=item.what, owner=item.owner, due=item.due, file=path.name) for item in still_open]
        problems += _lacking(path, still_open)
    return sorted(found, key=lambda item: (item.due or date.max, item.file)), problems


def read(path: Path) -> FrontMatter:
    """Read the front matter of a postmortem. Raises ConfigurationError, which names the file, the key and the fix."""
    import yaml

    from firstline.policy.files import KeyTwice, plain

    head = _head(path)
    try:
        content = plain(head)
    except KeyTwice as error:
        raise ConfigurationError(f"{path}:{error.line + 1}: {error.key}: given twice; keep one") from None
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 2 if error.problem_mark else 1
        raise ConfigurationError(f"{path}:{line}: not YAML: {error.problem}; quote ':' and '#'") from None
    if isinstance(content, Mapping) and content.get("action_items", ()) is None:
        content = {**content, "action_items": ()}  # every line below the key is a comment
    try:
        return FrontMatter.model_validate(content)
    except ValidationError as error:
        wrong = "; ".join(f"{_place(found['loc'])}: {found['msg']}" for found in error.errors(include_url=False))
        raise ConfigurationError(
            f"{path}: {wrong}. An item is {{what: …, owner: …, due: 2026-12-15}}, and `done: <date>` once it is done."
        ) from None


def _head(path: Path) -> str:
    try:
        first, *lines = path.read_text(encoding="utf-8").splitlines() or [""]
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{path}: cannot be read ({error}).") from None
    if first.rstrip() != _FENCE or _FENCE not in lines:
        raise ConfigurationError(f"{path}: no front matter; begin with `---`, `incident: …`, `action_items:`, `---`.")
    return "\n".join(lines[: lines.index(_FENCE)])


def _lacking(path: Path, items: Iterable[ActionItem]) -> list[str]:
    """Return a sentence for each action item that has no owner or no due date.

    Each sentence begins with `path`, the file of their postmortem.
    """
    return [
        f"{path}: {item.what!r} has no {' and no '.join(missing)}."
        for item in items
        if (missing := [name for name in ("owner", "due") if getattr(item, name) is None])
    ]


def _place(location: tuple[int | str, ...]) -> str:
    return ".".join(map(str, location)) or "front matter"
