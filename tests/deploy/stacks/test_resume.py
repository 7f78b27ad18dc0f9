"""Broken off anywhere, the same command makes it whole; what others made is used and left; full queues stay."""

import contextlib
import json

import pytest

from tests.deploy.stacks.world import AGGREGATOR, PIPELINE
from tests.examples import sample
from windlass.app import App
from windlass.core.errors import AwsError, ConfigError, Conflict, NotFound, UsageError
from windlass.deploy import aws
from windlass.deploy.effects import StartCheck
from windlass.deploy.function_code import code_of
from windlass.deploy.plan import states
from windlass.deploy.rows import effect_row
from windlass.deploy.stack import STACK_TAG, ResourceKind, StackKind
from windlass.settings import load

# The policy can't know of buckets that are named on the command line alone.
NAMED_BUCKETS = pytest.mark.own_actions("s3:GetBucketNotification", "s3:PutBucketNotification")


@pytest.fixture
def deploy(world, monkeypatch):
    monkeypatch.setattr(aws, "SETTLE_S", 0.01)
    world.client("sqs").create_queue(QueueName="acted")
    with configured(world, PIPELINE + AGGREGATOR + 'prefixes = ["agg/"]\n') as deploying:
        yield deploying


@contextlib.contextmanager
def configured(world, text):
    """The deployment of that windlass.toml."""
    world.configure(text)
    # What a configuration no longer says, its policy no longer allows: who takes it away needs the former one's, too.
    (world.folder / f"windlass-{len(list(world.folder.glob('windlass*.toml')))}.toml").write_text(
        (world.folder / "windlass.toml").read_text("utf-8"), "utf-8"
    )
    environ = {"WINDLASS_ESTATE_ENDPOINT_URL": world.url}
    with App(load(environ=environ, cwd=world.folder), environ=environ) as app:
        yield app.deploy


def stack_of(deploy, world, kind=StackKind.PIPELINE, name="uniform", **more):
    return deploy.stack(kind, name, code=code_of((world.folder / "function.zip").read_bytes()), **more)


def stand(deploy, stack):
    return {state.resource.purpose: state.state for state in states(deploy.read(stack))}


@pytest.mark.timeout(200)
@pytest.mark.parametrize(("kind", "name"), [(StackKind.PIPELINE, "uniform"), (StackKind.AGGREGATOR, "shares")])
def test_broken_off_after_any_step_it_is_made_and_unmade_by_the_same_command(world, deploy, kind, name):
    stack = stack_of(deploy, world, kind, name)
    steps = len(deploy.plan_create(stack).effects)
    checked = [isinstance(effect, StartCheck) for effect in deploy.plan_create(stack).effects].index(True)

    def broken_off_after(count):
        def show(_):
            nonlocal count
            count -= 1
            if count < 0:
                raise KeyboardInterrupt

        return show

    for done in sample(range(1, steps), least=4):
        with pytest.raises(KeyboardInterrupt):
            deploy.apply(stack, deploy.plan_create(stack), broken_off_after(done))
        rest = deploy.plan_create(stack)
        # Events are not let in before the function was called, though it was called before the break.
        again = done > checked and any(
            effect.resource.endswith("mapping") or effect.resource.startswith("events of") for effect in rest.effects
        )
        assert len(rest.effects) == steps - done + again
        deploy.apply(stack, rest)
        assert set(stand(deploy, stack).values()) == {"ok"}
        assert deploy.plan_create(stack).effects == ()
        there = len(deploy.plan_delete(stack, force=True).effects)
        with pytest.raises(KeyboardInterrupt):
            deploy.apply(stack, deploy.plan_delete(stack, force=True), broken_off_after(done % there))
        deploy.apply(stack, deploy.plan_delete(stack, force=True))
        assert set(stand(deploy, stack).values()) == {"missing"}


def test_a_queue_that_was_there_is_used_and_left_with_the_policy_it_had(world, deploy):
    policy = '{"Version":"2012-10-17","Statement":[{"Sid":"theirs","Effect":"Allow","Principal":"*","Action":"sqs:SendMessage","Resource":"*"}]}'
    sqs = world.client("sqs")
    url = sqs.create_queue(QueueName="raw-events", Attributes={"VisibilityTimeout": "77", "Policy": policy})["QueueUrl"]
    before = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    stack = stack_of(deploy, world)
    deploy.apply(stack, deploy.plan_create(stack))
    assert stand(deploy, stack)["events"] == "theirs"
    now = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    assert (
        now["VisibilityTimeout"],
        "theirs" in now["Policy"],
        "windlass-pipeline-uniform-buckets" in now["Policy"],
    ) == ("77", True, True)
    plan = deploy.plan_delete(stack)
    assert [kept.name for kept in plan.kept] == ["raw-events"]
    deploy.apply(stack, plan)
    after = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    assert "windlass" not in after["Policy"]
    assert {k: v for k, v in after.items() if k not in ("Policy", "LastModifiedTimestamp") and "NumberOf" not in k} == {
        k: v for k, v in before.items() if k not in ("Policy", "LastModifiedTimestamp") and "NumberOf" not in k
    }
    assert sqs.list_queue_tags(QueueUrl=url).get("Tags", {}) == {}


def test_a_function_or_role_of_somebody_else_is_never_touched(world, deploy):
    stack = stack_of(deploy, world)
    name = stack.resource("role").name
    world.client("iam").create_role(
        RoleName=name, AssumeRolePolicyDocument="{}", Tags=[{"Key": STACK_TAG, "Value": "pipeline/another"}]
    )
    with pytest.raises(Conflict, match="not made by this deployment"):
        deploy.plan_create(stack)
    assert [kept.name for kept in deploy.plan_delete(stack).kept] == [name]
    assert deploy.plan_delete(stack).effects == ()


def test_policies_that_others_attached_to_our_role_are_listed_and_go_with_it(world, deploy):
    stack = stack_of(deploy, world)
    deploy.apply(stack, deploy.plan_create(stack))
    iam, role = world.client("iam"), stack.resource("role").name
    document = json.dumps(
        {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:ListBucket", "Resource": "*"}]}
    )
    arn = iam.create_policy(PolicyName="audit", PolicyDocument=document)["Policy"]["Arn"]
    iam.attach_role_policy(RoleName=role, PolicyArn=arn)
    iam.put_role_policy(RoleName=role, PolicyName="theirs", PolicyDocument=document)
    plan = deploy.plan_delete(stack, force=True)
    assert [row["call"] for row in map(effect_row, plan.effects) if row["resource"] == "role"] == [
        "iam:DetachRolePolicy",
        "iam:DeleteRolePolicy",
        "iam:DeleteRolePolicy",
        "iam:DeleteRole",
    ]
    deploy.apply(stack, plan)
    assert stand(deploy, stack)["role"] == "missing"
    assert iam.get_policy(PolicyArn=arn)["Policy"]["AttachmentCount"] == 0


def test_a_rule_that_somebody_deleted_by_hand_is_made_again(world, deploy):
    stack = stack_of(deploy, world, StackKind.AGGREGATOR, "shares")
    deploy.apply(stack, deploy.plan_create(stack))
    events, name = world.client("events"), stack.resource("repair").name
    events.remove_targets(Rule=name, Ids=["function"])
    events.delete_rule(Name=name)
    deploy.apply(stack, deploy.plan_create(stack))
    assert stand(deploy, stack)["repair"] == "ok"
    assert deploy.plan_create(stack).effects == ()


def test_queues_with_messages_stay_unless_forced_and_are_taken_up_again(world, deploy):
    stack = stack_of(deploy, world)
    deploy.apply(stack, deploy.plan_create(stack))
    sqs = world.client("sqs")
    # S3 sends a test event when a notification is set; the function takes it.
    world.wait(
        lambda: all(
            state.resource.kind is not ResourceKind.QUEUE or not state.facts["messages"]
            for state in states(deploy.read(stack))
        )
    )
    dead = sqs.get_queue_url(QueueName="raw-events-dead")["QueueUrl"]
    sqs.send_message(QueueUrl=dead, MessageBody="look at me")
    plan = deploy.plan_delete(stack)
    assert [(kept.name, kept.why) for kept in plan.kept] == [("raw-events-dead", "it holds about 1 message")]
    deploy.apply(stack, plan)
    assert stand(deploy, stack)["dead letters"] == "ok"
    deploy.apply(stack, deploy.plan_create(stack))
    deploy.apply(stack, deploy.plan_delete(stack, force=True))
    assert set(stand(deploy, stack).values()) == {"missing"}


@NAMED_BUCKETS
def test_what_changes_in_the_configuration_changes_in_aws_and_a_former_bucket_sends_no_more(world, deploy):
    world.foreign_entries(world.raw)
    other = world.out
    stack = stack_of(deploy, world, StackKind.AGGREGATOR, "shares", buckets=[other])
    deploy.apply(stack, deploy.plan_create(stack))
    assert len(world.notification(other)["QueueConfigurations"]) == 1
    now = stack_of(deploy, world, StackKind.AGGREGATOR, "shares")
    plan = deploy.plan_create(now)
    parts = ["events", "function", f"events of {world.raw}", f"events of {other}"]
    assert [effect.resource for effect in plan.effects] == parts
    deploy.apply(now, plan)
    assert world.notification(other) == {}
    assert len(world.notification(world.raw)["QueueConfigurations"]) == 2
    changed = deploy.stack(StackKind.AGGREGATOR, "shares", code=code_of(b"PK\x05\x06" + bytes(18)))
    effect, check = deploy.plan_create(changed).effects
    assert isinstance(check, StartCheck)
    assert effect.operation == "UpdateFunctionCode"


def test_a_rule_that_becomes_strict_hears_of_completions_and_no_more_when_it_is_not(world, deploy):
    events, name = world.client("events"), "windlass-shares-completion"
    stack = stack_of(deploy, world, StackKind.AGGREGATOR, "shares")
    deploy.apply(stack, deploy.plan_create(stack))
    with configured(world, AGGREGATOR + 'prefixes = ["agg/"]\nstrict = true\n') as strictly:
        strict = stack_of(strictly, world, StackKind.AGGREGATOR, "shares")
        plan = strictly.plan_create(strict)
        assert [effect_row(effect)["call"] for effect in plan.effects] == [
            "iam:PutRolePolicy",
            "lambda:UpdateFunctionCode",
            "lambda:Invoke",
            "events:PutRule",
            "lambda:AddPermission",
            "events:PutTargets",
        ]
        strictly.apply(strict, plan)
        assert strictly.plan_create(strict).effects == ()
        assert stand(strictly, strict)["completions"] == "ok"
    (rule,) = [rule for rule in events.list_rules()["Rules"] if rule["Name"] == name]
    assert json.loads(rule["EventPattern"]) == {
        "source": ["aws.storagegateway"],
        "detail-type": ["Storage Gateway Refresh Cache Event"],
    }
    assert stand(deploy, stack)["completions"] == "differs"
    plan = deploy.plan_create(stack)
    assert [effect.operation for effect in plan.effects if effect.resource == "completions"] == [
        "RemoveTargets",
        "DeleteRule",
        "RemovePermission",
    ]
    deploy.apply(stack, plan)
    assert [rule["Name"] for rule in events.list_rules()["Rules"]] == ["windlass-shares-repair"]
    allowed = json.loads(world.client("lambda").get_policy(FunctionName="windlass-shares")["Policy"])["Statement"]
    assert [statement["Sid"] for statement in allowed] == ["windlass-repair"]
    # A rule of that name that somebody else made is left, and deleted by nobody.
    events.put_rule(Name=name, ScheduleExpression="rate(1 day)")
    assert "completions" not in stand(deploy, stack)
    deploy.apply(stack, deploy.plan_delete(stack, force=True))
    assert [rule["Name"] for rule in events.list_rules()["Rules"]] == [name]


@NAMED_BUCKETS
def test_what_can_not_be_deployed_is_refused_before_anything_is_made(world, deploy):
    with pytest.raises(NotFound, match="no \\[\\[pipeline\\]\\] entry"):
        deploy.stack(StackKind.PIPELINE, "nobody")
    with pytest.raises(UsageError, match="has no code"):
        deploy.plan_create(deploy.stack(StackKind.PIPELINE, "uniform"))
    with pytest.raises(UsageError, match="pattern"):
        deploy.stack(StackKind.AGGREGATOR, "shares", buckets=["raw-*"])
    with pytest.raises(UsageError, match="not a zip"):
        code_of(b"no")
    stack = stack_of(deploy, world, StackKind.AGGREGATOR, "shares", buckets=["nobodys-bucket-at-all"])
    with pytest.raises((NotFound, AwsError)):
        deploy.plan_create(stack)
    without = AGGREGATOR.replace("table", "#").replace("timers", "#")
    with configured(world, without) as deploying, pytest.raises(ConfigError, match="store"):
        deploying.stack(StackKind.AGGREGATOR, "shares")
