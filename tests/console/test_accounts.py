"""The Accounts page says of each account and scope what could be read, since when, and who named the regions."""

from datetime import timedelta

import httpx
import pytest

from tests.console.site import opened_app, served
from windlass.core import clock
from windlass.core.errors import AccessDenied
from windlass.estate.model import RegionList, RegionSource
from windlass.inventory.accounts import AccountSurvey, save_accounts

HTML = {"accept": "text/html"}
REFUSAL = AccessDenied("account 222222222222: the credentials belong to account 111111111111", code="AccountMismatch")


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    with opened_app(tmp_path_factory.mktemp("site")) as app:
        lists = {
            "111111111111": (RegionList(("eu-west-1",), RegionSource.EC2), None),
            "222222222222": (RegionList(("us-east-1",), RegionSource.DEFAULTS, ("ec2 DescribeRegions: no",)), REFUSAL),
        }
        surveys = [
            AccountSurvey(one, "" if refusal else "arn:me", regions, refusal)
            for one, (regions, refusal) in lists.items()
        ]
        save_accounts(app.store, surveys, now=clock.now() - timedelta(hours=3))
        with served(app) as url, httpx.Client(base_url=url, timeout=20) as client:
            yield client


def test_each_account_shows_the_identity_or_the_reason_of_the_refusal(site):
    data = site.get("/accounts.json").json()
    assert [(entry["account_id"], entry["state"], entry["regions_source"]) for entry in data["surveyed"]] == [
        ("111111111111", "ok", "ec2:DescribeRegions"),
        ("222222222222", "denied", "the partition's default regions"),
    ]
    page = site.get("/accounts", headers=HTML).text
    assert "the credentials belong to account 111111111111" in page
    assert "ec2 DescribeRegions: no" in page


def test_each_scope_in_trouble_says_since_when_and_when_it_was_last_read(site):
    data = site.get("/accounts.json").json()
    assert data["failed"], "the filled store has scopes in trouble"
    assert all(
        entry["state_since"] and "details_unknown" in entry and "last_good_at" in entry for entry in data["failed"]
    )
    unscanned = [entry for entry in data["coverage"] if entry["state"] == "unscanned"]
    assert {entry["region"] for entry in unscanned} >= {"eu-west-1"}, "what was never visited is no blank"
    page = site.get("/accounts", headers=HTML).text
    for heading in ("Services with failures", "Unknown details", "Since", "Last complete"):
        assert heading in page
