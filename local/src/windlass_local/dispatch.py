"""moto's dispatcher with a memory: which backend answers a host is looked up once, not by 200 patterns a call."""

from __future__ import annotations

import functools
import threading
from typing import Any

from moto.moto_server import werkzeug_app
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.routing import Rule

__all__ = ["Dispatcher", "UnknownService"]

PRIVATE_NAMES = (
    "moto.moto_server.werkzeug_app.DomainDispatcherApplication.get_backend_for_host",
    "moto.moto_server.werkzeug_app.create_backend_app",
    "moto.moto_server.werkzeug_app.DISABLE_GLOBAL_CORS",
)


# One for the process, like the syntax trees it guards.
_building = threading.RLock()


def _one_at_a_time(compile_: Any) -> Any:
    """A rule's compile, never beside another's: it makes syntax trees, and where two threads do, CPython raises SystemError.

    moto makes rules when a backend is first called and again, outside of its own lock, when a service's router is. Source:
    https://github.com/python/cpython/issues/106905 (how deep it is in a tree is one number for all threads).
    """

    @functools.wraps(compile_)
    def compiled(rule: Rule) -> None:
        with _building:
            try:
                compile_(rule)
            except SystemError:  # a thread of somebody else made a tree; a rule begins anew each time
                compile_(rule)

    return compiled


Rule.compile = _one_at_a_time(Rule.compile)
# moto lets the pages of every origin read every answer.
werkzeug_app.DISABLE_GLOBAL_CORS = True


class UnknownService(LookupError):
    """moto has no backend for a host."""


class Dispatcher(DomainDispatcherApplication):
    """The WSGI application of all backends; UnknownService where there is none.

    moto's own control API (`/moto-api/…`: reset, seed, recorder) is a backend only with `control_api`.
    """

    def __init__(self, *, control_api: bool = False) -> None:
        super().__init__(create_backend_app)
        self._control_api = control_api
        self.lock = _building
        self._known: dict[str, str] = {}

    def get_backend_for_host(self, host: str | None) -> Any:
        """The backend's name; None only while no host is known yet."""
        if host is None:
            return None
        if host == "moto_api" and not self._control_api:
            raise UnknownService(host)
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
