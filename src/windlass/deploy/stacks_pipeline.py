"""A pipeline's stack, from its [[pipeline]] entry: queue, dead letters, log, role, function, mapping, notification. Pure."""

from __future__ import annotations

from windlass.core.errors import ConfigError
from windlass.deploy import stacks_parts as parts
from windlass.deploy.stacks import Code, Kind, Place, Stack, fitted
from windlass.deploy.stacks_parts import FunctionSettings, Source, covering, read_s3
from windlass.deploy.stacks_roles import pipeline_policy
from windlass.pipelines.config import PipelineConfig

__all__ = ["pipeline_stack", "queue_name"]

HANDLER = "windlass.functions.pipeline.handler"
BATCH = 10


def pipeline_stack(config: PipelineConfig, place: Place, settings: FunctionSettings, code: Code | None) -> Stack:
    """Everything the pipeline needs to run as a Lambda function. ConfigError for a queue of another place."""
    queue = queue_name(config.queue, place) or fitted(f"windlass-{config.name}-events", 75)
    name = fitted(f"windlass-{config.name}")
    role = fitted(f"{name}-{place.region}")
    dead = fitted(f"{queue}-dead", 80)
    mark = Stack(Kind.PIPELINE, config.name, place, ()).mark
    events = ("s3:ObjectCreated:*", *(("s3:ObjectRemoved:*",) if config.mirror_deletes else ()))
    bucket, prefix = read_s3(config.source, "source")
    source = Source(bucket, events, (prefix,), covering(config.suffix or ("",), str.endswith))
    log = parts.log_group(name)
    sending, rule_arns = parts.sending(place, mark, name, queue, [source], settings.via)
    policy = pipeline_policy(config.model_copy(update={"queue": queue}), place, name, settings.kms_key_arns)
    return Stack(
        Kind.PIPELINE,
        config.name,
        place,
        (
            parts.dead_queue(dead),
            parts.events_queue(place, queue, dead, settings.visibility_s, mark, [source], rule_arns=rule_arns),
            log,
            parts.role(role, policy, f"Windlass pipeline {config.name}"),
            parts.function(place, name, role, HANDLER, code, settings),
            parts.mapping(place, name, queue, purpose="mapping", batch=BATCH, concurrency=settings.concurrency),
            *sending,
        ),
    )


def queue_name(said: str, place: Place) -> str:
    """The queue's name from a name, ARN or URL; empty when nothing was said. ConfigError when it is elsewhere, or FIFO."""
    if not said:
        return ""
    if said.startswith("arn:"):
        *_, region, account, name = said.split(":")
        if (region, account) != (place.region, place.account_id):
            raise ConfigError(
                f"queue {said} is not in {place.region} of {place.account_id}",
                hint="Lambda, queue and bucket are in one region: set account and region.",
            )
    else:
        name = said.rstrip("/").rpartition("/")[2]
    if name.endswith(".fifo"):
        raise ConfigError(
            f"{name} is a FIFO queue; S3 sends events to standard queues only", hint="Name another queue."
        )
    return name
