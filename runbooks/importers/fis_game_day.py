"""Templates of the AWS Fault Injection Service as game days. Used by `importers/game_days.py`.

The one thing to know: FIS does the harm and undoes it; a game day starts the template, watches, stops it, and judges
the response. So the template stays in AWS, and what is listed here is what a person must know before they hold it.
"""

from collections.abc import Mapping
from typing import Any

from domain.fis_template import longest_way, seconds_of
from runbooks.importers.reading import ImportContext, Loss, Reading
from runbooks.importers.writing import Draft, Names, duration, first_line, literal, runbook_name
from runbooks.source import Source

_REASONS = {
    "roleArn": "the template in AWS has it",
    "clientToken": "the game day gives its own",
    "logConfiguration": "FIS keeps its own log",
    "experimentReportConfiguration": "FIS writes its own report; Hotwash writes another",
    "tags": "a game day has no tags; its targets have",
}
_ACTION_REASONS = {"targets": "FIS chooses its resources"}
# A template whose actions name no duration ends when they are done; nobody knows when.
_DURATION_SECONDS = 600.0
# FIS itself takes some time to begin and to clean up after itself.
_ROOM_SECONDS = 120.0
_LONGEST_SECONDS = 4 * 3600.0


def read_template(source: Source, context: ImportContext) -> Draft:
    """One game day; Unreadable when the file is no template."""
    data = source.data
    if isinstance(data, dict) and isinstance(data.get("experimentTemplate"), dict):
        source_path: tuple[str, ...] = ("experimentTemplate",)
        data = data["experimentTemplate"]
    else:
        source_path = ()
    if not isinstance(data, dict) or not isinstance(data.get("actions"), dict) or not data["actions"]:
        raise context.report.refuse((), "this is no FIS experiment template: it has no actions")
    return Draft(_Template(source, context, Reading(context.report, source_path, data)).game_day())


class _Template:
    """One template on its way to a game day."""

    def __init__(self, source: Source, context: ImportContext, document: Reading) -> None:
        self._context = context
        self._document = document
        self._stem = source.file.rsplit("/", 1)[-1].rsplit(".", 1)[0]
        self._parameters: dict[str, Any] = {
            "drill_target": {"description": "A name under drill_targets of hotwash.yaml, with `aws` in its `with`"},
            "template": {"description": "The id that FIS gave the template, such as EXT1a2b3c4d5e6f7"},
        }

    def game_day(self) -> dict[str, Any]:
        document = self._document
        description = (document.text("description") or "").strip()
        identity = document.text("id")
        if identity:
            self._parameters["template"]["default"] = identity
        seconds, words = self._actions()
        self._targets()
        stops = self._stop_conditions()
        self._options()
        self._complete(has_stop=bool(stops), identity=identity)
        document.done(_REASONS)
        self._parameters["health_url"] = {"description": "A URL that answers 200 while the service is well"}
        return {
            "schema_version": 1,
            "name": runbook_name(self._stem),
            "title": first_line(description, self._stem),
            "owner": self._context.owner,
            "hypothesis": f"{description or self._stem}: the service stays up, and people hear of it.",
            "parameters": self._parameters,
            "match": {"drillable": "yes"},
            "targets": {"account": {"names": ["{{ params.drill_target }}"]}},
            "steady_state": [
                {
                    "id": "healthy",
                    "action": "check.http",
                    "with": {"url": "{{ params.health_url }}"},
                    "mode": "continuous",
                }
            ],
            "faults": [
                {
                    "id": "experiment",
                    "title": literal(first_line(words, "experiment")),
                    "action": "aws.fis.start_experiment",
                    "targets": "account",
                    "with": {"target": "{{ target.aws }}", "template": "{{ params.template }}"},
                    "duration": duration(seconds),
                }
            ],
            **({"stop_conditions": stops} if stops else {}),
            "expectations": [{"expect": "recover", "within": "5m", "after": "undo"}],
            "duration": duration(min(seconds + _ROOM_SECONDS, _LONGEST_SECONDS)),
        }

    def _actions(self) -> tuple[float, str]:
        """How long the whole of it takes, and what it does in one line."""
        actions = self._document.inner("actions") or Reading(self._context.report, (), {})
        after: dict[str, list[str]] = {}
        takes: dict[str, float] = {}
        words = []
        for name in actions.keys():  # noqa: SIM118 - no mapping
            action = actions.inner(name)
            if action is None:
                continue
            what = action.text("actionId") or "an action without actionId"
            words.append(what)
            after[name] = [str(each) for each in action.items("startAfter")]
            takes[name] = self._seconds(action, name, what)
            action.text("description")
            action.take("targets")
            action.done(_ACTION_REASONS)
        seconds, circular = longest_way(takes, after)
        for name in circular:
            self._document.say(Loss.CHANGED, f"the action {name!r} waits for itself; FIS will refuse the template")
        return min(seconds or _DURATION_SECONDS, _LONGEST_SECONDS), " + ".join(dict.fromkeys(words))

    def _seconds(self, action: Reading, name: str, what: str) -> float:
        parameters = action.take("parameters")
        seconds = seconds_of(parameters) if isinstance(parameters, Mapping) else None
        if seconds is not None:
            return seconds
        cure = "say in the fault's how long it may take, and accept it by 'without_duration: true' in its with"
        action.say(Loss.INCOMPLETE, f"{name!r} ({what}) names no duration; {cure}")
        return _DURATION_SECONDS

    def _targets(self) -> None:
        targets = self._document.inner("targets")
        for name in targets.keys() if targets else ():
            target = targets.inner(name) if targets else None
            if target is None:
                continue
            kind, mode = target.text("resourceType"), target.text("selectionMode")
            has_choice = any(target.take(key) for key in ("resourceArns", "resourceTags", "filters", "parameters"))
            how = "by tag or ARN" if has_choice else "as the template says"
            target.say(Loss.CHANGED, f"FIS chooses {mode or 'ALL'} of {kind} {how}; the drill target is the account")
            target.done()

    def _stop_conditions(self) -> list[dict[str, Any]]:
        names = Names()
        made = []
        for condition in self._document.inners("stopConditions"):
            kind, value = condition.text("source"), condition.text("value")
            if kind == "none":
                continue
            if kind != "aws:cloudwatch:alarm" or not value:
                condition.say(Loss.LEFT_OUT, f"a stop condition of the source {kind!r} is not known")
                continue
            alarm = value.rsplit(":alarm:", 1)[-1]
            made.append({"id": names.give(alarm, "alarm"), "alarm": {"alertname": literal(alarm)}})
            sentence = f"FIS stops at {alarm!r} by itself; the game day stops when its alert reaches Hotwash, too"
            condition.say(Loss.CHANGED, sentence)
            condition.done()
        return made

    def _options(self) -> None:
        options = self._document.inner("experimentOptions")
        if options is None:
            return
        if options.take("emptyTargetResolutionMode") == "skip":
            options.lose("emptyTargetResolutionMode", "FIS passes with no target; set it to fail", Loss.CHANGED)
        options.lose("accountTargeting", "the account is the drill target's")
        options.done()

    def _complete(self, *, has_stop: bool, identity: str | None) -> None:
        say = self._document.say
        say(Loss.INCOMPLETE, "say in `match` which labels the alerts of this drill carry")
        say(Loss.INCOMPLETE, "give 'drill_target' (an opted-in account of hotwash.yaml) and 'health_url'")
        if identity is None:
            say(Loss.INCOMPLETE, "create the template in FIS and give its id as 'template'")
        if not has_stop:
            cure = "add one, give FIS one as well, or write 'without_stop_condition: true' in the fault's with"
            say(Loss.INCOMPLETE, f"it has no stop condition; {cure}")
