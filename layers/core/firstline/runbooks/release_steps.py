"""Steps that take a release back: through CodeDeploy, or a feature flag through AppConfig.

They have no host and no script. The runbook, or one of its parameters, names the application. The release to go back to
is never written in a runbook: planning looks it up (`remediation/releases.py`).
"""

from datetime import timedelta
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from firstline.models import Frozen
from firstline.policy.durations import Duration, between
from firstline.runbooks.fields import Id, ParameterName, StepTimeout

DAY = timedelta(days=1)


class Given(Frozen):
    """A reference to one of the runbook's parameters: `{parameter: service}`."""

    parameter: ParameterName


type CodeDeployName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9+=,.@_-]{1,100}$")]
"""An application's or deployment group's name, as CodeDeploy allows it."""

type AppConfigId = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]{4,7}$")]
"""AppConfig's id of an application, environment or configuration profile; its APIs take no names."""

type Strategy = Annotated[str, StringConstraints(pattern=r"^([a-z0-9]{4,7}|AppConfig\.[A-Za-z0-9]{9,40})$")]
"""A deployment strategy's id, or the name of one that AppConfig brings."""


class ReleaseStep(Frozen):
    """Base of the steps that take a release back.

    A release is taken back only if it went out at most `released_within` before the alert began. The release to go back
    to must have been in use for `stood_for` before it was replaced: one that was replaced sooner was not good. A
    deployment that outlives `timeout` goes on, and a human is called.
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
        """Return the value of one key; a reference to a parameter is looked up in `values`."""
        value = getattr(self, name)
        return values[value.parameter] if isinstance(value, Given) else str(value)


class CodeDeployRollback(ReleaseStep):
    """A step that deploys the last good release of a deployment group again."""

    kind: Literal["codedeploy_rollback"]
    application: CodeDeployName | Given
    deployment_group: CodeDeployName | Given


class AppConfigRollback(ReleaseStep):
    """A step that deploys the previous version of a configuration again, feature flags for example."""

    kind: Literal["appconfig_rollback"]
    application: AppConfigId | Given
    environment: AppConfigId | Given
    configuration_profile: AppConfigId | Given
    strategy: Strategy = Field(default="AppConfig.AllAtOnce")
