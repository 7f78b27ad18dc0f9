"""pytest fixtures over the embedded AWS. To load them, put this into your conftest.py.

pytest_plugins = ["windlass.testing.fixtures"]
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

__all__ = ["EmbeddedAws", "embedded_aws", "embedded_aws_server"]

_SECRET = "windlass-local"


@dataclass(frozen=True, slots=True)
class EmbeddedAws:
    """The embedded AWS of a test: `url` is its endpoint, `account_id` an account that no other test uses."""

    url: str
    account_id: str

    @property
    def environment(self) -> dict[str, str]:
        """Variables for programs and for boto3: endpoint, region and keys."""
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_REGION": "us-east-1",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": self.account_id,
            "AWS_SECRET_ACCESS_KEY": _SECRET,
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def client(self, service: str, region: str = "us-east-1") -> Any:
        """Return a boto3 client of the account."""
        import importlib

        return importlib.import_module("boto3").client(
            service,
            region_name=region,
            endpoint_url=self.url,
            aws_access_key_id=self.account_id,
            aws_secret_access_key=_SECRET,
        )


@pytest.fixture(scope="session")
def embedded_aws_server() -> Iterator[str]:
    """Start one embedded AWS for the session; its URL. Skips where `windlass-aws[local]` is not installed."""
    server = pytest.importorskip(
        "windlass_local.server", reason="no embedded AWS: pip install 'windlass-aws[local]'"
    ).LocalServer
    with server() as running:
        yield running.url


@pytest.fixture
def embedded_aws(embedded_aws_server: str, monkeypatch: pytest.MonkeyPatch) -> EmbeddedAws:
    """Return the embedded AWS with an account of the test's own; `boto3.client("s3")` reaches it without arguments."""
    aws = EmbeddedAws(embedded_aws_server, f"{uuid.uuid4().int % 10**12:012}")
    for name, value in aws.environment.items():
        monkeypatch.setenv(name, value)
    return aws
