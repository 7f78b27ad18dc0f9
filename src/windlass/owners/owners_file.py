"""The file of owner rules, written as GitHub's CODEOWNERS: a pattern and an owner in each line, the last match decides. Pure.

*                                    platform
s3.bucket/logs-*                     observability   # a type and a name or id
arn:aws:lambda:*:*:function:pay-*    payments        # an ARN
111122223333/*                       data            # an account
tag:cost-center=42                   finance         # a tag and its value
s3.bucket/logs-scratch                               # without an owner: the other sources decide
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase

from windlass.core.errors import ConfigError
from windlass.owners.model import OwnedResource

__all__ = ["OwnerLine", "parse_owners"]

_ACCOUNT = re.compile(r"(\d{12})/(.*)")
_TYPE = re.compile(r"([a-z0-9-]+\.[a-z0-9_*-]+)(?:/(.+))?")
_COMMENT = re.compile(r"(^|\s)#.*$")


@dataclass(frozen=True, slots=True)
class OwnerLine:
    """A line of the file. `owner` is empty in a line that takes the owner of earlier lines away."""

    file: str
    number: int
    pattern: str
    owner: str

    def matches(self, resource: OwnedResource) -> bool:
        """True when the pattern is one of the resource's."""
        return _matches(self.pattern, resource)


def _matches(pattern: str, resource: OwnedResource) -> bool:
    if pattern.startswith("arn:"):
        return bool(resource.arn) and fnmatchcase(resource.arn, pattern)
    if pattern.startswith("tag:"):
        name, equals, value = pattern.removeprefix("tag:").partition("=")
        actual = resource.tags.get(name)
        return actual is not None and (not equals or fnmatchcase(actual, value))
    account = _ACCOUNT.fullmatch(pattern)
    if account:
        return resource.account_id == account[1] and _matches(account[2], resource)
    kind = _TYPE.fullmatch(pattern)
    if kind and kind[2]:
        return fnmatchcase(resource.type, kind[1]) and _is_named(kind[2], resource)
    # Without a slash it is a type, or a name with a dot.
    return bool(kind and fnmatchcase(resource.type, kind[1])) or _is_named(pattern, resource)


def _is_named(pattern: str, resource: OwnedResource) -> bool:
    return fnmatchcase(resource.name, pattern) or fnmatchcase(resource.resource_id, pattern)


def parse_owners(text: str, file: str) -> tuple[OwnerLine, ...]:
    """Return the lines of a file with a rule. ConfigError, with the line's number, for one that is none."""
    return tuple(_lines(text, file))


def _lines(text: str, file: str) -> Iterator[OwnerLine]:
    for number, line in enumerate(text.splitlines(), 1):
        pattern, *owners = _COMMENT.sub("", line).split() or [""]
        if not pattern:
            continue
        if len(owners) > 1:
            raise ConfigError(
                f"{file}, line {number}: {len(owners)} owners for {pattern}",
                hint="A resource has one owner: write a pattern and one name, without blanks.",
            )
        yield OwnerLine(file, number, pattern, owners[0].removeprefix("@") if owners else "")
