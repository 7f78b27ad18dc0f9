"""Databases, containers, streams, analytics and edge services: a few of each, where they are usual."""

from __future__ import annotations

import json

from windlass_local.sample_estate.clients import EstateRegion
from windlass_local.sample_estate.identity import role_arn, tag_list
from windlass_local.sample_estate.network import Network
from windlass_local.sample_estate.plan import Bucket

__all__ = ["build_account", "build_region"]

_PLATFORM = {"team": "platform", "managed-by": "terraform"}


def build_region(estate_region: EstateRegion, network: Network, buckets: list[Bucket]) -> None:
    """Create what a region has once."""
    _databases(estate_region, network)
    _containers(estate_region, network)
    _streams(estate_region, buckets)
    _analytics(estate_region, buckets)
    _files(estate_region, network, buckets)
    _management(estate_region)


def _databases(estate_region: EstateRegion, network: Network) -> None:
    rds = estate_region.client("rds")
    subnets = list(network.subnets)
    tags = tag_list({"team": "payments", "env": "prod"})
    estate_region.make(
        "rds.subnet-group",
        rds.create_db_subnet_group,
        DBSubnetGroupName="main",
        DBSubnetGroupDescription="main",
        SubnetIds=subnets,
    )
    estate_region.make(
        "rds.instance",
        rds.create_db_instance,
        DBInstanceIdentifier="ledger",
        Engine="postgres",
        DBInstanceClass="db.m6g.large",
        AllocatedStorage=200,
        MasterUsername="app",
        MasterUserPassword="not-a-real-password",
        DBSubnetGroupName="main",
        VpcSecurityGroupIds=[network.groups["internal"]],
        StorageEncrypted=estate_region.region != "ap-southeast-2",
        Tags=tags,
    )
    estate_region.make(
        "rds.snapshot",
        rds.create_db_snapshot,
        DBSnapshotIdentifier="ledger-weekly",
        DBInstanceIdentifier="ledger",
        Tags=tags,
    )
    cache = estate_region.client("elasticache")
    estate_region.make(
        "elasticache.cluster",
        cache.create_cache_cluster,
        CacheClusterId="sessions",
        Engine="memcached",
        NumCacheNodes=3,
        CacheNodeType="cache.m6g.large",
        Tags=tag_list({"team": "web"}),
    )
    if estate_region.region == "eu-west-1":
        estate_region.make(
            "opensearch.domain",
            estate_region.client("opensearch").create_domain,
            DomainName="product-search",
            TagList=tag_list({"team": "web"}),
        )
        estate_region.make(
            "redshift.cluster",
            estate_region.client("redshift").create_cluster,
            ClusterIdentifier="warehouse",
            NodeType="ra3.xlplus",
            MasterUsername="admin",
            MasterUserPassword="Not-a-real-1",
            Tags=tag_list({"team": "data"}),
        )


def _containers(estate_region: EstateRegion, network: Network) -> None:
    ecr, ecs = estate_region.client("ecr"), estate_region.client("ecs")
    for name in ("storefront", "ledger", "reports"):
        estate_region.make(
            "ecr.repository", ecr.create_repository, repositoryName=f"harbour/{name}", tags=tag_list(_PLATFORM)
        )
    if estate_region.region in ("us-east-1", "eu-west-1"):
        estate_region.make(
            "ecs.cluster", ecs.create_cluster, clusterName="apps", tags=[{"key": "team", "value": "platform"}]
        )
        definition = {
            "name": "app",
            "image": "harbour/storefront:1.4.2",
            "memory": 512,
            "environment": [{"name": "DATABASE_PASSWORD", "value": "not-a-real-password"}],
        }
        estate_region.make(
            "ecs.task-definition",
            ecs.register_task_definition,
            family="storefront",
            containerDefinitions=[definition],
            taskRoleArn=role_arn(estate_region.account_id, "task-runner"),
        )
        estate_region.make(
            "ecs.service",
            ecs.create_service,
            cluster="apps",
            serviceName="storefront",
            taskDefinition="storefront",
            desiredCount=2,
        )
    if estate_region.account_id != "333333333333" and estate_region.region in ("us-east-1", "eu-west-1"):
        eks = estate_region.client("eks")
        estate_region.make(
            "eks.cluster",
            eks.create_cluster,
            name="workers",
            version="1.33",
            roleArn=role_arn(estate_region.account_id, "cluster"),
            resourcesVpcConfig={"subnetIds": list(network.subnets)},
            tags=_PLATFORM,
        )
        estate_region.make(
            "eks.nodegroup",
            eks.create_nodegroup,
            clusterName="workers",
            nodegroupName="general",
            nodeRole=role_arn(estate_region.account_id, "instance-base"),
            subnets=list(network.subnets),
            tags=_PLATFORM,
        )
    ec2, scaling = estate_region.client("ec2"), estate_region.client("autoscaling")
    estate_region.make(
        "ec2.launch-template",
        ec2.create_launch_template,
        LaunchTemplateName="edge",
        LaunchTemplateData={"ImageId": "ami-0abcdef1234567890", "InstanceType": "t3.small"},
    )
    estate_region.make(
        "autoscaling.group",
        scaling.create_auto_scaling_group,
        AutoScalingGroupName="edge",
        MinSize=0,
        MaxSize=4,
        DesiredCapacity=0,
        LaunchTemplate={"LaunchTemplateName": "edge"},
        VPCZoneIdentifier=network.subnets[0],
        TargetGroupARNs=[network.target_group_arn],
    )


def _streams(estate_region: EstateRegion, buckets: list[Bucket]) -> None:
    events = estate_region.client("events")
    rule = estate_region.make(
        "events.rule",
        events.put_rule,
        Name="nightly-report",
        ScheduleExpression="cron(0 2 * * ? *)",
        Tags=tag_list({"team": "data"}),
    )
    if rule:
        arn = f"arn:aws:sqs:{estate_region.region}:{estate_region.account_id}:data-lake"
        events.put_targets(Rule="nightly-report", Targets=[{"Id": "queue", "Arn": arn}])
    estate_region.make("events.bus", events.create_event_bus, Name="orders")
    if estate_region.region in ("us-east-1", "eu-west-1"):
        estate_region.make(
            "kinesis.stream", estate_region.client("kinesis").create_stream, StreamName="clicks", ShardCount=2
        )
        if buckets:
            destination = {
                "RoleARN": role_arn(estate_region.account_id, "stream-delivery"),
                "BucketARN": f"arn:aws:s3:::{buckets[0].name}",
            }
            estate_region.make(
                "firehose.delivery-stream",
                estate_region.client("firehose").create_delivery_stream,
                DeliveryStreamName="clicks-to-lake",
                ExtendedS3DestinationConfiguration=destination,
            )
    definition = json.dumps({"StartAt": "Done", "States": {"Done": {"Type": "Succeed"}}})
    estate_region.make(
        "stepfunctions.state-machine",
        estate_region.client("stepfunctions").create_state_machine,
        name="settle-day",
        definition=definition,
        roleArn=role_arn(estate_region.account_id, "workflow"),
        tags=[{"key": "team", "value": "payments"}],
    )


def _analytics(estate_region: EstateRegion, buckets: list[Bucket]) -> None:
    glue = estate_region.client("glue")
    estate_region.make("glue.database", glue.create_database, DatabaseInput={"Name": "lake"})
    for bucket in buckets[:2]:
        table = {"Name": bucket.name.replace("-", "_"), "StorageDescriptor": {"Location": f"s3://{bucket.name}/2026/"}}
        estate_region.make("glue.table", glue.create_table, DatabaseName="lake", TableInput=table)
    if buckets:
        output = {"ResultConfiguration": {"OutputLocation": f"s3://{buckets[0].name}/athena/"}}
        estate_region.make(
            "athena.workgroup", estate_region.client("athena").create_work_group, Name="analysts", Configuration=output
        )
    if estate_region.account_id == "222222222222" and estate_region.region == "eu-west-1":
        instances = {
            "MasterInstanceType": "m5.xlarge",
            "SlaveInstanceType": "m5.xlarge",
            "InstanceCount": 3,
            "KeepJobFlowAliveWhenNoSteps": True,
        }
        estate_region.make(
            "emr.cluster",
            estate_region.client("emr").run_job_flow,
            Name="nightly-joins",
            ReleaseLabel="emr-7.9.0",
            Instances=instances,
            JobFlowRole="instance-base",
            ServiceRole="cluster",
        )


def _files(estate_region: EstateRegion, network: Network, buckets: list[Bucket]) -> None:
    if estate_region.region in ("us-east-1", "eu-west-1"):
        estate_region.make(
            "efs.file-system",
            estate_region.client("efs").create_file_system,
            CreationToken="shared",
            Encrypted=True,
            Tags=tag_list({"Name": "shared", "team": "media"}),
        )
        estate_region.make(
            "fsx.file-system",
            estate_region.client("fsx").create_file_system,
            FileSystemType="LUSTRE",
            StorageCapacity=1200,
            SubnetIds=[network.subnets[0]],
        )
    if estate_region.region == "eu-west-1" and buckets:
        gateways = estate_region.client("storagegateway")
        created = estate_region.make(
            "storagegateway.gateway",
            gateways.activate_gateway,
            ActivationKey="A" * 10,
            GatewayName="quayside",
            GatewayTimezone="GMT",
            GatewayRegion=estate_region.region,
            GatewayType="FILE_S3",
        )
        for kind, bucket in zip(("nfs", "smb"), buckets, strict=False):
            create = getattr(gateways, f"create_{kind}_file_share")
            estate_region.make(
                "storagegateway.file-share",
                create,
                ClientToken=f"{kind}-share",
                GatewayARN=created["GatewayARN"],
                Role=role_arn(estate_region.account_id, "gateway-access"),
                LocationARN=f"arn:aws:s3:::{bucket.name}",
            )


def _management(estate_region: EstateRegion) -> None:
    backup = estate_region.client("backup")
    estate_region.make("backup.vault", backup.create_backup_vault, BackupVaultName="daily", BackupVaultTags=_PLATFORM)
    plan = {"BackupPlanName": "daily", "Rules": [{"RuleName": "daily", "TargetBackupVaultName": "daily"}]}
    estate_region.make("backup.plan", backup.create_backup_plan, BackupPlan=plan)
    rest = estate_region.client("apigateway")
    if estate_region.region in ("us-east-1", "eu-west-1"):
        estate_region.make("apigateway.rest-api", rest.create_rest_api, name="partners", tags={"team": "web"})
        estate_region.make(
            "apigateway.http-api", estate_region.client("apigatewayv2").create_api, Name="mobile", ProtocolType="HTTP"
        )
        acl = {"SampledRequestsEnabled": True, "CloudWatchMetricsEnabled": True, "MetricName": "edge"}
        estate_region.make(
            "waf.web-acl",
            estate_region.client("wafv2").create_web_acl,
            Name="edge",
            Scope="REGIONAL",
            DefaultAction={"Allow": {}},
            VisibilityConfig=acl,
        )
    template = {
        "Resources": {
            "Queue": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": f"stack-queue-{estate_region.region}"}}
        }
    }
    estate_region.make(
        "cloudformation.stack",
        estate_region.client("cloudformation").create_stack,
        StackName="shared-queue",
        TemplateBody=json.dumps(template),
        Tags=tag_list(_PLATFORM),
    )


def build_account(estate_region: EstateRegion, buckets: list[Bucket]) -> None:
    """Create what an account has once: the trail, the zone, the distribution."""
    zone = estate_region.client("route53")
    created = estate_region.make(
        "route53.zone",
        zone.create_hosted_zone,
        Name=f"{estate_region.account_id}.harbour.example",
        CallerReference=estate_region.account_id,
    )
    record = {
        "Name": f"www.{estate_region.account_id}.harbour.example",
        "Type": "A",
        "TTL": 300,
        "ResourceRecords": [{"Value": "192.0.2.10"}],
    }
    zone.change_resource_record_sets(
        HostedZoneId=created["HostedZone"]["Id"],
        ChangeBatch={"Changes": [{"Action": "CREATE", "ResourceRecordSet": record}]},
    )
    home = [bucket for bucket in buckets if bucket.region == "us-east-1"] or buckets
    trail = estate_region.client("cloudtrail")
    estate_region.make(
        "cloudtrail.trail", trail.create_trail, Name="all-regions", S3BucketName=home[0].name, IsMultiRegionTrail=True
    )
    trail.start_logging(Name="all-regions")
    origin = {
        "Id": "assets",
        "DomainName": f"{home[0].name}.s3.amazonaws.com",
        "S3OriginConfig": {"OriginAccessIdentity": ""},
    }
    configuration = {
        "CallerReference": estate_region.account_id,
        "Comment": "assets",
        "Enabled": True,
        "Origins": {"Quantity": 1, "Items": [origin]},
        "DefaultCacheBehavior": {"TargetOriginId": "assets", "ViewerProtocolPolicy": "redirect-to-https"},
    }
    estate_region.make(
        "cloudfront.distribution",
        estate_region.client("cloudfront").create_distribution,
        DistributionConfig=configuration,
    )
