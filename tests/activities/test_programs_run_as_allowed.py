"""`process.run` starts what `hotwash.yaml` allows, word for word, and nothing that a shell would have made of it."""

import json
import os
import signal
import sys

import pytest
from temporalio.exceptions import ApplicationError

from domain.configuration import AllowedProgram
from runbooks.schema import MAX_OUTPUT_BYTES
from tests.support.action_world import KEY, World, lines

SHOW = "import json, os, sys; print(json.dumps([sys.argv[1:], dict(os.environ), os.getcwd()]))"


def allow(world: World, *patterns: str, script: str = SHOW, program: str = sys.executable) -> None:
    """Let `show` run a script with arguments of these patterns."""
    path = world.folder / "script.py"
    path.write_text(script)
    allowed = AllowedProgram(
        program=program, arguments=((path.as_posix(), *patterns), ("--version",)), directory=str(world.folder)
    )
    world.actions = world.actions.model_copy(update={"programs": {"show": allowed}})


def asking(world: World, *arguments: str) -> dict[str, object]:
    """The parameters that run the script."""
    return {"program": "show", "arguments": [(world.folder / "script.py").as_posix(), *arguments]}


@pytest.mark.parametrize(
    "hostile",
    [
        "; touch pwned",
        "$(touch pwned)",
        "`touch pwned`",
        "a && touch pwned",
        "| tee pwned",
        "> pwned",
        "*",
        "~",
        "a\nb",
        "é",
    ],
)
async def test_an_argument_is_one_argument(world: World, hostile: str) -> None:
    """Nothing that a shell understands means anything here."""
    allow(world, r"(?s:.*)")
    result = await world.perform("process.run", asking(world, hostile))
    arguments, _, directory = json.loads(result.output["stdout"])
    assert arguments == [hostile]
    assert directory == str(world.folder)
    assert not (world.folder / "pwned").exists()


async def test_a_program_sees_nothing_of_the_workers_environment(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The worker's credentials stay with the worker; the program is told the key and the incident."""
    monkeypatch.setenv("DATABASE_PASSWORD", "hunter2")
    allow(world)
    result = await world.perform("process.run", asking(world))
    _, environment, _ = json.loads(result.output["stdout"])
    assert "hunter2" not in json.dumps(environment)
    assert environment["HOTWASH_KEY"] == KEY
    assert environment["HOTWASH_INCIDENT"] == "inc-20261122-k7qd"
    assert set(environment) <= {"PATH", "LANG", "LC_CTYPE", "HOTWASH_KEY", "HOTWASH_INCIDENT"}


@pytest.mark.parametrize(
    "arguments",
    [(), ("web-3", "more"), ("web-3x",), ("xweb-3",), ("web-3\n",), ("--all",), ("web-3 ",), ("WEB-3",)],
)
async def test_arguments_match_from_end_to_end_or_not_at_all(world: World, arguments: tuple[str, ...]) -> None:
    """As many as the pattern has, each matched whole; a trailing newline counts."""
    allow(world, r"web-\d")
    with pytest.raises(ApplicationError, match="may not be run with the arguments") as refused:
        await world.perform("process.run", asking(world, *arguments))
    assert refused.value.details == ("forbidden",)
    assert world.ledger.outcomes == {}


async def test_one_of_several_patterns_is_enough(world: World) -> None:
    """Each way of calling a program is written down by itself."""
    allow(world, r"web-\d")
    assert (await world.perform("process.run", {"program": "show", "arguments": ["--version"]})).output[
        "exit_code"
    ] == 0


@pytest.mark.parametrize("program", ["python3", "/bin/sh", "../show", "Show", ""])
async def test_a_program_has_a_name_and_not_a_path(world: World, program: str) -> None:
    """What is not in `actions.programs` does not run."""
    with pytest.raises(ApplicationError, match="no program is called") as refused:
        await world.perform("process.run", {"program": program})
    assert refused.value.details == ("not_found",)


async def test_an_argument_cannot_hide_behind_a_nul(world: World) -> None:
    """The kernel would end the argument where the pattern does not."""
    allow(world, r"(?s:.*)")
    with pytest.raises(ApplicationError) as refused:
        await world.perform("process.run", asking(world, "good\0bad"))
    assert refused.value.type == "Rejected"


async def test_a_failing_program_fails_its_step_with_its_last_words(world: World) -> None:
    """An exit code other than 0 may be tried again by the step's retry, as a new attempt."""
    allow(world, script="import sys; print('disk is full', file=sys.stderr); sys.exit(3)")
    for attempt in (1, 2):
        with pytest.raises(ApplicationError, match="exit code 3: disk is full") as failure:
            await world.perform("process.run", asking(world), attempt=attempt)
        assert failure.value.type == "Transient"


@pytest.mark.parametrize("program", ["/does/not/exist", "/etc/passwd", "no-such-program"])
async def test_a_program_that_cannot_start_is_the_configurations_fault(world: World, program: str) -> None:
    """The sentence names the program and where to mend it; nothing is left claimed."""
    allow(world, program=program)
    with pytest.raises(ApplicationError, match="cannot be started") as refused:
        await world.perform("process.run", asking(world))
    assert refused.value.type == "Rejected"
    assert world.ledger.outcomes == {}


async def test_a_broken_pattern_is_named(world: World) -> None:
    """A mistake in the configuration is a sentence and not a stack trace."""
    allow(world, "(")
    with pytest.raises(ApplicationError, match=r"actions\.programs\.show .* broken pattern"):
        await world.perform("process.run", asking(world, "a"))


async def test_a_talkative_program_is_cut_and_not_blocked(world: World) -> None:
    """Ten megabytes on both streams: it ends, and 64 KiB with a marker remain."""
    allow(world, script="import sys; sys.stderr.write('e' * 10_000_000); sys.stdout.write('o' * 10_000_000)")
    result = await world.perform("process.run", asking(world))
    assert len(json.dumps(result.output)) <= MAX_OUTPUT_BYTES
    assert result.output["stdout"].endswith("[truncated]")
    assert result.output["stderr"].endswith("[truncated]")


async def test_a_daemon_left_behind_does_not_hold_the_step(world: World) -> None:
    """A restart script may leave a process that keeps the pipes open; the step ends when the script does."""
    script = (
        "import subprocess, sys; child = subprocess.Popen(['/bin/sleep', '60']);"
        f"open({str(world.written)!r}, 'w').write(str(child.pid)); print('started')"
    )
    allow(world, script=script)
    result = await world.perform("process.run", asking(world))
    assert result.output["stdout"] == "started\n"
    [pid] = lines(world.written)
    os.kill(int(pid), signal.SIGKILL)
