"""An AWS over real HTTP that knows nothing but botocore's models: every listing in pages, in the protocol of its service.

It tells that there is more by every member of the answer that can tell it, and goes on from whatever it is sent back.
moto's serialisers write the answers: code that nobody here wrote.
"""

import contextlib
import functools
import json
import re
import threading
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit

from moto.core.model import ServiceModel
from moto.core.serialize import SerializationContext, get_serializer_class

from tests import botocore_models
from windlass.inventory.catalog import CATALOG

ACCOUNT = "111111111111"
REGION = "us-east-1"
TOKEN = "more-from-"
_TOKEN_NAME = re.compile(r"(?i)(token|marker|position)$|^(next|lastevaluated)\w*(name|type|identifier|key|arn)$")
_FLAG_NAME = re.compile(r"(?i)truncated$|^has_?more|^additional\w+available$")
_SIZE_NAME = re.compile(r"(?i)^(max-?(results|records|items|buckets)|page-?size|limit)$")
# Documented defaults (API references): what a page holds when no size is asked for.
_DEFAULTS = {
    "ListDeliveryStreams": 10,
    "ListTagsForDeliveryStream": 50,
    "ListTagsForStream": 10,
    "ListFunctions": 50,
    "ListQueues": 1000,
    "GetRestApis": 25,
    "DescribeAlarms": 50,
    "ListBuckets": 1000,
}
# What no path of the catalogue names as a list: one description, whose destinations come in pages.
_LISTS = {("firehose", "DescribeDeliveryStream"): "DeliveryStreamDescription.Destinations"}
# Values by which types decide what they keep or ask next, by shape or member.
_VALUES = {"PolicyTypeStatus": "ENABLED", "IsDefault": False, "AwsManaged": False, "OwnerAccountId": ACCOUNT}
# moto's serialisers know no names of S3's documents.
_S3_ROOTS = {
    "ListBuckets": "ListAllMyBucketsResult",
    "ListDirectoryBuckets": "ListAllMyDirectoryBucketsResult",
    "CreateSession": "CreateSessionResult",
    "GetBucketCors": "CORSConfiguration",
    "GetBucketLifecycleConfiguration": "LifecycleConfiguration",
    "GetBucketTagging": "Tagging",
    "GetBucketLogging": "BucketLoggingStatus",
    "GetBucketVersioning": "VersioningConfiguration",
    "GetBucketRequestPayment": "RequestPaymentConfiguration",
    "GetBucketAcl": "AccessControlPolicy",
    "GetBucketWebsite": "WebsiteConfiguration",
    "GetBucketAccelerateConfiguration": "AccelerateConfiguration",
    "GetBucketNotificationConfiguration": "NotificationConfiguration",
}


@functools.cache
def model(service):
    return ServiceModel(botocore_models.loader().load_service_model(service, "service-2"), service)


@functools.cache
def botocore_protocol(service):
    """The one of a service's protocols that botocore's clients speak."""
    return botocore_models.service_model(service).resolved_protocol


def operations():
    """{(service, operation): paths of the lists that the catalogue reads from it}."""
    paths = {}
    for kind in CATALOG:
        paths.setdefault((kind.service, kind.operation), set()).add(kind.items)
        parent = kind.parent
        while parent is not None:
            paths.setdefault((kind.service, parent.operation), set()).add(re.sub(r"\[\?[^\]]*\]", "[]", parent.items))
            parent = parent.parent
        for detail in kind.details:
            paths.setdefault((detail.service or kind.service, detail.operation), set()).add(detail.result)
    return {key: sorted(found, key=len)[-1] for key, found in paths.items()} | _LISTS


OPERATIONS = operations()


def value(shape, number, name="", depth=0):
    """A value of the shape with every member, its texts told apart by `number`."""
    if name in _VALUES or shape.name in _VALUES:
        return _VALUES.get(name, _VALUES.get(shape.name))
    match shape.type_name:
        case "structure":
            if depth > 2 and not shape.is_tagged_union:  # a union has one member
                return {}
            members = list(shape.members.items())[: 1 if shape.is_tagged_union else None]
            return {key: value(member, number, key, depth + 1) for key, member in members}
        case "list":
            return [value(shape.member, number, name, depth + 1)] if depth <= 2 else []
        case "map":
            return {"anykey": value(shape.value, number, name, depth + 1)} if depth <= 2 else {}
        case "boolean":
            return True
        case "integer" | "long" | "float" | "double":
            return 7
        case "timestamp":
            return "2026-01-01T00:00:00Z"
        case "blob":
            return b"blob"
        case _:
            if "Region" in name:
                return REGION
            head = f"arn:aws:any:{REGION}:{ACCOUNT}:thing/" if name.lower().endswith("arn") else ""
            text = f"{name or 'text'}-{number:05}"
            return head + text.rjust(shape.metadata.get("min", 0) - len(head), "a")


def signalled(shape):
    """(path, is flag) of the members that say that there is more."""
    for name, member in shape.members.items():
        if member.type_name == "structure":
            yield from (((name, inner), is_flag) for (inner,), is_flag in signalled_flat(member))
    yield from signalled_flat(shape)


def signalled_flat(shape):
    for name, member in shape.members.items():
        if member.type_name == "boolean" and _FLAG_NAME.search(name):
            yield (name,), True
        elif (
            member.type_name == "string"
            and _TOKEN_NAME.search(name)
            and not name.startswith(("Lock", "Sync", "Update", "client"))
        ):
            yield (name,), False


class ModelServer:
    """Serves `items` of everything, `page_size` a page (None: the operation's real default)."""

    def __init__(self, items, page_size=None):
        self.items, self.page_size = items, page_size
        self.asked = []

    def answer(self, service, operation, sent):
        """The operation's answer to the parameters `sent` (flat: name to text), as a plain document."""
        if service == "sts":  # the estate compares whose credentials it has before it calls anything
            return {"Account": ACCOUNT, "Arn": f"arn:aws:iam::{ACCOUNT}:root", "UserId": "root"}
        if operation == "CreateSession":
            keys = dict.fromkeys(("AccessKeyId", "SecretAccessKey", "SessionToken"), "any")
            return {"Credentials": keys | {"Expiration": "2099-01-01T00:00:00Z"}}
        shape = model(service).operation_model(operation).output_shape
        parts = [part for part in re.split(r"[.]", OPERATIONS[service, operation]) if part]
        listed = self._listed(shape, parts)
        document = {name: value(shape.members[name], 0, name) for name in shape.members}
        signals = list(signalled(shape))
        if listed is None:
            for path, is_flag in signals:
                _put(document, path, False if is_flag else None)
            return document
        path, list_shape = listed
        start = self._start(sent)
        size = self._size(operation, sent)
        everything = self.items if signals else start + self.items
        end = min(start + size, everything) if signals else everything
        if operation == "ListQueues" and not any(_SIZE_NAME.match(name) for name in sent):
            end, everything = min(1000, everything), min(1000, everything)
        if list_shape.type_name == "map":
            rows = {f"key-{number:05}": "text" for number in range(start, end)}
        else:
            rows = [value(list_shape.member, number, path[-1]) for number in range(start, end)]
        if operation == "ListDirectoryBuckets":
            rows = [row | {"Name": f"{row['Name'].lower()}--use1-az4--x-s3"} for row in rows]
        _put(document, path, rows)
        for place, is_flag in signals:
            more = end < everything
            # What echoes the request's own marker says nothing of what comes.
            token = TOKEN + str(end).zfill(40 if place[-1].endswith("Arn") else 0)  # an ARN has a least length
            _put(document, place, more if is_flag else (token if more else None))
        return document

    def _listed(self, shape, parts):
        """Path and shape of the list that comes in pages: the last on the way that is one."""
        path, found = [], None
        for part in parts:
            name = part.partition("[")[0]
            if not name.isidentifier() or shape.type_name != "structure" or name not in shape.members:
                break
            shape = shape.members[name]
            path.append(name)
            if shape.type_name in ("list", "map"):
                found = (tuple(path), shape)
                if not part.endswith("[0]"):
                    break
                if shape.type_name == "list" and shape.member.type_name == "structure":
                    shape = shape.member
                    path.append(0)
        return found

    def _start(self, sent):
        for name, text in sent.items():
            if text.startswith(TOKEN):
                return int(text.removeprefix(TOKEN))
            if name.startswith("ExclusiveStart"):
                return int(text.rpartition("-")[2]) + 1
        return 0

    def _size(self, operation, sent):
        if self.page_size:
            return self.page_size
        asked = [int(text) for name, text in sent.items() if _SIZE_NAME.match(name)]
        return asked[0] if asked else _DEFAULTS.get(operation, 50)


def _put(document, path, content):
    for part in path[:-1]:
        document = document.setdefault(part, {}) if isinstance(document, dict) else document[part]
    if content is None:
        document.pop(path[-1], None)
    else:
        document[path[-1]] = content


def recognise(method, url, headers, body):
    """(service, operation, flat parameters) of a signed request."""
    signing = re.search(r"Credential=[^/]+/\d+/[^/]+/([^/]+)/aws4_request", headers.get("authorization", ""))[1]
    parts = urlsplit(url)
    sent = {name: texts[0] for name, texts in parse_qs(parts.query, keep_blank_values=True).items()}
    target = headers.get("x-amz-target", "").rpartition(".")
    if body[:1] == b"{":
        sent |= {name: str(text) for name, text in json.loads(body).items()}
    elif b"Action=" in body:
        sent |= {name: texts[0] for name, texts in parse_qs(body.decode()).items()}
    if signing == "s3express":  # directory buckets; at an endpoint of one's own, boto3 asks for a session first
        if parts.path == "/" or "session" in sent:
            return "s3", "CreateSession" if "session" in sent else "ListDirectoryBuckets", sent
        signing = "s3"
    if signing == "sts":
        return "sts", "GetCallerIdentity", sent
    for service in _by_signing()[signing]:
        metadata = model(service).metadata
        if target[2]:
            if metadata.get("targetPrefix") == target[0]:
                return service, target[2], sent
        elif "Action" in sent:
            # RDS, Neptune and DocumentDB have one version: the operation tells them apart, or their answers are alike.
            if metadata["apiVersion"] == sent.get("Version") and (service, sent["Action"]) in OPERATIONS:
                return service, sent["Action"], sent
        else:
            operation = _route(service, method, unquote(parts.path), sent)
            if operation:
                return service, operation, sent
    raise LookupError(f"{signing} {method} {url}")


@functools.cache
def _by_signing():
    found = {}
    for service in sorted({service for service, _ in OPERATIONS}, key=lambda name: name == "s3"):
        metadata = model(service).metadata
        found.setdefault(metadata.get("signingName") or metadata["endpointPrefix"], []).append(service)
    return found


def _route(service, method, path, sent):
    best = (-1, "")
    for of, operation in OPERATIONS:
        if of != service or operation == "ListDirectoryBuckets":
            continue
        http = model(service).operation_model(operation).http
        template, _, query = http["requestUri"].partition("?")
        pattern = re.sub(r"\{[^}]*\}", "[^/]+(?:/[^/]+)*", template.rstrip("/").replace(".", r"\."))
        keys = [key.partition("=")[0] for key in query.split("&") if key]
        if method == http["method"] and re.fullmatch(pattern, path.rstrip("/")) and all(key in sent for key in keys):
            literal = len(re.sub(r"\{[^}]*\}", "", template))
            best = max(best, (1000 + len(keys) * 100 + 2 * literal - template.count("{"), operation))
    return best[1]


def serialise(service, operation, document):
    """(status, headers, body) of a document, as the service's protocol writes it."""
    of = model(service)
    request_id = str(uuid.uuid4())
    protocol = botocore_protocol(service)
    writer = get_serializer_class(service, protocol)
    written = writer(of.operation_model(operation), context=SerializationContext(request_id)).serialize(document)
    body = written["body"]
    if service == "s3":
        body = body.replace(f"{operation}Response", _S3_ROOTS.get(operation, f"{operation}Response"))
    headers = {"x-amzn-requestid": request_id} | {name.lower(): text for name, text in written["headers"].items()}
    if protocol == "json":  # moto's writer knows none for services that have several protocols
        headers["content-type"] = "application/x-amz-json-1.0"
    return written["status_code"], headers, body.encode() if isinstance(body, str) else body


@contextlib.contextmanager
def serve(server):
    """The server's URL, while it runs on a free port of its own."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self):
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            headers = {name.lower(): text for name, text in self.headers.items()}
            service, operation, sent = recognise(self.command, self.path, headers, body)
            server.asked.append((service, operation))
            status, given, out = serialise(service, operation, server.answer(service, operation, sent))
            self.send_response(status)
            for name, text in given.items():
                self.send_header(name, text)
            self.send_header("content-length", str(len(out)))
            self.end_headers()
            self.wfile.write(out)

        do_GET = do_POST = do_PUT = answer  # noqa: N815  http.server's names

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        http.daemon_threads = True
        thread = threading.Thread(target=http.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{http.server_port}"
        finally:
            http.shutdown()
            thread.join()
