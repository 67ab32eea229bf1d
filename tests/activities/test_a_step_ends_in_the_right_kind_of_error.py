"""Errors by who must act: what surely did not happen may be tried again, what may have happened is for a person."""
# ruff: noqa: ASYNC110, ASYNC240 - a test polls what other processes write; it has nothing else to do meanwhile.

import asyncio
import json
import os
import socket
import threading
from contextlib import suppress
from pathlib import Path
from typing import ClassVar

import pytest
from temporalio.activity import ActivityCancellationDetails
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment
from typing_extensions import override

from activities.action import Action, ActionRegistry, Call
from activities.heartbeat import HEARTBEAT_EVERY_SECONDS, heartbeating
from activities.output import CUT_MARKER
from domain.errors import Rejected, Transient, UnknownOutcome
from domain.model import Model
from domain.run import Effect, Idempotency
from runbooks.schema import MAX_OUTPUT_BYTES
from tests.support.action_world import KEY, TOKEN, World
from workflows.options import HEARTBEAT_TIMEOUT


class LooseTalkParameters(Model):
    """How it ends."""

    ending: str = "well"


class LooseTalkResult(Model):
    """Everything that should not be said."""

    said: str
    parts: dict[str, list[str]]


class LooseTalk(Action[LooseTalkParameters, LooseTalkResult]):
    """A third party's action that tells its secret in every way it can."""

    name = "loose.talk"
    summary = "Tell secrets."
    effect = Effect.MUTATING
    idempotency = Idempotency.AT_MOST_ONCE
    parameters_model = LooseTalkParameters
    result_model = LooseTalkResult
    example: ClassVar = {}

    def __init__(self) -> None:
        self.times = 0

    @override
    async def perform(self, parameters: LooseTalkParameters, call: Call) -> LooseTalkResult:
        self.times += 1
        secret = call.secret("env:TOKEN")
        endings: dict[str, Exception] = {
            "transient": Transient(f"could not log in with {secret}"),
            "rejected": Rejected(f"{secret} is wrong"),
            "unknown": UnknownOutcome(f"{secret} was sent"),
            "bug": KeyError(secret),
        }
        if parameters.ending in endings:
            try:
                raise ValueError(secret)
            except ValueError as cause:
                raise endings[parameters.ending] from cause
        if parameters.ending == "never":
            await asyncio.Event().wait()
        if parameters.ending == "cut":
            # As a client cuts it: in the middle of the secret.
            return LooseTalkResult(said="x" * 100 + secret[:12] + CUT_MARKER, parts={})
        if parameters.ending == "much":
            return LooseTalkResult(said=(secret + "é") * 20_000, parts={"a": ["b" * 40_000]})
        return LooseTalkResult(said=f"it is {secret}", parts={secret: [json.dumps(secret)]})


@pytest.fixture
def talk(world: World) -> LooseTalk:
    """The action, and the world's registry with it alone."""
    action = LooseTalk()
    world.registry = ActionRegistry([action])
    return action


@pytest.mark.usefixtures("talk")
@pytest.mark.parametrize(
    ("ending", "type_"),
    [
        ("transient", "Transient"),
        ("rejected", "Rejected"),
        ("unknown", "UnknownOutcome"),
        ("bug", "UnknownOutcome"),
    ],
)
async def test_an_error_keeps_its_kind_and_loses_its_secret(
    world: World, ending: str, type_: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Sentence, causes and log lines are free of the secret; only what surely did not happen gives its claim back."""
    with pytest.raises(ApplicationError) as failure:
        await world.perform("loose.talk", {"ending": ending})
    assert failure.value.type == type_
    assert failure.value.non_retryable is (type_ != "Transient")
    told = [caplog.text]
    error: BaseException | None = failure.value
    while error is not None:
        told.append(repr(error) + str(error))
        error = error.__cause__
    assert TOKEN not in " ".join(told)
    assert (KEY in world.ledger.outcomes) is (type_ == "UnknownOutcome")


@pytest.mark.usefixtures("talk")
async def test_output_is_redacted_in_keys_and_values(world: World) -> None:
    """Also where the target wrote the secret as JSON."""
    result = await world.perform("loose.talk", {})
    assert TOKEN not in result.model_dump_json()
    assert result.output["said"] == "it is [redacted]"
    assert result.output["parts"] == {"[redacted]": ['"[redacted]"']}


@pytest.mark.usefixtures("talk")
async def test_a_cut_leaves_no_half_of_a_secret(world: World) -> None:
    """A client that stopped reading in the middle of a secret does not reveal the first half."""
    result = await world.perform("loose.talk", {"ending": "cut"})
    assert result.output["said"] == "x" * 100 + "[redacted]" + CUT_MARKER


@pytest.mark.usefixtures("talk")
async def test_output_is_at_most_64_kib_and_says_that_it_was_cut(world: World) -> None:
    """History stays small, whatever a target says; the shape of the output stays as declared."""
    result = await world.perform("loose.talk", {"ending": "much"})
    assert len(json.dumps(result.output)) <= MAX_OUTPUT_BYTES
    assert result.output["said"].endswith(CUT_MARKER)
    assert TOKEN not in result.model_dump_json()
    assert LooseTalkResult.model_validate(result.output)


async def test_a_failed_attempt_gives_its_claim_back(world: World, talk: LooseTalk) -> None:
    """A retry of what surely did not happen is a new attempt and not an unknown one."""
    for attempt in (1, 2):
        with pytest.raises(ApplicationError, match="could not log in"):
            await world.perform("loose.talk", {"ending": "transient"}, attempt=attempt)
    assert (await world.perform("loose.talk", {}, attempt=3)).already_done is False
    assert talk.times == 3


@pytest.mark.usefixtures("talk")
async def test_an_attempt_gives_up_before_the_engine_does(world: World) -> None:
    """Out of time is out of knowledge for an action that may do harm; its claim stays."""
    with pytest.raises(ApplicationError, match="did not end within") as failure:
        await world.perform("loose.talk", {"ending": "never"}, timeout_seconds=0.05)
    assert failure.value.type == "UnknownOutcome"
    assert world.ledger.outcomes == {KEY: None}


@pytest.mark.usefixtures("talk")
async def test_a_stopping_worker_says_that_the_outcome_is_unknown(world: World) -> None:
    """A worker that drains interrupts what still runs; the run hears why and does not take it for a failure."""
    environment = ActivityEnvironment()
    running = asyncio.create_task(
        environment.run(world.steps.perform, world.request("loose.talk", {"ending": "never"}))
    )
    while KEY not in world.ledger.outcomes:
        await asyncio.sleep(0.01)
    environment.cancel(ActivityCancellationDetails(worker_shutdown=True))
    with pytest.raises(ApplicationError, match="its worker is being stopped") as failure:
        await running
    assert failure.value.type == "UnknownOutcome"


async def test_a_working_step_sends_heartbeats() -> None:
    """The engine hears of a long step so often that two heartbeats may get lost before it is given up."""
    beats: list[tuple[object, ...]] = []
    environment = ActivityEnvironment()
    environment.on_heartbeat = lambda *details: beats.append(details)

    async def work() -> None:
        async with heartbeating(every_seconds=0.001):
            while len(beats) < 3:
                await asyncio.sleep(0)

    await environment.run(work)
    assert HEARTBEAT_TIMEOUT.total_seconds() > HEARTBEAT_EVERY_SECONDS * 3


async def test_an_unknown_action_is_refused_with_the_nearest_name(world: World) -> None:
    """A typo is named and mended by its reader."""
    with pytest.raises(ApplicationError, match=r"did you mean 'release\.rollback'"):
        await world.perform("release.rolback", {"target": "shop"})


async def test_a_fault_is_injected_in_drills_only(world: World) -> None:
    """An action that does harm on purpose is refused in a real incident, before anything is claimed."""
    case = world.case("process.kill")
    with pytest.raises(ApplicationError, match="in a drill only"):
        await world.perform("process.kill", case.parameters, drill=False)
    assert case.effects() == []
    assert world.ledger.outcomes == {}


async def test_a_refused_connection_is_tried_again_and_an_unanswered_request_is_not(world: World) -> None:
    """What never left is Transient; what was sent and not answered is unknown, for a POST, and Transient for a GET."""
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        away = f"http://127.0.0.1:{nobody.getsockname()[1]}"
        world.actions = world.actions.model_copy(update={"http_allow": (away, world.target.url)})
        with pytest.raises(ApplicationError, match="nothing was sent") as failure:
            await world.perform("http.request", {"method": "POST", "url": f"{away}/x"})
    assert failure.value.type == "Transient"
    assert world.ledger.outcomes == {}
    world.target.hang_up = True
    with pytest.raises(ApplicationError, match="did not answer") as failure:
        await world.perform("http.request", {"method": "POST", "url": f"{world.target.url}/x"})
    assert failure.value.type == "UnknownOutcome"
    assert world.ledger.outcomes == {KEY: None}
    with pytest.raises(ApplicationError, match="did not answer") as failure:
        await world.perform("http.request", {"url": f"{world.target.url}/x"}, key="read")
    assert failure.value.type == "Transient"


async def test_a_slow_answer_to_a_post_is_unknown(world: World) -> None:
    """The target has the request and does not answer in time: nobody knows."""
    world.target.hold = threading.Event()
    with pytest.raises(ApplicationError) as failure:
        await world.perform(
            "http.request", {"method": "POST", "url": f"{world.target.url}/api/x", "timeout_seconds": 1}
        )
    assert failure.value.type == "UnknownOutcome"


@pytest.mark.parametrize(("status", "type_"), [(500, "Transient"), (404, "Transient"), (502, "UnknownOutcome")])
async def test_an_unwanted_status_fails_the_step(world: World, status: int, type_: str) -> None:
    """The target's own no may be tried again by the step's retry; a gateway's shrug about a POST is unknown."""
    world.target.status = status
    with pytest.raises(ApplicationError, match=f"answered {status}, expected 2xx") as failure:
        await world.perform("http.request", {"method": "POST", "url": f"{world.target.url}/api/x"})
    assert failure.value.type == type_


# Less than the minute after which its programs would end by themselves.
@pytest.mark.timeout(55)
@pytest.mark.parametrize("ending", ["cancelled", "out of time"])
async def test_no_program_outlives_its_step(world: World, ending: str) -> None:
    """Cancelled or out of time, a program ends with all its children, also with those that ignore SIGTERM."""
    script = (
        "import os, signal, subprocess, sys, time; signal.signal(signal.SIGTERM, signal.SIG_IGN);"
        "child = subprocess.Popen(['/bin/sleep', '60']); open(sys.argv[1], 'w').write(f'{os.getpid()} {child.pid}');"
        "open(sys.argv[1] + '.ready', 'w'); time.sleep(60)"
    )
    arguments = ["-c", script, str(world.written), "x"]
    # Long enough for a Python to start on a busy machine; it is waited out in one of the two cases only.
    seconds = 30 if ending == "cancelled" else 15
    parameters = {"program": "append", "arguments": arguments, "timeout_seconds": seconds}
    environment = ActivityEnvironment()
    running = asyncio.create_task(environment.run(world.steps.perform, world.request("process.run", parameters)))
    while not Path(f"{world.written}.ready").exists():
        # A program that has ended before it was ready will never be; whatever it says is better than waiting for it.
        assert not running.done(), running.exception()
        await asyncio.sleep(0.01)
    pids = [int(pid) for pid in world.written.read_text().split()]
    if ending == "cancelled":
        environment.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        assert world.ledger.outcomes == {KEY: None}
    else:
        with pytest.raises(ApplicationError, match="did not end within 15 s and was ended"):
            await running
        assert world.ledger.outcomes == {}
    for pid in pids:
        await _gone(pid)


async def _gone(pid: int) -> None:
    # An orphan is a zombie until whoever adopted it has reaped it.
    with suppress(ProcessLookupError, FileNotFoundError):
        while True:
            os.kill(pid, 0)
            if Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z":
                return
            await asyncio.sleep(0.01)


def test_two_actions_of_one_name_are_refused() -> None:
    """A third party cannot take a built-in's place unnoticed."""
    with pytest.raises(Rejected, match=r"two actions are called 'loose\.talk'"):
        ActionRegistry([LooseTalk(), LooseTalk()])
