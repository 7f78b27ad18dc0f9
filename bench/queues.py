"""SQS consumers side by side: one loopback stub, the same ten-message batches, a handler that counts.

Messages per CPU-second of the client process alone, and per second of the wall. The peers (pySqsListener, sqsx) are run
from the virtual environment that WINDLASS_BENCH_PEERS names (`python -m venv V; V/bin/pip install pySqsListener sqsx`), and
are left out, which the table says, where there is none. WINDLASS_BENCH_LONG=1 adds the ten-million-message run.
"""

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

from bench.report import report

SECONDS = float(os.environ.get("WINDLASS_BENCH_SECONDS", "6"))
CLIENTS = Path(__file__).with_name("queues_clients.py")


def certificate(folder):
    """Create a certificate for localhost, which only clients that receive it trust."""
    import datetime as dt
    import ipaddress

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = dt.datetime.now(dt.UTC)
    names = x509.SubjectAlternativeName([x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=2))
        .add_extension(names, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    cert, secret = folder / "cert.pem", folder / "key.pem"
    cert.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    secret.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return str(cert), str(secret)


@contextlib.contextmanager
def stub(*arguments):
    command = [sys.executable, "-m", "bench.queues_stub", *arguments]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        yield server.stdout.readline().strip()
        server.stdin.close()
        server.wait(10)


def consume(client, url, seconds, *, python=sys.executable, **environ):
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")} | environ
    command = [python, str(CLIENTS), client, url]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment) as child:
        time.sleep(seconds)
        child.send_signal(signal.SIGTERM)
        out, stderr = child.communicate(timeout=60)
    lines = [line for line in out.splitlines() if line.startswith("{")]
    if not lines:
        raise RuntimeError(f"{client} printed no result: {stderr[-2000:]}")
    return json.loads(lines[-1])


def main():
    peers = os.environ.get("WINDLASS_BENCH_PEERS", "")
    rows = [("consumer", "transport", "messages/CPU-s", "messages/s", "peak RSS MiB")]
    with tempfile.TemporaryDirectory() as name:
        cert, key = certificate(Path(name))
        with stub() as plain, stub("--tls", cert, key) as tls:
            runs = [
                ("windlass-lean", "", sys.executable),
                ("windlass-boto3", "", sys.executable),
                ("boto3-threads", "", sys.executable),
            ]
            if peers:
                runs += [(peer, "", f"{peers}/bin/python") for peer in ("pySqsListener", "sqsx")]
            for client, _, python in runs:
                for kind, url in (("plain", f"http://127.0.0.1:{plain}"), ("TLS", f"https://localhost:{tls}")):
                    ca = {"BENCH_CA": cert, "AWS_CA_BUNDLE": cert} if kind == "TLS" else {}
                    result = consume(client, url, SECONDS, python=python, **ca)
                    rows.append(
                        (
                            client,
                            kind,
                            round(result["messages"] / result["cpu_s"]),
                            round(result["messages"] / result["wall_s"]),
                            round(result["rss_mib"]),
                        )
                    )
        if not peers:
            rows.append(("pySqsListener, sqsx", "not installed (WINDLASS_BENCH_PEERS)", "", "", ""))
        rows += idle(60)
        if os.environ.get("WINDLASS_BENCH_LONG"):
            rows += long_run(cert, key)
    report("queues", rows, seconds=SECONDS)


def idle(seconds):
    """An empty queue for a minute: requests, and the share of a core."""
    with stub("--empty") as port:
        url = f"http://127.0.0.1:{port}"
        with subprocess.Popen(
            [sys.executable, str(CLIENTS), "windlass-lean", url], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        ) as child:
            time.sleep(4)
            before, at = ticks(child.pid), requests(url)
            time.sleep(seconds)
            used, sent_requests = ticks(child.pid) - before, requests(url) - at - 1
            child.kill()
    share = used / os.sysconf("SC_CLK_TCK") / seconds
    return [(f"windlass-lean, idle {seconds} s", "plain", f"{sent_requests} requests", f"{share:.2%} of a core", "")]


def long_run(cert, key, messages=10_000_000):
    """Ten million messages: the RSS after one and after all."""
    with stub("--tls", cert, key) as port:
        url = f"https://localhost:{port}"
        environment = os.environ | {"BENCH_CA": cert}
        with subprocess.Popen(
            [sys.executable, str(CLIENTS), "windlass-lean", url], stdout=subprocess.DEVNULL, env=environment
        ) as child:
            first = None
            while True:
                time.sleep(5)
                done = count(url, cert)["deleted"]
                if done >= 1_000_000 and first is None:
                    first = rss(child.pid)
                if done >= messages:
                    last = rss(child.pid)
                    break
            child.kill()
    return [(f"windlass-lean, {messages:,} messages", "TLS", "", "", f"{first:.0f} after 1 M, {last:.0f} after all")]


def count(url, cert=None):
    import ssl

    context = ssl.create_default_context(cafile=cert) if cert else None
    with urllib.request.urlopen(f"{url}/count", context=context) as answer:
        return json.load(answer)


def requests(url):
    return count(url)["requests"]


def ticks(pid):
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


def rss(pid):
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


if __name__ == "__main__":
    main()
