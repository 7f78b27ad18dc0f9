"""Aggregation of records into counts and uses; it decides which requests are kept. Pure.

Every S3 request is counted by agent, signature, TLS version and day. A request that a rule matches and that is not excluded
is kept with its caller, origin and time to the second, so that the holder of its address can be found by the time.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from windlass.clients.exclusions import exclusion_of
from windlass.clients.model import CallerKind, S3RequestFacts, UseKey
from windlass.clients.rules import Rule, named
from windlass.clients.scan.records import Record

__all__ = [
    "ANONYMOUS",
    "HOST_DOMAIN_PATTERN",
    "PATH_HOST_PATTERN",
    "CountKey",
    "FileTotals",
    "RecordAggregator",
    "facts_of",
    "style_of",
]

S3 = "s3.amazonaws.com"
CountKey = tuple[str, str, str, str, str]
"""Agent, signature, TLS version, day, exclusion."""
_REGION = r"[a-z]{2}(-[a-z]+)+-[0-9]+"
_DOMAIN = r"\.amazonaws\.com(\.cn)?(:[0-9]+)?$"
_SERVICE = rf"(s3(-fips)?(\.dualstack)?|s3-external-1|s3-(fips-)?{_REGION})"
PATH_HOST_PATTERN = rf"^(bucket\.vpce-[a-z0-9-]+\.)?{_SERVICE}(\.{_REGION})?(\.vpce)?{_DOMAIN}"
"""Hosts that are endpoints of S3 itself, so that the bucket is in the path. The Athena SQL uses the same pattern."""
HOST_DOMAIN_PATTERN = _DOMAIN
PATH_HOST = re.compile(PATH_HOST_PATTERN)
HOST_DOMAIN = re.compile(HOST_DOMAIN_PATTERN)
ANONYMOUS = ("anonymous", "ANONYMOUS_PRINCIPAL")
"""CloudTrail's values for the account of a request without identity."""
_INSTANCE = re.compile(r"(?:.*/)?(i-[0-9a-f]{8,17})")
_MAX_VERDICTS = 100_000  # cached between files; the limit bounds a worker's memory


@dataclass(slots=True)
class FileTotals:
    """The totals of one file."""

    records: int = 0
    requests: int = 0
    counts: dict[CountKey, int] = field(default_factory=dict)
    buckets: dict[str, int] = field(
        default_factory=dict
    )  # S3 requests, excluded ones included: the buckets that log data events
    uses: dict[UseKey, list[str]] = field(default_factory=dict)  # event times


@dataclass(slots=True)
class _RequestVerdict:
    """The decision for all records of the same facts; `times` are those of the current file."""

    facts: S3RequestFacts
    exclusion: str
    kept: bool
    times: list[str]


class RecordAggregator:
    """Aggregates files. It caches the verdict of equal facts, so that rules run once per distinct agent, not per record."""

    def __init__(self, rules: Iterable[str] = ()) -> None:
        self._rules: tuple[Rule, ...] = named(rules)
        self._styled = any(rule.reads_style for rule in self._rules)
        self._verdicts: dict[Any, _RequestVerdict] = {}

    def add(self, records: Iterable[Record], into: FileTotals | None = None) -> FileTotals:  # noqa: C901  one loop for speed
        """Return the totals of records, added to `into` for a file that is read in parts."""
        totals = into or FileTotals()
        touched: list[_RequestVerdict] = []
        verdicts, styled, uses, buckets = self._verdicts, self._styled, totals.uses, totals.buckets
        number = requests = 0
        style = method = signature = None
        for number, record in enumerate(records, 1):  # noqa: B007  the last number is the count
            if record.eventSource != S3:
                continue
            time = record.eventTime or ""
            parameters = record.requestParameters
            if parameters is not None and (bucket := parameters.bucketName):
                buckets[bucket] = buckets.get(bucket, 0) + 1
            extra, tls, identity = record.additionalEventData, record.tlsDetails, record.userIdentity
            if extra is None:
                signature = method = None
            else:
                signature, method = extra.SignatureVersion, extra.AuthenticationMethod
            if styled:
                style = style_of(record)
            facts_key = (
                record.userAgent,
                signature,
                method,
                None if tls is None else tls.tlsVersion,
                record.awsRegion,
                None if identity is None else identity.type,
                identity is not None and identity.accountId in ANONYMOUS,
                identity is not None and identity.invokedBy,
                record.sessionCredentialFromConsole,
                style,
            )
            verdict = verdicts.get(facts_key)
            if verdict is None:
                verdict = self._judge(facts_key, record)
            if not verdict.times:
                touched.append(verdict)
            verdict.times.append(time)
            requests += 1
            if verdict.kept:
                uses.setdefault(_key(verdict.facts, record), []).append(time)
        totals.records += number
        totals.requests += requests
        for verdict in touched:
            _count(verdict, totals.counts)
        if len(verdicts) > _MAX_VERDICTS:
            verdicts.clear()
        return totals

    def _judge(self, facts_key: Any, record: Record) -> _RequestVerdict:
        facts = facts_of(record, style=facts_key[-1] or "")
        exclusion = exclusion_of(facts)
        kept = not exclusion and any(rule.matches(facts) for rule in self._rules)
        verdict = self._verdicts[facts_key] = _RequestVerdict(facts, exclusion, kept, [])
        return verdict


def _count(verdict: _RequestVerdict, counts: dict[CountKey, int]) -> None:
    facts, times = verdict.facts, verdict.times
    verdict.times = []
    first, last = min(times)[:10], max(times)[:10]
    days = {first: len(times)} if first == last else Counter(time[:10] for time in times)
    for day, number in days.items():
        key = (facts.agent, facts.signature, facts.tls, day, verdict.exclusion)
        counts[key] = counts.get(key, 0) + number


def facts_of(record: Record, *, style: str | None = None) -> S3RequestFacts:
    """Return the facts of a record."""
    extra, tls = record.additionalEventData, record.tlsDetails
    return S3RequestFacts(
        agent=record.userAgent or "",
        signature=(extra.SignatureVersion if extra else None) or "",
        method=(extra.AuthenticationMethod if extra else None) or "",
        tls=(tls.tlsVersion if tls else None) or "",
        style=style_of(record) if style is None else style,
        region=record.awsRegion or "",
        caller_kind=_caller_kind(record),
    )


def style_of(record: Record) -> str:
    """Return `host` when the client's host name begins with the bucket, `path` when it is an endpoint of S3 itself.

    Return "" for everything else: no host, another product's domain, an access point or its alias (whose names are not the
    bucket's), S3 Express, Outposts and Object Lambda. https://docs.aws.amazon.com/AmazonS3/latest/userguide/VirtualHosting.html
    """
    tls, parameters = record.tlsDetails, record.requestParameters
    host = ((tls.clientProvidedHostHeader if tls else None) or "").lower()
    bucket = (parameters.bucketName if parameters else None) or ""
    if not host or not bucket:
        return ""
    if PATH_HOST.fullmatch(host):
        return "path"
    return "host" if host.startswith(f"{bucket}.") and HOST_DOMAIN.search(host) else ""


def _caller_kind(record: Record) -> str:
    identity = record.userIdentity
    if identity is None:
        return CallerKind.CLIENT
    if identity.type == "AWSService" or identity.invokedBy:
        return CallerKind.SERVICE
    if identity.accountId in ANONYMOUS:
        return CallerKind.ANONYMOUS
    return CallerKind.CONSOLE if record.sessionCredentialFromConsole == "true" else CallerKind.CLIENT


def _key(facts: S3RequestFacts, record: Record) -> UseKey:
    identity, parameters = record.userIdentity, record.requestParameters
    arn = issuer = access_key = account = ""
    if identity is not None:
        arn = identity.arn or ""
        access_key = identity.accessKeyId or ""
        account = identity.accountId or ""
        session = identity.sessionContext
        issuer = (session.sessionIssuer.arn if session and session.sessionIssuer else None) or ""
    instance = _INSTANCE.fullmatch(arn)
    return UseKey(
        facts=facts,
        account_id=record.recipientAccountId or account,
        bucket=(parameters.bucketName if parameters else None) or "",
        principal=issuer or arn or account,
        instance=instance[1] if instance else "",
        access_key=access_key if access_key.startswith("AKIA") else "",
        ip=record.sourceIPAddress or "",
        endpoint=record.vpcEndpointId or "",
    )
