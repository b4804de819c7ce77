"""Shapes that end what runs: processes, services, containers."""

import re

from local.linting.bash import Call
from local.linting.words import names

BLINKING = names("stop restart try-restart kill isolate force-reload reload-or-restart")
"""What systemctl does to a unit so that its users notice."""

_NO_END = names("0 CHLD CONT WINCH URG l L 17 18")
_CONTAINERS = names("docker podman nerdctl")


def signal_and_targets(call: Call) -> tuple[str, list[str]]:
    """`-9`, `-s KILL`, `--signal=KILL`; then what is hit."""
    words = list(call.words)
    signal = "TERM"
    rest: list[str] = []
    while words:
        word = words.pop(0)
        if word == "--":
            return signal, rest + words
        if word in ("-s", "--signal", "-n") and words:
            signal = words.pop(0)
        elif word.startswith("--signal="):
            signal = word.partition("=")[2]
        elif not rest and re.fullmatch(r"-(SIG)?([A-Z]+[0-9]*|[0-9]+|l|L)", word) and signal == "TERM":
            signal = word[1:]
        else:
            rest.append(word)
    return signal.removeprefix("SIG"), rest


def kills_all(call: Call) -> bool:
    if call.name == "killall5":
        return True
    if call.name == "kill":
        signal, targets = signal_and_targets(call)
        return signal not in _NO_END and bool({"1", "-1"} & set(targets))
    if call.name in ("pkill", "skill", "killall"):
        _, targets = signal_and_targets(call)
        whole = bool({"u", "U", "euid", "uid", "user"} & set(call.options)) and "root" in targets
        names = {target.strip("^$") for target in targets}
        return whole or bool(names & {"systemd", "init", ".", ".*", ""})
    return False


def kills_loosely(call: Call) -> bool:
    if call.name != "pkill":
        return False
    signal, targets = signal_and_targets(call)
    by_owner = call.has("u", "U", "euid", "uid", "P", "parent", "g", "pgroup", "s", "session", "F", "pidfile")
    anchored = any(target.startswith("^") and target.endswith("$") for target in targets)
    return signal != "0" and not call.has("x", "exact") and not anchored and not by_owner


def interrupts(call: Call) -> bool:
    """Whether something that runs is ended or begun anew."""
    match call.name:
        case "systemctl":
            return bool(BLINKING & set(call.operands[:1]))
        case "service":
            return bool({"stop", "restart"} & set(call.operands))
        case "kill" | "pkill" | "killall":
            return signal_and_targets(call)[0] not in _NO_END
        case "docker" | "podman" | "nerdctl" | "crictl":
            return bool({"stop", "restart", "kill", "stopp", "rmp", "pause"} & set(call.operands[:2]))
    return False


def removes_containers(call: Call) -> bool:
    if call.name not in _CONTAINERS:
        return False
    head = call.operands[:2]
    return head[1:] == ["prune"] or head[:1] in (["rm"], ["rmi"])


def removes_volumes(call: Call) -> bool:
    if call.name not in _CONTAINERS:
        return False
    head = call.operands[:2]
    return (
        head in (["volume", "rm"], ["volume", "prune"])
        or (head[1:] == ["prune"] and call.has("volumes"))
        or (head[:1] == ["rm"] and call.has("v", "volumes"))
        or (head[:1] == ["compose"] and "down" in call.operands and call.has("v", "volumes"))
    )
