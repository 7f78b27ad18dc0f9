# ruff: noqa: SLF001 - this module is where moto's private names are touched, all of them in PRIVATE_NAMES
"""What is changed inside moto's Lambda, each in a function that says why. moto is pinned; names are self-checked."""

from __future__ import annotations

import base64
import copy
import json
from functools import wraps
from typing import Any

from moto.awslambda import models
from moto.awslambda.exceptions import InvalidParameterValueException, LambdaClientError
from moto.awslambda.policy import Policy
from moto.awslambda_simple.models import LambdaSimpleBackend
from moto.core.base_backend import BaseBackend
from moto.s3.models import s3_backends

from windlass_local.lambda_.code import check_zip
from windlass_local.lambda_.function_name import FunctionName, parse_name
from windlass_local.lambda_.functions import Functions
from windlass_local.lambda_.outcome import Throttled
from windlass_local.lambda_.versions import LAYERS, Unrunnable

__all__ = ["PRIVATE_NAMES", "apply"]

PRIVATE_NAMES = (
    "moto.awslambda.models.EventInvokeConfig",
    "moto.awslambda.models.LambdaBackend.delete_function",
    "moto.awslambda.models.LambdaBackend.get_alias",
    "moto.awslambda.models.LambdaBackend.layers_versions_by_arn",
    "moto.awslambda.models.LambdaBackend.put_function_event_invoke_config",
    "moto.awslambda.models.LambdaBackend.update_function_event_invoke_config",
    "moto.awslambda.models.LambdaFunction._get_layers_data",
    "moto.awslambda.models.LambdaFunction._invoke_lambda",
    "moto.awslambda.models.LambdaFunction._set_function_code",
    "moto.awslambda.models.LambdaFunction.get_configuration",
    "moto.awslambda.models.LambdaFunction.invoke",
    "moto.awslambda.models.LambdaFunction.update_configuration",
    "moto.awslambda.models.LayerVersion",
    "moto.awslambda.policy.Policy.add_statement",
    "moto.awslambda.utils.get_backend",
    "moto.awslambda_simple.models.LambdaSimpleBackend.invoke",
    "moto.logs.models.LogsBackend.ensure_log_group",
    "moto.sts.models.STSBackend.assume_role",
)


class _Conflict(LambdaClientError):
    code = 429


class _StatementExists(LambdaClientError):
    code = 409

    def __init__(self, statement_id: str) -> None:
        message = (
            f"The statement id ({statement_id}) provided already exists. Please provide a new statement id, or remove the "
            "existing statement."
        )
        super().__init__("ResourceConflictException", message)


def apply(functions: Functions) -> None:
    """Patch moto's Lambda. Once per process."""
    _run_in_processes(functions)
    _checked_code()
    _kept_layers()
    _dead_letters()
    _one_invoke_config()
    _light_copies()
    _endings(functions)
    _statements_once()


def _run_in_processes(functions: Functions) -> None:
    """Whoever invokes through moto (Secrets Manager, CloudFormation, moto's own notifications) gets our processes."""

    def invoke(function: Any, body: Any, request_headers: Any, response_headers: Any) -> bytes:
        qualifier = "" if str(function.version) == "$LATEST" else str(function.version)
        name = FunctionName(
            account_id=function.account_id,
            region=function.region,
            name=function.function_name,
            qualifier=qualifier,
            partition=function.partition,
        )
        payload = body.encode() if isinstance(body, str) else bytes(body or b"")
        kind = request_headers.get("x-amz-invocation-type") or request_headers.get("X-Amz-Invocation-Type")
        if kind == "Event":
            functions.events.accept(name, payload)
            return b""
        try:
            answer = functions.invoke(name, payload)
        except Throttled as error:
            raise _Conflict("TooManyRequestsException", str(error)) from None
        except Unrunnable as error:
            raise LambdaClientError("InvalidRuntimeException", str(error)) from None
        if answer.failed:
            response_headers["x-amz-function-error"] = "Unhandled"
        response_headers["x-amz-log-result"] = answer.log_tail
        return answer.payload

    def run(function: Any, event: Any = None) -> tuple[str, bool, str]:
        headers: dict[str, str] = {}
        answer = invoke(function, event or "{}", {}, headers)
        log = base64.b64decode(headers["x-amz-log-result"]).decode("utf-8", "replace")
        return answer.decode(), "x-amz-function-error" in headers, log

    models.LambdaFunction.invoke = invoke
    models.LambdaFunction._invoke_lambda = run
    LambdaSimpleBackend.invoke = models.LambdaBackend.invoke


def _checked_code() -> None:
    """moto takes any bytes for a zip, and forgets which version of an S3 object was asked for."""
    original = models.LambdaFunction._set_function_code

    @wraps(original)
    def set_code(function: Any, spec: dict[str, Any]) -> None:
        if "ZipFile" in spec and not spec.get("DryRun"):
            _refuse(models._zipfile_content(spec["ZipFile"])[0])
        original(function, spec)
        if spec.get("S3ObjectVersion") and "ZipFile" not in spec:
            key = s3_backends[function.account_id][function.partition].get_object(
                spec["S3Bucket"], spec["S3Key"], version_id=spec["S3ObjectVersion"]
            )
            if key is None:
                raise InvalidParameterValueException(
                    "Error occurred while GetObject. S3 Error Code: NoSuchVersion. S3 Error Message: The specified "
                    "version does not exist."
                )
            function.code_bytes, function.code_size, function.code_sha_256, function.code_digest = models._s3_content(
                key
            )
        if "S3Bucket" in spec and "ZipFile" not in spec:
            _refuse(function.code_bytes)

    original_layer = models.LayerVersion.__init__

    @wraps(original_layer)
    def layer(version: Any, *args: Any, **kwargs: Any) -> None:
        original_layer(version, *args, **kwargs)
        _refuse(version.code_bytes)

    models.LambdaFunction._set_function_code = set_code
    models.LayerVersion.__init__ = layer


def _refuse(content: bytes) -> None:
    problem = check_zip(content)
    if problem:
        raise InvalidParameterValueException(problem)


def _kept_layers() -> None:
    """A function keeps its layers' files when the layer versions are deleted."""
    original = models.LambdaFunction._get_layers_data

    @wraps(original)
    def layers(function: Any, arns: list[str]) -> Any:
        described = original(function, arns)
        backend = models.get_backend(function.account_id, function.region)
        setattr(function, LAYERS, tuple(backend.layers_versions_by_arn(arn) for arn in arns))
        return described

    models.LambdaFunction._get_layers_data = layers


def _dead_letters() -> None:
    """moto has no DeadLetterConfig."""
    original_init = models.LambdaFunction.__init__
    original_update = models.LambdaFunction.update_configuration
    original_get = models.LambdaFunction.get_configuration

    @wraps(original_init)
    def initialise(function: Any, account_id: str, spec: dict[str, Any], *args: Any, **kwargs: Any) -> None:
        function.dead_letter_config = spec.get("DeadLetterConfig") or {}
        original_init(function, account_id, spec, *args, **kwargs)

    @wraps(original_get)
    def configuration(function: Any, on_create: bool = False) -> dict[str, Any]:
        document: dict[str, Any] = original_get(function, on_create)
        if function.dead_letter_config.get("TargetArn"):
            document["DeadLetterConfig"] = function.dead_letter_config
        return document

    @wraps(original_update)
    def update(function: Any, updates: dict[str, Any]) -> dict[str, Any]:
        if "DeadLetterConfig" in updates:
            function.dead_letter_config = updates["DeadLetterConfig"] or {}
        original_update(function, updates)
        document: dict[str, Any] = function.get_configuration()
        return document

    models.LambdaFunction.__init__ = initialise
    models.LambdaFunction.get_configuration = configuration
    models.LambdaFunction.update_configuration = update


def _one_invoke_config() -> None:
    """moto keeps every configuration it was given, and answers with the first."""

    def put(backend: Any, function_name: str, config: dict[str, Any]) -> dict[str, Any]:
        function = backend.get_function(function_name)
        found = models.EventInvokeConfig(function.function_arn, function.last_modified, config)
        function.event_invoke_config = [found]
        document: dict[str, Any] = found.response()
        return document

    def update(backend: Any, function_name: str, config: dict[str, Any]) -> dict[str, Any]:
        function = backend.get_function(function_name)
        before = function.event_invoke_config[-1].config if function.event_invoke_config else {}
        return put(backend, function_name, before | config)

    models.LambdaBackend.put_function_event_invoke_config = put
    models.LambdaBackend.update_function_event_invoke_config = update


def _light_copies() -> None:
    """moto copies a function deeply to list or publish it, and with it all log events of its region."""
    models.LambdaFunction.__deepcopy__ = lambda function, _memo: copy.copy(function)


def _endings(functions: Functions) -> None:
    """Processes end with their function, and with the estate."""
    original = models.LambdaBackend.delete_function

    @wraps(original)
    def delete(backend: Any, function_name: str, qualifier: str | None = None) -> None:
        original(backend, function_name, qualifier)
        functions.deleted(parse_name(function_name, backend.account_id, backend.region_name, qualifier or ""))

    def reset(backend: Any) -> None:
        functions.reset()
        BaseBackend.reset(backend)

    models.LambdaBackend.delete_function = delete
    models.LambdaBackend.reset = reset


def _statements_once() -> None:
    """moto appends a statement whose id is there already; a policy (of a function, an alias, a layer) has each id once."""
    original = Policy.add_statement

    @wraps(original)
    def add_statement(policy: Any, raw: str, qualifier: str | None = None) -> Any:
        statement_id = json.loads(raw).get("StatementId", "")
        parent = getattr(policy.parent, "function_arn", None) or policy.parent.arn
        resource = f"{parent}:{qualifier}" if qualifier else parent
        if any(each.get("Sid") == statement_id and each.get("Resource") == resource for each in policy.statements):
            raise _StatementExists(statement_id)
        return original(policy, raw, qualifier)

    Policy.add_statement = add_statement
