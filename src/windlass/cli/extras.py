"""The packages that a command may need beyond the core install, and the extra that brings each."""

from __future__ import annotations

from windlass.core.errors import ConfigError

__all__ = ["EXTRA_OF", "missing_package"]

EXTRA_OF = {
    "fastapi": "server",
    "starlette": "server",
    "sse_starlette": "server",
    "multipart": "server",
    "python_multipart": "server",
    "windlass_local": "local",
}
"""{module: extra}. Parquet, PostgreSQL, OIDC and the steps' packages are asked for where they are used."""


def missing_package(error: ModuleNotFoundError) -> ConfigError | None:
    """Return the error for a package of an extra that is not installed; None for any other missing module."""
    package = (error.name or "").partition(".")[0]
    extra = EXTRA_OF.get(package)
    if extra is None:
        return None
    return ConfigError(
        f"this command needs {package}, which is not installed", hint=f"pip install 'windlass-aws[{extra}]'"
    )
