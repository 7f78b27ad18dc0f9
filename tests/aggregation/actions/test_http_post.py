"""http-post against a small server: the request, and the result of each kind of response."""

import hashlib
import hmac
import json
import socket
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from windlass.aggregation.actions.base import RetryActionLater
from windlass.aggregation.actions.http_post import HttpPost, PostFailed
from windlass.aggregation.actions.payload import summary_json
from windlass.aggregation.model import Arrival, Summary, summarise
from windlass.core.errors import ConfigError

SUMMARY = summarise([Arrival("k", "created", "bucket", "a/ä")])
SECRET = "correct horse"


class Receiver(ThreadingHTTPServer):
    """Returns the responses in `answers`, then repeats the last. A response is a status with headers, or seconds of silence."""

    daemon_threads = True

    def __init__(self):
        self.got, self.answers = [], [(200, {})]
        super().__init__(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server_address[1]}"


class Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        answers = self.server.answers
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        self.server.got.append((self.command, self.path, dict(self.headers), body))
        if isinstance(answer, float):
            time.sleep(answer)
            return
        self.send_response(answer[0])
        for name, value in {"Content-Length": "0", **answer[1]}.items():
            self.send_header(name, value)
        self.end_headers()

    do_GET = do_POST  # noqa: N815

    def log_message(self, *_):
        pass


@pytest.fixture
def receiver():
    server = Receiver()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()


def post(url, **more):
    return HttpPost(url=url, backoff_s=0, **more)


def test_http_post_sends_a_signed_summary(receiver, context, monkeypatch):
    monkeypatch.setenv("HOOK_SECRET", SECRET)
    monkeypatch.setenv("HOOK_TOKEN", "Bearer abc")
    post(f"{receiver.url}/hook?x=1", secret_env="HOOK_SECRET", headers_env={"Authorization": "HOOK_TOKEN"}).act(
        SUMMARY, context
    )
    ((method, path, headers, body),) = receiver.got
    assert (method, path) == ("POST", "/hook?x=1")
    assert json.loads(body) == summary_json(SUMMARY, context)
    assert headers["Content-Type"] == "application/json"
    assert headers["Authorization"] == "Bearer abc"
    assert {name.lower(): value for name, value in headers.items()}["idempotency-key"] == "attempt-1"
    signed = {name.lower(): value for name, value in headers.items()}
    expected = hmac.new(
        SECRET.encode(), signed["x-windlass-timestamp"].encode() + b"." + body, hashlib.sha256
    ).hexdigest()
    assert signed["x-windlass-signature"] == f"sha256={expected}"
    assert signed["x-windlass-timestamp"] == "1700000000"


def test_without_a_secret_there_is_no_signature_header(receiver, context):
    post(receiver.url).act(SUMMARY, context)
    assert "x-windlass-signature" not in {name.lower() for name in receiver.got[0][2]}


def test_a_missing_secret_variable_is_a_config_error(receiver, context, monkeypatch):
    with pytest.raises(ConfigError, match="HOOK_SECRET"):
        post(receiver.url, secret_env="HOOK_SECRET").act(SUMMARY, context)
    monkeypatch.setenv("HOOK_SECRET", "secret\nvalue")
    with pytest.raises(ConfigError) as caught:
        post(receiver.url, headers_env={"X-Key": "HOOK_SECRET"}).act(SUMMARY, context)
    assert "secret" not in str(caught.value)
    assert receiver.got == []


def test_server_errors_are_retried(receiver, context):
    receiver.answers = [(503, {}), (500, {}), (204, {})]
    post(receiver.url).act(SUMMARY, context)
    assert len(receiver.got) == 3
    assert len({headers["Idempotency-Key"] for _, _, headers, _ in receiver.got}) == 1


def test_lasting_server_errors_fail_without_showing_the_query(receiver, context):
    receiver.answers = [(502, {})]
    with pytest.raises(PostFailed, match="502") as caught:
        post(f"{receiver.url}/?token=s3cret").act(SUMMARY, context)
    assert len(receiver.got) == 3
    assert "s3cret" not in str(caught.value)


def test_a_client_error_is_not_retried(receiver, context):
    receiver.answers = [(400, {})]
    with pytest.raises(PostFailed, match="400"):
        post(receiver.url).act(SUMMARY, context)
    assert len(receiver.got) == 1


@pytest.mark.parametrize(
    ("headers", "after_s"), [({"Retry-After": "120"}, 120), ({}, 30), ({"Retry-After": "99999"}, 3600)]
)
def test_429_postpones_the_action(receiver, context, headers, after_s):
    receiver.answers = [(429, headers)]
    with pytest.raises(RetryActionLater) as caught:
        post(receiver.url).act(SUMMARY, context)
    assert caught.value.after_s == after_s


def test_a_refused_connection_fails_after_the_retries(context):
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))  # bound, not listening
        with pytest.raises(PostFailed, match="connection failed"):
            post(f"http://127.0.0.1:{listener.getsockname()[1]}", retries=1).act(SUMMARY, context)


def test_a_timeout_fails_without_a_retry(receiver, context):
    receiver.answers = [2.0]
    with pytest.raises(PostFailed, match="no response"):
        post(receiver.url, timeout_s=0.3).act(SUMMARY, context)
    assert len(receiver.got) == 1  # the server may have accepted it


@pytest.mark.parametrize("code", [307, 308])
def test_a_redirect_to_the_same_host_repeats_the_post(receiver, context, code, monkeypatch):
    monkeypatch.setenv("HOOK_SECRET", SECRET)
    receiver.answers = [(code, {"Location": "/new"}), (200, {})]
    post(receiver.url, secret_env="HOOK_SECRET").act(SUMMARY, context)
    (first, second) = receiver.got
    assert (second[0], second[1], second[3]) == ("POST", "/new", first[3])
    assert second[2]["Host"] == first[2]["Host"]
    assert {k.lower(): v for k, v in second[2].items()}["x-windlass-signature"]


@pytest.mark.parametrize("code", [301, 302, 303, 307, 308])
def test_a_redirect_to_another_host_is_not_followed(receiver, context, code):
    elsewhere = Receiver()  # not running: a connection would hang until the timeout
    try:
        receiver.answers = [(code, {"Location": f"{elsewhere.url}/x"})]
        with pytest.raises(PostFailed, match="redirect"):
            post(receiver.url, timeout_s=2).act(SUMMARY, context)
        assert len(receiver.got) == 1
    finally:
        elsewhere.server_close()


def test_a_redirect_that_changes_the_method_fails(receiver, context):
    receiver.answers = [(303, {"Location": "/done"})]
    with pytest.raises(PostFailed, match="redirect"):
        post(receiver.url).act(SUMMARY, context)
    assert len(receiver.got) == 1


def test_a_redirect_loop_fails(receiver, context):
    receiver.answers = [(307, {"Location": "/"})]
    with pytest.raises(PostFailed):
        post(receiver.url).act(SUMMARY, context)
    assert len(receiver.got) < 50


ALERTS = Summary(events=2, document={"alerts": [{"title": "a"}, {"title": "b"}], "text": "a\nb", "events": 2})


def test_a_slack_webhook_gets_a_text_and_its_url_is_in_no_error(receiver, context, monkeypatch):
    monkeypatch.setenv("SLACK_URL", f"{receiver.url}/services/T0/B0/secret")
    action = HttpPost(url_env="SLACK_URL", format="slack", backoff_s=0)
    action.act(ALERTS, context)
    action.act(SUMMARY, context)
    assert [json.loads(body) for _, _, _, body in receiver.got] == [
        {"text": "a\nb"},
        {"text": f"{context.rule}: 1 events of {context.key}"},
    ]
    assert receiver.got[0][1] == "/services/T0/B0/secret"
    receiver.answers = [(404, {})]
    with pytest.raises(PostFailed) as caught:
        action.act(ALERTS, context)
    assert "secret" not in str(caught.value)
    monkeypatch.setenv("SLACK_URL", "not a url")
    with pytest.raises(ConfigError, match="SLACK_URL has no http"):
        action.act(ALERTS, context)


def test_alerts_are_sent_as_they_are_with_rule_key_and_attempt(receiver, context):
    post(receiver.url).act(ALERTS, context)
    body = json.loads(receiver.got[0][3])
    assert body["alerts"] == [{"title": "a"}, {"title": "b"}]
    assert (body["rule"], body["attempt"]) == (context.rule, context.attempt)
    assert "bucket" not in body


@pytest.mark.parametrize("options", [{}, {"url": "http://example.com", "url_env": "X"}])
def test_there_is_one_url(options):
    with pytest.raises(ValueError, match="either url or url_env"):
        HttpPost(**options)
