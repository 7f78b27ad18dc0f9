"""The page of one resource: document now or at a time, relations, history."""

from __future__ import annotations

import json
import shlex
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from windlass.console.diff import side_by_side
from windlass.console.page_context import PageContext
from windlass.console.views.hosts import host_of_instance
from windlass.console.views.links import Data, Params, first, link, one_of
from windlass.core import clock
from windlass.core.canonical import plain
from windlass.core.clock import parse_when
from windlass.core.errors import NotFound
from windlass.core.patch import apply_patch
from windlass.facts.host_views import INSTANCE_TYPE
from windlass.inventory import rows
from windlass.inventory.model import Revision

__all__ = ["resource"]

MAX_REVISIONS = 200
DEFAULT_GRAPH_NODES = 40
MAX_PATHS = 40
MAX_MAP_NODES = 200
_MAP_DEPTHS = ("2", "3", "4")


def resource(context: PageContext, params: Params) -> Data:
    """Return the resource, its relations, its history, and the diff of two revisions."""
    ref = first(params, "ref")
    if not ref:
        raise NotFound("the URL names no resource", hint="Open a resource from the Inventory page.")
    inventory = context.inventory
    now = inventory.show(ref)
    name = f"#{now.id}"
    revisions = inventory.history(name, limit=MAX_REVISIONS)
    chosen = _revision(revisions, first(params, "rev")) or (revisions[0] if revisions else None)
    moment = parse_when(first(params, "at"), at=clock.now()) if first(params, "at") else None
    if moment is None and first(params, "rev") and chosen is not None:
        moment = chosen.valid_from
    document = inventory.document_at(name, moment) if moment else now.document
    relations = [rows.relation_row(relation) for relation in inventory.relations(name, at=moment)]
    map_depth = one_of(params, "map", _MAP_DEPTHS)
    around = (
        inventory.graph(name, depth=int(map_depth), limit=MAX_MAP_NODES)
        if map_depth
        else inventory.graph(name, depth=1 if len(relations) > 12 else 2, limit=DEFAULT_GRAPH_NODES)
    )
    here: Params = {"ref": [name]}
    return {
        "resource": plain(rows.resource_row(now)) | {"measures": dict(now.measures)},
        "ownership": context.inventory.owners.explain(f"#{now.id}").ownership,
        "account": context.aliases().get(now.account_id, ""),
        "host": host_of_instance(context, now.resource_id) if now.type == INSTANCE_TYPE else None,
        "is_host": now.type == INSTANCE_TYPE,
        "document": document,
        "at": plain(moment) if moment else "",
        "relations": relations,
        "addresses": [plain(rows.holder_row(holder)) for holder in inventory.addresses(name)],
        "graph": {
            "root": around.root,
            "nodes": plain([rows.resource_row(node) for node in around.nodes]),
            "edges": [rows.relation_row(relation) for relation in around.edges],
            "truncated": around.truncated,
        },
        "map_depth": map_depth,
        "map_links": [
            {
                "depth": depth or "1",
                "link": link("/inventory/resource", here, map=depth) + "#relations",
                "chosen": depth == map_depth,
            }
            for depth in ("", *_MAP_DEPTHS)
        ],
        "revisions": [
            plain(rows.revision_row(revision))
            | {"link": link("/inventory/resource", here, rev=str(revision.revision_id)), "chosen": revision is chosen}
            for revision in revisions
        ],
        "compared": _compared(context, name, revisions, chosen, first(params, "from")) if chosen else None,
        "cli": shlex.join(["windlass", "inventory", "show", now.key, *(["--at", plain(moment)] if moment else [])]),
        "cli_history": shlex.join(["windlass", "inventory", "history", now.key]),
    }


def _revision(revisions: Sequence[Revision], number: str) -> Revision | None:
    return next((revision for revision in revisions if number and str(revision.revision_id) == number), None)


def _compared(
    context: PageContext, ref: str, revisions: Sequence[Revision], chosen: Revision, against: str
) -> Data | None:
    """The chosen revision compared with the revision `against`, or with the previous one."""
    other = _revision(revisions, against)
    if other is None and chosen.change != "updated":
        return None
    old_moment = other.valid_from if other else chosen.valid_from - timedelta(microseconds=1)
    before = context.inventory.document_at(ref, old_moment)
    after = context.inventory.document_at(ref, chosen.valid_from)
    position = next(at for at, revision in enumerate(revisions) if revision is chosen)
    previous = revisions[position + 1] if position + 1 < len(revisions) else None
    return plain(rows.revision_row(chosen)) | {  # type: ignore[no-any-return]
        "against": (other or previous).revision_id if (other or previous) else None,  # type: ignore[union-attr]
        "lines": _changed_paths(chosen, before, after) if other is None and before is not None else [],
        "diff": side_by_side(before, after),
    }


def _changed_paths(revision: Revision, before: Any, after: Any) -> list[Data]:
    """Each operation of the patch with the old and the new value."""
    lines = []
    current = before
    for operation in revision.patch[:MAX_PATHS]:
        kind, path = operation["op"], operation["path"]
        lines.append(
            {
                "op": kind,
                "path": path.lstrip("/").replace("/", ".").replace("~1", "/").replace("~0", "~"),
                "before": None if kind == "add" else _text(_value_at(current, path)),
                "after": None if kind == "remove" else _text(operation.get("value", _value_at(after, path))),
            }
        )
        # List positions in a JSON Patch count after the operations before (RFC 6902).
        current = apply_patch(current, [dict(operation)])
    return lines


def _value_at(document: Any, pointer: str) -> Any:
    for token in pointer.split("/")[1:]:
        token = token.replace("~1", "/").replace("~0", "~")
        if isinstance(document, dict):
            document = document.get(token)
        elif isinstance(document, list) and token.isdigit() and int(token) < len(document):
            document = document[int(token)]
        else:
            return None
    return document


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, indent=2, ensure_ascii=False)
