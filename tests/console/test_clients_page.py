"""The page of clients: empty before a scan, then each client with its owner; nothing from a log can inject markup."""

import httpx
import pytest

from tests.clients.logs import HADOOP, file_bytes, log_path, record, write
from tests.console.site import opened_app, served
from windlass.clients.service import ScanOptions

HTML = {"accept": "text/html"}


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    folder = tmp_path_factory.mktemp("clients")
    with opened_app(folder) as app, served(app) as url, httpx.Client(base_url=url, timeout=20) as client:
        client.app, client.folder = app, folder
        yield client


def test_the_page_tells_how_to_begin_then_who_it_is(site):
    assert "windlass clients trail enable" in site.get("/clients", headers=HTML).text
    attack = record(agent="<script>alert(3)</script>", bucket='"><script>alert(4)</script>')
    records = [record(), record(), record(agent=HADOOP, signature="SigV4"), attack]
    write(log_path(site.folder / "logs", 1), file_bytes(records))
    log_path(site.folder / "logs", 2).write_bytes(b"broken")
    site.app.clients.scan(ScanOptions(source=str(site.folder / "logs"), workers=1))
    page = site.get("/clients", headers=HTML)
    assert page.status_code == 200
    for text in (
        "AWS SDK for JavaScript 2.2.35",
        "AWS SDK for JavaScript 3",
        "not JSON",
        "role/reports",
        'class="chart uses"',
    ):
        assert text in page.text
    assert "<script>alert" not in page.text
    assert " style=" not in page.text
    twin = site.get("/clients.json").json()
    assert (twin["findings"], twin["old"], twin["requests"]) == (3, 3, 4)
    narrowed = site.get("/clients.json", params={"rule": "sdk"}).json()
    assert {item["sdk"] for item in narrowed["items"]} == {"AWS SDK for JavaScript", "AWS SDK for Java"}
    misspelt = site.get("/clients", params={"rule": "sigv3"}, headers=HTML)
    assert misspelt.status_code == 400
    assert "Did you mean &#39;sigv2&#39;?" in misspelt.text
