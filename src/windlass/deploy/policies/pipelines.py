"""The policy of `[[pipeline]]`: read sources, write targets under a condition, keep refused objects."""

from __future__ import annotations

from collections.abc import Sequence

from windlass.deploy.policies.shared import consuming, dead_letters, estate, find_queue, function_logs, kms
from windlass.deploy.policy import PolicyFacts, PolicyIdentity, Statement
from windlass.pipelines.config import PipelineConfig
from windlass.pipelines.selection import split_url
from windlass.settings import Settings

__all__ = ["statements"]

_REPORTED = "S3 answers 404 for a missing key only to an identity that may list the bucket"


def statements(settings: Settings, facts: PolicyFacts, use: PolicyIdentity) -> Sequence[Statement]:
    """Return the permissions of the pipelines; an operator also lists sources for backfills."""
    grants: list[Statement] = [*estate(settings, facts)] if use is PolicyIdentity.OPERATOR else []
    for config in settings.pipeline:
        local_facts = facts.at(config.account, config.region)
        grants += _source(config, local_facts) + _target(config, local_facts) + _errors(config, local_facts)
        if config.queue:
            grants += consuming(local_facts, config.queue, use, "receive the events of the sources")
            if use is PolicyIdentity.FUNCTION:
                grants.append(find_queue(local_facts, config.queue))
            else:
                actions = ("sqs:SendMessage", "sqs:GetQueueUrl", "sqs:GetQueueAttributes")
                why = "send messages without an object event to the dead-letter queue"
                grants.append(Statement("DeadLetter", actions, dead_letters(local_facts, config.queue), why))
    return [*grants, *kms(facts, ("sqs", "s3")), *function_logs(facts, use)]


def _source(config: PipelineConfig, facts: PolicyFacts) -> list[Statement]:
    bucket, prefix = split_url(config.source)
    objects = (facts.objects(bucket, prefix),)
    actions = ["s3:GetObject", *(["s3:GetObjectVersion"] if "{version" in config.target else [])]
    grants = [
        Statement("ReadSources", tuple(actions), objects, "read sources", facts.owned),
        Statement("FindSources", ("s3:ListBucket",), (facts.bucket(bucket),), _REPORTED, facts.listed(prefix)),
    ]
    if config.tags == "keep":
        tags = ("s3:GetObjectTagging", "s3:GetObjectVersionTagging")
        grants.append(Statement("ReadTags", tags, objects, "preserve tags", facts.owned))
    return grants


def _target(config: PipelineConfig, facts: PolicyFacts) -> list[Statement]:
    bucket, template = split_url(config.target)
    prefix = template.partition("{")[0]
    objects = (facts.objects(bucket, prefix),)
    grants = [
        Statement(
            "WriteTargets",
            ("s3:GetObject", "s3:PutObject", "s3:AbortMultipartUpload"),
            objects,
            "write outputs under a condition, and read existing ones",
            facts.owned,
        ),
        Statement("FindTargets", ("s3:ListBucket",), (facts.bucket(bucket),), _REPORTED, facts.listed(prefix)),
    ]
    if config.tags == "keep":
        grants.append(Statement("WriteTags", ("s3:PutObjectTagging",), objects, "preserve tags", facts.owned))
    if config.mirror_deletes:
        grants.append(
            Statement("MirrorDeletes", ("s3:DeleteObject",), objects, "delete an output with its source", facts.owned)
        )
    return grants


def _errors(config: PipelineConfig, facts: PolicyFacts) -> list[Statement]:
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
            "copy refused objects with their tags, and write the reason beside each",
            facts.owned,
        ),
        Statement(
            "ReadRefusedTags",
            ("s3:GetObjectTagging",),
            (facts.objects(source, below),),
            "copy an object's tags",
            facts.owned,
        ),
    ]
