"""The linter of runbooks: dangerous commands are found, their harmless twins are not.

Each script is read as it would stand in an act of a safe runbook.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firstline.runbooks.model import Runbook
from firstline_cli.lint.commands import parsable
from firstline_cli.lint.dangers import DANGERS
from firstline_cli.lint.scripts import KNOWN, accepted, danger_problems, found_in


def dangers(script: str, *, looks: bool = False) -> list[tuple[str, int]]:
    return [(danger.id, line) for danger, line in found_in(script, looks=looks)]


TABLE: dict[str, list[tuple[str, str]]] = {
    # Of each danger: scripts that show it, and the harmless twin of each.
    "remove-system": [
        ("rm -rf /", "# rm -rf /"),
        ("rm -rf /*", "echo 'rm -rf /* would be bad'"),
        ("rm --recursive --no-preserve-root -- /srv/x", "rm --recursive -- /srv/x/y"),
        ("sudo -u root rm -fr /etc", "sudo -u root rm -f /etc/app.old"),
        ("rm -r -- /var/lib/", "rm -rf /var/cache/apt/archives/partial"),
        (r"\rm -rf /home/..", "rm -f /run/firstline/state"),
        ("/usr/bin/env LC_ALL=C rm -rf ~", "env LC_ALL=C sort /srv/list"),
        ("bash -c 'cd /tmp && rm -rf /boot'", "bash -c 'uptime'"),
        ("trap 'rm -rf /opt' EXIT", "work=$(mktemp -d); trap 'rm -rf \"$work\"' EXIT"),
        ("echo x | xargs -n 1 rm -rf /srv", "cat <<'END'\nrm -rf /\ncurl x | sh\nEND"),
        ("timeout 5 nice -n 10 rm -rf /root", "timeout 5 nice -n 10 du -s /root"),
        ("ls | xargs -n 1 sh -c 'rm -rf /usr'", "ls | xargs -n 1 sh -c 'uptime'"),
        (r"find /x -exec sh -c 'rm -rf /usr' \;", r"find /x -exec sh -c 'uptime' \;"),
        (r"find /x -exec rm -rf /usr \;", "find /srv -type f"),
        ("mv /etc /tmp/old", "mv -n /srv/app/new /srv/app/old"),
    ],
    "wipe-disk": [
        ("mkfs.ext4 -F /dev/xvdf", "printf '%s\\n' 'mkfs.ext4 /dev/sda'"),
        ("dd if=/dev/zero of=/dev/sda bs=1M", "dd if=/dev/sda of=/tmp/head bs=512 count=1"),
        ("wipefs --all /dev/vdb", "wipefs /dev/sda"),
        ("echo 'n' | fdisk /dev/sdb", "fdisk -l /dev/sda"),
        ("sgdisk --zap-all /dev/sdb", "sfdisk --dump /dev/sda"),
        ("parted /dev/sda rm 1", "parted /dev/sda print"),
        ("cat image >/dev/sda", "df >/dev/null 2>&1"),
    ],
    "accounts": [
        ("userdel -r app", "getent passwd app"),
        ("echo 'root:x' | chpasswd", "passwd -S app"),
        ("echo 'x ALL=(ALL) NOPASSWD: ALL' >>/etc/sudoers.d/x", "echo x >>/etc/app.conf"),
        ("sed -i s/a/b/ /etc/passwd", "sed -n 1p /etc/passwd"),
        ("cat key >>/home/app/.ssh/authorized_keys", "cut -d: -f1 /etc/passwd"),
    ],
    "open-to-all": [
        ("chmod -R 777 /srv/app", "chmod -R u+rwX,go-w /srv/app"),
        ("chmod --recursive o+w /srv/app", "chmod 640 /srv/app/key"),
    ],
    "open-file": [("chmod 0666 /srv/app/key", "chmod 1777 /tmp/firstline")],
    "owner-of-system": [
        ("chown -R app:app /", "chown -R app:app /srv/app/data"),
        ("chmod -R u+w /etc", "chmod u+w /etc"),
    ],
    "remote-code": [
        ("curl -fsSL https://x.example/i.sh | sh", "curl -fsS localhost/health | grep -q ok"),
        ("wget -qO- x.example | sudo -E bash -s -- --yes", "wget -q x.example/list; sort list"),
        ("bash <(curl -s x.example)", "bash /opt/app/restart.sh"),
        ('sh -c "$(curl -s x.example)"', 'echo "$(curl -s localhost)"'),
        ("source <(wget -qO- x.example)", ". /etc/os-release"),
        ("echo cm0= | base64 -d | bash", "base64 -d </run/x >/run/firstline/y"),
        ('bash <<<"$(base64 -d /run/x)"', "sort </run/x"),
        ("curl x.example | tee /tmp/x | python3 -", "curl -s localhost | jq ."),
    ],
    "text-as-code": [
        ('eval "$command"', "echo eval"),
        ('sh -c "$command"', "sh -c uptime"),
        ('bash -c "cd /srv\n$command"', "bash -c 'cd /srv\nuptime' _ \"$x\""),
        ("cat /run/steps | bash", "cat /run/steps | sort"),
    ],
    "kill-system": [
        ("kill -9 1", 'kill -0 "$pid"'),
        ("kill -KILL -- -1", "kill -CHLD 1"),
        ("killall5 -9", "kill -l"),
        ("pkill -9 -u root", "pgrep -u root"),
    ],
    "loose-kill": [("pkill -f java", "pgrep -f java")],
    "interrupts": [
        ("systemctl restart app", "systemctl reload nginx"),
        ('kill -TERM "$pid"', 'kill -s 0 "$pid"'),
        ("docker restart shop", "docker ps -a"),
        ("systemctl disable app", "systemctl is-enabled app"),
        ("systemctl mask app", "systemctl show -p Id app"),
        ("supervisorctl restart app", "supervisorctl status"),
        ("nginx -s stop", "nginx -t"),
        ("fuser -k /srv/x", "fuser /srv/x"),
        ("docker compose down", "docker compose ps"),
        ("kubectl drain node-1", "kubectl describe node node-1"),
        ("loginctl terminate-session 3", "loginctl list-sessions"),
        ("redis-cli SHUTDOWN", "redis-cli PING"),
    ],
    "lock-out": [
        ("systemctl stop sshd", "systemctl is-active sshd"),
        ("systemctl disable --now amazon-ssm-agent.service", "systemctl is-active sshd"),
        ("systemctl restart amazon-ssm-agent", "systemctl reload amazon-ssm-agent"),
        ("ip link set eth0 down", "ip -s link show eth0"),
        ("pkill -x sshd", "pgrep -x sshd"),
    ],
    "power-off": [
        ("shutdown -h now", "echo shutdown"),
        ("systemctl poweroff", "type halt"),
        ("echo b >/proc/sysrq-trigger", "echo 1 >/proc/sys/vm/drop_caches"),
    ],
    "reboot": [
        ("systemctl --force reboot", "systemctl list-units --state=failed reboot.target"),
        ("/sbin/shutdown -r now", "last reboot"),
        ("reboot", "command -v reboot"),
    ],
    "cloud-change": [
        ("aws ec2 terminate-instances --instance-ids i-1", "aws sts get-caller-identity"),
        ("aws s3 rm --recursive s3://bucket", "aws s3 ls s3://bucket"),
    ],
    "guards-off": [
        ("iptables -F", "iptables -L -n"),
        ("iptables -P INPUT ACCEPT", "iptables -I INPUT -p tcp --dport 80 -j ACCEPT"),
        ("nft flush ruleset", "nft list ruleset"),
        ("systemctl stop auditd", "systemctl is-active auditd"),
    ],
    "remove-variable": [
        ('rm -rf "$dir/cache"', 'rm -rf "${dir:?}/cache"'),
        ('rm -rf "/var/$SSM_queue"', 'rm -rf "/var/spool/$SSM_queue"'),
        ("find /srv -xdev -type d -print0 | xargs -0 rm -rf", "find /srv -xdev -type d -print0 | xargs -0 du"),
        ('rm -rf "$(cat /run/dir)"', 'work=$(mktemp -d); rm -rf "$work"'),
    ],
    "remove-glob": [
        ("rm -f *", "rm -rf /var/cache/app/*"),
        ('rm -f "$dir"/*.tmp', 'rm -f "${dir:?}"/*.tmp'),
        ("rm -rf /var/{log,lib}", "rm -rf /var/cache/{app,web}"),
        ("rm -f /srv/*.bak", "rm -f /srv/app/*.bak"),
    ],
    "find-delete": [
        ("find /srv -mtime +30 -delete", "find /srv -xdev -type f -mtime +30 -delete"),
        ("find /srv -xdev -exec rm -f {} +", "find /var/log -xdev -name '*.gz' -exec rm -f -- {} +"),
    ],
    "remove-files": [
        ("rm -f /srv/app/old.gz", "rm -f /run/app/old.gz"),
        ('rm -f "$file"', 'file=$(mktemp); rm -f "$file"'),
        ('for f in /run/firstline/x; do rm -f "$f"; done', "rm -f /var/cache/app/list"),
        ("rm -f /run/../srv/app/data", "rm -f /tmp/app.pid"),
        ("unlink /srv/app/data", "readlink /srv/app/data"),
        ("ls /srv | xargs rm -f", "ls /srv | xargs du"),
        ("find /srv -xdev -type f -mtime +30 -delete", "find /tmp -xdev -type f -mtime +30 -delete"),
        ('find "${SSM_path:?}" -xdev -type f -mtime +3 -delete', "find /srv -xdev -type f -mtime +3"),
        ("find /srv -xdev -name '*.gz' -exec rm -f -- {} +", "find /srv -xdev -name '*.gz' -exec ls -l {} +"),
        ("find /srv -xdev -type f -exec truncate -s 0 {} +", "find /srv -xdev -type f -exec stat {} +"),
        ("journalctl --vacuum-time=3d", "journalctl --disk-usage"),
        ("systemd-tmpfiles --clean", "systemd-tmpfiles --cat-config"),
        ("logrotate -f /etc/logrotate.conf", "logrotate -d /etc/logrotate.conf"),
    ],
    "other-language": [
        ("python3 -c 'import os; os.remove(\"/srv/x\")'", "python3 --version"),
        ("perl -e 'unlink \"/srv/x\"'", "jq . /srv/x"),
        ("perl -i -pe s/a/b/ /etc/app.conf", "sed -n s/a/b/p /etc/app.conf"),
        ("ruby /srv/fix.rb", "command -v ruby"),
        ("node -e 'x()'", "pgrep -x node"),
        ("python3 <<'END'\nimport os\nEND", "cat <<'END'\npython3 x\nEND"),
        ("awk 'BEGIN { system(\"rm /srv/x\") }'", "awk '{ print $1 }' /srv/x"),
        ("docker exec shop rm -rf /srv", "docker ps"),
        ("kubectl exec shop -- rm -rf /srv", "kubectl get pods"),
        ("ssh db-1 rm -rf /srv", "getent hosts db-1"),
    ],
    "remove-packages": [
        ("apt-get autoremove -y", "apt-get clean"),
        ("dnf -y history undo last", "dnf -y history"),
        ("rpm -e kernel", "rpm -q kernel"),
    ],
    "remove-containers": [("docker system prune --all --force", "docker system df")],
    "remove-volumes": [
        ("docker volume prune -f", "docker volume ls"),
        ("docker compose down -v", "docker compose ps"),
    ],
    "empty-file": [
        ("truncate -s 0 /var/lib/app/data.db", "truncate -s 0 /var/log/app/app.log"),
        ('truncate -s 0 -- "$file"', 'file=$(mktemp); truncate -s 0 "$file"'),
        (": >/etc/app.conf", ": >/var/log/app.log"),
        ("echo x | tee /etc/app.conf", "echo x | tee -a /etc/app.conf"),
        ("rsync -a --delete /srv/a/ /srv/b/", "rsync -a --ignore-existing /srv/a/ /srv/b/"),
        ("rsync -a /srv/a/ /srv/b/", "rsync -a --backup /srv/a/ /srv/b/"),
        (": >/var/log/../lib/app/data", ": >/var/log/app.log"),
        ('echo x >"$SSM_queue"', 'echo x >>"$SSM_queue"'),
        ('echo x | tee "$f"', 'f=/run/firstline/x; echo x | tee "$f"'),
        ('f=/run/firstline/x; f=/srv/x; echo x | tee "$f"', "echo x | tee -a /srv/x"),
        ("dd if=/dev/zero of=/srv/app/data bs=1M count=1", "dd if=/srv/app/data of=/dev/null bs=1M count=1"),
        ('mv "$new" /srv/app/current', "mv --backup=numbered /srv/app/new /srv/app/current"),
        ("cp -f /srv/app/new /etc/app.conf", "cp -n /srv/app/new /etc/app.conf"),
        ("install -m 644 /srv/x /etc/app.conf", "install -d -m 755 /srv/app/spool"),
        ("ln -sfn /srv/v1 /srv/current", "ln -s /srv/v1 /srv/current"),
        ("sed -i s/a/b/ /etc/app.conf", "sed -i.bak s/a/b/ /etc/app.conf"),
        ("curl -so /etc/app.conf localhost", "curl -s -o /dev/null localhost"),
        ("tar -xf /srv/x.tar -C /srv/app", "tar --keep-old-files -xf /srv/x.tar -C /srv/app"),
    ],
    "drop-data": [
        ("crontab -r", "crontab -l"),
        ("git -C /srv/app clean -fdx", "git -C /srv/app log --oneline -1 clean-up"),
        ("git reset --hard origin/main", "git status"),
        ("redis-cli FLUSHALL", "redis-cli INFO"),
        ("kubectl delete pod --all", "kubectl get pods"),
    ],
    "drop-tables": [
        ("mysql -e 'DROP TABLE orders'", "mysql -e 'SELECT * FROM dropped_tables'"),
        ("psql app <<SQL\ndelete from sessions;\nSQL", "psql app <<SQL\ndelete from sessions where id = 1;\nSQL"),
    ],
    "shows-secrets": [
        ("ps aux", "ps -e"),
        ("ps 1", "ps -p 1 -o comm="),
        ("ps -fp 1 | head -n 3", "ps -u root -L"),
        ('ps -o pid=,user:16=,args= -p "$pid"', "ps -eo pid=,user:16=,etime=,comm= --sort=-pcpu"),
        ("ps -eo pid -o command:40=WHAT", "ps -C shop -o stat="),
        ("ps axo 'pid cmd'", "ps axo pid,comm"),
        ("ps -e --format pid,args --sort=-rss", "ps -e --format pid,comm --sort=-rss"),
        ('echo "it is $(sudo ps -p "$pid" -o cmd=)"', 'echo "it is $(ps -p "$pid" -o comm=)"'),
        ("pgrep -fa java", "pgrep -lx shop"),
        ("top -bcn 1", "top -bn 1"),
        ("cat /proc/1/cmdline", "cat /proc/1/comm /proc/cmdline"),
        ("strings /proc/self/environ | sort", "echo /proc/1/environ"),
        ('tr a b <"/proc/$pid/cmdline"', "tr a b </proc/1/status"),
        ('for one in /proc/[0-9]*; do xargs -0 <"$one/environ"; done', 'cat "$one/comm"'),
        ('line=$(</proc/"$pid"/cmdline)', 'line=$(</proc/"$pid"/comm)'),
        ("env", "env -i sort /srv/list"),
        ("sudo env -u HOME A=b | sort", "sudo env -u HOME A=b sort /srv/list"),
        ("printenv DATABASE_URL", "printf printenv"),
        ("set | grep -i token", "set -euo pipefail"),
        ("export -p", "export LC_ALL=C"),
        ("declare", "one=1; declare -r one"),
        ('systemctl status --no-pager -- "$unit"', 'systemctl show --property=ActiveState,ExecMainStatus -- "$unit"'),
        ("systemctl show -p ExecStart shop", "systemctl show -p ActiveState shop"),
        ("systemctl show shop", "systemctl is-failed shop"),
        ("docker inspect shop", "docker inspect -f '{{.State.Health.Status}}' shop"),
        ("docker container inspect --format '{{.Config.Env}}' shop", "docker image ls"),
        ("docker top shop", "docker stats --no-stream shop"),
    ],
    "unasked": [
        ('systemctl restart "$unit"', "systemctl reload nginx"),
        ('firstline_may_start "$unit"; systemctl restart "$unit"', 'systemctl show -p Id -- "$unit"'),
        (
            'systemctl start "$unit"; firstline_may_start "$unit"',
            'firstline_may_start "$unit"; systemctl start "$unit"',
        ),
        ('firstline_may_interrupt "$unit"; kill -9 "$pid"', 'kill -0 "$pid"'),
        ('firstline_may_signal "$pid"; pkill -x java', "pgrep -x java"),
        ('kill -STOP "$pid"', 'kill -CONT "$pid"'),
    ],
    "unreadable": [("if true; then rm -rf /srv", 'x=$((10#$y * 2)); [[ $x =~ ^[0-9]+$ ]] && echo "$x"')],
}
HOW_FILES_GO = ("remove-system", "remove-variable", "remove-glob", "find-delete")
"""Dangers of the way in which files are removed: the harmless twin is careful, and still needs the risk to remove."""

ROWS = [(danger, found, harmless) for danger, pairs in TABLE.items() for found, harmless in pairs]


@pytest.mark.parametrize(("danger", "script", "twin"), ROWS, ids=[row[1] for row in ROWS])
def test_a_dangerous_command_is_found_and_its_harmless_twin_is_not(danger: str, script: str, twin: str) -> None:
    assert danger in [found for found, _ in dangers(f"uptime\n{script}\n")]
    also = {"remove-files"} if danger in HOW_FILES_GO else set[str]()
    assert {found for found, _ in dangers(twin)} <= also


def test_the_table_shows_every_danger_that_the_linter_knows() -> None:
    assert {*TABLE, "looks-only"} == {*KNOWN}
    assert len({danger.id for danger in DANGERS}) == len(DANGERS)


TOKENS = ['"', "'", "$(", "${x", "`", "<<E\n", "|", "{", "}", "\\", "((", "))", "[", "é", "\n", "; ", "rm -rf ", "$x"]


@given(st.lists(st.one_of(st.sampled_from(TOKENS), st.text(max_size=5))).map("".join))
def test_no_script_breaks_the_linter(script: str) -> None:
    dangers(script)


def test_the_parser_gets_only_characters_that_cannot_crash_it_and_the_danger_is_still_found() -> None:
    """tree-sitter-bash 0.25 reads outside of C's tables for some of these, not each time."""
    script = "".join(f"cat <<E{chr(code)}\nrm -rf /{chr(code)}\n" for code in (0x3000, 0xE000, 0x1F600, 0x10FFFF))

    assert max(map(ord, parsable(script))) <= 0xFF
    assert parsable("echo 'é' # ÿ") == "echo 'é' # ÿ"
    assert len(parsable(script)) == len(script)
    assert "remove-system" in [danger for danger, _ in dangers("echo 日誌; rm -rf /")]


@pytest.mark.parametrize("script", ["$(" * 5_000, "{ " * 5_000 + "rm -rf /", '"$(' * 3_000])
def test_a_script_that_is_nested_too_deep_is_unreadable(script: str) -> None:
    assert ("unreadable", 1) in dangers(script)


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
def test_a_step_that_only_looks_may_change_nothing(script: str) -> None:
    assert dangers(script, looks=True) == [("looks-only", 1)]


@pytest.mark.parametrize(
    "script",
    ['kill -0 "$pid"', "sysctl vm.swappiness", "systemctl is-active app", 't=$(mktemp); df >"$t"; rm -f "$t"', "mount"],
)
def test_a_step_that_only_looks_may_read_and_use_temporary_files(script: str) -> None:
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

VERIFY = {"run": "true", "within": "1m", "every": "20s"}

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
        return make_runbook(risk=risk, steps=[look, drain], verify=VERIFY)

    return make


def test_a_problem_has_the_commands_line_the_reason_and_the_fix(with_act: Make[Runbook]) -> None:
    assert told(with_act("firstline_may_interrupt app || exit 4; systemctl restart app")) == [
        "drain-spool.yaml:11: steps.1.run: interrupts: a service or a process ends, and its users notice; say risk: "
        "disruptive, or reload instead. If it is intended: accept: [{danger: interrupts, because: …}]"
    ]


def test_a_script_on_its_keys_line_is_reported_at_that_line(make_runbook: Make[Runbook]) -> None:
    look = {"id": "look", "kind": "diagnose", "run": "systemctl restart app"}
    drain = {"id": "drain", "kind": "act", "run": 'drain -- "$SSM_spool"\n'}

    (problem,) = told(make_runbook(risk="disruptive", steps=[look, drain], verify=VERIFY))

    assert problem.startswith("drain-spool.yaml:5: steps.0.run: looks-only: ")


def test_a_runbooks_risk_covers_the_dangers_that_it_allows(with_act: Make[Runbook]) -> None:
    assert told(with_act('firstline_may_interrupt "$app" || exit 4; systemctl restart app', risk="disruptive")) == []
    assert told(with_act("docker volume prune -f", risk="disruptive"))
    assert told(with_act("docker volume prune -f", risk="destructive")) == []


def test_a_danger_that_wants_a_reason_is_covered_by_no_risk(with_act: Make[Runbook]) -> None:
    assert told(with_act("reboot", risk="destructive"))


def test_a_danger_that_somebody_accepted_is_kept_for_people_to_read(with_act: Make[Runbook]) -> None:
    runbook = with_act("reboot", accept=[{"danger": "reboot", "because": "The kernel leak has no other cure."}])

    assert told(runbook) == []
    ((location, entry),) = accepted(runbook)
    assert (location, entry.danger, entry.because) == (("steps", 1), "reboot", "The kernel leak has no other cure.")


@pytest.mark.parametrize(
    ("run", "danger", "problem"),
    [
        ("rm -rf /", "remove-system", "remove-system is never accepted; change the script"),
        (
            "uptime",
            "reboot",
            "no command here has the danger reboot; remove the entry, so that a later command is reported",
        ),
        ("uptime", "rebot", "there is no danger 'rebot'; did you mean 'reboot'?"),
    ],
)
def test_a_wrong_accept_entry_is_reported_at_its_line(
    with_act: Make[Runbook], run: str, danger: str, problem: str
) -> None:
    accept = [{"danger": danger, "because": "It was meant to be like this."}]

    assert f"drain-spool.yaml:13: steps.1.accept.0: {problem}" in told(with_act(run, accept=accept))


def test_a_danger_that_is_never_accepted_says_so(with_act: Make[Runbook]) -> None:
    (problem,) = told(with_act("userdel app", risk="destructive"))

    assert problem.endswith("This is never accepted")


def test_the_guide_lists_every_danger() -> None:
    guide = (Path(__file__).parents[3] / "docs" / "runbooks.md").read_text()
    table = guide.partition("## Commands that the linter refuses")[2].partition("\n## ")[0]
    rows = {line.split("`")[1]: line.split("|")[2].strip() for line in table.splitlines() if line.startswith("| `")}

    assert rows == {danger.id: danger.allowed for danger in KNOWN.values()}
