"""AWS Systems Manager Automation documents (schemaVersion 0.3) as runbooks.

The one thing to know: an Automation document is a graph of jumps (`nextStep`, `onFailure: step:…`, `aws:branch`); it
is written as steps from top to bottom with conditions (`importers/jumps.py`). Calls of AWS become work for a person,
unless the language has something that does the same.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from pydantic import TypeAdapter, ValidationError

from runbooks.action_parameters import mistakes_in
from runbooks.importers.jumps import Reached, Way, reached
from runbooks.importers.reading import ImportContext, Loss, Reading, without_secrets
from runbooks.importers.ssm_choices import branch_ways
from runbooks.importers.writing import (
    Draft,
    Names,
    duration,
    first_line,
    has_kind,
    identifier,
    instructions,
    is_cut,
    literal,
    member,
    runbook_name,
    shown,
    woven,
)
from runbooks.source import Source

_REFERENCE = re.compile(r"\{\{\s*([^{}]+?)\s*\}\}")
_ISO_DURATION: TypeAdapter[timedelta] = TypeAdapter(timedelta)
# `aws:approve` waits this long unless told otherwise, and 30 days at most.
_APPROVAL_SECONDS = 7 * 24 * 3600
_DAY_SECONDS = 24 * 3600
# The schemas of runbooks allow no more (domain/run.py, runbooks/schema.py).
_MOST_ATTEMPTS = 100
_MOST_APPROVALS = 10
_TWICE = 2
_TYPES = {"String": "string", "Boolean": "boolean", "Integer": "integer", "StringList": "list", "MapList": "list"}
_REASONS = {
    "outputs": "say under `outputs` of the runbook what it gives to one that nests it",
    "assumeRole": "Hotwash acts with the identity of its worker",
    "variables": "a runbook has no variables that change; later steps read the outputs of earlier ones",
    "files": "a runbook has no attachments",
    "isCritical": "every failure counts unless the step says `on_failure: continue`",
    "onCancel": "a stopped run takes back what was done, newest first; say it with `undo`",
}


def read_automation(source: Source, context: ImportContext) -> list[Draft]:
    """One runbook; Unreadable when the file is no Automation document."""
    report = context.report
    if not isinstance(source.data, dict) or "mainSteps" not in source.data:
        is_fault = isinstance(source.data, dict) and {"actions", "stopConditions"} <= source.data.keys()
        hint = "; it is a template of the Fault Injection Service, whose place is a game day" if is_fault else ""
        raise report.refuse((), f"this is no SSM Automation document: it has no mainSteps{hint}")
    document = Reading(report, (), source.data)
    version = document.text("schemaVersion")
    if version != "0.3":
        raise report.refuse(
            ("schemaVersion",), f"only Automation documents (schemaVersion '0.3') become runbooks, not {version!r}"
        )
    return [Draft(_Automation(source, context, document).runbook())]


@dataclass
class _Node:
    """One step of the document."""

    reading: Reading
    name: str
    id: str
    action: str
    ways: list[Way] = field(default_factory=list)
    on_failure: str = "abort"


class _Automation:
    """One document on its way to a runbook."""

    def __init__(self, source: Source, context: ImportContext, document: Reading) -> None:
        self._source = source
        self._context = context
        self._document = document
        self._parameters = Names()
        self._steps = Names()
        # Parameters that the runbook needs and the document does not have.
        self._added: dict[str, dict[str, Any]] = {}
        self._seconds = float(_DAY_SECONDS)
        self._position = 0
        self._nodes: list[_Node] = []

    def runbook(self) -> dict[str, Any]:
        document = self._document
        stem = self._source.file.rsplit("/", 1)[-1].rsplit(".", 1)[0]
        description = document.text("description")
        parameters = self._read_parameters()
        self._nodes = self._read_nodes()
        for number, node in enumerate(self._nodes):
            self._position = number
            node.ways = self._ways(number, node)
        found = reached([node.ways for node in self._nodes])
        steps = [step for number, reach in enumerate(found) if (step := self._step(number, reach)) is not None]
        document.done(_REASONS)
        self._cover(steps)
        return {
            "schema_version": 1,
            "name": runbook_name(stem),
            "title": first_line(description, stem),
            "owner": self._context.owner,
            **({"description": description.strip()} if description and description.strip() else {}),
            **({"parameters": parameters | self._added} if parameters or self._added else {}),
            "timeout": duration(self._seconds),
            "steps": steps or [_nothing()],
        }

    def _cover(self, steps: list[dict[str, Any]]) -> None:
        """Let each approval cover the step that it leads to, or the first after it that can be shown beforehand."""
        leads_to = {node.id: node.ways[-1].target for node in self._nodes if node.ways}
        for index, step in enumerate(steps):
            if "approval" not in step:
                continue
            unknown = [each["id"] for each in steps[index:]]
            later = [each["id"] for each in steps[index + 1 :] if not _reads(each, unknown)]
            target = leads_to[step["id"]]
            wanted = self._nodes[target].id if target is not None else None
            if later:
                step["approval"] = {"covers": [wanted if wanted in later else later[0]], **step["approval"]}
                continue
            approval = step.pop("approval")
            why = f"the approval {step['id']!r} has nothing after it to approve; a person goes on"
            self._context.report.lose((), Loss.BY_HAND, why)
            step["manual"] = {"instructions": approval.get("message") or "Go on when it was agreed to."}

    # --- parameters ---

    def _read_parameters(self) -> dict[str, dict[str, Any]]:
        inner = self._document.inner("parameters")
        role = _REFERENCE.fullmatch(str(self._document.take("assumeRole") or ""))
        self._document.lose("assumeRole", _REASONS["assumeRole"])
        parameters: dict[str, dict[str, Any]] = {}
        for name in inner.keys() if inner else ():
            reading = inner.inner(name) if inner else None
            if reading is None:
                continue
            # Once where it is declared, and once where it is used.
            if (
                role
                and role[1] == name
                and len(re.findall(rf"\b{re.escape(name)}\b", str(self._source.data))) == _TWICE
            ):
                reading.say(
                    Loss.LEFT_OUT, f"the parameter {name!r} is not carried over: it only names the assumed role"
                )
                continue
            parameters[self._parameters.give(name, "parameter")] = self._parameter(reading, name)
        if inner:
            inner.done()
        return parameters

    def _parameter(self, reading: Reading, name: str) -> dict[str, Any]:
        foreign = reading.text("type") or "String"
        kind = _TYPES.get(foreign) or ("list" if foreign.startswith("List<") else "string")
        if foreign == "StringMap":
            reading.lose("type", "a runbook has no parameters that are mappings; it is a text now", Loss.CHANGED)
        elif foreign not in _TYPES:
            reading.lose("type", f"that it must be {foreign} is not checked", Loss.CHANGED)
        made: dict[str, Any] = {"type": kind}
        if description := reading.text("description"):
            made["description"] = description.strip()
        default = reading.take("default")
        if isinstance(default, str) and _REFERENCE.search(default):
            reading.lose("default", "its value is kept in AWS; give it when the run starts, or write it down here")
        elif "default" in reading and default is not None:
            if _fits(default, kind):
                made["default"] = default
            else:
                reading.lose("default", f"it is not of the type {kind}")
        if choices := reading.items("allowedValues"):
            made["choices"] = choices
            if "default" in made and made["default"] not in choices:
                del made["default"]
                reading.lose("default", f"{name} must be one of allowedValues and its default is not")
        reading.done({"allowedPattern": "a parameter has `choices`, no pattern"})
        return made

    # --- the graph ---

    def _read_nodes(self) -> list[_Node]:
        nodes = []
        for index, reading in enumerate(self._document.inners("mainSteps")):
            name = reading.text("name") or f"step {index + 1}"
            action = reading.text("action") or ""
            nodes.append(_Node(reading, name, self._steps.give(name, f"step_{index + 1}"), action))
        return nodes

    def _ways(self, number: int, node: _Node) -> list[Way]:
        reading = node.reading
        following: int | None = number + 1 if number + 1 < len(self._nodes) else None
        is_end = bool(reading.boolean("isEnd"))
        after = None if is_end else following
        if next_step := reading.text("nextStep"):
            after = self._target(reading, "nextStep", next_step, number, None if is_end else following)
        if node.action == "aws:branch":
            return branch_ways(
                reading,
                after,
                expression=lambda text: _bare(woven(text, _REFERENCE, lambda name: self._resolve(name, reading))),
                target=lambda inner, key, name: self._target(inner, key, name, number, None),
            )
        failure = reading.text("onFailure") or "Abort"
        if failure == "Continue":
            node.on_failure = "continue"
        elif failure.startswith("step:"):
            target = self._target(reading, "onFailure", failure.removeprefix("step:").strip(), number, None)
            if target is not None:
                node.on_failure = "continue"
                return [Way(f"steps.{node.id}.status in ['failed', 'timed_out']", target), Way(None, after)]
        elif failure != "Abort":
            reading.lose("onFailure", f"{failure!r} is not known; a failure ends the run")
        return [Way(None, after)]

    def _target(self, reading: Reading, key: str, name: str, number: int, otherwise: int | None) -> int | None:
        numbers = [index for index, node in enumerate(self._nodes) if node.name == name]
        if numbers and numbers[0] > number:
            return numbers[0]
        why = "it jumps back, and a runbook only goes forward" if numbers else f"there is no step {name!r}"
        reading.lose(key, f"{why}; the run {'goes on with the next step' if otherwise else 'ends'} here")
        return otherwise

    # --- expressions ---

    def _weave(self, text: str, reading: Reading) -> str:
        return woven(text, _REFERENCE, lambda name: self._resolve(name, reading))

    def _weave_all(self, value: Any, reading: Reading) -> Any:
        if isinstance(value, str):
            return self._weave(value, reading)
        if isinstance(value, Mapping):
            return {literal(key).replace("{{", "{ {"): self._weave_all(item, reading) for key, item in value.items()}
        if isinstance(value, list):
            return [self._weave_all(item, reading) for item in value]
        return value

    def _resolve(self, name: str, reading: Reading) -> str | None:
        parameter = self._parameters.of(name)
        if parameter is not None:
            return f"params.{parameter}"
        if name == "automation:EXECUTION_ID":
            return "run.id"
        step_name, _, output = name.partition(".")
        for number, node in enumerate(self._nodes):
            if node.name == step_name and output:
                if number < self._position:
                    return _output(node, output)
                break
        reading.say(Loss.LEFT_OUT, f"'{{{{ {name} }}}}' is not known to a runbook and stays text")
        return None

    # --- steps ---

    def _step(self, number: int, reach: Reached) -> dict[str, Any] | None:
        node = self._nodes[number]
        self._position = number
        reading = node.reading
        inputs = reading.inner("inputs") or Reading(reading.report, reading.path, {})
        if not reach.is_reachable:
            reading.say(Loss.LEFT_OUT, f"the step {node.name!r} is not carried over: no step leads to it")
            return None
        if node.action == "aws:branch":
            # Its choices have become conditions.
            reading.take("outputs")
            reading.done(_REASONS)
            return None
        made: dict[str, Any] = {"id": node.id}
        if (title := reading.text("description")) or node.name != node.id:
            made["title"] = first_line(title, node.name)
        if reach.condition is not None:
            made["if"] = f"{{{{ {reach.condition} }}}}"
        made |= self._kind(node, inputs, unclear=reach.is_unclear)
        made["on_failure"] = node.on_failure
        inputs.done()
        reading.done(_REASONS)
        return made

    def _kind(self, node: _Node, inputs: Reading, *, unclear: bool) -> dict[str, Any]:
        reading = node.reading
        if unclear:
            why = "there are too many ways to it to write down when it is done; a person decides"
            return self._by_hand(node, inputs, why, "Decide whether this step applies; if not, skip it.")
        kinds = {
            "aws:approve": self._approve,
            "aws:sleep": self._sleep,
            "aws:pause": self._pause,
            "aws:executeAutomation": self._nested,
            "aws:invokeWebhook": self._webhook,
            "aws:changeInstanceState": self._instances,
        }
        if node.action in kinds:
            return kinds[node.action](node, inputs)
        if not node.action:
            reading.say(Loss.BY_HAND, f"the step {node.name!r} has no action; a person does it")
        return self._by_hand(node, inputs, self._why_by_hand(node, inputs))

    def _approve(self, node: _Node, inputs: Reading) -> dict[str, Any]:
        approvers = []
        for approver in inputs.items("Approvers"):
            names = str(approver)
            if _REFERENCE.search(names):
                inputs.lose("Approvers", "they are only known in AWS; anybody may approve now", Loss.CHANGED)
                continue
            approvers.append(names.rsplit("/", 1)[-1] if names.startswith("arn:") else names)
        if approvers:
            why = f"{', '.join(approvers)} must be people or groups of hotwash.yaml"
            inputs.lose("Approvers", why, Loss.INCOMPLETE)
        inputs.lose("NotificationArn", "Hotwash tells the approvers itself")
        quorum = int(inputs.number("MinRequiredApprovals") or 1)
        if quorum > _MOST_APPROVALS:
            inputs.lose("MinRequiredApprovals", f"a runbook asks for {_MOST_APPROVALS} at most", Loss.CHANGED)
        seconds = node.reading.number("timeoutSeconds") or _APPROVAL_SECONDS
        self._seconds += seconds
        node.reading.lose("maxAttempts", "an approval is asked for once")
        approval = {
            "approvers": approvers,
            "min_approvals": max(1, min(quorum, _MOST_APPROVALS)),
            "expires_after": duration(seconds),
            "message": self._weave(inputs.text("Message") or "", node.reading),
        }
        return {"approval": {key: value for key, value in approval.items() if value not in ([], "")}}

    def _sleep(self, node: _Node, inputs: Reading) -> dict[str, Any]:
        node.reading.lose("maxAttempts", "waiting does not fail")
        node.reading.lose("timeoutSeconds", "waiting takes as long as it says")
        text = inputs.text("Duration")
        try:
            wait = _ISO_DURATION.validate_python(text) if text else None
        except ValidationError:
            wait = None
        if wait is not None and timedelta() < wait < timedelta(days=366):
            self._seconds += wait.total_seconds()
            return {"wait": {"duration": duration(wait.total_seconds())}}
        why = "a wait lasts for a time that is known beforehand"
        return self._by_hand(node, inputs, why, "Wait as long as is said here, then go on.")

    def _pause(self, node: _Node, inputs: Reading) -> dict[str, Any]:
        for key in ("maxAttempts", "timeoutSeconds"):
            node.reading.lose(key, "it waits until a person goes on")
        inputs.done()
        return {"manual": {"instructions": "The automation pauses here. Complete this step to go on."}}

    def _nested(self, node: _Node, inputs: Reading) -> dict[str, Any]:
        document = inputs.text("DocumentName") or ""
        if not has_kind("runbook") or not document or _REFERENCE.search(document):
            return self._by_hand(node, inputs, "another document is run by name, which a runbook cannot do here")
        name = runbook_name(document.rsplit("/", 1)[-1])
        inputs.lose("DocumentName", f"import that document, too; it is run as the runbook {name!r}", Loss.INCOMPLETE)
        inputs.lose("DocumentVersion", "the runbook of that name is pinned when the run starts")
        given = inputs.inner("RuntimeParameters")
        parameters = {}
        for key in given.keys() if given else ():
            value = given.take(key) if given else None
            # Automation gives every parameter as a list.
            single = value[0] if isinstance(value, list) and len(value) == 1 else value
            parameters[identifier(key) or key] = self._weave_all(single, node.reading)
        return {"runbook": {"name": name, **({"parameters": parameters} if parameters else {})}} | self._limits(node)

    def _webhook(self, node: _Node, inputs: Reading) -> dict[str, Any]:
        integration = inputs.text("IntegrationName") or "webhook"
        parameter = self._parameters.give(f"{identifier(integration)}_url", "webhook_url")
        self._added[parameter] = {"description": f"The URL of the webhook integration {integration}"}
        why = f"its URL and headers are kept in AWS; give the URL as the parameter {parameter!r} and allow it"
        inputs.lose("IntegrationName", f"{why} under actions.http_allow in hotwash.yaml", Loss.INCOMPLETE)
        call: dict[str, Any] = {"method": "POST", "url": f"{{{{ params.{parameter} }}}}"}
        if body := inputs.text("Body"):
            call["body"] = self._weave(body, node.reading)
        return {"action": "http.request", "with": call} | self._limits(node)

    def _instances(self, node: _Node, inputs: Reading) -> dict[str, Any]:
        wanted = str(inputs.take("DesiredState") or "")
        name = {"running": "aws.ec2.start", "stopped": "aws.ec2.stop"}.get(wanted, "")
        instances = inputs.take("InstanceIds")
        call = {"target": "{{ params.aws_target }}", "instances": self._weave_all(instances, node.reading)}
        spec = self._context.specs.get(name)
        if spec is None or inputs.boolean("CheckStateOnly") or mistakes_in(call, spec.parameters):
            return self._by_hand(node, inputs, self._why_by_hand(node, inputs))
        # One parameter for all such steps of the document.
        parameter = self._parameters.of("aws target") or self._parameters.give("aws target", "aws_target")
        self._added[parameter] = {"description": "Which of the AWS accounts that hotwash.yaml names"}
        node.reading.lose("action", f"{name} wants to know in which account; give {parameter!r}", Loss.INCOMPLETE)
        return {"action": name, "with": call | {"target": f"{{{{ params.{parameter} }}}}"}} | self._limits(node)

    def _limits(self, node: _Node) -> dict[str, Any]:
        reading = node.reading
        made: dict[str, Any] = {}
        if seconds := reading.number("timeoutSeconds"):
            made["timeout"] = duration(seconds)
        attempts = int(reading.number("maxAttempts") or 1)
        if attempts > _MOST_ATTEMPTS:
            reading.lose("maxAttempts", f"a runbook tries {_MOST_ATTEMPTS} times at most", Loss.CHANGED)
        if attempts > 1:
            made["retry"] = {"max_attempts": min(attempts, _MOST_ATTEMPTS)}
        return made

    def _why_by_hand(self, node: _Node, inputs: Reading) -> str:
        service = str(inputs.take("Service") or "").lower()
        able = sorted(name for name in self._context.specs if service and name.startswith(f"aws.{service}"))
        hint = f"; see {', '.join(able)}" if able else ""
        return f"there is no action for {node.action}{hint}"

    def _by_hand(self, node: _Node, inputs: Reading, why: str, *words: str) -> dict[str, Any]:
        reading = node.reading
        reading.lose("action", f"{why}; a person does it", Loss.BY_HAND)
        for key in ("timeoutSeconds", "maxAttempts"):
            reading.lose(key, "a person is not timed and tries as often as it takes")
        given = {key: inputs.take(key) for key in inputs.keys()}  # noqa: SIM118 - a Reading is no mapping
        given = without_secrets(reading.report, inputs.path, given)
        asked = shown(given) if given else ""
        if is_cut(asked):
            reading.say(Loss.CHANGED, f"the inputs of {node.name!r} are too long and are not shown whole")
        wanted = [
            f"- {output.text('Name')} ({output.text('Type') or 'String'}): {output.text('Selector') or ''}".rstrip(": ")
            for output in reading.inners("outputs")
        ]
        text = instructions(
            f"Do by hand what {node.action or 'this step'} did in AWS, then complete the step.",
            *words,
            f"With:\n{asked}" if asked else "",
            "Give these outputs when you complete it:\n" + "\n".join(wanted) if wanted else "",
        )
        return {"manual": {"instructions": self._weave(text, reading)}}


def _reads(step: Mapping[str, Any], names: list[str]) -> bool:
    return any(f"steps.{name}." in str(step) for name in names)


def _output(node: _Node, output: str) -> str:
    known = {"aws:invokeWebhook": {"Response": "body", "ResponseCode": "status"}}
    return member(f"steps.{node.id}.output", known.get(node.action, {}).get(output, output))


def _bare(text: str) -> str | None:
    """What is between the braces of a text that is one expression; None when it is something else."""
    found = re.fullmatch(r"\{\{ ((?:(?!\}\}).)*) \}\}", text)
    return found[1] if found else None


def _fits(value: Any, kind: str) -> bool:
    types: dict[str, type] = {"string": str, "boolean": bool, "integer": int, "list": list}
    return isinstance(value, types[kind]) and (kind == "boolean" or not isinstance(value, bool))


def _nothing() -> dict[str, Any]:
    return {
        "id": "nothing",
        "manual": {"instructions": "The imported document has no step that could be carried over."},
    }
