"""Every end-to-end test is a test of `windlass policy`, too: what Windlass called is compared with what it would be allowed."""

import json
import time
import urllib.request

import pytest

from windlass.deploy.policies import CAPABILITIES
from windlass.deploy.policy import facts_of
from windlass.deploy.policy_check import check
from windlass.settings import load

OWN = {
    "test_aggregate": {
        "s3:ListBucket"
    },  # the test's own action lists the bucket: what a user's code calls is theirs to allow
}


@pytest.fixture(autouse=True)
def least_privilege(request, tmp_path):
    """After the test: no call that the policies of its windlass.toml, all together, would refuse."""
    if "aws" not in request.fixturenames:
        yield
        return
    aws = request.getfixturevalue("aws")
    url, began = getattr(aws, "url", aws), time.time()
    # Functions of other tests' accounts may still be at work in this process: only this test's account counts, if it has one.
    world = request.getfixturevalue("world") if "world" in request.fixturenames else None
    account = getattr(world, "account", "")
    yield
    if not (tmp_path / "windlass.toml").is_file():
        return
    statements = []
    for file in tmp_path.glob("windlass*.toml"):  # a function's own configuration lies beside
        settings = load(config=file.name, environ={}, cwd=tmp_path).settings
        for capability in CAPABILITIES:
            for use in capability.uses:
                statements += capability.statements(settings, facts_of(settings), use)
    with urllib.request.urlopen(f"{url}/_windlass/calls", timeout=30) as answer:
        made = [one for one in json.load(answer)["calls"] if one["at"] >= began and "windlass/" in one["user_agent"]]
    made = [one for one in made if not account or one["account_id"] == account]
    own = OWN.get(request.module.__name__.rpartition(".")[2], set())
    missing = [one for one in check(made, statements).missing if one.action not in own]
    assert not missing, f"called, but not allowed by `windlass policy`: {missing[:20]}"
