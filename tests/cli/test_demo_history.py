"""The demo's simulated month: it is marked, has actors and an incident, and leaves everything as the embedded AWS has it."""

import json
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
from sqlalchemy import select

from tests.inventory.test_revisions import begin, scan
from windlass.checks.config import ChecksConfig
from windlass.cli.demo import history
from windlass.cli.demo.simulated_changes import DAYS, SIMULATED_AGENT
from windlass.core import clock
from windlass.inventory import writer
from windlass.inventory.config import InventoryConfig
from windlass.inventory.model import Edge, Observation, Scope
from windlass.inventory.owner_directory import OwnerDirectory
from windlass.inventory.rows import revision_row
from windlass.inventory.service import Inventory
from windlass.inventory.tables import relation, resource

NOW = datetime(2026, 12, 1, 15, 30, tzinfo=UTC)
ACCOUNT = "111111111111"
BLOCK = dict.fromkeys(("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"), True)
ESTATE = {
    "s3.bucket": ("aws-global", {"PublicAccessBlock": BLOCK, "Acl": {"Grants": []}}),
    "ec2.security-group": ("eu-west-1", {"IpPermissions": [], "GroupName": "g"}),
    "lambda.function": ("eu-west-1", {"MemorySize": 128, "Timeout": 3}),
}


def observed(kind, number, region, document):
    name = f"{kind.split('.')[1]}-{number}"
    return Observation(
        type=kind,
        account_id=ACCOUNT,
        region=region,
        resource_id=name,
        arn=f"arn:aws:x:{region}:{ACCOUNT}:{name}",
        name=name,
        tags={"team": "web"},
        document={**document, "Tags": {"team": "web"}},
        edges=(Edge("uses-role", "arn:aws:iam::1:role/r", "iam.role"),),
    )


@pytest.fixture
def app(store, tmp_path, monkeypatch):
    for kind, (region, document) in ESTATE.items():
        scope = Scope(ACCOUNT, region, kind)
        listed = [observed(kind, number, region, document) for number in range(3)]
        writer.write_result(store, begin(store), scan(listed, NOW, scope=scope))
    monkeypatch.setattr(clock, "now", lambda: NOW + timedelta(seconds=5))
    settings = SimpleNamespace(checks=ChecksConfig())
    loaded = SimpleNamespace(file=tmp_path / "windlass.toml")
    return SimpleNamespace(store=store, owners=OwnerDirectory(store), settings=settings, loaded=loaded)


def state(store):
    with store.read() as connection:
        rows = connection.execute(
            select(resource).where(resource.c.deleted_at.is_(None)).order_by(resource.c.key)
        ).all()
        edges = connection.execute(select(relation.c.target).where(relation.c.valid_to.is_(None))).scalars().all()
    return [(row.key, json.loads(row.document), row.digest) for row in rows], sorted(edges)


def test_the_month_leaves_the_estate_as_it_is_and_is_marked_with_its_actors(app):
    before = state(app.store)
    number = history.simulate_history(app)
    assert state(app.store) == before
    inventory = Inventory(app.store, lambda: None, InventoryConfig())
    changes, _ = inventory.changes(limit=1000)
    rows = [revision_row(change) for change in changes]
    assert len(rows) == number + 9
    assert all(row["simulated"] for row in rows)
    assert all(NOW - timedelta(days=DAYS, minutes=1) <= row["valid_from"] < NOW for row in rows)
    by_people = [row for row in rows if row["actor"]]
    assert len(by_people) == number
    assert {row["actor"].split("/")[-1] for row in by_people} == {"web-deploy", "platform-deploy"}
    incident = inventory.history("bucket-0")
    assert [change.events[0].name for change in incident if change.events] == [
        "PutBucketPublicAccessBlock",
        "DeleteBucketPolicy",
        "PutBucketPolicy",
        "DeleteBucketPublicAccessBlock",
    ]
    assert incident[0].events[0].user_agent == SIMULATED_AGENT


def test_a_scan_after_the_month_finds_nothing_new(app):
    history.simulate_history(app)
    for kind, (region, document) in ESTATE.items():
        scope = Scope(ACCOUNT, region, kind)
        listed = [observed(kind, number, region, document) for number in range(3)]
        counts = writer.write_result(app.store, begin(app.store), scan(listed, NOW + timedelta(minutes=1), scope=scope))
        assert (counts.created, counts.updated, counts.deleted) == (0, 0, 0)
