"""The `[checks]` section of windlass.toml."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

__all__ = ["ChecksConfig"]


class ChecksConfig(BaseModel):
    """Which checks run, and where users' own checks and mutes are."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    folder: str = Field(default="", description="Folder with your own checks: *.toml files with [[check]] tables.")
    mutes: str = Field(
        default="windlass-mutes.toml", description="File of accepted findings; `windlass check mute` adds to it."
    )
    exclude: list[str] = Field(default=[], description="Ids of checks that do not run.")
