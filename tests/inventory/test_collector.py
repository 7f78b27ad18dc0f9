import random
import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.examples import examples
from tests.inventory.fake import (
    NOW,
    ONE,
    TWO,
    FakeCaller,
    bucket_world,
    collect,
    denied,
    gone,
    throttled,
    unreachable,
)
from windlass.core.errors import AwsError
from windlass.inventory.catalog import BY_NAME
from windlass.inventory.collector import Collector
from windlass.inventory.model import GLOBAL, Scope, ScopeState
from windlass.inventory.scope_scan import classify

VPC = ("ec2", "DescribeVpcs")


def vpcs(account_id, region, params):
    return [{"Vpcs": [{"VpcId": f"vpc-{region}-{page}-{n}"} for n in range(3)]} for page in range(3)]


def queues(account_id, region, params):
    return [{"QueueUrls": [f"https://sqs/{region}/q{page}{n}" for n in range(2)]} for page in range(2)]


def attributes(account_id, region, params):
    return {"Attributes": {"QueueArn": f"arn:aws:sqs:{region}:{account_id}:{params['QueueUrl'].rpartition('/')[2]}"}}


def estate(**more):
    answers = {
        VPC: vpcs,
        ("sqs", "ListQueues"): queues,
        ("sqs", "GetQueueAttributes"): attributes,
        ("sqs", "ListQueueTags"): {"Tags": {"team": "web"}},
    }
    return FakeCaller(answers, **more)


@pytest.mark.parametrize(
    ("error", "state"),
    [
        (denied(), ScopeState.DENIED),
        (throttled(), ScopeState.THROTTLED),
        (unreachable(), ScopeState.TIMEOUT),
        (AwsError("x", code="ReadTimeout"), ScopeState.TIMEOUT),
        (AwsError("x", code="ScopeTimeout"), ScopeState.TIMEOUT),
        (AwsError("x", code="OptInRequired"), ScopeState.UNSUPPORTED),
        (AwsError("x", code="UnknownEndpoint"), ScopeState.UNSUPPORTED),
        (AwsError("x", code="AWSOrganizationsNotInUseException"), ScopeState.UNSUPPORTED),
        (AwsError("x", code="InternalError"), ScopeState.FAILED),
        (gone("ResourceNotFoundException"), ScopeState.FAILED),
    ],
)
def test_how_a_listing_may_end(error, state):
    assert classify(error) is state
    caller = estate()
    caller.answers[VPC] = error
    _, results = collect(caller, "ec2.vpc")
    for result in results.values():
        assert (result.state, result.observations) == (state, ())
        assert result.error


def test_every_scope_is_reported_once_with_all_that_is_in_it():
    caller = estate(account_ids=(ONE, TWO))
    whole, results = collect(caller, "ec2.vpc", "sqs.queue")
    assert whole
    assert len(results) == 2 * 2 * 2
    assert all(value.state is ScopeState.OK for value in results.values())
    assert {len(one.observations) for key, one in results.items() if key[2] == "ec2.vpc"} == {9}
    assert {len(one.observations) for key, one in results.items() if key[2] == "sqs.queue"} == {4}
    assert sum(value.calls for value in results.values()) == len(caller.log)


def test_a_refused_account_does_not_harm_another():
    caller = estate(account_ids=(ONE, TWO))
    caller.fault = lambda account_id, *_: denied() if account_id == ONE else None
    _, results = collect(caller, "ec2.vpc")
    assert {key[0]: one.state for key, one in results.items()} == {ONE: ScopeState.DENIED, TWO: ScopeState.OK}


def test_a_dead_region_ends_at_once_and_the_others_are_complete():
    kinds = ("ec2.vpc", "sqs.queue", "dynamodb.table", "kms.alias", "logs.group", "sns.topic", "rds.instance")
    caller = estate()
    caller.fault = lambda account_id, region, *_: unreachable() if region == "eu-west-1" else None
    whole, results = collect(caller, *kinds)
    assert whole
    assert {one.state for key, one in results.items() if key[1] == "eu-west-1"} == {ScopeState.TIMEOUT}
    assert {one.state for key, one in results.items() if key[1] == "us-east-1"} == {ScopeState.OK}
    assert sum(call[1] == "eu-west-1" for call in caller.log) < len(kinds)
    assert "eu-west-1" in max((value.error for value in results.values()), key=len)


def test_a_service_that_is_not_offered_in_a_region_leaves_its_neighbours_alone():
    kinds = ("datasync.task", "datasync.location", "ec2.vpc", "sqs.queue")
    caller = estate()
    caller.fault = lambda account, region, service, *_: unreachable() if service == "datasync" else None
    _, results = collect(caller, *kinds, concurrency=1)
    states = {key[2]: one.state for key, one in results.items() if key[1] == "eu-west-1"}
    assert states == {
        "datasync.task": ScopeState.TIMEOUT,
        "datasync.location": ScopeState.TIMEOUT,
        "ec2.vpc": ScopeState.OK,
        "sqs.queue": ScopeState.OK,
    }


def test_a_denied_detail_is_unknown_and_leaves_the_scope_partial():
    caller = estate()
    caller.answers["sqs", "ListQueueTags"] = denied()
    _, results = collect(caller, "sqs.queue")
    result = results[ONE, "us-east-1", "sqs.queue"]
    assert result.state is ScopeState.PARTIAL
    assert len(result.observations) == 4
    assert all(
        observation.unknown == {"Tags"} and "Tags" not in observation.document for observation in result.observations
    )


def test_one_unreadable_item_costs_its_own_details_only():
    caller = FakeCaller({("sqs", "ListQueues"): {"QueueUrls": [f"https://sqs/1/q{n:02}" for n in range(50)]}})
    caller.answers["sqs", "GetQueueAttributes"] = lambda account_id, region, params: (
        denied() if params["QueueUrl"].endswith("q07") else attributes(account_id, region, params)
    )
    _, results = collect(caller, "sqs.queue")
    result = results[ONE, "us-east-1", "sqs.queue"]
    assert (result.state, len(result.observations)) == (ScopeState.PARTIAL, 50)
    [unread] = [observation for observation in result.observations if observation.unknown]
    assert (unread.key, unread.unknown) == (f"arn:aws:sqs:us-east-1:{ONE}:q07", {"*"})


def test_what_a_detail_does_not_find_is_as_last_known_until_the_listing_drops_it():
    def vanished(account_id, region, params):
        return (
            gone("QueueDoesNotExist") if params["QueueUrl"].endswith("q00") else attributes(account_id, region, params)
        )

    caller = estate()
    caller.answers["sqs", "GetQueueAttributes"] = vanished
    _, results = collect(caller, "sqs.queue")
    result = results[ONE, "us-east-1", "sqs.queue"]
    assert result.state is ScopeState.OK
    assert len(result.observations) == 4
    assert [observation.unknown for observation in result.observations if observation.unknown] == [{"*", "Tags"}]


def clusters(*listings):
    """ListClusters answers each of these in turn; the services of c1 are said not to exist."""
    turns = iter(listings)

    def services(account_id, region, params):
        return (
            gone("ClusterNotFoundException")
            if params["cluster"] == "c1"
            else {"serviceArns": [f"{params['cluster']}/s"]}
        )

    return FakeCaller(
        {
            ("ecs", "ListClusters"): lambda a, r, p: {"clusterArns": next(turns)},
            ("ecs", "ListServices"): services,
            ("ecs", "DescribeServices"): lambda a, r, p: {"services": [{"serviceName": "s", "events": ["noise"]}]},
        },
        region_names=("us-east-1",),
    )


def test_children_of_a_parent_deleted_meanwhile_are_gone_with_it():
    _, results = collect(clusters(["c1", "c2"], ["c2"]), "ecs.service")
    result = results[ONE, "us-east-1", "ecs.service"]
    assert result.state is ScopeState.OK
    [one] = result.observations
    assert one.key == "c2/s"
    assert "events" not in one.document


def test_children_of_a_parent_that_is_still_listed_are_not_called_gone():
    _, results = collect(clusters(["c1", "c2"], ["c1", "c2"]), "ecs.service")
    result = results[ONE, "us-east-1", "ecs.service"]
    assert (result.state, result.error_code, result.observations) == (ScopeState.FAILED, "Contradiction", ())


def test_records_beyond_the_first_page_of_a_detail_are_kept():
    zone = {"HostedZones": [{"Id": "/hostedzone/Z1", "Name": "x."}]}
    pages = [{"ResourceRecordSets": [{"Name": f"r{page}{n}"} for n in range(300)]} for page in range(3)]
    caller = FakeCaller({("route53", "ListHostedZones"): zone, ("route53", "ListResourceRecordSets"): pages})
    _, results = collect(caller, "route53.zone")
    [one] = results[ONE, GLOBAL, "route53.zone"].observations
    assert len(one.document["Records"]) == 900


@pytest.mark.parametrize("nonsense", [{"Vpcs": 7}, {"Vpcs": [None]}, {"Vpcs": [["x"]]}, {"Vpcs": "text"}])
def test_a_malformed_answer_fails_its_own_scope_only(nonsense):
    caller = estate()
    caller.answers[VPC] = nonsense
    whole, results = collect(caller, "ec2.vpc", "sqs.queue")
    assert whole
    assert results[ONE, "us-east-1", "sqs.queue"].state is ScopeState.OK
    assert results[ONE, "us-east-1", "ec2.vpc"].state is ScopeState.FAILED
    assert results[ONE, "us-east-1", "ec2.vpc"].error_code == "Malformed"


class Clock:
    """Monotonic seconds that pass only when a test says so."""

    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


def test_a_scope_that_answers_may_take_as_long_as_it_needs():
    clock, caller = Clock(), estate()

    def slow(account_id, region, params):
        clock.now += 60
        return [{"Vpcs": [{"VpcId": f"v{n}"}]} for n in range(50)]

    caller.answers[VPC] = slow
    _, results = collect(caller, "ec2.vpc", scope_timeout_s=100, clock=clock, concurrency=1)
    assert {(value.state, len(value.observations)) for value in results.values()} == {(ScopeState.OK, 50)}


def test_a_scope_that_is_silent_is_given_up():
    clock, caller = Clock(), estate(region_names=("us-east-1",))

    def attributes_of_nobody(account_id, region, params):
        clock.now += 60
        return AwsError("nothing came", code="ReadTimeout")

    caller.answers["sqs", "GetQueueAttributes"] = attributes_of_nobody
    _, results = collect(caller, "sqs.queue", scope_timeout_s=50, clock=clock, concurrency=1)
    result = results[ONE, "us-east-1", "sqs.queue"]
    assert (result.state, len(result.observations)) == (ScopeState.PARTIAL, 4)
    assert caller.counts()["GetQueueAttributes"] == 1
    assert all(observation.unknown == {"*", "Tags"} for observation in result.observations)


def test_details_stop_when_their_time_is_over_and_the_longest_unread_come_first():
    clock = Clock()
    caller = FakeCaller({("sqs", "ListQueues"): {"QueueUrls": [f"https://sqs/1/q{n}" for n in range(6)]}})
    caller.region_names = ("us-east-1",)

    def timed(account_id, region, params):
        clock.now += 10
        return attributes(account_id, region, params)

    caller.answers["sqs", "GetQueueAttributes"] = timed
    ages = {
        "q0": {"": "2026-02"},
        "q1": {"": "2026-03", "*": "2026-01"},
        "q2": {"": "2026-03"},
        "q3": {"": "2026-04"},
        "q4": {"": "2026-05"},
    }
    _, results = collect(
        caller, "sqs.queue", details_timeout_s=35, clock=clock, concurrency=1, read_times=lambda scope: ages
    )
    result = results[ONE, "us-east-1", "sqs.queue"]
    read = [call[4]["QueueUrl"][-2:] for call in caller.log if call[3] == "GetQueueAttributes"]
    assert read == ["q5", "q1", "q0", "q2"]  # never, longest ago …
    assert (result.state, result.error_code) == (ScopeState.PARTIAL, "DetailsUnfinished")
    assert {observation.resource_id for observation in result.observations if observation.unknown} == {"q3", "q4"}


def test_a_stop_reports_what_was_listed_with_the_details_that_were_read():
    stop = threading.Event()
    caller = estate(account_ids=(ONE, TWO))

    def fault(account_id, region, service, operation, params):
        if len(caller.log) > 8:
            stop.set()

    caller.fault = fault
    whole, results = collect(caller, "ec2.vpc", "sqs.queue", stop=stop, concurrency=2)
    assert not whole
    assert all(len(value.observations) in (4, 9) for value in results.values())
    for result in results.values():
        unread = [observation for observation in result.observations if observation.unknown]
        assert (result.state, result.error_code) == (
            (ScopeState.PARTIAL, "Interrupted") if unread else (ScopeState.OK, "")
        )
    assert not [entry for entry in threading.enumerate() if entry.name.startswith("collect-")]


def test_a_resumed_run_scans_the_rest_only():
    before = frozenset(Scope(ONE, region, "ec2.vpc") for region in ("us-east-1", "eu-west-1"))
    caller, told = estate(), []
    whole, results = collect(caller, "ec2.vpc", "sqs.queue", done_before=before, progress=told.append)
    assert whole
    assert {key[2] for key in results} == {"sqs.queue"}
    assert caller.counts()["DescribeVpcs"] == 0
    assert (told[-1].scopes_done, told[-1].scopes_total) == (4, 4)


def test_progress_only_grows_and_ends_with_everything():
    told = []
    caller = estate(account_ids=(ONE, TWO))
    caller.answers["sqs", "ListQueues"] = denied()
    collect(caller, "ec2.vpc", "sqs.queue", progress=told.append)
    assert [entry.scopes_done for entry in told] == sorted(entry.scopes_done for entry in told)
    last = told[-1]
    assert (last.scopes_done, last.scopes_total, last.resources, last.errors, last.eta_s) == (8, 8, 36, 4, 0.0)
    assert last.calls == len(caller.log)


def test_results_come_one_at_a_time_on_the_calling_thread():
    threads = set()
    collect(estate(), "ec2.vpc", "sqs.queue", sink=lambda _: threads.add(threading.current_thread()))
    assert threads == {threading.current_thread()}


def test_a_store_that_fails_ends_the_run_with_its_error_and_leaves_no_thread():
    def sink(_):
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        collect(estate(), "ec2.vpc", "sqs.queue", sink=sink)
    assert not [entry for entry in threading.enumerate() if entry.name.startswith("collect-")]


def test_a_slow_store_holds_the_workers_back_instead_of_filling_memory():
    taken, far = [], []
    caller = estate(region_names=tuple(f"r{n}" for n in range(60)))

    def sink(result):
        taken.append(result)
        if len(taken) == 1:
            threading.Event().wait(0.3)
            far.append(len({call[1] for call in caller.log}))

    whole, _ = collect(caller, "ec2.vpc", sink=sink, concurrency=2)
    assert whole
    assert len(taken) == 60
    assert far[0] < 12


def test_only_so_many_scopes_are_open_at_a_time():
    # Else all listings of a large estate would be in memory before the first detail is read.
    regions = tuple(f"r{n}" for n in range(100))
    opened, most = set(), []

    def fault(account_id, region, service, operation, params):
        opened.add(region)
        most.append(len(opened))

    caller = estate(region_names=regions, fault=fault)
    collect(caller, "sqs.queue", sink=lambda result: opened.discard(result.scope.region), concurrency=1)
    assert max(most) <= 20


def test_nothing_to_do_is_done():
    assert collect(estate(region_names=()), "ec2.vpc") == (True, {})


# --- random faults ---------------------------------------------------------------------------------------------

ERRORS = (denied, throttled, unreachable, lambda: AwsError("boom", code="InternalError"), lambda: ValueError("broken"))
LISTINGS = {"DescribeVpcs", "ListQueues", "ListBuckets"}
ALL = {
    "ec2.vpc": 9,
    "sqs.queue": 4,
    "s3.bucket": 5,
}


@settings(max_examples=examples(150), deadline=None)
@given(st.integers(min_value=0), st.sampled_from([0.0, 0.02, 0.1, 0.5]), st.integers(1, 8))
def test_under_random_faults_a_complete_scope_has_lost_nothing(seed, rate, workers):
    rng, lock = random.Random(seed), threading.Lock()
    broken = set()  # scopes whose listing was refused
    missed = set()  # (scope, resource, detail) refused

    def fault(account_id, region, service, operation, params):
        with lock:
            if rng.random() >= rate:
                return None
            kind = {"ec2": "ec2.vpc", "sqs": "sqs.queue"}.get(service, "s3.bucket")
            if operation in LISTINGS:
                broken.add((account_id, region, kind))
            else:
                missed.add((account_id, GLOBAL if kind == "s3.bucket" else region, kind))
            return rng.choice(ERRORS)()

    caller = bucket_world({f"b{n}": ("us-east-1", "eu-west-1")[n % 2] for n in range(5)})
    caller.answers |= estate().answers
    caller.account_ids = (ONE, TWO)
    caller.fault = fault
    whole, results = collect(caller, *ALL, concurrency=workers)
    assert whole
    assert len(results) == 2 * (2 + 2 + 1)
    for key, result in results.items():
        if result.state.complete:
            assert key not in broken
            assert len(result.observations) == ALL[key[2]], "a complete listing lost something: it would be deleted"
        else:
            assert result.observations == ()
        if result.state is ScopeState.OK:
            assert key not in missed or key[2] == "s3.bucket"  # refused storage metrics are no part of the truth
            assert all(not observation.unknown for observation in result.observations)
        if not rate:
            assert result.state is ScopeState.OK


def test_an_unforeseen_document_fails_its_scope_and_the_run_goes_on():
    broken = BY_NAME["ec2.vpc"].__class__(
        name="test.broken",
        title="x",
        service="ec2",
        operation="DescribeVpcs",
        items="Vpcs",
        id="VpcId",
        arn="{nonsense}",
    )
    results = []
    collector = Collector(caller=estate(), types={"test.broken": broken}, salt=b"s", now=lambda: NOW, concurrency=2)
    assert collector.run([Scope(ONE, "us-east-1", "test.broken")], sink=results.append)
    assert [(result.state, result.error_code) for result in results] == [(ScopeState.FAILED, "Malformed")]
