"""Chaos Toolkit experiments as runbooks: their rollbacks become the steps, their hypothesis the checks at the end.

The one thing to know: the method of an experiment breaks something on purpose. That belongs into a game day, not into a
runbook, so each of its activities is listed and none is carried over.
"""

from collections.abc import Mapping
from typing import Any

from runbooks.action_parameters import mistakes_in
from runbooks.importers.chaos_http import check_of, request_of
from runbooks.importers.chaos_values import Values
from runbooks.importers.reading import ImportContext, Loss, Reading, without_secrets
from runbooks.importers.writing import (
    Draft,
    Names,
    duration,
    first_line,
    instructions,
    is_cut,
    runbook_name,
    shown,
)
from runbooks.source import Source

# What a Python provider of the known extensions would need here. By the first part of its module.
EXTENSIONS = {
    "chaosk8s": ("Kubernetes", "kubernetes."),
    "chaosaws": ("AWS", "aws."),
    "chaosazure": ("Azure", "azure."),
    "chaosgcp": ("Google Cloud", "gcp."),
    "chaosgce": ("Google Cloud", "gcp."),
    "chaosprometheus": ("Prometheus", "check.promql"),
    "chaosistio": ("Istio", "istio."),
    "chaostoxi": ("Toxiproxy", "toxiproxy."),
    "chaosgremlin": ("Gremlin", "gremlin."),
    "chaosansible": ("Ansible", "ansible."),
    "chaoscf": ("Cloud Foundry", "cloudfoundry."),
    "chaosgrafana": ("Grafana", "grafana."),
    "chaosspring": ("Spring Boot", "spring."),
    "chaosservicefabric": ("Azure Service Fabric", "azure."),
    "chaosslack": ("Slack", "notify.post"),
}
# Functions of known extensions and the actions that do the same: the name, each argument's name here, and defaults.
_SAME: Mapping[str, tuple[str, Mapping[str, str], dict[str, Any]]] = {
    "chaosk8s.node.actions.cordon_node": ("kubernetes.cordon", {"name": "node"}, {}),
    "chaosk8s.node.actions.uncordon_node": ("kubernetes.uncordon", {"name": "node"}, {}),
    "chaosk8s.deployment.actions.rollback_deployment": (
        "kubernetes.undo_rollout",
        {"name": "deployment", "ns": "namespace"},
        {"namespace": "default"},
    ),
    "chaosk8s.deployment.actions.scale_deployment": (
        "kubernetes.scale",
        {"name": "name", "replicas": "replicas", "ns": "namespace"},
        {"namespace": "default"},
    ),
}
_REASONS = {
    "contributions": "they rate the experiment, not its rollback",
    "tags": "a runbook has no tags",
    "controls": "nothing is called before and after each step here",
    "runtime": "a run goes on as `on_failure` of each step says",
    "extensions": "they belong to other tools",
    "dry": "rehearse the runbook instead",
}
_ACTIVITY_REASONS = {
    "controls": "nothing is called before and after each step here",
    "background": "a step is over before the next one begins",
    "secrets": "where a secret is needed, give a reference such as env:NAME",
}


def read_experiment(source: Source, context: ImportContext) -> list[Draft]:
    """One runbook; Unreadable when the file is no experiment."""
    report = context.report
    if not isinstance(source.data, dict) or not isinstance(source.data.get("method"), list):
        raise report.refuse((), "this is no Chaos Toolkit experiment: it has no method")
    return [Draft(_Experiment(source, context).runbook())]


class _Experiment:
    """One experiment on its way to a runbook."""

    def __init__(self, source: Source, context: ImportContext) -> None:
        self._context = context
        self._document = Reading(context.report, (), source.data)
        self._stem = source.file.rsplit("/", 1)[-1].rsplit(".", 1)[0]
        self._steps = Names()
        self._values = Values(self._document)
        self._by_name: dict[str, Reading] = {}

    def runbook(self) -> dict[str, Any]:
        document = self._document
        document.text("version")
        title = document.text("title")
        description = (document.text("description") or "").strip()
        hypothesis = document.inner("steady-state-hypothesis")
        healthy = hypothesis.text("title") if hypothesis else None
        if healthy:
            description = f"{description}\n\nIt is well again when: {healthy}".strip()
        probes = hypothesis.inners("probes") if hypothesis else []
        method, rollbacks = document.inners("method"), document.inners("rollbacks")
        self._by_name = {str(each.take("name")): each for each in (*probes, *method) if "name" in each}
        self._leave_method(method)
        steps = [step for activity in rollbacks for step in self._activity(activity)]
        if not rollbacks:
            steps.append(self._no_rollback())
        if hypothesis:
            steps += [step for probe in probes for step in self._activity(probe, tolerance=True)]
            hypothesis.done(_REASONS)
        document.done(_REASONS)
        self._values.done()
        return {
            "schema_version": 1,
            "name": runbook_name(self._stem),
            "title": first_line(f"Roll back: {title}" if title else None, self._stem),
            "owner": self._context.owner,
            **({"description": description} if description else {}),
            **({"parameters": self._values.parameters} if self._values.parameters else {}),
            "steps": steps,
        }

    # --- activities ---

    def _leave_method(self, method: list[Reading]) -> None:
        for activity in method:
            name = activity.take("name") or activity.take("ref") or "without a name"
            kind = activity.take("type") or "activity"
            why = "what breaks or watches something on purpose belongs into a game day"
            activity.say(Loss.LEFT_OUT, f"the {kind} {str(name)!r} of the method is not carried over: {why}")

    def _no_rollback(self) -> dict[str, Any]:
        self._document.say(Loss.INCOMPLETE, "the experiment has no rollbacks; write down how its effect is taken back")
        text = "The experiment has no rollback. Take back by hand what its method did."
        return {"id": self._steps.give("roll_back", "roll_back"), "manual": {"instructions": text}}

    def _activity(self, activity: Reading, *, tolerance: bool = False) -> list[dict[str, Any]]:
        if "ref" in activity:
            name = str(activity.take("ref"))
            found = self._by_name.get(name)
            if found is None or "ref" in found:
                activity.lose("ref", f"there is no activity {name!r}")
                activity.done(_ACTIVITY_REASONS)
                return []
            activity.done(_ACTIVITY_REASONS)
            return self._activity(Reading(found.report, found.path, found.whole()), tolerance=tolerance)
        name = activity.text("name") or "step"
        step = {
            "id": self._steps.give(name, f"step_{len(self._steps.foreign()) + 1}"),
            "title": first_line(name, "step"),
        }
        pauses = activity.inner("pauses")
        before = self._pause(pauses, "before", step["id"])
        step |= self._provided(activity, name, tolerance=tolerance)
        after = self._pause(pauses, "after", step["id"])
        if pauses:
            pauses.done()
        activity.done(_ACTIVITY_REASONS)
        return [*before, step, *after]

    def _pause(self, pauses: Reading | None, key: str, step: str) -> list[dict[str, Any]]:
        seconds = pauses.number(key) if pauses else None
        if not seconds:
            return []
        return [{"id": self._steps.give(f"wait_{key}_{step}", "wait"), "wait": {"duration": duration(seconds)}}]

    def _provided(self, activity: Reading, name: str, *, tolerance: bool) -> dict[str, Any]:
        is_probe = activity.text("type") == "probe"
        provider = activity.inner("provider") or Reading(activity.report, activity.path, {})
        kind = provider.text("type")
        if kind == "http":

            def weave(value: Any) -> Any:
                return self._values.weave(value, provider)

            made = check_of(activity, provider, weave) if is_probe else request_of(provider, weave)
            if made is not None:
                provider.done()
                return made | ({} if is_probe else {"on_failure": "abort"})
        if kind == "python" and not is_probe and (made := self._known_action(provider)) is not None:
            return made
        if "tolerance" in activity and (tolerance or is_probe):
            activity.lose("tolerance", "a person judges the answer; it stands in the instructions", Loss.BY_HAND)
        return self._by_hand(activity, provider, kind, name)

    def _known_action(self, provider: Reading) -> dict[str, Any] | None:
        """An action that does the same, when there is one and all arguments can be given to it."""
        called = f"{provider.take('module')}.{provider.take('func')}"
        name, renamed, defaults = _SAME.get(called, ("", {}, {}))
        given = provider.take("arguments") or {}
        spec = self._context.specs.get(name)
        if spec is None or not isinstance(given, Mapping) or not given.keys() <= renamed.keys():
            return None
        made = defaults | {renamed[key]: self._values.weave(value, provider) for key, value in given.items()}
        if mistakes_in({"target": "{{ params.kubernetes_target }}", **made}, spec.parameters):
            return None
        provider.say(Loss.INCOMPLETE, f"{name} wants to know in which cluster; give the parameter 'kubernetes_target'")
        target = self._values.add(
            "kubernetes_target", {"description": "Which of the clusters that hotwash.yaml names"}, provider
        )
        provider.lose("secrets", "Hotwash acts with the credentials that hotwash.yaml names for the cluster")
        provider.done()
        return {"action": name, "with": {"target": target, **made}, "on_failure": "abort"}

    def _by_hand(self, activity: Reading, provider: Reading, kind: str | None, name: str) -> dict[str, Any]:
        body = {key: provider.take(key) for key in provider.keys() if key != "type"}  # noqa: SIM118 - no mapping
        body = without_secrets(provider.report, provider.path, body)
        lines = {
            "process": f"Run this program: {_command(body)}" if kind == "process" else "",
            "python": f"Do what {body.get('module')}.{body.get('func')} of the Chaos Toolkit did.",
            "http": "Send this request.",
        }
        why = self._why_by_hand(kind, str(body.get("module") or ""), str(body.get("func") or ""))
        provider.say(Loss.BY_HAND, f"{name!r} is done by hand now: {why}")
        if kind == "process":
            body = {key: value for key, value in body.items() if key not in {"path", "arguments"}}
        expected = activity.take("tolerance")
        text = instructions(
            f"{lines.get(kind or '', 'Do this.')}",
            shown(body) if body else "",
            f"It was expected to give: {shown(expected)}" if expected is not None else "",
            "Then complete the step.",
        )
        if is_cut(text) or is_cut(str(body)):
            provider.say(Loss.CHANGED, f"{name!r} is too long to be shown whole; see the imported file")
        return {"manual": {"instructions": self._values.weave(text, provider)}}

    def _why_by_hand(self, kind: str | None, module: str, function: str) -> str:
        if kind == "process":
            return "only programs that actions.programs of hotwash.yaml allows are run (process.run)"
        if kind == "http":
            return "a check wants a status of a plain GET; a request has one of the usual methods"
        if kind != "python":
            return f"a provider of the type {kind!r} is not known"
        what, prefix = EXTENSIONS.get(module.split(".", maxsplit=1)[0], ("", "\0"))
        able = sorted(name for name in self._context.specs if name.startswith(prefix))
        hint = f"; see {', '.join(able)}" if able else ""
        about = f"there is no action that does this to {what}" if what else "Python functions are not called"
        return f"{about} ({module}.{function}){hint}"


def _command(body: Mapping[str, Any]) -> str:
    arguments = body.get("arguments")
    if isinstance(arguments, Mapping):
        arguments = " ".join(f"{key} {value}" for key, value in arguments.items())
    if isinstance(arguments, list):
        arguments = " ".join(map(str, arguments))
    return f"{body.get('path')} {arguments or ''}".strip()
