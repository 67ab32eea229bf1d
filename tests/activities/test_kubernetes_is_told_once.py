"""Actions on Kubernetes: conflicts, budgets, lost answers and refusals, against the published shapes of its API."""

from typing import Any

import httpx
import pytest
from temporalio.exceptions import ApplicationError

from domain.cloud_targets import KubernetesTarget, KubernetesToken
from tests.support.action_world import KEY, TOKEN, World
from tests.support.kubernetes_contract import Failure, pod

UNDO, SCALE, DRAIN, CORDON = "kubernetes.undo_rollout", "kubernetes.scale", "kubernetes.drain", "kubernetes.cordon"

NODE, EVICTION = "/api/v1/nodes/worker-3", "/api/v1/namespaces/shop/pods/checkout-1/eviction"
MERGE = "application/merge-patch+json"
OF_ANOTHER = {
    "apiVersion": "policy/v1",
    "kind": "Eviction",
    "metadata": {"name": "checkout-1", "namespace": "shop"},
    "deleteOptions": {"preconditions": {"uid": "another"}},
}


async def refusal(world: World, name: str, parameters: dict[str, Any], **more: Any) -> ApplicationError:
    """How an action failed."""
    with pytest.raises(ApplicationError) as failure:
        await world.perform(name, parameters, **more)
    return failure.value


async def test_a_rollout_goes_back_whole(world: World) -> None:
    """The sidecar and the variable of the bad release are gone; annotations travel as they do with kubectl."""
    case = world.case(UNDO)
    result = await world.perform(UNDO, case.parameters)
    assert case.state() == ["shop/checkout:v2"]
    assert "env" not in world.cloud.cluster.deployment["spec"]["template"]["spec"]["containers"][0]
    annotations = world.cloud.cluster.deployment["metadata"]["annotations"]
    assert annotations["kubernetes.io/change-cause"] == "release v2"
    assert "team" not in annotations
    assert result.detail == "it is checkout-hash2, it was checkout-hash3"


async def test_a_rollout_goes_back_to_a_named_revision(world: World) -> None:
    """Revision 1 is two releases back; one that is not on record is refused."""
    case = world.case(UNDO)
    assert (await refusal(world, UNDO, case.parameters | {"revision": 9})).details == ("conflict",)
    await world.perform(UNDO, case.parameters | {"revision": 1})
    assert case.state() == ["shop/checkout:v1"]


async def test_a_second_rollback_is_another_step_back_by_record(world: World) -> None:
    """A rolled back revision becomes the newest one; "previous" is then what ran before it, as with kubectl."""
    case = world.case(UNDO)
    await world.perform(UNDO, case.parameters)
    await world.perform(UNDO, case.parameters, key="another")
    assert case.state() == ["shop/checkout:v3", "shop/sidecar:v3"]


async def test_a_rollout_that_gives_up_has_failed(world: World) -> None:
    """With the controller's own reason."""
    case = world.case(UNDO)
    world.cloud.cluster.looks_until_done = None
    failure = await refusal(world, UNDO, case.parameters)
    assert failure.type == "Transient"
    assert "ProgressDeadlineExceeded" in failure.message


async def test_a_paused_rollout_is_left_alone(world: World) -> None:
    """As kubectl does: nobody would see the pods change."""
    case = world.case(UNDO)
    world.cloud.cluster.deployment["spec"]["paused"] = True
    assert "is paused" in (await refusal(world, UNDO, case.parameters)).message
    assert case.effects() == []


@pytest.mark.parametrize("name", [UNDO, SCALE, CORDON])
async def test_what_somebody_else_has_just_changed_is_not_overwritten(world: World, name: str) -> None:
    """The resourceVersion that was read is part of the change: 409, Transient, and the next attempt looks again."""
    case = world.case(name)
    world.cloud.cluster.somebody_is_faster = True
    failure = await refusal(world, name, case.parameters)
    assert failure.type == "Transient"
    assert "409" in failure.message
    assert case.effects() == []
    await world.perform(name, case.parameters, attempt=2)
    assert len(case.effects()) == 1


async def test_a_lost_answer_is_asked_about(world: World) -> None:
    """The rollback is done and nobody answers: unknown, the check finds it, and it is not done again."""
    case = world.case(UNDO)
    world.cloud.cluster.failures["PATCH"] = Failure(hang_up=True)
    assert (await refusal(world, UNDO, case.parameters)).type == "UnknownOutcome"
    while not (await world.check(UNDO, case.parameters)).holds:
        pass
    assert (await world.perform(UNDO, case.parameters, attempt=2)).already_done
    assert len(case.effects()) == 1


async def test_an_error_of_the_server_leaves_a_doubt(world: World) -> None:
    """A 500 to a change that may be repeated is Transient; to one that may not, it is unknown; to a read, Transient."""
    for name, wanted in ((SCALE, "Transient"), (UNDO, "UnknownOutcome")):
        case = world.case(name)
        world.cloud.cluster.failures["PATCH"] = Failure()
        assert (await refusal(world, name, case.parameters, key=name)).type == wanted
    world.cloud.cluster.failures["GET"] = Failure()
    assert (await refusal(world, UNDO, case.parameters, key="third")).type == "Transient"


async def test_a_drain_waits_for_disruption_budgets(world: World) -> None:
    """An eviction that a budget refuses (429) is asked for again; DaemonSets, mirrors, other nodes are left alone."""
    case = world.case(DRAIN)
    world.cloud.cluster.held_back["checkout-1"] = 2
    await world.perform(DRAIN, case.parameters)
    assert world.cloud.cluster.pods() == ["logs", "proxy", "checkout-2"]
    assert world.cloud.cluster.is_cordoned()


async def test_a_budget_is_never_overridden(world: World) -> None:
    """A drain that gets no further ends in time, with the budget's words; its undo lets new pods come again."""
    case = world.case(DRAIN)
    world.cloud.cluster.held_back["checkout-1"] = 10_000
    failure = await refusal(world, DRAIN, case.parameters, timeout_seconds=10)
    assert failure.type in {"TimedOut", "Transient"}
    assert "disruption budget" in failure.message
    assert (await world.check(DRAIN, case.parameters)).holds is False
    await world.undo(DRAIN, case.parameters, None)
    assert not world.cloud.cluster.is_cordoned()
    assert "checkout-1" in world.cloud.cluster.pods()


@pytest.mark.parametrize(
    ("one", "waiver"),
    [
        (pod("lonely", None), "evict_unmanaged"),
        (pod("cache", volumes=[{"name": "data", "emptyDir": {}}]), "delete_local_data"),
    ],
    ids=["unmanaged", "emptyDir"],
)
async def test_a_drain_that_would_lose_something_is_refused(world: World, one: dict[str, Any], waiver: str) -> None:
    """Before the node is cordoned; whoever gives it up says so in the runbook."""
    case = world.case(DRAIN)
    name = one["metadata"]["name"]
    world.cloud.cluster.objects[f"/api/v1/namespaces/shop/pods/{name}"] = one
    assert waiver in (await refusal(world, DRAIN, case.parameters)).message
    assert world.cloud.cluster.changes == []
    await world.perform(DRAIN, case.parameters | {waiver: True}, attempt=2)
    assert name not in world.cloud.cluster.pods()


async def test_a_scale_waits_for_its_pods(world: World) -> None:
    """Zero is a number like others; the check says what is still missing."""
    case = world.case(SCALE)
    world.cloud.cluster.looks_until_done = 10_000
    failure = await refusal(world, SCALE, case.parameters, timeout_seconds=5)
    assert "pods are ready" in failure.message
    world.cloud.cluster.looks_until_done = 1
    result = await world.perform(SCALE, case.parameters, attempt=2)
    assert result.detail == "it is 0 pods, it was 3 pods"
    assert len(case.effects()) == 1


async def test_a_wrong_token_is_refused_by_its_place_and_shown_nowhere(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    """A server that repeats the request's headers reveals nothing."""
    case = world.case(CORDON)
    world.cloud.cluster.token = "another"
    world.cloud.cluster.echo = True
    failure = await refusal(world, CORDON, case.parameters)
    assert (failure.type, failure.details) == ("Rejected", ("unauthenticated",))
    assert "actions.kubernetes.prod.credentials" in failure.message
    assert "authorization" in failure.message
    assert TOKEN not in " ".join([repr(failure), str(failure.__cause__), caplog.text])


async def test_nobody_is_reached_whom_hotwash_yaml_does_not_name(world: World) -> None:
    """Neither another cluster nor another resource, whatever the token would allow."""
    case = world.case(CORDON)
    unnamed = await refusal(world, CORDON, case.parameters | {"target": "staging"})
    assert "no cluster is called 'staging'" in unnamed.message
    url, token = world.cloud.cluster.url, KubernetesToken(token="env:TOKEN")
    world.cloud.clusters["narrow"] = KubernetesTarget(server=url, credentials=token, resources=("deployments/shop/*",))
    failure = await refusal(world, CORDON, case.parameters | {"target": "narrow"})
    assert failure.details == ("forbidden",)
    assert "nodes/worker-3" in failure.message
    assert case.effects() == []


async def test_a_cluster_that_is_away_is_worth_another_try(world: World) -> None:
    """Nothing was sent; a pod that is not there for ambient credentials is said so."""
    case = world.case(UNDO)
    token = KubernetesToken(token="env:TOKEN")
    world.cloud.clusters["away"] = KubernetesTarget(server="http://127.0.0.1:1", credentials=token, resources=("*",))
    failure = await refusal(world, UNDO, case.parameters | {"target": "away"})
    assert failure.type == "Transient"
    assert "nothing was sent" in failure.message
    world.cloud.clusters["own"] = KubernetesTarget(credentials="ambient", resources=("*",))
    failure = await refusal(world, UNDO, case.parameters | {"target": "own"})
    assert failure.details == ("unauthenticated",)


def test_a_token_is_not_sent_in_the_open() -> None:
    """A bearer token crosses a network encrypted or not at all."""
    token = KubernetesToken(token="env:TOKEN")
    with pytest.raises(ValueError, match="write https://"):
        KubernetesTarget(server="http://api.prod.example:6443", credentials=token, resources=("*",))
    with pytest.raises(ValueError, match="name the 'server'"):
        KubernetesTarget(credentials=token, resources=("*",))


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        ((NODE, "PATCH", "application/json", {"spec": {}}), 415),
        ((NODE, "PATCH", MERGE, {"spec": {"unschedulabel": True}}), 422),
        ((NODE, "PATCH", MERGE, {"spec": {"unschedulable": "yes"}}), 422),
        ((NODE, "PATCH", MERGE, {"metadata": {"resourceVersion": "1"}, "spec": {"unschedulable": True}}), 409),
        ((NODE, "DELETE", "application/json", {}), 405),
        (("/api/v1/nodes/worker-9", "GET", "application/json", {}), 404),
        ((EVICTION, "POST", "application/json", {"metadata": {}}), 400),
        ((EVICTION, "POST", "application/json", OF_ANOTHER), 409),
    ],
    ids=lambda value: str(value) if isinstance(value, int) else "",
)
async def test_the_contract_server_is_strict(
    world: World, asked: tuple[str, str, str, dict[str, Any]], code: int
) -> None:
    """It refuses what an API server refuses: otherwise the tests above would prove nothing."""
    world.case(CORDON)
    path, method, kind, body = asked
    headers = {"Content-Type": kind, "Accept": "application/json", "Authorization": f"Bearer {TOKEN}"}
    async with httpx.AsyncClient(trust_env=False) as client:
        answer = await client.request(method, world.cloud.cluster.url + path, json=body, headers=headers)
    assert answer.status_code == code
    assert answer.json()["kind"] == "Status"


async def test_a_plan_outlives_its_worker(world: World) -> None:
    """The worker dies after its plan and before the change: the next one carries the same plan out."""
    case = world.case(UNDO)
    world.cloud.cluster.failures["PATCH"] = Failure(code=429, reason="TooManyRequests", message="slow down")
    assert (await refusal(world, UNDO, case.parameters)).type == "Transient"
    assert world.ledger.outcomes[f"{KEY}/plan/1"] == {
        "previous": {"replica_set": "checkout-hash3"},
        "current": {"replica_set": "checkout-hash2"},
    }
    world.cloud.cluster.objects.pop("/apis/apps/v1/namespaces/shop/replicasets/checkout-hash1")
    await world.perform(UNDO, case.parameters, attempt=2)
    assert case.state() == ["shop/checkout:v2"]
