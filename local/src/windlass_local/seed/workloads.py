"""What each team runs: machines, functions, queues, topics, tables, alarms."""

from __future__ import annotations

import io
import json
import zipfile

from windlass_local.seed.clients import Place
from windlass_local.seed.identity import role_arn, tag_list
from windlass_local.seed.network import Network
from windlass_local.seed.plan import Workload

__all__ = ["build_workload", "handler_zip"]

_HANDLER = "def handler(event, context):\n    return {'records': len(event.get('Records', []))}\n"
_DATES = (1980, 1, 1, 0, 0, 0)


def handler_zip() -> bytes:
    """A Python function as Lambda takes it, the same bytes each time."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(zipfile.ZipInfo("handler.py", _DATES), _HANDLER)
    return buffer.getvalue()


def build_workload(place: Place, work: Workload, network: Network, number: int) -> None:
    """One service; `number` keeps its addresses apart from the others' in the region."""
    _machines(place, work, network, number)
    queue_arn = _queues(place, work)
    _function(place, work, queue_arn)
    _table(place, work, network)
    _watch(place, work)


def _machines(place: Place, work: Workload, network: Network, number: int) -> None:
    ec2 = place.client("ec2")
    for at in range(work.instances):
        made = place.make(
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
        if work.team == "payments" and at == 0:
            instance = made["Instances"][0]["InstanceId"]
            place.make("ec2.image", ec2.create_image, InstanceId=instance, Name=f"{work.name}-golden")
    volume = place.make(
        "ec2.volume",
        ec2.create_volume,
        AvailabilityZone=f"{place.region}a",
        Size=100,
        Encrypted=work.team != "media",
        TagSpecifications=[{"ResourceType": "volume", "Tags": tag_list({"Name": f"{work.name}-data", **work.tags})}],
    )
    if work.team in ("data", "payments"):
        place.make("ec2.snapshot", ec2.create_snapshot, VolumeId=volume["VolumeId"], Description=f"{work.name} nightly")


def _queues(place: Place, work: Workload) -> str:
    sqs, account = place.client("sqs"), place.account_id
    base = f"arn:aws:sqs:{place.region}:{account}:{work.name}"
    place.make("sqs.queue", sqs.create_queue, QueueName=f"{work.name}-dead", tags=work.tags)
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
    place.make("sqs.queue", sqs.create_queue, QueueName=work.name, Attributes=attributes, tags=work.tags)
    sns = place.client("sns")
    topic = place.make("sns.topic", sns.create_topic, Name=f"{work.name}-events", Tags=tag_list(work.tags))["TopicArn"]
    place.make("sns.subscription", sns.subscribe, TopicArn=topic, Protocol="sqs", Endpoint=base)
    return base


def _function(place: Place, work: Workload, queue_arn: str) -> None:
    functions = place.client("lambda")
    environment = {"STAGE": work.tags["env"], "API_KEY": f"sk-{work.name}-not-a-real-key"}
    place.make(
        "lambda.function",
        functions.create_function,
        FunctionName=f"{work.name}-worker",
        Runtime="python3.12",
        Role=role_arn(place.account_id, "pipeline-runner"),
        Handler="handler.handler",
        Code={"ZipFile": handler_zip()},
        Timeout=30,
        MemorySize=256,
        Environment={"Variables": environment},
        Tags=work.tags,
    )
    if work.team in ("data", "media"):
        place.make(
            "lambda.event-source-mapping",
            functions.create_event_source_mapping,
            EventSourceArn=queue_arn,
            FunctionName=f"{work.name}-worker",
            BatchSize=10,
        )


def _table(place: Place, work: Workload, network: Network) -> None:
    if work.team in ("media", "platform"):
        return
    own_key = {"KMSMasterKeyId": network.key_arn} if network.key_arn else {}
    encrypted = {"SSESpecification": {"Enabled": True, "SSEType": "KMS", **own_key}}
    place.make(
        "dynamodb.table",
        place.client("dynamodb").create_table,
        TableName=f"{work.name}-state",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        Tags=tag_list(work.tags),
        **(encrypted if work.team == "payments" else {}),
    )


def _watch(place: Place, work: Workload) -> None:
    logs = place.client("logs")
    group = f"/harbour/{work.name}"
    place.make("logs.group", logs.create_log_group, logGroupName=group, tags=work.tags)
    if work.team != "media":
        logs.put_retention_policy(logGroupName=group, retentionInDays=30)
    place.make(
        "cloudwatch.alarm",
        place.client("cloudwatch").put_metric_alarm,
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
    place.make(
        "ssm.parameter",
        place.client("ssm").put_parameter,
        Name=f"/{work.team}/{work.service}/feature-flags",
        Type="String",
        Value="{}",
        Tags=tag_list(work.tags),
    )
    if work.team == "payments":
        place.make(
            "secretsmanager.secret",
            place.client("secretsmanager").create_secret,
            Name=f"{work.name}/database",
            SecretString="not-a-real-password",
            Tags=tag_list(work.tags),
        )
