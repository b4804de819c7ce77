"""Shapes of commands that break hosts: what each is, why it is dangerous, and what to write instead.

Three kinds. Some are never right in a runbook. Some are right where the runbook says honestly how much it risks. The
others are right where somebody has written down why, under `accept`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from local.linting import code, data, files, looking, processes, secrets, system
from local.linting.bash import Call, Redirect

type Allowed = Literal["never", "accepted", "disruptive", "destructive"]


def _never(_: object) -> bool:
    return False


@dataclass(frozen=True)
class Danger:
    """A shape. `allowed` says when it may stand: never, accepted by name, or in a runbook of that risk."""

    id: str
    allowed: Allowed
    why: str
    fix: str
    call: Callable[[Call], bool] = _never
    write: Callable[[Redirect], bool] = _never
    read: Callable[[Redirect], bool] = _never


DANGERS: tuple[Danger, ...] = (
    Danger(
        "remove-system",
        "never",
        "it takes away a folder that the system, or its data, lives in",
        "name the folder inside of it that may go",
        files.removes_root,
    ),
    Danger(
        "wipe-disk",
        "never",
        "what is on the device is lost for good",
        "leave disks to people; a runbook may show them with lsblk",
        system.wipes,
        system.writes_device,
    ),
    Danger(
        "accounts",
        "never",
        "it changes who may come in, and as whom",
        "leave accounts to what manages them",
        system.changes_accounts,
        system.writes_accounts,
    ),
    Danger(
        "open-to-all",
        "never",
        "everybody on the host may then change everything below it",
        "give the mode to one user or group, without -R",
        files.opens_up,
    ),
    Danger(
        "owner-of-system",
        "never",
        "a system whose files belong to another user does not start any more",
        "name the folder that needs it",
        files.owns_root,
    ),
    Danger(
        "remote-code",
        "never",
        "whoever controls what is fetched or hidden there is root on every host",
        "write the commands into the runbook",
        code.runs_remote,
    ),
    Danger(
        "kill-system",
        "never",
        "it ends init, or everything at once",
        "name the one process, by its id and after a look at its name",
        processes.kills_all,
    ),
    Danger(
        "lock-out",
        "never",
        "nobody reaches the host afterwards, Systems Manager included",
        "restart it instead of stopping it, or leave it to people",
        system.locks_out,
    ),
    Danger(
        "power-off",
        "never",
        "nobody can start it again from here",
        "leave it to people; restart the service that needs it",
        system.powers_off,
        system.sysrq,
    ),
    Danger(
        "cloud-change",
        "never",
        "it acts with the instance's role, past Firstline's limits and its trail",
        "use a step kind or a document of its own for what is not on the host",
        data.deletes_in_cloud,
    ),
    Danger(
        "reboot",
        "accepted",
        "the command is cut off, and nothing proves that the host comes back",
        "restart the service that needs it",
        system.reboots,
    ),
    Danger(
        "guards-off",
        "accepted",
        "it takes away what protects the host, or lets nobody in",
        "change one rule by its number or handle",
        system.drops_guards,
    ),
    Danger(
        "text-as-code",
        "accepted",
        "what it runs stands nowhere, so nobody has read it and no test has run it",
        "write the commands out, or call a function",
        code.runs_text,
    ),
    Danger(
        "open-file",
        "accepted",
        "everybody on the host may then change it",
        "give the mode to one user or group",
        files.opens_one,
    ),
    Danger(
        "loose-kill",
        "accepted",
        "the pattern also fits other processes than the one that was meant",
        "say pkill -x with the exact name, an anchored ^…$, or -u with a user",
        processes.kills_loosely,
    ),
    Danger(
        "remove-variable",
        "accepted",
        "empty or wrong, the variable leads to somewhere else, and everything there is gone",
        'begin with a fixed folder of two levels, or insist on the value: "${name:?}/…"',
        files.removes_variable,
    ),
    Danger(
        "remove-glob",
        "accepted",
        "it takes whatever is there, and where that is nobody knows beforehand",
        "begin with a fixed folder of two levels, or use find with -maxdepth 1 -type f",
        files.removes_glob,
    ),
    Danger(
        "find-delete",
        "accepted",
        "it goes into other filesystems, or takes everything that it finds",
        "say -xdev, and what may go: -type f with -mtime, -name or -size",
        files.find_deletes,
    ),
    Danger(
        "shows-secrets",
        "accepted",
        "arguments and environments hold passwords, and what a script prints stays in the incident's record",
        "name them by ps -o pid=,user=,etime=,comm= or /proc/…/comm, units by systemctl show --property=ActiveState,…",
        secrets.shows_secrets,
        read=secrets.reads_secrets,
    ),
    Danger(
        "interrupts",
        "disruptive",
        "a service or a process ends, and its users notice",
        "say risk: disruptive, or reload instead",
        processes.interrupts,
    ),
    Danger(
        "remove-packages",
        "disruptive",
        "what else needs them goes along",
        "say risk: disruptive, or only clean the cache",
        data.removes_packages,
    ),
    Danger(
        "remove-containers",
        "disruptive",
        "what is stopped for a moment, or pulled for a rollback, goes along",
        "say risk: disruptive, with a filter by age",
        processes.removes_containers,
    ),
    Danger(
        "remove-volumes",
        "destructive",
        "volumes hold data",
        "say risk: destructive, or leave volumes out",
        processes.removes_volumes,
    ),
    Danger(
        "empty-file",
        "destructive",
        "what the file held is gone, and it is no log",
        "say risk: destructive; write to /run/firstline or a file of mktemp, or append with >>",
        files.empties,
        files.overwrites,
    ),
    Danger(
        "drop-data",
        "destructive",
        "data is gone, and no rollback brings it back",
        "say risk: destructive, or leave it to people",
        data.drops_data,
    ),
)
"""The table. Of a command that has several shapes each is told."""

BOMB = Danger(
    "fork-bomb",
    "never",
    "it starts itself twice, each time",
    "call it once, and not through a pipe",
)

LOOKS_ONLY = Danger(
    "looks-only",
    "accepted",
    "this script is one that only looks (diagnose, verify or requires), and it changes something",
    "move it into a step of kind act",
    looking.changes,
)

UNREAD = Danger(
    "unreadable",
    "accepted",
    "the parser does not understand it, so nobody looked for dangerous commands there",
    "write it in a simpler way",
)
