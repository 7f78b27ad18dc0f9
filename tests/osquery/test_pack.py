"""The query pack: its SQL runs on osquery's tables (columns from osquery's specs), and names the columns of its sections."""

import json
import sqlite3
from pathlib import Path

import pytest

from windlass.facts.sections import shape_of
from windlass.osquery.agent_config import agent_config, flag_file, pack_file
from windlass.osquery.config import OsqueryConfig
from windlass.osquery.pack import HEARTBEAT, PACK, find_query, platform_queries, section_rows

TABLES = json.loads((Path(__file__).parent / "tables.json").read_text())
IDS = [query.name for query in PACK]


@pytest.fixture(scope="module")
def database():
    """SQLite, which osquery is built on, with the tables that the pack reads."""
    connection = sqlite3.connect(":memory:")
    for name, columns in TABLES.items():
        quoted = ", ".join(f'"{column}"' for column in columns)
        connection.execute(f"CREATE TABLE {name} ({quoted})")
    connection.execute("INSERT INTO time (unix_time) VALUES (1764600000)")
    connection.execute(
        "INSERT INTO deb_packages (name, version, arch, status, maintainer) VALUES "
        "('openssl', '3.0.13-1', 'amd64', 'install ok installed', 'Ubuntu'), ('gone', '1', 'amd64', 'deinstall ok config-files', '')"
    )
    connection.execute(
        "INSERT INTO rpm_packages (name, version, release, arch, epoch) VALUES ('openssl', '3.0.7', '27.el9', 'x86_64', 1), "
        "('bash', '5.1.8', '9.el9', 'x86_64', 0), ('zlib', '1.2.11', '40.el9', 'x86_64', NULL)"
    )
    connection.execute(
        "INSERT INTO listening_ports (pid, port, protocol, address) VALUES (1, 22, 6, '::'), (1, 22, 6, '::'), (2, 53, 17, '127.0.0.53'), "
        "(3, 50000, 17, '0.0.0.0'), (4, 0, 6, '')"
    )
    connection.execute(
        "INSERT INTO processes (pid, name, uid, cmdline) VALUES (1, 'sshd', 0, 'sshd --password=hunter2')"
    )
    connection.execute("INSERT INTO users (uid, username) VALUES (0, 'root')")
    connection.execute(
        "INSERT INTO mounts (path, device, type, blocks, blocks_size) VALUES ('/', '/dev/nvme0n1p1', 'ext4', 100, 4096), "
        "('/proc', 'proc', 'proc', 0, 0)"
    )
    yield connection
    connection.close()


def rows(database, query):
    """What osquery sends for a query: texts, and empty ones for NULL."""
    cursor = database.execute(query.scheduled_sql)
    names = [column[0] for column in cursor.description]
    return [{name: "" if cell is None else str(cell) for name, cell in zip(names, row, strict=True)} for row in cursor]


@pytest.mark.parametrize("query", PACK, ids=IDS)
def test_a_query_runs_and_names_columns_of_its_section(query, database):
    cursor = database.execute(query.scheduled_sql)
    assert tuple(column[0] for column in cursor.description) == query.columns
    shape = shape_of(query.section)
    assert set(query.columns) <= set(shape.columns)
    assert query.columns[0] == shape.label


def test_a_differential_query_differs_at_each_run(database):
    for query in PACK:
        beats = [row for row in rows(database, query) if row[query.columns[0]] == HEARTBEAT]
        assert len(beats) == query.is_differential
        assert all(row[query.columns[1]] == "1764600000" for row in beats)


def test_rows_of_sections_have_no_heartbeat_and_no_secret(database):
    def of(name):
        return section_rows(rows(database, find_query(name)), find_query(name))

    assert of("windlass_packages_deb_linux") == (
        {"name": "openssl", "version": "3.0.13-1", "arch": "amd64", "publisher": "Ubuntu"},
    )
    assert [(row["name"], row["version"]) for row in of("windlass_packages_rpm_linux")] == [
        ("openssl", "1:3.0.7-27.el9"),
        ("bash", "5.1.8-9.el9"),
        ("zlib", "1.2.11-40.el9"),
    ]
    assert of("windlass_listening_ports") == (
        {"port": 22, "protocol": "tcp", "address": "::", "process": "sshd", "user": "root"},
        {"port": 53, "protocol": "udp", "address": "127.0.0.53"},
    )
    assert of("windlass_mounts") == ({"path": "/", "device": "/dev/nvme0n1p1", "type": "ext4", "size_bytes": 409600},)


def test_names_are_unique_and_known_with_a_packs_prefix():
    assert len(set(IDS)) == len(PACK)
    for prefix in ("", "pack_windlass_", "pack/our-pack/", "pack:x:"):
        assert find_query(f"{prefix}windlass_os").section == "os"
    for name in ("windlass_unknown", "processes", "xwindlass_os", "windlass_os2"):
        assert find_query(name) is None


@pytest.mark.parametrize("platform", ["linux", "darwin", "windows"])
def test_each_platform_reads_each_section_once(platform):
    sections = [query.section for query in platform_queries(platform)]
    assert len(set(sections)) == len(sections)
    assert {"os", "kernel", "cpu", "memory", "cloud", "interfaces", "users", "listening_ports"} <= set(sections)
    assert len(platform_queries("")) == len(PACK)


def test_the_configuration_has_osquerys_shape():
    config = agent_config(OsqueryConfig(interval_s=600), 2**61)
    assert config["options"]["schedule_epoch"] == str(2**61)
    assert all(isinstance(value, str) for value in config["options"].values())
    deb, ports = config["schedule"]["windlass_packages_deb_linux"], config["schedule"]["windlass_listening_ports"]
    assert (deb["interval"], deb["platform"], deb["removed"]) == (600, "linux", True)
    assert (ports["interval"], ports["platform"], ports["snapshot"]) == (100, "linux,darwin,windows", True)
    assert pack_file(OsqueryConfig())["queries"].keys() == config["schedule"].keys()


def test_the_flag_file_points_to_the_endpoints():
    flags = dict(
        line.removeprefix("--").split("=", 1)
        for line in flag_file(
            OsqueryConfig(), server="windlass.example:8470", secret_file="/etc/osquery/secret", certificates=""
        ).splitlines()
    )
    assert flags["tls_hostname"] == "windlass.example:8470"
    assert flags["enroll_tls_endpoint"] == "/v1/osquery/enroll"
    assert flags["distributed_tls_write_endpoint"] == "/v1/osquery/distributed/write"
    assert flags["logger_event_type"] == "false"
    assert "tls_server_certs" not in flags
