"""What all tests share: a store on both databases, and an environment in which no real credentials exist."""

import gc
import itertools
import os
import re
import shutil
import signal
import uuid
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.examples import examples
from tests.postgres import start_postgres
from windlass.store.config import StoreConfig
from windlass.store.database import open_store

# A busy machine makes any example slow: that says nothing about the code, so no test may fail for it.
settings.register_profile(
    "windlass", deadline=None, max_examples=examples(100), suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("windlass")
# What `make tools` installs; a program of the machine's own comes first.
os.environ["PATH"] += f"{os.pathsep}{Path(__file__).parents[1] / '.tools/bin'}"
# Shells start what runs in the background with Ctrl-C ignored, and children inherit that: those that tests interrupt, too.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

FOLDERS = itertools.count()
"""The numbers of this process's test folders."""


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items):
    """Tests that have asked for time of their own come first on every worker: at the end, no worker waits for another."""
    items[:] = deal(items, timeout_s, workers=int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1")))


def pytest_collection_finish():
    """A quarter of a run went into garbage collection: it leaves out what stays, and looks at the rest less often."""
    gc.freeze()
    gc.set_threshold(5_000, 10, 20)


def pytest_terminal_summary(terminalreporter):
    """Print why tests were skipped, and how many: a green run must not hide what it left out."""
    counts = skip_reasons(terminalreporter.stats.get("skipped", []))
    if counts:
        terminalreporter.section(f"{counts.total()} skipped, by reason")
        for reason, count in counts.most_common():
            terminalreporter.write_line(f"{count:>4}  {reason}")


def skip_reasons(reports):
    """Return how many tests were skipped for each reason."""
    texts = [report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr) for report in reports]
    return Counter(re.sub(r"^Skipped: ", "", text).partition("\n")[0] for text in texts)


def timeout_s(item):
    """The time that a test has asked for, 0 for none."""
    marker = item.get_closest_marker("timeout")
    return marker.args[0] if marker else 0


def deal(items, duration, *, workers):
    """Return `items` reordered for `workers` equal parts: each part begins with its share of the longest tests.

    `--dist worksteal` gives each worker one of these parts, and later what another has not begun.
    """
    long = sorted(filter(duration, items), key=duration, reverse=True)
    short = [item for item in items if not duration(item)]
    dealt = []
    for worker in range(workers):
        share = long[worker::workers]
        size = (len(items) - len(dealt)) // (workers - worker) - len(share)
        dealt += [*share, *short[:size]]
        short = short[size:]
    return dealt


@pytest.fixture(scope="session")
def run_folder(tmp_path_factory):
    """A folder that all workers of this run share."""
    folder = tmp_path_factory.getbasetemp()
    return folder.parent if "PYTEST_XDIST_WORKER" in os.environ else folder


@pytest.fixture
def tmp_path(request, tmp_path_factory):
    """A folder of the test's own. pytest's lists all folders of the run to number it, and renews a link to the latest."""
    name = re.sub(r"\W", "_", request.node.name)[:30]
    folder = tmp_path_factory.getbasetemp() / f"{next(FOLDERS)}-{name}"
    folder.mkdir()
    return folder


@pytest.fixture(autouse=True)
def _no_ambient_settings(request, monkeypatch, run_folder):
    """Neither the developer's AWS keys nor their windlass.toml may leak into a test.

    The cache is one for the run: what it holds is keyed by everything it is made of, and takes seconds of CPU to make.
    """
    for name in list(os.environ):
        if name.startswith(("AWS_", "WINDLASS_")) or name in ("APP_ENV", "KUBERNETES_SERVICE_HOST"):
            monkeypatch.delenv(name)
    # Most tests have no files: a folder for each of them would take longer than they do.
    folder = request.getfixturevalue("tmp_path") if "tmp_path" in request.fixturenames else run_folder
    monkeypatch.setenv("HOME", str(folder / "home"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(run_folder / "cache"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


@pytest.fixture(scope="session")
def postgres_url(tmp_path_factory):
    """A PostgreSQL of this session's own, or a skip that says why there is none."""
    folder = tmp_path_factory.mktemp("postgres")
    server = start_postgres(folder)
    if isinstance(server, str):
        pytest.skip(server)
    yield server.url
    server.stop()


@pytest.fixture(scope="session")
def migrated_file(tmp_path_factory):
    """A SQLite file with the schema, to copy: making it takes six times as long. tests/store makes it from nothing."""
    file = tmp_path_factory.mktemp("migrated") / "windlass.db"
    open_store(StoreConfig(url=f"sqlite:///{file}")).close()
    return file


@pytest.fixture(scope="session")
def migrated_template(postgres_url):
    """The same in PostgreSQL: the name of a database to copy."""
    import psycopg

    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute("CREATE DATABASE migrated")
    open_store(StoreConfig(url=postgres_url.rsplit("/", 1)[0] + "/migrated")).close()
    return "migrated"


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def store_url(request, tmp_path):
    """The URL of a database, once on SQLite and once on PostgreSQL; empty, unless the test has it open as `store`, too."""
    migrated = "store" in request.fixturenames
    if request.param == "sqlite":
        if migrated:
            shutil.copy(request.getfixturevalue("migrated_file"), tmp_path / "windlass.db")
        yield f"sqlite:///{tmp_path}/windlass.db"
        return
    import psycopg

    server = request.getfixturevalue("postgres_url")
    template = request.getfixturevalue("migrated_template") if migrated else "template1"
    name = f"t_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
    yield server.rsplit("/", 1)[0] + f"/{name}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def store(store_url):
    """An open, migrated store, on both databases."""
    with open_store(StoreConfig(url=store_url)) as opened:
        yield opened


@pytest.fixture
def sqlite_file(migrated_file, tmp_path):
    """Puts an empty, migrated database into the test's folder and returns its URL; one that is there stays as it is."""

    def put(name="w.db"):
        if not (tmp_path / name).exists():
            shutil.copy(migrated_file, tmp_path / name)
        return f"sqlite:///{tmp_path}/{name}"

    return put


@pytest.fixture
def sqlite_store(sqlite_file):
    """An open, migrated store on SQLite alone, for tests that are not about the database."""
    with open_store(StoreConfig(url=sqlite_file("windlass.db"))) as opened:
        yield opened
