"""What `actions.aws` and `actions.kubernetes` of `hotwash.yaml` name: accounts, clusters, and what may be changed.

Used by `domain/configuration.py`. The one thing to know: a runbook says a target's name and a resource's; a resource
that no pattern of the target's `resources` fits is out of reach, whatever the credentials would allow.
"""

from fnmatch import fnmatchcase
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, StringConstraints, field_validator, model_validator

from domain.model import Model
from domain.names import SecretReference

# `ecs/shop/*`, `lambda/checkout:live`, `nodes/*`: how each action names what it changes stands in the catalogue.
ResourcePattern = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9*][^\s]{0,300}$")]
_THIS_MACHINE = frozenset({"127.0.0.1", "localhost", "::1"})
HttpUrl = Annotated[str, StringConstraints(pattern=r"^https?://[^\s?#]+$")]


class AwsKeys(Model):
    """An access key, by reference."""

    access_key_id: SecretReference
    secret_access_key: SecretReference
    session_token: SecretReference | None = None


class AwsTarget(Model):
    """One region of one AWS account."""

    region: Annotated[str, StringConstraints(pattern=r"^[a-z0-9-]{1,32}$")]
    # `ambient`: whatever AWS's own chain finds (environment, shared files, instance or task role).
    credentials: AwsKeys | Literal["ambient"]
    # Instead of AWS's public endpoints: a VPC endpoint, or a stand-in for practice. For all services.
    endpoint_url: HttpUrl | None = None
    # What may be changed; reading needs no entry.
    resources: tuple[ResourcePattern, ...] = Field(min_length=1)

    def may_change(self, resource: str) -> bool:
        """Whether a pattern fits."""
        return _fits(resource, self.resources)


class KubernetesToken(Model):
    """A service account's bearer token, by reference."""

    token: SecretReference


class KubernetesTarget(Model):
    """One cluster, by its API server."""

    # None with ambient credentials: the cluster that the worker itself runs in.
    server: HttpUrl | None = None
    # `ambient`: the service account of the pod that the worker runs in.
    credentials: KubernetesToken | Literal["ambient"]
    # The authority that signed the server's certificate (PEM); None: the system's.
    ca_file: str | None = None
    # What may be changed: `deployments/shop/*`, `nodes/*`.
    resources: tuple[ResourcePattern, ...] = Field(min_length=1)

    @field_validator("server")
    @classmethod
    def _token_is_not_shouted(cls, server: str | None) -> str | None:
        # The bearer token would cross the network for everybody to read.
        if server is not None and server.startswith("http://") and urlsplit(server).hostname not in _THIS_MACHINE:
            message = "write https://; http:// is for a proxy on this machine only"
            raise ValueError(message)
        return server

    @model_validator(mode="after")
    def _somewhere(self) -> Self:
        if self.server is None and self.credentials != "ambient":
            message = "name the 'server', or use ambient credentials for the cluster that Hotwash runs in"
            raise ValueError(message)
        return self

    def may_change(self, resource: str) -> bool:
        """Whether a pattern fits."""
        return _fits(resource, self.resources)


def _fits(resource: str, patterns: tuple[str, ...]) -> bool:
    return any(fnmatchcase(resource, pattern) for pattern in patterns)
