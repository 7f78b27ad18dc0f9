"""The wheels as a user meets them: the core, then the extra `server`, then the extra `local`, installed and tried."""

from collections.abc import Callable
from pathlib import Path

from tools.release.environments import CleanEnvironment, CommandFailed, installed_bytes

__all__ = ["CORE_LIMIT_MB", "try_wheels"]

CORE_LIMIT_MB = 90  # what issue 21 promises for a core install, without pip and compiled bytecode
_DEMO_S = "3"


def try_wheels(
    python: Path, folder: Path, main: Path, local: Path, *, version: str, report: Callable[[str], None]
) -> CleanEnvironment:
    """Install and try both wheels with one Python; return the environment, which has all of them. Raise CommandFailed."""
    environment = CleanEnvironment.create(python, folder)
    environment.install(f"{main}")
    _try_core(environment, version, report)
    environment.install(f"{main}[server]")
    report(f"[server]: serve answered on {environment.serve()}")
    environment.install(f"{main}[local]", f"{local}")
    _try_demo(environment, report)
    return environment


def _try_core(environment: CleanEnvironment, version: str, report: Callable[[str], None]) -> None:
    printed = environment.windlass("--version")
    if printed.split()[:2] != ["windlass", version]:
        raise CommandFailed(f"windlass --version printed {printed!r}, not version {version}")
    environment.windlass("--help")
    types = environment.windlass("inventory", "types").splitlines()
    size_mb = installed_bytes(environment.site_packages()) / 1e6
    report(f"core: {printed.strip()}, {len(types)} lines of types, {size_mb:.1f} MB (limit {CORE_LIMIT_MB})")
    if size_mb > CORE_LIMIT_MB:
        raise CommandFailed(f"the core is {size_mb:.1f} MB, more than {CORE_LIMIT_MB}: move a dependency into an extra")


def _try_demo(environment: CleanEnvironment, report: Callable[[str], None]) -> None:
    output = environment.windlass("demo", "--port", "0", "--exit-after", _DEMO_S, timeout_s=400)
    if "nothing is left running" not in output:
        raise CommandFailed(f"windlass demo did not end as it should:\n{output[-2000:]}")
    (collected,) = (line for line in output.splitlines() if line.startswith("collected "))
    report(f"[local]: demo {collected}")
