"""What a history lacks, and how it is brought in order: random histories, random destinations, deaths, losses and other writers."""

import asyncio
import shutil

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.examples import examples
from tests.replication.direct.version_shapes import VersionBucket, version
from windlass.core.errors import AwsError, Conflict, NotFound, Throttled
from windlass.replication.direct.copying.pacer import Paces
from windlass.replication.direct.listing.ranges import Range
from windlass.replication.direct.versions.copier import VersionCopier
from windlass.replication.direct.versions.histories import History, history_of, list_histories
from windlass.replication.direct.versions.operations import kept, top_of
from windlass.replication.direct.versions.run import steps_for, version_journal
from windlass.replication.direct.versions.sequence import NEWER, OUT_OF_ORDER, compare_histories, compare_rows
from windlass.replication.model import BucketRef

PLACE = BucketRef(bucket="bucket")


def history(*contents, at=None):
    return [version("k", content, at=at) for content in contents]


def told(source, destination):
    result = compare_histories(source, destination)
    return [entry.etag or None for entry in result.missing_versions], result.conflict


CASES = {
    "nothing there": ("abc", "", "abc", ""),
    "halfway": ("abc", "ab", "c", ""),
    "whole": ("abc", "abc", "", ""),
    "only the newest": ("abc", "c", "abc", ""),
    "the newest, and then all": ("abc", "cabc", "", ""),
    "the newest, and then halfway": ("abc", "cab", "c", ""),
    "the oldest is gone at the source": ("bc", "abc", "", ""),
    "repeated contents": ("aba", "a", "ba", ""),
    "three times the same": ("aaa", "aa", "a", ""),
}


@pytest.mark.parametrize("name", CASES)
def test_what_is_lacking(name):
    source, there, missing_versions, conflict = CASES[name]
    ours = history(*source)
    assert told(ours, history(*there)) == (list(missing_versions), conflict)


def test_obstacles_to_a_seed_are_reported():
    theirs_before = history("x")
    ours = history("a", "b")
    assert told(ours, theirs_before) == (["a", "b"], "")  # older than what is copied: it stays below
    assert told(ours, history("x"))[1] == NEWER
    assert told(ours, history("a", "x"))[1] == NEWER
    assert told(ours, history("a", "b", None))[1] == NEWER
    assert told(ours, history("a", "b", "a"))[1] == NEWER


def test_true_replicas_are_known_by_their_ids_and_never_covered():
    ours = history("a", "b", "c")
    assert told(ours, ours) == ([], "")
    other_etags = [our._replace(etag=our.etag and "opaque") for our in ours]
    assert told(ours, other_etags) == ([], "")
    assert told(ours, ours[1:])[1] == OUT_OF_ORDER
    assert told(ours, ours[:1]) == (["b", "c"], "")
    null = [entry._replace(version_id="null") for entry in history("a")]
    assert told(null, [null[0]._replace(etag="b", size_bytes=2)])[1] == ""  # null is no id


def test_archived_versions_do_not_keep_others_waiting():
    first, second = history("a", "b")
    frozen = [first._replace(storage_class="GLACIER"), second]
    result = compare_histories(frozen, [])
    assert [entry.etag for entry in result.missing_versions] == ["b"]
    assert [entry.etag for entry in result.archived] == ["a"]
    assert compare_histories(frozen, history("b")).missing_versions == ()
    assert compare_histories(frozen, history("a", "b")).complete


def test_opaque_etags_of_equal_sizes_are_doubtful_only_where_it_matters():
    ours = history("a", "b")
    opaque = [entry._replace(etag="opaque") for entry in history("a", "b")]
    assert compare_histories(ours, opaque).doubtful
    assert compare_histories(ours, [*history("a"), opaque[1]]).doubtful
    assert not compare_histories(ours, [opaque[0], *history("a", "b")]).doubtful
    # What has the ETag of one version is no copy of another, however many are of one size.
    counter = [entry._replace(size_bytes=1) for entry in history(*"abcdef")]
    newest = [entry._replace(size_bytes=1) for entry in history("f")]
    assert not compare_histories(counter, newest).doubtful
    assert len(compare_histories(counter, newest).missing_versions) == 6
    in_parts = [counter[0]._replace(etag="a-2"), *counter[1:]]
    assert compare_histories(in_parts, newest).doubtful
    older = opaque[0]._replace(last_modified="2026-11-19T00:00:00.000Z")
    assert compare_rows(ours[0], older) is False  # a copy is never older than what it is of
    assert compare_rows(ours[0], opaque[0]) is None


# The whole way, in memory


class Died(BaseException):
    """The process was killed."""


class Memory:
    """Both sides in memory, as a seed's ways see them; `draw` decides what goes wrong."""

    def __init__(self, source, destination, draw=None, *, markers=True):
        self.source, self.destination = VersionBucket(source), VersionBucket(destination)
        self.draw, self.markers = draw, markers
        self.puts, self.under_way, self.dead = 0, set(), False
        self.bad_luck = 40  # it ends somewhere, however the dice are loaded

    async def compare_key(self, key):
        here = await history_of(self.source, PLACE, key)
        there = await history_of(self.destination, PLACE, key)
        result = compare_histories(
            kept(here.versions, markers=self.markers), kept(there.versions, markers=self.markers)
        )
        assert not result.doubtful
        return result, top_of(there.versions)

    async def put(self, step, top):
        assert step.key not in self.under_way, "two versions of one key at once"
        self.under_way.add(step.key)
        try:
            await asyncio.sleep(0)
            if self.dead:
                raise Died
            chance = self.draw.random() if self.draw and self.bad_luck else 1.0
            self.bad_luck -= chance < 0.18
            if chance < 0.05:
                raise Throttled("slow down", code="SlowDown")
            if chance < 0.10:
                raise AwsError("lost before", code="ConnectionLost")
            if not any(entry.version_id == step.version_id for entry in self.source.histories.get(step.key, ())):
                raise NotFound("gone", code="NoSuchVersion")
            if step.marker and not top:
                pass  # a delete without a condition
            elif top_of(self.destination.histories.get(step.key, ())) != top:
                raise Conflict("something else is on top", code="PreconditionFailed")
            content = None if step.marker else step.etag
            self.destination.add(step.key, version(step.key, content))
            self.puts += 1
            if chance < 0.15:
                raise AwsError("lost after", code="ConnectionLost")
            if chance < 0.18:
                self.dead = True
                raise Died
            return step.etag
        finally:
            self.under_way.discard(step.key)

    async def seed(self, folder, limit=None):
        """One life of a seed: list, compare, copy. Died when it was killed, at any point."""
        self.dead = False
        journal = version_journal(folder)
        try:
            if journal.ledger.new:
                journal.begin([Range(0, "", None)])
                await self._list(journal)
                journal.range_done(0)
            heard = asyncio.Event()
            loop = asyncio.get_running_loop()
            copier = VersionCopier(journal, Paces(loop.time, start=1e6, most=1e6), self, loop.time, 4, heard.set)
            for entry in journal.ledger.failed:
                copier.failures.add(entry["key"], entry["code"], entry["message"])
            copier.add(list(journal.ledger.blocks))
            while not copier.idle:
                if self.draw and self.draw.random() < 0.2:
                    journal.commit()
                await asyncio.sleep(0)
                if self.dead:
                    copier.stop()
                    await copier.close()
                    raise Died
                assert copier.fatal_error is None, copier.fatal_error
            copier.stop()
            await copier.close()
            journal.commit()
            return copier
        finally:
            journal._files.close()  # what was not committed is lost, as in a death

    async def _list(self, journal):
        pages = list_histories(self.source, PLACE, "")
        page = await pages("")
        while True:
            steps = []
            for entry in page.objects:
                ours = History(entry.key, kept(entry.versions, markers=self.markers))
                there = self.destination.histories.get(entry.key, [])
                steps += steps_for(ours, there, markers=self.markers)
            journal.block(0, page.objects[-1].key if page.objects else "", steps, skipped=0)
            if not page.token:
                return
            page = await pages(page.objects[-1].key)


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """Nobody waits between looks."""
    monkeypatch.setattr("windlass.replication.direct.versions.copier._FIRST_S", 0.0)
    monkeypatch.setattr("windlass.replication.direct.versions.copier._TURN_S", 0.0)


# Contents have sizes of their own: what is of one size is the same, and nothing is doubtful.
CONTENT = st.sampled_from(["a", "bb", "ccc", None])
CONTENTS = st.lists(CONTENT, min_size=0, max_size=6)


@st.composite
def pairs(draw):
    """Both sides of one key: the source's contents, and (what the destination has of its own below, copies of which, own on top)."""
    ours = draw(st.lists(CONTENT, min_size=1, max_size=6))
    below = draw(st.lists(st.sampled_from(["own1", "own22"]), max_size=2))
    first = draw(st.integers(0, len(ours)))
    copied = ours[first : draw(st.integers(first, len(ours)))]
    above = draw(st.lists(st.sampled_from(["own333", None]), max_size=1))
    return ours, below, copied, draw(st.sampled_from([[], [], [], above]))


def embeds(ours, theirs):
    rest = iter(theirs)
    return all(any(our == there for there in rest) for our in ours)


@settings(max_examples=examples(200))
@given(st.lists(pairs(), min_size=1, max_size=5), st.booleans(), st.randoms(use_true_random=False))
def test_any_history_onto_any_destination_however_often_it_dies(tmp_path_factory, keys, markers, draw):
    folder = tmp_path_factory.mktemp("seed")
    source, destination, before = {}, {}, {}
    for at, (ours, below, copied, above) in enumerate(keys):
        key = f"k{at}"
        lower = [version(key, entry) for entry in below]
        source[key] = [version(key, our) for our in ours]
        destination[key] = lower + [version(key, entry) for entry in (*copied, *above)]
        before[key] = [entry.etag or None for entry in destination[key]]
    memory = Memory(source, {key: found for key, found in destination.items() if found}, draw, markers=markers)
    expected = {
        key: compare_histories(kept(found, markers=markers), kept(destination[key], markers=markers))
        for key, found in source.items()
    }
    for life in range(60):
        try:
            copier = asyncio.run(memory.seed(folder / "s"))
            break
        except Died:
            assert life < 59, "it never came to its end"
    for key, outlook in expected.items():
        there = [entry.etag or None for entry in memory.destination.histories.get(key, [])]
        assert there[: len(before[key])] == before[key], "something was taken away"
        if outlook.conflict:
            assert there == before[key], "what could not be brought in order was touched"
            assert (
                key in {entry for group in copier.failures.groups() for entry in group.keys} or len(copier.failures) > 5
            )
            continue
        # Not one more than was lacking, in the source's order, the newest on top.
        assert there == before[key] + [entry.etag or None for entry in outlook.missing_versions]
        ours = [entry.etag or None for entry in kept(source[key], markers=markers)]
        theirs = [entry for entry in there if markers or entry is not None]
        assert embeds(ours, theirs)
        assert not ours or theirs[-1] == ours[-1]
    # And once more, with nothing known: nothing is to be done.
    shutil.rmtree(folder / "s")
    puts, memory.draw = memory.puts, None
    asyncio.run(memory.seed(folder / "s"))
    assert memory.puts == puts, "a second run copied again"


@settings(max_examples=examples(60))
@given(st.lists(CONTENT, min_size=2, max_size=6), st.randoms(use_true_random=False))
def test_a_concurrent_write_at_the_destination_is_not_overwritten(tmp_path_factory, ours, draw):
    folder = tmp_path_factory.mktemp("seed")
    memory = Memory({"k": [version("k", our) for our in ours]}, {})
    usual, at = memory.put, draw.randrange(len(ours))

    async def put(step, top):
        if memory.puts == at and not any(entry.etag == "own333" for entry in memory.destination.histories.get("k", ())):
            memory.destination.add("k", version("k", "own333"))
        return await usual(step, top)

    memory.put = put
    copier = asyncio.run(memory.seed(folder / "s"))
    there = [entry.etag or None for entry in memory.destination.histories["k"]]
    if ours[at] is None and (at == 0 or ours[at - 1] is None):
        return  # S3 has no condition for a delete onto nothing
    assert there == [*ours[:at], "own333"]
    assert {group.code for group in copier.failures.groups()} == {NEWER}
