"""The parts that classify: holds, evidence, the model and what it has earned."""

from datetime import datetime
from functools import cached_property
from threading import Lock
from typing import TYPE_CHECKING, Any

from firstline.adapters.aws.clients import ONE_SECOND
from firstline.wiring.files import Files

if TYPE_CHECKING:
    from firstline.adapters.aws.alarm_evidence import AlarmReader
    from firstline.adapters.dynamodb.disagreements import EarnedSay
    from firstline.adapters.llm.chat_model import ChatModel
    from firstline.classification.hold import Declared
    from firstline.classification.say import Say


class ClassificationParts(Files):
    """Holds, evidence, the model and what it has earned."""

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
