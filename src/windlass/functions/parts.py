"""What a function is put together from: its sections of windlass.toml, and the estate. Nothing else is loaded."""

from __future__ import annotations

import importlib
import os
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from pydantic import BaseModel, ConfigDict

from windlass.estate.config import EstateConfig
from windlass.observe.config import LogConfig
from windlass.observe.log import configure_logging
from windlass.settings.load import load_sections

if TYPE_CHECKING:
    from windlass.estate.service import Estate

__all__ = ["Shared", "load_aws", "put_together"]


class Shared(BaseModel):
    """The sections that every function reads."""

    model_config = ConfigDict(frozen=True)

    estate: EstateConfig = EstateConfig()
    log: LogConfig = LogConfig()


Shape = TypeVar("Shape", bound=Shared)


def put_together(shape: type[Shape]) -> tuple[Shape, Estate]:
    """The settings (of the windlass.toml beside the code, or the one WINDLASS_CONFIG names), and the estate over them."""
    folder = Path(os.environ.get("LAMBDA_TASK_ROOT", "."))
    settings = load_sections(shape, environ=os.environ, cwd=folder)
    configure_logging(settings.log)
    from windlass.estate.service import open_estate

    return settings, open_estate(settings.estate, os.environ)


def load_aws() -> None:
    """In Lambda: load botocore while the function starts, when it has a whole CPU, and not in its first call."""
    if "AWS_LAMBDA_FUNCTION_NAME" in os.environ:
        importlib.import_module("windlass.estate.service")
