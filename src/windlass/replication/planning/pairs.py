"""From what a set says to pairs of buckets: patterns with captures, and pairs checked against each other. Pure."""

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
    "is_elsewhere",
    "parse_location",
    "parse_place",
    "place_pairs",
]

_NAME = re.compile(r"^[a-z0-9][a-z0-9._-]{1,61}[a-z0-9]$")
_ARN = re.compile(r"^arn:[a-z0-9-]+:s3:::")
_ELSEWHERE = re.compile(r"^([A-Za-z][A-Za-z0-9_-]{0,39}):(?!/)([^/]*)(?:/(.*))?\Z", re.DOTALL)
# Other services allow more than S3 does today.
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
    """(bucket, prefix) of `logs`, `s3://logs/2026/` or a bucket's ARN. UsageError when it is not a bucket name."""
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
    """Why a name of AWS's is none that replication and copies take; empty for others (S3 user guide, "Bucket naming rules")."""
    found = _ACCESS_POINT.match(plain)
    if found is not None:
        return f"{found[2]} of {found[1]} is not a bucket"
    for suffix, reason in _RESERVED:
        if bucket.endswith(suffix):
            return reason
    return ""


def is_elsewhere(text: str) -> bool:
    """Whether a place is written as one of a `[[service]]`."""
    return bool(_ELSEWHERE.match(text.strip())) and not text.strip().startswith("arn:")


def parse_place(text: str) -> tuple[str, str, str]:
    """(service, bucket, prefix) of `minio:logs/2026/`, or of what `parse_location` takes, whose service is empty."""
    if not is_elsewhere(text):
        return ("", *parse_location(text))
    found = _ELSEWHERE.match(text.strip())
    assert found is not None
    if not _ANY_NAME.match(found[2]):
        raise UsageError(f"{text!r} is not a bucket name", hint=_HINT)
    return found[1], found[2], found[3] or ""


def destination_name(pattern: str, source: str, captured: Sequence[str] = (), region: str = "") -> str:
    """The destination's name that a pattern makes of a source: `{name}`, `{region}`, `{1}`, `{2}` …"""
    known = {"name": source, "region": region} | {str(at): part for at, part in enumerate(captured, 1)}

    def value(found: re.Match[str]) -> str:
        if found[1] not in known:
            raise UsageError(
                f"destination {pattern!r}: {{{found[1]}}} has no value",
                hint="Use {name}, {region}, and {1}, {2} … for the stars of the source's pattern.",
            )
        return known[found[1]]

    made = re.sub(r"\{(\w+)\}", value, pattern)
    if not _NAME.match(made) and not is_elsewhere(made):
        raise UsageError(f"{pattern!r} turns {source} into {made!r}, which is not a valid bucket name")
    return made


def by_pattern(
    names: Iterable[str], source: str, destination: str, regions: Mapping[str, str] | None = None, *, service: str = ""
) -> tuple[tuple[str, str], ...]:
    """Every source that matches, with its destination's name, by name. `*` stands for any characters, `?` for one.

    Buckets that are somebody's destination are no sources: `logs-*` must not copy `logs-a-replica` once more. The names are
    of a `service`'s buckets where one is given.
    """
    matcher = re.compile("".join({"*": "(.*)", "?": "(.)"}.get(char, re.escape(char)) for char in source) + r"\Z")
    made = {}
    for name in sorted(names):
        found = matcher.match(name)
        if found:
            written = f"{service}:{name}" if service else name
            made[written] = destination_name(destination, name, found.groups(), (regions or {}).get(name, ""))
    targets = set(made.values())
    return tuple((name, target) for name, target in made.items() if name not in targets)


def place_pairs(
    named: Iterable[tuple[str, str]], known: Mapping[str, tuple[str, str]], prefix: str = ""
) -> tuple[Pair, ...]:
    """Pairs with what is `known` of AWS's buckets: (account, region) by name. A source's own prefix comes first."""
    found = []
    for left, right in named:
        (here, source, own), (there, target, _) = parse_place(left), parse_place(right)
        found.append(
            Pair(source=_place(here, source, known), destination=_place(there, target, known), prefix=own or prefix)
        )
    return tuple(found)


def check_pairs(pairs: Sequence[Pair]) -> None:
    """UsageError for a bucket paired with itself, a destination with two sources, or no pair at all."""
    if not pairs:
        raise UsageError("there is no pair of buckets to seed", hint="Name SOURCE and DEST, or a set with --set.")
    for one in pairs:
        if one.source.name == one.destination.name:
            raise UsageError(
                f"{one.source.name} cannot be its own replica", hint="Source and destination must be two buckets."
            )
    counted = Counter((one.destination.name, one.prefix) for one in pairs)
    twice = sorted(bucket for (bucket, _), number in counted.items() if number > 1)
    if twice:
        raise UsageError(
            f"{', '.join(twice)} would be the destination of several sources: keys would overwrite each other",
            hint="Give each source a destination of its own.",
        )


def check_aliases(pairs: Sequence[Pair], hosts: Mapping[str, str]) -> None:
    """UsageError for a pair whose two names mean one bucket: of one host (AWS's are one), or of a bucket's name in AWS.

    `hosts` has the host of each service by name; under the empty name, AWS's where it is not AWS's own.
    """
    for one in pairs:
        source, target = one.source, one.destination
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
