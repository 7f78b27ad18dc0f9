"""CloudTrail's files as tests need them: real-looking records, any JSON style, any gzip."""

from __future__ import annotations

import gzip
import json
import random
from pathlib import Path
from typing import Any

NODE_OLD = "aws-sdk-nodejs/2.2.35 darwin/v5.3.0"
CLI_OLD = "[aws-cli/1.11.10 Python/2.7.8 Linux/3.2.45-0.6.wd.865.49.315.metal1.x86_64 botocore/1.4.67]"
JAVA_2 = "aws-sdk-java/2.25.32 Mac_OS_X/13.6.7 OpenJDK_64-Bit_Server_VM/22.0.1+8-16 Java/22.0.1 io/sync http/Apache"
HADOOP = "Hadoop 3.3.4, aws-sdk-java/1.12.262 Linux/6.4.7-1-MANJARO OpenJDK_64-Bit_Server_VM/25.292-b10 java/1.8.0_292"
ROLE = "arn:aws:iam::123456789012:role/reports"


def record(
    *,
    agent: Any = NODE_OLD,
    signature: str | None = "SigV2",
    method: str | None = "AuthHeader",
    tls: str | None = "TLSv1.2",
    time: str = "2026-11-20T08:00:00Z",
    ip: str = "10.0.1.5",
    bucket: str = "reports",
    key: str = "2026/summary.csv",
    region: str = "us-east-1",
    source: str = "s3.amazonaws.com",
    host: str | None = None,
    identity: dict[str, Any] | None = None,
    **more: Any,
) -> dict[str, Any]:
    found: dict[str, Any] = {
        "eventVersion": "1.11",
        "userIdentity": identity
        or {
            "type": "AssumedRole",
            "principalId": "AROAX:i-0abc1234def567890",
            "accountId": "123456789012",
            "arn": "arn:aws:sts::123456789012:assumed-role/reports/session",
            "accessKeyId": "ASIAEXAMPLE",
            "sessionContext": {
                "sessionIssuer": {"type": "Role", "arn": ROLE, "accountId": "123456789012", "userName": "reports"}
            },
        },
        "eventTime": time,
        "eventSource": source,
        "eventName": "GetObject",
        "awsRegion": region,
        "sourceIPAddress": ip,
        "userAgent": agent,
        "requestParameters": {"bucketName": bucket, "key": key, "Host": f"{bucket}.s3.amazonaws.com"},
        "responseElements": None,
        "additionalEventData": {"CipherSuite": "ECDHE-RSA-AES128-GCM-SHA256", "bytesTransferredOut": 7},
        "eventType": "AwsApiCall",
        "managementEvent": False,
        "recipientAccountId": "123456789012",
        "eventCategory": "Data",
    }
    if signature:
        found["additionalEventData"]["SignatureVersion"] = signature
    if method:
        found["additionalEventData"]["AuthenticationMethod"] = method
    if tls:
        found["tlsDetails"] = {"tlsVersion": tls, "clientProvidedHostHeader": host or f"{bucket}.s3.amazonaws.com"}
    return found | more


def file_bytes(records: list[Any], **style: Any) -> bytes:
    return json.dumps({"Records": records}, **({"separators": (",", ":")} | style)).encode()


def write(path: Path, raw: bytes, *, level: int = 6, members: int = 1) -> Path:
    """The file, gzipped when it is named so, in as many members as asked for."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix != ".gz":
        path.write_bytes(raw)
        return path
    size = max(1, -(-len(raw) // members))
    path.write_bytes(
        b"".join(gzip.compress(raw[at : at + size], level, mtime=0) for at in range(0, len(raw) or 1, size))
    )
    return path


def log_path(
    folder: Path, number: int, day: str = "2026-11-20", account: str = "123456789012", region: str = "us-east-1"
) -> Path:
    date = day.replace("-", "/")
    name = f"{account}_CloudTrail_{region}_{day.replace('-', '')}T0000Z_{number:016d}.json.gz"
    return folder / "AWSLogs" / account / "CloudTrail" / region / date / name


_TEXTS = (
    "SigV2",
    "SigV4",
    "\\",
    '"',
    "é",
    "😀",
    "\u0000",
    "\u2028",
    '","SignatureVersion":"SigV2","x":"',
    '"}],"Records":[{"',
    "\t",
)
_FIELDS = (
    "SignatureVersion",
    "AuthenticationMethod",
    "Records",
    "eventSource",
    "userAgent",
    "additionalEventData",
    "tlsVersion",
)


def _value(rng: random.Random, depth: int = 0) -> Any:
    kind = rng.randrange(9 if depth < 3 else 6)
    if kind < 2:
        return "".join(rng.choice(_TEXTS) for _ in range(rng.randrange(3)))
    if kind == 2:
        return rng.choice([None, True, False])
    if kind == 3:
        return rng.choice([0, -1, 3.5, 1e300, 10**25])
    if kind == 4:
        return rng.choice(_TEXTS)
    if kind == 5:
        return "s3.amazonaws.com"
    if kind == 6:
        return [_value(rng, depth + 1) for _ in range(rng.randrange(3))]
    return {rng.choice((*_FIELDS, *_TEXTS)): _value(rng, depth + 1) for _ in range(rng.randrange(4))}


def fuzzed_record(rng: random.Random, *, odd: float = 0.02) -> dict[str, Any]:
    """A record in which anything may stand anywhere: misplaced fields, other types, SigV2 in keys and agents."""
    found = record(
        agent=rng.choice(
            [NODE_OLD, CLI_OLD, JAVA_2, HADOOP, "SigV2/1.0", "aws-cli/1.16.300 (SigV2)", "", 'a\\b"c', "é😀"]
        ),
        signature=rng.choice(["SigV2", "SigV4", "SigV4", None]),
        method=rng.choice(["AuthHeader", "QueryString", None]),
        tls=rng.choice(["TLSv1.2", "TLSv1.3", "TLSv1", None]),
        time=f"2026-11-{rng.randrange(1, 29):02d}T{rng.randrange(24):02d}:00:0{rng.randrange(10)}Z",
        ip=rng.choice(["10.0.1.5", "2001:db8::1", "athena.amazonaws.com"]),
        source=rng.choice(["s3.amazonaws.com"] * 6 + ["sts.amazonaws.com", "S3.amazonaws.com", "SigV2"]),
        key="".join(rng.choice(_TEXTS) for _ in range(4)),
        region=rng.choice(["us-east-1", "eu-central-1"]),
    )
    for _ in range(rng.randrange(3)):
        field = rng.choice(["responseElements", "extra", "resources", "serviceEventDetails", "x"])
        found[field] = _value(rng)
    if rng.random() < 0.02:
        found[
            rng.choice(["userAgent", "additionalEventData", "tlsDetails", "userIdentity", "eventTime", "eventSource"])
        ] = _value(rng)
    if rng.random() < 0.3:
        items = list(found.items())
        rng.shuffle(items)
        found = dict(items)
    return found


def fuzzed_file(rng: random.Random, size: int) -> bytes:
    """A file of fuzzed records in some style of JSON: pretty or not, escaped or not, with other arrays beside Records."""
    records: list[Any] = [fuzzed_record(rng) for _ in range(size)]
    whole: dict[str, Any] = {"Records": records}
    shape = rng.randrange(8)
    if shape == 1:
        whole = {"Other": [{"eventSource": "s3.amazonaws.com", "Records": [record()]}], "Records": records}
    elif shape == 2:
        whole = {"Records": records, "Second": [record()], "nested": {"Records": [record()]}}
    elif shape == 3:
        records.insert(0, rng.choice([None, 7, "SigV2", [record()], {}]))
    style: dict[str, Any] = rng.choice(
        [
            {"separators": (",", ":")},
            {"separators": (",", ":")},
            {"indent": 2},
            {"indent": "\t"},
            {"sort_keys": shape == 0},
            {},
        ]
    )
    text = json.dumps(whole, ensure_ascii=rng.random() < 0.5, **style)
    if rng.random() < 0.15:  # any letter may be written as an escape
        for word in ("SigV2", "Records", "SignatureVersion", "s3.amazonaws.com"):
            if rng.random() < 0.5:
                at = rng.randrange(len(word))
                text = text.replace(f'"{word}"', f'"{word[:at]}\\u{ord(word[at]):04x}{word[at + 1 :]}"')
    if rng.random() < 0.1:  # half of a surrogate pair
        text = text.replace('"key": "', '"key": "\\ud83d', 1).replace('"key":"', '"key":"\\ude00', 1)
    if rng.random() < 0.05:
        text = text.replace('"eventVersion"', '"userAgent":"first","eventVersion"', 1)  # a name given twice
    return text.encode()
