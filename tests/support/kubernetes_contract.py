"""A small Kubernetes API server: requests and answers are held to the published OpenAPI shapes.

Checked before anything is done: the bearer token, method and path, the content type of a patch, apiVersion and kind,
unknown fields and types, the resourceVersion. The controllers behind it are played one look at a time.
`kubernetes_shapes.json` is cut from the OpenAPI document; nothing in it is ours.
"""

import copy
import json
import re
import threading
from dataclasses import dataclass
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

_SHAPES: dict[str, Any] = json.loads(Path(__file__).with_name("kubernetes_shapes.json").read_text())["definitions"]
_PATCHES = {"application/merge-patch+json", "application/json-patch+json"}
_REVISION = "deployment.kubernetes.io/revision"
Document = dict[str, Any]


class Answered(Exception):
    """A Status that ends the request."""

    def __init__(self, code: int, reason: str, message: str) -> None:
        super().__init__(message)
        self.code, self.reason, self.message = code, reason, message


@dataclass
class Failure:
    """What stands in for the next answer to a method. `hang_up`: carry it out and say nothing."""

    code: int = 500
    reason: str = "InternalError"
    message: str = "etcdserver: request timed out"
    hang_up: bool = False


class KubernetesContract:
    """One server for the process; `reset` forgets everything."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self.reset("")
        server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        server.daemon_threads = True
        self.url = f"http://127.0.0.1:{server.server_address[1]}"
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def reset(self, token: str) -> None:
        """A deployment at its third revision, a node with a few pods."""
        self.token = token
        self.changes: list[str] = []
        self.failures: dict[str, Failure] = {}
        self.echo = False
        # Looks at a workload until its controller has brought it where it should be; None: it gives up.
        self.looks_until_done: int | None = 2
        # Evictions that a disruption budget still refuses, by pod.
        self.held_back: dict[str, int] = {}
        # What happens between a read and the change that follows it: somebody else is faster.
        self.somebody_is_faster = False
        self._version = 1000
        self._looks: dict[str, int] = {}
        self.objects: dict[str, Document] = {}
        for one in (_deployment(), *(_replica_set(number) for number in (1, 2, 3)), _stray(), _node(), *_pods()):
            self.objects[_path(one)] = one
        for one in self.objects.values():
            self._demand_shape(one["kind"], one)

    @property
    def deployment(self) -> Document:
        """The deployment shop/checkout, by the server's own books."""
        return self.objects["/apis/apps/v1/namespaces/shop/deployments/checkout"]

    def images(self) -> list[str]:
        """What the deployment's containers run."""
        return [one["image"] for one in self.deployment["spec"]["template"]["spec"]["containers"]]

    def replicas(self) -> int:
        """What the deployment wants."""
        return int(self.deployment["spec"]["replicas"])

    @property
    def node(self) -> Document:
        """The node worker-3."""
        return self.objects["/api/v1/nodes/worker-3"]

    def is_cordoned(self) -> bool:
        """Whether the node takes no new pods."""
        return bool(self.node["spec"].get("unschedulable"))

    def pods(self) -> list[str]:
        """The names of all pods."""
        return [one["metadata"]["name"] for one in self.objects.values() if one["kind"] == "Pod"]

    def answer(self, method: str, target: str, headers: dict[str, str], body: bytes) -> tuple[int, Document] | None:
        """Code and document; None: hang up."""
        with self._lock:
            failure = self.failures.pop(method, None)
            try:
                if failure is not None and not failure.hang_up:
                    raise Answered(failure.code, failure.reason, failure.message)
                answer = self._answer(method, target, headers, body)
            except Answered as answered:
                message = f"{answered.message} {headers}" if self.echo else answered.message
                status = _status(answered.code, answered.reason, message)
                self._demand_shape("Status", status)
                return answered.code, status
            return None if failure is not None else answer

    def _answer(self, method: str, target: str, headers: dict[str, str], body: bytes) -> tuple[int, Document]:
        if headers.get("authorization") != f"Bearer {self.token}":
            raise Answered(401, "Unauthorized", "Unauthorized")
        if "application/json" not in headers.get("accept", ""):
            raise Answered(406, "NotAcceptable", "only application/json is spoken here")
        parts = urlsplit(target)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        if re.fullmatch(r"/apis/apps/v1/namespaces/[^/]+/replicasets|/api/v1/pods", parts.path):
            return self._listed(method, parts.path, query)
        eviction = re.fullmatch(r"(/api/v1/namespaces/[^/]+/pods/[^/]+)/eviction", parts.path)
        if eviction:
            return self._evict(method, eviction[1], headers, body)
        scale = re.fullmatch(r"(/apis/apps/v1/namespaces/[^/]+/deployments/[^/]+)/scale", parts.path)
        path = scale[1] if scale else parts.path
        if path not in self.objects:
            raise Answered(404, "NotFound", f'"{path.rpartition("/")[2]}" not found')
        if method == "GET":
            self._let_time_pass(path)
            return 200, _scale(self.objects[path]) if scale else self.objects[path]
        if method != "PATCH":
            raise Answered(405, "MethodNotAllowed", "the server does not allow this method on the requested resource")
        return 200, self._patch(path, headers, body, is_scale=scale is not None)

    def _patch(self, path: str, headers: dict[str, str], body: bytes, *, is_scale: bool) -> Document:
        kind = headers.get("content-type", "")
        if kind not in _PATCHES:
            raise Answered(415, "UnsupportedMediaType", f"the body of the request was in an unknown format: {kind}")
        current = self.objects[path]
        if self.somebody_is_faster:
            self.somebody_is_faster = False
            self._store(path, current)
        before = _scale(current) if is_scale else current
        patch = json.loads(body)
        after = _json_patched(before, patch) if kind.startswith("application/json-patch") else _merged(before, patch)
        self._demand_shape(after["kind"], after)
        if after["metadata"].get("resourceVersion") != current["metadata"]["resourceVersion"]:
            raise Answered(
                409, "Conflict", "the object has been modified; please apply your changes to the latest version"
            )
        if is_scale:
            changed = copy.deepcopy(current)
            changed["spec"]["replicas"] = after["spec"]["replicas"]
        else:
            changed = after
        if changed == current:
            return before
        self.changes.append(f"PATCH {path}")
        changed["metadata"]["generation"] = current["metadata"].get("generation", 1) + 1
        self._store(path, changed)
        self._looks[path] = 0
        return _scale(changed) if is_scale else changed

    def _store(self, path: str, document: Document) -> None:
        self._version += 1
        document["metadata"]["resourceVersion"] = str(self._version)
        self.objects[path] = document

    def _let_time_pass(self, path: str) -> None:
        one = self.objects[path]
        if one["kind"] != "Deployment" or path not in self._looks:
            return
        self._looks[path] += 1
        wanted = one["spec"]["replicas"]
        self._give_revision(one)
        status = {"observedGeneration": one["metadata"]["generation"], "replicas": wanted + 1, "updatedReplicas": 1}
        if self.looks_until_done is None:
            gave_up = {"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded"}
            status |= {"conditions": [gave_up]}
        elif self._looks[path] > self.looks_until_done:
            status |= dict.fromkeys(("replicas", "updatedReplicas", "readyReplicas", "availableReplicas"), wanted)
        self._store(path, {**one, "status": status})

    def _give_revision(self, deployment: Document) -> None:
        """The replica set of the deployment's template becomes the newest one, as its controller does it."""
        own = [one for one in self.objects.values() if one["kind"] == "ReplicaSet" and _revision(one)]
        newest = max(own, key=_revision)
        template = deployment["spec"]["template"]["spec"]
        for one in own:
            if one["spec"]["template"]["spec"] == template and one is not newest:
                one["metadata"]["annotations"][_REVISION] = str(_revision(newest) + 1)
                deployment["metadata"]["annotations"][_REVISION] = str(_revision(one))

    def _listed(self, method: str, path: str, query: dict[str, str]) -> tuple[int, Document]:
        if method != "GET":
            raise Answered(405, "MethodNotAllowed", "the server does not allow this method on the requested resource")
        if path == "/api/v1/pods":
            node = query["fieldSelector"].removeprefix("spec.nodeName=")
            found = [one for one in self.objects.values() if one["kind"] == "Pod" and one["spec"]["nodeName"] == node]
        else:
            labels = dict(part.split("=") for part in query["labelSelector"].split(","))
            found = [
                one
                for one in self.objects.values()
                if one["kind"] == "ReplicaSet" and labels.items() <= one["metadata"]["labels"].items()
            ]
        # Two a page, whatever was asked for: a client must follow `continue`.
        place = int(query.get("continue", "0"))
        metadata = {"resourceVersion": str(self._version)}
        if place + 2 < len(found):
            metadata["continue"] = str(place + 2)
        page = copy.deepcopy(found[place : place + 2])
        if path == "/api/v1/pods" and "continue" not in metadata:
            for one in [one for one in found if one["metadata"].get("deletionTimestamp")]:
                del self.objects[_path(one)]
        return 200, {"kind": "List", "apiVersion": "v1", "metadata": metadata, "items": page}

    def _evict(self, method: str, path: str, headers: dict[str, str], body: bytes) -> tuple[int, Document]:
        if method != "POST":
            raise Answered(405, "MethodNotAllowed", "the server does not allow this method on the requested resource")
        if headers.get("content-type") != "application/json":
            raise Answered(415, "UnsupportedMediaType", "application/json is wanted")
        eviction = json.loads(body)
        self._demand_shape("Eviction", eviction)
        pod = self.objects.get(path)
        if pod is None:
            raise Answered(404, "NotFound", f'pods "{path.rpartition("/")[2]}" not found')
        name = pod["metadata"]["name"]
        if (eviction["metadata"]["name"], eviction["metadata"]["namespace"]) != (name, pod["metadata"]["namespace"]):
            raise Answered(400, "BadRequest", "the name of the object does not match the name on the URL")
        wanted = eviction.get("deleteOptions", {}).get("preconditions", {}).get("uid", pod["metadata"]["uid"])
        if wanted != pod["metadata"]["uid"]:
            raise Answered(409, "Conflict", f"the UID in the precondition ({wanted}) does not match")
        if self.held_back.get(name, 0) > 0:
            self.held_back[name] -= 1
            budget = "Cannot evict pod as it would violate the pod's disruption budget."
            raise Answered(429, "TooManyRequests", budget)
        self.changes.append(f"evict {name}")
        # It takes its time to end, and is there for one look more.
        pod["metadata"]["deletionTimestamp"] = "2026-11-22T11:00:00Z"
        return 201, {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201}

    @staticmethod
    def _demand_shape(kind: str, document: Document) -> None:
        if "kind" not in document or "apiVersion" not in document:
            raise Answered(400, "BadRequest", "Object 'Kind' or 'apiVersion' is missing")
        mistake = _mistake({"$ref": kind}, document, kind)
        if mistake is not None:
            raise Answered(422, "Invalid", mistake)


@cache
def kubernetes_contract() -> KubernetesContract:
    """The one server of this process."""
    return KubernetesContract()


_TYPES = {"object": dict, "array": list, "string": str, "integer": int, "boolean": bool, "null": type(None)}


def _mistake(shape: Document, value: Any, where: str) -> str | None:
    """The first thing that the published shape does not allow."""
    shape = {**_SHAPES[shape["$ref"]]} if "$ref" in shape else shape
    if "oneOf" in shape:
        mistakes = [_mistake(one, value, where) for one in shape["oneOf"]]
        return None if None in mistakes else mistakes[0]
    names = shape.get("type", list(_TYPES))
    types = tuple(_TYPES[name] for name in ([names] if isinstance(names, str) else names))
    if not isinstance(value, types) or (isinstance(value, bool) and bool not in types):
        return f"{where}: Invalid value: {value!r}: must be {shape.get('type')}"
    if "enum" in shape and value not in shape["enum"]:
        return f"{where}: Unsupported value: {value!r}: supported values: {shape['enum']}"
    if isinstance(value, list):
        found = (_mistake(shape.get("items", {}), one, f"{where}[{number}]") for number, one in enumerate(value))
        return next(filter(None, found), None)
    return _mistake_in_object(shape, value, where) if isinstance(value, dict) else None


def _mistake_in_object(shape: Document, value: Document, where: str) -> str | None:
    missing = [name for name in shape.get("required", []) if name not in value]
    if missing:
        return f"{where}.{missing[0]}: Required value"
    properties, more = shape.get("properties", {}), shape.get("additionalProperties", True)
    for name, one in value.items():
        if name not in properties and more is False:
            return f"unknown field {where}.{name}"
        inner = properties.get(name) or (more if isinstance(more, dict) else None)
        mistake = _mistake(inner, one, f"{where}.{name}") if inner else None
        if mistake is not None:
            return mistake
    return None


def _merged(before: Any, patch: Any) -> Any:
    """RFC 7386."""
    if not isinstance(patch, dict):
        return copy.deepcopy(patch)
    after = copy.deepcopy(before) if isinstance(before, dict) else {}
    for name, value in patch.items():
        if value is None:
            after.pop(name, None)
        else:
            after[name] = _merged(after.get(name), value)
    return after


def _json_patched(before: Document, patch: list[Document]) -> Document:
    """RFC 6902, as far as `replace` goes."""
    after = copy.deepcopy(before)
    for step in patch:
        *parents, last = [part.replace("~1", "/").replace("~0", "~") for part in step["path"].split("/")[1:]]
        place = after
        for parent in parents:
            place = place[parent]
        if step["op"] != "replace" or last not in place:
            raise Answered(422, "Invalid", f"the server rejected our request: {step['op']} {step['path']}")
        place[last] = step["value"]
    return after


def _scale(deployment: Document) -> Document:
    metadata = {name: deployment["metadata"][name] for name in ("name", "namespace", "uid", "resourceVersion")}
    replicas = deployment["spec"]["replicas"]
    return {
        "kind": "Scale",
        "apiVersion": "autoscaling/v1",
        "metadata": metadata,
        "spec": {"replicas": replicas} if replicas else {},
        "status": {"replicas": deployment["status"].get("replicas", 0), "selector": "app=checkout"},
    }


def _status(code: int, reason: str, message: str) -> Document:
    return {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "reason": reason,
        "message": message,
        "code": code,
    }


def _path(one: Document) -> str:
    metadata, kind = one["metadata"], one["kind"].lower() + "s"
    group = "/api/v1" if one["apiVersion"] == "v1" else f"/apis/{one['apiVersion']}"
    namespace = f"/namespaces/{metadata['namespace']}" if "namespace" in metadata else ""
    return f"{group}{namespace}/{kind}/{metadata['name']}"


def _revision(replica_set: Document) -> int:
    return int(replica_set["metadata"].get("annotations", {}).get(_REVISION, 0))


def _template(number: int, *, with_hash: bool) -> Document:
    """Revision 3 is the bad release: it brings a variable and a sidecar that nobody else has."""
    containers = [{"name": "checkout", "image": f"shop/checkout:v{number}"}]
    if number == 3:
        containers[0] |= {"env": [{"name": "NEW_TAX", "value": "on"}]}  # type: ignore[dict-item]
        containers.append({"name": "sidecar", "image": "shop/sidecar:v3"})
    labels = {"app": "checkout"} | ({"pod-template-hash": f"hash{number}"} if with_hash else {})
    return {"metadata": {"labels": labels}, "spec": {"containers": containers}}


def _deployment() -> Document:
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {
            "name": "checkout",
            "namespace": "shop",
            "uid": "uid-checkout",
            "resourceVersion": "900",
            "generation": 7,
            "annotations": {_REVISION: "3", "kubernetes.io/change-cause": "release v3", "team": "payments"},
        },
        "spec": {
            "replicas": 3,
            "selector": {"matchLabels": {"app": "checkout"}},
            "template": _template(3, with_hash=False),
        },
        "status": {
            "observedGeneration": 7,
            "replicas": 3,
            "updatedReplicas": 3,
            "readyReplicas": 3,
            "availableReplicas": 3,
        },
    }


def _replica_set(number: int) -> Document:
    template = _template(number, with_hash=True)
    owner = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "name": "checkout",
        "uid": "uid-checkout",
        "controller": True,
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "ReplicaSet",
        "metadata": {
            "name": f"checkout-hash{number}",
            "namespace": "shop",
            "uid": f"uid-hash{number}",
            "labels": {"app": "checkout", "pod-template-hash": f"hash{number}"},
            "annotations": {_REVISION: str(number), "kubernetes.io/change-cause": f"release v{number}"},
            "ownerReferences": [owner],
        },
        "spec": {
            "replicas": 3 if number == 3 else 0,
            "selector": {"matchLabels": template["metadata"]["labels"]},
            "template": template,
        },
    }


def _stray() -> Document:
    """A replica set with the same labels that belongs to nobody."""
    stray = _replica_set(1)
    stray["metadata"] |= {"name": "stray", "uid": "uid-stray", "ownerReferences": [], "annotations": {}}
    return stray


def _node() -> Document:
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": "worker-3", "uid": "uid-worker-3", "resourceVersion": "901"},
        "spec": {"podCIDR": "10.1.3.0/24"},
    }


def pod(name: str, owner: str | None = "ReplicaSet", **more: Any) -> Document:
    """A pod on worker-3."""
    reference = {"apiVersion": "apps/v1", "kind": owner, "name": name, "uid": f"uid-of-{name}", "controller": True}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": name,
            "namespace": "shop",
            "uid": f"uid-{name}",
            "ownerReferences": [] if owner is None else [reference],
            **more.pop("metadata", {}),
        },
        "spec": {"nodeName": "worker-3", "containers": [{"name": "one", "image": "shop/one"}], **more},
        "status": {"phase": "Running"},
    }


def _pods() -> list[Document]:
    """One that can leave, one of a DaemonSet, one of the node itself, one elsewhere."""
    mirror = {"annotations": {"kubernetes.io/config.mirror": "1"}}
    return [
        pod("logs", "DaemonSet"),
        pod("proxy", None, metadata=mirror),
        pod("checkout-1"),
        pod("checkout-2", nodeName="worker-4"),
    ]


def _handler(contract: KubernetesContract) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def _serve(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            headers = {name.lower(): value for name, value in self.headers.items()}
            answer = contract.answer(self.command, self.path, headers, body)
            if answer is None:
                return
            content = json.dumps(answer[1]).encode()
            self.send_response(answer[0])
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = _serve  # noqa: N815

        def log_message(self, *args: object) -> None:
            """Say nothing."""

    return Handler
