"""The console in a real browser: every page in light, dark and at phone width, the main actions clicked, nothing amiss."""

import shutil
from pathlib import Path

import pytest

from tests.console.site import opened_app, served

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(
        shutil.which("chromium") is None, reason="no chromium on the PATH (Debian: apt-get install chromium)"
    ),
]
ROOT = Path(__file__).parents[2]
SHOTS = ROOT / "var" / "screenshots"
PAGES = {
    "overview": "/",
    "inventory": "/inventory",
    "changes": "/changes",
    "accounts": "/accounts",
    "replication": "/replication",
    "jobs": "/jobs",
    "patterns": "/patterns",
    "resource": "/inventory/resource?ref=harbour-prod-lake",
    "api": "/docs",
}
ARGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    with opened_app(tmp_path_factory.mktemp("browser")) as app, served(app) as url:
        yield app, url


@pytest.fixture(scope="module")
def chromium():
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=ARGS)
        yield browser
        browser.close()


@pytest.fixture
def open_page(chromium, site):
    """A page whose console errors and foreign requests fail the test."""
    contexts, amiss = [], []

    def open_(path="/", **options):
        context = chromium.new_context(**({"viewport": {"width": 1360, "height": 900}} | options))
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: amiss.append(message.text) if message.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: amiss.append(str(error)))
        page.on(
            "request",
            lambda request: amiss.append(request.url) if not request.url.startswith((site[1], "data:")) else None,
        )
        page.goto(site[1] + path)
        return page

    yield open_
    for context in contexts:
        context.close()
    assert amiss == []


def shoot(page, name):
    SHOTS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=SHOTS / f"{name}.png", full_page=True)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", PAGES)
def test_every_page_renders(open_page, name, scheme):
    page = open_page(PAGES[name], color_scheme=scheme)
    assert page.locator("h1").first.is_visible()
    assert page.locator("nav.rail a[aria-current]").count() <= 1
    shoot(page, f"{name}-{scheme}")


@pytest.mark.parametrize("name", PAGES)
def test_nothing_sticks_out_at_phone_width(open_page, name):
    page = open_page(PAGES[name], viewport={"width": 390, "height": 844})
    shoot(page, f"{name}-phone")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_slash_searches_and_a_facet_narrows(open_page):
    page = open_page("/inventory")
    page.keyboard.press("/")
    page.keyboard.type("pay")
    page.keyboard.press("Enter")
    page.wait_for_url("**/inventory?q=pay")
    assert page.locator("table.rows tbody tr").count() == 16
    page.click("aside.facets >> text=harbour-data")
    assert page.locator("table.rows tbody tr").count() == 8
    page.locator("table.rows tbody a").first.click()
    assert page.locator("h1").inner_text().startswith("pay-")


def test_the_history_slider_goes_back_in_time(open_page):
    page = open_page("/inventory/resource?ref=harbour-prod-lake")
    assert "Enabled" in page.locator("#document").inner_text()
    page.locator("#slider").focus()
    page.keyboard.press("Home")
    page.locator("#document h2", has_text="as of").wait_for()
    assert "Enabled" not in page.locator("#document").inner_text()
    page.keyboard.press("End")
    page.locator("#diff", has_text="Versioning.Status").wait_for()
    shoot(page, "resource-diff")


def test_a_job_is_cancelled_and_the_list_is_live(open_page, site):
    app, _ = site
    page = open_page("/jobs")
    job = app.jobs.create("copy", "copy a great deal")
    page.wait_for_selector("text=copy a great deal", timeout=10_000)
    page.click("text=copy a great deal")
    page.click("button:has-text('Cancel')")
    page.wait_for_selector(".badge.cancelled")
    assert app.jobs.get(job).status == "cancelled"


def test_the_theme_is_remembered_and_the_palette_goes_anywhere(open_page):
    page = open_page("/", color_scheme="light")
    page.click("[data-theme-toggle]")
    page.reload()
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"
    page.keyboard.press("Control+k")
    page.keyboard.type("chan")
    page.keyboard.press("Enter")
    page.wait_for_url("**/changes")


def test_pages_work_without_javascript(open_page):
    page = open_page("/inventory?type=s3.bucket", java_script_enabled=False)
    page.locator("table.rows tbody a").first.click()
    page.locator(".history a").first.click()
    assert "as of" in page.locator("#document h2").inner_text()


def test_an_empty_estate_says_what_to_do(open_page, chromium, tmp_path):
    from windlass.app import App
    from windlass.settings import load

    with (
        App(load(overrides={"store.url": f"sqlite:///{tmp_path}/e.db"}, environ={}, cwd=tmp_path), environ={}) as app,
        served(app) as url,
    ):
        page = chromium.new_page()
        page.goto(url)
        assert "windlass inventory collect" in page.locator("main").inner_text()
        page.close()
