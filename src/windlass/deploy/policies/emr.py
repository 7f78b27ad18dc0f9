"""`windlass replicate seed --method emr`: a step on a cluster, a Spark job on EMR Serverless, or a cluster of its own."""

from __future__ import annotations

from collections.abc import Sequence

from windlass.deploy.policy import ANY, Facts, Statement, role_arn
from windlass.settings import Settings

__all__ = ["statements"]

_TAG = "windlass:seed"
_INSTANCE_ROLE, _SERVICE_ROLE = "EMR_EC2_DefaultRole", "EMR_DefaultRole"


def statements(settings: Settings, facts: Facts) -> Sequence[Statement]:
    """What sets with method = "emr" need; of the three ways only the one that `facts` name, where they name one."""
    if not (facts.cluster or facts.application or any(one.method == "emr" for one in settings.replicate)):
        return []
    found: list[Statement] = []
    if facts.cluster or not facts.application:
        found += _steps(facts)
    if facts.application or not facts.cluster:
        found += _serverless(facts)
    if not (facts.cluster or facts.application):
        found += _transient(facts)
    return found


def _steps(facts: Facts) -> list[Statement]:
    cluster = facts.arn("elasticmapreduce", f"cluster/{facts.cluster or ANY}", region=ANY)
    actions = ("elasticmapreduce:AddJobFlowSteps", "elasticmapreduce:DescribeStep")
    return [Statement("Steps", actions, (cluster,), "EMR: a step is added to a cluster, and followed")]


def _serverless(facts: Facts) -> list[Statement]:
    application = facts.arn("emr-serverless", f"/applications/{facts.application or ANY}", region=ANY)
    role = role_arn(facts, facts.execution_role or ANY)
    starting = ("emr-serverless:StartJobRun", "emr-serverless:TagResource")
    passed = {"StringEquals": {"iam:PassedToService": "emr-serverless.amazonaws.com"}}
    return [
        Statement(
            "StartRuns", starting, (application, f"{application}/jobruns/*"), "EMR Serverless: a Spark job is started"
        ),
        Statement("FollowRuns", ("emr-serverless:GetJobRun",), (f"{application}/jobruns/*",), "and followed"),
        Statement("PassExecutionRole", ("iam:PassRole",), (role,), "the Spark job works as this role", passed),
    ]


def _transient(facts: Facts) -> list[Statement]:
    made = {"StringLike": {f"elasticmapreduce:RequestTag/{_TAG}": ANY}}
    ours = {"StringLike": {f"elasticmapreduce:ResourceTag/{_TAG}": ANY}}
    clusters = facts.arn("elasticmapreduce", f"cluster/{ANY}", region=ANY)
    found = [
        Statement(
            "MakeClusters",
            ("elasticmapreduce:RunJobFlow", "elasticmapreduce:AddTags"),
            (ANY,),
            "EMR: a cluster of its own, with our tag; it has no ARN yet",
            made,
        ),
        Statement(
            "FollowClusters", ("elasticmapreduce:ListSteps",), (clusters,), "the step of a cluster of its own", ours
        ),
    ]
    for sid, name, service in (
        ("PassServiceRole", _SERVICE_ROLE, "elasticmapreduce"),
        ("PassInstanceRole", _INSTANCE_ROLE, "ec2"),
    ):
        passed = {"StringLike": {"iam:PassedToService": f"{service}.amazonaws.com*"}}
        found.append(
            Statement(sid, ("iam:PassRole",), (role_arn(facts, name),), "the roles of a cluster of its own", passed)
        )
    return found
