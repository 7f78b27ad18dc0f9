"""Access to one AWS service as one identity, as values: the estate decides, the wire uses them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from windlass.core.secret import Secret

__all__ = ["Access", "Keys"]


@dataclass(frozen=True, slots=True)
class Keys:
    """Credentials; temporary ones have a session token."""

    access_key: str
    secret_key: Secret
    token: Secret | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """A service's endpoint and the identity that calls it. `keys()` may block: it renews expired keys."""

    service: str
    region: str
    endpoint_url: str
    keys: Callable[[], Keys]
    account_id: str = ""
    service_label: str = ""
    """The `[[service]]` name that errors show; empty for AWS, where they show region and account."""
    regional_endpoint: Callable[[str], str] = lambda _: ""
    """Returns the service's endpoint in another region; empty for a custom endpoint, which is the only one."""
    path_style: bool = False
    """S3: put the bucket into the path instead of the host, as custom endpoints need it."""
    ca_bundle: str = ""
    proxy_url: str = field(default="", repr=False)
    """The HTTP proxy in front of the endpoint, with its password; empty for none."""
    connect_timeout_s: float = 5.0
    read_timeout_s: float = 60.0
    max_connections: int = 64
    user_agent: str = "windlass"
    crc32: bool = True
    """S3: uploads carry a CRC-32, as AWS's SDKs send it; else Content-MD5, which every service knows."""
    headers: tuple[tuple[str, str], ...] = ()
    """Headers of every request unless it sets its own, names in lower case. Example: the requester agrees to pay."""
    operation_headers: Mapping[str, tuple[tuple[str, Secret], ...]] = field(
        default_factory=dict, repr=False, hash=False
    )
    """Headers of single operations (`GetObject` …), names in lower case. Example: customer keys, only where S3 needs
    them.
    """

    def headers_of(self, operation: str) -> list[tuple[str, str]]:
        """Return the headers of this access that a request of the operation is sent with."""
        secret = self.operation_headers.get(operation, ())
        return [*self.headers, *((name, value.reveal()) for name, value in secret)]
