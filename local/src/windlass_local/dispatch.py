"""moto's dispatcher with a cache: the backend of a host is resolved once, not by 200 patterns per call."""

from __future__ import annotations

from typing import Any

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app

from windlass_local.moto_patches.werkzeug_rule_locks import BUILD_LOCK

__all__ = ["Dispatcher", "UnknownService"]

PRIVATE_NAMES = (
    "moto.moto_server.werkzeug_app.DomainDispatcherApplication.get_backend_for_host",
    "moto.moto_server.werkzeug_app.create_backend_app",
)


class UnknownService(LookupError):
    """A host for which moto has no backend."""


class Dispatcher(DomainDispatcherApplication):
    """The WSGI application of all backends; UnknownService where there is none.

    moto's own control API (`/moto-api/…`: reset, seed, recorder) is a backend only with `control_api`.
    """

    def __init__(self, *, control_api: bool = False) -> None:
        super().__init__(create_backend_app)
        self._control_api = control_api
        self.lock = BUILD_LOCK
        self._known: dict[str, str] = {}

    def get_backend_for_host(self, host: str | None) -> Any:
        """Return the backend's name; None only while no host is known."""
        if host is None:
            return None
        if host == "moto_api" and not self._control_api:
            raise UnknownService(host)
        result = self._known.get(host)
        if result is None:
            if host in ("moto_api", "instance_metadata"):
                result = host
            else:
                url = f"http://{host}"
                result = next((name for name, pattern in self.backend_url_patterns if pattern.match(url)), None)
            if result is None:
                if "amazonaws.com" in host or "." in host:
                    raise UnknownService(host)
                result = host  # the name of a backend itself: dynamodb, s3control …
            self._known[host] = result
        return result
