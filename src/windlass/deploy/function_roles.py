"""The role of a deployed function: its trust policy and its least-privilege policy. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from windlass.aggregation.config import AggregateConfig
from windlass.deploy.policies import aggregation, pipelines
from windlass.deploy.policy import PolicyFacts, PolicyIdentity, document
from windlass.deploy.stack import StackLocation
from windlass.pipelines.config import PipelineConfig
from windlass.settings import Settings

__all__ = ["LAMBDA_TRUST", "pipeline_policy", "rules_policy"]

LAMBDA_TRUST: Mapping[str, Any] = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}


def pipeline_policy(config: PipelineConfig, place: StackLocation, function: str, keys: Sequence[str]) -> dict[str, Any]:
    """Return the policy of a pipeline's function. The pipeline must have its queue."""
    settings = Settings.model_construct(pipeline=[config])
    return document(pipelines.statements(settings, _facts(place, function, keys), PolicyIdentity.FUNCTION))


def rules_policy(
    rules: Sequence[AggregateConfig], place: StackLocation, function: str, keys: Sequence[str]
) -> dict[str, Any]:
    """Return the policy of these rules' function."""
    settings = Settings.model_construct(aggregate=list(rules))
    return document(aggregation.statements(settings, _facts(place, function, keys), PolicyIdentity.FUNCTION))


def _facts(place: StackLocation, function: str, keys: Sequence[str]) -> PolicyFacts:
    return PolicyFacts(account=place.account_id, region=place.region, keys=tuple(keys), function=function)
