"""Facts of 10,000 hosts with 1,000 packages each: first reports, reports without a change, a patch day, and the questions.

The store is built in a folder of the system's temporary directory; a run that was stopped continues there. `--hosts N` makes
it smaller, `--url` names a PostgreSQL.
"""

import argparse
import random
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import func, select, text

from bench.report import report, rss_mib
from windlass.facts.model import HostIdentity, Report, Section
from windlass.facts.packages import PackageQuery
from windlass.facts.service import Facts
from windlass.facts.tables import host, host_fact
from windlass.inventory.tables import resource
from windlass.store.config import StoreConfig
from windlass.store.database import open_store

T0 = datetime(2026, 11, 1, tzinfo=UTC)
GOAL_MS = 200
BATCH = 50
NAMES = [f"package-{number:04}" for number in range(1, 1500)]


def host_id(number):
    return f"i-{number:017x}"


def packages_of(number, count, day=0):
    """Return a host's packages: openssl in one of 20 versions, the others by chance, each in one of six versions."""
    chance = random.Random(number)
    rows = [{"name": "openssl", "version": f"3.0.{number % 20}-0ubuntu1.{number % 3}", "arch": "amd64"}]
    for position, name in enumerate(chance.sample(NAMES, count - 1)):
        patched = day if position < 50 else 0
        rows.append({"name": name, "version": f"1.{chance.randrange(6) + patched}.2-1", "arch": "amd64"})
    return tuple(rows)


def reports(numbers, count, day):
    for number in numbers:
        identity = HostIdentity(
            host_id=host_id(number), account_id="111122223333", region="eu-west-1", platform="linux"
        )
        sections = (
            Section("os", ({"name": "Ubuntu", "version": "22.04"},)),
            Section("packages.deb", packages_of(number, count, day)),
        )
        yield Report(host=identity, observed_at=T0 + timedelta(days=day), source="agent", sections=sections)


def record(facts, numbers, count, day):
    """Record reports and return (hosts per second of CPU, of wall time)."""
    prepared = list(reports(numbers, count, day))
    begun, cpu = time.perf_counter(), time.process_time()
    for start in range(0, len(prepared), BATCH):
        facts.record(prepared[start : start + BATCH])
    return len(prepared) / (time.process_time() - cpu), len(prepared) / (time.perf_counter() - begun)


def add_instances(store, hosts):
    with store.write() as connection:
        if connection.execute(select(func.count()).select_from(resource)).scalar_one():
            return
        rows = [
            {
                "key": f"arn:aws:ec2:eu-west-1:111122223333:instance/{host_id(number)}",
                "arn": f"arn:aws:ec2:eu-west-1:111122223333:instance/{host_id(number)}",
                "type": "ec2.instance",
                "account_id": "111122223333",
                "scope_region": "eu-west-1",
                "region": "eu-west-1",
                "resource_id": host_id(number),
                "name": f"server-{number}",
                "tags": f'{{"team":"team-{number % 40}"}}',
                "document": '{"State":{"Name":"running"}}',
                "digest": "",
                "measures": "{}",
                "revision_id": number,
                "revisions": 1,
                "first_seen_at": "2026-11-01T00:00:00.000000Z",
                "changed_at": "2026-11-01T00:00:00.000000Z",
                "deleted_at": None,
                "group_id": 0,
            }
            for number in range(hosts + 100)  # a hundred instances without facts
        ]
        connection.execute(resource.insert(), rows)
        connection.execute(text("ANALYZE"))


def timed(ask, rounds=9):
    """Return (median ms of wall time, of CPU, number of rows)."""
    size = len(ask())
    wall, cpu = [], []
    for _ in range(rounds):
        begun, begun_cpu = time.perf_counter(), time.process_time()
        ask()
        wall.append((time.perf_counter() - begun) * 1000)
        cpu.append((time.process_time() - begun_cpu) * 1000)
    return sorted(wall)[rounds // 2], sorted(cpu)[rounds // 2], size


def main(arguments=()):
    options = argparse.ArgumentParser()
    options.add_argument("--hosts", type=int, default=10_000)
    options.add_argument("--packages", type=int, default=1_000)
    options.add_argument(
        "--budget-s", type=float, default=3600, help="stop building after this time; run again to go on"
    )
    options.add_argument("--url", default="")
    chosen = options.parse_args(arguments)
    folder = Path(tempfile.gettempdir()) / "windlass-bench"
    folder.mkdir(exist_ok=True)
    url = chosen.url or f"sqlite:///{folder}/facts-{chosen.hosts}-{chosen.packages}.db"
    with open_store(StoreConfig(url=url)) as store:
        facts = Facts(store, owner_of=lambda tags: tags.get("team", ""))
        with store.read() as connection:
            done = connection.execute(select(func.count()).select_from(host)).scalar_one()
        deadline = time.monotonic() + chosen.budget_s
        speeds = []
        while done < chosen.hosts:
            step = min(500, chosen.hosts - done)
            speeds.append(record(facts, range(done, done + step), chosen.packages, 0))
            done += step
            if time.monotonic() > deadline:
                print(f"built {done:,} of {chosen.hosts:,} hosts, {speeds[-1][0]:.0f} hosts per CPU second; run again")
                return
        add_instances(store, chosen.hosts)
        rows = [("what", "wall", "CPU", "result", "goal")]
        if speeds:
            per_cpu, per_s = speeds[-1]
            rows.append(("first reports", f"{per_s:.0f} hosts/s", f"{per_cpu:.0f} hosts/s", "", ""))
        sample = range(0, chosen.hosts, max(1, chosen.hosts // 500))
        today = 1 + int(time.time() - T0.timestamp()) // 86400 % 20
        before = count(store)
        record(facts, sample, chosen.packages, 0)
        for title, day in (("patch day, 50 packages of a host", today), ("reports without a change", today + 0.01)):
            per_cpu, per_s = record(facts, sample, chosen.packages, day)
            rows.append((title, f"{per_s:.0f} hosts/s", f"{per_cpu:.0f} hosts/s", "", ""))
        for title, ask, goal in (
            (
                "openssl below 3.0.14, with owners",
                lambda: facts.packages(PackageQuery(name="openssl", below="3.0.14")),
                1,
            ),
            (
                "the same, of one owner",
                lambda: facts.packages(PackageQuery(name="openssl", below="3.0.14", owner="team-7")),
                1,
            ),
            ("the same, five days ago", lambda: facts.packages(PackageQuery(name="openssl", below="3.0.14", at=T0)), 1),
            (
                "without openssl 3.0.14 or newer",
                lambda: facts.without_package(PackageQuery(name="openssl", at_least="3.0.14")),
                0,
            ),
            (
                "a host's packages on a day",
                lambda: facts.section(host_id(chosen.hosts // 2), "packages.deb", at=T0).rows,
                1,
            ),
            ("instances without facts, unread sections", facts.missing, 0),
            ("all hosts", facts.hosts, 0),
        ):
            wall, cpu, size = timed(ask)
            verdict = ("yes" if wall <= GOAL_MS else "NO") if goal else ""
            rows.append(
                (title, f"{wall:.0f} ms", f"{cpu:.0f} ms", f"{size:,}", verdict and f"<= {GOAL_MS} ms: {verdict}")
            )
        database = Path(url.removeprefix("sqlite:///"))
        size_mib = database.stat().st_size / 2**20 if database.exists() else 0
        report(
            "facts",
            rows,
            hosts=chosen.hosts,
            packages=chosen.packages,
            facts=before,
            database_mib=round(size_mib),
            rss_mib=round(rss_mib()),
        )
        print(f"{before:,} facts, database {size_mib:,.0f} MiB, RSS {rss_mib():.0f} MiB")


def count(store):
    with store.read() as connection:
        return connection.execute(select(func.count()).select_from(host_fact)).scalar_one()


if __name__ == "__main__":
    import sys

    main(sys.argv[1:])
