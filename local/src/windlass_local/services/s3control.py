"""S3 Control: moto's, with S3 Batch Operations whose jobs run their tasks."""

from __future__ import annotations

from moto.s3control.models import S3ControlBackend

from windlass_local.batch import documents, job_queue
from windlass_local.batch.api import answer, is_job_call
from windlass_local.batch.runner import Runner
from windlass_local.faults import Faults
from windlass_local.request import Request, Response
from windlass_local.s3 import roles

__all__ = ["PRIVATE_NAMES", "install", "native", "server_started", "server_stopped"]

PRIVATE_NAMES = (*documents.PRIVATE_NAMES, *job_queue.PRIVATE_NAMES, *roles.PRIVATE_NAMES)

_RUNNER = "windlass_runner"


def install() -> None:
    """Create the runner of jobs; a second call changes nothing."""
    if not hasattr(S3ControlBackend, _RUNNER):
        setattr(S3ControlBackend, _RUNNER, Runner())


def _runner() -> Runner:
    runner: Runner = getattr(S3ControlBackend, _RUNNER)
    return runner


def server_started(_url: str, faults: Faults) -> None:
    """Add the faults of a server that started: they apply to tasks."""
    _runner().server_started(faults)


def server_stopped(_url: str, faults: Faults) -> None:
    """Remove the faults of a server that stops."""
    _runner().server_stopped(faults)


def native(request: Request) -> Response | None:
    """Answer a call on jobs; everything else is moto's."""
    return answer(_runner(), request) if is_job_call(request) else None
