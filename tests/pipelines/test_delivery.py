"""Exactly once: any interleaving of deliveries, changes, kills and lost responses ends as if all were handled in order."""

from random import Random

import pytest

from tests.examples import examples
from tests.pipelines.simulation import Handler, World, etag, simulate, transformed
from windlass.events import Kind, ObjectEvent
from windlass.pipelines import delivery
from windlass.pipelines.delivery import DeliveryTask
from windlass.pipelines.stamp import SourceState, Stamp, StampOrder, TargetState, compare, stamp_of

FORMS = [
    pytest.param(
        {"versioned": versioned, "mirror": mirror},
        id=f"{'versioned' if versioned else 'plain'}-{'mirrored' if mirror else 'kept'}",
    )
    for versioned in (False, True)
    for mirror in (False, True)
]


def matches_sequential_handling(world, *, versioned, mirror, per_version=False):
    """Return whether the targets equal those of a sequential handler of the same history."""
    if per_version:
        return {key: body for key, (body, _) in world.targets.items()} == {
            f"out/{version}": transformed(content) for version, (content, _) in world.versions.items()
        }
    target = world.targets.get("out")
    if world.current is not None:
        return target is not None and target[0] == transformed(world.current[0])
    return target is None if mirror else True


@pytest.mark.parametrize("form", FORMS)
def test_every_interleaving_matches_sequential_handling(form):
    wrong = [seed for seed in range(examples(1500)) if not matches_sequential_handling(simulate(seed, **form), **form)]
    assert wrong == []


@pytest.mark.slow
@pytest.mark.parametrize("form", FORMS)
def test_25_000_interleavings_match_sequential_handling(form):
    wrong = [seed for seed in range(25_000) if not matches_sequential_handling(simulate(seed, **form), **form)]
    assert wrong == []


def test_each_version_has_its_output_when_the_target_names_versions():
    form = {"versioned": True, "mirror": False, "per_version": True}
    wrong = [seed for seed in range(examples(1500)) if not matches_sequential_handling(simulate(seed, **form), **form)]
    assert wrong == []


def _never_looking_back(task, head_first):
    """An attempt without its final check of the source."""
    steps = _attempt(task, head_first)
    answer = last = None
    placed = False
    while True:
        try:
            effect = steps.send(answer)
        except StopIteration as end:
            return end.value
        if isinstance(effect, delivery.HeadSource) and placed:
            answer = last  # as if the source had not changed
            continue
        answer = yield effect
        if isinstance(effect, delivery.ReadSource):
            last = answer
        placed = placed or answer is delivery.PutResult.WRITTEN


_attempt = delivery._attempt
_remove = delivery._remove
_compare = delivery.compare


def _reversed_compare(stamp, target):
    """Compare with the order reversed."""
    verdict = _compare(stamp, target)
    return {StampOrder.REPLACE: StampOrder.STALE, StampOrder.STALE: StampOrder.REPLACE}.get(verdict, verdict)


def _deleting_and_gone(task):
    """A removal that does not check whether the source exists again after its delete."""
    steps, answer = _remove(task), None
    while True:
        try:
            effect = steps.send(answer)
        except StopIteration as end:
            return end.value
        if isinstance(effect, delivery.HeadSource):
            return delivery.DeliveryOutcome.DELETED
        answer = yield effect


@pytest.mark.parametrize(
    ("mutant", "form"),
    [
        pytest.param(
            {"round": _never_looking_back}, {"versioned": False, "mirror": True}, id="no-look-after-a-write-mirrored"
        ),
        pytest.param(
            {"compare": StampOrder.DUPLICATE}, {"versioned": False, "mirror": False}, id="what-is-there-is-right"
        ),
        pytest.param({"compare": StampOrder.STALE}, {"versioned": True, "mirror": True}, id="what-is-there-is-newer"),
        pytest.param({"fence": _reversed_compare}, {"versioned": True, "mirror": False}, id="the-fence-upside-down"),
        pytest.param(
            {"remove": _deleting_and_gone, "from": 25_900},
            {"versioned": False, "mirror": True},
            id="no-look-after-a-delete",
        ),
    ],
)
def test_the_simulation_detects_weaker_protocols(mutant, form, monkeypatch):
    if "round" in mutant:
        monkeypatch.setattr(delivery, "_attempt", mutant["round"])
    elif "remove" in mutant:
        monkeypatch.setattr(delivery, "_remove", mutant["remove"])
    elif "fence" in mutant:
        monkeypatch.setattr(delivery, "compare", mutant["fence"])
    else:
        monkeypatch.setattr(delivery, "compare", lambda stamp, target: mutant["compare"])
    first = mutant.get("from", 0)  # some mutants are detected once in tens of thousands of seeds
    wrong = [
        seed for seed in range(first, first + 4000) if not matches_sequential_handling(simulate(seed, **form), **form)
    ]
    assert wrong


@pytest.mark.parametrize("looks_back", [True, False])
def test_two_results_with_equal_etags_are_distinguished(looks_back, monkeypatch):
    """A reads the target and stalls. B and C replace it twice, the second time with the ETag that A read: A's condition
    holds, and its old result replaces a newer one. Only another check of the source reveals this to A."""
    if not looks_back:
        monkeypatch.setattr(delivery, "_attempt", _never_looking_back)
    world = World(Random(1), versioned=False, per_version=False)

    def put(number, content):
        world.current = (content, SourceState(etag=etag(str(content)), modified=str(number)))
        event = ObjectEvent(kind=Kind.CREATED, name="ObjectCreated:Put", bucket="b", key="k", sequencer=f"{number:04X}")
        return Handler(
            event,
            delivery.deliver(DeliveryTask(pipeline="p", recipe="r", bucket="b", key="k", event=event, head_first=True)),
        )

    def finish(handler):
        while (outcome := handler.step(world, fault=False)) is None:
            pass
        return outcome

    finish(put(1, 2))  # the target is transformed(2), as transformed(4) will be
    a = put(2, 1)
    for _ in range(3):  # ReadSource, NextOutput, HeadTarget; its PutTarget comes next
        a.step(world, fault=False)
    finish(put(3, 3))
    finish(put(4, 4))
    finish(a)
    assert (world.targets["out"][0] == transformed(4)) is looks_back


def drive(task, answers):
    """Return the effects of a delivery whose calls get these answers, and its outcome."""
    steps, effects, answer = delivery.deliver(task), [], None
    answers = iter(answers)
    try:
        while True:
            effects.append(steps.send(answer))
            answer = next(answers)
    except StopIteration as end:
        return effects, end.value


STATE = SourceState(version_id="", etag="e1", modified="t1")
EVENT = ObjectEvent(kind=Kind.CREATED, name="ObjectCreated:Put", bucket="b", key="k", sequencer="02")
TASK = delivery.DeliveryTask(pipeline="p", recipe="r", bucket="b", key="k", event=EVENT)
STAMP = stamp_of("p", "b", "k", "r", STATE, EVENT)
WRITTEN, REFUSED = delivery.PutResult.WRITTEN, delivery.PutResult.REFUSED


def test_a_first_output_takes_one_read_and_one_write():
    effects, outcome = drive(TASK, [STATE, "t", WRITTEN, None])
    assert outcome is delivery.DeliveryOutcome.WRITTEN
    assert effects == [
        delivery.ReadSource(""),
        delivery.NextOutput(),
        delivery.PutTarget("t", STAMP),
        delivery.NextOutput(),
    ]


def test_a_removal_that_is_not_mirrored_makes_no_call():
    removal = ObjectEvent(kind=Kind.REMOVED, name="ObjectRemoved:Delete", bucket="b", key="k", sequencer="03")
    assert drive(delivery.DeliveryTask(pipeline="p", recipe="r", bucket="b", key="k", event=removal), []) == (
        [],
        delivery.DeliveryOutcome.GONE,
    )


def test_a_source_deleted_before_the_read_is_skipped():
    assert drive(TASK, [None])[1] is delivery.DeliveryOutcome.GONE


@pytest.mark.parametrize(
    ("stamp", "verdict"),
    [
        (STAMP, StampOrder.DUPLICATE),
        (
            stamp_of(
                "p",
                "b",
                "k",
                "r",
                SourceState(etag="e0"),
                ObjectEvent(kind=Kind.CREATED, name="", bucket="b", key="k", sequencer="01"),
            ),
            StampOrder.REPLACE,
        ),
        (
            stamp_of(
                "p",
                "b",
                "k",
                "r",
                SourceState(etag="e2"),
                ObjectEvent(kind=Kind.CREATED, name="", bucket="b", key="k", sequencer="0201"),
            ),
            StampOrder.STALE,
        ),
        (stamp_of("p", "b", "k", "r", SourceState(etag="e2"), None), StampOrder.UNKNOWN),
        (
            stamp_of(
                "p", "b", "k", "r2", STATE, ObjectEvent(kind=Kind.CREATED, name="", bucket="b", key="k", sequencer="01")
            ),
            StampOrder.REPLACE,
        ),
        (stamp_of("p", "b", "other", "r", STATE, EVENT), StampOrder.FOREIGN),
        (stamp_of("q", "b", "k", "r", STATE, EVENT), StampOrder.FOREIGN),
        (None, StampOrder.FOREIGN),
    ],
)
def test_compare_orders_stamps(stamp, verdict):
    assert compare(STAMP, TargetState(etag="x", stamp=stamp)) is verdict


def test_a_foreign_object_is_never_overwritten():
    effects, outcome = drive(TASK, [STATE, "t", REFUSED, TargetState(etag="x", stamp=None)])
    assert outcome is delivery.DeliveryOutcome.COLLISION
    assert [type(effect).__name__ for effect in effects] == ["ReadSource", "NextOutput", "PutTarget", "HeadTarget"]


def test_a_foreign_object_is_never_deleted():
    removal = ObjectEvent(kind=Kind.REMOVED, name="ObjectRemoved:Delete", bucket="b", key="k", sequencer="03")
    task = delivery.DeliveryTask(pipeline="p", recipe="r", bucket="b", key="k", event=removal, mirror_target="t")
    effects, outcome = drive(task, [None, TargetState(etag="x", stamp=None)])
    assert (outcome, [type(effect).__name__ for effect in effects]) == (
        delivery.DeliveryOutcome.GONE,
        ["HeadSource", "HeadTarget"],
    )


def test_a_stamp_round_trips_through_metadata_and_fits():
    long = stamp_of(
        "p" * 300,
        "b" * 63,
        "ключ/" * 200,
        "r" * 16,
        SourceState(version_id="v" * 64, etag="e" * 34, modified="2026-11-21T00:00:00Z"),
        EVENT,
    )
    metadata = long.to_metadata()
    assert Stamp.from_metadata({name.title(): value for name, value in metadata.items()}) == long
    assert sum(len(name) + len(value) for name, value in metadata.items()) < 400
    assert all(value.isascii() for value in metadata.values())


def test_a_target_that_keeps_changing_ends_as_contended():
    task = delivery.DeliveryTask(
        pipeline="p", recipe="r", bucket="b", key="k", event=EVENT, head_first=True, attempts=3
    )
    steps, answer, spent = delivery.deliver(task), None, 0
    with pytest.raises(StopIteration) as end:
        while True:
            effect = steps.send(answer)
            spent += 1
            assert spent < 1000
            match effect:
                case delivery.ReadSource():
                    answer = STATE
                case delivery.NextOutput():
                    answer = "t"
                case delivery.HeadTarget():
                    answer = None
                case delivery.PutTarget():
                    answer = REFUSED
    assert end.value.value is delivery.DeliveryOutcome.CONTENDED
