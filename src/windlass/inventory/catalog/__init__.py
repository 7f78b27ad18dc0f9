"""The curated resource types: one declaration per type, one file per family, all in the tuple CATALOG."""

from windlass.inventory.catalog import (
    analytics,
    applications,
    compliance,
    compute,
    connectivity,
    containers,
    databases,
    developer,
    ec2,
    edge,
    eks,
    firewall,
    iam,
    lambda_,
    load_balancers,
    machine_learning,
    management,
    messaging,
    migration,
    network,
    organization,
    rds,
    s3,
    s3_services,
    security,
    storage,
)
from windlass.inventory.resource_type import ResourceType

__all__ = ["BY_NAME", "CATALOG"]

CATALOG: tuple[ResourceType, ...] = (
    *s3.TYPES,
    *s3_services.TYPES,
    *ec2.TYPES,
    *compute.TYPES,
    *network.TYPES,
    *firewall.TYPES,
    *load_balancers.TYPES,
    *connectivity.TYPES,
    *edge.TYPES,
    *iam.TYPES,
    *organization.TYPES,
    *lambda_.TYPES,
    *messaging.TYPES,
    *databases.TYPES,
    *rds.TYPES,
    *migration.TYPES,
    *containers.TYPES,
    *eks.TYPES,
    *storage.TYPES,
    *security.TYPES,
    *compliance.TYPES,
    *analytics.TYPES,
    *machine_learning.TYPES,
    *developer.TYPES,
    *applications.TYPES,
    *management.TYPES,
)

BY_NAME = {kind.name: kind for kind in CATALOG}
