"""The owner's runbooks and policies in `mine/`, laid over the checkout's.

Git ignores `mine/`, so that an upgrade needs no merge. A file `mine/runbooks/<name>.patch.yaml` changes keys of the
shipped `<name>.yaml`, as a JSON Merge Patch does (RFC 7386). Any other file replaces the shipped file of its name, or
is added to the shipped files. Builds, checks and the emulator use the shipped and the owner's files together. Without
the folder `mine/`, they use the checkout as it is.

`python -m firstline_cli.overlay` prints the folder to build from; `scripts/build.sh` asks for it.
"""

import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

MINE = "mine"
SETTINGS = f"{MINE}/firstline.toml"
SAMCONFIG = "samconfig.toml"
RUNBOOKS = "runbooks"
POLICY = "policy"
POLICIES = ("rules", "paging", "remediation", "model", "people", "oncall")
"""The names of the policy files."""

PATCH = ".patch.yaml"
GENERATED = (Path("documents/template.yaml"), Path("schema.json"))
"""The files of a runbooks folder that are generated from its runbooks."""


def settings(checkout: Path) -> dict[str, Any]:
    """Return the content of mine/firstline.toml; an empty one if there is no such file.

    Raises
    ------
    ConfigurationError
        The file is no TOML, or no UTF-8 as TOML has to be.
    """
    return read_toml(checkout / SETTINGS, SETTINGS)


def samconfig(checkout: Path) -> dict[str, Any]:
    """Return the content of samconfig.toml; an empty one if there is no such file.

    Raises
    ------
    ConfigurationError
        The file is no TOML, or no UTF-8 as TOML has to be.
    """
    return read_toml(checkout / SAMCONFIG, SAMCONFIG)


def read_toml(file: Path, name: str) -> dict[str, Any]:
    """Return the content of a TOML file, whose `name` begins the message of an error; an empty one without the file.

    Raises
    ------
    ConfigurationError
        The file is no TOML, or no UTF-8 as TOML has to be.
    """
    import tomllib

    if not file.exists():
        return {}
    try:
        return tomllib.loads(file.read_bytes().decode("utf-8-sig"))
    except ValueError as error:
        from firstline.errors import ConfigurationError

        what = "is not stored as UTF-8, store it so" if isinstance(error, UnicodeDecodeError) else "this is no TOML"
        raise ConfigurationError(f"{name}: {what}: {error}.") from None


def together(checkout: Path) -> Path:
    """Write the shipped runbooks with the owner's over them into one folder, and return it.

    Without a folder `mine/runbooks`, write nothing and return the folder of the shipped ones.

    Raises
    ------
    ConfigurationError
        A patch is no YAML, has nothing to change, or lowers the risk of shipped steps, or a file lies where nothing
        reads it. The message names the file and the fix.
    """
    own = checkout / MINE / RUNBOOKS
    if not own.is_dir():
        return checkout / RUNBOOKS
    folder = _tree_of(checkout) / RUNBOOKS
    owned, shipped = _files(own), _files(checkout / RUNBOOKS)
    _check_places(owned)
    patches = [path for path in owned if path.name.endswith(PATCH)]
    wanted = {path: file.read_bytes() for path, file in (shipped | owned).items() if path not in {*GENERATED, *patches}}
    for path in patches:
        wanted[_patched(path)] = _apply(path, owned, shipped)
    for path, content in wanted.items():
        _write_if_changed(content, folder / path)
    for path in _files(folder).keys() - wanted.keys() - set(GENERATED):
        (folder / path).unlink()
    return folder


def _check_places(owned: Iterable[Path]) -> None:
    """Raise ConfigurationError for an owner's YAML file that nothing would read, because of its name or its folder."""
    from firstline.errors import ConfigurationError

    for path in sorted(owned):
        named = f"{MINE}/{RUNBOOKS}/{path}"
        if path.suffix == ".yml":
            raise ConfigurationError(f"{named}: nothing reads this file: name it {path.with_suffix('.yaml').name}.")
        if path.suffix != ".yaml" or path in GENERATED:
            continue
        policy = path.name.removesuffix(PATCH).removesuffix(".yaml")
        if path.parent not in (Path(), Path(POLICY)) or (path.parent == Path() and policy in POLICIES):
            place = f"{POLICY}/{path.name}" if policy in POLICIES else path.name
            raise ConfigurationError(f"{named}: nothing reads this file here: move it to {MINE}/{RUNBOOKS}/{place}.")
        if path.parent == Path(POLICY) and policy not in POLICIES and not path.name.endswith(PATCH):
            known = ", ".join(f"{name}.yaml" for name in POLICIES)
            raise ConfigurationError(f"{named}: nothing reads a policy of this name; there are {known}.")


def tree(checkout: Path) -> Path:
    """Return the folder to build from: the checkout, with the shipped and the owner's runbooks together.

    Raises
    ------
    ConfigurationError
        The runbooks together have problems. The message has a line for each, with its file and line.
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
        link = _tree_of(checkout) / name
        if not link.is_symlink():
            link.symlink_to(checkout / name)
    return _tree_of(checkout)


def _tree_of(checkout: Path) -> Path:
    """Return the folder, `.cache/mine`, in which the shipped runbooks and the owner's are put together."""
    return checkout / ".cache" / MINE


def named(text: str, checkout: Path) -> str:
    """Replace paths of copies (`.cache/mine/runbooks/…`) in a text by the paths of the originals.

    The path of a patched runbook stays, because no original has its text.
    """
    folder = f"{_tree_of(checkout) / RUNBOOKS}/"
    if folder not in text:
        return text
    before, *parts = text.split(folder)
    return before + "".join(_original_folder(part, checkout) + part for part in parts)


def _original_folder(part: str, checkout: Path) -> str:
    """Return the folder that holds the original of a file in the copy: `mine/runbooks/` or `runbooks/`.

    `part` is a part of a message that begins with the file's path in that folder. A shipped file with a patch has no
    original with its text, so for it return the folder of the copy.
    """
    path = re.match(r"[\w./-]*", part)[0].rstrip(".")  # type: ignore[index]  # It matches any text.
    if (checkout / MINE / RUNBOOKS / path.replace(".yaml", PATCH)).is_file():
        return f"{_tree_of(checkout).relative_to(checkout)}/{RUNBOOKS}/"
    return f"{MINE}/{RUNBOOKS}/" if (checkout / MINE / RUNBOOKS / path).is_file() else f"{RUNBOOKS}/"


def _files(folder: Path) -> dict[Path, Path]:
    """Return the files of a folder by their path in it, without hidden ones."""
    found = {file.relative_to(folder): file for file in folder.rglob("*", recurse_symlinks=True) if file.is_file()}
    return {path: file for path, file in found.items() if not any(part.startswith(".") for part in path.parts)}


def stale(checkout: Path) -> Iterator[str]:
    """Yield a sentence for each owner's file that equals the shipped file it replaces, or lacks some of its keys."""
    from firstline.policy.files import read_yaml

    owned, shipped = _files(checkout / MINE / RUNBOOKS), _files(checkout / RUNBOOKS)
    for path in sorted(owned.keys() & shipped.keys() - set(GENERATED)):
        if owned[path].read_bytes() == shipped[path].read_bytes():
            yield f"{MINE}/{RUNBOOKS}/{path} equals the shipped file: delete it, or no release changes it"
        elif path.suffix == ".yaml":
            here, there = (read_yaml(files[path], missing="restore it") for files in (owned, shipped))
            if lacks := list(_missing(here, there)):
                patch = path.with_suffix(PATCH).name
                yield (
                    f"{MINE}/{RUNBOOKS}/{path} replaces the shipped file and lacks its {', '.join(lacks)}: add them, "
                    f"or write only what you change into {patch}"
                )


def _missing(here: Any, there: Any, above: str = "") -> Iterator[str]:
    """Yield the keys that the mapping `there` has and `here` lacks; a nested one as `limits.cooldown`.

    `above` is written before each key: where the two mappings stand in the file, such as `limits.`.
    """
    if not isinstance(here, dict) or not isinstance(there, dict):
        return
    for key, value in there.items():
        if key not in here:
            yield f"{above}{key}"
        else:
            yield from _missing(here[key], value, f"{above}{key}.")


def _patched(path: Path) -> Path:
    """Return the path of the shipped file that a patch changes."""
    return path.with_name(f"{path.name.removesuffix(PATCH)}.yaml")


def _apply(path: Path, owned: dict[Path, Path], shipped: dict[Path, Path]) -> bytes:
    """Return the text of a shipped file with the owner's patch over it.

    `path` is the patch's. `owned` and `shipped` have the owner's and the shipped files by their paths in their folder.
    """
    import yaml

    from firstline.errors import ConfigurationError
    from firstline.policy.files import read_yaml

    name, target = f"{MINE}/{RUNBOOKS}/{path}", _patched(path)
    if target in owned:
        raise ConfigurationError(
            f"{name} and {MINE}/{RUNBOOKS}/{target} change the same runbook: delete one of the files."
        )
    if target not in shipped:
        raise ConfigurationError(
            f"{name}: there is no {RUNBOOKS}/{target} to change; give the patch the name of a shipped file."
        )
    patch = read_yaml(owned[path], missing="write it again")
    if not isinstance(patch, dict):
        raise ConfigurationError(f"{name}: this is no YAML map; write the keys to change, each with its new value.")
    if empty := list(_empty(yaml.compose(owned[path].read_text(encoding="utf-8"), Loader=yaml.SafeLoader))):
        raise ConfigurationError(
            f"{name}: {', '.join(empty)}: the value is missing; write the new value, or null to delete the key of "
            f"{RUNBOOKS}/{target}."
        )
    original = read_yaml(shipped[target], missing="restore it from git")
    merged = merge(original, patch)
    if "steps" not in patch and _risk(merged) < _risk(original):
        raise ConfigurationError(
            f"{name}: risk: the steps of {target.stem} are {original['risk']}: a patch may raise the risk, not lower "
            "it. To change what it does, write its steps into the patch."
        )
    text = yaml.safe_dump(merged, sort_keys=False, allow_unicode=True, width=120)
    return f"# {RUNBOOKS}/{target} with {name} over it.\n{text}".encode()


def _risk(runbook: Any) -> int:
    """Return the rank of a runbook's risk, 0 for the lowest; a rank above all risks if it names none."""
    from firstline.runbooks.model import RISKS

    said = runbook.get("risk") if isinstance(runbook, dict) else None
    return RISKS.index(said) if said in RISKS else len(RISKS)


def _empty(node: Any, above: str = "") -> Iterator[str]:
    """Yield the keys of a patch with nothing after the colon, because only a written `null` may delete a key.

    `node` is the patch or a part of it; `above` is written before each key: where the part stands, such as `limits.`.
    """
    import yaml

    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if not value.value and value.tag == "tag:yaml.org,2002:null":
                yield f"{above}{key.value}"
            else:
                yield from _empty(value, f"{above}{key.value}.")


def merge(target: Any, patch: Any) -> Any:
    """Return a value with a JSON Merge Patch applied: mappings key by key, null deletes a key, all else is replaced."""
    if not isinstance(patch, dict):
        return patch
    merged = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            merged.pop(key, None)
        else:
            merged[key] = merge(merged.get(key), value)
    return merged


def _write_if_changed(content: bytes, target: Path) -> None:
    """Write a file unless it has this content already. A rename puts it in place, as others may be reading."""
    if target.is_file() and target.read_bytes() == content:
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    beside = target.with_name(f".{target.name}.new")
    beside.write_bytes(content)
    beside.replace(target)


def main() -> None:
    """Print the folder to build from; if its runbooks have problems, print those on stderr instead and exit with 1."""
    from firstline.errors import ConfigurationError

    try:
        print(tree(Path.cwd()))
    except ConfigurationError as error:
        print(error, file=sys.stderr)
        sys.exit(1)


if __name__ == "__main__":
    main()
