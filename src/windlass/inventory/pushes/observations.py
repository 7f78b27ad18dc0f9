"""Pushed resources as observations: canonical, redacted, named. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from windlass.core.arns import parse_arn
from windlass.core.canonical import plain
from windlass.inventory.model import Observation
from windlass.inventory.observations import stabilise
from windlass.inventory.pushes.model import PushedItem, PushScope
from windlass.inventory.redaction import redact

__all__ = ["observation_of"]


def observation_of(scope: PushScope, item: PushedItem, *, salt: bytes, redact_paths: Sequence[str] = ()) -> Observation:
    """Return the observation of a resource that `item_check` accepts. `redact_paths` are `type:path`, as for collections.

    Relations follow from the ARNs and ids that the document mentions.
    """
    paths = [path.partition(":")[2] for path in redact_paths if path.startswith(f"{scope.type}:")]
    document = stabilise(plain(item.document))
    if item.tags:
        document["Tags"] = dict(item.tags)
    redact(document, paths, salt=salt)
    identity = redact({"Id": item.id, "Name": item.name}, (), salt=salt)
    tags = document.get("Tags", {})
    return Observation(
        type=scope.type,
        account_id=scope.account_id,
        region=scope.region,
        resource_id=identity["Id"],
        arn=identity["Id"] if parse_arn(identity["Id"]) else "",
        name=identity["Name"] or tags.get("Name") or identity["Id"],
        tags=tags,
        document=document,
    )
