"""Environments: the template's defaults, samconfig.toml, and the owner's mine/firstline.toml, in this order."""

from pathlib import Path

import pytest
from samcli.cli.types import CfnParameterOverridesType
from samtranslator.yaml_helper import yaml_parse

from firstline.errors import ConfigurationError
from firstline_cli import deployment, environments

ROOT = Path(__file__).parents[3]


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout as it ships."""
    for name in ("template.yaml", "samconfig.toml"):
        (tmp_path / name).symlink_to(ROOT / name)
    (tmp_path / "mine").mkdir()
    return tmp_path


def mine(checkout: Path, text: str) -> None:
    (checkout / environments.FILE).write_text(text)


def test_every_parameter_is_given_so_that_none_stays_at_an_earlier_value(checkout: Path) -> None:
    given = '[dev.parameters]\nPageAfterSeconds = 120\nEventBridgeEvents = "alarms"\n'
    mine(checkout, f'[dev]\nregion = "eu-west-1"\n{given}')
    found = environments.load(checkout)["dev"]

    assert found.parameters.keys() == yaml_parse((ROOT / "template.yaml").read_text())["Parameters"].keys()
    assert found.parameters["PageAfterSeconds"] == "120", "of the owner's file"
    assert found.parameters["EventBridgeEvents"] == "alarms", "of the owner's file and not of samconfig"
    assert found.parameters["LogRetentionDays"] == "7", "of samconfig and not the template's default"
    assert found.parameters["FlapQuietSeconds"] == "600", "the template's default"
    assert (found.stack_name, found.region) == ("firstline-dev", "eu-west-1")


def test_without_the_owners_file_samconfig_gives_the_environments(checkout: Path) -> None:
    assert {name: environment.stack_name for name, environment in environments.load(checkout).items()} == {
        "dev": "firstline-dev",
        "staging": "firstline-staging",
        "prod": "firstline-prod",
    }


def test_the_owners_tags_stand_beside_samconfigs(checkout: Path) -> None:
    mine(checkout, '[prod.tags]\nteam = "platform"\nEnvironment = "live"\n')

    tags = environments.load(checkout)["prod"].tags
    assert tags == {"Application": "firstline", "Environment": "live", "team": "platform"}


def test_only_prod_of_the_shipped_environments_takes_the_accounts_events(checkout: Path) -> None:
    for source in ("cloudwatch", "deployments"):
        known = environments.load(checkout)
        taking = [name for name, given in known.items() if environments.comes_by_event(given.parameters, source)]
        assert taking == ["prod"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[production]\n", "'production' is no environment; known are dev, staging, prod"),
        ("[dev.parameters]\nPageMail = 'a@b'\n", "no such parameter; did you mean PageEmail?"),
        (
            "[dev.parameters]\nDashboard = true\n",
            "dev.parameters.Dashboard: this parameter is now a part of Observability",
        ),
        ("[dev.parameters]\nRemediationMode = 'on'\n", "'on' is not allowed; write off, approve, auto"),
        ("[dev.parameters]\nPageAfterSeconds = 'soon'\n", "'soon' is no number"),
        ("[dev.parameters]\nTargetTagValue = 'a b'\n", "'a b' does not match the pattern"),
        ("[dev]\nparamters = {}\n", "dev.paramters: Extra inputs are not permitted; known are stack_name, region"),
        ("[dev\n", "this is no TOML"),
    ],
)
def test_a_mistake_is_one_line_with_its_place(checkout: Path, text: str, said: str) -> None:
    mine(checkout, text)
    with pytest.raises(ConfigurationError, match=r"^mine/firstline\.toml: ") as caught:
        environments.load(checkout)
    assert said in str(caught.value)


def test_remembered_parameters_keep_the_owners_comments_and_values(checkout: Path) -> None:
    mine(checkout, '# ours\n[dev.parameters]\nTimeZone = "Europe/Berlin" # the office\n')
    environments.remember(checkout, "dev", {"PageEmail": 'o"ps@example.com'}, "eu-west-1")
    environments.remember(checkout, "prod", {"PageEmail": ""}, None)

    text = (checkout / environments.FILE).read_text()
    assert text.startswith("# ours\n")
    assert "# the office" in text
    found = environments.load(checkout)
    assert found["dev"].own == {"TimeZone": "Europe/Berlin", "PageEmail": 'o"ps@example.com'}
    assert (found["dev"].region, found["prod"].own) == ("eu-west-1", {"PageEmail": ""})


def test_sam_reads_each_parameter_as_it_was_given(checkout: Path) -> None:
    given = {
        "PageEmail": "",
        "HostDomains": "a.example, b.example",
        "Other": 'a "quoted" \\ word',
        "Slack": "#ops-alerts",
    }
    read: dict[str, str] = {}
    for argument in deployment.arguments(given):
        read |= CfnParameterOverridesType().convert(argument, None, None)
    assert read == given
