"""Suggestions for unknown words: one rule for the command line, the API and the configuration."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from windlass.core.errors import UsageError

__all__ = ["nearest", "unknown_word"]

_SIMILARITY = 0.6  # below this, a suggestion would confuse
_LISTED = 12


def nearest(word: str, known: Iterable[str]) -> str:
    """Return the known word most like `word`, ignoring case; empty when none is similar."""
    by_folded = {name.lower(): name for name in known}
    close = difflib.get_close_matches(word.lower(), by_folded, n=1, cutoff=_SIMILARITY)
    return by_folded[close[0]] if close else ""


def unknown_word(kind: str, word: str, known: Iterable[str]) -> UsageError:
    """Return a UsageError for an unknown word, with `did you mean`, else with a few known words."""
    names = sorted(set(known))
    close = nearest(word, names)
    if close:
        hint = f"Did you mean {close!r}?"
    elif names:
        more = f" and {len(names) - _LISTED} more" if len(names) > _LISTED else ""
        hint = f"Known: {', '.join(names[:_LISTED])}{more}."
    else:
        hint = f"No {kind} is known here."
    return UsageError(f"{word!r} is not a known {kind}", hint=hint, code="UnknownWord")
