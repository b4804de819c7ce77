"""Hostile values, as somebody may write them into an alert's labels."""

CANARY = "/canary"
"""The folder that stays empty unless a part of a hostile value is run."""

_TOUCH = f"touch {CANARY}/hit"

_INTO = ("/data", "shop.service", "90")
"""Values that runbooks take, to which hostile text is added."""

_COMMANDS = (
    "{0}$({1})",
    "{0}`{1}`",
    "{0};{1}",
    "{0}; {1} #",
    "{0}|{1}",
    "{0}||{1}",
    "{0}&&{1}",
    "{0}&{1}",
    "{0}\n{1}",
    "{0}\r\n{1}",
    "{0}\x00;{1}",
    "{0}';{1};'",
    '{0}";{1};"',
    "{0}[$({1})]",
    "{0}$((a[$({1})]))",
    "{0}<({1})",
    "{0}>" + CANARY + "/hit",
    "$({1}){0}",
    "{0}\\\n;{1}",
    "{0}\u202e;{1}",
)

_EXPANSIONS = (
    *("$PATH", "${HOME}", "${x:=y}", "$$", "$?", "$SSM_mountpoint", "${SSM_service}", "$IFS", "!!", "~", "~root"),
    *("*", "?", "/*", "/data/*", "shop*", "[a-z]", "/{data,etc}", "{touch,/canary/hit}", "\\", "a\\", "'", '"', "a'b"),
    *("{{ssm:/firstline/x}}", "{{ mountpoint }}", "{{global:DATE}}", "%s%n", "%(id)s", "%0a", "(", ")", "<", ">", "#x"),
    *("LD_PRELOAD=/data/x", "PATH=/data", "BASH_ENV=/data/x"),
)

_OPTIONS = ("-", "--", "-rf", "--help", "--version", "-delete", "-exec", "-1", "--now", "-n/x", "‐rf", "−rf")

_PATHS = (
    *("..", ".", "/..", "/.", "../etc", "/data/../etc", "/data/..", "/data/../../usr", "/tmp/../..", "a..b", "/a..b"),
    *("/", "//", "///", "/./", "/etc", "/etc/passwd", "/usr", "/usr/bin", "/proc", "/proc/1/root", "/sys", "/dev"),
    *("/dev/shm", "/root", "/var", "/var/log", "/canary", "/data/", "/data//", "/-rf", "/--delete", "/data/-rf"),
    *("/run", "/tmp", "/boot", "/no/such/folder"),
)

_NAMES = (
    *("systemd-poweroff", "rescue", "emergency.service", "kexec", "sshd.service", "user@0", "systemd", "init", "bash"),
    *("amazon-ssm-agent", "none", "all", "shop.service.service", "shop@$(id)", "a:b", "@", "null"),
    *("shop.service ", " shop", "shop shop", "sho\tp"),
)

_NUMBERS = (
    *("0", "00", "08", "0x10", "1", "10", "99", "999", "9999", "999999", "99999999", "99999999999999999999"),
    *("1e9", "1.5", "+1", "1_000", "16#ff", "٣", "९०", "９０", "1²", "1/0", "90,", "90 "),
)

_LOOKALIKES = (
    *("ѕһор.service", "ｓｈｏｐ", "shop\u200b.service", "\u202eshop", "shop\u00a0", "／data", "/dаta", "shop․service"),
    *("\ud7ff", "\U0001f4a9", "é", "e\u0301"),
)

_LENGTHS = (
    *("", " ", "\t", "\n", "\x00", "90\n", "/data\n", "shop.service\n", "/data\x00/etc"),
    *("a" * 101, "a" * 256, "a" * 257, "1" * 300, "/" + "a" * 200, "/" + "a/" * 100, "/" + "a" * 100_000),
)

HOSTILE: list[str] = list(
    dict.fromkeys(
        [
            *(template.format(base, _TOUCH) for base in _INTO for template in _COMMANDS),
            *(*_EXPANSIONS, *_OPTIONS, *_PATHS, *_NAMES, *_NUMBERS, *_LOOKALIKES, *_LENGTHS),
        ]
    )
)
