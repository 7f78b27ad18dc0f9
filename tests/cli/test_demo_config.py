"""The demo's configuration: it loads, and it names what the scenarios of the embedded AWS create."""

from windlass.cli.demo.config import render_config
from windlass.settings import load
from windlass_local.scenarios import arrivals, changes, papers, replicas, scans


def test_it_loads_and_names_the_scenarios_buckets_and_queues(tmp_path):
    (tmp_path / "windlass.toml").write_text(render_config("http://127.0.0.1:1", tmp_path), "utf-8")
    settings = load(config="windlass.toml", environ={}, cwd=tmp_path).settings
    assert settings.feed.queue == changes.QUEUE
    assert [entry.queue for entry in settings.consume] == [arrivals._QUEUE]
    assert [entry.queue for entry in settings.aggregate] == [scans._QUEUE]
    (pipeline,) = settings.pipeline
    assert (pipeline.queue, pipeline.source) == (papers._QUEUE, f"s3://{papers._RAW}/incoming/")
    assert pipeline.target.startswith(f"s3://{papers._UNIFORM}/")
    (pairs,) = settings.replicate
    assert pairs.source == "harbour-dr-*"
    assert pairs.destination.format(name="harbour-dr-fuel") == replicas._destination("fuel")
