"""Pairs with a side that is not AWS, as people give them: plans, refusals before anything is written, sets, every later command."""

import json
import uuid

import pytest

from tests.replication.direct.local import Aws
from tests.replication.test_cli import Home
from windlass.app import App
from windlass.core.errors import AccessDenied, AwsError, ConfigError, UsageError
from windlass.replication.model import Method, Operation, SeedState
from windlass.replication.planning.pairs import by_pattern, parse_place
from windlass.replication.planning.request import SeedRequest
from windlass.replication.seed import job as seeding
from windlass.replication.seed import scheduler as rounds
from windlass.replication.service import PairSelection
from windlass.settings import load

KEYS = {"MINIO_ACCESS_KEY_ID": "", "MINIO_SECRET_ACCESS_KEY": "windlass-local"}


@pytest.fixture
def there(seed_aws):
    """Another account of the embedded AWS, as the service `minio`."""
    result = Aws(seed_aws.url, f"{uuid.uuid4().int % 10**12:012}")
    yield result
    result.close()


@pytest.fixture
def opened(seed_aws, account, there, tmp_path):
    """The composition root with that service; `more` is more of windlass.toml, `environ` what the service's keys are."""
    apps = []

    def make(more="", *, environ=None, url=seed_aws.url):
        (tmp_path / "windlass.toml").write_text(
            f'[store]\nurl = "sqlite:///{tmp_path}/w.db"\n[estate]\nendpoint_url = "{seed_aws.url}"\n'
            f'regions = ["us-east-1", "eu-west-1"]\naccounts = [{{ id = "{account}" }}]\n[replication]\npoll_s = 0.05\n'
            f'[[service]]\nname = "minio"\nendpoint_url = "{url}"\n{more}'
        )
        environ = KEYS | {"MINIO_ACCESS_KEY_ID": there.account} if environ is None else environ
        apps.append(App(load(environ={}, cwd=tmp_path), environ=environ))
        return apps[-1]

    yield make
    for app in apps:
        app.close()


@pytest.fixture
def photos(there):
    """A bucket at the service, with three objects."""
    name = f"{uuid.uuid4().hex[:8]}-photos"
    there.s3().create_bucket(Bucket=name)
    there.fill(name, ["a b", "2026/é+%", "2026/x"], b"12345")
    return name


def pairs(app, *named):
    return app.replication.pairs(PairSelection(source=named[0], destination=named[1]))


def seeded(app, named, request=None):
    request = request or SeedRequest()
    plans = app.replication.plan(pairs(app, *named), request)
    (one,) = seeding.run(app.replication, app.jobs, seeding.begin(app.replication, app.jobs, plans, request))
    return one


def test_places_are_written_as_rclone_writes_them():
    assert parse_place("minio:photos/2026/a b") == ("minio", "photos", "2026/a b")
    assert parse_place("my_R2-x:Old_Bucket") == ("my_R2-x", "Old_Bucket", "")
    assert parse_place("s3://logs/x") == parse_place("arn:aws:s3:::logs/x") == ("", "logs", "x")
    for text in ("minio:", "minio:/x", "minio:a b", ":logs", "1x:logs"):
        with pytest.raises(UsageError, match="is not a bucket name"):
            parse_place(text)


def test_patterns_of_another_service_have_destinations_of_the_same_names():
    assert by_pattern(["photos", "texts"], "*", "{name}", service="minio") == (
        ("minio:photos", "photos"),
        ("minio:texts", "texts"),
    )
    assert by_pattern(["a", "a-copy"], "*", "minio:{name}-copy", service="minio") == (("minio:a", "minio:a-copy"),)


def test_a_plan_counts_by_listing_chooses_direct_and_gives_the_reason(opened, photos, buckets_of):
    app = opened()
    target = buckets_of(app).make("photos-replica", "eu-west-1", versioned=True)
    (plan,) = app.replication.plan(pairs(app, f"minio:{photos}", target), SeedRequest())
    assert plan.error is None
    assert (plan.volume.objects, plan.volume.missing, plan.volume.size_bytes) == (3, 3, 15)
    assert (plan.choice.method, plan.choice.operation) == (Method.DIRECT, Operation.COPY)
    assert "minio is not Amazon S3" in plan.choice.why
    assert plan.choice.estimate.usd < 0.001
    (write,) = app.replication.effects(plan, SeedRequest())
    assert (write.operation, write.params["Bucket"]) == ("PutObject", target)


def test_a_seed_between_services_names_both_and_a_second_one_copies_new_objects(opened, photos, there, buckets_of):
    app = opened()
    buckets = buckets_of(app)
    target = buckets.make("photos-replica", "eu-west-1", versioned=False)
    one = seeded(app, (f"minio:{photos}", target))
    assert (one.state, one.done, one.failed) == (SeedState.DONE, 3, 0)
    assert sorted(buckets.keys(target)) == ["2026/x", "2026/é+%", "a b"]
    for ref in (f"minio:{photos}", photos, target, one.seed_id):
        assert [each.seed_id for each in app.replication.select(ref)] == [one.seed_id]
    (kept,) = app.replication.seeds()
    assert (kept.pair.source.service, kept.pair.source.bucket, kept.pair.title) == (
        "minio",
        photos,
        f"minio:{photos} → {target}",
    )
    there.fill(photos, ["new"])
    assert seeded(app, (f"minio:{photos}", target)).done == 1
    back = f"{photos}-back"
    there.s3().create_bucket(Bucket=back)
    out = seeded(app, (f"{target}/2026/", f"minio:{back}"))
    assert (out.state, out.done) == (SeedState.DONE, 2)
    assert app.replication.verify(out.pair).complete


def test_what_only_amazon_s3_does_is_refused_before_anything_is_written(opened, photos, there, buckets_of):
    app = opened()
    target = buckets_of(app).make("photos-replica", "eu-west-1", versioned=True)
    for request, message in (
        (SeedRequest(method=Method.BATCH), "--method batch needs Amazon S3 as source and destination: minio is not"),
        (SeedRequest(method=Method.EMR), "--method emr needs Amazon S3"),
        (SeedRequest(operation=Operation.REPLICATE), "replicas are created by Amazon S3"),
        (SeedRequest(switch_on=True), "--switch-on is not supported: minio is not Amazon S3"),
        (SeedRequest(versions=True, delete_markers=True), "--delete-markers, --versions is not supported"),
        (SeedRequest(detach=True), "cannot be detached"),
    ):
        for named in ((f"minio:{photos}", target), (target, f"minio:{photos}")):
            (plan,) = app.replication.plan(pairs(app, *named), request)
            assert isinstance(plan.error, UsageError), request
            assert message in plan.error.message
            assert plan.error.hint
    assert there.s3("us-east-1").list_objects_v2(Bucket=photos)["KeyCount"] == 3
    assert buckets_of(app).keys(target) == []


@pytest.mark.parametrize(
    ("named", "environ", "url", "kind", "said"),
    [
        ("r2", None, "", UsageError, "service 'r2' is not in windlass.toml"),
        ("minio", {}, "", ConfigError, "MINIO_ACCESS_KEY_ID and MINIO_SECRET_ACCESS_KEY are not set"),
        ("minio", None, "http://127.0.0.1:9", AwsError, r"minio \(127.0.0.1:9\) cannot be reached"),
    ],
    ids=["unknown", "no keys", "unreachable"],
)
def test_an_unreachable_service_is_one_clear_error(opened, photos, account, seed_aws, named, environ, url, kind, said):
    app = opened(environ=environ, url=url or seed_aws.url)
    with pytest.raises(kind, match=said) as error:
        (plan,) = app.replication.plan(pairs(app, f"{named}:{photos}", "other-bucket-of-nobody"), SeedRequest())
        raise plan.error
    assert error.value.hint


def test_wrong_keys_and_missing_permissions_are_told_apart(opened, photos, there, seed_aws, buckets_of):
    app = opened()
    target = buckets_of(app).make("photos-replica", "us-east-1", versioned=False)
    rule = {"kind": "error", "service": "s3", "status": 403, "path": f"/{photos}*"}
    for code, operation, kind, message in (
        ("SignatureDoesNotMatch", "ListObjectsV2", AccessDenied, r"minio \(127.0.0.1:\d+\) does not accept these keys"),
        ("AccessDenied", "ListObjectsV2", AccessDenied, rf"minio:{photos}: ListObjectsV2 is not allowed there"),
        ("AccessDenied", "HeadObject", AccessDenied, rf"minio:{photos}: GetObject is not allowed there"),
    ):
        there.faults([rule | {"code": code, "operation": operation}])
        with pytest.raises(kind, match=message) as error:
            (plan,) = app.replication.plan(pairs(app, f"minio:{photos}", target), SeedRequest())
            raise plan.error
        assert "minio" in error.value.hint or "MINIO_ACCESS_KEY_ID" in error.value.hint
        assert "windlass-local" not in str(error.value) + error.value.hint
    there.faults([])


def test_a_periodic_set_by_pattern(opened, photos, there, buckets_of):
    mark = photos.partition("-")[0]
    app = opened(
        f'[[replicate]]\nname = "in"\nsource = "minio:{mark}-*"\ndestination = "{{name}}-replica"\ninterval = "1h"\n'
        f'[[replicate]]\nname = "named"\npairs = [["minio:{photos}/2026/", "{photos}-replica"]]\n'
    )
    buckets = buckets_of(app)
    buckets.call("us-east-1", "CreateBucket", Bucket=f"{photos}-replica")
    (chosen, named) = app.replication.sets
    assert rounds.due(app.replication, chosen)
    rounds.seed_set(app.replication, app.jobs, named)
    rounds.seed_set(app.replication, app.jobs, chosen)
    assert not rounds.due(app.replication, chosen)
    last, first = app.replication.seeds()
    assert [(entry.pair.title, entry.state, entry.done) for entry in (first, last)] == [
        (f"minio:{photos}/2026/ → {photos}-replica", SeedState.DONE, 2),
        (f"minio:{photos} → {photos}-replica", SeedState.DONE, 1),
    ]


def test_on_the_command_line(tmp_path, seed_aws, account, photos, there, seed_app, buckets_of):
    target = buckets_of(seed_app()).make("photos-replica", "eu-west-1", versioned=False)
    service = f'[[service]]\nname = "minio"\nendpoint_url = "{seed_aws.url}"\n'
    home = Home(tmp_path, seed_aws.url, account, service)
    message = home("seed", f"minio:{photos}", target, code=253).stderr
    assert "MINIO_ACCESS_KEY_ID" in message
    assert "hint:" in message
    home.env |= KEYS | {"MINIO_ACCESS_KEY_ID": there.account}
    assert "Total: 3, Success: 3, Failed 0" in home("seed", f"minio:{photos}", target).stdout
    (row,) = json.loads(home("status", f"minio:{photos}", "-o", "json").stdout)
    assert (row["source"], row["destination"], row["method"], row["state"]) == (
        f"minio:{photos}",
        target,
        "direct",
        "done",
    )
    assert "windlass-local" not in (tmp_path / "w.db").read_bytes().decode("latin-1")
