"""S3 Batch Operations by plain boto3: jobs that copy, their life, their reports, and what is refused."""

import hashlib
import http.client
import json
import subprocess
import sys
import time
import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import quote_plus, urlsplit

import pytest
from botocore.exceptions import ClientError

from batch_jobs import SOURCE_REGION, TARGET_REGION, Jobs, counts, why
from s3_clients import error_of, fresh
from windlass_local.batch.timing import BATCH_TIMING, BatchTiming
from windlass_local.s3.limits import LIMITS
from windlass_local.server import LocalServer


@pytest.fixture
def jobs(local_aws):
    return Jobs(local_aws.url)


@pytest.fixture
def pace():
    """The pace, as it was before once the test is over."""
    before = {name: getattr(BATCH_TIMING, name) for name in BatchTiming.__slots__}
    yield BATCH_TIMING
    for name, options in before.items():
        setattr(BATCH_TIMING, name, options)


@pytest.fixture
def limits():
    before = LIMITS.copy_bytes
    yield LIMITS
    LIMITS.copy_bytes = before


def test_a_copy_job_copies_what_its_manifest_lists(jobs):
    source, target = jobs.filled(5), jobs.bucket()
    jobs.s3(SOURCE_REGION).put_object(
        Bucket=source, Key="a tagged", Body=b"t", Metadata={"who": "me"}, Tagging="team=web", ContentType="text/html"
    )
    job = jobs.wait(jobs.copy(source, target, Report=jobs.report(target)))
    assert (job["Status"], counts(job)) == ("Complete", (6, 6, 0))
    assert jobs.keys(target) == jobs.keys(source, SOURCE_REGION)
    copied = jobs.s3().get_object(Bucket=target, Key="a tagged")
    assert (copied["Metadata"], copied["ContentType"], copied["Body"].read()) == ({"who": "me"}, "text/html", b"t")
    assert jobs.s3().get_object_tagging(Bucket=target, Key="a tagged")["TagSet"] == [{"Key": "team", "Value": "web"}]
    assert job["TerminationDate"] >= job["CreationTime"]
    assert job["JobArn"] == f"arn:aws:s3:{TARGET_REGION}:{jobs.account}:job/{job['JobId']}"
    assert job["Manifest"]["Spec"]["Fields"] == ["Bucket", "Key"]


def test_the_report_is_written_as_s3_writes_it(jobs):
    source, target = jobs.filled(2), jobs.bucket()
    rows = [*jobs.rows(source), [source, "not%2C+there"]]
    job = jobs.wait(jobs.copy(source, target, manifest=jobs.manifest(target, rows), Report=jobs.report(target)))
    assert (job["Status"], counts(job)) == ("Complete", (3, 2, 1))
    lead = f"reports/job-{job['JobId']}"
    index = jobs.s3().get_object(Bucket=target, Key=f"{lead}/manifest.json")["Body"].read()
    md5 = jobs.s3().get_object(Bucket=target, Key=f"{lead}/manifest.json.md5")["Body"].read().decode()
    assert md5 == hashlib.md5(index).hexdigest()
    document = json.loads(index)
    assert document["Format"] == "Report_CSV_20180820"
    assert document["ReportSchema"] == ("Bucket, Key, VersionId, TaskStatus, ErrorCode, HTTPStatusCode, ResultMessage")
    assert [each["TaskExecutionStatus"] for each in document["Results"]] == ["succeeded", "failed"]
    for each in document["Results"]:
        body = jobs.s3().get_object(Bucket=each["Bucket"], Key=each["Key"])["Body"].read()
        assert each["MD5Checksum"] == hashlib.md5(body).hexdigest()
        assert each["Key"].startswith(f"{lead}/results/")
        assert each["Key"].endswith(".csv")
    results = jobs.results(job)
    assert results["succeeded"][0] == [source, "a+%C3%A9%2B%25/0000", "", "succeeded", "200", "", "Successful"]
    (failed,) = results["failed"]
    assert failed[:6] == [source, "not%2C+there", "", "failed", "404", "NoSuchKey"]
    assert "Status Code: 404; Error Code: NoSuchKey" in failed[6]


def test_a_report_of_failed_tasks_only(jobs):
    source, target = jobs.filled(2), jobs.bucket()
    rows = [*jobs.rows(source), [source, "gone"]]
    options = {"manifest": jobs.manifest(target, rows), "Report": jobs.report(target, "FailedTasksOnly")}
    assert list(jobs.results(jobs.wait(jobs.copy(source, target, **options)))) == ["failed"]


def test_copies_take_the_parameters_of_the_job(jobs):
    source, target = jobs.filled(1), jobs.bucket()
    copy = {
        "StorageClass": "STANDARD_IA",
        "TargetKeyPrefix": "below",
        "NewObjectTagging": [{"Key": "k", "Value": "v"}],
        "MetadataDirective": "REPLACE",
        "NewObjectMetadata": {"ContentType": "text/plain", "UserMetadata": {"new": "1"}},
        "ChecksumAlgorithm": "SHA256",
        "SSEAwsKmsKeyId": "arn:aws:kms:eu-west-1:111111111111:key/1",
    }
    assert jobs.wait(jobs.copy(source, target, copy=copy))["Status"] == "Complete"
    (key,) = jobs.keys(target, prefix="below/")
    head = jobs.s3().head_object(Bucket=target, Key=key, ChecksumMode="ENABLED")
    assert (head["StorageClass"], head["ContentType"], head["Metadata"]) == ("STANDARD_IA", "text/plain", {"new": "1"})
    assert head["SSEKMSKeyId"] == copy["SSEAwsKmsKeyId"]
    assert head["ChecksumSHA256"]
    assert jobs.s3().get_object_tagging(Bucket=target, Key=key)["TagSet"] == [{"Key": "k", "Value": "v"}]


def test_versions_of_the_manifest_are_copied(jobs):
    source, target = jobs.bucket(SOURCE_REGION, versioned=True), jobs.bucket()
    first = jobs.s3(SOURCE_REGION).put_object(Bucket=source, Key="a", Body=b"first")["VersionId"]
    jobs.s3(SOURCE_REGION).put_object(Bucket=source, Key="a", Body=b"second")
    fields = ("Bucket", "Key", "VersionId")
    manifest = jobs.manifest(target, [[source, "a", first]], fields=fields)
    job = jobs.wait(jobs.copy(source, target, manifest=manifest, Report=jobs.report(target)))
    assert jobs.s3().get_object(Bucket=target, Key="a")["Body"].read() == b"first"
    assert jobs.results(job)["succeeded"][0][2] == first


def test_a_token_makes_one_job(jobs):
    source, target = jobs.filled(1), jobs.bucket()
    options = {"manifest": jobs.manifest(target, jobs.rows(source)), "ClientRequestToken": "again"}
    first = jobs.copy(source, target, **options)
    assert jobs.copy(source, target, **options) == first
    with pytest.raises(ClientError) as refused:
        jobs.copy(source, target, Priority=11, **options)
    assert refused.value.response["Error"]["Code"] == "IdempotencyException"
    assert len(jobs.control().list_jobs(AccountId=jobs.account)["Jobs"]) == 1


def test_copies_with_an_acl_and_into_a_locked_bucket(jobs):
    """What moto itself answers of S3 is done as the job's role, too."""
    source, target = jobs.filled(2), jobs.bucket()
    ownership = {"Rules": [{"ObjectOwnership": "ObjectWriter"}]}
    jobs.s3().put_bucket_ownership_controls(Bucket=target, OwnershipControls=ownership)
    jobs.s3().delete_public_access_block(Bucket=target)
    copy = {"CannedAccessControlList": "authenticated-read"}
    assert counts(jobs.wait(jobs.copy(source, target, copy=copy))) == (2, 2, 0)
    grants = jobs.s3().get_object_acl(Bucket=target, Key=jobs.keys(target)[1])["Grants"]
    assert any("AuthenticatedUsers" in grant["Grantee"].get("URI", "") for grant in grants)
    locked = fresh("locked")
    jobs.s3().create_bucket(
        Bucket=locked, ObjectLockEnabledForBucket=True, CreateBucketConfiguration={"LocationConstraint": TARGET_REGION}
    )
    until = datetime.now(UTC).replace(microsecond=0) + timedelta(days=1)
    copy = {"ObjectLockMode": "GOVERNANCE", "ObjectLockRetainUntilDate": until}
    manifest = jobs.manifest(target, jobs.rows(source))
    job = jobs.wait(jobs.copy(source, locked, copy=copy, manifest=manifest, Report=jobs.report(target)))
    assert counts(job) == (2, 2, 0), jobs.results(job)
    head = jobs.s3().head_object(Bucket=locked, Key=jobs.keys(locked)[1])
    assert (head["ObjectLockMode"], head["ObjectLockRetainUntilDate"], head["ContentLength"]) == (
        "GOVERNANCE",
        until,
        1,
    )


def test_calls_on_jobs_are_known_to_faults_and_to_the_log(local_aws, jobs):
    source, target = jobs.filled(1), jobs.bucket()
    rule = {"kind": "throttle", "service": "s3control", "operation": "CreateJob", "account": jobs.account}
    local_aws.gateway.faults.load([rule])
    try:
        with pytest.raises(ClientError) as refused:
            jobs.copy(source, target)
        assert refused.value.response["Error"]["Code"] == "ThrottlingException"
    finally:
        local_aws.gateway.faults.load([])
    jobs.copy(source, target)
    result = local_aws.gateway.calls.find({"service": "s3control", "account_id": jobs.account})
    assert {each["operation"] for each in result} == {"CreateJob"}


def test_a_job_waits_for_its_confirmation(jobs):
    source, target = jobs.filled(2), jobs.bucket()
    job_id = jobs.copy(source, target, ConfirmationRequired=True)
    waiting = jobs.wait(job_id, until=("Suspended",))
    assert waiting["SuspendedDate"]
    assert waiting["SuspendedCause"] == "AwaitingConfirmation"
    assert counts(waiting) == (2, 0, 0)
    time.sleep(0.1)
    assert jobs.keys(target) == []
    ask = jobs.control().update_job_status
    assert error_of(ask, AccountId=jobs.account, JobId=job_id, RequestedJobStatus="Paused")[0] == 400
    answer = ask(AccountId=jobs.account, JobId=job_id, RequestedJobStatus="Ready", StatusUpdateReason="go")
    assert (answer["Status"], answer["StatusUpdateReason"]) == ("Ready", "go")
    assert counts(jobs.wait(job_id)) == (2, 2, 0)
    refusal = error_of(ask, AccountId=jobs.account, JobId=job_id, RequestedJobStatus="Cancelled")
    assert refusal == (400, "JobStatusException")


def test_a_running_job_is_cancelled_and_reports_what_it_did(jobs, pace):
    pace.task_s = 0.02
    source, target = jobs.filled(40), jobs.bucket()
    job_id = jobs.copy(source, target, Report=jobs.report(target))
    jobs.wait(job_id, until=("Active",))
    while counts(jobs.describe(job_id))[1] < 3:
        time.sleep(0.01)
    answer = jobs.control().update_job_status(AccountId=jobs.account, JobId=job_id, RequestedJobStatus="Cancelled")
    assert answer["Status"] == "Cancelling"
    ended = jobs.wait(job_id)
    done = counts(ended)[1]
    assert ended["Status"] == "Cancelled"
    assert 3 <= done < 40
    assert len(jobs.results(ended)["succeeded"]) == done == len(jobs.keys(target))


def test_the_more_important_job_runs_first(jobs, pace):
    pace.task_s = 0.02
    source, target = jobs.filled(30), jobs.bucket()
    late = jobs.copy(source, target, Priority=1)
    jobs.wait(late, until=("Active",))
    first = jobs.copy(source, target, Priority=5)
    jobs.wait(late, until=("Paused",))
    assert jobs.wait(first)["Status"] == "Complete"
    second = jobs.describe(late)
    assert second["Status"] in ("Paused", "Active")
    jobs.wait(late)
    assert jobs.describe(first)["TerminationDate"] < jobs.describe(late)["TerminationDate"]


def test_a_priority_can_be_changed(jobs, pace):
    pace.task_s = 0.02
    source, target = jobs.filled(30), jobs.bucket()
    low, high = (jobs.copy(source, target, Priority=number) for number in (1, 5))
    jobs.wait(high, until=("Active",))
    answer = jobs.control().update_job_priority(AccountId=jobs.account, JobId=low, Priority=9)
    assert answer["Priority"] == 9
    jobs.wait(high, until=("Paused",))
    jobs.wait(low)
    jobs.wait(high)
    assert jobs.describe(low)["TerminationDate"] < jobs.describe(high)["TerminationDate"]


def test_states_are_passed_through_in_order(jobs, pace):
    pace.state_s = 0.06
    source, target = jobs.filled(2), jobs.bucket()
    job_id = jobs.copy(source, target)
    seen = []
    while not seen or seen[-1] != "Complete":
        state = jobs.describe(job_id)["Status"]
        if not seen or seen[-1] != state:
            seen.append(state)
    assert [each for each in seen if each not in ("Ready", "Active")] == ["New", "Preparing", "Completing", "Complete"]


def test_jobs_are_listed_page_by_page_and_by_state(jobs):
    source, target = jobs.filled(1), jobs.bucket()
    made = [jobs.copy(source, target, ConfirmationRequired=number % 2 == 1) for number in range(5)]
    for number, job_id in enumerate(made):
        jobs.wait(job_id, until=("Suspended",) if number % 2 else ("Complete",))
    pages, token = [], {}
    while not pages or token:
        pages.append(jobs.control().list_jobs(AccountId=jobs.account, MaxResults=2, **token))
        token = {"NextToken": pages[-1]["NextToken"]} if "NextToken" in pages[-1] else {}
    assert [len(page["Jobs"]) for page in pages] == [2, 2, 1]
    listed = [each for page in pages for each in page["Jobs"]]
    assert [each["JobId"] for each in listed] == made[::-1]
    assert {each["Operation"] for each in listed} == {"S3PutObjectCopy"}
    waiting = jobs.control().list_jobs(AccountId=jobs.account, JobStatuses=["Suspended", "Failed"])["Jobs"]
    assert {each["JobId"] for each in waiting} == {made[1], made[3]}
    assert (
        error_of(jobs.control().list_jobs, AccountId=jobs.account, NextToken="none")[1] == "InvalidNextTokenException"
    )
    assert jobs.control(SOURCE_REGION).list_jobs(AccountId=jobs.account)["Jobs"] == []


def test_tags_of_jobs(jobs):
    source, target = jobs.filled(1), jobs.bucket()
    job_id = jobs.copy(source, target, Tags=[{"Key": "a", "Value": "1"}])
    s3control, named = jobs.control(), {"AccountId": jobs.account, "JobId": job_id}
    assert s3control.get_job_tagging(**named)["Tags"] == [{"Key": "a", "Value": "1"}]
    s3control.put_job_tagging(**named, Tags=[{"Key": "b", "Value": "<2>"}])
    assert s3control.get_job_tagging(**named)["Tags"] == [{"Key": "b", "Value": "<2>"}]
    s3control.delete_job_tagging(**named)
    assert s3control.get_job_tagging(**named)["Tags"] == []
    many = [{"Key": f"k{number}", "Value": ""} for number in range(51)]
    assert error_of(s3control.put_job_tagging, **named, Tags=many)[1] == "TooManyTagsException"


def test_the_account_may_come_from_the_host(local_aws, jobs):
    source, target = jobs.filled(1), jobs.bucket()
    job_id = jobs.copy(source, target)
    place = urlsplit(local_aws.url)

    def ask(host, account=jobs.account):
        connection = http.client.HTTPConnection(place.hostname, place.port)
        scope = f"{account}/20260101/{TARGET_REGION}/s3/aws4_request"
        headers = {"Host": host, "Authorization": f"AWS4-HMAC-SHA256 Credential={scope}, Signature=x"}
        connection.request("GET", f"/v20180820/jobs/{job_id}", headers=headers)
        answer = connection.getresponse()
        body = answer.read()
        connection.close()
        return answer.status, body

    status, body = ask(f"{jobs.account}.s3-control.{TARGET_REGION}.localhost:{place.port}")
    assert status == 200
    assert job_id.encode() in body
    assert ask(f"999999999999.localhost:{place.port}")[0] == 403
    assert ask(f"localhost:{place.port}", account="999999999999")[0] == 404


def test_no_such_job(jobs):
    named = {"AccountId": jobs.account, "JobId": str(uuid.uuid4())}
    assert error_of(jobs.control().describe_job, **named) == (404, "NoSuchJob")
    assert error_of(jobs.control().get_job_tagging, **named) == (404, "NoSuchJob")
    assert error_of(jobs.control().update_job_priority, **named, Priority=1) == (404, "NoSuchJob")


def test_a_copy_job_is_made_where_its_destination_is(jobs):
    source, target = jobs.filled(1), jobs.bucket()
    manifest = jobs.manifest(target, jobs.rows(source))
    request = jobs.asked({"S3PutObjectCopy": {"TargetResource": f"arn:aws:s3:::{target}"}}, Manifest=manifest)
    with pytest.raises(ClientError, match="must be in the job's Region, us-east-1; it is in eu-west-1"):
        jobs.control(SOURCE_REGION).create_job(**request)


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"Priority": 2**31}, "Priority"),
        ({"Manifest": None}, "either a manifest or a manifest generator"),
        ({"Report": {"Enabled": True}}, "must have Bucket"),
        ({"Operation": {"S3PutObjectCopy": {}}}, "must have TargetResource"),
        ({"Operation": {"S3PutObjectCopy": {"TargetResource": "arn:aws:s3:::nowhere-at-all"}}}, "does not exist"),
        ({"RoleArn": "arn:aws:iam::999999999999:role/jobs"}, "role of the job's account"),
    ],
)
def test_what_create_job_refuses(jobs, change, text):
    source, target = jobs.filled(1), jobs.bucket()
    manifest = jobs.manifest(target, jobs.rows(source))
    operation = {"S3PutObjectCopy": {"TargetResource": f"arn:aws:s3:::{target}"}}
    request = {**jobs.asked(operation, Manifest=manifest), **change}
    with pytest.raises(ClientError, match=text) as refused:
        jobs.control().create_job(**{name: given for name, given in request.items() if given is not None})
    assert refused.value.response["Error"]["Code"] == "InvalidRequest"


def test_a_role_that_does_not_trust_the_service_makes_no_job(jobs):
    source, target = jobs.filled(1), jobs.bucket()
    with pytest.raises(ClientError, match="can't be assumed by batchoperations"):
        jobs.copy(source, target, RoleArn=jobs.make_role("other", "ec2.amazonaws.com"))


def test_manifests_that_fail_their_job(jobs):
    source, target = jobs.filled(2), jobs.bucket()
    fields = ("Bucket", "Key", "VersionId")

    def failed(rows, fields=("Bucket", "Key"), **location):
        manifest = jobs.manifest(target, rows, fields=fields)
        manifest["Location"] |= location
        job = jobs.wait(jobs.copy(source, target, manifest=manifest, Report=jobs.report(target)))
        assert job["Status"] == "Failed"
        return why(job)

    good = jobs.rows(source)
    assert failed([["Bucket", "Key"], *good]) == "ManifestBucketMismatch"
    assert failed([["Bucket", "Key"]]) == "ManifestBucketNotFound"
    assert failed([[*good[0], "null"], [*good[1], ""]], fields) == "ManifestVersionsMixed"
    assert failed([*good, [source]]) == "ManifestInvalidRow"
    assert failed([]) == "ManifestEmpty"
    assert failed(good, ETag="0" * 32) == "ManifestETagMismatch"
    assert failed(good, ObjectArn=f"arn:aws:s3:::{target}/nothing") == "ManifestNotFound"
    assert jobs.keys(target) == []
    assert jobs.keys(target, prefix="reports") == []


def test_objects_beyond_the_limit_of_a_copy_fail(jobs, limits):
    source, target = jobs.filled(0), jobs.bucket()
    for size in (100, 101):
        jobs.s3(SOURCE_REGION).put_object(Bucket=source, Key=f"a{size}", Body=b"x" * size)
    limits.copy_bytes = 100
    job = jobs.wait(jobs.copy(source, target, Report=jobs.report(target)))
    assert counts(job) == (2, 1, 1)
    (failed,) = jobs.results(job)["failed"]
    assert failed[4:6] == ["400", "InvalidRequest"]
    assert "larger than the maximum allowable size for a copy source: 100" in failed[6]


def test_the_limit_is_that_of_copy_object_and_of_a_copied_part(jobs, limits):
    source, target = jobs.bucket(), jobs.bucket()
    s3 = jobs.s3()
    s3.put_object(Bucket=source, Key="big", Body=b"x" * 101)
    limits.copy_bytes = 100
    copy = {"Bucket": target, "Key": "k", "CopySource": {"Bucket": source, "Key": "big"}}
    assert error_of(s3.copy_object, **copy) == (400, "InvalidRequest")
    upload = s3.create_multipart_upload(Bucket=target, Key="k")["UploadId"]
    part = {**copy, "UploadId": upload, "PartNumber": 1}
    assert error_of(s3.upload_part_copy, **part) == (400, "InvalidRequest")
    assert s3.upload_part_copy(**part, CopySourceRange="bytes=0-99")["CopyPartResult"]["ETag"]


def test_a_server_may_be_started_with_a_lower_limit(jobs):
    source, target = jobs.bucket(), jobs.bucket()
    jobs.s3().put_object(Bucket=source, Key="k", Body=b"x" * 11)
    copy = {"Bucket": target, "Key": "k", "CopySource": {"Bucket": source, "Key": "k"}}
    with LocalServer(copy_limit_bytes=10):
        assert error_of(jobs.s3().copy_object, **copy) == (400, "InvalidRequest")
    assert jobs.s3().copy_object(**copy)["CopyObjectResult"]["ETag"]


def test_a_job_fails_when_more_than_half_of_a_thousand_tasks_failed(jobs):
    source, target = jobs.filled(1), jobs.bucket()
    good = jobs.rows(source)
    missing = [[source, f"a/missing-{number}"] for number in range(1100)]
    ended = jobs.wait(jobs.copy(source, target, manifest=jobs.manifest(target, missing), Report=jobs.report(target)))
    assert (ended["Status"], why(ended)) == ("Failed", "FailureThresholdExceeded")
    _, succeeded, failed = counts(ended)
    assert 1000 <= failed < 1100
    assert len(jobs.results(ended)["failed"]) == failed
    assert succeeded == 0
    few = jobs.manifest(target, good * 2 + missing[:900])
    assert jobs.wait(jobs.copy(source, target, manifest=few))["Status"] == "Complete"


def test_the_role_is_who_the_bucket_policy_sees(local_aws, jobs):
    """A bucket of another account is read only where its policy lets the job's role in."""
    other = Jobs(local_aws.url)
    source, target = other.filled(2), jobs.bucket()
    rows = other.rows(source)
    options = {"Report": jobs.report(target)}
    job = jobs.wait(jobs.copy(source, target, manifest=jobs.manifest(target, rows), **options))
    assert {each[5] for each in jobs.results(job)["failed"]} == {"AccessDenied"}
    allow = {
        "Effect": "Allow",
        "Principal": {"AWS": jobs.role},
        "Action": "s3:GetObject",
        "Resource": f"arn:aws:s3:::{source}/*",
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [allow]})
    other.s3(SOURCE_REGION).put_bucket_policy(Bucket=source, Policy=policy)
    job = jobs.wait(jobs.copy(source, target, manifest=jobs.manifest(target, rows), **options))
    assert counts(job) == (2, 2, 0)


def test_a_report_that_can_not_be_written_fails_the_job(jobs):
    source, target = jobs.filled(1), jobs.bucket()
    deny = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:PutObject",
        "Resource": f"arn:aws:s3:::{target}/reports/*",
    }
    manifest = jobs.manifest(target, jobs.rows(source))
    jobs.s3().put_bucket_policy(Bucket=target, Policy=json.dumps({"Version": "2012-10-17", "Statement": [deny]}))
    job = jobs.wait(jobs.copy(source, target, manifest=manifest, Report=jobs.report(target)))
    assert (job["Status"], why(job), counts(job)) == ("Failed", "ReportNotWritten", (1, 1, 0))


def test_faults_ordered_for_s3_strike_tasks(local_aws, jobs):
    """503s are tried again; what goes on failing is a failed task."""
    source, target = jobs.filled(3), jobs.bucket()
    rule = {
        "kind": "error",
        "service": "s3",
        "operation": "CopyObject",
        "bucket": target,
        "status": 503,
        "code": "SlowDown",
    }
    local_aws.gateway.faults.load([{**rule, "limit": 2}])
    try:
        assert counts(jobs.wait(jobs.copy(source, target))) == (3, 3, 0)
        local_aws.gateway.faults.load([{**rule, "status": 403, "code": "AccessDenied", "limit": 1}])
        assert counts(jobs.wait(jobs.copy(source, target))) == (3, 2, 1)
    finally:
        local_aws.gateway.faults.load([])


def test_keys_of_every_kind_come_through(jobs):
    source, target = jobs.bucket(SOURCE_REGION), jobs.bucket()
    keys = [
        "a b",
        "a+b",
        "a%20b",
        'a"q"',
        "a,comma",
        "a\nline",
        "a/é/日本",
        "a?versionId=x",
        "a#h",
        "/a",
        "a//b",
        "a&<>",
    ]
    for key in keys:
        jobs.s3(SOURCE_REGION).put_object(Bucket=source, Key=key, Body=key.encode())
    rows = [[source, quote_plus(key, safe="/")] for key in keys]
    job = jobs.wait(jobs.copy(source, target, manifest=jobs.manifest(target, rows), Report=jobs.report(target)))
    assert counts(job) == (len(keys), len(keys), 0)
    for key in keys:
        assert jobs.s3().get_object(Bucket=target, Key=key)["Body"].read() == key.encode()
    assert [row[1] for row in jobs.results(job)["succeeded"]] == [row[1] for row in rows]


def test_a_reset_forgets_jobs_and_ends_what_runs():
    """In a process of its own: a reset is of the whole estate."""
    code = (
        "import time, urllib.request\n"
        "from batch_jobs import Jobs\n"
        "from windlass_local.batch.timing import BATCH_TIMING\n"
        "from windlass_local.server import Access, LocalServer\n"
        "BATCH_TIMING.task_s = 0.05\n"
        "with LocalServer(access=Access(moto_api=True)) as server:\n"
        "    from windlass_local.batch.job_queue import job_queue_of\n"
        "    jobs = Jobs(server.url, '111111111111')\n"
        "    source, target = jobs.filled(1), jobs.bucket()\n"
        "    rows = jobs.rows(source) * 1000\n"
        "    job = jobs.copy(source, target, manifest=jobs.manifest(target, rows))\n"
        "    jobs.wait(job, until=('Active',))\n"
        "    queue = job_queue_of(jobs.account, 'eu-west-1')\n"
        "    urllib.request.urlopen(urllib.request.Request(server.url + '/moto-api/reset', method='POST')).read()\n"
        "    assert jobs.control().list_jobs(AccountId=jobs.account)['Jobs'] == []\n"
        "    until = time.monotonic() + 20\n"
        "    while queue.busy and time.monotonic() < until:\n"
        "        time.sleep(0.01)\n"
        "    assert not queue.busy\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=Path(__file__).parent,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
