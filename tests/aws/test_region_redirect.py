"""A bucket in another region is found as botocore finds it, and asked there at once the next time."""

import pytest

from tests.aws.generated import NOW, Pair
from windlass.aws.region_redirect import named_region, names_other_region
from windlass.estate.config import EstateConfig

TAGS = (
    200,
    {"x-amz-request-id": "1", "content-type": "application/xml"},
    b'<Tagging xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><TagSet></TagSet></Tagging>',
)


def error(status, code, *, header="", element=""):
    body = f"<Error><Code>{code}</Code><Message>m</Message>{element}<RequestId>1</RequestId></Error>"
    headers = {"x-amz-request-id": "1", "content-type": "application/xml"}
    return status, headers | ({"x-amz-bucket-region": header} if header else {}), body.encode()


REDIRECTS = {
    "header": error(301, "PermanentRedirect", header="eu-west-1"),
    "element": error(400, "AuthorizationHeaderMalformed", element="<Region>eu-west-1</Region>"),
    "head": error(301, "PermanentRedirect"),
    "opt-in": error(400, "IllegalLocationConstraintException", header="eu-west-1"),
}


@pytest.mark.parametrize("kind", REDIRECTS)
@pytest.mark.parametrize(
    "config", [EstateConfig(), EstateConfig(endpoint_url="http://127.0.0.1:1")], ids=["aws", "custom"]
)
def test_the_answer_comes_from_the_bucket_s_region(monkeypatch, kind, config):
    monkeypatch.setattr("botocore.auth.get_current_datetime", lambda *_: NOW.replace(tzinfo=None))
    pair, asked = Pair(config), []

    def respond(request):
        method, host, target, headers, _ = request
        asked.append((method, host, target))
        at_home = "/eu-west-1/s3/" in headers["authorization"]
        if method == "HEAD":
            return 200 if at_home else 301, {"x-amz-request-id": "1", "x-amz-bucket-region": "eu-west-1"}, b""
        return TAGS if at_home else REDIRECTS[kind]

    pair.network.respond = respond
    for _ in range(2):
        asked.clear()
        expected = pair.botocore("s3", "us-east-1", "GetBucketTagging", {"Bucket": "elsewhere"})
        botocores = list(asked)
        asked.clear()
        assert pair.generic("s3", "us-east-1", "GetBucketTagging", {"Bucket": "elsewhere"}) == expected
        assert expected[1] == {"TagSet": []}
        assert set(asked) <= set(botocores)
    assert [method for method, *_ in asked] == ["GET"]  # the second time


def test_an_error_that_names_no_region_stays_what_it_is():
    pair = Pair()
    pair.network.answer = error(403, "AccessDenied")
    _, (kind, shown) = pair.generic("s3", "us-east-1", "GetBucketTagging", {"Bucket": "elsewhere"})
    assert (kind, shown["Code"]) == ("ClientError", "AccessDenied")


@pytest.mark.parametrize("region", ["eu-west-1.evil.example", "EU", "", "a" * 41])
def test_no_host_name_is_made_of_what_is_no_region(region):
    answer = {"Error": {"Code": "PermanentRedirect", "Region": region}, "ResponseMetadata": {"HTTPHeaders": {}}}
    assert names_other_region("GetBucketTagging", answer)
    assert named_region(answer) == ""
