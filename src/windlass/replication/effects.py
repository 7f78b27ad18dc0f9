"""Writes to AWS as data: `--dry-run` prints the same list that a seed performs."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from windlass.core.canonical import plain
from windlass.core.errors import WindlassError

__all__ = ["AwsCaller", "Effect", "perform", "rows"]

_TRY_AGAIN_S = 3.0


class AwsCaller(Protocol):
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
    estate: AwsCaller,
    effects: Sequence[Effect],
    *,
    settle_s: float = 0.0,
    sleep: Callable[[float], object] = time.sleep,
) -> list[dict[str, Any]]:
    """Perform the effects in order and return the responses. An effect whose result already exists is not an error."""
    return [_one(estate, effect, settle_s, sleep) for effect in effects]


def _one(estate: AwsCaller, effect: Effect, settle_s: float, sleep: Callable[[float], object]) -> dict[str, Any]:
    waited = 0.0
    while True:
        try:
            return estate.call(effect.account_id, effect.region, effect.service, effect.operation, **effect.params)
        except WindlassError as error:
            if error.code in effect.already:
                return {}
            # IAM changes need some seconds to reach S3 (IAM user guide: "Changes are not always immediately visible").
            message = error.message.lower()
            if not (effect.settles and ("role" in message or "principal" in message) and waited < settle_s):
                raise
            sleep(_TRY_AGAIN_S)
            waited += _TRY_AGAIN_S


def rows(effects: Sequence[Effect]) -> list[dict[str, Any]]:
    """Return the effects as rows of a listing."""
    return [
        {
            "call": f"{effect.service} {effect.operation}",
            "on": _target(effect),
            "account_id": effect.account_id,
            "region": effect.region,
            "why": effect.why,
            "params": plain(dict(effect.params)),
        }
        for effect in effects
    ]


def _target(effect: Effect) -> str:
    if effect.operation == "CreateJob":
        return str(next(iter(effect.params["Operation"])))
    for name in ("Bucket", "RoleName", "FunctionName", "JobFlowId", "applicationId", "JobId"):
        if name in effect.params:
            key = effect.params.get("Key", "")
            return f"s3://{effect.params[name]}/{key}" if key else str(effect.params[name])
    return ""
