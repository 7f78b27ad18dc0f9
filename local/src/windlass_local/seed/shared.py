"""The rest of a believable estate: databases, containers, streams, analytics, edge; a few of each, where it is usual."""

from __future__ import annotations

import json

from windlass_local.seed.clients import Place
from windlass_local.seed.identity import role_arn, tag_list
from windlass_local.seed.network import Network
from windlass_local.seed.plan import Bucket

__all__ = ["build_account", "build_region"]

_PLATFORM = {"team": "platform", "managed-by": "terraform"}


def build_region(place: Place, network: Network, buckets: list[Bucket]) -> None:
    """What is there once in a region."""
    _databases(place, network)
    _containers(place, network)
    _streams(place, buckets)
    _analytics(place, buckets)
    _files(place, network, buckets)
    _management(place)


def _databases(place: Place, network: Network) -> None:
    rds = place.client("rds")
    subnets = list(network.subnets)
    tags = tag_list({"team": "payments", "env": "prod"})
    place.make(
        "rds.subnet-group",
        rds.create_db_subnet_group,
        DBSubnetGroupName="main",
        DBSubnetGroupDescription="main",
        SubnetIds=subnets,
    )
    place.make(
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
        StorageEncrypted=place.region != "ap-southeast-2",
        Tags=tags,
    )
    place.make(
        "rds.snapshot",
        rds.create_db_snapshot,
        DBSnapshotIdentifier="ledger-weekly",
        DBInstanceIdentifier="ledger",
        Tags=tags,
    )
    cache = place.client("elasticache")
    place.make(
        "elasticache.cluster",
        cache.create_cache_cluster,
        CacheClusterId="sessions",
        Engine="memcached",
        NumCacheNodes=3,
        CacheNodeType="cache.m6g.large",
        Tags=tag_list({"team": "web"}),
    )
    if place.region == "eu-west-1":
        place.make(
            "opensearch.domain",
            place.client("opensearch").create_domain,
            DomainName="product-search",
            TagList=tag_list({"team": "web"}),
        )
        place.make(
            "redshift.cluster",
            place.client("redshift").create_cluster,
            ClusterIdentifier="warehouse",
            NodeType="ra3.xlplus",
            MasterUsername="admin",
            MasterUserPassword="Not-a-real-1",
            Tags=tag_list({"team": "data"}),
        )


def _containers(place: Place, network: Network) -> None:
    ecr, ecs = place.client("ecr"), place.client("ecs")
    for name in ("storefront", "ledger", "reports"):
        place.make("ecr.repository", ecr.create_repository, repositoryName=f"harbour/{name}", tags=tag_list(_PLATFORM))
    if place.region in ("us-east-1", "eu-west-1"):
        place.make("ecs.cluster", ecs.create_cluster, clusterName="apps", tags=[{"key": "team", "value": "platform"}])
        definition = {
            "name": "app",
            "image": "harbour/storefront:1.4.2",
            "memory": 512,
            "environment": [{"name": "DATABASE_PASSWORD", "value": "not-a-real-password"}],
        }
        place.make(
            "ecs.task-definition",
            ecs.register_task_definition,
            family="storefront",
            containerDefinitions=[definition],
            taskRoleArn=role_arn(place.account_id, "task-runner"),
        )
        place.make(
            "ecs.service",
            ecs.create_service,
            cluster="apps",
            serviceName="storefront",
            taskDefinition="storefront",
            desiredCount=2,
        )
    if place.account_id != "333333333333" and place.region in ("us-east-1", "eu-west-1"):
        eks = place.client("eks")
        place.make(
            "eks.cluster",
            eks.create_cluster,
            name="workers",
            version="1.33",
            roleArn=role_arn(place.account_id, "cluster"),
            resourcesVpcConfig={"subnetIds": list(network.subnets)},
            tags=_PLATFORM,
        )
        place.make(
            "eks.nodegroup",
            eks.create_nodegroup,
            clusterName="workers",
            nodegroupName="general",
            nodeRole=role_arn(place.account_id, "instance-base"),
            subnets=list(network.subnets),
            tags=_PLATFORM,
        )
    ec2, scaling = place.client("ec2"), place.client("autoscaling")
    place.make(
        "ec2.launch-template",
        ec2.create_launch_template,
        LaunchTemplateName="edge",
        LaunchTemplateData={"ImageId": "ami-0abcdef1234567890", "InstanceType": "t3.small"},
    )
    place.make(
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


def _streams(place: Place, buckets: list[Bucket]) -> None:
    events = place.client("events")
    rule = place.make(
        "events.rule",
        events.put_rule,
        Name="nightly-report",
        ScheduleExpression="cron(0 2 * * ? *)",
        Tags=tag_list({"team": "data"}),
    )
    if rule:
        arn = f"arn:aws:sqs:{place.region}:{place.account_id}:data-lake"
        events.put_targets(Rule="nightly-report", Targets=[{"Id": "queue", "Arn": arn}])
    place.make("events.bus", events.create_event_bus, Name="orders")
    if place.region in ("us-east-1", "eu-west-1"):
        place.make("kinesis.stream", place.client("kinesis").create_stream, StreamName="clicks", ShardCount=2)
        if buckets:
            destination = {
                "RoleARN": role_arn(place.account_id, "stream-delivery"),
                "BucketARN": f"arn:aws:s3:::{buckets[0].name}",
            }
            place.make(
                "firehose.delivery-stream",
                place.client("firehose").create_delivery_stream,
                DeliveryStreamName="clicks-to-lake",
                ExtendedS3DestinationConfiguration=destination,
            )
    definition = json.dumps({"StartAt": "Done", "States": {"Done": {"Type": "Succeed"}}})
    place.make(
        "stepfunctions.state-machine",
        place.client("stepfunctions").create_state_machine,
        name="settle-day",
        definition=definition,
        roleArn=role_arn(place.account_id, "workflow"),
        tags=[{"key": "team", "value": "payments"}],
    )


def _analytics(place: Place, buckets: list[Bucket]) -> None:
    glue = place.client("glue")
    place.make("glue.database", glue.create_database, DatabaseInput={"Name": "lake"})
    for bucket in buckets[:2]:
        table = {"Name": bucket.name.replace("-", "_"), "StorageDescriptor": {"Location": f"s3://{bucket.name}/2026/"}}
        place.make("glue.table", glue.create_table, DatabaseName="lake", TableInput=table)
    if buckets:
        output = {"ResultConfiguration": {"OutputLocation": f"s3://{buckets[0].name}/athena/"}}
        place.make("athena.workgroup", place.client("athena").create_work_group, Name="analysts", Configuration=output)
    if place.account_id == "222222222222" and place.region == "eu-west-1":
        instances = {
            "MasterInstanceType": "m5.xlarge",
            "SlaveInstanceType": "m5.xlarge",
            "InstanceCount": 3,
            "KeepJobFlowAliveWhenNoSteps": True,
        }
        place.make(
            "emr.cluster",
            place.client("emr").run_job_flow,
            Name="nightly-joins",
            ReleaseLabel="emr-7.9.0",
            Instances=instances,
            JobFlowRole="instance-base",
            ServiceRole="cluster",
        )


def _files(place: Place, network: Network, buckets: list[Bucket]) -> None:
    if place.region in ("us-east-1", "eu-west-1"):
        place.make(
            "efs.file-system",
            place.client("efs").create_file_system,
            CreationToken="shared",
            Encrypted=True,
            Tags=tag_list({"Name": "shared", "team": "media"}),
        )
        place.make(
            "fsx.file-system",
            place.client("fsx").create_file_system,
            FileSystemType="LUSTRE",
            StorageCapacity=1200,
            SubnetIds=[network.subnets[0]],
        )
    if place.region == "eu-west-1" and buckets:
        gateways = place.client("storagegateway")
        made = place.make(
            "storagegateway.gateway",
            gateways.activate_gateway,
            ActivationKey="A" * 10,
            GatewayName="quayside",
            GatewayTimezone="GMT",
            GatewayRegion=place.region,
            GatewayType="FILE_S3",
        )
        for kind, bucket in zip(("nfs", "smb"), buckets, strict=False):
            create = getattr(gateways, f"create_{kind}_file_share")
            place.make(
                "storagegateway.file-share",
                create,
                ClientToken=f"{kind}-share",
                GatewayARN=made["GatewayARN"],
                Role=role_arn(place.account_id, "gateway-access"),
                LocationARN=f"arn:aws:s3:::{bucket.name}",
            )


def _management(place: Place) -> None:
    backup = place.client("backup")
    place.make("backup.vault", backup.create_backup_vault, BackupVaultName="daily", BackupVaultTags=_PLATFORM)
    plan = {"BackupPlanName": "daily", "Rules": [{"RuleName": "daily", "TargetBackupVaultName": "daily"}]}
    place.make("backup.plan", backup.create_backup_plan, BackupPlan=plan)
    rest = place.client("apigateway")
    if place.region in ("us-east-1", "eu-west-1"):
        place.make("apigateway.rest-api", rest.create_rest_api, name="partners", tags={"team": "web"})
        place.make("apigateway.http-api", place.client("apigatewayv2").create_api, Name="mobile", ProtocolType="HTTP")
        acl = {"SampledRequestsEnabled": True, "CloudWatchMetricsEnabled": True, "MetricName": "edge"}
        place.make(
            "waf.web-acl",
            place.client("wafv2").create_web_acl,
            Name="edge",
            Scope="REGIONAL",
            DefaultAction={"Allow": {}},
            VisibilityConfig=acl,
        )
    template = {
        "Resources": {"Queue": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": f"stack-queue-{place.region}"}}}
    }
    place.make(
        "cloudformation.stack",
        place.client("cloudformation").create_stack,
        StackName="shared-queue",
        TemplateBody=json.dumps(template),
        Tags=tag_list(_PLATFORM),
    )


def build_account(place: Place, buckets: list[Bucket]) -> None:
    """What is there once in an account: the trail, the zone, the distribution."""
    zone = place.client("route53")
    made = place.make(
        "route53.zone",
        zone.create_hosted_zone,
        Name=f"{place.account_id}.harbour.example",
        CallerReference=place.account_id,
    )
    record = {
        "Name": f"www.{place.account_id}.harbour.example",
        "Type": "A",
        "TTL": 300,
        "ResourceRecords": [{"Value": "192.0.2.10"}],
    }
    zone.change_resource_record_sets(
        HostedZoneId=made["HostedZone"]["Id"],
        ChangeBatch={"Changes": [{"Action": "CREATE", "ResourceRecordSet": record}]},
    )
    home = [bucket for bucket in buckets if bucket.region == "us-east-1"] or buckets
    trail = place.client("cloudtrail")
    place.make(
        "cloudtrail.trail", trail.create_trail, Name="all-regions", S3BucketName=home[0].name, IsMultiRegionTrail=True
    )
    trail.start_logging(Name="all-regions")
    origin = {
        "Id": "assets",
        "DomainName": f"{home[0].name}.s3.amazonaws.com",
        "S3OriginConfig": {"OriginAccessIdentity": ""},
    }
    configuration = {
        "CallerReference": place.account_id,
        "Comment": "assets",
        "Enabled": True,
        "Origins": {"Quantity": 1, "Items": [origin]},
        "DefaultCacheBehavior": {"TargetOriginId": "assets", "ViewerProtocolPolicy": "redirect-to-https"},
    }
    place.make(
        "cloudfront.distribution", place.client("cloudfront").create_distribution, DistributionConfig=configuration
    )
