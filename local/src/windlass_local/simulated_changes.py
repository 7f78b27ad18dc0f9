"""Simulated changes: other people's changes to the estate, a few at a time, the same for the same random seed.

A pure function chooses the next change as data, from the random numbers and from what exists. Applying it tolerates any AWS error, as
other people's programs do.
"""

from __future__ import annotations

import json
import logging
import random
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from windlass_local.sample_estate.clients import Clients
from windlass_local.sample_estate.plan import ACCOUNTS, REGIONS, TEAMS

__all__ = ["Change", "RegionView", "apply_change", "next_change", "read_views", "simulate_changes"]

logger = logging.getLogger(__name__)

_LOOK_EVERY = 25
_PEOPLE = ("ann", "ben", "ci-storefront")
_OURS = "simulated-"  # prefix of what the simulation created; only that is deleted again
_KINDS = (
    ("put-object", 6),
    ("tag-bucket", 4),
    ("version-bucket", 2),
    ("expire-bucket", 2),
    ("open-port", 2),
    ("stop-instance", 2),
    ("start-instance", 2),
    ("launch-instance", 1),
    ("create-queue", 2),
    ("delete-queue", 1),
    ("tune-function", 3),
    ("move-threshold", 2),
    ("create-role", 1),
    ("create-bucket", 1),
    ("delete-bucket", 1),
    ("terminate-instance", 1),
)


@dataclass(frozen=True, slots=True)
class RegionView:
    """What can be changed in one account and region."""

    account_id: str
    region: str
    buckets: tuple[str, ...]
    instances: tuple[str, ...]
    groups: tuple[str, ...]
    queues: tuple[str, ...]
    functions: tuple[str, ...]
    launched: tuple[str, ...] = ()  # those of the instances that the simulation launched


@dataclass(frozen=True, slots=True)
class Change:
    """One change that another person would make."""

    kind: str
    account_id: str
    region: str
    target: str
    number: int
    team: str

    def __str__(self) -> str:
        return f"{self.kind} {self.target} in {self.account_id} {self.region}"


def next_change(rng: random.Random, views: Sequence[RegionView], number: int) -> Change | None:
    """Choose the next change; None when the chosen region has nothing of that kind."""
    view = rng.choice(views)
    kind = rng.choices([name for name, _ in _KINDS], [weight for _, weight in _KINDS])[0]
    team = rng.choice(sorted(TEAMS))
    lasting = tuple(name for name in view.buckets if not name.startswith(_OURS))
    pools: Mapping[str, Sequence[str]] = {
        "put-object": lasting,
        "delete-bucket": [name for name in view.buckets if name not in lasting],
        "terminate-instance": view.launched,
        "delete-queue": [url for url in view.queues if f"/{_OURS}" in url],
        "bucket": view.buckets,
        "instance": view.instances,
        "port": view.groups,
        "function": view.functions,
        "threshold": view.functions,
    }
    if kind.startswith(("create-", "launch-")):
        target = f"{_OURS}{team}-{number}"
    else:
        pool = pools[kind if kind in pools else kind.partition("-")[2]]
        if not pool:
            return None
        target = rng.choice(pool)
    return Change(kind, view.account_id, view.region, target, number, team)


def read_views(clients: Clients, stop: threading.Event | None = None) -> tuple[RegionView, ...]:
    """Read what exists in every account and region, until `stop`."""
    views: list[RegionView] = []
    for account_id in ACCOUNTS:
        buckets = clients.get(account_id, "us-east-1", "s3").list_buckets(MaxBuckets=1000)["Buckets"]
        for region in REGIONS:
            if stop is not None and stop.is_set():
                return tuple(views)

            def client(service: str, region: str = region, account_id: str = account_id) -> Any:
                return clients.get(account_id, region, service)

            running = [
                instance
                for group in client("ec2").describe_instances()["Reservations"]
                for instance in group["Instances"]
                if instance["State"]["Name"] != "terminated"
            ]
            groups = client("ec2").describe_security_groups()["SecurityGroups"]
            views.append(
                RegionView(
                    account_id,
                    region,
                    tuple(bucket["Name"] for bucket in buckets if bucket["BucketRegion"] == region),
                    tuple(instance["InstanceId"] for instance in running),
                    tuple(group["GroupId"] for group in groups if group["GroupName"] == "internal"),
                    tuple(client("sqs").list_queues().get("QueueUrls", ())),
                    tuple(function["FunctionName"] for function in client("lambda").list_functions()["Functions"]),
                    tuple(instance["InstanceId"] for instance in running if _name_of(instance).startswith(_OURS)),
                )
            )
    return tuple(views)


def _name_of(instance: Mapping[str, Any]) -> str:
    return next((str(tag["Value"]) for tag in instance.get("Tags", ()) if tag["Key"] == "Name"), "")


def apply_change(change: Change, clients: Clients) -> None:
    """Make the change. ClientError when AWS refuses it."""

    def client(service: str) -> Any:
        return clients.get(change.account_id, change.region, service)

    _ACTIONS[change.kind](client, change)


ClientOf = Callable[[str], Any]


def _put_object(client: ClientOf, change: Change) -> None:
    client("s3").put_object(
        Bucket=change.target, Key=f"incoming/{change.team}/{change.number:06}.json", Body=b'{"n": %d}' % change.number
    )


def _tag_bucket(client: ClientOf, change: Change) -> None:
    tags = [{"Key": "team", "Value": change.team}, {"Key": "reviewed", "Value": f"week-{change.number % 52}"}]
    client("s3").put_bucket_tagging(Bucket=change.target, Tagging={"TagSet": tags})


def _version_bucket(client: ClientOf, change: Change) -> None:
    status = "Enabled" if change.number % 3 else "Suspended"
    client("s3").put_bucket_versioning(Bucket=change.target, VersioningConfiguration={"Status": status})


def _expire_bucket(client: ClientOf, change: Change) -> None:
    rule = {
        "ID": "expire",
        "Status": "Enabled",
        "Filter": {"Prefix": "incoming/"},
        "Expiration": {"Days": 7 + change.number % 60},
    }
    client("s3").put_bucket_lifecycle_configuration(Bucket=change.target, LifecycleConfiguration={"Rules": [rule]})


def _open_port(client: ClientOf, change: Change) -> None:
    """Open one of eight ports, or close it when it is open: a group's rules must not grow for ever."""
    port = 8000 + change.number % 8
    permission = {"IpProtocol": "tcp", "FromPort": port, "ToPort": port, "IpRanges": [{"CidrIp": "10.0.0.0/8"}]}
    ec2, rule = client("ec2"), {"GroupId": change.target, "IpPermissions": [permission]}
    try:
        ec2.authorize_security_group_ingress(**rule)
    except ClientError as error:
        if error.response["Error"]["Code"] != "InvalidPermission.Duplicate":
            raise
        ec2.revoke_security_group_ingress(**rule)


def _launch(client: ClientOf, change: Change) -> None:
    tags = [{"Key": "Name", "Value": change.target}, {"Key": "team", "Value": change.team}]
    client("ec2").run_instances(
        ImageId="ami-0abcdef1234567890",
        MinCount=1,
        MaxCount=1,
        InstanceType="t3.micro",
        TagSpecifications=[{"ResourceType": "instance", "Tags": tags}],
    )


def _tune_function(client: ClientOf, change: Change) -> None:
    memory = 128 * (1 + change.number % 8)
    client("lambda").update_function_configuration(
        FunctionName=change.target, MemorySize=memory, Timeout=10 + change.number % 50
    )


def _move_threshold(client: ClientOf, change: Change) -> None:
    client("cloudwatch").put_metric_alarm(
        AlarmName=f"{change.target}-errors",
        Namespace="AWS/Lambda",
        MetricName="Errors",
        Statistic="Sum",
        Period=60,
        EvaluationPeriods=3,
        Threshold=float(1 + change.number % 10),
        ComparisonOperator="GreaterThanThreshold",
    )


def _create_bucket(client: ClientOf, change: Change) -> None:
    place = {} if change.region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": change.region}}
    client("s3").create_bucket(Bucket=change.target, **place)


def _create_role(client: ClientOf, change: Change) -> None:
    statement = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::harbour-*-{change.team}-*/*"}
    iam = client("iam")
    iam.create_role(
        RoleName=change.target, AssumeRolePolicyDocument=_TRUST, Tags=[{"Key": "team", "Value": change.team}]
    )
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    iam.put_role_policy(RoleName=change.target, PolicyName="read", PolicyDocument=policy)


_TRUST = '{"Version": "2012-10-17", "Statement": []}'
_ACTIONS: Mapping[str, Callable[[ClientOf, Change], object]] = {
    "put-object": _put_object,
    "tag-bucket": _tag_bucket,
    "version-bucket": _version_bucket,
    "expire-bucket": _expire_bucket,
    "open-port": _open_port,
    "stop-instance": lambda client, change: client("ec2").stop_instances(InstanceIds=[change.target]),
    "start-instance": lambda client, change: client("ec2").start_instances(InstanceIds=[change.target]),
    "launch-instance": _launch,
    "create-queue": lambda client, change: client("sqs").create_queue(
        QueueName=change.target, tags={"team": change.team}
    ),
    "delete-queue": lambda client, change: client("sqs").delete_queue(QueueUrl=change.target),
    "tune-function": _tune_function,
    "move-threshold": _move_threshold,
    "create-role": _create_role,
    "create-bucket": _create_bucket,
    "delete-bucket": lambda client, change: client("s3").delete_bucket(Bucket=change.target),
    "terminate-instance": lambda client, change: client("ec2").terminate_instances(InstanceIds=[change.target]),
}


def simulate_changes(
    endpoint_url: str,
    *,
    random_seed: int,
    rate_per_minute: float,
    stop: threading.Event,
    on_change: Callable[[str], None] | None = None,
) -> None:
    """Make changes at this rate until `stop`; refused ones are skipped."""
    if rate_per_minute <= 0:
        return
    rng = random.Random(random_seed)  # noqa: S311  simulated changes, not secrets
    clients = Clients(endpoint_url)
    people = [_signed_in(clients, endpoint_url, name) for name in _PEOPLE]
    views: tuple[RegionView, ...] = ()
    number = 0
    try:
        while not stop.wait(rng.expovariate(rate_per_minute / 60)):
            try:
                if number % _LOOK_EVERY == 0:
                    views = read_views(clients, stop)
                number += 1
                if stop.is_set():
                    return
                change = next_change(rng, views, number)
                if change is not None:
                    apply_change(change, people[number % len(people)])
                    if on_change:
                        on_change(str(change))
            except (ClientError, BotoCoreError) as error:
                logger.info("simulated change refused: %s", error)
    finally:
        for client in (clients, *people):
            client.close()


def _signed_in(clients: Clients, endpoint_url: str, name: str) -> Clients:
    """Return the clients of a person, who has assumed a role in each account: the actor in CloudTrail's records."""
    sessions = {}
    for account_id in ACCOUNTS:
        sts = clients.get(account_id, "us-east-1", "sts")
        role = f"arn:aws:iam::{account_id}:role/{'deploy' if name.startswith('ci-') else 'engineer'}"
        keys = sts.assume_role(RoleArn=role, RoleSessionName=name)["Credentials"]
        sessions[account_id] = (keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"])
    return Clients(endpoint_url, sessions=sessions)
