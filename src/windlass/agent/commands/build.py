"""`windlass agent build`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from windlass.present.options import DryRun

__all__ = ["build"]


def build(
    server: Annotated[str, typer.Option("--server", metavar="URL", help="The URL at which hosts reach the API.")],
    file: Annotated[Path, typer.Option("--file", metavar="FILE", help="The file to write.")] = Path(
        "windlass-agent.pyz"
    ),
    dry_run: DryRun = False,
) -> None:
    """Write the host agent: one file that needs only Python 3.8 or newer, on Linux and macOS.

    Run it from a timer. It reads the token from /etc/windlass/agent-token or $WINDLASS_AGENT_TOKEN.

    Examples:
      windlass agent build --server https://windlass.example.com:8470
      windlass agent build --server https://windlass.example.com --file agent.pyz --dry-run
    """
    from windlass.agent.archive import agent_archive

    content = agent_archive(server)
    if dry_run:
        print(f"would write {file} ({len(content):,} bytes) for {server}")
        return
    file.write_bytes(content)
    file.chmod(0o755)
    print(f"{file}: {len(content):,} bytes")
    print(f"Run it on a host: WINDLASS_AGENT_TOKEN=… python3 {file.name}", file=sys.stderr)
