"""moto's functions: the version that a name refers to, its contents, and its retry and concurrency settings."""

from __future__ import annotations

import random
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from moto.awslambda.exceptions import UnknownAliasException, UnknownFunctionException
from moto.awslambda.utils import get_backend
from moto.sts.models import sts_backends

from windlass_local.lambda_.deployment import Credentials, Deployment
from windlass_local.lambda_.function_name import FunctionName
from windlass_local.lambda_.retries import RETRY_TAG, InvokeRetryPolicy, delays_of_tag

__all__ = ["LAYERS", "Unrunnable", "assume_role", "deployment_of", "find", "policy_of", "reserved_of"]

LAYERS = "windlass_layers"
"""Attribute of moto's functions: their layer versions, which live on in a function after they are deleted."""
_PYTHON = re.compile(r"python3\.\d+")


class Unrunnable(Exception):
    """The function cannot run here; the message has the reason."""


def find(name: FunctionName) -> Any:
    """Return moto's function of that name and qualifier. Raises moto's UnknownFunctionException.

    An alias with routing weights returns another version now and then, as in AWS.
    """
    backend = get_backend(name.account_id, name.region)
    qualifier = name.qualifier
    if qualifier and not qualifier.isdigit() and qualifier != "$LATEST":
        try:
            alias = backend.get_alias(qualifier, name.name)
        except UnknownAliasException:
            raise UnknownFunctionException(name.arn) from None
        weights: Mapping[str, float] = (alias.routing_config or {}).get("AdditionalVersionWeights") or {}
        point = random.random()  # noqa: S311  a share of the traffic, not a secret
        qualifier = alias.function_version
        for version, weight in weights.items():
            point -= weight
            if point < 0:
                qualifier = version
                break
    function = backend.get_function(name.name, qualifier or None)
    if function is None:
        raise UnknownFunctionException(name.arn)
    return function


def deployment_of(function: Any, endpoint_url: str) -> Deployment:
    """Return the version's contents. Unrunnable for anything but Python from a zip."""
    if function.package_type != "Zip" or not _PYTHON.fullmatch(function.run_time or ""):
        what = function.run_time or f"package type {function.package_type}"
        raise Unrunnable(f"the embedded AWS runs Python functions from zips; {function.function_name} is {what}")
    return Deployment(
        account_id=function.account_id,
        region=function.region,
        name=function.function_name,
        version=str(function.version),
        handler=function.handler or "",
        runtime=function.run_time,
        role=function.role,
        memory_mb=int(function.memory_size),
        timeout_s=int(function.timeout),
        code=function.code_digest,
        layers=tuple(layer.code_digest for layer in getattr(function, LAYERS, ())),
        variables=tuple(sorted((str(key), str(value)) for key, value in (function.environment_vars or {}).items())),
        endpoint_url=endpoint_url,
    )


def reserved_of(name: FunctionName) -> int | None:
    """Return the function's reserved concurrency, which its versions share."""
    reserved = get_backend(name.account_id, name.region).get_function(name.name).reserved_concurrency
    return None if reserved is None else int(reserved)


def policy_of(name: FunctionName) -> InvokeRetryPolicy:
    """Return how the function's asynchronous events are retried."""
    function = get_backend(name.account_id, name.region).get_function(name.name)
    config = function.event_invoke_config[-1].config if function.event_invoke_config else {}
    destinations = config.get("DestinationConfig") or {}
    policy = InvokeRetryPolicy(
        on_success=(destinations.get("OnSuccess") or {}).get("Destination") or "",
        on_failure=(destinations.get("OnFailure") or {}).get("Destination") or "",
        dead_letter=getattr(function, "dead_letter_config", {}).get("TargetArn") or "",
        delays_s=delays_of_tag(function.tags.get(RETRY_TAG, "")),
    )
    if config.get("MaximumRetryAttempts") is not None:
        policy = replace(policy, retries=int(config["MaximumRetryAttempts"]))
    if config.get("MaximumEventAgeInSeconds") is not None:
        policy = replace(policy, max_age_s=float(config["MaximumEventAgeInSeconds"]))
    return policy


def assume_role(deployment: Deployment) -> Credentials:
    """Assume the function's role, as Lambda does; the session identifies the function's calls."""
    role = sts_backends[deployment.account_id]["aws"].assume_role(
        region_name=deployment.region,
        role_session_name=deployment.name,
        role_arn=deployment.role,
        policy="",
        duration=43_200,
        external_id="",
    )
    return Credentials(key_id=role.access_key_id, secret_key=role.secret_access_key, session_token=role.session_token)
