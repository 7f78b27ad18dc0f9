"""A fleet of osquery agents against `windlass serve` with TLS: requests/s, and the share of a core that the fleet costs.

Agents are simulated (bodies as osquery sends them), in this process; the server's CPU time is its own, from /proc. Each kind of
request runs as fast as the server answers. The last rows multiply the CPU time of one request, on a new TLS connection, with the
rate at which so many hosts send it by the default settings. `python -m bench.osquery_load HOSTS` takes another number than 10,000.
"""

import asyncio
import json
import os
import shutil
import ssl
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.osquery.hosts import difference, enrollment, results, snapshot
from tests.osquery.test_endpoints import make_certificate

from bench.report import report, rss_mib
from windlass.app import App
from windlass.osquery.config import OsqueryConfig
from windlass.osquery.pack import PACK, platform_queries
from windlass.settings import load

HOSTS = 10_000
PACKAGES = 1_000
FULL_SETS = 400  # hosts that send all their packages in the measurement
CONNECTIONS = 24
TICKS = os.sysconf("SC_CLK_TCK")


class Agent:
    """One connection that sends requests, kept open or new for each."""

    def __init__(self, port, context, *, is_kept):
        self.port, self.context, self.is_kept, self.streams = port, context, is_kept, None

    async def post(self, path, body):
        if self.streams is None:
            self.streams = await asyncio.open_connection("localhost", self.port, ssl=self.context)
        reader, writer = self.streams
        data = json.dumps(body).encode()
        head = f"POST /v1/osquery/{path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: {len(data)}\r\n\r\n"
        writer.write(head.encode() + data)
        answer = await reader.readuntil(b"\r\n\r\n")
        assert answer.startswith(b"HTTP/1.1 200"), answer
        length = int(answer.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
        content = await reader.readexactly(length)
        if not self.is_kept:
            await self.close()
        return json.loads(content)

    async def close(self):
        if self.streams is not None:
            self.streams[1].transport.abort()
            self.streams = None


def cpu_s(pid):
    """User and system time of a process and its threads."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


async def phase(server, requests, *, is_kept=True):
    """Send all requests over the connections; return the answers, requests/s, and the server's CPU ms per request."""
    queue = list(enumerate(requests))[::-1]
    answers = [None] * len(queue)

    async def run(agent):
        while queue:
            at, (path, body) = queue.pop()
            answers[at] = await agent.post(path, body)
        await agent.close()

    started, cpu = time.perf_counter(), cpu_s(server.pid)
    await asyncio.gather(*(run(Agent(server.port, server.context, is_kept=is_kept)) for _ in range(CONNECTIONS)))
    seconds = time.perf_counter() - started
    return answers, len(answers) / seconds, (cpu_s(server.pid) - cpu) / len(answers) * 1000


def packages(host):
    rows = [
        {"name": f"package-{number}", "version": f"1.{number % 7}.{host % 3}", "arch": "amd64", "publisher": "Debian"}
        for number in range(PACKAGES)
    ]
    return [*rows, {"name": "windlass-heartbeat", "version": str(time.time())}]


async def measure(server, hosts):
    rows = [("request", "requests", "requests/s", "server CPU ms")]
    costs = {}

    async def measured(name, requests, *, is_kept=True):
        answers, rate, cpu = await phase(server, requests, is_kept=is_kept)
        costs[name] = cpu
        rows.append((name, f"{len(answers):,}", f"{rate:,.0f}", f"{cpu:.2f}"))
        print(*rows[-1], sep="  ", flush=True)
        return answers

    bodies = [enrollment(server.secret, identifier=f"host-{n:05}", name=f"host-{n:05}") for n in range(hosts)]
    keys = [answer["node_key"] for answer in await measured("enroll", [("enroll", body) for body in bodies])]
    reads = [("distributed/read", {"node_key": key}) for key in keys]
    await measured("first live read (asks for facts)", reads[:2000])
    await measured("live read", reads[:2000])
    await measured("live read, new TLS connection", reads[:1000], is_kept=False)
    configs = await measured("config", [("config", {"node_key": key}) for key in keys[:2000]])
    epochs = [config["options"]["schedule_epoch"] for config in configs]
    deb, now = "windlass_packages_deb_linux", int(time.time())

    def differences(counter, count, rows_of):
        return [
            (
                "log",
                results(keys[n], difference(deb, counter=counter, epoch=epochs[n], at=now + counter, added=rows_of(n))),
            )
            for n in range(count)
        ]

    await measured(f"results: {PACKAGES:,} packages", differences(0, FULL_SETS, packages))
    beat = [{"name": "windlass-heartbeat", "version": "1"}]
    await measured("results: one package changed", differences(1, FULL_SETS, lambda n: [packages(n + 1)[0], *beat]))
    await measured("results: no change", differences(2, FULL_SETS, lambda _: beat))
    ports = [{"port": "22", "protocol": "tcp", "address": "0.0.0.0", "process": "sshd"}]
    shots = [("log", results(key, snapshot("windlass_listening_ports", ports, at=now))) for key in keys[:1000]]
    await measured("results: a snapshot", shots)
    return rows, costs


def schedule_rates(hosts):
    """Requests per second of each kind by the default settings: a result is delivered alone, the worst case."""
    config = OsqueryConfig()
    queries = platform_queries("linux")
    snapshots = sum(1 / (config.interval_s * query.every) for query in queries if not query.is_differential)
    quiet = sum(1 / config.interval_s for query in queries if query.is_differential)
    return {
        "live read": hosts / config.live_interval_s,
        "config": hosts / config.config_interval_s,
        "results: a snapshot": hosts * snapshots,
        "results: no change": hosts * quiet,
    }


class Server:
    """`windlass serve` as a process, with TLS."""

    def __init__(self, folder):
        certificate, key = make_certificate(folder)
        (folder / "windlass.toml").write_text(
            f'[store]\nurl = "sqlite:///{folder}/windlass.db"\n'
            f'[console]\ntls_certificate = "{certificate}"\ntls_key = "{key}"\nport = 0\nhost = "localhost"\n'
        )
        with App(load(config=str(folder / "windlass.toml"), environ={}, cwd=folder), environ={}) as app:
            self.secret = app.osquery.create_secret("bench").reveal()
        command = [sys.executable, "-m", "windlass", "--config", str(folder / "windlass.toml"), "serve"]
        log = folder / "server.log"  # a pipe that nobody reads would stop the server
        with log.open("w") as stderr:
            self.process = subprocess.Popen(command, cwd=folder, stderr=stderr)
        deadline = time.monotonic() + 60
        while "Console: " not in log.read_text():
            assert self.process.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.05)
        self.port = int(log.read_text().partition("https://localhost:")[2].split()[0])
        self.pid = self.process.pid
        self.context = ssl.create_default_context(cafile=str(certificate))

    def stop(self):
        self.process.terminate()
        self.process.wait(20)


def main(hosts=HOSTS):
    folder = Path(tempfile.mkdtemp())
    server = Server(folder)
    try:
        rows, costs = asyncio.run(measure(server, hosts))
        memory = rss_mib(server.pid)
    finally:
        server.stop()
        shutil.rmtree(folder)
    total, handshake = 0.0, costs["live read, new TLS connection"] - costs["live read"]
    for name, rate in schedule_rates(hosts).items():
        share = rate * (costs[name] + handshake) / 1000
        total += share
        rows.append((f"{hosts:,} hosts: {name}", "", f"{rate:,.1f} needed", f"{share:.0%} of a core"))
    rows.append((f"{hosts:,} hosts: together", "", "", f"{total:.0%} of a core"))
    report("osquery_load", rows, rss_mib=memory, queries=len(PACK))
    print(f"server RSS {memory:.0f} MiB")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:2]))
