"""Commands that break hosts: for each danger the patterns of its commands, why it is dangerous, and a better way.

There are three classes. Some dangers are never allowed in a runbook. Some are allowed in a runbook that declares enough
risk. The others are allowed if the author gives a reason, under `accept`.
"""

import re
from functools import partial
from typing import Literal

from firstline.runbooks.model import Risk
from firstline_cli.lint.commands import PARAMETER, VARIABLE, Call

type Allowed = Literal["never", "accepted", "disruptive", "destructive"]


class Danger:
    """A kind of dangerous command.

    `allowed` says when a runbook may contain such a command: never, if its author accepts the danger by name, or if the
    runbook has this risk or a higher one. `message` begins with the danger's id, then says why the command is dangerous
    and what to write instead. One of the `patterns` must fit the beginning of a command's text (`Call.text`), and
    `source`, if given, must be found in the command as it is written.
    """

    def __init__(self, allowed: Allowed, message: str, *patterns: str, source: str = "") -> None:
        self.allowed, self.message, self._patterns, self._source = allowed, message, patterns, source
        self.id = message.partition(":")[0]

    def fits(self, call: Call) -> bool:
        """Return True if a command is of this kind."""
        fits = any(re.match(pattern, call.text, re.DOTALL) for pattern in self._patterns)
        return fits and re.search(self._source, call.source) is not None

    def allowed_by(self, risk: Risk) -> bool:
        """Return True if a runbook of this risk may contain the danger."""
        return self.depends_on_risk and risk in (self.allowed, "destructive")

    @property
    def depends_on_risk(self) -> bool:
        """True if a runbook with a high enough risk may contain the danger."""
        return self.allowed in ("disruptive", "destructive")


def _option(letters: str, *names: str) -> str:
    """Return a pattern for commands with one of these options: `-x`, `-ax`, `--name` for `_option("x", "name")`."""
    return rf"(?=.* (?:-\w*[{letters}]|--(?:{'|'.join(names) or '$'})))"


_END = r"(?= |$)"
_RECURSIVE = _option("rR", "recursive")
_SYSTEM = (
    r"(?<= )(?=[/~.])(?:~|\.\.?|/(?:bin|boot|dev|etc(?:/ssh|/ssl|/systemd|/pam\.d)?|home|lib(?:32|64)?|media|mnt|opt"
    r"|proc|root|run|sbin|srv|sys|tmp|usr(?:/s?bin|/lib(?:64)?|/local|/share)?|var(?:/(?:log|spool|cache|mail|run|tmp|www"
    r"|backups|lib(?:/(?:dpkg|rpm|amazon|mysql|postgresql|docker|containerd))?))?))?(?:/(?:\.\.?|\*)?)*" + _END
)
"""Folders of the system and its data. A runbook may remove what is inside some of them, never the folder itself."""

_DEVICE = r"/dev/(?:sd|hd|vd|xvd|nvme|mmcblk|dm-|md|mapper/|disk/|loop|mem|kmem|port)"
_CREDENTIALS = r"(?:/etc/(?:passwd|shadow|group|gshadow|sudoers|pam\.d/|ssh/|security/|ld\.so\.preload)|[^ ]*/\.ssh/)"
_SCRATCH = r"(?:/var/log/|/tmp/|/var/tmp/|/run/|/var/run/|/dev/|/proc/|/sys/)"
_KEPT = rf"(?:(?!{_SCRATCH})[/~]|[^ ]*/\.\.(?:/| |$))"
"""A file that is not a log and that survives a restart, or whose path leads up."""

_PASSING = r"(?:/tmp|/var/tmp|/run|/var/run|/dev/shm|/var/cache)(?:/| |$)(?![^ ]*\.\.(?:/| |$))"
_LASTING = rf"(?!{_PASSING}|/dev/(?:null|std)|{{}}|-)[^ ]"
"""A file that survives a restart and that nothing makes again; not an option, and not the {} of find."""

_ROOTS = rf"find (?:-[HLP] )*(?:[^- ][^ ]* )*?{_LASTING}[^ ]* "
_CLOBBERS = r"(?!.* (?:-[a-zA-Z]*[nbS]|--(?:no-clobber|backup|update=none|suffix)))"
"""Options without which a file that is there already is replaced."""

_OPEN = r"(?:0?[0-7][0-7][2367]|[ugo]*[ao][ugo]*[+=][rx]*w\w*|\+[rx]*w\w*)" + _END
"""A mode that lets everybody write, except with the sticky bit, as /tmp has it, where that is intended."""

_SHELL = r"(?:ba|da|z|k|a)?sh"
_HIDING = r"\b(?:curl|wget|aria2c|scp|nc|ncat|socat|base64|base32|xxd|openssl|uudecode|gpg|rev)\b"
"""Commands that fetch text, or decode it while the script runs, so that no reviewer has read it."""

_SYSTEMCTL = r"systemctl(?: -[^ ]+)* "
_CONTAINERS = r"(?:docker|podman|nerdctl|crictl)(?: container| pod)? "
_PACKAGES = r"(?:apt|apt-get|aptitude|yum|dnf|zypper|microdnf|tdnf)(?: -[^ ]+)* "
_LIFELINES = (
    r"(?:sshd?|(?:snap\.amazon-ssm-agent\.)?amazon-ssm-agent|systemd-(?:networkd|logind|journald)|NetworkManager"
    r"|network(?:ing)?|dbus(?:-broker)?)(?:\.service|\.socket)?" + _END
)
_SECRET_FILE = rf"(?:/proc/[^/ ]+|{VARIABLE})/(?:task/[^/ ]+/)?(?:cmdline|environ){_END}"
_HARMLESS_SIGNAL = r"(?!.* (?:-s |--signal[= ]|-n |-)(?:SIG)?(?:0|CHLD|CONT|WINCH|URG|l|L|17|18)(?: |$))"

_INTERRUPTS_UNIT = (
    rf"{_SYSTEMCTL}(?:stop|(?:try-)?restart|kill|isolate|force-reload|reload-or-restart|freeze){_END}"
    r"|service .*\b(?:stop|restart)"
)
_SIGNALS = rf"(?:kill|pkill|killall){_HARMLESS_SIGNAL} "

_never = partial(Danger, "never")
_accepted = partial(Danger, "accepted")
_disruptive = partial(Danger, "disruptive")
_destructive = partial(Danger, "destructive")

DANGERS: tuple[Danger, ...] = (
    _never(
        "remove-system: it removes a folder of the system or of its data; name the folder inside it that may go",
        rf"rm{_RECURSIVE}.*(?:{_SYSTEM}|--no-preserve-root)",
        rf"mv .*{_SYSTEM} ",
        "mv .* /dev/null$",
    ),
    _never(
        "wipe-disk: it destroys the data on the device; leave disks to people; a runbook may show them with lsblk",
        r"(?:mkfs(?:\.\w+)?|mke2fs|mkswap|blkdiscard|[lvp][vg]remove) ",
        rf"(?:[sc]?f|sg)disk(?!{_option('lpdnV', 'list', 'dump', 'no-act', 'print')}) ",
        rf"wipefs{_option('aof', 'all', 'offset', 'force')}",
        r"parted .*\b(?:rm|mklabel|mkpart|mktable|resizepart)\b",
        r"(?:zpool|zfs) (?:destroy|labelclear|rollback)|cryptsetup .*(?:erase|luks(?:Erase|Format|RemoveKey))",
        r"mdadm .*--(?:zero-superblock|stop|create|fail|remove)|hdparm .*--security-erase|badblocks .*-[wn]",
        rf"dd .*of={_DEVICE}|(?:shred|tee|truncate) .*{_DEVICE}|cp .* {_DEVICE}[^ ]*$|[>&|]+ {_DEVICE}",
    ),
    _never(
        "accounts: it changes who may log in, and as whom; leave accounts to the tool that manages them",
        r"(?:useradd|userdel|usermod|adduser|deluser|group(?:add|del|mod)|chpasswd|visudo|vipw|gpasswd)" + _END,
        r"(?:passwd|chage)(?! -S| --status| --list)" + _END,
        rf"(?:tee|cp|mv|install|rm|ln|chmod|chown|sed .*-(?:i|-in-place)).* {_CREDENTIALS}|[>&|]+ {_CREDENTIALS}",
    ),
    _never(
        "open-to-all: every user may then change everything below it; give the mode to one user or group, without -R",
        rf"chmod{_option('R', 'recursive')}.* {_OPEN}",
    ),
    _accepted(
        "open-file: every user of the host may then change it; give the mode to one user or group",
        rf"chmod(?!{_option('R', 'recursive')}) (?:.* )?{_OPEN}",
    ),
    _never(
        "owner-of-system: a system whose files belong to another user no longer starts; name the folder that needs it",
        rf"(?:chown|chgrp|chmod|setfacl|chattr){_option('R', 'recursive')}.*{_SYSTEM}",
    ),
    _never(
        "remote-code: the author of the fetched or hidden text becomes root; write the commands into the runbook",
        rf"(?:{_SHELL}|python3?|perl|ruby|node|php)(?: -[^ ]*)*(?: -- .*)?$",
        rf"(?:{_SHELL}|python3?|perl|ruby|node|php|eval|source|\.) .*(?:{VARIABLE}|<\(\))",
        source=_HIDING,
    ),
    _never(
        "kill-system: it ends init, or everything at once; name one process by its id, after a look at its name",
        rf"kill{_HARMLESS_SIGNAL}(?: .*)? (?:1|-- -1|-\w+ -1){_END}|killall5",
        r"(?:pkill|killall) (?:.* )?(?:-[uU] root|\^?(?:systemd|init|\.|\.\*)\$?)" + _END,
    ),
    _never(
        "lock-out: the host cannot be reached afterwards, not even by Systems Manager; "
        "restart it instead of stopping it, or leave it to people",
        rf"{_SYSTEMCTL}(?:stop|disable|mask|kill) .*(?<= ){_LIFELINES}",
        rf"{_SYSTEMCTL}restart .*amazon-ssm-agent|service {_LIFELINES} stop",
        rf"(?:pkill|killall) .*(?<= )\^?{_LIFELINES}",
        r"ip .*\b(?:down|flush|del|delete)\b|ifdown|ifconfig .*down|nmcli .*\b(?:off|down|disconnect|delete)\b",
    ),
    _never(
        "power-off: Firstline cannot start it again; leave it to people; restart the service that needs it",
        rf"(?:halt|poweroff|kexec){_END}|shutdown(?!{_option('rc', 'reboot')}){_END}|(?:tel)?init [01sS]$",
        rf"{_SYSTEMCTL}(?:poweroff|halt|kexec|rescue|emergency|suspend|hibernate){_END}",
        r"(?:[>&|]+|tee .*) ?/proc/sysrq-trigger",
    ),
    _never(
        "cloud-change: it acts with the instance's role, past Firstline's limits and its trail; "
        "use another step kind, or a document of your own, for things that are not on the host",
        r"aws .*(?<= )(?:(?:delete|terminate|deregister|detach|revoke|remove|stop|reboot|modify)-|s3 (?:rm|rb|mv)\b)",
        r"aws .*(?<= )s3 sync .*--delete",
    ),
    _accepted(
        "reboot: it cuts the command off, and nothing checks that the host comes back; restart a service instead",
        rf"reboot{_END}|shutdown{_option('r', 'reboot')}|(?:tel)?init 6|{_SYSTEMCTL}(?:soft-)?reboot{_END}",
    ),
    _accepted(
        "guards-off: it removes a host's protection, or locks everybody out; change one rule by its number or handle",
        rf"ip6?tables{_option('FXP', 'flush', 'policy')}|ip6?tables-restore|nft .*\b(?:flush|delete|destroy)\b",
        r"ufw .*\b(?:disable|reset)\b|firewall-cmd .*--panic-on|setenforce (?:0|Permissive)|auditctl .*-(?:D|e 0)",
        rf"{_SYSTEMCTL}(?:stop|disable|mask|kill) .*\b(?:auditd|firewalld|nftables|ip6?tables|apparmor|fail2ban)\b",
    ),
    _accepted(
        "text-as-code: the text that it runs is not in the runbook, so it was neither reviewed nor tested; "
        "write the commands out, or call a function",
        rf"eval |(?:source|\.|{_SHELL}) <\(\)|{_SHELL} (?:.* )?-\w*c [^ ]*{VARIABLE}",
        rf"{_SHELL}(?!.* --version)(?: -[^ ]*)*(?: -- .*)?$|(?:at|batch)(?: |$)",
    ),
    _accepted(
        "other-language: only bash is read here, so nobody checked what this program does, or what runs elsewhere; "
        "write it in bash, or in a document of your own",
        r"(?:python[0-9.]*|perl|ruby|node|php|lua|tclsh|expect)(?: |$)(?!(?:-V|--version)$)",
        r"[gm]?awk (?:.*\bsystem[\xa0 ]*\(|.*-i[ ]?inplace)",
        rf"{_CONTAINERS}(?:exec|run) |kubectl (?:.* )?(?:exec|run)\b|(?:ssh|nsenter|chroot|machinectl shell) ",
    ),
    _accepted(
        "loose-kill: the pattern also fits processes other than the intended one; "
        "say pkill -x with the exact name, an anchored ^…$, or -u with a user",
        rf"pkill{_HARMLESS_SIGNAL}(?!{_option('xuUPgsF', 'exact', 'euid', 'uid', 'parent')})(?!.* \^[^ ]*\$$)",
    ),
    _accepted(
        "remove-variable: an empty or wrong variable makes it remove everything somewhere else; "
        'insist on the value, "${name:?}/…"; write two fixed folders before a parameter',
        rf"rm{_RECURSIVE}.* (?:[^ ]*{VARIABLE}|(?:/[^/ ]*/?)?{PARAMETER})",
    ),
    _accepted(
        "remove-glob: it removes whatever the pattern matches, in a place that is not known beforehand; "
        "begin with a fixed folder of two levels, or use find with -maxdepth 1 -type f",
        rf"(?:rm|unlink|shred) (?:.* )?(?!-|/[^/ *?{VARIABLE}]+/[^/ *?{VARIABLE}]+/)[^ ]*(?:[*?]|{{[^}} ])",
    ),
    _accepted(
        "find-delete: it crosses into other filesystems, or removes everything that it finds; "
        "say -xdev, and what may go: -type f with -mtime, -name or -size",
        r"find (?=.*(?:-delete|-exec(?:dir)? (?:/usr)?(?:/bin/)?(?:rm|shred)\b))(?!(?=.* -(?:xdev|mount)\b)"
        r".* -(?:type|[mac](?:min|time)|newer|size|i?name|user|empty|i?regex|i?path|inum|samefile|perm)\b)",
    ),
    _accepted(
        "shows-secrets: arguments and environments hold passwords, and the output of a script stays in the record; "
        "name them by ps -o pid=,user=,etime=,comm= or /proc/…/comm, units by systemctl show --property=ActiveState,…",
        # With a format, its columns decide. Without one, -f and all options in the style of BSD show arguments.
        r"ps .*(?:-[A-Za-z]*o|(?<= )[a-z]*o |--format).*(?<![a-z])(?:args|command|cmd)(?![a-z])",
        r"ps(?!.* (?:-?[a-zA-Z]*o|--format))(?:.* -[a-zA-Z]*[fF]|(?> -[^ ]*[CGgpqstUun] [^ ]+| -[^ ]+)*+ [^- ])",
        rf"pgrep{_option('a', 'list-full')}|top{_option('c')}|printenv",
        r"set$|(?:export|declare|typeset|readonly)(?: -[a-zA-Z]+)*$|env(?> -[uC] [^ ]+| -[^S ][^ ]*| \w+=[^ ]*)*+$",
        rf"(?!echo |printf |test |\[ |ls |stat |find ).* {_SECRET_FILE}",
        rf"{_SYSTEMCTL}(?:status|show-environment|cat|show(?!{_option('pP', 'property')})){_END}",
        r"systemctl .*\b(?:Exec(?:Start|Stop|Reload|Condition)|Environment)",
        rf"{_CONTAINERS}(?:top|inspect[ip]?(?: (?!.*{{{{)|.*(?:Env|Cmd|Args))|ps .*--no-trunc)",
    ),
    _disruptive(
        "interrupts: a service or a process ends, and its users notice; say risk: disruptive, or reload instead",
        _INTERRUPTS_UNIT,
        _SIGNALS,
        rf"{_CONTAINERS}(?:stopp?|restart|kill|rmp|pause){_END}",
        rf"{_CONTAINERS}compose .*\b(?:down|stop|restart|kill|pause|rm)\b",
        # A unit that is disabled or masked is missing after the next start of the host.
        rf"{_SYSTEMCTL}(?:disable|mask|revert){_END}|rc-service .*\b(?:stop|restart)|(?:initctl|stop|restart) ",
        r"(?:supervisorctl|pm2|monit|svc|sv)(?: -[^ ]+)* (?:stop|restart|shutdown|delete|kill|unmonitor|down|exit)\b",
        r"(?:nginx -s (?:stop|quit)|(?:apache2ctl|apachectl|httpd)(?: -k)? (?:stop|restart|graceful-stop))\b",
        rf"fuser{_option('k', 'kill')}|skill |tcpkill |ss{_option('K', 'kill')}",
        rf"conntrack{_option('FD', 'flush', 'delete')}",
        r"(?:loginctl|machinectl) (?:terminate|kill|poweroff|reboot)|virsh (?:destroy|shutdown|reboot|suspend|reset)\b",
        r"kubectl .*\b(?:drain|cordon|scale|rollout (?:restart|undo)|evict|replace|patch|apply)\b",
        r"(?:redis|valkey)-cli .*(?i:shutdown|client kill)",
        r"mysqladmin .*\b(?:shutdown|kill)\b|pg_ctl(?:cluster)? .*\b(?:stop|restart)",
    ),
    _disruptive(
        "remove-packages: packages that need them are removed as well; say risk: disruptive, or only clean the cache",
        rf"{_PACKAGES}(?:(?:auto)?(?:remove|purge)|erase|history (?:undo|rollback)|(?:dist|full)-upgrade){_END}",
        rf"rpm{_option('e', 'erase')}|dpkg{_option('rP', 'remove', 'purge')}|snap remove",
        r"(?:pip3?|gem|npm|cargo)(?: -[^ ]+)* (?:uninstall|remove|prune)\b|flatpak uninstall",
    ),
    _disruptive(
        "remove-containers: it also removes containers that are stopped for a moment and images pulled for a rollback; "
        "say risk: disruptive, with a filter by age",
        rf"{_CONTAINERS}(?:\w+ prune|rmi?|(?:image|network) rm){_END}|ctr .*\b(?:rm|delete|prune)\b",
    ),
    _destructive(
        "remove-volumes: volumes hold data; say risk: destructive, or leave volumes out",
        rf"{_CONTAINERS}(?:volume (?:rm|prune)|(?:\w+ prune|compose .*\bdown).*(?: --volumes| -v)|rm .*-\w*v)",
    ),
    _destructive(
        "empty-file: it destroys the content of a file that is not a log; "
        "say risk: destructive; write to /run/firstline or a file of mktemp, or append with >>",
        rf"(?:>|>\||&>) (?:{_KEPT}|{PARAMETER})|truncate .* (?:{_KEPT}|{VARIABLE}|{PARAMETER})",
        rf"tee(?!{_option('a', 'append')}) (?:.* )?(?:{_KEPT}|{VARIABLE}|{PARAMETER})",
        rf"dd .*of=(?:{_KEPT}|{VARIABLE}|{PARAMETER})|cp /dev/null ",
        rf"(?:mv|cp|install(?! -d)){_CLOBBERS} .*(?<= ){_LASTING}[^ ]*$|mv{_CLOBBERS} {_LASTING}",
        rf"ln{_option('f', 'force')}.*(?<= ){_LASTING}[^ ]*$",
        rf"sed(?=.* (?:-[nErsz]*i(?: |$)|--in-place(?: |$))).* {_LASTING}",
        rf"curl .*(?:-[a-zA-Z]*o|--output) ?{_LASTING}|wget .*(?:-[a-zA-Z]*O|--output-document[= ]) ?{_LASTING}",
        r"tar(?!.*--(?:keep-old-files|skip-old-files|list)) -?[a-zA-Z]*x|unzip (?=.*-[a-z]*o)",
        r"shred|rsync .*--(?:delete|remove-source-files)",
        r"rsync (?!.*--(?:ignore-existing|backup|dry-run)|.* -[a-zA-Z]*[nb])",
    ),
    _destructive(
        "remove-files: files go for good, and only their owner knows who needs them; say risk: destructive; "
        "let logrotate or systemd-tmpfiles do what the host declares, or remove what is in /run, /tmp or a cache",
        rf"(?:rm|unlink) (?:.* )?{_LASTING}",
        rf"{_ROOTS}(?:.* )?-(?:delete|(?:exec|ok)(?:dir)? [a-z/]*\b(?:rm|unlink|shred|truncate|mv|cp|dd|tee)\b)",
        r"journalctl .*--vacuum|systemd-tmpfiles .*--(?:clean|remove|purge)",
        r"btrfs subvolume delete|logrotate .*-(?:f|-force)",
    ),
    _destructive(
        "drop-data: it destroys data that no rollback brings back; say risk: destructive, or leave it to people",
        r"(?:dropdb|dropuser|mysqladmin .*\bdrop|kubectl delete)\b|(?:redis|valkey)-cli .*(?i:flushall|flushdb)",
        rf"crontab{_option('r')}",
        r"(?:helm|rabbitmqctl|kafka-[a-z]+(?:\.sh)?|mongo(?:sh)?|curl) .*(?i:delete|purge|uninstall|drop)",
        r"(?:redis|valkey)-cli .*(?<= )(?i:del|unlink|ltrim|set|rename|migrate)\b",
        rf"git (?:-C [^ ]+ )?(?:clean|reset .*--hard|push .*-(?:f|-force|-delete)|checkout .*\.){_END}",
    ),
    _destructive(
        "drop-tables: it destroys data that no rollback brings back; say risk: destructive, or leave it to people",
        r"(?:mysql|mariadb|psql|sqlite3|clickhouse-client|sqlcmd|cqlsh)\b",
        source=r"(?i)\b(?:drop\s+(?:table|database|schema|user|index)|truncate\b|delete\s+from\s+[\w.`]+\s*(?:;|['\"]|$))",
    ),
)
"""The table of dangers. Every danger that a command fits is reported."""

LOOKS_ONLY = _accepted(
    "looks-only: this script must only look (diagnose, verify or requires), and this is no command that is known to "
    "only read; move it into a step of kind act, or say why it changes nothing",
)

UNASKED = _accepted(
    "unasked: a unit or process that must never be touched could be hit; before this line, ask "
    'firstline_may_interrupt "$unit", firstline_may_start "$unit" or firstline_may_signal "$pid"; exit if it says no',
)

_ASKED_BY = (
    (re.compile(_INTERRUPTS_UNIT), {"firstline_may_interrupt"}),
    (re.compile(rf"{_SYSTEMCTL}start{_END}"), {"firstline_may_interrupt", "firstline_may_start"}),
    (re.compile(rf"kill{_HARMLESS_SIGNAL} "), {"firstline_may_signal"}),
    (re.compile(rf"(?:pkill|killall){_HARMLESS_SIGNAL} "), set[str]()),
)
"""Commands that interrupt or start a unit or process, each with the functions of which a script must call one before.

No function can be asked about a process that is given only by its name."""


def is_unasked(call: Call, asked: set[str]) -> bool:
    """Return True if a command stops or starts a unit or process, and the script did not first check that it may.

    `asked` has the names of the functions for this check that the script has called by then, such as
    `firstline_may_interrupt`.
    """
    return any(pattern.match(call.text) and not asked & functions for pattern, functions in _ASKED_BY)


UNREAD = _accepted(
    "unreadable: the parser does not understand this line, so it was not checked; write it more simply",
)
