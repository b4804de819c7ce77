"""Shapes that show what other processes were given: command lines and environments hold passwords."""

import re
from collections.abc import Sequence

from local.linting.bash import Call, Redirect
from local.linting.words import names

_COLUMNS = names("args command cmd")
_WITH_VALUE = names("-C -G -g -p -q -s -t -U -u -O -N -n --sort --pid --ppid --user --User --group --Group --sid --tty")
_RUN_BY_UNIT = re.compile(r"\bExec(Start|Stop|Reload|Condition)|\bEnvironment")
_FILE = re.compile(r"/proc/[^/]+/(task/[^/]+/)?(cmdline|environ)")
_NAMES_ONLY = names("echo printf test [ ls stat")
_ASSIGNMENT = re.compile(r"\w+=")


def shows_secrets(call: Call) -> bool:
    """Whether a command shows the arguments or the environment of processes."""
    if call.name not in _NAMES_ONLY and any(map(_FILE.fullmatch, call.words)):
        return True
    match call.name:
        case "ps":
            return _ps_shows_arguments(call.words)
        case "pgrep":
            return call.has("a", "list-full")
        case "top":
            return call.has("c")
        case "systemctl":
            return _systemctl_shows_arguments(call)
        case "docker" | "podman" | "nerdctl" | "crictl":
            return _container_shows_environment(call)
        case "printenv":
            return True
        case "env":
            return not _runs_something(call.words)
        case "set":
            return not call.words
        case "export" | "declare" | "typeset" | "readonly":
            return all(word.startswith("-") for word in call.words)
    return False


def reads_secrets(redirect: Redirect) -> bool:
    return any(map(_FILE.fullmatch, redirect.targets))


def _ps_shows_arguments(words: Sequence[str]) -> bool:
    """With a format its columns decide. Without one all do it that are called as BSD does, and -f."""
    formats: list[str] = []
    full = False
    left = list(words)
    while left:
        word = left.pop(0)
        if word.startswith("--"):
            name, given, value = word.partition("=")
            if name == "--format":
                formats.append(value if given else left.pop(0) if left else "")
            elif name in _WITH_VALUE and not given and left:
                left.pop(0)
            continue
        # `-eo pid,comm`, `-opid,comm`; `axo pid,comm`.
        letters, of_format, value = word.partition("o")
        if of_format and re.fullmatch(r"-?[A-Za-z]*", letters):
            formats.append(value or (left.pop(0) if left else ""))
        elif word.startswith("-"):
            full = full or "f" in word or "F" in word
            if f"-{word[-1]}" in _WITH_VALUE and left:
                left.pop(0)
        else:
            full = True
    columns = {re.split(r"[:=]", one)[0] for text in formats for one in re.split(r"[,\s]+", text)}
    return bool(_COLUMNS & columns) if formats else full


def _systemctl_shows_arguments(call: Call) -> bool:
    # The control group's processes and what the unit runs are shown with their arguments.
    verb = call.operands[:1]
    if verb == ["show"]:
        return not call.has("p", "P", "property") or any(map(_RUN_BY_UNIT.search, call.words))
    return verb in (["status"], ["show-environment"], ["cat"])


def _container_shows_environment(call: Call) -> bool:
    if "top" in call.operands[:2]:
        return True
    shown = [word for word in call.words if "{{" in word]
    if {"inspect", "inspecti", "inspectp"} & set(call.operands[:2]):
        return not shown or any("Env" in word or "Cmd" in word or "Args" in word for word in shown)
    return "ps" in call.operands[:2] and call.has("no-trunc")


def _runs_something(words: Sequence[str]) -> bool:
    """Whether `env` has a command, which it then starts instead of showing what it would get."""
    left = list(words)
    while left:
        word = left.pop(0)
        if word in ("-u", "-C", "--unset", "--chdir") and left:
            left.pop(0)
        elif word.startswith(("-S", "--split-string")) or not (word.startswith("-") or _ASSIGNMENT.match(word)):
            return True
    return False
