"""What a report does to a section: the decision, without a database.

- Observations are ordered by their time: one that is not newer than the stored one changes nothing. So a report may come
  twice, late, or in another order.
- A section has one source at a time, because two sources spell the same package differently and would undo each other.
  Another source takes over when the first has been silent for `TAKEOVER_AFTER`.
- A delta needs known rows. Without them the section stays unknown until the next complete report.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from windlass.core.clock import format_time
from windlass.facts.model import Outcome, Section, SectionDelta, SectionState

__all__ = ["TAKEOVER_AFTER", "StoredSection", "refusal_of"]

TAKEOVER_AFTER = timedelta(hours=48)
"""Sources report at least daily; SSM's longest usual schedule is a day."""


@dataclass(frozen=True, slots=True)
class StoredSection:
    """What is stored of a section."""

    state: SectionState
    source: str
    observed_at: datetime
    digest: str
    count: int


def refusal_of(
    stored: StoredSection | None, section: Section | SectionDelta, *, source: str, observed_at: datetime
) -> tuple[Outcome, str] | None:
    """Return why a report changes nothing in a section, and the detail; None when it is applied."""
    if isinstance(section, SectionDelta) and (stored is None or stored.state is not SectionState.READ):
        return Outcome.NEEDS_SNAPSHOT, ""
    if stored is None:
        return None
    if source != stored.source:
        if observed_at <= stored.observed_at:
            return Outcome.OLDER, format_time(stored.observed_at)
        if observed_at < stored.observed_at + TAKEOVER_AFTER:
            return Outcome.OTHER_SOURCE, stored.source
        return (Outcome.NEEDS_SNAPSHOT, "") if isinstance(section, SectionDelta) else None
    # Deltas of one second carry the same time. Applying one twice gives the same rows.
    is_older = (
        observed_at < stored.observed_at if isinstance(section, SectionDelta) else observed_at <= stored.observed_at
    )
    return (Outcome.OLDER, format_time(stored.observed_at)) if is_older else None
