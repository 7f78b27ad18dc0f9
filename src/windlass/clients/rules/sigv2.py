"""Requests signed with Signature Version 2, whose end AWS has announced.

The field `additionalEventData.SignatureVersion` decides. When it is absent (before early 2019), the SDK's version decides, and
only in the regions that ever accepted SigV2. Anonymous requests have no signature.
"""

from __future__ import annotations

from datetime import date

from windlass.clients.model import CallerKind, Level, RuleFinding, S3RequestFacts
from windlass.clients.sdks import ALWAYS, NEVER, sdks
from windlass.clients.versions import pack

__all__ = ["LEVEL", "OLD_REGIONS", "TITLE", "default_signature", "evaluate", "matches", "sql"]

TITLE = "Signature Version 2"
LEVEL = Level.FINDING
OLD_REGIONS = (
    "us-east-1",
    "us-west-1",
    "us-west-2",
    "ap-southeast-1",
    "ap-southeast-2",
    "ap-northeast-1",
    "eu-west-1",
    "sa-east-1",
)
"""The regions that accept SigV2; those opened since 2014 never did (AWS General Reference, S3 endpoints)."""


def default_signature(facts: S3RequestFacts) -> str:
    """Return the default signature of the agent's SDK: `v2`, `v4`, or `?` when unknown."""
    signer = facts.parsed.signer
    sdk = sdks().get(signer.id)
    if sdk is None or not sdk.sigv4:
        return "?"
    if sdk.sigv4 in (ALWAYS, NEVER):
        return "v4" if sdk.sigv4 == ALWAYS else "v2"
    bound = sdk.sigv4_bound
    if signer.numbers is None or bound is None:
        return "?"
    return "v2" if signer.numbers < bound else "v4"


def matches(facts: S3RequestFacts) -> bool:
    """True when the request was signed with SigV2, or, without the field, when its SDK signs with it by default."""
    if facts.signature:
        return facts.signature == "SigV2"
    return (
        facts.caller_kind != CallerKind.ANONYMOUS and facts.region in OLD_REGIONS and default_signature(facts) == "v2"
    )


def evaluate(facts: S3RequestFacts, _: date) -> RuleFinding | None:
    """Return the finding, with a supported version that signs with SigV4 by default; or None."""
    if not matches(facts):
        return None
    sdk = sdks().get(facts.parsed.client.id)
    configured = default_signature(facts) == "v4"
    required = "" if configured or sdk is None else sdk.upgrade
    if facts.signature:
        text = "signed with Signature Version 2"
        if configured:
            text += " because of its configuration: its SDK signs with Version 4 by default"
    else:
        text = "its SDK signs with Signature Version 2 by default; the record has no signature field"
    advice = sdk.advice if sdk else "Find the program by its agent and owner, and configure it for Signature Version 4."
    return RuleFinding(
        rule="sigv2",
        level=LEVEL,
        text=text,
        required=required,
        advice=advice,
        source=sdk.source if sdk else "https://docs.aws.amazon.com/AmazonS3/latest/API/specify-signature-version.html",
    )


def sql() -> str:
    """Return `matches` as SQL over signature, caller_kind, region, signer and signer_version."""
    regions = ", ".join(f"'{region}'" for region in OLD_REGIONS)
    old = []
    for sdk in sdks().values():
        if sdk.sigv4 == NEVER:
            old.append(f"signer = '{sdk.id}'")
        elif sdk.sigv4_bound:
            old.append(f"(signer = '{sdk.id}' AND signer_version < {pack(sdk.sigv4_bound)})")
    return (
        f"(signature = 'SigV2' OR (signature = '' AND caller_kind <> 'anonymous' AND region IN ({regions})"
        f" AND ({' OR '.join(old)})))"
    )
