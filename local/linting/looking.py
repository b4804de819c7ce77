"""Scripts that only look, and what would change something there."""

from local.linting import paths
from local.linting.bash import Call
from local.linting.data import PACKAGE_MANAGERS, REMOVING
from local.linting.processes import BLINKING, interrupts, removes_containers


def changes(call: Call) -> bool:
    """Whether a command that should only look changes something."""
    match call.name:
        case "rm" | "rmdir" | "unlink" | "mv" | "truncate" | "shred":
            return not all(map(paths.is_own, call.operands))
        case "systemctl":
            return bool((BLINKING | {"start", "reload", "enable", "disable", "mask"}) & set(call.operands[:1]))
        case "sysctl":
            return call.has("w", "write", "p", "load", "system") or any("=" in word for word in call.operands)
        case "mount" | "umount" | "swapon" | "swapoff":
            return bool(call.operands)
        case "sed":
            return call.has("i", "in-place")
        case "docker" | "podman" | "crictl":
            return removes_containers(call) or interrupts(call)
        case name if name in PACKAGE_MANAGERS:
            return bool((REMOVING | {"install", "upgrade", "update", "clean", "reinstall"}) & set(call.operands[:2]))
    return interrupts(call)
