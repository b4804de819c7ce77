"""The tags that the owner gave to an alarm and to the resource that it watches, by the one table of meanings."""

import time
from collections.abc import Callable, Mapping
from typing import Any

from firstline.adapters.aws.resource_state import Clients, Watched, text
from firstline.models import OwnerTags
from firstline.sources import meanings, severity
from firstline.sources.meanings import Meant

KEPT_SECONDS = 600.0
MAX_KEPT = 256
"""Tags seldom change: they are read again after ten minutes. So many alarms are remembered."""

_REDACTED = "[redacted"


class TagReader:
    """Reads tags, and remembers them for some minutes. One request for an alarm and its resource together."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._kept: dict[tuple[str, ...], tuple[float, OwnerTags]] = {}

    def read(self, alarm_arn: str, watched: Watched | None, clients: Clients) -> OwnerTags:
        """Return what the tags of the alarm, and then those of its resource, mean.

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
