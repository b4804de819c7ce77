"""Policy files of this checkout, as the checks read them: the next deployment brings them into the stack."""

from pathlib import Path

from firstline.policy.oncall import OnCall, load_oncall
from firstline.policy.paging import Level, load_paging_policy
from firstline.policy.people import People, load_people
from firstline_cli.checkout import runbooks_folder


def levels_with(channel: str) -> list[Level]:
    """Return the levels of paging.yaml that page through a channel, such as `sms`; none if there is no such file."""
    file = _folder() / "paging.yaml"
    return [level for level in load_paging_policy(file).levels if channel in level.channels] if file.exists() else []


def schedules() -> OnCall:
    """Return the schedules of oncall.yaml."""
    return load_oncall(_folder() / "oncall.yaml")


def everybody() -> People:
    """Return the list of people in people.yaml."""
    return load_people(_folder() / "people.yaml")


def _folder() -> Path:
    return runbooks_folder() / "policy"
