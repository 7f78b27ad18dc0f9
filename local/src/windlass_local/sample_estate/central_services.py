"""Services that a company runs in one or two regions: Aurora, Redis, Kafka, Batch, Glue jobs, DataSync, a layer."""

from __future__ import annotations

from windlass_local.sample_estate.clients import EstateRegion
from windlass_local.sample_estate.identity import role_arn, tag_list
from windlass_local.sample_estate.network import Network
from windlass_local.sample_estate.plan import Bucket
from windlass_local.sample_estate.workloads import handler_zip

__all__ = ["HOMES", "build_platform"]

HOMES = {("111111111111", "us-east-1"), ("222222222222", "us-east-1")}
_DATA = {"team": "data", "env": "prod"}


def build_platform(estate_region: EstateRegion, network: Network, buckets: list[Bucket]) -> None:
    """Create everything of this module, in the two regions where the company has such services."""
    if (estate_region.account_id, estate_region.region) not in HOMES:
        return
    _stores(estate_region, network)
    _batch(estate_region, network)
    _jobs(estate_region, buckets)


def _stores(estate_region: EstateRegion, network: Network) -> None:
    estate_region.make(
        "rds.cluster",
        estate_region.client("rds").create_db_cluster,
        DBClusterIdentifier="settlement",
        Engine="aurora-postgresql",
        MasterUsername="app",
        MasterUserPassword="not-a-real-password",
        StorageEncrypted=True,
        Tags=tag_list({"team": "payments", "env": "prod"}),
    )
    estate_region.make(
        "elasticache.replication-group",
        estate_region.client("elasticache").create_replication_group,
        ReplicationGroupId="carts",
        ReplicationGroupDescription="shopping carts",
        Engine="redis",
        CacheNodeType="cache.r6g.large",
        NumCacheClusters=2,
        AutomaticFailoverEnabled=True,
        Tags=tag_list({"team": "web", "env": "prod"}),
    )
    estate_region.make(
        "elasticache.cluster",
        estate_region.client("elasticache").create_cache_cluster,
        CacheClusterId="catalogue",
        Engine="memcached",
        NumCacheNodes=24,
        CacheNodeType="cache.r7g.large",
        AZMode="cross-az",
        Tags=tag_list({"team": "web", "env": "prod"}),
    )
    nodes = {
        "InstanceType": "kafka.m5.large",
        "ClientSubnets": list(network.subnets),
        "SecurityGroups": [network.groups["internal"]],
    }
    estate_region.make(
        "kafka.cluster",
        estate_region.client("kafka").create_cluster,
        ClusterName="harbour-events",
        KafkaVersion="3.6.0",
        NumberOfBrokerNodes=2,
        BrokerNodeGroupInfo=nodes,
        Tags=_DATA,
    )


def _batch(estate_region: EstateRegion, network: Network) -> None:
    batch = estate_region.client("batch")
    resources = {
        "type": "EC2",
        "minvCpus": 0,
        "maxvCpus": 64,
        "instanceTypes": ["m5.large"],
        "subnets": list(network.subnets),
        "securityGroupIds": [network.groups["internal"]],
        "instanceRole": f"arn:aws:iam::{estate_region.account_id}:instance-profile/instance-base",
    }
    created = estate_region.make(
        "batch.compute-environment",
        batch.create_compute_environment,
        computeEnvironmentName="nightly",
        type="MANAGED",
        state="ENABLED",
        computeResources=resources,
        serviceRole=role_arn(estate_region.account_id, "cluster"),
        tags=_DATA,
    )
    order = [{"order": 1, "computeEnvironment": created["computeEnvironmentArn"]}]
    estate_region.make(
        "batch.job-queue",
        batch.create_job_queue,
        jobQueueName="nightly",
        state="ENABLED",
        priority=10,
        computeEnvironmentOrder=order,
        tags=_DATA,
    )


def _jobs(estate_region: EstateRegion, buckets: list[Bucket]) -> None:
    estate_region.make(
        "lambda.layer",
        estate_region.client("lambda").publish_layer_version,
        LayerName="harbour-common",
        Content={"ZipFile": handler_zip()},
        CompatibleRuntimes=["python3.12"],
    )
    if len(buckets) < 2:
        return
    source, target = buckets[:2]
    command = {"Name": "glueetl", "ScriptLocation": f"s3://{source.name}/jobs/join.py", "PythonVersion": "3"}
    estate_region.make(
        "glue.job",
        estate_region.client("glue").create_job,
        Name="join-manifests",
        Role=role_arn(estate_region.account_id, "workflow"),
        Command=command,
        GlueVersion="5.0",
        Tags=_DATA,
    )
    datasync = estate_region.client("datasync")
    role = {"BucketAccessRoleArn": role_arn(estate_region.account_id, "gateway-access")}
    ends = [
        estate_region.make(
            "datasync.location",
            datasync.create_location_s3,
            S3BucketArn=f"arn:aws:s3:::{bucket_.name}",
            S3Config=role,
            Subdirectory="/",
        )["LocationArn"]
        for bucket_ in (source, target)
    ]
    estate_region.make(
        "datasync.task",
        datasync.create_task,
        Name="nightly-copy",
        SourceLocationArn=ends[0],
        DestinationLocationArn=ends[1],
    )
