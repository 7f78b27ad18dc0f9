"""Replication to and from a service that nobody here wrote: `rclone serve s3 --auth-key`, which verifies every signature.

What it does and doesn't: see large.py. It ignores conditions, gives no parts, keeps no tags, and is a file system: keys that no
path can be are not given to it.
"""

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import boto3
import pytest

from tests.interop.large import _embedded
from tests.interop.servers import KEY, ODD, SECRET, s3_server

pytestmark = pytest.mark.interop
ACCOUNT, REGION = "111111111111", "us-east-1"
MIB = 1 << 20
BUCKETS = ("photos", "back", "copy", "large", "killed")


class Place:
    """Both servers, `windlass.toml`, and the command line over them; one bucket of AWS's, `ours`."""

    def __init__(self, folder, aws_url, url):
        self.folder, self.data = folder, folder / "data"
        keys = {"aws_access_key_id": ACCOUNT, "aws_secret_access_key": "windlass-local", "region_name": REGION}
        self.aws = boto3.client("s3", endpoint_url=aws_url, **keys)
        (folder / "windlass.toml").write_text(
            f'[store]\nurl = "sqlite:///w.db"\n[estate]\nendpoint_url = "{aws_url}"\nregions = ["{REGION}"]\n'
            f'accounts = [{{ id = "{ACCOUNT}" }}]\n[replication]\npoll_s = 0.1\n'
            f'[[service]]\nname = "box"\nendpoint_url = "{url}"\n'
        )
        self.env = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "WINDLASS_"))}
        self.env |= {"BOX_ACCESS_KEY_ID": KEY, "BOX_SECRET_ACCESS_KEY": SECRET, "NO_PROXY": "127.0.0.1"}

    def command(self, *words):
        return [sys.executable, "-m", "windlass", "replicate", *words]

    def __call__(self, *words, code=0, **env):
        done = subprocess.run(
            self.command(*words),
            cwd=self.folder,
            env=self.env | env,
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )
        assert done.returncode == code, done.stdout + done.stderr
        assert "Traceback" not in done.stderr
        assert SECRET not in done.stdout + done.stderr
        return done

    def bucket(self, name):
        self.aws.create_bucket(Bucket=name)
        return name

    def objects(self, name):
        pages = self.aws.get_paginator("list_objects_v2").paginate(Bucket=name)
        return {entry["Key"]: (entry["Size"], entry["ETag"]) for page in pages for entry in page.get("Contents", [])}

    def body(self, name, key):
        return self.aws.get_object(Bucket=name, Key=key)["Body"].read()


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    folder = tmp_path_factory.mktemp("elsewhere")
    # The server remembers what is in a folder: the buckets are there before it.
    server = s3_server("rclone", folder, key=KEY, secret=SECRET, buckets=BUCKETS)
    with server as url, _embedded() as aws_url:
        yield Place(folder, aws_url, url)


def files(folder):
    return {str(entry.relative_to(folder)): entry.read_bytes() for entry in Path(folder).rglob("*") if entry.is_file()}


def test_odd_keys_and_large_objects_there_and_back_and_within(place):
    odd = [key for key in ODD if not key.startswith("..")]
    bodies = {key: key.encode() * 3 for key in odd} | {"large": os.urandom(20 * MIB), "empty": b""}
    for key, body in bodies.items():
        file = place.data / "photos" / key
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(body)
    ours = place.bucket("ours-photos")
    total = len(bodies)
    assert f"Total: {total}, Success: {total}, Failed 0" in place("seed", "box:photos", ours).stdout
    assert {key: place.body(ours, key) for key in place.objects(ours)} == bodies
    place("verify", "box:photos", ours, "--sample", "5")
    # An object in parts, and what belongs to it, the other way.
    upload = place.aws.create_multipart_upload(Bucket=ours, Key="parts", ContentType="text/x", Metadata={"k": "v"})[
        "UploadId"
    ]
    parts, pieces = [], [os.urandom(6 * MIB), os.urandom(5 * MIB), b"end"]
    for number, piece in enumerate(pieces, 1):
        etag = place.aws.upload_part(Bucket=ours, Key="parts", UploadId=upload, PartNumber=number, Body=piece)["ETag"]
        parts.append({"PartNumber": number, "ETag": etag})
    place.aws.complete_multipart_upload(Bucket=ours, Key="parts", UploadId=upload, MultipartUpload={"Parts": parts})
    bodies["parts"] = b"".join(pieces)
    place("seed", ours, "box:back")
    assert files(place.data / "back") == bodies
    place("verify", ours, "box:back")
    # Both sides there: it copies by itself.
    assert f"Success: {total}" in place("seed", "box:photos", "box:copy").stdout
    assert files(place.data / "copy") == {key: body for key, body in bodies.items() if key != "parts"}
    assert (
        "has everything already" in place("status", "box:copy").stdout
        or "Total: 0" in place("seed", "box:photos", "box:copy").stdout
    )


def test_wrong_and_missing_keys_and_what_it_can_not_do_are_one_error(place):
    ours = place.bucket("ours-refused")
    done = place("seed", "box:photos", ours, code=253, BOX_SECRET_ACCESS_KEY="wrong")
    assert "does not accept these keys" in done.stderr
    assert "BOX_SECRET_ACCESS_KEY" in done.stderr
    assert (
        "does not accept these keys" in place("seed", "box:photos", ours, code=253, BOX_ACCESS_KEY_ID="nobody").stderr
    )
    assert "BOX_ACCESS_KEY_ID is not set" in place("plan", "box:photos", ours, code=253, BOX_ACCESS_KEY_ID="").stderr
    assert "the bucket does not exist" in place("seed", ours, "box:nothing", code=254).stderr
    place.aws.put_object(Bucket=ours, Key="k", Body=b"x")
    assert (
        "can't be shared"
        in place("seed", ours, "box:back", "--distributed", code=1).stdout + place("report", ours, code=1).stderr
    )
    assert list(place.objects(ours)) == ["k"]


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_killed_again_and_again_nothing_is_lost_and_it_goes_on(place):
    for at in range(1500):
        (place.data / "killed" / f"{at:05}").write_bytes(b"%05d" % at * 200)
    (place.data / "killed" / "large").write_bytes(os.urandom(64 * MIB))
    ours = place.bucket("ours-killed")
    kills = 0
    words = ("seed", "box:killed", ours, "-q")
    while True:
        running = subprocess.Popen(
            place.command(*words), cwd=place.folder, env=place.env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        before, deadline = len(place.objects(ours)), time.monotonic() + 120
        while running.poll() is None and len(place.objects(ours)) < before + 100 and time.monotonic() < deadline:
            time.sleep(0.02)
        if running.poll() is not None:
            assert running.returncode == 0
            break
        running.send_signal(signal.SIGKILL)
        running.wait()
        kills += 1
        assert kills < 20
        words = ("resume", place_id(place))
    assert kills >= 2, "it was never killed: the test shows nothing"
    place("verify", "box:killed", ours)
    assert {key: place.body(ours, key) for key in place.objects(ours)} == files(place.data / "killed")


def place_id(place):
    import json

    (newest, *_) = json.loads(place("status", "ours-killed", "-o", "json").stdout)
    return newest["job_id"]


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_memory_does_not_grow_with_an_objects_size(place):
    """One put of 512 MiB, and an object in parts of 64 MiB, in less than a quarter of one of them."""
    with (place.data / "large" / "large").open("wb") as file:
        block = os.urandom(16 * MIB)
        for _ in range(32):
            file.write(block)
    ours = place.bucket("ours-large")
    peak = measured(place, "seed", "box:large", ours, "--no-verify", "-q")
    assert place.objects(ours)["large"][0] == 512 * MIB
    assert peak < 200, peak


def measured(place, *words):
    """The peak memory of a command, in MiB."""
    running = subprocess.Popen(place.command(*words), cwd=place.folder, env=place.env)
    peak = 0.0
    while running.poll() is None:
        with contextlib.suppress(OSError, StopIteration):
            line = next(
                splitline
                for splitline in Path(f"/proc/{running.pid}/status").read_text().splitlines()
                if splitline.startswith("VmHWM")
            )
            peak = max(peak, int(line.split()[1]) / 1024)
        time.sleep(0.05)
    assert running.returncode == 0
    return peak
