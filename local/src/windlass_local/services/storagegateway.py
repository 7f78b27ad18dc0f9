"""Storage Gateway, which moto does not have: gateways, NFS and SMB file shares, and a cache that is stale until it is refreshed.

AWS facts kept: RefreshCache answers at once and works in the background; a share takes part in one refresh at a time
(otherwise "InvalidGatewayRequestException"); "RefreshCache does not evict cache entries if invoked within 60 seconds of a
previous RefreshCache request" (API reference), and reports completion as always; Describe…FileShares takes at most 10
ARNs; times are Unix seconds.
"""

from __future__ import annotations

import json
import re
import sys
import threading
import time
import uuid
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import moto.backend_index
from moto.core.base_backend import BackendDict, BaseBackend
from moto.core.exceptions import JsonRESTError
from moto.core.responses import BaseResponse
from moto.events.models import events_backends
from moto.s3.models import FakeDeleteMarker, s3_backends

PRIVATE_NAMES = (
    "moto.backend_index.backend_url_patterns",
    "moto.core.responses.BaseResponse",
    "moto.events.models.events_backends",
    "moto.s3.models.s3_backends",
)

_URL = r"https?://storagegateway\.(.+)\.amazonaws\.com"
_DESCRIBED = 10
_PAGE = 100


@dataclass(slots=True)
class GatewayTiming:
    """The duration of a refresh and the least interval between two, in seconds. Tests advance `ahead_s`, the simulated clock."""

    refresh_s: float = 0.2
    spacing_s: float = 60.0
    ahead_s: float = 0.0

    def now(self) -> float:
        """Return the Unix time of the gateways."""
        return time.time() + self.ahead_s


GATEWAY_TIMING = GatewayTiming()


class InvalidGatewayRequest(JsonRESTError):
    """The service's error for most invalid requests."""

    code = 400

    def __init__(self, message: str) -> None:
        super().__init__("InvalidGatewayRequestException", message)


class FileShare:
    """A share of a bucket (or of a prefix) and the content of its cache."""

    def __init__(self, backend: StorageGatewayBackend, kind: str, request: dict[str, Any]) -> None:
        self.id = f"share-{uuid.uuid4().hex[:8].upper()}"
        self.kind = kind
        self.gateway_arn = request["GatewayARN"]
        self.location_arn = request["LocationARN"]
        self.role = request.get("Role", "")
        self.tags = request.get("Tags", [])
        self.name = request.get("FileShareName", "")
        self.storage_class = request.get("DefaultStorageClass", "S3_STANDARD")
        self.arn = f"arn:aws:storagegateway:{backend.region_name}:{backend.account_id}:share/{self.id}"
        self.cached: tuple[str, ...] = ()
        self.refreshed_at = 0.0
        self.refreshing = False
        self.refreshes = 0
        self.without_effect = 0
        self._asked_at: float | None = None

    def evicts(self, now: float) -> bool:
        """Record a RefreshCache request at `now`; True when it is late enough after the previous one to evict anything."""
        before, self._asked_at = self._asked_at, now
        return before is None or now - before >= GATEWAY_TIMING.spacing_s

    def describe(self) -> dict[str, Any]:
        """Return the share as DescribeNFSFileShares and DescribeSMBFileShares do."""
        return {
            f"{self.kind}FileShareDefaults" if self.kind == "NFS" else "Authentication": {}
            if self.kind == "NFS"
            else "GuestAccess",
            "FileShareARN": self.arn,
            "FileShareId": self.id,
            "FileShareStatus": "AVAILABLE",
            "FileShareName": self.name or self.location_arn.rpartition(":")[2].partition("/")[0],
            "GatewayARN": self.gateway_arn,
            "LocationARN": self.location_arn,
            "Role": self.role,
            "Path": f"/{self.location_arn.rpartition(':')[2]}",
            "DefaultStorageClass": self.storage_class,
            "ReadOnly": False,
            "GuessMIMETypeEnabled": True,
            "KMSEncrypted": False,
            "Tags": self.tags,
        }

    def refresh(self, folders: list[str], *, recursive: bool) -> None:
        """Read the listing of these folders into the cache; the others stay unchanged."""
        present = bucket_keys(self.location_arn)
        covered = [folder.strip("/") for folder in folders] or [""]
        stored = {key for key in self.cached if not _covers(covered, key, recursive=recursive)}
        self.cached = tuple(sorted(stored | {key for key in present if _covers(covered, key, recursive=recursive)}))
        self.refreshed_at = GATEWAY_TIMING.now()
        self.refreshes += 1


def _covers(folders: list[str], key: str, *, recursive: bool) -> bool:
    for folder in folders:
        inside = key if not folder else key.removeprefix(f"{folder}/") if key.startswith(f"{folder}/") else None
        if inside is not None and (recursive or "/" not in inside):
            return True
    return False


def bucket_keys(location_arn: str) -> tuple[str, ...]:
    """Return the keys under a share's location, relative to it, as the bucket has them now, without deleted ones.

    This is the only function that knows how moto keeps a bucket's keys.
    """
    bucket_name, _, prefix = location_arn.rpartition(":")[2].partition("/")
    for account in list(s3_backends.values()):
        for backend in list(account.values()):
            bucket = backend.buckets.get(bucket_name)
            if bucket is not None:
                with bucket.keys.lock:
                    result = [key for key, value in bucket.keys.items() if not isinstance(value, FakeDeleteMarker)]
                return tuple(key[len(prefix) :] for key in result if key.startswith(prefix))
    return ()


class StorageGatewayBackend(BaseBackend):
    """The gateways and shares of one account and region."""

    def __init__(self, region_name: str, account_id: str) -> None:
        super().__init__(region_name, account_id)
        self.gateways: dict[str, dict[str, Any]] = {}
        self.shares: dict[str, FileShare] = {}
        self._made: dict[str, str] = {}  # share ARN by the ClientToken of its request
        self._lock = threading.Lock()

    def activate_gateway(self, request: dict[str, Any]) -> str:
        """Create a gateway and return its ARN."""
        gateway_id = f"sgw-{uuid.uuid4().hex[:8].upper()}"
        arn = f"arn:aws:storagegateway:{self.region_name}:{self.account_id}:gateway/{gateway_id}"
        self.gateways[arn] = {
            "GatewayId": gateway_id,
            "GatewayARN": arn,
            "GatewayName": request["GatewayName"],
            "GatewayType": request.get("GatewayType", "FILE_S3"),
            "GatewayOperationalState": "ACTIVE",
            "HostEnvironment": "EC2",
            "Tags": request.get("Tags", []),
        }
        return arn

    def create_share(self, kind: str, request: dict[str, Any]) -> str:
        """Create a share and return its ARN, or that of the same ClientToken; its cache is filled once."""
        token = request.get("ClientToken", "")
        if self._made.get(token) in self.shares:
            return self._made[token]
        if request["GatewayARN"] not in self.gateways:
            raise InvalidGatewayRequest("The specified gateway was not found.")
        share = FileShare(self, kind, request)
        share.refresh([], recursive=True)
        share.refreshes = 0
        self.shares[share.arn] = share
        if token:
            self._made[token] = share.arn
        return share.arn

    def share(self, arn: str) -> FileShare:
        """Return the share. InvalidGatewayRequest."""
        if arn not in self.shares:
            raise InvalidGatewayRequest("The specified file share was not found.")
        return self.shares[arn]

    def refresh_cache(self, arn: str, folders: list[str], *, recursive: bool) -> str:
        """Start a refresh in the background; its notification id."""
        share = self.share(arn)
        with self._lock:
            if share.refreshing:
                raise InvalidGatewayRequest("A refresh is already in progress for the file share.")
            share.refreshing = True
            evicts = share.evicts(GATEWAY_TIMING.now())

        notification = str(uuid.uuid4())

        def finish() -> None:
            try:
                if evicts:
                    share.refresh(folders, recursive=recursive)
                else:
                    share.without_effect += 1
            finally:
                share.refreshing = False
            self._tell(share, notification, folders)

        timer = threading.Timer(GATEWAY_TIMING.refresh_s, finish)
        timer.daemon = True
        timer.start()
        return notification

    def _tell(self, share: FileShare, notification: str, folders: list[str]) -> None:
        """Send the event to EventBridge, in the shape of the service's user guide."""
        detail = {
            "event-type": "refresh-complete",
            "notification-id": notification,
            "completed": int(GATEWAY_TIMING.now() * 1000),
            "folderList": folders or ["/"],
        }
        entry = {
            "Source": "aws.storagegateway",
            "DetailType": "Storage Gateway Refresh Cache Event",
            "Detail": json.dumps(detail),
            "Resources": [share.arn],
        }
        events_backends[self.account_id][self.region_name].put_events([entry])


storagegateway_backends = BackendDict(StorageGatewayBackend, "storagegateway")


class StorageGatewayResponse(BaseResponse):
    """JSON 1.1: one method per operation, found by moto from X-Amz-Target."""

    def __init__(self) -> None:
        super().__init__(service_name="storagegateway")

    @property
    def _backend(self) -> StorageGatewayBackend:
        return storagegateway_backends[self.current_account][self.region]

    @property
    def _parameters(self) -> dict[str, Any]:
        document: dict[str, Any] = json.loads(self.body or "{}")
        return document

    def activate_gateway(self) -> str:
        """Answer ActivateGateway."""
        return json.dumps({"GatewayARN": self._backend.activate_gateway(self._parameters)})

    def list_gateways(self) -> str:
        """Answer ListGateways."""
        return self._page("Gateways", [_without_tags(gateway) for gateway in self._backend.gateways.values()], "Marker")

    def describe_gateway_information(self) -> str:
        """Answer DescribeGatewayInformation."""
        gateway = self._backend.gateways.get(self._parameters["GatewayARN"])
        if gateway is None:
            raise InvalidGatewayRequest("The specified gateway was not found.")
        return json.dumps(gateway | {"GatewayState": "RUNNING", "GatewayTimezone": "GMT"})

    def create_nfs_file_share(self) -> str:
        """Answer CreateNFSFileShare."""
        return json.dumps({"FileShareARN": self._backend.create_share("NFS", self._parameters)})

    def create_smb_file_share(self) -> str:
        """Answer CreateSMBFileShare."""
        return json.dumps({"FileShareARN": self._backend.create_share("SMB", self._parameters)})

    def list_file_shares(self) -> str:
        """Answer ListFileShares, of one gateway or of all."""
        gateway = self._parameters.get("GatewayARN")
        shares = [
            {
                "FileShareType": share.kind,
                "FileShareARN": share.arn,
                "FileShareId": share.id,
                "FileShareStatus": "AVAILABLE",
                "GatewayARN": share.gateway_arn,
            }
            for share in self._backend.shares.values()
            if not gateway or share.gateway_arn == gateway
        ]
        return self._page("FileShareInfoList", shares, "NextMarker")

    def _page(self, name: str, rows: list[dict[str, Any]], next_marker: str) -> str:
        """Return at most Limit rows from Marker on; a marker is a position in the list, opaque to clients."""
        parameters = self._parameters
        first, last = (
            int(parameters.get("Marker") or 0),
            int(parameters.get("Marker") or 0) + parameters.get("Limit", _PAGE),
        )
        more = {next_marker: str(last)} if last < len(rows) else {}
        return json.dumps({name: rows[first:last], **more})

    def describe_nfs_file_shares(self) -> str:
        """Answer DescribeNFSFileShares."""
        return self._describe("NFS")

    def describe_smb_file_shares(self) -> str:
        """Answer DescribeSMBFileShares."""
        return self._describe("SMB")

    def _describe(self, kind: str) -> str:
        arns = self._parameters.get("FileShareARNList", [])
        if not 1 <= len(arns) <= _DESCRIBED:
            raise InvalidGatewayRequest(f"FileShareARNList takes 1 to {_DESCRIBED} ARNs.")
        shares = [self._backend.share(arn) for arn in arns]
        return json.dumps({f"{kind}FileShareInfoList": [share.describe() for share in shares if share.kind == kind]})

    def refresh_cache(self) -> str:
        """Answer RefreshCache."""
        parameters = self._parameters
        notification = self._backend.refresh_cache(
            parameters["FileShareARN"], parameters.get("FolderList", []), recursive=parameters.get("Recursive", True)
        )
        return json.dumps({"FileShareARN": parameters["FileShareARN"], "NotificationId": notification})

    def list_tags_for_resource(self) -> str:
        """Answer ListTagsForResource."""
        arn = self._parameters["ResourceARN"]
        result = self._backend.gateways.get(arn)
        tags = result["Tags"] if result else self._backend.share(arn).tags
        return json.dumps({"ResourceARN": arn, "Tags": tags})

    def delete_file_share(self) -> str:
        """Answer DeleteFileShare."""
        share = self._backend.share(self._parameters["FileShareARN"])
        del self._backend.shares[share.arn]
        return json.dumps({"FileShareARN": share.arn})


def _without_tags(gateway: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in gateway.items() if key != "Tags"}


def install() -> None:
    """Publish the service to moto under the name `moto.storagegateway`. Idempotent."""
    if "moto.storagegateway" in sys.modules:
        return
    package, models, urls = (
        ModuleType(name) for name in ("moto.storagegateway", "moto.storagegateway.models", "moto.storagegateway.urls")
    )
    models.__dict__.update(storagegateway_backends=storagegateway_backends, StorageGatewayBackend=StorageGatewayBackend)
    urls.__dict__.update(url_bases=[_URL], url_paths={"{0}/$": StorageGatewayResponse.dispatch})
    package.__dict__.update(models=models, urls=urls, storagegateway_backends=storagegateway_backends, __path__=[])
    sys.modules.update({module.__name__: module for module in (package, models, urls)})
    # moto finds a backend's URLs by the module of its class.
    StorageGatewayBackend.__module__ = "moto.storagegateway.models"
    moto.backend_index.backend_url_patterns.insert(0, ("storagegateway", re.compile(_URL)))


def share_files(share_id: str) -> dict[str, Any] | None:
    """Return the content of a share's cache and of its bucket, by share id or ARN, for tests and demos; None when it
    does not exist.
    """
    for account in list(storagegateway_backends.values()):
        for backend in list(account.values()):
            for share in backend.shares.values():
                if share_id in (share.id, share.arn):
                    return {
                        "files": list(share.cached),
                        "bucket": list(bucket_keys(share.location_arn)),
                        "refreshed_at": share.refreshed_at,
                        "refreshing": share.refreshing,
                        "refreshes": share.refreshes,
                        "without_effect": share.without_effect,
                    }
    return None
