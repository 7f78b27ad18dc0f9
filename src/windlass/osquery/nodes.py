"""Enrolled nodes in the store."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, delete, insert, or_, select, update

from windlass.core.clock import format_time, parse_time
from windlass.core.errors import Conflict, NotFound
from windlass.core.ids import new_id
from windlass.core.secret import Secret
from windlass.osquery.enroll_secrets import digest_of
from windlass.osquery.model import HostDetails, Node
from windlass.osquery.tables import node_table, query_position
from windlass.store.engine import Store

__all__ = [
    "enroll_node",
    "find_node",
    "list_nodes",
    "node_by_key",
    "note_seen",
    "revoke_node",
    "set_identity",
    "set_node",
]

_SEEN = update(node_table).where(node_table.c.node_id == bindparam("node")).values(last_seen_at=bindparam("at"))


def node_by_key(connection: Connection, key: str) -> Node | None:
    """Return the node with this key. None for an unknown key and a revoked node: it has to enroll again."""
    statement = select(node_table).where(node_table.c.key_digest == digest_of(key), node_table.c.revoked_at.is_(None))
    row = connection.execute(statement).first()
    return _node(row) if row else None


def enroll_node(
    connection: Connection,
    details: HostDetails,
    key: Secret,
    *,
    secret_name: str,
    address: str,
    epoch: int,
    has_identity: bool,
    now: datetime,
) -> Node | None:
    """Enroll a host, or enroll it again with a new key; the old key ends. None when the node was revoked.

    The instance ID of an earlier enrollment is kept: it is the same machine.
    """
    at = format_time(now)
    values = {
        "key_digest": digest_of(key.reveal()),
        "name": details.name,
        "platform": details.platform,
        "host_uuid": details.host_uuid,
        "vendor": details.vendor,
        "osquery_version": details.osquery_version,
        "has_first_facts": False,
        "epoch": epoch,
        "secret_name": secret_name,
        "address": address[:64],
        "enrolled_at": at,
        "last_seen_at": at,
    }
    same = node_table.c.host_identifier == details.host_identifier
    row = connection.execute(select(node_table).where(same).with_for_update()).first()
    if row is None:
        values |= {
            "node_id": new_id("node", now),
            "host_identifier": details.host_identifier,
            "instance_id": "",
            "account_id": "",
            "region": "",
            "has_identity": has_identity,
            "enrollments": 1,
        }
        connection.execute(insert(node_table).values(values))
    elif row.revoked_at is not None:
        return None
    else:
        values |= {"enrollments": row.enrollments + 1, "has_identity": bool(row.instance_id) or has_identity}
        connection.execute(update(node_table).where(same).values(values))
    return _node(connection.execute(select(node_table).where(same)).one())


def set_identity(
    connection: Connection,
    node: Node,
    *,
    instance_id: str,
    account_id: str,
    region: str,
    has_first_facts: bool,
    epoch: int,
) -> Node:
    """Record that a node runs on an EC2 instance, and return it.

    Other nodes of the instance are removed: the machine was enrolled under another host identifier before. When one of
    them was revoked, this one is revoked, too.
    """
    others = connection.execute(
        select(node_table.c.node_id, node_table.c.revoked_at).where(
            node_table.c.instance_id == instance_id, node_table.c.node_id != node.node_id
        )
    ).all()
    revoked_at = next((row.revoked_at for row in others if row.revoked_at), None)
    _delete(connection, [row.node_id for row in others if not row.revoked_at])
    return set_node(
        connection,
        node,
        instance_id=instance_id,
        account_id=account_id,
        region=region,
        has_identity=True,
        has_first_facts=has_first_facts,
        epoch=epoch,
        **({"revoked_at": revoked_at} if revoked_at else {}),
    )


def set_node(connection: Connection, node: Node, **values: object) -> Node:
    """Write columns of a node and return it."""
    is_this = node_table.c.node_id == node.node_id
    connection.execute(update(node_table).where(is_this).values(values))
    return _node(connection.execute(select(node_table).where(is_this)).one())


def note_seen(store: Store, seen: Mapping[str, datetime]) -> None:
    """Write when nodes were seen, in one transaction."""
    if seen:
        rows = [{"node": node_id, "at": format_time(at)} for node_id, at in sorted(seen.items())]
        with store.write() as connection:
            connection.execute(_SEEN, rows)


def list_nodes(store: Store, refs: Iterable[str] = ()) -> tuple[Node, ...]:
    """Return the nodes with these names, IDs, instance IDs or UUIDs, the last seen first; all without `refs`. NotFound."""
    names = tuple(refs)
    statement = select(node_table).order_by(node_table.c.last_seen_at.desc(), node_table.c.node_id)
    if names:
        statement = statement.where(or_(*(column.in_(names) for column in _NAMES)))
    with store.read() as connection:
        nodes = tuple(_node(row) for row in connection.execute(statement))
    for ref in names:
        if not any(ref in _names(node) for node in nodes):
            raise NotFound(
                f"no enrolled host is named {ref!r}",
                hint="List hosts with `windlass osquery nodes`, by name or host ID.",
            )
    return nodes


def find_node(store: Store, ref: str) -> Node:
    """Return the node with this name or ID. NotFound; Conflict when several hosts have the name."""
    nodes = list_nodes(store, (ref,))
    if len(nodes) > 1:
        ids = ", ".join(node.node_id for node in nodes[:5])
        raise Conflict(f"{len(nodes)} enrolled hosts are named {ref!r}", hint=f"Name one by its ID: {ids}.")
    return nodes[0]


def revoke_node(store: Store, node: Node, *, now: datetime | None) -> None:
    """Revoke a node: its key ends, and it cannot enroll again. `now` None: allow it to enroll again."""
    with store.write() as connection:
        set_node(connection, node, revoked_at=format_time(now) if now else None)


_NAMES = (
    node_table.c.node_id,
    node_table.c.name,
    node_table.c.host_identifier,
    node_table.c.host_uuid,
    node_table.c.instance_id,
)


def _names(node: Node) -> tuple[str, ...]:
    details = node.details
    return (node.node_id, details.name, details.host_identifier, details.host_uuid, node.instance_id)


def _delete(connection: Connection, node_ids: list[str]) -> None:
    if node_ids:
        connection.execute(delete(query_position).where(query_position.c.node_id.in_(node_ids)))
        connection.execute(delete(node_table).where(node_table.c.node_id.in_(node_ids)))


def _node(row: Any) -> Node:
    return Node(
        node_id=row.node_id,
        details=HostDetails(
            host_identifier=row.host_identifier,
            name=row.name,
            platform=row.platform,
            host_uuid=row.host_uuid,
            vendor=row.vendor,
            osquery_version=row.osquery_version,
        ),
        instance_id=row.instance_id,
        account_id=row.account_id,
        region=row.region,
        has_identity=row.has_identity,
        has_first_facts=row.has_first_facts,
        epoch=row.epoch,
        secret_name=row.secret_name,
        address=row.address,
        enrollments=row.enrollments,
        enrolled_at=parse_time(row.enrolled_at),
        last_seen_at=parse_time(row.last_seen_at),
        revoked_at=parse_time(row.revoked_at) if row.revoked_at else None,
    )
