"""Requests signed with Signature Version 2, which AWS has announced to turn off.

The field `additionalEventData.SignatureVersion` decides. Only where it is absent (before early 2019) the SDK's version
does, and only in the regions that ever took SigV2; anonymous requests have no signature at all.
"""

from __future__ import annotations

from datetime import date

from windlass.clients.model import CallerKind, Finding, Level, RequestFacts
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
"""The regions that took SigV2; those opened from 2014 on never did (AWS General Reference, S3 endpoints)."""


def default_signature(facts: RequestFacts) -> str:
    """What the agent's SDK signs with unless it is told otherwise: `v2`, `v4`, or `?` where that can't be said."""
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


def matches(facts: RequestFacts) -> bool:
    """Whether the request was signed with SigV2, or, without the field, its SDK would have."""
    if facts.signature:
        return facts.signature == "SigV2"
    return (
        facts.caller_kind != CallerKind.ANONYMOUS and facts.region in OLD_REGIONS and default_signature(facts) == "v2"
    )


def evaluate(facts: RequestFacts, _: date) -> Finding | None:
    """The finding, with a supported version that signs with SigV4 by default."""
    if not matches(facts):
        return None
    sdk = sdks().get(facts.parsed.client.id)
    told = default_signature(facts) == "v4"
    required = "" if told or sdk is None else sdk.upgrade
    if facts.signature:
        said = "signed with Signature Version 2"
        if told:
            said += ", though its SDK signs with Version 4 by default: it is configured to"
    else:
        said = "no signature field, and its SDK signs with Signature Version 2 by default"
    advice = sdk.advice if sdk else "Find the program by its agent and owner; configure it for Signature Version 4."
    return Finding(
        rule="sigv2",
        level=LEVEL,
        text=said,
        required=required,
        advice=advice,
        source=sdk.source if sdk else "https://docs.aws.amazon.com/AmazonS3/latest/API/specify-signature-version.html",
    )


def sql() -> str:
    """`matches` over the columns signature, caller_kind, region, signer and signer_version."""
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
