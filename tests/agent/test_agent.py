"""The agent's one file, run as hosts run it: what it reads, how it delivers, what it keeps, and that it never shows its token."""

import ast
import http.server
import io
import json
import os
import shutil
import stat
import subprocess
import sys
import threading
import zipfile

import pytest

from tests.osquery.test_endpoints import served_app
from windlass.agent.archive import agent_archive, agent_modules
from windlass.agent.host import activity, identity, packages, system
from windlass.api.auth import Role
from windlass.api.tokens import create_token
from windlass.core import clock
from windlass.core.errors import UsageError
from windlass.facts.sections import shape_of

TOKEN = "wl_this-token-is-never-shown"


def runs(python):
    """True for an interpreter; a version manager's placeholder fails."""
    return bool(python) and subprocess.run([python, "-c", ""], capture_output=True, check=False).returncode == 0


PYTHONS = [sys.executable, *filter(runs, [shutil.which("python3.8")])]


class Api(http.server.ThreadingHTTPServer):
    """Records what is put, and answers with the next status."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.received, self.statuses = [], []
        self.url = f"http://127.0.0.1:{self.server_port}"


class Handler(http.server.BaseHTTPRequestHandler):
    def do_PUT(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        status = self.server.statuses.pop(0) if self.server.statuses else 200
        self.server.received.append((self.path, self.headers["authorization"], json.loads(body), status))
        answer = json.dumps({"detail": "the section os2 is unknown", "hint": "Did you mean os?"}).encode()
        self.send_response(status)
        if status == 307:
            self.send_header("location", f"{self.server.url}/elsewhere")
        self.send_header("content-length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_):
        pass


@pytest.fixture
def api():
    with Api() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def agent(tmp_path):
    """Runs the file: exit code, stdout and stderr together."""
    (tmp_path / "token").write_text(f"{TOKEN}\n")

    def run(server, *arguments, python=sys.executable, token_file="token", **environment):
        file = tmp_path / "agent.pyz"
        file.write_bytes(agent_archive(server))
        command = [
            python,
            str(file),
            "--token-file",
            str(tmp_path / token_file),
            "--spool",
            str(tmp_path / "spool"),
            *arguments,
        ]
        result = subprocess.run(
            command,
            capture_output=True,
            text=True,
            timeout=120,
            cwd=tmp_path,
            env={"PATH": os.environ["PATH"], **environment},
        )
        assert TOKEN not in result.stdout + result.stderr
        return result.returncode, result.stdout + result.stderr

    run.spool = tmp_path / "spool"
    run.waiting = lambda: sorted(run.spool.glob("*.json")) if run.spool.exists() else []
    return run


@pytest.mark.parametrize("python", PYTHONS)
def test_the_file_reports_sections_of_the_known_shapes(agent, api, python):
    code, output = agent(api.url, python=python)
    assert (code, output) == (0, "")
    ((path, authorization, body, _),) = api.received
    (report,) = body["reports"]
    assert (path, authorization) == ("/v1/facts", f"Bearer {TOKEN}")
    assert report["source"] == "agent"
    assert report["host_id"]
    sections = report["sections"]
    assert {"os", "kernel", "cpu", "memory", "mounts", "interfaces", "users", "listening_ports"} <= set(sections)
    for name, section in sections.items():
        shape = shape_of(name)
        for row in section.get("rows", ()):
            assert set(row) <= set(shape.columns), name
            assert row[shape.label], name
    assert not [section for section in sections.values() if "failure" in section]
    assert sections["kernel"]["rows"][0]["version"] == os.uname().release
    assert os.getuid() in {row["uid"] for row in sections["users"]["rows"]}
    assert agent.waiting() == []


def test_the_api_stores_what_the_agent_sends(agent, tmp_path, migrated_file):
    shutil.copy(migrated_file, tmp_path / "windlass.db")
    with served_app(tmp_path) as (app, url):
        _, token = create_token(app.store, name="agents", role=Role.REPORT, now=clock.now())
        options = ("--ca-file", str(tmp_path / "server.pem"))
        assert agent(url, WINDLASS_AGENT_TOKEN=token.reveal())[0] == 1, "the certificate signs itself"
        code, output = agent(url, *options, WINDLASS_AGENT_TOKEN=token.reveal())
        assert (code, output) == (0, "")
        (host,) = app.facts.hosts()
        assert host.platform == sys.platform
        names = {section.name: section for section in app.facts.sections(host.host_id)}
        assert names["kernel"].rows[0]["version"] == os.uname().release
        assert {section.source for section in names.values()} == {"agent"}
        assert agent.waiting() == []


def test_print_shows_the_report_and_sends_nothing(agent, api):
    code, output = agent(api.url, "--print", token_file="absent")
    assert code == 0
    assert json.loads(output)["reports"][0]["sections"]
    assert api.received == []


def test_what_cannot_be_delivered_waits_and_goes_first(agent, api):
    api.statuses = [503]
    code, output = agent(api.url)
    assert code == 1
    assert "waits in the spool folder" in output
    (waiting,) = agent.waiting()
    assert stat.S_IMODE(agent.spool.stat().st_mode) == 0o700
    assert stat.S_IMODE(waiting.stat().st_mode) == 0o600
    first = json.loads(waiting.read_text())["reports"][0]["observed_at"]
    assert agent(api.url)[0] == 0
    sent = [body["reports"][0]["observed_at"] for _, _, body, status in api.received if status == 200]
    assert sent[0] == first
    assert sent == sorted(sent)
    assert len(sent) == 2
    assert agent.waiting() == []


@pytest.mark.parametrize("status", [401, 403, 429, 500])
def test_what_the_server_may_accept_later_waits(agent, api, status):
    api.statuses = [status]
    code, output = agent(api.url)
    assert (code, len(agent.waiting())) == (1, 1)
    assert str(status) in output


def test_a_report_that_is_refused_blocks_no_other(agent, api):
    api.statuses = [503]
    agent(api.url)
    api.statuses = [400, 200]
    code, output = agent(api.url)
    assert code == 1
    assert "the section os2 is unknown Did you mean os?" in output
    assert agent.waiting() == []
    assert [status for *_, status in api.received] == [503, 400, 200]


def test_the_token_follows_no_redirect(agent, api):
    api.statuses = [307]
    code, _ = agent(api.url)
    assert code == 1
    assert [path for path, *_ in api.received] == ["/v1/facts"]


def test_offline_hosts_keep_the_latest_reports(agent):
    agent.spool.mkdir()
    for number in range(60):
        (agent.spool / f"{number:020}-1.json").write_text("{}")
    code, output = agent("http://127.0.0.1:9")
    assert (code, "cannot be reached" in output) == (1, True)
    assert len(agent.waiting()) == 48
    assert agent.waiting()[0].name.startswith(f"{13:020}")


@pytest.mark.parametrize("token", ["", "short", "two words-of-a-token", "line\nbreak-in-a-token", "tökens-are-ascii"])
def test_a_token_that_cannot_be_one_is_refused_without_being_shown(agent, api, token, tmp_path):
    (tmp_path / "odd").write_text(token)
    code, output = agent(api.url, token_file="odd")
    assert code == 2
    assert "no valid token" in output
    assert not token or token not in output
    assert api.received == []


def test_the_token_may_come_from_the_environment(agent, api):
    assert agent(api.url, token_file="absent", WINDLASS_AGENT_TOKEN="wl_from-the-environment")[0] == 0
    assert api.received[0][1] == "Bearer wl_from-the-environment"


def test_a_token_is_sent_over_tls_only(agent):
    code, output = agent("https://windlass.example.com", "--server", "http://windlass.example.com")
    assert (code, "https" in output) == (2, True)
    for server in (
        "http://windlass.example.com",
        "windlass.example.com",
        "ftp://x",
        "https://me:pw@x",
        "https://x?y=1",
    ):
        with pytest.raises(UsageError):
            agent_archive(server)


def test_the_archive_is_the_same_each_time_and_has_only_python_38():
    assert agent_archive("https://x") == agent_archive("https://x/")
    with zipfile.ZipFile(io.BytesIO(agent_archive("https://x"))) as archive:
        sources = {name: archive.read(name).decode() for name in archive.namelist() if name.endswith(".py")}
    assert len(sources) == len(agent_modules()) + 1
    for name, source in sources.items():
        tree = ast.parse(source, name, feature_version=(3, 8))
        for node in ast.walk(tree):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) and not node.level else []
            for module in names:
                assert module.split(".")[0] in {*sys.stdlib_module_names, "windlass_agent"}, f"{name}: {module}"


def test_package_lists_are_read_as_the_tools_print_them():
    assert packages.parse_deb("ii \topenssl\t3.0.13-1\tamd64\tDebian\nrc \told\t1\tamd64\tDebian\nbroken\n") == [
        {"name": "openssl", "version": "3.0.13-1", "arch": "amd64", "publisher": "Debian"}
    ]
    assert packages.parse_rpm("openssl\t1:3.0.7-27.el9\tx86_64\tRed Hat\ngpg-pubkey\t1-2\t(none)\t(none)\n") == [
        {"name": "openssl", "version": "1:3.0.7-27.el9", "arch": "x86_64", "publisher": "Red Hat"},
        {"name": "gpg-pubkey", "version": "1-2", "arch": "", "publisher": ""},
    ]


def test_python_packages_are_read_from_a_folder(tmp_path):
    (tmp_path / "flask-3.0.dist-info").mkdir()
    (tmp_path / "flask-3.0.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: Flask\nVersion: 3.0\n")
    assert packages.python([str(tmp_path)]) == [{"name": "Flask", "version": "3.0", "path": str(tmp_path)}]


def test_sockets_are_read_as_proc_prints_them():
    head = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
    tcp = (
        "   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 4711 1 0 100 0 0 10 0\n"
        "   1: 0100007F:1F91 0100007F:9999 01 00000000:00000000 00:00000000 00000000  1000        0 4712 1 0 100 0 0 10 0\n"
    )
    assert list(activity.parse_sockets(head + tcp, "tcp")) == [("127.0.0.1", 8080, 1000, "4711")]
    tcp6 = "   0: 00000000000000000000000001000000:0016 00000000000000000000000000000000:0000 0A 0:0 0:0 0 0 0 99 1\n"
    assert list(activity.parse_sockets(head + tcp6, "tcp")) == [("::1", 22, 0, "99")]
    udp = "   0: 3500007F:0035 00000000:0000 07 0:0 0:0 0 101 0 88 2\n   1: 00000000:C350 00000000:0000 07 0:0 0:0 0 0 0 89 2\n"
    assert list(activity.parse_sockets(head + udp, "udp")) == [("127.0.0.53", 53, 101, "88")]


def test_macos_and_systemd_print_other_texts():
    text = "p412\ncsshd\nLroot\nn*:22\nn[::1]:8080\nnlocalhost:http\n"
    assert activity.parse_lsof(text) == [
        {"protocol": "tcp", "address": "0.0.0.0", "port": 22, "process": "sshd", "user": "root"},
        {"protocol": "tcp", "address": "::1", "port": 8080, "process": "sshd", "user": "root"},
    ]
    units = "ssh.service loaded active running OpenBSD Secure Shell server\ngone.service not-found inactive dead gone.service\n"
    assert activity.parse_units(units) == [
        {"name": "ssh.service", "state": "active", "title": "OpenBSD Secure Shell server"}
    ]
    ifconfig = (
        "lo0: flags=8049<UP,LOOPBACK,RUNNING,MULTICAST> mtu 16384\n\tinet 127.0.0.1 netmask 0xff000000\n\tinet6 ::1 prefixlen 128\n"
        "en0: flags=8863<UP,BROADCAST> mtu 1500\n\tether a4:83:e7:00:11:22\n\tinet6 fe80::1%en0 prefixlen 64\n\tinet 192.0.2.7 netmask 0xffffff00\n"
    )
    rows = system.parse_ifconfig(ifconfig)
    assert [(row["name"], row.get("mac"), row["address"]) for row in rows] == [
        ("lo0", None, "127.0.0.1"),
        ("lo0", None, "::1"),
        ("en0", "a4:83:e7:00:11:22", "fe80::1"),
        ("en0", "a4:83:e7:00:11:22", "192.0.2.7"),
    ]


class Metadata(http.server.BaseHTTPRequestHandler):
    """IMDSv2: a session token first (AWS: "Use the Instance Metadata Service")."""

    protocol_version = "HTTP/1.1"

    def do_PUT(self):
        self.answer(
            "session" if self.headers["x-aws-ec2-metadata-token-ttl-seconds"] else "", self.path == "/latest/api/token"
        )

    def do_GET(self):
        document = {
            "instanceId": "i-0123456789abcdef0",
            "accountId": "111111111111",
            "region": "eu-west-1",
            "availabilityZone": "eu-west-1a",
            "instanceType": "t3.micro",
            "imageId": "ami-1",
        }
        self.answer(json.dumps(document), self.headers["x-aws-ec2-metadata-token"] == "session")

    def answer(self, text, is_valid):
        self.send_response(200 if is_valid else 401)
        self.send_header("content-length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_):
        pass


def test_a_host_on_ec2_is_its_instance():
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Metadata) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        row = identity.cloud_row(("127.0.0.1", server.server_port))
        server.shutdown()
        thread.join()
    assert row == {
        "instance_id": "i-0123456789abcdef0",
        "account_id": "111111111111",
        "region": "eu-west-1",
        "zone": "eu-west-1a",
        "type": "t3.micro",
        "image_id": "ami-1",
    }
    host = identity.host_of(row)
    assert (host["host_id"], host["account_id"], host["region"]) == ("i-0123456789abcdef0", "111111111111", "eu-west-1")
    assert identity.cloud_row(("127.0.0.1", 9)) is None
