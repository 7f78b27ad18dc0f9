"""Writes reports: decides on each section, then writes only the rows that were added or removed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, insert, select, update

from windlass.core.clock import format_time, parse_time
from windlass.facts.batches import batches
from windlass.facts.decision import StoredSection, refusal_of
from windlass.facts.hosts import lock_hosts
from windlass.facts.model import HostIdentity, Outcome, Report, Section, SectionDelta, SectionResult, SectionState
from windlass.facts.row_ids import Key, RowIds
from windlass.facts.row_values import RowValue, row_values, section_digest
from windlass.facts.sections import shape_of
from windlass.facts.tables import host_fact, host_section, section_change
from windlass.inventory.member_values import microseconds
from windlass.store.engine import Store

__all__ = ["Prepared", "prepare", "write_reports"]

_BATCH = 500


@dataclass(frozen=True, slots=True)
class PreparedSection:
    """A section of a report with its rows as they are stored."""

    section: Section | SectionDelta
    added: Mapping[str, RowValue]
    removed: Mapping[str, RowValue]

    @property
    def is_delta(self) -> bool:
        """True when the rows are a difference."""
        return isinstance(self.section, SectionDelta)

    @property
    def failure(self) -> str:
        """The reason why the section could not be read; empty when it was."""
        return self.section.failure if isinstance(self.section, Section) else ""


@dataclass(frozen=True, slots=True)
class Prepared:
    """A report that was checked, ready to be written."""

    host: HostIdentity
    observed_at: datetime
    source: str
    sections: tuple[PreparedSection, ...]


def prepare(report: Report, now: datetime) -> Prepared:
    """Check a report and digest its rows. UsageError for an unknown section and a malformed row.

    A time in the future, of a host whose clock is ahead, becomes `now`: it would make all later reports look older.
    """
    sections = []
    for section in report.sections:
        shape = shape_of(section.name)
        added, removed = (section.rows, ()) if isinstance(section, Section) else (section.added, section.removed)
        sections.append(PreparedSection(section, row_values(shape, added), row_values(shape, removed)))
    return Prepared(report.host, min(report.observed_at, now), report.source, tuple(sections))


def write_reports(
    store: Store, connection: Connection, *, reports: Sequence[Prepared], row_ids: RowIds, now: datetime
) -> tuple[list[SectionResult], dict[Key, int]]:
    """Write reports of distinct hosts in one transaction; return each section's outcome, and the row IDs in use."""
    hosts = lock_hosts(store, connection, {report.host: report.observed_at for report in reports}, now)
    stored = _stored_sections(connection, hosts.values())
    results: list[SectionResult] = []
    changes: list[_Change] = []
    for report in reports:
        host_row_id = hosts[report.host.host_id]
        for prepared in report.sections:
            row = stored.get((host_row_id, prepared.section.name))
            change = _Change(report, prepared, host_row_id, row)
            refusal = refusal_of(change.stored, prepared.section, source=report.source, observed_at=report.observed_at)
            if refusal is not None:
                results.append(SectionResult(report.host.host_id, prepared.section.name, *_unpacked(refusal)))
            else:
                changes.append(change)
    ids = _row_ids(store, connection, changes, row_ids)
    results += [_write_section(connection, change, ids) for change in changes]
    return results, ids


def _unpacked(refusal: tuple[Outcome, str]) -> tuple[Outcome, int, int, str]:
    return refusal[0], 0, 0, refusal[1]


@dataclass(frozen=True, slots=True)
class _Change:
    """A section to write, with its stored row."""

    report: Prepared
    prepared: PreparedSection
    host_row_id: int
    row: Any

    @property
    def stored(self) -> StoredSection | None:
        if self.row is None:
            return None
        row = self.row
        return StoredSection(SectionState(row.state), row.source, parse_time(row.observed_at), row.digest, row.count)

    @property
    def keeps_rows(self) -> bool:
        """True when the stored rows stay as they are: an unreadable section, or the same rows again."""
        if self.prepared.failure:
            return True
        return (
            not self.prepared.is_delta
            and self.row is not None
            and self.row.digest == section_digest(self.prepared.added)
        )


def _stored_sections(connection: Connection, host_row_ids: Iterable[int]) -> dict[tuple[int, str], Any]:
    rows: dict[tuple[int, str], Any] = {}
    for batch in batches(host_row_ids, _BATCH):
        statement = select(host_section).where(host_section.c.host_row_id.in_(batch))
        rows.update({(row.host_row_id, row.section): row for row in connection.execute(statement)})
    return rows


def _row_ids(store: Store, connection: Connection, changes: Sequence[_Change], row_ids: RowIds) -> dict[Key, int]:
    """Return the IDs of all rows that the changes add (inserted where they are new) or remove (where they exist)."""
    written = [change.prepared for change in changes if not change.keeps_rows]
    added = {(value.section, digest): value for section in written for digest, value in section.added.items()}
    removed = {(value.section, digest) for section in written for digest, value in section.removed.items()}
    return row_ids.find(connection, removed - added.keys()) | row_ids.ensure(store, connection, added)


def _write_section(connection: Connection, change: _Change, ids: Mapping[Key, int]) -> SectionResult:
    report, prepared, row = change.report, change.prepared, change.row
    name, at = prepared.section.name, format_time(report.observed_at)
    state = SectionState.UNKNOWN if prepared.failure else SectionState.READ
    section_row_id = row.id if row is not None else _insert_section(connection, change, at)
    digest, count, added, removed = (row.digest, row.count, 0, 0) if row is not None else (section_digest(()), 0, 0, 0)
    if not change.keeps_rows:
        digest, count, added, removed = _write_rows(connection, change, section_row_id, digest, ids)
    is_changed = row is None or bool(added or removed) or state != row.state
    connection.execute(
        update(host_section)
        .where(host_section.c.id == section_row_id)
        .values(
            state=state,
            source=report.source,
            observed_at=at,
            failure=prepared.failure,
            digest=digest,
            count=count,
            **({"changed_at": at} if is_changed else {}),
        )
    )
    if is_changed:
        connection.execute(
            insert(section_change).values(
                section_row_id=section_row_id,
                at=microseconds(report.observed_at),
                source=report.source,
                state=state,
                added=added,
                removed=removed,
                failure=prepared.failure,
            )
        )
    outcome = Outcome.CHANGED if is_changed else Outcome.UNCHANGED
    return SectionResult(report.host.host_id, name, outcome, added, removed)


def _insert_section(connection: Connection, change: _Change, at: str) -> int:
    values = {
        "host_row_id": change.host_row_id,
        "section": change.prepared.section.name,
        "state": SectionState.UNKNOWN,
        "source": change.report.source,
        "observed_at": at,
        "changed_at": at,
        "digest": section_digest(()),
        "count": 0,
        "failure": "",
    }
    statement = insert(host_section).values(**values).returning(host_section.c.id)
    section_row_id: int = connection.execute(statement).scalar_one()
    return section_row_id


def _write_rows(
    connection: Connection, change: _Change, section_row_id: int, digest: str, ids: Mapping[Key, int]
) -> tuple[str, int, int, int]:
    """Open and close the rows that differ; return its new digest and count, and the numbers added and removed."""
    name, at = change.prepared.section.name, microseconds(change.report.observed_at)
    current = _current_rows(connection, section_row_id) if change.row is not None else set()
    reported = {ids[name, row]: row for row in change.prepared.added}
    if change.prepared.is_delta:
        gone = {ids[name, row]: row for row in change.prepared.removed if (name, row) in ids}
        opened = {row_id: row for row_id, row in reported.items() if row_id not in current}
        closed = {row_id: row for row_id, row in gone.items() if row_id in current and row_id not in reported}
        total = int(digest, 16) + _total(opened.values()) - _total(closed.values())
        digest = f"{total % (1 << 128):032x}"
        closed_ids = set(closed)
    else:
        opened = {row_id: row for row_id, row in reported.items() if row_id not in current}
        closed_ids = current - reported.keys()
        digest = section_digest(change.prepared.added)
    _close_rows(connection, section_row_id, closed_ids, at)
    _open_rows(connection, section_row_id, opened, at)
    return digest, len(current) + len(opened) - len(closed_ids), len(opened), len(closed_ids)


def _total(digests: Iterable[str]) -> int:
    return int(section_digest(digests), 16)


def _current_rows(connection: Connection, section_row_id: int) -> set[int]:
    statement = select(host_fact.c.fact_row_id).where(
        host_fact.c.section_row_id == section_row_id, host_fact.c.valid_to.is_(None)
    )
    return set(connection.execute(statement).scalars())


def _open_rows(connection: Connection, section_row_id: int, row_ids: Iterable[int], at: int) -> None:
    rows = [
        {"section_row_id": section_row_id, "fact_row_id": row_id, "valid_from": at, "valid_to": None}
        for row_id in sorted(row_ids)
    ]
    if rows:
        connection.execute(insert(host_fact), rows)


def _close_rows(connection: Connection, section_row_id: int, row_ids: Iterable[int], at: int) -> None:
    for batch in batches(sorted(row_ids), _BATCH):
        chosen = (
            host_fact.c.section_row_id == section_row_id,
            host_fact.c.fact_row_id.in_(batch),
            host_fact.c.valid_to.is_(None),
        )
        # A row that was added and removed at the same moment was never valid.
        connection.execute(delete(host_fact).where(*chosen, host_fact.c.valid_from == at))
        connection.execute(update(host_fact).where(*chosen).values(valid_to=at))
