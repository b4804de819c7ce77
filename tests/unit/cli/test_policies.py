"""The policy files against each other: what fits nothing is refused, with its file, line and fix."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from firstline_cli.main import app
from firstline_cli.policies import FIRING_SOURCES

RULE = "- {id: pay, reason: r, match: {host: a}, at_least: high, route: payments}"
LEVELS = """levels:
  - {name: all, channels: [sns], on_call: all, acknowledge_within: 5m}
  - {name: few, channels: [pagerduty], on_call: few, acknowledge_within: 5m}
"""
ROUTES = f"{LEVELS}routes:\n"


def check(folder: Path, **files: str) -> tuple[int, str]:
    """Run `rules check` on these files; return its exit code and what it says is wrong, without the folder."""
    policy = folder / "runbooks" / "policy"
    policy.mkdir(parents=True)
    for name, text in {"rules": "rules: []", **files}.items():
        path = folder / "samconfig.toml" if name == "samconfig" else policy / f"{name}.yaml"
        path.write_text(text, encoding="utf-8")
    result = CliRunner().invoke(app, ["rules", "check", "--rules", str(policy / "rules.yaml")])
    return result.exit_code, result.stderr.replace(f"{policy}/", "").replace(f"{folder}/", "")


@pytest.mark.parametrize(
    ("files", "said"),
    [
        pytest.param(
            {"rules": f"rules:\n  {RULE}", "paging": f"{ROUTES}  - {{route: payment, levels: [few]}}\n"},
            [
                "rules.yaml:2: rules.0.route: no route of paging.yaml takes 'payments'; write 'payment', or add",
                "paging.yaml:5: routes.0.route.0: no rule of rules.yaml gives the route 'payment'; write 'payments',",
            ],
            id="a route without giver or taker",
        ),
        pytest.param(
            {"paging": f"{ROUTES}  - {{service: 'pay-*', levels: [few]}}\n  - {{service: pay-eu, levels: [all]}}\n"},
            ["paging.yaml:6: routes.1: this route never decides: routes.0 stands before it"],
            id="a route behind a wider one",
        ),
        pytest.param(
            {"paging": f"{ROUTES}  - {{levels: [all]}}\n"},
            ["paging.yaml:3: levels.1: nobody is paged by 'few': routes.0 takes every incident"],
            id="a level that nothing reaches",
        ),
        pytest.param(
            {"rules": "rules:\n- {id: a, reason: r, match: {source: [cloudwatch, promethus]}, severity: low}"},
            ["rules.yaml:2: rules.0.match.source: 'promethus' fits no source; did you mean 'prometheus'?"],
            id="a source that does not exist",
        ),
        pytest.param(
            {"rules": "rules: []\ninhibit:\n- {id: a, reason: r, source: {source: zzz}, target: {host: a}}"},
            [f"rules.yaml:3: inhibit.0.source.source: 'zzz' fits no source; known are {FIRING_SOURCES[0]}, "],
            id="a source of an inhibition",
        ),
        pytest.param(
            {
                "rules": "rules: []\nheartbeats:\n- {id: a, reason: r, match: {alert_name: Watch*}}\n"
                "- {id: b, reason: r, match: {alert_name: Watchdog, host: a}}"
            },
            ["rules.yaml:4: heartbeats.1: heartbeat b never sees an alert: a stands before it"],
            id="a heartbeat behind a wider one",
        ),
        pytest.param(
            {
                "rules": "rules: []\nmaintenance:\n- {id: a, reason: r, owner: o, match: {host: a}, suppress: true,\n"
                "   when: [{dates: 2026-12-24, weekdays: [sat, sun]}]}"
            },
            ["rules.yaml:4: maintenance.0.when.0: this is never on: none of its dates is a sat, sun;"],
            id="a window that is never on",
        ),
        pytest.param(
            {"remediation": "freezes:\n- {reason: r, dates: 2026-12-24..2026-12-26, weekdays: mon}"},
            ["remediation.yaml:2: freezes.0: this is never on: none of its dates is a mon;"],
            id="a freeze that is never on",
        ),
        pytest.param(
            {"remediation": "freezes: [{reason: r, hours: '1-2'}]"},
            ["remediation.yaml: freezes.0.hours.0: '1-2' is no span of hours; write local time as"],
            id="a file beside the rules that is wrong in itself",
        ),
        pytest.param(
            {
                "remediation": "approvals:\n  destructive: 2",
                "people": "people:\n  ada: {slack: U1, role: approver}\n  bob: {slack: U2}",
            },
            ["remediation.yaml:2: approvals.destructive: 2 must approve, and runbooks/policy/people.yaml"],
            id="more approvals than approvers",
        ),
        pytest.param(
            {
                "remediation": "approvals:\n  destructive: 2",
                "people": "people:\n  ada: {slack: U1, role: approver}\n  crew:\n    role: approver\n"
                "    iam: ['arn:aws:sts::123456789012:assumed-role/OnCall/*']",
            },
            ["remediation.yaml:2: approvals.destructive: 2 must approve, and crew in runbooks/policy/people.yaml is a"],
            id="two approvals that one person could give",
        ),
        pytest.param(
            {"people": "people:\n  ada: {slack: U1}\n  bob:\n    slack: ada@example.com"},
            ["people.yaml: people.bob.slack: 'ada@example.com' is no Slack user id; copy the user id"],
            id="a person without a Slack user id",
        ),
        pytest.param(
            {
                "samconfig": "[dev.global.parameters]\nparameter_overrides = 'EnvironmentName=dev'\n"
                "[prod.deploy.parameters]\n"
                "parameter_overrides = 'Approvers=U0ADA1 SlackAlertsChannel=@ops TimeZone=Berlin'"
            },
            [
                "samconfig.toml:4: prod Approvers: template.yaml has no parameter Approvers any more; give these",
                "samconfig.toml:4: prod SlackAlertsChannel: '@ops' is no Slack channel; write a name such as",
                "samconfig.toml:4: prod TimeZone: 'Berlin' is no time zone; write an IANA name such as Europe/Berlin",
            ],
            id="parameters that fit nobody",
        ),
    ],
)
def test_policies_that_contradict_each_other_are_refused(
    tmp_path: Path, files: dict[str, str], said: list[str]
) -> None:
    code, lines = check(tmp_path, **files)
    assert code == 1
    for line, words in zip(lines.splitlines(), said, strict=True):
        assert line.startswith(words)


@pytest.mark.parametrize(
    "files",
    [
        {"rules": f"rules:\n  {RULE}", "paging": f"{ROUTES}  - {{route: payments, levels: [few]}}\n"},
        {"rules": f"rules:\n  {RULE}"},
        {"rules": "rules: [{id: a, reason: r, match: {source: [Cloud*, firstline]}, severity: low}]"},
        {"paging": f"{ROUTES}  - {{severity: high, levels: [few]}}\n  - {{levels: [all]}}\n"},
        {"paging": f"{ROUTES}  - {{service: a, severity: high, levels: [few]}}\n  - {{service: a, levels: [all]}}"},
        {"remediation": "freezes:\n- {reason: r, dates: 2026-12-24..2027-01-02, weekdays: mon}"},
        {"samconfig": "version = 0.1\n[prod.deploy.parameters]\nparameter_overrides = ['TimeZone=UTC', 'A=b']"},
        {"remediation": "approvals: {destructive: 2}", "people": "people:\n"},
        {"samconfig": "[a.global.parameters]\nparameter_overrides = 'SlackAlertsChannel=#ops-alerts'"},
        {"samconfig": "[a.global.parameters]\nparameter_overrides = 'SlackAlertsChannel=C012345 TimeZone=Europe/Kyiv'"},
    ],
    ids=[
        "route with giver and taker",
        "route without routes",
        "sources by pattern",
        "severity before any",
        "narrow before wide",
        "freeze by date and weekday",
        "one time zone",
        "approvals without people",
        "channel by name",
        "channel by id",
    ],
)
def test_policies_that_fit_each_other_are_accepted(tmp_path: Path, files: dict[str, str]) -> None:
    assert check(tmp_path, **files) == (0, "")
