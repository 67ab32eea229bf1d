"""Actions that write what they do into files and kill their own worker where the test says so.

`install` puts them where a third party's package would be, so that a real worker finds them by their entry point. Each
step and moment that stands in the folder `kill` costs the worker its life once; `log` has a line per effect, so that a
doubled one is seen, and `effects` has a file per effect that is there.
"""

from pathlib import Path

MOMENTS = ("before", "after", "between")
UNDO_MOMENTS = ("undo-before", "undo-after")

_MODULE = '''
import asyncio
import os
import signal
import threading
from pathlib import Path
from typing import Any, ClassVar

from activities.action import Action, Call, Finding
from domain.errors import Rejected
from domain.model import Model
from domain.run import Effect, Idempotency

FOLDER = Path({folder!r})


class Parameters(Model):
    name: str


class Result(Model):
    name: str


def die_if(name: str, moment: str) -> None:
    try:
        (FOLDER / "kill" / f"{{name}}.{{moment}}").unlink()
    except FileNotFoundError:
        return
    if moment == "between":
        # After the step has returned and before the next one begins, or thereabouts.
        threading.Timer(0.02, os.kill, (os.getpid(), signal.SIGKILL)).start()
    else:
        os.kill(os.getpid(), signal.SIGKILL)


def note(line: str) -> None:
    with (FOLDER / "log").open("a") as file:
        file.write(line + chr(10))


class Mark(Action[Parameters, Result]):
    """Makes a file."""

    name = "law.once"
    summary = "Make a file."
    effect = Effect.MUTATING
    idempotency = Idempotency.AT_MOST_ONCE
    parameters_model = Parameters
    result_model = Result
    example: ClassVar = {{"name": "x"}}

    def __init__(self, configuration: Any) -> None:
        pass

    def file(self, call: Call) -> Path:
        return FOLDER / "effects" / call.performed_key.replace("/", "~")

    async def perform(self, parameters: Parameters, call: Call) -> Result:
        die_if(parameters.name, "before")
        note(f"do {{parameters.name}}")
        self.file(call).touch()
        die_if(parameters.name, "after")
        die_if(parameters.name, "between")
        return Result(name=parameters.name)

    async def undo(self, parameters: Parameters, performed: Result | None, call: Call) -> Result:
        die_if(parameters.name, "undo-before")
        if self.file(call).exists():
            note(f"undo {{parameters.name}}")
            self.file(call).unlink()
        die_if(parameters.name, "undo-after")
        return Result(name=parameters.name)

    async def check(self, parameters: Parameters, call: Call) -> Finding:
        die_if(parameters.name, "check")
        there = self.file(call).exists()
        detail = f"{{parameters.name}} is there: {{there}}"
        return Finding(holds=there, detail=detail, output={{"name": parameters.name}})


class Keyed(Mark):
    """The same for a target that recognises the key."""

    name = "law.keyed"
    idempotency = Idempotency.KEYED

    async def perform(self, parameters: Parameters, call: Call) -> Result:
        if self.file(call).exists():
            return Result(name=parameters.name)
        return await super().perform(parameters, call)


class Break(Mark):
    """Fails."""

    name = "law.fail"

    async def perform(self, parameters: Parameters, call: Call) -> Result:
        raise Rejected("this is the end")
'''


class Deadly:
    """The folder of the actions, seen from the test."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.packages = folder / "packages"
        for each in ("kill", "effects", "packages"):
            (folder / each).mkdir(parents=True)
        information = self.packages / "law-1.0.dist-info"
        information.mkdir()
        (self.packages / "law_actions.py").write_text(_MODULE.format(folder=str(folder)))
        (information / "METADATA").write_text("Metadata-Version: 2.1\nName: law\nVersion: 1.0\n")
        points = "once = law_actions:Mark\nkeyed = law_actions:Keyed\nfail = law_actions:Break\n"
        (information / "entry_points.txt").write_text(f"[hotwash.actions]\n{points}")

    def kill_at(self, step: str, moment: str) -> None:
        """The worker dies there, once."""
        (self.folder / "kill" / f"{step}.{moment}").touch()

    def left(self) -> list[str]:
        """Deaths that have not come about."""
        return sorted(file.name for file in (self.folder / "kill").iterdir())

    def log(self) -> list[str]:
        """A line per effect and per undo, in their order."""
        file = self.folder / "log"
        return file.read_text().splitlines() if file.exists() else []

    def effects(self) -> list[str]:
        """The keys of the effects that are there."""
        return sorted(file.name.replace("~", "/") for file in (self.folder / "effects").iterdir())
