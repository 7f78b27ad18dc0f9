"""What the image is made of, run as the manifests run it: on a file system that is read-only but for its two folders."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import uuid
import zipfile

import boto3
import httpx
import pytest

from tests.deploy.dockerfile import rest_of
from tests.deploy.reading import DEPLOY, ROOT, command_line, containers, documents, environment, kinds, pods
from windlass import __version__
from windlass_local.server import LocalServer

ACCOUNT = "111111111111"
# All that may be written: one folder. The rest of the machine is made read-only in a mount namespace of the process's own.
_READ_ONLY = 'mount --bind "$0" "$0" && mount -o remount,bind,ro / && cd "$0" && exec "$@"'


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The wheel that the Dockerfile builds from the files that it copies, unpacked."""
    folder = tmp_path_factory.mktemp("image")
    context = folder / "context"
    context.mkdir()
    for rest in rest_of("COPY"):
        *sources, target = rest.split()
        if "--from=" in rest or target.startswith("requirements"):
            continue
        for source in sources:
            if (ROOT / source).is_dir():
                shutil.copytree(ROOT / source, context / source, ignore=shutil.ignore_patterns("__pycache__", "*.db"))
            else:
                shutil.copy(ROOT / source, context / source)
    built = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(built, cwd=context, check=True, capture_output=True, timeout=120)
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "site")
    subprocess.run(
        [sys.executable, "-m", "compileall", "-q", str(folder / "site")], check=True, timeout=120
    )  # as pip does
    return folder / "site"


@pytest.fixture
def contained(site, tmp_path):
    """Starts `windlass …` in a read-only file system; a skip where namespaces can't be had."""
    data = tmp_path / "data"
    data.mkdir()
    probe = ["unshare", "--mount", "sh", "-c", _READ_ONLY, str(data), "true"]
    if not shutil.which("unshare") or subprocess.run(probe, capture_output=True, check=False).returncode:
        pytest.skip("a mount namespace of one's own can't be had here")
    running = []

    def start(argv, **environ):
        variables = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(site),
            "PYTHONDONTWRITEBYTECODE": "1",
            "TMPDIR": str(data),
        }
        variables |= environ | {"HOME": str(data)}
        command = ["unshare", "--mount", "sh", "-c", _READ_ONLY, str(data), sys.executable, "-m", "windlass", *argv]
        running.append(
            subprocess.Popen(command, env=variables, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        )
        return running[-1]

    start.data = data
    yield start
    for process in running:
        if process.poll() is None:
            process.kill()
        process.communicate()


def run(contained, *words, **environ):
    process = contained(words, **environ)
    output, _ = process.communicate(timeout=120)
    return process.returncode, output


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


def wait_for(url, headers=None, *, seconds=90.0):
    end = time.monotonic() + seconds
    while True:
        try:
            answer = httpx.get(url, headers=headers, timeout=5)
            if answer.status_code == 200 or time.monotonic() > end:
                return answer
        except httpx.TransportError:
            if time.monotonic() > end:
                raise
        time.sleep(0.1)


def test_the_wheel_holds_what_runs(site):
    for folder in ("console/templates", "console/static", "store/migrations", "clients/data", "clients/templates"):
        expected = {
            file.relative_to(ROOT / "src").as_posix()
            for file in (ROOT / f"src/windlass/{folder}").rglob("*")
            if file.is_file()
        }
        assert {name for name in expected if not name.endswith(".pyc")} <= {
            file.relative_to(site).as_posix() for file in site.rglob("*")
        }, folder


def test_it_writes_nowhere_but_in_its_folder(contained):
    code, output = run(contained, "--version")
    assert code == 0, output
    assert output == f"windlass {__version__}\n"
    code, output = run(contained, "token", "create", "--name", "me", "--role", "admin")
    assert code == 0, output
    assert {file.name for file in contained.data.iterdir()} <= {"windlass.db", "windlass.db-wal", "windlass.db-shm"}
    code, output = run(contained, "token", "create", "--name", "me", WINDLASS_STORE_URL="sqlite:////usr/x.db")
    assert code != 0, "the file system was not read-only, and this test proved nothing"


def _of_manifest(file, name):
    """The container of a committed manifest, and its configuration."""
    docs = documents((DEPLOY / "kubernetes" / file).read_text())
    owner, template = next((owner, pod) for owner, pod in pods(docs) if owner["metadata"]["name"] == name)
    (held,) = kinds(docs, "ConfigMap")
    return owner, containers(template), held["data"]["windlass.toml"]


def _argv(container, config, **changed):
    """A manifest's command without its program, with the configuration's place and the ports of this machine."""
    words = [str(config) if word == "/etc/windlass/windlass.toml" else word for word in command_line(container)[1:]]
    return [changed.get(word, word) for word in words]


def test_the_manifests_worker_works_and_ends_within_its_grace_period(contained):
    owner, (container,), toml = _of_manifest("sqlite-pod-identity.yaml", "windlass-worker-orders")
    config = contained.data / "windlass.toml"
    port = free_port()
    with LocalServer() as aws:
        keys = {"aws_access_key_id": ACCOUNT, "aws_secret_access_key": "windlass-local", "region_name": "us-east-1"}
        sqs = boto3.client("sqs", endpoint_url=aws.url, **keys)
        url = sqs.create_queue(QueueName=f"orders-{uuid.uuid4().hex[:8]}")["QueueUrl"]
        config.write_text(toml.replace('queue = "orders"', f'queue = "{url.rpartition("/")[2]}"'))
        variables = environment(container) | {
            "WINDLASS_ESTATE_ENDPOINT_URL": aws.url,
            "WINDLASS_ESTATE_REGIONS": "us-east-1",
        }
        process = contained(_argv(container, config, **{"8080": str(port), "0.0.0.0": "127.0.0.1"}), **variables)
        base = f"http://127.0.0.1:{port}"
        for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
            http_get = container[probe]["httpGet"]
            assert wait_for(f"{base}{http_get['path']}").status_code == 200, probe
        sqs.send_message(QueueUrl=url, MessageBody='{"Event": "s3:TestEvent"}')
        end = time.monotonic() + 20
        while "_done_total" not in (text := httpx.get(f"{base}/metrics").text) or (
            "_done_total{queue=" in text and " 1.0" not in text
        ):
            assert time.monotonic() < end, text
            time.sleep(0.1)
        began = time.monotonic()
        process.send_signal(signal.SIGTERM)
        output, _ = process.communicate(timeout=120)
        assert process.returncode == 0, output
        assert time.monotonic() - began < owner["spec"]["template"]["spec"]["terminationGracePeriodSeconds"]
        sqs.close()


def test_the_manifests_console_waits_for_a_token_serves_its_probes_and_ends(contained):
    _, (first, container, *_), toml = _of_manifest("sqlite-pod-identity.yaml", "windlass-console")
    config = contained.data / "windlass.toml"
    port = free_port()
    config.write_text(toml.replace("port = 8470", f"port = {port}").replace('host = "0.0.0.0"', 'host = "127.0.0.2"'))
    variables = environment(container, POD_IP="127.0.0.2") | {"WINDLASS_STORE_URL": f"sqlite:///{contained.data}/w.db"}
    # Without a token there is no console: what the init container waits for.
    code, output = run(contained, "--config", str(config), "token", "list", "--output", "jsonl", **variables)
    assert (code, "token_id" in output) == (0, False)
    code, output = run(
        contained, "--config", str(config), "token", "create", "--name", "me", "--role", "admin", **variables
    )
    assert code == 0, output
    code, output = run(contained, "--config", str(config), "token", "list", "--output", "jsonl", **variables)
    assert "grep -q token_id" in first["args"][0]
    assert "token_id" in output
    process = contained(_argv(container, config), **variables)
    for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
        http_get = container[probe]["httpGet"]
        headers = {header["name"]: header["value"] for header in http_get["httpHeaders"]}
        assert wait_for(f"http://127.0.0.2:{port}{http_get['path']}", headers).status_code == 200, probe
    process.send_signal(signal.SIGTERM)
    output, _ = process.communicate(timeout=120)
    assert process.returncode == 0, output
