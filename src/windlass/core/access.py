"""How to reach one AWS service as one identity: what the estate decides and the wire uses, as values."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from windlass.core.secret import Secret

__all__ = ["Access", "Keys"]


@dataclass(frozen=True, slots=True)
class Keys:
    """The credentials of a moment; temporary ones have a session token."""

    access_key: str
    secret_key: Secret
    token: Secret | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """Where a service is and who asks. `keys()` may block: it renews what has expired."""

    service: str
    region: str
    endpoint_url: str
    keys: Callable[[], Keys]
    account_id: str = ""
    service_label: str = ""
    """What people call it, in errors: the name of a service that is not AWS's; the region and account when empty."""
    regional_endpoint: Callable[[str], str] = lambda _: ""
    """The endpoint of the same service in another region; empty when there is only this one (a custom endpoint)."""
    path_style: bool = False
    """S3: the bucket goes into the path, as custom endpoints want it, not into the host."""
    ca_bundle: str = ""
    proxy_url: str = field(default="", repr=False)
    """An HTTP proxy to reach the endpoint through, its password within; empty for none."""
    connect_timeout_s: float = 5.0
    read_timeout_s: float = 60.0
    max_connections: int = 64
    user_agent: str = "windlass"
    crc32: bool = True
    """S3: uploads carry a CRC-32 that the service checks, as AWS's SDKs send it; else their MD5, which all services know."""
    headers: tuple[tuple[str, str], ...] = ()
    """Of every request that does not say otherwise, names in lower case: who asks agrees to something for all of them."""
    operation_headers: Mapping[str, tuple[tuple[str, Secret], ...]] = field(
        default_factory=dict, repr=False, hash=False
    )
    """Headers of single operations (`GetObject` …), names in lower case: customer keys go where S3 asks for them, and nowhere else."""

    def headers_of(self, operation: str) -> list[tuple[str, str]]:
        """Return the headers of this access that a request of the operation is sent with."""
        secret = self.operation_headers.get(operation, ())
        return [*self.headers, *((name, value.reveal()) for name, value in secret)]
