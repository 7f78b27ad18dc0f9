"""An S3 in memory and a scheduler that runs handlers step by step in any order. It drives the code of `deliver`."""

import hashlib
from dataclasses import dataclass, field
from random import Random

from windlass.events import Kind, ObjectEvent
from windlass.pipelines.delivery import (
    DeleteTarget,
    DeliveryOutcome,
    DeliveryTask,
    HeadSource,
    HeadTarget,
    NextOutput,
    PutResult,
    PutTarget,
    ReadSource,
    deliver,
)
from windlass.pipelines.stamp import SourceState, Stamp, TargetState

RECIPE = "0123456789abcdef"


def etag(body):
    return hashlib.md5(body.encode(), usedforsecurity=False).hexdigest()


def transformed(content):
    """Different contents often give equal results: S3's ETag then cannot distinguish the targets."""
    return f"out-{content % 2}"


@dataclass
class World:
    """One key's source, its history, and all targets. S3 is strongly consistent: each call is atomic."""

    rng: Random
    versioned: bool
    per_version: bool
    current: tuple[int, SourceState] | None = None
    versions: dict[str, tuple[int, SourceState]] = field(default_factory=dict)
    targets: dict[str, tuple[str, Stamp]] = field(default_factory=dict)
    events: list[ObjectEvent] = field(default_factory=list)
    clock: int = 0

    def change(self, number):
        """Write or delete the source, and queue S3's event."""
        self.clock += self.rng.randint(0, 1)  # Last-Modified is in seconds; for a multipart upload it is the start
        removal = self.current is not None and self.rng.random() < 0.3
        version_id = f"v{number}" if self.versioned else ""
        if removal:
            self.current = None
        else:
            content = self.rng.randint(0, 8)
            modified = str(max(0, self.clock - self.rng.choice([0, 0, 5])))
            state = SourceState(version_id=version_id, etag=etag(str(content)), modified=modified)
            self.current = (content, state)
            if self.versioned:
                self.versions[version_id] = self.current
        self.events.append(
            ObjectEvent(
                kind=Kind.REMOVED if removal else Kind.CREATED,
                name="ObjectRemoved:Delete" if removal else "ObjectCreated:Put",
                bucket="b",
                key="k",
                version_id=version_id,
                sequencer=f"{number:06X}" if self.rng.random() < 0.8 else "",  # CloudTrail has none
            )
        )


@dataclass
class Handler:
    """One running delivery."""

    event: ObjectEvent
    steps: object
    answer: object = None
    begun: bool = False
    content: int | None = None
    state: SourceState | None = None
    outputs: int = 0

    def step(self, world, fault):
        """Perform one effect. Return the outcome at the end, else None. A fault: the call succeeded, but its response was lost."""
        try:
            effect = self.steps.send(self.answer) if self.begun else next(self.steps)
        except StopIteration as end:
            return end.value
        self.begun = True
        self.answer = self._perform(world, effect, fault)
        return None

    def _perform(self, world, effect, fault):
        match effect:
            case ReadSource(version_id):
                target = world.versions.get(version_id) if version_id else world.current
                self.content, self.state = target or (None, None)
                self.outputs = 0
                return self.state
            case HeadSource():
                return world.current[1] if world.current else None
            case NextOutput():
                self.outputs += 1
                key = f"out/{self.state.version_id}" if world.per_version else "out"
                return key if self.outputs == 1 else None
            case HeadTarget(key):
                target = world.targets.get(key)
                return TargetState(etag=etag(target[0]), stamp=target[1]) if target else None
            case PutTarget(key, stamp, if_match):
                target = world.targets.get(key)
                holds = target is None if not if_match else target is not None and etag(target[0]) == if_match
                if holds:
                    stamp = Stamp.from_metadata(stamp.to_metadata())
                    world.targets[key] = (transformed(self.content), stamp)
                    if not fault:
                        return PutResult.WRITTEN
                # The client retries after a lost response, and its own write then breaks the condition.
                return world.rng.choice([PutResult.REFUSED, PutResult.REFUSED_AND_SPENT])
            case DeleteTarget(key, if_match):
                target = world.targets.get(key)
                if target is not None and etag(target[0]) != if_match:
                    return False
                world.targets.pop(key, None)
                return not fault
        raise AssertionError(effect)


def simulate(seed, *, versioned, mirror, per_version=False, changes=5):
    """Run one random history to its end and return the world."""
    rng = Random(seed)
    world = World(rng, versioned, per_version)
    waiting, running = [], []
    number, remaining = 0, rng.randint(1, changes)
    while remaining or waiting or running:
        roll = rng.random()
        if remaining and roll < 0.2:
            remaining -= 1
            number += 1
            world.change(number)
            waiting += [world.events[-1]] * rng.choice([1, 1, 2, 3])
        elif waiting and len(running) < 3 and roll < 0.4:
            event = waiting.pop(rng.randrange(len(waiting)))
            task = DeliveryTask(
                pipeline="p",
                recipe=RECIPE,
                bucket="b",
                key="k",
                event=event,
                per_version=per_version,
                mirror_target="out" if mirror else "",
                head_first=rng.random() < 0.3,
            )
            running.append(Handler(event, deliver(task)))
        elif running:
            handler = rng.choice(running)
            outcome = handler.step(world, fault=rng.random() < 0.05)
            if outcome is not None or rng.random() < 0.03:  # ended, or killed
                running.remove(handler)
                if outcome in (None, DeliveryOutcome.CONTENDED):
                    waiting.append(handler.event)
                assert outcome is not DeliveryOutcome.COLLISION
    return world
