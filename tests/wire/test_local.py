"""Every typed call, as AWS answers it: against the embedded AWS over HTTP."""

import asyncio
import json
import urllib.request
import uuid

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.examples import examples
from tests.wire.server import access
from windlass.core.access import Keys
from windlass.core.errors import AccessDenied, AwsError, Conflict, NotFound, Throttled
from windlass.core.secret import Secret
from windlass.wire import s3, sqs
from windlass.wire.client import Client
from windlass.wire.model import Call, Request

ACCOUNT, OTHER = "111111111111", "222222222222"
MIB = 1 << 20
ODD = [
    "a",
    "a b",
    "a+b",
    "a%20b",
    "a%2Fb",
    "é",
    "e\u0301",
    "日本/語",
    "💥",
    "/a",
    "a//b",
    "a/",
    "&<>\"'",
    "a?b=c&d",
    "a#b",
    "~-_.!*()",
    "=",
    ";:@$,",
    "\\",
    "a" * 1000,
    "\t",
    "\x7f",
]


def fresh(prefix="wire"):
    return f"{prefix}-{uuid.uuid4().hex[:12]}"


def reach(url, service="s3", account=ACCOUNT):
    return access(url, service=service, keys=lambda: Keys(account, Secret("windlass-local")), account_id=account)


def plain(method, bucket, query="", body=b""):
    """A call that the wire has no name for."""
    return Call("Plain", Request(method, "/", query, body=body, bucket=bucket), lambda response: response.body)


@pytest.fixture
def s3_door(run, local_aws):
    """Runs `use(client, bucket)` on a bucket of its own."""

    def using(use, *, versions=False):
        async def main():
            async with Client(reach(local_aws.url), draw=lambda: 0.0) as client:
                bucket = fresh()
                await client.send(plain("PUT", bucket))
                if versions:
                    await client.send(
                        plain(
                            "PUT",
                            bucket,
                            "versioning=",
                            b"<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>",
                        )
                    )
                return await use(client, bucket)

        return run(main())

    return using


@pytest.fixture
def faults(local_aws):
    def order(*rules):
        request = urllib.request.Request(
            f"{local_aws.url}/_windlass/faults", json.dumps({"rules": rules}).encode(), method="PUT"
        )
        with urllib.request.urlopen(request, timeout=20) as answer:
            assert answer.status == 200

    yield order
    order()


def test_keys_of_all_shapes_come_back(s3_door):
    async def use(client, bucket):
        for key in ODD:
            await client.send(s3.put(bucket, key, key.encode()))
        found, token = [], ""
        while True:
            page = await client.send(s3.list_objects(bucket, count=7, token=token))
            found += page.objects
            if not (token := page.token):
                break
        assert [entry.key for entry in found] == sorted(ODD, key=str.encode)
        for entry in found:
            head, body = await client.send(s3.get(bucket, entry.key))
            assert body.decode() == entry.key
            assert (head.size_bytes, head.etag) == (entry.size_bytes, entry.etag)
            assert await client.send(s3.head(bucket, entry.key)) is not None
            copied = await client.send(s3.copy(bucket, f"copy/{entry.key}", source_bucket=bucket, source_key=entry.key))
            assert copied.etag == entry.etag
            await client.send(s3.delete(bucket, entry.key))
        left = await client.send(s3.list_objects(bucket))
        assert [entry.key for entry in left.objects] == sorted((f"copy/{key}" for key in ODD), key=str.encode)

    s3_door(use)


@settings(max_examples=examples(15), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.text(st.characters(exclude_categories=["Cs"], min_codepoint=1), min_size=1, max_size=60).filter(
            lambda key: set(key.split("/")).isdisjoint({".", ".."})
        ),
        min_size=1,
        max_size=5,
        unique=True,
    )
)
def test_any_key_comes_back(local_aws, keys):
    async def main():
        async with Client(reach(local_aws.url)) as client:
            bucket = fresh()
            await client.send(plain("PUT", bucket))
            for key in keys:
                await client.send(s3.put(bucket, key, key.encode()))
            found = (await client.send(s3.list_objects(bucket))).objects
            assert [entry.key for entry in found] == sorted(keys, key=str.encode)
            for entry in found:
                assert (await client.send(s3.get(bucket, entry.key)))[1].decode() == entry.key

    asyncio.run(main())


def test_what_a_head_says(s3_door):
    async def use(client, bucket):
        headers = {
            "Content-Type": "text/x",
            "x-amz-meta-a": "  b   c ",
            "x-amz-storage-class": "STANDARD_IA",
            "cache-control": "no-store",
        }
        put = await client.send(s3.put(bucket, "k", memoryview(b"hello"), headers=headers))
        head = await client.send(s3.head(bucket, "k"))
        assert (head.etag, head.size_bytes, head.version_id) == (put.etag, 5, "")
        assert {head.headers[name] for name in ("content-type", "cache-control")} == {"text/x", "no-store"}
        assert head.headers["x-amz-meta-a"].split() == ["b", "c"]
        head, body = await client.send(s3.get(bucket, "k", byte_range=(1, 2)))
        assert (body, head.content_range, head.size_bytes) == (b"el", "bytes 1-2/5", 2)
        assert (await client.send(s3.get(bucket, "k", byte_range=(3, None))))[1] == b"lo"
        assert (await client.send(s3.get(bucket, "k", if_match=put.etag)))[1] == b"hello"
        with pytest.raises(Conflict):
            await client.send(s3.get(bucket, "k", if_match="other"))
        with pytest.raises(NotFound):
            await client.send(s3.head(bucket, "missing"))
        with pytest.raises(NotFound):
            await client.send(s3.get("no-such-bucket-anywhere", "k"))
        (listed,) = (await client.send(s3.list_objects(bucket))).objects
        assert (listed.storage_class, listed.size_bytes, listed.last_modified[:2]) == ("STANDARD_IA", 5, "20")

    s3_door(use)


def test_an_archived_object_is_restored_and_its_head_says_so(s3_door):
    async def go(client, bucket):
        await client.send(s3.put(bucket, "k é", b"x", headers={"x-amz-storage-class": "GLACIER"}))
        assert "x-amz-restore" not in (await client.send(s3.head(bucket, "k é"))).headers
        assert await client.send(s3.restore(bucket, "k é", days=2, tier="Bulk")) is None
        assert 'ongoing-request="' in (await client.send(s3.head(bucket, "k é"))).headers["x-amz-restore"]

    s3_door(go)


def test_conditional_puts(s3_door):
    async def use(client, bucket):
        first = await client.send(s3.put(bucket, "lease", b"1", if_none_match=True))
        with pytest.raises(Conflict):
            await client.send(s3.put(bucket, "lease", b"2", if_none_match=True))
        second = await client.send(s3.put(bucket, "lease", b"2", if_match=first.etag))
        with pytest.raises(Conflict):
            await client.send(s3.put(bucket, "lease", b"3", if_match=f'"{first.etag}"'))
        assert (await client.send(s3.get(bucket, "lease", if_match=second.etag)))[1] == b"2"
        racers = await asyncio.gather(
            *(client.send(s3.put(bucket, "race", bytes([n]), if_none_match=True)) for n in range(8)),
            return_exceptions=True,
        )
        assert sorted(type(racer).__name__ for racer in racers) == ["Conflict"] * 7 + ["Put"]

    s3_door(use)


def test_uploads_in_parts(s3_door):
    async def use(client, bucket):
        big = bytes(range(256)) * (5 * MIB // 256)
        await client.send(s3.put(bucket, "source é", big + b"tail"))
        upload = await client.send(s3.create_upload(bucket, "k", headers={"x-amz-meta-a": "b"}))
        second = await client.send(
            s3.copy_part(
                bucket,
                "k",
                upload_id=upload,
                number=2,
                source_bucket=bucket,
                source_key="source é",
                byte_range=(0, 5 * MIB + 3),
            )
        )
        first = await client.send(s3.upload_part(bucket, "k", upload_id=upload, number=1, body=memoryview(big)))
        made = await client.send(s3.complete_upload(bucket, "k", upload_id=upload, parts=[second, first]))
        assert made.etag.endswith("-2")
        head, body = await client.send(s3.get(bucket, "k"))
        assert body == big + big + b"tail"
        assert (head.headers["x-amz-meta-a"], head.etag) == ("b", made.etag)
        other = await client.send(s3.create_upload(bucket, "k"))
        part = await client.send(s3.upload_part(bucket, "k", upload_id=other, number=1, body=b"x"))
        with pytest.raises(Conflict):
            await client.send(s3.complete_upload(bucket, "k", upload_id=other, parts=[part], if_none_match=True))
        await client.send(s3.abort_upload(bucket, "k", upload_id=other))
        with pytest.raises(NotFound):
            await client.send(s3.upload_part(bucket, "k", upload_id=other, number=2, body=b"x"))
        with pytest.raises(Conflict):
            await client.send(s3.copy(bucket, "c", source_bucket=bucket, source_key="k", if_match="other"))

    s3_door(use)


def test_large_bodies_are_streamed(s3_door):
    async def use(client, bucket):
        big = bytes(range(251)) * 40_000
        await client.send(s3.put(bucket, "k", big))
        async with client.stream(s3.get(bucket, "k")) as ((head, _), body):
            assert head.size_bytes == len(big)
            assert b"".join([chunk async for chunk in body]) == big
        with pytest.raises(AwsError, match="larger than"):
            await client.send(s3.get(bucket, "k", max_bytes=MIB))

    s3_door(use)


def test_prefixes_and_places_to_start(s3_door):
    async def use(client, bucket):
        for key in ("a/1", "a/2", "b c/1", "b+c/1", "z"):
            await client.send(s3.put(bucket, key, b""))
        page = await client.send(s3.list_objects(bucket, delimiter="/"))
        assert (page.prefixes, [entry.key for entry in page.objects]) == (["a/", "b c/", "b+c/"], ["z"])
        assert [entry.key for entry in (await client.send(s3.list_objects(bucket, prefix="b+"))).objects] == ["b+c/1"]
        assert [entry.key for entry in (await client.send(s3.list_objects(bucket, start_after="b c/1"))).objects] == [
            "b+c/1",
            "z",
        ]
        assert (await client.send(s3.list_objects(bucket, prefix="none"))).objects == []

    s3_door(use)


def test_versions_and_delete_markers(s3_door):
    async def use(client, bucket):
        made = {}
        for key in ("a b", "é", "k&k"):
            for number in range(3):
                made.setdefault(key, []).append((await client.send(s3.put(bucket, key, b"x" * number))).version_id)
        marker = await client.send(s3.delete(bucket, "é"))
        found, key_marker, version_marker = [], "", ""
        while True:
            page = await client.send(
                s3.list_versions(bucket, count=4, key_marker=key_marker, version_marker=version_marker)
            )
            found += page.versions
            key_marker, version_marker = page.key_marker, page.version_marker
            if not key_marker:
                break
        assert [entry.key for entry in found] == ["a b"] * 3 + ["k&k"] * 3 + ["é"] * 4
        assert [entry.version_id for entry in found if entry.key == "a b"] == made["a b"][::-1]
        assert next((entry.version_id, entry.latest, entry.marker) for entry in found if entry.key == "é") == (
            marker,
            True,
            True,
        )
        assert [entry.size_bytes for entry in found if entry.key == "k&k"] == [2, 1, 0]
        with pytest.raises(NotFound):
            await client.send(s3.get(bucket, "é"))
        old = made["é"][1]
        assert (await client.send(s3.head(bucket, "é", version_id=old))).version_id == old
        copied = await client.send(s3.copy(bucket, "back", source_bucket=bucket, source_key="é", source_version_id=old))
        assert copied.version_id
        assert (await client.send(s3.get(bucket, "back")))[1] == b"x"
        await client.send(s3.delete(bucket, "é", version_id=marker))
        assert (await client.send(s3.get(bucket, "é")))[1] == b"xx"

    s3_door(use, versions=True)


def test_a_bucket_of_somebody_else(s3_door):
    async def use(client, bucket):
        await client.send(s3.put(bucket, "k", b"x", owner=ACCOUNT))
        for call in (
            s3.put(bucket, "k", b"x", owner=OTHER),
            s3.get(bucket, "k", owner=OTHER),
            s3.head(bucket, "k", owner=OTHER),
            s3.delete(bucket, "k", owner=OTHER),
            s3.list_objects(bucket, owner=OTHER),
            s3.list_versions(bucket, owner=OTHER),
            s3.create_upload(bucket, "k", owner=OTHER),
            s3.copy(bucket, "c", source_bucket=bucket, source_key="k", owner=OTHER),
            s3.copy(bucket, "c", source_bucket=bucket, source_key="k", source_owner=OTHER),
        ):
            with pytest.raises(AccessDenied):
                await client.send(call)
        assert (await client.send(s3.get(bucket, "k", owner=ACCOUNT)))[1] == b"x"

    s3_door(use)


@pytest.mark.parametrize(
    ("rule", "kind"),
    [
        ({"kind": "drop"}, AwsError),
        ({"kind": "throttle"}, Throttled),
        ({"kind": "error", "status": 500}, AwsError),
        ({"kind": "error", "status": 400, "code": "RequestTimeout"}, AwsError),
    ],
)
def test_faults_that_pass_and_faults_that_stay(s3_door, faults, rule, kind):
    async def use(client, bucket):
        await client.send(s3.put(bucket, "k", b"hello"))
        faults(rule | {"bucket": bucket, "operation": "GetObject", "limit": 3})
        assert (await client.send(s3.get(bucket, "k")))[1] == b"hello"
        faults(rule | {"bucket": bucket, "operation": "GetObject"})
        with pytest.raises(kind):
            await client.send(s3.get(bucket, "k"))

    s3_door(use)


def test_a_service_that_hangs(run, local_aws, faults):
    async def main():
        async with Client(reach(local_aws.url)) as client:
            faults({"kind": "dead", "bucket": "hangs"})
            call = s3.get("hangs", "k")
            hasty = Call(call.name, call.request, call.read, call.retry_policy, 0.05)
            with pytest.raises(AwsError) as caught:
                await client.send(hasty)
            faults({"kind": "access_denied", "bucket": "hangs"})
            with pytest.raises(AccessDenied):
                await client.send(call)
            return caught.value.code

    assert run(main()) == "ReadTimeout"


# SQS


def new_queue(url, name, **attributes):
    import boto3

    client = boto3.client(
        "sqs",
        endpoint_url=url,
        region_name="us-east-1",
        aws_access_key_id=ACCOUNT,
        aws_secret_access_key="windlass-local",
    )
    try:
        return client.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]
    finally:
        client.close()


def test_the_sqs_calls(run, local_aws):
    async def main():
        name = fresh()
        url = new_queue(local_aws.url, name)
        async with Client(reach(local_aws.url, "sqs")) as client:
            assert (await client.send(sqs.get_url(name))).endswith(f"/{ACCOUNT}/{name}")
            attribute = {"a": {"DataType": "String", "StringValue": "é"}}
            entries = [sqs.Entry(f"body {n} é💥\n", attributes=attribute) for n in range(9)] + [
                sqs.Entry("later", delay_s=900)
            ]
            assert await client.send(sqs.send(url, entries)) == []
            said = await client.send(sqs.get_attributes(url))
            assert (said["ApproximateNumberOfMessages"], said["ApproximateNumberOfMessagesDelayed"]) == ("9", "1")
            got = await client.send(sqs.receive(url, wait_s=0, visibility_s=300))
            assert sorted(entry.body for entry in got) == [f"body {n} é💥\n" for n in range(9)]
            assert {
                (entry.receive_count, entry.group, entry.message_attributes["a"]["StringValue"]) for entry in got
            } == {(1, "", "é")}
            assert all(entry.sent_ms > 1e12 for entry in got)
            assert await client.send(sqs.receive(url, wait_s=0)) == []
            assert await client.send(sqs.delete(url, [entry.receipt for entry in got[:5]])) == []
            assert await client.send(sqs.change_visibility(url, [(entry.receipt, 0) for entry in got[5:]])) == []
            again = await client.send(sqs.receive(url, wait_s=0))
            assert {entry.message_id for entry in again} == {entry.message_id for entry in got[5:]}
            assert {entry.receive_count for entry in again} == {2}
            failed = await client.send(sqs.delete(url, [again[0].receipt, "no receipt"]))
            assert [(entry.index, entry.is_sender_fault) for entry in failed] == [(1, True)]
            failed = await client.send(sqs.change_visibility(url, [("no receipt", 10), (again[1].receipt, 10)]))
            assert [entry.index for entry in failed] == [0]
            with pytest.raises(NotFound):
                await client.send(sqs.receive(url + "-missing", wait_s=0))

    run(main())


def test_groups_and_a_long_poll(run, local_aws):
    async def main():
        url = new_queue(local_aws.url, fresh() + ".fifo", FifoQueue="true")
        async with Client(reach(local_aws.url, "sqs")) as client:
            waiting = asyncio.create_task(client.send(sqs.receive(url, wait_s=20)))
            await asyncio.sleep(0.05)
            entries = [sqs.Entry(f"{n}", group=f"g{n % 2}", deduplication_id=f"{n // 2}") for n in range(4)]
            assert await client.send(sqs.send(url, entries)) == []
            async with asyncio.timeout(10):
                found = await waiting
            assert found[0].group in ("g0", "g1")
            assert (await client.send(sqs.send(url, [sqs.Entry("again", group="g0", deduplication_id="0")]))) == []

    run(main())


def test_a_cancelled_long_poll_lets_go(run, local_aws):
    async def main():
        url = new_queue(local_aws.url, fresh())
        async with Client(reach(local_aws.url, "sqs"), connections=1) as client:
            # The server may hand the poll a message before it knows that nobody waits: hidden for a second, then.
            waiting = asyncio.create_task(client.send(sqs.receive(url, wait_s=20, visibility_s=1)))
            await asyncio.sleep(0.1)
            waiting.cancel()
            async with asyncio.timeout(15):
                await client.send(sqs.send(url, [sqs.Entry("x")]))
                return [entry.body for entry in await client.send(sqs.receive(url, wait_s=5))]

    assert run(main()) == ["x"]
