"""The parts around on-call schedules: text messages to one person, hand-overs, calendar feeds."""

from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING

from firstline.errors import ConfigurationError
from firstline.wiring.people import PeopleParts

if TYPE_CHECKING:
    from firstline.channels.delivery import Channel
    from firstline.console.calendar_feed import CalendarFeed
    from firstline.people.follow_schedules import Follower
    from firstline.people.hand_over import HandOverWatch
    from firstline.policy.paging import Level
    from firstline.policy.people import Person


class OnCallParts(PeopleParts):
    """The parts around on-call schedules: text messages to one person, hand-overs, calendar feeds."""

    def text_messages(self, level: "Level") -> "Channel":
        """Return the channel `sms`, which sends a text message to the person who is on call at this paging level."""
        from firstline.adapters.channels.texting import TextMessages

        return TextMessages(
            lambda: (turn := self.turn(level)) and turn.person,
            self.people,
            secret=self.secrets.get,
            link=self._page_link,
            client=self._client("sns"),
            sender_id=self.settings.sms_sender_id,
        )

    def _page_link(self, person: "Person", incident_id: str) -> str:
        from firstline.console import page_links
        from firstline.console.page_links import SECRET, URL

        api_url = self.secrets.get(URL)
        if api_url is None:
            raise ConfigurationError(f"the stack's SSM parameter {URL} is missing; deploy the stack again")
        return page_links.address(person, incident_id, api_url, self.secrets.lines(SECRET), datetime.now(UTC))

    @cached_property
    def hand_over_watch(self) -> "HandOverWatch":
        from firstline.adapters.dynamodb.hand_overs import TableHandOvers
        from firstline.people.hand_over import HandOverWatch

        hand_overs = TableHandOvers(self.table)
        return HandOverWatch(
            self.schedules,
            self.known_overrides,
            hand_overs.last,
            hand_overs.claim,
            self.incidents,
            self.silences.since,
            self.say,
        )

    @cached_property
    def follower(self) -> "Follower":
        from firstline.adapters.dynamodb.schedule_copies import TableCopies
        from firstline.adapters.on_call_feeds import OnCallFeeds
        from firstline.people.follow_schedules import Follower

        feeds = OnCallFeeds(self.secrets.get, pagerduty_api_url=self.settings.pagerduty_api_url)
        copies = TableCopies(self.table)
        return Follower(self.followed, feeds.read, copies.claim, copies.save)

    @cached_property
    def calendar_feed(self) -> "CalendarFeed":
        from firstline.console.calendar_feed import SECRET, CalendarFeed

        return CalendarFeed(
            self.settings.stack_name,
            self.schedules,
            self.known_overrides,
            people=lambda: self.people,
            secrets=lambda: self.secrets.lines(SECRET),
        )
