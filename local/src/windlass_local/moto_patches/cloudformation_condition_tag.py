"""`!Condition Name` refers to a condition.

Upstream: the tag is read as a function Fn::Condition, which is never true.
AWS: it is the short form of `Condition: Name` inside Fn::And, Fn::Or, Fn::Not and Fn::If.
Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/intrinsic-function-reference-conditions.html
Offered upstream: no.
"""

from __future__ import annotations

from functools import wraps
from typing import Any

from moto.cloudformation import models

__all__ = ["PRIVATE_NAMES", "apply"]

PRIVATE_NAMES = ("moto.cloudformation.models.yaml_tag_constructor",)


def apply() -> None:
    """Replace the constructor of tags."""
    construct = models.yaml_tag_constructor

    @wraps(construct)
    def tag(loader: Any, name: str, node: Any) -> Any:
        return {"Condition": node.value} if name == "!Condition" else construct(loader, name, node)

    models.yaml_tag_constructor = tag
