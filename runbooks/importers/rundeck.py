"""Rundeck job definitions (YAML, JSON, or XML by way of `rundeck_xml.py`) as runbooks, one per job.

The one thing to know: Rundeck runs any command on any node; Hotwash runs only programs that `hotwash.yaml` allows by
name, with arguments that it allows by pattern. So a command becomes work for a person who sees it, until somebody has
allowed a program for it.
"""

import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from runbooks.importers.jumps import Reached, Way, reached
from runbooks.importers.reading import ImportContext, Loss, Reading, Report, hidden, may_be_secret, without_secrets
from runbooks.importers.writing import (
    Draft,
    Names,
    duration,
    first_line,
    has_kind,
    identifier,
    instructions,
    is_cut,
    quoted,
    runbook_name,
    shown,
    woven,
)
from runbooks.source import Source

# `${option.name}` in commands and arguments, `@option.name@` in scripts. `${HOME}` belongs to the shell and is no such.
_REFERENCE = re.compile(r"(?:\$\{|@)((?:option|unquotedoption|data|export|job|node|globals|execution)\.[^{}@\s]+)[}@]")
_TIME = re.compile(r"(\d+)\s*([smhdwy]?)")
_UNIT_SECONDS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800, "y": 31_536_000}
_JOB_REASONS = {
    "schedule": "a run belongs to an incident; Rundeck can go on starting it by the API",
    "schedules": "a run belongs to an incident",
    "scheduleEnabled": "a runbook has no schedule",
    "executionEnabled": "a runbook that is there may be run",
    "notification": "incidents tell people by their own rules; use a `notify.post` step for more",
    "retry": "a runbook retries steps, not itself; say `retry` on the steps that may be repeated",
    "multipleExecutions": "runs of one runbook do not exclude each other unless it has `locks`",
    "loglevel": "a run has one log",
    "orchestrator": "steps do not run on nodes here",
    "dispatch": "nothing is dispatched to nodes",
    "uuid": "a runbook is known by its name",
    "id": "a runbook is known by its name",
}
_OPTION_REASONS = {
    "regex": "a parameter has `choices`, no pattern",
    "valuesUrl": "the choices of a parameter are known beforehand",
    "storagePath": "Rundeck's key storage is not read; give a reference such as env:NAME when the run starts",
    "valueExposed": "a secret is only ever a reference",
    "isDate": "a parameter is no date; it is a text now",
}
_KINDS = ("exec", "script", "scriptfile", "scripturl", "jobref", "type")


def read_jobs(source: Source, context: ImportContext) -> list[Draft]:
    """A runbook for each job; Unreadable when the file holds none."""
    report = context.report
    jobs = source.data if isinstance(source.data, list) else [source.data]
    if not jobs or not all(isinstance(job, Mapping) and "sequence" in job for job in jobs):
        raise report.refuse((), "this is no Rundeck job definition: each job has a name and a sequence")
    names = Names()
    starts = [report.line((number,)) for number in range(len(jobs))] if isinstance(source.data, list) else [1]
    ends = [*starts[1:], 1_000_000_000]
    drafts = []
    for number, job in enumerate(jobs):
        reading = Reading(report, (number,) if isinstance(source.data, list) else (), job)
        document = _Job(reading, context, names).runbook()
        drafts.append(Draft(document, range(starts[number], ends[number])))
    return drafts


@dataclass
class _Command:
    """One entry of the sequence, or the handler of one."""

    reading: Reading
    id: str
    ways: list[Way]
    on_failure: str


class _Job:
    """One job on its way to a runbook."""

    def __init__(self, job: Reading, context: ImportContext, names: Names) -> None:
        self._job = job
        self._report: Report = job.report
        self._context = context
        self._names = names
        self._options = Names()
        self._steps = Names()
        self._nodes = ""

    def runbook(self) -> dict[str, Any]:
        job = self._job
        name, group = job.text("name") or "job", job.text("group")
        description = (job.text("description") or "").strip()
        parameters = self._parameters()
        self._nodes = self._node_filter()
        seconds = _seconds(job.text("timeout"))
        if seconds is None:
            job.lose("timeout", "a runbook wants a time here that is known before it runs")
        commands = self._commands()
        found = reached([command.ways for command in commands])
        steps = [self._step(command, reach) for command, reach in zip(commands, found, strict=True)]
        job.done(_JOB_REASONS)
        return {
            "schema_version": 1,
            "name": self._names.give(job_name(name, group), "job").replace("_", "-"),
            "title": first_line(name, "job"),
            "owner": self._context.owner,
            **({"description": description} if description else {}),
            **({"parameters": parameters} if parameters else {}),
            **({"timeout": duration(seconds)} if seconds else {}),
            "steps": steps or [{"id": "nothing", "manual": {"instructions": "The imported job has no steps."}}],
        }

    # --- options ---

    def _parameters(self) -> dict[str, dict[str, Any]]:
        options = self._job.take("options")
        path = (*self._job.path, "options")
        found: list[tuple[str, Reading]] = []
        if isinstance(options, Mapping):
            for name in options:
                body = options[name] if isinstance(options[name], Mapping) else {}
                found.append((name, Reading(self._report, (*path, name), body)))
        else:
            for number, reading in enumerate(self._job.inners("options")):
                found.append((reading.text("name") or f"option {number + 1}", reading))
        return {self._options.give(name, "option"): self._parameter(name, reading) for name, reading in found}

    def _parameter(self, name: str, option: Reading) -> dict[str, Any]:
        option.take("name")
        is_secret = bool(option.boolean("secure")) or may_be_secret(name)
        made: dict[str, Any] = {"type": "secret"} if is_secret else {}
        about = (option.text("description") or option.text("label") or "").strip()
        if about:
            made["description"] = about
        option.take("label")
        is_list = bool(option.boolean("multivalued")) and not is_secret
        delimiter = option.text("delimiter") or ","
        if is_list:
            made["type"] = "list"
        choices = [str(choice) for choice in option.items("values")]
        if is_secret:
            option.lose("value", f"the value of the secret {name!r} does not belong into a file", Loss.SECRET)
        elif (value := option.text("value")) is not None:
            made["default"] = value.split(delimiter) if is_list else value
        is_enforced = bool(option.boolean("enforced"))
        if choices and is_enforced and not is_list and made.get("default", choices[0]) in choices:
            made["choices"] = choices
        elif choices:
            option.lose("values", "they are suggestions or choices of several; a parameter takes any value")
        if not option.boolean("required") and "default" not in made:
            made["required"] = False
        option.done(_OPTION_REASONS)
        return made

    def _node_filter(self) -> str:
        nodes = self._job.inner("nodefilters")
        if nodes is None:
            return ""
        text = nodes.text("filter") or _old_filter(nodes)
        why = "steps do not run on nodes here; the filter stands in the instructions of each step"
        self._job.lose("nodefilters", why, Loss.CHANGED)
        nodes.done({"dispatch": "nothing is dispatched to nodes"})
        return text

    # --- the sequence ---

    def _commands(self) -> list[_Command]:
        job = self._job
        sequence = job.inner("sequence") if isinstance(job.take("sequence"), Mapping) else None
        entries = sequence.inners("commands") if sequence else job.inners("sequence")
        keeps_going = bool(sequence.boolean("keepgoing")) if sequence else False
        if sequence:
            strategy = sequence.text("strategy")
            if strategy not in {None, "node-first", "step-first", "sequential"}:
                sequence.lose("strategy", f"{strategy!r} is not known; the steps run one after the other", Loss.CHANGED)
            sequence.done()
        handlers = [entry.inner("errorhandler") for entry in entries]
        commands: list[_Command] = []
        total = len(entries) + sum(handler is not None for handler in handlers)
        for entry, handler in zip(entries, handlers, strict=True):
            number = len(commands)
            name = self._steps.give(_called(entry), f"step_{number + 1}")
            if handler is None:
                way = Way(None, number + 1 if number + 1 < total else None)
                commands.append(_Command(entry, name, [way], "continue" if keeps_going else "abort"))
            else:
                commands += self._handled(entry, handler, name, number, total, keeps_going=keeps_going)
        return commands

    def _handled(
        self, entry: Reading, handler: Reading, name: str, number: int, total: int, *, keeps_going: bool
    ) -> list[_Command]:
        """A command and its handler: the handler runs when the command has failed."""
        after = number + 2 if number + 2 < total else None
        goes_on = bool(handler.boolean("keepgoingOnSuccess")) or keeps_going
        if not goes_on:
            handler.say(Loss.CHANGED, f"after the error handler of {name!r} the run ends; it does not count as failed")
        failed = f"steps.{name}.status in ['failed', 'timed_out']"
        return [
            _Command(entry, name, [Way(failed, number + 1), Way(None, after)], "continue"),
            _Command(
                handler,
                self._steps.give(f"{name}_failed", f"step_{number + 2}"),
                [Way(None, after if goes_on else None)],
                "continue" if keeps_going else "abort",
            ),
        ]

    def _step(self, command: _Command, reach: Reached) -> dict[str, Any]:
        entry = command.reading
        title = entry.text("description")
        made: dict[str, Any] = {"id": command.id, **({"title": first_line(title, command.id)} if title else {})}
        if reach.condition is not None:
            made["if"] = f"{{{{ {reach.condition} }}}}"
        if reach.is_unclear:
            entry.say(Loss.CHANGED, "there are too many ways to this step to write down when it is done")
        made |= self._nested(entry) if "jobref" in entry else self._by_hand(entry)
        made["on_failure"] = command.on_failure
        entry.done()
        return made

    def _by_hand(self, entry: Reading) -> dict[str, Any]:
        kind = _kind(entry)
        if kind is None:
            entry.say(Loss.BY_HAND, "this step is of a kind that is not known; a person does it")
        whys = {
            "type": "Rundeck's plugins do not run here",
            "jobref": "another job is run, and a runbook cannot run another one yet",
        }
        usual = "only programs that actions.programs of hotwash.yaml allows are run (process.run)"
        if kind is not None:
            entry.lose(kind, f"{whys.get(kind, usual)}; a person does it", Loss.BY_HAND)
        body = {key: entry.take(key) for key in entry.keys() if key not in {"description", "errorhandler"}}  # noqa: SIM118
        body.pop("keepgoingOnSuccess", None)
        words = {
            "exec": "Run this command",
            "script": "Run this script",
            "scriptfile": "Run this script of the Rundeck server",
            "scripturl": "Run the script at this URL",
            "jobref": "Run this Rundeck job",
            "type": "Do what this Rundeck plugin did",
        }
        main = str(body.pop(kind)) if kind in {"exec", "script", "scriptfile", "scripturl"} else ""
        main = hidden(self._report, (*entry.path, kind or ""), main)
        rest = without_secrets(self._report, entry.path, body)
        for text in (main, str(rest)):
            if is_cut(text):
                entry.say(Loss.CHANGED, "it is too long to be shown whole; see the imported file")
        where = f" on the nodes `{self._nodes}`" if self._nodes else ""
        text = instructions(
            f"{words.get(kind or '', 'Do this')}{where}, then complete the step.",
            shown(main) if main else "",
            shown(rest) if rest else "",
        )
        return {"manual": {"instructions": self._weave(text, entry)}}

    def _nested(self, entry: Reading) -> dict[str, Any]:
        jobref = entry.inner("jobref")
        name = jobref.text("name") if jobref else None
        if jobref is None or not name or not has_kind("runbook"):
            return self._by_hand(entry)
        runbook = job_name(name, jobref.text("group"))
        jobref.lose("name", f"import that job, too; it is run as the runbook {runbook!r}", Loss.INCOMPLETE)
        parameters = self._arguments(jobref)
        jobref.done({"nodefilters": "steps do not run on nodes here", "uuid": "a runbook is known by its name"})
        return {"runbook": {"name": runbook, **({"parameters": parameters} if parameters else {})}}

    def _arguments(self, jobref: Reading) -> dict[str, str]:
        """`-name value -other value` as parameters."""
        try:
            words = shlex.split(jobref.text("args") or "")
        except ValueError:
            words = ["?"]
        pairs = list(zip(words[::2], words[1::2], strict=False))
        if len(words) % 2 or not all(option.startswith("-") for option, _ in pairs):
            jobref.lose("args", "they are not `-option value` pairs")
            return {}
        kept = {}
        for option, value in pairs:
            name = option.lstrip("-")
            if may_be_secret(name) and "${" not in value:
                jobref.lose(
                    "args", f"the value of {name!r} may be a secret; give a reference such as env:NAME", Loss.SECRET
                )
            else:
                kept[identifier(name) or "option"] = self._weave(value, jobref)
        return kept

    def _weave(self, text: str, reading: Reading) -> str:
        return woven(text, _REFERENCE, lambda name: self._resolve(name, reading))

    def _resolve(self, name: str, reading: Reading) -> str | None:
        kind, _, what = name.partition(".")
        option = self._options.of(what) if kind in {"option", "unquotedoption"} else None
        if option is not None:
            return f"params.{option}"
        if name == "job.execid":
            return "run.id"
        reading.say(Loss.LEFT_OUT, f"{quoted(name)} is not known to a runbook and stays text")
        return None


def job_name(name: str, group: str | None) -> str:
    """What the runbook of a job is called."""
    return runbook_name(f"{group} {name}" if group else name, "job")


def _old_filter(nodes: Reading) -> str:
    """`include` and `exclude`, which Rundeck wrote before it had `filter`, in the words of a filter."""
    words = []
    for key, mark in (("include", ""), ("exclude", "!")):
        patterns = nodes.inner(key)
        for name in patterns.keys() if patterns else ():
            value = patterns.text(name) if patterns else None
            if value:
                words.append(f"{mark}{name}: {value}")
    return " ".join(words)


def _called(entry: Reading) -> str:
    """What a step is about: its description, else the job or the plugin that it runs, else its kind."""
    kind = _kind(entry) or "step"
    jobref = entry.take("jobref")
    known = jobref.get("name") if isinstance(jobref, Mapping) else entry.take("type") if kind == "type" else None
    return entry.text("description") or (known if isinstance(known, str) and known else kind)


def _kind(entry: Reading) -> str | None:
    return next((kind for kind in _KINDS if kind in entry), None)


def _seconds(text: str | None) -> float | None:
    """`6h 30m` or `120`; 0 for nothing, None for what cannot be known."""
    if not text:
        return 0.0
    parts = _TIME.findall(text)
    if not parts or _TIME.sub("", text).strip():
        return None
    seconds = sum(int(amount) * _UNIT_SECONDS[unit] for amount, unit in parts)
    # A timedelta holds no more, and no job runs for thirty years.
    return float(seconds) if 0 < seconds < 1e9 else None  # noqa: PLR2004 - the comment above
