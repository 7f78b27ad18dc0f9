"""A pipeline: its selection, transform and target, checked together before anything runs."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from windlass.core.errors import ConfigError
from windlass.pipelines.chain import Transform, read_transform
from windlass.pipelines.config import PipelineConfig
from windlass.pipelines.loop_guard import check_cycles, check_loop
from windlass.pipelines.selection import Selection, read_selection, split_url
from windlass.pipelines.template import TargetTemplate, read_template

__all__ = ["Pipeline", "build", "build_all"]


@dataclass(frozen=True, slots=True)
class Pipeline:
    """A pipeline ready to run."""

    config: PipelineConfig
    selection: Selection
    transform: Transform
    target: TargetTemplate
    errors: tuple[str, str]  # bucket and prefix of on_error; empty without one
    targets: tuple[TargetTemplate, ...]  # everything it writes: outputs, refused objects, their reasons

    @property
    def name(self) -> str:
        """The name in windlass.toml."""
        return self.config.name

    @property
    def recipe(self) -> str:
        """A digest of everything that determines an output. An output of another recipe is replaced."""
        config = self.config
        parts = (
            self.transform.recipe,
            config.content_type,
            config.storage_class,
            sorted(config.metadata.items()),
            config.tags,
        )
        return hashlib.sha256(repr(parts).encode()).hexdigest()[:16]


def build(config: PipelineConfig) -> Pipeline:
    """Build one pipeline. ConfigError when its entry cannot work."""
    selection = read_selection(config.source, suffixes=tuple(config.suffix), patterns=tuple(config.match))
    transform = read_transform(config.transform)
    target = read_template(config.target, selection, many=transform.many)
    errors = ("", "")
    targets = [target]
    if config.on_error:
        bucket, prefix = split_url(config.on_error)
        if prefix and not prefix.endswith("/"):
            raise ConfigError(
                f"pipeline {config.name}: on_error = {config.on_error!r} is not a folder", hint="End it with a slash."
            )
        errors = (bucket, prefix)
        targets += [
            read_template(f"s3://{bucket}/{_escape_braces(prefix)}{{key}}{end}", selection)
            for end in ("", ".reason.json")
        ]
    check_loop(config.name, selection, targets)
    if config.mirror_deletes and (transform.many or target.per_version or target.per_output):
        raise ConfigError(
            f"pipeline {config.name}: mirror_deletes needs exactly one target per key, known without reading the object",
            hint="Use {key}, {path}, {dir} and {stem} in the target, and a transform with one output.",
        )
    return Pipeline(config, selection, transform, target, errors, tuple(targets))


def build_all(configs: Sequence[PipelineConfig]) -> tuple[Pipeline, ...]:
    """Build all pipelines. ConfigError when two have one name or when they feed each other in a ring."""
    pipelines = tuple(build(config) for config in configs)
    names = [pipeline.name for pipeline in pipelines]
    duplicate = next((name for name in names if names.count(name) > 1), "")
    if duplicate:
        raise ConfigError(f"two [[pipeline]] entries are named {duplicate}", hint="Give each entry its own name.")
    check_cycles({pipeline.name: (pipeline.selection, pipeline.targets) for pipeline in pipelines})
    return pipelines


def _escape_braces(text: str) -> str:
    return text.replace("{", "{{").replace("}", "}}")
