"""`windlass build lambda`: a reproducible zip for a function, or a layer for its extras."""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from windlass.core.units import format_bytes
from windlass.deploy.bundle import BUNDLES, EXTRAS, VERSIONS, Target, bundle_of, extra_of, this_target
from windlass.deploy.bundle_config import read_payload
from windlass.deploy.bundling import Built, build, build_layer
from windlass.present.output import Column, Format, emit

__all__ = ["app"]


class Arch(StrEnum):
    """Lambda's architectures."""

    ARM64 = "arm64"
    X86_64 = "x86_64"


_FUNCTIONS = ", ".join(one.name for one in BUNDLES)
_WITH = "; ".join(f"{one.name}: {one.help}" for one in EXTRAS)
_HERE = this_target()
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
    bundle, target = bundle_of(name), _target(arch, python)
    chosen = [extra_of(one) for one in extras or ()]
    beside = [extra_of(one) for one in layered or ()]
    if layer:
        built = build_layer(target, chosen, compiled=compiled)
    else:
        payload = read_payload(config, bundle, [*chosen, *beside]) if config else None
        built = build(bundle, target, extras=chosen, payload=payload, added=add or (), compiled=compiled)
    kind = "layer-" + "-".join(one.name for one in chosen) if layer else name
    path = to or Path(f"{kind}-{target.arch}-py{target.python}.zip")
    path.write_bytes(built.content)
    handler = "" if layer else bundle.handler
    _say(built, target, config is None and not layer)
    emit([_row(path, built, target, handler)], output, _COLUMNS)


def _target(arch: Arch, python: str) -> Target:
    if python not in VERSIONS:
        raise typer.BadParameter(f"Lambda's runtimes that Windlass runs on are {', '.join(VERSIONS)}")
    return Target(arch.value, python)


def _row(path: Path, built: Built, target: Target, handler: str) -> dict[str, object]:
    return {
        "file": str(path),
        "size_bytes": len(built.content),
        "size": format_bytes(len(built.content)),
        "unpacked": format_bytes(built.unpacked_bytes),
        "files": built.files,
        "sha256": built.sha256,
        "handler": handler,
        "runtime": f"python{target.python}",
        "architecture": target.arch,
        "bytecode": built.bytecode,
        "distributions": list(built.distributions),
    }


def _say(built: Built, target: Target, lacks_config: bool) -> None:
    notes = []
    if not built.bytecode:
        notes.append(
            f"no bytecode in it (no python{target.python} here, or not wanted): cold starts take twice as long"
        )
    if lacks_config:
        notes.append("no windlass.toml in it: add it by --config, or name one by WINDLASS_CONFIG")
    for note in notes:
        print(f"windlass: {note}", file=sys.stderr)
