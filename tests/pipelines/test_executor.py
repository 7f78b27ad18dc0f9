"""The executor on the embedded AWS: outputs, conditions, large objects in parts, many outputs, deletes, concurrent changes."""

import datetime as dt
import gzip
import io
import itertools
import threading
import time
import zipfile

import boto3
import pytest
from prometheus_client import CollectorRegistry, generate_latest

from windlass.core.errors import AwsError, NotFound
from windlass.estate.config import AccountConfig, EstateConfig
from windlass.estate.service import open_estate
from windlass.events import Kind, ObjectEvent
from windlass.pipelines.config import PipelineConfig
from windlass.pipelines.delivery import DeliveryOutcome
from windlass.pipelines.executor import PipelineClients, process
from windlass.pipelines.model import Reason, Rejected
from windlass.pipelines.pipeline import build
from windlass.pipelines.runner import PipelineRunner
from windlass.wire.blocking_client import BlockingClient
from windlass_local.server import LocalServer

ACCOUNT, REGION = "777788880025", "us-east-1"
MIB = 1 << 20
_NUMBERS = itertools.count()


@pytest.fixture(scope="module")
def aws():
    with LocalServer() as server:
        yield server


@pytest.fixture(scope="module")
def s3(aws):
    keys = {"aws_access_key_id": ACCOUNT, "aws_secret_access_key": "windlass-local", "region_name": REGION}
    client = boto3.client("s3", endpoint_url=aws.url, **keys)
    yield client
    client.close()


@pytest.fixture(scope="module")
def clients(aws):
    config = EstateConfig(endpoint_url=aws.url, accounts=[AccountConfig(id=ACCOUNT)])
    with open_estate(config, {}) as estate, BlockingClient(estate.access(ACCOUNT, REGION, "s3")) as client:

        def tags(bucket, key, version_id):
            version = {"VersionId": version_id} if version_id else {}
            answer = estate.call(ACCOUNT, REGION, "s3", "GetObjectTagging", Bucket=bucket, Key=key, **version)
            return {tag["Key"]: tag["Value"] for tag in answer["TagSet"]}

        yield PipelineClients(client, client, tags)


@pytest.fixture
def buckets(s3):
    number = next(_NUMBERS)
    raw, out = f"raw-{number}", f"out-{number}"
    for bucket in (raw, out):
        s3.create_bucket(Bucket=bucket)
    return raw, out


def pipeline(buckets, **options):
    raw, out = buckets
    plain = {
        "name": "p",
        "source": f"s3://{raw}/in/",
        "target": f"s3://{out}/{{path}}.json",
        "transform": "yaml-to-json",
    }
    return build(PipelineConfig.model_validate(plain | options))


def event(buckets, key, sequencer="01", kind=Kind.CREATED):
    name = "ObjectCreated:Put" if kind is Kind.CREATED else "ObjectRemoved:Delete"
    return ObjectEvent(kind=kind, name=name, bucket=buckets[0], key=key, sequencer=sequencer)


def read(s3, bucket, key):
    return s3.get_object(Bucket=bucket, Key=key)["Body"].read()


def test_an_object_is_transformed_once_with_its_attributes(s3, clients, buckets):
    raw, out = buckets
    s3.put_object(Bucket=raw, Key="in/a b+ü.yaml", Body=b"n: 1\n", Metadata={"owner": "ops"}, Tagging="team=web&x=1")
    configured = pipeline(
        buckets, metadata={"by": "windlass"}, tags="keep", content_type="application/json; charset=utf-8"
    )
    first = process(configured, clients, raw, "in/a b+ü.yaml", event(buckets, "in/a b+ü.yaml"))
    assert (first.outcome, first.outputs) == (DeliveryOutcome.WRITTEN, ("a b+ü.yaml.json",))
    assert read(s3, out, "a b+ü.yaml.json").strip() == b'{"n":1}'
    head = s3.head_object(Bucket=out, Key="a b+ü.yaml.json")
    assert head["ContentType"] == "application/json; charset=utf-8"
    assert {name: head["Metadata"][name] for name in ("owner", "by")} == {"owner": "ops", "by": "windlass"}
    tags = s3.get_object_tagging(Bucket=out, Key="a b+ü.yaml.json")["TagSet"]
    assert {tag["Key"]: tag["Value"] for tag in tags} == {"team": "web", "x": "1"}
    repeated = process(configured, clients, raw, "in/a b+ü.yaml", event(buckets, "in/a b+ü.yaml"))
    assert (repeated.outcome, repeated.outputs) == (DeliveryOutcome.DUPLICATE, ())


def test_an_older_event_never_replaces_a_newer_result(s3, clients, buckets):
    raw, out = buckets
    configured = pipeline(buckets)
    s3.put_object(Bucket=raw, Key="in/a.yaml", Body=b"n: 2\n")
    assert (
        process(configured, clients, raw, "in/a.yaml", event(buckets, "in/a.yaml", "02")).outcome
        is DeliveryOutcome.WRITTEN
    )
    assert (
        process(configured, clients, raw, "in/a.yaml", event(buckets, "in/a.yaml", "01")).outcome
        is DeliveryOutcome.DUPLICATE
    )
    s3.put_object(Bucket=raw, Key="in/a.yaml", Body=b"n: 3\n")
    assert (
        process(configured, clients, raw, "in/a.yaml", event(buckets, "in/a.yaml", "03")).outcome
        is DeliveryOutcome.WRITTEN
    )
    assert read(s3, out, "a.yaml.json").strip() == b'{"n":3}'


def test_a_foreign_object_is_not_overwritten(s3, clients, buckets):
    raw, out = buckets
    s3.put_object(Bucket=raw, Key="in/a.yaml", Body=b"n: 1\n")
    s3.put_object(Bucket=out, Key="a.yaml.json", Body=b"by hand")
    assert (
        process(pipeline(buckets), clients, raw, "in/a.yaml", event(buckets, "in/a.yaml")).outcome
        is DeliveryOutcome.COLLISION
    )
    assert read(s3, out, "a.yaml.json") == b"by hand"


def test_a_deleted_source_is_not_a_failure(clients, buckets):
    assert (
        process(pipeline(buckets), clients, buckets[0], "in/x", event(buckets, "in/x")).outcome is DeliveryOutcome.GONE
    )


def test_a_missing_bucket_is_a_failure(clients, buckets):
    configured = pipeline(buckets, source="s3://no-such-bucket-at-all/in/")
    with pytest.raises(NotFound):
        process(configured, clients, "no-such-bucket-at-all", "in/x", event(buckets, "in/x"))


def test_an_empty_object_is_transformed(s3, clients, buckets):
    raw, out = buckets
    s3.put_object(Bucket=raw, Key="in/empty", Body=b"")
    assert process(pipeline(buckets, transform="copy"), clients, raw, "in/empty").outcome is DeliveryOutcome.WRITTEN
    assert read(s3, out, "empty.json") == b""


def test_a_large_object_is_read_and_written_in_parts(s3, clients, buckets):
    raw, out = buckets
    content = b"".join(f"line {at:09}\n".encode() for at in range(1_600_000))  # 23 MB
    s3.put_object(Bucket=raw, Key="in/big.txt", Body=content)
    configured = pipeline(buckets, transform=[{"step": "copy"}], part_bytes=5 * MIB, target=f"s3://{out}/{{path}}")
    result = process(configured, clients, raw, "in/big.txt", event(buckets, "in/big.txt"))
    assert (result.outcome, result.read_bytes, result.written_bytes) == (
        DeliveryOutcome.WRITTEN,
        len(content),
        len(content),
    )
    assert read(s3, out, "big.txt") == content
    assert s3.head_object(Bucket=out, Key="big.txt")["ETag"].endswith('-5"')
    assert (
        process(configured, clients, raw, "in/big.txt", event(buckets, "in/big.txt")).outcome
        is DeliveryOutcome.DUPLICATE
    )
    assert "Uploads" not in s3.list_multipart_uploads(Bucket=out)


def test_a_rejected_large_object_leaves_no_multipart_upload(s3, clients, buckets):
    raw, out = buckets
    import random

    noise = random.Random(1).randbytes(12 * MIB)
    s3.put_object(Bucket=raw, Key="in/cut.gz", Body=gzip.compress(noise, 1)[:-100])
    configured = pipeline(buckets, transform="gunzip", part_bytes=5 * MIB, target=f"s3://{out}/{{path}}.raw")
    with pytest.raises(Rejected) as refused:
        process(configured, clients, raw, "in/cut.gz")
    assert refused.value.reason is Reason.TRUNCATED
    assert "Contents" not in s3.list_objects_v2(Bucket=out)
    assert "Uploads" not in s3.list_multipart_uploads(Bucket=out)


def zipped(files):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files:
            archive.writestr(name, content)
    return buffer.getvalue()


def test_an_archive_becomes_many_objects(s3, clients, buckets):
    raw, out = buckets
    s3.put_object(Bucket=raw, Key="in/a.zip", Body=zipped([("x/1.txt", "one"), ("x/2.txt", "two")]))
    configured = pipeline(buckets, transform="unzip", target=f"s3://{out}/{{stem}}/{{member}}")
    result = process(configured, clients, raw, "in/a.zip", event(buckets, "in/a.zip"))
    assert result.outputs == ("a/x/1.txt", "a/x/2.txt")
    assert read(s3, out, "a/x/2.txt") == b"two"


def test_no_output_is_written_when_one_of_many_is_rejected(s3, clients, buckets):
    raw, out = buckets
    s3.put_object(Bucket=raw, Key="in/bad.zip", Body=zipped([("1.txt", "one"), ("../../etc/passwd", "no")]))
    configured = pipeline(buckets, transform="unzip", target=f"s3://{out}/{{stem}}/{{member}}")
    with pytest.raises(Rejected) as refused:
        process(configured, clients, raw, "in/bad.zip")
    assert refused.value.reason is Reason.UNSAFE_NAME
    s3.put_object(Bucket=raw, Key="in/twice.zip", Body=zipped([("a/1.txt", "one"), ("b/1.txt", "two")]))
    configured = pipeline(buckets, transform="unzip", target=f"s3://{out}/{{stem}}/{{name}}")
    with pytest.raises(Rejected) as refused:
        process(configured, clients, raw, "in/twice.zip")
    assert refused.value.reason is Reason.COLLISION
    assert "Contents" not in s3.list_objects_v2(Bucket=out)


def test_a_delete_is_mirrored_and_foreign_objects_stay(s3, clients, buckets):
    raw, out = buckets
    configured = pipeline(buckets, mirror_deletes=True)
    s3.put_object(Bucket=raw, Key="in/a.yaml", Body=b"n: 1\n")
    process(configured, clients, raw, "in/a.yaml", event(buckets, "in/a.yaml", "01"))
    s3.delete_object(Bucket=raw, Key="in/a.yaml")
    removal = event(buckets, "in/a.yaml", "02", Kind.REMOVED)
    assert process(configured, clients, raw, "in/a.yaml", removal).outcome is DeliveryOutcome.DELETED
    assert "Contents" not in s3.list_objects_v2(Bucket=out)
    s3.put_object(Bucket=out, Key="b.yaml.json", Body=b"by hand")
    assert (
        process(configured, clients, raw, "in/b.yaml", event(buckets, "in/b.yaml", "03", Kind.REMOVED)).outcome
        is DeliveryOutcome.GONE
    )
    assert read(s3, out, "b.yaml.json") == b"by hand"


def test_a_removal_of_an_object_that_exists_again_writes_its_output(s3, clients, buckets):
    raw, out = buckets
    s3.put_object(Bucket=raw, Key="in/a.yaml", Body=b"n: 9\n")
    configured = pipeline(buckets, mirror_deletes=True)
    assert (
        process(configured, clients, raw, "in/a.yaml", event(buckets, "in/a.yaml", "01", Kind.REMOVED)).outcome
        is DeliveryOutcome.WRITTEN
    )
    assert read(s3, out, "a.yaml.json").strip() == b'{"n":9}'


def test_another_recipe_replaces_the_output(s3, clients, buckets):
    raw, out = buckets
    s3.put_object(Bucket=raw, Key="in/a.yaml", Body=b"n: 1\n")
    assert process(pipeline(buckets), clients, raw, "in/a.yaml").outcome is DeliveryOutcome.WRITTEN
    assert process(pipeline(buckets), clients, raw, "in/a.yaml").outcome is DeliveryOutcome.DUPLICATE
    renewed = pipeline(buckets, metadata={"x": "1"})
    assert process(renewed, clients, raw, "in/a.yaml").outcome is DeliveryOutcome.WRITTEN
    assert s3.head_object(Bucket=out, Key="a.yaml.json")["Metadata"]["x"] == "1"


def test_headers_of_the_source_are_preserved(s3, clients, buckets):
    raw, out = buckets
    headers = {"CacheControl": "max-age=5", "ContentLanguage": "de", "StorageClass": "STANDARD_IA"}
    coded = {"ContentEncoding": "gzip", "ContentDisposition": "attachment"}
    s3.put_object(
        Bucket=raw, Key="in/a.gz", Body=gzip.compress(b"x"), ContentType="application/gzip", **headers, **coded
    )

    def head_of_output(transform, **options):
        target = f"s3://{out}/{transform}/{{name}}"
        configured = pipeline(buckets, name=transform, transform=transform, target=target, **options)
        (key,) = process(configured, clients, raw, "in/a.gz").outputs
        return s3.head_object(Bucket=out, Key=key)

    copied = head_of_output("copy", storage_class="keep")
    assert {name: copied.get(name) for name in (*headers, *coded)} == headers | coded
    assert copied["ContentType"] == "application/gzip"
    opened = head_of_output("gunzip")
    assert [opened.get(name) for name in ("CacheControl", "ContentLanguage")] == ["max-age=5", "de"]
    assert [opened.get(name) for name in ("ContentEncoding", "ContentDisposition", "StorageClass")] == [None] * 3
    assert opened["ContentType"] != "application/gzip"  # the content is expanded now


def test_large_objects_wait_for_a_slot_and_small_ones_do_not(s3, clients, buckets):
    raw, out = buckets
    s3.put_object(Bucket=raw, Key="in/small", Body=b"x")
    s3.put_object(Bucket=raw, Key="in/large", Body=b"x" * (6 * MIB))
    one_slot = PipelineClients(clients.source, clients.target, clients.tags, threading.Semaphore(1))
    configured = pipeline(buckets, transform="copy", part_bytes=5 * MIB, target=f"s3://{out}/{{path}}")
    one_slot.large.acquire()
    assert process(configured, one_slot, raw, "in/small").outcome is DeliveryOutcome.WRITTEN
    ended = []
    waiting = threading.Thread(target=lambda: ended.append(process(configured, one_slot, raw, "in/large").outcome))
    waiting.start()
    waiting.join(0.5)
    assert ended == []
    one_slot.large.release()
    waiting.join(30)
    assert ended == [DeliveryOutcome.WRITTEN]
    assert one_slot.large.acquire(timeout=1)  # the slot was released


def test_a_repeated_event_of_a_large_object_uploads_nothing(s3, clients, buckets):
    raw, out = buckets
    s3.put_object(Bucket=raw, Key="in/large", Body=b"x" * (12 * MIB))
    configured = pipeline(buckets, transform="copy", part_bytes=5 * MIB, target=f"s3://{out}/{{path}}")
    assert process(configured, clients, raw, "in/large", event(buckets, "in/large")).outcome is DeliveryOutcome.WRITTEN

    class NoUploads:
        def send(self, call):
            assert call.name != "CreateMultipartUpload"
            return clients.target.send(call)

        submit = clients.target.submit

    watched = PipelineClients(clients.source, NoUploads(), clients.tags)
    assert (
        process(configured, watched, raw, "in/large", event(buckets, "in/large")).outcome is DeliveryOutcome.DUPLICATE
    )


def test_an_upload_with_too_much_metadata_is_rejected(s3, clients, buckets):
    """The embedded AWS accepts any metadata for a multipart upload; S3 limits it to 2 KB."""
    raw, out = buckets
    s3.put_object(Bucket=raw, Key="in/large", Body=b"x" * (6 * MIB))
    configured = pipeline(buckets, transform="copy", part_bytes=5 * MIB, target=f"s3://{out}/{{path}}")

    class Narrow:
        def send(self, call):
            if call.name == "CreateMultipartUpload":
                raise AwsError(
                    "Your metadata headers exceed the maximum allowed metadata size", code="MetadataTooLarge"
                )
            return clients.target.send(call)

    with pytest.raises(Rejected) as caught:
        process(configured, PipelineClients(clients.source, Narrow(), clients.tags), raw, "in/large")
    assert caught.value.reason is Reason.UNSUPPORTED


def test_a_failed_pipeline_does_not_stop_the_others(s3, clients, buckets):
    raw, out = buckets
    s3.put_object(Bucket=raw, Key="in/a.yaml", Body=b"n: 1\n")
    failing = pipeline(buckets, name="failing", target="s3://no-such-bucket-at-all/{key}")
    runner = PipelineRunner([(failing, clients), (pipeline(buckets), clients)])
    with pytest.raises(NotFound):
        runner.handle([event(buckets, "in/a.yaml")])
    assert read(s3, out, "a.yaml.json").strip() == b'{"n":1}'


def test_outcomes_are_counted_in_prometheus(s3, clients, buckets):
    raw, _ = buckets
    s3.put_object(Bucket=raw, Key="in/a.yaml", Body=b"n: 1\n")
    s3.put_object(Bucket=raw, Key="in/b.yaml", Body=b"n: [\n")
    runner = PipelineRunner([(pipeline(buckets), clients)])
    runner.handle([event(buckets, key) for key in ("in/a.yaml", "in/a.yaml", "in/b.yaml")])
    registry = CollectorRegistry()
    registry.register(runner.metrics)
    series = {
        line.rsplit(" ", 1)[0]: float(line.rsplit(" ", 1)[1])
        for line in generate_latest(registry).decode().splitlines()
        if not line.startswith("#")
    }
    assert series['windlass_pipeline_objects_total{outcome="written",pipeline="p"}'] == 1
    assert series['windlass_pipeline_objects_total{outcome="duplicate",pipeline="p"}'] == 1
    assert series['windlass_pipeline_refused_total{pipeline="p",reason="malformed"}'] == 1
    assert series['windlass_pipeline_written_bytes_total{pipeline="p"}'] == len(b'{"n":1}\n')


def test_only_a_completed_restoration_is_a_change(s3, clients, buckets):
    raw, _ = buckets
    s3.put_object(Bucket=raw, Key="in/a.yaml", Body=b"n: 1\n")
    runner = PipelineRunner([(pipeline(buckets), clients)])

    def restored(name):
        return runner.handle([ObjectEvent(kind=Kind.RESTORED, name=name, bucket=raw, key="in/a.yaml")])

    assert [restored(f"ObjectRestore:{end}") for end in ("Post", "Completed", "Delete")] == [0, 1, 0]


def test_counts_are_written_without_a_further_object(s3, clients, buckets, tmp_path):
    from windlass.pipelines.store import totals
    from windlass.store.config import StoreConfig
    from windlass.store.database import open_store

    raw, _ = buckets
    s3.put_object(Bucket=raw, Key="in/a.yaml", Body=b"n: 1\n")
    with open_store(StoreConfig(url=f"sqlite:///{tmp_path}/w.db")) as store:
        runner = PipelineRunner([(pipeline(buckets), clients)], lambda: store)
        with runner.flushing():
            runner.handle([event(buckets, "in/a.yaml")])
            for _ in range(100):
                with store.read() as connection:
                    counts = totals(connection, since=dt.datetime(2020, 1, 1, tzinfo=dt.UTC))
                if counts:
                    break
                time.sleep(0.1)
        assert counts["p"]["written"] == 1
