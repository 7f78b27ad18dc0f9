"""A loopback S3 that costs as little as it can: copies always succeed, listings are pages of made-up keys.

The bucket `dst` is empty, any other has the keys. `python -m bench.replication_stub [--tls CERT KEY] [--latency S] [--cap N] [--keys N --shape NAME]` prints its port and
serves until its standard input ends. `--cap` refuses copies above N a second with SlowDown, as a prefix of S3 does.
`GET /count` answers the requests so far, by kind.
"""

import argparse
import asyncio
import bisect
import hashlib
import json
import re
import ssl
import sys
import time
from typing import Any
from urllib.parse import parse_qs, quote, unquote, urlsplit

import uvloop

from bench.replication_shapes import SHAPES

COPIED = (
    b'<?xml version="1.0" encoding="UTF-8"?>\n<CopyObjectResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
    b"<LastModified>2026-11-20T08:00:00.000Z</LastModified><ETag>&quot;d41d8cd98f00b204e9800998ecf8427e&quot;</ETag></CopyObjectResult>"
)
SLOW = b"<Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>"
IDS = b"x-amz-id-2: Example7qoYGN7uMuFuYS6m7a4l/vH+5ag=\r\nx-amz-request-id: TX234S0F24A06C7\r\ndate: Fri, 20 Nov 2026 08:00:00 GMT\r\n"
ROW = (
    "<Contents><Key>%s</Key><LastModified>2026-11-20T08:00:00.000Z</LastModified><ETag>&quot;d41d8cd98f00b204e9800998ecf8427e&quot;</ETag>"
    "<Size>1024</Size><StorageClass>STANDARD</StorageClass></Contents>"
)
COUNTS = {"list": 0, "copy": 0, "slow": 0, "head": 0, "other": 0, "first": 0.0, "last": 0.0}
_ETAG = hashlib.md5(b"").hexdigest().encode()


def answer(status, body, more=b""):
    head = b"HTTP/1.1 %s\r\n%s%scontent-type: application/xml\r\nserver: AmazonS3\r\ncontent-length: %d\r\n\r\n"
    return head % (status, IDS, more, len(body)) + body


GOOD = answer(b"200 OK", COPIED)
TOO_FAST = answer(b"503 Slow Down", SLOW)
HEAD = (
    b"HTTP/1.1 200 OK\r\n" + IDS + b'etag: "' + _ETAG + b'"\r\ncontent-type: binary/octet-stream\r\n'
    b"last-modified: Fri, 20 Nov 2026 08:00:00 GMT\r\ncontent-length: 1024\r\n\r\n"
)


class Cap:
    """A token bucket: so many copies a second, a tenth of a second's worth at once."""

    def __init__(self, rate):
        self.rate, self.tokens, self.at = rate, rate / 10, 0.0

    def takes(self, now):
        self.tokens = min(self.rate / 10, self.tokens + (now - self.at) * self.rate)
        self.at = now
        if self.tokens < 1:
            return False
        self.tokens -= 1
        return True


class Server(asyncio.Protocol):
    keys: list = []  # noqa: RUF012
    rows: list = []  # noqa: RUF012
    latency = 0.0
    cap: Any = None
    loop: Any = None

    def connection_made(self, transport):
        self.transport = transport
        self.waiting = b""

    def data_received(self, data):
        data = self.waiting + data if self.waiting else data
        if data.endswith(b"\r\ncontent-length: 0\r\n\r\n") and data.count(b"\r\n\r\n") == 1:
            self.waiting = b""
            self.one(data[:-4])
            return
        while True:
            end = data.find(b"\r\n\r\n")
            if end < 0:
                break
            length = re.search(rb"(?i)content-length: (\d+)", data[:end])
            whole = end + 4 + (int(length[1]) if length else 0)
            if len(data) < whole:
                break
            self.one(data[:end])
            data = data[whole:]
            if not data:
                break
        self.waiting = data

    def one(self, head):
        if head[:4] == b"PUT " and b"x-amz-copy-source" in head:
            if self.cap is not None and not self.cap.takes(self.loop.time()):
                COUNTS["slow"] += 1
                self.say(TOO_FAST)
            else:
                if not COUNTS["copy"]:
                    COUNTS["first"] = time.time()
                COUNTS["copy"] += 1
                if self.cap is not None:
                    COUNTS["last"] = time.time()
                self.say(GOOD)
        elif head[:5] == b"HEAD ":
            COUNTS["head"] += 1
            self.say(HEAD)
        else:
            self.say(self.other(head))

    def other(self, head):
        target = head.split(b" ", 2)[1].decode()
        if target == "/count":
            return answer(b"200 OK", json.dumps(COUNTS).encode())
        if "list-type=2" in target:
            COUNTS["list"] += 1
            return page(*(([], []) if target.startswith("/dst") else (self.keys, self.rows)), target)
        COUNTS["other"] += 1
        return answer(b"200 OK", b"<LocationConstraint/>")

    def say(self, data):
        if self.latency:
            self.loop.call_later(self.latency, self.transport.write, data)
        else:
            self.transport.write(data)


def page(keys, rows, target):
    asked = parse_qs(urlsplit(target).query, keep_blank_values=True)
    prefix = asked.get("prefix", [""])[0]
    count = int(asked.get("max-keys", ["1000"])[0])
    after = asked.get("continuation-token", asked.get("start-after", [""]))[0]
    first = bisect.bisect_right(keys, unquote(after)) if after else 0
    if prefix:
        first = max(first, bisect.bisect_left(keys, prefix))
    found, rows = keys[first : first + count], rows[first : first + count]
    if prefix:
        found = [key for key in found if key.startswith(prefix)]
        rows = rows[: len(found)]  # what begins alike is together, and `first` is not before it
    more = first + count < len(keys) and len(found) == count
    token = f"<NextContinuationToken>{quote(found[-1])}</NextContinuationToken>" if more else ""
    said = (
        '<?xml version="1.0" encoding="UTF-8"?>\n<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
        f"<Name>b</Name><Prefix></Prefix><KeyCount>{len(found)}</KeyCount><MaxKeys>{count}</MaxKeys>"
        f"<EncodingType>url</EncodingType><IsTruncated>{'true' if more else 'false'}</IsTruncated>{token}{''.join(rows)}</ListBucketResult>"
    )
    return answer(b"200 OK", said.encode())


async def main(arguments):
    parser = argparse.ArgumentParser()
    parser.add_argument("--tls", nargs=2)
    parser.add_argument("--latency", type=float, default=0.0)
    parser.add_argument("--cap", type=float, default=0.0)
    parser.add_argument("--keys", type=int, default=0)
    parser.add_argument("--shape", default="uuid")
    asked = parser.parse_args(arguments)
    context = None
    if asked.tls:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(*asked.tls)
    Server.loop = asyncio.get_running_loop()
    Server.latency = asked.latency
    Server.cap = Cap(asked.cap) if asked.cap else None
    Server.keys = sorted(SHAPES[asked.shape](asked.keys)) if asked.keys else []
    Server.rows = [ROW % quote(key, safe="/-_.~") for key in Server.keys]  # written beforehand: the client is measured
    server = await Server.loop.create_server(Server, "127.0.0.1", 0, ssl=context, backlog=2048)
    print(server.sockets[0].getsockname()[1], flush=True)
    await Server.loop.run_in_executor(None, sys.stdin.read)
    server.close()


if __name__ == "__main__":
    uvloop.run(main(sys.argv[1:]))
