"""Programs of the sample estate that still call S3 the old way: real agents, real signatures, from the estate's own machines.

Each program runs on an instance and calls with a session of its role, named after the instance. What loopback cannot
show (address, TLS version, time) goes in the headers that `cloudtrail/events.py` reads.
"""

from __future__ import annotations

import contextlib
import json
import random
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import botocore.session
from botocore.config import Config
from botocore.exceptions import ClientError

from windlass_local.sample_estate.clients import SECRET

__all__ = ["PROGRAMS", "Program", "simulate_old_clients"]


@dataclass(frozen=True, slots=True)
class Program:
    """A program: its agent, how it signs, its TLS version, and how often it calls a day."""

    agent: str
    signature: str  # s3 (Signature Version 2) or s3v4
    tls: str
    calls_a_day: int


PROGRAMS = (
    Program("aws-sdk-nodejs/2.2.35 linux/v4.9.1", "s3", "TLSv1.2", 6),
    Program("Boto/2.49.0 Python/2.7.18 Linux/4.14.248-189.473.amzn2.x86_64", "s3", "TLSv1.1", 3),
    Program(
        "Hadoop 3.3.4, aws-sdk-java/1.12.262 Linux/5.10.223 OpenJDK_64-Bit_Server_VM/25.292-b10 java/1.8.0_292",
        "s3v4",
        "TLSv1.2",
        9,
    ),
    Program("aws-cli/1.16.301 Python/2.7.18 Linux/4.14.248 botocore/1.13.37", "s3v4", "TLSv1.2", 4),
    Program(
        "Boto3/1.43.105 md/Botocore#1.43.105 ua/2.1 os/linux#6.8.0 md/arch#x86_64 lang/python#3.12.14 Botocore/1.43.105",
        "s3v4",
        "TLSv1.3",
        25,
    ),
    Program(
        "aws-sdk-go-v2/1.41.5 os/linux lang/go#1.26.1 md/GOOS#linux md/GOARCH#arm64 api/s3#1.97.0",
        "s3v4",
        "TLSv1.3",
        30,
    ),
)
"""Two that sign with SigV2, two past their end of support, two that are as they should be."""


def simulate_old_clients(
    endpoint_url: str,
    *,
    account_id: str,
    region: str,
    days: int = 14,
    random_seed: int = 7,
    trail: str = "windlass-s3-data-events",
) -> str:
    """Make a trail, let the programs call for some days up to now, deliver the log; where it is (`s3://…/AWSLogs/`).

    Needs an estate with running instances, a role and a bucket in the account and region. Some hundred calls, a few seconds.
    """
    rng = random.Random(random_seed)  # noqa: S311  a demo's dice
    session = botocore.session.Session()
    session.set_credentials(account_id, SECRET)

    def client(service: str) -> Any:
        return session.create_client(service, region_name=region, endpoint_url=endpoint_url, config=_config("s3v4"))

    logs = _trail(client, trail, account_id, region)
    machines = [
        instance
        for page in client("ec2").get_paginator("describe_instances").paginate()
        for reservation in page["Reservations"]
        for instance in reservation["Instances"]
        if instance.get("PrivateIpAddress")
    ]
    buckets = [bucket["Name"] for bucket in client("s3").list_buckets()["Buckets"] if bucket["Name"] != logs]
    roles = [role for role in client("iam").list_roles()["Roles"] if not role["Path"].startswith("/aws-service-role/")]
    now = datetime.now(UTC)
    for at, program in enumerate(PROGRAMS):
        machine, bucket = machines[at % len(machines)], rng.choice(buckets)
        role = roles[at % len(roles)]["Arn"]
        value = client("sts").assume_role(RoleArn=role, RoleSessionName=machine["InstanceId"])["Credentials"]
        with _caller(endpoint_url, region, program, value, machine["PrivateIpAddress"]) as (s3, clock):
            for day in range(days):
                for _ in range(max(1, round(program.calls_a_day * rng.uniform(0.5, 1.5)))):
                    clock[0] = now - timedelta(days=day, seconds=rng.randrange(1, 80_000))
                    with contextlib.suppress(ClientError):  # a refused call is an event, too
                        s3.head_object(Bucket=bucket, Key=f"reports/{clock[0]:%Y-%m-%d}.csv")
    with urllib.request.urlopen(f"{endpoint_url}/_windlass/trails", timeout=30) as response:  # noqa: S310  loopback
        json.load(response)
    return f"s3://{logs}/AWSLogs/"


def _config(signature: str) -> Config:
    return Config(signature_version=signature, s3={"addressing_style": "path"}, retries={"total_max_attempts": 1})


def _trail(client: Any, name: str, account_id: str, region: str) -> str:
    """Create the trail of that name unless it exists; return its bucket."""
    trails = client("cloudtrail")
    for trail in trails.describe_trails()["trailList"]:
        if trail["Name"] == name:
            return str(trail["S3BucketName"])
    logs = f"{name}-{account_id}"
    estate_region = {} if region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": region}}
    client("s3").create_bucket(Bucket=logs, **estate_region)
    trails.create_trail(Name=name, S3BucketName=logs, IsMultiRegionTrail=True, EnableLogFileValidation=True)
    fields = [
        {"Field": "eventCategory", "Equals": ["Data"]},
        {"Field": "resources.type", "Equals": ["AWS::S3::Object"]},
        {"Field": "resources.ARN", "NotStartsWith": [f"arn:aws:s3:::{logs}/"]},
    ]
    trails.put_event_selectors(TrailName=name, AdvancedEventSelectors=[{"Name": "S3", "FieldSelectors": fields}])
    trails.start_logging(Name=name)
    return logs


@contextlib.contextmanager
def _caller(
    endpoint_url: str, region: str, program: Program, argument: dict[str, Any], address: str
) -> Iterator[tuple[Any, list[datetime]]]:
    """Yield the program's S3 client, and the time of its next call (a list of one, to be set)."""
    session = botocore.session.Session()
    session.set_credentials(argument["AccessKeyId"], argument["SecretAccessKey"], argument["SessionToken"])
    created = session.create_client(
        "s3", region_name=region, endpoint_url=endpoint_url, config=_config(program.signature)
    )
    clock = [datetime.now(UTC)]

    def say(request: Any, **_: Any) -> None:
        # After signing: botocore puts its own name into any agent, and the embedded AWS checks no signature.
        for name, value in (
            ("User-Agent", program.agent),
            ("x-forwarded-for", address),
            ("x-windlass-tls", program.tls),
            ("x-windlass-time", clock[0].isoformat()),
        ):
            request.headers[name] = value

    created.meta.events.register("before-send.s3", say)
    try:
        yield created, clock
    finally:
        created.close()
