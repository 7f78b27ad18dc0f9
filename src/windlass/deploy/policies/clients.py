"""CloudTrail's logs are read, here or by Athena; an operator makes and removes the trail."""

from __future__ import annotations

from collections.abc import Sequence

from windlass.deploy.policies.shared import estate, kms
from windlass.deploy.policy import Facts, Statement, Use
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


def statements(settings: Settings, facts: Facts, use: Use) -> Sequence[Statement]:
    """Reading logs; with `clients.athena_output`, asking Athena; for an operator, the trail."""
    found: list[Statement] = list(estate(settings, facts))
    places = [parse_location(one) for one in facts.logs] or [("*", "")]
    objects = tuple(facts.objects(bucket, prefix) for bucket, prefix in places)
    buckets = tuple(facts.bucket(bucket) for bucket, _ in places)
    found += [
        Statement("ReadLogs", ("s3:GetObject",), objects, "CloudTrail's files are read"),
        Statement("ListLogs", ("s3:ListBucket",), buckets, "CloudTrail's files are listed"),
    ]
    if settings.clients.athena_output:
        found += _athena(settings, facts, buckets)
    if use is Use.OPERATOR:
        found += _trail(settings, facts)
    return [*found, *kms(facts, ("s3",))]


def _athena(settings: Settings, facts: Facts, buckets: tuple[str, ...]) -> list[Statement]:
    config = settings.clients
    bucket, prefix = parse_location(config.athena_output)
    workgroup = facts.arn("athena", f"workgroup/{config.athena_workgroup}")
    catalog = tuple(
        facts.arn("glue", one)
        for one in ("catalog", f"database/{config.athena_database}", f"table/{config.athena_database}/*")
    )
    asking = ("athena:StartQueryExecution", "athena:GetQueryExecution", "athena:StopQueryExecution")
    results = ("s3:GetObject", "s3:PutObject", "s3:AbortMultipartUpload", "s3:ListMultipartUploadParts")
    place = ("s3:GetBucketLocation", "s3:ListBucket", "s3:ListBucketMultipartUploads")
    return [
        Statement("Ask", asking, (workgroup,), "Athena's queries"),
        Statement("Catalog", _GLUE, catalog, "Athena keeps the table in Glue, as us"),
        Statement(
            "Results", results, (facts.objects(bucket, prefix),), "Athena writes its answers, as us; we read them"
        ),
        Statement(
            "ResultsPlace", place, (facts.bucket(bucket), *buckets), "Athena reads the location of logs and results"
        ),
    ]


def _trail(settings: Settings, facts: Facts) -> list[Statement]:
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
        Statement(
            "FindTrails", ("cloudtrail:DescribeTrails",), ("*",), "whether there is a trail; it takes no resource"
        ),
        Statement("SeeTrail", looking, (trail,), "`windlass clients trail status`"),
        Statement("MakeTrail", doing, (trail,), "`windlass clients trail enable` and disable"),
        Statement(
            "MakeLogBucket",
            (*making, "s3:ListBucket"),
            (bucket,),
            "`windlass clients trail enable` makes the logs' bucket",
        ),
        Statement("Price", pricing, ("*",), "the estimate of the price needs the buckets' request metrics"),
    ]
