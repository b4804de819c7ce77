"""The reading of what Elastic Beanstalk says about an environment, in a mail or an event; both have the same text.

https://docs.aws.amazon.com/elasticbeanstalk/latest/dg/using-features.managing.sns.html
https://docs.aws.amazon.com/elasticbeanstalk/latest/dg/AWSHowTo.eventbridge.html
"""

import re
from typing import Any

from firstline.sources import values
from firstline.sources.notices.notice import Notice, State, letters, presumed

_HEALTH = re.compile(r"health has transitioned from (\w+(?: Data)?) to (\w+(?: Data)?)", re.IGNORECASE)
_DEPLOY_FAILED = re.compile(
    r"\bfailed\b|but with errors|unsuccessful command|aborted operation|do not have permission|unable to", re.IGNORECASE
)
_GREEN = ("ok", "green", "info")
_SEVERITIES = {"severe": "critical", "red": "critical", "degraded": "high", "warning": "medium", "yellow": "medium"}


def of_environment(told: str, environment: Any, application: Any, **further: Any) -> Notice:
    """Read a message of Elastic Beanstalk as a `Notice`: an alert that fires or resolves, or a message to ignore.

    A change of the environment's health resolves if the new health is good, and fires otherwise. Any other message
    fires if it reports a failure, such as a failed deployment; all others are ignored.

    `told` is the message's text, `environment` and `application` are the names in it or None, and `further` are more
    fields of the notice.
    """
    health = _HEALTH.search(told)
    new = letters(health[2]) if health else ""
    if health:
        state: State = "resolved" if new in _GREEN else "firing"
    else:
        state = "firing" if _DEPLOY_FAILED.search(told) else None
    return Notice(
        name=f"Elastic Beanstalk: {told.split('. ')[0]}"[:200],
        state=state,
        why=f"Elastic Beanstalk: {values.name(told, 80)}",
        identity=("beanstalk", environment, "health" if health else told),
        about=application or environment,
        environment=environment,
        severity=_SEVERITIES.get(new, presumed("high") if state == "firing" and not health else None),
        text=(told,),
        **further,
    )
