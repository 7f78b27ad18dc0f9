"""Delivers reports to the API; what cannot be delivered now waits in the spool folder."""

from __future__ import annotations

import json
import os
import ssl
import tempfile
import time
import urllib.error
import urllib.request
from typing import Any

__all__ = ["Delivery", "DeliveryFailed", "Spool"]

TIMEOUT_S = 60
MAX_SPOOLED = 48  # two days of hourly reports; the oldest goes first
_REFUSED = (400, 404, 405, 413, 415, 422)
"""Statuses that mean the report itself: sending it again would be refused again."""


class DeliveryFailed(Exception):
    """A report was not delivered. `is_final`: it would be refused again."""

    def __init__(self, message: str, *, is_final: bool) -> None:
        super().__init__(message)
        self.is_final = is_final


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """Follows no redirect: the token is for the configured server."""

    def redirect_request(self, *_arguments: Any, **_options: Any) -> None:
        """Refuse."""
        return


class Delivery:
    """Sends reports with a token, which appears in no message."""

    def __init__(self, server: str, token: str, authorities: str = "") -> None:
        self._url = server.rstrip("/") + "/v1/facts"
        self._token = token
        context = ssl.create_default_context(cafile=authorities or None)
        self._opener = urllib.request.build_opener(_NoRedirect, urllib.request.HTTPSHandler(context=context))

    def send(self, body: bytes) -> None:
        """Send one report. DeliveryFailed when the server did not accept it."""
        headers = {"Authorization": "Bearer " + self._token, "Content-Type": "application/json"}
        request = urllib.request.Request(self._url, data=body, headers=headers, method="PUT")  # noqa: S310  main() checked it
        try:
            with self._opener.open(request, timeout=TIMEOUT_S) as response:
                response.read(65536)
        except urllib.error.HTTPError as error:
            with error:
                detail = _detail(error.read(65536))
            message = "the server answered %d%s" % (error.code, detail)
            raise DeliveryFailed(message, is_final=error.code in _REFUSED) from None
        except (OSError, ValueError) as error:
            reason = getattr(error, "reason", error)
            raise DeliveryFailed("the server cannot be reached: %s" % reason, is_final=False) from None


def _detail(body: bytes) -> str:
    """Return what a problem document (RFC 9457) says."""
    try:
        problem: dict[str, Any] = json.loads(body)
        return ": %s %s" % (problem.get("detail", ""), problem.get("hint", ""))
    except (ValueError, AttributeError):
        return ""


class Spool:
    """A folder of reports that wait, oldest first. Only the agent's user can read it."""

    def __init__(self, folder: str) -> None:
        self._folder = folder

    def add(self, body: bytes) -> str:
        """Store a report; the oldest ones go when there are too many. A crash leaves no half file."""
        os.makedirs(self._folder, mode=0o700, exist_ok=True)
        descriptor, temporary = tempfile.mkstemp(dir=self._folder, suffix=".tmp")
        with os.fdopen(descriptor, "wb") as file:
            file.write(body)
        path = os.path.join(self._folder, "%020d-%d.json" % (time.time_ns(), os.getpid()))
        os.replace(temporary, path)
        for old in self.waiting()[:-MAX_SPOOLED]:
            self.remove(old)
        return path

    def waiting(self) -> list[str]:
        """Return the files of the reports that wait, the oldest first."""
        try:
            names = sorted(name for name in os.listdir(self._folder) if name.endswith(".json"))
        except FileNotFoundError:
            return []
        return [os.path.join(self._folder, name) for name in names]

    def remove(self, path: str) -> None:
        """Remove a report; another process of the agent may have been faster."""
        try:
            os.remove(path)
        except FileNotFoundError:
            pass
