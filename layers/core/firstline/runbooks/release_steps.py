"""Steps that roll a release back: a deployment through CodeDeploy, or a configuration through AppConfig.

These steps have no host and no script. The runbook, or one of its parameters, names the application. No runbook names
the release to go back to: planning looks that up (`remediation/releases.py`).
"""

from datetime import timedelta
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from firstline.models import Frozen
from firstline.policy.durations import Duration, between
from firstline.runbooks.fields import Id, ParameterName, StepTimeout

DAY = timedelta(days=1)


class Given(Frozen):
    """A reference to one of the runbook's parameters, as in `{parameter: service}`."""

    parameter: ParameterName


type CodeDeployName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9+=,.@_-]{1,100}$")]
"""The name of an application or a deployment group in CodeDeploy."""

type AppConfigId = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]{4,7}$")]
"""The id, not the name, of an application, an environment or a configuration profile in AppConfig."""

type Strategy = Annotated[str, StringConstraints(pattern=r"^([a-z0-9]{4,7}|AppConfig\.[A-Za-z0-9]{9,40})$")]
"""The id of a deployment strategy in AppConfig, or the name of a predefined one, such as `AppConfig.AllAtOnce`."""


class ReleaseStep(Frozen):
    """Base of the steps that roll a release back.

    A release is rolled back only if it went out at most `released_within` before the alert began. The release to go
    back to must have been in use for `stood_for` before it was replaced, because a release that is replaced sooner was
    probably bad, too. A deployment that outlives `timeout` goes on, and a human is called.
    """

    id: Annotated[Id, StringConstraints(max_length=30)]
    released_within: Annotated[Duration, between(timedelta(minutes=5), 3 * DAY)] = timedelta(hours=2)
    stood_for: Annotated[Duration, between(timedelta(minutes=1), 30 * DAY)] = timedelta(hours=1)
    timeout: StepTimeout = timedelta(minutes=30)

    @property
    def parameters(self) -> list[str]:
        """The names of the runbook's parameters that the step refers to."""
        values = (getattr(self, name) for name in type(self).model_fields)
        return [value.parameter for value in values if isinstance(value, Given)]

    def value(self, name: str, values: dict[str, str]) -> str:
        """Return the value of the step's key `name`, such as `application`.

        If the key refers to a parameter of the runbook, return that parameter's value in `values`.
        """
        value = getattr(self, name)
        return values[value.parameter] if isinstance(value, Given) else str(value)


class CodeDeployRollback(ReleaseStep):
    """A step that deploys the last good release of a CodeDeploy deployment group again."""

    kind: Literal["codedeploy_rollback"]
    application: CodeDeployName | Given
    deployment_group: CodeDeployName | Given


class AppConfigRollback(ReleaseStep):
    """A step that deploys the last good version of an AppConfig configuration, such as feature flags, again."""

    kind: Literal["appconfig_rollback"]
    application: AppConfigId | Given
    environment: AppConfigId | Given
    configuration_profile: AppConfigId | Given
    strategy: Strategy = Field(default="AppConfig.AllAtOnce")
