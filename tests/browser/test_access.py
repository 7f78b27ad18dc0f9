"""What a reader needs whatever the theme: enough contrast, names for what can be used, one heading, a way by keyboard."""

import shutil

import pytest

from tests.console.site import opened_app, served

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(
        shutil.which("chromium") is None, reason="no chromium on the PATH (Debian: apt-get install chromium)"
    ),
]
PAGES = [
    "/",
    "/inventory?type=s3.bucket",
    "/changes",
    "/accounts",
    "/replication",
    "/jobs",
    "/patterns",
    "/docs",
    "/login",
    "/nowhere",
    "/inventory/resource?ref=harbour-prod-lake",
    "/inventory/resource?ref=harbour-prod-assets",
]
ARGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

# Contrast by WCAG 2.2, 1.4.3: 4.5 for text, 3 for large text, on the nearest opaque background. Texts over a drawn
# background (stripes) are left out; the body's own gradient runs from the rail's colour to the ground's.
LOOK = """
() => {
  const pen = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const rgba = (text) => {
    pen.clearRect(0, 0, 1, 1);
    pen.fillStyle = text;
    pen.fillRect(0, 0, 1, 1);
    const [r, g, b, a] = pen.getImageData(0, 0, 1, 1).data;
    return [r, g, b, a / 255];
  };
  const named = (name) => {
    const probe = document.body.appendChild(document.createElement("i"));
    probe.style.color = `var(--${name})`;
    const found = rgba(getComputedStyle(probe).color);
    probe.remove();
    return found;
  };
  const over = (a, b) => [0, 1, 2].map((i) => a[i] * a[3] + b[i] * (1 - a[3])).concat(1);
  const light = (c) => [0.2126, 0.7152, 0.0722].reduce((sum, share, i) => {
    const v = c[i] / 255;
    return sum + share * (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
  }, 0);
  const backdrop = (element) => {
    const layers = [];
    for (let up = element; up; up = up.parentElement) {
      const look = getComputedStyle(up);
      if (up !== document.body && look.backgroundImage !== "none") return null;
      const colour = rgba(look.backgroundColor);
      if (colour[3] > 0) layers.push(colour);
      if (colour[3] === 1) return layers.reverse().reduce((below, above) => over(above, below));
    }
    return layers.reverse().reduce((below, above) => over(above, below), named(element.closest(".rail") ? "rail" : "ground"));
  };
  const amiss = new Set();
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) {
    const element = walk.currentNode.parentElement;
    if (!walk.currentNode.data.trim() || !element.checkVisibility()) continue;
    if (element.closest("svg, dialog:not([open]), .hide, .skip, option, :disabled")) continue;
    const back = backdrop(element);
    if (!back) continue;
    const look = getComputedStyle(element);
    const [bright, dark] = [light(over(rgba(look.color), back)), light(back)].sort((a, b) => b - a);
    const ratio = (bright + 0.05) / (dark + 0.05);
    const size = parseFloat(look.fontSize);
    const large = size >= 24 || (size >= 18.66 && Number(look.fontWeight) >= 700);
    if (ratio < (large ? 3 : 4.5)) amiss.add(`${element.localName}.${element.className} ${ratio.toFixed(2)}`);
  }
  for (const one of document.querySelectorAll("a[href], button, input:not([type=hidden]), select, summary")) {
    if (!one.checkVisibility() || one.closest("dialog:not([open])")) continue;
    const name = one.getAttribute("aria-label") || one.title || one.labels?.[0]?.textContent || one.textContent;
    if (!name.trim()) amiss.add(`no name: ${one.outerHTML.slice(0, 80)}`);
  }
  const ids = [...document.querySelectorAll("[id]")].map((one) => one.id);
  for (const id of ids.filter((one, at) => ids.indexOf(one) !== at)) amiss.add(`twice: #${id}`);
  if (document.querySelectorAll("h1").length !== 1) amiss.add("not one h1");
  return [...amiss];
}
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    with opened_app(tmp_path_factory.mktemp("access")) as app, served(app) as url:
        yield url


@pytest.fixture(scope="module")
def chromium():
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=ARGS)
        yield browser
        browser.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_texts_are_readable_and_controls_have_names(chromium, site, scheme):
    context = chromium.new_context(color_scheme=scheme, viewport={"width": 1360, "height": 900})
    page = context.new_page()
    amiss = {}
    for path in PAGES:
        page.goto(site + path)
        if found := page.evaluate(LOOK):
            amiss[path] = found
    context.close()
    assert amiss == {}


def test_the_first_tab_leads_past_the_rail_and_focus_is_seen(chromium, site):
    page = chromium.new_page()
    page.goto(site)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"
    page.keyboard.press("Tab")
    outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    page.close()
    assert outline == "solid"


def test_who_asks_for_less_motion_gets_no_animation_that_goes_on(chromium, site):
    context = chromium.new_context(reduced_motion="reduce")
    page = context.new_page()
    page.goto(site)
    running = page.evaluate("document.getAnimations().filter((one) => one.playState === 'running').length")
    context.close()
    assert running == 0
