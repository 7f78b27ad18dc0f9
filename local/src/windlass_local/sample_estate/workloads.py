"""What each team runs: machines, functions, queues, topics, tables, alarms."""

from __future__ import annotations

import io
import json
import zipfile

from windlass_local.sample_estate.clients import EstateRegion
from windlass_local.sample_estate.hosts import build_host, is_managed
from windlass_local.sample_estate.identity import role_arn, tag_list
from windlass_local.sample_estate.network import Network
from windlass_local.sample_estate.plan import Workload

__all__ = ["build_workload", "handler_zip"]

_HANDLER = "def handler(event, context):\n    return {'records': len(event.get('Records', []))}\n"
_DATES = (1980, 1, 1, 0, 0, 0)


def handler_zip() -> bytes:
    """Return a Python function as a zip, the same bytes each time."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(zipfile.ZipInfo("handler.py", _DATES), _HANDLER)
    return buffer.getvalue()


def build_workload(estate_region: EstateRegion, work: Workload, network: Network, number: int) -> None:
    """Create one service; `number` keeps its addresses apart from the others of the region."""
    _machines(estate_region, work, network, number)
    queue_arn = _queues(estate_region, work)
    _function(estate_region, work, queue_arn)
    _table(estate_region, work, network)
    _watch(estate_region, work)


def _machines(estate_region: EstateRegion, work: Workload, network: Network, number: int) -> None:
    ec2 = estate_region.client("ec2")
    for at in range(work.instances):
        created = estate_region.make(
            "ec2.instance",
            ec2.run_instances,
            ImageId="ami-0abcdef1234567890",
            MinCount=1,
            MaxCount=1,
            InstanceType="t3.medium" if at else "m6i.large",
            SubnetId=network.subnets[at % 2],
            PrivateIpAddress=f"{network.cidr}.{at % 2}.{10 + number * 4 + at}",
            SecurityGroupIds=[network.groups["web" if work.team == "web" else "internal"]],
            IamInstanceProfile={"Name": "instance-base"},
            UserData=f"#!/bin/sh\nexport TOKEN={work.name}-t0ken\n",
            TagSpecifications=[
                {"ResourceType": "instance", "Tags": tag_list({"Name": f"{work.name}-{at + 1}", **work.tags})}
            ],
        )
        if at == 0 and is_managed(work):
            build_host(estate_region, work, created["Instances"][0])
        if work.team == "payments" and at == 0:
            instance = created["Instances"][0]["InstanceId"]
            estate_region.make("ec2.image", ec2.create_image, InstanceId=instance, Name=f"{work.name}-golden")
    volume = estate_region.make(
        "ec2.volume",
        ec2.create_volume,
        AvailabilityZone=f"{estate_region.region}a",
        Size=100,
        Encrypted=work.team != "media",
        TagSpecifications=[{"ResourceType": "volume", "Tags": tag_list({"Name": f"{work.name}-data", **work.tags})}],
    )
    if work.team in ("data", "payments"):
        estate_region.make(
            "ec2.snapshot", ec2.create_snapshot, VolumeId=volume["VolumeId"], Description=f"{work.name} nightly"
        )


def _queues(estate_region: EstateRegion, work: Workload) -> str:
    sqs, account = estate_region.client("sqs"), estate_region.account_id
    base = f"arn:aws:sqs:{estate_region.region}:{account}:{work.name}"
    estate_region.make("sqs.queue", sqs.create_queue, QueueName=f"{work.name}-dead", tags=work.tags)
    policy = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"Service": ["s3.amazonaws.com", "sns.amazonaws.com"]},
                "Action": "sqs:SendMessage",
                "Resource": base,
            }
        ],
    }
    attributes = {
        "RedrivePolicy": json.dumps({"deadLetterTargetArn": f"{base}-dead", "maxReceiveCount": 5}),
        "VisibilityTimeout": "60",
        "Policy": json.dumps(policy),
    }
    estate_region.make("sqs.queue", sqs.create_queue, QueueName=work.name, Attributes=attributes, tags=work.tags)
    sns = estate_region.client("sns")
    topic = estate_region.make("sns.topic", sns.create_topic, Name=f"{work.name}-events", Tags=tag_list(work.tags))[
        "TopicArn"
    ]
    estate_region.make("sns.subscription", sns.subscribe, TopicArn=topic, Protocol="sqs", Endpoint=base)
    return base


def _function(estate_region: EstateRegion, work: Workload, queue_arn: str) -> None:
    functions = estate_region.client("lambda")
    environment = {"STAGE": work.tags["env"], "API_KEY": f"sk-{work.name}-not-a-real-key"}
    estate_region.make(
        "lambda.function",
        functions.create_function,
        FunctionName=f"{work.name}-worker",
        Runtime="python3.12",
        Role=role_arn(estate_region.account_id, "pipeline-runner"),
        Handler="handler.handler",
        Code={"ZipFile": handler_zip()},
        Timeout=30,
        MemorySize=256,
        Environment={"Variables": environment},
        Tags=work.tags,
    )
    if work.team in ("data", "media"):
        estate_region.make(
            "lambda.event-source-mapping",
            functions.create_event_source_mapping,
            EventSourceArn=queue_arn,
            FunctionName=f"{work.name}-worker",
            BatchSize=10,
        )


def _table(estate_region: EstateRegion, work: Workload, network: Network) -> None:
    if work.team in ("media", "platform"):
        return
    own_key = {"KMSMasterKeyId": network.key_arn} if network.key_arn else {}
    encrypted = {"SSESpecification": {"Enabled": True, "SSEType": "KMS", **own_key}}
    estate_region.make(
        "dynamodb.table",
        estate_region.client("dynamodb").create_table,
        TableName=f"{work.name}-state",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        Tags=tag_list(work.tags),
        **(encrypted if work.team == "payments" else {}),
    )


def _watch(estate_region: EstateRegion, work: Workload) -> None:
    logs = estate_region.client("logs")
    group = f"/harbour/{work.name}"
    estate_region.make("logs.group", logs.create_log_group, logGroupName=group, tags=work.tags)
    if work.team != "media":
        logs.put_retention_policy(logGroupName=group, retentionInDays=30)
    estate_region.make(
        "cloudwatch.alarm",
        estate_region.client("cloudwatch").put_metric_alarm,
        AlarmName=f"{work.name}-backlog",
        Namespace="AWS/SQS",
        MetricName="ApproximateNumberOfMessagesVisible",
        Statistic="Maximum",
        Period=60,
        EvaluationPeriods=5,
        Threshold=1000.0,
        ComparisonOperator="GreaterThanThreshold",
        Dimensions=[{"Name": "QueueName", "Value": work.name}],
        Tags=tag_list(work.tags),
    )
    estate_region.make(
        "ssm.parameter",
        estate_region.client("ssm").put_parameter,
        Name=f"/{work.team}/{work.service}/feature-flags",
        Type="String",
        Value="{}",
        Tags=tag_list(work.tags),
    )
    if work.team == "payments":
        estate_region.make(
            "secretsmanager.secret",
            estate_region.client("secretsmanager").create_secret,
            Name=f"{work.name}/database",
            SecretString="not-a-real-password",
            Tags=tag_list(work.tags),
        )
