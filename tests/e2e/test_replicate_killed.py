"""kill -9 in the middle of direct seeds, again and again: nothing missing, nothing wrong, nothing listed twice."""

import json
import random
import signal
import subprocess
import sys
import time
import uuid

import pytest

from tests.replication.direct.local import Aws
from windlass_local.server import LocalServer


@pytest.fixture(scope="module")
def server():
    with LocalServer() as running:
        yield running


def killed(server, tmp_path, *, objects, kills, rate, draw):
    aws = Aws(server.url, f"{uuid.uuid4().int % 10**12:012}")
    pair = aws.pair(versioned=True)
    keys = [f"{draw.randrange(40):02}/{draw.getrandbits(64):016x}.json" for _ in range(objects)]
    aws.fill(pair.source.bucket, keys)
    said = f'[[replicate]]\nname = "killed"\nmethod = "direct"\npairs = [["{pair.source.bucket}", "{pair.destination.bucket}"]]\n'
    (tmp_path / "windlass-policy.toml").write_text(said, "utf-8")
    pages = -(-objects // 1000)
    command = [
        sys.executable,
        "-m",
        "tests.e2e.seeding",
        aws.url,
        aws.account,
        pair.source.bucket,
        pair.destination.bucket,
        str(tmp_path / "seeds"),
        str(rate),
    ]
    done, survived, lists, listed = "", 0, 0, False
    while not done:
        aws.forget_calls()
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        if survived < kills:
            # From before it lists to where it copies; each life is long enough to get somewhere.
            process.stdout.readline() if draw.random() < 0.8 else None
            time.sleep(draw.uniform(0.0, objects / rate / kills * 1.5))
            process.send_signal(signal.SIGKILL)
        out = process.communicate()[0]
        done = next((line for line in out.splitlines() if line.startswith("done")), "")
        survived += not done
        asked = len(aws.calls(operation="ListObjectsV2", bucket=pair.source.bucket))
        assert not (listed and asked), "the listing was complete, and it was listed again"
        lists += asked
        records = (tmp_path / "seeds" / "killed" / "plan").read_bytes() if not done else b""
        listed = listed or (bool(records) and records.endswith(b"\x05" + b"\0" * 4 + records[-4:]))
    source, target = aws.listed(pair.source), aws.listed(pair.destination)
    assert source == target, "something is missing or differs"
    found = aws.s3("eu-west-1").get_paginator("list_object_versions").paginate(Bucket=pair.destination.bucket)
    versions = sum(len(page.get("Versions", [])) for page in found)
    aws.close()
    return {"kills": survived, "lists": lists, "pages": pages, "twice": versions - objects, "said": done}


def test_a_seed_that_is_killed_goes_on(server, tmp_path):
    found = killed(server, tmp_path, objects=4000, kills=6, rate=1000, draw=random.Random(1))
    assert found["kills"] >= 3, found
    assert found["said"].split()[1:4] == ["4000", "4000", "0"], found
    # What was under way when it died may be copied once more; what was listed is not listed again.
    assert found["twice"] <= found["kills"] * 60, found
    assert found["lists"] <= found["pages"] + 40 + found["kills"] * 16, found


@pytest.mark.slow
@pytest.mark.timeout(3000)
def test_a_hundred_thousand_objects_killed_at_a_hundred_points(server, tmp_path):
    found = killed(server, tmp_path, objects=100_000, kills=100, rate=1500, draw=random.Random(2))
    print(json.dumps(found))
    assert found["kills"] >= 60, found
    assert found["said"].split()[1:4] == ["100000", "100000", "0"], found
    assert found["twice"] <= found["kills"] * 100, found
