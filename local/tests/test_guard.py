"""The guard of the embedded AWS: no web page, no foreign host name, on no path; and moto's own doors."""

import http.client
import itertools
import json
import urllib.error
import urllib.request

import pytest
from botocore.exceptions import ClientError
from hypothesis import given
from hypothesis import strategies as st

from windlass_local.exceptions import ConfigError
from windlass_local.guard import HostRules
from windlass_local.server import Access, LocalServer

ACCOUNT = "777777777100"
FRIEND = "http://localhost:5173"
SIGNED = "AWS4-HMAC-SHA256 Credential={}/20261201/us-east-1/{}/aws4_request, SignedHeaders=host, Signature=0"
PATHS = (
    "/",
    "/guarded",
    "/guarded/page.html",
    "/guarded?list-type=2",
    "/guarded?cors",
    "//guarded",
    "/%2e%2e/x",
    "/_windlass/status",
    "/_windlass/faults",
    "/_windlass/calls",
    "/_windlass/functions",
    "/_windlass/nowhere",
    "/%5fwindlass/faults",
    "/moto-api/reset",
    "/moto-api/data.json",
    "/%6doto-api/reset",
    "/favicon.ico",
    "/latest/meta-data/iam/security-credentials/",
    "/v20180820/jobs",
    "/2015-03-31/functions",
    "/2020-05-31/distribution",
    "/?Action=CreateRole&RoleName=x",
    f"/?Action=ListQueues&X-Amz-Credential={ACCOUNT}%2F20261201%2Fus-east-1%2Fsqs%2Faws4_request",
)
METHODS = ("GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS")
FOREIGN_HOSTS = (
    "evil.example",
    "evil.example:8471",
    "localhost.evil.example",
    "127.0.0.1.evil.example",
    "evil@127.0.0.1",
    "0.0.0.0",
    "10.0.0.1",
    "[::]",
    "[fe80::1]",
    "169.254.169.254",
    "s3.amazonaws.com",
    "guarded.s3.amazonaws.com",
    "",
    "localhost:x",
    "127.1",
    "notlocalhost",
)
FOREIGN_PAGES = (
    {"Origin": "https://evil.example"},
    {"Origin": "null"},
    {"Origin": "http://localhost:9"},
    {"Origin": "http://evil.localhost:9"},
    {"Origin": ""},
    {"Origin": "file://"},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Sec-Fetch-Site": "none, cross-site"},
    {"Origin": "https://evil.example", "Sec-Fetch-Site": "same-origin"},
    {"Origin": f"{FRIEND}, https://evil.example"},
    {
        "Sec-Fetch-Site": "cross-site",
        "Authorization": SIGNED.format(ACCOUNT, "sns"),
        "X-Amz-Target": "AmazonSQS.ListQueues",
    },
)


def ask(url, method, path, headers=(), body=b""):
    """(status, headers, body): the headers exactly as given, Host among them when it is given."""
    connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=30)
    try:
        headers = {"Host": url.removeprefix("http://")} | dict(headers)
        connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
        for name, value in headers.items():
            connection.putheader(name, value)
        connection.putheader("Content-Length", str(len(body)))
        connection.endheaders(body)
        answer = connection.getresponse()
        return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()
    finally:
        connection.close()


@pytest.fixture(scope="module")
def guarded():
    """An embedded AWS with one allowed origin and two allowed hosts, and a bucket whose CORS rule allows every origin."""
    access = Access(origins=(FRIEND,), hosts=("host.docker.internal", "*.aws.test"))
    with LocalServer(access=access) as server:
        import boto3

        s3 = boto3.client(
            "s3", endpoint_url=server.url, region_name="us-east-1", aws_access_key_id=ACCOUNT, aws_secret_access_key="x"
        )
        s3.create_bucket(Bucket="guarded")
        s3.put_object(Bucket="guarded", Key="page.html", Body=b"<p>read me</p>", ContentType="text/html")
        s3.put_bucket_cors(
            Bucket="guarded",
            CORSConfiguration={
                "CORSRules": [
                    {"AllowedOrigins": ["https://nobody.example"], "AllowedMethods": ["GET", "PUT"]},
                    {
                        "AllowedOrigins": ["http://localhost:*", "https://evil.example", "null"],
                        "AllowedMethods": ["GET", "PUT"],
                        "AllowedHeaders": ["x-amz-*", "Authorization"],
                        "ExposeHeaders": ["ETag"],
                        "MaxAgeSeconds": 600,
                    },
                ]
            },
        )
        yield server
        s3.close()


def test_foreign_pages_and_hosts_get_403_on_every_path_and_nothing_sees_them(guarded):
    before = guarded.gateway.calls.total
    strangers = [{"Host": host} for host in FOREIGN_HOSTS] + list(FOREIGN_PAGES)
    refused = 0
    for path, headers in itertools.product(PATHS, strangers):
        method = METHODS[refused % len(METHODS)]  # every method meets many paths; all products would take a minute
        status, answered, body = ask(guarded.url, method, path, headers)
        # uvicorn itself refuses what is no HTTP.
        assert status == 403 or (status == 400 and b"Invalid HTTP" in body), (method, path, headers)
        assert not [name for name in answered if name.startswith("access-control-")]
        refused += 1
    assert refused == len(PATHS) * len(strangers)
    assert guarded.gateway.calls.total == before


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("path", PATHS)
def test_no_method_is_open_to_a_foreign_page_by_the_rules(method, path):
    rules = HostRules(origins=frozenset({FRIEND}))
    split = path.partition("?")
    for page in FOREIGN_PAGES:
        headers = [(b"host", b"127.0.0.1:8471"), *((n.lower().encode(), v.encode()) for n, v in page.items())]
        assert rules.refusal(method, split[0], split[2], headers)


def test_two_host_headers_and_none_are_refused():
    assert HostRules().refusal("GET", "/", "", [(b"host", b"localhost"), (b"host", b"localhost")])
    assert HostRules().refusal("GET", "/", "", [])
    assert not HostRules().refusal("GET", "/", "", [(b"host", b"localhost")])


@given(
    st.sampled_from([*METHODS, "LINK"]),
    st.text(st.characters(codec="ascii", exclude_characters="\r\n ?#"), max_size=12).map("/{}".format),
    st.sampled_from(["cross-site", "same-site", "Cross-Site", "", "x", "none,same-site"]),
    st.lists(st.sampled_from([(b"authorization", SIGNED.format(1, "s3").encode()), (b"x-amz-target", b"SNS.Publish")])),
)
def test_a_page_of_another_site_is_never_let_in(method, path, site, more):
    headers = [(b"host", b"localhost:8471"), (b"sec-fetch-site", site.encode()), *more]
    assert HostRules(origins=frozenset({FRIEND})).refusal(method, path, "", headers)


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1:1",
        "localhost",
        "LOCALHOST:80",
        "localhost.",
        "guarded.localhost:99",
        "111111111111.s3-control.eu-west-1.localhost:1",
        "[::1]:8471",
        "127.9.9.9",
        "[::ffff:127.0.0.1]",
        "host.docker.internal:8471",
        "queue.eu-west-1.aws.test",
    ],
)
def test_loopback_names_and_configured_hosts_come_in(guarded, host):
    headers = {"Host": host, "Authorization": SIGNED.format(ACCOUNT, "sqs"), "X-Amz-Target": "AmazonSQS.ListQueues"}
    status, _, body = ask(guarded.url, "POST", "/", headers | {"Content-Type": "application/x-amz-json-1.0"}, b"{}")
    assert status == 200, body


def test_a_configured_suffix_does_not_allow_its_own_name_or_others():
    rules = HostRules(hosts=frozenset({"*.aws.test"}))
    assert [rules.allows_host(name) for name in ("a.aws.test", "aws.test", "evilaws.test", "aws.test.evil")] == [
        True,
        False,
        False,
        False,
    ]


def test_an_allowed_origin_reads_s3_as_the_buckets_cors_rules_say(guarded):
    page = {"Origin": FRIEND, "Sec-Fetch-Site": "cross-site", "Authorization": SIGNED.format(ACCOUNT, "s3")}
    status, headers, body = ask(guarded.url, "GET", "/guarded/page.html", page)
    assert (status, body) == (200, b"<p>read me</p>")
    assert headers["access-control-allow-origin"] == FRIEND
    assert headers["access-control-expose-headers"] == "ETag"
    assert headers["access-control-allow-credentials"] == "true"
    preflight = {
        "Origin": FRIEND,
        "Access-Control-Request-Method": "GET",
        "Access-Control-Request-Headers": "x-amz-date",
    }
    status, headers, _ = ask(guarded.url, "OPTIONS", "/guarded/page.html", preflight)
    assert status == 200
    assert headers["access-control-allow-headers"] == "x-amz-date"
    assert headers["access-control-allow-methods"] == "GET, PUT"
    assert headers["access-control-max-age"] == "600"
    status, headers, body = ask(
        guarded.url, "OPTIONS", "/guarded/page.html", preflight | {"Access-Control-Request-Headers": "x-other"}
    )
    assert (status, "access-control-allow-origin" in headers) == (403, False)
    assert b"AccessForbidden" in body
    status, headers, _ = ask(guarded.url, "HEAD", "/guarded/page.html", page)  # no rule has HEAD
    assert (status, "access-control-allow-origin" in headers) == (200, False)


@pytest.mark.parametrize("origin", [FRIEND, "own"])
def test_even_an_allowed_or_our_own_page_does_nothing_but_read(guarded, origin):
    """A page shown from a bucket has the server's own origin: somebody's HTML in a bucket must not run code, either."""
    before = guarded.gateway.calls.total
    origin = guarded.url if origin == "own" else origin
    for method, path, more in (
        ("PUT", "/guarded/page.html", {}),
        ("DELETE", "/guarded", {}),
        ("POST", "/", {"Content-Type": "application/x-www-form-urlencoded"}),
        ("GET", "/?Action=CreateTopic&Name=x", {}),
        ("GET", "/guarded?Action=CreateTopic&Name=x", {}),
        ("GET", "/guarded?torrent", {"Authorization": SIGNED.format(ACCOUNT, "sns")}),
        ("GET", "/guarded?torrent", {"Authorization": f"X a/20260101/us-east-1/sns/x, {SIGNED.format(ACCOUNT, 's3')}"}),
        ("GET", "/guarded?torrent", {"X-Amz-Target": "AmazonSQS.ListQueues"}),
        ("GET", f"/?X-Amz-Credential={ACCOUNT}%2F20261201%2Fus-east-1%2Fsns%2Faws4_request", {}),
        ("OPTIONS", "/guarded/page.html", {"Access-Control-Request-Method": "PUT"}),
        ("PUT", "/_windlass/faults", {}),
        ("POST", "/moto-api/reset", {}),
        ("GET", "/moto-api/data.json", {}),
    ):
        status, headers, _ = ask(guarded.url, method, path, {"Origin": origin, "Sec-Fetch-Site": "same-origin"} | more)
        assert status == 403, (method, path)
        assert "access-control-allow-origin" not in headers
    assert guarded.gateway.calls.total == before


def test_the_address_bar_may_look_at_status_and_public_objects_only(guarded):
    typed = {"Sec-Fetch-Site": "none", "Sec-Fetch-Mode": "navigate"}
    assert ask(guarded.url, "GET", "/_windlass/status", typed)[0] == 200
    assert ask(guarded.url, "GET", "/guarded/page.html", typed)[0] == 403  # S3's own AccessDenied: it is not public
    assert ask(guarded.url, "GET", "/?Action=CreateTopic&Name=x", typed)[0] == 403
    assert ask(guarded.url, "DELETE", "/_windlass/calls", typed)[0] == 403


def test_motos_cors_headers_are_gone(guarded):
    page = {"Origin": FRIEND, "Authorization": SIGNED.format(ACCOUNT, "s3")}
    for path in ("/guarded?torrent", "/guarded/page.html?torrent", "/guarded?acl", "/nowhere-at-all/x"):
        _, headers, _ = ask(guarded.url, "HEAD", path, page)
        assert not [name for name in headers if name.startswith("access-control-")], path


def test_a_refusal_speaks_the_services_protocol_and_names_the_remedy(guarded):
    status, _, body = ask(guarded.url, "POST", "/", {"Host": "evil.example", "X-Amz-Target": "AmazonSQS.ListQueues"})
    assert status == 403
    error = json.loads(body)
    assert error["__type"] == "AccessDenied"
    assert "--allow-host" in error["message"]


def test_motos_control_api_is_off_unless_asked_for(aws):
    with LocalServer() as server:
        s3 = aws("s3", url=server.url, account=ACCOUNT)
        s3.create_bucket(Bucket="kept-from-reset")
        for path in (
            "/moto-api/reset",
            "/%6doto-api/reset",
            "/moto-api/seed?a=1",
            "/moto-api/state-manager/set-transition",
        ):
            assert ask(server.url, "POST", path)[0] in (403, 404, 501), path
        assert "kept-from-reset" in [bucket["Name"] for bucket in s3.list_buckets()["Buckets"]]


@pytest.mark.parametrize(
    "origin", ["null", "*", "localhost:5173", "http://localhost:5173/", "http://*.example", "ftp://x"]
)
def test_what_is_no_origin_is_refused_at_start(origin):
    if origin == "http://*.example":
        assert HostRules(origins=frozenset({origin})).refusal(
            "GET", "/b/k", "", [(b"host", b"localhost"), (b"origin", b"http://a.example")]
        )
        return
    with pytest.raises(ConfigError, match="is not an origin"):
        LocalServer(access=Access(origins=(origin,)))


BOMB = '<!DOCTYPE a [<!ENTITY x "lol">]>'


@pytest.mark.parametrize(
    ("service", "method", "path", "body"),
    [
        ("s3", "PUT", "/guarded?cors", BOMB + "<CORSConfiguration>&x;</CORSConfiguration>"),
        ("s3", "PUT", "/guarded?tagging", BOMB + "<Tagging/>"),
        ("s3", "PUT", "/guarded?requestPayment", BOMB + "<RequestPaymentConfiguration/>"),
        ("s3", "PUT", "/guarded?inventory&id=x", BOMB + "<InventoryConfiguration/>"),
        ("s3", "POST", "/guarded?delete", BOMB + "<Delete/>"),
        ("s3", "PUT", "/guarded/page.html?tagging", BOMB + "<Tagging/>"),
        ("s3", "POST", "/guarded/page.html?restore", BOMB + "<RestoreRequest/>"),
        ("s3", "PUT", "/fresh-bucket-of-entities", BOMB + "<CreateBucketConfiguration/>"),
        ("s3", "PUT", "/guarded?versioning", (BOMB + "<VersioningConfiguration/>").encode("utf-16")),
        ("s3", "PUT", "/guarded?versioning", '<?xml version="1.0" encoding="utf-7"?><VersioningConfiguration/>'),
        ("s3", "POST", "/v20180820/jobs", BOMB + "<CreateJobRequest>&x;</CreateJobRequest>"),
        ("cloudfront", "POST", "/2020-05-31/distribution", BOMB + "<DistributionConfig>&x;</DistributionConfig>"),
        ("route53", "POST", "/2013-04-01/hostedzone", BOMB + "<CreateHostedZoneRequest>&x;</CreateHostedZoneRequest>"),
    ],
)
def test_xml_with_entities_is_refused_by_every_service_that_takes_xml(guarded, service, method, path, body):
    sent = body if isinstance(body, bytes) else body.encode()
    headers = {"Authorization": SIGNED.format(ACCOUNT, service), "x-amz-account-id": ACCOUNT}
    status, _, answered = ask(guarded.url, method, path, headers, sent)
    assert (status, b"MalformedXML" in answered) == (400, True), answered


def test_an_object_may_be_any_document(aws, guarded):
    s3 = aws("s3", url=guarded.url, account=ACCOUNT)
    s3.put_object(Bucket="guarded", Key="doctype.html", Body=BOMB.encode())
    assert s3.get_object(Bucket="guarded", Key="doctype.html")["Body"].read() == BOMB.encode()


def test_programs_without_browser_headers_are_served(aws, guarded):
    with urllib.request.urlopen(f"{guarded.url}/_windlass/status", timeout=10) as answer:
        assert answer.status == 200
    with pytest.raises(ClientError) as caught:
        aws("s3", url=guarded.url, account=ACCOUNT).get_object(Bucket="guarded", Key="absent")
    assert caught.value.response["Error"]["Code"] == "NoSuchKey"
    with pytest.raises(urllib.error.HTTPError) as error:  # undici sends this mode for every fetch of a program
        urllib.request.urlopen(
            urllib.request.Request(f"{guarded.url}/_windlass/nowhere", headers={"Sec-Fetch-Mode": "cors"}), timeout=10
        )
    assert error.value.code == 404
    error.value.close()
