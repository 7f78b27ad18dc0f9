"""Requests and answers of any operation, made of its model; and both clients, with the network between replaced."""

import datetime as dt
import functools
import string
import uuid
import warnings

from botocore.awsrequest import AWSResponse
from botocore.httpsession import HTTPClientError
from moto.core.model import ServiceModel
from moto.core.serialize import SerializationContext, get_serializer_class

from tests import botocore_models
from tests.inventory.model_server import botocore_protocol
from windlass.aws.endpoint_resolution import Endpoints
from windlass.aws.exchange import Exchange, Unsupported
from windlass.aws.service_models import ServiceModels
from windlass.estate.clients import make_client
from windlass.estate.config import EstateConfig
from windlass.estate.credentials import embedded_session
from windlass.wire.model import Response

ACCOUNT = "111111111111"
NOW = dt.datetime(2026, 12, 1, 10, 20, 30, tzinfo=dt.UTC)
TOKEN = uuid.UUID("12345678-1234-4678-9234-567812345678")
UNCOMPARED = {"user-agent", "amz-sdk-invocation-id", "amz-sdk-request", "accept-encoding"}
MODELS = ServiceModels()


class Values:
    """Values of shapes; `random` decides which optional members there are."""

    def __init__(self, random, *, of_answer=False):
        self.random, self.of_answer = random, of_answer

    def of(self, shape, name="", depth=0):
        match shape.type_name:
            case "structure":
                return self._structure(shape, depth)
            case "list":
                least = int(shape.metadata.get("min", 0))
                count = max(least, self.random.choice([1, 2])) if depth < 5 else least
                return [self.of(shape.member, name, depth + 1) for _ in range(min(count, 20))]
            case "map":
                least = max(1, int(shape.metadata.get("min", 0))) if depth < 5 else int(shape.metadata.get("min", 0))
                return {f"{self._text(shape.key)}{n}": self.of(shape.value, name, depth + 1) for n in range(least)}
            case "boolean":
                return self.random.choice([True, False])
            case "integer" | "long":
                return self._number(shape)
            case "float" | "double":
                return float(self._number(shape))
            case "timestamp":
                return NOW.replace(second=self.random.randrange(60))
            case "blob":
                return bytes(self.random.randrange(256) for _ in range(max(8, int(shape.metadata.get("min", 0)))))
            case _:
                return self._text(shape)

    def _structure(self, shape, depth):
        members = list(shape.members.items())
        if shape.is_document_type:
            return {"document": ["of", 1, True, None]}
        if shape.is_tagged_union:
            members = [self.random.choice(members)] if members else []
            return {name: self.of(member, name, depth + 1) for name, member in members}
        chosen = [
            (name, member)
            for name, member in members
            if name in shape.required_members
            or (
                depth < 5
                and self.random.random() < (0.9 if self.of_answer else 0.4)
                and not member.metadata.get("deprecated")
            )
        ]
        return {name: self.of(member, name, depth + 1) for name, member in chosen}

    def _number(self, shape):
        least, most = int(float(shape.metadata.get("min", 1))), int(float(shape.metadata.get("max", 1000)))
        return self.random.randint(least, max(least, min(most, least + 1000)))

    def _text(self, shape):
        if shape.type_name == "string" and getattr(shape, "enum", None):
            return self.random.choice(shape.enum)
        letters = string.ascii_lowercase + string.digits + ("-" if self.of_answer else "-_ /+:%é&=?#~.")
        length = max(12, int(shape.metadata.get("min", 0)))
        most = int(shape.metadata.get("max", 10**6))
        inner = "".join(self.random.choice(letters) for _ in range(min(length, most, 4096) - 2))
        return f"a{inner}z"[: max(1, most)]


def request_params(service, operation, random):
    shape = MODELS.operation(service, operation).model.input_shape
    params = Values(random).of(shape) if shape is not None else {}
    for name in ("Bucket", "BucketName", "bucket"):  # what host names are made of
        if name in params and service in ("s3", "s3control"):
            params[name] = random.choice(["logs-of-web", "dotted.name.of-it", "a-b-c-1"])
    if "AccountId" in params:
        params["AccountId"] = ACCOUNT
    return params


@functools.cache
def moto_model(service):
    return ServiceModel(botocore_models.loader().load_service_model(service, "service-2"), service)


def answer_document(service, operation, random):
    """(status, headers, body) of a success, as moto's serialisers write it."""
    model = moto_model(service).operation_model(operation)
    document = Values(random, of_answer=True).of(model.output_shape) if model.output_shape is not None else {}
    return written(service, model, document)


def error_document(service, operation, random):
    model = moto_model(service).operation_model(operation)
    shapes = model.error_shapes
    code = random.choice(shapes).name if shapes else "AccessDenied"

    class Problem(Exception):
        pass

    problem = type(code, (Problem,), {"code": code, "message": "not possible"})("not possible")
    return written(service, model, problem)


def written(service, model, document):
    protocol = botocore_protocol(service)
    writer = get_serializer_class(service, protocol)
    with warnings.catch_warnings(action="ignore"):  # of error codes that no model has
        answer = writer(model, context=SerializationContext(str(TOKEN))).serialize(document)
    headers = {"x-amzn-requestid": str(TOKEN)} | {name.lower(): text for name, text in answer["headers"].items()}
    if protocol == "json":
        headers["content-type"] = "application/x-amz-json-1.0"
    body = answer["body"]
    return answer["status_code"], headers, body.encode() if isinstance(body, str) else body or b""


class Network:
    """Takes the requests of both clients, and gives them the same answer."""

    def __init__(self):
        self.answer = (200, {}, b"")
        self.request = None
        self.respond = lambda _: self.answer

    # as botocore's before-send handler

    def before_send(self, request, **_):
        parts = request.url.split("://", 1)[1]
        host, slash, target = parts.partition("/")
        headers = {
            name.lower(): text.decode() if isinstance(text, bytes) else text for name, text in request.headers.items()
        }
        headers.setdefault("host", host)
        body = request.body or b""
        target = f"/{target}" if slash else "/"
        self.request = (
            request.method,
            host,
            target,
            compared(headers),
            body.encode() if isinstance(body, str) else body,
        )
        status, given, data = self.respond(self.request)
        return AWSResponse(request.url, status, _Headers(given), _Raw(data))

    # as the generic client's pool and connection

    used = 1

    def take(self, route):
        self.route = route
        return self

    open = take

    def give_back(self, route, connection):
        pass

    def exchange(self, data, *, head_only):
        head, _, body = data.partition(b"\r\n\r\n")
        first, *lines = head.decode().split("\r\n")
        method, target, _ = first.split(" ")
        headers = dict(line.split(": ", 1) for line in lines)
        self.request = (method, headers["host"], target, compared(headers), body)
        status, given, content = self.respond(self.request)
        return Response(status, dict(given), content)


class _Headers(dict):
    def __init__(self, headers):
        super().__init__({name.lower(): text for name, text in headers.items()})

    def get(self, name, default=None):
        return super().get(name.lower(), default)

    def __contains__(self, name):
        return super().__contains__(name.lower())

    def __getitem__(self, name):
        return super().__getitem__(name.lower())

    def __delitem__(self, name):
        super().__delitem__(name.lower())


class _Raw:
    def __init__(self, data):
        self.data = data

    def stream(self, *_, **__):
        yield self.data


def compared(headers):
    return {name: " ".join(text.split()) for name, text in headers.items() if name not in UNCOMPARED}


class Pair:
    """Both clients for a service and region."""

    def __init__(self, config=None, *, token=""):
        self.config = config or EstateConfig()
        self.session = embedded_session(ACCOUNT)
        self.network = Network()
        self.exchange = Exchange(MODELS, Endpoints(self.config, MODELS), self.network, now=NOW.timestamp)
        self._clients = {}
        if token:
            self.session.set_credentials(ACCOUNT, "secret", token)

    def botocore(self, service, region, operation, params):
        client = self._clients.get((service, region))
        if client is None:
            client = self._clients[service, region] = make_client(self.session, self.config, region, service)
            client.meta.events.register("before-send", self.network.before_send)
        return outcome(lambda: client._make_api_call(operation, params), self.network)

    def generic(self, service, region, operation, params):
        model = MODELS.operation(service, operation)
        return outcome(lambda: self.exchange.call(model, region, params, self.session), self.network)


def outcome(call, network):
    network.request = None
    try:
        answer = call()
    except (HTTPClientError, Unsupported):
        raise
    except Exception as error:
        response = getattr(error, "response", None)
        code = response.get("Error", {}) if response else str(error)
        shown = {key: code.get(key) for key in ("Code", "Message")} if isinstance(code, dict) else code
        kind = "ClientError" if response else type(error).__name__
        return network.request, (kind, shown)
    answer.pop("ResponseMetadata", None)
    return network.request, answer
