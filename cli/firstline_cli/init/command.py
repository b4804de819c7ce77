"""The command `firstline init`. It stores each answer at once, so that it can be run again after an interruption."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from firstline_cli import deployment, overlay
from firstline_cli.checkout import CHECKOUT
from firstline_cli.environments import comes_by_event, event_choice
from firstline_cli.init import questions, senders
from firstline_cli.init.secrets import Secrets

if TYPE_CHECKING:
    from firstline_cli.environments import Environment

init = typer.Typer(add_completion=False)

PEOPLE = Path("mine/runbooks/policy/people.yaml")
BY_TOKEN = ("prometheus", "grafana", "datadog", "generic", "deployments")
"""The sources whose senders prove themselves with a token that Firstline makes."""

KEYS = ("approvals/signing-key", "console/link-key", "console/calendar-key")
"""The keys that sign links and the addresses of calendars. `init` makes them, and no person has to know them."""

_REFERS = "as env:NAME, file:PATH or - (stdin)"
SecretOption = str | None


@init.command("init")
def init_(
    environment: Annotated[str | None, typer.Option(help="dev, staging or prod.")] = None,
    page_email: Annotated[str | None, typer.Option(help="The address that is woken; none for nobody.")] = None,
    slack_token: Annotated[SecretOption, typer.Option(help=f"The bot token, {_REFERS}.")] = None,
    slack_signing_secret: Annotated[SecretOption, typer.Option(help=f"The app's signing secret, {_REFERS}.")] = None,
    pagerduty_key: Annotated[SecretOption, typer.Option(help=f"The integration key, {_REFERS}.")] = None,
    approvers: Annotated[
        str | None, typer.Option(help="Who may approve runbooks: 'ada=U01ABCDEF bob=arn:aws:iam::…:user/bob'.")
    ] = None,
    sources: Annotated[str | None, typer.Option(help=f"Of {', '.join(questions.SOURCES)}.")] = None,
    region: Annotated[str | None, typer.Option(help="The region, if it is not your profile's.")] = None,
    no_deploy: Annotated[bool, typer.Option("--no-deploy", help="Leave the stack as it is deployed.")] = False,
    yes: deployment.YesOption = False,
) -> None:
    """Set Firstline up: ask six questions (seven with Slack), deploy, store secrets, print what to tell each sender.

    Parameters are stored in mine/firstline.toml, secrets only in SSM. Run the command again to change an answer, or to
    go on after an interruption.
    """
    name = questions.ask("Environment (dev, staging, prod)", environment, _only_one_known(), questions.an_environment)
    chosen: Environment = deployment.environment_of(CHECKOUT, name)
    session = deployment.session_of(region or chosen.region)
    used = str(session.get_config_variable("region"))
    secrets = Secrets(session.create_client("ssm"), chosen.stack_name)

    address = questions.ask(
        "Address that is woken by mail (or none)",
        page_email,
        chosen.own.get("PageEmail") or "none",
        questions.an_address,
    )
    _keep(name, {"PageEmail": address}, used)
    _store(secrets, "slack/bot-token", "Slack bot token", "--slack-token", slack_token)
    if slack_signing_secret is not None or secrets.is_set("slack/bot-token"):
        _store(secrets, "slack/signing-secret", "Slack signing secret", "--slack-signing-secret", slack_signing_secret)
    _store(secrets, "pagerduty/routing-key", "PagerDuty integration key", "--pagerduty-key", pagerduty_key)
    _keep_approvers(approvers)
    open_now = ", ".join(_open(secrets, chosen.parameters)) or ("cloudwatch" if questions.is_terminal() else "none")
    taken = questions.ask(f"Sources ({', '.join(questions.SOURCES)})", sources, open_now, questions.some_sources)
    _keep(name, {"EventBridgeEvents": event_choice(taken)}, used)

    if not no_deploy:
        deployment.run(CHECKOUT, name, yes=yes)
    _tell(deployment.environment_of(CHECKOUT, name), secrets, taken)


def _only_one_known() -> str:
    """Return the name of the environment in mine/firstline.toml if it has exactly one, else `dev`."""
    known = list(overlay.settings(CHECKOUT))
    return known[0] if len(known) == 1 else "dev"


def _keep(environment: str, parameters: Mapping[str, str], region: str) -> None:
    from firstline_cli.environments import remember

    remember(CHECKOUT, environment, parameters, region)


def _store(secrets: Secrets, name: str, question: str, option: str, given: str | None) -> None:
    value = questions.ask_secret(secrets, name, question, option, given)
    if value is not None:
        secrets.put(name, value)
        typer.echo(f"Stored {secrets.name(name)}.", err=True)


def _keep_approvers(given: str | None) -> None:
    """Write who may approve runbooks to people.yaml in `mine/`; change nothing if that file exists.

    The approvers are those of the command's option (`given`), or else the answer of the person at the terminal.
    """
    import yaml

    file = CHECKOUT / PEOPLE
    if file.exists():
        if given is not None:
            typer.echo(f"{PEOPLE} exists and is left as it is: add approvers there.", err=True)
        return
    question = "Who may approve runbooks, as ada=U01ABCDEF with the Slack user id (or none)"
    people = questions.ask(question, given, "none", questions.some_approvers)
    if people:
        file.parent.mkdir(parents=True, exist_ok=True)
        text = yaml.safe_dump({"people": {name: dict(entry) for name, entry in people.items()}}, sort_keys=False)
        file.write_text(f"# The list of people: docs/people.md\n{text}", encoding="utf-8")


def _open(secrets: Secrets, parameters: Mapping[str, str]) -> Sequence[str]:
    """Return the sources that alerts can come from: those with a token in SSM, or delivered by EventBridge."""
    return [
        source
        for source in questions.SOURCES
        if comes_by_event(parameters, source) or secrets.is_set(f"sources/{source}")
    ]


def _tell(environment: "Environment", secrets: Secrets, sources: Sequence[str]) -> None:
    """Make missing tokens and keys, and print what to set up at each sender and who is woken.

    A source's token is printed only if it was just made, because a token that senders use already is not read.
    """
    from firstline_cli.stacks import stack_of

    for key in KEYS:
        secrets.make(key)
    stack = stack_of(environment.stack_name, environment.region)
    for source in sources:
        made = secrets.make(f"sources/{source}") if source in BY_TOKEN else None
        print(f"\n--- {source} ---")
        print(senders.instructions(source, stack.api_url, made or senders.NO_TOKEN), end="")
        if made:
            print("The token is shown this once.")
        elif source in BY_TOKEN:
            print(f"Its token is in use. For a new one beside it: firstline secret set sources/{source} --make --add")
    if not secrets.is_set("slack/bot-token"):
        print("\n--- Slack: create an app at https://api.slack.com/apps from this manifest, and install it ---")
        print(senders.manifest(stack.outputs.get("SlackInteractivityUrl", f"{stack.api_url}/respond/slack")), end="")
        print(f"Then: firstline init --environment {environment.name} --no-deploy")
    print()
    deployment.say_who_is_woken(environment.name)
    print(f"\nNext: export FIRSTLINE_STACK={secrets.stack_name}; firstline doctor; firstline test alarm")
