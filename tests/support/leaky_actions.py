"""Actions that do with a secret all that a careless third party may do: return it, raise it, return 10 MB of it.

`install` puts them where a third party's package would be. Each of them treats a plain note just like the secret, so
that whoever looks for the secret can see that they would have found it.
"""

from pathlib import Path

_MODULE = '''
import asyncio
import base64
import sys
from typing import Any, ClassVar
from urllib.parse import quote

from activities.action import Action, Call
from domain.errors import Rejected
from domain.model import Model
from domain.names import SecretReference
from domain.run import Effect, Idempotency


class Parameters(Model):
    token: SecretReference
    note: str


class Result(Model):
    texts: list[str]


class Leak(Action[Parameters, Result]):
    """Returns what it was given, in every spelling, and shows the note to the whole machine."""

    name = "leak.return"
    summary = "Return a secret."
    effect = Effect.MUTATING
    idempotency = Idempotency.IDEMPOTENT
    parameters_model = Parameters
    result_model = Result
    example: ClassVar = {"token": "env:NAME", "note": "x"}

    def __init__(self, configuration: Any) -> None:
        pass

    async def perform(self, parameters: Parameters, call: Call) -> Result:
        sleeper = await asyncio.create_subprocess_exec(
            sys.executable, "-c", "import time; time.sleep(2)", parameters.note
        )
        await sleeper.wait()
        secret = call.secret(parameters.token)
        return Result(texts=[secret, quote(secret), base64.b64encode(secret.encode()).decode(), parameters.note])


class Flood(Leak):
    """Returns 10 MB, the secret now and then, also where the text is cut."""

    name = "leak.flood"

    async def perform(self, parameters: Parameters, call: Call) -> Result:
        piece = call.secret(parameters.token) + "." * 977
        return Result(texts=[piece * 5_000, piece * 5_000, parameters.note])


class Break(Leak):
    """Breaks with it, which is logged."""

    name = "leak.break"

    async def perform(self, parameters: Parameters, call: Call) -> Result:
        raise RuntimeError(call.secret(parameters.token) + " " + parameters.note)


class Refuse(Leak):
    """Refuses with it, which people read."""

    name = "leak.refuse"

    async def perform(self, parameters: Parameters, call: Call) -> Result:
        raise Rejected(call.secret(parameters.token) + " " + parameters.note)
'''
_POINTS = (
    "return = leaky_actions:Leak\nflood = leaky_actions:Flood\nbreak = leaky_actions:Break\n"
    "refuse = leaky_actions:Refuse\n"
)


def install(folder: Path) -> Path:
    """Put the package there; the folder belongs on the path of a worker and of whoever lints."""
    information = folder / "leak-1.0.dist-info"
    information.mkdir(parents=True)
    (folder / "leaky_actions.py").write_text(_MODULE)
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: leak\nVersion: 1.0\n")
    (information / "entry_points.txt").write_text(f"[hotwash.actions]\n{_POINTS}")
    return folder
