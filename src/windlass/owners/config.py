"""The `[owners]` section of windlass.toml."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from windlass.owners.model import Source

__all__ = ["OwnersConfig"]


class OwnersConfig(BaseModel):
    """Who owns a resource: by its tags, a file of rules, its stack and its account, in the order of `order`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    order: list[Source] = Field(
        default=[Source.TAG, Source.FILE, Source.STACK, Source.ACCOUNT],
        description="Which source decides first: the first one that names an owner does. A source that is left out is not used.",
    )
    tags: Annotated[list[str], Field(min_length=1)] = Field(
        default=["owner", "team", "service"],
        description="Tags that name an owner, the first that the resource has; capitals do not matter.",
    )
    file: str = Field(
        default="",
        description="File of owner rules: a pattern and an owner in each line; the last line that matches decides.",
    )
    stacks: dict[str, str] = Field(
        default={},
        description='Owners of stacks by a pattern of the stack name: { "web-*" = "web" }; the longest pattern decides.',
    )
    accounts: dict[str, str] = Field(default={}, description='Owners of accounts by id: { "111122223333" = "data" }.')
