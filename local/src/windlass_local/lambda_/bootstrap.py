"""The program of a runtime process: Lambda's loop around one Python handler. Standard library only; run as a script.

Arguments: the descriptor of the control socket, the descriptor of the lifeline, and the folders to import from. A frame
on the control socket is one byte of kind, eight bytes of length and the body. In: `C` (the invocation's context as JSON)
then `P` (the payload). Out: `I` (initialised; an error as JSON, or nothing), `R` (the result) or `E` (the error).

The shape of errors, of log lines and of the context object follow awslambdaric, AWS's own runtime client.
"""

from __future__ import annotations

import importlib
import json
import logging
import os
import signal
import socket
import struct
import sys
import threading
import time
import traceback
from collections.abc import Callable, Mapping
from types import SimpleNamespace
from typing import Any

_HEADER = struct.Struct(">cQ")
_MAX_RESPONSE_BYTES = 6_291_556
Handler = Callable[[Any, Any], Any]


class InitError(Exception):
    """A handler that cannot be loaded; `kind` is Lambda's name of the cause."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


class Context:
    """The second argument of every handler."""

    def __init__(self, facts: Mapping[str, Any]) -> None:
        environ = os.environ
        self.aws_request_id: str = facts["request_id"]
        self.invoked_function_arn: str = facts["arn"]
        self.function_name = environ["AWS_LAMBDA_FUNCTION_NAME"]
        self.function_version = environ["AWS_LAMBDA_FUNCTION_VERSION"]
        self.memory_limit_in_mb = environ["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"]
        self.log_group_name = environ["AWS_LAMBDA_LOG_GROUP_NAME"]
        self.log_stream_name = environ["AWS_LAMBDA_LOG_STREAM_NAME"]
        self.identity = SimpleNamespace(cognito_identity_id=None, cognito_identity_pool_id=None)
        client = facts.get("client_context")
        self.client_context = SimpleNamespace(**client) if isinstance(client, dict) else None
        self._deadline_ms: int = facts["deadline_ms"]

    def get_remaining_time_in_millis(self) -> int:
        """Return the milliseconds until the timeout, never negative."""
        return max(0, self._deadline_ms - int(time.time() * 1000))

    def log(self, message: str) -> None:
        """Write to the log unchanged."""
        sys.stdout.write(str(message))


class _LogHandler(logging.Handler):
    """One record, one log event: line breaks inside it are carriage returns, as in Lambda."""

    request_id = ""

    def emit(self, record: logging.LogRecord) -> None:
        record.aws_request_id = self.request_id
        sys.stdout.write(self.format(record).replace("\n", "\r") + "\n")


def _die_with_parent(lifeline: int) -> None:
    """Exit when the embedded AWS does: then the pipe, which is never written to, ends."""
    os.read(lifeline, 1)
    os.killpg(0, signal.SIGKILL)


def _load(name: str) -> Handler:
    module_name, dot, attribute = name.rpartition(".")
    if not dot:
        raise InitError(
            "Runtime.MalformedHandlerName", f"Bad handler '{name}': not enough values to unpack (expected 2, got 1)"
        )
    try:
        module = importlib.import_module(module_name.replace("/", "."))
    except ImportError as error:
        raise InitError("Runtime.ImportModuleError", f"Unable to import module '{module_name}': {error}") from error
    except SyntaxError as error:
        raise InitError("Runtime.UserCodeSyntaxError", f"Syntax error in module '{module_name}': {error}") from error
    handler: Handler | None = getattr(module, attribute, None)
    if handler is None:
        raise InitError("Runtime.HandlerNotFound", f"Handler '{attribute}' missing on module '{module_name}'")
    return handler


def _describe(error: BaseException, request_id: str) -> dict[str, Any]:
    """Return the error as its caller gets it, without the frames of this file."""
    frames = [entry for entry in traceback.extract_tb(error.__traceback__) if entry.filename != __file__]
    if isinstance(error, InitError):
        frames = []
    return {
        "errorMessage": str(error),
        "errorType": error.kind if isinstance(error, InitError) else type(error).__name__,
        "requestId": request_id,
        "stackTrace": traceback.format_list(frames),
    }


def _log_error(described: Mapping[str, Any]) -> None:
    lines = [f"[ERROR] {described['errorType']}: {described['errorMessage']}"]
    if described["stackTrace"]:
        lines += ["Traceback (most recent call last):", *described["stackTrace"]]
    sys.stdout.write("\r".join(line.rstrip("\n").replace("\n", "\r") for line in lines) + "\n")


def _answer(handler: Handler, context: Context, payload: bytes) -> tuple[bytes, bytes]:
    """Run the handler once; return the kind and the body of the response."""
    try:
        result = handler(json.loads(payload), context)
    except MemoryError:
        os.kill(os.getpid(), signal.SIGKILL)  # as the kernel does in Lambda
        raise
    except Exception as error:  # noqa: BLE001  the handler's own, and its caller's to read
        described = _describe(error, context.aws_request_id)
        _log_error(described)
        return b"E", json.dumps(described).encode()
    try:
        body = json.dumps(result, ensure_ascii=False, default=_plain).encode()
    except (TypeError, ValueError, RecursionError) as error:
        described = {
            "errorMessage": f"Unable to marshal response: {error}",
            "errorType": "Runtime.MarshalError",
            "requestId": context.aws_request_id,
            "stackTrace": [],
        }
        _log_error(described)
        return b"E", json.dumps(described).encode()
    if len(body) > _MAX_RESPONSE_BYTES:
        message = f"Response payload size exceeded maximum allowed payload size ({_MAX_RESPONSE_BYTES} bytes)."
        return b"E", json.dumps({"errorMessage": message, "errorType": "Function.ResponseSizeTooLarge"}).encode()
    return b"R", body


def _plain(value: Any) -> Any:
    """Convert Decimals, as awslambdaric does; other types must be JSON already."""
    decimal = sys.modules.get("decimal")
    if decimal is not None and isinstance(value, decimal.Decimal):
        return float(value)
    raise TypeError(f"Object of type {type(value).__name__} is not JSON serializable")


def _send(control: socket.socket, kind: bytes, body: bytes) -> None:
    control.sendall(_HEADER.pack(kind, len(body)) + body)


def _receive(control: socket.socket) -> bytes | None:
    header = _exactly(control, _HEADER.size)
    if header is None:
        return None
    return _exactly(control, _HEADER.unpack(header)[1])


def _exactly(control: socket.socket, count: int) -> bytes | None:
    parts: list[bytes] = []
    while count:
        part = control.recv(min(count, 1 << 20))
        if not part:
            return None
        parts.append(part)
        count -= len(part)
    return b"".join(parts)


def _logging() -> _LogHandler:
    handler = _LogHandler()
    layout = "[%(levelname)s]\t%(asctime)s.%(msecs)03dZ\t%(aws_request_id)s\t%(message)s"
    formatter = logging.Formatter(layout, "%Y-%m-%dT%H:%M:%S")
    formatter.converter = time.gmtime
    handler.setFormatter(formatter)
    logging.getLogger().addHandler(handler)
    return handler


def main() -> None:
    """Initialize, then answer one invocation after another until the control socket closes."""
    control_fd, lifeline, folders = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:]
    for descriptor in (control_fd, lifeline):
        os.set_inheritable(descriptor, False)
    control = socket.socket(fileno=control_fd)
    threading.Thread(target=_die_with_parent, args=(lifeline,), name="lifeline", daemon=True).start()
    sys.argv = [sys.argv[0]]
    sys.path[:0] = folders
    log = _logging()
    try:
        handler = _load(os.environ["_HANDLER"])
    except Exception as error:  # noqa: BLE001  whatever importing the user's module raises
        described = _describe(error, "")
        _log_error(described)
        _send(control, b"I", json.dumps(described).encode())
        os._exit(1)
    _send(control, b"I", b"")
    while True:
        facts, payload = _receive(control), _receive(control)
        if facts is None or payload is None:
            return
        context = Context(json.loads(facts))
        log.request_id = context.aws_request_id
        kind, body = _answer(handler, context, payload)
        sys.stdout.flush()
        sys.stderr.flush()
        _send(control, kind, body)


if __name__ == "__main__":
    main()
