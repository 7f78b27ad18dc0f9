"""The executor on the embedded AWS: outputs, conditions, large ones in parts, many, deletes, and what changes in between."""

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
from windlass.pipelines.delivery import Outcome
from windlass.pipelines.executor import Clients, process
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
            more = {"VersionId": version_id} if version_id else {}
            found = estate.call(ACCOUNT, REGION, "s3", "GetObjectTagging", Bucket=bucket, Key=key, **more)
            return {one["Key"]: one["Value"] for one in found["TagSet"]}

        yield Clients(client, client, tags)


@pytest.fixture
def buckets(s3):
    number = next(_NUMBERS)
    raw, out = f"raw-{number}", f"out-{number}"
    for one in (raw, out):
        s3.create_bucket(Bucket=one)
    return raw, out


def pipeline(buckets, **given):
    raw, out = buckets
    plain = {
        "name": "p",
        "source": f"s3://{raw}/in/",
        "target": f"s3://{out}/{{path}}.json",
        "transform": "yaml-to-json",
    }
    return build(PipelineConfig.model_validate(plain | given))


def event(buckets, key, sequencer="01", kind=Kind.CREATED):
    name = "ObjectCreated:Put" if kind is Kind.CREATED else "ObjectRemoved:Delete"
    return ObjectEvent(kind=kind, name=name, bucket=buckets[0], key=key, sequencer=sequencer)


def read(s3, bucket, key):
    return s3.get_object(Bucket=bucket, Key=key)["Body"].read()


def test_an_object_is_transformed_once_with_what_it_carries(s3, clients, buckets):
    raw, out = buckets
    s3.put_object(Bucket=raw, Key="in/a b+ü.yaml", Body=b"n: 1\n", Metadata={"owner": "ops"}, Tagging="team=web&x=1")
    made = pipeline(buckets, metadata={"by": "windlass"}, tags="keep", content_type="application/json; charset=utf-8")
    first = process(made, clients, raw, "in/a b+ü.yaml", event(buckets, "in/a b+ü.yaml"))
    assert (first.outcome, first.outputs) == (Outcome.WRITTEN, ("a b+ü.yaml.json",))
    assert read(s3, out, "a b+ü.yaml.json").strip() == b'{"n":1}'
    head = s3.head_object(Bucket=out, Key="a b+ü.yaml.json")
    assert head["ContentType"] == "application/json; charset=utf-8"
    assert {name: head["Metadata"][name] for name in ("owner", "by")} == {"owner": "ops", "by": "windlass"}
    tags = s3.get_object_tagging(Bucket=out, Key="a b+ü.yaml.json")["TagSet"]
    assert {one["Key"]: one["Value"] for one in tags} == {"team": "web", "x": "1"}
    again = process(made, clients, raw, "in/a b+ü.yaml", event(buckets, "in/a b+ü.yaml"))
    assert (again.outcome, again.outputs) == (Outcome.DUPLICATE, ())


def test_an_older_event_never_replaces_a_newer_result(s3, clients, buckets):
    raw, out = buckets
    made = pipeline(buckets)
    s3.put_object(Bucket=raw, Key="in/a.yaml", Body=b"n: 2\n")
    assert process(made, clients, raw, "in/a.yaml", event(buckets, "in/a.yaml", "02")).outcome is Outcome.WRITTEN
    assert process(made, clients, raw, "in/a.yaml", event(buckets, "in/a.yaml", "01")).outcome is Outcome.DUPLICATE
    s3.put_object(Bucket=raw, Key="in/a.yaml", Body=b"n: 3\n")
    assert process(made, clients, raw, "in/a.yaml", event(buckets, "in/a.yaml", "03")).outcome is Outcome.WRITTEN
    assert read(s3, out, "a.yaml.json").strip() == b'{"n":3}'


def test_somebody_elses_object_is_not_overwritten(s3, clients, buckets):
    raw, out = buckets
    s3.put_object(Bucket=raw, Key="in/a.yaml", Body=b"n: 1\n")
    s3.put_object(Bucket=out, Key="a.yaml.json", Body=b"by hand")
    assert (
        process(pipeline(buckets), clients, raw, "in/a.yaml", event(buckets, "in/a.yaml")).outcome is Outcome.COLLISION
    )
    assert read(s3, out, "a.yaml.json") == b"by hand"


def test_a_source_that_is_gone_is_no_failure(clients, buckets):
    assert process(pipeline(buckets), clients, buckets[0], "in/x", event(buckets, "in/x")).outcome is Outcome.GONE


def test_a_bucket_that_is_gone_is_a_failure(clients, buckets):
    made = pipeline(buckets, source="s3://no-such-bucket-at-all/in/")
    with pytest.raises(NotFound):
        process(made, clients, "no-such-bucket-at-all", "in/x", event(buckets, "in/x"))


def test_an_empty_object_passes(s3, clients, buckets):
    raw, out = buckets
    s3.put_object(Bucket=raw, Key="in/empty", Body=b"")
    assert process(pipeline(buckets, transform="copy"), clients, raw, "in/empty").outcome is Outcome.WRITTEN
    assert read(s3, out, "empty.json") == b""


def test_a_large_object_goes_through_in_parts_and_comes_out_whole(s3, clients, buckets):
    raw, out = buckets
    content = b"".join(f"line {at:09}\n".encode() for at in range(1_600_000))  # 23 MB
    s3.put_object(Bucket=raw, Key="in/big.txt", Body=content)
    made = pipeline(buckets, transform=[{"step": "copy"}], part_bytes=5 * MIB, target=f"s3://{out}/{{path}}")
    found = process(made, clients, raw, "in/big.txt", event(buckets, "in/big.txt"))
    assert (found.outcome, found.read_bytes, found.written_bytes) == (Outcome.WRITTEN, len(content), len(content))
    assert read(s3, out, "big.txt") == content
    assert s3.head_object(Bucket=out, Key="big.txt")["ETag"].endswith('-5"')
    assert process(made, clients, raw, "in/big.txt", event(buckets, "in/big.txt")).outcome is Outcome.DUPLICATE
    assert "Uploads" not in s3.list_multipart_uploads(Bucket=out)


def test_a_refused_large_object_leaves_no_upload_behind(s3, clients, buckets):
    raw, out = buckets
    import random

    noise = random.Random(1).randbytes(12 * MIB)
    s3.put_object(Bucket=raw, Key="in/cut.gz", Body=gzip.compress(noise, 1)[:-100])
    made = pipeline(buckets, transform="gunzip", part_bytes=5 * MIB, target=f"s3://{out}/{{path}}.raw")
    with pytest.raises(Rejected) as refused:
        process(made, clients, raw, "in/cut.gz")
    assert refused.value.reason is Reason.TRUNCATED
    assert "Contents" not in s3.list_objects_v2(Bucket=out)
    assert "Uploads" not in s3.list_multipart_uploads(Bucket=out)


def zipped(files):
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files:
            archive.writestr(name, content)
    return made.getvalue()


def test_an_archive_becomes_many_objects(s3, clients, buckets):
    raw, out = buckets
    s3.put_object(Bucket=raw, Key="in/a.zip", Body=zipped([("x/1.txt", "one"), ("x/2.txt", "two")]))
    made = pipeline(buckets, transform="unzip", target=f"s3://{out}/{{stem}}/{{member}}")
    found = process(made, clients, raw, "in/a.zip", event(buckets, "in/a.zip"))
    assert found.outputs == ("a/x/1.txt", "a/x/2.txt")
    assert read(s3, out, "a/x/2.txt") == b"two"


def test_of_many_outputs_none_is_written_when_one_is_refused(s3, clients, buckets):
    raw, out = buckets
    s3.put_object(Bucket=raw, Key="in/bad.zip", Body=zipped([("1.txt", "one"), ("../../etc/passwd", "no")]))
    made = pipeline(buckets, transform="unzip", target=f"s3://{out}/{{stem}}/{{member}}")
    with pytest.raises(Rejected) as refused:
        process(made, clients, raw, "in/bad.zip")
    assert refused.value.reason is Reason.UNSAFE_NAME
    s3.put_object(Bucket=raw, Key="in/twice.zip", Body=zipped([("a/1.txt", "one"), ("b/1.txt", "two")]))
    made = pipeline(buckets, transform="unzip", target=f"s3://{out}/{{stem}}/{{name}}")
    with pytest.raises(Rejected) as refused:
        process(made, clients, raw, "in/twice.zip")
    assert refused.value.reason is Reason.COLLISION
    assert "Contents" not in s3.list_objects_v2(Bucket=out)


def test_a_delete_is_mirrored_and_another_ones_object_is_left_alone(s3, clients, buckets):
    raw, out = buckets
    made = pipeline(buckets, mirror_deletes=True)
    s3.put_object(Bucket=raw, Key="in/a.yaml", Body=b"n: 1\n")
    process(made, clients, raw, "in/a.yaml", event(buckets, "in/a.yaml", "01"))
    s3.delete_object(Bucket=raw, Key="in/a.yaml")
    removal = event(buckets, "in/a.yaml", "02", Kind.REMOVED)
    assert process(made, clients, raw, "in/a.yaml", removal).outcome is Outcome.DELETED
    assert "Contents" not in s3.list_objects_v2(Bucket=out)
    s3.put_object(Bucket=out, Key="b.yaml.json", Body=b"by hand")
    assert (
        process(made, clients, raw, "in/b.yaml", event(buckets, "in/b.yaml", "03", Kind.REMOVED)).outcome
        is Outcome.GONE
    )
    assert read(s3, out, "b.yaml.json") == b"by hand"


def test_a_removal_of_an_object_that_is_there_again_makes_its_output(s3, clients, buckets):
    raw, out = buckets
    s3.put_object(Bucket=raw, Key="in/a.yaml", Body=b"n: 9\n")
    made = pipeline(buckets, mirror_deletes=True)
    assert (
        process(made, clients, raw, "in/a.yaml", event(buckets, "in/a.yaml", "01", Kind.REMOVED)).outcome
        is Outcome.WRITTEN
    )
    assert read(s3, out, "a.yaml.json").strip() == b'{"n":9}'


def test_another_recipe_makes_the_output_anew(s3, clients, buckets):
    raw, out = buckets
    s3.put_object(Bucket=raw, Key="in/a.yaml", Body=b"n: 1\n")
    assert process(pipeline(buckets), clients, raw, "in/a.yaml").outcome is Outcome.WRITTEN
    assert process(pipeline(buckets), clients, raw, "in/a.yaml").outcome is Outcome.DUPLICATE
    renewed = pipeline(buckets, metadata={"x": "1"})
    assert process(renewed, clients, raw, "in/a.yaml").outcome is Outcome.WRITTEN
    assert s3.head_object(Bucket=out, Key="a.yaml.json")["Metadata"]["x"] == "1"


def test_what_s3_keeps_beside_the_content_carries_over(s3, clients, buckets):
    raw, out = buckets
    kept = {"CacheControl": "max-age=5", "ContentLanguage": "de", "StorageClass": "STANDARD_IA"}
    coded = {"ContentEncoding": "gzip", "ContentDisposition": "attachment"}
    s3.put_object(Bucket=raw, Key="in/a.gz", Body=gzip.compress(b"x"), ContentType="application/gzip", **kept, **coded)

    def made_by(transform, **given):
        target = f"s3://{out}/{transform}/{{name}}"
        made = pipeline(buckets, name=transform, transform=transform, target=target, **given)
        (key,) = process(made, clients, raw, "in/a.gz").outputs
        return s3.head_object(Bucket=out, Key=key)

    copied = made_by("copy", storage_class="keep")
    assert {name: copied.get(name) for name in (*kept, *coded)} == kept | coded
    assert copied["ContentType"] == "application/gzip"
    opened = made_by("gunzip")
    assert [opened.get(name) for name in ("CacheControl", "ContentLanguage")] == ["max-age=5", "de"]
    assert [opened.get(name) for name in ("ContentEncoding", "ContentDisposition", "StorageClass")] == [None] * 3
    assert opened["ContentType"] != "application/gzip"  # it isn't any more


def test_large_objects_wait_for_a_place_and_small_ones_do_not(s3, clients, buckets):
    raw, out = buckets
    s3.put_object(Bucket=raw, Key="in/small", Body=b"x")
    s3.put_object(Bucket=raw, Key="in/large", Body=b"x" * (6 * MIB))
    held = Clients(clients.source, clients.target, clients.tags, threading.Semaphore(1))
    made = pipeline(buckets, transform="copy", part_bytes=5 * MIB, target=f"s3://{out}/{{path}}")
    held.large.acquire()
    assert process(made, held, raw, "in/small").outcome is Outcome.WRITTEN
    ended = []
    waiting = threading.Thread(target=lambda: ended.append(process(made, held, raw, "in/large").outcome))
    waiting.start()
    waiting.join(0.5)
    assert ended == []
    held.large.release()
    waiting.join(30)
    assert ended == [Outcome.WRITTEN]
    assert held.large.acquire(timeout=1)  # it gave its place back


def test_a_repeated_event_of_a_large_object_sends_nothing(s3, clients, buckets):
    raw, out = buckets
    s3.put_object(Bucket=raw, Key="in/large", Body=b"x" * (12 * MIB))
    made = pipeline(buckets, transform="copy", part_bytes=5 * MIB, target=f"s3://{out}/{{path}}")
    assert process(made, clients, raw, "in/large", event(buckets, "in/large")).outcome is Outcome.WRITTEN

    class NoUploads:
        def send(self, call):
            assert call.name != "CreateMultipartUpload"
            return clients.target.send(call)

        submit = clients.target.submit

    watched = Clients(clients.source, NoUploads(), clients.tags)
    assert process(made, watched, raw, "in/large", event(buckets, "in/large")).outcome is Outcome.DUPLICATE


def test_an_upload_that_s3_will_never_begin_is_refused(s3, clients, buckets):
    """The embedded AWS takes any metadata for an upload in parts; S3 has 2 KB."""
    raw, out = buckets
    s3.put_object(Bucket=raw, Key="in/large", Body=b"x" * (6 * MIB))
    made = pipeline(buckets, transform="copy", part_bytes=5 * MIB, target=f"s3://{out}/{{path}}")

    class Narrow:
        def send(self, call):
            if call.name == "CreateMultipartUpload":
                raise AwsError(
                    "Your metadata headers exceed the maximum allowed metadata size", code="MetadataTooLarge"
                )
            return clients.target.send(call)

    with pytest.raises(Rejected) as caught:
        process(made, Clients(clients.source, Narrow(), clients.tags), raw, "in/large")
    assert caught.value.reason is Reason.UNSUPPORTED


def test_a_pipeline_that_fails_does_not_keep_the_object_from_others(s3, clients, buckets):
    raw, out = buckets
    s3.put_object(Bucket=raw, Key="in/a.yaml", Body=b"n: 1\n")
    failing = pipeline(buckets, name="failing", target="s3://no-such-bucket-at-all/{key}")
    runner = PipelineRunner([(failing, clients), (pipeline(buckets), clients)])
    with pytest.raises(NotFound):
        runner.handle([event(buckets, "in/a.yaml")])
    assert read(s3, out, "a.yaml.json").strip() == b'{"n":1}'


def test_what_ended_how_is_told_to_prometheus(s3, clients, buckets):
    raw, _ = buckets
    s3.put_object(Bucket=raw, Key="in/a.yaml", Body=b"n: 1\n")
    s3.put_object(Bucket=raw, Key="in/b.yaml", Body=b"n: [\n")
    runner = PipelineRunner([(pipeline(buckets), clients)])
    runner.handle([event(buckets, key) for key in ("in/a.yaml", "in/a.yaml", "in/b.yaml")])
    registry = CollectorRegistry()
    registry.register(runner.metrics)
    told = {
        line.rsplit(" ", 1)[0]: float(line.rsplit(" ", 1)[1])
        for line in generate_latest(registry).decode().splitlines()
        if not line.startswith("#")
    }
    assert told['windlass_pipeline_objects_total{outcome="written",pipeline="p"}'] == 1
    assert told['windlass_pipeline_objects_total{outcome="duplicate",pipeline="p"}'] == 1
    assert told['windlass_pipeline_refused_total{pipeline="p",reason="malformed"}'] == 1
    assert told['windlass_pipeline_written_bytes_total{pipeline="p"}'] == len(b'{"n":1}\n')


def test_only_a_finished_restoration_is_a_change(s3, clients, buckets):
    raw, _ = buckets
    s3.put_object(Bucket=raw, Key="in/a.yaml", Body=b"n: 1\n")
    runner = PipelineRunner([(pipeline(buckets), clients)])

    def restored(name):
        return runner.handle([ObjectEvent(kind=Kind.RESTORED, name=name, bucket=raw, key="in/a.yaml")])

    assert [restored(f"ObjectRestore:{end}") for end in ("Post", "Completed", "Delete")] == [0, 1, 0]


def test_counts_are_written_though_no_further_object_comes(s3, clients, buckets, tmp_path):
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
                    found = totals(connection, since=dt.datetime(2020, 1, 1, tzinfo=dt.UTC))
                if found:
                    break
                time.sleep(0.1)
        assert found["p"]["written"] == 1
