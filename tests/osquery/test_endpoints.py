"""The endpoints as osqueryd calls them: HTTPS, gzip, without a token of the console; large and broken bodies lose nothing else."""

import contextlib
import datetime as dt
import shutil
import ssl
import subprocess
import threading
import time

import httpx
import orjson
import pytest

from tests.osquery.hosts import difference, enrollment, results, snapshot, zipped
from windlass.app import App
from windlass.console.server import serve
from windlass.core.errors import ConfigError, StoreError
from windlass.settings import load

LIMIT = 1 << 20


def make_certificate(folder):
    """A certificate for localhost that signs itself, as PEM files."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import NameOID

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(minutes=5))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    files = folder / "server.pem", folder / "server.key"
    files[0].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    files[1].write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return files


@contextlib.contextmanager
def served_app(folder, **overrides):
    """A server with TLS in this process: its App and its URL."""
    certificate, key = make_certificate(folder)
    settings = {
        "store.url": f"sqlite:///{folder}/windlass.db",
        "console.tls_certificate": str(certificate),
        "console.tls_key": str(key),
        "console.require_login": True,
        "osquery.max_body_mb": 1,
        **overrides,
    }
    with App(load(overrides=settings, environ={}, cwd=folder), environ={}) as app:
        assert app.store
        urls, stop = [], threading.Event()
        thread = threading.Thread(
            target=serve, args=(app,), kwargs={"host": "localhost", "port": 0, "ready": urls.append, "stop": stop}
        )
        thread.start()
        try:
            deadline = time.monotonic() + 30
            while not urls and time.monotonic() < deadline:
                time.sleep(0.02)
            yield app, urls[0]
        finally:
            stop.set()
            thread.join(20)


@pytest.fixture(scope="module")
def server(tmp_path_factory, migrated_file):
    folder = tmp_path_factory.mktemp("osquery")
    shutil.copy(migrated_file, folder / "windlass.db")
    with served_app(folder) as (app, url):
        app.secret = app.osquery.create_secret("test").reveal()
        with httpx.Client(
            base_url=f"{url}/v1/osquery",
            verify=ssl.create_default_context(cafile=str(folder / "server.pem")),
            timeout=30,
        ) as client:
            client.app = app
            yield client


def enrolled(server, name):
    answer = server.post("/enroll", json=enrollment(server.app.secret, identifier=name, name=name))
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
    return answer.json()["node_key"]


def test_a_host_enrolls_and_reports_over_tls(server):
    key = enrolled(server, "host-1")
    config = server.post("/config", json={"node_key": key}).json()
    assert config["node_invalid"] is False
    query = "windlass_packages_python"
    line = difference(
        query,
        counter=0,
        epoch=config["options"]["schedule_epoch"],
        at=int(time.time()),
        added=[{"name": "flask", "version": "3.0.0", "path": "/usr"}],
    )
    body = zipped(results(key, line) | {"_compress": True})
    answer = server.post("/log", content=body, headers={"content-encoding": "gzip"})
    assert (answer.status_code, answer.json()) == (200, {"node_invalid": False})
    assert server.app.facts.section("host-1", "packages.python").rows[0]["name"] == "flask"
    assert "facts.windlass_os" in server.post("/distributed/read", json={"node_key": key}).json()["queries"]
    assert server.post("/distributed/write", json={"node_key": key, "queries": {}}).json() == {"node_invalid": False}


@pytest.mark.parametrize("path", ["/config", "/log", "/distributed/read", "/distributed/write"])
@pytest.mark.parametrize("body", [{}, {"node_key": ""}, {"node_key": "wln_wrong"}, {"node_key": ["x"]}])
def test_an_unknown_node_is_told_to_enroll(server, path, body):
    answer = server.post(path, json=body)
    assert (answer.status_code, answer.json()) == (200, {"node_invalid": True})


def test_other_pages_and_methods_still_need_a_token(server):
    assert server.get("/enroll").status_code == 401
    assert server.post("/nodes", json={}).status_code in (401, 403)


@pytest.mark.parametrize(
    ("content", "headers", "status"),
    [
        (b"{", {}, 400),
        (b"[1]", {}, 400),
        (b"\x1f\x8bnot gzip", {"content-encoding": "gzip"}, 400),
        (zipped({"node_key": "x"})[:-9], {"content-encoding": "gzip"}, 400),
        (zipped({"node_key": "x" * (2 * LIMIT)}), {"content-encoding": "gzip"}, 413),
        (b"x" * (LIMIT + 1), {}, 413),
    ],
    ids=["json", "array", "gzip", "cut", "bomb", "large"],
)
def test_a_body_that_cannot_be_read_is_refused_and_the_next_is_answered(server, content, headers, status):
    assert server.post("/log", content=content, headers=headers).status_code == status
    assert enrolled(server, "host-after")


def test_a_body_larger_than_a_form_and_bytes_of_any_encoding_are_read(server):
    key = enrolled(server, "host-2")
    rows = [{"name": f"user-{number}", "uid": str(number), "description": "x" * 200} for number in range(3_000)]
    body = orjson.dumps(results(key, snapshot("windlass_users", rows, at=int(time.time())))).replace(
        b'user-7"', b'us\xffr"'
    )
    assert server.post("/log", content=body).status_code == 200
    section = server.app.facts.section("host-2", "users")
    assert section.count == 3_000
    assert "us\ufffdr" in {row["name"] for row in section.rows}


def test_a_store_that_fails_makes_the_agent_send_again(server, monkeypatch):
    key = enrolled(server, "host-3")

    def fail(_reports):
        raise StoreError("the disk is full")

    body = results(key, snapshot("windlass_os", [{"name": "Ubuntu"}], at=int(time.time())))
    with monkeypatch.context() as patch:
        patch.setattr(server.app.osquery.agents, "_record", fail)
        answer = server.post("/log", json=body)
    assert answer.status_code == 503
    assert "node_invalid" not in answer.json()
    assert server.post("/log", json=body).json() == {"node_invalid": False}
    assert server.app.facts.section("host-3", "os").count == 1


def test_no_secret_is_in_the_log(server, capfd):
    wrong = "wle_this-is-a-wrong-secret"
    assert server.post("/enroll", json=enrollment(wrong)).json() == {"node_invalid": True}
    key = enrolled(server, "host-4")
    server.post("/log", content=b"{" + key.encode())
    output = "".join(capfd.readouterr())
    assert not any(secret in output for secret in (wrong, key, server.app.secret))


def test_a_certificate_that_cannot_be_used_is_named(tmp_path):
    _, key = make_certificate(tmp_path)
    (tmp_path / "broken.pem").write_text("nothing")
    settings = {"store.url": f"sqlite:///{tmp_path}/w.db"}
    for certificate in ("absent.pem", "broken.pem"):
        overrides = settings | {"console.tls_certificate": str(tmp_path / certificate), "console.tls_key": str(key)}
        with (
            App(load(overrides=overrides, environ={}, cwd=tmp_path), environ={}) as app,
            pytest.raises(ConfigError, match=certificate),
        ):
            serve(app, host="127.0.0.1", port=0)


@pytest.mark.skipif(shutil.which("osqueryd") is None, reason="osqueryd is not on the PATH")
@pytest.mark.timeout(180)
def test_a_real_osqueryd_enrolls_and_answers(tmp_path, migrated_file):
    shutil.copy(migrated_file, tmp_path / "windlass.db")
    with served_app(tmp_path, **{"osquery.live_interval_s": 5}) as (app, url):
        (tmp_path / "secret").write_text(app.osquery.create_secret("real").reveal())
        from windlass.osquery.agent_config import flag_file

        flags = flag_file(
            app.settings.osquery,
            server=url.removeprefix("https://"),
            secret_file=str(tmp_path / "secret"),
            certificates=str(tmp_path / "server.pem"),
        )
        (tmp_path / "flags").write_text(f"{flags}--database_path={tmp_path}/osquery.db\n--pidfile={tmp_path}/pid\n")
        command = ["osqueryd", f"--flagfile={tmp_path}/flags", "--ephemeral", "--allow_unsafe", "--disable_watchdog"]
        with subprocess.Popen(command, cwd=tmp_path) as agent:
            try:
                deadline = time.monotonic() + 120
                while not app.facts.hosts() and time.monotonic() < deadline:
                    time.sleep(0.5)
                (host,) = app.facts.hosts()
                assert app.facts.section(host.host_id, "os").rows
            finally:
                agent.terminate()
