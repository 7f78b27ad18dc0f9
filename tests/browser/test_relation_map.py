"""The relations as a map: one step by default, more on request, as links, with and without scripts."""

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


@pytest.mark.parametrize("scripts", [True, False])
def test_the_map_goes_further_by_links_and_its_nodes_lead_on(chromium, site, scripts):
    context = chromium.new_context(java_script_enabled=scripts, reduced_motion="reduce")
    page = context.new_page()
    asked, amiss = [], []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: amiss.append(message.text) if message.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: amiss.append(str(error)))
    page.goto(site + PAGE)
    assert page.locator("#relations svg.relations").is_visible()
    page.get_by_role("link", name="3 steps").click()
    page.wait_for_url("**map=3**")
    near = page.locator("#relations svg.map a")
    assert near.count() == 2  # the bucket and the queue that it notifies
    assert page.locator("#relations table", has_text="pay-0").count() == 1
    other = near.filter(has_not_text="harbour-prod-assets").first
    other.focus()
    page.keyboard.press("Enter")
    page.wait_for_url(lambda url: "map=" not in url)
    assert page.locator("h1").inner_text() != "harbour-prod-assets"
    assert all(url.startswith((site, "data:")) for url in asked)
    context.close()
    assert amiss == []


def test_an_unknown_distance_is_an_error_with_the_known_ones(chromium, site):
    page = chromium.new_page()
    answer = page.goto(site + PAGE + "&map=9")
    assert answer.status == 400
    page.close()
