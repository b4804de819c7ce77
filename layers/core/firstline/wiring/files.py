"""The owner's files: runbooks, and the policies beside them."""

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from firstline.errors import ConfigurationError
from firstline.observability import logger
from firstline.wiring.stores import Stores

if TYPE_CHECKING:
    from collections.abc import Mapping

    from firstline.policy.model import ModelPolicy
    from firstline.policy.oncall import Roster
    from firstline.policy.paging import PagingPolicy
    from firstline.policy.people import People
    from firstline.policy.rules import Rules
    from firstline.runbooks.catalogue import Catalogue


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
        """The rules for ingest, or none if the file is broken: that must not stop ingest, and Classify reports it."""
        from firstline.policy.rules import NO_RULES

        try:
            return self.rules
        except ConfigurationError as error:
            logger.error("no maintenance window and no heartbeat of yours is known: %s", error)
            return NO_RULES

    @cached_property
    def paging_policy(self) -> "PagingPolicy":
        from firstline.policy.paging import load_paging_policy

        return load_paging_policy(self._policy("paging.yaml"))

    @cached_property
    def paging_policy_or_none(self) -> "PagingPolicy | None":
        """The paging policy for ingest, or None if the file is broken: that must not stop ingest."""
        try:
            return self.paging_policy
        except ConfigurationError as error:
            logger.error("all storms page the same people: %s", error)
            return None

    @cached_property
    def model_policy(self) -> "ModelPolicy":
        from firstline.policy.model import load_model_policy

        return load_model_policy(self._policy("model.yaml"))

    @cached_property
    def people(self) -> "People":
        """The list of people, or nobody if the file is broken: no button but Approve depends on it."""
        from firstline.policy.people import NOBODY, load_people

        try:
            return load_people(self._policy("people.yaml"))
        except ConfigurationError as error:
            logger.error("nobody may approve, and no terminal may act: %s", error)
            return NOBODY

    @cached_property
    def schedules(self) -> "Mapping[str, Roster]":
        """The schedules of who is on call, or none if the file is broken: a page goes out without a name."""
        from firstline.policy.oncall import NO_SCHEDULES, load_oncall

        try:
            return load_oncall(self._policy("oncall.yaml")).schedules
        except ConfigurationError as error:
            logger.error("no page says whose turn it is: %s", error)
            return NO_SCHEDULES.schedules
