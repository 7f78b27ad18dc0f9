"""`[[pipeline]]`: sources are read, targets written under a condition, refused objects kept."""

from __future__ import annotations

from collections.abc import Sequence

from windlass.deploy.policies.shared import consuming, dead_letters, estate, find_queue, function_logs, kms
from windlass.deploy.policy import Facts, Statement, Use
from windlass.pipelines.config import PipelineConfig
from windlass.pipelines.selection import split_url
from windlass.settings import Settings

__all__ = ["statements"]

_REPORTED = "S3 answers 404 for a missing key only to an identity that may list the bucket"


def statements(settings: Settings, facts: Facts, use: Use) -> Sequence[Statement]:
    """What the pipelines need; an operator also lists sources for backfills."""
    found: list[Statement] = [*estate(settings, facts)] if use is Use.OPERATOR else []
    for config in settings.pipeline:
        here = facts.at(config.account, config.region)
        found += _source(config, here) + _target(config, here) + _errors(config, here)
        if config.queue:
            found += consuming(here, config.queue, use, "the events of the sources")
            if use is Use.FUNCTION:
                found.append(find_queue(here, config.queue))
            else:
                actions = ("sqs:SendMessage", "sqs:GetQueueUrl", "sqs:GetQueueAttributes")
                why = "a message without an object event goes to the dead-letter queue"
                found.append(Statement("DeadLetter", actions, dead_letters(here, config.queue), why))
    return [*found, *kms(facts, ("sqs", "s3")), *function_logs(facts, use)]


def _source(config: PipelineConfig, facts: Facts) -> list[Statement]:
    bucket, prefix = split_url(config.source)
    objects = (facts.objects(bucket, prefix),)
    actions = ["s3:GetObject", *(["s3:GetObjectVersion"] if "{version" in config.target else [])]
    found = [
        Statement("ReadSources", tuple(actions), objects, "sources are read", facts.owned),
        Statement("FindSources", ("s3:ListBucket",), (facts.bucket(bucket),), _REPORTED, facts.listed(prefix)),
    ]
    if config.tags == "keep":
        tags = ("s3:GetObjectTagging", "s3:GetObjectVersionTagging")
        found.append(Statement("ReadTags", tags, objects, "tags are carried over", facts.owned))
    return found


def _target(config: PipelineConfig, facts: Facts) -> list[Statement]:
    bucket, template = split_url(config.target)
    prefix = template.partition("{")[0]
    objects = (facts.objects(bucket, prefix),)
    found = [
        Statement(
            "WriteTargets",
            ("s3:GetObject", "s3:PutObject", "s3:AbortMultipartUpload"),
            objects,
            "outputs are written under a condition; what is there is looked at",
            facts.owned,
        ),
        Statement("FindTargets", ("s3:ListBucket",), (facts.bucket(bucket),), _REPORTED, facts.listed(prefix)),
    ]
    if config.tags == "keep":
        found.append(Statement("WriteTags", ("s3:PutObjectTagging",), objects, "tags are carried over", facts.owned))
    if config.mirror_deletes:
        found.append(
            Statement("MirrorDeletes", ("s3:DeleteObject",), objects, "an output goes with its source", facts.owned)
        )
    return found


def _errors(config: PipelineConfig, facts: Facts) -> list[Statement]:
    if not config.on_error:
        return []
    bucket, prefix = split_url(config.on_error)
    source, below = split_url(config.source)
    objects = (facts.objects(bucket, prefix),)
    return [
        Statement(
            "KeepRefused",
            ("s3:PutObject", "s3:PutObjectTagging"),
            objects,
            "refused objects are copied, with their tags, and the reason beside each",
            facts.owned,
        ),
        Statement(
            "ReadRefusedTags",
            ("s3:GetObjectTagging",),
            (facts.objects(source, below),),
            "a copy takes the object's tags along",
            facts.owned,
        ),
    ]
