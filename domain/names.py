"""The spelling of what `hotwash.yaml` names: things, and secrets by where they are kept."""

from typing import Annotated

from pydantic import StringConstraints

# `env:SMTP_PASSWORD`, `file:/run/secrets/smtp`; resolved only where it is used.
SecretReference = Annotated[str, StringConstraints(pattern=r"^(env|file|aws-sm):.+$")]
Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_.-]{0,62}$")]
