"""Which host this is: its EC2 instance by the metadata service, else its machine's UUID or ID."""

from __future__ import annotations

import http.client
import json
import platform
import re
import socket
from typing import Any, Dict

from .commands import ReadError, output_of, read_text

__all__ = ["cloud_row", "host_of"]

Row = Dict[str, Any]
METADATA = ("169.254.169.254", 80)
_TOKEN_PATH, _DOCUMENT_PATH = "/latest/api/token", "/latest/dynamic/instance-identity/document"


def cloud_row(address: tuple[str, int] = METADATA) -> Row | None:
    """Return the instance's identity document by IMDSv2. None when no metadata service answers: not an EC2 instance."""
    connection = http.client.HTTPConnection(address[0], address[1], timeout=2)
    try:
        token = _get(connection, "PUT", _TOKEN_PATH, {"X-aws-ec2-metadata-token-ttl-seconds": "60"})
        document = json.loads(_get(connection, "GET", _DOCUMENT_PATH, {"X-aws-ec2-metadata-token": token}))
    except (OSError, http.client.HTTPException, ValueError):
        return None
    finally:
        connection.close()
    if not re.match(r"i-[0-9a-f]{8,32}$", str(document.get("instanceId", ""))):
        return None
    names = (
        ("instance_id", "instanceId"),
        ("account_id", "accountId"),
        ("region", "region"),
        ("zone", "availabilityZone"),
        ("type", "instanceType"),
        ("image_id", "imageId"),
    )
    return {column: str(document.get(name) or "") for column, name in names}


def _get(connection: http.client.HTTPConnection, method: str, path: str, headers: dict[str, str]) -> str:
    connection.request(method, path, headers=headers)
    response = connection.getresponse()
    body = response.read(65536)
    if response.status != 200:
        raise http.client.HTTPException("status %d" % response.status)
    return body.decode()


def is_ec2_hardware() -> bool:
    """True when the hardware is EC2's (AWS: "Identify EC2 instances")."""
    vendor = read_text("/sys/class/dmi/id/sys_vendor")
    uuids = [read_text("/sys/class/dmi/id/product_uuid"), read_text("/sys/hypervisor/uuid")]
    return vendor.startswith("Amazon EC2") or any(uuid.lower().startswith("ec2") for uuid in uuids)


def host_of(cloud: Row | None) -> Row:
    """Return the host. ReadError on EC2 without metadata: its facts would be recorded for another host."""
    host: Row = {"name": socket.gethostname(), "platform": platform.system().lower()}
    if cloud:
        host.update(host_id=cloud["instance_id"], account_id=cloud["account_id"], region=cloud["region"])
        return host
    if is_ec2_hardware():
        raise ReadError("this is an EC2 instance, and its metadata service did not answer; is IMDSv2 enabled?")
    candidates: list[str] = [_mac_uuid()] if platform.system() == "Darwin" else []
    candidates += [read_text("/sys/class/dmi/id/product_uuid"), read_text("/etc/machine-id"), socket.gethostname()]
    host["host_id"] = next(candidate for candidate in candidates if candidate).lower()
    return host


def _mac_uuid() -> str:
    match = re.search(r'"IOPlatformUUID" = "([^"]+)"', output_of("ioreg", "-rd1", "-c", "IOPlatformExpertDevice"))
    return match.group(1) if match else ""
