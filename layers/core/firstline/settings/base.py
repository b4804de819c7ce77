"""The settings that several functions share, and the types of their fields."""

import os
from typing import Annotated, Self
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from firstline.errors import ConfigurationError


def _known_time_zone(name: str) -> str:
    ZoneInfo(name)
    return name


type TimeZone = Annotated[str, AfterValidator(_known_time_zone)]
"""The name of a time zone, such as `Europe/Berlin`."""


def _split(text: object) -> object:
    return tuple(part.strip() for part in text.split(",") if part.strip()) if isinstance(text, str) else text


type Names = Annotated[tuple[str, ...], BeforeValidator(_split)]
"""A comma-separated list in a variable; an empty text is an empty list."""


class Settings(BaseModel):
    """Settings that every function has (`Globals` in template.yaml)."""

    # A function uses the last of its classes alone: with defer_build, pydantic builds the schema of no other.
    model_config = ConfigDict(frozen=True, extra="ignore", defer_build=True)

    stack_name: str
    table_name: str
    secrets_prefix: str
    history_days: int = Field(ge=1)

    @classmethod
    def from_environment(cls) -> Self:
        """Read the settings from the environment variables of the process.

        Raises
        ------
        ConfigurationError
            A variable is missing or invalid; the message names the variable.
        """
        try:
            return cls.model_validate({name.lower(): value for name, value in os.environ.items()})
        except ValidationError as error:
            wrong = "; ".join(f"{str(e['loc'][0]).upper()}: {e['msg']}" for e in error.errors())
            fix = "Set it in the function's environment (template.yaml)."
            raise ConfigurationError(f"{cls.__name__}: {wrong}. {fix}") from None


class RunbookSettings(Settings):
    """Settings of the functions that read the owner's runbooks and policies from `runbooks_dir`."""

    runbooks_dir: str


class TimesSettings(Settings):
    """Settings of the functions that decide when a person is called and when an incident is over."""

    page_after_seconds: int = Field(ge=60)
    flap_quiet_seconds: int = Field(ge=60)
    resolve_within_seconds: int = Field(ge=60)
