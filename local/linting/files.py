"""Shapes that lose files, or give them to everybody."""

import re
from itertools import pairwise

from local.linting import paths
from local.linting.bash import Call, Redirect
from local.linting.words import GLOB, names

_NARROWING = names("""
-type -mtime -mmin -atime -amin -ctime -cmin -newer -size -name -iname -user -empty -regex -path -inum -samefile
""")


def _recursive(call: Call) -> bool:
    return call.name == "rm" and call.has("r", "R", "recursive")


def removes_root(call: Call) -> bool:
    if call.name == "mv":
        return any(paths.is_precious(value) for value in call.operands[:-1]) or call.operands[-1:] == ["/dev/null"]
    return _recursive(call) and ("no-preserve-root" in call.options or any(map(paths.is_precious, call.operands)))


def removes_variable(call: Call) -> bool:
    return _recursive(call) and any(map(paths.may_be_anything, call.operands))


def removes_glob(call: Call) -> bool:
    return call.name in ("rm", "unlink", "shred") and any(
        GLOB in value and paths.depth_before(value, GLOB) < 2 for value in call.operands
    )


def find_deletes(call: Call) -> bool:
    words = call.words
    deletes = "-delete" in words or any(
        first.startswith("-exec") and second in ("rm", "/bin/rm", "/usr/bin/rm", "shred")
        for first, second in pairwise(words)
    )
    on_one = "-xdev" in words or "-mount" in words
    narrow = any(word in _NARROWING or word.startswith(("-newer", "-perm")) for word in words)
    return call.name == "find" and deletes and not (on_one and narrow)


def empties(call: Call) -> bool:
    match call.name:
        case "truncate":
            return any(paths.is_kept(value) for value in _without_value(call, "-s", "-r", "-c"))
        case "tee" if not call.has("a", "append"):
            return any(paths.is_kept(value) for value in call.operands)
        case "dd":
            return any(paths.is_kept(value[3:]) for value in call.words if value.startswith("of="))
        case "cp" if call.operands[:1] == ["/dev/null"]:
            return any(paths.is_kept(value) for value in call.operands[1:])
        case "shred":
            return True
        case "rsync":
            return any(word.startswith("--delete") or word == "--remove-source-files" for word in call.words)
    return False


def _without_value(call: Call, *options: str) -> list[str]:
    words = call.words
    return [
        word
        for before, word in zip(["", *words], words, strict=False)
        if before not in options and not word.startswith("-")
    ]


def overwrites(redirect: Redirect) -> bool:
    return redirect.operator in (">", ">|", "&>") and any(map(paths.is_kept, redirect.targets))


def opens_up(call: Call) -> bool:
    return call.name == "chmod" and call.has("R", "recursive") and any(map(_for_everybody, call.words))


def opens_one(call: Call) -> bool:
    return call.name == "chmod" and not call.has("R", "recursive") and any(map(_for_everybody, call.words))


def _for_everybody(mode: str) -> bool:
    # With the sticky bit, as /tmp has it, it is meant.
    return bool(re.fullmatch(r"0?[0-7][0-7][2367]|[ugo]*[ao][ugo]*[+=][rx]*w[rwxst]*|\+[rx]*w[rwx]*", mode))


def owns_root(call: Call) -> bool:
    return (
        call.name in ("chown", "chgrp", "chmod", "setfacl", "chattr")
        and call.has("R", "recursive")
        and any(map(paths.is_precious, call.operands[1:]))
    )
