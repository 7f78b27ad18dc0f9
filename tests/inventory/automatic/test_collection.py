"""A service with a made-up model is collected with no code: over HTTP, into the store, twice."""

import json
from datetime import UTC, datetime, timedelta

import botocore.loaders
import pytest

from tests import botocore_models
from tests.inventory import model_server
from tests.inventory.automatic.gizmos import gizmos, write
from windlass.estate import model_loader
from windlass.estate.config import AccountConfig, EstateConfig
from windlass.estate.service import open_estate
from windlass.estate.service_models import describe_service
from windlass.inventory.automatic.catalog_cache import derive, load
from windlass.inventory.config import InventoryConfig
from windlass.inventory.model import Query, ScopeState
from windlass.inventory.service import Inventory

ACCOUNT, REGION = model_server.ACCOUNT, model_server.REGION
T0 = datetime(2026, 12, 1, 8, tzinfo=UTC)


class Gizmos(model_server.ModelServer):
    """Two gizmos in pages of one, each with one part; their use moves their counts."""

    calls = 0

    def answer(self, service, operation, sent):
        if service == "sts":
            return super().answer(service, operation, sent)
        self.calls += 1
        if operation == "ListFolders":
            return {"FolderNames": []}
        if operation == "ListParts":
            return {"Parts": [{"PartName": "wheel", "Weight": 7}]}
        assert sent["ResourceOwner"] == "SELF"
        number = 2 if "NextToken" in sent else 1
        gizmo = {
            "GizmoArn": f"arn:aws:gizmos:{REGION}:{ACCOUNT}:gizmo/g{number}",
            "GizmoId": f"g{number}",
            "GizmoName": f"gizmo {number}",
            "DesiredCount": 3,
            "MessageCount": self.calls,
            "MasterPassword": "hunter-2-is-not-a-secret-any-more",
            "Tags": [{"Key": "team", "Value": "web"}],
        }
        return {"Gizmos": [gizmo], **({"NextToken": "more"} if number == 1 else {})}


@pytest.fixture
def served(tmp_path, monkeypatch):
    monkeypatch.setattr(botocore.loaders.Loader, "CUSTOMER_DATA_PATH", str(write(tmp_path / "models")))
    for operation in ("ListGizmos", "ListParts", "ListFolders"):
        monkeypatch.setitem(model_server.OPERATIONS, ("gizmos", operation), "")
    caches = (
        model_server.model,
        model_server.botocore_protocol,
        model_server._by_signing,
        model_loader.shared_loader,
        botocore_models.session,
        botocore_models.service_model,
    )
    for cached in caches:
        cached.cache_clear()
    server = Gizmos(items=1)
    with model_server.serve(server) as url:
        yield server, url
    for cached in caches:
        cached.cache_clear()


@pytest.fixture
def inventory(served, store):
    _, url = served
    config = EstateConfig(endpoint_url=url, regions=[REGION], accounts=[AccountConfig(id=ACCOUNT)], retries=0)
    catalog = derive([describe_service("gizmos", gizmos(), {})])
    clock = {"now": T0}
    with open_estate(config, {}) as estate:
        opened = Inventory(
            store,
            lambda: estate,
            InventoryConfig(automatic=True, types=["gizmos.*"]),
            now=lambda: clock["now"],
            catalog=lambda: catalog,
            single_server=True,
        )
        yield opened, clock


def test_a_made_up_service_is_collected_with_no_code(inventory, served):
    opened, _ = inventory
    run = opened.collect(opened.options())
    assert (run.status, run.resources, run.created) == ("done", 4, 4)
    listed = {row.resource_id: row for row in opened.list(Query(types=("gizmos.*",))).rows}
    assert set(listed) == {"g1", "g2", "g1/wheel", "g2/wheel"}
    gizmo = opened.show(f"arn:aws:gizmos:{REGION}:{ACCOUNT}:gizmo/g1")
    assert (gizmo.name, gizmo.tags, gizmo.document["DesiredCount"]) == ("gizmo 1", {"team": "web"}, 3)
    assert "MessageCount" not in gizmo.document
    assert "hunter" not in json.dumps(gizmo.document)
    assert gizmo.document["MasterPassword"].startswith("redacted:")


def test_an_unchanged_estate_writes_no_revision_and_an_empty_scope_no_row(inventory, served):
    opened, clock = inventory
    opened.collect(opened.options())
    server, _ = served
    calls = server.calls
    clock["now"] += timedelta(minutes=30)
    again = opened.collect(opened.options())
    assert (again.created, again.updated, again.deleted) == (0, 0, 0)
    assert server.calls == calls + 6  # two pages, as type and as parent, and the parts of each gizmo: no folders
    assert {status.scope.type for status in opened.scopes()} == {"gizmos.gizmo", "gizmos.part"}
    (row,) = opened.coverage()
    assert (row.state, row.scopes, row.unread, row.scanned_at) == ("ok", 3, 0, T0)
    clock["now"] += timedelta(hours=1)
    assert "gizmos.folder" in {scope.type for scope in opened.plan(opened.options())}


def test_types_that_are_named_and_a_full_collection_are_asked_at_once(inventory):
    opened, _ = inventory
    assert opened.collect(opened.options()).created == 4
    due = {scope.type for scope in opened.plan(opened.options())}
    assert due == {"gizmos.gizmo", "gizmos.part"}
    assert {scope.type for scope in opened.plan(opened.options(types=["gizmos.folder"]))} == {"gizmos.folder"}
    assert len(opened.plan(opened.options(full=True))) == 3


def test_a_run_counts_the_scopes_without_resources(inventory):
    opened, _ = inventory
    run = opened.collect(opened.options())
    assert (run.scopes_total, run.scopes_done) == (3, 3)
    assert run.calls == 7  # 2 pages, 1 folders, 2 pages for the parents, 2 parts
    assert [status.state for status in opened.scopes()] == [ScopeState.OK, ScopeState.OK]


def test_the_catalogue_is_derived_once_and_then_read(tmp_path):
    derived = []

    def services():
        derived.append(1)
        return [describe_service("gizmos", gizmos(), {}, regions=["eu-west-1"])]

    first, second = load(tmp_path, services), load(tmp_path, services)
    assert first == second
    assert len(derived) == 1
    assert second.regions == {"gizmos": frozenset({"eu-west-1"})}
    (file,) = tmp_path.iterdir()
    file.write_text("{")
    assert load(tmp_path, services) == first
