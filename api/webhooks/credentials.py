"""Who may post alerts: whoever has the secret of the sender's integration. Closed when there is none.

Called by `api/webhooks/routes.py` before the body is read.
"""

import base64
import binascii
import hmac

from api.ports import SecretSource
from domain.configuration import Configuration
from domain.errors import Rejected, RejectionKind


def check_secret(configuration: Configuration, secrets: SecretSource, sender: str, authorization: str | None) -> None:
    """Compare the bearer token, or the basic-auth password, with the integration's secret; Rejected (401) otherwise."""
    integration = configuration.integrations.get(sender)
    if integration is None:
        raise _refusal(f"{sender} has no secret here; add integrations.{sender}.secret to hotwash.yaml")
    try:
        secret = secrets.resolve(integration.secret)
    except Rejected as error:
        # The reference is nobody's business outside; `hotwash doctor` names it.
        raise _refusal(f"the secret of integration {sender} cannot be read; 'hotwash doctor' says why") from error
    presented = _presented(authorization)
    if presented is None:
        raise _refusal(f"send the secret of integration {sender} as bearer token or as basic-auth password")
    # In constant time, so that the time of a refusal tells nothing; an empty secret opens nothing.
    if not secret or not hmac.compare_digest(presented, secret.encode()):
        raise _refusal(f"this is not the secret of integration {sender}")


def _presented(authorization: str | None) -> bytes | None:
    scheme, _, value = (authorization or "").strip().partition(" ")
    match scheme.lower():
        case "bearer":
            # Header values arrive as Latin-1; their bytes are what was sent.
            return value.strip().encode("latin-1", "replace") or None
        case "basic":
            try:
                _, colon, password = base64.b64decode(value.strip(), validate=True).partition(b":")
            except (binascii.Error, ValueError):
                return None
            return password if colon else None
        case _:
            return None


def _refusal(sentence: str) -> Rejected:
    return Rejected(sentence, RejectionKind.UNAUTHENTICATED)
