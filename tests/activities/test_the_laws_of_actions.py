"""The laws that every built-in action keeps; a new one is held to them as soon as it stands in the registry."""

import json

import pytest
from temporalio.exceptions import ApplicationError

from activities.action import read
from activities.actions import BUILT_IN, specs
from domain.run import Effect, Idempotency
from tests.support.action_world import KEY, TOKEN, World, changed
from tests.support.fault_world import marked

NAMES = sorted(action.name for action in BUILT_IN)
CHANGING = [action.name for action in BUILT_IN if action.effect is not Effect.READ_ONLY]
REPEATABLE = [
    action.name
    for action in BUILT_IN
    if action.effect is not Effect.READ_ONLY and action.idempotency is not Idempotency.AT_MOST_ONCE
]
AT_MOST_ONCE = [action.name for action in BUILT_IN if action.idempotency is Idempotency.AT_MOST_ONCE]
UNDOABLE = [name for name, spec in specs().items() if spec.has_undo]


@pytest.mark.parametrize("action", BUILT_IN, ids=lambda action: action.name)
def test_an_action_explains_itself(action: type) -> None:
    """Each action has a sentence, an example that is valid, and schemas for the catalogue and the editor."""
    spec = specs()[action.name]
    assert spec.summary.endswith(".")
    assert read(action.parameters_model, action.example, action.name)
    assert spec.parameters["additionalProperties"] is False
    assert spec.result["type"] == "object"
    assert json.loads(spec.model_dump_json()) == json.loads(action.spec().model_dump_json())


def test_the_registry_runs_what_the_catalogue_shows(world: World) -> None:
    """What the API shows without clients is what a worker can run with them."""
    assert world.registry.specs() == specs()


@pytest.mark.parametrize("name", marked(NAMES))
async def test_running_twice_with_one_key_has_one_effect(world: World, name: str) -> None:
    """The second run of a key, on another worker, changes nothing and returns what the first one returned."""
    case = world.case(name)
    first = await world.perform(name, case.parameters)
    second = await world.perform(name, case.parameters, attempt=2)
    assert len(case.effects()) == (1 if name in CHANGING else 0)
    if name in CHANGING:
        assert second == first.model_copy(update={"already_done": True})


@pytest.mark.parametrize("name", marked(REPEATABLE))
async def test_a_keyed_action_whose_worker_died_is_repeated_without_a_second_effect(world: World, name: str) -> None:
    """The worker dies after the effect and before the ledger is settled: the target itself knows the key."""
    case = world.case(name)
    first = await world.perform(name, case.parameters)
    world.ledger.leave_unsettled(KEY)
    second = await world.perform(name, case.parameters, attempt=2)
    assert second.output == first.output
    assert len(case.effects()) == 1


@pytest.mark.parametrize("name", AT_MOST_ONCE)
async def test_an_at_most_once_action_whose_worker_died_is_not_done_again(world: World, name: str) -> None:
    """The same for a target that knows no keys: its check finds what was done, or a person is asked."""
    case = world.case(name)
    first = await world.perform(name, case.parameters)
    world.ledger.leave_unsettled(KEY)
    try:
        second = await world.perform(name, case.parameters, attempt=2)
        became = (second.output, second.already_done)
    except ApplicationError as refused:
        became = (refused.type, None)
    assert became in [("UnknownOutcome", None), (first.output, True)]
    assert len(case.effects()) == 1


@pytest.mark.parametrize("name", AT_MOST_ONCE)
async def test_a_person_may_have_an_unknown_action_done_again(world: World, name: str) -> None:
    """Once a person has found that it did not happen, the claim of the dead worker stands no longer in the way."""
    case = world.case(name)
    world.ledger.leave_unsettled(KEY)
    await world.perform(name, case.parameters, attempt=2, confirmed_not_done=True)
    assert len(case.effects()) == 1


@pytest.mark.parametrize("name", marked(CHANGING))
async def test_mitigation_does_not_wait_for_bookkeeping(world: World, name: str) -> None:
    """With the ledger away a first attempt goes on, and says that it was not recorded."""
    case = world.case(name)
    world.ledger.is_down = True
    result = await world.perform(name, case.parameters)
    assert len(case.effects()) == 1
    assert "unledgered" in result.detail


@pytest.mark.parametrize("name", AT_MOST_ONCE)
async def test_a_later_attempt_without_the_ledger_is_unknown(world: World, name: str) -> None:
    """With the ledger away nobody knows what an earlier attempt did: an action that may do harm is not repeated."""
    case = world.case(name)
    world.ledger.is_down = True
    with pytest.raises(ApplicationError) as refused:
        await world.perform(name, case.parameters, attempt=2)
    assert refused.value.type == "UnknownOutcome"
    assert case.effects() == []


@pytest.mark.parametrize("name", marked(CHANGING))
async def test_an_effect_that_cannot_be_settled_is_still_a_success(world: World, name: str) -> None:
    """The ledger goes away between claim and settlement: the step has succeeded, and says what is in doubt."""
    case = world.case(name)
    world.ledger.settle_is_down = True
    result = await world.perform(name, case.parameters)
    assert len(case.effects()) == 1
    assert "unsettled" in result.detail


@pytest.mark.parametrize("name", marked(NAMES))
async def test_parameters_that_make_no_sense_change_nothing(world: World, name: str) -> None:
    """A misspelt parameter is refused with its name, before anything is claimed."""
    case = world.case(name)
    with pytest.raises(ApplicationError, match="tagret: Extra inputs are not permitted") as refused:
        await world.perform(name, case.parameters | {"tagret": "shop"})
    assert refused.value.type == "Rejected"
    assert refused.value.non_retryable
    assert case.effects() == []
    assert world.ledger.outcomes == {}


@pytest.mark.parametrize("name", marked(NAMES))
async def test_no_secret_is_in_what_comes_back_or_is_logged(
    world: World, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    """A target that repeats its request's headers back, in success and in failure, reveals nothing."""
    world.target.echo = True
    case = world.case(name)
    told = [(await world.perform(name, case.parameters)).model_dump_json()]
    world.target.status = 500
    try:
        told.append((await world.perform(name, case.parameters, key="another")).model_dump_json())
    except ApplicationError as failure:
        told.append(repr((failure.message, failure.details, str(failure.__cause__))))
    if name == "http.request":
        assert world.target.seen[0].headers["authorization"] == f"Bearer {TOKEN}"
    assert TOKEN not in " ".join([*told, caplog.text])


@pytest.mark.parametrize("name", marked(UNDOABLE))
async def test_undoing_twice_is_undoing_once(world: World, name: str) -> None:
    """The second undo, with its ledger entry or without, leaves the world as the first one left it."""
    case = world.case(name)
    before = case.state()
    done = await world.perform(name, case.parameters)
    await changed(case.state, before)
    first = await world.undo(name, case.parameters, done.output)
    effects = len(case.effects())
    assert case.state() == before
    again = await world.undo(name, case.parameters, done.output)
    world.ledger.leave_unsettled(f"{KEY}/undo")
    repeated = await world.undo(name, case.parameters, done.output)
    assert again.output == repeated.output == first.output
    assert case.state() == before
    assert len(case.effects()) == effects


@pytest.mark.parametrize("name", marked(UNDOABLE))
async def test_undoing_what_never_happened_changes_nothing(world: World, name: str) -> None:
    """A step that was cancelled before its effect is undone without touching the target."""
    case = world.case(name)
    before = case.state()
    await world.undo(name, case.parameters, None)
    assert case.state() == before
    assert case.effects() == []


@pytest.mark.parametrize("name", marked(UNDOABLE))
async def test_undo_without_output_finds_what_was_done(world: World, name: str) -> None:
    """The worker died after the effect, so that the run never got its output: target or ledger remember it."""
    case = world.case(name)
    before = case.state()
    await world.perform(name, case.parameters)
    await world.undo(name, case.parameters, None)
    assert case.state() == before


@pytest.mark.parametrize("name", sorted(set(NAMES) - set(UNDOABLE)))
async def test_an_action_without_an_undo_says_so(world: World, name: str) -> None:
    """Asking for an undo that does not exist is refused and leaves no claim behind."""
    with pytest.raises(ApplicationError, match="has no undo"):
        await world.undo(name, world.case(name).parameters, None)
    assert world.ledger.outcomes == {}


@pytest.mark.parametrize("name", marked([n for n in CHANGING if specs()[n].has_check and n not in AT_MOST_ONCE]))
async def test_a_check_tells_before_from_after(world: World, name: str) -> None:
    """The check of a keyed action says no before the effect, yes after it, and changes nothing itself."""
    case = world.case(name)
    before = await world.check(name, case.parameters)
    done = await world.perform(name, case.parameters)
    after = await world.answer(name, case.parameters)
    assert (before.holds, after.holds) == (False, True)
    assert after.output == done.output
    assert len(case.effects()) == 1
