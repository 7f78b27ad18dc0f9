"""What the console and the API ask, at 100,000 resources and a million revisions: server CPU per question, now and then.

`python -m bench console` builds the store once (a folder of the system's temporary directory keeps it), on SQLite, and with
`--postgres` on a throw-away PostgreSQL. `--resources N` makes it smaller. CPU is this process's (SQLite runs in it); for
PostgreSQL it is this process's and the wall time stands beside it, as the server is another process.
"""

import argparse
import hashlib
import random
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import text

from bench.console_estate import DAYS, END, build
from bench.report import report
from windlass.inventory import member_values
from windlass.inventory.config import InventoryConfig
from windlass.inventory.filters import parse_query
from windlass.inventory.service import Inventory
from windlass.store.config import StoreConfig
from windlass.store.database import open_store

GOAL_MS = 100
ROUNDS = 15
TIMES = (("now", None), ("at 1 d", END - timedelta(days=1)), ("at 180 d", END - timedelta(days=180)))


def questions(inventory, sample):
    """Each question: its name, whether it takes a time, and what asks it (with a time and one resource)."""

    def listed(*conditions, types=(), sort="type", words=""):
        def ask(at, _):
            query = parse_query(types, conditions, now=END, sort=sort, limit=50, words=words)
            inventory.check(query)
            return inventory.list(_at(query, at))

        return ask

    def facets(*conditions, types=(), words=""):
        return lambda at, _: inventory.facets(_at(parse_query(types, conditions, now=END, words=words), at))

    yield "list, by type", True, listed()
    yield "list, by name", True, listed(sort="name")
    yield "list, by key", True, listed(sort="key")
    yield "list, newest change first", True, listed(sort="changed")
    yield "list of one type", True, listed(types=("kind.t003",))
    yield "list of types by pattern, a tag", True, listed("tag:team=team-3", types=("kind.t00*",))
    yield "list, a tag of a third", True, listed("tag:env=prod")
    yield "list, without a tag", True, listed("-tag:team", sort="name")
    yield "list, a path that one in seven has", True, listed("Config.Encrypted=false")
    yield "list, a path that nearly all have", True, listed("State=active", sort="name")
    yield "list, a path that is unlike", True, listed("State!=active")
    yield "list, a rare value", True, listed("Config.Size=4242")
    yield "list, a number above", True, listed("Config.Size>99000")
    yield "list, tag, path and region", True, listed("tag:team=team-1", "State=active", "region=eu-west-1")
    yield "search, a word that all have", True, listed(words="service", sort="relevance")
    yield "search, a full name", True, lambda at, key: listed(words=sample.names[key], sort="relevance")(at, key)
    yield "search, two common words", True, listed(words="orders api", sort="relevance")
    yield "search, part of an id", True, lambda at, key: listed(words=sample.ids[key][3:11], sort="relevance")(at, key)
    yield "facets", True, facets()
    yield "facets, one type", True, facets(types=("kind.t003",))
    yield "facets, a tag", True, facets("tag:team=team-3")
    yield "facets, a tag of a third", True, facets("tag:env=prod")
    yield "facets, a path", True, facets("Config.Encrypted=false")
    yield "facets, a common word", True, facets(words="orders")
    yield "resource", True, lambda at, key: _shown(inventory, sample.numbers[key], at)
    yield "resource, history", False, lambda _, key: inventory.history(sample.numbers[key], limit=200)
    yield "resource, graph of two steps", False, lambda _, key: inventory.graph(sample.numbers[key], depth=2, limit=40)
    yield "overview's counts", False, lambda *_: inventory.stats()
    yield "changes, page of 50", False, lambda *_: inventory.changes(since=END - timedelta(days=7), limit=50)
    yield "changes of all time, one type", False, lambda *_: inventory.changes(query=_query("kind.t003"), limit=50)
    yield "changes, deletions only", False, lambda *_: inventory.changes(kinds=("deleted",), limit=50)
    yield "addresses of a network", True, lambda at, _: inventory.ip("10.1.2.0/24", at=at)


def _query(type_):
    return parse_query((type_,), (), now=END)


def _at(query, at):
    from dataclasses import replace

    return replace(query, at=at)


def _shown(inventory, number, at):
    from windlass.core.errors import NotFound

    try:
        inventory.show(number, at=at)
        inventory.relations(number, at=at)
    except NotFound:  # it did not exist then: that is an answer
        pass


def sizes(store):
    """Yield what a resource and a change cost on disk, and a year of daily scans of a million with 1 % churn (SQLite)."""
    if store.dialect != "sqlite":
        return
    with store.read() as connection:

        def number(query):
            return connection.execute(text(query)).scalar_one() or 0

        size = dict(
            connection.execute(text("SELECT name, sum(pgsize) FROM dbstat WHERE aggregate = true GROUP BY name")).all()
        )
        resources, revisions = number("SELECT count(*) FROM resource"), number("SELECT count(*) FROM revision")
        updates = revisions - resources
        first_documents = number("SELECT sum(length(keyframe)) FROM revision WHERE change = 'created'")
        members, begun_later = number("SELECT count(*) FROM member_value"), number(LATER_MEMBERS)
    per_row = (size["ix_revision_valid_from"] + size["ix_revision_resource"]) / revisions
    per_member = size["member_value"] / members
    change = (size["revision"] - first_documents) / revisions + per_row + begun_later / updates * per_member
    resource = (sum(size.values()) - change * updates) / resources
    year = 1_000_000 * resource + 365 * 10_000 * change
    yield "bytes per resource, its first revision included", f"{resource:,.0f}"
    yield "bytes per later revision", f"{change:,.0f}"
    yield "extrapolated: 1 M resources, 365 scans, 1 % churn, GB", f"{year / 1e9:.1f}"


# Rows of the index that began after their resource did.
LATER_MEMBERS = (
    "SELECT count(*) FROM member_value m JOIN member_value r ON r.pointer = :root AND r.value = '' "
    "AND r.group_id = m.group_id AND r.resource_row_id = m.resource_row_id WHERE m.valid_from > r.valid_from"
).replace(":root", str(member_values.ROOT))


def measure(ask, at, keys):
    cpu, wall = [], []
    for key in keys:
        started, begun = time.perf_counter(), time.process_time()
        ask(at, key)
        cpu.append((time.process_time() - begun) * 1000)
        wall.append((time.perf_counter() - started) * 1000)
    cpu.sort()
    wall.sort()
    last = min(len(cpu) - 1, round(len(cpu) * 0.95))
    return f"{cpu[len(cpu) // 2]:.1f}", f"{cpu[last]:.1f}", f"{wall[last]:.1f}", cpu[last]


def main(arguments=()):
    options = argparse.ArgumentParser()
    options.add_argument("--resources", type=int, default=100_000)
    options.add_argument("--revisions", type=int, default=10, help="of each resource, on average")
    options.add_argument("--rounds", type=int, default=ROUNDS)
    options.add_argument("--only", default="", help="a text that the question's name has")
    options.add_argument("--postgres", action="store_true")
    chosen = options.parse_args(arguments)
    if chosen.postgres:
        from tests.postgres import start_postgres

        server = start_postgres(None)
        if isinstance(server, str):
            raise SystemExit(server)
        try:
            _run(server.url, chosen, "console_postgresql")
        finally:
            server.stop()
    else:
        sources = [Path(__file__).with_name("console_estate.py"), Path(member_values.__file__)]
        version = hashlib.sha256(b"".join(source.read_bytes() for source in sources)).hexdigest()[:8]
        folder = Path(tempfile.gettempdir()) / "windlass-bench"
        folder.mkdir(exist_ok=True)
        file = folder / f"console-{chosen.resources}-{chosen.revisions}-{version}.db"
        _run(f"sqlite:///{file}", chosen, "console")


def _run(url, chosen, name):
    with open_store(StoreConfig(url=url)) as store:
        built_s, sample = build(store, chosen.resources, chosen.revisions)
        inventory = Inventory(store, lambda: None, InventoryConfig(), now=lambda: END)
        stats = inventory.stats()
        rows = [("question", "time", "CPU p50 ms", "CPU p95 ms", "wall p95 ms", f"< {GOAL_MS} ms CPU")]
        keys = random.Random(7).sample(range(len(sample.names)), chosen.rounds)
        for title, takes_time, ask in questions(inventory, sample):
            if chosen.only not in title:
                continue
            for label, at in TIMES if takes_time else TIMES[:1]:
                ask(at, keys[0])  # the first one compiles statements and reads pages of the file
                p50, p95, wall, value = measure(ask, at, keys)
                rows.append((title, label, p50, p95, wall, "yes" if value < GOAL_MS else "NO"))
                print(*rows[-1], sep=" | ", file=sys.stderr, flush=True)
        rows += [(title, "", value, "", "", "") for title, value in sizes(store)]
        rows.append(("resources, revisions", "", f"{stats.resources:,}", f"{stats.revisions:,}", "", ""))
        rows.append(("built in s (0: it was there)", "", f"{built_s:.0f}", "", "", ""))
    report(name, rows, days=DAYS, at=datetime.now(UTC))


if __name__ == "__main__":
    main(sys.argv[1:])
