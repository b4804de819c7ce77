"""Steps that take a release back: through CodeDeploy, or a feature flag through AppConfig.

They have no host and no script. What they are about is written in the runbook, or comes from one of its parameters;
which release to go back to is never written anywhere: planning looks it up (`releases.py`).
"""

from datetime import timedelta
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from firstline.models import Frozen
from firstline.policy.durations import Duration, between
from firstline.runbooks.fields import Id, ParameterName, StepTimeout

DAY = timedelta(days=1)


class Given(Frozen):
    """A value that one of the runbook's parameters has: `{parameter: service}`."""

    parameter: ParameterName


type CodeDeployName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9+=,.@_-]{1,100}$")]
"""An application's or deployment group's name, as CodeDeploy allows it."""

type AppConfigId = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]{4,7}$")]
"""AppConfig's id of an application, environment or configuration profile; its APIs take no names."""

type Strategy = Annotated[str, StringConstraints(pattern=r"^([a-z0-9]{4,7}|AppConfig\.[A-Za-z0-9]{9,40})$")]
"""A deployment strategy's id, or the name of one that AppConfig brings."""


class ReleaseStep(Frozen):
    """What both have in common.

    A release is taken back only when it went out at most `released_within` before the alert began, and only in favour
    of one that had stood for `stood_for` before something else replaced it: what was replaced sooner was no good one.
    `timeout` is how long it is waited for; a deployment that is not done by then goes on, and a human is called.
    """

    id: Annotated[Id, StringConstraints(max_length=30)]
    released_within: Annotated[Duration, between(timedelta(minutes=5), 3 * DAY)] = timedelta(hours=2)
    stood_for: Annotated[Duration, between(timedelta(minutes=1), 30 * DAY)] = timedelta(hours=1)
    timeout: StepTimeout = timedelta(minutes=30)

    @property
    def parameters(self) -> list[str]:
        """The runbook's parameters that the step takes values from."""
        values = (getattr(self, name) for name in type(self).model_fields)
        return [value.parameter for value in values if isinstance(value, Given)]

    def value(self, name: str, values: dict[str, str]) -> str:
        """What one of its keys stands for, with the parameters' values filled in."""
        value = getattr(self, name)
        return values[value.parameter] if isinstance(value, Given) else str(value)


class CodeDeployRollback(ReleaseStep):
    """Deploys the last good release of a deployment group again."""

    kind: Literal["codedeploy_rollback"]
    application: CodeDeployName | Given
    deployment_group: CodeDeployName | Given


class AppConfigRollback(ReleaseStep):
    """Deploys the version of a configuration again that was there before, feature flags for example."""

    kind: Literal["appconfig_rollback"]
    application: AppConfigId | Given
    environment: AppConfigId | Given
    configuration_profile: AppConfigId | Given
    strategy: Strategy = Field(default="AppConfig.AllAtOnce")
