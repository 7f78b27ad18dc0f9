"""The curated resource types: one declaration per type, one file per family, all in the tuple CATALOG."""

from windlass.inventory.catalog import (
    analytics,
    containers,
    databases,
    ec2,
    edge,
    iam,
    lambda_,
    management,
    messaging,
    s3,
    security,
    storage,
)
from windlass.inventory.resource_type import ResourceType

__all__ = ["BY_NAME", "CATALOG"]

CATALOG: tuple[ResourceType, ...] = (
    *s3.TYPES,
    *ec2.TYPES,
    *iam.TYPES,
    *lambda_.TYPES,
    *messaging.TYPES,
    *databases.TYPES,
    *containers.TYPES,
    *edge.TYPES,
    *storage.TYPES,
    *security.TYPES,
    *analytics.TYPES,
    *management.TYPES,
)

BY_NAME = {kind.name: kind for kind in CATALOG}
