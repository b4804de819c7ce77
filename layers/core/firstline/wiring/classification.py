"""The parts of the function classify: what may hold an alert, the model, and how far it may change verdicts."""

from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING

from firstline.adapters.aws.clients import ONE_SECOND
from firstline.wiring.monitors import MonitorParts

if TYPE_CHECKING:
    from firstline.adapters.dynamodb.disagreements import EarnedSay
    from firstline.adapters.llm.chat_model import ChatModel
    from firstline.classification.hold import Declared
    from firstline.classification.model_say import Say


class ClassificationParts(MonitorParts):
    """The parts of the function classify: what may hold an alert, the model, and how far it may change verdicts."""

    def declared(self, now: datetime) -> "Declared":
        """Return the rules, silences and inhibitions that may hold alerts now."""
        from firstline.classification.hold import Declared

        return Declared(
            self.rules,
            silences=lambda: self.silences.since(now),
            inhibitors=lambda keys: self.groups.read({}, keys)[1],
        )

    @cached_property
    def model(self) -> "ChatModel | None":
        """The client of the model that is asked about verdicts, or None if model.yaml names no model.

        It stops asking after repeated failures (a circuit breaker), and at the daily ceiling of tokens and cost.
        """
        policy = self.model_policy
        if policy.model is None:
            return None
        from firstline.adapters.dynamodb.model_circuit import SharedCircuit
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
        """Return how far the model may change verdicts now.

        It may make each kind of change in which it has often been right. It may also raise the severity of a few
        incidents a week without having been right in that before. Without a model, the answer allows no change.
        """
        from firstline.classification.model_say import NO_SAY, Say

        if self.model is None:
            return NO_SAY
        from firstline.adapters.dynamodb.disagreements import Raises

        raises = Raises(self._table(self._client("dynamodb", ONE_SECOND)), self.model_policy.raises_per_week)
        return Say(self._earned.at(now), may_raise=lambda incident_id: raises.take(incident_id, now))
