"""The query pack: one declaration per section and platform. A query's SQL names its columns as the section does.

- A snapshot query sends all of its rows each time. A differential query sends what changed, which suits the long lists of
  packages.
- osquery counts the runs of a query, but reports nothing for a run without a change. So a differential query adds a heartbeat
  row that changes with each run: every run then sends a difference, and a gap in the counters means that a difference was
  lost (osquery: `Query::addNewResults`).
- Rows are DISTINCT: osquery computes differences of bags, and a section is a set.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass

from windlass.osquery.model import Row

__all__ = ["HEARTBEAT", "PACK", "PackQuery", "find_query", "pack_digest", "platform_queries", "section_rows"]

HEARTBEAT = "windlass-heartbeat"
"""The value of the first column of a heartbeat row."""
_PREFIX = "windlass_"
_NAME = re.compile(r"(?:pack.*[_/:])?(windlass_[a-z_]+)")
_INTEGERS = frozenset(
    {"logical_cores", "physical_cores", "total_bytes", "size_bytes", "mtu", "port", "uid", "gid"},
)
_PSEUDO_FILE_SYSTEMS = (
    "autofs binfmt_misc bpf cgroup cgroup2 configfs debugfs devfs devpts devtmpfs efivarfs fusectl hugetlbfs mqueue nsfs "
    "overlay proc pstore ramfs rpc_pipefs securityfs selinuxfs squashfs sysfs tmpfs tracefs"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class PackQuery:
    """A query of the pack. The result of `sql` has the columns of `section`; the first one is never empty."""

    section: str
    sql: str
    platforms: tuple[str, ...]
    is_differential: bool = False
    may_be_empty: bool = True  # False: every host has rows, so none means that the query failed
    every: float = 1.0  # share of the configured interval

    @property
    def name(self) -> str:
        """Return the name in osquery's schedule."""
        suffix = f"_{self.platforms[0]}" if len(self.platforms) == 1 else ""
        return _PREFIX + self.section.replace(".", "_") + suffix

    @property
    def columns(self) -> tuple[str, ...]:
        """Return the names of the result's columns, in order."""
        head = re.split(r"\sFROM\s", self.sql, maxsplit=1)[0]
        return tuple(re.findall(r"(?:AS )?(\w+)(?:,|$)", re.sub(r"\([^()]*\)", "", head)))

    @property
    def scheduled_sql(self) -> str:
        """Return the SQL for the schedule: with a heartbeat row when the query is differential."""
        if not self.is_differential:
            return f"{self.sql};"
        filler = "".join(f", '' AS {name}" for name in self.columns[2:])
        beat = f"'{HEARTBEAT}' AS {self.columns[0]}, CAST(unix_time AS TEXT) AS {self.columns[1]}{filler}"
        return f"{self.sql} UNION ALL SELECT {beat} FROM time;"  # noqa: S608  constants of this module


_ALL = ("linux", "darwin", "windows")
_LINUX, _DARWIN, _WINDOWS = ("linux",), ("darwin",), ("windows",)


def _kernel(platforms: tuple[str, ...], name: str) -> PackQuery:
    sql = f"SELECT '{name}' AS name, version, (SELECT arch FROM os_version) AS arch FROM kernel_info"  # noqa: S608
    return PackQuery(section="kernel", platforms=platforms, may_be_empty=False, sql=sql)


PACK: tuple[PackQuery, ...] = (
    PackQuery(
        section="os",
        platforms=_ALL,
        may_be_empty=False,
        sql="SELECT name, version, platform AS id, platform_like AS id_like, codename, build, arch FROM os_version",
    ),
    _kernel(_LINUX, "Linux"),
    _kernel(_DARWIN, "Darwin"),
    _kernel(_WINDOWS, "Windows"),
    PackQuery(
        section="cpu",
        platforms=_ALL,
        may_be_empty=False,
        sql="SELECT cpu_brand AS brand, cpu_type AS arch, cpu_logical_cores AS logical_cores, "
        "cpu_physical_cores AS physical_cores FROM system_info",
    ),
    PackQuery(
        section="memory",
        platforms=_LINUX,
        may_be_empty=False,
        sql="SELECT 'ram' AS kind, memory_total AS total_bytes FROM memory_info "
        "UNION ALL SELECT 'swap' AS kind, swap_total AS total_bytes FROM memory_info",
    ),
    PackQuery(
        section="memory",
        platforms=("darwin", "windows"),
        may_be_empty=False,
        sql="SELECT 'ram' AS kind, physical_memory AS total_bytes FROM system_info",
    ),
    PackQuery(
        section="hardware",
        platforms=_ALL,
        sql="SELECT hardware_model AS model, hardware_vendor AS vendor, hardware_serial AS serial, uuid "
        "FROM system_info WHERE hardware_model != ''",
    ),
    PackQuery(
        section="cloud",
        platforms=_ALL,
        sql="SELECT instance_id, account_id, region, availability_zone AS zone, instance_type AS type, "
        "ami_id AS image_id FROM ec2_instance_metadata WHERE instance_id != ''",
    ),
    PackQuery(
        section="mounts",
        platforms=("linux", "darwin"),
        may_be_empty=False,
        sql="SELECT DISTINCT path, device, type, blocks * blocks_size AS size_bytes FROM mounts WHERE type NOT IN "  # noqa: S608
        f"({', '.join(repr(name) for name in _PSEUDO_FILE_SYSTEMS.split())})",
    ),
    PackQuery(
        section="interfaces",
        platforms=_ALL,
        may_be_empty=False,
        sql="SELECT DISTINCT d.interface AS name, d.mac AS mac, a.address AS address, a.mask AS mask, d.mtu AS mtu "
        "FROM interface_details d LEFT JOIN interface_addresses a ON a.interface = d.interface "
        "WHERE d.interface NOT LIKE 'veth%'",
    ),
    PackQuery(
        section="packages.deb",
        platforms=_LINUX,
        is_differential=True,
        sql="SELECT DISTINCT name, version, arch, maintainer AS publisher FROM deb_packages "
        "WHERE name != '' AND status LIKE '% ok installed'",
    ),
    PackQuery(
        section="packages.rpm",
        platforms=_LINUX,
        is_differential=True,
        sql="SELECT DISTINCT name, (CASE WHEN epoch > 0 THEN epoch || ':' ELSE '' END) || version || '-' || release "
        "AS version, arch FROM rpm_packages WHERE name != ''",
    ),
    PackQuery(
        section="packages.homebrew",
        platforms=_DARWIN,
        is_differential=True,
        sql="SELECT DISTINCT name, version FROM homebrew_packages WHERE name != ''",
    ),
    PackQuery(
        section="packages.python",
        platforms=_ALL,
        is_differential=True,
        sql="SELECT DISTINCT name, version, path FROM python_packages WHERE name != ''",
    ),
    PackQuery(
        section="packages.npm",
        platforms=_ALL,
        is_differential=True,
        sql="SELECT DISTINCT name, version, path FROM npm_packages WHERE name != ''",
    ),
    PackQuery(
        section="applications",
        platforms=_DARWIN,
        is_differential=True,
        sql="SELECT DISTINCT name, bundle_short_version AS version, path FROM apps WHERE name != ''",
    ),
    PackQuery(
        section="applications",
        platforms=_WINDOWS,
        is_differential=True,
        sql="SELECT DISTINCT name, version, publisher FROM programs WHERE name != ''",
    ),
    PackQuery(
        section="patches",
        platforms=_WINDOWS,
        sql="SELECT DISTINCT hotfix_id AS id, description AS title, 'Installed' AS state, installed_on AS installed_at "
        "FROM patches WHERE hotfix_id != ''",
    ),
    PackQuery(
        section="listening_ports",
        platforms=_ALL,
        every=1 / 6,
        # UDP sockets of clients have high ports that change all the time. Command lines are left out: they hold secrets.
        sql="SELECT DISTINCT l.port AS port, (CASE l.protocol WHEN 6 THEN 'tcp' WHEN 17 THEN 'udp' ELSE l.protocol END) "
        "AS protocol, l.address AS address, p.name AS process, u.username AS user FROM listening_ports l "
        "LEFT JOIN processes p ON p.pid = l.pid LEFT JOIN users u ON u.uid = p.uid "
        "WHERE l.port != 0 AND NOT (l.protocol = 17 AND l.port >= 32768)",
    ),
    PackQuery(
        section="users",
        platforms=_ALL,
        may_be_empty=False,
        sql="SELECT DISTINCT username AS name, uid, gid, directory AS home, shell, description FROM users "
        "WHERE username != ''",
    ),
    PackQuery(
        section="services",
        platforms=_LINUX,
        sql="SELECT DISTINCT id AS name, description AS title, active_state AS state, user, fragment_path AS path "
        "FROM systemd_units WHERE id LIKE '%.service' AND load_state = 'loaded'",
    ),
    PackQuery(
        section="services",
        platforms=_WINDOWS,
        may_be_empty=False,
        sql="SELECT DISTINCT name, display_name AS title, status AS state, start_type AS start, user_account AS user, "
        "path FROM services",
    ),
)
_BY_NAME = {query.name: query for query in PACK}


def find_query(name: str) -> PackQuery | None:
    """Return the query of a result's name: as it is in the schedule, or with the prefix of a pack. None for others."""
    match = _NAME.fullmatch(name)
    return _BY_NAME.get(match.group(1)) if match else None


def platform_queries(platform: str) -> tuple[PackQuery, ...]:
    """Return the queries of a platform; all of them when the platform is not known, because osquery filters by platform itself."""
    return tuple(query for query in PACK if platform in query.platforms or platform not in _ALL)


def pack_digest() -> int:
    """Return a number below 2**31 that changes with the SQL of the pack.

    osquery restarts the counter of a query whose SQL changed, but sends a difference: the epoch must change with it.
    """
    texts = "\n".join(f"{query.name} {query.scheduled_sql}" for query in PACK)
    return int.from_bytes(hashlib.sha256(texts.encode()).digest()[:4], "big") >> 1


def section_rows(rows: Iterable[Row], query: PackQuery) -> tuple[dict[str, str | int], ...]:
    """Return the rows of a result as rows of its section: without heartbeats and empty values, with integers."""
    label = query.columns[0]
    return tuple(
        {
            name: int(value) if name in _INTEGERS and value.lstrip("-").isdecimal() else value
            for name, value in row.items()
            if value != ""
        }
        for row in rows
        if row.get(label, "") not in ("", HEARTBEAT)
    )
