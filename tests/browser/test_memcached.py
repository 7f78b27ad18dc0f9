"""The Memcached pages in a real browser, over real servers: the ring, the plan, and the hit rate while nodes go."""

import shutil
import threading

import pytest

from tests.browser.test_console import ARGS, shoot
from tests.console.site import served
from tests.memcached.client import Client
from windlass.app import App
from windlass.memcached.change_job import run_plan
from windlass.memcached.plan import ScaleRequest
from windlass.memcached.service import NewCluster
from windlass.settings import load
from windlass_local.server import LocalServer

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(
        shutil.which("chromium") is None, reason="no chromium on the PATH (Debian: apt-get install chromium)"
    ),
]
ACCOUNT = "880000000001"
PAGE = f"/memcached/{ACCOUNT}/us-east-1/sessions"


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """A console over an embedded AWS with a cluster of thirty nodes, and a client that keeps asking them."""
    folder = tmp_path_factory.mktemp("memcached")
    with LocalServer(cache_node_s=0.3) as aws:
        overrides = {
            "store.url": f"sqlite:///{folder}/w.db",
            "estate.endpoint_url": aws.url,
            "estate.regions": ["us-east-1"],
            "estate.accounts": [{"id": ACCOUNT, "alias": "harbour-prod"}],
            "memcached.poll_s": 0.1,
        }
        with App(load(overrides=overrides, environ={}, cwd=folder), environ={}) as app:
            zones = ("us-east-1a", "us-east-1b", "us-east-1c")
            for name, nodes in (("sessions", 30), ("flash", 24)):
                wanted = NewCluster(name=name, nodes=nodes, node_type="cache.r7g.large", zones=zones)
                run_plan(app.memcached, app.jobs, app.memcached.plan_create(wanted), watch=True)
            with served(app) as url:
                yield app, url


@pytest.fixture(scope="module")
def page(site):
    from playwright.sync_api import sync_playwright

    amiss = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=ARGS)
        page = browser.new_page(viewport={"width": 1360, "height": 900})
        page.on("console", lambda message: amiss.append(message.text) if message.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: amiss.append(str(error)))
        yield page
        browser.close()
    assert amiss == []


def test_clusters_are_listed_with_their_quota(site, page):
    page.goto(site[1] + "/memcached")
    page.wait_for_selector("text=sessions")
    row = page.locator("table.rows tbody tr").last.inner_text()
    assert "30" in row
    assert "of 60" in row
    shoot(page, "memcached")
    page.click("table.rows tbody a >> text=sessions")
    page.wait_for_selector("svg.nodering")
    assert page.locator("svg.nodering g").count() == 30


def test_a_plan_is_shown_and_changes_nothing(site, page):
    page.goto(site[1] + PAGE)
    page.fill("#to", "26")
    page.fill("#step", "2")
    page.click("text=Show the plan")
    text = page.locator("#plan").inner_text()
    assert "30 → 26 nodes" in text
    assert "--step 2 --pause 10m" in text
    assert len(site[0].memcached.find("sessions").ids) == 30
    page.goto(f"{site[1]}{PAGE}?to=61")
    assert "exceed the quota of 60" in page.locator("#plan").inner_text()


def test_the_hit_rate_is_live_while_the_cluster_shrinks(site, page):
    app, url = site
    keys = [f"session:{number}" for number in range(400)]
    stop = threading.Event()

    def application():
        """Gets every key again and again, sets what it misses: as applications fill a cache."""
        while not stop.is_set():
            cluster = app.memcached.find("flash")
            client = Client((cluster.host, cluster.port), "ketama")
            try:
                missed = set(keys) - client.get(keys)
                client.set(sorted(missed))
            except OSError:  # a node went away under it: the next round asks the configuration anew
                continue

    busy = threading.Thread(target=application)
    busy.start()
    opened = []
    page.on("request", lambda request: opened.append(request.url))
    try:
        page.goto(url + PAGE.replace("sessions", "flash"))
        page.wait_for_selector("svg.hitrates polyline.rate", timeout=30_000)
        plan = app.memcached.plan_scale(app.memcached.find("flash"), ScaleRequest(12, step=6, pause_s=2.5))
        change = threading.Thread(target=run_plan, args=(app.memcached, app.jobs, plan), kwargs={"watch": True})
        change.start()
        page.wait_for_selector("text=pausing before step", timeout=30_000)
        shoot(page, "memcached-scaling")
        change.join(60)
        page.locator("svg.nodering[aria-label^='12 nodes']").wait_for(timeout=30_000)
        page.wait_for_selector(".badge.done", timeout=30_000)
        shoot(page, "memcached-scaled")
    finally:
        stop.set()
        busy.join(20)
    assert sum("/live?" in entry for entry in opened) == 1, "a page has one stream, however often it is renewed"
    rates = page.evaluate(
        "document.querySelector('svg.hitrates polyline.rate').getAttribute('points').split(' ').length"
    )
    assert rates >= 3


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_both_themes_and_a_phone_hold_it(site, page, scheme):
    page.emulate_media(color_scheme=scheme)
    for path, name in (("/memcached", "memcached"), (PAGE + "?to=12&step=3", "memcached-cluster")):
        page.set_viewport_size({"width": 390, "height": 844})
        page.goto(site[1] + path)
        page.wait_for_selector("text=sessions")
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        shoot(page, f"{name}-{scheme}-phone")
        page.set_viewport_size({"width": 1360, "height": 900})
        shoot(page, f"{name}-{scheme}")
