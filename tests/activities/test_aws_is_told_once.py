"""The client of AWS: every way in which a call may end becomes the right kind of error, and no call is repeated."""

import asyncio
import subprocess
import sys
import threading

import pytest
from temporalio.exceptions import ApplicationError

from domain.cloud_targets import AwsTarget
from domain.errors import Rejected
from tests.support.action_world import KEY, TOKEN, World
from tests.support.aws_contract import SECRET_KEY, Failure
from tests.support.cloud_world import KEYS

ALIAS = "aws.lambda.shift_alias"
ECS = "aws.ecs.roll_back_service"
GROUP = "aws.autoscaling.set_capacity"
IMPORTS = """
import sys
import activities.actions, cli.main, workers.composition
from activities.clients.cloud import cloud_ports
cloud_ports(None)
sys.exit("boto3 is loaded" if {"boto3", "botocore"} & set(sys.modules) else 0)
"""


async def refused(world: World, name: str, parameters: dict[str, object], **more: object) -> ApplicationError:
    """How an action failed."""
    with pytest.raises(ApplicationError) as failure:
        await world.perform(name, parameters, **more)
    return failure.value


async def test_throttling_is_not_repeated_by_the_client(world: World) -> None:
    """A throttled call surely did nothing: one call, Transient, and the step's next attempt is a new one."""
    case = world.case(ALIAS)
    world.cloud.contract.fail_next("UpdateAlias")
    failure = await refused(world, ALIAS, case.parameters)
    assert (failure.type, failure.non_retryable) == ("Transient", False)
    assert "Rate exceeded" in failure.message
    assert world.cloud.contract.asked.count("UpdateAlias") == 1
    assert world.ledger.outcomes.get(KEY, "released") == "released"
    assert not (await world.perform(ALIAS, case.parameters, attempt=2)).already_done
    assert case.effects() == ["UpdateAlias"]


async def test_a_lost_answer_is_found_out_by_the_next_attempt(world: World) -> None:
    """Moto has set the sizes and hangs up: the next attempt finds them set, and undo still knows what was before."""
    case = world.case(GROUP)
    before = case.state()
    world.cloud.moto.hang_up_after("UpdateAutoScalingGroup")
    assert (await refused(world, GROUP, case.parameters)).type == "Transient"
    result = await world.perform(GROUP, case.parameters, attempt=2)
    assert result.output["previous"]["desired"] == 2
    assert case.effects() == ["UpdateAutoScalingGroup"]
    await world.undo(GROUP, case.parameters, None)
    assert case.state() == before


async def test_a_lost_answer_to_what_must_not_happen_twice_is_unknown(world: World) -> None:
    """A rollback whose answer is lost is unknown; the check knows by the plan that it is there: it is not redone."""
    case = world.case(ECS)
    world.cloud.contract.fail_next("UpdateService", Failure(after=True, hang_up=True))
    assert (await refused(world, ECS, case.parameters)).type == "UnknownOutcome"
    # The first look still sees tasks starting.
    checks = [await world.check(ECS, case.parameters) for _ in range(3)]
    assert checks[-1].holds is True
    second = await world.perform(ECS, case.parameters, attempt=2)
    assert second.already_done
    assert second.output["current"]["task_definition"].endswith("checkout:41")
    assert case.effects() == ["UpdateService"]


@pytest.mark.parametrize("after", [False, True])
async def test_an_error_of_aws_itself_leaves_a_doubt(world: World, *, after: bool) -> None:
    """A 500 to a change may have come before it or after it: nobody knows, so nobody claims to."""
    case = world.case(ECS)
    failure = Failure("ServerException", 500, "Service Unavailable. Please try again later.", after=after)
    world.cloud.contract.fail_next("UpdateService", failure)
    assert (await refused(world, ECS, case.parameters)).type == "UnknownOutcome"


async def test_an_error_of_aws_while_reading_is_worth_another_try(world: World) -> None:
    """A read that fails leaves no doubt."""
    case = world.case(ECS)
    world.cloud.contract.fail_next("DescribeServices", Failure("ServerException", 500, "try again"))
    assert (await refused(world, ECS, case.parameters)).type == "Transient"
    assert case.effects() == []


async def test_what_is_no_answer_of_aws_is_not_taken_for_one(world: World) -> None:
    """Moto answers what it does not know with a page of HTML and 500; that is Transient, not a result."""
    world.case(GROUP)
    parameters = {"target": "moto", "application": "abc1234", "environment": "def5678", "profile": "ghi9012"}
    failure = await refused(world, "aws.appconfig.set_flag", {**parameters, "flag": "f", "enabled": True})
    assert failure.type in {"Transient", "Rejected"}
    assert world.cloud.moto.changes == []


async def test_a_cancelled_change_is_waited_for_while_it_is_under_way(world: World) -> None:
    """A request cannot be called back: the step does not end before AWS has answered, and undo sees what it did."""
    case = world.case(ALIAS)
    hold = threading.Event()
    world.cloud.contract.fail_next("UpdateAlias", Failure(hold=hold))
    step = asyncio.create_task(world.perform(ALIAS, case.parameters))
    await asyncio.to_thread(world.cloud.contract.arrived["UpdateAlias"].wait, 10)
    step.cancel()
    await asyncio.sleep(0.05)
    assert not step.done()
    hold.set()
    with pytest.raises(asyncio.CancelledError):
        await step
    assert case.effects() == ["UpdateAlias"]
    await world.undo(ALIAS, case.parameters, None)
    assert case.state() == ("42", {})


async def test_a_wrong_key_is_refused_by_its_place(world: World) -> None:
    """The signature is checked for real; the refusal says which credentials to mend and repeats none."""
    case = world.case(ALIAS)
    world.secrets.values["env:AWS_SECRET"] = "another-secret"
    failure = await refused(world, ALIAS, case.parameters)
    assert (failure.type, failure.details) == ("Rejected", ("unauthenticated",))
    assert "actions.aws.contract.credentials" in failure.message
    world.secrets.values["env:AWS_SECRET"] = SECRET_KEY
    await world.perform(ALIAS, case.parameters, attempt=2)


async def test_no_key_and_no_token_gets_out(world: World, caplog: pytest.LogCaptureFixture) -> None:
    """A refusal that repeats the request's headers is told without the session token, and the key is never sent."""
    case = world.case(ALIAS)
    world.cloud.contract.echo = True
    world.cloud.contract.fail_next("UpdateAlias", Failure("AccessDeniedException", 403, "no"))
    failure = await refused(world, ALIAS, case.parameters)
    assert (failure.type, failure.details) == ("Rejected", ("forbidden",))
    told = " ".join([repr(failure), str(failure.__cause__), caplog.text])
    assert "x-amz-security-token" in told
    assert TOKEN not in told
    assert SECRET_KEY not in told


async def test_nobody_is_reached_whom_hotwash_yaml_does_not_name(world: World) -> None:
    """A target must be named, and so must the resource; else nothing is sent."""
    case = world.case(GROUP)
    unnamed = await refused(world, GROUP, case.parameters | {"target": "prod"})
    assert unnamed.message == "no AWS target is called 'prod'; define it under actions.aws in hotwash.yaml"
    narrow = AwsTarget(region="eu-west-1", credentials=KEYS, endpoint_url=world.cloud.moto.url, resources=("ec2/*",))
    world.cloud.targets["narrow"] = narrow
    out_of_reach = await refused(world, GROUP, case.parameters | {"target": "narrow"})
    assert (out_of_reach.type, out_of_reach.details) == ("Rejected", ("forbidden",))
    assert "autoscaling/shop-web" in out_of_reach.message
    assert case.effects() == []


async def test_an_endpoint_that_is_away_is_worth_another_try(world: World) -> None:
    """Nothing was sent, so nothing is in doubt, not even for what must not happen twice."""
    away = AwsTarget(region="eu-west-1", credentials=KEYS, endpoint_url="http://127.0.0.1:1", resources=("*",))
    world.cloud.targets["away"] = away
    failure = await refused(world, ECS, {"target": "away", "service": "checkout"})
    assert failure.type == "Transient"
    assert "nothing was sent" in failure.message


async def test_the_environment_does_not_say_where_a_call_goes(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Endpoints, proxies and profiles of the environment are for those who asked for ambient credentials."""
    case = world.case(GROUP)
    for name in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_LAMBDA", "HTTP_PROXY", "http_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    # A secret of its own makes a client of its own, which would read the environment now if it did.
    world.secrets.values["env:AWS_KEY"] = "AKIANOBODY0000000000"
    await world.perform(GROUP, case.parameters)
    assert case.effects() == ["UpdateAutoScalingGroup"]


async def test_ambient_credentials_are_used_when_asked_for_only(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without any in the environment the refusal says so; no metadata service is asked in vain."""
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    for name in ("AWS_PROFILE", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/dev/null")
    case = world.case(GROUP)
    url = world.cloud.moto.url
    world.cloud.targets["here"] = AwsTarget(
        region="eu-west-2", credentials="ambient", endpoint_url=url, resources=("*",)
    )
    failure = await refused(world, GROUP, case.parameters | {"target": "here"})
    assert (failure.type, failure.details) == ("Rejected", ("unauthenticated",))
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "tests")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "tests")
    world.cloud.targets["there"] = AwsTarget(
        region="eu-west-1", credentials="ambient", endpoint_url=url, resources=("*",)
    )
    await world.perform(GROUP, case.parameters | {"target": "there"})
    assert case.effects() == ["UpdateAutoScalingGroup"]


def test_who_has_no_aws_target_does_not_pay_for_boto3() -> None:
    """Neither the command line nor a worker loads it before the first call."""
    ended = subprocess.run([sys.executable, "-c", IMPORTS], capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stderr) == (0, "")


def test_a_key_in_place_of_its_reference_is_refused() -> None:
    """Credentials are references; a key that was pasted into the file does not come back in the refusal's text."""
    with pytest.raises(ValueError, match="access_key_id") as failure:
        AwsTarget.model_validate(
            {
                "region": "eu-west-1",
                "credentials": {"access_key_id": "AKIA1", "secret_access_key": "env:S"},
                "resources": ["*"],
            }
        )
    assert not isinstance(failure.value, Rejected)


async def test_an_undo_of_which_nothing_was_written_down_asks(world: World) -> None:
    """The group is as this step wanted it, and no plan of this step is on record: it may have been somebody else."""
    case = world.case(GROUP)
    await world.perform(GROUP, case.parameters, key="somebody-else")
    after = case.state()
    with pytest.raises(ApplicationError, match="as this step wanted it, and nobody here knows") as refused:
        await world.undo(GROUP, case.parameters, None)
    assert refused.value.type == "NeedsHuman"
    assert case.state() == after
