"""The `[log]` section of windlass.toml."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class LogConfig(BaseModel):
    """The level and format of logs, which go to stderr."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    level: Literal["debug", "info", "warning", "error"] = Field(default="info", description="The least level shown.")
    format: Literal["auto", "console", "json"] = Field(
        default="auto", description="`auto` is colourful lines on a terminal and JSON lines elsewhere."
    )
