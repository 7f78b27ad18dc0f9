"""`windlass build lambda`."""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from windlass.core.errors import UsageError
from windlass.deploy.bundle import BUNDLES, EXTRAS, VERSIONS, Target, bundle_of, extra_of, this_target
from windlass.present.options import Output
from windlass.present.output import Column, Format, emit

if TYPE_CHECKING:
    from windlass.deploy.bundling import Built

__all__ = ["lambda_"]


class Arch(StrEnum):
    """Lambda's architectures."""

    ARM64 = "arm64"
    X86_64 = "x86_64"


_FUNCTIONS = ", ".join(bundle.name for bundle in BUNDLES)
_EXTRAS = "; ".join(f"{extra.name}: {extra.help}" for extra in EXTRAS)
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


def lambda_(
    name: Annotated[str, typer.Argument(metavar="NAME", help=f"The function: {_FUNCTIONS}.")],
    arch: Annotated[Arch, typer.Option("--arch", help="Architecture; this machine's by default.")] = _ARCH,
    python: Annotated[
        str,
        typer.Option(
            "--python", metavar="VERSION", help=f"Lambda's Python: {', '.join(VERSIONS)}; this one by default."
        ),
    ] = _HERE.python if _HERE else "3.12",
    config: Annotated[
        Path | None,
        typer.Option(
            "--config", metavar="FILE", help="Add this windlass.toml and the project's modules that it names."
        ),
    ] = None,
    extras: Annotated[
        list[str] | None, typer.Option("--with", metavar="EXTRA", help=f"Add an extra. {_EXTRAS}. Repeat for more.")
    ] = None,
    layered: Annotated[
        list[str] | None, typer.Option("--layered", metavar="EXTRA", help="Leave out an extra that a layer has.")
    ] = None,
    add: Annotated[
        list[Path] | None,
        typer.Option("--add", metavar="PATH", help="Add a module or package of yours. Repeat for more."),
    ] = None,
    layer: Annotated[
        bool, typer.Option("--layer", help="Build a layer of the extras instead of the function.")
    ] = False,
    compiled: Annotated[
        bool, typer.Option("--bytecode/--no-bytecode", help="Include bytecode: cold starts take half the time.")
    ] = True,
    file: Annotated[
        Path | None, typer.Option("--file", metavar="FILE", help="The zip; NAME-ARCH-PYTHON.zip by default.")
    ] = None,
    output: Output = Format.TABLE,
) -> None:
    """Build a function's zip, or a layer. The same input gives the same bytes.

    Examples:
      windlass build lambda pipeline --config windlass.toml --arch arm64 --python 3.13
      windlass build lambda aggregator --file aggregator.zip --no-bytecode -o json
    """
    from windlass.deploy.bundle_config import read_payload
    from windlass.deploy.bundling import build, build_layer

    bundle, target = bundle_of(name), _target(arch, python)
    chosen = [extra_of(extra) for extra in extras or ()]
    if layer:
        built = build_layer(target, chosen, compiled=compiled)
    else:
        beside = [extra_of(extra) for extra in layered or ()]
        payload = read_payload(config, bundle, [*chosen, *beside]) if config else None
        built = build(bundle, target, extras=chosen, payload=payload, added=add or (), compiled=compiled)
    kind = "layer-" + "-".join(extra.name for extra in chosen) if layer else name
    path = file or Path(f"{kind}-{target.arch}-py{target.python}.zip")
    path.write_bytes(built.content)
    _print_notes(built, target, configured=layer or config is not None)
    emit([_row(path, built, target, "" if layer else bundle.handler)], output, _COLUMNS)


def _target(arch: Arch, python: str) -> Target:
    if python not in VERSIONS:
        raise UsageError(
            f"Windlass does not run on Lambda's Python {python}", hint=f"Give one of {', '.join(VERSIONS)}."
        )
    return Target(arch.value, python)


def _row(path: Path, built: Built, target: Target, handler: str) -> dict[str, object]:
    from windlass.core.units import format_bytes

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


def _print_notes(built: Built, target: Target, *, configured: bool) -> None:
    notes = []
    if not built.bytecode:
        notes.append(f"the zip has no bytecode (no python{target.python} on this machine, or --no-bytecode)")
    if not configured:
        notes.append("the zip has no windlass.toml: add it with --config, or name one in WINDLASS_CONFIG")
    for note in notes:
        print(f"windlass: {note}", file=sys.stderr)
