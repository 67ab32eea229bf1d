"""What each action on AWS refuses, waits for and leaves alone, beyond the laws of all actions."""

from typing import Any

import pytest
from temporalio.exceptions import ApplicationError

from tests.support.action_world import KEY, World
from tests.support.aws_contract import Failure

ECS, ALIAS = "aws.ecs.roll_back_service", "aws.lambda.shift_alias"
AUTOMATION, FLAG = "aws.ssm.start_automation", "aws.appconfig.set_flag"
WEIGHTS, FAIL_OVER = "aws.route53.set_weight", "aws.route53.fail_over"
PENDING = (
    '<?xml version="1.0"?><GetChangeResponse xmlns="https://route53.amazonaws.com/doc/2013-04-01/"><ChangeInfo>'
    "<Id>/change/C1</Id><Status>PENDING</Status><SubmittedAt>2026-11-22T08:00:00Z</SubmittedAt></ChangeInfo>"
    "</GetChangeResponse>"
)
NOT_COMPLETE = (
    '<?xml version="1.0"?><ErrorResponse xmlns="https://route53.amazonaws.com/doc/2013-04-01/"><Error><Type>Sender'
    "</Type><Code>PriorRequestNotComplete</Code><Message>still processing</Message></Error></ErrorResponse>"
)


async def refusal(world: World, name: str, parameters: dict[str, Any], **more: Any) -> ApplicationError:
    """How an action failed."""
    with pytest.raises(ApplicationError) as failure:
        await world.perform(name, parameters, **more)
    return failure.value


async def test_a_rollback_skips_what_never_ran(world: World) -> None:
    """Revision 42 was deployed and failed; "previous" is 41, and the step waits until it is steady."""
    case = world.case(ECS)
    result = await world.perform(ECS, case.parameters)
    assert result.detail == "it is checkout:41, it was checkout:43"
    assert world.cloud.contract.asked.count("DescribeServices") >= 3


async def test_a_rollback_without_history_asks_for_a_revision(world: World) -> None:
    """Nothing is guessed from numbers; a revision that is named is taken, if it exists."""
    case = world.case(ECS)
    world.cloud.contract.ecs.deployments = world.cloud.contract.ecs.deployments[-1:]
    failure = await refusal(world, ECS, case.parameters)
    assert (failure.type, failure.details) == ("Rejected", ("conflict",))
    assert case.effects() == []
    assert (await refusal(world, ECS, case.parameters | {"task_definition": "checkout:9"})).type == "Rejected"
    await world.perform(ECS, case.parameters | {"task_definition": "checkout:40"})
    assert str(case.state()).endswith("checkout:40")


async def test_a_rollback_that_does_not_come_up_has_failed(world: World) -> None:
    """ECS says that the deployment failed: so does the step, with ECS's reason; undo goes back to what ran."""
    case = world.case(ECS)
    before = case.state()
    world.cloud.contract.ecs.descriptions_until_steady = None
    failure = await refusal(world, ECS, case.parameters)
    assert failure.type == "Transient"
    assert "tasks failed to start" in failure.message
    assert (await world.check(ECS, case.parameters | {"wait_until_steady": False})).holds is True
    world.cloud.contract.ecs.descriptions_until_steady = 1
    await world.undo(ECS, case.parameters, None)
    assert case.state() == before


async def test_a_rollback_that_somebody_has_moved_on_from_is_left_to_people(world: World) -> None:
    """Neither undo nor a second attempt fights a human."""
    case = world.case(ECS)
    done = await world.perform(ECS, case.parameters)
    world.cloud.contract.ecs.current = 40
    with pytest.raises(ApplicationError, match=r"moved on since: it is checkout:40 now") as failure:
        await world.undo(ECS, case.parameters, done.output)
    assert failure.value.type == "NeedsHuman"
    assert (await world.check(ECS, case.parameters)).holds is None
    world.ledger.outcomes.pop("run/inc-20261122-k7qd/mitigate/1/step")
    assert (await refusal(world, ECS, case.parameters, attempt=2)).type == "NeedsHuman"


async def test_a_service_that_is_not_there_is_named(world: World) -> None:
    """ECS describes nothing and says MISSING; that is not a service in an odd state."""
    case = world.case(ECS)
    failure = await refusal(world, ECS, case.parameters | {"service": "chekout"})
    assert failure.details == ("not_found",)


async def test_a_version_gets_a_share_and_gives_it_back(world: World) -> None:
    """Ten percent go to version 41; the undo takes the share away and leaves the version alone."""
    case = world.case(ALIAS)
    done = await world.perform(ALIAS, case.parameters | {"share": 0.1})
    assert case.state() == ("42", {"41": 0.1})
    assert done.detail == "it is version 42, 10% to version 41, it was version 42"
    await world.undo(ALIAS, case.parameters | {"share": 0.1}, done.output)
    assert case.state() == ("42", {})


async def test_an_alias_that_is_moved_by_somebody_else_is_left_alone(world: World) -> None:
    """AWS refuses a stale revision; the step is Transient and nothing is overwritten."""
    case = world.case(ALIAS)
    world.cloud.contract.fail_next("UpdateAlias", Failure("PreconditionFailedException", 412, "stale"))
    assert (await refusal(world, ALIAS, case.parameters)).type == "Transient"
    assert case.state() == ("42", {})


async def test_a_version_that_was_never_published_is_refused(world: World) -> None:
    """By AWS, which knows; `$LATEST` is refused before anybody is asked."""
    case = world.case(ALIAS)
    assert (await refusal(world, ALIAS, case.parameters | {"version": "99"})).details == ("not_found",)
    assert (await refusal(world, ALIAS, case.parameters | {"version": "$LATEST"})).type == "Rejected"
    assert case.effects() == []


async def test_a_dns_change_is_done_when_all_servers_have_it(world: World) -> None:
    """PENDING is waited out; a change that is still being made makes the next one Transient."""
    case = world.case(WEIGHTS)
    await world.perform(WEIGHTS, case.parameters)
    zone = case.parameters["zone"]
    world.cloud.moto.answer_next(f"POST /2013-04-01/hostedzone/{zone}/rrset", 400, NOT_COMPLETE)
    other = case.parameters | {"weights": {"eu": 50}}
    assert (await refusal(world, WEIGHTS, other, key="another")).type == "Transient"
    world.cloud.moto.reading("/2013-04-01/change/", PENDING)
    await world.perform(WEIGHTS, other, key="another")
    assert world.cloud.moto.pending_answers() == 0
    assert case.state()["eu"] == (50, ["192.0.2.1"])


@pytest.mark.parametrize("name", [WEIGHTS, FAIL_OVER])
@pytest.mark.parametrize("is_noted", [True, False], ids=["noted", "its answer was lost"])
async def test_a_dns_change_whose_worker_died_is_waited_for(world: World, name: str, is_noted: bool) -> None:
    """The records are as wanted at once, Route 53 is in sync later: a second attempt waits, as the first one did."""
    case = world.case(name)
    world.cloud.moto.answer_next("GET /2013-04-01/change/", 503, NOT_COMPLETE)
    assert (await refusal(world, name, case.parameters)).type == "Transient"
    after = case.state()
    if not is_noted:
        world.ledger.outcomes = {key: it for key, it in world.ledger.outcomes.items() if "/change/" not in key}
    world.ledger.leave_unsettled(KEY)
    world.cloud.moto.reading("/2013-04-01/change/", PENDING)
    await world.perform(name, case.parameters, attempt=2)
    assert (world.cloud.moto.pending_answers(), case.state()) == (0, after)
    assert len(case.effects()) == (1 if is_noted else 2)


async def test_all_weights_zero_is_refused(world: World) -> None:
    """Route 53 takes it for "all alike", a load balancer for "nobody": never what somebody in an incident means."""
    for name, weights in ((WEIGHTS, {"eu": 0, "us": 0}), ("aws.elbv2.set_weights", None)):
        case = world.case(name)
        zero = weights or dict.fromkeys(case.parameters["weights"], 0)
        assert "would be 0" in (await refusal(world, name, case.parameters | {"weights": zero}, key=name)).message
        assert case.effects() == []


async def test_a_failover_goes_to_the_named_address_only(world: World) -> None:
    """The address is the secondary's now; asked again by another step it is there already, another one is refused."""
    case = world.case(FAIL_OVER)
    await world.perform(FAIL_OVER, case.parameters)
    assert case.state() == {"eu": ("PRIMARY", ["192.0.2.2"]), "us": ("SECONDARY", ["192.0.2.1"])}
    again = await world.perform(FAIL_OVER, case.parameters, key="another")
    assert again.output["previous"] == again.output["current"]
    failure = await refusal(world, FAIL_OVER, case.parameters | {"primary": "192.0.2.9"}, key="a third")
    assert failure.details == ("conflict",)
    assert len(case.effects()) == 1


async def test_a_rule_is_weighted_like_a_listener(world: World) -> None:
    """What is not the forward action stays as it is."""
    case = world.case("aws.elbv2.set_weights")
    client = world.cloud.moto.client("elbv2")
    blue, green = case.parameters["weights"]
    groups = [{"TargetGroupArn": blue, "Weight": 1}, {"TargetGroupArn": green, "Weight": 1}]
    stickiness = {"Enabled": True, "DurationSeconds": 300}
    rule = client.create_rule(
        ListenerArn=case.parameters["listener"],
        Priority=1,
        Conditions=[{"Field": "path-pattern", "Values": ["/api/*"]}],
        Actions=[
            {
                "Type": "forward",
                "ForwardConfig": {"TargetGroups": groups, "TargetGroupStickinessConfig": stickiness},
            }
        ],
    )["Rules"][0]["RuleArn"]
    await world.perform("aws.elbv2.set_weights", {"target": "moto", "rule": rule, "weights": {blue: 9, green: 0}})
    forward = client.describe_rules(RuleArns=[rule])["Rules"][0]["Actions"][0]["ForwardConfig"]
    assert {one["TargetGroupArn"]: one["Weight"] for one in forward["TargetGroups"]} == {blue: 9, green: 0}
    assert forward["TargetGroupStickinessConfig"] == stickiness
    both = {"target": "moto", "rule": rule, "listener": rule, "weights": {blue: 1}}
    assert "one of them" in (await refusal(world, "aws.elbv2.set_weights", both, key="another")).message


async def test_a_group_outside_its_sizes_is_refused(world: World) -> None:
    """With the cure; and a group that is not there is named, where moto itself answers 500."""
    case = world.case("aws.autoscaling.set_capacity")
    too_many = {"target": "moto", "group": "shop-web", "desired": 6}
    failure = await refusal(world, "aws.autoscaling.set_capacity", too_many)
    assert "not within 1 to 4" in failure.message
    failure = await refusal(world, "aws.autoscaling.set_capacity", too_many | {"group": "shop-wep"})
    assert failure.details == ("not_found",)
    assert case.effects() == []


async def test_a_cluster_without_a_reader_has_nowhere_to_go(world: World) -> None:
    """Refused before AWS is asked to try; a writer that is named must be a member."""
    name = "aws.rds.fail_over_cluster"
    case = world.case(name)
    assert (await refusal(world, name, case.parameters | {"writer": "nobody"})).details == ("not_found",)
    world.cloud.moto.client("rds").delete_db_instance(DBInstanceIdentifier="orders-2", SkipFinalSnapshot=True)
    assert (await refusal(world, name, case.parameters)).details == ("conflict",)


async def test_an_instance_that_is_gone_is_refused(world: World) -> None:
    """A terminated instance is not stopped: it will not come back when the step is undone."""
    case = world.case("aws.ec2.stop")
    world.cloud.moto.client("ec2").terminate_instances(InstanceIds=case.parameters["instances"][:1])
    world.cloud.moto.changes.clear()
    assert "nothing brings it back" in (await refusal(world, "aws.ec2.stop", case.parameters)).message
    assert case.effects() == []


async def test_a_parameter_is_changed_and_never_made(world: World) -> None:
    """A misspelt name is refused, and so is a secret: what a step sets can be read by everybody."""
    name = "aws.ssm.set_parameter"
    case = world.case(name)
    assert (await refusal(world, name, case.parameters | {"name": "/shop/flags/new-chekout"})).details == ("not_found",)
    world.cloud.moto.client("ssm").put_parameter(Name="/shop/secret", Value="hush", Type="SecureString")
    failure = await refusal(world, name, case.parameters | {"name": "/shop/secret"})
    assert failure.details == ("forbidden",)
    assert "hush" not in str(failure)


async def test_a_flag_is_switched_and_nothing_else(world: World) -> None:
    """The other flag stays, the flag's attributes stay, and what was saved but never deployed is not deployed by us."""
    case = world.case(FLAG)
    before = case.state()
    await world.perform(FLAG, case.parameters)
    after = case.state()
    assert after["new-checkout"] == {"enabled": False, "share": 20}
    assert after["dark-mode"] == before["dark-mode"] == {"enabled": True}


async def test_a_flag_that_does_not_arrive_has_failed(world: World) -> None:
    """AppConfig rolls the deployment back: the step fails, and the check says that the flag is as it was."""
    case = world.case(FLAG)
    world.cloud.contract.appconfig.ends = "ROLLED_BACK"
    failure = await refusal(world, FLAG, case.parameters)
    assert failure.type == "Transient"
    assert "ROLLED_BACK" in failure.message
    assert (await world.check(FLAG, case.parameters)).holds is False


async def test_a_lost_answer_starts_nothing_twice(world: World) -> None:
    """AWS has begun and hangs up: the next attempt finds it by our tag; and were the list late, by our token."""
    case = world.case(AUTOMATION)
    world.cloud.contract.fail_next("StartAutomationExecution", Failure(after=True, hang_up=True))
    assert (await refusal(world, AUTOMATION, case.parameters)).type == "Transient"
    service = world.cloud.contract.automation
    tags = {run.id: dict(run.tags) for run in service.runs.values()}
    for run in service.runs.values():
        run.tags.clear()
    first = await world.perform(AUTOMATION, case.parameters, attempt=2)
    for run in service.runs.values():
        run.tags.update(tags[run.id])
    world.ledger.leave_unsettled("run/inc-20261122-k7qd/mitigate/1/step")
    second = await world.perform(AUTOMATION, case.parameters, attempt=3)
    assert first.output == second.output
    assert case.effects() == ["StartAutomationExecution"]


async def test_an_automation_is_watched_to_its_end(world: World) -> None:
    """Its outputs are the step's; one that fails is started anew by the next attempt."""
    case = world.case(AUTOMATION)
    parameters = case.parameters | {"document": "Shop-Restart", "wait_for_end": True}
    world.cloud.contract.automation.ends = ["Failed"]
    failure = await refusal(world, AUTOMATION, parameters)
    assert failure.type == "Transient"
    assert "Step fails when it is run." in failure.message
    result = await world.perform(AUTOMATION, parameters, attempt=2)
    assert result.output["ended"] == "Success"
    assert result.output["outputs"] == {"Restart.Count": ["3"]}
    assert len(case.effects()) == 2


async def test_a_finished_automation_is_not_undone_by_stopping_it(world: World) -> None:
    """Only a person, or an `undo` of the step's own, knows how to bring back what it did."""
    case = world.case(AUTOMATION)
    parameters = case.parameters | {"document": "Shop-Restart", "wait_for_end": True}
    done = await world.perform(AUTOMATION, parameters)
    with pytest.raises(ApplicationError, match="'undo' of its own") as failure:
        await world.undo(AUTOMATION, parameters, done.output)
    assert failure.value.type == "NeedsHuman"


async def test_waiting_ends_before_the_step_does(world: World) -> None:
    """A deployment that takes longer than the step may is given up in time; the next attempt goes on waiting."""
    case = world.case(ECS)
    world.cloud.contract.ecs.descriptions_until_steady = 10_000
    failure = await refusal(world, ECS, case.parameters, timeout_seconds=5)
    assert failure.type in {"TimedOut", "Transient"}
    assert "did not get there" in failure.message
    world.cloud.contract.ecs._left = 1
    await world.perform(ECS, case.parameters, attempt=2)
    assert case.effects() == ["UpdateService"]
