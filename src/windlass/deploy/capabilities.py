"""What `windlass policy` has a policy for, and whose."""

from __future__ import annotations

from dataclasses import dataclass

from windlass.deploy.policies import (
    aggregation,
    clients,
    deployment,
    inventory,
    memcached,
    pipelines,
    queues,
    replication,
)
from windlass.deploy.policy import Statements, Use

__all__ = ["CAPABILITIES", "Capability"]


@dataclass(frozen=True, slots=True)
class Capability:
    """A capability with its policy, and the identities that it is for."""

    name: str
    uses: tuple[Use, ...]
    statements: Statements


CAPABILITIES = (
    Capability("inventory", (Use.WORKER,), inventory.statements),
    Capability("queues", (Use.WORKER, Use.FUNCTION, Use.OPERATOR), queues.statements),
    Capability("pipelines", (Use.WORKER, Use.FUNCTION, Use.OPERATOR), pipelines.statements),
    Capability("aggregation", (Use.WORKER, Use.FUNCTION, Use.OPERATOR), aggregation.statements),
    Capability("replication", (Use.OPERATOR,), replication.statements),
    Capability("clients", (Use.WORKER, Use.OPERATOR), clients.statements),
    Capability("memcached", (Use.WORKER, Use.OPERATOR), memcached.statements),
    Capability("deploy", (Use.OPERATOR,), deployment.statements),
)
