"""Packs the host agent into one file that Python runs (PEP 441): the same bytes for the same input."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path
from urllib.parse import urlsplit

from windlass.core.errors import UsageError

__all__ = ["agent_archive", "agent_modules"]

_HOST = Path(__file__).parent / "host"
_SHEBANG = b"#!/usr/bin/env python3\n"
_EPOCH = (1980, 1, 1, 0, 0, 0)  # a zip's earliest time
_MAIN = "import sys\n\nfrom windlass_agent.main import main\n\nsys.exit(main())\n"


def agent_modules() -> dict[str, str]:
    """Return the agent's modules, {file name: source}."""
    return {file.name: file.read_text(encoding="utf-8") for file in sorted(_HOST.glob("*.py"))}


def agent_archive(server: str) -> bytes:
    """Return the agent as a file that pushes to `server`. UsageError for a URL to which a token must not be sent."""
    url = server.rstrip("/")
    parts = urlsplit(url)
    is_local = parts.hostname in ("127.0.0.1", "localhost", "::1")
    if not parts.hostname or not (parts.scheme == "https" or (parts.scheme == "http" and is_local)):
        raise UsageError(
            f"the agent cannot push to {server!r}",
            hint="Give an https URL (http only on loopback): a token is sent there.",
        )
    if parts.username or parts.query or parts.fragment:
        raise UsageError(
            "the server's URL has more than a host, a port and a path", hint="Write https://windlass.example.com:8470."
        )
    files = {f"windlass_agent/{name}": source for name, source in agent_modules().items()}
    files |= {"__main__.py": _MAIN, "windlass_agent/defaults.json": json.dumps({"server": url})}
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in sorted(files.items()):
            archive.writestr(zipfile.ZipInfo(name, _EPOCH), text, zipfile.ZIP_DEFLATED)
    return _SHEBANG + buffer.getvalue()
