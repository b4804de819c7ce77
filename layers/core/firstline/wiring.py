"""Composition root: it builds the parts of a function from its settings, each once and when it is first used.

A handler makes one `Wiring` and passes its parts on to one call into the package. A part's modules are imported where
the part is built, so that a cold start imports nothing that its function does not use.

To replace a part in a test, set it before it is used: `wiring.incidents = MemoryStore().incidents`.
"""

from datetime import UTC, datetime, timedelta
from functools import cache, cached_property, lru_cache, partial
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any, cast

import boto3

from firstline import settings
from firstline.adapters.aws.clients import CLIENT_CONFIG, INVENTORY, ONE_SECOND
from firstline.adapters.dynamodb.incidents import TableIncidents
from firstline.adapters.dynamodb.table import Table
from firstline.errors import ConfigurationError, HistoryUnavailable
from firstline.observability import logger

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from botocore.config import Config

    from firstline.adapters.aws.alarm_evidence import AlarmReader
    from firstline.adapters.aws.documents import SsmDocuments
    from firstline.adapters.aws.executions import StepFunctions
    from firstline.adapters.aws.releases import ReleaseRecords
    from firstline.adapters.aws.secrets import Secrets
    from firstline.adapters.aws.switch import RemediationSwitch
    from firstline.adapters.aws.targets import TaggedInstances
    from firstline.adapters.channels.paging import PageTopic
    from firstline.adapters.dynamodb.commands import TableCommands
    from firstline.adapters.dynamodb.disagreements import EarnedSay
    from firstline.adapters.dynamodb.groups import TableGroups
    from firstline.adapters.dynamodb.heartbeats import TableHeartbeats
    from firstline.adapters.dynamodb.overrides import TableOverrides
    from firstline.adapters.dynamodb.remediations import TableRemediations
    from firstline.adapters.dynamodb.sessions import TableSessions
    from firstline.adapters.dynamodb.silences import TableSilences
    from firstline.adapters.dynamodb.trail import TableTrail
    from firstline.adapters.llm.chat_model import ChatModel
    from firstline.channels.delivery import Channel
    from firstline.channels.publish import Publisher
    from firstline.classification.hold import Declared
    from firstline.classification.say import Say
    from firstline.console.site import Site
    from firstline.incidents.heartbeats import Watch
    from firstline.incidents.hold_ends import HoldEnds
    from firstline.incidents.reconcile import Reconciler
    from firstline.incidents.what_now import Times
    from firstline.ingest.accept import Ingestion
    from firstline.ingest.front_door import Intake
    from firstline.models import Incident, IncidentRecord, NormalizedAlert
    from firstline.people.front import PeopleFront
    from firstline.people.on_call import OnCallDesk
    from firstline.policy.model import ModelPolicy
    from firstline.policy.oncall import Roster
    from firstline.policy.paging import Level, PagingPolicy
    from firstline.policy.people import People
    from firstline.policy.rules import Rules
    from firstline.remediation.plan import RemediationRules
    from firstline.runbooks.catalogue import Catalogue

    class _EverySetting(
        settings.IngestSettings,
        settings.ClassifySettings,
        settings.RemediateSettings,
        settings.RespondSettings,
        settings.ReconcileSettings,
        settings.ConsoleSettings,
        settings.PublishSettings,
    ):
        """The settings of all functions together, for mypy. At run time a function has its own."""


class Wiring:
    """The parts of one Lambda function, built from its settings.

    Parameters
    ----------
    model
        The function's settings.
    config
        The time-outs and retries of its clients; parts with a deadline of their own have their own.

    Example
    -------
    >>> wiring = Wiring(IngestSettings)
    >>> wiring.intake.handle(event, now)
    """

    def __init__(self, model: type[settings.Settings], config: "Config" = CLIENT_CONFIG) -> None:
        self._model = model
        self._config = config

    @cached_property
    def settings(self) -> "_EverySetting":
        return cast("_EverySetting", self._model.from_environment())

    def _client(self, service: str, config: "Config | None" = None) -> Any:
        return boto3.client(cast("Any", service), config=config or self._config)

    @cached_property
    def secrets(self) -> "Secrets":
        from firstline.adapters.aws.secrets import Secrets

        return Secrets(self.settings.secrets_prefix, config=self._config)

    # --- the table ----------------------------------------------------------------------------------------------------

    @cached_property
    def table(self) -> Table:
        return self._table(self._client("dynamodb"))

    def _table(self, client: Any) -> Table:
        return Table(client, self.settings.table_name, keep_days=self.settings.history_days)

    @cached_property
    def incidents(self) -> TableIncidents:
        return TableIncidents(self.table)

    @cached_property
    def groups(self) -> "TableGroups":
        from firstline.adapters.dynamodb.groups import TableGroups

        return TableGroups(self.table)

    @cached_property
    def heartbeats(self) -> "TableHeartbeats":
        from firstline.adapters.dynamodb.heartbeats import TableHeartbeats

        return TableHeartbeats(self.table)

    @cached_property
    def commands(self) -> "TableCommands":
        from firstline.adapters.dynamodb.commands import TableCommands

        return TableCommands(self.table)

    @cached_property
    def remediations(self) -> "TableRemediations":
        from firstline.adapters.dynamodb.remediations import TableRemediations

        return TableRemediations(self.table)

    @cached_property
    def silences(self) -> "TableSilences":
        from firstline.adapters.dynamodb.silences import TableSilences

        return TableSilences(self.table)

    @cached_property
    def trail(self) -> "TableTrail":
        from firstline.adapters.dynamodb.trail import TableTrail

        return TableTrail(self.table)

    @cached_property
    def sessions(self) -> "TableSessions":
        from firstline.adapters.dynamodb.sessions import TableSessions

        return TableSessions(self.table)

    # --- the owner's files --------------------------------------------------------------------------------------------

    def _policy(self, name: str) -> Path:
        return Path(self.settings.runbooks_dir, "policy", name)

    @cached_property
    def catalogue(self) -> "Catalogue":
        from firstline.runbooks import catalogue

        return catalogue.load(Path(self.settings.runbooks_dir))

    @cached_property
    def paging_policy(self) -> "PagingPolicy":
        from firstline.policy.paging import load_paging_policy

        return load_paging_policy(self._policy("paging.yaml"))

    @cached_property
    def remediation_rules(self) -> "RemediationRules":
        from firstline.policy.remediation import load_remediation_policy
        from firstline.remediation.plan import RemediationRules

        return RemediationRules(
            remediation_mode=self.settings.remediation_mode,
            environment=self.settings.environment_name,
            document_prefix=self.settings.document_prefix,
            approvers=self.people.approvers,
            release_arns=self.settings.release_arns,
            policy=load_remediation_policy(self._policy("remediation.yaml")),
        )

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
    def paging_policy_or_none(self) -> "PagingPolicy | None":
        """The paging policy for ingest, or None if the file is broken: that must not stop ingest."""
        try:
            return self.paging_policy
        except ConfigurationError as error:
            logger.error("all storms page the same people: %s", error)
            return None

    # --- alerts -------------------------------------------------------------------------------------------------------

    @cached_property
    def executions(self) -> "StepFunctions":
        from firstline.adapters.aws.executions import StepFunctions

        # Only functions that start executions know the state machine.
        return StepFunctions(self._client("stepfunctions"), getattr(self.settings, "state_machine_arn", ""))

    @cached_property
    def ingestion(self) -> "Ingestion":
        from zoneinfo import ZoneInfo

        from firstline.adapters.dynamodb.silences import RememberedSilences
        from firstline.incidents import lifecycle
        from firstline.incidents.store import Limits
        from firstline.ingest.accept import Ingestion, Ports
        from firstline.ingest.judge import Judge
        from firstline.policy.holds import Holds

        silences = RememberedSilences(self.silences)
        judge = Judge(
            rules=lambda: self.rules_or_none,
            quiet=lambda now: Holds(self.rules_or_none.maintenance, silences.at(now)),
            zone=ZoneInfo(self.settings.time_zone),
            paging=lambda: self.paging_policy_or_none,
        )
        limits = Limits(self.settings.incidents_per_minute, self.settings.incidents_per_minute_and_alert)
        ports = Ports(
            self.groups,
            start=lambda incident, generation: self.executions.start(incident, generation),
            tell=lambda live: lifecycle.tell(live, self.executions),
            incident=self._incident,
        )
        return Ingestion(ports, limits, judge)

    def _incident(self, incident_id: str) -> "Incident | None":
        record = self.incidents.record(incident_id)
        return None if record is None else record.incident

    @cached_property
    def intake(self) -> "Intake":
        from firstline.adapters.aws.certificates import Certificates
        from firstline.adapters.aws.quarantine import BacklogQueue, Quarantine
        from firstline.adapters.aws.topics import confirm_subscription
        from firstline.ingest.front_door import Intake

        return Intake(
            ingestion=self.ingestion,
            incidents=self.incidents,
            executions=self.executions,
            secrets=self.secrets.lines,
            quarantine=Quarantine(partial(self._client, "sqs"), self.settings.quarantine_queue_url).keep,
            backlog=BacklogQueue(partial(self._client, "sqs"), self.settings.backlog_queue_url).keep,
            certificates=Certificates().get,
            confirm_subscription=confirm_subscription,
            own_stack=self.settings.stack_name,
            heartbeats=self.heartbeats,
            is_heartbeat=lambda alert: self.rules_or_none.is_heartbeat(alert),
        )

    @cached_property
    def watch(self) -> "Watch":
        from firstline.incidents.heartbeats import Watch

        return Watch(declared=lambda: self.rules.heartbeats, heartbeats=self.heartbeats, accept=self.ingestion.accept)

    @cached_property
    def reconciler(self) -> "Reconciler":
        from firstline.adapters.dynamodb.open_incidents import count_open
        from firstline.incidents.reconcile import Reconciler

        return Reconciler(
            incidents=self.incidents,
            executions=self.executions,
            topic=self.page_topic,
            page_after=timedelta(seconds=self.settings.page_after_seconds),
            page=self._page_overdue,
            show=self._show_again,
            hold_over=lambda incident_id, now: self.hold_ends.over(incident_id, now),
            count_open=lambda: count_open(self.table),
            watch=lambda now: self.watch.look(now),
        )

    @cached_property
    def hold_ends(self) -> "HoldEnds":
        from zoneinfo import ZoneInfo

        from firstline.incidents.hold_ends import HoldEnds
        from firstline.ingest.judge import Judge
        from firstline.policy.holds import Holds

        # Rules and silences that cannot be read are an error here, and no reason to end a hold.
        silences = lru_cache(maxsize=1)(self.silences.since)
        judge = Judge(
            rules=lambda: self.rules,
            quiet=lambda now: Holds(self.rules.maintenance, silences(now)),
            zone=ZoneInfo(self.settings.time_zone),
        )
        return HoldEnds(judge, members=self.incidents.members, inhibitors=lambda keys: self.groups.read({}, keys)[1])

    def _page_overdue(self, record: "IncidentRecord", reason: str, now: datetime) -> None:
        from firstline.incidents.audit_trail import append_or_log, paged
        from firstline.people.page import overdue, page_on_call
        from firstline.policy.paging import ONLY_THE_TOPIC

        try:
            policy = self.paging_policy
        except ConfigurationError as error:
            logger.error("paging through the page topic alone: %s", error)
            policy = ONLY_THE_TOPIC
        page_on_call(
            overdue(record, reason),
            policy=policy,
            channels={**self.channels(), "sns": self.page_topic},
            incidents=self.incidents,
            now=now,
            on_call=self.on_call,
            must_claim=True,
        )
        try:
            told = self.incidents.record(record.incident.incident_id) or record
        except HistoryUnavailable:
            logger.exception("a page of reconcile comes on the trail with the next message")
            return
        append_or_log(self.trail, record.incident.incident_id, paged(told), now)

    def _show_again(self, record: "IncidentRecord", now: datetime) -> bool:
        from firstline.people.show import show_again

        return show_again(record, channels=self.channels(), incidents=self.incidents, now=now)

    # --- classification -----------------------------------------------------------------------------------------------

    def declared(self, now: datetime) -> "Declared":
        """Return what holds alerts at this time."""
        from firstline.classification.hold import Declared

        return Declared(
            self.rules,
            silences=lambda: self.silences.since(now),
            inhibitors=lambda keys: self.groups.read({}, keys)[1],
        )

    def alarms(self, account: str) -> "AlarmReader":
        """Return the reader of the evidence around this account's alarms."""
        from firstline.adapters.aws.alarm_evidence import AlarmReader

        cloudwatch = self._evidence_client("cloudwatch")
        region = cloudwatch.meta.region_name
        return AlarmReader(self._evidence_client, account=account, region=region, partition=cloudwatch.meta.partition)

    def _evidence_client(self, service: str) -> Any:
        """Return the client of a service, made once: boto3's session must not make two at the same time."""
        with self._evidence_lock:
            if service not in self._evidence_clients:
                self._evidence_clients[service] = self._client(service, ONE_SECOND)
            return self._evidence_clients[service]

    @cached_property
    def _evidence_clients(self) -> dict[str, Any]:
        return {}

    @cached_property
    def _evidence_lock(self) -> Lock:
        return Lock()

    @cached_property
    def model_policy(self) -> "ModelPolicy":
        from firstline.policy.model import load_model_policy

        return load_model_policy(self._policy("model.yaml"))

    @cached_property
    def _earned(self) -> "EarnedSay":
        from firstline.adapters.dynamodb.disagreements import EarnedSay

        return EarnedSay(self.incidents, self.model_policy.missed_page_cost)

    def model_say(self, now: datetime) -> "Say":
        """Return what the model has earned, and its guesses of this week. Nothing is read without a model."""
        from firstline.adapters.dynamodb.disagreements import Raises
        from firstline.classification.say import NO_SAY, Say

        if self.model is None:
            return NO_SAY
        raises = Raises(self._table(self._client("dynamodb", ONE_SECOND)), self.model_policy.raises_per_week)
        return Say(self._earned.at(now), may_raise=lambda incident_id: raises.take(incident_id, now))

    @cached_property
    def model(self) -> "ChatModel | None":
        """The LLM behind its circuit and its ceiling, or None if the policy names none."""
        policy = self.model_policy
        if policy.model is None:
            return None
        from firstline.adapters.dynamodb.circuit import SharedCircuit
        from firstline.adapters.dynamodb.spending import Spending
        from firstline.adapters.llm.chat_model import ChatModel, Endpoint
        from firstline.adapters.llm.shared_forms import SharedForms

        endpoint = Endpoint(
            base_url=policy.base_url,
            model=policy.model,
            api_key=lambda: self.secrets.get("llm/api-key"),
            max_output_tokens=policy.max_output_tokens,
            price=policy.price_per_million_tokens,
        )
        client = self._client("dynamodb", ONE_SECOND)
        circuit = SharedCircuit(client, self.settings.table_name)
        table = self._table(client)
        return ChatModel(
            endpoint,
            deadline_seconds=policy.deadline_seconds,
            circuit=circuit,
            account=Spending(table, policy.daily_ceiling),
            forms=SharedForms(table),
        )

    # --- what comes next ----------------------------------------------------------------------------------------------

    @cached_property
    def times(self) -> "Times":
        from firstline.incidents.what_now import Times

        return Times(
            page_after=timedelta(seconds=self.settings.page_after_seconds),
            flap_quiet=timedelta(seconds=self.settings.flap_quiet_seconds),
            resolve_within=timedelta(seconds=self.settings.resolve_within_seconds),
        )

    # --- remediation --------------------------------------------------------------------------------------------------

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

    # --- people -------------------------------------------------------------------------------------------------------

    @cached_property
    def people(self) -> "People":
        """The list of people, or nobody if the file is broken: no button but Approve depends on it."""
        from firstline.policy.people import NOBODY, load_people

        try:
            return load_people(self._policy("people.yaml"))
        except ConfigurationError as error:
            logger.error("nobody may approve, and no terminal may act: %s", error)
            return NOBODY

    def _submit(self, alert: "NormalizedAlert") -> None:
        """Hand an alert that a person raised to ingest."""
        from firstline.adapters.aws.quarantine import BacklogQueue
        from firstline.ingest.quarantine import Backlog

        queue = BacklogQueue(partial(self._client, "sqs"), self.settings.backlog_queue_url)
        queue.keep(Backlog(alert.timestamp, [alert]))

    def channels(self, *, interactive: bool = False) -> dict[str, "Channel"]:
        """Connect the channels anew each time: a rotated secret is used from the next message on."""
        from firstline.adapters.channels.connect import connect

        save, save_post = self.incidents.save_slack_message, self.incidents.save_post
        return connect(self.settings, self.secrets, save, save_post, interactive=interactive)

    def say(self, text: str) -> None:
        """Tell the ops channel in Slack something that is about no incident. A failure is only logged."""
        from firstline.channels.delivery import say

        say(text, self.channels())

    @cached_property
    def publisher(self) -> "Publisher":
        from firstline.adapters.aws.event_bus import EventBus
        from firstline.adapters.dynamodb.stream import milestones_in, number_of
        from firstline.channels.publish import Publisher

        stack = self.settings.stack_name
        return Publisher(
            milestones_in=milestones_in,
            number_of=number_of,
            record=self.incidents.record,
            send=EventBus(self._client("events"), self.settings.event_bus_name, stack).send,
            stack=stack,
            console_url=self.settings.console_url,
        )

    @cached_property
    def page_topic(self) -> "PageTopic":
        from firstline.adapters.channels.paging import PageTopic

        arn, console_url = self.settings.page_topic_arn, self.settings.console_url
        return PageTopic(arn, client=self._client("sns"), console_url=console_url)

    @cached_property
    def schedules(self) -> "Mapping[str, Roster]":
        """The schedules of who is on call, or none if the file is broken: a page goes out without a name."""
        from firstline.policy.oncall import NO_SCHEDULES, load_oncall

        try:
            return load_oncall(self._policy("oncall.yaml")).schedules
        except ConfigurationError as error:
            logger.error("no page says whose turn it is: %s", error)
            return NO_SCHEDULES.schedules

    @cached_property
    def overrides(self) -> "TableOverrides":
        from firstline.adapters.dynamodb.overrides import TableOverrides

        return TableOverrides(self.table)

    def _on_call_desk(self, people: "People", tell: "Callable[[str], None]") -> "OnCallDesk":
        from firstline.people.on_call import OnCallDesk, of_listed

        known = of_listed(self.overrides.of, people)
        return OnCallDesk(self.schedules, people, known, self.overrides.save, tell)

    def on_call(self, level: "Level") -> str | None:
        """Return whose turn it is at a level, by its schedule or else by PagerDuty; None if neither says."""
        from firstline.adapters.channels.connect import on_call_now
        from firstline.people.on_call import of_listed, whose_turn

        if level.schedule is not None:
            known = of_listed(self.overrides.of, self.people)
            return whose_turn(level.schedule, self.schedules, known, datetime.now(UTC))
        return on_call_now(level, self.settings, self.secrets)

    @cached_property
    def people_front(self) -> "PeopleFront":
        from firstline.people.front import PeopleFront

        return PeopleFront(
            incidents=self.incidents,
            remediations=self.remediations,
            executions=self.executions,
            trail=self.trail,
            documents=self.documents,
            people=lambda: self.people,
            secrets=self.secrets.lines,
            channels=partial(self.channels, interactive=True),
            submit=self._submit,
            on_call=self._on_call_desk,
            sessions=self.sessions,
        )

    @cached_property
    def site(self) -> "Site":
        from zoneinfo import ZoneInfo

        from firstline.console.site import Site

        return Site(
            stack=self.settings.stack_name,
            zone=ZoneInfo(self.settings.time_zone),
            execution_url=self.settings.console_url,
            incidents=self.incidents,
            trail=self.trail,
            silences=self.silences.since,
            documents=self.documents,
            session=self.sessions.find,
        )
