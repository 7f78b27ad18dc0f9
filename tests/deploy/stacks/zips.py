"""A function's zip from this source tree: `windlass` itself and its windlass.toml; what it needs is this machine's."""

import io
import zipfile
from pathlib import Path

import windlass


def function_zip(config: str) -> bytes:
    """The zip, the same bytes for the same input."""
    root = Path(windlass.__file__).parent
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:

        def add(name: str, content: bytes) -> None:
            archive.writestr(zipfile.ZipInfo(name, (2026, 1, 1, 0, 0, 0)), content, zipfile.ZIP_DEFLATED)

        for path in sorted(root.rglob("*")):
            name = path.relative_to(root).as_posix()
            if path.is_file() and "__pycache__" not in name and path.suffix in (".py", ".toml", ".typed", ".mako"):
                add(f"windlass/{name}", path.read_bytes())
        add("windlass.toml", config.encode())
    return buffer.getvalue()
