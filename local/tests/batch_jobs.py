"""S3 Batch Operations as a user of boto3 meets them: buckets, a role, a manifest, a job, and waiting for it."""

from __future__ import annotations

import csv
import io
import json
import re
import time
import uuid
from typing import Any
from urllib.parse import quote_plus

import boto3
from botocore.config import Config

from s3_clients import client, fresh

SOURCE_REGION, TARGET_REGION = "us-east-1", "eu-west-1"
CSV = "S3BatchOperations_CSV_20180820"
ENDED = ("Complete", "Failed", "Cancelled")


def control(url: str, *, account: str, region: str = TARGET_REGION) -> Any:
    """A client of S3 Control that leaves the account to the header, as estate's clients do on loopback."""
    made = boto3.client(
        "s3control",
        endpoint_url=url,
        region_name=region,
        aws_access_key_id=account,
        aws_secret_access_key="x",
        config=Config(retries={"total_max_attempts": 1}),
    )

    def strip(request: Any, **_: Any) -> None:
        request.url = re.sub(r"//\d{12}\.", "//", request.url)

    made.meta.events.register("before-sign.s3-control", strip)
    return made


class Jobs:
    """One account's buckets and jobs."""

    def __init__(self, url: str, account: str = "") -> None:
        self.url = url
        self.account = account or f"{uuid.uuid4().int % 10**12:012}"
        self._clients: dict[Any, Any] = {}
        self.role = self.make_role("jobs")

    def s3(self, region: str = TARGET_REGION) -> Any:
        return self.made("s3", region)

    def control(self, region: str = TARGET_REGION) -> Any:
        if ("s3control", region) not in self._clients:
            self._clients["s3control", region] = control(self.url, account=self.account, region=region)
        return self._clients["s3control", region]

    def made(self, service: str, region: str) -> Any:
        if (service, region) not in self._clients:
            self._clients[service, region] = client(self.url, service, account_id=self.account, region=region)
        return self._clients[service, region]

    def make_role(self, name: str, service: str = "batchoperations.s3.amazonaws.com") -> str:
        trust = {
            "Version": "2012-10-17",
            "Statement": [{"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}],
        }
        iam = self.made("iam", "us-east-1")
        return str(iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"])

    def bucket(self, region: str = TARGET_REGION, *, versioned: bool = False) -> str:
        name = fresh("jobs")
        where = {} if region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": region}}
        self.s3(region).create_bucket(Bucket=name, **where)
        if versioned:
            self.s3(region).put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
        return name

    def filled(self, count: int, region: str = SOURCE_REGION, **given: Any) -> str:
        name = self.bucket(region, **given)
        for number in range(count):
            self.s3(region).put_object(Bucket=name, Key=f"a é+%/{number:04}", Body=b"x" * number)
        return name

    def keys(self, bucket: str, region: str = TARGET_REGION, prefix: str = "a") -> list[str]:
        listed = self.s3(region).list_objects_v2(Bucket=bucket, Prefix=prefix)
        return [each["Key"] for each in listed.get("Contents", [])]

    def manifest(self, bucket: str, rows: Any, region: str = TARGET_REGION, fields: Any = ("Bucket", "Key")) -> Any:
        """Put a CSV of `rows` (lists of cells) into the bucket; the Manifest of a job."""
        out = io.StringIO()
        csv.writer(out, lineterminator="\n").writerows(rows)
        key = fresh("manifest") + ".csv"
        etag = self.s3(region).put_object(Bucket=bucket, Key=key, Body=out.getvalue().encode())["ETag"]
        return {
            "Spec": {"Format": CSV, "Fields": list(fields)},
            "Location": {"ObjectArn": f"arn:aws:s3:::{bucket}/{key}", "ETag": etag.strip('"')},
        }

    def rows(self, bucket: str, region: str = SOURCE_REGION) -> list[list[str]]:
        return [[bucket, quote_plus(key, safe="/")] for key in self.keys(bucket, region)]

    def report(self, bucket: str, scope: str = "AllTasks") -> dict[str, Any]:
        return {
            "Bucket": f"arn:aws:s3:::{bucket}",
            "Format": "Report_CSV_20180820",
            "Enabled": True,
            "Prefix": "reports",
            "ReportScope": scope,
        }

    def asked(self, operation: Any, **given: Any) -> dict[str, Any]:
        return {
            "AccountId": self.account,
            "ConfirmationRequired": False,
            "Operation": operation,
            "Priority": 10,
            "RoleArn": self.role,
            "ClientRequestToken": uuid.uuid4().hex,
            "Report": {"Enabled": False},
            **given,
        }

    def create(self, operation: Any, region: str = TARGET_REGION, **given: Any) -> str:
        return str(self.control(region).create_job(**self.asked(operation, **given))["JobId"])

    def copy(self, source: str, target: str, **given: Any) -> str:
        """A job that copies everything."""
        parameters = given.pop("copy", {})
        manifest = given.pop("manifest", None) or self.manifest(target, self.rows(source))
        operation = {"S3PutObjectCopy": {"TargetResource": f"arn:aws:s3:::{target}", **parameters}}
        return self.create(operation, Manifest=manifest, **given)

    def describe(self, job_id: str, region: str = TARGET_REGION) -> dict[str, Any]:
        result: dict[str, Any] = self.control(region).describe_job(AccountId=self.account, JobId=job_id)["Job"]
        return result

    def wait(self, job_id: str, region: str = TARGET_REGION, *, until: Any = ENDED, seconds: float = 30) -> Any:
        limit = time.monotonic() + seconds
        while True:
            job = self.describe(job_id, region)
            if job["Status"] in until:
                return job
            assert time.monotonic() < limit, f"{job['Status']} after {seconds} s: {job}"
            assert job["Status"] not in ENDED, job
            time.sleep(0.01)

    def results(self, job: Any, region: str = TARGET_REGION) -> dict[str, list[list[str]]]:
        """The rows of a completion report, by status."""
        bucket = job["Report"]["Bucket"].rpartition(":")[2]
        index = f"{job['Report']['Prefix']}/job-{job['JobId']}/manifest.json"
        document = json.loads(self.s3(region).get_object(Bucket=bucket, Key=index)["Body"].read())
        result: dict[str, list[list[str]]] = {}
        for each in document["Results"]:
            body = self.s3(region).get_object(Bucket=bucket, Key=each["Key"])["Body"].read().decode()
            result.setdefault(each["TaskExecutionStatus"], []).extend(csv.reader(io.StringIO(body, newline="")))
        return result


def counts(job: Any) -> tuple[int, int, int]:
    """Total, succeeded, failed."""
    summary = job["ProgressSummary"]
    return summary["TotalNumberOfTasks"], summary["NumberOfTasksSucceeded"], summary["NumberOfTasksFailed"]


def why(job: Any) -> str:
    """The code of the first reason of a failed job."""
    return str(job["FailureReasons"][0]["FailureCode"])
