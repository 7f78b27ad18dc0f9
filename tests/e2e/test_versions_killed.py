"""kill -9 in the middle of direct seeds of versions, again and again: every history whole, in order, and nothing twice."""

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


def filled(aws, place, keys, draw):
    """Histories of one to five versions, some of the same content in a row, some deleted and back."""
    from moto.s3.models import s3_backends

    backend = s3_backends[aws.account]["aws"]
    for key in keys:
        for _ in range(draw.choice((1, 1, 2, 3, 5))):
            if draw.random() < 0.15:
                backend.delete_object(place.bucket, key)
            else:
                backend.put_object(place.bucket, key, draw.choice((b"a", b"bb", b"ccc", draw.randbytes(4))))


def killed(server, tmp_path, *, objects, kills, rate, draw):
    aws = Aws(server.url, f"{uuid.uuid4().int % 10**12:012}")
    pair = aws.pair(versioned=True)
    keys = sorted({f"{draw.randrange(10):02}/{draw.getrandbits(64):016x}" for _ in range(objects)})
    filled(aws, pair.source, keys, draw)
    said = f'[[replicate]]\nname = "killed"\nmethod = "direct"\npairs = [["{pair.source.bucket}", "{pair.destination.bucket}"]]\n'
    (tmp_path / "windlass-policy.toml").write_text(said, "utf-8")
    wanted = aws.histories(pair.source)
    versions = sum(map(len, wanted.values()))
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
        "versions",
    ]
    done, survived, under_way = "", 0, 0
    while not done:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        if survived < kills:
            process.stdout.readline() if draw.random() < 0.8 else None
            time.sleep(draw.uniform(0.0, versions / rate / kills))
            process.send_signal(signal.SIGKILL)
        out = process.communicate()[0]
        done = next((line for line in out.splitlines() if line.startswith("done")), "")
        survived += not done
        there = sum(map(len, aws.histories(pair.destination).values()))
        under_way += not done and 0 < there < versions
    assert aws.histories(pair.destination) == wanted, "something is missing, out of order, or twice"
    aws.close()
    return {"kills": survived, "in the midst": under_way, "versions": versions, "said": done}


def test_a_seed_of_versions_that_is_killed_goes_on(server, tmp_path):
    found = killed(server, tmp_path, objects=250, kills=2, rate=300, draw=random.Random(1))
    assert found["kills"] == 2, found
    assert found["in the midst"] >= 1, found
    assert found["said"].split()[1:5] == [str(found["versions"])] * 2 + ["0", "0"], found


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_thirty_thousand_versions_killed_at_forty_points(server, tmp_path):
    found = killed(server, tmp_path, objects=13_000, kills=40, rate=1200, draw=random.Random(2))
    print(json.dumps(found))
    assert found["in the midst"] >= 20, found
    total, copied, failed, skipped = map(int, found["said"].split()[1:5])
    # A kill may come after all is done and before it is said: then there is nothing to do.
    assert (total, copied, failed) == (found["versions"],) * 2 + (0,) or (total, copied, skipped) == (
        0,
        0,
        found["versions"],
    )
    assert failed == 0
