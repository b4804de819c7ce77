"""Shapes that take the host from its people: its disks, its accounts, its power, the ways to reach it."""

from local.linting import paths
from local.linting.bash import Call, Redirect
from local.linting.processes import signal_and_targets
from local.linting.words import GLOB, names

LIFELINES = names("""
ssh sshd amazon-ssm-agent snap.amazon-ssm-agent.amazon-ssm-agent systemd-networkd NetworkManager network networking dbus
dbus-broker systemd-logind systemd-journald
""")
"""Services without which nobody reaches the host any more, Systems Manager included."""

_GUARDS = names("auditd firewalld nftables iptables apparmor fail2ban")
_DISK_TOOLS = names("""
mkfs mke2fs mkswap wipefs sfdisk sgdisk fdisk cfdisk parted blkdiscard hdparm lvremove vgremove pvremove cryptsetup
zpool zfs mdadm badblocks
""")
_LOOKING = names("l list dump d n no-act print V version help")
_ACCOUNTS = names("""
useradd userdel usermod adduser deluser groupadd groupdel groupmod passwd chpasswd chage visudo vipw gpasswd
""")
_STOPPING = names("stop disable mask kill")


def wipes(call: Call) -> bool:
    if call.name == "dd":
        return any(word.startswith("of=") and paths.is_device(word[3:]) for word in call.words)
    if call.name in ("shred", "tee", "cp", "cat", "truncate"):
        targets = call.operands[-1:] if call.name == "cp" else call.operands
        return call.name != "cat" and any(map(paths.is_device, targets))
    if call.name not in _DISK_TOOLS:
        return False
    words = set(call.words)
    match call.name:
        case "wipefs":
            return call.has("a", "all", "o", "offset", "f", "force") and not call.has("n", "no-act")
        case "zpool" | "zfs":
            return bool(words & {"destroy", "labelclear", "rollback"})
        case "mdadm":
            return call.has("zero-superblock", "stop", "create", "C", "S", "fail", "remove")
        case "cryptsetup":
            return bool(words & {"erase", "luksErase", "luksFormat", "luksRemoveKey"})
        case "hdparm":
            return any(word.startswith("--security-erase") or word == "--trim-sector-ranges" for word in words)
        case "badblocks":
            return call.has("w", "n")
        case "parted":
            return bool(words & {"rm", "mklabel", "mkpart", "mktable", "resizepart"})
    return not call.has(*_LOOKING)


def changes_accounts(call: Call) -> bool:
    if call.name in _ACCOUNTS:
        return not (
            call.name in ("passwd", "chage") and call.has("S", "status", "l", "list") and "-l" not in call.words[:1]
        )
    return call.name in ("tee", "sed", "cp", "mv", "install", "rm", "ln", "chmod", "chown") and any(
        paths.is_credentials(value) for value in call.operands if call.name != "sed" or call.has("i", "in-place")
    )


def writes_accounts(redirect: Redirect) -> bool:
    return any(map(paths.is_credentials, redirect.targets))


def writes_device(redirect: Redirect) -> bool:
    return any(map(paths.is_device, redirect.targets))


def sysrq(redirect: Redirect) -> bool:
    return "/proc/sysrq-trigger" in redirect.targets


def powers_off(call: Call) -> bool:
    match call.name:
        case "halt" | "poweroff" | "kexec":
            return True
        case "shutdown":
            return not call.has("r", "reboot", "c")
        case "init" | "telinit":
            return bool({"0", "1", "s", "S"} & set(call.operands))
        case "systemctl":
            return bool(
                {"poweroff", "halt", "kexec", "rescue", "emergency", "suspend", "hibernate"} & set(call.operands[:1])
            )
        case "tee":
            return "/proc/sysrq-trigger" in call.operands
    return False


def reboots(call: Call) -> bool:
    match call.name:
        case "reboot":
            return True
        case "shutdown":
            return call.has("r", "reboot")
        case "init" | "telinit":
            return "6" in call.operands
        case "systemctl":
            return bool({"reboot", "soft-reboot"} & set(call.operands[:1]))
    return False


def locks_out(call: Call) -> bool:
    operands = call.operands
    units = {operand.removesuffix(".service").removesuffix(".socket") for operand in operands}
    match call.name:
        case "systemctl":
            hit = units & LIFELINES or {GLOB, f"{GLOB}.service"} & set(operands)
            verbs = _STOPPING | ({"restart"} if any("ssm-agent" in unit for unit in units) else set())
            return bool(hit) and bool(verbs & set(operands[:1]))
        case "service":
            return bool(units & LIFELINES) and bool({"stop"} & set(operands))
        case "pkill" | "killall":
            return bool({target.strip("^$") for target in signal_and_targets(call)[1]} & LIFELINES)
        case "ip":
            return "down" in operands or bool({"flush", "del", "delete"} & set(operands))
        case "ifdown" | "ifconfig":
            return call.name == "ifdown" or "down" in operands
        case "nmcli":
            return bool({"off", "down", "disconnect", "delete"} & set(operands))
        case "snap":
            return bool({"stop", "remove", "disable"} & set(operands)) and any("ssm-agent" in one for one in operands)
    return False


def drops_guards(call: Call) -> bool:
    words = set(call.words)
    match call.name:
        case "iptables" | "ip6tables":
            return call.has("F", "flush", "X", "P", "policy")
        case "nft":
            return bool(words & {"flush", "delete", "destroy"})
        case "ufw":
            return bool(words & {"disable", "reset"})
        case "firewall-cmd":
            return "--panic-on" in words
        case "setenforce":
            return bool(words & {"0", "Permissive"})
        case "auditctl":
            return call.has("D") or {"-e", "0"} <= words
        case "systemctl":
            return bool(_STOPPING & set(call.operands[:1])) and any(
                unit.removesuffix(".service") in _GUARDS for unit in call.operands
            )
        case "iptables-restore" | "ip6tables-restore":
            return True
    return False
