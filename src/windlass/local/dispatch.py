"""moto's dispatcher with a memory: which backend answers a host is looked up once, not by 200 patterns a call."""

from __future__ import annotations

import threading
from typing import Any

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app

__all__ = ["Dispatcher", "UnknownService"]

PRIVATE_NAMES = (
    "moto.moto_server.werkzeug_app.DomainDispatcherApplication.get_backend_for_host",
    "moto.moto_server.werkzeug_app.create_backend_app",
)


class UnknownService(LookupError):
    """moto has no backend for a host."""


class Dispatcher(DomainDispatcherApplication):
    """The WSGI application of all backends; UnknownService where there is none."""

    # One for the process: building an application compiles its routes, and CPython (gh-106905) raises SystemError when two
    # threads compile syntax trees at once.
    _building = threading.Lock()

    def __init__(self) -> None:
        super().__init__(create_backend_app)
        self.lock = self._building
        self._known: dict[str, str] = {}

    def get_application(self, environ: dict[str, Any]) -> Any:
        """The backend's application, made at its first call. Nothing was carried out yet, so that it may be tried twice."""
        try:
            return super().get_application(environ)
        except SystemError:  # another thread, not one of ours, compiled at the same time
            return super().get_application(environ)

    def get_backend_for_host(self, host: str | None) -> Any:
        """The backend's name; None only while no host is known yet."""
        if host is None:
            return None
        found = self._known.get(host)
        if found is None:
            if host in ("moto_api", "instance_metadata"):
                found = host
            else:
                url = f"http://{host}"
                found = next((name for name, pattern in self.backend_url_patterns if pattern.match(url)), None)
            if found is None:
                if "amazonaws.com" in host or "." in host:
                    raise UnknownService(host)
                found = host  # the name of a backend itself: dynamodb, s3control …
            self._known[host] = found
        return found
