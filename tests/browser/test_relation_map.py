"""The relations as a map: the chart library comes only when it is asked for, from our own address, and leads on."""

import shutil

import pytest

from tests.browser.test_access import ARGS
from tests.console.site import opened_app, served

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(
        shutil.which("chromium") is None, reason="no chromium on the PATH (Debian: apt-get install chromium)"
    ),
]
LIBRARY = "/static/vendor/echarts.min.js"
PAGE = "/inventory/resource?ref=harbour-prod-assets"


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    with opened_app(tmp_path_factory.mktemp("map")) as app, served(app) as url:
        yield url


@pytest.fixture(scope="module")
def chromium():
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=ARGS)
        yield browser
        browser.close()


def test_the_map_is_drawn_on_request_and_keeps_the_list(chromium, site):
    page = chromium.new_page(reduced_motion="reduce")
    asked, amiss = [], []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: amiss.append(message.text) if message.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: amiss.append(str(error)))
    page.goto(site + PAGE)
    assert page.locator("relation-map svg").is_visible()
    assert not [url for url in asked if url.endswith(LIBRARY)]
    page.get_by_role("button", name="Explore as a map").click()
    page.wait_for_selector("relation-map canvas")
    assert [url for url in asked if url.endswith(LIBRARY)] == [site + LIBRARY]
    assert all(url.startswith((site, "data:")) for url in asked)
    assert page.locator("#relations table", has_text="pay-0").count() == 1
    page.close()
    assert amiss == []


def test_a_failure_is_said_and_can_be_tried_again(chromium, site):
    page = chromium.new_page()
    page.route("**/v1/resource/graph*", lambda route: route.fulfill(status=503, json={"detail": "the store is busy"}))
    page.goto(site + PAGE)
    page.get_by_role("button", name="Explore as a map").click()
    page.get_by_role("button", name="the store is busy: try again").wait_for()
    assert page.locator("relation-map svg").is_visible()
    page.unroute("**/v1/resource/graph*")
    page.get_by_role("button", name="try again").click()
    page.wait_for_selector("relation-map canvas")
    page.close()


def test_without_scripts_the_drawing_and_the_list_are_there(chromium, site):
    context = chromium.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(site + PAGE)
    assert page.locator("relation-map svg a").count() >= 1
    assert page.locator("relation-map button").count() == 0
    context.close()
