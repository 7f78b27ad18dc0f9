"""A configured pipeline, checked as a whole before anything runs: its selection, transform and template."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from windlass.core.errors import ConfigError
from windlass.pipelines.chain import Transform, read_transform
from windlass.pipelines.config import PipelineConfig
from windlass.pipelines.loop_guard import check_cycles, check_loop
from windlass.pipelines.selection import Selection, read_selection, split_url
from windlass.pipelines.template import Template, read_template

__all__ = ["Pipeline", "build", "build_all"]


@dataclass(frozen=True, slots=True)
class Pipeline:
    """A pipeline ready to run."""

    config: PipelineConfig
    selection: Selection
    transform: Transform
    target: Template
    errors: tuple[str, str]  # bucket and prefix of on_error; empty without one
    targets: tuple[Template, ...]  # all that it writes: outputs, refused objects, their reasons

    @property
    def name(self) -> str:
        """Its name."""
        return self.config.name

    @property
    def recipe(self) -> str:
        """A digest of everything that makes an output what it is: another recipe's outputs are made anew."""
        config = self.config
        said = (
            self.transform.recipe,
            config.content_type,
            config.storage_class,
            sorted(config.metadata.items()),
            config.tags,
        )
        return hashlib.sha256(repr(said).encode()).hexdigest()[:16]


def build(config: PipelineConfig) -> Pipeline:
    """The pipeline; ConfigError says what is wrong with it."""
    selection = read_selection(config.source, suffixes=tuple(config.suffix), patterns=tuple(config.match))
    transform = read_transform(config.transform)
    target = read_template(config.target, selection, many=transform.many)
    errors = ("", "")
    targets = [target]
    if config.on_error:
        bucket, prefix = split_url(config.on_error)
        if prefix and not prefix.endswith("/"):
            raise ConfigError(
                f"pipeline {config.name}: on_error = {config.on_error!r} is no folder", hint="End it with a slash."
            )
        errors = (bucket, prefix)
        targets += [
            read_template(f"s3://{bucket}/{_plain(prefix)}{{key}}{end}", selection) for end in ("", ".reason.json")
        ]
    check_loop(config.name, selection, targets)
    if config.mirror_deletes and (transform.many or target.per_version or target.per_output):
        raise ConfigError(
            f"pipeline {config.name}: mirror_deletes needs one target per key that is known without the object",
            hint="Use {key}, {path}, {dir} and {stem} in the target, and a transform with one output.",
        )
    return Pipeline(config, selection, transform, target, errors, tuple(targets))


def build_all(configs: Sequence[PipelineConfig]) -> tuple[Pipeline, ...]:
    """All pipelines, checked together: no two of a name, none feeding each other in a ring."""
    made = tuple(build(config) for config in configs)
    names = [one.name for one in made]
    twice = next((name for name in names if names.count(name) > 1), "")
    if twice:
        raise ConfigError(f"two [[pipeline]] entries are named {twice}", hint="Give each a name of its own.")
    check_cycles({one.name: (one.selection, one.targets) for one in made})
    return made


def _plain(text: str) -> str:
    return text.replace("{", "{{").replace("}", "}}")
