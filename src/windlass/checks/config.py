"""The `[checks]` section of windlass.toml."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

__all__ = ["ChecksConfig"]


class ChecksConfig(BaseModel):
    """Which checks run, where users' own checks and mutes are, and which tags name an owner."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    folder: str = Field(default="", description="Folder with your own checks: *.toml files with [[check]] tables.")
    mutes: str = Field(
        default="windlass-mutes.toml", description="File of accepted findings; `windlass check mute` adds to it."
    )
    exclude: list[str] = Field(default=[], description="Ids of checks that do not run.")
    owner_tags: Annotated[list[str], Field(min_length=1)] = Field(
        default=["owner", "team", "service"],
        description="Tags that name a resource's owner; the first that it has counts, in upper or lower case.",
    )
