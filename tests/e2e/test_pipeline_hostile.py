"""Inputs made to harm, through a real worker: each is kept with a reason, the good ones around them come out, in 256 MB."""

import gzip
import json
import signal
from pathlib import Path

import pytest

from tests.e2e.test_pipeline import BROKEN, World
from tests.pipelines.corpus import tarred, zipped
from windlass_local.server import LocalServer

PIPELINES = {
    "yaml": ('"yaml-to-json"', "{stem}"),
    "csv": ('"csv-to-jsonl"', "{stem}"),
    "unzip": ('"unzip"', "{stem}/{member}"),
    "untar": ('"untar"', "{stem}/{member}"),
    "gunzip": ('"gunzip"', "{stem}"),
    "gz-csv": ('["gunzip", "csv-to-jsonl"]', "{stem}"),
    "gz-jsonl": ('["gunzip", "jsonl-to-csv"]', "{stem}"),
    "gz-lines": ('["gunzip", "line-filter"]', "{stem}"),
    "gz-parquet": ('["gunzip", "csv-to-parquet"]', "{stem}"),
    "line": ('"line-filter"', "{stem}"),
    "parquet": ('"csv-to-parquet"', "{stem}"),
}
GOOD = {
    "yaml": (b"n: 1\n", b'{"n":1}\n'),
    "csv": (b"a\n1\n", b'{"a":"1"}\n'),
    "gunzip": (gzip.compress(b"x"), b"x"),
    "gz-csv": (gzip.compress(b"a\n1\n"), b'{"a":"1"}\n'),
    "line": (b"x\ny\n", b"x\ny\n"),
}
LIMIT_MIB = 256e6 / 2**20


def hostile(line_mib):
    """{key: (content, reason, what the message names)}."""
    zeros = b"\0" * (20 << 20)
    # 10 GB of one line, as members of one stream: 10 MB
    ten_gb = gzip.compress(b"a" * (100 << 20), 9) * 100
    line = b"a" * (line_mib << 20)
    return {
        "yaml/broken": (BROKEN["in/bad.yaml"], "malformed", ""),
        "yaml/latin": (BROKEN["in/latin.yaml"], "not-text", ""),
        "yaml/aliases": (BROKEN["in/bomb.yaml"], "bomb", "max_expanded_bytes"),
        "yaml/deep": (b"[" * 5000, "bomb", "levels"),
        "yaml/cycle": (b"&a [*a]", "unsupported", "contains it"),
        "csv/utf8": (b"a\nx\n\xff\xfe\n", "not-text", "byte"),
        "csv/row": (b'a,b\n"' + b'x\n","' * (3 << 20), "too-large", "fields"),
        "unzip/bomb": (zipped({"a": zeros}), "bomb", "max_ratio"),
        "unzip/up": (zipped({"ok": b"x", "../up": b"x"}), "unsafe-name", "../up"),
        "untar/up": (tarred({"ok": b"x", "/etc/passwd": b"x"}), "unsafe-name", "/etc/passwd"),
        "untar/cut": (tarred({"a": b"x" * 2000})[:900], "truncated", ""),
        "gunzip/cut": (gzip.compress(b"some text" * 1000)[:-20], "truncated", "middle"),
        "gunzip/bomb": (ten_gb, "bomb", "max_ratio"),
        "gz-csv/line": (ten_gb, "too-large", "max_line_bytes"),
        "gz-jsonl/line": (ten_gb, "too-large", "max_line_bytes"),
        "gz-lines/line": (ten_gb, "too-large", "max_line_bytes"),
        "gz-parquet/line": (ten_gb, "too-large", "block_bytes"),
        "line/plain": (line, "too-large", "max_line_bytes"),
        "parquet/plain": (line, "too-large", "block_bytes"),
    }


@pytest.fixture
def world(tmp_path):
    with LocalServer() as server:
        made = World(server, tmp_path)
        yield made
        made.close()


@pytest.mark.timeout(400)
@pytest.mark.parametrize("line_mib", [64, pytest.param(400, marks=pytest.mark.slow)])
def test_what_is_made_to_harm_is_kept_with_a_reason_and_the_queue_moves_on(world, line_mib):
    text = "".join(
        f'[[pipeline]]\nname = "{name}"\nqueue = "raw-events"\nsource = "s3://raw-{world.account}/{name}/"\ntransform = {transform}\n'
        f'target = "s3://uniform-{world.account}/{name}/{target}"\non_error = "s3://uniform-{world.account}/failed/"\nconcurrency = 2\n'  # memory is by object at work
        for name, (transform, target) in PIPELINES.items()
    )
    world.configure(text.replace("{", "{{").replace("}", "}}"))
    bad = hostile(line_mib)
    worker = world.work()
    world.put({f"{name}/before": body for name, (body, _) in GOOD.items()})
    world.put({key: body for key, (body, _, _) in bad.items()})
    world.put({f"{name}/after": body for name, (body, _) in GOOD.items()})
    world.wait(lambda: world.left() == 0, 300)
    status = Path(f"/proc/{worker.pid}/status").read_text().splitlines()
    worker.send_signal(signal.SIGTERM)
    worker.wait(60)

    made = world.contents(world.out)
    reasons = {
        key.removeprefix("failed/").removesuffix(".reason.json"): json.loads(body)
        for key, body in made.items()
        if key.endswith(".reason.json")
    }
    assert {key: one["reason"] for key, one in reasons.items()} == {key: reason for key, (_, reason, _) in bad.items()}
    for key, (body, _, named) in bad.items():
        assert named in reasons[key]["message"] + reasons[key]["hint"]
        assert made[f"failed/{key}"] == body  # nothing is lost
    assert {key: body for key, body in made.items() if not key.startswith("failed/")} == {
        f"{name}/{when}": body for name, (_, body) in GOOD.items() for when in ("before", "after")
    }
    assert world.s3.list_multipart_uploads(Bucket=world.out).get("Uploads", []) == []
    peak = next(int(statu.split()[1]) / 1024 for statu in status if statu.startswith("VmHWM"))
    assert peak <= LIMIT_MIB
