"""What CreateJob refuses by looking at the request alone. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

__all__ = ["OPERATIONS", "Refused", "bucket_of", "check", "operation_of"]

OPERATIONS = (
    "LambdaInvoke",
    "S3PutObjectCopy",
    "S3PutObjectAcl",
    "S3PutObjectTagging",
    "S3DeleteObjectTagging",
    "S3ReplicateObject",
    "S3ComputeObjectChecksum",
)
"""What the embedded AWS carries out; AWS has restores, retention, legal holds and encryption beside."""

_ROLE = re.compile(r"arn:[^:]+:iam::(\d{12}):role/.+")
_FUNCTION_ARN = re.compile(r"arn:[^:]+:lambda:(?P<region>[^:]+):(?P<account>\d{12}):function:.+")
_MOST_PRIORITY = 2_147_483_647
_MOST_TAGS = 50
_MOST_TOKEN = 64


class Refused(Exception):
    """A call that is refused: HTTP status, code, and the text."""

    def __init__(self, code: str, text: str, status: int = 400) -> None:
        super().__init__(text)
        self.code, self.status = code, status


def operation_of(asked: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """The operation's name and its parameters."""
    ((name, parameters),) = asked["Operation"].items()
    return name, parameters


def bucket_of(arn: str) -> str:
    """The bucket of an ARN; what stands behind a slash is no part of it."""
    return arn.split(":", 5)[-1].partition("/")[0]


def check(asked: Mapping[str, Any], account_id: str, region: str) -> None:
    """Raise Refused for the first thing that is wrong."""
    for name in ("Operation", "Report", "Priority", "RoleArn", "ClientRequestToken"):
        if name not in asked:
            raise Refused("InvalidRequest", f"Missing required parameter: {name}")
    if len(asked["Operation"]) != 1:
        raise Refused("InvalidRequest", "A job has exactly one operation.")
    name, parameters = operation_of(asked)
    if name not in OPERATIONS:
        raise Refused("NotImplemented", f"the embedded AWS does not carry out {name}", 501)
    if ("Manifest" in asked) == ("ManifestGenerator" in asked):
        raise Refused("InvalidRequest", "A job has either a manifest or a manifest generator, not both.")
    if not 0 <= asked["Priority"] <= _MOST_PRIORITY:
        raise Refused("InvalidRequest", f"Priority must be between 0 and {_MOST_PRIORITY}.")
    if not 1 <= len(asked["ClientRequestToken"]) <= _MOST_TOKEN:
        raise Refused("InvalidRequest", f"ClientRequestToken must have 1 to {_MOST_TOKEN} characters.")
    role = _ROLE.fullmatch(asked["RoleArn"])
    if role is None or role[1] != account_id:
        raise Refused("InvalidRequest", "RoleArn must be the ARN of a role of the job's account.")
    if len(asked.get("Tags", ())) > _MOST_TAGS:
        raise Refused("TooManyTagsException", f"A job can have {_MOST_TAGS} tags at most.")
    _check_report(asked["Report"])
    _check_manifest(asked.get("Manifest"))
    _check_generator(asked.get("ManifestGenerator"))
    _check_operation(name, parameters, region)


def _check_report(report: Mapping[str, Any]) -> None:
    if "Enabled" not in report:
        raise Refused("InvalidRequest", "Missing required parameter: Report.Enabled")
    if not report["Enabled"]:
        return
    for name in ("Bucket", "Format", "ReportScope"):
        if not report.get(name):
            raise Refused("InvalidRequest", f"A report that is enabled must have {name}.")
    if report["Format"] != "Report_CSV_20180820" or report["ReportScope"] not in ("AllTasks", "FailedTasksOnly"):
        raise Refused("InvalidRequest", "The report's format or scope is not valid.")


def _check_manifest(manifest: Mapping[str, Any] | None) -> None:
    if manifest is None:
        return
    spec, location = manifest.get("Spec", {}), manifest.get("Location", {})
    if spec.get("Format") not in ("S3BatchOperations_CSV_20180820", "S3InventoryReport_CSV_20161130"):
        raise Refused("InvalidRequest", f"{spec.get('Format')} is no format of a manifest.")
    if not location.get("ETag") or "/" not in location.get("ObjectArn", "").rpartition(":::")[2]:
        raise Refused("InvalidRequest", "Manifest.Location must have the ARN of an object and its ETag.")
    fields = spec.get("Fields", [])
    if spec["Format"] == "S3BatchOperations_CSV_20180820":
        if "Bucket" not in fields or "Key" not in fields:
            raise Refused("InvalidRequest", "The fields of a CSV manifest must have Bucket and Key.")
    elif fields:
        raise Refused("InvalidRequest", "An inventory report says by itself which fields it has.")


def _check_generator(generator: Mapping[str, Any] | None) -> None:
    if generator is None:
        return
    made = generator.get("S3JobManifestGenerator", {})
    if not made.get("SourceBucket") or "EnableManifestOutput" not in made:
        raise Refused("InvalidRequest", "S3JobManifestGenerator must have SourceBucket and EnableManifestOutput.")
    if made["EnableManifestOutput"] and not made.get("ManifestOutputLocation"):
        raise Refused("InvalidRequest", "ManifestOutputLocation is required when EnableManifestOutput is true.")
    chosen = made.get("Filter", {})
    if "CreatedAfter" in chosen and "CreatedBefore" in chosen and chosen["CreatedAfter"] >= chosen["CreatedBefore"]:
        raise Refused("InvalidRequest", "CreatedAfter must be before CreatedBefore.")


def _check_operation(name: str, parameters: Mapping[str, Any], region: str) -> None:
    if name == "S3PutObjectCopy" and not parameters.get("TargetResource"):
        raise Refused("InvalidRequest", "S3PutObjectCopy must have TargetResource.")
    if name == "S3PutObjectTagging" and len(parameters.get("TagSet", ())) > 10:
        raise Refused("InvalidRequest", "An object can have 10 tags at most.")
    if name == "LambdaInvoke":
        _check_function(parameters, region)
    if name == "S3ComputeObjectChecksum":
        if parameters.get("ChecksumAlgorithm", "").startswith("XXHASH"):
            raise Refused("NotImplemented", "the embedded AWS does not compute XXHASH checksums", 501)
        if parameters.get("ChecksumType", "FULL_OBJECT") != "FULL_OBJECT":
            raise Refused("NotImplemented", "the embedded AWS computes checksums of full objects only", 501)


def _check_function(parameters: Mapping[str, Any], region: str) -> None:
    function = _FUNCTION_ARN.fullmatch(parameters.get("FunctionArn", ""))
    if function is None:
        raise Refused("InvalidRequest", "LambdaInvoke must have the ARN of a function.")
    if function["region"] != region:
        raise Refused("InvalidRequest", f"The function must be in the job's Region, {region}.")
    schema = parameters.get("InvocationSchemaVersion", "1.0")
    if schema not in ("1.0", "2.0"):
        raise Refused("InvalidRequest", f"{schema} is no version of the invocation schema.")
    if parameters.get("UserArguments") and schema != "2.0":
        raise Refused("InvalidRequest", "UserArguments need the invocation schema 2.0.")
