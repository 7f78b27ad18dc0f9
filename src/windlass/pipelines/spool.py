"""A spool on local disk for the outputs of a user's transform, so that it runs once and publishes all outputs or none."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import IO

from windlass.core.errors import WindlassError
from windlass.pipelines.model import Chunks, Output

__all__ = ["Spool"]

_MEMORY_BYTES = 1 << 20
_READ_BYTES = 1 << 20


class Spool:
    """A temporary file that holds outputs one after another. Up to 1 MiB stays in memory. Close it after use."""

    def __init__(self) -> None:
        self._file: IO[bytes] = tempfile.SpooledTemporaryFile(_MEMORY_BYTES)  # noqa: SIM115  closed by `close`

    def keep(self, outputs: Iterable[Output]) -> Iterator[Output]:
        """Store each output's content, and yield the output with its content read from the spool.

        Raises what the outputs raise, and WindlassError when the disk is full.
        """
        for output in outputs:
            start = self._file.seek(0, 2)
            try:
                for chunk in output.chunks:
                    self._file.write(chunk)
            except OSError as error:
                raise WindlassError(
                    f"the outputs of a transform cannot be stored in {tempfile.gettempdir()}: {error}",
                    hint="Free some space there, or set TMPDIR to a folder on another disk.",
                ) from error
            yield replace(output, chunks=self._read(start, self._file.tell()))

    def _read(self, start: int, end: int) -> Chunks:
        while start < end:
            self._file.seek(start)
            chunk = self._file.read(min(_READ_BYTES, end - start))
            start += len(chunk)
            yield chunk

    def close(self) -> None:
        """Delete the file. Idempotent."""
        self._file.close()
