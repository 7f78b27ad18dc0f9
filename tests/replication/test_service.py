"""Plans on the embedded AWS: facts as AWS has them, one clear error before anything is written, sets, roles, rules."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from windlass.core.errors import Conflict, NotFound, UsageError
from windlass.core.iam import missing, trusts
from windlass.replication.effects import perform
from windlass.replication.model import Method, Operation
from windlass.replication.planning.request import SeedRequest
from windlass.replication.seed import job as seeding
from windlass.replication.service import PairSelection
from windlass.replication.setup.role import BATCH_SERVICE, REPLICATION_SERVICE


def planned(app, source, target, **request):
    replication = app.replication
    return replication.plan(
        replication.pairs(PairSelection(source=source, destination=target)), SeedRequest(**request)
    )[0]


def writes(app, plan, **request):
    return app.replication.effects(plan, SeedRequest(**request))


def test_a_plan_counts_both_sides_and_names_the_way(seed_app, buckets_of):
    app = seed_app()
    buckets = buckets_of(app)
    source, target = buckets.pair(objects=7)
    buckets.call("eu-west-1", "PutObject", Bucket=target, Key="2026/é 003+%.txt", Body=b"xxx")
    plan = planned(app, source, target)
    assert plan.error is None
    assert (plan.volume.objects, plan.volume.missing) == (7, 6)
    assert (plan.choice.method, plan.choice.operation) == (Method.BATCH, Operation.REPLICATE)
    copies = planned(app, source, target, operation=Operation.COPY)
    assert copies.choice.method is Method.DIRECT
    assert "less than a batch job" in copies.choice.why


def test_dry_run_is_what_is_done(seed_app, buckets_of):
    """The rule and roles that the effects make are found by the next plan, which then has nothing more to switch."""
    app = seed_app()
    source, target = buckets_of(app).pair(objects=1)
    plan = planned(app, source, target)
    listed = writes(app, plan)
    assert [entry.operation for entry in listed] == [
        "CreateRole",
        "UpdateAssumeRolePolicy",
        "PutRolePolicy",
        "PutBucketReplication",
        "CreateRole",
        "UpdateAssumeRolePolicy",
        "PutRolePolicy",
        "CreateJob",
    ]
    perform(app.estate, listed[:-1])
    perform(app.estate, listed[:-1])  # idempotent
    again = planned(app, source, target)
    assert again.findings == ()
    assert again.facts.rule["Destination"]["Bucket"].endswith(target)
    assert trusts(again.facts.replication_role.trust, REPLICATION_SERVICE)
    assert [write.operation for write in writes(app, again)] == [
        "CreateRole",
        "UpdateAssumeRolePolicy",
        "PutRolePolicy",
        "CreateJob",
    ]


def test_a_second_rule_keeps_the_first_and_its_role(seed_app, buckets_of):
    app = seed_app()
    buckets = buckets_of(app)
    source, target = buckets.pair()
    other = buckets.make("other", "eu-west-1")
    perform(app.estate, writes(app, planned(app, source, target, include_in_sync=True), include_in_sync=True)[:-1])
    plan = planned(app, source, other, include_in_sync=True)
    effects = writes(app, plan, include_in_sync=True)
    assert [effect.operation for effect in effects][:2] == ["PutRolePolicy", "PutBucketReplication"]
    perform(app.estate, effects[:2])
    facts = planned(app, source, other).facts
    assert len(facts.source.rules) == 2
    assert {rule["Priority"] for rule in facts.source.rules} == {1, 2}
    assert planned(app, source, target).findings == ()
    assert planned(app, source, other).findings == ()


def test_bad_input_is_one_clear_error_and_writes_nothing(seed_app, buckets_of):
    app = seed_app()
    buckets = buckets_of(app)
    source, target = buckets.pair(versioned=False, objects=1)
    with pytest.raises(UsageError, match="its own replica"):
        planned(app, source, source)
    with pytest.raises(UsageError):
        planned(app, "s3://", target)
    assert isinstance(planned(app, source, f"{target}-none").error, NotFound)
    unversioned = planned(app, source, target)
    assert isinstance(unversioned.error, Conflict)
    assert "--enable-versioning" in unversioned.error.hint
    with pytest.raises(Conflict):
        seeding.begin(app.replication, app.jobs, [unversioned], SeedRequest())
    assert app.replication.seeds() == []
    assert app.jobs.list() == ()
    versioned = planned(app, source, target, enable_versioning=True)
    assert [write.operation for write in writes(app, versioned, enable_versioning=True)][:2] == [
        "PutBucketVersioning"
    ] * 2


def test_a_bucket_that_denies_access_is_reported(seed_app, buckets_of):
    app = seed_app()
    buckets = buckets_of(app)
    source, target = buckets.pair(objects=1)
    deny = {"Effect": "Deny", "Principal": "*", "Action": "s3:ListBucket", "Resource": f"arn:aws:s3:::{source}"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [deny]})
    buckets.call("us-east-1", "PutBucketPolicy", Bucket=source, Policy=policy)
    plan = planned(app, source, target)
    assert plan.error.code in ("AccessDenied", "403")


def test_encryption_lock_and_lifecycle_are_seen(seed_app, buckets_of):
    app = seed_app()
    buckets = buckets_of(app)
    source = buckets.make("locked", "us-east-1", ObjectLockEnabledForBucket=True)
    target = buckets.make("open", "eu-west-1")
    key = buckets.call("eu-west-1", "CreateKey", service="kms")["KeyMetadata"]
    buckets.call("eu-west-1", "DisableKey", service="kms", KeyId=key["KeyId"])
    rule = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key["Arn"]}}
    buckets.call("eu-west-1", "PutBucketEncryption", Bucket=target, ServerSideEncryptionConfiguration={"Rules": [rule]})
    expire = {"ID": "x", "Status": "Enabled", "Filter": {"Prefix": ""}, "Expiration": {"Days": 1}}
    buckets.call(
        "us-east-1", "PutBucketLifecycleConfiguration", Bucket=source, LifecycleConfiguration={"Rules": [expire]}
    )
    result = {finding.code: finding.level for finding in planned(app, source, target).findings}
    assert result["DstBucketObjectLockConfigMissing"] == "error"
    assert result["DstKmsKeyInvalidState"] == "error"
    assert result["Lifecycle"] == "warning"


def test_two_accounts_of_ours_agree_by_bucket_policy(seed_app, buckets_of, account):
    other = "999999999998"
    app = seed_app(accounts=(account, other))
    buckets = buckets_of(app)
    source = buckets.make("mine", "us-east-1")
    target = buckets.make("theirs", "eu-west-1", account=other)
    plan = planned(app, source, target, include_in_sync=True)
    assert plan.error is None
    effects = writes(app, plan, include_in_sync=True)
    (policy,) = [effect for effect in effects if effect.operation == "PutBucketPolicy"]
    assert (policy.account_id, policy.params["Bucket"]) == (other, target)
    rule = next(effect for effect in effects if effect.operation == "PutBucketReplication").params[
        "ReplicationConfiguration"
    ]["Rules"][0]
    assert rule["Destination"]["AccessControlTranslation"] == {"Owner": "Destination"}
    perform(app.estate, [policy])
    assert "PutBucketPolicy" not in [
        write.operation
        for write in writes(app, planned(app, source, target, include_in_sync=True), include_in_sync=True)
    ]
    copies = planned(app, source, target, include_in_sync=True, operation=Operation.COPY, method=Method.BATCH)
    (job,) = [write for write in writes(app, copies, include_in_sync=True) if write.operation == "CreateJob"]
    assert (job.account_id, job.region) == (other, "eu-west-1")


def test_sets_by_pattern_pairs_and_inventory(seed_app, buckets_of):
    app = seed_app()
    buckets = buckets_of(app)
    for name in ("a", "b"):
        buckets.pair(f"prod-{name}")
    buckets.call(
        "us-east-1",
        "PutBucketTagging",
        Bucket=f"{buckets.mark}-prod-b",
        Tagging={"TagSet": [{"Key": "replicate", "Value": "yes"}]},
    )
    sets = [
        {"name": "pattern", "source": f"{buckets.mark}-prod-*", "destination": "{name}-replica"},
        {"name": "listed", "pairs": [[f"{buckets.mark}-prod-a", f"{buckets.mark}-prod-a-replica"]]},
        {"name": "asked", "query": "tag:replicate=yes", "destination": "{name}-replica"},
    ]
    other = seed_app(store="sets", sets=sets)
    assert len(other.replication.pairs(PairSelection(set_name="pattern"))) == 2
    assert other.replication.pairs(PairSelection(set_name="listed"))[0].source.region == "us-east-1"
    from windlass.inventory.collection_job import collect_as_job

    collect_as_job(other.inventory, other.jobs, other.inventory.options(types=("s3.bucket",)))
    (result,) = other.replication.pairs(PairSelection(set_name="asked"))
    assert result.source.bucket == f"{buckets.mark}-prod-b"
    with pytest.raises(NotFound, match="there is no set"):
        other.replication.pairs(PairSelection(set_name="none"))


def test_large_buckets_are_taken_from_cloudwatch(seed_app, buckets_of):
    app = seed_app(**{"replication.list_threshold_objects": 3})
    buckets = buckets_of(app)
    source, target = buckets.pair(objects=2)
    hours_ago = datetime.now(UTC) - timedelta(hours=5)
    data = [
        {
            "Timestamp": hours_ago,
            "MetricName": metric,
            "Value": value,
            "Unit": unit,
            "Dimensions": [{"Name": "BucketName", "Value": source}, {"Name": "StorageType", "Value": kind}],
        }
        for metric, kind, value, unit in (
            ("NumberOfObjects", "AllStorageTypes", 5e6, "Count"),
            ("BucketSizeBytes", "StandardStorage", 9e12, "Bytes"),
        )
    ]
    buckets.call("us-east-1", "PutMetricData", service="cloudwatch", Namespace="AWS/S3", MetricData=data)
    plan = planned(app, source, target)
    assert (plan.volume.source, plan.volume.missing) == ("metrics", None)
    assert plan.volume.objects > 2_000_000  # moto averages what it counts itself into it
    assert planned(app, source, target, measure="listing").volume.missing == 2


def test_the_batch_role_has_exactly_what_the_job_needs(seed_app, buckets_of):
    app = seed_app()
    source, target = buckets_of(app).pair(objects=1)
    plan = planned(app, source, target, operation=Operation.COPY, method=Method.BATCH)
    effects = writes(app, plan, operation=Operation.COPY, method=Method.BATCH)
    perform(app.estate, effects[:3])
    name = effects[0].params["RoleName"]
    call = app.estate.call
    role = call(plan.pair.source.account_id, "us-east-1", "iam", "GetRole", RoleName=name)["Role"]
    assert trusts(role["AssumeRolePolicyDocument"], BATCH_SERVICE)
    held = json.loads(effects[2].params["PolicyDocument"])
    needed = [{"Effect": "Allow", "Action": ["s3:GetObject"], "Resource": f"arn:aws:s3:::{source}/x"}]
    assert missing([held], needed) == ()
    assert missing([held], [{"Effect": "Allow", "Action": ["s3:DeleteObject"], "Resource": f"arn:aws:s3:::{source}/x"}])
    assert missing([held], [{"Effect": "Allow", "Action": ["s3:PutObject"], "Resource": f"arn:aws:s3:::{source}/x"}])


def test_who_copies_must_be_let_in(seed_app, buckets_of):
    """Dry calls find out that we may not write, or read, and leave nothing behind; a batch job's role may all the same."""
    app = seed_app()
    buckets = buckets_of(app)
    source, target = buckets.pair(objects=1, versioned=False)
    for bucket, region, action in ((target, "eu-west-1", "s3:PutObject"), (source, "us-east-1", "s3:GetObject")):
        deny = {"Effect": "Deny", "Principal": "*", "Action": action, "Resource": f"arn:aws:s3:::{bucket}/*"}
        buckets.call(
            region, "PutBucketPolicy", Bucket=bucket, Policy=json.dumps({"Version": "2012-10-17", "Statement": [deny]})
        )
    direct = planned(app, source, target, operation=Operation.COPY, method=Method.DIRECT)
    assert {finding.where for finding in direct.findings} == {source, target}
    assert direct.error.code == "AccessDenied"
    assert planned(app, source, target, operation=Operation.COPY, method=Method.BATCH).error is None
    assert buckets.call("eu-west-1", "ListMultipartUploads", Bucket=target).get("Uploads", []) == []
    assert buckets.keys(target) == []
