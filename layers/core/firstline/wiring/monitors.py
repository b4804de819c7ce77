"""The readers of CloudWatch: the evidence around an alarm, and whether its metric is back in its range."""

from functools import cached_property
from threading import Lock
from typing import TYPE_CHECKING, Any

from firstline.adapters.aws.clients import EVIDENCE, ONE_SECOND
from firstline.wiring.files import Files

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from firstline.adapters.aws.alarm_evidence import AlarmReader
    from firstline.adapters.aws.owner_tags import TagReader
    from firstline.people.recovery import MetricLook


class MonitorParts(Files):
    """The readers of CloudWatch's alarms, and their AWS clients."""

    def alarms(self, account: str) -> "AlarmReader":
        """Return the reader of metrics, logs and tags around CloudWatch alarms of `account` in this region."""
        from firstline.adapters.aws.alarm_evidence import AlarmReader
        from firstline.adapters.aws.error_logs import ErrorLogReader

        here = self._dynamodb.meta  # CloudWatch's own client is made for the alarms that it is asked about
        return AlarmReader(
            self._evidence_client,
            account=account,
            region=here.region_name,
            partition=here.partition,
            logs=ErrorLogReader(self.settings.error_log_group_arns),
            tags=self._tags,
            zone=self._zone,
        )

    def look(self, arn: str) -> "MetricLook":
        """Return an object that says whether the metric of an incident's CloudWatch alarm is back in its range.

        It covers the alarms of this region, whose CloudWatch is asked, and of the account in `arn`, which is all that
        matters of it. Give the ARN of the calling function.
        """
        account = arn.split(":")[4]
        if account not in self._looks:
            from firstline.adapters.aws.alarm_metric import OwnAlarms
            from firstline.people.recovery import MetricLook

            region = self._dynamodb.meta.region_name
            alarms = OwnAlarms(self._evidence_client, account=account, region=region, zone=self._zone)
            self._looks[account] = MetricLook(alarms.recovered)
        return self._looks[account]

    @cached_property
    def _zone(self) -> "ZoneInfo":
        from zoneinfo import ZoneInfo

        return ZoneInfo(self.settings.time_zone)

    @cached_property
    def _looks(self) -> "dict[str, MetricLook]":
        return {}

    @cached_property
    def _tags(self) -> "TagReader":
        from firstline.adapters.aws.owner_tags import TagReader

        return TagReader()

    def _evidence_client(self, service: str) -> Any:
        """Return the boto3 client of a service that evidence is read from; all but `logs` give up after a second.

        Each client is built once and under a lock, because boto3's session is not thread-safe.
        """
        with self._evidence_lock:
            if service not in self._evidence_clients:
                self._evidence_clients[service] = self._client(service, EVIDENCE if service == "logs" else ONE_SECOND)
            return self._evidence_clients[service]

    @cached_property
    def _evidence_clients(self) -> dict[str, Any]:
        return {}

    @cached_property
    def _evidence_lock(self) -> Lock:
        return Lock()
