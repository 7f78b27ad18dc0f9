"""The history store on SQLite: 100,000 resources, an unchanged visit, changes, and what the console's pages ask."""

import resource
import statistics
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bench.report import report
from windlass.inventory import runs, writer
from windlass.inventory.config import InventoryConfig
from windlass.inventory.model import Observation, Query, Scope, ScopeResult, ScopeState
from windlass.inventory.service import Inventory
from windlass.store.config import StoreConfig
from windlass.store.database import open_store

T0 = datetime(2026, 11, 1, tzinfo=UTC)
SCOPES, EACH, DAYS = 100, 1000, 10


def seen(scope, number, version):
    name = f"res-{scope.type[-2:]}-{number:05}"
    document = {
        "Name": name,
        "Version": version,
        "State": "active",
        "Tags": {"team": ("web", "data", "media")[number % 3], "env": "prod"},
        "Config": {
            "Size": number,
            "Encrypted": number % 7 != 0,
            "Rules": [{"Id": str(n), "Port": 8000 + n} for n in range(5)],
        },
    }
    return Observation(
        type=scope.type,
        account_id=scope.account_id,
        region=scope.region,
        resource_id=name,
        arn=f"arn:aws:x:{scope.region}:{scope.account_id}:{scope.type}/{name}",
        name=name,
        tags=document["Tags"],
        document=document,
    )


def visit(store, run, day, changed):
    total = 0
    for at in range(SCOPES):
        scope = Scope(f"{at % 10:012}", "eu-west-1", f"kind.t{at:02}")
        items = tuple(seen(scope, n, day if changed(n) else 0) for n in range(EACH))
        moment = T0 + timedelta(days=day, seconds=at)
        applied = writer.write_result(
            store,
            run,
            ScopeResult(scope=scope, state=ScopeState.OK, observations=items, started_at=moment, finished_at=moment),
        )
        total += applied.created + applied.updated + applied.deleted
    return total


def timed(work, repeat=5):
    times = []
    for _ in range(repeat):
        started = time.perf_counter()
        work()
        times.append((time.perf_counter() - started) * 1000)
    return f"{statistics.median(times):.1f}"


def main():
    rows = [("what", "result", "goal")]
    with tempfile.TemporaryDirectory() as folder, open_store(StoreConfig(url=f"sqlite:///{folder}/w.db")) as store:
        run = runs.begin_run(store, now=T0, scopes_total=SCOPES)
        started = time.perf_counter()
        visit(store, run, 0, lambda _: False)
        rows.append(
            (
                "first visit of 100,000 resources, resources/s",
                f"{SCOPES * EACH / (time.perf_counter() - started):.0f}",
                "-",
            )
        )
        started = time.perf_counter()
        written = visit(store, run, 0, lambda _: False)
        rows.append(("unchanged visit, resources/s", f"{SCOPES * EACH / (time.perf_counter() - started):.0f}", "-"))
        rows.append(("unchanged visit, revisions written", written, "0"))
        before = Path(folder, "w.db").stat().st_size
        written = sum(visit(store, run, day, lambda n, day=day: n % 100 == day) for day in range(1, DAYS + 1))
        store.close()
        grown = Path(folder, "w.db").stat().st_size - before
        rows.append(
            (f"{DAYS} days of ~2 % changes, bytes/revision", f"{grown / written:.0f} ({written:,} revisions)", "-")
        )
        inventory = Inventory(store, lambda: None, InventoryConfig(), now=lambda: T0 + timedelta(days=DAYS))
        key = inventory.list(Query(limit=1)).rows[0].key
        for name, goal, work in (
            ("page of 50", 100, lambda: inventory.list(Query(limit=50, sort="name"))),
            (
                "page of 50, by tag and type",
                100,
                lambda: inventory.list(Query(limit=50, types=("kind.t0*",), tags={"team": "web"})),
            ),
            (
                "page of 50, by JSON path",
                "-",
                lambda: inventory.list(Query(limit=50, where=(("Config.Encrypted", "=", "false"),))),
            ),
            ("facets", 100, lambda: inventory.facets(Query())),
            ("search of two words", 100, lambda: inventory.search("res 00042")),
            ("changes, page of 50", 100, lambda: inventory.changes(limit=50)),
            ("overview's counts", 100, inventory.stats),
            ("one resource at a past time", 5, lambda: inventory.document_at(key, T0 + timedelta(days=3))),
            (
                "difference of two dates, complete estate",
                3000,
                lambda: inventory.diff(T0 + timedelta(days=2), T0 + timedelta(days=8)),
            ),
            (
                "the estate at a past time, page of 50",
                "-",
                lambda: inventory.list(Query(limit=50, at=T0 + timedelta(days=5))),
            ),
        ):
            rows.append((f"{name}, ms", timed(work, 3), goal))
        rows.append(("peak RSS MiB", f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f}", "512"))
    report("inventory_history", rows)


if __name__ == "__main__":
    main()
