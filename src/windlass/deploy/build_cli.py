"""`windlass build lambda`: a reproducible zip for a function, or a layer for its extras."""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from windlass.core.units import format_bytes
from windlass.deploy.bundle import BUNDLES, EXTRAS, VERSIONS, Platform, bundle_of, extra_of, this_platform
from windlass.deploy.function_config import read_function_config
from windlass.deploy.function_zip import BuiltZip, build_function, build_layer
from windlass.present.output import Column, Format, emit

__all__ = ["app"]


class Arch(StrEnum):
    """Lambda's architectures."""

    ARM64 = "arm64"
    X86_64 = "x86_64"


_FUNCTIONS = ", ".join(one.name for one in BUNDLES)
_WITH = "; ".join(f"{one.name}: {one.help}" for one in EXTRAS)
_HERE = this_platform()
_ARCH = Arch(_HERE.arch if _HERE else "arm64")
_COLUMNS = (
    Column("file"),
    Column("size", right=True),
    Column("files", right=True),
    Column("architecture"),
    Column("runtime"),
    Column("handler"),
    Column("sha256"),
)
app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Build Lambda zips and layers.")


@app.callback()
def group() -> None:
    """Build Lambda zips and layers."""


@app.command("lambda")
def lambda_(
    name: Annotated[str, typer.Argument(metavar="NAME", help=f"Function to build: {_FUNCTIONS}.")],
    arch: Annotated[Arch, typer.Option(help="Architecture of the function; this machine's by default.")] = _ARCH,
    python: Annotated[
        str,
        typer.Option(metavar="VERSION", help=f"Python version in Lambda: {', '.join(VERSIONS)}; this one by default."),
    ] = _HERE.python if _HERE else "3.12",
    config: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="windlass.toml to add, with the project's modules that it names."),
    ] = None,
    extras: Annotated[list[str] | None, typer.Option("--with", metavar="EXTRA", help=f"Extra to add. {_WITH}.")] = None,
    layered: Annotated[
        list[str] | None,
        typer.Option(metavar="EXTRA", help="Extra that a layer of the function provides; it is left out."),
    ] = None,
    add: Annotated[
        list[Path] | None,
        typer.Option(metavar="PATH", help="Module or package to add, for steps and actions."),
    ] = None,
    layer: Annotated[
        bool, typer.Option("--layer", help="Build a layer with the extras instead of the function.")
    ] = False,
    compiled: Annotated[
        bool, typer.Option("--bytecode/--no-bytecode", help="Add bytecode, which halves the time of cold starts.")
    ] = True,
    to: Annotated[
        Path | None, typer.Option("--output", metavar="FILE", help="File to write; NAME-ARCH-PYTHON.zip by default.")
    ] = None,
    output: Annotated[Format, typer.Option("-o", help="Output format of the summary.")] = Format.TABLE,
) -> None:
    """Build a function's zip. The same input gives the same bytes."""
    bundle, platform = bundle_of(name), _platform(arch, python)
    chosen = [extra_of(one) for one in extras or ()]
    beside = [extra_of(one) for one in layered or ()]
    if layer:
        built = build_layer(platform, chosen, compiled=compiled)
    else:
        function = read_function_config(config, bundle, [*chosen, *beside]) if config else None
        built = build_function(bundle, platform, extras=chosen, config=function, added=add or (), compiled=compiled)
    kind = "layer-" + "-".join(one.name for one in chosen) if layer else name
    path = to or Path(f"{kind}-{platform.arch}-py{platform.python}.zip")
    path.write_bytes(built.content)
    handler = "" if layer else bundle.handler
    _say(built, platform, config is None and not layer)
    emit([_row(path, built, platform, handler)], output, _COLUMNS)


def _platform(arch: Arch, python: str) -> Platform:
    if python not in VERSIONS:
        raise typer.BadParameter(f"Windlass runs on these Python versions of Lambda: {', '.join(VERSIONS)}")
    return Platform(arch.value, python)


def _row(path: Path, built: BuiltZip, platform: Platform, handler: str) -> dict[str, object]:
    return {
        "file": str(path),
        "size_bytes": len(built.content),
        "size": format_bytes(len(built.content)),
        "unpacked": format_bytes(built.unpacked_bytes),
        "files": built.files,
        "sha256": built.sha256,
        "handler": handler,
        "runtime": f"python{platform.python}",
        "architecture": platform.arch,
        "bytecode": built.bytecode,
        "distributions": list(built.distributions),
    }


def _say(built: BuiltZip, platform: Platform, lacks_config: bool) -> None:
    notes = []
    if not built.bytecode:
        notes.append(
            f"the zip has no bytecode (no python{platform.python} on the PATH, or --no-bytecode): cold starts take twice as long"
        )
    if lacks_config:
        notes.append("the zip has no windlass.toml: add one with --config, or set WINDLASS_CONFIG in the function")
    for note in notes:
        print(f"windlass: {note}", file=sys.stderr)
