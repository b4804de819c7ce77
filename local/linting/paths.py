"""Paths as the linter sees them: values of words, in which marks stand for what nobody knows."""

import re
from posixpath import normpath

from local.linting.words import GLOB, GUARDED, SOME, TEMPORARY, UNKNOWN, names

_PRECIOUS = names("""
/ /bin /boot /dev /etc /home /lib /lib32 /lib64 /media /mnt /opt /proc /root /run /sbin /srv /sys /tmp /usr /var
/usr/bin /usr/lib /usr/lib64 /usr/local /usr/sbin /usr/share /var/lib /var/log /var/spool /var/cache /var/mail
/var/run /var/tmp /var/www /var/backups /etc/ssh /etc/ssl /etc/systemd /etc/pam.d /var/lib/dpkg /var/lib/rpm
/var/lib/amazon /var/lib/mysql /var/lib/postgresql /var/lib/docker /var/lib/containerd ~
""")
"""Folders that something lives in. What is inside of them may be fair game, they are not."""

_CREDENTIALS = re.compile(
    r"/etc/(passwd|shadow|group|gshadow|sudoers|sudoers\.d(/.*)?|pam\.d(/.*)?|ssh/.*|security/.*|ld\.so\.preload)-?"
    r"|(/root|/home/[^/]+|~[^/]*|[\ue000-\ue002])/\.ssh/.*"
)
_DEVICE = re.compile(r"/dev/(sd|hd|vd|xvd|nvme|mmcblk|dm-|md|mapper/|disk/|loop|sr|mem|kmem|port).*")
_SCRATCH = re.compile(
    r"(/var/log|/tmp|/var/tmp|/run|/var/run|/dev/shm|/proc|/sys|/dev/fd)/.*|/dev/(null|stdout|stderr|tty|full)|-"
)
_ANY = UNKNOWN + SOME


def is_precious(value: str) -> bool:
    """Whether a path is, or holds everything of, a folder that something lives in."""
    if not value.startswith(("/", "~")):
        return value in (".", "..", f".{GLOB}") or value.startswith("../..")
    path = re.sub(rf"(/\.?[{GLOB}.]*)+$", "", value) or "/"
    path = "/" + normpath(path).lstrip("/") if path.startswith("/") else path
    return path in _PRECIOUS or path == "$HOME" or bool(re.fullmatch(rf"/[a-z]?[{GLOB}]+", value))


def may_be_anything(value: str) -> bool:
    """Whether a variable leads the path to where it wants, or is all that keeps the path from its parent folder."""
    head = re.split(f"[{_ANY}{GUARDED}]", value)[0]
    if head == value or is_own(value):
        return False
    if value[len(head)] in _ANY and head.count("/") < 3:
        # Before it stand fewer than two fixed folders: "$x", "/$x", "/var/$x".
        return True
    parts = value.split("/")
    for at, part in enumerate(parts):
        if part and set(part) == {UNKNOWN} and all(not one.strip(GLOB) for one in parts[at + 1 :]):
            return True
    return False


def depth_before(value: str, mark: str) -> int:
    """How many fixed folders stand before a mark; a value that the script insists on counts for all of them."""
    head = value.partition(mark)[0]
    if GUARDED in head:
        return 9
    if not head.startswith("/") or (any(one in head for one in _ANY) and head.split(UNKNOWN)[0].count("/") < 3):
        return 0
    return head.count("/") - 1


def is_device(value: str) -> bool:
    """Whether it is a disk, or the memory."""
    return bool(_DEVICE.fullmatch(value))


def is_credentials(value: str) -> bool:
    """Whether it says who may come in."""
    return bool(_CREDENTIALS.fullmatch(value))


def is_kept(value: str) -> bool:
    """Whether a file may hold what somebody needs: not a log, not what is gone after the next start."""
    if any(mark in value for mark in _ANY + GUARDED) and not _SCRATCH.fullmatch(value):
        return True
    return value.startswith(("/", "~")) and not _SCRATCH.fullmatch(value) and not is_device(value)


def is_own(value: str) -> bool:
    """Whether a file can only be the script's own: of mktemp, or in the runbooks' folder."""
    return value.startswith((TEMPORARY, "/run/firstline/"))
