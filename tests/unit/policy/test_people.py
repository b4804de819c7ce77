"""Tests of `policy/people.yaml`: to whom an identity belongs, what is refused, and that nobody is let in wrongly."""

import time
from pathlib import Path
from typing import Any

import pytest

from firstline.errors import ConfigurationError
from firstline.policy.people import NOBODY, People, load_people

ROOT = Path(__file__).parents[3]
SSO = "arn:aws:sts::123456789012:assumed-role/AWSReservedSSO_Operators_*/ada@example.com"
USER = "arn:aws:iam::123456789012:user/teams/ops/bob"


def listed(**people: dict[str, Any]) -> People:
    return People.model_validate({"people": people, "roles_that_fix_sessions": ["Fixed"]})


PEOPLE = listed(
    ada={"slack": "U1", "iam": [SSO], "role": "approver"},
    bob={"slack": "W2", "iam": [USER, "arn:aws:sts::123456789012:assumed-role/Fixed/bob"]},
    crew={"iam": ["arn:aws:sts::123456789012:assumed-role/OnCall/*"], "role": "reader"},
)


@pytest.mark.parametrize(
    ("arn", "name"),
    [
        pytest.param(SSO.replace("*", "0123456789abcdef"), "ada", id="a listed session"),
        pytest.param(SSO.replace("*", "0123456789abcde"), None, id="an id that is too short"),
        pytest.param(SSO.replace("*", "x_0123456789abcdef"), None, id="an id that is no hexadecimal number"),
        pytest.param(SSO.replace("*", "0123456789abcdef").replace("ada@", "ADA@"), None, id="a name in capitals"),
        pytest.param(
            SSO.replace("*", "0123456789abcdef").replace("123456789012", "999999999999"), None, id="another account"
        ),
        pytest.param(
            SSO.replace("*", "0123456789abcdef").replace("arn:aws:", "arn:aws-cn:"), None, id="another partition"
        ),
        pytest.param(SSO, None, id="a pattern in place of an id"),
        pytest.param(USER, "bob", id="a listed user"),
        pytest.param(USER.replace("ops/", ""), None, id="a user of another path"),
        pytest.param("arn:aws:sts::123456789012:assumed-role/Fixed/bob", "bob", id="a listed role that fixes sessions"),
        pytest.param("arn:aws:sts::123456789012:assumed-role/Fixed/eve", None, id="a name that is not listed"),
        pytest.param(
            "arn:aws:sts::123456789012:assumed-role/OnCall/whoever", "crew", id="any session of a listed role"
        ),
        pytest.param("arn:aws:sts::123456789012:federated-user/bob", None, id="a federated user"),
        pytest.param("arn:aws:iam::123456789012:root", None, id="the root of the account"),
        pytest.param("", None, id="no ARN"),
    ],
)
def test_a_callers_arn_belongs_to_one_listed_person_or_to_nobody(arn: str, name: str | None) -> None:
    person = PEOPLE.of_principal(arn)
    assert (person.name if person else None) == name


def test_a_slack_user_who_is_not_listed_is_an_operator_and_cannot_pass_for_a_listed_person() -> None:
    known, stranger = PEOPLE.of_slack("U1", "Ada L."), PEOPLE.of_slack("U9", "ada")
    assert (known.key, known.name, known.role) == ("ada", "ada", "approver")
    assert (stranger.key, stranger.name, stranger.role) == ("slack:U9", "ada, U9", "operator"), "no listed name passes"
    assert PEOPLE.of_slack("U9", "cy").name == "cy", "a name that nobody listed needs no mark"


def test_only_people_with_the_role_of_an_approver_are_approvers() -> None:
    assert PEOPLE.approvers == ("ada",)


def test_an_approver_is_also_an_operator_and_an_operator_also_a_reader() -> None:
    may = {name: [role for role in ("reader", "operator", "approver") if person.may(role)]
           for name in ("ada", "bob", "crew") if (person := PEOPLE.named(name))}  # fmt: skip
    assert may == {"ada": ["reader", "operator", "approver"], "bob": ["reader", "operator"], "crew": ["reader"]}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            "people:\n  ada: {slack: ada}",
            "people.ada.slack: 'ada' is no Slack user id; copy the user id from the person's profile",
        ),
        (
            "people:\n  ada: {}\n  bob:\n    mail: bob",
            "people.bob.mail: 'bob' is no mail address; write an address such as",
        ),
        (
            "people: {ada: {phone: +49 170 1}}",
            "people.ada.phone: this is no phone number; write a number such as +4915112345678",
        ),
        ("people: {ada: {phone: +4915112345678}}", "put it in quotes"),
        (
            "people: {ada: {role: admin}}",
            "people.ada.role: Input should be 'reader', 'operator' or 'approver' (line 1)",
        ),
        ("people: {ada: {slak: U1}}", "people.ada.slak: no such key; remove it or correct its spelling (line 1)"),
        ("people: {Ada L: {}}", "people.Ada L.[key]: "),
        ("people:\n  ada:\n    iam: ['*']", "'*' is no caller; write arn:aws:iam::<account>:user/<name>, or"),
        ("people: {ada: {iam: ['arn:aws:iam::123456789012:role/Admin']}}", "is no caller"),
        ("people: {ada: {iam: ['arn:aws:iam::123456789012:user/*']}}", "is no caller"),
        (
            "people: {ada: {iam: ['arn:aws:sts::123456789012:assumed-role/Admin*/ada']}}",
            "only a role of IAM Identity Center may end with *",
        ),
        (
            "people:\n  ada: {}\n  bob:\n    iam: ['arn:aws:sts::123456789012:assumed-role/Admin/bob']",
            "people.bob.iam: everybody who may assume Admin can name the session 'bob'; compare sts:RoleSessionName in "
            "its trust policy and add the role to roles_that_fix_sessions, or give an IAM user or a role of IAM "
            "Identity Center (line 4)",
        ),
        ("people:\n  ada: {mail: Ada@x.org}\n  bob: {mail: ada@x.org}", "people.bob: ada@x.org belongs to ada, too"),
        (
            "people:\n  ada: {slack: U1}\n  bob: {slack: U1}",
            "people.bob: U1 belongs to ada, too; remove it from one of them",
        ),
        (
            f"people:\n  ada: {{iam: ['{SSO}']}}\n  bob: {{iam: ['{SSO.replace('*', '0123456789abcdef')}']}}",
            "belongs to ada, too; remove it from one of them (line 3)",
        ),
        (
            f"people:\n  ada: {{iam: ['{SSO}']}}\n  bob: {{iam: ['{SSO.replace('Operators', 'Admins')}']}}",
            "people.bob: ada@example.com of IAM Identity Center belongs to ada, too; remove it from one of them",
        ),
        (
            "people: {ada: {iam: ['arn:aws:sts::123456789012:assumed-role/OnCall/*']},\n bob: {iam: "
            "['arn:aws:sts::123456789012:assumed-role/OnCall/bob']}}\nroles_that_fix_sessions: [OnCall]",
            "belongs to ada, too",
        ),
    ],
)
def test_a_mistake_is_told_with_its_place_and_fix(tmp_path: Path, text: str, words: str) -> None:
    file = tmp_path / "people.yaml"
    file.write_text(text)
    with pytest.raises(ConfigurationError) as refused:
        load_people(file)
    assert words in str(refused.value)


def test_as_shipped_nobody_may_approve_or_act() -> None:
    shipped = load_people(ROOT / "runbooks" / "policy" / "people.yaml")
    assert shipped == NOBODY
    assert shipped.approvers == ()
    assert shipped.of_principal(USER) is None


def test_a_file_that_lists_no_people_lets_nobody_in(tmp_path: Path) -> None:
    empty = tmp_path / "people.yaml"
    empty.write_text("people:\n")
    assert load_people(empty) == NOBODY


def test_the_commented_out_example_in_the_shipped_file_is_valid(tmp_path: Path) -> None:
    text = (ROOT / "runbooks" / "policy" / "people.yaml").read_text()
    example = [
        line.removeprefix("# ") for line in text.splitlines() if line.startswith(("# people:", "#   ", "# roles"))
    ]
    file = tmp_path / "people.yaml"
    file.write_text("\n".join(line[1:] if line.startswith("#") else line for line in example))
    assert load_people(file).approvers == ("ada",)


def test_a_list_of_a_thousand_people_is_validated_within_five_seconds_of_cpu() -> None:
    many = {f"p{number}": {"slack": f"U{number}", "mail": f"p{number}@example.com",
            "iam": [SSO.replace("ada@", f"p{number}@")]} for number in range(999)}  # fmt: skip
    begun = time.process_time()
    people = listed(**many)
    assert time.process_time() - begun < 5
    assert len(people.people) == 999


def test_a_pattern_that_covers_the_session_of_a_listed_person_is_refused() -> None:
    with pytest.raises(ValueError, match="belongs to p0, too"):
        listed(p0={"iam": [SSO.replace("ada@", "p0@")]}, crew={"iam": [SSO.replace("ada@example.com", "*")]})
