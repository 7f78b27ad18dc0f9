"""What a user requests of a seed: the same for every pair of a command, a set or a job. Values only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from windlass.replication.comparison import Compare, Criteria
from windlass.replication.config import ReplicateConfig, ReplicationConfig
from windlass.replication.methods.batch.template import Template, load_template
from windlass.replication.methods.emr.step import EmrTarget
from windlass.replication.model import Attribute, Method, Operation, Restore
from windlass.replication.seed.task import CopyOptions

__all__ = ["SeedRequest", "request_of"]

_RENAMED = {"via": "method", "carry": "preserve", "everything": "include_in_sync", "shared": "distributed"}
"""Fields of jobs that were stored under earlier names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SeedRequest:
    """The request, the same for every pair. `switch_on` None: replication is switched on for replicas only.

    `delete_markers` None: the rule does not replicate them, and direct copies of versions write them.
    """

    method: Method = Method.AUTO
    operation: Operation | None = None
    switch_on: bool | None = None
    enable_versioning: bool = False
    delete_markers: bool | None = None
    canary: bool = True
    versions: bool = False
    include_in_sync: bool = False
    detach: bool = False
    confirm: bool = False
    verify: bool = True
    distributed: bool = False
    preserve: frozenset[Attribute] = frozenset()
    compare: Compare = Compare.ETAG
    different: bool = False
    """Replace objects of the destination that differ and are newer."""
    strict: bool = False
    """Treat a seed as incomplete if some objects could not be compared."""
    restore_days: int = 0
    """Restore archived objects for this many days and wait for them; 0 does not restore."""
    measure: str = "auto"
    template: Template = field(default_factory=Template)
    target: EmrTarget = field(default_factory=EmrTarget)

    @property
    def criteria(self) -> Criteria:
        """Return how objects are compared."""
        return Criteria(self.compare, self.different)

    def copy_options(self, config: ReplicationConfig) -> CopyOptions:
        """Return how objects are compared and copied, as the copier takes it."""
        restore = None
        if self.restore_days:
            restore = Restore(days=self.restore_days, tier=config.restore_tier, poll_s=config.restore_poll_s)
        return CopyOptions(
            versions=self.versions,
            delete_markers=self.delete_markers is not False,
            preserve=self.preserve,
            criteria=self.criteria,
            restore=restore,
            distributed=self.distributed,
        )

    def switches_on(self, operation: Operation) -> bool:
        """True when replication is switched on before objects are copied."""
        return operation is Operation.REPLICATE if self.switch_on is None else self.switch_on

    def params(self) -> dict[str, Any]:
        """Return the dictionary that a job stores."""
        plain = {
            name: getattr(self, name)
            for name in (
                "switch_on",
                "enable_versioning",
                "delete_markers",
                "canary",
                "versions",
                "include_in_sync",
                "detach",
                "confirm",
                "verify",
                "measure",
                "distributed",
                "different",
                "strict",
                "restore_days",
            )
        }
        return plain | {
            "method": str(self.method),
            "compare": str(self.compare),
            "operation": str(self.operation or ""),
            "target": self.target.params(),
            "template": self.template.model_dump(mode="json", by_alias=True),
            "preserve": sorted(map(str, self.preserve)),
        }

    @staticmethod
    def of(params: Mapping[str, Any]) -> SeedRequest:
        """Return the request that a job stored."""
        known = {_RENAMED.get(name, name): value for name, value in params.items()}
        return SeedRequest(
            **known
            | {
                "method": Method(known["method"]),
                "compare": Compare(known.get("compare", Compare.ETAG)),
                "operation": Operation(known["operation"]) if known["operation"] else None,
                "target": EmrTarget(**known["target"]),
                "template": Template.model_validate(known["template"]),
                "preserve": frozenset(map(Attribute, known.get("preserve", ()))),
            }
        )


def request_of(config: ReplicateConfig) -> SeedRequest:
    """Return what a `[[replicate]]` set of windlass.toml requests."""
    template = load_template(Path(config.template)) if config.template else Template()
    return SeedRequest(
        method=Method(config.method),
        operation=Operation(config.operation) if config.operation else None,
        switch_on=None if config.switch_on else False,
        template=template,
        preserve=frozenset(map(Attribute, config.preserve)),
        compare=Compare(config.compare),
    )
