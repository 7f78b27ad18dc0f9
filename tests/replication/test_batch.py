"""CreateJob as S3 wants it: places, manifests of both kinds, filters, tokens; checked against botocore's own model."""

from datetime import UTC, datetime

import pytest
from botocore.validate import ParamValidator

from tests import botocore_models
from windlass.replication.methods.batch.job import JobSpec, ManifestRef, StagingPrefix, create_effect
from windlass.replication.methods.batch.template import Template
from windlass.replication.model import BucketRef, Operation, Pair

PAIR = Pair(
    source=BucketRef(bucket="logs", account_id="111111111111", region="us-east-1"),
    destination=BucketRef(bucket="logs-replica", account_id="222222222222", region="eu-west-1"),
    prefix="2026/",
)
T0 = datetime(2026, 11, 21, 8, tzinfo=UTC)
OWN_PREFIX = ManifestRef("work", "w/manifest.csv", "etag", versions=True)
THEIRS = StagingPrefix("work", "w")


def made(operation, manifest, template=None, **more):
    return create_effect(
        JobSpec(
            pair=PAIR,
            template=template or Template(),
            operation=operation,
            seed_id="seed_1",
            set_name="dr",
            role_arn="arn:aws:iam::111111111111:role/x",
            manifest=manifest,
            report_to=THEIRS,
            created_before=T0,
            confirm=False,
            **more,
        )
    )


@pytest.mark.parametrize("operation", list(Operation))
@pytest.mark.parametrize("manifest", [OWN_PREFIX, THEIRS])
def test_the_parameters_fit_the_model(operation, manifest):
    template = Template.model_validate(
        {
            "lambda": {"function": "arn:aws:lambda:us-east-1:111111111111:function:f", "arguments": {"a": "b"}},
            "manifest": {"keep": True},
        }
    )
    effect = made(operation, manifest, template)
    shape = botocore_models.service_model("s3control").operation_model("CreateJob").input_shape
    assert not ParamValidator().validate(dict(effect.params), shape).has_errors()


def test_a_job_lives_where_s3_wants_it():
    assert (made(Operation.REPLICATE, THEIRS).account_id, made(Operation.REPLICATE, THEIRS).region) == (
        "111111111111",
        "us-east-1",
    )
    assert (made(Operation.COPY, OWN_PREFIX).account_id, made(Operation.COPY, OWN_PREFIX).region) == (
        "222222222222",
        "eu-west-1",
    )


def test_replicas_are_of_what_was_there_before_t0():
    generator = made(Operation.REPLICATE, THEIRS).params["ManifestGenerator"]["S3JobManifestGenerator"]
    assert generator["Filter"] == {
        "EligibleForReplication": True,
        "ObjectReplicationStatuses": ["NONE", "FAILED"],
        "CreatedBefore": T0,
        "KeyNameConstraint": {"MatchAnyPrefix": ["2026/"]},
    }
    assert generator["ExpectedBucketOwner"] == "111111111111"
    assert "ManifestOutputLocation" not in generator
    copies = made(Operation.COPY, THEIRS).params["ManifestGenerator"]["S3JobManifestGenerator"]
    assert "EligibleForReplication" not in copies["Filter"]


def test_our_manifest_shows_whether_it_has_versions():
    manifest = made(Operation.COPY, OWN_PREFIX).params["Manifest"]
    assert manifest["Spec"]["Fields"] == ["Bucket", "Key", "VersionId"]
    assert manifest["Location"] == {"ObjectArn": "arn:aws:s3:::work/w/manifest.csv", "ETag": "etag"}


def test_the_token_has_the_claims_of_the_job():
    one = made(Operation.COPY, OWN_PREFIX).params["ClientRequestToken"]
    assert made(Operation.COPY, OWN_PREFIX).params["ClientRequestToken"] == one
    assert made(Operation.COPY, OWN_PREFIX, number=1).params["ClientRequestToken"] != one
    assert made(Operation.COPY, OWN_PREFIX, Template(priority=11)).params["ClientRequestToken"] != one
    assert len(one) <= 64


def test_what_is_not_given_is_left_to_s3():
    copy = made(Operation.COPY, OWN_PREFIX).params["Operation"]["S3PutObjectCopy"]
    assert copy == {"TargetResource": "arn:aws:s3:::logs-replica"}
    keyed = Template.model_validate({"copy": {"SSEAwsKmsKeyId": "k"}})
    assert made(Operation.COPY, OWN_PREFIX, keyed).params["Operation"]["S3PutObjectCopy"]["BucketKeyEnabled"] is True
    china = Pair(
        source=BucketRef(bucket="a", region="cn-north-1"),
        destination=BucketRef(bucket="b", account_id="1", region="cn-north-1"),
    )
    effect = create_effect(
        JobSpec(
            pair=china,
            template=Template(),
            operation=Operation.COPY,
            seed_id="s",
            set_name="",
            role_arn="r",
            manifest=OWN_PREFIX,
            report_to=THEIRS,
            created_before=None,
            confirm=True,
        )
    )
    assert effect.params["Report"]["Bucket"] == "arn:aws-cn:s3:::work"
    assert effect.params["ConfirmationRequired"] is True
