"""What a company has once or twice and not everywhere: Aurora, Redis, a big cache, Kafka, Batch, Glue jobs, DataSync, a layer."""

from __future__ import annotations

from windlass_local.seed.clients import Place
from windlass_local.seed.identity import role_arn, tag_list
from windlass_local.seed.network import Network
from windlass_local.seed.plan import Bucket
from windlass_local.seed.workloads import handler_zip

__all__ = ["HOMES", "build_platform"]

HOMES = {("111111111111", "us-east-1"), ("222222222222", "us-east-1")}
_DATA = {"team": "data", "env": "prod"}


def build_platform(place: Place, network: Network, buckets: list[Bucket]) -> None:
    """Everything of this module; nothing outside the two places where the company keeps such things."""
    if (place.account_id, place.region) not in HOMES:
        return
    _stores(place, network)
    _batch(place, network)
    _jobs(place, buckets)


def _stores(place: Place, network: Network) -> None:
    place.make(
        "rds.cluster",
        place.client("rds").create_db_cluster,
        DBClusterIdentifier="settlement",
        Engine="aurora-postgresql",
        MasterUsername="app",
        MasterUserPassword="not-a-real-password",
        StorageEncrypted=True,
        Tags=tag_list({"team": "payments", "env": "prod"}),
    )
    place.make(
        "elasticache.replication-group",
        place.client("elasticache").create_replication_group,
        ReplicationGroupId="carts",
        ReplicationGroupDescription="shopping carts",
        Engine="redis",
        CacheNodeType="cache.r6g.large",
        NumCacheClusters=2,
        AutomaticFailoverEnabled=True,
        Tags=tag_list({"team": "web", "env": "prod"}),
    )
    place.make(
        "elasticache.cluster",
        place.client("elasticache").create_cache_cluster,
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
    place.make(
        "kafka.cluster",
        place.client("kafka").create_cluster,
        ClusterName="harbour-events",
        KafkaVersion="3.6.0",
        NumberOfBrokerNodes=2,
        BrokerNodeGroupInfo=nodes,
        Tags=_DATA,
    )


def _batch(place: Place, network: Network) -> None:
    batch = place.client("batch")
    resources = {
        "type": "EC2",
        "minvCpus": 0,
        "maxvCpus": 64,
        "instanceTypes": ["m5.large"],
        "subnets": list(network.subnets),
        "securityGroupIds": [network.groups["internal"]],
        "instanceRole": f"arn:aws:iam::{place.account_id}:instance-profile/instance-base",
    }
    made = place.make(
        "batch.compute-environment",
        batch.create_compute_environment,
        computeEnvironmentName="nightly",
        type="MANAGED",
        state="ENABLED",
        computeResources=resources,
        serviceRole=role_arn(place.account_id, "cluster"),
        tags=_DATA,
    )
    order = [{"order": 1, "computeEnvironment": made["computeEnvironmentArn"]}]
    place.make(
        "batch.job-queue",
        batch.create_job_queue,
        jobQueueName="nightly",
        state="ENABLED",
        priority=10,
        computeEnvironmentOrder=order,
        tags=_DATA,
    )


def _jobs(place: Place, buckets: list[Bucket]) -> None:
    place.make(
        "lambda.layer",
        place.client("lambda").publish_layer_version,
        LayerName="harbour-common",
        Content={"ZipFile": handler_zip()},
        CompatibleRuntimes=["python3.12"],
    )
    if len(buckets) < 2:
        return
    source, target = buckets[:2]
    command = {"Name": "glueetl", "ScriptLocation": f"s3://{source.name}/jobs/join.py", "PythonVersion": "3"}
    place.make(
        "glue.job",
        place.client("glue").create_job,
        Name="join-manifests",
        Role=role_arn(place.account_id, "workflow"),
        Command=command,
        GlueVersion="5.0",
        Tags=_DATA,
    )
    datasync = place.client("datasync")
    role = {"BucketAccessRoleArn": role_arn(place.account_id, "gateway-access")}
    ends = [
        place.make(
            "datasync.location",
            datasync.create_location_s3,
            S3BucketArn=f"arn:aws:s3:::{one.name}",
            S3Config=role,
            Subdirectory="/",
        )["LocationArn"]
        for one in (source, target)
    ]
    place.make(
        "datasync.task",
        datasync.create_task,
        Name="nightly-copy",
        SourceLocationArn=ends[0],
        DestinationLocationArn=ends[1],
    )
