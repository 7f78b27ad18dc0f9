"""Every account's functions, running: used by the API, the event sources and moto's own services."""

from __future__ import annotations

import os
import threading
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from moto.awslambda.exceptions import UnknownFunctionException
from moto.awslambda.models import LambdaBackend
from moto.logs.models import logs_backends

from windlass_local.lambda_.async_invocations import AsyncInvocations
from windlass_local.lambda_.code import CodeStore
from windlass_local.lambda_.deployment import Credentials, Deployment, environment_variables
from windlass_local.lambda_.function_name import FunctionName
from windlass_local.lambda_.logs import LogWriter, full_log, tail
from windlass_local.lambda_.outcome import Invocation
from windlass_local.lambda_.pollers import Pollers
from windlass_local.lambda_.process import RuntimeProcess
from windlass_local.lambda_.process_pool import ProcessPool
from windlass_local.lambda_.versions import LAYERS, Unrunnable, assume_role, deployment_of, find, reserved_of
from windlass_local.workers import Workers

__all__ = ["Functions", "InvocationResponse", "shared_functions"]

_CALLS = 48
"""Threads that wait for functions on behalf of callers; more than may run at once, so that none waits for a thread."""
_CLOSING_S = 5.0
_ATTRIBUTE = "windlass_functions"


@dataclass(frozen=True, slots=True, kw_only=True)
class InvocationResponse:
    """The response of Invoke."""

    payload: bytes
    failed: bool
    version: str
    log_tail: str


class Functions:
    """The runner of functions while at least one server is up; `reset` and `server_stopped` leave no process behind."""

    def __init__(self) -> None:
        self.calls = Workers("lambda-calls", _CALLS)
        self.events = AsyncInvocations(self.invoke)
        self.sources = Pollers(self.invoke, self.calls)
        self.fleet = ProcessPool()
        self._codes = CodeStore()
        self._logs = LogWriter()
        self._endpoints: list[str] = []
        self._sessions: dict[tuple[str, str, str, str], Credentials] = {}
        self._lock = threading.Lock()
        self._resets = 0

    def server_started(self, url: str) -> None:
        """Let functions call the server that started at `url`."""
        self._endpoints.append(url)
        self.sources.resume()

    def server_stopped(self, url: str) -> None:
        """End the functions of the server at `url`; with the last server, cancel everything that waits."""
        if url in self._endpoints:
            self._endpoints.remove(url)
        if not self._endpoints:
            self.sources.pause()
            self.events.forget()
        self.fleet.drop(lambda deployment: deployment.endpoint_url == url, wait_s=_CLOSING_S)
        if not self._endpoints:
            self._codes.clear()

    def reset(self) -> None:
        """Forget everything: the estate was reset."""
        self._resets += 1
        self.sources.forget()
        self.events.forget()
        self.fleet.drop(lambda _: True)
        with self._lock:
            self._sessions.clear()

    def deleted(self, name: FunctionName) -> None:
        """End the processes of a deleted function, or of the version that `name` is qualified with."""
        function = (name.account_id, name.region, name.name)
        self.fleet.retire(
            lambda deployment: deployment.function == function and name.qualifier in ("", deployment.version)
        )

    def invoke(
        self, name: FunctionName, payload: bytes, *, request_id: str = "", client_context: object = None
    ) -> InvocationResponse:
        """Run the function on `payload` and wait for it. From any thread that may wait that long.

        Raises moto's UnknownFunctionException, Throttled, Unrunnable.
        """
        request_id = request_id or str(uuid.uuid4())
        function = find(name)
        if not self._endpoints:
            raise Unrunnable("the embedded AWS is stopping")
        deployment = deployment_of(function, self._endpoints[-1])
        resets = self._resets
        invocation = Invocation(request_id=request_id, arn=name.arn, payload=payload, client_context=client_context)
        outcome, stream = self.fleet.run(
            deployment, lambda: self._start(function, deployment), invocation, reserved=reserved_of(name)
        )
        lines = full_log(deployment, request_id, outcome)
        logs = logs_backends[deployment.account_id][deployment.region]
        # A run that was overtaken by a reset or a deletion must not create the log group again.
        if resets == self._resets and (deployment.log_group in logs.groups or _is_there(name)):
            self._logs.write(logs, deployment, stream, lines)
        return InvocationResponse(
            payload=outcome.payload, failed=outcome.failed, version=deployment.version, log_tail=tail(lines)
        )

    def _start(self, function: Any, deployment: Deployment) -> RuntimeProcess:
        in_use = self.fleet.code_in_use()
        root = self._codes.folder(deployment.code, function.code_bytes, in_use)
        layers = [
            self._codes.folder(entry.code_digest, entry.code_bytes, in_use) for entry in getattr(function, LAYERS, ())
        ]
        process_id = uuid.uuid4().hex
        temporary = self._codes.temporary(process_id)
        stream = f"{datetime.now(UTC):%Y/%m/%d}/[{deployment.version}]{process_id}"
        variables = environment_variables(
            deployment,
            self._session(deployment),
            task_root=str(root),
            temporary=str(temporary),
            stream=stream,
            path=os.pathsep.join([*(f"{entry}/bin" for entry in (root, *layers)), os.environ.get("PATH", os.defpath)]),
        )
        return RuntimeProcess(
            folders=_import_folders(root, layers, deployment.runtime),
            variables=variables,
            memory_mb=deployment.memory_mb,
            timeout_s=deployment.timeout_s,
            stream=stream,
            temporary=temporary,
        )

    def _session(self, deployment: Deployment) -> Credentials:
        key = (*deployment.function, deployment.role)
        with self._lock:
            if key not in self._sessions:
                self._sessions[key] = assume_role(deployment)
            return self._sessions[key]

    def describe(self) -> dict[str, Any]:
        """Describe the processes, and count the events that wait."""
        return {"processes": self.fleet.describe(), "events_waiting": self.events.waiting()}


def _is_there(name: FunctionName) -> bool:
    try:
        find(name)
    except UnknownFunctionException:
        return False
    return True


def _import_folders(root: Path, layers: Sequence[Path], runtime: str) -> list[str]:
    """Return the function's folder, then its layers' (a later layer covers an earlier one), as under /var/task and /opt."""
    folders = [root]
    for layer in reversed(layers):
        folders += [layer / "python" / "lib" / runtime / "site-packages", layer / "python"]
    return [str(folder) for folder in folders if folder.is_dir()]


def shared_functions() -> Functions:
    """Return the functions of this process's estate, which live as long as moto's state."""
    result: Functions | None = getattr(LambdaBackend, _ATTRIBUTE, None)
    if result is None:
        result = Functions()
        setattr(LambdaBackend, _ATTRIBUTE, result)
    return result
