"""The sample estate: the same for the same random seed, varied enough to show things, and really there once applied."""

import json
import urllib.request
from collections import Counter

import pytest

from s3_clients import client
from windlass_local.exceptions import Conflict
from windlass_local.sample_estate import populate
from windlass_local.sample_estate.clients import Clients, EstateRegion
from windlass_local.sample_estate.hosts import build_host, is_managed
from windlass_local.sample_estate.plan import ACCOUNTS, REGIONS, plan_buckets, plan_workloads


def test_the_same_seed_plans_the_same_estate_and_another_seed_another():
    assert plan_buckets(7, 1) == plan_buckets(7, 1)
    assert plan_workloads(7, 1) == plan_workloads(7, 1)
    assert plan_buckets(7, 1) != plan_buckets(8, 1)


@pytest.mark.parametrize("random_seed", [1, 7, 42])
def test_every_seed_plans_sixty_buckets_over_all_accounts_and_regions(random_seed):
    buckets = plan_buckets(random_seed, 1)
    assert len(buckets) >= 60
    assert {bucket.account_id for bucket in buckets} == set(ACCOUNTS)
    assert {bucket.region for bucket in buckets} == set(REGIONS)


@pytest.mark.parametrize("random_seed", [1, 7, 42])
def test_us_east_1_has_the_null_location_and_exactly_one_bucket_the_legacy_one(random_seed):
    buckets = plan_buckets(random_seed, 1)
    assert {bucket.location for bucket in buckets if bucket.region == "us-east-1"} == {""}
    assert [bucket.region for bucket in buckets if bucket.location == "EU"] == ["eu-west-1"]


def test_some_buckets_are_tagged_and_some_are_not():
    tagged = Counter(bool(bucket.tags) for bucket in plan_buckets(7, 1))
    assert tagged[True] > tagged[False] > 0


def test_scale_multiplies_the_estate_without_using_a_name_twice():
    buckets = plan_buckets(7, 3)
    assert len(buckets) >= 180
    assert len({bucket.name for bucket in buckets}) == len(buckets)
    names = [(work.account_id, work.region, work.name) for work in plan_workloads(7, 3)]
    assert len(set(names)) == len(names) == 3 * len(plan_workloads(7, 1))


def _reset(url):
    with urllib.request.urlopen(urllib.request.Request(f"{url}/moto-api/reset", method="POST")) as answer:
        assert answer.status == 200


@pytest.fixture(scope="module")
def seeded(local_aws):
    """The estate, built once, with what progress was told and what was made."""
    _reset(local_aws.url)
    message = []
    summary = populate(local_aws.url, random_seed=7, progress=lambda *step: message.append(step))
    yield local_aws.url, summary, message
    _reset(local_aws.url)


@pytest.mark.slow
def test_the_buckets_of_the_plan_are_there_in_their_accounts_and_regions(seeded):
    url = seeded[0]
    there = {
        (bucket["Name"], account_id, bucket["BucketRegion"])
        for account_id in ACCOUNTS
        for bucket in client(url, account_id=account_id).list_buckets(MaxBuckets=1000)["Buckets"]
    }
    assert {(bucket.name, bucket.account_id, bucket.region) for bucket in plan_buckets(7, 1)} <= there


@pytest.mark.slow
def test_a_legacy_bucket_returns_eu_and_one_in_us_east_1_an_empty_location(seeded):
    url, plan = seeded[0], plan_buckets(7, 1)
    old = next(bucket for bucket in plan if bucket.location == "EU")
    first = next(bucket for bucket in plan if bucket.region == "us-east-1")
    s3 = client(url, account_id=old.account_id, region="eu-west-1")
    assert s3.get_bucket_location(Bucket=old.name)["LocationConstraint"] == "EU"
    s3 = client(url, account_id=first.account_id)
    assert s3.get_bucket_location(Bucket=first.name).get("LocationConstraint") is None


@pytest.mark.slow
def test_the_summary_counts_believable_numbers_and_progress_reaches_its_total(seeded):
    _, summary, message = seeded
    assert 600 <= sum(summary.counts.values()) <= 1200
    assert summary.counts["s3.bucket"] == len(plan_buckets(7, 1))
    assert len(summary.counts) >= 45
    assert summary.skipped == {}
    assert message[-1][1] == message[-1][2]
    assert [done for _, done, _ in message] == sorted(done for _, done, _ in message)


@pytest.mark.slow
def test_rare_things_are_there_once_or_twice_and_not_in_every_region(seeded):
    counts = seeded[1].counts
    rare = (
        "rds.cluster",
        "elasticache.replication-group",
        "kafka.cluster",
        "batch.compute-environment",
        "batch.job-queue",
        "lambda.layer",
        "glue.job",
        "datasync.task",
    )
    assert {kind: counts[kind] for kind in rare} == dict.fromkeys(rare, 2)


@pytest.mark.slow
def test_the_organization_lists_exactly_our_accounts_by_their_ids(seeded):
    accounts = client(seeded[0], "organizations").list_accounts()["Accounts"]
    assert {account["Id"] for account in accounts} == set(ACCOUNTS)


@pytest.mark.slow
@pytest.mark.parametrize("account_id", ACCOUNTS)
def test_the_reader_role_can_be_assumed_in_each_account(seeded, account_id):
    sts = client(seeded[0], "sts")
    keys = sts.assume_role(RoleArn=f"arn:aws:iam::{account_id}:role/WindlassReader", RoleSessionName="look")[
        "Credentials"
    ]
    assumed = client(
        seeded[0],
        "sts",
        aws_access_key_id=keys["AccessKeyId"],
        aws_secret_access_key=keys["SecretAccessKey"],
        aws_session_token=keys["SessionToken"],
    )
    assert assumed.get_caller_identity()["Account"] == account_id


@pytest.mark.slow
def test_notifications_lead_to_queues_that_exist(seeded):
    url, checked = seeded[0], 0
    for bucket in plan_buckets(7, 1):
        if "to-sqs" not in bucket.features:
            continue
        s3 = client(url, account_id=bucket.account_id, region=bucket.region)
        expected = s3.get_bucket_notification_configuration(Bucket=bucket.name)
        for queue_configuration in expected.get("QueueConfigurations", ()):
            sqs = client(url, "sqs", account_id=bucket.account_id, region=bucket.region)
            sqs.get_queue_url(QueueName=queue_configuration["QueueArn"].rpartition(":")[2])
            checked += 1
    assert checked


@pytest.mark.slow
def test_a_public_bucket_is_public_and_not_blocked(seeded):
    public = next(bucket for bucket in plan_buckets(7, 1) if "public-read" in bucket.features)
    s3 = client(seeded[0], account_id=public.account_id, region=public.region)
    statements = json.loads(s3.get_bucket_policy(Bucket=public.name)["Policy"])["Statement"]
    assert "PublicRead" in {statement["Sid"] for statement in statements}
    with pytest.raises(s3.exceptions.ClientError, match="NoSuchPublicAccessBlockConfiguration"):
        s3.get_public_access_block(Bucket=public.name)


@pytest.mark.slow
def test_each_bucket_has_its_daily_size_in_cloudwatch(seeded):
    bucket = plan_buckets(7, 1)[0]
    metrics = client(seeded[0], "cloudwatch", account_id=bucket.account_id, region=bucket.region).list_metrics(
        Namespace="AWS/S3", MetricName="BucketSizeBytes"
    )["Metrics"]
    assert bucket.name in {dimension["Value"] for metric in metrics for dimension in metric["Dimensions"]}


@pytest.mark.slow
def test_a_second_estate_on_the_same_server_is_a_conflict_with_a_remedy(seeded):
    with pytest.raises(Conflict) as caught:
        populate(seeded[0], random_seed=8)
    assert caught.value.hint


@pytest.mark.parametrize("random_seed", [1, 7, 42])
def test_some_machines_have_an_agent_and_one_of_these_is_outdated(random_seed):
    managed = [work for work in plan_workloads(random_seed, 1) if is_managed(work)]
    assert 5 <= len(managed) <= 10
    assert [work.team for work in managed if work.account_id == "333333333333"] == ["payments"]


def test_an_outdated_host_has_the_old_openssl_and_misses_its_patch(aws):
    versions = {}
    for account_id in ("111111111111", "333333333333"):
        work = next(
            work
            for work in plan_workloads(7, 1)
            if is_managed(work) and work.team == "payments" and work.account_id == account_id
        )
        ec2, ssm = (aws(name, account=account_id, region=work.region) for name in ("ec2", "ssm"))
        instance = ec2.run_instances(ImageId="ami-0abcdef1234567890", MinCount=1, MaxCount=1)["Instances"][0]
        clients = Clients(ec2.meta.endpoint_url)
        build_host(EstateRegion(clients, account_id, work.region), work, instance)
        clients.close()
        of = {"InstanceId": instance["InstanceId"]}
        packages = ssm.list_inventory_entries(TypeName="AWS:Application", **of)["Entries"]
        assert 30 <= len(packages) <= 60
        versions[account_id] = next(package["Version"] for package in packages if package["Name"] == "openssl")
        missing = {
            patch["Title"] for patch in ssm.describe_instance_patches(**of)["Patches"] if patch["State"] == "Missing"
        }
        assert ("openssl" in missing) == (account_id == "333333333333")
        ec2.terminate_instances(InstanceIds=[instance["InstanceId"]])
    assert versions == {"111111111111": "3.0.8", "333333333333": "3.0.5"}
