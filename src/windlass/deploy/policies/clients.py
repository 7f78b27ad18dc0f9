"""The policy of clients: read CloudTrail's logs, locally or by Athena; an operator creates and deletes the trail."""

from __future__ import annotations

from collections.abc import Sequence

from windlass.deploy.policies.shared import estate, kms
from windlass.deploy.policy import PolicyFacts, PolicyIdentity, Statement
from windlass.replication.planning.pairs import parse_location
from windlass.settings import Settings

__all__ = ["statements"]

_GLUE = (
    "glue:GetDatabase",
    "glue:CreateDatabase",
    "glue:GetTable",
    "glue:CreateTable",
    "glue:UpdateTable",
    "glue:GetPartitions",
)


def statements(settings: Settings, facts: PolicyFacts, use: PolicyIdentity) -> Sequence[Statement]:
    """Return the permissions to read logs; with `clients.athena_output` also to query Athena; for an operator, the trail."""
    grants: list[Statement] = list(estate(settings, facts))
    places = [parse_location(log) for log in facts.logs] or [("*", "")]
    objects = tuple(facts.objects(bucket, prefix) for bucket, prefix in places)
    buckets = tuple(facts.bucket(bucket) for bucket, _ in places)
    grants += [
        Statement("ReadLogs", ("s3:GetObject",), objects, "read CloudTrail's log files"),
        Statement("ListLogs", ("s3:ListBucket",), buckets, "list CloudTrail's log files"),
    ]
    if settings.clients.athena_output:
        grants += _athena(settings, facts, buckets)
    if use is PolicyIdentity.OPERATOR:
        grants += _trail(settings, facts)
    return [*grants, *kms(facts, ("s3",))]


def _athena(settings: Settings, facts: PolicyFacts, buckets: tuple[str, ...]) -> list[Statement]:
    config = settings.clients
    bucket, prefix = parse_location(config.athena_output)
    workgroup = facts.arn("athena", f"workgroup/{config.athena_workgroup}")
    catalog = tuple(
        facts.arn("glue", name)
        for name in ("catalog", f"database/{config.athena_database}", f"table/{config.athena_database}/*")
    )
    asking = ("athena:StartQueryExecution", "athena:GetQueryExecution", "athena:StopQueryExecution")
    results = ("s3:GetObject", "s3:PutObject", "s3:AbortMultipartUpload", "s3:ListMultipartUploadParts")
    place = ("s3:GetBucketLocation", "s3:ListBucket", "s3:ListBucketMultipartUploads")
    return [
        Statement("Ask", asking, (workgroup,), "run Athena queries"),
        Statement("Catalog", _GLUE, catalog, "Athena keeps the table in Glue, with our identity"),
        Statement(
            "Results",
            results,
            (facts.objects(bucket, prefix),),
            "Athena writes results with our identity; Windlass reads them",
        ),
        Statement(
            "ResultsPlace", place, (facts.bucket(bucket), *buckets), "Athena reads the locations of logs and results"
        ),
    ]


def _trail(settings: Settings, facts: PolicyFacts) -> list[Statement]:
    name = settings.clients.trail_name
    trail = facts.arn("cloudtrail", f"trail/{name}")
    looking = ("cloudtrail:GetTrailStatus", "cloudtrail:GetEventSelectors")
    doing = (
        "cloudtrail:CreateTrail",
        "cloudtrail:PutEventSelectors",
        "cloudtrail:StartLogging",
        "cloudtrail:StopLogging",
        "cloudtrail:DeleteTrail",
    )
    making = ("s3:CreateBucket", "s3:PutBucketPublicAccessBlock", "s3:PutLifecycleConfiguration", "s3:PutBucketPolicy")
    bucket = facts.bucket(f"{name}-*")
    pricing = (
        "s3:ListAllMyBuckets",
        "s3:GetBucketLocation",
        "s3:GetMetricsConfiguration",
        "cloudwatch:GetMetricStatistics",
    )
    return [
        Statement("FindTrails", ("cloudtrail:DescribeTrails",), ("*",), "find the trail; the action has no resource"),
        Statement("SeeTrail", looking, (trail,), "`windlass clients trail status`"),
        Statement("MakeTrail", doing, (trail,), "`windlass clients trail enable` and `disable`"),
        Statement(
            "MakeLogBucket",
            (*making, "s3:ListBucket"),
            (bucket,),
            "`windlass clients trail enable` creates the logs' bucket",
        ),
        Statement("Price", pricing, ("*",), "estimate the price from the buckets' request metrics"),
    ]
