"""What each service of `tests/support/aws_contract.py` keeps and does, by the rules that AWS documents."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

_BEGINNING = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)
_ACCOUNT = "123456789012"


class Refused(Exception):
    """An error as the service answers it."""

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.code, self.message, self.status = code, message, status


class Service:
    """One service; `Operation` is answered by the method `operation_Operation`."""

    name: ClassVar[str]

    def __init__(self, changes: list[str]) -> None:
        # Operations that really changed something. A repeated token, for one, does not.
        self.changes = changes

    def answer(self, operation: str, arguments: dict[str, Any]) -> dict[str, Any]:
        """Answer, or refuse."""
        method: Callable[[dict[str, Any]], dict[str, Any]] | None = getattr(self, f"operation_{operation}", None)
        if method is None:
            raise Refused("UnknownOperationException", f"the contract does not play {operation}", 404)
        return method(arguments)


@dataclass
class Deployment:
    """One deployment of the ECS service."""

    revision: int
    created: datetime
    # SUCCESSFUL, IN_PROGRESS, ROLLBACK_SUCCESSFUL, STOPPED.
    status: str = "SUCCESSFUL"


class Ecs(Service):
    """A service whose revision 41 was good, 42 never came up, and 43 is the bad one that runs."""

    name = "ecs"

    def __init__(self, changes: list[str]) -> None:
        super().__init__(changes)
        self.deployments = [
            Deployment(41, _BEGINNING),
            Deployment(42, _BEGINNING + timedelta(hours=1), "ROLLBACK_SUCCESSFUL"),
            Deployment(43, _BEGINNING + timedelta(hours=2)),
        ]
        self.current = 43
        # How often a new deployment is described before it is steady; None: it fails.
        self.descriptions_until_steady: int | None = 2
        self._left = 0

    def task_definition(self) -> str:
        """What the service runs, by the service's own books."""
        return _task_definition(self.current)

    def operation_DescribeServices(self, asked: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        """Steady after a few looks."""
        if asked["services"] != ["checkout"]:
            failure = {"arn": asked["services"][0], "reason": "MISSING"}
            return {"services": [], "failures": [failure]}
        return {"services": [self._described()], "failures": []}

    def operation_DescribeTaskDefinition(self, asked: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        """Those that were registered."""
        revision = int(asked["taskDefinition"].rpartition(":")[2])
        if revision not in range(40, 44):
            raise Refused("ClientException", "Unable to describe task definition.")
        return {"taskDefinition": {"taskDefinitionArn": _task_definition(revision), "revision": revision}}

    def operation_ListServiceDeployments(self, asked: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        """Filtered by status, in no order that the API promises."""
        briefs = [
            {
                "serviceDeploymentArn": f"{_service_arn()}/deployment/{number}",
                "serviceArn": _service_arn(),
                "createdAt": one.created,
                "targetServiceRevisionArn": _revision_arn(number),
                "status": one.status,
            }
            for number, one in enumerate(self.deployments)
            if one.status in asked.get("status", [one.status])
        ]
        return {"serviceDeployments": briefs}

    def operation_DescribeServiceRevisions(self, asked: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        """At most twenty."""
        if len(asked["serviceRevisionArns"]) > 20:
            raise Refused("InvalidParameterException", "You can specify a maximum of 20 ARNs.")
        known = {_revision_arn(number): one.revision for number, one in enumerate(self.deployments)}
        return {
            "serviceRevisions": [
                {"serviceRevisionArn": arn, "taskDefinition": _task_definition(known[arn])}
                for arn in asked["serviceRevisionArns"]
            ],
            "failures": [],
        }

    def operation_UpdateService(self, asked: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        """A new deployment begins."""
        if asked["service"] != "checkout":
            raise Refused("ServiceNotFoundException", "Service not found.")
        self.current = int(asked["taskDefinition"].rpartition(":")[2])
        self._left = self.descriptions_until_steady if self.descriptions_until_steady is not None else -1
        created = self.deployments[-1].created + timedelta(hours=1)
        self.deployments.append(Deployment(self.current, created, "IN_PROGRESS"))
        self.changes.append("UpdateService")
        return {"service": self._described()}

    def _described(self) -> dict[str, Any]:
        state = "FAILED" if self._left < 0 else "IN_PROGRESS" if self._left else "COMPLETED"
        self._left -= self._left > 0
        if state == "COMPLETED":
            self.deployments[-1].status = "SUCCESSFUL"
        primary = {
            "id": "ecs-svc/1",
            "status": "PRIMARY",
            "taskDefinition": self.task_definition(),
            "desiredCount": 4,
            "runningCount": 4 if state == "COMPLETED" else 1,
            "rolloutState": state,
            "rolloutStateReason": "tasks failed to start" if state == "FAILED" else "",
        }
        old = {"id": "ecs-svc/0", "status": "ACTIVE", "runningCount": 3, "rolloutState": "COMPLETED"}
        return {
            "serviceArn": _service_arn(),
            "serviceName": "checkout",
            "status": "ACTIVE",
            "desiredCount": 4,
            "runningCount": 4,
            "taskDefinition": self.task_definition(),
            "deployments": [primary] if state == "COMPLETED" else [primary, old],
        }


class Alias(Service):
    """The alias `live` of the function `checkout`, at version 42 of 40, 41, 42."""

    name = "lambda"

    def __init__(self, changes: list[str]) -> None:
        super().__init__(changes)
        self.version, self.shares, self.revision = "42", dict[str, float](), 1

    def state(self) -> Any:
        """Where it points."""
        return self.version, dict(self.shares)

    def operation_GetAlias(self, asked: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        """As it is."""
        if (asked["FunctionName"], asked["Name"]) != ("checkout", "live"):
            raise Refused("ResourceNotFoundException", f"Cannot find alias {asked['Name']}", 404)
        answer: dict[str, Any] = {
            "AliasArn": f"arn:aws:lambda:eu-west-1:{_ACCOUNT}:function:checkout:live",
            "Name": "live",
            "FunctionVersion": self.version,
            "RevisionId": f"revision-{self.revision}",
        }
        return answer | ({"RoutingConfig": {"AdditionalVersionWeights": self.shares}} if self.shares else {})

    def operation_UpdateAlias(self, asked: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        """Compare and set; only published versions, and one share at most."""
        if asked.get("RevisionId", f"revision-{self.revision}") != f"revision-{self.revision}":
            raise Refused("PreconditionFailedException", "The Revision Id provided does not match the latest", 412)
        shares = asked.get("RoutingConfig", {}).get("AdditionalVersionWeights", self.shares)
        version = asked.get("FunctionVersion", self.version)
        if not {version, *shares} <= {"40", "41", "42"}:
            raise Refused("ResourceNotFoundException", f"Function not found: checkout:{version}", 404)
        if len(shares) > 1 or version in shares:
            raise Refused("InvalidParameterValueException", "Invalid additional version weights")
        self.version, self.shares, self.revision = version, shares, self.revision + 1
        self.changes.append("UpdateAlias")
        return self.operation_GetAlias({"FunctionName": "checkout", "Name": "live"})


@dataclass
class Run:
    """An experiment or an automation."""

    id: str
    status: str
    tags: dict[str, str] = field(default_factory=dict)
    number: int = 0
    outputs: dict[str, list[str]] = field(default_factory=dict)
    looks: int = 0

    @property
    def started(self) -> datetime:
        """Each a minute after the one before."""
        return _BEGINNING + timedelta(minutes=self.number)


class Fis(Service):
    """One template; an experiment is initiating for two looks and then runs until it is stopped."""

    name = "fis"
    TEMPLATE = "EXT1a2b3c4d5e6f7"

    def __init__(self, changes: list[str]) -> None:
        super().__init__(changes)
        self.runs: dict[str, Run] = {}
        self.by_token: dict[str, tuple[str, str]] = {}
        # What becomes of the next experiments: they run, or fail for a reason.
        self.fails_because: str | None = None
        self.actions: dict[str, dict[str, Any]] = {
            "wait": {"actionId": "aws:fis:wait", "parameters": {"duration": "PT10S"}},
            "pause": {
                "actionId": "aws:ebs:pause-volume-io",
                "parameters": {"duration": "PT30S"},
                "targets": {"Volumes": "volumes"},
                "startAfter": ["wait"],
            },
        }
        self.stop_conditions = [{"source": "aws:cloudwatch:alarm", "value": "arn:aws:cloudwatch:::alarm:shop-5xx"}]
        # Actions that do not follow their experiment.
        self.states: dict[str, str] = {}

    def running(self) -> list[str]:
        """Experiments that do harm."""
        return [one.id for one in self.runs.values() if one.status in {"initiating", "running"}]

    def end(self, status: str) -> None:
        """Every experiment ends so, by FIS's own doing."""
        for run in self.runs.values():
            run.status = status

    def operation_GetExperimentTemplate(self, asked: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        """The one that there is."""
        if asked["id"] != self.TEMPLATE:
            raise Refused("ResourceNotFoundException", f"Experiment template {asked['id']} not found", 404)
        template = {"id": self.TEMPLATE, "actions": self.actions, "stopConditions": self.stop_conditions}
        return {"experimentTemplate": template | {"targets": {}, "creationTime": _BEGINNING}}

    def operation_StartExperiment(self, asked: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        """The same token and template: the same experiment. The same token for another one: a conflict."""
        template, known = asked["experimentTemplateId"], self.by_token.get(asked["clientToken"])
        if known is not None and known[0] != template:
            raise Refused("ConflictException", "The client token was used with other parameters", 409)
        if template != self.TEMPLATE:
            raise Refused("ResourceNotFoundException", f"Experiment template {template} not found", 404)
        if known is None:
            run = Run(f"EXP{len(self.runs):013d}", "initiating", asked.get("tags", {}), len(self.runs))
            self.runs[run.id] = run
            self.by_token[asked["clientToken"]] = (template, run.id)
            self.changes.append("StartExperiment")
            known = (template, run.id)
        return {"experiment": self._described(self.runs[known[1]])}

    def operation_GetExperiment(self, asked: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        """A look lets time pass."""
        run = self._run(asked["id"])
        run.looks += 1
        if run.status == "initiating" and run.looks > 1:
            run.status = "failed" if self.fails_because else "running"
        elif run.status == "stopping":
            run.status = "stopped"
        return {"experiment": self._described(run)}

    def operation_ListExperiments(self, asked: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        """One a page, newest first."""
        wanted = asked.get("experimentTemplateId", self.TEMPLATE)
        runs = sorted(self.runs.values(), key=lambda one: -one.number) if wanted == self.TEMPLATE else []
        place = int(asked.get("nextToken", "0"))
        page = [self._summary(one) for one in runs[place : place + 1]]
        more = {"nextToken": str(place + 1)} if place + 1 < len(runs) else {}
        return {"experiments": page, **more}

    def operation_StopExperiment(self, asked: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        """Only what has not ended."""
        run = self._run(asked["id"])
        if run.status not in {"initiating", "running"}:
            raise Refused("ValidationException", "The experiment is not in a state that can be stopped")
        run.status = "stopping"
        self.changes.append("StopExperiment")
        return {"experiment": self._described(run)}

    def _run(self, name: str) -> Run:
        if name not in self.runs:
            raise Refused("ResourceNotFoundException", f"Experiment {name} not found", 404)
        return self.runs[name]

    def _state(self, run: Run) -> dict[str, str]:
        because = self.fails_because if run.status == "failed" else None
        return {"status": run.status, "reason": because or f"Experiment is {run.status}."}

    def _summary(self, run: Run) -> dict[str, Any]:
        return {
            "id": run.id,
            "experimentTemplateId": self.TEMPLATE,
            "state": self._state(run),
            "creationTime": run.started,
            "tags": run.tags,
        }

    def _described(self, run: Run) -> dict[str, Any]:
        # An action is where its experiment is; before that it waits.
        follows = "pending" if run.status == "initiating" else run.status
        actions = {
            name: action | {"state": {"status": self.states.get(name, follows), "reason": ""}}
            for name, action in self.actions.items()
        }
        ended = {"endTime": run.started} if run.status in {"completed", "stopped", "failed"} else {}
        more = {"startTime": run.started, "targets": {}, "stopConditions": self.stop_conditions}
        return self._summary(run) | more | {"actions": actions} | ended


class Automation(Service):
    """Two documents: `Shop-Drain` runs until it is stopped, `Shop-Restart` ends after two looks."""

    name = "ssm"

    def __init__(self, changes: list[str]) -> None:
        super().__init__(changes)
        self.runs: dict[str, Run] = {}
        self.by_token: dict[str, tuple[str, str]] = {}
        # How the next executions of Shop-Restart end.
        self.ends: list[str] = []

    def running(self) -> list[str]:
        """Executions that have not ended."""
        return [one.id for one in self.runs.values() if one.status in {"Pending", "InProgress"}]

    def operation_StartAutomationExecution(self, asked: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        """The same token and parameters: the same execution."""
        if asked["DocumentName"] not in {"Shop-Drain", "Shop-Restart"}:
            raise Refused("AutomationDefinitionNotFoundException", f"Document {asked['DocumentName']} not found")
        fingerprint = json.dumps([asked["DocumentName"], asked.get("Parameters")])
        known = self.by_token.get(asked["ClientToken"])
        if known is not None and known[0] != fingerprint:
            raise Refused("IdempotentParameterMismatch", "The parameters don't match the original call")
        if known is None:
            number = len(self.runs)
            tags = {one["Key"]: one["Value"] for one in asked.get("Tags", [])}
            run = Run(f"{number:08d}-7c1e-4c3b-9c1a-1f2a7f0f6b1d", "Pending", tags, number)
            run.outputs = {"document": [asked["DocumentName"]]}
            self.runs[run.id] = run
            known = self.by_token[asked["ClientToken"]] = (fingerprint, run.id)
            self.changes.append("StartAutomationExecution")
        return {"AutomationExecutionId": known[1]}

    def operation_GetAutomationExecution(self, asked: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        """A look lets time pass."""
        run = self._run(asked["AutomationExecutionId"])
        run.looks += 1
        if run.status == "Pending":
            run.status = "InProgress"
        elif run.status == "InProgress" and run.looks > 2 and run.outputs["document"] == ["Shop-Restart"]:
            run.status = self.ends.pop(0) if self.ends else "Success"
        ended = {"Outputs": {"Restart.Count": ["3"]}} if run.status == "Success" else {}
        return {"AutomationExecution": self._described(run) | ended}

    def operation_DescribeAutomationExecutions(self, asked: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        """By tag key."""
        wanted = [value for one in asked.get("Filters", []) if one["Key"] == "TagKey" for value in one["Values"]]
        runs = [one for one in self.runs.values() if not wanted or set(wanted) & set(one.tags)]
        return {"AutomationExecutionMetadataList": [self._described(one) for one in reversed(runs)]}

    def operation_StopAutomationExecution(self, asked: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        """Only what has not ended."""
        run = self._run(asked["AutomationExecutionId"])
        if run.status not in {"Pending", "InProgress"}:
            raise Refused("InvalidAutomationStatusUpdateException", "The execution has ended")
        run.status = "Cancelled"
        self.changes.append("StopAutomationExecution")
        return {}

    def _run(self, name: str) -> Run:
        if name not in self.runs:
            raise Refused("AutomationExecutionNotFoundException", f"Execution {name} not found")
        return self.runs[name]

    def _described(self, run: Run) -> dict[str, Any]:
        failed = {"FailureMessage": "Step fails when it is run."} if run.status == "Failed" else {}
        return {
            "AutomationExecutionId": run.id,
            "DocumentName": run.outputs["document"][0],
            "AutomationExecutionStatus": run.status,
            "ExecutionStartTime": run.started,
            **failed,
        }


class AppConfig(Service):
    """One environment with one flags profile; version 3 is deployed, version 4 is saved and not deployed."""

    name = "appconfig"

    def __init__(self, changes: list[str]) -> None:
        super().__init__(changes)
        flags = {"new-checkout": {"enabled": True, "share": 20}, "dark-mode": {"enabled": True}}
        self.versions = {3: _flags(flags), 4: _flags(flags | {"dark-mode": {"enabled": False}})}
        self.deployments: list[dict[str, Any]] = [self._deployment(1, "3", "COMPLETE")]
        # How the next deployments end after two looks.
        self.ends = "COMPLETE"
        self._looks = 0

    def state(self) -> Any:
        """The flags that are deployed."""
        done = [one for one in self.deployments if one["State"] == "COMPLETE"]
        return json.loads(self.versions[int(done[-1]["ConfigurationVersion"])])["values"]

    def operation_GetConfigurationProfile(self, asked: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        """By id; deployments know it by name."""
        self._demand(asked)
        return {"ApplicationId": "abc1234", "Id": "ghi9012", "Name": "flags", "Type": "AWS.AppConfig.FeatureFlags"}

    def operation_ListDeployments(self, asked: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        """Newest first, two a page; a look lets time pass."""
        self._demand(asked)
        newest = self.deployments[-1]
        self._looks += 1
        if newest["State"] == "DEPLOYING" and self._looks > 2:
            newest["State"] = self.ends
        items = self.deployments[::-1]
        place = int(asked.get("NextToken", "0"))
        more = {"NextToken": str(place + 2)} if place + 2 < len(items) else {}
        return {"Items": items[place : place + 2], **more}

    def operation_GetHostedConfigurationVersion(self, asked: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        """The content as it is, the rest in headers."""
        self._demand(asked)
        number = asked["VersionNumber"]
        if number not in self.versions:
            raise Refused("ResourceNotFoundException", f"No version {number}", 404)
        return {"VersionNumber": number, "Content": self.versions[number], "ContentType": "application/json"}

    def operation_CreateHostedConfigurationVersion(self, asked: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        """Saved, not deployed."""
        self._demand(asked)
        if asked["ContentType"] != "application/json":
            raise Refused("BadRequestException", "Feature flags are application/json")
        number = max(self.versions) + 1
        self.versions[number] = asked["Content"]
        return {"VersionNumber": number, "Content": asked["Content"], "ContentType": "application/json"}

    def operation_StartDeployment(self, asked: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        """One at a time, and only on top of the one that the caller knows."""
        self._demand(asked)
        newest = self.deployments[-1]
        if newest["State"] == "DEPLOYING":
            raise Refused("ConflictException", "A deployment is in progress", 409)
        if asked.get("LatestDeploymentNumber", newest["DeploymentNumber"]) != newest["DeploymentNumber"]:
            raise Refused("ConflictException", "The latest deployment is another one", 409)
        if int(asked["ConfigurationVersion"]) not in self.versions:
            raise Refused("BadRequestException", "No such version")
        number = newest["DeploymentNumber"] + 1
        self.deployments.append(self._deployment(number, asked["ConfigurationVersion"], "DEPLOYING"))
        self._looks = 0
        self.changes.append("StartDeployment")
        return {"DeploymentNumber": number, "State": "DEPLOYING"}

    def _demand(self, asked: dict[str, Any]) -> None:
        known = {"ApplicationId": "abc1234", "EnvironmentId": "def5678", "ConfigurationProfileId": "ghi9012"}
        for name, value in known.items():
            if asked.get(name, value) != value:
                raise Refused("ResourceNotFoundException", f"{name} {asked[name]} not found", 404)

    @staticmethod
    def _deployment(number: int, version: str, state: str) -> dict[str, Any]:
        return {
            "DeploymentNumber": number,
            "ConfigurationName": "flags",
            "ConfigurationVersion": version,
            "State": state,
        }


def _flags(values: dict[str, Any]) -> bytes:
    flags = {name: {"name": name} for name in values}
    return json.dumps({"version": "1", "flags": flags, "values": values}).encode()


def _task_definition(revision: int) -> str:
    return f"arn:aws:ecs:eu-west-1:{_ACCOUNT}:task-definition/checkout:{revision}"


def _service_arn() -> str:
    return f"arn:aws:ecs:eu-west-1:{_ACCOUNT}:service/shop/checkout"


def _revision_arn(number: int) -> str:
    return f"arn:aws:ecs:eu-west-1:{_ACCOUNT}:service-revision/shop/checkout/{number}"
