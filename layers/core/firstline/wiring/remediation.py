"""The parts that plan and permit remediation, and how long incidents wait, for example before a page."""

from datetime import datetime, timedelta
from functools import cache, cached_property, partial
from typing import TYPE_CHECKING, Any

from firstline.adapters.aws.clients import INVENTORY
from firstline.wiring.files import Files

if TYPE_CHECKING:
    from firstline.adapters.aws.documents import SsmDocuments
    from firstline.adapters.aws.releases import ReleaseRecords
    from firstline.adapters.aws.switch import RemediationSwitch
    from firstline.adapters.aws.targets import TaggedInstances
    from firstline.contracts import PlanRemediationInput
    from firstline.incidents.what_now import Times
    from firstline.remediation.permission import Permission
    from firstline.remediation.plan import Planning, RemediationRules
    from firstline.remediation.targets import OwnAccount


class RemediationParts(Files):
    """The parts that plan and permit remediation, and how long incidents wait, for example before a page."""

    def planning(self, request: "PlanRemediationInput", here: "OwnAccount", now: datetime) -> "Planning":
        """Return the stores, rules and facts from which the remediation of the incident in `request` is planned.

        `here` is the account and region that Firstline runs in.
        """
        from firstline.remediation.plan import Planning

        return Planning(
            incident=request.incident,
            classification=request.classification,
            catalogue=self.catalogue,
            targets=self.targets,
            documents=self.documents,
            releases=self.releases,
            remediations=self.remediations,
            deployments=self.incidents.last_deployments,
            switch=self.switch.read,
            rules=self.remediation_rules,
            here=here,
            now=now,
        )

    def permission(self, now: datetime) -> "Permission":
        """Return the stores and rules that decide whether a plan may run now."""
        from firstline.remediation.permission import Permission

        return Permission(
            catalogue=self.catalogue,
            standing=self.remediations.standing,
            holds_locks=self.remediations.holds_locks,
            deployments=self.incidents.last_deployments,
            rules=self.remediation_rules,
            now=now,
        )

    @cached_property
    def remediation_rules(self) -> "RemediationRules":
        from firstline.policy.remediation import load_remediation_policy
        from firstline.remediation.plan import RemediationRules

        return RemediationRules(
            remediation_mode=self.settings.remediation_mode,
            environment=self.settings.environment_name,
            document_prefix=self.settings.document_prefix,
            approvers=self.people.approvers,
            shared_approvers=self.people.shared_approvers,
            release_arns=self.settings.release_arns,
            policy=load_remediation_policy(self._policy("remediation.yaml")),
        )

    @cached_property
    def times(self) -> "Times":
        from firstline.incidents.what_now import Times

        return Times(
            page_after=timedelta(seconds=self.settings.page_after_seconds),
            flap_quiet=timedelta(seconds=self.settings.flap_quiet_seconds),
            resolve_within=timedelta(seconds=self.settings.resolve_within_seconds),
        )

    @cached_property
    def _ssm(self) -> Any:
        return self._client("ssm", INVENTORY)

    @cached_property
    def documents(self) -> "SsmDocuments":
        from firstline.adapters.aws.documents import SsmDocuments

        return SsmDocuments(self._ssm)

    @cached_property
    def releases(self) -> "ReleaseRecords":
        from firstline.adapters.aws.releases import ReleaseRecords

        # Few runbooks take a release back: no other plan needs these clients.
        return ReleaseRecords(cache(partial(self._client, "codedeploy")), cache(partial(self._client, "appconfig")))

    @cached_property
    def switch(self) -> "RemediationSwitch":
        from firstline.adapters.aws.switch import RemediationSwitch

        return RemediationSwitch(self._ssm, f"{self.settings.secrets_prefix}/remediation")

    @cached_property
    def targets(self) -> "TaggedInstances":
        from firstline.adapters.aws.targets import TaggedInstances

        ec2 = self._client("ec2", INVENTORY)
        tag = self.settings.target_tag_key, self.settings.target_tag_value
        return TaggedInstances(ec2, self._ssm, *tag, self.settings.host_domains)
