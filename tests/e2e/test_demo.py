"""`make demo` as a user sees it: a living console soon after the start, and nothing left running after Ctrl-C."""

import json
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
import urllib.request
from collections import Counter
from pathlib import Path

import pytest

from tests.deploy.proving import statements_of
from tests.examples import sample
from windlass.cli.commands.demo import private_files
from windlass.deploy.policy import PolicyIdentity
from windlass.deploy.policy_check import check
from windlass.inventory.config import InventoryConfig
from windlass.inventory.model import Query
from windlass.inventory.service import Inventory
from windlass.settings import load
from windlass.store.config import StoreConfig
from windlass.store.database import open_store

ROOT = Path(__file__).parents[2]
ENV = {"PATH": os.environ["PATH"], "AWS_EC2_METADATA_DISABLED": "true", "PYTHONUNBUFFERED": "1"}


def get(url):
    with urllib.request.urlopen(url, timeout=20) as answer:
        return json.load(answer)


@pytest.mark.timeout(300)
def test_the_demo_lives_changes_and_leaves_nothing_behind(tmp_path, least_privilege):
    command = [sys.executable, "-m", "windlass", "demo", "--port", "0"]
    env = ENV | {
        "XDG_CACHE_HOME": os.environ["XDG_CACHE_HOME"],
        "HOME": str(tmp_path),
        "WINDLASS_LOCAL_CHANGES_PER_MINUTE": "240",
    }
    with (tmp_path / "err").open("w") as errors:
        demo = subprocess.Popen(command, cwd=tmp_path, env=env, stdout=subprocess.PIPE, stderr=errors, text=True)
        try:
            said = ""
            while "Ctrl-C" not in said:
                line = demo.stdout.readline()
                assert line, (tmp_path / "err").read_text()
                said += line
            url = re.search(r"console\s+(http://\S+)", said)[1]
            stats = get(f"{url}/v1/stats")
            assert stats["resources"] > 800
            assert len(stats["by_account"]) == 3
            assert len(stats["by_region"]) == 5  # four and the global ones
            assert stats["by_type"]["s3.bucket"] >= 60
            deadline = time.monotonic() + 90
            while all(change["simulated"] for change in get(f"{url}/v1/changes?kind=updated")["items"]):
                assert time.monotonic() < deadline, "the simulated changes should have changed something by now"
                time.sleep(1)
            shown = subprocess.run(
                [
                    sys.executable,
                    "-m",
                    "windlass",
                    "-c",
                    ".windlass/demo/windlass.toml",
                    "inventory",
                    "list",
                    "s3.bucket",
                    "-o",
                    "json",
                ],
                cwd=tmp_path,
                env=env,
                capture_output=True,
                text=True,
                timeout=60,
                check=True,
            )
            assert len(json.loads(shown.stdout)) >= 60
            settings = load(config=".windlass/demo/windlass.toml", environ={}, cwd=tmp_path).settings
            aws = settings.estate.endpoint_url
            made = get(f"{aws}/_windlass/calls")["calls"]
            policy = statements_of(settings, "inventory", PolicyIdentity.WORKER)
            collected = [entry for entry in made if "windlass/" in entry["user_agent"]]
            unused = {action for _, action in check(collected, policy).unused}
            assert unused == set()  # the demo's estate has something of every type that it collects
            kept = [tmp_path / ".windlass", *(tmp_path / ".windlass").rglob("*")]
            assert {"windlass.toml", "windlass.db", "windlass.db-wal", "aws.log", "consume.log"} <= {
                each.name for each in kept
            }
            assert [str(each) for each in kept if each.stat().st_mode & 0o077] == []  # nobody else reads the estate
            least_privilege.watch(aws)
            least_privilege.check()
            _pictures(url)
        finally:
            demo.send_signal(signal.SIGINT)
            code = demo.wait(60)
            demo.stdout.close()
    assert code == 0, (tmp_path / "err").read_text()
    assert "nothing is left running" in (tmp_path / "err").read_text()
    left = subprocess.run(["pgrep", "-f", str(tmp_path)], capture_output=True, text=True, check=False).stdout.split()
    assert left == []
    with pytest.raises(OSError):
        get(f"{url}/healthz")
    _search_finds_every_name(tmp_path)


def _search_finds_every_name(folder):
    """A resource's name finds it at rank 1 to 3 among those of the same name, and nothing else comes before these.

    `make test-all` searches every name, `make test` a share of them.
    """
    with open_store(StoreConfig(url=f"sqlite:///{folder}/.windlass/demo/windlass.db")) as store:
        inventory = Inventory(store, lambda: None, InventoryConfig())
        names = Counter(each.name.lower() for each in inventory.walk(Query()))
        assert len(names) > 400
        missed = []
        for name, equals in sample(names.items()):
            found = [each.name.lower() for each in inventory.search(f'"{name}"', limit=equals + 2)]
            if found[:1] != [name] or found.count(name) < equals:
                missed.append((name, equals, found[:3]))
        assert missed == []


def test_what_the_demo_makes_is_its_owners_alone_from_birth(tmp_path):
    """Its own files, SQLite's, and those of the processes that it starts."""
    before = os.umask(0o022)
    try:
        with private_files():
            (tmp_path / "folder").mkdir()
            (tmp_path / "folder/config").write_text("secret")
            database = sqlite3.connect(tmp_path / "folder/db")
            database.execute("pragma journal_mode=wal")
            database.execute("create table t (x)")
            database.commit()
            made = "open('folder/log', 'w').close()"
            subprocess.run([sys.executable, "-c", made], cwd=tmp_path, check=True)
            kept = {each.name: each.stat().st_mode & 0o777 for each in tmp_path.rglob("*")}
            database.close()
        assert kept == {"folder": 0o700, **dict.fromkeys(("config", "db", "db-wal", "db-shm", "log"), 0o600)}
        assert os.umask(0o022) == 0o022
    finally:
        os.umask(before)


def _pictures(url):
    """The pictures of the docs come from here: `DOCS_IMAGES=1 pytest tests/e2e/test_demo.py`."""
    if not os.environ.get("DOCS_IMAGES") or not shutil.which("chromium"):
        return
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        args = [
            "--no-sandbox",
            "--disable-gpu",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
        ]
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=args)
        page = browser.new_page(viewport={"width": 1280, "height": 880}, color_scheme="light")
        for name, path in (("overview", "/"), ("resource", "/inventory/resource?ref=harbour-prod-web-storefront-us")):
            page.goto(url + path)
            page.screenshot(path=ROOT / "docs" / "images" / f"{name}.png")
        browser.close()
