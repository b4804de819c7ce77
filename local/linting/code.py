"""Shapes that run what nobody has read."""

from local.linting.bash import SHELLS, Call, names_inside
from local.linting.words import PROCESS, UNKNOWN, names

_HIDDEN = names("""
curl wget fetch aria2c scp nc ncat socat base64 base32 xxd openssl uudecode gpg rev tr
""")
"""What brings text from elsewhere, or makes it readable only as it runs."""

_INTERPRETERS = SHELLS | names("python python3 perl ruby node php")


def runs_remote(call: Call) -> bool:
    inside = names_inside(word.source for word in call.sources)
    if call.name in _INTERPRETERS:
        # `python3 script` reads its input as data.
        code_is_input = not call.operands or "-" in call.words or call.has("s")
        if code_is_input and _HIDDEN & call.feeds:
            return True
        if call.given is not None and _HIDDEN & names_inside([call.given.source]):
            return True
        return bool(_HIDDEN & inside)
    return call.name in ("eval", "source", ".") and bool(_HIDDEN & inside)


def runs_text(call: Call) -> bool:
    if runs_remote(call):
        return False
    if call.name == "eval":
        return True
    if call.name in ("source", "."):
        return any(PROCESS in value for value in call.words)
    if call.name in SHELLS:
        if call.has("c"):
            return any(UNKNOWN in value for value in call.words)
        from_input = not call.operands or call.has("s")
        unseen = call.given is None or not call.given.is_literal
        return (from_input and unseen and bool(call.feeds or call.given)) or any(PROCESS in word for word in call.words)
    return call.name in ("at", "batch")
