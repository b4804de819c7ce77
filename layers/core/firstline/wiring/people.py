"""The parts that tell, page and serve people: channels, events, on-call, the function respond, the console."""

from datetime import UTC, datetime
from functools import cached_property, partial
from typing import TYPE_CHECKING

from firstline.wiring.remediation import RemediationParts

if TYPE_CHECKING:
    from collections.abc import Callable

    from firstline.adapters.channels.paging import PageTopic
    from firstline.channels.delivery import Channel
    from firstline.channels.publish import Publisher
    from firstline.console.front import PeopleFront
    from firstline.console.site import Site
    from firstline.contracts import NotifyInput, PageOnCallInput
    from firstline.models import Hold, IncidentRecord, NormalizedAlert
    from firstline.people.on_call import OnCallOverrides, OverridesOf, Turn
    from firstline.policy.paging import Level
    from firstline.policy.people import People


class PeopleParts(RemediationParts):
    """The parts that tell, page and serve people: channels, events, on-call, the function respond, the console."""

    def channels(self, *, interactive: bool = False) -> dict[str, "Channel"]:
        """Connect the channels and return them by name; `interactive` sets short time-outs, because a person waits."""
        from firstline.adapters.channels.connect import connect

        save, save_post = self.incidents.save_slack_message, self.incidents.save_post
        return connect(self.settings, self.secrets, save, save_post, interactive=interactive)

    def say(self, text: str) -> bool:
        """Post a text, which concerns no incident, in the Slack channel for alerts; return False if that failed."""
        from firstline.channels.delivery import say

        return say(text, self.channels())

    def conclude(
        self, event: "NotifyInput | PageOnCallInput", now: datetime, record: "IncidentRecord | None" = None
    ) -> "IncidentRecord | None":
        """Write to the audit trail what people were just told by notify or escalate, which got `event` as input.

        If the incident's remediation is over, also store its outcome. Return the incident's record: `record` if given,
        else as read from the table; None if there is none, or it cannot be read.
        """
        from firstline.remediation.settle import conclude

        return conclude(
            event,
            records=self.incidents,
            remediations=self.remediations,
            trail=self.trail,
            say=self.say,
            now=now,
            record=record,
        )

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
            execution_url=self.settings.execution_url,
        )

    @cached_property
    def page_topic(self) -> "PageTopic":
        from firstline.adapters.channels.connect import stack_info
        from firstline.adapters.channels.paging import PageTopic

        stack = stack_info(self.settings, self.secrets)
        return PageTopic(self.settings.page_topic_arn, client=self._client("sns"), stack=stack)

    @cached_property
    def known_overrides(self) -> "OverridesOf":
        """A function that returns, for a schedule's name and a time, the overrides that end after the time.

        The shifts of a schedule that another tool keeps count as overrides.
        """
        return self._over_copies(self.people)

    def _over_copies(self, people: "People") -> "OverridesOf":
        from firstline.adapters.dynamodb.schedule_copies import TableCopies
        from firstline.people.on_call import of_listed
        from firstline.policy.followed_schedules import with_copies

        listed, copies = of_listed(self.overrides.of, people), TableCopies(self.table)
        return with_copies(listed, self.followed, copies.of, people, lambda: datetime.now(UTC))

    def turn(self, level: "Level") -> "Turn | None":
        """Return whose turn it is by a paging level's schedule; None if it has no schedule, or nobody has the turn."""
        from firstline.people.on_call import whose_turn

        if level.schedule is None:
            return None
        return whose_turn(level.schedule, self.schedules, self.known_overrides, datetime.now(UTC), self.people)

    def on_call(self, level: "Level") -> str | None:
        """Return who is on call at a paging level: by its schedule or, without one, by PagerDuty; None if unknown."""
        from firstline.adapters.channels.connect import on_call_now

        if level.schedule is not None:
            turn = self.turn(level)
            return turn and (f"{turn.person} ({turn.doubt})" if turn.doubt else turn.person)
        return on_call_now(level, self.settings, self.secrets)

    def _on_call_desk(self, people: "People", tell: "Callable[[str], object]") -> "OnCallOverrides":
        from firstline.people.on_call import OnCallOverrides

        known = self._over_copies(people)
        return OnCallOverrides(self.schedules, people, known, self.overrides.save, tell, self.trail)

    def _submit(self, alert: "NormalizedAlert") -> None:
        """Put an alert that a person raised into ingest's queue."""
        from firstline.adapters.aws.quarantine import BacklogQueue
        from firstline.ingest.quarantine import Backlog

        queue = BacklogQueue(partial(self._client, "sqs"), self.settings.backlog_queue_url)
        queue.keep(Backlog(alert.timestamp, [alert]))

    @cached_property
    def people_front(self) -> "PeopleFront":
        from zoneinfo import ZoneInfo

        from firstline.console.front import PeopleFront

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
            zone=ZoneInfo(self.settings.time_zone),
            held=self._held,
        )

    def _held(self, alert: "NormalizedAlert", now: datetime) -> "Hold | None":
        from firstline.classification.hold import Declared

        inhibitors = lambda keys: self.groups.read({}, keys)[1]  # noqa: E731
        return Declared(self.rules_or_none, lambda: self.silences.since(now), inhibitors).hold_on([alert], now)

    @cached_property
    def site(self) -> "Site":
        from zoneinfo import ZoneInfo

        from firstline.adapters.dynamodb.short_ids import ids_ending
        from firstline.console.site import Site

        return Site(
            stack=self.settings.stack_name,
            zone=ZoneInfo(self.settings.time_zone),
            execution_url=self.settings.execution_url,
            incidents=self.incidents,
            ids_ending=lambda end, now: ids_ending(self.table, end, now),
            trail=self.trail,
            silences=self.silences.since,
            documents=self.documents,
            session=self.sessions.find,
            schedules=lambda: self.schedules,
            overrides_of=lambda schedule, since: self.known_overrides(schedule, since),
            people=lambda: self.people,
        )
