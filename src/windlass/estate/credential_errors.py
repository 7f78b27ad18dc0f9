"""Errors of credential sources: what was searched, where, and the remedy. Pure.

botocore's providers raise whatever breaks inside them: OSError for a token file, ValueError for a refused address,
JSONDecodeError for a broken process. Here each becomes one message; secrets that a process printed are masked.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from botocore import exceptions as boto

from windlass.core.aws_errors import masked
from windlass.core.errors import ConfigError, WindlassError
from windlass.estate.policy import ASSUME_ROLE, CONTAINER, ENV, INSTANCE, LOGIN, PROCESS, SSO, WEB_IDENTITY
from windlass.estate.translate import is_unanswered, translate

__all__ = ["CredentialSource", "explain", "no_credentials"]


@dataclass(frozen=True, slots=True, kw_only=True)
class CredentialSource:
    """One botocore provider: its METHOD, the named profile with its settings (if any), and the environment it reads."""

    method: str
    profile: str = ""
    settings: Mapping[str, Any] = field(default_factory=dict)
    environ: Mapping[str, str] = field(default_factory=dict, repr=False)

    @property
    def place(self) -> str:
        """What is read, and from where, for messages."""
        describe: Callable[[CredentialSource], str] = _PLACES.get(self.method, _place_of_profile)
        return describe(self)

    @property
    def sso_profile(self) -> str:
        """The profile to log in with: the source of a role chain, else the profile itself."""
        return str(self.settings.get("source_profile") or self.profile)


def explain(error: BaseException, source: CredentialSource) -> WindlassError:
    """Return the error for what a provider raised: ConfigError, or AwsError when it got no response."""
    if isinstance(error, WindlassError):
        return error
    if isinstance(error, boto.BotoCoreError):
        network = translate(error, where=source.place)
        if is_unanswered(network):
            return network
    return ConfigError(f"{source.place}: {_reason(error, source)}", hint=_remedy(error, source), code="NoCredentials")


def no_credentials(sources: Sequence[CredentialSource]) -> ConfigError:
    """Return the error when every allowed source is empty."""
    return ConfigError(
        f"no AWS credentials were found in {', then '.join(source.place for source in sources)}",
        hint=_remedy(None, sources[-1]) if sources else "`windlass whoami` shows each source and the reason.",
        code="NoCredentials",
    )


def _place_of_web_identity(source: CredentialSource) -> str:
    if source.profile:
        return f"the web identity token file {source.settings.get('web_identity_token_file', '')} of profile {source.profile}"
    file, role = source.environ.get("AWS_WEB_IDENTITY_TOKEN_FILE", ""), source.environ.get("AWS_ROLE_ARN", "")
    return f"the web identity token file {file} (AWS_WEB_IDENTITY_TOKEN_FILE) for role {role} (AWS_ROLE_ARN)"


def _place_of_container(source: CredentialSource) -> str:
    for name in ("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_CONTAINER_CREDENTIALS_FULL_URI"):
        if source.environ.get(name):
            return f"the container credentials endpoint {source.environ[name].partition('?')[0]} ({name})"
    return "the container credentials endpoint"


def _place_of_profile(source: CredentialSource) -> str:
    return f"profile {source.profile!r} in the AWS configuration files"


_PLACES: Mapping[str, Callable[[CredentialSource], str]] = {
    WEB_IDENTITY: _place_of_web_identity,
    CONTAINER: _place_of_container,
    INSTANCE: lambda _: "the instance metadata service (169.254.169.254)",
    ENV: lambda _: "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY in the environment",
    SSO: lambda source: f"the IAM Identity Center (SSO) session of profile {source.profile!r}",
    PROCESS: lambda source: f"the credential_process of profile {source.profile!r}",
    ASSUME_ROLE: lambda source: f"role {source.settings.get('role_arn', '')} of profile {source.profile!r}",
    LOGIN: lambda source: f"the `aws login` session of profile {source.profile!r}",
}


def _reason(error: BaseException, source: CredentialSource) -> str:
    """Return the reason in one line."""
    match error:
        case boto.ClientError():
            body = error.response.get("Error", {})
            return masked(f"{error.operation_name} answered {body.get('Code', '')}: {body.get('Message', '')}".strip())
        case boto.SSOTokenLoadError() | boto.UnauthorizedSSOTokenError():
            return "there is no valid login: its cached token is missing, broken or expired"
        case boto.CredentialRetrievalError() if source.method == PROCESS:
            printed = masked(str(error.kwargs.get("error_msg", ""))).strip()
            return f"it failed: {printed}" if printed else "it ended with an error and printed no reason on stderr"
        case FileNotFoundError() if source.method == PROCESS:
            return f"the program {error.filename} does not exist"
        case json.JSONDecodeError() if source.method == PROCESS:
            return "its output is not JSON"  # and not shown, because it may be a secret
        case OSError():
            return f"{error.filename or 'it'} can't be read: {error.strerror or type(error).__name__}"
        case boto.BotoCoreError() | ValueError():
            return masked(str(error))
        case _:
            return f"{type(error).__name__}: {masked(str(error))}"


def _remedy(error: BaseException | None, source: CredentialSource) -> str:
    """Return the remedy."""
    if isinstance(error, (boto.SSOError, boto.TokenRetrievalError)) or source.method == SSO:
        return f"Run `aws sso login --profile {source.sso_profile}`, then try again."
    match source.method:
        case "assume-role-with-web-identity" if isinstance(error, boto.ClientError):
            return "Check that the role's trust policy names this cluster's OIDC provider and this service account."
        case "assume-role-with-web-identity":
            return (
                "EKS mounts the file when the service account has the annotation eks.amazonaws.com/role-arn: check it and "
                "restart the pod. Outside a cluster, unset AWS_WEB_IDENTITY_TOKEN_FILE and AWS_ROLE_ARN."
            )
        case "container-role" if isinstance(error, ValueError) and "Unsupported host" in str(error):
            return (
                "Plain http is accepted only for this machine and for the addresses of ECS and EKS: correct "
                "AWS_CONTAINER_CREDENTIALS_FULL_URI, use https, or unset it."
            )
        case "container-role":
            return (
                "Check the ECS agent or the EKS Pod Identity agent of this node, and the files that "
                "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE names; then restart the task or pod."
            )
        case "custom-process":
            return "Run the command by hand: it must print JSON with Version 1, AccessKeyId and SecretAccessKey."
        case "assume-role":
            return (
                "Check role_arn and source_profile of the profile, and that the role's trust policy allows its source."
            )
        case "login":
            return f"Run `aws login --profile {source.profile}`, then try again."
        case "iam-role":
            return "Attach a task or instance role; with IMDSv2 in a container, the instance needs a hop limit of 2."
        case _:
            return "`windlass whoami` shows each source and the reason."
