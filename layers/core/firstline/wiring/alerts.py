"""The objects that make up the functions ingest, reconcile and canary, each built from the function's settings."""

from datetime import datetime, timedelta
from functools import cached_property, lru_cache, partial
from typing import TYPE_CHECKING

from firstline.errors import ConfigurationError, HistoryUnavailable
from firstline.observability import logger
from firstline.wiring.monitors import MonitorParts
from firstline.wiring.on_call import OnCallParts

if TYPE_CHECKING:
    from firstline.incidents.canary import Canary
    from firstline.incidents.heartbeats import Watch
    from firstline.incidents.model_ceiling import CeilingWatch
    from firstline.incidents.reconcile import Reconciler
    from firstline.incidents.stopped_executions import StoppedWatch
    from firstline.incidents.tell_once import Once
    from firstline.incidents.throttles import ThrottleWatch
    from firstline.incidents.unheard_topic import UnheardWatch
    from firstline.ingest.accept import Ingestion
    from firstline.ingest.front_door import FrontDoor
    from firstline.ingest.hold_ends import HoldEnds
    from firstline.models import Incident, IncidentRecord


class AlertParts(OnCallParts, MonitorParts):
    """The objects that make up the functions ingest, reconcile and canary, each built when it is first used."""

    @cached_property
    def ingestion(self) -> "Ingestion":
        from zoneinfo import ZoneInfo

        from firstline.adapters.dynamodb.silences import RememberedSilences
        from firstline.incidents import lifecycle
        from firstline.incidents.groups import Limits
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
    def front_door(self) -> "FrontDoor":
        from firstline.adapters.aws.certificates import Certificates
        from firstline.adapters.aws.quarantine import BacklogQueue, Quarantine
        from firstline.adapters.aws.topics import confirm_subscription
        from firstline.ingest.front_door import FrontDoor
        from firstline.ingest.signals import SignalHandler

        return FrontDoor(
            ingestion=self.ingestion,
            incidents=self.incidents,
            signals=SignalHandler(self.incidents, self.executions, confirm_subscription),
            secrets=self.secrets.lines,
            quarantine=Quarantine(partial(self._client, "sqs"), self.settings.quarantine_queue_url).keep,
            backlog=BacklogQueue(partial(self._client, "sqs"), self.settings.backlog_queue_url).keep,
            certificates=Certificates().get,
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
            page_after=timedelta(seconds=self.settings.page_after_seconds),
            page=self._page_overdue,
            show=self._show_again,
            hold_over=lambda incident_id, now: self.hold_ends.over(incident_id, now),
            count_open=lambda: count_open(self.table),
            watch=lambda now: self.watch.look(now),
            on_call=self._look_after_schedules,
            throttles=lambda now: self.throttle_watch.look(now),
            stopped=lambda ended, now: self.stopped_watch.look(ended, now),
            unheard=lambda now: self.unheard_watch.look(now),
            ceiling=self._look_at_ceiling,
        )

    @cached_property
    def once(self) -> "Once":
        from uuid import uuid4

        from firstline.incidents.tell_once import Once

        return Once(self.incidents, uuid4().hex)

    @cached_property
    def stopped_watch(self) -> "StoppedWatch":
        from firstline.incidents.stopped_executions import StoppedWatch

        return StoppedWatch(self.incidents, self.executions, self.once, self.page_topic.say, self.settings.stack_name)

    @cached_property
    def unheard_watch(self) -> "UnheardWatch":
        from firstline.incidents.unheard_topic import UnheardWatch

        return UnheardWatch(self.page_topic.has_subscriber, self.once, self._say_in_slack, self.settings.stack_name)

    def _say_in_slack(self, text: str) -> bool:
        """Post a text in the Slack channel for alerts; return False if that failed, or if Slack is not connected."""
        from firstline.channels.delivery import say

        channels = self.channels()
        return hasattr(channels.get("slack"), "say") and say(text, channels)

    def _look_at_ceiling(self, now: datetime) -> None:
        if self.ceiling_watch is not None:
            self.ceiling_watch.look(now)

    @cached_property
    def ceiling_watch(self) -> "CeilingWatch | None":
        """The check whether the model's ceiling for the day is reached; None if model.yaml names no model."""
        if self.model_policy.model is None:
            return None
        from firstline.adapters.dynamodb.spending import Spending
        from firstline.incidents.model_ceiling import CeilingWatch

        spending = Spending(self.table, self.model_policy.daily_ceiling)
        return CeilingWatch(spending.reached, self.once, self.page_topic.say, self.settings.stack_name)

    @cached_property
    def throttle_watch(self) -> "ThrottleWatch":
        from zoneinfo import ZoneInfo

        from firstline.adapters.aws.throttles import LambdaThrottles
        from firstline.incidents.throttles import ThrottleWatch

        names = [name for name in self.settings.function_names.split(",") if name]
        refused = LambdaThrottles(self._client("cloudwatch"), names).between
        zone = ZoneInfo(self.settings.time_zone)
        return ThrottleWatch(refused, self.once, self.page_topic.say, self.settings.stack_name, zone)

    def _look_after_schedules(self, now: datetime) -> None:
        self.follower.look(now)
        self.hand_over_watch.look(now)

    @cached_property
    def canary(self) -> "Canary":
        import time

        from firstline.adapters.aws.own_door import OwnDoor
        from firstline.incidents.canary import Canary

        door = OwnDoor(self.settings.canary_url)
        secret = partial(self.secrets.get, "sources/canary")
        return Canary(door.post, self.incidents.record, secret, time.monotonic, time.sleep)

    @cached_property
    def hold_ends(self) -> "HoldEnds":
        from zoneinfo import ZoneInfo

        from firstline.ingest.hold_ends import HoldEnds
        from firstline.ingest.judge import Judge
        from firstline.policy.holds import Holds

        # Rules and silences that cannot be read are an error here, and no reason to end a hold.
        silences = lru_cache(maxsize=1)(self.silences.since)
        judge = Judge(
            rules=lambda: self.rules,
            quiet=lambda now: Holds(self.rules.maintenance, silences(now)),
            zone=ZoneInfo(self.settings.time_zone),
        )
        return HoldEnds(
            judge,
            members=self.incidents.members,
            inhibitors=lambda keys: self.groups.read({}, keys)[1],
            name=self.incidents.name_hold,
        )

    def _page_overdue(self, record: "IncidentRecord", reason: str, now: datetime) -> None:
        from firstline.incidents.audit_trail import append_or_log, paged
        from firstline.people.page import overdue, page_on_call
        from firstline.policy.paging import ONLY_THE_TOPIC

        try:
            policy = self.paging_policy
        except ConfigurationError as error:
            logger.error("The overdue page goes to the page topic alone, because paging.yaml is broken: %s", error)
            policy = ONLY_THE_TOPIC
        page_on_call(
            overdue(record, reason),
            policy=policy,
            channels={**self.channels(), "sns": self.page_topic},
            incidents=self.incidents,
            now=now,
            on_call=self.on_call,
            must_claim=True,
            text=self.text_messages,
        )
        try:
            told = self.incidents.record(record.incident.incident_id) or record
        except HistoryUnavailable:
            logger.exception("The page is not on the audit trail yet; the next message adds it")
            return
        append_or_log(self.trail, record.incident.incident_id, paged(told), now)

    def _show_again(self, record: "IncidentRecord", now: datetime) -> bool:
        from firstline.people.message_updates import show_again

        look = self.look(self.settings.state_machine_arn)
        return show_again(record, channels=self.channels(), incidents=self.incidents, now=now, look=look)
