"""The owner's files: runbooks, and the policies beside them."""

from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from firstline.errors import ConfigurationError
from firstline.observability import logger
from firstline.wiring.stores import Stores

if TYPE_CHECKING:
    from collections.abc import Mapping

    from firstline.policy.model import ModelPolicy
    from firstline.policy.oncall import Followed, OnCall, Roster
    from firstline.policy.paging import PagingPolicy
    from firstline.policy.people import People
    from firstline.policy.rules import Rules
    from firstline.runbooks.catalogue import Catalogue


def _read_or[Policy](instead: Policy, read: Callable[[], Policy], lost: str) -> Policy:
    """Return the policy that `read` returns; if its file is broken, log the reason and return `instead`.

    `lost` says in the log what does not work without the file.
    """
    try:
        return read()
    except ConfigurationError as error:
        logger.error(f"A policy file is broken, so {lost}: %s", error)
        return instead


class Files(Stores):
    """The owner's files, each read when it is first used."""

    def _policy(self, name: str) -> Path:
        return Path(self.settings.runbooks_dir, "policy", name)

    @cached_property
    def catalogue(self) -> "Catalogue":
        from firstline.runbooks import catalogue

        return catalogue.load(Path(self.settings.runbooks_dir))

    @cached_property
    def rules(self) -> "Rules":
        from firstline.policy.rules import load

        return load(self._policy("rules.yaml"))

    @cached_property
    def rules_or_none(self) -> "Rules":
        """The rules for ingest; if rules.yaml is broken, an empty set, because a broken file must not stop ingest."""
        from firstline.policy.rules import NO_RULES

        return _read_or(NO_RULES, lambda: self.rules, "no maintenance window and no heartbeat of yours counts")

    @cached_property
    def paging_policy(self) -> "PagingPolicy":
        from firstline.policy.paging import load_paging_policy

        return load_paging_policy(self._policy("paging.yaml"))

    @cached_property
    def paging_policy_or_none(self) -> "PagingPolicy | None":
        """The paging policy for ingest; None if paging.yaml is broken, because a broken file must not stop ingest."""
        return _read_or(None, lambda: self.paging_policy, "all storms page the same people")

    @cached_property
    def model_policy(self) -> "ModelPolicy":
        from firstline.policy.model import load_model_policy

        return load_model_policy(self._policy("model.yaml"))

    @cached_property
    def people(self) -> "People":
        """The list of people; if people.yaml is broken, an empty one: then nobody may approve or act."""
        from firstline.policy.people import NOBODY, load_people

        path = self._policy("people.yaml")
        return _read_or(NOBODY, lambda: load_people(path), "nobody may approve or act")

    @cached_property
    def _on_call_file(self) -> "OnCall":
        """The schedules in oncall.yaml; none if the file is broken: then pages do not say whose turn it is."""
        from firstline.policy.oncall import NO_SCHEDULES, load_oncall

        path = self._policy("oncall.yaml")
        return _read_or(NO_SCHEDULES, lambda: load_oncall(path), "no page says whose turn it is")

    @cached_property
    def schedules(self) -> "Mapping[str, Roster]":
        """All on-call schedules by name. A schedule that another tool keeps is there, but names nobody for its shifts.

        Who takes those shifts is in the copy of the tool's schedule, which is read as overrides.
        """
        from firstline.policy.followed_schedules import everything

        return everything(self._on_call_file)

    @property
    def followed(self) -> "Mapping[str, Followed]":
        """The on-call schedules that another tool keeps, by name, each with its PagerDuty schedule or calendar."""
        return self._on_call_file.followed
