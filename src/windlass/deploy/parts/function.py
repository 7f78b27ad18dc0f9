"""A Lambda function from a zip. `want`: `configuration` and `code` (None: look at it, delete it, leave its code alone)."""

from __future__ import annotations

from collections.abc import Mapping

from windlass.core.errors import UsageError
from windlass.deploy.effects import Call, Effect
from windlass.deploy.parts.calls import Ask, absent, differing, foreign
from windlass.deploy.stacks import Found, Part

__all__ = ["change", "look", "make", "unmake"]

_NEW_ROLE = ("cannot be assumed by Lambda", "InvalidParameterValueException: The role")
_BUSY = ("ResourceConflictException", "An update is in progress")


def look(call: Ask, part: Part) -> Found | None:
    """The function's configuration and the digest of its code."""
    answer = absent(call, "lambda", "GetFunction", FunctionName=part.name)
    if answer is None:
        return None
    now = answer["Configuration"]
    have = {
        "configuration": {name: now.get(name) for name in part.want["configuration"]},
        "sha256": now.get("CodeSha256", ""),
    }
    facts = {
        "arn": now["FunctionArn"],
        "state": str(now.get("State", "Active")).lower(),
        "code_bytes": now.get("CodeSize"),
    }
    return Found(part.name, answer.get("Tags") or {}, have, facts)


def make(part: Part, tags: Mapping[str, str]) -> tuple[Effect, ...]:
    """The function; UsageError without code."""
    if part.want["code"] is None:
        raise UsageError(
            f"function {part.name} needs its code", hint="`windlass build lambda` makes the zip; --zip names it."
        )
    params = {
        "FunctionName": part.name,
        **part.want["configuration"],
        "Code": {"ZipFile": part.want["code"]},
        "PackageType": "Zip",
        "Tags": dict(tags),
    }
    return (Call(part.purpose, "lambda", "CreateFunction", params, f"function {part.name}", _NEW_ROLE),)


def change(part: Part, found: Found, *, ours: bool) -> tuple[Effect, ...]:
    """Code and configuration of our own function; another's is a Conflict."""
    if not ours:
        raise foreign(part)
    calls: list[Effect] = []
    named, code = {"FunctionName": part.name}, part.want["code"]
    wanted = differing(part.want["configuration"], found.have["configuration"])
    architectures = wanted.pop("Architectures", None)  # goes with the code
    if code is not None and (code.sha256 != found.have["sha256"] or architectures):
        params = {**named, "ZipFile": code, "Architectures": part.want["configuration"]["Architectures"]}
        calls.append(Call(part.purpose, "lambda", "UpdateFunctionCode", params, f"code of {part.name}", _BUSY))
    if wanted:
        why = f"{', '.join(wanted)} of {part.name}"
        calls.append(
            Call(part.purpose, "lambda", "UpdateFunctionConfiguration", {**named, **wanted}, why, (*_BUSY, *_NEW_ROLE))
        )
    return tuple(calls)


def unmake(part: Part, found: Found, *, ours: bool) -> tuple[Effect, ...]:
    """The function."""
    params = {"FunctionName": found.id}
    return (Call(part.purpose, "lambda", "DeleteFunction", params, f"function {part.name}", _BUSY),) if ours else ()
