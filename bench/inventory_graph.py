"""Relations at a million resources and three million relations on SQLite: the graph to depth 3, and what would break.

The store is built once, in a folder of the system's temporary directory; `--resources N` makes it smaller.
"""

import argparse
import random
import tempfile
import time
from pathlib import Path

from sqlalchemy import text

from bench.console_estate import insert
from bench.report import report
from windlass.inventory.config import InventoryConfig
from windlass.inventory.service import Inventory
from windlass.store.config import StoreConfig
from windlass.store.database import open_store

TIME = "2026-11-01T00:00:00.000000Z"
BATCH = 20_000
GOAL_MS = 50


def build(store, resources):
    """Write resources that have three relations each: to a hub of a thousand, to a neighbour, and to any other."""
    chance = random.Random(5)
    with store.read() as connection:
        done = connection.execute(text("SELECT coalesce(max(id), 0) FROM resource")).scalar_one()
    for start in range(done + 1, resources + 1, BATCH):
        rows, edges = [], []
        for row_id in range(start, min(start + BATCH, resources + 1)):
            rows.append(resource_row(row_id))
            hub = row_id // 1000 * 1000 + 1
            for kind, target in (
                ("in-vpc", hub),
                ("uses-role", max(1, row_id - chance.randrange(50))),
                ("notifies", chance.randrange(1, row_id + 1)),
            ):
                edges.append(
                    {
                        "source_row_id": row_id,
                        "kind": kind,
                        "target": arn_of(target),
                        "target_type": "",
                        "valid_from": TIME,
                        "valid_to": None,
                    }
                )
        with store.write() as connection:
            insert(connection, "resource", rows)
            insert(connection, "relation", edges)


def arn_of(row_id):
    return f"arn:aws:kind:eu-west-1:111111111111:thing/r-{row_id:017x}"


def resource_row(row_id):
    return {
        "id": row_id,
        "key": arn_of(row_id),
        "type": f"kind.t{row_id % 100:02}",
        "account_id": "111111111111",
        "scope_region": "eu-west-1",
        "region": "eu-west-1",
        "resource_id": f"r-{row_id:017x}",
        "arn": arn_of(row_id),
        "name": f"resource-{row_id}",
        "tags": '{"team":"web"}',
        "document": "{}",
        "digest": "",
        "measures": "{}",
        "revision_id": row_id,
        "revisions": 1,
        "first_seen_at": TIME,
        "changed_at": TIME,
        "deleted_at": None,
        "group_id": row_id % 100 + 1,
    }


def main(arguments=()):
    options = argparse.ArgumentParser()
    options.add_argument("--resources", type=int, default=1_000_000)
    options.add_argument("--rounds", type=int, default=40)
    chosen = options.parse_args(arguments)
    folder = Path(tempfile.gettempdir()) / "windlass-bench"
    folder.mkdir(exist_ok=True)
    rows = [("question", "CPU p50 ms", "CPU p95 ms", "resources, median", f"< {GOAL_MS} ms CPU")]
    with open_store(StoreConfig(url=f"sqlite:///{folder}/graph-{chosen.resources}.db")) as store:
        build(store, chosen.resources)
        inventory = Inventory(store, lambda: None, InventoryConfig())
        sample = [f"#{number}" for number in random.Random(3).sample(range(1, chosen.resources), chosen.rounds)]
        hub = f"#{chosen.resources // 2000 * 1000 + 1}"
        for title, refs, ask in (
            ("graph, depth 3", sample, lambda ref: inventory.graph(ref, depth=3).nodes),
            ("graph of a hub, depth 3", [hub] * 10, lambda ref: inventory.graph(ref, depth=3).nodes),
            ("relations of a hub of 1,000", [hub] * 10, inventory.relations),
            (
                "dependents, depth 3, at most 200",
                sample,
                lambda ref: inventory.dependents(ref, depth=3, limit=200).resources,
            ),
        ):
            ask(refs[0])
            cpu, sizes = [], []
            for ref in refs:
                begun = time.process_time()
                sizes.append(len(ask(ref)))
                cpu.append((time.process_time() - begun) * 1000)
            cpu.sort()
            p95 = cpu[min(len(cpu) - 1, round(len(cpu) * 0.95))]
            size = sorted(sizes)[len(sizes) // 2]
            rows.append((title, f"{cpu[len(cpu) // 2]:.1f}", f"{p95:.1f}", size, "yes" if p95 < GOAL_MS else "NO"))
    report("inventory_graph", rows, resources=chosen.resources, relations=3 * chosen.resources)


if __name__ == "__main__":
    import sys

    main(sys.argv[1:])
