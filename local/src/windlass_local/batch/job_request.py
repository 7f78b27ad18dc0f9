"""CreateJob's checks of the request alone. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

__all__ = ["OPERATIONS", "JobRejected", "bucket_of", "check", "operation_of"]

OPERATIONS = (
    "LambdaInvoke",
    "S3PutObjectCopy",
    "S3PutObjectAcl",
    "S3PutObjectTagging",
    "S3DeleteObjectTagging",
    "S3ReplicateObject",
    "S3ComputeObjectChecksum",
)
"""The operations that run here; AWS also has restores, retention, legal holds and encryption."""

_ROLE = re.compile(r"arn:[^:]+:iam::(\d{12}):role/.+")
_FUNCTION_ARN = re.compile(r"arn:[^:]+:lambda:(?P<region>[^:]+):(?P<account>\d{12}):function:.+")
_MOST_PRIORITY = 2_147_483_647
_MOST_TAGS = 50
_MOST_TOKEN = 64


class JobRejected(Exception):
    """A refused call: HTTP status, code and message."""

    def __init__(self, code: str, text: str, status: int = 400) -> None:
        super().__init__(text)
        self.code, self.status = code, status


def operation_of(job_parameters: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """Return the operation's name and its parameters."""
    ((name, parameters),) = job_parameters["Operation"].items()
    return name, parameters


def bucket_of(arn: str) -> str:
    """Return the bucket of an ARN, without what follows a slash."""
    return arn.split(":", 5)[-1].partition("/")[0]


def check(job_parameters: Mapping[str, Any], account_id: str, region: str) -> None:
    """Raise JobRejected for the first invalid parameter."""
    for name in ("Operation", "Report", "Priority", "RoleArn", "ClientRequestToken"):
        if name not in job_parameters:
            raise JobRejected("InvalidRequest", f"Missing required parameter: {name}")
    if len(job_parameters["Operation"]) != 1:
        raise JobRejected("InvalidRequest", "A job has exactly one operation.")
    name, parameters = operation_of(job_parameters)
    if name not in OPERATIONS:
        raise JobRejected("NotImplemented", f"the embedded AWS does not run {name}", 501)
    if ("Manifest" in job_parameters) == ("ManifestGenerator" in job_parameters):
        raise JobRejected("InvalidRequest", "A job has either a manifest or a manifest generator, not both.")
    if not 0 <= job_parameters["Priority"] <= _MOST_PRIORITY:
        raise JobRejected("InvalidRequest", f"Priority must be between 0 and {_MOST_PRIORITY}.")
    if not 1 <= len(job_parameters["ClientRequestToken"]) <= _MOST_TOKEN:
        raise JobRejected("InvalidRequest", f"ClientRequestToken must have 1 to {_MOST_TOKEN} characters.")
    role = _ROLE.fullmatch(job_parameters["RoleArn"])
    if role is None or role[1] != account_id:
        raise JobRejected("InvalidRequest", "RoleArn must be the ARN of a role of the job's account.")
    if len(job_parameters.get("Tags", ())) > _MOST_TAGS:
        raise JobRejected("TooManyTagsException", f"A job can have {_MOST_TAGS} tags at most.")
    _check_report(job_parameters["Report"])
    _check_manifest(job_parameters.get("Manifest"))
    _check_generator(job_parameters.get("ManifestGenerator"))
    _check_operation(name, parameters, region)


def _check_report(report: Mapping[str, Any]) -> None:
    if "Enabled" not in report:
        raise JobRejected("InvalidRequest", "Missing required parameter: Report.Enabled")
    if not report["Enabled"]:
        return
    for name in ("Bucket", "Format", "ReportScope"):
        if not report.get(name):
            raise JobRejected("InvalidRequest", f"A report that is enabled must have {name}.")
    if report["Format"] != "Report_CSV_20180820" or report["ReportScope"] not in ("AllTasks", "FailedTasksOnly"):
        raise JobRejected("InvalidRequest", "The report's format or scope is not valid.")


def _check_manifest(manifest: Mapping[str, Any] | None) -> None:
    if manifest is None:
        return
    spec, location = manifest.get("Spec", {}), manifest.get("Location", {})
    if spec.get("Format") not in ("S3BatchOperations_CSV_20180820", "S3InventoryReport_CSV_20161130"):
        raise JobRejected("InvalidRequest", f"{spec.get('Format')} is no format of a manifest.")
    if not location.get("ETag") or "/" not in location.get("ObjectArn", "").rpartition(":::")[2]:
        raise JobRejected("InvalidRequest", "Manifest.Location must have the ARN of an object and its ETag.")
    fields = spec.get("Fields", [])
    if spec["Format"] == "S3BatchOperations_CSV_20180820":
        if "Bucket" not in fields or "Key" not in fields:
            raise JobRejected("InvalidRequest", "The fields of a CSV manifest must have Bucket and Key.")
    elif fields:
        raise JobRejected("InvalidRequest", "An inventory report defines its own fields; Fields must be empty.")


def _check_generator(generator: Mapping[str, Any] | None) -> None:
    if generator is None:
        return
    created = generator.get("S3JobManifestGenerator", {})
    if not created.get("SourceBucket") or "EnableManifestOutput" not in created:
        raise JobRejected("InvalidRequest", "S3JobManifestGenerator must have SourceBucket and EnableManifestOutput.")
    if created["EnableManifestOutput"] and not created.get("ManifestOutputLocation"):
        raise JobRejected("InvalidRequest", "ManifestOutputLocation is required when EnableManifestOutput is true.")
    chosen = created.get("Filter", {})
    if "CreatedAfter" in chosen and "CreatedBefore" in chosen and chosen["CreatedAfter"] >= chosen["CreatedBefore"]:
        raise JobRejected("InvalidRequest", "CreatedAfter must be before CreatedBefore.")


def _check_operation(name: str, parameters: Mapping[str, Any], region: str) -> None:
    if name == "S3PutObjectCopy" and not parameters.get("TargetResource"):
        raise JobRejected("InvalidRequest", "S3PutObjectCopy must have TargetResource.")
    if name == "S3PutObjectTagging" and len(parameters.get("TagSet", ())) > 10:
        raise JobRejected("InvalidRequest", "An object can have 10 tags at most.")
    if name == "LambdaInvoke":
        _check_function(parameters, region)
    if name == "S3ComputeObjectChecksum":
        if parameters.get("ChecksumAlgorithm", "").startswith("XXHASH"):
            raise JobRejected("NotImplemented", "the embedded AWS does not compute XXHASH checksums", 501)
        if parameters.get("ChecksumType", "FULL_OBJECT") != "FULL_OBJECT":
            raise JobRejected("NotImplemented", "the embedded AWS computes checksums of full objects only", 501)


def _check_function(parameters: Mapping[str, Any], region: str) -> None:
    function = _FUNCTION_ARN.fullmatch(parameters.get("FunctionArn", ""))
    if function is None:
        raise JobRejected("InvalidRequest", "LambdaInvoke must have the ARN of a function.")
    if function["region"] != region:
        raise JobRejected("InvalidRequest", f"The function must be in the job's Region, {region}.")
    schema = parameters.get("InvocationSchemaVersion", "1.0")
    if schema not in ("1.0", "2.0"):
        raise JobRejected("InvalidRequest", f"{schema} is no version of the invocation schema.")
    if parameters.get("UserArguments") and schema != "2.0":
        raise JobRejected("InvalidRequest", "UserArguments need the invocation schema 2.0.")
