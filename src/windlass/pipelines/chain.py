"""A chain of steps as one transform: each output of a step is the source of the next, without buffering in between."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from typing import Any

import orjson

from windlass.core.errors import ConfigError
from windlass.pipelines.model import Output, Source, Step
from windlass.pipelines.options import checked_options
from windlass.pipelines.steps import STEPS
from windlass.pipelines.user_function import user_function_step

__all__ = ["BoundStep", "Transform", "read_transform"]


@dataclass(frozen=True, slots=True)
class BoundStep:
    """A step with its checked options."""

    step: Step
    options: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Transform:
    """A chain of steps."""

    steps: tuple[BoundStep, ...]

    @property
    def many(self) -> bool:
        """True when one object can have several outputs."""
        return any(bound.step.many for bound in self.steps)

    @property
    def own(self) -> bool:
        """True when a step is a user's function, which must not run twice for one object."""
        return any(bound.step.own for bound in self.steps)

    @property
    def streams(self) -> bool:
        """True when memory does not grow with the object's size."""
        return all(bound.step.streams for bound in self.steps)

    @property
    def unchanged(self) -> bool:
        """True when the bytes are passed on unchanged."""
        return all(bound.step.name == "copy" for bound in self.steps)

    @property
    def recipe(self) -> str:
        """A short digest of steps and options. Outputs of different recipes are never duplicates."""
        parts = [[bound.step.name, sorted(bound.options.items())] for bound in self.steps]
        return hashlib.sha256(orjson.dumps(parts, default=repr)).hexdigest()[:16]

    def run(self, source: Source) -> Iterator[Output]:
        """Yield the outputs lazily: use each before asking for the next. Closing the iterator closes the steps' files.

        Raises:
            Rejected: The input is bad; outputs already taken must not be published as complete.

        """
        return _run(self.steps, source, "")


def _run(steps: Sequence[BoundStep], source: Source, member: str) -> Iterator[Output]:
    if not steps:
        yield Output(chunks=source.chunks, name=source.name, content_type=source.content_type, member=member)
        return
    first, *later_steps = steps
    for output in first.step.run(source, first.options):
        path = output.member or member
        if not later_steps:
            yield replace(output, member=path)
            continue
        for final in _run(later_steps, source.followed_by(output), path):
            yield replace(final, metadata={**output.metadata, **final.metadata})


def read_transform(value: object) -> Transform:
    """Return the configured transform: a step's name, `package.module:function`, a table with `step` and options, or a list.

    Raises:
        ConfigError: An unknown step or option, with the nearest name.

    """
    parts = value if isinstance(value, list | tuple) else [value]
    if not parts:
        raise ConfigError("the transform has no steps", hint='Use "copy" to pass the content on unchanged.')
    return Transform(tuple(_bind_step(part) for part in parts))


def _bind_step(part: object) -> BoundStep:
    if isinstance(part, str):
        name, options = part, {}
    elif isinstance(part, Mapping) and isinstance(part.get("step"), str):
        options = {str(key): item for key, item in part.items() if key != "step"}
        name = part["step"]
    else:
        raise ConfigError(
            f"{part!r} is not a step",
            hint='Write "yaml-to-json", "package.module:function", or { step = "gzip", level = 9 }.',
        )
    if ":" in name:
        step = user_function_step(name)
    else:
        steps = {step.name: step for step in STEPS}
        if name not in steps:
            close = get_close_matches(name, steps, 1)
            meant = f"Did you mean {close[0]}? " if close else ""
            raise ConfigError(f"there is no step {name!r}", hint=f"{meant}`windlass pipeline transforms` lists them.")
        step = steps[name]
    return BoundStep(step, checked_options(step, options))
