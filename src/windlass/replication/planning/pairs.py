"""Pairs of buckets from a set's description: patterns with captures, and checks of pairs against each other. Pure."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from windlass.core.errors import UsageError
from windlass.replication.model import BucketRef, Pair

__all__ = [
    "by_pattern",
    "check_aliases",
    "check_pairs",
    "destination_name",
    "is_other_service",
    "parse_location",
    "parse_place",
    "place_pairs",
]

_NAME = re.compile(r"^[a-z0-9][a-z0-9._-]{1,61}[a-z0-9]$")
_ARN = re.compile(r"^arn:[a-z0-9-]+:s3:::")
_OTHER_SERVICE = re.compile(r"^([A-Za-z][A-Za-z0-9_-]{0,39}):(?!/)([^/]*)(?:/(.*))?\Z", re.DOTALL)
# Other services allow names that S3 no longer allows.
_ANY_NAME = re.compile(r"^[A-Za-z0-9][A-Za-z0-9._-]{1,254}$")
_ACCESS_POINT = re.compile(
    r"^arn:[a-z0-9-]+:(s3|s3-object-lambda|s3-outposts|s3express|s3tables|s3vectors):(?!::)[^:]*:[^:]*:(.*)$"
)
_RESERVED = (
    ("-s3alias", "it is the alias of an access point, not a bucket"),
    ("--ol-s3", "it is the alias of an Object Lambda access point, not a bucket"),
    ("--op-s3", "it is a bucket of S3 on Outposts"),
    (
        "--x-s3",
        "it is a directory bucket (S3 Express One Zone), whose listings have no order and whose ETags are no digests",
    ),
    ("--table-s3", "it is a table bucket of S3 Tables"),
)
_AWS_HOST = re.compile(r"(?:^|\.)amazonaws\.com(?:\.cn)?(?::\d+)?$")
_HINT = "Write a bucket's name, s3://BUCKET/PREFIX, or SERVICE:BUCKET/PREFIX."


def parse_location(text: str) -> tuple[str, str]:
    """Return (bucket, prefix) of `logs`, `s3://logs/2026/` or a bucket's ARN. UsageError for other text."""
    plain = _ARN.sub("", text.strip().removeprefix("s3://"))
    bucket, _, prefix = plain.partition("/")
    if reason := _unsupported(plain, bucket):
        raise UsageError(
            f"{text!r} cannot be replicated: {reason}",
            hint="Name a general purpose bucket.",
        )
    if not _NAME.match(bucket):
        raise UsageError(f"{text!r} is not a bucket name", hint=_HINT)
    return bucket, prefix


def _unsupported(plain: str, bucket: str) -> str:
    """Return why AWS cannot replicate or copy a bucket of this name; empty otherwise (S3 user guide, "Bucket naming
    rules").
    """
    match = _ACCESS_POINT.match(plain)
    if match is not None:
        return f"{match[2]} of {match[1]} is not a bucket"
    for suffix, reason in _RESERVED:
        if bucket.endswith(suffix):
            return reason
    return ""


def is_other_service(text: str) -> bool:
    """True when the text names a bucket of a `[[service]]`."""
    return bool(_OTHER_SERVICE.match(text.strip())) and not text.strip().startswith("arn:")


def parse_place(text: str) -> tuple[str, str, str]:
    """Return (service, bucket, prefix) of `minio:logs/2026/`, or of any text that `parse_location` accepts, with an
    empty service.
    """
    if not is_other_service(text):
        return ("", *parse_location(text))
    match = _OTHER_SERVICE.match(text.strip())
    assert match is not None
    if not _ANY_NAME.match(match[2]):
        raise UsageError(f"{text!r} is not a bucket name", hint=_HINT)
    return match[1], match[2], match[3] or ""


def destination_name(pattern: str, source: str, captured: Sequence[str] = (), region: str = "") -> str:
    """Return the destination's name for a source. The pattern may contain `{name}`, `{region}`, `{1}`, `{2}` …"""
    known = {"name": source, "region": region} | {str(at): part for at, part in enumerate(captured, 1)}

    def value(match: re.Match[str]) -> str:
        if match[1] not in known:
            raise UsageError(
                f"destination {pattern!r}: {{{match[1]}}} has no value",
                hint="Use {name}, {region}, and {1}, {2} … for the stars of the source's pattern.",
            )
        return known[match[1]]

    name = re.sub(r"\{(\w+)\}", value, pattern)
    if not _NAME.match(name) and not is_other_service(name):
        raise UsageError(f"{pattern!r} turns {source} into {name!r}, which is not a valid bucket name")
    return name


def by_pattern(
    names: Iterable[str], source: str, destination: str, regions: Mapping[str, str] | None = None, *, service: str = ""
) -> tuple[tuple[str, str], ...]:
    """Return every matching source with its destination's name, in order. `*` matches any characters, `?` matches one.

    A bucket that is the destination of another is not a source: `logs-*` must not copy `logs-a-replica` again. With
    `service`, the names are those of that service's buckets.
    """
    matcher = re.compile("".join({"*": "(.*)", "?": "(.)"}.get(char, re.escape(char)) for char in source) + r"\Z")
    pairs = {}
    for name in sorted(names):
        match = matcher.match(name)
        if match:
            written = f"{service}:{name}" if service else name
            pairs[written] = destination_name(destination, name, match.groups(), (regions or {}).get(name, ""))
    targets = set(pairs.values())
    return tuple((name, target) for name, target in pairs.items() if name not in targets)


def place_pairs(
    named: Iterable[tuple[str, str]], known: Mapping[str, tuple[str, str]], prefix: str = ""
) -> tuple[Pair, ...]:
    """Return pairs with (account, region) from `known`, by bucket name. A source's own prefix has precedence over
    `prefix`.
    """
    pairs = []
    for left, right in named:
        (here, source, own), (there, target, _) = parse_place(left), parse_place(right)
        pairs.append(
            Pair(source=_place(here, source, known), destination=_place(there, target, known), prefix=own or prefix)
        )
    return tuple(pairs)


def check_pairs(pairs: Sequence[Pair]) -> None:
    """Raise UsageError for a bucket paired with itself, a destination with two sources, or no pair."""
    if not pairs:
        raise UsageError("there is no pair of buckets to seed", hint="Name SOURCE and DEST, or a set with --set.")
    for pair in pairs:
        if pair.source.name == pair.destination.name:
            raise UsageError(
                f"{pair.source.name} cannot be its own replica", hint="Source and destination must be two buckets."
            )
    counted = Counter((pair.destination.name, pair.prefix) for pair in pairs)
    twice = sorted(bucket for (bucket, _), number in counted.items() if number > 1)
    if twice:
        raise UsageError(
            f"{', '.join(twice)} would be the destination of several sources: keys would overwrite each other",
            hint="Give each source its own destination.",
        )


def check_aliases(pairs: Sequence[Pair], hosts: Mapping[str, str]) -> None:
    """Raise UsageError for a pair whose two names are one bucket: same name at the same host, or in AWS, where names
    are global.

    `hosts` has the host of each service by name. The empty name is AWS, if the estate uses another endpoint for it.
    """
    for pair in pairs:
        source, target = pair.source, pair.destination
        if source.bucket != target.bucket or source.service == target.service:
            continue
        here, there = (
            "aws" if _AWS_HOST.search(hosts[place.service]) or not hosts[place.service] else hosts[place.service]
            for place in (source, target)
        )
        if here == there:
            raise UsageError(
                f"{source.name} and {target.name} are the same bucket: "
                f"both names resolve to {hosts[source.service] or hosts[target.service]}",
                hint="Name two buckets; check endpoint_url of [[service]].",
            )


def _place(service: str, bucket: str, known: Mapping[str, tuple[str, str]]) -> BucketRef:
    if service:
        return BucketRef(bucket=bucket, service=service)
    account_id, region = known.get(bucket, ("", ""))
    return BucketRef(bucket=bucket, account_id=account_id, region=region)
