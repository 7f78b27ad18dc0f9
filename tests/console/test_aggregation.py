"""The Aggregation page: rules, keys, windows over time; pause, resume and fire as audited actions."""

import re
from datetime import timedelta

import httpx
import pytest

from tests.console.site import opened_app, served
from windlass.aggregation.config import AggregateConfig
from windlass.aggregation.effects import ActionCompleted, ActionFailed, CountEvents
from windlass.aggregation.model import Summary
from windlass.aggregation.service import Aggregation
from windlass.aggregation.tables.sql import SqlTable
from windlass.aggregation.timeline import Window
from windlass.aggregation.windows import put_window
from windlass.core import clock
from windlass.core.clock import format_time
from windlass.estate.config import AccountConfig, EstateConfig
from windlass.estate.service import open_estate
from windlass.store.audit_log import list_audit

SAME = {"sec-fetch-site": "same-origin"}


@pytest.fixture
def app(tmp_path):
    with opened_app(tmp_path) as opened:
        rule = AggregateConfig.model_validate(
            {"name": "shares", "queue": "events", "action": {"kind": "exec", "command": ["true"]}}
        )
        estate = open_estate(
            EstateConfig(endpoint_url="http://127.0.0.1:9", accounts=[AccountConfig(id="111111111111")]), {}
        )
        aggregation = Aggregation(
            [rule], estate=lambda: estate, queues=lambda: opened.queues, store=lambda: opened.store
        )
        opened.built.once("aggregation", lambda: aggregation)
        yield opened
        estate.close()


@pytest.fixture
def site(app):
    with served(app) as url, httpx.Client(base_url=url, timeout=20) as client:
        yield client


def happened(app, attempt, outcome, *, events=7, ago_s=60):
    started = clock.now() - timedelta(seconds=ago_s)
    first = format_time(started - timedelta(seconds=30))
    summary = Summary("drop<b>", events, {"created": events}, 10, ("a/",), False, first, first, ("a/1",))
    one = Window("shares", "drop<b>", attempt, summary, started)
    with app.store.write() as connection:
        put_window(connection, app.store, one)
        put_window(connection, app.store, one.ended(outcome, started + timedelta(seconds=2)))


def counted(app, events=5):
    table = SqlTable(app.store)
    now = clock.now().timestamp()
    table.perform(CountEvents("shares", "drop<b>", "m1", events, now, now, Summary("drop<b>", events)))
    return table


def test_without_windows_the_page_says_how_it_stands(site):
    page = site.get("/aggregation").text
    assert "shares" in page
    assert "0 actions for 0 events" in page


def test_windows_are_drawn_and_listed_with_what_came_of_them(app, site):
    happened(app, "t1", ActionCompleted(), events=1234)
    happened(app, "t2", ActionFailed("no such share"), ago_s=30)
    counted(app)
    page = site.get("/aggregation").text
    assert "1,234 events, first" in page
    assert 'class="window failed"' in page
    assert "no such share" in page
    assert "drop<b>" not in page  # escaped
    twin = site.get("/aggregation.json").json()
    rule = twin["rules"][0]
    assert (rule["actions"], rule["covered"], rule["failed"]) == (1, 1234, 1)
    assert rule["keys"][0] | {"due_at": ""} == {
        "rule": "shares",
        "key": "drop<b>",
        "uncovered": 5,
        "events": 5,
        "covered": 0,
        "state": "waiting",
        "due_at": "",
        "acted_at": None,
        "failures": 0,
        "note": "",
    }
    assert [window["outcome"] for window in twin["lanes"][0]["windows"]] == ["done", "failed"]


def test_pausing_resuming_and_firing_are_done_and_audited(app, site):
    table = counted(app)
    mark = re.search(r'name="csrf_token" value="([^"]*)"', site.get("/aggregation").text)[1]

    def do(what, **more):
        return site.post(f"/aggregation/shares/{what}", data={"csrf_token": mark} | more, headers=SAME)

    assert do("pause").status_code == 303
    assert table.paused("shares")
    assert "Resume" in site.get("/aggregation").text
    assert do("resume").status_code == 303
    assert not table.paused("shares")
    assert do("trigger", key="drop<b>").status_code == 303
    assert table.read("shares", "drop<b>").dirty == 6
    assert do("explode").status_code == 404
    assert do("pause", csrf_token="forged").status_code == 403
    done = [entry["action"] for entry in list_audit(app.store)]
    assert done == ["aggregation.trigger", "aggregation.resume", "aggregation.pause"]
