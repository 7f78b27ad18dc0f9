"""A web page against the embedded AWS, in a real browser: it would run its code as the user, and achieves nothing."""

import base64
import contextlib
import http.server
import io
import json
import shutil
import threading
import time
import urllib.parse
import urllib.request
import zipfile

import boto3
import pytest

from tests.browser.test_access import ARGS
from windlass_local.server import Access, LocalServer

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(
        shutil.which("chromium") is None, reason="no chromium on the PATH (Debian: apt-get install chromium)"
    ),
]
REGION = "us-east-1"
# Every name below `.attack` is this machine, as after a DNS rebinding.
REBOUND = "--host-resolver-rules=MAP *.attack 127.0.0.1"
# Newer Chromium asks before a page may call loopback; other browsers do not, and this is about our own door.
NO_HELP = "--disable-features=LocalNetworkAccessChecks"
ATTACK = """
async ([url, steps]) => {
  const outcomes = [];
  for (const mode of ["cors", "no-cors"]) {
    for (const [path, headers, body] of steps) {
      try {
        const answer = await fetch(url + path, { method: "POST", mode, headers, body });
        outcomes.push(answer.status);
      } catch (error) {
        outcomes.push("refused");
      }
    }
  }
  return outcomes;
}
"""


def _form(account, service, **fields):
    return [
        "/",
        {"Authorization": _key(account, service), "Content-Type": "application/x-www-form-urlencoded"},
        urllib.parse.urlencode(fields),
    ]


def _key(account, service):
    return f"AWS4-HMAC-SHA256 Credential={account}/20261201/{REGION}/{service}/aws4_request, SignedHeaders=host, Signature=0"


def steps(account, marker):
    """The requests that run code: a role, a function that writes `marker`, a topic, a subscription, a message."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("main.py", f"def handler(event, context): open({str(marker)!r}, 'w').write('ran')")
    function = {
        "FunctionName": "attack",
        "Runtime": "python3.12",
        "Handler": "main.handler",
        "Role": f"arn:aws:iam::{account}:role/attack",
        "Code": {"ZipFile": base64.b64encode(buffer.getvalue()).decode()},
    }
    topic = f"arn:aws:sns:{REGION}:{account}:attack"
    arn = f"arn:aws:lambda:{REGION}:{account}:function:attack"
    return [
        _form(
            account, "iam", Action="CreateRole", RoleName="attack", AssumeRolePolicyDocument="{}", Version="2010-05-08"
        ),
        [
            "/2015-03-31/functions",
            {"Authorization": _key(account, "lambda"), "Content-Type": "application/json"},
            json.dumps(function),
        ],
        _form(account, "sns", Action="CreateTopic", Name="attack", Version="2010-03-31"),
        _form(
            account, "sns", Action="Subscribe", TopicArn=topic, Protocol="lambda", Endpoint=arn, Version="2010-03-31"
        ),
        _form(account, "sns", Action="Publish", TopicArn=topic, Message="go", Version="2010-03-31"),
    ]


class _Page(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("content-type", "text/html")
        self.end_headers()
        self.wfile.write(b"<!doctype html><title>a page</title>")

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def stranger():
    """The port of somebody else's web server."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Page) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def aws(stranger):
    # A friend's pages may read S3; by other calls they achieve as little as everybody's.
    with LocalServer(access=Access(origins=(f"http://friend.attack:{stranger}",))) as server:
        yield server


@pytest.fixture(scope="module")
def chromium():
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=[*ARGS, REBOUND, NO_HELP])
        yield browser
        browser.close()


def _client(aws, service, account):
    return contextlib.closing(
        boto3.client(
            service,
            endpoint_url=aws.url,
            region_name=REGION,
            aws_access_key_id=account,
            aws_secret_access_key="windlass-local",
        )
    )


def _made(aws, account):
    with (
        _client(aws, "iam", account) as iam,
        _client(aws, "lambda", account) as functions,
        _client(aws, "sns", account) as sns,
    ):
        return [
            len(iam.list_roles()["Roles"]),
            len(functions.list_functions()["Functions"]),
            len(sns.list_topics()["Topics"]),
        ]


def test_the_same_requests_of_a_program_run_the_code(aws, tmp_path):
    """Without this, the tests below would prove nothing."""
    account, marker = "777777777310", tmp_path / "ran"
    for path, headers, body in steps(account, marker):
        request = urllib.request.Request(aws.url + path, data=body.encode(), headers=headers, method="POST")
        with urllib.request.urlopen(request, timeout=30) as answer:
            assert answer.status in (200, 201)
    deadline = time.monotonic() + 30
    while not marker.exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    assert marker.exists()
    assert _made(aws, account) == [1, 1, 1]


@pytest.mark.parametrize(
    ("account", "place"),
    [
        ("777777777311", "http://evil.attack:{stranger}"),  # another site
        ("777777777312", "http://127.0.0.1:{stranger}"),  # another port of loopback: the same site
        ("777777777313", "http://evil.localhost:{stranger}"),
        ("777777777314", "http://evil.attack:{aws}"),  # the page's own origin, after a DNS rebinding
        ("777777777315", "http://127.0.0.1:{aws}"),  # a page in a bucket, shown by the embedded AWS itself
        ("777777777316", "about:blank"),  # the origin `null`
        ("777777777317", "http://friend.attack:{stranger}"),
    ],
)
def test_a_page_achieves_nothing(chromium, aws, stranger, tmp_path, account, place):
    marker = tmp_path / "ran"
    own = aws.url.rpartition(":")[2]
    address = place.format(stranger=stranger, aws=own)
    page = chromium.new_page()
    rebound = address.endswith(f":{own}")
    if rebound:  # the page itself came from the attacker's server, before the name was bound to loopback
        page.route(f"{address}/attack", lambda route: route.fulfill(body="<!doctype html>", content_type="text/html"))
    page.goto(f"{address}/attack" if rebound else address)
    target = address if "evil.attack" in address and rebound else aws.url
    outcomes = page.evaluate(ATTACK, [target, steps(account, marker)])
    page.close()
    assert outcomes
    assert set(outcomes) <= {403, "refused", 0}  # 0: an answer that the page may not look at
    assert _made(aws, account) == [0, 0, 0]
    assert not marker.exists()


def test_a_page_can_not_even_read_who_is_there(chromium, aws, stranger):
    page = chromium.new_page()
    page.goto(f"http://evil.attack:{stranger}")
    read = """async (url) => { try { return await (await fetch(url)).text() } catch { return "refused" } }"""
    seen = [
        page.evaluate(read, aws.url + path)
        for path in ("/_windlass/status", "/_windlass/calls", "/", "/moto-api/data.json")
    ]
    page.close()
    assert seen == ["refused"] * 4


def test_a_trusted_page_reads_an_object_that_the_bucket_lets_it_read(chromium, aws, stranger):
    account = "777777777320"
    with _client(aws, "s3", account) as s3:
        s3.create_bucket(Bucket="cors-in-chromium")
        s3.put_object(Bucket="cors-in-chromium", Key="k", Body=b"for friends")
        url = s3.generate_presigned_url("get_object", Params={"Bucket": "cors-in-chromium", "Key": "k"})
        page = chromium.new_page()
        page.goto(f"http://friend.attack:{stranger}")
        read = """async (url) => { try { return await (await fetch(url)).text() } catch { return "refused" } }"""
        assert page.evaluate(read, url) == "refused"  # no CORS configuration yet
        rule = {"AllowedOrigins": ["http://friend.attack:*"], "AllowedMethods": ["GET"]}
        s3.put_bucket_cors(Bucket="cors-in-chromium", CORSConfiguration={"CORSRules": [rule]})
        assert page.evaluate(read, url) == "for friends"
        page.close()
