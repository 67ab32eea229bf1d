"""Settings of a process, from `HOTWASH_*` variables and the options of `hotwash up`, `api` and `worker`.

What the team decides (people, routes, policy) is not here but in `hotwash.yaml`; how the engine is reached is the
SDK's own business (`TEMPORAL_ADDRESS` and its profile file, see `runtime/temporal.py`).
"""

from enum import StrEnum
from pathlib import Path
from typing import Any, Self

from pydantic import Field, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from domain.errors import Rejected

_PREFIX = "HOTWASH_"


class LogFormat(StrEnum):
    """For people, or for a log collector."""

    CONSOLE = "console"
    JSON = "json"


class LogLevel(StrEnum):
    """From the most talkative to the quietest."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class Settings(BaseSettings):
    """What `HOTWASH_<NAME>` may say; options of the command line come first."""

    model_config = SettingsConfigDict(env_prefix=_PREFIX, frozen=True, extra="ignore")

    # Everything that is kept: configuration, keys, engine and store files, logs.
    home: Path = Path(".hotwash")
    # The team's configuration; None: `hotwash.yaml` in the home folder.
    configuration: Path | None = None
    # Where the API listens; anything but this machine should be behind TLS.
    host: str = "127.0.0.1"
    port: int = Field(default=8080, ge=1, le=65535)
    # The console while `hotwash.yaml` has no `base_url`; `hotwash up` tells its worker its own address.
    console_url: str | None = None
    # The embedded engine: 7233 and 8233 are Temporal's own defaults, so that its CLI finds it without options.
    temporal_port: int = Field(default=7233, ge=1, le=65535)
    temporal_ui_port: int = Field(default=8233, ge=1, le=65535)
    # None: SQLite in the home folder. A secret, because a PostgreSQL URL may hold a password.
    store_url: SecretStr | None = None
    # Signs tokens and sessions; None: the file `secret-key` in the home folder. Set the same for every API process.
    secret_key: SecretStr | None = Field(default=None, min_length=32)
    log_level: LogLevel = LogLevel.INFO
    log_format: LogFormat = LogFormat.CONSOLE

    @model_validator(mode="after")
    def _make_home_absolute(self) -> Self:
        # Children may be started from elsewhere, and messages name the file that was really meant.
        object.__setattr__(self, "home", self.home.expanduser().absolute())
        if self.configuration is not None:
            object.__setattr__(self, "configuration", self.configuration.expanduser().absolute())
        return self

    def environment(self) -> dict[str, str]:
        """These settings as variables, for a child process."""
        values = {name: getattr(self, name) for name in type(self).model_fields}
        return {
            f"{_PREFIX}{name.upper()}": value.get_secret_value() if isinstance(value, SecretStr) else str(value)
            for name, value in values.items()
            if value is not None
        }


def load_settings(**options: Any) -> Settings:
    """Read the settings; options that are None count as not given. Rejected names the variable or option at fault."""
    given = {name: value for name, value in options.items() if value is not None}
    try:
        return Settings(**given)
    except ValidationError as error:
        raise Rejected("; ".join(_sentence(item["loc"], item["msg"], given) for item in error.errors())) from None


def _sentence(place: tuple[int | str, ...], problem: str, given: dict[str, Any]) -> str:
    name = str(place[0]) if place else "settings"
    source = f"--{name.replace('_', '-')}" if name in given else f"{_PREFIX}{name.upper()}"
    # The value stays out: a store URL or a key may be wrong and secret at once.
    return f"{source}: {problem[:1].lower()}{problem[1:]}"
