"""thumbnail: a small image of an image."""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator, Mapping
from typing import Any

from windlass.pipelines.model import Output, Reason, Rejected, Source, Step, StepOption
from windlass.pipelines.names import exchanged
from windlass.pipelines.stream import read_all

__all__ = ["STEP"]

_READ = ("JPEG", "PNG", "WEBP", "GIF", "TIFF", "BMP")
_SUFFIXES = (".jpeg", ".jpg", ".png", ".webp", ".gif", ".tiff", ".tif", ".bmp")


def _run(source: Source, options: Mapping[str, Any]) -> Iterator[Output]:
    suffix = options["format"]
    name = exchanged(source.name, _SUFFIXES, f".{suffix}")
    yield Output(
        chunks=_small(source, options), name=name, content_type=f"image/{'jpeg' if suffix == 'jpg' else suffix}"
    )


def _small(source: Source, options: Mapping[str, Any]) -> Iterator[bytes]:
    from PIL import Image, ImageOps

    data = read_all(source.chunks, options["max_bytes"])
    image_format = {"jpg": "JPEG", "png": "PNG", "webp": "WEBP"}[options["format"]]
    try:
        with warnings.catch_warnings(), Image.open(io.BytesIO(data), formats=_READ) as image:
            warnings.simplefilter("ignore")
            if image.width * image.height > options["max_pixels"]:
                raise Rejected(
                    Reason.BOMB, f"the image has {image.width} by {image.height} pixels, more than max_pixels"
                )
            image.draft("RGB", (options["width"], options["height"]))  # JPEG can decode directly to a smaller size
            turned = ImageOps.exif_transpose(image)
            turned.thumbnail((options["width"], options["height"]))
            plain = turned.convert("RGB" if image_format == "JPEG" or "A" not in turned.getbands() else "RGBA")
            out = io.BytesIO()
            plain.save(
                out, image_format, quality=options["quality"]
            )  # a new image carries no EXIF, location or camera data
    except Image.DecompressionBombError as problem:
        raise Rejected(Reason.BOMB, f"too many pixels: {problem}") from problem
    except Image.UnidentifiedImageError as problem:
        raise Rejected(Reason.MALFORMED, f"not an image in one of {', '.join(_READ)}") from problem
    except (OSError, ValueError, SyntaxError, EOFError, IndexError, TypeError, OverflowError) as problem:
        raise Rejected(Reason.MALFORMED, f"the image cannot be read: {problem}") from problem
    yield out.getvalue()


STEP = Step(
    name="thumbnail",
    summary="Make a small image, turned upright, without metadata.",
    run=_run,
    streams=False,
    requires=("PIL",),
    extra="transforms",
    options=(
        StepOption(name="width", help="Maximum width in pixels.", kind="count", default=256, minimum=1, maximum=4096),
        StepOption(name="height", help="Maximum height in pixels.", kind="count", default=256, minimum=1, maximum=4096),
        StepOption(
            name="format", help="Format of the output.", kind="choice", choices=("jpg", "png", "webp"), default="jpg"
        ),
        StepOption(name="quality", help="Quality of jpg and webp.", kind="count", default=80, minimum=1, maximum=95),
        StepOption(
            name="max_pixels", help="Refuse images with more pixels.", kind="count", default=50_000_000, minimum=1
        ),
        StepOption(
            name="max_bytes", help="Refuse larger files.", kind="size", default=64 << 20, minimum=1, maximum=1 << 30
        ),
    ),
)
