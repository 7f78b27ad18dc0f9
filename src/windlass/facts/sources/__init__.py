"""Sources of facts: each turns another program's format into reports. A new file format is one module and one row here."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from windlass.facts.model import Report
from windlass.facts.sources import ansible, osquery, ssm_files

__all__ = ["FILE_SOURCES", "FileSource"]

Read = Callable[[str, str, datetime], Iterable[Report]]


@dataclass(frozen=True, slots=True)
class FileSource:
    """A format of files: `read(name, text, observed_at)` yields reports. `observed_at` is for files that do not say when."""

    name: str
    summary: str
    read: Read


FILE_SOURCES: Mapping[str, FileSource] = {
    source.name: source
    for source in (
        FileSource(
            "ansible", "facts of `ansible -m setup --tree`, a fact cache, or a playbook's package_facts", ansible.read
        ),
        FileSource("osquery", "lines of osqueryd's results log, snapshots and differences", osquery.read),
        FileSource("ssm", "`aws ssm list-inventory-entries`, or a file of a Resource Data Sync", ssm_files.read),
    )
}
