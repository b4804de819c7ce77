"""The list of commands that only read: the only ones that a script that looks, and changes nothing, may call.

A list of commands that change something is never complete, so this is the list of those that do not. A command that is
not on it is reported, although it may be harmless: its author says so under `accept`. What a program in another
language does is not read, so no interpreter is on the list. Of awk the program is read.
"""

import re
from collections.abc import Set

from firstline_cli.lint.commands import TEMPORARY, Call

_ANYWAY = """
[ : arch arp awk base64 basename bc blkid break cal cat cd cksum cmp column comm continue cut declare df diff dig
dirname dmesg do done du echo egrep else esac exit export expr false fgrep fi file findmnt fold free gawk getconf
getent getopts grep groups hash head hexdump host hostid hostname id iostat join jobs jq last lastlog let local
logname ls lsattr lsblk lscpu lsipc lslocks lsmem lsmod lsns lsof lspci lsusb lvs mapfile mawk md5sum mktemp mpstat
namei netstat nl nproc nslookup nstat numactl numfmt od paste pathchk pg_isready pgrep pidof pidstat ping ping6 pinky
pmap popd printenv printf ps pstree pushd pvs pwd pwdx read readarray readlink readonly realpath return rev route sar
seq set sha1sum sha256sum sha512sum shift shopt sleep slabtop sort source stat strings sum tac tail test then time
timeout top tr traceroute tracepath trap true tty type typeset ulimit umask uname uniq unset uptime users vgs vmstat w
wait wc who whoami xxd xzcat xzgrep zcat zgrep zstdcat command env exec ionice nice stdbuf sudo xargs
"""
"""Commands that only read, or that matter by the command that they run, which is checked as well."""

_UNLESS = {
    # Options and words with which a command changes something.
    "awk": r".*(?<= )(?:(?:-i|--include)[ =]?inplace|-f|--file)",
    "arp": r".*(?<= )-[sdf]",
    "blkid": r".*(?<= )-g",
    "curl": r".*(?<= )(?:-[a-zA-Z]*[doFTO]|--(?:data|json|form|upload|output|remote-name|output-dir|config)|-K"
    r"|(?:-X|--request)[ =]?(?!GET|HEAD))(?! ?/dev/null)",
    "dmesg": r".*(?<= )(?:-[a-zA-Z]*[CcDEn]|--(?:clear|read-clear|console))",
    "find": r".*(?<= )-(?:delete|fprint0?|fprintf|fls)\b",
    "fuser": r".*(?<= )(?:-[a-zA-Z]*k|--kill)",
    "hostname": r"hostname (?!-[a-zA-Z]+$)",
    "ionice": r".*(?<= )-[a-zA-Z]*[pPu]",
    "ip": r".*(?<= )(?:add|append|change|del|delete|down|exec|flush|replace|restore|set|up)\b",
    "journalctl": r".*--(?:vacuum|rotate|flush|sync|relinquish|smart|setup-keys|update-catalog)",
    "lsof": "$^",
    "resolvectl": r"resolvectl (?!query|status|statistics|show)",
    "route": r".*(?<= )(?:add|del|flush)\b",
    "sed": r".*(?<= )(?:-[a-zA-Z]*[if]|--in-place|--file)|.*/[gpIM0-9]*[we](?:\xa0|$| )|.*(?:[ ;{\n]|\d|\$)[wWe]\xa0",
    "sort": r".*(?<= )(?:-[a-zA-Z]*o|--output)",
    "ss": r".*(?<= )(?:-[a-zA-Z]*K|--kill)",
    "sysctl": r"sysctl(?:.* -[a-zA-Z]*[wpf]| --(?:write|load|system)|.*=)",
    "uniq": r"uniq (?:.* )?[^- ][^ ]* [^- ][^ ]*$",
    "source": r"source (?!/etc/os-release$)",
    "xxd": r".*(?<= )-[a-z]*r",
}

_CONTAINERS = (
    r"[^ ]+(?: -[^ ]+)*(?: (?:container|image|network|volume|pod|system))? (?:ps|images|ls|list|inspect[ip]?|info"
    r"|version|stats(?:p|i)?|logs|top|port|diff|history|df|pods|imagefsinfo|events|search)\b"
)
_ONLY = {
    # The whole command must begin like this.
    ".": r"\. /etc/os-release$",
    "acme.sh": r"acme\.sh --(?:list|info)",
    "apt": r"apt(?: -[^ ]+)* (?:list|show|policy|search)\b",
    "apt-cache": "",
    "apt-get": r"apt-get (?:.* )?(?:-s|--simulate|--dry-run)\b",
    "aws": r"aws(?: --[^ ]+(?: [^ ]+)?)* [a-z0-9-]+ (?:describe|get|list|lookup|ls)\b",
    "bash": r"bash(?: -[^ ]+)* -[a-z]*c [^¤°]*$|bash -n ",
    "certbot": r"certbot (?:certificates|show_account)\b",
    "chronyc": r"chronyc(?: -[^ ]+)* (?:tracking|sources|sourcestats|activity|ntpdata|clients|serverstats|waitsync)\b",
    "conntrack": r"conntrack (?:-[CLSG]|--(?:count|dump|stats|get))",
    "crictl": _CONTAINERS,
    "crontab": r"crontab (?:.* )?-l",
    "date": r"date(?: (?:\+[^ ]*|-[uRI][a-z]*|--(?:utc|rfc-[^ ]+|iso-8601[^ ]*)|(?:-d|--date|-r|--reference)[ =]?[^ ]+"
    r"|--(?:date|reference)=[^ ]+))*$",
    "dnf": r"dnf(?: -[^ ]+)* (?:list|info|repolist|repoquery|check|history(?: (?:list|info))?)(?: |$)(?!undo|rollback)",
    "docker": _CONTAINERS,
    "dpkg": r"dpkg (?:-[lLSspCV]|--(?:list|listfiles|search|status|print-avail|audit|verify|compare-versions)\b)",
    "dpkg-query": "",
    "edac-util": "",
    "ethtool": r"ethtool(?: (?:-[acgiklmnuxSTdh]|--(?:show-[a-z-]+|statistics|driver|module-info)))? [^- ]",
    "getfacl": "",
    "gzip": r"gzip (?:.* )?-[a-z]*[tlc]",
    "hostnamectl": r"hostnamectl(?: status| --[a-z]+)*$",
    "kill": r"kill (?:-0|-s 0|-n 0|-l) ?",
    "kubectl": r"kubectl(?: --?[^ ]+(?: [^ ]+)?)? (?:get|describe|logs|top|version|cluster-info|explain)\b",
    "mdadm": r"mdadm (?:-[QDE]|--(?:query|detail|examine))",
    "mount": r"mount(?: -[l]| -t [^ ]+)*$",
    "mysqladmin": r"mysqladmin .*\b(?:ping|status|extended-status|processlist|version|variables)$",
    "nc": r"nc (?:.* )?-[a-z]*z",
    "nginx": r"nginx (?:-[tvV]|-c [^ ]+ -t)",
    "nvidia-smi": r"nvidia-smi(?: -[qLi]| --query|$)",
    "nvme": r"nvme (?:list|smart-log|error-log|id-ctrl)",
    "openssl": r"openssl (?!.*(?<= )-(?:out|keyout|writerand|signkey)\b)(?:x509|s_client|verify|version|dgst|crl)\b",
    "podman": _CONTAINERS,
    "nerdctl": _CONTAINERS,
    "prlimit": r"prlimit(?!.*=)",
    "redis-cli": r"(?i)redis-cli(?: -[^ ]+ [^ ]+)* (?:info|ping|dbsize|llen|get|ttl|type|(?:slowlog|config) get|role)",
    "rpm": r"rpm (?:-[a-z]*[qV]|--(?:query|verify))",
    "sensors": r"sensors(?! -s)",
    "sh": r"sh(?: -[^ ]+)* -[a-z]*c [^¤°]*$",
    "smartctl": r"smartctl(?!.*(?<= )-[sotSX]\b)(?!.*--(?:smart|offlineauto|test|saveauto|set|abort))",
    "snap": r"snap (?:list|info|services|changes|version)\b",
    "swapon": r"swapon(?: -s| --(?:show|summary|noheadings|bytes|raw)(?:=[^ ]*)?)+$",
    "systemctl": r"systemctl(?: -[^ ]+)* (?:show|status|cat|is-[a-z-]+|list-[a-z-]+|get-default|help)(?: |$)",
    "tar": r"tar (?:-?[a-zA-Z]*t|--list)",
    "tc": r"tc(?: -[^ ]+)* [a-z]+ (?:show|ls|list)\b",
    "timedatectl": r"timedatectl(?: -[^ ]+)*(?: (?:show|status|show-timesync|timesync-status|list-timezones)|$)",
    "unzip": r"unzip (?:-[a-zA-Z]*[ltpZ])",
    "wget": r"wget(?!.*--(?:post|body|method))(?=.* (?:-[a-zA-Z]*O ?-|--spider|--output-document=-))",
    "yum": r"yum(?: -[^ ]+)* (?:list|info|repolist|check-update)\b",
    "zpool": r"zpool (?:status|list|iostat|get)\b",
    "zfs": r"zfs (?:list|get)\b",
}

_WRITERS = "chmod chown cp install ln mkdir mv rm rmdir shred tee touch truncate unlink"
"""Commands that may work on the script's own files, and on nothing else."""

_OWN_FILE = rf"(?:{re.escape(TEMPORARY)}|/run/firstline(?:/|$))(?!.*/\.\.(?:/|$))"
_NO_FILE = r"(?:/dev/(?:null|std(?:out|err)|tty|fd/\d+)|\d+|-|&\d+)$"

_AWK_TEXTS = re.compile(r'"(?:\\.|[^"\\])*"|(?<=[~(,{!&|;\n])[ \xa0]*/(?:\\.|[^/\n\\])+/|^/(?:\\.|[^/\n\\])+/|#[^\n]*')
"""The strings, patterns and comments of an awk program, in which an operator is a letter like any other."""

_AWK_ACTS = re.compile(r"\bsystem[ \xa0]*\(|(?<!\|)\|(?!\|)|\bprintf?\b[^;}\n(]*(?:\([^;}\n]*\))?[^;}\n()]*>")
"""An awk program that runs a command, or prints into a file: `print (a > b)` compares, `print a > b` writes."""


def only_reads(call: Call, functions: Set[str]) -> bool:
    """Return True if a command or redirection is known to change nothing but the script's own temporary files.

    `functions` are the names of the script's own functions: what they call is checked by itself.
    """
    name, *words = call.text.split(" ")
    if name in ("<", "<<<", "<<", "<<-"):
        return True
    if name[:1] in "<>&" and ">" in name:
        return bool(words) and re.match(rf"{_NO_FILE}|{_OWN_FILE}", words[0]) is not None
    if name in functions or name.startswith("firstline_"):
        return True
    if name in _WRITERS.split():
        files = [word for word in re.sub(r" -[mogt] [^ ]+", "", call.text).split(" ")[1:] if word[:1] != "-"]
        return bool(files) and all(re.match(_OWN_FILE, file) for file in (files[-1:] if name == "cp" else files))
    if name in ("awk", "gawk", "mawk") and _AWK_ACTS.search(_AWK_TEXTS.sub(" ", call.text)):
        return False
    if name in _ONLY:
        unless = _UNLESS.get(name)
        return re.match(_ONLY[name], call.text) is not None and not (unless and re.match(unless, call.text, re.DOTALL))
    general = "awk" if name in ("gawk", "mawk") else name
    return name in (*_ANYWAY.split(), *_UNLESS) and re.match(_UNLESS.get(general, "$^"), call.text, re.DOTALL) is None
