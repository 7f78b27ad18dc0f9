"""The contents of one version of a function; equal deployments share runtime processes. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

__all__ = ["Credentials", "Deployment", "environment_variables"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment:
    """A version's code, configuration and folder. `layers` are the digests of their zips, in the function's order."""

    account_id: str
    region: str
    name: str
    version: str
    handler: str
    runtime: str
    role: str
    memory_mb: int
    timeout_s: int
    code: str
    layers: tuple[str, ...]
    variables: tuple[tuple[str, str], ...]
    endpoint_url: str

    @property
    def function(self) -> tuple[str, str, str]:
        """Return the function that this is a version of; reserved concurrency is counted by it."""
        return (self.account_id, self.region, self.name)

    def is_replaced_by(self, other: Deployment) -> bool:
        """True when `other` is the same version after a change of its code or configuration."""
        return self != other and (self.function, self.version) == (other.function, other.version)

    @property
    def log_group(self) -> str:
        """Return the name of its log group."""
        return f"/aws/lambda/{self.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """The keys of a session of the function's role in the embedded AWS: invented, and useless outside of it."""

    key_id: str
    secret_key: str
    session_token: str


def environment_variables(
    deployment: Deployment, credentials: Credentials, *, task_root: str, temporary: str, stream: str, path: str
) -> Mapping[str, str]:
    """Return all environment variables of the process. Nothing is inherited, so no real key of the user can get in.

    The function's own variables yield to the reserved ones and override the rest, as in Lambda.
    """
    reserved = {
        "_HANDLER": deployment.handler,
        "AWS_ACCESS_KEY_ID": credentials.key_id,
        "AWS_SECRET_ACCESS_KEY": credentials.secret_key,
        "AWS_SESSION_TOKEN": credentials.session_token,
        "AWS_REGION": deployment.region,
        "AWS_DEFAULT_REGION": deployment.region,
        "AWS_EXECUTION_ENV": f"AWS_Lambda_{deployment.runtime}",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(deployment.memory_mb),
        "AWS_LAMBDA_FUNCTION_NAME": deployment.name,
        "AWS_LAMBDA_FUNCTION_VERSION": deployment.version,
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "AWS_LAMBDA_LOG_GROUP_NAME": deployment.log_group,
        "AWS_LAMBDA_LOG_STREAM_NAME": stream,
        "LAMBDA_TASK_ROOT": task_root,
    }
    usual = {
        "AWS_ENDPOINT_URL": deployment.endpoint_url,
        "AWS_EC2_METADATA_DISABLED": "true",
        "HOME": temporary,
        "LANG": "en_US.UTF-8",
        "PATH": path,
        "PYTHONUTF8": "1",
        "TMPDIR": temporary,
        "TZ": ":UTC",
        # Windlass refuses a redirected endpoint unless this variable permits it.
        "WINDLASS_ESTATE_ALLOW_ENDPOINT_OVERRIDE": "true",
    }
    return usual | dict(deployment.variables) | reserved
