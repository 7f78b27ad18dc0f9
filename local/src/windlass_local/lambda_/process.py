"""One runtime process: started, given one event at a time, watched, and killed with all that it started."""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import shutil
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from windlass_local.lambda_.outcome import Invocation, LogLine, RunOutcome, exited, timed_out

__all__ = ["RuntimeProcess"]

_BOOTSTRAP = str(Path(__file__).with_name("bootstrap.py"))
_HEADER = struct.Struct(">cQ")
_INIT_S = 10.0
"""What Lambda gives the import of the handler's module."""
_POLL_INTERVAL_S = 0.02
"""Seconds between two readings of a running function's memory."""
_CHUNK = 1 << 16
_MAX_LOG_BYTES = 4 << 20
"""The limit of one run; more bytes are counted, not stored."""
Frame = tuple[bytes, bytes]


class RuntimeProcess:
    """A subprocess that holds one version's handler. One thread at a time may use it.

    `temporary` is its own folder, and goes with it. `memory_mb` bounds its resident memory (read every 20 ms where
    /proc is). `kill` may come from any thread.
    """

    def __init__(
        self,
        *,
        folders: Sequence[str],
        variables: Mapping[str, str],
        memory_mb: int,
        timeout_s: int,
        stream: str,
        temporary: Path,
    ) -> None:
        self.stream = stream
        self._temporary = temporary
        self.used_s = time.monotonic()
        self.runs = 0
        self._memory_mb, self._timeout_s = memory_mb, timeout_s
        self._control, original = socket.socketpair()
        lifeline, self._lifeline = os.pipe()
        self._log, log = os.pipe()
        os.set_blocking(self._log, False)
        try:
            self._process = subprocess.Popen(  # noqa: S603  our own interpreter
                # -P: nothing may be imported from the bootstrap's own folder
                [sys.executable, "-P", "-u", _BOOTSTRAP, str(original.fileno()), str(lifeline), *folders],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=(original.fileno(), lifeline),
                start_new_session=True,
                env=dict(variables),
                cwd=folders[0],
            )
        except OSError:
            self._control.close()
            os.close(self._log)
            os.close(self._lifeline)
            raise
        finally:
            original.close()
            os.close(lifeline)
            os.close(log)
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._control, selectors.EVENT_READ)
        self._selector.register(self._log, selectors.EVENT_READ)
        self._inbox = bytearray()
        self._partial = b""
        self._lines: list[LogLine] = []
        self._log_bytes = 0
        self._initialised = False
        self._started_s = time.monotonic()
        self._ending = threading.Lock()
        self.is_closed = False

    @property
    def pid(self) -> int:
        """Return the id of the process and of its group, which has all that the function started."""
        return self._process.pid

    @property
    def is_alive(self) -> bool:
        """True when the process can take another event."""
        return not self.is_closed and self._process.poll() is None

    def run(self, invocation: Invocation) -> RunOutcome:
        """Run one event. A process that did not survive it (killed, timed out, exited) is closed afterwards."""
        self.runs += 1
        init_ms = None
        if not self._initialised:
            frame = self._next_frame(self._started_s + _INIT_S + self._timeout_s)
            init_ms = (time.monotonic() - self._started_s) * 1000
            if not isinstance(frame, tuple) or frame[1]:
                return self._ended(invocation, frame, 0.0, init_ms)
            self._initialised = True
        started = time.monotonic()
        context = {
            "request_id": invocation.request_id,
            "arn": invocation.arn,
            "client_context": invocation.client_context,
            "deadline_ms": int((time.time() + self._timeout_s) * 1000),
        }
        self._control.settimeout(self._timeout_s)
        event = _frame(b"C", json.dumps(context).encode()) + _frame(b"P", invocation.payload or b"{}")
        with contextlib.suppress(OSError):  # it died between two events, or does not read: the wait shows which
            self._control.sendall(event)
        response = self._next_frame(started + self._timeout_s)
        duration_ms = (time.monotonic() - started) * 1000
        if not isinstance(response, tuple):
            return self._ended(invocation, response, duration_ms, init_ms)
        peak_mb = self.peak_mb()
        if peak_mb > self._memory_mb:
            return self._ended(invocation, "memory", duration_ms, init_ms)
        self.used_s = time.monotonic()
        kind, body = response
        return self._outcome(body, kind == b"E", duration_ms, init_ms, peak_mb)

    def _ended(self, invocation: Invocation, how: str | Frame, duration_ms: float, init_ms: float | None) -> RunOutcome:
        """Return why the process cannot be used again, and make sure that it has ended."""
        if isinstance(how, tuple):  # the handler could not be loaded; the process ends itself
            body = json.loads(how[1]) | {"requestId": invocation.request_id}
            self.close()
            return self._outcome(json.dumps(body).encode(), True, duration_ms, init_ms, 0, "error")
        peak_mb = min(self.peak_mb(), self._memory_mb)
        if how == "timeout":
            self.close()
            document, line = timed_out(invocation.request_id, self._timeout_s)
        else:
            if how == "memory":
                peak_mb = self._memory_mb
                self.close()
                code = -int(signal.SIGKILL)
            else:
                code = self._exit_code()
                self.close()
            document, line = exited(invocation.request_id, code)
        now_ms = int(time.time() * 1000)
        self._lines += [(now_ms, entry) for entry in line.rstrip("\n").split("\n")]
        return self._outcome(document, True, duration_ms, init_ms, peak_mb, "timeout" if how == "timeout" else "error")

    def _exit_code(self) -> int:
        try:
            return self._process.wait(timeout=1.0)
        except subprocess.TimeoutExpired:  # it closed its control socket but is still running
            return -int(signal.SIGKILL)

    def _outcome(
        self, payload: bytes, failed: bool, duration_ms: float, init_ms: float | None, peak_mb: int, ended: str = ""
    ) -> RunOutcome:
        if self._partial:
            self._lines.append((int(time.time() * 1000), self._partial.decode("utf-8", "replace")))
            self._partial = b""
        lines, self._lines, self._log_bytes = tuple(self._lines), [], 0
        return RunOutcome(
            payload=payload,
            failed=failed,
            lines=lines,
            duration_ms=duration_ms,
            init_ms=init_ms,
            peak_mb=peak_mb,
            ended=ended,
        )

    def _next_frame(self, deadline_s: float) -> Frame | str:
        """Return the next frame, or what happened instead: `timeout`, `memory`, `exit`."""
        while True:
            ended = False
            remaining_s = deadline_s - time.monotonic()
            for key, _ in self._selector.select(max(0.0, min(_POLL_INTERVAL_S, remaining_s))):
                if key.fileobj is self._control:
                    ended = not self._read_control()
                else:
                    self._read_log()
            frame = self._whole_frame()
            if frame is not None or ended:
                self._read_log()  # everything written before the response is in the pipe now
                return frame or "exit"
            if time.monotonic() >= deadline_s:
                return "timeout"
            if self.peak_mb() > self._memory_mb:
                return "memory"

    def _read_control(self) -> bool:
        try:
            part = self._control.recv(1 << 20)
        except OSError:
            part = b""
        self._inbox += part
        return bool(part)

    def _whole_frame(self) -> Frame | None:
        if len(self._inbox) < _HEADER.size:
            return None
        kind, length = _HEADER.unpack_from(self._inbox)
        end = _HEADER.size + length
        if len(self._inbox) < end:
            return None
        body = bytes(self._inbox[_HEADER.size : end])
        del self._inbox[:end]
        return kind, body

    def _read_log(self) -> None:
        while True:
            try:
                part = os.read(self._log, _CHUNK)
            except OSError:  # nothing there now, or closed
                return
            if not part:
                with contextlib.suppress(KeyError, ValueError):
                    self._selector.unregister(self._log)
                return
            self._log_bytes += len(part)
            if self._log_bytes > _MAX_LOG_BYTES:
                continue
            now_ms = int(time.time() * 1000)
            *whole, self._partial = (self._partial + part).split(b"\n")
            self._lines += [(now_ms, entry.decode("utf-8", "replace")) for entry in whole]
            if len(part) < _CHUNK:
                return

    def peak_mb(self) -> int:
        """Return the peak memory in MiB; 0 where the system does not report it."""
        try:
            with open(f"/proc/{self.pid}/status", "rb") as status:  # noqa: PTH123  read fifty times a second
                for line in status:
                    if line.startswith(b"VmHWM:"):
                        return (int(line.split()[1]) + 1023) // 1024
        except OSError:
            pass
        return 0

    def kill(self) -> None:
        """Kill the process and all that it started, at once; the thread that runs an event in it learns that it was killed."""
        with self._ending:
            self._kill()

    def _kill(self) -> None:
        if not self.is_closed:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.pid, signal.SIGKILL)

    def close(self) -> None:
        """Kill the process, wait for its end and release everything. Idempotent; called by the thread that uses it."""
        with self._ending:
            if self.is_closed:
                return
            self._kill()
            self.is_closed = True
        self._process.wait()
        self._read_log()
        self._selector.close()
        self._control.close()
        for descriptor in (self._log, self._lifeline):
            os.close(descriptor)
        shutil.rmtree(self._temporary, ignore_errors=True)


def _frame(kind: bytes, body: bytes) -> bytes:
    return _HEADER.pack(kind, len(body)) + body
