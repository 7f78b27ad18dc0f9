"""The runtime of a function: its sections of windlass.toml, and the estate. It loads nothing else."""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import BaseModel, ConfigDict

from windlass import __version__
from windlass.estate.config import EstateConfig
from windlass.observe.config import LogConfig
from windlass.observe.log import configure_logging
from windlass.queues.address import Queue
from windlass.queues.lookup import find_queue
from windlass.settings.load import load_sections

if TYPE_CHECKING:
    from windlass.estate.service import Estate

__all__ = [
    "SharedSections",
    "is_start_check",
    "load_runtime",
    "message_deleter",
    "preload_botocore",
    "start_response",
    "visibility_setter",
]


class SharedSections(BaseModel):
    """The sections that every function reads."""

    model_config = ConfigDict(frozen=True)

    estate: EstateConfig = EstateConfig()
    log: LogConfig = LogConfig()


Shape = TypeVar("Shape", bound=SharedSections)


def load_runtime(shape: type[Shape]) -> tuple[Shape, Estate]:
    """Return the settings (from the windlass.toml beside the code, or from WINDLASS_CONFIG) and the estate."""
    folder = Path(os.environ.get("LAMBDA_TASK_ROOT", "."))
    settings = load_sections(shape, environ=os.environ, cwd=folder)
    configure_logging(settings.log)
    from windlass.estate.service import open_estate

    return settings, open_estate(settings.estate, os.environ)


def visibility_setter(estate: Estate) -> Callable[[str, str, int], None]:
    """Return `postpone(queue_arn, receipt_handle, seconds)`: ChangeMessageVisibility in the queue's account and region."""

    @cache
    def queue(arn: str) -> Queue:
        return find_queue(estate, arn)

    def postpone(queue_arn: str, receipt: str, seconds: int) -> None:
        at = queue(queue_arn)
        estate.call(
            at.account_id,
            at.region,
            "sqs",
            "ChangeMessageVisibility",
            QueueUrl=at.url,
            ReceiptHandle=receipt,
            VisibilityTimeout=seconds,
        )

    return postpone


def message_deleter(estate: Estate) -> Callable[[str, str], None]:
    """Return `delete(queue_arn, receipt_handle)`: DeleteMessage in the queue's account and region."""

    @cache
    def queue(arn: str) -> Queue:
        return find_queue(estate, arn)

    def delete(queue_arn: str, receipt: str) -> None:
        at = queue(queue_arn)
        estate.call(at.account_id, at.region, "sqs", "DeleteMessage", QueueUrl=at.url, ReceiptHandle=receipt)

    return delete


def is_start_check(event: Any) -> bool:
    """Return whether the event is the start check of `windlass deploy create`."""
    return bool(event == {"windlass": "check"})


def start_response() -> dict[str, str]:
    """Return the response to the check event: the version. Call it after the function's runtime was built."""
    return {"windlass": __version__}


def preload_botocore() -> None:
    """In Lambda, load botocore while the function starts and has a full CPU, instead of in its first call."""
    if "AWS_LAMBDA_FUNCTION_NAME" in os.environ:
        importlib.import_module("windlass.estate.service")
