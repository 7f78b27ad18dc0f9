"""The nearest known word for one that is not known: one rule for the command line, the API and the configuration."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from windlass.core.errors import UsageError

__all__ = ["nearest", "unknown_word"]

_SIMILARITY = 0.6  # below this, a suggestion would puzzle more than it helps
_LISTED = 12


def nearest(word: str, known: Iterable[str]) -> str:
    """The known word that is most like `word`, without regard to case; empty when none is."""
    by_folded = {name.lower(): name for name in known}
    close = difflib.get_close_matches(word.lower(), by_folded, n=1, cutoff=_SIMILARITY)
    return by_folded[close[0]] if close else ""


def unknown_word(kind: str, word: str, known: Iterable[str]) -> UsageError:
    """A UsageError for a word that is not among the known ones, with `did you mean`, else with a list of a few of them."""
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
