"""moto's WSGI application, called with a request that has already been parsed."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import unquote_to_bytes

from moto.core.request import (
    PRESERVED_HEADER_NAMES_ENVIRON_KEY,
    environ_key_for_header,
    should_preserve_original_header_name,
)

from windlass_local.request import Request, Response

__all__ = ["call_wsgi"]

Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


def call_wsgi(application: Application, request: Request, host: str) -> Response:
    """Call the application and return its complete response. The caller turns its exceptions into a response."""
    started: list[Any] = []

    def start_response(status: str, headers: list[tuple[str, str]], *_: Any) -> Callable[[bytes], object]:
        started[:] = [int(status.split(" ", 1)[0]), headers]
        return lambda _: None

    chunks = application(_environ(request, host), start_response)
    try:
        body = b"".join(chunks)
    finally:
        close = getattr(chunks, "close", None)
        if close:
            close()
    status, headers = started
    return Response(status=status, headers=tuple(headers), body=body)


def _environ(request: Request, host: str) -> dict[str, Any]:
    name, _, port = host.partition(":")
    environ: dict[str, Any] = {
        "REQUEST_METHOD": request.method,
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote_to_bytes(request.path).decode("latin-1"),
        "RAW_URI": request.path + (f"?{request.query}" if request.query else ""),
        "REQUEST_URI": request.path + (f"?{request.query}" if request.query else ""),
        "QUERY_STRING": request.query,
        "SERVER_NAME": name,
        "SERVER_PORT": port or "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(request.body),
        "wsgi.input_terminated": True,
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
        "CONTENT_LENGTH": str(len(request.body)),
        "HTTP_HOST": host,
        # The gateway has determined the account; moto's own rule knows only keys of twenty characters.
        "HTTP_X_MOTO_ACCOUNT_ID": request.account_id,
    }
    preserved: dict[str, str] = {}
    for header, value in request.headers.items():
        if header == "content-type":
            environ["CONTENT_TYPE"] = value
        elif header not in ("content-length", "transfer-encoding"):
            key = environ_key_for_header(header)
            environ[key] = value
            if should_preserve_original_header_name(header):
                preserved[key] = header
    environ[PRESERVED_HEADER_NAMES_ENVIRON_KEY] = preserved
    return environ
