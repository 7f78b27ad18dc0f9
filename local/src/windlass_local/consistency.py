"""Eventual consistency as an ordered fault: for a moment after a change, a call that depends on it fails as in AWS. Pure.

IAM, EventBridge and S3 confirm a change before it is visible everywhere. Source: AWS docs, "Troubleshoot IAM: Changes that I
make are not always immediately visible"; the messages are those that AWS gives.
"""

from __future__ import annotations

import random
import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import unquote

from windlass_local.errors import error_response
from windlass_local.request import Request, Response

__all__ = ["Consistency"]

_POLICIES_FIRST = "Cannot delete entity, must delete policies first."
_HAS_TARGETS = "Rule can't be deleted since it has targets."
_NOT_ASSUMED = "The role defined for the function cannot be assumed by Lambda."
_NO_DESTINATION = "Unable to validate the following destination configurations"


@dataclass(frozen=True, slots=True)
class _Dependence:
    """A call that may fail after another one on the same resource. `named` returns the resource's name from its request."""

    service: str
    operation: str
    after: frozenset[tuple[str, str]]
    named: re.Pattern[bytes]
    status: int
    code: str
    message: str


def _after(service: str, *operations: str) -> frozenset[tuple[str, str]]:
    return frozenset((service, operation) for operation in operations)


_ROLE = re.compile(rb"(?:^|&)RoleName=([^&]+)")
_RULE = re.compile(rb'"(?:Name|Rule)"\s*:\s*"([^"]+)"')
_PASSED = re.compile(rb'"Role"\s*:\s*"[^"]*?/([^"/]+)"')
_DESTINATION = re.compile(rb"<(?:Queue|Topic|CloudFunction)>[^<]*?([^:<]+)</")

_ROLE_CHANGES = ("CreateRole", "UpdateAssumeRolePolicy")
_DEPENDENCES = (
    _Dependence(
        "iam",
        "DeleteRole",
        _after("iam", "DeleteRolePolicy", "DetachRolePolicy"),
        _ROLE,
        409,
        "DeleteConflict",
        _POLICIES_FIRST,
    ),
    _Dependence(
        "events", "DeleteRule", _after("events", "RemoveTargets"), _RULE, 400, "ValidationException", _HAS_TARGETS
    ),
    _Dependence(
        "lambda",
        "CreateFunction",
        _after("iam", *_ROLE_CHANGES),
        _PASSED,
        400,
        "InvalidParameterValueException",
        _NOT_ASSUMED,
    ),
    _Dependence(  # no API call: the first step of a batch job after CreateJob
        "s3control",
        "PrepareJob",
        _after("iam", *_ROLE_CHANGES, "PutRolePolicy", "AttachRolePolicy"),
        _PASSED,
        403,
        "AccessDenied",
        "The role could not be assumed, or may not read the manifest.",
    ),
    _Dependence(
        "s3",
        "PutBucketNotificationConfiguration",
        _after("sqs", "CreateQueue", "SetQueueAttributes")
        | _after("sns", "CreateTopic", "SetTopicAttributes")
        | _after("lambda", "CreateFunction", "AddPermission"),
        _DESTINATION,
        400,
        "InvalidArgument",
        _NO_DESTINATION,
    ),
)

_CHANGES = frozenset().union(*(dependence.after for dependence in _DEPENDENCES))
_CHANGED: Mapping[str, re.Pattern[bytes]] = {
    "iam": _ROLE,
    "events": _RULE,
    "sqs": re.compile(
        rb'(?:"QueueName"\s*:\s*"|"QueueUrl"\s*:\s*"[^"]*/|QueueName=|QueueUrl=[^&]*(?:/|%2F))([^"/&%]+)'
    ),
    "sns": re.compile(rb"(?:^|&)(?:Name=|TopicArn=[^&]*(?::|%3A))([^&:%]+)"),
}
_FUNCTION = re.compile(rb'/functions/([^/]+)/policy|"FunctionName"\s*:\s*"([^"]+)"')


class Consistency:
    """Recent changes, kept for up to `delay_s`. Each becomes visible after a random time, the same for the same random seed."""

    def __init__(self, delay_s: float, probability: float, rng: random.Random) -> None:
        self._delay_s = delay_s
        self._probability = probability
        self._dice = rng
        # By account, service, operation and name: the time from which a change is visible everywhere.
        self._seen_at: dict[tuple[str, str, str, str], float] = {}

    def changed(self, request: Request, now: float) -> None:
        """Record a change that succeeded at `now` (monotonic seconds)."""
        if (request.service, request.operation) not in _CHANGES or self._dice.random() >= self._probability:
            return
        name = _changed_name(request)
        if name:
            self._seen_at = {key: at for key, at in self._seen_at.items() if at > now}
            key = (request.account_id, request.service, request.operation, name)
            self._seen_at[key] = now + self._dice.uniform(self._delay_s / 2, self._delay_s)

    def refusal(self, request: Request, now: float) -> Response | None:
        """Return the error of a call whose precondition is not visible yet; None when the call may continue."""
        for dependence in _DEPENDENCES if self._seen_at else ():
            if (request.service, request.operation) != (dependence.service, dependence.operation):
                continue
            for match in dependence.named.finditer(request.body[:65_536] + request.body[-65_536:]):
                name = unquote(match[1].decode("utf-8", "replace"))
                if any(
                    self._seen_at.get((request.account_id, *change, name), 0.0) > now for change in dependence.after
                ):
                    return error_response(request, dependence.status, dependence.code, dependence.message)
        return None


def _changed_name(request: Request) -> str:
    if request.service == "lambda":
        match = _FUNCTION.search(request.path.encode() + b" " + request.body[-65_536:] + request.body[:65_536])
    else:
        match = _CHANGED[request.service].search(request.body)
    result = next(filter(None, match.groups()), b"") if match else b""
    return unquote(result.decode("utf-8", "replace"))
