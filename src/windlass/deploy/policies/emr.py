"""The policy of `windlass replicate seed --method emr`: a step on a cluster, a Spark job on EMR Serverless, or a new cluster."""

from __future__ import annotations

from collections.abc import Sequence

from windlass.deploy.policy import ANY, PolicyFacts, Statement, role_arn
from windlass.settings import Settings

__all__ = ["statements"]

_TAG = "windlass:seed"
_INSTANCE_ROLE, _SERVICE_ROLE = "EMR_EC2_DefaultRole", "EMR_DefaultRole"


def statements(settings: Settings, facts: PolicyFacts) -> Sequence[Statement]:
    """Return the permissions of sets with method = "emr": all three kinds of run, or only the one that `facts` name."""
    if not (facts.cluster or facts.application or any(config.method == "emr" for config in settings.replicate)):
        return []
    grants: list[Statement] = []
    if facts.cluster or not facts.application:
        grants += _steps(facts)
    if facts.application or not facts.cluster:
        grants += _serverless(facts)
    if not (facts.cluster or facts.application):
        grants += _transient(facts)
    return grants


def _steps(facts: PolicyFacts) -> list[Statement]:
    cluster = facts.arn("elasticmapreduce", f"cluster/{facts.cluster or ANY}", region=ANY)
    actions = ("elasticmapreduce:AddJobFlowSteps", "elasticmapreduce:DescribeStep")
    return [Statement("Steps", actions, (cluster,), "EMR: add a step to a cluster and follow it")]


def _serverless(facts: PolicyFacts) -> list[Statement]:
    application = facts.arn("emr-serverless", f"/applications/{facts.application or ANY}", region=ANY)
    role = role_arn(facts, facts.execution_role or ANY)
    starting = ("emr-serverless:StartJobRun", "emr-serverless:TagResource")
    passed_to = {"StringEquals": {"iam:PassedToService": "emr-serverless.amazonaws.com"}}
    return [
        Statement(
            "StartRuns", starting, (application, f"{application}/jobruns/*"), "EMR Serverless: start a Spark job"
        ),
        Statement(
            "FollowRuns", ("emr-serverless:GetJobRun",), (f"{application}/jobruns/*",), "EMR Serverless: follow the job"
        ),
        Statement("PassExecutionRole", ("iam:PassRole",), (role,), "EMR Serverless: pass the job's role", passed_to),
    ]


def _transient(facts: PolicyFacts) -> list[Statement]:
    with_our_tag = {"StringLike": {f"elasticmapreduce:RequestTag/{_TAG}": ANY}}
    ours = {"StringLike": {f"elasticmapreduce:ResourceTag/{_TAG}": ANY}}
    clusters = facts.arn("elasticmapreduce", f"cluster/{ANY}", region=ANY)
    grants = [
        Statement(
            "MakeClusters",
            ("elasticmapreduce:RunJobFlow", "elasticmapreduce:AddTags"),
            (ANY,),
            "EMR: create a cluster with our tag; it has no ARN yet",
            with_our_tag,
        ),
        Statement(
            "FollowClusters",
            ("elasticmapreduce:ListSteps",),
            (clusters,),
            "EMR: follow the step of a new cluster",
            ours,
        ),
    ]
    for sid, name, service in (
        ("PassServiceRole", _SERVICE_ROLE, "elasticmapreduce"),
        ("PassInstanceRole", _INSTANCE_ROLE, "ec2"),
    ):
        passed_to = {"StringLike": {"iam:PassedToService": f"{service}.amazonaws.com*"}}
        grants.append(
            Statement(
                sid, ("iam:PassRole",), (role_arn(facts, name),), "EMR: pass the roles of a new cluster", passed_to
            )
        )
    return grants
