"""The list of people in `runbooks/policy/people.yaml`: their Slack and AWS identities, contacts and roles.

Approvals count different people. So all identities of a person belong under one name, and no identity under two names.
"""

import re
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, ValidationInfo, field_validator, model_validator

from firstline.models import Frozen, Name
from firstline.policy.files import load_policy

FILE = "runbooks/policy/people.yaml"

type Role = Literal["reader", "operator", "approver"]
"""The role of a person: a reader only looks, an operator also acts on incidents, an approver also approves plans."""

PERSON_NAME = r"[a-z0-9][a-z0-9._-]{0,39}"
"""The pattern of a person's name in people.yaml, which links and calendars carry."""

type PersonName = Annotated[str, StringConstraints(pattern=f"^{PERSON_NAME}$")]

_FORMS = {
    "slack": (
        re.compile(r"[UW][A-Z0-9]{1,30}"),
        "copy the user id from the person's profile in Slack (Copy member ID)",
    ),
    "mail": (re.compile(r"[^@\s]{1,64}@[^@\s]{1,190}"), "write an address such as ada@example.com"),
    "phone": (
        re.compile(r"\+[1-9]\d{6,14}|(?:ssm:)?[A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+)+", re.ASCII),
        "write a number such as +4915112345678, or ssm:oncall/ada, the SSM parameter with the number",
    ),
}
"""The form of each contact in people.yaml, and the advice for an entry in another form."""

_KINDS = {"slack": "Slack user id", "mail": "mail address", "phone": "phone number"}
_RANKS: dict[Role, int] = {"reader": 0, "operator": 1, "approver": 2}
_USER = re.compile(r"arn:aws[a-z-]*:iam::\d{12}:user/[\w+=,.@/-]+", re.ASCII)
_SESSION = re.compile(
    r"arn:aws[a-z-]*:sts::\d{12}:assumed-role/(?P<role>[\w+=,.@-]+\*?)/(?P<session>[\w+=,.@-]+|\*)", re.ASCII
)
_IDENTITY_CENTER = re.compile(r"AWSReservedSSO_[\w+=,.@-]+_(\*|[0-9a-f]{16})", re.ASCII)
"""The role of a permission set of IAM Identity Center; its 16 digits differ by account.

Identity Center itself names the sessions, so a session proves its user."""


class Person(Frozen):
    """A person who acts on an incident.

    `key` tells people apart: the name in people.yaml, or `slack:<user id>` for a person who is not in it.
    """

    key: Name
    name: Name
    role: Role

    def may(self, role: Role) -> bool:
        """Return True if the person has this role or a higher one."""
        return _RANKS[self.role] >= _RANKS[role]


class ListedPerson(Frozen):
    """The entry of one person in people.yaml.

    Parameters
    ----------
    slack
        The Slack user id (in Slack: profile, Copy member ID).
    phone
        The number with its country code, or `ssm:oncall/<name>`: the SSM parameter, below the stack's `SecretsPrefix`,
        that holds it.
    iam
        The ARNs that API Gateway may name as the caller: of an IAM user, or of a role's session
        (`…:assumed-role/<role>/<session>`). `AWSReservedSSO_<permission set>_*` is a role of IAM Identity Center; the
        session `*` means that the role as a whole is this person.
    known_as
        The person's names in other tools, such as a schedule of PagerDuty or a calendar.
    """

    slack: str | None = None
    mail: str | None = None
    phone: str | None = None
    iam: tuple[Annotated[str, StringConstraints(max_length=400)], ...] = ()
    known_as: tuple[Annotated[str, StringConstraints(min_length=2, max_length=80)], ...] = ()
    role: Role = "operator"

    @field_validator("phone", mode="before")
    @classmethod
    def _stays_text(cls, given: object) -> object:
        if isinstance(given, int):
            raise ValueError('YAML reads the phone as a number; put it in quotes, as "+4915112345678"')
        return given

    @field_validator("slack", "mail", "phone")
    @classmethod
    def _has_its_form(cls, given: str | None, info: ValidationInfo) -> str | None:
        form, fix = _FORMS[str(info.field_name)]
        if given is not None and not form.fullmatch(given):
            # An error may end up in a log, where no number belongs.
            shown = "this" if info.field_name == "phone" else repr(given)
            raise ValueError(f"{shown} is no {_KINDS[str(info.field_name)]}; {fix}")
        return given

    @field_validator("iam")
    @classmethod
    def _is_a_principal(cls, given: tuple[str, ...]) -> tuple[str, ...]:
        for arn in given:
            session = _SESSION.fullmatch(arn)
            if session and "*" in session["role"] and not _IDENTITY_CENTER.fullmatch(session["role"]):
                raise ValueError(
                    f"{arn!r}: write the role's whole name; only a role of IAM Identity Center may end with *, "
                    "as AWSReservedSSO_Operators_*"
                )
            if not session and not _USER.fullmatch(arn):
                raise ValueError(
                    f"{arn!r} is no caller; write arn:aws:iam::<account>:user/<name>, or "
                    "arn:aws:sts::<account>:assumed-role/<role>/<session> (`aws sts get-caller-identity` prints it)"
                )
        return given

    @property
    def phone_parameter(self) -> str | None:
        """The name of the SSM parameter with the phone number, or None if the entry names no parameter."""
        return None if self.phone is None or self.phone.startswith("+") else self.phone.removeprefix("ssm:")

    def is_principal(self, arn: str) -> bool:
        """Return True if a caller with this ARN is the person."""
        return "*" not in arn and any(_covers(pattern, arn) for pattern in self.iam)


class People(Frozen):
    """The whole file people.yaml.

    `roles_that_fix_sessions` are the roles whose trust policy compares `sts:RoleSessionName`. Callers of any other role
    choose the name of their session freely. So a session's name proves a person only for these roles, and for roles of
    IAM Identity Center.
    """

    people: dict[PersonName, ListedPerson] = Field(default={}, max_length=1_000)
    roles_that_fix_sessions: tuple[Name, ...] = ()

    @field_validator("people", mode="before")
    @classmethod
    def _may_be_empty(cls, given: object) -> object:
        return {} if given is None else given

    @model_validator(mode="after")
    def _sessions_are_proven(self) -> Self:
        for name, entry in self.people.items():
            for arn in entry.iam:
                session = _SESSION.fullmatch(arn)
                if session is None or session["session"] == "*" or _IDENTITY_CENTER.fullmatch(session["role"]):
                    continue
                if session["role"] not in self.roles_that_fix_sessions:
                    raise ValueError(
                        f"people.{name}.iam: everybody who may assume {session['role']} can name the session "
                        f"{session['session']!r}; compare sts:RoleSessionName in its trust policy and add the "
                        "role to roles_that_fix_sessions, or give an IAM user or a role of IAM Identity Center"
                    )
        return self

    @model_validator(mode="after")
    def _nobody_stands_twice(self) -> Self:
        owners: dict[str, dict[str, list[tuple[str, str]]]] = {}
        for name, identity in self._identities():
            place, session = _place(identity)
            here = owners.setdefault(place, {})
            near = here.values() if session == "*" else [here.get(each, []) for each in {session, "*"}]
            for known, other in chain.from_iterable(near):
                if other != name and (_covers(known, identity) or _covers(identity, known)):
                    raise ValueError(f"people.{name}: {identity} belongs to {other}, too; remove it from one of them")
            here.setdefault(session, []).append((identity, name))
        return self

    def _identities(self) -> Iterator[tuple[str, str]]:
        for name, entry in self.people.items():
            mail = entry.mail and entry.mail.casefold()
            yield from ((name, identity) for identity in (entry.slack, mail, *entry.iam) if identity)
            # One person may have several permission sets: the session is the person's own name in each.
            sessions = {user.casefold() for arn in entry.iam if (user := _identity_center_user(arn))}
            yield from ((name, f"{user} of IAM Identity Center") for user in sorted(sessions))

    @property
    def approvers(self) -> tuple[str, ...]:
        """The names of the people who may approve plans."""
        return tuple(name for name, entry in self.people.items() if entry.role == "approver")

    @property
    def shared_approvers(self) -> tuple[str, ...]:
        """The names of approvers that stand for a whole role, so that several people may approve under them."""
        return tuple(name for name in self.approvers if any(arn.endswith("/*") for arn in self.people[name].iam))

    def named(self, name: str) -> Person | None:
        """Return the person with this name in people.yaml, or None."""
        entry = self.people.get(name)
        return None if entry is None else Person(key=name, name=name, role=entry.role)

    def of_principal(self, arn: str) -> Person | None:
        """Return the person who calls AWS as this ARN, or None."""
        return next((self.named(name) for name, entry in self.people.items() if entry.is_principal(arn)), None)

    def of_slack(self, user_id: str, shown_as: str) -> Person:
        """Return the person with this Slack user id.

        A person who is not in people.yaml is an operator, because all members of the workspace may act on incidents.

        Parameters
        ----------
        shown_as
            The name that Slack shows, which is used for a person who is not in people.yaml. If people.yaml
            gives this name to somebody else, the person is called by the name and the user id.
        """
        known = next((name for name, entry in self.people.items() if entry.slack == user_id), None)
        person = None if known is None else self.named(known)
        # Users choose their names in Slack, so the id is added where a name is that of somebody else.
        name = f"{shown_as}, {user_id}" if shown_as.casefold() in self.people else shown_as
        return person or Person(key=f"slack:{user_id}", name=name, role="operator")


NOBODY = People()
"""The list to use while people.yaml cannot be read: nobody may approve, and nobody may act from a terminal."""


def load_people(path: Path) -> People:
    """Read and check the list of people.

    Raises
    ------
    ConfigurationError
        The file is missing or invalid; the message names the key, its line and the fix.
    """
    return load_policy(path, People, missing="if nobody may approve yet, create it with `people: {}`")


def _identity_center_user(arn: str) -> str | None:
    """Return the user's name in the session of a role of IAM Identity Center, or None for any other ARN."""
    session = _SESSION.fullmatch(arn)
    own = session and session["session"] != "*" and _IDENTITY_CENTER.fullmatch(session["role"])
    return session["session"] if session and own else None


def _place(identity: str) -> tuple[str, str]:
    """Split the ARN of a role's session into a text for its account and role, and the name of the session.

    Any other ARN, such as that of an IAM user, is returned whole, with an empty text for the session.
    """
    session = _SESSION.fullmatch(identity)
    if session is None:
        return identity, ""
    role = session["role"]
    whole = role.rpartition("_")[0] if _IDENTITY_CENTER.fullmatch(role) else role
    return f"{identity.partition('/')[0]}/{whole}", session["session"]


def _covers(pattern: str, identity: str) -> bool:
    """Return True if `pattern`, an ARN of people.yaml that may have a `*` in its role and session, covers `identity`.

    `identity` is the ARN of a caller, or another ARN of people.yaml.
    """
    ours, theirs = _SESSION.fullmatch(pattern), _SESSION.fullmatch(identity)
    if ours is None or theirs is None:
        return pattern == identity
    if pattern.split(":")[:5] != identity.split(":")[:5]:
        return False
    prefix = ours["role"].removesuffix("*")
    is_set = ours["role"].endswith("*") and re.fullmatch(re.escape(prefix) + r"(\*|[0-9a-f]{16})", theirs["role"])
    same_role = ours["role"] == theirs["role"] or bool(is_set)
    return same_role and ours["session"] in ("*", theirs["session"])
