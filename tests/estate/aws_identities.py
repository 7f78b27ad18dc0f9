"""A small AWS over HTTP that knows identities and nothing else: STS, Organizations, regions, and empty listings.

An access key ends with the account it belongs to; every call is on record with that account, so that a test can say
with whose credentials each call was made. It is written from the API references and shares no code with Windlass.
"""

import json
import re
import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs

_CREDENTIAL = re.compile(r"Credential=(?P<key>[^/]+)/\d+/(?P<region>[^/]+)/(?P<service>[^/]+)/")


@dataclass(frozen=True)
class Call:
    """One request as it arrived; `account` is the one whose credentials signed it."""

    account: str
    service: str
    action: str
    region: str
    params: dict


@dataclass
class Identities:
    """The server. `refuse(call)` gives an error code, or nothing to let the call through."""

    organization: tuple = ()
    enabled_regions: tuple = ("eu-west-1", "us-east-1")
    refuse: object = lambda call: ""
    calls: list = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def __enter__(self):
        handler = type("Handler", (_Handler,), {"world": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def url(self):
        return f"http://127.0.0.1:{self._server.server_port}"

    def environ(self, account):
        """The environment of a process with static keys of `account`, to whom this server is AWS."""
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ACCESS_KEY_ID": f"AKIA{account}",
            "AWS_SECRET_ACCESS_KEY": "secret",
        }

    def taken(self):
        """The calls since the last time this was asked."""
        with self.lock:
            taken, self.calls[:] = list(self.calls), []
        return taken


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    world = None

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("content-length") or 0)).decode()
        signed = _CREDENTIAL.search(self.headers.get("authorization", ""))
        key, region, service = (signed["key"], signed["region"], signed["service"]) if signed else ("", "", "")
        params = {name: values[0] for name, values in parse_qs(body).items()}
        target = self.headers.get("x-amz-target", "")
        action = (
            params.get("Action") or target.rpartition(".")[2] or self.path.partition("?")[0].strip("/") or "ListBuckets"
        )
        call = Call(key[-12:], service, action, region, params)
        with self.world.lock:
            self.world.calls.append(call)
        code = self.world.refuse(call)
        if code:
            self._refuse(call, code, is_json=bool(target) or service == "account")
        else:
            self._answer(*_answer(self.world, call))

    def do_GET(self):
        self.do_POST()

    def _refuse(self, call, code, *, is_json):
        if is_json:
            self._answer(
                "application/x-amz-json-1.1", json.dumps({"__type": code, "message": f"no {call.action}"}), 403
            )
        else:
            xml = f"<Response><Errors><Error><Code>{code}</Code><Message>no {call.action}</Message></Error></Errors></Response>"
            if call.service != "ec2":
                xml = f"<ErrorResponse><Error><Code>{code}</Code><Message>no {call.action}</Message></Error></ErrorResponse>"
            self._answer("text/xml", xml, 403)

    def _answer(self, content_type, text, status=200):
        payload = text.encode()
        self.send_response(status)
        self.send_header("content-type", content_type)
        self.send_header("x-amzn-requestid", "1-2-3")
        self.send_header("x-amz-request-id", "1-2-3")
        self.send_header("content-length", str(len(payload)))
        self.end_headers()
        self.wfile.write(payload)

    def log_message(self, *_):
        pass


def _answer(world, call):
    match call.action:
        case "GetCallerIdentity":
            arn = f"arn:aws:iam::{call.account}:user/somebody"
            inner = f"<Arn>{arn}</Arn><UserId>x</UserId><Account>{call.account}</Account>"
        case "AssumeRole":
            owner, name = call.params["RoleArn"].split(":")[4], call.params["RoleArn"].rpartition("/")[2]
            until = (datetime.now(UTC) + timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
            inner = (
                f"<Credentials><AccessKeyId>ASIA{owner}</AccessKeyId><SecretAccessKey>s</SecretAccessKey>"
                f"<SessionToken>t</SessionToken><Expiration>{until}</Expiration></Credentials>"
                f"<AssumedRoleUser><Arn>arn:aws:sts::{owner}:assumed-role/{name}/x</Arn></AssumedRoleUser>"
            )
        case "DescribeRegions":
            items = "".join(f"<item><regionName>{name}</regionName></item>" for name in world.enabled_regions)
            return "text/xml", f"<DescribeRegionsResponse><regionInfo>{items}</regionInfo></DescribeRegionsResponse>"
        case "listRegions":
            rows = [{"RegionName": name, "RegionOptStatus": "ENABLED"} for name in world.enabled_regions]
            return "application/json", json.dumps({"Regions": rows})
        case "ListAccounts":
            rows = [{"Id": entry, "Name": f"a{entry[0]}", "Status": "ACTIVE"} for entry in world.organization]
            return "application/x-amz-json-1.1", json.dumps({"Accounts": rows})
        case "ListBuckets":
            return "application/xml", "<ListAllMyBucketsResult><Buckets/></ListAllMyBucketsResult>"
        case _:
            return "application/x-amz-json-1.0", "{}"
    return (
        "text/xml",
        f"<{call.action}Response><{call.action}Result>{inner}</{call.action}Result></{call.action}Response>",
    )
