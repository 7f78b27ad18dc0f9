"""Broken off anywhere, the same command makes it whole; what others made is used and left; full queues stay."""

import pytest

from tests.deploy.stacks.world import AGGREGATOR, PIPELINE
from windlass.app import App
from windlass.core.errors import AwsError, ConfigError, Conflict, NotFound, UsageError
from windlass.deploy import aws
from windlass.deploy.code import code_of
from windlass.deploy.plan import states
from windlass.deploy.stacks import STACK_TAG, Kind, PartKind
from windlass.settings import load


@pytest.fixture
def deploy(world, monkeypatch):
    monkeypatch.setattr(aws, "SETTLE_S", 0.01)
    world.configure(PIPELINE + AGGREGATOR + 'prefixes = ["agg/"]\n')
    world.client("sqs").create_queue(QueueName="acted")
    environ = {"WINDLASS_ESTATE_ENDPOINT_URL": world.url}
    with App(load(environ=environ, cwd=world.folder), environ=environ) as app:
        yield app.deploy


def stack_of(deploy, world, kind=Kind.PIPELINE, name="uniform", **more):
    return deploy.stack(kind, name, code=code_of((world.folder / "function.zip").read_bytes()), **more)


def stand(deploy, stack):
    return {one.part.purpose: one.state for one in states(deploy.look(stack))}


@pytest.mark.timeout(200)
@pytest.mark.parametrize(("kind", "name"), [(Kind.PIPELINE, "uniform"), (Kind.AGGREGATOR, "shares")])
def test_broken_off_after_any_step_it_is_made_and_unmade_by_the_same_command(world, deploy, kind, name):
    stack = stack_of(deploy, world, kind, name)
    steps = len(deploy.plan_create(stack).effects)

    def broken_off_after(count):
        def show(_):
            nonlocal count
            count -= 1
            if count < 0:
                raise KeyboardInterrupt

        return show

    for done in range(1, steps):
        with pytest.raises(KeyboardInterrupt):
            deploy.carry_out(stack, deploy.plan_create(stack), broken_off_after(done))
        rest = deploy.plan_create(stack)
        assert len(rest.effects) == steps - done
        deploy.carry_out(stack, rest)
        assert set(stand(deploy, stack).values()) == {"ok"}
        assert deploy.plan_create(stack).effects == ()
        there = len(deploy.plan_delete(stack, force=True).effects)
        with pytest.raises(KeyboardInterrupt):
            deploy.carry_out(stack, deploy.plan_delete(stack, force=True), broken_off_after(done % there))
        deploy.carry_out(stack, deploy.plan_delete(stack, force=True))
        assert set(stand(deploy, stack).values()) == {"missing"}


def test_a_queue_that_was_there_is_used_and_left_with_the_policy_it_had(world, deploy):
    policy = '{"Version":"2012-10-17","Statement":[{"Sid":"theirs","Effect":"Allow","Principal":"*","Action":"sqs:SendMessage","Resource":"*"}]}'
    sqs = world.client("sqs")
    url = sqs.create_queue(QueueName="raw-events", Attributes={"VisibilityTimeout": "77", "Policy": policy})["QueueUrl"]
    before = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    stack = stack_of(deploy, world)
    deploy.carry_out(stack, deploy.plan_create(stack))
    assert stand(deploy, stack)["events"] == "theirs"
    now = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    assert (
        now["VisibilityTimeout"],
        "theirs" in now["Policy"],
        "windlass-pipeline-uniform-buckets" in now["Policy"],
    ) == ("77", True, True)
    plan = deploy.plan_delete(stack)
    assert [one.name for one in plan.kept] == ["raw-events"]
    deploy.carry_out(stack, plan)
    after = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    assert "windlass" not in after["Policy"]
    assert {k: v for k, v in after.items() if k not in ("Policy", "LastModifiedTimestamp") and "NumberOf" not in k} == {
        k: v for k, v in before.items() if k not in ("Policy", "LastModifiedTimestamp") and "NumberOf" not in k
    }
    assert sqs.list_queue_tags(QueueUrl=url).get("Tags", {}) == {}


def test_a_function_or_role_of_somebody_else_is_never_touched(world, deploy):
    stack = stack_of(deploy, world)
    name = stack.part("role").name
    world.client("iam").create_role(
        RoleName=name, AssumeRolePolicyDocument="{}", Tags=[{"Key": STACK_TAG, "Value": "pipeline/another"}]
    )
    with pytest.raises(Conflict, match="did not make"):
        deploy.plan_create(stack)
    assert [one.name for one in deploy.plan_delete(stack).kept] == [name]
    assert deploy.plan_delete(stack).effects == ()


def test_queues_with_messages_stay_unless_forced_and_are_taken_up_again(world, deploy):
    stack = stack_of(deploy, world)
    deploy.carry_out(stack, deploy.plan_create(stack))
    sqs = world.client("sqs")
    # S3 sends a test event when a notification is set; the function takes it.
    world.wait(
        lambda: all(
            one.part.kind is not PartKind.QUEUE or not one.facts["messages"] for one in states(deploy.look(stack))
        )
    )
    dead = sqs.get_queue_url(QueueName="raw-events-dead")["QueueUrl"]
    sqs.send_message(QueueUrl=dead, MessageBody="look at me")
    plan = deploy.plan_delete(stack)
    assert [(one.name, one.why) for one in plan.kept] == [("raw-events-dead", "it has about 1 message")]
    deploy.carry_out(stack, plan)
    assert stand(deploy, stack)["dead letters"] == "ok"
    deploy.carry_out(stack, deploy.plan_create(stack))
    deploy.carry_out(stack, deploy.plan_delete(stack, force=True))
    assert set(stand(deploy, stack).values()) == {"missing"}


def test_what_changes_in_the_configuration_changes_in_aws_and_a_former_bucket_sends_no_more(world, deploy):
    world.foreign_entries(world.raw)
    other = world.out
    stack = stack_of(deploy, world, Kind.AGGREGATOR, "shares", buckets=[other])
    deploy.carry_out(stack, deploy.plan_create(stack))
    assert len(world.notification(other)["QueueConfigurations"]) == 1
    now = stack_of(deploy, world, Kind.AGGREGATOR, "shares")
    plan = deploy.plan_create(now)
    assert [effect.part for effect in plan.effects] == ["events", f"events of {world.raw}", f"events of {other}"]
    deploy.carry_out(now, plan)
    assert world.notification(other) == {}
    assert len(world.notification(world.raw)["QueueConfigurations"]) == 2
    changed = deploy.stack(Kind.AGGREGATOR, "shares", code=code_of(b"PK\x05\x06" + bytes(18)))
    (effect,) = deploy.plan_create(changed).effects
    assert effect.operation == "UpdateFunctionCode"


def test_what_can_not_be_deployed_is_refused_before_anything_is_made(world, deploy):
    with pytest.raises(NotFound, match="no \\[\\[pipeline\\]\\] entry"):
        deploy.stack(Kind.PIPELINE, "nobody")
    with pytest.raises(UsageError, match="needs its code"):
        deploy.plan_create(deploy.stack(Kind.PIPELINE, "uniform"))
    with pytest.raises(UsageError, match="pattern"):
        deploy.stack(Kind.AGGREGATOR, "shares", buckets=["raw-*"])
    with pytest.raises(UsageError, match="not a zip"):
        code_of(b"no")
    stack = stack_of(deploy, world, Kind.AGGREGATOR, "shares", buckets=["nobodys-bucket-at-all"])
    with pytest.raises((NotFound, AwsError)):
        deploy.plan_create(stack)
    world.configure(AGGREGATOR.replace("table", "#").replace("timers", "#"))
    environ = {"WINDLASS_ESTATE_ENDPOINT_URL": world.url}
    with (
        App(load(environ=environ, cwd=world.folder), environ=environ) as app,
        pytest.raises(ConfigError, match="store"),
    ):
        app.deploy.stack(Kind.AGGREGATOR, "shares")
