"""Import of AWS Config's history: 2,000 volumes with 5 states each, in 10 files, before what Windlass saw itself; then again."""

import gzip
import json
import resource
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bench.report import report
from windlass.inventory.catalog import CATALOG
from windlass.inventory.events.type_index import TypeIndex
from windlass.inventory.imports.service import HistoryImport
from windlass.store.config import StoreConfig
from windlass.store.database import open_store

ACCOUNT, REGION = "111111111111", "eu-west-1"
VOLUMES, STATES, FILES = 2_000, 5, 10
T0 = datetime(2025, 1, 1, tzinfo=UTC)


def item(volume, state):
    at = T0 + timedelta(days=30 * state, seconds=volume)
    identity = f"vol-{volume:017x}"
    configuration = {"volumeId": identity, "size": 8 + state, "state": "in-use", "attachments": [], "encrypted": True}
    return {
        "awsAccountId": ACCOUNT,
        "awsRegion": REGION,
        "ARN": f"arn:aws:ec2:{REGION}:{ACCOUNT}:volume/{identity}",
        "resourceId": identity,
        "resourceType": "AWS::EC2::Volume",
        "configurationItemCaptureTime": at.isoformat(),
        "configurationItemStatus": "OK",
        "tags": {"team": "data"},
        "configuration": json.dumps(configuration),
    }


def write_files(folder):
    items = [item(volume, state) for state in range(STATES) for volume in range(VOLUMES)]
    size = len(items) // FILES
    for number in range(FILES):
        name = f"{ACCOUNT}_Config_{REGION}_ConfigHistory_AWS::EC2::Volume_2025_{number}.json.gz"
        document = {"fileVersion": "1.0", "configurationItems": items[number * size : (number + 1) * size]}
        (folder / name).write_bytes(gzip.compress(json.dumps(document).encode()))


def main():
    with tempfile.TemporaryDirectory() as folder:
        write_files(Path(folder))
        with open_store(StoreConfig(url=f"sqlite:///{folder}/b.db")) as store:
            importer = HistoryImport(store, TypeIndex.of(CATALOG), lambda: None, lambda: ("", ""))
            started, cpu = time.perf_counter(), time.process_time()
            first = importer.import_config(folder)
            wall_s, cpu_s = time.perf_counter() - started, time.process_time() - cpu
            started = time.perf_counter()
            again = importer.import_config(folder)
            again_s = time.perf_counter() - started
        rows = [
            ("measure", "value"),
            ("items", f"{first.items:,}"),
            ("revisions", f"{first.revisions:,}"),
            ("CPU", f"{cpu_s:.1f} s"),
            ("wall", f"{wall_s:.1f} s"),
            ("items per core and second", f"{first.items / cpu_s:,.0f}"),
            ("again: files skipped, revisions, wall", f"{again.done_before}, {again.revisions}, {again_s:.2f} s"),
            ("peak memory", f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MiB"),
        ]
        report("inventory_import", rows)


if __name__ == "__main__":
    main()
