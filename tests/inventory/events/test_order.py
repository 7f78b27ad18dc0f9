"""Lost, doubled, reordered and late events, with scans in between, end in the state of a full scan and undo nothing."""

import shutil
from datetime import timedelta

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.examples import examples
from tests.inventory.test_revisions import SCOPE, T0, begin, inventory_of, scan, seen
from windlass.inventory import writer
from windlass.inventory.events.model import Touch
from windlass.inventory.events.read_writer import write_read
from windlass.inventory.model import ChangeEvent, ChangeKind, Query
from windlass.store.config import StoreConfig
from windlass.store.database import open_store

NAMES = ("a", "b", "c")
steps = st.lists(
    st.one_of(
        st.tuples(st.just("change"), st.sampled_from(NAMES), st.sampled_from(["lost", "sent", "doubled"])),
        st.tuples(st.just("delete"), st.sampled_from(NAMES), st.sampled_from(["lost", "sent", "doubled"])),
        st.tuples(st.just("read"), st.integers(0, 3), st.integers(1, 3)),  # which waiting events are read
        st.tuples(st.just("written"), st.integers(0, 3), st.none()),  # one of the reads in flight ends
        st.tuples(st.just("scan"), st.none(), st.none()),
        st.tuples(st.just("scanned"), st.none(), st.none()),  # the scan in flight ends
    ),
    max_size=40,
)


class World:
    """An estate of queues that changes, its events in a queue, and reads and a scan that take time."""

    def __init__(self, store):
        self.store = store
        self.now = T0
        self.version = 0
        self.estate = {}
        self.events = []
        self.reads = []
        self.scan = None
        self.seen_versions = {}

    def tick(self):
        self.now += timedelta(seconds=1)
        return self.now

    def change(self, name, delivery):
        created = name not in self.estate
        self.version += 1
        self.estate[name] = {"Version": self.version}
        self._send(name, "CreateQueue" if created else "SetQueueAttributes", delivery, creates=created)

    def delete(self, name, delivery):
        if self.estate.pop(name, None) is not None:
            self.version += 1
            self._send(name, "DeleteQueue", delivery, deletes=True)

    def _send(self, name, call, delivery, **more):
        event = ChangeEvent(event_id=f"e{self.version}", at=self.tick(), name=call, actor=f"who-{self.version}")
        touch = Touch(scope=SCOPE, names=frozenset({name}), event=event, **more)
        self.events += {"lost": [], "sent": [touch], "doubled": [touch, touch]}[delivery]

    def read(self, first, count):
        """Read what `count` of the waiting events touch, from the one at `first` on: the queue has no order."""
        taken = self.events[first : first + count]
        del self.events[first : first + count]
        if taken:
            self.reads.append((taken, self._observe({name for touch in taken for name in touch.names})))

    def _observe(self, names):
        at = self.tick()
        return [seen(name, document) for name, document in self.estate.items() if name in names], at

    def written(self, index):
        if index < len(self.reads):
            touches, (observations, at) = self.reads.pop(index)
            outcome = write_read(self.store, scan(observations, at), touches)
            again = [touch for touch in touches if touch.event.event_id in outcome.unconfirmed]
            # A creation that was deleted meanwhile never shows; a few receives later its message is done.
            self.events += [touch for touch in again if touch.deletes]
            self.check()

    def start_scan(self):
        if self.scan is None:
            self.scan = self._observe(NAMES)

    def scanned(self):
        if self.scan is not None:
            observations, at = self.scan
            self.scan = None
            run_id = begin(self.store, at=at)
            writer.write_result(self.store, run_id, scan(observations, at))
            self.check()

    def stored(self):
        page = inventory_of(self.store).list(Query(types=("sqs.queue",)))
        inventory = inventory_of(self.store)
        return {row.name: inventory.show(row.key).document for row in page.rows}

    def check(self):
        """No write brings back a version older than one that the store has had."""
        for name, document in self.stored().items():
            assert document["Version"] >= self.seen_versions.get(name, 0), f"{name} was undone"
            self.seen_versions[name] = document["Version"]


@settings(
    max_examples=examples(60),
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
    deadline=None,
)
@given(script=steps)
def test_events_and_scans_in_any_order_end_in_the_state_of_a_full_scan(migrated_file, tmp_path_factory, script):
    file = tmp_path_factory.mktemp("order") / "w.db"
    shutil.copy(migrated_file, file)
    with open_store(StoreConfig(url=f"sqlite:///{file}")) as store:
        world = World(store)
        for step, first, second in script:
            match step:
                case "change":
                    world.change(first, second)
                case "delete":
                    world.delete(first, second)
                case "read":
                    world.read(first, second)
                case "written":
                    world.written(first)
                case "scan":
                    world.start_scan()
                case "scanned":
                    world.scanned()
        world.scanned()
        while world.reads:
            world.written(0)
        world.start_scan()
        world.scanned()
        assert world.stored() == world.estate


def test_a_deletion_by_event_is_not_undone_by_a_scan_that_began_before(store):
    world = World(store)
    world.change("a", "sent")
    world.start_scan()  # it lists the queue …
    world.delete("a", "sent")
    world.read(0, 2)
    world.written(0)
    world.scanned()  # … and is written after the deletion was confirmed
    assert world.stored() == {}
    world.start_scan()
    world.scanned()
    assert world.stored() == {}


def test_a_queue_that_an_older_scan_does_not_know_is_not_deleted(store):
    world = World(store)
    world.start_scan()
    world.change("a", "sent")
    world.read(0, 1)
    world.written(0)
    world.scanned()
    assert world.stored() == {"a": {"Version": 1}}


def test_a_read_that_is_older_than_a_scan_writes_nothing(store):
    world = World(store)
    world.change("a", "sent")
    world.read(0, 1)
    world.change("a", "lost")
    world.start_scan()
    world.scanned()
    world.written(0)
    assert world.stored() == {"a": {"Version": 2}}


def test_of_two_reads_the_one_that_began_later_counts(store):
    world = World(store)
    world.change("a", "sent")
    world.read(0, 1)
    world.change("a", "sent")
    world.read(0, 1)
    world.written(1)  # another worker was faster
    world.written(0)
    assert world.stored() == {"a": {"Version": 2}}


def test_a_resource_that_is_not_found_is_deleted_only_by_its_own_event(store):
    world = World(store)
    world.change("a", "sent")
    world.read(0, 1)
    world.written(0)
    world.delete("a", "lost")
    world.now += timedelta(seconds=5)
    event = ChangeEvent(event_id="later", at=world.now, name="SetQueueAttributes", actor="who")
    touch = Touch(scope=SCOPE, names=frozenset({"a"}), event=event)
    write_read(store, scan([], world.tick()), [touch])
    assert "a" in world.stored()


def test_a_revision_has_the_events_that_made_it(store):
    world = World(store)
    world.change("a", "sent")
    world.read(0, 1)
    world.written(0)
    world.change("a", "sent")
    world.change("a", "doubled")
    world.read(0, 3)
    world.written(0)
    newest, oldest = inventory_of(store).history("a")
    assert (oldest.change, oldest.actor, oldest.run_id) == (ChangeKind.CREATED, "who-1", "events")
    assert (newest.actor, newest.event_id) == ("who-3", "e3")
    assert [(event.event_id, event.name) for event in newest.events] == [
        ("e2", "SetQueueAttributes"),
        ("e3", "SetQueueAttributes"),
    ]


def test_an_event_that_comes_after_the_scan_names_the_actor_of_the_scans_revision(store):
    world = World(store)
    world.change("a", "lost")
    world.start_scan()
    world.scanned()
    world.change("a", "sent")
    world.start_scan()
    world.scanned()
    assert inventory_of(store).history("a")[0].actor == ""
    world.read(0, 1)
    world.written(0)
    newest, oldest = inventory_of(store).history("a")
    assert (newest.actor, newest.events[0].name, oldest.actor) == ("who-2", "SetQueueAttributes", "")
    assert len(inventory_of(store).changes(since=T0, actor="WHO-2")[0]) == 1
    assert inventory_of(store).changes(since=T0, actor="who-1")[0] == ()
    recent, _ = inventory_of(store).changes(since=T0)
    assert [revision.events for revision in recent] == [newest.events, ()]
