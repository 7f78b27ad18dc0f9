"""The parameters and the response of a call as CloudTrail records them: by the service's own model, with secrets hidden."""

from __future__ import annotations

import functools
import io
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any
from urllib.parse import unquote

import botocore.parsers
import moto.core.utils
from moto.core.parse import PROTOCOL_PARSERS
from moto.core.request import determine_request_protocol
from werkzeug.test import EnvironBuilder
from werkzeug.wrappers import Request as WsgiRequest

from windlass_local.request import Request, Response
from windlass_local.rest_routes import uri_params

__all__ = ["PRIVATE_NAMES", "request_parameters", "response_elements"]

PRIVATE_NAMES = (
    "moto.core.parse.PROTOCOL_PARSERS",
    "moto.core.request.determine_request_protocol",
    "moto.core.utils.get_service_model",
)
HIDDEN = "HIDDEN_DUE_TO_SECURITY_REASONS"
_MODELS: Mapping[str, tuple[str, ...]] = {
    # the models behind a signing name that is not a model's own name
    "apigateway": ("apigateway", "apigatewayv2"),
    "elasticfilesystem": ("efs",),
    "elasticloadbalancing": ("elbv2", "elb"),
    "elasticmapreduce": ("emr",),
    "es": ("opensearch", "es"),
    "monitoring": ("cloudwatch",),
    "rds": ("rds", "neptune", "docdb"),
    "states": ("stepfunctions",),
    "access-analyzer": ("accessanalyzer",),
    "bedrock": ("bedrock", "bedrock-agent"),
}


def request_parameters(request: Request) -> dict[str, Any] | None:
    """Return `requestParameters`; None for a call without any, or of a service without a model."""
    if request.service == "s3":
        return {"bucketName": unquote(request.bucket), "Host": request.headers.get("host", "")}
    model = _operation_model(request)
    if model is None or model.input_shape is None:
        return None
    protocol = determine_request_protocol(model.service_model, request.headers.get("content-type"))
    wsgi = _wsgi_request(request)
    parsed = PROTOCOL_PARSERS[protocol](model).parse(
        {
            "method": request.method,
            "values": wsgi.values,
            "headers": wsgi.headers,
            "body": request.body,
            "url_path": request.path,
            "url_params": uri_params(model.http.get("requestUri", "/"), request.path),
        }
    )
    return _recorded(parsed, model.input_shape, ec2=request.service == "ec2") or None


def response_elements(request: Request, answer: Response) -> dict[str, Any] | None:
    """Return `responseElements`; None when the answer says nothing."""
    model = None if request.service == "s3" else _operation_model(request)
    if model is None or model.output_shape is None or not answer.body:
        return None
    protocol = determine_request_protocol(model.service_model, request.headers.get("content-type"))
    headers = {name.lower(): value for name, value in answer.headers}
    parser = botocore.parsers.create_parser(protocol)
    parsed = parser.parse({"status_code": answer.status, "headers": headers, "body": answer.body}, model.output_shape)
    parsed.pop("ResponseMetadata", None)
    return _recorded(parsed, model.output_shape, ec2=request.service == "ec2") or None


def _wsgi_request(request: Request) -> WsgiRequest:
    builder = EnvironBuilder(
        method=request.method,
        path=request.path,
        query_string=request.query,
        headers=dict(request.headers),
        input_stream=io.BytesIO(request.body),
    )
    return WsgiRequest(builder.get_environ())


def _operation_model(request: Request) -> Any:
    form_version = _form_version(request)
    for name in _MODELS.get(request.service, (request.service,)):
        model = _service_model(name)
        if model is None or request.operation not in model.operation_names:
            continue
        if form_version and model.api_version != form_version:
            continue
        return model.operation_model(request.operation)
    return None


@functools.cache
def _service_model(name: str) -> Any:
    try:
        return moto.core.utils.get_service_model(name)
    except Exception:  # noqa: BLE001  botocore has no model of this name
        return None


def _form_version(request: Request) -> str:
    """Return the Version of a form: the two load balancers' APIs differ in nothing else."""
    if request.service != "elasticloadbalancing":
        return ""
    text = request.body.decode("latin-1")
    return next((part[8:] for part in text.split("&") if part.startswith("Version=")), "")


def _recorded(value: Any, shape: Any, *, ec2: bool) -> Any:
    """Return a value with CloudTrail's spelling of members (a small first letter), times as text, secrets hidden."""
    if value is None:
        return None
    if shape is not None and getattr(shape, "metadata", {}).get("sensitive"):
        return HIDDEN
    kind = getattr(shape, "type_name", "")
    if kind == "structure" and isinstance(value, Mapping):
        return _members(value, shape, ec2=ec2)
    if kind == "list" and isinstance(value, list):
        return [_recorded(item, shape.member, ec2=ec2) for item in value]
    if isinstance(value, Mapping):
        inner = shape.value if kind == "map" else None
        return {str(key): _recorded(item, inner, ec2=ec2) for key, item in value.items()}
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, str | int | float | bool):
        return value
    return HIDDEN  # a stream or a blob, such as a function's code


def _members(value: Mapping[str, Any], shape: Any, *, ec2: bool) -> dict[str, Any]:
    recorded = {}
    for name, item in value.items():
        member = shape.members.get(name)
        if item is None or member is None:
            continue
        content = _recorded(item, member, ec2=ec2)
        if ec2 and isinstance(content, list):
            key, content = _ec2_set(name, member, content)
        else:
            key = name[:1].lower() + name[1:]
        recorded[key] = content
    return recorded


def _ec2_set(name: str, member: Any, items: list[Any]) -> tuple[str, dict[str, Any]]:
    """EC2's lists: `"instancesSet": {"items": [{"instanceId": …}]}`, also for a list of bare ids."""
    wire_name = str(member.serialization.get("name") or name)
    if items and not isinstance(items[0], dict):
        singular = name[:-1] if name.endswith("s") else name
        base = wire_name if not wire_name.endswith("Id") else f"{wire_name[:-2]}s"
        if name.endswith("Ids"):
            base = f"{name[:-3]}s"
        key = singular[:1].lower() + singular[1:]
        if name == "Resources":
            base, key = "resources", "resourceId"
        items = [{key: item} for item in items]
        wire_name = base
    key_name = wire_name[:1].lower() + wire_name[1:]
    return (key_name if key_name.endswith("Set") else f"{key_name}Set"), {"items": items}
