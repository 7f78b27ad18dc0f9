"""A name that nothing has is a usage error with "did you mean", in every command that takes one; an empty store says so."""

import json
from datetime import UTC, datetime

import pytest

from tests.inventory.test_revisions import begin, scan, seen
from windlass.cli.main import _run
from windlass.inventory import runs, writer
from windlass.inventory.catalog import CATALOG
from windlass.inventory.model import Scope
from windlass.store.config import StoreConfig
from windlass.store.database import open_store

NOW = datetime(2026, 11, 20, tzinfo=UTC)
BUCKETS = Scope("111111111111", "aws-global", "s3.bucket")
QUEUES = Scope("111111111111", "eu-west-1", "sqs.queue")


@pytest.fixture
def windlass(tmp_path, monkeypatch, capsys):
    """Runs a command on the store w.db of an empty folder: (exit code, stdout, stderr)."""
    monkeypatch.chdir(tmp_path)

    def run(*words):
        code = _run(["--store", f"sqlite:///{tmp_path}/w.db", "inventory", *words], debug=False)
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run


@pytest.fixture
def filled(sqlite_file):
    with open_store(StoreConfig(url=sqlite_file())) as store:
        run = begin(store)
        bucket = seen("assets", {"Versioning": {"Status": "Enabled"}, "Region": "eu-west-1"}, scope=BUCKETS)
        writer.write_result(store, run, scan([bucket], NOW, scope=BUCKETS))
        writer.write_result(
            store, run, scan([seen("jobs", {"VisibilityTimeout": "30"}, scope=QUEUES)], NOW, scope=QUEUES)
        )
        runs.finish_run(store, run, status="done", now=NOW)


LISTINGS = (("list",), ("changes",), ("diff",), ("export", "-"))


@pytest.mark.usefixtures("filled")
@pytest.mark.parametrize("listing", LISTINGS, ids=lambda words: words[0])
@pytest.mark.parametrize(
    ("condition", "hint"),
    [
        ("type=s3.buckets", "Did you mean 's3.bucket'?"),
        ("regoin=x", "Did you mean 'Region'?"),
        ("Versoning.Status=Enabled", "Did you mean 'Versioning'?"),
        ("-Versoning", "Did you mean 'Versioning'?"),
        ("Versoning.Status!=Enabled", "Did you mean 'Versioning'?"),
        ("account=111111111112", "Did you mean '111111111111'?"),
        ("region=eu-wst-1", "Did you mean 'eu-west-1'?"),
    ],
)
def test_a_misspelt_condition_is_a_usage_error_wherever_conditions_go(windlass, listing, condition, hint):
    code, out, err = windlass(*listing, "-w", condition)
    assert (code, out) == (252, "")
    assert hint in err


@pytest.mark.usefixtures("filled")
@pytest.mark.parametrize(
    "words",
    [
        ("list", "s3.bucket", "-w", "Versioning.Status=Enabled", "-w", "account=111111111111"),
        ("list", "-w", "region=ap-east-1"),
        ("list", "sqs.queue", "-w", "KmsMasterKeyId?"),
        ("list", "s3.*", "-w", "-Website"),
        ("list", "-w", "name~log"),
        ("changes", "sqs.queue", "--since", "30d"),
        ("runs", "--state", "ok"),
    ],
    ids=" ".join,
)
def test_what_exists_is_taken_though_no_resource_has_it(windlass, words):
    code, _, err = windlass(*words)
    assert (code, err.count("mean")) == (0, 0), err


def test_every_type_of_the_catalog_is_known_before_anything_is_collected(windlass):
    for kind in CATALOG[::25]:
        assert windlass("list", kind.name)[0] == 0
        code, _, err = windlass("list", kind.name + "x")
        assert code == 252
        assert "Did you mean" in err


@pytest.mark.usefixtures("filled")
def test_a_misspelt_state_is_a_usage_error(windlass):
    code, _, err = windlass("runs", "--state", "denid")
    assert code == 252
    assert "Did you mean 'denied'?" in err


@pytest.mark.parametrize(
    "words",
    [
        ("list",),
        ("changes",),
        ("diff",),
        ("search", "web"),
        ("ip", "10.0.0.1"),
        ("stats",),
        ("runs",),
        ("coverage",),
        ("show", "web"),
        ("history", "web"),
        ("graph", "web"),
    ],
    ids=" ".join,
)
def test_an_empty_store_says_what_to_run(windlass, words):
    code, out, err = windlass(*words)
    assert out == ""
    assert "othing is collected yet. Run `windlass inventory collect`" in err
    assert code == (254 if words[0] in ("show", "history", "graph") else 0)


@pytest.mark.usefixtures("filled")
def test_a_store_with_something_says_that_nothing_matches(windlass):
    assert "No resource matches." in windlass("list", "sns.topic")[2]
    assert json.loads(windlass("list", "sqs.queue", "-o", "json")[1])[0]["name"] == "jobs"
