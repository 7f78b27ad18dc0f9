"""A hostile AWS for whole runs: real botocore clients whose responses are spoilt on the way, and a world that is known.

Spoilt are: permission, pace, time, content type (HTML), length (cut, empty), place (another region's redirect), order
(pages and items), existence (items that vanish, false "not found"), at any call.
"""

import random
import threading

import botocore.session
from botocore.awsrequest import AWSResponse
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectTimeoutError,
    EndpointConnectionError,
    ReadTimeoutError,
)
from botocore.parsers import ResponseParserError

from tests.inventory.model_server import recognise, serialise
from windlass.core.arns import GLOBAL_REGION
from windlass.estate.clients import make_client
from windlass.estate.config import EstateConfig
from windlass.estate.paging import pages, rule_of
from windlass.estate.translate import translate

PORTAL = b"<!DOCTYPE html><html><head><title>Sign in</title></head><body>Wi-Fi</body></html>"
FAULTS = (
    "denied",
    "throttled",
    "timeout",
    "unreachable",
    "html",
    "html 403",
    "html 404",
    "redirect",
    "empty",
    "cut",
    "wrong region",
    "not found",
    "server error",
)


class World:
    """What exists: {(account, region, service): names}; it changes between runs, and items vanish within one."""

    ACCOUNTS = ("111111111111", "222222222222")
    REGIONS = ("us-east-1", "eu-west-1")

    def __init__(self, rng):
        self.rng = rng
        self.names = {
            (account, region, service): {f"{service}-{n}-{account[0]}" for n in range(rng.randint(1, 7))}
            for account in self.ACCOUNTS
            for region in self.REGIONS
            for service in ("sqs", "dynamodb", "ec2", "iam", "sns")
        }
        self.ever = {key: set(names) for key, names in self.names.items()}

    def churn(self):
        """Some things are made and some deleted between two runs."""
        for key, names in self.names.items():
            if self.rng.random() < 0.3 and len(names) > 1:
                names.discard(self.rng.choice(sorted(names)))
            if self.rng.random() < 0.3:
                names.add(f"{key[2]}-new{self.rng.randrange(10**6)}-{key[0][0]}")
            self.ever[key] |= names


class HostileCaller:
    """`EstateCaller` over botocore clients; `rate` of the responses are spoilt. Nothing is retried: every fault counts."""

    def __init__(self, world, rng, rate):
        self.world, self.rng, self.rate = world, rng, rate
        self.lock = threading.Lock()

    def accounts(self):
        return [type("Account", (), {"id": account})() for account in World.ACCOUNTS]

    def regions(self, account_id, /):
        return World.REGIONS

    def partition(self, account_id, /):
        return "aws"

    def call(self, account_id, region, service, operation, /, **params):
        HERE.caller, HERE.account_id = self, account_id
        HERE.region = "us-east-1" if region == GLOBAL_REGION else region
        try:
            answer = client_of(service)._make_api_call(operation, params)
        except (BotoCoreError, ClientError, ResponseParserError) as error:
            raise translate(error, where=f"{service} {operation} in {region} of {account_id}") from None
        answer.pop("ResponseMetadata", None)
        return answer

    def pages(self, account_id, region, service, operation, /, **params):
        def ask(**asked):
            return self.call(account_id, region, service, operation, **asked)

        return pages(rule_of(client_of(service), operation), operation, ask, params)

    # --- answering ---------------------------------------------------------------------------------------------

    def answer(self, account_id, region, request):
        headers = {
            name.lower(): text if isinstance(text, str) else text.decode() for name, text in request.headers.items()
        }
        body = request.body or b""
        service, operation, sent = recognise(
            request.method, request.url, headers, body if isinstance(body, bytes) else body.encode()
        )
        with self.lock:
            fault = self.rng.choice(FAULTS) if self.rng.random() < self.rate else ""
            status, given, out = self._spoil(
                fault, region, request, *self._genuine(account_id, region, service, operation, sent)
            )
        response = AWSResponse(request.url, status, type("Headers", (dict,), {})(given), None)
        response._content = out
        return response

    def _spoil(self, fault, region, request, status, headers, body):
        html = {"content-type": "text/html"}
        error = {"x-amzn-requestid": "1", "content-type": "application/x-amz-json-1.0"}
        match fault:
            case "timeout":
                raise self.rng.choice((ReadTimeoutError, ConnectTimeoutError))(endpoint_url=request.url)
            case "unreachable":
                raise EndpointConnectionError(endpoint_url=request.url)
            case "html":
                return 200, html, PORTAL
            case "html 403":
                return 403, html, PORTAL
            case "html 404":
                return 404, html, PORTAL
            case "redirect":
                return 302, {"location": "http://portal.example/"}, b""
            case "empty":
                return 200, headers, b""
            case "cut":
                return status, headers, body[: self.rng.randrange(len(body))] if status < 300 else b""
            case "server error":
                return 503, html, b"<html>503</html>"
            case "denied" | "throttled" | "wrong region" | "not found":
                code = {
                    "denied": "AccessDenied",
                    "throttled": "Throttling",
                    "wrong region": "UnrecognizedClientException",
                    "not found": "ResourceNotFoundException",
                }[fault]
                if "xml" in headers.get("content-type", "xml"):
                    text = f"<ErrorResponse><Error><Code>{code}</Code></Error><RequestId>1</RequestId></ErrorResponse>"
                    return 400, {"x-amzn-requestid": "1", "content-type": "text/xml"}, text.encode()
                return 400, error, b'{"__type": "%s"}' % code.encode()
        return status, headers, body

    def _genuine(self, account_id, region, service, operation, sent):
        names = sorted(self.world.names[account_id, region, service])
        if operation.startswith(("List", "DescribeVpcs")) and not operation.startswith(
            ("ListQueueTags", "ListTags", "ListRoleT")
        ):
            if operation in ("ListAttachedRolePolicies", "ListRolePolicies"):
                return serialise(service, operation, {"AttachedPolicies": [], "PolicyNames": [], "IsTruncated": False})
            return self._listing(service, operation, sent, names, account_id, region)
        name = next((name for name in names if any(name in text for text in sent.values())), "")
        if name and self.rng.random() < self.rate / 4:
            self.world.names[account_id, region, service].discard(name)  # it vanishes in mid-run
            name = ""
        if not name and operation in ("GetQueueAttributes", "DescribeTable", "GetTopicAttributes", "GetRole"):
            return self._spoil(
                "not found",
                region,
                None,
                400,
                {"content-type": "text/xml" if service in ("sns", "iam") else "json"},
                b"",
            )
        arn = f"arn:aws:{service}:{region}:{account_id}:{name}"
        documents = {
            "GetQueueAttributes": {"Attributes": {"QueueArn": arn, "DelaySeconds": "7"}},
            "DescribeTable": {
                "Table": {"TableName": name, "TableArn": f"arn:aws:dynamodb:{region}:{account_id}:table/{name}"}
            },
            "GetTopicAttributes": {"Attributes": {"TopicArn": arn, "Policy": '{"Statement": []}'}},
            "GetRole": {"Role": role_document(account_id, name)},
        }
        return serialise(service, operation, documents.get(operation, {"Tags": [], "IsTruncated": False}))

    def _listing(self, service, operation, sent, names, account_id, region):
        """Two a page, in any order of items; tokens name what was handed out, so that vanishing shifts nothing."""
        token = next((text for text in sent.values() if text.startswith("after:")), "after:")
        rest = [name for name in names if name > token.removeprefix("after:")]
        page, more = rest[:2], rest[2:]
        after = f"after:{page[-1]}" if more else None
        self.rng.shuffle(page)
        documents = {
            "ListQueues": (
                "QueueUrls",
                [f"https://sqs.{region}.amazonaws.com/{account_id}/{name}" for name in page],
                "NextToken",
            ),
            "ListTables": ("TableNames", page, "LastEvaluatedTableName"),
            "DescribeVpcs": ("Vpcs", [{"VpcId": name, "CidrBlock": "10.0.0.0/8"} for name in page], "NextToken"),
            "ListRoles": (
                "Roles",
                [role_document(account_id, name) for name in page],
                "Marker",
            ),
            "ListTopics": (
                "Topics",
                [{"TopicArn": f"arn:aws:sns:{region}:{account_id}:{name}"} for name in page],
                "NextToken",
            ),
        }
        member, items, token_name = documents[operation]
        document = {member: items} | ({token_name: after} if after else {})
        if operation == "ListRoles":
            document["IsTruncated"] = bool(more)
        return serialise(service, operation, document)


def role_document(account_id, name):
    return {
        "RoleName": name,
        "RoleId": name,
        "Path": "/",
        "CreateDate": "2026-01-01T00:00:00Z",
        "Arn": f"arn:aws:iam::{account_id}:role/{name}",
    }


HERE = threading.local()
"""Whose call the thread is making: accounts and regions share their clients, because each takes long to make."""
MAKING = threading.Lock()
CLIENTS = {}


def client_of(service):
    """A client of the estate's own making whose requests never leave the process."""
    with MAKING:
        if service not in CLIENTS:
            session = botocore.session.Session()
            session.set_credentials("AKIDEXAMPLE", "secret")
            client = make_client(
                session, EstateConfig(), "us-east-1", service, Config(retries={"total_max_attempts": 1})
            )
            client.meta.events.register(
                "before-send", lambda request, **_: HERE.caller.answer(HERE.account_id, HERE.region, request)
            )
            CLIENTS[service] = client
        return CLIENTS[service]


def run_world(seed, apply_result, collect_with, *, runs=3):
    """Collections of one random world, each spoilt; `apply_result` writes, `collect_with(caller)` collects."""
    rng = random.Random(seed)
    world = World(rng)
    for number in range(runs):
        listed = {key: set(names) for key, names in world.names.items()}
        caller = HostileCaller(world, rng, 0.0 if number == 0 else rng.choice((0.02, 0.1, 0.3, 0.7)))
        apply_result(number, listed, collect_with(caller), world)
        world.churn()
