"""Hostile values in labels: what a pattern refuses never reaches a script, and what it takes does no harm there.

Every script is run with every hostile value that its parameter takes, on a sound host, whose state must be the same
afterwards. Of a parameter that takes many, only CI tries all.
"""

import re
import shlex
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Lock

import pytest
import yaml

from firstline.models import NormalizedAlert
from firstline.remediation.plan import parameter_values
from firstline.runbooks.documents import content, render_script
from firstline.runbooks.model import Runbook
from firstline.runbooks.patterns import MAX_VALUE_LENGTH
from local.emulator.hosts import Host
from tests.runbooks.conftest import ON_HOSTS, RUNBOOKS, SHIPPED, StartHost, wanted_of
from tests.runbooks.hostile import CANARY, HOSTILE
from tests.support.depth import some

AT_ONCE = 4
MOST_SECONDS = 330.0
"""The time in which a batch has ended on the slowest machine: a test that hangs is ended after 420 s."""

FEW = 10
"""The number of hostile values up to which all are tried everywhere."""

PARAMETERS = [(runbook.id, name) for runbook in SHIPPED.values() for name in runbook.parameters]
IN_SCRIPTS = [(runbook_id, name) for runbook_id, name in PARAMETERS if runbook_id in ON_HOSTS]
"""The parameters of runbooks that run scripts. Those of the others are for the plan and IAM to judge."""

INNOCENT = f"""\
#!/bin/bash
# A host where nothing is broken. Waiting takes no time, so that many runs fit into a test.
mkdir -p {CANARY} /opt/fast /data/log /data/orders /var/log/shop /var/lib/docker
printf '#!/bin/sh\\nexit 0\\n' >/opt/fast/sleep && chmod 755 /opt/fast/sleep
for file in /data/orders/00042.log /data/orders/table /data/log/app.log /var/log/shop/shop.log /var/log/syslog; do
  echo kept >"$file"
done
touch -d '9 days ago' /data/orders/*
printf '[Service]\\nExecStart=/bin/sleep 600\\n[Install]\\nWantedBy=multi-user.target\\n' \\
  >/etc/systemd/system/bystander.service
systemctl enable --now bystander.service
"""

STATE = f"""\
#!/bin/bash
# All that a run might change: files, what runs, and the canary. Scratch files and a runbook's own notes are its own.
find / /data -xdev \\( -path /tmp -o -path /run/firstline -o -path /run/host -o -path /opt -o -path /proc \\) -prune \\
  -o -not -path /run -not -path / -printf '%p %y %s %T@ %m %l\\n' | sort
ps -eo comm=,stat= | grep -vE '^(sh|bash|ps|grep|sort|find|tmp\\..*) ' | sort
systemctl is-active bystander.service
cat /run/host/units/bystander.pid
ls -A {CANARY}
"""

DRIVER = r"""#!/bin/bash
# Runs one command after the other, each with a clean environment; says only what must not be.
unset LANG USER
export PATH=/opt/fast:$PATH
wrong='bad substitution|syntax error|unbound variable|value too great|command not found'
count=0
try() {
  step=$1
  shift
  (export "$@"; exec timeout 60 "/opt/$step") </dev/null >/opt/said 2>&1
  if [ $? = 124 ]; then echo "$step never ended: $*"; fi
  # No process is started to read it: there are a thousand runs.
  mapfile -t -d '' said </opt/said
  if [[ ${said[*]} =~ $wrong ]]; then echo "$step stumbled over $*: ${said[*]}"; fi
  count=$((count + 1))
}
"""


def accepted(runbook: Runbook, name: str) -> list[str]:
    """Return the hostile values that a parameter's pattern takes."""
    return [value for value in HOSTILE if runbook.parameters[name].problem(value) is None]


def tried(runbook: Runbook, name: str, *, begin: int) -> list[str]:
    """Return the accepted values to run a script with; `begin` says with which of many to begin."""
    values = accepted(runbook, name)
    return values if len(values) <= FEW else list(some(values, begin=begin))


def sensible(runbook: Runbook) -> dict[str, str]:
    """Return a valid value for each parameter, from the runbook's first example."""
    values, problem = parameter_values(runbook, runbook.examples.match[0].as_alert())
    assert problem is None
    return values


def alert_with(runbook: Runbook, field: str, value: str) -> NormalizedAlert:
    alert = runbook.examples.match[0].as_alert()
    if field.startswith("labels."):
        return alert.model_copy(update={"labels": {**alert.labels, field.removeprefix("labels."): value}})
    # Without the labels that would come first.
    return alert.model_copy(update={field: value, "labels": {}})


def test_there_are_many_hostile_values_and_no_two_are_the_same() -> None:
    assert len(HOSTILE) == len(set(HOSTILE)) >= 150


@pytest.mark.parametrize(("runbook_id", "name"), PARAMETERS)
def test_a_value_that_a_pattern_refuses_ends_the_plan(runbook_id: str, name: str) -> None:
    runbook = SHIPPED[runbook_id]
    parameter = runbook.parameters[name]
    takes = set(accepted(runbook, name))
    # Whatever else may be in it: it is short, plain text.
    assert not any(character in value for value in takes for character in " \t\r\n\0;|&$`\\\"'(){}[]<>*?!#~")

    for field in parameter.from_[:1]:
        for value in HOSTILE:
            if value in takes or value == "":
                continue
            values, problem = parameter_values(runbook, alert_with(runbook, field, value))
            assert problem is not None
            assert values == {}, f"{value!r} reached the plan"


@pytest.mark.parametrize(("runbook_id", "name"), IN_SCRIPTS)
def test_a_value_that_a_pattern_refuses_is_refused_once_more_before_it_reaches_a_host(
    runbook_id: str, name: str
) -> None:
    """Systems Manager and its agent know the pattern, too, for somebody who sends a document without a plan."""
    runbook = SHIPPED[runbook_id]
    known = {
        content(runbook, step_id, command)["parameters"][name]["allowedPattern"]
        for step_id, command in runbook.commands()
        if name in runbook.parameters_of(command)
    }
    (allowed,) = known

    sent = {value for value in HOSTILE if re.fullmatch(allowed, value)}

    # The plan alone refuses what a command would take for an option, what leads out of a folder, and what is too long.
    more = {
        value for value in sent if value.startswith("-") or ".." in value.split("/") or len(value) > MAX_VALUE_LENGTH
    }
    assert sent - more == set(accepted(runbook, name))


def test_no_line_of_a_script_holds_what_systems_manager_would_fill_in() -> None:
    template = yaml.load((RUNBOOKS / "documents/template.yaml").read_text(), Loader=_Loader)

    lines = [
        line
        for document in template["Resources"].values()
        for step in document["Properties"]["Content"]["mainSteps"]
        for script in step["inputs"]["runCommand"]
        for line in script.splitlines()
    ]

    assert len(lines) > 1_000
    assert [line for line in lines if "{{" in line] == []


class _Loader(yaml.SafeLoader):
    """A reader of templates with CloudFormation's short forms."""


_Loader.add_constructor("!Sub", lambda loader, node: node.value)


def batch(runbook: Runbook) -> tuple[str, int]:
    """Return a script that runs each command as usual and with each hostile value, and the number of runs.

    A command without parameters runs, too: above all a look has to leave the host as it is.
    """
    lines = [DRIVER]
    usual = sensible(runbook)
    cases = 0
    for number, (step_id, command) in enumerate(runbook.commands()):
        lines.append(
            f"cat >/opt/{step_id} <<'END_OF_STEP'\n{render_script(command)}END_OF_STEP\nchmod 755 /opt/{step_id}"
        )
        as_usual = [shlex.quote(f"SSM_{name}={usual[name]}") for name in command.variables]
        lines.append(f"try {step_id} {' '.join(as_usual)}")
        cases += 1
        for name in command.variables:
            for value in tried(runbook, name, begin=number):
                settings = {other: usual[other] for other in command.variables} | {name: value}
                words = [shlex.quote(f"SSM_{key}={text}") for key, text in settings.items()]
                lines.append(f"try {step_id} {' '.join(words)}")
                cases += 1
    return "\n".join([*lines, "echo ran $count", ""]), cases


class Outcome:
    """A host's state before and after the batch of a runbook, and what the batch printed."""

    def __init__(self, host: Host, runbook: Runbook) -> None:
        assert host.run(INNOCENT).exit_code == 0
        script, self.cases = batch(runbook)
        self.before = host.run(STATE).stdout
        self.ran = host.run(script, timeout_seconds=MOST_SECONDS)
        self.after = host.run(STATE).stdout
        host.close()


@pytest.fixture(scope="module")
def outcomes(request: pytest.FixtureRequest, start_host: StartHost) -> dict[str, Future[Outcome]]:
    """Return the outcome of each runbook's batch, all of which run side by side."""
    one_by_one = Lock()

    def start_and_run(runbook: Runbook) -> Outcome:
        with one_by_one:
            host = start_host()
        return Outcome(host, runbook)

    start_host().close()  # where there is no sandbox, the tests are skipped here
    pool = ThreadPoolExecutor(AT_ONCE)
    wanted = [SHIPPED[runbook_id] for runbook_id in wanted_of(request, "runbook_id", ON_HOSTS)]
    largest_first = sorted(wanted, key=lambda runbook: -batch(runbook)[1])
    submitted = {runbook.id: pool.submit(start_and_run, runbook) for runbook in largest_first}
    pool.shutdown(wait=False)
    return submitted


@pytest.mark.parametrize("runbook_id", ON_HOSTS)
def test_a_hostile_value_that_a_pattern_takes_changes_nothing_on_a_sound_host(
    runbook_id: str, outcomes: dict[str, Future[Outcome]]
) -> None:
    outcome = outcomes[runbook_id].result()

    assert outcome.ran.stdout == f"ran {outcome.cases}\n", outcome.ran
    runbook = SHIPPED[runbook_id]
    assert outcome.cases >= sum(len(tried(runbook, name, begin=4)) for name in runbook.parameters)
    assert outcome.after.splitlines() == outcome.before.splitlines()


def test_each_kind_of_harm_changes_the_state_that_is_compared(start_host: StartHost) -> None:
    """Without this, a test that finds no change would prove nothing."""
    host = start_host()
    host.run(INNOCENT)
    before = host.run(STATE).stdout
    assert "bystander" in before

    for harm in (
        f"touch {CANARY}/hit",
        "echo more >> /data/orders/table",
        "rm /var/log/syslog",
        "setsid perl -e 'sleep 600' >/dev/null 2>&1 &",
        "systemctl restart bystander",
    ):
        host.run(harm)
        after = host.run(STATE).stdout
        assert after != before, harm
        before = after
    host.close()
