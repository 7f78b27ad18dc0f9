"""The decision carried out by botocore: nothing under ~/.aws is opened, and real keys never reach the embedded AWS."""

import json
import os
import subprocess
import sys
import textwrap
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from windlass.core.errors import AccessDenied, AwsError, ConfigError
from windlass.estate.config import AccountConfig, EnvironmentConfig, EstateConfig
from windlass.estate.facts import is_loopback, read_facts
from windlass.estate.service import open_estate

POISON = "[default]\naws_access_key_id = AKIAPOISONPOISON0000\naws_secret_access_key = poison/poison/poison/poison/poison/pois\n"
KEYS = {
    "AWS_ACCESS_KEY_ID": "AKIAREALREALREAL0000",
    "AWS_SECRET_ACCESS_KEY": "real/real/real/real/real/real/real/real0",
}


@pytest.fixture
def home(tmp_path):
    folder = tmp_path / "poisoned"
    (folder / ".aws").mkdir(parents=True)
    (folder / ".aws" / "credentials").write_text(POISON)
    (folder / ".aws" / "config").write_text(POISON.replace("default", "profile sandbox") + "region = eu-west-1\n")
    return folder


def run(script: str, home, **environ) -> dict:
    code = textwrap.dedent(
        """
        import json, os, sys
        opened = []
        sys.addaudithook(lambda name, args: opened.append(str(args[0])) if name == "open" and args else None)
        from windlass.core.errors import WindlassError
        from windlass.estate.config import EstateConfig
        from windlass.estate.credentials import base_session
        from windlass.estate.service import open_estate
        """
    ) + textwrap.dedent(script)
    code += "\nprint(json.dumps({'found': found, 'aws': [p for p in opened if '.aws' in p.split(os.sep)]}))"
    base = {"PATH": os.environ["PATH"], "HOME": str(home), "AWS_EC2_METADATA_DISABLED": "true"}
    done = subprocess.run(
        [sys.executable, "-c", code], env=base | environ, capture_output=True, text=True, timeout=60, check=True
    )
    return json.loads(done.stdout)


def test_nothing_under_aws_is_opened_in_a_local_environment(home):
    answer = run(
        """
        estate = open_estate(EstateConfig(), os.environ)
        found = base_session(estate.decision, region="us-east-1").get_credentials().access_key
        """,
        home,
        **KEYS,
        AWS_PROFILE="nosuch",
    )
    assert answer == {"found": KEYS["AWS_ACCESS_KEY_ID"], "aws": []}


def test_without_keys_the_poisoned_files_are_refused_unopened(home):
    answer = run(
        """
        try:
            open_estate(EstateConfig(), os.environ).accounts()
            found = "used"
        except WindlassError as error:
            found = error.message
        """,
        home,
    )
    assert answer["aws"] == []
    assert "Present, but refused in this environment: files under ~/.aws" in answer["found"]


def test_a_named_profile_is_read_and_nothing_else(home):
    answer = run(
        """
        estate = open_estate(EstateConfig(), os.environ, profile="sandbox")
        found = base_session(estate.decision, region="us-east-1").get_credentials().access_key
        """,
        home,
        **KEYS,
    )
    assert answer["found"] == "AKIAPOISONPOISON0000"
    assert answer["aws"], "the profile's file has to be opened"


def test_an_unknown_profile_is_a_configuration_error(home, monkeypatch):
    monkeypatch.setenv("HOME", str(home))
    with pytest.raises(ConfigError, match="'nosuch' is not in the AWS configuration"):
        open_estate(EstateConfig(), os.environ, profile="nosuch").accounts()


class Recorder(BaseHTTPRequestHandler):
    seen: list = []

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        self.seen.append(str(self.headers) + body.decode())
        answer = b"<GetCallerIdentityResponse><GetCallerIdentityResult><Arn>arn:aws:iam::111111111111:root</Arn><UserId>x</UserId><Account>111111111111</Account></GetCallerIdentityResult></GetCallerIdentityResponse>"
        self.send_response(200)
        self.send_header("content-type", "text/xml")
        self.send_header("x-amzn-requestid", "1")
        self.send_header("content-length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_):
        pass


def test_real_keys_are_never_sent_to_the_embedded_aws(monkeypatch):
    for name, value in KEYS.items():
        monkeypatch.setenv(name, value)
    with HTTPServer(("127.0.0.1", 0), Recorder) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        config = EstateConfig(
            endpoint_url=f"http://127.0.0.1:{server.server_port}", accounts=[AccountConfig(id="111111111111")]
        )
        with open_estate(config, os.environ) as estate:
            assert estate.whoami().identities[0].arn == "arn:aws:iam::111111111111:root"
        server.shutdown()
    assert Recorder.seen
    assert not any(KEYS["AWS_ACCESS_KEY_ID"] in text for text in Recorder.seen)


def test_a_caller_outside_the_guard_rail_is_stopped():
    config = EstateConfig(
        endpoint_url="http://127.0.0.1:1",
        accounts=[AccountConfig(id="999999999999")],
        allowed_accounts=["111111111111"],
    )
    with pytest.raises(AccessDenied, match="999999999999 is not in estate.allowed_accounts"):
        open_estate(config, {}).accounts()
    with pytest.raises(AccessDenied):
        open_estate(config, {}).call("999999999999", "us-east-1", "sts", "GetCallerIdentity")


def test_an_unreachable_endpoint_is_said_with_what_to_check():
    with pytest.raises(AwsError, match="can't be reached") as caught:
        open_estate(EstateConfig(endpoint_url="http://127.0.0.1:1"), {}).accounts()
    assert "network" in caught.value.hint
    assert caught.value.code == "EndpointUnreachable"


def test_the_environment_may_name_its_profile():
    config = EstateConfig(environments={"sandbox": EnvironmentConfig(profile="me")})
    assert read_facts(config, {"WINDLASS_ENV": "sandbox"}).profile == "me"
    assert read_facts(config, {"APP_ENV": "sandbox", "WINDLASS_ENV": "other"}).profile == ""


@pytest.mark.parametrize(
    ("url", "loopback"),
    [
        ("http://127.0.0.1:8471", True),
        ("http://localhost:1", True),
        ("http://[::1]:1", True),
        ("http://127.9.9.9", True),
        ("https://sts.amazonaws.com", False),
        ("http://127.0.0.1.evil.example", False),
        ("http://10.0.0.1", False),
    ],
)
def test_what_counts_as_the_embedded_aws(url, loopback):
    assert is_loopback(url) is loopback
