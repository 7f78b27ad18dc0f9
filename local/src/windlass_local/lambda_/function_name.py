"""Names of functions: plain, with a qualifier, partial ARN, full ARN. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass

__all__ = ["FunctionName", "parse_name"]

_ARN = re.compile(r"arn:(?P<partition>aws[a-z-]*):lambda:(?P<region>[^:]+):(?P<account>\d{12}):function:(?P<rest>.+)")
_PARTIAL = re.compile(r"(?P<account>\d{12}):function:(?P<rest>.+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class FunctionName:
    """A function of an account and region; `qualifier` is a version, an alias, or "" for the unqualified function."""

    account_id: str
    region: str
    name: str
    qualifier: str = ""
    partition: str = "aws"

    @property
    def unqualified_arn(self) -> str:
        """Return the function's ARN."""
        return f"arn:{self.partition}:lambda:{self.region}:{self.account_id}:function:{self.name}"

    @property
    def arn(self) -> str:
        """Return the ARN as it was requested, with its qualifier."""
        return f"{self.unqualified_arn}:{self.qualifier}" if self.qualifier else self.unqualified_arn


def parse_name(text: str, account_id: str, region: str, qualifier: str = "") -> FunctionName:
    """Parse a function name as Lambda's APIs accept it; account, region and `qualifier` fill in what it omits."""
    partition = "aws"
    result = _ARN.fullmatch(text) or _PARTIAL.fullmatch(text)
    if result:
        parts = result.groupdict()
        account_id, text = parts["account"], parts["rest"]
        region, partition = parts.get("region", region), parts.get("partition", partition)
    name, _, own = text.partition(":")
    return FunctionName(
        account_id=account_id, region=region, name=name, qualifier=own or qualifier, partition=partition
    )
