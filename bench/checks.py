"""All checks over 100,000 resources: the first run judges everything, the next ones only what changed. The goal is 5 s."""

import argparse
import json
import random
import tempfile
import time
from collections import defaultdict
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import insert, text
from tests.checks.examples import EXAMPLES

from bench.report import report
from windlass.checks.catalog_files import shipped_checks
from windlass.checks.config import ChecksConfig
from windlass.checks.service import Checks
from windlass.core.canonical import canonical_json
from windlass.core.clock import format_time
from windlass.inventory.tables import account_state, resource, revision, scope
from windlass.store.config import StoreConfig
from windlass.store.database import open_store

NOW = datetime(2026, 11, 1, tzinfo=UTC)
GOAL_S = 5.0
ACCOUNTS = [f"{number:012}" for number in range(111111111111, 111111111111 + 8)]
REGIONS = ("eu-west-1", "eu-central-1", "us-east-1", "us-west-2")
# How many resources an estate has of a type, beside 1 for any other: as in the estates that we know.
WEIGHTS = {
    "ec2.network-interface": 12,
    "ec2.security-group": 10,
    "ec2.snapshot": 10,
    "ec2.volume": 10,
    "ec2.instance": 8,
    "iam.role": 8,
    "lambda.function": 8,
    "logs.group": 8,
    "s3.bucket": 8,
    "cloudwatch.alarm": 6,
    "sqs.queue": 5,
    "sns.topic": 4,
    "ecr.repository": 3,
}
FAILING = 0.1  # of the documents are taken from the bad examples of a check
PADDING = {f"Member{number}": {"Id": f"value-{number}", "Enabled": bool(number % 2)} for number in range(14)}
"""Members that no check reads: documents of about 1 KB, as AWS's are."""


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--resources", type=int, default=100_000)
    parser.add_argument("--url", default="")
    arguments, _ = parser.parse_known_args()
    with tempfile.TemporaryDirectory() as folder:
        url = arguments.url or f"sqlite:///{folder}/checks.db"
        with open_store(StoreConfig(url=url)) as store:
            build(store, arguments.resources)
            rows = [("run", "judged", "findings", "wall s", "CPU s", "goal s"), *runs(store, Path(folder))]
    report("checks", rows, resources=arguments.resources, checks=len(shipped_checks()))


def runs(store, folder):
    """Yield a row for each run: all new, nothing new, one percent changed."""
    service = Checks(store, ChecksConfig(), folder, now=lambda: NOW)
    for title, prepare in (("all new", nothing), ("nothing changed", nothing), ("1 % changed", change_one_percent)):
        prepare(store)
        started_s, started_cpu_s = time.perf_counter(), time.process_time()
        summary = service.run()
        wall_s, cpu_s = time.perf_counter() - started_s, time.process_time() - started_cpu_s
        findings = sum(summary.counts.values())
        yield title, f"{summary.judged:,}", f"{findings:,}", f"{wall_s:.1f}", f"{cpu_s:.1f}", f"{GOAL_S:g}"


def nothing(_):
    """Change nothing."""


def change_one_percent(store):
    """Give every hundredth resource a new revision."""
    with store.write() as connection:
        connection.execute(text("UPDATE resource SET revision_id = revision_id + 10000000 WHERE id % 100 = 0"))
        connection.execute(
            text(
                "INSERT INTO revision (revision_id, resource_row_id, change, valid_from, patch, name, run_id, actor, event_id,"
                " group_id) SELECT revision_id, id, 'updated', changed_at, '[]', name, 'r', '', '', 0 FROM resource"
                " WHERE id % 100 = 0"
            )
        )


def build(store, number):
    """Write resources of every type that a check judges, in the proportions of `WEIGHTS`."""
    rng = random.Random(7)
    by_type = defaultdict(list)
    for check in shipped_checks():
        by_type[check.type].append(EXAMPLES[check.id])
    types = sorted(by_type)
    chosen = rng.choices(types, [WEIGHTS.get(kind, 1) for kind in types], k=number)
    when = format_time(NOW)
    with store.write() as connection:
        scopes = {
            (account, region, kind) for account in ACCOUNTS for region in (*REGIONS, "aws-global") for kind in types
        }
        connection.execute(insert(scope), [scope_row(*key, when) for key in sorted(scopes)])
        connection.execute(insert(account_state), [account_row(account, when) for account in ACCOUNTS])
        for start in range(0, number, 5000):
            ids = range(start + 1, min(start + 5000, number) + 1)
            rows = [resource_row(rng, row_id, chosen[row_id - 1], by_type, when) for row_id in ids]
            connection.execute(insert(resource), rows)
            connection.execute(insert(revision), [revision_row(row, when) for row in rows])


def resource_row(rng, row_id, kind, by_type, when):
    document = dict(PADDING)
    for good, bad in by_type[kind]:
        document |= rng.choice(bad if rng.random() < FAILING else good)
    account, region = rng.choice(ACCOUNTS), rng.choice(REGIONS)
    tags = {"team": rng.choice(("web", "data", "platform", "payments"))} if rng.random() < 0.7 else {}
    arn = f"arn:aws:{kind.split('.')[0]}:{region}:{account}:{kind.split('.')[1]}/{row_id}"
    return {
        "id": row_id,
        "key": arn,
        "type": kind,
        "account_id": account,
        "scope_region": region,
        "region": region,
        "resource_id": str(row_id),
        "arn": arn,
        "name": f"{kind}-{row_id}",
        "tags": canonical_json(tags),
        "document": json.dumps(document | {"Tags": tags}, separators=(",", ":"), sort_keys=True, default=str),
        "digest": "",
        "measures": "{}",
        "revision_id": row_id,
        "revisions": 1,
        "first_seen_at": when,
        "changed_at": when,
        "group_id": 0,
    }


def revision_row(row, when):
    return {
        "revision_id": row["id"],
        "resource_row_id": row["id"],
        "change": "created",
        "valid_from": when,
        "patch": "[]",
        "keyframe": row["document"],
        "name": row["name"],
        "run_id": "r",
        "actor": "",
        "event_id": "",
        "group_id": 0,
    }


def scope_row(account, region, kind, when):
    return {
        "account_id": account,
        "region": region,
        "type": kind,
        "state": "ok",
        "error_code": "",
        "error": "",
        "resources": 0,
        "calls": 1,
        "duration_s": 0.1,
        "scanned_at": when,
        "details_unknown": 0,
        "last_good_at": when,
        "run_id": "r",
        "state_since": when,
    }


def account_row(account, when):
    return {
        "account_id": account,
        "state": "ok",
        "state_since": when,
        "arn": f"arn:aws:iam::{account}:role/reader",
        "error_code": "",
        "error": "",
        "regions": json.dumps(REGIONS),
        "regions_source": "configuration",
        "regions_note": "",
        "regions_known": "[]",
        "checked_at": when,
    }


if __name__ == "__main__":
    main()
