"""An answer that AWS did not give decides nothing: neither its content nor its status is believed."""

import asyncio
import inspect
import itertools

import pytest

from tests.wire.server import access, answer, error, serve
from windlass.core.errors import AccessDenied, AwsError, Conflict, NotFound, Throttled, WindlassError
from windlass.wire import acls, s3, sqs
from windlass.wire.client import Client
from windlass.wire.copy_pipeline import CopyPipeline
from windlass.wire.copy_requests import CopyRequests
from windlass.wire.errors import UNIDENTIFIED, BadResponse
from windlass.wire.model import Call, Response

QUEUE = "http://localhost/111111111111/q"
CALLS = {
    "ListBuckets": (s3.list_buckets(), b"<ListAllMyBucketsResult><Buckets/></ListAllMyBucketsResult>"),
    "ListObjectsV2": (
        s3.list_objects("b"),
        b"<ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>",
    ),
    "ListObjectVersions": (
        s3.list_versions("b"),
        b"<ListVersionsResult><IsTruncated>false</IsTruncated></ListVersionsResult>",
    ),
    "GetObjectTagging": (s3.tags("b", "k"), b"<Tagging><TagSet/></Tagging>"),
    "GetBucketVersioning": (s3.versioning("b"), b"<VersioningConfiguration/>"),
    "ReceiveMessage": (sqs.receive(QUEUE), b"{}"),
    "GetQueueAttributes": (sqs.get_attributes(QUEUE), b"{}"),
    "DeleteMessageBatch": (sqs.delete(QUEUE, ["handle"]), b'{"Successful": [{"Id": "0"}], "Failed": []}'),
}
FOREIGN = {
    "a captive portal": b"<!DOCTYPE html><html><body>Sign in</body></html>",
    "a portal in XHTML": b"<html><body>Sign in</body></html>",
    "another document": b"<?xml version='1.0'?><Login/>",
    "an empty body": b"",
    "blanks": b"  ",
    "a JSON list": b"[]",
    "JSON null": b"null",
}


@pytest.mark.parametrize("operation", CALLS)
@pytest.mark.parametrize("foreign", FOREIGN)
def test_what_is_not_from_aws_is_no_answer(operation, foreign):
    call, _ = CALLS[operation]
    with pytest.raises(BadResponse):
        call.read(Response(200, {}, FOREIGN[foreign]))


@pytest.mark.parametrize("operation", CALLS)
def test_a_cut_answer_is_none_wherever_it_is_cut(operation):
    call, whole = CALLS[operation]
    call.read(Response(200, {}, whole))
    for at in range(len(whole)):
        with pytest.raises(BadResponse):
            call.read(Response(200, {}, whole[:at]))


# Errors that a proxy or a portal gives in the service's place

PART = s3.Part(1, "e")
COPY_FROM = {"source_bucket": "box", "source_key": "k"}
OPERATIONS = (
    s3.abort_upload("box", "k", upload_id="u"),
    s3.complete_upload("box", "k", upload_id="u", parts=[PART]),
    s3.copy("box", "k", **COPY_FROM),
    s3.copy_part("box", "k", upload_id="u", number=1, byte_range=(0, 9), **COPY_FROM),
    s3.create_upload("box", "k"),
    s3.delete("box", "k"),
    s3.get("box", "k"),
    s3.get_into(memoryview(bytearray(1000)), "box", "k", first=0),
    s3.head("box", "k", if_match="e"),
    s3.list_buckets(),
    s3.list_objects("box"),
    s3.list_versions("box"),
    s3.put("box", "k", b"content"),
    s3.restore("box", "k", days=1, tier="Bulk"),
    s3.tags("box", "k"),
    s3.upload_part("box", "k", upload_id="u", number=1, body=b"content"),
    s3.versioning("box"),
    acls.bucket_acl("box"),
    acls.object_acl("box", "k"),
    sqs.receive(QUEUE, wait_s=0),
    sqs.delete(QUEUE, ["handle"]),
    sqs.change_visibility(QUEUE, [("handle", 1)]),
    sqs.send(QUEUE, [sqs.Entry("body")]),
    sqs.get_attributes(QUEUE),
    sqs.get_url("q"),
)
STATUSES = (301, 302, 304, 307, 400, 401, 403, 404, 405, 407, 408, 409, 410, 412, 416, 429, 451, 500, 502, 503, 504)
ERROR_PAGES = {
    "nothing": (b"", ""),
    "a page": (b"<!DOCTYPE html><html><title>404 Not Found</title></html>", "text/html"),
    "XHTML with a code": (b"<html><Code>NoSuchKey</Code><Region>eu-west-1</Region></html>", "application/xhtml+xml"),
    "a gateway's JSON": (b'{"code": "NotFound", "message": "no route; expecting \'eu-west-1\'"}', "application/json"),
    "a JSON text": (b'{"__type": null, "code": "AccessDenied"}', "application/json"),
    "text": (b"Access denied", "text/plain"),
}
DECIDING = (AccessDenied, Conflict, NotFound)


def talk(*answers, calls, each=None):
    """The outcome of each call at a server that says the answers in turn, the last for ever; (outcomes, requests)."""

    async def main():
        left = list(answers)

        async def play(conversation):
            while await conversation.request() is not None:
                await conversation.say(left.pop(0) if len(left) > 1 else left[0])

        async with serve(play) as server, Client(access(server.url), draw=lambda: 0.0) as client:
            asking = [each(client, call) if each else client.send(call) for call in calls]
            return await asyncio.gather(*asking, return_exceptions=True), server.asked

    return asyncio.run(main())


def test_every_operation_of_the_wire_is_in_the_table():
    makers = [
        value
        for module in (s3, acls, sqs)
        for name in module.__all__
        if inspect.isfunction(value := getattr(module, name))
        and str(inspect.signature(value).return_annotation).startswith("Call[")
    ]
    assert len(makers) == len(OPERATIONS)
    assert all(isinstance(call, Call) for call in OPERATIONS)
    assert len({call.name for call in OPERATIONS}) == len(OPERATIONS) - 1  # GetObject is there twice


@pytest.mark.parametrize("page", ERROR_PAGES)
def test_an_error_that_the_service_did_not_give_decides_nothing(page):
    body, content_type = ERROR_PAGES[page]
    headers = {"content_type": content_type} if content_type else {}
    for status in STATUSES:
        outcomes, _ = talk(answer(status, body, request_id="", **headers), calls=OPERATIONS)
        for call, outcome in zip(OPERATIONS, outcomes, strict=True):
            assert isinstance(outcome, AwsError | Throttled), (call.name, status, outcome)
            assert not isinstance(outcome, DECIDING)
            if status < 500 and status != 429:
                assert (type(outcome), outcome.code) == (BadResponse, UNIDENTIFIED), (call.name, status)
                assert "proxy" in outcome.hint


def test_a_success_that_the_service_did_not_give_is_no_success():
    page = answer(200, b"<!DOCTYPE html><html>Sign in</html>", request_id="", content_type="text/html")
    outcomes, _ = talk(page, calls=OPERATIONS)
    assert [type(outcome) for outcome in outcomes] == [BadResponse] * len(OPERATIONS)


@pytest.mark.parametrize(
    ("status", "code", "kind"), [(404, "NoSuchKey", NotFound), (403, "AccessDenied", AccessDenied)]
)
def test_the_services_own_error_counts_by_its_id_or_by_its_document(status, code, kind):
    """Some S3-compatible services send no request id: their error documents are theirs all the same."""
    get = [call for call in OPERATIONS if call.name == "GetObject"]
    outcomes, asked = talk(error(status, code, request_id=""), calls=get)
    assert [type(outcome) for outcome in outcomes] == [kind] * 2
    assert len(asked) == 2
    outcomes, asked = talk(answer(status), calls=[s3.head("box", "k")])
    assert (type(outcomes[0]), len(asked)) == (kind, 1)


def test_an_error_to_a_head_without_an_id_is_confirmed_by_the_document_of_a_get():
    missing = answer(404, request_id="")
    document = error(404, "NoSuchKey", request_id="")
    outcomes, asked = talk(missing, document, calls=[s3.head("box", "k", if_match="e", version_id="v")])
    assert type(outcomes[0]) is NotFound
    assert [(each.method, each.target) for each in asked] == [
        (method, "/box/k?versionId=v") for method in ("HEAD", "GET")
    ]
    assert (asked[1].headers["range"], asked[1].headers["if-match"]) == ("bytes=0-0", '"e"')


@pytest.mark.parametrize(
    "confirmation",
    [
        answer(206, b"x", request_id="", etag='"e"'),
        error(403, "AccessDenied", request_id=""),
        answer(404, b"<html>", request_id=""),
    ],
)
def test_a_get_that_says_otherwise_confirms_nothing(confirmation):
    found = answer(200, request_id="", etag='"e"')
    outcomes, asked = talk(answer(404, request_id=""), confirmation, found, calls=[s3.head("box", "k")])
    assert outcomes[0].etag == "e"
    assert [each.method for each in asked] == ["HEAD", "GET", "HEAD"]


def test_a_receive_is_not_sent_again_after_a_proxys_answer():
    outcomes, asked = talk(answer(404, request_id=""), calls=[sqs.receive(QUEUE, wait_s=0)])
    assert (type(outcomes[0]), len(asked)) == (BadResponse, 1)


def test_streams_and_uploads_believe_no_page_either():
    async def streamed(client, call):
        async with client.stream(call) as (_, body):
            return [chunk async for chunk in body]

    async def upload(client, call):
        async def pieces():
            yield b"content"

        return await client.upload(call, 7, pieces())

    for status, body in itertools.product((302, 403, 404, 409), (b"", b"<html>")):
        page = answer(status, body, request_id="")
        assert type(talk(page, calls=[s3.get("box", "k")], each=streamed)[0][0]) is BadResponse
        assert type(talk(page, calls=[s3.put("box", "k", b"")], each=upload)[0][0]) is BadResponse


@pytest.mark.parametrize("status", [302, 403, 404, 409, 412])
def test_a_pages_status_says_nothing_of_a_copy(status):
    async def main():
        async def play(conversation):
            while await conversation.request() is not None:
                await conversation.say(answer(status, b"<html>Not here</html>", request_id=""))

        async with serve(play) as server, Client(access(server.url), draw=lambda: 0.0) as client:
            ended: asyncio.Future[WindlassError | None] = asyncio.get_running_loop().create_future()
            room = asyncio.Event()
            copies = CopyRequests("box", source_bucket="a")
            flow = CopyPipeline(
                client, copies, size=1, done=lambda _, failure: ended.set_result(failure), ready=room.set
            )
            while flow.room() < 1:
                await room.wait()
                room.clear()
            flow.send("token", "k", "e", "STANDARD")
            failure = await ended
            await flow.close()
            return failure

    failure = asyncio.run(main())
    assert (type(failure), failure.code) == (BadResponse, UNIDENTIFIED)
