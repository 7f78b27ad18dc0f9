"""The credential policy: which credentials may be used, a pure decision on the facts of the environment.

The default AWS chain takes the first credentials it finds, so a service started on a laptop may run with production keys. Here the
*environment* (WINDLASS_ENV, else APP_ENV) decides, and sources that don't belong are left out, by botocore's METHOD
names, so that a provider that a later botocore adds stays out until it is added here.

    production-like   web identity, container/Pod Identity, instance metadata; static keys only by opt-in
    Lambda            the function's own role keys: in the environment with a session token, or, with SnapStart, from
                      the container credentials endpoint
    CloudShell        explicit environment keys, else the console user's from the container credentials endpoint
    local             explicit environment keys, or one profile that was named
    embedded AWS      its own fixed test keys; real ones are never even read
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from windlass.estate.model import CredentialSource

__all__ = ["Decision", "EnvironmentFacts", "decide"]

# botocore's names of its providers.
ENV, PROFILE_FILE, ASSUME_ROLE, SSO, PROCESS, CONFIG_FILE = (
    "env",
    "shared-credentials-file",
    "assume-role",
    "sso",
    "custom-process",
    "config-file",
)
WEB_IDENTITY, CONTAINER, INSTANCE = "assume-role-with-web-identity", "container-role", "iam-role"
LOGIN = "login"
_PROFILE_METHODS = (ASSUME_ROLE, WEB_IDENTITY, SSO, PROFILE_FILE, LOGIN, PROCESS, CONFIG_FILE)


@dataclass(frozen=True, slots=True, kw_only=True)
class EnvironmentFacts:
    """Facts of the environment, the command line and the configuration. Contains no secret."""

    environment: str = ""
    production_like: bool = False
    profile: str = ""  # typed out, or the environment's own in the configuration
    key_id: bool = False
    secret_key: bool = False
    session_token: bool = False
    profile_variable: bool = False  # AWS_PROFILE or AWS_DEFAULT_PROFILE
    web_identity_file: bool = False
    web_identity_role: bool = False
    container_uri: bool = False
    metadata_disabled: bool = False
    files_present: bool = False  # ~/.aws/credentials or ~/.aws/config
    kubernetes: bool = False
    lambda_function: bool = False
    cloudshell: bool = False  # AWS_EXECUTION_ENV is CloudShell
    endpoint_variable: bool = False  # AWS_ENDPOINT_URL or AWS_ENDPOINT_URL_<SERVICE>
    embedded: bool = False  # the configured endpoint is on loopback
    allow_static_keys: bool = False
    allow_endpoint_override: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """The botocore providers that may be used, in order; or a refusal with its remedy. `sources` explain both."""

    methods: tuple[str, ...] = ()
    profile: str = ""
    embedded: bool = False
    sources: tuple[CredentialSource, ...] = ()
    refusal: str = ""
    hint: str = ""


def decide(facts: EnvironmentFacts) -> Decision:
    """Decide for these facts. Every combination has a decision."""
    if facts.endpoint_variable and not facts.allow_endpoint_override:
        return Decision(
            sources=_explain(facts, {}, "not read: the endpoint takes precedence"),
            refusal="AWS_ENDPOINT_URL (or AWS_ENDPOINT_URL_<SERVICE>) is set in the environment",
            hint=(
                "It would send real credentials to another endpoint, or tests to real AWS. Unset it and use "
                "estate.endpoint_url or --endpoint-url; or set estate.allow_endpoint_override = true."
            ),
        )
    if facts.embedded:
        return Decision(
            embedded=True,
            sources=_explain(facts, {}, "refused: the embedded AWS has its own keys; real ones are never sent to it"),
        )
    if facts.profile:
        return Decision(
            methods=_PROFILE_METHODS,
            profile=facts.profile,
            sources=_explain(
                facts, {"profile": "used"}, f"refused: profile {facts.profile} was named, so no other source is used"
            ),
        )
    if facts.lambda_function:
        return _in_lambda(facts)
    return _production_like(facts) if facts.production_like else _local(facts)


def _in_lambda(facts: EnvironmentFacts) -> Decision:
    complete = facts.key_id and facts.secret_key and facts.session_token
    sources = _explain(
        facts, {"environment keys": "used"} if complete else {}, "refused: a Lambda function has its own role"
    )
    if complete:
        return Decision(methods=(ENV,), sources=sources)
    if facts.container_uri:  # SnapStart: AWS Lambda Developer Guide, "Activating and managing Lambda SnapStart"
        return _from_container(facts, "refused: a Lambda function has its own role")
    return Decision(
        sources=sources,
        refusal="this is a Lambda function without its role's keys and session token in the environment, and without "
        "the container credentials endpoint of SnapStart",
        hint="Give the function an execution role; don't overwrite AWS_ACCESS_KEY_ID in its environment.",
    )


def _from_container(facts: EnvironmentFacts, otherwise: str) -> Decision:
    sources = _explain(facts, {"container / Pod Identity": "used"}, otherwise)
    return Decision(methods=(CONTAINER,), sources=sources)


def _production_like(facts: EnvironmentFacts) -> Decision:
    environment_phrase = f"{facts.environment!r} is production-like"
    used: dict[str, str] = {}
    methods: list[str] = []
    if facts.web_identity_file and facts.web_identity_role:
        methods.append(WEB_IDENTITY)
        used["web identity (IRSA)"] = "used"
    if facts.container_uri:
        methods.append(CONTAINER)
        used["container / Pod Identity"] = "allowed" if used else "used"
    # Inside Kubernetes the instance's role is that of the node, so every pod would have it.
    if not facts.kubernetes and not facts.metadata_disabled:
        methods.append(INSTANCE)
        used["instance metadata"] = "allowed" if used else "used"
    static = facts.key_id and facts.secret_key and facts.allow_static_keys
    if static:
        methods.append(ENV)
        used["environment keys"] = "allowed" if used else "used"
    sources = _explain(facts, used, f"refused: {environment_phrase}")
    if facts.web_identity_file and not facts.web_identity_role:
        return Decision(
            sources=_withheld(sources),
            refusal="AWS_WEB_IDENTITY_TOKEN_FILE is set, AWS_ROLE_ARN is not",
            hint="Annotate the service account with eks.amazonaws.com/role-arn, and restart the pod.",
        )
    if (facts.key_id or facts.secret_key) and not facts.allow_static_keys:
        return Decision(
            sources=_withheld(sources),
            refusal=f"static AWS keys are in the environment, and {environment_phrase}",
            hint=(
                "Use a role: IRSA or Pod Identity on EKS, a task or instance role elsewhere; and remove "
                "AWS_ACCESS_KEY_ID. To allow it, set estate.allow_static_keys = true."
            ),
        )
    if not methods:
        return Decision(
            sources=sources,
            refusal=f"no role credentials were found, and {environment_phrase}",
            hint=_no_role_hint(facts),
        )
    return Decision(methods=tuple(methods), sources=sources)


def _withheld(sources: tuple[CredentialSource, ...]) -> tuple[CredentialSource, ...]:
    """Return the sources of a refusal: none is used."""
    reason = "refused: allowed here, but the refusal below takes precedence"
    return tuple(
        replace(source, verdict="refused", reason=reason) if source.verdict in ("used", "allowed") else source
        for source in sources
    )


def _no_role_hint(facts: EnvironmentFacts) -> str:
    if facts.kubernetes:
        return (
            "In Kubernetes, give the service account a role: IRSA (AWS_WEB_IDENTITY_TOKEN_FILE, AWS_ROLE_ARN) or EKS Pod "
            "Identity. The node's role is refused: it belongs to every pod."
        )
    return "Attach a task or instance role; AWS_EC2_METADATA_DISABLED is set, so the instance can't be asked."


def _local(facts: EnvironmentFacts) -> Decision:
    reason = (
        f"the environment is {facts.environment!r}"
        if facts.environment
        else "WINDLASS_ENV is not set, so this is a local environment"
    )
    has_keys = facts.key_id and facts.secret_key
    sources = _explain(facts, {"environment keys": "used"} if has_keys else {}, f"refused: {reason}")
    if has_keys:
        return Decision(methods=(ENV,), sources=sources)
    if facts.key_id or facts.secret_key:
        missing = "AWS_SECRET_ACCESS_KEY" if facts.key_id else "AWS_ACCESS_KEY_ID"
        return Decision(
            sources=sources, refusal=f"{missing} is missing from the environment", hint="Set both, or neither."
        )
    if facts.cloudshell and facts.container_uri:
        return _from_container(facts, "refused: CloudShell has the console user's credentials")
    # Only a call to the instance metadata service would show whether there is one; none is made here.
    present = [source.name for source in sources if source.present and source.name != "instance metadata"]
    refused = f" Present, but refused in this environment: {', '.join(present)}." if present else ""
    return Decision(
        sources=sources,
        refusal=(
            f"AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are not set, and {reason}, which uses no other credentials."
            f"{refused}"
        ),
        hint=(
            "Set both keys, or name a profile with --profile NAME, or start the embedded AWS (`windlass local up`) and use "
            "--endpoint-url. In a cluster, set WINDLASS_ENV=production."
        ),
    )


def _explain(facts: EnvironmentFacts, verdicts: dict[str, str], otherwise: str) -> tuple[CredentialSource, ...]:
    """Return each source with its verdict; `verdicts` has those used or allowed, the others are absent or refused."""
    rows = (
        ("profile", bool(facts.profile) or facts.profile_variable),
        ("environment keys", facts.key_id or facts.secret_key),
        ("web identity (IRSA)", facts.web_identity_file),
        ("container / Pod Identity", facts.container_uri),
        ("files under ~/.aws", facts.files_present),
        ("instance metadata", not facts.metadata_disabled),
    )
    explained = []
    for name, present in rows:
        verdict = verdicts.get(name, "refused" if present else "absent")
        reason = {
            "used": "the first that belongs here",
            "allowed": "used when those before have no credentials",
            "absent": "not there",
        }
        text = reason.get(verdict) or _refused_because(name, facts, otherwise)
        explained.append(CredentialSource(name, present, verdict, text))
    return tuple(explained)


def _refused_because(name: str, facts: EnvironmentFacts, otherwise: str) -> str:
    if name == "instance metadata" and facts.production_like and facts.kubernetes:
        return "refused: inside Kubernetes it is the node's role, which every pod shares"
    if name == "profile" and not facts.profile:
        return "refused: AWS_PROFILE in the environment is not a choice that was typed out"
    return otherwise
