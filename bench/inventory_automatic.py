"""Collecting one account in 17 regions with all types, first and again, from a loopback server of 30 ms latency.

The server answers every listing of an automatic type with nothing: an account that uses few services. It is one process beside
the collector on this machine, so that the time is an upper bound. The goals are 300 s for the first collection and 60 s for
the next one. `python -m bench.inventory_automatic [REGIONS] [LATENCY_MS] [CONCURRENCY]`
"""

import asyncio
import json
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

from bench.report import report, rss_mib
from windlass.aws.client import AwsClient
from windlass.core.regions import DEFAULT_REGIONS
from windlass.estate.config import AccountConfig, EstateConfig
from windlass.estate.service import open_estate
from windlass.inventory.automatic.catalog_cache import load
from windlass.inventory.automatic.type_registry import TypeRegistry
from windlass.inventory.catalog import CATALOG
from windlass.inventory.config import InventoryConfig
from windlass.inventory.service import Inventory
from windlass.store.config import StoreConfig
from windlass.store.database import open_store

ACCOUNT = "111111111111"
_IDENTITY = (
    "<GetCallerIdentityResponse><GetCallerIdentityResult>"
    f"<Arn>arn:aws:iam::{ACCOUNT}:root</Arn><UserId>root</UserId><Account>{ACCOUNT}</Account>"
    "</GetCallerIdentityResult></GetCallerIdentityResponse>"
)
_ROOTS = {"ListBuckets": "ListAllMyBucketsResult", "ListDirectoryBuckets": "ListAllMyDirectoryBucketsResult"}
_CBOR_EMPTY = {"list": b"\x80", "map": b"\xa0", "structure": b"\xa0", "boolean": b"\xf4"}
_EMPTY = {"list": [], "map": {}, "structure": {}, "boolean": False}


def answers():
    """{signing name and operation, or method and path: (content type, body)} of every listing that an automatic collection makes."""
    from botocore.loaders import Loader
    from botocore.model import ServiceModel

    kinds = TypeRegistry(CATALOG, True).collected
    known = {"sts GetCallerIdentity": ("text/xml", _IDENTITY)}
    wanted = {(kind.service, kind.parent.operation if kind.parent else kind.operation) for kind in kinds}
    models = {}
    for service, operation in sorted(wanted):
        if service not in models:
            models = {service: ServiceModel(Loader().load_service_model(service, "service-2"), service)}
        model = models[service].operation_model(operation)
        shape, protocol = model.output_shape, models[service].resolved_protocol
        if "cbor" in protocol:
            names = [(name, shape.members[name].type_name) for name in shape.required_members]
            body = _cbor([(name, _CBOR_EMPTY[kind]) for name, kind in names if kind in _CBOR_EMPTY])
            content_type = "application/cbor"
        elif "xml" in protocol or protocol in ("query", "ec2"):
            inner = "".join(f"<{name}></{name}>" for name in shape.required_members)
            if wrapper := shape.serialization.get("resultWrapper"):
                inner = f"<{wrapper}>{inner}</{wrapper}>"
            root = _ROOTS.get(operation, f"{operation}Response")
            body = f'<{root} xmlns="http://amazonaws.com/doc/">{inner}</{root}>'
            content_type = "text/xml"
        else:
            members = {name: shape.members[name] for name in shape.required_members}
            keyed = {one.serialization.get("name", name): _EMPTY.get(one.type_name) for name, one in members.items()}
            body = json.dumps({name: value for name, value in keyed.items() if value is not None})
            content_type = "application/json" if protocol == "rest-json" else "application/x-amz-json-1.1"
        key = operation
        if "cbor" in protocol:
            key = f"POST /service/{models[service].metadata['targetPrefix']}/operation/{operation}"
        elif protocol.startswith("rest"):
            key = f"{model.http['method']} {model.http['requestUri'].partition('?')[0].rstrip('/')}"
        metadata = models[service].metadata
        signing_name = metadata.get("signingName") or metadata["endpointPrefix"]
        known[f"{signing_name} {key}"] = (content_type, body)
    return known


def _cbor(members):
    """A CBOR map of short texts to encoded values, as the text of Latin-1 that the server sends."""
    encoded = bytes([0xA0 + len(members)]) + b"".join(
        bytes([0x78, len(name)]) + name.encode() + item for name, item in members
    )
    return encoded.decode("latin-1")


class Server(asyncio.Protocol):
    """HTTP/1.1 with keep-alive; each answer `latency_s` after its request."""

    def __init__(self, known, latency_s):
        self.known, self.latency_s, self.data = known, latency_s, b""

    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        self.data += data
        while b"\r\n\r\n" in self.data:
            head, _, rest = self.data.partition(b"\r\n\r\n")
            lines = head.decode("latin-1").split("\r\n")
            headers = {name.lower(): text.strip() for name, _, text in (line.partition(":") for line in lines[1:])}
            length = int(headers.get("content-length") or 0)
            if len(rest) < length:
                return
            body, self.data = rest[:length], rest[length:]
            method, target, _ = lines[0].split(" ")
            answer = self.answer(method, target, headers, body)
            asyncio.get_running_loop().call_later(self.latency_s, self.send, answer)

    def send(self, answer):
        if not self.transport.is_closing():
            self.transport.write(answer)

    def answer(self, method, target, headers, body):
        key = headers.get("x-amz-target", "").rpartition(".")[2]
        if not key and b"Action=" in body:
            key = parse_qs(body.decode())["Action"][0]
        signing_name = headers["authorization"].split("/", 4)[3]
        key = key or f"{method} {urlsplit(target).path.rstrip('/')}"
        content_type, text = self.known.get(f"{signing_name} {key}", (None, ""))
        status = "200 OK" if content_type else "501 Not Implemented"
        if content_type is None:
            content_type, text = "application/json", '{"__type":"UnknownOperation"}'
        return (
            f"HTTP/1.1 {status}\r\ncontent-type: {content_type}\r\nx-amzn-requestid: 1\r\n"
            f"content-length: {len(text)}\r\n\r\n{text}"
        ).encode("latin-1")


async def serve(latency_s):
    known = answers()
    server = await asyncio.get_running_loop().create_server(lambda: Server(known, latency_s), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


def main(regions=17, latency_ms=30, concurrency=64):
    started_s = time.process_time()
    load()
    cached_s = time.process_time() - started_s
    names = [*DEFAULT_REGIONS["aws"]][:regions]
    rows = [("collection", "scopes", "calls", "seconds", "CPU s", "calls/s", "errors", "RSS MiB", "store KiB")]
    command = [sys.executable, "-m", "bench.inventory_automatic", "serve", str(latency_ms)]
    with (
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server,
        tempfile.TemporaryDirectory() as folder,
    ):
        url = f"http://127.0.0.1:{int(server.stdout.readline())}"
        config = EstateConfig(
            endpoint_url=url, regions=names, accounts=[AccountConfig(id=ACCOUNT)], max_connections=8, retries=0
        )
        store = open_store(StoreConfig(url=f"sqlite:///{folder}/windlass.db"))
        with open_estate(config, {}) as estate, AwsClient(estate) as client:
            for name, later in (("first", timedelta()), ("again", timedelta(minutes=10))):
                inventory = Inventory(
                    store,
                    lambda: client,
                    InventoryConfig(automatic=True, concurrency=concurrency),
                    now=_clock(later),
                )
                began_s, cpu_s = time.monotonic(), time.process_time()
                run = inventory.collect(inventory.options())
                took_s, cpu_s = time.monotonic() - began_s, time.process_time() - cpu_s
                size = sum(row for row in _store_kib(folder))
                rows.append(
                    (
                        name,
                        f"{run.scopes_done:,}",
                        f"{run.calls:,}",
                        f"{took_s:.0f}",
                        f"{cpu_s:.0f}",
                        f"{run.calls / took_s:.0f}",
                        run.errors,
                        f"{rss_mib():.0f}",
                        f"{size:,}",
                    )
                )
        store.close()
        server.stdin.close()
    print(
        f"{len(names)} regions, {latency_ms} ms, the generic client; the cached types load in {cached_s * 1000:.0f} ms of CPU"
    )
    report("inventory_automatic", rows, cached_ms=cached_s * 1000)


def _clock(ahead):
    return lambda: datetime.now(UTC) + ahead


def _store_kib(folder):
    from pathlib import Path

    return [file.stat().st_size // 1024 for file in Path(folder).glob("windlass.db*")]


if __name__ == "__main__":
    if sys.argv[1:2] == ["serve"]:
        asyncio.run(serve(float(sys.argv[2]) / 1000))
    else:
        main(*(int(number) for number in sys.argv[1:]))
