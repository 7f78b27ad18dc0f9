"""EMR: the step as EMR wants it, started on a cluster that exists or on its own; the Spark script does what it says."""

import json

import boto3
import pytest

from windlass.core.errors import UsageError
from windlass.replication.effects import perform
from windlass.replication.methods.batch.job import ManifestRef, StagingPrefix
from windlass.replication.methods.emr import step as emr
from windlass.replication.methods.emr.copy_script import copy_rows
from windlass.replication.model import BucketRef, Method, Operation, Pair
from windlass.replication.planning.request import SeedRequest
from windlass.replication.service import PairSelection


def pair(account="111111111111"):
    return Pair(
        source=BucketRef(bucket="logs", account_id=account, region="us-east-1"),
        destination=BucketRef(bucket="logs-replica", account_id=account, region="us-east-1"),
        prefix="2026/",
    )


SPOT = StagingPrefix("logs-replica", ".windlass/seed/s")


def test_the_step_is_a_command_a_person_can_run():
    said = emr.step_command(pair(), encrypt=True)
    assert said.startswith("aws emr add-steps --region us-east-1 --cluster-id CLUSTER --steps ")
    assert "s3-dist-cp,--src=s3://logs/2026/,--dest=s3://logs-replica/2026/,--s3ServerSideEncryption" in said
    assert emr.emr_effects(pair(), emr.EmrTarget(), "s", SPOT, None) == ()


def test_what_s3_dist_cp_refuses_is_refused_first():
    bad = Pair(source=BucketRef(bucket="my_logs", account_id="1", region="r"), destination=pair().destination)
    with pytest.raises(UsageError, match="underscore"):
        emr.step_command(bad)


@pytest.mark.parametrize(
    "target",
    [
        emr.EmrTarget(cluster="j-1", transient=True),
        emr.EmrTarget(application="a"),
        emr.EmrTarget(application="a", cluster="j"),
    ],
)
def test_a_place_to_run_is_one_place(target):
    with pytest.raises(UsageError):
        emr.emr_effects(pair(), target, "s", SPOT, None)


def test_a_step_is_added_and_followed(seed_app, account):
    app = seed_app()
    flow = app.estate.call(
        account,
        "us-east-1",
        "emr",
        "RunJobFlow",
        Name="x",
        ReleaseLabel="emr-7.9.0",
        JobFlowRole="r",
        ServiceRole="s",
        Instances={"MasterInstanceType": "m6g.xlarge", "InstanceCount": 1, "KeepJobFlowAliveWhenNoSteps": True},
    )["JobFlowId"]
    target = emr.EmrTarget(cluster=flow)
    answers = perform(app.estate, emr.emr_effects(pair(account), target, "seed_1", SPOT, None))
    ref = emr.started(answers, target, pair(account).destination)
    step = app.estate.call(account, "us-east-1", "emr", "DescribeStep", ClusterId=flow, StepId=ref["step"])["Step"]
    assert step["Config"]["Args"][:2] == ["s3-dist-cp", "--src=s3://logs/2026/"]
    assert emr.look(app.estate, ref).status in ("Active", "Complete")


def test_a_transient_cluster_ends_with_its_step(seed_app, account):
    app = seed_app()
    (effect,) = emr.emr_effects(
        pair(account), emr.EmrTarget(transient=True, instances=3, subnet="subnet-1"), "seed_2", SPOT, None
    )
    assert effect.params["Instances"]["KeepJobFlowAliveWhenNoSteps"] is False
    assert effect.params["Steps"][0]["ActionOnFailure"] == "TERMINATE_CLUSTER"
    ref = emr.started(perform(app.estate, [effect]), emr.EmrTarget(transient=True), pair(account).destination)
    assert ref["cluster"].startswith("j-")
    assert emr.look(app.estate, ref).status in ("Active", "Complete")


def test_serverless_gets_a_script_and_a_manifest(seed_app, account, buckets_of):
    app = seed_app()
    buckets = buckets_of(app)
    work = buckets.make("work", "us-east-1")
    application = app.estate.call(
        account,
        "us-east-1",
        "emr-serverless",
        "CreateApplication",
        name="x",
        releaseLabel="emr-7.9.0",
        type="SPARK",
        clientToken="t",
    )["applicationId"]
    target = emr.EmrTarget(application=application, execution_role=f"arn:aws:iam::{account}:role/emr")
    effects = emr.emr_effects(
        pair(account), target, "seed_3", StagingPrefix(work, "w"), ManifestRef(work, "w/m.csv", "e")
    )
    assert [effect.operation for effect in effects] == ["PutObject", "StartJobRun"]
    ref = emr.started(perform(app.estate, effects), target, pair(account).destination)
    assert ref["run"]
    script = buckets.call("us-east-1", "GetObject", Bucket=work, Key="w/copy_script.py")["Body"].read().decode()
    compile(script, "copy_script.py", "exec")
    assert "windlass." not in script.partition('"""')[2].partition('"""')[2]  # executors have nothing of Windlass
    submit = effects[1].params["jobDriver"]["sparkSubmit"]
    assert submit["entryPointArguments"] == [f"s3://{work}/w/m.csv", "logs-replica", "us-east-1"]
    json.dumps(effects[1].params)


def test_the_script_copies_what_rows_say(seed_aws, seed_app, account, buckets_of):
    buckets = buckets_of(seed_app())
    source, target = buckets.make("a", "us-east-1"), buckets.make("b", "us-east-1")
    for body in (b"old", b"new"):
        version = buckets.call("us-east-1", "PutObject", Bucket=source, Key="é +%/x", Body=body, Metadata={"k": "v"})[
            "VersionId"
        ]
    client = boto3.client(
        "s3", endpoint_url=seed_aws.url, region_name="us-east-1", aws_access_key_id=account, aws_secret_access_key="x"
    )
    rows = [f"{source},%C3%A9+%2B%25/x", f"{source},%C3%A9+%2B%25/x,{version}", f"{source},gone"]
    copied, failures = copy_rows(rows, target, client)
    client.close()
    assert copied == 2
    assert failures[0].startswith("gone: ")
    got = buckets.call("us-east-1", "GetObject", Bucket=target, Key="é +%/x")
    assert (got["Body"].read(), got["Metadata"]) == (b"new", {"k": "v"})


def test_a_plan_by_emr_writes_nothing_without_a_place(seed_app, buckets_of):
    app = seed_app()
    source, target = buckets_of(app).pair(objects=1, versioned=False)
    request = SeedRequest(method=Method.EMR, operation=Operation.COPY)
    (plan,) = app.replication.plan(app.replication.pairs(PairSelection(source=source, destination=target)), request)
    assert plan.choice.estimate.usd > 0
    assert app.replication.effects(plan, request) == ()
