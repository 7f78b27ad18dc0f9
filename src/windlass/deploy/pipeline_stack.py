"""The stack of a pipeline, from its [[pipeline]] entry. Pure."""

from __future__ import annotations

from windlass.core.errors import ConfigError
from windlass.deploy import stack_resources as resources
from windlass.deploy.function_roles import pipeline_policy
from windlass.deploy.stack import FunctionCode, Stack, StackKind, StackLocation, shortened
from windlass.deploy.stack_resources import BucketEvents, FunctionSettings, fewest_filters, read_s3
from windlass.pipelines.config import PipelineConfig

__all__ = ["pipeline_stack", "queue_name"]

HANDLER = "windlass.functions.pipeline.handler"
BATCH = 10


def pipeline_stack(
    config: PipelineConfig, place: StackLocation, settings: FunctionSettings, code: FunctionCode | None
) -> Stack:
    """Return the stack that runs the pipeline as a Lambda function. ConfigError for a queue of another account or region."""
    queue = queue_name(config.queue, place) or shortened(f"windlass-{config.name}-events", 75)
    name = shortened(f"windlass-{config.name}")
    role = shortened(f"{name}-{place.region}")
    dead = shortened(f"{queue}-dead", 80)
    mark = Stack(StackKind.PIPELINE, config.name, place, ()).mark
    events = ("s3:ObjectCreated:*", *(("s3:ObjectRemoved:*",) if config.mirror_deletes else ()))
    bucket, prefix = read_s3(config.source, "source")
    source = BucketEvents(bucket, events, (prefix,), fewest_filters(config.suffix or ("",), str.endswith))
    log = resources.log_group(name)
    event_sources, rule_arns = resources.event_sources(place, mark, name, queue, [source], settings.via)
    policy = pipeline_policy(config.model_copy(update={"queue": queue}), place, name, settings.kms_key_arns)
    return Stack(
        StackKind.PIPELINE,
        config.name,
        place,
        (
            resources.dead_letter_queue(dead),
            resources.events_queue(place, queue, dead, settings.visibility_s, mark, [source], rule_arns=rule_arns),
            log,
            resources.role(role, policy, f"Windlass pipeline {config.name}"),
            resources.function(place, name, role, HANDLER, code, settings),
            resources.mapping(place, name, queue, purpose="mapping", batch=BATCH, concurrency=settings.concurrency),
            *event_sources,
        ),
    )


def queue_name(reference: str, place: StackLocation) -> str:
    """Return the queue's name from a name, ARN or URL; empty when none is set. ConfigError for another region or a FIFO queue."""
    if not reference:
        return ""
    if reference.startswith("arn:"):
        *_, region, account, name = reference.split(":")
        if (region, account) != (place.region, place.account_id):
            raise ConfigError(
                f"queue {reference} is not in {place.region} of {place.account_id}",
                hint="The function, queue and bucket must be in one region: set account and region.",
            )
    else:
        name = reference.rstrip("/").rpartition("/")[2]
    if name.endswith(".fifo"):
        raise ConfigError(
            f"{name} is a FIFO queue; S3 sends events to standard queues only", hint="Use a standard queue."
        )
    return name
