"""Plans run on real memcached servers: the planned share of keys moves, and an interrupted job can be resumed."""

import threading
from datetime import timedelta

import pytest

from tests.memcached.client import Client
from windlass.cli.runners import register_runners
from windlass.core import clock
from windlass.core.errors import Conflict, Interrupted, NotFound
from windlass.jobs.model import JobStatus
from windlass.memcached.change_job import run_plan
from windlass.memcached.model import Apply
from windlass.memcached.plan import ScaleRequest
from windlass.memcached.service import NewCluster, ScopeFilter
from windlass_local.services import elasticache as service
from windlass_local.services.elasticache import CACHE_TIMING


def create(app, name, nodes, **more):
    plan = app.memcached.plan_create(NewCluster(name=name, nodes=nodes, node_type="cache.t4g.micro", **more))
    run_plan(app.memcached, app.jobs, plan, watch=True)
    return app.memcached.find(name)


def change(app, name, to, *, watch=True, **options):
    plan = app.memcached.plan_scale(app.memcached.find(name), ScaleRequest(to, **options))
    return plan, run_plan(app.memcached, app.jobs, plan, watch=watch)


def endpoint(app, name):
    cluster = app.memcached.find(name)
    return cluster.host, cluster.port


def measured_movement(app, name, hashing, keys, do):
    """Return the share of keys that miss after `do`, the plan's share, and the number of servers."""
    before = Client(endpoint(app, name), hashing)
    before.flush()
    before.set(keys)
    assert len(before.get(keys)) == len(keys), "all of them fit, so what is missed later has moved"
    plan = do()
    after = Client(endpoint(app, name), hashing)
    missed = 1 - len(after.get(keys)) / len(keys)
    return missed, getattr(plan.moved, hashing), len(after.servers)


@pytest.mark.parametrize("hashing", ["ketama", "modulo"])
def test_scaling_moves_the_planned_share_of_keys(cache_app, hashing):
    app = cache_app()
    create(app, "web", 6)
    keys = [f"user:{number}" for number in range(20_000)]
    for to in (30, 26, 6):
        measured, planned, nodes = measured_movement(app, "web", hashing, keys, lambda to=to: change(app, "web", to)[0])
        assert nodes == to
        assert abs(measured - planned) < 0.02, f"{hashing} to {to}: the plan has {planned:.3f}, {measured:.3f} moved"


def test_steps_move_a_small_share_of_keys_each(cache_app):
    app = cache_app()
    create(app, "web", 8)
    keys = [f"k{number}" for number in range(12_000)]
    measured, planned, nodes = measured_movement(
        app, "web", "ketama", keys, lambda: change(app, "web", 4, step=2, pause_s=0.1)[0]
    )
    assert nodes == 4
    assert abs(measured - planned) < 0.03
    log = [entry.message for entry in app.jobs.log(app.jobs.list()[0].job_id)]
    assert [line for line in log if line.startswith("step")] == [
        "step 1 of 2: 8 → 6 nodes done",
        "step 2 of 2: 6 → 4 nodes done",
    ]


def test_only_the_named_nodes_are_removed(cache_app):
    app = cache_app()
    create(app, "web", 4)
    change(app, "web", 2, remove=("0001", "0003"))
    assert app.memcached.find("web").ids == ("0002", "0004")
    change(app, "web", 3)
    assert app.memcached.find("web").ids == ("0001", "0002", "0004"), "the lowest free id"


def test_a_plan_over_the_quota_makes_no_call(cache_app):
    app = cache_app()
    create(app, "web", 1)
    plan = app.memcached.plan_scale(app.memcached.find("web"), ScaleRequest(61))
    with pytest.raises(Conflict, match="quota of 60"):
        run_plan(app.memcached, app.jobs, plan, watch=False)
    assert [job.title for job in app.jobs.list()] == ["create web in us-east-1"]
    assert app.memcached.find("web").status == "available"


def test_a_raised_quota_is_used(cache_app, account):
    app = cache_app()
    create(app, "web", 1)
    ask = app.estate.call
    ask(
        account,
        "us-east-1",
        "service-quotas",
        "RequestServiceQuotaIncrease",
        ServiceCode="elasticache",
        QuotaCode="L-8C334AD1",
        DesiredValue=90.0,
    )
    for _ in range(200):
        if app.memcached.quota(account, "us-east-1").per_cluster == 90:
            break
        threading.Event().wait(0.02)
    plan = app.memcached.plan_scale(app.memcached.find("web"), ScaleRequest(80))
    assert plan.refusal is None
    assert any("50 nodes" in warning for warning in plan.warnings)


def test_a_cancelled_change_stops_between_steps_and_resumes(cache_app):
    app = cache_app()
    register_runners(app)
    create(app, "web", 6)
    plan = app.memcached.plan_scale(app.memcached.find("web"), ScaleRequest(3, step=1, pause_s=30.0))

    def cancel(done, total, detail):
        if "pausing before step 2" in detail:
            app.jobs.cancel(app.jobs.list(status=JobStatus.RUNNING)[0].job_id)

    job_id = run_plan(app.memcached, app.jobs, plan, watch=True, show=cancel)
    assert app.jobs.get(job_id).status is JobStatus.CANCELLED
    assert len(app.memcached.find("web").ids) == 5
    hurry(app, job_id)
    assert app.jobs.resume(job_id).status is JobStatus.DONE
    assert app.memcached.find("web").ids == tuple(
        sorted(set(plan.present) - {node_id for step in plan.steps for node_id in step.remove})
    )


def hurry(app, job_id):
    """Remove the pause from a stopped job."""
    from sqlalchemy import text

    with app.store.write() as connection:
        params = app.jobs.get(job_id).params | {"pause_s": 0}
        checkpoint = app.jobs.get(job_id).checkpoint | {
            "pause_until": clock.format_time(clock.now() - timedelta(seconds=1))
        }
        from windlass.core.canonical import canonical_json

        connection.execute(
            text("update job set params = :params, checkpoint = :checkpoint where job_id = :id"),
            {"params": canonical_json(params), "checkpoint": canonical_json(checkpoint), "id": job_id},
        )


def test_a_step_made_before_a_crash_is_not_repeated(cache_app, account, monkeypatch):
    app = cache_app()
    register_runners(app)
    create(app, "web", 6)
    plan = app.memcached.plan_scale(app.memcached.find("web"), ScaleRequest(2, step=2))

    def die(done, total, detail):
        if "deleting" in detail:
            raise Interrupted("the power went")

    with monkeypatch.context() as slowly, pytest.raises(Interrupted):
        slowly.setattr(CACHE_TIMING, "node_s", 3.0)  # so that a busy machine also sees the change in progress
        run_plan(app.memcached, app.jobs, plan, watch=True, show=die)
    (job,) = app.jobs.list(status=JobStatus.INTERRUPTED)
    assert job.checkpoint == {}, "nothing was written down: AWS alone knows"
    assert app.jobs.resume(job.job_id).status is JobStatus.DONE
    assert len(app.memcached.find("web").ids) == 2


def test_a_cluster_changed_outside_the_job_is_not_touched(cache_app, account):
    app = cache_app()
    register_runners(app)
    create(app, "web", 6)
    plan = app.memcached.plan_scale(app.memcached.find("web"), ScaleRequest(4, step=1))

    def meddle(done, total, detail):
        if (
            "step 2" in detail
            and len(app.memcached.find("web").ids) == 5
            and app.memcached.find("web").status == "available"
        ):
            change(app, "web", 7)

    with pytest.raises(Conflict, match="changed outside this job"):
        run_plan(app.memcached, app.jobs, plan, watch=True, show=meddle)
    assert len(app.memcached.find("web").ids) == 7


def test_a_change_in_the_maintenance_window_can_be_cancelled(cache_app):
    app = cache_app()
    create(app, "web", 4)
    _, job_id = change(app, "web", 2, apply=Apply.MAINTENANCE, watch=False)
    assert "maintenance window" in app.jobs.get(job_id).detail
    waiting = app.memcached.find("web")
    assert (len(waiting.ids), waiting.pending.count, len(waiting.pending.remove)) == (4, 2, 2)
    plan, _ = change(app, "web", 4)
    assert "cancelled" in plan.replaces
    assert not app.memcached.find("web").pending


def test_traffic_is_read_from_the_nodes_or_from_cloudwatch(cache_app, account):
    app = cache_app()
    cluster = create(app, "web", 2)
    assert app.memcached.traffic(cluster) is None
    metric_data = [
        {
            "MetricName": name,
            "Value": value,
            "Timestamp": clock.now() - timedelta(minutes=20),
            "Dimensions": [{"Name": "CacheClusterId", "Value": "web"}, {"Name": "CacheNodeId", "Value": node}],
        }
        for node in ("0001", "0002")
        for name, value in (("GetHits", 900.0), ("GetMisses", 100.0))
    ]
    app.estate.call(
        account, "us-east-1", "cloudwatch", "PutMetricData", Namespace="AWS/ElastiCache", MetricData=metric_data
    )
    traffic = app.memcached.traffic(cluster)
    assert (traffic.hit_rate, round(traffic.gets_per_s, 3)) == (0.9, round(2000 / 3600, 3))
    assert "CloudWatch" in traffic.source
    client = Client(endpoint(app, "web"), "ketama")
    client.set(["a"])
    client.get(["a", "b", "c", "d"])
    traffic = app.memcached.traffic(cluster)
    assert (traffic.hit_rate, "counters" in traffic.source) == (0.25, True)


def test_find_searches_all_accounts_and_refuses_ambiguous_names(cache_app, account):
    app = cache_app(regions=("us-east-1", "eu-west-1"))
    for region in ("us-east-1", "eu-west-1"):
        plan = app.memcached.plan_create(
            NewCluster(name="web", nodes=1, node_type="cache.t4g.micro"), ScopeFilter((), (region,))
        )
        run_plan(app.memcached, app.jobs, plan, watch=True)
    listing = app.memcached.list()
    assert [cluster.key for cluster in listing.clusters] == [f"{account}/eu-west-1/web", f"{account}/us-east-1/web"]
    assert listing.quotas[account, "eu-west-1"].in_use == 1
    with pytest.raises(Exception, match="2 clusters are named web"):
        app.memcached.find("web")
    assert app.memcached.find("WEB", ScopeFilter((), ("eu-west-1",))).region == "eu-west-1"
    with pytest.raises(NotFound):
        app.memcached.find("nope")


def test_a_deletion_is_watched_and_can_be_resumed(cache_app):
    app = cache_app()
    register_runners(app)
    cluster = create(app, "web", 2)
    job_id = run_plan(app.memcached, app.jobs, app.memcached.plan_delete(cluster), watch=True)
    assert app.memcached.refresh(cluster) is None
    assert app.jobs.get(job_id).detail == "deleted"


def test_a_busy_cluster_cannot_be_planned(cache_app, monkeypatch):
    app = cache_app()
    create(app, "web", 2)
    monkeypatch.setattr(service.CACHE_TIMING, "node_s", 3600)
    change(app, "web", 3, watch=False)
    with pytest.raises(Conflict, match="web is modifying"):
        app.memcached.plan_scale(app.memcached.find("web"), ScaleRequest(4))
