"""Every type through the collector and the store, from a server that knows only AWS's own models: twice, with one history."""

from datetime import UTC, datetime, timedelta

import pytest

from tests.inventory.model_server import ACCOUNT, REGION, ModelServer, serve
from tests.inventory.test_catalog import every_type
from tests.inventory.test_revisions import begin
from windlass.core.arns import parse_arn
from windlass.estate.config import AccountConfig, EstateConfig
from windlass.estate.service import open_estate
from windlass.inventory import writer
from windlass.inventory.catalog import BY_NAME, CATALOG
from windlass.inventory.collector import Collector
from windlass.inventory.plan import plan_scopes

# At an endpoint of one's own, boto3 asks for a session of a directory bucket first; AWS's control plane needs none.
DETAILS_UNREAD = {"s3.directory-bucket"}
NOW = datetime(2026, 11, 20, tzinfo=UTC)
ITEMS = 2


def collect(estate, now):
    results = []
    collector = Collector(
        caller=estate, types=BY_NAME, salt=b"salt", now=lambda: now, concurrency=4, read_measures=False
    )
    assert collector.run(plan_scopes(CATALOG, {ACCOUNT: [REGION]}), sink=results.append)
    return {result.scope.type: result for result in results}


@pytest.fixture(scope="module")
def scans():
    """Two collections of the unchanged server, by type."""
    server = ModelServer(ITEMS)
    with (
        serve(server) as url,
        open_estate(EstateConfig(endpoint_url=url, accounts=[AccountConfig(id=ACCOUNT)]), {}) as estate,
    ):
        return collect(estate, NOW), collect(estate, NOW + timedelta(hours=1))


@every_type
def test_every_listed_item_is_identified_and_every_detail_read(scans, kind):
    result = scans[0][kind.name]
    assert result.state.complete, result.error
    assert result.observations
    for observation in result.observations:
        assert observation.resource_id
        assert not observation.unknown or kind.name in DETAILS_UNREAD, (observation.unknown, result.error)
        assert "{" not in kind.arn or parse_arn(observation.arn)


@every_type
def test_a_second_scan_observes_the_same(scans, kind):
    # The server's details are those of one item: a second item with the same key is ignored, as the store does.
    first, second = ({entry.key: entry for entry in reversed(scan[kind.name].observations)} for scan in scans)
    assert first.keys() == second.keys()
    for key, observation in first.items() if kind.name not in DETAILS_UNREAD else ():
        again = second[key]
        assert (observation.document, observation.edges, observation.tags) == (again.document, again.edges, again.tags)


def test_a_second_scan_of_every_type_writes_no_revision(scans, sqlite_store):
    counts = []
    for scan in scans:
        run = begin(sqlite_store)
        applied = [writer.write_result(sqlite_store, run, result) for result in scan.values()]
        counts.append(sum(entry.created + entry.updated + entry.deleted for entry in applied))
    assert counts[0] >= len(CATALOG)
    assert counts[1] == 0
