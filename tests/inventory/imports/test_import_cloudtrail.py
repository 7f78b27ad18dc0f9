"""CloudTrail's files name who made past changes, once, and never the wrong change."""

import gzip
import json
from datetime import UTC, datetime, timedelta

import pytest

from tests.inventory.events.records import ANN, record
from tests.inventory.test_revisions import SCOPE, begin, inventory_of, scan, seen
from windlass.inventory import runs, writer
from windlass.inventory.catalog import CATALOG
from windlass.inventory.events.type_index import TypeIndex
from windlass.inventory.imports.service import HistoryImport

DAY = datetime(2026, 11, 1, tzinfo=UTC)
NAME = "111111111111_CloudTrail_eu-west-1_20261101T1000Z_abcdefghijklmnop.json.gz"
URL = "https://sqs.eu-west-1.amazonaws.com/111111111111/jobs"


@pytest.fixture
def world(store, tmp_path):
    """Three scans, a day apart: created, unchanged, changed."""
    for day, version in ((0, 1), (1, 1), (2, 2)):
        at = DAY + timedelta(days=day)
        run_id = begin(store, at=at)
        writer.write_result(store, run_id, scan([seen("jobs", {"Version": version})], at + timedelta(minutes=1)))
        runs.finish_run(store, run_id, status="done", now=at + timedelta(minutes=2))
    return World(store, tmp_path)


class World:
    def __init__(self, store, folder):
        self.store, self.folder = store, folder
        self.importer = HistoryImport(store, TypeIndex.of(CATALOG), lambda: None, lambda: ("", ""))

    def put(self, *records, name=NAME):
        (self.folder / name).write_bytes(gzip.compress(json.dumps({"Records": list(records)}).encode()))

    def run(self):
        return self.importer.import_cloudtrail(str(self.folder))

    def actors(self):
        return [
            (revision.actor, len(revision.events)) for revision in reversed(inventory_of(self.store).history("jobs"))
        ]


def call(hours, name="SetQueueAttributes", **more):
    at = (DAY + timedelta(hours=hours)).strftime("%Y-%m-%dT%H:%M:%SZ")
    return record("sqs", name, {"queueUrl": URL}, None, eventTime=at, **more)


def test_an_event_names_the_actor_of_the_first_revision_after_it(world):
    world.put(call(-2, "CreateQueue"), call(30))
    result = world.run()
    assert (result.files, result.items, result.revisions) == (1, 2, 2)
    assert SCOPE.type == "sqs.queue"
    assert world.actors() == [(ANN, 1), (ANN, 1)]


def test_an_event_that_a_scan_in_between_did_not_see_changed_nothing(world):
    world.put(call(2))  # the scan of the second day found the queue as it was
    assert world.run().revisions == 0
    assert world.actors() == [("", 0), ("", 0)]


def test_events_of_one_change_are_all_kept_and_the_last_names_it(world):
    world.put(call(30, userIdentity={"arn": "arn:aws:iam::111111111111:user/ben"}), call(31))
    world.run()
    assert world.actors() == [("", 0), (ANN, 2)]


def test_reads_refusals_and_later_events_name_nobody(world):
    world.put(call(30, readOnly=True), call(30, errorCode="AccessDenied"), call(80))
    assert world.run().revisions == 0


def test_a_second_import_changes_nothing(world):
    world.put(call(30))
    world.run()
    again = world.run()
    assert (again.files, again.done_before) == (0, 1)
    world.put(call(30), name=NAME.replace("abcdef", "ghijkl"))  # the same hour from another trail
    world.put(dict(call(30), eventID="same"), name=NAME.replace("abcdef", "opqrst"))
    world.run()
    world.put(dict(call(30), eventID="same"), name=NAME.replace("abcdef", "uvwxyz"))
    assert world.run().revisions == 0
    assert world.actors()[1] == (ANN, 3)
