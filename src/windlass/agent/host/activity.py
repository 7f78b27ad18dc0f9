"""Listening ports, users and services."""

from __future__ import annotations

import os
import platform
import pwd
import re
import socket
from typing import Any, Dict, Iterator

from .commands import has_program, output_of, read_text

__all__ = ["listening_ports", "parse_lsof", "parse_sockets", "parse_units", "services", "users"]

Row = Dict[str, Any]
_LISTEN = "0A"  # include/net/tcp_states.h: TCP_LISTEN
_FIRST_EPHEMERAL_PORT = 32768  # UDP sockets of clients are above it and change all the time


def listening_ports() -> list[Row]:
    """Return listening sockets with their process and user. Processes of other users are visible to root only."""
    if platform.system() == "Darwin":
        return parse_lsof(output_of("lsof", "-nP", "-iTCP", "-sTCP:LISTEN", "-F", "pcLn"))
    processes = _socket_processes()
    rows = []
    for name in ("tcp", "tcp6", "udp", "udp6"):
        for address, port, uid, inode in parse_sockets(read_text("/proc/net/" + name), name[:3]):
            row: Row = {"protocol": name[:3], "address": address, "port": port, "user": _user(uid)}
            if inode in processes:
                row["process"] = processes[inode]
            if row not in rows:
                rows.append(row)
    return rows


def parse_sockets(text: str, protocol: str) -> Iterator[tuple[str, int, int, str]]:
    """Yield address, port, user ID and inode of the listening sockets of a /proc/net file (proc(5))."""
    for line in text.splitlines()[1:]:
        parts = line.split()
        if len(parts) < 10:
            continue
        digits, _, port_text = parts[1].partition(":")
        port = int(port_text, 16)
        is_listening = parts[3] == _LISTEN if protocol == "tcp" else port < _FIRST_EPHEMERAL_PORT
        if port and is_listening:
            yield _address(digits), port, int(parts[7]), parts[9]


def _address(digits: str) -> str:
    """Return the address of /proc/net: 32-bit words in the byte order of the host (little-endian everywhere we run)."""
    raw = bytes.fromhex(digits)
    swapped = b"".join(raw[at : at + 4][::-1] for at in range(0, len(raw), 4))
    return socket.inet_ntop(socket.AF_INET if len(raw) == 4 else socket.AF_INET6, swapped)


def _socket_processes() -> dict[str, str]:
    names: dict[str, str] = {}
    for process in filter(str.isdigit, os.listdir("/proc")):
        folder = "/proc/%s/fd" % process
        try:
            for descriptor in os.listdir(folder):
                match = re.match(r"socket:\[(\d+)\]", os.readlink(os.path.join(folder, descriptor)))
                if match:
                    names[match.group(1)] = read_text("/proc/%s/comm" % process)
        except OSError:
            continue  # another user's process, or one that has ended
    return names


def parse_lsof(text: str) -> list[Row]:
    """Read `lsof -F pcLn`: lines that begin with the letter of their field."""
    rows: list[Row] = []
    process, user = "", ""
    for line in text.splitlines():
        field, value = line[:1], line[1:]
        if field == "p":
            process, user = "", ""
        elif field == "c":
            process = value
        elif field == "L":
            user = value
        elif field == "n":
            address, _, port = value.rpartition(":")
            if not port.isdigit():
                continue
            address = {"*": "0.0.0.0"}.get(address, address.strip("[]"))  # noqa: S104  what it listens on
            row = {"protocol": "tcp", "address": address, "port": int(port), "process": process, "user": user}
            if row not in rows:
                rows.append(row)
    return rows


def users() -> list[Row]:
    """Return the users of the host: names and home folders, no passwords."""
    return [
        {
            "name": user.pw_name,
            "uid": user.pw_uid,
            "gid": user.pw_gid,
            "home": user.pw_dir,
            "shell": user.pw_shell,
            "description": user.pw_gecos,
        }
        for user in pwd.getpwall()
    ]


def services() -> list[Row] | None:
    """Return systemd's loaded services. None on a host without systemd."""
    if not has_program("systemctl") or not os.path.isdir("/run/systemd/system"):
        return None
    return parse_units(
        output_of("systemctl", "list-units", "--type=service", "-a", "--plain", "--no-legend", "--no-pager")
    )


def parse_units(text: str) -> list[Row]:
    """Read `systemctl list-units --plain --no-legend`: unit, load, active, sub, description."""
    rows = []
    for line in text.splitlines():
        parts = line.split(None, 4)
        if len(parts) >= 4 and parts[1] == "loaded":
            rows.append({"name": parts[0], "state": parts[2], "title": parts[4] if len(parts) > 4 else ""})
    return rows


def _user(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)
