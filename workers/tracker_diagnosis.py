"""Whether the trackers of `hotwash.yaml` answer, take our token and have the project. Called by `workers/diagnosis.py`.

The one thing to know: it asks what the poll asks (which of our issues changed just now), so that whatever would stop
the poll is seen, and nothing is changed there.
"""

import asyncio
from datetime import UTC, datetime

from activities.clients.http import HttpClient
from activities.clients.trackers.configured import ConfiguredTrackers
from activities.ports import ConfigurationSource, SecretResolver
from domain.errors import HotwashError, Rejected, RejectionKind, Transient
from domain.model import Model

# A person waits for the report; a tracker that takes longer is as good as away.
_PATIENCE_SECONDS = 10.0


class TrackerLook(Model):
    """What was found at one tracker; without a mend it is well."""

    detail: str
    mend: str = ""


async def look_at_trackers(configuration: ConfigurationSource, secrets: SecretResolver) -> list[TrackerLook]:
    """One line for each tracker, whatever it answers; never raises for what it finds."""
    http = HttpClient()
    trackers = ConfiguredTrackers(configuration, secrets, http)
    try:
        return list(await asyncio.gather(*(_look(trackers, name) for name in configuration.current().trackers)))
    finally:
        await http.close()


async def _look(trackers: ConfiguredTrackers, name: str) -> TrackerLook:
    place = f"trackers.{name} in hotwash.yaml"
    try:
        async with asyncio.timeout(_PATIENCE_SECONDS):
            client, settings = trackers.client(name)
            await client.changed(datetime.now(UTC))
    except TimeoutError:
        detail = f"{name} did not answer within {_PATIENCE_SECONDS:g} s"
        return TrackerLook(detail=detail, mend=f"mend the address of {place}, or the network to it")
    except Transient as error:
        return TrackerLook(detail=error.sentence, mend=f"mend the address of {place}, or wait until it is back")
    except Rejected as error:
        return TrackerLook(detail=error.sentence, mend=_MENDS.get(error.kind, _PROJECT).format(place=place))
    except HotwashError as error:
        return TrackerLook(detail=error.sentence, mend=f"mend {place}")
    if settings.kind == "linear":
        # Linear answers a question about an unknown team with an empty list.
        return TrackerLook(detail=f"{name} answers and takes the token; whether it has the team shows with an issue")
    return TrackerLook(detail=f"{name} answers, takes the token and has the project")


_PROJECT = "mend the project (repository, key or team) of {place}; the token's account must see it"
_MENDS = {
    RejectionKind.UNAUTHENTICATED: "make a new token and put it where the token of {place} says",
    RejectionKind.FORBIDDEN: "give the account of the token of {place} the right to read and write issues",
}
