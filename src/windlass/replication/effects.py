"""Writes to AWS as data: `--dry-run` prints the same list that a seed performs."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from windlass.core.canonical import plain
from windlass.core.errors import WindlassError

__all__ = ["Caller", "Effect", "perform", "rows"]

_TRY_AGAIN_S = 3.0


class Caller(Protocol):
    """The caller of AWS: the estate, or a stand-in for it."""

    def call(self, account_id: str, region: str, service: str, operation: str, /, **params: Any) -> dict[str, Any]:
        """Make one call, and return its response. Errors are Windlass's own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """One call that changes something: where, what, with which parameters, and why.

    `already` are error codes that mean that the change was made before. `settles` means that a new role may not be
    visible yet.
    """

    account_id: str
    region: str
    service: str
    operation: str
    params: Mapping[str, Any]
    why: str
    already: tuple[str, ...] = ()
    settles: bool = False


def perform(
    estate: Caller, effects: Sequence[Effect], *, settle_s: float = 0.0, sleep: Callable[[float], object] = time.sleep
) -> list[dict[str, Any]]:
    """Perform the effects in order and return the responses. An effect whose result already exists is not an error."""
    return [_one(estate, one, settle_s, sleep) for one in effects]


def _one(estate: Caller, one: Effect, settle_s: float, sleep: Callable[[float], object]) -> dict[str, Any]:
    waited = 0.0
    while True:
        try:
            return estate.call(one.account_id, one.region, one.service, one.operation, **one.params)
        except WindlassError as error:
            if error.code in one.already:
                return {}
            # IAM changes need some seconds to reach S3 (IAM user guide: "Changes are not always immediately visible").
            said = error.message.lower()
            if not (one.settles and ("role" in said or "principal" in said) and waited < settle_s):
                raise
            sleep(_TRY_AGAIN_S)
            waited += _TRY_AGAIN_S


def rows(effects: Sequence[Effect]) -> list[dict[str, Any]]:
    """Return the effects as rows of a listing."""
    return [
        {
            "call": f"{one.service} {one.operation}",
            "on": _target(one),
            "account_id": one.account_id,
            "region": one.region,
            "why": one.why,
            "params": plain(dict(one.params)),
        }
        for one in effects
    ]


def _target(one: Effect) -> str:
    if one.operation == "CreateJob":
        return str(next(iter(one.params["Operation"])))
    for name in ("Bucket", "RoleName", "FunctionName", "JobFlowId", "applicationId", "JobId"):
        if name in one.params:
            key = one.params.get("Key", "")
            return f"s3://{one.params[name]}/{key}" if key else str(one.params[name])
    return ""
