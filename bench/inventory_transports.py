"""Two ways for a thread to make a signed request, one process each: a blocking socket, and the wire's event loop.

`python -m bench.inventory_transports WAY URL THREADS COUNT` prints CPU microseconds a request and requests a second.
bench/inventory.py runs both; the request (S3 GetBucketTagging) and its signature are the same, nothing is parsed.
"""

import concurrent.futures
import json
import resource
import sys
import time

from windlass.aws.connection_pool import ConnectionPool, NetworkOptions, Route
from windlass.aws.signing import Signers
from windlass.core.access import Access, Keys
from windlass.core.secret import Secret
from windlass.wire.blocking_client import BlockingClient
from windlass.wire.model import Call, Request
from windlass.wire.pool import read_endpoint

KEYS = Keys("111111111111", Secret("windlass-local"))
BUCKET = "bench-000001"


def blocking_socket(url, _threads):
    pool, signers, route = ConnectionPool(NetworkOptions()), Signers(), Route(read_endpoint(url))

    def send(_):
        headers = [("host", route.endpoint.authority)]
        signers.sign(
            headers,
            version="s3v4",
            service="s3",
            region="us-east-1",
            method="GET",
            path=f"/{BUCKET}",
            query="tagging",
            body=b"",
            keys=KEYS,
            now=time.time(),
        )
        lines = [f"GET /{BUCKET}?tagging HTTP/1.1", *(f"{name}: {text}" for name, text in headers), "\r\n"]
        connection = pool.take(route)
        connection.exchange("\r\n".join(lines).encode(), head_only=False)
        pool.give_back(route, connection)

    return send


def event_loop(url, threads):
    access = Access(service="s3", region="us-east-1", endpoint_url=url, keys=lambda: KEYS, path_style=True)
    client = BlockingClient(access, connections=threads)
    call = Call("GetBucketTagging", Request("GET", query="tagging", bucket=BUCKET), lambda answer: answer)
    return lambda _: client.send(call)


def main(way, url, threads, count):
    send = {"blocking socket": blocking_socket, "event loop": event_loop}[way](url, threads)
    with concurrent.futures.ThreadPoolExecutor(threads) as pool:
        list(pool.map(send, range(threads)))
        started, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_SELF)
        list(pool.map(send, range(count)))
        wall_s, after = time.perf_counter() - started, resource.getrusage(resource.RUSAGE_SELF)
    cpu_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    print(json.dumps({"calls": count, "cpu_s": cpu_s, "wall_s": wall_s, "rss_mib": after.ru_maxrss / 1024}), flush=True)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
