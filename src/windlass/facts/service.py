"""The use cases of facts, for the command line, the API, the console and the sources."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from functools import partial

from windlass.core import clock
from windlass.core.errors import NotFound
from windlass.facts.host_views import OwnerOf, changes_of, find_host, list_hosts, sections_of
from windlass.facts.missing import (
    DEFAULT_SECTIONS,
    MissingFacts,
    hosts_with_known_packages,
    instances_without_facts,
    silent_hosts,
    unread_sections,
)
from windlass.facts.model import Host, HostSection, Report, SectionChange, SectionResult
from windlass.facts.packages import PackageHost, PackageQuery, find_packages, package_sections
from windlass.facts.row_ids import RowIds
from windlass.facts.sections import check_section
from windlass.facts.writer import Prepared, prepare, write_reports
from windlass.store.engine import Store

__all__ = ["Facts"]

_BATCH = 50
"""Hosts of one transaction: fewer cost more commits, more keep other writers waiting."""


class Facts:
    """Facts of hosts in one store. `owner_of` returns the owner in an instance's tags."""

    def __init__(
        self, store: Store, *, owner_of: OwnerOf = lambda _: "", now: Callable[[], datetime] = clock.now
    ) -> None:
        self._store, self._owner_of, self._now = store, owner_of, now
        self._row_ids = RowIds()

    # --- writing -----------------------------------------------------------------------------------------------

    def record(self, reports: Iterable[Report]) -> list[SectionResult]:
        """Write reports and return the outcome of each section. UsageError for an unknown section and a malformed row.

        Idempotent: a report that arrives twice, late or in another order changes nothing. A malformed report is refused
        before anything is written.
        """
        now = self._now()
        prepared = [prepare(report, now) for report in reports]
        results: list[SectionResult] = []
        for batch in _batches(sorted(prepared, key=lambda report: report.observed_at)):
            write = partial(write_reports, self._store, reports=batch, row_ids=self._row_ids, now=now)
            outcomes, ids = self._store.transact(write)
            self._row_ids.keep(ids)
            results += outcomes
        return results

    # --- reading -----------------------------------------------------------------------------------------------

    def hosts(self, *, words: str = "", gone: bool = False) -> tuple[Host, ...]:
        """Return the hosts that have facts, by name; those of deleted instances only with `gone`."""
        with self._store.read() as connection:
            return list_hosts(connection, self._owner_of, words=words, gone=gone)

    def host(self, ref: str) -> Host:
        """Return the host with this ID or name. NotFound."""
        with self._store.read() as connection:
            return find_host(connection, ref, self._owner_of)

    def sections(self, ref: str, *names: str, at: datetime | None = None) -> tuple[HostSection, ...]:
        """Return the sections of a host with their rows, now or at a time. `names` are sections or families (`packages`).

        A section without an entry was not read then: it is unknown, not empty.
        """
        for name in names:
            check_section(name)
        with self._store.read() as connection:
            host = find_host(connection, ref, self._owner_of)
            return sections_of(connection, host.id, names=names, at=at)

    def section(self, ref: str, name: str, *, at: datetime | None = None) -> HostSection:
        """Return one section of a host. NotFound when it was never read, which is not the same as empty."""
        for section in self.sections(ref, name, at=at):
            if section.name == name:
                return section
        moment = f" at {clock.format_time(at)}" if at is not None else ""
        raise NotFound(
            f"{ref}: the section {name} was not read{moment}", hint=f"`windlass facts show {ref}` lists its sections."
        )

    def platform_name(self, host_id: str) -> str:
        """Return the name of a host's operating system (`Ubuntu`); empty when it is not known."""
        try:
            rows = self.section(host_id, "os").rows
        except NotFound:
            return ""
        return str(rows[0].get("name", "")) if rows else ""

    def changes(self, ref: str, *, limit: int = 100) -> Sequence[SectionChange]:
        """Return the latest changes of a host's sections, newest first."""
        with self._store.read() as connection:
            return changes_of(connection, find_host(connection, ref, self._owner_of).id, limit=limit)

    # --- questions ---------------------------------------------------------------------------------------------

    def packages(self, query: PackageQuery) -> tuple[PackageHost, ...]:
        """Return the hosts that have a package, with its version, the host's owner, and since when."""
        with self._store.read() as connection:
            return tuple(find_packages(connection, query, self._owner_of))

    def without_package(self, query: PackageQuery) -> tuple[Host, ...]:
        """Return the hosts that do not have a matching package now. A host with unknown packages is not among them."""
        with self._store.read() as connection:
            having = {match.host_id for match in find_packages(connection, query, self._owner_of)}
            known = hosts_with_known_packages(connection, package_sections(query.kind))
            hosts = list_hosts(connection, self._owner_of)
        return tuple(
            host
            for host in hosts
            if host.id in known
            and host.host_id not in having
            and query.owner in ("", host.owner)
            and (not query.accounts or host.account_id in query.accounts)
        )

    def hosts_with_unknown_packages(self, kind: str = "") -> tuple[Host, ...]:
        """Return the hosts whose packages are not known."""
        with self._store.read() as connection:
            known = hosts_with_known_packages(connection, package_sections(kind))
            return tuple(host for host in list_hosts(connection, self._owner_of) if host.id not in known)

    def missing(self, *, section: str = "", silent_s: float = 0) -> tuple[MissingFacts, ...]:
        """Return the gaps: instances without facts, hosts whose section was not read, hosts silent for `silent_s`.

        Without a section, operating system and packages are looked for.
        """
        sections = (section,) if section else DEFAULT_SECTIONS
        for name in sections:
            check_section(name)
        with self._store.read() as connection:
            missing = list(instances_without_facts(connection, self._owner_of))
            for name in sections:
                missing += unread_sections(connection, name, self._owner_of)
            if silent_s:
                missing += silent_hosts(connection, clock.later(self._now(), -silent_s), self._owner_of)
        return tuple(missing)


def _batches(reports: Iterable[Prepared]) -> Iterator[list[Prepared]]:
    """Yield batches in which each host occurs once, so that a host's reports are written one after another."""
    batch: dict[str, Prepared] = {}
    for report in reports:
        if report.host.host_id in batch or len(batch) >= _BATCH:
            yield list(batch.values())
            batch = {}
        batch[report.host.host_id] = report
    if batch:
        yield list(batch.values())
