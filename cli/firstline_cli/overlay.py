"""The owner's runbooks and policies, laid over the checkout's: git ignores `mine/`, so that an upgrade is no merge.

A file `mine/runbooks/<path>` takes the place of `runbooks/<path>`, or stands beside the shipped ones. What is built,
checked and run on one machine is the two together. Without the folder, the checkout is used as it is.

`python -m firstline_cli.overlay` prints the folder to build from; `scripts/build.sh` asks for it.
"""

import shutil
import sys
from pathlib import Path

MINE = "mine"
RUNBOOKS = "runbooks"
GENERATED = (Path("documents/template.yaml"), Path("schema.json"))
"""The files of a runbooks folder that are made from its runbooks."""


def together(checkout: Path) -> Path:
    """Return the folder of the shipped and the owner's runbooks together, brought up to date."""
    own = checkout / MINE / RUNBOOKS
    if not own.is_dir():
        return checkout / RUNBOOKS
    folder = tree_of(checkout) / RUNBOOKS
    both = _files(checkout / RUNBOOKS) | _files(own)
    wanted = {path: file for path, file in both.items() if path not in GENERATED}
    for path, source in wanted.items():
        _copy_if_changed(source, folder / path)
    for path in _files(folder).keys() - wanted.keys() - set(GENERATED):
        (folder / path).unlink()
    return folder


def tree(checkout: Path) -> Path:
    """Return the folder whose template.yaml is to be built: the checkout, with the runbooks of both.

    Raises
    ------
    ConfigurationError
        The runbooks together have problems: every one with its file and line.
    """
    runbooks = together(checkout)
    if runbooks == checkout / RUNBOOKS:
        return checkout
    from firstline.errors import ConfigurationError
    from firstline.runbooks.catalogue import Catalogue
    from firstline_cli.lint import check

    sound, problems = check.read_checked(runbooks)
    if problems:
        raise ConfigurationError("\n".join(named(f"{runbooks}/{problem}", checkout) for problem in problems))
    for path, text in check.rendered(Catalogue(sound)).items():
        if not (runbooks / path).is_file() or (runbooks / path).read_text(encoding="utf-8") != text:
            (runbooks / path).parent.mkdir(parents=True, exist_ok=True)
            (runbooks / path).write_text(text, encoding="utf-8")
    for name in ("template.yaml", "observability.yaml", "samconfig.toml", "layers", "functions", "statemachine"):
        link = tree_of(checkout) / name
        if not link.is_symlink():
            link.symlink_to(checkout / name)
    return tree_of(checkout)


def tree_of(checkout: Path) -> Path:
    """Return the folder that holds the shipped runbooks and, over them, the owner's."""
    return checkout / ".cache" / MINE


def named(text: str, checkout: Path) -> str:
    """Return a text in which the files of that folder have the names under which the owner knows them."""
    folder = f"{tree_of(checkout) / RUNBOOKS}/"
    if folder not in text:
        return text
    before, *parts = text.split(folder)
    return before + "".join(_name(part, checkout) + part for part in parts)


def _name(part: str, checkout: Path) -> str:
    """Return the folder of a path that a text begins with."""
    path = part.split(":", 1)[0].split(" ", 1)[0]
    return f"{MINE}/{RUNBOOKS}/" if (checkout / MINE / RUNBOOKS / path).is_file() else f"{RUNBOOKS}/"


def _files(folder: Path) -> dict[Path, Path]:
    """Return the files of a folder by their path in it, without what editors and git leave."""
    found = {file.relative_to(folder): file for file in folder.rglob("*", recurse_symlinks=True) if file.is_file()}
    return {path: file for path, file in found.items() if not any(part.startswith(".") for part in path.parts)}


def _copy_if_changed(source: Path, target: Path) -> None:
    """Copy a file unless it is there already. Another command may read the target meanwhile."""
    if target.is_file() and target.read_bytes() == source.read_bytes():
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    beside = target.with_name(f".{target.name}.new")
    shutil.copyfile(source, beside)
    beside.replace(target)


def main() -> None:
    """Print the folder to build from, or what is wrong with the owner's runbooks."""
    from firstline.errors import ConfigurationError

    try:
        print(tree(Path.cwd()))
    except ConfigurationError as error:
        print(error, file=sys.stderr)
        sys.exit(1)


if __name__ == "__main__":
    main()
