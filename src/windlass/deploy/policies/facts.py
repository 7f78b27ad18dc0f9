"""The policy of facts: what Systems Manager knows of its managed nodes. Read only."""

from __future__ import annotations

from collections.abc import Sequence

from windlass.deploy.policies.shared import estate, kms
from windlass.deploy.policy import PolicyFacts, PolicyIdentity, Statement
from windlass.settings import Settings

__all__ = ["statements"]

_READS = (
    "ssm:DescribeInstanceInformation",
    "ssm:DescribeInstancePatchStates",
    "ssm:DescribeInstancePatches",
    "ssm:GetInventorySchema",
    "ssm:ListComplianceItems",
    "ssm:ListInventoryEntries",
)


def statements(settings: Settings, facts: PolicyFacts, use: PolicyIdentity) -> Sequence[Statement]:
    """Return the reads of nodes. Their resources are `*`: the nodes are unknown before the collection."""
    del use  # there is one identity
    grants = [
        *estate(settings, facts),
        Statement("ReadNodes", _READS, ("*",), "read managed nodes, their inventory, patches and compliance"),
    ]
    for location in settings.facts.sync_locations:
        bucket, _, prefix = location.removeprefix("s3://").partition("/")
        # The bucket may be another account's: one account's bucket receives the files of all.
        grants += [
            Statement("ListFiles", ("s3:ListBucket",), (facts.bucket(bucket),), "find files of a Resource Data Sync"),
            Statement("ReadFiles", ("s3:GetObject",), (facts.objects(bucket, prefix),), "read them"),
        ]
    return [*grants, *(kms(facts, ("s3",)) if settings.facts.sync_locations else ())]
