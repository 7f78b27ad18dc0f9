"""One direct seed of the engine in a process of its own, to be killed: `python -m tests.e2e.seeding URL ACCOUNT SOURCE TARGET HOME RATE [versions]`."""

import sys
import threading
from pathlib import Path

from tests.replication.direct.local import Aws, copy_pair
from windlass.replication.direct.run import SeedLimits
from windlass.replication.model import BucketRef, Pair

if __name__ == "__main__":
    url, account, source, target, home, rate, *more = sys.argv[1:]
    aws = Aws(url, account)
    pair = Pair(
        source=BucketRef(bucket=source, account_id=account, region="us-east-1"),
        destination=BucketRef(bucket=target, account_id=account, region="eu-west-1"),
    )
    engine = aws.engine(Path(home), limits=SeedLimits(start_per_s=float(rate), most_per_s=float(rate)))
    moved = copy_pair(
        engine,
        pair,
        seed_id="killed",
        versions="versions" in more,
        stop=threading.Event(),
        on_progress=lambda now: print(now.copied, now.total, flush=True),
    )
    print("done", moved.total, moved.copied, moved.failed, moved.skipped, flush=True)
