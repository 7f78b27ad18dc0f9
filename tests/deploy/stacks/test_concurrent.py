"""Others change the bucket's configuration while we do: nothing of anybody's is lost, and what never ends is said."""

import threading

import pytest

from windlass.core.errors import AwsError, Conflict
from windlass.deploy import aws
from windlass.deploy.effects import ApiCall, DeploymentPlan, NotificationChange
from windlass.deploy.notifications import (
    entries_of,
    equivalent,
    own_entries,
    queue_entry,
    with_entries,
    without_entries,
)

GET, PUT = "GetBucketNotificationConfiguration", "PutBucketNotificationConfiguration"
MARK = "windlass.pipeline.p."
EVENTS = ["s3:ObjectCreated:*"]


class Bucket:
    """A bucket's configuration over real calls, with what others do right before or after any of ours."""

    def __init__(self, world):
        self.world, self.s3 = world, world.client("s3")
        self.before, self.after = {}, {}
        self.counts = {}
        self.sent = []
        world.client("sqs").create_queue(QueueName="ours")

    def call(self, service, operation, /, **params):
        number = self.counts[operation] = self.counts.get(operation, 0) + 1
        self.before.get((operation, number), lambda: None)()
        name = {GET: "get_bucket_notification_configuration", PUT: "put_bucket_notification_configuration"}[operation]
        answer = getattr(self.s3, name)(**params)
        answer.pop("ResponseMetadata", None)
        self.after.get((operation, number), lambda: None)()
        return answer

    def theirs(self, number):
        """What somebody else does: read, add an entry, write."""
        arn = f"arn:aws:sqs:us-east-1:{self.world.account}:theirs"
        now = self.world.notification(self.world.raw)
        entry = queue_entry(f"concurrent {number} ", 0, arn, EVENTS, f"c{number}/")
        self.put({**now, "QueueConfigurations": [*now.get("QueueConfigurations", ()), entry]})

    def put(self, configuration):
        self.s3.put_bucket_notification_configuration(Bucket=self.world.raw, NotificationConfiguration=configuration)

    def effect(self, *filters, mark=MARK):
        arn = f"arn:aws:sqs:us-east-1:{self.world.account}:ours"
        entries = tuple(queue_entry(mark, at, arn, EVENTS, prefix) for at, prefix in enumerate(filters, 1))
        return NotificationChange("events", self.world.raw, mark, entries, "")

    def ids(self):
        return {entry["Id"] for entry in entries_of(self.world.notification(self.world.raw))}


@pytest.fixture
def bucket(world):
    world.first = world.foreign_entries(world.raw)
    return Bucket(world)


THEIRS = {"theirs QueueArn", "theirs TopicArn", "theirs LambdaFunctionArn"}


@pytest.mark.parametrize(
    "point", [("before", GET, 1), ("after", GET, 1), ("before", GET, 2), ("after", PUT, 1), ("before", GET, 3)]
)
@pytest.mark.parametrize("adding", [True, False])
def test_a_change_at_any_point_between_reads_and_after_the_write_is_kept(bucket, point, adding):
    when, operation, number = point
    if not adding:
        aws.notify(bucket.call, bucket.effect("in/"))
        bucket.counts.clear()
    getattr(bucket, when)[operation, number] = lambda: bucket.theirs(1)
    aws.notify(bucket.call, bucket.effect(*(["in/"] if adding else [])), sleep=lambda _: None)
    expected = THEIRS | {"concurrent 1 0"} | ({f"{MARK}1"} if adding else set())
    assert bucket.ids() == expected
    assert "EventBridgeConfiguration" in bucket.world.notification(bucket.world.raw)


def test_a_write_of_theirs_that_overtook_ours_gets_ours_added_again(bucket):
    stale = bucket.world.notification(bucket.world.raw)
    arn = f"arn:aws:sqs:us-east-1:{bucket.world.account}:theirs"
    others = {
        **stale,
        "QueueConfigurations": [*stale["QueueConfigurations"], queue_entry("late ", 1, arn, EVENTS, "l/")],
    }
    bucket.after[PUT, 1] = lambda: bucket.put(others)  # they read before us and wrote after: ours is gone
    assert aws.notify(bucket.call, bucket.effect("in/"), sleep=lambda _: None)
    assert bucket.ids() == THEIRS | {"late 1", f"{MARK}1"}
    assert bucket.counts[PUT] == 2


def test_a_read_that_lags_behind_is_waited_for_and_nothing_is_written_twice(bucket):
    old = bucket.world.notification(bucket.world.raw)
    lagging = {"left": 3}

    def call(service, operation, /, **params):
        answer = bucket.call(service, operation, **params)
        if operation == GET and bucket.counts.get(PUT) and lagging["left"]:
            lagging["left"] -= 1
            return old
        return answer

    assert aws.notify(call, bucket.effect("in/"), sleep=lambda _: None)
    assert (bucket.counts[PUT], bucket.ids()) == (1, THEIRS | {f"{MARK}1"})


def test_who_changes_it_for_ever_is_a_conflict_and_loses_nothing(bucket):
    numbers = iter(range(1000))
    for number in range(1, 200):
        bucket.before[GET, number] = lambda: bucket.theirs(next(numbers))
    with pytest.raises(Conflict) as caught:
        aws.notify(bucket.call, bucket.effect("in/"), sleep=lambda _: None)
    assert "keeps changing" in caught.value.message
    done = next(numbers)
    assert {f"concurrent {at} 0" for at in range(done)} | THEIRS <= bucket.ids()


def test_nothing_is_written_when_nothing_has_to_be(bucket):
    assert aws.notify(bucket.call, bucket.effect("in/"), sleep=lambda _: None)
    assert not aws.notify(bucket.call, bucket.effect("in/"), sleep=lambda _: None)
    assert bucket.counts[PUT] == 1
    assert not aws.notify(bucket.call, bucket.effect(mark="windlass.pipeline.other."), sleep=lambda _: None)


@pytest.mark.timeout(120)
def test_several_deployments_of_one_bucket_at_once_all_have_what_they_want(bucket, monkeypatch):
    monkeypatch.setattr(aws, "SETTLE_S", 0.3)
    monkeypatch.setattr(aws, "MAX_MERGES", 20)
    failures = []

    def deploy(name):
        mark = f"windlass.pipeline.{name}."
        own = Bucket(bucket.world)
        try:
            for filters in ((f"{name}/",), (), (f"{name}/", f"{name}2/")):
                aws.notify(own.call, own.effect(*filters, mark=mark))
                assert len(own_entries(bucket.world.notification(bucket.world.raw), mark)) == len(filters)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=deploy, args=(name,)) for name in "abc"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert bucket.ids() == THEIRS | {f"windlass.pipeline.{name}.{at}" for name in "abc" for at in (1, 2)}


def test_what_passes_by_itself_is_waited_for_and_what_does_not_is_told_with_what_was_done():
    answers = iter(
        [AwsError("lambda: The role can't: cannot be assumed by Lambda"), AwsError("cannot be assumed by Lambda"), None]
    )
    slept, done = [], []

    def call(service, operation, /, **params):
        error = next(answers) if operation == "CreateFunction" else None
        if operation == "DeleteQueue":
            raise AwsError("sqs DeleteQueue: it burns", hint="Run.")
        if error:
            raise error
        done.append(operation)

    create = ApiCall("function", "lambda", "CreateFunction", {}, "", ("cannot be assumed",))
    aws.apply(call, DeploymentPlan((create,)), sleep=slept.append)
    assert (done, len(slept)) == (["CreateFunction"], 2)
    answers = iter([None])
    with pytest.raises(AwsError) as caught:
        aws.apply(call, DeploymentPlan((create, ApiCall("queue", "sqs", "DeleteQueue", {}, ""))), sleep=slept.append)
    assert "1 of 2 steps are done" in caught.value.hint


def test_the_merge_is_what_the_tests_of_it_promise(bucket):
    now = bucket.world.notification(bucket.world.raw)
    assert equivalent(without_entries(with_entries(now, bucket.effect("in/").entries, MARK), MARK), now)
