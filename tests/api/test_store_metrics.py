"""What /metrics of the console tells of the store and of the calls made to AWS."""

from datetime import timedelta

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from tests.console.site import opened_app
from windlass.api.store_metrics import GAUGES, StoreCollector
from windlass.app import App
from windlass.core import clock
from windlass.core.errors import WindlassError
from windlass.estate.model import Scope
from windlass.pipelines.store import Count, RefusedObject, add_counts, put_refused
from windlass.settings import load


@pytest.fixture
def app(tmp_path):
    with opened_app(tmp_path) as opened:
        yield opened


def scrape(app):
    """Value by name and labels, through the text that Prometheus reads."""
    registry = CollectorRegistry()
    registry.register(StoreCollector(app))
    result = {}
    for family in text_string_to_metric_families(generate_latest(registry).decode()):
        for sample in family.samples:
            result[sample.name, *sorted(sample.labels.items())] = sample.value
    return result


def test_the_inventory_of_a_collector_that_is_gone(app):
    result = scrape(app)
    assert result["windlass_store_up",] == 1
    stats = app.inventory.stats()
    assert (
        sum(value for key, value in result.items() if key[0] == "windlass_inventory_resources") == stats.resources > 0
    )
    assert result["windlass_inventory_scopes", ("state", "denied")] == 1
    newest = max(run.finished_at for run in app.inventory.runs())
    assert result["windlass_inventory_collected_timestamp_seconds",] == pytest.approx(newest.timestamp(), abs=1)


def test_pipelines_count_the_last_hour_and_what_waits(app):
    now = clock.now()
    with app.store.write() as connection:
        add_counts(
            connection,
            app.store,
            [
                Count("p", now, "written", 7, read_bytes=70, written_bytes=30),
                Count("p", now - timedelta(hours=3), "written", 1000, read_bytes=1),
            ],
        )
        put_refused(connection, app.store, RefusedObject("p", "b", "k", now, "", "invalid", "no YAML"))
    result = scrape(app)
    assert result["windlass_pipeline_objects", ("outcome", "written"), ("pipeline", "p")] == 7
    assert result["windlass_pipeline_bytes", ("direction", "read"), ("pipeline", "p")] == 70
    assert result["windlass_pipeline_refused", ("pipeline", "p")] == 1


def test_jobs_of_the_last_day(app):
    job = app.jobs.create("inventory.collect", "collect")
    with app.jobs.run(job):
        pass
    assert scrape(app)["windlass_jobs", ("kind", "inventory.collect"), ("status", "done")] == 1


def test_every_gauge_is_in_the_table(app):
    assert {family.name for family in StoreCollector(app).collect()} == {f"windlass_{name}" for name in GAUGES}


def test_an_unreachable_store_is_reported_and_breaks_no_scrape(app, monkeypatch):
    def refuse(*_, **__):
        raise WindlassError("the store is away")

    monkeypatch.setattr(type(app.store), "read", refuse)
    result = scrape(app)
    assert result["windlass_store_up",] == 0


def test_calls_to_aws_are_counted(tmp_path):
    """The estate tells of each attempt; these were declared and never counted."""
    with App(load(environ={}, cwd=tmp_path), environ={}) as app:
        app.estate._observe(Scope("111111111111", "eu-west-1", "sqs"), "ok", 0.02)
        app.estate._observe(Scope("111111111111", "eu-west-1", "sqs"), "throttled", 0.01)
        text = app.metrics.render().decode()
    labels = 'account="111111111111",outcome="{}",region="eu-west-1",service="sqs"'
    assert f"windlass_estate_calls_total{{{labels.format('ok')}}} 1.0" in text
    assert f"windlass_estate_calls_total{{{labels.format('throttled')}}} 1.0" in text
    assert 'windlass_estate_throttled_total{account="111111111111",region="eu-west-1",service="sqs"} 1.0' in text
    assert 'windlass_estate_call_seconds_count{service="sqs"} 2.0' in text
