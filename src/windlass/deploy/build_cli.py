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
app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Build what is deployed.")


@app.callback()
def group() -> None:
    """Build what is deployed."""


@app.command("lambda")
def lambda_(
    name: Annotated[str, typer.Argument(metavar="NAME", help=f"The function: {_FUNCTIONS}.")],
    arch: Annotated[Arch, typer.Option(help="Architecture it runs on; this machine's unless given.")] = _ARCH,
    python: Annotated[
        str, typer.Option(metavar="VERSION", help=f"Lambda's Python: {', '.join(VERSIONS)}; this one unless given.")
    ] = _HERE.python if _HERE else "3.12",
    config: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="windlass.toml whose entries go in, with the project's modules they name."),
    ] = None,
    extras: Annotated[list[str] | None, typer.Option("--with", metavar="EXTRA", help=f"Put more in. {_WITH}.")] = None,
    layered: Annotated[
        list[str] | None, typer.Option(metavar="EXTRA", help="The function has a layer with this extra: leave it out.")
    ] = None,
    add: Annotated[
        list[Path] | None,
        typer.Option(metavar="PATH", help="A module or package of yours to put in, for steps and actions."),
    ] = None,
    layer: Annotated[bool, typer.Option("--layer", help="Build a layer of the extras, not the function.")] = False,
    compiled: Annotated[
        bool, typer.Option("--bytecode/--no-bytecode", help="Put bytecode in: cold starts take half the time.")
    ] = True,
    to: Annotated[
        Path | None, typer.Option("--output", metavar="FILE", help="The zip; NAME-ARCH-PYTHON.zip unless given.")
    ] = None,
    output: Annotated[Format, typer.Option("-o", help="Output format of what is said about it.")] = Format.TABLE,
) -> None:
    """Build a function's zip: the same input gives the same bytes."""
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
        raise typer.BadParameter(f"Lambda's runtimes that Windlass runs on are {', '.join(VERSIONS)}")
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
            f"no bytecode in it (no python{platform.python} here, or not wanted): cold starts take twice as long"
        )
    if lacks_config:
        notes.append("no windlass.toml in it: add it by --config, or name one by WINDLASS_CONFIG")
    for note in notes:
        print(f"windlass: {note}", file=sys.stderr)
