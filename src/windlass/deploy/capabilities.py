"""The capabilities that have a policy, and the identities that each policy is for."""

from __future__ import annotations

from dataclasses import dataclass

from windlass.deploy.policies import (
    aggregation,
    clients,
    deployment,
    facts,
    inventory,
    memcached,
    pipelines,
    queues,
    replication,
    watch,
)
from windlass.deploy.policy import PolicyIdentity, Statements

__all__ = ["CAPABILITIES", "Capability"]


@dataclass(frozen=True, slots=True)
class Capability:
    """A capability with its policy and the identities that it is for."""

    name: str
    uses: tuple[PolicyIdentity, ...]
    statements: Statements


CAPABILITIES = (
    Capability("inventory", (PolicyIdentity.WORKER,), inventory.statements),
    Capability("facts", (PolicyIdentity.WORKER,), facts.statements),
    Capability("queues", (PolicyIdentity.WORKER, PolicyIdentity.FUNCTION, PolicyIdentity.OPERATOR), queues.statements),
    Capability(
        "pipelines", (PolicyIdentity.WORKER, PolicyIdentity.FUNCTION, PolicyIdentity.OPERATOR), pipelines.statements
    ),
    Capability(
        "aggregation", (PolicyIdentity.WORKER, PolicyIdentity.FUNCTION, PolicyIdentity.OPERATOR), aggregation.statements
    ),
    Capability("replication", (PolicyIdentity.OPERATOR,), replication.statements),
    Capability("clients", (PolicyIdentity.WORKER, PolicyIdentity.OPERATOR), clients.statements),
    Capability("memcached", (PolicyIdentity.WORKER, PolicyIdentity.OPERATOR), memcached.statements),
    Capability("watch", (PolicyIdentity.WORKER,), watch.statements),
    Capability("deploy", (PolicyIdentity.OPERATOR,), deployment.statements),
)
