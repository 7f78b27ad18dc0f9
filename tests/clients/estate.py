"""An inventory with an address that changed hands, for the questions of whose machine it was."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from windlass.inventory import runs, writer
from windlass.inventory.config import InventoryConfig
from windlass.inventory.model import Observation, Scope, ScopeResult, ScopeState
from windlass.inventory.service import Inventory

ACCOUNT, OTHER = "123456789012", "222222222222"
CHANGED = datetime(2026, 11, 20, 10, 30, tzinfo=UTC)


def observe(kind, name, *, account=ACCOUNT, region="us-east-1", arn="", tags=None, addresses=()):
    return Observation(
        type=kind,
        account_id=account,
        region=region,
        resource_id=name,
        name=f"{name}-name",
        tags=tags or {},
        arn=arn or f"arn:aws:{kind.split('.')[0]}:{region}:{account}:{name}",
        document={"Tags": tags or {}, "Id": name, "Addresses": list(addresses)},
        edges=(),
        addresses=tuple(addresses),
        measures={},
    )


def visit(store, at, kind, found, *, account=ACCOUNT, region="us-east-1"):
    run = runs.begin_run(store, now=at, scopes_total=1)
    scope = Scope(account, region, kind)
    writer.write_result(
        store,
        run,
        ScopeResult(
            scope=scope,
            state=ScopeState.OK,
            observations=tuple(found),
            calls=1,
            started_at=at,
            finished_at=at,
            error="",
            error_code="",
        ),
    )
    runs.finish_run(store, run, status="done", now=at)


def inventory_with_history(store) -> Inventory:
    """10.0.1.5 is i-first's until 10:30 and i-second's from then; others hold what clients come from."""
    before = CHANGED - timedelta(days=30)
    first = observe("ec2.instance", "i-0aaaaaaaaaaaaaaaa", tags={"team": "web"}, addresses=["10.0.1.5"])
    second = observe("ec2.instance", "i-0bbbbbbbbbbbbbbbb", tags={"owner": "data"})
    visit(store, before, "ec2.instance", [first, second])
    moved = observe("ec2.instance", "i-0aaaaaaaaaaaaaaaa", tags={"team": "web"}, addresses=["10.0.1.9"])
    held = observe("ec2.instance", "i-0bbbbbbbbbbbbbbbb", tags={"owner": "data"}, addresses=["10.0.1.5"])
    visit(store, CHANGED, "ec2.instance", [moved, held])
    nat = observe("ec2.nat_gateway", "nat-1", tags={"team": "network"}, addresses=["198.51.100.7", "10.0.9.1"])
    visit(store, before, "ec2.nat_gateway", [nat])
    interfaces = [
        observe("ec2.network_interface", "eni-lambda", tags={"team": "functions"}, addresses=["10.0.2.20"]),
        observe("ec2.network_interface", "eni-endpoint", tags={"team": "platform"}, addresses=["10.0.2.30"]),
        observe("ec2.network_interface", "eni-first", tags={}, addresses=["10.0.1.9"]),
    ]
    visit(store, before, "ec2.network_interface", interfaces)
    foreign = observe(
        "ec2.instance", "i-0cccccccccccccccc", account=OTHER, tags={"team": "others"}, addresses=["10.0.1.5"]
    )
    visit(store, before, "ec2.instance", [foreign], account=OTHER)
    role = observe(
        "iam.role",
        "reports",
        region="aws-global",
        arn="arn:aws:iam::123456789012:role/reports",
        tags={"team": "finance"},
    )
    visit(store, before, "iam.role", [role], region="aws-global")
    return Inventory(store, lambda: None, InventoryConfig(), now=lambda: CHANGED + timedelta(days=1))
