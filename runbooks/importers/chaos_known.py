"""Programs and functions that experiments of the Chaos Toolkit call, and the faults and checks that do the same here.

Used by `importers/chaos_game_day.py`. The one thing to know: what is hit is named by the drill target of `hotwash.yaml`
(`{{ target.process }}`), never by what the experiment says; a name, a pattern or a label of it is reported.
"""

import shlex
from collections.abc import Callable, Mapping
from typing import Any

from domain.run import ActionSpec
from runbooks.importers.chaos_toolkit import EXTENSIONS
from runbooks.importers.reading import Loss, Reading
from runbooks.importers.writing import identifier

_EXIT_CODES = range(256)
# `timeout_seconds` of check.program.
_LONGEST_LOOK = 60
_KILLERS = {"pkill", "killall", "kill"}
_STRESSORS = {"stress", "stress-ng"}
_SIGNALS = {"-STOP": "process.pause", "-SIGSTOP": "process.pause", "-19": "process.pause"}
# What other things of the field are called here, for the sentence about what is not carried over.
_NEAREST = {
    "chaosk8s": "a fault on Kubernetes needs AWS FIS or a runbook's kubernetes.* steps in a drill",
    "chaostoxi": "a fault proxy of hotwash.yaml does this (tcp.latency, tcp.reset, tcp.blackhole, tcp.bandwidth)",
    "chaosgremlin": "Gremlin's own faults are not called from here",
}


def fault_of_program(provider: Reading, *, is_plain: bool = False) -> dict[str, Any] | None:
    """A process provider as a fault; `is_plain`: as the program that it is. None when it names no program."""
    called = _called(provider)
    if called is None:
        return None
    program, path, arguments = called
    if not is_plain and program in _KILLERS:
        return _killed(provider, arguments)
    if not is_plain and program in _STRESSORS and "--cpu" in arguments:
        return _stressed(provider, arguments)
    name = _name_of(program)
    provider.say(Loss.INCOMPLETE, f"allow {path!r} with these arguments as actions.programs.{name} in hotwash.yaml")
    provider.lose("timeout", "a program of a fault gets 20 s to begin and to end it", Loss.CHANGED)
    return {"action": "program.inject", "with": {"program": name, "arguments": arguments}}


def probe_of_program(provider: Reading, tolerance: Any) -> dict[str, Any] | None:
    """A process provider as a check that looks at its exit code or its output; None when that cannot be said."""
    wanted = _wanted_of_program(tolerance)
    called = _called(provider) if wanted is not None else None
    if called is None or wanted is None:
        return None
    program, path, arguments = called
    name, (given, ours) = _name_of(program), wanted
    sentence = f"allow {path!r} with these arguments as actions.programs.{name} in hotwash.yaml, with `read_only: true`"
    provider.say(Loss.INCOMPLETE, f"{sentence} if it changes nothing")
    limit = provider.take("timeout")
    if isinstance(limit, int | float) and 0 < limit <= _LONGEST_LOOK:
        given = {**given, "timeout_seconds": limit}
    elif limit is not None:
        provider.say(Loss.CHANGED, f"'timeout' has changed: a program that looks gets {_LONGEST_LOOK} s at most")
    call: dict[str, Any] = {"program": name, "arguments": arguments, **given}
    return {"action": "check.program", "with": call} | ({} if ours is None else {"tolerance": ours})


def is_of_target(value: Any) -> bool:
    """Whether a value of a fault reads the drill target."""
    return isinstance(value, str) and value.startswith("{{ target.")


def fault_of_function(provider: Reading) -> dict[str, Any] | None:
    """A function of a known extension as a fault; None when none does the same."""
    called = f"{provider.take('module')}.{provider.take('func')}"
    make = _FUNCTIONS.get(called)
    arguments = provider.inner("arguments")
    if make is None:
        return None
    made = make(arguments or Reading(provider.report, provider.path, {}))
    if arguments is not None:
        arguments.done(dict.fromkeys(arguments.keys(), "the drill target of hotwash.yaml names what is hit"))
    provider.lose("secrets", "Hotwash acts with the credentials that hotwash.yaml names")
    return made


def probe_of_function(provider: Reading, tolerance: Any) -> dict[str, Any] | None:
    """A query of Prometheus whose answer is compared with a number or a range; None for everything else."""
    called = f"{provider.take('module')}.{provider.take('func')}"
    arguments = provider.take("arguments")
    query = arguments.get("query") if isinstance(arguments, Mapping) else None
    if called != "chaosprometheus.probes.query" or not isinstance(query, str) or set(arguments or ()) - {"query"}:
        return None
    if isinstance(tolerance, int | float) and not isinstance(tolerance, bool):
        return _promql(query, "==", tolerance)
    bounds = tolerance.get("range") if isinstance(tolerance, Mapping) and tolerance.get("type") == "range" else None
    if isinstance(bounds, list) and len(bounds) == 2 and all(isinstance(each, int | float) for each in bounds):  # noqa: PLR2004
        return _promql(query, ">=", bounds[0]) | {"tolerance": {"type": "range", "range": bounds}}
    return None


def why_not(kind: str | None, provider: Reading, specs: Mapping[str, ActionSpec]) -> str:
    """Why an action of a method has no like here, and what comes nearest."""
    if kind == "process":
        return "its program is not named in a way that can be read"
    if kind == "http":
        return "a request cannot be leased; allow a program that makes and unmakes the fault (program.inject)"
    if kind != "python":
        return f"a provider of the type {kind!r} is not known"
    module = str(provider.take("module") or "")
    extension = module.split(".", maxsplit=1)[0]
    what, prefix = EXTENSIONS.get(extension, ("", "\0"))
    able = sorted(name for name in specs if name.startswith(prefix))
    hint = _NEAREST.get(extension) or (f"see {', '.join(able)}" if able else "")
    about = f"there is no fault that does this to {what}" if what else "Python functions are not called"
    return f"{about}{'; ' if hint else ''}{hint}"


# --- what is known ---


_PROCESS = "{{ target.process }}"


def _killed(provider: Reading, arguments: list[str]) -> dict[str, Any]:
    action = next((_SIGNALS[each] for each in arguments if each in _SIGNALS), "process.kill")
    said = " ".join(arguments)
    provider.say(Loss.CHANGED, f"{said!r} said what is hit; now it is `process` of the drill target")
    provider.take("timeout")
    return _ended(provider) if action == "process.kill" else {"action": action, "with": {"process": _PROCESS}}


def _stressed(provider: Reading, arguments: list[str]) -> dict[str, Any]:
    seconds = None
    for flag in ("--timeout", "-t"):
        if flag in arguments[:-1]:
            text = arguments[arguments.index(flag) + 1].removesuffix("s")
            seconds = float(text) if text.isdecimal() else None
    provider.say(Loss.CHANGED, "the processor is kept busy as host.cpu does it, on the host of the drill target")
    provider.take("timeout")
    return {"action": "host.cpu", "with": {"host": "{{ target.host }}"}, "seconds": seconds}


def _kill_process(arguments: Reading) -> dict[str, Any]:
    return _ended(arguments)


def _ended(reading: Reading) -> dict[str, Any]:
    reading.say(Loss.INCOMPLETE, "nothing said who starts it again; now it is `restart` of the drill target, a daemon")
    return {"action": "process.kill", "with": {"process": _PROCESS, "restart": "{{ target.restart }}"}}


def _burn_cpu(arguments: Reading) -> dict[str, Any]:
    seconds = arguments.number("duration") or arguments.number("exec_time")
    return {"action": "host.cpu", "with": {"host": "{{ target.host }}"}, "seconds": seconds}


def _fill_disk(arguments: Reading) -> dict[str, Any]:
    return {"action": "disk.fill", "with": {"disk": "{{ target.disk }}"}, "seconds": arguments.number("duration")}


def _fis(arguments: Reading) -> dict[str, Any]:
    template = arguments.text("experiment_template_id") or ""
    return {"action": "aws.fis.start_experiment", "with": {"target": "{{ target.aws }}", "template": template}}


_FUNCTIONS: Mapping[str, Callable[[Reading], dict[str, Any]]] = {
    "chaosansible.machine.actions.kill_process": _kill_process,
    "chaostoolkit_ansible.machine.actions.kill_process": _kill_process,
    "chaosansible.machine.actions.burn_cpu": _burn_cpu,
    "chaostoolkit_ansible.machine.actions.burn_cpu": _burn_cpu,
    "chaosansible.machine.actions.fill_disk": _fill_disk,
    "chaostoolkit_ansible.machine.actions.fill_disk": _fill_disk,
    "chaosaws.fis.actions.start_experiment": _fis,
}


def _promql(query: str, comparison: str, threshold: float) -> dict[str, Any]:
    return {"action": "check.promql", "with": {"query": query, "comparison": comparison, "threshold": threshold}}


def _called(provider: Reading) -> tuple[str, str, list[str]] | None:
    """The program's name, the path as it is written, and the arguments; None when it names no program."""
    path, arguments = provider.take("path"), _arguments(provider.take("arguments"))
    if not isinstance(path, str) or not path.strip() or arguments is None:
        return None
    words = path.split() if "/" not in path else [path]
    return words[0].rsplit("/", 1)[-1], path, [*words[1:], *arguments]


def _name_of(program: str) -> str:
    return (identifier(program) or "program").replace("_", "-")


def _wanted_of_program(tolerance: Any) -> tuple[dict[str, Any], Any] | None:
    """What `check.program` itself compares, and what is left for a tolerance of the game day."""
    if tolerance is None:
        return {}, None
    if isinstance(tolerance, int) and not isinstance(tolerance, bool) and tolerance in _EXIT_CODES:
        return ({} if tolerance == 0 else {"exit_code": tolerance}), None
    if not isinstance(tolerance, Mapping) or tolerance.get("type") != "regex":
        return None
    pattern, target = tolerance.get("pattern"), tolerance.get("target")
    if target not in {None, "stdout"} or not isinstance(pattern, str) or not pattern:
        return None
    return {}, {"type": "regex", "path": "$.stdout", "pattern": pattern}


def _arguments(given: Any) -> list[str] | None:
    """As the toolkit passes them: a text is split, a mapping gives names and values."""
    if given is None:
        return []
    if isinstance(given, str):
        try:
            return shlex.split(given)
        except ValueError:
            return None
    if isinstance(given, Mapping):
        return [str(part) for pair in given.items() for part in pair if part not in (None, "")]
    return [str(each) for each in given] if isinstance(given, list) else None
