"""What the linter calls dangerous, and what only looks so.

Each row is a script as it would stand in an act of a safe runbook; `$SSM_queue` cannot be empty, `$SSM_any` can.
"""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firstline.runbooks.model import Runbook
from local.linting.bash import parsable
from local.linting.dangers import DANGERS
from local.linting.scripts import KNOWN, accepted, danger_problems, found_in
from local.linting.words import SOME, UNKNOWN

PARAMETERS = {"SSM_queue": SOME, "SSM_any": UNKNOWN}


def dangers(script: str, *, looks: bool = False) -> list[tuple[str, int]]:
    return [(danger.id, line) for danger, line in found_in(script, PARAMETERS, looks=looks)]


DANGEROUS = [
    ("rm -rf /", "remove-system"),
    ("rm -rf /*", "remove-system"),
    ("rm --recursive --no-preserve-root -- /srv/x", "remove-system"),
    ("sudo -u root rm -fr /etc", "remove-system"),
    ("rm -r -- /var/lib/", "remove-system"),
    ("rm -rf /var/{log,lib}", "remove-system"),
    ('dir=/usr; rm -rf "$dir"/*', "remove-system"),
    (r"\rm -rf /home/..", "remove-system"),
    ("/usr/bin/env LC_ALL=C rm -rf ~", "remove-system"),
    ("bash -c 'cd /tmp && rm -rf /boot'", "remove-system"),
    ("trap 'rm -rf /opt' EXIT", "remove-system"),
    ("echo /srv | xargs -n 1 rm -rf /srv", "remove-system"),
    ("timeout 5 nice -n 10 rm -rf /root", "remove-system"),
    ("mv /etc /tmp/old", "remove-system"),
    ('rm -rf "$(cat /run/dir)"', "remove-variable"),
    ('rm -rf "$dir/cache"', "remove-variable"),
    ('rm -rf "/$SSM_queue"', "remove-variable"),
    ('rm -rf "/var/$SSM_queue"', "remove-variable"),
    ('rm -rf "/var/spool/$SSM_any"', "remove-variable"),
    ('rm -rf "/var/spool/${SSM_any}"/*', "remove-variable"),
    ('while read -r old; do rm -rf "$old"; done <list', "remove-variable"),
    ("find /srv -xdev -type d -name old -print0 | xargs -0 rm -rf", "remove-variable"),
    ("rm -f *", "remove-glob"),
    ('rm -f "$dir"/*.tmp', "remove-glob"),
    ("rm -f /srv/*.bak", "remove-glob"),
    ("mkfs.ext4 -F /dev/xvdf", "wipe-disk"),
    ("mkfs -t xfs /dev/nvme1n1", "wipe-disk"),
    ("dd if=/dev/zero of=/dev/sda bs=1M", "wipe-disk"),
    ("wipefs --all /dev/vdb", "wipe-disk"),
    ("echo 'n' | fdisk /dev/sdb", "wipe-disk"),
    ("sgdisk --zap-all /dev/sdb", "wipe-disk"),
    ("lvremove -f vg0/data", "wipe-disk"),
    ("cat image >/dev/sda", "wipe-disk"),
    ("shred /dev/nvme0n1", "wipe-disk"),
    ("chmod -R 777 /srv/app", "open-to-all"),
    ("chmod --recursive o+w /srv/app", "open-to-all"),
    ("chmod 0666 /srv/app/key", "open-file"),
    ("chown -R app:app /", "owner-of-system"),
    ("chmod -R u+w /etc", "owner-of-system"),
    ("chown -R root /var/lib", "owner-of-system"),
    ("curl -fsSL https://x.example/i.sh | sh", "remote-code"),
    ("wget -qO- x.example | sudo -E bash -s -- --yes", "remote-code"),
    ("bash <(curl -s x.example)", "remote-code"),
    ('sh -c "$(curl -s x.example)"', "remote-code"),
    ("source <(wget -qO- x.example)", "remote-code"),
    ("echo cm0= | base64 -d | bash", "remote-code"),
    ('bash <<<"$(base64 -d /run/x)"', "remote-code"),
    ("curl x.example | tee /tmp/x | python3 -", "remote-code"),
    ('eval "$command"', "text-as-code"),
    ("eval 'uptime'", "text-as-code"),
    ('sh -c "$command"', "text-as-code"),
    ("cat /run/steps | bash", "text-as-code"),
    ("kill -9 1", "kill-system"),
    ("kill -KILL -- -1", "kill-system"),
    ("killall5 -9", "kill-system"),
    ("pkill -9 -u root", "kill-system"),
    ("pkill .", "kill-system"),
    ("pkill -f java", "loose-kill"),
    ("pkill worker", "loose-kill"),
    ("reboot", "reboot"),
    ("/sbin/shutdown -r now", "reboot"),
    ("systemctl --force reboot", "reboot"),
    ("init 6", "reboot"),
    ("shutdown -h now", "power-off"),
    ("systemctl poweroff", "power-off"),
    ("init 0", "power-off"),
    ("echo b >/proc/sysrq-trigger", "power-off"),
    ("iptables -F", "guards-off"),
    ("iptables -t nat --flush", "guards-off"),
    ("iptables -P INPUT ACCEPT", "guards-off"),
    ("nft flush ruleset", "guards-off"),
    ("ufw --force disable", "guards-off"),
    ("setenforce 0", "guards-off"),
    ("systemctl stop auditd", "guards-off"),
    ("systemctl stop sshd", "lock-out"),
    ("systemctl disable --now amazon-ssm-agent.service", "lock-out"),
    ("systemctl restart amazon-ssm-agent", "lock-out"),
    ("service networking stop", "lock-out"),
    ("ip link set eth0 down", "lock-out"),
    ("pkill -x sshd", "lock-out"),
    ("docker system prune -a --force --volumes", "remove-volumes"),
    ("docker volume prune -f", "remove-volumes"),
    ("docker compose down -v", "remove-volumes"),
    ("docker system prune --all --force", "remove-containers"),
    ("docker rm -f old", "remove-containers"),
    ("truncate -s 0 /var/lib/app/data.db", "empty-file"),
    (": >/etc/app.conf", "empty-file"),
    ('sort list >"$file"', "empty-file"),
    ("echo x | tee /etc/app.conf", "empty-file"),
    ("cp /dev/null /srv/app/state", "empty-file"),
    ("rsync -a --delete /srv/a/ /srv/b/", "empty-file"),
    ("find /srv -delete", "find-delete"),
    ("find /srv -mtime +30 -delete", "find-delete"),
    ("find /srv -xdev -exec rm -f {} +", "find-delete"),
    ("userdel -r app", "accounts"),
    ("echo 'root:x' | chpasswd", "accounts"),
    ("echo 'x ALL=(ALL) NOPASSWD: ALL' >>/etc/sudoers.d/x", "accounts"),
    ("sed -i s/a/b/ /etc/passwd", "accounts"),
    ("cat key >>/home/app/.ssh/authorized_keys", "accounts"),
    ("crontab -r", "drop-data"),
    ("git -C /srv/app clean -fdx", "drop-data"),
    ("git reset --hard origin/main", "drop-data"),
    ("mysql -e 'DROP TABLE orders'", "drop-data"),
    ("psql app <<SQL\ndelete from sessions;\nSQL", "drop-data"),
    ("redis-cli FLUSHALL", "drop-data"),
    ("kubectl delete pod --all", "drop-data"),
    ("apt-get autoremove -y", "remove-packages"),
    ("dnf -y history undo last", "remove-packages"),
    ("rpm -e kernel", "remove-packages"),
    ("aws ec2 terminate-instances --instance-ids i-1", "cloud-change"),
    ("aws s3 rm --recursive s3://bucket", "cloud-change"),
    ("ps aux", "shows-secrets"),
    ("ps -ef", "shows-secrets"),
    ("ps 1", "shows-secrets"),
    ("ps -fp 1 | head -n 3", "shows-secrets"),
    ('ps -o pid=,user:16=,args= -p "$pid"', "shows-secrets"),
    ("ps -eo pid -o command:40=WHAT", "shows-secrets"),
    ("ps axo 'pid cmd'", "shows-secrets"),
    ("ps -e --format pid,args --sort=-rss", "shows-secrets"),
    ('echo "it is $(sudo ps -p "$pid" -o cmd=)"', "shows-secrets"),
    ("pgrep -fa java", "shows-secrets"),
    ("top -bcn 1", "shows-secrets"),
    ("cat /proc/1/cmdline", "shows-secrets"),
    ("strings /proc/self/environ | sort", "shows-secrets"),
    ("tr '\\0' ' ' <\"/proc/$pid/cmdline\"", "shows-secrets"),
    ('for one in /proc/[0-9]*; do xargs -0 <"$one/environ"; done', "shows-secrets"),
    ('line=$(</proc/"$pid"/cmdline)', "shows-secrets"),
    ("env", "shows-secrets"),
    ("sudo env -u HOME A=b | sort", "shows-secrets"),
    ("printenv DATABASE_URL", "shows-secrets"),
    ("set | grep -i token", "shows-secrets"),
    ("export -p", "shows-secrets"),
    ("declare", "shows-secrets"),
    ('systemctl status --no-pager -- "$unit"', "shows-secrets"),
    ("systemctl show shop", "shows-secrets"),
    ("systemctl show -p ExecStart shop", "shows-secrets"),
    ("docker inspect shop", "shows-secrets"),
    ("docker container inspect --format '{{.Config.Env}}' shop", "shows-secrets"),
    ("docker top shop", "shows-secrets"),
    ("systemctl restart app", "interrupts"),
    ('kill -TERM "$pid"', "interrupts"),
    ("docker restart shop", "interrupts"),
    (":(){ :|:& };:", "fork-bomb"),
    ("again() { again | again & }; again", "fork-bomb"),
    ("if true; then rm -rf /srv", "unreadable"),
]

HARMLESS = [
    "# rm -rf /",
    "echo 'rm -rf / would be bad'",
    'echo "to free space run: rm -rf /var/*" >&2',
    "cat <<'END'\nrm -rf /\ncurl x | sh\nEND",
    "printf '%s\\n' 'mkfs.ext4 /dev/sda'",
    "grep -c 'rm -rf' /var/log/audit.log",
    "rm -f /run/firstline/state",
    "rm -rf /var/cache/apt/archives/partial",
    "rm -rf /var/cache/app/*",
    'rm -rf "/var/spool/$SSM_queue"',
    'rm -rf "${dir:?}"/*',
    'rm -rf -- "${SSM_any:?}/cache"',
    'dir=/var/cache/app; rm -rf "$dir"',
    'work=$(mktemp -d); rm -rf "$work"',
    'for old in /var/cache/app/*.old; do rm -rf "$old"; done',
    "rm -f '/srv/*'",
    "find /srv -xdev -type f -mtime +30 -delete",
    "find /var/log -xdev -name '*.gz' -exec rm -f -- {} +",
    "find /srv -type f",
    "fdisk -l /dev/sda",
    "sfdisk --dump /dev/sda",
    "wipefs /dev/sda",
    "parted /dev/sda print",
    "dd if=/dev/sda of=/tmp/head bs=512 count=1",
    "dd if=/dev/zero of=/dev/null",
    "lsblk /dev/sda",
    "chmod 640 /srv/app/key",
    "chmod 1777 /tmp/firstline",
    "chmod -R u+rwX,go-w /srv/app",
    "chown -R app:app /srv/app/data",
    "curl -fsS localhost/health | grep -q ok",
    "curl -s localhost/metrics | python3 -c 'import sys; print(len(sys.stdin.read()))'",
    "base64 -d </run/x >/run/firstline/y",
    "echo eval",
    "bash /opt/app/restart.sh",
    ". /etc/os-release",
    "bash -c 'uptime'",
    'kill -0 "$pid"',
    "kill -CHLD 1 2>/dev/null || kill -0 1",
    "kill -l",
    "pgrep -f java",
    "systemctl reload nginx",
    "systemctl is-active sshd",
    "ps",
    "ps -e",
    "ps -eo pid=,user:16=,etime=,comm= --sort=-pcpu",
    "ps -C shop -o stat=",
    "ps -p 1 -o comm=",
    "ps -u root -L",
    "ps axo pid,comm",
    "pgrep -lx shop",
    "top -bn 1",
    "cat /proc/1/comm /proc/cmdline",
    "echo /proc/1/environ",
    'while read -r line; do echo "$line"; done </proc/1/status',
    "env LC_ALL=C sort /srv/list",
    "set -euo pipefail",
    "export LC_ALL=C",
    "local_name=1; declare -r local_name",
    "systemctl show --property=ActiveState,ExecMainStatus -- shop",
    "docker inspect -f '{{.State.Health.Status}}' shop",
    "systemctl start sshd",
    "systemctl list-units --state=failed reboot.target",
    "last reboot",
    "echo shutdown",
    "iptables -L -n",
    "iptables -I INPUT -p tcp --dport 80 -j ACCEPT",
    "nft list ruleset",
    "ip -s link show eth0",
    "docker ps -a",
    "docker volume ls",
    "docker image ls",
    "truncate -s 0 /var/log/app/app.log",
    ": >/var/log/app.log",
    "echo 1 >/proc/sys/vm/drop_caches",
    "echo x >/run/firstline/state",
    "echo x >>/etc/app.conf",
    "sort a >&2",
    "df >/dev/null 2>&1",
    'state=/run/firstline/x; echo 1 >"$state"',
    'out=$(mktemp); df >"$out"',
    "tee -a /srv/app/notes </dev/null",
    "passwd -S app",
    "getent passwd app",
    "cut -d: -f1 /etc/passwd",
    "sed -n 1p /etc/passwd",
    "crontab -l",
    "git status",
    "git -C /srv/app log --oneline -1 clean-up",
    "mysql -e 'SELECT * FROM dropped_tables'",
    "psql -c 'select 1'",
    "redis-cli INFO",
    "kubectl get pods",
    "apt-get clean",
    "apt-get install --yes chrony",
    "rpm -q kernel",
    "dpkg --configure -a",
    "aws sts get-caller-identity",
    "command -v reboot",
    "type halt",
    'x=$((10#$y * 2)); [[ $x =~ ^[0-9]+$ ]] && echo "$x"',
    "twice() { head -n 1 | sort; }; twice",
]


@pytest.mark.parametrize(("script", "danger"), DANGEROUS, ids=[row[0] for row in DANGEROUS])
def test_a_dangerous_command_is_found(script: str, danger: str) -> None:
    assert danger in [found for found, _ in dangers(f"uptime\n{script}\n")]


@pytest.mark.parametrize("script", HARMLESS)
def test_a_command_that_only_looks_so_is_left_alone(script: str) -> None:
    assert dangers(script) == []


TOKENS = [
    '"',
    "'",
    "$(",
    "${x",
    "`",
    "<<E\n",
    "|",
    "{",
    "}",
    "\\",
    "((",
    "))",
    "[",
    "é",
    "\n",
    "; ",
    "rm -rf ",
    "$x",
    "<(",
    "&",
    "/",
]


@given(st.lists(st.one_of(st.sampled_from(TOKENS), st.text(max_size=5))).map("".join))
def test_whatever_is_written_is_read_or_called_unreadable(script: str) -> None:
    dangers(script)


def test_the_parser_sees_no_character_that_ends_its_process() -> None:
    """tree-sitter-bash 0.25 reads outside of C's tables for some of these, not each time."""
    script = "".join(f"cat <<E{chr(code)}\nrm -rf /{chr(code)}\n" for code in (0x3000, 0xE000, 0x1F600, 0x10FFFF))

    assert max(map(ord, parsable(script))) <= 0xFF
    assert parsable("echo 'é' # ÿ") == "echo 'é' # ÿ"
    assert len(parsable(script)) == len(script)
    assert "remove-system" in [danger for danger, _ in dangers("echo 日誌; rm -rf /")]


@pytest.mark.parametrize("script", ["$(" * 5_000, "{ " * 5_000 + "rm -rf /", '"$(' * 3_000])
def test_what_is_nested_too_deep_is_called_unreadable(script: str) -> None:
    assert ("unreadable", 1) in dangers(script)


def test_variables_that_lead_to_each_other_come_to_an_end() -> None:
    assigned = "\n".join(f'a="$b$c{n}"; b="$c$a{n}"; c="$a$b{n}"' for n in range(40))

    assert ("remove-variable", 41) in dangers(f'{assigned}\nrm -rf "$a"')


def test_every_danger_is_shown() -> None:
    assert {danger.id for danger in DANGERS} <= {danger for _, danger in DANGEROUS}
    assert len({danger.id for danger in DANGERS}) == len(DANGERS)


@pytest.mark.parametrize(
    "script",
    [
        "rm -f /var/cache/app/x",
        'kill -TERM "$pid"',
        "systemctl restart app",
        "sysctl -w vm.swappiness=1",
        "sed -i s/a/b/ /srv/app.conf",
        "umount /data",
        "dnf -y install chrony",
    ],
)
def test_what_only_looks_may_change_nothing(script: str) -> None:
    assert dangers(script, looks=True) == [("looks-only", 1)]


@pytest.mark.parametrize(
    "script",
    ['kill -0 "$pid"', "sysctl vm.swappiness", "systemctl is-active app", 't=$(mktemp); df >"$t"; rm -f "$t"', "mount"],
)
def test_what_only_looks_may_look(script: str) -> None:
    assert dangers(script, looks=True) == []


# --- how it is told ---------------------------------------------------------------------------------------------------

TEXT = """\
id: drain-spool
steps:
  - id: look
    kind: diagnose
    run: systemctl restart app
  - id: drain
    kind: act
    run: |
      drain -- "$SSM_spool"
      # the next line is the one
      systemctl restart app
    accept:
      - danger: reboot
verify:
  run: "true"
"""

type Make[T] = Callable[..., T]


def told(runbook: Runbook) -> list[str]:
    return [str(problem) for problem in danger_problems(runbook, TEXT)]


@pytest.fixture
def with_act(make_runbook: Make[Runbook]) -> Make[Runbook]:
    def make(run: str, risk: str = "safe", **step: Any) -> Runbook:
        look = {"id": "look", "kind": "diagnose", "run": "uptime"}
        drain = {
            "id": "drain",
            "kind": "act",
            "run": f'drain -- "$SSM_spool"\n# the next line is the one\n{run}\n',
            **step,
        }
        return make_runbook(risk=risk, steps=[look, drain])

    return make


def test_a_danger_is_told_with_its_line_why_and_what_to_do(with_act: Make[Runbook]) -> None:
    assert told(with_act("systemctl restart app")) == [
        "drain-spool.yaml:11: steps.1.run: interrupts: a service or a process ends, and its users notice; say risk: "
        "disruptive, or reload instead. Where it is meant: accept: [{danger: interrupts, because: …}]"
    ]


def test_a_script_beside_its_key_has_that_line(make_runbook: Make[Runbook]) -> None:
    look = {"id": "look", "kind": "diagnose", "run": "systemctl restart app"}
    drain = {"id": "drain", "kind": "act", "run": 'drain -- "$SSM_spool"\n'}

    (problem,) = told(make_runbook(risk="disruptive", steps=[look, drain]))

    assert problem.startswith("drain-spool.yaml:5: steps.0.run: looks-only: ")


def test_a_risk_that_says_so_covers_it(with_act: Make[Runbook]) -> None:
    assert told(with_act("systemctl restart app", risk="disruptive")) == []
    assert told(with_act("docker volume prune -f", risk="disruptive"))
    assert told(with_act("docker volume prune -f", risk="destructive")) == []


def test_a_risk_covers_nothing_that_wants_a_reason(with_act: Make[Runbook]) -> None:
    assert told(with_act("reboot", risk="destructive"))


def test_a_danger_that_somebody_accepted_is_kept_for_people_to_read(with_act: Make[Runbook]) -> None:
    runbook = with_act("reboot", accept=[{"danger": "reboot", "because": "The kernel leak has no other cure."}])

    assert told(runbook) == []
    ((location, one),) = accepted(runbook)
    assert (location, one.danger, one.because) == (("steps", 1), "reboot", "The kernel leak has no other cure.")


@pytest.mark.parametrize(
    ("run", "danger", "problem"),
    [
        ("rm -rf /", "remove-system", "remove-system is never accepted; change the script"),
        ("uptime", "reboot", "nothing in its scripts is reboot; remove it, so that the next one is seen"),
        ("uptime", "rebot", "there is no danger 'rebot'; did you mean 'reboot'?"),
    ],
)
def test_what_cannot_be_accepted_is_told(with_act: Make[Runbook], run: str, danger: str, problem: str) -> None:
    accept = [{"danger": danger, "because": "It was meant to be like this."}]

    assert f"drain-spool.yaml:13: steps.1.accept.0: {problem}" in told(with_act(run, accept=accept))


def test_what_is_never_accepted_says_so(with_act: Make[Runbook]) -> None:
    (problem,) = told(with_act("curl -s x.example | sh", risk="destructive"))

    assert problem.endswith("This is never accepted")


def test_a_parameter_whose_pattern_takes_nothing_may_be_empty(
    with_act: Make[Runbook], make_runbook: Make[Runbook]
) -> None:
    steps = [{"id": "drain", "kind": "act", "run": 'rm -rf "/var/spool/$SSM_spool"\n'}]
    maybe = {"spool": {"from": "labels.spool", "pattern": "^[a-z]{0,20}$"}}

    assert told(make_runbook(steps=steps)) == []
    assert "remove-variable" in told(make_runbook(steps=steps, parameters=maybe))[0]


def test_the_guide_lists_every_danger() -> None:
    from pathlib import Path

    guide = (Path(__file__).parents[3] / "docs" / "runbooks.md").read_text()
    table = guide.partition("## Commands that the linter refuses")[2].partition("\n## ")[0]
    rows = {line.split("`")[1]: line.split("|")[2].strip() for line in table.splitlines() if line.startswith("| `")}

    assert rows == {danger.id: danger.allowed for danger in KNOWN.values()}
