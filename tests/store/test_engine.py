"""The store keeps its promises on both databases: all or nothing, one migration path, errors that say what to do."""

import importlib
import os
import pkgutil
import stat
import threading

import pytest
from sqlalchemy import Column, MetaData, Table, insert, select, text

import windlass
from windlass.core.errors import ConfigError, StoreError
from windlass.core.private_files import create_private_file
from windlass.store.config import StoreConfig
from windlass.store.database import open_store
from windlass.store.leases.table import lease
from windlass.store.metadata import Message, metadata
from windlass.store.schema import _scripts, current_version, head_version, upgrade


def _add(connection, name):
    connection.execute(insert(lease).values(name=name, fence=1, token="x", host="", machine="", pid=0, started=""))


def _names(store):
    with store.read() as connection:
        return set(connection.execute(select(lease.c.name)).scalars())


def test_a_write_that_raises_leaves_no_trace(store):
    with pytest.raises(RuntimeError), store.write() as connection:
        _add(connection, "kept?")
        raise RuntimeError
    assert _names(store) == set()


def test_a_new_database_gets_every_migration_and_a_second_start_none(store_url):
    with open_store(StoreConfig(url=store_url), migrated=False) as store:
        assert current_version(store) == ""
        upgrade(store)
        assert current_version(store) == head_version() == _scripts().get_current_head()
        upgrade(store)
        assert current_version(store) == head_version()


def test_two_processes_may_start_at_once(store_url):
    opened, failed = [], []

    def start():
        try:
            opened.append(open_store(StoreConfig(url=store_url)))
        except StoreError as error:
            failed.append(error)

    threads = [threading.Thread(target=start) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for entry in opened:
        entry.close()
    assert (len(opened), failed) == (4, [])


def test_a_database_of_a_newer_windlass_is_refused_untouched(store, store_url):
    with store.write() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(StoreError, match="newer than this Windlass"):
        open_store(StoreConfig(url=store_url))
    assert current_version(store) == "9999"


def test_many_threads_write_without_database_is_locked(store):
    def work(worker):
        for number in range(20):
            with store.write() as connection:
                _add(connection, f"{worker}.{number}")

    threads = [threading.Thread(target=work, args=(worker,)) for worker in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(_names(store)) == 160


def test_a_read_is_of_one_instant(sqlite_store):
    with sqlite_store.read() as reading:
        before = reading.execute(select(lease.c.name)).all()
        with sqlite_store.write() as connection:
            _add(connection, "late")
        assert reading.execute(select(lease.c.name)).all() == before
    assert _names(sqlite_store) == {"late"}


def test_a_damaged_file_is_named_and_left_as_it_was(tmp_path):
    file = tmp_path / "broken.db"
    file.write_bytes(b"these are not the tables you are looking for" * 200)
    before = file.read_bytes()
    with pytest.raises(StoreError, match="damaged") as caught:
        open_store(StoreConfig(url=f"sqlite:///{file}"))
    assert "broken.db" in caught.value.message
    assert "backup" in caught.value.hint
    assert file.read_bytes() == before


def test_a_full_disk_is_reported_and_loses_nothing(tmp_path):
    with open_store(StoreConfig(url=f"sqlite:///{tmp_path}/small.db")) as store:
        with store.write() as connection:
            _add(connection, "first")
        with store.read() as connection:
            pages = connection.execute(text("PRAGMA page_count")).scalar_one()

        def fill():
            with store.write() as connection:
                # The same error as a full disk (SQLITE_FULL), without needing a file system of its own.
                connection.execute(text(f"PRAGMA max_page_count = {pages + 2}"))
                for number in range(2000):
                    _add(connection, f"row {number} {'x' * 150}")

        with pytest.raises(StoreError, match="disk is full") as caught:
            fill()
        assert "rolled back" in caught.value.hint
        assert _names(store) == {"first"}


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("no url at all", "not a database URL"),
        ("mysql://u@h/d", "mysql"),
    ],
)
def test_a_url_that_can_not_be_used_is_a_configuration_error(url, says):
    with pytest.raises(ConfigError, match=says):
        open_store(StoreConfig(url=url))


def test_an_unreachable_server_is_reported_without_its_password():
    with pytest.raises(StoreError, match="cannot be reached") as caught:
        open_store(StoreConfig(url="postgresql://someone:hunter2@127.0.0.1:1/none"))
    assert "hunter2" not in str(caught.value) + caught.value.hint


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_an_unwritable_folder_is_reported(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(StoreError, match="cannot be opened|cannot be written"):
        open_store(StoreConfig(url=f"sqlite:///{tmp_path}/x.db"))


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077, 0o777])
def test_the_file_its_log_and_its_folders_are_the_owners_alone_from_birth(tmp_path, umask):
    file = tmp_path / "a" / "b" / "windlass.db"
    seen = []
    before = os.umask(umask)
    try:
        with open_store(StoreConfig(url=f"sqlite:///{file}")) as store, store.write() as connection:
            _add(connection, "x")
            seen += [(path.name, stat.S_IMODE(path.stat().st_mode)) for path in file.parent.iterdir()]
    finally:
        os.umask(before)
    assert dict(seen) == {"windlass.db": 0o600, "windlass.db-wal": 0o600, "windlass.db-shm": 0o600}
    assert [stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "a", tmp_path / "a" / "b")] == [0o700] * 2


def test_at_no_moment_may_another_user_open_the_file(tmp_path):
    file = tmp_path / "windlass.db"
    assert create_private_file(file)
    assert (stat.S_IMODE(file.stat().st_mode), file.stat().st_size) == (0o600, 0)
    file.write_text("kept")
    file.chmod(0o640)
    assert not create_private_file(file)
    assert (stat.S_IMODE(file.stat().st_mode), file.read_text()) == (0o640, "kept"), (
        "what exists is its owner's to open"
    )


@pytest.mark.parametrize(
    "where", ["a-file/windlass.db", "a-file/deeper/windlass.db", "folder", "x\0y/windlass.db", f"{'n' * 300}/w.db"]
)
def test_a_folder_or_file_that_can_not_be_made_is_an_error_message(tmp_path, where):
    (tmp_path / "a-file").write_text("")
    (tmp_path / "folder").mkdir()
    with pytest.raises((StoreError, ConfigError)) as caught:
        open_store(StoreConfig(url=f"sqlite:///{tmp_path}/{where}"))
    assert caught.value.hint


def test_the_message_names_the_folder(tmp_path):
    (tmp_path / "a-file").write_text("")
    with pytest.raises(StoreError, match="cannot be created") as caught:
        open_store(StoreConfig(url=f"sqlite:///{tmp_path}/a-file/deeper/windlass.db"))
    assert "a-file" in caught.value.message
    assert (tmp_path / "a-file").read_text() == ""


def test_no_text_for_people_is_written_with_a_secret_in_it(sqlite_store):
    """Every column of every table that holds a message masks what is written: a new table can't forget it."""
    for module in pkgutil.walk_packages(windlass.__path__, "windlass."):
        if module.name.rpartition(".")[2] in ("store", "tables", "windows", "tokens", "audit_log", "leases"):
            importlib.import_module(module.name)
    wording = ("error", "detail", "message", "reason", "note", "failure", "regions_note")
    columns = [column for table in metadata.tables.values() for column in table.columns if column.name in wording]
    unmasked = [
        str(column)
        for column in columns
        if not isinstance(column.type, Message) and getattr(column.type, "length", None) is None
    ]
    assert len(columns) >= 10
    assert unmasked == []
    with sqlite_store.write() as connection:
        connection.execute(text("CREATE TABLE said (said TEXT)"))
        connection.execute(
            insert(Table("said", MetaData(), Column("said", Message))).values(said="at postgres://a:hunter2@db")
        )
        assert connection.execute(text("SELECT said FROM said")).scalar_one() == "at postgres://a:***@db"
