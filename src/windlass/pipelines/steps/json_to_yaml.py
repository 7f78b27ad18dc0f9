"""json-to-yaml."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from windlass.pipelines.documents import checked_depth, parse_json
from windlass.pipelines.model import Output, Reason, Rejected, Source, Step, StepOption
from windlass.pipelines.names import exchanged
from windlass.pipelines.stream import read_all

__all__ = ["STEP"]


def _run(source: Source, options: Mapping[str, Any]) -> Iterator[Output]:
    name = exchanged(source.name, (".json",), ".yaml")
    yield Output(chunks=_yaml(source, options), name=name, content_type="application/yaml")


def _yaml(source: Source, options: Mapping[str, Any]) -> Iterator[bytes]:
    import yaml

    value = checked_depth(parse_json(read_all(source.chunks, options["max_bytes"])))
    dumper = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
    try:
        text = yaml.dump(value, Dumper=dumper, allow_unicode=True, sort_keys=options["sort"], width=2**31 - 1)
    except yaml.YAMLError as problem:
        raise Rejected(Reason.UNSUPPORTED, f"the document cannot be written as YAML: {problem}") from problem
    yield text.encode()


STEP = Step(
    name="json-to-yaml",
    summary="JSON to YAML, with the order of members preserved.",
    run=_run,
    streams=False,
    requires=("yaml",),
    options=(
        StepOption(name="sort", help="Sort the members of each mapping.", kind="flag", default=False),
        StepOption(
            name="max_bytes", help="Refuse larger objects.", kind="size", default=32 << 20, minimum=1, maximum=1 << 30
        ),
    ),
)
