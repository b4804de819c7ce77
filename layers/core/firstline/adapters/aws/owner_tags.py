"""The tags that the owner gave to an alarm and to its resource, and what they say of service, team and severity."""

import time
from collections.abc import Callable, Mapping
from typing import Any

from firstline.adapters.aws.resource_state import Clients, Watched, text
from firstline.models import OwnerTags
from firstline.sources import meanings, severity
from firstline.sources.meanings import Meant

KEPT_SECONDS = 600.0
"""The time for which tags are remembered: they seldom change."""

MAX_KEPT = 256
"""The most alarms whose tags are remembered."""

_REDACTED = "[redacted"


class TagReader:
    """A reader of tags that remembers them for ten minutes. One request reads those of an alarm and of its resource."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._kept: dict[tuple[str, ...], tuple[float, OwnerTags]] = {}

    def read(self, alarm_arn: str, watched: Watched | None, clients: Clients) -> OwnerTags:
        """Return the service, environment, team and severity that the tags of an alarm state.

        What the alarm's tags do not state, except the severity, is taken from the tags of the resource that it watches
        (`watched`; None: unknown).

        Raises
        ------
        botocore.exceptions.ClientError, botocore.exceptions.BotoCoreError
            AWS refused or did not answer in time.
        """
        resource_arn = watched.own_arn if watched else None
        arns = (alarm_arn, *filter(None, [resource_arn]))
        until, known = self._kept.get(arns, (0.0, None))
        if known is not None and self._clock() < until:
            return known
        found = clients("resourcegroupstaggingapi").get_resources(ResourceARNList=list(arns))
        by_arn = {mapping["ResourceARN"]: _tags(mapping) for mapping in found["ResourceTagMappingList"]}
        own = meanings.of(by_arn.get(alarm_arn, {}))
        tags = _meaning(own, meanings.of(by_arn.get(resource_arn or "", {})))
        if len(self._kept) >= MAX_KEPT:
            self._kept.clear()
        self._kept[arns] = (self._clock() + KEPT_SECONDS, tags)
        return tags


def _tags(mapping: Mapping[str, Any]) -> dict[str, str]:
    """Return the tags of one resource, without those whose value holds a secret or personal data (a mail address)."""
    values = {tag["Key"]: text(tag["Value"]) for tag in mapping.get("Tags", [])}
    return {key: value for key, value in values.items() if _REDACTED not in value}


def _meaning(alarm: Meant, resource: Meant) -> OwnerTags:
    both = alarm.and_also(resource)
    stated = alarm.first("severity")
    return OwnerTags(
        service=both.first("service"),
        environment=both.first("environment"),
        team=both.first("team"),
        severity=severity.from_word(stated.casefold()) if stated else None,
    )
