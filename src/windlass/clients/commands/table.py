"""`windlass clients table`."""

from __future__ import annotations

from windlass.present.options import Limit, Output
from windlass.present.output import Format, emit

__all__ = ["table"]


def table(limit: Limit = 0, output: Output = Format.TABLE) -> None:
    """Print the table of SDKs: the first version that signs with SigV4, the end of support, and the source of both.

    Examples:
      windlass clients table
      windlass clients table -o json
    """
    from windlass.clients.rows import sdk_rows

    emit(sdk_rows(), output, ("sdk", "sigv4_from", "below", "ended", "seen", "source", "note"), limit=limit)
